/* SPDX-License-Identifier: ISC */
/* A reflector in a test: a clock that is set, a server by script, what is heard. */
#ifndef SCRIPT_API_H
#define SCRIPT_API_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "../../plugins/k8s/api/api.h"
#include "fake_host.h"

/* A clock that stands still until it is told to go on. */
static int64_t clock_ms;

static int64_t
clock_now_ms(struct bgpd_self *self)
{
	(void)self;
	return clock_ms;
}

static void
clock_timer_start(struct bgpd_timer *t, int64_t after_ms)
{
	t->due_ms = clock_ms + after_ms;
}

static struct bgpd_host host;
static struct guest guest = { &host, NULL };

/* The server: the faults it makes on demand no real one does ---------------------- */

struct api_call {
	struct api_request request;
	char path[512];
	bool gone;
};

static struct api_call *call; /* the one under way; NULL */
static unsigned asked, cancelled;

struct api_call *
api_start(struct api *api, const struct api_request *request)
{
	(void)api;
	assert_null(call);
	call = calloc(1, sizeof(*call));
	call->request = *request;
	assert_string_equal(request->method, "GET");
	snprintf(call->path, sizeof(call->path), "%s", request->path);
	asked++;
	return call;
}

void
api_cancel(struct api_call *c)
{
	assert_ptr_equal(c, call);
	cancelled++;
	call = NULL;
	free(c);
}

char *
api_path_add(char *path, const char *key, const char *value)
{
	char *longer = NULL;

	if (asprintf(&longer, "%s%c%s=%s", path,
		strchr(path, '?') == NULL ? '?' : '&', key, value) == -1)
		abort();
	free(path);
	return longer;
}

/* One turn of the loop: each timer that is due, once. */
static inline void
turn(void)
{
	struct bgpd_timer *due[8], *t;
	size_t i, n = 0;

	LIST_FOREACH (t, &fake_timers, link) {
		if (t->due_ms != 0 && t->due_ms <= clock_ms && n < 8)
			due[n++] = t;
	}
	for (i = 0; i < n; i++) {
		due[i]->due_ms = 0;
		due[i]->on_time(due[i]->arg);
	}
}

/* Bytes of an answer, and the loop goes round. */
static inline void
send_bytes(const char *text, size_t len)
{
	assert_non_null(call);
	call->request.on_data(call->request.arg, text, len);
	turn();
}

static inline void
sends(const char *text)
{
	send_bytes(text, strlen(text));
}

static inline void
ends_with(int status, int64_t retry_after_ms, const char *why)
{
	struct api_call *c = call;
	struct api_reply reply = { status, retry_after_ms, why, "", NULL, 0 };

	assert_non_null(c);
	call = NULL;
	c->request.on_done(c->request.arg, &reply);
	free(c);
}

#define ends()		   ends_with(200, -1, NULL)
#define fails(status, why) ends_with(status, -1, why)

/* The sink -------------------------------------------------------------------------- */

static char heard[FAKE_TEXT];
static struct reflector *r;
static bool close_on_object, close_on_gone;

__attribute__((format(printf, 1, 2))) static void
hear(const char *format, ...)
{
	size_t len = strlen(heard);
	va_list ap;

	va_start(ap, format);
	vsnprintf(heard + len, sizeof(heard) - len, format, ap);
	va_end(ap);
}

static void
on_object(void *arg, const char *key, struct json_object *root)
{
	struct json_object *data = NULL;

	(void)arg;
	json_object_object_get_ex(root, "data", &data);
	hear("+%s%s%s ", key, data == NULL ? "" : "=",
	    data == NULL ? "" : json_object_get_string(data));
	if (close_on_object) {
		reflector_close(r);
		r = NULL;
		close_on_object = false;
	}
}

static void
on_gone(void *arg, const char *key)
{
	(void)arg;
	hear("-%s ", key);
	if (close_on_gone) {
		reflector_close(r);
		r = NULL;
		close_on_gone = false;
	}
}

static void
on_batch(void *arg)
{
	(void)arg;
	hear("%s ", r != NULL && reflector_is_synced(r) ? "synced" : "batch");
}

static void
on_trouble(void *arg, const char *why)
{
	(void)arg;
	hear("trouble(%s) ", why == NULL ? "" : why);
}

static const struct reflector_sink sink = { on_object, on_gone, on_batch,
	on_trouble };
static struct reflector_kind kind;

/* Expectations ---------------------------------------------------------------------- */

static inline void
heard_is(const char *expected)
{
	assert_string_equal(heard, expected);
	heard[0] = '\0';
}

/* Lines of the log at a level, and forgets them all. */
static inline unsigned
logged(int level)
{
	char head[8], *p = fake_log;
	unsigned n = 0;

	snprintf(head, sizeof(head), "%d ", level);
	for (; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1)
		n += strncmp(p, head, strlen(head)) == 0;
	fake_log[0] = '\0';
	return n;
}

static struct bgpd_timer *
timer_due(int64_t end_ms)
{
	struct bgpd_timer *t, *first = NULL;

	LIST_FOREACH (t, &fake_timers, link) {
		if (t->due_ms != 0 && t->due_ms <= end_ms &&
		    (first == NULL || t->due_ms < first->due_ms))
			first = t;
	}
	return first;
}

static inline void
pass(int64_t ms)
{
	int64_t end_ms = clock_ms + ms;
	struct bgpd_timer *t;

	while ((t = timer_due(end_ms)) != NULL) {
		if (t->due_ms > clock_ms)
			clock_ms = t->due_ms;
		t->due_ms = 0;
		t->on_time(t->arg);
	}
	clock_ms = end_ms;
}

/* How long until the next request, which is as expected. */
static inline int64_t
asks(const char *expected)
{
	int64_t began_ms = clock_ms;
	struct bgpd_timer *t;
	char path[512], *p;
	unsigned secs;

	while (call == NULL) {
		assert_non_null(t = timer_due(clock_ms + 400 * 1000));
		pass(t->due_ms - clock_ms);
	}
	strcpy(path, call->path);
	if ((p = strstr(path, "timeoutSeconds=")) != NULL) {
		secs = (unsigned)strtoul(p + 15, &p, 10);
		assert_in_range(secs, 300, 600);
		memmove(path + (strstr(path, "timeoutSeconds=") - path) + 15, p,
		    strlen(p) + 1);
		assert_int_equal(call->request.silent_ms, 130000);
		assert_int_equal(call->request.timeout_ms, 0);
	} else
		assert_int_equal(call->request.timeout_ms, 60000);
	assert_string_equal(path, expected);
	return clock_ms - began_ms;
}

#define WATCHED "?watch=1&allowWatchBookmarks=true&timeoutSeconds="
#define STREAM                                                                 \
	"/api/v1/services" WATCHED                                             \
	"&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define LIST	       "/api/v1/services?limit=500"
#define WATCH(version) "/api/v1/services" WATCHED "&resourceVersion=" version
#define PROBE(name)                                                            \
	"/api/v1/services?fieldSelector=metadata.name%3D" name                 \
	"%2Cmetadata.namespace%3Dns&limit=1"
#define OBJECT_OF(name, uid, version, data)                                    \
	"{\"metadata\":{\"name\":\"" name                                      \
	"\",\"namespace\":\"ns\",\"uid\":\"" uid                               \
	"\",\"resourceVersion\":\"" version                                    \
	"\",\"managedFields\":[{}]},\"data\":\"" data "\"}"
#define OBJECT(name, version, data) OBJECT_OF(name, "u1", version, data)
#define EVENT(type, name, version, data)                                       \
	"{\"type\":\"" type "\",\"object\":" OBJECT(name, version, data) "}\n"
#define BOOKMARK(version)                                                      \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"                    \
	"\"resourceVersion\":\"" version "\"}}}\n"
#define LIST_IS_OVER(version)                                                  \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"                    \
	"\"resourceVersion\":\"" version "\",\"annotations\":{"                \
	"\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define ERROR(code, reason)                                                    \
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"message\":"     \
	"\"because\",\"reason\":\"" reason "\",\"code\":" code "}}\n"
#define PAGE(version, more, items)                                             \
	"{\"metadata\":{\"resourceVersion\":\"" version                        \
	"\",\"continue\":\"" more "\"},\"items\":[" items "]}"

/* The answer to a probe: it is there; and it is not. */
#define FOUND(name, version) PAGE("999", "", OBJECT(name, version, "1"))
#define MISSING		     PAGE("999", "", "")

static inline int
setup(void **unused)
{
	(void)unused;
	host = fake_host;
	host.now_ms = clock_now_ms;
	host.timer_start = clock_timer_start;
	clock_ms = 1000000;
	heard[0] = '\0';
	fake_forget();
	asked = cancelled = 0;
	kind = (struct reflector_kind){ .name = "Services",
		.path = "/api/v1/services" };
	r = reflector_open(&guest, NULL, &kind, &sink, NULL);
	return 0;
}

static inline int
teardown(void **unused)
{
	(void)unused;
	reflector_close(r);
	r = NULL;
	return LIST_EMPTY(&fake_timers) && call == NULL ? 0 : -1;
}

/* Two objects, synced, watching from version 10. */
static inline void
synced(void)
{
	assert_int_equal(asks(STREAM), 0);
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "3", "1"));
	sends(LIST_IS_OVER("10"));
	heard_is("+ns/a=1 +ns/b=1 batch synced ");
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* Watching for a while, so that a failure looks like a restart. */
static inline void
settled(void)
{
	synced();
	pass(10000);
	heard_is("");
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif
