/* SPDX-License-Identifier: ISC */
/* A text that grows, JSON that is written into it member by member, and times. */

/*
 * For texts that are written once, in order, and must cost little: nothing is
 * formatted that can be copied, and no tree is made. Whether a comma is due is
 * read off the last character, as no value ends with an opening bracket. What is
 * printed is valid JSON whatever the strings hold.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define ROOM_MIN 512

/* Room for that many more bytes and a NUL; where they go. */
static inline char *
text_room(struct text *t, size_t len)
{
	size_t room = t->room == 0 ? ROOM_MIN : t->room;

	while (room - t->len <= len)
		room *= 2;
	if (room != t->room)
		t->s = k8s_grow(t->s, room);
	t->room = room;
	return t->s + t->len;
}

static inline void
text_add_byte(struct text *t, char c)
{
	char *p = text_room(t, 1);

	p[0] = c;
	p[1] = '\0';
	t->len++;
}

void
text_add(struct text *t, const char *bytes, size_t len)
{
	char *p;

	if (len == 0)
		return;
	p = text_room(t, len);
	memcpy(p, bytes, len);
	p[len] = '\0';
	t->len += len;
}

void
text_add_word(struct text *t, const char *word)
{
	text_add(t, word, strlen(word));
}

void
text_rewind(struct text *t, size_t len)
{
	if (len < t->len)
		t->s[len] = '\0';
	t->len = len;
}

/* Characters ----------------------------------------------------------------- */

/* How long the character at p is; 0: it is none (RFC 3629 4). */
static size_t
character_len(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, low, high; /* of the second byte */
		uint8_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0xff, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i, k, len;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = rows[i].len;
		if (*p < rows[i].first || *p > rows[i].last)
			continue;
		if (len > left ||
		    (len > 1 && (p[1] < rows[i].low || p[1] > rows[i].high)))
			return 0;
		for (k = 2; k < len; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return len;
	}
	return 0;
}

size_t
text_fit(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	for (len = max; len > 0 && (text[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

/* How many bytes stand for themselves in a string of JSON. */
static size_t
plain_len(const unsigned char *p, size_t len)
{
	size_t i = 0, n;

	for (;;) {
		while (i < len && p[i] >= ' ' && p[i] < 0x80 && p[i] != '"' &&
		       p[i] != '\\')
			i++;
		if (i == len || (n = character_len(p + i, len - i)) < 2)
			return i;
		i += n;
	}
}

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

/* One byte that does not stand for itself. */
static void
text_add_escape(struct text *t, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char escape[6] = "\\u00";

	if (c >= 0x80) {
		text_add_byte(t, '?');
	} else if (escapes[c] != 0) {
		escape[1] = escapes[c];
		text_add(t, escape, 2);
	} else {
		escape[4] = digits[c >> 4];
		escape[5] = digits[c & 15];
		text_add(t, escape, 6);
	}
}

void
text_add_quoted(struct text *t, const char *bytes, size_t len)
{
	const unsigned char *p = (const void *)bytes, *end = p + len;
	size_t n;

	text_add_byte(t, '"');
	for (;;) {
		n = plain_len(p, (size_t)(end - p));
		text_add(t, (const char *)p, n);
		p += n;
		if (p == end)
			break;
		text_add_escape(t, *p++);
	}
	text_add_byte(t, '"');
}

/* Members -------------------------------------------------------------------- */

static bool
text_is_opened(const struct text *t)
{
	char last = t->len == 0 ? '{' : t->s[t->len - 1];

	return last == '{' || last == '[';
}

void
text_key(struct text *t, const char *key)
{
	if (!text_is_opened(t))
		text_add_byte(t, ',');
	if (key == NULL)
		return;
	text_add_quoted(t, key, strlen(key));
	text_add_byte(t, ':');
}

size_t
text_open(struct text *t, const char *key, char bracket)
{
	size_t mark = t->len;

	text_key(t, key);
	text_add_byte(t, bracket);
	return mark;
}

void
text_close(struct text *t, char bracket)
{
	text_add_byte(t, bracket);
}

void
text_close_or_drop(struct text *t, size_t mark, char bracket)
{
	if (text_is_opened(t))
		text_rewind(t, mark);
	else
		text_add_byte(t, bracket);
}

void
text_bytes(struct text *t, const char *key, const char *bytes, size_t len)
{
	text_key(t, key);
	text_add_quoted(t, bytes, len);
}

void
text_string(struct text *t, const char *key, const char *value)
{
	if (value != NULL)
		text_bytes(t, key, value, strlen(value));
}

void
text_string_cut(struct text *t, const char *key, const char *value, size_t max)
{
	text_bytes(t, key, value, text_fit(value, max));
}

void
text_raw(struct text *t, const char *key, const char *json)
{
	text_key(t, key);
	text_add_word(t, json);
}

void
text_bool(struct text *t, const char *key, bool value)
{
	text_raw(t, key, value ? "true" : "false");
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

/* RFC 4648 4. */
void
text_base64(struct text *t, const char *key, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = bytes;
	unsigned bits;
	size_t i, k;
	char *out;

	text_key(t, key);
	text_add_byte(t, '"');
	out = text_room(t, (len + 2) / 3 * 4);
	for (i = 0; i < len; i += 3, out += 4) {
		for (bits = 0, k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < len ? p[i + k] : 0);
		for (k = 0; k < 4; k++)
			out[k] = i + k > len
				     ? '='
				     : digits[bits >> (18 - 6 * k) & 63];
	}
	t->len += (len + 2) / 3 * 4;
	text_add_byte(t, '"');
}

/* Times ---------------------------------------------------------------------- */

int64_t
stamp_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t
stamp_format(char out[STAMP_LEN], int64_t secs, const char *format)
{
	time_t time = (time_t)secs;
	size_t len = 0;
	struct tm tm;

	if (gmtime_r(&time, &tm) != NULL)
		len = strftime(out, STAMP_LEN, format, &tm);
	out[len] = '\0';
	return len;
}

void
stamp_print(char out[STAMP_LEN], int64_t secs)
{
	stamp_format(out, secs, "%Y-%m-%dT%H:%M:%SZ");
}

void
stamp_print_micro(char out[STAMP_LEN], int64_t ns)
{
	size_t len;

	if (ns < 0)
		ns = 0;
	len = stamp_format(out, ns / 1000000000, "%Y-%m-%dT%H:%M:%S");
	snprintf(
	    out + len, STAMP_LEN - len, ".%06dZ", (int)(ns / 1000 % 1000000));
}

bool
stamp_read(const char *text, int64_t *secs)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours, minutes, offset = 0;

	if (p == NULL)
		return false;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if ((*p == '+' || *p == '-') &&
	    sscanf(p + 1, "%2d:%2d", &hours, &minutes) == 2)
		offset = (hours * 60 + minutes) * (*p == '-' ? -60 : 60);
	else if (strcmp(p, "Z") != 0)
		return false;
	*secs = (int64_t)timegm(&tm) - offset;
	return true;
}
