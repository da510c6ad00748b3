/* SPDX-License-Identifier: ISC */
/* What applies to a neighbor and its routes: pure, without a session. */
#ifndef PEER_RULES_H
#define PEER_RULES_H

#include "peer/peer.h"
#include "rib/rib.h"

struct peer;
struct prefix_list;
struct route_map;

/* plan.c: what the configuration comes to, pure ------------------------------------ */

/* All by value: outlives the tree it was made from. Zeroed before it is filled. */
struct plan {
	uint32_t local_as;
	uint32_t router_as;
	uint32_t remote_as; /* 0: any but ours */
	uint32_t router_id; /* 0: from the session */
	bool ebgp;
	bool guest; /* a plugin owns it */
	bool families[FAMILY_COUNT];
	uint16_t hold_secs;
	uint16_t keepalive_secs;
	uint16_t connect_secs;
};
void plan_make(const struct neighbor *config, struct plan *plan);
/* Must a session under `old` end, where `new` applies? */
bool plan_differs(const struct plan *old, const struct plan *new);

/* export.c, import.c: rules for routes, pure ------------------------------------------ */

/* What was configured for one family of one neighbor, ready to run. */
struct filter {
	bool required; /* RFC 8212: none at all permits nothing */
	bool has_list;
	bool has_map;
	const struct prefix_list *list;
	const struct route_map *map;
};

/* From the neighbor's lines and the policy of now. */
void filter_make(const struct peer *peer, enum family family, bool out,
    struct filter *filter);
/* NULL: passed, *attr is changed as it says; else why not. */
/* Does its answer depend on the prefix, beyond its family? */
bool filter_asks_prefix(const struct filter *filter);
const char *filter_pass(const struct filter *filter,
    const struct prefix *prefix, struct arena *arena, uint32_t own_asn,
    struct attr *attr);

struct export_rules {
	uint8_t family;
	bool ebgp;
	bool next_hop_self;
	bool send_standard;
	bool send_extended;
	bool send_large;
	bool prepend_router_as;
	uint32_t local_as;
	uint32_t router_as;
	uint32_t local_pref;
	struct addr next_hop; /* ours; family 0: there is none */
	struct addr next_hop_local;
	const char *owner; /* tell this plugin's routes alone; NULL: all */
	struct filter filter;
};
/* NULL: it is told as *out says; else why not, in words. */
const char *export_route(const struct export_rules *rules,
    const struct rib_path_view *view, struct arena *arena, struct attr *out);

struct import_rules {
	bool ebgp;
	bool enforce_first_as;
	uint32_t local_as;
	uint32_t router_as;
	uint32_t remote_as;
	uint32_t prepend_as; /* RFC 7705; 0: none */
	uint32_t router_id;
	uint32_t local_pref;
	struct addr local;
	struct filter filter;
};
/* NULL: used as *out says (a copy of what was received); else why not. */
const char *import_route(const struct import_rules *rules,
    const struct prefix *prefix, struct arena *arena, struct attr *out);
/* Does the answer depend on the prefix, and not on its family alone? */
bool import_asks_prefix(const struct import_rules *rules);

#endif
