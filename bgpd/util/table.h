/* SPDX-License-Identifier: ISC */
/* A hash table of objects that carry their own link. */
#ifndef UTIL_TABLE_H
#define UTIL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First member of what is kept. */
struct table_link {
	struct table_link *next;
	uint32_t hash;
};

/* All zeroes with `equal` set is an empty table. The objects are not owned. */
struct table {
	struct table_link **slots;
	uint32_t slot_count;
	uint32_t used;
	/* Does the object match the key given to find? */
	bool (*equal)(const struct table_link *object, const void *key);
};

/* Seeded at random once per process: a peer cannot aim at one slot. */
uint32_t table_hash(const void *bytes, size_t len);
uint32_t table_hash_string(const char *s);
struct table_link *table_find(
    const struct table *t, uint32_t hash, const void *key);
/* The caller has made sure that it is not there yet. */
void table_add(struct table *t, struct table_link *object, uint32_t hash);
void table_remove(struct table *t, struct table_link *object);
/*
 * Every object once: start with NULL, ends with NULL. The object just returned
 * may be removed, but is read once more to find the next: free it after that.
 * Nothing may be added meanwhile.
 */
struct table_link *table_next(const struct table *t, struct table_link *last);
void table_clear(struct table *t); /* frees the slots, not the objects */

#endif
