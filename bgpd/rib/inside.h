/* SPDX-License-Identifier: ISC */
/* What the rooms of this floor share; no other floor includes it. */
#ifndef RIB_INSIDE_H
#define RIB_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <bsd/sys/queue.h>

#include "rib/rib.h"
#include "util/arena.h"
#include "util/slab.h"
#include "util/table.h"

/* idset.c: sets and maps of prefix ids, in pages ---------------------------- */

#define ID_NONE UINT32_MAX

/* All zeroes is the empty set; pages without a member are given back. */
struct idset {
	struct idset_page **pages;
	uint32_t page_count;
	uint32_t used;
};

bool idset_has(const struct idset *set, uint32_t id);
bool idset_add(struct idset *set, uint32_t id);	   /* true: was not in */
bool idset_remove(struct idset *set, uint32_t id); /* true: was in */
/* The first member >= id, or ID_NONE. */
uint32_t idset_next(const struct idset *set, uint32_t id);
void idset_clear(struct idset *set);
size_t idset_size(const struct idset *set);

/* Prefix id to a small number; what was never set is 0. */
struct idmap {
	struct idmap_page **pages;
	uint32_t page_count;
};

uint16_t idmap_get(const struct idmap *map, uint32_t id);
void idmap_set(struct idmap *map, uint32_t id, uint16_t value);
void idmap_forget(struct idmap *map, uint16_t value); /* becomes 0 */
void idmap_clear(struct idmap *map);
size_t idmap_size(const struct idmap *map);

/* prefix.c: the prefixes of a family ------------------------------------------ */

/*
 * One prefix: 16 bytes, 32 for IPv6. It stays as long as it has paths or is
 * held: by a group that told it or must look at it, by a member that must.
 */
struct entry {
	uint32_t next;	/* in its hash chain */
	uint32_t paths; /* the best one is the first */
	uint16_t holds;
	uint8_t spare;
	uint8_t len;
	uint8_t bytes[]; /* 4 or 16 */
};

struct prefixes {
	enum family family;
	struct slab slab;
	/* Linear hashing: one chain is split for each prefix that is added. */
	uint32_t *slots;
	uint32_t slot_count;
	uint32_t slot_capacity;
	uint32_t live;		/* with paths */
	uint32_t lengths[129];	/* how many of each length */
	uint32_t walks;		/* serial of ordered walks */
	struct window *windows; /* of ordered walks under way */
};

void prefixes_init(struct prefixes *t, enum family family);
void prefixes_clear(struct prefixes *t);
size_t prefixes_size(const struct prefixes *t);
uint32_t prefixes_find(const struct prefixes *t, const struct prefix *prefix);
uint32_t prefixes_add(struct prefixes *t, const struct prefix *prefix);
struct entry *prefixes_at(const struct prefixes *t, uint32_t id);
struct prefix prefixes_get(const struct prefixes *t, const struct entry *e);
/* The longest one with paths that covers it; SLAB_NONE. */
uint32_t prefixes_match(const struct prefixes *t, const struct prefix *prefix);
void prefixes_hold(struct prefixes *t, uint32_t id);
void prefixes_unhold(struct prefixes *t, uint32_t id);
/* Removes it if it has no paths and nobody holds it. */
void prefixes_release(struct prefixes *t, uint32_t id);

/* order.c: walks in order of prefix --------------------------------------------- */

/* The id of the cursor's next prefix of those in `only` (NULL: all). */
uint32_t order_next(
    struct prefixes *t, const struct idset *only, struct rib_cursor *cursor);
void order_clear(struct prefixes *t);

/* rib.c: paths ------------------------------------------------------------------ */

struct path {
	uint32_t next;	   /* of the same prefix */
	uint32_t id;	   /* with the source: its identity */
	uint32_t used;	   /* attributes after import policy, or SLAB_NONE */
	uint32_t received; /* attributes as they came */
	uint32_t since_secs;
	uint16_t source;
	uint16_t flags; /* RIB_BEST */
};

TAILQ_HEAD(group_list, group);
TAILQ_HEAD(summary_list, summary);

/* What every encoder works in; grows as it must, shared by all groups. */
struct tell_room {
	uint8_t *out;
	size_t out_len, out_capacity;
	struct tell_item *items;
	uint32_t item_count, item_capacity;
	struct tell_bucket *buckets;
	uint32_t bucket_count, bucket_capacity;
	struct tell_part *parts;
	uint32_t part_count, part_capacity;
	struct arena *arena;
};

struct rib {
	struct prefixes tables[FAMILY_COUNT];
	struct slab paths;
	uint32_t path_counts[FAMILY_COUNT];
	uint64_t versions[FAMILY_COUNT];
	struct slab attrs;
	struct table attr_index;
	struct table blob_index;
	size_t blob_bytes;
	struct rib_attr *last_attrs[2]; /* found last; not counted */
	struct rib_source **sources;	/* by index; index 0 is nobody */
	uint32_t source_count;
	struct rib_watcher **watchers;
	uint32_t watcher_count;
	struct group_list groups[FAMILY_COUNT];
	uint32_t group_ids;
	struct tell_room room;
	uint64_t too_big;
	struct summary_list aggregates;
	struct table aggregate_index;
	uint32_t aggregate_lengths[FAMILY_COUNT][129];
	uint32_t aggregates_pending;
	int64_t now_secs; /* of the last update; aggregates are as old */
	struct rib_source *aggregate_source;
};

struct path *rib_path_at(const struct rib *rib, uint32_t id);
/* The best path of an entry or NULL. */
struct path *rib_best(const struct rib *rib, const struct entry *e);
void rib_view(const struct rib *rib, enum family family, const struct entry *e,
    const struct path *path, struct rib_path_view *view);
/* Removes every path of the source from one prefix; the count. */
unsigned rib_remove_source(
    struct rib *rib, enum family family, uint32_t id, uint16_t source);

/* intern.c ------------------------------------------------------------------------- */

struct rib_attr {
	struct table_link link;
	uint32_t refs;
	uint32_t id;
	uint32_t bucket; /* tell.c's, while it sorts; 0 otherwise */
	struct attr attr;
};
struct rib_attr *attr_at(const struct rib *rib, uint32_t id);
void intern_init(struct rib *rib);
void intern_clear(struct rib *rib);

/* source.c ------------------------------------------------------------------------- */

struct rib_source {
	struct rib *rib;
	uint16_t index;
	struct rib_source_info info;
	struct idset held[FAMILY_COUNT]; /* prefixes with a path of it */
	uint32_t counts[FAMILY_COUNT][2];
	LIST_HEAD(, rib_member) members;
};
void source_forget_info(struct rib_source *source);

/* decide.c ------------------------------------------------------------------------- */

/* What the decision sees of a path. */
struct contender {
	const struct attr *attr;
	const struct rib_source_info *source;
	uint32_t since_secs;
	uint32_t id;
	unsigned place; /* the caller's */
};
/*
 * The index of the best one; `reason` (may be NULL) is the step that chose it.
 * Reorders the array: the winner comes to the front. Order in does not matter
 * but for paths that no step can tell apart.
 */
unsigned decide(struct contender *paths, unsigned count, const char **reason);
uint32_t decide_weight(const struct rib_source_info *source);

/* group.c, member.c, tell.c: see group.h ------------------------------------------ */

/* Something about the best path of this prefix changed. */
void group_on_change(struct rib *rib, enum family family, uint32_t id);
/* Something is to be asked that was put off. */
void group_wake_all(struct rib *rib, enum family family);
void group_free_all(struct rib *rib);
size_t group_memory(const struct rib *rib);

/* aggregate.c ---------------------------------------------------------------------- */

/* A path of a prefix came, went (NULL) or changed; attributes after import. */
void aggregate_on_path(struct rib *rib, const struct prefix *prefix,
    const struct rib_source *source, const struct rib_attr *old,
    const struct rib_attr *new);
/* Is it not to be told, since a summary-only aggregate stands for it? */
bool aggregate_suppresses(const struct rib *rib, const struct prefix *prefix,
    const struct rib_source *source);
/* Brings what was put off up to date. */
void aggregate_settle(struct rib *rib);
void aggregate_init(struct rib *rib);
void aggregate_free_all(struct rib *rib);

#endif
