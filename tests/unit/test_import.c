/* SPDX-License-Identifier: ISC */
/* Which received routes are used: loops, next hops, policy required. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "peer/rules.h"
#include "util/arena.h"

#define HAS(type) (1u << (type))

static struct arena *arena;

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

static struct import_rules
rules(bool ebgp)
{
	struct import_rules r;

	memset(&r, 0, sizeof(r));
	r.ebgp = ebgp;
	r.enforce_first_as = true;
	r.local_as = r.router_as = 65001;
	r.remote_as = ebgp ? 65002 : 65001;
	r.router_id = 0x0a000001;
	r.local_pref = 150;
	addr_read("10.0.0.1", &r.local);
	return r;
}

/* A route over these ASes, last one first, to this next hop. */
static struct attr
route(const char *hop, uint32_t near, uint32_t far)
{
	struct attr a;

	memset(&a, 0, sizeof(a));
	a.present = HAS(ATTR_ORIGIN) | HAS(ATTR_AS_PATH) | HAS(ATTR_NEXT_HOP);
	assert_int_equal(addr_read(hop, &a.next_hop), 0);
	if (far != 0)
		a.as_path = aspath_prepend(arena, a.as_path, far, 1);
	if (near != 0)
		a.as_path = aspath_prepend(arena, a.as_path, near, 1);
	return a;
}

static const char *
take(const struct import_rules *r, struct attr *a)
{
	struct prefix prefix;

	prefix_read("192.0.2.0/24", &prefix);
	return import_route(r, &prefix, arena, a);
}

static void
test_checks(void **state)
{
	static const struct {
		bool ebgp;
		const char *hop;
		uint32_t near, far;
		bool used;
	} cases[] = {
		{ true, "10.0.0.2", 65002, 65003, true },
		{ true, "10.0.0.2", 65002, 65001, false }, /* our AS */
		{ true, "10.0.0.2", 65003, 65002, false }, /* first AS */
		{ true, "10.0.0.2", 0, 0, false },
		{ true, "10.0.0.1", 65002, 0, false }, /* ourselves */
		{ true, "127.0.0.1", 65002, 0, false },
		{ true, "0.0.0.0", 65002, 0, false },
		{ true, "224.0.0.5", 65002, 0, false },
		{ true, "240.0.0.1", 65002, 0, false },
		{ true, "2001:db8::1", 65002, 0, false }, /* RFC 8950 */
		{ true, "ff02::1", 65002, 0, false },
		{ true, "::1", 65002, 0, false },
		{ false, "10.0.0.2", 0, 0, true },
		{ false, "10.0.0.2", 65003, 0, true },
		{ false, "10.0.0.2", 65003, 65001, false },
	};
	struct import_rules r;
	struct attr a;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r = rules(cases[i].ebgp);
		a = route(cases[i].hop, cases[i].near, cases[i].far);
		if ((take(&r, &a) == NULL) != cases[i].used)
			fail_msg("case %u: %s", i, cases[i].hop);
	}
}

static void
test_local_pref(void **state)
{
	struct import_rules r = rules(false);
	struct attr a = route("10.0.0.2", 65003, 0);

	(void)state;
	assert_null(take(&r, &a));
	assert_int_equal(a.local_pref, 150);
	assert_true(ATTR_HAS(&a, ATTR_LOCAL_PREF));
	a = route("10.0.0.2", 65003, 0);
	a.present |= HAS(ATTR_LOCAL_PREF);
	a.local_pref = 0;
	assert_null(take(&r, &a));
	assert_int_equal(a.local_pref, 0);
}

static void
test_originator(void **state)
{
	struct import_rules r = rules(false);
	struct attr a = route("10.0.0.2", 65003, 0);

	(void)state;
	a.present |= HAS(ATTR_ORIGINATOR_ID);
	a.originator_id = 0x0a000001;
	assert_non_null(take(&r, &a));
	a.originator_id = 0x0a000002;
	assert_null(take(&r, &a));
}

/* RFC 7705 3.1, RFC 8212, and a first AS that is not enforced. */
static void
test_options(void **state)
{
	struct import_rules r = rules(true);
	struct attr a = route("10.0.0.2", 65002, 0);

	(void)state;
	r.prepend_as = 65100;
	assert_null(take(&r, &a));
	assert_int_equal(aspath_first(a.as_path), 65100);
	assert_int_equal(aspath_length(a.as_path), 2);
	r = rules(true);
	r.filter.required = true;
	a = route("10.0.0.2", 65002, 0);
	assert_non_null(take(&r, &a));
	r = rules(true);
	r.enforce_first_as = false;
	a = route("10.0.0.2", 65003, 0);
	assert_null(take(&r, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_local_pref),
		cmocka_unit_test(test_originator),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
