/* SPDX-License-Identifier: ISC */
/* Paths: sixteen bytes each, and what only some of them have. */
#include <stddef.h>
#include <string.h>

#include "rib/inside.h"
#include "util/mix.h"

static bool
variant_is(const void *owner, uint32_t id, const void *key)
{
	return memcmp(variant_at(owner, id), key,
		   offsetof(struct variant, refs)) == 0;
}

static uint32_t
variant_hash(const void *owner, uint32_t id)
{
	return mix_hash(variant_at(owner, id), offsetof(struct variant, refs));
}

static const void *
variant_of(const void *owner, uint32_t id)
{
	return variant_at(owner, id);
}

void
paths_init(struct rib *rib)
{
	slab_init(&rib->paths, sizeof(struct path));
	slab_init(&rib->variants, sizeof(struct variant));
	rib->variant_index.owner = rib;
	rib->variant_index.equal = variant_is;
	rib->variant_index.hash = variant_hash;
	rib->variant_index.at = variant_of;
}

void
paths_clear(struct rib *rib)
{
	slab_clear(&rib->paths);
	slab_clear(&rib->variants);
	index_clear(&rib->variant_index);
}

size_t
paths_size(const struct rib *rib)
{
	return slab_size(&rib->paths) + slab_size(&rib->variants) +
	       index_size(&rib->variant_index);
}

void
path_content_drop(struct rib *rib, struct path_content content)
{
	struct variant *variant;

	if (content.what == SLAB_NONE)
		return;
	if (!content.is_variant) {
		rib_attr_unref(rib, attr_at(rib, content.what));
		return;
	}
	variant = variant_at(rib, content.what);
	if (--variant->refs > 0)
		return;
	index_remove(
	    &rib->variant_index, variant_hash(rib, content.what), content.what);
	rib_attr_unref(rib, attr_at(rib, variant->used));
	rib_attr_unref(rib, attr_at(rib, variant->received));
	slab_remove(&rib->variants, content.what);
}

static uint32_t
variant_get(struct rib *rib, const struct variant *like)
{
	uint32_t hash = mix_hash(like, offsetof(struct variant, refs));
	uint32_t id = index_find(&rib->variant_index, hash, like);
	struct variant *variant;

	if (id == 0) {
		id = slab_add(&rib->variants);
		*variant_at(rib, id) = *like;
		index_add(&rib->variant_index, hash, id);
		rib_attr_ref(attr_at(rib, like->received));
		if (like->used != SLAB_NONE)
			rib_attr_ref(attr_at(rib, like->used));
	}
	variant = variant_at(rib, id);
	variant->refs++;
	return id;
}

bool
path_content_set(struct rib *rib, struct path *path, uint32_t id,
    struct rib_attr *received, struct rib_attr *used)
{
	struct variant like = { .used = used != NULL ? used->id : SLAB_NONE,
		.received = received->id,
		.path_id = id };
	struct path_content old = path_content_get(rib, path);

	if (used == received && id == 0) {
		path->what = rib_attr_ref(received)->id;
		path->flags &= (uint16_t)~PATH_VARIANT;
	} else {
		path->what = variant_get(rib, &like);
		path->flags |= (uint16_t)PATH_VARIANT;
	}
	return path->what != old.what ||
	       ((path->flags & PATH_VARIANT) != 0) != old.is_variant;
}
