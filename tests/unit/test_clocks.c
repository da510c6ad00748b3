/* SPDX-License-Identifier: ISC */
/* Jitter, back-off, and which of two connections stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "peer/session.h"

/* RFC 4271 10: between 75 and 100 %. */
static void
test_jitter(void **state)
{
	int64_t ms, low = 30000, high = 0;
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		ms = clocks_jitter(30000);
		assert_in_range(ms, 22500, 30000);
		low = ms < low ? ms : low;
		high = ms > high ? ms : high;
	}
	assert_true(low < 23000 && high > 29500);
	assert_int_equal(clocks_jitter(0), 0);
}

static void
test_backoff(void **state)
{
	static const unsigned want[] = { 0, 1, 2, 4, 8, 16, 32, 64, 120, 120 };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(clocks_backoff(i, 120), want[i]);
	assert_int_equal(clocks_backoff(1000000, 120), 120);
	assert_int_equal(clocks_backoff(40, 65535), 65535);
	assert_int_equal(clocks_backoff(5, 3), 3);
}

/* RFC 4271 6.8, RFC 6286 2.3 */
static void
test_collision(void **state)
{
	static const struct {
		uint32_t local_id, local_as, remote_id, remote_as;
		bool dialled;
	} cases[] = {
		{ 2, 65001, 1, 65002, true },
		{ 1, 65001, 2, 65002, false },
		{ 1, 65002, 2, 65001, false },
		{ 0x80000000, 1, 0x7fffffff, 2, true },
		{ 7, 65001, 7, 65002, false },
		{ 7, 65002, 7, 65001, true },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    collide_keeps_dialled(cases[i].local_id, cases[i].local_as,
			cases[i].remote_id, cases[i].remote_as),
		    cases[i].dialled);
		/* Both ends keep the same connection. */
		assert_int_equal(collide_keeps_dialled(cases[i].remote_id,
				     cases[i].remote_as, cases[i].local_id,
				     cases[i].local_as),
		    !cases[i].dialled);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_collision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
