/* SPDX-License-Identifier: ISC */
/* A cord to another node, as cords.c keeps it and mesh.c speaks over it. */
#ifndef L2_CORD_H
#define L2_CORD_H

#include "l2.h"

struct cord {
	struct l2 *l2;
	struct mate *mate;
	struct bgpd_addr addr;
	struct bgpd_addr local; /* by which the others know us; family 0: any */
	char interface[16];
	int ifindex; /* 0: by routes */
	bool watched;
	struct bgpd_bfd *bfd;
	int live; /* enum bgpd_bfd_state */
	char why[64];
	uint32_t interval_ms, multiplier; /* as the session was asked for */
	uint64_t in, out;
	uint8_t segments; /* bits: its places in the list of reach.h */
	bool kept;	  /* while they are found anew */
};

/* All of a node, the first one first: NULL after the last. */
struct cord *cord_next(const struct mate *mate, const struct cord *cord);
/* The one by which such a letter came, or should have. */
struct cord *cord_by(const struct mate *mate, int ifindex);
/* Of an address that a node told; NULL: of none. */
struct cord *cords_find(struct l2 *l2, const struct bgpd_addr *addr);

#endif
