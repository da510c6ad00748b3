/* SPDX-License-Identifier: ISC */
/* UPDATE messages: taken apart with a verdict, and packed full. */

/*
 * In: the body. Out: attributes, up to two lists of prefixes each way, and what
 * RFC 7606 asks for: keep, discard an attribute, treat as withdrawn, or reset.
 * Only framing that cannot be trusted resets.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/arena.h"
#include "wire/inner.h"

const struct name verdict_names[] = {
	{ VERDICT_KEEP, "keep" },
	{ VERDICT_DISCARD, "attribute discard" },
	{ VERDICT_WITHDRAW, "treat as withdraw" },
	{ VERDICT_RESET, "session reset" },
	{ 0, NULL },
};

void
update_flaw(struct update_reader *r, enum verdict verdict, uint8_t subcode,
    const char *format, ...)
{
	struct update *update = r->update;
	va_list ap;

	if (verdict <= update->verdict)
		return;
	update->verdict = verdict;
	va_start(ap, format);
	vsnprintf(update->why, sizeof(update->why), format, ap);
	va_end(ap);
	notification_set(&r->flaw, NOTIFY_UPDATE, subcode, "%s", update->why);
}

/* Prefixes ------------------------------------------------------------------------ */

bool
nlri_check(struct buf bytes, unsigned bits)
{
	const uint8_t *p = bytes.data + bytes.pos;
	const uint8_t *end = bytes.data + bytes.end;
	size_t step;

	while (p < end) {
		step = 1 + (*p + 7u) / 8;
		if (*p > bits || step > (size_t)(end - p))
			return false;
		p += step;
	}
	return true;
}

bool
nlri_next(struct nlri *nlri, struct prefix *prefix)
{
	struct buf *b = &nlri->bytes;
	const uint8_t *p = b->data + b->pos;
	size_t bytes;

	if (nlri->family >= FAMILY_COUNT || b->pos >= b->end)
		return false;
	memset(prefix, 0, sizeof(*prefix));
	prefix->family = family_info[nlri->family].af;
	prefix->len = p[0];
	bytes = (p[0] + 7u) / 8;
	memcpy(prefix->bytes, p + 1, bytes);
	if (prefix->len % 8 != 0)
		prefix->bytes[bytes - 1] &=
		    (uint8_t)(0xff00u >> prefix->len % 8);
	b->pos += 1 + bytes;
	return true;
}

void
nlri_put(struct buf *out, const struct prefix *prefix)
{
	buf_put_u8(out, prefix->len);
	buf_put(out, prefix->bytes, (prefix->len + 7u) / 8);
}

/* MP_REACH and MP_UNREACH (RFC 4760 3, 4; RFC 2545; RFC 8950) --------------------------- */

static bool
nlri_take(struct update_reader *r, struct nlri *nlri, enum family family,
    struct buf bytes)
{
	if (!nlri_check(bytes, family_info[family].bits)) {
		/* RFC 7606 5.3: prefixes that cannot be told apart. */
		update_flaw(r, VERDICT_RESET, UPDATE_NETWORK,
		    "%s prefixes are malformed", family_info[family].name);
		return false;
	}
	nlri->bytes = bytes;
	nlri->family = family;
	return true;
}

static struct addr
addr_v6(const uint8_t *bytes)
{
	struct addr addr = { .family = AF_INET6 };

	memcpy(addr.bytes, bytes, 16);
	return addr;
}

/* 16 bytes, or 32: a global and a link-local one (RFC 2545 3). */
static int
next_hop_v6(struct attr *attr, const uint8_t *bytes, size_t len)
{
	struct addr first = addr_v6(bytes);

	attr->next_hop = first;
	if (len == 32) {
		attr->next_hop_local = addr_v6(bytes + 16);
		if (!addr_is_link_local(&attr->next_hop_local))
			memset(&attr->next_hop_local, 0,
			    sizeof(attr->next_hop_local));
	}
	if (addr_is_link_local(&first) && attr->next_hop_local.family == 0)
		attr->next_hop_local = first;
	return addr_is_host(&first) || addr_is_link_local(&first) ? 0 : -1;
}

/* A bad next hop withdraws; its length is framing. */
static bool
next_hop_take(struct update_reader *r, enum family family, struct buf value)
{
	struct attr *attr = &r->update->attr;
	size_t len = buf_left(&value);
	const uint8_t *bytes = buf_bytes(&value, len);
	int status = -1;

	if (len == 4 && family == FAMILY_IPV4) {
		attr->next_hop =
		    addr_v4((uint32_t)bytes[0] << 24 | bytes[1] << 16 |
			    bytes[2] << 8 | bytes[3]);
		status = addr_is_host(&attr->next_hop) ? 0 : -1;
	} else if (len == 16 || len == 32) {
		status = next_hop_v6(attr, bytes, len);
	} else {
		update_flaw(r, VERDICT_RESET, UPDATE_OPTIONAL,
		    "MP_REACH_NLRI has a next hop of %zu bytes", len);
		return false;
	}
	if (status == -1)
		update_flaw(r, VERDICT_WITHDRAW, UPDATE_OPTIONAL,
		    "MP_REACH_NLRI has a next hop that is no host");
	return true;
}

int
update_decode_reach(struct update_reader *r, struct buf *value)
{
	uint16_t afi = buf_u16(value);
	enum family family = family_find(afi, buf_u8(value));
	struct buf hop = buf_sub(value, buf_u8(value));

	buf_u8(value); /* reserved */
	if (value->failed)
		return -1;
	r->reaches = true;
	if (family == FAMILY_NONE)
		return 0;
	if (next_hop_take(r, family, hop))
		nlri_take(r, &r->update->announced[1], family,
		    buf_sub(value, buf_left(value)));
	return 0;
}

int
update_decode_unreach(struct update_reader *r, struct buf *value)
{
	uint16_t afi = buf_u16(value);
	enum family family = family_find(afi, buf_u8(value));
	size_t len = buf_left(value);

	if (family == FAMILY_NONE)
		return 0;
	if (nlri_take(
		r, &r->update->withdrawn[1], family, buf_sub(value, len)) &&
	    len == 0)
		r->update->end_of_rib = family;
	return 0;
}

/* The message ---------------------------------------------------------------------------- */

/* RFC 7606 3 (d), RFC 4271 5: what an announcement must have. */
static void
mandatory_check(struct update_reader *r)
{
	static const uint8_t always[] = { ATTR_ORIGIN, ATTR_AS_PATH };
	struct update *u = r->update;
	unsigned i;
	bool is_classic = u->announced[0].family == FAMILY_IPV4;

	if (!is_classic && !r->reaches)
		return;
	for (i = 0; i < 2; i++) {
		if (!(r->seen[0] >> always[i] & 1))
			update_flaw(r, VERDICT_WITHDRAW, UPDATE_MISSING,
			    "%s is missing", name_of(attr_names, always[i]));
	}
	if (is_classic && !(r->seen[0] >> ATTR_NEXT_HOP & 1))
		update_flaw(
		    r, VERDICT_WITHDRAW, UPDATE_MISSING, "NEXT_HOP is missing");
	if (!r->session->ebgp && !ATTR_HAS(&u->attr, ATTR_LOCAL_PREF))
		update_flaw(r, VERDICT_WITHDRAW, UPDATE_MISSING,
		    "LOCAL_PREF is missing");
}

/* The NEXT_HOP attribute is the classic field's; MP_REACH has its own. */
static void
next_hop_settle(struct update_reader *r)
{
	struct attr *attr = &r->update->attr;

	if (r->update->announced[0].family == FAMILY_IPV4 &&
	    r->next_hop.family != 0) {
		attr->next_hop = r->next_hop;
		memset(&attr->next_hop_local, 0, sizeof(attr->next_hop_local));
	}
	attr->present &= ~(
	    1u << ATTR_NEXT_HOP | 1u << ATTR_MP_REACH | 1u << ATTR_MP_UNREACH);
	if (attr->next_hop.family != 0)
		attr->present |= 1u << ATTR_NEXT_HOP;
	if (attr->communities == NULL)
		attr->present &= ~(1u << ATTR_COMMUNITIES);
}

static void
sections_decode(struct update_reader *r, struct buf withdrawn,
    struct buf attributes, struct buf announced)
{
	struct update *u = r->update;

	if (buf_left(&withdrawn) > 0)
		nlri_take(r, &u->withdrawn[0], FAMILY_IPV4, withdrawn);
	attr_decode(r, attributes);
	if (buf_left(&announced) > 0)
		nlri_take(r, &u->announced[0], FAMILY_IPV4, announced);
	mandatory_check(r);
	next_hop_settle(r);
}

int
update_decode(struct buf body, const struct wire_session *session,
    struct arena *arena, struct update *update, struct notification *error)
{
	struct update_reader r = {
		.session = session, .arena = arena, .update = update
	};
	struct buf withdrawn, attributes, announced;
	unsigned i;

	memset(update, 0, sizeof(*update));
	update->end_of_rib = FAMILY_NONE;
	for (i = 0; i < 2; i++)
		update->withdrawn[i].family = update->announced[i].family =
		    FAMILY_NONE;
	withdrawn = buf_sub(&body, buf_u16(&body));
	attributes = buf_sub(&body, buf_u16(&body));
	if (body.failed) {
		notification_set(error, NOTIFY_UPDATE, UPDATE_MALFORMED,
		    "lengths do not fit the message");
		return -1;
	}
	announced = buf_sub(&body, buf_left(&body));
	if (buf_left(&withdrawn) + buf_left(&attributes) +
		buf_left(&announced) ==
	    0) {
		update->end_of_rib = FAMILY_IPV4; /* RFC 4724 2 */
		return 0;
	}
	sections_decode(&r, withdrawn, attributes, announced);
	if (update->end_of_rib != FAMILY_NONE &&
	    (buf_left(&withdrawn) + buf_left(&announced) > 0 || r.reaches))
		update->end_of_rib = FAMILY_NONE;
	if (update->verdict != VERDICT_RESET)
		return 0;
	*error = r.flaw;
	return -1;
}

/* Out -------------------------------------------------------------------------------------- */

static size_t
room_of(const struct buf *out, const struct wire_session *session)
{
	size_t max = session->extended ? MESSAGE_MAX_EXTENDED : MESSAGE_MAX;

	return buf_left(out) < max ? buf_left(out) : max;
}

/* As many prefixes as fit before `end`; how many did. */
static unsigned
prefixes_put(
    struct buf *out, size_t end, const struct prefix *prefixes, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		if (out->pos + 1 + (prefixes[i].len + 7u) / 8 > end)
			break;
		nlri_put(out, &prefixes[i]);
	}
	return i;
}

static void
next_hop_put(struct buf *out, const struct attr *attr)
{
	bool has_local = attr->next_hop_local.family == AF_INET6;

	if (attr->next_hop.family == AF_INET) {
		buf_put_u8(out, 4);
		buf_put(out, attr->next_hop.bytes, 4);
		return;
	}
	buf_put_u8(out, has_local ? 32 : 16);
	buf_put(out, attr->next_hop.bytes, 16);
	if (has_local)
		buf_put(out, attr->next_hop_local.bytes, 16);
}

/* Nothing of a message that cannot hold one prefix stays in the buffer. */
static unsigned
message_close(struct buf *out, size_t begin, size_t header, unsigned count)
{
	if (count > 0 && !out->failed) {
		message_end(out, header);
		return count;
	}
	out->pos = begin;
	out->failed = false;
	return 0;
}

static void
family_put(struct buf *out, enum family family)
{
	buf_put_u16(out, family_info[family].afi);
	buf_put_u8(out, family_info[family].safi);
}

/*
 * RFC 7606 5.1 wants MP_REACH first, but its length is known only when all else
 * is: the other attributes are written first to learn theirs.
 */
static unsigned
reach_encode(struct buf *out, const struct wire_session *session,
    enum family family, const struct attr *attr, const struct prefix *prefixes,
    unsigned count)
{
	uint8_t bytes[MESSAGE_MAX_EXTENDED];
	size_t max = session->extended ? sizeof(bytes) : MESSAGE_MAX;
	struct buf rest = buf_writer(bytes, max);
	size_t begin = out->pos, end = begin + room_of(out, session);
	size_t header, attributes, reach;
	unsigned put;

	attr_encode(&rest, attr, session, false);
	header = message_begin(out, MESSAGE_UPDATE);
	buf_put_u16(out, 0);
	attributes = buf_skip(out, 2);
	buf_put_u8(out, ATTR_FLAG_OPTIONAL | ATTR_FLAG_EXTENDED);
	buf_put_u8(out, ATTR_MP_REACH);
	reach = buf_skip(out, 2);
	family_put(out, family);
	next_hop_put(out, attr);
	buf_put_u8(out, 0);
	if (rest.failed || out->failed || out->pos + rest.pos >= end)
		return message_close(out, begin, header, 0);
	put = prefixes_put(out, end - rest.pos, prefixes, count);
	buf_set_u16(out, reach, (uint16_t)(out->pos - reach - 2));
	buf_put(out, bytes, rest.pos);
	buf_set_u16(out, attributes, (uint16_t)(out->pos - attributes - 2));
	return message_close(out, begin, header, put);
}

unsigned
update_encode(struct buf *out, const struct wire_session *session,
    enum family family, const struct attr *attr, const struct prefix *prefixes,
    unsigned count)
{
	size_t begin = out->pos, end = begin + room_of(out, session);
	size_t header, attributes;
	unsigned put;

	if (family != FAMILY_IPV4 || attr->next_hop.family != AF_INET)
		return reach_encode(
		    out, session, family, attr, prefixes, count);
	header = message_begin(out, MESSAGE_UPDATE);
	buf_put_u16(out, 0);
	attributes = buf_skip(out, 2);
	attr_encode(out, attr, session, true);
	if (out->failed || out->pos > end)
		return message_close(out, begin, header, 0);
	buf_set_u16(out, attributes, (uint16_t)(out->pos - attributes - 2));
	put = prefixes_put(out, end, prefixes, count);
	return message_close(out, begin, header, put);
}

unsigned
update_encode_withdraw(struct buf *out, const struct wire_session *session,
    enum family family, const struct prefix *prefixes, unsigned count)
{
	size_t begin = out->pos, end = begin + room_of(out, session);
	size_t header = message_begin(out, MESSAGE_UPDATE);
	size_t first = buf_skip(out, 2), second = 0;
	unsigned put;

	if (family != FAMILY_IPV4) {
		buf_set_u16(out, first, 0);
		first = buf_skip(out, 2); /* of all attributes */
		buf_put_u8(out, ATTR_FLAG_OPTIONAL | ATTR_FLAG_EXTENDED);
		buf_put_u8(out, ATTR_MP_UNREACH);
		second = buf_skip(out, 2);
		family_put(out, family);
	}
	if (out->failed)
		return message_close(out, begin, header, 0);
	/* The classic field is followed by the length of no attributes. */
	put = prefixes_put(out, end - 2, prefixes, count);
	if (family == FAMILY_IPV4) {
		buf_set_u16(out, first, (uint16_t)(out->pos - first - 2));
		buf_put_u16(out, 0);
	} else {
		buf_set_u16(out, second, (uint16_t)(out->pos - second - 2));
		buf_set_u16(out, first, (uint16_t)(out->pos - first - 2));
	}
	return message_close(out, begin, header, put);
}

void
update_encode_end_of_rib(struct buf *out, enum family family)
{
	size_t header = message_begin(out, MESSAGE_UPDATE);

	buf_put_u16(out, 0);
	if (family == FAMILY_IPV4) {
		buf_put_u16(out, 0);
	} else {
		buf_put_u16(out, 6);
		attr_put_header(out, ATTR_FLAG_OPTIONAL, ATTR_MP_UNREACH, 3);
		family_put(out, family);
	}
	message_end(out, header);
}
