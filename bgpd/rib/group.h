/* SPDX-License-Identifier: ISC */
/* Groups of peers that are told the same: what their rooms share. */
#ifndef RIB_GROUP_H
#define RIB_GROUP_H

#include "rib/inside.h"

/*
 * A group has a set of prefixes to look at (dirty, and all above walk_at), asks
 * export about each, and writes the messages once, into a log of chunks. Members
 * read the log by a cursor of their own. A path is not told to the member that
 * it came from: parts of a chunk say for whom they are.
 *
 * Who has read all of it and finds it full waits for those who are behind, for
 * some ticks; then these are let go. So a group goes at the pace of its members
 * as long as they have one, and one that stops, or is slower for long, holds up
 * nobody.
 *
 * A member that was let go, that joins late or asks for a refresh is detached:
 * it reads no log but keeps its own set of prefixes to be told (todo, and all
 * told ones from dump_at on), and returns to the log's end when that is empty.
 * So however slow it is, it costs one bit a prefix and gets the newest state.
 */
enum tell_rule { TELL_ALL, TELL_NOT, TELL_ONLY };

/* Bytes of a chunk up to `end`: for all, all but, or only source's member. */
struct tell_part {
	uint32_t end;
	uint16_t source;
	uint8_t rule; /* enum tell_rule */
};

#define CHUNK_WITHDRAWN (UINT32_C(1) << 31) /* in ids: held by the chunk */

struct chunk {
	TAILQ_ENTRY(chunk) link;
	uint32_t readers; /* cursors that stand here */
	uint32_t len;
	uint32_t part_count;
	uint32_t id_count;
	uint8_t *bytes;
	struct tell_part *parts;
	uint32_t *ids; /* prefixes in it, for members that never read it */
};

struct group {
	TAILQ_ENTRY(group) link;
	struct rib *rib;
	enum family family;
	uint32_t id;
	void *key;
	size_t key_len;
	struct wire_session session;
	struct rib_export export;
	void (*arg_free)(void *);

	struct idset dirty;
	uint32_t dirty_at; /* where the sweep over dirty stands */
	uint32_t laps;	   /* sweeps after the walk of which nothing was left */
	uint32_t walk_at;  /* table ids after it are to be looked at; or none */
	uint16_t own;	 /* the source whose paths are, where not told; or 0 */
	uint32_t own_at; /* from this id on */
	struct idset told;   /* Adj-RIB-Out */
	struct idmap origin; /* told: the member's source it came from */

	TAILQ_HEAD(, chunk) log;
	size_t log_bytes;
	LIST_HEAD(member_list, rib_member) members;
	LIST_HEAD(, rib_member) detached;
	uint32_t member_count;
	uint32_t idle_count;
	bool waiting;  /* the log is full, and somebody has read all of it */
	uint8_t ticks; /* for so long */
};

struct rib_member {
	struct group *group;
	struct rib_source *self;
	LIST_ENTRY(rib_member) link;
	LIST_ENTRY(rib_member) source_link;
	LIST_ENTRY(rib_member) detached_link;
	struct chunk *cursor; /* NULL: at the end */
	uint32_t part;	      /* of the cursor's chunk */
	struct idset todo;    /* detached: to be told anew */
	uint32_t dump_at;     /* detached: told ids after it are to come */
	uint32_t dumped;
	uint32_t hidden; /* told to the group, but not to it */
	uint32_t lap;
	bool detached;
	bool fresh; /* knows nothing of what the dump has not reached */
	bool refresh_next;
	bool end_of_rib; /* still to be said */
	bool idle;	 /* waits for on_pending */
	void (*on_pending)(void *arg);
	void *arg;
};

/* group.c */
struct group *group_join(struct rib *rib, const struct group *like);
void group_leave(struct group *group);
bool group_has_work(const struct group *group);
void group_wake(struct group *group);
void group_mark(struct group *group, uint32_t id);
bool group_is_walking(const struct group *group);
/*
 * The next prefixes to look at, at most `max`: how many, and which way they
 * came. Dirty ones come with a hold.
 */
enum group_way { WAY_DIRTY, WAY_OWN, WAY_WALK };
uint32_t group_take(
    struct group *group, uint32_t *ids, uint32_t max, enum group_way *way);
/* Those of them that were not looked at: they are the next ones again. */
void group_give_back(struct group *group, const uint32_t *ids, uint32_t count,
    enum group_way way);
/* The member whose source this is, or NULL. */
struct rib_member *group_member_of(const struct group *group, uint16_t source);
/* The source whose paths need not be told: the only member's own; or 0. */
uint16_t group_only_self(const struct group *group);
/* Frees what every reader has passed. */
void group_trim(struct group *group);
bool group_is_full(const struct group *group);
void group_wait(struct group *group);
/* Those at the head of a full log read it no more. */
void group_let_go(struct group *group);

/* member.c */
void member_wake(struct rib_member *member);
void member_detach(struct rib_member *member);
void member_todo(struct rib_member *member, uint32_t id);

/* tell.c: what is to be said becomes messages */
#define TELL_SLICE (64u * 1024) /* bytes after which an encoder stops */

/* Looks at the next slice of the group; what is to be said goes to its log. */
void tell_group(struct group *group);
/* The same of a detached member, for it alone: bytes in the RIB's room. */
size_t tell_member(struct rib_member *member, const uint8_t **data);
/* What export says of a prefix's best path; false: nothing is told. */
bool tell_ask(const struct group *group, uint32_t id, struct arena *arena,
    struct rib_path_view *view, struct attr *out);
void tell_room_clear(struct tell_room *room);

#endif
