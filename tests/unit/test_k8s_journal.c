/* SPDX-License-Identifier: ISC */
/* The state file: kept over kill -9, torn tails, foreign files, compaction. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "../../plugins/k8s/k8s.h"
#include "fake_state.h"

static int
setup(void **unused)
{
	(void)unused;
	return state_setup("a/b/state");
}

static void
content_set(const char *text, size_t len)
{
	journal_close(journal_open(&guest, path, "n1"));
	state_write(text, len);
}

#define HEAD "fairway-k8s-state 1 node n1\n"

static void
test_records(void **unused)
{
	struct journal *j = journal_open(&guest, path, "n1");

	(void)unused;
	assert_true(journal_works(j));
	journal_put(j, "ns/a", "192.0.2.1");
	journal_put(j, "ns/a", "192.0.2.1");
	journal_put(j, "ns/b", "192.0.2.2,2001:db8::1");
	journal_put(j, "ns/a", "192.0.2.3");
	journal_remove(j, "ns/a");
	journal_remove(j, "ns/a");
	state_is(path, HEAD "+ ns/a 192.0.2.1\n+ ns/b 192.0.2.2,2001:db8::1\n"
			    "+ ns/a 192.0.2.3\n- ns/a\n");
	fake_run(200);
	journal_close(j);
	j = journal_open(&guest, path, "n1");
	assert_null(journal_find(j, "ns/a"));
	assert_string_equal(journal_find(j, "ns/b"), "192.0.2.2,2001:db8::1");
	journal_close(j);
	assert_string_equal(fake_log, "");
}

/* A process that dies at once leaves all that it put. */
static void
test_kill(void **unused)
{
	struct journal *j;
	int status;
	pid_t pid;

	(void)unused;
	pid = fork();
	if (pid == 0) {
		j = journal_open(&guest, path, "n1");
		journal_put(j, "ns/a", "192.0.2.1");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	j = journal_open(&guest, path, "n1");
	assert_string_equal(journal_find(j, "ns/a"), "192.0.2.1");
	journal_close(j);
}

static void
test_torn(void **unused)
{
	static const char text[] = HEAD "+ ns/a 192.0.2.1\n+ ns/b 192.0";
	struct journal *j;
	size_t len;

	(void)unused;
	for (len = 0; len < sizeof(text) - 1; len++) {
		content_set(text, len);
		j = journal_open(&guest, path, "n1");
		assert_true(journal_works(j));
		assert_string_equal(fake_log, "");
		if (len >= sizeof(HEAD "+ ns/a 192.0.2.1\n") - 1)
			assert_string_equal(
			    journal_find(j, "ns/a"), "192.0.2.1");
		assert_null(journal_find(j, "ns/b"));
		journal_put(j, "ns/c", "192.0.2.9");
		journal_close(j);
		j = journal_open(&guest, path, "n1");
		assert_string_equal(journal_find(j, "ns/c"), "192.0.2.9");
		journal_close(j);
	}
}

/* Said, kept beside, begun anew; what can be read of a damaged one is. */
static void
test_foreign(void **unused)
{
	static const struct {
		const char *text, *word, *kept;
	} rows[] = {
		{ "fairway-k8s-state 1 node n2\n+ ns/a 192.0.2.1\n",
		    "belongs to another node", NULL },
		{ "hello\n", "is not a state file", NULL },
		{ "fairway-k8s-state 2 node n1\n+ ns/a 192.0.2.1\n",
		    "is not a state file", NULL },
		{ HEAD "+ ns/a 192.0.2.1\n????\n", "cannot be read",
		    "192.0.2.1" },
	};
	char saved[128];
	struct journal *j;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		content_set(rows[i].text, strlen(rows[i].text));
		j = journal_open(&guest, path, "n1");
		assert_non_null(strstr(fake_log, rows[i].word));
		assert_true(journal_works(j));
		if (rows[i].kept == NULL)
			assert_null(journal_find(j, "ns/a"));
		else
			assert_string_equal(
			    journal_find(j, "ns/a"), rows[i].kept);
		journal_close(j);
		snprintf(saved, sizeof(saved), "%s.saved-%zu", path, i + 1);
		state_is(saved, rows[i].text);
		state_is(path,
		    rows[i].kept == NULL ? HEAD : HEAD "+ ns/a 192.0.2.1\n");
	}
}

static void
test_no_file(void **unused)
{
	struct journal *j = journal_open(&guest, "/proc/none/state", "n1");
	struct journal *other;

	(void)unused;
	assert_non_null(strstr(fake_log, "not kept over a restart"));
	assert_false(journal_works(j));
	journal_put(j, "ns/a", "192.0.2.1");
	assert_string_equal(journal_find(j, "ns/a"), "192.0.2.1");
	journal_close(j);
	/* Two at one file: the second says so and writes nothing. */
	j = journal_open(&guest, path, "n1");
	fake_forget();
	other = journal_open(&guest, path, "n1");
	assert_non_null(strstr(fake_log, "in use by another"));
	journal_put(other, "ns/a", "192.0.2.1");
	state_is(path, HEAD);
	journal_close(other);
	journal_close(j);
}

static void
test_compaction(void **unused)
{
	struct journal *j = journal_open(&guest, path, "n1");
	struct stat st;
	char value[32];
	int i;

	(void)unused;
	for (i = 0; i < 20000; i++) {
		snprintf(value, sizeof(value), "192.0.2.%d", i % 250);
		journal_put(j, "ns/a", value);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 40000);
	journal_close(j);
	j = journal_open(&guest, path, "n1");
	assert_string_equal(journal_find(j, "ns/a"), "192.0.2.249");
	journal_close(j);
}

static void
forget(void *arg, const char *name)
{
	journal_remove(arg, name);
}

static void
test_walk(void **unused)
{
	struct journal *j = journal_open(&guest, path, "n1");

	(void)unused;
	journal_put(j, "ns/a", "1");
	journal_put(j, "ns/b", "2");
	journal_walk(j, forget, j);
	assert_null(journal_find(j, "ns/a"));
	assert_null(journal_find(j, "ns/b"));
	journal_close(j);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_records),
		CASE(test_kill),
		CASE(test_torn),
		CASE(test_foreign),
		CASE(test_no_file),
		CASE(test_compaction),
		CASE(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
