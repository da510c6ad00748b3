/* SPDX-License-Identifier: ISC */
/* Bytes in network order: what is read, what is written, how failure sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "util/buf.h"

static void
reads_network_order(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 0xff };
	struct buf b = buf_reader(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(buf_u8(&b), 0x01);
	assert_int_equal(buf_u16(&b), 0x0203);
	assert_int_equal(buf_u32(&b), 0x04050607);
	assert_int_equal(buf_left(&b), 1);
	assert_int_equal(*buf_bytes(&b, 1), 0xff);
	assert_int_equal(buf_left(&b), 0);
	assert_false(b.failed);
	assert_non_null(buf_bytes(&b, 0));
	assert_false(b.failed);
}

static void
failure_sticks_in_a_reader(void **state)
{
	static const uint8_t bytes[] = { 0xff, 0xff, 0xff };
	struct buf b = buf_reader(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(buf_u32(&b), 0);
	assert_true(b.failed);
	/* What would have fitted reads as zeroes too, and nothing is left. */
	assert_int_equal(buf_u8(&b), 0);
	assert_int_equal(buf_u16(&b), 0);
	assert_null(buf_bytes(&b, 0));
	assert_int_equal(buf_left(&b), 0);
}

static void
huge_length_does_not_wrap(void **state)
{
	static const uint8_t bytes[4];
	struct buf b = buf_reader(bytes, sizeof(bytes));

	(void)state;
	buf_u8(&b);
	assert_null(buf_bytes(&b, SIZE_MAX));
	assert_true(b.failed);
}

static void
window_fails_alone(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4 };
	struct buf b = buf_reader(bytes, sizeof(bytes));
	struct buf sub = buf_sub(&b, 2);

	(void)state;
	assert_int_equal(buf_left(&sub), 2);
	assert_int_equal(buf_u32(&sub), 0);
	assert_true(sub.failed);
	assert_false(b.failed);
	assert_int_equal(buf_u16(&b), 0x0304);
	sub = buf_sub(&b, 1);
	assert_true(sub.failed);
	assert_true(b.failed);
	assert_int_equal(buf_left(&sub), 0);
}

static void
empty_reader_is_no_failure(void **state)
{
	struct buf b = buf_reader(NULL, 0);
	struct buf sub = buf_sub(&b, 0);

	(void)state;
	assert_false(b.failed);
	assert_false(sub.failed);
	assert_int_equal(buf_u8(&b), 0);
	assert_true(b.failed);
}

static void
writes_network_order(void **state)
{
	static const uint8_t want[] = { 0, 9, 1, 2, 3, 4, 5, 6, 7, 'x', 'y' };
	uint8_t bytes[sizeof(want)];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	size_t at = buf_skip(&b, 2);

	(void)state;
	memset(bytes, 0xee, sizeof(bytes));
	buf_put_u8(&b, 1);
	buf_put_u16(&b, 0x0203);
	buf_put_u32(&b, 0x04050607);
	buf_put(&b, "xy", 2);
	buf_set_u16(&b, at, (uint16_t)(b.pos - at - 2));
	assert_false(b.failed);
	assert_int_equal(b.pos, sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
}

static void
failure_sticks_in_a_writer(void **state)
{
	uint8_t bytes[4] = { 0 };
	struct buf b = buf_writer(bytes, 3);

	(void)state;
	buf_put_u16(&b, 0x0102);
	buf_put_u16(&b, 0x0304);
	assert_true(b.failed);
	buf_put_u8(&b, 5);
	buf_set_u8(&b, 0, 6);
	assert_int_equal(b.pos, 2);
	assert_memory_equal(bytes, "\1\2\0\0", 4);
}

static void
sets_only_what_was_written(void **state)
{
	uint8_t bytes[8] = { 0 };
	struct buf b = buf_writer(bytes, sizeof(bytes));

	(void)state;
	buf_put_u16(&b, 0);
	buf_set_u8(&b, 1, 7);
	assert_false(b.failed);
	assert_int_equal(bytes[1], 7);
	buf_set_u16(&b, 1, 0xffff);
	assert_true(b.failed);
	assert_int_equal(bytes[1], 7);
	assert_int_equal(bytes[2], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_network_order),
		cmocka_unit_test(failure_sticks_in_a_reader),
		cmocka_unit_test(huge_length_does_not_wrap),
		cmocka_unit_test(window_fails_alone),
		cmocka_unit_test(empty_reader_is_no_failure),
		cmocka_unit_test(writes_network_order),
		cmocka_unit_test(failure_sticks_in_a_writer),
		cmocka_unit_test(sets_only_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
