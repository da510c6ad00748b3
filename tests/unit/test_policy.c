/* SPDX-License-Identifier: ISC */
/* Lists and maps, from the lines of a configuration to the verdict on a route. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/out.h"
#include "cli/read.h"
#include "policy/inside.h"
#include "util/arena.h"
#include "util/mem.h"

static struct cli *cli;
static struct cli_tree *tree;
static struct policy *policy;
static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	cli = cli_new(policy_mounts, policy_mount_count);
	arena = arena_new();
	return 0;
}

static void
forget(void)
{
	policy_unref(policy);
	if (tree != NULL)
		cli_tree_free(tree);
	policy = NULL;
	tree = NULL;
}

static int
teardown(void **state)
{
	(void)state;
	forget();
	cli_free(cli);
	arena_free(arena);
	return 0;
}

/* What is wrong with the lines; "" when nothing is, and policy is theirs. */
static char *
read_lines(const char *lines)
{
	struct cli_fault_list faults = { 0 };
	struct text out = { 0 };
	char *copy;

	forget();
	tree = cli_tree_new(cli);
	cli_read(tree, "conf", lines, strlen(lines), &faults);
	cli_faults_print(&faults, &out);
	copy = arena_string(arena, text_str(&out));
	if (faults.errors == 0)
		policy = policy_new(cli_tree_root(tree));
	cli_faults_clear(&faults);
	text_free(&out);
	return copy;
}

static struct prefix
prefix(const char *s)
{
	struct prefix p;

	assert_int_equal(prefix_read(s, &p), 0);
	return p;
}

static bool
permits(const char *name, const char *s)
{
	struct prefix p = prefix(s);

	return prefix_list_permits(
	    policy_prefix_list(policy, p.family, name), &p);
}

static void
test_prefix_list(void **state)
{
	static const struct {
		const char *list, *prefix;
		bool is_permitted;
	} rows[] = {
		{ "exact", "10.0.0.0/8", true },
		{ "exact", "10.0.0.0/9", false },
		{ "ge", "10.0.0.0/15", false },
		{ "ge", "10.2.0.0/16", true },
		{ "ge", "10.2.0.1/32", true },
		{ "le", "10.0.0.0/8", true },
		{ "le", "10.0.0.0/24", true },
		{ "le", "10.0.0.0/25", false },
		{ "both", "10.0.0.0/8", false },
		{ "both", "10.1.0.0/16", true },
		{ "both", "10.1.1.0/24", true },
		{ "both", "10.1.1.0/25", false },
		{ "both", "11.1.1.0/24", false },
		{ "first", "10.1.0.0/16", false },
		{ "first", "10.2.0.0/16", true },
		{ "any", "0.0.0.0/0", true },
		{ "any", "1.2.3.4/32", true },
		{ "undefined", "1.2.3.4/32", false },
		{ "empty", "1.2.3.4/32", true },
		{ "six", "2001:db8::/32", true },
		{ "six", "2001:db8:1::/48", true },
		{ "six", "2001:db9::/32", false },
		{ "six", "10.0.0.0/8", false },
	};
	unsigned i;

	(void)state;
	assert_string_equal(
	    read_lines("ip prefix-list exact permit 10.1.2.3/8\n"
		       "ip prefix-list ge permit 10.0.0.0/8 ge 16\n"
		       "ip prefix-list le permit 10.0.0.0/8 le 24\n"
		       "ip prefix-list both permit 10.0.0.0/8 le 24 ge 16\n"
		       "ip prefix-list first seq 10 permit 10.0.0.0/8 le 32\n"
		       "ip prefix-list first seq 5 deny 10.1.0.0/16\n"
		       "prefix-list any permit any\n"
		       "ip prefix-list empty description nothing yet\n"
		       "ipv6 prefix-list six permit 2001:db8::/32 le 48\n"),
	    "");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(permits(rows[i].list, rows[i].prefix),
		    rows[i].is_permitted);
}

static void
test_faults(void **state)
{
	static const char *const rows[][2] = {
		{ "ip prefix-list a permit 10.0.0.0/8 ge 7\n",
		    "conf:1: Invalid prefix range for 10.0.0.0/8, make sure: "
		    "mask length <= ge-value <= le-value" },
		{ "ip prefix-list a permit 10.0.0.0/8 ge 20 le 16\n",
		    "Invalid prefix range" },
		{ "ip prefix-list a permit 10.0.0.0/8 le 33\n",
		    "Invalid prefix range" },
		{ "ip prefix-list a permit 2001:db8::/32\n", "not an IPv4" },
		{ "ipv6 prefix-list a permit 10.0.0.0/8\n", "not an IPv6" },
		{ "bgp community-list standard A permit 1:2:3\n", "1:2:3" },
		{ "bgp community-list 100 permit 1:2\n", "conf:1" },
		{ "route-map A permit 0\n", "conf:1" },
		{ "route-map A permit 1\n match community\n", "conf:2" },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_non_null(strstr(read_lines(rows[i][0]), rows[i][1]));
	assert_string_equal(
	    read_lines("ip prefix-list a permit 10.0.0.0/8 ge 8 le 8\n"), "");
}

/* What is printed reads back into the same. */
static void
test_print(void **state)
{
	static const char lines[] =
	    "ip prefix-list A seq 5 permit 10.0.0.0/8 ge 16 le 24\n"
	    "ip prefix-list A seq 10 deny any\n"
	    "ip prefix-list A description the first one\n"
	    "ipv6 prefix-list B seq 5 permit 2001:db8::/32\n"
	    "bgp community-list standard C seq 5 permit 64512:1 no-export\n"
	    "bgp community-list 7 seq 5 deny 64512:2\n"
	    "bgp community-list 8 seq 5 permit internet\n"
	    "route-map M permit 10\n"
	    " description in short\n"
	    " match ip address prefix-list A\n"
	    " match community C exact-match\n"
	    " set local-preference 200\n"
	    " set metric 0\n"
	    " set community 64512:1 no-export additive\n"
	    " set as-path prepend 64512 64513\n"
	    " set as-path prepend last-as 2\n"
	    "exit\n"
	    "route-map M deny 20\n"
	    " set community none\n";
	struct text first = { 0 }, second = { 0 };
	static const char *const must[] = { "seq 10 deny any",
		"set community none",
		"set community 64512:1 no-export additive", "set metric 0",
		"description the first one",
		"community-list 7 seq 5 deny 64512:2", "permit internet",
		"prepend last-as 2" };
	unsigned i;

	(void)state;
	assert_string_equal(read_lines(lines), "");
	cli_tree_print(tree, 0, &first);
	assert_string_equal(read_lines(text_str(&first)), "");
	cli_tree_print(tree, 0, &second);
	assert_string_equal(text_str(&first), text_str(&second));
	for (i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		assert_non_null(strstr(text_str(&first), must[i]));
	text_free(&first);
	text_free(&second);
}

/* A long list answers as a walk through all of its entries would. */
static void
test_long_list(void **state)
{
	struct {
		struct prefix prefix;
		uint8_t min, max;
		bool permit;
	} all[200];
	struct prefix_list *list;
	struct prefix p;
	struct addr addr;
	uint32_t seed = 7, i, n, count, wanted;

	(void)state;
#define RANDOM(n) ((seed = seed * 1103515245u + 12345u) >> 8) % (n)
	for (count = 3; count < 200; count += 13) {
		list = prefix_list_new();
		for (i = 0; i < count; i++) {
			addr = addr_v4(0x0a000000u + (RANDOM(64) << 18));
			n = RANDOM(18);
			all[i].prefix = prefix_of(&addr, n);
			all[i].min = (uint8_t)(n + RANDOM(4));
			all[i].max = (uint8_t)(all[i].min + RANDOM(6));
			all[i].permit = RANDOM(2);
		}
		for (i = count; i > 0; i--)
			prefix_list_add(list, i, all[i - 1].permit,
			    &all[i - 1].prefix, all[i - 1].min, all[i - 1].max);
		prefix_list_finish(list);
		for (n = 0; n < 3000; n++) {
			addr = addr_v4(0x0a000000u + (RANDOM(256) << 16));
			p = prefix_of(&addr, RANDOM(25));
			for (wanted = 0, i = 0; i < count; i++) {
				if (p.len < all[i].min || p.len > all[i].max ||
				    !prefix_contains(&all[i].prefix, &p))
					continue;
				wanted = all[i].permit;
				break;
			}
			assert_int_equal(prefix_list_permits(list, &p), wanted);
		}
		prefix_list_free(list);
	}
}

/* Lines typed one by one, and their `no`. */
static void
test_edit(void **state)
{
	static const char *const typed[] = {
		"ip prefix-list A permit 10.0.0.0/8",
		"ip prefix-list A permit 10.0.0.0/8",
		"ip prefix-list A seq 7 deny 11.0.0.0/8",
		"ip prefix-list A permit any",
		"no ip prefix-list A seq 7",
		"ip prefix-list B permit any",
		"no ip prefix-list B",
		"ip community-list 9 permit 1:1",
		"ip community-list standard C permit 1:1",
		"no bgp community-list standard C",
		"route-map M permit 10",
		"set local-preference 0",
		"set metric 5",
		"no set metric",
		"match ip address prefix-list A",
		"match ip address prefix-list Z",
		"set community 1:1 additive",
		"no set community",
		"set as-path prepend 1 2",
		"no set as-path prepend",
		"route-map M deny 10",
		"route-map GONE deny 10",
		"exit",
		"no route-map GONE",
	};
	struct cli_fault_list faults = { 0 };
	struct cli_place place = { 0 };
	struct text out = { 0 };
	unsigned i;

	(void)state;
	forget();
	tree = cli_tree_new(cli);
	place.nodes[0] = cli_tree_root(tree);
	place.depth = 1;
	for (i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (strcmp(typed[i], "exit") != 0 &&
		    cli_edit(tree, &place, typed[i], &faults) != 0)
			fail_msg("%s: %s", typed[i], faults.items[0].text);
	assert_int_equal(cli_check(tree, &faults), 0);
	cli_tree_print(tree, 0, &out);
	assert_string_equal(text_str(&out),
	    "!\n"
	    "ip prefix-list A seq 5 permit 10.0.0.0/8\n"
	    "ip prefix-list A seq 12 permit any\n"
	    "!\n"
	    "bgp community-list 9 seq 5 permit 1:1\n"
	    "!\n"
	    "route-map M deny 10\n"
	    " match ip address prefix-list Z\n"
	    " set local-preference 0\n"
	    "exit\n");
	cli_faults_clear(&faults);
	text_free(&out);
}

/* The same for IPv6, from lines: /0 to /128 and every bit of the address. */
static void
test_long_list_ipv6(void **state)
{
	struct prefix p = { .family = AF_INET6, .len = 128 };
	struct text lines = { 0 };
	unsigned i;

	(void)state;
	memset(p.bytes, 0xff, sizeof(p.bytes));
	for (i = 0; i <= 128; i++) {
		char word[PREFIX_TEXT];

		p.len = (uint8_t)i;
		memset(p.bytes, 0xff, sizeof(p.bytes));
		prefix_mask(&p);
		text_add(&lines, "ipv6 prefix-list L seq %u %s %s\n", 200 - i,
		    i % 2 == 0 ? "permit" : "deny", prefix_print(&p, word));
		text_add(&lines, "ipv6 prefix-list D seq %u %s %s le 128\n",
		    200 - i, i % 2 == 0 ? "permit" : "deny", word);
	}
	assert_string_equal(read_lines(text_str(&lines)), "");
	for (i = 0; i <= 128; i++) {
		p.len = (uint8_t)i;
		memset(p.bytes, 0xff, sizeof(p.bytes));
		prefix_mask(&p);
		assert_int_equal(
		    prefix_list_permits(
			policy_prefix_list(policy, AF_INET6, "L"), &p),
		    i % 2 == 0);
		/* The longest is the lowest here: it decides. */
		assert_int_equal(
		    prefix_list_permits(
			policy_prefix_list(policy, AF_INET6, "D"), &p),
		    i % 2 == 0);
	}
	text_free(&lines);
}

static struct route
route_of(const struct prefix *p, const uint32_t *communities, unsigned count)
{
	static const uint8_t path[] = { AS_SEQUENCE, 1, 0, 0, 0xfd, 0xe9 };
	struct route route = { .prefix = p, .own_asn = 64512 };

	route.attr.present = 1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH;
	route.attr.as_path = blob_new(arena, path, sizeof(path));
	if (count > 0) {
		route.attr.communities =
		    community_list(arena, communities, count);
		route.attr.present |= 1u << ATTR_COMMUNITIES;
	}
	return route;
}

static const char *
words(const struct route *route)
{
	struct text out = { 0 };
	char *copy;

	aspath_print(route->attr.as_path, &out);
	text_add(&out, "|");
	if (route->attr.communities != NULL)
		community_print_list(route->attr.communities, &out);
	if (ATTR_HAS(&route->attr, ATTR_LOCAL_PREF))
		text_add(&out, "|lp %u", route->attr.local_pref);
	if (ATTR_HAS(&route->attr, ATTR_MED))
		text_add(&out, "|med %u", route->attr.med);
	copy = arena_string(arena, text_str(&out));
	text_free(&out);
	return copy;
}

static const char map_lines[] =
    "ip prefix-list TEN permit 10.0.0.0/8 le 32\n"
    "ip prefix-list NOT deny 10.9.0.0/16 le 32\n"
    "ip prefix-list NOT permit any\n"
    "bgp community-list standard ONE permit 64512:1\n"
    "bgp community-list 2 permit 64512:1 64512:2\n"
    "bgp community-list standard WORLD deny 64512:2\n"
    "ip community-list standard WORLD permit internet\n"
    "route-map WORLD permit 7\n"
    " match community WORLD\n"
    "route-map SET permit 10\n"
    " match ip address prefix-list TEN\n"
    " match community 2\n"
    " set local-preference 7\n"
    " set metric 0\n"
    " set community no-export additive\n"
    " set as-path prepend 1 2\n"
    "route-map SET deny 20\n"
    " match community ONE exact-match\n"
    "route-map SET permit 30\n"
    " match ip address prefix-list NOT\n"
    " set community none\n"
    " set as-path prepend last-as 2\n"
    "route-map SET permit 40\n"
    " match ipv6 address prefix-list SIX\n"
    "route-map ALL permit 10\n"
    "route-map REPLACE permit 10\n"
    " set community 1:1 2:2\n"
    "route-map GONE permit 10\n"
    " match ip address prefix-list UNDEFINED\n";

static void
test_route_map(void **state)
{
	static const uint32_t one = 64512u << 16 | 1;
	static const uint32_t two[] = { 64512u << 16 | 2, 64512u << 16 | 1 };
	static const struct {
		const char *map, *prefix;
		const uint32_t *communities;
		unsigned count;
		uint32_t seq;	   /* 0: fell off the end */
		const char *words; /* NULL: denied */
	} rows[] = {
		{ "SET", "10.1.0.0/16", two, 2, 10,
		    "1 2 65001|64512:1 64512:2 no-export|lp 7|med 0" },
		{ "SET", "10.1.0.0/16", &one, 1, 20, NULL },
		{ "SET", "11.1.0.0/16", two, 2, 30, "65001 65001 65001|" },
		{ "SET", "10.9.1.0/24", NULL, 0, 0, NULL },
		{ "SET", "2001:db8::/32", NULL, 0, 0, NULL },
		{ "WORLD", "10.1.0.0/16", NULL, 0, 7, "65001|" },
		{ "WORLD", "10.1.0.0/16", &one, 1, 7, "65001|64512:1" },
		{ "WORLD", "10.1.0.0/16", two, 2, 0, NULL },
		{ "ALL", "10.1.0.0/16", &one, 1, 10, "65001|64512:1" },
		{ "REPLACE", "10.1.0.0/16", &one, 1, 10, "65001|1:1 2:2" },
		{ "GONE", "10.1.0.0/16", NULL, 0, 0, NULL },
		{ "UNDEFINED", "10.1.0.0/16", NULL, 0, 0, NULL },
	};
	struct prefix p;
	struct route route;
	uint32_t seq;
	unsigned i;
	bool is_permitted;

	(void)state;
	assert_string_equal(read_lines(map_lines), "");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p = prefix(rows[i].prefix);
		route = route_of(&p, rows[i].communities, rows[i].count);
		is_permitted = route_map_apply(
		    policy_route_map(policy, rows[i].map), arena, &route, &seq);
		assert_int_equal(is_permitted, rows[i].words != NULL);
		assert_int_equal(seq, rows[i].seq);
		if (is_permitted)
			assert_string_equal(words(&route), rows[i].words);
	}
}

static void
test_changed(void **state)
{
	struct policy *old;

	(void)state;
	assert_string_equal(read_lines(map_lines), "");
	old = policy_ref(policy);
	assert_string_equal(read_lines(map_lines), "");
	assert_false(policy_route_map_changed(old, policy, "SET"));
	assert_false(policy_prefix_list_changed(old, policy, AF_INET, "TEN"));
	assert_false(policy_route_map_changed(old, policy, "NOBODY"));
	/* What it refers to came to be. */
	assert_string_equal(
	    read_lines("ip prefix-list UNDEFINED permit any\n"
		       "route-map GONE permit 10\n"
		       " match ip address prefix-list UNDEFINED\n"
		       "route-map ALL permit 10\n"
		       " description other words alone\n"
		       "route-map REPLACE permit 10\n"
		       " set community 1:1 2:3\n"),
	    "");
	assert_true(policy_route_map_changed(old, policy, "GONE"));
	assert_true(policy_route_map_changed(old, policy, "SET"));
	assert_true(policy_route_map_changed(old, policy, "REPLACE"));
	assert_false(policy_route_map_changed(old, policy, "ALL"));
	assert_true(policy_prefix_list_changed(old, policy, AF_INET, "TEN"));
	assert_true(policy_route_map_changed(NULL, policy, "ALL"));
	policy_unref(old);
}

static const char *
said(const char *line)
{
	struct text why = { 0 };
	struct cli_call *call = cli_call_new(cli, line, false, NULL, &why);
	const char *copy;

	if (call == NULL)
		fail_msg("%s: %s", line, text_str(&why));
	cli_call_run(call);
	out_finish(call_out(call));
	copy = arena_string(arena, text_str(out_text(call_out(call))));
	cli_call_free(call);
	text_free(&why);
	return copy;
}

static void
test_shows(void **state)
{
	(void)state;
	assert_string_equal(
	    read_lines("ip prefix-list A permit 10.0.0.0/8 ge 16 le 24\n"
		       "ip prefix-list A description the first\n"
		       "ip prefix-list A deny any\n"
		       "ip prefix-list A permit 11.0.0.0/8 ge 9\n"
		       "ip prefix-list A permit 12.0.0.0/8 le 32\n"
		       "ip prefix-list B permit 1.0.0.0/8\n"
		       "route-map M permit 10\n"
		       " description why\n"
		       " match ip address prefix-list A\n"
		       " set metric 0\n"
		       " set community 1:1 no-export additive\n"
		       "route-map M deny 20\n"),
	    "");
	assert_non_null(strstr(said("show route-map"), "No policy"));
	policy_bind_shows(policy);
	/* What is shown is the policy's, not the tree's. */
	cli_tree_free(tree);
	tree = NULL;
	assert_string_equal(said("show ip prefix-list A"),
	    "BGP: ip prefix-list A: 4 entries\n"
	    "   Description: the first\n"
	    "   seq 5 permit 10.0.0.0/8 ge 16 le 24\n"
	    "   seq 10 deny any\n"
	    "   seq 15 permit 11.0.0.0/8 ge 9\n"
	    "   seq 20 permit 12.0.0.0/8 le 32\n");
	assert_non_null(strstr(said("show ip prefix-list"), "list B: 1 "));
	assert_non_null(strstr(said("show ip prefix-list C"), "Can't find"));
	assert_string_equal(said("show ipv6 prefix-list"), "");
	assert_non_null(
	    strstr(said("show ip prefix-list B json"), "\"sequenceNumber\":5"));
	assert_string_equal(said("show route-map M"),
	    "BGP:\n"
	    "route-map: M\n"
	    " permit, sequence 10\n"
	    "  Description:\n"
	    "    why\n"
	    "  Match clauses:\n"
	    "    ip address prefix-list A\n"
	    "  Set clauses:\n"
	    "    metric 0\n"
	    "    community 1:1 no-export additive\n"
	    "  Action:\n"
	    "    Exit routemap\n"
	    " deny, sequence 20\n"
	    "  Match clauses:\n"
	    "  Set clauses:\n"
	    "  Action:\n"
	    "    Exit routemap\n");
	assert_non_null(strstr(said("show route-map json"), "\"metric 0\""));
	policy_bind_shows(NULL);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_prefix_list),
		TEST(test_faults),
		TEST(test_print),
		TEST(test_long_list),
		TEST(test_long_list_ipv6),
		TEST(test_edit),
		TEST(test_route_map),
		TEST(test_changed),
		TEST(test_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
