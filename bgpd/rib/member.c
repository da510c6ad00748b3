/* SPDX-License-Identifier: ISC */
/* One peer's place in its group: what it has read, what it must be told. */
#include <string.h>

#include "rib/group.h"
#include "util/mem.h"

struct rib_member *
rib_member_new(struct rib *rib, enum family family, const void *key,
    size_t key_len, const struct wire_session *session, struct rib_source *self,
    const struct rib_export *export, void (*arg_free)(void *))
{
	struct group like = { .family = family,
		.key = (void *)(uintptr_t)key,
		.key_len = key_len,
		.session = *session,
		.export = *export,
		.arg_free = arg_free };
	struct rib_member *member = mem_alloc(sizeof(*member));
	struct group *g = group_join(rib, &like);

	member->group = g;
	member->self = self;
	member->end_of_rib = true;
	member->dump_at = ID_NONE;
	member->lap = g->laps;
	LIST_INSERT_HEAD(&g->members, member, link);
	if (self != NULL)
		LIST_INSERT_HEAD(&self->members, member, source_link);
	if (g->told.used > 0) {
		member->fresh = true;
		member->dump_at = SLAB_NONE;
		member->detached = true;
		LIST_INSERT_HEAD(&g->detached, member, detached_link);
	}
	return member;
}

static void
leave_log(struct rib_member *member)
{
	if (member->cursor != NULL)
		member->cursor->readers--;
	member->cursor = NULL;
	member->part = 0;
}

void
rib_member_free(struct rib_member *member)
{
	struct group *g;
	uint32_t id = 0;

	if (member == NULL)
		return;
	g = member->group;
	leave_log(member);
	if (member->idle)
		g->idle_count--;
	if (member->detached)
		LIST_REMOVE(member, detached_link);
	while ((id = idset_next(&member->todo, id)) != ID_NONE)
		prefixes_unhold(&g->rib->tables[g->family], id++);
	idset_clear(&member->todo);
	LIST_REMOVE(member, link);
	if (member->self != NULL) {
		LIST_REMOVE(member, source_link);
		idmap_forget(&g->origin, member->self->index);
	}
	mem_free(member);
	group_trim(g);
	group_leave(g);
}

void
member_wake(struct rib_member *member)
{
	if (!member->idle)
		return;
	member->idle = false;
	member->group->idle_count--;
	if (member->on_pending != NULL)
		member->on_pending(member->arg);
}

void
rib_member_on_pending(
    struct rib_member *member, void (*on_pending)(void *), void *arg)
{
	member->on_pending = on_pending;
	member->arg = arg;
}

void
member_todo(struct rib_member *member, uint32_t id)
{
	struct group *g = member->group;

	if (idset_add(&member->todo, id))
		prefixes_hold(&g->rib->tables[g->family], id);
}

/* Off the log: what it has not read yet becomes its own to do. */
void
member_detach(struct rib_member *member)
{
	struct chunk *chunk = member->cursor;
	uint32_t i;

	if (member->detached)
		return;
	for (; chunk != NULL; chunk = TAILQ_NEXT(chunk, link))
		for (i = 0; i < chunk->id_count; i++)
			member_todo(member, chunk->ids[i] & ~CHUNK_WITHDRAWN);
	leave_log(member);
	member->detached = true;
	member->fresh = false;
	member->dump_at = ID_NONE;
	LIST_INSERT_HEAD(&member->group->detached, member, detached_link);
}

/* Everything was told: back to the end of the log. */
static void
member_attach(struct rib_member *member)
{
	LIST_REMOVE(member, detached_link);
	member->detached = false;
	member->fresh = false;
	member->lap = member->group->laps;
}

void
rib_member_refresh(struct rib_member *member)
{
	/* The first dump is not interrupted: it has books to set up. */
	if (member->detached && member->fresh) {
		member->refresh_next = true;
		return;
	}
	member_detach(member);
	member->dump_at = SLAB_NONE;
	member_wake(member);
}

void
rib_group_refresh(struct rib_member *member)
{
	member->group->walk_at = SLAB_NONE;
	group_wake(member->group);
}

uint32_t
rib_member_group_id(const struct rib_member *member)
{
	return member->group->id;
}

bool
rib_member_is_apart(const struct rib_member *member, uint32_t *todo)
{
	*todo = member->todo.used;
	return member->detached;
}

uint32_t
rib_member_count(const struct rib_member *member)
{
	if (member->detached && member->fresh)
		return member->dumped;
	return member->group->told.used - member->hidden;
}

static bool
part_is_for(const struct rib_member *member, const struct tell_part *part)
{
	uint16_t self = member->self != NULL ? member->self->index : 0;

	if (part->rule == TELL_ALL)
		return true;
	return (part->source == self) == (part->rule == TELL_ONLY);
}

static void
cursor_advance(struct rib_member *member)
{
	struct chunk *next = TAILQ_NEXT(member->cursor, link);

	leave_log(member);
	member->cursor = next;
	if (next != NULL)
		next->readers++;
}

/* The next run of parts that are for this member; 0 at the end of the log. */
static size_t
take_log(struct rib_member *member, const uint8_t **data)
{
	const struct tell_part *parts;
	struct chunk *chunk;
	uint32_t start, first;

	while ((chunk = member->cursor) != NULL) {
		parts = chunk->parts;
		while (member->part < chunk->part_count &&
		       !part_is_for(member, &parts[member->part]))
			member->part++;
		first = member->part;
		while (member->part < chunk->part_count &&
		       part_is_for(member, &parts[member->part]))
			member->part++;
		start = first > 0 ? parts[first - 1].end : 0;
		*data = chunk->bytes + start;
		if (member->part == first) {
			cursor_advance(member);
			continue;
		}
		start = parts[member->part - 1].end - start;
		if (member->part == chunk->part_count)
			cursor_advance(member);
		return start;
	}
	return 0;
}

/*
 * RFC 4724 2: once what was there at the join has been told. A group that never
 * rests has come by every prefix after two sweeps.
 */
static bool
end_of_rib_due(const struct rib_member *member)
{
	const struct group *g = member->group;

	return member->end_of_rib &&
	       (!group_has_work(g) ||
		   (!group_is_walking(g) && g->laps >= member->lap + 2));
}

static size_t
take_end_of_rib(struct rib_member *member, const uint8_t **data)
{
	struct tell_room *room = &member->group->rib->room;
	struct buf out;

	if (room->out_capacity < MESSAGE_MAX) {
		room->out_capacity = MESSAGE_MAX;
		room->out = mem_resize(room->out, MESSAGE_MAX, 1);
	}
	out = buf_writer(room->out, room->out_capacity);
	update_encode_end_of_rib(&out, member->group->family);
	member->end_of_rib = false;
	*data = room->out;
	return out.pos;
}

static size_t
take_said(struct rib_member *member, const uint8_t **data)
{
	size_t len = take_log(member, data);

	if (len == 0 && end_of_rib_due(member))
		return take_end_of_rib(member, data);
	return len;
}

size_t
rib_member_take(struct rib_member *member, const uint8_t **data)
{
	struct group *g = member->group;
	size_t len;

	aggregate_settle(g->rib);
	group_trim(g);
	if (member->detached) {
		len = tell_member(member, data);
		if (len > 0 || member->todo.used > 0 ||
		    member->dump_at != ID_NONE)
			return len;
		member_attach(member);
		if (member->refresh_next) {
			member->refresh_next = false;
			rib_member_refresh(member);
			return rib_member_take(member, data);
		}
	}
	len = take_said(member, data);
	if (len > 0)
		return len;
	/* One slice: it may be for others, who must come to read it. */
	if (group_has_work(g) && !group_is_full(g)) {
		tell_group(g);
		return take_said(member, data);
	}
	if (group_has_work(g))
		group_wait(g);
	if (!member->idle) {
		member->idle = true;
		g->idle_count++;
	}
	return 0;
}

void
rib_member_overtake(struct rib_member *member)
{
	if (member->group->waiting)
		group_let_go(member->group);
}

bool
rib_member_is_idle(const struct rib_member *member)
{
	return member->idle;
}

bool
rib_member_next(struct rib_member *member, struct rib_cursor *cursor,
    struct arena *arena, struct prefix *prefix, struct attr *out)
{
	struct group *g = member->group;
	struct prefixes *t = &g->rib->tables[g->family];
	uint16_t self = member->self != NULL ? member->self->index : 0;
	struct rib_path_view view;
	uint32_t id;

	cursor->family = g->family;
	while ((id = order_next(t, &g->told, cursor)) != SLAB_NONE) {
		if (self != 0 && idmap_get(&g->origin, id) == self)
			continue;
		if (member->detached && member->fresh && id > member->dump_at)
			continue;
		if (!tell_ask(g, id, arena, &view, out))
			continue;
		if (view.source->index == self)
			continue;
		*prefix = view.prefix;
		return true;
	}
	return false;
}
