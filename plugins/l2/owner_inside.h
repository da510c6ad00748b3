/* SPDX-License-Identifier: ISC */
/* Inside the owner half: members, claims, and what its rooms ask of each other. */
#ifndef L2_OWNER_INSIDE_H
#define L2_OWNER_INSIDE_H

#include <stdlib.h>
#include <string.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "kit.h"
#include "message.h"
#include "owner.h"
#include "owner_segment.h"

#define MESH_MAX     32	   /* members that all watch each other */
#define FOREIGN_MAX  16384 /* claims of addresses that are not offered here */
#define SENT_RING    4096  /* messages whose time of sending is known */
#define EPOCH_MAX    (UINT64_MAX >> 2)
#define NEVER_US     INT64_MAX
#define TELL_TIMES   3	/* news are said again, since messages are lost */
#define HANDOVER_TRY 10 /* intervals for one candidate to take over */

struct claim;
TAILQ_HEAD(claim_list, claim);

enum verdict { VERDICT_ALIVE, VERDICT_WAIT, VERDICT_DEAD };

/* What is to be said to one member alone. */
struct outbox {
	struct message_entry *entries;
	size_t count, room;
};

struct member {
	char *name;
	uint64_t id;
	size_t index; /* among all, by name */
	bool excluded, kept;
	const char *unfit; /* elect_review's: as it was */
	uint8_t lease, live, verdict;
	int64_t added_us, up_since_us, down_us, grace_us, grace_end_us;
	/* Of its messages. */
	uint64_t boot, fresh_boot, fresh_seq, challenge, seq;
	int64_t heard_us;   /* 0: never */
	int64_t spoke_us;   /* by BFD; 0: not known */
	int64_t both_us;    /* when I sent the last that it echoed; 0 */
	int64_t granted_us; /* heard_us when I promised last; 0 */
	uint16_t flags;
	uint64_t digest, agree; /* as it said last */
	uint64_t key_id;   /* of the newest key that it has; 0: not known */
	uint8_t *views;	   /* by index: what it says; self: what I said */
	uint8_t *watching; /* by index: may it say so? */
	int64_t echoed_us; /* my message that it had when it granted; 0 */
	bool synced, strict_seen;
	bool bound; /* in step, and answers by promises alone */
	int64_t differs_us, full_us; /* since when; when I told it all */
	int64_t known_us, send_us, replied_us;
	unsigned hurry; /* messages in the next ticks */
	struct outbox out;
	bool want, now; /* it shall tell me all; a message is due now */
	/* What it owns, by my table. */
	struct claim_list claims;
	uint64_t claims_digest;
	size_t claim_count, meant_count;
	struct member_segments segments;
};

struct candidate {
	struct member *member; /* NULL: not among them */
	char *node;
	int32_t weight;
	uint8_t hash[32];
};

struct group {
	RB_ENTRY(group) link;
	struct claim_list claims;
	char name[];
};
RB_HEAD(groups, group);

struct transition {
	int64_t at_us;
	uint64_t epoch, owner;
	const char *why; /* static */
};

/* An address: whose it is, and what is known and done about it here. */
struct claim {
	RB_ENTRY(claim) link;
	TAILQ_ENTRY(claim) of_owner, of_pending, of_news, of_group;
	struct bgpd_addr addr;
	struct member *owner;	  /* NULL: nobody */
	uint64_t epoch, promised; /* 0: never claimed; the highest agreed to */
	uint16_t rank;
	bool offered, ready, answering, pending, asked;
	bool proven;  /* ready, because it was probed */
	bool next;    /* this node would take it over, and was told so */
	uint8_t tell; /* times that this is still to be said to all */
	const char *why;
	int64_t since_us, heard_us, due_us; /* to be looked at, if pending */
	struct candidate *candidates;	    /* in order */
	size_t candidate_count;
	uint64_t candidates_id; /* of the list that they are of */
	struct group *group;
	struct member *meant; /* who should take it */
	/* Handing over. */
	struct member *to;
	uint64_t tried; /* bits of candidates */
	bool moving;
	int64_t moving_us, rival_us;
	int64_t hold_us;  /* for its segment it is handed over not before */
	unsigned refused; /* ... and nobody took it so often */
	/* Consistent: proposed at this epoch; who agreed, by index. */
	uint64_t proposed;
	uint8_t *agreed;
	int64_t proposed_us;
	bool accepted; /* mine, and most agreed */
	bool doubted;  /* agreed to, but not heard of as its owner's yet */
	bool alone;    /* mine, taken without the other one of two */
	bool nowhere;  /* no interface of this node can carry it */
	uint16_t on, carried; /* its segments: bits of slots; of own ones */
	struct transition events[OWNERS_EVENTS];
	size_t event_next, event_count;
};
RB_HEAD(claims, claim);

struct secret {
	uint8_t bytes[64];
	size_t len; /* 0: none, which is one of them */
	uint64_t id;
};

struct owners {
	struct owners_config config;
	int64_t interval_us, detect_us;
	struct owners_calls calls;
	void *arg;
	char *self_name;
	struct member *self;
	uint64_t boot, stamp, seq, hush_seq;
	struct segments segments;
	struct secret key, old_key;
	int64_t old_key_until_us; /* so long it is used and believed, too */
	struct member **members, **by_id; /* by name, by id */
	size_t member_count;
	struct claims claims;
	size_t claim_count;
	struct claim_list orphans, pending, news;
	struct groups groups;
	int64_t now_us, fence_us, hearing_us, lost_us, tick_us, review_us;
	bool hearing, frozen, no_carrier, self_fenced, busy, has_news;
	bool alone;	  /* answers some of it without the other of two */
	bool is_promised; /* consistent: by enough of the monitors */
	bool missed;	  /* what could be answered once there is a promise */
	bool started, leased; /* members are known; had a Lease of its own */
	uint8_t gateway, leaving, left_in;
	int64_t leave_us;
	size_t look_left; /* elect_look's: how many, and from where on */
	struct bgpd_addr look_at;
	const char *silent; /* why nothing is answered; NULL: it may be */
	struct sent {
		uint64_t seq;
		int64_t at_us;
	} sent[SENT_RING];
	struct message message; /* the one that is read or written */
	struct owners_why *whys;
	size_t why_room;
};

static inline bool
owner_is_consistent(const struct owners *o)
{
	return o->config.partition == OWNERS_CONSISTENT;
}

/* owner.c ------------------------------------------------------------------------- */

/* Around whatever the door is asked: the time, a gap; then what came of it. */
void owner_begin(struct owners *o, int64_t now_us);
void owner_end(struct owners *o);
/* From now on hear only, for this long or until all were heard. */
void owner_hush(struct owners *o, int64_t for_us, bool frozen);
/* What can be seen has changed: verdicts, and what follows from them. */
void owner_review(struct owners *o);

/* members.c ----------------------------------------------------------------------- */

struct member *member_find(const struct owners *o, const char *name);
struct member *member_by_id(const struct owners *o, uint64_t id);
/* Of the same names; false: they are others. */
bool members_update(
    struct owners *o, const struct owners_member *members, size_t count);
void members_replace(
    struct owners *o, const struct owners_member *members, size_t count);
void members_watch(struct owners *o); /* who watches whom, anew */
void members_free(struct owners *o);

/* verdict.c ----------------------------------------------------------------------- */

/* What this node says of it to the others: enum message_view_state. */
uint8_t verdict_view(const struct owners *o, const struct member *m);
/* When that may change by itself. */
int64_t verdict_next_us(const struct owners *o);
/* Alive, to be waited for, or dead: what the monitors of it come to. */
enum verdict verdict_of(const struct owners *o, const struct member *m);
/* Too few see this node, and what else is left says: be silent. Or NULL. */
const char *verdict_self(const struct owners *o);
/* Consistent: until when enough have promised not to replace this node. */
int64_t verdict_promised_us(const struct owners *o);
/* Consistent: may this node agree that it shall be the proposer's? */
bool verdict_may_agree(const struct owners *o, const struct claim *claim,
    const struct member *proposer);
/* Two nodes, consistent: may this one answer for it without the lost one? */
bool verdict_alone(const struct owners *o, const struct claim *claim);
/* It is up, or was never up but is heard. */
bool verdict_sees(const struct owners *o, const struct member *m);
/* It lives, but what it says has not been believed for a while: another key? */
bool verdict_is_foreign(const struct owners *o, const struct member *m);
bool verdict_has_opinion(const struct owners *o, const struct member *w);
/* A monitor that is silent, and dead by its Lease, is none. */
bool verdict_gone_by_lease(const struct owners *o, const struct member *w);
size_t verdict_majority(const struct owners *o);

/* claim.c ------------------------------------------------------------------------- */

struct claim *claim_find(const struct owners *o, const struct bgpd_addr *addr);
/* The first at or after it, else the first of all. */
struct claim *claim_from(const struct owners *o, const struct bgpd_addr *addr);
struct claim *claim_get(struct owners *o, const struct bgpd_addr *addr);
/* In order of addresses: the first for NULL, NULL after the last. */
struct claim *claim_next(const struct owners *o, struct claim *claim);
void claim_free(struct owners *o, struct claim *claim);
/* True: freed, nothing is left to know of it. */
bool claim_forget(struct owners *o, struct claim *claim);
void claims_free(struct owners *o);
int claim_compare(const struct claim *a, const struct claim *b);
/* Is (epoch, rank, owner) better than what the table has? */
bool claim_loses(const struct claim *claim, uint64_t epoch, uint16_t rank,
    const struct member *owner);
/* Whose it is from now on; all follows. */
void claim_set(struct owners *o, struct claim *claim, struct member *owner,
    uint64_t epoch, uint16_t rank, const char *why);
/* Not in the sum of its owner until that one says that it holds. */
void claim_doubt(struct claim *claim, bool doubted);
void claim_mean(struct claim *claim, struct member *member);
void claim_wait(struct owners *o, struct claim *claim, int64_t due_us);
void claim_wait_end(struct owners *o, struct claim *claim);
void claim_tell(struct owners *o, struct claim *claim); /* to all */
void claim_group(struct owners *o, struct claim *claim, const char *name);
/* Its list, by address, to be freed; *count of them. */
struct claim **claims_sorted(const struct claim_list *list, size_t *count);
struct message_entry claim_entry(const struct claim *claim, uint8_t kind);

/* owner_take.c -------------------------------------------------------------------- */

/* Looks at an address again: take it, wait, hand it over, or leave it. */
void take_decide(struct owners *o, struct claim *claim);
void take_decide_all(struct owners *o);
void take_decide_list(struct owners *o, const struct claim_list *list);
void take_stop(struct owners *o, struct claim *claim, const char *why);
void take_stop_all(struct owners *o, const char *why);
void take_pending(struct owners *o); /* those whose time has come */
bool take_may_answer(const struct owners *o, const struct claim *claim);
void take_start(struct owners *o, struct claim *claim); /* if it may */
void take_release(struct owners *o, struct claim *claim, const char *why);
uint16_t take_rank(const struct claim *claim, const struct member *member);
/* Up, and for so long that it may take back. */
bool take_is_settled(const struct owners *o, const struct member *m);

/* owner_move.c -------------------------------------------------------------------- */

/* Asks the others to agree that it is this node's, at that epoch. */
void move_propose(struct owners *o, struct claim *claim, uint64_t epoch);
void move_propose_again(struct owners *o, struct claim *claim);
/* Hands it over, to this one or to whom the election names (NULL). */
bool move_over(
    struct owners *o, struct claim *claim, struct member *to, const char *why);
void move_over_all(struct owners *o, const char *why);
void move_again(struct owners *o, struct claim *claim);
/* An entry of a message of m. */
void move_hear(
    struct owners *o, struct member *m, const struct message_entry *entry);

/* owner_addr.c -------------------------------------------------------------------- */

void addr_members_changed(struct owners *o); /* candidates are found anew */

/* owner_talk.c -------------------------------------------------------------------- */

void talk_entry(
    struct owners *o, struct member *m, const struct message_entry *entry);
void talk_to(struct owners *o, struct member *m, bool fresh);
void talk_flush(struct owners *o); /* news, and what waits in outboxes */
void talk_due(struct owners *o);   /* regular messages */
void talk_hurry(struct owners *o); /* to all, now and in the next ticks */

#endif
