/* SPDX-License-Identifier: ISC */
/* A configuration as lines, laid out as FRR's, that read back into itself. */
#include <string.h>

#include "cli/engine.h"

struct printer {
	struct text *out;
	unsigned flags;
	unsigned indent;
	const char *owner; /* of the nodes around, NULL: the file */
	bool gap;	   /* "!" is due before the next line */
};

/* rows --------------------------------------------------------------------- */

static bool
is_default(const struct cli_node *node, const struct cli_field *f)
{
	const char *image = (const char *)node_mode(node)->image;

	return field_compare(f, node_at(node, f), image + f->offset) == 0;
}

/* Does the word stand in the line, as far as its field says? */
static bool
word_stands(const struct part *p, const struct cli_node *node)
{
	if (p->field == NULL)
		return false;
	if (p->field->value == &cli_flag)
		return *(const bool *)node_at(node, p->field);
	return *(const uint8_t *)node_at(node, p->field) == p->choice;
}

/* Does anything in the branch say more than the default? */
static bool
branch_says(const struct part *p, const struct cli_node *node)
{
	for (; p != NULL; p = p->next) {
		if (p->kind == PART_WORD && word_stands(p, node) &&
		    !is_default(node, p->field))
			return true;
		if (p->kind == PART_VALUE && !is_default(node, p->field))
			return true;
		for (const struct branch *b = p->branches; b != NULL;
		     b = b->next)
			if (branch_says(b->first, node))
				return true;
	}
	return false;
}

/* The branch of an (a|b) where none says more than the default. */
static const struct branch *
default_branch(const struct part *group, const struct cli_node *node)
{
	const struct branch *b = group->branches, *last = NULL;

	for (; b != NULL; last = b, b = b->next)
		if (b->first->kind == PART_WORD && word_stands(b->first, node))
			return b;
	return last;
}

/* Words that say nothing, as [unicast]: printed for their looks. */
static bool
is_noise(const struct part *group)
{
	const struct part *p = group->branches->first;

	if (group->unordered || group->branches->next != NULL)
		return false;
	while (p != NULL && p->kind == PART_WORD && p->field == NULL)
		p = p->next;
	return p == NULL;
}

static void print_parts(const struct part *p, const struct cli_node *node,
    unsigned flags, struct text *out);

static void
print_group(const struct part *p, const struct cli_node *node, unsigned flags,
    struct text *out)
{
	const struct branch *b;
	bool said = false;

	for (b = p->branches; b != NULL; b = b->next) {
		if (!branch_says(b->first, node))
			continue;
		print_parts(b->first, node, flags, out);
		said = true;
		if (!p->unordered)
			break;
	}
	if (!said && (!p->optional || is_noise(p)) &&
	    (b = default_branch(p, node)) != NULL)
		print_parts(b->first, node, flags, out);
}

static void
print_parts(const struct part *p, const struct cli_node *node, unsigned flags,
    struct text *out)
{
	for (; p != NULL; p = p->next) {
		if (p->kind == PART_GROUP) {
			print_group(p, node, flags, out);
			continue;
		}
		if (out->len > 0 && out->s[out->len - 1] != ' ')
			text_char(out, ' ');
		if (p->kind == PART_WORD)
			text_add(out, "%s", p->word);
		else
			field_print(p->field, node_at(node, p->field),
			    (flags & CLI_MASK) != 0, out);
	}
}

void
code_print(const struct code *code, const struct cli_node *node, unsigned flags,
    struct text *out)
{
	struct text line = { 0 };

	print_parts(code->parts, node, flags, &line);
	text_add(out, "%s", text_str(&line));
	text_free(&line);
}

/* lines -------------------------------------------------------------------- */

static void
begin_line(struct printer *p)
{
	if (p->gap) {
		text_add(p->out, "%s%*s!\n", p->flags & CLI_COMMENT ? "! " : "",
		    (int)p->indent, "");
		p->gap = false;
	}
	if (p->flags & CLI_COMMENT)
		text_add(p->out, "! ");
	text_add(p->out, "%*s", (int)p->indent, "");
	if (p->owner != NULL)
		text_add(p->out, "! %s: ", p->owner);
}

/* Lines of a node's own rows, each behind `lead`. */
static void
print_leaf(struct printer *p, const struct code *code,
    const struct cli_node *node, const char *lead)
{
	bool off;

	if (code->canon != code || !node_is_set(node, code))
		return;
	off = code->flag != NULL && !*(const bool *)node_at(node, code->flag);
	begin_line(p);
	text_add(p->out, "%s%s", off ? "no " : "", lead);
	code_print(code, node, p->flags, p->out);
	text_char(p->out, '\n');
}

static void print_body(
    struct printer *p, const struct cli_node *node, const char *lead);

static void
print_mode(struct printer *p, const struct cli_node *node, const char *line)
{
	const char *end = cli_type(node)->end;

	begin_line(p);
	text_add(p->out, "%s\n", line);
	p->indent++;
	print_body(p, node, "");
	p->indent--;
	p->gap = false;
	begin_line(p);
	text_add(p->out, "%s\n", end != NULL ? end : "exit");
}

static void
print_node(struct printer *p, const struct cli_node *node, const char *lead)
{
	const char *around = p->owner;
	struct text line = { 0 };

	text_add(&line, "%s", lead);
	code_print(node->code, node, p->flags, &line);
	if (cli_owner(node) != NULL)
		p->owner = cli_owner(node);
	if (cli_type(node)->form == CLI_MODE) {
		print_mode(p, node, text_str(&line));
	} else if (cli_type(node)->form == CLI_INLINE) {
		text_char(&line, ' ');
		print_body(p, node, text_str(&line));
	} else {
		begin_line(p);
		text_add(p->out, "%s\n", text_str(&line));
	}
	p->owner = around;
	text_free(&line);
}

static bool
is_shown(const struct cli_node *node)
{
	return !(node->code->row->flags & CLI_IF_ANY) || !node_is_empty(node);
}

/* Rows and children, merged in the order of rows. */
static void
print_body(struct printer *p, const struct cli_node *node, const char *lead)
{
	const struct cli_node *kid = node_next(node, NULL);
	const struct code *code, *last = NULL;
	bool inside = p->indent > 0;

	TAILQ_FOREACH (code, &node_mode(node)->codes, link) {
		if (code->row->kind == CLI_LEAF)
			print_leaf(p, code, node, lead);
		for (; kid != NULL && kid->code == code;
		     kid = node_next(node, kid)) {
			bool mode = cli_type(kid)->form == CLI_MODE;

			if (!is_shown(kid))
				continue;
			if (mode || (!inside && last != code))
				p->gap = true;
			print_node(p, kid, lead);
			p->gap = mode && !inside;
			last = code;
		}
	}
}

void
cli_tree_print(const struct cli_tree *tree, unsigned flags, struct text *out)
{
	struct printer p = { .out = out, .flags = flags };

	print_body(&p, cli_tree_root(tree), "");
}
