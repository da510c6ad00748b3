/* SPDX-License-Identifier: ISC */
/* When to try again, and the set of known keys: both against plain models. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/k8s/api/watch.h"

/* Without luck (dice 0) each wait is the longest; with it, half of that. */
static void
waits(struct pace *p, int64_t now_ms, int status, int64_t expected_ms)
{
	struct pace copy = *p;

	assert_in_range(pace_fail(&copy, now_ms, status, -1, UINT32_MAX),
	    expected_ms / 2, expected_ms);
	assert_int_equal(pace_fail(p, now_ms, status, -1, 0), expected_ms);
}

static void
test_doubles(void **unused)
{
	struct pace p = { 0 };
	int64_t ms;
	int i;

	(void)unused;
	for (ms = 1600; ms < 30000; ms *= 2)
		waits(&p, 1000, 500, ms);
	for (i = 0; i < 200; i++)
		waits(&p, 1000, 500, 30000);
	waits(&p, 1000, 410, 400);
	waits(&p, 1000, 410, 800);
	waits(&p, 1000, 0, 1600);
}

static void
test_heals(void **unused)
{
	struct pace p = { 0 };

	(void)unused;
	waits(&p, 0, 500, 1600);
	pace_well(&p, 0);
	pace_well(&p, 60000);
	waits(&p, 119999, 500, 3200);
	pace_well(&p, 120000);
	waits(&p, 240000, 500, 1600);
}

/* A restart is one only after health, and for half a minute. */
static void
test_restart(void **unused)
{
	struct pace p = { 0 };

	(void)unused;
	pace_well(&p, 0);
	waits(&p, 5000, 0, 200);
	waits(&p, 5200, 0, 400);
	waits(&p, 5600, 0, 800);
	waits(&p, 6400, 0, 1000);
	waits(&p, 7400, 503, 1600);
	waits(&p, 34999, 0, 1000);
	waits(&p, 35000, 0, 1600);
	pace_well(&p, 35000);
	waits(&p, 36000, 0, 3200);
	waits(&p, 36001, 0, 6400);
	/* Up for a moment only: it is not a restart that goes on. */
	pace_well(&p, 200000);
	waits(&p, 400000, 0, 200);
	pace_well(&p, 400200);
	waits(&p, 401000, 0, 1600);
}

static void
test_later(void **unused)
{
	struct pace p = { 0 };

	(void)unused;
	assert_int_equal(pace_fail(&p, 0, 429, 0, 0), 250);
	assert_int_equal(pace_fail(&p, 0, 429, 0, 0), 500);
	assert_int_equal(pace_fail(&p, 0, 429, 5000, 0), 6000);
	assert_int_equal(pace_fail(&p, 0, 503, INT64_MAX, 0), 300250);
}

/* Keys ------------------------------------------------------------------------------ */

#define KEYS 200

static bool model_known[KEYS], model_seen[KEYS];
static unsigned stop_at;

static bool
on_gone(void *arg, const char *key)
{
	int i = atoi(key);

	(void)arg;
	assert_true(model_known[i] && !model_seen[i]);
	model_known[i] = false;
	return stop_at == 0 || --stop_at > 0;
}

static size_t
model_count(void)
{
	size_t i, n = 0;

	for (i = 0; i < KEYS; i++)
		n += model_known[i];
	return n;
}

static void
one_turn(struct known *known, unsigned turn)
{
	unsigned i = (unsigned)rand() % KEYS;
	char key[16];

	snprintf(key, sizeof(key), "%u", i);
	if (turn % 3 == 0) {
		assert_int_equal(known_remove(known, key), model_known[i]);
		model_known[i] = false;
	} else {
		known_see(known, key);
		model_known[i] = model_seen[i] = true;
	}
}

static void
test_known(void **unused)
{
	struct known *known = known_new();
	unsigned list, turn, i;

	(void)unused;
	srand(1);
	for (i = 0; i < KEYS; i += 7) {
		char key[16];

		snprintf(key, sizeof(key), "%u", i);
		known_hear(known, key);
		model_known[i] = true;
	}
	for (list = 0; list < 300; list++) {
		known_list(known);
		memset(model_seen, 0, sizeof(model_seen));
		for (turn = 0; turn < (unsigned)rand() % 300; turn++)
			one_turn(known, turn);
		assert_int_equal(known_count(known), model_count());
		/* Every second sweep is left when the next list begins. */
		for (turn = 0; list % 2 == 0 || turn < 5; turn++) {
			stop_at = (unsigned)rand() % 3;
			if (known_sweep(
				known, 1 + (size_t)rand() % 20, on_gone, NULL))
				break;
			one_turn(known, turn);
		}
		for (i = 0; i < KEYS && list % 2 == 0; i++)
			assert_false(model_known[i] && !model_seen[i]);
		assert_int_equal(known_count(known), model_count());
	}
	known_free(known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_heals),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
