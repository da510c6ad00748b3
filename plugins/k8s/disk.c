/* SPDX-License-Identifier: ISC */
/* What was written is brought to the disk by a thread of its own, beside the loop. */

/*
 * fdatasync takes as long as the disk likes. Who wants to know the end of it asks
 * now and then; who does not, leaves it: then it goes on by itself until the
 * plugin's code is about to go. All but the thread's own two lines is the loop's.
 */

#include <sys/file.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "statefile.h"

struct disk_sync {
	SLIST_ENTRY(disk_sync) link; /* of those that were left */
	pthread_t thread;
	int fd, error; /* the thread's, until it is joined */
	atomic_bool over;
};

static SLIST_HEAD(, disk_sync) left = SLIST_HEAD_INITIALIZER(left);

static void *
sync_run(void *arg)
{
	struct disk_sync *s = arg;

	s->error = fdatasync(s->fd) == -1 ? errno : 0;
	atomic_store(&s->over, true);
	return NULL;
}

struct disk_sync *
disk_sync(int fd)
{
	struct disk_sync *s = k8s_alloc(sizeof(*s));

	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (s->fd != -1 && pthread_create(&s->thread, NULL, sync_run, s) == 0)
		return s;
	if (s->fd != -1)
		close(s->fd);
	free(s);
	return NULL;
}

bool
disk_sync_is_over(const struct disk_sync *s)
{
	return atomic_load(&s->over);
}

int
disk_sync_end(struct disk_sync *s)
{
	int error;

	pthread_join(s->thread, NULL);
	close(s->fd);
	error = s->error;
	free(s);
	return error;
}

/* Those that are over are ended on the way. */
void
disk_sync_leave(struct disk_sync *s)
{
	struct disk_sync *other, *next;

	if (s == NULL)
		return;
	SLIST_FOREACH_SAFE(other, &left, link, next)
	{
		if (!disk_sync_is_over(other))
			continue;
		SLIST_REMOVE(&left, other, disk_sync, link);
		disk_sync_end(other);
	}
	SLIST_INSERT_HEAD(&left, s, link);
}

void
disk_wait(void)
{
	struct disk_sync *s;

	while ((s = SLIST_FIRST(&left)) != NULL) {
		SLIST_REMOVE_HEAD(&left, link);
		disk_sync_end(s);
	}
}
