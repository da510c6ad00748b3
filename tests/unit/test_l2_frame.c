/* SPDX-License-Identifier: ISC */
/* plugins/l2/frame.c and build.c: what is read, and that what is built reads. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l2_frames.h"

static struct frame f;
static uint8_t raw[128];

static enum frame_fault
read_back(size_t len)
{
	return frame_read(raw, len, true, &f);
}

static void
test_arp(void **unused)
{
	size_t len = arp_make(raw, 1, their_mac, &host4, &vip4);

	(void)unused;
	assert_int_equal(read_back(len), FRAME_FINE);
	assert_int_equal(f.kind, FRAME_REQUEST);
	assert_true(f.to_all && f.has_mac);
	assert_memory_equal(f.mac, their_mac, 6);
	assert_true(kit_addr_equal(&f.sender, &host4));
	assert_true(kit_addr_equal(&f.target, &vip4));
	assert_true(kit_addr_equal(&f.dest, &vip4));
	/* Padding, as of the shortest Ethernet frame. */
	memset(raw + len, 0xaa, 18);
	assert_int_equal(read_back(60), FRAME_FINE);
	raw[21] = 2;
	assert_int_equal(read_back(len), FRAME_FINE);
	assert_int_equal(f.kind, FRAME_REPLY);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(read_back(cut), FRAME_SHORT);
}

static void
test_arp_faults(void **unused)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum frame_fault fault;
	} rows[] = {
		{ 15, 6, FRAME_FORM },	  /* IEEE 802 hardware */
		{ 16, 0x86, FRAME_FORM }, /* not IPv4 */
		{ 18, 8, FRAME_FORM },	  /* hlen */
		{ 19, 16, FRAME_FORM },	  /* plen */
		{ 20, 1, FRAME_FORM },	  /* operation 257 */
		{ 21, 3, FRAME_FORM },	  /* RARP */
		{ 21, 0, FRAME_FORM },
		{ 22, 3, FRAME_ADDRESS }, /* SHA of a group */
		{ 6, 3, FRAME_ADDRESS },  /* ... and of Ethernet */
		{ 28, 127, FRAME_ADDRESS },
		{ 28, 224, FRAME_ADDRESS },
		{ 28, 255, FRAME_ADDRESS },
		{ 28, 0, FRAME_ADDRESS }, /* 0.0.2.20: no probe */
		{ 13, 7, FRAME_TYPE },
	};
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		arp_make(raw, 1, their_mac, &host4, &vip4);
		raw[rows[i].at] = rows[i].value;
		assert_int_equal(read_back(ARP_LEN), rows[i].fault);
	}
	/* Of nobody: a probe asks, but nobody answers so. */
	arp_make(raw, 1, their_mac, &zero4, &vip4);
	assert_int_equal(read_back(ARP_LEN), FRAME_FINE);
	assert_true(frame_addr_is_zero(&f.sender));
	raw[21] = 2;
	assert_int_equal(read_back(ARP_LEN), FRAME_ADDRESS);
	arp_make(raw, 1, zero6.bytes, &host4, &vip4);
	assert_int_equal(read_back(ARP_LEN), FRAME_ADDRESS);
}

static void
test_solicitation(void **unused)
{
	struct bgpd_addr group = group_of(&vip6);
	size_t len = nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1);

	(void)unused;
	assert_int_equal(read_back(len), FRAME_FINE);
	assert_int_equal(f.kind, FRAME_NS);
	assert_true(f.has_mac && f.to_all && !f.has_nonce);
	assert_memory_equal(f.mac, their_mac, 6);
	assert_true(kit_addr_equal(&f.sender, &host6));
	assert_true(kit_addr_equal(&f.target, &vip6));
	assert_true(kit_addr_equal(&f.dest, &group));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(read_back(cut), FRAME_SHORT);
	/* Without SLLAO, as NUD asks. */
	len = nd_make(raw, 135, their_mac, &host6, &vip6, &vip6, 0);
	assert_int_equal(read_back(len), FRAME_FINE);
	assert_false(f.has_mac);
	/* A nonce (RFC 7527) under DAD. */
	len = nd_make(raw, 135, their_mac, &zero6, &group, &vip6, 14);
	assert_int_equal(read_back(len), FRAME_FINE);
	assert_true(f.has_nonce && !f.has_mac);
	assert_memory_equal(f.nonce, their_mac, 6);
}

static void
test_nd_faults(void **unused)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum frame_fault fault;
	} rows[] = {
		{ 14, 0x40, FRAME_TYPE },
		{ 20, 0, FRAME_TYPE }, /* an extension header */
		{ 54, 134, FRAME_TYPE }, { 55, 1, FRAME_TYPE }, /* code */
		{ 21, 254, FRAME_HOP_LIMIT }, { 19, 23, FRAME_SHORT },
		{ 19, 33, FRAME_SHORT },
		{ 22, 0xff, FRAME_ADDRESS }, /* from a group */
		{ 62, 0xff, FRAME_ADDRESS }, /* about a group */
		{ 79, 0, FRAME_OPTION }, { 79, 2, FRAME_OPTION },
		{ 80, 1, FRAME_ADDRESS }, /* SLLAO of a group */
	};
	struct bgpd_addr group = group_of(&vip6);
	size_t i, len;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1);
		raw[rows[i].at] = rows[i].value;
		if (rows[i].at != 19)
			nd_seal(raw, len);
		assert_int_equal(read_back(len), rows[i].fault);
	}
	len = nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1);
	raw[57] ^= 1;
	assert_int_equal(read_back(len), FRAME_CHECKSUM);
	/* Not filled in by the sender (TP_STATUS_CSUMNOTREADY). */
	assert_int_equal(frame_read(raw, len, false, &f), FRAME_FINE);
	/* DAD: to the group, and without SLLAO. */
	len = nd_make(raw, 135, their_mac, &zero6, &group, &vip6, 1);
	assert_int_equal(read_back(len), FRAME_OPTION);
	len = nd_make(raw, 135, their_mac, &zero6, &vip6, &vip6, 0);
	assert_int_equal(read_back(len), FRAME_ADDRESS);
	len = nd_make(raw, 135, their_mac, &zero6, &all_nodes6, &vip6, 0);
	assert_int_equal(read_back(len), FRAME_ADDRESS);
}

static void
test_advertisement(void **unused)
{
	size_t len = nd_make(raw, 136, their_mac, &vip6, &all_nodes6, &vip6, 2);

	(void)unused;
	raw[58] = 0xa0; /* R and O */
	nd_seal(raw, len);
	assert_int_equal(read_back(len), FRAME_FINE);
	assert_true(f.router && f.override && !f.solicited && f.has_mac);
	/* S to a group, or of nobody. */
	raw[58] = 0x60;
	nd_seal(raw, len);
	assert_int_equal(read_back(len), FRAME_ADDRESS);
	len = nd_make(raw, 136, their_mac, &zero6, &all_nodes6, &vip6, 2);
	assert_int_equal(read_back(len), FRAME_ADDRESS);
}

/* Built ------------------------------------------------------------------------ */

static void
test_set_of_ipv4(void **unused)
{
	struct frame_style style = { false, NULL };
	struct frame_set set;

	(void)unused;
	build_set(&set, our_mac, &vip4, &style);
	assert_int_equal(set.len, ARP_LEN);
	memcpy(raw, set.announce, ARP_LEN);
	assert_int_equal(read_back(ARP_LEN), FRAME_FINE);
	assert_true(f.kind == FRAME_REQUEST && f.to_all);
	assert_true(kit_addr_equal(&f.sender, &vip4));
	assert_true(kit_addr_equal(&f.target, &vip4));
	assert_memory_equal(f.target_mac, zero6.bytes, 6);
	memcpy(raw, set.announce_reply, ARP_LEN);
	assert_int_equal(read_back(ARP_LEN), FRAME_FINE);
	assert_true(f.kind == FRAME_REPLY && f.to_all);
	assert_memory_equal(f.target_mac, our_mac, 6);
	memcpy(raw, set.answer, ARP_LEN);
	build_aim(raw, third_mac, their_mac, &host4);
	assert_int_equal(read_back(ARP_LEN), FRAME_FINE);
	assert_memory_equal(f.ether_dst, third_mac, 6);
	assert_memory_equal(f.ether_src, our_mac, 6);
	assert_memory_equal(f.mac, our_mac, 6);
	assert_memory_equal(f.target_mac, their_mac, 6);
	assert_true(kit_addr_equal(&f.sender, &vip4));
	assert_true(kit_addr_equal(&f.target, &host4));
}

static void
test_set_of_ipv6(void **unused)
{
	struct frame_style style = { true, &host6 };
	struct bgpd_addr asker = host6;
	struct frame_set set;
	unsigned i;

	(void)unused;
	build_set(&set, our_mac, &vip6, &style);
	memcpy(raw, set.announce, ND_LEN);
	assert_int_equal(read_back(ND_LEN), FRAME_FINE);
	assert_true(f.router && f.override && !f.solicited);
	assert_true(kit_addr_equal(&f.sender, &host6));
	assert_true(kit_addr_equal(&f.dest, &all_nodes6));
	style = (struct frame_style){ false, NULL };
	build_set(&set, our_mac, &vip6, &style);
	/* The checksum is patched, whatever the asker's address is. */
	for (i = 0; i < 70000; i++) {
		memcpy(asker.bytes + 12, &i, sizeof(i));
		memset(asker.bytes + 4, i & 1 ? 0xff : 0, 8);
		memcpy(raw, set.answer, ND_LEN);
		build_aim(raw, their_mac, their_mac, &asker);
		assert_int_equal(read_back(ND_LEN), FRAME_FINE);
	}
	assert_true(!f.router && f.override && f.solicited);
	assert_true(kit_addr_equal(&f.dest, &asker));
	assert_true(kit_addr_equal(&f.sender, &vip6));
	assert_memory_equal(f.mac, our_mac, 6);
}

static void
test_probes_and_questions(void **unused)
{
	struct bgpd_addr group = group_of(&vip6), of_host = group_of(&host6);

	(void)unused;
	assert_int_equal(
	    read_back(build_probe(raw, our_mac, &vip4, NULL)), FRAME_FINE);
	assert_true(f.to_all && frame_addr_is_zero(&f.sender));
	assert_true(kit_addr_equal(&f.target, &vip4));
	assert_int_equal(
	    read_back(build_probe(raw, our_mac, &vip6, third_mac)), FRAME_FINE);
	assert_true(frame_addr_is_zero(&f.sender) && !f.has_mac);
	assert_true(f.has_nonce && kit_addr_equal(&f.dest, &group));
	assert_memory_equal(f.nonce, third_mac, 6);
	assert_memory_equal(raw, "\x33\x33\xff\x00\x02\x40", 6);
	assert_int_equal(
	    read_back(build_ask(raw, our_mac, &vip4, &host4, their_mac)),
	    FRAME_FINE);
	assert_true(!f.to_all && kit_addr_equal(&f.sender, &vip4));
	assert_true(kit_addr_equal(&f.target, &host4));
	assert_int_equal(
	    read_back(build_ask(raw, our_mac, &vip4, &host4, NULL)),
	    FRAME_FINE);
	assert_true(f.to_all);
	assert_int_equal(
	    read_back(build_ask(raw, our_mac, &vip6, &host6, their_mac)),
	    FRAME_FINE);
	assert_true(!f.to_all && f.has_mac);
	assert_true(kit_addr_equal(&f.dest, &host6));
	assert_int_equal(
	    read_back(build_ask(raw, our_mac, &vip6, &host6, NULL)),
	    FRAME_FINE);
	assert_true(f.to_all && kit_addr_equal(&f.dest, &of_host));
	assert_true(kit_addr_equal(&f.sender, &vip6));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_arp_faults),
		cmocka_unit_test(test_solicitation),
		cmocka_unit_test(test_nd_faults),
		cmocka_unit_test(test_advertisement),
		cmocka_unit_test(test_set_of_ipv4),
		cmocka_unit_test(test_set_of_ipv6),
		cmocka_unit_test(test_probes_and_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
