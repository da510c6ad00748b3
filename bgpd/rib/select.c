/* SPDX-License-Identifier: ISC */
/* The best of a prefix's paths: by rank where that tells, else by all steps. */
#include "rib/select.h"
#include "util/mem.h"

/*
 * The first steps of the decision, as far as ORIGIN, rank each path by itself;
 * together they are one number. Only paths that share the lowest one go through
 * the others, MED among them, which compares paths with each other. So a path
 * that ranks above the best one neither becomes the best nor decides who is; and
 * where no path has a MED, the rest is an order, in which two can be compared.
 */
#define FEW 16 /* that need no memory */

uint64_t
select_rank(const struct rib *rib, const struct path *path)
{
	uint32_t used = path_used(rib, path);

	if (used == SLAB_NONE)
		return RANK_NONE;
	return decide_rank(
	    &rib->sources[path->source]->info, attr_rank(attr_at(rib, used)));
}

/* The lowest rank, and how many paths have it. */
static uint64_t
lowest_rank(const struct rib *rib, const struct entry *e, unsigned *count)
{
	const struct path *path = path_at(rib, e->paths);
	uint64_t lowest = RANK_NONE, rank;

	*count = 0;
	for (; path != NULL; path = path_at(rib, path->next)) {
		rank = select_rank(rib, path);
		if (rank == RANK_NONE || rank > lowest)
			continue;
		*count = rank < lowest ? 1 : *count + 1;
		lowest = rank;
	}
	return lowest;
}

static struct contender
contender_of(const struct rib *rib, const struct path *path)
{
	struct attr attr = rib_attr_get(attr_at(rib, path_used(rib, path)));
	struct contender c =
	    decide_contender(&rib->sources[path->source]->info, &attr);

	c.since_secs = path->since_secs;
	c.id = path_id(rib, path);
	return c;
}

/* Paths with a rank of at most `most`. */
static unsigned
collect(const struct rib *rib, const struct entry *e, uint64_t most,
    struct contender *contenders)
{
	const struct path *path;
	unsigned count = 0;
	uint32_t id;

	for (id = e->paths; id != SLAB_NONE; id = path->next) {
		path = path_at(rib, id);
		if (path_used(rib, path) == SLAB_NONE ||
		    select_rank(rib, path) > most)
			continue;
		contenders[count] = contender_of(rib, path);
		contenders[count++].place = id;
	}
	return count;
}

static uint32_t
contest(const struct rib *rib, const struct entry *e, uint64_t most,
    unsigned count, const char **reason)
{
	struct contender few[FEW], *contenders = few;
	uint32_t best;

	if (count > FEW)
		contenders = mem_array(count, sizeof(*contenders));
	count = collect(rib, e, most, contenders);
	best = contenders[decide(contenders, count, reason)].place;
	if (contenders != few)
		mem_free(contenders);
	return best;
}

/* As much of a contender as those that rank the same are told apart by. */
static struct contender
ranked_of(const struct rib *rib, const struct path *path)
{
	const struct rib_source_info *info = &rib->sources[path->source]->info;

	if (attr_is_reflected(attr_at(rib, path_used(rib, path))))
		return contender_of(rib, path);
	return (struct contender){ .source = info,
		.router_id = info->router_id,
		.since_secs = path->since_secs,
		.id = path_id(rib, path) };
}

bool
select_is_better(
    const struct rib *rib, const struct path *a, const struct path *b)
{
	struct contender two[2] = { ranked_of(rib, a), ranked_of(rib, b) };

	two[1].place = 1;
	return two[decide_ranked(two, 2)].place == 0;
}

uint32_t
select_best(const struct rib *rib, const struct entry *e)
{
	const struct path *first = path_at(rib, e->paths);
	uint64_t lowest;
	unsigned count;
	uint32_t id;

	if (first == NULL)
		return SLAB_NONE;
	if (first->next == SLAB_NONE)
		return path_used(rib, first) != SLAB_NONE ? e->paths
							  : SLAB_NONE;
	lowest = lowest_rank(rib, e, &count);
	if (count == 0)
		return SLAB_NONE;
	if (count > 1)
		return contest(rib, e, lowest, count, NULL);
	for (id = e->paths; select_rank(rib, path_at(rib, id)) != lowest;)
		id = path_at(rib, id)->next;
	return id;
}

const char *
select_reason(const struct rib *rib, const struct entry *e)
{
	const struct path *path = path_at(rib, e->paths);
	const char *reason = NULL;
	unsigned count = 0;

	for (; path != NULL; path = path_at(rib, path->next))
		count += path_used(rib, path) != SLAB_NONE;
	if (count > 0)
		contest(rib, e, RANK_NONE, count, &reason);
	return reason;
}
