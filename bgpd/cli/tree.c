/* SPDX-License-Identifier: ISC */
/* A configuration: nodes in one arena, children in balanced trees. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/*
 * Before each node lies its cell: where it hangs in its parent. Children are
 * ordered by row, then by key. Those whose last key is a number given by us
 * (CLI_NUMBERED) hang in a second tree too, ordered by their values, so that a
 * line said twice is found without a walk over the whole list.
 */
struct cli_tree {
	struct cli *cli;
	struct arena *arena;
	struct cli_node *root;
	unsigned refs;
	const char *seen_copy; /* the last file or owner copied */
};

unsigned
code_keys(const struct code *code)
{
	return code->row->child->key_fields;
}

static int
cell_order(const struct cell *a, const struct cell *b)
{
	unsigned x = a->code->order, y = b->code->order;

	return x < y ? -1 : x > y;
}

static int
cell_compare(
    const struct cell *a, const struct cell *b, unsigned from, unsigned to)
{
	const struct cli_field *f = a->code->row->fields;
	int diff = cell_order(a, b);

	for (unsigned i = 0; f != NULL && diff == 0 && i < to; i++) {
		if (f[i].token == NULL)
			break;
		if (i >= from)
			diff = field_compare(&f[i], node_at(a->node, &f[i]),
			    node_at(b->node, &f[i]));
	}
	return diff;
}

static int
compare_key(const struct cell *a, const struct cell *b)
{
	int diff = cell_order(a, b);

	return diff != 0 ? diff : cell_compare(a, b, 0, code_keys(a->code));
}

/* All but the number; then the number, so that equal lines can stand. */
static int
compare_values(const struct cell *a, const struct cell *b)
{
	unsigned keys;
	int diff = cell_order(a, b);

	if (diff != 0)
		return diff;
	keys = code_keys(a->code);
	diff = cell_compare(a, b, 0, keys - 1);
	if (diff == 0)
		diff = cell_compare(a, b, keys, UINT32_MAX);
	return diff != 0 ? diff : cell_compare(a, b, keys - 1, keys);
}

RB_GENERATE_INTERNAL(
    cells, cell, by_key, compare_key, static __attribute__((unused)))
RB_GENERATE_INTERNAL(cells_by_value, cell, by_value, compare_values,
    static __attribute__((unused)))

static bool
is_numbered(const struct code *code)
{
	return (code->row->flags & CLI_NUMBERED) != 0;
}

struct cli_node *
node_new(struct arena *arena, const struct code *code, struct mode *mode)
{
	struct cell *cell =
	    arena_alloc(arena, sizeof(*cell) + 16 + mode->type->size);
	uintptr_t after = ((uintptr_t)(cell + 1) + 15) & ~(uintptr_t)15;
	struct cli_node *node = (struct cli_node *)after;

	memcpy(node, mode->image, mode->type->size);
	RB_INIT(&cell->kids);
	RB_INIT(&cell->values);
	cell->code = code;
	cell->mode = mode;
	cell->node = node;
	node->type = mode->type;
	node->row = code != NULL ? code->row : NULL;
	node->children = cell;
	return node;
}

static void
link_values(struct cell *up, struct cell *cell)
{
	if (is_numbered(cell->code))
		RB_INSERT(cells_by_value, &up->values, cell);
}

static void
unlink_values(struct cell *up, struct cell *cell)
{
	if (is_numbered(cell->code))
		RB_REMOVE(cells_by_value, &up->values, cell);
}

/* What the row's fields point to moves into the arena. */
static void
own_fields(struct cli_node *node, const struct code *code, struct arena *arena)
{
	const struct cli_field *f = code != NULL ? code->row->fields : NULL;

	for (; f != NULL && f->token != NULL; f++)
		field_copy(f, arena, node_at(node, f));
}

struct cli_node *
node_add(struct cli_node *parent, const struct cli_node *probe)
{
	struct cell *from = cell_of(probe), *up = cell_of(parent);
	struct arena *arena = parent->tree->arena;
	struct cli_node *node = node_new(arena, from->code, from->mode);
	void *cell = node->children;
	const struct code *code;

	memcpy(node, probe, from->mode->type->size);
	node->children = cell;
	node->parent = parent;
	node->tree = parent->tree;
	own_fields(node, from->code, arena);
	TAILQ_FOREACH (code, &from->mode->codes, link)
		if (code->row->kind == CLI_LEAF)
			own_fields(node, code, arena);
	RB_INSERT(cells, &up->kids, cell_of(node));
	link_values(up, cell_of(node));
	return node;
}

void
node_remove(struct cli_node *node)
{
	struct cell *up = cell_of(node->parent);

	unlink_values(up, cell_of(node));
	RB_REMOVE(cells, &up->kids, cell_of(node));
	node->parent = NULL;
}

struct cli_node *
node_find(const struct cli_node *parent, const struct cli_node *probe)
{
	struct cell *cell =
	    RB_FIND(cells, &cell_of(parent)->kids, cell_of(probe));

	return cell != NULL ? cell->node : NULL;
}

struct cli_node *
node_find_equal(const struct cli_node *parent, const struct cli_node *probe)
{
	struct cell *want = cell_of(probe);
	struct cell *cell =
	    RB_NFIND(cells_by_value, &cell_of(parent)->values, want);
	unsigned keys = code_keys(want->code);

	if (cell == NULL || cell->code != want->code ||
	    cell_compare(cell, want, 0, keys - 1) != 0 ||
	    cell_compare(cell, want, keys, UINT32_MAX) != 0)
		return NULL;
	return cell->node;
}

void
node_assign(struct cli_node *node, const struct cli_node *from)
{
	struct cell *cell = cell_of(node);
	const struct cli_field *f = cell->code->row->fields;

	if (f == NULL)
		return;
	unlink_values(cell_of(node->parent), cell);
	for (f += code_keys(cell->code); f->token != NULL; f++) {
		memcpy(node_at(node, f), node_at(from, f), field_size(f));
		field_copy(f, node->tree->arena, node_at(node, f));
	}
	link_values(cell_of(node->parent), cell);
}

struct cli_node *
node_next(const struct cli_node *parent, const struct cli_node *last)
{
	struct cell *cell = last == NULL ? RB_MIN(cells, &cell_of(parent)->kids)
					 : RB_NEXT(cells, NULL, cell_of(last));

	return cell != NULL ? cell->node : NULL;
}

struct cli_node *
node_next_from(const struct cli_node *parent, const struct cli_node *probe)
{
	struct cell *cell =
	    RB_NFIND(cells, &cell_of(parent)->kids, cell_of(probe));

	return cell != NULL ? cell->node : NULL;
}

struct cli_node *
node_before(const struct cli_node *parent, const struct cli_node *probe)
{
	struct cell *at = RB_ROOT(&cell_of(parent)->kids), *best = NULL;

	while (at != NULL) {
		if (compare_key(at, cell_of(probe)) < 0) {
			best = at;
			at = RB_RIGHT(at, by_key);
		} else
			at = RB_LEFT(at, by_key);
	}
	return best != NULL ? best->node : NULL;
}

bool
node_same_key(const struct cli_node *a, const struct cli_node *b, unsigned keys)
{
	return cell_compare(cell_of(a), cell_of(b), 0, keys) == 0;
}

bool
node_is_set(const struct cli_node *node, const struct code *code)
{
	return node->set[code->slot / 64] >> (code->slot % 64) & 1;
}

void
node_set(struct cli_node *node, const struct code *code, bool on)
{
	uint64_t bit = UINT64_C(1) << (code->slot % 64);

	if (on)
		node->set[code->slot / 64] |= bit;
	else
		node->set[code->slot / 64] &= ~bit;
}

bool
node_is_empty(const struct cli_node *node)
{
	for (unsigned i = 0; i < CLI_ROWS_PER_NODE / 64; i++)
		if (node->set[i] != 0)
			return false;
	return RB_EMPTY(&cell_of(node)->kids);
}

/* The first child that this row made, after those of the rows before. */
static struct cli_node *
first_of(const struct cli_node *parent, const struct code *code)
{
	struct cell *at = RB_ROOT(&cell_of(parent)->kids), *best = NULL;

	while (at != NULL) {
		if (at->code->order < code->order)
			at = RB_RIGHT(at, by_key);
		else {
			best = at;
			at = RB_LEFT(at, by_key);
		}
	}
	return best != NULL && best->code == code ? best->node : NULL;
}

struct cli_node *
cli_next(const struct cli_node *parent, const struct cli_node_type *type,
    const struct cli_node *last)
{
	const struct code *code = NULL;
	struct cli_node *node;

	if (last != NULL) {
		node = node_next(parent, last);
		code = cell_of(last)->code;
		if (node != NULL && cell_of(node)->code == code)
			return node;
	}
	if (parent == NULL)
		return NULL;
	while (
	    (code = mode_next_maker(cell_of(parent)->mode, type, code)) != NULL)
		if ((node = first_of(parent, code)) != NULL)
			return node;
	return NULL;
}

struct cli_node *
cli_twin(const struct cli_tree *tree, const struct cli_node *node)
{
	struct cli_node *up;

	if (node->parent == NULL)
		return node->row == NULL ? tree->root : NULL;
	up = cli_twin(tree, node->parent);
	return up != NULL ? node_find(up, node) : NULL;
}

bool
cli_is_set(const struct cli_node *node, size_t offset)
{
	const struct cli_field *f;
	const struct code *code;

	TAILQ_FOREACH (code, &cell_of(node)->mode->codes, link) {
		if (code->row->kind != CLI_LEAF)
			continue;
		for (f = code->row->fields; f != NULL && f->token != NULL; f++)
			if (f->offset == offset && node_is_set(node, code))
				return true;
	}
	return false;
}

struct cli_tree *
cli_tree_new(struct cli *cli)
{
	struct cli_tree *tree = mem_alloc(sizeof(*tree));

	tree->cli = cli;
	tree->refs = 1;
	tree->arena = arena_new();
	tree->root = node_new(tree->arena, NULL, cli_mode(cli, &cli_root));
	tree->root->tree = tree;
	return tree;
}

/* Files and owners are named by thousands of nodes: one copy does. */
const char *
tree_string(struct cli_tree *tree, const char *s)
{
	if (s == NULL)
		return NULL;
	if (tree->seen_copy == NULL || strcmp(s, tree->seen_copy) != 0)
		tree->seen_copy = arena_string(tree->arena, s);
	return tree->seen_copy;
}

static void
clone_children(struct cli_node *to, const struct cli_node *from)
{
	struct cli_node *kid = NULL;

	while ((kid = node_next(from, kid)) != NULL) {
		struct cli_node *twin = node_add(to, kid);

		twin->file = tree_string(to->tree, kid->file);
		twin->owner = kid->owner == NULL
				  ? NULL
				  : arena_string(to->tree->arena, kid->owner);
		clone_children(twin, kid);
	}
}

struct cli_tree *
cli_tree_clone(const struct cli_tree *tree)
{
	struct cli_tree *clone = cli_tree_new(tree->cli);

	memcpy(clone->root->set, tree->root->set, sizeof(tree->root->set));
	clone_children(clone->root, tree->root);
	return clone;
}

struct cli_tree *
cli_tree_ref(struct cli_tree *tree)
{
	tree->refs++;
	return tree;
}

void
cli_tree_free(struct cli_tree *tree)
{
	if (tree == NULL || --tree->refs > 0)
		return;
	arena_free(tree->arena);
	mem_free(tree);
}

struct cli_node *
cli_tree_root(const struct cli_tree *tree)
{
	return tree->root;
}

struct arena *
cli_tree_arena(const struct cli_tree *tree)
{
	return tree->arena;
}

struct cli *
tree_cli(const struct cli_tree *tree)
{
	return tree->cli;
}
