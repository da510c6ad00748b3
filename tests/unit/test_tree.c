/* SPDX-License-Identifier: ISC */
/* Trees side by side: walked in order, twins, changes, layers, masks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "lang.h"
#include "util/arena.h"
#include "util/mem.h"

static struct cli *cli;

static struct cli_tree *
tree_of(const char *text)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree = cli_tree_new(cli);

	if (cli_read(tree, "f", text, strlen(text), &faults) != 0)
		fail_msg("%s", faults.items[0].text);
	cli_faults_clear(&faults);
	return tree;
}

static struct t_router *
router_of(const struct cli_tree *tree)
{
	return (void *)cli_next(cli_tree_root(tree), &t_router_type, NULL);
}

static void
test_walk(void **state)
{
	struct cli_tree *tree =
	    tree_of("router bgp 1\nneighbor 10.0.0.2 remote-as 2\n"
		    "neighbor 10.0.0.10 remote-as 3\nneighbor ::1 remote-as 4\n"
		    "neighbor 10.0.0.2 port 99\n"
		    "ip prefix-list b permit any\nip prefix-list a seq 9 "
		    "permit any\nip prefix-list a seq 10 deny any\n");
	struct t_router *router = router_of(tree);
	struct t_neighbor *n;
	struct t_list *l;
	uint32_t sum = 0;
	char order[8] = "";

	(void)state;
	CLI_EACH(n, &router->node, &t_neighbor_type)
	sum = sum * 10 + n->asn;
	assert_int_equal(sum, 234);
	CLI_EACH(l, cli_tree_root(tree), &t_list_type)
	strcat(order, l->name);
	assert_string_equal(order, "aab");
	n = (void *)cli_next(&router->node, &t_neighbor_type, NULL);
	assert_true(cli_is_set(&n->node, offsetof(struct t_neighbor, port)));
	assert_false(cli_is_set(&n->node, offsetof(struct t_neighbor, hold)));
	assert_int_equal(n->hold, 180);
	assert_int_equal(n->hops, 255);
	assert_string_equal(cli_file(&n->node), "f");
	assert_int_equal(n->node.line, 2);
	assert_null(cli_next(&router->node, &t_af_type, NULL));
	cli_tree_free(tree);
}

struct change {
	const char *old, *new;
	unsigned effects;
};

#define R "router bgp 1\n"
static const struct change changes[] = {
	{ R, R, 0 },
	{ R "timers bgp 60 180\n", R, 0 },
	{ R, R "timers bgp 1 3\n", CLI_RESET },
	{ R "no bgp ebgp-requires-policy\n", R, CLI_REFRESH_IN },
	{ R, "router bgp 2\n", CLI_LIVE },
	{ R, R "neighbor 1.1.1.1 remote-as 1\n", 0 },
	{ R, R "network 10.0.0.0/8\n", CLI_ADDED },
	{ R "network 10.0.0.0/8\n", R, CLI_REMOVED },
};

static void
test_changes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct cli_tree *old = tree_of(changes[i].old);
		struct cli_tree *new = tree_of(changes[i].new);

		assert_int_equal(
		    cli_changes(&router_of(old)->node, &router_of(new)->node),
		    changes[i].effects);
		assert_int_equal(
		    cli_equal(cli_tree_root(old), cli_tree_root(new)), i < 2);
		cli_tree_free(old);
		cli_tree_free(new);
	}
}

static void
test_clone(void **state)
{
	struct cli_tree *tree =
	    tree_of("router bgp 1\nneighbor 1.1.1.1 remote-as 2\n"
		    "neighbor 1.1.1.1 description d e\nroute-map X deny 7\n"
		    "set community 1:1 2:2\nset as-path prepend 1 2\n");
	struct cli_tree *clone = cli_tree_clone(tree);
	struct text a = { 0 }, b = { 0 };

	(void)state;
	cli_tree_print(tree, 0, &a);
	assert_true(cli_equal(cli_tree_root(tree), cli_tree_root(clone)));
	cli_tree_free(tree); /* nothing may be shared */
	cli_tree_print(clone, 0, &b);
	assert_string_equal(text_str(&a), text_str(&b));
	cli_tree_free(clone);
	text_free(&a);
	text_free(&b);
}

static void
test_merge(void **state)
{
	struct cli_tree *file =
	    tree_of("router bgp 1\nneighbor 1.1.1.1 remote-as 2\n"
		    "ip prefix-list a seq 5 permit any\n");
	struct cli_tree *layer =
	    tree_of("router bgp\nneighbor 1.1.1.1 remote-as 3\n"
		    "neighbor 1.1.1.1 activate\nneighbor 3.3.3.3 remote-as 4\n"
		    "neighbor 3.3.3.3 password hush\nneighbor 3.3.3.3 "
		    "activate\nip prefix-list a seq 5 permit any\n");
	struct cli_fault_list faults = { 0 };
	struct cli_place place = { { cli_tree_root(file) }, 1 };
	struct text out = { 0 };

	(void)state;
	cli_tree_merge(file, layer, "k8s", &faults);
	cli_tree_free(layer);
	cli_faults_print(&faults, &out);
	assert_string_equal(text_str(&out),
	    "f:2: k8s: \"neighbor 1.1.1.1\" stands already in the "
	    "configuration (f:2), which is kept\n");
	text_clear(&out);
	cli_tree_print(file, CLI_MASK, &out);
	assert_string_equal(text_str(&out),
	    "!\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n"
	    " ! k8s: neighbor 3.3.3.3 remote-as 4\n"
	    " ! k8s: neighbor 3.3.3.3 password ********\n !\n"
	    " ! k8s: address-family ipv4 unicast\n"
	    "  ! k8s: neighbor 3.3.3.3 activate\n"
	    " ! k8s: exit-address-family\nexit\n!\n"
	    "ip prefix-list a seq 5 permit any\n");
	cli_faults_clear(&faults);
	assert_int_equal(cli_edit(file, &place, "router bgp", &faults), 0);
	assert_int_equal(
	    cli_edit(file, &place, "no neighbor 3.3.3.3", &faults), -1);
	assert_string_equal(faults.items[0].text,
	    "% This line belongs to k8s: change it there");
	cli_faults_clear(&faults);
	text_free(&out);
	cli_tree_free(file);
}

static void
test_mask(void **state)
{
	struct cli_tree *tree = tree_of("router bgp 1\n"
					"neighbor 1.1.1.1 remote-as 2\n"
					"neighbor 1.1.1.1 password hush\n");
	struct text out = { 0 };

	(void)state;
	cli_tree_print(tree, CLI_MASK | CLI_COMMENT, &out);
	assert_string_equal(text_str(&out),
	    "! !\n! router bgp 1\n!  neighbor 1.1.1.1 remote-as 2\n"
	    "!  neighbor 1.1.1.1 password ********\n! exit\n");
	text_free(&out);
	cli_tree_free(tree);
}

#define SEQS 400

/* What a list must be after random lines: by number, a third octet or 0. */
struct model {
	struct cli_tree *tree;
	struct cli_place place;
	uint8_t octet[SEQS + 1];
	uint32_t dice;
};

static unsigned
roll(struct model *m, unsigned sides)
{
	m->dice = m->dice * 1103515245 + 12345;
	return (m->dice >> 8) % sides;
}

static void
say(struct model *m, const char *line, int expected)
{
	struct cli_fault_list faults = { 0 };

	assert_int_equal(cli_edit(m->tree, &m->place, line, &faults), expected);
	cli_faults_clear(&faults);
}

/* By its number: said, said otherwise, or taken away. */
static void
model_change(struct model *m)
{
	unsigned seq = 1 + roll(m, SEQS), octet = 1 + roll(m, 200);
	char line[80];

	if (roll(m, 3) == 0) {
		snprintf(line, sizeof(line), "no ip prefix-list a seq %u", seq);
		say(m, line, m->octet[seq] != 0 ? 0 : -1);
		m->octet[seq] = 0;
		return;
	}
	snprintf(line, sizeof(line),
	    "ip prefix-list a seq %u permit 10.0.%u.0/24", seq, octet);
	say(m, line, 0);
	m->octet[seq] = (uint8_t)octet;
}

/* A line without a number: one that is there already is not added again. */
static void
model_repeat(struct model *m)
{
	unsigned seq = 1 + roll(m, SEQS);
	char line[80];

	if (m->octet[seq] == 0)
		return;
	snprintf(line, sizeof(line), "ip prefix-list a permit 10.0.%u.0/24",
	    m->octet[seq]);
	say(m, line, 0);
}

static void
model_check(const struct model *m)
{
	const struct t_list *l;
	unsigned seq = 0;

	CLI_EACH(l, cli_tree_root(m->tree), &t_list_type)
	{
		for (seq++; seq <= SEQS && m->octet[seq] == 0; seq++)
			;
		assert_int_equal(l->seq, seq);
		assert_int_equal(l->prefix.bytes[2], m->octet[seq]);
	}
	for (seq++; seq <= SEQS; seq++)
		assert_int_equal(m->octet[seq], 0);
}

static void
test_random(void **state)
{
	struct model m = { .tree = cli_tree_new(cli), .dice = 1 };

	(void)state;
	m.place.nodes[0] = cli_tree_root(m.tree);
	m.place.depth = 1;
	for (unsigned i = 0; i < 5000; i++) {
		model_change(&m);
		model_repeat(&m);
		if (i % 50 == 0)
			model_check(&m);
	}
	model_check(&m);
	cli_tree_free(m.tree);
}

/* Ten thousand of them are no rare configuration. */
static void
test_lean(void **state)
{
	struct text lines = { 0 };
	struct cli_tree *tree;
	const unsigned count = 4096;

	(void)state;
	text_add(&lines, "router bgp 1\n");
	for (unsigned i = 0; i < count; i++)
		text_add(&lines, "network 10.%u.%u.0/24\n", i >> 8, i & 255);
	tree = tree_of(text_str(&lines));
	assert_true(arena_size(cli_tree_arena(tree)) / count < 112);
	cli_tree_free(tree);
	text_free(&lines);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_lean),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
