/* SPDX-License-Identifier: ISC */
/* Routes: received, best, told. */
#ifndef RIB_RIB_H
#define RIB_RIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "util/addr.h"
#include "wire/wire.h"

/*
 * What flows in: paths of sources (rib_update). The decision picks one best per
 * prefix and tells the watchers. What flows out: per group of peers that are told
 * the same, messages encoded once in a log that each member reads by a cursor.
 *
 * Laid out for a million routes: prefixes have dense ids, paths are 16 bytes in a
 * slab and name their attributes by id, attribute sets are packed and interned. No clock, no descriptor: `now_secs` comes with the call.
 */
struct rib;

struct rib *rib_new(void);
void rib_free(struct rib *rib);

/* intern.c: attribute sets, shared ------------------------------------------- */

/* A counted, immutable attribute set. */
struct rib_attr;
/* What a set without LOCAL_PREF counts as in the decision. */
#define RIB_LOCAL_PREF 100u
/* Its lists point into the set: they live as long as it does. */
struct attr rib_attr_get(const struct rib_attr *attr);
/* Finds or makes the set equal to `attr`; the caller owns one reference. */
struct rib_attr *rib_attr_intern(struct rib *rib, const struct attr *attr);
struct rib_attr *rib_attr_ref(struct rib_attr *attr);
void rib_attr_unref(struct rib *rib, struct rib_attr *attr);

/* source.c: where paths come from --------------------------------------------- */

enum rib_kind { RIB_LOCAL, RIB_AGGREGATE, RIB_EBGP, RIB_IBGP };

/* What the decision must know of a source; changes of it re-run nothing. */
struct rib_source_info {
	enum rib_kind kind;
	const char *name;   /* for shows: "10.0.0.1", "network"; copied */
	uint32_t asn;	    /* the neighbour's */
	uint32_t router_id; /* host order */
	struct addr addr;   /* family 0 for our own */
	/*
	 * The plugin whose offers these are; NULL: nobody's in particular.
	 * A neighbor that a plugin owns is told that plugin's routes alone.
	 */
	const char *owner; /* copied */
};
struct rib_source;
struct rib_source *rib_source_new(
    struct rib *rib, const struct rib_source_info *info);
void rib_source_set(
    struct rib_source *source, const struct rib_source_info *info);
const struct rib_source_info *rib_source_info(const struct rib_source *source);
/*
 * Withdraws all of its paths of one family (FAMILY_NONE: of all), at most
 * `limit` of them; true while there are more. rib_source_free: when none is left.
 */
bool rib_source_flush(
    struct rib_source *source, enum family family, unsigned limit);
void rib_source_free(struct rib_source *source);
/* Paths held: received, and those that passed the import policy. */
uint32_t rib_source_count(
    const struct rib_source *source, enum family family, bool accepted);

/* rib.c: the table --------------------------------------------------------------- */

/*
 * Adds or replaces the path (source, id) of a prefix. `received` is as it came;
 * `used` is after the import policy, NULL when it was refused there (kept, never
 * best). Both may be the same. Nothing is owned by the call.
 */
void rib_update(struct rib_source *source, uint32_t id,
    const struct prefix *prefix, const struct attr *received,
    const struct attr *used, int64_t now_secs);
void rib_withdraw(
    struct rib_source *source, uint32_t id, const struct prefix *prefix);
/*
 * The same for prefixes of one family, at most RIB_MANY, with one interned set,
 * path id 0: the way of an UPDATE, several times as fast in a large table.
 */
#define RIB_MANY 64u
void rib_update_many(struct rib_source *source, const struct prefix *prefixes,
    unsigned count, struct rib_attr *received, struct rib_attr *used,
    int64_t now_secs);
void rib_withdraw_many(
    struct rib_source *source, const struct prefix *prefixes, unsigned count);

enum rib_path_flag {
	RIB_BEST = 1 << 0,
	RIB_REFUSED = 1 << 1,	 /* by the import policy */
	RIB_SUPPRESSED = 1 << 2, /* by an aggregate with summary-only */
	RIB_UNUSABLE = 1 << 3,	 /* next hop or loop */
};
struct rib_path_view {
	struct prefix prefix;
	const struct rib_source *source;
	uint32_t id;
	unsigned flags; /* enum rib_path_flag */
	const struct rib_attr *received;
	const struct rib_attr *used; /* NULL when refused */
	int64_t since_secs;
	uint32_t weight;
	/* Best, in rib_next, rib_find, rib_match: the step that chose it. */
	const char *reason;
};
/*
 * Cursors: start with all zeroes but family. They survive changes of the table
 * between two calls: no prefix that stays is left out or seen twice. In order of
 * prefix, or with any_order, which is faster: for policies that run again.
 */
struct rib_cursor {
	enum family family;
	bool any_order;
	/* The RIB's: */
	bool begun;
	bool busy; /* it looks for the next one: call again, in another turn */
	struct prefix last;
	uint32_t walk, id;
};
/*
 * The next prefix; its paths, best first; the count. 0: at the end, or where the
 * cursor is busy, here and below, after a slice of a search in a large table.
 */
unsigned rib_next(const struct rib *rib, struct rib_cursor *cursor,
    struct rib_path_view *views, unsigned max);
/* Of one that is left halfway. */
void rib_cursor_close(struct rib *rib, struct rib_cursor *cursor);
/* The paths of exactly this prefix; of the longest one that covers it. */
unsigned rib_find(const struct rib *rib, const struct prefix *prefix,
    struct rib_path_view *views, unsigned max);
unsigned rib_match(const struct rib *rib, const struct prefix *prefix,
    struct rib_path_view *views, unsigned max);
/* Paths of one source in order; for received-routes and re-run policies. */
bool rib_source_next(const struct rib_source *source, struct rib_cursor *cursor,
    struct rib_path_view *view);

struct rib_stats {
	uint32_t prefixes[FAMILY_COUNT];
	uint32_t paths[FAMILY_COUNT];
	uint32_t attrs;
	/* Of the table: grows with each change of a best path. */
	uint64_t version[FAMILY_COUNT];
	uint64_t too_big; /* routes whose attributes no message can hold */
	size_t memory;	  /* bytes, all of it */
};
void rib_stats(const struct rib *rib, struct rib_stats *stats);

/* Told of every change of a best path, at once; old or new may be NULL. */
struct rib_watcher {
	void (*on_best)(void *arg, enum family family,
	    const struct prefix *prefix, const struct rib_path_view *old,
	    const struct rib_path_view *new);
	void *arg;
};
void rib_watch(struct rib *rib, struct rib_watcher *watcher);
void rib_unwatch(struct rib *rib, struct rib_watcher *watcher);

/* commands.c: the configuration's part of it, mounted in an address family ---------- */

/* Lines of an address family: aggregate-address. */
extern const struct cli_row rib_family_rows[];
extern const struct cli_node_type aggregate_type;
struct aggregate {
	struct cli_node node;
	struct prefix prefix;
	bool as_set;
	bool summary_only;
};

/* aggregate.c: aggregate-address (RFC 4271 9.2.2.2) -------------------------------- */

struct rib_aggregate {
	struct prefix prefix;
	bool as_set;
	bool summary_only;
};
/*
 * The whole set, in place of the last one; what stays the same is not touched.
 * What it takes is done by rib_settle, in slices: true while there is more.
 */
void rib_set_aggregates(struct rib *rib, const struct rib_aggregate *aggregates,
    unsigned count, uint32_t asn, uint32_t router_id);
bool rib_settle(struct rib *rib);

/* group.c: what peers are told -------------------------------------------------------- */

/*
 * May the best path be told to this group, and with which attributes? Fills
 * *out (a copy of view->used to start with; new blobs from the arena).
 */
struct rib_export {
	/*
	 * Does the answer depend on view->source and view->used alone, not on
	 * the prefix? Then it is not asked for each. NULL: no.
	 */
	bool (*by_attr)(void *arg);
	bool (*export)(void *arg, const struct rib_path_view *view,
	    struct arena *arena, struct attr *out);
	void *arg;
};
/*
 * Peers with equal keys and families are told the same: one group. `key` is all
 * that export depends on, as bytes. The group keeps `export` of its first
 * member until rib_member_free of the last; arg_free then frees its arg. Those of
 * later members, where they are others, are freed by arg_free at once. Members
 * are freed before their source.
 */
struct rib_member;
struct rib_member *rib_member_new(struct rib *rib, enum family family,
    const void *key, size_t key_len, const struct wire_session *session,
    struct rib_source *self, const struct rib_export *export,
    void (*arg_free)(void *));
void rib_member_free(struct rib_member *member);
/* Was asked for a route refresh, or joined: everything is told anew. */
void rib_member_refresh(struct rib_member *member);
/*
 * Somebody wants to know when there is something to take after a take of 0. It
 * is called from inside of rib functions: it must not call back, only take note.
 */
void rib_member_on_pending(
    struct rib_member *member, void (*on_pending)(void *), void *arg);
/*
 * The next bytes for this member, whole messages, borrowed until the next call
 * of any rib function; advances the cursor. Works in slices: encodes at most
 * about 64 KB, looks at some thousand prefixes. 0: nothing was found in this
 * slice; where the member is not idle after it, others are left, for another turn
 * of the loop. End-of-RIB comes after the first dump.
 */
size_t rib_member_take(struct rib_member *member, const uint8_t **data);
/* Is all said, as far as may be? It will be called when there is more. */
bool rib_member_is_idle(const struct rib_member *member);
/*
 * Members of a group that are ahead wait for those who are behind, but not for
 * long: while rib_is_waiting, which may begin with any take, the caller calls
 * rib_tick every 50 ms. With rib_member_overtake this one waits no more: where it
 * is idle then, all is said.
 */
bool rib_is_waiting(const struct rib *rib);
void rib_tick(struct rib *rib);
void rib_member_overtake(struct rib_member *member);
/* Prefixes told to it and not withdrawn since. */
uint32_t rib_member_count(const struct rib_member *member);
/* Its Adj-RIB-Out, by cursor, with the attributes as told. */
bool rib_member_next(struct rib_member *member, struct rib_cursor *cursor,
    struct arena *arena, struct prefix *prefix, struct attr *out);
/* The export policy of the group changed: asks export about everything again. */
void rib_group_refresh(struct rib_member *member);
uint32_t rib_member_group_id(const struct rib_member *member);
struct rib_group_info {
	uint32_t id;
	uint32_t members;
	uint32_t told; /* prefixes that it takes its members to know */
	uint32_t
	    to_look;  /* prefixes that changed, and were not asked about yet */
	bool walking; /* and all others that are above the walk */
	size_t log_bytes; /* encoded, and not read by all */
};
void rib_group_info(
    const struct rib_member *member, struct rib_group_info *info);
/* Off the group's log: what it must be told is its own, of such a number. */
bool rib_member_is_apart(const struct rib_member *member, uint32_t *todo);

#endif
