/* SPDX-License-Identifier: ISC */
/* Inside the owner half: segments, and who is alive on which. */
#ifndef L2_OWNER_SEGMENT_H
#define L2_OWNER_SEGMENT_H

#include "message.h"
#include "owner.h"

#define SLOTS	OWNERS_SEGMENTS_ALL
#define NO_SLOT SLOTS

struct claim;
struct member;

struct member_segments {
	bool known; /* it has shown that it understands messages with them */
	bool told;  /* it said where it is; of this node: the others are told */
	uint8_t count;
	struct message_segment list[OWNERS_SEGMENTS];
	uint8_t slots[OWNERS_SEGMENTS]; /* of the list; NO_SLOT: too many */
	uint16_t on;			/* bits of slots: it is there */
	uint16_t dead;			/* ... or not, or not alive */
	uint16_t *seen; /* by index: what it says; of this node: what it said */
	/* What is seen of it here, by this node's list. */
	struct {
		bool watched;
		uint8_t live; /* enum owners_live */
		int64_t since_us;
	} here[OWNERS_SEGMENTS];
};

struct segments {
	uint64_t mark; /* the node that there is not */
	size_t count;  /* 0: nobody tells any, and all are as one */
	struct message_segment slots[SLOTS];
	/* By this node's list. */
	uint8_t gateways[OWNERS_SEGMENTS];
	int64_t since_us[OWNERS_SEGMENTS];
	uint16_t fenced; /* bits of slots */
	uint16_t any;	 /* ... on which there is one, at least */
	uint16_t shared; /* ... two */
	uint16_t linked; /* ... one that has its link there */
	bool anew;	 /* slots were others when it was last looked at */
	bool many;	 /* there are more than slots */
	int64_t due_us;	 /* this node is dead on one: when it hands over */
};

static inline uint16_t
segment_bit(size_t slot)
{
	return slot < SLOTS ? (uint16_t)(1u << slot) : 0;
}

/* owner_segment.c ------------------------------------------------------------------- */

/* The place of a slot in m's list; its count: it is not there. */
size_t segment_place(const struct member *m, size_t slot);
/* A new list of members: where m's words stand now; then all is found anew. */
void segments_move(struct owners *o, struct member *m, size_t old_count);
void segments_anew(struct owners *o);
/* Another start of it: it may be of another version. */
void segments_forget(struct owners *o, struct member *m);
/* On which an address is. */
void segments_place(struct owners *o, struct claim *claim);
/* What a message to m (NULL: who may not know them) says; and what one of m says: true: it is news. */
void segments_to(
    const struct owners *o, const struct member *m, struct message *message);
bool segments_hear(
    struct owners *o, struct member *m, const struct message *message);

/* owner_there.c --------------------------------------------------------------------- */

/* What is seen of it here, as messages have it. */
uint16_t segments_seen(const struct owners *o, const struct member *m);
/* Who is dead where, as far as it is known; nothing follows yet. */
void segments_look(struct owners *o);
/* What can be seen has changed: verdicts, and what follows from them. */
void segments_review(struct owners *o);
/* Dead for this address, though it may be alive elsewhere: why; else NULL. */
const char *segments_unfit(
    const struct owners *o, const struct claim *claim, const struct member *m);
/* This node lives, but not where the address is; and one does. NULL: else. */
struct member *segments_heir(const struct owners *o, const struct claim *claim);
/* Looked at again when it may be handed over for that (claim->hold_us). */
void segments_hold(struct owners *o, struct claim *claim);
/* May this node not answer for it there? Why; else NULL. */
const char *segments_silent(const struct owners *o, const struct claim *claim);
/* Seen there for so long that it may take back. */
bool segments_settled(
    const struct owners *o, const struct claim *claim, const struct member *m);

#endif
