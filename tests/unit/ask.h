/* SPDX-License-Identifier: ISC */
/* For tests of requests: small servers, certificates, and somebody who asks. */
#ifndef ASK_H
#define ASK_H

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

#ifndef TESTS_DIR
#define TESTS_DIR "."
#endif

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
	strcpy(directory, "/tmp/test_k8s_ask.XXXXXX");
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

	if (ask->heard < 4096) {
		ask->body = realloc(ask->body, ask->heard + len + 1);
		memcpy(ask->body + ask->heard, data, len);
		ask->body[ask->heard + len] = '\0';
	}
	ask->heard += len;
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

/* Forgets what was answered before. */
static struct api_call *
ask_start(struct ask *ask, const struct api_request *request)
{
	free(ask->body);
	ask->body = NULL;
	ask->done = false;
	ask->len = ask->heard = ask->pieces = 0;
	return api_start(api, request);
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

	return ask_start(ask, &request);
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

	return ask_start(ask, &request);
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

#endif
