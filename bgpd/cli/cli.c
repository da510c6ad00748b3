/* SPDX-License-Identifier: ISC */
/* The engine: rows are mounted into modes, compiled once, and taken out again. */
#include <inttypes.h>
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

const struct cli_node_type cli_root = { .name = "configuration",
	.form = CLI_MODE,
	.size = sizeof(struct cli_node),
	.prompt = "config" };

/* It has a cell, also where nodes have none: which rows are said in it, none. */
static struct cli_node *
image_new(const struct cli_node_type *type)
{
	struct cell *cell = mem_alloc(sizeof(*cell) + type->size);
	struct cli_node *image = (void *)(cell + 1);

	image->is_entry = type->form == CLI_ENTRY;
	return image;
}

struct mode *
cli_mode(struct cli *cli, const struct cli_node_type *type)
{
	struct mode *mode;

	TAILQ_FOREACH (mode, &cli->modes, link)
		if (mode->type == type)
			return mode;
	mode = mem_alloc(sizeof(*mode));
	mode->type = type;
	TAILQ_INIT(&mode->codes);
	TAILQ_INIT(&mode->vias);
	if (type != NULL)
		mode->image = image_new(type);
	TAILQ_INSERT_TAIL(&cli->modes, mode, link);
	return mode;
}

struct code *
mode_next_maker(const struct mode *mode, const struct cli_node_type *type,
    const struct code *last)
{
	struct code *code =
	    last == NULL ? TAILQ_FIRST(&mode->codes) : TAILQ_NEXT(last, link);

	while (code != NULL &&
	       (code->row->kind != CLI_NODE || code->row->child != type ||
		   code->canon != code))
		code = TAILQ_NEXT(code, link);
	return code;
}

/* What the alias stands for, or the row itself. */
static const struct code *
canon_of(const struct code *alias)
{
	const struct cli_row *row = alias->row;
	const struct code *code;

	if (!(row->flags & CLI_HIDDEN))
		return alias;
	TAILQ_FOREACH (code, &alias->mode->codes, link) {
		if (code->row->kind != row->kind ||
		    (code->row->flags & CLI_HIDDEN))
			continue;
		if (row->kind == CLI_NODE && code->row->child == row->child)
			return code;
		if (row->kind == CLI_LEAF && row->fields != NULL &&
		    code->row->fields != NULL &&
		    code->row->fields->offset == row->fields->offset)
			return code;
	}
	return alias;
}

static int
take_slot(struct mode *mode)
{
	for (int i = 0; i < CLI_ROWS_PER_NODE; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		if ((mode->slots[i / 64] & bit) == 0) {
			mode->slots[i / 64] |= bit;
			return i;
		}
	}
	return -1;
}

/* The defaults of the row's fields, into the image of the node they lie in. */
static int
read_defaults(struct cli *cli, const struct code *code, struct text *why)
{
	struct mode *mode = code->child != NULL ? code->child : code->mode;
	const struct cli_field *f = code->row->fields;

	for (; f != NULL && f->token != NULL; f++) {
		if (f->offset + field_size(f) > mode->type->size) {
			text_add(why, "row \"%s\": field %s is not in its node",
			    code->row->syntax, f->token);
			return -1;
		}
		if (f->def != NULL &&
		    field_read(f, cli->arena, f->def,
			(char *)mode->image + f->offset, why) != 0)
			return -1;
	}
	return 0;
}

static bool
is_taken(const struct code *code)
{
	const struct code *other;

	TAILQ_FOREACH (other, &code->mode->codes, link)
		if (other != code &&
		    strcmp(other->row->syntax, code->row->syntax) == 0)
			return true;
	return false;
}

static int
add_row(struct cli *cli, struct mode *mode, const struct cli_mount *mount,
    const struct cli_row *row, struct text *why)
{
	struct code *code = mem_alloc(sizeof(*code));

	code->row = row;
	code->mount = mount;
	code->mode = mode;
	code->order = cli->order++;
	code->slot = -1;
	TAILQ_INSERT_TAIL(&mode->codes, code, link);
	code->canon = canon_of(code);
	if (row->kind == CLI_NODE)
		code->child = cli_mode(cli, row->child);
	if (syntax_compile(code, cli->arena, why) != 0)
		return -1;
	if (row->kind != CLI_HELP && is_taken(code)) {
		text_add(why, "row \"%s\" is taken", row->syntax);
		return -1;
	}
	if ((row->kind == CLI_LEAF || row->kind == CLI_NODE) &&
	    mode->image->is_entry) {
		text_add(why, "row \"%s\" stands below a line that has none",
		    row->syntax);
		return -1;
	}
	if (row->kind == CLI_LEAF) {
		code->slot =
		    code->canon != code ? code->canon->slot : take_slot(mode);
		if (code->slot < 0) {
			text_add(why, "more than %d rows", CLI_ROWS_PER_NODE);
			return -1;
		}
	}
	return row->kind == CLI_LEAF || row->kind == CLI_NODE
		   ? read_defaults(cli, code, why)
		   : 0;
}

int
cli_mount(struct cli *cli, const struct cli_mount *mount, struct text *why)
{
	struct mode *mode = cli_mode(cli, mount->where);
	const struct cli_row *row = mount->rows;
	struct via *via;

	if (mount->via != NULL) {
		via = mem_alloc(sizeof(*via));
		via->mount = mount;
		TAILQ_INSERT_TAIL(&mode->vias, via, link);
		return 0;
	}
	for (; row->syntax != NULL; row++)
		if (add_row(cli, mode, mount, row, why) != 0) {
			cli_unmount(cli, mount);
			return -1;
		}
	return 0;
}

static void
remove_code(struct code *code)
{
	struct mode *mode = code->mode;

	if (code->slot >= 0 && code->canon == code)
		mode->slots[code->slot / 64] &=
		    ~(UINT64_C(1) << (code->slot % 64));
	TAILQ_REMOVE(&mode->codes, code, link);
	mem_free(code);
}

static void
unmount_mode(struct mode *mode, const struct cli_mount *mount)
{
	struct code *code, *next;
	struct via *via, *next_via;

	for (code = TAILQ_FIRST(&mode->codes); code != NULL; code = next) {
		next = TAILQ_NEXT(code, link);
		if (mount == NULL || code->mount == mount)
			remove_code(code);
	}
	for (via = TAILQ_FIRST(&mode->vias); via != NULL; via = next_via) {
		next_via = TAILQ_NEXT(via, link);
		if (mount == NULL || via->mount == mount) {
			TAILQ_REMOVE(&mode->vias, via, link);
			mem_free(via);
		}
	}
}

static void
mode_free(struct cli *cli, struct mode *mode)
{
	TAILQ_REMOVE(&cli->modes, mode, link);
	if (mode->image != NULL)
		mem_free(cell_of(mode->image));
	mem_free(mode);
}

static bool
is_entered(const struct cli *cli, const struct mode *mode)
{
	const struct mode *from;
	const struct code *code;

	TAILQ_FOREACH (from, &cli->modes, link)
		TAILQ_FOREACH (code, &from->codes, link)
			if (code->child == mode)
				return true;
	return mode->type == NULL || mode == cli->root.child;
}

/* A mode that nothing leads to, and that has no rows: its type may go, too. */
static void
drop_empty_modes(struct cli *cli)
{
	struct mode *mode, *next;

	for (mode = TAILQ_FIRST(&cli->modes); mode != NULL; mode = next) {
		next = TAILQ_NEXT(mode, link);
		if (TAILQ_EMPTY(&mode->codes) && TAILQ_EMPTY(&mode->vias) &&
		    !is_entered(cli, mode))
			mode_free(cli, mode);
	}
}

void
cli_unmount(struct cli *cli, const struct cli_mount *mount)
{
	unmount_mode(cli_mode(cli, mount->where), mount);
	drop_empty_modes(cli);
}

struct cli *
cli_new(const struct cli_mount *mounts, unsigned count)
{
	struct cli *cli = mem_alloc(sizeof(*cli));
	struct text why = { 0 };

	TAILQ_INIT(&cli->modes);
	cli->arena = arena_new();
	cli->scratch = arena_new();
	cli_mode(cli, NULL);
	cli->root.child = cli_mode(cli, &cli_root);
	for (unsigned i = 0; i < count; i++)
		if (cli_mount(cli, &mounts[i], &why) != 0)
			fatal("%s", text_str(&why));
	return cli;
}

void
cli_free(struct cli *cli)
{
	struct mode *mode;

	if (cli == NULL)
		return;
	while ((mode = TAILQ_FIRST(&cli->modes)) != NULL) {
		unmount_mode(mode, NULL);
		mode_free(cli, mode);
	}
	arena_free(cli->arena);
	arena_free(cli->scratch);
	mem_free(cli);
}

void
cli_print_rows(const struct cli *cli, struct text *out)
{
	const struct mode *mode;
	const struct code *code;

	TAILQ_FOREACH (mode, &cli->modes, link) {
		text_add(out, "[%s]\n",
		    mode->type == NULL ? "enable" : mode->type->name);
		TAILQ_FOREACH (code, &mode->codes, link) {
			if (code->row->kind == CLI_HELP ||
			    (code->row->flags & CLI_HIDDEN))
				continue;
			text_add(
			    out, "%s\t%s", code->row->syntax, code->row->help);
			if (code->row->fields != NULL &&
			    code->row->fields->def != NULL)
				text_add(out, "\t%s", code->row->fields->def);
			text_char(out, '\n');
		}
	}
}
