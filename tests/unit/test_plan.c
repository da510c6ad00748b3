/* SPDX-License-Identifier: ISC */
/* The language of neighbors: what lines come to, and the faults of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "peer/rules.h"
#include "util/text.h"

static struct cli *cli;

static int
setup(void **state)
{
	(void)state;
	cli = cli_new(peer_mounts, peer_mount_count);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cli_free(cli);
	return 0;
}

static struct cli_tree *
tree_of(const char *text)
{
	struct cli_tree *tree = cli_tree_new(cli);
	struct cli_fault_list faults = { 0 };
	struct text why = { 0 };
	int rc = cli_read(tree, "test", text, strlen(text), &faults);

	cli_faults_print(&faults, &why);
	if (rc != 0)
		print_error("%s", text_str(&why));
	text_free(&why);
	cli_faults_clear(&faults);
	assert_int_equal(rc, 0);
	return tree;
}

/* The first neighbor's plan. */
static void
plan_of(const struct cli_tree *tree, struct plan *plan)
{
	struct cli_node *router =
	    cli_next(cli_tree_root(tree), &router_type, NULL);

	assert_non_null(router);
	plan_make((const void *)cli_next(router, &neighbor_type, NULL), plan);
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *text;
		uint32_t local, remote;
		bool ebgp;
	} cases[] = {
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n", 1, 2,
		    true },
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as 1\n", 1, 1,
		    false },
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as internal\n", 1, 1,
		    false },
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as external\n", 1, 0,
		    true },
		/* By the AS that the neighbor sees. */
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n"
		  " neighbor 10.0.0.1 local-as 2\n",
		    2, 2, false },
		{ "router bgp\n neighbor 10.0.0.1 remote-as 7\n"
		  " neighbor 10.0.0.1 local-as 9\n",
		    9, 7, true },
	};
	struct cli_tree *tree;
	struct plan plan;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tree = tree_of(cases[i].text);
		plan_of(tree, &plan);
		assert_int_equal(plan.local_as, cases[i].local);
		assert_int_equal(plan.remote_as, cases[i].remote);
		assert_int_equal(plan.ebgp, cases[i].ebgp);
		cli_tree_free(tree);
	}
}

static void
test_families(void **state)
{
	static const struct {
		const char *lines;
		bool ipv4, ipv6;
	} cases[] = {
		{ "", true, false },
		{ " no bgp default ipv4-unicast\n", false, false },
		{ " no bgp default ipv4-unicast\n"
		  " neighbor 10.0.0.1 activate\n",
		    true, false },
		{ " address-family ipv6 unicast\n"
		  "  neighbor 10.0.0.1 activate\n",
		    true, true },
		{ " address-family ipv4\n  no neighbor 10.0.0.1 activate\n",
		    false, false },
		{ " address-family ipv4\n  neighbor 10.0.0.1 next-hop-self\n",
		    true, false },
	};
	struct cli_tree *tree;
	struct text text = { 0 };
	struct plan plan;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_clear(&text);
		text_add(&text,
		    "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n%s",
		    cases[i].lines);
		tree = tree_of(text_str(&text));
		plan_of(tree, &plan);
		assert_int_equal(plan.families[FAMILY_IPV4], cases[i].ipv4);
		assert_int_equal(plan.families[FAMILY_IPV6], cases[i].ipv6);
		cli_tree_free(tree);
	}
	text_free(&text);
}

static void
test_timers(void **state)
{
	struct cli_tree *tree = tree_of("router bgp 1\n timers bgp 10 30\n"
					" neighbor 10.0.0.1 remote-as 2\n");
	struct cli_tree *own = tree_of("router bgp 1\n timers bgp 10 30\n"
				       " neighbor 10.0.0.1 remote-as 2\n"
				       " neighbor 10.0.0.1 timers 1 3\n");
	struct plan plan, other;

	(void)state;
	plan_of(tree, &plan);
	assert_int_equal(plan.hold_secs, 30);
	assert_int_equal(plan.keepalive_secs, 10);
	plan_of(own, &other);
	assert_int_equal(other.hold_secs, 3);
	assert_int_equal(other.keepalive_secs, 1);
	/* Timers are for the next session: this one stays. */
	assert_false(plan_differs(&plan, &other));
	cli_tree_free(tree);
	cli_tree_free(own);
}

/* Every fault names its cure. */
static void
test_faults(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "router bgp 1\n neighbor 10.0.0.1 port 180\n", "remote-as" },
		{ "router bgp\n neighbor 10.0.0.1 remote-as 2\n", "local-as" },
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n"
		  " neighbor 10.0.0.1 ebgp-multihop\n"
		  " neighbor 10.0.0.1 ttl-security hops 2\n",
		    "ttl-security excludes ebgp-multihop" },
		{ "router bgp 1\n neighbor fe80::1 remote-as 2\n",
		    "interface" },
		{ "router bgp 1\n timers bgp 1 2\n", "hold time" },
		{ "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n"
		  " neighbor 10.0.0.1 timers 1 1\n",
		    "hold time" },
		{ "router bgp 1\n address-family ipv4\n"
		  "  neighbor 10.0.0.9 activate\n",
		    "not defined" },
		{ "router bgp 1\nrouter bgp 2\n", "AS is 1" },
	};
	struct cli_fault_list faults;
	struct cli_tree *tree;
	struct text why = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&faults, 0, sizeof(faults));
		text_clear(&why);
		tree = cli_tree_new(cli);
		assert_int_equal(cli_read(tree, "test", cases[i].text,
				     strlen(cases[i].text), &faults),
		    -1);
		cli_faults_print(&faults, &why);
		if (strstr(text_str(&why), cases[i].says) == NULL)
			fail_msg("%s\nsays: %s", cases[i].text, why.s);
		cli_faults_clear(&faults);
		cli_tree_free(tree);
	}
	text_free(&why);
}

/* Every row once: printed, it reads back and prints the same. */
static void
test_print(void **state)
{
	static const char text[] =
	    "router bgp 64512\n"
	    " bgp router-id 10.0.0.9\n bgp log-neighbor-changes\n"
	    " no bgp default ipv4-unicast\n"
	    " bgp default local-preference 150\n"
	    " no bgp ebgp-requires-policy\n no bgp enforce-first-as\n"
	    " bgp network import-check\n timers bgp 10 30\n"
	    " neighbor 10.0.0.1 remote-as 4200000000\n"
	    " neighbor 10.0.0.1 local-as 65100 no-prepend replace-as\n"
	    " neighbor 10.0.0.1 description to the north\n"
	    " neighbor 10.0.0.1 shutdown message out for lunch\n"
	    " neighbor 10.0.0.1 password a b\n neighbor 10.0.0.1 port 1790\n"
	    " neighbor 10.0.0.1 router-id 10.0.0.8\n"
	    " neighbor 10.0.0.1 passive\n neighbor 10.0.0.1 ebgp-multihop 7\n"
	    " neighbor 10.0.0.1 disable-connected-check\n"
	    " neighbor 10.0.0.1 update-source lo\n"
	    " neighbor 10.0.0.1 timers 3 9\n"
	    " neighbor 10.0.0.1 timers connect 5\n"
	    " neighbor 10.0.0.2 remote-as internal\n"
	    " neighbor 10.0.0.2 ttl-security hops 3\n"
	    " neighbor 10.0.0.2 shutdown\n"
	    " neighbor fe80::1 remote-as external\n"
	    " neighbor fe80::1 interface eth0\n"
	    " address-family ipv6 unicast\n"
	    "  neighbor 10.0.0.1 activate\n"
	    "  neighbor 10.0.0.1 next-hop-self force\n"
	    "  neighbor 10.0.0.1 soft-reconfiguration inbound\n"
	    "  no neighbor 10.0.0.1 send-community extended\n"
	    "  neighbor 10.0.0.1 prefix-list A in\n"
	    "  neighbor 10.0.0.1 prefix-list B out\n"
	    "  neighbor 10.0.0.1 route-map C in\n"
	    "  neighbor 10.0.0.1 route-map D out\n"
	    "  neighbor 10.0.0.1 maximum-prefix 10 80 restart 5\n"
	    "  neighbor 10.0.0.2 maximum-prefix 5 warning-only\n"
	    "  no neighbor 10.0.0.2 activate\n"
	    " exit-address-family\n";
	struct cli_tree *tree = tree_of(text), *again;
	struct text first = { 0 }, second = { 0 };
	unsigned lines = 0;
	const char *p;

	(void)state;
	cli_tree_print(tree, 0, &first);
	again = tree_of(text_str(&first));
	cli_tree_print(again, 0, &second);
	assert_string_equal(text_str(&first), text_str(&second));
	for (p = strstr(first.s, "neighbor"); p != NULL;
	     p = strstr(p + 1, "neighbor 10.0.0"))
		lines++;
	assert_true(lines >= 26);
	text_free(&first);
	text_free(&second);
	cli_tree_free(tree);
	cli_tree_free(again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
