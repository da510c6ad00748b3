/* SPDX-License-Identifier: ISC */
/* Exec plugins: scripts that this test writes, good ones and bad ones. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>

#include "../../plugins/k8s/api/api.h"
#include "fake_host.h"

#define HEAD                                                                   \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":"                         \
	"\"client.authentication.k8s.io/v1\",\"status\":{"

static struct guest guest = { &fake_host, NULL };
#define CA64 "LS0tLS1CRUdJTiBYCg==" /* "-----BEGIN X\n" */

static char directory[64], config[96];
static struct logins *logins;
static unsigned changes;

static void
on_change(void *arg)
{
	(void)arg;
	changes++;
}

/* The plugin ./x, and a kubeconfig that has it; more is of `exec`. */
static void
configure(const char *script, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text), "#!/bin/sh\necho run >>'%s/runs'\n%s\n",
	    directory, script);
	fake_write(directory, "x", text);
	snprintf(text, sizeof(text), "%s/x", directory);
	chmod(text, 0755);
	snprintf(text, sizeof(text),
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
	    "clusters: [{name: c, cluster: {server: 'https://h:1', "
	    "tls-server-name: n, certificate-authority-data: " CA64
	    ", extensions: [{name: client.authentication.k8s.io/exec, "
	    "extension: {a: [1, b]}}]}}]\n"
	    "users: [{name: u, user: {exec: {apiVersion: "
	    "client.authentication.k8s.io/v1, command: ./x, %s}}}]\n",
	    more);
	fake_write(directory, "config", text);
}

static int
setup(void **unused)
{
	(void)unused;
	strcpy(directory, "/tmp/test_k8s_exec.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(config, sizeof(config), "%s/config", directory);
	logins = logins_open(&guest, config, on_change, NULL);
	changes = 0;
	fake_forget();
	return 0;
}

static int
teardown(void **unused)
{
	int64_t end_ms = fake_now_ms(NULL) + 2000;

	(void)unused;
	logins_close(logins);
	while (!LIST_EMPTY(&fake_children) && fake_now_ms(NULL) < end_ms)
		fake_turn();
	fake_remove(directory);
	return LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches) &&
		       LIST_EMPTY(&fake_children)
		   ? 0
		   : -1;
}

/* Runs the plugin until it has ended; NULL: *why tells. */
static const struct login *
run(const char **why)
{
	*why = "?";
	assert_null(logins_get(logins, why));
	assert_string_equal(*why, "exec plugin is running");
	assert_true(logins_is_busy(logins));
	assert_int_equal(changes, 0);
	fake_until(changes == 1);
	assert_false(logins_is_busy(logins));
	changes = 0;
	return logins_get(logins, why);
}

static void
run_fails(const char *text)
{
	const char *why;

	assert_null(run(&why));
	if (strstr(why, text) == NULL)
		print_message("%s\n", why);
	assert_non_null(strstr(why, text));
	assert_non_null(strstr(fake_log, text));
}

static unsigned
runs(void)
{
	char name[128], line[16];
	unsigned count = 0;
	FILE *in;

	snprintf(name, sizeof(name), "%s/runs", directory);
	in = fopen(name, "r");
	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		count++;
	if (in != NULL)
		fclose(in);
	return count;
}

static void
test_token(void **unused)
{
	const struct login *login;
	const char *why;

	(void)unused;
	configure("echo 'a word of advice' >&2; echo second >&2\n"
		  "cat <<'E'\n" HEAD "\"token\":\"tok\"}}\nE",
	    "args: []");
	login = run(&why);
	assert_non_null(login);
	assert_string_equal(login->token, "tok");
	assert_non_null(strstr(fake_log, "x: a word of advice\n"));
	assert_null(strstr(fake_log, "second"));
	assert_null(strstr(fake_log, "tok"));
	fake_run(50);
	assert_non_null(logins_get(logins, &why));
	assert_int_equal(runs(), 1); /* it never ends */
}

static void
test_certificate(void **unused)
{
	const struct login *login;
	const char *why;

	(void)unused;
	configure("cat <<'E'\n" HEAD
		  "\"clientCertificateData\":\"C\\n\",\"clientKeyData\":"
		  "\"K\\n\"}}\nE",
	    "args: []");
	login = run(&why);
	assert_non_null(login);
	assert_string_equal(login->cert, "C\n");
	assert_string_equal(login->key, "K\n");
	assert_int_equal(login->key_len, 2);
	assert_null(login->token);
}

/* Words are handed over as they are, and nothing is a shell's. */
static void
test_words(void **unused)
{
	const char *why;

	(void)unused;
	setenv("FROM_US", "kept", 1);
	setenv("OVER", "old", 1);
	configure("read line; printf '{\"apiVersion\":\"client.authentication"
		  ".k8s.io/v1\",\"status\":{\"token\":\"%s|%s|%s|%s|%s\"}}' "
		  "\"$#\" \"$1\" \"$OVER\" \"$FROM_US\" "
		  "\"$(printf '%s' \"$KUBERNETES_EXEC_INFO\" | tr -d '\"' )\"",
	    "args: ['$(id);`id`', 'b'], env: [{name: OVER, value: new}], "
	    "provideClusterInfo: true");
	assert_non_null(run(&why));
	assert_string_equal(logins_get(logins, &why)->token,
	    "2|$(id);`id`|new|kept|{apiVersion:client.authentication.k8s.io/v1,"
	    "kind:ExecCredential,spec:{interactive:false,cluster:{server:"
	    "https://h:1,tls-server-name:n,certificate-authority-data:" CA64
	    ",config:{a:[1,b]}}}}");
}

static void
test_faults(void **unused)
{
	static const struct {
		const char *script, *why;
	} rows[] = {
		{ "echo 'no ticket\033[31m' >&2; exit 3",
		    "x: exit status 3: no ticket?[31m" },
		{ "kill -TERM $$", "x: ended by signal 15" },
		{ "echo hello", "is no ExecCredential with a status" },
		{ "echo '{\"apiVersion\":\"v2\",\"status\":{}}'",
		    "answers as apiVersion v2, but the kubeconfig says client."
		    "authentication.k8s.io/v1: make that the same" },
		{ "echo '" HEAD "}}'",
		    "status.token or clientCertificateData must be there" },
		{ "echo '" HEAD "\"clientKeyData\":\"k\"}}'",
		    "must be there both, or neither" },
		{ "echo '" HEAD "\"token\":5}}'", "status.token must be text" },
		{ "echo '" HEAD "\"token\":\"a b\"}}'",
		    "status.token must be free of blanks" },
		{ "echo '" HEAD "\"token\":\"t\",\"expirationTimestamp\":"
		  "\"soon\"}}'",
		    "expirationTimestamp must be like 2030-01-31T12:00:00Z" },
		{ "head -c 400000 /dev/zero",
		    "it printed more than 262144 bytes" },
	};
	char more[32];
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Another plan: it is run at once. */
		snprintf(more, sizeof(more), "args: ['%zu']", i);
		configure(rows[i].script, more);
		fake_run(i == 0 ? 0 : 1010);
		run_fails(rows[i].why);
	}
}

/* One that is not there; one that fails is not run again at once. */
static void
test_missing(void **unused)
{
	const char *why;
	char name[128];

	(void)unused;
	configure("exit 1", "installHint: apt install x");
	snprintf(name, sizeof(name), "%s/x", directory);
	unlink(name);
	run_fails("x: No such file or directory. apt install x");
	fake_run(1010);
	assert_null(logins_get(logins, &why));
	assert_false(logins_is_busy(logins));
	assert_non_null(strstr(why, "apt install x"));
}

/* The old one serves until the new one has come, a little before it ends. */
static void
test_expiry(void **unused)
{
	static const char script[] =
	    "n=$(wc -l <\"${0%/*}/runs\"); sleep 0.3\n"
	    "printf '" HEAD
	    "\"token\":\"t%s\",\"expirationTimestamp\":\"%s\"}}' $n "
	    "\"$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%S.5Z)\"";
	const char *why;
	int64_t end_ms;

	(void)unused;
	configure(script, "args: []");
	assert_non_null(run(&why));
	assert_string_equal(logins_get(logins, &why)->token, "t1");
	end_ms = fake_now_ms(NULL) + 6000;
	while (!logins_is_busy(logins) && fake_now_ms(NULL) < end_ms) {
		assert_non_null(logins_get(logins, &why));
		fake_turn();
	}
	assert_true(fake_now_ms(NULL) < end_ms);
	while (changes == 0) {
		logins_get(logins, &why);
		fake_turn();
	}
	assert_string_equal(logins_get(logins, &why)->token, "t2");
}

/* It has ended, though somebody it left behind has its pipe still. */
static void
test_orphan(void **unused)
{
	const char *why;

	(void)unused;
	configure(
	    "(sleep 5 & )\necho '" HEAD "\"token\":\"tok\"}}'", "args: []");
	assert_non_null(run(&why));
	configure("sleep 60", "args: [other]");
	fake_run(1010);
	assert_null(logins_get(logins, &why));
	assert_true(logins_is_busy(logins));
	/* Closed while it runs: teardown sees it end. */
}

static void
test_refused(void **unused)
{
	const struct login *login;
	const char *why;

	(void)unused;
	configure("echo '" HEAD "\"token\":\"tok\"}}'", "args: []");
	login = run(&why);
	assert_non_null(login);
	logins_refused(logins, login->version);
	/* Not within ten seconds: what refuses once may refuse for ever. */
	fake_run(1010);
	assert_non_null(logins_get(logins, &why));
	assert_int_equal(runs(), 1);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_token),
		CASE(test_certificate),
		CASE(test_words),
		CASE(test_faults),
		CASE(test_missing),
		CASE(test_expiry),
		CASE(test_orphan),
		CASE(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
