/* SPDX-License-Identifier: ISC */
/* The verdict: who is alive, who is dead, and whether this node must be silent. */

/*
 * Each member is watched by others, its monitors (members.c). What a monitor sees,
 * by BFD, it tells (views). A member is dead when ceil((m+1)/2) of its m monitors
 * see it down, or when it said so itself.
 *
 * available: monitors that this node cannot reach do not count. Is it the only
 * one left, then the gateway is the witness: reached, or none is watched: the
 * member is dead (somebody must serve this part of the segment); lost: this node
 * is the one that is cut off, and is silent, but for where the Lease of the member
 * has run out, which is seen only by who keeps its own. And who is still heard is
 * not dead, unless it says that it is silent: it is this node that is not heard.
 *
 * consistent (all watch all, up to 64): all monitors count. A node answers only
 * while ceil(m/2) of them promise to let nobody replace it (MESSAGE_GRANT). For
 * who has the promise it lasts a detection time from when it sent what the other
 * echoes; for who made it an interval longer, from when it heard that: owner_stop
 * <= detect < takeover = detect + guard. A promise counts only from one that is in
 * step (`agree`), and that is asked anew whenever it had run out.
 * A claim holds when a majority agrees, this node being one. Each agrees to an
 * epoch once, to a claim that replaces just what it knows of itself, and only
 * while nobody to whom it has promised could own the address: the owner by its
 * table, or one that is not in step. A majority and ceil(m/2) of m share a node:
 * so who is replaced has no promise left, and gets none before it knows.
 *
 * Two nodes, consistent: the other is the only monitor. With Leases the Lease is
 * the witness: gone for the other, alive for this one. Without, the gateway: who
 * had an address by a promise stops, the other takes it when the gateway is
 * reached (and from then on answers without a promise, MESSAGE_ALONE, so that
 * nothing of that can be taken before the two were in step again); none
 * watched: it does not, since nothing tells a dead node from a cut cable.
 */

#include "owner_inside.h"

#define QUIET_US   INT64_C(2500000) /* two regular messages were lost */
#define STRANGE_US INT64_C(500000)

/* What this node sees ---------------------------------------------------------------- */

/*
 * How long a message that it answered shows that it lives, and that both ways
 * are open, while BFD does not.
 */
static int64_t
message_lasts_us(const struct owners *o, const struct member *m)
{
	if (!o->self->watching[m->index])
		return QUIET_US;
	/* BFD is slow to come up, at first and again, or is blocked. */
	return m->live == OWNERS_NEVER || m->both_us > m->down_us
		   ? 4 * o->detect_us
		   : o->detect_us;
}

bool
verdict_sees(const struct owners *o, const struct member *m)
{
	bool watching = o->self->watching[m->index] != 0;
	int64_t last_us = watching ? m->both_us : m->heard_us;

	if (m == o->self)
		return true;
	if (m->live != OWNERS_UP)
		return last_us != 0 &&
		       o->now_us - last_us < message_lasts_us(o, m);
	/* BFD is Up to one that is in Init, and may hear nothing any more. */
	return !owner_is_consistent(o) || !watching ||
	       o->now_us - last_us < 2 * o->detect_us;
}

static bool
said_it_stopped(const struct member *m)
{
	return (m->flags & (MESSAGE_GONE | MESSAGE_NO_CARRIER)) != 0;
}

/* Who is not up speaks each interval; who is dead was heard for longer not. */
static int64_t
is_heard_until_us(const struct owners *o, const struct member *m)
{
	int64_t last_us = m->heard_us > m->spoke_us ? m->heard_us : m->spoke_us;

	return last_us == 0 ? 0 : last_us + o->detect_us - o->interval_us / 2;
}

/* It speaks, whether or not it hears this node, and does not say it is silent. */
static bool
is_heard(const struct owners *o, const struct member *m)
{
	return o->now_us < is_heard_until_us(o, m) &&
	       (m->flags & MESSAGE_SELF_FENCED) == 0;
}

bool
verdict_is_foreign(const struct owners *o, const struct member *m)
{
	int64_t since_us =
	    m->heard_us > m->up_since_us ? m->heard_us : m->up_since_us;

	/* Who has come up speaks at once. */
	return m != o->self && m->live == OWNERS_UP &&
	       o->now_us - since_us >=
		   (m->heard_us == 0 ? STRANGE_US : QUIET_US);
}

/* May it still answer by what was promised to it here? */
static bool
is_promised_to(const struct owners *o, const struct member *m)
{
	return !said_it_stopped(m) && m->granted_us != 0 &&
	       o->now_us < m->granted_us + o->detect_us + o->interval_us;
}

int64_t
verdict_next_us(const struct owners *o)
{
	const struct member *m;
	int64_t ends[4], next = NEVER_US;
	size_t i, k;

	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (m == o->self ||
		    (m->live == OWNERS_UP && !owner_is_consistent(o)))
			continue;
		ends[0] = m->grace_us;
		ends[1] = m->both_us + message_lasts_us(o, m);
		ends[2] = m->granted_us + o->detect_us + o->interval_us;
		ends[3] = is_heard_until_us(o, m);
		for (k = 0; k < 4; k++) {
			if (ends[k] > o->review_us && ends[k] < next)
				next = ends[k];
		}
	}
	return next;
}

uint8_t
verdict_view(const struct owners *o, const struct member *m)
{
	if (said_it_stopped(m))
		return VIEW_DOWN;
	if (verdict_sees(o, m) || o->now_us < m->grace_us)
		return VIEW_UP;
	if (m->live == OWNERS_NEVER &&
	    o->now_us < m->added_us + o->config.startup_ms * INT64_C(1000))
		return VIEW_UNKNOWN;
	/* The guard: my promise ends later than it is believed. */
	if (owner_is_consistent(o) && is_promised_to(o, m))
		return VIEW_UNKNOWN;
	return VIEW_DOWN;
}

/* What the monitors see --------------------------------------------------------------- */

struct count {
	size_t monitors, downs, ups;
	bool only_me;
};

/* available: within reach, awake, and heard lately. */
bool
verdict_has_opinion(const struct owners *o, const struct member *w)
{
	return verdict_sees(o, w) && (w->flags & MESSAGE_HEARING) == 0 &&
	       o->now_us - w->heard_us < QUIET_US;
}

static void
count_one(const struct owners *o, const struct member *w,
    const struct member *m, struct count *count)
{
	uint8_t view = w == o->self ? verdict_view(o, m) : w->views[m->index];

	if (!owner_is_consistent(o)) {
		if (w != o->self && !verdict_has_opinion(o, w))
			return;
		if (view == VIEW_UNKNOWN)
			return;
	}
	count->only_me = count->monitors == 0 && w == o->self;
	count->monitors++;
	count->downs += view == VIEW_DOWN;
	count->ups += view == VIEW_UP;
}

static struct count
count_all(const struct owners *o, const struct member *m)
{
	struct count count = { 0 };
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		if (o->members[i] != m && m->watching[i])
			count_one(o, o->members[i], m, &count);
	}
	return count;
}

/* available, and nobody else can say: is this node the one that is cut off? */
static bool
is_rather_me(const struct owners *o, const struct member *m)
{
	if (o->gateway == OWNERS_LOST || o->gateway == OWNERS_ASKED)
		return m->lease != OWNERS_GONE;
	return is_heard(o, m);
}

enum verdict
verdict_of(const struct owners *o, const struct member *m)
{
	struct count count;

	if (m == o->self)
		return VERDICT_ALIVE;
	if (said_it_stopped(m))
		return VERDICT_DEAD;
	if (o->now_us < m->grace_us && !verdict_sees(o, m))
		return VERDICT_WAIT;
	count = count_all(o, m);
	if (count.monitors == 0)
		return m->live == OWNERS_NEVER && m->heard_us == 0
			   ? VERDICT_WAIT
			   : VERDICT_ALIVE;
	/* ceil((m+1)/2) */
	if (count.downs < count.monitors / 2 + 1)
		return count.ups > 0 ? VERDICT_ALIVE : VERDICT_WAIT;
	if (!owner_is_consistent(o) && count.only_me && is_rather_me(o, m))
		return VERDICT_WAIT;
	return VERDICT_DEAD;
}

bool
verdict_gone_by_lease(const struct owners *o, const struct member *w)
{
	return w->lease == OWNERS_GONE && !verdict_sees(o, w);
}

const char *
verdict_self(const struct owners *o)
{
	size_t i, monitors = 0, seeing = 0;
	const struct member *w;

	if (owner_is_consistent(o) || o->gateway != OWNERS_LOST)
		return NULL;
	for (i = 0; i < o->member_count; i++) {
		w = o->members[i];
		if (w == o->self || !o->self->watching[i] ||
		    verdict_gone_by_lease(o, w))
			continue;
		monitors++;
		seeing +=
		    verdict_sees(o, w) && w->views[o->self->index] != VIEW_DOWN;
	}
	return seeing < (monitors + 1) / 2
		   ? "too few see this node, and its gateway is lost"
		   : NULL;
}

/* Consistent --------------------------------------------------------------------------- */

size_t
verdict_majority(const struct owners *o)
{
	return o->member_count / 2 + 1;
}

int64_t
verdict_promised_us(const struct owners *o)
{
	int64_t best[MESSAGE_VIEWS], until;
	size_t i, k, n = 0, monitors = 0;
	const struct member *w;

	for (i = 0; i < o->member_count; i++) {
		w = o->members[i];
		if (w == o->self || !o->self->watching[i])
			continue;
		monitors++;
		if (!w->synced || w->echoed_us == 0 || n == MESSAGE_VIEWS)
			continue;
		until = w->echoed_us + o->detect_us;
		for (k = n++; k > 0 && best[k - 1] < until; k--)
			best[k] = best[k - 1];
		best[k] = until;
	}
	if (monitors == 0)
		return o->now_us + o->detect_us;
	k = (monitors + 1) / 2;
	return n < k ? 0 : best[k - 1];
}

bool
verdict_may_agree(const struct owners *o, const struct claim *claim,
    const struct member *proposer)
{
	const struct member *m;
	size_t i;

	if (claim->owner == o->self && proposer != o->self && o->silent == NULL)
		return false; /* I answer for it */
	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (m == o->self || m == proposer || !is_promised_to(o, m))
			continue;
		if (claim->owner == m || m->digest != m->claims_digest)
			return false;
	}
	return true;
}

bool
verdict_alone(const struct owners *o, const struct claim *claim)
{
	const struct member *other;

	if (!owner_is_consistent(o) || o->member_count != 2 ||
	    o->gateway == OWNERS_LOST || o->no_carrier)
		return false;
	other = o->members[o->self->index == 0];
	if (verdict_view(o, other) != VIEW_DOWN)
		return false;
	if (said_it_stopped(other) && claim->owner == other)
		return true;
	if (o->leased)
		return o->self->lease == OWNERS_ALIVE &&
		       other->lease == OWNERS_GONE;
	return o->gateway == OWNERS_REACHED &&
	       ((claim->owner == other && other->bound) ||
		   (claim->owner == o->self && claim->alone));
}
