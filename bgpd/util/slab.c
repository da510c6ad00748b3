/* SPDX-License-Identifier: ISC */
/* Objects of one size, named by a dense 32-bit id instead of a pointer. */
#include "util/slab.h"

#include <string.h>

#include "util/mem.h"

/*
 * Id n is object (n - 1) % SLAB_BLOCK of block (n - 1) / SLAB_BLOCK. A block has
 * one bit per living object; slab->room has one bit per block that is not full,
 * a block that was given back being one of them. One empty block is kept, else
 * an object that comes and goes at the edge would fetch a block each time.
 */
#define WORDS	  (SLAB_BLOCK / 64)
#define BLOCK_MAX (INT32_MAX / SLAB_BLOCK) /* ids have 31 bits */

void
slab_init(struct slab *slab, size_t object_size)
{
	if (object_size == 0 || object_size > UINT32_MAX / 2)
		fatal("a slab of objects of %zu bytes", object_size);
	memset(slab, 0, sizeof(*slab));
	/* What holds a pointer has a size of eights already. */
	slab->object_size = (uint32_t)((object_size + 3) / 4 * 4);
	slab->spare = BITS_NONE;
}

void
slab_clear(struct slab *slab)
{
	size_t object_size = slab->object_size;
	uint32_t i;

	for (i = 0; i < slab->block_count; i++)
		mem_free(slab->blocks[i]);
	mem_free(slab->blocks);
	bits_clear(&slab->room);
	if (object_size > 0)
		slab_init(slab, object_size);
}

static size_t
slab_block_size(const struct slab *slab)
{
	return sizeof(struct slab_block) +
	       (size_t)SLAB_BLOCK * slab->object_size;
}

/* Is it there, not empty, and has it room? */
static inline bool
slab_is_open(const struct slab *slab, uint32_t at)
{
	const struct slab_block *block =
	    at < slab->block_count ? slab->blocks[at] : NULL;

	return block != NULL && block->used > 0 && block->used < SLAB_BLOCK;
}

/* The lowest block that has room; fetched where it is not there. */
static uint32_t
slab_find_room(struct slab *slab)
{
	struct slab_block *block;
	uint32_t at;

	/* Nearly always the one of last time. */
	if (slab_is_open(slab, slab->low))
		return slab->low;
	at = bits_next(&slab->room, slab->low);
	if (at == BITS_NONE) {
		at = slab->block_count;
		if (at >= BLOCK_MAX)
			fatal("a slab is full: %u objects", slab->used);
		slab->blocks = mem_resize(
		    slab->blocks, (size_t)at + 1, sizeof(struct slab_block *));
		slab->blocks[at] = NULL;
		slab->block_count++;
		bits_add(&slab->room, at);
	}
	slab->low = at;
	if (slab->blocks[at] == NULL) {
		/* Pages that no object needs yet are not touched. */
		block = mem_resize(NULL, 1, slab_block_size(slab));
		memset(block, 0, sizeof(*block));
		slab->blocks[at] = block;
		slab->held++;
	} else if (slab->spare == at) {
		slab->spare = BITS_NONE;
	}
	return at;
}

uint32_t
slab_add(struct slab *slab)
{
	uint32_t at = slab_find_room(slab);
	struct slab_block *block = slab->blocks[at];
	uint32_t word = block->low, n;

	while (block->alive[word] == UINT64_MAX)
		word++;
	block->low = word;
	n = word * 64 + (uint32_t)__builtin_ctzll(~block->alive[word]);
	block->alive[word] |= UINT64_C(1) << (n % 64);
	if (++block->used == SLAB_BLOCK)
		bits_remove(&slab->room, at);
	slab->used++;
	memset(
	    block->data + (size_t)n * slab->object_size, 0, slab->object_size);
	return at * SLAB_BLOCK + n + 1;
}

/* The block of a living object, else NULL. */
static struct slab_block *
slab_find(const struct slab *slab, uint32_t id)
{
	uint32_t at = (id - 1) / SLAB_BLOCK, n = (id - 1) % SLAB_BLOCK;
	struct slab_block *block;

	if (id == SLAB_NONE || at >= slab->block_count)
		return NULL;
	block = slab->blocks[at];
	if (block == NULL || (block->alive[n / 64] >> (n % 64) & 1) == 0)
		return NULL;
	return block;
}

static void
slab_drop_block(struct slab *slab, uint32_t at)
{
	mem_free(slab->blocks[at]);
	slab->blocks[at] = NULL;
	slab->held--;
}

/* Of two empty blocks the lower one stays. */
static void
slab_on_empty(struct slab *slab, uint32_t at)
{
	if (slab->spare == BITS_NONE) {
		slab->spare = at;
	} else if (slab->spare < at) {
		slab_drop_block(slab, at);
	} else {
		slab_drop_block(slab, slab->spare);
		slab->spare = at;
	}
}

void
slab_remove(struct slab *slab, uint32_t id)
{
	uint32_t at = (id - 1) / SLAB_BLOCK, n = (id - 1) % SLAB_BLOCK;
	struct slab_block *block = slab_find(slab, id);

	if (block == NULL)
		return;
	block->alive[n / 64] &= ~(UINT64_C(1) << (n % 64));
	/* It was among those with room unless it was full. */
	if (block->used-- == SLAB_BLOCK)
		bits_add(&slab->room, at);
	slab->used--;
	if (n / 64 < block->low)
		block->low = n / 64;
	if (at < slab->low)
		slab->low = at;
	if (block->used == 0)
		slab_on_empty(slab, at);
}

void *
slab_at(const struct slab *slab, uint32_t id)
{
	struct slab_block *block = slab_find(slab, id);

	if (block == NULL)
		return NULL;
	return slab_get(slab, id);
}

/* The first living object >= n of a block; SLAB_BLOCK when there is none. */
static uint32_t
slab_block_next(const struct slab_block *block, uint32_t n)
{
	uint32_t word = n / 64;
	uint64_t left;

	if (block == NULL || block->used == 0)
		return SLAB_BLOCK;
	left = block->alive[word] & UINT64_MAX << (n % 64);
	while (left == 0) {
		if (++word >= WORDS)
			return SLAB_BLOCK;
		left = block->alive[word];
	}
	return word * 64 + (uint32_t)__builtin_ctzll(left);
}

uint32_t
slab_next(const struct slab *slab, uint32_t id)
{
	/* The id after `id` is object id % SLAB_BLOCK: ids start at 1. */
	uint32_t at = id / SLAB_BLOCK, n = id % SLAB_BLOCK;

	for (; at < slab->block_count; at++, n = 0) {
		n = slab_block_next(slab->blocks[at], n);
		if (n < SLAB_BLOCK)
			return at * SLAB_BLOCK + n + 1;
	}
	return SLAB_NONE;
}

size_t
slab_size(const struct slab *slab)
{
	return slab->held * slab_block_size(slab) +
	       slab->block_count * sizeof(struct slab_block *) +
	       slab->room.word_count * sizeof(uint64_t);
}
