/* SPDX-License-Identifier: ISC */
/* Path attributes as a set: one row of a table each, in and out. */

/*
 * A row says which flags an attribute must have, how long it may be, what a
 * flaw asks for (RFC 7606 7), and how it is read into a struct attr. A reader is
 * called with a value whose length the row has checked; -1 is "malformed".
 */

#include <string.h>

#include "util/arena.h"
#include "wire/inner.h"

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
	{ ATTR_EXT_COMMUNITIES, "EXTENDED COMMUNITIES" },
	{ ATTR_AS4_PATH, "AS4_PATH" },
	{ ATTR_AS4_AGGREGATOR, "AS4_AGGREGATOR" },
	{ ATTR_LARGE_COMMUNITIES, "LARGE_COMMUNITY" },
	{ 0, NULL },
};

enum {
	WELL_KNOWN = ATTR_FLAG_TRANSITIVE,
	OPTIONAL = ATTR_FLAG_OPTIONAL,
	TRANSITIVE = ATTR_FLAG_OPTIONAL | ATTR_FLAG_TRANSITIVE,
};

/* Values ---------------------------------------------------------------------- */

static int
origin_decode(struct update_reader *r, struct buf *value)
{
	struct attr *attr = &r->update->attr;

	attr->origin = buf_u8(value);
	return attr->origin <= ORIGIN_INCOMPLETE ? 0 : -1;
}

/* RFC 7607: AS 0 is malformed; RFC 5065 5: confederation segments from outside. */
static int
as_path_decode(struct update_reader *r, struct buf *value)
{
	struct attr *attr = &r->update->attr;
	size_t len = buf_left(value);

	if (len == 0)
		return 0;
	if (aspath_decode(r->arena, buf_sub(value, len),
		r->session->as4 ? 4 : 2, &attr->as_path) == -1)
		return -1;
	if (aspath_has(attr->as_path, 0))
		return -1;
	return r->session->ebgp && aspath_has_confed(attr->as_path) ? -1 : 0;
}

static int
next_hop_decode(struct update_reader *r, struct buf *value)
{
	r->next_hop = addr_v4(buf_u32(value));
	return addr_is_host(&r->next_hop) ? 0 : -1;
}

static int
med_decode(struct update_reader *r, struct buf *value)
{
	r->update->attr.med = buf_u32(value);
	return 0;
}

static int
local_pref_decode(struct update_reader *r, struct buf *value)
{
	r->update->attr.local_pref = buf_u32(value);
	return 0;
}

static int
nothing_decode(struct update_reader *r, struct buf *value)
{
	(void)r;
	(void)value;
	return 0;
}

static int
aggregator_decode(struct update_reader *r, struct buf *value)
{
	struct attr *attr = &r->update->attr;

	if (buf_left(value) != (r->session->as4 ? 8u : 6u))
		return -1;
	attr->aggregator_as = r->session->as4 ? buf_u32(value) : buf_u16(value);
	attr->aggregator_id = buf_u32(value);
	return attr->aggregator_as != 0 ? 0 : -1; /* RFC 7607 */
}

static int
set_decode(struct update_reader *r, struct buf *value, unsigned unit,
    const struct blob **list)
{
	size_t len = buf_left(value);

	if (len % unit != 0)
		return -1;
	*list = blob_set(r->arena, buf_bytes(value, len), len / unit, unit);
	return 0;
}

static int
communities_decode(struct update_reader *r, struct buf *value)
{
	return set_decode(r, value, 4, &r->update->attr.communities);
}

static int
ext_communities_decode(struct update_reader *r, struct buf *value)
{
	return set_decode(r, value, 8, &r->update->attr.ext_communities);
}

static int
large_communities_decode(struct update_reader *r, struct buf *value)
{
	return set_decode(r, value, 12, &r->update->attr.large_communities);
}

static int
originator_decode(struct update_reader *r, struct buf *value)
{
	r->update->attr.originator_id = buf_u32(value);
	return 0;
}

static int
cluster_list_decode(struct update_reader *r, struct buf *value)
{
	size_t len = buf_left(value);

	if (len % 4 != 0)
		return -1;
	r->update->attr.cluster_list =
	    blob_new(r->arena, buf_bytes(value, len), len);
	return 0;
}

static int
as4_path_decode(struct update_reader *r, struct buf *value)
{
	return aspath_decode_as4(
	    r->arena, buf_sub(value, buf_left(value)), &r->as4_path);
}

static int
as4_aggregator_decode(struct update_reader *r, struct buf *value)
{
	r->as4_aggregator_as = buf_u32(value);
	r->as4_aggregator_id = buf_u32(value);
	r->has_as4_aggregator = r->as4_aggregator_as != 0;
	return r->has_as4_aggregator ? 0 : -1;
}

/* The table -------------------------------------------------------------------- */

/* Who is believed; from others it is dropped without a word. */
enum from { FROM_ALL, FROM_IBGP, FROM_OLD };

struct attr_row {
	uint8_t type;
	uint8_t flags;
	uint16_t min, max; /* of the length */
	enum verdict flaw; /* what a wrong length or value asks for */
	enum from from;
	uint8_t subcode; /* of a value that is wrong, when it resets */
	int (*decode)(struct update_reader *r, struct buf *value);
};

#define ANY UINT16_MAX
static const struct attr_row rows[] = {
	{ ATTR_ORIGIN, WELL_KNOWN, 1, 1, VERDICT_WITHDRAW, FROM_ALL,
	    UPDATE_ORIGIN, origin_decode },
	{ ATTR_AS_PATH, WELL_KNOWN, 0, ANY, VERDICT_WITHDRAW, FROM_ALL,
	    UPDATE_AS_PATH, as_path_decode },
	{ ATTR_NEXT_HOP, WELL_KNOWN, 4, 4, VERDICT_WITHDRAW, FROM_ALL,
	    UPDATE_NEXT_HOP, next_hop_decode },
	{ ATTR_MED, OPTIONAL, 4, 4, VERDICT_WITHDRAW, FROM_ALL, UPDATE_OPTIONAL,
	    med_decode },
	{ ATTR_LOCAL_PREF, WELL_KNOWN, 4, 4, VERDICT_WITHDRAW, FROM_IBGP,
	    UPDATE_LENGTH, local_pref_decode },
	{ ATTR_ATOMIC_AGGREGATE, WELL_KNOWN, 0, 0, VERDICT_DISCARD, FROM_ALL,
	    UPDATE_LENGTH, nothing_decode },
	{ ATTR_AGGREGATOR, TRANSITIVE, 6, 8, VERDICT_DISCARD, FROM_ALL,
	    UPDATE_OPTIONAL, aggregator_decode },
	{ ATTR_COMMUNITIES, TRANSITIVE, 4, ANY, VERDICT_WITHDRAW, FROM_ALL,
	    UPDATE_OPTIONAL, communities_decode },
	{ ATTR_ORIGINATOR_ID, OPTIONAL, 4, 4, VERDICT_WITHDRAW, FROM_IBGP,
	    UPDATE_OPTIONAL, originator_decode },
	{ ATTR_CLUSTER_LIST, OPTIONAL, 4, ANY, VERDICT_WITHDRAW, FROM_IBGP,
	    UPDATE_OPTIONAL, cluster_list_decode },
	{ ATTR_MP_REACH, OPTIONAL, 5, ANY, VERDICT_RESET, FROM_ALL,
	    UPDATE_OPTIONAL, update_decode_reach },
	{ ATTR_MP_UNREACH, OPTIONAL, 3, ANY, VERDICT_RESET, FROM_ALL,
	    UPDATE_OPTIONAL, update_decode_unreach },
	{ ATTR_EXT_COMMUNITIES, TRANSITIVE, 8, ANY, VERDICT_WITHDRAW, FROM_ALL,
	    UPDATE_OPTIONAL, ext_communities_decode },
	{ ATTR_AS4_PATH, TRANSITIVE, 6, ANY, VERDICT_DISCARD, FROM_OLD,
	    UPDATE_OPTIONAL, as4_path_decode },
	{ ATTR_AS4_AGGREGATOR, TRANSITIVE, 8, 8, VERDICT_DISCARD, FROM_OLD,
	    UPDATE_OPTIONAL, as4_aggregator_decode },
	{ ATTR_LARGE_COMMUNITIES, TRANSITIVE, 12, ANY, VERDICT_WITHDRAW,
	    FROM_ALL, UPDATE_OPTIONAL, large_communities_decode },
};

/* By type, made of the table by the compiler's hand: 0 is none, else row + 1. */
static const uint8_t row_of[256] = {
	[ATTR_ORIGIN] = 1,
	[ATTR_AS_PATH] = 2,
	[ATTR_NEXT_HOP] = 3,
	[ATTR_MED] = 4,
	[ATTR_LOCAL_PREF] = 5,
	[ATTR_ATOMIC_AGGREGATE] = 6,
	[ATTR_AGGREGATOR] = 7,
	[ATTR_COMMUNITIES] = 8,
	[ATTR_ORIGINATOR_ID] = 9,
	[ATTR_CLUSTER_LIST] = 10,
	[ATTR_MP_REACH] = 11,
	[ATTR_MP_UNREACH] = 12,
	[ATTR_EXT_COMMUNITIES] = 13,
	[ATTR_AS4_PATH] = 14,
	[ATTR_AS4_AGGREGATOR] = 15,
	[ATTR_LARGE_COMMUNITIES] = 16,
};

static bool
row_is_believed(const struct attr_row *row, const struct wire_session *session)
{
	if (row->from == FROM_IBGP)
		return !session->ebgp; /* RFC 7606 7.5, 7.9, 7.10 */
	if (row->from == FROM_OLD)
		return !session->as4; /* RFC 6793 4.1 */
	return true;
}

/* RFC 7606 3 (c): the Optional and Transitive bits against the row's. */
static bool
flags_are_right(const struct attr_row *row, uint8_t flags)
{
	return (flags & (ATTR_FLAG_OPTIONAL | ATTR_FLAG_TRANSITIVE)) ==
	       row->flags;
}

static void
known_decode(struct update_reader *r, const struct attr_row *row, uint8_t flags,
    struct buf value)
{
	size_t len = buf_left(&value);
	const char *name = name_of(attr_names, row->type);

	if (!row_is_believed(row, r->session))
		return;
	if (!flags_are_right(row, flags)) {
		update_flaw(r,
		    row->flaw == VERDICT_RESET ? VERDICT_RESET
					       : VERDICT_WITHDRAW,
		    UPDATE_FLAGS, "%s has flags 0x%02x", name, flags);
		return;
	}
	if (len < row->min || (row->max != ANY && len > row->max)) {
		update_flaw(
		    r, row->flaw, UPDATE_LENGTH, "%s of %zu bytes", name, len);
		return;
	}
	if (row->decode(r, &value) == -1) {
		update_flaw(
		    r, row->flaw, row->subcode, "%s is malformed", name);
		return;
	}
	if (row->type < 32)
		r->update->attr.present |= 1u << row->type;
}

/* RFC 4271 5: kept with the Partial bit if transitive, else dropped. */
static void
unknown_decode(
    struct update_reader *r, uint8_t flags, uint8_t type, struct buf value)
{
	struct attr *attr = &r->update->attr;
	size_t old = attr->unknown != NULL ? attr->unknown->len : 0;
	size_t len = buf_left(&value);
	struct blob *blob;
	struct buf out;

	if (!(flags & ATTR_FLAG_OPTIONAL)) {
		update_flaw(r, VERDICT_RESET, UPDATE_UNRECOGNIZED,
		    "unknown well-known attribute %u", type);
		return;
	}
	if (!(flags & ATTR_FLAG_TRANSITIVE))
		return;
	blob = blob_new(r->arena, NULL, old + len + (len > 255 ? 4 : 3));
	if (old > 0)
		memcpy(blob->bytes, attr->unknown->bytes, old);
	out = buf_writer(blob->bytes + old, blob->len - old);
	attr_put_header(&out, TRANSITIVE | ATTR_FLAG_PARTIAL, type, len);
	buf_put(&out, buf_bytes(&value, len), len);
	attr->unknown = blob;
}

/* RFC 7606 3 (g): of doubles the first counts; of the MP ones none may be. */
static bool
is_seen(struct update_reader *r, uint8_t type)
{
	uint32_t bit = 1u << type % 32, *word = &r->seen[type / 32];

	if (!(*word & bit)) {
		*word |= bit;
		return false;
	}
	update_flaw(r,
	    type == ATTR_MP_REACH || type == ATTR_MP_UNREACH ? VERDICT_RESET
							     : VERDICT_DISCARD,
	    UPDATE_MALFORMED, "%s twice", name_of(attr_names, type));
	return true;
}

/* RFC 6793 4.2.3: what a NEW speaker behind an OLD one said. */
static void
as4_merge(struct update_reader *r)
{
	struct attr *attr = &r->update->attr;

	attr->present &= ~(1u << ATTR_AS4_PATH | 1u << ATTR_AS4_AGGREGATOR);
	if (ATTR_HAS(attr, ATTR_AGGREGATOR) && r->has_as4_aggregator) {
		if (attr->aggregator_as != AS_TRANS)
			return;
		attr->aggregator_as = r->as4_aggregator_as;
		attr->aggregator_id = r->as4_aggregator_id;
	}
	if (r->as4_path != NULL)
		attr->as_path =
		    aspath_merge(r->arena, attr->as_path, r->as4_path);
}

static void
one_decode(struct update_reader *r, struct buf *bytes)
{
	uint8_t flags = buf_u8(bytes), type = buf_u8(bytes);
	size_t len =
	    flags & ATTR_FLAG_EXTENDED ? buf_u16(bytes) : buf_u8(bytes);
	struct buf value = buf_sub(bytes, len);

	if (bytes->failed) {
		/* RFC 7606 4: an overrun leaves what came before it. */
		update_flaw(r, VERDICT_WITHDRAW, UPDATE_LENGTH,
		    "%s runs over the end", name_of(attr_names, type));
		return;
	}
	if (is_seen(r, type))
		return;
	if (row_of[type] != 0)
		known_decode(r, &rows[row_of[type] - 1], flags, value);
	else
		unknown_decode(r, flags, type, value);
}

void
attr_decode(struct update_reader *r, struct buf bytes)
{
	while (buf_left(&bytes) > 0 && !bytes.failed)
		one_decode(r, &bytes);
	as4_merge(r);
}

/* Out ----------------------------------------------------------------------------- */

void
attr_put_header(struct buf *out, uint8_t flags, uint8_t type, size_t len)
{
	if (len > 65535)
		out->failed = true;
	buf_put_u8(out, flags | (len > 255 ? ATTR_FLAG_EXTENDED : 0));
	buf_put_u8(out, type);
	if (len > 255)
		buf_put_u16(out, (uint16_t)len);
	else
		buf_put_u8(out, (uint8_t)len);
}

static void
put_u32(struct buf *out, uint8_t flags, uint8_t type, uint32_t value)
{
	attr_put_header(out, flags, type, 4);
	buf_put_u32(out, value);
}

static void
put_blob(struct buf *out, uint8_t flags, uint8_t type, const struct blob *blob)
{
	if (blob == NULL || blob->len == 0)
		return;
	attr_put_header(out, flags, type, blob->len);
	buf_put(out, blob->bytes, blob->len);
}

static void
put_path(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	unsigned width = session->as4 ? 4 : 2;

	attr_put_header(out, WELL_KNOWN, ATTR_AS_PATH,
	    aspath_encoded_len(attr->as_path, width, true));
	aspath_encode(out, attr->as_path, width, true);
}

static void
put_aggregator(struct buf *out, const struct attr *attr,
    const struct wire_session *session)
{
	uint32_t asn = attr->aggregator_as;

	attr_put_header(out, TRANSITIVE, ATTR_AGGREGATOR, session->as4 ? 8 : 6);
	if (session->as4)
		buf_put_u32(out, asn);
	else
		buf_put_u16(out, asn > 65535 ? AS_TRANS : (uint16_t)asn);
	buf_put_u32(out, attr->aggregator_id);
}

/* RFC 6793 4.2.2: only where a number does not fit in 2 octets. */
static void
put_as4(struct buf *out, const struct attr *attr)
{
	if (aspath_needs_as4(attr->as_path)) {
		attr_put_header(out, TRANSITIVE, ATTR_AS4_PATH,
		    aspath_encoded_len(attr->as_path, 4, false));
		aspath_encode(out, attr->as_path, 4, false);
	}
	if (ATTR_HAS(attr, ATTR_AGGREGATOR) && attr->aggregator_as > 65535) {
		attr_put_header(out, TRANSITIVE, ATTR_AS4_AGGREGATOR, 8);
		buf_put_u32(out, attr->aggregator_as);
		buf_put_u32(out, attr->aggregator_id);
	}
}

static void
put_first(struct buf *out, const struct attr *attr,
    const struct wire_session *session, bool with_next_hop)
{
	attr_put_header(out, WELL_KNOWN, ATTR_ORIGIN, 1);
	buf_put_u8(out, attr->origin);
	put_path(out, attr, session);
	if (with_next_hop)
		put_u32(out, WELL_KNOWN, ATTR_NEXT_HOP,
		    addr_to_v4(&attr->next_hop));
	if (ATTR_HAS(attr, ATTR_MED))
		put_u32(out, OPTIONAL, ATTR_MED, attr->med);
	if (ATTR_HAS(attr, ATTR_LOCAL_PREF))
		put_u32(out, WELL_KNOWN, ATTR_LOCAL_PREF, attr->local_pref);
	if (ATTR_HAS(attr, ATTR_ATOMIC_AGGREGATE))
		attr_put_header(out, WELL_KNOWN, ATTR_ATOMIC_AGGREGATE, 0);
	if (ATTR_HAS(attr, ATTR_AGGREGATOR))
		put_aggregator(out, attr, session);
}

void
attr_encode(struct buf *out, const struct attr *attr,
    const struct wire_session *session, bool with_next_hop)
{
	put_first(out, attr, session, with_next_hop);
	put_blob(out, TRANSITIVE, ATTR_COMMUNITIES, attr->communities);
	if (ATTR_HAS(attr, ATTR_ORIGINATOR_ID))
		put_u32(out, OPTIONAL, ATTR_ORIGINATOR_ID, attr->originator_id);
	put_blob(out, OPTIONAL, ATTR_CLUSTER_LIST, attr->cluster_list);
	put_blob(out, TRANSITIVE, ATTR_EXT_COMMUNITIES, attr->ext_communities);
	if (!session->as4)
		put_as4(out, attr);
	put_blob(
	    out, TRANSITIVE, ATTR_LARGE_COMMUNITIES, attr->large_communities);
	if (attr->unknown != NULL)
		buf_put(out, attr->unknown->bytes, attr->unknown->len);
}
