/* SPDX-License-Identifier: ISC */
/* Requests to a real small server: answers, faults, cancelling, certificates. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>

#include "../../plugins/k8s/api/api.h"
#include "fake_host.h"

static struct guest guest = { &fake_host, NULL };
static char directory[64], config[96];
static struct api *api;

/* Servers: children of this test ------------------------------------------------ */

struct server {
	pid_t pid;
	int input;
	unsigned port;
};

static struct server plain, tls, strict;

static void
server_start(struct server *server, const char *cert, const char *ca)
{
	const char *script = TESTS_DIR "/api_server.py";
	int in[2], out[2];
	char text[16] = "";

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	server->pid = fork();
	if (server->pid == 0) {
		char crt[128], key[128], root[128];

		snprintf(crt, sizeof(crt), "%s/%s.crt", directory,
		    cert == NULL ? "" : cert);
		snprintf(key, sizeof(key), "%s/%s.key", directory,
		    cert == NULL ? "" : cert);
		snprintf(root, sizeof(root), "%s/%s.crt", directory,
		    ca == NULL ? "" : ca);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execlp("python3", "python3", "-B", script,
		    cert == NULL ? NULL : crt, key, ca == NULL ? NULL : root,
		    NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server->input = in[1];
	assert_true(read(out[0], text, sizeof(text) - 1) > 0);
	close(out[0]);
	server->port = (unsigned)strtoul(text, NULL, 10);
	assert_true(server->port > 0);
}

static void
server_stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	close(server->input);
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

/* Certificates: ca, other, good (by ca), late (by ca, expired), client (by ca) */
static const char certificates[] =
    "cd '%s' && exec 2>openssl.log && "
    "for ca in ca other; do openssl req -x509 -newkey ec -pkeyopt "
    "ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=$ca -keyout $ca.key "
    "-out $ca.crt || exit 1; done; "
    "sign() { openssl req -new -newkey ec -pkeyopt "
    "ec_paramgen_curve:P-256 -nodes -subj /CN=$1 -keyout $1.key -out "
    "$1.csr && printf 'subjectAltName=%%s\\n' \"$2\" >$1.ext && "
    "openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial "
    "-days 30 -extfile $1.ext -out $1.crt || exit 1; }; "
    "sign good DNS:good.test,IP:127.0.0.1; sign named DNS:good.test; "
    "sign client DNS:client";

static int
group_setup(void **unused)
{
	char command[2048];

	(void)unused;
	strcpy(directory, "/tmp/test_k8s_http.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(config, sizeof(config), "%s/config", directory);
	snprintf(command, sizeof(command), certificates, directory);
	assert_int_equal(system(command), 0);
	signal(SIGPIPE, SIG_IGN);
	server_start(&plain, NULL, NULL);
	server_start(&tls, "good", NULL);
	server_start(&strict, "named", "ca");
	return 0;
}

static int
group_teardown(void **unused)
{
	(void)unused;
	server_stop(&plain);
	server_stop(&tls);
	server_stop(&strict);
	fake_remove(directory);
	return 0;
}

/* A kubeconfig: more is of the cluster, then of the user. */
static void
configure(const struct server *server, const char *more, const char *user)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
	    "clusters: [{name: c, cluster: {server: '%s://127.0.0.1:%u', "
	    "%s}}]\n"
	    "users: [{name: u, user: {%s}}]\n",
	    server == &plain ? "http" : "https", server->port, more, user);
	fake_write(directory, "config", text);
}

static int
setup(void **unused)
{
	(void)unused;
	configure(&plain, "", "token: secret1");
	api = api_open(&guest, config);
	fake_forget();
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	if (api != NULL)
		api_close(api);
	api = NULL;
	return LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches) ? 0 : -1;
}

/* Asking -------------------------------------------------------------------------- */

struct ask {
	bool done;
	int status;
	int64_t retry_ms;
	char why[512], reason[64], *body;
	size_t len, heard, pieces;
	struct api_call *cancel; /* by on_data, or by on_done */
	bool cancel_at_data, close_at_data, close_at_done;
};

static void
on_data(void *arg, const char *data, size_t len)
{
	struct ask *ask = arg;

	ask->body = realloc(ask->body, ask->heard + len + 1);
	memcpy(ask->body + ask->heard, data, len);
	ask->heard += len;
	ask->body[ask->heard] = '\0';
	ask->pieces++;
	if (ask->cancel_at_data && ask->cancel != NULL) {
		api_cancel(ask->cancel);
		ask->cancel = NULL;
	}
	if (ask->close_at_data) {
		api_close(api);
		api = NULL;
		ask->close_at_data = false;
	}
}

static void
on_done(void *arg, const struct api_reply *reply)
{
	struct ask *ask = arg;

	assert_false(ask->done);
	ask->done = true;
	ask->status = reply->status;
	ask->retry_ms = reply->retry_after_ms;
	snprintf(ask->why, sizeof(ask->why), "%s",
	    reply->why == NULL ? "" : reply->why);
	snprintf(ask->reason, sizeof(ask->reason), "%s", reply->reason);
	if (ask->heard == 0) {
		ask->body = realloc(ask->body, reply->len + 1);
		memcpy(ask->body, reply->body, reply->len);
		ask->body[reply->len] = '\0';
		ask->len = reply->len;
	}
	if (ask->cancel != NULL) {
		api_cancel(ask->cancel);
		ask->cancel = NULL;
	}
	if (ask->close_at_done) {
		api_close(api);
		api = NULL;
	}
}

static struct api_call *
start(struct ask *ask, const char *path)
{
	struct api_request request = { .method = "GET",
		.path = path,
		.timeout_ms = 2500,
		.keep_max = 4096,
		.on_done = on_done,
		.arg = ask };

	free(ask->body);
	ask->body = NULL;
	ask->done = false;
	ask->len = ask->heard = ask->pieces = 0;
	return api_start(api, &request);
}

static struct api_call *
start_stream(struct ask *ask, const char *path, int64_t silent_ms)
{
	struct api_request request = { .method = "GET",
		.path = path,
		.silent_ms = silent_ms,
		.on_data = on_data,
		.on_done = on_done,
		.arg = ask };

	free(ask->body);
	ask->body = NULL;
	ask->done = false;
	ask->len = ask->heard = ask->pieces = 0;
	return api_start(api, &request);
}

static void
get(struct ask *ask, const char *path)
{
	start(ask, path);
	assert_false(ask->done); /* never from inside */
	fake_until(ask->done);
}

static bool
has(const struct ask *ask, const char *text)
{
	if (strstr(ask->body, text) != NULL)
		return true;
	print_message("%s\n", ask->body);
	return false;
}

/* Why must have the text. */
static void
why_has(const struct ask *ask, const char *text)
{
	if (strstr(ask->why, text) == NULL)
		print_message("%s\n", ask->why);
	assert_non_null(strstr(ask->why, text));
}

/* Tests ------------------------------------------------------------------------------ */

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

/* One connection for one after the other; another after it was closed. */
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
	start(&ask, "/echo");
	start(&other, "/echo");
	fake_until(ask.done && other.done);
	assert_true((strstr(ask.body, number) == NULL) !=
		    (strstr(other.body, number) == NULL));
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
	    "as-groups: [g1, g2]");
	fake_run(1050);
	get(&ask, "/echo");
	assert_true(has(&ask, "\"Authorization\": \"Basic dTpw\""));
	assert_true(has(&ask, "\"Impersonate-User\": \"me\""));
	assert_true(has(&ask, "\"groups\": [\"g1\", \"g2\"]"));
	assert_non_null(strstr(api_server(api), " by /tmp/test_k8s_http"));
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

/* Certificates --------------------------------------------------------------------------- */

static void
again(const struct server *server, const char *more, const char *user)
{
	api_close(api);
	configure(server, more, user);
	api = api_open(&guest, config);
}

static void
test_tls(void **unused)
{
	struct ask ask = { 0 };

	(void)unused;
	again(&tls, "certificate-authority: ca.crt", "token: t");
	get(&ask, "/echo");
	assert_string_equal(ask.why, "");
	assert_int_equal(ask.status, 200);
	get(&ask, "/big/1000000");
	assert_int_equal(ask.status, 200);
	again(&tls, "certificate-authority: other.crt", "token: t");
	get(&ask, "/echo");
	why_has(&ask, "not signed by the certificate authority of this login");
	/* The system's store is asked where no authority is named. */
	again(&tls, "", "token: t");
	get(&ask, "/echo");
	why_has(&ask, "not signed by the certificate authority of this login");
	again(&tls, "insecure-skip-tls-verify: true", "token: t");
	get(&ask, "/echo");
	assert_int_equal(ask.status, 200);
	free(ask.body);
}

static void
test_names(void **unused)
{
	static const char client[] = "client-certificate: client.crt, "
				     "client-key: client.key";
	struct ask ask = { 0 };
	char host[64];

	(void)unused;
	again(&strict, "certificate-authority: ca.crt", client);
	get(&ask, "/echo");
	why_has(&ask, "its certificate is not for this name");
	again(&strict,
	    "certificate-authority: ca.crt, tls-server-name: good.test",
	    client);
	get(&ask, "/echo");
	assert_string_equal(ask.why, "");
	snprintf(host, sizeof(host), "\"Host\": \"127.0.0.1:%u\"", strict.port);
	assert_true(has(&ask, host));
	assert_true(has(&ask, "\"path\": \"/echo\""));
	again(&strict,
	    "certificate-authority: ca.crt, tls-server-name: good.test",
	    "token: x");
	get(&ask, "/echo");
	assert_int_equal(ask.status, 0);
	assert_true(strstr(ask.why, "client certificate") != NULL ||
		    strstr(ask.why, "cut") != NULL);
	again(&strict,
	    "certificate-authority: ca.crt, tls-server-name: good.test",
	    "client-certificate: client.crt, client-key: good.key");
	get(&ask, "/echo");
	why_has(&ask, "do they belong together?");
	free(ask.body);
}

/* A token is told anew; an authority makes new connections, at once. */
static void
test_rotation(void **unused)
{
	struct ask ask = { 0 };
	char number[32];

	(void)unused;
	again(&tls, "certificate-authority: ca.crt", "tokenFile: token");
	fake_write(directory, "token", "one\n");
	get(&ask, "/echo");
	assert_true(has(&ask, "Bearer one"));
	snprintf(number, sizeof(number), "%s", strstr(ask.body, "\"number\""));
	fake_write(directory, "token", "two\n");
	fake_run(1050);
	get(&ask, "/echo");
	assert_true(has(&ask, "Bearer two"));
	assert_true(has(&ask, number));
	configure(&tls, "certificate-authority: other.crt", "tokenFile: token");
	fake_run(1050);
	get(&ask, "/echo");
	why_has(&ask, "not signed by the certificate authority");
	configure(&tls, "certificate-authority: ca.crt", "tokenFile: token");
	fake_run(1050);
	get(&ask, "/echo");
	assert_int_equal(ask.status, 200);
	assert_null(strstr(ask.body, number));
	free(ask.body);
}

/* No turn of the loop takes long, whatever comes. */
static void
test_turns(void **unused)
{
	struct ask ask = { 0 };

	(void)unused;
	again(&tls, "certificate-authority: ca.crt", "token: t");
	fake_longest_us = 0;
	get(&ask, "/echo");
	print_message("first request: %lld us\n", (long long)fake_longest_us);
	fake_longest_us = 0;
	start_stream(&ask, "/big/16000000", 2000);
	fake_until(ask.done);
	assert_int_equal(ask.heard, 16000000);
	print_message("16 MB: %lld us in %zu pieces\n",
	    (long long)fake_longest_us, ask.pieces);
	assert_true(ask.pieces >= 16000000 / 16384);
	assert_true(fake_longest_us < 50000); /* of which this test has most */
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
		CASE(test_nobody),
		CASE(test_name),
		CASE(test_tls),
		CASE(test_names),
		CASE(test_rotation),
		CASE(test_turns),
		CASE(test_path),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
