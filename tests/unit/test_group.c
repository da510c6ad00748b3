/* SPDX-License-Identifier: ISC */
/* What peers hear, read back from the bytes: whoever joins, lags or leaves. */
#include "group_scene.h"

static void
test_initial(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 100; n++)
		say(&peers[0], n, 7);
	join(&peers[1]);
	check_all();
	/* One attribute set, one message; and the end. */
	assert_int_equal(peers[1].messages, 2);
	assert_int_equal(peers[1].ends, 1);
	/* Who joins later hears the same, by a dump of its own. */
	join(&peers[2]);
	check_all();
	assert_int_equal(peers[2].announced, 100);
	assert_int_equal(peers[2].ends, 1);
	assert_int_equal(peers[1].messages, 2);
}

static void
test_end_of_empty(void **state)
{
	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	check_all();
	assert_int_equal(peers[0].ends, 1);
	assert_int_equal(peers[1].ends, 1);
	assert_false(hear(&peers[0]));
	assert_int_equal(peers[0].ends, 1);
}

static void
test_pending(void **state)
{
	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	say(&peers[2], 1, 1);
	/* Nobody waits yet. */
	assert_int_equal(peers[0].pending, 0);
	hear_all();
	say(&peers[2], 2, 1);
	say(&peers[2], 3, 1);
	assert_int_equal(peers[0].pending, 1);
	assert_int_equal(peers[1].pending, 1);
	check_all();
	unsay(&peers[2], 3);
	assert_int_equal(peers[1].pending, 2);
	check_all();
	assert_int_equal(peers[1].withdrawn, 1);
}

static void
test_split_horizon(void **state)
{
	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	join(&peers[2]);
	say(&peers[1], 5, 1);
	check_all();
	assert_int_equal(peers[1].announced, 0);
	/* A better path of peer 0: it alone must forget the other's. */
	say(&peers[0], 5, 0);
	rib_withdraw(peers[1].source, 0, &(struct prefix){ .family = 0 });
	check_all();
	unsay(&peers[1], 5);
	check_all();
	assert_int_equal(peers[0].withdrawn, 1);
	assert_int_equal(peers[2].withdrawn, 0);
	/* An update of the own best path is not even a withdrawal. */
	say(&peers[0], 5, 9);
	check_all();
	assert_int_equal(peers[0].withdrawn, 1);
	assert_int_equal(peers[0].announced, 1);
}

static void
test_shared_once(void **state)
{
	const uint8_t *a, *b;
	size_t len;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	hear_all();
	say(&peers[2], 5, 1);
	len = rib_member_take(peers[0].member, &a);
	assert_true(len > 0);
	assert_int_equal(rib_member_take(peers[1].member, &b), len);
	assert_ptr_equal(a, b);
	assert_int_equal(rib_member_group_id(peers[0].member),
	    rib_member_group_id(peers[1].member));
	hear_message(
	    &peers[0], buf_reader(a + MESSAGE_HEADER, len - MESSAGE_HEADER));
	hear_message(
	    &peers[1], buf_reader(a + MESSAGE_HEADER, len - MESSAGE_HEADER));
	check_all();
}

static void
test_refresh(void **state)
{
	unsigned n;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	for (n = 0; n < 50; n++)
		say(&peers[n % 3], n, n);
	check_all();
	rib_member_refresh(peers[1].member);
	say(&peers[2], 3, 1);
	unsay(&peers[2], 5);
	check_all();
	assert_int_equal(peers[1].ends, 1);
	/* The export policy changed. */
	refuse_odd = true;
	rib_group_refresh(peers[0].member);
	check_all();
	refuse_odd = false;
	rib_group_refresh(peers[0].member);
	check_all();
}

/* One that reads while it is waited for is not let go. */
static void
test_pace(void **state)
{
	unsigned n, round, waited = 0;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	hear_all();
	for (round = 0; round < 400; round++) {
		for (n = 0; n < PREFIXES; n++)
			say(&peers[2], n, round * PREFIXES + n);
		while (hear(&peers[0]))
			;
		if (!rib_is_waiting(rib))
			continue;
		waited++;
		rib_tick(rib);
		while (hear(&peers[1]))
			;
		assert_false(rib_is_waiting(rib));
	}
	assert_true(waited > 1);
	assert_false(peers[1].member->detached);
	check_all();
}

/* A peer that never reads is let go and costs no bytes; then it catches up. */
static void
test_slow(void **state)
{
	unsigned n, round, waited = 0;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	hear_all();
	for (round = 0; round < 400; round++) {
		for (n = 0; n < PREFIXES; n++)
			say(&peers[2], n, round * PREFIXES + n);
		for (n = round % 7; n < PREFIXES; n += 7)
			unsay(&peers[2], n);
		while (hear(&peers[0]))
			;
		/* Waited for until it has had its time. */
		if (rib_is_waiting(rib)) {
			waited++;
			assert_false(peers[1].member->detached);
			rib_tick(rib);
			rib_tick(rib);
			assert_true(rib_is_waiting(rib));
			rib_tick(rib);
			assert_false(rib_is_waiting(rib));
			assert_true(peers[1].member->detached);
		}
	}
	assert_int_equal(waited, 1);
	assert_true(peers[1].member->group->log_bytes <= 2 * 1024 * 1024);
	n = peers[1].announced;
	check_all();
	/* Each prefix once, not each change. */
	assert_true(peers[1].announced - n <= PREFIXES);
}

/* Prefixes that a slow peer must still forget may come back meanwhile. */
static void
test_random(void **state)
{
	static const char *const keys[] = { "all", "all", "other" };
	uint32_t seed = 1;
	unsigned i, what, who, n;

	(void)state;
	for (i = 0; i < 60000; i++) {
		seed = seed * 1103515245u + 12345u;
		who = (seed >> 16) % PEERS;
		seed = seed * 1103515245u + 12345u;
		n = (seed >> 12) % PREFIXES;
		seed = seed * 1103515245u + 12345u;
		what = (seed >> 16) % 1000;
		if (what < 500)
			say(&peers[who], n, (seed >> 8) % 5);
		else if (what < 800)
			unsay(&peers[who], n);
		else if (what < 960 && peers[who].member != NULL)
			hear(&peers[who]);
		else if (what < 975 && peers[who].member == NULL)
			join_as(&peers[who], keys[n % 3]);
		else if (what < 980 && peers[who].member != NULL)
			rib_member_refresh(peers[who].member);
		else if (what < 984 && peers[who].member != NULL)
			rib_group_refresh(peers[who].member);
		else if (what < 988)
			rib_source_flush(peers[who].source, FAMILY_NONE, 50);
		else if (what < 992) {
			rib_member_free(peers[who].member);
			peers[who].member = NULL;
		} else if (what == 999) {
			check_all();
		}
	}
	check_all();
	for (who = 0; who < PEERS; who++)
		assert_false(
		    rib_source_flush(peers[who].source, FAMILY_NONE, 10000));
	check_all();
}

static void
test_too_big(void **state)
{
	struct rib_stats stats;
	struct attr attr = attr_of(65000, 1);
	struct prefix prefix = nth(9);
	uint8_t *large = mem_alloc(8000);
	unsigned i;

	(void)state;
	join(&peers[1]);
	for (i = 0; i < 8000; i += 4)
		large[i + 2] = (uint8_t)(i >> 8), large[i + 3] = (uint8_t)i;
	say(&peers[0], 9, 1);
	hear_all();
	assert_int_equal(peers[1].heard[9], 1);
	attr.communities = blob_new(scratch, large, 8000);
	attr.present |= 1u << ATTR_COMMUNITIES;
	rib_update(peers[0].source, 0, &prefix, &attr, &attr, 1);
	hear_all();
	assert_int_equal(peers[1].heard[9], NOTHING);
	assert_int_equal(rib_member_count(peers[1].member), 0);
	rib_stats(rib, &stats);
	assert_int_equal(stats.too_big, 1);
	mem_free(large);
}

static void
test_advertised(void **state)
{
	struct rib_cursor cursor = { .family = FAMILY_IPV4 };
	struct prefix prefix, last = { 0 };
	struct attr attr;
	unsigned n, count = 0;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	for (n = 0; n < 60; n++)
		say(&peers[n % 3], (n * 37) % PREFIXES, n);
	check_all();
	while (rib_member_next(
	    peers[0].member, &cursor, scratch, &prefix, &attr)) {
		assert_true(count == 0 || prefix_compare(&last, &prefix) < 0);
		assert_int_equal(aspath_first(attr.as_path), 64512);
		assert_int_equal(attr.med, expected(&peers[0], which(&prefix)));
		last = prefix;
		count++;
	}
	assert_int_equal(count, 40);
	assert_int_equal(count, rib_member_count(peers[0].member));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_initial),
		TEST(test_end_of_empty),
		TEST(test_pending),
		TEST(test_split_horizon),
		TEST(test_shared_once),
		TEST(test_refresh),
		TEST(test_slow),
		TEST(test_pace),
		TEST(test_random),
		TEST(test_too_big),
		TEST(test_advertised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
