/* SPDX-License-Identifier: ISC */
/* The table: paths come and go, the best one of each prefix is told. */
#include <string.h>

#include "rib/inside.h"
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
	struct rib_attr *used;
	struct rib_attr *received;
	struct rib_path_view view; /* of the old best, where there is one */
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
	slab_init(&rib->paths, sizeof(struct path));
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
	slab_clear(&rib->paths);
	intern_clear(rib);
	mem_free(rib);
}

struct path *
rib_path_at(const struct rib *rib, uint32_t id)
{
	return slab_at(&rib->paths, id);
}

struct path *
rib_best(const struct rib *rib, const struct entry *e)
{
	struct path *path = rib_path_at(rib, e->paths);

	return path != NULL && (path->flags & RIB_BEST) ? path : NULL;
}

void
rib_view(const struct rib *rib, enum family family, const struct entry *e,
    const struct path *path, struct rib_path_view *view)
{
	memset(view, 0, sizeof(*view));
	view->prefix = prefixes_get(&rib->tables[family], e);
	view->source = rib->sources[path->source];
	view->id = path->id;
	view->flags = path->flags;
	view->received = attr_at(rib, path->received);
	view->used = attr_at(rib, path->used);
	view->since_secs = path->since_secs;
	view->weight = decide_weight(&view->source->info);
	if (path->used == SLAB_NONE)
		view->flags |= RIB_REFUSED;
	else if (aggregate_suppresses(rib, &view->prefix, view->source))
		view->flags |= RIB_SUPPRESSED;
}

/* decision ---------------------------------------------------------------------- */

#define FEW 32 /* paths of a prefix that need no memory */

/* Fills `c` with the usable paths of an entry; the count, also if above max. */
static unsigned
contenders(const struct rib *rib, const struct entry *e, struct contender *c,
    unsigned max)
{
	const struct path *path;
	uint32_t id, next;
	unsigned count = 0;

	for (id = e->paths; id != SLAB_NONE; id = next) {
		path = rib_path_at(rib, id);
		next = path->next;
		if (path->used == SLAB_NONE)
			continue;
		if (count < max) {
			c[count].attr = &attr_at(rib, path->used)->attr;
			c[count].source = &rib->sources[path->source]->info;
			c[count].since_secs = path->since_secs;
			c[count].id = path->id;
			c[count].place = id;
		}
		count++;
	}
	return count;
}

/* The best path's id; SLAB_NONE when none is usable. */
static uint32_t
choose(const struct rib *rib, const struct entry *e, const char **reason)
{
	struct contender few[FEW], *many = few;
	unsigned count = contenders(rib, e, few, FEW);
	uint32_t best = SLAB_NONE;

	if (count > FEW) {
		many = mem_array(count, sizeof(*many));
		contenders(rib, e, many, count);
	}
	if (count > 0)
		best = many[decide(many, count, reason)].place;
	if (many != few)
		mem_free(many);
	return best;
}

static void
unlink_path(struct rib *rib, struct entry *e, uint32_t id)
{
	uint32_t *at = &e->paths;

	while (*at != id)
		at = &rib_path_at(rib, *at)->next;
	*at = rib_path_at(rib, id)->next;
}

/* Marks the best one and puts it first. */
static void
decide_entry(struct rib *rib, struct entry *e)
{
	struct path *first = rib_path_at(rib, e->paths), *path;
	uint32_t best;

	if (first == NULL)
		return;
	best = choose(rib, e, NULL);
	first->flags &= ~RIB_BEST;
	if (best == SLAB_NONE)
		return;
	path = rib_path_at(rib, best);
	if (path != first) {
		unlink_path(rib, e, best);
		path->next = e->paths;
		e->paths = best;
	}
	path->flags |= RIB_BEST;
}

static void
change_begin(struct change *c, struct rib *rib, enum family family, uint32_t id)
{
	struct path *best;

	memset(c, 0, sizeof(*c));
	c->rib = rib;
	c->family = family;
	c->id = id;
	c->entry = prefixes_at(&rib->tables[family], id);
	best = rib_best(rib, c->entry);
	if (best == NULL)
		return;
	c->best = c->entry->paths;
	c->used = rib_attr_ref(attr_at(rib, best->used));
	c->received = rib_attr_ref(attr_at(rib, best->received));
	if (rib->watcher_count > 0)
		rib_view(rib, family, c->entry, best, &c->view);
}

static void
tell_watchers(const struct change *c, const struct path *best)
{
	struct rib *rib = c->rib;
	struct rib_path_view view;
	struct prefix prefix;
	uint32_t i;

	if (rib->watcher_count == 0)
		return;
	prefix = prefixes_get(&rib->tables[c->family], c->entry);
	if (best != NULL)
		rib_view(rib, c->family, c->entry, best, &view);
	for (i = 0; i < rib->watcher_count; i++)
		rib->watchers[i]->on_best(rib->watchers[i]->arg, c->family,
		    &prefix, c->best != SLAB_NONE ? &c->view : NULL,
		    best != NULL ? &view : NULL);
}

static void
change_end(struct change *c)
{
	struct rib *rib = c->rib;
	struct path *best;

	decide_entry(rib, c->entry);
	best = rib_best(rib, c->entry);
	if (c->best != (best != NULL ? c->entry->paths : SLAB_NONE) ||
	    (best != NULL && attr_at(rib, best->used) != c->used)) {
		rib->versions[c->family]++;
		group_on_change(rib, c->family, c->id);
		tell_watchers(c, best);
	}
	rib_attr_unref(rib, c->used);
	rib_attr_unref(rib, c->received);
	prefixes_release(&rib->tables[c->family], c->id);
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
		path = rib_path_at(rib, at);
		if (path->source == source && path->id == id)
			return at;
	}
	return SLAB_NONE;
}

static bool
source_has(const struct rib *rib, const struct entry *e, uint16_t source)
{
	const struct path *path = rib_path_at(rib, e->paths);

	while (path != NULL && path->source != source)
		path = rib_path_at(rib, path->next);
	return path != NULL;
}

static uint32_t
path_add(const struct change *c, struct rib_source *source, uint32_t id)
{
	struct rib *rib = c->rib;
	uint32_t path_id = slab_add(&rib->paths), *at = &c->entry->paths;
	struct path *path = rib_path_at(rib, path_id);

	path->source = source->index;
	path->id = id;
	/* After the best one, which stays the first until the decision. */
	if (*at != SLAB_NONE)
		at = &rib_path_at(rib, *at)->next;
	else
		rib->tables[c->family].live++;
	path->next = *at;
	*at = path_id;
	rib->path_counts[c->family]++;
	source->counts[c->family][false]++;
	idset_add(&source->held[c->family], c->id);
	return path_id;
}

static void
path_remove(const struct change *c, uint32_t id)
{
	struct rib *rib = c->rib;
	const struct path *path = rib_path_at(rib, id);
	struct rib_source *source = rib->sources[path->source];

	unlink_path(rib, c->entry, id);
	rib_attr_unref(rib, attr_at(rib, path->received));
	rib_attr_unref(rib, attr_at(rib, path->used));
	source->counts[c->family][false]--;
	source->counts[c->family][true] -= path->used != SLAB_NONE;
	slab_remove(&rib->paths, id);
	rib->path_counts[c->family]--;
	if (c->entry->paths == SLAB_NONE)
		rib->tables[c->family].live--;
	if (!source_has(rib, c->entry, source->index))
		idset_remove(&source->held[c->family], c->id);
}

/* The new attributes take the place of the old; false when they are equal. */
static bool
path_set(const struct change *c, struct path *path, const struct attr *received,
    const struct attr *used)
{
	struct rib *rib = c->rib;
	struct rib_source *source = rib->sources[path->source];
	struct rib_attr *r = rib_attr_intern(rib, received), *u = NULL;
	bool same;

	if (used == received)
		u = rib_attr_ref(r);
	else if (used != NULL)
		u = rib_attr_intern(rib, used);
	same = path->received == r->id &&
	       path->used == (u != NULL ? u->id : SLAB_NONE);
	source->counts[c->family][true] += (u != NULL);
	source->counts[c->family][true] -= (path->used != SLAB_NONE);
	rib_attr_unref(rib, attr_at(rib, path->received));
	rib_attr_unref(rib, attr_at(rib, path->used));
	path->received = r->id;
	path->used = u != NULL ? u->id : SLAB_NONE;
	return !same;
}

void
rib_update(struct rib_source *source, uint32_t id, const struct prefix *prefix,
    const struct attr *received, const struct attr *used, int64_t now_secs)
{
	struct rib *rib = source->rib;
	enum family family = family_of(prefix->family);
	struct rib_attr *old = NULL;
	struct change c;
	struct path *path;
	uint32_t at;

	if (family >= FAMILY_COUNT)
		return;
	rib->now_secs = now_secs;
	change_begin(
	    &c, rib, family, prefixes_add(&rib->tables[family], prefix));
	at = path_find(rib, c.entry, source->index, id);
	if (at == SLAB_NONE)
		at = path_add(&c, source, id);
	path = rib_path_at(rib, at);
	if (path->used != SLAB_NONE)
		old = rib_attr_ref(attr_at(rib, path->used));
	if (path_set(&c, path, received, used)) {
		path->since_secs = (uint32_t)now_secs;
		change_end(&c);
		aggregate_on_path(
		    rib, prefix, source, old, attr_at(rib, path->used));
	} else {
		rib_attr_unref(rib, c.used);
		rib_attr_unref(rib, c.received);
	}
	rib_attr_unref(rib, old);
}

static void
remove_one(struct rib *rib, enum family family, uint32_t id, uint32_t at)
{
	const struct path *path = rib_path_at(rib, at);
	struct rib_source *source = rib->sources[path->source];
	struct rib_attr *old = attr_at(rib, path->used);
	struct change c;
	struct prefix prefix;

	if (old != NULL)
		rib_attr_ref(old);
	change_begin(&c, rib, family, id);
	prefix = prefixes_get(&rib->tables[family], c.entry);
	path_remove(&c, at);
	change_end(&c);
	aggregate_on_path(rib, &prefix, source, old, NULL);
	rib_attr_unref(rib, old);
}

void
rib_withdraw(
    struct rib_source *source, uint32_t id, const struct prefix *prefix)
{
	struct rib *rib = source->rib;
	enum family family = family_of(prefix->family);
	const struct entry *e;
	uint32_t entry, at;

	if (family >= FAMILY_COUNT)
		return;
	entry = prefixes_find(&rib->tables[family], prefix);
	e = prefixes_at(&rib->tables[family], entry);
	if (e == NULL)
		return;
	at = path_find(rib, e, source->index, id);
	if (at != SLAB_NONE)
		remove_one(rib, family, entry, at);
}

unsigned
rib_remove_source(
    struct rib *rib, enum family family, uint32_t id, uint16_t source)
{
	const struct entry *e = prefixes_at(&rib->tables[family], id);
	uint32_t at = e->paths, next;
	unsigned count = 0;

	prefixes_hold(&rib->tables[family], id);
	for (; at != SLAB_NONE; at = next) {
		next = rib_path_at(rib, at)->next;
		if (rib_path_at(rib, at)->source != source)
			continue;
		remove_one(rib, family, id, at);
		count++;
		/* The decision may have put another one first. */
		next = e->paths;
	}
	prefixes_unhold(&rib->tables[family], id);
	return count;
}

/* looking -------------------------------------------------------------------------- */

static unsigned
views_of(const struct rib *rib, enum family family, uint32_t id,
    struct rib_path_view *views, unsigned max)
{
	const struct entry *e = prefixes_at(&rib->tables[family], id);
	const struct path *path;
	unsigned count = 0;

	if (e == NULL)
		return 0;
	path = rib_path_at(rib, e->paths);
	for (; path != NULL && count < max; count++) {
		rib_view(rib, family, e, path, &views[count]);
		if (path->flags & RIB_BEST)
			choose(rib, e, &views[count].reason);
		path = rib_path_at(rib, path->next);
	}
	return count;
}

unsigned
rib_next(const struct rib *rib, struct rib_cursor *cursor,
    struct rib_path_view *views, unsigned max)
{
	enum family family = cursor->family;
	uint32_t id;

	if (family >= FAMILY_COUNT)
		return 0;
	id = order_next(
	    (struct prefixes *)(uintptr_t)&rib->tables[family], NULL, cursor);
	return id == SLAB_NONE ? 0 : views_of(rib, family, id, views, max);
}

unsigned
rib_find(const struct rib *rib, const struct prefix *prefix,
    struct rib_path_view *views, unsigned max)
{
	enum family family = family_of(prefix->family);

	if (family >= FAMILY_COUNT)
		return 0;
	return views_of(rib, family,
	    prefixes_find(&rib->tables[family], prefix), views, max);
}

unsigned
rib_match(const struct rib *rib, const struct prefix *prefix,
    struct rib_path_view *views, unsigned max)
{
	enum family family = family_of(prefix->family);

	if (family >= FAMILY_COUNT)
		return 0;
	return views_of(rib, family,
	    prefixes_match(&rib->tables[family], prefix), views, max);
}

void
rib_stats(const struct rib *rib, struct rib_stats *stats)
{
	uint32_t f, i;

	memset(stats, 0, sizeof(*stats));
	stats->attrs = rib->attrs.used;
	stats->too_big = rib->too_big;
	stats->memory = sizeof(*rib) + slab_size(&rib->paths) +
			slab_size(&rib->attrs) + rib->blob_bytes +
			group_memory(rib);
	stats->memory +=
	    (rib->attr_index.slot_count + rib->blob_index.slot_count) *
	    sizeof(struct table_link *);
	for (f = 0; f < FAMILY_COUNT; f++) {
		stats->prefixes[f] = rib->tables[f].live;
		stats->paths[f] = rib->path_counts[f];
		stats->version[f] = rib->versions[f];
		stats->memory += prefixes_size(&rib->tables[f]);
		for (i = 1; i < rib->source_count; i++)
			if (rib->sources[i] != NULL)
				stats->memory +=
				    idset_size(&rib->sources[i]->held[f]);
	}
}

/* watchers ------------------------------------------------------------------------- */

void
rib_watch(struct rib *rib, struct rib_watcher *watcher)
{
	rib->watchers = mem_resize(
	    rib->watchers, rib->watcher_count + 1, sizeof(*rib->watchers));
	rib->watchers[rib->watcher_count++] = watcher;
}

void
rib_unwatch(struct rib *rib, struct rib_watcher *watcher)
{
	uint32_t i;

	for (i = 0; i < rib->watcher_count; i++) {
		if (rib->watchers[i] != watcher)
			continue;
		rib->watchers[i] = rib->watchers[--rib->watcher_count];
		return;
	}
}
