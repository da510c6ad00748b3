/* SPDX-License-Identifier: ISC */
/* One connection with a peer: events in, actions out, from dial to farewell. */

/*
 * Every event goes through fsm.c, which names the action; the functions below
 * carry it out. A session is never freed inside an event: it lives in its peer,
 * and `life` tells a caller further up whether its connection still stands.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "peer/session.h"
#include "util/log.h"
#include "util/mem.h"

#define TTL_MAX 255

void
session_init(struct session *session, struct peer *peer, bool incoming)
{
	session->peer = peer;
	session->incoming = incoming;
	session->fd = -1;
	session->state = FSM_IDLE;
	clocks_init(session);
}

void
session_clear(struct session *session)
{
	stream_close(session);
	clocks_clear(session);
}

/* RFC 5082 wants 255 from the neighbour, less a hop for each router between. */
static void
session_options_ttl(const struct peer *peer, struct sock_options *options)
{
	const struct neighbor *config = peer->config;

	if (config->security_hops > 0) {
		options->ttl = TTL_MAX;
		options->min_ttl =
		    (uint8_t)(TTL_MAX + 1 - config->security_hops);
	} else if (config->multihop) {
		options->ttl = config->multihop_ttl;
	} else if (peer->plan.guest) {
		options->ttl = 0; /* as MetalLB: multihop without a word */
	} else {
		options->ttl = peer->plan.ebgp ? 1 : TTL_MAX;
	}
}

void
session_options(const struct peer *peer, struct sock_options *options)
{
	const struct neighbor *config = peer->config;

	memset(options, 0, sizeof(*options));
	options->password = config->password;
	options->user_timeout_ms = peer->plan.hold_secs * 1000u;
	options->dscp = 48;
	if (config->update_source != NULL &&
	    addr_read(config->update_source, &options->source) != 0 &&
	    iface_addr_of(config->update_source, peer->addr.family,
		&options->source) != 0)
		snprintf(options->interface, sizeof(options->interface), "%s",
		    config->update_source);
	session_options_ttl(peer, options);
}

/* An obstacle is said once, until it changes. */
static void
session_set_obstacle(struct peer *peer, const char *text)
{
	char who[128];

	if (text[0] != '\0' && strcmp(peer->obstacle, text) != 0) {
		peer_say(peer, who, sizeof(who));
		log_info("peer", "%s: cannot dial: %s", who, text);
	}
	snprintf(peer->obstacle, sizeof(peer->obstacle), "%s", text);
}

/* RFC 4271 5.1.3: an eBGP neighbour that is not next door needs multihop. */
static bool
session_is_reachable(const struct peer *peer)
{
	const struct neighbor *config = peer->config;

	return !peer->plan.ebgp || peer->plan.guest || config->multihop ||
	       config->security_hops > 1 || config->no_connected_check ||
	       iface_is_connected(&peer->addr);
}

static void
act_dial(struct session *session, const struct notification *error)
{
	struct peer *peer = session->peer;
	struct sock_options options;
	struct text why = { 0 };
	int fd;

	(void)error;
	stream_close(session);
	timer_start(peer->retry,
	    clocks_jitter(
		1000 * (CLOCK_GUEST_SECS + clocks_backoff(peer->attempts,
					       peer->plan.connect_secs))));
	peer->attempts++;
	if (!session_is_reachable(peer)) {
		session_set_obstacle(peer,
		    "not directly connected, and ebgp-multihop is not set");
		session_event(session, FSM_FAILED, NULL);
		return;
	}
	session_options(peer, &options);
	fd = sock_dial(&peer->addr, peer->config->port, &options, &why);
	if (fd < 0) {
		session_set_obstacle(peer, text_str(&why));
		text_free(&why);
		session_event(session, FSM_FAILED, NULL);
		return;
	}
	text_free(&why);
	stream_open(session, fd, WATCH_WRITE);
}

static void
act_listen(struct session *session, const struct notification *error)
{
	(void)error;
	stream_close(session);
}

static void
act_open(struct session *session, const struct notification *error)
{
	uint8_t bytes[512];
	struct buf out = buf_writer(bytes, sizeof(bytes));
	struct open ours;

	(void)error;
	session->peer->obstacle[0] = '\0';
	sock_local(session->fd, &session->local, &session->local_port);
	clocks_wait_for_open(session);
	negotiate_open(session, &ours);
	open_encode(&out, &ours);
	if (out.failed)
		return;
	session->peer->out_count[MESSAGE_OPEN]++;
	stream_put(session, bytes, out.pos);
}

static void
session_put_keepalive(struct session *session)
{
	uint8_t bytes[MESSAGE_HEADER];
	struct buf out = buf_writer(bytes, sizeof(bytes));

	message_encode_keepalive(&out);
	session->peer->out_count[MESSAGE_KEEPALIVE]++;
	stream_put(session, bytes, out.pos);
}

static void
act_confirm(struct session *session, const struct notification *error)
{
	struct sock_options options;

	(void)error;
	clocks_negotiated(session);
	session_options(session->peer, &options);
	options.user_timeout_ms = session->hold_secs * 1000u;
	sock_tune(session->fd, &options, NULL);
	session_put_keepalive(session);
}

static void
act_up(struct session *session, const struct notification *error)
{
	(void)error;
	session->heard_ms = loop_now_ms(session->peer->peers->loop);
	peer_on_up(session);
}

static void
act_hear(struct session *session, const struct notification *error)
{
	(void)error;
	session->heard_ms = loop_now_ms(session->peer->peers->loop);
}

static void
act_keepalive(struct session *session, const struct notification *error)
{
	(void)error;
	session_put_keepalive(session);
}

/* The peer hears of every end, however it came about. */
static void
session_end(struct session *session)
{
	clocks_stop(session);
	stream_close(session);
	peer_on_closed(session, session->peer->up == session);
}

static void
act_close(struct session *session, const struct notification *error)
{
	(void)error;
	session_end(session);
}

static void
session_log_sent(const struct session *session, const struct notification *n)
{
	char who[128], name[96], text[256];
	const char *why = n->why;

	peer_say(session->peer, who, sizeof(who));
	notification_name(n->code, n->subcode, name, sizeof(name));
	notification_text(n, text, sizeof(text));
	if (text[0] != '\0')
		why = text;
	log_notice("peer", "%s: sent NOTIFICATION %s%s%s", who, name,
	    why[0] != '\0' ? ": " : "", why);
}

/* What waits to be sent goes before it: the stream stays whole messages. */
static void
act_notify(struct session *session, const struct notification *error)
{
	uint8_t bytes[MESSAGE_HEADER + 2 + sizeof(error->data)];
	struct buf out = buf_writer(bytes, sizeof(bytes));

	if (error == NULL) {
		session_end(session);
		return;
	}
	notification_encode(&out, error);
	text_put(&session->pending, (const char *)bytes, out.pos);
	session->peer->out_count[MESSAGE_NOTIFICATION]++;
	session_log_sent(session, error);
	peer_note_reset(session->peer, error, true, error->why);
	watch_free(session->watch);
	session->watch = NULL;
	goodbye_new(session->peer->peers, session->fd,
	    session->pending.s + session->pending_at,
	    session->pending.len - session->pending_at);
	session->fd = -1;
	session_end(session);
}

/* `session->state` is the next one already: `error` was made by the caller. */
static void
act_protest(struct session *session, const struct notification *error)
{
	act_notify(session, error);
}

static void (*const acts[FSM_ACTION_COUNT])(
    struct session *, const struct notification *) = {
	[FSM_DO_DIAL] = act_dial,
	[FSM_DO_LISTEN] = act_listen,
	[FSM_DO_WAIT] = act_close,
	[FSM_DO_OPEN] = act_open,
	[FSM_DO_CONFIRM] = act_confirm,
	[FSM_DO_UP] = act_up,
	[FSM_DO_HEAR] = act_hear,
	[FSM_DO_SAY_KEEPALIVE] = act_keepalive,
	[FSM_DO_CLOSE] = act_close,
	[FSM_DO_NOTIFY] = act_notify,
	[FSM_DO_PROTEST] = act_protest,
};

void
session_event(struct session *session, enum fsm_event event,
    const struct notification *error)
{
	struct fsm_step step = fsm_step(session->state, event);
	struct notification protest;

	if (step.action == FSM_DO_NOTHING)
		return;
	if (step.action == FSM_DO_PROTEST) {
		notification_set(&protest, NOTIFY_FSM,
		    fsm_protest_subcode(session->state),
		    "a message that %s does not expect",
		    name_of(fsm_state_names, session->state));
		error = &protest;
	}
	session->state = step.next;
	acts[step.action](session, error);
}

void
session_fail(struct session *session, const char *format, ...)
{
	struct peer *peer = session->peer;
	char text[160], who[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	peer_say(peer, who, sizeof(who));
	if (session->state > FSM_ACTIVE) {
		log_info("peer", "%s: connection ended in %s: %s", who,
		    name_of(fsm_state_names, session->state), text);
		if (peer->up == session)
			peer_note_reset(peer, NULL, false, text);
	} else {
		session_set_obstacle(peer, text);
	}
	session_event(session, FSM_FAILED, NULL);
}

void
session_accept(struct session *session, int fd, uint16_t port)
{
	struct sock_options options;
	struct text why = { 0 };
	char who[128];

	session_options(session->peer, &options);
	if (sock_tune(fd, &options, &why) != 0) {
		peer_say(session->peer, who, sizeof(who));
		log_warning("peer", "%s: %s", who, text_str(&why));
	}
	text_free(&why);
	session->remote_port = port;
	stream_open(session, fd, WATCH_READ);
	session_event(session, FSM_CONNECTED, NULL);
}
