/* SPDX-License-Identifier: ISC */
/* The loop of a host for tests: timers, descriptors, children, and its turns. */
#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

#include <bsd/sys/queue.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "plugin.h"

struct bgpd_timer {
	LIST_ENTRY(bgpd_timer) link;
	void (*on_time)(void *);
	void *arg;
	int64_t due_ms; /* 0: not armed */
};

struct bgpd_watch {
	LIST_ENTRY(bgpd_watch) link;
	int fd;
	unsigned what;
	void (*on_ready)(void *, unsigned);
	void *arg;
};

struct bgpd_child {
	LIST_ENTRY(bgpd_child) link;
	pid_t pid;
	void (*on_exit)(void *, int); /* NULL: freed, or told */
	void *arg;
	bool ended;
};

static LIST_HEAD(, bgpd_timer) fake_timers;
static LIST_HEAD(, bgpd_watch) fake_watches;
static LIST_HEAD(, bgpd_child) fake_children;

static int64_t
fake_now_ms(struct bgpd_self *self)
{
	struct timespec now;

	(void)self;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct bgpd_timer *
fake_timer_new(struct bgpd_self *self, void (*on_time)(void *), void *arg)
{
	struct bgpd_timer *t = calloc(1, sizeof(*t));

	(void)self;
	t->on_time = on_time;
	t->arg = arg;
	LIST_INSERT_HEAD(&fake_timers, t, link);
	return t;
}

static void
fake_timer_start(struct bgpd_timer *t, int64_t after_ms)
{
	t->due_ms = fake_now_ms(NULL) + after_ms;
}

static void
fake_timer_stop(struct bgpd_timer *t)
{
	t->due_ms = 0;
}

static void
fake_timer_free(struct bgpd_timer *t)
{
	if (t == NULL)
		return;
	LIST_REMOVE(t, link);
	free(t);
}

static struct bgpd_watch *
fake_watch_new(struct bgpd_self *self, int fd,
    void (*on_ready)(void *, unsigned), void *arg)
{
	struct bgpd_watch *w = calloc(1, sizeof(*w));

	(void)self;
	w->fd = fd;
	w->on_ready = on_ready;
	w->arg = arg;
	LIST_INSERT_HEAD(&fake_watches, w, link);
	return w;
}

static void
fake_watch_set(struct bgpd_watch *w, unsigned what)
{
	w->what = what;
}

static void
fake_watch_free(struct bgpd_watch *w)
{
	LIST_REMOVE(w, link);
	free(w);
}

static struct bgpd_child *
fake_child_new(struct bgpd_self *self, int64_t pid,
    void (*on_exit)(void *, int), void *arg)
{
	struct bgpd_child *c = calloc(1, sizeof(*c));

	(void)self;
	c->pid = (pid_t)pid;
	c->on_exit = on_exit;
	c->arg = arg;
	LIST_INSERT_HEAD(&fake_children, c, link);
	return c;
}

static void
fake_child_free(struct bgpd_child *c)
{
	c->on_exit = NULL;
	if (c->ended)
		free(c);
}

/* Tells of one child that has ended; one that was freed is only reaped. */
static bool
fake_reap(void)
{
	struct bgpd_child *c;
	int status;

	LIST_FOREACH (c, &fake_children, link) {
		if (waitpid(c->pid, &status, WNOHANG) != c->pid)
			continue;
		LIST_REMOVE(c, link);
		c->ended = true;
		if (c->on_exit != NULL)
			c->on_exit(c->arg, status);
		else
			free(c);
		return true;
	}
	return false;
}

/* CPU that one call from the loop took at most. */
static int64_t fake_longest_us;

static int64_t
fake_cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
fake_measure(int64_t began_us)
{
	int64_t took_us = fake_cpu_us() - began_us;

	if (took_us > fake_longest_us)
		fake_longest_us = took_us;
}

static bool
fake_turn_timer(void)
{
	int64_t now_ms = fake_now_ms(NULL), now_us = fake_cpu_us();
	struct bgpd_timer *t;

	LIST_FOREACH (t, &fake_timers, link) {
		if (t->due_ms == 0 || t->due_ms > now_ms)
			continue;
		t->due_ms = 0;
		t->on_time(t->arg);
		fake_measure(now_us);
		return true;
	}
	return false;
}

/* The first that is ready stands last for the next time: each has its turn. */
static bool
fake_turn_watch(int wait_ms)
{
	struct bgpd_watch *w, *of[64];
	struct pollfd fds[64];
	unsigned count = 0, i, what;
	int64_t now_us;

	LIST_FOREACH (w, &fake_watches, link) {
		if (w->what == 0 || count == 64)
			continue;
		of[count] = w;
		fds[count++] = (struct pollfd){ w->fd,
			(short)((w->what & BGPD_READ ? POLLIN : 0) |
				(w->what & BGPD_WRITE ? POLLOUT : 0)),
			0 };
	}
	if (poll(fds, count, wait_ms) <= 0)
		return false;
	for (i = count; i-- > 0 && fds[i].revents == 0;)
		;
	w = of[i];
	what = (fds[i].revents & POLLOUT ? BGPD_WRITE : 0) |
	       (fds[i].revents & ~POLLOUT ? BGPD_READ : 0);
	LIST_REMOVE(w, link);
	LIST_INSERT_HEAD(&fake_watches, w, link);
	now_us = fake_cpu_us();
	w->on_ready(w->arg, what);
	fake_measure(now_us);
	return true;
}

/* One turn: a timer that is due, a descriptor that is ready, a child's end. */
static void
fake_turn(void)
{
	if (!fake_turn_timer() && !fake_turn_watch(1))
		fake_reap();
}

/* How long this test was ready to run and had no CPU, so far; 0: not known. */
static inline int64_t
fake_starved_us(void)
{
	FILE *f = fopen("/proc/self/schedstat", "r");
	long long ns = 0;

	if (f != NULL && fscanf(f, "%*d %lld", &ns) != 1)
		ns = 0;
	if (f != NULL)
		fclose(f);
	return ns / 1000;
}

/* Past end_ms, and past what has been missed of it since starved_us was read. */
static inline bool
fake_is_over(int64_t end_ms, int64_t starved_us)
{
	int64_t late_ms = fake_now_ms(NULL) - end_ms;

	return late_ms >= 0 &&
	       late_ms >= (fake_starved_us() - starved_us) / 1000;
}

static inline void
fake_run(int64_t ms)
{
	int64_t end_ms = fake_now_ms(NULL) + ms;

	while (fake_now_ms(NULL) < end_ms)
		fake_turn();
}

/* The same, but of time in which it could. */
static inline void
fake_run_fair(int64_t ms)
{
	int64_t end_ms = fake_now_ms(NULL) + ms, was_us = fake_starved_us();

	while (!fake_is_over(end_ms, was_us))
		fake_turn();
}

#endif
