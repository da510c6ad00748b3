/* SPDX-License-Identifier: ISC */
/* Lists and watches cut into objects: at every split, with skips, of any bytes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "../../plugins/k8s/api/api.h"

static const char *const skip[] = { "managedFields",
	"kubectl.kubernetes.io/last-applied-configuration", NULL };

/* What was told, a line each. */
static char told[1 << 20];
static size_t told_len;

static void
on_value(void *arg, const char *name, struct json_object *value)
{
	(void)arg;
	told_len += (size_t)snprintf(told + told_len, sizeof(told) - told_len,
	    "%s %s\n", name == NULL ? "-" : name,
	    value == NULL ? "too long"
			  : json_object_to_json_string_ext(
				value, JSON_C_TO_STRING_PLAIN));
	assert_true(told_len < sizeof(told));
}

static int
feed(struct stream *s, const char *data, size_t len)
{
	/* A block of its own, so that a sanitizer sees what is read beyond. */
	char *copy = malloc(len + 1);
	int result;

	memcpy(copy, data, len);
	copy = realloc(copy, len > 0 ? len : 1);
	result = stream_feed(s, copy, len);
	free(copy);
	return result;
}

/* Fed in pieces of a size, after a first one: 0, -1 as the stream says. */
static int
run(enum stream_form form, const char *text, size_t len, size_t first,
    size_t piece, bool *whole)
{
	struct stream *s = stream_new(form, skip, on_value, NULL);
	size_t at, n;
	int result = 0;

	told_len = 0;
	told[0] = '\0';
	for (at = 0; at < len && result == 0; at += n) {
		n = at == 0 && first > 0 ? first : piece;
		n = n > len - at ? len - at : n;
		result = feed(s, text + at, n);
	}
	*whole = stream_is_whole(s);
	assert_int_equal(result == -1, stream_why(s)[0] != '\0');
	if (result == -1)
		assert_int_equal(stream_feed(s, "1", 1), -1);
	stream_free(s);
	return result;
}

/* However it is cut, the same is told. */
static void
all_splits(enum stream_form form, const char *text, const char *expected)
{
	size_t i, len = strlen(text);
	bool whole;

	for (i = 1; i <= len; i++) {
		assert_int_equal(run(form, text, len, i, len, &whole), 0);
		assert_true(whole);
		assert_string_equal(told, expected);
		assert_int_equal(run(form, text, len, 0, i, &whole), 0);
		assert_true(whole);
		assert_string_equal(told, expected);
	}
}

static void
test_watch(void **unused)
{
	(void)unused;
	all_splits(STREAM_WATCH,
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"n\":-12.5e+3,\"t\":true}} {}\r\n"
	    "[1,\"\\u00e9\\\"}{\\\\\",null]\n7\n\"x\"\n",
	    "- {\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n"
	    "- {\"type\":\"ADDED\",\"object\":{\"n\":-12.5e+3,\"t\":true}}\n"
	    "- {}\n- [1,\"\xc3\xa9\\\"}{\\\\\",null]\n- 7\n- \"x\"\n");
	/* Other blanks are inside a value, and a line's end around it. */
	all_splits(STREAM_WATCH, "\n\n{ \"a\"\t:\r1 , \"b\": [ ] }\n\n",
	    "- {\"a\":1,\"b\":[]}\n");
}

static void
test_list(void **unused)
{
	(void)unused;
	all_splits(STREAM_LIST,
	    " {\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"12\"},"
	    "\"n\":7,\"no\":null, \"items\" : [ {\"a\":{\"items\":[1]}} ,{},3,"
	    "\"s\",[[]] ],\"list\":[1,{}]}\n",
	    "kind \"List\"\nmetadata {\"resourceVersion\":\"12\"}\nn 7\n"
	    "items {\"a\":{\"items\":[1]}}\nitems {}\nitems 3\nitems \"s\"\n"
	    "items [[]]\nlist [1,{}]\n");
	all_splits(STREAM_LIST, "{\"items\":null,\"a\":1}", "a 1\n");
	all_splits(STREAM_LIST, "{\"items\":[]}", "");
	all_splits(STREAM_LIST, "{}", "");
	all_splits(STREAM_LIST,
	    "{\n  \"items\": [\n    {\n      \"a\":\n1\n    },\n    [\n]\n"
	    "  ],\n  \"b\"\n: [ 2\n]\n}\n",
	    "items {\"a\":1}\nitems []\nb [2]\n");
}

static void
test_skip(void **unused)
{
	(void)unused;
	all_splits(STREAM_WATCH,
	    "{\"managedFields\":[{\"f:a\":{\"]\":1}},\"}\"],\"b\":{"
	    "\"managedFields\":\"x\\\"y\",\"managedField\":1,"
	    "\"managedFieldss\":2,\"c\":[{\"managedFields\":12},\"managedFields"
	    "\"]},\"kubectl.kubernetes.io/last-applied-configuration\":{\"a\":"
	    "{\"managedFields\":{}}}}",
	    "- {\"managedFields\":null,\"b\":{\"managedFields\":null,"
	    "\"managedField\":1,\"managedFieldss\":2,\"c\":[{\"managedFields\":"
	    "null},\"managedFields\"]},\"kubectl.kubernetes.io\\/last-applied-"
	    "configuration\":null}\n");
	all_splits(STREAM_LIST,
	    "{\"items\":[{\"managedFields\":[],\"a\":1},{\"b\":2}]}",
	    "items {\"managedFields\":null,\"a\":1}\nitems {\"b\":2}\n");
}

/* Of what is deleted only the metadata is read, and only there. */
static void
test_deleted(void **unused)
{
	(void)unused;
	all_splits(STREAM_WATCH,
	    "{\"type\":\"DELETED\",\"object\":{\"kind\":\"Pod\",\"metadata\":{"
	    "\"name\":\"a\",\"l\":{\"x\":1},\"managedFields\":[]},\"spec\":{"
	    "\"metadata\":{},\"type\":\"b\"}}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"type\":\"DELETED\",\"a\":[1]}}"
	    "{\"object\":{\"a\":1},\"type\":\"DELETED\"}"
	    "{\"object\":{\"a\":1},\"type\":[\"DELETED\"],\"b\":{\"c\":2}}",
	    "- {\"type\":\"DELETED\",\"object\":{\"kind\":null,\"metadata\":{"
	    "\"name\":\"a\",\"l\":{\"x\":1},\"managedFields\":null},\"spec\":"
	    "null}}\n"
	    "- {\"type\":\"ADDED\",\"object\":{\"type\":\"DELETED\",\"a\":[1]}}\n"
	    "- {\"object\":{\"a\":1},\"type\":\"DELETED\"}\n"
	    "- {\"object\":{\"a\":1},\"type\":[\"DELETED\"],\"b\":{\"c\":2}}\n");
}

static void
test_cut(void **unused)
{
	static const char text[] = "{\"a\":[1,\"x\"]}\n{\"b\":2}";
	size_t i;
	bool whole;

	(void)unused;
	for (i = 1; i < sizeof(text); i++) {
		assert_int_equal(run(STREAM_WATCH, text, i, 0, 7, &whole), 0);
		assert_int_equal(whole, i == 13 || i == 14 || i == 21);
	}
	assert_int_equal(run(STREAM_LIST, "{\"a\":1", 6, 0, 7, &whole), 0);
	assert_false(whole);
	assert_int_equal(run(STREAM_LIST, "", 0, 0, 7, &whole), 0);
	assert_false(whole);
}

struct fault_case {
	enum stream_form form;
	const char *text;
	size_t at;
};

static void
test_garbage(void **unused)
{
	static const struct fault_case cases[] = {
		{ STREAM_WATCH, "<html>", 0 },
		{ STREAM_WATCH, "{}]", 2 },
		{ STREAM_WATCH, "{]", 1 },
		{ STREAM_WATCH, "[}", 1 },
		{ STREAM_WATCH, "[1,]", 3 },
		{ STREAM_WATCH, "{\"a\":1,}", 7 },
		{ STREAM_WATCH, "{\"a\"1}", 4 },
		{ STREAM_WATCH, "{a:1}", 1 },
		{ STREAM_WATCH, "{\"a\":}", 5 },
		{ STREAM_WATCH, "[1 2]", 3 },
		{ STREAM_WATCH, "[tru]", 1 },
		{ STREAM_WATCH, "[nulls]", 1 },
		{ STREAM_WATCH, "[01]", 1 },
		{ STREAM_WATCH, "[1.]", 1 },
		{ STREAM_WATCH, "[-]", 1 },
		{ STREAM_WATCH, "[1e]", 1 },
		{ STREAM_WATCH, "[+1]", 1 },
		{ STREAM_WATCH, "[NaN]", 1 },
		{ STREAM_WATCH, "[\"\\x\"]", 3 },
		{ STREAM_WATCH, "[\"\\u12g4\"]", 6 },
		{ STREAM_WATCH, "[\"a\nb\"]", 3 },
		{ STREAM_WATCH, "['a']", 1 },
		{ STREAM_WATCH, "[/* */1]", 1 },
		{ STREAM_WATCH, "{\n\"a\":1}", 1 },
		{ STREAM_WATCH, "{\"a\"\n:1}", 4 },
		{ STREAM_WATCH, "{\"a\":\n1}", 5 },
		{ STREAM_WATCH, "{\"a\":1\n}", 6 },
		{ STREAM_WATCH, "[\n]", 1 },
		{ STREAM_WATCH, "[[],\n[]]", 4 },
		{ STREAM_WATCH, "{\"managedFields\":[1,\n", 20 },
		{ STREAM_WATCH, "{\"managedFields\":[}", 18 },
		{ STREAM_WATCH, "{\"managedFields\":}", 17 },
		{ STREAM_LIST, "[]", 0 },
		{ STREAM_LIST, "{}{}", 2 },
		{ STREAM_LIST, "{\"items\":{}}", 9 },
		{ STREAM_LIST, "{\"items\":[{}}", 12 },
	};
	char why[32];
	size_t i, k;

	(void)unused;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (k = 1; k <= strlen(cases[i].text); k++) {
			struct stream *s =
			    stream_new(cases[i].form, skip, on_value, NULL);
			size_t len = strlen(cases[i].text);
			int result = feed(s, cases[i].text, k);

			if (result == 0)
				result = feed(s, cases[i].text + k, len - k);
			assert_int_equal(result, -1);
			snprintf(why, sizeof(why), "byte %zu: ", cases[i].at);
			if (strncmp(stream_why(s), why, strlen(why)) != 0)
				fail_msg(
				    "%s: %s", cases[i].text, stream_why(s));
			assert_false(stream_is_whole(s));
			stream_free(s);
		}
	}
}

/* A value beyond its bounds is passed over, and the next one is told. */
static void
too_much(const char *head, const char *unit, size_t count, const char *tail,
    const char *expected)
{
	struct stream *s = stream_new(STREAM_WATCH, skip, on_value, NULL);
	size_t i;

	told_len = 0;
	assert_int_equal(stream_feed(s, head, strlen(head)), 0);
	for (i = 0; i < count; i++)
		assert_int_equal(stream_feed(s, unit, strlen(unit)), 0);
	assert_int_equal(stream_feed(s, tail, strlen(tail)), 0);
	assert_int_equal(stream_feed(s, "{\"a\":1}", 7), 0);
	assert_string_equal(told, expected);
	stream_free(s);
}

static void
test_bounds(void **unused)
{
	static char block[16001];

	(void)unused;
	memset(block, 'x', sizeof(block) - 1);
	too_much("[\"", block, 525, "\"]", "- too long\n- {\"a\":1}\n");
	too_much("{\"managedFields\":\"", block, 525, "\",\"b\":2}",
	    "- {\"managedFields\":null,\"b\":2}\n- {\"a\":1}\n");
	too_much("[0", ",{}", 131072, "]", "- too long\n- {\"a\":1}\n");
	too_much("[[1", "]", 0, "]]", "- [[1]]\n- {\"a\":1}\n");
}

/* Down and up again; told as too long where json-c cannot go. */
static void
depth(unsigned levels, bool fits, const char *expected)
{
	struct stream *s = stream_new(STREAM_WATCH, skip, on_value, NULL);
	unsigned i;
	int result = 0;

	told_len = 0;
	told[0] = '\0';
	for (i = 0; i < levels && result == 0; i++)
		result = stream_feed(s, i % 2 ? "{\"a\":" : "[", i % 2 ? 5 : 1);
	if (result == 0)
		result = stream_feed(s, "1", 1);
	for (i = levels; i > 0 && result == 0; i--)
		result = stream_feed(s, i % 2 ? "]" : "}", 1);
	assert_int_equal(result, fits ? 0 : -1);
	assert_string_equal(told, expected);
	stream_free(s);
}

static void
test_depth(void **unused)
{
	(void)unused;
	depth(3, true, "- [{\"a\":[1]}]\n");
	depth(100, true, "- too long\n");
	depth(8192, true, "- too long\n");
	depth(8193, false, "");
}

/* Against json-c ------------------------------------------------------------------ */

static unsigned seed;

static unsigned
dice(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static char *
grow(char *out, unsigned depth)
{
	static const char *const leaves[] = { "1", "-0.5e10", "true", "null",
		"\"\"", "\"a\\u00e9\\n\\ud83d\\ude00\"", "12345678901234",
		"\"managedFields\"", "false", "\"{[\\\\\\\"\"" };
	static const char *const names[] = { "a", "items", "managedFields",
		"long-name-of-a-label.example.org/with-a-part", "" };
	unsigned n = dice(5), i;
	bool map = dice(2) == 0;

	if (depth == 0 || dice(4) == 0)
		return stpcpy(out, leaves[dice(10)]);
	*out++ = map ? '{' : '[';
	for (i = 0; i < n; i++) {
		if (map)
			out += sprintf(out, "\"%s%s\"%s:", names[dice(5)],
			    dice(2) ? "" : "x", dice(3) ? "" : " ");
		out = grow(out, depth - 1);
		if (i + 1 < n)
			*out++ = ',';
		if (dice(5) == 0)
			*out++ = ' ';
	}
	*out++ = map ? '}' : ']';
	return out;
}

/* As the stream does it, on a tree. */
static void
prune(struct json_object *root)
{
	size_t i;

	if (json_object_is_type(root, json_type_array)) {
		for (i = 0; i < json_object_array_length(root); i++)
			prune(json_object_array_get_idx(root, i));
	} else if (json_object_is_type(root, json_type_object)) {
		if (json_object_object_get_ex(root, skip[0], NULL))
			json_object_object_add(root, skip[0], NULL);
		json_object_object_foreach(root, key, value)
		{
			(void)key;
			prune(value);
		}
	}
}

static void
test_model(void **unused)
{
	static char text[1 << 20];
	struct json_object *root;
	unsigned i, passed = 0;
	char *end;
	bool whole;
	size_t len;

	(void)unused;
	for (i = 0; i < 4000; i++) {
		seed = i;
		end = stpcpy(grow(text + 1, 6), "]");
		text[0] = '[';
		len = (size_t)(end - text);
		root = json_tokener_parse(text);
		prune(root);
		assert_int_equal(run(STREAM_WATCH, text, len, dice(99),
				     1 + dice(60), &whole),
		    0);
		assert_true(whole);
		told[told_len - 1] = '\0';
		assert_string_equal(
		    told + 2, json_object_to_json_string_ext(
				  root, JSON_C_TO_STRING_PLAIN));
		json_object_put(root);
		/* One byte is another: what passes, json-c reads as well. */
		text[1 + dice((unsigned)len - 1)] = (char)(32 + dice(95));
		if (run(STREAM_WATCH, text, len, 0, 33, &whole) != 0 || !whole)
			continue;
		passed++;
		root = json_tokener_parse(text);
		assert_non_null(root);
		json_object_put(root);
	}
	assert_true(passed > 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
