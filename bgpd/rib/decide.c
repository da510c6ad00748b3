/* SPDX-License-Identifier: ISC */
/* The decision: which path of a prefix is the best (RFC 4271 9.1.2). */
#include "rib/select.h"

/*
 * Steps go down a table. Each ranks the paths that are left and drops all but
 * those of the lowest rank; the step that leaves one is the reason. As a whole
 * set is looked at, not pair after pair, the result depends on no order of
 * arrival and MED needs no "deterministic" switch.
 */
#define LOCAL_WEIGHT 32768u

uint32_t
decide_weight(const struct rib_source_info *source)
{
	return source->kind == RIB_LOCAL || source->kind == RIB_AGGREGATE
		   ? LOCAL_WEIGHT
		   : 0;
}

struct contender
decide_contender(const struct rib_source_info *source, const struct attr *attr)
{
	return (struct contender){
		.source = source,
		.local_pref = ATTR_HAS(attr, ATTR_LOCAL_PREF) ? attr->local_pref
							      : RIB_LOCAL_PREF,
		.path_length = aspath_length(attr->as_path),
		.origin = attr->origin,
		.med = ATTR_HAS(attr, ATTR_MED) ? attr->med : 0,
		.first_as = aspath_first(attr->as_path),
		/* RFC 4456 9: ORIGINATOR_ID stands in for the router id. */
		.router_id = ATTR_HAS(attr, ATTR_ORIGINATOR_ID)
				 ? attr->originator_id
				 : source->router_id,
		.clusters =
		    attr->cluster_list != NULL ? attr->cluster_list->len : 0,
	};
}

static uint64_t
rank_weight(const struct contender *c)
{
	return UINT32_MAX - decide_weight(c->source);
}

static uint64_t
rank_local_pref(const struct contender *c)
{
	return UINT32_MAX - c->local_pref;
}

static uint64_t
rank_local(const struct contender *c)
{
	return c->source->kind < RIB_EBGP ? c->source->kind : RIB_EBGP;
}

/* Weight at the top, then LOCAL_PREF, then our own kinds, then the rest. */
uint64_t
decide_rank(const struct rib_source_info *source, uint64_t attr_rank)
{
	uint64_t kind = source->kind < RIB_EBGP ? source->kind : RIB_EBGP;

	return (uint64_t)(decide_weight(source) == 0) << 60 |
	       attr_rank >> 24 << 26 | kind << 24 | (attr_rank & 0xffffff);
}

static uint64_t
rank_path_length(const struct contender *c)
{
	return c->path_length;
}

static uint64_t
rank_origin(const struct contender *c)
{
	return c->origin;
}

static uint64_t
rank_peer_type(const struct contender *c)
{
	return c->source->kind == RIB_IBGP;
}

/* The older external path stays: fewer changes for others (RFC 5004). */
static uint64_t
rank_age(const struct contender *c)
{
	return c->source->kind == RIB_EBGP ? c->since_secs : 0;
}

static uint64_t
rank_router_id(const struct contender *c)
{
	return c->router_id;
}

static uint64_t
rank_clusters(const struct contender *c)
{
	return c->clusters;
}

static void
swap(struct contender *a, struct contender *b)
{
	struct contender c = *a;

	*a = *b;
	*b = c;
}

static unsigned
keep_lowest(struct contender *paths, unsigned count,
    uint64_t (*rank)(const struct contender *))
{
	uint64_t lowest = rank(&paths[0]), mine;
	unsigned kept = 1, i;

	for (i = 1; i < count; i++) {
		mine = rank(&paths[i]);
		if (mine > lowest)
			continue;
		if (mine < lowest)
			kept = 0;
		lowest = mine;
		if (kept != i)
			swap(&paths[kept], &paths[i]);
		kept++;
	}
	return kept;
}

static bool
med_beaten(const struct contender *paths, unsigned count, unsigned who)
{
	unsigned i;

	for (i = 0; i < count && paths[who].med > 0; i++)
		if (paths[i].med < paths[who].med &&
		    paths[i].first_as == paths[who].first_as)
			return true;
	return false;
}

/*
 * RFC 4271 9.1.2.2 (c): compared among paths from one neighbouring AS only.
 * Whoever is beaten is beaten by the lowest of its AS, which is never dropped:
 * so the dropped may go at once.
 */
static unsigned
keep_med(struct contender *paths, unsigned count,
    uint64_t (*rank)(const struct contender *))
{
	unsigned i = 0;

	(void)rank;
	while (i < count) {
		if (med_beaten(paths, count, i))
			swap(&paths[i], &paths[--count]);
		else
			i++;
	}
	return count;
}

static unsigned
keep_nearest_addr(struct contender *paths, unsigned count,
    uint64_t (*rank)(const struct contender *))
{
	unsigned kept = 1, i;
	int order;

	(void)rank;
	for (i = 1; i < count; i++) {
		order = addr_compare(
		    &paths[i].source->addr, &paths[0].source->addr);
		if (order > 0)
			continue;
		if (order < 0)
			kept = 0;
		swap(&paths[kept++], &paths[i]);
	}
	return kept;
}

static uint64_t
rank_id(const struct contender *c)
{
	return c->id;
}

static const struct step {
	const char *reason; /* FRR's selectionReason */
	unsigned (*keep)(struct contender *paths, unsigned count,
	    uint64_t (*rank)(const struct contender *));
	uint64_t (*rank)(const struct contender *);
} steps[] = {
	/* What we say ourselves stands above what we hear. */
	{ "Weight", keep_lowest, rank_weight },
	/* RFC 4271 9.1.1 */
	{ "Local Pref", keep_lowest, rank_local_pref },
	{ "Local Route", keep_lowest, rank_local },
	/* RFC 4271 9.1.2.2 (a) to (g); (e), the cost to the next hop, waits
	 * for the kernel's routes */
	{ "AS Path", keep_lowest, rank_path_length },
	{ "Origin", keep_lowest, rank_origin },
	{ "MED", keep_med, NULL },
	{ "Peer Type", keep_lowest, rank_peer_type },
	/* RFC 5004 */
	{ "Older Path", keep_lowest, rank_age },
	{ "Router ID", keep_lowest, rank_router_id },
	/* RFC 4456 9 */
	{ "Cluster length", keep_lowest, rank_clusters },
	{ "Neighbor IP", keep_nearest_addr, NULL },
	{ "Nothing left to compare", keep_lowest, rank_id },
};

#define STEPS  (sizeof(steps) / sizeof(*steps))
#define RANKED 6u /* of them; the others compare what no rank says, nor a MED */

static unsigned
go_down(const struct step *step, struct contender *paths, unsigned count,
    const char **reason)
{
	const char *why = "First path received";

	for (; count > 1 && step < steps + STEPS; step++) {
		count = step->keep(paths, count, step->rank);
		why = step->reason;
	}
	if (reason != NULL)
		*reason = why;
	return 0;
}

unsigned
decide(struct contender *paths, unsigned count, const char **reason)
{
	return go_down(steps, paths, count, reason);
}

unsigned
decide_ranked(struct contender *paths, unsigned count)
{
	return go_down(steps + RANKED, paths, count, NULL);
}
