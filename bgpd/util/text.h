/* SPDX-License-Identifier: ISC */
/* A string that grows; and the few string helpers everybody needs. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zeroes is an empty text. `s` is always terminated once anything is added. */
struct text {
	char *s;
	size_t len;
	size_t capacity;
};

void text_add(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_addv(struct text *t, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
void text_put(struct text *t, const char *s, size_t len);
void text_char(struct text *t, char c);
void text_clear(struct text *t);	    /* empty, memory kept */
void text_free(struct text *t);		    /* empty, memory given back */
const char *text_str(const struct text *t); /* never NULL */

/*
 * Reads a whole unsigned decimal number of [min, max]: 0, or -1 and *value
 * untouched. No sign, no blank, no trailing character.
 */
int text_read_u64(const char *s, uint64_t min, uint64_t max, uint64_t *value);
bool text_starts(const char *s, const char *beginning);
/* FRR's up/down time: 00:01:02, 1d02h03m, 01w2d03h; "never" below zero. */
void text_uptime(char *out, size_t size, int64_t seconds);

#endif
