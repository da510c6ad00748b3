/* SPDX-License-Identifier: ISC */
/* Attribute sets and their parts, each kept once and counted. */
#include <stddef.h>
#include <string.h>

#include "rib/inside.h"
#include "util/mem.h"

/*
 * A part (AS path, communities, ...) is a blob behind a link of the part table;
 * equal parts are one pointer, so sets are compared and hashed as plain bytes.
 * A blob with refs != 0 is one of ours already and is not looked up again.
 */
struct part {
	struct table_link link;
	struct blob blob;
};

struct part_key {
	const void *bytes;
	uint32_t len;
};

static const size_t part_offsets[] = {
	offsetof(struct attr, as_path),
	offsetof(struct attr, communities),
	offsetof(struct attr, ext_communities),
	offsetof(struct attr, large_communities),
	offsetof(struct attr, cluster_list),
	offsetof(struct attr, unknown),
};
#define PARTS (sizeof(part_offsets) / sizeof(part_offsets[0]))

static const struct blob **
part_of(struct attr *attr, unsigned i)
{
	return (const struct blob **)((char *)attr + part_offsets[i]);
}

static bool
part_equal(const struct table_link *object, const void *key)
{
	const struct part *part = (const struct part *)object;
	const struct part_key *wanted = key;

	return part->blob.len == wanted->len &&
	       memcmp(part->blob.bytes, wanted->bytes, wanted->len) == 0;
}

static bool
attr_is(const struct table_link *object, const void *key)
{
	const struct rib_attr *attr = (const struct rib_attr *)object;

	return memcmp(&attr->attr, key, sizeof(attr->attr)) == 0;
}

void
intern_init(struct rib *rib)
{
	slab_init(&rib->attrs, sizeof(struct rib_attr));
	rib->attr_index.equal = attr_is;
	rib->blob_index.equal = part_equal;
}

static size_t
part_size(uint32_t len)
{
	return sizeof(struct part) + len;
}

static const struct blob *
part_intern(struct rib *rib, const struct blob *blob)
{
	struct part_key key = { blob->bytes, blob->len };
	struct part *part;
	uint32_t hash;

	if (blob->refs > 0) {
		((struct blob *)(uintptr_t)blob)->refs++;
		return blob;
	}
	hash = table_hash(blob->bytes, blob->len);
	part = (struct part *)table_find(&rib->blob_index, hash, &key);
	if (part == NULL) {
		part = mem_alloc(part_size(blob->len));
		part->blob.len = blob->len;
		memcpy(part->blob.bytes, blob->bytes, blob->len);
		table_add(&rib->blob_index, &part->link, hash);
		rib->blob_bytes += part_size(blob->len);
	}
	part->blob.refs++;
	return &part->blob;
}

static void
part_unref(struct rib *rib, const struct blob *blob)
{
	struct part *part;

	if (blob == NULL)
		return;
	part = (struct part *)((uintptr_t)blob - offsetof(struct part, blob));
	if (--part->blob.refs > 0)
		return;
	table_remove(&rib->blob_index, &part->link);
	rib->blob_bytes -= part_size(part->blob.len);
	mem_free(part);
}

static void
parts_unref(struct rib *rib, struct attr *attr)
{
	unsigned i;

	for (i = 0; i < PARTS; i++)
		part_unref(rib, *part_of(attr, i));
}

static void
copy_addr(struct addr *to, const struct addr *from)
{
	to->family = from->family;
	memcpy(to->bytes, from->bytes, sizeof(to->bytes));
	to->scope = from->scope;
}

/* Member by member into zeroes: padding must not tell equal sets apart. */
static void
copy_attr(struct rib *rib, struct attr *to, const struct attr *from)
{
	struct attr parts = *from;
	unsigned i;

	memset(to, 0, sizeof(*to));
	to->present = from->present;
	to->med = from->med;
	to->local_pref = from->local_pref;
	to->aggregator_as = from->aggregator_as;
	to->aggregator_id = from->aggregator_id;
	to->originator_id = from->originator_id;
	to->origin = from->origin;
	copy_addr(&to->next_hop, &from->next_hop);
	copy_addr(&to->next_hop_local, &from->next_hop_local);
	for (i = 0; i < PARTS; i++)
		if (*part_of(&parts, i) != NULL)
			*part_of(to, i) = part_intern(rib, *part_of(&parts, i));
}

static struct rib_attr *
attr_new(struct rib *rib, const struct attr *key, uint32_t hash)
{
	uint32_t id = slab_add(&rib->attrs);
	struct rib_attr *attr = attr_at(rib, id);

	attr->id = id;
	attr->attr = *key;
	table_add(&rib->attr_index, &attr->link, hash);
	return attr;
}

/* The prefixes of one UPDATE come with one set: it was found just before. */
static struct rib_attr *
attr_find_last(const struct rib *rib, const struct attr *attr)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		if (rib->last_attrs[i] != NULL &&
		    attr_equal(&rib->last_attrs[i]->attr, attr))
			return rib->last_attrs[i];
	return NULL;
}

struct rib_attr *
rib_attr_intern(struct rib *rib, const struct attr *attr)
{
	struct rib_attr *found = attr_find_last(rib, attr);
	struct attr key;
	uint32_t hash;

	if (found != NULL)
		return rib_attr_ref(found);
	copy_attr(rib, &key, attr);
	hash = table_hash(&key, sizeof(key));
	found = (struct rib_attr *)table_find(&rib->attr_index, hash, &key);
	if (found == NULL)
		found = attr_new(rib, &key, hash);
	else
		parts_unref(rib, &key);
	rib->last_attrs[1] = rib->last_attrs[0];
	rib->last_attrs[0] = found;
	return rib_attr_ref(found);
}

const struct attr *
rib_attr_get(const struct rib_attr *attr)
{
	return &attr->attr;
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
	unsigned i;

	if (attr == NULL || --attr->refs > 0)
		return;
	for (i = 0; i < 2; i++)
		if (rib->last_attrs[i] == attr)
			rib->last_attrs[i] = NULL;
	table_remove(&rib->attr_index, &attr->link);
	parts_unref(rib, &attr->attr);
	slab_remove(&rib->attrs, attr->id);
}

struct rib_attr *
attr_at(const struct rib *rib, uint32_t id)
{
	return slab_at(&rib->attrs, id);
}

void
intern_clear(struct rib *rib)
{
	struct table_link *link = NULL, *next;

	table_clear(&rib->attr_index);
	slab_clear(&rib->attrs);
	next = table_next(&rib->blob_index, NULL);
	while ((link = next) != NULL) {
		next = table_next(&rib->blob_index, link);
		mem_free(link);
	}
	table_clear(&rib->blob_index);
}
