/* SPDX-License-Identifier: ISC */
/* The loop: timers, descriptors, tasks, posts, signals. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"
#include "util/mem.h"

/* One scene: a loop, two of each thing, and what happened, as letters. */
struct scene {
	struct loop *loop;
	struct timer *a, *b;
	struct watch *wa, *wb;
	struct task *ta, *tb;
	int fds[4];
	int left;	      /* slices, posts or ticks until the end */
	struct scene **marks; /* one per post */
	char told[64];
	unsigned tell_count;
};

static void
tell(struct scene *s, char letter)
{
	if (s->tell_count < sizeof(s->told) - 1)
		s->told[s->tell_count++] = letter;
}

static int
setup(void **state)
{
	struct scene *s = mem_alloc(sizeof(*s));

	s->loop = loop_new();
	assert_non_null(s->loop);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s->fds), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s->fds + 2), 0);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;
	int i;

	timer_free(s->a);
	timer_free(s->b);
	watch_free(s->wa);
	watch_free(s->wb);
	task_free(s->ta);
	task_free(s->tb);
	loop_free(s->loop);
	for (i = 0; i < 4; i++)
		close(s->fds[i]);
	mem_free(s);
	return 0;
}

static void
on_end(void *arg)
{
	struct scene *s = arg;

	tell(s, '.');
	loop_stop(s->loop);
}

static void
run_for(struct scene *s, int64_t ms)
{
	struct timer *end = timer_new(s->loop, on_end, s);

	timer_start(end, ms);
	loop_run(s->loop);
	timer_free(end);
}

static void
on_a(void *arg)
{
	tell(arg, 'a');
}

static void
on_b(void *arg)
{
	tell(arg, 'b');
}

static void
timers_keep_order(void **state)
{
	struct scene *s = *state;
	int64_t before = clock_now_us();

	s->a = timer_new(s->loop, on_a, s);
	s->b = timer_new(s->loop, on_b, s);
	assert_false(timer_is_on(s->a));
	assert_int_equal(timer_left_ms(s->a), -1);
	timer_start(s->a, 20);
	timer_start(s->b, 10);
	assert_true(timer_is_on(s->a));
	assert_in_range(timer_left_ms(s->a), 1, 20);
	run_for(s, 40);
	assert_string_equal(s->told, "ba.");
	assert_true(clock_now_us() - before >= 40000);
	assert_false(timer_is_on(s->a));
}

static void
timer_restarts_and_stops(void **state)
{
	struct scene *s = *state;

	s->a = timer_new(s->loop, on_a, s);
	s->b = timer_new(s->loop, on_b, s);
	timer_start(s->a, 1);
	timer_start(s->a, 1000); /* moved away */
	timer_start(s->b, 1);
	timer_stop(s->b);
	timer_stop(s->b);
	assert_false(timer_is_on(s->b));
	run_for(s, 15);
	assert_string_equal(s->told, ".");
	assert_true(timer_is_on(s->a));
	timer_start(s->a, -5); /* late already */
	run_for(s, 15);
	assert_string_equal(s->told, ".a.");
}

static void
on_tick(void *arg)
{
	struct scene *s = arg;

	tell(s, 't');
	if (--s->left > 0)
		timer_start(s->a, 1);
}

static void
timer_rearms_in_callback(void **state)
{
	struct scene *s = *state;

	s->left = 3;
	s->a = timer_new(s->loop, on_tick, s);
	timer_start(s->a, 0);
	run_for(s, 30);
	assert_string_equal(s->told, "ttt.");
}

/* Frees itself and all that is due in the same turn. */
static void
on_free_all(void *arg)
{
	struct scene *s = arg;

	tell(s, 'f');
	timer_free(s->a);
	timer_free(s->b);
	watch_free(s->wa);
	watch_free(s->wb);
	task_free(s->ta);
	task_free(s->tb);
	s->a = s->b = NULL;
	s->wa = s->wb = NULL;
	s->ta = s->tb = NULL;
}

static void
on_free_all_ready(void *arg, unsigned what)
{
	(void)what;
	on_free_all(arg);
}

static void
on_again(void *arg)
{
	struct scene *s = arg;

	tell(s, 'a');
	timer_start(s->a, 0);
	assert_true(timer_is_on(s->a));
}

static void
on_byte(void *arg, unsigned what)
{
	struct scene *s = arg;
	char byte;

	(void)what;
	assert_int_equal(sock_read(s->fds[0], &byte, 1), 1);
	tell(s, byte);
	if (byte == 'z')
		loop_stop(s->loop);
}

/* One that is due at once, always again, has one turn after each descriptor. */
static void
timer_of_zero_starves_nobody(void **state)
{
	struct scene *s = *state;

	s->a = timer_new(s->loop, on_again, s);
	s->wa = watch_new(s->loop, s->fds[0], on_byte, s);
	watch_set(s->wa, WATCH_READ);
	timer_start(s->a, 0);
	assert_int_equal(write(s->fds[1], "xyz", 3), 3);
	loop_run(s->loop);
	assert_string_equal(s->told, "xayaz");
	timer_start(s->a, 10000); /* in place of the first */
	run_for(s, 5);
	assert_string_equal(s->told, "xayaz.");
}

static bool
on_free_all_slice(void *arg)
{
	on_free_all(arg);
	return true;
}

/* Whoever is called first frees the rest: one letter, and no touch after. */
static void
free_in_callback(void **state)
{
	static const unsigned mixes[] = { 1, 2, 4, 3, 5, 6, 7 };
	struct scene *s = *state;
	char wanted[32] = "";
	size_t i;

	assert_int_equal(write(s->fds[1], "x", 1), 1);
	assert_int_equal(write(s->fds[3], "x", 1), 1);
	for (i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++) {
		s->a = timer_new(s->loop, on_free_all, s);
		s->b = timer_new(s->loop, on_free_all, s);
		s->wa = watch_new(s->loop, s->fds[0], on_free_all_ready, s);
		s->wb = watch_new(s->loop, s->fds[2], on_free_all_ready, s);
		s->ta = task_new(s->loop, on_free_all_slice, s);
		s->tb = task_new(s->loop, on_free_all_slice, s);
		if (mixes[i] & 1) {
			timer_start(s->a, 0);
			timer_start(s->b, 0);
		}
		if (mixes[i] & 2) {
			watch_set(s->wa, WATCH_READ | WATCH_WRITE);
			watch_set(s->wb, WATCH_READ);
		}
		if (mixes[i] & 4) {
			task_start(s->ta);
			task_start(s->tb);
		}
		run_for(s, 3);
		strcat(wanted, "f.");
		assert_string_equal(s->told, wanted);
	}
}

static void
on_ready(void *arg, unsigned what)
{
	struct scene *s = arg;
	char byte;

	if (what & WATCH_READ) {
		tell(s, 'r');
		assert_int_equal(sock_read(s->fds[0], &byte, 1), 1);
		watch_set(s->wa, WATCH_WRITE);
	}
	if (what & WATCH_WRITE) {
		tell(s, 'w');
		watch_set(s->wa, 0);
		timer_start(s->a, 2);
	}
}

static void
watch_changes_interest(void **state)
{
	struct scene *s = *state;

	s->a = timer_new(s->loop, on_a, s);
	s->wa = watch_new(s->loop, s->fds[0], on_ready, s);
	assert_int_equal(write(s->fds[1], "xy", 2), 2);
	run_for(s, 5); /* no interest yet */
	assert_string_equal(s->told, ".");
	watch_set(s->wa, WATCH_READ);
	watch_set(s->wa, WATCH_READ);
	run_for(s, 20);
	assert_string_equal(s->told, ".rwa.");
}

static bool
on_slice_a(void *arg)
{
	struct scene *s = arg;

	tell(s, 'A');
	return --s->left > 0;
}

static bool
on_slice_b(void *arg)
{
	struct scene *s = arg;

	tell(s, 'B');
	return s->left > 0;
}

static void
tasks_take_turns(void **state)
{
	struct scene *s = *state;

	s->left = 3;
	s->ta = task_new(s->loop, on_slice_a, s);
	s->tb = task_new(s->loop, on_slice_b, s);
	task_start(s->ta);
	task_start(s->tb);
	task_start(s->ta);
	run_for(s, 5);
	assert_string_equal(s->told, "ABABAB.");
	s->left = 1;
	task_start(s->ta);
	task_start(s->tb);
	task_stop(s->tb);
	run_for(s, 5);
	assert_string_equal(s->told, "ABABAB.A.");
}

static bool
on_slice_restart(void *arg)
{
	struct scene *s = arg;

	tell(s, 'R');
	if (--s->left > 0)
		task_start(s->ta); /* work came in while we looked */
	return false;
}

static bool
on_slice_stop(void *arg)
{
	struct scene *s = arg;

	tell(s, 'S');
	task_stop(s->tb);
	return true;
}

static void
task_start_and_stop_in_slice(void **state)
{
	struct scene *s = *state;

	s->left = 2;
	s->ta = task_new(s->loop, on_slice_restart, s);
	s->tb = task_new(s->loop, on_slice_stop, s);
	task_start(s->ta);
	task_start(s->tb);
	run_for(s, 5);
	assert_string_equal(s->told, "RSR.");
}

static bool
on_slice_busy(void *arg)
{
	struct scene *s = arg;

	usleep(1000);
	return s->left > 0;
}

static void
on_last(void *arg)
{
	struct scene *s = arg;

	s->left = 0;
	tell(s, 'a');
}

/* Work without end holds up neither timers nor descriptors. */
static void
busy_task_starves_nobody(void **state)
{
	struct scene *s = *state;

	s->left = 1;
	s->ta = task_new(s->loop, on_slice_busy, s);
	s->a = timer_new(s->loop, on_last, s);
	s->b = timer_new(s->loop, on_b, s);
	s->wa = watch_new(s->loop, s->fds[0], on_ready, s);
	assert_int_equal(write(s->fds[1], "x", 1), 1);
	watch_set(s->wa, WATCH_READ);
	task_start(s->ta);
	timer_start(s->a, 20);
	timer_start(s->b, 10);
	run_for(s, 30);
	assert_non_null(strchr(s->told, 'r'));
	assert_non_null(strchr(s->told, 'b'));
	assert_non_null(strchr(s->told, 'a'));
}

static void
stop_before_run(void **state)
{
	struct scene *s = *state;

	loop_stop(s->loop);
	loop_run(s->loop); /* at once */
	run_for(s, 1);	   /* and then as usual */
	assert_string_equal(s->told, ".");
}

#define POSTS 1000

static void
on_post(void *arg)
{
	struct scene *s = *(struct scene **)arg;
	int number = (int)((struct scene **)arg - s->marks);

	assert_int_equal(number, s->left); /* in order */
	if (++s->left == POSTS)
		loop_stop(s->loop);
}

static void *
poster(void *arg)
{
	struct scene **marks = arg;
	int i;

	for (i = 0; i < POSTS; i++)
		loop_post((*marks)->loop, on_post, marks + i);
	return NULL;
}

static void
posts_from_a_thread(void **state)
{
	struct scene *s = *state;
	struct scene **marks = mem_array(POSTS, sizeof(*marks));
	pthread_t thread;
	int i;

	for (i = 0; i < POSTS; i++)
		marks[i] = s;
	s->marks = marks;
	assert_int_equal(pthread_create(&thread, NULL, poster, marks), 0);
	loop_run(s->loop);
	pthread_join(thread, NULL);
	assert_int_equal(s->left, POSTS);
	/* What is not run any more is dropped with the loop. */
	loop_post(s->loop, on_post, marks);
	mem_free(marks);
}

static void
on_usr(void *arg, int signo)
{
	struct scene *s = arg;

	tell(s, signo == SIGUSR1 ? '1' : '2');
	if (--s->left == 0) {
		loop_signal(s->loop, signo, NULL, NULL); /* in its own call */
		loop_stop(s->loop);
	}
}

static void
signals_are_caught(void **state)
{
	struct scene *s = *state;

	s->left = 2;
	loop_signal(s->loop, SIGUSR1, on_usr, s);
	loop_signal(s->loop, SIGUSR2, on_usr, s);
	loop_signal(s->loop, SIGUSR2, on_usr, s);
	raise(SIGUSR1);
	raise(SIGUSR2);
	loop_run(s->loop);
	assert_int_equal(s->tell_count, 2);
	assert_non_null(strchr(s->told, '1'));
	assert_non_null(strchr(s->told, '2'));
}

static void
two_loops_side_by_side(void **state)
{
	struct scene *s = *state;
	struct loop *other = loop_new();
	struct timer *timer = timer_new(other, on_b, s);

	timer_start(timer, 0);
	run_for(s, 5);
	assert_string_equal(s->told, "."); /* the other did not run */
	timer_free(timer);
	loop_free(other);
	loop_free(NULL);
}

static void
on_hold(void *arg)
{
	int64_t end_us = clock_now_us() + 30000;

	tell(arg, 'h');
	while (clock_now_us() < end_us)
		continue;
}

static void
on_free_itself(void *arg)
{
	struct scene *s = arg;

	timer_free(s->b);
	s->b = NULL;
}

static void
calls_are_measured(void **state)
{
	struct scene *s = *state;
	struct loop_stats before, after;

	loop_get_stats(s->loop, &before);
	assert_int_equal(before.turns, 0);
	assert_int_equal(before.longest_us, 0);
	s->a = timer_new(s->loop, on_a, s);
	timer_start(s->a, 0);
	run_for(s, 5);
	loop_get_stats(s->loop, &before);
	assert_true(before.turns >= 2);
	assert_int_equal(before.calls[LOOP_TIMER], 2);
	assert_int_equal(before.slow, 0);
	assert_true(before.longest_us < 10000);

	loop_post(s->loop, on_hold, s);
	run_for(s, 50);
	loop_get_stats(s->loop, &after);
	assert_int_equal(after.slow, before.slow + 1);
	assert_in_range(after.longest_us, 30000, 1000000);
	assert_int_equal(after.longest_kind, LOOP_POST);
	assert_int_equal(after.calls[LOOP_POST], 1);
	assert_true(after.longest_at_ms * 1000 <= clock_now_us() - 30000);

	/* What frees itself is measured too. */
	s->b = timer_new(s->loop, on_free_itself, s);
	timer_start(s->b, 0);
	run_for(s, 5);
	loop_get_stats(s->loop, &after);
	assert_null(s->b);
	assert_int_equal(after.calls[LOOP_TIMER], 5);
	assert_int_equal(after.longest_kind, LOOP_POST);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(timers_keep_order),
		CASE(timer_of_zero_starves_nobody),
		CASE(timer_restarts_and_stops),
		CASE(timer_rearms_in_callback),
		CASE(free_in_callback),
		CASE(watch_changes_interest),
		CASE(tasks_take_turns),
		CASE(task_start_and_stop_in_slice),
		CASE(busy_task_starves_nobody),
		CASE(stop_before_run),
		CASE(posts_from_a_thread),
		CASE(signals_are_caught),
		CASE(two_loops_side_by_side),
		CASE(calls_are_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
