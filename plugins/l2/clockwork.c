/* SPDX-License-Identifier: ISC */
/* Alarms: thousands of them on one timer of the host. */

#include <stdlib.h>
#include <time.h>

#include "carrier.h"
#include "segment.h"

static int
alarm_compare(const struct alarm *a, const struct alarm *b)
{
	if (a->due_us != b->due_us)
		return a->due_us < b->due_us ? -1 : 1;
	return a < b ? -1 : a > b;
}
RB_GENERATE_INTERNAL(
    alarms, alarm, link, alarm_compare, __attribute__((unused)) static)

int64_t
carrier_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The host's timer stands for the first of them. */
static void
clockwork_arm(struct clockwork *w)
{
	const struct alarm *first = RB_MIN(alarms, &w->alarms);
	int64_t after_us;

	if (w->running || first == NULL ||
	    (w->armed_us != 0 && w->armed_us <= first->due_us))
		return;
	after_us = first->due_us - carrier_now_us();
	w->armed_us = first->due_us;
	w->host->timer_start(
	    w->timer, after_us <= 0 ? 0 : (after_us + 999) / 1000);
}

static void
on_time(void *arg)
{
	struct clockwork *w = arg;
	/* Those that an alarm sets for at once wait for the next turn. */
	int64_t now_us = carrier_now_us();
	struct alarm *a;

	w->armed_us = 0;
	w->running = true;
	while (
	    (a = RB_MIN(alarms, &w->alarms)) != NULL && a->due_us <= now_us) {
		alarm_stop(w, a);
		a->on_alarm(a->arg);
	}
	w->running = false;
	clockwork_arm(w);
}

void
clockwork_open(
    struct clockwork *w, const struct bgpd_host *host, struct bgpd_self *self)
{
	w->host = host;
	RB_INIT(&w->alarms);
	w->timer = host->timer_new(self, on_time, w);
}

void
clockwork_close(struct clockwork *w)
{
	w->host->timer_free(w->timer);
}

void
alarm_set(struct alarm *a, void (*on_alarm)(void *), void *arg)
{
	a->on_alarm = on_alarm;
	a->arg = arg;
}

void
alarm_start(struct clockwork *w, struct alarm *a, int64_t after_us)
{
	alarm_stop(w, a);
	/* Later than now, or on_time would never end. */
	a->due_us = carrier_now_us() + (after_us > 0 ? after_us : 1);
	a->armed = true;
	RB_INSERT(alarms, &w->alarms, a);
	clockwork_arm(w);
}

void
alarm_stop(struct clockwork *w, struct alarm *a)
{
	if (!a->armed)
		return;
	a->armed = false;
	RB_REMOVE(alarms, &w->alarms, a);
}

/* Pacing ------------------------------------------------------------------------ */

#define SLOT_US	    10000
#define PEAK_FACTOR 5 /* so much faster for a burst, smoothed over slots */

void
pace_set(struct pace *p, uint32_t per_sec)
{
	p->per_sec = per_sec;
	p->per_slot = per_sec * PEAK_FACTOR / (1000000 / SLOT_US);
	if (p->per_slot == 0)
		p->per_slot = 1;
}

/*
 * May so many frames leave? 80 % of what a second allows may go ahead of it,
 * but never faster than PEAK_FACTOR: of 1000 addresses each is announced within
 * 250 ms, and a second holds no more than twice its share.
 */
bool
pace_allows(struct pace *p, int64_t now_us)
{
	if (now_us - p->slot_us >= SLOT_US || p->slot_us == 0) {
		p->slot_us = now_us;
		p->in_slot = 0;
	}
	if (p->in_slot >= p->per_slot ||
	    !bucket_take(&p->bucket, p->per_sec,
		p->per_sec >= 5 ? p->per_sec * 4 / 5 : 2, now_us))
		return false;
	p->in_slot++;
	return true;
}

/* When to ask again. */
int64_t
pace_wait_us(const struct pace *p, int64_t now_us)
{
	int64_t left_us = p->slot_us + SLOT_US - now_us;

	return left_us > 1000 ? left_us : 1000;
}
