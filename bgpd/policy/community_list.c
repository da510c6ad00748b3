/* SPDX-License-Identifier: ISC */
/* Community lists: the first entry whose communities are all there decides. */
#include <stdlib.h>
#include <string.h>

#include "policy/inside.h"
#include "util/mem.h"

struct community_entry {
	uint32_t seq;
	bool permit;
	uint32_t count;
	uint32_t *communities; /* sorted, without doubles */
};

struct community_list {
	struct community_entry *entries;
	uint32_t count;
};

struct community_list *
community_list_new(void)
{
	return mem_alloc(sizeof(struct community_list));
}

void
community_list_free(struct community_list *list)
{
	uint32_t i;

	for (i = 0; i < list->count; i++)
		mem_free(list->entries[i].communities);
	mem_free(list->entries);
	mem_free(list);
}

static int
compare_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void
community_list_add(struct community_list *list, uint32_t seq, bool permit,
    const uint32_t *communities, unsigned count)
{
	struct community_entry *entry;
	unsigned i;

	list->entries =
	    mem_resize(list->entries, list->count + 1, sizeof(*list->entries));
	entry = &list->entries[list->count++];
	entry->seq = seq;
	entry->permit = permit;
	entry->count = 0;
	entry->communities =
	    mem_copy(communities, count * sizeof(*communities));
	if (count > 1)
		qsort(entry->communities, count, sizeof(*communities),
		    compare_number);
	for (i = 0; i < count; i++)
		if (i == 0 ||
		    entry->communities[i] != entry->communities[i - 1])
			entry->communities[entry->count++] =
			    entry->communities[i];
}

static int
compare_seq(const void *a, const void *b)
{
	const struct community_entry *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void
community_list_finish(struct community_list *list)
{
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries),
		    compare_seq);
}

static bool
entry_equal(const struct community_entry *a, const struct community_entry *b)
{
	return a->permit == b->permit && a->count == b->count &&
	       memcmp(a->communities, b->communities,
		   a->count * sizeof(*a->communities)) == 0;
}

bool
community_list_equal(
    const struct community_list *a, const struct community_list *b)
{
	uint32_t i;

	if (a == NULL || b == NULL)
		return a == b;
	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (!entry_equal(&a->entries[i], &b->entries[i]))
			return false;
	return true;
}

static bool
entry_matches(const struct community_entry *entry,
    const struct blob *communities, bool exact)
{
	uint32_t i;

	if (entry->count > 0 && entry->communities[0] == COMMUNITY_INTERNET)
		return true;
	if (exact && community_count(communities) != entry->count)
		return false;
	for (i = 0; i < entry->count; i++)
		if (!community_has(communities, entry->communities[i]))
			return false;
	return true;
}

bool
community_list_permits(const struct community_list *list,
    const struct blob *communities, bool exact)
{
	uint32_t i;

	for (i = 0; list != NULL && i < list->count; i++)
		if (entry_matches(&list->entries[i], communities, exact))
			return list->entries[i].permit;
	return false;
}
