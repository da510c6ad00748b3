/* SPDX-License-Identifier: ISC */
/* What the rooms of this floor share; no other floor includes it. */
#ifndef RIB_INSIDE_H
#define RIB_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <bsd/sys/queue.h>

#include "rib/idset.h"
#include "rib/rib.h"
#include "util/arena.h"
#include "util/index.h"
#include "util/slab.h"
#include "util/table.h"

/* prefix.c: the prefixes of a family ------------------------------------------ */

/*
 * One prefix: 12 bytes, 24 for IPv6. It stays as long as it has paths or is
 * held: by a group that told it or must look at it, by a member that must.
 */
struct entry {
	uint32_t paths; /* the best one is the first */
	uint16_t holds;
	bool has_med; /* a path has, or had, a MED: see select.c */
	uint8_t len;
	uint8_t bytes[]; /* 4 or 16 */
};

struct prefixes {
	enum family family;
	struct slab slab;
	struct index index;
	uint32_t live;		/* with paths */
	uint32_t lengths[129];	/* how many of each length */
	uint32_t walks;		/* serial of ordered walks */
	struct window *windows; /* of ordered walks under way */
	uint32_t window_count;
};

void prefixes_init(struct prefixes *t, enum family family);
void prefixes_clear(struct prefixes *t);
size_t prefixes_size(const struct prefixes *t);
uint32_t prefixes_hash(const struct prefixes *t, const struct prefix *prefix);
/* SLAB_NONE if it is not there. */
uint32_t prefixes_find(const struct prefixes *t, const struct prefix *prefix);
/* The one that is there, or a new one. */
uint32_t prefixes_add(
    struct prefixes *t, const struct prefix *prefix, uint32_t hash);
/*
 * A find in three steps, for many: each asks for the memory that the next one
 * reads, the slots and then the entry of the id that seems to be the one.
 */
uint32_t prefixes_fetch(const struct prefixes *t, const struct prefix *prefix);
uint32_t prefixes_fetch_entry(const struct prefixes *t, uint32_t hash);
uint32_t prefixes_find_fetched(const struct prefixes *t,
    const struct prefix *prefix, uint32_t hash, uint32_t seems);
/* NULL if there is none of this id. */
struct entry *prefixes_at(const struct prefixes *t, uint32_t id);
static inline struct entry *
entry_at(const struct prefixes *t, uint32_t id)
{
	return slab_get(&t->slab, id);
}
struct prefix prefixes_get(const struct prefixes *t, const struct entry *e);
/* The same, written where it is to be. */
void prefixes_read(
    const struct prefixes *t, const struct entry *e, struct prefix *prefix);
/* The longest one with paths that covers it; SLAB_NONE. */
uint32_t prefixes_match(const struct prefixes *t, const struct prefix *prefix);
/* A count that is full stays so: the entry is then never given back. */
static inline void
prefixes_hold(struct prefixes *t, uint32_t id)
{
	struct entry *e = entry_at(t, id);

	e->holds += e->holds < UINT16_MAX;
}
/* Removes it if nobody else holds it and it has no paths. */
void prefixes_unhold(struct prefixes *t, uint32_t id);
/* Of many, some of which may come twice. */
void prefixes_unhold_many(
    struct prefixes *t, const uint32_t *ids, uint32_t count);

/* order.c: walks in order of prefix --------------------------------------------- */

/* The id of the cursor's next prefix of those in `only` (NULL: all). */
uint32_t order_next(
    struct prefixes *t, const struct idset *only, struct rib_cursor *cursor);
void order_close(struct prefixes *t, struct rib_cursor *cursor);
void order_clear(struct prefixes *t);

/* path.c: paths ----------------------------------------------------------------- */

/*
 * A path names one attribute set: what was received is what is used. Where the
 * import policy made another of it or refused it, or where the path has an id
 * (RFC 7911), it names a variant instead, which is kept once for all paths that
 * are alike in this.
 */
#define PATH_VARIANT (1u << 15) /* in flags */

struct path {
	uint32_t next; /* of the same prefix */
	uint32_t what; /* a set's id, or a variant's */
	uint32_t since_secs;
	uint16_t source;
	uint16_t flags; /* RIB_BEST, PATH_VARIANT */
};

struct variant {
	uint32_t used; /* SLAB_NONE: refused */
	uint32_t received;
	uint32_t path_id;
	uint32_t refs;
};

TAILQ_HEAD(group_list, group);
TAILQ_HEAD(summary_list, summary);

/* What every encoder works in; grows as it must, shared by all groups. */
struct tell_room {
	uint8_t *out;
	size_t out_len, out_capacity;
	struct tell_part *parts;
	uint32_t part_count, part_capacity;
	struct batch *batch;
	struct arena *arena;
};

struct rib {
	struct prefixes tables[FAMILY_COUNT];
	struct slab paths;
	struct slab variants;
	struct index variant_index;
	uint32_t path_counts[FAMILY_COUNT];
	uint64_t versions[FAMILY_COUNT];
	struct slab attrs; /* pointers to the sets */
	struct index attr_index;
	size_t attr_bytes;
	struct rib_attr *last_attr; /* found last; not counted */
	uint8_t *pack;		    /* where a set is packed */
	size_t pack_capacity;
	struct rib_source **sources; /* by index; index 0 is nobody */
	uint32_t source_count;
	struct rib_watcher **watchers;
	uint32_t watcher_count;
	struct group_list groups[FAMILY_COUNT];
	uint32_t group_ids;
	uint32_t waiting; /* groups that wait: see group.c */
	struct tell_room room;
	uint64_t too_big;
	struct summary_list aggregates;
	struct table aggregate_index;
	uint32_t aggregate_lengths[FAMILY_COUNT][129];
	uint32_t aggregates_pending;
	unsigned aggregate_family; /* where their walk is; FAMILY_COUNT: none */
	uint32_t aggregate_at;
	int64_t now_secs; /* of the last update; aggregates are as old */
	struct rib_source *aggregate_source;
};

static inline struct path *
path_at(const struct rib *rib, uint32_t id)
{
	return id == SLAB_NONE ? NULL : slab_get(&rib->paths, id);
}

void paths_init(struct rib *rib);
void paths_clear(struct rib *rib);
size_t paths_size(const struct rib *rib);
static inline struct variant *
variant_at(const struct rib *rib, uint32_t id)
{
	return slab_get(&rib->variants, id);
}
/* Ids of sets; used: SLAB_NONE where the import policy refused it. */
static inline uint32_t
path_used(const struct rib *rib, const struct path *path)
{
	return path->flags & PATH_VARIANT ? variant_at(rib, path->what)->used
					  : path->what;
}
static inline uint32_t
path_received(const struct rib *rib, const struct path *path)
{
	return path->flags & PATH_VARIANT
		   ? variant_at(rib, path->what)->received
		   : path->what;
}
/* With the source: its identity. */
static inline uint32_t
path_id(const struct rib *rib, const struct path *path)
{
	return path->flags & PATH_VARIANT ? variant_at(rib, path->what)->path_id
					  : 0;
}
/* What a path says, counted; taken before it is set, and dropped later. */
struct path_content {
	uint32_t what;
	uint32_t used;
	bool is_variant;
};
static inline struct path_content
path_content_get(const struct rib *rib, const struct path *path)
{
	return (struct path_content){ .what = path->what,
		.is_variant = (path->flags & PATH_VARIANT) != 0,
		.used = path_used(rib, path) };
}
void path_content_drop(struct rib *rib, struct path_content content);
/* True if it says something else now; what it said is the caller's to drop. */
bool path_content_set(struct rib *rib, struct path *path, uint32_t id,
    struct rib_attr *received, struct rib_attr *used);

/* rib.c: changes ------------------------------------------------------------------ */

/* The best path of an entry or NULL. */
struct path *rib_best(const struct rib *rib, const struct entry *e);
/* Removes every path of the source from one prefix; the count. */
unsigned rib_remove_source(
    struct rib *rib, enum family family, uint32_t id, uint16_t source);

/* look.c ---------------------------------------------------------------------------- */

void rib_view(const struct rib *rib, enum family family, const struct entry *e,
    const struct path *path, struct rib_path_view *view);
/* The best path is another one; `old` is NULL where there was none. */
void rib_tell_watchers(const struct rib *rib, enum family family,
    const struct entry *e, const struct rib_path_view *old);

/* intern.c ------------------------------------------------------------------------- */

/* A set: header and members packed, see intern.c. */
struct rib_attr {
	uint32_t refs;
	uint32_t id;
	uint32_t hash;
	uint32_t answer; /* a batch's, while it is sorted; 0 otherwise */
	uint32_t len;	 /* bytes of it */
	uint32_t words[];
};
/* NULL for SLAB_NONE. */
static inline struct rib_attr *
attr_at(const struct rib *rib, uint32_t id)
{
	return id == SLAB_NONE ? NULL
			       : *(struct rib_attr **)slab_get(&rib->attrs, id);
}
/* LOCAL_PREF, length of AS_PATH and ORIGIN in one number, 56 bits. */
uint64_t attr_rank(const struct rib_attr *set);
bool attr_has_med(const struct rib_attr *set);	    /* one that is not 0 */
bool attr_is_reflected(const struct rib_attr *set); /* RFC 4456 8 */
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

/* group.c, member.c, tell.c: see group.h ------------------------------------------ */

/* Something about the best path of this prefix changed. */
void group_on_change(struct rib *rib, enum family family, uint32_t id);
/* Something is to be asked that was put off. */
void group_wake_all(struct rib *rib, enum family family);
void group_free_all(struct rib *rib);
size_t group_memory(const struct rib *rib);

/* aggregate.c ---------------------------------------------------------------------- */

/* A path of a prefix came, went (NULL) or changed; attributes after import. */
void aggregate_on_path(struct rib *rib, enum family family, uint32_t id,
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
