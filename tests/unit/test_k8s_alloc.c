/* SPDX-License-Identifier: ISC */
/* The allocator, rule by rule, and what each step costs. */

#include "claims.h"

/* One pool set, one allocator -------------------------------------------------- */

static void
test_lowest_first(void **state)
{
	struct config *c = config_must(
	    POOL("b", "10.0.1.254-10.0.2.1", "") POOL("a", "10.0.0.0/31", ""));
	struct alloc *alloc = alloc_new();
	static const char *const order[] = { "10.0.1.254", "10.0.1.255",
		"10.0.2.0", "10.0.2.1", "10.0.0.0", "10.0.0.1" };
	struct alloc_claim claim;
	char name[16];
	size_t i;

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "n/%zu", i);
		claim = claim_of(name, NULL, &http);
		any_must(alloc, &claim, order[i]);
	}
	claim = claim_of("n/x", NULL, &http);
	any_must(alloc, &claim, NULL);
	why_must(alloc, "no available addresses");
	claim.pool = "a";
	any_must(alloc, &claim, NULL);
	why_must(alloc, "no available addresses in pool \"a\"");
	claim.pool = "z";
	any_must(alloc, &claim, NULL);
	why_must(alloc, "unknown pool \"z\"");
	assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 4);
	alloc_release(alloc, "n/4", NULL);
	alloc_release(alloc, "n/2", NULL);
	assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 3);
	claim.pool = NULL;
	any_must(alloc, &claim, "10.0.2.0");
	claim.service = "n/y";
	any_must(alloc, &claim, "10.0.0.0");
	alloc_free(alloc);
	config_free(c);
}

static void
test_buggy_are_left_out(void **state)
{
	struct config *c = config_must(
	    POOL("a", "10.0.1.253-10.0.2.2", ", avoid-buggy-ips: true")
		POOL("b", "10.1.0.255/32", ", avoid-buggy-ips: true"));
	struct alloc *alloc = alloc_new();
	struct alloc_claim claim = claim_of("n/a", NULL, &http);
	static const char *const order[] = { "10.0.1.253", "10.0.1.254",
		"10.0.2.1", "10.0.2.2", NULL };
	char name[16];
	size_t i;

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &claim, "10.0.1.255"), -1);
	why_must(alloc, "avoids .0 and .255");
	assert_int_equal(take(alloc, &claim, "10.0.2.0"), -1);
	assert_int_equal(take(alloc, &claim, "10.9.9.9"), -1);
	why_must(alloc, "\"10.9.9.9\" is not allowed in config");
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "n/%zu", i);
		claim.service = name;
		any_must(alloc, &claim, order[i]);
	}
	alloc_free(alloc);
	config_free(c);
}

static void
test_sharing(void **state)
{
	struct config *c = config_must(POOL("a", "10.0.0.0/29", ""));
	struct alloc *alloc = alloc_new();
	struct alloc_claim a = claim_of("n/a", "k", &http),
			   b = claim_of("n/b", "k", &https),
			   d = claim_of("n/d", NULL, &http3),
			   e = claim_of("n/e", "k", &http3);

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &a, "10.0.0.3"), 0);
	assert_int_equal(take(alloc, &d, "10.0.0.3"), -1);
	why_must(alloc, "10.0.0.3 is already in use by \"n/a\"");
	d.sharing = "other";
	assert_int_equal(take(alloc, &d, "10.0.0.3"), -1);
	why_must(alloc, "another allow-shared-ip (\"k\", not \"other\")");
	b.ports = &http;
	assert_int_equal(take(alloc, &b, "10.0.0.3"), -1);
	why_must(alloc, "port TCP/80 is already in use on 10.0.0.3 by \"n/a\"");
	b.ports = &https;
	assert_int_equal(take(alloc, &b, "10.0.0.3"), 0);
	assert_int_equal(take(alloc, &e, "10.0.0.3"), 0);
	assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 1);
	/* The last user may change the keys; while others are there none may. */
	a.sharing = "";
	assert_int_equal(take(alloc, &a, "10.0.0.3"), -1);
	alloc_release(alloc, "n/b", NULL);
	alloc_release(alloc, "n/e", NULL);
	assert_int_equal(take(alloc, &a, "10.0.0.3"), 0);
	assert_int_equal(take(alloc, &b, "10.0.0.3"), -1);
	alloc_free(alloc);
	config_free(c);
}

/* A claim anew that gives something up says so: others may fit now. */
static void
test_loosening(void **state)
{
	struct config *c = config_must(POOL("a", "10.0.0.0/30", ""));
	struct alloc *alloc = alloc_new();
	struct object_port ports[] = { http, https };
	struct alloc_claim a = claim_of("n/a", "k", ports);

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_false(alloc_loosened(alloc));
	a.port_count = 2;
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_false(alloc_loosened(alloc));
	a.port_count = 1;
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_true(alloc_loosened(alloc));
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_false(alloc_loosened(alloc));
	a.sharing = "l";
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_true(alloc_loosened(alloc));
	assert_int_equal(take(alloc, &a, "10.9.9.9"), -1);
	assert_false(alloc_loosened(alloc));
	alloc_free(alloc);
	config_free(c);
}

/* Free or shareable, whichever is lower. */
static void
test_sharing_lowest(void **state)
{
	struct config *c = config_must(POOL("a", "10.0.0.0/30", ""));
	struct alloc *alloc = alloc_new();
	struct alloc_claim a = claim_of("n/a", "k", &http),
			   b = claim_of("n/b", "k", &https),
			   d = claim_of("n/d", "k", &http),
			   e = claim_of("n/e", "k", &http3);

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	any_must(alloc, &b, "10.0.0.0");
	any_must(alloc, &d, "10.0.0.0"); /* beside b */
	any_must(alloc, &e, "10.0.0.0");
	alloc_release(alloc, "n/d", NULL);
	e.backend = "app=x";
	e.service = "n/f";
	any_must(alloc, &e, "10.0.0.2"); /* another backend */
	d.ports = &https;
	any_must(alloc, &d, "10.0.0.1");
	alloc_free(alloc);
	config_free(c);
}

static void
test_two_families(void **state)
{
	struct config *c =
	    config_must(POOL("a", "'2001:db8::/127', 10.0.0.0/31", ""));
	struct alloc *alloc = alloc_new();
	struct alloc_claim claim = claim_of("n/a", NULL, &http);
	struct bgpd_addr addrs[2], out = addr_must("2001:db8::0");

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	claim.family = 6;
	any_must(alloc, &claim, "2001:db8::");
	claim.family = 4;
	any_must(alloc, &claim, "10.0.0.0");
	assert_int_equal(alloc_addresses(alloc, "n/a", addrs, 2), 2);
	alloc_release(alloc, "n/a", &out);
	assert_int_equal(alloc_addresses(alloc, "n/a", addrs, 2), 1);
	assert_int_equal(addrs[0].family, 4);
	assert_false(alloc_is_owner(alloc, "n/a", &out));
	alloc_free(alloc);
	config_free(c);
}

static void
test_new_pools(void **state)
{
	struct config *a = config_must(POOL("a", "10.0.0.0/24", ""));
	struct config *b = config_must(
	    POOL("b", "10.0.0.128/25", "") POOL("c", "10.0.0.0/26", ""));
	struct config *d =
	    config_must(POOL("d", "10.0.0.0/24", ", avoid-buggy-ips: true"));
	struct alloc *alloc = alloc_new();
	struct alloc_claim x = claim_of("n/x", "k", &http),
			   y = claim_of("n/y", "k", &https);
	struct bgpd_addr addr = addr_must("10.0.0.70");

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, a), 0);
	assert_int_equal(take(alloc, &x, "10.0.0.70"), 0);
	assert_int_equal(alloc_set_pools(alloc, b), -1);
	why_must(alloc, "\"n/x\" cannot own \"10.0.0.70\"");
	assert_string_equal(alloc_pool(alloc, &addr)->name, "a");
	alloc_release(alloc, "n/x", NULL);
	assert_int_equal(take(alloc, &x, "10.0.0.0"), 0);
	assert_int_equal(alloc_set_pools(alloc, d), -1);
	assert_int_equal(alloc_set_pools(alloc, b), 0);
	assert_int_equal(alloc_in_use(alloc, &b->pools[0]), 0);
	assert_int_equal(alloc_in_use(alloc, &b->pools[1]), 1);
	y.pool = "c";
	any_must(alloc, &y, "10.0.0.0"); /* what is shared moved along */
	alloc_free(alloc);
	config_free(a);
	config_free(b);
	config_free(d);
}

static void
test_capacity(void **state)
{
	static const struct {
		const char *pools;
		double capacity;
	} rows[] = {
		{ POOL("a", "1.2.3.0/24, 2.3.4.128/25",
		      ", avoid-buggy-ips: true"),
		    381 },
		{ POOL("a", "1.2.3.0/24, 2.3.4.128/25", ""), 384 },
		{ POOL("a", "1.2.0.0/16", ", avoid-buggy-ips: on"), 65024 },
		{ POOL("a", "1.2.3.0/32", ", avoid-buggy-ips: on"), 0 },
		{ POOL("a", "1.2.3.255/32", ", avoid-buggy-ips: on"), 0 },
		{ POOL("a", "1.2.3.4/30", ", avoid-buggy-ips: on"), 4 },
		{ POOL("a", "0.0.0.0/0", ""), 4294967296.0 },
		{ POOL("a", "'2001:db8::/64'", ", avoid-buggy-ips: on"),
		    18446744073709551616.0 },
	};
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = config_must(rows[i].pools);
		assert_true(pool_capacity(&c->pools[0]) == rows[i].capacity);
		config_free(c);
	}
}

/* Cost ---------------------------------------------------------------------------- */

/* Gives to n Services; at most `most` gaps and addresses are looked at for each. */
static void
cost_must(struct alloc *alloc, size_t n, uint64_t most, const char *sharing)
{
	struct bgpd_addr addr;
	struct alloc_claim claim;
	char name[32];
	uint64_t before;
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n/%zu", i);
		claim = claim_of(name, sharing, &http);
		before = alloc_steps(alloc);
		assert_int_equal(alloc_any(alloc, &claim, &addr), 0);
		if (alloc_steps(alloc) - before > most)
			fail_msg("%zu. Service: %llu steps", i,
			    (unsigned long long)(alloc_steps(alloc) - before));
	}
	/* Holes, here and there: found again as cheaply, lowest first. */
	for (i = 0; i < n; i += 7) {
		snprintf(name, sizeof(name), "n/%zu", i);
		alloc_release(alloc, name, NULL);
	}
	for (i = 0; i < n; i += 7) {
		snprintf(name, sizeof(name), "m/%zu", i);
		claim = claim_of(name, NULL, &http);
		before = alloc_steps(alloc);
		assert_int_equal(alloc_any(alloc, &claim, &addr), 0);
		assert_true(alloc_steps(alloc) - before <= most);
	}
}

static void
test_cost(void **state)
{
	static const char *const pools[] = { POOL("a", "10.0.0.0/8", ""),
		POOL("a", "10.0.0.0/8", ", avoid-buggy-ips: true"),
		POOL("a", "'2000::/8'", ""), POOL("a", "'2001:db8::/64'", "") };
	struct config *c;
	struct alloc *alloc;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		c = config_must(pools[i]);
		alloc = alloc_new();
		assert_int_equal(alloc_set_pools(alloc, c), 0);
		cost_must(alloc, 10000, 4, NULL);
		assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 10000);
		alloc_free(alloc);
		config_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_first),
		cmocka_unit_test(test_buggy_are_left_out),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_loosening),
		cmocka_unit_test(test_sharing_lowest),
		cmocka_unit_test(test_two_families),
		cmocka_unit_test(test_new_pools),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
