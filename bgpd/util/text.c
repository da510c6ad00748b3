/* SPDX-License-Identifier: ISC */
/* A string that grows; string helpers; tables of number and name. */
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#include "util/mem.h"
#include "util/names.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)
#define YEAR   (365 * DAY)

/* Room for `more` characters and the terminator. */
static void
text_reserve(struct text *t, size_t more)
{
	size_t capacity = t->capacity > 0 ? t->capacity : 64;

	if (more >= SIZE_MAX / 4 - t->len)
		fatal("out of memory: a text of %zu bytes", t->len);
	if (t->len + more < t->capacity)
		return;
	while (capacity <= t->len + more)
		capacity *= 2;
	t->s = mem_resize(t->s, capacity, 1);
	t->capacity = capacity;
}

void
text_addv(struct text *t, const char *format, va_list ap)
{
	va_list again;
	size_t room;
	int len;

	text_reserve(t, 0);
	room = t->capacity - t->len;
	va_copy(again, ap);
	len = vsnprintf(t->s + t->len, room, format, ap);
	if (len > 0 && (size_t)len >= room) {
		text_reserve(t, (size_t)len);
		len = vsnprintf(t->s + t->len, (size_t)len + 1, format, again);
	}
	va_end(again);
	if (len > 0)
		t->len += (size_t)len;
	t->s[t->len] = '\0';
}

void
text_add(struct text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	text_addv(t, format, ap);
	va_end(ap);
}

void
text_put(struct text *t, const char *s, size_t len)
{
	text_reserve(t, len);
	if (len > 0)
		memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void
text_char(struct text *t, char c)
{
	text_put(t, &c, 1);
}

void
text_clear(struct text *t)
{
	t->len = 0;
	if (t->s != NULL)
		t->s[0] = '\0';
}

void
text_free(struct text *t)
{
	mem_free(t->s);
	memset(t, 0, sizeof(*t));
}

const char *
text_str(const struct text *t)
{
	return t->s != NULL ? t->s : "";
}

int
text_read_u64(const char *s, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	unsigned digit;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		digit = (unsigned)(*s - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return -1;
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return -1;
	*value = v;
	return 0;
}

bool
text_starts(const char *s, const char *beginning)
{
	return strncmp(s, beginning, strlen(beginning)) == 0;
}

void
text_uptime(char *out, size_t size, int64_t seconds)
{
	int64_t s = seconds;
	long years, weeks;
	int days, hours, minutes;

	if (s < 0) {
		snprintf(out, size, "never");
		return;
	}
	years = (long)(s / YEAR);
	weeks = (long)(s % YEAR / WEEK);
	days = (int)(s % YEAR % WEEK / DAY);
	hours = (int)(s % DAY / HOUR);
	minutes = (int)(s % HOUR / MINUTE);
	if (s < DAY)
		snprintf(out, size, "%02d:%02d:%02d", hours, minutes,
		    (int)(s % MINUTE));
	else if (s < WEEK)
		snprintf(out, size, "%dd%02dh%02dm", days, hours, minutes);
	else if (s < YEAR)
		snprintf(out, size, "%02ldw%dd%02dh", weeks, days, hours);
	else
		snprintf(out, size, "%02ldy%02ldw%dd%02dh", years, weeks, days,
		    hours);
}

/* names ------------------------------------------------------------------- */

const char *
name_of(const struct name *table, int value)
{
	for (; table->name != NULL; table++)
		if (table->value == value)
			return table->name;
	return "unknown";
}

int
name_find(const struct name *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table->value;
	return -1;
}
