/* SPDX-License-Identifier: ISC */
/* Kubeconfig files: what is read of them, and every fault with its cure. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../plugins/k8s/api/login.h"
#include "fake_host.h"

/* "-----BEGIN X-----\n" */
#define PEM64 "LS0tLS1CRUdJTiBYLS0tLS0K"
#define PEM   "-----BEGIN X-----\n"

static char directory[64], path[96];

static int
setup(void **unused)
{
	(void)unused;
	strcpy(directory, "/tmp/test_k8s_kubeconfig.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/config", directory);
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	fake_remove(directory);
	return 0;
}

static struct plan *
read_text(const char *text)
{
	struct plan *plan = plan_new();

	fake_write(directory, "config", text);
	kubeconfig_read(plan, path);
	if (plan->why[0] != '\0')
		print_message("%s\n", plan->why);
	return plan;
}

/* The text of a file of one cluster and one user. */
static struct plan *
read_parts(const char *cluster, const char *user)
{
	char text[4096];

	snprintf(text, sizeof(text),
	    "apiVersion: v1\n"
	    "kind: Config\n"
	    "current-context: c\n"
	    "contexts:\n"
	    "- name: c\n"
	    "  context: {cluster: k, user: u, namespace: space}\n"
	    "clusters:\n"
	    "- name: k\n"
	    "  cluster: {%s}\n"
	    "users:\n"
	    "- name: u\n"
	    "  user: {%s}\n",
	    cluster, user);
	return read_text(text);
}

static void
test_all(void **unused)
{
	static const char *const extra[] = { "scopes", "a", "scopes", "b",
		"example.com/k", "c" };
	const struct login *login;
	struct plan *plan;
	size_t i;

	(void)unused;
	fake_write(directory, "ca.pem", PEM "ca");
	fake_write(directory, "token", " tok\n");
	plan = read_parts("server: 'https://h:1//', certificate-authority: "
			  "ca.pem, tls-server-name: n, proxy-url: 'http://p'",
	    "client-certificate-data: " PEM64 ", client-key-data: " PEM64
	    ", token: old, tokenFile: ./token, username: a, password: '1', "
	    "as: me, as-groups: [x, y], as-uid: '7', "
	    "as-user-extra: {scopes: [a, b], example.com/k: [c]}");
	login = &plan->login;
	assert_string_equal(plan->why, "");
	assert_string_equal(login->server, "https://h:1");
	assert_string_equal(login->where, path);
	assert_string_equal(login->space, "space");
	assert_string_equal(login->ca, PEM "ca");
	assert_int_equal(login->ca_len, strlen(PEM "ca"));
	assert_string_equal(login->cert, PEM);
	assert_string_equal(login->key, PEM);
	assert_int_equal(login->key_len, strlen(PEM));
	assert_string_equal(login->token, "tok");
	assert_string_equal(login->user, "a");
	assert_string_equal(login->password, "1");
	assert_string_equal(login->tls_server_name, "n");
	assert_string_equal(login->proxy_url, "http://p");
	assert_string_equal(login->as_user, "me");
	assert_string_equal(login->as_groups[0], "x");
	assert_string_equal(login->as_groups[1], "y");
	assert_null(login->as_groups[2]);
	assert_string_equal(login->as_uid, "7");
	for (i = 0; i < sizeof(extra) / sizeof(extra[0]); i++)
		assert_string_equal(login->as_extra[i], extra[i]);
	assert_null(login->as_extra[i]);
	assert_false(login->insecure);
	assert_null(plan->exec);
	plan_free(plan);
}

/* Data are taken where a file is named as well; nobody needs a user. */
static void
test_little(void **unused)
{
	struct plan *plan;

	(void)unused;
	plan = read_parts("server: 'https://h', certificate-authority: nowhere"
			  ", certificate-authority-data: " PEM64,
	    "token: t");
	assert_string_equal(plan->why, "");
	assert_string_equal(plan->login.ca, PEM);
	plan_free(plan);
	plan = read_text("{\"current-context\": \"c\",\n\t\"contexts\": "
			 "[{\"name\": \"c\", \"context\": {\"cluster\": "
			 "\"k\"}}], \"clusters\": [{\"name\": \"k\", "
			 "\"cluster\": {\"server\": \"http:\\/\\/h\", "
			 "\"insecure-skip-tls-verify\": true}}]}");
	assert_string_equal(plan->why, "");
	assert_string_equal(plan->login.server, "http://h");
	assert_true(plan->login.insecure);
	assert_null(plan->login.token);
	assert_null(plan->login.space);
	plan_free(plan);
}

/* Of several files the first that says it; paths from where each one is. */
static void
test_merge(void **unused)
{
	struct plan *plan = plan_new();
	char paths[512], other[96];

	(void)unused;
	snprintf(other, sizeof(other), "%s/d", directory);
	assert_int_equal(mkdir(other, 0755), 0);
	fake_write(directory, "config",
	    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
	    "users: [{name: u, user: {token: first}}]\n");
	fake_write(other, "config",
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: no, user: no}}]\n"
	    "clusters: [{name: k, cluster: {server: 'https://two', "
	    "certificate-authority: ca.pem}}]\n"
	    "users: [{name: u, user: {token: second}}]\n");
	fake_write(other, "ca.pem", PEM "of d");
	snprintf(paths, sizeof(paths), "%s:%s/missing::%s/config", path,
	    directory, other);
	assert_int_equal(kubeconfig_read(plan, paths), 0);
	assert_string_equal(plan->login.token, "first");
	assert_string_equal(plan->login.server, "https://two");
	assert_string_equal(plan->login.ca, PEM "of d");
	plan_free(plan);
	plan = plan_new();
	assert_int_equal(kubeconfig_read(plan, "/missing/1:/missing/2"), -1);
	assert_non_null(strstr(plan->why, "no such file"));
	plan_free(plan);
}

static void
test_exec(void **unused)
{
	struct plan *plan;
	char command[160];

	(void)unused;
	plan = read_parts("server: 'https://h', extensions: [{name: other, "
			  "extension: 1}, {name: "
			  "client.authentication.k8s.io/exec, extension: {a: "
			  "b}}]",
	    "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: "
	    "./bin/x, args: [a b, '2'], env: [{name: E, value: 'v=1'}], "
	    "installHint: get it, provideClusterInfo: true, interactiveMode: "
	    "IfAvailable}");
	assert_string_equal(plan->why, "");
	assert_non_null(plan->exec);
	snprintf(command, sizeof(command), "%s/./bin/x", directory);
	assert_string_equal(plan->exec->argv[0], command);
	assert_string_equal(plan->exec->argv[1], "a b");
	assert_string_equal(plan->exec->argv[2], "2");
	assert_null(plan->exec->argv[3]);
	assert_string_equal(plan->exec->env[0], "E=v=1");
	assert_null(plan->exec->env[1]);
	assert_string_equal(plan->exec->hint, "get it");
	assert_true(plan->exec->wants_cluster);
	assert_string_equal(plan->exec->config, "{\"a\":\"b\"}");
	plan_free(plan);
}

#define EXEC "apiVersion: client.authentication.k8s.io/v1"

static void
test_faults(void **unused)
{
	static const struct {
		const char *cluster, *user, *why;
	} rows[] = {
		{ "a: b", "token: t",
		    "config:9: cluster \"k\": there is no server; say" },
		{ "server: h:6443", "token: t",
		    "config:9: cluster \"k\": server must begin with https:" },
		{ "server: 5", "token: t", "server must be text; put it in" },
		{ "server: \"https://h\\r\\nX: y\"", "token: t",
		    "server must be one line without control" },
		{ "server: 'https://h', certificate-authority: no.pem",
		    "token: t", "no.pem: No such file or directory" },
		{ "server: 'https://h', certificate-authority-data: '%'",
		    "token: t",
		    "certificate-authority-data must be PEM in base64, as" },
		{ "server: 'https://h', certificate-authority-data: aGVsbG8=",
		    "token: t", "certificate-authority-data must be PEM" },
		{ "server: 'https://h', insecure-skip-tls-verify: true, "
		  "certificate-authority-data: " PEM64,
		    "token: t", "exclude each other; leave out the latter" },
		{ "server: 'https://h', insecure-skip-tls-verify: maybe",
		    "token: t", "must be true or false" },
		{ "server: 'https://h'", "token: 123",
		    "config:12: user \"u\": token must be text; put it in "
		    "quotes" },
		{ "server: 'https://h'", "token: 'a b'", "no blanks inside" },
		{ "server: 'https://h'", "tokenFile: gone",
		    "gone: No such file" },
		{ "server: 'https://h'", "client-key-data: " PEM64,
		    "client-key needs client-certificate" },
		{ "server: 'https://h'", "client-certificate-data: " PEM64,
		    "client-certificate needs client-key" },
		{ "server: 'https://h'", "as-groups: [a]",
		    "as-uid, as-groups and as-user-extra need as" },
		{ "server: 'https://h'", "as-uid: a", "need as" },
		{ "server: 'https://h'", "as-user-extra: {a: [b]}", "need as" },
		{ "server: 'https://h'", "as: a, as-user-extra: [b]",
		    "as-user-extra must be" },
		{ "server: 'https://h'", "as: a, as-user-extra: {b: c}",
		    "b must be a list" },
		{ "server: 'https://h'", "as: a, as-user-extra: {b: ['']}",
		    "must be lines, not empty" },
		{ "server: 'https://h'", "as: a, as-user-extra: {'': [c]}",
		    "must be lines, not empty" },
		{ "server: 'https://h'", "as: a, as-groups: [\"b\\nc\"]",
		    "without control characters" },
		{ "server: 'https://h'", "as: a, as-groups: [1]",
		    "as-groups must be a list of text; put in quotes" },
		{ "server: 'https://h'", "auth-provider: {name: gcp}",
		    "auth-provider is of the past; use exec" },
		{ "server: 'https://h'", "exec: 1", "exec must be a mapping" },
		{ "server: 'https://h'",
		    "exec: {apiVersion: client.authentication.k8s.io/v1alpha1"
		    ", command: x}",
		    "apiVersion must be client.authentication.k8s.io/v1 or" },
		{ "server: 'https://h'", "exec: {" EXEC "}",
		    "exec: there is no command" },
		{ "server: 'https://h'",
		    "exec: {" EXEC ", command: x, interactiveMode: Always}",
		    "a daemon has none" },
		{ "server: 'https://h'",
		    "exec: {" EXEC ", command: x, env: [{name: a}]}",
		    "exec: env must be a list of name and value" },
	};
	struct plan *plan;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		plan = read_parts(rows[i].cluster, rows[i].user);
		assert_non_null(strstr(plan->why, rows[i].why));
		assert_non_null(strstr(plan->why, "/config"));
		plan_free(plan);
	}
}

static void
test_broken(void **unused)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "current-context: [\n", "config:2: " },
		{ "", "no such file, or nothing in it" },
		{ "- 1\n", "it must be a mapping that begins with" },
		{ "kind: Config\n", "kubectl config use-context NAME" },
		{ "current-context: 7\n", "it has no current-context" },
		{ "current-context: x\n", "there is no context \"x\" in c" },
		{ "current-context: x\ncontexts: 1\n", "there is no context" },
		{ "current-context: x\ncontexts: [1, {name: x}]\n",
		    "config:2: context \"x\": context must be a mapping" },
		{ "current-context: x\ncontexts: [{name: x, context: {}}]\n",
		    "context \"x\": there is no cluster" },
		{ "current-context: x\n"
		  "contexts: [{name: x, context: {cluster: y}}]\n",
		    "there is no cluster \"y\" in clusters" },
		{ "current-context: x\n"
		  "contexts: [{name: x, context: {cluster: y, user: z}}]\n"
		  "clusters: [{name: y, cluster: {server: 'https://a'}}]\n",
		    "there is no user \"z\" in users" },
		{ "{\"current-context\": ", "config:" },
	};
	struct plan *plan;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		plan = read_text(rows[i].text);
		assert_non_null(strstr(plan->why, rows[i].why));
		plan_free(plan);
	}
	plan = plan_new();
	assert_int_equal(kubeconfig_read(plan, directory), -1);
	assert_non_null(strstr(plan->why, directory));
	plan_free(plan);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_all),
		CASE(test_little),
		CASE(test_merge),
		CASE(test_exec),
		CASE(test_faults),
		CASE(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
