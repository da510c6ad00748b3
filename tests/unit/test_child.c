/* SPDX-License-Identifier: ISC */
/* Children: told once, early or late; those of others are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"
#include "util/mem.h"

struct scene {
	struct loop *loop;
	struct child *child;
	int status;
	int told; /* times */
};

static int
setup(void **state)
{
	struct scene *s = mem_alloc(sizeof(*s));

	s->loop = loop_new();
	assert_non_null(s->loop);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	child_free(s->child);
	loop_free(s->loop);
	mem_free(s);
	return 0;
}

static void
on_exit_told(void *arg, int status)
{
	struct scene *s = arg;

	s->told++;
	s->status = status;
	child_free(s->child);
	s->child = NULL;
	loop_stop(s->loop);
}

static pid_t
start_child(int status, unsigned wait_ms)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		usleep(wait_ms * 1000);
		_exit(status);
	}
	return pid;
}

static void
children_are_told(void **state)
{
	static const unsigned waits_ms[] = { 0, 20 };
	struct scene *s = *state;
	size_t i;

	for (i = 0; i < 2; i++) {
		pid_t pid = start_child(7 + (int)i, waits_ms[i]);

		if (waits_ms[i] == 0) /* ended before we ask */
			waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 },
			    WEXITED | WNOWAIT);
		s->child = child_new(s->loop, pid, on_exit_told, s);
		loop_run(s->loop);
		assert_true(WIFEXITED(s->status));
		assert_int_equal(WEXITSTATUS(s->status), 7 + (int)i);
	}
	assert_int_equal(s->told, 2);
}

static void
other_children_are_left_alone(void **state)
{
	struct scene *s = *state;
	pid_t other = start_child(3, 0), mine = start_child(4, 10);
	struct child *silent;
	pid_t unwanted = start_child(5, 0);
	int status = 0;

	silent = child_new(s->loop, unwanted, on_exit_told, s);
	child_free(silent); /* reaped without a word */
	s->child = child_new(s->loop, mine, on_exit_told, s);
	loop_run(s->loop);
	assert_int_equal(s->told, 1);
	assert_int_equal(WEXITSTATUS(s->status), 4);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(waitpid(unwanted, &status, 0), -1);
}

/* A loop that ends before its child takes nothing along. */
static void
loop_ends_first(void **state)
{
	struct scene *s = *state;
	pid_t pid = start_child(6, 30);
	struct child *child = child_new(s->loop, pid, on_exit_told, s);

	child_free(child);
	loop_free(s->loop);
	s->loop = loop_new();
	s->child = child_new(s->loop, start_child(7, 60), on_exit_told, s);
	loop_run(s->loop);
	assert_int_equal(s->told, 1);
	assert_int_equal(WEXITSTATUS(s->status), 7);
	assert_int_equal(waitpid(pid, NULL, 0), -1); /* reaped by the second */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(children_are_told),
		CASE(other_children_are_left_alone),
		CASE(loop_ends_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
