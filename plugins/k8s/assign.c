/* SPDX-License-Identifier: ISC */
/* The addresses of Services: kept, given, waited for, as MetalLB does. */

/*
 * Two steps, so that at the start every Service asks for what it held before
 * any other is given something new: `keep` for all, then `give` for all.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publish.h"
#include "text.h"

#define WHY_MAX	  500
#define HOLDS_MAX 8 /* looked at in one go */
#define VALUE_MAX (SERVICE_IPS * (ADDR_LEN + 1))

/* A list of addresses in text, by comma and spaces; -1: it is none. */
static int
addresses_read(const char *text, struct bgpd_addr *addrs, size_t *count)
{
	char copy[VALUE_MAX + 16], *rest = copy, *word;

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

static void
addresses_write(const struct service *s, char *value)
{
	char text[ADDR_LEN];
	size_t i;

	value[0] = '\0';
	for (i = 0; i < s->address_count; i++) {
		if (i > 0)
			strcat(value, ",");
		strcat(value, addr_text(&s->addresses[i], text));
	}
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

static bool
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

/* What is freed here may be given to others: who waits for it is woken. */
static void
address_free(
    struct cluster *c, const struct service *s, const struct bgpd_addr *addr)
{
	const struct config_pool *pool = alloc_pool(c->alloc, addr);

	alloc_release(c->alloc, s->name, addr);
	waiters_wake(c->waiters, addr, pool);
	c->freed = true;
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

/*
 * Frees what the Service holds and has no more. An address that its status still
 * says, or may come to say, is nobody else's until that is over: else two
 * statuses would say it.
 */
static void
holds_trim(struct cluster *c, struct service *s)
{
	struct bgpd_addr held[HOLDS_MAX];
	size_t i, n;

	n = alloc_addresses(c->alloc, s->name, held, HOLDS_MAX);
	for (i = 0; i < n; i++) {
		if (!addresses_have(s->addresses, s->address_count, &held[i]) &&
		    !status_may_say(c, s, &held[i]))
			address_free(c, s, &held[i]);
	}
}

/* Lets all its addresses go. */
void
assign_release(struct cluster *c, struct service *s)
{
	s->address_count = 0;
	s->confirmed = false;
	holds_trim(c, s);
}

/* The state file is the truth where no status can be written. */
static void
record_put(struct cluster *c, const struct service *s)
{
	char value[VALUE_MAX];

	if (c->journal == NULL)
		return;
	addresses_write(s, value);
	journal_put(c->journal, s->name, value);
}

static void
record_remove(struct cluster *c, const struct service *s)
{
	if (c->journal != NULL)
		journal_remove(c->journal, s->name);
}

/* Keeping ---------------------------------------------------------------------- */

/* What it held when it was last seen: by our state, else by its status. */
static void
assign_recall(struct cluster *c, struct service *s)
{
	const struct object_service *o = s->object;
	const char *value =
	    c->journal == NULL ? NULL : journal_find(c->journal, s->name);
	size_t n = 0;

	s->claimed = true;
	if (value != NULL && addresses_read(value, s->addresses, &n) == 0) {
		s->address_count = (uint8_t)n;
		return;
	}
	memcpy(s->addresses, o->status, sizeof(s->addresses));
	s->address_count = o->status_count;
}

/* Are the addresses the wanted ones, in any order? */
static bool
wanted_fits(const struct service *s)
{
	struct bgpd_addr wanted[SERVICE_IPS];
	size_t n;

	return s->object->wanted == NULL ||
	       (addresses_read(s->object->wanted, wanted, &n) == 0 &&
		   addresses_equal(wanted, n, s->addresses, s->address_count));
}

/* The annotation moves a Service (since 0.8). */
static bool
pool_fits(struct cluster *c, const struct service *s)
{
	const struct config_pool *pool;
	size_t i;

	if (s->object->pool == NULL || s->object->wanted != NULL)
		return true;
	for (i = 0; i < c->config->pool_count; i++) {
		if (strcmp(c->config->pools[i].name, s->object->pool) == 0)
			break;
	}
	/* A pool of another name in the place of its own moves nobody. */
	if (i == c->config->pool_count)
		return true;
	for (i = 0; i < s->address_count; i++) {
		pool = alloc_pool(c->alloc, &s->addresses[i]);
		if (pool == NULL || strcmp(pool->name, s->object->pool) != 0)
			return false;
	}
	return true;
}

static bool
families_fit(const struct service *s)
{
	const struct object_service *o = s->object;
	size_t i, k;

	if (o->family_count == 0)
		return true;
	if (s->address_count < o->family_count && o->both)
		return false;
	for (i = 0; i < s->address_count; i++) {
		for (k = 0; k < o->family_count; k++) {
			if (s->addresses[i].family == o->families[k])
				break;
		}
		if (k == o->family_count)
			return false;
	}
	return true;
}

/* Whose is the address? Who was told of it, then who is older, then by name. */
static bool
is_first(const struct service *s, const struct service *other,
    const struct bgpd_addr *addr)
{
	if (assign_is_said(s, addr) != assign_is_said(other, addr))
		return assign_is_said(s, addr);
	if (s->object->created != other->object->created)
		return s->object->created < other->object->created;
	return strcmp(s->name, other->name) < 0;
}

/*
 * Two that hold one address and may not share it, which two allocators that
 * knew nothing of each other can make: the younger ones move. False: the
 * Service itself is the younger.
 */
static bool
evict_younger(
    struct cluster *c, struct service *s, const struct bgpd_addr *addr)
{
	char text[ADDR_LEN];
	struct service *other;
	const char *name;

	addr_text(addr, text);
	name = alloc_other(c->alloc, s->name, addr);
	other = name == NULL ? NULL : cluster_find(c, name);
	if (other == NULL || other->object == NULL)
		return false;
	if (is_first(other, s, addr)) {
		publish_conflict(c, s, text, other->name);
		return false;
	}
	publish_conflict(c, other, text, s->name);
	assign_release(c, other);
	/* Its status says it still, as ours does: that is the conflict. */
	alloc_release(c->alloc, other->name, addr);
	service_touch(c, other);
	return true;
}

/* Takes one that it says it has; the age decides where nobody has told yet. */
static bool
keep_one(struct cluster *c, struct service *s, const struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	bool held = alloc_is_owner(c->alloc, s->name, addr);

	while (alloc_take(c->alloc, claim, addr) == -1) {
		/* The journal knows of no two that have one address. */
		if (held || c->journal != NULL || !evict_younger(c, s, addr))
			return false;
	}
	return true;
}

static bool
service_fits(struct cluster *c, const struct service *s)
{
	return wanted_fits(s) && pool_fits(c, s) && families_fit(s);
}

/*
 * Its address was told, and now the status says another: somebody has written it,
 * or the cluster was set back in time. What the cluster says counts, as with
 * MetalLB, if the Service may have that; else its status is written again.
 */
static void
assign_adopt(struct cluster *c, struct service *s)
{
	const struct object_service *o = s->object;
	struct bgpd_addr was[SERVICE_IPS];
	struct alloc_claim claim;
	uint8_t i, was_count = s->address_count;

	if (c->publisher == NULL || !s->confirmed || o->status_count == 0 ||
	    s->address_count == 0 || assign_is_told(s))
		return;
	memcpy(was, s->addresses, sizeof(was));
	memcpy(s->addresses, o->status, sizeof(s->addresses));
	s->address_count = o->status_count;
	assign_claim(s, &claim);
	for (i = 0; service_fits(c, s) && i < s->address_count; i++) {
		if (alloc_take(c->alloc, &claim, &s->addresses[i]) == -1)
			break;
	}
	if (i == s->address_count)
		return;
	memcpy(s->addresses, was, sizeof(s->addresses));
	s->address_count = was_count;
}

void
assign_keep(struct cluster *c, struct service *s)
{
	struct alloc_claim claim;
	uint8_t i;
	bool fits;

	if (!s->claimed && s->address_count == 0)
		assign_recall(c, s);
	assign_adopt(c, s);
	holds_trim(c, s);
	if (s->address_count == 0)
		return;
	assign_claim(s, &claim);
	fits = service_fits(c, s);
	for (i = 0; fits && i < s->address_count; i++) {
		fits = keep_one(c, s, &claim, &s->addresses[i]);
		/* A port or a key given up: others may share it now. */
		if (fits && alloc_loosened(c->alloc))
			waiters_wake(c->waiters, &s->addresses[i],
			    alloc_pool(c->alloc, &s->addresses[i]));
	}
	if (!fits)
		assign_release(c, s);
}

/* Giving ------------------------------------------------------------------------- */

static int
give_wanted(struct cluster *c, struct service *s, struct alloc_claim *claim)
{
	struct bgpd_addr wanted[SERVICE_IPS];
	size_t i, n;

	if (addresses_read(s->object->wanted, wanted, &n) == -1) {
		assign_set_why(s, "the address asked for is not one");
		waiters_remove(c->waiters, s->name);
		return -1;
	}
	for (i = 0; i < n; i++) {
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
	for (i = 0; i < s->address_count; i++)
		alloc_release(c->alloc, s->name, &s->addresses[i]);
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
static void
give_second(struct cluster *c, struct service *s)
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
	if (give_one(c, s, &claim) == 0)
		s->confirmed = false;
}

void
assign_give(struct cluster *c, struct service *s)
{
	char value[VALUE_MAX], before[256] = "";

	if (s->address_count == 0) {
		if (s->why != NULL)
			snprintf(before, sizeof(before), "%s", s->why);
		if (!give(c, s)) {
			record_remove(c, s);
			if (strncmp(before, s->why, sizeof(before) - 1) != 0)
				say(c->guest, LOG_WARNING,
				    "AllocationFailed: %s: %s", s->name,
				    s->why);
			return;
		}
		s->claimed = true;
		s->confirmed = false;
		addresses_write(s, value);
		say(c->guest, LOG_NOTICE, "IPAllocated: %s: %s", s->name,
		    value);
	}
	give_second(c, s);
	s->conflict = false;
	assign_set_why(s, NULL);
	waiters_remove(c->waiters, s->name);
	record_put(c, s);
}

void
assign_end(struct cluster *c, struct service *s)
{
	char value[VALUE_MAX];

	addresses_write(s, value);
	if (s->address_count > 0)
		say(c->guest, LOG_NOTICE, "%s let %s go", s->name, value);
	assign_release(c, s);
	waiters_remove(c->waiters, s->name);
	record_remove(c, s);
	assign_set_why(s, NULL);
	/* What comes under this name again is another one. */
	s->claimed = c->journal != NULL;
}
