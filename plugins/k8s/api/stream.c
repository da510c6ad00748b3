/* SPDX-License-Identifier: ISC */
/* A list or a watch, cut into its objects as its bytes come. */

/*
 * Bytes flow through a scanner that knows the grammar of JSON (RFC 8259) and
 * nothing of its values: where one begins and ends, at which depth, under which
 * name. What of them is kept, extract.c decides. Depth is a bit each, so that a
 * deep value costs nothing but itself.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"

/* What a byte may be. */
enum { PLAIN = 1, BLANK = 2, WORD = 4, DIGIT = 8, HEX = 16, ESCAPED = 32 };

#define P PLAIN
#define W (PLAIN | WORD)
#define X (PLAIN | WORD | HEX)
#define D (PLAIN | WORD | HEX | DIGIT)
/* clang-format off */
static const uint8_t bytes[256] = {
	['\t'] = BLANK, ['\n'] = BLANK, ['\r'] = BLANK, [' '] = P | BLANK,
	['!'] = P, ['"'] = ESCAPED, ['#' ... '*'] = P, ['+'] = W, [','] = P,
	['-'] = W, ['.'] = W, ['/'] = P | ESCAPED, ['0' ... '9'] = D,
	[':' ... '@'] = P, ['A' ... 'F'] = X, ['G' ... 'Z'] = W, ['['] = P,
	['\\'] = ESCAPED, [']' ... '`'] = P, ['a'] = X, ['b'] = X | ESCAPED,
	['c' ... 'e'] = X, ['f'] = X | ESCAPED, ['g' ... 'm'] = W,
	['n'] = W | ESCAPED, ['o' ... 'q'] = W, ['r'] = W | ESCAPED, ['s'] = W,
	['t'] = W | ESCAPED, ['u' ... 'z'] = W, ['{' ... 0xff] = P,
};
/* clang-format on */
#undef P
#undef W
#undef X
#undef D

static bool
is(char c, unsigned what)
{
	return (bytes[(uint8_t)c] & what) != 0;
}

/* What must stand where a word began, or at p. NULL: a reader returns it. */
const char *
stream_fault(struct stream *s, const char *p, const char *must)
{
	uint64_t at = s->before + (uint64_t)(p - s->data);

	if (s->at == AT_WORD)
		at -= s->word_len;
	snprintf(s->why, sizeof(s->why), "byte %llu: %s must stand here",
	    (unsigned long long)at, must);
	s->at = AT_FAULT;
	return NULL;
}

/* Readers: from p on; where the next one begins, NULL at a fault --------------- */

static bool
in_object(const struct stream *s)
{
	unsigned i = s->depth - 1;

	return s->depth > 0 && (s->objects[i / 8] >> i % 8 & 1) != 0;
}

static const char *
read_open(struct stream *s, const char *p)
{
	unsigned i = s->depth;

	if (i == DEPTH_MAX)
		return stream_fault(s, p, "something less deep");
	if (*p == '{')
		s->objects[i / 8] |= (uint8_t)(1 << i % 8);
	else
		s->objects[i / 8] &= (uint8_t) ~(1 << i % 8);
	s->depth++;
	s->at = *p == '{' ? AT_NAME_OR_END : AT_ENTRY_OR_END;
	return p + 1;
}

static const char *
read_close(struct stream *s, const char *p)
{
	s->depth--;
	if (s->depth == 1)
		s->in_items = false;
	extract_end(s, p + 1);
	return p + 1;
}

static const char *
read_value(struct stream *s, const char *p)
{
	if (*p == ']' && s->at == AT_ENTRY_OR_END)
		return read_close(s, p);
	if (*p != '{' && *p != '[' && *p != '"' && !is(*p, WORD))
		return stream_fault(s, p, "a value");
	if (extract_begin(s, p) == -1)
		return NULL;
	if (*p == '{' || *p == '[')
		return read_open(s, p);
	s->name = false;
	s->name_len = 0;
	s->name_from = p + 1;
	s->word_len = 0;
	s->at = *p == '"' ? AT_STRING : AT_WORD;
	return *p == '"' ? p + 1 : p;
}

static const char *
read_name(struct stream *s, const char *p)
{
	if (*p == '}' && s->at == AT_NAME_OR_END)
		return read_close(s, p);
	if (*p != '"')
		return stream_fault(s, p, "a name in quotes");
	s->name = true;
	s->name_len = 0;
	s->name_from = p + 1;
	s->at = AT_STRING;
	return p + 1;
}

static const char *
read_colon(struct stream *s, const char *p)
{
	if (*p != ':')
		return stream_fault(s, p, "a colon");
	s->at = AT_VALUE;
	return p + 1;
}

static const char *
read_next(struct stream *s, const char *p)
{
	bool object = in_object(s);

	if (s->depth == 0)
		return stream_fault(s, p, "nothing");
	if (*p == ',') {
		s->at = object ? AT_NAME : AT_VALUE;
		return p + 1;
	}
	if (*p == (object ? '}' : ']'))
		return read_close(s, p);
	return stream_fault(s, p, object ? "a comma or a }" : "a comma or a ]");
}

/* A piece of a name that other pieces come with; too long ones match nothing. */
static void
name_add(struct stream *s, const char *from, size_t len)
{
	if (len >= NAME_ROOM - s->name_len)
		len = NAME_ROOM - 1 - s->name_len;
	memcpy(s->name_text + s->name_len, from, len);
	s->name_len += len;
}

/* All of the name, or of a text that is asked for, up to its end in this piece. */
static const char *
name_whole(struct stream *s, const char *end, size_t *len)
{
	const char *name = s->name_from;

	*len = (size_t)(end - name);
	if (s->name_len == 0)
		return name;
	name_add(s, name, *len);
	*len = s->name_len;
	return s->name_text;
}

static void
name_end(struct stream *s, const char *end)
{
	const char *name;
	size_t len;

	s->at = AT_COLON;
	if (s->skipping || (!s->inside && s->depth != 1))
		return;
	name = name_whole(s, end, &len);
	extract_name(s, name, len);
}

static void
text_end(struct stream *s, const char *end)
{
	const char *text;
	size_t len;

	if (extract_asks(s)) {
		text = name_whole(s, end, &len);
		extract_text(s, text, len);
	}
	extract_end(s, end + 1);
}

static const char *
read_string(struct stream *s, const char *p)
{
	while (p < s->end && is(*p, PLAIN))
		p++;
	if (p == s->end)
		return p;
	if (*p == '\\') {
		s->at = AT_ESCAPE;
		return p + 1;
	}
	if (*p != '"')
		return stream_fault(s, p, "an escape of it");
	if (s->name)
		name_end(s, p);
	else
		text_end(s, p);
	return p + 1;
}

static const char *
read_escape(struct stream *s, const char *p)
{
	if (s->at == AT_ESCAPE) {
		if (*p != 'u' && !is(*p, ESCAPED))
			return stream_fault(s, p, "an escape");
		s->hex = *p == 'u' ? 4 : 0;
	} else if (is(*p, HEX))
		s->hex--;
	else
		return stream_fault(s, p, "a hexadecimal digit");
	s->at = s->hex > 0 ? AT_HEX : AT_STRING;
	return p + 1;
}

static const char *
digits(const char *p)
{
	const char *from = p;

	while (is(*p, DIGIT))
		p++;
	return p == from ? "?" : p; /* a byte that ends no number */
}

static bool
word_is_good(const char *w)
{
	if (strcmp(w, "null") == 0 || strcmp(w, "true") == 0 ||
	    strcmp(w, "false") == 0)
		return true;
	if (*w == '-')
		w++;
	w = *w == '0' ? w + 1 : digits(w);
	if (*w == '.')
		w = digits(w + 1);
	if (*w == 'e' || *w == 'E') {
		w++;
		w = digits(*w == '+' || *w == '-' ? w + 1 : w);
	}
	return *w == '\0';
}

static const char *
read_word(struct stream *s, const char *p)
{
	for (; p < s->end && is(*p, WORD); p++) {
		if (s->word_len == WORD_ROOM - 1)
			return stream_fault(s, p, "a shorter number");
		s->word[s->word_len++] = *p;
	}
	if (p == s->end)
		return p;
	s->word[s->word_len] = '\0';
	if (!word_is_good(s->word))
		return stream_fault(s, p, "a value");
	extract_end(s, p);
	return p;
}

static const char *(*const readers[])(struct stream *, const char *) = {
	[AT_VALUE] = read_value,
	[AT_ENTRY_OR_END] = read_value,
	[AT_NAME_OR_END] = read_name,
	[AT_NAME] = read_name,
	[AT_COLON] = read_colon,
	[AT_NEXT] = read_next,
	[AT_STRING] = read_string,
	[AT_ESCAPE] = read_escape,
	[AT_HEX] = read_escape,
	[AT_WORD] = read_word,
};

/* A watch has a value on each line: where a line's end is inside one, it is torn. */
static bool
is_blank(const struct stream *s, char c)
{
	return s->at < AT_STRING && is(c, BLANK) &&
	       (c != '\n' || s->depth == 0 || s->form == STREAM_LIST);
}

/* The door --------------------------------------------------------------------- */

int
stream_feed(struct stream *s, const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	if (s->at == AT_FAULT)
		return -1;
	s->data = data;
	s->end = end;
	s->run = s->inside && !s->skipping ? data : NULL;
	s->name_from = data;
	while (p != NULL && p < end)
		p = is_blank(s, *p) ? p + 1 : readers[s->at](s, p);
	if (p == NULL)
		return -1;
	extract_run_end(s, end);
	if (s->at >= AT_STRING && (s->name || extract_asks(s)))
		name_add(s, s->name_from, (size_t)(end - s->name_from));
	s->before += len;
	return 0;
}

/* Does nothing begin that has not ended? */
bool
stream_is_whole(const struct stream *s)
{
	if (s->form == STREAM_LIST)
		return s->ended && s->at != AT_FAULT;
	return s->depth == 0 && s->at == AT_VALUE;
}

/* "" while all is well. */
const char *
stream_why(const struct stream *s)
{
	return s->why;
}

struct stream *
stream_new(enum stream_form form, const char *const *skip,
    void (*on_value)(void *arg, const char *name, struct json_object *value),
    void *arg)
{
	struct stream *s = k8s_alloc(sizeof(*s));

	s->form = form;
	s->on_value = on_value;
	s->arg = arg;
	extract_open(s);
	for (; *skip != NULL && s->skips < SKIP_MAX; skip++, s->skips++) {
		s->skip[s->skips].name = k8s_copy(*skip);
		s->skip[s->skips].len = strlen(*skip);
	}
	return s;
}

void
stream_free(struct stream *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->skips; i++)
		free(s->skip[i].name);
	extract_close(s);
	free(s);
}
