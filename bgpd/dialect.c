/* SPDX-License-Identifier: ISC */
/* The rows that a guest brings, as rows of the language. */

/*
 * A plugin's rows become lines of a mode of its own (`plugin NAME`), or commands.
 * Their values stay words: they are checked by the kind that their name says, kept
 * as they were typed, and handed over in the order of the syntax. Everything is
 * copied, so that a configuration can be read and printed while the plugin is not
 * loaded.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "cli/read.h"
#include "config.h"
#include "host.h"
#include "util/addr.h"
#include "util/arena.h"
#include "util/mem.h"

/* One value of a line: a word, or which word of a choice. */
union slot {
	const char *word;
	uint8_t choice;
	bool flag;
};

struct guest_node {
	struct cli_node node;
	union slot slots[];
};

struct dialect_row {
	struct bgpd_row row; /* its strings are the arena's */
	struct cli_row *cli;
	struct cli_field *fields;
	unsigned field_count;
	struct cli_node_type
	    *type; /* of a row that may be said more than once */
};

struct dialect {
	SLIST_ENTRY(dialect) entry;
	struct arena *arena;
	struct bgpd_self *self;
	struct cli_node_type block;
	struct dialect_row *rows;
	unsigned row_count;
	struct cli_mount mounts[3];
};

static SLIST_HEAD(, dialect) dialects = SLIST_HEAD_INITIALIZER(dialects);

/* values: words that are checked and kept ------------------------------------ */

static int
keep_word(struct arena *arena, const char *word, void *dst)
{
	*(const char **)dst = arena_string(arena, word);
	return 0;
}

static void
word_print(const struct cli_field *field, const void *src, struct text *out)
{
	const char *word = *(const char *const *)src;

	(void)field;
	if (word != NULL)
		text_add(out, "%s", word);
}

static int
word_compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

static void
word_copy(const struct cli_field *field, struct arena *arena, void *dst)
{
	(void)field;
	*(const char **)dst = arena_string(arena, *(const char **)dst);
}

static int
any_read(const struct cli_field *field, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	(void)field;
	(void)why;
	return keep_word(arena, word, dst);
}

static int
addr_read_word(const struct cli_field *field, struct arena *arena,
    const char *word, void *dst, struct text *why)
{
	struct addr addr;

	(void)field;
	if (addr_read(word, &addr) == -1) {
		text_add(why, "\"%s\" is not an address", word);
		return -1;
	}
	return keep_word(arena, word, dst);
}

static int
prefix_read_word(const struct cli_field *field, struct arena *arena,
    const char *word, void *dst, struct text *why)
{
	struct prefix prefix;

	(void)field;
	if (prefix_read(word, &prefix) == -1) {
		text_add(why, "\"%s\" is not a prefix", word);
		return -1;
	}
	return keep_word(arena, word, dst);
}

static int
number_read_word(const struct cli_field *field, struct arena *arena,
    const char *word, void *dst, struct text *why)
{
	uint64_t n;

	(void)field;
	if (text_read_u64(word, 0, UINT32_MAX, &n) == -1) {
		text_add(why, "\"%s\" is not a number of 0-4294967295", word);
		return -1;
	}
	return keep_word(arena, word, dst);
}

#define GUEST_VALUE(hint, rest, read, loose)                                   \
	{                                                                      \
		hint, sizeof(char *), rest, read, word_print, word_compare,    \
		    word_copy, loose                                           \
	}

static const struct cli_value value_any =
    GUEST_VALUE("WORD", false, any_read, true);
static const struct cli_value value_text =
    GUEST_VALUE("TEXT", true, any_read, true);
static const struct cli_value value_addr =
    GUEST_VALUE("A.B.C.D|X:X::X:X", false, addr_read_word, false);
static const struct cli_value value_prefix =
    GUEST_VALUE("PREFIX/LEN", false, prefix_read_word, false);
static const struct cli_value value_number =
    GUEST_VALUE("(0-4294967295)", false, number_read_word, false);

static const struct {
	const char *name;
	const struct cli_value *value;
} value_names[] = {
	{ "ADDR", &value_addr },
	{ "PREFIX", &value_prefix },
	{ "N", &value_number },
	{ "SECS", &value_number },
	{ "MSECS", &value_number },
	{ "TEXT", &value_text },
};

static const struct cli_value *
value_find(const char *token, bool secret)
{
	size_t i;

	if (secret)
		return &cli_secret;
	for (i = 0; i < sizeof(value_names) / sizeof(value_names[0]); i++) {
		if (strcmp(token, value_names[i].name) == 0)
			return value_names[i].value;
	}
	return &value_any;
}

/* rows --------------------------------------------------------------------------- */

static void
field_add(
    struct dialect *d, struct dialect_row *row, const char *token, size_t len)
{
	struct cli_field *f = &row->fields[row->field_count];
	char *name = arena_alloc(d->arena, len + 1);

	memcpy(name, token, len);
	f->token = name;
	f->offset = offsetof(struct guest_node, slots) +
		    row->field_count * sizeof(union slot);
	f->size = 1;
	if (strchr(name, '|') != NULL) {
		f->value = &cli_choice;
	} else if (isupper((unsigned char)name[0])) {
		f->value = value_find(name, row->row.secret);
		f->size = sizeof(char *);
	} else {
		f->value = &cli_flag;
		f->def = "off";
	}
	row->field_count++;
}

/* Values, choices and optional words of a syntax, from left to right. */
static void
fields_scan(struct dialect *d, struct dialect_row *row)
{
	const char *s = row->row.syntax, *word;
	bool optional = false;

	while (*s != '\0') {
		if (*s == '[' || *s == ']' || *s == ' ') {
			optional = *s == '[' || (optional && *s == ' ');
			s++;
			continue;
		}
		word = s + (*s == '(');
		s += strcspn(s, *s == '(' ? ")" : " ]");
		if (strchr("|", *word) == NULL &&
		    (word[-(word != row->row.syntax)] == '(' ||
			isupper((unsigned char)*word) || optional))
			field_add(d, row, word, (size_t)(s - word));
		s += *s == ')';
		optional = false;
	}
}

static int guest_run(struct cli_call *call);

/*
 * Each line of a block is a node of its own, so that a fault in it has a place;
 * one that may be said again has all its values as the key.
 */
static void
row_shape(struct dialect *d, struct dialect_row *row)
{
	struct cli_row *cli = row->cli;

	cli->syntax = row->row.syntax;
	cli->help = row->row.help;
	if (row->row.kind == BGPD_ROW_RUN) {
		cli->kind = CLI_RUN;
		cli->run = guest_run;
		return;
	}
	cli->kind = CLI_NODE;
	cli->fields = row->fields;
	cli->flags = row->row.many ? 0 : CLI_ONE;
	row->type = arena_alloc(d->arena, sizeof(*row->type));
	row->type->name = row->row.syntax;
	row->type->form = CLI_ENTRY;
	row->type->size =
	    sizeof(struct guest_node) + row->field_count * sizeof(union slot);
	row->type->key_fields = row->row.many ? row->field_count : 0;
	cli->child = row->type;
}

static void
row_make(struct dialect *d, struct dialect_row *row, struct cli_row *cli,
    const struct bgpd_row *from)
{
	size_t max = strlen(from->syntax) + 2;

	memcpy(&row->row, from,
	    from->size < sizeof(row->row) ? from->size : sizeof(row->row));
	row->row.syntax = arena_string(d->arena, from->syntax);
	row->row.help = arena_string(d->arena, from->help);
	row->fields = arena_alloc(d->arena, max * sizeof(*row->fields));
	row->cli = cli;
	fields_scan(d, row);
	row_shape(d, row);
}

/* Rows of one kind, as a table for a mount. */
static const struct cli_row *
rows_of(struct dialect *d, int32_t kind)
{
	const struct bgpd_plugin *ops = &d->self->ops;
	struct cli_row *cli =
	    arena_alloc(d->arena, (ops->row_count + 1) * sizeof(*cli));
	unsigned i, count = 0;

	for (i = 0; i < ops->row_count; i++) {
		const struct bgpd_row *from =
		    (const void *)((const char *)ops->rows +
				   (size_t)ops->row_size * i);
		if (from->kind == kind)
			row_make(
			    d, &d->rows[d->row_count++], &cli[count++], from);
	}
	cli[count] = (struct cli_row)ROWS_END;
	return cli;
}

static const struct cli_row *
block_row(struct dialect *d)
{
	struct cli_row *row = arena_alloc(d->arena, 2 * sizeof(*row));

	row[0] = (struct cli_row){ CLI_NODE,
		arena_format(d->arena, "plugin %s", d->self->name),
		"A plugin's block: loads and runs it", NULL, &d->block, NULL, 0,
		CLI_ONE };
	row[1] = (struct cli_row)ROWS_END;
	return row;
}

struct dialect *
dialect_new(struct bgpd_self *self, struct text *why)
{
	struct arena *arena = arena_new();
	struct dialect *d = arena_alloc(arena, sizeof(*d));
	unsigned i;

	d->arena = arena;
	d->self = self;
	d->rows =
	    arena_alloc(arena, (self->ops.row_count + 1) * sizeof(*d->rows));
	d->block.name = arena_format(arena, "plugin %s", self->name);
	d->block.form = CLI_MODE;
	d->block.size = sizeof(struct cli_node);
	d->block.prompt = "config-plugin";
	d->mounts[0] =
	    (struct cli_mount){ &d->block, rows_of(d, BGPD_ROW_LINE), NULL };
	d->mounts[1] = (struct cli_mount){ &cli_root, block_row(d), NULL };
	d->mounts[2] =
	    (struct cli_mount){ NULL, rows_of(d, BGPD_ROW_RUN), NULL };
	for (i = 0; i < 3; i++) {
		if (cli_mount(config_cli(), &d->mounts[i], why) == 0)
			continue;
		while (i-- > 0)
			cli_unmount(config_cli(), &d->mounts[i]);
		arena_free(arena);
		return NULL;
	}
	SLIST_INSERT_HEAD(&dialects, d, entry);
	return d;
}

/* lines ------------------------------------------------------------------------------ */

const struct cli_node *
dialect_block(const struct dialect *d, const struct cli_tree *tree)
{
	return cli_next(cli_tree_root(tree), &d->block, NULL);
}

/* What a slot holds, as the user typed it; NULL when it was not said. */
static const char *
slot_word(const struct cli_field *field, const union slot *slot)
{
	const char *word = field->token;
	size_t i;

	if (field->value == &cli_flag)
		return slot->flag ? field->token : NULL;
	if (field->value != &cli_choice)
		return slot->word;
	for (i = 0; i < slot->choice && word != NULL; i++)
		word = strchr(word, '|') + 1;
	return word;
}

static char *
value_copy(const char *word)
{
	return word != NULL ? mem_copy(word, strlen(word) + 1) : NULL;
}

/* The words of a choice end at the next bar. */
static const char *
value_of(const struct cli_field *field, const struct cli_node *node)
{
	const union slot *slot =
	    (const void *)((const char *)node + field->offset);
	const char *word = slot_word(field, slot);
	char *copy = value_copy(word);

	if (copy != NULL && field->value == &cli_choice)
		copy[strcspn(copy, "|")] = '\0';
	return copy;
}

static void
line_make(struct bgpd_line *line, const struct dialect_row *row,
    const struct cli_node *node)
{
	const char **values = mem_array(row->field_count + 1, sizeof(*values));
	unsigned i;

	*line = (struct bgpd_line){ BGPD_INIT(struct bgpd_line),
		.id = row->row.id, .file = cli_file(node), .line = node->line };
	for (i = 0; i < row->field_count; i++)
		values[i] = value_of(&row->fields[i], node);
	line->values = values;
	line->value_count = row->field_count;
}

static const struct dialect *
dialect_of(const struct cli_node *block)
{
	return (const void *)((const char *)cli_type(block) -
			      offsetof(struct dialect, block));
}

static uint32_t
row_lines(const struct dialect_row *row, const struct cli_node *block,
    struct bgpd_line *lines)
{
	const struct cli_node *node;
	uint32_t count = 0;

	if (row->type == NULL)
		return 0; /* a command */
	for (node = cli_next(block, row->type, NULL); node != NULL;
	     node = cli_next(block, row->type, node)) {
		if (lines != NULL)
			line_make(&lines[count], row, node);
		count++;
	}
	return count;
}

struct bgpd_line *
dialect_lines(const struct cli_node *block, uint32_t *count)
{
	const struct dialect *d = dialect_of(block);
	struct bgpd_line *lines;
	unsigned i;

	*count = 0;
	for (i = 0; i < d->row_count; i++)
		*count += row_lines(&d->rows[i], block, NULL);
	lines = mem_array(*count + 1, sizeof(*lines));
	*count = 0;
	for (i = 0; i < d->row_count; i++)
		*count += row_lines(&d->rows[i], block, &lines[*count]);
	return lines;
}

void
dialect_release(struct bgpd_line *lines, uint32_t count)
{
	uint32_t i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < lines[i].value_count; j++)
			mem_free((void *)lines[i].values[j]);
		mem_free((void *)lines[i].values);
	}
	mem_free(lines);
}

/* commands ------------------------------------------------------------------------------ */

/* Commands know only their row: it is looked for among the guests'. */
static const struct dialect *
dialect_of_row(const struct cli_row *cli, const struct dialect_row **row)
{
	const struct dialect *d;
	unsigned i;

	SLIST_FOREACH (d, &dialects, entry) {
		for (i = 0; i < d->row_count; i++) {
			*row = &d->rows[i];
			if (d->rows[i].cli == cli)
				return d;
		}
	}
	fatal("a command without its plugin: %s", cli->syntax);
}

/* Of a choice, whichever of its words was typed. */
static const char *
value_typed(const struct cli_call *call, const struct cli_field *field)
{
	char words[256], *rest = words, *word;
	const char *typed = NULL;

	if (field->value != &cli_choice)
		return call_arg(call, field->token);
	snprintf(words, sizeof(words), "%s", field->token);
	while (typed == NULL && (word = strsep(&rest, "|")) != NULL)
		typed = call_arg(call, word);
	return typed;
}

/* The plugin finds its values by the same order as in a line. */
static int
guest_run(struct cli_call *call)
{
	const struct dialect_row *row;
	const struct dialect *d;
	struct bgpd_line line;
	const char **values;
	unsigned i;
	int status;

	d = dialect_of_row(call_row(call), &row);
	if (!d->self->is_running || d->self->ops.run == NULL)
		return call_fail(call,
		    "plugin %s is not running: see `show "
		    "plugins`",
		    d->self->name);
	values = mem_array(row->field_count + 1, sizeof(*values));
	for (i = 0; i < row->field_count; i++)
		values[i] = value_typed(call, &row->fields[i]);
	line =
	    (struct bgpd_line){ BGPD_INIT(struct bgpd_line), .id = row->row.id,
		    .values = values, .value_count = row->field_count };
	out_object(call_out(call), NULL);
	status = d->self->ops.run(
	    d->self->arg, &line, (struct bgpd_out *)(void *)call_out(call));
	out_close(call_out(call));
	mem_free(values);
	return status == 0 ? 0 : -1;
}
