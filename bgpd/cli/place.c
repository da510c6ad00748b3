/* SPDX-License-Identifier: ISC */
/* Where a line stands: its mode, the modes around it, what they lead to. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/* finding what a line means ------------------------------------------------ */

const struct code *
via_code(struct cli *cli, const struct mode *mode, const struct via *via,
    struct matcher *m, struct line *line)
{
	struct text why = { 0 };
	const char *s = via->mount->via;
	int rc = line_split(line, s, strlen(s), &why);

	text_free(&why);
	if (rc != 0)
		return NULL;
	match_start(m, cli, line);
	m->whole = true;
	match_mode(m, mode, NULL);
	if (!m->found || m->best.steps[0].code->row->kind != CLI_NODE)
		return NULL;
	return m->best.steps[0].code;
}

/* How much of the line was understood, for the fault that helps most. */
static unsigned
understood(const struct matcher *m)
{
	return m->found ? UINT32_MAX : m->incomplete ? UINT32_MAX - 1 : m->far;
}

/* One try; true if the line is understood without a fault. */
static bool
try_mode(struct editor *ed, const struct mode *mode, const struct cli_row *only,
    bool first)
{
	struct matcher *m = &ed->m;

	match_start(m, ed->cli, &ed->line);
	m->whole = ed->whole;
	m->negate = strcmp(ed->line.words[0], "no") == 0;
	m->begin = m->negate;
	match_mode(m, mode, only);
	if (m->found && !m->best.bad && !m->rival)
		return true;
	if (first || understood(m) > understood(&ed->fault)) {
		memcpy(&ed->fault, m, sizeof(*m));
		ed->fault_mode = mode;
		ed->fault_only = only;
	}
	return false;
}

static bool
try_vias(struct editor *ed, const struct mode *mode)
{
	const struct code *code;

	TAILQ_FOREACH (ed->via, &mode->vias, link) {
		struct line *line = mem_alloc(sizeof(*line));

		code = via_code(ed->cli, mode, ed->via, &ed->m, line);
		mem_free(line);
		if (code != NULL &&
		    try_mode(ed, code->child, ed->via->mount->rows, false))
			return true;
	}
	return false;
}

bool
place_match(struct editor *ed)
{
	ed->via = NULL;
	for (unsigned d = ed->place->depth; d > 0; d--) {
		const struct mode *mode = node_mode(ed->place->nodes[d - 1]);

		ed->depth = d;
		if (try_mode(ed, mode, NULL, d == ed->place->depth) ||
		    try_vias(ed, mode))
			return true;
	}
	return false;
}

bool
cli_knows(const struct cli_tree *tree, const struct cli_place *place,
    const char *line)
{
	struct editor *ed = mem_alloc(sizeof(*ed));
	struct cli_place copy = *place;
	struct text why = { 0 };
	bool knows = false;

	ed->cli = tree_cli(tree);
	ed->place = &copy;
	if (copy.depth > 0 &&
	    line_split(&ed->line, line, strlen(line), &why) == 0 &&
	    ed->line.count > 0)
		knows = place_match(ed);
	arena_reset(ed->cli->scratch);
	text_free(&why);
	mem_free(ed);
	return knows;
}

/* places that outlive their tree ------------------------------------------- */

void
cli_place_move(struct cli_place *place, const struct cli_tree *tree)
{
	for (unsigned i = 0; i < place->depth; i++) {
		struct cli_node *twin = cli_twin(tree, place->nodes[i]);

		if (twin == NULL) {
			place->depth = i;
			return;
		}
		place->nodes[i] = twin;
	}
}

void
cli_place_print(const struct cli_place *place, struct text *out)
{
	for (unsigned i = 1; i < place->depth; i++) {
		const struct cli_node *node = place->nodes[i];
		struct text line = { 0 };

		code_print(node->code, node, 0, &line);
		text_add(out, "%s\n", text_str(&line));
		text_free(&line);
	}
}

/* The child of this line, if it is a mode's and exists. */
static struct cli_node *
find_mode(struct editor *ed, struct cli_node *parent, const char *s, size_t len)
{
	struct text why = { 0 };
	int rc = line_split(&ed->line, s, len, &why);
	const struct step *step = &ed->m.best.steps[0];
	struct cli_node *probe;

	text_free(&why);
	if (rc != 0 || ed->line.count == 0)
		return NULL;
	match_start(&ed->m, ed->cli, &ed->line);
	ed->m.whole = true;
	match_mode(&ed->m, node_mode(parent), NULL);
	if (!ed->m.found || ed->m.best.bad || ed->m.best.step_count != 1 ||
	    step->code->row->kind != CLI_NODE ||
	    step->code->row->child->form != CLI_MODE)
		return NULL;
	probe = node_new(ed->cli->scratch, step->code->canon);
	step_bind(&ed->m, step, probe, ed->cli->scratch);
	return node_find(parent, probe);
}

void
cli_place_find(
    const struct cli_tree *tree, const char *lines, struct cli_place *place)
{
	struct editor *ed = mem_alloc(sizeof(*ed));
	struct cli_node *node = cli_tree_root(tree);
	size_t max = sizeof(place->nodes) / sizeof(place->nodes[0]);

	ed->cli = tree_cli(tree);
	place->depth = 0;
	while (node != NULL && place->depth < max) {
		size_t len = strcspn(lines, "\n");

		place->nodes[place->depth++] = node;
		node = find_mode(ed, node, lines, len);
		lines += len + (lines[len] == '\n');
	}
	arena_reset(ed->cli->scratch);
	mem_free(ed);
}
