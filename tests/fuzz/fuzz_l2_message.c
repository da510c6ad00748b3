/* SPDX-License-Identifier: ISC */
/* Any bytes into the decoder of nodes' messages; seeds are in l2_message/. */

/*
 * With libFuzzer, from the top of the tree:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ibgpd
 *       tests/fuzz/fuzz_l2_message.c plugins/l2/message.c plugins/l2/claim.c
 *       plugins/l2/elect.c plugins/l2/verdict.c plugins/l2/owner*.c plugins/l2/kit.c
 *       -lmd -lbsd
 * Without it -DFUZZ_STANDALONE gives a program that replays the named files, or
 * all seeds: that is how `make check` runs it.
 * What is taken must be written as the same bytes; and a node that hears it, as
 * it is and as one of its fellows could have written it, must stay sound.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/l2/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The last message that the node sent to `a`: it has what must be echoed. */
struct heard {
	struct message message;
	bool any;
};

static void
on_send(
    void *arg, const char *member, const uint8_t *bytes, size_t len, bool news)
{
	struct heard *heard = arg;

	(void)news;
	if (strcmp(member, "a") != 0)
		return;
	heard->any = true;
	assert(message_decode(&heard->message, NULL, 0, bytes, len) == NULL);
}

static void
read_again(const uint8_t *data, size_t len)
{
	static struct message m;
	uint8_t bytes[OWNERS_MESSAGE_MAX];

	if (message_decode(&m, NULL, 0, data, len) != NULL)
		return;
	assert(message_size(&m, false, 0) == len);
	assert(message_encode(&m, NULL, 0, bytes) == len);
	assert(memcmp(bytes, data, len) == 0);
}

static void
look(void *arg, const struct bgpd_addr *addr)
{
	struct owners_explanation x;

	assert(owners_explain(arg, addr, &x));
}

/* What it says, as `a` would say it to `self`. */
static void
hear_as_fellow(struct owners *o, const struct heard *heard, const uint8_t *data,
    size_t len, int64_t now_us)
{
	static struct message m;
	uint8_t bytes[OWNERS_MESSAGE_MAX];
	int i;

	if (message_decode(&m, NULL, 0, data, len) != NULL || !heard->any)
		return;
	m.key_id = heard->message.key_id;
	m.from = heard->message.to;
	m.to = heard->message.from;
	for (i = 0; i < (int)m.entry_count; i++) {
		/* Small numbers are the nodes. */
		if (m.entries[i].owner < 2)
			m.entries[i].owner =
			    m.entries[i].owner == 0 ? m.from : m.to;
	}
	for (i = 0; i < 4; i++) {
		m.boot = 5;
		m.seq++;
		m.echo_boot = heard->message.boot;
		m.echo_seq = heard->message.seq;
		len = message_encode(&m, NULL, 0, bytes);
		owners_hear(o, bytes, len, now_us + i * 10000);
	}
}

static void
live(const uint8_t *data, size_t len, uint8_t partition)
{
	static const struct owners_calls calls = { .send = on_send };
	static const struct owners_member members[] = { { .name = "a" },
		{ .name = "b" } };
	static const struct owners_candidate candidates[] = { { .node = "a" },
		{ .node = "self" } };
	struct owners_address address = {
		.candidates = candidates, .candidate_count = 2, .ready = true
	};
	static const struct owners_segment segments[] = {
		{ { 4, { 10, 0, 0, 1 } }, 24, true },
		{ { 6, { 0xfd, [15] = 1 } }, 64, true },
	};
	struct owners_config config = owners_defaults;
	struct owners_segment told[OWNERS_SEGMENTS];
	static struct heard heard;
	struct owners *o;
	int64_t now_us = 1000000;

	heard.any = false;
	address.addr.family = 4;
	config.partition = partition;
	o = owners_new("self", 1, 1, &calls, &heard, now_us);
	owners_configure(o, &config, now_us);
	owners_members(o, members, 2, now_us);
	if (len % 2 != 0) /* it tells where it carries, or not */
		owners_segments(o, segments, 2, now_us);
	owners_address(o, &address, now_us);
	owners_hear(o, data, len, now_us);
	hear_as_fellow(o, &heard, data, len, now_us);
	owners_liveness(o, "a", OWNERS_UP, now_us += 100000);
	owners_segment_live(o, "a", 0, OWNERS_UP, now_us);
	owners_segment_live(o, "a", 1, OWNERS_DOWN, now_us);
	owners_segment_gateway(o, 1, OWNERS_LOST, now_us);
	hear_as_fellow(o, &heard, data, len, now_us);
	for (; now_us < 4000000; now_us += 50000)
		owners_tick(o, now_us);
	hear_as_fellow(o, &heard, data, len, now_us);
	owners_each(o, look, o);
	address.addr.bytes[0] = (uint8_t)len;
	assert(owners_segments_of(o, &address.addr, told) <= OWNERS_SEGMENTS);
	owners_free(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > OWNERS_MESSAGE_MAX)
		return 0;
	read_again(data, len);
	live(data, len, OWNERS_AVAILABLE);
	live(data, len, OWNERS_CONSISTENT);
	return 0;
}

#ifdef FUZZ_STANDALONE
#include "replay.h"

int
main(int argc, char **argv)
{
	return replay_all(argc, argv, TESTS_DIR "/../fuzz/l2_message/*");
}
#endif
