/* SPDX-License-Identifier: ISC */
/* The event loop: timers, descriptors, sliced work, posts, signals. */

/*
 * One turn of the loop waits for events, then calls who is due: timers before
 * descriptors, so that a keepalive never waits behind a flood of updates. After
 * them come timers of 0 ms, once: the kernel's clock is not set for these, and
 * one that arms itself again starves nobody. Then every started task gets one
 * slice; while a task is started the loop does not sleep. libevent removes an event that is freed from what is due in the
 * turn, so a callback may free its own object and any other.
 *
 * A loop belongs to the thread that runs it; loop_post alone may be called from
 * others. Signals belong to one loop of the process.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "net/inner.h"
#include "net/net.h"
#include "util/log.h"
#include "util/mem.h"

enum { PRIORITY_TIMER, PRIORITY_IO, PRIORITY_COUNT };
#define DISPATCH_MAX_US 10000 /* look at the timers again after this long */
#define SLOW_US		10000 /* a callback that held the loop for longer */

struct hook {
	SLIST_ENTRY(hook) entry;
	struct loop *loop;
	struct event *event;
	int signo;
	void (*on_signal)(void *, int);
	void *arg;
};

struct timer {
	TAILQ_ENTRY(timer) entry; /* while it is due at once */
	struct loop *loop;
	struct event *event;
	bool soon;     /* due at once: in the loop's list */
	uint32_t turn; /* in which it was started */
	int64_t due_ms;
	void (*on_time)(void *);
	void *arg;
};

struct watch {
	struct loop *loop;
	struct event *event;
	int fd;
	unsigned what;
	void (*on_ready)(void *, unsigned);
	void *arg;
};

struct task {
	TAILQ_ENTRY(task) entry;
	struct loop *loop;
	bool on;
	bool again;    /* started once more by its own slice */
	uint32_t turn; /* the last it had a slice in */
	bool (*on_slice)(void *);
	void *arg;
};

struct loop {
	struct event_base *base;
	bool stopped;
	int64_t now_ms;
	uint32_t turn;
	struct loop_stats stats;
	int64_t worked_us, work_us; /* since on_work; when it is called */
	void (*on_work)(void *);
	void *work_arg;
	bool is_no_work;	  /* the callback that runs */
	TAILQ_HEAD(, timer) soon; /* timers of 0 ms */
	TAILQ_HEAD(, task) tasks; /* those that are on */
	struct task *slice; /* the task in its slice; NULL once it is freed */
	SLIST_HEAD(, hook) hooks;
	struct posts *posts;
	struct watch *post_watch;
};

int64_t
clock_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

/* Before each callback: a clock is cheaper than a wrong hold time. */
int64_t
loop_enter(struct loop *loop)
{
	int64_t now_us = clock_now_us();

	loop->now_ms = now_us / 1000;
	return now_us;
}

static void
loop_count_work(struct loop *loop, int64_t us)
{
	loop->worked_us += us;
	if (loop->on_work == NULL || loop->worked_us < loop->work_us)
		return;
	loop->worked_us = 0;
	loop->on_work(loop->work_arg);
}

void
loop_after_work(
    struct loop *loop, int64_t work_us, void (*on_work)(void *), void *arg)
{
	loop->work_us = work_us;
	loop->on_work = on_work;
	loop->work_arg = arg;
}

void
loop_is_no_work(struct loop *loop)
{
	loop->is_no_work = true;
}

void
loop_leave(struct loop *loop, enum loop_kind kind, int64_t entered_us)
{
	struct loop_stats *stats = &loop->stats;
	int64_t us = clock_now_us() - entered_us;

	if (!loop->is_no_work)
		loop_count_work(loop, us);
	loop->is_no_work = false;
	stats->calls[kind]++;
	if (us > SLOW_US)
		stats->slow++;
	if (us <= stats->longest_us)
		return;
	stats->longest_us = us;
	stats->longest_kind = kind;
	stats->longest_at_ms = entered_us / 1000;
}

void
loop_get_stats(const struct loop *loop, struct loop_stats *stats)
{
	*stats = loop->stats;
}

int64_t
loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

static void
on_libevent_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_ERR)
		log_error("net", "libevent: %s", text);
	else if (severity == EVENT_LOG_WARN)
		log_warning("net", "libevent: %s", text);
}

static struct event_base *
base_new(void)
{
	struct event_config *config = event_config_new();
	const struct timeval most = { 0, DISPATCH_MAX_US };
	struct event_base *base;

	if (config == NULL)
		return NULL;
	event_set_log_callback(on_libevent_log);
	/* Without its cache a timer counts from now, not from the turn. */
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME);
	event_config_set_max_dispatch_interval(config, &most, -1, PRIORITY_IO);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base != NULL && event_base_priority_init(base, PRIORITY_COUNT)) {
		event_base_free(base);
		base = NULL;
	}
	return base;
}

static void
loop_on_post(void *arg, unsigned what)
{
	struct loop *loop = arg;

	(void)what;
	posts_run(loop->posts);
}

struct loop *
loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof(*loop));

	TAILQ_INIT(&loop->soon);
	TAILQ_INIT(&loop->tasks);
	SLIST_INIT(&loop->hooks);
	loop->now_ms = clock_now_us() / 1000;
	loop->base = base_new();
	loop->posts = posts_new();
	if (loop->base == NULL || posts_fd(loop->posts) < 0) {
		log_error(
		    "net", "cannot make an event loop: %s", strerror(errno));
		loop_free(loop);
		return NULL;
	}
	loop->post_watch =
	    watch_new(loop, posts_fd(loop->posts), loop_on_post, loop);
	watch_set(loop->post_watch, WATCH_READ);
	return loop;
}

static void
hook_free(struct hook *hook)
{
	SLIST_REMOVE(&hook->loop->hooks, hook, hook, entry);
	event_free(hook->event);
	mem_free(hook);
}

/* Timers, watches and tasks are their owners', and gone before. */
void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (!SLIST_EMPTY(&loop->hooks))
		hook_free(SLIST_FIRST(&loop->hooks));
	watch_free(loop->post_watch);
	posts_free(loop->posts);
	if (loop->base != NULL)
		event_base_free(loop->base);
	mem_free(loop);
}

static void
loop_run_tasks(struct loop *loop)
{
	struct task *task;
	int64_t entered_us;
	bool more;

	while ((task = TAILQ_FIRST(&loop->tasks)) != NULL &&
	       task->turn != loop->turn && !loop->stopped) {
		TAILQ_REMOVE(&loop->tasks, task, entry);
		TAILQ_INSERT_TAIL(&loop->tasks, task, entry);
		task->turn = loop->turn;
		task->again = false;
		loop->slice = task;
		entered_us = loop_enter(loop);
		more = task->on_slice(task->arg);
		loop_leave(loop, LOOP_TASK, entered_us);
		if (loop->slice != NULL && !more && !task->again)
			task_stop(task);
		loop->slice = NULL;
	}
}

static void
timer_call(struct timer *timer)
{
	struct loop *loop = timer->loop;
	int64_t entered_us = loop_enter(loop);

	timer->on_time(timer->arg);
	loop_leave(loop, LOOP_TIMER, entered_us);
}

/* One that starts meanwhile, also again, waits for the next turn. */
static void
loop_run_soon(struct loop *loop)
{
	int64_t end_us = clock_now_us() + DISPATCH_MAX_US;
	struct timer *timer;

	while ((timer = TAILQ_FIRST(&loop->soon)) != NULL &&
	       timer->turn != loop->turn && !loop->stopped) {
		timer_stop(timer);
		timer_call(timer);
		if (loop->now_ms * 1000 >= end_us)
			break;
	}
}

void
loop_run(struct loop *loop)
{
	int flags;

	while (!loop->stopped) {
		flags = EVLOOP_ONCE;
		if (!TAILQ_EMPTY(&loop->tasks) || !TAILQ_EMPTY(&loop->soon))
			flags |= EVLOOP_NONBLOCK;
		if (event_base_loop(loop->base, flags) < 0) {
			log_error("net", "event loop: %s", strerror(errno));
			break;
		}
		loop->stats.turns++;
		loop->turn++;
		loop_run_soon(loop);
		loop_run_tasks(loop);
	}
	loop->stopped = false;
}

/* What is due in this turn and was not called yet waits for the next run. */
void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
	event_base_loopbreak(loop->base);
}

/* Timers ------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	timer_call(arg);
}

static struct event *
loop_event(struct loop *loop, int fd, short what, event_callback_fn on_event,
    void *arg)
{
	struct event *event = event_new(loop->base, fd, what, on_event, arg);

	if (event == NULL)
		fatal("out of memory: event");
	event_priority_set(event, fd < 0 ? PRIORITY_TIMER : PRIORITY_IO);
	return event;
}

struct timer *
timer_new(struct loop *loop, void (*on_time)(void *), void *arg)
{
	struct timer *timer = mem_alloc(sizeof(*timer));

	timer->loop = loop;
	timer->on_time = on_time;
	timer->arg = arg;
	timer->event = loop_event(loop, -1, 0, on_timer, timer);
	return timer;
}

void
timer_start_us(struct timer *timer, int64_t after_us)
{
	struct timeval tv;

	if (timer->soon || after_us <= 0)
		timer_stop(timer);
	if (after_us < 0)
		after_us = 0;
	timer->due_ms = (clock_now_us() + after_us) / 1000;
	if (after_us == 0) {
		timer->soon = true;
		timer->turn = timer->loop->turn;
		TAILQ_INSERT_TAIL(&timer->loop->soon, timer, entry);
		return;
	}
	tv.tv_sec = after_us / 1000000;
	tv.tv_usec = after_us % 1000000;
	if (event_add(timer->event, &tv) < 0)
		fatal("out of memory: timer");
}

void
timer_start(struct timer *timer, int64_t after_ms)
{
	timer_start_us(timer, after_ms * 1000);
}

void
timer_stop(struct timer *timer)
{
	if (timer->soon)
		TAILQ_REMOVE(&timer->loop->soon, timer, entry);
	timer->soon = false;
	event_del(timer->event);
}

bool
timer_is_on(const struct timer *timer)
{
	return timer->soon ||
	       event_pending(timer->event, EV_TIMEOUT, NULL) != 0;
}

int64_t
timer_left_ms(const struct timer *timer)
{
	int64_t left;

	if (!timer_is_on(timer))
		return -1;
	left = timer->due_ms - clock_now_us() / 1000;
	return left > 0 ? left : 0;
}

void
timer_free(struct timer *timer)
{
	if (timer == NULL)
		return;
	timer_stop(timer);
	event_free(timer->event);
	mem_free(timer);
}

/* Descriptors -------------------------------------------------------------- */

static void
on_watch(evutil_socket_t fd, short events, void *arg)
{
	struct watch *watch = arg;
	struct loop *loop = watch->loop;
	enum loop_kind kind =
	    watch == loop->post_watch ? LOOP_POST : LOOP_DESCRIPTOR;
	int64_t entered_us = loop_enter(loop);
	unsigned what = 0;

	(void)fd;
	if (events & EV_READ)
		what |= WATCH_READ;
	if (events & EV_WRITE)
		what |= WATCH_WRITE;
	watch->on_ready(watch->arg, what);
	loop_leave(loop, kind, entered_us);
}

struct watch *
watch_new(
    struct loop *loop, int fd, void (*on_ready)(void *, unsigned), void *arg)
{
	struct watch *watch = mem_alloc(sizeof(*watch));

	watch->loop = loop;
	watch->fd = fd;
	watch->on_ready = on_ready;
	watch->arg = arg;
	watch->event = loop_event(loop, fd, EV_PERSIST, on_watch, watch);
	return watch;
}

void
watch_set(struct watch *watch, unsigned what)
{
	short events = EV_PERSIST;

	if (what == watch->what)
		return;
	if (watch->what != 0)
		event_del(watch->event);
	watch->what = what;
	if (what == 0)
		return;
	if (what & WATCH_READ)
		events |= EV_READ;
	if (what & WATCH_WRITE)
		events |= EV_WRITE;
	event_assign(watch->event, watch->loop->base, watch->fd, events,
	    on_watch, watch);
	event_priority_set(watch->event, PRIORITY_IO);
	if (event_add(watch->event, NULL) < 0)
		log_error("net", "cannot watch descriptor %d: %s", watch->fd,
		    strerror(errno));
}

void
watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	event_free(watch->event);
	mem_free(watch);
}

/* Tasks -------------------------------------------------------------------- */

struct task *
task_new(struct loop *loop, bool (*on_slice)(void *), void *arg)
{
	struct task *task = mem_alloc(sizeof(*task));

	task->loop = loop;
	task->on_slice = on_slice;
	task->arg = arg;
	task->turn = loop->turn;
	return task;
}

void
task_start(struct task *task)
{
	task->again = true;
	if (task->on)
		return;
	task->on = true;
	TAILQ_INSERT_TAIL(&task->loop->tasks, task, entry);
}

void
task_stop(struct task *task)
{
	task->again = false;
	if (!task->on)
		return;
	task->on = false;
	TAILQ_REMOVE(&task->loop->tasks, task, entry);
}

void
task_free(struct task *task)
{
	if (task == NULL)
		return;
	task_stop(task);
	if (task->loop->slice == task)
		task->loop->slice = NULL;
	mem_free(task);
}

/* Posts and signals --------------------------------------------------------- */

void
loop_post(struct loop *loop, void (*on_post)(void *), void *arg)
{
	posts_add(loop->posts, on_post, arg);
}

static void
on_hook(evutil_socket_t signo, short what, void *arg)
{
	struct hook *hook = arg;
	struct loop *loop = hook->loop;
	int64_t entered_us = loop_enter(loop);

	(void)what;
	hook->on_signal(hook->arg, (int)signo);
	loop_leave(loop, LOOP_SIGNAL, entered_us);
}

/* Replaces who was called for signo before; NULL: the default action again. */
void
loop_signal(
    struct loop *loop, int signo, void (*on_signal)(void *, int), void *arg)
{
	struct hook *hook;

	SLIST_FOREACH (hook, &loop->hooks, entry)
		if (hook->signo == signo)
			break;
	if (hook != NULL)
		hook_free(hook);
	if (on_signal == NULL)
		return;
	hook = mem_alloc(sizeof(*hook));
	hook->loop = loop;
	hook->signo = signo;
	hook->on_signal = on_signal;
	hook->arg = arg;
	hook->event =
	    loop_event(loop, signo, EV_SIGNAL | EV_PERSIST, on_hook, hook);
	SLIST_INSERT_HEAD(&loop->hooks, hook, entry);
	if (event_add(hook->event, NULL) < 0)
		log_error("net", "cannot catch signal %d", signo);
}
