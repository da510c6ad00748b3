/* SPDX-License-Identifier: ISC */
/* A cord to each other node: where it is spoken to, and whether BFD says it lives. */

/*
 * A node is spoken to at the first of its addresses that a subnet of ours has, on
 * that interface, by BFD of a single hop (RFC 5881 5); where no subnet has any,
 * over routes, multihop. The interface is the one that carries the addresses: a
 * node whose own has no link is not alive for what it carries there. This node
 * speaks by the address that the others know it by, where it has that; else they
 * would take it for a stranger (IPv6 has temporary addresses that the kernel
 * prefers).
 *
 * Where addresses are carried elsewhere, too (reach.c), there is one more cord on
 * each segment that the other node told as well, at the address that it has there.
 * A node is alive when it is on any of them, and may be dead on one: the owner half
 * is told both. Messages go by the first cord that is up, news by all that are;
 * while none is, by all.
 *
 * BFD is not authenticated between nodes, by intent. On one segment its packets
 * have come no further than their TTL of 255 says (GTSM, RFC 5881 5), and who can
 * forge them there can as well answer ARP for the addresses: a key would keep
 * nobody out. It would be a danger, though: it reaches nodes at different times,
 * and two that do not have the same one would each take the other for dead, and
 * its addresses with it. What decides who owns an address, and what each node
 * sees of the others, goes by messages, which are authenticated, and whose key may
 * change (owner_talk.c).
 */

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cord.h"
#include "reach.h"

#define GREET_MS      100 /* who is not up is asked for: at first, and then */
#define GREETS	      30
#define GREET_SLOW_MS 1000

struct cords {
	struct bgpd_timer *greet;
	unsigned greets; /* quick ones that are left */
};

struct cord *
cord_next(const struct mate *mate, const struct cord *cord)
{
	bool passed = cord == NULL;
	int i;

	if (passed && mate->cord != NULL)
		return mate->cord;
	passed = passed || cord == mate->cord;
	for (i = 0; i < OWNERS_SEGMENTS; i++) {
		if (passed && mate->far[i] != NULL)
			return mate->far[i];
		passed = passed || mate->far[i] == cord;
	}
	return NULL;
}

struct cord *
cord_by(const struct mate *mate, int ifindex)
{
	struct cord *cord = NULL;

	while ((cord = cord_next(mate, cord)) != NULL) {
		if (cord->ifindex == ifindex)
			return cord;
	}
	return mate->cord;
}

struct cord *
cords_find(struct l2 *l2, const struct bgpd_addr *addr)
{
	struct mate *mate;
	int i;

	TAILQ_FOREACH (mate, &l2->crew.mates, link)
		for (i = 0; i < OWNERS_SEGMENTS; i++)
			if (mate->far[i] != NULL &&
			    kit_addr_equal(&mate->far[i]->addr, addr))
				return mate->far[i];
	return NULL;
}

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
	struct cord *cord;
	struct mate *mate;
	bool any = false;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		for (cord = cord_next(mate, NULL); cord != NULL;
		     cord = cord_next(mate, cord)) {
			if (cord->ifindex == 0 || cord->live == BGPD_BFD_UP)
				continue;
			carrier_greet(
			    l2->carrier, cord->interface, &cord->addr);
			any = any || cord->bfd != NULL;
		}
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

static int
cord_live(const struct cord *cord)
{
	return cord->bfd == NULL ? OWNERS_NO_LIVE : live_of[cord->live];
}

/* Alive is who is on any; for the rest the first one speaks. */
static void
mate_say(struct l2 *l2, const struct mate *mate)
{
	struct cord *cord = NULL, *best = mate->cord;
	int64_t now_us = carrier_now_us();

	while ((cord = cord_next(mate, cord)) != NULL) {
		if (best->live != BGPD_BFD_UP && cord->live == BGPD_BFD_UP)
			best = cord;
	}
	owners_liveness(l2->owners, mate->name,
	    (enum owners_live)(
		best->bfd == NULL ? OWNERS_NEVER : live_of[best->live]),
	    now_us);
}

static void
cord_say(const struct cord *cord)
{
	size_t i;

	for (i = 0; i < OWNERS_SEGMENTS; i++)
		if (cord->segments >> i & 1)
			owners_segment_live(cord->l2->owners, cord->mate->name,
			    i, cord_live(cord), carrier_now_us());
}

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
		witness_hurry(l2, cord->segments);
	if (state == BGPD_BFD_UP)
		carrier_meet_fellows(l2->carrier);
	owners_spoke(l2->owners, cord->mate->name, cord_heard_us(cord));
	cord_say(cord);
	mate_say(l2, cord->mate);
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
	options.local = cord->local;
	options.interface = cord->ifindex == 0 ? NULL : cord->interface;
	options.interval_us = cord->interval_ms * 1000;
	options.multiplier = (uint8_t)cord->multiplier;
	/* What was said of the old one holds until the new one says other. */
	if (old == NULL)
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
	mate_say(l2, cord->mate);
}

static void
cord_free(struct cord *cord)
{
	if (cord == NULL)
		return;
	if (cord->bfd != NULL)
		cord->l2->host->bfd_free(cord->bfd);
	free(cord);
}

static struct cord *
cord_new(struct l2 *l2, struct mate *mate)
{
	struct cord *cord = kit_alloc(sizeof(*cord));

	cord->l2 = l2;
	cord->mate = mate;
	cord->live = BGPD_BFD_NOT_YET;
	return cord;
}

void
cords_free(struct mate *mate)
{
	int i;

	cord_free(mate->cord);
	mate->cord = NULL;
	for (i = 0; i < OWNERS_SEGMENTS; i++) {
		cord_free(mate->far[i]);
		mate->far[i] = NULL;
	}
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

/* The address of ours that the others know, of that family, and there. */
static void
self_locate(struct l2 *l2, uint8_t family, const char *interface,
    struct bgpd_addr *local)
{
	const struct mate *self = crew_find(l2, l2->crew.self);
	char name[16];
	unsigned i;

	memset(local, 0, sizeof(*local));
	for (i = 0; self != NULL && i < self->addr_count; i++) {
		if (self->addrs[i].family != family ||
		    !carrier_own(l2->carrier, &self->addrs[i], name) ||
		    (interface[0] != '\0' && strcmp(name, interface) != 0))
			continue;
		*local = self->addrs[i];
		return;
	}
}

/* Where it is from now on. True: it is another way than before. */
static bool
cord_point(struct cord *cord, const struct bgpd_addr *addr,
    const struct bgpd_addr *local, const char *name, int ifindex)
{
	const struct owners_config *want = &cord->l2->knobs.owner;
	bool watched = owners_watches(cord->l2->owners, cord->mate->name);
	/* An interface that was made anew has its old name. */
	bool moved = !kit_addr_equal(&cord->addr, addr) ||
		     !kit_addr_equal(&cord->local, local) ||
		     cord->ifindex != ifindex ||
		     strcmp(cord->interface, name) != 0;

	if (moved || !watched)
		cord_unwatch(cord);
	cord->addr = *addr;
	cord->local = *local;
	strcpy(cord->interface, name);
	cord->ifindex = ifindex;
	if (watched &&
	    (cord->bfd == NULL || cord->interval_ms != want->interval_ms ||
		cord->multiplier != want->multiplier))
		cord_watch(cord, want);
	return moved;
}

static bool
cord_apply(struct l2 *l2, struct mate *mate)
{
	struct bgpd_addr addr, local;
	char name[16] = "";

	mate_locate(l2, mate, &addr, name);
	self_locate(l2, addr.family, name, &local);
	if (mate->cord == NULL)
		mate->cord = cord_new(l2, mate);
	return cord_point(mate->cord, &addr, &local, name,
	    name[0] == '\0' ? 0 : (int)if_nametoindex(name));
}

/* The address that it told for that subnet; NULL: it is not there, or is me. */
static const struct bgpd_addr *
told_of(const struct mate *mate, const struct carrier_subnet *s)
{
	const struct owners_segment *told = mate->told;
	unsigned i;

	for (i = 0; i < mate->told_count; i++) {
		if (told[i].length == s->length &&
		    kit_addr_in(&s->addr, s->length, &told[i].addr) &&
		    !kit_addr_equal(&s->addr, &told[i].addr))
			return &told[i].addr;
	}
	return NULL;
}

/*
 * On one of our segments: the cord that there is already, or one more. One of an
 * interface speaks for all its subnets, at the address of the first in common.
 */
static bool
far_apply(struct l2 *l2, struct mate *mate, int place)
{
	const struct carrier_subnet *s = &l2->reach->list[place];
	const struct bgpd_addr *addr = told_of(mate, s);
	struct cord *cord = cord_by(mate, s->ifindex);
	uint8_t others = cord->segments;
	int i = 0;

	if (addr == NULL)
		return false;
	if (cord->ifindex == s->ifindex) {
		cord->kept = true;
		cord->segments |= (uint8_t)(1u << place);
		return cord != mate->cord && others == 0 &&
		       cord_point(cord, addr, &s->addr, s->name, s->ifindex);
	}
	while (i < OWNERS_SEGMENTS && mate->far[i] != NULL)
		i++;
	if (i == OWNERS_SEGMENTS)
		return false; /* those that go are in its place; the next time */
	mate->far[i] = cord = cord_new(l2, mate);
	cord->kept = true;
	cord->segments = (uint8_t)(1u << place);
	return cord_point(cord, addr, &s->addr, s->name, s->ifindex);
}

static bool
fars_apply(struct l2 *l2, struct mate *mate)
{
	struct cord *cord = NULL;
	bool moved = false;
	unsigned k;
	int i;

	while ((cord = cord_next(mate, cord)) != NULL) {
		cord->kept = false;
		cord->segments = 0;
	}
	for (k = 0; k < l2->reach->count; k++) {
		moved |= far_apply(l2, mate, (int)k);
		cord = cord_by(mate, l2->reach->list[k].ifindex);
		owners_segment_live(l2->owners, mate->name, k,
		    cord->segments >> k & 1 ? cord_live(cord) : OWNERS_NO_LIVE,
		    carrier_now_us());
	}
	for (i = 0; i < OWNERS_SEGMENTS; i++) {
		cord = mate->far[i];
		/* Or it is where the first one is by now. */
		if (cord == NULL ||
		    (cord->kept && cord->ifindex != mate->cord->ifindex))
			continue;
		cord_unwatch(cord);
		cord_free(cord);
		mate->far[i] = NULL;
	}
	return moved;
}

void
cords_apply(struct l2 *l2)
{
	struct mate *mate;
	bool moved = false;

	mesh_apply(l2);
	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->addr_count > 0 && strcmp(mate->name, l2->crew.self)) {
			moved |= cord_apply(l2, mate);
			if (l2->reach->telling)
				moved |= fars_apply(l2, mate);
			continue;
		}
		if (mate->cord == NULL)
			continue;
		cords_free(mate);
		owners_liveness(
		    l2->owners, mate->name, OWNERS_NEVER, carrier_now_us());
	}
	/* Interfaces of others come and go: that is no reason to ask. */
	if (moved)
		cords_greet(l2);
}

void
cords_say(struct l2 *l2)
{
	struct cord *cord;
	struct mate *mate;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->cord == NULL || mate->cord->bfd == NULL)
			continue;
		mate_say(l2, mate);
		for (cord = cord_next(mate, NULL); cord != NULL;
		     cord = cord_next(mate, cord))
			cord_say(cord);
	}
}

/* Is none of the addresses that the others know it by on any interface? */
static bool
self_is_nowhere(struct l2 *l2)
{
	const struct mate *self = crew_find(l2, l2->crew.self);
	char name[16];
	unsigned i;

	if (self == NULL || self->addr_count == 0 || l2->crew.count < 2)
		return false;
	for (i = 0; i < self->addr_count; i++)
		if (carrier_own(l2->carrier, &self->addrs[i], name))
			return false;
	return true;
}

/*
 * Nor is it linked where its interface is gone, or has no address yet: nobody
 * would hear it, and it would take everything as if it were the only one.
 */
bool
cords_are_linked(struct l2 *l2)
{
	struct cord *cord;
	struct mate *mate;
	bool any = false;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		for (cord = cord_next(mate, NULL); cord != NULL;
		     cord = cord_next(mate, cord)) {
			if (cord->ifindex == 0)
				continue;
			if (carrier_is_linked(l2->carrier, cord->interface))
				return true;
			any = true;
		}
	}
	return !any && !self_is_nowhere(l2);
}

int64_t
cord_heard_us(const struct cord *cord)
{
	if (cord == NULL || cord->bfd == NULL)
		return INT64_MIN;
	return cord->l2->host->bfd_heard_us(cord->bfd);
}

bool
cord_is_up(const struct cord *cord)
{
	return cord != NULL && cord->live == BGPD_BFD_UP;
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
	l2->cords = kit_alloc(sizeof(*l2->cords));
	l2->cords->greet = l2->host->timer_new(l2->self, on_greet, l2);
}

void
cords_close(struct l2 *l2)
{
	l2->host->timer_free(l2->cords->greet);
	free(l2->cords);
	l2->cords = NULL;
}
