/* SPDX-License-Identifier: ISC */
/* Liveness of neighbors and of other nodes by BFD (RFC 5880, 5881, 5883). */
#ifndef BFD_BFD_H
#define BFD_BFD_H

/*
 * What flows in: who is to be watched, by clients, and packets. What flows out:
 * news of a session to each of its clients, in the daemon's loop. A session is
 * shared by all who watch one peer from one place. Packets and times are a
 * thread's of its own, with a loop of its own (engine.h); nobody else touches
 * its memory, and it touches nobody's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "util/addr.h"
#include "util/names.h"

struct loop;

/* RFC 5880 4.1, by their numbers in packets. */
enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP, BFD_STATE_COUNT };
extern const struct name bfd_state_names[]; /* as FRR has them: "up" */

enum bfd_diag {
	BFD_DIAG_NONE,
	BFD_DIAG_EXPIRED, /* control detection time */
	BFD_DIAG_ECHO_FAILED,
	BFD_DIAG_SIGNALED, /* the neighbor says that it is down */
	BFD_DIAG_FORWARDING_RESET,
	BFD_DIAG_PATH_DOWN,
	BFD_DIAG_CONCATENATED_DOWN,
	BFD_DIAG_ADMIN_DOWN,
	BFD_DIAG_REVERSE_DOWN,
};
/* In the RFC's words; "ok" for none. */
const char *bfd_diag_name(unsigned diag);

enum bfd_auth_type {
	BFD_AUTH_NONE,
	BFD_AUTH_SIMPLE,
	BFD_AUTH_MD5, /* both: read, never used */
	BFD_AUTH_METICULOUS_MD5,
	BFD_AUTH_SHA1,
	BFD_AUTH_METICULOUS_SHA1,
};
#define BFD_SECRET_MAX 20

struct bfd_key {
	uint8_t type; /* enum bfd_auth_type */
	uint8_t id;
	uint8_t len;
	uint8_t secret[BFD_SECRET_MAX];
};

/* How a session is run. In a question 0 means: not asked for. */
struct bfd_knobs {
	uint32_t tx_us;
	uint32_t rx_us;
	uint8_t multiplier;
	uint8_t min_ttl; /* of a multihop session */
	bool passive;
	bool shutdown;
	bool log_changes;
	struct bfd_key key;
};

struct bfd_counters {
	uint64_t in;	  /* packets that were not discarded */
	uint64_t out;	  /* packets */
	uint64_t refused; /* discarded once the session was known */
	uint32_t ups;
	uint32_t downs; /* ends of an Up */
	uint32_t late;	/* its clock was served too late to be trusted */
};

/* bfd.c: clients and the sessions that they share ----------------------------- */

struct bfd;
struct bfd_client;

struct bfd_ask {
	struct addr peer;
	struct addr local;   /* family 0: the kernel's choice */
	char interface[16];  /* "": any; a link-local peer needs it */
	bool multihop;	     /* RFC 5883, else RFC 5881 */
	const char *profile; /* copied; NULL: none */
	struct bfd_knobs knobs;
};

struct bfd_news {
	enum bfd_state state;
	bool failed; /* it was Up, and neither end wanted that (RFC 5882 3.2) */
	bool peer_admin_down; /* the peer says AdminDown */
	const char *why;      /* in the RFC's words */
	int64_t at_us;	      /* on the monotonic clock */
};

struct bfd *bfd_new(struct loop *loop);
/* Says AdminDown to all peers. Clients are gone before. */
void bfd_free(struct bfd *bfd);
/*
 * Watches a peer: on_news is called from the loop, first with the state that is
 * found, then at each change. Anything may be freed inside it.
 */
struct bfd_client *bfd_client_new(struct bfd *bfd, const struct bfd_ask *ask,
    void (*on_news)(void *arg, const struct bfd_news *news), void *arg);
/* The same peer by other knobs: nothing goes down. Another peer: as anew. */
void bfd_client_set(struct bfd_client *client, const struct bfd_ask *ask);
void bfd_client_free(struct bfd_client *client); /* NULL is fine */
enum bfd_state bfd_client_state(const struct bfd_client *client);
/* When the peer was heard last, as of now; INT64_MIN: never. */
int64_t bfd_client_heard_us(const struct bfd_client *client);

/* show.c: for shows and metrics ------------------------------------------------ */

struct bfd_status {
	struct addr peer;
	struct addr local;     /* family 0: not known yet */
	const char *interface; /* NULL: any */
	const char *profile;
	bool multihop;
	bool configured; /* by a line of its own, not by clients alone */
	unsigned clients;
	uint32_t discr;
	uint32_t remote_discr;
	struct bfd_knobs knobs;
	enum bfd_state state;
	enum bfd_state remote_state;
	uint8_t diag;
	uint8_t remote_diag;
	uint8_t remote_multiplier;
	uint32_t remote_tx_us;
	uint32_t remote_rx_us;
	uint32_t remote_echo_us;
	uint32_t interval_us; /* in force between our packets */
	int64_t detection_us; /* in force; 0: none yet */
	int64_t changed_us;   /* since when it is in its state */
	int64_t now_us;
	struct bfd_counters counters;
	const char *obstacle; /* why nothing can be sent; NULL */
};

struct bfd_totals {
	bool running;	   /* the thread */
	bool real_time;	   /* SCHED_RR */
	uint64_t late;	   /* turns of its clock that came too late */
	int64_t latest_us; /* the worst of them */
	/* Packets that no session took: malformed, of nobody, from too far. */
	uint64_t malformed, unknown, far;
};
/* Every session, in order of address. Waits for the thread. */
void bfd_each(const struct bfd *bfd,
    void (*each)(void *arg, const struct bfd_status *status), void *arg);
void bfd_get_totals(const struct bfd *bfd, struct bfd_totals *totals);
/* For who shows a client's session; false: it is not there yet. */
bool bfd_client_status(
    const struct bfd_client *client, struct bfd_status *status);
/* What the shows speak of; NULL: nothing. */
void bfd_bind_shows(struct bfd *bfd);

/* configure.c, commands.c: the language ------------------------------------------ */

/* Profiles and peers as the tree says; no session goes down for it. */
void bfd_configure(struct bfd *bfd, const struct cli_tree *tree);
/* Is there a profile of this name in the tree of `node`? */
bool bfd_has_profile(const struct cli_node *node, const char *name);
/* Milliseconds of a line as microseconds. */
#define BFD_MS INT64_C(1000)

extern const struct cli_mount bfd_mounts[];
extern const unsigned bfd_mount_count;

#endif
