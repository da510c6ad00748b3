/* SPDX-License-Identifier: ISC */
/* Attribute sets, each kept once, packed and counted. */
#include <stddef.h>
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"
#include "util/mix.h"

/*
 * A set is one block of words: which members there are, the numbers that are not
 * zero, the next hops, then the lists, each as the blob that it is. Equal sets
 * are equal bytes. Most members are absent from most sets, so this is a third of
 * a struct attr, and its lists need no memory of their own.
 */
static const size_t number_offsets[] = {
	offsetof(struct attr, local_pref),
	offsetof(struct attr, med),
	offsetof(struct attr, aggregator_as),
	offsetof(struct attr, aggregator_id),
	offsetof(struct attr, originator_id),
};
static const size_t list_offsets[] = {
	offsetof(struct attr, as_path),
	offsetof(struct attr, communities),
	offsetof(struct attr, ext_communities),
	offsetof(struct attr, large_communities),
	offsetof(struct attr, cluster_list),
	offsetof(struct attr, unknown),
};
static const size_t hop_offsets[] = {
	offsetof(struct attr, next_hop),
	offsetof(struct attr, next_hop_local),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A next hop's kind: the two bits of its family, and whether it has a zone. */
enum { HOP_V4 = 1, HOP_V6 = 2, HOP_ZONE = 4, HOP_BITS = 3 };

static const struct packed_head {
	uint32_t present;
	uint8_t origin;
	uint8_t numbers; /* bits: which are there */
	uint8_t lists;
	uint8_t hops;
} * head_of(const struct rib_attr *attr)
{
	return (const struct packed_head *)attr->words;
}

/* packing ------------------------------------------------------------------------ */

struct packer {
	uint8_t *at;
};

static void
pack_bytes(struct packer *p, const void *bytes, size_t len)
{
	memcpy(p->at, bytes, len);
	p->at += len;
}

static unsigned
pack_hop(struct packer *p, const struct addr *hop)
{
	unsigned kind = 0;

	if (hop->family == AF_INET)
		kind = HOP_V4;
	else if (hop->family == AF_INET6)
		kind = HOP_V6;
	else
		return 0;
	pack_bytes(p, hop->bytes, kind == HOP_V4 ? 4 : 16);
	if (hop->scope == 0)
		return kind;
	pack_bytes(p, &hop->scope, sizeof(hop->scope));
	return kind | HOP_ZONE;
}

static void
pack_list(struct packer *p, const struct blob *blob)
{
	size_t size = sizeof(*blob) + blob->len;

	pack_bytes(p, blob, size);
	memset(p->at, 0, -size % 4);
	p->at += -size % 4;
}

static const struct blob *
list_of(const struct attr *attr, unsigned i)
{
	const char *at = (const char *)attr + list_offsets[i];

	return *(const struct blob *const *)(const void *)at;
}

/* The most bytes that it may take. */
static size_t
packed_limit(const struct attr *attr)
{
	size_t size = sizeof(struct packed_head) +
		      COUNT(number_offsets) * sizeof(uint32_t) +
		      COUNT(hop_offsets) * 20;
	unsigned i;

	for (i = 0; i < COUNT(list_offsets); i++)
		if (list_of(attr, i) != NULL)
			size += sizeof(struct blob) + list_of(attr, i)->len + 3;
	return size;
}

/* Into the RIB's room; the bytes. */
static size_t
pack(struct rib *rib, const struct attr *attr)
{
	size_t limit = packed_limit(attr);
	struct packed_head *head;
	struct packer p;
	uint32_t number;
	unsigned i;

	if (rib->pack_capacity < limit) {
		rib->pack_capacity = limit + 256;
		rib->pack = mem_resize(rib->pack, rib->pack_capacity, 1);
	}
	head = (struct packed_head *)(void *)rib->pack;
	p.at = (uint8_t *)(head + 1);
	*head = (struct packed_head){ .present = attr->present,
		.origin = attr->origin };
	for (i = 0; i < COUNT(number_offsets); i++) {
		memcpy(&number, (const char *)attr + number_offsets[i],
		    sizeof(number));
		if (number == 0)
			continue;
		head->numbers |= (uint8_t)(1u << i);
		pack_bytes(&p, &number, sizeof(number));
	}
	for (i = 0; i < COUNT(hop_offsets); i++)
		head->hops |=
		    (uint8_t)(pack_hop(&p, (const struct addr *)(const void
						   *)((const char *)attr +
						      hop_offsets[i]))
			      << (i * HOP_BITS));
	for (i = 0; i < COUNT(list_offsets); i++) {
		if (list_of(attr, i) == NULL)
			continue;
		head->lists |= (uint8_t)(1u << i);
		pack_list(&p, list_of(attr, i));
	}
	return (size_t)(p.at - rib->pack);
}

/* unpacking ---------------------------------------------------------------------- */

#define LENGTH_MAX 0xfffff /* of an AS path, in a rank */

static size_t
hop_size(unsigned kind)
{
	size_t size = kind & HOP_ZONE ? sizeof(uint32_t) : 0;

	if (kind & HOP_V4)
		return size + 4;
	return size + (kind & HOP_V6 ? 16 : 0);
}

static const uint8_t *
unpack_hop(const uint8_t *at, unsigned kind, struct addr *hop)
{
	size_t len = kind & HOP_V4 ? 4 : 16;

	if ((kind & (HOP_V4 | HOP_V6)) == 0)
		return at;
	hop->family = kind & HOP_V4 ? AF_INET : AF_INET6;
	memcpy(hop->bytes, at, len);
	at += len;
	if (kind & HOP_ZONE) {
		memcpy(&hop->scope, at, sizeof(hop->scope));
		at += sizeof(hop->scope);
	}
	return at;
}

struct attr
rib_attr_get(const struct rib_attr *set)
{
	const struct packed_head *head = head_of(set);
	const uint8_t *at = (const uint8_t *)(head + 1);
	struct attr attr = { .present = head->present, .origin = head->origin };
	const struct blob *blob;
	unsigned i;

	for (i = 0; i < COUNT(number_offsets); i++) {
		if ((head->numbers >> i & 1) == 0)
			continue;
		memcpy((char *)&attr + number_offsets[i], at, sizeof(uint32_t));
		at += sizeof(uint32_t);
	}
	at = unpack_hop(at, head->hops & 7, &attr.next_hop);
	at = unpack_hop(at, head->hops >> HOP_BITS, &attr.next_hop_local);
	for (i = 0; i < COUNT(list_offsets); i++) {
		if ((head->lists >> i & 1) == 0)
			continue;
		blob = (const struct blob *)(const void *)at;
		memcpy((char *)&attr + list_offsets[i], &blob, sizeof(blob));
		at += (sizeof(*blob) + blob->len + 3) / 4 * 4;
	}
	return attr;
}

/* LOCAL_PREF is the first of the numbers, AS_PATH the first of the lists. */
uint64_t
attr_rank(const struct rib_attr *set)
{
	const struct packed_head *head = head_of(set);
	const uint8_t *at = (const uint8_t *)(head + 1);
	uint32_t preference = RIB_LOCAL_PREF;
	unsigned numbers;
	uint64_t length = 0;

	if (head->present & 1u << ATTR_LOCAL_PREF) {
		preference = 0;
		if (head->numbers & 1)
			memcpy(&preference, at, sizeof(preference));
	}
	if (head->lists & 1) {
		/* A loop: few are there, and to count bits may be a call. */
		for (numbers = head->numbers; numbers != 0;
		     numbers &= numbers - 1)
			at += sizeof(uint32_t);
		at +=
		    hop_size(head->hops & 7) + hop_size(head->hops >> HOP_BITS);
		length = aspath_length((const struct blob *)(const void *)at);
	}
	if (length > LENGTH_MAX)
		length = LENGTH_MAX;
	return (uint64_t)(UINT32_MAX - preference) << 24 | length << 2 |
	       (head->origin & 3);
}

bool
attr_has_med(const struct rib_attr *set)
{
	const struct packed_head *head = head_of(set);

	return (head->numbers & 2) != 0 && (head->present & 1u << ATTR_MED);
}

bool
attr_is_reflected(const struct rib_attr *set)
{
	return (head_of(set)->present &
		   (1u << ATTR_ORIGINATOR_ID | 1u << ATTR_CLUSTER_LIST)) != 0;
}

/* interning ---------------------------------------------------------------------- */

struct set_key {
	const void *bytes;
	size_t len;
};

static bool
set_is(const void *owner, uint32_t id, const void *key)
{
	const struct rib_attr *set = attr_at(owner, id);
	const struct set_key *wanted = key;

	return set->len == wanted->len &&
	       memcmp(set->words, wanted->bytes, wanted->len) == 0;
}

static uint32_t
set_hash(const void *owner, uint32_t id)
{
	return attr_at(owner, id)->hash;
}

static const void *
set_of(const void *owner, uint32_t id)
{
	return attr_at(owner, id);
}

void
intern_init(struct rib *rib)
{
	slab_init(&rib->attrs, sizeof(struct rib_attr *));
	rib->attr_index.owner = rib;
	rib->attr_index.equal = set_is;
	rib->attr_index.hash = set_hash;
	rib->attr_index.at = set_of;
}

static struct rib_attr *
set_new(struct rib *rib, const struct set_key *key, uint32_t hash)
{
	struct rib_attr *set = mem_resize(NULL, 1, sizeof(*set) + key->len);

	memset(set, 0, sizeof(*set));
	set->id = slab_add(&rib->attrs);
	set->len = (uint32_t)key->len;
	set->hash = hash;
	memcpy(set->words, key->bytes, key->len);
	*(struct rib_attr **)slab_get(&rib->attrs, set->id) = set;
	rib->attr_bytes += sizeof(*set) + key->len;
	index_add(&rib->attr_index, hash, set->id);
	return set;
}

struct rib_attr *
rib_attr_intern(struct rib *rib, const struct attr *attr)
{
	struct set_key key = { .len = pack(rib, attr) };
	struct rib_attr *set = rib->last_attr;
	uint32_t hash, id;

	key.bytes = rib->pack;
	/* What follows in one message often is what was there before. */
	if (set != NULL && set_is(rib, set->id, &key))
		return rib_attr_ref(set);
	hash = mix_hash(key.bytes, key.len);
	id = index_find(&rib->attr_index, hash, &key);
	set = id != 0 ? attr_at(rib, id) : set_new(rib, &key, hash);
	rib->last_attr = set;
	return rib_attr_ref(set);
}

struct rib_attr *
rib_attr_ref(struct rib_attr *attr)
{
	attr->refs++;
	return attr;
}

void
rib_attr_unref(struct rib *rib, struct rib_attr *attr)
{
	if (attr == NULL || --attr->refs > 0)
		return;
	if (rib->last_attr == attr)
		rib->last_attr = NULL;
	index_remove(&rib->attr_index, attr->hash, attr->id);
	slab_remove(&rib->attrs, attr->id);
	rib->attr_bytes -= sizeof(*attr) + attr->len;
	mem_free(attr);
}

void
intern_clear(struct rib *rib)
{
	uint32_t id = SLAB_NONE;

	while ((id = slab_next(&rib->attrs, id)) != SLAB_NONE)
		mem_free(attr_at(rib, id));
	slab_clear(&rib->attrs);
	index_clear(&rib->attr_index);
	mem_free(rib->pack);
}
