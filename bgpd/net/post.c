/* SPDX-License-Identifier: ISC */
/* Posts: the one way from thread to thread, a queue that wakes its loop. */

/*
 * Whoever posts holds the lock for a few instructions. A thread that is real-time
 * may have to wait for one that is not: the lock inherits priority, so that the
 * latter is not kept from leaving it by those between the two.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/inner.h"
#include "util/log.h"
#include "util/mem.h"

struct post {
	STAILQ_ENTRY(post) entry;
	void (*on_post)(void *);
	void *arg;
};
STAILQ_HEAD(post_list, post);

struct posts {
	pthread_mutex_t lock;
	struct post_list list;
	int fd; /* an eventfd: readable when there is any */
};

struct posts *
posts_new(void)
{
	struct posts *posts = mem_alloc(sizeof(*posts));
	pthread_mutexattr_t attr;

	STAILQ_INIT(&posts->list);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&posts->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	posts->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return posts;
}

void
posts_free(struct posts *posts)
{
	struct post *post;

	if (posts == NULL)
		return;
	while ((post = STAILQ_FIRST(&posts->list)) != NULL) {
		STAILQ_REMOVE_HEAD(&posts->list, entry);
		mem_free(post);
	}
	if (posts->fd >= 0)
		close(posts->fd);
	pthread_mutex_destroy(&posts->lock);
	mem_free(posts);
}

int
posts_fd(const struct posts *posts)
{
	return posts->fd;
}

void
posts_add(struct posts *posts, void (*on_post)(void *), void *arg)
{
	struct post *post = mem_alloc(sizeof(*post));
	const uint64_t one = 1;

	post->on_post = on_post;
	post->arg = arg;
	/* Woken inside the lock: once it is seen, the loop may be freed. */
	pthread_mutex_lock(&posts->lock);
	STAILQ_INSERT_TAIL(&posts->list, post, entry);
	if (write(posts->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("net", "eventfd: %s", strerror(errno));
	pthread_mutex_unlock(&posts->lock);
}

/* Those that come meanwhile wait for the next turn. */
void
posts_run(struct posts *posts)
{
	struct post_list mine = STAILQ_HEAD_INITIALIZER(mine);
	struct post *post;
	uint64_t count;

	if (read(posts->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("net", "eventfd: %s", strerror(errno));
	pthread_mutex_lock(&posts->lock);
	STAILQ_CONCAT(&mine, &posts->list);
	pthread_mutex_unlock(&posts->lock);
	while ((post = STAILQ_FIRST(&mine)) != NULL) {
		STAILQ_REMOVE_HEAD(&mine, entry);
		post->on_post(post->arg);
		mem_free(post);
	}
}
