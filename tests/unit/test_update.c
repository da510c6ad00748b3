/* SPDX-License-Identifier: ISC */
/* UPDATE: each attribute with each flaw from each kind of peer, and packing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "encode.h"
#include "bytes.h"
#include "same.h"
#include "flaws.h"
#include "util/arena.h"
#include "wire/inner.h"

static struct arena *arena;
static const struct wire_session external = { .as4 = true, .ebgp = true };
static const struct wire_session internal = { .as4 = true };
static const struct wire_session old = { .ebgp = true };

/* withdrawn, attributes, NLRI as hex; the decoder sees a copy of exact size. */
static int
decode(const char *withdrawn, const char *attrs, const char *nlri,
    const struct wire_session *session, struct update *update,
    struct notification *error)
{
	static uint8_t *body;
	uint8_t raw[8192];
	struct buf out = buf_writer(raw, sizeof(raw));
	size_t len;

	free(body);
	len = hex(withdrawn, raw + 2);
	buf_put_u16(&out, (uint16_t)len);
	out.pos += len;
	len = hex(attrs, raw + out.pos + 2);
	buf_put_u16(&out, (uint16_t)len);
	out.pos += len;
	out.pos += hex(nlri, raw + out.pos);
	body = malloc(out.pos);
	memcpy(body, raw, out.pos);
	memset(update, 0xee, sizeof(*update));
	return update_decode(
	    buf_reader(body, out.pos), session, arena, update, error);
}

static void
check_flaw(
    const struct flaw *flaw, const struct wire_session *session, int verdict)
{
	struct notification error = { 0 };
	struct update update;
	int result = decode("", flaw->attrs, NLRI, session, &update, &error);

	if (result != (verdict == R ? -1 : 0) || (int)update.verdict != verdict)
		fail_msg("%s %s: %s (%s)", session->ebgp ? "eBGP" : "iBGP",
		    flaw->attrs, name_of(verdict_names, (int)update.verdict),
		    update.why);
	if (verdict != K)
		assert_true(update.why[0] != '\0');
	if (verdict != R)
		return;
	assert_int_equal(error.code, NOTIFY_UPDATE);
	assert_int_equal(error.subcode, flaw->subcode);
	assert_true(error.data_len <= sizeof(error.data));
}

static void
test_flaws(void **state)
{
	(void)state;
	for (size_t i = 0; i < FLAW_COUNT; i++) {
		check_flaw(&flaws[i], &external, flaws[i].ebgp);
		check_flaw(&flaws[i], &internal, flaws[i].ibgp);
		arena_reset(arena);
	}
}

/* RFC 7606 5.2: nothing to withdraw: what would withdraw resets. */
static void
test_flaws_without_prefix(void **state)
{
	struct notification error;
	struct update update;

	(void)state;
	assert_int_equal(decode("", GOOD, "", &external, &update, &error), 0);
	assert_int_equal(update.verdict, K);
	assert_int_equal(
	    decode("", GOOD "400601 00", "", &external, &update, &error), 0);
	assert_int_equal(update.verdict, D);
	assert_int_equal(
	    decode("", GOOD "c00800", "", &external, &update, &error), -1);
	assert_int_equal(error.subcode, UPDATE_LENGTH);
	assert_int_equal(error.data_len, 3);
	assert_memory_equal(error.data, "\xc0\x08\x00", 3);
	assert_int_equal(
	    decode("", "400101 03" PATH REACH, "", &external, &update, &error),
	    0);
	assert_int_equal(update.verdict, W);
	/* mandatory ones are missed only where something is announced */
	assert_int_equal(decode(NLRI, "", "", &external, &update, &error), 0);
	assert_int_equal(update.verdict, K);
	assert_int_equal(decode("", REACH, "", &external, &update, &error), 0);
	assert_int_equal(update.verdict, W);
}

static void
test_fields(void **state)
{
	static const struct {
		const char *body;
		uint8_t subcode;
	} bodies[] = {
		{ "", UPDATE_MALFORMED },
		{ "00", UPDATE_MALFORMED },
		{ "0000", UPDATE_MALFORMED },
		{ "0000 00", UPDATE_MALFORMED },
		{ "0001 0000", UPDATE_MALFORMED },
		{ "ffff 0000", UPDATE_MALFORMED },
		{ "0000 0001", UPDATE_MALFORMED },
		{ "0000 ffff 00", UPDATE_MALFORMED },
		{ "0002 2100 0000", UPDATE_NETWORK },
		{ "0002 180a 0000", UPDATE_NETWORK },
		{ "0000 0000 21 0a00000100", UPDATE_NETWORK },
		{ "0000 0000 20 0a0000", UPDATE_NETWORK },
	};
	struct notification error;
	struct update update;
	uint8_t raw[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		size_t len = hex(bodies[i].body, raw);

		assert_int_equal(update_decode(buf_reader(raw, len), &external,
				     arena, &update, &error),
		    -1);
		assert_int_equal(error.code, NOTIFY_UPDATE);
		assert_int_equal(error.subcode, bodies[i].subcode);
	}
}

static void
assert_prefixes(struct nlri nlri, const char *want)
{
	struct text all = { 0 };
	struct prefix prefix;
	char text[PREFIX_TEXT];

	while (nlri_next(&nlri, &prefix))
		text_add(&all, "%s%s", all.len > 0 ? " " : "",
		    prefix_print(&prefix, text));
	assert_string_equal(text_str(&all), want);
	text_free(&all);
}

static void
assert_addr(const struct addr *addr, const char *want)
{
	char text[ADDR_TEXT];

	if (addr->family == 0)
		assert_string_equal("none", want);
	else
		assert_string_equal(addr_print(addr, text), want);
}

static void
test_values(void **state)
{
	struct notification error;
	struct update update;
	const struct attr *attr = &update.attr;
	struct text text = { 0 };

	(void)state;
	assert_int_equal(
	    decode("08 0a 10 ac10",
		GOOD PREF "800404 00000007 400600 c00708 00010000 0a000009"
			  "c0080c fc000002 fc000001 fc000002 800904 01020304"
			  "800a08 05060708 01020304 c01008 0002fc0000000001"
			  "c0200c 0000fc00 00000001 00000002",
		NLRI "20 0a000001", &internal, &update, &error),
	    0);
	assert_int_equal(update.verdict, K);
	assert_int_equal(attr->origin, ORIGIN_IGP);
	assert_int_equal(attr->med, 7);
	assert_int_equal(attr->local_pref, 100);
	assert_int_equal(attr->aggregator_as, 65536);
	assert_int_equal(attr->aggregator_id, 0x0a000009);
	assert_int_equal(attr->originator_id, 0x01020304);
	assert_int_equal(attr->present, 0x107fe);
	assert_addr(&attr->next_hop, "10.0.0.1");
	aspath_print(attr->as_path, &text);
	assert_string_equal(text_str(&text), "65001");
	text_clear(&text);
	community_print_list(attr->communities, &text);
	assert_string_equal(text_str(&text), "64512:1 64512:2");
	text_clear(&text);
	large_community_print_list(attr->large_communities, &text);
	assert_string_equal(text_str(&text), "64512:1:2");
	text_free(&text);
	assert_int_equal(attr->cluster_list->len, 8);
	assert_int_equal(attr->cluster_list->bytes[0], 5); /* order kept */
	assert_prefixes(update.withdrawn[0], "10.0.0.0/8 172.16.0.0/16");
	assert_prefixes(update.announced[0], "192.0.2.0/24 10.0.0.1/32");
	assert_prefixes(update.announced[1], "");
	/* the eBGP-only view of the same */
	decode(
	    "", GOOD PREF "800904 01020304", NLRI, &external, &update, &error);
	assert_int_equal(ATTR_HAS(attr, ATTR_LOCAL_PREF), 0);
	assert_int_equal(attr->local_pref, 0);
	assert_int_equal(ATTR_HAS(attr, ATTR_ORIGINATOR_ID), 0);
}

static const struct {
	const char *reach;
	const char *hop, *local, *prefixes;
} reaches[] = {
	{ REACH, "2001:db8::1", "none", "2001:db8::/32" },
	{ "800e2a 000201 20" V6 LOCAL "00 20 20010db8", "2001:db8::1",
	    "fe80::1", "2001:db8::/32" },
	{ "800e2a 000201 20" V6 V6 "00 20 20010db8", "2001:db8::1", "none",
	    "2001:db8::/32" },
	{ "800e1a 000201 10" LOCAL "00 20 20010db8", "fe80::1", "none",
	    "2001:db8::/32" },
	{ "800e2a 000201 20 00000000000000000000000000000000" LOCAL
	  "00 20 20010db8",
	    "fe80::1", "fe80::1", "2001:db8::/32" },
	{ "800e0d 000101 04 0a000007 00 18 c00002", "10.0.0.7", "none",
	    "192.0.2.0/24" },
	/* RFC 8950 */
	{ "800e19 000101 10" V6 "00 18 c00002", "2001:db8::1", "none",
	    "192.0.2.0/24" },
};

static void
test_reach(void **state)
{
	struct notification error;
	struct update update;

	(void)state;
	for (size_t i = 0; i < sizeof(reaches) / sizeof(reaches[0]); i++) {
		char attrs[512];

		snprintf(
		    attrs, sizeof(attrs), ORIGIN PATH "%s", reaches[i].reach);
		assert_int_equal(
		    decode("", attrs, "", &external, &update, &error), 0);
		assert_int_equal(update.verdict, K);
		assert_addr(&update.attr.next_hop, reaches[i].hop);
		assert_addr(&update.attr.next_hop_local, reaches[i].local);
		assert_prefixes(update.announced[1], reaches[i].prefixes);
		assert_prefixes(update.announced[0], "");
		assert_int_equal(ATTR_HAS(&update.attr, ATTR_MP_REACH), 0);
		assert_int_equal(ATTR_HAS(&update.attr, ATTR_NEXT_HOP), 1);
	}
	/* both fields in one message: each has its next hop */
	decode("", GOOD REACH, NLRI, &external, &update, &error);
	assert_addr(&update.attr.next_hop, "10.0.0.1");
	assert_prefixes(update.announced[0], "192.0.2.0/24");
	update_use_next_hop(&update, 1);
	assert_addr(&update.attr.next_hop, "2001:db8::1");
	assert_prefixes(update.announced[1], "2001:db8::/32");
	/* a family of others leaves no prefix */
	decode("", GOOD "800e0a 001946 04 0a000001 00 ff", "", &external,
	    &update, &error);
	assert_int_equal(update.announced[1].family, FAMILY_NONE);
	assert_prefixes(update.announced[1], "");
}

static void
test_as4(void **state)
{
	static const struct {
		const char *attrs;
		int verdict;
		const char *path;
		uint32_t aggregator;
	} olds[] = {
		{ PATH2, K, "65001", 0 },
		{ "400206 0202 fde9 5ba0 c01106 0201 00010000", K,
		    "65001 65536", 0 },
		/* CVE-2026-41643: AS4_PATH first */
		{ "c01106 0201 00010000 400206 0202 fde9 5ba0", K,
		    "65001 65536", 0 },
		{ "400204 0201 5ba0 c0110a 0202 00010000 00010001", K, "23456",
		    0 },
		{ "400204 0201 5ba0 c01106 0201 00000000", D, "23456", 0 },
		{ "400204 0201 5ba0 c01104 0201 0000", D, "23456", 0 },
		{ "400204 0201 5ba0 c0110c 0301 00000009 0201 00010000", K,
		    "65536", 0 },
		{ "400204 0201 5ba0 c01106 0201 00010000"
		  "c00706 5ba0 0a000001 c01208 00010007 0a000002",
		    K, "65536", 65543 },
		/* the aggregator is an old one: both are not believed */
		{ "400204 0201 5ba0 c01106 0201 00010000"
		  "c00706 fde9 0a000001 c01208 00010007 0a000002",
		    K, "23456", 65001 },
		{ "400204 0201 5ba0 c01106 0201 00010000"
		  "c01208 00010007 0a000002",
		    K, "65536", 0 },
		{ "400204 0201 5ba0 c01207 00010007 0a0000", D, "23456", 0 },
		{ PATH2 "c00708 0000fde9 0a000001", D, "65001", 0 },
	};
	struct notification error;
	struct update update;

	(void)state;
	for (size_t i = 0; i < sizeof(olds) / sizeof(olds[0]); i++) {
		struct text text = { 0 };
		char attrs[512];

		snprintf(
		    attrs, sizeof(attrs), ORIGIN NEXT_HOP "%s", olds[i].attrs);
		assert_int_equal(
		    decode("", attrs, NLRI, &old, &update, &error), 0);
		assert_int_equal(update.verdict, olds[i].verdict);
		aspath_print(update.attr.as_path, &text);
		assert_string_equal(text_str(&text), olds[i].path);
		assert_int_equal(update.attr.aggregator_as, olds[i].aggregator);
		text_free(&text);
	}
}

static void
test_end_of_rib(void **state)
{
	static const struct {
		const char *withdrawn, *attrs, *nlri;
		enum family family;
	} messages[] = {
		{ "", "", "", FAMILY_IPV4 },
		{ "", "800f03 000201", "", FAMILY_IPV6 },
		{ "", "900f0003 000201", "", FAMILY_IPV6 },
		{ "", "800f03 000101", "", FAMILY_IPV4 },
		{ "", "800f03 001946", "", FAMILY_NONE },
		{ NLRI, "", "", FAMILY_NONE },
		{ NLRI, "800f03 000201", "", FAMILY_NONE },
		{ "", "800f08 000201 20 20010db8", "", FAMILY_NONE },
		{ "", "800f04 000201 00", "", FAMILY_NONE },
		{ "", GOOD "800f03 000201", NLRI, FAMILY_NONE },
		{ "", "400101 00", "", FAMILY_NONE },
		{ "", "800f03 000201 400101 00", "", FAMILY_NONE },
	};
	struct notification error;
	struct message message;
	struct update update;
	uint8_t raw[64];

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		assert_int_equal(
		    decode(messages[i].withdrawn, messages[i].attrs,
			messages[i].nlri, &external, &update, &error),
		    0);
		assert_int_equal(update.end_of_rib, messages[i].family);
	}
	for (int i = 0; i < FAMILY_COUNT; i++) {
		struct buf out = buf_writer(raw, sizeof(raw));

		update_encode_end_of_rib(&out, (enum family)i);
		assert_int_equal(
		    message_take(raw, out.pos, MESSAGE_MAX, &message, &error),
		    1);
		assert_int_equal(out.pos, i == FAMILY_IPV4 ? 23 : 29);
		assert_int_equal(update_decode(message.body, &external, arena,
				     &update, &error),
		    0);
		assert_int_equal(update.end_of_rib, i);
	}
}

/* Hostile bytes ------------------------------------------------------------------ */

static void
walk(struct update *update)
{
	struct prefix prefix;

	for (int i = 0; i < 2; i++) {
		while (nlri_next(&update->withdrawn[i], &prefix))
			assert_true(prefix.len <= addr_bits(prefix.family));
		while (nlri_next(&update->announced[i], &prefix))
			assert_true(prefix.len <= addr_bits(prefix.family));
	}
}

/* What was kept can be told on, and comes back the same. */
static void
tell(const struct update *update, const struct wire_session *session)
{
	uint8_t raw[MESSAGE_MAX];
	struct buf out = buf_writer(raw, sizeof(raw));
	enum family family =
	    update->attr.next_hop.family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	struct prefix prefix = { .family = family_info[family].af };
	struct notification error;
	struct message message;
	struct update back;

	if (update->verdict > VERDICT_DISCARD ||
	    update->attr.next_hop.family == 0 ||
	    !ATTR_HAS(&update->attr, ATTR_ORIGIN) ||
	    !ATTR_HAS(&update->attr, ATTR_AS_PATH) ||
	    !addr_is_host(&update->attr.next_hop))
		return;
	if (update_encode(&out, session, family, &update->attr, &prefix, 1) ==
	    0)
		return;
	assert_int_equal(
	    message_take(raw, out.pos, MESSAGE_MAX, &message, &error), 1);
	assert_int_equal(
	    update_decode(message.body, session, arena, &back, &error), 0);
	assert_int_equal(back.verdict, VERDICT_KEEP);
	if (session->as4) /* a 2-octet round may lose what was never there */
		assert_true(same_attr(&back.attr, &update->attr));
}

static void
test_mutations(void **state)
{
	const struct wire_session *sessions[] = { &external, &internal, &old };
	uint64_t seed = 0xfa15;
	uint8_t raw[2048];

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		const struct flaw *flaw = &flaws[i % FLAW_COUNT];
		const struct wire_session *session = sessions[i % 3];
		struct notification error;
		struct update update;
		size_t len = hex(flaw->attrs, raw + 4), all;
		uint8_t *exact;

		memset(raw, 0, 4);
		raw[2] = (uint8_t)(len >> 8);
		raw[3] = (uint8_t)len;
		all = 4 + len + hex(NLRI, raw + 4 + len);
		if (i % 4 == 0) /* the lengths too */
			all = mutate(raw, all, sizeof(raw), &seed);
		else /* else only the attributes, their total kept */
			mutate(raw + 4, len, len, &seed);
		exact = malloc(all + 1);
		memcpy(exact + 1, raw, all);
		if (update_decode(buf_reader(exact + 1, all), session, arena,
			&update, &error) == 0) {
			walk(&update);
			tell(&update, session);
		} else {
			assert_int_equal(error.code, NOTIFY_UPDATE);
			assert_true(error.subcode >= 1 && error.subcode <= 11);
		}
		free(exact);
		arena_reset(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flaws),
		cmocka_unit_test(test_flaws_without_prefix),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_as4),
		cmocka_unit_test(test_end_of_rib),
		cmocka_unit_test(test_mutations),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
