/* SPDX-License-Identifier: ISC */
/* Messages between nodes: out and back, every cut, every flipped bit. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/l2/message.h"

static const uint8_t key[] = "a secret of the nodes";

static void
fill(struct message *m)
{
	size_t i;

	memset(m, 0, sizeof(*m));
	m->flags = MESSAGE_GRANT | MESSAGE_WANT;
	m->restart_ms = 2000;
	m->key_id = 1;
	m->from = 2;
	m->to = UINT64_MAX;
	m->boot = 4;
	m->seq = 5;
	m->echo_boot = 6;
	m->echo_seq = 7;
	m->digest = 8;
	m->agree = 9;
	m->view_count = 3;
	m->entry_count = 4;
	for (i = 0; i < 3; i++) {
		m->views[i].id = 100 + i;
		m->views[i].state = (uint8_t)i;
	}
	for (i = 0; i < 4; i++) {
		m->entries[i].kind = (uint8_t)(i + 1);
		m->entries[i].addr.family = i % 2 == 0 ? 4 : 6;
		m->entries[i].addr.bytes[3] = (uint8_t)i;
		if (i % 2 == 1)
			m->entries[i].addr.bytes[15] = 77;
		m->entries[i].owner = i * 1000;
		m->entries[i].epoch = i + 1;
		m->entries[i].rank = (uint16_t)(65535 - i);
	}
}

/* Of both families; none is said, too. */
static void
fill_segments(struct message *m, size_t count)
{
	size_t i;

	m->has_segments = true;
	m->segment_count = count;
	for (i = 0; i < count; i++) {
		m->segments[i].addr.family = i % 2 == 0 ? 4 : 6;
		m->segments[i].addr.bytes[2] = (uint8_t)i;
		m->segments[i].length = (uint8_t)(i % 2 == 0 ? 24 : 64);
		m->segments[i].flags = (uint8_t)(i % 8);
	}
	for (i = 0; i < m->view_count; i++)
		m->seen[i] = (uint16_t)(i * 0x1234);
}

static void
there_and_back(void **state)
{
	struct message m, back;
	uint8_t bytes[OWNERS_MESSAGE_MAX];
	size_t len, key_len;

	(void)state;
	for (key_len = 0; key_len <= sizeof(key); key_len += sizeof(key)) {
		fill(&m);
		/* With a key it tells its MACs, too. */
		m.ether_count = key_len > 0 ? MESSAGE_ETHER_MAX : 0;
		memset(m.ethers, 0x42, m.ether_count * sizeof(m.ethers[0]));
		fill_segments(&m, key_len > 0 ? OWNERS_SEGMENTS : 0);
		len = message_encode(&m, key, key_len, bytes);
		assert_int_equal(len, message_size(&m, key_len > 0, 0));
		memset(&back, 0, sizeof(back));
		assert_null(message_decode(&back, key, key_len, bytes, len));
		assert_memory_equal(&m, &back, sizeof(m));
	}
}

/* No cut and no flipped bit is taken for a message of a node with the key. */
static void
broken(void **state)
{
	struct message m, back;
	uint8_t bytes[OWNERS_MESSAGE_MAX + 1];
	size_t len, i;

	(void)state;
	fill(&m);
	m.ether_count = 2;
	fill_segments(&m, 3);
	len = message_encode(&m, key, sizeof(key), bytes);
	for (i = 0; i < len; i++) {
		assert_non_null(
		    message_decode(&back, key, sizeof(key), bytes, i));
		bytes[i] ^= (uint8_t)(1 << (i % 8));
		assert_non_null(
		    message_decode(&back, key, sizeof(key), bytes, len));
		bytes[i] ^= (uint8_t)(1 << (i % 8));
	}
	assert_non_null(
	    message_decode(&back, key, sizeof(key), bytes, len + 1));
	assert_non_null(
	    message_decode(&back, key, sizeof(key) - 2, bytes, len));
	assert_string_equal(message_decode(&back, NULL, 0, bytes, len),
	    "a MAC, but there is no key");
	len = message_encode(&m, NULL, 0, bytes);
	assert_string_equal(message_decode(&back, key, sizeof(key), bytes, len),
	    "no MAC, but there is a key");
	for (i = 0; i < len; i++)
		assert_non_null(message_decode(&back, NULL, 0, bytes, i));
}

/* The fields that must not be anything. */
static void
refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} faults[] = {
		{ 0, 'f', "no message of a node" },
		{ 4, 2, "of another version" },
		{ 5, 0x80, "flags that nobody knows" },
		{ 82, 255, "more in it than there may be" },
		{ 84, 255, "more in it than there may be" },
		{ 84, 3, "more bytes than it says" },
		{ 84, 5, "a claim that cannot be read" },
		{ 93, 3, "a state that nobody knows" },
		{ 112, 0x04, "a claim that cannot be read" },
		{ 112, 0x54, "a claim that cannot be read" },
		{ 112, 0x15, "a claim that cannot be read" },
	};
	struct message m, back;
	uint8_t bytes[OWNERS_MESSAGE_MAX], was;
	size_t i, len;

	(void)state;
	fill(&m);
	len = message_encode(&m, NULL, 0, bytes);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		was = bytes[faults[i].at];
		bytes[faults[i].at] = faults[i].value;
		assert_string_equal(
		    message_decode(&back, NULL, 0, bytes, len), faults[i].why);
		bytes[faults[i].at] = was;
	}
	assert_null(message_decode(&back, NULL, 0, bytes, len));
}

/* What is said of segments, and cannot be. */
static void
segments_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} faults[] = { { 0, 2 }, { 0, 9 }, { 1, 5 }, { 2, 0 }, { 2, 33 } };
	struct message m, back;
	uint8_t bytes[OWNERS_MESSAGE_MAX], was;
	size_t i, len, base;

	(void)state;
	fill(&m);
	base = message_size(&m, false, 0);
	fill_segments(&m, 1);
	len = message_encode(&m, NULL, 0, bytes);
	assert_int_equal(len, base + 1 + 3 + 4 + 3 * 2);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		was = bytes[base + faults[i].at];
		bytes[base + faults[i].at] = faults[i].value;
		assert_string_equal(message_decode(&back, NULL, 0, bytes, len),
		    "segments that cannot be read");
		bytes[base + faults[i].at] = was;
	}
	assert_null(message_decode(&back, NULL, 0, bytes, len));
}

/* RFC 4231, cases 1, 2 and 6. */
static void
mac(void **state)
{
	static const struct {
		uint8_t byte;
		size_t key_len;
		const char *text;
		uint8_t starts[8];
	} cases[] = {
		{ 0x0b, 20, "Hi There",
		    { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53 } },
		{ 0, 0, "what do ya want for nothing?",
		    { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e } },
		{ 0xaa, 131,
		    "Test Using Larger Than Block-Size Key - Hash Key First",
		    { 0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f } },
	};
	uint8_t bytes[131], out[MESSAGE_MAC];
	size_t i, len;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(bytes, cases[i].byte, sizeof(bytes));
		len = cases[i].key_len;
		if (len == 0) {
			len = 4;
			memcpy(bytes, "Jefe", len);
		}
		message_mac(bytes, len, (const uint8_t *)cases[i].text,
		    strlen(cases[i].text), out);
		assert_memory_equal(out, cases[i].starts, 8);
	}
}

/* What is packed by message_size fits, also when all is at its largest. */
static void
full(void **state)
{
	struct message m, back;
	uint8_t bytes[OWNERS_MESSAGE_MAX];
	size_t len;

	(void)state;
	fill(&m);
	m.view_count = 31;
	m.entry_count = 0;
	while (m.entry_count < MESSAGE_ENTRIES &&
	       message_size(&m, true, 6) <= OWNERS_MESSAGE_MAX) {
		m.entries[m.entry_count] = m.entries[0];
		m.entries[m.entry_count].kind = ENTRY_CLAIM;
		m.entries[m.entry_count].epoch = 1;
		m.entries[m.entry_count++].addr.family = 6;
	}
	assert_int_equal(m.entry_count, 28);
	len = message_encode(&m, key, sizeof(key), bytes);
	assert_true(len <= OWNERS_MESSAGE_MAX);
	assert_null(message_decode(&back, key, sizeof(key), bytes, len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(broken),
		cmocka_unit_test(refused),
		cmocka_unit_test(segments_refused),
		cmocka_unit_test(mac),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
