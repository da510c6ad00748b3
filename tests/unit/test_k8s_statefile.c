/* SPDX-License-Identifier: ISC */
/* A file of lines: cut off anywhere, renewed in slices, full disks, two owners. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../plugins/k8s/statefile.h"
#include "fake_state.h"

#define HEAD "magic node n1\n"

static int due;

static void
on_due(void *arg)
{
	(void)arg;
	due++;
}

static const struct statefile_kind kind = { "magic node ", "things", 50,
	on_due };

static int
setup(void **unused)
{
	(void)unused;
	due = 0;
	return state_setup("a/state");
}

static struct statefile *
file_open(void)
{
	return statefile_open(&guest, path, "n1", &kind, NULL);
}

static void
append(struct statefile *f, const char *line)
{
	statefile_append(f, line, strlen(line), 0);
}

static void
content_is(const char *expected)
{
	state_is(path, expected);
}

static void
content_set(const char *text, size_t len)
{
	statefile_close(file_open());
	state_write(text, len);
}

static char lines[4096];

static int
on_line(void *arg, char *line, size_t len)
{
	size_t used = strlen(lines);

	(void)arg;
	assert_int_equal(strlen(line), len);
	snprintf(lines + used, sizeof(lines) - used, "%.20s;", line);
	return line[0] == '?' ? -1 : 0;
}

/* The lines, each cut to 20 characters, as "a;b;". */
static const char *
all_lines(struct statefile *f)
{
	lines[0] = '\0';
	assert_false(statefile_read(f, on_line, NULL, 0));
	return lines;
}

/* Appended lines are written when the loop turns, when told so, on close. */
static void
test_batches(void **unused)
{
	struct statefile *f = file_open();
	struct stat st;

	(void)unused;
	append(f, "a\n");
	content_is(HEAD);
	fake_turn();
	content_is(HEAD "a\n");
	append(f, "b\n");
	statefile_flush(f);
	content_is(HEAD "a\nb\n");
	append(f, "c\n");
	statefile_close(f);
	content_is(HEAD "a\nb\nc\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	f = file_open();
	assert_string_equal(all_lines(f), "a;b;c;");
	statefile_close(f);
	assert_string_equal(fake_log, "");
}

/* A file that others could read is theirs no more. */
static void
test_mode(void **unused)
{
	struct stat st;

	(void)unused;
	content_set(HEAD "a\n", sizeof(HEAD "a\n") - 1);
	chmod(path, 0644);
	statefile_close(file_open());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* What fills a block is written before the loop turns; so is a long line. */
static void
test_blocks(void **unused)
{
	static char line[3 * LINES_BLOCK + 2];
	struct statefile *f = file_open();
	struct stat st;
	int i;

	(void)unused;
	memset(line, 'x', 1000);
	strcpy(line + 999, "\n");
	for (i = 0; i < 100; i++)
		append(f, line);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, (off_t)sizeof(HEAD) - 1 + 65 * 1000);
	memset(line, 'y', 3 * LINES_BLOCK);
	strcpy(line + 3 * LINES_BLOCK, "\n");
	append(f, line);
	append(f, "z\n");
	statefile_close(f);
	f = file_open();
	assert_non_null(strstr(all_lines(f), "x;yyyyyyyyyyyyyyyyyyyy;z;"));
	statefile_close(f);
	assert_string_equal(fake_log, "");
}

/* Cut off at every byte: what is whole is read, and appending goes on. */
static void
test_torn(void **unused)
{
	static const char text[] = HEAD "one\ntwo\nthree\n";
	char whole[64], *p;
	struct statefile *f;
	size_t len;

	(void)unused;
	for (len = 0; len < sizeof(text); len++) {
		content_set(text, len);
		snprintf(whole, sizeof(whole), "%.*s", (int)len, text);
		p = strrchr(whole, '\n');
		if (p == NULL)
			strcpy(whole, HEAD);
		else
			p[1] = '\0';
		f = file_open();
		all_lines(f);
		for (p = lines; (p = strchr(p, ';')) != NULL;)
			*p = '\n';
		assert_string_equal(lines, whole + strlen(HEAD));
		append(f, "more\n");
		statefile_close(f);
		strcat(whole, "more\n");
		content_is(whole);
		assert_string_equal(fake_log, "");
	}
}

static void
test_damaged(void **unused)
{
	static const char text[] = HEAD "a\n?\nb\0b\nc\n";
	struct statefile *f;
	char saved[128];

	(void)unused;
	content_set(text, sizeof(text) - 1);
	f = statefile_open(&guest, path, "n1", &kind, NULL);
	lines[0] = '\0';
	assert_false(statefile_read(f, on_line, NULL, 0));
	assert_string_equal(lines, "a;?;c;");
	assert_non_null(strstr(fake_log, "holds lines that cannot be read"));
	/* Both names are there until the owner has written it anew. */
	snprintf(saved, sizeof(saved), "%s.saved-1", path);
	assert_int_equal(access(path, F_OK) | access(saved, F_OK), 0);
	assert_true(statefile_is_due(f));
	fake_until(due == 1);
	assert_int_equal(statefile_begin(f), 0);
	statefile_add(f, "a\n", 2);
	statefile_add(f, "c\n", 2);
	assert_int_equal(statefile_commit(f), 0);
	content_is(HEAD "a\nc\n");
	statefile_close(f);
	assert_int_equal(access(saved, F_OK), 0);
}

static int
on_slow_line(void *arg, char *line, size_t len)
{
	usleep(10);
	return on_line(arg, line, len);
}

/* Sliced: whatever the budget, each line once and in order. */
static void
test_slices(void **unused)
{
	struct statefile *f = file_open();
	char line[32], *last;
	int i, slices = 1;

	(void)unused;
	for (i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "%d\n", i);
		append(f, line);
	}
	statefile_close(f);
	f = file_open();
	lines[0] = '\0';
	while (statefile_read(f, on_slow_line, NULL, 1)) {
		slices++;
		if (slices == 100)
			append(f, "new\n"); /* not what was there before */
	}
	assert_true(slices > 100);
	last = strstr(lines, "298;299;");
	assert_non_null(last);
	assert_string_equal(last, "298;299;");
	statefile_close(f);
	f = file_open();
	assert_non_null(strstr(all_lines(f), "299;new;"));
	statefile_close(f);
}

/* Due, begun, killed: the old one counts. Committed: the new one. */
static void
test_renewal(void **unused)
{
	struct statefile *f = file_open();
	char copy[4096], line[16];
	FILE *in;
	int i;

	(void)unused;
	for (i = 0; i < 1025; i++) {
		assert_false(statefile_is_due(f));
		snprintf(line, sizeof(line), "%d\n", i % 10);
		append(f, line);
	}
	assert_true(statefile_is_due(f));
	fake_until(due == 1);
	assert_int_equal(statefile_begin(f), 0);
	assert_false(statefile_is_due(f));
	statefile_add(f, "a\n", 2);
	append(f, "b\n"); /* to both */
	statefile_add(f, "c\n", 2);
	statefile_flush(f);
	in = fopen(path, "r");
	i = (int)fread(copy, 1, sizeof(copy) - 1, in);
	copy[i] = '\0';
	fclose(in);
	assert_string_equal(copy + i - 8, "2\n3\n4\nb\n");
	statefile_abort(f);
	assert_int_equal(statefile_commit(f), -1);
	assert_int_equal(statefile_begin(f), 0);
	statefile_add(f, "a\n", 2);
	append(f, "b\n");
	assert_int_equal(statefile_commit(f), 0);
	append(f, "c\n");
	statefile_close(f);
	content_is(HEAD "a\nb\nc\n");
	assert_string_equal(fake_log, "");
}

/* A new one is held as the old one was; of a killed renewal nothing stays. */
static void
test_lock(void **unused)
{
	struct statefile *f, *other;
	char new[128];
	FILE *out;

	(void)unused;
	content_set(HEAD "a\n", sizeof(HEAD "a\n") - 1);
	snprintf(new, sizeof(new), "%s.new", path);
	out = fopen(new, "w");
	fputs("leftover", out);
	fclose(out);
	f = file_open();
	assert_string_equal(all_lines(f), "a;");
	assert_int_equal(statefile_begin(f), 0);
	statefile_add(f, "b\n", 2);
	assert_int_equal(statefile_commit(f), 0);
	content_is(HEAD "b\n");
	other = file_open();
	assert_non_null(strstr(fake_log, "in use by another process"));
	assert_false(statefile_works(other));
	append(other, "x\n");
	statefile_flush(other);
	content_is(HEAD "b\n");
	/* The first is gone: what it left is kept, and not overwritten. */
	statefile_close(f);
	assert_int_equal(statefile_begin(other), 0);
	statefile_add(other, "live\n", 5);
	assert_int_equal(statefile_commit(other), 0);
	assert_true(statefile_works(other));
	assert_non_null(strstr(fake_log, "could not be opened before"));
	assert_non_null(strstr(fake_log, "is kept again"));
	content_is(HEAD "live\n");
	statefile_close(other);
}

/* A child that writes and dies at once, again and again. */
static void
test_kill(void **unused)
{
	struct statefile *f;
	char expected[256] = HEAD, line[16];
	int i, status;
	pid_t pid;

	(void)unused;
	for (i = 0; i < 10; i++) {
		snprintf(line, sizeof(line), "%d\n", i);
		pid = fork();
		if (pid == 0) {
			f = file_open();
			statefile_read(f, on_line, NULL, 0);
			append(f, line);
			statefile_flush(f);
			if (i % 2 == 0 && statefile_begin(f) == 0)
				statefile_add(f, "never\n", 6);
			kill(getpid(), SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		strcat(expected, line);
		content_is(expected);
	}
}

static void
limit_set(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* Full in the middle of a line: no half of it stays, said once, tried again. */
static void
test_full(void **unused)
{
	struct statefile *f;
	const char *said;

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	f = file_open();
	append(f, "first\n");
	statefile_flush(f);
	limit_set(sizeof(HEAD "first\n") - 1 + 3);
	append(f, "second\n");
	statefile_flush(f);
	content_is(HEAD "first\n");
	assert_false(statefile_works(f));
	said = strstr(fake_log, "cannot be written");
	assert_non_null(said);
	append(f, "third\n");
	statefile_flush(f);
	assert_null(strstr(said + 1, "cannot be written"));
	content_is(HEAD "first\n");
	/* A new one does not fit either. */
	assert_int_equal(statefile_begin(f), 0);
	statefile_add(f, "first\nsecond\nthird\n", 19);
	assert_int_equal(statefile_commit(f), -1);
	assert_false(statefile_is_renewing(f));
	assert_null(strstr(said + 1, "cannot be written"));
	content_is(HEAD "first\n");
	limit_set(0);
	assert_int_equal(statefile_begin(f), 0);
	statefile_add(f, "first\n", 6);
	append(f, "fourth\n");
	assert_int_equal(statefile_commit(f), 0);
	assert_true(statefile_works(f));
	statefile_close(f);
	content_is(HEAD "first\nfourth\n");
}

/* The new one fails while it is written: the old one goes on. */
static void
test_full_anew(void **unused)
{
	struct statefile *f = file_open();

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	append(f, "a\n");
	statefile_flush(f);
	assert_int_equal(statefile_begin(f), 0);
	limit_set(20);
	statefile_add(f, "a long line that does not fit\n", 30);
	append(f, "b\n");
	assert_int_equal(statefile_commit(f), -1);
	limit_set(0);
	assert_true(statefile_works(f));
	append(f, "c\n");
	statefile_close(f);
	content_is(HEAD "a\nb\nc\n");
}

/* What is no file stays what it is. */
static void
test_no_file(void **unused)
{
	static const char *const paths[] = { "/dev/full", "/dev/null", "/tmp",
		"/proc/none/state" };
	struct statefile *f;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fake_forget();
		f = statefile_open(&guest, paths[i], "n1", &kind, NULL);
		assert_non_null(
		    strstr(fake_log, "things are not kept over a restart"));
		assert_false(statefile_works(f));
		assert_false(statefile_read(f, on_line, NULL, 0));
		append(f, "a\n");
		assert_int_equal(statefile_begin(f), -1);
		statefile_close(f);
		assert_true(i == 3 || access(paths[i], F_OK) == 0);
	}
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_batches),
		CASE(test_mode),
		CASE(test_blocks),
		CASE(test_torn),
		CASE(test_damaged),
		CASE(test_slices),
		CASE(test_renewal),
		CASE(test_lock),
		CASE(test_kill),
		CASE(test_full),
		CASE(test_full_anew),
		CASE(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
