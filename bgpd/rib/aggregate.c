/* SPDX-License-Identifier: ISC */
/* Aggregates: one path that stands for all more specific ones (RFC 4271 9.2.2.2). */
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"

/*
 * An aggregate keeps counts of what is below it, so a path that comes or goes
 * costs the same however many there are. With as-set it also keeps the distinct
 * attribute sets; while they are many, the union is made when somebody reads.
 *
 * Whether a prefix is suppressed needs no mark: it is if a summary-only aggregate
 * covers it, for the path itself is what makes that aggregate active.
 *
 * After a change of the configuration a walk over the table, in slices, counts
 * for those that are fresh and has groups look at what they or those that are
 * gone cover. Until it is over the gone stay told, and the fresh, once they have
 * one path below, are told with what was counted so far: nothing that is reached
 * now is without a route meanwhile.
 */
#define MANY_SETS 64u
#define SLICE	  2048u /* prefixes of the walk, in one call */

struct summary {
	struct table_link link; /* by prefix */
	TAILQ_ENTRY(summary) entry;
	struct rib_aggregate is;
	uint32_t asn;
	uint32_t router_id;
	uint32_t count; /* paths below */
	uint32_t origins[3];
	uint32_t atomics;
	struct table sets; /* as-set: struct share */
	bool pending;
	bool active; /* its path is in the table */
	bool wanted; /* by the configuration that is being set */
	bool fresh;  /* counts what the walk has come by */
	bool gone;   /* is removed when the walk is over */
};

/* An attribute set below an aggregate, and how many paths have it. */
struct share {
	struct table_link link;
	struct rib_attr *attr;
	uint32_t count;
};

static bool
summary_is(const struct table_link *object, const void *key)
{
	return prefix_equal(&((const struct summary *)object)->is.prefix, key);
}

static bool
share_is(const struct table_link *object, const void *key)
{
	return ((const struct share *)object)->attr == key;
}

static uint32_t
prefix_hash(const struct prefix *prefix)
{
	uint8_t key[18] = { prefix->family, prefix->len };

	memcpy(key + 2, prefix->bytes, sizeof(prefix->bytes));
	return table_hash(key, sizeof(key));
}

void
aggregate_init(struct rib *rib)
{
	TAILQ_INIT(&rib->aggregates);
	rib->aggregate_index.equal = summary_is;
	rib->aggregate_family = FAMILY_COUNT;
}

static struct summary *
summary_find(const struct rib *rib, const struct prefix *prefix)
{
	return (struct summary *)table_find(
	    &rib->aggregate_index, prefix_hash(prefix), prefix);
}

/*
 * The next aggregate that covers the prefix, from *len bits upwards; *len moves
 * on. Only lengths that some aggregate has are looked at.
 */
static struct summary *
summary_next(const struct rib *rib, const struct prefix *prefix, unsigned *len)
{
	enum family family = family_of(prefix->family);
	struct prefix outer;
	struct summary *s;

	for (; *len < prefix->len; ++*len) {
		if (rib->aggregate_lengths[family][*len] == 0)
			continue;
		outer = *prefix;
		outer.len = (uint8_t)*len;
		prefix_mask(&outer);
		s = summary_find(rib, &outer);
		if (s != NULL) {
			++*len;
			return s;
		}
	}
	return NULL;
}

/* counting ---------------------------------------------------------------------- */

static void
share_change(struct rib *rib, struct summary *s, struct rib_attr *attr, int by)
{
	uint32_t hash = table_hash(&attr->id, sizeof(attr->id));
	struct share *share = (struct share *)table_find(&s->sets, hash, attr);

	if (share == NULL) {
		share = mem_alloc(sizeof(*share));
		share->attr = rib_attr_ref(attr);
		table_add(&s->sets, &share->link, hash);
	}
	share->count += (uint32_t)by;
	if (share->count > 0)
		return;
	table_remove(&s->sets, &share->link);
	rib_attr_unref(rib, share->attr);
	mem_free(share);
}

static void
summary_count(
    struct rib *rib, struct summary *s, const struct rib_attr *attr, int by)
{
	struct attr is = rib_attr_get(attr);
	unsigned origin = is.origin;

	s->count += (uint32_t)by;
	s->origins[origin <= ORIGIN_INCOMPLETE ? origin : ORIGIN_INCOMPLETE] +=
	    (uint32_t)by;
	if (ATTR_HAS(&is, ATTR_ATOMIC_AGGREGATE))
		s->atomics += (uint32_t)by;
	if (s->is.as_set)
		share_change(rib, s, (struct rib_attr *)(uintptr_t)attr, by);
}

static void
summary_forget(struct rib *rib, struct summary *s)
{
	struct share *share, *next;

	share = (struct share *)table_next(&s->sets, NULL);
	for (; share != NULL; share = next) {
		next = (struct share *)table_next(&s->sets, &share->link);
		rib_attr_unref(rib, share->attr);
		mem_free(share);
	}
	table_clear(&s->sets);
	s->count = s->atomics = 0;
	memset(s->origins, 0, sizeof(s->origins));
}

/* what an aggregate says -------------------------------------------------------- */

/* All but graceful-shutdown, which speaks of one way, not of all. */
static const struct blob *
without_shutdown(struct arena *arena, const struct blob *list)
{
	unsigned count = community_count(list), kept = 0, i;
	uint32_t *all;

	if (!community_has(list, (uint32_t)COMMUNITY_GRACEFUL_SHUTDOWN))
		return list;
	all = arena_alloc(arena, count * sizeof(*all));
	for (i = 0; i < count; i++)
		if (community_at(list, i) !=
		    (uint32_t)COMMUNITY_GRACEFUL_SHUTDOWN)
			all[kept++] = community_at(list, i);
	return kept > 0 ? community_list(arena, all, kept) : NULL;
}

static void
unite_sets(const struct summary *s, struct arena *arena, struct attr *attr)
{
	const struct blob **paths =
	    arena_alloc(arena, (s->sets.used + 1) * sizeof(*paths));
	const struct blob *communities = NULL;
	const struct share *share = NULL;
	unsigned count = 0;
	struct attr is;

	while ((share = (const struct share *)table_next(&s->sets,
		    share != NULL ? (struct table_link *)(uintptr_t)&share->link
				  : NULL)) != NULL) {
		is = rib_attr_get(share->attr);
		paths[count++] = is.as_path;
		if (is.communities != NULL)
			communities =
			    community_union(arena, communities, is.communities);
	}
	attr->as_path = aspath_aggregate(arena, paths, count);
	if (communities != NULL)
		attr->communities = without_shutdown(arena, communities);
	if (attr->communities != NULL)
		attr->present |= 1u << ATTR_COMMUNITIES;
}

static void
summary_attr(const struct summary *s, struct arena *arena, struct attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->present =
	    1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH | 1u << ATTR_AGGREGATOR;
	attr->aggregator_as = s->asn;
	attr->aggregator_id = s->router_id;
	if (s->origins[ORIGIN_INCOMPLETE] > 0)
		attr->origin = ORIGIN_INCOMPLETE;
	else if (s->origins[ORIGIN_EGP] > 0)
		attr->origin = ORIGIN_EGP;
	if (s->is.as_set)
		unite_sets(s, arena, attr);
	/* RFC 4271 5.1.6: AS numbers below are left out, or were before. */
	if (!s->is.as_set || s->atomics > 0)
		attr->present |= 1u << ATTR_ATOMIC_AGGREGATE;
}

static void
summary_update(struct rib *rib, struct summary *s)
{
	struct arena *arena;
	struct attr attr;

	if (s->pending)
		rib->aggregates_pending--;
	s->pending = false;
	s->active = s->count > 0;
	if (!s->active) {
		rib_withdraw(rib->aggregate_source, 0, &s->is.prefix);
		return;
	}
	arena = arena_new();
	summary_attr(s, arena, &attr);
	rib_update(rib->aggregate_source, 0, &s->is.prefix, &attr, &attr,
	    rib->now_secs);
	arena_free(arena);
}

static void
summary_changed(struct rib *rib, struct summary *s)
{
	/* The walk may find more. */
	if (s->fresh && s->count == 0)
		return;
	if (!s->is.as_set || s->sets.used <= MANY_SETS) {
		summary_update(rib, s);
		return;
	}
	if (s->pending)
		return;
	s->pending = true;
	rib->aggregates_pending++;
	group_wake_all(rib, family_of(s->is.prefix.family));
}

void
aggregate_settle(struct rib *rib)
{
	struct summary *s;

	if (rib->aggregates_pending == 0)
		return;
	TAILQ_FOREACH (s, &rib->aggregates, entry)
		if (s->pending)
			summary_update(rib, s);
}

static bool
is_walked(const struct rib *rib, enum family family, uint32_t id)
{
	return family < rib->aggregate_family ||
	       (family == rib->aggregate_family && id <= rib->aggregate_at);
}

void
aggregate_on_path(struct rib *rib, enum family family, uint32_t id,
    const struct rib_source *source, const struct rib_attr *old,
    const struct rib_attr *new)
{
	struct prefix prefix;
	struct summary *s;
	unsigned len = 0;

	if (TAILQ_EMPTY(&rib->aggregates) || old == new ||
	    source->info.kind == RIB_AGGREGATE)
		return;
	prefix = prefixes_get(
	    &rib->tables[family], entry_at(&rib->tables[family], id));
	while ((s = summary_next(rib, &prefix, &len)) != NULL) {
		if (s->gone || (s->fresh && !is_walked(rib, family, id)))
			continue;
		if (new != NULL)
			summary_count(rib, s, new, 1);
		if (old != NULL)
			summary_count(rib, s, old, -1);
		summary_changed(rib, s);
	}
}

bool
aggregate_suppresses(const struct rib *rib, const struct prefix *prefix,
    const struct rib_source *source)
{
	const struct summary *s;
	unsigned len = 0;

	if (TAILQ_EMPTY(&rib->aggregates) || source->info.kind == RIB_AGGREGATE)
		return false;
	while ((s = summary_next(rib, prefix, &len)) != NULL)
		if (s->is.summary_only && !s->gone &&
		    (s->count > 0 || !s->fresh))
			return true;
	return false;
}

/* configuration ----------------------------------------------------------------- */

static void
summary_remove(struct rib *rib, struct summary *s)
{
	const struct prefix *prefix = &s->is.prefix;

	summary_forget(rib, s);
	summary_update(rib, s);
	rib->aggregate_lengths[family_of(prefix->family)][prefix->len]--;
	table_remove(&rib->aggregate_index, &s->link);
	TAILQ_REMOVE(&rib->aggregates, s, entry);
	mem_free(s);
}

static struct summary *
summary_add(struct rib *rib, const struct prefix *prefix)
{
	struct summary *s = mem_alloc(sizeof(*s));

	s->is.prefix = *prefix;
	s->sets.equal = share_is;
	table_add(&rib->aggregate_index, &s->link, prefix_hash(prefix));
	TAILQ_INSERT_TAIL(&rib->aggregates, s, entry);
	rib->aggregate_lengths[family_of(prefix->family)][prefix->len]++;
	return s;
}

/* False: it is there already. */
static bool
summary_set(struct rib *rib, const struct rib_aggregate *is, uint32_t asn,
    uint32_t router_id)
{
	struct summary *s = summary_find(rib, &is->prefix);

	if (s == NULL) {
		s = summary_add(rib, &is->prefix);
	} else if (!s->gone && s->is.as_set == is->as_set &&
		   s->is.summary_only == is->summary_only && s->asn == asn &&
		   s->router_id == router_id) {
		s->wanted = true;
		return false;
	}
	s->wanted = true;
	summary_forget(rib, s);
	s->is.as_set = is->as_set;
	s->is.summary_only = is->summary_only;
	s->asn = asn;
	s->router_id = router_id;
	s->gone = false;
	s->fresh = true;
	return true;
}

/* Counts one prefix for aggregates that are new; true: it is to be told anew. */
static bool
count_entry(struct rib *rib, enum family family, const struct entry *e)
{
	struct prefix prefix = prefixes_get(&rib->tables[family], e);
	const struct path *path;
	struct summary *s;
	unsigned len = 0;
	bool changes = false;

	while ((s = summary_next(rib, &prefix, &len)) != NULL) {
		changes |= s->gone || s->fresh;
		path = s->fresh ? path_at(rib, e->paths) : NULL;
		for (; path != NULL; path = path_at(rib, path->next))
			if (path_used(rib, path) != SLAB_NONE &&
			    rib->sources[path->source]->info.kind !=
				RIB_AGGREGATE)
				summary_count(rib, s,
				    attr_at(rib, path_used(rib, path)), 1);
	}
	return changes;
}

/* From its beginning, also where one was under way. */
static void
walk_begin(struct rib *rib)
{
	struct summary *s;

	TAILQ_FOREACH (s, &rib->aggregates, entry)
		if (s->fresh)
			summary_forget(rib, s);
	rib->aggregate_family = 0;
	rib->aggregate_at = SLAB_NONE;
}

/* A slice; false when the end of the tables is reached. */
static bool
walk_on(struct rib *rib)
{
	const struct prefixes *t;
	unsigned left = SLICE, family;
	uint32_t id;

	for (family = rib->aggregate_family; family < FAMILY_COUNT;) {
		t = &rib->tables[family];
		id = slab_next(&t->slab, rib->aggregate_at);
		rib->aggregate_at = id;
		if (id == SLAB_NONE) {
			rib->aggregate_family = ++family;
			continue;
		}
		if (count_entry(rib, family, entry_at(t, id)))
			group_on_change(rib, family, id);
		if (--left == 0)
			return true;
	}
	return false;
}

static void
walk_end(struct rib *rib)
{
	struct summary *s, *next;

	for (s = TAILQ_FIRST(&rib->aggregates); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->gone) {
			summary_remove(rib, s);
		} else if (s->fresh) {
			s->fresh = false;
			summary_update(rib, s);
		}
	}
}

bool
rib_settle(struct rib *rib)
{
	struct summary *s;

	if (rib->aggregate_family == FAMILY_COUNT)
		return false;
	if (!walk_on(rib)) {
		walk_end(rib);
		return false;
	}
	TAILQ_FOREACH (s, &rib->aggregates, entry)
		if (s->fresh && s->count > 0 && !s->active)
			summary_update(rib, s);
	return true;
}

static void
aggregate_open_source(struct rib *rib, uint32_t asn, uint32_t router_id)
{
	struct rib_source_info info = { .kind = RIB_AGGREGATE,
		.name = "aggregate",
		.asn = asn,
		.router_id = router_id };

	if (rib->aggregate_source == NULL)
		rib->aggregate_source = rib_source_new(rib, &info);
	else
		rib_source_set(rib->aggregate_source, &info);
}

void
rib_set_aggregates(struct rib *rib, const struct rib_aggregate *aggregates,
    unsigned count, uint32_t asn, uint32_t router_id)
{
	struct summary *s;
	bool changed = false;
	unsigned i;

	if (count == 0 && TAILQ_EMPTY(&rib->aggregates))
		return;
	aggregate_open_source(rib, asn, router_id);
	TAILQ_FOREACH (s, &rib->aggregates, entry)
		s->wanted = false;
	for (i = 0; i < count; i++)
		if (family_of(aggregates[i].prefix.family) < FAMILY_COUNT)
			changed |=
			    summary_set(rib, &aggregates[i], asn, router_id);
	TAILQ_FOREACH (s, &rib->aggregates, entry) {
		if (s->wanted || s->gone)
			continue;
		s->gone = changed = true;
		s->fresh = false;
	}
	if (changed)
		walk_begin(rib);
}

void
aggregate_free_all(struct rib *rib)
{
	struct summary *s;

	while ((s = TAILQ_FIRST(&rib->aggregates)) != NULL) {
		summary_forget(rib, s);
		TAILQ_REMOVE(&rib->aggregates, s, entry);
		mem_free(s);
	}
	table_clear(&rib->aggregate_index);
}
