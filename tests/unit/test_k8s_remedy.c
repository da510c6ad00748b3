/* SPDX-License-Identifier: ISC */
/* A reflector before a server that fails: what helps, when, and who is told. */

#include "script_api.h"

static void
test_expired(void **unused)
{
	(void)unused;
	synced();
	pass(600 * 1000);
	ends();
	asks(WATCH("10"));
	fails(410, "too old resource version");
	asks(STREAM);
	sends(LIST_IS_OVER("30"));
	heard_is("-ns/a -ns/b synced ");
	sends(ERROR("500", "Expired"));
	asks(STREAM);
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* Again and again too old: not in a circle at full speed. */
static void
test_expired_for_ever(void **unused)
{
	int64_t began_ms = clock_ms;
	int i;

	(void)unused;
	for (i = 0; i < 20; i++) {
		asks(STREAM);
		sends(LIST_IS_OVER("10"));
		sends(ERROR("410", "Expired"));
	}
	assert_true(clock_ms - began_ms > 60 * 1000);
}

static void
test_garbage(void **unused)
{
	(void)unused;
	settled();
	sends(EVENT("ADDED", "c", "12", "1") "<html>");
	heard_is("+ns/c=1 trouble(what it sends is no JSON: byte 488: a value "
		 "must stand here) synced ");
	assert_int_equal(cancelled, 1);
	asks(PROBE("12"));
	sends(PAGE("12", "", ""));
	ends();
	asks(WATCH("12"));
}

/* Cut in the middle of an object: nothing of it is taken, nothing is lost. */
static void
test_cut(void **unused)
{
	(void)unused;
	settled();
	send_bytes(EVENT("ADDED", "c", "12", "1"), 40);
	fails(200, "connection reset by peer");
	heard_is("trouble(connection reset by peer) ");
	assert_in_range(asks(PROBE("10")), 100, 200);
	sends(PAGE("40", "x", OBJECT("a", "9", "1")));
	ends();
	asks(WATCH("10"));
	heard_is("");
	sends(EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/c=1 trouble() synced ");
}

/* Ended by the server before its time: it may be another one that answers. */
static void
test_early_end(void **unused)
{
	(void)unused;
	synced();
	pass(20 * 1000);
	ends();
	assert_int_equal(asks(PROBE("10")), 0);
	sends(PAGE("12", "", ""));
	ends();
	assert_int_equal(asks(WATCH("10")), 0);
	/* Watches that tell nothing and end: a second apart. */
	ends();
	assert_int_equal(asks(PROBE("10")), 1000);
	sends(PAGE("12", "", ""));
	ends();
	asks(WATCH("10"));
	sends(BOOKMARK("15"));
	ends();
	assert_int_equal(asks(PROBE("15")), 100);
	assert_int_equal(logged(LOG_WARNING), 0);
	heard_is("");
}

static void
test_restart(void **unused)
{
	int64_t began_ms;
	int i;

	(void)unused;
	settled();
	began_ms = clock_ms;
	fails(0, "connection reset");
	assert_in_range(asks(PROBE("10")), 100, 200);
	assert_string_equal(reflector_state(r), "resuming");
	for (i = 0; clock_ms - began_ms < 28 * 1000; i++) {
		fails(0, "connection refused");
		assert_string_equal(
		    reflector_state(r), "waiting: connection refused");
		assert_in_range(asks(PROBE("10")), 100, 1000);
	}
	assert_true(i > 20 && i < 60);
	heard_is("trouble(connection reset) ");
	sends(PAGE("10", "", ""));
	ends();
	asks(WATCH("10"));
	heard_is("");
	pass(2000);
	heard_is("trouble() ");
	assert_non_null(strstr(fake_log, "watching again"));
	assert_int_equal(logged(LOG_WARNING), 1);
}

/* Away for long: ever later; well for two minutes, and it is forgotten. */
static void
test_backoff(void **unused)
{
	int64_t last_ms = 0;
	int i;

	(void)unused;
	synced();
	fails(0, "connection reset");
	for (i = 0; i < 12; i++) {
		last_ms = asks(PROBE("10"));
		assert_in_range(last_ms, i < 5 ? 800 << i : 15000,
		    i < 5 ? 1600 << i : 30000);
		fails(0, "connection refused");
	}
	assert_true(last_ms >= 15000);
	asks(PROBE("10"));
	sends(PAGE("10", "", ""));
	ends();
	asks(WATCH("10"));
	pass(4000);
	fails(500, "etcd is away");
	assert_in_range(asks(PROBE("10")), 800, 1600);
	fails(500, "etcd is away");
	assert_in_range(asks(PROBE("10")), 1600, 3200);
	sends(PAGE("10", "", ""));
	ends();
	asks(WATCH("10"));
	pass(130 * 1000);
	fails(500, "etcd is away");
	assert_in_range(asks(PROBE("10")), 800, 1600);
}

/* A server that came up on an older copy of its data. */
static void
test_went_back(void **unused)
{
	(void)unused;
	settled();
	fails(0, "connection reset");
	asks(PROBE("10"));
	fails(504, "Too large resource version: 10, current: 5");
	asks(STREAM);
	sends(EVENT("ADDED", "a", "3", "0") LIST_IS_OVER("5"));
	heard_is("trouble(connection reset) +ns/a=0 -ns/b synced trouble() ");
	/* The probe's own list tells it, too. */
	pass(10000);
	fails(0, "connection reset");
	asks(PROBE("5"));
	sends(PAGE("4", "", ""));
	asks(STREAM);
	sends(LIST_IS_OVER("4"));
	heard_is("trouble(connection reset) -ns/a synced trouble() ");
	/* So does an object, and a bookmark; ten is more than nine. */
	sends(EVENT("ADDED", "x", "9", "1") EVENT("ADDED", "y", "10", "1"));
	heard_is("+ns/x=1 +ns/y=1 synced ");
	sends(EVENT("ADDED", "z", "8", "1"));
	asks(STREAM);
	sends(LIST_IS_OVER("8"));
	heard_is("-ns/x -ns/y synced ");
	sends(BOOKMARK("7"));
	asks(STREAM);
	sends(LIST_IS_OVER("opaque-9"));
	sends(BOOKMARK("opaque-7"));
	sends(BOOKMARK("12"));
	assert_non_null(call);
	ends();
	asks(PROBE("12"));
}

static void
test_login(void **unused)
{
	(void)unused;
	settled();
	pass(600 * 1000);
	ends();
	asks(WATCH("10"));
	fails(401, "Unauthorized");
	assert_in_range(asks(PROBE("10")), 200, 400);
	sends(PAGE("10", "", ""));
	ends();
	asks(WATCH("10"));
	pass(2000);
	heard_is("trouble(Unauthorized) trouble() ");
}

static void
test_forbidden(void **unused)
{
	int i;

	(void)unused;
	kind.path = "/apis/metallb.io/v1beta1/ipaddresspools";
	for (i = 0; i < 10; i++) {
		asks("/apis/metallb.io/v1beta1/ipaddresspools" WATCHED
		     "&sendInitialEvents=true"
		     "&resourceVersionMatch=NotOlderThan");
		fails(403, "Forbidden");
	}
	assert_in_range(asks("/apis/metallb.io/v1beta1/ipaddresspools" WATCHED
			     "&sendInitialEvents=true"
			     "&resourceVersionMatch=NotOlderThan"),
	    15000, 30000);
	heard_is(
	    "trouble(Forbidden; a role must allow the verbs list and watch "
	    "of ipaddresspools.metallb.io) ");
	assert_false(reflector_is_synced(r));
	assert_int_equal(logged(LOG_WARNING), 1);
	fails(404, "not found");
	heard_is("trouble(not found; the server does not serve "
		 "ipaddresspools.metallb.io: is its version too old, or a "
		 "CustomResourceDefinition not installed?) ");
}

static void
test_optional(void **unused)
{
	int i;

	(void)unused;
	kind.optional = true;
	asks(STREAM);
	fails(404, "not found");
	heard_is("synced ");
	assert_int_equal(logged(LOG_NOTICE), 1);
	for (i = 0; i < 10; i++) {
		asks(STREAM);
		fails(404, "not found");
	}
	assert_in_range(asks(STREAM), 15000, 30000);
	assert_int_equal(strncmp(reflector_state(r), "listing", 7), 0);
	heard_is("");
	assert_int_equal(logged(LOG_NOTICE), 0);
	/* It is installed: from here on one answer is no proof any more. */
	sends(EVENT("ADDED", "a", "9", "1") LIST_IS_OVER("9"));
	heard_is("+ns/a=1 synced ");
	pass(10000);
	fails(0, "reset");
	asks(PROBE("9"));
	fails(404, "not found");
	asks(PROBE("9"));
	fails(404, "not found");
	asks(PROBE("9"));
	assert_null(strstr(heard, "-ns/a"));
	fails(404, "not found");
	assert_non_null(strstr(heard, "-ns/a synced "));
	asks(STREAM);
}

/* For want of a right nothing is dropped. */
static void
test_optional_forbidden(void **unused)
{
	int i;

	(void)unused;
	kind.optional = true;
	reflector_know(r, "ns/a");
	for (i = 0; i < 5; i++) {
		asks(STREAM);
		assert_int_equal(reflector_is_synced(r), i >= 3);
		fails(403, "Forbidden");
	}
	assert_int_equal(reflector_count(r), 1);
	assert_null(strstr(heard, "-ns/a"));
}

static void
test_busy_server(void **unused)
{
	(void)unused;
	asks(STREAM);
	ends_with(429, 7000, "too many requests");
	assert_in_range(asks(STREAM), 7000, 7250);
	ends_with(503, 3000, "unavailable");
	assert_in_range(asks(STREAM), 3000, 3500);
	ends_with(503, 86400 * 1000, "unavailable");
	assert_in_range(asks(STREAM), 300000, 301000);
	ends_with(503, -1, "unavailable");
	assert_in_range(asks(STREAM), 1600, 16000);
	assert_int_equal(logged(LOG_WARNING), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(expired),
		T(expired_for_ever),
		T(garbage),
		T(cut),
		T(early_end),
		T(restart),
		T(backoff),
		T(went_back),
		T(login),
		T(forbidden),
		T(optional),
		T(optional_forbidden),
		T(busy_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
