/* SPDX-License-Identifier: ISC */
/* The recorder of events: what is posted, series, bounds, refusals. */

#include "recorder_scene.h"

static void
test_fields(void **state)
{
	static const struct {
		const char *keys, *value;
	} rows[] = {
		{ "apiVersion", "events.k8s.io/v1" },
		{ "kind", "Event" },
		{ "metadata.namespace", "shop" },
		{ "type", "Normal" },
		{ "reason", "IPAllocated" },
		{ "action", "Allocate" },
		{ "note", "Assigned \"10.0.0.1\"" },
		{ "reportingController", "metallb-controller" },
		{ "reportingInstance", "node-1" },
		{ "regarding.apiVersion", "v1" },
		{ "regarding.kind", "Service" },
		{ "regarding.namespace", "shop" },
		{ "regarding.name", "web" },
		{ "regarding.uid", "8f6c" },
		{ "regarding.resourceVersion", "17" },
	};
	struct api_call *call;
	size_t i;

	(void)state;
	say_event("web", "Assigned \"10.0.0.1\"");
	assert_int_equal(fake_call_count, 0);
	call = the_call("POST");
	assert_string_equal(call->request.path, EVENTS);
	assert_string_equal(call->request.type, "application/json");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_non_null(body_at(call, rows[i].keys));
		assert_string_equal(body_at(call, rows[i].keys), rows[i].value);
	}
	assert_null(body_at(call, "series"));
	assert_int_equal(strlen(body_at(call, "eventTime")), 27);
	assert_memory_equal(body_at(call, "metadata.name"), "web.1", 5);
	assert_int_equal(strlen(body_at(call, "metadata.name")), 4 + 16);
	fake_answer(call, 201, NULL);
	expect_quiet();
}

/* Of no namespace: in "default", and absent texts are absent. */
static void
test_cluster_scoped(void **state)
{
	struct event event = event_of("node-1", NULL);
	struct api_call *call;

	(void)state;
	event.space = event.uid = event.version = NULL;
	recorder_say(recorder, &event);
	call = the_call("POST");
	assert_string_equal(call->request.path,
	    "/apis/events.k8s.io/v1/namespaces/default/events");
	assert_null(body_at(call, "regarding.namespace"));
	assert_null(body_at(call, "regarding.uid"));
	fake_answer(call, 201, NULL);
}

/* A long name and a long note are cut to what the server takes. */
static void
test_lengths(void **state)
{
	char name[254], note[3001];
	struct api_call *call;
	size_t i;

	(void)state;
	memset(name, 'a', 253);
	name[235] = '.';
	name[253] = note[3000] = '\0';
	for (i = 0; i < 3000; i += 3)
		memcpy(note + i, "\xe2\x82\xac", 3);
	say_event(name, note);
	call = the_call("POST");
	assert_int_equal(strlen(body_at(call, "note")), 1023);
	assert_int_equal(strlen(body_at(call, "regarding.name")), 253);
	assert_int_equal(strlen(body_at(call, "metadata.name")), 235 + 17);
	fake_answer(call, 201, NULL);
}

/* Names differ although the clock may not. */
static void
test_names(void **state)
{
	char last[300] = "";
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		say_event("web", i % 2 == 0 ? "even" : "odd");
		if (i >= 2)
			continue;
		the_call("POST");
		assert_string_not_equal(posted, last);
		strcpy(last, posted);
		fake_answer(fake_call(), 201, NULL);
	}
}

/* First a POST, the first repeat at once, the rest when it is refreshed. */
static void
test_series(void **state)
{
	struct api_call *call;
	int i;

	(void)state;
	say_event("web", "pending");
	fake_answer(the_call("POST"), 201, NULL);
	fake_advance(MINUTE);
	say_event("web", "pending");
	call = the_call("PATCH");
	assert_string_equal(call->request.path, posted);
	assert_string_equal(call->request.type, "application/merge-patch+json");
	assert_string_equal(body_at(call, "series.count"), "2");
	assert_int_equal(strlen(body_at(call, "series.lastObservedTime")), 27);
	fake_answer(call, 200, NULL);
	for (i = 0; i < 29; i++) {
		fake_advance(MINUTE);
		say_event("web", "pending");
		expect_quiet();
	}
	fake_advance(2 * MINUTE);
	call = the_call("PATCH");
	assert_string_equal(body_at(call, "series.count"), "31");
	fake_answer(call, 200, NULL);
	/* It ends: what is not told yet is, and the next is a new one. */
	say_event("web", "pending");
	expect_quiet();
	fake_advance(7 * MINUTE);
	call = the_call("PATCH");
	assert_string_equal(body_at(call, "series.count"), "32");
	fake_answer(call, 200, NULL);
	say_event("web", "pending");
	fake_answer(the_call("POST"), 201, NULL);
	fake_advance(60 * MINUTE);
	expect_quiet();
}

/* What repeats while it waits is posted as the series that it is by then. */
static void
test_repeat_waiting(void **state)
{
	struct api_call *call;

	(void)state;
	say_event("web", "pending");
	say_event("web", "pending");
	say_event("web", "pending");
	call = the_call("POST");
	assert_string_equal(body_at(call, "series.count"), "3");
	say_event("web", "pending"); /* under way */
	fake_advance(0);
	assert_int_equal(fake_under_way(), 1);
	fake_answer(call, 201, NULL);
	call = the_call("PATCH");
	assert_string_equal(body_at(call, "series.count"), "4");
	fake_answer(call, 200, NULL);
	expect_quiet();
}

/* Warnings go before what waited longer, in their own order. */
static void
test_warnings(void **state)
{
	static const char *const order[] = { "bad", "worse", "web0", "web1" };
	struct event event = event_of("bad", "no address");
	size_t i;

	(void)state;
	say_event("web0", "x");
	say_event("web1", "x");
	event.type = "Warning";
	recorder_say(recorder, &event);
	event.name = "worse";
	recorder_say(recorder, &event);
	for (i = 0; i < 4; i++) {
		fake_advance(0);
		assert_string_equal(
		    body_at(fake_call(), "regarding.name"), order[i]);
		fake_answer(fake_call(), 201, NULL);
	}
	recorder_say(recorder, &event); /* one that waits at the end */
}

/* Another version of the object is a repeat, anything else is not. */
static void
test_key(void **state)
{
	struct event event = event_of("web", "a");

	(void)state;
	recorder_say(recorder, &event);
	fake_answer(the_call("POST"), 201, NULL);
	event.version = "18";
	recorder_say(recorder, &event);
	fake_answer(the_call("PATCH"), 200, NULL);
	event.note = "b";
	recorder_say(recorder, &event);
	fake_answer(the_call("POST"), 201, NULL);
	event.type = "Warning";
	recorder_say(recorder, &event);
	fake_answer(the_call("POST"), 201, NULL);
	event.uid = "other";
	recorder_say(recorder, &event);
	fake_answer(the_call("POST"), 201, NULL);
	event.name = "we";
	event.space = "shopb"; /* no joint of texts is mistaken */
	recorder_say(recorder, &event);
	fake_answer(the_call("POST"), 201, NULL);
}

/* The event expired on the server: it is posted anew, whole. */
static void
test_expired(void **state)
{
	struct api_call *call;

	(void)state;
	say_event("web", "pending");
	fake_answer(the_call("POST"), 201, NULL);
	say_event("web", "pending");
	fake_answer(the_call("PATCH"), 404, NULL);
	call = the_call("POST");
	assert_string_equal(body_at(call, "note"), "pending");
	assert_string_equal(body_at(call, "series.count"), "2");
	fake_answer(call, 201, NULL);
	expect_quiet();
	assert_string_equal(fake_log, "");
}

/* Tried again: no answer, 429, 503, and the POST that had got through. */
static void
test_retry(void **state)
{
	static const int codes[] = { 0, 429, 503, 401, 500 };
	size_t i;

	(void)state;
	say_event("web", "pending");
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		fake_answer(the_call("POST"), codes[i], NULL);
		fake_advance(31000);
	}
	fake_answer(the_call("POST"), 409, NULL);
	expect_quiet();
	assert_string_equal(fake_log, "");
	say_event("web", "pending");
	fake_answer(the_call("PATCH"), 200, NULL);
}

/* A server that always fails on it: not for ever. */
static void
test_poison(void **state)
{
	int i;

	(void)state;
	say_event("web", "pending");
	for (i = 0; i < 12; i++) {
		fake_answer(the_call("POST"), 500, NULL);
		fake_advance(31000);
	}
	expect_quiet();
	assert_non_null(strstr(fake_log, "events are dropped: "));
	for (i = 0; i < 50; i++) {
		if (i == 0)
			say_event("web", "later");
		fake_answer(the_call("POST"), 0, NULL);
		fake_advance(31000);
	}
	the_call("POST");
}

/* Of one object: 25 at once, then one each five minutes; others are free. */
static void
test_burst(void **state)
{
	char note[16];
	int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		sprintf(note, "%d", i);
		say_event("web", note);
	}
	for (i = 0; i < 25; i++) {
		fake_advance(0);
		fake_answer(fake_call(), 201, NULL);
	}
	expect_quiet();
	say_event("other", "x");
	fake_answer(the_call("POST"), 201, NULL);
	say_event("web", "y");
	expect_quiet();
	fake_advance(5 * MINUTE + 1);
	say_event("web", "y");
	fake_answer(the_call("POST"), 201, NULL);
	say_event("web", "z");
	expect_quiet();
}

/* Twenty thousand wait; more push the oldest out, which is told once. */
static void
test_full(void **state)
{
	char name[16];
	unsigned done = 0;
	int i;

	(void)state;
	for (i = 0; i < 25000; i++) {
		sprintf(name, "web%d", i);
		say_event(name, "pending");
	}
	assert_string_equal(fake_log,
	    "4 events: 20000 wait to be written, the oldest are dropped\n");
	for (fake_advance(0); fake_under_way() > 0; done++) {
		if (done == 0)
			assert_string_equal(
			    body_at(fake_call(), "regarding.name"), "web5000");
		fake_answer(fake_call(), 201, NULL);
		fake_advance(0);
	}
	assert_int_equal(done, 20000);
	assert_non_null(strstr(fake_log, "events: 5000 were dropped"));
	/* The last 1,024 are remembered. */
	say_event("web24999", "pending");
	fake_answer(the_call("PATCH"), 200, NULL);
	say_event("web23000", "pending");
	fake_answer(the_call("POST"), 201, NULL);
	fake_advance(20 * MINUTE);
	expect_quiet();
}

/* Full while all that is remembered waits, repeats and ends. */
static void
test_full_of_repeats(void **state)
{
	char name[16];
	int i, k;

	(void)state;
	fake_advance(0);
	for (k = 0; k < 3; k++) {
		for (i = 0; i < 21000; i++) {
			sprintf(name, "web%d", i);
			say_event(name, "pending");
			if (i % 3 == 0)
				say_event(name, "pending");
			if (i % 1000 == 0) {
				fake_advance(0);
				while (fake_under_way() > 0)
					fake_answer(fake_call(),
					    i % 2000 == 0 ? 201 : 0, NULL);
			}
		}
		fake_advance(7 * MINUTE);
	}
	assert_true(fake_under_way() > 0);
}

/* Ended with some waiting, some under way, some remembered. */
static void
test_ending(void **state)
{
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		sprintf(name, "web%d", i);
		say_event(name, "pending");
	}
	fake_advance(0);
	fake_answer(fake_call(), 201, NULL);
	recorder_free(recorder);
	assert_int_equal(fake_under_way(), 0);
	recorder = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fields),
		TEST(test_cluster_scoped),
		TEST(test_lengths),
		TEST(test_names),
		TEST(test_series),
		TEST(test_repeat_waiting),
		TEST(test_warnings),
		TEST(test_key),
		TEST(test_expired),
		TEST(test_retry),
		TEST(test_poison),
		TEST(test_burst),
		TEST(test_full),
		TEST(test_full_of_repeats),
		TEST(test_ending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
