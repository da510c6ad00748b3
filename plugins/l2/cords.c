/* SPDX-License-Identifier: ISC */
/* A cord to each other node: where it is spoken to, and whether BFD says it lives. */

/*
 * A node is spoken to at the first of its addresses that a subnet of ours has, on
 * that interface, by BFD of a single hop (RFC 5881 5); where no subnet has any,
 * over routes, multihop. The interface is the one that carries the addresses: a
 * node whose own has no link is not alive for what it carries there.
 */

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cord.h"

#define GREET_MS      100 /* who is not up is asked for: at first, and then */
#define GREETS	      30
#define GREET_SLOW_MS 1000

struct cords {
	struct bgpd_timer *greet;
	unsigned greets; /* quick ones that are left */
};

/*
 * Nodes that are not up are asked for by ARP and ND: the kernel, which does it as
 * soon as there is something to send, may wait for a second between two tries,
 * and until then one of the two hears the other and is not heard.
 */
static void
on_greet(void *arg)
{
	struct l2 *l2 = arg;
	struct cords *cords = l2->cords;
	struct mate *mate;
	bool any = false;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->cord == NULL || mate->cord->ifindex == 0 ||
		    mate->cord->live == BGPD_BFD_UP)
			continue;
		carrier_greet(
		    l2->carrier, mate->cord->interface, &mate->cord->addr);
		any = any || mate->cord->bfd != NULL;
	}
	if (cords->greets > 0)
		cords->greets--;
	if (any)
		l2->host->timer_start(
		    cords->greet, cords->greets > 0 ? GREET_MS : GREET_SLOW_MS);
}

/* Somebody is not up, or the way there may be another. */
static void
cords_greet(struct l2 *l2)
{
	l2->cords->greets = GREETS;
	l2->host->timer_start(l2->cords->greet, 0);
}

static const uint8_t live_of[] = {
	[BGPD_BFD_DOWN] = OWNERS_DOWN,
	[BGPD_BFD_UP] = OWNERS_UP,
	[BGPD_BFD_NOT_YET] = OWNERS_NEVER,
	[BGPD_BFD_ADMIN] = OWNERS_ADMIN_DOWN,
};

static void
on_live(void *arg, int state, const char *why)
{
	struct cord *cord = arg;
	struct l2 *l2 = cord->l2;
	bool was_up = cord->live == BGPD_BFD_UP;

	snprintf(cord->why, sizeof(cord->why), "%s", why == NULL ? "" : why);
	if (state == cord->live)
		return;
	/* It was never up: nothing has failed. */
	if (state == BGPD_BFD_DOWN && cord->live == BGPD_BFD_NOT_YET)
		return;
	cord->live = state;
	if (state != BGPD_BFD_UP)
		cords_greet(l2);
	if (was_up)
		witness_hurry(l2);
	if (state == BGPD_BFD_UP)
		carrier_meet_fellows(l2->carrier);
	owners_spoke(l2->owners, cord->mate->name, cord_heard_us(cord));
	owners_liveness(
	    l2->owners, cord->mate->name, live_of[state], carrier_now_us());
	l2_settle(l2);
}

/* By other intervals the session is shared with the old one: it stays up. */
static void
cord_watch(struct cord *cord, const struct owners_config *want)
{
	struct bgpd_bfd_options options = { .abi = BGPD_ABI,
		.size = sizeof(options) };
	struct bgpd_bfd *old = cord->bfd;
	struct l2 *l2 = cord->l2;

	cord->interval_ms = want->interval_ms;
	cord->multiplier = want->multiplier;
	options.peer = cord->addr;
	options.interface = cord->ifindex == 0 ? NULL : cord->interface;
	options.interval_us = cord->interval_ms * 1000;
	options.multiplier = (uint8_t)cord->multiplier;
	cord->live = BGPD_BFD_NOT_YET;
	cord->bfd = l2->host->bfd_new(l2->self, &options, on_live, cord);
	if (old != NULL)
		l2->host->bfd_free(old);
}

static void
cord_unwatch(struct cord *cord)
{
	struct l2 *l2 = cord->l2;

	if (cord->bfd == NULL)
		return;
	l2->host->bfd_free(cord->bfd);
	cord->bfd = NULL;
	cord->live = BGPD_BFD_NOT_YET;
	owners_liveness(
	    l2->owners, cord->mate->name, OWNERS_NEVER, carrier_now_us());
}

void
cord_free(struct cord *cord)
{
	if (cord == NULL)
		return;
	if (cord->bfd != NULL)
		cord->l2->host->bfd_free(cord->bfd);
	free(cord);
}

/* Where a node is best spoken to: the first address of a subnet of ours. */
static bool
mate_locate(
    struct l2 *l2, const struct mate *mate, struct bgpd_addr *addr, char *name)
{
	unsigned i;

	for (i = 0; i < mate->addr_count; i++) {
		*addr = mate->addrs[i];
		if (carrier_locate(l2->carrier, addr, name))
			return true;
	}
	*addr = mate->addrs[0];
	name[0] = '\0';
	return false;
}

static void
cord_apply(struct l2 *l2, struct mate *mate)
{
	const struct owners_config *want = &l2->knobs.owner;
	bool watched = owners_watches(l2->owners, mate->name);
	struct cord *cord = mate->cord;
	struct bgpd_addr addr;
	char name[16] = "";

	mate_locate(l2, mate, &addr, name);
	if (cord == NULL) {
		cord = mate->cord = l2_alloc(sizeof(*cord));
		cord->l2 = l2;
		cord->mate = mate;
		cord->live = BGPD_BFD_NOT_YET;
	}
	if (!l2_addr_equal(&cord->addr, &addr) ||
	    strcmp(cord->interface, name) != 0 || !watched)
		cord_unwatch(cord);
	cord->addr = addr;
	strcpy(cord->interface, name);
	cord->ifindex = name[0] == '\0' ? 0 : (int)if_nametoindex(name);
	if (watched &&
	    (cord->bfd == NULL || cord->interval_ms != want->interval_ms ||
		cord->multiplier != want->multiplier))
		cord_watch(cord, want);
}

void
cords_apply(struct l2 *l2)
{
	struct mate *mate;

	mesh_apply(l2);
	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->addr_count > 0 && strcmp(mate->name, l2->crew.self)) {
			cord_apply(l2, mate);
			continue;
		}
		cord_free(mate->cord);
		mate->cord = NULL;
	}
	cords_greet(l2);
}

bool
cords_are_linked(struct l2 *l2)
{
	struct mate *mate;
	bool any = false;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->cord == NULL || mate->cord->ifindex == 0)
			continue;
		if (carrier_is_linked(l2->carrier, mate->cord->interface))
			return true;
		any = true;
	}
	return !any;
}

int64_t
cord_heard_us(const struct cord *cord)
{
	if (cord == NULL || cord->bfd == NULL)
		return INT64_MIN;
	return cord->l2->host->bfd_heard_us(cord->bfd);
}

void
cord_get(const struct cord *cord, struct cord_view *view)
{
	static const char *const words[] = { "down", "up", "never", "admin" };

	view->addr = cord->addr;
	strcpy(view->interface, cord->interface);
	view->live = cord->bfd == NULL ? "unwatched" : words[cord->live];
	view->why = cord->why;
	view->in = cord->in;
	view->out = cord->out;
}

void
cords_open(struct l2 *l2)
{
	l2->cords = l2_alloc(sizeof(*l2->cords));
	l2->cords->greet = l2->host->timer_new(l2->self, on_greet, l2);
}

void
cords_close(struct l2 *l2)
{
	l2->host->timer_free(l2->cords->greet);
	free(l2->cords);
	l2->cords = NULL;
}
