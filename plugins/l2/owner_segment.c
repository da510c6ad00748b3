/* SPDX-License-Identifier: ISC */
/* Segments: a node may be alive, and not where an address is carried. */

/*
 * Where addresses are carried on more than the segment of the nodes' own
 * addresses, each node tells on which subnets it carries them, whom it sees alive
 * on each, and whether it is heard there itself; BFD runs on each with those that
 * are there, too. An address belongs to the segment whose subnet holds it, else to
 * those that it is carried on. A node that does not say where it is (one of the
 * last release) is taken as before: alive is alive.
 *
 * Nodes of the last release refuse a message with segments in it. Who tells some
 * marks its messages by a view of a node that there is not, which they pass over;
 * only who has shown that mark is told.
 */

#include "owner_inside.h"

#define KEPT (SEGMENT_NO_LINK | SEGMENT_FENCED | SEGMENT_GATEWAY | SEGMENT_DEAD)

static const char mark[] = "fairway l2 segments";

/* Slots: one for each subnet that anybody tells ---------------------------------------- */

static bool
is_same(const struct message_segment *a, const struct message_segment *b)
{
	return a->length == b->length &&
	       kit_addr_in(&a->addr, a->length, &b->addr);
}

static uint8_t
slot_of(struct owners *o, const struct message_segment *s)
{
	struct segments *all = &o->segments;
	size_t i;

	for (i = 0; i < all->count; i++) {
		if (is_same(&all->slots[i], s))
			return (uint8_t)i;
	}
	if (all->count == SLOTS) {
		all->many = true;
		return NO_SLOT;
	}
	all->slots[all->count] = *s;
	return (uint8_t)all->count++;
}

static void
slots_of(struct owners *o, struct member *m)
{
	struct member_segments *s = &m->segments;
	size_t i;

	s->on = 0;
	for (i = 0; s->told && i < s->count; i++) {
		s->slots[i] = slot_of(o, &s->list[i]);
		s->on |= segment_bit(s->slots[i]);
		if ((s->list[i].flags & SEGMENT_NO_LINK) == 0)
			o->segments.linked |= segment_bit(s->slots[i]);
	}
	o->segments.shared |= s->on & o->segments.any;
	o->segments.any |= s->on;
}

void
segments_anew(struct owners *o)
{
	bool any = o->segments.count > 0;
	struct claim *claim = NULL;
	size_t i;

	o->segments.mark = message_id(mark, sizeof(mark));
	o->segments.count = 0;
	o->segments.many = false;
	o->segments.fenced = o->segments.shared = o->segments.any = 0;
	o->segments.linked = 0;
	slots_of(o, o->self); /* its own are never too many */
	for (i = 0; i < o->member_count; i++) {
		if (o->members[i] != o->self)
			slots_of(o, o->members[i]);
		o->members[i]->segments.dead = 0;
	}
	if (!any && o->segments.count == 0)
		return;
	o->segments.anew = true;
	while ((claim = claim_next(o, claim)) != NULL)
		segments_place(o, claim);
	segments_look(o);
}

/* The smallest subnet that holds it; NO_SLOT: none. */
static size_t
slot_with(const struct owners *o, const struct bgpd_addr *addr)
{
	const struct message_segment *s = o->segments.slots;
	size_t i, best = NO_SLOT;

	for (i = 0; i < o->segments.count; i++) {
		if (kit_addr_in(&s[i].addr, s[i].length, addr) &&
		    (best == NO_SLOT || s[i].length > s[best].length))
			best = i;
	}
	return best;
}

void
segments_place(struct owners *o, struct claim *claim)
{
	const struct member_segments *self = &o->self->segments;
	size_t i, slot = slot_with(o, &claim->addr);

	claim->on = 0;
	for (i = 0; i < self->count; i++) {
		if (claim->carried >> i & 1)
			claim->on |= segment_bit(self->slots[i]);
	}
	/* Of a subnet that this node is not on; or that it is carried on. */
	if (slot != NO_SLOT &&
	    (claim->on == 0 || (claim->on & segment_bit(slot)) != 0 ||
		(self->on & segment_bit(slot)) == 0))
		claim->on = segment_bit(slot);
	else /* one of a node alone, or that nobody uses, tells nothing */
		claim->on &= o->segments.shared & o->segments.linked;
}

size_t
segment_place(const struct member *m, size_t slot)
{
	size_t i;

	for (i = 0; i < m->segments.count; i++) {
		if (m->segments.slots[i] == slot)
			break;
	}
	return i;
}

void
segments_move(struct owners *o, struct member *m, size_t old_count)
{
	uint16_t *seen = kit_alloc(o->member_count * sizeof(*seen));
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		if (o->members[i]->index < old_count &&
		    m->segments.seen != NULL)
			seen[i] = m->segments.seen[o->members[i]->index];
	}
	free(m->segments.seen);
	m->segments.seen = seen;
}

void
segments_forget(struct owners *o, struct member *m)
{
	bool told = m->segments.told;

	m->segments.known = m->segments.told = false;
	m->segments.count = 0;
	memset(
	    m->segments.seen, 0, o->member_count * sizeof(m->segments.seen[0]));
	if (told)
		segments_anew(o);
}

/* Messages -------------------------------------------------------------------------------- */

void
segments_to(const struct owners *o, const struct member *m, struct message *msg)
{
	const struct member_segments *self = &o->self->segments;
	const struct member *other;
	size_t i;

	msg->has_segments = self->told && m != NULL && m->segments.known;
	msg->segment_count = 0;
	if (!self->told)
		return;
	if (msg->has_segments) {
		msg->segment_count = self->count;
		memcpy(msg->segments, self->list, sizeof(msg->segments));
		for (i = 0; i < msg->view_count; i++) {
			other = member_by_id(o, msg->views[i].id);
			msg->seen[i] = segments_seen(o, other);
		}
	}
	if (msg->view_count == MESSAGE_VIEWS)
		return;
	msg->seen[msg->view_count] = 0;
	msg->views[msg->view_count].id = o->segments.mark;
	msg->views[msg->view_count++].state = VIEW_UNKNOWN;
}

static bool
hear_list(struct owners *o, struct member *m, const struct message *msg)
{
	struct member_segments *s = &m->segments;
	bool same = s->told && s->count == msg->segment_count, changed = false;
	size_t i;

	for (i = 0; i < msg->segment_count; i++) {
		same = same && is_same(&s->list[i], &msg->segments[i]) &&
		       kit_addr_equal(&s->list[i].addr, &msg->segments[i].addr);
		same = same && ((s->list[i].flags ^ msg->segments[i].flags) &
				   SEGMENT_NO_LINK) == 0;
		changed = changed || s->list[i].flags != msg->segments[i].flags;
		s->list[i] = msg->segments[i];
		s->list[i].flags &= KEPT;
	}
	s->told = true;
	s->count = (uint8_t)msg->segment_count;
	if (!same)
		segments_anew(o);
	return changed || !same;
}

static bool
hear_seen(struct owners *o, struct member *m, const struct message *msg)
{
	const struct member *other;
	bool changed = false;
	size_t i;

	for (i = 0; i < msg->view_count; i++) {
		other = member_by_id(o, msg->views[i].id);
		if (other == NULL ||
		    m->segments.seen[other->index] == msg->seen[i])
			continue;
		m->segments.seen[other->index] = msg->seen[i];
		changed = true;
	}
	return changed;
}

static bool
is_marked(const struct owners *o, const struct message *msg)
{
	size_t i;

	for (i = msg->view_count; i-- > 0;) {
		if (msg->views[i].id == o->segments.mark)
			return true;
	}
	return false;
}

/* To the glue: it may only read now. */
static void
call_segments(const struct owners *o, const struct member *m)
{
	struct owners_segment list[OWNERS_SEGMENTS];
	size_t i;

	if (o->calls.segments == NULL)
		return;
	memset(list, 0, sizeof(list)); /* so that lists may be compared */
	for (i = 0; i < m->segments.count; i++) {
		list[i].addr = m->segments.list[i].addr;
		list[i].length = m->segments.list[i].length;
		list[i].linked =
		    (m->segments.list[i].flags & SEGMENT_NO_LINK) == 0;
	}
	o->calls.segments(
	    o->arg, m->name, m->segments.told ? list : NULL, m->segments.count);
}

bool
segments_hear(struct owners *o, struct member *m, const struct message *msg)
{
	bool changed = false;

	if (!m->segments.known && (msg->has_segments || is_marked(o, msg))) {
		m->segments.known = true;
		m->now = true; /* it is told at once */
		if (!msg->has_segments)
			call_segments(o, m);
	}
	if (!msg->has_segments)
		return false;
	changed = hear_list(o, m, msg);
	changed = hear_seen(o, m, msg) || changed;
	call_segments(o, m);
	return changed;
}

/* The door ---------------------------------------------------------------------------------- */

/* What addresses are carried on, by another list; its owner says it soon. */
static void
carried_replace(
    struct owners *o, const struct message_segment *list, size_t count)
{
	const struct member_segments *self = &o->self->segments;
	struct claim *claim = NULL;
	uint16_t carried;
	size_t i, k;

	while ((claim = claim_next(o, claim)) != NULL) {
		carried = 0;
		for (i = 0; claim->carried != 0 && i < count; i++)
			for (k = 0; k < self->count; k++)
				if ((claim->carried >> k & 1) != 0 &&
				    is_same(&self->list[k], &list[i]))
					carried |= (uint16_t)(1u << i);
		claim->carried = carried;
	}
}

/* What was seen, and asked of gateways, stays with the subnet it was of. */
static void
list_replace(struct owners *o, const struct message_segment *list, size_t count)
{
	struct member_segments *self = &o->self->segments, old;
	struct segments before = o->segments;
	struct member_segments *s;
	size_t i, k, n;

	for (n = 0; n < o->member_count; n++) {
		s = &o->members[n]->segments;
		old = *s;
		memset(s->here, 0, sizeof(s->here));
		for (i = 0; i < count; i++)
			for (k = 0; k < self->count; k++)
				if (is_same(&self->list[k], &list[i]))
					s->here[i] = old.here[k];
	}
	for (i = 0; i < count; i++) {
		o->segments.gateways[i] = OWNERS_NO_GATEWAY;
		o->segments.since_us[i] = o->now_us;
		for (k = 0; k < self->count; k++) {
			if (!is_same(&self->list[k], &list[i]))
				continue;
			o->segments.gateways[i] = before.gateways[k];
			o->segments.since_us[i] = before.since_us[k];
		}
	}
	carried_replace(o, list, count);
	memcpy(self->list, list, count * sizeof(list[0]));
	self->count = (uint8_t)count;
	self->known = self->told = true;
}

void
owners_segments(struct owners *o, const struct owners_segment *list,
    size_t count, int64_t now_us)
{
	struct message_segment next[OWNERS_SEGMENTS] = { 0 };
	size_t i;

	owner_begin(o, now_us);
	if (count > OWNERS_SEGMENTS)
		count = OWNERS_SEGMENTS;
	for (i = 0; i < count; i++) {
		next[i].addr = list[i].addr;
		next[i].length = list[i].length;
		next[i].flags = list[i].linked ? 0 : SEGMENT_NO_LINK;
	}
	list_replace(o, next, count);
	segments_anew(o);
	owner_review(o);
	if (o->started)
		talk_hurry(o);
	owner_end(o);
}

bool
owners_segments_are_many(const struct owners *o)
{
	return o->segments.many;
}

/* Once most were seen there, the others have seen this node. */
static void
begin_ends(struct owners *o, size_t segment)
{
	size_t i, watched = 0, up = 0;
	const struct member_segments *s;

	for (i = 0; i < o->member_count; i++) {
		s = &o->members[i]->segments;
		watched += s->here[segment].watched;
		up += s->here[segment].watched &&
		      s->here[segment].live == OWNERS_UP;
	}
	if (up > watched / 2)
		o->segments.since_us[segment] = INT64_MIN / 2;
}

void
owners_segment_live(struct owners *o, const char *name, size_t segment,
    int live, int64_t now_us)
{
	struct member *m = member_find(o, name);

	owner_begin(o, now_us);
	if (m != NULL && m != o->self && segment < o->self->segments.count &&
	    (m->segments.here[segment].watched != (live != OWNERS_NO_LIVE) ||
		m->segments.here[segment].live != live)) {
		m->segments.here[segment].watched = live != OWNERS_NO_LIVE;
		m->segments.here[segment].live = (uint8_t)live;
		m->segments.here[segment].since_us = o->now_us;
		begin_ends(o, segment);
		owner_review(o);
	}
	owner_end(o);
}

void
owners_segment_gateway(struct owners *o, size_t segment,
    enum owners_gateway gateway, int64_t now_us)
{
	owner_begin(o, now_us);
	if (segment < o->self->segments.count &&
	    o->segments.gateways[segment] != gateway) {
		o->segments.gateways[segment] = (uint8_t)gateway;
		owner_review(o);
	}
	owner_end(o);
}

/* For show ------------------------------------------------------------------------------------ */

static const char *
verdict_word(const struct member *m, size_t slot)
{
	size_t place = segment_place(m, slot);
	uint8_t flags;

	if (!m->segments.told)
		return "not told";
	if (place == m->segments.count)
		return "not there";
	flags = m->segments.list[place].flags;
	if (flags & SEGMENT_NO_LINK)
		return "no link";
	if (flags & SEGMENT_FENCED)
		return "silent";
	return m->segments.dead & segment_bit(slot) ? "dead" : "alive";
}

bool
owners_segment_get(const struct owners *o, const char *name, size_t segment,
    struct owners_segment_view *view)
{
	const struct member *m = member_find(o, name);

	if (m == NULL || segment >= o->self->segments.count)
		return false;
	view->verdict = verdict_word(m, o->self->segments.slots[segment]);
	view->gateway = o->segments.gateways[segment];
	view->linked =
	    (o->self->segments.list[segment].flags & SEGMENT_NO_LINK) == 0;
	return true;
}

size_t
owners_segments_of(const struct owners *o, const struct bgpd_addr *addr,
    struct owners_segment list[OWNERS_SEGMENTS])
{
	const struct claim *claim = claim_find(o, addr);
	size_t slot, n = 0;

	for (slot = 0; claim != NULL && slot < o->segments.count; slot++) {
		if ((claim->on & segment_bit(slot)) == 0 ||
		    n == OWNERS_SEGMENTS)
			continue;
		list[n].addr = o->segments.slots[slot].addr;
		list[n].length = o->segments.slots[slot].length;
		list[n++].linked =
		    (o->self->segments.on & segment_bit(slot)) != 0;
	}
	return n;
}
