/* SPDX-License-Identifier: ISC */
/* The table against a plain model; sets, cursors, attributes shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "same.h"
#include "rib/select.h"
#include "util/mem.h"

#define SOURCES	 4
#define PREFIXES 3000

static struct rib *rib;
static struct rib_source *sources[SOURCES];
static struct arena *arena;
static struct prefix prefixes[PREFIXES];
/* What each source says: 0 nothing, else MED; refused if odd. */
static uint32_t model[PREFIXES][SOURCES];
static uint32_t seed;

static uint32_t
random_below(uint32_t n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

static int
compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* Different, of all lengths, every other one IPv6; sorted. */
static void
make_prefixes(void)
{
	struct addr addr;
	unsigned i, k;

	for (i = 0; i < PREFIXES; i++) {
		do {
			memset(&addr, 0, sizeof(addr));
			addr.family = i % 2 == 0 ? AF_INET : AF_INET6;
			for (k = 0; k < 4; k++)
				addr.bytes[k] = (uint8_t)random_below(6);
			prefixes[i] = prefix_of(&addr, random_below(33));
			for (k = i % 2; k < i; k += 2)
				if (prefix_equal(&prefixes[k], &prefixes[i]))
					break;
		} while (k < i);
	}
	qsort(prefixes, PREFIXES, sizeof(*prefixes), compare);
}

static int
setup(void **state)
{
	struct rib_source_info info = { .kind = RIB_EBGP, .name = "x" };
	unsigned i;

	(void)state;
	seed = 42;
	rib = rib_new();
	arena = arena_new();
	memset(model, 0, sizeof(model));
	for (i = 0; i < SOURCES; i++) {
		info.router_id = i + 1;
		sources[i] = rib_source_new(rib, &info);
	}
	return 0;
}

static int
teardown(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < SOURCES; i++)
		rib_source_free(sources[i]);
	assert_int_equal(rib->tables[0].slab.used, 0);
	assert_int_equal(rib->tables[1].slab.used, 0);
	assert_int_equal(rib->attrs.used, 0);
	assert_int_equal(rib->attr_index.used, 0);
	assert_int_equal(rib->variants.used, 0);
	assert_int_equal(rib->variant_index.used, 0);
	rib_free(rib);
	arena_free(arena);
	return 0;
}

static void
say(unsigned who, unsigned n, uint32_t med)
{
	struct attr attr = { .present = 1u << ATTR_ORIGIN | 1u << ATTR_MED,
		.med = med };

	attr.communities = community_list(arena, &med, 1);
	rib_update(sources[who], 0, &prefixes[n], &attr,
	    med % 2 == 1 ? NULL : &attr, 5);
	model[n][who] = med;
}

static void
unsay(unsigned who, unsigned n)
{
	rib_withdraw(sources[who], 0, &prefixes[n]);
	model[n][who] = 0;
}

/* The lowest MED wins (one neighbour AS), then the lowest router id. */
static int
best_of(unsigned n)
{
	int best = -1, i;

	for (i = 0; i < SOURCES; i++)
		if (model[n][i] != 0 && model[n][i] % 2 == 0 &&
		    (best < 0 || model[n][i] < model[n][best]))
			best = i;
	return best;
}

static unsigned
path_count(unsigned n)
{
	unsigned i, count = 0;

	for (i = 0; i < SOURCES; i++)
		count += model[n][i] != 0;
	return count;
}

static void
check_prefix(unsigned n, const struct rib_path_view *views, unsigned count)
{
	int best = best_of(n);
	unsigned i;

	assert_int_equal(count, path_count(n));
	for (i = 0; i < count; i++) {
		assert_true(prefix_equal(&views[i].prefix, &prefixes[n]));
		assert_int_equal(
		    (views[i].flags & RIB_BEST) != 0, i == 0 && best >= 0);
		assert_int_equal(
		    (views[i].flags & RIB_REFUSED) != 0, views[i].used == NULL);
	}
	if (count > 0 && best >= 0) {
		assert_ptr_equal(views[0].source, sources[best]);
		assert_non_null(views[0].reason);
		assert_int_equal(
		    rib_attr_get(views[0].used).med, model[n][best]);
	}
}

static void
check_all(void)
{
	struct rib_path_view views[SOURCES];
	struct rib_cursor cursor;
	unsigned n = 0, f, count;
	struct rib_stats stats;
	uint32_t live[FAMILY_COUNT] = { 0 };

	for (f = 0; f < FAMILY_COUNT; f++) {
		memset(&cursor, 0, sizeof(cursor));
		cursor.family = f;
		while ((count = rib_next(rib, &cursor, views, SOURCES)) > 0) {
			while (path_count(n) == 0)
				n++;
			check_prefix(n++, views, count);
			live[f]++;
		}
	}
	for (; n < PREFIXES; n++)
		assert_int_equal(path_count(n), 0);
	rib_stats(rib, &stats);
	assert_int_equal(stats.prefixes[0], live[0]);
	assert_int_equal(stats.prefixes[1], live[1]);
}

static void
test_model(void **state)
{
	unsigned i, who, n, round, accepted, all;

	(void)state;
	make_prefixes();
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 8000; i++) {
			who = random_below(SOURCES);
			n = random_below(PREFIXES);
			if (random_below(100) < (round % 3 == 2 ? 20u : 70u))
				say(who, n, 1 + random_below(9));
			else
				unsay(who, n);
		}
		check_all();
		for (who = 0; who < SOURCES; who++) {
			for (accepted = all = n = 0; n < PREFIXES; n++) {
				all += model[n][who] != 0;
				accepted += model[n][who] != 0 &&
					    model[n][who] % 2 == 0;
			}
			assert_int_equal(
			    all, rib_source_count(sources[who], 0, false) +
				     rib_source_count(sources[who], 1, false));
			assert_int_equal(accepted,
			    rib_source_count(sources[who], 0, true) +
				rib_source_count(sources[who], 1, true));
		}
	}
	/* One source goes, in slices. */
	for (i = 0; rib_source_flush(sources[2], FAMILY_NONE, 10); i++)
		assert_true(i < PREFIXES);
	for (n = 0; n < PREFIXES; n++)
		model[n][2] = 0;
	check_all();
}

static void
test_match(void **state)
{
	struct rib_path_view view;
	unsigned n, i;
	int longest;

	(void)state;
	make_prefixes();
	for (n = 0; n < PREFIXES; n += 3)
		say(n % SOURCES, n, 2);
	for (n = 0; n < PREFIXES; n++) {
		longest = -1;
		for (i = 0; i < PREFIXES; i += 3)
			if (prefix_contains(&prefixes[i], &prefixes[n]) &&
			    (longest < 0 ||
				prefixes[i].len > prefixes[longest].len))
				longest = (int)i;
		if (longest < 0) {
			assert_int_equal(
			    rib_match(rib, &prefixes[n], &view, 1), 0);
			continue;
		}
		assert_int_equal(rib_match(rib, &prefixes[n], &view, 1), 1);
		assert_true(prefix_equal(&view.prefix, &prefixes[longest]));
	}
}

/* More than one window, changed between steps: who stays is seen once. */
static void
test_cursor(void **state)
{
	struct rib_cursor cursor = { .family = FAMILY_IPV4 }, any = cursor;
	struct attr attr = { .present = 1u << ATTR_ORIGIN };
	struct rib_path_view view;
	struct prefix last, p;
	struct addr addr;
	uint32_t i, count = 0, busy = 0, stay = 80000;

	(void)state;
	for (i = 0; i < stay * 2; i++) {
		addr = addr_v4(0x0a000000u + (i * 7919u % (stay * 2)) * 256);
		p = prefix_of(&addr, 24);
		rib_update(sources[0], 0, &p, &attr, &attr, 1);
	}
	while (rib_next(rib, &cursor, &view, 1) > 0 || cursor.busy) {
		busy += cursor.busy;
		if (cursor.busy)
			continue;
		assert_true(
		    count == 0 || prefix_compare(&last, &view.prefix) < 0);
		last = view.prefix;
		count += view.prefix.bytes[2] % 2 == 0;
		i = (uint32_t)(last.bytes[0] - 10) << 16 |
		    (uint32_t)last.bytes[1] << 8 | last.bytes[2];
		/* Odd ones go while we walk, before and behind us. */
		addr = addr_v4(0x0a000000u + ((i * 31) % (stay * 2) | 1) * 256);
		p = prefix_of(&addr, 24);
		rib_withdraw(sources[0], 0, &p);
	}
	assert_int_equal(count, stay);
	/* A pass over such a table is no single call. */
	assert_true(busy >= 2);
	any.any_order = true;
	for (i = 0; rib_source_next(sources[0], &any, &view); i++)
		assert_ptr_equal(view.source, sources[0]);
	assert_int_equal(i, rib_source_count(sources[0], FAMILY_IPV4, false));
	assert_false(rib_source_next(sources[0], &any, &view));
	memset(&cursor, 0, sizeof(cursor));
	cursor.family = FAMILY_IPV4;
	for (i = 0; rib_source_next(sources[0], &cursor, &view) || cursor.busy;)
		i += !cursor.busy;
	assert_int_equal(i, rib_source_count(sources[0], FAMILY_IPV4, false));
}

/* What the whole decision says of the paths of a prefix, all looked at. */
static const struct rib_source *
whole_decision(const struct rib_path_view *views, unsigned count)
{
	struct contender all[SOURCES];
	struct attr attr;
	unsigned i, n = 0;

	for (i = 0; i < count; i++) {
		if (views[i].used == NULL)
			continue;
		attr = rib_attr_get(views[i].used);
		all[n] =
		    decide_contender(rib_source_info(views[i].source), &attr);
		all[n].since_secs = (uint32_t)views[i].since_secs;
		all[n].id = views[i].id;
		all[n++].place = i;
	}
	return n > 0 ? views[all[decide(all, n, NULL)].place].source : NULL;
}

/* Members of few values, so that every step of the decision is needed. */
static void
say_any(unsigned who, const struct prefix *prefix, bool with_med)
{
	uint8_t path[2 + 4 * 3] = { AS_SEQUENCE, 1 };
	struct attr attr = { .present = 1u << ATTR_ORIGIN };

	attr.origin = (uint8_t)random_below(2);
	path[1] = (uint8_t)(1 + random_below(3));
	path[5] = (uint8_t)(1 + random_below(2));
	attr.as_path = blob_new(arena, path, 2 + 4u * path[1]);
	if (with_med && random_below(2) == 0) {
		attr.present |= 1u << ATTR_MED;
		attr.med = random_below(3);
	}
	if (random_below(3) == 0) {
		attr.present |= 1u << ATTR_LOCAL_PREF;
		attr.local_pref = 99 + random_below(3);
	}
	if (random_below(3) == 0) {
		attr.present |= 1u << ATTR_ORIGINATOR_ID;
		attr.originator_id = random_below(3);
	}
	if (random_below(3) == 0) {
		attr.present |= 1u << ATTR_CLUSTER_LIST;
		attr.cluster_list =
		    blob_new(arena, "abcdefgh", 4 + 4 * random_below(2));
	}
	rib_update(sources[who], 0, prefix, &attr,
	    random_below(6) == 0 ? NULL : &attr, random_below(3));
}

/* A change looks at few paths; the best is the one that all of them make. */
static void
test_shortcuts(void **state)
{
	struct prefix prefix =
	    prefix_of(&(struct addr){ .family = AF_INET }, 8);
	struct rib_path_view views[SOURCES];
	const struct rib_source *best;
	struct rib_source_info info;
	unsigned turn, count;

	(void)state;
	info = *rib_source_info(sources[3]);
	info.kind = RIB_IBGP;
	rib_source_set(sources[3], &info);
	for (turn = 0; turn < 100000; turn++) {
		if (random_below(4) == 0)
			rib_withdraw(
			    sources[random_below(SOURCES)], 0, &prefix);
		else
			say_any(random_below(SOURCES), &prefix, turn > 50000);
		count = rib_find(rib, &prefix, views, SOURCES);
		best = count > 0 && (views[0].flags & RIB_BEST) != 0
			   ? views[0].source
			   : NULL;
		assert_ptr_equal(best, whole_decision(views, count));
	}
	for (turn = 0; turn < SOURCES; turn++)
		rib_withdraw(sources[turn], 0, &prefix);
}

/* Many at once are as one after the other, also where one comes twice. */
static void
test_many(void **state)
{
	struct attr attr = { .present = 1u << ATTR_ORIGIN };
	struct rib_attr *set = rib_attr_intern(rib, &attr);
	struct prefix some[RIB_MANY];
	unsigned i, count = 0;
	struct rib_stats stats;

	(void)state;
	for (i = 0; i < PREFIXES && count < RIB_MANY - 1; i++)
		if (prefixes[i].family == AF_INET6)
			some[count++] = prefixes[i];
	some[count++] = some[3];
	rib_update_many(sources[1], some, count, set, set, 7);
	rib_update_many(sources[2], some, count, set, NULL, 7);
	rib_stats(rib, &stats);
	assert_int_equal(stats.prefixes[FAMILY_IPV6], RIB_MANY - 1);
	assert_int_equal(stats.paths[FAMILY_IPV6], 2 * (RIB_MANY - 1));
	assert_int_equal(
	    rib_source_count(sources[1], FAMILY_IPV6, true), RIB_MANY - 1);
	assert_int_equal(rib_source_count(sources[2], FAMILY_IPV6, true), 0);
	some[count - 1] = some[count - 2];
	rib_withdraw_many(sources[1], some, 30);
	rib_withdraw_many(sources[1], some, count);
	rib_withdraw_many(sources[2], some, count);
	rib_stats(rib, &stats);
	assert_int_equal(stats.prefixes[FAMILY_IPV6], 0);
	rib_attr_unref(rib, set);
}

static unsigned told_changes, told_gone;

static void
on_best(void *arg, enum family family, const struct prefix *p,
    const struct rib_path_view *old, const struct rib_path_view *new)
{
	(void)arg;
	assert_true(family == family_of(p->family));
	assert_true(old != NULL || new != NULL);
	if (old != NULL)
		assert_int_equal(rib_attr_get(old->used).med % 2, 0);
	told_changes++;
	told_gone += new == NULL;
}

static void
test_watch(void **state)
{
	struct rib_watcher watcher = { .on_best = on_best };

	(void)state;
	make_prefixes();
	told_changes = told_gone = 0;
	rib_watch(rib, &watcher);
	say(0, 1, 4);
	say(0, 1, 4); /* nothing new */
	say(1, 1, 6); /* not better */
	say(2, 1, 1); /* refused */
	assert_int_equal(told_changes, 1);
	say(1, 1, 2);
	unsay(1, 1);
	assert_int_equal(told_changes, 3);
	unsay(0, 1);
	unsay(2, 1);
	assert_int_equal(told_changes, 4);
	assert_int_equal(told_gone, 1);
	rib_unwatch(rib, &watcher);
	say(0, 1, 4);
	assert_int_equal(told_changes, 4);
}

static void
test_ids(void **state)
{
	struct rib_path_view views[4];
	struct attr attr = { .present = 1u << ATTR_ORIGIN };

	(void)state;
	make_prefixes();
	rib_update(sources[0], 7, &prefixes[0], &attr, &attr, 1);
	rib_update(sources[0], 8, &prefixes[0], &attr, &attr, 1);
	rib_update(sources[0], 7, &prefixes[0], &attr, &attr, 1);
	assert_int_equal(rib_find(rib, &prefixes[0], views, 4), 2);
	assert_int_equal(views[0].id, 7);
	assert_string_equal(views[0].reason, "Nothing left to compare");
	rib_withdraw(sources[0], 9, &prefixes[0]);
	rib_withdraw(sources[0], 7, &prefixes[0]);
	assert_int_equal(rib_find(rib, &prefixes[0], views, 4), 1);
	assert_int_equal(views[0].id, 8);
	rib_update(sources[0], 7, &prefixes[0], &attr, &attr, 1);
	assert_false(rib_source_flush(sources[0], FAMILY_NONE, 100));
	assert_int_equal(rib_find(rib, &prefixes[0], views, 4), 0);
}

static void
test_intern(void **state)
{
	uint32_t numbers[] = { 1, 2, 3 };
	struct attr a = { .present = 1, .med = 1 }, b;
	struct rib_attr *x, *y, *z;

	(void)state;
	/* Padding must not tell two sets apart. */
	memset(&b, 0xff, sizeof(b));
	a.communities = community_list(arena, numbers, 3);
	b.present = a.present;
	b.med = a.med;
	b.local_pref = b.aggregator_as = b.aggregator_id = b.originator_id = 0;
	b.origin = 0;
	b.next_hop.family = b.next_hop_local.family = 0;
	b.next_hop.scope = b.next_hop_local.scope = 0;
	memset(b.next_hop.bytes, 0, 16);
	memset(b.next_hop_local.bytes, 0, 16);
	b.as_path = b.ext_communities = b.large_communities = NULL;
	b.cluster_list = b.unknown = NULL;
	b.communities = community_list(arena, numbers, 3);
	x = rib_attr_intern(rib, &a);
	rib->last_attr = NULL;
	y = rib_attr_intern(rib, &b);
	assert_ptr_equal(x, y);
	/* What comes out is what went in. */
	b = rib_attr_get(x);
	assert_true(same_attr(&a, &b));
	b.med = 2;
	z = rib_attr_intern(rib, &b);
	assert_ptr_not_equal(x, z);
	rib_attr_unref(rib, x);
	rib_attr_unref(rib, y);
	rib_attr_unref(rib, z);
	assert_int_equal(rib->attrs.used, 0);
}

static void
test_idset(void **state)
{
	struct idset set = { 0 };
	struct idmap map = { 0 };
	static bool in[100000];
	uint32_t i, n, used = 0;

	(void)state;
	for (i = 0; i < 30000; i++) {
		n = random_below(100000);
		if (random_below(3) > 0) {
			assert_int_equal(idset_add(&set, n), !in[n]);
			in[n] = true;
		} else {
			assert_int_equal(idset_remove(&set, n), in[n]);
			in[n] = false;
		}
		idmap_set(&map, n, in[n] ? (uint16_t)(n % 7) : 0);
	}
	for (i = 0, n = idset_next(&set, 0); i < 100000; i++) {
		if (in[i]) {
			assert_int_equal(n, i);
			n = idset_next(&set, i + 1);
		}
		used += in[i];
		assert_int_equal(idset_has(&set, i), in[i]);
		assert_int_equal(idmap_get(&map, i), in[i] ? i % 7 : 0);
	}
	assert_int_equal(n, ID_NONE);
	assert_int_equal(set.used, used);
	idmap_forget(&map, 3);
	for (i = 0; i < 100000; i++)
		assert_int_equal(
		    idmap_get(&map, i), in[i] && i % 7 != 3 ? i % 7 : 0);
	idset_clear(&set);
	assert_int_equal(idset_size(&set), 0);
	idmap_clear(&map);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_model),
		TEST(test_shortcuts),
		TEST(test_many),
		TEST(test_match),
		TEST(test_cursor),
		TEST(test_watch),
		TEST(test_ids),
		TEST(test_intern),
		TEST(test_idset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
