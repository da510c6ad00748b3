/* SPDX-License-Identifier: ISC */
/* Events that the server does not take: what waits, and what is dropped. */

#include "recorder_scene.h"

/* As an authorizer says it. */
#define NO_RIGHT                                                               \
	"HTTP 403: events.events.k8s.io is forbidden: User \"x\" cannot "      \
	"create resource \"events\" in API group \"events.k8s.io\""

static void
answer_refusal(int status, const char *reason, const char *why)
{
	fake_answer_with(fake_call(), (struct api_reply){ .status = status,
					  .retry_after_ms = -1,
					  .reason = reason,
					  .why = why });
}

/* One that is bad is dropped, and that is told once for each reason. */
static void
test_refused(void **state)
{
	static const char *const reasons[] = { "Invalid", "Invalid",
		"BadRequest" };
	char name[8];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		sprintf(name, "web%zu", i);
		say_event(name, "pending");
		the_call("POST");
		answer_refusal(i < 2 ? 422 : 400, reasons[i],
		    i < 2 ? "may not be" : "is bad");
		expect_quiet();
	}
	assert_string_equal(fake_log, "4 events are dropped: may not be\n"
				      "4 events are dropped: is bad\n");
	say_event("web0", "pending"); /* no repeat: it is not there */
	fake_answer(the_call("POST"), 201, NULL);
}

static int64_t
until_post(void)
{
	int64_t from_ms = fake_ms;

	for (fake_advance(0); fake_under_way() == 0; fake_advance(1))
		assert_true(fake_ms - from_ms < 20 * MINUTE);
	return fake_ms - from_ms;
}

/*
 * The right is missing, as of a server that has just started: all of them wait,
 * one asks again and again, and when it may all are written. Told once.
 */
static void
test_forbidden(void **state)
{
	static const int64_t pauses[] = { 500, 1000, 2000, 4000, 8000, 16000,
		30000, 30000 };
	char name[8];
	size_t i;

	(void)state;
	for (i = 0; i < 20; i++) {
		sprintf(name, "web%zu", i);
		say_event(name, "pending");
	}
	fake_advance(0);
	while (fake_under_way() > 0)
		answer_refusal(403, "Forbidden", NO_RIGHT);
	for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		assert_int_equal(until_post(), pauses[i]);
		assert_int_equal(fake_under_way(), 1);
		fake_advance(100);
		assert_int_equal(fake_under_way(), 1);
		answer_refusal(403, "Forbidden", NO_RIGHT);
	}
	assert_string_equal(fake_log,
	    "4 events wait, each for 10 minutes: " NO_RIGHT "; it needs a "
	    "ClusterRole with create and patch of events (events.k8s.io)\n");
	until_post();
	fake_call_count = 0;
	while (fake_under_way() > 0) {
		fake_answer(fake_call(), 201, NULL);
		fake_advance(0);
	}
	assert_int_equal(fake_call_count, 19);
	say_event("web0", "pending"); /* a repeat: it is there */
	fake_answer(the_call("PATCH"), 200, NULL);
}

/* It never comes: what is too old goes, and the server is hardly asked. */
static void
test_forbidden_for_good(void **state)
{
	char name[8];
	size_t i;

	(void)state;
	for (i = 0; i < 20; i++) {
		sprintf(name, "web%zu", i);
		say_event(name, "pending");
	}
	for (i = 0; i < 11 * 60; i++) {
		fake_advance(1000);
		while (fake_under_way() > 0)
			answer_refusal(403, "Forbidden", NO_RIGHT);
	}
	assert_in_range(fake_call_count, 20, 20 + 30);
	fake_call_count = 0;
	fake_advance(10 * MINUTE);
	assert_int_equal(fake_call_count, 0);
	say_event("young", "pending");
	assert_int_equal(until_post(), 0);
	fake_answer(fake_call(), 201, NULL);
	expect_quiet();
}

/* A quota or a webhook denies those of one namespace: no others wait for it. */
static void
test_denied(void **state)
{
	static const char *const whys[] = {
		"HTTP 403: events.events.k8s.io \"web\" is forbidden: exceeded "
		"quota: few, requested: count/events.events.k8s.io=1",
		"HTTP 403: admission webhook \"a.example\" denied the request: "
		"no",
		"HTTP 403: events.events.k8s.io \"web\" is forbidden: "
		"ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
		"no",
	};
	char name[8];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		sprintf(name, "web%zu", i);
		say_event(name, "pending");
		the_call("POST");
		answer_refusal(403, "Forbidden", whys[i]);
		say_event("other", name);
		assert_int_equal(until_post(), 0);
		fake_answer(the_call("POST"), 201, NULL);
		expect_quiet();
	}
	assert_string_equal(fake_log,
	    "4 events are dropped: HTTP 403: events.events.k8s.io \"web\" is "
	    "forbidden: exceeded quota: few, requested: "
	    "count/events.events.k8s.io=1\n");
	/* The right is missing, and then is not: another's denial shows that. */
	say_event("web3", "pending");
	say_event("web4", "pending");
	fake_advance(0);
	while (fake_under_way() > 0)
		answer_refusal(403, "Forbidden", NO_RIGHT);
	assert_non_null(strstr(fake_log, "4 events wait, each for 10 minutes"));
	assert_int_equal(until_post(), 500);
	answer_refusal(403, "Forbidden", whys[0]);
	assert_int_equal(until_post(), 0);
	fake_answer(the_call("POST"), 201, NULL);
	expect_quiet();
}

/* A namespace that goes takes no events: nobody needs to know. */
static void
test_terminating(void **state)
{
	(void)state;
	say_event("web", "pending");
	fake_answer_with(the_call("POST"),
	    (struct api_reply){ .status = 403,
		.retry_after_ms = -1,
		.reason = "Forbidden",
		.why = "HTTP 403: unable to create new content in namespace "
		       "shop because it is being terminated" });
	expect_quiet();
	assert_string_equal(fake_log, "");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_forbidden),
		TEST(test_forbidden_for_good),
		TEST(test_denied),
		TEST(test_terminating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
