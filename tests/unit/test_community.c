/* SPDX-License-Identifier: ISC */
/* Communities: words, sorted lists, print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bytes.h"
#include "util/arena.h"
#include "wire/inner.h"

static struct arena *arena;

static const struct {
	const char *word;
	int result;
	uint32_t value;
	const char *print;
} words[] = {
	{ "64512:1", 0, 0xfc000001, "64512:1" },
	{ "0:0", 0, 0, "0:0" },
	{ "65535:65281", 0, 0xffffff01, "no-export" },
	{ "no-export", 0, 0xffffff01, "no-export" },
	{ "no-advertise", 0, 0xffffff02, "no-advertise" },
	{ "local-AS", 0, 0xffffff03, "local-AS" },
	{ "graceful-shutdown", 0, 0xffff0000, "graceful-shutdown" },
	{ "blackhole", 0, 0xffff029a, "blackhole" },
	{ "4294967295", 0, 0xffffffff, "65535:65535" },
	{ "4294967296", -1, 0, NULL },
	{ "65536:1", -1, 0, NULL },
	{ "1:65536", -1, 0, NULL },
	{ "1:", -1, 0, NULL },
	{ ":1", -1, 0, NULL },
	{ "1:2:3", -1, 0, NULL },
	{ "", -1, 0, NULL },
	{ "-1:2", -1, 0, NULL },
	{ "1: 2", -1, 0, NULL },
	{ "no-exporter", -1, 0, NULL },
	{ "000000000000001:1", -1, 0, NULL },
};

static void
test_words(void **state)
{
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint32_t value = 77;

		assert_int_equal(
		    community_read(words[i].word, &value), words[i].result);
		if (words[i].result != 0) {
			assert_int_equal(value, 77);
			continue;
		}
		assert_int_equal(value, words[i].value);
		assert_string_equal(
		    community_print(value, out, sizeof(out)), words[i].print);
	}
}

static void
test_lists(void **state)
{
	const uint32_t a[] = { 5, 0xfc000001, 5, 1 }, b[] = { 7, 5 };
	const struct blob *x = community_list(arena, a, 4);
	const struct blob *y = community_list(arena, b, 2);
	const struct blob *both = community_union(arena, x, y);
	struct text text = { 0 };

	(void)state;
	assert_int_equal(community_count(x), 3);
	assert_int_equal(community_at(x, 0), 1);
	assert_int_equal(community_at(x, 2), 0xfc000001);
	assert_int_equal(community_count(both), 4);
	assert_true(community_has(both, 7));
	assert_true(community_has(both, 1));
	assert_true(community_has(both, 0xfc000001));
	assert_false(community_has(both, 6));
	assert_false(community_has(NULL, 6));
	assert_null(community_list(arena, a, 0));
	assert_ptr_equal(community_union(arena, x, NULL), x);
	assert_ptr_equal(community_union(arena, NULL, x), x);
	assert_null(community_union(arena, NULL, NULL));
	community_print_list(both, &text);
	assert_string_equal(text_str(&text), "0:1 0:5 0:7 64512:1");
	text_free(&text);
}

static void
test_others(void **state)
{
	uint8_t raw[64];
	size_t len = hex("0000fc00 00000001 00000002"
			 "00010000 ffffffff 00000000",
	    raw);
	struct text text = { 0 };

	(void)state;
	large_community_print_list(blob_new(arena, raw, len), &text);
	assert_string_equal(text_str(&text), "64512:1:2 65536:4294967295:0");
	text_clear(&text);
	len = hex("0002fc0000000001 01030a0000010007 0202000100000008"
		  "4002fc0000000001 060000000000beef",
	    raw);
	ext_community_print_list(blob_new(arena, raw, len), &text);
	assert_string_equal(text_str(&text),
	    "RT:64512:1 SoO:10.0.0.1:7 RT:65536:8 RT:64512:1 "
	    "0x060000000000beef");
	text_free(&text);
	large_community_print_list(NULL, &text);
	ext_community_print_list(NULL, &text);
	assert_string_equal(text_str(&text), "");
}

/* Sorting against the plain definition: ascending, the same members. */
static void
test_sort(void **state)
{
	uint64_t seed = 9;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		unsigned count = 1 + dice(&seed) % 300;
		uint32_t list[300];
		const struct blob *sorted;

		for (unsigned i = 0; i < count; i++)
			list[i] = dice(&seed) % 500;
		sorted = community_list(arena, list, count);
		for (unsigned i = 1; i < community_count(sorted); i++)
			assert_true(community_at(sorted, i - 1) <
				    community_at(sorted, i));
		for (unsigned i = 0; i < count; i++)
			assert_true(community_has(sorted, list[i]));
		arena_reset(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_sort),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
