/* SPDX-License-Identifier: ISC */
/* The election, asked by the other rooms of the owner half. */
#ifndef L2_ELECT_H
#define L2_ELECT_H

#include "owner_inside.h"

void elect_sort(struct candidate *candidates, size_t count);
const char *elect_addr_text(const struct bgpd_addr *addr, char text[static 64]);
/* May it carry this address? NULL, or why not; segments aside, the second. */
const char *elect_unfit(const struct owners *o, const struct claim *claim,
    const struct candidate *candidate);
const char *elect_unfit_anywhere(const struct owners *o,
    const struct claim *claim, const struct candidate *candidate);
/* Who should have it now, by the order or by load; but not those in tried. */
struct candidate *elect(
    const struct owners *o, const struct claim *claim, uint64_t tried);
/* Alive where the address is, and seen from here; not this node. */
struct candidate *elect_heir(const struct owners *o, const struct claim *claim);
struct candidate *elect_find(
    const struct claim *claim, const struct member *member);
/* How many fit ones are before this node. */
size_t elect_place(const struct owners *o, const struct claim *claim);
/* Who would have it without its owner; of nobody's: who should take it. */
struct candidate *elect_next(const struct owners *o, const struct claim *claim);
/*
 * Who is next may be another: all are looked at again, some of them by each
 * elect_look, and `next` tells of those where this node is it, or is no more.
 */
void elect_look_again(struct owners *o);
void elect_review(struct owners *o); /* ... if a member can more, or less */
void elect_look(struct owners *o);
void elect_tell(struct owners *o, struct claim *claim, bool next);

#endif
