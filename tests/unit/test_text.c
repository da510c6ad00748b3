/* SPDX-License-Identifier: ISC */
/* Texts that grow, numbers, up times, tables of names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "util/names.h"
#include "util/text.h"

static void
text_grows(void **state)
{
	struct text t = { 0 };
	int i;

	(void)state;
	assert_string_equal(text_str(&t), "");
	for (i = 0; i < 1000; i++)
		text_add(&t, "%d,", i % 10);
	assert_int_equal(t.len, 2000);
	assert_int_equal(strlen(t.s), 2000);
	assert_memory_equal(t.s + 1990, "5,6,7,8,9,", 10);
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
	text_put(&t, "abc", 2);
	text_char(&t, 'c');
	text_put(&t, NULL, 0);
	assert_string_equal(text_str(&t), "abc");
	text_free(&t);
	assert_int_equal(t.capacity, 0);
	assert_string_equal(text_str(&t), "");
}

/* Lengths around every doubling: the terminator has its room too. */
static void
text_takes_any_length(void **state)
{
	char s[300];
	struct text t = { 0 };
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(s); len++) {
		memset(s, 'x', len);
		s[len] = '\0';
		text_add(&t, "%s", s);
		assert_int_equal(t.len, len);
		assert_string_equal(t.s, s);
		text_free(&t);
		text_put(&t, s, len);
		assert_string_equal(t.s, s);
		text_free(&t);
	}
}

static void
reads_numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t min, max;
		int rc;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 0, 0, 0 },
		{ "65535", 1, 65535, 0, 65535 },
		{ "65536", 1, 65535, -1, 0 },
		{ "0", 1, 65535, -1, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -1, 0 },
		{ "99999999999999999999999", 0, UINT64_MAX, -1, 0 },
		{ "", 0, 9, -1, 0 },
		{ "-1", 0, UINT64_MAX, -1, 0 },
		{ "+1", 0, 9, -1, 0 },
		{ " 1", 0, 9, -1, 0 },
		{ "1 ", 0, 9, -1, 0 },
		{ "1a", 0, 99, -1, 0 },
		{ "0x1", 0, 99, -1, 0 },
	};
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		value = 4711;
		if (text_read_u64(rows[i].s, rows[i].min, rows[i].max,
			&value) != rows[i].rc)
			fail_msg("'%s'", rows[i].s);
		assert_int_equal(value, rows[i].rc == 0 ? rows[i].value : 4711);
	}
}

static void
prints_uptimes(void **state)
{
	static const struct {
		int64_t seconds;
		const char *out;
	} rows[] = {
		{ -1, "never" },
		{ 0, "00:00:00" },
		{ 1, "00:00:01" },
		{ 3661, "01:01:01" },
		{ 86399, "23:59:59" },
		{ 86400, "1d00h00m" },
		{ 93780, "1d02h03m" },
		{ 604799, "6d23h59m" },
		{ 604800, "01w0d00h" },
		{ 788400, "01w2d03h" },
		{ 31535999, "52w0d23h" },
		{ 31536000, "01y00w0d00h" },
	};
	char out[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_uptime(out, sizeof(out), rows[i].seconds);
		assert_string_equal(out, rows[i].out);
	}
	text_uptime(out, 4, 1);
	assert_string_equal(out, "00:");
}

static void
finds_names(void **state)
{
	static const struct name table[] = { { 1, "one" }, { 2, "two" },
		{ 2, "zwei" }, { 0, NULL } };

	(void)state;
	assert_string_equal(name_of(table, 2), "two");
	assert_string_equal(name_of(table, 0), "unknown");
	assert_int_equal(name_find(table, "zwei"), 2);
	assert_int_equal(name_find(table, "tw"), -1);
	assert_int_equal(name_find(table, ""), -1);
}

static void
knows_beginnings(void **state)
{
	(void)state;
	assert_true(text_starts("neighbor", "neigh"));
	assert_true(text_starts("x", ""));
	assert_false(text_starts("nei", "neigh"));
	assert_false(text_starts("", "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows),
		cmocka_unit_test(text_takes_any_length),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(prints_uptimes),
		cmocka_unit_test(finds_names),
		cmocka_unit_test(knows_beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
