/* SPDX-License-Identifier: ISC */
/* AS_PATH: read, measured, prepended, merged, aggregated (RFC 4271, 6793). */
#include <string.h>

#include "util/arena.h"
#include "wire/inner.h"

/*
 * A path is its segments in wire form with numbers of 4 octets: type, count,
 * numbers. What has passed aspath_decode or was built here is well formed; the
 * walk below stops at the end of the blob all the same.
 */
enum { SEGMENT_MAX = 255 };

struct segment {
	uint8_t type;
	uint8_t count;
	const uint8_t *numbers;
};

static uint32_t
number_at(const struct segment *segment, unsigned i)
{
	const uint8_t *p = segment->numbers + 4 * (size_t)i;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void
number_put(uint8_t *p, uint32_t asn)
{
	p[0] = (uint8_t)(asn >> 24);
	p[1] = (uint8_t)(asn >> 16);
	p[2] = (uint8_t)(asn >> 8);
	p[3] = (uint8_t)asn;
}

/* The segment at *at, which moves on; false at the end. */
static bool
segment_next(const struct blob *path, size_t *at, struct segment *segment)
{
	if (path == NULL || path->len - *at < 2)
		return false;
	segment->type = path->bytes[*at];
	segment->count = path->bytes[*at + 1];
	segment->numbers = path->bytes + *at + 2;
	if ((path->len - *at - 2) / 4 < segment->count)
		return false;
	*at += 2 + 4 * (size_t)segment->count;
	return true;
}

static bool
is_confed(uint8_t type)
{
	return type == AS_CONFED_SEQUENCE || type == AS_CONFED_SET;
}

/* Numbers as RFC 4271 9.1.2.2 (a) counts them. */
static unsigned
segment_length(const struct segment *segment)
{
	if (segment->type == AS_SEQUENCE)
		return segment->count;
	return segment->type == AS_SET ? 1 : 0;
}

/* A path being built: numbers of one type gather in one segment. */
struct builder {
	struct blob *path;
	size_t head; /* of the open segment; path->len if there is none */
};

/* `len` is the most that will be put, heads included. */
static struct builder
builder_new(struct arena *arena, size_t len)
{
	struct builder b = { .path = blob_new(arena, NULL, len) };

	b.path->len = 0;
	return b;
}

static void
builder_put(struct builder *b, uint8_t type, uint32_t asn)
{
	uint8_t *bytes = b->path->bytes;

	if (b->head == b->path->len || bytes[b->head] != type ||
	    bytes[b->head + 1] == SEGMENT_MAX) {
		b->head = b->path->len;
		bytes[b->head] = type;
		bytes[b->head + 1] = 0;
		b->path->len += 2;
	}
	number_put(bytes + b->path->len, asn);
	bytes[b->head + 1]++;
	b->path->len += 4;
}

static void
builder_put_some(
    struct builder *b, const struct segment *segment, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		builder_put(b, segment->type, number_at(segment, i));
}

/* Sets never run into one another, sequences may. */
static void
builder_put_segment(struct builder *b, const struct segment *segment)
{
	if (segment->type != AS_SEQUENCE)
		b->head = b->path->len;
	builder_put_some(b, segment, segment->count);
}

static const struct blob *
builder_end(struct builder *b)
{
	return b->path->len > 0 ? b->path : NULL;
}

/* RFC 7606 7.2 and RFC 7607: is the segment one, and does it name AS 0? */
static bool
segment_check(uint8_t type, uint8_t count, const uint8_t *p, unsigned width)
{
	if (type < AS_SET || type > AS_CONFED_SET || count == 0 || p == NULL)
		return false;
	for (unsigned i = 0; i < count; i++, p += width)
		if ((p[0] | p[1]) == 0 && (width == 2 || (p[2] | p[3]) == 0))
			return false;
	return true;
}

static bool
path_check(struct buf bytes, unsigned width, size_t *numbers, size_t *segments)
{
	*numbers = *segments = 0;
	if (bytes.failed)
		return false;
	while (buf_left(&bytes) > 0) {
		uint8_t type = buf_u8(&bytes);
		uint8_t count = buf_u8(&bytes);
		const uint8_t *p = buf_bytes(&bytes, (size_t)count * width);

		if (!segment_check(type, count, p, width))
			return false;
		*numbers += count;
		(*segments)++;
	}
	return !bytes.failed;
}

int
aspath_decode(struct arena *arena, struct buf bytes, unsigned width,
    const struct blob **path)
{
	size_t numbers, segments;
	struct blob *wide;
	uint8_t *to;

	if (!path_check(bytes, width, &numbers, &segments))
		return -1;
	*path = NULL;
	if (segments == 0)
		return 0;
	wide = blob_new(arena, width == 4 ? bytes.data + bytes.pos : NULL,
	    segments * 2 + numbers * 4);
	*path = wide;
	if (width == 4)
		return 0;
	to = wide->bytes;
	while (buf_left(&bytes) > 0) {
		unsigned count;

		*to++ = buf_u8(&bytes);
		count = *to++ = buf_u8(&bytes);
		for (unsigned i = 0; i < count; i++, to += 4)
			number_put(to, buf_u16(&bytes));
	}
	return 0;
}

int
aspath_decode_as4(
    struct arena *arena, struct buf bytes, const struct blob **path)
{
	const struct blob *whole;
	struct segment segment;
	struct builder b;
	size_t at = 0;

	if (buf_left(&bytes) < 6 || aspath_decode(arena, bytes, 4, &whole) != 0)
		return -1;
	*path = whole;
	if (!aspath_has_confed(whole))
		return 0;
	b = builder_new(arena, whole->len);
	while (segment_next(whole, &at, &segment))
		if (!is_confed(segment.type))
			builder_put_segment(&b, &segment);
	*path = builder_end(&b);
	return 0;
}

bool
aspath_has_confed(const struct blob *path)
{
	struct segment segment;

	for (size_t at = 0; segment_next(path, &at, &segment);)
		if (is_confed(segment.type))
			return true;
	return false;
}

/* RFC 6793 4.2.2: some number does not fit in 2 octets. */
bool
aspath_needs_as4(const struct blob *path)
{
	struct segment segment;

	for (size_t at = 0; segment_next(path, &at, &segment);)
		for (unsigned i = 0; i < segment.count; i++)
			if (!is_confed(segment.type) &&
			    number_at(&segment, i) > UINT16_MAX)
				return true;
	return false;
}

size_t
aspath_encoded_len(const struct blob *path, unsigned width, bool confed)
{
	struct segment segment;
	size_t len = 0;

	for (size_t at = 0; segment_next(path, &at, &segment);)
		if (confed || !is_confed(segment.type))
			len += 2 + (size_t)segment.count * width;
	return len;
}

void
aspath_encode(
    struct buf *out, const struct blob *path, unsigned width, bool confed)
{
	struct segment segment;

	for (size_t at = 0; segment_next(path, &at, &segment);) {
		if (!confed && is_confed(segment.type))
			continue;
		buf_put_u8(out, segment.type);
		buf_put_u8(out, segment.count);
		if (width == 4)
			buf_put(out, segment.numbers, 4u * segment.count);
		for (unsigned i = 0; width == 2 && i < segment.count; i++) {
			uint32_t asn = number_at(&segment, i);

			buf_put_u16(
			    out, (uint16_t)(asn > UINT16_MAX ? AS_TRANS : asn));
		}
	}
}

unsigned
aspath_length(const struct blob *path)
{
	struct segment segment;
	unsigned length = 0;

	for (size_t at = 0; segment_next(path, &at, &segment);)
		length += segment_length(&segment);
	return length;
}

bool
aspath_has(const struct blob *path, uint32_t asn)
{
	struct segment segment;

	for (size_t at = 0; segment_next(path, &at, &segment);)
		for (unsigned i = 0; i < segment.count; i++)
			if (number_at(&segment, i) == asn)
				return true;
	return false;
}

uint32_t
aspath_first(const struct blob *path)
{
	struct segment segment;
	size_t at = 0;

	if (!segment_next(path, &at, &segment) || segment.type != AS_SEQUENCE ||
	    segment.count == 0)
		return 0;
	return number_at(&segment, 0);
}

uint32_t
aspath_origin(const struct blob *path)
{
	struct segment segment = { 0 };

	for (size_t at = 0; segment_next(path, &at, &segment);)
		continue;
	if (segment.type != AS_SEQUENCE || segment.count == 0)
		return 0;
	return number_at(&segment, segment.count - 1u);
}

const struct blob *
aspath_prepend(
    struct arena *arena, const struct blob *path, uint32_t asn, unsigned count)
{
	struct segment segment;
	struct builder b;
	size_t at = 0, len = path != NULL ? path->len : 0;

	if (count == 0)
		return path;
	/* Sequences are gathered anew: one head per 255 numbers at the most. */
	b = builder_new(
	    arena, len + 4 * (size_t)count + 2 * (count / SEGMENT_MAX + 2));
	for (unsigned i = 0; i < count; i++)
		builder_put(&b, AS_SEQUENCE, asn);
	while (segment_next(path, &at, &segment))
		builder_put_segment(&b, &segment);
	return builder_end(&b);
}

/*
 * RFC 6793 4.2.3: the head of AS_PATH that AS4_PATH does not know, then
 * AS4_PATH; an AS4_PATH longer than AS_PATH is not believed.
 */
const struct blob *
aspath_merge(
    struct arena *arena, const struct blob *as2, const struct blob *as4)
{
	unsigned have = aspath_length(as2), know = aspath_length(as4);
	unsigned need = have - know;
	struct segment segment;
	struct builder b;

	if (as2 == NULL || as4 == NULL || have < know)
		return as2;
	b = builder_new(arena, as2->len + as4->len + 4);
	for (size_t at = 0; segment_next(as2, &at, &segment);) {
		unsigned length = segment_length(&segment);

		if (length > need) {
			if (segment.type == AS_SEQUENCE)
				builder_put_some(&b, &segment, need);
			break;
		}
		builder_put_segment(&b, &segment);
		need -= length;
	}
	for (size_t at = 0; segment_next(as4, &at, &segment);)
		builder_put_segment(&b, &segment);
	return builder_end(&b);
}

/* Number `i` of the leading sequences; false beyond them. */
static bool
head_at(const struct blob *path, unsigned i, uint32_t *asn)
{
	struct segment segment;

	for (size_t at = 0; segment_next(path, &at, &segment);) {
		if (segment.type != AS_SEQUENCE)
			return false;
		if (i < segment.count) {
			*asn = number_at(&segment, i);
			return true;
		}
		i -= segment.count;
	}
	return false;
}

static unsigned
head_common(const struct blob *const *paths, unsigned count)
{
	uint32_t asn, other;
	unsigned head = 0;

	for (; head_at(paths[0], head, &asn); head++)
		for (unsigned i = 1; i < count; i++)
			if (!head_at(paths[i], head, &other) || other != asn)
				return head;
	return head;
}

/* The numbers of a path that are not in `head`, to `to`; where it ends. */
static uint8_t *
gather_rest(uint8_t *to, const struct blob *path, const struct blob *head)
{
	struct segment segment;

	for (size_t at = 0; segment_next(path, &at, &segment);)
		for (unsigned i = 0; i < segment.count; i++) {
			uint32_t asn = number_at(&segment, i);

			if (is_confed(segment.type) || aspath_has(head, asn))
				continue;
			number_put(to, asn);
			to += 4;
		}
	return to;
}

const struct blob *
aspath_aggregate(
    struct arena *arena, const struct blob *const *paths, unsigned count)
{
	size_t bytes = 0, rest;
	unsigned common;
	struct builder b;
	struct segment all = { .type = AS_SET };
	uint8_t *numbers;
	uint8_t *end;
	uint32_t asn;

	if (count == 0)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		bytes += paths[i] != NULL ? paths[i]->len : 0;
	b = builder_new(arena, 2 * bytes + 8);
	common = head_common(paths, count);
	for (unsigned i = 0; i < common && head_at(paths[0], i, &asn); i++)
		builder_put(&b, AS_SEQUENCE, asn);
	end = numbers = arena_alloc(arena, bytes + 4);
	for (unsigned i = 0; i < count; i++)
		end = gather_rest(end, paths[i], builder_end(&b));
	rest = blob_sort(numbers, (size_t)(end - numbers) / 4, 4);
	all.numbers = numbers;
	for (size_t i = 0; i < rest; i++, all.numbers += 4)
		builder_put(&b, AS_SET, number_at(&all, 0));
	return builder_end(&b);
}

void
aspath_print(const struct blob *path, struct text *out)
{
	static const struct {
		const char *open, *between, *close;
	} marks[] = {
		[AS_SET] = { "{", ",", "}" },
		[AS_SEQUENCE] = { "", " ", "" },
		[AS_CONFED_SEQUENCE] = { "(", " ", ")" },
		[AS_CONFED_SET] = { "[", ",", "]" },
	};
	struct segment segment;
	const char *gap = "";

	for (size_t at = 0; segment_next(path, &at, &segment);) {
		if (segment.type < AS_SET || segment.type > AS_CONFED_SET)
			return;
		text_add(out, "%s%s", gap, marks[segment.type].open);
		for (unsigned i = 0; i < segment.count; i++)
			text_add(out, "%s%u",
			    i > 0 ? marks[segment.type].between : "",
			    number_at(&segment, i));
		text_add(out, "%s", marks[segment.type].close);
		gap = " ";
	}
}
