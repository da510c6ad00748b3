/* SPDX-License-Identifier: ISC */
/* The thread that runs sessions, and what it tells the daemon's loop. */
#ifndef BFD_ENGINE_H
#define BFD_ENGINE_H

/*
 * Two threads, two loops. Orders go to the engine by loop_post, news come back
 * in a queue that the daemon's loop is posted to empty. A link is made by the
 * one thread and then the other's alone, until the news of its end.
 */
#include <bsd/sys/queue.h>
#include <stdatomic.h>

#include "bfd/packet.h"
#include "net/net.h"

struct engine;
struct link;

enum news_kind {
	NEWS_STATE,
	NEWS_OBSTACLE, /* text; "" when it is gone */
	NEWS_GONE,     /* the link is freed: the last of its owner's news */
};

struct news {
	STAILQ_ENTRY(news) entry;
	enum news_kind kind;
	void *owner;
	enum bfd_state state, peer_state;
	uint8_t diag;
	int64_t at_us;
	char text[128];
};

/* engine.c: the thread, its sockets, orders and news ------------------------------ */

struct link_setup {
	struct addr peer, local;
	char interface[16]; /* "": any */
	bool multihop;
	struct bfd_knobs knobs;
};

/* on_news is called in the loop `home`. NULL: logged why. */
struct engine *engine_new(struct loop *home,
    void (*on_news)(void *arg, const struct news *news), void *arg);
/* Ends the thread: AdminDown is said. `home` does not run any more after it. */
void engine_free(struct engine *engine);
/* The thread starts with the first of them. `heard` outlives the link. */
struct link *engine_open(struct engine *engine, const struct link_setup *setup,
    void *owner, _Atomic int64_t *heard_us);
/* Other knobs; another local address or interface takes a new socket. */
void engine_change(
    struct engine *engine, struct link *link, const struct link_setup *setup);
/* AdminDown, and then NEWS_GONE. */
void engine_drop(struct engine *engine, struct link *link);
/* Runs it in the thread, which is waited for. */
void engine_ask(struct engine *engine, void (*ask)(void *arg), void *arg);
void engine_clear_counters(struct engine *engine);
void engine_get_totals(struct engine *engine, struct bfd_totals *totals);

/* For link.c, in the thread. */
struct loop *engine_loop(struct engine *engine);
struct lookup *engine_lookup(struct engine *engine);
/* Takes the news. */
void engine_tell(struct engine *engine, struct news *news);
/* All that waits in the sockets is handled. */
void engine_drain(struct engine *engine);
/* Its clock was served so much too late. */
void engine_note_late(struct engine *engine, int64_t late_us);

/* link.c: one session in the thread ------------------------------------------------ */

struct link {
	struct lookup_entry entry; /* first */
	LIST_ENTRY(link) all;
	struct engine *engine;
	void *owner;
	_Atomic int64_t *heard_us;
	struct link_setup setup;
	struct machine machine;
	uint8_t told_state, told_peer_state; /* in news */
	int fd;				     /* -1: not to be had now */
	struct addr local_now;
	int64_t retry_us; /* not before */
	struct timer *timer;
	int64_t due_us;
	char obstacle[128];
};

void link_start(struct link *link);
void link_change(struct link *link, const struct link_setup *setup);
/* A packet of its peer, from near enough. */
void link_receive(struct link *link, const struct packet *packet,
    const uint8_t *bytes, int64_t now_us);
/* Says AdminDown and frees it. */
void link_end(struct link *link);

#endif
