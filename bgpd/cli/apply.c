/* SPDX-License-Identifier: ISC */
/* What a line says is done to the tree: set, entered, replaced, taken away. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/* values ------------------------------------------------------------------- */

/* All words of a VALUE..., at the first of them. */
static void
bind_list(const struct matcher *m, const struct step *step, unsigned at,
    struct cli_node *node, struct arena *arena)
{
	const struct cli_field *f = m->best.binds[at].part->field;
	struct cli_list *list = node_at(node, f);
	struct text why = { 0 };
	unsigned count = 0;

	for (unsigned i = step->first; i < step->end; i++)
		count += m->best.binds[i].part->field == f;
	list->count = 0;
	list->items = arena_alloc(arena, count * value_size(f->each));
	for (unsigned i = at; i < step->end; i++)
		if (m->best.binds[i].part->field == f)
			field_read_item(f, arena,
			    line_word(m->line, &m->best.binds[i]), list, &why);
	text_free(&why);
}

void
step_bind(const struct matcher *m, const struct step *step,
    struct cli_node *node, struct arena *arena)
{
	for (unsigned i = step->first; i < step->end; i++) {
		const struct bind *bind = &m->best.binds[i];
		const struct cli_field *f = bind->part->field;
		struct text why = { 0 };
		void *dst;

		if (f == NULL)
			continue;
		dst = node_at(node, f);
		if (bind->part->kind == PART_WORD && f->value == &cli_flag)
			*(bool *)dst = true;
		else if (bind->part->kind == PART_WORD)
			*(uint8_t *)dst = bind->part->choice;
		else if (f->value != &cli_many && bind->read != NULL) {
			memcpy(dst, bind->read, field_size(f));
			field_copy(f, arena, dst);
		} else if (f->value != &cli_many)
			field_read(
			    f, arena, line_word(m->line, bind), dst, &why);
		else if (match_bind(&m->best, step, f) == bind)
			bind_list(m, step, i, node, arena);
		text_free(&why);
	}
}

/* A node of this step's row and values, in no tree. */
static struct cli_node *
probe_new(struct editor *ed, const struct matcher *m, const struct step *step)
{
	const struct code *code = step->code;
	struct arena *arena = ed->cli->scratch;
	struct cli_node *probe = node_new(arena, code->canon);

	/* An alias binds fields of its own: they lie at the same offsets. */
	step_bind(m, step, probe, arena);
	return probe;
}

static struct cli_node *
add(struct editor *ed, struct cli_node *parent, const struct cli_node *probe)
{
	struct cli_node *node = node_add(parent, probe);

	node->said = tree_said(ed->tree, NULL, ed->origin.file);
	node->line = ed->origin.line;
	return node;
}

static int
refuse_owned(struct editor *ed, const struct cli_node *node)
{
	for (; node != NULL; node = node->parent)
		if (cli_owner(node) != NULL) {
			origin_fault(&ed->origin, false,
			    "This line belongs to %s: change it there",
			    cli_owner(node));
			return -1;
		}
	return 0;
}

/* `no` of what is not there. */
static int
absent(struct editor *ed)
{
	struct text said = { 0 };

	for (unsigned i = 1; i < ed->line.count; i++)
		text_add(&said, "%s%s", i > 1 ? " " : "", ed->line.words[i]);
	origin_fault(
	    &ed->origin, ed->whole, "there is no \"%s\"", text_str(&said));
	text_free(&said);
	return ed->whole ? 0 : -1;
}

/* leaves ------------------------------------------------------------------- */

static bool
is_flag(const struct code *code)
{
	const struct cli_field *f = code->row->fields;

	for (; f != NULL && f->token != NULL; f++)
		if (f->value == &cli_flag)
			return true;
	return false;
}

static bool
on_by_default(const struct code *code)
{
	const char *image = (const char *)code->mode->image;

	return code->flag != NULL &&
	       *(const bool *)(image + code->flag->offset);
}

/* Is its `no` something to remember? */
static bool
keeps_no(const struct code *code)
{
	return (code->row->flags & CLI_BOTH_WAYS) || on_by_default(code);
}

static void
reset_fields(struct cli_node *node, const struct code *code)
{
	const char *image = (const char *)node_mode(node)->image;
	const struct cli_field *f = code->row->fields;

	for (; f != NULL && f->token != NULL; f++)
		memcpy(node_at(node, f), image + f->offset, field_size(f));
}

static bool
differs(const struct cli_node *node, const struct code *code)
{
	const char *image = (const char *)node_mode(node)->image;
	const struct cli_field *f = code->row->fields;

	for (; f != NULL && f->token != NULL; f++)
		if (field_compare(f, node_at(node, f), image + f->offset) != 0)
			return true;
	return false;
}

static void
set_leaf(struct editor *ed, struct cli_node *node, const struct step *step)
{
	const struct code *code = step->code;
	bool was_set = node_is_set(node, code->canon);

	reset_fields(node, code);
	if (code->flag != NULL)
		*(bool *)node_at(node, code->flag) = !ed->m.negate;
	if (!ed->m.negate)
		step_bind(&ed->m, step, node, cli_tree_arena(ed->tree));
	node_set(node, code->canon,
	    (code->row->flags & CLI_BOTH_WAYS) || differs(node, code));
	if (!was_set && cli_file(node) == NULL && node->line == 0) {
		node->said =
		    tree_said(ed->tree, cli_owner(node), ed->origin.file);
		node->line = ed->origin.line;
	}
}

/* An INLINE node goes, and what the modes beside it say of the same. */
static void
remove_inline(struct cli_node *node)
{
	const struct cli_field *f = node->code->row->fields;
	struct cli_node *up = node->parent, *mode = NULL, *kid, *next;

	node_remove(node);
	while (f != NULL && (mode = node_next(up, mode)) != NULL) {
		if (cli_type(mode)->form != CLI_MODE)
			continue;
		for (kid = node_next(mode, NULL); kid != NULL; kid = next) {
			const struct cli_field *g = kid->code->row->fields;

			next = node_next(mode, kid);
			if (cli_type(kid)->form == CLI_INLINE && g != NULL &&
			    strcmp(kid->code->row->syntax,
				node->code->row->syntax) == 0 &&
			    field_compare(
				f, node_at(node, f), node_at(kid, g)) == 0)
				node_remove(kid);
		}
	}
}

static void
remove_node(struct editor *ed, struct cli_node *node)
{
	for (unsigned i = 1; i < ed->place->depth; i++)
		if (ed->place->nodes[i] == node)
			ed->place->depth = i;
	if (cli_type(node)->form == CLI_INLINE)
		remove_inline(node);
	else
		node_remove(node);
}

static int
apply_leaf(struct editor *ed, struct cli_node *node, const struct step *step)
{
	const struct code *code = step->code;
	bool defines = (code->row->flags & CLI_DEFINES) != 0;
	bool vain = ed->m.negate && (defines || !is_flag(code)) &&
		    !node_is_set(node, code->canon);

	if (refuse_owned(ed, node) != 0)
		return -1;
	if (vain)
		return absent(ed);
	if (ed->m.negate && defines) {
		remove_node(ed, node);
		return 0;
	}
	set_leaf(ed, node, step);
	if (cli_type(node)->form == CLI_INLINE && node_is_empty(node))
		node_remove(node);
	return 0;
}

/* nodes -------------------------------------------------------------------- */

/* Does the line say another value than the node's? */
static bool
contradicts(struct editor *ed, const struct step *step,
    const struct cli_node *node, const struct cli_node *probe)
{
	const struct cli_field *f = step->code->row->fields;

	for (; f != NULL && f->token != NULL; f++)
		if (match_bind(&ed->m.best, step, f) != NULL &&
		    field_compare(f, node_at(node, f), node_at(probe, f)) != 0)
			return true;
	return false;
}

/* How many key fields, from the first, the line says. */
static unsigned
keys_said(struct editor *ed, const struct step *step)
{
	const struct cli_field *f = step->code->row->fields;
	unsigned n = 0;

	while (n < code_keys(step->code) &&
	       match_bind(&ed->m.best, step, &f[n]) != NULL)
		n++;
	return n;
}

/* Every sibling that agrees with what the line says. */
static unsigned
remove_matching(struct editor *ed, struct cli_node *parent,
    const struct step *step, const struct cli_node *probe)
{
	unsigned keys = keys_said(ed, step), removed = 0;
	struct cli_node *node, *next;

	for (node = node_next_from(parent, probe);
	     node != NULL && node_same_key(node, probe, keys); node = next) {
		next = node_next(parent, node);
		if (contradicts(ed, step, node, probe))
			continue;
		remove_node(ed, node);
		removed++;
	}
	return removed;
}

static int
apply_no_node(
    struct editor *ed, struct cli_node *parent, const struct step *step)
{
	struct cli_node *probe = probe_new(ed, &ed->m, step);
	struct cli_node *node = node_find(parent, probe);

	if (keys_said(ed, step) < code_keys(step->code))
		return remove_matching(ed, parent, step, probe) > 0
			   ? 0
			   : absent(ed);
	if (node == NULL)
		return absent(ed);
	if (refuse_owned(ed, node) != 0)
		return -1;
	if ((step->code->row->flags & CLI_ONE) &&
	    contradicts(ed, step, node, probe))
		return absent(ed);
	remove_node(ed, node);
	return 0;
}

static bool
has_number(struct editor *ed, const struct step *step)
{
	const struct code *code = step->code;

	return !(code->row->flags & CLI_NUMBERED) ||
	       match_bind(&ed->m.best, step,
		   &code->row->fields[code_keys(code) - 1]) != NULL;
}

/* Five more than the last of the same leading keys, as FRR counts. */
static int
give_number(struct editor *ed, struct cli_node *parent, const struct step *step,
    struct cli_node *probe)
{
	unsigned keys = code_keys(step->code);
	const struct cli_field *f = &step->code->row->fields[keys - 1];
	struct cli_node *at, *last = NULL;
	uint32_t number = 5;

	if (field_size(f) != sizeof(number))
		return -1;
	memset(node_at(probe, f), 0xff, sizeof(number));
	at = node_find(parent, probe);
	if (at == NULL)
		last = node_before(parent, probe);
	if (at != NULL ||
	    (last != NULL && node_same_key(last, probe, keys - 1))) {
		memcpy(&number, node_at(at != NULL ? at : last, f),
		    sizeof(number));
		if (number > UINT32_MAX - 5) {
			origin_fault(&ed->origin, false,
			    "no number is left after %u: say one", number);
			return -1;
		}
		number += 5;
	}
	memcpy(node_at(probe, f), &number, sizeof(number));
	return 0;
}

static int
enter(struct editor *ed, struct cli_node *node)
{
	struct cli_place *place = ed->place;
	size_t max = sizeof(place->nodes) / sizeof(place->nodes[0]);

	place->depth = ed->depth;
	if (cli_type(node)->form != CLI_MODE)
		return 0;
	if (place->depth == max) {
		origin_fault(&ed->origin, false, "modes too deep");
		return -1;
	}
	place->nodes[place->depth++] = node;
	return 0;
}

static int
again(struct editor *ed, const struct step *step, struct cli_node *node,
    const struct cli_node *probe)
{
	struct text why = { 0 };
	bool other = contradicts(ed, step, node, probe);

	if (other && refuse_owned(ed, node) != 0)
		return -1;
	/* Said without a value, as `router bgp`, it may be given one. */
	if (other && cli_type(node)->clash != NULL &&
	    differs(node, step->code)) {
		cli_type(node)->clash(node, &why);
		origin_fault(&ed->origin, false, "%s", text_str(&why));
		text_free(&why);
		return -1;
	}
	if (other || cli_type(node)->form == CLI_ENTRY) {
		if (refuse_owned(ed, node) != 0)
			return -1;
		node_assign(node, probe);
	}
	return enter(ed, node);
}

static int
apply_node(struct editor *ed, struct cli_node *parent, const struct step *step)
{
	struct cli_node *probe, *node;

	if (ed->m.negate)
		return apply_no_node(ed, parent, step);
	probe = probe_new(ed, &ed->m, step);
	if (!has_number(ed, step)) {
		if (node_find_equal(parent, probe) != NULL)
			return 0;
		if (give_number(ed, parent, step, probe) != 0)
			return -1;
	}
	node = node_find(parent, probe);
	if (node != NULL)
		return again(ed, step, node, probe);
	return enter(ed, add(ed, parent, probe));
}

/* the whole line ----------------------------------------------------------- */

static int
apply_leave(struct editor *ed, struct cli_node *parent, const struct step *step)
{
	(void)parent;
	(void)step;
	ed->place->depth = ed->depth > 1 ? ed->depth - 1 : 1;
	return 0;
}

static int
apply_ignore(
    struct editor *ed, struct cli_node *parent, const struct step *step)
{
	(void)parent;
	origin_fault(&ed->origin, true, "\"%s\" has no effect: %s",
	    ed->line.words[0], step->code->row->help);
	return 0;
}

static int (*const appliers[])(
    struct editor *, struct cli_node *, const struct step *) = {
	[CLI_LEAF] = apply_leaf,
	[CLI_NODE] = apply_node,
	[CLI_LEAVE] = apply_leave,
	[CLI_IGNORE] = apply_ignore,
	[CLI_RUN] = NULL,
	[CLI_HELP] = NULL,
};

/* The child of a step; made, unless the line only takes away. */
static struct cli_node *
child_of(struct editor *ed, const struct matcher *m, struct cli_node *parent,
    const struct step *step, bool make)
{
	struct cli_node *probe = probe_new(ed, m, step);
	struct cli_node *node = node_find(parent, probe);

	if (node == NULL && make)
		node = add(ed, parent, probe);
	return node;
}

/* The node that the via line leads to. */
static struct cli_node *
via_node(struct editor *ed, struct cli_node *parent, bool make)
{
	struct matcher *m = mem_alloc(sizeof(*m));
	struct line *line = mem_alloc(sizeof(*line));
	struct cli_node *node = NULL;

	if (via_code(ed->cli, node_mode(parent), ed->via, m, line) != NULL)
		node = child_of(ed, m, parent, &m->best.steps[0], make);
	mem_free(line);
	mem_free(m);
	return node;
}

int
edit_apply(struct editor *ed)
{
	const struct match *best = &ed->m.best;
	const struct step *last = &best->steps[best->step_count - 1];
	struct cli_node *node = ed->place->nodes[ed->depth - 1];
	bool make = !ed->m.negate ||
		    (last->code->row->kind == CLI_LEAF && keeps_no(last->code));

	if (ed->via != NULL)
		node = via_node(ed, node, make);
	for (const struct step *step = best->steps; node != NULL && step < last;
	     step++)
		node = child_of(ed, &ed->m, node, step, make);
	if (node == NULL)
		return last->code->row->kind == CLI_LEAF &&
			       is_flag(last->code) &&
			       !(last->code->row->flags & CLI_DEFINES)
			   ? 0
			   : absent(ed);
	if (last->code->row->kind != CLI_LEAVE)
		ed->place->depth = ed->depth;
	return appliers[last->code->row->kind](ed, node, last);
}
