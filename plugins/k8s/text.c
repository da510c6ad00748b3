/* SPDX-License-Identifier: ISC */
/* A text that grows, and JSON that is written into it member by member. */

/*
 * For many small texts that must cost little: nothing is formatted that can be
 * copied, and no tree is made. Whether a comma is due is read off the last
 * character, as no value ends with an opening bracket.
 */

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Room for that many more bytes; where they go. */
static char *
text_room(struct text *t, size_t len)
{
	size_t room = t->room == 0 ? 256 : t->room;

	while (room - t->len < len)
		room *= 2;
	if (room != t->room)
		t->s = k8s_grow(t->s, room);
	t->room = room;
	return t->s + t->len;
}

void
text_add(struct text *t, const char *bytes, size_t len)
{
	if (len == 0)
		return;
	memcpy(text_room(t, len), bytes, len);
	t->len += len;
}

void
text_add_word(struct text *t, const char *word)
{
	text_add(t, word, strlen(word));
}

/* Characters ----------------------------------------------------------------- */

/* RFC 8259 7: behind a backslash; 0: \u00XX. */
static const char escapes[] = {
	['"'] = '"',
	['\\'] = '\\',
	['\b'] = 'b',
	['\f'] = 'f',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
};

static void
text_add_escape(struct text *t, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char *p = text_room(t, 6);

	p[0] = '\\';
	if (escapes[c] != 0) {
		p[1] = escapes[c];
		t->len += 2;
		return;
	}
	memcpy(p + 1, "u00", 3);
	p[4] = digits[c >> 4];
	p[5] = digits[c & 15];
	t->len += 6;
}

void
text_add_quoted(struct text *t, const char *bytes, size_t len)
{
	const unsigned char *p = (const void *)bytes;
	size_t i, run = 0;

	text_add(t, "\"", 1);
	for (i = 0; i < len; i++) {
		if (p[i] >= ' ' && p[i] != '"' && p[i] != '\\')
			continue;
		text_add(t, bytes + run, i - run);
		text_add_escape(t, p[i]);
		run = i + 1;
	}
	text_add(t, bytes + run, len - run);
	text_add(t, "\"", 1);
}

/* RFC 4648 4. */
void
text_add_base64(struct text *t, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = text_room(t, (len + 2) / 3 * 4);
	const unsigned char *p = bytes;
	unsigned bits;
	size_t i, k;

	for (i = 0; i < len; i += 3, out += 4) {
		for (bits = 0, k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < len ? p[i + k] : 0);
		for (k = 0; k < 4; k++)
			out[k] = i + k > len
				     ? '='
				     : digits[bits >> (18 - 6 * k) & 63];
	}
	t->len += (len + 2) / 3 * 4;
}

/* Members -------------------------------------------------------------------- */

void
text_key(struct text *t, const char *key)
{
	char last = t->len == 0 ? '{' : t->s[t->len - 1];

	if (last != '{' && last != '[' && last != ' ')
		text_add(t, ",", 1);
	if (key == NULL)
		return;
	text_add_quoted(t, key, strlen(key));
	text_add(t, ":", 1);
}

/* For text_close. */
size_t
text_open(struct text *t, const char *key, char open)
{
	size_t mark = t->len;

	text_key(t, key);
	text_add(t, &open, 1);
	return mark;
}

void
text_close(struct text *t, size_t mark, char close)
{
	char last = t->s[t->len - 1];

	if (last == '{' || last == '[')
		t->len = mark;
	else
		text_add(t, &close, 1);
}

void
text_string(struct text *t, const char *key, const char *value)
{
	if (value == NULL)
		return;
	text_key(t, key);
	text_add_quoted(t, value, strlen(value));
}

void
text_number(struct text *t, const char *key, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[24], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--p = '-';
	text_key(t, key);
	text_add(t, p, (size_t)(digits + sizeof(digits) - p));
}
