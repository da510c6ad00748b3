/* SPDX-License-Identifier: ISC */
/* The prefixes of one family: dense ids, found by hash. */
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"
#include "util/mix.h"

/*
 * A prefix costs its entry and its place in the index: 20 bytes for IPv4. The
 * order of prefixes is needed by shows alone and is made there (order.c), so that
 * a route on its way pays for no tree.
 */

static unsigned
address_size(const struct prefixes *t)
{
	return family_info[t->family].bits / 8;
}

static bool
entry_is(const void *owner, uint32_t id, const void *key)
{
	const struct prefixes *t = owner;
	const struct entry *e = entry_at(t, id);
	const struct prefix *prefix = key;

	if (e->len != prefix->len)
		return false;
	if (t->family == FAMILY_IPV4)
		return memcmp(e->bytes, prefix->bytes, 4) == 0;
	return memcmp(e->bytes, prefix->bytes, 16) == 0;
}

static uint32_t
hash_of(const struct prefixes *t, uint8_t len, const uint8_t *bytes)
{
	uint64_t high = 0, low = 0;
	uint32_t word;

	if (t->family == FAMILY_IPV4) {
		memcpy(&word, bytes, sizeof(word));
		return mix_pair((uint64_t)len << 32 | word, 0);
	}
	memcpy(&high, bytes, sizeof(high));
	memcpy(&low, bytes + sizeof(high), sizeof(low));
	return mix_three(high, low, len);
}

static const void *
entry_of(const void *owner, uint32_t id)
{
	return entry_at(owner, id);
}

static uint32_t
entry_hash(const void *owner, uint32_t id)
{
	const struct entry *e = entry_at(owner, id);

	return hash_of(owner, e->len, e->bytes);
}

void
prefixes_init(struct prefixes *t, enum family family)
{
	memset(t, 0, sizeof(*t));
	t->family = family;
	slab_init(
	    &t->slab, sizeof(struct entry) + family_info[family].bits / 8);
	t->index.owner = t;
	t->index.equal = entry_is;
	t->index.hash = entry_hash;
	t->index.at = entry_of;
}

void
prefixes_clear(struct prefixes *t)
{
	order_clear(t);
	slab_clear(&t->slab);
	index_clear(&t->index);
}

size_t
prefixes_size(const struct prefixes *t)
{
	return slab_size(&t->slab) + index_size(&t->index);
}

struct entry *
prefixes_at(const struct prefixes *t, uint32_t id)
{
	return slab_at(&t->slab, id);
}

void
prefixes_read(
    const struct prefixes *t, const struct entry *e, struct prefix *prefix)
{
	prefix->family = family_info[t->family].af;
	prefix->len = e->len;
	if (t->family == FAMILY_IPV6) {
		memcpy(prefix->bytes, e->bytes, 16);
		return;
	}
	memcpy(prefix->bytes, e->bytes, 4);
	memset(prefix->bytes + 4, 0, 12);
}

struct prefix
prefixes_get(const struct prefixes *t, const struct entry *e)
{
	struct prefix prefix;

	prefixes_read(t, e, &prefix);
	return prefix;
}

uint32_t
prefixes_hash(const struct prefixes *t, const struct prefix *prefix)
{
	return hash_of(t, prefix->len, prefix->bytes);
}

uint32_t
prefixes_find(const struct prefixes *t, const struct prefix *prefix)
{
	return index_find(&t->index, prefixes_hash(t, prefix), prefix);
}

uint32_t
prefixes_fetch(const struct prefixes *t, const struct prefix *prefix)
{
	uint32_t hash = prefixes_hash(t, prefix);

	index_fetch(&t->index, hash);
	return hash;
}

uint32_t
prefixes_fetch_entry(const struct prefixes *t, uint32_t hash)
{
	uint32_t id = index_hint(&t->index, hash);

	if (id != SLAB_NONE)
		__builtin_prefetch(entry_at(t, id));
	return id;
}

/* It nearly always is the one: the slots are then looked at no more. */
uint32_t
prefixes_find_fetched(const struct prefixes *t, const struct prefix *prefix,
    uint32_t hash, uint32_t seems)
{
	if (seems == SLAB_NONE || entry_is(t, seems, prefix))
		return seems;
	return index_find(&t->index, hash, prefix);
}

uint32_t
prefixes_add(struct prefixes *t, const struct prefix *prefix, uint32_t hash)
{
	uint32_t id = index_find(&t->index, hash, prefix);
	struct entry *e;

	if (id != SLAB_NONE)
		return id;
	id = slab_add(&t->slab);
	e = entry_at(t, id);
	e->len = prefix->len;
	memcpy(e->bytes, prefix->bytes, address_size(t));
	index_add(&t->index, hash, id);
	t->lengths[e->len]++;
	return id;
}

static void
prefixes_remove(struct prefixes *t, uint32_t id, uint32_t hash)
{
	index_remove(&t->index, hash, id);
	t->lengths[entry_at(t, id)->len]--;
	slab_remove(&t->slab, id);
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
		if (id != SLAB_NONE && entry_at(t, id)->paths != SLAB_NONE)
			return id;
	}
	return SLAB_NONE;
}

/* True: it has no paths, and nobody holds it any more. */
static bool
unhold(struct prefixes *t, uint32_t id)
{
	struct entry *e = entry_at(t, id);

	if (e->holds > 0 && e->holds < UINT16_MAX)
		e->holds--;
	return e->paths == SLAB_NONE && e->holds == 0;
}

void
prefixes_unhold(struct prefixes *t, uint32_t id)
{
	if (unhold(t, id))
		prefixes_remove(t, id, entry_hash(t, id));
}

/* The index is asked for where some leave it, before the first one does. */
static void
unhold_some(struct prefixes *t, const uint32_t *ids, uint32_t count)
{
	uint32_t leave[RIB_MANY], hashes[RIB_MANY], left = 0, i;

	for (i = 0; i < count; i++) {
		if (!unhold(t, ids[i]))
			continue;
		leave[left] = ids[i];
		hashes[left] = entry_hash(t, ids[i]);
		index_fetch(&t->index, hashes[left++]);
	}
	for (i = 0; i < left; i++)
		prefixes_remove(t, leave[i], hashes[i]);
}

void
prefixes_unhold_many(struct prefixes *t, const uint32_t *ids, uint32_t count)
{
	uint32_t n;

	for (; count > 0; ids += n, count -= n) {
		n = count < RIB_MANY ? count : RIB_MANY;
		unhold_some(t, ids, n);
	}
}
