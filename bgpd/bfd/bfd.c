/* SPDX-License-Identifier: ISC */
/* Clients and the sessions that they share, in the daemon's loop. */

/*
 * A session is found by its peer; a client whose question leaves the local
 * address or the interface open shares it with one that does not, and the
 * session is bound to what was said most exactly. Its link is the thread's: here
 * is only what the news say of it. It goes when the thread has let go.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "bfd/session.h"
#include "util/log.h"
#include "util/mem.h"

#define WHO_TEXT (ADDR_TEXT + 32)

/* News to clients ------------------------------------------------------------------ */

static void
client_tell(struct bfd_client *client)
{
	const struct session *s = client->session;
	bool admin = s->peer_state == BFD_ADMIN_DOWN;
	struct bfd_news news = {
		.state = s->state,
		.peer_admin_down = admin,
		.failed = client->was_up && s->state == BFD_DOWN && !admin,
		.why = admin && s->state != BFD_UP
			   ? "neighbor is administratively down"
			   : bfd_diag_name(s->diag),
		.at_us = s->at_us,
	};

	client->was_up = s->state == BFD_UP;
	if (client->on_news != NULL)
		client->on_news(client->arg, &news);
}

/* Whoever is told may free any client, and make others. */
static void
bfd_tell(void *arg)
{
	struct bfd *bfd = arg;
	struct bfd_client *client;

	while ((client = TAILQ_FIRST(&bfd->pending)) != NULL) {
		TAILQ_REMOVE(&bfd->pending, client, pending_entry);
		client->is_pending = false;
		client_tell(client);
	}
}

static void
client_set_pending(struct bfd_client *client, bool pending)
{
	struct bfd *bfd = client->session->bfd;

	if (client->is_pending == pending)
		return;
	client->is_pending = pending;
	if (pending)
		TAILQ_INSERT_TAIL(&bfd->pending, client, pending_entry);
	else
		TAILQ_REMOVE(&bfd->pending, client, pending_entry);
}

/* Sessions ---------------------------------------------------------------------------- */

static const char *
session_say(const struct session *session, char out[WHO_TEXT])
{
	char text[ADDR_TEXT];
	const struct link_setup *setup = &session->setup;

	snprintf(out, WHO_TEXT, "%s%s%s%s", addr_print(&setup->peer, text),
	    setup->interface[0] != '\0' ? "%" : "", setup->interface,
	    setup->multihop ? " multihop" : "");
	return out;
}

static void
session_log(const struct session *session)
{
	char who[WHO_TEXT];
	bool loud = session->setup.knobs.log_changes;

	(loud ? log_notice : log_info)("bfd", "%s: %s (%s)",
	    session_say(session, who), name_of(bfd_state_names, session->state),
	    bfd_diag_name(session->diag));
}

static uint32_t
peer_hash(const struct link_setup *setup)
{
	return table_hash(setup->peer.bytes, sizeof(setup->peer.bytes));
}

static bool
session_has_setup(const struct table_link *object, const void *key)
{
	return setup_suits(&((const struct session *)object)->setup, key);
}

static void
session_list(struct session *session)
{
	struct bfd *bfd = session->bfd;
	struct session *after;

	TAILQ_FOREACH (after, &bfd->sessions, entry)
		if (addr_compare(&after->setup.peer, &session->setup.peer) > 0)
			break;
	if (after != NULL)
		TAILQ_INSERT_BEFORE(after, session, entry);
	else
		TAILQ_INSERT_TAIL(&bfd->sessions, session, entry);
	table_add(&bfd->by_peer, &session->by_peer, peer_hash(&session->setup));
}

static struct session *
session_new(struct bfd *bfd, const struct link_setup *setup)
{
	struct session *session = mem_alloc(sizeof(*session));

	session->bfd = bfd;
	session->setup = *setup;
	session->state = session->peer_state = BFD_DOWN;
	session->at_us = clock_now_us();
	LIST_INIT(&session->clients);
	atomic_init(&session->heard_us, INT64_MIN);
	session_list(session);
	return session;
}

static void
session_free(struct session *session)
{
	TAILQ_REMOVE(&session->bfd->sessions, session, entry);
	explicit_bzero(
	    &session->setup.knobs.key, sizeof(session->setup.knobs.key));
	mem_free(session);
}

/* Nobody watches it any more. */
static void
session_end(struct session *session)
{
	session->ending = true;
	table_remove(&session->bfd->by_peer, &session->by_peer);
	if (session->link != NULL)
		engine_drop(session->bfd->engine, session->link);
	else
		session_free(session);
}

/* What is said more exactly than before; the rest stays. */
static bool
setup_refine(struct link_setup *setup, const struct bfd_ask *ask)
{
	bool changed = false;

	if (setup->local.family == 0 && ask->local.family != 0) {
		setup->local = ask->local;
		changed = true;
	}
	if (setup->interface[0] == '\0' && ask->interface[0] != '\0') {
		memcpy(
		    setup->interface, ask->interface, sizeof(setup->interface));
		changed = true;
	}
	return changed;
}

void
session_refresh(struct session *session)
{
	struct link_setup setup = session->setup;
	const struct bfd_client *client;
	bool changed = session->link == NULL;

	LIST_FOREACH (client, &session->clients, entry)
		changed |= setup_refine(&setup, &client->ask);
	session_merge(session, &setup.knobs);
	changed |= memcmp(&setup.knobs, &session->setup.knobs,
		       sizeof(setup.knobs)) != 0;
	session->setup = setup;
	if (session->link == NULL)
		session->link = engine_open(
		    session->bfd->engine, &setup, session, &session->heard_us);
	else if (changed)
		engine_change(session->bfd->engine, session->link, &setup);
}

/* News of the thread --------------------------------------------------------------------- */

static void
session_on_state(struct session *session, const struct news *news)
{
	bool changed = session->state != news->state;
	struct bfd_client *client;

	session->state = news->state;
	session->peer_state = news->peer_state;
	session->diag = news->diag;
	session->at_us = news->at_us;
	if (session->ending)
		return;
	LIST_FOREACH (client, &session->clients, entry)
		client_set_pending(client, true);
	/* Who acts on it comes before who reads of it. */
	bfd_tell(session->bfd);
	if (changed)
		session_log(session);
}

static void
session_on_obstacle(struct session *session, const struct news *news)
{
	char who[WHO_TEXT];

	memcpy(session->obstacle, news->text, sizeof(session->obstacle));
	if (news->text[0] == '\0' || session->ending)
		return;
	log_info("bfd", "%s: cannot send: %s", session_say(session, who),
	    news->text);
}

static void
bfd_on_news(void *arg, const struct news *news)
{
	struct session *session = news->owner;

	(void)arg;
	if (session == NULL) {
		if (news->text[0] != '\0')
			log_error("bfd", "%s", news->text);
		return;
	}
	if (news->kind == NEWS_STATE)
		session_on_state(session, news);
	else if (news->kind == NEWS_OBSTACLE)
		session_on_obstacle(session, news);
	else
		session_free(session);
}

/* Clients --------------------------------------------------------------------------------- */

static void
ask_to_setup(const struct bfd_ask *ask, struct link_setup *setup)
{
	memset(setup, 0, sizeof(*setup));
	setup->peer = ask->peer;
	setup->local = ask->local;
	setup->multihop = ask->multihop;
	memcpy(setup->interface, ask->interface, sizeof(setup->interface));
	/* Its scope is said by the interface's name from here on. */
	if (setup->peer.scope != 0 && setup->interface[0] == '\0')
		(void)if_indextoname(setup->peer.scope, setup->interface);
	setup->peer.scope = 0;
	setup->local.scope = 0;
}

static void
client_attach(struct bfd_client *client, struct bfd *bfd)
{
	struct link_setup setup;
	struct table_link *found;

	ask_to_setup(&client->ask, &setup);
	memcpy(client->ask.interface, setup.interface,
	    sizeof(client->ask.interface));
	found = table_find(&bfd->by_peer, peer_hash(&setup), &setup);
	client->session = (struct session *)found;
	if (found == NULL)
		client->session = session_new(bfd, &setup);
	LIST_INSERT_HEAD(&client->session->clients, client, entry);
	client->was_up = false;
	client_set_pending(client, true);
	timer_start(bfd->soon, 0);
	session_refresh(client->session);
}

static void
client_detach(struct bfd_client *client)
{
	struct session *session = client->session;

	client_set_pending(client, false);
	LIST_REMOVE(client, entry);
	client->session = NULL;
	if (LIST_EMPTY(&session->clients))
		session_end(session);
	else
		session_refresh(session);
}

static void
client_set_ask(struct bfd_client *client, const struct bfd_ask *ask)
{
	char *profile = mem_string(ask->profile);

	mem_free(client->profile);
	client->ask = *ask;
	client->ask.profile = NULL;
	client->ask.local.scope = 0;
	client->profile = profile;
}

struct bfd_client *
bfd_client_new(struct bfd *bfd, const struct bfd_ask *ask,
    void (*on_news)(void *arg, const struct bfd_news *news), void *arg)
{
	struct bfd_client *client = mem_alloc(sizeof(*client));

	client->on_news = on_news;
	client->arg = arg;
	client_set_ask(client, ask);
	client_attach(client, bfd);
	return client;
}

void
bfd_client_set(struct bfd_client *client, const struct bfd_ask *ask)
{
	struct bfd *bfd = client->session->bfd;
	struct session *session = client->session;
	struct link_setup setup;

	client_set_ask(client, ask);
	ask_to_setup(ask, &setup);
	if (setup_suits(&session->setup, &setup)) {
		memcpy(client->ask.interface, setup.interface,
		    sizeof(client->ask.interface));
		session_refresh(session);
		return;
	}
	client_detach(client);
	client_attach(client, bfd);
}

void
bfd_client_free(struct bfd_client *client)
{
	if (client == NULL)
		return;
	client_detach(client);
	mem_free(client->profile);
	explicit_bzero(&client->ask, sizeof(client->ask));
	mem_free(client);
}

enum bfd_state
bfd_client_state(const struct bfd_client *client)
{
	return client->session->state;
}

int64_t
bfd_client_heard_us(const struct bfd_client *client)
{
	return atomic_load_explicit(
	    &client->session->heard_us, memory_order_relaxed);
}

struct bfd *
bfd_new(struct loop *loop)
{
	struct bfd *bfd = mem_alloc(sizeof(*bfd));

	TAILQ_INIT(&bfd->sessions);
	TAILQ_INIT(&bfd->pending);
	LIST_INIT(&bfd->profiles);
	LIST_INIT(&bfd->lines);
	bfd->by_peer.equal = session_has_setup;
	bfd->soon = timer_new(loop, bfd_tell, bfd);
	bfd->engine = engine_new(loop, bfd_on_news, bfd);
	if (bfd->engine == NULL) {
		bfd_free(bfd);
		return NULL;
	}
	return bfd;
}

void
bfd_free(struct bfd *bfd)
{
	struct session *session;

	if (bfd == NULL)
		return;
	if (bfd->engine != NULL)
		bfd_configure(bfd, NULL);
	engine_free(bfd->engine);
	while ((session = TAILQ_FIRST(&bfd->sessions)) != NULL)
		session_free(session);
	table_clear(&bfd->by_peer);
	timer_free(bfd->soon);
	mem_free(bfd);
}
