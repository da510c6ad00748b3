/* SPDX-License-Identifier: ISC */
/* Addresses on their way: proposals, handing over, and what others say of them. */

/*
 * available: the owner offers (ENTRY_OFFER) until it hears the new one's claim,
 * a few tries for each candidate; then it stops. Both answer for as long as that
 * claim is on its way. consistent: the owner stops, and says whose it is now; for
 * a segment alone it asks the other first (ENTRY_OFFER, too), which says its own
 * name in ENTRY_ACCEPT.
 *
 * A proposal (consistent) goes with the claim that it replaces, so that who
 * agrees judges the same owner; who knows of a newer one says so instead. To an
 * epoch each agrees once; who has, to that one or a later one (its own, in vain),
 * answers with the first that it still can, and is asked for that one at once.
 * What was agreed to stands in the table at once: the old
 * owner, should it come back, hears of it from every one that agreed, before it
 * may count the promise of that one (message `agree`, owner_talk.c).
 */

#include "elect.h"
#include "owner_inside.h"

/* Proposals, consistent --------------------------------------------------------------- */

static void
propose_say(struct owners *o, struct claim *claim)
{
	struct message_entry old = claim_entry(claim, ENTRY_CLAIM);
	struct message_entry e = claim_entry(claim, ENTRY_PROPOSE);
	size_t i;

	e.owner = claim->epoch; /* what it replaces */
	e.epoch = claim->proposed;
	e.rank = take_rank(claim, o->self);
	for (i = 0; i < o->member_count; i++) {
		if (o->members[i] == o->self || claim->agreed[i])
			continue;
		if (old.epoch > 0)
			talk_entry(o, o->members[i], &old);
		talk_entry(o, o->members[i], &e);
	}
	claim_wait(o, claim, o->now_us + o->interval_us);
}

static void
propose_check(struct owners *o, struct claim *claim)
{
	size_t i, agreed = 0;

	for (i = 0; i < o->member_count; i++)
		agreed += claim->agreed[i];
	if (agreed < verdict_majority(o) ||
	    !verdict_may_agree(o, claim, o->self))
		return;
	claim_set(o, claim, o->self, claim->proposed, take_rank(claim, o->self),
	    "most have agreed");
	claim->accepted = true;
	claim_wait_end(o, claim);
	claim_tell(o, claim);
	take_start(o, claim);
	segments_hold(o, claim);
}

void
move_propose(struct owners *o, struct claim *claim, uint64_t epoch)
{
	/* Each agrees once to an epoch, and so do I. */
	if (claim->owner != o->self && epoch <= claim->promised)
		epoch = claim->promised + 1;
	claim->proposed = epoch;
	claim->proposed_us = o->now_us;
	claim->promised = epoch;
	free(claim->agreed);
	claim->agreed = kit_alloc(o->member_count);
	claim->agreed[o->self->index] = 1;
	propose_say(o, claim);
	propose_check(o, claim);
}

/* Not enough yet: again, after a while with a newer epoch. */
void
move_propose_again(struct owners *o, struct claim *claim)
{
	if (verdict_alone(o, claim)) {
		claim->proposed = 0; /* a witness has come up */
		take_decide(o, claim);
	} else if (claim->owner != o->self &&
		   o->now_us - claim->proposed_us >= 4 * o->interval_us)
		move_propose(
		    o, claim, claim->proposed + 1 + take_rank(claim, o->self));
	else {
		propose_say(o, claim);
		propose_check(o, claim);
	}
}

/* Handing over -------------------------------------------------------------------------- */

static uint64_t
bit_of(const struct claim *claim, const struct member *m)
{
	const struct candidate *c = elect_find(claim, m);

	return c != NULL && c - claim->candidates < 64
		   ? UINT64_C(1) << (c - claim->candidates)
		   : 0;
}

#define REFUSED_MAX 3 /* the pause is doubled so often */

/* To nobody: kept, unless this node must not have it. */
static void
handover_fails(struct owners *o, struct claim *claim, const char *why)
{
	claim->moving = false;
	claim->to = NULL;
	claim->tried = 0;
	claim_wait_end(o, claim);
	if (elect_find(claim, o->self) == NULL || o->self->excluded)
		take_release(o, claim, why);
	else if (segments_unfit(o, claim, o->self) != NULL) {
		claim->hold_us =
		    o->now_us +
		    (o->config.startup_ms * INT64_C(1000) << claim->refused);
		claim->refused += claim->refused < REFUSED_MAX;
		segments_hold(o, claim);
	}
}

/* Is there any sense in it? The other may be no better off, on the segment. */
static bool
is_worth_it(const struct owners *o, const struct claim *claim,
    const struct candidate *c)
{
	return c->member != o->self &&
	       (o->leaving != 0 || o->self->excluded ||
		   elect_find(claim, o->self) == NULL ||
		   segments_unfit(o, claim, c->member) == NULL);
}

static void
handover_offer(struct owners *o, struct claim *claim, struct member *to)
{
	struct message_entry e = claim_entry(claim, ENTRY_OFFER);

	if (claim->to != to)
		claim->moving_us = o->now_us;
	claim->moving = true;
	claim->to = to;
	talk_entry(o, to, &e);
	claim_wait(o, claim, o->now_us + o->interval_us);
}

/* Consistent: what it has been promised, it gives to no one that refuses. */
static bool
must_agree(
    const struct owners *o, const struct claim *claim, const struct member *to)
{
	return o->leaving == 0 && !o->self->excluded && to->segments.told &&
	       elect_find(claim, o->self) != NULL &&
	       segments_unfit(o, claim, o->self) != NULL;
}

static void
give(struct owners *o, struct claim *claim, struct member *to, const char *why)
{
	take_stop(o, claim, why);
	claim_set(o, claim, to, claim->epoch + 1, take_rank(claim, to), why);
	claim_tell(o, claim);
}

/* To that one, or to whom the election names. */
bool
move_over(
    struct owners *o, struct claim *claim, struct member *to, const char *why)
{
	struct candidate *c;

	if (to == NULL) {
		c = elect(o, claim, claim->tried | bit_of(claim, o->self));
		to = c != NULL && is_worth_it(o, claim, c) ? c->member : NULL;
	}
	if (to == NULL) {
		handover_fails(o, claim, why);
		return false;
	}
	if (!owner_is_consistent(o) || must_agree(o, claim, to))
		handover_offer(o, claim, to);
	else
		give(o, claim, to, why);
	return true;
}

void
move_again(struct owners *o, struct claim *claim)
{
	struct member *to = claim->to;

	if (to == NULL || to->verdict != VERDICT_ALIVE ||
	    o->now_us - claim->moving_us >= HANDOVER_TRY * o->interval_us) {
		claim->tried |= to != NULL ? bit_of(claim, to) : 0;
		to = NULL;
	}
	move_over(o, claim, to, "it is handed over");
}

void
move_over_all(struct owners *o, const char *why)
{
	struct claim *claim, *next;

	TAILQ_FOREACH_SAFE (claim, &o->self->claims, of_owner, next) {
		if (!claim->moving)
			move_over(o, claim, NULL, why);
	}
}

/* What is heard of others ------------------------------------------------------------- */

/* The table knows better: say so. */
static void
correct(struct owners *o, struct member *m, struct claim *claim,
    const struct message_entry *e)
{
	struct message_entry mine = claim_entry(claim, ENTRY_CLAIM);

	if (claim->epoch == 0)
		return;
	talk_entry(o, m, &mine);
	if (!claim->answering || e->owner != m->id ||
	    (claim->rival_us != 0 &&
		o->now_us - claim->rival_us < INT64_C(1000000)))
		return;
	claim->rival_us = o->now_us;
	if (o->calls.again != NULL)
		o->calls.again(o->arg, &claim->addr);
}

/* It was handed over: not to be handed on at once for its segment. */
static void
hold(const struct owners *o, struct claim *claim)
{
	claim->hold_us = o->now_us + o->config.startup_ms * INT64_C(1000);
}

static void
adopt(struct owners *o, struct claim *claim, struct member *owner,
    const struct message_entry *e)
{
	if (owner != o->self)
		take_stop(o, claim, "another node has a better claim");
	if (owner != NULL)
		owner->bound = false; /* until both know that */
	claim->heard_us = o->now_us;
	claim_wait_end(o, claim);
	claim_set(o, claim, owner, e->epoch, e->rank,
	    owner == NULL      ? "it was given up"
	    : owner == o->self ? "the others know it as this node's"
			       : "it was heard of");
	if (owner == o->self)
		hold(o, claim);
	if (!claim_forget(o, claim))
		take_decide(o, claim);
}

static void
hear_claim(struct owners *o, struct member *m, const struct message_entry *e)
{
	struct member *owner = e->owner == 0 ? NULL : member_by_id(o, e->owner);
	struct claim *claim = claim_find(o, &e->addr);

	if (e->owner != 0 && owner == NULL)
		return; /* it will be said again */
	if (claim == NULL) {
		if (owner == NULL || o->claim_count >= FOREIGN_MAX)
			return;
		claim = claim_get(o, &e->addr);
	}
	if (claim->owner == owner && claim->epoch == e->epoch) {
		if (owner == m)
			claim_doubt(claim, false);
		return;
	}
	if (claim_loses(claim, e->epoch, e->rank, owner))
		adopt(o, claim, owner, e);
	else
		correct(o, m, claim, e);
}

static void
hear_propose(struct owners *o, struct member *m, const struct message_entry *e)
{
	struct claim *claim = claim_find(o, &e->addr);
	struct message_entry yes = *e;

	if (o->hearing)
		return;
	if (claim == NULL) {
		if (o->claim_count >= FOREIGN_MAX)
			return;
		claim = claim_get(o, &e->addr);
	}
	yes.kind = ENTRY_ACCEPT;
	yes.owner = m->id;
	if (claim->owner == m && claim->epoch == e->epoch &&
	    verdict_may_agree(o, claim, m))
		talk_entry(o, m, &yes);
	else if (e->epoch < claim->epoch ||
		 (e->epoch == claim->epoch && claim->owner != m) ||
		 (claim->epoch != e->owner && claim->owner != m))
		correct(o, m, claim, e);
	else if (verdict_view(o, m) != VIEW_UP || /* it hears me, too */
		 !verdict_may_agree(o, claim, m))
		return;
	else if (e->epoch <= claim->promised) {
		yes.epoch = claim->promised + 1;
		talk_entry(o, m, &yes);
	} else {
		adopt(o, claim, m, e);
		claim_doubt(claim, true);
		take_decide(o, claim);
		talk_entry(o, m, &yes);
	}
}

static void
hear_accept(struct owners *o, struct member *m, const struct message_entry *e)
{
	struct claim *claim = claim_find(o, &e->addr);

	if (claim == NULL)
		return;
	if (claim->moving && claim->owner == o->self && claim->to == m &&
	    e->owner == m->id && e->epoch == claim->epoch &&
	    owner_is_consistent(o)) {
		give(o, claim, m, "its owner is not alive on its segment");
		return;
	}
	if (claim->proposed == 0 || e->owner != o->self->id ||
	    claim->agreed == NULL)
		return;
	if (claim->proposed == e->epoch) {
		claim->agreed[m->index] = 1;
		propose_check(o, claim);
	} else if (claim->proposed < e->epoch && claim->owner != o->self)
		move_propose(o, claim, e->epoch + take_rank(claim, o->self));
}

/* Consistent: it would take that, and could answer for it. */
static void
offer_agree(struct owners *o, struct member *m, const struct message_entry *e)
{
	struct message_entry yes = *e;

	if (verdict_promised_us(o) <= o->now_us)
		return;
	yes.kind = ENTRY_ACCEPT;
	yes.owner = o->self->id;
	talk_entry(o, m, &yes);
}

static void
hear_offer(struct owners *o, struct member *m, const struct message_entry *e)
{
	struct claim *claim = claim_find(o, &e->addr);
	struct candidate *self;

	if (claim == NULL || !claim->offered || o->hearing)
		return;
	hear_claim(o, m, e);
	self = elect_find(claim, o->self);
	if (claim->owner != m || claim->epoch != e->epoch || self == NULL)
		return;
	/* Who leaves has found nobody better. */
	if ((m->flags & MESSAGE_LEAVING ? elect_unfit_anywhere : elect_unfit)(
		o, claim, self) != NULL)
		return;
	if (owner_is_consistent(o)) {
		offer_agree(o, m, e);
		return;
	}
	claim_wait_end(o, claim);
	claim_set(o, claim, o->self, e->epoch + 1, take_rank(claim, o->self),
	    "its owner handed it over");
	hold(o, claim);
	claim_tell(o, claim);
	take_start(o, claim);
}

void
move_hear(struct owners *o, struct member *m, const struct message_entry *e)
{
	static void (*const hear[])(
	    struct owners *, struct member *, const struct message_entry *) = {
		[ENTRY_CLAIM] = hear_claim,
		[ENTRY_PROPOSE] = hear_propose,
		[ENTRY_ACCEPT] = hear_accept,
		[ENTRY_OFFER] = hear_offer,
	};

	if (e->epoch <= EPOCH_MAX)
		hear[e->kind](o, m, e);
}
