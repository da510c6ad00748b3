/* SPDX-License-Identifier: ISC */
/* The bytes of a connection: messages in, pending bytes and the RIB's words out. */

/*
 * Reading is bounded per turn of the loop, so that one peer that floods us does
 * not silence the timers of the others. All connections read into one buffer;
 * only the beginning of an unfinished message is kept by its connection. On the
 * way out nothing is queued: the RIB is asked for more when the socket takes it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "peer/session.h"
#include "util/log.h"
#include "util/mem.h"

#define FLUSH_BYTES (128u * 1024u) /* to one peer in one turn */

static void stream_on_ready(void *arg, unsigned what);
static void stream_on_flush(void *arg);

void
stream_open(struct session *session, int fd, unsigned what)
{
	struct peers *peers = session->peer->peers;

	stream_close(session);
	session->fd = fd;
	session->life++;
	session->full = false;
	session->heard_ms = session->progress_ms = loop_now_ms(peers->loop);
	session->watch = watch_new(peers->loop, fd, stream_on_ready, session);
	watch_set(session->watch, what);
	session->flush_timer = timer_new(peers->loop, stream_on_flush, session);
}

void
stream_close(struct session *session)
{
	timer_free(session->flush_timer);
	session->flush_timer = NULL;
	watch_free(session->watch);
	session->watch = NULL;
	if (session->fd >= 0)
		sock_close(session->fd);
	session->fd = -1;
	session->life++;
	mem_free(session->partial);
	session->partial = NULL;
	session->partial_len = 0;
	text_free(&session->pending);
	session->pending_at = 0;
}

static bool
stream_lives(const struct session *session, uint32_t life)
{
	return session->fd >= 0 && session->life == life;
}

/* Messages, by type ----------------------------------------------------------- */

static void
stream_on_open(struct session *session, struct buf body)
{
	struct notification error;
	struct open theirs;

	if (session->state != FSM_OPEN_SENT) {
		session_event(session, FSM_GOT_OPEN, NULL);
		return;
	}
	memset(&theirs, 0, sizeof(theirs));
	if (open_decode(body, &theirs, &error) != 0 ||
	    negotiate_check(session, &theirs, &error) != 0) {
		session_event(session, FSM_BAD_OPEN, &error);
		return;
	}
	if (collide(session, &theirs))
		return;
	negotiate_agree(session, &theirs);
	session_event(session, FSM_GOT_OPEN, NULL);
}

static void
stream_on_update(struct session *session, struct buf body)
{
	bool up = session->state == FSM_ESTABLISHED;
	struct notification error;

	session_event(session, FSM_GOT_UPDATE, NULL);
	if (up && receive_update(session, body, &error) != 0)
		session_event(session, FSM_BAD_UPDATE, &error);
}

static void
stream_on_notification(struct session *session, struct buf body)
{
	struct notification n;
	char who[128], name[96], text[256];

	memset(&n, 0, sizeof(n));
	if (notification_decode(body, &n) != 0)
		return; /* framing has seen to its length */
	peer_say(session->peer, who, sizeof(who));
	notification_name(n.code, n.subcode, name, sizeof(name));
	notification_text(&n, text, sizeof(text));
	log_notice("peer", "%s: received NOTIFICATION %s%s%s", who, name,
	    text[0] != '\0' ? ": " : "", text);
	peer_note_reset(session->peer, &n, false, text);
	session_event(session, FSM_GOT_NOTIFICATION, NULL);
}

static void
stream_on_keepalive(struct session *session, struct buf body)
{
	(void)body;
	session_event(session, FSM_GOT_KEEPALIVE, NULL);
}

static void
stream_on_refresh(struct session *session, struct buf body)
{
	bool up = session->state == FSM_ESTABLISHED;
	struct notification error;
	enum family family;

	session_event(session, FSM_GOT_REFRESH, NULL);
	if (!up)
		return;
	if (message_decode_refresh(body, &family, &error) != 0)
		session_event(session, FSM_BAD_REFRESH, &error);
	else if (family != FAMILY_NONE && session->families[family])
		tell_refresh(session->peer, family);
}

static void (*const stream_on_message[])(struct session *, struct buf) = {
	[MESSAGE_OPEN] = stream_on_open,
	[MESSAGE_UPDATE] = stream_on_update,
	[MESSAGE_NOTIFICATION] = stream_on_notification,
	[MESSAGE_KEEPALIVE] = stream_on_keepalive,
	[MESSAGE_REFRESH] = stream_on_refresh,
};

/* In ---------------------------------------------------------------------------- */

/* How many of the bytes were whole messages; stops when the connection ends. */
static size_t
stream_handle(struct session *session, const uint8_t *bytes, size_t len)
{
	uint32_t life = session->life;
	struct notification error;
	struct message message;
	size_t at = 0;
	int got;

	while (stream_lives(session, life)) {
		got = message_take(
		    bytes + at, len - at, MESSAGE_MAX, &message, &error);
		if (got == 0)
			break;
		if (got < 0) {
			session_event(session, FSM_BAD_HEADER, &error);
			break;
		}
		at += message.len;
		session->peer->in_count[message.type]++;
		stream_on_message[message.type](session, message.body);
	}
	return at;
}

/* One read, bounded; > 0 when there was something. */
static ssize_t
stream_read(struct session *session)
{
	uint8_t *buffer = session->peer->peers->read_buffer;
	size_t kept = session->partial_len, at;
	uint32_t life = session->life;
	ssize_t n;

	if (kept > 0)
		memcpy(buffer, session->partial, kept);
	errno = 0;
	n = sock_read(session->fd, buffer + kept, STREAM_READ_BYTES - kept);
	if (n < 0) {
		session_fail(session, "%s",
		    errno == 0 ? "closed by the peer" : strerror(errno));
		return -1;
	}
	if (n == 0)
		return 0;
	at = stream_handle(session, buffer, kept + (size_t)n);
	if (!stream_lives(session, life))
		return n;
	mem_free(session->partial);
	session->partial_len = kept + (size_t)n - at;
	session->partial = session->partial_len == 0
			       ? NULL
			       : mem_copy(buffer + at, session->partial_len);
	return n;
}

bool
stream_poll(struct session *session)
{
	return session->fd >= 0 && stream_read(session) > 0;
}

/* Out ----------------------------------------------------------------------------- */

/*
 * It leaves at the end of this turn, with what else the turn brings; where the
 * socket is full already, when that has room.
 */
void
stream_wake(struct session *session)
{
	if (session->watch != NULL && !session->full &&
	    session->state > FSM_ACTIVE)
		timer_start(session->flush_timer, 0);
}

void
stream_put(struct session *session, const void *bytes, size_t len)
{
	text_put(&session->pending, bytes, len);
	stream_wake(session);
}

/* 1 all sent, 0 the socket is full, -1 the connection has ended. */
static int
stream_write(
    struct session *session, const void *bytes, size_t len, size_t *sent)
{
	ssize_t n;

	*sent = 0;
	while (*sent < len) {
		n = sock_write(
		    session->fd, (const char *)bytes + *sent, len - *sent);
		if (n < 0) {
			session_fail(session, "%s", strerror(errno));
			return -1;
		}
		if (n == 0)
			return 0;
		*sent += (size_t)n;
		session->progress_ms = loop_now_ms(session->peer->peers->loop);
	}
	return 1;
}

static int
stream_flush_pending(struct session *session)
{
	struct text *pending = &session->pending;
	size_t sent;
	int done;

	if (pending->len == session->pending_at)
		return 1;
	done = stream_write(session, pending->s + session->pending_at,
	    pending->len - session->pending_at, &sent);
	if (done < 0)
		return -1;
	session->pending_at += sent;
	if (done == 1) {
		text_free(pending);
		session->pending_at = 0;
	}
	return done;
}

/* Whole messages go by; a header's two length octets are at 16. */
static void
stream_count_out(struct peer *peer, const uint8_t *bytes, size_t len)
{
	size_t at, size;

	for (at = 0; at + MESSAGE_HEADER <= len; at += size) {
		size = (size_t)bytes[at + 16] << 8 | bytes[at + 17];
		if (size < MESSAGE_HEADER)
			break;
		peer->out_count[MESSAGE_UPDATE]++;
	}
}

/* What the RIB has for this peer goes straight to the socket. */
static int
stream_flush_told(struct session *session, size_t *budget)
{
	const uint8_t *bytes;
	size_t len, sent;
	int done;

	if (session->peer->up != session)
		return 1;
	len = tell_take(session->peer, &bytes);
	if (len == 0)
		return 1;
	stream_count_out(session->peer, bytes, len);
	done = stream_write(session, bytes, len, &sent);
	if (done < 0)
		return -1;
	text_put(&session->pending, (const char *)bytes + sent, len - sent);
	*budget -= len < *budget ? len : *budget;
	return done == 0 ? 0 : 2;
}

void
stream_flush(struct session *session)
{
	size_t budget = FLUSH_BYTES;
	int done;

	if (session->fd < 0 || session->state <= FSM_ACTIVE)
		return;
	do {
		done = stream_flush_pending(session);
		if (done == 1)
			done = stream_flush_told(session, &budget);
	} while (done == 2 && budget > 0);
	if (done < 0)
		return;
	clocks_blocked(session, done == 0);
	session->full = done != 1;
	/* The RIB looks at its table in slices, and has not come to the end. */
	if (done == 1 && session->peer->up == session &&
	    !tell_is_done(session->peer))
		timer_start(session->flush_timer, 0);
	watch_set(session->watch, WATCH_READ | (done == 1 ? 0 : WATCH_WRITE));
}

void
stream_push(struct session *session)
{
	if (session->fd >= 0 && session->state > FSM_ACTIVE && !session->full)
		stream_flush_pending(session);
}

static void
stream_on_flush(void *arg)
{
	stream_flush(arg);
}

static void
stream_on_dialled(struct session *session)
{
	int error = sock_error(session->fd);

	if (error != 0) {
		session_fail(session, "%s", strerror(error));
		return;
	}
	sock_remote(session->fd, &(struct addr){ 0 }, &session->remote_port);
	watch_set(session->watch, WATCH_READ);
	session_event(session, FSM_CONNECTED, NULL);
}

static void
stream_on_ready(void *arg, unsigned what)
{
	struct session *session = arg;
	uint32_t life = session->life;

	if (session->state == FSM_CONNECT) {
		stream_on_dialled(session);
		return;
	}
	if ((what & WATCH_READ) != 0)
		stream_read(session);
	if ((what & WATCH_WRITE) != 0 && stream_lives(session, life))
		stream_flush(session);
}
