/* SPDX-License-Identifier: ISC */
/* What backends say of a Service's addresses: who carries one, and whose else it is. */

/*
 * In: a backend's word on an address, on every node. Out: an event when this node
 * begins to carry it, and a conflict for the status (status.c). Only the node that
 * carries an address, or was to, hears of a stranger there; so that node writes
 * the one condition and its event, and the allocator hears of it by its watch.
 *
 * What no node has ever carried is not fought for: the Service gets another
 * address, unless it asked for that one, and the old one is given to nobody for a
 * while. What was in use stays, and is defended: its clients know it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/sys/queue.h>

#include "assign.h"
#include "publish.h"

#define TURNS_MS    60000
#define TURNS_MAX   6
#define BAR_MS	    (10 * 60 * 1000)
#define BAR_LOOK_MS 10000

/* An address that is given to nobody. */
struct bar {
	SLIST_ENTRY(bar) link;
	struct bgpd_addr address;
	int64_t until_ms;
};

/* Addresses of before ------------------------------------------------------------- */

void
assign_know(const struct cluster *c, struct service *s)
{
	if (c->offered)
		return;
	memcpy(s->known, s->addresses, sizeof(s->known));
	s->known_count = s->address_count;
}

bool
assign_is_known(const struct service *s, const struct bgpd_addr *addr)
{
	uint8_t i;

	for (i = 0; i < s->known_count; i++) {
		if (addr_same(&s->known[i], addr))
			return true;
	}
	return false;
}

/* Sights --------------------------------------------------------------------------- */

const struct sight *
sight_find(const struct service *s, const struct bgpd_addr *addr)
{
	uint8_t i;

	for (i = 0; i < SERVICE_IPS; i++) {
		if (s->sights[i].address.family != 0 &&
		    addr_same(&s->sights[i].address, addr))
			return &s->sights[i];
	}
	return NULL;
}

static bool
service_has(const struct service *s, const struct bgpd_addr *addr)
{
	uint8_t i;

	for (i = 0; i < s->address_count; i++) {
		if (addr_same(&s->addresses[i], addr))
			return true;
	}
	return false;
}

void
sights_sweep(struct service *s)
{
	uint8_t i;

	for (i = 0; i < SERVICE_IPS; i++) {
		if (!service_has(s, &s->sights[i].address))
			memset(&s->sights[i], 0, sizeof(s->sights[i]));
	}
}

/* The one of the address, or a new one; NULL: it is none of the Service's. */
static struct sight *
sight_get(struct service *s, const struct bgpd_addr *addr)
{
	struct sight *sight = (struct sight *)(uintptr_t)sight_find(s, addr);

	if (sight != NULL || !service_has(s, addr))
		return sight;
	sights_sweep(s);
	sight = &s->sights[s->sights[0].address.family != 0];
	memset(sight, 0, sizeof(*sight));
	sight->address = *addr;
	return sight;
}

struct news {
	struct cluster *c;
	const struct bgpd_carry *carry;
	bool touched;
};

static void
on_holder(void *arg, const char *name)
{
	struct news *news = arg;
	const struct bgpd_carry *carry = news->carry;
	struct service *s = cluster_find(news->c, name);
	struct sight *sight;
	bool was_mine;

	if (s == NULL || s->object == NULL ||
	    (sight = sight_get(s, &carry->address)) == NULL)
		return;
	was_mine = sight->mine;
	sight->mine = carry->mine;
	sight->owned |= carry->owner != NULL;
	/* Who does not carry it leaves the word to who does. */
	sight->conflict =
	    carry->conflict && (carry->mine || carry->owner == NULL);
	memcpy(sight->mac, carry->mac, sizeof(sight->mac));
	if (news->c->publisher == NULL)
		return;
	if (sight->mine && !was_mine)
		event_of_carrying(news->c, s, carry->protocol);
	if (wish_differs_in_conflict(s)) {
		service_touch(news->c, s);
		news->touched = true;
	}
}

void
publish_carry(struct cluster *c, const struct bgpd_carry *carry)
{
	struct news news = { c, carry, false };

	if (strcmp(carry->protocol, "bgp") == 0)
		return;
	alloc_each(c->alloc, &carry->address, on_holder, &news);
	/* It may be told from inside an offer. */
	if (news.touched)
		converge_soon(c);
}

/*
 * A write of its conflict: is it one too many? Nodes that cannot agree whose an
 * address is would write without an end.
 */
bool
sight_turns(struct cluster *c, struct service *s)
{
	int64_t now_ms = guest_now_ms(c->guest);

	if (!wish_differs_in_conflict(s))
		return false;
	if (now_ms - s->turns_ms > TURNS_MS) {
		s->turns_ms = now_ms;
		s->turns = 0;
	}
	if (++s->turns < TURNS_MAX)
		return false;
	s->turns = 0;
	return true;
}

/* What strangers have ---------------------------------------------------------------- */

static void
bar_free(struct cluster *c, struct bar *bar)
{
	SLIST_REMOVE(&c->bars, bar, bar, link);
	alloc_release(c->alloc, ALLOC_STRANGER, &bar->address);
	free(bar);
}

/* Who waits is tried again. */
void
bars_clear(struct cluster *c)
{
	if (!SLIST_EMPTY(&c->bars))
		cluster_touch_all(c);
	while (!SLIST_EMPTY(&c->bars))
		bar_free(c, SLIST_FIRST(&c->bars));
}

static void
on_bars(void *arg)
{
	struct cluster *c = arg;
	int64_t now_ms = guest_now_ms(c->guest);
	struct bar *bar, *next;
	struct bgpd_addr addr;

	for (bar = SLIST_FIRST(&c->bars); bar != NULL; bar = next) {
		next = SLIST_NEXT(bar, link);
		if (now_ms < bar->until_ms)
			continue;
		addr = bar->address;
		bar_free(c, bar);
		assign_wake(c, &addr);
	}
	if (!SLIST_EMPTY(&c->bars))
		c->guest->host->timer_start(c->bars_timer, BAR_LOOK_MS);
	converge_soon(c);
}

static void
bar_add(struct cluster *c, const struct bgpd_addr *addr)
{
	struct bar *bar = k8s_alloc(sizeof(*bar));

	bar->address = *addr;
	bar->until_ms = guest_now_ms(c->guest) + BAR_MS;
	SLIST_INSERT_HEAD(&c->bars, bar, link);
	c->guest->host->timer_start(c->bars_timer, BAR_LOOK_MS);
}

void
bars_open(struct cluster *c)
{
	SLIST_INIT(&c->bars);
	c->bars_timer = c->guest->host->timer_new(c->guest->self, on_bars, c);
}

/* The allocator goes as a whole. */
void
bars_close(struct cluster *c)
{
	while (!SLIST_EMPTY(&c->bars))
		bar_free(c, SLIST_FIRST(&c->bars));
	c->guest->host->timer_free(c->bars_timer);
}

/* A stranger has it: seen here, or by the node that was to carry it. */
static bool
is_strangers(const struct service *s, const struct bgpd_addr *addr)
{
	const struct sight *sight = sight_find(s, addr);

	if (sight == NULL || sight->owned || assign_is_known(s, addr))
		return false;
	return sight->conflict || wish_is_in_conflict(s->object, addr);
}

/* Another one in its place, if there is one. */
static void
address_flee(struct cluster *c, struct service *s, uint8_t i)
{
	struct bgpd_addr old = s->addresses[i], new;
	const struct config_pool *pool = alloc_pool(c->alloc, &old);
	const struct sight *sight = sight_find(s, &old);
	struct alloc_claim claim;
	char text[ADDR_LEN], other[ADDR_LEN];

	alloc_note(c->alloc, ALLOC_STRANGER, &old);
	assign_claim(s, &claim);
	claim.family = old.family;
	if (s->address_count == SERVICE_IPS && pool != NULL)
		claim.pool = pool->name;
	if (alloc_any(c->alloc, &claim, &new) == -1) {
		alloc_release(c->alloc, ALLOC_STRANGER, &old);
		return;
	}
	bar_add(c, &old);
	s->addresses[i] = new;
	s->confirmed = false;
	say(c->guest, LOG_WARNING,
	    "AddressConflict: %s: %s is in use by a host that is none of our "
	    "nodes: it gets %s",
	    s->name, addr_text(&old, text), addr_text(&new, other));
	/* Else who saw it has told of it. */
	if (sight->conflict && !wish_is_in_conflict(s->object, &old))
		event_of_stranger(c, s, &old, sight->mac);
}

void
assign_flee(struct cluster *c, struct service *s)
{
	uint8_t i;

	if (c->publisher == NULL || s->object->wanted != NULL)
		return;
	for (i = 0; i < s->address_count; i++) {
		if (is_strangers(s, &s->addresses[i]))
			address_flee(c, s, i);
	}
}
