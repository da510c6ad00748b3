/* SPDX-License-Identifier: ISC */
/* The load tool: tables of routes, their bytes, sessions, and what is checked. */
#ifndef BGPLOAD_H
#define BGPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* load_table.c: who routes are and what they share, from a seed or a file */

struct load_route {
	uint8_t addr[16]; /* IPv4: the first four */
	uint8_t family;	  /* 4 or 6 */
	uint8_t len;
	uint32_t set;
};

/* What some routes of one family share. */
struct load_set {
	uint32_t first, count; /* its routes */
	uint32_t attrs_at;     /* all but AS_PATH and next hop, by type */
	uint32_t path_at;      /* AS_PATH's value before a sender's AS */
	uint16_t attrs_len, path_len;
	uint8_t family;
	uint64_t hash; /* as a receiver must see it, see load_expect */
};

struct load_bytes {
	uint8_t *data;
	size_t len, room;
};

struct load_table {
	struct load_route *routes;
	struct load_set *sets;
	struct load_bytes pool;
	uint32_t count, room, set_count, set_room;
	uint32_t *index, mask; /* by hash of the prefix: number + 1 */
};

#define LOAD_NONE UINT32_MAX

/* Memory, or the end of the tool. */
void *load_memory(void *old, size_t size);
void load_append(struct load_bytes *, const void *data, size_t len);

/* In network order. */
static inline unsigned
load_get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t
load_get32(const uint8_t *at)
{
	return (uint32_t)load_get16(at) << 16 | load_get16(at + 2);
}

/* Adds `count` routes of the Internet's shape; the same for the same seed. */
void load_table_make(
    struct load_table *, unsigned family, uint32_t count, uint64_t seed);
/* Adds `count` routes of 198.18.0.0/15, one address each. */
void load_table_own(struct load_table *, uint32_t count);
/* A new set, empty; attributes and path are copied. Returns its number. */
uint32_t load_table_set(struct load_table *, unsigned family,
    const struct load_bytes *attrs, const struct load_bytes *path);
/* Routes of a set are added one after the other; -1: it is there already. */
int load_table_add(struct load_table *, const struct load_route *);
/*
 * The number of a prefix, LOAD_NONE: it is not in the table. Routes come mostly
 * as they were sent: those beside `near` are looked at first.
 */
uint32_t load_table_find(
    const struct load_table *, const struct load_route *, uint32_t near);
void load_table_free(struct load_table *);

/* load_mrt.c: TABLE_DUMP_V2 (RFC 6396) */

/*
 * Adds the routes of a dump, each once, with the attributes of peer number
 * `peer`, or of the first that has it where that is -1. At most `most` (0: all).
 * -1 and a word of why where the file cannot be read.
 */
int load_table_read(
    struct load_table *, FILE *, int peer, uint32_t most, const char **why);

/* load_wire.c: bytes out, bytes in; shares nothing with the daemon */

enum { MSG_OPEN = 1, MSG_UPDATE, MSG_NOTIFICATION, MSG_KEEPALIVE };

#define LOAD_HEADER  19
#define LOAD_MESSAGE 4096

/* What the daemon may do to a route on its way. */
struct load_rules {
	uint32_t as;  /* it prepends this; 0: nothing */
	bool med;     /* it passes MED on */
	bool partial; /* it marks what it does not know */
	bool any_med, any_partial, any_unknown; /* not looked at */
	uint32_t mark; /* it adds this community; 0: none */
};

enum { LOAD_IPV4 = 1, LOAD_IPV6 = 2 };

/* Who says it. */
struct load_speaker {
	uint32_t as;
	uint8_t next4[4], next6[16];
};

/* An UPDATE that came. Spans point into the message. */
struct load_span {
	const uint8_t *at, *end;
	uint8_t family;
};

struct load_update {
	struct load_span gone[2], here[2];
	bool has_attrs, bad_path;
	uint32_t sender_as; /* the first AS behind the daemon's */
	unsigned repeats;   /* how often it stands there */
	uint64_t hash;
	uint8_t next[16];
	uint8_t next_len;
};

/* A set's UPDATEs, the sender's AS `repeats` times in front. */
void load_announce(struct load_bytes *, const struct load_table *, uint32_t set,
    const struct load_speaker *, unsigned repeats);
/* Withdraws all routes of these sets, in as few messages as there can be. */
void load_withdraw(struct load_bytes *, const struct load_table *,
    const uint32_t *sets, size_t count);
/* Of these families alone, see LOAD_IPV4. */
void load_open(struct load_bytes *, uint32_t as, uint16_t hold, uint32_t id,
    unsigned families);
void load_keepalive(struct load_bytes *);
/* The hash of each set as a receiver must see it. */
void load_expect(struct load_table *, const struct load_rules *);
/* A whole message of type UPDATE; -1: malformed. */
int load_decode(const uint8_t *msg, size_t len, const struct load_rules *,
    struct load_update *);
/* The next prefix of a span; 0: no more, -1: malformed. */
int load_prefix(struct load_span *, struct load_route *);

/* load_peer.c: sessions, and the loop that moves their bytes */

/* A connection that is not there by then is given up, and tried again. */
#define LOAD_PATIENCE_NS 250000000ull

enum load_state { PEER_DOWN, PEER_DIALING, PEER_OPEN, PEER_CONFIRM, PEER_UP };

/* Bytes on their way to some peers. */
struct load_chunk {
	unsigned refs;
	struct load_bytes bytes;
};

struct load_peer {
	unsigned number;
	enum load_state state;
	int fd;
	bool sends, receives;
	unsigned families;    /* 0: all */
	bool is_probe;	      /* served ahead of all others */
	bool stuck;	      /* reads nothing once it is up */
	uint32_t rate;	      /* bytes it reads in a second; 0: all */
	double credit;	      /* of these */
	bool deaf, wants_out; /* what epoll was told */
	bool is_wanted;	      /* dialed again where it is lost */
	struct load_speaker who;
	uint32_t id;
	uint16_t hold; /* seconds, the lower one of both ends */
	uint8_t *in;
	size_t in_len;
	struct load_chunk **queue;
	size_t queued, queue_room, at; /* at: in the first of the queue */
	uint64_t sent_ns, heard_ns, keepalive_ns, dialed_ns;
	uint64_t gap_ns, keepalive_gap_ns; /* the longest so far */
	uint64_t bytes_in, bytes_out;
	unsigned losses;
	char why[64]; /* it was lost */
	void *data;   /* its owner's */
};

struct load_loop {
	int epoll, urgent; /* the probes' own */
	uint16_t hold;
	struct load_peer **peers;
	size_t count;
	uint64_t now, tick_ns;
	struct load_listener *listener;
	void *owner;
	void (*on_up)(struct load_loop *, struct load_peer *);
	void (*on_down)(struct load_loop *, struct load_peer *);
	void (*on_update)(
	    struct load_loop *, struct load_peer *, const uint8_t *, size_t);
	bool (*may_read)(struct load_loop *, struct load_peer *);
	void (*redial)(struct load_loop *, struct load_peer *);
	void (*on_accept)(struct load_loop *, int fd);
};

uint64_t load_now(void);
void load_loop_init(struct load_loop *, uint16_t hold_secs);
struct load_peer *load_peer_new(struct load_loop *);
/* The descriptor is the peer's now; it is connecting, or is connected. */
void load_peer_attach(struct load_loop *, struct load_peer *, int fd);
void load_peer_close(struct load_loop *, struct load_peer *, const char *why);
/* Takes a reference of its own. */
void load_peer_send(
    struct load_loop *, struct load_peer *, struct load_chunk *);
struct load_chunk *load_chunk_new(void);
void load_chunk_unref(struct load_chunk *);
/* Waits at most so long, and serves all that are ready. */
void load_turn(struct load_loop *, int most_ms);
/* A descriptor that listens; `on_accept` is told. */
void load_listen(struct load_loop *, int fd);

/* load_run.c: what is done to a daemon, step by step, and what came of it */

struct load_plan {
	const char *daemon, *local, *next6; /* addresses */
	uint16_t port, hold;
	uint32_t as, first_as;
	unsigned senders, receivers;
	bool same; /* all senders have the whole table */
	bool both; /* senders receive too */
	bool own;  /* the daemon itself says the table */
	unsigned slow, stuck, slow_rate;
	unsigned later;	    /* of the receivers: dial in the step join */
	unsigned probes;    /* of the family that has no routes here */
	unsigned keepalive; /* seconds: the daemon's interval */
	uint32_t mark;	    /* a community that a reload adds */
	bool is_paced;	    /* a line of stdin before sessions and steps */
	char next_hop;	    /* 's'elf, 'k'ept, 'a'ny */
	unsigned timeout, settle_ms;
	struct load_rules rules;
	char **steps;
	int step_count;
};

/* Runs it all, prints JSON. 0: all as it must be, 1: not so, 2: no session. */
int load_run(struct load_table *, const struct load_plan *);

/* An address as sockets want it, `plus` behind; -1: it is none. */
struct sockaddr_storage;
int load_address(
    const char *text, uint32_t plus, uint16_t port, struct sockaddr_storage *);

/* load_relay.c: no daemon, but bytes from each to all others */

/* `fault`: 0, or the first letter of what --fault says. */
int load_relay(
    const char *address, uint16_t port, uint32_t as, uint16_t hold, char fault);

#endif
