/* SPDX-License-Identifier: ISC */
/* Who dials us, and one connection of two (RFC 4271 6.8). */
#include <errno.h>
#include <string.h>

#include "peer/session.h"
#include "util/log.h"
#include "util/mem.h"

bool
collide_keeps_dialled(uint32_t local_id, uint32_t local_as, uint32_t remote_id,
    uint32_t remote_as)
{
	/* RFC 6286 2.3: equal identifiers in two ASes. */
	if (local_id == remote_id)
		return local_as > remote_as;
	return local_id > remote_id;
}

bool
collide(struct session *session, const struct open *theirs)
{
	struct peer *peer = session->peer;
	struct session *other = session->incoming ? &peer->out : &peer->in;
	struct session *loser = session;
	struct notification error;

	if (other->state < FSM_OPEN_CONFIRM)
		return false;
	if (other->state == FSM_OPEN_CONFIRM)
		loser = collide_keeps_dialled(negotiate_router_id(session),
			    peer->plan.local_as, theirs->router_id, theirs->asn)
			    ? &peer->in
			    : &peer->out;
	notification_set(&error, NOTIFY_CEASE, CEASE_COLLISION,
	    "two connections at once: the one that %s dialled stays",
	    loser->incoming ? "we" : "the peer");
	session_event(loser, FSM_COLLISION, &error);
	return loser == session;
}

/* Says why before the door is shut; RFC 4486. */
static void
listen_reject(struct peers *peers, int fd, uint8_t subcode, const char *who)
{
	uint8_t bytes[64];
	struct buf out = buf_writer(bytes, sizeof(bytes));
	struct notification error;

	notification_set(&error, NOTIFY_CEASE, subcode, "%s", "");
	notification_encode(&out, &error);
	log_debug("peer", "%s: its connection was rejected", who);
	goodbye_new(peers, fd, bytes, out.pos);
}

static void
listen_take(
    struct peers *peers, int fd, const struct addr *remote, uint16_t port)
{
	struct peer *peer = peer_find(peers, remote);
	char who[128];

	addr_print(remote, who);
	if (peer == NULL) {
		log_debug("peer", "%s: dialled us, but is no neighbor", who);
		sock_close(fd);
		return;
	}
	if (!peer_is_enabled(peer)) {
		listen_reject(peers, fd, CEASE_REJECTED, who);
		return;
	}
	if (peer->up != NULL) {
		listen_reject(peers, fd, CEASE_COLLISION, who);
		return;
	}
	/* Who dials again has given up what it dialled before. */
	if (peer->in.state > FSM_ACTIVE)
		session_fail(&peer->in, "replaced by a new connection");
	session_accept(&peer->in, fd, port);
}

static void
listen_on_ready(void *arg, unsigned what)
{
	struct listener *listener = arg;
	struct addr remote;
	uint16_t port;
	int fd, left = 16; /* a turn */

	(void)what;
	while (
	    left-- > 0 && (fd = sock_accept(listener->fd, &remote, &port)) >= 0)
		listen_take(listener->peers, fd, &remote, port);
}

static int
listen_open(struct peers *peers, const struct addr *local, uint16_t port)
{
	char where[ADDR_TEXT] = "all addresses";
	struct text why = { 0 };
	struct listener *listener;
	int fd = sock_listen(local, port, &why);

	if (local->family != 0)
		addr_print(local, where);
	if (fd < 0) {
		log_warning("peer",
		    "cannot listen on port %u (%s): %s: peers are dialled, "
		    "but cannot dial us",
		    port, where, text_str(&why));
		text_free(&why);
		return -1;
	}
	text_free(&why);
	listener = mem_alloc(sizeof(*listener));
	listener->peers = peers;
	listener->fd = fd;
	listener->watch = watch_new(peers->loop, fd, listen_on_ready, listener);
	watch_set(listener->watch, WATCH_READ);
	TAILQ_INSERT_TAIL(&peers->listeners, listener, link);
	log_info("peer", "listening on port %u (%s)", port, where);
	return 0;
}

/* All addresses: one socket for each family. */
static int
listen_open_any(struct peers *peers, uint16_t port)
{
	struct addr any4 = { .family = AF_INET };
	struct addr any6 = { .family = AF_INET6 };
	int opened = 0;

	if (listen_open(peers, &any6, port) == 0)
		opened++;
	if (listen_open(peers, &any4, port) == 0)
		opened++;
	return opened > 0 ? 0 : -1;
}

int
peers_listen(struct peers *peers, const struct addr *addrs, unsigned count,
    uint16_t port)
{
	struct peer *peer;
	int opened = 0;
	unsigned i;

	if (port == 0)
		return 0;
	if (count == 0 && listen_open_any(peers, port) == 0)
		opened++;
	for (i = 0; i < count; i++)
		if (listen_open(peers, &addrs[i], port) == 0)
			opened++;
	TAILQ_FOREACH (peer, &peers->list, link)
		if (peer->config->password != NULL)
			listen_set_password(
			    peers, &peer->addr, peer->config->password);
	return opened > 0 ? 0 : -1;
}

void
listen_close(struct peers *peers)
{
	struct listener *listener;

	while ((listener = TAILQ_FIRST(&peers->listeners)) != NULL) {
		TAILQ_REMOVE(&peers->listeners, listener, link);
		watch_free(listener->watch);
		sock_close(listener->fd);
		mem_free(listener);
	}
}

void
listen_set_password(
    struct peers *peers, const struct addr *remote, const char *password)
{
	struct listener *listener;
	struct text why = { 0 };
	char who[128];

	TAILQ_FOREACH (listener, &peers->listeners, link) {
		text_clear(&why);
		if (sock_set_password(listener->fd, remote, password, &why) !=
			0 &&
		    password != NULL)
			log_warning("peer", "%s: password: %s",
			    addr_print(remote, who), text_str(&why));
	}
	text_free(&why);
}
