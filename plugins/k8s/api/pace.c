/* SPDX-License-Identifier: ISC */
/* When to try again: soon after a restart, ever later where it does not help. */

/*
 * A failure waits twice as long as the one before, up to a bound, and a random
 * half of that less, so that the nodes of a cluster come apart; two minutes of
 * health and all is forgotten (the back-off of client-go's reflector). A server
 * that was well and does not answer any more is taken to be restarting: for
 * half a minute it is asked at least once a second.
 */

#include "watch.h"

#define HEALED_MS    (120 * 1000) /* well for so long: failures are forgotten */
#define WAS_WELL_MS  5000	  /* well for less: it is no restart */
#define RESTART_MS   (30 * 1000)
#define QUICK_MS     200
#define QUICK_TOP_MS 1000
#define TOP_MS	     (30 * 1000)
#define LATER_TOP_MS (300 * 1000) /* the longest Retry-After that is believed */
#define DOUBLINGS    8

/* The first wait of a status, at most. */
struct pace_first {
	int status;
	int64_t ms;
};

static const struct pace_first firsts[] = {
	{ 401, 400 }, /* the login is read again meanwhile */
	{ 403,
	    2000 }, /* also what a server says whose roles are not loaded yet */
	{ 404, 2000 },
	{ 410, 400 }, /* too old: a list */
	{ -1, 1600 },
};

static int64_t
first_of(int status)
{
	const struct pace_first *f = firsts;

	while (f->status != -1 && f->status != status)
		f++;
	return f->ms;
}

/* The nth wait: between half of it and the whole. */
static int64_t
spread(int64_t first_ms, unsigned n, int64_t top_ms, uint32_t dice)
{
	int64_t ms = first_ms << (n > DOUBLINGS ? DOUBLINGS : n);

	if (ms > top_ms)
		ms = top_ms;
	return ms - (int64_t)(dice % (uint32_t)(ms / 2));
}

void
pace_well(struct pace *p, int64_t now_ms)
{
	if (p->well)
		return;
	p->well = true;
	p->well_ms = now_ms;
}

/* The server was there a moment ago, or has not been away for long. */
static bool
is_restart(struct pace *p, int64_t now_ms, int64_t was_well_ms)
{
	if (was_well_ms >= WAS_WELL_MS) {
		p->quick = true;
		p->outage_ms = now_ms;
		p->refusals = 0;
	} else if (p->well)
		p->quick = false;
	return p->quick && now_ms - p->outage_ms < RESTART_MS;
}

int64_t
pace_fail(struct pace *p, int64_t now_ms, int status, int64_t retry_after_ms,
    uint32_t dice)
{
	int64_t was_well_ms = p->well ? now_ms - p->well_ms : 0;
	bool restart = is_restart(p, now_ms, was_well_ms);

	if (was_well_ms >= HEALED_MS || p->status != status)
		p->failures = 0;
	p->status = status;
	p->well = false;
	if (retry_after_ms >= 0) {
		if (retry_after_ms > LATER_TOP_MS)
			retry_after_ms = LATER_TOP_MS;
		return retry_after_ms +
		       spread(1000, p->failures++, TOP_MS, dice) / 4;
	}
	if (status == 0 && restart)
		return spread(QUICK_MS, p->refusals++, QUICK_TOP_MS, dice);
	return spread(first_of(status), p->failures++, TOP_MS, dice);
}
