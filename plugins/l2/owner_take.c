/* SPDX-License-Identifier: ISC */
/* Decisions about one address: take it, wait, hand it over, or give it up. */

/*
 * take_decide is asked whenever something that matters has changed, and only for
 * the addresses that it matters to. Ownership is sticky: who has it keeps it, or
 * hands it over itself. Nobody's, or a dead one's, goes to whom elect() names;
 * the others wait for that one (a start-up second for each place), then take it
 * themselves. Two that took the same are sorted out by their claims, and the
 * loser stops without a word.
 *
 * available: the claim and the first answer are one turn. consistent: the claim
 * is proposed, and holds when a majority of all members, and of the monitors of
 * the one that had it, have agreed; these agree only when their promise to that
 * one is over (verdict.c), and to each epoch once. Handing over, available, is
 * make before break (ENTRY_OFFER); consistent, the old one stops first.
 *
 * For a segment alone nothing is handed on that was just handed over, nor to one
 * that has not agreed; where nobody does, it is tried again after ever longer pauses.
 */

#include "elect.h"
#include "owner_inside.h"

static void seize(struct owners *o, struct claim *claim, const char *why);

uint16_t
take_rank(const struct claim *claim, const struct member *member)
{
	const struct candidate *c = elect_find(claim, member);

	return c == NULL ? UINT16_MAX : (uint16_t)(c - claim->candidates);
}

static int64_t
startup_us(const struct owners *o)
{
	return o->config.startup_ms * INT64_C(1000);
}

/* Answering -------------------------------------------------------------------------- */

bool
take_may_answer(const struct owners *o, const struct claim *claim)
{
	if (o->silent != NULL || claim->owner != o->self ||
	    segments_silent(o, claim) != NULL)
		return false;
	if (!owner_is_consistent(o))
		return true;
	if (verdict_promised_us(o) > o->now_us)
		return claim->accepted;
	return verdict_alone(o, claim);
}

void
take_stop(struct owners *o, struct claim *claim, const char *why)
{
	if (!claim->answering)
		return;
	claim->answering = false;
	if (o->calls.yield != NULL)
		o->calls.yield(o->arg, &claim->addr, why);
}

void
take_stop_all(struct owners *o, const char *why)
{
	struct claim *claim;

	TAILQ_FOREACH (claim, &o->self->claims, of_owner)
		take_stop(o, claim, why);
}

void
take_start(struct owners *o, struct claim *claim)
{
	if (claim->answering)
		return;
	if (!take_may_answer(o, claim)) {
		o->missed = o->missed || claim->accepted;
		return;
	}
	claim->answering = true;
	if (o->calls.take != NULL)
		o->calls.take(o->arg, &claim->addr, claim->epoch);
}

void
take_release(struct owners *o, struct claim *claim, const char *why)
{
	take_stop(o, claim, why);
	claim_set(o, claim, NULL, claim->epoch + 1, 0, why);
	claim_tell(o, claim);
}

/* What is to be done about an address ------------------------------------------------ */

bool
take_is_settled(const struct owners *o, const struct member *m)
{
	return m != o->self && m->verdict == VERDICT_ALIVE &&
	       m->live == OWNERS_UP &&
	       o->now_us >=
		   m->up_since_us + o->config.settle_ms * INT64_C(1000);
}

/* strict: the first one before this node that may take it back. */
static struct member *
better_one(const struct owners *o, const struct claim *claim)
{
	struct candidate *c;
	size_t i;

	if (o->config.election != OWNERS_STRICT)
		return NULL;
	for (i = 0; i < claim->candidate_count; i++) {
		c = &claim->candidates[i];
		if (c->member == o->self)
			return NULL;
		if (elect_unfit(o, claim, c) == NULL &&
		    take_is_settled(o, c->member) &&
		    segments_settled(o, claim, c->member))
			return c->member;
	}
	return NULL;
}

/* The others say that it is mine, but nobody offers it here (yet). */
static void
decide_unoffered(struct owners *o, struct claim *claim)
{
	if (!claim->pending)
		claim_wait(
		    o, claim, o->now_us + o->config.restart_ms * INT64_C(1000));
	else if (o->now_us >= claim->due_us) {
		claim_wait_end(o, claim);
		take_release(o, claim, "it is not offered on its owner's node");
	}
}

static void
decide_mine(struct owners *o, struct claim *claim)
{
	struct candidate *self = elect_find(claim, o->self);
	struct member *better = better_one(o, claim);
	struct member *heir = segments_heir(o, claim);
	bool unfit = segments_unfit(o, claim, o->self) != NULL;

	if (!claim->offered) {
		decide_unoffered(o, claim);
		return;
	}
	if (claim->moving)
		return;
	if (!unfit)
		claim->refused = 0;
	if (self == NULL || o->self->excluded)
		move_over(o, claim, NULL, "its owner is no candidate any more");
	else if (o->leaving == OWNERS_HANDOVER)
		move_over(o, claim, NULL, "its owner is leaving");
	else if (heir != NULL)
		move_over(
		    o, claim, heir, "its owner is not alive on its segment");
	else if (better != NULL && !unfit)
		move_over(o, claim, better, "its place in the order");
	else if (owner_is_consistent(o) && !claim->accepted &&
		 claim->proposed == 0 && !verdict_alone(o, claim))
		move_propose(o, claim, claim->epoch);
	else {
		if (claim->proposed == 0)
			claim_wait_end(o, claim);
		take_start(o, claim);
		segments_hold(o, claim);
	}
}

/* What nobody ever had is probed first, and may be known there later. */
static int64_t
patience_us(const struct owners *o, const struct claim *claim)
{
	size_t place = elect_place(o, claim);
	int64_t us = startup_us(o) * (int64_t)(place > 0 ? place : 1);

	return claim->epoch == 0 ? 2 * us : us;
}

/* Somebody else is the one; it is waited for, but not for ever. */
static void
decide_wait(struct owners *o, struct claim *claim, struct member *next)
{
	claim->proposed = 0;
	if (claim->meant != next || !claim->pending) {
		claim_mean(claim, next);
		claim_wait(o, claim, o->now_us + patience_us(o, claim));
		claim->why = "the next one is waited for";
	} else if (o->now_us >= claim->due_us) {
		struct candidate *self = elect_find(claim, o->self);

		claim_wait(o, claim, o->now_us + startup_us(o));
		/* Where it does not live, too: better than nobody. */
		if (self != NULL &&
		    elect_unfit_anywhere(o, claim, self) == NULL)
			seize(o, claim, "the next one did not take it");
	}
}

/* Just heard of: its owner may yet show that it hears this node, too. */
static bool
is_news(const struct owners *o, const struct claim *claim)
{
	return claim->owner != NULL && claim->heard_us != 0 &&
	       !(claim->owner->flags & (MESSAGE_GONE | MESSAGE_NO_CARRIER)) &&
	       o->now_us < claim->heard_us + 2 * o->interval_us;
}

static void
decide_ownerless(struct owners *o, struct claim *claim)
{
	struct candidate *next;

	if (!claim->offered) {
		claim_mean(claim, NULL);
		claim_wait_end(o, claim);
		return;
	}
	if (is_news(o, claim)) {
		claim_wait(o, claim, claim->heard_us + 2 * o->interval_us);
		return;
	}
	next = elect(o, claim, 0);
	if (next == NULL) {
		claim_mean(claim, NULL);
		claim->proposed = 0;
		claim->why = "no candidate is alive";
		claim_wait(o, claim, o->now_us + 4 * o->interval_us);
	} else if (next->member != o->self)
		decide_wait(o, claim, next->member);
	else {
		claim_mean(claim, o->self);
		seize(o, claim,
		    claim->owner != NULL ? "its owner is dead"
					 : "the first that is alive");
	}
}

/* One that lives has it. Does it know? It may have been agreed to in vain. */
static void
decide_theirs(struct owners *o, struct claim *claim)
{
	struct message_entry e = claim_entry(claim, ENTRY_CLAIM);

	claim->proposed = 0;
	claim_mean(claim, NULL);
	if (!claim->doubted) {
		claim_wait_end(o, claim);
		return;
	}
	if (claim->pending && o->now_us < claim->due_us)
		return;
	if (claim->pending)
		talk_entry(o, claim->owner, &e);
	claim_wait(o, claim, o->now_us + 4 * o->interval_us);
}

void
take_decide(struct owners *o, struct claim *claim)
{
	if (!o->started || o->hearing)
		return;
	if (claim->owner == o->self)
		decide_mine(o, claim);
	else if (claim->owner == NULL || claim->owner->verdict == VERDICT_DEAD)
		decide_ownerless(o, claim);
	else
		decide_theirs(o, claim);
}

/* It falls to this node. */
static void
seize(struct owners *o, struct claim *claim, const char *why)
{
	uint64_t epoch = claim->epoch + 1;

	/* Who cannot be understood may have it: then it is probed, too. */
	if (claim->epoch == 0 &&
	    (!claim->ready || (!claim->proven && owners_has_foreign(o)))) {
		claim->why = "it is probed first";
		claim_wait(o, claim, o->now_us + startup_us(o));
		if (!claim->asked && o->calls.wanted != NULL)
			o->calls.wanted(o->arg, &claim->addr);
		claim->asked = true;
		return;
	}
	if (owner_is_consistent(o)) {
		if (claim->epoch == 0)
			epoch = o->stamp;
		if (claim->proposed != 0)
			return; /* under way */
		if (!verdict_alone(o, claim)) {
			claim->why = "most must agree first";
			move_propose(o, claim, epoch);
			return;
		}
		if (epoch <= claim->promised)
			epoch = claim->promised + 1;
	}
	claim_wait_end(o, claim);
	claim_set(o, claim, o->self, epoch, take_rank(claim, o->self), why);
	claim->alone = owner_is_consistent(o);
	o->alone = o->alone || claim->alone;
	claim_tell(o, claim);
	take_start(o, claim);
}

/* A death costs what the dead one had. By address: all nodes count alike. */
void
take_decide_list(struct owners *o, const struct claim_list *list)
{
	size_t i, count;
	struct claim **sorted;

	if (!o->started || o->hearing || TAILQ_EMPTY(list))
		return;
	sorted = claims_sorted(list, &count);
	for (i = 0; i < count; i++)
		take_decide(o, sorted[i]);
	free(sorted);
}

void
take_decide_all(struct owners *o)
{
	size_t i;

	take_decide_list(o, &o->self->claims);
	for (i = 0; i < o->member_count; i++) {
		if (o->members[i]->verdict == VERDICT_DEAD)
			take_decide_list(o, &o->members[i]->claims);
	}
	take_decide_list(o, &o->orphans);
}

void
take_pending(struct owners *o)
{
	struct claim *claim, *next;

	if (o->hearing)
		return;
	TAILQ_FOREACH_SAFE (claim, &o->pending, of_pending, next) {
		if (o->now_us < claim->due_us)
			continue;
		if (claim->proposed != 0)
			move_propose_again(o, claim);
		else if (claim->moving && claim->owner == o->self)
			move_again(o, claim);
		else
			take_decide(o, claim);
	}
}
