/* SPDX-License-Identifier: ISC */
/* Who is next: one, the one that follows, and no other for long. */

#include "owner_world.h"

/* The one that is told that it is next; -1: nobody; -2: several. */
static int
next_of(int a)
{
	int i, found = -1;

	for (i = 0; i < world.nodes; i++) {
		if (world.node[i].owners != NULL && world.node[i].next[a])
			found = found == -1 ? i : -2;
	}
	return found;
}

/* Everybody who lives explains it the same way. */
static void
check_next(int a, int want)
{
	struct owners_explanation x;
	struct bgpd_addr addr = addr_of(a);
	int i;

	assert_int_equal(next_of(a), want);
	for (i = 0; i < world.nodes; i++) {
		if (world.node[i].owners == NULL)
			continue;
		assert_true(owners_explain(world.node[i].owners, &addr, &x));
		if (want < 0)
			assert_null(x.next);
		else
			assert_string_equal(x.next, name_of(want));
	}
}

static struct owners_config
config_of(int partition, int election)
{
	struct owners_config config = owners_defaults;

	config.partition = (uint8_t)partition;
	config.election = (uint8_t)election;
	return config;
}

/* Whoever dies, and again: who follows is who was told so. */
static void
follows(void **state)
{
	struct owners_config config;
	int partition, dies, a, was[30], had[30];

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition, OWNERS_HASH);
		world_begin(5, 30, &config);
		for (dies = 4; dies > 2; dies--) {
			for (a = 0; a < 30; a++) {
				had[a] = answerer(a);
				was[a] = next_of(a);
				assert_true(was[a] >= 0 && was[a] != had[a]);
				check_next(a, was[a]);
			}
			world_kill(dies);
			world_run(1000);
			for (a = 0; a < 30; a++)
				assert_int_equal(answerer(a),
				    had[a] == dies ? was[a] : had[a]);
		}
		world_close();
	}
}

/* 192.168.10.0 is node2's, then node1's, then node3's. */
static void
who_can(void **state)
{
	struct owners_config config = config_of(0, OWNERS_HASH);
	struct bgpd_addr addr = addr_of(0);
	const char *why;

	(void)state;
	world_begin(3, 1, &config);
	check_next(0, 0);
	/* Its link is down: within some intervals it is another. */
	owners_carrier(world.node[0].owners, false, world.now_us);
	world_run(150);
	check_next(0, 2);
	owners_carrier(world.node[0].owners, true, world.now_us);
	world_run(1500);
	check_next(0, 0);
	/* It dies; it comes back. */
	world_kill(0);
	world_run(400);
	check_next(0, 2);
	world_start(0);
	world_run(3000);
	check_next(0, 0);
	/* It has been handed to the last: the first of all is next. */
	assert_int_equal(owners_handover(world.node[1].owners, &addr, NULL,
			     "node3", &why, world.now_us),
	    1);
	world_run(400);
	assert_int_equal(answerer(0), 2);
	check_next(0, 1);
	/* Alone: nobody. */
	world_kill(1);
	world_kill(0);
	world_run(1000);
	check_next(0, -1);
	world_close();
}

static void
offers_change(void **state)
{
	struct owners_config config = config_of(0, OWNERS_HASH);
	struct owners_candidate only = { .node = "node2" };
	struct owners_address address = { .addr = addr_of(0),
		.candidates = &only,
		.candidate_count = 1,
		.ready = true };
	int i;

	(void)state;
	world_begin(3, 1, &config);
	check_next(0, 0);
	/* Taken away where it is next: told at once, and nobody else's. */
	owners_address_remove(
	    world.node[0].owners, &address.addr, world.now_us);
	assert_int_equal(next_of(0), -1);
	world_offer(&world.node[0], 0);
	world_run(100);
	check_next(0, 0);
	/* The owner is the only candidate left. */
	for (i = 0; i < 3; i++)
		owners_address(world.node[i].owners, &address, world.now_us);
	world_run(100);
	check_next(0, -1);
	for (i = 0; i < 3; i++)
		world_offer(&world.node[i], 0);
	world_run(100);
	check_next(0, 0);
	world_close();
}

/* balanced: one at a time, and of one address that one follows. */
static void
balanced(void **state)
{
	struct owners_config config = config_of(0, OWNERS_BALANCED);
	int a, next;

	(void)state;
	world_begin(3, 7, &config);
	for (a = 0; a < 7; a++)
		assert_true(next_of(a) >= 0 && next_of(a) != answerer(a));
	world_close();
	world_begin(3, 1, &config);
	next = next_of(0);
	check_next(0, next);
	world_kill(answerer(0));
	world_run(500);
	assert_int_equal(answerer(0), next);
	world_close();
}

/* Of 1,000 no call tells of more than a few hundred, and at rest of none. */
static void
many(void **state)
{
	struct owners_config config = config_of(0, OWNERS_HASH);
	struct node *node = &world.node[0];
	unsigned before, most = 0;
	int a, i;

	(void)state;
	world_begin(3, ADDRS, &config);
	for (a = 0; a < ADDRS; a++)
		assert_true(next_of(a) >= 0);
	before = node->nexts;
	world_run(2000);
	assert_int_equal(node->nexts, before);
	/* All that is node2's may change, and node3's: it is next of each. */
	world_kill(1);
	for (i = 0; i < 400; i++) {
		before = node->nexts;
		world_step();
		most =
		    node->nexts - before > most ? node->nexts - before : most;
	}
	assert_in_range(most, 1, 256);
	for (a = 0; a < ADDRS; a++)
		assert_int_equal(next_of(a), answerer(a) == 0 ? 2 : 0);
	world_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
		cmocka_unit_test(who_can),
		cmocka_unit_test(offers_change),
		cmocka_unit_test(balanced),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
