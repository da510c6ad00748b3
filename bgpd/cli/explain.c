/* SPDX-License-Identifier: ISC */
/* What may follow: `?` lists words with their help, TAB completes them. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/* One answer; a word that several rows offer is listed once. */
struct offer {
	struct offer *next;
	const char *word;
	const char *help; /* "" when rows differ in what they do with it */
	bool is_value;
};

struct explainer {
	struct arena *arena;
	struct offer *first, **tail;
	const char *beginning; /* of the last word; "" for the next */
	const struct mode *mode;
	bool end; /* the line is complete as it stands */
	bool negated;
};

/* The help of a word within its row's path, if a HELP row has one. */
static const char *
word_help(const struct mode *mode, const char *word)
{
	const struct code *code;

	TAILQ_FOREACH (code, &mode->codes, link) {
		const char *last = strrchr(code->row->syntax, ' ');

		if (code->row->kind == CLI_HELP &&
		    strcmp(last != NULL ? last + 1 : code->row->syntax, word) ==
			0)
			return code->row->help;
	}
	return NULL;
}

static void
offer(struct explainer *e, const struct mode *mode, const char *word,
    const char *help, bool is_value)
{
	const char *own = is_value ? NULL : word_help(mode, word);
	struct offer *o;

	for (o = e->first; o != NULL; o = o->next)
		if (strcmp(o->word, word) == 0) {
			if (own == NULL && strcmp(o->help, help) != 0 &&
			    word_help(mode, word) == NULL)
				o->help = "";
			return;
		}
	o = arena_alloc(e->arena, sizeof(*o));
	o->word = arena_string(e->arena, word);
	o->help = own != NULL ? own : help;
	o->is_value = is_value;
	*e->tail = o;
	e->tail = &o->next;
}

static void
on_expect(struct matcher *m, const struct code *code, const struct part *part)
{
	struct explainer *e = m->arg;
	struct text hint = { 0 };

	if (code->row->kind == CLI_HELP || (code->row->flags & CLI_HIDDEN))
		return;
	if (part == NULL) {
		e->end |= *e->beginning == '\0';
	} else if (part->kind == PART_WORD) {
		if (text_starts(part->word, e->beginning))
			offer(
			    e, code->mode, part->word, code->row->help, false);
	} else {
		field_hint(part->field, &hint);
		offer(e, code->mode, text_str(&hint), code->row->help, true);
		text_free(&hint);
	}
}

static void
look(struct explainer *e, struct matcher *m, struct cli *cli,
    const struct line *line, const struct mode *mode,
    const struct cli_row *only)
{
	bool calls = mode->type == NULL;

	match_start(m, cli, line);
	m->expect = on_expect;
	m->arg = e;
	m->calls = calls;
	m->anywhere = calls && e->mode != mode;
	m->end = line->count - (line->open || line->count == 0 ? 0 : 1);
	m->negate = e->negated;
	m->begin = m->negate && !calls;
	if (m->begin > m->end)
		return;
	match_mode(m, mode, only);
}

static void
look_vias(struct explainer *e, struct matcher *m, struct cli *cli,
    const struct line *line)
{
	struct line *via_line = mem_alloc(sizeof(*via_line));
	const struct code *code;
	const struct via *via;

	TAILQ_FOREACH (via, &e->mode->vias, link) {
		code = via_code(cli, e->mode, via, m, via_line);
		if (code != NULL)
			look(e, m, cli, line, code->child, via->mount->rows);
	}
	mem_free(via_line);
}

static void
explain(struct explainer *e, struct cli *cli, const struct cli_node_type *type,
    const char *s)
{
	struct line *line = mem_alloc(sizeof(*line));
	struct matcher *m = mem_alloc(sizeof(*m));
	struct text why = { 0 };
	bool first;

	e->arena = arena_new();
	e->tail = &e->first;
	e->mode = cli_mode(cli, type);
	if (line_split(line, s, strlen(s), &why) != 0)
		goto out;
	first = line->count == 0 || (line->count == 1 && !line->open);
	e->beginning =
	    line->open || line->count == 0 ? "" : line->words[line->count - 1];
	e->negated =
	    type != NULL && !first && strcmp(line->words[0], "no") == 0;
	look(e, m, cli, line, e->mode, NULL);
	look_vias(e, m, cli, line);
	if (type != NULL && !e->negated)
		look(e, m, cli, line, cli_mode(cli, NULL), NULL);
	if (first && type != NULL && text_starts("no", e->beginning))
		offer(e, e->mode, "no", "Take a line away", false);
out:
	text_free(&why);
	arena_reset(cli->scratch);
	mem_free(m);
	mem_free(line);
}

/* "do" shows enable commands: the caller strips it and asks with mode NULL. */
void
cli_explain(struct cli *cli, const struct cli_node_type *mode, const char *line,
    struct text *out)
{
	struct explainer e = { 0 };

	explain(&e, cli, mode, line);
	for (const struct offer *o = e.first; o != NULL; o = o->next)
		text_add(out, "%s\t%s\n", o->word, o->help);
	if (e.end)
		text_add(out, "<cr>\t\n");
	arena_free(e.arena);
}

void
cli_complete(struct cli *cli, const struct cli_node_type *mode,
    const char *line, struct text *out)
{
	struct explainer e = { 0 };

	explain(&e, cli, mode, line);
	for (const struct offer *o = e.first; o != NULL; o = o->next)
		if (!o->is_value)
			text_add(out, "%s\n", o->word);
	arena_free(e.arena);
}
