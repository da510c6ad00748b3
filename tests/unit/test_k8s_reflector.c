/* SPDX-License-Identifier: ISC */
/* A reflector before a scripted server: what it asks, when, and what it tells. */

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

static void
send_bytes(const char *text, size_t len)
{
	assert_non_null(call);
	call->request.on_data(call->request.arg, text, len);
}

static void
sends(const char *text)
{
	send_bytes(text, strlen(text));
}

static void
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

static void
heard_is(const char *expected)
{
	assert_string_equal(heard, expected);
	heard[0] = '\0';
}

/* Lines of the log at a level, and forgets them all. */
static unsigned
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

static void
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
static int64_t
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
#define PROBE(version)                                                         \
	"/api/v1/services?limit=1&resourceVersion=" version                    \
	"&resourceVersionMatch=NotOlderThan"
#define OBJECT(name, version, data)                                            \
	"{\"metadata\":{\"name\":\"" name                                      \
	"\",\"namespace\":\"ns\",\"resourceVersion\":\"" version               \
	"\",\"managedFields\":[{}]},\"data\":\"" data "\"}"
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

static int
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

static int
teardown(void **unused)
{
	(void)unused;
	reflector_close(r);
	r = NULL;
	return LIST_EMPTY(&fake_timers) && call == NULL ? 0 : -1;
}

/* Two objects, synced, watching from version 10. */
static void
synced(void)
{
	assert_int_equal(asks(STREAM), 0);
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "3", "1"));
	sends(LIST_IS_OVER("10"));
	heard_is("+ns/a=1 +ns/b=1 batch synced ");
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* Watching for a while, so that a failure looks like a restart. */
static void
settled(void)
{
	synced();
	pass(10000);
	heard_is("");
}

/* Tests ------------------------------------------------------------------------------ */

static void
test_stream(void **unused)
{
	(void)unused;
	assert_int_equal(asks(STREAM), 0);
	assert_string_equal(reflector_state(r), "listing");
	sends(EVENT("ADDED", "a", "9", "1"));
	heard_is("+ns/a=1 batch ");
	assert_false(reflector_is_synced(r));
	/* No order of versions yet; changes come before the end, too. */
	sends(EVENT("ADDED", "b", "3", "1") EVENT("MODIFIED", "a", "12", "2")
		EVENT("DELETED", "b", "13", "1"));
	heard_is("+ns/b=1 +ns/a=2 -ns/b batch ");
	sends(LIST_IS_OVER("14") EVENT("ADDED", "c", "15", "1"));
	heard_is("synced +ns/c=1 synced ");
	assert_int_equal(reflector_count(r), 2);
	assert_string_equal(reflector_state(r), "watching");
	assert_int_equal(asked, 1);
	sends(BOOKMARK("20"));
	sends("\n");
	heard_is("");
	/* Its time is over: from where it was. */
	pass(600 * 1000);
	ends();
	assert_int_equal(asks(WATCH("20")), 0);
	assert_string_equal(reflector_state(r), "watching");
	sends(EVENT("MODIFIED", "c", "22", "2"));
	heard_is("+ns/c=2 synced ");
	pass(600 * 1000);
	ends();
	assert_int_equal(asks(WATCH("22")), 0);
	assert_int_equal(logged(LOG_WARNING), 0);
	heard_is("");
}

static void
test_selector(void **unused)
{
	(void)unused;
	kind.selector = "fieldSelector=spec.type%3DLoadBalancer";
	asks("/api/v1/services?fieldSelector=spec.type%3DLoadBalancer&watch=1"
	     "&allowWatchBookmarks=true&timeoutSeconds=&sendInitialEvents=true"
	     "&resourceVersionMatch=NotOlderThan");
}

/* A server that refuses streaming lists is not asked again. */
static void
test_plain(void **unused)
{
	int status;

	(void)unused;
	for (status = 400; status <= 422; status += 22) {
		asks(STREAM);
		fails(status, "sendInitialEvents is forbidden");
		assert_int_equal(asks(LIST), 0);
		sends(PAGE("7", "t1", OBJECT("a", "1", "1")));
		ends();
		assert_int_equal(asks(LIST "&continue=t1"), 0);
		heard_is("+ns/a=1 batch ");
		sends(PAGE("7", "", OBJECT("b", "2", "1") ",{}"));
		heard_is("+ns/b=1 batch ");
		ends();
		heard_is("synced ");
		assert_int_equal(asks(WATCH("7")), 0);
		assert_int_equal(logged(LOG_WARNING), 1); /* the {} */
		sends(ERROR("410", "Expired"));
		asks(LIST);
		reflector_close(r);
		setup(NULL);
	}
}

/* One that ignores it is found out: by silence, by a plain bookmark. */
static void
test_ignored(void **unused)
{
	(void)unused;
	asks(STREAM);
	pass(9000);
	sends(EVENT("ADDED", "a", "9", "1"));
	pass(9000);
	assert_int_equal(asked, 1);
	assert_int_equal(asks(STREAM), 0);
	pass(1500);
	asks(LIST);
	assert_int_equal(asked, 2);
	sends(PAGE("9", "", OBJECT("b", "9", "1")));
	ends();
	heard_is("+ns/a=1 batch +ns/b=1 batch -ns/a synced ");
	reflector_close(r);
	setup(NULL);
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") BOOKMARK("9"));
	assert_int_equal(asks(LIST), 0);
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* Pages that grow too old: once in one piece. */
static void
test_pages_expire(void **unused)
{
	(void)unused;
	asks(STREAM);
	fails(422, "no");
	asks(LIST);
	sends(PAGE("7", "t1", OBJECT("a", "1", "1")));
	ends();
	asks(LIST "&continue=t1");
	fails(410, "the token is too old");
	assert_in_range(asks("/api/v1/services"), 100, 400);
	sends(PAGE("9", "", OBJECT("b", "2", "1")));
	ends();
	heard_is("+ns/a=1 batch +ns/b=1 batch -ns/a synced ");
	asks(WATCH("9"));
	sends(ERROR("410", "Expired"));
	asks(LIST);
	assert_int_equal(logged(LOG_WARNING), 0);
	/* Half a list is none. */
	sends("{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[");
	ends();
	asks(LIST);
	heard_is("trouble(the list broke off) ");
}

/* A list is a difference; what was known before the start is part of it. */
static void
test_difference(void **unused)
{
	(void)unused;
	reflector_know(r, "ns/b");
	reflector_know(r, "ns/old");
	assert_int_equal(reflector_count(r), 2);
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "3", "1"));
	heard_is("+ns/a=1 +ns/b=1 batch ");
	sends(LIST_IS_OVER("10"));
	heard_is("-ns/old synced ");
	sends(ERROR("410", "Expired"));
	assert_int_equal(cancelled, 1);
	assert_in_range(asks(STREAM), 100, 400);
	assert_true(reflector_is_synced(r));
	sends(EVENT("ADDED", "b", "3", "1") EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/b=1 +ns/c=1 synced ");
	sends(LIST_IS_OVER("13"));
	heard_is("-ns/a synced ");
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* A list that breaks off drops nothing. */
static void
test_broken_list(void **unused)
{
	(void)unused;
	synced();
	sends(ERROR("410", "Gone"));
	asks(STREAM);
	sends(EVENT("ADDED", "b", "3", "1"));
	ends();
	asks(STREAM);
	sends(EVENT("ADDED", "a", "3", "1") LIST_IS_OVER("11"));
	heard_is("+ns/b=1 synced trouble(the list broke off) "
		 "+ns/a=1 -ns/b synced trouble() ");
}

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
test_bad_objects(void **unused)
{
	(void)unused;
	synced();
	sends(
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":7}}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a/b\"}}}\n"
	    "{\"type\":\"MOVED\",\"object\":{}}\n{\"type\":\"ADDED\"}\n"
	    "7\n[]\n{}\n" EVENT("DELETED", "never", "11", "1")
		EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/c=1 synced ");
	assert_int_equal(logged(LOG_WARNING), 1);
	assert_int_equal(asked, 1);
	sends(
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"node\"}}}");
	heard_is("+node synced ");
}

static void
test_garbage(void **unused)
{
	(void)unused;
	settled();
	sends(EVENT("ADDED", "c", "12", "1") "<html>");
	heard_is("+ns/c=1 synced trouble(what it sends is no JSON: byte 488: a "
		 "value must stand here) ");
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
	asks(PROBE("10"));
	sends(PAGE("40", "x", OBJECT("a", "9", "1")));
	ends();
	asks(WATCH("10"));
	heard_is("");
	sends(EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/c=1 synced trouble() ");
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
	heard_is("trouble(not found; the server has no ipaddresspools.metallb."
		 "io: the CustomResourceDefinition is not installed) ");
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

/* Ten thousand keys: the end of a list comes in slices. */
static void
test_sweep(void **unused)
{
	char text[256];
	int i, slices;

	(void)unused;
	asks(STREAM);
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text),
		    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{"
		    "\"name\":\"s%d\",\"namespace\":\"ns\"}}}",
		    i);
		sends(text);
		heard[0] = '\0';
	}
	sends(LIST_IS_OVER("10"));
	assert_false(reflector_is_synced(r));
	/* What changes between slices is not in their way. */
	sends(EVENT("DELETED", "s100", "11", "1") EVENT(
	    "ADDED", "s2555", "12", "1") EVENT("DELETED", "s4999", "13", "1"));
	for (slices = 0; !reflector_is_synced(r); slices++)
		pass(0);
	assert_int_equal(reflector_count(r), 4998);
	sends(ERROR("410", "Expired"));
	asks(STREAM);
	heard[0] = '\0';
	sends(EVENT("ADDED", "s7", "20", "1") LIST_IS_OVER("20"));
	assert_in_range(reflector_count(r), 3900, 4100);
	sends(EVENT("ADDED", "s8", "21", "1"));
	/* It goes on whatever became of the watch. */
	sends(ERROR("410", "Expired"));
	asks(STREAM);
	assert_int_equal(reflector_count(r), 2);
	sends(EVENT("ADDED", "s8", "21", "1") LIST_IS_OVER("20"));
	assert_int_equal(reflector_count(r), 1);
	assert_non_null(strstr(heard, "-ns/s7 "));
}

/* Closed from inside its own callbacks. */
static void
test_close(void **unused)
{
	(void)unused;
	asks(STREAM);
	close_on_object = true;
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "9", "1"));
	heard_is("+ns/a=1 ");
	assert_null(call);
	assert_true(LIST_EMPTY(&fake_timers));
	setup(NULL);
	reflector_know(r, "x");
	reflector_know(r, "y");
	asks(STREAM);
	close_on_gone = true;
	sends(LIST_IS_OVER("10"));
	heard_is("-x ");
	assert_true(LIST_EMPTY(&fake_timers));
}

/* Every split of what a server sends, one byte here and there. */
static void
test_splits(void **unused)
{
	static const char text[] = EVENT("ADDED", "a", "9", "1")
	    LIST_IS_OVER("10") EVENT("MODIFIED", "a", "11", "\\u00e9")
		EVENT("DELETED", "a", "12", "1") BOOKMARK("13");
	size_t i;

	(void)unused;
	for (i = 1; i < sizeof(text) - 1; i++) {
		asks(STREAM);
		send_bytes(text, i);
		send_bytes(text + i, sizeof(text) - 1 - i);
		assert_non_null(strstr(heard, "+ns/a=1 "));
		assert_non_null(strstr(heard, "+ns/a=\xc3\xa9 "));
		assert_non_null(strstr(heard, "-ns/a "));
		ends();
		asks(PROBE("13"));
		reflector_close(r);
		setup(NULL);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(stream),
		T(selector),
		T(plain),
		T(ignored),
		T(pages_expire),
		T(difference),
		T(broken_list),
		T(expired),
		T(expired_for_ever),
		T(bad_objects),
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
		T(sweep),
		T(close),
		T(splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
