/* SPDX-License-Identifier: ISC */
/* A segment in parts, none of which has most: nothing moves, nothing is nobody's. */

/*
 * The nodes hear each other on the segment of their own addresses all the while;
 * what falls into parts is the far one, that addresses are carried on. The last
 * test enumerates: four nodes in two parts of two, each way, then another way, or
 * a death, or a lost gateway, in both partition modes.
 */

#include "owner_world.h"

#define NEAR 0 /* addresses, by their segment */
#define FAR  1
#define LATE 3 /* on the far one, too: offered later */

/* Who is in which part of the far segment, by node. */
static void
far_parts(const char *parts)
{
	int i, k;

	for (i = 0; i < world.nodes; i++)
		for (k = 0; k < world.nodes; k++)
			world.far[i][k] = parts[i] != parts[k];
}

static void
begin(int nodes, int partition, enum owners_gateway far)
{
	struct owners_config config = owners_defaults;
	int i;

	config.partition = (uint8_t)partition;
	world_open(nodes, 2, &config);
	world.sides = 2;
	for (i = 0; i < nodes; i++) {
		world.node[i].far_gateway = far;
		world_start(i);
	}
	world_run(4500); /* BFD may take three seconds */
	assert_int_equal(answerers(NEAR), 1);
	assert_int_equal(answerers(FAR), 1);
}

static unsigned
sent(void)
{
	unsigned sum = 0;
	int i;

	for (i = 0; i < world.nodes; i++)
		sum += world.node[i].sent;
	return sum;
}

static uint64_t
epoch_at(int i, int a)
{
	struct owners_explanation e;
	struct bgpd_addr addr = addr_of(a);

	assert_true(owners_explain(world.node[i].owners, &addr, &e));
	return e.epoch;
}

/* Each sees as many there as it does not, or fewer: nobody is a better place. */
static void
no_part_has_most(void **state)
{
	static const char *const parts[] = { "aabb", "abab", "abba", "aabbc",
		"abcab", "abcd", "abcde" };
	uint64_t epoch;
	unsigned quiet, busy;
	int partition, far;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (partition = 0; partition < 2; partition++) {
			begin((int)strlen(parts[i]), partition,
			    OWNERS_NO_GATEWAY);
			far = answerer(FAR);
			epoch = epoch_at(far, FAR);
			quiet = sent();
			world_run(1000);
			quiet = sent() - quiet;
			far_parts(parts[i]);
			world_run(1000);
			busy = sent();
			world_run(1000);
			busy = sent() - busy;
			assert_in_range(busy, 0, quiet + quiet / 4);
			assert_int_equal(answerer(FAR), far);
			assert_int_equal(epoch_at(far, FAR), epoch);
			world_close();
		}
	}
}

/* Of two halves the gateway tells which; half of all is more than two quarters. */
static void
half_that_wins(void **state)
{
	static const char *const parts[] = { "aabb", "bbaa", "aabc", "baca" };
	int partition, k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (partition = 0; partition < 2; partition++) {
			begin(4, partition, OWNERS_NO_GATEWAY);
			far_parts(parts[i]);
			for (k = 0; k < 4 && i < 2; k++)
				world_far_gateway(k, parts[i][k] == 'a'
							 ? OWNERS_REACHED
							 : OWNERS_LOST);
			world_run(1000);
			assert_int_equal(answerers(FAR), 1);
			assert_int_equal(parts[i][answerer(FAR)], 'a');
			assert_int_equal(answerers(NEAR), 1);
			world_close();
		}
	}
}

/* What is offered when it is in parts already is taken by one of them. */
static void
late_address(void **state)
{
	static const char *const parts[] = { "aabb", "abba", "aabbc" };
	int partition, i;
	size_t p;

	(void)state;
	for (p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
		for (partition = 0; partition < 2; partition++) {
			begin((int)strlen(parts[p]), partition,
			    OWNERS_NO_GATEWAY);
			far_parts(parts[p]);
			world_run(1000);
			world.addrs = 4;
			for (i = 0; i < world.nodes; i++) {
				world_offer(&world.node[i], 2);
				world_offer(&world.node[i], LATE);
			}
			world_run(3000);
			assert_int_equal(answerers(LATE), 1);
			assert_int_equal(answerers(FAR), 1);
			i = answerer(LATE);
			world_run(2000);
			assert_int_equal(answerer(LATE), i);
			world_close();
		}
	}
}

/* As `segments` says, by bits of the list, where this node carries it. */
static void
offer(int i, int a, uint8_t segments)
{
	struct owners_candidate candidates[NODES] = { 0 };
	struct owners_address address = { .addr = addr_of(a), .ready = true };
	int k;

	for (k = 0; k < world.nodes; k++)
		candidates[k].node = name_of(k);
	address.candidates = candidates;
	address.candidate_count = (size_t)world.nodes;
	address.segments = segments;
	owners_address(world.node[i].owners, &address, world.now_us);
}

/*
 * The first says that it is on the far segment, where it is alone; the others that
 * it is on the near one, where they see nobody but the first.
 */
static void
begin_at_odds(int partition)
{
	int i, k;

	begin(5, partition, OWNERS_NO_GATEWAY);
	far_parts("abbbb");
	for (i = 1; i < world.nodes; i++)
		for (k = 1; k < i; k++)
			world_cut(i, k, true);
	world_run(1000);
	world.addrs = 4;
	for (i = 0; i < world.nodes; i++)
		offer(i, LATE, i == 0 ? 2 : 1);
}

/* Each thinks that another is a better place: it is taken, and rests. */
static void
nodes_at_odds(void **state)
{
	struct bgpd_addr addr = addr_of(LATE);
	unsigned takes, quiet;
	const char *why;
	int partition, i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin_at_odds(partition);
		world_run(7000);
		assert_int_equal(answerers(LATE), 1);
		takes = world.takes;
		/* The first's, if it is not yet: what it has is refused. */
		i = answerer(LATE);
		if (i != 0)
			assert_int_equal(
			    owners_handover(world.node[i].owners, &addr, NULL,
				name_of(0), &why, world.now_us),
			    1);
		world_run(20000);
		assert_int_equal(answerers(LATE), 1);
		assert_in_range(world.takes, takes, takes + 1);
		quiet = sent();
		world_run(10000);
		quiet = sent() - quiet;
		/* Some offers in it, not some in each second. */
		if (partition == OWNERS_AVAILABLE)
			assert_in_range(quiet, 0, 10 * 5 * 4 + 40);
		world_close();
	}
}

/* One after the other is cut off, as soon as it has it: it moves now and then. */
static void
cut_one_by_one(void **state)
{
	char parts[] = "aaaa";
	unsigned takes;
	int partition, round;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(4, partition, OWNERS_NO_GATEWAY);
		takes = world.takes;
		for (round = 0; round < 50; round++) {
			memcpy(parts, "aaaa", 4);
			if (answerer(FAR) >= 0)
				parts[answerer(FAR)] = 'b';
			far_parts(parts);
			world_run(100);
		}
		assert_in_range(world.takes - takes, 2, 6);
		assert_int_equal(answerers(FAR), 1);
		world_close();
	}
}

/* What was taken from a dead one is handed over at once, when that is due. */
static void
soon_after_a_take(void **state)
{
	char parts[] = "aaaa";
	int partition, far, moved;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(4, partition, OWNERS_NO_GATEWAY);
		world_kill(answerer(FAR));
		world_run(400);
		far = answerer(FAR);
		assert_true(far >= 0);
		parts[far] = 'b';
		far_parts(parts);
		parts[far] = 'a';
		world_run(280);
		moved = answerer(FAR);
		assert_true(moved >= 0);
		assert_int_not_equal(moved, far);
		world_close();
	}
}

/* In the order of that address. */
static void
order_of(int a, int order[NODES])
{
	struct bgpd_addr addr = addr_of(a);
	uint8_t hash[NODES][32];
	int i, k;

	for (i = 0; i < NODES; i++) {
		elect_hash(name_of(i), &addr, hash[i]);
		for (k = i; k > 0; k--) {
			if (memcmp(hash[order[k - 1]], hash[i], 32) < 0)
				break;
			order[k] = order[k - 1];
		}
		order[k] = i;
	}
}

/* The first is cut off, the next two do not offer it: the one behind takes it. */
static void
who_is_there_first(void **state)
{
	int partition, a, i, order[NODES] = { 0 };
	char parts[] = "aaaaa";

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (a = 3; a < 15; a += 2) {
			begin(NODES, partition, OWNERS_NO_GATEWAY);
			order_of(a, order);
			parts[order[0]] = 'b';
			far_parts(parts);
			parts[order[0]] = 'a';
			world_run(1000);
			world.addrs = a + 1;
			for (i = 0; i < NODES; i++)
				if (i != order[1] && i != order[2])
					offer(i, a, 2);
			world_run(6000);
			assert_int_equal(answerer(a), order[3]);
			assert_int_equal(world.node[order[0]].epochs[a], 0);
			world_close();
		}
	}
}

/* One's own, and the other's, as the Leases say. */
static void
lease(int i, enum owners_lease of_other)
{
	struct owners_member members[2] = { { .name = name_of(0) },
		{ .name = name_of(1) } };

	members[i].lease = OWNERS_ALIVE;
	members[!i].lease = (uint8_t)of_other;
	owners_members(world.node[i].owners, members, 2, world.now_us);
}

/* The other of two dies, and the gateways with it: its Lease says which it is. */
static void
gone_by_lease(void **state)
{
	int partition, far;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(2, partition, OWNERS_REACHED);
		lease(0, OWNERS_ALIVE);
		lease(1, OWNERS_ALIVE);
		far = answerer(FAR);
		world_kill(!far);
		/* What consistent asks of two nodes, it asks of the near one. */
		if (partition == OWNERS_AVAILABLE)
			world_gateway(far, OWNERS_LOST);
		world_far_gateway(far, OWNERS_LOST);
		world_run(1000);
		assert_int_equal(answerers(FAR), 0);
		lease(far, OWNERS_GONE);
		world_run(500);
		assert_int_equal(answerer(FAR), far);
		world_close();
	}
}

/* Even parts, exhaustively ------------------------------------------------------------ */

static const char *const halves[] = { "aabb", "abab", "abba" };

enum { OTHER_WAY = 0, KILLS = 3, GATEWAYS = 7, HEALS = 11, SECONDS = 12 };

static void
second(int what)
{
	int i;

	if (what < KILLS)
		far_parts(halves[what]);
	else if (what < GATEWAYS)
		world_kill(what - KILLS);
	else if (what < HEALS) {
		for (i = 0; i < 4; i++)
			world_far_gateway(i, i == what - GATEWAYS
						 ? OWNERS_LOST
						 : OWNERS_REACHED);
	} else
		far_parts("aaaa");
}

static void
history(int partition, const char *first, int what, int64_t ms)
{
	char story[80];
	unsigned takes;

	snprintf(story, sizeof(story), "partition %d, %s, second %d, %d ms",
	    partition, first, what, (int)ms);
	begin(4, partition, OWNERS_NO_GATEWAY);
	takes = world.takes;
	far_parts(first);
	world_run(ms);
	second(what);
	world_run(2500);
	if (answerers(FAR) != 1 || answerers(NEAR) != 1)
		fail_msg("%s: %d answer", story, answerers(FAR));
	if (world.doubles > 0 && partition == OWNERS_CONSISTENT)
		fail_msg("%s: two could answer", story);
	if (world.worst_us > 50000)
		fail_msg("%s: two answered that hear each other", story);
	/* Once by a death on each, once by what comes second. */
	if (world.takes - takes > 3)
		fail_msg("%s: %u takes", story, world.takes - takes);
	takes = world.takes;
	far_parts("aaaa");
	world_run(2000);
	if (world.takes != takes)
		fail_msg("%s: it moves when all is well", story);
	world_close();
}

static void
halves_of_four(void **state)
{
	static const int64_t times[] = { 60, 170, 260, 700 };
	int partition, what;
	size_t i, t;

	(void)state;
	for (partition = 0; partition < 2; partition++)
		for (i = 0; i < 3; i++)
			for (what = 0; what < SECONDS; what++)
				for (t = 0; t < 4; t++)
					history(partition, halves[i], what,
					    times[t]);
}

/* Node i tells so many segments that no other has. */
static void
say_own(int i, unsigned count)
{
	struct owners_segment list[OWNERS_SEGMENTS] = { 0 };
	unsigned k;

	for (k = 0; k < count; k++) {
		list[k].addr.family = 4;
		list[k].addr.bytes[0] = 10;
		list[k].addr.bytes[1] = (uint8_t)(1 + i);
		list[k].addr.bytes[2] = (uint8_t)k;
		list[k].length = 24;
		list[k].linked = true;
	}
	owners_segments(world.node[i].owners, list, count, world.now_us);
}

/* More than can be told apart are known to be so, where they are heard of. */
static void
too_many(void **state)
{
	int i, last;

	(void)state;
	begin(3, OWNERS_AVAILABLE, OWNERS_NO_GATEWAY);
	for (last = 1; last >= 0; last--) {
		say_own(0, OWNERS_SEGMENTS);
		say_own(1, OWNERS_SEGMENTS);
		say_own(2, (unsigned)last);
		world_run(300);
		for (i = 0; i < 3; i++)
			assert_int_equal(
			    owners_segments_are_many(world.node[i].owners),
			    last == 1);
	}
	world_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_part_has_most),
		cmocka_unit_test(half_that_wins),
		cmocka_unit_test(late_address),
		cmocka_unit_test(nodes_at_odds),
		cmocka_unit_test(cut_one_by_one),
		cmocka_unit_test(soon_after_a_take),
		cmocka_unit_test(who_is_there_first),
		cmocka_unit_test(gone_by_lease),
		cmocka_unit_test(halves_of_four),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
