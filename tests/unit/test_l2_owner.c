/* SPDX-License-Identifier: ISC */
/* Who carries what: stories of nodes that start, die, freeze, leave, come back. */

#include "owner_world.h"

static struct owners_config
config_of(enum owners_partition partition)
{
	struct owners_config config = owners_defaults;

	config.partition = (uint8_t)partition;
	return config;
}

/* What elect.c says: 192.168.10.0 is node2's, node1's, node3's. */
static void
first_owner(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int partition, a, owners[NODES] = { 0 };

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config.partition = (uint8_t)partition;
		world_begin(3, 30, &config);
		assert_int_equal(answerer(0), 1);
		assert_int_equal(answerer(1), 2);
		for (a = 0; a < 30; a++) {
			assert_int_equal(answerers(a), 1);
			owners[answerer(a)]++;
		}
		/* None was taken by two, and none twice. */
		assert_int_equal(world.takes, 30);
		assert_int_equal(world.doubles, 0);
		world_close();
	}
	assert_true(owners[0] > 4 && owners[1] > 4 && owners[2] > 4);
}

static void
kill_one(void **state)
{
	struct owners_config config;
	int partition, owner;
	int64_t ms;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 1, &config);
		owner = answerer(0);
		world_kill(owner);
		ms = world_until_answered(0, 5000);
		/* detect + guard + three messages of a step */
		assert_in_range(ms, 100, 150 + 50 + 20);
		assert_int_equal(answerer(0), 0); /* the next in order */
		/* It comes back, and takes nothing back. */
		world_start(owner);
		world_run(10000);
		assert_int_equal(answerer(0), 0);
		assert_int_equal(world.takes, 2);
		assert_int_equal(world.doubles, 0);
		world_close();
	}
}

static void
frozen(void **state)
{
	struct owners_config config;
	int partition, owner, ms;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (ms = 20; ms < 1000; ms += ms < 300 ? 10 : 100) {
			config = config_of(partition);
			world_begin(3, 1, &config);
			owner = answerer(0);
			world.node[owner].frozen = true;
			world_run(ms);
			world_wake(owner);
			world_run(3000);
			assert_int_equal(answerers(0), 1);
			assert_true(world.takes <= 3);
			if (partition == OWNERS_CONSISTENT)
				assert_int_equal(world.doubles, 0);
			assert_true(world.worst_us <= 20000);
			if (ms >= 300)
				assert_int_not_equal(answerer(0), owner);
			world_close();
		}
	}
}

/* Woken up, but nothing read yet: it answers nothing, however it is asked. */
static void
woken(void **state)
{
	struct owners_config config;
	struct node *node;
	int partition;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 1, &config);
		node = &world.node[1];
		assert_true(can_answer(1, 0));
		node->frozen = true;
		world_run(500);
		assert_true(node->answers[0]);
		assert_false(can_answer(1, 0)); /* the deadline */
		owners_tick(node->owners, world.now_us);
		assert_false(node->answers[0]);
		assert_false(can_answer(1, 0));
		assert_string_equal(owners_silent(node->owners),
		    "it stood still: it hears the others first");
		world_close();
		/* The same, when the daemon sees it first. */
		world_begin(3, 1, &config);
		owners_gap(world.node[1].owners, world.now_us);
		assert_false(can_answer(1, 0));
		world_run(100); /* nobody took it: it is kept */
		assert_int_equal(answerer(0), 1);
		world_close();
	}
}

static void
restart_announced(void **state)
{
	struct owners_config config;
	int partition, owner, ms;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (ms = 50; ms < 2000; ms += 450) {
			config = config_of(partition);
			world_begin(3, 6, &config);
			owner = answerer(0);
			owners_leave(world.node[owner].owners, OWNERS_RESTART,
			    world.now_us);
			world_run(300);
			assert_true(world.node[owner].left);
			world.node[owner].admin = true;
			bfd_hear((owner + 1) % 3, owner);
			bfd_hear((owner + 2) % 3, owner);
			world_kill(owner);
			world_run(ms - 300 > 0 ? ms - 300 : 50);
			world_start(owner);
			world_run(6000);
			assert_int_equal(answerer(0), owner);
			assert_int_equal(world.node[(owner + 1) % 3].takes +
					     world.node[(owner + 2) % 3].takes +
					     world.node[owner].takes / 2,
			    6);
			world_close();
		}
		/* One that does not come back is dead after all. */
		config = config_of(partition);
		world_begin(3, 1, &config);
		owner = answerer(0);
		owners_leave(
		    world.node[owner].owners, OWNERS_RESTART, world.now_us);
		world_run(300);
		world_kill(owner);
		assert_in_range(world_until_answered(0, 9000), 1500, 2300);
		world_close();
	}
}

static void
leave(void **state)
{
	struct owners_config config;
	int partition, owner, a;
	int64_t gap = 0, from;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 9, &config);
		owner = answerer(0);
		owners_leave(
		    world.node[owner].owners, OWNERS_HANDOVER, world.now_us);
		from = world.now_us;
		while (!world.node[owner].left) {
			world_step();
			for (a = 0; a < 9; a++)
				gap += answerer(a) < 0;
			assert_true(world.now_us - from < 2300000);
		}
		assert_true(world.now_us - from < 300000);
		world_kill(owner);
		world_run(1000);
		for (a = 0; a < 9; a++)
			assert_int_equal(answerers(a), 1);
		/* make before break; consistent: the old one stops first */
		if (partition == OWNERS_AVAILABLE)
			assert_int_equal(gap, 0);
		else
			assert_int_equal(world.doubles, 0);
		assert_true(world.worst_us <= 2 * STEP_US);
		world_close();
	}
}

static void
handover_one(void **state)
{
	struct owners_config config;
	struct owners_explanation x;
	struct bgpd_addr addr = addr_of(0);
	const char *why;
	int partition;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 4, &config);
		assert_int_equal(owners_handover(world.node[0].owners, &addr,
				     NULL, NULL, &why, world.now_us),
		    0);
		assert_string_equal(why, "it is not this node's");
		assert_int_equal(owners_handover(world.node[1].owners, &addr,
				     NULL, "node9", &why, world.now_us),
		    0);
		assert_string_equal(why, "there is no such node");
		assert_int_equal(owners_handover(world.node[1].owners, &addr,
				     NULL, "node3", &why, world.now_us),
		    1);
		world_run(500);
		assert_int_equal(answerer(0), 2);
		assert_true(owners_explain(world.node[0].owners, &addr, &x));
		assert_string_equal(x.owner, "node3");
		assert_false(x.mine);
		assert_int_equal(x.candidate_count, 3);
		assert_string_equal(x.candidates[0].node, "node2");
		assert_string_equal(x.candidates[0].why, "next");
		assert_string_equal(x.candidates[2].why, "owner");
		assert_true(x.event_count >= 2);
		assert_string_equal(x.events[1].owner, "node2");
		/* A group of several, all that this node has of it. */
		assert_true(owners_handover(world.node[2].owners, NULL,
				"a/even", NULL, &why, world.now_us) >= 1);
		world_run(500);
		assert_int_not_equal(answerer(0), 2);
		world_close();
	}
}

static void
strict(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);

	(void)state;
	config.election = OWNERS_STRICT;
	config.settle_ms = 5000;
	world_begin(3, 1, &config);
	world_run(5000);
	assert_int_equal(answerer(0), 1);
	world_kill(1);
	world_run(1000);
	assert_int_equal(answerer(0), 0);
	world_start(1);
	world_run(4000); /* settling holds it back */
	assert_int_equal(answerer(0), 0);
	world_run(4000);
	assert_int_equal(answerer(0), 1);
	assert_true(world.worst_us <= 2 * STEP_US);
	/* By command at once; but what is taken over is never held back. */
	world_kill(1);
	world_run(1000);
	world_start(1);
	world_run(2500);
	assert_int_equal(answerer(0), 0);
	owners_settle(world.node[0].owners, world.now_us);
	world_run(200);
	assert_int_equal(answerer(0), 1);
	world_close();
}

static void
balanced(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	int a, i, load[NODES] = { 0 }, even[NODES] = { 0 };

	(void)state;
	config.election = OWNERS_BALANCED;
	world_begin(5, 40, &config);
	for (a = 0; a < 40; a++) {
		assert_int_equal(answerers(a), 1);
		load[answerer(a)]++;
		even[answerer(a)] += a % 2 == 0;
	}
	for (i = 0; i < 5; i++) {
		assert_int_equal(load[i], 8);
		assert_int_equal(even[i], 4); /* one group: kept apart */
	}
	assert_int_equal(world.takes, 40);
	world_kill(2);
	world_run(400);
	memset(load, 0, sizeof(load));
	for (a = 0; a < 40; a++)
		load[answerer(a)]++;
	for (i = 0; i < 5; i++)
		assert_int_equal(load[i], i == 2 ? 0 : 10);
	assert_int_equal(world.takes, 48); /* nothing else moved */
	assert_int_equal(world.doubles, 0);
	world_close();
}

/* The link of the owner's own interface. */
static void
carrier(void **state)
{
	struct owners_config config;
	int partition;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 1, &config);
		owners_carrier(world.node[1].owners, false, world.now_us);
		assert_false(can_answer(1, 0));
		assert_string_equal(
		    owners_silent(world.node[1].owners), "its link is down");
		/* Said by another way: at once. */
		assert_in_range(world_until_answered(0, 1000), 1, 20);
		owners_carrier(world.node[1].owners, true, world.now_us);
		world_run(2000);
		assert_int_equal(answerer(0), 0);
		assert_int_equal(answerers(0), 1);
		assert_null(owners_silent(world.node[1].owners));
		world_close();
	}
}

/* Not ready: it is wanted of the first, and of nobody else for a while. */
static void
probed(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	struct bgpd_addr addr = addr_of(0);

	(void)state;
	world_open(3, 1, &config);
	world.ready = false;
	for (int i = 0; i < 3; i++)
		world_start(i);
	world_run(1500);
	assert_int_equal(world.node[1].wanted, 1);
	assert_int_equal(world.node[0].wanted + world.node[2].wanted, 0);
	assert_int_equal(answerers(0), 0);
	owners_ready(world.node[1].owners, &addr, true, world.now_us);
	assert_int_equal(answerer(0), 1);
	/* On fail-over it is not probed again. */
	world_run(100);
	world_kill(1);
	assert_in_range(world_until_answered(0, 1000), 100, 220);
	world_close();
}

static void
removed(void **state)
{
	struct owners_config config;
	struct owners_explanation x;
	struct bgpd_addr addr = addr_of(0);
	int partition, i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		config = config_of(partition);
		world_begin(3, 1, &config);
		/* The owner alone does not have it any more: the next one. */
		owners_address_remove(
		    world.node[1].owners, &addr, world.now_us);
		world_run(500);
		assert_int_equal(answerers(0), 0); /* node2 is a candidate */
		world_run(2500);
		assert_int_equal(answerers(0), 1);
		for (i = 0; i < 3; i++)
			owners_address_remove(
			    world.node[i].owners, &addr, world.now_us);
		world_run(3000);
		assert_int_equal(answerers(0), 0);
		for (i = 0; i < 3; i++)
			assert_false(
			    owners_explain(world.node[i].owners, &addr, &x));
		world_close();
	}
}

/* When was that node heard there last? */
static int64_t
heard_us(int there, int node)
{
	struct owners_peer peer;

	assert_true(owners_peer(world.node[there].owners, (size_t)node, &peer));
	return peer.heard_us;
}

/* Within so many ms there is never none that answers. */
static void
run_answered(int ms)
{
	for (; ms > 0; ms -= 5) {
		world_run(5);
		assert_int_equal(answerers(0), 1);
	}
}

/*
 * A new key reaches each node at another time: nothing moves, nothing falls
 * silent, and a node that starts with either is believed. Later the old one is
 * worth nothing.
 */
static void
key_changes(void **state)
{
	static const uint8_t key[] = "0123456789", other[] = "0123456788";
	struct owners_config config;
	int from, i;

	(void)state;
	/* From none to one, and from one to another. */
	for (from = 0; from < 2; from++) {
		config = config_of(OWNERS_CONSISTENT);
		world_open(3, 1, &config);
		world.key = from == 0 ? NULL : key;
		world.key_len = from == 0 ? 0 : sizeof(key);
		for (i = 0; i < 3; i++)
			world_start(i);
		world_run(4000);
		assert_int_equal(answerers(0), 1);
		world.takes = 0;
		for (i = 0; i < 3; i++) {
			owners_key(world.node[i].owners, other, sizeof(other));
			run_answered(2000);
		}
		assert_int_equal(world.takes, 0);
		i = answerer(0) == 0 ? 1 : 0;
		world_kill(i);
		run_answered(1000);
		world_start(i); /* by the old one: it reads the file late */
		run_answered(2000);
		assert_true(world.now_us - heard_us(answerer(0), i) < 1100000);
		world_kill(i);
		run_answered(1000);
		world.key = other;
		world.key_len = sizeof(other);
		world_start(i);
		run_answered(2000);
		assert_true(world.now_us - heard_us(answerer(0), i) < 1100000);
		assert_int_equal(world.takes, 0);
		world_run(301000);
		world_kill(i);
		world.key = from == 0 ? NULL : key;
		world.key_len = from == 0 ? 0 : sizeof(key);
		world_start(i);
		run_answered(2000);
		assert_true(world.now_us - heard_us(answerer(0), i) > 1900000);
		world_close();
	}
}

/* No key is a cluster, another key is another one. */
static void
keys(void **state)
{
	static const uint8_t key[] = "0123456789", other[] = "0123456788";
	struct owners_config config = config_of(OWNERS_AVAILABLE);

	(void)state;
	world_open(3, 1, &config);
	world.key = key;
	world.key_len = sizeof(key);
	for (int i = 0; i < 3; i++)
		world_start(i);
	world_run(3000);
	assert_int_equal(answerers(0), 1);
	assert_int_equal(world.takes, 1);
	owners_key(world.node[0].owners, other, sizeof(other));
	world_kill(1);
	world_run(4000);
	assert_true(answerers(0) >= 1);
	world_close();
}

/* Nothing that was recorded moves anything, also not at a node that starts. */
static void
replays(void **state)
{
	struct owners_config config = config_of(OWNERS_AVAILABLE);
	struct packet *old[512], *p;
	int i, n = 0;

	(void)state;
	world_begin(3, 3, &config);
	world_kill(1);
	for (i = 0; i < 200; i++) {
		world_step();
		for (p = world.flying; p != NULL && n < 512; p = p->next) {
			old[n] = malloc(sizeof(*p) + p->len);
			memcpy(old[n++], p, sizeof(*p) + p->len);
		}
	}
	assert_true(n > 20);
	world_start(1);
	world_run(3000);
	/* node1 restarts, and is told its own past. */
	world_kill(0);
	world_run(1000);
	world_start(0);
	world.takes = 0;
	for (i = 0; i < n; i++) {
		if (world.node[old[i]->to].owners != NULL)
			assert_non_null(
			    owners_hear(world.node[old[i]->to].owners,
				old[i]->bytes, old[i]->len, world.now_us));
		free(old[i]);
		world_step();
	}
	world_run(3000);
	assert_int_equal(world.takes, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(answerers(i), 1);
	world_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_owner),
		cmocka_unit_test(kill_one),
		cmocka_unit_test(frozen),
		cmocka_unit_test(woken),
		cmocka_unit_test(restart_announced),
		cmocka_unit_test(leave),
		cmocka_unit_test(handover_one),
		cmocka_unit_test(strict),
		cmocka_unit_test(balanced),
		cmocka_unit_test(carrier),
		cmocka_unit_test(probed),
		cmocka_unit_test(removed),
		cmocka_unit_test(keys),
		cmocka_unit_test(key_changes),
		cmocka_unit_test(replays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
