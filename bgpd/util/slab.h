/* SPDX-License-Identifier: ISC */
/* Objects of one size, named by a dense 32-bit id instead of a pointer. */
#ifndef UTIL_SLAB_H
#define UTIL_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "util/bits.h"

#define SLAB_NONE 0u /* no object has this id */

/*
 * Objects live in blocks of SLAB_BLOCK; a block whose objects are all released
 * goes back to the system, so memory returns after a withdrawal; one of them is
 * kept. Ids are dense: the lowest free id is given first. Pointers stay valid
 * until the object is released.
 */
#define SLAB_BLOCK 1024u

struct slab_block {
	uint32_t used;
	uint32_t low; /* no word of `alive` before it has room */
	uint64_t alive[SLAB_BLOCK / 64];
	_Alignas(16) uint8_t data[];
};
struct slab {
	struct slab_block **blocks;
	uint32_t block_count;
	uint32_t used;	/* objects alive */
	uint32_t held;	/* blocks that are there */
	uint32_t spare; /* a block that is there and empty, or BITS_NONE */
	uint32_t object_size;
	struct bits room; /* blocks that are not full */
	uint32_t low;	  /* none before it is one */
};

void slab_init(struct slab *slab, size_t object_size);
void slab_clear(struct slab *slab);   /* releases everything */
uint32_t slab_add(struct slab *slab); /* zeroed; never SLAB_NONE */
void slab_remove(struct slab *slab, uint32_t id);
void *slab_at(const struct slab *slab, uint32_t id); /* NULL if not alive */
/* The same of an id that is known to be alive. */
static inline void *
slab_get(const struct slab *slab, uint32_t id)
{
	return slab->blocks[(id - 1) / SLAB_BLOCK]->data +
	       (size_t)((id - 1) % SLAB_BLOCK) * slab->object_size;
}
/* The first living id after `id` (start with SLAB_NONE); SLAB_NONE at the end. */
uint32_t slab_next(const struct slab *slab, uint32_t id);
size_t slab_size(const struct slab *slab); /* bytes held from the system */

#endif
