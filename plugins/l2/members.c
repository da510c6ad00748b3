/* SPDX-License-Identifier: ISC */
/* The nodes that there are, and who of them watches whom. */

/*
 * Each member is watched by others, its monitors: by all up to 32 members, above
 * that by its neighbors on a few rings, each sorted by another hash, so that a
 * new member changes few pairs.
 */

#include <sha2.h>

#include "owner_inside.h"

struct member *
member_by_id(const struct owners *o, uint64_t id)
{
	size_t low = 0, high = o->member_count, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (o->by_id[mid]->id == id)
			return o->by_id[mid];
		if (o->by_id[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct member *
member_find(const struct owners *o, const char *name)
{
	return name == NULL ? NULL
			    : member_by_id(o, message_id(name, strlen(name)));
}

static struct member *
member_new(struct owners *o, const char *name)
{
	struct member *m = kit_alloc(sizeof(*m));

	m->name = kit_copy(name);
	m->id = message_id(name, strlen(name));
	m->added_us = o->now_us;
	m->lease = OWNERS_NO_LEASE;
	m->verdict = VERDICT_WAIT;
	m->index = SIZE_MAX;
	TAILQ_INIT(&m->claims);
	return m;
}

static void
member_free(struct member *m)
{
	free(m->name);
	free(m->views);
	free(m->segments.seen);
	free(m->watching);
	free(m->out.entries);
	free(m);
}

void
members_free(struct owners *o)
{
	size_t i;

	for (i = 0; i < o->member_count; i++)
		member_free(o->members[i]);
	free(o->members);
	free(o->by_id);
	o->member_count = 0;
}

/* The rings of who watches whom ------------------------------------------------------- */

struct seat {
	uint64_t at;
	size_t index;
};

static int
seat_compare(const void *one, const void *other)
{
	const struct seat *a = one, *b = other;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static void
watch_pair(struct owners *o, size_t a, size_t b)
{
	if (a == b)
		return;
	o->members[a]->watching[b] = 1;
	o->members[b]->watching[a] = 1;
}

static void
watch_ring(struct owners *o, uint64_t ring)
{
	struct seat *seats = kit_alloc(o->member_count * sizeof(*seats));
	uint64_t salted[2] = { ring, 0 };
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		salted[1] = o->members[i]->id;
		seats[i].at = message_id(salted, sizeof(salted));
		seats[i].index = i;
	}
	qsort(seats, o->member_count, sizeof(*seats), seat_compare);
	for (i = 0; i < o->member_count; i++)
		watch_pair(
		    o, seats[i].index, seats[(i + 1) % o->member_count].index);
	free(seats);
}

void
members_watch(struct owners *o)
{
	size_t i, k, rings = o->member_count / 16;

	for (i = 0; i < o->member_count; i++) {
		free(o->members[i]->watching);
		o->members[i]->watching = kit_alloc(o->member_count);
	}
	if (o->member_count <= MESH_MAX || owner_is_consistent(o)) {
		for (i = 0; i < o->member_count; i++)
			for (k = 0; k < i; k++)
				watch_pair(o, i, k);
		return;
	}
	rings = rings < 4 ? 4 : rings > 8 ? 8 : rings;
	for (i = 0; i < rings; i++)
		watch_ring(o, i + 1);
}

bool
owners_watches(const struct owners *o, const char *name)
{
	const struct member *m = member_find(o, name);

	return m != NULL && m != o->self && o->self->watching[m->index] != 0;
}

/* A new list of members -------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(struct member *const *)a)->name,
	    (*(struct member *const *)b)->name);
}

static int
by_id(const void *a, const void *b)
{
	const struct member *one = *(struct member *const *)a;
	const struct member *other = *(struct member *const *)b;

	return one->id < other->id ? -1 : one->id > other->id;
}

/* What it said of the others stands at other places now. */
static void
views_move(struct owners *o, struct member *m, size_t old_count)
{
	uint8_t *views = kit_alloc(o->member_count);
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		if (o->members[i]->index < old_count && m->views != NULL)
			views[i] = m->views[o->members[i]->index];
	}
	free(m->views);
	m->views = views;
	segments_move(o, m, old_count);
}

/* Nothing points at it any more; what it had is nobody's. */
static void
member_leave(struct owners *o, struct member *m)
{
	struct claim *claim = NULL, *next;

	while ((claim = claim_next(o, claim)) != NULL) {
		if (claim->meant == m)
			claim_mean(claim, NULL);
		if (claim->to == m)
			claim->to = NULL;
	}
	TAILQ_FOREACH_SAFE (claim, &m->claims, of_owner, next)
		claim_set(o, claim, NULL, claim->epoch, 0,
		    "its owner is no member any more");
	member_free(m);
}

static void
member_keep(struct owners *o, const struct owners_member *said)
{
	struct member *m = member_find(o, said->name);

	if (m == NULL) {
		m = member_new(o, said->name);
		o->members = kit_grow(o->members,
		    (o->member_count + 1) * sizeof(struct member *));
		o->by_id = kit_grow(
		    o->by_id, (o->member_count + 1) * sizeof(struct member *));
		o->members[o->member_count] = m;
		o->by_id[o->member_count++] = m;
		qsort(
		    o->by_id, o->member_count, sizeof(struct member *), by_id);
		if (o->self == NULL)
			o->self = m; /* the first of all */
	}
	m->kept = true;
	m->excluded = said->excluded;
	m->lease = said->lease;
	if (m == o->self && m->lease == OWNERS_ALIVE)
		o->leased = true;
}

/* Those that were not said again go. */
static void
members_sweep(struct owners *o)
{
	struct member *m;
	size_t i, n = 0;

	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (m->kept || m == o->self)
			o->by_id[n++] = m;
	}
	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (!m->kept && m != o->self)
			member_leave(o, m);
	}
	o->member_count = n;
	memcpy(o->members, o->by_id, n * sizeof(struct member *));
	qsort(o->by_id, n, sizeof(struct member *), by_id);
	qsort(o->members, n, sizeof(struct member *), by_name);
}

void
members_replace(
    struct owners *o, const struct owners_member *said, size_t count)
{
	struct owners_member self = { .name = o->self_name,
		.lease = OWNERS_NO_LEASE };
	size_t i, old_count = o->member_count;

	for (i = 0; i < o->member_count; i++)
		o->members[i]->kept = false;
	if (o->self == NULL)
		member_keep(o, &self);
	for (i = 0; i < count; i++)
		member_keep(o, &said[i]);
	members_sweep(o);
	for (i = 0; i < o->member_count; i++)
		views_move(o, o->members[i], old_count);
	for (i = 0; i < o->member_count; i++)
		o->members[i]->index = i;
	members_watch(o);
	segments_anew(o);
}

/* The same names as before: only what is said of them may differ. */
static bool
members_are_same(
    const struct owners *o, const struct owners_member *members, size_t count)
{
	size_t i, n = 1;
	const struct member *m;

	for (i = 0; i < count; i++) {
		m = member_find(o, members[i].name);
		if (m == NULL)
			return false;
		n += m != o->self;
	}
	return n == o->member_count;
}

bool
members_update(
    struct owners *o, const struct owners_member *members, size_t count)
{
	struct member *m;
	size_t i;

	if (!members_are_same(o, members, count))
		return false;
	for (i = 0; i < count; i++) {
		m = member_find(o, members[i].name);
		m->excluded = members[i].excluded;
		m->lease = members[i].lease;
		if (m == o->self && m->lease == OWNERS_ALIVE)
			o->leased = true;
	}
	return true;
}
