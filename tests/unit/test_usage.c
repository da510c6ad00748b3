/* SPDX-License-Identifier: ISC */
/* What this process uses: as the kernel counts it, and as we change it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"
#include "util/mem.h"

static void
is_plausible(void **state)
{
	struct usage u;
	double now = (double)time(NULL);

	(void)state;
	usage_get(&u);
	assert_true(u.resident_bytes > 100000);
	assert_true(u.virtual_bytes >= u.resident_bytes);
	assert_true(u.open_fds >= 3);
	assert_true(u.max_fds >= u.open_fds);
	assert_int_equal(u.threads, 1);
	/* The kernel's boot time is a whole second. */
	assert_true(u.started_epoch > now - 3600);
	assert_true(u.started_epoch < now + 2);
}

static void
descriptors_are_counted(void **state)
{
	struct usage before, after;
	struct rlimit limit = { 0 };
	int fd;

	(void)state;
	usage_get(&before);
	fd = open("/dev/null", O_RDONLY);
	usage_get(&after);
	assert_int_equal(after.open_fds, before.open_fds + 1);
	close(fd);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 100;
	setrlimit(RLIMIT_NOFILE, &limit);
	usage_get(&after);
	assert_int_equal(after.open_fds, before.open_fds);
	assert_int_equal(after.max_fds, 100);
}

static void
work_shows(void **state)
{
	struct usage before, after;
	volatile unsigned long n = 0;
	char *p;

	(void)state;
	usage_get(&before);
	p = mem_alloc(32 << 20);
	memset(p, 1, 32 << 20);
	while (n < 100000000)
		n++;
	usage_get(&after);
	assert_true(after.cpu_secs > before.cpu_secs);
	assert_true(after.resident_bytes > before.resident_bytes + (24 << 20));
	assert_true(after.started_epoch == before.started_epoch);
	mem_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_plausible),
		cmocka_unit_test(descriptors_are_counted),
		cmocka_unit_test(work_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
