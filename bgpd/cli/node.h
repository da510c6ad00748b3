/* SPDX-License-Identifier: ISC */
/* Inside a configuration: nodes, their cells, their children; comes with engine.h. */
#ifndef CLI_NODE_H
#define CLI_NODE_H

#include "cli/engine.h"

/* tree.c: nodes ------------------------------------------------------------ */

enum kids_by { KIDS_BY_KEY, KIDS_BY_VALUE, KIDS_LISTS };

#define NODE_HEIGHT_MAX 10

struct cli_said {
	struct cli_tree *tree;
	const char *owner; /* NULL: file or shell */
	const char *file;  /* NULL: the shell */
};

/* Lies before each node that can have lines below it. */
struct cell {
	struct kids *kids[KIDS_LISTS];
	uint64_t set[CLI_ROWS_PER_NODE / 64]; /* which rows were said */
};

/* Of a node that is no CLI_ENTRY. */
static inline struct cell *
cell_of(const struct cli_node *node)
{
	return (struct cell *)(uintptr_t)node - 1;
}

static inline struct mode *
node_mode(const struct cli_node *node)
{
	return node->code->child;
}

/* `height` of them, before the cell. */
static inline struct cli_node **
node_links(const struct cli_node *node, enum kids_by by)
{
	uintptr_t end =
	    node->is_entry ? (uintptr_t)node : (uintptr_t)cell_of(node);

	return (struct cli_node **)end - node->height * (by + 1u);
}

static inline void *
node_at(const struct cli_node *node, const struct cli_field *field)
{
	return (char *)node + field->offset;
}

struct cli *tree_cli(const struct cli_tree *tree);
/* What a node of this owner and file (copied, may be NULL) points to. */
const struct cli_said *tree_said(
    struct cli_tree *tree, const char *owner, const char *file);
/* A node that is in no tree, all defaults. */
struct cli_node *node_new(struct arena *arena, const struct code *code);
/* Copies `probe`, with what it points to, under the parent. */
struct cli_node *node_add(
    struct cli_node *parent, const struct cli_node *probe);
void node_remove(struct cli_node *node);
/* Takes the values (not the keys) of `from`, which is of the same type. */
void node_assign(struct cli_node *node, const struct cli_node *from);
bool node_is_set(const struct cli_node *node, const struct code *code);
void node_set(struct cli_node *node, const struct code *code, bool on);
/* Were the same rows said in both? */
bool node_sets_equal(const struct cli_node *a, const struct cli_node *b);
bool node_is_empty(const struct cli_node *node);
unsigned code_keys(const struct code *code);
bool code_is_numbered(const struct code *code);

/* kids.c: children --------------------------------------------------------- */

/* In how many lanes the next child shall hang. */
unsigned kids_height(const struct cli_node *parent, struct arena *arena);
/* The node's links are its own; what the list needs comes from the arena. */
void kids_add(
    struct cli_node *parent, struct cli_node *node, struct arena *arena);
void kids_remove(struct cli_node *parent, struct cli_node *node);
/* Around a change of the node's values. */
void kids_add_values(
    struct cli_node *parent, struct cli_node *node, struct arena *arena);
void kids_remove_values(struct cli_node *parent, struct cli_node *node);
bool kids_are_none(const struct cli_node *parent);
/* The first child that this row made, or NULL. */
struct cli_node *kids_first_of(
    const struct cli_node *parent, const struct code *code);
struct cli_node *node_find(
    const struct cli_node *parent, const struct cli_node *probe);
/* The sibling with the same values and leading keys, whatever its number. */
struct cli_node *node_find_equal(
    const struct cli_node *parent, const struct cli_node *probe);
/* Children in printed order, of all types; start with NULL. */
struct cli_node *node_next(
    const struct cli_node *parent, const struct cli_node *last);
/* The first child not before the probe. */
struct cli_node *node_next_from(
    const struct cli_node *parent, const struct cli_node *probe);
/* The last child before the probe. */
struct cli_node *node_before(
    const struct cli_node *parent, const struct cli_node *probe);
/* Same row and same first `keys` key fields? */
bool node_same_key(
    const struct cli_node *a, const struct cli_node *b, unsigned keys);

#endif
