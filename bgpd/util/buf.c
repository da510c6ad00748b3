/* SPDX-License-Identifier: ISC */
/* Bytes read or written in network order; the first failure is remembered. */
#include "util/buf.h"

#include <string.h>

struct buf
buf_reader(const void *data, size_t len)
{
	/* The reading functions never write through it. */
	return (struct buf){ .data = (uint8_t *)(uintptr_t)data, .end = len };
}

struct buf
buf_writer(void *data, size_t capacity)
{
	return (struct buf){ .data = data, .end = capacity };
}

const uint8_t *
buf_bytes(struct buf *b, size_t len)
{
	static const uint8_t nothing;
	const uint8_t *at;

	if (b->failed || len > buf_left(b)) {
		b->failed = true;
		/* Nothing is left, so that a loop over what is left ends. */
		b->pos = b->end;
		return NULL;
	}
	if (b->data == NULL)
		return &nothing;
	at = b->data + b->pos;
	b->pos += len;
	return at;
}

uint8_t
buf_u8(struct buf *b)
{
	const uint8_t *p = buf_bytes(b, 1);

	return p != NULL ? p[0] : 0;
}

uint16_t
buf_u16(struct buf *b)
{
	const uint8_t *p = buf_bytes(b, 2);

	return p != NULL ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t
buf_u32(struct buf *b)
{
	const uint8_t *p = buf_bytes(b, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

struct buf
buf_sub(struct buf *b, size_t len)
{
	const uint8_t *p = buf_bytes(b, len);
	struct buf sub = buf_reader(p, p != NULL ? len : 0);

	sub.failed = p == NULL;
	return sub;
}

/* Where the next len bytes go; NULL when there is no room. */
static uint8_t *
buf_room(struct buf *b, size_t len)
{
	uint8_t *at;

	if (b->failed || b->data == NULL || len > buf_left(b)) {
		b->failed = true;
		return NULL;
	}
	at = b->data + b->pos;
	b->pos += len;
	return at;
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
	uint8_t bytes[] = { (uint8_t)(v >> 8), (uint8_t)v };

	buf_put(b, bytes, sizeof(bytes));
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	uint8_t bytes[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
		(uint8_t)(v >> 8), (uint8_t)v };

	buf_put(b, bytes, sizeof(bytes));
}

void
buf_put(struct buf *b, const void *p, size_t len)
{
	uint8_t *at;

	if (len == 0)
		return;
	at = buf_room(b, len);
	if (at != NULL)
		memcpy(at, p, len);
}

size_t
buf_skip(struct buf *b, size_t len)
{
	size_t at = b->pos;
	uint8_t *room = buf_room(b, len);

	if (room != NULL)
		memset(room, 0, len);
	return at;
}

/* What was skipped or put before may be set, nothing else. */
static void
buf_set(struct buf *b, size_t at, const uint8_t *bytes, size_t len)
{
	if (b->failed || at > b->pos || len > b->pos - at) {
		b->failed = true;
		return;
	}
	memcpy(b->data + at, bytes, len);
}

void
buf_set_u8(struct buf *b, size_t at, uint8_t v)
{
	buf_set(b, at, &v, 1);
}

void
buf_set_u16(struct buf *b, size_t at, uint16_t v)
{
	uint8_t bytes[] = { (uint8_t)(v >> 8), (uint8_t)v };

	buf_set(b, at, bytes, sizeof(bytes));
}
