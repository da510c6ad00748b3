/* SPDX-License-Identifier: ISC */
/* The table: paths come and go, the best one of each prefix is told. */
#include <assert.h>
#include <string.h>

#include "rib/select.h"
#include "util/mem.h"

/*
 * Every change of a prefix's paths stands between change_begin, which notes the
 * best path as it was, and change_end, which decides anew and tells watchers and
 * groups if there is news. Costs depend on the paths of that prefix alone.
 */
struct change {
	struct rib *rib;
	enum family family;
	uint32_t id;
	struct entry *entry;
	uint32_t best;
	uint32_t best_used;
	/* The one path that changes, and its rank before; RANK_NONE: none. */
	uint32_t touched;
	uint64_t rank;
	struct rib_path_view view; /* of the old best, if anybody watches */
};

struct rib *
rib_new(void)
{
	struct rib *rib = mem_alloc(sizeof(*rib));
	unsigned f;

	for (f = 0; f < FAMILY_COUNT; f++) {
		prefixes_init(&rib->tables[f], f);
		TAILQ_INIT(&rib->groups[f]);
	}
	paths_init(rib);
	intern_init(rib);
	aggregate_init(rib);
	return rib;
}

/* Sources that are left are freed with it; members must be gone. */
void
rib_free(struct rib *rib)
{
	struct rib_source *source;
	unsigned f;
	uint32_t i;

	if (rib == NULL)
		return;
	group_free_all(rib);
	aggregate_free_all(rib);
	for (i = 1; i < rib->source_count; i++) {
		source = rib->sources[i];
		for (f = 0; source != NULL && f < FAMILY_COUNT; f++)
			idset_clear(&source->held[f]);
		if (source != NULL)
			source_forget_info(source);
		mem_free(source);
	}
	mem_free(rib->sources);
	mem_free(rib->watchers);
	for (f = 0; f < FAMILY_COUNT; f++)
		prefixes_clear(&rib->tables[f]);
	paths_clear(rib);
	intern_clear(rib);
	mem_free(rib);
}

struct path *
rib_best(const struct rib *rib, const struct entry *e)
{
	struct path *path = path_at(rib, e->paths);

	return path != NULL && (path->flags & RIB_BEST) ? path : NULL;
}

/* decision ---------------------------------------------------------------------- */

static void
unlink_path(struct rib *rib, struct entry *e, uint32_t id)
{
	uint32_t *at = &e->paths;

	while (*at != id)
		at = &path_at(rib, *at)->next;
	*at = path_at(rib, id)->next;
}

/* Marks the best one, which may be none, and puts it first. */
static void
set_best(struct rib *rib, struct entry *e, uint32_t best)
{
	struct path *first = path_at(rib, e->paths), *path;

	if (first != NULL)
		first->flags &= (uint16_t)~RIB_BEST;
	if (best == SLAB_NONE)
		return;
	path = path_at(rib, best);
	if (path != first) {
		unlink_path(rib, e, best);
		path->next = e->paths;
		e->paths = best;
	}
	path->flags |= RIB_BEST;
}

/* The best one, where it can be told without a look at all paths; or all. */
static uint32_t
decide_change(const struct change *c)
{
	const struct rib *rib = c->rib;
	const struct path *path;
	uint64_t best, now = RANK_NONE;

	if (c->best == SLAB_NONE || c->best == c->touched)
		return select_best(rib, c->entry);
	best = select_rank(rib, path_at(rib, c->best));
	path = path_at(rib, c->touched);
	if (path != NULL)
		now = select_rank(rib, path);
	if (now < best)
		return c->touched;
	if (c->entry->has_med && (now == best || c->rank == best))
		return select_best(rib, c->entry);
	if (now == best && select_is_better(rib, path, path_at(rib, c->best)))
		return c->touched;
	return c->best;
}

static void
change_begin(struct change *c, struct rib *rib, enum family family, uint32_t id)
{
	const struct path *best;

	c->rib = rib;
	c->family = family;
	c->id = id;
	c->entry = entry_at(&rib->tables[family], id);
	c->best = c->best_used = c->touched = SLAB_NONE;
	c->rank = RANK_NONE;
	best = rib_best(rib, c->entry);
	if (best == NULL)
		return;
	c->best = c->entry->paths;
	c->best_used = path_used(rib, best);
	if (rib->watcher_count > 0)
		rib_view(rib, family, c->entry, best, &c->view);
}

/* The path that the change is about, as it was until now. */
static void
change_touch(struct change *c, uint32_t id)
{
	c->touched = id;
	if (id != c->best)
		c->rank = select_rank(c->rib, path_at(c->rib, id));
}

static void
change_end(struct change *c)
{
	struct rib *rib = c->rib;
	uint32_t best = decide_change(c);

	set_best(rib, c->entry, best);
	if (c->best != best ||
	    (best != SLAB_NONE &&
		path_used(rib, path_at(rib, best)) != c->best_used)) {
		rib->versions[c->family]++;
		group_on_change(rib, c->family, c->id);
		if (rib->watcher_count > 0)
			rib_tell_watchers(rib, c->family, c->entry,
			    c->best != SLAB_NONE ? &c->view : NULL);
	}
}

/* paths ----------------------------------------------------------------------------- */

/* Where the path (source, id) of an entry is; SLAB_NONE. */
static uint32_t
path_find(
    const struct rib *rib, const struct entry *e, uint16_t source, uint32_t id)
{
	const struct path *path;
	uint32_t at;

	for (at = e->paths; at != SLAB_NONE; at = path->next) {
		path = path_at(rib, at);
		if (path->source == source && path_id(rib, path) == id)
			return at;
	}
	return SLAB_NONE;
}

static bool
source_has(const struct rib *rib, const struct entry *e, uint16_t source)
{
	const struct path *path = path_at(rib, e->paths);

	while (path != NULL && path->source != source)
		path = path_at(rib, path->next);
	return path != NULL;
}

static uint32_t
path_add(const struct change *c, struct rib_source *source)
{
	struct rib *rib = c->rib;
	uint32_t id = slab_add(&rib->paths), *at = &c->entry->paths;
	struct path *path = path_at(rib, id);

	path->source = source->index;
	/* After the best one, which stays the first until the decision. */
	if (*at != SLAB_NONE)
		at = &path_at(rib, *at)->next;
	else
		rib->tables[c->family].live++;
	path->next = *at;
	*at = id;
	rib->path_counts[c->family]++;
	source->counts[c->family][false]++;
	idset_add(&source->held[c->family], c->id);
	return id;
}

/* Its content stays the caller's to drop. */
static void
path_remove(const struct change *c, uint32_t id)
{
	struct rib *rib = c->rib;
	const struct path *path = path_at(rib, id);
	struct rib_source *source = rib->sources[path->source];

	unlink_path(rib, c->entry, id);
	source->counts[c->family][false]--;
	source->counts[c->family][true] -= path_used(rib, path) != SLAB_NONE;
	slab_remove(&rib->paths, id);
	rib->path_counts[c->family]--;
	if (c->entry->paths == SLAB_NONE)
		rib->tables[c->family].live--;
	if (!source_has(rib, c->entry, source->index))
		idset_remove(&source->held[c->family], c->id);
}

static void
update_one(struct rib_source *source, uint32_t path_id, enum family family,
    uint32_t id, struct rib_attr *received, struct rib_attr *used)
{
	struct rib *rib = source->rib;
	struct path_content old;
	struct change c;
	struct path *path;
	uint32_t at;

	change_begin(&c, rib, family, id);
	at = idset_has(&source->held[family], id)
		 ? path_find(rib, c.entry, source->index, path_id)
		 : SLAB_NONE;
	if (at == SLAB_NONE)
		c.touched = at = path_add(&c, source);
	else
		change_touch(&c, at);
	path = path_at(rib, at);
	old = path_content_get(rib, path);
	if (path_content_set(rib, path, path_id, received, used)) {
		c.entry->has_med |= used != NULL && attr_has_med(used);
		source->counts[family][true] += used != NULL;
		source->counts[family][true] -= old.used != SLAB_NONE;
		path->since_secs = (uint32_t)rib->now_secs;
		change_end(&c);
		aggregate_on_path(
		    rib, family, id, source, attr_at(rib, old.used), used);
	}
	path_content_drop(rib, old);
}

/* The prefix is held by the caller. */
static void
remove_one(struct rib *rib, enum family family, uint32_t id, uint32_t at)
{
	const struct path *path = path_at(rib, at);
	struct rib_source *source = rib->sources[path->source];
	struct path_content old = path_content_get(rib, path);
	struct change c;

	change_begin(&c, rib, family, id);
	change_touch(&c, at);
	path_remove(&c, at);
	if (c.best != at)
		c.touched = SLAB_NONE;
	change_end(&c);
	aggregate_on_path(
	    rib, family, id, source, attr_at(rib, old.used), NULL);
	path_content_drop(rib, old);
}

/* many at once ---------------------------------------------------------------------- */

/*
 * The memory of some prefixes is asked for before the first one is needed: the
 * waits for it, most of what a route costs in a large table, are then one wait.
 * All are held until the last one is done: so each stays what it was found to be.
 */
struct some {
	struct rib *rib;
	struct prefixes *table;
	unsigned count;
	uint32_t ids[RIB_MANY]; /* SLAB_NONE: not there */
};

static void
some_find(struct some *some, const struct prefix *prefixes, bool add)
{
	struct prefixes *t = some->table;
	uint32_t hashes[RIB_MANY], id;
	unsigned i;

	for (i = 0; i < some->count; i++)
		hashes[i] = prefixes_fetch(t, &prefixes[i]);
	for (i = 0; i < some->count; i++)
		some->ids[i] = prefixes_fetch_entry(t, hashes[i]);
	for (i = 0; i < some->count; i++) {
		id = prefixes_find_fetched(
		    t, &prefixes[i], hashes[i], some->ids[i]);
		if (id == SLAB_NONE && add)
			id = prefixes_add(t, &prefixes[i], hashes[i]);
		some->ids[i] = id;
		if (id == SLAB_NONE)
			continue;
		prefixes_hold(t, id);
		__builtin_prefetch(path_at(some->rib, entry_at(t, id)->paths));
	}
}

static void
some_begin(struct some *some, struct rib *rib, const struct prefix *prefixes,
    unsigned count, bool add)
{
	const struct path *path;
	uint32_t used;
	unsigned i;

	assert(count > 0 && count <= RIB_MANY);
	some->rib = rib;
	some->table = &rib->tables[family_of(prefixes[0].family)];
	some->count = count;
	some_find(some, prefixes, add);
	for (i = 0; i < count; i++) {
		if (some->ids[i] == SLAB_NONE)
			continue;
		path = path_at(rib, entry_at(some->table, some->ids[i])->paths);
		used = path != NULL ? path_used(rib, path) : SLAB_NONE;
		if (used != SLAB_NONE)
			__builtin_prefetch(attr_at(rib, used));
	}
}

static void
some_end(struct some *some)
{
	unsigned i, kept = 0;

	for (i = 0; i < some->count; i++)
		if (some->ids[i] != SLAB_NONE)
			some->ids[kept++] = some->ids[i];
	prefixes_unhold_many(some->table, some->ids, kept);
}

void
rib_update_many(struct rib_source *source, const struct prefix *prefixes,
    unsigned count, struct rib_attr *received, struct rib_attr *used,
    int64_t now_secs)
{
	struct some some;
	unsigned i;

	source->rib->now_secs = now_secs;
	some_begin(&some, source->rib, prefixes, count, true);
	for (i = 0; i < count; i++)
		update_one(
		    source, 0, some.table->family, some.ids[i], received, used);
	some_end(&some);
}

void
rib_update(struct rib_source *source, uint32_t id, const struct prefix *prefix,
    const struct attr *received, const struct attr *used, int64_t now_secs)
{
	struct rib *rib = source->rib;
	enum family family = family_of(prefix->family);
	struct rib_attr *r, *u = NULL;
	struct prefixes *t;

	if (family >= FAMILY_COUNT)
		return;
	rib->now_secs = now_secs;
	t = &rib->tables[family];
	r = rib_attr_intern(rib, received);
	if (used != NULL)
		u = rib_attr_intern(rib, used);
	update_one(source, id, family,
	    prefixes_add(t, prefix, prefixes_hash(t, prefix)), r, u);
	rib_attr_unref(rib, u);
	rib_attr_unref(rib, r);
}

/* The prefix is held by the caller. */
static void
withdraw_one(struct rib_source *source, uint32_t path_id, enum family family,
    uint32_t id)
{
	struct rib *rib = source->rib;
	uint32_t at = path_find(
	    rib, entry_at(&rib->tables[family], id), source->index, path_id);

	if (at != SLAB_NONE)
		remove_one(rib, family, id, at);
}

void
rib_withdraw(
    struct rib_source *source, uint32_t id, const struct prefix *prefix)
{
	enum family family = family_of(prefix->family);
	struct prefixes *t;
	uint32_t entry;

	if (family >= FAMILY_COUNT)
		return;
	t = &source->rib->tables[family];
	entry = prefixes_find(t, prefix);
	if (entry == SLAB_NONE)
		return;
	prefixes_hold(t, entry);
	withdraw_one(source, id, family, entry);
	prefixes_unhold(t, entry);
}

void
rib_withdraw_many(
    struct rib_source *source, const struct prefix *prefixes, unsigned count)
{
	struct some some;
	unsigned i;

	some_begin(&some, source->rib, prefixes, count, false);
	for (i = 0; i < count; i++)
		if (some.ids[i] != SLAB_NONE)
			withdraw_one(
			    source, 0, some.table->family, some.ids[i]);
	some_end(&some);
}

unsigned
rib_remove_source(
    struct rib *rib, enum family family, uint32_t id, uint16_t source)
{
	struct prefixes *t = &rib->tables[family];
	const struct entry *e = entry_at(t, id);
	uint32_t at = e->paths, next;
	unsigned count = 0;

	prefixes_hold(t, id);
	for (; at != SLAB_NONE; at = next) {
		next = path_at(rib, at)->next;
		if (path_at(rib, at)->source != source)
			continue;
		remove_one(rib, family, id, at);
		count++;
		/* The decision may have put another one first. */
		next = e->paths;
	}
	prefixes_unhold(t, id);
	return count;
}
