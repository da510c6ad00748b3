/* SPDX-License-Identifier: ISC */
/* Lines to a TLS server: who is trusted, what changes, how long a turn takes. */

#include "ask.h"

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

/* Of a server that nobody reaches; plain is the proxy. */
static void
proxied(const char *more)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: c}}]\n"
	    "clusters: [{name: c, cluster: {server: 'http://192.0.2.1:1', "
	    "%s}}]\n",
	    more);
	api_close(api);
	fake_write(directory, "config", text);
	api = api_open(&guest, config);
}

/* proxy-url, else the environment, of which NO_PROXY has exceptions. */
static void
test_proxy(void **unused)
{
	struct ask ask = { 0 };
	char proxy[64], more[96];

	(void)unused;
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", plain.port);
	snprintf(more, sizeof(more), "proxy-url: '%s'", proxy);
	setenv("NO_PROXY", "10.0.0.0/8,192.0.2.0/24", 1);
	proxied(more);
	get(&ask, "/echo");
	assert_true(has(&ask, "\"path\": \"http://192.0.2.1:1/echo\""));
	setenv("HTTP_PROXY", proxy, 1);
	proxied("");
	get(&ask, "/echo");
	assert_int_equal(ask.status, 0); /* not by the proxy */
	setenv("NO_PROXY", "10.0.0.0/8", 1);
	proxied("");
	get(&ask, "/echo");
	assert_true(has(&ask, "\"path\": \"http://192.0.2.1:1/echo\""));
	/* What is on this host is asked without. */
	setenv("HTTP_PROXY", "http://127.0.0.1:1", 1);
	again(&plain, "", "token: t");
	get(&ask, "/echo");
	assert_int_equal(ask.status, 200);
	unsetenv("HTTP_PROXY");
	unsetenv("NO_PROXY");
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
	assert_true(fake_longest_us < 10000);
	free(ask.body);
}

/* As expensive as reading it is. */
static void
on_parsed(void *arg, const char *data, size_t len)
{
	int64_t end_us = fake_cpu_us() + (int64_t)len / 50;

	on_data(arg, data, len);
	while (fake_cpu_us() < end_us)
		;
}

/* The longest call of the loop while two answers of 4 MB are read late. */
static int64_t
pile_us(void)
{
	struct ask asks[2] = { 0 };
	struct api_request request = { .method = "GET",
		.path = "/big/4000000",
		.silent_ms = 2000,
		.on_data = on_parsed,
		.on_done = on_done };
	size_t i;

	for (i = 0; i < 2; i++) {
		request.arg = &asks[i];
		ask_start(&asks[i], &request);
	}
	while (asks[0].heard == 0 || asks[1].heard == 0)
		fake_turn();
	usleep(200000);
	fake_longest_us = 0;
	fake_until(asks[0].done && asks[1].done);
	print_message("a pile: %lld us\n", (long long)fake_longest_us);
	for (i = 0; i < 2; i++) {
		assert_int_equal(asks[i].heard, 4000000);
		free(asks[i].body);
	}
	return fake_longest_us;
}

/*
 * Much has come while the loop was elsewhere: it is read in small parts. What a
 * virtual machine takes away counts as ours: measured again, as what is too long
 * by itself is so each time.
 */
static void
test_pile(void **unused)
{
	int tries = 3;

	(void)unused;
	again(&tls, "certificate-authority: ca.crt", "token: t");
	while (pile_us() >= 10000)
		assert_int_not_equal(--tries, 0);
}

/* What every call is given in a turn is bounded, and each gets its part. */
static void
test_ration(void **unused)
{
	struct ask asks[8] = { 0 };
	size_t before = 0, now, most = 0, all, least, i;

	(void)unused;
	again(&tls, "certificate-authority: ca.crt", "token: t");
	for (i = 0; i < 8; i++)
		start_stream(&asks[i], "/big/4000000", 2000);
	while (!asks[0].done) {
		fake_turn();
		for (now = i = 0; i < 8; i++)
			now += asks[i].heard;
		if (now - before > most)
			most = now - before;
		before = now;
	}
	all = least = asks[0].heard;
	for (i = 1; i < 8; i++)
		least = asks[i].heard < least ? asks[i].heard : least;
	print_message("%zu at most; %zu of %zu at least\n", most, least, all);
	assert_true(most <= 65536 + 16384);
	assert_true(least > all / 4);
	for (i = 0; i < 8; i++) {
		fake_until(asks[i].done);
		assert_string_equal(asks[i].why, "");
		assert_int_equal(asks[i].heard, 4000000);
		free(asks[i].body);
	}
}

/* Taken away while it is paused: its handle is as good as new. */
static void
test_paused(void **unused)
{
	struct ask ask = { 0 }, other = { 0 };
	struct api_call *call;
	int i;

	(void)unused;
	again(&tls, "certificate-authority: ca.crt", "token: t");
	for (i = 0; i < 20; i++) {
		ask.heard = 0;
		call = start_stream(&ask, "/big/4000000", 2000);
		while (ask.heard < 65536)
			fake_turn();
		api_cancel(call);
		get(&other, "/echo");
		assert_int_equal(other.status, 200);
		get(&other, "/big/300000");
		assert_int_equal(other.status, 200);
		assert_int_equal(other.len, 4096);
	}
	ask.heard = 0;
	start_stream(&ask, "/big/4000000", 2000);
	while (ask.heard < 65536)
		fake_turn();
	api_close(api);
	api = NULL;
	assert_false(ask.done);
	free(ask.body);
	free(other.body);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_tls),
		CASE(test_names),
		CASE(test_rotation),
		CASE(test_proxy),
		CASE(test_turns),
		CASE(test_pile),
		CASE(test_ration),
		CASE(test_paused),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
