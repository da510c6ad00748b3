/* SPDX-License-Identifier: ISC */
/* The addresses of Services: given, waited for, let go, as MetalLB does. */

/*
 * Two steps, so that at the start every Service asks for what it held before
 * any other is given something new: `keep` (keep.c) for all, then `give` for all.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "publish.h"
#include "text.h"

#define WHY_MAX	  500
#define HOLDS_MAX 8 /* looked at in one go */

int
addresses_read(const char *text, struct bgpd_addr *addrs, size_t *count)
{
	char copy[ADDRESSES_LEN + 16], *rest = copy, *word;

	*count = 0;
	if (strlen(text) >= sizeof(copy))
		return -1;
	strcpy(copy, text);
	while ((word = strsep(&rest, ", ")) != NULL) {
		if (*word == '\0')
			continue;
		if (*count == SERVICE_IPS || !tree_addr(word, &addrs[*count]))
			return -1;
		(*count)++;
	}
	if (*count == 2 && addrs[0].family == addrs[1].family)
		return -1;
	return *count > 0 ? 0 : -1;
}

const char *
addresses_write(const struct service *s, char *out)
{
	char text[ADDR_LEN];
	size_t i;

	out[0] = '\0';
	for (i = 0; i < s->address_count; i++) {
		if (i > 0)
			strcat(out, ",");
		strcat(out, addr_text(&s->addresses[i], text));
	}
	return out;
}

void
assign_set_why(struct service *s, const char *why)
{
	char *copy = k8s_copy(why);

	/* What a status takes, and no half of a character. */
	if (copy != NULL)
		copy[text_fit(copy, WHY_MAX)] = '\0';
	free(s->why);
	s->why = copy;
}

void
assign_claim(const struct service *s, struct alloc_claim *claim)
{
	const struct object_service *o = s->object;

	memset(claim, 0, sizeof(*claim));
	claim->service = s->name;
	claim->sharing = o->sharing;
	claim->backend = o->selector;
	claim->ports = o->ports;
	claim->port_count = o->port_count;
	claim->pool = o->wanted == NULL ? o->pool : NULL;
	claim->family = o->family_count == 1 ? o->families[0] : 0;
	claim->both = o->family_count == 2 && o->both;
}

static bool
addresses_have(
    const struct bgpd_addr *addrs, size_t count, const struct bgpd_addr *addr)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (addr_same(&addrs[i], addr))
			return true;
	}
	return false;
}

bool
addresses_equal(const struct bgpd_addr *a, size_t a_count,
    const struct bgpd_addr *b, size_t b_count)
{
	size_t i;

	for (i = 0; i < a_count; i++) {
		if (!addresses_have(b, b_count, &a[i]))
			return false;
	}
	return a_count == b_count;
}

bool
assign_is_said(const struct service *s, const struct bgpd_addr *addr)
{
	const struct object_service *o = s->object;

	return addresses_have(o->status, o->status_count, addr);
}

bool
assign_is_told(const struct service *s)
{
	return addresses_equal(s->addresses, s->address_count,
	    s->object->status, s->object->status_count);
}

void
assign_wake(struct cluster *c, const struct bgpd_addr *addr)
{
	const char *sharing, *backend;

	if (alloc_room(c->alloc, addr, &sharing, &backend))
		waiters_wake(c->waiters, addr, alloc_pool(c->alloc, addr),
		    sharing, backend);
}

/* What is freed here may be given to others: who waits for it is woken. */
static void
address_free(
    struct cluster *c, const struct service *s, const struct bgpd_addr *addr)
{
	alloc_release(c->alloc, s->name, addr);
	assign_wake(c, addr);
}

/* May the status of the Service say the address, now or when a write lands? */
static bool
status_may_say(const struct cluster *c, const struct service *s,
    const struct bgpd_addr *addr)
{
	if (c->publisher == NULL || s->object == NULL)
		return false;
	return s->unsure || s->publish == PUBLISH_UNDER_WAY ||
	       assign_is_said(s, addr);
}

/* It has the address no more. */
static void
address_part(
    struct cluster *c, const struct service *s, const struct bgpd_addr *addr)
{
	if (status_may_say(c, s, addr))
		alloc_note(c->alloc, s->name, addr);
	else
		address_free(c, s, addr);
}

void
assign_trim(struct cluster *c, struct service *s)
{
	struct bgpd_addr held[HOLDS_MAX];
	size_t i, n;

	n = alloc_addresses(c->alloc, s->name, held, HOLDS_MAX);
	for (i = 0; i < n; i++) {
		if (!addresses_have(s->addresses, s->address_count, &held[i]))
			address_part(c, s, &held[i]);
	}
}

void
assign_note(struct cluster *c, const struct service *s)
{
	const struct object_service *o = s->object;
	uint8_t i;

	for (i = 0; c->publisher != NULL && i < o->status_count; i++) {
		if (!alloc_is_owner(c->alloc, s->name, &o->status[i]))
			alloc_note(c->alloc, s->name, &o->status[i]);
	}
}

/* Lets all its addresses go. */
void
assign_release(struct cluster *c, struct service *s)
{
	s->address_count = 0;
	s->confirmed = false;
	assign_trim(c, s);
}

/* The state file is the truth where no status can be written. */
static void
record_put(struct cluster *c, const struct service *s)
{
	char value[ADDRESSES_LEN];

	if (c->journal != NULL)
		journal_put(c->journal, s->name, addresses_write(s, value));
}

static void
record_remove(struct cluster *c, const struct service *s)
{
	if (c->journal != NULL)
		journal_remove(c->journal, s->name);
}

/* Giving ------------------------------------------------------------------------- */

/* Until it is another Service itself. */
static int
give_never(struct cluster *c, struct service *s, const char *why)
{
	assign_set_why(s, why);
	waiters_remove(c->waiters, s->name);
	return -1;
}

static int
give_wanted(struct cluster *c, struct service *s, struct alloc_claim *claim)
{
	struct bgpd_addr wanted[SERVICE_IPS];
	size_t i, n;

	if (addresses_read(s->object->wanted, wanted, &n) == -1)
		return give_never(c, s, "the address asked for is not one");
	/* As MetalLB; and else it would be let go as soon as it is looked at. */
	if (!families_fit(s->object, wanted, n))
		return give_never(c, s,
		    "the addresses asked for are not of the families that "
		    "the Service has, or not of both that it requires");
	for (i = 0; i < n; i++) {
		claim->told = assign_is_said(s, &wanted[i]);
		if (alloc_take(c->alloc, claim, &wanted[i]) == -1) {
			assign_set_why(s, alloc_why(c->alloc));
			assign_release(c, s);
			waiters_add(c->waiters, claim, &wanted[i]);
			return -1;
		}
		s->addresses[s->address_count++] = wanted[i];
	}
	return 0;
}

static int
give_one(struct cluster *c, struct service *s, struct alloc_claim *claim)
{
	if (alloc_any(c->alloc, claim, &s->addresses[s->address_count]) == -1)
		return -1;
	s->address_count++;
	return 0;
}

/* Both families out of one pool; -1: that pool has not both. */
static int
give_both_from(struct cluster *c, struct service *s, struct alloc_claim *claim)
{
	size_t i;

	for (i = 0; i < s->object->family_count; i++) {
		claim->family = s->object->families[i];
		if (give_one(c, s, claim) == -1)
			break;
	}
	if (i == s->object->family_count)
		return 0;
	/* It held these for no time at all: nobody is to be woken. */
	for (i = 0; i < s->address_count; i++) {
		if (status_may_say(c, s, &s->addresses[i]))
			alloc_note(c->alloc, s->name, &s->addresses[i]);
		else
			alloc_release(c->alloc, s->name, &s->addresses[i]);
	}
	s->address_count = 0;
	return -1;
}

/* Two families: from one pool; else, unless both are required, one of them. */
static int
give_both(struct cluster *c, struct service *s, struct alloc_claim *claim)
{
	const char *asked = claim->pool;
	const struct config_pool *pool;
	size_t i;

	for (i = 0; i < c->config->pool_count; i++) {
		pool = &c->config->pools[i];
		if (asked == NULL ? !pool->auto_assign
				  : strcmp(asked, pool->name) != 0)
			continue;
		claim->pool = pool->name;
		if (give_both_from(c, s, claim) == 0)
			return 0;
	}
	claim->pool = asked;
	for (i = 0; i < s->object->family_count && !s->object->both; i++) {
		claim->family = s->object->families[i];
		if (give_one(c, s, claim) == 0)
			return 0;
	}
	claim->family = 0;
	return -1;
}

/* Nothing that it lacks: true. Else it waits, and says why. */
static bool
give(struct cluster *c, struct service *s)
{
	struct alloc_claim claim;
	int rc;

	assign_claim(s, &claim);
	if (s->object->wanted != NULL)
		return give_wanted(c, s, &claim) == 0;
	if (s->object->family_count == 2)
		rc = give_both(c, s, &claim);
	else
		rc = give_one(c, s, &claim);
	if (rc == 0)
		return true;
	assign_set_why(s, s->object->both && s->object->family_count == 2
			      ? "no pool has a free address of both families"
			      : alloc_why(c->alloc));
	waiters_add(c->waiters, &claim, NULL);
	return false;
}

/*
 * Of two families it has one, for want of the other: if the pool has both now, it
 * gets both (PreferDualStack). The one that it has stays announced.
 */
void
assign_second(struct cluster *c, struct service *s)
{
	const struct object_service *o = s->object;
	const struct config_pool *pool;
	struct alloc_claim claim;

	if (s->address_count != 1 || o->family_count != 2 ||
	    o->wanted != NULL ||
	    (pool = alloc_pool(c->alloc, &s->addresses[0])) == NULL)
		return;
	assign_claim(s, &claim);
	claim.pool = pool->name;
	claim.family = s->addresses[0].family == 4 ? 6 : 4;
	if (give_one(c, s, &claim) == -1)
		return;
	s->confirmed = false;
	record_put(c, s);
}

enum gave
assign_give(struct cluster *c, struct service *s)
{
	enum gave gave = GAVE_NOTHING;
	char before[WHY_MAX + 1] = "";

	if (s->address_count == 0) {
		if (s->why != NULL)
			snprintf(before, sizeof(before), "%s", s->why);
		if (!give(c, s)) {
			record_remove(c, s);
			return strcmp(before, s->why) != 0 ? GAVE_REASON
							   : GAVE_NOTHING;
		}
		s->claimed = true;
		s->confirmed = false;
		gave = GAVE_ADDRESSES;
	}
	s->conflict = false;
	assign_set_why(s, NULL);
	waiters_remove(c->waiters, s->name);
	record_put(c, s);
	return gave;
}

void
assign_end(struct cluster *c, struct service *s)
{
	assign_release(c, s);
	waiters_remove(c->waiters, s->name);
	record_remove(c, s);
	assign_set_why(s, NULL);
	s->known_count = 0;
	/* What comes under this name again is another one. */
	s->claimed = c->journal != NULL;
}
