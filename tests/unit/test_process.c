/* SPDX-License-Identifier: ISC */
/* This process: whole files, the pid file, background, another user. */
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"
#include "util/mem.h"

static char dir[64];
static char path[128];
static char other[128];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/fairway-process-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

/* Fails where a temporary file was left behind. */
static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(dir);
}

static void
assert_file(const char *name, const char *wanted, unsigned mode)
{
	struct stat st;
	size_t len = 99;
	char *data = process_read_file(name, 100000, &len, NULL);

	assert_non_null(data);
	assert_string_equal(data, wanted);
	assert_int_equal(len, strlen(wanted));
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	mem_free(data);
}

static void
written_is_read(void **state)
{
	char big[20001];
	struct text why = { 0 };

	(void)state;
	assert_int_equal(process_write_file(path, 0600, "old", 3, NULL), 0);
	assert_file(path, "old", 0600);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(
	    process_write_file(path, 0644, big, strlen(big), NULL), 0);
	assert_file(path, big, 0644);
	assert_int_equal(process_write_file(path, 0640, "", 0, NULL), 0);
	assert_file(path, "", 0640);
	/* By a link: the link stays, what it names is replaced. */
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(process_write_file(other, 0600, "new", 3, &why), 0);
	assert_file(path, "new", 0600);
	assert_true(readlink(other, big, sizeof(big)) > 0);
}

static void
reading_has_limits(void **state)
{
	struct text why = { 0 };
	char *data;

	(void)state;
	assert_null(process_read_file(path, 10, NULL, &why));
	assert_non_null(strstr(text_str(&why), "No such file"));
	text_clear(&why);
	assert_int_equal(process_write_file(path, 0600, "12345", 5, NULL), 0);
	data = process_read_file(path, 5, NULL, NULL);
	assert_string_equal(data, "12345");
	mem_free(data);
	assert_null(process_read_file(path, 4, NULL, &why));
	assert_non_null(strstr(text_str(&why), "longer than 4"));
	text_clear(&why);
	assert_null(process_read_file(dir, 4, NULL, &why));
	assert_non_null(strstr(text_str(&why), "directory"));
	text_free(&why);
	assert_int_equal(mkfifo(other, 0600), 0);
	data = process_read_file(other, 5, NULL, NULL); /* does not hang */
	mem_free(data);
}

static void
failed_write_leaves_the_old(void **state)
{
	struct text why = { 0 };
	char missing[160];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/no/file", dir);
	assert_int_equal(process_write_file(missing, 0600, "x", 1, &why), -1);
	assert_non_null(strstr(text_str(&why), "/no/file: No such"));
	text_clear(&why);
	assert_int_equal(process_write_file(dir, 0600, "x", 1, &why), -1);
	assert_non_null(strstr(text_str(&why), "directory"));
	assert_int_equal(access(dir, F_OK), 0);
	text_free(&why);
}

static void
log_is_appended(void **state)
{
	int fd;

	(void)state;
	fd = process_open_log(path, NULL);
	assert_int_equal(write(fd, "a\n", 2), 2);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	fd = process_open_log(path, NULL);
	assert_int_equal(write(fd, "b\n", 2), 2);
	close(fd);
	assert_file(path, "a\nb\n", 0640);
	assert_int_equal(process_open_log(dir, NULL), -1);
}

/* The exit status of what is done in a process of its own. */
static int
status_of(int (*work)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(work());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int
take_pid_file(void)
{
	struct text why = { 0 };
	char wanted[64];
	int result = process_write_pid(path, &why);

	snprintf(wanted, sizeof(wanted), "process %d runs already", getppid());
	if (result < 0)
		result = strstr(text_str(&why), wanted) != NULL ? 2 : 3;
	text_free(&why);
	return result;
}

static void
pid_file_is_held(void **state)
{
	char wanted[32];
	char *data;

	(void)state;
	assert_int_equal(process_write_file(path, 0644, "123456\n", 7, NULL),
	    0); /* of one that died */
	assert_int_equal(process_write_pid(path, NULL), 0);
	snprintf(wanted, sizeof(wanted), "%d\n", getpid());
	/* No assert_file here: to close the file gives the lock up. */
	assert_int_equal(status_of(take_pid_file), 2);
	assert_int_equal(access(path, F_OK), 0);
	data = process_read_file(path, 100, NULL, NULL);
	assert_string_equal(data, wanted);
	mem_free(data);
	process_remove_pid();
	process_remove_pid();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(status_of(take_pid_file), 0);
	assert_int_equal(process_write_pid(dir, NULL), -1);
}

static int
background_well(void)
{
	if (process_daemonize() < 0)
		return 9;
	/* Here only the child; the parent still waits. */
	if (process_write_file(path, 0600, "child", 5, NULL) < 0)
		return 8;
	process_ready();
	_exit(77); /* nobody sees it */
}

static int
background_badly(void)
{
	if (process_daemonize() < 0)
		return 9;
	_exit(5);
}

static int
background_killed(void)
{
	if (process_daemonize() < 0)
		return 9;
	raise(SIGKILL);
	return 0;
}

static void
parents_status_tells(void **state)
{
	(void)state;
	assert_int_equal(status_of(background_well), 0);
	assert_file(path, "child", 0600);
	assert_int_equal(status_of(background_badly), 5);
	assert_int_equal(status_of(background_killed), 1);
}

static int
become_nobody(void)
{
	char status[4096];
	char *data;
	unsigned long long effective = 0;
	const char *line;

	if (process_set_user("nobody", NULL) < 0)
		return 1;
	if (getuid() == 0 || geteuid() == 0 || getegid() == 0)
		return 2;
	data =
	    process_read_file("/proc/self/status", sizeof(status), NULL, NULL);
	line = data != NULL ? strstr(data, "CapEff:") : NULL;
	if (line == NULL || sscanf(line, "CapEff: %llx", &effective) != 1)
		return 3;
	mem_free(data);
	/* NET_BIND_SERVICE 10, NET_ADMIN 12, NET_RAW 13, SYS_NICE 23. */
	return (effective & ~0x803400ULL) == 0 && (effective & 0x400) ? 0 : 4;
}

static void
another_user(void **state)
{
	struct text why = { 0 };
	const struct passwd *me = getpwuid(geteuid());

	(void)state;
	assert_int_equal(process_set_user("no such user", &why), -1);
	assert_non_null(strstr(text_str(&why), "there is no such user"));
	text_free(&why);
	if (me != NULL)
		assert_int_equal(process_set_user(me->pw_name, NULL), 0);
	if (geteuid() != 0 || getpwnam("nobody") == NULL)
		skip();
	assert_int_equal(status_of(become_nobody), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(written_is_read),
		CASE(reading_has_limits),
		CASE(failed_write_leaves_the_old),
		CASE(log_is_appended),
		CASE(pid_file_is_held),
		CASE(parents_status_tells),
		CASE(another_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
