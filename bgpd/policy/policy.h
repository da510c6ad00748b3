/* SPDX-License-Identifier: ISC */
/* Prefix lists, community lists and route maps: compiled once, then asked. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "util/addr.h"
#include "wire/wire.h"

struct arena;
struct policy;

/* commands.c: rows of the lists and maps, for the table of contents. */
extern const struct cli_mount policy_mounts[];
extern const unsigned policy_mount_count;

/*
 * Compiles all lists and maps of a configuration tree's root. A policy is
 * immutable and counted: who runs one keeps a reference while reloads go on.
 */
struct policy *policy_new(const struct cli_node *root);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);

/* What the shows tell of from now on; borrowed. NULL: nothing is there. */
void policy_bind_shows(const struct policy *policy);

/* By name; NULL when there is none of that name. Valid while policy is. */
struct prefix_list;
struct route_map;
const struct prefix_list *policy_prefix_list(
    const struct policy *policy, uint8_t af, const char *name);
const struct route_map *policy_route_map(
    const struct policy *policy, const char *name);
/* Was anything that this name leads to changed from one to the other? */
bool policy_prefix_list_changed(const struct policy *old,
    const struct policy *new, uint8_t af, const char *name);
bool policy_route_map_changed(
    const struct policy *old, const struct policy *new, const char *name);

/*
 * The lowest sequence that covers it decides; none: deny. A NULL list denies
 * (the name was not defined), an empty one permits, as in FRR.
 */
bool prefix_list_permits(
    const struct prefix_list *list, const struct prefix *prefix);

/* What a route map looks at and changes. */
struct route {
	const struct prefix *prefix;
	struct attr attr; /* changed in place; new blobs come from the arena */
	uint32_t own_asn; /* for `set as-path prepend last-as` and the like */
};
/* A NULL map denies. `seq` (may be NULL): the entry that decided, 0 for none. */
bool route_map_apply(const struct route_map *map, struct arena *arena,
    struct route *route, uint32_t *seq);
/* Does what it says depend on the prefix, beyond its family? */
bool route_map_asks_prefix(const struct route_map *map);

#endif
