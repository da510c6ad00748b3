/* SPDX-License-Identifier: ISC */
/* What peers hear, read back from the bytes: whoever joins, lags or leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rib/group.h"
#include "util/mem.h"

#define PEERS	 6
#define PREFIXES 400
#define NOTHING	 UINT32_MAX

/* A peer that sends and listens: what it was told, as MED by prefix. */
struct peer {
	struct rib_source *source;
	struct rib_member *member;
	uint32_t heard[PREFIXES];
	unsigned messages, announced, withdrawn, ends, pending;
	bool fed;
};

static struct rib *rib;
static struct peer peers[PEERS];
static struct arena *scratch;
static const struct wire_session session = { .as4 = true, .ebgp = true };
static bool refuse_odd;

static struct prefix
nth(unsigned n)
{
	struct addr addr = addr_v4(0x0a000000u + (n << 8));

	return prefix_of(&addr, 24);
}

static unsigned
which(const struct prefix *prefix)
{
	return (unsigned)prefix->bytes[1] << 8 | prefix->bytes[2];
}

static struct attr
attr_of(uint32_t asn, uint32_t med)
{
	uint8_t path[6] = { AS_SEQUENCE, 1, (uint8_t)(asn >> 24),
		(uint8_t)(asn >> 16), (uint8_t)(asn >> 8), (uint8_t)asn };
	struct attr attr = { 0 };

	attr.present = 1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH | 1u << ATTR_MED;
	attr.med = med;
	attr.as_path = blob_new(scratch, path, sizeof(path));
	attr.next_hop = addr_v4(0xc0000201);
	attr.present |= 1u << ATTR_NEXT_HOP;
	return attr;
}

static bool
on_export(void *arg, const struct rib_path_view *view, struct arena *arena,
    struct attr *out)
{
	(void)arg;
	if (refuse_odd && which(&view->prefix) % 2 == 1)
		return false;
	out->as_path = aspath_prepend(arena, out->as_path, 64512, 1);
	return true;
}

static void
on_pending(void *arg)
{
	((struct peer *)arg)->pending++;
}

static void
join_as(struct peer *peer, const char *key)
{
	struct rib_export export = { .export = on_export };
	unsigned i;

	peer->member = rib_member_new(rib, FAMILY_IPV4, key, strlen(key),
	    &session, peer->source, &export, NULL);
	rib_member_on_pending(peer->member, on_pending, peer);
	for (i = 0; i < PREFIXES; i++)
		peer->heard[i] = NOTHING;
}

static void
join(struct peer *peer)
{
	join_as(peer, "all");
}

static void
hear_message(struct peer *peer, struct buf body)
{
	struct update update;
	struct notification error;
	struct prefix prefix;
	unsigned i;

	memset(&update, 0, sizeof(update));
	assert_int_equal(
	    update_decode(body, &session, scratch, &update, &error), 0);
	assert_int_equal(update.verdict, VERDICT_KEEP);
	peer->messages++;
	peer->ends += update.end_of_rib == FAMILY_IPV4;
	for (i = 0; i < 2; i++)
		while (nlri_next(&update.withdrawn[i], &prefix)) {
			peer->heard[which(&prefix)] = NOTHING;
			peer->withdrawn++;
		}
	for (i = 0; i < 2; i++)
		while (nlri_next(&update.announced[i], &prefix)) {
			peer->heard[which(&prefix)] = update.attr.med;
			peer->announced++;
		}
}

/* One take; false when there was nothing, and nothing is left. */
static bool
hear(struct peer *peer)
{
	struct message message;
	struct notification error;
	const uint8_t *data;
	size_t len = rib_member_take(peer->member, &data);
	bool some = len > 0 || !rib_member_is_idle(peer->member);

	while (len > 0) {
		assert_int_equal(
		    message_take(data, len, MESSAGE_MAX, &message, &error), 1);
		hear_message(peer, message.body);
		data += message.len;
		len -= message.len;
	}
	arena_reset(scratch);
	return some;
}

static void
hear_all(void)
{
	unsigned i;

	for (i = 0; i < PEERS; i++)
		while (peers[i].member != NULL && hear(&peers[i]))
			;
}

static uint32_t
expected(const struct peer *peer, unsigned n)
{
	struct prefix prefix = nth(n);
	struct rib_path_view view;

	if (rib_find(rib, &prefix, &view, 1) == 0 || !(view.flags & RIB_BEST) ||
	    (view.flags & RIB_SUPPRESSED) || view.source == peer->source ||
	    (refuse_odd && n % 2 == 1))
		return NOTHING;
	return rib_attr_get(view.used).med;
}

static void
check_all(void)
{
	unsigned i, n, count;

	hear_all();
	for (i = 0; i < PEERS; i++) {
		if (peers[i].member == NULL)
			continue;
		for (n = 0, count = 0; n < PREFIXES; n++) {
			assert_int_equal(
			    peers[i].heard[n], expected(&peers[i], n));
			count += peers[i].heard[n] != NOTHING;
		}
		assert_int_equal(rib_member_count(peers[i].member), count);
	}
}

static void
say(struct peer *peer, unsigned n, uint32_t med)
{
	struct prefix prefix = nth(n);
	struct attr attr = attr_of(65000u + (uint32_t)(peer - peers), med);

	rib_update(peer->source, 0, &prefix, &attr, &attr, 100);
}

static void
unsay(struct peer *peer, unsigned n)
{
	struct prefix prefix = nth(n);

	rib_withdraw(peer->source, 0, &prefix);
}

static int
setup(void **state)
{
	struct rib_source_info info = { .kind = RIB_EBGP };
	unsigned i;

	(void)state;
	rib = rib_new();
	scratch = arena_new();
	refuse_odd = false;
	memset(peers, 0, sizeof(peers));
	for (i = 0; i < PEERS; i++) {
		info.asn = 65000 + i;
		info.router_id = i + 1;
		info.addr = addr_v4(0xc0000200u + i);
		info.name = "peer";
		peers[i].source = rib_source_new(rib, &info);
	}
	return 0;
}

static int
teardown(void **state)
{
	unsigned i, f;

	(void)state;
	for (i = 0; i < PEERS; i++)
		rib_member_free(peers[i].member);
	for (i = 0; i < PEERS; i++)
		rib_source_free(peers[i].source);
	for (f = 0; f < FAMILY_COUNT; f++)
		assert_int_equal(rib->tables[f].slab.used, 0);
	assert_int_equal(rib->paths.used, 0);
	assert_int_equal(rib->attrs.used, 0);
	assert_int_equal(rib->attr_index.used, 0);
	rib_free(rib);
	arena_free(scratch);
	return 0;
}

static void
test_initial(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 100; n++)
		say(&peers[0], n, 7);
	join(&peers[1]);
	check_all();
	/* One attribute set, one message; and the end. */
	assert_int_equal(peers[1].messages, 2);
	assert_int_equal(peers[1].ends, 1);
	/* Who joins later hears the same, by a dump of its own. */
	join(&peers[2]);
	check_all();
	assert_int_equal(peers[2].announced, 100);
	assert_int_equal(peers[2].ends, 1);
	assert_int_equal(peers[1].messages, 2);
}

static void
test_end_of_empty(void **state)
{
	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	check_all();
	assert_int_equal(peers[0].ends, 1);
	assert_int_equal(peers[1].ends, 1);
	assert_false(hear(&peers[0]));
	assert_int_equal(peers[0].ends, 1);
}

static void
test_pending(void **state)
{
	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	say(&peers[2], 1, 1);
	/* Nobody waits yet. */
	assert_int_equal(peers[0].pending, 0);
	hear_all();
	say(&peers[2], 2, 1);
	say(&peers[2], 3, 1);
	assert_int_equal(peers[0].pending, 1);
	assert_int_equal(peers[1].pending, 1);
	check_all();
	unsay(&peers[2], 3);
	assert_int_equal(peers[1].pending, 2);
	check_all();
	assert_int_equal(peers[1].withdrawn, 1);
}

static void
test_split_horizon(void **state)
{
	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	join(&peers[2]);
	say(&peers[1], 5, 1);
	check_all();
	assert_int_equal(peers[1].announced, 0);
	/* A better path of peer 0: it alone must forget the other's. */
	say(&peers[0], 5, 0);
	rib_withdraw(peers[1].source, 0, &(struct prefix){ .family = 0 });
	check_all();
	unsay(&peers[1], 5);
	check_all();
	assert_int_equal(peers[0].withdrawn, 1);
	assert_int_equal(peers[2].withdrawn, 0);
	/* An update of the own best path is not even a withdrawal. */
	say(&peers[0], 5, 9);
	check_all();
	assert_int_equal(peers[0].withdrawn, 1);
	assert_int_equal(peers[0].announced, 1);
}

static void
test_shared_once(void **state)
{
	const uint8_t *a, *b;
	size_t len;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	hear_all();
	say(&peers[2], 5, 1);
	len = rib_member_take(peers[0].member, &a);
	assert_true(len > 0);
	assert_int_equal(rib_member_take(peers[1].member, &b), len);
	assert_ptr_equal(a, b);
	assert_int_equal(rib_member_group_id(peers[0].member),
	    rib_member_group_id(peers[1].member));
	hear_message(
	    &peers[0], buf_reader(a + MESSAGE_HEADER, len - MESSAGE_HEADER));
	hear_message(
	    &peers[1], buf_reader(a + MESSAGE_HEADER, len - MESSAGE_HEADER));
	check_all();
}

static void
test_refresh(void **state)
{
	unsigned n;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	for (n = 0; n < 50; n++)
		say(&peers[n % 3], n, n);
	check_all();
	rib_member_refresh(peers[1].member);
	say(&peers[2], 3, 1);
	unsay(&peers[2], 5);
	check_all();
	assert_int_equal(peers[1].ends, 1);
	/* The export policy changed. */
	refuse_odd = true;
	rib_group_refresh(peers[0].member);
	check_all();
	refuse_odd = false;
	rib_group_refresh(peers[0].member);
	check_all();
}

/* However a dump falls into slices, its end is said behind all of it. */
static void
test_end_of_rib_is_last(void **state)
{
	const unsigned many = 7000;
	struct message message;
	struct notification error;
	struct update update;
	struct prefix prefix;
	struct attr attr;
	const uint8_t *data;
	unsigned n, heard = 0, ends = 0;
	size_t len;

	(void)state;
	for (n = 0; n < many; n++) {
		attr = attr_of(65000, n / 10);
		prefix = nth(n);
		rib_update(peers[0].source, 0, &prefix, &attr, &attr, 1);
		arena_reset(scratch);
	}
	join(&peers[1]);
	while ((len = rib_member_take(peers[1].member, &data)) > 0 ||
	       !rib_member_is_idle(peers[1].member))
		for (; len > 0; data += message.len, len -= message.len) {
			message_take(data, len, MESSAGE_MAX, &message, &error);
			memset(&update, 0, sizeof(update));
			update_decode(
			    message.body, &session, scratch, &update, &error);
			assert_int_equal(ends, 0);
			ends += update.end_of_rib == FAMILY_IPV4;
			while (nlri_next(&update.announced[0], &prefix))
				heard++;
			arena_reset(scratch);
		}
	assert_int_equal(heard, many);
	assert_int_equal(ends, 1);
	while (rib_source_flush(peers[0].source, FAMILY_NONE, 10000))
		;
	while (rib_member_take(peers[1].member, &data) > 0 ||
	       !rib_member_is_idle(peers[1].member))
		;
}

/* One that reads while it is waited for is not let go. */
static void
test_pace(void **state)
{
	unsigned n, round, waited = 0;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	hear_all();
	for (round = 0; round < 400; round++) {
		for (n = 0; n < PREFIXES; n++)
			say(&peers[2], n, round * PREFIXES + n);
		while (hear(&peers[0]))
			;
		if (!rib_is_waiting(rib))
			continue;
		waited++;
		rib_tick(rib);
		while (hear(&peers[1]))
			;
		assert_false(rib_is_waiting(rib));
	}
	assert_true(waited > 1);
	assert_false(peers[1].member->detached);
	check_all();
}

/* A peer that never reads is let go and costs no bytes; then it catches up. */
static void
test_slow(void **state)
{
	unsigned n, round, waited = 0;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	hear_all();
	for (round = 0; round < 400; round++) {
		for (n = 0; n < PREFIXES; n++)
			say(&peers[2], n, round * PREFIXES + n);
		for (n = round % 7; n < PREFIXES; n += 7)
			unsay(&peers[2], n);
		while (hear(&peers[0]))
			;
		/* Waited for until it has had its time. */
		if (rib_is_waiting(rib)) {
			waited++;
			assert_false(peers[1].member->detached);
			rib_tick(rib);
			rib_tick(rib);
			assert_true(rib_is_waiting(rib));
			rib_tick(rib);
			assert_false(rib_is_waiting(rib));
			assert_true(peers[1].member->detached);
		}
	}
	assert_int_equal(waited, 1);
	assert_true(peers[1].member->group->log_bytes <= 2 * 1024 * 1024);
	n = peers[1].announced;
	check_all();
	/* Each prefix once, not each change. */
	assert_true(peers[1].announced - n <= PREFIXES);
}

/* Prefixes that a slow peer must still forget may come back meanwhile. */
static void
test_random(void **state)
{
	static const char *const keys[] = { "all", "all", "other" };
	uint32_t seed = 1;
	unsigned i, what, who, n;

	(void)state;
	for (i = 0; i < 60000; i++) {
		seed = seed * 1103515245u + 12345u;
		who = (seed >> 16) % PEERS;
		seed = seed * 1103515245u + 12345u;
		n = (seed >> 12) % PREFIXES;
		seed = seed * 1103515245u + 12345u;
		what = (seed >> 16) % 1000;
		if (what < 500)
			say(&peers[who], n, (seed >> 8) % 5);
		else if (what < 800)
			unsay(&peers[who], n);
		else if (what < 960 && peers[who].member != NULL)
			hear(&peers[who]);
		else if (what < 975 && peers[who].member == NULL)
			join_as(&peers[who], keys[n % 3]);
		else if (what < 980 && peers[who].member != NULL)
			rib_member_refresh(peers[who].member);
		else if (what < 984 && peers[who].member != NULL)
			rib_group_refresh(peers[who].member);
		else if (what < 988)
			rib_source_flush(peers[who].source, FAMILY_NONE, 50);
		else if (what < 992) {
			rib_member_free(peers[who].member);
			peers[who].member = NULL;
		} else if (what == 999) {
			check_all();
		}
	}
	check_all();
	for (who = 0; who < PEERS; who++)
		assert_false(
		    rib_source_flush(peers[who].source, FAMILY_NONE, 10000));
	check_all();
}

static void
test_too_big(void **state)
{
	struct rib_stats stats;
	struct attr attr = attr_of(65000, 1);
	struct prefix prefix = nth(9);
	uint8_t *large = mem_alloc(8000);
	unsigned i;

	(void)state;
	join(&peers[1]);
	for (i = 0; i < 8000; i += 4)
		large[i + 2] = (uint8_t)(i >> 8), large[i + 3] = (uint8_t)i;
	say(&peers[0], 9, 1);
	hear_all();
	assert_int_equal(peers[1].heard[9], 1);
	attr.communities = blob_new(scratch, large, 8000);
	attr.present |= 1u << ATTR_COMMUNITIES;
	rib_update(peers[0].source, 0, &prefix, &attr, &attr, 1);
	hear_all();
	assert_int_equal(peers[1].heard[9], NOTHING);
	assert_int_equal(rib_member_count(peers[1].member), 0);
	rib_stats(rib, &stats);
	assert_int_equal(stats.too_big, 1);
	mem_free(large);
}

static void
test_advertised(void **state)
{
	struct rib_cursor cursor = { .family = FAMILY_IPV4 };
	struct prefix prefix, last = { 0 };
	struct attr attr;
	unsigned n, count = 0;

	(void)state;
	join(&peers[0]);
	join(&peers[1]);
	for (n = 0; n < 60; n++)
		say(&peers[n % 3], (n * 37) % PREFIXES, n);
	check_all();
	while (rib_member_next(
	    peers[0].member, &cursor, scratch, &prefix, &attr)) {
		assert_true(count == 0 || prefix_compare(&last, &prefix) < 0);
		assert_int_equal(aspath_first(attr.as_path), 64512);
		assert_int_equal(attr.med, expected(&peers[0], which(&prefix)));
		last = prefix;
		count++;
	}
	assert_int_equal(count, 40);
	assert_int_equal(count, rib_member_count(peers[0].member));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_initial),
		TEST(test_end_of_empty),
		TEST(test_pending),
		TEST(test_split_horizon),
		TEST(test_shared_once),
		TEST(test_refresh),
		TEST(test_slow),
		TEST(test_end_of_rib_is_last),
		TEST(test_pace),
		TEST(test_random),
		TEST(test_too_big),
		TEST(test_advertised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
