/* SPDX-License-Identifier: ISC */
/* Lines into a tree: a whole file, or one that was typed; then the checks. */
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/* "exit" and "end" stand in no table: every mode has them. */
static bool
leaves(struct editor *ed)
{
	const char *word = ed->line.words[0];
	struct cli_place *place = ed->place;

	if (ed->line.count != 1)
		return false;
	if (strcmp(word, "end") == 0) {
		place->depth = 1;
		return true;
	}
	if (strcmp(word, "exit") != 0 && strcmp(word, "quit") != 0)
		return false;
	if (place->depth > 1)
		place->depth--;
	return true;
}

int
edit_line(struct editor *ed, const char *s, size_t len)
{
	struct text why = { 0 };
	int rc = 0;

	if (line_split(&ed->line, s, len, &why) != 0) {
		origin_fault(&ed->origin, false, "%s", text_str(&why));
		text_free(&why);
		return -1;
	}
	if (ed->line.count == 0 || leaves(ed))
		return 0;
	if (place_match(ed)) {
		rc = edit_apply(ed);
	} else {
		origin_no_match(
		    &ed->origin, &ed->fault, ed->fault_mode, ed->fault_only);
		rc = -1;
	}
	arena_reset(ed->cli->scratch);
	return rc;
}

static struct editor *
editor_new(struct cli_tree *tree, struct cli_place *place,
    struct cli_fault_list *faults)
{
	struct editor *ed = mem_alloc(sizeof(*ed));

	ed->cli = tree_cli(tree);
	ed->tree = tree;
	ed->place = place;
	ed->origin.faults = faults;
	return ed;
}

int
cli_read(struct cli_tree *tree, const char *name, const char *text, size_t len,
    struct cli_fault_list *faults)
{
	struct cli_place place = { .nodes = { cli_tree_root(tree) },
		.depth = 1 };
	struct editor *ed = editor_new(tree, &place, faults);
	unsigned errors = faults->errors;

	ed->whole = true;
	ed->origin.file = name;
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t span = end != NULL ? (size_t)(end - text) : len;

		ed->origin.line++;
		edit_line(ed, text, span);
		span += end != NULL;
		text += span;
		len -= span;
	}
	mem_free(ed);
	cli_check(tree, faults);
	return faults->errors == errors ? 0 : -1;
}

int
cli_edit(struct cli_tree *tree, struct cli_place *place, const char *line,
    struct cli_fault_list *faults)
{
	struct editor *ed = editor_new(tree, place, faults);
	struct cli_place before = *place;
	int rc;

	if (place->depth == 0) {
		place->nodes[0] = cli_tree_root(tree);
		place->depth = 1;
	}
	rc = edit_line(ed, line, strlen(line));
	if (rc != 0)
		*place = before;
	mem_free(ed);
	return rc;
}

static void
check_node(const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct cli_node *kid = NULL;

	if (cli_type(node)->check != NULL)
		cli_type(node)->check(node, faults);
	while ((kid = node_next(node, kid)) != NULL)
		check_node(kid, faults);
}

int
cli_check(const struct cli_tree *tree, struct cli_fault_list *faults)
{
	unsigned errors = faults->errors;

	check_node(cli_tree_root(tree), faults);
	return faults->errors == errors ? 0 : -1;
}
