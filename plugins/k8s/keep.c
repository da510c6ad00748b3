/* SPDX-License-Identifier: ISC */
/* The addresses that Services have: recalled, kept, or given up to who is older. */

#include <string.h>

#include "assign.h"
#include "publish.h"

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

bool
families_fit(
    const struct object_service *o, const struct bgpd_addr *addrs, size_t count)
{
	size_t i, k;

	if (o->family_count == 0)
		return true;
	if (count < o->family_count && o->both)
		return false;
	for (i = 0; i < count; i++) {
		for (k = 0; k < o->family_count; k++) {
			if (addrs[i].family == o->families[k])
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

/* Who stands in the way of a Service at an address. */
struct clash {
	struct cluster *c;
	const struct service *s;
	const struct bgpd_addr *addr;
	struct service *older, *younger; /* one of each, or NULL */
};

static void
on_clash(void *arg, const char *name)
{
	struct clash *clash = arg;
	struct service *other = cluster_find(clash->c, name);

	if (other == NULL || other->object == NULL)
		return;
	if (is_first(other, clash->s, clash->addr))
		clash->older = other;
	else
		clash->younger = other;
}

static bool
service_fits(struct cluster *c, const struct service *s)
{
	return wanted_fits(s) && pool_fits(c, s) &&
	       families_fit(s->object, s->addresses, s->address_count);
}

/* It has that address no more, and the other only if that alone is enough. */
static void
assign_part(struct cluster *c, struct service *s, const struct bgpd_addr *addr)
{
	uint8_t i, n = 0;

	for (i = 0; i < s->address_count; i++) {
		if (!addr_same(&s->addresses[i], addr))
			s->addresses[n++] = s->addresses[i];
	}
	s->address_count = n;
	if (n == 0 || !service_fits(c, s))
		assign_release(c, s);
	else
		assign_trim(c, s);
}

/*
 * Two that hold one address and may not share it, which two allocators that
 * knew nothing of each other can make: the younger ones move, unless one of those
 * in the way is older. False: the Service itself is to move.
 */
static bool
evict_younger(struct cluster *c, struct service *s,
    const struct alloc_claim *claim, const struct bgpd_addr *addr)
{
	struct clash clash = { .c = c, .s = s, .addr = addr };
	char text[ADDR_LEN];

	addr_text(addr, text);
	alloc_each_clash(c->alloc, claim, addr, on_clash, &clash);
	if (clash.older != NULL)
		publish_conflict(c, s, text, clash.older->name);
	if (clash.older != NULL || clash.younger == NULL)
		return false;
	publish_conflict(c, clash.younger, text, s->name);
	assign_part(c, clash.younger, addr);
	service_touch(c, clash.younger);
	return true;
}

/* A port or a key given up: others may share the address now. */
static int
address_take(struct cluster *c, const struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	if (alloc_take(c->alloc, claim, addr) == -1)
		return -1;
	if (alloc_loosened(c->alloc))
		assign_wake(c, addr);
	return 0;
}

/* Takes one that it says it has; the age decides where nobody has told yet. */
static bool
keep_one(struct cluster *c, struct service *s, struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	bool held = alloc_is_owner(c->alloc, s->name, addr);

	claim->told = assign_is_said(s, addr);
	while (address_take(c, claim, addr) == -1) {
		/* The journal knows of no two that have one address. */
		if (held || c->journal != NULL ||
		    !evict_younger(c, s, claim, addr))
			return false;
	}
	return true;
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
		if (address_take(c, &claim, &s->addresses[i]) == -1)
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
	uint8_t i, n = 0;
	bool fits;

	if (!s->claimed && s->address_count == 0)
		assign_recall(c, s);
	assign_know(c, s);
	assign_flee(c, s);
	assign_adopt(c, s);
	assign_note(c, s);
	assign_trim(c, s);
	if (s->address_count == 0)
		return;
	assign_claim(s, &claim);
	fits = service_fits(c, s);
	for (i = 0; fits && i < s->address_count; i++) {
		if (keep_one(c, s, &claim, &s->addresses[i]))
			s->addresses[n++] = s->addresses[i];
	}
	if (n == s->address_count)
		return;
	s->address_count = n;
	if (n == 0 || !service_fits(c, s))
		assign_release(c, s);
	else
		assign_trim(c, s);
}
