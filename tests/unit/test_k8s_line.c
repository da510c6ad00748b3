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
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
