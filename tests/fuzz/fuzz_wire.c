/* SPDX-License-Identifier: ISC */
/* Any bytes into every decoder of the wire floor; seeds are in wire/. */

/*
 * With libFuzzer, from the top of the tree:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ibgpd
 *       tests/fuzz/fuzz_wire.c bgpd/wire/[a-z]*.c bgpd/util/[a-z]*.c -lbsd
 * Without it -DFUZZ_STANDALONE gives a program that replays the named files, or
 * all seeds: that is how `make check` runs it.
 * The first byte of the input says which decoder gets the rest.
 */
#undef NDEBUG
#include <assert.h>
#ifdef FUZZ_STANDALONE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/encode.h"
#include "util/arena.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
fuzz_open(struct buf body)
{
	struct notification error;
	struct open open, back;
	struct message message;
	uint8_t raw[MESSAGE_MAX];
	struct buf out = buf_writer(raw, sizeof(raw));

	if (open_decode(body, &open, &error) != 0)
		return;
	open_encode(&out, &open);
	assert(message_take(raw, out.pos, MESSAGE_MAX, &message, &error) == 1);
	/* a peer of families that we do not speak cannot be written by us */
	if (open_decode(message.body, &back, &error) == 0)
		assert(back.hold_secs == open.hold_secs);
}

static void
fuzz_tell(struct update *update, const struct wire_session *session)
{
	uint8_t raw[MESSAGE_MAX];
	struct text text = { 0 };
	struct prefix prefix;

	for (int i = 0; i < 2; i++) {
		while (nlri_next(&update->withdrawn[i], &prefix))
			assert(prefix.len <= addr_bits(prefix.family));
		while (nlri_next(&update->announced[i], &prefix)) {
			struct buf out = buf_writer(raw, sizeof(raw));

			update_use_next_hop(update, (unsigned)i);
			update_encode(&out, session, family_of(prefix.family),
			    &update->attr, &prefix, 1);
			assert(out.pos <= sizeof(raw));
		}
	}
	aspath_print(update->attr.as_path, &text);
	community_print_list(update->attr.communities, &text);
	ext_community_print_list(update->attr.ext_communities, &text);
	large_community_print_list(update->attr.large_communities, &text);
	text_free(&text);
}

static void
fuzz_update(struct buf body, bool as4, bool ebgp)
{
	struct wire_session session = { .as4 = as4, .ebgp = ebgp };
	struct arena *arena = arena_new();
	struct notification error;
	struct update update;

	if (update_decode(body, &session, arena, &update, &error) == 0)
		fuzz_tell(&update, &session);
	else
		assert(error.code == NOTIFY_UPDATE);
	arena_free(arena);
}

static void
fuzz_notification(struct buf body)
{
	struct notification n;
	char out[512];

	if (notification_decode(body, &n) != 0)
		return;
	notification_name(n.code, n.subcode, out, sizeof(out));
	notification_text(&n, out, sizeof(out));
	assert(strlen(out) < sizeof(out));
}

static void
fuzz_refresh(struct buf body)
{
	struct notification error;
	enum family family;

	if (message_decode_refresh(body, &family, &error) == 0)
		assert(family <= FAMILY_NONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct notification error;
	struct message message;
	struct buf body;

	if (len == 0)
		return 0;
	body = buf_reader(data + 1, len - 1);
	if (data[0] == 0)
		fuzz_open(body);
	else if (data[0] <= 3)
		fuzz_update(body, data[0] != 3, data[0] != 2);
	else if (data[0] == 4)
		fuzz_notification(body);
	else if (data[0] == 5)
		fuzz_refresh(body);
	else
		message_take(data + 1, len - 1, MESSAGE_MAX, &message, &error);
	return 0;
}

#ifdef FUZZ_STANDALONE
#include "replay.h"

int
main(int argc, char **argv)
{
	return replay_all(argc, argv, TESTS_DIR "/../fuzz/wire/*");
}
#endif
