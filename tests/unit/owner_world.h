/* SPDX-License-Identifier: ISC */
/* A segment in a test, or two: links that fail one way, BFD, gateways, a clock. */
#ifndef OWNER_WORLD_H
#define OWNER_WORLD_H

/*
 * Steps of STEP_US. A message is there one step later, if its link is up then.
 * BFD is the state machine of RFC 5880 with a packet each 50 ms while up, each
 * 300 ms else. A frozen node gets all that waited for it when it wakes.
 */

#include "owner_stage.h"

/* Time ------------------------------------------------------------------------------ */

static bool
runs(int i)
{
	return world.node[i].owners != NULL && !world.node[i].frozen;
}

static bool
is_cut(int from, int to, int side)
{
	if (side == 1 && (world.node[from].single || world.node[to].single))
		return true;
	return side == 0 ? world.cut[from][to] : world.far[from][to];
}

/* Alive is who is on either. */
static void
bfd_tell(int i, int of, int side)
{
	struct node *node = &world.node[i];
	enum owners_live live = node->live[0][of];

	if (world.sides > 1 && node->live[1][of] == OWNERS_UP)
		live = OWNERS_UP;
	if (node->listed && !world.node[of].old)
		owners_segment_live(node->owners, name_of(of), (size_t)side,
		    (int)node->live[side][of], world.now_us);
	owners_liveness(node->owners, name_of(of), live, world.now_us);
}

static void
bfd_set(int i, int of, int side, int state, enum owners_live live)
{
	struct bfd *bfd = &world.node[i].bfd[side][of];

	if (bfd->state == state)
		return;
	bfd->state = state;
	if (state == UP)
		bfd->was_up = true;
	if (state == INIT)
		return;
	world.node[i].live[side][of] = !bfd->was_up ? OWNERS_NEVER : live;
	bfd_tell(i, of, side);
}

/* A packet of `from` is at `to`. */
static void
bfd_hear_on(int to, int from, int side)
{
	struct bfd *mine = &world.node[to].bfd[side][from];
	int said = world.node[from].bfd[side][to].state;

	if (world.node[from].admin)
		said = ADMIN;
	else if (said == ADMIN)
		said = DOWN; /* it was told that the other is */
	mine->heard_us = world.now_us;
	if (said == ADMIN)
		bfd_set(to, from, side, ADMIN, OWNERS_ADMIN_DOWN);
	else if (mine->state == UP && said == DOWN)
		bfd_set(to, from, side, DOWN, OWNERS_DOWN);
	else if ((mine->state == DOWN || mine->state == ADMIN) && said == DOWN)
		mine->state = INIT;
	else if (mine->state != UP && said != DOWN)
		bfd_set(to, from, side, UP, OWNERS_UP);
}

__attribute__((unused)) static void
bfd_hear(int to, int from)
{
	int side;

	for (side = 0; side < world.sides; side++)
		if (!is_cut(from, to, side))
			bfd_hear_on(to, from, side);
}

static void
bfd_step_on(int i, int k, int side)
{
	struct bfd *bfd = &world.node[i].bfd[side][k];

	if ((bfd->state == UP || bfd->state == INIT) &&
	    world.now_us - bfd->heard_us >
		(bfd->state == UP ? DETECT_US : 1000000))
		bfd_set(i, k, side, DOWN, OWNERS_DOWN);
	if (world.now_us - bfd->said_us < (bfd->state == UP ? 50000 : 300000))
		return;
	bfd->said_us = world.now_us;
	if (runs(k) && !is_cut(i, k, side) && !world.wall)
		bfd_hear_on(k, i, side);
}

static void
bfd_step(void)
{
	int i, k, side;

	for (i = 0; i < world.nodes; i++) {
		for (k = 0; k < world.nodes; k++) {
			for (side = 0; side < world.sides; side++) {
				if (i != k && runs(i) &&
				    (side == 0 || (!world.node[i].old &&
						      !world.node[k].old)))
					bfd_step_on(i, k, side);
			}
		}
	}
}

static void
packet_deliver(struct packet *p)
{
	struct node *node = &world.node[p->to];

	/* Its flags: the last release would refuse it (MESSAGE_SEGMENTS). */
	assert_false(node->old && (p->bytes[5] & 0x20) != 0);
	if (node->owners == NULL || is_cut(p->from, p->to, p->side) ||
	    (world.wild > 0 && roll(100) < world.wild)) {
		free(p);
	} else if (node->frozen) {
		p->next = NULL;
		*node->waiting_tail = p;
		node->waiting_tail = &p->next;
	} else {
		owners_hear(node->owners, p->bytes, p->len, world.now_us);
		free(p);
	}
}

/* Those that are due; late ones are overtaken. */
static void
packets_step(void)
{
	struct packet *p, *late = NULL, **late_tail = &late, *all;

	all = world.flying;
	world.flying = NULL;
	world.flying_tail = &world.flying;
	while ((p = all) != NULL) {
		all = p->next;
		p->next = NULL;
		if (p->due_us > world.now_us) {
			*late_tail = p;
			late_tail = &p->next;
		} else
			packet_deliver(p);
	}
	/* What was sent meanwhile is behind them. */
	*late_tail = world.flying;
	if (world.flying == NULL)
		world.flying_tail = late_tail;
	world.flying = late;
	if (late == NULL)
		world.flying_tail = &world.flying;
}

static bool
can_answer(int i, int a)
{
	return world.node[i].owners != NULL && world.node[i].answers[a] &&
	       world.now_us < world.node[i].fence_us;
}

static int
answerers(int a)
{
	int i, n = 0;

	for (i = 0; i < world.nodes; i++)
		n += can_answer(i, a);
	return n;
}

static int
answerer(int a)
{
	int i;

	for (i = 0; i < world.nodes; i++) {
		if (can_answer(i, a) && !world.node[i].frozen)
			return i;
	}
	return -1;
}

/* By either segment. */
static bool
hear_each_other(int i, int k)
{
	int side;

	for (side = 0; side < world.sides; side++)
		if (!is_cut(i, k, side) && !is_cut(k, i, side))
			return true;
	return false;
}

/* Two that run, answer for a and hear each other. */
static bool
is_double(int a)
{
	int i, k;

	for (i = 0; i < world.nodes; i++) {
		for (k = 0; k < i; k++) {
			if (can_answer(i, a) && can_answer(k, a) && runs(i) &&
			    runs(k) && hear_each_other(i, k))
				return true;
		}
	}
	return false;
}

static void
world_check(void)
{
	int a;

	for (a = 0; a < world.addrs; a++) {
		world.doubles += answerers(a) > 1;
		if (!is_double(a))
			world.double_us[a] = 0;
		else if (world.double_us[a] == 0)
			world.double_us[a] = world.now_us;
		else if (world.now_us - world.double_us[a] > world.worst_us)
			world.worst_us = world.now_us - world.double_us[a];
	}
}

static void
world_step(void)
{
	int i;

	world.now_us += STEP_US;
	packets_step();
	bfd_step();
	for (i = 0; i < world.nodes; i++) {
		if (runs(i) &&
		    owners_next(world.node[i].owners) <= world.now_us)
			owners_tick(world.node[i].owners, world.now_us);
	}
	world_check();
}

static void
world_run(int64_t ms)
{
	int64_t until_us = world.now_us + ms * 1000;

	while (world.now_us < until_us)
		world_step();
}

__attribute__((unused)) static void
world_wake(int i)
{
	struct node *node = &world.node[i];
	struct packet *p;

	node->frozen = false;
	while ((p = node->waiting) != NULL) {
		node->waiting = p->next;
		owners_hear(node->owners, p->bytes, p->len, world.now_us);
		free(p);
	}
	node->waiting_tail = &node->waiting;
	world_gateway(i, node->gateway);
	world_far_gateway(i, node->far_gateway);
}

/* All up, and at rest. */
__attribute__((unused)) static void
world_begin(int nodes, int addrs, const struct owners_config *config)
{
	int i;

	world_open(nodes, addrs, config);
	for (i = 0; i < nodes; i++)
		world_start(i);
	world_run(3000);
}

/* Runs until somebody that runs answers for a: ms; -1: nobody within max_ms. */
__attribute__((unused)) static int64_t
world_until_answered(int a, int64_t max_ms)
{
	int64_t from_us = world.now_us;

	while (answerer(a) < 0) {
		if (world.now_us - from_us > max_ms * 1000)
			return -1;
		world_step();
	}
	return (world.now_us - from_us) / 1000;
}

#endif
