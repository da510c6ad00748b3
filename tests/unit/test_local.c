/* SPDX-License-Identifier: ISC */
/* The control socket: living, dead and foreign files in its place. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"

static char dir[64];
static char path[128];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/fairway-local-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/run/bgpd.sock", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(dir);
}

static void
speak_and_listen(void **state)
{
	struct text why = { 0 };
	struct stat st;
	char data[4];
	int listener, ours, theirs;

	(void)state;
	listener = local_listen(path, &why); /* makes run/ */
	assert_string_equal(text_str(&why), "");
	assert_true(listener >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(local_accept(listener), -1);
	assert_int_equal(errno, EAGAIN);
	theirs = local_dial(path, &why);
	assert_true(theirs >= 0);
	ours = local_accept(listener);
	assert_true(ours >= 0);
	assert_int_equal(sock_read(ours, data, 4), 0);
	assert_int_equal(sock_write(theirs, "abc", 3), 3);
	assert_int_equal(sock_read(ours, data, 4), 3);
	sock_close(theirs);
	assert_int_equal(sock_read(ours, data, 4), -1);
	sock_close(ours);
	sock_close(listener);
}

static void
living_is_refused_dead_is_replaced(void **state)
{
	struct text why = { 0 };
	int first = local_listen(path, &why), second;

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(local_listen(path, &why), -1);
	assert_non_null(strstr(text_str(&why), "running process"));
	assert_non_null(strstr(text_str(&why), "use -s"));
	text_clear(&why);
	sock_close(first); /* its file stays, as after kill -9 */
	assert_int_equal(local_dial(path, &why), -1);
	assert_int_equal(errno, ECONNREFUSED);
	text_clear(&why);
	second = local_listen(path, &why);
	assert_string_equal(text_str(&why), "");
	assert_true(second >= 0);
	sock_close(second);
	text_free(&why);
}

static void
other_files_are_safe(void **state)
{
	struct text why = { 0 };
	struct stat st;
	char longest[200];
	int fd;

	(void)state;
	fd = local_listen(path, &why); /* makes run/ */
	sock_close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(local_listen(path, &why), -1);
	assert_non_null(strstr(text_str(&why), "is no socket"));
	assert_int_equal(stat(path, &st), 0);
	text_clear(&why);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[199] = '\0';
	assert_int_equal(local_listen(longest, &why), -1);
	assert_non_null(strstr(text_str(&why), "at most 107"));
	text_clear(&why);
	assert_int_equal(local_listen("/nosuchdir/sub/sock", &why), -1);
	assert_non_null(strstr(text_str(&why), "directory"));
	text_free(&why);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(speak_and_listen),
		CASE(living_is_refused_dead_is_replaced),
		CASE(other_files_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
