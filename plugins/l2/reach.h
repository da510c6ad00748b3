/* SPDX-License-Identifier: ISC */
/* Where addresses are carried here, and which other nodes are there. */
#ifndef L2_REACH_H
#define L2_REACH_H

#include "l2.h"

#define REACH_ALL	  CARRIER_SUBNETS /* that are looked at */
#define REACH_SUBNET_TEXT (KIT_ADDR_TEXT + 4)

struct reach {
	/* What addresses need; told to the others once there is a reason. */
	struct carrier_subnet list[OWNERS_SEGMENTS];
	unsigned count;
	bool telling; /* from then on */
	bool asked;   /* another node tells */
	/* What there was when that was found. */
	struct carrier_subnet all[REACH_ALL];
	unsigned all_count;
	uint32_t needed; /* bits of all */
	uint32_t untold; /* ... of these, beyond the list's room */
	unsigned over;	 /* limits that are exceeded, as it was logged */
	bool due;	 /* an address needs more */
	uint64_t turns;	 /* carrier_turns, when addresses were offered */
};

void reach_open(struct l2 *l2);
void reach_close(struct l2 *l2);
/* Interfaces, nodes or addresses may be others: true: the list is, and was told. */
bool reach_apply(struct l2 *l2);
/* To a new owner half. */
void reach_say(struct l2 *l2);
/* An address comes, and what it is carried on may not be in the list yet. */
bool reach_needs(struct l2 *l2, const struct bgpd_addr *addr);
/* On which of the list it is: bits; 0: nothing is told. */
uint8_t reach_of(struct l2 *l2, const struct bgpd_addr *addr);
/* No interface of this node can carry it, nor could if it had its link. */
bool reach_is_nowhere(struct l2 *l2, const struct bgpd_addr *addr);
/* Addresses are carried there, and who is alive there is not watched. */
bool reach_is_untold(const struct reach *r, unsigned i);
char *reach_print_subnet(const struct bgpd_addr *addr, unsigned length,
    char text[REACH_SUBNET_TEXT]);
/* A node told where it is; NULL: it asks. */
void reach_hear(struct l2 *l2, const char *member,
    const struct owners_segment *list, size_t count);

/* witness.c: the list is another, or was told to a new owner half. */
void witness_apply(struct l2 *l2);

/* display_reach.c: of an interface, a node, an address; the answer has both forms. */
void display_reach_interface(
    struct l2 *l2, struct bgpd_out *out, bool json, int ifindex);
void display_reach_node(
    struct l2 *l2, struct bgpd_out *out, bool json, const char *name);
void display_reach_address(struct l2 *l2, struct bgpd_out *out, bool json,
    const struct bgpd_addr *addr);

#endif
