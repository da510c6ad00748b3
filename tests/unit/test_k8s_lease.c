/* SPDX-License-Identifier: ISC */
/* A Lease, answer by answer: it is taken, renewed, lost and given back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "elector.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/net/leases"

static struct elector a;

static int
setup(void **state)
{
	(void)state;
	memset(&a, 0, sizeof(a));
	elector_open(&a, "a");
	assert_int_equal(fake_call_count, 0);
	fake_advance(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lease_close(a.lease);
	assert_true(LIST_EMPTY(&fake_timers));
	assert_true(LIST_EMPTY(&fake_reflectors));
	fake_forget();
	return 0;
}

/* The record as the server would have it. */
static const char *
record_of(const char *holder, int version)
{
	static char out[1024];

	snprintf(out, sizeof(out),
	    "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"fairway\","
	    "\"labels\":{\"x\":\"y\"},\"resourceVersion\":\"%d\","
	    "\"managedFields\":[]},\"spec\":{\"holderIdentity\":\"%s\","
	    "\"leaseDurationSeconds\":%d,\"leaseTransitions\":4,"
	    "\"acquireTime\":\"then\",\"strategy\":\"kept\"}}",
	    version, holder, holder[0] == '\0' ? 1 : 15);
	return out;
}

static struct api_call *
the_call(const char *method)
{
	fake_advance(0);
	assert_int_equal(fake_under_way(), 1);
	assert_string_equal(fake_call()->request.method, method);
	assert_string_equal(fake_call()->request.path,
	    strcmp(method, "POST") == 0 ? LEASES : LEASES "/fairway");
	assert_int_equal(fake_call()->request.timeout_ms, 2500);
	return fake_call();
}

/* A text or number of the call's body, by keys with dots; "": there is none. */
static const char *
sent(const char *keys)
{
	static char out[256];
	struct json_object *root =
	    json_tokener_parse(fake_call()->request.body);
	struct json_object *value = root;
	char copy[128], *key, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", keys);
	while (value != NULL && (key = strsep(&rest, ".")) != NULL) {
		if (!json_object_object_get_ex(value, key, &value))
			value = NULL;
	}
	snprintf(out, sizeof(out), "%s",
	    value == NULL ? "" : json_object_get_string(value));
	json_object_put(root);
	return out;
}

/* Waits for the next call; how long that took. */
static int64_t
until_call(const char *method)
{
	int64_t from_ms = fake_ms;

	for (fake_advance(0); fake_under_way() == 0; fake_advance(1))
		assert_true(fake_ms - from_ms < 30000);
	the_call(method);
	return fake_ms - from_ms;
}

/* It leads, at version 1. */
static void
lead(void)
{
	fake_answer(the_call("GET"), 404, NULL);
	fake_answer(the_call("POST"), 201, record_of("a", 1));
	assert_true(lease_is_held(a.lease));
}

static void
test_create(void **state)
{
	(void)state;
	assert_null(lease_holder(a.lease));
	fake_answer(the_call("GET"), 404, NULL);
	the_call("POST");
	assert_string_equal(sent("metadata.name"), "fairway");
	assert_string_equal(sent("metadata.namespace"), "net");
	assert_string_equal(sent("spec.holderIdentity"), "a");
	assert_string_equal(sent("spec.leaseDurationSeconds"), "15");
	assert_string_equal(sent("spec.leaseTransitions"), "0");
	assert_string_equal(
	    sent("spec.acquireTime"), "2026-01-02T03:04:05.000000Z");
	assert_string_equal(
	    sent("spec.renewTime"), "2026-01-02T03:04:05.000000Z");
	assert_false(lease_is_held(a.lease));
	fake_answer(fake_call(), 201, record_of("a", 1));
	assert_true(lease_is_held(a.lease));
	assert_string_equal(lease_holder(a.lease), "a");
	assert_int_equal(a.changes, 1);
	assert_string_equal(fake_log, "5 leading: lease net/fairway\n");
}

/* Each two seconds by PUT, at the version it knows, all else as it came. */
static void
test_renew(void **state)
{
	int i;

	(void)state;
	lead();
	for (i = 1; i < 50; i++) {
		assert_int_equal(until_call("PUT"), i == 1 ? 2000 : 1900);
		assert_int_equal(atoi(sent("metadata.resourceVersion")), i);
		assert_string_equal(sent("metadata.labels.x"), "y");
		assert_string_equal(sent("metadata.managedFields"), "");
		assert_string_equal(sent("spec.strategy"), "kept");
		assert_string_equal(sent("spec.leaseTransitions"), "4");
		assert_string_equal(sent("spec.acquireTime"), "then");
		fake_advance(100); /* the answer's way */
		fake_answer(fake_call(), 200, record_of("a", i + 1));
	}
	assert_int_equal(a.changes, 1);
}

/* Another's: told once, polled; taken when unchanged for its time, not sooner. */
static void
test_takeover(void **state)
{
	int64_t from_ms;
	int polls = 0;

	(void)state;
	calendar_ns += INT64_C(1000000000) * 86400 * 365; /* tells nothing */
	fake_answer(the_call("GET"), 200, record_of("b", 7));
	assert_string_equal(
	    fake_log, "5 not leading: b holds lease net/fairway\n");
	assert_string_equal(lease_holder(a.lease), "b");
	fake_advance(8000);
	assert_in_range(until_call("GET"), 0, 4400);
	fake_answer(fake_call(), 200, record_of("b", 8));
	for (from_ms = fake_ms; fake_under_way() == 0; polls++) {
		assert_in_range(until_call("GET"), 200, 4400);
		fake_answer(fake_call(), 200, record_of("b", 8));
		calendar_ns -= INT64_C(5000000000);
	}
	assert_in_range(fake_ms - from_ms, 15000, 15400);
	assert_in_range(polls, 4, 9);
	the_call("PUT");
	assert_string_equal(sent("spec.holderIdentity"), "a");
	assert_string_equal(sent("spec.leaseTransitions"), "5");
	assert_string_not_equal(sent("spec.acquireTime"), "then");
	assert_string_equal(sent("metadata.resourceVersion"), "8");
	fake_answer(fake_call(), 409, NULL); /* somebody was quicker */
	fake_answer(the_call("GET"), 200, record_of("c", 9));
	assert_int_equal(fake_under_way(), 0);
	assert_int_equal(a.changes, 0);
	assert_non_null(strstr(fake_log, "not leading: c holds"));
}

/* Given back by its holder: taken at once. */
static void
test_empty(void **state)
{
	(void)state;
	fake_answer(the_call("GET"), 200, record_of("", 3));
	fake_answer(the_call("PUT"), 200, record_of("a", 4));
	assert_true(lease_is_held(a.lease));
}

static void
hear(const char *record)
{
	struct reflector *r = LIST_FIRST(&fake_reflectors);
	struct json_object *root = json_tokener_parse(record);

	assert_non_null(r);
	r->sink->on_object(r->arg, "net/fairway", root);
	json_object_put(root);
}

/* Who waits hears: no question until it is stale, a look when it is free. */
static void
test_hear(void **state)
{
	int i;

	(void)state;
	assert_true(LIST_EMPTY(&fake_reflectors));
	fake_answer(the_call("GET"), 200, record_of("b", 1));
	assert_string_equal(LIST_FIRST(&fake_reflectors)->kind->path, LEASES);
	assert_string_equal(LIST_FIRST(&fake_reflectors)->kind->selector,
	    "fieldSelector=metadata.name%3Dfairway");
	for (i = 2; i < 40; i++) {
		hear(record_of("b", i));
		fake_advance(2000);
		assert_int_equal(fake_under_way(), 0);
	}
	hear(record_of("c", i));
	assert_non_null(strstr(fake_log, "not leading: c holds"));
	assert_in_range(until_call("GET"), 15000, 15200);
	fake_answer(fake_call(), 200, record_of("c", i + 1));
	assert_in_range(until_call("GET"), 15000, 15200);
	/* A look under way is older than what is heard. */
	hear(record_of("", i + 2));
	assert_int_equal(fake_under_way(), 0);
	assert_int_equal(until_call("GET"), 0);
	fake_answer(fake_call(), 200, record_of("", i + 2));
	the_call("PUT");
	hear(record_of("a", i + 3));
	assert_false(lease_is_held(a.lease));
	fake_answer(fake_call(), 200, record_of("a", i + 3));
	assert_true(lease_is_held(a.lease));
	assert_true(LIST_EMPTY(&fake_reflectors));
}

/* The watch breaks or may not be: it asks as before. */
static void
test_deaf(void **state)
{
	struct reflector *r;

	(void)state;
	fake_answer(the_call("GET"), 200, record_of("b", 1));
	hear(record_of("b", 2));
	r = LIST_FIRST(&fake_reflectors);
	r->sink->on_trouble(r->arg, "no answer");
	assert_in_range(until_call("GET"), 2000, 4400);
	fake_answer(fake_call(), 200, record_of("b", 3));
	assert_in_range(until_call("GET"), 2000, 4400);
	fake_answer(fake_call(), 200, record_of("b", 4));
	hear(record_of("b", 5));
	r->sink->on_gone(r->arg, "net/fairway");
	assert_int_equal(until_call("GET"), 0);
	fake_answer(fake_call(), 404, NULL);
	assert_in_range(until_call("GET"), 2000, 4400);
}

/* Not renewed: over ten seconds after the last success was sent. */
static void
test_lapse(void **state)
{
	int64_t sent_ms;
	int i;

	(void)state;
	lead();
	until_call("PUT");
	sent_ms = fake_ms;
	fake_advance(1000);
	fake_answer(fake_call(), 200, record_of("a", 2));
	for (i = 0; fake_ms < sent_ms + 6000; i++) {
		until_call("PUT");
		fake_advance(700);
		fake_answer(fake_call(), i == 0 ? 500 : 0, NULL);
	}
	fake_advance(sent_ms + 9999 - fake_ms);
	assert_true(lease_is_held(a.lease));
	assert_int_equal(a.changes, 1);
	fake_ms++; /* nothing ran yet */
	assert_false(lease_is_held(a.lease));
	assert_int_equal(a.changes, 1);
	fake_advance(0);
	assert_int_equal(a.changes, 2);
	assert_non_null(strstr(fake_log,
	    "not leading: lease net/fairway was not renewed for 10 s\n"));
	/* Nobody took it: it is ours again. */
	until_call("PUT");
	fake_answer(fake_call(), 200, record_of("a", 3));
	assert_int_equal(a.changes, 3);
	assert_true(lease_is_held(a.lease));
}

/* Frozen with a renewal on its way: its answer is of long ago. */
static void
test_frozen(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	fake_ms += 30000;
	assert_false(lease_is_held(a.lease));
	fake_answer(fake_call(), 200, record_of("a", 2));
	assert_false(lease_is_held(a.lease));
	assert_int_equal(a.changes, 2);
	assert_false(a.told);
}

/* The record says another: lost at that moment. */
static void
test_lost(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	fake_answer(fake_call(), 409, NULL);
	assert_true(lease_is_held(a.lease));
	fake_answer(the_call("GET"), 200, record_of("b", 9));
	assert_false(lease_is_held(a.lease));
	assert_int_equal(a.changes, 2);
	assert_non_null(strstr(fake_log, "not leading: b holds"));
	assert_true(until_call("GET") >= 2000);
}

/* A renewal that had no answer was written: a look, and on. */
static void
test_conflict_with_self(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	fake_answer(fake_call(), 0, NULL);
	until_call("PUT");
	fake_answer(fake_call(), 409, NULL);
	fake_answer(the_call("GET"), 200, record_of("a", 2));
	the_call("PUT");
	assert_string_equal(sent("metadata.resourceVersion"), "2");
	fake_answer(fake_call(), 200, record_of("a", 3));
	assert_int_equal(a.changes, 1);
}

/* Deleted: its holder makes it anew; 409 there, and another has it. */
static void
test_deleted(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	fake_answer(fake_call(), 404, NULL);
	the_call("POST");
	assert_string_equal(sent("metadata.resourceVersion"), "");
	fake_answer(fake_call(), 201, record_of("a", 20));
	assert_int_equal(a.changes, 1);
	until_call("PUT");
	assert_string_equal(sent("metadata.resourceVersion"), "20");
	fake_answer(fake_call(), 404, NULL);
	fake_answer(the_call("POST"), 409, NULL);
	fake_answer(the_call("GET"), 200, record_of("b", 21));
	assert_false(lease_is_held(a.lease));
	/* It is b's, and deleted: b may still believe in it. */
	until_call("GET");
	fake_answer(fake_call(), 404, NULL);
	fake_advance(200);
	while (strcmp(fake_call() == NULL ? "" : fake_call()->request.method,
		   "POST") != 0) {
		assert_int_equal(a.changes, 2);
		if (fake_call() != NULL)
			fake_answer(fake_call(), 404, NULL);
		else
			fake_advance(1);
	}
}

/* A server that answers 409 to all is not asked without end. */
static void
test_no_end(void **state)
{
	int i;

	(void)state;
	lead();
	until_call("PUT");
	for (i = 0; fake_under_way() > 0; i++) {
		assert_true(i < 10);
		fake_answer(fake_call(),
		    strcmp(fake_call()->request.method, "GET") == 0 ? 200 : 409,
		    record_of("a", 5 + i));
	}
	until_call("PUT");
}

/* Trouble is told once each, with its cure. */
static void
test_trouble(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		fake_answer_with(fake_call(), (struct api_reply){ .status = 403,
						  .retry_after_ms = -1,
						  .why = "may not get it" });
		until_call("GET");
	}
	assert_string_equal(fake_log,
	    "4 lease net/fairway: may not get it; it needs a Role with get, "
	    "list, watch, create and update of leases (coordination.k8s.io) "
	    "in that namespace\n");
	fake_answer(fake_call(), 404, NULL);
	fake_answer_with(
	    the_call("POST"), (struct api_reply){ .status = 404,
				  .retry_after_ms = -1,
				  .why = "namespaces \"net\" not found" });
	assert_non_null(strstr(
	    fake_log, "not found; create the namespace, or name another one"));
	until_call("GET");
	fake_answer(fake_call(), 200, "{\"metadata\":[]}");
	assert_non_null(strstr(fake_log, "the answer is no Lease"));
	until_call("GET");
	fake_answer(fake_call(), 200, "[");
}

/* Retry-After is heard, up to a bound. */
static void
test_retry_after(void **state)
{
	(void)state;
	fake_answer_with(fake_call(),
	    (struct api_reply){ .status = 429, .retry_after_ms = 7000 });
	assert_int_equal(until_call("GET"), 7000);
	fake_answer_with(fake_call(),
	    (struct api_reply){ .status = 429, .retry_after_ms = 1 << 30 });
	assert_int_equal(until_call("GET"), 10000);
}

/* A holder that hears it for too long would lose the lease. */
static void
test_retry_after_held(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	fake_answer_with(fake_call(), (struct api_reply){ .status = 429,
					  .retry_after_ms = 10000,
					  .why = "slow down",
					  .reason = "" });
	assert_int_equal(until_call("PUT"), 3333);
	assert_true(lease_is_held(a.lease));
}

/* Given back: not held from the call on, on_done after the answer. */
static void
test_release(void **state)
{
	(void)state;
	lead();
	lease_release(a.lease, on_released, &a);
	assert_false(lease_is_held(a.lease));
	assert_int_equal(a.releases, 0);
	the_call("PUT");
	assert_string_equal(sent("spec.holderIdentity"), "");
	assert_string_equal(sent("spec.leaseDurationSeconds"), "1");
	assert_string_equal(sent("spec.leaseTransitions"), "4");
	assert_string_equal(sent("metadata.resourceVersion"), "1");
	fake_answer(fake_call(), 200, record_of("", 2));
	assert_int_equal(a.releases, 1);
	assert_int_equal(a.changes, 1);
	fake_advance(60000);
	assert_int_equal(fake_under_way(), 0);
	assert_int_equal(a.releases, 1);
}

/* No answer: two seconds. A renewal under way: looked at first. */
static void
test_release_slow(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	lease_release(a.lease, on_released, &a);
	fake_answer(the_call("GET"), 200, record_of("a", 2));
	the_call("PUT");
	assert_string_equal(sent("metadata.resourceVersion"), "2");
	assert_string_equal(sent("spec.holderIdentity"), "");
	fake_advance(1999);
	assert_int_equal(a.releases, 0);
	fake_advance(1);
	assert_int_equal(a.releases, 1);
	assert_int_equal(fake_under_way(), 0);
}

/* Not ours: nothing to give, told from the loop. */
static void
test_release_other(void **state)
{
	(void)state;
	fake_answer(the_call("GET"), 200, record_of("b", 2));
	lease_release(a.lease, on_released, &a);
	assert_int_equal(a.releases, 0);
	fake_advance(0);
	assert_int_equal(a.releases, 1);
	assert_int_equal(fake_under_way(), 0);
}

/* Closed: given back without waiting; also inside on_change. */
static void
test_close(void **state)
{
	(void)state;
	a.closes = true;
	fake_answer(the_call("GET"), 404, NULL);
	fake_answer(the_call("POST"), 201, record_of("a", 1));
	assert_null(a.lease);
	the_call("PUT");
	assert_string_equal(sent("spec.holderIdentity"), "");
	fake_answer(fake_call(), 200, NULL);
}

/* Closed while the object is made anew: no write without a version. */
static void
test_close_making(void **state)
{
	(void)state;
	lead();
	until_call("PUT");
	fake_answer(fake_call(), 404, NULL);
	the_call("POST");
	lease_close(a.lease);
	a.lease = NULL;
	assert_int_equal(fake_under_way(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_renew),
		TEST(test_takeover),
		TEST(test_empty),
		TEST(test_hear),
		TEST(test_deaf),
		TEST(test_lapse),
		TEST(test_frozen),
		TEST(test_lost),
		TEST(test_conflict_with_self),
		TEST(test_deleted),
		TEST(test_no_end),
		TEST(test_trouble),
		TEST(test_retry_after),
		TEST(test_retry_after_held),
		TEST(test_release),
		TEST(test_release_slow),
		TEST(test_release_other),
		TEST(test_close),
		TEST(test_close_making),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
