/* SPDX-License-Identifier: ISC */
/* Explanations: whose an address is, since when, and why it is nobody else's. */

#include "elect.h"
#include "owner_inside.h"

static const char *
name_of(const struct owners *o, uint64_t id)
{
	const struct member *m = id == 0 ? NULL : member_by_id(o, id);

	return m != NULL ? m->name : id == 0 ? NULL : "?";
}

/* In words, for a candidate: the owner, the next, or why not. */
static const char *
why_of(const struct owners *o, const struct claim *claim,
    const struct candidate *c, const struct candidate *next)
{
	const char *unfit = elect_unfit(o, claim, c);

	if (claim->owner != NULL && c->member == claim->owner)
		return unfit == NULL	  ? "owner"
		       : claim->answering ? "owner, on its way out"
		       : segments_unfit(o, claim, c->member) == unfit
			   ? "owner, but not alive on the segment of the "
			     "address"
			   : "owner, but not alive";
	if (unfit != NULL)
		return unfit;
	if (claim->to != NULL && c->member == claim->to)
		return "it is being handed over to it";
	if (claim->meant != NULL && c->member == claim->meant)
		return "it shall take it now";
	if (c == next)
		return "next";
	if (claim->owner == NULL || next == NULL)
		return "behind others";
	return o->config.election == OWNERS_STRICT
		   ? "not settled, or behind others"
		   : "the owner keeps it";
}

static void
candidates_explain(
    struct owners *o, const struct claim *claim, struct owners_explanation *x)
{
	const struct candidate *next = elect_next(o, claim);
	size_t i;

	if (claim->candidate_count > o->why_room) {
		o->why_room = claim->candidate_count;
		o->whys = kit_grow(o->whys, o->why_room * sizeof(o->whys[0]));
	}
	x->next = next != NULL ? next->node : NULL;
	for (i = 0; i < claim->candidate_count; i++) {
		o->whys[i].node = claim->candidates[i].node;
		o->whys[i].weight = claim->candidates[i].weight;
		o->whys[i].why = why_of(o, claim, &claim->candidates[i], next);
	}
	x->candidates = o->whys;
	x->candidate_count = claim->candidate_count;
}

static void
events_explain(const struct owners *o, const struct claim *claim,
    struct owners_explanation *x)
{
	const struct transition *t;
	size_t i;

	x->event_count = claim->event_count;
	for (i = 0; i < claim->event_count; i++) {
		t = &claim->events[(claim->event_next + OWNERS_EVENTS - 1 - i) %
				   OWNERS_EVENTS];
		x->events[i].at_us = t->at_us;
		x->events[i].epoch = t->epoch;
		x->events[i].owner = name_of(o, t->owner);
		x->events[i].why = t->why;
	}
}

/* Why it is as it is; of one's own that is not answered: why not. */
static const char *
why_now(const struct owners *o, const struct claim *claim)
{
	if (claim->owner != o->self || claim->answering || !claim->offered)
		return claim->why;
	if (o->silent != NULL)
		return o->silent;
	if (segments_silent(o, claim) != NULL)
		return segments_silent(o, claim);
	if (owner_is_consistent(o) && !o->is_promised)
		return "the other node is lost, and nothing shows that it is "
		       "dead";
	return claim->proposed != 0 ? "most must agree first" : claim->why;
}

bool
owners_explain(struct owners *o, const struct bgpd_addr *addr,
    struct owners_explanation *x)
{
	const struct claim *claim = claim_find(o, addr);

	memset(x, 0, sizeof(*x));
	if (claim == NULL)
		return false;
	x->addr = claim->addr;
	x->owner = claim->owner != NULL ? claim->owner->name : NULL;
	x->mine = claim->owner == o->self;
	x->answering = claim->answering;
	x->epoch = claim->epoch;
	x->since_us = claim->since_us;
	x->why = why_now(o, claim);
	candidates_explain(o, claim, x);
	events_explain(o, claim, x);
	return true;
}

/* Members ---------------------------------------------------------------------------- */

static const char *
verdict_text(const struct owners *o, const struct member *m)
{
	static const char *const texts[] = {
		[VERDICT_ALIVE] = "alive",
		[VERDICT_WAIT] = "waited for",
		[VERDICT_DEAD] = "dead",
	};

	if (m == o->self)
		return "self";
	if (m->flags & MESSAGE_GONE)
		return "left";
	if (m->flags & MESSAGE_NO_CARRIER)
		return "its link is down";
	if (m->verdict == VERDICT_WAIT && o->now_us < m->grace_us)
		return "restarting";
	if (m->verdict == VERDICT_DEAD && m->heard_us == 0 &&
	    m->live == OWNERS_NEVER)
		return "never heard";
	return texts[m->verdict];
}

bool
owners_peer(const struct owners *o, size_t i, struct owners_peer *peer)
{
	const struct member *m;

	if (i >= o->member_count)
		return false;
	m = o->members[i];
	peer->name = m->name;
	peer->verdict = verdict_text(o, m);
	peer->live = m->live;
	peer->lease = m->lease;
	peer->excluded = m->excluded;
	peer->settled = m == o->self || take_is_settled(o, m);
	peer->synced = m == o->self || m->synced;
	peer->foreign = verdict_is_foreign(o, m);
	peer->watched = m != o->self && o->self->watching[i] != 0;
	peer->other_key = m->key_id != 0 && m->key_id != o->key.id;
	peer->owns = m->claim_count;
	peer->heard_us = m->heard_us;
	return true;
}
