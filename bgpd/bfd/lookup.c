/* SPDX-License-Identifier: ISC */
/* Which session a packet belongs to: by discriminator, or by where it came from. */

/*
 * RFC 5880 6.3: once the peer knows our discriminator it says so in every packet.
 * Its first packets are told apart by addresses and interface (RFC 5881 3). Both
 * ways are hash tables: the second is asked at most four times, as a session
 * may leave its local address or its interface open.
 */
#include <string.h>

#include "bfd/packet.h"

static bool
key_equal(const struct lookup_key *a, const struct lookup_key *b)
{
	return addr_equal(&a->peer, &b->peer) &&
	       addr_equal(&a->local, &b->local) &&
	       a->interface == b->interface && a->multihop == b->multihop;
}

static bool
entry_has_key(const struct table_link *object, const void *key)
{
	return key_equal(&((const struct lookup_entry *)object)->key, key);
}

static bool
entry_has_discr(const struct table_link *object, const void *key)
{
	return ((const struct lookup_discr *)object)->entry->discr ==
	       *(const uint32_t *)key;
}

static uint32_t
key_hash(const struct lookup_key *key)
{
	uint8_t bytes[2 * sizeof(key->peer.bytes) + 8] = { 0 };
	uint8_t *at = bytes;

	*at++ = key->peer.family;
	*at++ = key->local.family;
	*at++ = key->multihop;
	memcpy(at, key->peer.bytes, sizeof(key->peer.bytes));
	at += sizeof(key->peer.bytes);
	memcpy(at, key->local.bytes, sizeof(key->local.bytes));
	at += sizeof(key->local.bytes);
	memcpy(at, &key->interface, sizeof(key->interface));
	return table_hash(bytes, sizeof(bytes));
}

void
lookup_init(struct lookup *lookup)
{
	memset(lookup, 0, sizeof(*lookup));
	lookup->by_key.equal = entry_has_key;
	lookup->by_discr.equal = entry_has_discr;
}

void
lookup_clear(struct lookup *lookup)
{
	table_clear(&lookup->by_key);
	table_clear(&lookup->by_discr);
}

void
lookup_add(struct lookup *lookup, struct lookup_entry *entry)
{
	entry->by_discr.entry = entry;
	table_add(&lookup->by_key, &entry->by_key, key_hash(&entry->key));
	table_add(&lookup->by_discr, &entry->by_discr.link,
	    table_hash(&entry->discr, sizeof(entry->discr)));
}

void
lookup_remove(struct lookup *lookup, struct lookup_entry *entry)
{
	table_remove(&lookup->by_key, &entry->by_key);
	table_remove(&lookup->by_discr, &entry->by_discr.link);
}

struct lookup_entry *
lookup_find_discr(const struct lookup *lookup, uint32_t discr)
{
	struct table_link *found = table_find(
	    &lookup->by_discr, table_hash(&discr, sizeof(discr)), &discr);

	return found != NULL ? ((struct lookup_discr *)found)->entry : NULL;
}

struct lookup_entry *
lookup_find(const struct lookup *lookup, const struct lookup_key *key)
{
	struct table_link *found = NULL;
	struct lookup_key open;
	unsigned any;

	for (any = 0; any < 4 && found == NULL; any++) {
		open = *key;
		if (any & 1)
			memset(&open.local, 0, sizeof(open.local));
		if (any & 2)
			open.interface = 0;
		found = table_find(&lookup->by_key, key_hash(&open), &open);
	}
	return (struct lookup_entry *)found;
}
