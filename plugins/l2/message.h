/* SPDX-License-Identifier: ISC */
/* Messages between the nodes: what they hold, and their bytes. */
#ifndef L2_MESSAGE_H
#define L2_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "owner.h"

enum {
	MESSAGE_KEYED = 1,	    /* ends in a MAC */
	MESSAGE_LEAVING = 2,	    /* takes nothing more, hands over */
	MESSAGE_GONE = 4,	    /* answers nothing any more */
	MESSAGE_RESTARTING = 8,	    /* back within restart_ms */
	MESSAGE_NO_CARRIER = 16,    /* its own link is lost: answers nothing */
	MESSAGE_HEARING = 32,	    /* decides nothing yet; has no opinion */
	MESSAGE_FROZEN = 64,	    /* because it stood still */
	MESSAGE_GATEWAY = 128,	    /* sees the gateway */
	MESSAGE_GRANT = 256,	    /* you may answer, from echo_seq on */
	MESSAGE_WANT = 512,	    /* tell me what you know */
	MESSAGE_SELF_FENCED = 1024, /* sees nobody: answers nothing */
	MESSAGE_ALONE = 2048,	    /* answers without a promise: one of two */
	MESSAGE_ETHERS = 4096,	    /* its MACs are at the end */
	MESSAGE_SEGMENTS = 8192	    /* so are its segments: to who knows them */
};

enum message_view_state { VIEW_UNKNOWN, VIEW_UP, VIEW_DOWN };
enum message_kind {
	ENTRY_CLAIM = 1, /* this is whose it is; owner 0: nobody's any more */
	ENTRY_PROPOSE, /* shall be the sender's; owner: the epoch it replaces */
	ENTRY_ACCEPT,  /* agreed; of a later epoch: not before that one */
	ENTRY_OFFER    /* take it: it is the sender's, at this epoch */
};

struct message_view {
	uint64_t id;
	uint8_t state;
};

struct message_entry {
	uint8_t kind;
	struct bgpd_addr addr;
	uint64_t owner, epoch;
	uint16_t rank;
};

/* Where the sender carries addresses. */
struct message_segment {
	struct bgpd_addr addr; /* its own there */
	uint8_t length;	       /* of the subnet */
	uint8_t flags;
};
enum {
	SEGMENT_NO_LINK = 1,
	SEGMENT_FENCED = 2,  /* heard by too few there: answers nothing there */
	SEGMENT_GATEWAY = 4, /* sees the gateway that is there */
	SEGMENT_DEAD = 8     /* most do not see it there, as far as it knows */
};

#define MESSAGE_VIEWS	  64
#define MESSAGE_ENTRIES	  64
#define MESSAGE_MAC	  32
#define MESSAGE_ETHER_MAX 8

struct message {
	uint16_t flags, restart_ms;
	uint64_t key_id;	      /* the newest key that the sender has */
	uint64_t from, to;	      /* message_id of names */
	uint64_t boot, seq;	      /* the sender's; seq never falls */
	uint64_t echo_boot, echo_seq; /* the last that it heard of `to` */
	uint64_t digest;	      /* of all that the sender owns */
	uint64_t agree;		      /* of all that it believes `to` owns */
	size_t view_count, entry_count;
	struct message_view views[MESSAGE_VIEWS];
	struct message_entry entries[MESSAGE_ENTRIES];
	size_t ether_count; /* of the sender's interfaces */
	uint8_t ethers[MESSAGE_ETHER_MAX][6];
	bool has_segments; /* there may be none */
	size_t segment_count;
	struct message_segment segments[OWNERS_SEGMENTS];
	/* Of each view, by segment: two bits, enum message_view_state. */
	uint16_t seen[MESSAGE_VIEWS];
};

/* The first 8 bytes of a SHA-256; never 0. */
uint64_t message_id(const void *bytes, size_t len);
/* What it takes with one more entry of this family; 0: as it is. */
size_t message_size(const struct message *m, bool keyed, uint8_t family);
/* Into out (OWNERS_MESSAGE_MAX): its length. Sets MESSAGE_KEYED by the key,
   MESSAGE_ETHERS by their count, MESSAGE_SEGMENTS by has_segments. */
size_t message_encode(
    struct message *m, const uint8_t *key, size_t key_len, uint8_t *out);
/* NULL, or what is wrong, in static words: then *m is undefined. */
const char *message_decode(struct message *m, const uint8_t *key,
    size_t key_len, const uint8_t *bytes, size_t len);
/* HMAC-SHA256 (RFC 2104). */
void message_mac(const uint8_t *key, size_t key_len, const uint8_t *bytes,
    size_t len, uint8_t mac[MESSAGE_MAC]);

#endif
