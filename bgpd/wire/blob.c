/* SPDX-License-Identifier: ISC */
/* Counted bytes, and sorted lists of them. */
#include <string.h>

#include "util/arena.h"
#include "wire/inner.h"

enum { UNIT_MAX = 12 };

struct blob *
blob_new(struct arena *arena, const void *bytes, size_t len)
{
	struct blob *blob = arena_alloc(arena, sizeof(*blob) + len);

	blob->len = (uint32_t)len;
	if (bytes != NULL && len > 0)
		memcpy(blob->bytes, bytes, len);
	return blob;
}

static bool
is_sorted(const uint8_t *bytes, size_t count, size_t unit)
{
	for (size_t i = 1; i < count; i++)
		if (memcmp(bytes + (i - 1) * unit, bytes + i * unit, unit) > 0)
			return false;
	return true;
}

/* Shell's sort: in place, without memory, near n^1.3 also for hostile input. */
static void
sort_units(uint8_t *bytes, size_t count, size_t unit)
{
	static const size_t gaps[] = { 7983, 3548, 1577, 701, 301, 132, 57, 23,
		10, 4, 1 };
	uint8_t item[UNIT_MAX];

	for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++) {
		size_t gap = gaps[g];

		for (size_t i = gap; i < count; i++) {
			size_t j = i;

			memcpy(item, bytes + i * unit, unit);
			for (; j >= gap; j -= gap) {
				uint8_t *before = bytes + (j - gap) * unit;

				if (memcmp(before, item, unit) <= 0)
					break;
				memcpy(bytes + j * unit, before, unit);
			}
			memcpy(bytes + j * unit, item, unit);
		}
	}
}

size_t
blob_sort(uint8_t *bytes, size_t count, size_t unit)
{
	size_t kept = 0;

	if (!is_sorted(bytes, count, unit))
		sort_units(bytes, count, unit);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *item = bytes + i * unit;

		if (kept > 0 &&
		    memcmp(bytes + (kept - 1) * unit, item, unit) == 0)
			continue;
		if (kept != i)
			memcpy(bytes + kept * unit, item, unit);
		kept++;
	}
	return kept;
}

const struct blob *
blob_set(struct arena *arena, const void *bytes, size_t count, size_t unit)
{
	struct blob *blob;

	if (count == 0)
		return NULL;
	blob = blob_new(arena, bytes, count * unit);
	blob->len = (uint32_t)(blob_sort(blob->bytes, count, unit) * unit);
	return blob;
}
