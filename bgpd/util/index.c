/* SPDX-License-Identifier: ISC */
/* Ids of objects that are found by hash, in some six bytes each. */
#include "util/index.h"

#include "util/mem.h"

/*
 * Open addressing with linear steps. The upper eight bits of a hash name the
 * part, the lower 24 the slot where a look begins, the lowest ones are the tag
 * above the id. An empty slot is 0; one that was left is GONE: no object has the
 * id 0. A part with an id that needs more bits is written anew with shorter tags.
 */
#define PARTS	  256u
#define SLOTS_MIN 8u
#define FEW_BITS  26u /* of the id: six are left for the tag */
#define MANY_BITS 31u
#define GONE	  (UINT32_C(1) << 31)
#define AHEAD	  8u /* objects that are fetched before they are needed */

struct index_part {
	uint32_t *slots;
	uint32_t count;
	uint32_t used; /* objects */
	uint32_t gone;
	uint32_t id_bits;
};

static inline struct index_part *
part_of(const struct index *index, uint32_t hash)
{
	return &index->parts[hash >> 24];
}

static inline uint32_t
place_of(const struct index_part *part, uint32_t hash)
{
	return (uint32_t)((uint64_t)(hash & 0xffffff) * part->count >> 24);
}

static inline uint32_t
step(const struct index_part *part, uint32_t at)
{
	return at + 1 == part->count ? 0 : at + 1;
}

static inline uint32_t
id_of(const struct index_part *part, uint32_t word)
{
	return word & ((UINT32_C(1) << part->id_bits) - 1);
}

static inline bool
tag_is(const struct index_part *part, uint32_t word, uint32_t hash)
{
	return (word ^ hash << part->id_bits) >> part->id_bits == 0;
}

static inline uint32_t
word_of(const struct index_part *part, uint32_t hash, uint32_t id)
{
	return hash << part->id_bits | id;
}

uint32_t
index_find(const struct index *index, uint32_t hash, const void *key)
{
	const struct index_part *part;
	uint32_t at, word, id;

	if (index->used == 0)
		return 0;
	part = part_of(index, hash);
	if (part->used == 0)
		return 0;
	for (at = place_of(part, hash); (word = part->slots[at]) != 0;
	     at = step(part, at)) {
		id = id_of(part, word);
		if (tag_is(part, word, hash) && id != 0 &&
		    index->equal(index->owner, id, key))
			return id;
	}
	return 0;
}

void
index_fetch(const struct index *index, uint32_t hash)
{
	const struct index_part *part;

	if (index->used == 0)
		return;
	part = part_of(index, hash);
	if (part->count > 0)
		__builtin_prefetch(&part->slots[place_of(part, hash)]);
}

uint32_t
index_hint(const struct index *index, uint32_t hash)
{
	const struct index_part *part;
	uint32_t at, word;

	if (index->used == 0)
		return 0;
	part = part_of(index, hash);
	if (part->used == 0)
		return 0;
	for (at = place_of(part, hash); (word = part->slots[at]) != 0;
	     at = step(part, at))
		if (tag_is(part, word, hash) && id_of(part, word) != 0)
			return id_of(part, word);
	return 0;
}

/* Its object will be asked for its hash soon. */
static inline void
fetch_object(
    const struct index *index, const struct index_part *part, uint32_t at)
{
	if (at < part->count && id_of(part, part->slots[at]) != 0)
		__builtin_prefetch(
		    index->at(index->owner, id_of(part, part->slots[at])));
}

static void
put(struct index_part *part, uint32_t hash, uint32_t id)
{
	uint32_t at = place_of(part, hash);

	while (part->slots[at] != 0)
		at = step(part, at);
	part->slots[at] = word_of(part, hash, id);
}

static void
rebuild(struct index *index, struct index_part *part, uint32_t count,
    uint32_t id_bits)
{
	struct index_part old = *part;
	uint32_t i, id;

	part->slots = count > 0 ? mem_array(count, sizeof(*part->slots)) : NULL;
	part->count = count;
	part->gone = 0;
	part->id_bits = id_bits;
	for (i = 0; i < AHEAD; i++)
		fetch_object(index, &old, i);
	for (i = 0; i < old.count; i++) {
		fetch_object(index, &old, i + AHEAD);
		id = id_of(&old, old.slots[i]);
		if (id != 0)
			put(part, index->hash(index->owner, id), id);
	}
	mem_free(old.slots);
}

/* Four of five slots in use are as many as looks stay short with. */
static bool
is_full(const struct index_part *part)
{
	return (part->used + part->gone + 1) * UINT64_C(5) >
	       part->count * UINT64_C(4);
}

void
index_add(struct index *index, uint32_t hash, uint32_t id)
{
	struct index_part *part;
	uint32_t count, bits, at;

	if (index->parts == NULL)
		index->parts = mem_array(PARTS, sizeof(*index->parts));
	part = part_of(index, hash);
	bits = part->count > 0 ? part->id_bits : FEW_BITS;
	if (id >> bits != 0)
		bits = MANY_BITS;
	if (is_full(part) || bits != part->id_bits) {
		count = part->count > SLOTS_MIN ? part->count : SLOTS_MIN;
		/* Where many are only gone, it is not too small. */
		if (part->used * UINT64_C(5) >= count * UINT64_C(3))
			count += count / 2;
		rebuild(index, part, count, bits);
	}
	at = place_of(part, hash);
	while (id_of(part, part->slots[at]) != 0)
		at = step(part, at);
	if (part->slots[at] != 0)
		part->gone--;
	part->slots[at] = word_of(part, hash, id);
	part->used++;
	index->used++;
}

/* What nobody's look must step over becomes empty again. */
static void
leave(struct index_part *part, uint32_t at)
{
	if (part->slots[step(part, at)] != 0) {
		part->slots[at] = GONE;
		part->gone++;
		return;
	}
	part->slots[at] = 0;
	for (;;) {
		at = at == 0 ? part->count - 1 : at - 1;
		if (part->slots[at] == 0 || id_of(part, part->slots[at]) != 0)
			return;
		part->slots[at] = 0;
		part->gone--;
	}
}

void
index_remove(struct index *index, uint32_t hash, uint32_t id)
{
	struct index_part *part;
	uint32_t at, word;

	if (index->used == 0)
		return;
	part = part_of(index, hash);
	if (part->used == 0)
		return;
	word = word_of(part, hash, id);
	for (at = place_of(part, hash); part->slots[at] != word;
	     at = step(part, at))
		if (part->slots[at] == 0)
			return;
	leave(part, at);
	part->used--;
	index->used--;
	if (part->used == 0)
		rebuild(index, part, 0, part->id_bits);
	else if (part->count > SLOTS_MIN && part->used < part->count / 8)
		rebuild(index, part, part->count / 4, part->id_bits);
}

size_t
index_size(const struct index *index)
{
	size_t size = 0;
	uint32_t i;

	if (index->parts == NULL)
		return 0;
	for (i = 0; i < PARTS; i++)
		size += index->parts[i].count * sizeof(uint32_t);
	return size + PARTS * sizeof(*index->parts);
}

void
index_clear(struct index *index)
{
	uint32_t i;

	for (i = 0; index->parts != NULL && i < PARTS; i++)
		mem_free(index->parts[i].slots);
	mem_free(index->parts);
	index->parts = NULL;
	index->used = 0;
}
