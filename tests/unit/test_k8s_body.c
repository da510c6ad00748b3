/* SPDX-License-Identifier: ISC */
/* What is sent: JSON that parses, times, texts and names that fit. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "../../plugins/k8s/api/api.h"

static void
test_nesting(void **state)
{
	struct body b = { 0 };

	(void)state;
	body_open(&b, NULL, '{');
	body_text(&b, "a", "x");
	body_text(&b, "left out", NULL);
	body_open(&b, "list", '[');
	body_number(&b, NULL, INT64_MIN);
	body_open(&b, NULL, '{');
	body_close(&b, '}');
	body_open(&b, NULL, '[');
	body_close(&b, ']');
	body_text(&b, NULL, "{[");
	body_bool(&b, NULL, true);
	body_close(&b, ']');
	body_bool(&b, "no", false);
	body_close(&b, '}');
	assert_string_equal(b.text,
	    "{\"a\":\"x\",\"list\":[-9223372036854775808,{},[],\"{[\",true],"
	    "\"no\":false}");
	assert_int_equal(b.len, strlen(b.text));
	free(b.text);
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
	struct body b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b = (struct body){ 0 };
		body_open(&b, NULL, '[');
		body_text(&b, NULL, rows[i].in);
		body_close(&b, ']');
		root = json_tokener_parse(b.text);
		assert_non_null(root);
		assert_string_equal(
		    json_object_get_string(json_object_array_get_idx(root, 0)),
		    rows[i].out);
		json_object_put(root);
		free(b.text);
	}
}

/* A long text grows the body; cut in a character it ends before it. */
static void
test_cut(void **state)
{
	char text[4001];
	struct body b = { 0 };
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
	body_text_cut(&b, NULL, text, 1023);
	assert_int_equal(b.len, 1024);
	assert_int_equal(b.text[1023], '"');
	free(b.text);
}

static void
test_stamps(void **state)
{
	char out[STAMP_LEN];

	(void)state;
	stamp_print(out, INT64_C(1767323045999999999));
	assert_string_equal(out, "2026-01-02T03:04:05Z");
	stamp_print_micro(out, INT64_C(1767323045000012345));
	assert_string_equal(out, "2026-01-02T03:04:05.000012Z");
	stamp_print_micro(out, -1);
	assert_string_equal(out, "1970-01-01T00:00:00.000000Z");
	stamp_print_micro(out, INT64_MAX);
	assert_string_equal(out, "2262-04-11T23:47:16.854775Z");
	assert_true(stamp_now_ns() > INT64_C(1700000000000000000));
}

static void
test_subdomain(void **state)
{
	static const struct {
		const char *in, *out;
		size_t max;
	} rows[] = {
		{ "web", "web", 253 },
		{ "Web_1", "web-1", 253 },
		{ "a.b", "a.b", 253 },
		{ "a..b", "a.b", 253 },
		{ "a-.-b", "a.b", 253 },
		{ "-.x.-", "x", 253 },
		{ "abc-def", "abc", 4 },
		{ "abc.def", "abc", 4 },
		{ "10.0.0.0/8", "10.0.0.0-8", 253 },
		{ "\xc3\xa4", "", 253 },
		{ "", "", 253 },
	};
	char out[254];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(text_subdomain(out, rows[i].in, rows[i].max),
		    strlen(rows[i].out));
		assert_string_equal(out, rows[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_subdomain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
