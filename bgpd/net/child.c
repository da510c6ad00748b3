/* SPDX-License-Identifier: ISC */
/* Children of this process: who is told when one has ended. */

/*
 * SIGCHLD belongs to the process, and so does the list below; it is touched by
 * the one loop that has children. They are asked for by pid, never all at once:
 * a plugin may wait for children of its own.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "net/net.h"
#include "util/mem.h"

struct child {
	LIST_ENTRY(child) entry;
	pid_t pid;
	bool ended;
	struct timer *check; /* it may have ended before we caught signals */
	void (*on_exit)(void *, int);
	void *arg;
};

static LIST_HEAD(, child) children = LIST_HEAD_INITIALIZER(children);

static struct child *
child_find_ended(int *status)
{
	struct child *child;
	pid_t pid;

	LIST_FOREACH (child, &children, entry) {
		pid = waitpid(child->pid, status, WNOHANG);
		if (pid > 0)
			return child;
		if (pid < 0 && errno != EINTR) {
			*status = 0; /* not ours, or reaped by another */
			return child;
		}
	}
	return NULL;
}

static void
child_end(struct child *child, int status)
{
	LIST_REMOVE(child, entry);
	child->ended = true;
	if (child->on_exit != NULL)
		child->on_exit(child->arg, status);
	else
		child_free(child);
}

/* From the start each time: on_exit may free any of them. */
static void
child_reap(void *arg)
{
	struct child *child;
	int status = 0;

	(void)arg;
	while ((child = child_find_ended(&status)) != NULL)
		child_end(child, status);
}

static void
on_child_signal(void *arg, int signo)
{
	(void)signo;
	child_reap(arg);
}

struct child *
child_new(struct loop *loop, pid_t pid, void (*on_exit)(void *, int), void *arg)
{
	struct child *child = mem_alloc(sizeof(*child));

	child->pid = pid;
	child->on_exit = on_exit;
	child->arg = arg;
	LIST_INSERT_HEAD(&children, child, entry);
	loop_signal(loop, SIGCHLD, on_child_signal, NULL);
	child->check = timer_new(loop, child_reap, NULL);
	timer_start(child->check, 0);
	return child;
}

/* One that still runs is left alone, and reaped in silence when it ends. */
void
child_free(struct child *child)
{
	if (child == NULL)
		return;
	timer_free(child->check);
	child->check = NULL;
	child->on_exit = NULL;
	if (child->ended)
		mem_free(child);
}
