/* SPDX-License-Identifier: ISC */
/* UPDATEs out: to the byte, full to the brim, never beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "encode.h"
#include "bytes.h"
#include "same.h"
#include "util/arena.h"
#include "wire/inner.h"

static struct arena *arena;
static const struct wire_session external = { .as4 = true, .ebgp = true };
static const struct wire_session internal = { .as4 = true };
static const struct wire_session old = { .ebgp = true };

static struct attr
plain_attr(const char *next_hop)
{
	struct attr attr = { .origin = ORIGIN_INCOMPLETE };

	assert_int_equal(addr_read(next_hop, &attr.next_hop), 0);
	attr.present =
	    1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH | 1u << ATTR_NEXT_HOP;
	attr.as_path = aspath_prepend(arena, NULL, 64512, 1);
	return attr;
}

/* MetalLB's UPDATE to an internal peer, to the byte. */
static void
test_bytes(void **state)
{
	const uint32_t communities[] = { 0xfc000001, 0xffffff01 };
	struct wire_session session = internal;
	struct attr attr = plain_attr("10.0.0.2");
	uint8_t raw[4096], want[256];
	struct buf out = buf_writer(raw, sizeof(raw));
	struct prefix prefix;
	size_t len;

	(void)state;
	attr.local_pref = 100;
	attr.present |= 1u << ATTR_LOCAL_PREF | 1u << ATTR_COMMUNITIES;
	attr.as_path = NULL;
	attr.communities = community_list(arena, communities, 2);
	prefix_read("198.51.100.7/32", &prefix);
	assert_int_equal(
	    update_encode(&out, &session, FAMILY_IPV4, &attr, &prefix, 1), 1);
	len = hex("ffffffffffffffffffffffffffffffff 003c 02 0000 0020"
		  "400101 02 400200 400304 0a000002 400504 00000064"
		  "c00808 fc000001 ffffff01 20 c6336407",
	    want);
	assert_int_equal(out.pos, len);
	assert_memory_equal(raw, want, len);

	/* IPv6: MP_REACH is the first attribute, its length in one octet */
	attr = plain_attr("2001:db8::1");
	prefix_read("2001:db8::/32", &prefix);
	out.pos = 0;
	assert_int_equal(
	    update_encode(&out, &session, FAMILY_IPV6, &attr, &prefix, 1), 1);
	len = hex("ffffffffffffffffffffffffffffffff 0041 02 0000 002a"
		  "800e1a 000201 10"
		  "20010db8000000000000000000000001 00 20 20010db8"
		  "400101 02 400206 0201 0000fc00",
	    want);
	assert_int_equal(out.pos, len);
	assert_memory_equal(raw, want, len);
}

/* Everything is told, in as few messages as the sizes allow. */
static unsigned
pack(const struct wire_session *session, enum family family,
    const struct attr *attr, unsigned count, bool withdraw)
{
	size_t max = session->extended ? MESSAGE_MAX_EXTENDED : MESSAGE_MAX;
	struct prefix *prefixes = calloc(count, sizeof(*prefixes));
	uint8_t *raw = malloc(max);
	unsigned done = 0, messages = 0, seen = 0, n;

	for (unsigned i = 0; i < count; i++) {
		prefixes[i].family = family_info[family].af;
		prefixes[i].len = family == FAMILY_IPV4 ? 24 : 48;
		prefixes[i].bytes[0] = 0x20;
		prefixes[i].bytes[1] = (uint8_t)(i >> 8);
		prefixes[i].bytes[2] = (uint8_t)i;
	}
	for (; done < count; done += n, messages++) {
		struct buf out = buf_writer(raw, max);
		struct notification error;
		struct message message;
		struct update update;
		struct prefix prefix;

		n = withdraw ? update_encode_withdraw(&out, session, family,
				   prefixes + done, count - done)
			     : update_encode(&out, session, family, attr,
				   prefixes + done, count - done);
		assert_true(n > 0);
		assert_int_equal(
		    message_take(raw, out.pos, max, &message, &error), 1);
		assert_int_equal(message.len, out.pos);
		if (done + n < count) /* full to the last prefix */
			assert_true(max - out.pos < 8);
		assert_int_equal(update_decode(message.body, session, arena,
				     &update, &error),
		    0);
		assert_int_equal(update.verdict, VERDICT_KEEP);
		if (!withdraw)
			assert_true(same_attr(&update.attr, attr));
		for (int i = 0; i < 2; i++) {
			struct nlri *nlri = withdraw ? &update.withdrawn[i]
						     : &update.announced[i];

			while (nlri_next(nlri, &prefix))
				assert_true(
				    prefix_equal(&prefix, &prefixes[seen++]));
		}
		assert_int_equal(seen, done + n);
	}
	free(raw);
	free(prefixes);
	return messages;
}

static void
test_pack(void **state)
{
	struct wire_session session = external;
	struct attr v4 = plain_attr("10.0.0.2");
	struct attr v6 = plain_attr("2001:db8::1");

	(void)state;
	/* 4096 - 23 - 20 of attributes = 4053 bytes, 4 each */
	assert_int_equal(pack(&session, FAMILY_IPV4, &v4, 1013, false), 1);
	assert_int_equal(pack(&session, FAMILY_IPV4, &v4, 1014, false), 2);
	assert_int_equal(pack(&session, FAMILY_IPV4, &v4, 5000, false), 5);
	assert_int_equal(pack(&session, FAMILY_IPV4, &v6, 2000, false), 2);
	assert_int_equal(pack(&session, FAMILY_IPV6, &v6, 2000, false), 4);
	assert_int_equal(pack(&session, FAMILY_IPV4, NULL, 1018, true), 1);
	assert_int_equal(pack(&session, FAMILY_IPV4, NULL, 1019, true), 2);
	assert_int_equal(pack(&session, FAMILY_IPV6, NULL, 2000, true), 4);
	addr_read("fe80::1", &v6.next_hop_local);
	assert_int_equal(pack(&session, FAMILY_IPV6, &v6, 36, false), 1);
	session.extended = true;
	assert_int_equal(pack(&session, FAMILY_IPV4, &v4, 5000, false), 1);
	assert_int_equal(pack(&session, FAMILY_IPV6, &v6, 20000, false), 3);
}

/* Too large for a message, or no room: 0, and not a byte outside. */
static void
test_too_large(void **state)
{
	struct attr attr = plain_attr("10.0.0.2");
	struct blob *many = blob_new(arena, NULL, 70000);
	uint8_t *raw = malloc(MESSAGE_MAX_EXTENDED);
	struct wire_session session = external;
	struct prefix prefix;

	(void)state;
	prefix_read("10.0.0.0/8", &prefix);
	attr.communities = many;
	attr.present |= 1u << ATTR_COMMUNITIES;
	for (unsigned i = 0; i < 70000; i++)
		many->bytes[i] = (uint8_t)(i * 7);
	for (unsigned len = 0; len < 70000; len += 4 * 37) {
		struct buf out = buf_writer(raw, MESSAGE_MAX_EXTENDED);
		unsigned n;

		many->len = len;
		session.extended = len % 8 == 0;
		n = update_encode(
		    &out, &session, FAMILY_IPV4, &attr, &prefix, 1);
		assert_int_equal(n, out.pos > 0);
		assert_true(out.pos <= (session.extended ? MESSAGE_MAX_EXTENDED
							 : MESSAGE_MAX));
		if (len > (session.extended ? 65490u : 4040u))
			assert_int_equal(n, 0);
		else if (len < (session.extended ? 65400u : 4000u))
			assert_int_equal(n, 1);
	}
	many->len = 400;
	for (size_t room = 0; room < 500; room++) {
		uint8_t *tight = malloc(room + 1);
		struct buf out = buf_writer(tight, room);

		update_encode(&out, &session, FAMILY_IPV4, &attr, &prefix, 1);
		update_encode_withdraw(&out, &session, FAMILY_IPV6, &prefix, 1);
		assert_true(out.pos <= room);
		free(tight);
	}
	free(raw);
}

static void
test_two_octet_peer(void **state)
{
	struct attr attr = plain_attr("10.0.0.2");

	(void)state;
	assert_int_equal(pack(&old, FAMILY_IPV4, &attr, 1, false), 1);
	attr.as_path = aspath_prepend(arena, attr.as_path, 4200000000u, 2);
	attr.aggregator_as = 70000;
	attr.aggregator_id = 1;
	attr.present |= 1u << ATTR_AGGREGATOR | 1u << ATTR_ATOMIC_AGGREGATE;
	/* pack compares what comes back: merged to the same set */
	assert_int_equal(pack(&old, FAMILY_IPV4, &attr, 1, false), 1);
	assert_int_equal(pack(&external, FAMILY_IPV4, &attr, 1, false), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_two_octet_peer),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
