/* SPDX-License-Identifier: ISC */
/* The gateway as a witness: does it answer us, when another node does not? */

/*
 * It is asked once a second, and in a hurry as soon as a node falls silent: then
 * an answer is waited for a tenth of a second. Three questions without an answer
 * are a lost gateway. What was known before the node fell silent does not count:
 * until then nobody is replaced on its word alone, and in a partition that must
 * stay consistent it is lost until it answers.
 *
 * Any gateway is one for the node. Where nodes watch each other on several segments
 * (reach.c), those on the interface of each are one for that segment, besides.
 */

#include <stdlib.h>

#include "reach.h"

#define ASK_MS	    1000
#define FIRST_MS    100 /* at first: a node may die early */
#define FIRST_COUNT 50
#define HURRY_MS    25
#define HURRY_COUNT 4
#define LOST_AFTER  3

#define ASKED_MAX 16 /* interfaces with gateways */

/* Of one segment. */
struct sight {
	int ifindex;
	enum owners_gateway state;
	unsigned unanswered;
};

struct witness {
	struct bgpd_timer *timer;
	enum owners_gateway state;
	unsigned unanswered, hurries;
	unsigned early; /* quick looks for a first gateway that are left */
	struct sight sights[OWNERS_SEGMENTS]; /* as in the list of reach.h */
	unsigned count;
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
sight_say(struct l2 *l2, struct sight *sight, enum owners_gateway state)
{
	if (sight->state == state)
		return;
	sight->state = state;
	owners_segment_gateway(l2->owners,
	    (size_t)(sight - l2->witness->sights), state, carrier_now_us());
	l2_settle(l2);
}

static void
sights_ask(struct l2 *l2, const int *asked, unsigned count)
{
	struct witness *w = l2->witness;
	unsigned i, k;

	for (i = 0; i < w->count; i++) {
		for (k = 0; k < count; k++)
			if (asked[k] == w->sights[i].ifindex)
				break;
		if (k < count)
			w->sights[i].unanswered++;
		else
			sight_say(l2, &w->sights[i], OWNERS_NO_GATEWAY);
	}
}

static void
sights_look(struct l2 *l2)
{
	struct witness *w = l2->witness;
	unsigned i;

	for (i = 0; i < w->count; i++) {
		if (w->sights[i].unanswered >= LOST_AFTER)
			sight_say(l2, &w->sights[i], OWNERS_LOST);
	}
}

static void
sights_hurry(struct l2 *l2)
{
	struct witness *w = l2->witness;
	unsigned i;

	for (i = 0; i < w->count; i++) {
		w->sights[i].unanswered = 0;
		if (w->sights[i].state == OWNERS_REACHED)
			sight_say(l2, &w->sights[i], OWNERS_ASKED);
	}
}

/* While a hurry runs, another node or segment dies: the answer there is old. */
static void
sights_again(struct l2 *l2, uint8_t segments)
{
	struct witness *w = l2->witness;
	unsigned i;

	for (i = 0; i < w->count; i++) {
		if ((segments >> i & 1) == 0 ||
		    w->sights[i].state != OWNERS_REACHED)
			continue;
		w->sights[i].unanswered = 0;
		w->hurries = HURRY_COUNT;
		sight_say(l2, &w->sights[i], OWNERS_ASKED);
	}
}

/* Some was asked in a hurry, and has not answered yet. */
static bool
sights_wait(const struct witness *w)
{
	unsigned i;

	for (i = 0; i < w->count; i++) {
		if (w->sights[i].state == OWNERS_ASKED)
			return true;
	}
	return false;
}

void
witness_apply(struct l2 *l2)
{
	struct witness *w = l2->witness;
	struct witness old;
	unsigned i, k;

	if (w == NULL)
		return;
	old = *w;
	w->count = l2->reach->count;
	for (i = 0; i < w->count; i++) {
		w->sights[i] = (struct sight){
			.ifindex = l2->reach->list[i].ifindex,
			.state = OWNERS_NO_GATEWAY,
		};
		for (k = 0; k < old.count; k++)
			if (old.sights[k].ifindex == w->sights[i].ifindex)
				w->sights[i] = old.sights[k];
		owners_segment_gateway(
		    l2->owners, i, w->sights[i].state, carrier_now_us());
	}
}

static void
witness_ask(struct l2 *l2)
{
	struct witness *w = l2->witness;
	int asked[ASKED_MAX];
	unsigned count = 0;

	/* A node alone has nobody to be told apart from. */
	if (l2->crew.count > 1)
		count = carrier_ask_gateways(l2->carrier, asked, ASKED_MAX);
	sights_ask(l2, asked, count < ASKED_MAX ? count : ASKED_MAX);
	if (count == 0) {
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
	sights_look(l2);
	witness_ask(l2);
	l2->host->timer_start(w->timer, pause_ms(w));
}

void
witness_hear(struct l2 *l2, int ifindex)
{
	struct witness *w = l2->witness;
	unsigned i;

	for (i = 0; i < w->count; i++) {
		if (w->sights[i].ifindex != ifindex)
			continue;
		w->sights[i].unanswered = 0;
		sight_say(l2, &w->sights[i], OWNERS_REACHED);
	}
	w->unanswered = 0;
	if (!sights_wait(w))
		w->hurries = 0;
	witness_say(l2, OWNERS_REACHED);
}

void
witness_hurry(struct l2 *l2, uint8_t segments)
{
	struct witness *w = l2->witness;

	if (w->state == OWNERS_NO_GATEWAY)
		return;
	if (w->hurries > 0) {
		sights_again(l2, segments);
		return;
	}
	w->hurries = HURRY_COUNT;
	w->unanswered = 0;
	sights_hurry(l2);
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
