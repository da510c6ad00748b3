/* SPDX-License-Identifier: ISC */
/* What the rooms of this floor share: the machine, sessions, peers, rules. */
#ifndef PEER_SESSION_H
#define PEER_SESSION_H

#include <bsd/sys/queue.h>

#include "net/net.h"
#include "peer/fsm.h"
#include "peer/peer.h"
#include "peer/rules.h"
#include "rib/rib.h"

struct bfd_client;
struct out;
struct peer;
struct watch;

/* session.c: one connection -------------------------------------------------- */

struct session {
	struct peer *peer;
	bool incoming; /* it waits to be dialled */
	uint8_t state; /* enum fsm_state */
	uint32_t life; /* counts connections: tells an old one from a new one */
	int fd;	       /* -1: none */
	struct watch *watch;
	struct timer *flush_timer; /* at once: what is to be sent goes */
	bool full;		   /* the socket is: its readiness wakes us */
	struct timer *hold_timer;
	struct timer *keepalive_timer;
	struct timer *send_timer; /* RFC 9687 */
	struct addr local;
	uint16_t local_port;
	uint16_t remote_port;
	/* What both ends agreed on; valid from OpenConfirm on. */
	struct open theirs;
	struct wire_session wire;
	bool families[FAMILY_COUNT];
	uint32_t router_id; /* ours, host order */
	uint16_t hold_secs;
	uint16_t keepalive_secs;
	int64_t heard_ms;
	int64_t progress_ms; /* the last time that the peer took bytes */
	/* Bytes of a message that is not all here yet; of some not yet sent. */
	uint8_t *partial;
	size_t partial_len;
	struct text pending;
	size_t pending_at;
};

void session_init(struct session *session, struct peer *peer, bool incoming);
void session_clear(struct session *session);
/* `error`: what to send where the machine answers with a NOTIFICATION. */
void session_event(struct session *session, enum fsm_event event,
    const struct notification *error);
/* FSM_FAILED and its reason in words. */
void session_fail(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes a connection that came in; the descriptor is ours from here on. */
void session_accept(struct session *session, int fd, uint16_t port);
/* Socket options that the peer's configuration asks for. */
void session_options(const struct peer *peer, struct sock_options *options);

/* stream.c: bytes in and out ------------------------------------------------- */

#define STREAM_READ_BYTES 65536u

void stream_open(struct session *session, int fd, unsigned what);
void stream_close(struct session *session);
void stream_put(struct session *session, const void *bytes, size_t len);
/* As much as the socket takes of what is pending and of what the RIB tells. */
void stream_flush(struct session *session);
/*
 * What was put leaves now, and nothing of the RIB's: it does not wait until others
 * were told their slices. May end the session.
 */
void stream_push(struct session *session);
/* Flush in the next turn of the loop. */
void stream_wake(struct session *session);
/* Anything that came meanwhile is handled; was there anything? */
bool stream_poll(struct session *session);

/* goodbye.c: connections that only say their last words ---------------------- */

struct goodbye;
/* Takes the descriptor and the bytes, writes them, waits for the end: 1 s. */
void goodbye_new(struct peers *peers, int fd, const void *bytes, size_t len);
void goodbye_free_all(struct peers *peers);

/* clocks.c: timers ------------------------------------------------------------ */

#define CLOCK_OPEN_SECS	 240 /* RFC 4271 8.2.2: the large hold timer */
#define CLOCK_GUEST_SECS 10  /* MetalLB's patience until the session is up */

void clocks_init(struct session *session);
void clocks_clear(struct session *session);
void clocks_stop(struct session *session);
void clocks_wait_for_open(struct session *session);
/* The negotiated hold time applies from here on. */
void clocks_negotiated(struct session *session);
void clocks_blocked(struct session *session, bool blocked);
int64_t clocks_jitter(int64_t ms); /* RFC 4271 10: 75 to 100 % */
/* Seconds before attempt `n`, from 0: 0, 1, 2, 4 ... up to `longest`. */
unsigned clocks_backoff(unsigned attempt, unsigned longest);

/* negotiate.c: OPEN both ways -------------------------------------------------- */

void negotiate_open(const struct session *session, struct open *ours);
/* RFC 4271 6.2. 0, or -1 with what to send. */
int negotiate_check(struct session *session, const struct open *theirs,
    struct notification *error);
/* Fills what the two ends agreed on. */
void negotiate_agree(struct session *session, const struct open *theirs);
/* Our identifier on this session: configured, or from its address. */
uint32_t negotiate_router_id(const struct session *session);

/* collide.c: one connection of two (RFC 4271 6.8) ------------------------------- */

/* Shall the connection that we dialled stay? RFC 6286 2.3 for equal ids. */
bool collide_keeps_dialled(uint32_t local_id, uint32_t local_as,
    uint32_t remote_id, uint32_t remote_as);
/* Their OPEN is good. Closes the loser: true when it is this one. */
bool collide(struct session *session, const struct open *theirs);

/* listen.c: those who dial us ----------------------------------------------------- */

struct listener {
	TAILQ_ENTRY(listener) link;
	struct peers *peers;
	int fd;
	struct watch *watch;
};
void listen_close(struct peers *peers);
/* The key of this peer on all listeners; NULL removes it. */
void listen_set_password(
    struct peers *peers, const struct addr *remote, const char *password);

/* liveness.c: BFD ----------------------------------------------------------------- */

/* Watches the neighbor, or not, as its lines say now. */
void liveness_apply(struct peer *peer);

/* receive.c: UPDATE to the RIB ----------------------------------------------------------- */

/* 0, or -1 with what to send. */
int receive_update(
    struct session *session, struct buf body, struct notification *error);
void receive_rules(
    const struct peer *peer, enum family family, struct import_rules *rules);
/* Runs the import policy again over what is kept, in slices. */
void receive_again(struct peer *peer, enum family family);
bool receive_slice(struct peer *peer); /* true: there is more */

/* tell.c: what the RIB tells ------------------------------------------------------------------ */

struct teller;
void tell_start(struct session *session);
void tell_stop(struct peer *peer);
/* Bytes to send, borrowed until the next call of the RIB; 0: none. */
size_t tell_take(struct peer *peer, const uint8_t **data);
void tell_on_tick(void *peers);
/* After a take of 0: is nothing left, or is it to be asked again? */
bool tell_is_done(const struct peer *peer);
void tell_refresh(struct peer *peer, enum family family);
/* What the neighbor is told, or how, has changed. */
void tell_again(struct peer *peer, enum family family);
/* The lists and maps changed: groups that use them ask again. */
void tell_policy(struct peers *peers, struct policy *policy);
/* NULL when told; for shows. */
const char *tell_why_not(const struct peer *peer, enum family family,
    const struct rib_path_view *view, struct arena *arena);
/* Why a family that is active is not told at all; NULL: it is. */
const char *tell_obstacle(const struct peer *peer, enum family family);
/* What sets its group apart; NULL: it is in none. The names may be NULL. */
const struct export_rules *tell_rules_of(const struct peer *peer,
    enum family family, const char **list, const char **map);
void tell_free_all(struct peers *peers);

/* peer.c ----------------------------------------------------------------------------------------- */

struct peer_reset {
	int64_t at_ms; /* 0: never */
	bool notified;
	bool sent; /* by us */
	uint8_t code;
	uint8_t subcode;
	char text[160];
};

struct peer_family {
	struct rib_member *member;
	struct teller *teller;
	bool warned; /* of the maximum: once per crossing */
	bool again;  /* the import policy runs again */
	struct rib_cursor cursor;
	struct import_rules rules;
	unsigned rules_age; /* peers->age when they were made; 0: never */
	uint32_t refused;   /* UPDATEs treated as withdrawal */
};

struct peer {
	TAILQ_ENTRY(peer) link; /* in order of address */
	struct peers *peers;
	struct addr addr; /* with the scope that `interface` gives */
	const struct neighbor *config; /* in the tree of now */
	const struct neighbor_family *lines[FAMILY_COUNT]; /* there too */
	struct plan plan;
	struct session out, in;
	struct session *up;	   /* which of the two is established */
	struct rib_source *source; /* of this session */
	struct peer_family families[FAMILY_COUNT];
	struct timer *retry;
	unsigned attempts;
	struct timer *restart;	/* after too many prefixes */
	bool overflown;		/* Idle (PfxCt) */
	bool found;		/* by the configuration under way */
	bool leaving;		/* is being removed */
	struct bfd_client *bfd; /* NULL: it is not watched */
	bool bfd_holds;		/* no session before BFD is up */
	char obstacle[96];	/* why it is not dialled; "" */
	struct peer_reset reset;
	int64_t changed_ms; /* up or down; -1: never was up */
	uint64_t in_count[MESSAGE_REFRESH + 1];
	uint64_t out_count[MESSAGE_REFRESH + 1];
	uint32_t ups;
	uint32_t downs;
	uint32_t withdrawn; /* UPDATEs treated as withdrawal (RFC 7606) */
	uint32_t discarded; /* attributes discarded */
	int64_t flaw_ms;    /* when the last flaw was logged */
};
TAILQ_HEAD(peer_list, peer);

struct peers {
	struct loop *loop;
	struct bfd *bfd; /* may be NULL */
	struct rib *rib;
	struct policy *policy;
	const struct router *router; /* in the tree of now; may be NULL */
	unsigned age;		     /* counts configurations */
	struct peer_list list;
	unsigned count;
	TAILQ_HEAD(, listener) listeners;
	TAILQ_HEAD(, goodbye) goodbyes;
	TAILQ_HEAD(, orphan) orphans;
	TAILQ_HEAD(, teller) tellers;
	struct task *task;     /* slices of import and of dropping orphans */
	struct arena *scratch; /* of one message */
	uint8_t *read_buffer;
	char hostname[65];
	bool stopping;
	struct timer *tick; /* of the RIB, while groups wait */
	struct timer *stop_timer;
	void (*on_stopped)(void *arg);
	void *stop_arg;
};

struct peer *peer_find(const struct peers *peers, const struct addr *addr);
bool peer_is_enabled(const struct peer *peer);
/* "Established", "Idle (Admin)": as in FRR's summary. */
const char *peer_state_name(const struct peer *peer);
/* The one to speak of: established, else the furthest. */
const struct session *peer_session(const struct peer *peer);
struct peer *peer_new(struct peers *peers, const struct neighbor *config,
    const struct addr *addr);
void peer_free(struct peer *peer);
void peer_start(struct peer *peer);
/* Ends both connections; `error` is said on those that are open. */
void peer_end(struct peer *peer, const struct notification *error);
/* Called by session.c. */
void peer_on_up(struct session *session);
void peer_on_closed(struct session *session, bool was_up);
void peer_note_reset(struct peer *peer, const struct notification *error,
    bool sent, const char *text);
void peer_say(const struct peer *peer, char *out, size_t size);

/* configure.c -------------------------------------------------------------- */

/* Lines of the tree of now, its own and its families'. */
void peer_set_config(struct peer *peer, const struct neighbor *config);

#endif
