/* SPDX-License-Identifier: ISC */
/* What the rooms of this floor tell one another and nobody else. */
#ifndef WIRE_INNER_H
#define WIRE_INNER_H

#include "wire/wire.h"

enum {
	ATTR_FLAG_OPTIONAL = 0x80,
	ATTR_FLAG_TRANSITIVE = 0x40,
	ATTR_FLAG_PARTIAL = 0x20,
	ATTR_FLAG_EXTENDED = 0x10,
};

/* Subcodes of NOTIFY_UPDATE, RFC 4271 4.5. */
enum {
	UPDATE_MALFORMED = 1,
	UPDATE_UNRECOGNIZED = 2,
	UPDATE_MISSING = 3,
	UPDATE_FLAGS = 4,
	UPDATE_LENGTH = 5,
	UPDATE_ORIGIN = 6,
	UPDATE_NEXT_HOP = 8,
	UPDATE_OPTIONAL = 9,
	UPDATE_NETWORK = 10,
	UPDATE_AS_PATH = 11,
};

/* One UPDATE on its way in, and the gravest flaw so far. */
struct update_reader {
	const struct wire_session *session;
	struct arena *arena;
	struct update *update;
	const uint8_t *tlv; /* the attribute at hand */
	size_t tlv_len;
	const uint8_t *data; /* the one with the gravest flaw */
	size_t data_len;
	uint32_t seen[8];    /* a bit per attribute type */
	uint32_t carried[8]; /* ... of those that go on unread */
	size_t carried_len;
	const struct blob *as4_path;
	uint32_t as4_aggregator_as;
	uint32_t as4_aggregator_id;
	bool has_as4_aggregator;
	bool reaches; /* announces something, in whatever family */
	uint8_t subcode;
};

/* Notes a flaw: the gravest verdict's words and numbers are kept. */
void update_flaw(struct update_reader *reader, enum verdict verdict,
    uint8_t subcode, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The attributes of an UPDATE into reader->update, by the table of attr.c. */
void attr_decode(struct update_reader *reader, struct buf bytes);
/* Rows of the table that fill more than a struct attr; 0, or -1 malformed. */
int update_decode_reach(struct update_reader *reader, struct buf *value);
int update_decode_unreach(struct update_reader *reader, struct buf *value);
/* Header of an attribute; the long form only where it is needed. */
void attr_put_header(struct buf *out, uint8_t flags, uint8_t type, size_t len);

/* Bytes of the whole attribute at `at` of a list of them. */
static inline size_t
attr_tlv_len(const struct blob *list, size_t at)
{
	const uint8_t *p = list->bytes + at;

	if (p[0] & ATTR_FLAG_EXTENDED)
		return 4 + ((size_t)p[2] << 8 | p[3]);
	return 3 + (size_t)p[2];
}

/* Every prefix whole and no longer than `bits`. */
bool nlri_check(struct buf bytes, unsigned bits);
/* A prefix into room that was measured; the bytes. */
size_t nlri_write(uint8_t *at, const struct prefix *prefix);

/* Sorts items of `unit` bytes (at most 12), drops doubles; how many stay. */
size_t blob_sort(uint8_t *bytes, size_t count, size_t unit);
/* Sorted and without doubles; NULL for none. */
const struct blob *blob_set(
    struct arena *arena, const void *bytes, size_t count, size_t unit);

/* RFC 6793 6: from an AS4_PATH, without its confederation segments. */
int aspath_decode_as4(
    struct arena *arena, struct buf bytes, const struct blob **path);
bool aspath_has_confed(const struct blob *path);
bool aspath_needs_as4(const struct blob *path);
/* Without header; `width` 2 puts AS_TRANS, `confed` false leaves those out. */
void aspath_encode(
    struct buf *out, const struct blob *path, unsigned width, bool confed);
size_t aspath_encoded_len(const struct blob *path, unsigned width, bool confed);

#endif
