/* SPDX-License-Identifier: ISC */
/* Route maps: entries in order, each a flat program of match and set steps. */
#include <stdlib.h>
#include <string.h>

#include "policy/inside.h"
#include "util/arena.h"
#include "util/mem.h"

/*
 * One kind of match or set line is one row of the table below: the member that
 * says it, and what it does. Matches find what they refer to when the map is
 * compiled, so that no name is looked up on a route's way.
 */
struct map_entry {
	uint32_t seq;
	bool permit;
	const char *description;
	struct map_values values; /* all in the policy's arena */
	/* What the match lines refer to; NULL: the name is not defined. */
	const struct prefix_list *ipv4_list;
	const struct prefix_list *ipv6_list;
	const struct community_list *community_list;
	uint32_t matches, sets; /* bits of kinds[] */
};

struct route_map {
	struct map_entry *entries;
	uint32_t count;
};

/* matches ------------------------------------------------------------------------ */

static bool
match_ipv4(const struct map_entry *entry, const struct route *route)
{
	return route->prefix->family == AF_INET &&
	       prefix_list_permits(entry->ipv4_list, route->prefix);
}

static bool
match_ipv6(const struct map_entry *entry, const struct route *route)
{
	return route->prefix->family == AF_INET6 &&
	       prefix_list_permits(entry->ipv6_list, route->prefix);
}

static bool
match_community(const struct map_entry *entry, const struct route *route)
{
	return community_list_permits(entry->community_list,
	    route->attr.communities, entry->values.community_exact);
}

/* sets --------------------------------------------------------------------------- */

static void
set_local_pref(
    const struct map_entry *entry, struct arena *arena, struct route *route)
{
	(void)arena;
	route->attr.local_pref = entry->values.local_pref;
	route->attr.present |= 1u << ATTR_LOCAL_PREF;
}

static void
set_metric(
    const struct map_entry *entry, struct arena *arena, struct route *route)
{
	(void)arena;
	route->attr.med = entry->values.metric;
	route->attr.present |= 1u << ATTR_MED;
}

static void
set_communities(
    const struct map_entry *entry, struct arena *arena, struct route *route)
{
	const struct map_values *values = &entry->values;
	const struct blob *list = NULL;

	if (!values->no_communities && values->communities.count > 0)
		list = community_list(arena, values->communities.items,
		    values->communities.count);
	if (values->add_communities)
		list = community_union(arena, list, route->attr.communities);
	route->attr.communities = list;
	route->attr.present &= ~(1u << ATTR_COMMUNITIES);
	if (list != NULL)
		route->attr.present |= 1u << ATTR_COMMUNITIES;
}

/* The first number said comes to stand first. */
static void
set_prepend(
    const struct map_entry *entry, struct arena *arena, struct route *route)
{
	const uint32_t *numbers = entry->values.prepend.items;
	uint32_t i = entry->values.prepend.count;

	while (i > 0)
		route->attr.as_path =
		    aspath_prepend(arena, route->attr.as_path, numbers[--i], 1);
	route->attr.present |= 1u << ATTR_AS_PATH;
}

static void
set_prepend_last(
    const struct map_entry *entry, struct arena *arena, struct route *route)
{
	uint32_t asn = aspath_first(route->attr.as_path);

	if (asn == 0)
		asn = route->own_asn;
	if (asn == 0)
		return;
	route->attr.as_path = aspath_prepend(
	    arena, route->attr.as_path, asn, entry->values.prepend_last);
	route->attr.present |= 1u << ATTR_AS_PATH;
}

/* in words -------------------------------------------------------------------------- */

static void
print_ipv4(const struct map_values *values, struct text *out)
{
	text_add(out, "ip address prefix-list %s", values->ipv4_list);
}

static void
print_ipv6(const struct map_values *values, struct text *out)
{
	text_add(out, "ipv6 address prefix-list %s", values->ipv6_list);
}

static void
print_community(const struct map_values *values, struct text *out)
{
	text_add(out, "community %s%s", values->community_list,
	    values->community_exact ? " exact-match" : "");
}

static void
print_local_pref(const struct map_values *values, struct text *out)
{
	text_add(out, "local-preference %u", values->local_pref);
}

static void
print_metric(const struct map_values *values, struct text *out)
{
	text_add(out, "metric %u", values->metric);
}

static void
print_communities(const struct map_values *values, struct text *out)
{
	const uint32_t *communities = values->communities.items;
	char word[32];
	uint32_t i;

	text_add(out, "community%s", values->no_communities ? " none" : "");
	for (i = 0; i < values->communities.count; i++)
		text_add(out, " %s",
		    community_print(communities[i], word, sizeof(word)));
	if (values->add_communities)
		text_add(out, " additive");
}

static void
print_prepend(const struct map_values *values, struct text *out)
{
	const uint32_t *numbers = values->prepend.items;
	uint32_t i;

	text_add(out, "as-path prepend");
	for (i = 0; i < values->prepend.count; i++)
		text_add(out, " %u", numbers[i]);
}

static void
print_prepend_last(const struct map_values *values, struct text *out)
{
	text_add(out, "as-path prepend last-as %u", values->prepend_last);
}

/* In this order: what is added last with prepend stands first. */
static const struct map_kind {
	size_t offset; /* of the member whose row says it */
	bool (*match)(const struct map_entry *entry, const struct route *route);
	void (*set)(const struct map_entry *entry, struct arena *arena,
	    struct route *route);
	void (*print)(const struct map_values *values, struct text *out);
} kinds[] = {
	{ offsetof(struct map_line, values.ipv4_list), match_ipv4, NULL,
	    print_ipv4 },
	{ offsetof(struct map_line, values.ipv6_list), match_ipv6, NULL,
	    print_ipv6 },
	{ offsetof(struct map_line, values.community_list), match_community,
	    NULL, print_community },
	{ offsetof(struct map_line, values.has_local_pref), NULL,
	    set_local_pref, print_local_pref },
	{ offsetof(struct map_line, values.has_metric), NULL, set_metric,
	    print_metric },
	{ offsetof(struct map_line, values.communities), NULL, set_communities,
	    print_communities },
	{ offsetof(struct map_line, values.prepend_last), NULL,
	    set_prepend_last, print_prepend_last },
	{ offsetof(struct map_line, values.prepend), NULL, set_prepend,
	    print_prepend },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* compiling ---------------------------------------------------------------------- */

struct route_map *
route_map_new(void)
{
	return mem_alloc(sizeof(struct route_map));
}

void
route_map_free(struct route_map *map)
{
	mem_free(map->entries);
	mem_free(map);
}

static void
copy_list(struct arena *arena, struct cli_list *list)
{
	if (list->count > 0)
		list->items = arena_copy(
		    arena, list->items, list->count * sizeof(uint32_t));
}

void
route_map_add(struct route_map *map, struct arena *arena,
    const struct policy *policy, const struct map_line *line)
{
	const struct map_values *values = &line->values;
	struct map_entry *entry;
	unsigned i;

	map->entries =
	    mem_resize(map->entries, map->count + 1, sizeof(*map->entries));
	entry = &map->entries[map->count++];
	memset(entry, 0, sizeof(*entry));
	entry->seq = line->seq;
	entry->permit = !line->deny;
	entry->values = *values;
	copy_list(arena, &entry->values.communities);
	copy_list(arena, &entry->values.prepend);
	entry->description = arena_string(arena, line->description);
	entry->values.ipv4_list = arena_string(arena, values->ipv4_list);
	entry->values.ipv6_list = arena_string(arena, values->ipv6_list);
	entry->values.community_list =
	    arena_string(arena, values->community_list);
	entry->ipv4_list =
	    policy_prefix_list(policy, AF_INET, values->ipv4_list);
	entry->ipv6_list =
	    policy_prefix_list(policy, AF_INET6, values->ipv6_list);
	entry->community_list =
	    policy_community_list(policy, values->community_list);
	for (i = 0; i < KINDS; i++) {
		if (!cli_is_set(&line->node, kinds[i].offset))
			continue;
		if (kinds[i].match != NULL)
			entry->matches |= 1u << i;
		else
			entry->sets |= 1u << i;
	}
}

static int
compare_seq(const void *a, const void *b)
{
	const struct map_entry *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void
route_map_finish(struct route_map *map)
{
	if (map->count > 1)
		qsort(map->entries, map->count, sizeof(*map->entries),
		    compare_seq);
}

static bool
list_equal(const struct cli_list *a, const struct cli_list *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->items, b->items,
				     a->count * sizeof(uint32_t)) == 0);
}

static bool
values_equal(const struct map_values *a, const struct map_values *b)
{
	return a->community_exact == b->community_exact &&
	       a->local_pref == b->local_pref && a->metric == b->metric &&
	       a->no_communities == b->no_communities &&
	       a->add_communities == b->add_communities &&
	       a->prepend_last == b->prepend_last &&
	       list_equal(&a->communities, &b->communities) &&
	       list_equal(&a->prepend, &b->prepend);
}

static bool
entry_equal(const struct map_entry *a, const struct map_entry *b)
{
	return a->permit == b->permit && a->matches == b->matches &&
	       a->sets == b->sets && values_equal(&a->values, &b->values) &&
	       prefix_list_equal(a->ipv4_list, b->ipv4_list) &&
	       prefix_list_equal(a->ipv6_list, b->ipv6_list) &&
	       community_list_equal(a->community_list, b->community_list);
}

bool
route_map_equal(const struct route_map *a, const struct route_map *b)
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

/* applying ----------------------------------------------------------------------- */

static bool
entry_matches(const struct map_entry *entry, const struct route *route)
{
	unsigned i;

	for (i = 0; i < KINDS; i++)
		if ((entry->matches >> i & 1) != 0 &&
		    !kinds[i].match(entry, route))
			return false;
	return true;
}

static void
entry_set(
    const struct map_entry *entry, struct arena *arena, struct route *route)
{
	unsigned i;

	for (i = 0; i < KINDS; i++)
		if ((entry->sets >> i & 1) != 0)
			kinds[i].set(entry, arena, route);
}

bool
route_map_asks_prefix(const struct route_map *map)
{
	const struct map_values *values;
	uint32_t i;

	for (i = 0; map != NULL && i < map->count; i++) {
		values = &map->entries[i].values;
		if (values->ipv4_list != NULL || values->ipv6_list != NULL)
			return true;
	}
	return false;
}

bool
route_map_apply(const struct route_map *map, struct arena *arena,
    struct route *route, uint32_t *seq)
{
	const struct map_entry *entry;
	uint32_t i;

	if (seq != NULL)
		*seq = 0;
	for (i = 0; map != NULL && i < map->count; i++) {
		entry = &map->entries[i];
		if (!entry_matches(entry, route))
			continue;
		if (seq != NULL)
			*seq = entry->seq;
		if (entry->permit)
			entry_set(entry, arena, route);
		return entry->permit;
	}
	return false;
}

/* showing ------------------------------------------------------------------------ */

uint32_t
route_map_count(const struct route_map *map)
{
	return map->count;
}

struct map_rule
route_map_at(const struct route_map *map, uint32_t i)
{
	const struct map_entry *entry = &map->entries[i];
	struct map_rule rule = { .seq = entry->seq,
		.permit = entry->permit,
		.description = entry->description };
	unsigned kind;

	for (kind = 0; kind < KINDS; kind++) {
		struct text *out =
		    kinds[kind].match != NULL ? &rule.matches : &rule.sets;

		if (((entry->matches | entry->sets) >> kind & 1) == 0)
			continue;
		kinds[kind].print(&entry->values, out);
		text_char(out, '\n');
	}
	return rule;
}
