/* SPDX-License-Identifier: ISC */
/* Sets and maps of prefix ids, in pages that come and go. */
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"

/*
 * Ids are dense and those of one source lie together, so most sets need few
 * pages however large the table is.
 */
#define PAGE_WORDS (PAGE_IDS / 64)

static void **
pages_grow(void **pages, uint32_t *count, uint32_t wanted)
{
	pages = mem_resize(pages, wanted, sizeof(*pages));
	memset(pages + *count, 0, (wanted - *count) * sizeof(*pages));
	*count = wanted;
	return pages;
}

bool
idset_add(struct idset *set, uint32_t id)
{
	uint32_t at = id / PAGE_IDS, bit = id % PAGE_IDS;
	uint64_t mask = UINT64_C(1) << (bit % 64);
	struct idset_page *page;

	if (at >= set->page_count)
		set->pages = (struct idset_page **)pages_grow(
		    (void **)set->pages, &set->page_count, at + 1);
	page = set->pages[at];
	if (page == NULL) {
		page = set->pages[at] = mem_alloc(sizeof(*page));
		if (at < set->first)
			set->first = at;
	}
	if (page->words[bit / 64] & mask)
		return false;
	page->words[bit / 64] |= mask;
	page->used++;
	set->used++;
	return true;
}

/* The page is empty. */
static void
page_drop(struct idset *set, uint32_t at)
{
	if (set->used == 0) {
		idset_clear(set);
		return;
	}
	mem_free(set->pages[at]);
	set->pages[at] = NULL;
	while (set->first < set->page_count && set->pages[set->first] == NULL)
		set->first++;
}

bool
idset_remove(struct idset *set, uint32_t id)
{
	uint32_t at = id / PAGE_IDS, bit = id % PAGE_IDS;

	if (!idset_has(set, id))
		return false;
	set->pages[at]->words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
	set->used--;
	if (--set->pages[at]->used == 0)
		page_drop(set, at);
	return true;
}

/* Those of one page; ids are counted from the page's first. */
static uint32_t
page_take(struct idset_page *page, uint32_t first, uint32_t bit, uint32_t *ids,
    uint32_t max)
{
	uint32_t word = bit / 64, count = 0;
	uint64_t below = ~(UINT64_MAX << (bit % 64)), left;

	for (; word < PAGE_WORDS && count < max; word++, below = 0) {
		left = page->words[word] & ~below;
		for (; left != 0 && count < max; left &= left - 1)
			ids[count++] =
			    first + word * 64 + (uint32_t)__builtin_ctzll(left);
		page->words[word] = left | (page->words[word] & below);
	}
	return count;
}

uint32_t
idset_take(struct idset *set, uint32_t id, uint32_t *ids, uint32_t max)
{
	uint32_t count = 0, taken, at;

	while (count < max && (id = idset_next(set, id)) != ID_NONE) {
		at = id / PAGE_IDS;
		taken = page_take(set->pages[at], at * PAGE_IDS, id % PAGE_IDS,
		    ids + count, max - count);
		count += taken;
		id = ids[count - 1] + 1;
		set->used -= taken;
		set->pages[at]->used -= taken;
		if (set->pages[at]->used == 0)
			page_drop(set, at);
	}
	return count;
}

/* `but` may be NULL: nothing is left out. */
static uint32_t
page_next(
    const struct idset_page *page, const struct idset_page *but, uint32_t bit)
{
	uint64_t left, from = UINT64_MAX << (bit % 64);
	uint32_t word = bit / 64;

	for (; word < PAGE_WORDS; word++, from = UINT64_MAX) {
		left = page->words[word] & from;
		if (but != NULL)
			left &= ~but->words[word];
		if (left != 0)
			return word * 64 + (uint32_t)__builtin_ctzll(left);
	}
	return ID_NONE;
}

uint32_t
idset_next_but(const struct idset *set, const struct idset *but, uint32_t id)
{
	uint32_t at = id / PAGE_IDS, bit = id % PAGE_IDS, found;

	if (at < set->first) {
		at = set->first;
		bit = 0;
	}
	for (; at < set->page_count; at++, bit = 0) {
		if (set->pages[at] == NULL)
			continue;
		found = page_next(set->pages[at],
		    at < but->page_count ? but->pages[at] : NULL, bit);
		if (found != ID_NONE)
			return at * PAGE_IDS + found;
	}
	return ID_NONE;
}

uint32_t
idset_next(const struct idset *set, uint32_t id)
{
	static const struct idset none;

	return idset_next_but(set, &none, id);
}

void
idset_clear(struct idset *set)
{
	uint32_t i;

	for (i = 0; i < set->page_count; i++)
		mem_free(set->pages[i]);
	mem_free(set->pages);
	memset(set, 0, sizeof(*set));
}

size_t
idset_size(const struct idset *set)
{
	size_t size = set->page_count * sizeof(set->pages[0]);
	uint32_t i;

	for (i = 0; i < set->page_count; i++)
		if (set->pages[i] != NULL)
			size += sizeof(struct idset_page);
	return size;
}

void
idmap_set(struct idmap *map, uint32_t id, uint16_t value)
{
	uint32_t at = id / PAGE_IDS;
	uint16_t *old;

	if (idmap_get(map, id) == value)
		return;
	if (at >= map->page_count)
		map->pages = (struct idmap_page **)pages_grow(
		    (void **)map->pages, &map->page_count, at + 1);
	if (map->pages[at] == NULL)
		map->pages[at] = mem_alloc(sizeof(struct idmap_page));
	old = &map->pages[at]->values[id % PAGE_IDS];
	map->pages[at]->used += (value != 0);
	map->pages[at]->used -= (*old != 0);
	*old = value;
	if (map->pages[at]->used == 0) {
		mem_free(map->pages[at]);
		map->pages[at] = NULL;
	}
}

void
idmap_forget(struct idmap *map, uint16_t value)
{
	uint32_t at, i;

	for (at = 0; at < map->page_count; at++) {
		for (i = 0; i < PAGE_IDS && map->pages[at] != NULL; i++)
			if (map->pages[at]->values[i] == value)
				idmap_set(map, at * PAGE_IDS + i, 0);
	}
}

void
idmap_clear(struct idmap *map)
{
	uint32_t i;

	for (i = 0; i < map->page_count; i++)
		mem_free(map->pages[i]);
	mem_free(map->pages);
	memset(map, 0, sizeof(*map));
}

size_t
idmap_size(const struct idmap *map)
{
	size_t size = map->page_count * sizeof(map->pages[0]);
	uint32_t i;

	for (i = 0; i < map->page_count; i++)
		if (map->pages[i] != NULL)
			size += sizeof(struct idmap_page);
	return size;
}
