/* SPDX-License-Identifier: ISC */
/* The children of a node: in order of row and key, found over express lanes. */

/*
 * A configuration can have a million lines, and a node's own memory is most of
 * what each costs: a skip list needs a link and a third, where a balanced tree
 * needs four. A node of height h hangs in the h lowest lanes; its links lie right
 * before it (tree.c). A file is mostly written in the order in which children
 * hang here, so what comes behind all others is asked first.
 *
 * Children are ordered by row, then by key. Those whose last key is a number
 * given by us (CLI_NUMBERED) hang in a second list too, ordered by their values,
 * so that a line said twice is found without a walk over the whole list.
 */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"

/* The lowest lane has them all, each next one a fourth. */
#define LANES NODE_HEIGHT_MAX

struct kids {
	struct cli_node *first[LANES], *last[LANES];
	unsigned lanes; /* in use */
	uint32_t dice;
};

typedef int (*kid_order)(const struct cli_node *node, const void *key);

/* order -------------------------------------------------------------------- */

static int
compare_row(const struct cli_node *node, const void *key)
{
	unsigned x = node->code->order, y = ((const struct code *)key)->order;

	return x < y ? -1 : x > y;
}

static int
compare_fields(const struct cli_node *a, const struct cli_node *b,
    unsigned from, unsigned to)
{
	const struct cli_field *f = a->code->row->fields;
	int diff = 0;

	for (unsigned i = 0; f != NULL && diff == 0 && i < to; i++) {
		if (f[i].token == NULL)
			break;
		if (i >= from)
			diff = field_compare(
			    &f[i], node_at(a, &f[i]), node_at(b, &f[i]));
	}
	return diff;
}

static int
compare_key(const struct cli_node *a, const void *key)
{
	const struct cli_node *b = key;

	return a->code != b->code ? compare_row(a, b->code)
				  : compare_fields(a, b, 0, code_keys(a->code));
}

/* All but the number. */
static int
compare_unnumbered(const struct cli_node *a, const void *key)
{
	const struct cli_node *b = key;
	unsigned keys;
	int diff;

	if (a->code != b->code)
		return compare_row(a, b->code);
	keys = code_keys(a->code);
	diff = compare_fields(a, b, 0, keys - 1);
	return diff != 0 ? diff : compare_fields(a, b, keys, UINT32_MAX);
}

/* Then the number, so that equal lines can stand. */
static int
compare_values(const struct cli_node *a, const void *key)
{
	int diff = compare_unnumbered(a, key);
	unsigned keys;

	if (diff != 0)
		return diff;
	keys = code_keys(a->code);
	return compare_fields(a, key, keys - 1, keys);
}

static const kid_order orders[] = {
	[KIDS_BY_KEY] = compare_key,
	[KIDS_BY_VALUE] = compare_values,
};

bool
node_same_key(const struct cli_node *a, const struct cli_node *b, unsigned keys)
{
	return a->code == b->code && compare_fields(a, b, 0, keys) == 0;
}

/* lanes -------------------------------------------------------------------- */

/* The node's links in all its lanes; NULL: the list's own. */
static struct cli_node **
links_of(struct kids *kids, enum kids_by by, const struct cli_node *node)
{
	return node != NULL ? node_links(node, by) : kids->first;
}

/* Where something stands or would stand: the last node before it, by lane. */
struct spot {
	struct cli_node *before[LANES]; /* NULL: none */
	struct cli_node *at;		/* the first that is not before it */
};

static bool
is_behind_all(const struct kids *kids, kid_order order, const void *key)
{
	return kids->last[0] != NULL && order(kids->last[0], key) < 0;
}

static void
seek(struct kids *kids, enum kids_by by, kid_order order, const void *key,
    struct spot *spot)
{
	struct cli_node *at = NULL, *next = NULL, *bound = NULL;

	if (is_behind_all(kids, order, key)) {
		memcpy(spot->before, kids->last, sizeof(spot->before));
		spot->at = NULL;
		return;
	}
	memset(spot->before, 0, sizeof(spot->before));
	for (unsigned lane = kids->lanes; lane-- > 0;) {
		for (;; at = next) {
			next = links_of(kids, by, at)[lane];
			if (next == bound || order(next, key) >= 0)
				break;
		}
		bound = next;
		spot->before[lane] = at;
	}
	spot->at = next;
}

static struct kids *
kids_of(const struct cli_node *parent, enum kids_by by)
{
	return parent->is_entry ? NULL : cell_of(parent)->kids[by];
}

/* The first child not before the key. */
static struct cli_node *
first_from(const struct cli_node *parent, enum kids_by by, kid_order order,
    const void *key)
{
	struct kids *kids = kids_of(parent, by);
	struct spot spot;

	if (kids == NULL)
		return NULL;
	seek(kids, by, order, key, &spot);
	return spot.at;
}

/* in and out --------------------------------------------------------------- */

static struct kids *
kids_make(const struct cli_node *parent, enum kids_by by, struct arena *arena)
{
	struct kids **kids = &cell_of(parent)->kids[by];

	if (*kids == NULL) {
		*kids = arena_alloc(arena, sizeof(**kids));
		(*kids)->dice = 1;
	}
	return *kids;
}

unsigned
kids_height(const struct cli_node *parent, struct arena *arena)
{
	struct kids *kids = kids_make(parent, KIDS_BY_KEY, arena);
	unsigned height = 1;

	/* Knuth's constants; the high bits are the good ones. */
	kids->dice = kids->dice * 1664525 + 1013904223;
	for (uint32_t dice = kids->dice >> 8; (dice & 3) == 0; dice >>= 2)
		if (height++ == LANES || height > kids->lanes + 1)
			return height - 1;
	return height;
}

static void
link_in(struct cli_node *parent, enum kids_by by, struct cli_node *node,
    struct arena *arena)
{
	struct kids *kids = kids_make(parent, by, arena);
	struct cli_node **links = node_links(node, by), **before;
	struct spot spot;

	seek(kids, by, orders[by], node, &spot);
	if (kids->lanes < node->height)
		kids->lanes = node->height;
	for (unsigned lane = 0; lane < node->height; lane++) {
		before = links_of(kids, by, spot.before[lane]);
		links[lane] = before[lane];
		before[lane] = node;
		if (links[lane] == NULL)
			kids->last[lane] = node;
	}
}

static void
take_out(struct cli_node *parent, enum kids_by by, struct cli_node *node)
{
	struct kids *kids = kids_of(parent, by);
	struct cli_node **links = node_links(node, by);
	struct spot spot;

	seek(kids, by, orders[by], node, &spot);
	for (unsigned lane = 0; lane < node->height; lane++) {
		links_of(kids, by, spot.before[lane])[lane] = links[lane];
		if (links[lane] == NULL)
			kids->last[lane] = spot.before[lane];
		links[lane] = NULL;
	}
}

void
kids_add(struct cli_node *parent, struct cli_node *node, struct arena *arena)
{
	link_in(parent, KIDS_BY_KEY, node, arena);
	kids_add_values(parent, node, arena);
}

void
kids_remove(struct cli_node *parent, struct cli_node *node)
{
	kids_remove_values(parent, node);
	take_out(parent, KIDS_BY_KEY, node);
}

void
kids_add_values(
    struct cli_node *parent, struct cli_node *node, struct arena *arena)
{
	if (code_is_numbered(node->code))
		link_in(parent, KIDS_BY_VALUE, node, arena);
}

void
kids_remove_values(struct cli_node *parent, struct cli_node *node)
{
	if (code_is_numbered(node->code))
		take_out(parent, KIDS_BY_VALUE, node);
}

/* what there is ------------------------------------------------------------ */

bool
kids_are_none(const struct cli_node *parent)
{
	return node_next(parent, NULL) == NULL;
}

struct cli_node *
kids_first_of(const struct cli_node *parent, const struct code *code)
{
	struct cli_node *node =
	    first_from(parent, KIDS_BY_KEY, compare_row, code);

	return node != NULL && node->code == code ? node : NULL;
}

struct cli_node *
node_next(const struct cli_node *parent, const struct cli_node *last)
{
	struct kids *kids;

	if (last != NULL)
		return node_links(last, KIDS_BY_KEY)[0];
	kids = kids_of(parent, KIDS_BY_KEY);
	return kids != NULL ? kids->first[0] : NULL;
}

struct cli_node *
node_next_from(const struct cli_node *parent, const struct cli_node *probe)
{
	return first_from(parent, KIDS_BY_KEY, compare_key, probe);
}

struct cli_node *
node_find(const struct cli_node *parent, const struct cli_node *probe)
{
	struct cli_node *node = node_next_from(parent, probe);

	return node != NULL && compare_key(node, probe) == 0 ? node : NULL;
}

struct cli_node *
node_find_equal(const struct cli_node *parent, const struct cli_node *probe)
{
	struct cli_node *node =
	    first_from(parent, KIDS_BY_VALUE, compare_unnumbered, probe);

	return node != NULL && compare_unnumbered(node, probe) == 0 ? node
								    : NULL;
}

struct cli_node *
node_before(const struct cli_node *parent, const struct cli_node *probe)
{
	struct kids *kids = kids_of(parent, KIDS_BY_KEY);
	struct spot spot;

	if (kids == NULL)
		return NULL;
	seek(kids, KIDS_BY_KEY, compare_key, probe, &spot);
	return spot.before[0];
}
