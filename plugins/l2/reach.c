/* SPDX-License-Identifier: ISC */
/* Where addresses are carried here: which subnets, and who of the others is told. */

/*
 * The subnets of interfaces that an address is carried on (subnets.c) are told to
 * the other nodes, each with this node's own address there, so that they watch
 * each other there, too (cords.c). Where that is only the interface on which the
 * nodes know each other anyhow, nothing is told, unless another node tells; once
 * told it is told for as long as this process lives. There is room for eight; what
 * is beyond is logged, and there alive is alive, as where nothing is told.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "cord.h"
#include "reach.h"

/* The nodes' own segment, where they are spoken to; or behind it, by routes. */
static bool
is_of_nodes(struct l2 *l2, const struct carrier_subnet *s)
{
	const struct reach *r = l2->reach;
	const struct mate *mate;
	bool any = false;
	unsigned i;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (mate->cord == NULL || mate->cord->ifindex == 0)
			continue;
		if (mate->cord->ifindex == s->ifindex)
			return true;
		any = true;
	}
	for (i = 0; i < r->all_count && !any; i++)
		any = r->all[i].linked && r->all[i].ifindex != s->ifindex;
	return !any;
}

static bool
is_reason(struct l2 *l2, const struct carrier_subnet *list, unsigned count)
{
	unsigned i;

	if (l2->crew.count < 2)
		return false;
	for (i = 0; i < count; i++) {
		if (list[i].linked && !is_of_nodes(l2, &list[i]))
			return true;
	}
	return false;
}

static uint32_t
needed_by_all(struct l2 *l2, const struct carrier_subnet *all, unsigned count)
{
	uint32_t every = count < 32 ? (UINT32_C(1) << count) - 1 : UINT32_MAX;
	uint32_t needed = 0;
	struct duty *d;

	RB_FOREACH (d, duties, &l2->duties) {
		if (needed == every)
			break;
		needed |=
		    carrier_subnets_of(l2->carrier, &d->address, all, count);
	}
	return needed;
}

/* Of these, those that there is no room for in the list. */
static uint32_t
beyond(uint32_t needed)
{
	unsigned n;

	for (n = 0; n < OWNERS_SEGMENTS && needed != 0; n++)
		needed &= needed - 1; /* without its lowest bit */
	return needed;
}

static unsigned
list_of(const struct reach *r, struct carrier_subnet list[OWNERS_SEGMENTS])
{
	unsigned i, n = 0;

	for (i = 0; i < r->all_count && n < OWNERS_SEGMENTS; i++) {
		if (r->needed >> i & 1)
			list[n++] = r->all[i];
	}
	return n;
}

void
reach_say(struct l2 *l2)
{
	struct owners_segment list[OWNERS_SEGMENTS] = { 0 };
	const struct reach *r = l2->reach;
	unsigned i;

	if (r == NULL || !r->telling)
		return;
	for (i = 0; i < r->count; i++) {
		list[i].addr = r->list[i].addr;
		list[i].length = r->list[i].length;
		list[i].linked = r->list[i].linked;
	}
	owners_segments(l2->owners, list, r->count, carrier_now_us());
	witness_apply(l2);
}

/* Padding and what is behind a name are zero, from where they come. */
static bool
is_same(const struct carrier_subnet *a, const struct carrier_subnet *b)
{
	return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0 &&
	       a->linked == b->linked && a->length == b->length &&
	       kit_addr_equal(&a->addr, &b->addr);
}

static bool
are_same(const struct carrier_subnet *a, unsigned a_count,
    const struct carrier_subnet *b, unsigned b_count)
{
	unsigned i;

	for (i = 0; i < a_count && i < b_count; i++) {
		if (!is_same(&a[i], &b[i]))
			return false;
	}
	return a_count == b_count;
}

/* Before a source speaks nothing is needed: what was told stays. */
static uint32_t
needed_still(
    const struct reach *r, const struct carrier_subnet *all, unsigned count)
{
	uint32_t needed = 0;
	unsigned i, k;

	for (i = 0; i < count; i++)
		for (k = 0; k < r->count; k++)
			if (all[i].ifindex == r->list[k].ifindex &&
			    all[i].length == r->list[k].length &&
			    kit_addr_in(
				&all[i].addr, all[i].length, &r->list[k].addr))
				needed |= UINT32_C(1) << i;
	return needed;
}

/* What addresses need is looked for only where it may be another. */
static void
all_apply(struct l2 *l2)
{
	struct carrier_subnet all[REACH_ALL] = { 0 };
	struct reach *r = l2->reach;
	unsigned count;

	memcpy(all, r->all, r->all_count * sizeof(all[0]));
	count = carrier_subnets(l2->carrier, all, r->all_count, REACH_ALL);
	if (!r->due && are_same(all, count, r->all, r->all_count))
		return;
	r->due = false;
	memcpy(r->all, all, sizeof(all));
	r->all_count = count;
	r->needed = RB_EMPTY(&l2->duties) ? needed_still(r, all, count)
					  : needed_by_all(l2, all, count);
	r->untold = beyond(r->needed);
}

/* Limits ---------------------------------------------------------------------------- */

char *
reach_print_subnet(
    const struct bgpd_addr *addr, unsigned length, char text[REACH_SUBNET_TEXT])
{
	struct bgpd_addr net = *addr;
	char plain[KIT_ADDR_TEXT];

	kit_addr_mask(&net, length);
	snprintf(text, REACH_SUBNET_TEXT, "%s/%u", kit_addr_print(&net, plain),
	    length);
	return text;
}

bool
reach_is_untold(const struct reach *r, unsigned i)
{
	return r->telling && (r->untold >> i & 1) != 0;
}

static void
untold_say(struct l2 *l2)
{
	const struct reach *r = l2->reach;
	unsigned i, first = REACH_ALL, count = 0;
	char text[REACH_SUBNET_TEXT];

	for (i = 0; i < r->all_count; i++) {
		if (!reach_is_untold(r, i))
			continue;
		first = first < i ? first : i;
		count++;
	}
	l2->host->log(l2->self, LOG_WARNING,
	    "addresses are carried on %u segments of this node, and %d are "
	    "watched: a node that is dead on %s of %s%s alone keeps what it "
	    "has there; by `interface` or `exclude-interface` of `plugin l2` "
	    "they are fewer",
	    OWNERS_SEGMENTS + count, OWNERS_SEGMENTS,
	    reach_print_subnet(&r->all[first].addr, r->all[first].length, text),
	    r->all[first].name, count > 1 ? ", say," : "");
}

static void
subnets_say(struct l2 *l2)
{
	l2->host->log(l2->self, LOG_WARNING,
	    "interfaces that carry addresses have %d subnets or more, and no "
	    "more are looked at: addresses of others are judged by these; by "
	    "`interface` or `exclude-interface` of `plugin l2` they are fewer",
	    REACH_ALL);
}

static void
slots_say(struct l2 *l2)
{
	l2->host->log(l2->self, LOG_WARNING,
	    "the nodes carry addresses on more segments than the %d, in all, "
	    "that can be told apart: who of the others is on the rest is not "
	    "known here; by `interface` or `exclude-interface` of `plugin l2` "
	    "on each node they are fewer",
	    OWNERS_SEGMENTS_ALL);
}

/* Each is said when it is exceeded, and again only after it was not. */
static void
limits_say(struct l2 *l2)
{
	static void (*const say[])(
	    struct l2 *) = { untold_say, subnets_say, slots_say };
	struct reach *r = l2->reach;
	const bool over[] = { r->untold != 0, r->all_count == REACH_ALL,
		owners_segments_are_many(l2->owners) };
	unsigned i;

	for (i = 0; i < sizeof(say) / sizeof(say[0]); i++) {
		if (over[i] == (r->over >> i & 1))
			continue;
		r->over ^= 1u << i;
		if (over[i])
			say[i](l2);
	}
}

/* The list --------------------------------------------------------------------------- */

/* Who tells without need that it is nowhere would be dead everywhere. */
static bool
may_begin(struct l2 *l2, const struct carrier_subnet *list, unsigned count)
{
	return !RB_EMPTY(&l2->duties) &&
	       (l2->reach->asked || is_reason(l2, list, count));
}

bool
reach_apply(struct l2 *l2)
{
	struct carrier_subnet list[OWNERS_SEGMENTS] = { 0 };
	uint64_t turns = carrier_turns(l2->carrier);
	struct reach *r = l2->reach;
	bool turned = turns != r->turns;
	unsigned count;

	all_apply(l2);
	count = list_of(r, list);
	if (!r->telling && !may_begin(l2, list, count))
		return false;
	r->turns = turns;
	if (r->telling)
		limits_say(l2);
	if (r->telling && are_same(list, count, r->list, r->count))
		return turned;
	r->telling = true;
	memcpy(r->list, list, sizeof(list));
	r->count = count;
	reach_say(l2);
	limits_say(l2);
	return true;
}

bool
reach_needs(struct l2 *l2, const struct bgpd_addr *addr)
{
	struct reach *r = l2->reach;

	if (r == NULL ||
	    (carrier_subnets_of(l2->carrier, addr, r->all, r->all_count) &
		~r->needed) == 0)
		return false;
	r->due = true;
	return true;
}

bool
reach_is_nowhere(struct l2 *l2, const struct bgpd_addr *addr)
{
	return l2->reach != NULL && l2->reach->telling &&
	       reach_of(l2, addr) == 0 && carrier_is_nowhere(l2->carrier, addr);
}

/* Of a segment that is not told it is on none of the others, either. */
static bool
is_untold(struct l2 *l2, const struct bgpd_addr *addr)
{
	const struct reach *r = l2->reach;

	return r->untold != 0 &&
	       (carrier_subnets_of(l2->carrier, addr, r->all, r->all_count) &
		   ~r->untold) == 0;
}

uint8_t
reach_of(struct l2 *l2, const struct bgpd_addr *addr)
{
	const struct reach *r = l2->reach;

	return r == NULL || !r->telling || is_untold(l2, addr)
		   ? 0
		   : (uint8_t)carrier_subnets_of(
			 l2->carrier, addr, r->list, r->count);
}

void
reach_hear(struct l2 *l2, const char *member, const struct owners_segment *list,
    size_t count)
{
	struct mate *mate = crew_find(l2, member);
	size_t len = count * sizeof(list[0]);

	if (!l2->reach->asked) {
		l2->reach->asked = true;
		l2_look_soon(l2);
	}
	if (mate == NULL || list == NULL ||
	    (mate->told != NULL && mate->told_count == count &&
		memcmp(mate->told, list, len) == 0))
		return;
	mate->told = kit_grow(mate->told, len + 1);
	memcpy(mate->told, list, len);
	mate->told_count = (uint8_t)count;
	l2_look_soon(l2);
}

void
reach_open(struct l2 *l2)
{
	l2->reach = kit_alloc(sizeof(*l2->reach));
}

void
reach_close(struct l2 *l2)
{
	free(l2->reach);
	l2->reach = NULL;
}
