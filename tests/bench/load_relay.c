/* SPDX-License-Identifier: ISC */
/* No daemon, but bytes from each session to all others: the tool's own floor. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bgpload.h"

/* So much may wait for a session before those that feed it are not read. */
#define WAITING	    64
#define PIECE	    32768
#define FAULT_EVERY 1000

struct relay {
	uint32_t as;
	char fault; /* what it does with some UPDATEs, see is_let_through */
	unsigned updates;
	struct load_chunk *piece; /* of `from`, not sent yet */
	struct load_peer *from;
	size_t full; /* sessions for which enough waits */
};

static void
send_piece(struct load_loop *loop)
{
	struct relay *relay = loop->owner;
	struct load_chunk *piece = relay->piece;

	relay->piece = NULL;
	if (piece == NULL)
		return;
	for (size_t i = 0; i < loop->count; i++) {
		struct load_peer *peer = loop->peers[i];

		/* Its KEEPALIVE may be on its way; ours is ahead of this. */
		if (peer->state >= PEER_CONFIRM && peer != relay->from)
			load_peer_send(loop, peer, piece);
	}
	load_chunk_unref(piece);
}

/* So that a test sees what the tool notices: 'd'rop, 't'wist, 'l'inger. */
static bool
is_let_through(struct relay *relay, uint8_t *msg)
{
	bool withdraws = load_get16(msg + LOAD_HEADER) != 0;

	if (++relay->updates % FAULT_EVERY != 0 && relay->fault != 'l')
		return true;
	if (relay->fault == 't' && !withdraws)
		msg[LOAD_HEADER + 7] ^= 1; /* ORIGIN, which comes first */
	return relay->fault != 'd' && !(relay->fault == 'l' && withdraws);
}

static void
on_update(struct load_loop *loop, struct load_peer *peer, const uint8_t *msg,
    size_t len)
{
	struct relay *relay = loop->owner;
	uint8_t copy[LOAD_MESSAGE];

	if (relay->fault) {
		memcpy(copy, msg, len);
		if (!is_let_through(relay, copy))
			return;
		msg = copy;
	}
	if (relay->from != peer)
		send_piece(loop);
	relay->from = peer;
	if (relay->piece == NULL)
		relay->piece = load_chunk_new();
	load_append(&relay->piece->bytes, msg, len);
	if (relay->piece->bytes.len >= PIECE)
		send_piece(loop);
}

static bool
may_read(struct load_loop *loop, struct load_peer *peer)
{
	for (size_t i = 0; i < loop->count; i++)
		if (loop->peers[i] != peer && loop->peers[i]->queued > WAITING)
			return false;
	return true;
}

static void
on_change(struct load_loop *loop, struct load_peer *peer)
{
	(void)loop;
	peer->is_wanted = false;
}

static void
on_accept(struct load_loop *loop, int fd)
{
	struct relay *relay = loop->owner;
	struct load_peer *peer = NULL;
	int yes = 1;

	for (size_t i = 0; i < loop->count && peer == NULL; i++)
		if (loop->peers[i]->state == PEER_DOWN)
			peer = loop->peers[i];
	if (peer == NULL)
		peer = load_peer_new(loop);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	peer->who.as = relay->as;
	peer->id = 0x0a000001;
	load_peer_attach(loop, peer, fd);
}

int
load_relay(
    const char *address, uint16_t port, uint32_t as, uint16_t hold, char fault)
{
	struct relay relay = { .as = as, .fault = fault };
	struct sockaddr_storage where;
	struct load_loop loop;
	int fd, yes = 1;

	if (load_address(address, 0, port, &where) < 0)
		return 2;
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 ||
	    listen(fd, 1024) < 0) {
		perror("bgpload: listen");
		return 2;
	}
	load_loop_init(&loop, hold);
	loop.owner = &relay;
	loop.on_up = loop.on_down = on_change;
	loop.on_update = on_update;
	loop.may_read = may_read;
	loop.on_accept = on_accept;
	load_listen(&loop, fd);
	for (;;) {
		load_turn(&loop, 10);
		send_piece(&loop);
	}
}
