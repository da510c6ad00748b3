/* SPDX-License-Identifier: ISC */
/* The list of neighbours, and the life of each: start, up, down, again. */

/*
 * A peer has two connections, one that it dials and one that it is dialled by.
 * Whichever is established first stays; collide.c chooses when both get far.
 * What a session told the RIB is dropped in slices after its end, apart from
 * what the next session tells: each session is a source of its own.
 */
#include <stdio.h>
#include <string.h>

#include "peer/session.h"
#include "policy/policy.h"
#include "util/arena.h"
#include "util/log.h"
#include "util/mem.h"

#define STOP_MS	     800
#define STEADY_MS    10000 /* a session that lasted: the next dial is at once */
#define ORPHAN_PATHS 2000  /* dropped in one slice */

/* A source whose session has ended, while its paths are withdrawn. */
struct orphan {
	TAILQ_ENTRY(orphan) link;
	struct rib_source *source;
};

void
peer_say(const struct peer *peer, char *out, size_t size)
{
	char addr[ADDR_TEXT];

	addr_print(&peer->addr, addr);
	if (peer->config->description != NULL)
		snprintf(out, size, "%.63s (%.30s)", addr,
		    peer->config->description);
	else
		snprintf(out, size, "%s", addr);
}

bool
peer_is_enabled(const struct peer *peer)
{
	return !peer->peers->stopping && !peer->leaving && !peer->overflown &&
	       !peer->bfd_holds && !peer->config->shutdown;
}

const struct session *
peer_session(const struct peer *peer)
{
	if (peer->up != NULL)
		return peer->up;
	if (peer->in.state > FSM_ACTIVE && peer->in.state > peer->out.state)
		return &peer->in;
	if (peer->out.state == FSM_IDLE && peer->config->passive)
		return &peer->in;
	return &peer->out;
}

const char *
peer_state_name(const struct peer *peer)
{
	if (peer->config->shutdown)
		return "Idle (Admin)";
	if (peer->overflown)
		return "Idle (PfxCt)";
	if (peer->bfd_holds && peer->up == NULL)
		return "Idle (BFD)";
	return name_of(fsm_state_names, peer_session(peer)->state);
}

/* Work in slices ---------------------------------------------------------------- */

static bool
orphans_slice(struct peers *peers)
{
	struct orphan *orphan = TAILQ_FIRST(&peers->orphans);

	if (orphan == NULL)
		return false;
	if (!rib_source_flush(orphan->source, FAMILY_NONE, ORPHAN_PATHS)) {
		rib_source_free(orphan->source);
		TAILQ_REMOVE(&peers->orphans, orphan, link);
		mem_free(orphan);
	}
	return !TAILQ_EMPTY(&peers->orphans);
}

static bool
peers_on_slice(void *arg)
{
	struct peers *peers = arg;
	bool more = orphans_slice(peers);
	struct peer *peer;

	more |= rib_settle(peers->rib);
	TAILQ_FOREACH (peer, &peers->list, link)
		more |= receive_slice(peer);
	return more;
}

void
peers_work(struct peers *peers)
{
	task_start(peers->task);
}

static void
peer_drop_source(struct peer *peer)
{
	struct orphan *orphan = mem_alloc(sizeof(*orphan));

	orphan->source = peer->source;
	peer->source = NULL;
	TAILQ_INSERT_TAIL(&peer->peers->orphans, orphan, link);
	peers_work(peer->peers);
}

/* Up and down ---------------------------------------------------------------------- */

void
peer_note_reset(struct peer *peer, const struct notification *error, bool sent,
    const char *text)
{
	struct peer_reset *reset = &peer->reset;

	/* One connection of two went: the session did not. */
	if (error != NULL && error->code == NOTIFY_CEASE &&
	    error->subcode == CEASE_COLLISION)
		return;
	reset->at_ms = loop_now_ms(peer->peers->loop);
	reset->notified = error != NULL;
	reset->sent = sent;
	reset->code = error != NULL ? error->code : 0;
	reset->subcode = error != NULL ? error->subcode : 0;
	snprintf(reset->text, sizeof(reset->text), "%s", text);
}

static void
peer_make_source(struct peer *peer, const struct session *session)
{
	struct rib_source_info info = { 0 };
	char name[ADDR_TEXT];

	info.kind = peer->plan.ebgp ? RIB_EBGP : RIB_IBGP;
	info.name = addr_print(&peer->addr, name);
	info.asn = session->theirs.asn;
	info.router_id = session->theirs.router_id;
	info.addr = peer->addr;
	peer->source = rib_source_new(peer->peers->rib, &info);
}

/* At level notification where the user asked for it. */
static void
peer_log_change(const struct peer *peer, const char *text)
{
	char who[128];

	peer_say(peer, who, sizeof(who));
	if (((const struct router *)peer->config->node.parent)->log_changes)
		log_notice("peer", "%s: %s", who, text);
	else
		log_info("peer", "%s: %s", who, text);
}

static void
peer_log_up(const struct peer *peer, const struct session *session)
{
	char text[256];
	struct text families = { 0 };
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++)
		if (session->families[i])
			text_add(&families, ", %s", family_info[i].line);
	snprintf(text, sizeof(text), "up: AS %u, %s, hold time %u s%s",
	    session->theirs.asn, peer->plan.ebgp ? "external" : "internal",
	    session->hold_secs, text_str(&families));
	text_free(&families);
	peer_log_change(peer, text);
}

void
peer_on_up(struct session *session)
{
	struct peer *peer = session->peer;
	struct session *other = session->incoming ? &peer->out : &peer->in;
	struct notification error;
	unsigned i;

	timer_stop(peer->retry);
	peer->up = session;
	peer->ups++;
	peer->changed_ms = loop_now_ms(peer->peers->loop);
	notification_set(&error, NOTIFY_CEASE, CEASE_COLLISION,
	    "another connection is established");
	session_event(other, FSM_STOP, &error);
	for (i = 0; i < FAMILY_COUNT; i++)
		peer->families[i].rules_age = 0;
	peer_make_source(peer, session);
	peer_log_up(peer, session);
	tell_start(session);
	stream_wake(session);
}

static void
peer_on_down(struct peer *peer)
{
	int64_t now = loop_now_ms(peer->peers->loop);

	tell_stop(peer);
	peer->up = NULL;
	peer->downs++;
	if (now - peer->changed_ms >= STEADY_MS)
		peer->attempts = 0;
	peer->changed_ms = now;
	peer_drop_source(peer);
	peer_log_change(peer, "down");
}

/* Waits to be dialled at once, dials when its time has come. */
static void
peer_resume(struct peer *peer)
{
	unsigned secs;

	if (!peer_is_enabled(peer) || peer->up != NULL)
		return;
	if (peer->in.state == FSM_IDLE)
		session_event(&peer->in, FSM_START_PASSIVE, NULL);
	if (peer->config->passive || peer->out.state > FSM_ACTIVE ||
	    peer->out.state == FSM_CONNECT || timer_is_on(peer->retry))
		return;
	secs = clocks_backoff(peer->attempts, peer->plan.connect_secs);
	timer_start(peer->retry, clocks_jitter(secs * INT64_C(1000)));
}

void
peer_on_closed(struct session *session, bool was_up)
{
	struct peer *peer = session->peer;

	if (was_up)
		peer_on_down(peer);
	if (!session->incoming)
		timer_stop(peer->retry);
	peer_resume(peer);
}

static void
peer_on_retry(void *arg)
{
	struct peer *peer = arg;

	if (!peer_is_enabled(peer) || peer->up != NULL)
		return;
	if (peer->in.state > FSM_ACTIVE) { /* it dialled us: wait for it */
		timer_start(peer->retry, 1000);
		return;
	}
	session_event(&peer->out,
	    peer->out.state == FSM_IDLE ? FSM_START : FSM_RETRY, NULL);
}

void
peer_start(struct peer *peer)
{
	peer->attempts = 0;
	timer_stop(peer->retry);
	if (peer->out.state == FSM_CONNECT || peer->out.state == FSM_ACTIVE)
		session_event(&peer->out, FSM_STOP, NULL);
	peer_resume(peer);
}

void
peer_end(struct peer *peer, const struct notification *error)
{
	timer_stop(peer->retry);
	timer_stop(peer->restart);
	session_event(&peer->out, FSM_STOP, error);
	session_event(&peer->in, FSM_STOP, error);
	peer->obstacle[0] = '\0';
	if (!peer_is_enabled(peer))
		timer_stop(peer->retry);
}

static void
peer_on_restart(void *arg)
{
	struct peer *peer = arg;

	peer->overflown = false;
	peer_start(peer);
}

/* The list ----------------------------------------------------------------------------- */

struct peer *
peer_find(const struct peers *peers, const struct addr *addr)
{
	struct peer *peer;

	TAILQ_FOREACH (peer, &peers->list, link)
		if (addr_equal(&peer->addr, addr))
			return peer;
	return NULL;
}

struct peer *
peer_new(
    struct peers *peers, const struct neighbor *config, const struct addr *addr)
{
	struct peer *peer = mem_alloc(sizeof(*peer)), *after;

	peer->peers = peers;
	peer->addr = *addr;
	peer_set_config(peer, config);
	peer->changed_ms = -1;
	plan_make(config, &peer->plan);
	session_init(&peer->out, peer, false);
	session_init(&peer->in, peer, true);
	peer->retry = timer_new(peers->loop, peer_on_retry, peer);
	peer->restart = timer_new(peers->loop, peer_on_restart, peer);
	TAILQ_FOREACH (after, &peers->list, link)
		if (addr_compare(&after->addr, addr) > 0)
			break;
	if (after != NULL)
		TAILQ_INSERT_BEFORE(after, peer, link);
	else
		TAILQ_INSERT_TAIL(&peers->list, peer, link);
	peers->count++;
	return peer;
}

void
peer_free(struct peer *peer)
{
	struct peers *peers = peer->peers;

	peer->leaving = true;
	peer_end(peer, NULL);
	liveness_apply(peer);
	listen_set_password(peers, &peer->addr, NULL);
	session_clear(&peer->out);
	session_clear(&peer->in);
	timer_free(peer->retry);
	timer_free(peer->restart);
	TAILQ_REMOVE(&peers->list, peer, link);
	peers->count--;
	mem_free(peer);
}

static void
peers_on_stop_time(void *arg)
{
	struct peers *peers = arg;

	goodbye_free_all(peers);
	if (peers->on_stopped != NULL)
		peers->on_stopped(peers->stop_arg);
}

struct peers *
peers_new(struct loop *loop, struct rib *rib)
{
	struct peers *peers = mem_alloc(sizeof(*peers));

	peers->loop = loop;
	peers->rib = rib;
	peers->scratch = arena_new();
	peers->read_buffer = mem_alloc(STREAM_READ_BYTES);
	peers->task = task_new(loop, peers_on_slice, peers);
	peers->tick = timer_new(loop, tell_on_tick, peers);
	peers->stop_timer = timer_new(loop, peers_on_stop_time, peers);
	TAILQ_INIT(&peers->list);
	TAILQ_INIT(&peers->listeners);
	TAILQ_INIT(&peers->goodbyes);
	TAILQ_INIT(&peers->orphans);
	TAILQ_INIT(&peers->tellers);
	return peers;
}

void
peers_set_hostname(struct peers *peers, const char *hostname)
{
	snprintf(peers->hostname, sizeof(peers->hostname), "%s", hostname);
}

void
peers_stop(struct peers *peers, const char *text, void (*on_done)(void *arg),
    void *arg)
{
	struct notification error;
	struct peer *peer;

	peers->stopping = true;
	peers->on_stopped = on_done;
	peers->stop_arg = arg;
	listen_close(peers);
	notification_set(&error, NOTIFY_CEASE, CEASE_ADMIN_SHUTDOWN, "%s", "");
	if (text != NULL)
		notification_set_text(&error, text);
	TAILQ_FOREACH (peer, &peers->list, link)
		peer_end(peer, &error);
	timer_start(
	    peers->stop_timer, TAILQ_EMPTY(&peers->goodbyes) ? 0 : STOP_MS);
}

void
peers_free(struct peers *peers)
{
	struct peer *peer;

	if (peers == NULL)
		return;
	peers->stopping = true;
	listen_close(peers);
	while ((peer = TAILQ_FIRST(&peers->list)) != NULL)
		peer_free(peer);
	while (!TAILQ_EMPTY(&peers->orphans))
		orphans_slice(peers);
	tell_free_all(peers);
	goodbye_free_all(peers);
	task_free(peers->task);
	timer_free(peers->tick);
	timer_free(peers->stop_timer);
	if (peers->policy != NULL)
		policy_unref(peers->policy);
	arena_free(peers->scratch);
	mem_free(peers->read_buffer);
	mem_free(peers);
}
