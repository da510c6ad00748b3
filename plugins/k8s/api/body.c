/* SPDX-License-Identifier: ISC */
/* What is sent: JSON as it grows, times, names and texts as the server takes them. */

/*
 * A printer and no tree: what is sent is written once, in order, and never
 * looked at again. What it prints is valid JSON whatever the texts hold; bytes
 * that are no UTF-8 become '?'.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api.h"

#define ROOM_MIN 512

/* Text ------------------------------------------------------------------------- */

/* How long the character at p is; 0: it is none (RFC 3629 4). */
static size_t
utf8_len(const unsigned char *p)
{
	static const struct {
		unsigned char first, last, low, high; /* of the second byte */
		uint8_t len;
	} rows[] = {
		{ 0x01, 0x7f, 0x00, 0xff, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (*p < rows[i].first || *p > rows[i].last)
			continue;
		if (rows[i].len == 1)
			return 1;
		if (p[1] < rows[i].low || p[1] > rows[i].high)
			return 0;
		for (k = 2; k < rows[i].len; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return rows[i].len;
	}
	return 0;
}

/* How much of a text fits into so many bytes, cut between characters. */
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

/*
 * A DNS subdomain (RFC 1123) of at most max bytes out of any text: small
 * letters, digits, '-', and '.' between labels. out has room for one more.
 * What its length is: 0 where nothing of it can stand.
 */
size_t
text_subdomain(char *out, const char *text, size_t max)
{
	size_t len = 0;
	int c;

	for (; *text != '\0' && len < max; text++) {
		c = tolower((unsigned char)*text);
		if (c == '.') {
			while (len > 0 && out[len - 1] == '-')
				len--;
		} else if (!isalnum(c) || c >= 0x80)
			c = '-';
		if (!isalnum(c) && (len == 0 || out[len - 1] == '.'))
			continue; /* a label begins with none of these */
		out[len++] = (char)c;
	}
	while (len > 0 && !isalnum((unsigned char)out[len - 1]))
		len--;
	out[len] = '\0';
	return len;
}

/* JSON ------------------------------------------------------------------------- */

/* Room for so many bytes more, and a NUL behind them. */
static char *
body_room(struct body *body, size_t more)
{
	size_t need = body->len + more + 1;

	if (need > body->room) {
		body->room = need < ROOM_MIN ? ROOM_MIN : need + need / 2;
		body->text = k8s_grow(body->text, body->room);
	}
	return body->text + body->len;
}

static void
body_byte(struct body *body, char c)
{
	char *p = body_room(body, 1);

	p[0] = c;
	p[1] = '\0';
	body->len++;
}

static void
body_escape(struct body *body, const char *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)text;
	const unsigned char *end = p + len;
	char *out = body_room(body, 6 * len + 2), *start = out;
	size_t n;

	*out++ = '"';
	for (; p < end; p += n) {
		n = utf8_len(p);
		if (*p == '"' || *p == '\\')
			*out++ = '\\';
		if (*p < 0x20) {
			memcpy(out, "\\u00", 4);
			out[4] = digits[*p >> 4];
			out[5] = digits[*p & 15];
			out += 6;
		} else if (n == 0 || n > (size_t)(end - p)) {
			*out++ = '?';
			n = 1;
		} else {
			memcpy(out, p, n);
			out += n;
		}
	}
	*out++ = '"';
	*out = '\0';
	body->len += (size_t)(out - start);
}

/* What stands before a value: a comma where one came before, its key. */
static void
body_key(struct body *body, const char *key)
{
	if (body->len > 0 && strchr("{[", body->text[body->len - 1]) == NULL)
		body_byte(body, ',');
	if (key == NULL)
		return;
	body_escape(body, key, strlen(key));
	body_byte(body, ':');
}

/* '{' or '['; key NULL: an entry of a list, or the whole. */
void
body_open(struct body *body, const char *key, char bracket)
{
	body_key(body, key);
	body_byte(body, bracket);
}

void
body_close(struct body *body, char bracket)
{
	body_byte(body, bracket);
}

/* value NULL: it is left out. */
void
body_text(struct body *body, const char *key, const char *value)
{
	if (value != NULL)
		body_text_cut(body, key, value, strlen(value));
}

/* No more than max bytes of it, cut between characters. */
void
body_text_cut(struct body *body, const char *key, const char *value, size_t max)
{
	body_key(body, key);
	body_escape(body, value, text_fit(value, max));
}

void
body_number(struct body *body, const char *key, int64_t value)
{
	body_key(body, key);
	body->len +=
	    (size_t)sprintf(body_room(body, 20), "%lld", (long long)value);
}

void
body_bool(struct body *body, const char *key, bool value)
{
	body_key(body, key);
	body->len +=
	    (size_t)sprintf(body_room(body, 5), "%s", value ? "true" : "false");
}

/* Times ------------------------------------------------------------------------ */

/* The calendar's clock, in nanoseconds: for what is shown, never to decide by. */
int64_t
stamp_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
stamp_write(char *out, int64_t ns, const char *format, int fraction)
{
	time_t secs = (time_t)(ns / 1000000000);
	struct tm tm;

	gmtime_r(&secs, &tm);
	strftime(out, STAMP_LEN, format, &tm);
	if (fraction >= 0)
		sprintf(out + strlen(out), ".%06dZ", fraction);
}

/* RFC 3339 to the second, as conditions have it (metav1.Time). */
void
stamp_print(char out[STAMP_LEN], int64_t ns)
{
	stamp_write(out, ns < 0 ? 0 : ns, "%Y-%m-%dT%H:%M:%SZ", -1);
}

/* To the microsecond, as Leases and events have it (metav1.MicroTime). */
void
stamp_print_micro(char out[STAMP_LEN], int64_t ns)
{
	if (ns < 0)
		ns = 0;
	stamp_write(out, ns, "%Y-%m-%dT%H:%M:%S", (int)(ns / 1000 % 1000000));
}
