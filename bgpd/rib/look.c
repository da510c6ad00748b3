/* SPDX-License-Identifier: ISC */
/* The table looked at: views of paths, cursors, counts, watchers. */
#include <string.h>

#include "rib/select.h"
#include "util/mem.h"

void
rib_view(const struct rib *rib, enum family family, const struct entry *e,
    const struct path *path, struct rib_path_view *view)
{
	memset(view, 0, sizeof(*view));
	view->prefix = prefixes_get(&rib->tables[family], e);
	view->source = rib->sources[path->source];
	view->id = path_id(rib, path);
	view->flags = path->flags & RIB_BEST;
	view->received = attr_at(rib, path_received(rib, path));
	view->used = attr_at(rib, path_used(rib, path));
	view->since_secs = path->since_secs;
	view->weight = decide_weight(&view->source->info);
	if (view->used == NULL)
		view->flags |= RIB_REFUSED;
	else if (aggregate_suppresses(rib, &view->prefix, view->source))
		view->flags |= RIB_SUPPRESSED;
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
	path = path_at(rib, e->paths);
	for (; path != NULL && count < max; count++) {
		rib_view(rib, family, e, path, &views[count]);
		if (path->flags & RIB_BEST)
			views[count].reason = select_reason(rib, e);
		path = path_at(rib, path->next);
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

void
rib_cursor_close(struct rib *rib, struct rib_cursor *cursor)
{
	if (cursor->family < FAMILY_COUNT)
		order_close(&rib->tables[cursor->family], cursor);
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
	stats->memory = sizeof(*rib) + paths_size(rib) +
			slab_size(&rib->attrs) + rib->attr_bytes +
			index_size(&rib->attr_index) + rib->pack_capacity +
			group_memory(rib);
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

void
rib_tell_watchers(const struct rib *rib, enum family family,
    const struct entry *e, const struct rib_path_view *old)
{
	struct prefix prefix = prefixes_get(&rib->tables[family], e);
	const struct path *best = rib_best(rib, e);
	struct rib_path_view view;
	uint32_t i;

	if (best != NULL)
		rib_view(rib, family, e, best, &view);
	for (i = 0; i < rib->watcher_count; i++)
		rib->watchers[i]->on_best(rib->watchers[i]->arg, family,
		    &prefix, old, best != NULL ? &view : NULL);
}
