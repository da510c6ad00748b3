/* SPDX-License-Identifier: ISC */
/* A configuration: nodes in one arena, each with whose line made it. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/*
 * Before each node lie its links, where it hangs among its parent's children,
 * and right before it, unless its one line says everything, its cell. Most nodes
 * of a large configuration are such lines: what is not theirs is not in a node.
 */
struct cli_tree {
	struct cli *cli;
	struct arena *arena;
	struct cli_node *root;
	unsigned refs;
	struct said *said; /* the one asked for last is the first */
};

/* Files and owners are named by thousands of nodes: one copy does. */
struct said {
	struct cli_said said;
	struct said *next;
};

unsigned
code_keys(const struct code *code)
{
	return code->row->child->key_fields;
}

bool
code_is_numbered(const struct code *code)
{
	return (code->row->flags & CLI_NUMBERED) != 0;
}

/* links, cell, node; a node is aligned as its links are. */
static struct cli_node *
node_make(struct arena *arena, const struct code *code, unsigned height)
{
	const struct mode *mode = code->child;
	bool is_entry = mode->type->form == CLI_ENTRY;
	size_t lists = height > 0 && code_is_numbered(code) ? 2 : 1;
	size_t front = height * lists * sizeof(struct cli_node *) +
		       (is_entry ? 0 : sizeof(struct cell));
	char *p = arena_alloc(arena, front + mode->type->size);
	struct cli_node *node = (void *)(p + front);

	memcpy(node, mode->image, mode->type->size);
	node->code = code;
	node->height = (uint8_t)height;
	return node;
}

struct cli_node *
node_new(struct arena *arena, const struct code *code)
{
	return node_make(arena, code, 0);
}

/* What the row's fields point to moves into the arena. */
static void
own_fields(struct cli_node *node, const struct code *code, struct arena *arena)
{
	const struct cli_field *f = code->row->fields;

	for (; f != NULL && f->token != NULL; f++)
		field_copy(f, arena, node_at(node, f));
}

/* What does not lie in its struct: which rows were said. */
static void
copy_set(struct cli_node *node, const struct cli_node *from)
{
	if (!node->is_entry)
		memcpy(cell_of(node)->set, cell_of(from)->set,
		    sizeof(cell_of(node)->set));
}

struct cli_node *
node_add(struct cli_node *parent, const struct cli_node *probe)
{
	struct arena *arena = parent->said->tree->arena;
	const struct code *code = probe->code, *row;
	unsigned height = kids_height(parent, arena);
	struct cli_node *node = node_make(arena, code, height);

	memcpy(node, probe, code->child->type->size);
	node->height = (uint8_t)height;
	node->parent = parent;
	node->said = parent->said;
	copy_set(node, probe);
	own_fields(node, code, arena);
	TAILQ_FOREACH (row, &code->child->codes, link)
		if (row->row->kind == CLI_LEAF)
			own_fields(node, row, arena);
	kids_add(parent, node, arena);
	return node;
}

void
node_remove(struct cli_node *node)
{
	kids_remove(node->parent, node);
	node->parent = NULL;
}

void
node_assign(struct cli_node *node, const struct cli_node *from)
{
	const struct cli_field *f = node->code->row->fields;
	struct arena *arena = node->said->tree->arena;

	if (f == NULL)
		return;
	kids_remove_values(node->parent, node);
	for (f += code_keys(node->code); f->token != NULL; f++) {
		memcpy(node_at(node, f), node_at(from, f), field_size(f));
		field_copy(f, arena, node_at(node, f));
	}
	kids_add_values(node->parent, node, arena);
}

bool
node_is_set(const struct cli_node *node, const struct code *code)
{
	return !node->is_entry &&
	       (cell_of(node)->set[code->slot / 64] >> (code->slot % 64) & 1) !=
		   0;
}

void
node_set(struct cli_node *node, const struct code *code, bool on)
{
	uint64_t *word = &cell_of(node)->set[code->slot / 64];
	uint64_t bit = UINT64_C(1) << (code->slot % 64);

	*word = on ? *word | bit : *word & ~bit;
}

bool
node_sets_equal(const struct cli_node *a, const struct cli_node *b)
{
	return a->is_entry || memcmp(cell_of(a)->set, cell_of(b)->set,
				  sizeof(cell_of(a)->set)) == 0;
}

bool
node_is_empty(const struct cli_node *node)
{
	for (unsigned i = 0; !node->is_entry && i < CLI_ROWS_PER_NODE / 64; i++)
		if (cell_of(node)->set[i] != 0)
			return false;
	return kids_are_none(node);
}

struct cli_node *
cli_next(const struct cli_node *parent, const struct cli_node_type *type,
    const struct cli_node *last)
{
	const struct code *code = NULL;
	struct cli_node *node;

	if (last != NULL) {
		node = node_next(parent, last);
		code = last->code;
		if (node != NULL && node->code == code)
			return node;
	}
	if (parent == NULL)
		return NULL;
	while ((code = mode_next_maker(node_mode(parent), type, code)) != NULL)
		if ((node = kids_first_of(parent, code)) != NULL)
			return node;
	return NULL;
}

struct cli_node *
cli_twin(const struct cli_tree *tree, const struct cli_node *node)
{
	struct cli_node *up;

	if (node->parent == NULL)
		return node->code->row == NULL ? tree->root : NULL;
	up = cli_twin(tree, node->parent);
	return up != NULL ? node_find(up, node) : NULL;
}

bool
cli_is_set(const struct cli_node *node, size_t offset)
{
	const struct cli_field *f;
	const struct code *code;

	TAILQ_FOREACH (code, &node_mode(node)->codes, link) {
		if (code->row->kind != CLI_LEAF)
			continue;
		for (f = code->row->fields; f != NULL && f->token != NULL; f++)
			if (f->offset == offset && node_is_set(node, code))
				return true;
	}
	return false;
}

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

const struct cli_said *
tree_said(struct cli_tree *tree, const char *owner, const char *file)
{
	struct said **at = &tree->said, *said;

	for (; (said = *at) != NULL; at = &said->next)
		if (is_same(said->said.owner, owner) &&
		    is_same(said->said.file, file))
			break;
	if (said == NULL) {
		said = arena_alloc(tree->arena, sizeof(*said));
		said->said.tree = tree;
		said->said.owner = arena_string(tree->arena, owner);
		said->said.file = arena_string(tree->arena, file);
	} else
		*at = said->next;
	said->next = tree->said;
	tree->said = said;
	return &said->said;
}

const char *
cli_owner(const struct cli_node *node)
{
	return node->said != NULL ? node->said->owner : NULL;
}

const char *
cli_file(const struct cli_node *node)
{
	return node->said != NULL ? node->said->file : NULL;
}

const struct cli_tree *
cli_tree_of(const struct cli_node *node)
{
	return node->said->tree;
}

const struct cli_node_type *
cli_type(const struct cli_node *node)
{
	return node->code->child->type;
}

struct cli_tree *
cli_tree_new(struct cli *cli)
{
	struct cli_tree *tree = mem_alloc(sizeof(*tree));

	tree->cli = cli;
	tree->refs = 1;
	tree->arena = arena_new();
	tree->root = node_new(tree->arena, &cli->root);
	tree->root->said = tree_said(tree, NULL, NULL);
	return tree;
}

static void
clone_children(struct cli_node *to, const struct cli_node *from)
{
	struct cli_node *kid = NULL;

	while ((kid = node_next(from, kid)) != NULL) {
		struct cli_node *twin = node_add(to, kid);

		twin->said = tree_said(
		    to->said->tree, kid->said->owner, kid->said->file);
		clone_children(twin, kid);
	}
}

struct cli_tree *
cli_tree_clone(const struct cli_tree *tree)
{
	struct cli_tree *clone = cli_tree_new(tree->cli);

	copy_set(clone->root, tree->root);
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
