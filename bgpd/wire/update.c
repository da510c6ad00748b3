/* SPDX-License-Identifier: ISC */
/* UPDATE: routes in and out (RFC 4271 4.3, 4760, 7606, 8950). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/inner.h"

/*
 * In: the two IPv4 fields are checked, the attributes go through the table of
 * attr.c, then what only the whole message shows: mandatory ones, AS4_PATH
 * merged, End-of-RIB. A verdict that cannot be had without prefixes becomes a
 * reset (RFC 7606 5.2). Out: what the routes of a message share is written once;
 * MP_REACH stands first in it (5.1).
 */
const struct name verdict_names[] = {
	{ VERDICT_KEEP, "keep" },
	{ VERDICT_DISCARD, "attribute-discard" },
	{ VERDICT_WITHDRAW, "treat-as-withdraw" },
	{ VERDICT_RESET, "session-reset" },
	{ 0, NULL },
};

void
update_flaw(struct update_reader *reader, enum verdict verdict, uint8_t subcode,
    const char *format, ...)
{
	struct update *update = reader->update;
	size_t len = reader->tlv_len;
	va_list ap;

	if (verdict <= update->verdict)
		return;
	update->verdict = verdict;
	reader->subcode = subcode;
	va_start(ap, format);
	vsnprintf(update->why, sizeof(update->why), format, ap);
	va_end(ap);
	/* RFC 4271 6.3: the attribute is the data, save in two cases. */
	if (subcode == UPDATE_MALFORMED || subcode == UPDATE_AS_PATH)
		len = 0;
	reader->data = reader->tlv;
	reader->data_len = len < 256 ? len : 256;
}

/* RFC 2545 3: a global address, perhaps a link-local one after it. */
static int
take_next_hop(struct update *update, struct buf *bytes, enum family family)
{
	struct addr *global = &update->next_hop[1];
	struct addr *local = &update->next_hop_local;
	size_t len = buf_left(bytes);

	if (len == 4 && family == FAMILY_IPV4) {
		*global = addr_v4(buf_u32(bytes));
		return 0;
	}
	if (len != 16 && len != 32)
		return -1;
	global->family = AF_INET6;
	memcpy(global->bytes, buf_bytes(bytes, 16), 16);
	if (len == 16)
		return 0;
	local->family = AF_INET6;
	memcpy(local->bytes, buf_bytes(bytes, 16), 16);
	if (!addr_is_link_local(local))
		memset(local, 0, sizeof(*local));
	else if (!addr_is_host(global))
		*global = *local; /* some send "::" before it */
	return 0;
}

int
update_decode_reach(struct update_reader *reader, struct buf *value)
{
	struct update *update = reader->update;
	uint16_t afi = buf_u16(value);
	uint8_t safi = buf_u8(value);
	size_t len = buf_u8(value);
	struct buf next_hop = buf_sub(value, len);
	enum family family = family_find(afi, safi);

	buf_u8(value); /* reserved */
	if (family == FAMILY_NONE) {
		reader->reaches |= buf_left(value) > 0;
		return 0;
	}
	if (value->failed || !nlri_check(*value, family_info[family].bits) ||
	    take_next_hop(update, &next_hop, family) != 0)
		return -1;
	reader->reaches |= buf_left(value) > 0;
	update->announced[1] = (struct nlri){ *value, family };
	if (!addr_is_host(&update->next_hop[1]))
		update_flaw(reader, VERDICT_WITHDRAW, UPDATE_NEXT_HOP,
		    "the next hop of MP_REACH_NLRI is no host");
	return 0;
}

int
update_decode_unreach(struct update_reader *reader, struct buf *value)
{
	uint16_t afi = buf_u16(value);
	enum family family = family_find(afi, buf_u8(value));

	if (family == FAMILY_NONE)
		return 0;
	if (!nlri_check(*value, family_info[family].bits))
		return -1;
	reader->update->withdrawn[1] = (struct nlri){ *value, family };
	return 0;
}

void
update_use_next_hop(struct update *update, unsigned field)
{
	struct attr *attr = &update->attr;

	attr->next_hop = update->next_hop[field];
	attr->present &= ~(1u << ATTR_NEXT_HOP);
	if (attr->next_hop.family != 0)
		attr->present |= 1u << ATTR_NEXT_HOP;
	if (field == 1)
		attr->next_hop_local = update->next_hop_local;
	else
		memset(&attr->next_hop_local, 0, sizeof(attr->next_hop_local));
}

static bool
is_empty(const struct nlri *nlri)
{
	return buf_left(&nlri->bytes) == 0;
}

/* RFC 7606 3 (d); a missing LOCAL_PREF gets the receiver's default. */
static void
check_mandatory(struct update_reader *reader)
{
	struct update *update = reader->update;
	unsigned missing = 0;

	if (is_empty(&update->announced[0]) && is_empty(&update->announced[1]))
		return;
	if (!ATTR_HAS(&update->attr, ATTR_ORIGIN))
		missing = ATTR_ORIGIN;
	else if (!ATTR_HAS(&update->attr, ATTR_AS_PATH))
		missing = ATTR_AS_PATH;
	else if (!is_empty(&update->announced[0]) &&
		 update->next_hop[0].family == 0)
		missing = ATTR_NEXT_HOP;
	if (missing != 0)
		update_flaw(reader, VERDICT_WITHDRAW, UPDATE_MISSING,
		    "%s is missing", name_of(attr_names, (int)missing));
}

/* RFC 6793 4.2.3. */
static void
merge_as4(struct update_reader *reader)
{
	struct attr *attr = &reader->update->attr;
	bool aggregated = ATTR_HAS(attr, ATTR_AGGREGATOR);

	if (aggregated && reader->has_as4_aggregator) {
		if (attr->aggregator_as != AS_TRANS)
			return; /* a 2-octet speaker aggregated after */
		attr->aggregator_as = reader->as4_aggregator_as;
		attr->aggregator_id = reader->as4_aggregator_id;
	}
	if (reader->as4_path != NULL)
		attr->as_path = aspath_merge(
		    reader->arena, attr->as_path, reader->as4_path);
}

/* RFC 4724 2: an empty UPDATE, or an empty MP_UNREACH alone. */
static enum family
find_end_of_rib(const struct update_reader *reader, size_t attr_bytes)
{
	const struct update *update = reader->update;

	if (!is_empty(&update->withdrawn[0]) ||
	    !is_empty(&update->announced[0]))
		return FAMILY_NONE;
	if (attr_bytes == 0)
		return FAMILY_IPV4;
	/* flags, type, 1 or 2 octets of length, AFI, SAFI: nothing else */
	if (attr_bytes > 7 || !(reader->seen[0] & 1u << ATTR_MP_UNREACH) ||
	    !is_empty(&update->withdrawn[1]))
		return FAMILY_NONE;
	return update->withdrawn[1].family;
}

static int
refuse(struct update_reader *reader, struct notification *error)
{
	notification_set(
	    error, NOTIFY_UPDATE, reader->subcode, "%s", reader->update->why);
	if (reader->data_len > 0)
		memcpy(error->data, reader->data, reader->data_len);
	error->data_len = (uint16_t)reader->data_len;
	return -1;
}

static void
update_clear(struct update *update)
{
	memset(update, 0, offsetof(struct update, why));
	update->why[0] = '\0';
	update->withdrawn[0].family = FAMILY_NONE;
	update->announced[0].family = FAMILY_NONE;
	update->withdrawn[1].family = FAMILY_NONE;
	update->announced[1].family = FAMILY_NONE;
	update->end_of_rib = FAMILY_NONE;
}

/* The three fields of RFC 4271 4.3; their lengths and the IPv4 prefixes. */
static void
split_fields(struct update_reader *reader, struct buf *body, struct buf *attrs)
{
	struct update *update = reader->update;
	unsigned bits = family_info[FAMILY_IPV4].bits;

	update->withdrawn[0].bytes = buf_sub(body, buf_u16(body));
	*attrs = buf_sub(body, buf_u16(body));
	update->announced[0].bytes = *body;
	if (body->failed)
		update_flaw(reader, VERDICT_RESET, UPDATE_MALFORMED,
		    "the lengths of the fields exceed the message");
	else if (!nlri_check(update->withdrawn[0].bytes, bits))
		update_flaw(reader, VERDICT_RESET, UPDATE_NETWORK,
		    "withdrawn routes malformed");
	else if (!nlri_check(update->announced[0].bytes, bits))
		update_flaw(
		    reader, VERDICT_RESET, UPDATE_NETWORK, "NLRI malformed");
	reader->reaches = buf_left(body) > 0;
	if (!is_empty(&update->withdrawn[0]))
		update->withdrawn[0].family = FAMILY_IPV4;
	if (!is_empty(&update->announced[0]))
		update->announced[0].family = FAMILY_IPV4;
}

int
update_decode(struct buf body, const struct wire_session *session,
    struct arena *arena, struct update *update, struct notification *error)
{
	struct update_reader reader = {
		.session = session, .arena = arena, .update = update
	};
	struct buf attrs;

	update_clear(update);
	split_fields(&reader, &body, &attrs);
	if (update->verdict == VERDICT_RESET)
		return refuse(&reader, error);
	attr_decode(&reader, attrs);
	check_mandatory(&reader);
	if (update->verdict == VERDICT_WITHDRAW && !reader.reaches)
		update->verdict = VERDICT_RESET; /* RFC 7606 5.2 */
	if (update->verdict == VERDICT_RESET)
		return refuse(&reader, error);
	merge_as4(&reader);
	update_use_next_hop(update, is_empty(&update->announced[0]) ? 1 : 0);
	update->end_of_rib = find_end_of_rib(&reader, buf_left(&attrs));
	return 0;
}

/* Out ------------------------------------------------------------------------ */

/* What is left of `out`, at most one message. */
static struct buf
message_window(const struct buf *out, const struct wire_session *session)
{
	size_t max = session->extended ? MESSAGE_MAX_EXTENDED : MESSAGE_MAX;
	size_t left = out->failed ? 0 : buf_left(out);

	return buf_writer(out->data + out->pos, left < max ? left : max);
}

/* Hands the finished message over, or leaves `out` as it was. */
static unsigned
message_close(struct buf *out, struct buf *window, size_t at, unsigned count)
{
	if (window->failed || count == 0)
		return 0;
	message_end(window, at);
	out->pos += window->pos;
	return count;
}

/* How many of the prefixes fit in `room`, and in how many bytes. */
static unsigned
fit_prefixes(
    const struct prefix *prefixes, unsigned count, size_t room, size_t *bytes)
{
	unsigned n = 0;

	for (*bytes = 0; n < count; n++) {
		size_t len = 1 + (prefixes[n].len + 7u) / 8;

		if (*bytes + len > room)
			break;
		*bytes += len;
	}
	return n;
}

static void
put_prefixes(struct buf *out, const struct prefix *prefixes, unsigned count)
{
	/* The room was measured: written without asking for each. */
	for (unsigned i = 0; i < count; i++)
		out->pos += nlri_write(out->data + out->pos, &prefixes[i]);
}

/* MP_REACH_NLRI's part before the prefixes; an IPv4 hop goes in as mapped. */
static void
put_reach_head(struct buf *out, enum family family, const struct attr *attr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool local = attr->next_hop_local.family == AF_INET6;

	buf_put_u16(out, family_info[family].afi);
	buf_put_u8(out, family_info[family].safi);
	buf_put_u8(out, local ? 32 : 16);
	if (attr->next_hop.family == AF_INET) {
		buf_put(out, mapped, sizeof(mapped));
		buf_put(out, attr->next_hop.bytes, 4);
	} else
		buf_put(out, attr->next_hop.bytes, 16);
	if (local)
		buf_put(out, attr->next_hop_local.bytes, 16);
	buf_put_u8(out, 0);
}

int
update_share(struct buf *out, const struct wire_session *session,
    enum family family, const struct attr *attr, struct update_shared *shared)
{
	bool classic =
	    family == FAMILY_IPV4 && attr->next_hop.family == AF_INET;
	size_t start = out->pos;

	attr_encode(out, attr, session, classic);
	shared->reach_at = out->pos - start;
	if (!classic && attr->next_hop.family == 0)
		out->failed = true;
	else if (!classic)
		put_reach_head(out, family, attr);
	shared->len = out->pos - start;
	shared->bytes = out->data + start;
	return out->failed ? -1 : 0;
}

/* MP_REACH_NLRI goes before the attributes; how many prefixes it has. */
static unsigned
put_reach(struct buf *out, const struct update_shared *shared,
    const struct prefix *prefixes, unsigned count)
{
	size_t head = shared->len - shared->reach_at, bytes;
	size_t others = shared->reach_at;
	unsigned n;

	if (out->failed || buf_left(out) < 4 + head + others)
		return 0;
	n = fit_prefixes(
	    prefixes, count, buf_left(out) - 4 - head - others, &bytes);
	attr_put_header(out, ATTR_FLAG_OPTIONAL, ATTR_MP_REACH, head + bytes);
	buf_put(out, shared->bytes + others, head);
	put_prefixes(out, prefixes, n);
	buf_put(out, shared->bytes, others);
	return n;
}

unsigned
update_encode_shared(struct buf *out, const struct wire_session *session,
    const struct update_shared *shared, const struct prefix *prefixes,
    unsigned count)
{
	struct buf window = message_window(out, session);
	size_t at = message_begin(&window, MESSAGE_UPDATE);
	size_t length_at, start, bytes;
	unsigned n;

	buf_put_u16(&window, 0);
	length_at = buf_skip(&window, 2);
	start = window.pos;
	if (shared->reach_at == shared->len) {
		buf_put(&window, shared->bytes, shared->len);
		if (window.failed)
			return 0;
		buf_set_u16(&window, length_at, (uint16_t)(window.pos - start));
		n = fit_prefixes(prefixes, count, buf_left(&window), &bytes);
		put_prefixes(&window, prefixes, n);
	} else {
		n = put_reach(&window, shared, prefixes, count);
		if (window.failed)
			return 0;
		buf_set_u16(&window, length_at, (uint16_t)(window.pos - start));
	}
	return message_close(out, &window, at, n);
}

static unsigned
put_unreach(struct buf *out, enum family family, const struct prefix *prefixes,
    unsigned count)
{
	size_t length_at, start, bytes = 0;
	unsigned n;

	buf_put_u16(out, 0);
	length_at = buf_skip(out, 2);
	start = out->pos;
	if (out->failed || buf_left(out) < 7)
		return 0;
	n = fit_prefixes(prefixes, count, buf_left(out) - 7, &bytes);
	attr_put_header(out, ATTR_FLAG_OPTIONAL, ATTR_MP_UNREACH, 3 + bytes);
	buf_put_u16(out, family_info[family].afi);
	buf_put_u8(out, family_info[family].safi);
	put_prefixes(out, prefixes, n);
	buf_set_u16(out, length_at, (uint16_t)(out->pos - start));
	return n;
}

static unsigned
put_withdrawn(struct buf *out, const struct prefix *prefixes, unsigned count)
{
	size_t length_at = buf_skip(out, 2), bytes;
	unsigned n;

	if (out->failed || buf_left(out) < 2)
		return 0;
	n = fit_prefixes(prefixes, count, buf_left(out) - 2, &bytes);
	put_prefixes(out, prefixes, n);
	buf_set_u16(out, length_at, (uint16_t)bytes);
	buf_put_u16(out, 0);
	return n;
}

unsigned
update_encode_withdraw(struct buf *out, const struct wire_session *session,
    enum family family, const struct prefix *prefixes, unsigned count)
{
	struct buf window = message_window(out, session);
	size_t at = message_begin(&window, MESSAGE_UPDATE);
	unsigned n;

	if (family == FAMILY_IPV4)
		n = put_withdrawn(&window, prefixes, count);
	else
		n = put_unreach(&window, family, prefixes, count);
	return message_close(out, &window, at, n);
}

void
update_encode_end_of_rib(struct buf *out, enum family family)
{
	size_t at = message_begin(out, MESSAGE_UPDATE);

	if (family == FAMILY_IPV4)
		buf_put_u32(out, 0);
	else
		put_unreach(out, family, NULL, 0);
	message_end(out, at);
}
