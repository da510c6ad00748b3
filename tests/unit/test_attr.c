/* SPDX-License-Identifier: ISC */
/* Attribute sets: equality, and their bytes in order and in both widths. */
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

static const struct blob *
blob(const char *bytes)
{
	uint8_t raw[1024];

	return blob_new(arena, raw, hex(bytes, raw));
}

/* Every attribute that there is. */
static struct attr
full(void)
{
	struct attr attr = { .present = 0x107fe,
		.origin = ORIGIN_EGP,
		.med = 1,
		.local_pref = 2,
		.aggregator_as = 70000,
		.aggregator_id = 0x01010101,
		.originator_id = 0x02020202 };

	attr.next_hop = addr_v4(0x0a000001);
	attr.as_path = blob("0201 00011170");
	attr.communities = blob("fc000001");
	attr.ext_communities = blob("0002fc0000000001");
	attr.large_communities = blob("0000fc00 00000001 00000002");
	attr.cluster_list = blob("03030303");
	attr.unknown = blob("e00b01aa e02101bb");
	return attr;
}

static void
test_blobs(void **state)
{
	(void)state;
	assert_true(same_blob(NULL, NULL));
	assert_true(same_blob(blob("01"), blob("01")));
	assert_false(same_blob(blob("01"), blob("02")));
	assert_false(same_blob(blob("01"), blob("0102")));
	assert_false(same_blob(blob("01"), NULL));
	assert_true(same_blob(blob(""), NULL));
}

/* A change of any member is seen. */
static void
test_equal(void **state)
{
	struct attr a = full(), b = full();

	(void)state;
	assert_true(same_attr(&a, &b));
#define DIFFERS(member, value)                                                 \
	b = full();                                                            \
	b.member = value;                                                      \
	assert_false(same_attr(&a, &b))
	DIFFERS(present, 0);
	DIFFERS(origin, 0);
	DIFFERS(med, 9);
	DIFFERS(local_pref, 9);
	DIFFERS(aggregator_as, 9);
	DIFFERS(aggregator_id, 9);
	DIFFERS(originator_id, 9);
	DIFFERS(next_hop, addr_v4(9));
	DIFFERS(next_hop_local, addr_v4(9));
	DIFFERS(as_path, NULL);
	DIFFERS(communities, blob("fc000002"));
	DIFFERS(ext_communities, NULL);
	DIFFERS(large_communities, NULL);
	DIFFERS(cluster_list, NULL);
	DIFFERS(unknown, NULL);
}

static void
check_bytes(const struct attr *attr, bool as4, bool next_hop, const char *want)
{
	struct wire_session session = { .as4 = as4 };
	uint8_t raw[1024], bytes[1024];
	struct buf out = buf_writer(raw, sizeof(raw));
	size_t len = hex(want, bytes);

	attr_encode(&out, attr, &session, next_hop);
	assert_int_equal(out.pos, len);
	assert_memory_equal(raw, bytes, len);
}

/* Ascending, the carried ones (11 and 33) in their places. */
static void
test_encode(void **state)
{
	struct attr attr = full(), least = { .origin = ORIGIN_INCOMPLETE };

	(void)state;
	check_bytes(&attr, true, true,
	    "400101 01 400206 0201 00011170 400304 0a000001 800404 00000001"
	    "400504 00000002 400600 c00708 00011170 01010101 c00804 fc000001"
	    "800904 02020202 800a04 03030303 e00b01aa"
	    "c01008 0002fc0000000001"
	    "c0200c 0000fc00 00000001 00000002 e02101bb");
	check_bytes(&attr, false, false,
	    "400101 01 400204 0201 5ba0 800404 00000001"
	    "400504 00000002 400600 c00706 5ba0 01010101 c00804 fc000001"
	    "800904 02020202 800a04 03030303 e00b01aa"
	    "c01008 0002fc0000000001"
	    "c01106 0201 00011170 c01208 00011170 01010101"
	    "c0200c 0000fc00 00000001 00000002 e02101bb");
	/* the mandatory two are always there */
	check_bytes(&least, true, false, "400101 02 400200");
	attr = least;
	attr.as_path = blob("0201 0000ffff");
	check_bytes(&attr, false, false, "400101 02 400204 0201 ffff");
}

/* RFC 4271 4.3: the long form only where it must be. */
static void
test_long_form(void **state)
{
	struct wire_session session = { .as4 = true };
	struct attr attr = { 0 };
	struct blob *many = blob_new(arena, NULL, 256);
	uint8_t raw[512];

	(void)state;
	attr.communities = many;
	for (unsigned len = 248; len <= 256; len += 4) {
		struct buf out = buf_writer(raw, sizeof(raw));

		many->len = len;
		attr_encode(&out, &attr, &session, false);
		assert_int_equal(out.pos, 7 + len + (len > 255 ? 4 : 3));
		assert_int_equal(raw[7], len > 255 ? 0xd0 : 0xc0);
		assert_int_equal(raw[8], ATTR_COMMUNITIES);
		assert_int_equal(
		    len > 255 ? raw[9] << 8 | raw[10] : raw[9], len);
	}
}

/* Unknown ones come sorted, Partial, in the shortest form. */
static void
test_carried(void **state)
{
	uint8_t raw[256];
	size_t len = hex("0000 0022 c06401 02 400101 00 d0630002 0101 400200"
			 "802801 ff e02300 400304 0a000001 08 0a",
	    raw);
	struct wire_session session = { .as4 = true, .ebgp = true };
	struct notification error;
	struct update update;

	(void)state;
	raw[3] = (uint8_t)(len - 6);
	assert_int_equal(update_decode(buf_reader(raw, len), &session, arena,
			     &update, &error),
	    0);
	assert_int_equal(update.verdict, VERDICT_KEEP);
	assert_true(same_blob(
	    update.attr.unknown, blob("e02300 e06302 0101 e06401 02")));
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(name_of(attr_names, ATTR_MED), "MULTI_EXIT_DISC");
	assert_int_equal(name_find(attr_names, "AS_PATH"), ATTR_AS_PATH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blobs),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_long_form),
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_names),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
