/* SPDX-License-Identifier: ISC */
/* A fast keyed hash, for tables that are asked for each route. */
#ifndef UTIL_MIX_H
#define UTIL_MIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Words are folded in by multiplications of 64 to 128 bits with a secret of this
 * process, drawn at its start: who does not know it cannot choose keys that meet.
 * Less is known of it than of table_hash, and it takes a third of the time.
 */
extern uint64_t mix_secret[2];

static inline uint64_t
mix_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Sixteen bytes and a number: no two of the three may be told as one. */
static inline uint32_t
mix_three(uint64_t a, uint64_t b, uint64_t n)
{
	uint64_t h = mix_fold(a ^ mix_secret[0], b ^ mix_secret[1]);

	h = mix_fold(h ^ mix_secret[0] ^ n, mix_secret[1]);
	return (uint32_t)(h ^ h >> 32);
}

static inline uint32_t
mix_pair(uint64_t a, uint64_t b)
{
	return mix_three(a, b, 0);
}

static inline uint32_t
mix_hash(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t h = mix_secret[1] ^ len, word;
	size_t left = len;

	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		at += sizeof(word);
		h = mix_fold(h ^ word, mix_secret[0]);
	}
	word = 0;
	memcpy(&word, at, left);
	return mix_pair(h ^ word, h);
}

#endif
