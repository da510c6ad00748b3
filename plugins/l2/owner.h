/* SPDX-License-Identifier: ISC */
/* The door of the owner half: which node carries which address; pure. */
#ifndef L2_OWNER_H
#define L2_OWNER_H

/*
 * A machine without descriptor, timer, clock or chance. What happens is told by
 * the calls below, each with `now_us` of the monotonic clock; what is to be done
 * comes out by struct owners_calls, before the call returns. A callback calls
 * nothing of this door but owners_explain and what else only reads.
 * Names and addresses are copied. Of one `struct owners` any number may live.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct owners;

#define OWNERS_MESSAGE_MAX 1400 /* bytes of a message, without UDP and IP */

/* What is said in ------------------------------------------------------------------ */

enum owners_election { OWNERS_HASH, OWNERS_STRICT, OWNERS_BALANCED };
/* A segment in parts: an owner in each, or never two? */
enum owners_partition { OWNERS_AVAILABLE, OWNERS_CONSISTENT };
/* BFD's word: never was up; up; down by time or told so; taken down by will. */
enum owners_live { OWNERS_NEVER, OWNERS_UP, OWNERS_DOWN, OWNERS_ADMIN_DOWN };
enum owners_lease { OWNERS_GONE, OWNERS_ALIVE, OWNERS_NO_LEASE };
/* NO_GATEWAY: none is watched. ASKED: was reached, and is asked just now. */
enum owners_gateway {
	OWNERS_NO_GATEWAY,
	OWNERS_REACHED,
	OWNERS_LOST,
	OWNERS_ASKED
};
enum owners_leaving { OWNERS_HANDOVER = 1, OWNERS_RESTART };

struct owners_config {
	uint8_t election, partition;
	uint32_t interval_ms, multiplier; /* BFD's: detection time by product */
	uint32_t settle_ms;		  /* healed nodes take nothing back */
	uint32_t restart_ms; /* an announced restart is waited for */
	uint32_t startup_ms; /* at first, and after silence: hear only */
};
/* hash, available, 50 ms x 3, 5 min, 2 s, 1 s */
extern const struct owners_config owners_defaults;

struct owners_member {
	const char *name;
	uint8_t excluded, lease; /* must carry nothing; enum owners_lease */
};

struct owners_candidate {
	const char *node;
	int32_t weight; /* higher is preferred */
};

struct owners_address {
	struct bgpd_addr addr;
	const char *group; /* what is better kept apart; NULL: none */
	const struct owners_candidate *candidates;
	size_t candidate_count;
	bool ready;	  /* may be answered by the first that ever does */
	uint8_t segments; /* bits: on which of owners_segments; 0: not known */
	bool nowhere;	  /* this node has no interface for it */
};

/* Where addresses are carried: a subnet of an interface. */
struct owners_segment {
	struct bgpd_addr addr; /* the node's own there */
	uint8_t length;	       /* of the subnet; what of it is told apart */
	bool linked;	       /* of this node: its interface has its link */
};

#define OWNERS_SEGMENTS	    8  /* of a node */
#define OWNERS_SEGMENTS_ALL 16 /* of all, that are told apart */

/* What comes out ------------------------------------------------------------------- */

struct owners_calls {
	/* Answer for it from now on, and announce it at once. */
	void (*take)(void *arg, const struct bgpd_addr *addr, uint64_t epoch);
	/* A rival was heard and lost: announce once more. At most 1/s. */
	void (*again)(void *arg, const struct bgpd_addr *addr);
	/* Stop answering, say nothing. */
	void (*yield)(void *arg, const struct bgpd_addr *addr, const char *why);
	/* It would be this node's, and never was anybody's: probe it, and say
	   owners_ready. */
	void (*wanted)(void *arg, const struct bgpd_addr *addr);
	/* This node would take it over, or would not any more; it may get ready.
	   Some intervals late, since it may hang on every other node. */
	void (*next)(void *arg, const struct bgpd_addr *addr, bool next);
	/* A message, to one member; bytes are good until the call returns. With
	   news it should go by each way there is: to lose them lasts. */
	void (*send)(void *arg, const char *member, const uint8_t *bytes,
	    size_t len, bool news);
	/* No address may be answered at or after this; checked at the moment of
	   answering, since the loop may be frozen. 0: now. */
	void (*fence)(void *arg, int64_t until_us);
	/* Whom an address belongs to; NULL: nobody. For `show` and the source. */
	void (*changed)(void *arg, const struct bgpd_addr *addr,
	    const char *owner, const char *why);
	/* The MACs of a member's interfaces; told with each of its messages. */
	void (*ethers)(void *arg, const char *member,
	    const uint8_t (*ethers)[6], size_t count);
	/*
	 * Where a member carries addresses, told with each of its messages; NULL:
	 * it only asks for those of this node (owners_segments).
	 */
	void (*segments)(void *arg, const char *member,
	    const struct owners_segment *list, size_t count);
	/* owners_leave is done: the process may end. */
	void (*left)(void *arg);
};

/* owner.c: life -------------------------------------------------------------------- */

/*
 * boot: 64 bits of chance, others each time; stamp_ms: the wall clock, which
 * seeds epochs (a wrong clock is harmless). NULL calls are left out.
 */
struct owners *owners_new(const char *self, uint64_t boot, uint64_t stamp_ms,
    const struct owners_calls *calls, void *arg, int64_t now_us);
void owners_free(struct owners *owners); /* calls nothing */
void owners_configure(
    struct owners *owners, const struct owners_config *config, int64_t now_us);
/* Of this node's interfaces, told to the others; at most 8 count. */
void owners_ethers(
    struct owners *owners, const uint8_t (*ethers)[6], size_t count);
/* All of them, with or without this node. Before the first call all waits. */
void owners_members(struct owners *owners, const struct owners_member *members,
    size_t count, int64_t now_us);
/* At least once at owners_next, late or not. */
void owners_tick(struct owners *owners, int64_t now_us);
int64_t owners_next(const struct owners *owners); /* INT64_MAX: never */
/*
 * The loop stood still for longer than the detection time: what was owned is not
 * answered before the others were heard. Found by itself too, from now_us.
 */
void owners_gap(struct owners *owners, int64_t now_us);
/*
 * HANDOVER: all moves, then `left` (within 2.3 s). RESTART: the others are told to
 * wait, nothing moves, `left` after three messages; answer until the end.
 */
void owners_leave(
    struct owners *owners, enum owners_leaving how, int64_t now_us);

/* What is heard of the world. */
void owners_liveness(struct owners *owners, const char *member,
    enum owners_live live, int64_t now_us);
/* BFD heard it then, whatever it said: that it hears nobody, say. */
void owners_spoke(struct owners *owners, const char *member, int64_t at_us);
void owners_gateway(
    struct owners *owners, enum owners_gateway gateway, int64_t now_us);
/* The interface that carries the addresses has its link. True at first. */
void owners_carrier(struct owners *owners, bool carrier, int64_t now_us);

/* owner_take.c: addresses ---------------------------------------------------------- */

void owners_address(struct owners *owners, const struct owners_address *address,
    int64_t now_us);
void owners_address_remove(
    struct owners *owners, const struct bgpd_addr *addr, int64_t now_us);
void owners_ready(struct owners *owners, const struct bgpd_addr *addr,
    bool ready, int64_t now_us);
/*
 * Away from this node, make before break: one address (addr), those of a group,
 * or all (both NULL). To: a node, or NULL: the next one. How many will move; 0:
 * *why says why not.
 */
size_t owners_handover(struct owners *owners, const struct bgpd_addr *addr,
    const char *group, const char *to, const char **why, int64_t now_us);
/* Nothing is held back any more by settling: strict takes back at once. */
void owners_settle(struct owners *owners, int64_t now_us);
/* Does one live whose messages are not believed, or not heard? */
bool owners_has_foreign(const struct owners *owners);
/* ARP or ND of a fellow node claims an address that this one has. */
void owners_rival(struct owners *owners, const struct bgpd_addr *addr,
    const char *member, int64_t now_us);

/* owner_talk.c: messages ------------------------------------------------------------- */

/* Of messages; none: unauthenticated. At most 64 bytes count. For five minutes
   the one before is good, too: it reaches nodes at different times. */
void owners_key(struct owners *owners, const uint8_t *key, size_t len);
/* Any bytes. NULL: heard; else why not, in static words; owners_twin is no fault:
   heard a moment before, since news go by every way. */
const char *owners_hear(
    struct owners *owners, const uint8_t *bytes, size_t len, int64_t now_us);
extern const char owners_twin[];

/* verdict.c -------------------------------------------------------------------------- */

/* Should this node watch that one by BFD? All up to 32 and, consistent, always
   (at most 64 then); else 8 to 16. Ask again after members and configure. */
bool owners_watches(const struct owners *owners, const char *member);

/* owner_segment.c: who is alive where ------------------------------------------------- */

/*
 * Where this node carries addresses, in place of the last list, told to the others
 * from now on. Not called where all is on the segment of the nodes' own addresses:
 * then owners_liveness says it all, and messages say no more than they did.
 */
void owners_segments(struct owners *owners, const struct owners_segment *list,
    size_t count, int64_t now_us);
/* BFD's word there, by the place in that list. NO_LIVE: nobody looks. */
#define OWNERS_NO_LIVE 255
void owners_segment_live(struct owners *owners, const char *member,
    size_t segment, int live, int64_t now_us);
void owners_segment_gateway(struct owners *owners, size_t segment,
    enum owners_gateway gateway, int64_t now_us);

/* The nodes tell more than OWNERS_SEGMENTS_ALL: some are not known here. */
bool owners_segments_are_many(const struct owners *owners);

struct owners_segment_view {
	/* "alive", "dead", "silent", "no link"; "not there", or "not told": it
	   is of a version that knows no segments, or was not heard yet. */
	const char *verdict;
	bool linked;	 /* of this node's: its interface has its link */
	uint8_t gateway; /* of this node's */
};
/* Of a member, or of this node, by the place in that list; false: not there. */
bool owners_segment_get(const struct owners *owners, const char *member,
    size_t segment, struct owners_segment_view *view);
/* The subnets whose being alive an address goes by: how many; at most 8. */
size_t owners_segments_of(const struct owners *owners,
    const struct bgpd_addr *addr, struct owners_segment list[OWNERS_SEGMENTS]);

/* owner_explain.c: what `show l2` prints --------------------------------------------- */

struct owners_why {
	const char *node;
	int32_t weight;
	const char *why; /* "owner", "next", or why not; static */
};

struct owners_event {
	int64_t at_us;
	uint64_t epoch;
	const char *owner; /* NULL: nobody */
	const char *why;
};

#define OWNERS_EVENTS 8

/* Borrowed until the next call of this door. */
struct owners_explanation {
	struct bgpd_addr addr;
	const char *owner; /* NULL: nobody */
	const char *next;  /* who would take it over now; NULL: nobody */
	bool mine, answering;
	uint64_t epoch;
	int64_t since_us;
	const char *why; /* of the last change; or why it waits */
	const struct owners_why *candidates; /* in order of preference */
	size_t candidate_count;
	struct owners_event events[OWNERS_EVENTS]; /* the newest first */
	size_t event_count;
};
/* false: neither offered nor heard of. */
bool owners_explain(struct owners *owners, const struct bgpd_addr *addr,
    struct owners_explanation *explanation);
/* Every address that is offered or claimed, in order. */
void owners_each(const struct owners *owners,
    void (*on_address)(void *arg, const struct bgpd_addr *addr), void *arg);

struct owners_peer {
	const char *name;
	const char *verdict; /* "self", "alive", "restarting", "dead"... */
	uint8_t live, lease; /* enums */
	bool excluded, settled, synced, watched;
	bool other_key; /* the one before, or one that comes */
	bool foreign;	/* it lives, and what it says is not believed */
	size_t owns;
	int64_t heard_us; /* 0: never */
};
/* The i-th member by name; false: there are fewer. */
bool owners_peer(
    const struct owners *owners, size_t i, struct owners_peer *peer);
/* Why nothing is answered now, whoever owns it; NULL: it may be. */
const char *owners_silent(const struct owners *owners);
int64_t owners_fence(const struct owners *owners); /* as `fence` was told */

/* elect.c ------------------------------------------------------------------------------ */

/* sha256 of NODE#IP, MetalLB's order among equal weights: the lowest is first. */
void elect_hash(
    const char *node, const struct bgpd_addr *addr, uint8_t hash[32]);

#endif
