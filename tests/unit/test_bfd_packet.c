/* SPDX-License-Identifier: ISC */
/* BFD packets, their authentication, and whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "bfd/packet.h"
#include "bytes.h"

/* Up, diagnostic 3, Poll; RFC 5880 4.1 */
#define PLAIN "23e0 05 18 00000001 80000002 0000c350 000493e0 00000000"

static const char *
decode(const char *text, struct packet *packet)
{
	uint8_t bytes[128];

	return packet_decode(bytes, hex(text, bytes), packet);
}

static void
a_packet_by_its_fields(void **state)
{
	uint8_t want[64], got[PACKET_MAX];
	struct packet p;

	(void)state;
	assert_null(decode(PLAIN, &p));
	assert_int_equal(p.diag, BFD_DIAG_SIGNALED);
	assert_int_equal(p.state, BFD_UP);
	assert_int_equal(p.flags, PACKET_POLL);
	assert_int_equal(p.multiplier, 5);
	assert_int_equal(p.my_discr, 1);
	assert_int_equal(p.your_discr, 0x80000002);
	assert_int_equal(p.tx_us, 50000);
	assert_int_equal(p.rx_us, 300000);
	assert_int_equal(p.echo_us, 0);
	assert_int_equal(packet_encode(&p, got), hex(PLAIN, want));
	assert_memory_equal(got, want, PACKET_HEADER);
	/* What follows its length is not its own. */
	assert_null(decode(PLAIN "ffff", &p));
}

/* RFC 5880 6.8.6, each of its first steps. */
static void
refused_by_itself(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "version" },
		{ "20", "version" },
		{ "20c0", "version" },
		{ "03e0 05 18 00000001 80000002 0000c350 000493e0 00000000",
		    "version" },
		{ "43e0 05 18 00000001 80000002 0000c350 000493e0 00000000",
		    "version" },
		{ "23e0 05 17 00000001 80000002 0000c350 000493e0 00000000",
		    "too short" },
		{ "23e4 05 19 00000001 80000002 0000c350 000493e0 00000000"
		  "01",
		    "too short" },
		{ "23e0 05 19 00000001 80000002 0000c350 000493e0 00000000",
		    "beyond" },
		{ "23e0 00 18 00000001 80000002 0000c350 000493e0 00000000",
		    "multiplier" },
		{ "23e1 05 18 00000001 80000002 0000c350 000493e0 00000000",
		    "multipoint" },
		{ "23e0 05 18 00000000 80000002 0000c350 000493e0 00000000",
		    "discriminator of 0" },
		{ "23e0 05 18 00000001 00000000 0000c350 000493e0 00000000",
		    "discriminator of ours" },
		{ "2380 05 18 00000001 00000000 0000c350 000493e0 00000000",
		    "discriminator of ours" },
	};
	struct packet p;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why = decode(cases[i].text, &p);
		if (why == NULL || strstr(why, cases[i].why) == NULL)
			fail_msg("%s: %s, not %s", cases[i].text,
			    why != NULL ? why : "taken", cases[i].why);
	}
	/* Down and AdminDown may come before the peer knows us. */
	assert_null(decode(
	    "2340 05 18 00000001 00000000 0000c350 000493e0 00000000", &p));
	assert_null(decode(
	    "2300 05 18 00000001 00000000 0000c350 000493e0 00000000", &p));
}

#define HEAD(len) "23c4 05 " len " 00000001 80000002 0000c350 000493e0 00000000"
#define TEN	  "00010203040506070809"

static void
sections_of_all_types(void **state)
{
	static const struct {
		const char *text;
		uint8_t type, len;
		uint32_t sequence;
	} cases[] = {
		{ HEAD("1c") "01 04 07 61", BFD_AUTH_SIMPLE, 1, 0 },
		{ HEAD("2b") "01 13 07" TEN "000102030405", BFD_AUTH_SIMPLE, 16,
		    0 },
		{ HEAD("30") "02 18 07 00 00000009" TEN "000102030405",
		    BFD_AUTH_MD5, 16, 9 },
		{ HEAD("30") "03 18 07 00 00000009" TEN "000102030405",
		    BFD_AUTH_METICULOUS_MD5, 16, 9 },
		{ HEAD("34") "04 1c 07 00 ffffffff" TEN TEN, BFD_AUTH_SHA1, 20,
		    UINT32_MAX },
		{ HEAD("34") "05 1c 07 00 00000001" TEN TEN,
		    BFD_AUTH_METICULOUS_SHA1, 20, 1 },
	};
	uint8_t want[128], got[PACKET_MAX];
	struct packet p;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(decode(cases[i].text, &p));
		assert_int_equal(p.auth.type, cases[i].type);
		assert_int_equal(p.auth.key_id, 7);
		assert_int_equal(p.auth.len, cases[i].len);
		assert_int_equal(p.auth.sequence, cases[i].sequence);
		len = hex(cases[i].text, want);
		assert_int_equal(packet_encode(&p, got), len);
		assert_memory_equal(got, want, len);
	}
}

static void
sections_that_are_wrong(void **state)
{
	static const char *const cases[] = {
		HEAD("1b") "00 03 07",			    /* type 0 */
		HEAD("1b") "06 03 07",			    /* type 6 */
		HEAD("1b") "01 03 07",			    /* no word */
		HEAD("2c") "01 14 07" TEN "00010203040506", /* 17 bytes */
		HEAD("1c") "01 05 07 61",		    /* beyond */
		HEAD("1d") "01 04 07 61 62",		    /* before */
		HEAD("34") "05 1b 07 00 00000001" TEN TEN,  /* 27 */
		HEAD("33") "05 1c 07 00 00000001" TEN TEN,  /* cut */
		HEAD("1a") "05 1c",			    /* cut */
	};
	struct packet p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_non_null(decode(cases[i], &p));
}

/* Authentication ------------------------------------------------------------ */

static struct auth
auth_of(uint8_t type, const char *secret)
{
	struct auth auth = { .key = { .type = type, .id = 7 } };

	auth.key.len = (uint8_t)strlen(secret);
	memcpy(auth.key.secret, secret, auth.key.len);
	return auth;
}

/* What `from` says now, at `to`: NULL, or why it is discarded. */
static const char *
pass(struct auth *from, struct auth *to)
{
	struct packet out = { .state = BFD_UP,
		.multiplier = 3,
		.my_discr = 1,
		.your_discr = 2,
		.tx_us = 50000,
		.rx_us = 50000 };
	uint8_t bytes[PACKET_MAX];
	struct packet in;
	size_t len = auth_encode(from, &out, bytes);

	assert_null(packet_decode(bytes, len, &in));
	return auth_check(to, &in, bytes);
}

/* Computed by another program, over the same bytes. */
static void
digest_of_known_bytes(void **state)
{
	static const char text[] =
	    "20c4 03 34 00000001 00000002 0000c350 0000c350 00000000"
	    "05 1c 07 00 00000001"
	    "1b7df572fa65b625aca5421cb465cc98a052c971";
	struct auth auth = auth_of(BFD_AUTH_METICULOUS_SHA1, "secret");
	struct packet out = { .state = BFD_UP,
		.multiplier = 3,
		.my_discr = 1,
		.your_discr = 2,
		.tx_us = 50000,
		.rx_us = 50000 };
	uint8_t bytes[PACKET_MAX], want[PACKET_MAX];

	(void)state;
	assert_int_equal(auth_encode(&auth, &out, bytes), hex(text, want));
	assert_memory_equal(bytes, want, PACKET_MAX);
}

static void
keys_that_agree_and_do_not(void **state)
{
	static const uint8_t types[] = { BFD_AUTH_SIMPLE, BFD_AUTH_SHA1,
		BFD_AUTH_METICULOUS_SHA1 };
	struct auth a, b, none = { 0 };
	size_t i;

	(void)state;
	assert_null(pass(&none, &none));
	for (i = 0; i < sizeof(types); i++) {
		a = auth_of(types[i], "one secret");
		b = auth_of(types[i], "one secret");
		assert_null(pass(&a, &b));
		assert_non_null(strstr(pass(&a, &none), "not in use"));
		assert_non_null(strstr(pass(&none, &b), "no authentication"));
		b.key.secret[3] ^= 1;
		assert_non_null(pass(&a, &b));
		b = auth_of(types[i], "one secret and more");
		assert_non_null(pass(&a, &b));
		b = auth_of(types[i], "one secret");
		b.key.id = 8;
		assert_non_null(strstr(pass(&a, &b), "another key"));
		b = auth_of(types[(i + 1) % 3], "one secret");
		assert_non_null(strstr(pass(&a, &b), "another type"));
	}
}

/* RFC 5880 6.7.4: the window, at both its ends and round the end of numbers. */
static void
sequence_has_a_window(void **state)
{
	static const struct {
		uint8_t type;
		int32_t ahead;
		bool good;
	} cases[] = {
		{ BFD_AUTH_METICULOUS_SHA1, 0, false },
		{ BFD_AUTH_METICULOUS_SHA1, 1, true },
		{ BFD_AUTH_METICULOUS_SHA1, 9, true },
		{ BFD_AUTH_METICULOUS_SHA1, 10, false },
		{ BFD_AUTH_METICULOUS_SHA1, -1, false },
		{ BFD_AUTH_SHA1, 0, true },
		{ BFD_AUTH_SHA1, 9, true },
		{ BFD_AUTH_SHA1, 10, false },
		{ BFD_AUTH_SHA1, -1, false },
	};
	static const uint32_t starts[] = { 1000, UINT32_MAX, UINT32_MAX - 4,
		0 };
	struct auth a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (j = 0; j < 4; j++) {
			a = auth_of(cases[i].type, "s");
			b = auth_of(cases[i].type, "s");
			a.send_sequence = starts[j] - 1;
			assert_null(pass(&a, &b));
			assert_int_equal(b.receive_sequence, starts[j]);
			a.send_sequence =
			    starts[j] + (uint32_t)cases[i].ahead - 1;
			assert_int_equal(pass(&a, &b) == NULL, cases[i].good);
		}
}

/* A forger's number is not taken for the peer's. */
static void
a_wrong_digest_moves_nothing(void **state)
{
	struct auth a = auth_of(BFD_AUTH_METICULOUS_SHA1, "right");
	struct auth b = auth_of(BFD_AUTH_METICULOUS_SHA1, "right");
	struct auth forger = auth_of(BFD_AUTH_METICULOUS_SHA1, "wrong");

	(void)state;
	forger.send_sequence = 77;
	assert_non_null(pass(&forger, &b));
	assert_false(b.sequence_known);
	assert_null(pass(&a, &b));
	assert_non_null(pass(&forger, &b));
	assert_int_equal(b.receive_sequence, a.send_sequence);
}

/* Whose it is ------------------------------------------------------------------- */

static struct lookup_key
key(const char *peer, const char *local, uint32_t interface, bool multihop)
{
	struct lookup_key key = { .interface = interface,
		.multihop = multihop };

	assert_int_equal(addr_read(peer, &key.peer), 0);
	if (local != NULL)
		assert_int_equal(addr_read(local, &key.local), 0);
	return key;
}

static void
a_packet_finds_its_session(void **state)
{
	enum { COUNT = 5 };
	struct lookup_entry e[COUNT] = { 0 };
	struct lookup lookup;
	struct lookup_key k;
	int i;

	(void)state;
	e[0].key = key("10.0.0.2", NULL, 0, false);
	e[1].key = key("10.0.0.2", NULL, 0, true);
	e[2].key = key("10.0.0.3", "10.0.0.1", 0, false);
	e[3].key = key("fe80::2", NULL, 4, false);
	e[4].key = key("fe80::2", "fe80::1", 5, false);
	lookup_init(&lookup);
	for (i = 0; i < COUNT; i++) {
		e[i].discr = 100 + (uint32_t)i;
		lookup_add(&lookup, &e[i]);
	}
	for (i = 0; i < COUNT; i++)
		assert_ptr_equal(
		    lookup_find_discr(&lookup, 100 + (uint32_t)i), &e[i]);
	assert_null(lookup_find_discr(&lookup, 99));
#define FINDS(peer, local, interface, multihop, what)                          \
	k = key(peer, local, interface, multihop);                             \
	assert_ptr_equal(lookup_find(&lookup, &k), what)
	FINDS("10.0.0.2", "10.0.0.1", 4, false, &e[0]);
	FINDS("10.0.0.2", "10.0.0.9", 5, true, &e[1]);
	FINDS("10.0.0.3", "10.0.0.1", 9, false, &e[2]);
	FINDS("10.0.0.3", "10.0.0.9", 9, false, NULL);
	FINDS("10.0.0.3", "10.0.0.1", 9, true, NULL);
	FINDS("fe80::2", "fe80::1", 4, false, &e[3]);
	FINDS("fe80::2", "fe80::1", 5, false, &e[4]);
	FINDS("fe80::2", "fe80::9", 5, false, NULL);
	FINDS("fe80::2", "fe80::1", 6, false, NULL);
	lookup_remove(&lookup, &e[3]);
	FINDS("fe80::2", "fe80::1", 4, false, NULL);
	assert_null(lookup_find_discr(&lookup, 103));
	lookup_clear(&lookup);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_by_its_fields),
		cmocka_unit_test(refused_by_itself),
		cmocka_unit_test(sections_of_all_types),
		cmocka_unit_test(sections_that_are_wrong),
		cmocka_unit_test(digest_of_known_bytes),
		cmocka_unit_test(keys_that_agree_and_do_not),
		cmocka_unit_test(sequence_has_a_window),
		cmocka_unit_test(a_wrong_digest_moves_nothing),
		cmocka_unit_test(a_packet_finds_its_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
