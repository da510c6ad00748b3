/* SPDX-License-Identifier: ISC */
/* A hash table of objects that carry their own link. */
#include "util/table.h"

#include <bsd/stdlib.h>
#include <string.h>

#include "util/mem.h"

#define SLOTS_MIN 16u
#define SLOTS_MAX (UINT32_C(1) << 31)

/* table_hash: SipHash-1-3 of Aumasson and Bernstein, cut to 32 bits ------- */

static uint64_t table_seed[2];

/* Before main, so that no thread sees two seeds. */
__attribute__((constructor)) static void
table_make_seed(void)
{
	arc4random_buf(table_seed, sizeof(table_seed));
}

static inline uint64_t
rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* The words are taken in the machine's order: hashes never leave it. */
uint32_t
table_hash(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	size_t left = len;
	uint64_t v[4] = { table_seed[0] ^ UINT64_C(0x736f6d6570736575),
		table_seed[1] ^ UINT64_C(0x646f72616e646f6d),
		table_seed[0] ^ UINT64_C(0x6c7967656e657261),
		table_seed[1] ^ UINT64_C(0x7465646279746573) };
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		at += sizeof(word);
		sip_word(v, word);
	}
	word = 0;
	if (left > 0)
		memcpy(&word, at, left);
	sip_word(v, word);
	/* The length apart, so that trailing zeroes count. */
	sip_word(v, len);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(word ^ word >> 32);
}

uint32_t
table_hash_string(const char *s)
{
	return table_hash(s, strlen(s));
}

/* the table --------------------------------------------------------------- */

struct table_link *
table_find(const struct table *t, uint32_t hash, const void *key)
{
	struct table_link *object;

	if (t->slot_count == 0)
		return NULL;
	object = t->slots[hash & (t->slot_count - 1)];
	for (; object != NULL; object = object->next)
		if (object->hash == hash && t->equal(object, key))
			return object;
	return NULL;
}

static void
table_set_slots(struct table *t, uint32_t count)
{
	struct table_link **old = t->slots, *object, *next;
	uint32_t old_count = t->slot_count, i;

	t->slots = mem_array(count, sizeof(struct table_link *));
	t->slot_count = count;
	for (i = 0; i < old_count; i++) {
		for (object = old[i]; object != NULL; object = next) {
			next = object->next;
			object->next = t->slots[object->hash & (count - 1)];
			t->slots[object->hash & (count - 1)] = object;
		}
	}
	mem_free(old);
}

/*
 * A table shrinks here and not in table_remove, which may be called between two
 * calls of table_next. It shrinks late, so that it does not swing.
 */
static void
table_fit(struct table *t)
{
	uint32_t count = t->slot_count;

	if (count == 0)
		table_set_slots(t, SLOTS_MIN);
	else if (t->used >= count && count < SLOTS_MAX)
		table_set_slots(t, count * 2);
	else if (count > SLOTS_MIN && t->used < count / 16)
		table_set_slots(
		    t, count / 4 > SLOTS_MIN ? count / 4 : SLOTS_MIN);
}

void
table_add(struct table *t, struct table_link *object, uint32_t hash)
{
	struct table_link **slot;

	table_fit(t);
	slot = &t->slots[hash & (t->slot_count - 1)];
	object->hash = hash;
	object->next = *slot;
	*slot = object;
	t->used++;
}

void
table_remove(struct table *t, struct table_link *object)
{
	struct table_link **at;

	if (t->slot_count == 0)
		return;
	at = &t->slots[object->hash & (t->slot_count - 1)];
	while (*at != NULL && *at != object)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	/* object->next stays for a table_next that is on its way. */
	*at = object->next;
	t->used--;
}

struct table_link *
table_next(const struct table *t, struct table_link *last)
{
	uint32_t i = 0;

	if (t->slot_count == 0)
		return NULL;
	if (last != NULL && last->next != NULL)
		return last->next;
	if (last != NULL)
		i = (last->hash & (t->slot_count - 1)) + 1;
	for (; i < t->slot_count; i++)
		if (t->slots[i] != NULL)
			return t->slots[i];
	return NULL;
}

void
table_clear(struct table *t)
{
	mem_free(t->slots);
	t->slots = NULL;
	t->slot_count = 0;
	t->used = 0;
}
