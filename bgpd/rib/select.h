/* SPDX-License-Identifier: ISC */
/* Which path of a prefix is the best: what the decision and its users share. */
#ifndef RIB_SELECT_H
#define RIB_SELECT_H

#include "rib/inside.h"

/* select.c -------------------------------------------------------------------------- */

#define RANK_NONE UINT64_MAX /* not usable */
/* The lowest one is the best, as far as ORIGIN. */
uint64_t select_rank(const struct rib *rib, const struct path *path);
/* The best path's id; SLAB_NONE when none is usable. */
uint32_t select_best(const struct rib *rib, const struct entry *e);
/*
 * Of two usable paths of an entry that rank the same, where no path has a MED:
 * is `a` the better one?
 */
bool select_is_better(
    const struct rib *rib, const struct path *a, const struct path *b);
/* The step that chose the best one; NULL: there is none. */
const char *select_reason(const struct rib *rib, const struct entry *e);

/* decide.c ------------------------------------------------------------------------- */

/* What the decision sees of a path. */
struct contender {
	const struct rib_source_info *source;
	uint32_t local_pref;
	uint32_t path_length;
	uint32_t med;
	uint32_t first_as;  /* the neighbouring AS */
	uint32_t router_id; /* or ORIGINATOR_ID */
	uint32_t clusters;  /* as long as CLUSTER_LIST */
	uint32_t since_secs;
	uint32_t id;
	uint32_t place; /* the caller's */
	uint8_t origin;
};
/* All but the age, the id and the place. */
struct contender decide_contender(
    const struct rib_source_info *source, const struct attr *attr);
/*
 * The index of the best one; `reason` (may be NULL) is the step that chose it.
 * Reorders the array: the winner comes to the front. Order in does not matter
 * but for paths that no step can tell apart.
 */
unsigned decide(struct contender *paths, unsigned count, const char **reason);
/* The same of paths that share one rank, where none has a MED. */
unsigned decide_ranked(struct contender *paths, unsigned count);
uint32_t decide_weight(const struct rib_source_info *source);
/* The steps as far as ORIGIN in one number: see attr_rank. */
uint64_t decide_rank(const struct rib_source_info *source, uint64_t attr_rank);

#endif
