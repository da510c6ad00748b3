/* SPDX-License-Identifier: ISC */
/* Commands: words by name, json, cursors; what `?` and TAB answer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lang.h"
#include "cli/out.h"
#include "util/mem.h"

static int
show_bgp(struct cli_call *call)
{
	struct out *out = call_out(call);
	const char *prefix = call_arg(call, "PREFIX");

	out_print(out, "v6=%d uni=%d prefix=%s\n", call_has(call, "ipv6"),
	    call_has(call, "unicast"), prefix != NULL ? prefix : "-");
	out_object(out, NULL);
	out_string(out, "prefix", prefix);
	out_array(out, "list");
	out_int(out, NULL, -1);
	out_format(out, NULL, "%s", "a/\"b\"");
	out_close(out);
	out_object(out, "none");
	out_close(out);
	out_bool(out, "yes", true);
	return 0;
}

static int
show_slow(struct cli_call *call)
{
	void **state = call_state(call, mem_free);
	int *n;

	if (*state == NULL)
		*state = mem_alloc(sizeof(int));
	n = *state;
	out_print(call_out(call), "%d\n", *n);
	return (*n)++ < 2;
}

static int
echo(struct cli_call *call)
{
	if (strcmp(call_arg(call, "TEXT"), "no") == 0)
		return call_fail(call, "not %s", "so");
	out_print(call_out(call), "%s %s\n", call_arg(call, "TEXT"),
	    (const char *)call_session(call));
	return 0;
}

static const struct cli_row run_rows[] = { HELP("show", "Show what runs"),
	RUN("show [ip] bgp [ipv4|ipv6 [unicast]] summary", echo,
	    "One line per neighbor"),
	RUN("show [ip] bgp [ipv4|ipv6 [unicast]] [PREFIX]", show_bgp, "Routes"),
	RUN("show slow", show_slow, "Slowly"),
	RUN_WITH("echo TEXT", echo, CLI_ANYWHERE, "Say it"),
	RUN("clear bgp (*|ADDR) [soft]", echo, "Again"), ROWS_END };
static const struct cli_mount run_mount = { NULL, run_rows, NULL };

static struct cli *cli;

static int
setup(void **state)
{
	struct text why = { 0 };

	(void)state;
	cli = cli_new(t_mounts, T_MOUNTS);
	assert_int_equal(cli_mount(cli, &run_mount, &why), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cli_free(cli);
	return 0;
}

struct said {
	const char *line, *answer;
};

static const struct said lines[] = {
	{ "show bgp", "v6=0 uni=0 prefix=-\n" },
	{ "sh bg ipv6 uni 2001:db8::/32", "v6=1 uni=1 prefix=2001:db8::/32\n" },
	{ "show ip bgp 10.0.0.0/8", "v6=0 uni=0 prefix=10.0.0.0/8\n" },
	{ "show bgp 10.0.0.0/8 json",
	    "{\n  \"prefix\":\"10.0.0.0/8\",\n  \"list\":[\n    -1,\n"
	    "    \"a/\\\"b\\\"\"\n  ],\n  \"none\":{},\n  \"yes\":true\n}\n" },
	{ "show slow", "0\n1\n2\n" },
	{ "echo  a   b ", "a   b me\n" },
	{ "echo no", "% not so\n" },
	{ "show bgp 10.0.0", "% show bgp: \"10.0.0\" is not a prefix, as "
			     "192.0.2.0/24" },
	{ "show", "% Command incomplete: show" },
	{ "shw bgp", "% Unknown command: shw ...; did you mean: show ..." },
	{ "clear bgp", "% Command incomplete: clear bgp" },
	{ "hostname x", "% Unknown command: hostname ..." },
};

static void
test_calls(void **state)
{
	char me[] = "me";

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct text why = { 0 };
		struct cli_call *call =
		    cli_call_new(cli, lines[i].line, false, me, &why);

		if (call == NULL) {
			assert_string_equal(text_str(&why), lines[i].answer);
		} else {
			while (cli_call_run(call) == 1)
				;
			assert_string_equal(text_str(out_text(call_out(call))),
			    lines[i].answer);
		}
		cli_call_free(call);
		text_free(&why);
	}
}

static void
test_anywhere(void **state)
{
	struct text why = { 0 };
	struct cli_call *call = cli_call_new(cli, "echo a", true, NULL, &why);

	(void)state;
	assert_non_null(call);
	cli_call_free(call);
	assert_null(cli_call_new(cli, "show bgp", true, NULL, &why));
	text_free(&why);
}

struct asked {
	const struct cli_node_type *mode;
	const char *line, *answer;
};

static const struct asked asks[] = {
	{ NULL, "", "show\tShow what runs\necho\tSay it\nclear\tAgain\n" },
	{ NULL, "s", "show\tShow what runs\n" },
	{ NULL, "show ", "ip\t\nbgp\t\nslow\tSlowly\n" },
	{ NULL, "show bgp s",
	    "summary\tOne line per neighbor\n"
	    "A.B.C.D/M|X:X::X:X/M\tRoutes\n" },
	{ NULL, "show slow ", "json\tSlowly\n<cr>\t\n" },
	{ NULL, "clear bgp ", "*\tAgain\nA.B.C.D|X:X::X:X\tAgain\n" },
	{ &cli_root, "h", "hostname\tName of this host\n" },
	{ &cli_root, "e", "echo\tSay it\n" },
	{ &cli_root, "n", "no\tTake a line away\n" },
	{ &cli_root, "no ip ", "prefix-list\tA list of prefixes\n" },
	{ &cli_root, "ip prefix-list x ",
	    "seq\tA list of prefixes\n"
	    "permit\tA list of prefixes\n"
	    "deny\tA list of prefixes\n" },
	{ &t_router_type, "neighbor 1.1.1.1 pass",
	    "password\tTCP-MD5\n"
	    "passive\tWait for the neighbor to connect\n" },
	{ &t_router_type, "neighbor 1.1.1.1 act",
	    "activate\tExchange routes of this family\n" },
	{ &t_router_type, "neigh", "neighbor\tA BGP neighbor\n" },
	{ &t_router_type, "neighbor 1.1.1.1 port ",
	    "(1-65535)\tWhere it "
	    "listens\n" },
	{ &t_map_type, "set community 1:1 ",
	    "additive\tCommunities\n"
	    "WORD...\tCommunities\n<cr>\t\n" },
};

static void
test_explain(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		struct text out = { 0 };

		cli_explain(cli, asks[i].mode, asks[i].line, &out);
		assert_string_equal(text_str(&out), asks[i].answer);
		text_free(&out);
	}
}

static void
test_complete(void **state)
{
	struct text out = { 0 };

	(void)state;
	cli_complete(cli, NULL, "show bgp s", &out);
	assert_string_equal(text_str(&out), "summary\n");
	text_free(&out);
}

static void
test_rows(void **state)
{
	struct text out = { 0 };

	(void)state;
	cli_print_rows(cli, &out);
	assert_non_null(
	    strstr(text_str(&out), "port PORT\tWhere it listens\t179\n"));
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_anywhere),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
