/* SPDX-License-Identifier: ISC */
/* A set of small numbers, one bit each. */
#include "util/bits.h"

#include <string.h>

#include "util/mem.h"

#define WORD 64u

static uint64_t
bits_mask(uint32_t n)
{
	return UINT64_C(1) << (n % WORD);
}

bool
bits_has(const struct bits *b, uint32_t n)
{
	uint32_t at = n / WORD;

	return at < b->word_count && (b->words[at] & bits_mask(n)) != 0;
}

static void
bits_grow(struct bits *b, uint32_t at)
{
	uint32_t count = b->word_count > 0 ? b->word_count : 1;

	while (count <= at)
		count *= 2;
	b->words = mem_resize(b->words, count, sizeof(*b->words));
	memset(b->words + b->word_count, 0,
	    (count - b->word_count) * sizeof(*b->words));
	b->word_count = count;
}

bool
bits_add(struct bits *b, uint32_t n)
{
	uint32_t at = n / WORD;

	if (n == BITS_NONE || bits_has(b, n))
		return false;
	if (at >= b->word_count)
		bits_grow(b, at);
	b->words[at] |= bits_mask(n);
	b->used++;
	return true;
}

bool
bits_remove(struct bits *b, uint32_t n)
{
	if (!bits_has(b, n))
		return false;
	b->words[n / WORD] &= ~bits_mask(n);
	b->used--;
	return true;
}

uint32_t
bits_next(const struct bits *b, uint32_t n)
{
	uint32_t at = n / WORD;
	uint64_t word;

	if (at >= b->word_count)
		return BITS_NONE;
	/* Members below n do not count in the first word. */
	word = b->words[at] & ~(bits_mask(n) - 1);
	while (word == 0) {
		if (++at >= b->word_count)
			return BITS_NONE;
		word = b->words[at];
	}
	return at * WORD + (uint32_t)__builtin_ctzll(word);
}

uint32_t
bits_next_free(const struct bits *b, uint32_t n)
{
	uint32_t at = n / WORD;
	uint64_t word;

	if (at >= b->word_count)
		return n;
	word = ~b->words[at] & ~(bits_mask(n) - 1);
	while (word == 0) {
		if (++at >= b->word_count)
			return at * WORD;
		word = ~b->words[at];
	}
	return at * WORD + (uint32_t)__builtin_ctzll(word);
}

void
bits_clear(struct bits *b)
{
	mem_free(b->words);
	memset(b, 0, sizeof(*b));
}
