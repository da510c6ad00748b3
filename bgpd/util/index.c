/* SPDX-License-Identifier: ISC */
/* Ids of objects that are found by hash, in some eight bytes each. */
#include "util/index.h"

#include "util/mem.h"

/*
 * Words stand in lines, each as long as one of the cache, which are looked at as
 * a whole: no branch hangs on where in a line a word is. The upper eight bits of
 * a hash name the part, the lower 24 the line, the lowest ones are the tag above
 * the id. An empty word is 0: no object has the id 0. A word that finds its line
 * full goes to the next one, and is counted by each line that it has passed: a
 * look ends at a line that none has passed, and a word that leaves leaves nothing
 * behind. A part with an id that needs more bits is written anew, with shorter
 * tags.
 */
#define PARTS	 256u
#define WORDS	 15u /* of a line */
#define FEW_BITS 20u /* of the id: twelve are left for the tag */
#define MOST	 31u

typedef uint32_t four __attribute__((vector_size(16)));

union line {
	uint32_t words[1 + WORDS]; /* the first one counts who has passed */
	four fours[(1 + WORDS) / 4];
};

struct index_part {
	union line *lines;
	uint32_t count;
	uint32_t used; /* objects */
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
next_of(const struct index_part *part, uint32_t at)
{
	return at + 1 == part->count ? 0 : at + 1;
}

static inline uint32_t
id_mask(const struct index_part *part)
{
	return (UINT32_C(1) << part->id_bits) - 1;
}

/* A bit for each word of the line that is `like`, as far as the mask goes. */
static inline uint32_t
match(const union line *line, uint32_t like, uint32_t mask)
{
	static const four bits[] = { { 0, 1 << 1, 1 << 2, 1 << 3 },
		{ 1 << 4, 1 << 5, 1 << 6, 1 << 7 },
		{ 1 << 8, 1 << 9, 1 << 10, 1 << 11 },
		{ 1 << 12, 1 << 13, 1 << 14, 1 << 15 } };
	four found = { 0 };
	unsigned i;

	for (i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		found |=
		    (four)(((line->fours[i] ^ like) & mask) == 0) & bits[i];
	return found[0] | found[1] | found[2] | found[3];
}

static inline unsigned
lowest(uint32_t bits)
{
	return (unsigned)__builtin_ctz(bits);
}

/* The first object with the hash's tag that equals the key; NULL: any. */
static uint32_t
find(const struct index *index, uint32_t hash, const void *key)
{
	const struct index_part *part;
	const union line *line;
	uint32_t at, found, id, left;

	if (index->used == 0)
		return 0;
	part = part_of(index, hash);
	if (part->used == 0)
		return 0;
	left = part->count;
	for (at = place_of(part, hash);; at = next_of(part, at)) {
		line = &part->lines[at];
		found = match(line, hash << part->id_bits, ~id_mask(part));
		for (; found != 0; found &= found - 1) {
			id = line->words[lowest(found)] & id_mask(part);
			if (id != 0 && (key == NULL ||
					   index->equal(index->owner, id, key)))
				return id;
		}
		/* Small parts may have been passed all around. */
		if (line->words[0] == 0 || --left == 0)
			return 0;
	}
}

uint32_t
index_find(const struct index *index, uint32_t hash, const void *key)
{
	return find(index, hash, key);
}

uint32_t
index_hint(const struct index *index, uint32_t hash)
{
	return find(index, hash, NULL);
}

void
index_fetch(const struct index *index, uint32_t hash)
{
	const struct index_part *part;

	if (index->used == 0)
		return;
	part = part_of(index, hash);
	if (part->count > 0)
		__builtin_prefetch(&part->lines[place_of(part, hash)]);
}

/* There is room. */
static void
put(struct index_part *part, uint32_t hash, uint32_t id)
{
	uint32_t at = place_of(part, hash), empty;

	while ((empty = match(&part->lines[at], 0, UINT32_MAX)) == 0) {
		part->lines[at].words[0]++;
		at = next_of(part, at);
	}
	part->lines[at].words[lowest(empty)] = hash << part->id_bits | id;
	part->used++;
}

/* Objects of a line that will be asked for their hash soon. */
static void
fetch_objects(
    const struct index *index, const struct index_part *part, uint32_t at)
{
	uint32_t i, id;

	for (i = 1; at < part->count && i <= WORDS; i++) {
		id = part->lines[at].words[i] & id_mask(part);
		if (id != 0)
			__builtin_prefetch(index->at(index->owner, id));
	}
}

static void
rebuild(struct index *index, struct index_part *part, uint32_t count,
    uint32_t id_bits)
{
	struct index_part old = *part;
	uint32_t at, i, id;

	*part = (struct index_part){ .count = count, .id_bits = id_bits };
	if (count > 0)
		part->lines = mem_lines(count, sizeof(*part->lines));
	fetch_objects(index, &old, 0);
	for (at = 0; at < old.count; at++) {
		fetch_objects(index, &old, at + 1);
		for (i = 1; i <= WORDS; i++) {
			id = old.lines[at].words[i] & id_mask(&old);
			if (id != 0)
				put(part, index->hash(index->owner, id), id);
		}
	}
	mem_free(old.lines);
}

/*
 * Seven of ten words in use: with more, where objects come and go for long, most
 * lines are passed by somebody, and looks for what is not there become long.
 */
static bool
is_full(const struct index_part *part)
{
	return (part->used + 1) * UINT64_C(10) >
	       part->count * UINT64_C(7) * WORDS;
}

/* With one to spare: ids go on growing. */
static uint32_t
bits_for(uint32_t id)
{
	uint32_t bits = 33 - (uint32_t)__builtin_clz(id);

	if (bits < FEW_BITS)
		return FEW_BITS;
	return bits < MOST ? bits : MOST;
}

void
index_add(struct index *index, uint32_t hash, uint32_t id)
{
	struct index_part *part;
	uint32_t count, bits;

	if (index->parts == NULL)
		index->parts = mem_array(PARTS, sizeof(*index->parts));
	part = part_of(index, hash);
	count = part->count;
	bits = part->id_bits;
	if (count == 0 || id >> bits != 0)
		bits = bits_for(id);
	if (is_full(part))
		count += count > 1 ? count / 2 : 1;
	if (count != part->count || bits != part->id_bits)
		rebuild(index, part, count, bits);
	put(part, hash, id);
	index->used++;
}

/* True: it was in, and no line counts it any more. */
static bool
leave(struct index_part *part, uint32_t hash, uint32_t id)
{
	uint32_t home = place_of(part, hash), at = home, found;
	uint32_t word = hash << part->id_bits | id, left = part->count;

	while ((found = match(&part->lines[at], word, UINT32_MAX)) == 0) {
		if (part->lines[at].words[0] == 0 || --left == 0)
			return false;
		at = next_of(part, at);
	}
	part->lines[at].words[lowest(found)] = 0;
	for (; home != at; home = next_of(part, home))
		part->lines[home].words[0]--;
	part->used--;
	return true;
}

void
index_remove(struct index *index, uint32_t hash, uint32_t id)
{
	struct index_part *part;

	if (index->used == 0)
		return;
	part = part_of(index, hash);
	if (part->used == 0 || !leave(part, hash, id))
		return;
	index->used--;
	if (part->used == 0)
		rebuild(index, part, 0, FEW_BITS);
	else if (part->count >= 4 && part->used * 8 < part->count * WORDS)
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
		size += index->parts[i].count * sizeof(union line);
	return size + PARTS * sizeof(*index->parts);
}

void
index_clear(struct index *index)
{
	uint32_t i;

	for (i = 0; index->parts != NULL && i < PARTS; i++)
		mem_free(index->parts[i].lines);
	mem_free(index->parts);
	index->parts = NULL;
	index->used = 0;
}
