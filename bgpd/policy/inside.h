/* SPDX-License-Identifier: ISC */
/* What the rooms of this floor share; no other floor includes it. */
#ifndef POLICY_INSIDE_H
#define POLICY_INSIDE_H

#include "cli/cli.h"
#include "policy/policy.h"

/* commands.c: nodes of the configuration ------------------------------------- */

struct list_line {
	struct cli_node node;
	const char *name;
	uint32_t seq;
	uint8_t deny;
	bool any;
	struct prefix prefix;
	uint8_t ge, le; /* 0: not said */
};
/* "ip prefix-list NAME description TEXT" and the like: the name is defined. */
struct list_about {
	struct cli_node node;
	const char *name;
	const char *text;
};
struct community_line {
	struct cli_node node;
	uint8_t number; /* 0: it has a name */
	const char *name;
	uint32_t seq;
	uint8_t deny;
	struct cli_list communities; /* uint32_t */
};
/* All that match and set lines of one entry say. */
struct map_values {
	const char *ipv4_list;
	const char *ipv6_list;
	const char *community_list;
	bool community_exact;
	bool has_local_pref; /* 0 is a value like others */
	uint32_t local_pref;
	bool has_metric;
	uint32_t metric;
	bool no_communities;
	bool add_communities;
	struct cli_list communities; /* uint32_t */
	struct cli_list prepend;     /* uint32_t */
	uint8_t prepend_last;
};
struct map_line {
	struct cli_node node;
	const char *name;
	uint32_t seq;
	uint8_t deny;
	const char *description;
	struct map_values values;
};
extern const struct cli_node_type ip_list_type, ip_about_type;
extern const struct cli_node_type ipv6_list_type, ipv6_about_type;
extern const struct cli_node_type community_name_type, community_number_type;
extern const struct cli_node_type map_type;

/* prefix_list.c ---------------------------------------------------------------- */

struct prefix_list *prefix_list_new(void);
void prefix_list_free(struct prefix_list *list);
void prefix_list_add(struct prefix_list *list, uint32_t seq, bool permit,
    const struct prefix *prefix, uint8_t min, uint8_t max);
/* In order of seq; builds the index. Before the first question. */
void prefix_list_finish(struct prefix_list *list);
bool prefix_list_equal(
    const struct prefix_list *a, const struct prefix_list *b);

/* One entry, for those who show it. */
struct prefix_rule {
	uint32_t seq;
	bool permit;
	struct prefix prefix;
	uint8_t min, max; /* lengths that match */
};
/* What the list is for, in the policy's arena; NULL: not said. */
void prefix_list_describe(struct prefix_list *list, const char *about);
const char *prefix_list_about(const struct prefix_list *list);
uint32_t prefix_list_count(const struct prefix_list *list);
const struct prefix_rule *prefix_list_at(
    const struct prefix_list *list, uint32_t i);

/* community_list.c --------------------------------------------------------------- */

struct community_list;
struct community_list *community_list_new(void);
void community_list_free(struct community_list *list);
void community_list_add(struct community_list *list, uint32_t seq, bool permit,
    const uint32_t *communities, unsigned count);
void community_list_finish(struct community_list *list);
bool community_list_equal(
    const struct community_list *a, const struct community_list *b);
/* FRR's word for all routes, as an entry's community. */
#define COMMUNITY_INTERNET 0u
/* The first entry that `communities` has all of (exact: no others) decides. */
bool community_list_permits(const struct community_list *list,
    const struct blob *communities, bool exact);

/* route_map.c ----------------------------------------------------------------------- */

struct route_map *route_map_new(void);
void route_map_free(struct route_map *map);
void route_map_add(struct route_map *map, struct arena *arena,
    const struct policy *policy, const struct map_line *line);
void route_map_finish(struct route_map *map);
/* With all that their match lines lead to. */
bool route_map_equal(const struct route_map *a, const struct route_map *b);

/* One entry, for those who show it. */
struct map_rule {
	uint32_t seq;
	bool permit;
	const char *description;   /* NULL: none */
	struct text matches, sets; /* one clause a line, for text_free */
};
uint32_t route_map_count(const struct route_map *map);
struct map_rule route_map_at(const struct route_map *map, uint32_t i);

/* show.c ----------------------------------------------------------------------------- */

extern const struct cli_row policy_show_rows[];

/* policy.c ------------------------------------------------------------------------- */

enum policy_kind {
	POLICY_IPV4_LIST,
	POLICY_IPV6_LIST,
	POLICY_COMMUNITY_LIST,
	POLICY_ROUTE_MAP,
	POLICY_KINDS
};
/* All names of a kind in order; for mem_free, the names are the policy's. */
const char **policy_names(
    const struct policy *policy, enum policy_kind kind, unsigned *count);
const struct community_list *policy_community_list(
    const struct policy *policy, const char *name);

#endif
