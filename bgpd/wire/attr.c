/* SPDX-License-Identifier: ISC */
/* Path attributes: one table of rows, read and written by it (RFC 4271 4.3). */
#include <string.h>

#include "util/arena.h"
#include "wire/inner.h"

/*
 * An UPDATE's attributes flow through take_attr: seen before? ours? flags,
 * length and value as the row wants them? Each "no" is a verdict of RFC 7606,
 * and the gravest of the message is kept by update_flaw. What no row knows and
 * is optional transitive is carried along as it came, with the Partial bit.
 */
enum {
	WELL_KNOWN = ATTR_FLAG_TRANSITIVE,
	TRANSITIVE = ATTR_FLAG_OPTIONAL | ATTR_FLAG_TRANSITIVE,
	LOCAL = ATTR_FLAG_OPTIONAL,
	KIND = ATTR_FLAG_OPTIONAL | ATTR_FLAG_TRANSITIVE,
	CARRIED = TRANSITIVE | ATTR_FLAG_PARTIAL,
	LEN_MAX = UINT16_MAX,
	IPV6_EXT_COMMUNITIES = 25,
};

struct attr_row {
	uint8_t flags; /* optional, transitive */
	uint8_t unit;  /* the length is a multiple of it */
	uint16_t min;
	uint16_t max;
	uint8_t subcode;	/* of a bad value */
	enum verdict on_flags;	/* RFC 7606 3 (c) */
	enum verdict on_length; /* ... and 7, row by row */
	enum verdict on_value;
	bool internal; /* from an external peer: ignored */
	/* -1 for a bad value; the length has been checked. */
	int (*decode)(struct update_reader *reader, struct buf *value);
	void (*encode)(struct buf *out, const struct attr *attr,
	    const struct wire_session *session);
	/* Instead of the two: where the number, list or set is in the attr. */
	enum { OTHER, NUMBER, LIST, SET } kind;
	uint16_t at;
};
static const struct attr_row attr_rows[ATTR_LARGE_COMMUNITIES + 1];
#define ROW_COUNT (sizeof(attr_rows) / sizeof(attr_rows[0]))

const struct name attr_names[] = {
	{ ATTR_ORIGIN, "ORIGIN" },
	{ ATTR_AS_PATH, "AS_PATH" },
	{ ATTR_NEXT_HOP, "NEXT_HOP" },
	{ ATTR_MED, "MULTI_EXIT_DISC" },
	{ ATTR_LOCAL_PREF, "LOCAL_PREF" },
	{ ATTR_ATOMIC_AGGREGATE, "ATOMIC_AGGREGATE" },
	{ ATTR_AGGREGATOR, "AGGREGATOR" },
	{ ATTR_COMMUNITIES, "COMMUNITIES" },
	{ ATTR_ORIGINATOR_ID, "ORIGINATOR_ID" },
	{ ATTR_CLUSTER_LIST, "CLUSTER_LIST" },
	{ ATTR_MP_REACH, "MP_REACH_NLRI" },
	{ ATTR_MP_UNREACH, "MP_UNREACH_NLRI" },
	{ ATTR_EXT_COMMUNITIES, "EXTENDED_COMMUNITIES" },
	{ ATTR_AS4_PATH, "AS4_PATH" },
	{ ATTR_AS4_AGGREGATOR, "AS4_AGGREGATOR" },
	{ IPV6_EXT_COMMUNITIES, "IPV6_EXTENDED_COMMUNITIES" },
	{ ATTR_LARGE_COMMUNITIES, "LARGE_COMMUNITIES" },
	{ 0, NULL },
};

/* What is a member of struct attr by its number. */
#define BIT(type) (1u << (type))
static const uint32_t attr_stored =
    BIT(ATTR_ORIGIN) | BIT(ATTR_AS_PATH) | BIT(ATTR_MED) |
    BIT(ATTR_LOCAL_PREF) | BIT(ATTR_ATOMIC_AGGREGATE) | BIT(ATTR_AGGREGATOR) |
    BIT(ATTR_COMMUNITIES) | BIT(ATTR_ORIGINATOR_ID) | BIT(ATTR_CLUSTER_LIST) |
    BIT(ATTR_EXT_COMMUNITIES);

/* Values in ------------------------------------------------------------------ */

static int
decode_origin(struct update_reader *reader, struct buf *value)
{
	uint8_t origin = buf_u8(value);

	if (origin > ORIGIN_INCOMPLETE)
		return -1;
	reader->update->attr.origin = origin;
	return 0;
}

/* Confederation segments are for members of one (RFC 5065 5). */
static int
decode_as_path(struct update_reader *reader, struct buf *value)
{
	struct attr *attr = &reader->update->attr;
	unsigned width = reader->session->as4 ? 4 : 2;

	if (aspath_decode(reader->arena, *value, width, &attr->as_path) != 0)
		return -1;
	if (reader->session->ebgp && aspath_has_confed(attr->as_path))
		return -1;
	return 0;
}

static int
decode_next_hop(struct update_reader *reader, struct buf *value)
{
	reader->update->next_hop[0] = addr_v4(buf_u32(value));
	return addr_is_host(&reader->update->next_hop[0]) ? 0 : -1;
}

static int
decode_nothing(struct update_reader *reader, struct buf *value)
{
	(void)reader;
	(void)value;
	return 0;
}

/* RFC 7606 7.7: the length says how the peer writes AS numbers; RFC 7607. */
static int
decode_aggregator(struct update_reader *reader, struct buf *value)
{
	struct attr *attr = &reader->update->attr;
	bool as4 = reader->session->as4;
	uint32_t asn;

	if (buf_left(value) != (as4 ? 8u : 6u))
		return -1;
	asn = as4 ? buf_u32(value) : buf_u16(value);
	if (asn == 0)
		return -1;
	attr->aggregator_as = asn;
	attr->aggregator_id = buf_u32(value);
	return 0;
}

/* A member that is a number, or sorted or plain bytes. */
static void
decode_member(
    struct update_reader *reader, const struct attr_row *row, struct buf *value)
{
	char *member = (char *)&reader->update->attr + row->at;
	size_t len = buf_left(value);

	if (row->kind == NUMBER)
		*(uint32_t *)(void *)member = buf_u32(value);
	else if (row->kind == SET)
		*(const struct blob **)(void *)member = blob_set(reader->arena,
		    buf_bytes(value, len), len / row->unit, row->unit);
	else
		*(const struct blob **)(void *)member =
		    blob_new(reader->arena, buf_bytes(value, len), len);
}

/* RFC 6793 4.1: a peer that speaks 4 octets has no business with these two. */
static int
decode_as4_path(struct update_reader *reader, struct buf *value)
{
	if (reader->session->as4)
		return -1;
	return aspath_decode_as4(reader->arena, *value, &reader->as4_path);
}

static int
decode_as4_aggregator(struct update_reader *reader, struct buf *value)
{
	uint32_t asn = buf_u32(value);

	if (reader->session->as4 || asn == 0)
		return -1;
	reader->as4_aggregator_as = asn;
	reader->as4_aggregator_id = buf_u32(value);
	reader->has_as4_aggregator = true;
	return 0;
}

/* Carried like one that we do not know, once its length was checked. */
static int
decode_carried(struct update_reader *reader, struct buf *value)
{
	size_t len = buf_left(value);

	reader->carried[IPV6_EXT_COMMUNITIES / 32] |=
	    BIT(IPV6_EXT_COMMUNITIES % 32);
	reader->carried_len += len + (len > UINT8_MAX ? 4 : 3);
	return 0;
}

/* Values out ----------------------------------------------------------------- */

void
attr_put_header(struct buf *out, uint8_t flags, uint8_t type, size_t len)
{
	if (len > UINT16_MAX) {
		out->failed = true;
		return;
	}
	flags &= (uint8_t)~ATTR_FLAG_EXTENDED;
	if (len > UINT8_MAX)
		flags |= ATTR_FLAG_EXTENDED;
	buf_put_u8(out, flags);
	buf_put_u8(out, type);
	if (len > UINT8_MAX)
		buf_put_u16(out, (uint16_t)len);
	else
		buf_put_u8(out, (uint8_t)len);
}

static void
put_header(struct buf *out, uint8_t type, size_t len)
{
	attr_put_header(out, attr_rows[type].flags, type, len);
}

/* A number goes out when present, bytes when there are any. */
static void
encode_member(struct buf *out, const struct attr *attr, uint8_t type)
{
	const struct attr_row *row = &attr_rows[type];
	const char *member = (const char *)attr + row->at;
	const struct blob *blob;

	if (row->kind == NUMBER) {
		if (!ATTR_HAS(attr, type))
			return;
		put_header(out, type, 4);
		buf_put_u32(out, *(const uint32_t *)(const void *)member);
		return;
	}
	blob = *(const struct blob *const *)(const void *)member;
	if (blob == NULL || blob->len == 0)
		return;
	put_header(out, type, blob->len);
	buf_put(out, blob->bytes, blob->len);
}

/* ORIGIN and AS_PATH are mandatory: written whatever `present` says. */
static void
encode_origin(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	(void)session;
	put_header(out, ATTR_ORIGIN, 1);
	buf_put_u8(out, attr->origin);
}

static void
encode_as_path(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	unsigned width = session->as4 ? 4 : 2;

	put_header(
	    out, ATTR_AS_PATH, aspath_encoded_len(attr->as_path, width, true));
	aspath_encode(out, attr->as_path, width, true);
}

static void
encode_next_hop(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	(void)session;
	put_header(out, ATTR_NEXT_HOP, 4);
	buf_put(out, attr->next_hop.bytes, 4);
}

static void
encode_atomic(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	(void)session;
	if (ATTR_HAS(attr, ATTR_ATOMIC_AGGREGATE))
		put_header(out, ATTR_ATOMIC_AGGREGATE, 0);
}

static void
encode_aggregator(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	uint32_t asn = attr->aggregator_as;

	if (!ATTR_HAS(attr, ATTR_AGGREGATOR))
		return;
	put_header(out, ATTR_AGGREGATOR, session->as4 ? 8 : 6);
	if (session->as4)
		buf_put_u32(out, asn);
	else
		buf_put_u16(out, (uint16_t)(asn > UINT16_MAX ? AS_TRANS : asn));
	buf_put_u32(out, attr->aggregator_id);
}

static void
encode_as4_path(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	if (session->as4 || !aspath_needs_as4(attr->as_path))
		return;
	put_header(
	    out, ATTR_AS4_PATH, aspath_encoded_len(attr->as_path, 4, false));
	aspath_encode(out, attr->as_path, 4, false);
}

static void
encode_as4_aggregator(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	if (session->as4 || !ATTR_HAS(attr, ATTR_AGGREGATOR) ||
	    attr->aggregator_as <= UINT16_MAX)
		return;
	put_header(out, ATTR_AS4_AGGREGATOR, 8);
	buf_put_u32(out, attr->aggregator_as);
	buf_put_u32(out, attr->aggregator_id);
}

/* The table ------------------------------------------------------------------ */

#define KEEP	 VERDICT_KEEP
#define DISCARD	 VERDICT_DISCARD
#define WITHDRAW VERDICT_WITHDRAW
#define RESET	 VERDICT_RESET

/* clang-format off */
static const struct attr_row attr_rows[ATTR_LARGE_COMMUNITIES + 1] = {
	/* kind, unit, min, max, subcode, bad flags, length, value, internal */
	[ATTR_ORIGIN] = { WELL_KNOWN, 1, 1, 1, UPDATE_ORIGIN,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, decode_origin, encode_origin,
	    OTHER, 0 },
	[ATTR_AS_PATH] = { WELL_KNOWN, 1, 0, LEN_MAX, UPDATE_AS_PATH,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, decode_as_path,
	    encode_as_path,
	    OTHER, 0 },
	[ATTR_NEXT_HOP] = { WELL_KNOWN, 1, 4, 4, UPDATE_NEXT_HOP,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, decode_next_hop,
	    encode_next_hop,
	    OTHER, 0 },
	[ATTR_MED] = { LOCAL, 1, 4, 4, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, NULL, NULL,
	    NUMBER, offsetof(struct attr, med) },
	[ATTR_LOCAL_PREF] = { WELL_KNOWN, 1, 4, 4, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, true, NULL, NULL,
	    NUMBER, offsetof(struct attr, local_pref) },
	[ATTR_ATOMIC_AGGREGATE] = { WELL_KNOWN, 1, 0, 0, UPDATE_OPTIONAL,
	    WITHDRAW, DISCARD, DISCARD, false, decode_nothing, encode_atomic,
	    OTHER, 0 },
	[ATTR_AGGREGATOR] = { TRANSITIVE, 1, 6, 8, UPDATE_OPTIONAL,
	    WITHDRAW, DISCARD, DISCARD, false, decode_aggregator,
	    encode_aggregator,
	    OTHER, 0 },
	[ATTR_COMMUNITIES] = { TRANSITIVE, 4, 4, LEN_MAX, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, NULL, NULL,
	    SET, offsetof(struct attr, communities) },
	[ATTR_ORIGINATOR_ID] = { LOCAL, 1, 4, 4, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, true, NULL, NULL,
	    NUMBER, offsetof(struct attr, originator_id) },
	[ATTR_CLUSTER_LIST] = { LOCAL, 4, 4, LEN_MAX, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, true, NULL, NULL,
	    LIST, offsetof(struct attr, cluster_list) },
	[ATTR_MP_REACH] = { LOCAL, 1, 5, LEN_MAX, UPDATE_OPTIONAL,
	    RESET, RESET, RESET, false, update_decode_reach, NULL,
	    OTHER, 0 },
	[ATTR_MP_UNREACH] = { LOCAL, 1, 3, LEN_MAX, UPDATE_OPTIONAL,
	    RESET, RESET, RESET, false, update_decode_unreach, NULL,
	    OTHER, 0 },
	[ATTR_EXT_COMMUNITIES] = { TRANSITIVE, 8, 8, LEN_MAX, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, NULL, NULL,
	    SET, offsetof(struct attr, ext_communities) },
	[ATTR_AS4_PATH] = { TRANSITIVE, 2, 6, LEN_MAX, UPDATE_OPTIONAL,
	    WITHDRAW, DISCARD, DISCARD, false, decode_as4_path,
	    encode_as4_path,
	    OTHER, 0 },
	[ATTR_AS4_AGGREGATOR] = { TRANSITIVE, 1, 8, 8, UPDATE_OPTIONAL,
	    WITHDRAW, DISCARD, DISCARD, false, decode_as4_aggregator,
	    encode_as4_aggregator,
	    OTHER, 0 },
	[IPV6_EXT_COMMUNITIES] = { TRANSITIVE, 20, 20, LEN_MAX, UPDATE_OPTIONAL,
	    WITHDRAW, WITHDRAW, WITHDRAW, false, decode_carried, NULL,
	    OTHER, 0 },
	[ATTR_LARGE_COMMUNITIES] = { TRANSITIVE, 12, 12, LEN_MAX,
	    UPDATE_OPTIONAL, WITHDRAW, WITHDRAW, WITHDRAW, false,
	    NULL, NULL,
	    SET, offsetof(struct attr, large_communities) },
};
/* clang-format on */

/* The set in ----------------------------------------------------------------- */

/* RFC 4271 5 and 9: carried on if optional transitive, else passed over. */
static void
take_unknown(struct update_reader *reader, uint8_t flags, uint8_t type,
    const struct buf *value)
{
	size_t len = buf_left(value);

	if (!(flags & ATTR_FLAG_OPTIONAL)) {
		update_flaw(reader, RESET, UPDATE_UNRECOGNIZED,
		    "unrecognized well-known attribute %u", type);
		return;
	}
	if (!(flags & ATTR_FLAG_TRANSITIVE))
		return;
	reader->carried[type / 32] |= BIT(type % 32);
	reader->carried_len += len + (len > UINT8_MAX ? 4 : 3);
}

/* RFC 7606 3 (g): the first one counts. */
static bool
seen_before(struct update_reader *reader, uint8_t type)
{
	uint32_t *word = &reader->seen[type / 32], bit = BIT(type % 32);
	bool fatal = type == ATTR_MP_REACH || type == ATTR_MP_UNREACH;

	if (!(*word & bit)) {
		*word |= bit;
		return false;
	}
	update_flaw(reader, fatal ? RESET : DISCARD, UPDATE_MALFORMED,
	    "%s (%u) comes twice", name_of(attr_names, type), type);
	return true;
}

/* Flags and length as the row wants them. */
static bool
check_shape(struct update_reader *reader, const struct attr_row *row,
    uint8_t flags, uint8_t type, size_t len)
{
	if ((flags ^ row->flags) & KIND) {
		update_flaw(reader, row->on_flags, UPDATE_FLAGS,
		    "%s with flags 0x%02x", name_of(attr_names, type), flags);
		return false;
	}
	if (len < row->min || len > row->max || len % row->unit != 0) {
		update_flaw(reader, row->on_length, UPDATE_LENGTH,
		    "%s of %zu bytes", name_of(attr_names, type), len);
		return false;
	}
	return true;
}

static void
take_attr(struct update_reader *reader, uint8_t flags, uint8_t type,
    struct buf *value)
{
	const struct attr_row *row = type < ROW_COUNT ? &attr_rows[type] : NULL;

	if (seen_before(reader, type))
		return;
	if (row == NULL || row->unit == 0) {
		take_unknown(reader, flags, type, value);
		return;
	}
	if (row->internal && reader->session->ebgp) {
		update_flaw(reader, DISCARD, row->subcode,
		    "%s from an external peer", name_of(attr_names, type));
		return;
	}
	if (!check_shape(reader, row, flags, type, buf_left(value)))
		return;
	if (row->kind != OTHER)
		decode_member(reader, row, value);
	else if (row->decode(reader, value) != 0) {
		update_flaw(reader, row->on_value, row->subcode, "%s malformed",
		    name_of(attr_names, type));
		return;
	}
	if (type < 32)
		reader->update->attr.present |= BIT(type) & attr_stored;
}

/* One header and the window on its value; false at the end or when torn. */
static bool
attr_next(struct buf *in, uint8_t *flags, uint8_t *type, struct buf *value)
{
	size_t len;

	if (in->failed || buf_left(in) == 0)
		return false;
	*flags = buf_u8(in);
	*type = buf_u8(in);
	len = *flags & ATTR_FLAG_EXTENDED ? buf_u16(in) : buf_u8(in);
	*value = buf_sub(in, len);
	return !in->failed;
}

/* The carried ones into one blob, lowest type first. */
static void
gather_carried(struct update_reader *reader, struct buf in)
{
	struct blob *all = blob_new(reader->arena, NULL, reader->carried_len);
	uint8_t flags, type;
	struct buf value;
	size_t used = 0;

	while (attr_next(&in, &flags, &type, &value)) {
		size_t len = buf_left(&value), at = 0, whole;
		struct buf out;

		if (!(reader->carried[type / 32] & BIT(type % 32)))
			continue;
		reader->carried[type / 32] &= ~BIT(type % 32);
		whole = len + (len > UINT8_MAX ? 4 : 3);
		while (at < used && all->bytes[at + 1] < type)
			at += attr_tlv_len(all, at);
		memmove(all->bytes + at + whole, all->bytes + at, used - at);
		out = buf_writer(all->bytes + at, whole);
		attr_put_header(&out, CARRIED, type, len);
		buf_put(&out, buf_bytes(&value, len), len);
		used += whole;
	}
	reader->update->attr.unknown = all;
}

void
attr_decode(struct update_reader *reader, struct buf bytes)
{
	struct buf in = bytes, value;
	uint8_t flags = 0, type = 0;

	reader->tlv = in.data + in.pos;
	while (attr_next(&in, &flags, &type, &value)) {
		reader->tlv_len = (size_t)(in.data + in.pos - reader->tlv);
		take_attr(reader, flags, type, &value);
		reader->tlv = in.data + in.pos;
	}
	reader->tlv_len = 0;
	/* RFC 7606 4: the total length stands, so the NLRI can be found. */
	if (in.failed)
		update_flaw(reader, WITHDRAW, UPDATE_LENGTH,
		    "attribute %u runs out of the list", type);
	if (reader->carried_len > 0)
		gather_carried(reader, bytes);
}

/* The set out ---------------------------------------------------------------- */

/* Carried ones below `type`, from *at on. */
static void
put_carried(
    struct buf *out, const struct blob *carried, size_t *at, unsigned type)
{
	while (carried != NULL && *at < carried->len &&
	       carried->bytes[*at + 1] < type) {
		size_t len = attr_tlv_len(carried, *at);

		buf_put(out, carried->bytes + *at, len);
		*at += len;
	}
}

void
attr_encode(struct buf *out, const struct attr *attr,
    const struct wire_session *session, bool with_next_hop)
{
	size_t at = 0;

	for (unsigned type = 0; type < ROW_COUNT; type++) {
		const struct attr_row *row = &attr_rows[type];

		if (type == ATTR_NEXT_HOP && !with_next_hop)
			continue;
		put_carried(out, attr->unknown, &at, type);
		if (row->kind != OTHER)
			encode_member(out, attr, (uint8_t)type);
		else if (row->encode != NULL)
			row->encode(out, attr, session);
	}
	put_carried(out, attr->unknown, &at, UINT8_MAX + 1);
}
