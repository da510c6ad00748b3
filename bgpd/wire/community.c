/* SPDX-License-Identifier: ISC */
/* Communities: plain, extended and large ones (RFC 1997, 4360, 8092). */
#include <stdio.h>
#include <string.h>

#include "util/arena.h"
#include "wire/inner.h"

/* The IANA's well-known ones, as FRR spells them. */
static const struct name well_known[] = {
	{ COMMUNITY_GRACEFUL_SHUTDOWN, "graceful-shutdown" },
	{ (int)0xffff0001, "accept-own" },
	{ (int)0xffff0006, "llgr-stale" },
	{ (int)0xffff0007, "no-llgr" },
	{ (int)0xffff029a, "blackhole" },
	{ COMMUNITY_NO_EXPORT, "no-export" },
	{ COMMUNITY_NO_ADVERTISE, "no-advertise" },
	{ COMMUNITY_LOCAL_AS, "local-AS" },
	{ (int)0xffffff04, "no-peer" },
	{ 0, NULL },
};

static uint32_t
u32_of(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static unsigned
u16_of(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

int
community_read(const char *word, uint32_t *community)
{
	const char *colon = strchr(word, ':');
	uint64_t high, low;
	char first[8];

	for (const struct name *n = well_known; n->name != NULL; n++)
		if (strcmp(n->name, word) == 0) {
			*community = (uint32_t)n->value;
			return 0;
		}
	if (colon == NULL) {
		if (text_read_u64(word, 0, UINT32_MAX, &low) != 0)
			return -1;
		*community = (uint32_t)low;
		return 0;
	}
	if ((size_t)(colon - word) >= sizeof(first))
		return -1;
	snprintf(first, sizeof(first), "%.*s", (int)(colon - word), word);
	if (text_read_u64(first, 0, UINT16_MAX, &high) != 0 ||
	    text_read_u64(colon + 1, 0, UINT16_MAX, &low) != 0)
		return -1;
	*community = (uint32_t)(high << 16 | low);
	return 0;
}

const char *
community_print(uint32_t community, char *out, size_t size)
{
	for (const struct name *n = well_known; n->name != NULL; n++)
		if ((uint32_t)n->value == community) {
			snprintf(out, size, "%s", n->name);
			return out;
		}
	snprintf(out, size, "%u:%u", community >> 16, community & 0xffff);
	return out;
}

unsigned
community_count(const struct blob *list)
{
	return list != NULL ? list->len / 4 : 0;
}

uint32_t
community_at(const struct blob *list, unsigned i)
{
	return u32_of(list->bytes + 4 * (size_t)i);
}

/* Lists are sorted. */
bool
community_has(const struct blob *list, uint32_t community)
{
	unsigned low = 0, high = community_count(list);

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		uint32_t at = community_at(list, middle);

		if (at == community)
			return true;
		if (at < community)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

const struct blob *
community_union(struct arena *arena, const struct blob *a, const struct blob *b)
{
	size_t at_a = 0, at_b = 0;
	struct blob *both;
	int order;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	both = blob_new(arena, NULL, (size_t)a->len + b->len);
	both->len = 0;
	while (at_a < a->len || at_b < b->len) {
		order = at_a == a->len ? 1
			: at_b == b->len
			    ? -1
			    : memcmp(a->bytes + at_a, b->bytes + at_b, 4);
		memcpy(both->bytes + both->len,
		    order <= 0 ? a->bytes + at_a : b->bytes + at_b, 4);
		both->len += 4;
		at_a += order <= 0 ? 4 : 0;
		at_b += order >= 0 ? 4 : 0;
	}
	return both;
}

const struct blob *
community_list(struct arena *arena, const uint32_t *list, unsigned count)
{
	struct blob *blob;
	struct buf out;

	if (count == 0)
		return NULL;
	blob = blob_new(arena, NULL, 4 * (size_t)count);
	out = buf_writer(blob->bytes, blob->len);
	for (unsigned i = 0; i < count; i++)
		buf_put_u32(&out, list[i]);
	blob->len = (uint32_t)(blob_sort(blob->bytes, count, 4) * 4);
	return blob;
}

void
community_print_list(const struct blob *list, struct text *out)
{
	char word[32];

	for (unsigned i = 0; i < community_count(list); i++)
		text_add(out, "%s%s", i > 0 ? " " : "",
		    community_print(community_at(list, i), word, sizeof(word)));
}

void
large_community_print_list(const struct blob *list, struct text *out)
{
	for (size_t at = 0; list != NULL && at + 12 <= list->len; at += 12)
		text_add(out, "%s%u:%u:%u", at > 0 ? " " : "",
		    u32_of(list->bytes + at), u32_of(list->bytes + at + 4),
		    u32_of(list->bytes + at + 8));
}

/* RFC 4360 3 and 5668: an AS number or an address, then a number. */
static void
ext_community_print(const uint8_t *p, struct text *out)
{
	const char *kind = p[1] == 2 ? "RT" : "SoO";
	unsigned type = p[0] & 0xbf; /* transitive or not is not shown */

	if ((p[1] != 2 && p[1] != 3) || type > 2)
		text_add(out, "0x%08x%08x", u32_of(p), u32_of(p + 4));
	else if (type == 0)
		text_add(out, "%s:%u:%u", kind, u16_of(p + 2), u32_of(p + 4));
	else if (type == 1)
		text_add(out, "%s:%u.%u.%u.%u:%u", kind, p[2], p[3], p[4], p[5],
		    u16_of(p + 6));
	else
		text_add(out, "%s:%u:%u", kind, u32_of(p + 2), u16_of(p + 6));
}

void
ext_community_print_list(const struct blob *list, struct text *out)
{
	for (size_t at = 0; list != NULL && at + 8 <= list->len; at += 8) {
		text_add(out, "%s", at > 0 ? " " : "");
		ext_community_print(list->bytes + at, out);
	}
}
