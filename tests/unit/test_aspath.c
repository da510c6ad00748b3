/* SPDX-License-Identifier: ISC */
/* AS paths: read, measured, prepended, merged, aggregated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bytes.h"
#include "same.h"
#include "util/arena.h"
#include "wire/inner.h"

static struct arena *arena;

/* "1 2 {3,4}" for bytes of `width`, "bad" where the decoder refuses. */
static const struct blob *
path(const char *bytes, unsigned width)
{
	uint8_t *raw = arena_alloc(arena, 2048);
	const struct blob *path = NULL;
	size_t len = hex(bytes, raw);

	if (aspath_decode(arena, buf_reader(raw, len), width, &path) != 0)
		fail_msg("refused: %s", bytes);
	return path;
}

static void
assert_path(const struct blob *path, const char *want)
{
	struct text text = { 0 };

	aspath_print(path, &text);
	assert_string_equal(text_str(&text), want);
	text_free(&text);
}

static void
test_decode(void **state)
{
	(void)state;
	assert_null(path("", 4));
	assert_path(path("", 2), "");
	assert_path(path("02 01 0000fde8", 4), "65000");
	assert_path(path("02 02 fde8 5ba0", 2), "65000 23456");
	assert_path(
	    path("02 01 00010000 01 02 00000001 00000002", 4), "65536 {1,2}");
	assert_path(path("03 02 0001 0002 02 01 0003 04 02 0004 0005", 2),
	    "(1 2) 3 [4,5]");
}

static const struct {
	const char *bytes;
	unsigned width;
} bad[] = {
	{ "02", 4 }, { "02 00", 4 }, { "02 01", 4 }, { "02 01 0000fd", 4 },
	{ "02 02 0000fde8", 4 }, { "02 01 0000fde8 02", 4 },
	{ "02 01 0000fde8 02 00", 4 }, { "00 01 0000fde8", 4 },
	{ "05 01 0000fde8", 4 }, { "02 01 00000000", 4 },
	{ "01 02 00000001 00000000", 4 }, { "02 01 0000", 2 },
	{ "02 ff fde8", 2 },
	{ "02 01 fde8", 4 }, /* 2-octet numbers from a 4-octet speaker */
};

static void
test_malformed(void **state)
{
	uint8_t raw[64];
	const struct blob *out;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(aspath_decode(arena,
				     buf_reader(raw, hex(bad[i].bytes, raw)),
				     bad[i].width, &out),
		    -1);
}

static void
test_measures(void **state)
{
	const struct blob *p = path("02 02 0001 0002 01 03 0003 0004 0005", 2);
	const struct blob *q = path("03 01 0009 02 02 0001 0002", 2);

	(void)state;
	assert_int_equal(aspath_length(p), 3);
	assert_int_equal(aspath_length(q), 2);
	assert_int_equal(aspath_length(NULL), 0);
	assert_int_equal(aspath_first(p), 1);
	assert_int_equal(aspath_origin(p), 0);
	assert_int_equal(aspath_origin(q), 2);
	assert_int_equal(aspath_first(NULL), 0);
	assert_int_equal(aspath_origin(NULL), 0);
	assert_true(aspath_has(p, 4));
	assert_false(aspath_has(p, 9));
	assert_false(aspath_has(NULL, 0));
	assert_true(aspath_has_confed(q));
	assert_false(aspath_has_confed(p));
}

static void
test_prepend(void **state)
{
	const struct blob *p = NULL;

	(void)state;
	assert_path(aspath_prepend(arena, NULL, 70000, 1), "70000");
	assert_path(aspath_prepend(arena, NULL, 7, 3), "7 7 7");
	assert_path(
	    aspath_prepend(arena, path("02 01 0005", 2), 7, 2), "7 7 5");
	assert_path(
	    aspath_prepend(arena, path("01 01 0005", 2), 7, 1), "7 {5}");
	assert_path(aspath_prepend(arena, path("02 01 0005", 2), 7, 0), "5");
	/* over 255 a second segment opens (RFC 4271 5.1.2) */
	for (unsigned i = 0; i < 300; i++)
		p = aspath_prepend(arena, p, i + 1, 1);
	assert_int_equal(aspath_length(p), 300);
	assert_int_equal(aspath_first(p), 300);
	assert_int_equal(aspath_origin(p), 1);
	assert_int_equal(p->len, 300 * 4 + 4);
	p = aspath_prepend(arena, NULL, 1, 1000);
	assert_int_equal(aspath_length(p), 1000);
	assert_int_equal(p->len, 1000 * 4 + 2 * 4);
}

static const struct {
	const char *as2;
	const char *as4;
	const char *merged;
} merges[] = {
	{ "02 02 5ba0 5ba0", "02 02 00010000 00010001", "65536 65537" },
	{ "02 03 0001 5ba0 5ba0", "02 02 00010000 00010001", "1 65536 65537" },
	/* AS4_PATH longer than AS_PATH is not believed */
	{ "02 01 5ba0", "02 02 00010000 00010001", "23456" },
	/* a set counts one */
	{ "02 02 0001 0002 01 02 5ba0 0003", "01 02 00010000 00000003",
	    "1 2 {65536,3}" },
	{ "01 02 0001 0002 02 01 5ba0", "02 01 00010000", "{1,2} 65536" },
	/* a confederation's segment stays where it led */
	{ "03 02 0008 0009 02 02 5ba0 0002", "02 02 00010000 00000002",
	    "(8 9) 65536 2" },
	{ "02 02 0001 5ba0", "02 01 00010000", "1 65536" },
};

static void
test_merge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(merges) / sizeof(merges[0]); i++)
		assert_path(aspath_merge(arena, path(merges[i].as2, 2),
				path(merges[i].as4, 4)),
		    merges[i].merged);
	assert_path(aspath_merge(arena, NULL, path("02 01 00000001", 4)), "");
	assert_path(aspath_merge(arena, path("02 01 0001", 2), NULL), "1");
	/* what merges into one sequence is one segment: equal paths are equal */
	assert_true(same_blob(aspath_merge(arena, path("02 02 0001 5ba0", 2),
				  path("02 01 00010000", 4)),
	    path("02 02 00000001 00010000", 4)));
}

static void
test_as4(void **state)
{
	uint8_t raw[64], bytes[64], want[64];
	struct buf out = buf_writer(bytes, sizeof(bytes));
	const struct blob *p =
	    path("03 01 00000009 02 02 00010000 00000002", 4);
	const struct blob *kept;
	size_t len = hex("03 01 00000009 02 01 00010000", raw);

	(void)state;
	assert_int_equal(
	    aspath_decode_as4(arena, buf_reader(raw, len), &kept), 0);
	assert_path(kept, "65536");
	assert_int_equal(
	    aspath_decode_as4(arena, buf_reader(raw, 4), &kept), -1);
	assert_true(aspath_needs_as4(p));
	assert_false(aspath_needs_as4(path("02 01 0000ffff", 4)));
	assert_false(aspath_needs_as4(path("03 01 00010000", 4)));
	aspath_encode(&out, p, 2, true);
	assert_int_equal(out.pos, aspath_encoded_len(p, 2, true));
	assert_int_equal(out.pos, hex("03 01 0009 02 02 5ba0 0002", want));
	assert_memory_equal(bytes, want, out.pos);
	out.pos = 0;
	aspath_encode(&out, p, 4, false);
	assert_int_equal(out.pos, aspath_encoded_len(p, 4, false));
	assert_int_equal(out.pos, hex("02 02 00010000 00000002", want));
	assert_memory_equal(bytes, want, out.pos);
}

static void
test_aggregate(void **state)
{
	const struct blob *paths[] = { path("02 03 0001 0002 0003", 2),
		path("02 03 0001 0002 0004", 2),
		path("02 02 0001 0005 01 01 0002", 2) };
	const struct blob *same[] = { paths[0], paths[0] };
	const struct blob *local[] = { paths[0], NULL };

	(void)state;
	assert_path(aspath_aggregate(arena, paths, 2), "1 2 {3,4}");
	assert_path(aspath_aggregate(arena, paths, 3), "1 {2,3,4,5}");
	assert_path(aspath_aggregate(arena, same, 2), "1 2 3");
	assert_path(aspath_aggregate(arena, local, 2), "{1,2,3}");
	assert_path(aspath_aggregate(arena, paths, 1), "1 2 3");
	assert_null(aspath_aggregate(arena, paths, 0));
}

/* Random valid paths through every function: no step outside. */
static void
test_random(void **state)
{
	uint64_t seed = 42;
	uint8_t raw[600];

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		const struct blob *p[3] = { NULL, NULL, NULL };
		const struct blob *q;
		struct text text = { 0 };

		for (int i = 0; i < 3; i++) {
			struct buf out = buf_writer(raw, sizeof(raw));

			for (unsigned n = dice(&seed) % 4; n > 0; n--) {
				unsigned count = 1 + dice(&seed) % 30;

				buf_put_u8(
				    &out, (uint8_t)(1 + dice(&seed) % 4));
				buf_put_u8(&out, (uint8_t)count);
				while (count-- > 0)
					buf_put_u32(
					    &out, 1 + dice(&seed) % 70000);
			}
			assert_int_equal(
			    aspath_decode(
				arena, buf_reader(raw, out.pos), 4, &p[i]),
			    0);
		}
		q = aspath_merge(arena, p[0], p[1]);
		q = aspath_prepend(arena, q, 5, dice(&seed) % 600);
		q = aspath_aggregate(arena,
		    (const struct blob *[]){ q, p[1], p[2] },
		    1 + dice(&seed) % 3);
		aspath_print(q, &text);
		text_free(&text);
		if (q != NULL)
			assert_int_equal(
			    aspath_decode(
				arena, buf_reader(q->bytes, q->len), 4, &p[0]),
			    0);
		arena_reset(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_measures),
		cmocka_unit_test(test_prepend),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_as4),
		cmocka_unit_test(test_aggregate),
		cmocka_unit_test(test_random),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
