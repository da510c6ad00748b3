/* SPDX-License-Identifier: ISC */
/* What a segment in a test is made of: its nodes, and what they say and are told. */
#ifndef OWNER_STAGE_H
#define OWNER_STAGE_H

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
#define SIDES	  2 /* segments: near, of the nodes; far, of addresses alone */

enum { DOWN, INIT, UP, ADMIN };

struct bfd {
	int state;
	int64_t heard_us, said_us;
	bool was_up;
};

struct packet {
	struct packet *next;
	int from, to, side;
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
	struct bfd bfd[SIDES][NODES]; /* of the others */
	enum owners_live live[SIDES][NODES];
	enum owners_gateway gateway, far_gateway;
	bool single; /* not on the far segment */
	bool old;    /* of the last release: knows no segments */
	bool listed; /* told where it carries */
	struct packet *waiting, **waiting_tail;
};

struct world {
	int nodes, addrs;
	int64_t now_us, start_us;
	struct owners_config config;
	struct node node[NODES];
	bool cut[NODES][NODES]; /* from, to */
	bool wall;		/* BFD alone comes through to nobody */
	bool far[NODES][NODES]; /* cut on the far segment */
	int sides; /* 2: addresses of odd numbers are on the far one */
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
	struct node *node = arg;

	node->left = true;
}

static void
world_send_on(
    struct node *node, int to, int side, const uint8_t *bytes, size_t len)
{
	struct packet *p = malloc(sizeof(*p) + len);

	p->from = node->index;
	p->to = to;
	p->side = side;
	p->due_us = world.now_us + STEP_US;
	if (world.wild > 0 && roll(100) < world.wild)
		p->due_us += STEP_US * roll(12);
	p->len = len;
	p->next = NULL;
	memcpy(p->bytes, bytes, len);
	*world.flying_tail = p;
	world.flying_tail = &p->next;
}

/* By the first segment where it is alive, news by all such; else by all. */
static void
world_send(
    void *arg, const char *member, const uint8_t *bytes, size_t len, bool news)
{
	struct node *node = arg;
	int side, to = index_of(member);
	bool sent = false;

	assert_true(len <= OWNERS_MESSAGE_MAX);
	node->sent++;
	for (side = 0; side < world.sides && (!sent || news); side++) {
		if (node->bfd[side][to].state != UP)
			continue;
		world_send_on(node, to, side, bytes, len);
		sent = true;
	}
	for (side = 0; side < world.sides && !sent; side++)
		world_send_on(node, to, side, bytes, len);
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
	if (node->listed)
		address.segments = i % 2 == 0 ? 1 : 2;
	owners_address(node->owners, &address, world.now_us);
}

/* Where it carries what, from now on. */
static void
world_list(struct node *node)
{
	struct owners_segment list[SIDES] = { 0 };
	int i, k;

	if (world.sides < 2 || node->old)
		return;
	for (i = 0; i < SIDES; i++) {
		list[i].addr.family = 4;
		list[i].addr.bytes[0] = 10;
		list[i].addr.bytes[2] = (uint8_t)i;
		list[i].addr.bytes[3] = (uint8_t)(node->index + 1);
		list[i].length = 24;
		list[i].linked = true;
	}
	/* It holds the first address of an odd number. */
	list[1].addr = addr_of(1);
	list[1].length = 32;
	owners_segments(
	    node->owners, list, node->single ? 1 : SIDES, world.now_us);
	owners_segment_gateway(node->owners, 0, node->gateway, world.now_us);
	owners_segment_gateway(
	    node->owners, 1, node->far_gateway, world.now_us);
	for (i = 0; i < SIDES; i++)
		for (k = 0; k < world.nodes; k++)
			if (k != node->index && !world.node[k].old)
				owners_segment_live(node->owners, name_of(k),
				    (size_t)i, OWNERS_NEVER, world.now_us);
	node->listed = true;
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
	memset(node->live, 0, sizeof(node->live));
	node->listed = false;
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
	world_list(node);
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
	world.sides = 1;
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
	if (node->owners == NULL || node->frozen)
		return;
	owners_gateway(node->owners, gateway, world.now_us);
	if (node->listed)
		owners_segment_gateway(node->owners, 0, gateway, world.now_us);
}

__attribute__((unused)) static void
world_far_gateway(int i, enum owners_gateway gateway)
{
	struct node *node = &world.node[i];

	node->far_gateway = gateway;
	if (node->listed && node->owners != NULL && !node->frozen)
		owners_segment_gateway(node->owners, 1, gateway, world.now_us);
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

#endif
