/* SPDX-License-Identifier: ISC */
/* Aggregates: when they are there, what they say, whom they silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rib/inside.h"
#include "util/arena.h"

static struct rib *rib;
static struct rib_source *sources[2];
static struct arena *arena;

static struct prefix
prefix(const char *s)
{
	struct prefix p;

	assert_int_equal(prefix_read(s, &p), 0);
	return p;
}

static void
set_all(const struct rib_aggregate *all, unsigned count, uint32_t asn,
    uint32_t router_id)
{
	rib_set_aggregates(rib, all, count, asn, router_id);
	while (rib_settle(rib))
		;
}

static int
setup(void **state)
{
	struct rib_source_info info = { .kind = RIB_EBGP, .name = "x" };
	unsigned i;

	(void)state;
	rib = rib_new();
	arena = arena_new();
	for (i = 0; i < 2; i++) {
		info.router_id = i + 1;
		sources[i] = rib_source_new(rib, &info);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rib_source_free(sources[0]);
	rib_source_free(sources[1]);
	set_all(NULL, 0, 1, 1);
	assert_int_equal(rib->tables[0].slab.used, 0);
	assert_int_equal(rib->attrs.used, 0);
	rib_free(rib);
	arena_free(arena);
	return 0;
}

static void
say(unsigned who, const char *where, uint8_t origin, const char *path,
    uint32_t community)
{
	struct prefix p = prefix(where);
	struct attr attr = { .present = 1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH,
		.origin = origin };

	for (; *path != '\0'; path++)
		attr.as_path = aspath_prepend(
		    arena, attr.as_path, (uint32_t)(*path - '0'), 1);
	if (community != 0) {
		attr.communities = community_list(arena, &community, 1);
		attr.present |= 1u << ATTR_COMMUNITIES;
	}
	rib_update(sources[who], 0, &p, &attr, &attr, 1);
}

static void
unsay(unsigned who, const char *where)
{
	struct prefix p = prefix(where);

	rib_withdraw(sources[who], 0, &p);
}

static bool
find(const char *where, struct rib_path_view *view)
{
	struct prefix p = prefix(where);

	aggregate_settle(rib);
	return rib_find(rib, &p, view, 1) > 0;
}

static bool
suppressed(const char *where)
{
	struct rib_path_view view;

	assert_true(find(where, &view));
	return view.flags & RIB_SUPPRESSED;
}

static void
set(const char *where, bool as_set, bool summary_only)
{
	struct rib_aggregate one = { .prefix = prefix(where),
		.as_set = as_set,
		.summary_only = summary_only };

	set_all(&one, 1, 64512, 0x01020304);
}

static const char *
path_of(const struct rib_path_view *view)
{
	struct text out = { 0 };
	char *copy;

	aspath_print(rib_attr_get(view->used).as_path, &out);
	copy = arena_string(arena, text_str(&out));
	text_free(&out);
	return copy;
}

static void
test_active(void **state)
{
	struct rib_path_view view;
	struct attr is;
	const struct attr *attr = &is;

	(void)state;
	set("10.0.0.0/8", false, false);
	assert_false(find("10.0.0.0/8", &view));
	/* The prefix itself and one beside it do not count. */
	say(0, "10.0.0.0/8", ORIGIN_IGP, "1", 0);
	say(0, "11.0.0.0/16", ORIGIN_IGP, "1", 0);
	assert_true(find("10.0.0.0/8", &view));
	assert_int_equal(rib_source_info(view.source)->kind, RIB_EBGP);
	say(0, "10.1.0.0/16", ORIGIN_IGP, "12", 0);
	say(1, "10.1.0.0/16", ORIGIN_EGP, "12", 0);
	assert_true(find("10.0.0.0/8", &view));
	is = rib_attr_get(view.used);
	assert_int_equal(rib_source_info(view.source)->kind, RIB_AGGREGATE);
	assert_int_equal(view.weight, 32768);
	assert_int_equal(attr->origin, ORIGIN_EGP);
	assert_int_equal(attr->aggregator_as, 64512);
	assert_int_equal(attr->aggregator_id, 0x01020304);
	assert_true(ATTR_HAS(attr, ATTR_ATOMIC_AGGREGATE));
	assert_int_equal(aspath_length(attr->as_path), 0);
	assert_false(suppressed("10.1.0.0/16"));
	say(0, "10.2.0.0/16", ORIGIN_INCOMPLETE, "12", 0);
	find("10.0.0.0/8", &view);
	assert_int_equal(rib_attr_get(view.used).origin, ORIGIN_INCOMPLETE);
	unsay(0, "10.2.0.0/16");
	unsay(1, "10.1.0.0/16");
	find("10.0.0.0/8", &view);
	assert_int_equal(rib_attr_get(view.used).origin, ORIGIN_IGP);
	unsay(0, "10.1.0.0/16");
	assert_true(find("10.0.0.0/8", &view));
	assert_int_equal(rib_source_info(view.source)->kind, RIB_EBGP);
}

static void
test_as_set(void **state)
{
	struct rib_path_view view;
	struct attr is;

	(void)state;
	say(0, "10.1.0.0/16", ORIGIN_IGP, "21", 5);
	set("10.0.0.0/8", true, false);
	say(1, "10.2.0.0/16", ORIGIN_IGP, "31", 4);
	say(0, "10.3.0.0/16", ORIGIN_IGP, "31",
	    (uint32_t)COMMUNITY_GRACEFUL_SHUTDOWN);
	assert_true(find("10.0.0.0/8", &view));
	assert_string_equal(path_of(&view), "1 {2,3}");
	assert_int_equal(
	    community_count(rib_attr_get(view.used).communities), 2);
	is = rib_attr_get(view.used);
	assert_false(ATTR_HAS(&is, ATTR_ATOMIC_AGGREGATE));
	unsay(1, "10.2.0.0/16");
	unsay(0, "10.3.0.0/16");
	find("10.0.0.0/8", &view);
	assert_string_equal(path_of(&view), "1 2");
	/* The options change: counted anew. */
	set("10.0.0.0/8", false, false);
	find("10.0.0.0/8", &view);
	assert_string_equal(path_of(&view), "");
	is = rib_attr_get(view.used);
	assert_true(ATTR_HAS(&is, ATTR_ATOMIC_AGGREGATE));
}

/* Many distinct sets: the union is put off, and there when asked for. */
static void
test_many_sets(void **state)
{
	struct rib_path_view view;
	char where[PREFIX_TEXT];
	struct addr addr;
	struct prefix p;
	uint32_t i;

	(void)state;
	set("10.0.0.0/8", true, false);
	for (i = 0; i < 300; i++) {
		addr = addr_v4(0x0a000000u + (i << 8));
		p = prefix_of(&addr, 24);
		say(0, prefix_print(&p, where), ORIGIN_IGP, "1", i + 1);
	}
	assert_int_equal(rib->aggregates_pending, 1);
	assert_true(find("10.0.0.0/8", &view));
	assert_int_equal(rib->aggregates_pending, 0);
	assert_int_equal(
	    community_count(rib_attr_get(view.used).communities), 300);
	while (rib_source_flush(sources[0], FAMILY_NONE, 100))
		;
	assert_false(find("10.0.0.0/8", &view));
}

static void
test_summary_only(void **state)
{
	struct rib_aggregate two[] = {
		{ .prefix = prefix("10.0.0.0/8"), .summary_only = true },
		{ .prefix = prefix("10.1.0.0/16"), .summary_only = true },
	};
	struct rib_path_view view;

	(void)state;
	say(0, "10.1.1.0/24", ORIGIN_IGP, "1", 0);
	say(0, "10.2.1.0/24", ORIGIN_IGP, "1", 0);
	set_all(two, 2, 1, 1);
	assert_true(suppressed("10.1.1.0/24"));
	assert_true(suppressed("10.2.1.0/24"));
	/* An aggregate below another is told, and counts for nobody. */
	assert_false(suppressed("10.1.0.0/16"));
	/* One of the two goes: the other still holds. */
	set_all(two, 1, 1, 1);
	assert_true(suppressed("10.1.1.0/24"));
	assert_false(find("10.1.0.0/16", &view));
	set_all(two + 1, 1, 1, 1);
	assert_true(suppressed("10.1.1.0/24"));
	assert_false(suppressed("10.2.1.0/24"));
	assert_false(find("10.0.0.0/8", &view));
	set_all(NULL, 0, 1, 1);
	assert_false(suppressed("10.1.1.0/24"));
}

static bool
on_export(void *arg, const struct rib_path_view *view, struct arena *arena,
    struct attr *out)
{
	(void)arg;
	(void)view;
	(void)arena;
	out->next_hop = addr_v4(0x01010101);
	return true;
}

/* Those below are withdrawn when the aggregate comes, and come back. */
static void
test_told(void **state)
{
	struct rib_export export = { .export = on_export };
	struct wire_session session = { .as4 = true };
	struct rib_member *member;
	const uint8_t *data;

	(void)state;
	member = rib_member_new(
	    rib, FAMILY_IPV4, "k", 1, &session, NULL, &export, NULL);
	say(0, "10.1.1.0/24", ORIGIN_IGP, "1", 0);
	say(0, "10.2.1.0/24", ORIGIN_IGP, "1", 0);
	while (rib_member_take(member, &data) > 0)
		;
	assert_int_equal(rib_member_count(member), 2);
	set("10.0.0.0/8", false, true);
	while (rib_member_take(member, &data) > 0)
		;
	assert_int_equal(rib_member_count(member), 1);
	say(0, "10.3.1.0/24", ORIGIN_IGP, "1", 0);
	while (rib_member_take(member, &data) > 0)
		;
	assert_int_equal(rib_member_count(member), 1);
	set("10.0.0.0/8", false, false);
	while (rib_member_take(member, &data) > 0)
		;
	assert_int_equal(rib_member_count(member), 4);
	rib_member_free(member);
}

#define MANY 20000u /* prefixes, some slices of the walk */

static struct prefix
nth(unsigned n)
{
	struct addr addr = addr_v4(0x0a000000u + (n << 8));

	return prefix_of(&addr, 24);
}

static unsigned
slices(void)
{
	unsigned n = 1;

	while (rib_settle(rib))
		n++;
	return n;
}

/* Never is there neither the aggregate nor what it stands for. */
static void
check_reached(struct rib_member *member, unsigned n)
{
	struct rib_path_view view;
	const uint8_t *data;
	struct prefix p = nth(n);

	while (
	    rib_member_take(member, &data) > 0 || !rib_member_is_idle(member))
		;
	assert_true(rib_find(rib, &p, &view, 1) == 1);
	if (view.flags & RIB_SUPPRESSED)
		assert_true(find("10.0.0.0/8", &view));
}

/* A changed configuration costs a table's walk, but not in one turn. */
static void
test_slices(void **state)
{
	struct rib_aggregate two[] = {
		{ .prefix = prefix("10.0.0.0/8"), .summary_only = true },
		{ .prefix = prefix("10.0.0.0/16") },
	};
	const struct rib_aggregate *one = two;
	struct rib_export export = { .export = on_export };
	struct wire_session session = { .as4 = true };
	struct rib_member *member;
	struct rib_path_view view;
	struct attr attr = { .present = 1u << ATTR_ORIGIN };
	struct prefix p;
	unsigned n, i;

	(void)state;
	member = rib_member_new(
	    rib, FAMILY_IPV4, "k", 1, &session, NULL, &export, NULL);
	for (n = 0; n < MANY; n++) {
		p = nth(n);
		rib_update(sources[0], 0, &p, &attr, &attr, 1);
	}
	check_reached(member, 0);
	assert_int_equal(rib_member_count(member), MANY);
	rib_set_aggregates(rib, one, 1, 1, 1);
	/* Nothing has happened yet. */
	check_reached(member, 0);
	assert_int_equal(rib_member_count(member), MANY);
	assert_false(find("10.0.0.0/8", &view));
	assert_true(rib_settle(rib));
	check_reached(member, 0);
	assert_true(find("10.0.0.0/8", &view));
	/* The walk is not at the end: what it has not come by goes and comes. */
	for (n = 0; n < MANY; n += MANY / 10) {
		p = nth(n);
		rib_withdraw(sources[0], 0, &p);
		for (i = n; i < MANY; i += MANY / 10)
			check_reached(member, i + 1);
	}
	attr.origin = ORIGIN_INCOMPLETE;
	for (n = 0; n < MANY; n += MANY / 10) {
		p = nth(n);
		rib_update(sources[0], 0, &p, &attr, &attr, 1);
		check_reached(member, n);
	}
	assert_true(slices() > 1);
	check_reached(member, 0);
	assert_int_equal(rib_member_count(member), 1);
	find("10.0.0.0/8", &view);
	assert_int_equal(rib_attr_get(view.used).origin, ORIGIN_INCOMPLETE);
	/* It goes, and what is below it comes back first. */
	rib_set_aggregates(rib, NULL, 0, 1, 1);
	assert_true(rib_settle(rib));
	check_reached(member, 0);
	check_reached(member, MANY - 1);
	assert_true(rib_member_count(member) > 1);
	assert_true(find("10.0.0.0/8", &view));
	/* It comes back meanwhile, and goes again, for good. */
	rib_set_aggregates(rib, one, 1, 1, 1);
	assert_true(rib_settle(rib));
	check_reached(member, 0);
	rib_set_aggregates(rib, NULL, 0, 1, 1);
	assert_true(slices() > 1);
	check_reached(member, 0);
	assert_int_equal(rib_member_count(member), MANY);
	assert_false(find("10.0.0.0/8", &view));
	/* All were counted once: none is left when they are gone. */
	rib_set_aggregates(rib, one, 1, 1, 1);
	assert_true(rib_settle(rib));
	rib_set_aggregates(rib, two, 2, 1, 1);
	assert_true(rib_settle(rib));
	while (rib_source_flush(sources[0], FAMILY_NONE, 5000))
		rib_settle(rib);
	slices();
	assert_false(find("10.0.0.0/8", &view));
	rib_member_free(member);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_active),
		TEST(test_as_set),
		TEST(test_many_sets),
		TEST(test_summary_only),
		TEST(test_told),
		TEST(test_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
