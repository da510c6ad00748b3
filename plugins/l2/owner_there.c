/* SPDX-License-Identifier: ISC */
/* Who is alive where: the verdict on each segment, and what follows from it. */

/*
 * On a segment a node is dead when its monitors that are there and see it down
 * there are more than half of them and itself, or it is not on it, or says that its
 * link is down or that it is fenced. So of two even parts neither is dead, for all
 * nodes alike, and nothing moves. Of two nodes on a segment each sees the other
 * down; then it is the one that the gateway there does not answer. It is fenced,
 * and answers for nothing of the segment, when fewer than half of its monitors see
 * it there and the gateway there is lost.
 *
 * Where more than two parts are, each may find itself dead and, since what it sees
 * does not count then, the others alive. So it says what it finds of itself
 * (SEGMENT_DEAD), and is believed. It finds it by what others see, never by what
 * they find of themselves.
 *
 * Who is dead on a segment alone can still speak. So nobody takes from it: it
 * hands over itself, when somebody is alive there, by the rules of either
 * partition (owner_move.c). Where nobody is, or where the owner is dead
 * altogether, segments do not count.
 */

#include "elect.h"
#include "owner_inside.h"

#define NEVER_SEEN_US INT64_C(3000000) /* BFD may be so slow to come up */
#define CERTAIN	      (SEGMENT_NO_LINK | SEGMENT_FENCED)

/* Who sees whom ------------------------------------------------------------------------- */

static uint8_t
view_here(const struct owners *o, const struct member *m, size_t place)
{
	uint8_t live = m->segments.here[place].live;
	int64_t since_us = m->segments.here[place].since_us;

	if (!m->segments.here[place].watched)
		return VIEW_UNKNOWN;
	if (live == OWNERS_UP)
		return VIEW_UP;
	/* It begins, or begins anew. */
	if (live == OWNERS_NEVER && o->now_us - since_us < NEVER_SEEN_US)
		return VIEW_UNKNOWN;
	if (live == OWNERS_ADMIN_DOWN && o->now_us < m->grace_us)
		return VIEW_UNKNOWN;
	return VIEW_DOWN;
}

/* What w says of m there. */
static uint8_t
view_of(const struct owners *o, const struct member *w, const struct member *m,
    size_t slot)
{
	size_t place = segment_place(w, slot);

	if (place == w->segments.count)
		return VIEW_UNKNOWN;
	if (w == o->self)
		return view_here(o, m, place);
	return w->segments.seen[m->index] >> (2 * place) & 3;
}

struct heads {
	size_t monitors, downs;
	bool only_me;
};

/* Some other node, that is heard here, sees it there. */
static bool
is_seen_by_others(const struct owners *o, const struct member *m, size_t slot)
{
	const struct member *w;
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		w = o->members[i];
		if (w != m && w != o->self && m->watching[i] &&
		    verdict_has_opinion(o, w) &&
		    view_of(o, w, m, slot) == VIEW_UP)
			return true;
	}
	return false;
}

/*
 * What w says of m there, if it counts. Who cannot be heard says of this node by
 * being seen there by others, and not from here, that this is who is cut off.
 */
static uint8_t
word_of(const struct owners *o, const struct member *w, const struct member *m,
    size_t slot)
{
	if ((w->segments.on & segment_bit(slot)) == 0)
		return VIEW_UNKNOWN;
	if (w == o->self)
		return (w->segments.dead & segment_bit(slot)) != 0
			   ? VIEW_UNKNOWN
			   : view_of(o, w, m, slot);
	if (verdict_has_opinion(o, w))
		return view_of(o, w, m, slot);
	return m == o->self && view_of(o, m, w, slot) == VIEW_DOWN &&
		       is_seen_by_others(o, w, slot)
		   ? VIEW_DOWN
		   : VIEW_UNKNOWN;
}

static struct heads
count_heads(const struct owners *o, const struct member *m, size_t slot)
{
	struct heads heads = { .only_me = false };
	const struct member *w;
	uint8_t word;
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		w = o->members[i];
		if (w == m || !m->watching[i])
			continue;
		word = word_of(o, w, m, slot);
		if (word != VIEW_UP && word != VIEW_DOWN)
			continue;
		heads.only_me = heads.monitors == 0 && w == o->self;
		heads.monitors++;
		heads.downs += word == VIEW_DOWN;
	}
	return heads;
}

/* Of two, each sees the other down: the gateway tells which. */
static bool
is_dead_by_one(const struct owners *o, const struct member *m, size_t slot,
    const struct heads *heads)
{
	size_t place = segment_place(o->self, slot);
	uint8_t gateway = place < o->self->segments.count
			      ? o->segments.gateways[place]
			      : (uint8_t)OWNERS_NO_GATEWAY;

	if (m == o->self)
		return false; /* it is fenced, if so (review_flags) */
	if (heads->only_me)
		return gateway == OWNERS_REACHED;
	/* Three, and none sees another: this one is no worse. */
	return (o->self->segments.dead & segment_bit(slot)) != 0;
}

/* By its own word, of these flags, on one of these. */
static bool
says_it_is(const struct member *m, uint8_t flags, uint16_t slots)
{
	const struct member_segments *s = &m->segments;
	size_t i;

	if ((slots & ~s->on) != 0)
		return true;
	for (i = 0; i < s->count; i++) {
		if ((slots & segment_bit(s->slots[i])) != 0 &&
		    (s->list[i].flags & flags) != 0)
			return true;
	}
	return false;
}

static bool
is_dead(const struct owners *o, const struct member *m, size_t slot)
{
	const struct member_segments *s = &m->segments;
	struct heads heads;

	if (!s->told)
		return false;
	if (says_it_is(m, m == o->self ? CERTAIN : CERTAIN | SEGMENT_DEAD,
		segment_bit(slot)))
		return true;
	/* The others may be slow to see this node at first. */
	if (m == o->self &&
	    o->now_us - o->segments.since_us[segment_place(m, slot)] <
		NEVER_SEEN_US)
		return false;
	heads = count_heads(o, m, slot);
	if (heads.monitors == 1)
		return heads.downs == 1 && is_dead_by_one(o, m, slot, &heads);
	/* It is one of them, and knows that it lives. */
	return 2 * heads.downs > heads.monitors + 1;
}

/* Too few see this node there, and the gateway there is lost. */
static bool
is_fenced(const struct owners *o, size_t place)
{
	size_t i, monitors = 0, seeing = 0, slot;
	const struct member *w;

	if (o->segments.gateways[place] != OWNERS_LOST)
		return false;
	slot = o->self->segments.slots[place];
	for (i = 0; i < o->member_count; i++) {
		w = o->members[i];
		if (w == o->self || !o->self->watching[i] ||
		    (w->segments.on & segment_bit(slot)) == 0 ||
		    verdict_gone_by_lease(o, w))
			continue;
		monitors++;
		seeing += view_here(o, w, place) == VIEW_UP &&
			  view_of(o, w, o->self, slot) != VIEW_DOWN;
	}
	return seeing < (monitors + 1) / 2;
}

/* What follows ---------------------------------------------------------------------------- */

/* This node's own flags; true: others than before. */
static bool
review_flags(struct owners *o)
{
	struct member_segments *s = &o->self->segments;
	bool changed = false;
	uint16_t fenced = 0;
	uint8_t flags;
	size_t i;

	for (i = 0; s->told && i < s->count; i++) {
		flags = s->list[i].flags & (SEGMENT_NO_LINK | SEGMENT_DEAD);
		if (is_fenced(o, i)) {
			flags |= SEGMENT_FENCED;
			fenced |= segment_bit(s->slots[i]);
		}
		if (o->segments.gateways[i] == OWNERS_REACHED)
			flags |= SEGMENT_GATEWAY;
		changed = changed ||
			  ((flags ^ s->list[i].flags) & SEGMENT_FENCED) != 0;
		s->list[i].flags = flags;
	}
	o->segments.fenced = fenced;
	return changed;
}

uint16_t
segments_seen(const struct owners *o, const struct member *m)
{
	uint16_t seen = 0;
	size_t i;

	for (i = 0; i < o->self->segments.count; i++)
		seen |= (uint16_t)(view_here(o, m, i) << (2 * i));
	return seen;
}

static bool
review_seen(struct owners *o)
{
	uint16_t seen, *said = o->self->segments.seen;
	bool changed = false;
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		seen = segments_seen(o, o->members[i]);
		changed = changed || seen != said[i];
		said[i] = seen;
	}
	return changed;
}

static bool
review_dead(struct owners *o, struct member *m)
{
	uint16_t dead = 0;
	size_t slot;

	for (slot = 0; slot < o->segments.count; slot++) {
		if (is_dead(o, m, slot))
			dead |= segment_bit(slot);
	}
	if (dead == m->segments.dead)
		return false;
	m->segments.dead = dead;
	return true;
}

/* What is found of this node, to be said; true: else than it was. */
static bool
review_said(struct owners *o)
{
	struct member_segments *s = &o->self->segments;
	bool changed = false;
	uint8_t flags;
	size_t i;

	for (i = 0; s->told && i < s->count; i++) {
		flags = s->list[i].flags & (uint8_t)~SEGMENT_DEAD;
		if ((s->dead & segment_bit(s->slots[i])) != 0)
			flags |= SEGMENT_DEAD;
		changed = changed || flags != s->list[i].flags;
		s->list[i].flags = flags;
	}
	return changed;
}

/* This node is dead on one: what others see of each other is known later. */
static void
review_own(struct owners *o, uint16_t was)
{
	if ((o->self->segments.dead & ~was) != 0)
		o->segments.due_us = o->now_us + o->interval_us;
	if (review_said(o))
		talk_hurry(o);
}

static bool
review_all(struct owners *o)
{
	uint16_t was = o->self->segments.dead;
	bool changed = review_dead(o, o->self);
	size_t i;

	review_own(o, was);
	/* This node first: what it sees where it is dead does not count. */
	for (i = 0; i < o->member_count; i++) {
		if (o->members[i] != o->self)
			changed = review_dead(o, o->members[i]) || changed;
	}
	return changed;
}

void
segments_look(struct owners *o)
{
	review_flags(o);
	review_all(o);
}

/* What it may not answer any more there, and what it may again. */
static void
answers_review(struct owners *o)
{
	struct claim *claim;

	TAILQ_FOREACH (claim, &o->self->claims, of_owner) {
		if (segments_silent(o, claim) != NULL)
			take_stop(o, claim, segments_silent(o, claim));
	}
	if (!o->hearing && o->silent == NULL)
		take_decide_list(o, &o->self->claims);
}

void
segments_review(struct owners *o)
{
	bool flags, seen, dead, anew = o->segments.anew;

	if (o->segments.count == 0 && !anew)
		return;
	o->segments.anew = false;
	flags = review_flags(o);
	seen = review_seen(o);
	if (flags || seen)
		talk_hurry(o);
	dead = review_all(o);
	if (o->segments.due_us != 0 && o->now_us >= o->segments.due_us) {
		o->segments.due_us = 0;
		dead = true;
	}
	if (flags || dead || anew) {
		answers_review(o);
		elect_look_again(o);
	}
}

const char *
segments_unfit(
    const struct owners *o, const struct claim *claim, const struct member *m)
{
	uint16_t dead = claim->on & m->segments.dead;

	if (m == o->self && claim->nowhere)
		return "no interface of this node can carry it";
	if (dead == 0)
		return NULL;
	if ((dead & m->segments.on) == 0)
		return "it is not on the segment of the address";
	if (m == o->self && (dead & o->segments.fenced) != 0)
		return "it sees nobody on the segment of the address";
	return "it is not alive on the segment of the address";
}

const char *
segments_silent(const struct owners *o, const struct claim *claim)
{
	return claim->on == 0 || (claim->on & ~o->segments.fenced) != 0
		   ? NULL
		   : "too few see this node on the segment of the address, "
		     "and its gateway is lost";
}

struct member *
segments_heir(const struct owners *o, const struct claim *claim)
{
	struct candidate *c;
	/* What it says itself is certain. */
	bool certain = says_it_is(o->self, CERTAIN, claim->on);

	if (segments_unfit(o, claim, o->self) == NULL ||
	    (o->now_us < o->segments.due_us && !certain) ||
	    (o->now_us < claim->hold_us && (!certain || claim->refused > 0)) ||
	    (owner_is_consistent(o) && !claim->accepted && !claim->alone))
		return NULL;
	c = elect_heir(o, claim);
	return c == NULL ? NULL : c->member;
}

void
segments_hold(struct owners *o, struct claim *claim)
{
	if (claim->proposed == 0 && o->now_us < claim->hold_us &&
	    segments_unfit(o, claim, o->self) != NULL)
		claim_wait(o, claim, claim->hold_us);
}

bool
segments_settled(
    const struct owners *o, const struct claim *claim, const struct member *m)
{
	const struct member_segments *self = &o->self->segments;
	size_t i;

	for (i = 0; i < self->count; i++) {
		if ((claim->on & segment_bit(self->slots[i])) == 0 ||
		    !m->segments.here[i].watched)
			continue;
		if (m->segments.here[i].live != OWNERS_UP ||
		    o->now_us - m->segments.here[i].since_us <
			o->config.settle_ms * INT64_C(1000))
			return false;
	}
	return true;
}
