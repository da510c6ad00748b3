/* SPDX-License-Identifier: ISC */
/* A text that grows: JSON that parses whatever it holds, and times. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "../../plugins/k8s/text.h"

/* What is there is a string of the length that is said. */
static void
assert_text(const struct text *t, const char *expected)
{
	assert_string_equal(t->s, expected);
	assert_int_equal(t->len, strlen(expected));
	assert_true(t->len < t->room);
}

/* NUL behind it at any length, also where that is the room's. */
static void
test_growing(void **state)
{
	struct text t = { 0 };
	size_t i;

	(void)state;
	text_add(&t, "", 0);
	text_rewind(&t, 0);
	assert_int_equal(t.len, 0);
	for (i = 0; i < 5000; i++) {
		text_add(&t, "xy", 1);
		assert_int_equal(t.len, i + 1);
		assert_true(t.len < t.room);
		assert_int_equal(t.s[i], 'x');
		assert_int_equal(t.s[i + 1], '\0');
	}
	text_rewind(&t, 3);
	assert_text(&t, "xxx");
	text_add_word(&t, "end");
	assert_text(&t, "xxxend");
	free(t.s);
}

static void
test_nesting(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_open(&t, NULL, '{');
	text_string(&t, "a", "x");
	text_string(&t, "left out", NULL);
	text_open(&t, "list", '[');
	text_number(&t, NULL, INT64_MIN);
	text_open(&t, NULL, '{');
	text_close(&t, '}');
	text_open(&t, NULL, '[');
	text_close(&t, ']');
	text_string(&t, NULL, "{[");
	text_bool(&t, NULL, true);
	text_raw(&t, NULL, "{\"b\": 1}, {\"c\":[ ] } ");
	text_raw(&t, NULL, "null");
	text_close(&t, ']');
	text_bool(&t, "no", false);
	text_close(&t, '}');
	assert_text(&t,
	    "{\"a\":\"x\",\"list\":[-9223372036854775808,{},[],\"{[\",true,"
	    "{\"b\": 1}, {\"c\":[ ] } ,null],\"no\":false}");
	free(t.s);
}

/* What stays empty is taken back, with its key and its comma. */
static void
test_dropping(void **state)
{
	struct text t = { 0 };
	size_t outer, inner;

	(void)state;
	text_add_word(&t, "+ {");
	outer = text_open(&t, "a", '{');
	inner = text_open(&t, "b", '[');
	text_close_or_drop(&t, inner, ']');
	text_close_or_drop(&t, outer, '}');
	assert_text(&t, "+ {");
	text_number(&t, "n", 1);
	outer = text_open(&t, "a", '{');
	inner = text_open(&t, "b", '[');
	text_close_or_drop(&t, inner, ']');
	inner = text_open(&t, "c", '[');
	text_number(&t, NULL, 2);
	text_close_or_drop(&t, inner, ']');
	text_close_or_drop(&t, outer, '}');
	text_close(&t, '}');
	assert_text(&t, "+ {\"n\":1,\"a\":{\"c\":[2]}}");
	free(t.s);
}

/* Any bytes: it parses, and what was text before is that text after. */
static void
test_escapes(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "\"\\/", "\"\\/" },
		{ "\x01\n\t\x1f\x7f", "\x01\n\t\x1f\x7f" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xff"
		  "a",
		    "?a" },
		{ "\xc3", "?" },
		{ "\xe2\x82", "??" },
		{ "\xc0\x80", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
	};
	struct json_object *root;
	struct text t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t = (struct text){ 0 };
		text_open(&t, NULL, '[');
		text_string(&t, NULL, rows[i].in);
		text_close(&t, ']');
		root = json_tokener_parse(t.s);
		assert_non_null(root);
		assert_string_equal(
		    json_object_get_string(json_object_array_get_idx(root, 0)),
		    rows[i].out);
		json_object_put(root);
		free(t.s);
	}
}

/* Every byte but those of no character, NUL too. */
static void
test_bytes(void **state)
{
	struct text t = { 0 };
	struct json_object *root;
	char bytes[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	text_bytes(&t, NULL, bytes, sizeof(bytes));
	root = json_tokener_parse(t.s);
	assert_int_equal(json_object_get_string_len(root), sizeof(bytes));
	assert_memory_equal(json_object_get_string(root), bytes, sizeof(bytes));
	json_object_put(root);
	for (i = 128; i < 256; i++) {
		bytes[0] = (char)i;
		text_rewind(&t, 0);
		text_bytes(&t, NULL, bytes, 1);
		assert_text(&t, "\"?\"");
	}
	free(t.s);
}

/* What is behind the end does not count, be it the rest of a character. */
static void
test_bounds(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_bytes(&t, NULL, "a\xe2\x82\xac", 4);
	text_bytes(&t, NULL, "a\xe2\x82\xac", 3);
	text_bytes(&t, NULL, "", 0);
	text_bytes(&t, NULL, NULL, 0);
	assert_text(&t, "\"a\xe2\x82\xac\",\"a??\",\"\",\"\"");
	free(t.s);
}

static void
test_numbers(void **state)
{
	static const int64_t numbers[] = { 0, 7, -1, 65535, INT64_MAX,
		INT64_MIN };
	struct text t = { 0 };
	char digits[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		text_rewind(&t, 0);
		text_number(&t, "n", numbers[i]);
		snprintf(digits, sizeof(digits), "\"n\":%lld",
		    (long long)numbers[i]);
		assert_text(&t, digits);
	}
	free(t.s);
}

/* Of every length; the two ends of the alphabet. */
static void
test_base64(void **state)
{
	struct text t = { 0 };
	char bytes[256], *quote;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(255 - i);
	for (i = 0; i < sizeof(bytes); i++) {
		text_rewind(&t, 0);
		text_base64(&t, NULL, bytes, i);
		quote = strchr(t.s + 1, '"');
		assert_int_equal(quote + 1 - t.s, t.len);
		assert_int_equal(t.s[t.len], '\0');
		assert_int_equal((t.len - 2) % 4, 0);
		*quote = '\0';
		assert_int_equal(tree_decode64(t.s + 1), i);
		assert_memory_equal(t.s + 1, bytes, i);
	}
	text_rewind(&t, 0);
	text_base64(&t, "key", "\xff\xef\0", 3);
	assert_text(&t, "\"key\":\"/+8A\"");
	free(t.s);
}

/* A long text grows it; cut in a character it ends before it. */
static void
test_cut(void **state)
{
	char text[4001];
	struct text t = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 4000; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[4000] = '\0';
	assert_int_equal(text_fit(text, 1024), 1024);
	assert_int_equal(text_fit(text, 1023), 1022);
	assert_int_equal(text_fit(text, 1), 0);
	assert_int_equal(text_fit(text, 4000), 4000);
	assert_int_equal(text_fit("abc", 3), 3);
	assert_int_equal(text_fit("", 0), 0);
	text_string_cut(&t, NULL, text, 1023);
	assert_int_equal(t.len, 1024);
	assert_int_equal(t.s[1023], '"');
	free(t.s);
}

static void
test_stamps(void **state)
{
	char out[STAMP_LEN];

	(void)state;
	stamp_print(out, INT64_C(1767323045));
	assert_string_equal(out, "2026-01-02T03:04:05Z");
	stamp_print(out, -1);
	assert_string_equal(out, "1969-12-31T23:59:59Z");
	stamp_print(out, INT64_MAX);
	assert_string_equal(out, "");
	stamp_print_micro(out, INT64_C(1767323045000012345));
	assert_string_equal(out, "2026-01-02T03:04:05.000012Z");
	stamp_print_micro(out, -1);
	assert_string_equal(out, "1970-01-01T00:00:00.000000Z");
	stamp_print_micro(out, INT64_MAX);
	assert_string_equal(out, "2262-04-11T23:47:16.854775Z");
	assert_true(stamp_now_ns() > INT64_C(1700000000000000000));
}

static void
test_stamps_read(void **state)
{
	static const struct {
		const char *text;
		int64_t secs; /* -1: it is none */
	} rows[] = {
		{ "2026-01-02T03:04:05Z", 1767323045 },
		{ "2026-01-02T03:04:05.999999Z", 1767323045 },
		{ "2026-01-02T05:34:05+02:30", 1767323045 },
		{ "2026-01-01T23:04:05.5-04:00", 1767323045 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "2026-01-02T03:04:05", -1 },
		{ "2026-01-02T03:04:05Z ", -1 },
		{ "2026-01-02", -1 },
		{ "soon", -1 },
		{ "", -1 },
	};
	int64_t secs;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		secs = -1;
		assert_int_equal(
		    stamp_read(rows[i].text, &secs), rows[i].secs != -1);
		assert_int_equal(secs, rows[i].secs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_dropping),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_stamps_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
