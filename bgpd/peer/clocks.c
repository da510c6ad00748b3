/* SPDX-License-Identifier: ISC */
/* The timers of a connection: hold, keepalive, send hold; and jitter. */

/*
 * A message does not re-arm the hold timer, it only notes the time: the timer
 * looks when it goes off, and sleeps again for what is left. So a full table
 * costs no timer calls.
 */
#include <bsd/stdlib.h>

#include "peer/session.h"

#define SEND_HOLD_LEAST_SECS 480 /* RFC 9687 3: eight minutes */

int64_t
clocks_jitter(int64_t ms)
{
	/* RFC 4271 10: uniformly distributed between 0.75 and 1. */
	if (ms < 4)
		return ms;
	return ms - (int64_t)arc4random_uniform((uint32_t)(ms / 4));
}

unsigned
clocks_backoff(unsigned attempt, unsigned longest)
{
	unsigned secs = 0;

	if (attempt > 0)
		secs = attempt > 16 ? longest : 1u << (attempt - 1);
	return secs < longest ? secs : longest;
}

static int64_t
clocks_now(const struct session *session)
{
	return loop_now_ms(session->peer->peers->loop);
}

/* 0 when the time since `then` has come; else what is left of it. */
static int64_t
clocks_left(const struct session *session, int64_t then, int64_t ms)
{
	int64_t left = then + ms - clocks_now(session);

	return left > 0 ? left : 0;
}

static int64_t
clocks_hold_ms(const struct session *session)
{
	if (session->state >= FSM_OPEN_CONFIRM)
		return session->hold_secs * INT64_C(1000);
	if (session->peer->plan.guest)
		return CLOCK_GUEST_SECS * INT64_C(1000);
	return CLOCK_OPEN_SECS * INT64_C(1000);
}

static void
clocks_on_hold(void *arg)
{
	struct session *session = arg;
	uint32_t life = session->life;
	struct notification error;
	int64_t left;

	/* If we were the slow one, what the peer said waits in the socket. */
	if (clocks_left(session, session->heard_ms, clocks_hold_ms(session)) ==
	    0)
		stream_poll(session);
	if (session->life != life)
		return;
	left = clocks_left(session, session->heard_ms, clocks_hold_ms(session));
	if (left > 0) {
		timer_start(session->hold_timer, left);
		return;
	}
	notification_set(&error, NOTIFY_HOLD, 0, "nothing heard for %lld s",
	    (long long)clocks_hold_ms(session) / 1000);
	session_event(session, FSM_HOLD, &error);
}

static void
clocks_start_keepalive(struct session *session)
{
	timer_start(session->keepalive_timer,
	    clocks_jitter(session->keepalive_secs * INT64_C(1000)));
}

static void
clocks_on_keepalive(void *arg)
{
	struct session *session = arg;
	uint32_t life = session->life;

	session_event(session, FSM_KEEPALIVE_DUE, NULL);
	if (session->life != life)
		return;
	clocks_start_keepalive(session);
	stream_push(session);
}

/* RFC 9687 3: twice the hold time, and not below eight minutes by default. */
static int64_t
clocks_send_hold_ms(const struct session *session)
{
	int64_t secs = session->hold_secs * INT64_C(2);

	return (secs < SEND_HOLD_LEAST_SECS ? SEND_HOLD_LEAST_SECS : secs) *
	       1000;
}

static void
clocks_on_send_hold(void *arg)
{
	struct session *session = arg;
	int64_t ms = clocks_send_hold_ms(session);
	int64_t left = clocks_left(session, session->progress_ms, ms);
	struct notification error;

	if (left > 0) {
		timer_start(session->send_timer, left);
		return;
	}
	notification_set(&error, NOTIFY_SEND_HOLD, 0,
	    "the peer has taken nothing for %lld s", (long long)ms / 1000);
	session_event(session, FSM_SEND_HOLD, &error);
}

void
clocks_init(struct session *session)
{
	struct loop *loop = session->peer->peers->loop;

	session->hold_timer = timer_new(loop, clocks_on_hold, session);
	session->keepalive_timer =
	    timer_new(loop, clocks_on_keepalive, session);
	session->send_timer = timer_new(loop, clocks_on_send_hold, session);
}

void
clocks_clear(struct session *session)
{
	timer_free(session->hold_timer);
	timer_free(session->keepalive_timer);
	timer_free(session->send_timer);
}

void
clocks_stop(struct session *session)
{
	timer_stop(session->hold_timer);
	timer_stop(session->keepalive_timer);
	timer_stop(session->send_timer);
}

void
clocks_wait_for_open(struct session *session)
{
	session->heard_ms = clocks_now(session);
	timer_start(session->hold_timer, clocks_hold_ms(session));
}

void
clocks_negotiated(struct session *session)
{
	session->heard_ms = clocks_now(session);
	/* RFC 4271 4.2: a hold time of 0 means no KEEPALIVE at all. */
	if (session->hold_secs == 0) {
		timer_stop(session->hold_timer);
		return;
	}
	timer_start(session->hold_timer, session->hold_secs * INT64_C(1000));
	clocks_start_keepalive(session);
}

void
clocks_blocked(struct session *session, bool blocked)
{
	if (!blocked || session->hold_secs == 0)
		timer_stop(session->send_timer);
	else if (!timer_is_on(session->send_timer))
		timer_start(session->send_timer, clocks_send_hold_ms(session));
}
