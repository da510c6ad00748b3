/* SPDX-License-Identifier: ISC */
/* All lists and maps of a configuration, by name, compiled and counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/inside.h"
#include "util/arena.h"
#include "util/mem.h"
#include "util/table.h"

/* A name and what it stands for. */
struct named {
	struct table_link link;
	const char *name; /* the arena's */
	void *object;
};

struct policy {
	unsigned refs;
	struct arena *arena;
	struct table names[POLICY_KINDS];
};

/* What is done with an object of each kind. */
static void *
list_new(void)
{
	return prefix_list_new();
}

static void *
communities_new(void)
{
	return community_list_new();
}

static void *
map_new(void)
{
	return route_map_new();
}

static void
list_finish(void *list)
{
	prefix_list_finish(list);
}

static void
communities_finish(void *list)
{
	community_list_finish(list);
}

static void
map_finish(void *map)
{
	route_map_finish(map);
}

static void
list_free(void *list)
{
	prefix_list_free(list);
}

static void
communities_free(void *list)
{
	community_list_free(list);
}

static void
map_free(void *map)
{
	route_map_free(map);
}

static const struct {
	void *(*new)(void);
	void (*finish)(void *object);
	void (*free)(void *object);
} verbs[POLICY_KINDS] = {
	[POLICY_IPV4_LIST] = { list_new, list_finish, list_free },
	[POLICY_IPV6_LIST] = { list_new, list_finish, list_free },
	[POLICY_COMMUNITY_LIST] = { communities_new, communities_finish,
	    communities_free },
	[POLICY_ROUTE_MAP] = { map_new, map_finish, map_free },
};

static bool
named_is(const struct table_link *object, const void *key)
{
	return strcmp(((const struct named *)object)->name, key) == 0;
}

static void *
find(const struct policy *policy, enum policy_kind kind, const char *name)
{
	const struct named *named;

	if (policy == NULL || name == NULL)
		return NULL;
	named = (const struct named *)table_find(
	    &policy->names[kind], table_hash_string(name), name);
	return named != NULL ? named->object : NULL;
}

/* Finds or makes what the name stands for. */
static void *
define(struct policy *policy, enum policy_kind kind, const char *name)
{
	void *object = find(policy, kind, name);
	struct named *named;

	if (object != NULL)
		return object;
	named = arena_alloc(policy->arena, sizeof(*named));
	named->name = arena_string(policy->arena, name);
	named->object = verbs[kind].new();
	table_add(&policy->names[kind], &named->link, table_hash_string(name));
	return named->object;
}

static void
finish(struct policy *policy, enum policy_kind kind)
{
	struct table_link *link = NULL;

	while ((link = table_next(&policy->names[kind], link)) != NULL)
		verbs[kind].finish(((struct named *)link)->object);
}

/* reading the tree ----------------------------------------------------------------- */

static void
read_list_line(
    struct policy *policy, enum policy_kind kind, const struct list_line *line)
{
	struct prefix_list *list = define(policy, kind, line->name);
	uint8_t af = kind == POLICY_IPV4_LIST ? AF_INET : AF_INET6;
	uint8_t bits = (uint8_t)addr_bits(af), min, max;
	struct prefix prefix = line->prefix;

	if (line->any) {
		memset(&prefix, 0, sizeof(prefix));
		prefix.family = af;
		prefix_list_add(list, line->seq, !line->deny, &prefix, 0, bits);
		return;
	}
	min = line->ge > 0 ? line->ge : prefix.len;
	max = line->le > 0 ? line->le : line->ge > 0 ? bits : prefix.len;
	prefix_list_add(list, line->seq, !line->deny, &prefix, min, max);
}

static void
read_lists(struct policy *policy, const struct cli_node *root,
    enum policy_kind kind, const struct cli_node_type *lines,
    const struct cli_node_type *abouts)
{
	const struct list_line *line;
	const struct list_about *about;

	CLI_EACH(line, root, lines)
	read_list_line(policy, kind, line);
	CLI_EACH(about, root, abouts)
	prefix_list_describe(define(policy, kind, about->name),
	    arena_string(policy->arena, about->text));
	finish(policy, kind);
}

static void
read_community_lists(struct policy *policy, const struct cli_node *root,
    const struct cli_node_type *type)
{
	const struct community_line *line;
	const char *name;
	char number[8];

	CLI_EACH(line, root, type)
	{
		name = line->name;
		if (line->number > 0) {
			snprintf(number, sizeof(number), "%u", line->number);
			name = number;
		}
		community_list_add(define(policy, POLICY_COMMUNITY_LIST, name),
		    line->seq, !line->deny, line->communities.items,
		    line->communities.count);
	}
}

static void
read_maps(struct policy *policy, const struct cli_node *root)
{
	const struct map_line *line;

	CLI_EACH(line, root, &map_type)
	route_map_add(define(policy, POLICY_ROUTE_MAP, line->name),
	    policy->arena, policy, line);
	finish(policy, POLICY_ROUTE_MAP);
}

struct policy *
policy_new(const struct cli_node *root)
{
	struct policy *policy = mem_alloc(sizeof(*policy));
	unsigned kind;

	policy->refs = 1;
	policy->arena = arena_new();
	for (kind = 0; kind < POLICY_KINDS; kind++)
		policy->names[kind].equal = named_is;
	if (root == NULL)
		return policy;
	read_lists(
	    policy, root, POLICY_IPV4_LIST, &ip_list_type, &ip_about_type);
	read_lists(
	    policy, root, POLICY_IPV6_LIST, &ipv6_list_type, &ipv6_about_type);
	read_community_lists(policy, root, &community_name_type);
	read_community_lists(policy, root, &community_number_type);
	finish(policy, POLICY_COMMUNITY_LIST);
	/* Last: they refer to the others. */
	read_maps(policy, root);
	return policy;
}

struct policy *
policy_ref(struct policy *policy)
{
	policy->refs++;
	return policy;
}

void
policy_unref(struct policy *policy)
{
	struct table_link *link;
	unsigned kind;

	if (policy == NULL || --policy->refs > 0)
		return;
	for (kind = 0; kind < POLICY_KINDS; kind++) {
		link = NULL;
		while ((link = table_next(&policy->names[kind], link)) != NULL)
			verbs[kind].free(((struct named *)link)->object);
		table_clear(&policy->names[kind]);
	}
	arena_free(policy->arena);
	mem_free(policy);
}

/* asking ---------------------------------------------------------------------------- */

const struct prefix_list *
policy_prefix_list(const struct policy *policy, uint8_t af, const char *name)
{
	return find(
	    policy, af == AF_INET6 ? POLICY_IPV6_LIST : POLICY_IPV4_LIST, name);
}

const struct community_list *
policy_community_list(const struct policy *policy, const char *name)
{
	return find(policy, POLICY_COMMUNITY_LIST, name);
}

const struct route_map *
policy_route_map(const struct policy *policy, const char *name)
{
	return find(policy, POLICY_ROUTE_MAP, name);
}

bool
policy_prefix_list_changed(const struct policy *old, const struct policy *new,
    uint8_t af, const char *name)
{
	return !prefix_list_equal(policy_prefix_list(old, af, name),
	    policy_prefix_list(new, af, name));
}

bool
policy_route_map_changed(
    const struct policy *old, const struct policy *new, const char *name)
{
	return !route_map_equal(
	    policy_route_map(old, name), policy_route_map(new, name));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **
policy_names(
    const struct policy *policy, enum policy_kind kind, unsigned *count)
{
	const struct table *names = &policy->names[kind];
	const char **all = mem_array(names->used + 1, sizeof(*all));
	struct table_link *link = NULL;

	*count = 0;
	while ((link = table_next(names, link)) != NULL)
		all[(*count)++] = ((struct named *)link)->name;
	qsort(all, *count, sizeof(*all), compare_names);
	return all;
}
