/* SPDX-License-Identifier: ISC */
/* Two speakers in one process: sessions, routes and reloads over the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/net.h"
#include "peer/session.h"
#include "policy/policy.h"
#include "util/log.h"

/* One speaker; the other end is at the other address. */
struct speaker {
	struct rib *rib;
	struct peers *peers;
	struct rib_source *local;
	struct cli_tree *tree;
	struct policy *policy;
};

static struct cli *cli;
static struct loop *loop;
static struct timer *limit;
static struct timer *look;
static bool (*until)(void);
static bool timed_out;
static struct speaker a, b;
static unsigned port;

static void
on_limit(void *arg)
{
	(void)arg;
	timed_out = true;
	loop_stop(loop);
}

static void
on_look(void *arg)
{
	(void)arg;
	if (until())
		loop_stop(loop);
	else
		timer_start(look, 5);
}

/* Runs until it holds; false after `secs`. */
static bool
run(bool (*holds)(void), int secs)
{
	until = holds;
	timed_out = false;
	timer_start(limit, secs * 1000);
	timer_start(look, 0);
	loop_run(loop);
	timer_stop(limit);
	timer_stop(look);
	return !timed_out;
}

static bool
never(void)
{
	return false;
}

static void
configure(struct speaker *s, const char *format, ...)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *old = s->tree;
	struct text text = { 0 };
	va_list ap;

	va_start(ap, format);
	text_addv(&text, format, ap);
	va_end(ap);
	s->tree = cli_tree_new(cli);
	assert_int_equal(
	    cli_read(s->tree, "test", text_str(&text), text.len, &faults), 0);
	if (s->policy != NULL)
		policy_unref(s->policy);
	s->policy = policy_new(cli_tree_root(s->tree));
	peers_configure(s->peers, s->tree, s->policy);
	if (old != NULL)
		cli_tree_free(old);
	cli_faults_clear(&faults);
	text_free(&text);
}

static void
speaker_open(struct speaker *s, const char *listen)
{
	struct rib_source_info info = {
		.kind = RIB_EBGP, .name = "test", .asn = 65009, .router_id = 9
	};
	struct addr addr;

	memset(s, 0, sizeof(*s));
	s->rib = rib_new();
	s->peers = peers_new(loop, s->rib);
	s->local = rib_source_new(s->rib, &info);
	addr_read(listen, &addr);
	assert_int_equal(peers_listen(s->peers, &addr, 1, (uint16_t)port), 0);
}

static void
speaker_close(struct speaker *s)
{
	peers_free(s->peers);
	while (rib_source_flush(s->local, FAMILY_NONE, 1000))
		;
	rib_source_free(s->local);
	rib_free(s->rib);
	cli_tree_free(s->tree);
	policy_unref(s->policy);
}

static int
setup(void **state)
{
	unsigned i;

	(void)state;
	log_set_level(LOG_STDERR, LOG_LEVEL_OFF);
	port = 20000 + (unsigned)getpid() % 20000;
	cli = cli_new(peer_mounts, peer_mount_count);
	for (i = 0; i < policy_mount_count; i++)
		assert_int_equal(cli_mount(cli, &policy_mounts[i], NULL), 0);
	loop = loop_new();
	limit = timer_new(loop, on_limit, NULL);
	look = timer_new(loop, on_look, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	timer_free(limit);
	timer_free(look);
	loop_free(loop);
	cli_free(cli);
	return 0;
}

static struct peer *
peer_of(const struct speaker *s)
{
	return TAILQ_FIRST(&s->peers->list);
}

static bool
both_up(void)
{
	return peer_of(&a)->up != NULL && peer_of(&b)->up != NULL;
}

static bool
a_is_down(void)
{
	return peer_of(&a)->downs > 0;
}

/* Internal, so that next hops of the loopback do not matter. */
#define LINES(more)                                                            \
	"router bgp %u\n bgp router-id 10.0.0.%u\n neighbor %s remote-as %u\n" \
	" neighbor %s port %u\n neighbor %s update-source %s\n" more

#define A_ADDR		  "127.0.0.11"
#define B_ADDR		  "127.0.0.12"
#define A_OF(asn, remote) asn, 1u, B_ADDR, remote, B_ADDR, port, B_ADDR, A_ADDR
#define B_OF(asn, remote) asn, 2u, A_ADDR, remote, A_ADDR, port, A_ADDR, B_ADDR

static void
open_both(void)
{
	speaker_open(&a, A_ADDR);
	speaker_open(&b, B_ADDR);
	configure(&a, LINES(""), A_OF(65001u, 65001u));
	configure(&b, LINES(""), B_OF(65001u, 65001u));
}

static void
close_both(void)
{
	speaker_close(&a);
	speaker_close(&b);
}

/* Both dial at once: one connection stays. */
static void
test_up(void **state)
{
	(void)state;
	open_both();
	assert_true(run(both_up, 10));
	run(never, 1);
	assert_true(both_up());
	assert_int_equal(peer_of(&a)->downs, 0);
	assert_int_equal(peer_of(&b)->downs, 0);
	assert_int_equal(peer_of(&a)->up->hold_secs, 180);
	assert_true(peer_of(&a)->up->wire.as4);
	close_both();
}

static void
offer(struct speaker *s, const char *prefix)
{
	struct prefix p;
	struct attr attr;

	memset(&attr, 0, sizeof(attr));
	prefix_read(prefix, &p);
	attr.present =
	    1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH | 1u << ATTR_NEXT_HOP;
	addr_read("10.7.7.7", &attr.next_hop);
	rib_update(s->local, 0, &p, &attr, &attr, 0);
}

static bool
b_has_route(void)
{
	struct rib_path_view view;
	struct prefix p;

	prefix_read("192.0.2.0/24", &p);
	return rib_find(b.rib, &p, &view, 1) == 1 &&
	       (view.flags & RIB_BEST) != 0;
}

static bool
b_has_none(void)
{
	return !b_has_route();
}

static void
test_routes(void **state)
{
	struct prefix p;

	(void)state;
	open_both();
	offer(&a, "192.0.2.0/24");
	assert_true(run(b_has_route, 10));
	prefix_read("192.0.2.0/24", &p);
	rib_withdraw(a.local, 0, &p);
	assert_true(run(b_has_none, 5));
	offer(&a, "192.0.2.0/24");
	assert_true(run(b_has_route, 5));
	/* The session's end takes its routes along. */
	configure(&a, LINES(" neighbor %s shutdown message see you\n"),
	    A_OF(65001u, 65001u), B_ADDR);
	assert_true(run(b_has_none, 5));
	assert_string_equal(peer_of(&b)->reset.text, "see you");
	assert_int_equal(peer_of(&b)->reset.code, NOTIFY_CEASE);
	assert_int_equal(peer_of(&b)->reset.subcode, CEASE_ADMIN_SHUTDOWN);
	assert_string_equal(peer_state_name(peer_of(&a)), "Idle (Admin)");
	configure(&a, LINES(""), A_OF(65001u, 65001u));
	assert_true(run(b_has_route, 15));
	close_both();
}

/* What does not concern a session leaves it alone; what does resets it. */
static void
test_reconfigure(void **state)
{
	static const char *const harmless[] = {
		" neighbor %s description a name\n",
		" neighbor %s timers 5 15\n",
		" neighbor %s timers connect 9\n",
		" neighbor 127.0.0.99 remote-as 5\n! %s\n",
		" bgp default local-preference 7\n! %s\n",
		" address-family ipv4\n  neighbor %s next-hop-self\n",
		" address-family ipv4\n  neighbor %s maximum-prefix 5\n",
	};
	static const char *const harmful[] = {
		" neighbor %s router-id 10.0.0.77\n",
		" neighbor %s ttl-security hops 1\n",
	};
	struct text lines = { 0 };
	unsigned i, before;

	(void)state;
	open_both();
	assert_true(run(both_up, 10));
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		text_clear(&lines);
		text_add(&lines, "%s%s", LINES(""), harmless[i]);
		configure(&a, lines.s, A_OF(65001u, 65001u), B_ADDR);
		assert_int_equal(peer_of(&a)->downs, 0);
	}
	for (i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++) {
		before = peer_of(&a)->downs;
		text_clear(&lines);
		text_add(&lines, "%s%s", LINES(""), harmful[i]);
		configure(&a, lines.s, A_OF(65001u, 65001u), B_ADDR);
		assert_int_equal(peer_of(&a)->downs, before + 1);
		configure(&a, LINES(""), A_OF(65001u, 65001u));
		assert_true(run(both_up, 15));
	}
	text_free(&lines);
	close_both();
}

/* Lists out and in, their change, and their end: B holds what they permit. */
static void
test_policies(void **state)
{
	static const struct {
		const char *lines;
		bool is_told;
	} steps[] = {
		{ " neighbor %s prefix-list P out\n", false },
		{ " neighbor %s prefix-list P out\n"
		  "ip prefix-list P permit any\n",
		    true },
		{ " neighbor %s prefix-list P out\n"
		  "ip prefix-list P deny any\n",
		    false },
		{ "! %s\n", true },
		{ " neighbor %s route-map M out\nroute-map M deny 10\n",
		    false },
		{ " neighbor %s route-map M out\nroute-map M permit 10\n",
		    true },
	};
	struct text lines = { 0 };
	unsigned i;

	(void)state;
	open_both();
	offer(&a, "192.0.2.0/24");
	assert_true(run(b_has_route, 10));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		text_clear(&lines);
		text_add(&lines, "%s%s", LINES(""), steps[i].lines);
		configure(&a, lines.s, A_OF(65001u, 65001u), B_ADDR);
		if (!run(steps[i].is_told ? b_has_route : b_has_none, 5))
			fail_msg("step %u out", i);
	}
	configure(&a, LINES(""), A_OF(65001u, 65001u));
	assert_true(run(b_has_route, 5));
	for (i = 0; i < 4; i++) {
		text_clear(&lines);
		text_add(&lines, "%s%s", LINES(""), steps[i].lines);
		while (strstr(lines.s, " out\n") != NULL)
			memcpy(strstr(lines.s, " out\n"), " in \n", 5);
		configure(&b, lines.s, B_OF(65001u, 65001u), A_ADDR);
		if (!run(steps[i].is_told ? b_has_route : b_has_none, 5))
			fail_msg("step %u in", i);
	}
	assert_int_equal(peer_of(&a)->downs + peer_of(&b)->downs, 0);
	text_free(&lines);
	close_both();
}

static bool
b_was_refused(void)
{
	return peer_of(&b)->reset.notified;
}

/* A wrong AS is refused by name; nobody comes up. */
static void
test_bad_as(void **state)
{
	(void)state;
	speaker_open(&a, A_ADDR);
	speaker_open(&b, B_ADDR);
	configure(&a, LINES(""), A_OF(65001u, 65003u));
	configure(&b, LINES(""), B_OF(65002u, 65001u));
	assert_true(run(b_was_refused, 10));
	assert_int_equal(peer_of(&b)->reset.code, NOTIFY_OPEN);
	assert_int_equal(peer_of(&b)->reset.subcode, 2);
	assert_null(peer_of(&a)->up);
	close_both();
}

static bool stopped;

static void
on_stopped(void *arg)
{
	(void)arg;
	stopped = true;
}

static bool
is_stopped(void)
{
	return stopped;
}

static void
test_stop(void **state)
{
	(void)state;
	open_both();
	assert_true(run(both_up, 10));
	stopped = false;
	peers_stop(a.peers, "good night", on_stopped, NULL);
	assert_true(run(is_stopped, 1));
	until = a_is_down;
	run(never, 1);
	assert_string_equal(peer_of(&b)->reset.text, "good night");
	assert_null(peer_of(&b)->up);
	close_both();
}

/* Removed from the configuration: told so, and freed. */
static void
test_remove(void **state)
{
	(void)state;
	open_both();
	assert_true(run(both_up, 10));
	configure(&a, "router bgp 65001\n");
	assert_null(peer_of(&a));
	assert_true(run(b_was_refused, 5));
	assert_int_equal(peer_of(&b)->reset.subcode, CEASE_PEER_DECONFIGURED);
	close_both();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_reconfigure),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_bad_as),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_remove),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
