/* SPDX-License-Identifier: ISC */
/* Tables out of dumps of routers: MRT, TABLE_DUMP_V2 (RFC 6396 4.3). */
#include <stdlib.h>
#include <string.h>

#include "bgpload.h"

enum { TABLE_DUMP_V2 = 13, RIB_IPV4_UNICAST = 2, RIB_IPV6_UNICAST = 4 };

#define RECORD_MOST (1u << 22)

/* A route as it was read, until all of its set are known. */
struct heard {
	struct load_route route;
	uint32_t next; /* of the same set */
};

/* Attributes and path of a set, found by their bytes. */
struct kind {
	uint64_t hash;
	struct load_bytes attrs, path;
	uint32_t last; /* the newest of its routes; they lead back */
};

struct reader {
	struct load_bytes record;
	struct heard *heard;
	size_t count, room;
	struct kind *kinds;
	uint32_t kind_count, kind_room, *index, mask;
	int peer;
};

/* Well-known communities would keep a route back: they are left out. */
static void
copy_communities(struct load_bytes *out, const uint8_t *value, size_t len)
{
	size_t at = out->len, kept = 0;

	load_append(out, "\xd0\x08\0\0", 4);
	for (size_t i = 0; i + 4 <= len; i += 4) {
		bool out_of = value[i] == 0xff && value[i + 1] == 0xff;

		for (size_t k = 0; k < kept && !out_of; k += 4)
			out_of =
			    memcmp(out->data + at + 4 + k, value + i, 4) == 0;
		if (out_of)
			continue;
		load_append(out, value + i, 4);
		kept += 4;
	}
	out->data[at + 2] = (uint8_t)(kept >> 8);
	out->data[at + 3] = (uint8_t)kept;
	if (kept == 0)
		out->len = at;
}

/* What a receiver two steps away may see. -1: malformed. */
static int
split(const uint8_t *at, size_t len, struct load_bytes *attrs,
    struct load_bytes *path)
{
	const uint8_t *end = at + len;

	while (at < end) {
		size_t head = at[0] & 0x10 ? 4 : 3, size;
		const uint8_t *attr = at;

		if ((size_t)(end - at) < head)
			return -1;
		size = head == 4 ? load_get16(at + 2) : at[2];
		if ((size_t)(end - at) < head + size)
			return -1;
		at += head + size;
		switch (attr[1]) {
		case 2:
			load_append(path, attr + head, size);
			break;
		case 8:
			copy_communities(attrs, attr + head, size);
			break;
		case 3: /* the sender's own */
		case 5:
		case 14:
		case 17: /* of speakers with two octets */
		case 18:
			break;
		default:
			/* Optional and not transitive: goes no further. */
			if ((attr[0] & 0xc0) != 0x80 || attr[1] == 4)
				load_append(attrs, attr, head + size);
		}
	}
	return attrs->len + path->len < 3500 ? 0 : -1;
}

static uint64_t
hash_of(const struct load_bytes *a, const struct load_bytes *b)
{
	uint64_t hash = 0xcbf29ce484222325 ^ a->len;

	for (size_t i = 0; i < a->len + b->len; i++) {
		hash ^= i < a->len ? a->data[i] : b->data[i - a->len];
		hash *= 0x100000001b3;
	}
	return hash ^ hash >> 32;
}

static bool
is_same(const struct load_bytes *a, const struct load_bytes *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void
grow(struct reader *reader)
{
	uint32_t size = reader->mask ? 2 * (reader->mask + 1) : 1024;

	free(reader->index);
	reader->index = load_memory(NULL, size * sizeof(uint32_t));
	memset(reader->index, 0, size * sizeof(uint32_t));
	reader->mask = size - 1;
	for (uint32_t i = 0; i < reader->kind_count; i++) {
		uint32_t at = (uint32_t)reader->kinds[i].hash & reader->mask;

		while (reader->index[at])
			at = (at + 1) & reader->mask;
		reader->index[at] = i + 1;
	}
}

/* The kind of these bytes, which it takes. */
static struct kind *
kind_of(
    struct reader *reader, struct load_bytes *attrs, struct load_bytes *path)
{
	uint64_t hash = hash_of(attrs, path);
	uint32_t at, number;

	if (2 * reader->kind_count >= reader->mask)
		grow(reader);
	at = (uint32_t)hash & reader->mask;
	while ((number = reader->index[at]) != 0) {
		struct kind *kind = &reader->kinds[number - 1];

		if (kind->hash == hash && is_same(&kind->attrs, attrs) &&
		    is_same(&kind->path, path)) {
			free(attrs->data);
			free(path->data);
			return kind;
		}
		at = (at + 1) & reader->mask;
	}
	if (reader->kind_count == reader->kind_room) {
		reader->kind_room = 2 * reader->kind_room + 64;
		reader->kinds = load_memory(
		    reader->kinds, reader->kind_room * sizeof(*reader->kinds));
	}
	reader->index[at] = reader->kind_count + 1;
	reader->kinds[reader->kind_count] =
	    (struct kind){ hash, *attrs, *path, LOAD_NONE };
	return &reader->kinds[reader->kind_count++];
}

static void
keep(struct reader *reader, const struct load_route *route, const uint8_t *at,
    size_t len)
{
	struct load_bytes attrs = { 0 }, path = { 0 };
	struct kind *kind;

	if (split(at, len, &attrs, &path) < 0 || attrs.len < 4 ||
	    attrs.data[1] != 1) {
		free(attrs.data);
		free(path.data);
		return;
	}
	kind = kind_of(reader, &attrs, &path);
	if (reader->count == reader->room) {
		reader->room = 2 * reader->room + 1024;
		reader->heard = load_memory(
		    reader->heard, reader->room * sizeof(*reader->heard));
	}
	reader->heard[reader->count] = (struct heard){ *route, kind->last };
	kind->last = (uint32_t)reader->count++;
}

/* One prefix with an entry per peer. -1: malformed. */
static int
read_rib(struct reader *reader, unsigned family)
{
	const uint8_t *at = reader->record.data + 4;
	const uint8_t *end = reader->record.data + reader->record.len;
	struct load_span span = { at, end, (uint8_t)family };
	struct load_route route;
	unsigned entries;

	if (reader->record.len < 5 || load_prefix(&span, &route) <= 0 ||
	    span.end - span.at < 2)
		return -1;
	entries = load_get16(span.at);
	for (at = span.at + 2; entries; entries--) {
		size_t len;

		if (end - at < 8)
			return -1;
		len = load_get16(at + 6);
		if ((size_t)(end - at) < 8 + len)
			return -1;
		if (reader->peer < 0 ||
		    load_get16(at) == (unsigned)reader->peer) {
			keep(reader, &route, at + 8, len);
			return 0;
		}
		at += 8 + len;
	}
	return 0;
}

/* The next record. 0: no more, -1: cut off. */
static int
read_record(struct reader *reader, FILE *file, unsigned *type, unsigned *sub)
{
	uint8_t head[12];
	size_t got = fread(head, 1, sizeof(head), file), len;

	if (got == 0)
		return 0;
	len = load_get32(head + 8);
	if (got < sizeof(head) || len > RECORD_MOST)
		return -1;
	*type = load_get16(head + 4);
	*sub = load_get16(head + 6);
	if (len > reader->record.room) {
		reader->record.data = load_memory(reader->record.data, len);
		reader->record.room = len;
	}
	reader->record.len = len;
	return fread(reader->record.data, 1, len, file) == len ? 1 : -1;
}

/* By kind, as a table wants it. */
static void
give(struct reader *reader, struct load_table *table, unsigned family)
{
	for (uint32_t k = 0; k < reader->kind_count; k++) {
		struct kind *kind = &reader->kinds[k];
		uint32_t set = LOAD_NONE, i = kind->last;

		for (; i != LOAD_NONE; i = reader->heard[i].next) {
			struct load_route route = reader->heard[i].route;

			if (route.family != family)
				continue;
			if (set == LOAD_NONE)
				set = load_table_set(
				    table, family, &kind->attrs, &kind->path);
			route.set = set;
			load_table_add(table, &route);
		}
	}
}

static void
reader_free(struct reader *reader)
{
	for (uint32_t k = 0; k < reader->kind_count; k++) {
		free(reader->kinds[k].attrs.data);
		free(reader->kinds[k].path.data);
	}
	free(reader->kinds);
	free(reader->heard);
	free(reader->index);
	free(reader->record.data);
}

int
load_table_read(struct load_table *table, FILE *file, int peer, uint32_t most,
    const char **why)
{
	struct reader reader = { .peer = peer };
	unsigned type, sub;
	int more = 1;

	*why = NULL;
	while ((most == 0 || reader.count < most) &&
	       (more = read_record(&reader, file, &type, &sub)) > 0) {
		unsigned family = sub == RIB_IPV6_UNICAST ? 6 : 4;

		if (type != TABLE_DUMP_V2 ||
		    (sub != RIB_IPV4_UNICAST && sub != RIB_IPV6_UNICAST))
			continue;
		if (read_rib(&reader, family) < 0)
			*why = "malformed record";
	}
	if (more < 0)
		*why = "cut off";
	else if (reader.count == 0 && *why == NULL)
		*why = "no route of TABLE_DUMP_V2 in it";
	give(&reader, table, 4);
	give(&reader, table, 6);
	reader_free(&reader);
	return *why ? -1 : 0;
}
