/* SPDX-License-Identifier: ISC */
/* Whose Lease was renewed: by what one watch tells, and by nothing else. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../plugins/k8s/heartbeat.h"

#define RENEW 5000

static struct pulses *p;
static int64_t now_ms;
static unsigned version;

static int
setup(void **state)
{
	(void)state;
	p = pulses_new("me");
	now_ms = 1000;
	version = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pulses_free(p);
	return 0;
}

static bool
hear(const char *node)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", ++version);
	return pulses_hear(p, node, text, false, PULSE_VALID_MS, now_ms);
}

static bool
release(const char *node)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", ++version);
	return pulses_hear(p, node, text, true, 1000, now_ms);
}

/* A round of five seconds, at the end of which these have renewed. */
static bool
renewed(const char *one, const char *other, const char *third)
{
	bool changed;

	now_ms += RENEW;
	changed = pulses_tick(p, now_ms);
	if (one != NULL)
		changed |= hear(one);
	if (other != NULL)
		changed |= hear(other);
	if (third != NULL)
		changed |= hear(third);
	return changed;
}

/* We are live, and so are a and b. */
static void
begin(void)
{
	hear("me"), hear("a"), hear("b");
	renewed("me", "a", "b");
	assert_true(pulses_is_live(p));
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	assert_int_equal(pulses_of(p, "b"), PULSE_ALIVE);
}

/* A list tells who has a Lease, not who is alive. */
static void
first_sight(void **state)
{
	(void)state;
	assert_false(hear("a"));
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	assert_false(hear("me"));
	assert_false(pulses_is_live(p));
	assert_true(renewed("me", NULL, NULL));
	assert_int_equal(pulses_of(p, "me"), PULSE_ALIVE);
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	assert_int_equal(pulses_of(p, "nobody"), PULSE_UNKNOWN);
	/* The same version again is no renewal. */
	assert_false(
	    pulses_hear(p, "a", "1", false, PULSE_VALID_MS, now_ms + 1));
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	/* It is dead: a whole duration, since we are live, without it. */
	assert_false(renewed("me", NULL, NULL));
	assert_false(renewed("me", NULL, NULL));
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	assert_true(renewed("me", NULL, NULL));
	assert_int_equal(pulses_of(p, "a"), PULSE_GONE);
}

/* Who renews is alive, who does not is gone a duration later, and may be back. */
static void
runs_out(void **state)
{
	int i;

	(void)state;
	begin();
	for (i = 0; i < 2; i++) {
		assert_false(renewed("me", "b", NULL));
		assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	}
	/* Our own renewal is what tells that it is over, and not a clock. */
	now_ms += RENEW - 1;
	assert_false(pulses_tick(p, now_ms));
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	now_ms++;
	assert_false(hear("b"));
	assert_true(hear("me"));
	assert_int_equal(pulses_of(p, "a"), PULSE_GONE);
	assert_int_equal(pulses_of(p, "b"), PULSE_ALIVE);
	assert_true(hear("a"));
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
}

/* One that is slower by its own word has its own duration. */
static void
slower(void **state)
{
	(void)state;
	begin();
	pulses_hear(p, "slow", "x", false, 40000, now_ms);
	pulses_hear(p, "slow", "y", false, 40000, now_ms);
	pulses_hear(p, "c", "x", false, 1000, now_ms);
	pulses_hear(p, "c", "y", false, 1000, now_ms);
	assert_int_equal(pulses_of(p, "slow"), PULSE_ALIVE);
	renewed("me", NULL, NULL);
	renewed("me", NULL, NULL);
	/* No less than ours, which is when it would be renewed. */
	assert_int_equal(pulses_of(p, "c"), PULSE_ALIVE);
	renewed("me", NULL, NULL);
	assert_int_equal(pulses_of(p, "c"), PULSE_GONE);
	assert_int_equal(pulses_of(p, "slow"), PULSE_ALIVE);
	while (now_ms < 1000 + RENEW + 40000) {
		assert_int_equal(pulses_of(p, "slow"), PULSE_ALIVE);
		renewed("me", NULL, NULL);
	}
	assert_int_equal(pulses_of(p, "slow"), PULSE_GONE);
}

/* Given back: gone at once. Deleted: as one that is not renewed. */
static void
let_go(void **state)
{
	(void)state;
	begin();
	assert_true(release("a"));
	assert_int_equal(pulses_of(p, "a"), PULSE_GONE);
	assert_true(hear("a"));
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	pulses_miss(p, "a");
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	renewed("me", "b", NULL);
	renewed("me", "b", NULL);
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	renewed("me", "b", NULL);
	assert_int_equal(pulses_of(p, "a"), PULSE_GONE);
	/* It stays that, for as long as there is such a Node. */
	assert_int_equal(pulses_count(p), 3);
	pulses_forget(p, "b"); /* it has its Lease yet */
	assert_int_equal(pulses_count(p), 3);
	pulses_forget(p, "a");
	assert_int_equal(pulses_count(p), 2);
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	pulses_miss(p, "nobody");
	pulses_forget(p, "nobody");
}

/* The server is away, or the watch hangs: nobody is gone, nor alive. */
static void
nobody_renews(void **state)
{
	int i;

	(void)state;
	begin();
	release("b");
	assert_int_equal(pulses_next_ms(p), now_ms + PULSE_LIVE_MS);
	now_ms += PULSE_LIVE_MS - 1;
	assert_false(pulses_tick(p, now_ms));
	assert_int_equal(pulses_of(p, "a"), PULSE_ALIVE);
	now_ms++;
	assert_true(pulses_tick(p, now_ms));
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	assert_int_equal(pulses_of(p, "b"), PULSE_UNKNOWN);
	assert_int_equal(pulses_of(p, "me"), PULSE_UNKNOWN);
	assert_int_equal(pulses_next_ms(p), INT64_MAX);
	now_ms += 60000;
	assert_false(pulses_tick(p, now_ms));
	/* What is found changed now may be of any time: it is no news of life. */
	hear("a");
	release("c");
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	assert_int_equal(pulses_of(p, "c"), PULSE_UNKNOWN);
	/* Back: each has a whole duration, whatever was before. */
	assert_true(renewed("me", NULL, NULL));
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	for (i = 0; i < 2; i++) {
		renewed("me", "b", NULL);
		assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
		assert_int_equal(pulses_of(p, "b"), PULSE_ALIVE);
	}
	renewed("me", "b", NULL);
	assert_int_equal(pulses_of(p, "a"), PULSE_GONE);
	assert_int_equal(pulses_of(p, "b"), PULSE_ALIVE);
}

/* Others may be heard while our own writes fail: that is no ground to judge. */
static void
only_we_fail(void **state)
{
	int i;

	(void)state;
	begin();
	for (i = 0; i < 6; i++)
		renewed(NULL, "b", NULL);
	assert_false(pulses_is_live(p));
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	assert_int_equal(pulses_of(p, "b"), PULSE_UNKNOWN);
}

/*
 * Frozen for a minute, with the news of that minute in the socket: they are taken
 * in their order, at one moment, and kill nobody.
 */
static void
frozen(void **state)
{
	int i;

	(void)state;
	begin();
	now_ms += 60000;
	for (i = 0; i < 12; i++)
		hear("a");
	assert_int_equal(pulses_of(p, "a"), PULSE_UNKNOWN);
	hear("me");
	assert_int_not_equal(pulses_of(p, "a"), PULSE_GONE);
	assert_int_not_equal(pulses_of(p, "b"), PULSE_GONE);
	/* Before anybody has asked what time it is. */
	begin();
	now_ms += 60000;
	hear("me");
	assert_int_not_equal(pulses_of(p, "a"), PULSE_GONE);
	assert_int_not_equal(pulses_of(p, "b"), PULSE_GONE);
}

/* Dice: never gone who has renewed within the last duration that we saw. */
static void
any_order(void **state)
{
	static const char *const names[] = { "me", "a", "b", "c" };
	int64_t last_ms[4] = { 0 }, own_ms = 0;
	unsigned dice = 1, i, n, round, gone = 0;

	(void)state;
	for (round = 0; round < 200000; round++) {
		dice = dice * 1103515245 + 12345;
		i = dice >> 16 & 3;
		now_ms += dice >> 18 & (round / 1000 % 2 ? 4095 : 16383);
		if ((dice >> 24 & 15) == 0)
			pulses_tick(p, now_ms);
		else if ((dice >> 24 & 15) == 1)
			pulses_miss(p, names[i]);
		else {
			hear(names[i]);
			last_ms[i] = now_ms;
			if (i == 0)
				own_ms = now_ms;
		}
		for (n = 1; n < 4; n++) {
			if (pulses_of(p, names[n]) != PULSE_GONE)
				continue;
			gone++;
			assert_true(own_ms - last_ms[n] >= PULSE_VALID_MS);
		}
	}
	assert_true(gone > 100);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(first_sight),
		TEST(runs_out),
		TEST(slower),
		TEST(let_go),
		TEST(nobody_renews),
		TEST(only_we_fail),
		TEST(frozen),
		TEST(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
