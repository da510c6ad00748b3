/* SPDX-License-Identifier: ISC */
/* Inside plugin l2: what the rooms between owner, carrier and host share. */
#ifndef L2_L2_H
#define L2_L2_H

/*
 * The owner half (owner.h) decides whose an address is, the carrier half
 * (carrier.h) puts it on the segment; neither knows the other. duty.c stands
 * between them and the host, crew.c knows the nodes, reach.c on which segments
 * addresses are, cords.c watches the nodes there, mesh.c speaks to them, witness.c
 * asks the routers.
 */

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"
#include "kit.h"
#include "owner.h"
#include "plugin.h"

struct l2;

/* knobs.c: the lines of `plugin l2` ------------------------------------------------- */

struct node_line {
	char *name;
	struct bgpd_addr addr;
};

struct knobs {
	struct owners_config owner;
	struct carrier_options carrier;
	struct node_line *nodes;
	unsigned node_count;
	char *self; /* NULL: the source's name of this node */
	char *key;  /* NULL: the source's */
	uint16_t port;
};

#define KNOBS_ROWS 23
extern const struct bgpd_row knobs_rows[KNOBS_ROWS];
/* The numbers of rows that are commands. */
enum {
	ROW_SHOW = 100,
	ROW_SHOW_INTERFACES,
	ROW_SHOW_NODES,
	ROW_EXPLAIN,
	ROW_HANDOVER_SERVICE,
	ROW_HANDOVER_ADDRESS,
	ROW_HANDOVER_NODE,
	ROW_SETTLE
};

void knobs_read(struct knobs *knobs, const struct bgpd_line *lines,
    uint32_t count, uint32_t size);
/* NULL, or what is wrong with line *bad. */
const char *knobs_check(const struct bgpd_line *lines, uint32_t count,
    uint32_t size, uint32_t *bad);
void knobs_clear(struct knobs *knobs);

/* crew.c: the nodes, from lines and from the source ---------------------------------- */

/* Another node, or this one. */
struct mate {
	TAILQ_ENTRY(mate) link;
	RB_ENTRY(mate) by_name;
	char *name;
	struct bgpd_addr *addrs;
	unsigned addr_count;
	uint8_t excluded, lease; /* enum owners_lease */
	bool seen, by_line;	 /* while lists are merged */
	uint8_t (*ethers)[6];	 /* its MACs, as it told them; NULL */
	size_t ether_count;
	struct owners_segment *told; /* where it carries; NULL: not said */
	uint8_t told_count;
	struct cord *cord;		   /* NULL: this node, or no address */
	struct cord *far[OWNERS_SEGMENTS]; /* elsewhere; NULL */
};
TAILQ_HEAD(mates, mate);
RB_HEAD(mate_names, mate);

/* Where a node is. */
struct place {
	struct bgpd_addr addr;
	struct mate *mate;
};

/* More nodes cannot be told apart in a partition that must stay consistent. */
#define CONSISTENT_MAX 64

struct crew {
	struct mates mates;
	struct mate_names names;
	struct place *places; /* sorted */
	unsigned count, place_count;
	bool changed;  /* while lists are merged: there are other nodes */
	bool too_many; /* see CONSISTENT_MAX */
	char *self;
	char *said_self;   /* by the source; NULL */
	struct mate *said; /* its list */
	uint32_t said_count;
	uint8_t *key; /* the source's */
	uint32_t key_len;
	bool told;  /* the source said who there is */
	bool alone; /* nobody did, and that was waited for */
	struct bgpd_timer *wait;
	bool waiting;
};

void crew_open(struct l2 *l2);
void crew_close(struct l2 *l2);
/* What the source says, copied; then as crew_apply. */
void crew_take(struct l2 *l2, const struct bgpd_membership *members);
/* Lines and the source's list together are told to both halves. */
void crew_apply(struct l2 *l2);
/* An address is to be carried, and no source has named nodes: not for ever. */
void crew_wait(struct l2 *l2);
struct mate *crew_find(struct l2 *l2, const char *name);
/* The one that has it; NULL: none. */
struct mate *crew_find_addr(struct l2 *l2, const struct bgpd_addr *addr);
struct mate *crew_find_ether(struct l2 *l2, const uint8_t mac[6]);
/* A node told its MACs. */
void crew_meet(
    struct l2 *l2, const char *name, const uint8_t (*ethers)[6], size_t count);
/* The others are told those of this one. */
void crew_tell_ethers(struct l2 *l2);

/* cords.c: where each other node is spoken to, and whether it lives ------------------- */

struct cord;
struct cords;

struct cord_view {
	struct bgpd_addr addr;
	char interface[16]; /* "": by routes, multihop */
	const char *live;   /* BFD's word */
	const char *why;
	uint64_t in, out;
};

void cords_open(struct l2 *l2);
void cords_close(struct l2 *l2);
/* Nodes, their addresses, interfaces or knobs may have changed. */
void cords_apply(struct l2 *l2);
/* To a new owner half: who lives. */
void cords_say(struct l2 *l2);
/* Has an interface that nodes are on the link that it needs? */
bool cords_are_linked(struct l2 *l2);
void cord_get(const struct cord *cord, struct cord_view *view);
bool cord_is_up(const struct cord *cord);
/* When BFD heard it last; INT64_MIN: never. */
int64_t cord_heard_us(const struct cord *cord);
void cords_free(struct mate *mate);

/* mesh.c: messages between nodes -------------------------------------------------------- */

struct mesh;

void mesh_open(struct l2 *l2);
void mesh_close(struct l2 *l2);
void mesh_apply(struct l2 *l2); /* the port may be another */
void mesh_send(struct l2 *l2, const char *member, const uint8_t *bytes,
    size_t len, bool news);

struct mesh_counts {
	uint64_t in, out, failed, refused;
	const char *refusal;  /* the last reason */
	const char *obstacle; /* why there is no socket; NULL */
};
void mesh_get_counts(const struct l2 *l2, struct mesh_counts *counts);

/* witness.c: do the routers answer? ----------------------------------------------------- */

struct witness;

void witness_open(struct l2 *l2);
void witness_close(struct l2 *l2);
/* A node fell silent, on these segments (bits): they are asked now, and not
   within a second. */
void witness_hurry(struct l2 *l2, uint8_t segments);
/* A gateway was heard there. */
void witness_hear(struct l2 *l2, int ifindex);
enum owners_gateway witness_state(const struct l2 *l2);

/* duty.c: addresses, between host, owner half and carrier half --------------------------- */

struct duty {
	RB_ENTRY(duty) link;
	struct bgpd_addr address;
	char *group;			     /* NULL: none */
	char *owner;			     /* NULL: nobody */
	char *before;			     /* who it was before; NULL */
	struct owners_candidate *candidates; /* their names are ours */
	size_t candidate_count;
	bool by_source; /* else they are all nodes */
	uint32_t services;
	uint8_t phase, here;
	bool mine;	/* it is answered for here */
	bool confirmed; /* ... and somebody was seen to learn it */
	bool wanted;	/* it would be ours, if it is free */
	bool free;	/* it was probed */
	bool conflict;	/* somebody else has it */
	bool given_up;	/* ... and mine is silent, by the line `conflict` */
	bool left;	/* ... as that was then: to him, and it is not probed */
	uint8_t mac[6]; /* ... by this MAC */
	bool news;	/* in the list of those that are to be reported */
	TAILQ_ENTRY(duty) news_link;
};
RB_HEAD(duties, duty);
TAILQ_HEAD(duty_news, duty);
RB_PROTOTYPE(duties, duty, link, duty_compare)

void duty_open(struct l2 *l2);
void duty_close(struct l2 *l2);
void duty_carry(struct l2 *l2, const struct bgpd_address *address,
    const char *group, uint32_t services);
void duty_drop(struct l2 *l2, const struct bgpd_addr *addr);
/* Offers all to a new owner half (all); else those that any node may carry. */
void duty_again(struct l2 *l2, bool all);
struct duty *duty_find(struct l2 *l2, const struct bgpd_addr *addr);
const char *duty_state(const struct l2 *l2, const struct duty *duty);
int duty_compare(const struct duty *a, const struct duty *b);
extern const struct owners_calls duty_owner_calls;
extern const struct carrier_callbacks duty_carrier_calls;

/* display.c: shows and commands ------------------------------------------------------------ */

int display_run(
    struct l2 *l2, const struct bgpd_line *line, struct bgpd_out *out);

/* tally.c: metrics -------------------------------------------------------------------------- */

/* Bounds of the histogram of take-overs, in ms; one more for +Inf. */
#define TALLY_BUCKETS 10
struct histogram {
	uint64_t buckets[TALLY_BUCKETS + 1], count;
	double seconds;
};
struct tally {
	struct histogram takeovers; /* since the dead node was heard last */
	struct histogram confirms;  /* since the address was taken */
	uint64_t taken, yielded, conflicts;
};
void tally_add(struct histogram *histogram, int64_t us);
void tally_tell(void *arg);

/* l2.c: the plugin itself -------------------------------------------------------------------- */

/* What there may be a thousand lines of at once. */
enum { L2_MOVED, L2_CONFLICT, L2_PROOF, L2_INTERFACE, L2_TOPICS };

struct l2 {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct knobs knobs;
	struct owners *owners;
	struct carrier *carrier;
	struct mesh *mesh;
	struct cords *cords;
	struct witness *witness;
	struct reach *reach; /* reach.h */
	struct crew crew;
	struct duties duties;
	struct duty_news news;
	unsigned duty_count;
	struct tally tally;
	struct chat {
		unsigned said, left_out;
	} chats[L2_TOPICS];
	struct bgpd_timer *tick, *report, *look, *chat;
	bool stopping;
};

/* Interfaces are others now: who is where, and has this node its link? */
void l2_look_again(struct l2 *l2);
/* ... soon, since such news come in crowds. */
void l2_look_soon(struct l2 *l2);
/* A line of the log, unless there were many of its topic in a short time. */
__attribute__((format(printf, 4, 5))) void l2_say(
    struct l2 *l2, int topic, int level, const char *format, ...);
/* All is handed over: the daemon may stop. */
void l2_leave(struct l2 *l2);
/* This node has another name: all begins anew. */
void l2_restart_owners(struct l2 *l2);
/* After anything that was said to the owner half: its next deadline. */
void l2_settle(struct l2 *l2);

#endif
