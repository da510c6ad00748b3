/* SPDX-License-Identifier: ISC */
/* What is to be said becomes messages: asked, sorted by attributes, packed. */
#include <string.h>

#include "rib/group.h"
#include "util/mem.h"

/*
 * An encoder takes up to BATCH prefixes, asks export about each and puts it in
 * the bucket of its outgoing attributes and audience; then each bucket becomes as
 * few messages as it takes. What a slice has no room for goes back to where it
 * came from. Only what was written is noted as told.
 */
#define BATCH 4096u

struct tell_item {
	struct prefix prefix;
	uint32_t id;
	uint32_t next; /* of the bucket; ID_NONE */
	bool held;     /* we own the hold of the set it was in */
};

struct tell_bucket {
	struct rib_attr *attr; /* NULL: withdrawn */
	uint32_t first, last, count;
	uint32_t next; /* of the same attributes; 0: none, else index + 1 */
	uint16_t source;
	uint8_t rule;
};

struct tell {
	struct rib *rib;
	struct group *group;
	struct rib_member *member; /* NULL: for the whole group */
	struct prefixes *table;
	struct tell_room *room;
	uint32_t withdrawn; /* first bucket of withdrawals, index + 1 */
	/* What export answered last. */
	uint32_t asked_used;
	uint16_t asked_source;
	struct rib_attr *answer;
	/* Prefixes written, for the chunk. */
	uint32_t *ids;
	uint32_t id_count, id_capacity;
	struct prefix *prefixes; /* of the bucket being written */
	uint32_t *bucket_items;
	uint32_t prefix_capacity;
};

/* Makes room for one more; the new array. */
static void *
grow(void *p, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return p;
	*capacity = *capacity > 0 ? *capacity * 2 : 16;
	return mem_resize(p, *capacity, size);
}

void
tell_room_clear(struct tell_room *room)
{
	mem_free(room->out);
	mem_free(room->items);
	mem_free(room->buckets);
	mem_free(room->parts);
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
	*out = view->used->attr;
	return g->export.export(g->export.arg, view, arena, out);
}

/* Outgoing attributes of a prefix, NULL if it is not told; borrowed. */
static struct rib_attr *
ask(struct tell *t, uint32_t id, const struct path *best)
{
	struct rib_path_view view;
	struct attr out;

	if (t->group->export.by_attr && t->asked_used == best->used &&
	    t->asked_source == best->source && TAILQ_EMPTY(&t->rib->aggregates))
		return t->answer;
	arena_reset(t->room->arena);
	rib_attr_unref(t->rib, t->answer);
	t->answer = NULL;
	t->asked_used = best->used;
	t->asked_source = best->source;
	if (tell_ask(t->group, id, t->room->arena, &view, &out))
		t->answer = rib_attr_intern(t->rib, &out);
	return t->answer;
}

/* sorting ----------------------------------------------------------------------- */

static struct tell_bucket *
bucket_find(
    struct tell *t, struct rib_attr *attr, enum tell_rule rule, uint16_t source)
{
	struct tell_room *room = t->room;
	uint32_t *head = attr != NULL ? &attr->bucket : &t->withdrawn, at;
	struct tell_bucket *bucket;

	for (at = *head; at != 0; at = bucket->next) {
		bucket = &room->buckets[at - 1];
		if (bucket->rule == rule && bucket->source == source)
			return bucket;
	}
	room->buckets = grow(room->buckets, room->bucket_count,
	    &room->bucket_capacity, sizeof(*room->buckets));
	bucket = &room->buckets[room->bucket_count++];
	memset(bucket, 0, sizeof(*bucket));
	bucket->attr = attr != NULL ? rib_attr_ref(attr) : NULL;
	bucket->first = bucket->last = ID_NONE;
	bucket->rule = (uint8_t)rule;
	bucket->source = source;
	bucket->next = *head;
	*head = room->bucket_count;
	return bucket;
}

static void
item_add(struct tell *t, struct rib_attr *attr, enum tell_rule rule,
    uint16_t source, uint32_t id, bool held)
{
	struct tell_room *room = t->room;
	struct tell_bucket *bucket =
	    bucket_find(t, attr, source != 0 ? rule : TELL_ALL, source);
	struct tell_item *item;

	room->items = grow(room->items, room->item_count, &room->item_capacity,
	    sizeof(*room->items));
	item = &room->items[room->item_count];
	item->prefix = prefixes_get(t->table, prefixes_at(t->table, id));
	item->id = id;
	item->held = held;
	item->next = ID_NONE;
	if (bucket->first == ID_NONE)
		bucket->first = room->item_count;
	else
		room->items[bucket->last].next = room->item_count;
	bucket->last = room->item_count++;
	bucket->count++;
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
	const struct entry *e = prefixes_at(t->table, id);
	const struct path *best = rib_best(t->rib, e);
	struct rib_attr *out = NULL;
	uint16_t was = idmap_get(&g->origin, id), source = 0;

	if (best != NULL && best->source != group_only_self(g))
		out = ask(t, id, best);
	if (out == NULL) {
		if (idset_has(&g->told, id))
			item_add(t, NULL, TELL_NOT, was, id, held);
		else
			skip(t, id, held);
		return;
	}
	if (group_member_of(g, best->source) != NULL)
		source = best->source;
	/* Who knows it from another must forget it: the path is its own. */
	if (source != 0 && source != was && idset_has(&g->told, id))
		item_add(t, NULL, TELL_ONLY, source, id, false);
	item_add(t, out, TELL_NOT, source, id, held);
}

/* The same for a detached member; `again`: it may have been told before. */
static void
look_for_member(struct tell *t, uint32_t id, bool again)
{
	struct rib_member *member = t->member;
	uint16_t self = member->self != NULL ? member->self->index : 0;
	const struct entry *e = prefixes_at(t->table, id);
	const struct path *best = rib_best(t->rib, e);
	struct rib_attr *out = NULL;

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
	if (out != NULL || again)
		item_add(t, out, TELL_ALL, 0, id, again);
	else
		skip(t, id, again);
}

/* Gatherers return how many prefixes they looked at. */
static uint32_t
gather_for_group(struct tell *t)
{
	uint32_t count, id;
	bool held;

	for (count = 0; count < BATCH; count++) {
		id = group_next(t->group, &held);
		if (id == ID_NONE)
			break;
		look_for_group(t, id, held);
	}
	return count;
}

static uint32_t
gather_for_member(struct tell *t)
{
	struct rib_member *member = t->member;
	uint32_t count, id = 0;

	for (count = 0; count < BATCH / 2; count++) {
		id = idset_next(&member->todo, 0);
		if (id == ID_NONE)
			break;
		idset_remove(&member->todo, id);
		look_for_member(t, id, true);
	}
	for (; member->dump_at != ID_NONE && count < BATCH; count++) {
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
put_back(struct tell *t, const struct tell_item *item)
{
	struct idset *set =
	    t->member != NULL ? &t->member->todo : &t->group->dirty;

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
commit_for_group(struct tell *t, const struct tell_bucket *bucket, uint32_t id)
{
	struct group *g = t->group;
	uint16_t was = idmap_get(&g->origin, id);
	uint16_t is = bucket->attr != NULL ? bucket->source : 0;
	struct rib_member *member;

	t->ids = grow(t->ids, t->id_count, &t->id_capacity, sizeof(*t->ids));
	t->ids[t->id_count++] =
	    id | (bucket->attr == NULL ? CHUNK_WITHDRAWN : 0);
	if (bucket->attr == NULL)
		prefixes_hold(t->table, id);
	if (bucket->rule == TELL_ONLY)
		return;
	hide(g, was, -1);
	hide(g, is, 1);
	idmap_set(&g->origin, id, is);
	LIST_FOREACH (member, &g->detached, detached_link)
		if (member_must_hear(member, id, was, is, bucket->attr != NULL))
			member_todo(member, id);
	if (bucket->attr != NULL) {
		if (idset_add(&g->told, id))
			prefixes_hold(t->table, id);
	} else if (idset_remove(&g->told, id)) {
		prefixes_unhold(t->table, id);
	}
}

static void
commit(struct tell *t, const struct tell_bucket *bucket,
    const struct tell_item *item)
{
	if (t->member == NULL)
		commit_for_group(t, bucket, item->id);
	else if (bucket->attr != NULL && !item->held)
		t->member->dumped++;
	if (item->held)
		prefixes_unhold(t->table, item->id);
}

/* The bytes from the last part's end to here are for this audience. */
static void
part_add(struct tell *t, const struct tell_bucket *bucket)
{
	struct tell_room *room = t->room;
	struct tell_part *last = NULL;

	if (room->part_count > 0)
		last = &room->parts[room->part_count - 1];
	if (last == NULL || last->rule != bucket->rule ||
	    last->source != bucket->source) {
		room->parts = grow(room->parts, room->part_count,
		    &room->part_capacity, sizeof(*room->parts));
		last = &room->parts[room->part_count++];
		last->rule = bucket->rule;
		last->source = bucket->source;
	}
	last->end = (uint32_t)room->out_len;
}

/* One message with as many of the prefixes as fit; 0: not even one did. */
static unsigned
write_message(struct tell *t, const struct tell_bucket *bucket,
    const struct prefix *prefixes, unsigned count)
{
	struct tell_room *room = t->room;
	const struct wire_session *session = &t->group->session;
	size_t max = session->extended ? MESSAGE_MAX_EXTENDED : MESSAGE_MAX;
	struct buf out;
	unsigned done;

	if (room->out_capacity < room->out_len + max) {
		room->out_capacity = room->out_len + max + TELL_SLICE / 4;
		room->out = mem_resize(room->out, room->out_capacity, 1);
	}
	out = buf_writer(room->out + room->out_len, max);
	if (bucket->attr == NULL)
		done = update_encode_withdraw(
		    &out, session, t->group->family, prefixes, count);
	else
		done = update_encode(&out, session, t->group->family,
		    &bucket->attr->attr, prefixes, count);
	if (out.failed || done == 0)
		return 0;
	room->out_len += out.pos;
	part_add(t, bucket);
	return done;
}

static void
lay_out(struct tell *t, const struct tell_bucket *bucket)
{
	const struct tell_item *items = t->room->items;
	uint32_t i, at = bucket->first;

	if (t->prefix_capacity < bucket->count) {
		t->prefix_capacity = bucket->count;
		t->prefixes = mem_resize(
		    t->prefixes, bucket->count, sizeof(*t->prefixes));
		t->bucket_items = mem_resize(
		    t->bucket_items, bucket->count, sizeof(*t->bucket_items));
	}
	for (i = 0; i < bucket->count; i++, at = items[at].next) {
		t->prefixes[i] = items[at].prefix;
		t->bucket_items[i] = at;
	}
}

/* Messages from item `i` on until the slice is full; where it ended. */
static uint32_t
write_run(struct tell *t, const struct tell_bucket *bucket, uint32_t i)
{
	const struct tell_item *items = t->room->items;
	uint32_t done;

	while (i < bucket->count && t->room->out_len < TELL_SLICE) {
		done = i + write_message(
			       t, bucket, t->prefixes + i, bucket->count - i);
		if (done == i)
			break;
		while (i < done)
			commit(t, bucket, &items[t->bucket_items[i++]]);
	}
	return i;
}

/*
 * No message holds these attributes: whoever knows the prefixes must forget them
 * (RFC 4271 9.2).
 */
static void
write_too_big(struct tell *t, const struct tell_bucket *bucket, uint32_t i)
{
	struct tell_bucket gone = *bucket;
	const struct tell_item *item;

	t->rib->too_big += bucket->count - i;
	gone.attr = NULL;
	gone.count = 0;
	for (; i < bucket->count; i++) {
		item = &t->room->items[t->bucket_items[i]];
		if (t->member != NULL ? item->held
				      : idset_has(&t->group->told, item->id)) {
			t->prefixes[gone.count] = item->prefix;
			t->bucket_items[gone.count++] = t->bucket_items[i];
		} else {
			skip(t, item->id, item->held);
		}
	}
	for (i = write_run(t, &gone, 0); i < gone.count; i++)
		put_back(t, &t->room->items[t->bucket_items[i]]);
}

static void
write_bucket(struct tell *t, const struct tell_bucket *bucket)
{
	uint32_t i;

	lay_out(t, bucket);
	i = write_run(t, bucket, 0);
	if (i < bucket->count && t->room->out_len < TELL_SLICE &&
	    bucket->attr != NULL) {
		write_too_big(t, bucket, i);
		return;
	}
	for (; i < bucket->count; i++)
		put_back(t, &t->room->items[t->bucket_items[i]]);
}

static void
write_buckets(struct tell *t)
{
	struct tell_room *room = t->room;
	uint32_t i;

	for (i = 0; i < room->bucket_count; i++)
		if (room->buckets[i].attr == NULL)
			write_bucket(t, &room->buckets[i]);
	for (i = 0; i < room->bucket_count; i++) {
		if (room->buckets[i].attr == NULL)
			continue;
		write_bucket(t, &room->buckets[i]);
		room->buckets[i].attr->bucket = 0;
	}
	for (i = 0; i < room->bucket_count; i++)
		rib_attr_unref(t->rib, room->buckets[i].attr);
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
	if (t->room->arena == NULL)
		t->room->arena = arena_new();
}

/* Batches until the slice is full or nothing is left. */
static void
tell_run(struct tell *t)
{
	struct tell_room *room = t->room;
	uint32_t looked;

	do {
		room->item_count = room->bucket_count = 0;
		t->withdrawn = 0;
		looked = t->member != NULL ? gather_for_member(t)
					   : gather_for_group(t);
		write_buckets(t);
	} while (looked > 0 && room->out_len < TELL_SLICE);
	rib_attr_unref(t->rib, t->answer);
	mem_free(t->prefixes);
	mem_free(t->bucket_items);
	/* Large batches are rare; what they needed is not kept. */
	if (room->item_capacity > 64) {
		mem_free(room->items);
		mem_free(room->buckets);
		room->items = NULL;
		room->buckets = NULL;
		room->item_capacity = room->bucket_capacity = 0;
	}
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
	group_trim(g);
}

bool
tell_group(struct group *g)
{
	struct tell t;

	if (!group_has_work(g))
		return false;
	tell_begin(&t, g, NULL);
	tell_run(&t);
	if (t.room->out_len > 0)
		append(&t);
	return t.room->out_len > 0;
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
