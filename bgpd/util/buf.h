/* SPDX-License-Identifier: ISC */
/* Bytes read or written in network order; the first failure is remembered. */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A buf is a window on bytes it does not own. Reading past the end, or writing
 * past the capacity, sets `failed`, moves nothing more and reads as zeroes: a
 * decoder reads on and asks once, at its end. A reader that failed has nothing
 * left, so that `while (buf_left(&b) > 0)` ends.
 */
struct buf {
	uint8_t *data;
	size_t pos; /* next byte to read or write */
	size_t end; /* reading: bytes there; writing: capacity */
	bool failed;
};

struct buf buf_reader(const void *data, size_t len);
struct buf buf_writer(void *data, size_t capacity);

static inline size_t
buf_left(const struct buf *b)
{
	return b->end - b->pos;
}

uint8_t buf_u8(struct buf *b);
uint16_t buf_u16(struct buf *b);
uint32_t buf_u32(struct buf *b);
/* Borrowed bytes, valid as long as the window; NULL when there are fewer. */
const uint8_t *buf_bytes(struct buf *b, size_t len);
/* A window on the next len bytes, which are skipped; a failed one if short. */
struct buf buf_sub(struct buf *b, size_t len);

void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put(struct buf *b, const void *p, size_t len);
/* Leaves room for a length and returns where it is, for the set below. */
size_t buf_skip(struct buf *b, size_t len);
void buf_set_u8(struct buf *b, size_t at, uint8_t v);
void buf_set_u16(struct buf *b, size_t at, uint16_t v);

#endif
