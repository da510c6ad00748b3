/* SPDX-License-Identifier: ISC */
/* Who holds an address, and what a claim may not be beside: keys, ports, bars. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gaps.h"

int
why_set(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, WHY_LEN, format, ap);
	va_end(ap);
	return -1;
}

struct hold *
hold_find(const struct used *used, const char *service)
{
	struct hold *hold;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (strcmp(hold->holder->name, service) == 0)
			return hold;
	}
	return NULL;
}

static const char *
port_name(const struct object_port *port, char *out, size_t size)
{
	static const char *const names[] = { "TCP", "UDP", "SCTP" };

	snprintf(out, size, "%s/%u",
	    port->protocol < 3 ? names[port->protocol] : "?", port->number);
	return out;
}

static bool
port_equal(const struct object_port *a, const struct object_port *b)
{
	return a->number == b->number && a->protocol == b->protocol;
}

const struct object_port *
hold_clash(const struct hold *hold, const struct alloc_claim *claim)
{
	size_t i, j;

	for (i = 0; i < hold->port_count; i++) {
		for (j = 0; j < claim->port_count; j++) {
			if (port_equal(&hold->ports[i], &claim->ports[j]))
				return &claim->ports[j];
		}
	}
	return NULL;
}

bool
hold_is_anothers(const struct hold *hold, const char *service)
{
	return hold->held == HELD_GIVEN &&
	       strcmp(hold->holder->name, service) != 0;
}

const struct object_port *
ports_clash(const struct used *used, const struct alloc_claim *claim,
    const struct hold **other)
{
	const struct object_port *port;
	const struct hold *hold;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (!hold_is_anothers(hold, claim->service) ||
		    (port = hold_clash(hold, claim)) == NULL)
			continue;
		*other = hold;
		return port;
	}
	return NULL;
}

const struct hold *
hold_of_other(const struct used *used, const char *service)
{
	const struct hold *hold;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (hold_is_anothers(hold, service))
			return hold;
	}
	return NULL;
}

/* Another's, that is not given the address; NULL: there is none. */
static const struct hold *
bar_find(const struct used *used, const char *service)
{
	const struct hold *hold;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (hold->held != HELD_GIVEN &&
		    strcmp(hold->holder->name, service) != 0)
			return hold;
	}
	return NULL;
}

const struct hold *
hold_that_bars(const struct used *used, const struct alloc_claim *claim)
{
	return claim->told ? NULL : bar_find(used, claim->service);
}

bool
keys_agree(const struct used *used, const struct alloc_claim *claim)
{
	return used->sharing[0] != '\0' &&
	       strcmp(used->sharing, or_empty(claim->sharing)) == 0 &&
	       strcmp(used->backend, or_empty(claim->backend)) == 0;
}

static int
bar_check(const struct used *used, const struct alloc_claim *claim, char *why)
{
	const struct hold *bar = hold_that_bars(used, claim);
	char addr[ADDR_LEN];

	if (bar == NULL)
		return 0;
	if (strcmp(bar->holder->name, ALLOC_STRANGER) == 0)
		return why_set(why,
		    "address %s is in use by a host that is none of our nodes",
		    addr_text(&used->addr, addr));
	return why_set(why,
	    "address %s was let go by \"%s\", whose status says it yet",
	    addr_text(&used->addr, addr), bar->holder->name);
}

int
claim_fits(const struct used *used, const struct alloc_claim *claim, char *why)
{
	const struct hold *other = hold_of_other(used, claim->service);
	const char *sharing = or_empty(claim->sharing);
	const struct object_port *port;
	char addr[ADDR_LEN], name[32];

	addr_text(&used->addr, addr);
	if (other == NULL)
		return bar_check(used, claim, why);
	if (sharing[0] == '\0' || used->sharing[0] == '\0')
		return why_set(why,
		    "can't change sharing key for \"%s\": "
		    "address %s is already in use by \"%s\", "
		    "and both must say the same "
		    "allow-shared-ip to share it",
		    claim->service, addr, other->holder->name);
	if (strcmp(sharing, used->sharing) != 0)
		return why_set(why,
		    "address %s is in use by \"%s\" with "
		    "another allow-shared-ip (\"%s\", not "
		    "\"%s\")",
		    addr, other->holder->name, used->sharing, sharing);
	if (strcmp(or_empty(claim->backend), used->backend) != 0)
		return why_set(why,
		    "address %s is shared by \"%s\", whose "
		    "externalTrafficPolicy or selector "
		    "differs",
		    addr, other->holder->name);
	port = ports_clash(used, claim, &other);
	if (port != NULL)
		return why_set(why, "port %s is already in use on %s by \"%s\"",
		    port_name(port, name, sizeof(name)), addr,
		    other->holder->name);
	return bar_check(used, claim, why);
}

bool
claim_loosens(const struct alloc_claim *claim, const struct used *used,
    const struct hold *hold)
{
	size_t i, k;

	if (hold->held != HELD_GIVEN ||
	    strcmp(used->sharing, or_empty(claim->sharing)) != 0 ||
	    strcmp(used->backend, or_empty(claim->backend)) != 0)
		return true;
	for (i = 0; i < hold->port_count; i++) {
		for (k = 0; k < claim->port_count; k++) {
			if (port_equal(&hold->ports[i], &claim->ports[k]))
				break;
		}
		if (k == claim->port_count)
			return true;
	}
	return false;
}
