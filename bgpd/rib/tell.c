/* SPDX-License-Identifier: ISC */
/* What is to be said becomes messages: asked, sorted by attributes, packed. */
#include <string.h>

#include "rib/batch.h"
#include "util/mem.h"

/*
 * An encoder takes up to BATCH prefixes, asks export about each and puts it in
 * the bucket of its outgoing attributes and audience; then each bucket becomes as
 * few messages as it takes. What a slice has no room for goes back to where it
 * came from. Only what was written is noted as told.
 */
#define BATCH 4096u
#define SLICE 8192u /* prefixes to look at in one go */

struct tell {
	struct rib *rib;
	struct group *group;
	struct rib_member *member; /* NULL: for the whole group */
	struct prefixes *table;
	struct tell_room *room;
	struct batch *batch;
	bool by_attr;  /* as the export says of itself */
	uint32_t laps; /* of the group, before the batch */
	/* Prefixes written, for the chunk. */
	uint32_t *ids;
	uint32_t id_count, id_capacity;
	struct prefix *prefixes; /* of the bucket being written */
	uint32_t *bucket_items;
	uint32_t prefix_capacity;
};

void
tell_room_clear(struct tell_room *room)
{
	mem_free(room->out);
	mem_free(room->parts);
	if (room->batch != NULL)
		batch_free(room->batch);
	mem_free(room->batch);
	if (room->arena != NULL)
		arena_free(room->arena);
	memset(room, 0, sizeof(*room));
}

bool
tell_ask(const struct group *g, uint32_t id, struct arena *arena,
    struct rib_path_view *view, struct attr *out)
{
	const struct rib *rib = g->rib;
	const struct entry *e = prefixes_at(&rib->tables[g->family], id);
	const struct path *best = e != NULL ? rib_best(rib, e) : NULL;

	if (best == NULL)
		return false;
	rib_view(rib, g->family, e, best, view);
	if (view->flags & RIB_SUPPRESSED)
		return false;
	*out = rib_attr_get(view->used);
	return g->export.export(g->export.arg, view, arena, out);
}

/* What is told of a prefix; SHARE_NONE if it is not. */
static uint32_t
ask(struct tell *t, uint32_t id, const struct path *best)
{
	struct rib_attr *set = attr_at(t->rib, path_used(t->rib, best));
	struct rib_path_view view;
	uint32_t share = SHARE_NONE;
	struct attr out;

	if (!t->by_attr ||
	    !batch_find_answer(t->batch, set, best->source, &share)) {
		arena_reset(t->room->arena);
		if (tell_ask(t->group, id, t->room->arena, &view, &out))
			share = batch_share(t->batch, &t->group->session,
			    t->group->family, &out);
		if (t->by_attr)
			batch_note_answer(t->batch, set, best->source, share);
	}
	/* Whoever knows the prefix must forget it (RFC 4271 9.2). */
	if (share != SHARE_TOO_BIG)
		return share;
	t->rib->too_big++;
	return SHARE_NONE;
}

/* sorting ----------------------------------------------------------------------- */

static void
item_add(struct tell *t, uint32_t share, enum tell_rule rule, uint16_t source,
    uint32_t id, bool held)
{
	struct batch_item *item = batch_add(
	    t->batch, share, rule, source, entry_at(t->table, id)->len);

	item->id = id;
	item->held = held;
}

static void
skip(struct tell *t, uint32_t id, bool held)
{
	if (held)
		prefixes_unhold(t->table, id);
}

/* Sorts one prefix in, as the whole group is to hear of it. */
static void
look_for_group(struct tell *t, uint32_t id, bool held)
{
	struct group *g = t->group;
	const struct entry *e = entry_at(t->table, id);
	const struct path *best = rib_best(t->rib, e);
	uint32_t out = SHARE_NONE;
	uint16_t was = idmap_get(&g->origin, id), source = 0;

	if (best != NULL && best->source != group_only_self(g))
		out = ask(t, id, best);
	if (out == SHARE_NONE) {
		if (idset_has(&g->told, id))
			item_add(t, SHARE_NONE, TELL_NOT, was, id, held);
		else
			skip(t, id, held);
		return;
	}
	if (group_member_of(g, best->source) != NULL)
		source = best->source;
	/* Who knows it from another must forget it: the path is its own. */
	if (source != 0 && source != was && idset_has(&g->told, id))
		item_add(t, SHARE_NONE, TELL_ONLY, source, id, false);
	item_add(t, out, TELL_NOT, source, id, held);
}

/* The same for a detached member; `again`: it may have been told before. */
static void
look_for_member(struct tell *t, uint32_t id, bool again)
{
	struct rib_member *member = t->member;
	uint16_t self = member->self != NULL ? member->self->index : 0;
	const struct entry *e = entry_at(t->table, id);
	const struct path *best = rib_best(t->rib, e);
	uint32_t out = SHARE_NONE;

	if (member->fresh && !again && best != NULL && best->source == self &&
	    idmap_get(&t->group->origin, id) == 0 &&
	    idset_has(&t->group->told, id)) {
		/* The group was told it before this member joined. */
		idmap_set(&t->group->origin, id, self);
		member->hidden++;
	}
	/*
	 * It hears no more than what the group takes it to know: changes that
	 * the group has not looked at yet come by the group.
	 */
	if (best != NULL && best->source != self &&
	    idset_has(&t->group->told, id) &&
	    (self == 0 || idmap_get(&t->group->origin, id) != self))
		out = ask(t, id, best);
	if (out != SHARE_NONE || again)
		item_add(t, out, TELL_ALL, 0, id, again);
	else
		skip(t, id, again);
}

/* Gatherers return how many prefixes they looked at. */
/* One batch goes one way: what came by another is noted as told before. */
static uint32_t
gather_for_group(struct tell *t)
{
	uint32_t ids[RIB_MANY], looked = 0, count, i;
	enum group_way way, first = WAY_DIRTY;

	while (looked < BATCH && !batch_is_full(t->batch)) {
		count = group_take(t->group, ids, RIB_MANY, &way);
		if (looked == 0)
			first = way;
		for (i = 0;
		     i < count && way == first && !batch_is_full(t->batch); i++)
			look_for_group(t, ids[i], way == WAY_DIRTY);
		group_give_back(t->group, ids + i, count - i, way);
		if (i == 0)
			break;
		looked += i;
	}
	return looked;
}

static uint32_t
gather_for_member(struct tell *t)
{
	struct rib_member *member = t->member;
	uint32_t count, id = 0;

	for (count = 0; count < BATCH / 2 && !batch_is_full(t->batch);
	     count++) {
		id = idset_next(&member->todo, 0);
		if (id == ID_NONE)
			break;
		idset_remove(&member->todo, id);
		look_for_member(t, id, true);
	}
	for (; member->dump_at != ID_NONE && count < BATCH &&
	       !batch_is_full(t->batch);
	     count++) {
		member->dump_at =
		    idset_next(&t->group->told, member->dump_at + 1);
		if (member->dump_at == ID_NONE)
			break;
		look_for_member(t, member->dump_at, false);
	}
	return count;
}

/* writing ----------------------------------------------------------------------- */

static void
put_back(struct tell *t, const struct batch_item *item)
{
	struct idset *set =
	    t->member != NULL ? &t->member->todo : &t->group->dirty;

	/* A sweep that leaves something is none. */
	t->group->laps = t->laps;
	if (idset_add(set, item->id)) {
		if (!item->held)
			prefixes_hold(t->table, item->id);
	} else if (item->held) {
		prefixes_unhold(t->table, item->id);
	}
}

static void
hide(const struct group *g, uint16_t source, int by)
{
	struct rib_member *member =
	    source != 0 ? group_member_of(g, source) : NULL;

	if (member != NULL)
		member->hidden += (uint32_t)by;
}

/* Does a detached member come by it no more, or knows what has changed? */
static bool
member_must_hear(const struct rib_member *member, uint32_t id, uint16_t was,
    uint16_t is, bool announced)
{
	uint16_t self = member->self != NULL ? member->self->index : 0;

	if (member->fresh && id > member->dump_at)
		return false;
	return self == 0 || was != self || (announced && is != self);
}

/* Notes for the group that a prefix was written. */
static void
commit_for_group(struct tell *t, const struct batch_bucket *bucket, uint32_t id)
{
	struct group *g = t->group;
	bool announced = bucket->share != SHARE_NONE;
	uint16_t was = idmap_get(&g->origin, id);
	uint16_t is = announced ? bucket->source : 0;
	struct rib_member *member;

	t->ids =
	    batch_grow(t->ids, t->id_count, &t->id_capacity, sizeof(*t->ids));
	t->ids[t->id_count++] = id | (announced ? 0 : CHUNK_WITHDRAWN);
	if (bucket->rule == TELL_ONLY) {
		prefixes_hold(t->table, id);
		return;
	}
	if (was != is) {
		hide(g, was, -1);
		hide(g, is, 1);
		idmap_set(&g->origin, id, is);
	}
	LIST_FOREACH (member, &g->detached, detached_link)
		if (member_must_hear(member, id, was, is, announced))
			member_todo(member, id);
	/* A chunk holds what it withdraws: the hold of `told` passes to it. */
	if (announced ? idset_add(&g->told, id) : !idset_remove(&g->told, id))
		prefixes_hold(t->table, id);
}

static void
commit(struct tell *t, const struct batch_bucket *bucket,
    const struct batch_item *item)
{
	if (t->member == NULL)
		commit_for_group(t, bucket, item->id);
	else if (bucket->share != SHARE_NONE && !item->held)
		t->member->dumped++;
	if (item->held)
		prefixes_unhold(t->table, item->id);
}

/* The bytes from the last part's end to here are for this audience. */
static void
part_add(struct tell *t, const struct batch_bucket *bucket)
{
	struct tell_room *room = t->room;
	struct tell_part *last = NULL;

	if (room->part_count > 0)
		last = &room->parts[room->part_count - 1];
	if (last == NULL || last->rule != bucket->rule ||
	    last->source != bucket->source) {
		room->parts = batch_grow(room->parts, room->part_count,
		    &room->part_capacity, sizeof(*room->parts));
		last = &room->parts[room->part_count++];
		last->rule = bucket->rule;
		last->source = bucket->source;
	}
	last->end = (uint32_t)room->out_len;
}

/* One message with as many of the prefixes as fit: at least one does. */
static unsigned
write_message(struct tell *t, const struct batch_bucket *bucket,
    const struct prefix *prefixes, unsigned count)
{
	struct tell_room *room = t->room;
	const struct wire_session *session = &t->group->session;
	size_t max = session->extended ? MESSAGE_MAX_EXTENDED : MESSAGE_MAX;
	struct update_shared shared;
	struct buf out;
	unsigned done;

	if (room->out_capacity < room->out_len + max) {
		room->out_capacity = room->out_len + max + TELL_SLICE / 4;
		room->out = mem_resize(room->out, room->out_capacity, 1);
	}
	out = buf_writer(room->out + room->out_len, max);
	if (bucket->share == SHARE_NONE) {
		done = update_encode_withdraw(
		    &out, session, t->group->family, prefixes, count);
	} else {
		shared = batch_share_at(t->batch, bucket->share);
		done = update_encode_shared(
		    &out, session, &shared, prefixes, count);
	}
	if (out.failed || done == 0)
		fatal("an UPDATE without a prefix");
	room->out_len += out.pos;
	part_add(t, bucket);
	return done;
}

static void
lay_out(struct tell *t, const struct batch_bucket *bucket)
{
	const struct batch_item *items = t->batch->items;
	uint32_t i, at = bucket->first;

	if (t->prefix_capacity < bucket->count) {
		t->prefix_capacity = bucket->count;
		t->prefixes = mem_resize(
		    t->prefixes, bucket->count, sizeof(*t->prefixes));
		t->bucket_items = mem_resize(
		    t->bucket_items, bucket->count, sizeof(*t->bucket_items));
	}
	for (i = 0; i < bucket->count; i++, at = items[at].next) {
		prefixes_read(t->table, entry_at(t->table, items[at].id),
		    &t->prefixes[i]);
		t->bucket_items[i] = at;
	}
}

/* Messages until the slice is full; what is left then goes back. */
static void
write_bucket(struct tell *t, const struct batch_bucket *bucket)
{
	const struct batch_item *items = t->batch->items;
	uint32_t i = 0, done;

	lay_out(t, bucket);
	while (i < bucket->count && t->room->out_len < TELL_SLICE) {
		done = i + write_message(
			       t, bucket, t->prefixes + i, bucket->count - i);
		while (i < done)
			commit(t, bucket, &items[t->bucket_items[i++]]);
	}
	for (; i < bucket->count; i++)
		put_back(t, &items[t->bucket_items[i]]);
}

/* Withdrawals first. */
static void
write_buckets(struct tell *t)
{
	const struct batch *b = t->batch;
	uint32_t i;

	for (i = b->withdrawn; i != 0; i = b->buckets[i - 1].next)
		write_bucket(t, &b->buckets[i - 1]);
	for (i = 0; i < b->bucket_count; i++)
		if (b->buckets[i].share != SHARE_NONE)
			write_bucket(t, &b->buckets[i]);
}

/* encoders ---------------------------------------------------------------------- */

static void
tell_begin(struct tell *t, struct group *g, struct rib_member *member)
{
	memset(t, 0, sizeof(*t));
	t->rib = g->rib;
	t->group = g;
	t->member = member;
	t->table = &g->rib->tables[g->family];
	t->room = &g->rib->room;
	t->room->out_len = 0;
	t->room->part_count = 0;
	if (t->room->arena == NULL) {
		t->room->arena = arena_new();
		t->room->batch = mem_alloc(sizeof(*t->room->batch));
	}
	t->batch = t->room->batch;
}

/* Batches until the slice is full, or nothing is left, or it took long enough. */
static void
tell_run(struct tell *t)
{
	struct tell_room *room = t->room;
	uint32_t looked, left = SLICE;

	t->by_attr = t->group->export.by_attr != NULL &&
		     t->group->export.by_attr(t->group->export.arg) &&
		     TAILQ_EMPTY(&t->rib->aggregates);
	do {
		t->laps = t->group->laps;
		batch_reset(t->batch);
		looked = t->member != NULL ? gather_for_member(t)
					   : gather_for_group(t);
		write_buckets(t);
		left -= looked < left ? looked : left;
	} while (looked > 0 && left > 0 && room->out_len < TELL_SLICE);
	batch_reset(t->batch);
	if (looked == 0 || !group_has_work(t->group))
		batch_relax(t->batch);
	mem_free(t->prefixes);
	mem_free(t->bucket_items);
}

static void
append(struct tell *t)
{
	struct group *g = t->group;
	struct tell_room *room = t->room;
	struct chunk *chunk = mem_alloc(sizeof(*chunk));
	struct rib_member *member;

	chunk->len = (uint32_t)room->out_len;
	chunk->bytes = mem_copy(room->out, room->out_len);
	chunk->part_count = room->part_count;
	chunk->parts =
	    mem_copy(room->parts, room->part_count * sizeof(*room->parts));
	chunk->id_count = t->id_count;
	chunk->ids = t->ids;
	TAILQ_INSERT_TAIL(&g->log, chunk, link);
	g->log_bytes += chunk->len;
	LIST_FOREACH (member, &g->members, link) {
		if (member->detached || member->cursor != NULL)
			continue;
		member->cursor = chunk;
		chunk->readers++;
	}
	group_wake(g);
}

void
tell_group(struct group *g)
{
	struct tell t;

	tell_begin(&t, g, NULL);
	tell_run(&t);
	if (t.room->out_len > 0)
		append(&t);
}

size_t
tell_member(struct rib_member *member, const uint8_t **data)
{
	struct tell t;

	tell_begin(&t, member->group, member);
	tell_run(&t);
	*data = t.room->out;
	return t.room->out_len;
}
