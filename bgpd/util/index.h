/* SPDX-License-Identifier: ISC */
/* Ids of objects that are found by hash, in some eight bytes each. */
#ifndef UTIL_INDEX_H
#define UTIL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * For objects that are named by an id (util/slab.h) and carry no link. A place is
 * one word: the id, and above it some bits of the hash, so that a look at the
 * words is enough for nearly all objects that are not the one. They are cut in
 * parts that grow and shrink each by itself: no single call pays for all.
 */
struct index_part;
struct index {
	const void *owner; /* for the calls below */
	bool (*equal)(const void *owner, uint32_t id, const void *key);
	uint32_t (*hash)(const void *owner, uint32_t id);  /* as it was added */
	const void *(*at)(const void *owner, uint32_t id); /* what hash reads */
	/* The index's: */
	struct index_part *parts;
	uint32_t used;
};

/* The id of the object that equals the key; 0: none. */
uint32_t index_find(const struct index *index, uint32_t hash, const void *key);
/* The caller has made sure that it is not there yet. */
void index_add(struct index *index, uint32_t hash, uint32_t id);
void index_remove(struct index *index, uint32_t hash, uint32_t id);
/*
 * For many at once: first the words of all are fetched, then the objects that
 * may be the ones. index_hint: such an id, or 0.
 */
void index_fetch(const struct index *index, uint32_t hash);
uint32_t index_hint(const struct index *index, uint32_t hash);
size_t index_size(const struct index *index); /* bytes */
void index_clear(struct index *index);

#endif
