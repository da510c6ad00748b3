/* SPDX-License-Identifier: ISC */
/* Addresses and prefixes: what is read, how it is printed, masks and order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util/addr.h"

struct row {
	const char *in;
	const char *out; /* NULL: refused */
};

static const struct row addr_rows[] = {
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "10.0.0.1", "10.0.0.1" },
	{ "10.0.0", NULL },
	{ "10.0.0.256", NULL },
	{ "10.0.0.01", NULL },
	{ "00.0.0.1", NULL },
	{ "10.0.0.1.", NULL },
	{ "10.0.0.1.1", NULL },
	{ "10..0.1", NULL },
	{ "10.0.0.-1", NULL },
	{ "10.0.0.4294967297", NULL },
	{ "10.0.0.1 ", NULL },
	{ " 10.0.0.1", NULL },
	{ "10.0.0.1%lo", NULL },
	{ "", NULL },
	{ "localhost", NULL },
	{ "0x0a000001", NULL },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "1::", "1::" },
	{ "2001:DB8::1", "2001:db8::1" },
	/* RFC 5952 4.1: leading zeroes go. */
	{ "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1" },
	/* 4.2.2: one group of zeroes is written out. */
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	/* 4.2.3: the longest run, the first of equals. */
	{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "1:0:0:2:3:0:0:0", "1:0:0:2:3::" },
	{ "0:0:1:2:3:4:5:6", "::1:2:3:4:5:6" },
	{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
	/* 5: mixed notation for the mapped prefix alone. */
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
	{ "::192.0.2.1", "::c000:201" },
	{ "::ffff:0:c000:201", "::ffff:0:c000:201" },
	{ "::ffff:0.0.0.0", "::ffff:0.0.0.0" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "2001:db8::1::2", NULL },
	{ "2001:db8:1", NULL },
	{ "12345::", NULL },
	{ ":::", NULL },
	{ "fe80::1", "fe80::1" },
	{ "fe80::1%lo", "fe80::1%lo" },
	{ "fe80::1%4000000", "fe80::1%4000000" },
	{ "fe80::1%", NULL },
	{ "fe80::1%no-such-if0", NULL },
	{ "2001:db8::1%lo", NULL },
	{ "fe80::1%a-name-far-too-long-to-be-one-of-an-interface-ever", NULL },
};

static void
reads_and_prints_addresses(void **state)
{
	char out[ADDR_TEXT];
	struct addr addr, again;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(addr_rows) / sizeof(addr_rows[0]); i++) {
		rc = addr_read(addr_rows[i].in, &addr);
		if (rc == -1 && addr_rows[i].out == NULL)
			continue;
		if (rc == -1 || addr_rows[i].out == NULL)
			fail_msg("%s: %d", addr_rows[i].in, rc);
		assert_string_equal(addr_print(&addr, out), addr_rows[i].out);
		assert_int_equal(addr_read(out, &again), 0);
		assert_true(addr_equal(&addr, &again));
	}
}

static void
refused_address_leaves_the_old(void **state)
{
	struct addr addr = addr_v4(0x01020304);

	(void)state;
	assert_int_equal(addr_read("::g", &addr), -1);
	assert_int_equal(addr_to_v4(&addr), 0x01020304);
}

static const struct row prefix_rows[] = {
	{ "10.0.0.0/8", "10.0.0.0/8" },
	{ "10.1.2.3/8", "10.0.0.0/8" },
	{ "10.1.2.3", "10.1.2.3/32" },
	{ "255.255.255.255/1", "128.0.0.0/1" },
	{ "255.255.255.255/0", "0.0.0.0/0" },
	{ "10.1.2.255/31", "10.1.2.254/31" },
	{ "10.0.0.0/33", NULL },
	{ "10.0.0.0/", NULL },
	{ "10.0.0.0/-1", NULL },
	{ "10.0.0.0/+8", NULL },
	{ "10.0.0.0/8/8", NULL },
	{ "10.0.0.0/255.0.0.0", NULL },
	{ "10.0.0.0/ 8", NULL },
	{ "/8", NULL },
	{ "2001:db8:ffff::1/33", "2001:db8:8000::/33" },
	{ "2001:db8::1", "2001:db8::1/128" },
	{ "2001:db8::1/127", "2001:db8::/127" },
	{ "::/0", "::/0" },
	{ "::/129", NULL },
	{ "fe80::1%lo/64", NULL },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
};

static void
reads_and_prints_prefixes(void **state)
{
	char out[PREFIX_TEXT];
	struct prefix prefix;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(prefix_rows) / sizeof(prefix_rows[0]); i++) {
		rc = prefix_read(prefix_rows[i].in, &prefix);
		if (rc == -1 && prefix_rows[i].out == NULL)
			continue;
		if (rc == -1 || prefix_rows[i].out == NULL)
			fail_msg("%s: %d", prefix_rows[i].in, rc);
		assert_string_equal(
		    prefix_print(&prefix, out), prefix_rows[i].out);
	}
}

static void
masks_every_length(void **state)
{
	struct addr ones = { .family = AF_INET6 };
	struct prefix prefix;
	unsigned len, n;

	(void)state;
	memset(ones.bytes, 0xff, sizeof(ones.bytes));
	for (len = 0; len <= 128; len++) {
		prefix = prefix_of(&ones, len);
		for (n = 0; n < 128; n++)
			assert_int_equal(prefix_bit(&prefix, n), n < len);
	}
	assert_int_equal(prefix_of(&ones, 4000).len, 128);
}

static void
tells_what_contains_what(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool contains;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.255.0.0/16", true },
		{ "10.0.0.0/8", "11.0.0.0/16", false },
		{ "10.0.0.0/16", "10.0.0.0/8", false },
		{ "0.0.0.0/0", "192.0.2.1/32", true },
		{ "0.0.0.0/0", "::/0", false },
		{ "10.0.0.0/13", "10.7.0.0/16", true },
		{ "10.0.0.0/13", "10.8.0.0/16", false },
		{ "2001:db8::/32", "2001:db8:ffff::/48", true },
		{ "2001:db8::/33", "2001:db8:8000::/48", false },
		{ "::/0", "::1/128", true },
	};
	struct prefix outer, inner;
	struct addr addr = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(prefix_read(rows[i].outer, &outer), 0);
		assert_int_equal(prefix_read(rows[i].inner, &inner), 0);
		if (prefix_contains(&outer, &inner) != rows[i].contains)
			fail_msg("%s in %s", rows[i].inner, rows[i].outer);
		if (inner.len < outer.len)
			continue;
		addr.family = inner.family;
		memcpy(addr.bytes, inner.bytes, sizeof(addr.bytes));
		assert_true(prefix_has(&outer, &addr) == rows[i].contains);
	}
}

static void
orders_prefixes(void **state)
{
	static const char *const sorted[] = { "0.0.0.0/0", "10.0.0.0/8",
		"10.0.0.0/16", "10.1.0.0/16", "192.0.2.0/24", "::/0",
		"2001:db8::/32", "2001:db8::/48", "2001:db8:1::/48" };
	struct prefix a, b;
	size_t i, j;
	int order;

	(void)state;
	for (i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		for (j = 0; j < sizeof(sorted) / sizeof(sorted[0]); j++) {
			prefix_read(sorted[i], &a);
			prefix_read(sorted[j], &b);
			order = prefix_compare(&a, &b);
			assert_int_equal(
			    (order > 0) - (order < 0), (i > j) - (i < j));
			assert_true(prefix_equal(&a, &b) == (i == j));
		}
	}
}

static void
tells_a_host_address(void **state)
{
	static const struct {
		const char *addr;
		bool host;
	} rows[] = {
		{ "10.0.0.1", true },
		{ "223.255.255.255", true },
		{ "0.0.0.0", false },
		{ "0.1.2.3", false },
		{ "127.0.0.1", false },
		{ "224.0.0.1", false },
		{ "240.0.0.1", false },
		{ "255.255.255.255", false },
		{ "::", false },
		{ "::1", false },
		{ "::2", true },
		{ "ff02::1", false },
		{ "fe80::1", true },
		{ "2001:db8::1", true },
	};
	struct addr addr, none = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(addr_read(rows[i].addr, &addr), 0);
		if (addr_is_host(&addr) != rows[i].host)
			fail_msg("%s", rows[i].addr);
	}
	assert_false(addr_is_host(&none));
}

static void
goes_through_sockaddr(void **state)
{
	static const char *const rows[] = { "192.0.2.1", "2001:db8::1",
		"fe80::1%lo" };
	struct sockaddr_storage ss;
	struct addr addr, back, none = { 0 };
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(addr_read(rows[i], &addr), 0);
		assert_int_not_equal(addr_to_sock(&addr, 179, &ss), 0);
		assert_int_equal(
		    addr_from_sock((struct sockaddr *)&ss, &back, &port), 0);
		assert_true(addr_equal(&addr, &back));
		assert_int_equal(port, 179);
	}
	assert_int_equal(addr_to_sock(&none, 179, &ss), 0);
	assert_int_equal(
	    addr_from_sock((struct sockaddr *)&ss, &back, NULL), -1);
	addr_read("::ffff:192.0.2.1", &addr);
	addr_to_sock(&addr, 1, &ss);
	assert_int_equal(
	    addr_from_sock((struct sockaddr *)&ss, &back, NULL), 0);
	assert_int_equal(back.family, AF_INET);
	assert_int_equal(addr_to_v4(&back), 0xc0000201);
}

/* The printed form is the C library's wherever RFC 5952 leaves no choice. */
static void
agrees_with_inet_ntop(void **state)
{
	struct addr addr = { .family = AF_INET6 };
	char ours[ADDR_TEXT], theirs[INET6_ADDRSTRLEN];
	unsigned mask, i;

	(void)state;
	for (mask = 1; mask < 256; mask++) {
		/* Mixed notation, where they differ by design. */
		if ((mask & 0x3f) == 0)
			continue;
		for (i = 0; i < 8; i++)
			addr.bytes[2 * i + 1] = mask >> i & 1u ? 0x1a : 0;
		inet_ntop(AF_INET6, addr.bytes, theirs, sizeof(theirs));
		assert_string_equal(addr_print(&addr, ours), theirs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints_addresses),
		cmocka_unit_test(refused_address_leaves_the_old),
		cmocka_unit_test(reads_and_prints_prefixes),
		cmocka_unit_test(masks_every_length),
		cmocka_unit_test(tells_what_contains_what),
		cmocka_unit_test(orders_prefixes),
		cmocka_unit_test(tells_a_host_address),
		cmocka_unit_test(goes_through_sockaddr),
		cmocka_unit_test(agrees_with_inet_ntop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
