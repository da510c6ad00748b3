/* SPDX-License-Identifier: ISC */
/* Three want a Lease, and whatever goes wrong: never two of them hold it. */

/*
 * A server with one object, and a network that delays, loses and repeats: what
 * a client gave up may still be written. user[0]: when the request is there;
 * user[1]: when the answer is; user[2]: it was served; user[3]: its end for
 * the client. -1: never.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "elector.h"

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

/* Those who watch hear of what is, now and then, some late, some never. */
static void
model_tell(void)
{
	struct reflector *r, *next;

	LIST_FOREACH_SAFE (r, &fake_reflectors, link, next) {
		if (r->self->frozen || roll(1000) < server.wild * 10 ||
		    r->told == server.version)
			continue;
		if (server.wild > 0 && roll(100) == 0)
			r->sink->on_trouble(r->arg, roll(2) ? "why" : NULL);
		r->told = server.version;
		if (server.object == NULL)
			r->sink->on_gone(r->arg, "net/fairway");
		else
			r->sink->on_object(
			    r->arg, "net/fairway", server.object);
	}
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
	model_tell();
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
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		model_run(0x1234567 + i, rows[i].wild, rows[i].steps,
		    rows[i].takeovers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
