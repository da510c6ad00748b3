/* SPDX-License-Identifier: ISC */
/* A set of small numbers, one bit each. */
#ifndef UTIL_BITS_H
#define UTIL_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_NONE UINT32_MAX

/* All zeroes is the empty set; grows with its largest member. */
struct bits {
	uint64_t *words;
	uint32_t word_count;
	uint32_t used; /* members */
};

bool bits_has(const struct bits *b, uint32_t n);
bool bits_add(struct bits *b, uint32_t n);    /* true if it was not in */
bool bits_remove(struct bits *b, uint32_t n); /* true if it was in */
/* The first member >= n, or BITS_NONE. */
uint32_t bits_next(const struct bits *b, uint32_t n);
/* The first number >= n that is not a member. */
uint32_t bits_next_free(const struct bits *b, uint32_t n);
void bits_clear(struct bits *b); /* empty, memory given back */

#endif
