/* SPDX-License-Identifier: ISC */
/* Where paths come from: neighbours, networks, aggregates. */
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"

/* Index 0 is nobody, so that "no source" needs no word of its own. */
static uint16_t
free_index(struct rib *rib)
{
	uint32_t i;

	for (i = 1; i < rib->source_count; i++)
		if (rib->sources[i] == NULL)
			return (uint16_t)i;
	if (rib->source_count == 0)
		rib->source_count = 1;
	if (rib->source_count > UINT16_MAX)
		fatal("more than %u sources of routes", UINT16_MAX);
	rib->sources = mem_resize(
	    rib->sources, rib->source_count + 1, sizeof(*rib->sources));
	rib->sources[0] = NULL;
	return (uint16_t)rib->source_count++;
}

struct rib_source *
rib_source_new(struct rib *rib, const struct rib_source_info *info)
{
	struct rib_source *source = mem_alloc(sizeof(*source));

	source->rib = rib;
	source->index = free_index(rib);
	rib->sources[source->index] = source;
	LIST_INIT(&source->members);
	rib_source_set(source, info);
	return source;
}

void
source_forget_info(struct rib_source *source)
{
	mem_free((char *)(uintptr_t)source->info.name);
	mem_free((char *)(uintptr_t)source->info.owner);
}

/* `info` may be the source's own, changed in part: copied before it goes. */
void
rib_source_set(struct rib_source *source, const struct rib_source_info *info)
{
	struct rib_source_info copy = *info;

	copy.name = mem_string(info->name != NULL ? info->name : "");
	copy.owner = mem_string(info->owner);
	source_forget_info(source);
	source->info = copy;
}

const struct rib_source_info *
rib_source_info(const struct rib_source *source)
{
	return &source->info;
}

#define AHEAD 32u /* prefixes whose memory is fetched before they are needed */

/* The next prefixes of the source, from `from` on; how many. */
static unsigned
flush_next(const struct rib_source *source, enum family family, uint32_t from,
    uint32_t ids[AHEAD])
{
	const struct rib *rib = source->rib;
	const struct prefixes *t = &rib->tables[family];
	const struct path *path;
	unsigned count = 0, i;

	while (count < AHEAD &&
	       (from = idset_next(&source->held[family], from)) != ID_NONE)
		ids[count++] = from++;
	for (i = 0; i < count; i++)
		__builtin_prefetch(path_at(rib, entry_at(t, ids[i])->paths));
	for (i = 0; i < count; i++) {
		path = path_at(rib, entry_at(t, ids[i])->paths);
		if (path->next != SLAB_NONE)
			__builtin_prefetch(path_at(rib, path->next));
	}
	return count;
}

bool
rib_source_flush(struct rib_source *source, enum family family, unsigned limit)
{
	unsigned f, i, count, done = 0;
	uint32_t ids[AHEAD];

	for (f = 0; f < FAMILY_COUNT; f++) {
		if (family != FAMILY_NONE && family != f)
			continue;
		while ((count = flush_next(source, f, 0, ids)) > 0) {
			if (done >= limit)
				return true;
			for (i = 0; i < count && done < limit; i++)
				done += rib_remove_source(
				    source->rib, f, ids[i], source->index);
		}
	}
	return false;
}

void
rib_source_free(struct rib_source *source)
{
	struct rib *rib;
	unsigned f;

	if (source == NULL)
		return;
	rib = source->rib;
	rib_source_flush(source, FAMILY_NONE, UINT32_MAX);
	rib->sources[source->index] = NULL;
	for (f = 0; f < FAMILY_COUNT; f++)
		idset_clear(&source->held[f]);
	source_forget_info(source);
	mem_free(source);
}

uint32_t
rib_source_count(
    const struct rib_source *source, enum family family, bool accepted)
{
	return family < FAMILY_COUNT ? source->counts[family][accepted] : 0;
}

bool
rib_source_next(const struct rib_source *source, struct rib_cursor *cursor,
    struct rib_path_view *view)
{
	const struct rib *rib = source->rib;
	struct prefixes *t;
	const struct entry *e;
	const struct path *path;
	uint32_t id;

	if (cursor->family >= FAMILY_COUNT)
		return false;
	t = (struct prefixes *)(uintptr_t)&rib->tables[cursor->family];
	id = order_next(t, &source->held[cursor->family], cursor);
	if (id == SLAB_NONE)
		return false;
	e = prefixes_at(t, id);
	path = path_at(rib, e->paths);
	while (path != NULL && path->source != source->index)
		path = path_at(rib, path->next);
	if (path == NULL)
		return false;
	rib_view(rib, cursor->family, e, path, view);
	return true;
}
