/* SPDX-License-Identifier: ISC */
/* What a neighbor is told: the standard rules, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "peer/rules.h"
#include "util/arena.h"

#define HAS(type) (1u << (type))

static struct rib *rib;
static struct arena *arena;
static struct rib_source *sources[4]; /* by kind */
static struct rib_source *offered;    /* by the plugin k8s */

static struct addr
addr(const char *s)
{
	struct addr a;

	assert_int_equal(addr_read(s, &a), 0);
	return a;
}

static int
setup(void **state)
{
	unsigned kind;

	(void)state;
	rib = rib_new();
	arena = arena_new();
	for (kind = 0; kind < 4; kind++)
		sources[kind] = rib_source_new(rib,
		    &(struct rib_source_info){ .kind = kind, .name = "s" });
	offered = rib_source_new(
	    rib, &(struct rib_source_info){
		     .kind = RIB_LOCAL, .name = "k8s", .owner = "k8s" });
	return 0;
}

static int
teardown(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < 4; kind++)
		rib_source_free(sources[kind]);
	rib_source_free(offered);
	rib_free(rib);
	arena_free(arena);
	return 0;
}

static struct export_rules
rules(bool ebgp)
{
	struct export_rules r;

	memset(&r, 0, sizeof(r));
	r.ebgp = ebgp;
	r.local_as = 65001;
	r.router_as = 65001;
	r.local_pref = 100;
	r.next_hop = addr("10.0.0.1");
	r.send_standard = r.send_extended = r.send_large = true;
	return r;
}

static struct attr
learned(void)
{
	struct attr a;

	memset(&a, 0, sizeof(a));
	a.present = HAS(ATTR_ORIGIN) | HAS(ATTR_AS_PATH) | HAS(ATTR_NEXT_HOP) |
		    HAS(ATTR_MED) | HAS(ATTR_LOCAL_PREF);
	a.med = 5;
	a.local_pref = 200;
	a.next_hop = addr("10.9.9.9");
	a.as_path = aspath_prepend(arena, NULL, 65009, 1);
	return a;
}

static const char *
tell(const struct export_rules *r, struct rib_source *source, struct attr *a)
{
	struct rib_path_view view;

	memset(&view, 0, sizeof(view));
	prefix_read("192.0.2.0/24", &view.prefix);
	view.source = source;
	view.flags = RIB_BEST;
	return export_route(r, &view, arena, a);
}

static void
assert_path(const struct attr *a, const char *want)
{
	struct text text = { 0 };

	aspath_print(a->as_path, &text);
	assert_string_equal(text_str(&text), want);
	text_free(&text);
}

static void
test_external(void **state)
{
	struct export_rules r = rules(true);
	struct attr a = learned();

	(void)state;
	assert_null(tell(&r, sources[RIB_EBGP], &a));
	assert_path(&a, "65001 65009");
	assert_true(addr_equal(&a.next_hop, &r.next_hop));
	assert_false(ATTR_HAS(&a, ATTR_LOCAL_PREF));
	/* RFC 4271 5.1.4 */
	assert_false(ATTR_HAS(&a, ATTR_MED));
	assert_int_equal(a.med, 0);
	/* Our own metric, and an internal one, do go out. */
	a = learned();
	assert_null(tell(&r, sources[RIB_IBGP], &a));
	assert_true(ATTR_HAS(&a, ATTR_MED));
}

static void
test_internal(void **state)
{
	struct export_rules r = rules(false);
	struct attr a = learned();
	struct addr theirs = a.next_hop;

	(void)state;
	assert_null(tell(&r, sources[RIB_EBGP], &a));
	assert_path(&a, "65009");
	assert_true(addr_equal(&a.next_hop, &theirs));
	assert_int_equal(a.local_pref, 200);
	assert_int_equal(a.med, 5);
	r.next_hop_self = true;
	a = learned();
	assert_null(tell(&r, sources[RIB_EBGP], &a));
	assert_true(addr_equal(&a.next_hop, &r.next_hop));
	/* RFC 4271 9.2: internal to internal is not told. */
	a = learned();
	assert_non_null(tell(&r, sources[RIB_IBGP], &a));
}

static void
test_local(void **state)
{
	struct export_rules r = rules(false);
	struct attr a;

	(void)state;
	memset(&a, 0, sizeof(a));
	a.present = HAS(ATTR_ORIGIN);
	assert_null(tell(&r, sources[RIB_LOCAL], &a));
	assert_true(addr_equal(&a.next_hop, &r.next_hop));
	assert_true(ATTR_HAS(&a, ATTR_AS_PATH));
	assert_true(ATTR_HAS(&a, ATTR_NEXT_HOP));
	assert_int_equal(a.local_pref, 100);
	/* A local preference of 0 that was said is kept (MetalLB). */
	memset(&a, 0, sizeof(a));
	a.present = HAS(ATTR_ORIGIN) | HAS(ATTR_LOCAL_PREF);
	assert_null(tell(&r, sources[RIB_LOCAL], &a));
	assert_int_equal(a.local_pref, 0);
	/* Without an address of the family there is nothing to say. */
	memset(&r.next_hop, 0, sizeof(r.next_hop));
	memset(&a, 0, sizeof(a));
	assert_non_null(tell(&r, sources[RIB_LOCAL], &a));
}

static void
test_communities(void **state)
{
	static const struct {
		uint32_t community;
		bool external, internal;
	} cases[] = {
		{ (uint32_t)COMMUNITY_NO_EXPORT, false, true },
		{ (uint32_t)COMMUNITY_NO_ADVERTISE, false, false },
		{ (uint32_t)COMMUNITY_LOCAL_AS, false, true },
		{ 65001u << 16 | 1, true, true },
	};
	struct export_rules out = rules(true), in = rules(false);
	struct attr a;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a = learned();
		a.present |= HAS(ATTR_COMMUNITIES);
		a.communities = community_list(arena, &cases[i].community, 1);
		assert_int_equal(tell(&out, sources[RIB_EBGP], &a) == NULL,
		    cases[i].external);
		a = learned();
		a.present |= HAS(ATTR_COMMUNITIES);
		a.communities = community_list(arena, &cases[i].community, 1);
		assert_int_equal(tell(&in, sources[RIB_EBGP], &a) == NULL,
		    cases[i].internal);
	}
	/* `no send-community` */
	out.send_standard = false;
	a = learned();
	a.present |= HAS(ATTR_COMMUNITIES);
	a.communities = community_list(arena, &cases[3].community, 1);
	assert_null(tell(&out, sources[RIB_EBGP], &a));
	assert_null(a.communities);
	assert_false(ATTR_HAS(&a, ATTR_COMMUNITIES));
}

/* RFC 7705 3.2 */
static void
test_local_as(void **state)
{
	struct export_rules r = rules(true);
	struct attr a = learned();

	(void)state;
	r.local_as = 65100;
	r.prepend_router_as = true;
	assert_null(tell(&r, sources[RIB_EBGP], &a));
	assert_path(&a, "65100 65001 65009");
	r.prepend_router_as = false; /* replace-as */
	a = learned();
	assert_null(tell(&r, sources[RIB_EBGP], &a));
	assert_path(&a, "65100 65009");
}

/* A plugin's neighbor hears of that plugin's offers alone, others of all. */
static void
test_owner(void **state)
{
	struct export_rules r = rules(true);
	struct attr a = learned();

	(void)state;
	r.owner = "k8s";
	assert_non_null(tell(&r, sources[RIB_EBGP], &a));
	assert_non_null(tell(&r, sources[RIB_LOCAL], &a));
	a = learned();
	assert_null(tell(&r, offered, &a));
	r.owner = "other";
	a = learned();
	assert_non_null(tell(&r, offered, &a));
	r.owner = NULL;
	a = learned();
	assert_null(tell(&r, offered, &a));
}

/* RFC 8212 */
static void
test_policy_required(void **state)
{
	struct export_rules r = rules(true);
	struct attr a = learned();

	(void)state;
	r.filter.required = true;
	assert_non_null(tell(&r, sources[RIB_LOCAL], &a));
	/* A list that is named and not defined denies. */
	r.filter.required = false;
	r.filter.has_list = true;
	a = learned();
	assert_non_null(tell(&r, sources[RIB_LOCAL], &a));
}

/* The link-local next hop goes along with our own global one alone. */
static void
test_ipv6(void **state)
{
	struct export_rules r = rules(false);
	struct attr a = learned();

	(void)state;
	r.family = FAMILY_IPV6;
	r.next_hop = addr("2001:db8::1");
	r.next_hop_local = addr("fe80::1");
	a.next_hop = addr("2001:db8::9");
	a.next_hop_local = addr("fe80::9");
	assert_null(tell(&r, sources[RIB_EBGP], &a));
	assert_int_equal(a.next_hop_local.family, 0);
	memset(&a.next_hop, 0, sizeof(a.next_hop));
	assert_null(tell(&r, sources[RIB_LOCAL], &a));
	assert_true(addr_equal(&a.next_hop_local, &r.next_hop_local));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_internal),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_communities),
		cmocka_unit_test(test_local_as),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_policy_required),
		cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
