/* SPDX-License-Identifier: ISC */
/* What was wrong with a line, where it stands, and what may have been meant. */
#include <stdio.h>
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"
#include "util/mem.h"

/* lists -------------------------------------------------------------------- */

static void
add_fault(struct cli_fault_list *list, const char *file, unsigned line,
    bool warning, const char *text)
{
	struct cli_fault *fault;

	if (list == NULL)
		return;
	if (list->arena == NULL)
		list->arena = arena_new();
	if ((list->count & (list->count - 1)) == 0)
		list->items = mem_resize(list->items,
		    list->count == 0 ? 1 : list->count * 2,
		    sizeof(*list->items));
	fault = &list->items[list->count++];
	fault->file = arena_string(list->arena, file);
	fault->line = line;
	fault->warning = warning;
	fault->text = arena_string(list->arena, text);
	list->errors += !warning;
}

static void
add_faultv(struct cli_fault_list *list, const char *file, unsigned line,
    bool warning, const char *format, va_list ap)
{
	struct text text = { 0 };

	text_addv(&text, format, ap);
	add_fault(list, file, line, warning, text_str(&text));
	text_free(&text);
}

void
cli_fault(struct cli_fault_list *list, const char *file, unsigned line,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_faultv(list, file, line, false, format, ap);
	va_end(ap);
}

void
cli_warning(struct cli_fault_list *list, const char *file, unsigned line,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_faultv(list, file, line, true, format, ap);
	va_end(ap);
}

void
cli_faults_print(const struct cli_fault_list *list, struct text *out)
{
	for (unsigned i = 0; i < list->count; i++) {
		const struct cli_fault *fault = &list->items[i];

		if (fault->file != NULL)
			text_add(out, "%s:", fault->file);
		if (fault->file != NULL && fault->line != 0)
			text_add(out, "%u:", fault->line);
		text_add(out, "%s%s%s\n", fault->file != NULL ? " " : "",
		    fault->warning ? "warning: " : "", fault->text);
	}
}

void
cli_faults_clear(struct cli_fault_list *list)
{
	arena_free(list->arena);
	mem_free(list->items);
	memset(list, 0, sizeof(*list));
}

void
origin_fault(const struct origin *origin, bool warning, const char *format, ...)
{
	struct text text = { 0 };
	va_list ap;

	if (origin->file == NULL)
		text_add(&text, "%% ");
	va_start(ap, format);
	text_addv(&text, format, ap);
	va_end(ap);
	add_fault(origin->faults, origin->file, origin->line, warning,
	    text_str(&text));
	text_free(&text);
}

/* lines that nothing matches ----------------------------------------------- */

/* The words before `end`, secrets masked. */
static void
add_words(const struct matcher *m, unsigned end, struct text *out)
{
	for (unsigned i = 0; i < end; i++) {
		bool secret =
		    m->far_secret >= 0 && i >= (unsigned)m->far_secret;

		text_add(out, "%s%s", i > 0 ? " " : "",
		    secret ? "********" : m->line->words[i]);
	}
}

/* Optimal string alignment: a swap of neighbours is one slip. */
static unsigned
distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned d[32][32];

	if (la >= 32 || lb >= 32)
		return UINT32_MAX;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++)
		for (size_t j = 1; j <= lb; j++) {
			unsigned best =
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[la][lb];
}

struct nearest {
	const char *said, *word;
	unsigned distance;
};

static void
consider(struct matcher *m, const struct code *code, const struct part *part)
{
	struct nearest *near = m->arg;
	unsigned d;

	(void)code;
	if (part == NULL || part->kind != PART_WORD)
		return;
	d = distance(near->said, part->word);
	if (d < near->distance) {
		near->distance = d;
		near->word = part->word;
	}
}

/* The word that the rows expect where the line went wrong and that is near. */
static const char *
nearest_word(
    struct matcher *m, const struct mode *mode, const struct cli_row *only)
{
	struct matcher *again = mem_alloc(sizeof(*again));
	struct nearest near = { .said = m->line->words[m->far] };

	near.distance = 1 + (unsigned)strlen(near.said) / 3;
	if (near.distance > 3)
		near.distance = 3;
	near.distance++;
	match_start(again, m->cli, m->line);
	again->whole = m->whole;
	again->negate = m->negate;
	again->begin = m->begin;
	again->end = m->far;
	again->calls = m->calls;
	again->anywhere = m->anywhere;
	again->expect = consider;
	again->arg = &near;
	match_mode(again, mode, only);
	mem_free(again);
	return near.word;
}

static void
say_unknown(const struct origin *o, struct matcher *m, const struct mode *mode,
    const struct cli_row *only)
{
	const char *near = nearest_word(m, mode, only);
	struct text said = { 0 }, meant = { 0 };
	bool more = m->far + 1 < m->line->count;

	add_words(m, m->far + 1, &said);
	if (more)
		text_add(&said, " ...");
	if (near != NULL) {
		add_words(m, m->far, &meant);
		text_add(&meant, "%s%s%s", m->far > 0 ? " " : "", near,
		    more ? " ..." : "");
	}
	if (o->file == NULL)
		origin_fault(o, false, "Unknown command: %s%s%s",
		    text_str(&said), near != NULL ? "; did you mean: " : "",
		    text_str(&meant));
	else
		origin_fault(o, false, "unknown command \"%s\"%s%s%s",
		    text_str(&said), near != NULL ? "; did you mean \"" : "",
		    text_str(&meant), near != NULL ? "\"?" : "");
	text_free(&said);
	text_free(&meant);
}

static void
say_bad_value(const struct origin *o, struct matcher *m)
{
	struct text why = { 0 }, before = { 0 };
	unsigned i = 0;

	for (; i < m->best.bind_count; i++) {
		const struct bind *bind = &m->best.binds[i];
		const struct cli_field *f = bind->part->field;

		if (bind->part->kind != PART_VALUE)
			continue;
		if (field_read(f, m->cli->scratch, line_word(m->line, bind),
			arena_alloc(m->cli->scratch, field_size(f) + 8),
			&why) != 0) {
			add_words(m, bind->word, &before);
			break;
		}
	}
	origin_fault(o, false, "%s: %s", text_str(&before), text_str(&why));
	text_free(&why);
	text_free(&before);
}

/* Whole lines are echoed only where no value of theirs was a secret. */
static void
say_short(const struct origin *o, const struct matcher *m, const char *what)
{
	struct text said = { 0 };

	add_words(m, m->line->count, &said);
	if (o->file == NULL)
		origin_fault(o, false, "%s: %s", what, text_str(&said));
	else
		origin_fault(o, false, "%s: \"%s\"", what, text_str(&said));
	text_free(&said);
}

void
origin_no_match(const struct origin *o, struct matcher *m,
    const struct mode *mode, const struct cli_row *only)
{
	if (m->found && m->best.bad)
		say_bad_value(o, m);
	else if (m->found)
		say_short(o, m, "Ambiguous command");
	else if (m->incomplete)
		say_short(o, m, "Command incomplete");
	else
		say_unknown(o, m, mode, only);
}
