/* SPDX-License-Identifier: ISC */
/* The prefixes of one family: dense ids, found by hash. */
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"

/*
 * A prefix costs its entry and one slot: 20 to 24 bytes for IPv4. The order of
 * prefixes is needed by shows alone and is made there (order.c), so that a
 * route on its way pays for no tree. The hash grows by one chain at a time:
 * no update waits for a table to be built anew.
 */
#define SLOTS_MIN 16u

static unsigned
address_size(const struct prefixes *t)
{
	return family_info[t->family].bits / 8;
}

void
prefixes_init(struct prefixes *t, enum family family)
{
	memset(t, 0, sizeof(*t));
	t->family = family;
	slab_init(
	    &t->slab, sizeof(struct entry) + family_info[family].bits / 8);
}

void
prefixes_clear(struct prefixes *t)
{
	order_clear(t);
	slab_clear(&t->slab);
	mem_free(t->slots);
	t->slots = NULL;
	t->slot_count = t->slot_capacity = 0;
}

size_t
prefixes_size(const struct prefixes *t)
{
	return slab_size(&t->slab) + t->slot_capacity * sizeof(*t->slots);
}

struct entry *
prefixes_at(const struct prefixes *t, uint32_t id)
{
	return slab_at(&t->slab, id);
}

struct prefix
prefixes_get(const struct prefixes *t, const struct entry *e)
{
	struct prefix prefix = { .family = family_info[t->family].af,
		.len = e->len };

	memcpy(prefix.bytes, e->bytes, address_size(t));
	return prefix;
}

/* len and address lie together in an entry, and here as well. */
static uint32_t
hash_of(const struct prefixes *t, uint8_t len, const uint8_t *bytes)
{
	uint8_t key[17];

	key[0] = len;
	memcpy(key + 1, bytes, address_size(t));
	return table_hash(key, 1 + address_size(t));
}

/* Chains above the round's half are not split yet. */
static uint32_t
slot_of(const struct prefixes *t, uint32_t hash)
{
	uint32_t round = SLOTS_MIN, slot;

	if (t->slot_count > SLOTS_MIN)
		round = UINT32_C(1) << (31 - __builtin_clz(t->slot_count));
	slot = hash & (round * 2 - 1);
	return slot < t->slot_count ? slot : hash & (round - 1);
}

static bool
entry_is(const struct prefixes *t, const struct entry *e,
    const struct prefix *prefix)
{
	return e->len == prefix->len &&
	       memcmp(e->bytes, prefix->bytes, address_size(t)) == 0;
}

static uint32_t
find(const struct prefixes *t, const struct prefix *prefix, uint32_t hash)
{
	struct entry *e;
	uint32_t id;

	if (t->slot_count == 0)
		return SLAB_NONE;
	id = t->slots[slot_of(t, hash)];
	for (; id != SLAB_NONE; id = e->next) {
		e = prefixes_at(t, id);
		if (entry_is(t, e, prefix))
			return id;
	}
	return SLAB_NONE;
}

uint32_t
prefixes_find(const struct prefixes *t, const struct prefix *prefix)
{
	return find(t, prefix, hash_of(t, prefix->len, prefix->bytes));
}

/* Puts every entry of a chain where the number of slots says now. */
static void
spread_chain(struct prefixes *t, uint32_t id)
{
	struct entry *e;
	uint32_t next, slot;

	for (; id != SLAB_NONE; id = next) {
		e = prefixes_at(t, id);
		next = e->next;
		slot = slot_of(t, hash_of(t, e->len, e->bytes));
		e->next = t->slots[slot];
		t->slots[slot] = id;
	}
}

/* One more slot; half of one chain moves into it. */
static void
slots_grow(struct prefixes *t)
{
	uint32_t old, id, half;

	if (t->slot_count == t->slot_capacity) {
		t->slot_capacity += t->slot_capacity / 4 + SLOTS_MIN;
		t->slots =
		    mem_resize(t->slots, t->slot_capacity, sizeof(*t->slots));
	}
	if (t->slot_count < SLOTS_MIN) {
		memset(t->slots, 0, SLOTS_MIN * sizeof(*t->slots));
		t->slot_count = SLOTS_MIN;
		return;
	}
	half = UINT32_C(1) << (31 - __builtin_clz(t->slot_count));
	old = t->slot_count - half;
	id = t->slots[old];
	t->slots[old] = SLAB_NONE;
	t->slots[t->slot_count++] = SLAB_NONE;
	spread_chain(t, id);
}

/* One slot less; its chain goes back to where it came from. */
static void
slots_shrink(struct prefixes *t)
{
	uint32_t id = t->slots[--t->slot_count];

	spread_chain(t, id);
	if (t->slot_count < t->slot_capacity / 2) {
		t->slot_capacity = t->slot_count + SLOTS_MIN;
		t->slots =
		    mem_resize(t->slots, t->slot_capacity, sizeof(*t->slots));
	}
}

uint32_t
prefixes_add(struct prefixes *t, const struct prefix *prefix)
{
	uint32_t hash = hash_of(t, prefix->len, prefix->bytes);
	uint32_t id = find(t, prefix, hash), slot;
	struct entry *e;

	if (id != SLAB_NONE)
		return id;
	if (t->slab.used >= t->slot_count)
		slots_grow(t);
	id = slab_add(&t->slab);
	e = prefixes_at(t, id);
	slot = slot_of(t, hash);
	e->len = prefix->len;
	memcpy(e->bytes, prefix->bytes, address_size(t));
	e->next = t->slots[slot];
	t->slots[slot] = id;
	t->lengths[e->len]++;
	return id;
}

static void
prefixes_remove(struct prefixes *t, uint32_t id)
{
	struct entry *e = prefixes_at(t, id);
	uint32_t *at = &t->slots[slot_of(t, hash_of(t, e->len, e->bytes))];

	while (*at != id)
		at = &prefixes_at(t, *at)->next;
	*at = e->next;
	t->lengths[e->len]--;
	slab_remove(&t->slab, id);
	if (t->slot_count > SLOTS_MIN && t->slab.used < t->slot_count / 2)
		slots_shrink(t);
}

uint32_t
prefixes_match(const struct prefixes *t, const struct prefix *prefix)
{
	struct prefix outer;
	uint32_t id;
	int len;

	for (len = prefix->len; len >= 0; len--) {
		if (t->lengths[len] == 0)
			continue;
		outer = *prefix;
		outer.len = (uint8_t)len;
		prefix_mask(&outer);
		id = prefixes_find(t, &outer);
		if (id != SLAB_NONE && prefixes_at(t, id)->paths != SLAB_NONE)
			return id;
	}
	return SLAB_NONE;
}

/* A count that is full stays so: the entry is then never given back. */
void
prefixes_hold(struct prefixes *t, uint32_t id)
{
	struct entry *e = prefixes_at(t, id);

	if (e->holds < UINT16_MAX)
		e->holds++;
}

void
prefixes_unhold(struct prefixes *t, uint32_t id)
{
	struct entry *e = prefixes_at(t, id);

	if (e->holds > 0 && e->holds < UINT16_MAX)
		e->holds--;
	prefixes_release(t, id);
}

void
prefixes_release(struct prefixes *t, uint32_t id)
{
	const struct entry *e = prefixes_at(t, id);

	if (e->paths == SLAB_NONE && e->holds == 0)
		prefixes_remove(t, id);
}
