/* SPDX-License-Identifier: ISC */
/* A segment in a test: nodes, links that fail one way, BFD, gateways, a clock. */
#ifndef OWNER_WORLD_H
#define OWNER_WORLD_H

/*
 * Steps of STEP_US. A message is there one step later, if its link is up then.
 * BFD is the state machine of RFC 5880 with a packet each 50 ms while up, each
 * 300 ms else. A frozen node gets all that waited for it when it wakes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/l2/owner.h"

#define STEP_US	  INT64_C(5000)
#define NODES	  5
#define ADDRS	  1000
#define DETECT_US INT64_C(150000)

enum { DOWN, INIT, UP, ADMIN };

struct bfd {
	int state;
	int64_t heard_us, said_us;
	bool was_up;
};

struct packet {
	struct packet *next;
	int from, to;
	int64_t due_us;
	size_t len;
	uint8_t bytes[];
};

struct node {
	struct owners *owners; /* NULL: dead */
	int index;
	bool frozen, left, leaving, admin;
	int64_t fence_us;
	bool answers[ADDRS], next[ADDRS];
	uint64_t epochs[ADDRS];
	unsigned takes, yields, wanted, agains, sent, nexts;
	struct bfd bfd[NODES]; /* of the others */
	enum owners_gateway gateway;
	struct packet *waiting, **waiting_tail;
};

struct world {
	int nodes, addrs;
	int64_t now_us, start_us;
	struct owners_config config;
	struct node node[NODES];
	bool cut[NODES][NODES]; /* from, to */
	bool wall;		/* BFD alone comes through to nobody */
	struct packet *flying, **flying_tail;
	uint64_t boots;
	bool ready;
	const uint8_t *key;
	size_t key_len;
	/* What is checked in every step. */
	int64_t double_us[ADDRS], worst_us; /* two that hear each other */
	unsigned doubles;		    /* steps with two, fences open */
	unsigned takes;
	unsigned wild; /* percent of messages that are lost, or late */
};

static struct world world;
static uint32_t chance;

__attribute__((unused)) static unsigned
roll(unsigned sides)
{
	chance = chance * 1664525 + 1013904223;
	return (chance >> 8) % sides;
}

static const char *
name_of(int i)
{
	static const char *const names[NODES] = { "node1", "node2", "node3",
		"node4", "node5" };

	return names[i];
}

static int
index_of(const char *name)
{
	return name[4] - '1';
}

static struct bgpd_addr
addr_of(int i)
{
	struct bgpd_addr addr = { .family = 4,
		.bytes = { 192, 168, (uint8_t)(10 + i / 256), (uint8_t)i } };

	return addr;
}

static int
number_of(const struct bgpd_addr *addr)
{
	return (addr->bytes[2] - 10) * 256 + addr->bytes[3];
}

/* Callbacks ---------------------------------------------------------------------- */

static void
world_take(void *arg, const struct bgpd_addr *addr, uint64_t epoch)
{
	struct node *node = arg;

	assert_false(node->answers[number_of(addr)]);
	node->answers[number_of(addr)] = true;
	node->epochs[number_of(addr)] = epoch;
	node->takes++;
	world.takes++;
	if (getenv("OWNER_TRACE") != NULL)
		printf("%7.1f %s takes %d epoch %llu\n",
		    (double)(world.now_us - world.start_us) / 1e3,
		    name_of(node->index), number_of(addr),
		    (unsigned long long)epoch);
}

static void
world_yield(void *arg, const struct bgpd_addr *addr, const char *why)
{
	struct node *node = arg;

	assert_true(node->answers[number_of(addr)]);
	assert_non_null(why);
	node->answers[number_of(addr)] = false;
	node->yields++;
	if (getenv("OWNER_TRACE") != NULL)
		printf("%7.1f %s yields %d: %s\n",
		    (double)(world.now_us - world.start_us) / 1e3,
		    name_of(node->index), number_of(addr), why);
}

static void
world_again(void *arg, const struct bgpd_addr *addr)
{
	struct node *node = arg;

	assert_true(node->answers[number_of(addr)]);
	node->agains++;
}

static void
world_wanted(void *arg, const struct bgpd_addr *addr)
{
	struct node *node = arg;

	(void)addr;
	node->wanted++;
}

static void
world_next(void *arg, const struct bgpd_addr *addr, bool next)
{
	struct node *node = arg;

	assert_int_not_equal(node->next[number_of(addr)], next);
	node->next[number_of(addr)] = next;
	node->nexts++;
}

static void
world_fence(void *arg, int64_t until_us)
{
	struct node *node = arg;

	node->fence_us = until_us;
	if (getenv("OWNER_TRACE") != NULL &&
	    world.now_us - world.start_us > 2900000)
		printf("%7.1f %s until %.1f\n",
		    (double)(world.now_us - world.start_us) / 1e3,
		    name_of(node->index),
		    until_us == 0 ? 0.0
				  : (double)(until_us - world.start_us) / 1e3);
}

static void
world_left(void *arg)
{
	((struct node *)arg)->left = true;
}

static void
world_send(void *arg, const char *member, const uint8_t *bytes, size_t len)
{
	struct node *node = arg;
	struct packet *p = malloc(sizeof(*p) + len);

	assert_true(len <= OWNERS_MESSAGE_MAX);
	p->from = node->index;
	p->to = index_of(member);
	p->due_us = world.now_us + STEP_US;
	if (world.wild > 0 && roll(100) < world.wild)
		p->due_us += STEP_US * roll(12);
	p->len = len;
	p->next = NULL;
	memcpy(p->bytes, bytes, len);
	*world.flying_tail = p;
	world.flying_tail = &p->next;
	node->sent++;
}

/* Nodes --------------------------------------------------------------------------- */

static void
world_offer(struct node *node, int i)
{
	struct owners_candidate candidates[NODES] = { 0 };
	struct owners_address address = { 0 };
	int k;

	for (k = 0; k < world.nodes; k++)
		candidates[k].node = name_of(k);
	address.addr = addr_of(i);
	address.candidates = candidates;
	address.candidate_count = (size_t)world.nodes;
	address.group = i % 2 == 0 ? "a/even" : NULL;
	address.ready = world.ready;
	owners_address(node->owners, &address, world.now_us);
}

static void
world_start(int i)
{
	static const struct owners_calls calls = {
		.take = world_take,
		.again = world_again,
		.yield = world_yield,
		.wanted = world_wanted,
		.next = world_next,
		.send = world_send,
		.fence = world_fence,
		.left = world_left,
	};
	struct owners_member members[NODES] = { 0 };
	struct node *node = &world.node[i];
	int k;

	assert_null(node->owners);
	node->index = i;
	node->left = node->leaving = node->admin = node->frozen = false;
	memset(node->answers, 0, sizeof(node->answers));
	memset(node->bfd, 0, sizeof(node->bfd));
	node->fence_us = 0;
	node->waiting = NULL;
	node->waiting_tail = &node->waiting;
	world.boots++;
	node->owners = owners_new(name_of(i), world.boots * 7919,
	    1000 + world.boots, &calls, node, world.now_us);
	owners_configure(node->owners, &world.config, world.now_us);
	owners_key(node->owners, world.key, world.key_len);
	owners_gateway(node->owners, node->gateway, world.now_us);
	for (k = 0; k < world.nodes; k++) {
		members[k].name = name_of(k);
		members[k].lease = OWNERS_NO_LEASE;
	}
	owners_members(
	    node->owners, members, (size_t)world.nodes, world.now_us);
	for (k = 0; k < world.addrs; k++)
		world_offer(node, k);
}

static void
packets_free(struct packet *p)
{
	struct packet *next;

	for (; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
}

static void
world_kill(int i)
{
	struct node *node = &world.node[i];

	owners_free(node->owners);
	node->owners = NULL;
	node->frozen = false;
	packets_free(node->waiting);
	node->waiting = NULL;
	node->waiting_tail = &node->waiting;
	node->fence_us = 0;
	memset(node->answers, 0, sizeof(node->answers));
	memset(node->next, 0, sizeof(node->next));
}

static void
world_open(int nodes, int addrs, const struct owners_config *config)
{
	int i;

	memset(&world, 0, sizeof(world));
	world.nodes = nodes;
	world.addrs = addrs;
	world.now_us = world.start_us = INT64_C(1000000000);
	world.config = *config;
	world.flying_tail = &world.flying;
	world.ready = true;
	for (i = 0; i < nodes; i++)
		world.node[i].gateway = OWNERS_REACHED;
}

static void
world_close(void)
{
	int i;

	for (i = 0; i < world.nodes; i++)
		world_kill(i);
	packets_free(world.flying);
	world.flying = NULL;
}

__attribute__((unused)) static void
world_gateway(int i, enum owners_gateway gateway)
{
	struct node *node = &world.node[i];

	node->gateway = gateway;
	if (node->owners != NULL && !node->frozen)
		owners_gateway(node->owners, gateway, world.now_us);
}

__attribute__((unused)) static void
world_cut(int a, int b, bool cut)
{
	world.cut[a][b] = world.cut[b][a] = cut;
}

__attribute__((unused)) static void
world_isolate(int a, bool cut)
{
	int i;

	for (i = 0; i < world.nodes; i++) {
		if (i != a)
			world_cut(a, i, cut);
	}
}

/* Time ------------------------------------------------------------------------------ */

static bool
runs(int i)
{
	return world.node[i].owners != NULL && !world.node[i].frozen;
}

static void
bfd_set(int i, int of, int state, enum owners_live live)
{
	struct bfd *bfd = &world.node[i].bfd[of];

	if (bfd->state == state)
		return;
	bfd->state = state;
	if (state == UP)
		bfd->was_up = true;
	if (state == INIT)
		return;
	owners_liveness(world.node[i].owners, name_of(of),
	    !bfd->was_up ? OWNERS_NEVER : live, world.now_us);
}

/* A packet of `from` is at `to`. */
static void
bfd_hear(int to, int from)
{
	struct bfd *mine = &world.node[to].bfd[from];
	int said =
	    world.node[from].admin ? ADMIN : world.node[from].bfd[to].state;

	mine->heard_us = world.now_us;
	if (said == ADMIN)
		bfd_set(to, from, ADMIN, OWNERS_ADMIN_DOWN);
	else if (mine->state == UP && said == DOWN)
		bfd_set(to, from, DOWN, OWNERS_DOWN);
	else if ((mine->state == DOWN || mine->state == ADMIN) && said == DOWN)
		mine->state = INIT;
	else if (mine->state != UP && said != DOWN)
		bfd_set(to, from, UP, OWNERS_UP);
}

static void
bfd_step(void)
{
	struct bfd *bfd;
	int i, k;

	for (i = 0; i < world.nodes; i++) {
		for (k = 0; k < world.nodes; k++) {
			if (i == k || !runs(i))
				continue;
			bfd = &world.node[i].bfd[k];
			if ((bfd->state == UP || bfd->state == INIT) &&
			    world.now_us - bfd->heard_us >
				(bfd->state == UP ? DETECT_US : 1000000))
				bfd_set(i, k, DOWN, OWNERS_DOWN);
			if (world.now_us - bfd->said_us <
			    (bfd->state == UP ? 50000 : 300000))
				continue;
			bfd->said_us = world.now_us;
			if (runs(k) && !world.cut[i][k] && !world.wall)
				bfd_hear(k, i);
		}
	}
}

static void
packet_deliver(struct packet *p)
{
	struct node *node = &world.node[p->to];

	if (node->owners == NULL || world.cut[p->from][p->to] ||
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

/* Two that run, answer for a and hear each other. */
static bool
is_double(int a)
{
	int i, k;

	for (i = 0; i < world.nodes; i++) {
		for (k = 0; k < i; k++) {
			if (can_answer(i, a) && can_answer(k, a) && runs(i) &&
			    runs(k) && !world.cut[i][k] && !world.cut[k][i])
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
	owners_gateway(node->owners, node->gateway, world.now_us);
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
