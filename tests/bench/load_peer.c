/* SPDX-License-Identifier: ISC */
/* Sessions of the load tool, and the loop that moves their bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bgpload.h"

#define SECOND	1000000000ull
#define TICK	(SECOND / 100)
#define IN_ROOM 65536
#define WRITES	64 /* pieces of one writev */
#define READS	4  /* of one peer, before the next has its turn */
#define REDIAL	(SECOND / 10)

/* What epoll hands back: a peer, or this. */
struct load_listener {
	int fd;
};

uint64_t
load_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void
load_loop_init(struct load_loop *loop, uint16_t hold_secs)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = loop };

	*loop = (struct load_loop){ .epoll = epoll_create1(0),
		.urgent = epoll_create1(0),
		.hold = hold_secs };
	epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->urgent, &event);
	loop->now = load_now();
}

struct load_chunk *
load_chunk_new(void)
{
	struct load_chunk *chunk = load_memory(NULL, sizeof(*chunk));

	*chunk = (struct load_chunk){ .refs = 1 };
	return chunk;
}

void
load_chunk_unref(struct load_chunk *chunk)
{
	if (--chunk->refs)
		return;
	free(chunk->bytes.data);
	free(chunk);
}

struct load_peer *
load_peer_new(struct load_loop *loop)
{
	struct load_peer *peer = load_memory(NULL, sizeof(*peer));

	*peer = (struct load_peer){ .fd = -1, .number = (unsigned)loop->count };
	loop->peers =
	    load_memory(loop->peers, (loop->count + 1) * sizeof(*loop->peers));
	loop->peers[loop->count++] = peer;
	return peer;
}

static void
watch(struct load_loop *loop, struct load_peer *peer, int how)
{
	struct epoll_event event = { .data.ptr = peer };

	event.events = (peer->deaf ? 0 : (uint32_t)EPOLLIN) |
		       (peer->wants_out ? (uint32_t)EPOLLOUT : 0);
	epoll_ctl(
	    peer->is_probe ? loop->urgent : loop->epoll, how, peer->fd, &event);
}

static void
set_watch(struct load_loop *loop, struct load_peer *peer, bool deaf, bool out)
{
	if (peer->deaf == deaf && peer->wants_out == out)
		return;
	peer->deaf = deaf;
	peer->wants_out = out;
	watch(loop, peer, EPOLL_CTL_MOD);
}

void
load_peer_attach(struct load_loop *loop, struct load_peer *peer, int fd)
{
	peer->fd = fd;
	peer->state = PEER_DIALING;
	peer->deaf = false;
	peer->wants_out = true;
	peer->in_len = 0;
	if (peer->in == NULL)
		peer->in = load_memory(NULL, IN_ROOM);
	peer->dialed_ns = loop->now;
	watch(loop, peer, EPOLL_CTL_ADD);
}

static void
drop_queue(struct load_peer *peer)
{
	for (size_t i = 0; i < peer->queued; i++)
		load_chunk_unref(peer->queue[i]);
	peer->queued = peer->at = 0;
}

void
load_peer_close(struct load_loop *loop, struct load_peer *peer, const char *why)
{
	bool was_up = peer->state == PEER_UP;

	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	peer->state = PEER_DOWN;
	drop_queue(peer);
	snprintf(peer->why, sizeof(peer->why), "%s", why);
	if (was_up) {
		peer->losses++;
		loop->on_down(loop, peer);
	}
}

/* Takes the first `done` bytes off the queue. */
static void
advance(struct load_peer *peer, size_t done)
{
	size_t gone = 0;

	peer->bytes_out += done;
	peer->at += done;
	while (
	    gone < peer->queued && peer->at >= peer->queue[gone]->bytes.len) {
		peer->at -= peer->queue[gone]->bytes.len;
		load_chunk_unref(peer->queue[gone++]);
	}
	peer->queued -= gone;
	memmove(peer->queue, peer->queue + gone,
	    peer->queued * sizeof(*peer->queue));
}

static void
flush(struct load_loop *loop, struct load_peer *peer)
{
	while (peer->queued) {
		struct iovec pieces[WRITES];
		int count = 0;
		ssize_t done;

		for (; count < WRITES && (size_t)count < peer->queued;
		     count++) {
			struct load_bytes *bytes = &peer->queue[count]->bytes;
			size_t skip = count ? 0 : peer->at;

			pieces[count].iov_base = bytes->data + skip;
			pieces[count].iov_len = bytes->len - skip;
		}
		done = writev(peer->fd, pieces, count);
		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (done < 0) {
			load_peer_close(loop, peer, strerror(errno));
			return;
		}
		peer->sent_ns = loop->now;
		advance(peer, (size_t)done);
	}
	set_watch(loop, peer, peer->deaf, peer->queued > 0);
}

void
load_peer_send(
    struct load_loop *loop, struct load_peer *peer, struct load_chunk *chunk)
{
	if (chunk->bytes.len == 0)
		return;
	if (peer->queued == peer->queue_room) {
		peer->queue_room = 2 * peer->queue_room + 8;
		peer->queue = load_memory(
		    peer->queue, peer->queue_room * sizeof(*peer->queue));
	}
	chunk->refs++;
	peer->queue[peer->queued++] = chunk;
	/* Later, all that this turn brings at once. */
	set_watch(loop, peer, peer->deaf, true);
}

static void
send_small(struct load_loop *loop, struct load_peer *peer, bool open)
{
	struct load_chunk *chunk = load_chunk_new();

	if (open)
		load_open(&chunk->bytes, peer->who.as, loop->hold, peer->id,
		    peer->families ? peer->families : LOAD_IPV4 | LOAD_IPV6);
	else
		load_keepalive(&chunk->bytes);
	load_peer_send(loop, peer, chunk);
	load_chunk_unref(chunk);
}

static void
note_gap(uint64_t *last, uint64_t *longest, uint64_t now)
{
	if (*last && now - *last > *longest)
		*longest = now - *last;
	*last = now;
}

static void
on_notification(struct load_loop *loop, struct load_peer *peer,
    const uint8_t *msg, size_t len)
{
	char why[64];

	snprintf(why, sizeof(why), "NOTIFICATION %u/%u",
	    len > LOAD_HEADER ? msg[LOAD_HEADER] : 0,
	    len > LOAD_HEADER + 1 ? msg[LOAD_HEADER + 1] : 0);
	load_peer_close(loop, peer, why);
}

static void
on_message(struct load_loop *loop, struct load_peer *peer, const uint8_t *msg,
    size_t len)
{
	switch (msg[18]) {
	case MSG_OPEN:
		if (len > LOAD_HEADER + 5)
			peer->hold =
			    (uint16_t)load_get16(msg + LOAD_HEADER + 3);
		if (peer->hold > loop->hold)
			peer->hold = loop->hold;
		peer->state = PEER_CONFIRM;
		send_small(loop, peer, false);
		break;
	case MSG_KEEPALIVE:
		if (peer->state == PEER_CONFIRM) {
			peer->state = PEER_UP;
			peer->heard_ns = peer->keepalive_ns = 0;
			loop->on_up(loop, peer);
		}
		note_gap(
		    &peer->keepalive_ns, &peer->keepalive_gap_ns, loop->now);
		break;
	case MSG_UPDATE:
		loop->on_update(loop, peer, msg, len);
		break;
	case MSG_NOTIFICATION:
		on_notification(loop, peer, msg, len);
		break;
	default: /* ROUTE-REFRESH: nobody asked for it, nothing is said */
		break;
	}
}

/* All whole messages; what is left moves to the front. */
static void
parse(struct load_loop *loop, struct load_peer *peer)
{
	size_t at = 0;

	while (peer->in_len - at >= LOAD_HEADER) {
		const uint8_t *msg = peer->in + at;
		size_t len = (size_t)msg[16] << 8 | msg[17];

		if (len < LOAD_HEADER || len > LOAD_MESSAGE) {
			load_peer_close(loop, peer, "no BGP message");
			return;
		}
		if (peer->in_len - at < len)
			break;
		on_message(loop, peer, msg, len);
		if (peer->state == PEER_DOWN)
			return;
		at += len;
	}
	peer->in_len -= at;
	memmove(peer->in, peer->in + at, peer->in_len);
}

static size_t
may_read(struct load_loop *loop, struct load_peer *peer)
{
	size_t room = IN_ROOM - peer->in_len;

	if (peer->state != PEER_UP)
		return room;
	if (peer->stuck ||
	    (loop->may_read != NULL && !loop->may_read(loop, peer)))
		return 0;
	if (peer->rate && peer->credit < (double)room)
		return peer->credit > 0 ? (size_t)peer->credit : 0;
	return room;
}

static void
on_readable(struct load_loop *loop, struct load_peer *peer)
{
	for (int i = 0; i < READS && peer->state != PEER_DOWN; i++) {
		size_t room = may_read(loop, peer);
		ssize_t got;

		if (room == 0) {
			set_watch(loop, peer, true, peer->wants_out);
			return;
		}
		got = read(peer->fd, peer->in + peer->in_len, room);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			load_peer_close(loop, peer,
			    got ? strerror(errno) : "closed by the daemon");
			return;
		}
		loop->now = load_now();
		if (peer->state == PEER_UP)
			note_gap(&peer->heard_ns, &peer->gap_ns, loop->now);
		peer->credit -= (double)got;
		peer->bytes_in += (uint64_t)got;
		peer->in_len += (size_t)got;
		parse(loop, peer);
		if ((size_t)got < room)
			return;
	}
}

static void
on_writable(struct load_loop *loop, struct load_peer *peer)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (peer->state != PEER_DIALING) {
		flush(loop, peer);
		return;
	}
	getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		load_peer_close(loop, peer, strerror(error));
		return;
	}
	peer->state = PEER_OPEN;
	send_small(loop, peer, true);
	flush(loop, peer);
}

static void
on_event(struct load_loop *loop, struct load_peer *peer, uint32_t events)
{
	if (peer->state != PEER_DOWN && (events & EPOLLOUT))
		on_writable(loop, peer);
	if (peer->state == PEER_DOWN)
		return;
	if (events & EPOLLIN)
		on_readable(loop, peer);
	else if (events & (EPOLLERR | EPOLLHUP))
		load_peer_close(loop, peer, "reset by the daemon");
}

/* Keepalives, slow readers' next bytes, and who is dialed again. */
static void
tick(struct load_loop *loop)
{
	double passed = (double)(loop->now - loop->tick_ns) / SECOND;

	for (size_t i = 0; i < loop->count; i++) {
		struct load_peer *peer = loop->peers[i];

		/* SYN after SYN, the kernel would wait for longer and longer. */
		if (peer->state == PEER_DIALING &&
		    loop->now - peer->dialed_ns > LOAD_PATIENCE_NS)
			load_peer_close(loop, peer, "not accepted");
		if (peer->state == PEER_DOWN && peer->is_wanted &&
		    loop->now - peer->dialed_ns > REDIAL) {
			peer->dialed_ns = loop->now;
			loop->redial(loop, peer);
		}
		if (peer->state != PEER_UP)
			continue;
		if (peer->hold && peer->queued == 0 &&
		    loop->now - peer->sent_ns > peer->hold * SECOND / 3)
			send_small(loop, peer, false);
		peer->credit += passed * peer->rate;
		if (peer->credit > peer->rate)
			peer->credit = peer->rate;
		if (peer->deaf && may_read(loop, peer))
			set_watch(loop, peer, false, peer->wants_out);
	}
	loop->tick_ns = loop->now;
}

/* A KEEPALIVE's time is when it came, not when all else was read. */
static void
serve_urgent(struct load_loop *loop)
{
	struct epoll_event events[16];
	int count = epoll_wait(loop->urgent, events, 16, 0);

	if (count > 0)
		loop->now = load_now();
	for (int i = 0; i < count; i++)
		on_event(loop, events[i].data.ptr, events[i].events);
}

void
load_turn(struct load_loop *loop, int most_ms)
{
	struct epoll_event events[256];
	int count = epoll_wait(loop->epoll, events, 256, most_ms);

	loop->now = load_now();
	for (int i = 0; i < count; i++) {
		struct load_listener *listener = events[i].data.ptr;
		int fd;

		if (loop->listener != NULL && listener == loop->listener) {
			fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);
			if (fd >= 0)
				loop->on_accept(loop, fd);
			continue;
		}
		if (events[i].data.ptr != loop)
			on_event(loop, events[i].data.ptr, events[i].events);
		serve_urgent(loop);
	}
	if (loop->now - loop->tick_ns >= TICK)
		tick(loop);
}

void
load_listen(struct load_loop *loop, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	loop->listener = load_memory(NULL, sizeof(*loop->listener));
	loop->listener->fd = fd;
	event.data.ptr = loop->listener;
	epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
}
