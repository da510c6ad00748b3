/* SPDX-License-Identifier: ISC */
/* The table of claims: which of two wins, lists, sums, news. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/l2/owner_inside.h"

struct scene {
	struct owners *owners;
	struct member *a, *b;
	unsigned changes;
	const char *owner;
};

static void
on_changed(
    void *arg, const struct bgpd_addr *addr, const char *owner, const char *why)
{
	struct scene *s = arg;

	assert_int_equal(addr->family, 4);
	assert_non_null(why);
	s->changes++;
	s->owner = owner;
}

static int
scene_open(void **state)
{
	static const struct owners_calls calls = { .changed = on_changed };
	static const struct owners_member members[] = { { .name = "a" },
		{ .name = "b" } };
	struct scene *s = calloc(1, sizeof(*s));

	s->owners = owners_new("self", 1, 1, &calls, s, 1000);
	owners_members(s->owners, members, 2, 1000);
	s->a = member_find(s->owners, "a");
	s->b = member_find(s->owners, "b");
	*state = s;
	return s->a == NULL || s->b == NULL;
}

static int
scene_close(void **state)
{
	struct scene *s = *state;

	owners_free(s->owners);
	free(s);
	return 0;
}

static struct bgpd_addr
addr_of(uint8_t last)
{
	struct bgpd_addr addr = { .family = 4, .bytes = { 192, 0, 2, last } };

	return addr;
}

/* Epoch, then rank, then id; a release only by a newer epoch. */
static void
better(void **state)
{
	struct scene *s = *state;
	struct bgpd_addr addr = addr_of(1);
	struct claim *claim = claim_get(s->owners, &addr);
	struct member *low = s->a->id < s->b->id ? s->a : s->b;
	struct member *high = low == s->a ? s->b : s->a;

	assert_true(claim_loses(claim, 1, 9, s->a));
	claim_set(s->owners, claim, high, 5, 3, "test");
	assert_true(claim_loses(claim, 6, 9, low));
	assert_false(claim_loses(claim, 4, 0, low));
	assert_true(claim_loses(claim, 5, 2, low));
	assert_false(claim_loses(claim, 5, 4, low));
	assert_true(claim_loses(claim, 5, 3, low));
	assert_false(claim_loses(claim, 5, 3, high));
	assert_false(claim_loses(claim, 5, 0, NULL));
	assert_true(claim_loses(claim, 6, 0, NULL));
	claim_set(s->owners, claim, low, 5, 3, "test");
	assert_false(claim_loses(claim, 5, 3, high));
}

/* Any two that both win over each other would move for ever. */
static void
never_both(void **state)
{
	struct scene *s = *state;
	struct bgpd_addr addr = addr_of(1);
	struct claim *claim = claim_get(s->owners, &addr);
	struct member *owners[] = { NULL, s->a, s->b, s->owners->self };
	int i, k, wins;

	for (i = 0; i < 36; i++) {
		for (k = 0; k < 36; k++) {
			struct member *x = owners[i % 4], *y = owners[k % 4];
			uint64_t ex = 1 + i / 4 % 3, ey = 1 + k / 4 % 3;
			uint16_t rx = (uint16_t)(i / 12),
				 ry = (uint16_t)(k / 12);

			claim_set(s->owners, claim, x, ex, rx, "test");
			wins = claim_loses(claim, ey, ry, y);
			claim_set(s->owners, claim, y, ey, ry, "test");
			wins += claim_loses(claim, ex, rx, x);
			assert_int_equal(wins, x != y || ex != ey);
		}
	}
}

static void
sums(void **state)
{
	struct scene *s = *state;
	struct bgpd_addr one = addr_of(1), two = addr_of(2);
	struct claim *x = claim_get(s->owners, &one);
	struct claim *y = claim_get(s->owners, &two);
	uint64_t both, first;

	assert_int_equal(s->a->claims_digest, 0);
	claim_set(s->owners, x, s->a, 1, 0, "test");
	first = s->a->claims_digest;
	claim_set(s->owners, y, s->a, 1, 0, "test");
	both = s->a->claims_digest;
	assert_true(first != 0 && both != first && both != 0);
	assert_int_equal(s->a->claim_count, 2);
	/* The order does not matter, the epoch does. */
	claim_set(s->owners, x, s->b, 2, 0, "test");
	claim_set(s->owners, x, s->a, 3, 0, "test");
	assert_true(s->a->claims_digest != both);
	claim_set(s->owners, x, s->a, 1, 0, "test");
	assert_int_equal(s->a->claims_digest, both);
	assert_int_equal(s->b->claims_digest, 0);
	claim_free(s->owners, y);
	assert_int_equal(s->a->claims_digest, first);
	assert_int_equal(s->a->claim_count, 1);
}

/* Each change is told once, with the newest events first. */
static void
events(void **state)
{
	struct scene *s = *state;
	struct owners_explanation x;
	struct bgpd_addr addr = addr_of(7);
	struct claim *claim = claim_get(s->owners, &addr);
	int i;

	for (i = 1; i <= 12; i++) {
		s->owners->now_us = i * 1000;
		claim_set(s->owners, claim, i % 2 ? s->a : s->b, (uint64_t)i, 0,
		    "test");
		claim_set(s->owners, claim, claim->owner, (uint64_t)i, 1,
		    "the same owner is no change");
	}
	assert_int_equal(s->changes, 12);
	assert_string_equal(s->owner, "b");
	assert_true(owners_explain(s->owners, &addr, &x));
	assert_int_equal(x.event_count, OWNERS_EVENTS);
	assert_int_equal(x.events[0].epoch, 12);
	assert_string_equal(x.events[0].owner, "b");
	assert_int_equal(x.events[7].epoch, 5);
	assert_int_equal(x.events[7].at_us, 5000);
	assert_string_equal(x.why, "test");
	assert_int_equal(x.since_us, 12000);
}

/* A member that is no member any more leaves nothing behind. */
static void
gone_member(void **state)
{
	static const struct owners_member rest[] = { { .name = "b" } };
	struct scene *s = *state;
	struct bgpd_addr addr = addr_of(1);
	struct claim *claim = claim_get(s->owners, &addr);

	claim->offered = true;
	claim_set(s->owners, claim, s->a, 4, 0, "test");
	claim_mean(claim, s->a);
	claim_tell(s->owners, claim);
	owners_members(s->owners, rest, 1, 2000);
	assert_null(member_find(s->owners, "a"));
	assert_null(claim->owner);
	assert_null(claim->meant);
	assert_int_equal(claim->epoch, 4);
	assert_ptr_equal(TAILQ_FIRST(&s->owners->orphans), claim);
}

/* What nobody offers and nobody has is forgotten once it was told. */
static void
forgotten(void **state)
{
	struct scene *s = *state;
	struct bgpd_addr addr = addr_of(1);
	struct claim *claim = claim_get(s->owners, &addr);

	claim_set(s->owners, claim, s->a, 1, 0, "test");
	assert_false(claim_forget(s->owners, claim));
	claim_set(s->owners, claim, NULL, 2, 0, "test");
	claim_tell(s->owners, claim);
	assert_false(claim_forget(s->owners, claim));
	claim->tell = 0;
	TAILQ_REMOVE(&s->owners->news, claim, of_news);
	assert_true(claim_forget(s->owners, claim));
	assert_null(claim_find(s->owners, &addr));
	assert_int_equal(s->owners->claim_count, 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(better),
		TEST(never_both),
		TEST(sums),
		TEST(events),
		TEST(gone_member),
		TEST(forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
