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
	heard_is("+ns/c=1 trouble(what it sends is no JSON: byte 521: a value "
		 "must stand here) synced ");
	assert_int_equal(cancelled, 1);
	asks(PROBE("c"));
	sends(FOUND("c", "12"));
	ends();
	asks(WATCH("12"));
}

/* The beginning of an event, and the next one behind it: at once, not later. */
static void
test_torn(void **unused)
{
	(void)unused;
	settled();
	sends(
	    "{\"type\":\"ADDED\",\"object\":\n" EVENT("ADDED", "c", "12", "1"));
	heard_is("trouble(what it sends is no JSON: byte 411: a value "
		 "must stand here) ");
	asks(PROBE("a"));
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
	sends(EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/c=1 trouble() synced ");
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
	assert_in_range(asks(PROBE("a")), 100, 200);
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
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
	assert_int_equal(asks(PROBE("a")), 0);
	sends(FOUND("a", "9"));
	ends();
	assert_int_equal(asks(WATCH("9")), 0);
	/* Watches that tell nothing and end: a second apart. */
	ends();
	assert_int_equal(asks(PROBE("a")), 1000);
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
	sends(BOOKMARK("15"));
	ends();
	assert_int_equal(asks(PROBE("a")), 100);
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
	/* So are lists, where there is no other way. */
	sends(EVENT("DELETED", "a", "16", "1"));
	heard_is("-ns/a synced ");
	ends();
	assert_int_equal(asks(STREAM), 1000);
	sends(EVENT("ADDED", "b", "3", "1") LIST_IS_OVER("16"));
	heard_is("+ns/b=1 synced ");
	ends();
	assert_int_equal(asks(PROBE("b")), 100);
	assert_int_equal(logged(LOG_WARNING), 0);
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
	assert_in_range(asks(PROBE("a")), 100, 200);
	assert_string_equal(reflector_state(r), "resuming");
	for (i = 0; clock_ms - began_ms < 28 * 1000; i++) {
		fails(0, "connection refused");
		assert_string_equal(
		    reflector_state(r), "waiting: connection refused");
		assert_in_range(asks(PROBE("a")), 100, 1000);
	}
	assert_true(i > 20 && i < 60);
	heard_is("trouble(connection reset) ");
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
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
		last_ms = asks(PROBE("a"));
		assert_in_range(last_ms, i < 5 ? 800 << i : 15000,
		    i < 5 ? 1600 << i : 30000);
		fails(0, "connection refused");
	}
	assert_true(last_ms >= 15000);
	asks(PROBE("a"));
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
	pass(4000);
	fails(500, "etcd is away");
	assert_in_range(asks(PROBE("a")), 800, 1600);
	fails(504, "etcd is late");
	assert_in_range(asks(PROBE("a")), 800, 1600);
	fails(504, "etcd is late");
	assert_in_range(asks(PROBE("a")), 1600, 3200);
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
	pass(130 * 1000);
	fails(500, "etcd is away");
	assert_in_range(asks(PROBE("a")), 800, 1600);
}

/* A server that came up on an older copy of its data. */
static void
test_went_back(void **unused)
{
	(void)unused;
	settled();
	fails(0, "connection reset");
	asks(PROBE("a"));
	sends(FOUND("a", "3"));
	ends();
	assert_in_range(asks(STREAM), 100, 400);
	sends(EVENT("ADDED", "a", "3", "0") LIST_IS_OVER("5"));
	heard_is("trouble(connection reset) +ns/a=0 -ns/b synced trouble() ");
	/* The version of the probe's own list tells it, too. */
	pass(10000);
	fails(0, "connection reset");
	asks(PROBE("a"));
	sends(PAGE("4", "", OBJECT("a", "3", "0")));
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
	/* There is nothing to be asked for. */
	asks(STREAM);
}

/* What the probe shows of the witness, and that a list follows. */
static void
strange(const char *probe, const char *answer)
{
	assert_string_equal(reflector_state(r), "watching");
	fails(0, "connection reset");
	asks(probe);
	sends(answer);
	ends();
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") LIST_IS_OVER("50"));
	assert_non_null(strstr(heard, "+ns/a=1 "));
	assert_non_null(strstr(heard, "trouble() "));
	heard[0] = '\0';
	assert_int_equal(reflector_count(r), 1);
	pass(130 * 1000);
}

/*
 * A server of another history, whose versions have passed ours since: what was
 * last heard of is not there, is another of that name, or of another time.
 */
static void
test_strange(void **unused)
{
	(void)unused;
	settled();
	strange(PROBE("a"), MISSING);
	strange(PROBE("a"), FOUND("a", "8"));
	strange(PROBE("a"), FOUND("a", "51"));
	strange(PROBE("a"), PAGE("99", "", OBJECT_OF("a", "u2", "9", "1")));
	strange(PROBE("a"), FOUND("b", "9"));
	strange(PROBE("a"), PAGE("99", "", "{},7"));
	/* The last of all: an event later than the list, ten more than nine. */
	sends(EVENT("MODIFIED", "c", "60", "1") BOOKMARK("70"));
	strange(PROBE("c"), FOUND("c", "59"));
	sends(EVENT("ADDED", "node", "60", "1")
		EVENT("MODIFIED", "c", "100", "1"));
	strange(PROBE("c"), MISSING);
	/* One that is gone is no witness, and neither is one before it. */
	sends(EVENT("ADDED", "c", "60", "1") EVENT("DELETED", "a", "61", "1"));
	fails(0, "connection reset");
	asks(STREAM);
	assert_int_equal(logged(LOG_WARNING), 9);
}

/*
 * Bookmarks may be of a time that is no more: on from the witness, as what came
 * since then in a history where it stands as well would be passed over.
 */
static void
test_bookmark_of_no_more(void **unused)
{
	(void)unused;
	settled();
	sends(BOOKMARK("20"));
	fails(0, "connection reset");
	asks(PROBE("a"));
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
	sends(EVENT("ADDED", "new", "15", "1"));
	heard_is("trouble(connection reset) +ns/new=1 trouble() synced ");
}

/* Deletions among the objects of a list count by their version. */
static void
test_witness_of_list(void **unused)
{
	(void)unused;
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") EVENT("DELETED", "x", "13", "1")
		EVENT("ADDED", "b", "12", "1") LIST_IS_OVER("14"));
	fails(0, "connection reset");
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "12", "1")
		EVENT("ADDED", "c", "7", "1") LIST_IS_OVER("14"));
	fails(0, "connection reset");
	asks(PROBE("b"));
	fails(400, "field label not supported: metadata.name");
	asks(STREAM);
	fails(422, "no streaming lists");
	asks(LIST);
	sends(PAGE("14", "t1", OBJECT("a", "9", "1")));
	ends();
	asks(LIST "&continue=t1");
	sends(PAGE("14", "", OBJECT("b", "8", "1")));
	ends();
	asks(WATCH("14"));
	fails(0, "connection reset");
	asks(PROBE("a"));
	/* Half an answer is none. */
	sends("{\"metadata\":{\"resourceVersion\":\"15\"},\"items\":[");
	ends();
	asks(PROBE("a"));
	sends(MISSING);
	ends();
	asks(LIST);
}

/* How the witness is asked for beside what a kind selects anyway. */
static void
test_probe_paths(void **unused)
{
	static const struct {
		const char *path, *selector, *object, *expected;
	} cases[] = {
		{ "/api/v1/services", "fieldSelector=spec.type%3DLoadBalancer",
		    OBJECT("a", "9", "1"),
		    "/api/v1/services?fieldSelector=spec.type%3DLoadBalancer"
		    "%2Cmetadata.name%3Da%2Cmetadata.namespace%3Dns&limit=1" },
		{ "/apis/d/v1/slices", "labelSelector=%21headless",
		    OBJECT("a", "9", "1"),
		    "/apis/d/v1/slices?labelSelector=%21headless&fieldSelector="
		    "metadata.name%3Da%2Cmetadata.namespace%3Dns&limit=1" },
		{ "/apis/d/v1/slices", "labelSelector=x&fieldSelector=y%3Dz",
		    OBJECT("a", "9", "1"),
		    "/apis/d/v1/slices?labelSelector=x&fieldSelector=y%3Dz"
		    "%2Cmetadata.name%3Da%2Cmetadata.namespace%3Dns&limit=1" },
		{ "/api/v1/namespaces/ns/configmaps",
		    "fieldSelector=metadata.name%3Da", OBJECT("a", "9", "1"),
		    "/api/v1/namespaces/ns/configmaps?fieldSelector="
		    "metadata.name%3Da&limit=1" },
		{ "/api/v1/namespaces/ns/secrets", NULL, OBJECT("a", "9", "1"),
		    "/api/v1/namespaces/ns/secrets?fieldSelector="
		    "metadata.name%3Da&limit=1" },
		{ "/api/v1/nodes", NULL,
		    "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"9\"}}",
		    "/api/v1/nodes?fieldSelector=metadata.name%3Da&limit=1" },
	};
	char text[512];
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kind.path = cases[i].path;
		kind.selector = cases[i].selector;
		pass(0);
		snprintf(text, sizeof(text),
		    "{\"type\":\"ADDED\",\"object\":%s}\n" LIST_IS_OVER("10"),
		    cases[i].object);
		sends(text);
		fails(0, "connection reset");
		asks(cases[i].expected);
		snprintf(
		    text, sizeof(text), PAGE("11", "", "%s"), cases[i].object);
		sends(text);
		ends();
		pass(0);
		assert_non_null(strstr(call->path, "&resourceVersion=9"));
		reflector_close(r);
		setup(NULL);
	}
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
	assert_in_range(asks(PROBE("a")), 200, 400);
	sends(FOUND("a", "9"));
	ends();
	asks(WATCH("9"));
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
	asks(PROBE("a"));
	fails(404, "not found");
	asks(PROBE("a"));
	fails(404, "not found");
	asks(PROBE("a"));
	assert_null(strstr(heard, "-ns/a"));
	fails(404, "not found");
	assert_non_null(strstr(heard, "-ns/a synced "));
	asks(STREAM);
}

/* For want of a right nothing is dropped, and nobody waits. */
static void
test_optional_forbidden(void **unused)
{
	int i;

	(void)unused;
	kind.optional = true;
	reflector_know(r, "ns/a");
	for (i = 0; i < 5; i++) {
		asks(STREAM);
		assert_int_equal(reflector_is_synced(r), i >= 1);
		fails(403, "Forbidden");
	}
	heard_is("synced ");
	assert_int_equal(reflector_count(r), 1);
	assert_int_equal(logged(LOG_NOTICE), 1);
	/* It is granted, and taken away again: that is believed in the end. */
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") LIST_IS_OVER("9"));
	pass(10000);
	fails(403, "Forbidden");
	for (i = 0; i < 2; i++) {
		asks(PROBE("a"));
		fails(403, "Forbidden");
	}
	asks(STREAM);
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
		T(torn),
		T(cut),
		T(early_end),
		T(restart),
		T(backoff),
		T(went_back),
		T(strange),
		T(bookmark_of_no_more),
		T(witness_of_list),
		T(probe_paths),
		T(login),
		T(forbidden),
		T(optional),
		T(optional_forbidden),
		T(busy_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
