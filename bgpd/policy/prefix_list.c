/* SPDX-License-Identifier: ISC */
/* Prefix lists: the lowest entry that covers a prefix decides. */
#include <stdlib.h>
#include <string.h>

#include "policy/inside.h"
#include "util/mem.h"

/*
 * Short lists are gone through. Longer ones have a binary trie of their
 * prefixes: a question walks down the bits of its prefix, and the lowest entry
 * met on the way whose lengths fit is the one that a walk through all would find.
 */
#define SHORT 16u
#define NONE  UINT32_MAX

struct list_entry {
	struct prefix_rule rule;
	uint32_t next; /* with the same prefix; NONE */
};

struct trie_node {
	uint32_t child[2]; /* 0: none */
	uint32_t first;	   /* lowest entry here; NONE */
};

struct prefix_list {
	struct list_entry *entries;
	uint32_t count, capacity;
	const char *about;	 /* borrowed from who described it */
	struct trie_node *nodes; /* NULL: a short list */
	uint32_t node_count, node_capacity;
};

struct prefix_list *
prefix_list_new(void)
{
	return mem_alloc(sizeof(struct prefix_list));
}

void
prefix_list_free(struct prefix_list *list)
{
	mem_free(list->entries);
	mem_free(list->nodes);
	mem_free(list);
}

void
prefix_list_add(struct prefix_list *list, uint32_t seq, bool permit,
    const struct prefix *prefix, uint8_t min, uint8_t max)
{
	struct list_entry *entry;

	if (list->count == list->capacity) {
		list->capacity = list->capacity > 0 ? list->capacity * 2 : 4;
		list->entries = mem_resize(
		    list->entries, list->capacity, sizeof(*list->entries));
	}
	entry = &list->entries[list->count++];
	memset(entry, 0, sizeof(*entry));
	entry->rule = (struct prefix_rule){ seq, permit, *prefix, min, max };
	entry->next = NONE;
}

static int
compare_seq(const void *a, const void *b)
{
	const struct list_entry *x = a, *y = b;

	return x->rule.seq < y->rule.seq ? -1 : x->rule.seq > y->rule.seq;
}

static uint32_t
node_new(struct prefix_list *list)
{
	if (list->node_count == list->node_capacity) {
		list->node_capacity =
		    list->node_capacity > 0 ? list->node_capacity * 2 : 64;
		list->nodes = mem_resize(
		    list->nodes, list->node_capacity, sizeof(*list->nodes));
	}
	list->nodes[list->node_count] = (struct trie_node){ { 0, 0 }, NONE };
	return list->node_count++;
}

static void
trie_add(struct prefix_list *list, uint32_t i)
{
	struct list_entry *entry = &list->entries[i];
	uint32_t at = 0, next;
	unsigned n, bit;

	for (n = 0; n < entry->rule.prefix.len; n++) {
		bit = prefix_bit(&entry->rule.prefix, n);
		next = list->nodes[at].child[bit];
		if (next == 0) {
			next = node_new(list);
			list->nodes[at].child[bit] = next;
		}
		at = next;
	}
	entry->next = list->nodes[at].first;
	list->nodes[at].first = i;
}

void
prefix_list_finish(struct prefix_list *list)
{
	uint32_t i;

	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries),
		    compare_seq);
	if (list->count <= SHORT)
		return;
	node_new(list);
	/* Backwards, so that a node's chain begins with the lowest. */
	for (i = list->count; i > 0; i--)
		trie_add(list, i - 1);
}

bool
prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b)
{
	const struct prefix_rule *x, *y;
	uint32_t i;

	if (a == NULL || b == NULL)
		return a == b;
	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		x = &a->entries[i].rule;
		y = &b->entries[i].rule;
		if (x->permit != y->permit || x->min != y->min ||
		    x->max != y->max || !prefix_equal(&x->prefix, &y->prefix))
			return false;
	}
	return true;
}

static bool
fits(const struct prefix_rule *rule, const struct prefix *prefix)
{
	return prefix->len >= rule->min && prefix->len <= rule->max;
}

static uint32_t
find_in_short(const struct prefix_list *list, const struct prefix *prefix)
{
	uint32_t i;

	for (i = 0; i < list->count; i++)
		if (fits(&list->entries[i].rule, prefix) &&
		    prefix_contains(&list->entries[i].rule.prefix, prefix))
			return i;
	return NONE;
}

static uint32_t
find_in_trie(const struct prefix_list *list, const struct prefix *prefix)
{
	uint32_t at = 0, best = NONE, i;
	unsigned n = 0;

	for (;;) {
		i = list->nodes[at].first;
		while (i < best && !fits(&list->entries[i].rule, prefix))
			i = list->entries[i].next;
		if (i < best)
			best = i;
		if (n == prefix->len)
			return best;
		at = list->nodes[at].child[prefix_bit(prefix, n++)];
		if (at == 0)
			return best;
	}
}

bool
prefix_list_permits(const struct prefix_list *list, const struct prefix *prefix)
{
	uint32_t i;

	if (list == NULL)
		return false;
	if (list->count == 0)
		return true;
	if (prefix->family != list->entries[0].rule.prefix.family)
		return false;
	i = list->nodes != NULL ? find_in_trie(list, prefix)
				: find_in_short(list, prefix);
	return i != NONE && list->entries[i].rule.permit;
}

void
prefix_list_describe(struct prefix_list *list, const char *about)
{
	list->about = about;
}

const char *
prefix_list_about(const struct prefix_list *list)
{
	return list->about;
}

uint32_t
prefix_list_count(const struct prefix_list *list)
{
	return list->count;
}

const struct prefix_rule *
prefix_list_at(const struct prefix_list *list, uint32_t i)
{
	return &list->entries[i].rule;
}
