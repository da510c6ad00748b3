/* SPDX-License-Identifier: ISC */
/* Who joins: a dump in slices, and what was of use to nobody before. */
#include "group_scene.h"

#define MANY 7000u /* prefixes, more than a slice */

static void
say_many(struct peer *peer)
{
	struct prefix prefix;
	struct attr attr;
	unsigned n;

	for (n = 0; n < MANY; n++) {
		attr = attr_of(65000, n / 3);
		prefix = nth(n);
		rib_update(peer->source, 0, &prefix, &attr, &attr, 1);
		arena_reset(scratch);
	}
}

/* However what there is falls into slices, all of it comes, and the end last. */
static void
hear_many(struct peer *peer, unsigned ends)
{
	struct message message;
	struct notification error;
	struct update update;
	struct prefix prefix;
	const uint8_t *data;
	unsigned heard = 0, end = 0;
	size_t len;

	while ((len = rib_member_take(peer->member, &data)) > 0 ||
	       !rib_member_is_idle(peer->member))
		for (; len > 0; data += message.len, len -= message.len) {
			message_take(data, len, MESSAGE_MAX, &message, &error);
			memset(&update, 0, sizeof(update));
			update_decode(
			    message.body, &session, scratch, &update, &error);
			assert_int_equal(end, 0);
			end += update.end_of_rib == FAMILY_IPV4;
			while (nlri_next(&update.announced[0], &prefix))
				heard++;
			arena_reset(scratch);
		}
	assert_int_equal(heard, MANY);
	assert_int_equal(end, ends);
}

static void
flush_many(struct peer *sender, struct peer *peer)
{
	const uint8_t *data;

	while (rib_source_flush(sender->source, FAMILY_NONE, MANY))
		;
	while (rib_member_take(peer->member, &data) > 0 ||
	       !rib_member_is_idle(peer->member))
		;
}

static void
test_many_walked(void **state)
{
	(void)state;
	say_many(&peers[0]);
	join(&peers[1]);
	hear_many(&peers[1], 1);
	flush_many(&peers[0], &peers[1]);
}

static void
test_many_of_own(void **state)
{
	(void)state;
	say_many(&peers[0]);
	join(&peers[0]);
	hear_all();
	join(&peers[1]);
	hear_many(&peers[1], 1);
	flush_many(&peers[0], &peers[1]);
}

static void
test_many_changed(void **state)
{
	(void)state;
	join(&peers[1]);
	hear_all();
	say_many(&peers[0]);
	hear_many(&peers[1], 0);
	flush_many(&peers[0], &peers[1]);
}

/* Paths of one who was alone are walked for the next one, not all marked. */
static void
test_joined(void **state)
{
	struct rib_group_info info;
	unsigned n;

	(void)state;
	join(&peers[3]);
	for (n = 0; n < PREFIXES; n++)
		say(&peers[n % 4 == 0 ? 2 : 3], n, n);
	/* Of these both have one, and the other's is told. */
	for (n = 0; n < PREFIXES; n += 8)
		say(&peers[3], n, n);
	check_all();
	assert_int_equal(peers[3].announced, PREFIXES / 4);
	join(&peers[4]);
	rib_group_info(peers[4].member, &info);
	assert_int_equal(info.to_look, 0);
	assert_true(info.walking);
	/* What the walk comes by anyhow is not marked; the others are. */
	say(&peers[3], 1, 77);
	rib_group_info(peers[4].member, &info);
	assert_int_equal(info.to_look, 0);
	unsay(&peers[3], 2);
	say(&peers[2], 4, 77);
	rib_group_info(peers[4].member, &info);
	assert_int_equal(info.to_look, 2);
	check_all();
	/* Each of them once, and nothing of it twice to the first. */
	assert_int_equal(peers[3].announced, PREFIXES / 4 + 1);
	assert_int_equal(peers[4].ends, 1);
	rib_group_info(peers[4].member, &info);
	assert_false(info.walking);
}

/* He leaves, or his paths do, while they are walked. */
static void
test_joined_and_left(void **state)
{
	unsigned n;

	(void)state;
	join(&peers[0]);
	for (n = 0; n < PREFIXES; n++)
		say(&peers[0], n, n);
	check_all();
	join(&peers[1]);
	/* The walk is not over when another one begins. */
	rib_member_free(peers[0].member);
	peers[0].member = NULL;
	for (n = 0; n < PREFIXES; n += 2)
		say(&peers[1], n, 1);
	join(&peers[2]);
	check_all();
	join(&peers[0]);
	check_all();
	rib_member_free(peers[1].member);
	rib_member_free(peers[2].member);
	peers[1].member = peers[2].member = NULL;
	check_all();
	join(&peers[3]);
	rib_member_free(peers[0].member);
	rib_source_free(peers[0].source);
	memset(&peers[0], 0, sizeof(peers[0]));
	check_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many_walked),
		TEST(test_many_of_own),
		TEST(test_many_changed),
		TEST(test_joined),
		TEST(test_joined_and_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
