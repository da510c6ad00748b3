/* SPDX-License-Identifier: ISC */
/* Prometheus' text format, 0.0.4: samples in any order become families. */

/*
 * A page is made anew for each scrape, in one arena: samples are collected, put
 * in order of name and labels, and printed with HELP and TYPE before the first of
 * each name. What guests give as names, helps and values is made fit here, so
 * that one of them cannot spoil the page for all.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/mem.h"
#include "web/web.h"

struct sample {
	struct exposition_family family;
	const char *labels;
	double value;
	size_t number; /* the order they came in */
};

struct exposition {
	struct arena *arena;
	struct sample *samples;
	size_t count, capacity;
};

struct exposition *
exposition_new(void)
{
	struct exposition *e = mem_alloc(sizeof(*e));

	e->arena = arena_new();
	return e;
}

void
exposition_free(struct exposition *e)
{
	arena_free(e->arena);
	mem_free(e->samples);
	mem_free(e);
}

void
exposition_add(struct exposition *e, const struct exposition_family *family,
    const char *labels, double value)
{
	struct sample *s;

	if (e->count == e->capacity) {
		e->capacity = e->capacity != 0 ? 2 * e->capacity : 64;
		e->samples =
		    mem_resize(e->samples, e->capacity, sizeof(*e->samples));
	}
	s = &e->samples[e->count];
	s->family = *family;
	s->labels = *labels != '\0' ? arena_string(e->arena, labels) : "";
	s->value = value;
	s->number = e->count++;
}

/* Names, labels, numbers ----------------------------------------------------- */

static bool
is_fit(char c, bool is_label, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
		return true;
	if (c >= '0' && c <= '9')
		return !first;
	return c == ':' && !is_label;
}

void
exposition_name(char *name, bool is_label)
{
	char *c;

	for (c = name; *c != '\0'; c++)
		if (!is_fit(*c, is_label, c == name))
			*c = '_';
}

/* Bytes of the UTF-8 character at s; 0: there is none (RFC 3629). */
static size_t
utf8_len(const unsigned char *s)
{
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* So many bytes from s on are as they should be. */
static size_t
plain_len(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] <= '~' && s[n] != '\\' && s[n] != '"')
		n++;
	return n;
}

/* A help has backslash and newline escaped, a label's value the quote too. */
static void
escape(struct text *out, const char *s, bool is_label)
{
	size_t len;

	for (;;) {
		len = plain_len(s);
		text_put(out, s, len);
		s += len;
		if (*s == '\0')
			break;
		len = utf8_len((const unsigned char *)s);
		if (*s == '\n')
			text_put(out, "\\n", 2);
		else if (*s == '\\' || (*s == '"' && is_label))
			text_add(out, "\\%c", *s);
		else if (len == 0)
			text_char(out, '?');
		else
			text_put(out, s, len);
		s += len != 0 ? len : 1;
	}
}

void
exposition_label(struct text *labels, const char *key, const char *value)
{
	size_t i, at;

	if (labels->len > 0)
		text_char(labels, ',');
	at = labels->len;
	text_put(labels, key, strlen(key));
	for (i = at; i < labels->len; i++)
		if (!is_fit(labels->s[i], true, i == at))
			labels->s[i] = '_';
	text_put(labels, "=\"", 2);
	escape(labels, value, true);
	text_char(labels, '"');
}

void
exposition_number(struct text *out, double value)
{
	char text[32];
	int digits;

	if (value >= 0 && value < 10 && value == (int)value) {
		text_char(out, (char)('0' + (int)value));
	} else if (isnan(value)) {
		text_add(out, "NaN");
	} else if (isinf(value)) {
		text_add(out, value > 0 ? "+Inf" : "-Inf");
	} else if (fabs(value) < 1e18 && value == rint(value)) {
		text_add(out, "%lld", (long long)value);
	} else {
		for (digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof(text), "%.*g", digits, value);
			if (strtod(text, NULL) == value)
				break;
		}
		text_add(out, "%s", text);
	}
}

/* The page --------------------------------------------------------------------- */

static int
sample_compare(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int order = strcmp(x->family.name, y->family.name);

	if (order == 0)
		order = strcmp(x->labels, y->labels);
	if (order == 0)
		order = x->number < y->number ? -1 : 1;
	return order;
}

static void
family_print(struct text *out, const struct exposition_family *family)
{
	text_add(out, "# HELP %s ", family->name);
	escape(out, family->help, false);
	text_add(out, "\n# TYPE %s %s\n", family->name,
	    family->kind == BGPD_COUNTER ? "counter" : "gauge");
}

static void
sample_print(struct text *out, const struct sample *s)
{
	text_put(out, s->family.name, strlen(s->family.name));
	if (*s->labels != '\0') {
		text_char(out, '{');
		text_put(out, s->labels, strlen(s->labels));
		text_char(out, '}');
	}
	text_char(out, ' ');
	exposition_number(out, s->value);
	text_char(out, '\n');
}

void
exposition_print(struct exposition *e, struct text *out)
{
	const struct sample *s, *last = NULL;

	if (e->count > 0)
		qsort(
		    e->samples, e->count, sizeof(*e->samples), sample_compare);
	for (s = e->samples; s < e->samples + e->count; s++) {
		if (last == NULL ||
		    strcmp(last->family.name, s->family.name) != 0)
			family_print(out, &s->family);
		else if (strcmp(last->labels, s->labels) == 0)
			continue;
		sample_print(out, s);
		last = s;
	}
}
