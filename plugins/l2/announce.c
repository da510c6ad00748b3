/* SPDX-License-Identifier: ISC */
/* When an address is announced, and how fast all of them may be. */

/*
 * A take announces at once and at growing distances (the step over a second is
 * for hosts whose entry was locked), then slowly for ever: a switch that forgot,
 * or a frame that was lost, costs a minute at most. Frames of many addresses
 * stand in lanes, a spot each, and leave at the pace of the interface: the first
 * frame of every address before the second of any. Unicast questions have a pace
 * of their own: no switch floods them.
 */

#include <stdlib.h>

#include "segment.h"

#define FORM_REQUEST 1
#define FORM_REPLY   2
#define REFRESH_MS   60000 /* to 100 s: under a third of 300 s of FDB ageing */
#define REFRESH_MORE 40000

static const uint16_t steps_ms[] = { 0, 100, 300, 1100, 2500, 5000, 10000 };
#define STEPS (sizeof(steps_ms) / sizeof(steps_ms[0]))

static void
lane_add(struct spot *s, enum lane lane)
{
	TAILQ_INSERT_TAIL(&s->port->lanes[lane], s, in_lane[lane == LANE_ASK]);
	if (lane == LANE_ASK)
		s->asks_queued = true;
	else
		s->lane = (uint8_t)lane;
}

static void
lane_remove(struct spot *s)
{
	if (s->lane == LANES)
		return;
	TAILQ_REMOVE(&s->port->lanes[s->lane], s, in_lane[0]);
	s->lane = LANES;
}

void
announce_ask(struct spot *s)
{
	if (!s->asks_queued)
		lane_add(s, LANE_ASK);
}

/* What leaves ------------------------------------------------------------------------- */

static void
put_form(struct spot *s, unsigned form)
{
	const struct frame_set *set = &s->frames;
	const uint8_t *from =
	    form == FORM_REQUEST ? set->announce : set->announce_reply;

	memcpy(
	    port_put(s->port, s->vip->addr.family, set->len), from, set->len);
	s->vip->announced++;
}

/* False: the pace allows no more; the spot stays with the forms that are left. */
static bool
send_forms(struct spot *s, int64_t now_us)
{
	while (s->forms != 0) {
		unsigned form =
		    s->forms & FORM_REQUEST ? FORM_REQUEST : FORM_REPLY;

		if (!pace_allows(&s->port->pace, now_us))
			return false;
		put_form(s, form);
		s->forms &= (uint8_t)~form;
		/* The reply form waits until all have had their first. */
		if (s->lane == LANE_FIRST)
			break;
	}
	return true;
}

static void
pump_announcements(struct port *p, int64_t now_us)
{
	struct spot *s;
	unsigned lane;

	for (lane = LANE_FIRST; lane <= LANE_REST; lane++) {
		while ((s = TAILQ_FIRST(&p->lanes[lane])) != NULL) {
			if (!send_forms(s, now_us))
				return;
			lane_remove(s);
			if (s->forms != 0)
				lane_add(s, LANE_REST);
		}
	}
}

static void
pump_questions(struct port *p, int64_t now_us)
{
	struct spot *s;
	unsigned count;

	while ((s = TAILQ_FIRST(&p->lanes[LANE_ASK])) != NULL &&
	       pace_allows(&p->pace_ask, now_us)) {
		TAILQ_REMOVE(&p->lanes[LANE_ASK], s, in_lane[1]);
		s->asks_queued = false;
		for (count = confirm_send(s); count > 1; count--)
			pace_allows(&p->pace_ask, now_us);
	}
}

void
announce_pump(void *arg)
{
	struct port *p = arg;
	int64_t now_us = carrier_now_us();
	unsigned lane;

	/* carrier_fence pumps again when it is moved on. */
	if (carrier_is_fenced(p->carrier, now_us))
		return;
	pump_questions(p, now_us);
	pump_announcements(p, now_us);
	port_flush(p);
	for (lane = 0; lane < LANES; lane++) {
		if (!TAILQ_EMPTY(&p->lanes[lane])) {
			alarm_start(&p->carrier->clockwork, &p->pump,
			    pace_wait_us(&p->pace, now_us));
			return;
		}
	}
}

/* When ---------------------------------------------------------------------------------- */

static void
arm(struct spot *s)
{
	int64_t after_ms =
	    s->step < STEPS
		? steps_ms[s->step] - steps_ms[s->step - 1]
		: REFRESH_MS + (int)arc4random_uniform(REFRESH_MORE);

	alarm_start(
	    &s->port->carrier->clockwork, &s->announce, after_ms * 1000);
}

static void
on_announce(void *arg)
{
	struct spot *s = arg;

	/* Where a round of it still waits, another one says no more. */
	if (s->lane == LANES) {
		s->forms = s->vip->addr.family == 4 ? FORM_REQUEST | FORM_REPLY
						    : FORM_REQUEST;
		lane_add(s, LANE_REST);
	}
	if (s->step < STEPS)
		s->step++;
	arm(s);
	if (s->step > STEPS / 2)
		confirm_repeat(s);
	announce_pump(s->port);
}

void
announce_init(struct spot *s)
{
	alarm_set(&s->announce, on_announce, s);
}

void
announce_start(struct spot *s)
{
	lane_remove(s);
	s->forms =
	    s->vip->addr.family == 4 ? FORM_REQUEST | FORM_REPLY : FORM_REQUEST;
	lane_add(s, LANE_FIRST);
	s->step = 1;
	arm(s);
}

void
announce_stop(struct spot *s)
{
	alarm_stop(&s->port->carrier->clockwork, &s->announce);
	lane_remove(s);
	if (s->asks_queued)
		TAILQ_REMOVE(&s->port->lanes[LANE_ASK], s, in_lane[1]);
	s->asks_queued = false;
}

void
announce_now(struct spot *s)
{
	if (carrier_is_fenced(s->port->carrier, carrier_now_us()))
		return;
	put_form(s, FORM_REQUEST);
	if (s->vip->addr.family == 4)
		put_form(s, FORM_REPLY);
	port_flush(s->port);
}
