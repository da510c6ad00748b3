/* SPDX-License-Identifier: ISC */
/* plugins/l2/answer.c, acd.c and filter.c: verdicts, limits, probing, the filter. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "l2_frames.h"

#define MS INT64_C(1000)

static uint8_t raw[128];
static struct frame f;
static struct answer_scene scene;
static struct answer a;

static void
begin(const struct bgpd_addr *addr)
{
	scene = (struct answer_scene){
		.addr = addr, .mac = our_mac, .taken = true
	};
}

static unsigned
judge(size_t len)
{
	assert_int_equal(frame_read(raw, len, true, &f), FRAME_FINE);
	a = answer_judge(&f, &scene);
	return a.what;
}

static void
test_questions_of_arp(void **unused)
{
	(void)unused;
	begin(&vip4);
	assert_int_equal(
	    judge(arp_make(raw, 1, their_mac, &host4, &vip4)), ANSWER_REPLY);
	assert_memory_equal(a.to, their_mac, 6);
	assert_false(a.knows_us);
	/* By unicast: he had our MAC. */
	memcpy(raw, our_mac, 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	assert_true(a.knows_us);
	memcpy(raw, third_mac, 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_OTHERHOST);
	/* A probe is answered too. */
	assert_int_equal(
	    judge(arp_make(raw, 1, their_mac, &zero4, &vip4)), ANSWER_REPLY);
	/* Another's. */
	scene.taken = false;
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_SILENT);
	arp_make(raw, 1, their_mac, &host4, &vip4);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_SILENT);
}

static void
test_false_senders(void **unused)
{
	(void)unused;
	begin(&vip4);
	/* Of another subnet: unless a router of ours asks. */
	scene.foreign = true;
	assert_int_equal(
	    judge(arp_make(raw, 1, their_mac, &host4, &vip4)), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_FOREIGN);
	scene.router = true;
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	scene.foreign = scene.router = false;
	/* It names a third one. */
	memcpy(raw + 22, third_mac, 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_SOURCE);
	scene.router = true;
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	assert_memory_equal(a.to, their_mac, 6);
	scene.router = false;
	/* Virtual routers: VRRP of both families, HSRP of both versions. */
	memcpy(raw + 22, "\x00\x00\x5e\x00\x01\x07", 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	assert_memory_equal(a.to, their_mac, 6);
	memcpy(raw + 22, "\x00\x00\x5e\x00\x02\x07", 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	memcpy(raw + 22, "\x00\x00\x5e\x00\x03\x07", 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	memcpy(raw + 22, "\x00\x00\x0c\x07\xac\x01", 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	memcpy(raw + 22, "\x00\x00\x0c\x9f\xf0\x01", 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_REPLY);
	/* A probe never. */
	memset(raw + 28, 0, 4);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_SOURCE);
}

static void
test_conflicts(void **unused)
{
	uint8_t op;

	(void)unused;
	begin(&vip4);
	for (op = 1; op <= 2; op++) {
		/* Any frame of another with the address as its sender. */
		assert_int_equal(
		    judge(arp_make(raw, op, their_mac, &vip4, &vip4)),
		    ANSWER_CONFLICT);
		assert_memory_equal(a.mac, their_mac, 6);
		assert_int_equal(
		    judge(arp_make(raw, op, their_mac, &vip4, &host4)),
		    ANSWER_CONFLICT);
		assert_int_equal(
		    judge(arp_make(raw, op, our_mac, &vip4, &vip4)),
		    ANSWER_NOTHING);
		assert_int_equal(a.reason, REASON_OWN);
	}
	begin(&vip6);
	assert_int_equal(
	    judge(nd_make(raw, 136, their_mac, &vip6, &all_nodes6, &vip6, 2)),
	    ANSWER_CONFLICT);
	assert_int_equal(
	    judge(nd_make(raw, 135, their_mac, &vip6, &all_nodes6, &host6, 1)),
	    ANSWER_CONFLICT);
	assert_int_equal(
	    judge(nd_make(raw, 136, our_mac, &vip6, &all_nodes6, &vip6, 2)),
	    ANSWER_NOTHING);
}

static void
test_while_probing(void **unused)
{
	struct bgpd_addr group = group_of(&vip6);

	(void)unused;
	begin(&vip4);
	scene.taken = false;
	scene.probing = true;
	assert_int_equal(
	    judge(arp_make(raw, 1, their_mac, &zero4, &vip4)), ANSWER_RIVAL);
	assert_memory_equal(a.mac, their_mac, 6);
	assert_int_equal(
	    judge(arp_make(raw, 2, their_mac, &vip4, &zero4)), ANSWER_CONFLICT);
	assert_int_equal(
	    judge(arp_make(raw, 1, their_mac, &host4, &vip4)), ANSWER_NOTHING);
	/* Relayed by something that keeps its own Ethernet source. */
	arp_make(raw, 1, their_mac, &zero4, &vip4);
	memcpy(raw + 6, third_mac, 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	begin(&vip6);
	scene.taken = false;
	scene.probing = true;
	scene.nonce = their_mac; /* nd_make puts the MAC there */
	assert_int_equal(
	    judge(nd_make(raw, 135, their_mac, &zero6, &group, &vip6, 14)),
	    ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_OWN);
	assert_int_equal(
	    judge(nd_make(raw, 135, third_mac, &zero6, &group, &vip6, 14)),
	    ANSWER_RIVAL);
}

static void
test_questions_of_nd(void **unused)
{
	struct bgpd_addr group = group_of(&vip6);
	size_t len;

	(void)unused;
	begin(&vip6);
	assert_int_equal(
	    judge(nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1)),
	    ANSWER_REPLY);
	len = nd_make(raw, 135, their_mac, &host6, &vip6, &vip6, 0);
	memcpy(raw, our_mac, 6);
	assert_int_equal(judge(len), ANSWER_REPLY);
	assert_true(a.knows_us);
	assert_int_equal(
	    judge(nd_make(raw, 135, their_mac, &zero6, &group, &vip6, 0)),
	    ANSWER_TO_ALL);
	len = nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1);
	memcpy(raw + 6, third_mac, 6);
	assert_int_equal(judge(len), ANSWER_NOTHING);
	assert_int_equal(a.reason, REASON_SOURCE);
}

static void
test_who_was_asked_answers(void **unused)
{
	size_t len;

	(void)unused;
	begin(&vip4);
	arp_make(raw, 2, their_mac, &host4, &vip4);
	memcpy(raw, our_mac, 6);
	memcpy(raw + 32, our_mac, 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_LEARNED);
	memcpy(raw + 32, third_mac, 6);
	assert_int_equal(judge(ARP_LEN), ANSWER_NOTHING);
	begin(&vip6);
	len = nd_make(raw, 136, their_mac, &host6, &vip6, &host6, 2);
	memcpy(raw, our_mac, 6);
	raw[58] = 0x40;
	nd_seal(raw, len);
	assert_int_equal(judge(len), ANSWER_LEARNED);
	raw[58] = 0;
	nd_seal(raw, len);
	assert_int_equal(judge(len), ANSWER_NOTHING);
}

/* How often ---------------------------------------------------------------------- */

static void
test_limit(void **unused)
{
	static struct limit limit;
	int64_t now = 1000 * MS;
	unsigned i, allowed = 0;

	(void)unused;
	for (i = 0; i < 500; i++)
		allowed += limit_allows(&limit, their_mac, now);
	assert_int_equal(allowed, LIMIT_BURST);
	assert_true(limit_allows(&limit, third_mac, now));
	now += 1000 * MS;
	for (allowed = i = 0; i < 500; i++)
		allowed += limit_allows(&limit, their_mac, now);
	assert_int_equal(allowed, LIMIT_RATE);
	/* A clock that goes on for a year fills it and no more. */
	now += INT64_C(31536000) * 1000 * MS;
	for (allowed = i = 0; i < 500; i++)
		allowed += limit_allows(&limit, their_mac, now);
	assert_int_equal(allowed, LIMIT_BURST);
	/* A sender of a thousand names, many of them in one slot. */
	for (allowed = i = 0; i < 100000; i++) {
		uint8_t mac[6] = { 2, 0, 0, (uint8_t)(i >> 16),
			(uint8_t)(i >> 8), (uint8_t)i };

		allowed += limit_allows(&limit, mac, now);
	}
	assert_true(allowed <= LIMIT_ALL);
}

/* Probing --------------------------------------------------------------------------- */

static int64_t
probe_all(struct acd *acd, bool slow, uint32_t random, unsigned *probes)
{
	int64_t now = 0;
	enum acd_step step;

	acd_start(acd, slow, random, now);
	*probes = 0;
	for (;;) {
		assert_int_equal(
		    acd_tick(acd, random, acd->due_us - 1), ACD_WAIT);
		now = acd->due_us;
		step = acd_tick(acd, random, now);
		if (step == ACD_DONE)
			return now;
		assert_int_equal(step, ACD_SEND);
		++*probes;
	}
}

static void
test_probing(void **unused)
{
	struct acd acd = { 0 };
	unsigned probes, i;
	int64_t took;

	(void)unused;
	assert_int_equal(probe_all(&acd, false, 7, &probes), 600 * MS);
	assert_int_equal(probes, 3);
	assert_int_equal(acd.state, ACD_FREE);
	for (i = 0; i < 5000; i += 97) {
		took = probe_all(&acd, true, i, &probes);
		assert_int_equal(probes, 3);
		assert_true(took >= 4000 * MS && took <= 7000 * MS);
	}
	acd_start(&acd, false, 0, 0);
	assert_true(acd_hear(&acd, their_mac));
	assert_int_equal(acd.state, ACD_TAKEN_BY);
	assert_memory_equal(acd.mac, their_mac, 6);
	assert_false(acd_hear(&acd, third_mac));
	assert_int_equal(acd_tick(&acd, 0, 1000 * MS), ACD_WAIT);
}

/* Who may be a fellow: two seconds, also past the last probe; by the RFC's, too. */
static void
test_doubt(void **unused)
{
	struct acd acd = { 0 };
	unsigned i;

	(void)unused;
	acd_doubt(&acd, their_mac, true, 0);
	assert_false(acd.doubted);
	for (i = 0; i < 2; i++) {
		acd_start(&acd, i == 1, 999, 0);
		acd_doubt(&acd, their_mac, true, 100 * MS);
		acd_doubt(&acd, third_mac, true, 300 * MS);
		while (acd_tick(&acd, 0, acd.due_us) != ACD_LOST)
			assert_int_equal(acd.state, ACD_PROBING);
		assert_int_equal(acd.state, ACD_TAKEN_BY);
		assert_memory_equal(acd.mac, their_mac, 6);
		assert_int_equal(acd.due_us, i == 0 ? 2100 * MS : 2999 * MS);
	}
	/* Who has it outweighs who asks, and is not outweighed. */
	acd_start(&acd, false, 0, 0);
	acd_doubt(&acd, their_mac, true, 100 * MS);
	acd_doubt(&acd, third_mac, false, 400 * MS);
	acd_doubt(&acd, their_mac, true, 400 * MS);
	acd_doubt(&acd, their_mac, false, 400 * MS);
	assert_memory_equal(acd.mac, third_mac, 6);
	assert_int_equal(acd.doubt_us, 2100 * MS);
	/* Cleared while probes are left: they stay due; else it is over now. */
	acd_start(&acd, false, 0, 0);
	assert_int_equal(acd_tick(&acd, 0, 0), ACD_SEND);
	acd_doubt(&acd, their_mac, true, 100 * MS);
	acd_clear(&acd, 150 * MS);
	assert_int_equal(acd.due_us, 200 * MS);
	assert_int_equal(acd_tick(&acd, 0, 200 * MS), ACD_SEND);
	assert_int_equal(acd_tick(&acd, 0, 400 * MS), ACD_SEND);
	acd_doubt(&acd, their_mac, true, 500 * MS);
	assert_int_equal(acd_tick(&acd, 0, 600 * MS), ACD_WAIT);
	acd_clear(&acd, 700 * MS);
	assert_int_equal(acd_tick(&acd, 0, 700 * MS), ACD_DONE);
}

static void
test_defence(void **unused)
{
	struct acd acd = { 0 };
	int64_t now = 5000 * MS;
	unsigned i, defended = 0;

	(void)unused;
	assert_true(acd_defend(&acd, now));
	assert_false(acd_defend(&acd, now + 9999 * MS));
	assert_true(acd_defend(&acd, now + 10000 * MS));
	/* A conflict a second for ten minutes: ten, then one a minute. */
	now += 10000 * MS;
	for (i = 0; i < 600; i++)
		defended += acd_defend(&acd, now += 1000 * MS);
	assert_true(defended >= 9 && defended <= 11);
	/* Quiet for long: as at first. */
	now += ACD_OVER_US + 1;
	assert_true(acd_defend(&acd, now));
	assert_true(acd_defend(&acd, now + 10000 * MS));
}

/* The filter, in the kernel: of any socket -------------------------------------------- */

static int pair[2];

static void
attach(struct sock_filter *code, size_t len)
{
	struct sock_fprog program = { (unsigned short)len, code };

	assert_true(len <= FILTER_MAX);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER,
			     &program, sizeof(program)),
	    0);
}

static bool
passes(size_t len)
{
	uint8_t back[128];

	/* What is filtered out fails at the sender of such a pair. */
	if (send(pair[1], raw, len, MSG_DONTWAIT) == -1)
		return false;
	return recv(pair[0], back, sizeof(back), MSG_DONTWAIT) == (ssize_t)len;
}

static void
test_filter_of_arp(void **unused)
{
	struct sock_filter code[FILTER_MAX];
	uint32_t blocks[FILTER_BLOCKS];
	struct bgpd_addr other = { 4, { 198, 51, 100, 7 } };
	unsigned count, i;

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	for (i = 0; i < FILTER_BLOCKS; i++)
		blocks[i] = 0x0a000000 + (i << 8);
	for (count = 1; count <= FILTER_BLOCKS; count++) {
		blocks[count - 1] = 0xc0000200; /* 192.0.2.0 */
		attach(code, filter_arp(code, blocks, count));
		assert_true(passes(arp_make(raw, 1, their_mac, &other, &vip4)));
		assert_true(passes(arp_make(raw, 2, their_mac, &vip4, &other)));
		assert_false(
		    passes(arp_make(raw, 1, their_mac, &other, &other)));
		arp_make(raw, 1, their_mac, &other, &other);
		raw[38] = 10, raw[39] = raw[40] = 0;
		assert_int_equal(passes(ARP_LEN), count > 1);
		blocks[count - 1] = 0x0a000000 + ((count - 1) << 8);
	}
	attach(code, filter_arp(code, blocks, 0));
	assert_true(passes(arp_make(raw, 1, their_mac, &other, &other)));
	raw[21] = 3;
	assert_false(passes(ARP_LEN));
	raw[21] = 2;
	assert_true(passes(ARP_LEN));
	raw[18] = 8;
	assert_false(passes(ARP_LEN));
	arp_make(raw, 1, their_mac, &other, &other);
	raw[13] = 0;
	assert_false(passes(ARP_LEN));
	assert_false(passes(20));
	close(pair[0]);
	close(pair[1]);
}

static void
test_filter_of_nd(void **unused)
{
	struct sock_filter code[FILTER_MAX];
	struct bgpd_addr group = group_of(&vip6);

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	attach(code, filter_nd(code));
	assert_true(
	    passes(nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1)));
	assert_true(
	    passes(nd_make(raw, 136, their_mac, &host6, &group, &vip6, 1)));
	assert_false(
	    passes(nd_make(raw, 134, their_mac, &host6, &group, &vip6, 1)));
	nd_make(raw, 135, their_mac, &host6, &group, &vip6, 1);
	raw[20] = 17;
	assert_false(passes(86));
	assert_false(passes(arp_make(raw, 1, their_mac, &host4, &vip4)));
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions_of_arp),
		cmocka_unit_test(test_false_senders),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_while_probing),
		cmocka_unit_test(test_questions_of_nd),
		cmocka_unit_test(test_who_was_asked_answers),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_probing),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_defence),
		cmocka_unit_test(test_filter_of_arp),
		cmocka_unit_test(test_filter_of_nd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
