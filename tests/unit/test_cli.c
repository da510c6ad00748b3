/* SPDX-License-Identifier: ISC */
/* Files and typed lines: read, printed, refused with the place and the cure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "lang.h"
#include "util/arena.h"
#include "util/mem.h"

static struct cli *cli;

static int
setup(void **state)
{
	(void)state;
	cli = cli_new(t_mounts, T_MOUNTS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cli_free(cli);
	return 0;
}

/* What is printed after reading, or the faults. */
static char *
reprint(const char *text)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree = cli_tree_new(cli);
	struct text out = { 0 };

	if (cli_read(tree, "f", text, strlen(text), &faults) == 0)
		cli_tree_print(tree, 0, &out);
	else
		cli_faults_print(&faults, &out);
	cli_faults_clear(&faults);
	cli_tree_free(tree);
	return (char *)(out.s != NULL ? out.s : mem_string(""));
}

static void
check(const char *text, const char *expected)
{
	char *got = reprint(text);

	assert_string_equal(got, expected);
	mem_free(got);
}

static const char full[] =
    "!\n"
    "hostname r1\n"
    "!\n"
    "router bgp 64512\n"
    " bgp router-id 10.0.0.9\n"
    " no bgp ebgp-requires-policy\n"
    " timers bgp 3 9\n"
    " neighbor 10.0.0.1 remote-as 64513\n"
    " neighbor 10.0.0.1 local-as 1 no-prepend replace-as\n"
    " neighbor 10.0.0.1 description the  router\n"
    " neighbor 10.0.0.1 shutdown message by hand\n"
    " neighbor 10.0.0.1 password a b c\n"
    " neighbor 10.0.0.1 port 1179\n"
    " neighbor 10.0.0.1 passive\n"
    " neighbor 10.0.0.1 ebgp-multihop\n"
    " neighbor 10.0.0.1 timers 10 30\n"
    " neighbor 10.0.0.1 timers connect 5\n"
    " neighbor 10.0.0.2 remote-as 70000\n"
    " neighbor 10.0.0.2 ebgp-multihop 7\n"
    " neighbor 2001:db8::1 remote-as 1\n"
    " !\n"
    " address-family ipv4 unicast\n"
    "  network 10.0.0.0/8 route-map X backdoor\n"
    "  network 10.1.0.0/16\n"
    "  aggregate-address 10.0.0.0/8 as-set summary-only\n"
    "  neighbor 10.0.0.1 next-hop-self\n"
    "  neighbor 10.0.0.1 prefix-list a in\n"
    "  neighbor 10.0.0.1 prefix-list b out\n"
    "  neighbor 10.0.0.1 maximum-prefix 10 80 restart 3\n"
    "  neighbor 10.0.0.2 maximum-prefix 10 warning-only\n"
    " exit-address-family\n"
    " !\n"
    " address-family ipv6 unicast\n"
    "  neighbor 10.0.0.1 activate\n"
    "  no neighbor 10.0.0.2 activate\n"
    " exit-address-family\n"
    "exit\n"
    "!\n"
    "ip prefix-list a seq 5 permit 10.0.0.0/8 ge 9 le 24\n"
    "ip prefix-list a seq 10 deny any\n"
    "ip prefix-list b seq 1 permit 0.0.0.0/0 le 32\n"
    "!\n"
    "route-map X permit 10\n"
    " match ip address prefix-list a\n"
    " set community 1:1 2:2 additive\n"
    " set as-path prepend 1 2 3\n"
    " set origin incomplete\n"
    "exit\n"
    "!\n"
    "route-map X deny 20\n"
    "exit\n";

static void
test_print_reads_back(void **state)
{
	(void)state;
	check(full, full);
}

static void
test_forms(void **state)
{
	(void)state;
	/* Old files: no exit lines, IPv4 lines under router bgp, comments. */
	check("# c\n! c\n   hostname a\r\nhostname b\nrouter bgp 1\n"
	      "neighbor 1.1.1.1 remote-as 2\nneighbor 1.1.1.1 activate\n"
	      "network 10.9.9.9/8\naddress-family ipv6 unicast\n"
	      "neighbor 1.1.1.1 activate\nneighbor 1.1.1.1 port 180\n"
	      "ip prefix-list z permit 10.0.0.0/8\n"
	      "route-map M permit 10\nrouter bgp 1\ntimers bgp 60 180\nend\n"
	      "ip prefix-list z permit 10.0.0.0/8 le 9\n"
	      "ip prefix-list z permit 10.0.0.0/8\n"
	      "ip prefix-list z seq 7 deny any\nfrr version 8\n"
	      "ip prefix-list z permit any\n",
	    "!\nhostname b\n!\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n"
	    " neighbor 1.1.1.1 port 180\n !\n address-family ipv4 unicast\n"
	    "  network 10.0.0.0/8\n  neighbor 1.1.1.1 activate\n"
	    " exit-address-family\n !\n address-family ipv6 unicast\n"
	    "  neighbor 1.1.1.1 activate\n exit-address-family\nexit\n!\n"
	    "ip prefix-list z seq 5 permit 10.0.0.0/8\n"
	    "ip prefix-list z seq 7 deny any\n"
	    "ip prefix-list z seq 10 permit 10.0.0.0/8 le 9\n"
	    "ip prefix-list z seq 15 permit any\n!\n"
	    "route-map M permit 10\nexit\n");
	/* A default that is said is not printed; an empty family neither. */
	check("router bgp 1\nbgp ebgp-requires-policy\ntimers bgp 60 180\n"
	      "address-family ipv6 unicast\nexit-address-family\n"
	      "neighbor 1.1.1.1 remote-as 2\nneighbor 1.1.1.1 port 179\n"
	      "neighbor 1.1.1.1 shutdown message x\n"
	      "neighbor 1.1.1.1 shutdown\n",
	    "!\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n"
	    " neighbor 1.1.1.1 shutdown\nexit\n");
}

static void
test_no(void **state)
{
	(void)state;
	check("hostname a\nno hostname\nrouter bgp 1\n"
	      "neighbor 1.1.1.1 remote-as 2\nneighbor 1.1.1.1 description x y\n"
	      "neighbor 1.1.1.1 password secret\nno neighbor 1.1.1.1 password\n"
	      "no neighbor 1.1.1.1 description x y\n"
	      "neighbor 1.1.1.1 timers 1 3\nno neighbor 1.1.1.1 timers\n"
	      "neighbor 1.1.1.1 timers connect 9\n"
	      "no neighbor 1.1.1.1 timers connect\n"
	      "neighbor 1.1.1.1 passive\nno neighbor 1.1.1.1 passive\n"
	      "no neighbor 1.1.1.1 activate\n"
	      "neighbor 2.2.2.2 remote-as 2\nneighbor 2.2.2.2 activate\n"
	      "no neighbor 2.2.2.2 remote-as 2\nneighbor 3.3.3.3 remote-as 3\n"
	      "neighbor 3.3.3.3 activate\nno neighbor 3.3.3.3\n"
	      "network 10.0.0.0/8 route-map X\nno network 10.0.0.0/8\n"
	      "ip prefix-list a permit any\nip prefix-list a deny 10.0.0.0/8\n"
	      "ip prefix-list b permit any\nno ip prefix-list a permit any\n"
	      "no ip prefix-list b\nroute-map X permit 10\n"
	      "no route-map X permit 10\nroute-map Y permit 10\n"
	      "set community 1:1\nno set community\nset community 2:2\n"
	      "no set community 2:2\n",
	    "!\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n !\n"
	    " address-family ipv4 unicast\n  no neighbor 1.1.1.1 activate\n"
	    " exit-address-family\nexit\n!\n"
	    "ip prefix-list a seq 10 deny 10.0.0.0/8\n!\n"
	    "route-map Y permit 10\nexit\n");
	check("router bgp 1\nno router bgp\nno router bgp\n", "");
}

static void
test_alias(void **state)
{
	(void)state;
	check("router bgp 1\nneighbor 1.1.1.1 next-hop-self all\n"
	      "neighbor 2.2.2.2 next-hop-self\n"
	      "no neighbor 2.2.2.2 next-hop-self all\n"
	      "aggregate 10.0.0.0/8\naggregate-address 10.0.0.0/8 as-set\n"
	      "aggregate 11.0.0.0/8\nno aggregate-address 11.0.0.0/8\n",
	    "!\nrouter bgp 1\n !\n address-family ipv4 unicast\n"
	    "  aggregate-address 10.0.0.0/8 as-set\n"
	    "  neighbor 1.1.1.1 next-hop-self\n exit-address-family\nexit\n");
}

static void
test_faults(void **state)
{
	(void)state;
	check("hostnam x\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 0\n"
	      " neighbor 10.0.0.300 remote-as 1\n neighbour 1.1.1.1 passive\n"
	      " neighbor 1.1.1.1 port 70000\n neighbor 1.1.1.1 remote-sa 5\n"
	      " neighbor 1.1.1.1\n neighbor 1.1.1.1 passwrd hunter2\n"
	      " bgp router-id ::1\n timers bgp 1\nrouter bgp 2\n"
	      "hostname a b\nhostname \x01\n",
	    "f:1: unknown command \"hostnam ...\"; did you mean "
	    "\"hostname ...\"?\n"
	    "f:3: neighbor 10.0.0.1 remote-as: \"0\" is not an AS number of "
	    "1-4294967295\n"
	    "f:4: neighbor: \"10.0.0.300\" is not an address, as 192.0.2.1\n"
	    "f:5: unknown command \"neighbour ...\"; did you mean \"neighbor "
	    "...\"?\n"
	    "f:6: neighbor 1.1.1.1 port: \"70000\" is not a number of "
	    "1-65535\n"
	    "f:7: unknown command \"neighbor 1.1.1.1 remote-sa ...\"; did you "
	    "mean \"neighbor 1.1.1.1 remote-as ...\"?\n"
	    "f:8: Command incomplete: \"neighbor 1.1.1.1\"\n"
	    "f:9: unknown command \"neighbor 1.1.1.1 passwrd ...\"; did you "
	    "mean \"neighbor 1.1.1.1 password ...\"?\n"
	    "f:10: bgp router-id: \"::1\" is not an IPv4 address, as "
	    "192.0.2.1\n"
	    "f:11: Command incomplete: \"timers bgp 1\"\n"
	    "f:12: BGP is already running; AS is 1\n"
	    "f:13: unknown command \"hostname a b\"\n"
	    "f:14: control character in the line\n");
	check("router bgp 1\nneighbor 1.1.1.1 passive\n",
	    "f:2: neighbor 1.1.1.1 has no remote-as\n");
}

struct typed {
	const char *line, *fault; /* NULL: accepted */
};

static const struct typed session[] = {
	{ "rou bgp 1", NULL },
	{ "neigh 1.1.1.1 rem 2", NULL },
	{ "nei 1.1.1.1 p 5", "% Ambiguous command: nei 1.1.1.1 p 5\n" },
	{ "nei 1.1.1.1 passi", NULL },
	{ "nei 1.1.1.1 ti con 9", NULL },
	{ "nei 1.1.1.1 ti 3 9", NULL },
	{ "no nei 9.9.9.9 description", "% there is no \"nei 9.9.9.9 "
					"description\"\n" },
	{ "no nei 9.9.9.9 passive", NULL },
	{ "no nei 9.9.9.9", "% there is no \"nei 9.9.9.9\"\n" },
	{ "rout bgp 2", "% BGP is already running; AS is 1\n" },
	{ "foo bar", "% Unknown command: foo ...\n" },
	{ "neighbor", "% Command incomplete: neighbor\n" },
	{ "no neighbor", "% Command incomplete: no neighbor\n" },
	{ "addr ipv6 u", NULL },
	{ "nei 1.1.1.1 act", NULL },
	{ "hostname z", NULL },
};

static void
test_edit(void **state)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree = cli_tree_new(cli);
	struct cli_place place = { { cli_tree_root(tree) }, 1 };
	struct text out = { 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof(session) / sizeof(*session); i++) {
		int rc = cli_edit(tree, &place, session[i].line, &faults);

		text_clear(&out);
		cli_faults_print(&faults, &out);
		assert_string_equal(text_str(&out),
		    session[i].fault != NULL ? session[i].fault : "");
		assert_int_equal(rc, session[i].fault != NULL ? -1 : 0);
		cli_faults_clear(&faults);
	}
	assert_int_equal(place.depth, 1); /* hostname stands at the root */
	text_clear(&out);
	cli_tree_print(tree, 0, &out);
	assert_string_equal(text_str(&out),
	    "!\nhostname z\n!\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n"
	    " neighbor 1.1.1.1 passive\n neighbor 1.1.1.1 timers 3 9\n"
	    " neighbor 1.1.1.1 timers connect 9\n !\n"
	    " address-family ipv6 unicast\n  neighbor 1.1.1.1 activate\n"
	    " exit-address-family\nexit\n");
	text_free(&out);
	cli_tree_free(tree);
}

static void
test_place(void **state)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree = cli_tree_new(cli), *clone;
	struct cli_place place = { { cli_tree_root(tree) }, 1 }, found;
	struct text out = { 0 };

	(void)state;
	assert_int_equal(cli_edit(tree, &place, "router bgp 1", &faults), 0);
	assert_int_equal(
	    cli_edit(tree, &place, "address-family ipv6 unicast", &faults), 0);
	assert_int_equal(place.depth, 3);
	assert_true(cli_knows(tree, &place, "hostname x"));
	assert_false(cli_knows(tree, &place, "show version"));
	cli_place_print(&place, &out);
	assert_string_equal(
	    text_str(&out), "router bgp 1\naddress-family ipv6 unicast\n");
	clone = cli_tree_clone(tree);
	cli_place_find(clone, text_str(&out), &found);
	assert_int_equal(found.depth, 3);
	assert_ptr_equal(found.nodes[2], cli_twin(clone, place.nodes[2]));
	assert_int_equal(cli_edit(clone, &found, "no router bgp", &faults), 0);
	assert_int_equal(found.depth, 1);
	cli_place_move(&place, clone);
	assert_int_equal(place.depth, 1);
	text_free(&out);
	cli_tree_free(tree);
	cli_tree_free(clone);
	cli_faults_clear(&faults);
}

static const char k8s_lines[] = "plugin k8s\n source directory /x\n"
				"plugin l2\n";
struct t_k8s {
	struct cli_node node;
	const char *directory;
};
static const struct cli_node_type t_k8s_type = {
	.name = "k8s", .form = CLI_MODE, .size = sizeof(struct t_k8s)
};
static const struct cli_row k8s_node[] = {
	NODE("plugin k8s", NULL, t_k8s_type, CLI_ONE, "Kubernetes"), ROWS_END
};
static const struct cli_row k8s_rows[] = { LEAF("source directory PATH",
					       cli_word, t_k8s, directory, NULL,
					       0, 0, 0, "Manifests"),
	ROWS_END };

static void
test_mount(void **state)
{
	static const struct cli_mount block = { &cli_root, k8s_node, NULL };
	static const struct cli_mount rows = { &t_k8s_type, k8s_rows, NULL };
	static const struct cli_row bad_rows[] = { HELP("(a", ""), ROWS_END };
	static const struct cli_mount bad = { &cli_root, bad_rows, NULL };
	struct text why = { 0 };

	(void)state;
	check(k8s_lines, "f:2: unknown command \"source ...\"\n");
	assert_int_equal(cli_mount(cli, &block, &why), 0);
	assert_int_equal(cli_mount(cli, &rows, &why), 0);
	check(k8s_lines,
	    "!\nplugin l2\nexit\n!\nplugin k8s\n source directory /x\nexit\n");
	assert_int_equal(cli_mount(cli, &block, &why), -1);
	cli_unmount(cli, &block);
	cli_unmount(cli, &rows);
	check(k8s_lines, "f:2: unknown command \"source ...\"\n");
	text_clear(&why);
	assert_int_equal(cli_mount(cli, &bad, &why), -1);
	assert_non_null(strstr(text_str(&why), "not closed"));
	text_free(&why);
}

/* What was unmounted is forgotten: its memory may be another type's now. */
static void
test_mount_another_type(void **state)
{
	static struct cli_node_type type = { .name = "k8s", .form = CLI_MODE };
	static const struct cli_row node[] = {
		NODE("plugin k8s", NULL, type, CLI_ONE, "Kubernetes"), ROWS_END
	};
	static const struct cli_mount block = { &cli_root, node, NULL };
	static const struct cli_mount rows = { &type, k8s_rows, NULL };
	struct text why = { 0 };

	(void)state;
	type.size = sizeof(struct cli_node);
	assert_int_equal(cli_mount(cli, &block, &why), 0);
	cli_unmount(cli, &block);
	type.size = sizeof(struct t_k8s);
	assert_int_equal(cli_mount(cli, &rows, &why), 0);
	assert_int_equal(cli_mount(cli, &block, &why), 0);
	check(k8s_lines,
	    "!\nplugin l2\nexit\n!\nplugin k8s\n source directory /x\nexit\n");
	cli_unmount(cli, &block);
	cli_unmount(cli, &rows);
	text_free(&why);
}

static void
test_scale(void **state)
{
	struct text text = { 0 };
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree = cli_tree_new(cli), *clone;
	struct timespec a, b;
	double ms;

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		text_add(&text, "ip prefix-list l%u permit 10.%u.%u.0/24\n",
		    i % 3, i / 250, i % 250);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(
	    cli_read(tree, "f", text_str(&text), text.len, &faults), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;
	print_message("10,000 lines: %.1f ms\n", ms);
	assert_true(ms < 2000); /* quadratic would be seconds */
	clone = cli_tree_clone(tree);
	assert_true(cli_equal(cli_tree_root(tree), cli_tree_root(clone)));
	cli_tree_free(tree);
	cli_tree_free(clone);
	text_free(&text);
	cli_faults_clear(&faults);
}

/* Any bytes give faults, never more. */
static void
test_noise(void **state)
{
	struct text text = { 0 };
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct cli_fault_list faults = { 0 };
		struct cli_tree *tree = cli_tree_new(cli);

		text_clear(&text);
		text_put(&text, full, sizeof(full) - 1);
		for (unsigned i = 0; i < 20; i++) {
			seed = seed * 1103515245 + 12345;
			text.s[(seed >> 8) % text.len] = (char)(seed >> 16);
		}
		cli_read(tree, "f", text.s, text.len, &faults);
		cli_faults_clear(&faults);
		cli_tree_free(tree);
	}
	text_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_no),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_mount_another_type),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
