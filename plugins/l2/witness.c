/* SPDX-License-Identifier: ISC */
/* The gateway as a witness: does it answer us, when another node does not? */

/*
 * It is asked once a second, and in a hurry as soon as a node falls silent: then
 * an answer is waited for a tenth of a second. Three questions without an answer
 * are a lost gateway. What was known before the node fell silent does not count:
 * until then nobody is replaced on its word alone, and in a partition that must
 * stay consistent it is lost until it answers.
 */

#include <stdlib.h>

#include "l2.h"

#define ASK_MS	    1000
#define FIRST_MS    100 /* at first: a node may die early */
#define FIRST_COUNT 50
#define HURRY_MS    25
#define HURRY_COUNT 4
#define LOST_AFTER  3

struct witness {
	struct bgpd_timer *timer;
	enum owners_gateway state;
	unsigned unanswered, hurries;
	unsigned early; /* quick looks for a first gateway that are left */
};

static void
witness_say(struct l2 *l2, enum owners_gateway state)
{
	if (l2->witness->state == state)
		return;
	l2->witness->state = state;
	owners_gateway(l2->owners, state, carrier_now_us());
	l2_settle(l2);
}

static void
witness_ask(struct l2 *l2)
{
	struct witness *w = l2->witness;

	/* A node alone has nobody to be told apart from. */
	if (l2->crew.count < 2 || carrier_ask_gateways(l2->carrier) == 0) {
		w->unanswered = w->hurries = 0;
		witness_say(l2, OWNERS_NO_GATEWAY);
		return;
	}
	w->unanswered++;
}

static unsigned
pause_ms(struct witness *w)
{
	if (w->hurries > 0)
		return HURRY_MS;
	if (w->state != OWNERS_NO_GATEWAY || w->early == 0)
		return ASK_MS;
	w->early--;
	return FIRST_MS;
}

static void
on_time(void *arg)
{
	struct l2 *l2 = arg;
	struct witness *w = l2->witness;

	if (w->hurries > 0)
		w->hurries--;
	if (w->unanswered >= LOST_AFTER)
		witness_say(l2, OWNERS_LOST);
	witness_ask(l2);
	l2->host->timer_start(w->timer, pause_ms(w));
}

void
witness_hear(struct l2 *l2)
{
	l2->witness->unanswered = l2->witness->hurries = 0;
	witness_say(l2, OWNERS_REACHED);
}

void
witness_hurry(struct l2 *l2)
{
	struct witness *w = l2->witness;

	if (w->state == OWNERS_NO_GATEWAY || w->hurries > 0)
		return;
	w->hurries = HURRY_COUNT;
	w->unanswered = 0;
	if (l2->knobs.owner.partition == OWNERS_CONSISTENT)
		witness_say(l2, OWNERS_LOST);
	else if (w->state == OWNERS_REACHED)
		witness_say(l2, OWNERS_ASKED);
	witness_ask(l2);
	l2->host->timer_start(w->timer, HURRY_MS);
}

enum owners_gateway
witness_state(const struct l2 *l2)
{
	return l2->witness->state;
}

void
witness_open(struct l2 *l2)
{
	struct witness *w = kit_alloc(sizeof(*w));

	w->state = OWNERS_NO_GATEWAY;
	w->early = FIRST_COUNT;
	w->timer = l2->host->timer_new(l2->self, on_time, l2);
	l2->witness = w;
	l2->host->timer_start(w->timer, FIRST_MS);
}

void
witness_close(struct l2 *l2)
{
	l2->host->timer_free(l2->witness->timer);
	free(l2->witness);
	l2->witness = NULL;
}
