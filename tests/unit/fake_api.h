/* SPDX-License-Identifier: ISC */
/* A server for tests of what talks to one: its calls are answered by the test. */
#ifndef FAKE_API_H
#define FAKE_API_H

/*
 * The clock is the test's own: it moves in fake_advance alone, which runs the
 * timers that come due. Each self has its offset to it, and may be frozen.
 */

#include <bsd/sys/queue.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/api/api.h"

struct bgpd_self {
	int64_t offset_ms;
	int percent; /* how fast its clock runs; 0: as the test's */
	bool frozen;
};

struct bgpd_timer {
	LIST_ENTRY(bgpd_timer) link;
	struct bgpd_self *self;
	void (*on_time)(void *);
	void *arg;
	int64_t due_ms; /* of its self's clock; -1: not armed */
};

struct api {
	struct bgpd_self *self;
};

struct api_call {
	TAILQ_ENTRY(api_call) link;
	struct api_request request; /* texts are copies */
	struct api *api;
	bool cancelled;	 /* the server may see it all the same */
	int64_t user[4]; /* the test's own */
};
TAILQ_HEAD(fake_calls, api_call);

static LIST_HEAD(, bgpd_timer) fake_timers;
static struct fake_calls fake_calls = TAILQ_HEAD_INITIALIZER(fake_calls);
static unsigned fake_call_count, fake_cancel_count;
static int64_t fake_ms = 1000000;
static char fake_log[65536];
/* A call that is cancelled: true when the test keeps it; NULL: it is gone. */
static bool (*fake_on_cancel)(struct api_call *call);

/* The host ----------------------------------------------------------------------- */

static int64_t
fake_now_ms(struct bgpd_self *self)
{
	int percent = self->percent == 0 ? 100 : self->percent;

	return fake_ms * percent / 100 + self->offset_ms;
}

__attribute__((format(printf, 3, 4))) static void
fake_say(struct bgpd_self *self, int level, const char *format, ...)
{
	size_t len = strlen(fake_log);
	va_list ap;

	(void)self;
	if (len > sizeof(fake_log) - 1024)
		len = 0;
	len += (size_t)snprintf(fake_log + len, 16, "%d ", level);
	va_start(ap, format);
	vsnprintf(fake_log + len, 900, format, ap);
	va_end(ap);
	strcat(fake_log, "\n");
	if (getenv("FAKE_VERBOSE") != NULL)
		fprintf(stderr, "%lld %s", (long long)fake_ms, fake_log + len);
}

static struct bgpd_timer *
fake_timer_new(struct bgpd_self *self, void (*on_time)(void *), void *arg)
{
	struct bgpd_timer *t = calloc(1, sizeof(*t));

	t->self = self;
	t->on_time = on_time;
	t->arg = arg;
	t->due_ms = -1;
	LIST_INSERT_HEAD(&fake_timers, t, link);
	return t;
}

static void
fake_timer_start(struct bgpd_timer *t, int64_t after_ms)
{
	t->due_ms = fake_now_ms(t->self) + (after_ms > 0 ? after_ms : 0);
}

static void
fake_timer_stop(struct bgpd_timer *t)
{
	t->due_ms = -1;
}

static void
fake_timer_free(struct bgpd_timer *t)
{
	LIST_REMOVE(t, link);
	free(t);
}

static const struct bgpd_host fake_host = {
	BGPD_INIT(struct bgpd_host),
	.log = fake_say,
	.now_ms = fake_now_ms,
	.timer_new = fake_timer_new,
	.timer_start = fake_timer_start,
	.timer_stop = fake_timer_stop,
	.timer_free = fake_timer_free,
};

/* Runs what is due now; false: nothing is. */
static bool
fake_turn(void)
{
	struct bgpd_timer *t;

	LIST_FOREACH (t, &fake_timers, link) {
		if (t->due_ms == -1 || t->self->frozen ||
		    t->due_ms > fake_now_ms(t->self))
			continue;
		t->due_ms = -1;
		t->on_time(t->arg);
		return true;
	}
	return false;
}

/* The fault of a loop that never comes to rest is the room's. */
static inline void
fake_settle(void)
{
	unsigned turns = 0;

	while (fake_turn())
		assert_true(++turns < 100000);
}

static inline void
fake_advance(int64_t ms)
{
	int64_t end_ms = fake_ms + ms;

	for (fake_settle(); fake_ms < end_ms; fake_settle())
		fake_ms++;
}

/* The server --------------------------------------------------------------------- */

static void
fake_call_free(struct api_call *call)
{
	free((void *)(uintptr_t)call->request.path);
	free((void *)(uintptr_t)call->request.body);
	free(call);
}

struct api_call *
api_start(struct api *api, const struct api_request *request)
{
	struct api_call *call = calloc(1, sizeof(*call));

	call->api = api;
	call->request = *request;
	call->request.path = strdup(request->path);
	call->request.body =
	    request->body == NULL ? NULL : strndup(request->body, request->len);
	TAILQ_INSERT_TAIL(&fake_calls, call, link);
	fake_call_count++;
	return call;
}

void
api_cancel(struct api_call *call)
{
	fake_cancel_count++;
	if (fake_on_cancel != NULL && fake_on_cancel(call))
		return;
	TAILQ_REMOVE(&fake_calls, call, link);
	fake_call_free(call);
}

/* Ends a call: status 0 is no answer; body NULL is none. */
static inline void
fake_answer_with(struct api_call *call, struct api_reply reply)
{
	TAILQ_REMOVE(&fake_calls, call, link);
	if (reply.reason == NULL)
		reply.reason = "";
	if (reply.why == NULL && reply.status / 100 != 2)
		reply.why = "the server refused";
	if (reply.body != NULL)
		reply.len = strlen(reply.body);
	call->request.on_done(call->request.arg, &reply);
	fake_call_free(call);
}

static inline void
fake_answer(struct api_call *call, int status, const char *body)
{
	fake_answer_with(
	    call, (struct api_reply){
		      .status = status, .retry_after_ms = -1, .body = body });
}

static inline struct api_call *
fake_call(void)
{
	return TAILQ_FIRST(&fake_calls);
}

static inline size_t
fake_under_way(void)
{
	struct api_call *call;
	size_t n = 0;

	TAILQ_FOREACH (call, &fake_calls, link)
		n++;
	return n;
}

static inline void
fake_forget(void)
{
	struct api_call *call;

	while ((call = TAILQ_FIRST(&fake_calls)) != NULL) {
		TAILQ_REMOVE(&fake_calls, call, link);
		fake_call_free(call);
	}
	fake_log[0] = '\0';
	fake_call_count = fake_cancel_count = 0;
	fake_on_cancel = NULL;
}

#endif
