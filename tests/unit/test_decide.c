/* SPDX-License-Identifier: ISC */
/* The decision step by step: each row has the first path win, and says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rib/select.h"
#include "util/arena.h"

#define SET(type) (1u << (type))

static struct arena *arena;

/* A path in short; zero members are the ordinary path of an eBGP peer. */
struct brief {
	enum rib_kind kind; /* RIB_LOCAL here means RIB_EBGP: see path_of */
	bool local;
	uint32_t local_pref; /* 0: none */
	uint8_t path[8];     /* AS numbers; 0 ends */
	uint8_t origin;
	uint32_t med, since, router_id, originator;
	uint8_t clusters, addr;
};

static struct rib_source_info infos[8];

static struct contender
path_of(const struct brief *brief, unsigned n)
{
	struct rib_source_info *info = &infos[n];
	struct attr is = { 0 }, *attr = &is;
	struct contender c;
	uint8_t bytes[2 + 4 * 8] = { AS_SEQUENCE };
	unsigned i;

	memset(info, 0, sizeof(*info));
	info->kind = brief->local		? RIB_LOCAL
		     : brief->kind == RIB_LOCAL ? RIB_EBGP
						: brief->kind;
	info->router_id = brief->router_id;
	info->addr = addr_v4(0x0a000000u + brief->addr);
	for (i = 0; i < 8 && brief->path[i] != 0; i++)
		bytes[2 + 4 * i + 3] = brief->path[i];
	bytes[1] = (uint8_t)i;
	attr->as_path = i > 0 ? blob_new(arena, bytes, 2 + 4 * i) : NULL;
	attr->origin = brief->origin;
	attr->med = brief->med;
	attr->local_pref = brief->local_pref;
	attr->originator_id = brief->originator;
	attr->present = SET(ATTR_ORIGIN) | SET(ATTR_AS_PATH);
	if (brief->med > 0)
		attr->present |= SET(ATTR_MED);
	if (brief->local_pref > 0)
		attr->present |= SET(ATTR_LOCAL_PREF);
	if (brief->originator > 0)
		attr->present |= SET(ATTR_ORIGINATOR_ID);
	if (brief->clusters > 0)
		attr->cluster_list =
		    blob_new(arena, bytes, 4 * brief->clusters);
	c = decide_contender(info, attr);
	c.since_secs = brief->since;
	c.place = n;
	return c;
}

/* In every order of arrival the first of the row wins, for this reason. */
static void
expect(const struct brief *briefs, unsigned count, const char *reason)
{
	struct contender paths[8], sorted[8];
	const char *why;
	unsigned turn, i;

	for (i = 0; i < count; i++)
		paths[i] = path_of(&briefs[i], i);
	for (turn = 0; turn < count; turn++) {
		for (i = 0; i < count; i++)
			sorted[i] = paths[(i + turn) % count];
		i = decide(sorted, count, &why);
		assert_int_equal(sorted[i].place, 0);
		assert_string_equal(why, reason);
		for (i = 0; i < count; i++)
			sorted[i] = paths[(count - i + turn) % count];
		i = decide(sorted, count, &why);
		assert_int_equal(sorted[i].place, 0);
	}
}

static void
test_steps(void **state)
{
	static const struct {
		const char *reason;
		struct brief paths[2];
	} rows[] = {
		{ "Weight", { { .local = true }, { .local_pref = 500 } } },
		{ "Local Pref", { { .local_pref = 101, .path = { 1, 2, 3 } },
				    { .path = { 1 } } } },
		{ "Local Pref", { { .path = { 1, 2, 3 } },
				    { .path = { 1 }, .local_pref = 99 } } },
		{ "AS Path",
		    { { .path = { 1 }, .origin = 2 }, { .path = { 2, 3 } } } },
		{ "Origin", { { .path = { 1 }, .origin = 1 },
				{ .path = { 2 }, .origin = 2 } } },
		{ "MED", { { .path = { 1 }, .med = 5, .since = 9 },
			     { .path = { 1 }, .med = 6 } } },
		{ "MED", { { .path = { 1 }, .since = 9 },
			     { .path = { 1 }, .med = 6 } } },
		{ "Peer Type", { { .path = { 1 }, .med = 9, .since = 9 },
				   { .path = { 2 }, .kind = RIB_IBGP } } },
		{ "Older Path", { { .path = { 1 }, .since = 1, .router_id = 9 },
				    { .path = { 2 }, .since = 2 } } },
		{ "Router ID", { { .path = { 1 }, .router_id = 1, .addr = 9 },
				   { .path = { 2 }, .router_id = 2 } } },
		{ "Router ID", { { .kind = RIB_IBGP,
				     .since = 9,
				     .originator = 1,
				     .clusters = 4,
				     .router_id = 9 },
				   { .kind = RIB_IBGP, .router_id = 2 } } },
		{ "Cluster length",
		    { { .kind = RIB_IBGP, .clusters = 1, .addr = 9 },
			{ .kind = RIB_IBGP, .clusters = 2 } } },
		{ "Neighbor IP", { { .addr = 1 }, { .addr = 2 } } },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].paths, 2, rows[i].reason);
}

/* The textbook's trap: pair after pair, the winner would depend on order. */
static void
test_med_order(void **state)
{
	static const struct brief paths[] = {
		{ .path = { 1 }, .med = 10, .router_id = 3 },
		{ .path = { 2 }, .med = 5, .router_id = 4 },
		{ .path = { 1 }, .med = 20, .router_id = 1 },
		{ .path = { 2 }, .med = 6, .router_id = 2 },
	};

	(void)state;
	expect(paths, 4, "Router ID");
}

static void
test_alone(void **state)
{
	static const struct brief path = { .path = { 1 } };

	(void)state;
	expect(&path, 1, "First path received");
}

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_med_order),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
