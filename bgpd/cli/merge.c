/* SPDX-License-Identifier: ISC */
/* Two configurations side by side: equal, what a change asks, layers merged. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/text.h"

/* what differs ------------------------------------------------------------- */

static bool
fields_equal(const struct cli_field *f, const void *a, const void *b)
{
	for (; f != NULL && f->token != NULL; f++)
		if (field_compare(f, (const char *)a + f->offset,
			(const char *)b + f->offset) != 0)
			return false;
	return true;
}

/* The node, or the defaults of its type. */
static const struct cli_node *
or_default(const struct cli_node *node, const struct mode *mode)
{
	return node != NULL ? node : mode->image;
}

static unsigned
row_changes(const struct code *code, const struct cli_node *old,
    const struct cli_node *new)
{
	unsigned effect = code->row->effect != 0 ? code->row->effect : CLI_LIVE;

	if (code->row->kind == CLI_LEAF && code->canon == code &&
	    (node_is_set(old, code) != node_is_set(new, code) ||
		!fields_equal(code->row->fields, old, new)))
		return effect;
	return 0;
}

/* What the modes below ask that are in `of` and changed, or not in `other`. */
static unsigned
mode_changes(
    const struct cli_node *of, const struct cli_node *other, bool of_is_old)
{
	const struct cli_node *kid = NULL, *twin;
	unsigned effects = 0;

	while (of != NULL && (kid = node_next(of, kid)) != NULL) {
		if (cli_type(kid)->form != CLI_MODE)
			continue;
		twin = other != NULL ? node_find(other, kid) : NULL;
		if (of_is_old)
			effects |= cli_changes(kid, twin);
		else if (twin == NULL)
			effects |= cli_changes(NULL, kid);
	}
	return effects;
}

unsigned
cli_changes(const struct cli_node *old, const struct cli_node *new)
{
	const struct cli_node *any = old != NULL ? old : new;
	const struct code *code, *maker;
	const struct mode *mode;
	unsigned effects;

	if (any == NULL)
		return 0;
	mode = node_mode(any);
	maker = any->code;
	effects = old == NULL ? CLI_ADDED : new == NULL ? CLI_REMOVED : 0;
	if (effects == 0 && maker->row != NULL &&
	    !fields_equal(maker->row->fields, old, new))
		effects |=
		    maker->row->effect != 0 ? maker->row->effect : CLI_LIVE;
	TAILQ_FOREACH (code, &mode->codes, link)
		effects |= row_changes(
		    code, or_default(old, mode), or_default(new, mode));
	return effects | mode_changes(old, new, true) |
	       mode_changes(new, old, false);
}

static bool
node_equal(const struct cli_node *a, const struct cli_node *b)
{
	const struct code *code;

	if (a->code != b->code || !node_sets_equal(a, b))
		return false;
	if (a->code->row != NULL && !fields_equal(a->code->row->fields, a, b))
		return false;
	TAILQ_FOREACH (code, &node_mode(a)->codes, link)
		if (code->row->kind == CLI_LEAF &&
		    !fields_equal(code->row->fields, a, b))
			return false;
	return true;
}

bool
cli_equal(const struct cli_node *a, const struct cli_node *b)
{
	const struct cli_node *x = NULL, *y = NULL;

	if (a == NULL || b == NULL)
		return a == b;
	if (!node_equal(a, b))
		return false;
	do {
		x = node_next(a, x);
		y = node_next(b, y);
		if ((x == NULL) != (y == NULL))
			return false;
		if (x != NULL && !cli_equal(x, y))
			return false;
	} while (x != NULL);
	return true;
}

/* layers ------------------------------------------------------------------- */

/* An INLINE node of the layer that lost: its line. */
struct lost {
	struct lost *next;
	const char *line;
};

struct merge {
	struct cli_tree *tree;
	const char *owner;
	struct cli_fault_list *faults;
	struct lost *lost;
	struct arena *arena;
};

static const char *
line_of(struct merge *m, const struct code *code, const struct cli_node *node)
{
	struct text line = { 0 };
	const char *copy;

	code_print(code, node, CLI_MASK, &line);
	copy = arena_string(m->arena, text_str(&line));
	text_free(&line);
	return copy;
}

static const char *
owner_of(const struct cli_node *node)
{
	while (node != NULL && cli_owner(node) == NULL)
		node = node->parent;
	return node != NULL ? cli_owner(node) : "the configuration";
}

static void
conflict(struct merge *m, const struct cli_node *mine,
    const struct cli_node *theirs, const char *line)
{
	const char *file = cli_file(mine);

	cli_fault(m->faults, cli_file(theirs), theirs->line,
	    "%s: \"%s\" stands already in %s (%s:%u), which is kept", m->owner,
	    line, owner_of(mine), file != NULL ? file : "the shell",
	    mine->line);
}

static bool
is_lost(struct merge *m, const char *line)
{
	for (const struct lost *l = m->lost; l != NULL; l = l->next)
		if (strcmp(l->line, line) == 0)
			return true;
	return false;
}

static void
lose(struct merge *m, const char *line)
{
	struct lost *lost = arena_alloc(m->arena, sizeof(*lost));

	lost->line = line;
	lost->next = m->lost;
	m->lost = lost;
}

/* A mode that both have: the layer's own rows, where the tree is silent. */
static void
merge_rows(struct merge *m, struct cli_node *to, const struct cli_node *from)
{
	const struct cli_field *f;
	const struct code *code;

	TAILQ_FOREACH (code, &node_mode(from)->codes, link) {
		if (code->row->kind != CLI_LEAF || code->canon != code ||
		    !node_is_set(from, code))
			continue;
		f = code->row->fields;
		if (node_is_set(to, code)) {
			if (!fields_equal(f, to, from))
				conflict(m, to, from, line_of(m, code, from));
			continue;
		}
		node_set(to, code, true);
		for (; f != NULL && f->token != NULL; f++) {
			memcpy(node_at(to, f), node_at(from, f), field_size(f));
			field_copy(f, cli_tree_arena(m->tree), node_at(to, f));
		}
	}
}

static void merge_children(
    struct merge *m, struct cli_node *to, const struct cli_node *from);

static void
merge_new(struct merge *m, struct cli_node *to, const struct cli_node *kid)
{
	struct cli_node *node = node_add(to, kid);

	node->said = tree_said(m->tree, m->owner, cli_file(kid));
	merge_children(m, node, kid);
}

static void
merge_twin(struct merge *m, struct cli_node *twin, const struct cli_node *kid)
{
	const char *line = line_of(m, kid->code, kid);

	if (cli_type(kid)->form != CLI_MODE) {
		if (cli_type(kid)->form == CLI_INLINE || !cli_equal(twin, kid))
			conflict(m, twin, kid, line);
		if (cli_type(kid)->form == CLI_INLINE)
			lose(m, line);
		return;
	}
	/* "router bgp" alone enters the mode, whatever its number is. */
	if (!fields_equal(kid->code->row->fields, twin, kid) &&
	    !fields_equal(kid->code->row->fields, node_mode(kid)->image, kid))
		conflict(m, twin, kid, line);
	merge_rows(m, twin, kid);
	merge_children(m, twin, kid);
}

static void
merge_child(struct merge *m, struct cli_node *to, const struct cli_node *kid)
{
	struct cli_node *twin = node_find(to, kid);

	if (twin != NULL)
		merge_twin(m, twin, kid);
	else if (cli_type(kid)->form != CLI_INLINE || m->lost == NULL ||
		 !is_lost(m, line_of(m, kid->code, kid)))
		merge_new(m, to, kid);
}

/* Modes last: a neighbor that lost above is skipped in its families. */
static void
merge_children(
    struct merge *m, struct cli_node *to, const struct cli_node *from)
{
	const struct cli_node *kid = NULL;

	while ((kid = node_next(from, kid)) != NULL)
		if (cli_type(kid)->form != CLI_MODE)
			merge_child(m, to, kid);
	while ((kid = node_next(from, kid)) != NULL)
		if (cli_type(kid)->form == CLI_MODE)
			merge_child(m, to, kid);
}

void
cli_tree_merge(struct cli_tree *tree, const struct cli_tree *layer,
    const char *owner, struct cli_fault_list *faults)
{
	struct merge m = { .tree = tree,
		.owner = arena_string(cli_tree_arena(tree), owner),
		.faults = faults,
		.arena = arena_new() };

	merge_rows(&m, cli_tree_root(tree), cli_tree_root(layer));
	merge_children(&m, cli_tree_root(tree), cli_tree_root(layer));
	arena_free(m.arena);
}
