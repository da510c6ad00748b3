/* SPDX-License-Identifier: ISC */
/* Connections that have only their last words to say. */

/*
 * A socket that is closed while bytes of the peer are unread is reset, and the
 * reset may overtake our NOTIFICATION. So the last words are written, our half
 * is closed, and what still comes is read and forgotten until the peer closes
 * its half or a second has passed.
 */
#include <sys/socket.h>

#include "peer/session.h"
#include "util/mem.h"

#define GOODBYE_MS 1000

struct goodbye {
	TAILQ_ENTRY(goodbye) link;
	struct peers *peers;
	int fd;
	struct watch *watch;
	struct timer *timer;
	struct text words;
	size_t said;
};

static void
goodbye_free(struct goodbye *goodbye)
{
	TAILQ_REMOVE(&goodbye->peers->goodbyes, goodbye, link);
	watch_free(goodbye->watch);
	timer_free(goodbye->timer);
	sock_close(goodbye->fd);
	text_free(&goodbye->words);
	mem_free(goodbye);
}

void
goodbye_free_all(struct peers *peers)
{
	struct goodbye *goodbye;

	while ((goodbye = TAILQ_FIRST(&peers->goodbyes)) != NULL)
		goodbye_free(goodbye);
}

static void
goodbye_end(struct goodbye *goodbye)
{
	struct peers *peers = goodbye->peers;

	goodbye_free(goodbye);
	/* Who waits for the last of them need not wait longer. */
	if (TAILQ_EMPTY(&peers->goodbyes) && peers->stopping)
		timer_start(peers->stop_timer, 0);
}

/* 1 all is said, 0 later, -1 nobody listens. */
static int
goodbye_write(struct goodbye *goodbye)
{
	ssize_t n;

	while (goodbye->said < goodbye->words.len) {
		n = sock_write(goodbye->fd, goodbye->words.s + goodbye->said,
		    goodbye->words.len - goodbye->said);
		if (n <= 0)
			return (int)n;
		goodbye->said += (size_t)n;
	}
	shutdown(goodbye->fd, SHUT_WR);
	return 1;
}

static void
goodbye_on_ready(void *arg, unsigned what)
{
	struct goodbye *goodbye = arg;
	char bytes[4096];
	int done = 1;

	if ((what & WATCH_WRITE) != 0) {
		done = goodbye_write(goodbye);
		if (done == 1)
			watch_set(goodbye->watch, WATCH_READ);
	}
	if (done < 0 || ((what & WATCH_READ) != 0 &&
			    sock_read(goodbye->fd, bytes, sizeof(bytes)) < 0))
		goodbye_end(goodbye);
}

static void
goodbye_on_time(void *arg)
{
	goodbye_end(arg);
}

void
goodbye_new(struct peers *peers, int fd, const void *bytes, size_t len)
{
	struct goodbye *goodbye = mem_alloc(sizeof(*goodbye));
	int done;

	goodbye->peers = peers;
	goodbye->fd = fd;
	text_put(&goodbye->words, bytes, len);
	TAILQ_INSERT_TAIL(&peers->goodbyes, goodbye, link);
	goodbye->watch = watch_new(peers->loop, fd, goodbye_on_ready, goodbye);
	goodbye->timer = timer_new(peers->loop, goodbye_on_time, goodbye);
	timer_start(goodbye->timer, GOODBYE_MS);
	done = goodbye_write(goodbye);
	if (done < 0)
		goodbye_free(goodbye);
	else
		watch_set(goodbye->watch,
		    done == 1 ? WATCH_READ : WATCH_READ | WATCH_WRITE);
}
