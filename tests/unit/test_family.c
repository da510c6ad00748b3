/* SPDX-License-Identifier: ISC */
/* Families and prefixes on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bytes.h"
#include "wire/inner.h"

static void
test_find(void **state)
{
	(void)state;
	assert_int_equal(family_find(1, 1), FAMILY_IPV4);
	assert_int_equal(family_find(2, 1), FAMILY_IPV6);
	assert_int_equal(family_find(1, 2), FAMILY_NONE);
	assert_int_equal(family_find(25, 70), FAMILY_NONE);
	assert_int_equal(family_of(AF_INET6), FAMILY_IPV6);
	assert_int_equal(family_of(0), FAMILY_NONE);
	assert_string_equal(family_info[FAMILY_IPV4].json, "ipv4Unicast");
}

static const struct {
	const char *bytes;
	enum family family;
	bool good;
	const char *prefixes;
} vectors[] = {
	{ "", FAMILY_IPV4, true, "" },
	{ "00", FAMILY_IPV4, true, "0.0.0.0/0 " },
	{ "18 0a0102 20 0a000001 08 0a", FAMILY_IPV4, true,
	    "10.1.2.0/24 10.0.0.1/32 10.0.0.0/8 " },
	/* host bits are masked: RFC 4271 4.3 "irrelevant" */
	{ "09 0aff 01 ff", FAMILY_IPV4, true, "10.128.0.0/9 128.0.0.0/1 " },
	{ "21 0a00000100", FAMILY_IPV4, false, "" },
	{ "18 0a01", FAMILY_IPV4, false, "10.1.0.0/16 " },
	{ "ff", FAMILY_IPV4, false, "" },
	{ "20 20010db8 00", FAMILY_IPV6, true, "2001:db8::/32 ::/0 " },
	{ "80 20010db8000000000000000000000001", FAMILY_IPV6, true,
	    "2001:db8::1/128 " },
	{ "81 20010db800000000000000000000000100", FAMILY_IPV6, false, "" },
	{ "80 20010db80000000000000000000000", FAMILY_IPV6, false, "" },
};

static void
test_nlri(void **state)
{
	uint8_t bytes[64];
	char text[PREFIX_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t len = hex(vectors[i].bytes, bytes);
		struct nlri nlri = { buf_reader(bytes, len),
			vectors[i].family };
		struct text all = { 0 };
		struct prefix prefix;
		uint8_t back[64];
		struct buf out = buf_writer(back, sizeof(back));

		assert_int_equal(
		    nlri_check(nlri.bytes, family_info[nlri.family].bits),
		    vectors[i].good);
		while (vectors[i].good && nlri_next(&nlri, &prefix)) {
			text_add(&all, "%s ", prefix_print(&prefix, text));
			nlri_put(&out, &prefix);
		}
		if (vectors[i].good) {
			assert_string_equal(
			    text_str(&all), vectors[i].prefixes);
			assert_int_equal(out.pos, len);
		}
		text_free(&all);
	}
}

static void
test_nobody_reads_unchecked(void **state)
{
	uint8_t bytes[] = { 32, 10, 0 };
	struct nlri nlri = { buf_reader(bytes, 3), FAMILY_IPV4 };
	struct nlri other = { buf_reader(bytes, 3), FAMILY_NONE };
	struct prefix prefix;

	(void)state;
	assert_false(nlri_next(&nlri, &prefix));
	assert_false(nlri_next(&other, &prefix));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_nlri),
		cmocka_unit_test(test_nobody_reads_unchecked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
