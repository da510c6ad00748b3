/* SPDX-License-Identifier: ISC */
/* Logins: which files are taken, and what is noticed when they change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>

#include "../../plugins/k8s/api/api.h"
#include "fake_host.h"

static struct guest guest = { &fake_host, NULL };
static char directory[64];
static struct logins *logins;

static void
on_change(void *arg)
{
	(void)arg;
}

static void
put(const char *name, const char *text)
{
	fake_write(directory, name, text);
}

static int
setup(void **unused)
{
	(void)unused;
	strcpy(directory, "/tmp/test_k8s_login.XXXXXX");
	assert_non_null(mkdtemp(directory));
	setenv("FAIRWAY_SERVICEACCOUNT_DIR", directory, 1);
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	unsetenv("KUBECONFIG");
	setenv("HOME", directory, 1);
	put("token", "one\n");
	put("ca.crt", "-----BEGIN CERTIFICATE-----\none\n");
	put("namespace", "kube-system");
	fake_forget();
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	logins_close(logins);
	fake_remove(directory);
	return LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches) ? 0 : -1;
}

/* It must be there. */
static const struct login *
get(void)
{
	const char *why = "?";
	const struct login *login = logins_get(logins, &why);

	if (login == NULL)
		print_message("%s\n", why);
	assert_non_null(login);
	return login;
}

static void
get_fails(const char *text)
{
	const char *why = "?";

	assert_null(logins_get(logins, &why));
	if (strstr(why, text) == NULL)
		print_message("%s\n", why);
	assert_non_null(strstr(why, text));
}

/* Files are looked at each second. */
static void
later(void)
{
	fake_run(1010);
}

static void
test_pod(void **unused)
{
	const struct login *login;

	(void)unused;
	logins = logins_open(&guest, NULL, on_change, NULL);
	login = get();
	assert_string_equal(login->server, "https://10.96.0.1:443");
	assert_string_equal(login->where, "in-cluster");
	assert_string_equal(login->space, "kube-system");
	assert_string_equal(login->token, "one");
	assert_non_null(strstr(login->ca, "one"));
	assert_false(login->insecure);
	logins_close(logins);
	setenv("KUBERNETES_SERVICE_HOST", "fd00:96::1", 1);
	logins = logins_open(&guest, NULL, on_change, NULL);
	assert_string_equal(get()->server, "https://[fd00:96::1]:443");
}

/* A token alone makes no new connections; another authority does. */
static void
test_rotation(void **unused)
{
	unsigned generation, version;

	(void)unused;
	logins = logins_open(&guest, NULL, on_change, NULL);
	generation = get()->generation;
	version = get()->version;
	put("token", "two\n");
	assert_string_equal(get()->token, "one");
	later();
	assert_string_equal(get()->token, "two");
	assert_int_equal(get()->generation, generation);
	assert_int_not_equal(get()->version, version);
	put("ca.crt", "-----BEGIN CERTIFICATE-----\ntwo\n");
	later();
	assert_int_not_equal(get()->generation, generation);
	assert_non_null(strstr(get()->ca, "two"));
	generation = get()->generation;
	version = get()->version;
	later();
	assert_int_equal(get()->generation, generation);
	assert_int_equal(get()->version, version);
	assert_string_equal(fake_log, "");
}

/* As the kubelet does: the files are links through ..data. */
static void
test_links(void **unused)
{
	char text[160], link[160];

	(void)unused;
	snprintf(text, sizeof(text), "%s/..one", directory);
	mkdir(text, 0755);
	fake_write(text, "token", "first");
	snprintf(text, sizeof(text), "%s/..two", directory);
	mkdir(text, 0755);
	fake_write(text, "token", "other");
	snprintf(link, sizeof(link), "%s/..data", directory);
	assert_int_equal(symlink("..one", link), 0);
	snprintf(text, sizeof(text), "%s/token", directory);
	unlink(text);
	assert_int_equal(symlink("..data/token", text), 0);
	logins = logins_open(&guest, NULL, on_change, NULL);
	assert_string_equal(get()->token, "first");
	snprintf(text, sizeof(text), "%s/..tmp", directory);
	assert_int_equal(symlink("..two", text), 0);
	assert_int_equal(rename(text, link), 0);
	later();
	assert_string_equal(get()->token, "other");
}

/* What has gone bad leaves the last good one in use, and is said once. */
static void
test_bad(void **unused)
{
	char token[160];

	(void)unused;
	logins = logins_open(&guest, NULL, on_change, NULL);
	get();
	put("token", " \n");
	later();
	assert_string_equal(get()->token, "one");
	assert_non_null(strstr(fake_log, "token holds no token"));
	assert_non_null(strstr(fake_log, "stays in use"));
	fake_forget();
	later();
	assert_string_equal(get()->token, "one");
	assert_string_equal(fake_log, "");
	snprintf(token, sizeof(token), "%s/token", directory);
	unlink(token);
	later();
	assert_string_equal(get()->token, "one");
	put("token", "three");
	later();
	assert_string_equal(get()->token, "three");
	assert_null(strstr(fake_log, "three"));
}

static void
test_missing(void **unused)
{
	char name[160];

	(void)unused;
	snprintf(name, sizeof(name), "%s/token", directory);
	unlink(name);
	logins = logins_open(&guest, NULL, on_change, NULL);
	get_fails("is automountServiceAccountToken off?");
	put("token", "late");
	later();
	assert_string_equal(get()->token, "late");
}

/* The same bytes under the same date are read again after 401. */
static void
test_refused(void **unused)
{
	struct timespec times[2] = { { 0 } };
	char name[160];
	unsigned old;
	FILE *out;

	(void)unused;
	snprintf(name, sizeof(name), "%s/token", directory);
	utimensat(AT_FDCWD, name, times, 0);
	logins = logins_open(&guest, NULL, on_change, NULL);
	old = get()->version;
	out = fopen(name, "r+");
	fputs("two\n", out);
	fclose(out);
	utimensat(AT_FDCWD, name, times, 0);
	later();
	assert_string_equal(get()->token, "one");
	logins_refused(logins, old + 1); /* of another time: not for us */
	later();
	assert_string_equal(get()->token, "one");
	logins_refused(logins, old);
	later();
	assert_string_equal(get()->token, "two");
}

static void
test_choice(void **unused)
{
	static const char format[] =
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: c}}]\n"
	    "clusters: [{name: c, cluster: {server: 'https://%s'}}]\n";
	char text[512], kube[160], path[256];

	(void)unused;
	unsetenv("KUBERNETES_SERVICE_HOST");
	logins = logins_open(&guest, NULL, on_change, NULL);
	get_fails("no login to an API server: this is no pod, $KUBECONFIG is "
		  "not set and there is no ~/.kube/config; name a file");
	snprintf(kube, sizeof(kube), "%s/.kube", directory);
	mkdir(kube, 0755);
	snprintf(text, sizeof(text), format, "home");
	fake_write(kube, "config", text);
	later();
	assert_string_equal(get()->server, "https://home");
	logins_close(logins);
	snprintf(text, sizeof(text), format, "env");
	put("env", text);
	snprintf(path, sizeof(path), "%s/env", directory);
	setenv("KUBECONFIG", path, 1);
	logins = logins_open(&guest, NULL, on_change, NULL);
	assert_string_equal(get()->server, "https://env");
	logins_close(logins);
	setenv("KUBERNETES_SERVICE_HOST", "h", 1);
	logins = logins_open(&guest, NULL, on_change, NULL);
	assert_string_equal(get()->where, "in-cluster");
	logins_close(logins);
	snprintf(text, sizeof(text), format, "said");
	put("said", text);
	snprintf(path, sizeof(path), "%s/said", directory);
	logins = logins_open(&guest, path, on_change, NULL);
	assert_string_equal(get()->server, "https://said");
	snprintf(text, sizeof(text), format, "new");
	put("said", text);
	later();
	assert_string_equal(get()->server, "https://new");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_pod),
		CASE(test_rotation),
		CASE(test_links),
		CASE(test_bad),
		CASE(test_missing),
		CASE(test_refused),
		CASE(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
