/* SPDX-License-Identifier: ISC */
/* Sets and maps of prefix ids, in pages that come and go. */
#ifndef RIB_IDSET_H
#define RIB_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_NONE UINT32_MAX

#define PAGE_IDS 4096u

struct idset_page {
	uint32_t used;
	uint64_t words[PAGE_IDS / 64];
};
struct idmap_page {
	uint32_t used;
	uint16_t values[PAGE_IDS];
};

/* All zeroes is the empty set; pages without a member are given back. */
struct idset {
	struct idset_page **pages;
	uint32_t page_count;
	uint32_t first; /* no page before it has members */
	uint32_t used;
};

static inline bool
idset_has(const struct idset *set, uint32_t id)
{
	uint32_t at = id / PAGE_IDS, bit = id % PAGE_IDS;

	if (at >= set->page_count || set->pages[at] == NULL)
		return false;
	return set->pages[at]->words[bit / 64] >> (bit % 64) & 1;
}
bool idset_add(struct idset *set, uint32_t id);	   /* true: was not in */
bool idset_remove(struct idset *set, uint32_t id); /* true: was in */
/* Takes out the first members >= id, in order, at most `max`; how many. */
uint32_t idset_take(
    struct idset *set, uint32_t id, uint32_t *ids, uint32_t max);
/* The first member >= id, or ID_NONE. */
uint32_t idset_next(const struct idset *set, uint32_t id);
/* The same of those that are not in `but`: as fast where nearly all are. */
uint32_t idset_next_but(
    const struct idset *set, const struct idset *but, uint32_t id);
void idset_clear(struct idset *set);
size_t idset_size(const struct idset *set);

/* Prefix id to a small number; what was never set is 0. */
struct idmap {
	struct idmap_page **pages;
	uint32_t page_count;
};

static inline uint16_t
idmap_get(const struct idmap *map, uint32_t id)
{
	uint32_t at = id / PAGE_IDS;

	if (at >= map->page_count || map->pages[at] == NULL)
		return 0;
	return map->pages[at]->values[id % PAGE_IDS];
}
void idmap_set(struct idmap *map, uint32_t id, uint16_t value);
void idmap_forget(struct idmap *map, uint16_t value); /* becomes 0 */
void idmap_clear(struct idmap *map);
size_t idmap_size(const struct idmap *map);

#endif
