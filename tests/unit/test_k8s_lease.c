/* SPDX-License-Identifier: ISC */
/* Leases: who takes, renews, loses and gives back; and that never two hold one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "fake_api.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/net/leases"

/* The calendar and the dice are the test's: each run is the same. */
static int64_t calendar_ns = INT64_C(1767323045000000000);
static uint64_t dice = UINT64_C(0x9e3779b97f4a7c15);

int64_t __wrap_stamp_now_ns(void);
uint32_t __wrap_arc4random_uniform(uint32_t bound);

int64_t
__wrap_stamp_now_ns(void)
{
	return calendar_ns;
}

static uint32_t
roll(uint32_t bound)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return bound == 0 ? 0 : (uint32_t)(dice >> 32) % bound;
}

uint32_t
__wrap_arc4random_uniform(uint32_t bound)
{
	return roll(bound);
}

/* An elector -------------------------------------------------------------------- */

struct elector {
	struct bgpd_self self;
	struct guest guest;
	struct api api;
	struct lease_options options;
	struct lease *lease;
	unsigned changes, releases;
	bool told, closes;
	int64_t wake_ms, open_ms; /* the model's */
};

static void
on_change(void *arg, bool held)
{
	struct elector *e = arg;

	assert_int_equal(held, !e->told); /* changes alone */
	e->told = held;
	e->changes++;
	if (e->closes) {
		lease_close(e->lease);
		e->lease = NULL;
	}
}

static void
on_released(void *arg)
{
	struct elector *e = arg;

	e->releases++;
}

static void
elector_open(struct elector *e, const char *name)
{
	e->guest = (struct guest){ &fake_host, &e->self };
	e->api.self = &e->self;
	e->options = (struct lease_options){ .space = "net",
		.name = "fairway",
		.identity = name,
		.duration_ms = 15000,
		.renew_ms = 10000,
		.retry_ms = 2000 };
	e->told = false;
	e->lease = lease_open(&e->guest, &e->api, &e->options, on_change, e);
}

static bool
elector_holds(const struct elector *e)
{
	return e->lease != NULL && lease_is_held(e->lease);
}

/* Scripted ------------------------------------------------------------------------ */

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

	while (fake_under_way() == 0) {
		fake_advance(1);
		assert_true(fake_ms - from_ms < 30000);
	}
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
	    "create and update of leases (coordination.k8s.io) in that "
	    "namespace\n");
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

/* The model ----------------------------------------------------------------------- */

/*
 * A server with one object, and a network that delays, loses and repeats: what
 * a client gave up may still be written. user[0]: when the request is there;
 * user[1]: when the answer is; user[2]: it was served; user[3]: its end for
 * the client. -1: never.
 */
static struct {
	struct json_object *object;
	int version;
	int64_t made_ms, deleted_ms;
	unsigned wild; /* how much goes wrong, in percent */
} server;

#define ELECTORS 3
static struct elector electors[ELECTORS];
static const char *const names[ELECTORS] = { "a", "b", "c" };

static bool
model_keep(struct api_call *call)
{
	call->cancelled = true;
	return true;
}

static int64_t
delay(void)
{
	return roll(100) < server.wild ? roll(6000) : roll(40);
}

/* Called for each call that the model has not seen yet. */
static void
model_route(struct api_call *call)
{
	bool lost = roll(100) < server.wild / 3;

	call->user[0] = lost ? -1 : fake_ms + delay();
	call->user[1] = -1;
	call->user[3] = fake_ms + call->request.timeout_ms;
}

static int
model_write(struct json_object *root)
{
	struct json_object *meta, *version;
	char text[16];

	assert_true(json_object_object_get_ex(root, "metadata", &meta));
	if (server.object != NULL) {
		/* Nothing may be written blindly. */
		assert_true(json_object_object_get_ex(
		    meta, "resourceVersion", &version));
		if (atoi(json_object_get_string(version)) != server.version)
			return 409;
		json_object_put(server.object);
	} else
		server.made_ms = fake_ms;
	snprintf(text, sizeof(text), "%d", ++server.version);
	json_object_object_add(
	    meta, "resourceVersion", json_object_new_string(text));
	server.object = json_object_get(root);
	return 200;
}

static int
model_serve(const struct api_call *call)
{
	const char *method = call->request.method;
	struct json_object *root;
	int status;

	if (roll(100) < server.wild / 4)
		return roll(2) ? 500 : 429;
	if (strcmp(method, "GET") == 0)
		return server.object == NULL ? 404 : 200;
	if ((strcmp(method, "POST") == 0) != (server.object == NULL))
		return server.object == NULL ? 404 : 409;
	root = json_tokener_parse(call->request.body);
	status = model_write(root);
	json_object_put(root);
	return status;
}

/* The answer waits in the call as its own text: status, then the object. */
static void
model_arrive(struct api_call *call)
{
	char *answer;

	call->user[2] = model_serve(call);
	call->user[0] = -1;
	if (roll(100) >= server.wild / 4)
		call->user[1] = fake_ms + delay();
	answer = strdup(server.object == NULL
			    ? ""
			    : json_object_to_json_string(server.object));
	free((void *)(uintptr_t)call->request.body);
	call->request.body = answer;
}

/* What it tells its client, if anything now; true: the call is gone. */
static bool
model_deliver(struct api_call *call)
{
	bool arrived = call->user[1] != -1 && call->user[1] <= fake_ms;
	struct api_reply reply = { .retry_after_ms = -1, .reason = "" };

	if (call->cancelled) {
		if (call->user[0] != -1)
			return false; /* it is still on its way */
		TAILQ_REMOVE(&fake_calls, call, link);
		fake_call_free(call);
		return true;
	}
	if (call->api->self->frozen)
		return false;
	if (arrived) {
		reply.status = (int)call->user[2];
		reply.body = reply.status == 200 ? call->request.body : NULL;
		fake_answer_with(call, reply);
		return true;
	}
	if (fake_ms < call->user[3])
		return false;
	/* Given up by the client; the server may see it all the same. */
	reply.why = "no answer";
	call->cancelled = true;
	call->request.on_done(call->request.arg, &reply);
	return false;
}

static void
model_network(void)
{
	struct api_call *call, *next;
	bool again;

	TAILQ_FOREACH (call, &fake_calls, link) {
		if (call->user[3] == 0)
			model_route(call);
		if (call->user[0] != -1 && call->user[0] <= fake_ms)
			model_arrive(call);
	}
	do {
		again = false;
		TAILQ_FOREACH_SAFE (call, &fake_calls, link, next) {
			if (call->user[3] != 0 && model_deliver(call)) {
				again = true; /* the list may be another */
				break;
			}
		}
	} while (again);
}

static void
model_freeze(struct elector *e)
{
	if (e->self.frozen && fake_ms >= e->wake_ms)
		e->self.frozen = false;
	else if (!e->self.frozen && roll(20000) < server.wild) {
		e->self.frozen = true;
		e->wake_ms = fake_ms + roll(40000);
	}
}

/* Goes away, with or without a word, and comes back. */
static void
model_restart(struct elector *e, const char *name)
{
	if (e->lease == NULL && fake_ms >= e->open_ms &&
	    fake_ms > server.deleted_ms + 30000)
		elector_open(e, name);
	else if (e->lease != NULL && !e->self.frozen &&
		 roll(100000) < server.wild) {
		if (roll(2))
			lease_release(e->lease, on_released, e);
		else {
			lease_close(e->lease);
			e->lease = NULL;
		}
		e->open_ms = fake_ms + roll(20000);
	} else if (e->lease != NULL && e->releases > 0) {
		lease_close(e->lease);
		e->lease = NULL;
	}
	if (e->lease == NULL)
		e->releases = 0;
}

/*
 * Somebody deletes it; only where all have seen it: who never did may make it
 * while its holder does not know yet.
 */
static void
model_delete(void)
{
	int i;

	for (i = 0; i < ELECTORS; i++) {
		if (electors[i].lease == NULL ||
		    lease_holder(electors[i].lease) == NULL)
			return;
	}
	if (server.object == NULL || fake_ms < server.made_ms + 120000 ||
	    roll(200000) >= server.wild)
		return;
	json_object_put(server.object);
	server.object = NULL;
	server.deleted_ms = fake_ms;
}

static void
model_step(unsigned *takeovers, int *holder)
{
	int i, held = -1;

	fake_ms += 10;
	calendar_ns += (int64_t)roll(1000) * 100000000 - 50000000000;
	for (i = 0; i < ELECTORS; i++) {
		model_freeze(&electors[i]);
		model_restart(&electors[i], names[i]);
	}
	model_delete();
	fake_settle();
	model_network();
	for (i = 0; i < ELECTORS; i++) {
		if (!elector_holds(&electors[i]))
			continue;
		assert_int_equal(held, -1); /* never two */
		held = i;
	}
	if (held != -1 && held != *holder) {
		*holder = held;
		++*takeovers;
	}
}

static void
model_run(uint64_t seed, unsigned wild, unsigned steps, unsigned least)
{
	unsigned takeovers = 0, i, n = 0;
	int holder = -1;

	dice = seed;
	memset(electors, 0, sizeof(electors));
	memset(&server, 0, sizeof(server));
	server.wild = wild;
	server.deleted_ms = -30000;
	fake_on_cancel = model_keep;
	for (i = 0; i < ELECTORS; i++) {
		electors[i].self.offset_ms = roll(1000000);
		electors[i].self.percent = 90 + (int)roll(21);
	}
	for (i = 0; i < steps; i++)
		model_step(&takeovers, &holder);
	assert_true(takeovers >= least);
	/* Calm again: one holds, and goes on to. */
	server.wild = 0;
	for (i = 0; i < 12000; i++)
		model_step(&takeovers, &holder);
	takeovers = 0;
	for (i = 0; i < 6000; i++) {
		model_step(&takeovers, &holder);
		assert_true(elector_holds(&electors[holder]));
	}
	assert_int_equal(takeovers, 0);
	for (i = 0; i < ELECTORS; i++) {
		n += electors[i].changes;
		lease_close(electors[i].lease);
	}
	assert_true(n >= 1);
	json_object_put(server.object);
	fake_forget();
}

static void
test_model(void **state)
{
	static const struct {
		unsigned wild, steps, takeovers;
	} rows[] = {
		{ 0, 10000, 1 },
		{ 5, 1000000, 40 },
		{ 20, 1000000, 60 },
		{ 60, 1000000, 15 },
	};
	size_t i;

	(void)state;
	lease_close(a.lease);
	a.lease = NULL;
	fake_forget();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		model_run(0x1234567 + i, rows[i].wild, rows[i].steps,
		    rows[i].takeovers);
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
		TEST(test_lapse),
		TEST(test_frozen),
		TEST(test_lost),
		TEST(test_conflict_with_self),
		TEST(test_deleted),
		TEST(test_no_end),
		TEST(test_trouble),
		TEST(test_retry_after),
		TEST(test_release),
		TEST(test_release_slow),
		TEST(test_release_other),
		TEST(test_close),
		TEST(test_close_making),
		TEST(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
