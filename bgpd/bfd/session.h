/* SPDX-License-Identifier: ISC */
/* Sessions as the daemon's loop knows them, and who shares them. */
#ifndef BFD_SESSION_H
#define BFD_SESSION_H

#include "bfd/engine.h"

#define DEFAULT_US	   300000
#define DEFAULT_MULTIPLIER 3
#define DEFAULT_MIN_TTL	   254
#define LEAST_US	   100 /* nobody can ask for less */

/* A session, from the first client until the thread has let go of it. */
struct session {
	struct table_link by_peer;  /* first */
	TAILQ_ENTRY(session) entry; /* in order of address */
	struct bfd *bfd;
	struct link *link; /* the thread's; NULL: it has none */
	struct link_setup setup;
	LIST_HEAD(, bfd_client) clients;
	bool ending; /* NEWS_GONE is awaited; nobody finds it */
	_Atomic int64_t heard_us;
	/* As the news had it last. */
	enum bfd_state state, peer_state;
	uint8_t diag;
	int64_t at_us;
	char obstacle[128];
};
TAILQ_HEAD(session_list, session);

struct bfd_client {
	LIST_ENTRY(bfd_client) entry;	       /* of its session */
	TAILQ_ENTRY(bfd_client) pending_entry; /* of those to be told */
	struct session *session;
	struct bfd_ask ask;
	char *profile;
	bool is_line; /* a `peer` of the configuration */
	bool is_pending;
	bool was_up; /* as it was told last */
	void (*on_news)(void *, const struct bfd_news *);
	void *arg;
};

struct profile {
	LIST_ENTRY(profile) entry;
	char *name;
	struct bfd_knobs knobs;
};

/* A `peer` line: a client that nobody hears. */
struct line {
	LIST_ENTRY(line) entry;
	struct bfd_client *client;
	char interface[16]; /* as it was said */
	bool found;	    /* by the configuration under way */
};

struct bfd {
	struct engine *engine;
	struct table by_peer;
	struct session_list sessions;
	TAILQ_HEAD(, bfd_client) pending;
	struct timer *soon; /* tells who is pending */
	LIST_HEAD(, profile) profiles;
	LIST_HEAD(, line) lines;
};

/* merge.c, pure: what several clients ask for comes to -------------------------- */

/* NULL: none of that name. */
const struct profile *profile_find(const struct bfd *bfd, const char *name);
/* The fastest that anyone asked for wins; what nobody asked for is default. */
void session_merge(const struct session *session, struct bfd_knobs *knobs);
/* May one session serve both? What is left open suits any. */
bool setup_suits(const struct link_setup *setup, const struct link_setup *ask);

/* bfd.c --------------------------------------------------------------------------- */

/* Its clients, or what they ask for, have changed. */
void session_refresh(struct session *session);

#endif
