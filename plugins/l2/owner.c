/* SPDX-License-Identifier: ISC */
/* The life of the owner half: begin, hear first, look around, be silent, leave. */

/*
 * Whatever the door is asked runs between owner_begin and owner_end. The first
 * looks at the clock: a loop that stood still for longer than the detection time
 * has been declared dead, so that what it owned is not answered before the others
 * were heard (owner_hush). The second says until when this node may answer at
 * all (`fence`) and sends what is to be said.
 *
 * Hearing first is the same after a start, a gap, a lost link and after being cut
 * off: it ends when every member has said the same as is known here, or when its
 * time is over; consistent, a majority must have been heard. Only then is
 * anything decided.
 */

#include "elect.h"
#include "owner_inside.h"

const struct owners_config owners_defaults = {
	.election = OWNERS_HASH,
	.partition = OWNERS_AVAILABLE,
	.interval_ms = 50,
	.multiplier = 3,
	.settle_ms = 300000,
	.restart_ms = 2000,
	.startup_ms = 1000,
};

#define LEAVE_US INT64_C(2000000) /* for all to be taken over */
#define GRACE_US INT64_C(5000000) /* a new start is waited for, if heard */

/* Silence --------------------------------------------------------------------------- */

/* Two, consistent, the other is lost: some addresses may be answered alone. */
static bool
is_alone(const struct owners *o)
{
	const struct member *other;

	if (o->member_count != 2 || o->gateway == OWNERS_LOST)
		return false;
	other = o->members[o->self->index == 0];
	return verdict_view(o, other) == VIEW_DOWN;
}

static const char *
silent_why(const struct owners *o)
{
	if (!o->started)
		return "the members are not known yet";
	if (o->hearing)
		return o->frozen ? "it stood still: it hears the others first"
				 : "it hears the others first";
	if (o->no_carrier)
		return "its link is down";
	if (o->left_in > 0 && o->leaving == OWNERS_HANDOVER)
		return "it has left";
	return verdict_self(o);
}

static void
stop_what_is_not_alone(struct owners *o)
{
	struct claim *claim, *next;

	TAILQ_FOREACH_SAFE (claim, &o->self->claims, of_owner, next) {
		if (claim->answering && !verdict_alone(o, claim))
			take_stop(o, claim, "the other node is lost");
	}
}

/* There is a promise again: what was taken alone is bound by it, too. */
static void
alone_end(struct owners *o)
{
	struct claim *claim, *next;

	if (!o->alone)
		return;
	o->alone = false;
	TAILQ_FOREACH_SAFE (claim, &o->self->claims, of_owner, next) {
		claim->accepted = claim->accepted || claim->alone;
		claim->alone = false;
	}
}

/* Consistent: until when, by promises or alone; 0: not. */
static int64_t
promised(struct owners *o)
{
	int64_t until = verdict_promised_us(o);

	if (until > o->now_us) {
		o->lost_us = 0;
		o->is_promised = true;
		alone_end(o);
		return until;
	}
	o->is_promised = false;
	if (is_alone(o)) {
		stop_what_is_not_alone(o);
		return o->now_us + o->detect_us;
	}
	/* A message that was lost is no reason to give everything up. */
	if (o->lost_us == 0)
		o->lost_us = o->now_us;
	if (o->now_us - o->lost_us >= o->detect_us)
		take_stop_all(o, "too few promise to wait for this node");
	return 0;
}

static void
silence(struct owners *o)
{
	const char *why = silent_why(o), *before = o->silent;
	bool was_promised = o->is_promised, more;
	int64_t until = 0;

	if (why != NULL)
		take_stop_all(o, why);
	else if (!owner_is_consistent(o))
		until = o->now_us + o->detect_us;
	else {
		until = promised(o);
		if (until == 0)
			why = "too few promise to wait for this node";
	}
	o->silent = why;
	if (until != o->fence_us && o->calls.fence != NULL)
		o->calls.fence(o->arg, until);
	o->fence_us = until;
	if (why != NULL || o->hearing)
		return;
	more = before != NULL || was_promised != o->is_promised ||
	       (o->missed && o->is_promised);
	if (more) {
		o->missed = false;
		take_decide_list(o, &o->self->claims);
	}
}

/* Hearing first --------------------------------------------------------------------- */

void
owner_hush(struct owners *o, int64_t for_us, bool frozen)
{
	size_t i;

	o->hearing = true;
	o->frozen = frozen;
	o->hush_seq = o->seq + 1;
	if (o->now_us + for_us > o->hearing_us)
		o->hearing_us = o->now_us + for_us;
	for (i = 0; i < o->member_count; i++) {
		o->members[i]->synced = false;
		o->members[i]->full_us = o->members[i]->known_us = 0;
		o->members[i]->send_us = o->now_us;
	}
	silence(o);
	talk_hurry(o);
}

static bool
has_heard(const struct owners *o)
{
	size_t i, synced = 1;

	for (i = 0; i < o->member_count; i++)
		synced += o->members[i] != o->self && o->members[i]->synced;
	if (synced == o->member_count)
		return true;
	if (o->now_us < o->hearing_us)
		return false;
	return !owner_is_consistent(o) || o->member_count == 2 ||
	       synced >= verdict_majority(o);
}

static void
hear_end(struct owners *o)
{
	if (!o->hearing || !o->started || !has_heard(o))
		return;
	o->hearing = o->frozen = false;
	o->hearing_us = 0;
	silence(o);
	talk_hurry(o);
	take_decide_all(o);
}

/* Looking around -------------------------------------------------------------------- */

/* Too few see me, or again enough do. */
static void
review_self(struct owners *o)
{
	bool fenced = verdict_self(o) != NULL;

	if (fenced == o->self_fenced)
		return;
	o->self_fenced = fenced;
	if (fenced) {
		silence(o);
		talk_hurry(o); /* who hears it need not wait */
	} else
		owner_hush(o, 2 * o->detect_us, false);
}

static void
review_settled(struct owners *o)
{
	struct member *m;
	bool more = false;
	size_t i;

	if (o->config.election != OWNERS_STRICT)
		return;
	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (take_is_settled(o, m) == m->strict_seen)
			continue;
		m->strict_seen = !m->strict_seen;
		more = more || m->strict_seen;
	}
	if (more)
		take_decide_list(o, &o->self->claims);
}

/* What this node sees is another than what it said last. */
static void
review_views(struct owners *o)
{
	uint8_t view, *said = o->self->views;
	bool changed = false;
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		view = verdict_view(o, o->members[i]);
		changed = changed || view != said[i];
		said[i] = view;
	}
	if (changed)
		talk_hurry(o);
}

void
owner_review(struct owners *o)
{
	struct member *m;
	bool changed = false, died = false;
	size_t i;

	if (!o->started)
		return;
	o->review_us = o->now_us;
	review_views(o);
	for (i = 0; i < o->member_count; i++) {
		uint8_t verdict;

		m = o->members[i];
		verdict = (uint8_t)verdict_of(o, m);
		changed = changed || verdict != m->verdict;
		died =
		    died || (verdict != m->verdict && verdict == VERDICT_DEAD);
		m->verdict = verdict;
	}
	review_self(o);
	segments_review(o);
	elect_review(o);
	/* Also what was left of others: this one may have been meant to get it. */
	for (i = 0; died && i < o->member_count; i++) {
		if (o->members[i]->verdict == VERDICT_DEAD)
			take_decide_list(o, &o->members[i]->claims);
	}
	if (changed)
		take_decide_list(o, &o->orphans);
	review_settled(o);
	hear_end(o);
}

/* Begin and end ----------------------------------------------------------------------- */

/* Did the loop stand still for longer than the others wait for it? */
static bool
was_frozen(const struct owners *o, int64_t now_us)
{
	int64_t due = o->tick_us + o->interval_us;

	if (!o->started || o->hearing || o->member_count == 1)
		return false; /* nobody could have taken it */
	if (!owner_is_consistent(o) && o->fence_us != 0 &&
	    now_us >= o->fence_us)
		return true;
	return now_us - (due > o->now_us ? due : o->now_us) >= o->detect_us;
}

void
owner_begin(struct owners *o, int64_t now_us)
{
	bool frozen = was_frozen(o, now_us);

	if (o->busy)
		abort(); /* a callback called the door: our own fault */
	o->busy = true;
	if (now_us > o->now_us)
		o->now_us = now_us;
	if (frozen)
		owner_hush(o, 2 * o->detect_us, true);
}

void
owner_end(struct owners *o)
{
	silence(o);
	if (o->started)
		talk_flush(o);
	o->busy = false;
}

/* Leaving ---------------------------------------------------------------------------- */

/* Somebody else who could take what this node has. */
static bool
has_heirs(const struct owners *o)
{
	size_t i;

	for (i = 0; i < o->member_count; i++)
		if (o->members[i] != o->self &&
		    o->members[i]->verdict != VERDICT_DEAD)
			return true;
	return false;
}

static void
leave_step(struct owners *o)
{
	if (o->leaving == 0 || o->left_in == 1)
		return;
	if (o->left_in > 1) {
		if (--o->left_in == 1 && o->calls.left != NULL)
			o->calls.left(o->arg);
		return;
	}
	if (o->self->claim_count > 0 && o->now_us < o->leave_us && has_heirs(o))
		return;
	o->left_in = TELL_TIMES + 1;
	silence(o);
	talk_hurry(o);
}

void
owners_leave(struct owners *o, enum owners_leaving how, int64_t now_us)
{
	owner_begin(o, now_us);
	if (o->leaving == 0) {
		o->leaving = (uint8_t)how;
		o->leave_us = o->now_us + LEAVE_US;
		if (how == OWNERS_RESTART)
			o->left_in = TELL_TIMES + 1;
		else
			move_over_all(o, "its owner is leaving");
		talk_hurry(o);
		/* Nobody is known, and no tick will come. */
		if (!o->started && o->calls.left != NULL)
			o->calls.left(o->arg);
	}
	owner_end(o);
}

/* The door ---------------------------------------------------------------------------- */

struct owners *
owners_new(const char *self, uint64_t boot, uint64_t stamp_ms,
    const struct owners_calls *calls, void *arg, int64_t now_us)
{
	struct owners *o = kit_alloc(sizeof(*o));

	o->calls = *calls;
	o->arg = arg;
	o->self_name = kit_copy(self);
	o->boot = boot != 0 ? boot : 1;
	o->stamp = stamp_ms > 0 && stamp_ms < EPOCH_MAX / 2 ? stamp_ms : 1;
	o->now_us = o->tick_us = now_us;
	o->silent = "the members are not known yet";
	RB_INIT(&o->claims);
	RB_INIT(&o->groups);
	TAILQ_INIT(&o->orphans);
	TAILQ_INIT(&o->pending);
	TAILQ_INIT(&o->news);
	members_replace(o, NULL, 0);
	owners_configure(o, &owners_defaults, now_us);
	owners_key(o, NULL, 0);
	return o;
}

void
owners_free(struct owners *o)
{
	if (o == NULL)
		return;
	claims_free(o);
	members_free(o);
	free(o->self_name);
	free(o->whys);
	explicit_bzero(&o->key, sizeof(o->key));
	explicit_bzero(&o->old_key, sizeof(o->old_key));
	free(o);
}

void
owners_configure(
    struct owners *o, const struct owners_config *config, int64_t now_us)
{
	bool stricter = o->started && config->partition != o->config.partition;

	owner_begin(o, now_us);
	o->config = *config;
	o->interval_us = config->interval_ms * INT64_C(1000);
	o->detect_us = o->interval_us * config->multiplier;
	members_watch(o);
	elect_look_again(o);
	/* What was answered by other rules is heard about first. */
	if (stricter)
		owner_hush(o, 2 * o->detect_us, false);
	if (o->started)
		owner_review(o);
	owner_end(o);
}

void
owners_members(struct owners *o, const struct owners_member *members,
    size_t count, int64_t now_us)
{
	owner_begin(o, now_us);
	if (!members_update(o, members, count)) {
		members_replace(o, members, count);
		addr_members_changed(o);
	}
	if (!o->started) {
		o->started = true;
		owner_hush(o, o->config.startup_ms * INT64_C(1000), false);
	}
	owner_review(o);
	take_decide_list(o, &o->self->claims);
	take_decide_list(o, &o->orphans);
	owner_end(o);
}

void
owners_tick(struct owners *o, int64_t now_us)
{
	owner_begin(o, now_us);
	o->tick_us = o->now_us;
	if (o->started) {
		owner_review(o);
		take_pending(o);
		leave_step(o);
		elect_look(o);
		talk_due(o);
	}
	owner_end(o);
}

int64_t
owners_next(const struct owners *o)
{
	int64_t next_us;

	if (!o->started ||
	    (o->member_count == 1 && o->claim_count == 0 && o->leaving == 0))
		return NEVER_US;
	next_us = verdict_next_us(o);
	if (o->hearing && o->hearing_us > o->review_us &&
	    o->hearing_us < next_us)
		next_us = o->hearing_us;
	if (o->segments.due_us > o->review_us && o->segments.due_us < next_us)
		next_us = o->segments.due_us;
	return next_us < o->tick_us + o->interval_us
		   ? next_us
		   : o->tick_us + o->interval_us;
}

void
owners_gap(struct owners *o, int64_t now_us)
{
	owner_begin(o, now_us);
	if (o->started)
		owner_hush(o, 2 * o->detect_us, true);
	owner_end(o);
}

void
owners_liveness(
    struct owners *o, const char *name, enum owners_live live, int64_t now_us)
{
	struct member *m = member_find(o, name);

	owner_begin(o, now_us);
	if (m != NULL && m != o->self && m->live != live) {
		if (m->live == OWNERS_UP)
			m->down_us = o->now_us;
		m->live = (uint8_t)live;
		if (live == OWNERS_UP) {
			m->up_since_us = o->now_us;
			m->grace_us = m->grace_end_us = 0;
		} else
			m->synced = false;
		if (live == OWNERS_ADMIN_DOWN && !(m->flags & MESSAGE_GONE)) {
			m->grace_us =
			    o->now_us + o->config.restart_ms * INT64_C(1000);
			m->grace_end_us = o->now_us + GRACE_US;
		}
		owner_review(o);
		talk_hurry(o);
	}
	owner_end(o);
}

void
owners_spoke(struct owners *o, const char *name, int64_t at_us)
{
	struct member *m = member_find(o, name);

	if (m != NULL && at_us > m->spoke_us)
		m->spoke_us = at_us;
}

void
owners_gateway(struct owners *o, enum owners_gateway gateway, int64_t now_us)
{
	owner_begin(o, now_us);
	if (o->gateway != gateway) {
		o->gateway = (uint8_t)gateway;
		owner_review(o);
	}
	owner_end(o);
}

void
owners_carrier(struct owners *o, bool carrier, int64_t now_us)
{
	owner_begin(o, now_us);
	if (o->no_carrier == carrier) {
		o->no_carrier = !carrier;
		if (!carrier)
			talk_hurry(o);
		else if (o->started)
			owner_hush(o, 2 * o->detect_us, false);
		silence(o);
	}
	owner_end(o);
}

const char *
owners_silent(const struct owners *o)
{
	return o->silent;
}

int64_t
owners_fence(const struct owners *o)
{
	return o->fence_us;
}
