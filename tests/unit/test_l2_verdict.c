/* SPDX-License-Identifier: ISC */
/* Who is dead by whose word: monitors, witnesses, two nodes, the graph of 100. */

#include "owner_world.h"

static struct owners_config
config_of(enum owners_partition partition)
{
	struct owners_config config = owners_defaults;

	config.partition = (uint8_t)partition;
	return config;
}

static const char *
verdict_at(int i, int of)
{
	struct owners_peer peer;

	assert_true(owners_peer(world.node[i].owners, (size_t)of, &peer));
	assert_string_equal(peer.name, name_of(of));
	return peer.verdict;
}

/* Who would be the next. */
static int
successor(int owner)
{
	struct owners_explanation e;
	struct bgpd_addr addr = addr_of(0);
	size_t i;

	assert_true(owners_explain(world.node[owner].owners, &addr, &e));
	for (i = 0; i < e.candidate_count; i++) {
		if (strcmp(e.candidates[i].why, "next") == 0)
			return index_of(e.candidates[i].node);
	}
	fail();
	return -1;
}

/* The owner and one other do not see each other; the third sees both. */
static void
pair_is_cut(void **state)
{
	struct owners_config config;
	int partition, owner;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 1, &config);
		owner = answerer(0);
		world_cut(owner, (owner + 1) % 3, true);
		world_run(3000);
		assert_int_equal(answerer(0), owner);
		assert_int_equal(world.takes, 1);
		assert_string_equal(
		    verdict_at((owner + 1) % 3, owner), "alive");
		world_close();
	}
}

/* Five: two that do not see the owner are no majority, three are. */
static void
monitors_of_five(void **state)
{
	struct owners_config config;
	int partition, owner, i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(5, 1, &config);
		owner = answerer(0);
		world_cut(owner, (owner + 1) % 5, true);
		world_cut(owner, (owner + 2) % 5, true);
		world_run(2000);
		assert_int_equal(answerer(0), owner);
		world_cut(owner, (owner + 3) % 5, true);
		world_run(2000);
		assert_int_not_equal(answerer(0), owner);
		assert_int_equal(answerers(0), 1);
		for (i = 0; i < 5; i++)
			world_cut(owner, i, false);
		world_run(4000);
		assert_int_equal(answerers(0), 1);
		assert_int_equal(world.takes, 2);
		world_close();
	}
}

/* Cut off from all, the gateway too: silent within one detection time. */
static void
self_fence(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int owner;

	(void)state;
	world_begin(3, 1, &config);
	owner = answerer(0);
	world_isolate(owner, true);
	world_gateway(owner, OWNERS_LOST);
	world_run(DETECT_US / 1000 + 20);
	assert_false(can_answer(owner, 0));
	assert_string_equal(owners_silent(world.node[owner].owners),
	    "too few see this node, and its gateway is lost");
	world_run(300);
	assert_int_not_equal(answerer(0), owner);
	world_isolate(owner, false);
	world_run(2000);
	assert_null(owners_silent(world.node[owner].owners));
	assert_int_equal(answerers(0), 1);
	assert_int_equal(world.takes, 2);
	world_close();
}

/* Cut off from all, but not from the gateway: available keeps, consistent stops. */
static void
gateway_is_left(void **state)
{
	struct owners_config config;
	int partition, owner;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 1, &config);
		owner = answerer(0);
		world_isolate(owner, true);
		world_run(1000);
		assert_int_equal(
		    can_answer(owner, 0), partition == OWNERS_AVAILABLE);
		assert_int_equal(
		    answerers(0), partition == OWNERS_AVAILABLE ? 2 : 1);
		world_isolate(owner, false);
		world_run(2000);
		assert_int_equal(answerers(0), 1);
		assert_false(can_answer(owner, 0)); /* the newer epoch stays */
		world_close();
	}
}

/* The owner is heard by none of the nodes, but hears them, and is reached else. */
static void
heard_by_none(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int owner, i;

	(void)state;
	world_begin(3, 1, &config);
	owner = answerer(0);
	for (i = 0; i < 3; i++)
		world.cut[owner][i] = true;
	world_run(250);
	assert_int_equal(answerers(0), 1);
	assert_int_not_equal(answerer(0), owner);
	world_run(3000);
	assert_int_equal(answerers(0), 1);
	for (i = 0; i < 3; i++)
		world.cut[owner][i] = false;
	world_run(3000);
	assert_int_equal(answerers(0), 1);
	assert_int_equal(world.takes, 2);
	world_close();
}

/* Of two, one is heard that is deaf: it has it, until it says it is silent. */
static void
deaf(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int owner;

	(void)state;
	world_begin(2, 1, &config);
	owner = answerer(0);
	world.cut[!owner][owner] = true;
	world_run(2000);
	assert_int_equal(answerer(0), owner);
	world_gateway(owner, OWNERS_LOST);
	world_run(30);
	assert_int_equal(answerer(0), !owner);
	world_close();
}

/* What was known of the gateway does not count: it is asked, and waited for. */
static void
gateway_is_asked(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int owner;

	(void)state;
	world_begin(2, 1, &config);
	owner = answerer(0);
	world_gateway(!owner, OWNERS_ASKED);
	assert_null(owners_silent(world.node[!owner].owners));
	world_kill(owner);
	assert_int_equal(world_until_answered(0, 1000), -1);
	world_gateway(!owner, OWNERS_REACHED);
	assert_in_range(world_until_answered(0, 1000), 0, 10);
	world_close();
}

/* The one that was to take it dies a moment later: no further second is lost. */
static void
two_die(void **state)
{
	struct owners_config config;
	int partition, owner, next;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(5, 1, &config);
		owner = answerer(0);
		next = successor(owner);
		world_kill(owner);
		world_run(60);
		world_kill(next);
		assert_in_range(world_until_answered(0, 2000), 100, 320);
		world_close();
	}
}

/* One has another key. It is not elected, and of two that answer one obeys. */
static void
another_key(void **state)
{
	static const uint8_t key[] = "another";
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	struct bgpd_addr addr = addr_of(0);
	int owner, odd, third;

	(void)state;
	for (odd = 0; odd < 3; odd++) {
		world_begin(3, 1, &config);
		owner = answerer(0);
		third = 3 - owner - odd;
		if (odd == owner) {
			world_close();
			continue;
		}
		/* Twice: the one before would be believed for a while. */
		owners_key(world.node[odd].owners, key, 3);
		owners_key(world.node[odd].owners, key, sizeof(key));
		world_run(4000);
		assert_int_equal(answerer(0), owner);
		assert_true(owners_has_foreign(world.node[odd].owners));
		assert_true(owners_has_foreign(world.node[third].owners));
		world_kill(owner);
		assert_in_range(world_until_answered(0, 2000), 100, 240);
		world_run(100);
		owners_rival(world.node[odd].owners, &addr, name_of(third),
		    world.now_us);
		owners_rival(world.node[third].owners, &addr, name_of(odd),
		    world.now_us);
		world_run(3000);
		assert_int_equal(answerers(0), 1);
		world_close();
	}
}

/* Two nodes, the owner dies: by what the other sees of the gateway. */
static void
two_nodes(void **state)
{
	static const struct {
		enum owners_partition partition;
		enum owners_gateway gateway;
		bool takes;
	} cases[] = {
		{ OWNERS_AVAILABLE, OWNERS_REACHED, true },
		{ OWNERS_AVAILABLE, OWNERS_NO_GATEWAY, true },
		{ OWNERS_AVAILABLE, OWNERS_LOST, false },
		{ OWNERS_CONSISTENT, OWNERS_REACHED, true },
		{ OWNERS_CONSISTENT, OWNERS_NO_GATEWAY, false },
		{ OWNERS_CONSISTENT, OWNERS_LOST, false },
	};
	struct owners_config config;
	size_t i;
	int owner;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config = config_of(cases[i].partition);
		world_begin(2, 1, &config);
		owner = answerer(0);
		world_gateway(!owner, cases[i].gateway);
		world_kill(owner);
		if (cases[i].takes)
			assert_in_range(
			    world_until_answered(0, 1000), 100, 240);
		else
			assert_int_equal(world_until_answered(0, 3000), -1);
		world_close();
	}
}

static void
set_leases(int i, int own, int other)
{
	struct owners_member members[2] = { { .name = "node1" },
		{ .name = "node2" } };

	members[i].lease = (uint8_t)own;
	members[!i].lease = (uint8_t)other;
	owners_members(world.node[i].owners, members, 2, world.now_us);
}

/* Who is heard sees this node, whatever became of its Lease. */
static void
lease_of_one_heard(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	struct owners_member members[3] = { { .name = "node1" },
		{ .name = "node2" }, { .name = "node3" } };

	(void)state;
	world_begin(3, 1, &config);
	world_gateway(0, OWNERS_LOST);
	members[0].lease = members[2].lease = OWNERS_ALIVE;
	members[1].lease = OWNERS_GONE;
	owners_members(world.node[0].owners, members, 3, world.now_us);
	world_kill(2);
	world_run(1000);
	assert_null(owners_silent(world.node[0].owners));
	world_close();
}

/*
 * A firewall takes BFD alone. Two nodes hear each other by messages: once that is
 * so, the answers of a node that is slow are waited for longer than BFD's, and
 * one that dies is followed all the same.
 */
static void
bfd_is_blocked(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	unsigned takes;
	int owner, i;

	(void)state;
	world_begin(2, 1, &config);
	world.wall = true;
	world_run(3000);
	assert_int_equal(answerers(0), 1);
	owner = answerer(0);
	assert_string_equal(verdict_at(!owner, owner), "alive");
	takes = world.takes;
	for (i = 0; i < 20; i++) {
		world_cut(0, 1, true);
		world_run(300);
		world_cut(0, 1, false);
		world_run(700);
	}
	assert_int_equal(world.takes, takes);
	assert_int_equal(answerer(0), owner);
	world_kill(owner);
	assert_in_range(world_until_answered(0, 2000), 100, 750);
	world_close();
}

/* Two nodes with Leases, consistent: the Lease is the witness, either way. */
static void
two_leases(void **state)
{
	struct owners_config config = config_of(OWNERS_CONSISTENT);
	int owner, dead;

	(void)state;
	for (dead = 0; dead < 2; dead++) {
		world_begin(2, 1, &config);
		owner = answerer(0);
		set_leases(0, OWNERS_ALIVE, OWNERS_ALIVE);
		set_leases(1, OWNERS_ALIVE, OWNERS_ALIVE);
		world_kill(dead == 0 ? owner : !owner);
		world_run(3000);
		assert_int_equal(answerers(0), 0);
		set_leases(
		    dead == 0 ? !owner : owner, OWNERS_ALIVE, OWNERS_GONE);
		world_run(100);
		assert_int_equal(answerers(0), 1);
		/* Its own is lost: the other may say now that it is gone. */
		set_leases(dead == 0 ? !owner : owner, OWNERS_NO_LEASE,
		    OWNERS_NO_LEASE);
		world_run(300);
		assert_int_equal(answerers(0), 0);
		world_close();
	}
}

/*
 * Two nodes whose gateway is gone, and the owner dies: nothing tells that from a
 * cut cable, until its Lease has run out.
 */
static void
lease_for_a_gateway(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int owner, other;

	(void)state;
	world_begin(2, 1, &config);
	owner = answerer(0);
	other = !owner;
	set_leases(0, OWNERS_ALIVE, OWNERS_ALIVE);
	set_leases(1, OWNERS_ALIVE, OWNERS_ALIVE);
	world_gateway(0, OWNERS_LOST);
	world_gateway(1, OWNERS_LOST);
	world_run(1000);
	assert_int_equal(answerer(0), owner);
	/* A Lease that has run out says nothing of one that is heard. */
	set_leases(other, OWNERS_ALIVE, OWNERS_GONE);
	world_run(1000);
	assert_int_equal(answerer(0), owner);
	set_leases(other, OWNERS_ALIVE, OWNERS_ALIVE);
	world_kill(owner);
	assert_int_equal(world_until_answered(0, 3000), -1);
	/* Nobody can renew: that is not it. */
	set_leases(other, OWNERS_NO_LEASE, OWNERS_NO_LEASE);
	assert_int_equal(world_until_answered(0, 3000), -1);
	set_leases(other, OWNERS_ALIVE, OWNERS_GONE);
	assert_in_range(world_until_answered(0, 1000), 0, 400);
	assert_int_equal(answerer(0), other);
	/* It renews, and is not heard: this node is the one cut off, perhaps. */
	set_leases(other, OWNERS_ALIVE, OWNERS_ALIVE);
	world_run(1000);
	assert_int_equal(answerers(0), 0);
	world_close();
}

/* API server away: no Lease says anything, and nothing is different. */
static void
no_leases(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	struct owners_member members[3] = { { .name = "node1" },
		{ .name = "node2" }, { .name = "node3" } };
	int i, lease;

	(void)state;
	for (lease = 0; lease < 3; lease++) {
		world_begin(3, 1, &config);
		for (i = 0; i < 3; i++)
			members[i].lease = (uint8_t)lease;
		for (i = 0; i < 3; i++)
			owners_members(
			    world.node[i].owners, members, 3, world.now_us);
		world_run(500);
		assert_int_equal(answerer(0), 1);
		world_kill(1);
		assert_in_range(world_until_answered(0, 1000), 100, 210);
		world_close();
	}
}

/* Excluded: hands over what it has, and gets nothing more. */
static void
excluded(void **state)
{
	struct owners_config config;
	struct owners_member members[3] = { { .name = "node1" },
		{ .name = "node2", .excluded = true }, { .name = "node3" } };
	int i, partition;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 3, &config);
		assert_int_equal(answerer(0), 1);
		for (i = 0; i < 3; i++) {
			members[i].lease = OWNERS_NO_LEASE;
			owners_members(
			    world.node[i].owners, members, 3, world.now_us);
			world_run(20);
		}
		world_run(500);
		for (i = 0; i < 3; i++) {
			assert_int_equal(answerers(i), 1);
			assert_int_not_equal(answerer(i), 1);
		}
		world_close();
	}
}

/* A member that never starts is absent once the start-up second is over. */
static void
never_heard(void **state)
{
	struct owners_config config;
	int partition;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_open(3, 1, &config);
		world_start(0);
		world_start(2); /* node2, the first in order, does not */
		world_run(900);
		assert_int_equal(answerers(0), 0);
		world_run(700);
		assert_int_equal(answerer(0), 0);
		assert_string_equal(verdict_at(0, 1), "never heard");
		world_close();
	}
}

/* 100 members: 8 to 16 watch each, both ways, and all are connected. */
static void
graph(void **state)
{
	static const struct owners_calls calls = { 0 };
	struct owners_member members[100] = { 0 };
	static bool watches[100][100];
	char names[100][24];
	bool reached[100] = { true };
	int i, k, round, degree;
	struct owners *o;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "worker-%d", i);
		members[i].name = names[i];
	}
	for (i = 0; i < 100; i++) {
		o = owners_new(names[i], 1, 1, &calls, NULL, 0);
		owners_members(o, members, 100, 0);
		for (k = 0; k < 100; k++)
			watches[i][k] = owners_watches(o, names[k]);
		owners_free(o);
	}
	for (round = 0; round < 8; round++)
		for (i = 0; i < 100; i++)
			for (k = 0; k < 100; k++)
				reached[k] =
				    reached[k] || (reached[i] && watches[i][k]);
	for (i = 0; i < 100; i++) {
		for (degree = k = 0; k < 100; k++) {
			assert_int_equal(watches[i][k], watches[k][i]);
			degree += watches[i][k];
		}
		assert_false(watches[i][i]);
		assert_in_range(degree, 8, 16);
		assert_true(reached[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair_is_cut),
		cmocka_unit_test(monitors_of_five),
		cmocka_unit_test(self_fence),
		cmocka_unit_test(gateway_is_left),
		cmocka_unit_test(heard_by_none),
		cmocka_unit_test(deaf),
		cmocka_unit_test(gateway_is_asked),
		cmocka_unit_test(two_die),
		cmocka_unit_test(another_key),
		cmocka_unit_test(two_nodes),
		cmocka_unit_test(lease_of_one_heard),
		cmocka_unit_test(bfd_is_blocked),
		cmocka_unit_test(two_leases),
		cmocka_unit_test(lease_for_a_gateway),
		cmocka_unit_test(no_leases),
		cmocka_unit_test(excluded),
		cmocka_unit_test(never_heard),
		cmocka_unit_test(graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
