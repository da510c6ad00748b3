/* SPDX-License-Identifier: ISC */
/* A row's syntax string becomes a list of parts, bound to the row's fields. */
#include <ctype.h>
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"

/*
 * "ip prefix-list NAME [seq SEQ] (permit|deny) PREFIX" becomes
 * WORD WORD VALUE GROUP{WORD VALUE} GROUP{WORD | WORD} VALUE. Each VALUE has the
 * field of its token; a WORD has a cli_flag field of its name, or a cli_choice
 * field that lists it, or none.
 */
struct parser {
	const char *at;
	struct code *code;
	struct arena *arena;
	struct text *why;
	unsigned depth;
	unsigned group_words; /* for a cli_choice bound by "*" */
};

/* What a CLI_RUN's value is when the row has no field for it. */
static const struct cli_field call_fields[] = {
	{ "ADDR", &cli_address, 0, 0, NULL, 0, 0, NULL },
	{ "PREFIX", &cli_prefix, 0, 0, NULL, 0, 0, NULL },
	{ "N", &cli_u32, 0, sizeof(uint32_t), NULL, 0, 0, NULL },
	{ "ASN", &cli_asn, 0, 0, NULL, 0, 0, NULL },
	{ "TEXT", &cli_text, 0, 0, NULL, 0, 0, NULL },
	{ "LINE", &cli_text, 0, 0, NULL, 0, 0, NULL },
	{ NULL, &cli_word, 0, 0, NULL, 0, 0, NULL },
};

static int
fail(struct parser *p, const char *what, const char *word)
{
	text_add(p->why, "row \"%s\": %s%s%s", p->code->row->syntax, what,
	    word != NULL ? " " : "", word != NULL ? word : "");
	return -1;
}

static bool
is_value(const char *word)
{
	bool upper = false;

	for (; *word != '\0' && *word != '.'; word++) {
		if (islower((unsigned char)*word))
			return false;
		upper |= isupper((unsigned char)*word) != 0;
	}
	return upper;
}

static bool
token_is(const char *token, const char *word)
{
	size_t len = strlen(word);

	return strncmp(token, word, len) == 0 &&
	       (token[len] == '\0' || strcmp(token + len, "...") == 0);
}

/* The place of the word in "a|b|c", or -1. */
static int
choice_of(const char *token, const char *word)
{
	size_t len = strlen(word);

	for (int n = 0;; n++) {
		size_t span = strcspn(token, "|");

		if (span == len && strncmp(token, word, len) == 0)
			return n;
		if (token[span] == '\0')
			return -1;
		token += span + 1;
	}
}

static int
bind_value(struct parser *p, struct part *part)
{
	const struct cli_row *row = p->code->row;
	const struct cli_field *f = row->fields;

	for (; f != NULL && f->token != NULL; f++)
		if (token_is(f->token, part->word) ||
		    (strcmp(f->token, NULL_TOKEN) == 0 &&
			f->value != &cli_flag)) {
			part->field = f;
			return 0;
		}
	if (row->kind != CLI_RUN && row->kind != CLI_IGNORE)
		return fail(p, "no field for", part->word);
	for (f = call_fields; f->token != NULL; f++)
		if (strcmp(f->token, part->word) == 0)
			break;
	part->field = f;
	return 0;
}

static void
bind_word(struct parser *p, struct part *part)
{
	const struct cli_field *f = p->code->row->fields;

	for (; f != NULL && f->token != NULL; f++) {
		int choice = choice_of(f->token, part->word);

		if (strcmp(f->token, NULL_TOKEN) == 0 &&
		    f->value == &cli_choice && p->depth > 0)
			choice = (int)p->group_words++;
		if (choice < 0 ||
		    (f->value != &cli_flag && f->value != &cli_choice))
			continue;
		part->field = f;
		part->choice = (uint8_t)choice;
		return;
	}
}

static struct part *
parse_word(struct parser *p)
{
	size_t len = strcspn(p->at, " ()[]{}|");
	struct part *part = arena_alloc(p->arena, sizeof(*part));
	char *word = arena_alloc(p->arena, len + 1);

	memcpy(word, p->at, len);
	p->at += len;
	part->kind = is_value(word) ? PART_VALUE : PART_WORD;
	if (part->kind == PART_VALUE && len > 3 &&
	    strcmp(word + len - 3, "...") == 0) {
		part->many = true;
		word[len - 3] = '\0';
	}
	part->word = word;
	if (part->kind == PART_WORD)
		bind_word(p, part);
	else if (bind_value(p, part) != 0)
		return NULL;
	return part;
}

static int parse_branch(struct parser *p, struct part **first);

static struct part *
parse_group(struct parser *p)
{
	struct part *group = arena_alloc(p->arena, sizeof(*group));
	struct branch **tail = &group->branches;
	char close = *p->at == '(' ? ')' : *p->at == '[' ? ']' : '}';

	group->kind = PART_GROUP;
	group->optional = close != ')';
	group->unordered = close == '}';
	if (p->depth++ == 8) {
		fail(p, "groups too deep", NULL);
		return NULL;
	}
	do {
		p->at++;
		*tail = arena_alloc(p->arena, sizeof(**tail));
		if (parse_branch(p, &(*tail)->first) != 0)
			return NULL;
		tail = &(*tail)->next;
	} while (*p->at == '|');
	p->depth--;
	if (*p->at != close) {
		fail(p, "a group is not closed", NULL);
		return NULL;
	}
	p->at++;
	return group;
}

/* Parts up to the end of the branch: '|', a closing bracket or the end. */
static int
parse_branch(struct parser *p, struct part **first)
{
	struct part **tail = first;

	for (;;) {
		p->at += strspn(p->at, " ");
		if (*p->at == '\0' || strchr("|)]}", *p->at) != NULL)
			break;
		*tail = strchr("([{", *p->at) != NULL ? parse_group(p)
						      : parse_word(p);
		if (*tail == NULL)
			return -1;
		tail = &(*tail)->next;
	}
	return *first != NULL ? 0 : fail(p, "an empty group", NULL);
}

static bool
part_binds(const struct part *part, const struct cli_field *field)
{
	for (; part != NULL; part = part->next) {
		if (part->field == field)
			return true;
		for (const struct branch *b = part->branches; b != NULL;
		     b = b->next)
			if (part_binds(b->first, field))
				return true;
	}
	return false;
}

/* Every field must be said somewhere; the flag "*" is the line itself. */
static int
check_fields(struct parser *p)
{
	const struct cli_field *f = p->code->row->fields;

	for (; f != NULL && f->token != NULL; f++) {
		if (strcmp(f->token, NULL_TOKEN) == 0 && f->value == &cli_flag)
			p->code->flag = f;
		else if (p->code->row->kind != CLI_RUN &&
			 !part_binds(p->code->parts, f))
			return fail(p, "nothing says the field", f->token);
	}
	return 0;
}

/* Shows take `json` without each row saying so. */
static void
add_json(struct parser *p)
{
	struct part *group = arena_alloc(p->arena, sizeof(*group));
	struct part *word = arena_alloc(p->arena, sizeof(*word));
	struct part **tail = &p->code->parts;

	word->kind = PART_WORD;
	word->word = "json";
	group->kind = PART_GROUP;
	group->optional = true;
	group->branches = arena_alloc(p->arena, sizeof(*group->branches));
	group->branches->first = word;
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = group;
}

int
syntax_compile(struct code *code, struct arena *arena, struct text *why)
{
	struct parser p = { .at = code->row->syntax,
		.code = code,
		.arena = arena,
		.why = why };

	if (parse_branch(&p, &code->parts) != 0 || check_fields(&p) != 0)
		return -1;
	if (*p.at != '\0')
		return fail(&p, "unexpected", p.at);
	if (code->parts->kind == PART_WORD)
		code->first = code->parts->word;
	if (code->row->kind == CLI_RUN && code->first != NULL &&
	    strcmp(code->first, "show") == 0)
		add_json(&p);
	return 0;
}
