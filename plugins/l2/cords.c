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

/* True: it is another way than before. */
static bool
cord_apply(struct l2 *l2, struct mate *mate)
{
	const struct owners_config *want = &l2->knobs.owner;
	bool watched = owners_watches(l2->owners, mate->name);
	bool moved = mate->cord == NULL;
	struct cord *cord = mate->cord;
	struct bgpd_addr addr, local;
	char name[16] = "";
	int ifindex;

	mate_locate(l2, mate, &addr, name);
	self_locate(l2, addr.family, name, &local);
	ifindex = name[0] == '\0' ? 0 : (int)if_nametoindex(name);
	if (cord == NULL) {
		cord = mate->cord = kit_alloc(sizeof(*cord));
		cord->l2 = l2;
		cord->mate = mate;
		cord->live = BGPD_BFD_NOT_YET;
	}
	/* An interface that was made anew has its old name. */
	moved = moved || !kit_addr_equal(&cord->addr, &addr) ||
		!kit_addr_equal(&cord->local, &local) ||
		cord->ifindex != ifindex || strcmp(cord->interface, name) != 0;
	if (moved || !watched)
		cord_unwatch(cord);
	cord->addr = addr;
	cord->local = local;
	strcpy(cord->interface, name);
	cord->ifindex = ifindex;
	if (watched &&
	    (cord->bfd == NULL || cord->interval_ms != want->interval_ms ||
		cord->multiplier != want->multiplier))
		cord_watch(cord, want);
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
			continue;
		}
		if (mate->cord != NULL)
			cord_unwatch(mate->cord);
		cord_free(mate->cord);
		mate->cord = NULL;
	}
	/* Interfaces of others come and go: that is no reason to ask. */
	if (moved)
		cords_greet(l2);
}

void
cords_say(struct l2 *l2)
{
	struct mate *mate;

	TAILQ_FOREACH (mate, &l2->crew.mates, link)
		if (mate->cord != NULL && mate->cord->bfd != NULL)
			owners_liveness(l2->owners, mate->name,
			    live_of[mate->cord->live], carrier_now_us());
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
	struct mate *mate;
	bool any = false;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->cord == NULL || mate->cord->ifindex == 0)
			continue;
		if (carrier_is_linked(l2->carrier, mate->cord->interface))
			return true;
		any = true;
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
