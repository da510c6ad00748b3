/* SPDX-License-Identifier: ISC */
/* Groups of peers that are told the same, and the log that they read. */
#include <string.h>

#include "rib/batch.h"
#include "util/mem.h"

/* What the fastest member may be ahead of the slowest one that reads along. */
#define LOG_MAX	 (1024u * 1024)
#define PATIENCE 2 /* ticks that it waits there */

static bool
same_session(const struct wire_session *a, const struct wire_session *b)
{
	return a->as4 == b->as4 && a->ebgp == b->ebgp &&
	       a->extended == b->extended;
}

static bool
group_is(const struct group *g, const struct group *like)
{
	return g->key_len == like->key_len &&
	       memcmp(g->key, like->key, g->key_len) == 0 &&
	       same_session(&g->session, &like->session);
}

static struct group *
group_new(struct rib *rib, const struct group *like)
{
	struct group *g = mem_alloc(sizeof(*g));

	g->rib = rib;
	g->family = like->family;
	g->id = ++rib->group_ids;
	g->key = mem_alloc(like->key_len + 1);
	memcpy(g->key, like->key, like->key_len);
	g->key_len = like->key_len;
	g->session = like->session;
	g->export = like->export;
	g->arg_free = like->arg_free;
	g->walk_at = SLAB_NONE; /* everything is new to it */
	TAILQ_INIT(&g->log);
	LIST_INIT(&g->members);
	LIST_INIT(&g->detached);
	TAILQ_INSERT_TAIL(&rib->groups[g->family], g, link);
	return g;
}

/*
 * Somebody joins one who was alone, whose own paths were of use to nobody so
 * far: they are walked. Two such walks at once become one over everything.
 */
static void
group_walk_own(struct group *g)
{
	if (g->own != 0)
		g->walk_at = SLAB_NONE;
	g->own = group_only_self(g);
	g->own_at = 0;
}

/* `like` has family, key, session and export; a group keeps a copy. */
struct group *
group_join(struct rib *rib, const struct group *like)
{
	struct group *g;

	TAILQ_FOREACH (g, &rib->groups[like->family], link)
		if (group_is(g, like))
			break;
	if (g == NULL) {
		g = group_new(rib, like);
	} else {
		if (like->arg_free != NULL && like->export.arg != g->export.arg)
			like->arg_free(like->export.arg);
		if (g->member_count == 1)
			group_walk_own(g);
	}
	g->member_count++;
	return g;
}

static void
chunk_free(struct group *g, struct chunk *chunk)
{
	uint32_t i, held = 0;

	TAILQ_REMOVE(&g->log, chunk, link);
	g->log_bytes -= chunk->len;
	for (i = 0; i < chunk->id_count; i++)
		if (chunk->ids[i] & CHUNK_WITHDRAWN)
			chunk->ids[held++] = chunk->ids[i] & ~CHUNK_WITHDRAWN;
	prefixes_unhold_many(&g->rib->tables[g->family], chunk->ids, held);
	mem_free(chunk->bytes);
	mem_free(chunk->parts);
	mem_free(chunk->ids);
	mem_free(chunk);
}

static void
unhold_all(struct group *g, struct idset *set)
{
	uint32_t id = 0;

	while ((id = idset_next(set, id)) != ID_NONE)
		prefixes_unhold(&g->rib->tables[g->family], id++);
	idset_clear(set);
}

static void
group_wait_no_more(struct group *g)
{
	if (!g->waiting)
		return;
	g->waiting = false;
	g->ticks = 0;
	g->rib->waiting--;
}

static void
group_free(struct group *g)
{
	struct chunk *chunk;

	group_wait_no_more(g);
	while ((chunk = TAILQ_FIRST(&g->log)) != NULL)
		chunk_free(g, chunk);
	unhold_all(g, &g->dirty);
	unhold_all(g, &g->told);
	idmap_clear(&g->origin);
	TAILQ_REMOVE(&g->rib->groups[g->family], g, link);
	if (g->arg_free != NULL)
		g->arg_free(g->export.arg);
	mem_free(g->key);
	mem_free(g);
}

void
group_leave(struct group *g)
{
	if (--g->member_count == 0)
		group_free(g);
}

bool
group_is_full(const struct group *g)
{
	return g->log_bytes >= LOG_MAX;
}

void
group_wait(struct group *g)
{
	if (g->waiting)
		return;
	g->waiting = true;
	g->rib->waiting++;
}

void
group_trim(struct group *g)
{
	struct chunk *head;

	while ((head = TAILQ_FIRST(&g->log)) != NULL && head->readers == 0)
		chunk_free(g, head);
	/* Not for each chunk: there are as many to be called as members. */
	if (g->waiting && g->log_bytes <= LOG_MAX / 2) {
		group_wait_no_more(g);
		group_wake(g);
	}
}

void
group_let_go(struct group *g)
{
	struct rib_member *member, *next;
	struct chunk *head;

	while ((head = TAILQ_FIRST(&g->log)) != NULL &&
	       g->log_bytes > LOG_MAX / 2) {
		for (member = LIST_FIRST(&g->members);
		     member != NULL && head->readers > 0; member = next) {
			next = LIST_NEXT(member, link);
			if (member->cursor == head)
				member_detach(member);
		}
		chunk_free(g, head);
	}
	group_trim(g);
}

bool
rib_is_waiting(const struct rib *rib)
{
	return rib->waiting > 0;
}

void
rib_tick(struct rib *rib)
{
	struct group *g;
	unsigned f;

	for (f = 0; f < FAMILY_COUNT; f++)
		TAILQ_FOREACH (g, &rib->groups[f], link)
			if (g->waiting && ++g->ticks > PATIENCE)
				group_let_go(g);
}

bool
group_has_work(const struct group *g)
{
	return g->dirty.used > 0 || group_is_walking(g);
}

bool
group_is_walking(const struct group *g)
{
	return g->walk_at != ID_NONE || g->own != 0;
}

void
group_wake(struct group *g)
{
	struct rib_member *member, *next;

	for (member = LIST_FIRST(&g->members);
	     member != NULL && g->idle_count > 0; member = next) {
		next = LIST_NEXT(member, link);
		member_wake(member);
	}
}

/* Will a walk come by? */
static bool
is_ahead(const struct group *g, uint32_t id)
{
	const struct rib_source *own;

	if (g->walk_at != ID_NONE && id > g->walk_at)
		return true;
	if (g->own == 0 || id < g->own_at)
		return false;
	own = g->rib->sources[g->own];
	return own != NULL && idset_has(&own->held[g->family], id) &&
	       !idset_has(&g->told, id);
}

void
group_mark(struct group *g, uint32_t id)
{
	if (is_ahead(g, id))
		return;
	if (!idset_add(&g->dirty, id))
		return;
	prefixes_hold(&g->rib->tables[g->family], id);
	/* Who waits for room in the log is called when there is some. */
	if (g->idle_count > 0 && !g->waiting)
		group_wake(g);
}

/* What is told has been looked at. */
static uint32_t
own_next(const struct group *g)
{
	const struct rib_source *source = g->rib->sources[g->own];

	if (source == NULL)
		return ID_NONE;
	return idset_next_but(&source->held[g->family], &g->told, g->own_at);
}

static uint32_t
take_own(struct group *g, uint32_t *ids, uint32_t max)
{
	uint32_t count = 0, id;

	while (count < max && g->own != 0 && (id = own_next(g)) != ID_NONE) {
		ids[count++] = id;
		g->own_at = id + 1;
	}
	if (count == 0)
		g->own = 0;
	return count;
}

static uint32_t
take_walk(struct group *g, uint32_t *ids, uint32_t max)
{
	const struct slab *slab = &g->rib->tables[g->family].slab;
	uint32_t count = 0, id;

	while (count < max && g->walk_at != ID_NONE) {
		id = slab_next(slab, g->walk_at);
		g->walk_at = id == SLAB_NONE ? ID_NONE : id;
		if (id != SLAB_NONE)
			ids[count++] = id;
	}
	return count;
}

uint32_t
group_take(struct group *g, uint32_t *ids, uint32_t max, enum group_way *way)
{
	uint32_t count = idset_take(&g->dirty, g->dirty_at, ids, max);

	*way = WAY_DIRTY;
	if (count == 0) {
		if (!group_is_walking(g))
			g->laps++;
		count = idset_take(&g->dirty, 0, ids, max);
		g->dirty_at = 0;
	}
	if (count > 0) {
		g->dirty_at = ids[count - 1] + 1;
		return count;
	}
	*way = WAY_OWN;
	count = take_own(g, ids, max);
	if (count > 0)
		return count;
	*way = WAY_WALK;
	return take_walk(g, ids, max);
}

void
group_give_back(
    struct group *g, const uint32_t *ids, uint32_t count, enum group_way way)
{
	uint32_t i;

	if (count == 0)
		return;
	if (way == WAY_WALK) {
		g->walk_at = ids[0] - 1;
	} else if (way == WAY_OWN) {
		g->own_at = ids[0];
	} else {
		for (i = 0; i < count; i++)
			idset_add(&g->dirty, ids[i]);
		g->dirty_at = ids[0];
	}
}

struct rib_member *
group_member_of(const struct group *g, uint16_t source)
{
	struct rib_source *self = g->rib->sources[source];
	struct rib_member *member;

	if (self == NULL)
		return NULL;
	LIST_FOREACH (member, &self->members, source_link)
		if (member->group == g)
			return member;
	return NULL;
}

uint16_t
group_only_self(const struct group *g)
{
	const struct rib_member *member = LIST_FIRST(&g->members);

	if (g->member_count != 1 || member == NULL || member->self == NULL)
		return 0;
	return member->self->index;
}

void
group_on_change(struct rib *rib, enum family family, uint32_t id)
{
	struct group *g;

	TAILQ_FOREACH (g, &rib->groups[family], link)
		group_mark(g, id);
}

void
group_wake_all(struct rib *rib, enum family family)
{
	struct group *g;

	TAILQ_FOREACH (g, &rib->groups[family], link)
		group_wake(g);
}

void
group_free_all(struct rib *rib)
{
	struct group *g;
	unsigned f;

	for (f = 0; f < FAMILY_COUNT; f++)
		while ((g = TAILQ_FIRST(&rib->groups[f])) != NULL)
			group_free(g);
	tell_room_clear(&rib->room);
}

void
rib_group_info(const struct rib_member *member, struct rib_group_info *info)
{
	const struct group *g = member->group;

	*info = (struct rib_group_info){
		.id = g->id,
		.members = g->member_count,
		.told = g->told.used,
		.to_look = g->dirty.used,
		.walking = group_is_walking(g),
		.log_bytes = g->log_bytes,
	};
}

static size_t
one_group_memory(const struct group *g)
{
	const struct rib_member *member;
	size_t size = sizeof(*g) + g->key_len + g->log_bytes;

	size += idset_size(&g->dirty) + idset_size(&g->told) +
		idmap_size(&g->origin);
	LIST_FOREACH (member, &g->members, link)
		size += sizeof(*member) + idset_size(&member->todo);
	return size;
}

size_t
group_memory(const struct rib *rib)
{
	const struct group *g;
	size_t size = rib->room.out_capacity +
		      rib->room.part_capacity * sizeof(*rib->room.parts);
	unsigned f;

	if (rib->room.batch != NULL)
		size +=
		    batch_size(rib->room.batch) + arena_size(rib->room.arena);

	for (f = 0; f < FAMILY_COUNT; f++)
		TAILQ_FOREACH (g, &rib->groups[f], link)
			size += one_group_memory(g);
	return size;
}
