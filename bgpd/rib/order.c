/* SPDX-License-Identifier: ISC */
/* Walks in order of prefix, a window of the table at a time. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"

/*
 * The table keeps no order, for only people ask for it. A walk makes it piece by
 * piece: one pass over the table, in slices, finds the next WINDOW prefixes after
 * the last one, sorted; the steps that follow are served from there. With too many
 * walks at once a pass is not cut in slices, so that each of them comes to an end. Steps look every
 * prefix up anew, so what went meanwhile is not seen.
 */
#define WINDOW	    8192u
#define WINDOWS_MAX 8u
#define PASS_SLICE  65536u /* prefixes of the table, in one call */

/* What a window may still take: after the cursor, not beyond its largest. */
struct range {
	uint64_t low, high; /* heads */
	struct prefix limit;
	bool limited;
	unsigned size; /* of an address */
};

struct window {
	struct window *next; /* used last comes first */
	uint32_t walk;
	bool filling; /* the pass is at id `at` */
	uint32_t at;
	struct range range;
	bool whole; /* nothing comes after it */
	uint32_t count;
	struct prefix *prefixes;
};

static int
compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void
window_free(struct prefixes *t, struct window *window)
{
	t->window_count--;
	mem_free(window->prefixes);
	mem_free(window);
}

void
order_clear(struct prefixes *t)
{
	struct window *window;

	while ((window = t->windows) != NULL) {
		t->windows = window->next;
		window_free(t, window);
	}
}

/* The walk's window, which becomes the first of the list. */
static struct window *
window_find(struct prefixes *t, uint32_t walk)
{
	struct window **at = &t->windows, *window;

	while (*at != NULL && (*at)->walk != walk)
		at = &(*at)->next;
	window = *at;
	if (window == NULL)
		return NULL;
	*at = window->next;
	window->next = t->windows;
	t->windows = window;
	return window;
}

/* Walks that were left halfway lose theirs to newer ones. */
static void
window_limit(struct prefixes *t)
{
	struct window **at = &t->windows, *window;
	unsigned n;

	for (n = 0; *at != NULL && n < WINDOWS_MAX; n++)
		at = &(*at)->next;
	while ((window = *at) != NULL) {
		*at = window->next;
		window_free(t, window);
	}
}

static struct window *
window_new(struct prefixes *t, uint32_t walk)
{
	struct window *window = mem_alloc(sizeof(*window));

	window->walk = walk;
	window->next = t->windows;
	t->windows = window;
	t->window_count++;
	window_limit(t);
	return window;
}

static uint32_t
id_next(const struct prefixes *t, const struct idset *only, uint32_t id)
{
	uint32_t next;

	if (only == NULL)
		return slab_next(&t->slab, id);
	next = idset_next(only, id + 1);
	return next == ID_NONE ? SLAB_NONE : next;
}

/* Is the prefix of this id one that the walk wants to see? */
static bool
wanted(const struct prefixes *t, const struct idset *only, uint32_t id)
{
	const struct entry *e = prefixes_at(t, id);

	return e != NULL && (only == NULL || idset_has(only, id)) &&
	       (e->paths != SLAB_NONE || only != NULL);
}

/* The smaller half stays; `limit` is then the largest of it. */
static void
window_cut(struct window *window)
{
	qsort(window->prefixes, window->count, sizeof(struct prefix), compare);
	if (window->count > WINDOW) {
		window->count = WINDOW;
		window->whole = false;
	}
}

/* The first bytes of a prefix as a number: most are told apart by it alone. */
static uint64_t
head_of(const uint8_t *bytes, unsigned size)
{
	uint64_t head = 0;

	memcpy(&head, bytes, size < sizeof(head) ? size : sizeof(head));
	return be64toh(head);
}

static void
window_offer(const struct prefixes *t, struct window *window,
    const struct rib_cursor *cursor, const struct entry *e)
{
	struct range *range = &window->range;
	uint64_t head = head_of(e->bytes, range->size);
	struct prefix prefix;

	if (head < range->low || head > range->high)
		return;
	prefix = prefixes_get(t, e);
	if (cursor->begun && prefix_compare(&prefix, &cursor->last) <= 0)
		return;
	if (range->limited && prefix_compare(&prefix, &range->limit) > 0)
		return;
	window->prefixes[window->count++] = prefix;
	if (window->count < 2 * WINDOW)
		return;
	window_cut(window);
	range->limit = window->prefixes[WINDOW - 1];
	range->limited = true;
	range->high = head_of(range->limit.bytes, range->size);
}

static void
window_begin(const struct prefixes *t, struct window *window,
    const struct rib_cursor *cursor)
{
	window->range = (struct range){ .high = UINT64_MAX,
		.size = family_info[t->family].bits / 8 };
	if (cursor->begun)
		window->range.low =
		    head_of(cursor->last.bytes, window->range.size);
	window->count = 0;
	window->whole = true;
	window->filling = true;
	window->at = SLAB_NONE;
	window->prefixes =
	    mem_resize(window->prefixes, 2 * WINDOW, sizeof(struct prefix));
}

/* A slice of the pass; false while there is more of it. */
static bool
window_fill(struct prefixes *t, struct window *window, const struct idset *only,
    const struct rib_cursor *cursor)
{
	uint32_t left = t->window_count < WINDOWS_MAX ? PASS_SLICE : UINT32_MAX;
	const struct entry *e;

	while ((window->at = id_next(t, only, window->at)) != SLAB_NONE) {
		e = entry_at(t, window->at);
		if (e->paths != SLAB_NONE || only != NULL)
			window_offer(t, window, cursor, e);
		if (--left == 0)
			return false;
	}
	window_cut(window);
	window->prefixes = mem_resize(window->prefixes,
	    window->count > 0 ? window->count : 1, sizeof(struct prefix));
	window->filling = false;
	return true;
}

/* The first of the window after the cursor's last. */
static uint32_t
window_seek(const struct window *window, const struct rib_cursor *cursor)
{
	uint32_t low = 0, high = window->count, middle;

	while (cursor->begun && low < high) {
		middle = low + (high - low) / 2;
		if (prefix_compare(&window->prefixes[middle], &cursor->last) <=
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t
window_take(struct prefixes *t, const struct window *window,
    const struct idset *only, struct rib_cursor *cursor)
{
	uint32_t i = window_seek(window, cursor), id;

	for (; i < window->count; i++) {
		id = prefixes_find(t, &window->prefixes[i]);
		cursor->last = window->prefixes[i];
		cursor->begun = true;
		if (id != SLAB_NONE && wanted(t, only, id))
			return id;
	}
	return SLAB_NONE;
}

static uint32_t
order_next_any(const struct prefixes *t, const struct idset *only,
    struct rib_cursor *cursor)
{
	do
		cursor->id = id_next(t, only, cursor->id);
	while (cursor->id != SLAB_NONE && !wanted(t, only, cursor->id));
	if (cursor->id == SLAB_NONE)
		cursor->id = UINT32_MAX - 1; /* stays at the end */
	else
		cursor->begun = true;
	return cursor->id == UINT32_MAX - 1 ? SLAB_NONE : cursor->id;
}

uint32_t
order_next(
    struct prefixes *t, const struct idset *only, struct rib_cursor *cursor)
{
	struct window *window;
	uint32_t id;

	cursor->busy = false;
	if (cursor->any_order)
		return order_next_any(t, only, cursor);
	if (cursor->walk == 0)
		cursor->walk = ++t->walks;
	window = window_find(t, cursor->walk);
	if (window == NULL) {
		window = window_new(t, cursor->walk);
		window_begin(t, window, cursor);
	}
	for (;;) {
		if (window->filling && !window_fill(t, window, only, cursor)) {
			cursor->busy = true;
			return SLAB_NONE;
		}
		id = window_take(t, window, only, cursor);
		if (id != SLAB_NONE)
			return id;
		if (window->whole)
			break;
		window_begin(t, window, cursor);
	}
	t->windows = window->next;
	window_free(t, window);
	return SLAB_NONE;
}

void
order_close(struct prefixes *t, struct rib_cursor *cursor)
{
	struct window *window =
	    cursor->walk != 0 ? window_find(t, cursor->walk) : NULL;

	if (window != NULL) {
		t->windows = window->next;
		window_free(t, window);
	}
	memset(cursor, 0, sizeof(*cursor));
}
