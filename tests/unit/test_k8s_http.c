/* SPDX-License-Identifier: ISC */
/* Requests to a real small server: answers, faults, cancelling, closing. */

#include "ask.h"

static void
test_methods(void **unused)
{
	struct ask ask = { 0 };
	struct api_request patch = { .method = "PATCH",
		.path = "/echo",
		.type = "application/merge-patch+json",
		.body = "{\"a\":1}",
		.len = 7,
		.timeout_ms = 2000,
		.keep_max = 4096,
		.on_done = on_done,
		.arg = &ask };
	struct api_request delete = { .method = "DELETE",
		.path = "/echo/x",
		.timeout_ms = 2000,
		.keep_max = 4096,
		.on_done = on_done,
		.arg = &ask };

	(void)unused;
	get(&ask, "/echo?limit=5");
	assert_int_equal(ask.status, 200);
	assert_string_equal(ask.why, "");
	assert_int_equal(ask.retry_ms, -1);
	assert_true(
	    has(&ask, "\"method\": \"GET\", \"path\": \"/echo?limit=5"));
	assert_true(has(&ask, "\"Authorization\": \"Bearer secret1\""));
	assert_true(has(&ask, "\"Accept\": \"application/json\""));
	assert_true(has(&ask, "\"User-Agent\": \"fairway/test (bgpd k8s)\""));
	ask.done = false;
	api_start(api, &patch);
	fake_until(ask.done);
	assert_true(has(&ask, "\"method\": \"PATCH\""));
	assert_true(has(&ask, "application/merge-patch+json"));
	assert_true(has(&ask, "\"body\": \"{\\\"a\\\":1}\""));
	ask.done = false;
	api_start(api, &delete);
	fake_until(ask.done);
	assert_true(has(&ask, "\"method\": \"DELETE\""));
	assert_null(strstr(ask.body, "Content-Type"));
	get(&ask, "/echo");
	assert_true(has(&ask, "\"method\": \"GET\""));
	assert_true(has(&ask, "\"body\": \"\""));
	assert_null(strstr(fake_log, "secret1"));
	assert_null(api_trouble(api));
	free(ask.body);
}

/* One connection for one after the other; another where it is closed or busy. */
static void
test_reuse(void **unused)
{
	struct ask ask = { 0 }, other = { 0 };
	char number[16];
	int i;

	(void)unused;
	get(&ask, "/once");
	snprintf(number, sizeof(number), "%s", ask.body);
	get(&ask, "/echo");
	snprintf(number, sizeof(number), "\"number\": %lu}",
	    strtoul(number, NULL, 10) + 1);
	for (i = 0; i < 5; i++) {
		get(&ask, "/echo");
		assert_true(has(&ask, number));
	}
	start(&other, "/mute");
	fake_run(50);
	get(&ask, "/echo");
	assert_null(strstr(ask.body, number));
	assert_false(other.done);
	free(ask.body);
	free(other.body);
}

static void
test_stream(void **unused)
{
	struct ask ask = { 0 };
	size_t i;

	(void)unused;
	start_stream(&ask, "/chunks", 2000);
	fake_until(ask.done);
	assert_int_equal(ask.status, 200);
	assert_string_equal(ask.why, "");
	assert_int_equal(ask.heard, 2000);
	for (i = 0; i < ask.heard; i++)
		assert_int_equal(ask.body[i], '0' + (int)(i % 10));
	assert_true(ask.pieces > 1);
	/* What nobody takes is kept as far as was asked. */
	get(&ask, "/big/100000");
	assert_int_equal(ask.status, 200);
	assert_int_equal(ask.len, 4096);
	free(ask.body);
}

static void
test_faults(void **unused)
{
	static const struct {
		const char *path;
		int status, retry_low, retry_high;
		const char *reason, *why;
	} rows[] = {
		{ "/error/401", 401, -1, -1, "Unauthorized",
		    "HTTP 401: Unauthorized; the token" },
		{ "/error/409", 409, -1, -1, "Conflict",
		    "HTTP 409: the object has been modified" },
		{ "/error/410", 410, -1, -1, "Expired", "HTTP 410: too old" },
		{ "/error/429", 429, 7000, 7000, "TooManyRequests",
		    "HTTP 429: slow down" },
		{ "/error/503", 503, 55000, 61000, "",
		    "HTTP 503: overloaded  by far" },
		{ "/error/504", 504, 3000, 3000, "Timeout", "HTTP 504: later" },
		{ "/error/500", 500, -1, -1, "", "HTTP 500: yyyyyyyyyyyyyyyy" },
	};
	struct ask ask = { 0 };
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		get(&ask, rows[i].path);
		assert_int_equal(ask.status, rows[i].status);
		assert_in_range(ask.retry_ms + 1, rows[i].retry_low + 1,
		    rows[i].retry_high + 1);
		assert_string_equal(ask.reason, rows[i].reason);
		why_has(&ask, rows[i].why);
	}
	assert_int_equal(ask.len, 65536);
	why_has(&ask, api_trouble(api));
	get(&ask, "/echo");
	assert_null(api_trouble(api));
	free(ask.body);
}

static void
test_cut(void **unused)
{
	struct ask ask = { 0 };

	(void)unused;
	get(&ask, "/cut");
	assert_int_equal(ask.status, 0);
	why_has(&ask, "the connection was cut in the middle of an answer");
	get(&ask, "/drops");
	assert_int_equal(ask.status, 0);
	why_has(&ask, "was closed without an answer");
	get(&ask, "/nonsense");
	assert_int_equal(ask.status, 0);
	why_has(&ask, "does not speak HTTP");
	free(ask.body);
}

static void
test_time(void **unused)
{
	struct ask ask = { 0 }, mute = { 0 };
	struct api_request request = { .method = "GET",
		.path = "/mute",
		.timeout_ms = 300,
		.on_done = on_done,
		.arg = &mute };
	int64_t began_ms = fake_now_ms(NULL);

	(void)unused;
	start_stream(&ask, "/silent", 1000);
	api_start(api, &request);
	fake_until(mute.done);
	assert_in_range(fake_now_ms(NULL) - began_ms, 300, 600);
	assert_string_equal(mute.why, "no answer within 0 s");
	assert_int_equal(mute.status, 0);
	fake_until(ask.done);
	/* From the last byte, which came after 200 ms. */
	assert_in_range(fake_now_ms(NULL) - began_ms, 1190, 1600);
	assert_string_equal(ask.body, "onetwo");
	assert_string_equal(ask.why, "no byte for 1 s");
	assert_int_equal(ask.status, 0);
	free(ask.body);
	free(mute.body);
}

static void
test_cancel(void **unused)
{
	struct ask ask = { 0 }, other = { 0 }, third = { 0 };
	struct api_call *call;

	(void)unused;
	/* Before it began, and while it runs. */
	call = start(&ask, "/echo");
	api_cancel(call);
	call = start(&ask, "/mute");
	fake_run(50);
	api_cancel(call);
	/* Itself, from its data; another one, from its data. */
	ask.cancel = start_stream(&ask, "/chunks", 2000);
	ask.cancel_at_data = true;
	other.cancel = start(&third, "/mute");
	other.cancel_at_data = true;
	start_stream(&other, "/chunks", 2000);
	fake_until(other.done);
	assert_null(other.cancel);
	fake_run(50);
	assert_false(ask.done);
	assert_false(third.done);
	/* Another one, and itself, from its end. */
	ask.cancel_at_data = false;
	ask.cancel = start(&third, "/mute");
	start(&ask, "/echo");
	fake_until(ask.done);
	ask.cancel = start(&ask, "/echo");
	fake_until(ask.done);
	fake_run(50);
	assert_false(third.done);
	free(ask.body);
	free(other.body);
	free(third.body);
}

static void
test_close(void **unused)
{
	struct ask ask = { 0 }, other = { 0 };

	(void)unused;
	ask.close_at_data = true;
	start(&other, "/mute");
	start_stream(&ask, "/chunks", 2000);
	fake_until(api == NULL);
	fake_run(20);
	assert_false(ask.done);
	assert_true(LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches));
	api = api_open(&guest, config);
	ask.close_at_done = true;
	start(&other, "/mute");
	start(&ask, "/echo");
	fake_until(ask.done);
	assert_null(api);
	assert_true(LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches));
	assert_false(other.done);
	/* With a connection that is made, and one that is kept. */
	api = api_open(&guest, config);
	ask.close_at_done = false;
	get(&ask, "/echo");
	start(&ask, "/mute");
	start(&other, "/mute");
	api_close(api);
	api = NULL;
	free(ask.body);
	free(other.body);
}

static struct api_call *
post(struct ask *ask, const char *path, const char *body)
{
	struct api_request request = { .method = "POST",
		.path = path,
		.type = "application/json",
		.body = body,
		.len = strlen(body),
		.keep_max = 4096,
		.on_done = on_done,
		.arg = ask };

	return ask_start(ask, &request);
}

static void
on_done_last(void *arg, const struct api_reply *reply)
{
	struct ask *ask = arg;

	(void)reply;
	post(ask, "/told", "two");
	api_close(api);
	api = NULL;
}

/* What was to be written is, but for what was cancelled; that takes not long. */
static void
test_last_words(void **unused)
{
	struct ask ask = { 0 }, other = { 0 };
	struct api_request request = {
		.method = "GET", .path = "/echo", .on_done = on_done_last
	};
	int64_t began_ms;

	(void)unused;
	start_stream(&other, "/big/9000000", 2000);
	start(&ask, "/mute");
	fake_run(20);
	api_cancel(post(&ask, "/told", "nothing"));
	post(&ask, "/told", "one");
	start(&ask, "/mute");
	began_ms = fake_now_ms(NULL);
	api_close(api);
	assert_in_range(fake_now_ms(NULL) - began_ms, 0, 150);
	assert_false(ask.done);
	assert_true(LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches));
	/* From inside; from a server that is slow. */
	api = api_open(&guest, config);
	request.arg = &ask;
	ask_start(&ask, &request);
	fake_until(api == NULL);
	fake_run(20);
	assert_false(ask.done);
	api = api_open(&guest, config);
	post(&other, "/mute", "three");
	began_ms = fake_now_ms(NULL);
	api_close(api);
	assert_in_range(fake_now_ms(NULL) - began_ms, 190, 300);
	api = api_open(&guest, config);
	get(&ask, "/told");
	assert_string_equal(ask.body, "one two");
	free(ask.body);
	free(other.body);
}

static void
test_nobody(void **unused)
{
	struct server nobody = { .port = 1 };
	struct ask ask = { 0 };

	(void)unused;
	api_close(api);
	configure(&nobody, "", "token: x");
	api = api_open(&guest, config);
	get(&ask, "/echo");
	assert_int_equal(ask.status, 0);
	why_has(&ask, "https://127.0.0.1:1: no connection: Connection refused; "
		      "is the API server running there");
	api_close(api);
	fake_write(directory, "config", "current-context: x\n");
	api = api_open(&guest, config);
	get(&ask, "/echo");
	assert_int_equal(ask.status, 0);
	why_has(&ask, "there is no context \"x\" in contexts");
	assert_string_equal(api_server(api), "no API server yet");
	/* As soon as it can be read it is used. */
	configure(&plain, "",
	    "username: u, password: p, as: me, "
	    "as-groups: [g1, g2], as-uid: u7, "
	    "as-user-extra: {'S %': [x], example.com/k: [c d]}");
	fake_run(1050);
	get(&ask, "/echo");
	assert_true(has(&ask, "\"Authorization\": \"Basic dTpw\""));
	assert_true(has(&ask, "\"Impersonate-User\": \"me\""));
	assert_true(has(&ask, "\"groups\": [\"g1\", \"g2\"]"));
	assert_true(has(&ask, "\"Impersonate-Uid\": \"u7\""));
	assert_true(has(&ask, "\"Impersonate-Extra-S%20%25\": \"x\""));
	assert_true(
	    has(&ask, "\"Impersonate-Extra-example.com%2Fk\": \"c d\""));
	assert_non_null(strstr(api_server(api), " by /tmp/test_k8s_ask"));
	free(ask.body);
}

/* A name that is none: in a thread, so that the loop goes on. */
static void
test_name(void **unused)
{
	struct ask ask = { 0 };

	(void)unused;
	api_close(api);
	fake_write(directory, "config",
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: c}}]\n"
	    "clusters: [{name: c, cluster: {server: "
	    "'https://no-such-name.invalid:6443'}}]\n");
	api = api_open(&guest, config);
	fake_longest_us = 0;
	start(&ask, "/echo");
	fake_until(ask.done);
	if (strstr(ask.why, "no answer") == NULL)
		why_has(&ask, "its name cannot be resolved; check");
	assert_true(fake_longest_us < 200000);
	/* Cancelled while the thread runs: nobody waits for it. */
	api_cancel(start(&ask, "/echo"));
	free(ask.body);
}

static void
test_path(void **unused)
{
	char *path = strdup("/api");

	(void)unused;
	path = api_path_add(path, "a", "x y/z?&=%~");
	path = api_path_add(path, "b", "\xc3\xa9");
	assert_string_equal(path, "/api?a=x%20y%2Fz%3F%26%3D%25~&b=%C3%A9");
	free(path);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_methods),
		CASE(test_reuse),
		CASE(test_stream),
		CASE(test_faults),
		CASE(test_cut),
		CASE(test_time),
		CASE(test_cancel),
		CASE(test_close),
		CASE(test_last_words),
		CASE(test_nobody),
		CASE(test_name),
		CASE(test_path),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
