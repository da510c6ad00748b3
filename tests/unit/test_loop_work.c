/* SPDX-License-Identifier: ISC */
/* The loop counts what callbacks take, and tells when it was much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/net.h"

#define WORK_US 20000

struct scene {
	struct loop *loop;
	struct timer *timer;
	int64_t burn_us;
	bool is_no_work;
	int left, told;
};

static void
on_work(void *arg)
{
	struct scene *s = arg;

	s->told++;
}

/* Computes for a while, then again as often as is left. */
static void
on_timer(void *arg)
{
	struct scene *s = arg;
	int64_t until_us = clock_now_us() + s->burn_us;

	if (s->is_no_work)
		loop_is_no_work(s->loop);
	while (clock_now_us() < until_us)
		;
	if (--s->left > 0)
		timer_start(s->timer, 1);
	else
		loop_stop(s->loop);
}

static void
run(struct scene *s, int times, int64_t burn_us, bool is_no_work)
{
	s->left = times;
	s->burn_us = burn_us;
	s->is_no_work = is_no_work;
	s->told = 0;
	timer_start(s->timer, 0);
	loop_run(s->loop);
}

static void
work_is_told(void **state)
{
	struct scene s = { .loop = loop_new() };

	(void)state;
	s.timer = timer_new(s.loop, on_timer, &s);
	loop_after_work(s.loop, WORK_US, on_work, &s);
	/* In one piece, and in many. */
	run(&s, 1, WORK_US, false);
	assert_int_equal(s.told, 1);
	run(&s, 25, WORK_US / 20, false);
	assert_in_range(s.told, 1, 25);
	/* What follows work must not cause itself. */
	run(&s, 3, WORK_US, true);
	assert_int_equal(s.told, 0);
	run(&s, 1, WORK_US, false);
	assert_int_equal(s.told, 1);
	timer_free(s.timer);
	loop_free(s.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(work_is_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
