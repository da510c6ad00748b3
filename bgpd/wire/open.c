/* SPDX-License-Identifier: ISC */
/* OPEN and its capabilities (RFC 4271 4.2 and 6.2, 5492, 9072). */
#include <string.h>

#include "wire/inner.h"

enum {
	OPEN_UNSPECIFIC = 0,
	OPEN_VERSION = 1,
	OPEN_PEER_AS = 2,
	OPEN_ROUTER_ID = 3,
	OPEN_PARAMETER = 4,
	OPEN_HOLD = 6,
};
enum { PARAMETER_CAPABILITIES = 2, PARAMETER_EXTENDED = 255 };
enum { OPEN_FIXED = 10 };

const struct name capability_names[] = {
	{ CAP_FAMILIES, "multiprotocol" },
	{ CAP_REFRESH, "route-refresh" },
	{ CAP_EXTENDED_NEXT_HOP, "extended-nexthop" },
	{ CAP_EXTENDED_MESSAGE, "extended-message" },
	{ CAP_AS4, "4-octet-as" },
	{ CAP_ENHANCED_REFRESH, "enhanced-route-refresh" },
	{ CAP_HOSTNAME, "hostname" },
	{ CAP_GRACEFUL_RESTART, "graceful-restart" },
	{ 0, NULL },
};

/* Decoders are called with a length that the row allows. */
struct capability_row {
	uint8_t code;
	uint8_t min;
	uint8_t max;
	bool strict; /* another length refuses the OPEN, not the capability */
	uint32_t bit;
	bool (*decode)(struct buf value, struct open *open); /* false: ignore */
	void (*encode)(struct buf *out, const struct open *open);
};

static bool
decode_family(struct buf value, struct open *open)
{
	uint16_t afi = buf_u16(&value);
	enum family family;

	buf_u8(&value);
	family = family_find(afi, buf_u8(&value));
	if (family < FAMILY_COUNT)
		open->families[family] = true;
	return true;
}

/* One capability per family: the row's own header is the first one's. */
static void
encode_families(struct buf *out, const struct open *open)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (!open->families[i])
			continue;
		buf_put_u8(out, 1);
		buf_put_u8(out, 4);
		buf_put_u16(out, family_info[i].afi);
		buf_put_u8(out, 0);
		buf_put_u8(out, family_info[i].safi);
	}
}

/* Triples of AFI, SAFI, AFI of the next hop: only IPv4 over IPv6 is ours. */
static bool
decode_next_hop(struct buf value, struct open *open)
{
	bool ours = false;

	(void)open;
	while (buf_left(&value) >= 6) {
		uint16_t afi = buf_u16(&value);
		uint16_t safi = buf_u16(&value);
		uint16_t next_hop = buf_u16(&value);

		ours |= afi == 1 && safi == 1 && next_hop == 2;
	}
	return ours && buf_left(&value) == 0;
}

static void
encode_next_hop(struct buf *out, const struct open *open)
{
	(void)open;
	buf_put_u16(out, 1);
	buf_put_u16(out, 1);
	buf_put_u16(out, 2);
}

static bool
decode_as4(struct buf value, struct open *open)
{
	open->asn = buf_u32(&value);
	return true;
}

static void
encode_as4(struct buf *out, const struct open *open)
{
	buf_put_u32(out, open->asn);
}

static bool
decode_hostname(struct buf value, struct open *open)
{
	size_t len = buf_u8(&value), at = 0;
	const uint8_t *name = buf_bytes(&value, len);

	if (name == NULL)
		return false;
	for (size_t i = 0; i < len && at + 1 < sizeof(open->hostname); i++)
		open->hostname[at++] =
		    name[i] > 0x20 && name[i] < 0x7f ? (char)name[i] : '?';
	open->hostname[at] = '\0';
	return true;
}

static void
encode_hostname(struct buf *out, const struct open *open)
{
	size_t len = strnlen(open->hostname, sizeof(open->hostname));

	buf_put_u8(out, (uint8_t)len);
	buf_put(out, open->hostname, len);
	buf_put_u8(out, 0); /* no domain */
}

/* No family listed: End-of-RIB is sent, no forwarding is kept (RFC 4724 3). */
static void
encode_restart(struct buf *out, const struct open *open)
{
	(void)open;
	buf_put_u16(out, 0);
}

static const struct capability_row capability_rows[] = {
	{ 1, 4, 4, true, CAP_FAMILIES, decode_family, encode_families },
	{ 2, 0, 0, false, CAP_REFRESH, NULL, NULL },
	{ 5, 6, 252, false, CAP_EXTENDED_NEXT_HOP, decode_next_hop,
	    encode_next_hop },
	{ 6, 0, 0, false, CAP_EXTENDED_MESSAGE, NULL, NULL },
	{ 64, 2, 255, false, CAP_GRACEFUL_RESTART, NULL, encode_restart },
	{ 65, 4, 4, true, CAP_AS4, decode_as4, encode_as4 },
	{ 70, 0, 0, false, CAP_ENHANCED_REFRESH, NULL, NULL },
	{ 73, 2, 255, false, CAP_HOSTNAME, decode_hostname, encode_hostname },
};
#define ROW_COUNT (sizeof(capability_rows) / sizeof(capability_rows[0]))

static void
put_capability(
    struct buf *out, const struct capability_row *row, const struct open *open)
{
	size_t at;

	if (row->bit == CAP_FAMILIES) {
		row->encode(out, open);
		return;
	}
	buf_put_u8(out, row->code);
	at = buf_skip(out, 1);
	if (row->encode != NULL)
		row->encode(out, open);
	if (!out->failed)
		buf_set_u8(out, at, (uint8_t)(out->pos - at - 1));
}

void
open_encode(struct buf *out, const struct open *open)
{
	size_t at = message_begin(out, MESSAGE_OPEN), all, caps;
	uint32_t want = open->capabilities & ~(uint32_t)CAP_HOSTNAME;

	if (open->hostname[0] != '\0')
		want |= CAP_HOSTNAME;
	buf_put_u8(out, 4);
	buf_put_u16(
	    out, (uint16_t)(open->asn > UINT16_MAX ? AS_TRANS : open->asn));
	buf_put_u16(out, open->hold_secs);
	buf_put_u32(out, open->router_id);
	all = buf_skip(out, 1);
	buf_put_u8(out, PARAMETER_CAPABILITIES);
	caps = buf_skip(out, 1);
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (want & capability_rows[i].bit)
			put_capability(out, &capability_rows[i], open);
	if (!out->failed && out->pos == caps + 1)
		out->pos = all + 1; /* nothing to say: no parameter */
	if (!out->failed) {
		buf_set_u8(out, all, (uint8_t)(out->pos - all - 1));
		if (out->pos > all + 1)
			buf_set_u8(out, caps, (uint8_t)(out->pos - caps - 1));
	}
	message_end(out, at);
}

static const struct capability_row *
find_row(uint8_t code)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (capability_rows[i].code == code)
			return &capability_rows[i];
	return NULL;
}

/* A failed buf is seen by the caller. Unknown codes are passed over. */
static int
take_capability(struct buf *in, struct open *open, struct notification *error)
{
	uint8_t code = buf_u8(in);
	size_t len = buf_u8(in);
	struct buf value = buf_sub(in, len);
	const struct capability_row *row = find_row(code);

	if (in->failed) {
		notification_set(error, NOTIFY_OPEN, OPEN_UNSPECIFIC,
		    "capability %u runs out of its parameter", code);
		return -1;
	}
	if (row == NULL)
		return 0;
	if (len < row->min || len > row->max) {
		if (!row->strict)
			return 0;
		notification_set(error, NOTIFY_OPEN, OPEN_UNSPECIFIC,
		    "capability %u with length %zu", code, len);
		return -1;
	}
	if (row->decode == NULL || row->decode(value, open))
		open->capabilities |= row->bit;
	return 0;
}

static int
take_parameter(struct buf *in, bool extended, struct open *open,
    struct notification *error)
{
	uint8_t type = buf_u8(in);
	size_t len = extended ? buf_u16(in) : buf_u8(in);
	struct buf value = buf_sub(in, len);

	if (in->failed) {
		notification_set(error, NOTIFY_OPEN, OPEN_UNSPECIFIC,
		    "optional parameter %u runs out of the message", type);
		return -1;
	}
	if (type != PARAMETER_CAPABILITIES) {
		notification_set(error, NOTIFY_OPEN, OPEN_PARAMETER,
		    "optional parameter %u", type);
		return -1;
	}
	while (buf_left(&value) > 0)
		if (take_capability(&value, open, error) != 0)
			return -1;
	return 0;
}

/* Both length forms (RFC 9072 2); they must fill the message exactly. */
static int
take_parameters(struct buf *in, struct open *open, struct notification *error)
{
	size_t len = buf_u8(in);
	bool extended = len != 0 && buf_left(in) > 0 &&
			in->data[in->pos] == PARAMETER_EXTENDED;

	if (extended) {
		buf_u8(in);
		len = buf_u16(in);
	}
	if (in->failed || len != buf_left(in)) {
		notification_set(error, NOTIFY_OPEN, OPEN_UNSPECIFIC,
		    "optional parameters of %zu bytes, %zu are there", len,
		    buf_left(in));
		return -1;
	}
	while (buf_left(in) > 0)
		if (take_parameter(in, extended, open, error) != 0)
			return -1;
	return 0;
}

static int
check_fixed(const struct open *open, uint16_t as2, struct notification *error)
{
	if (as2 == 0 || open->asn == 0) {
		notification_set(
		    error, NOTIFY_OPEN, OPEN_PEER_AS, "AS number 0");
		return -1;
	}
	if (open->hold_secs == 1 || open->hold_secs == 2) {
		notification_set(error, NOTIFY_OPEN, OPEN_HOLD,
		    "hold time of %u seconds", open->hold_secs);
		return -1;
	}
	if (open->router_id == 0) {
		notification_set(
		    error, NOTIFY_OPEN, OPEN_ROUTER_ID, "router id 0.0.0.0");
		return -1;
	}
	return 0;
}

int
open_decode(struct buf body, struct open *open, struct notification *error)
{
	uint16_t as2;

	memset(open, 0, sizeof(*open));
	if (body.failed || buf_left(&body) < OPEN_FIXED) {
		notification_set(error, NOTIFY_OPEN, OPEN_UNSPECIFIC,
		    "OPEN of %zu bytes", buf_left(&body));
		return -1;
	}
	open->version = buf_u8(&body);
	if (open->version != 4) {
		notification_set(error, NOTIFY_OPEN, OPEN_VERSION, "version %u",
		    open->version);
		error->data[0] = 0;
		error->data[1] = 4;
		error->data_len = 2;
		return -1;
	}
	as2 = buf_u16(&body);
	open->asn = as2;
	open->hold_secs = buf_u16(&body);
	open->router_id = buf_u32(&body);
	if (take_parameters(&body, open, error) != 0)
		return -1;
	if (!(open->capabilities & CAP_FAMILIES))
		open->families[FAMILY_IPV4] = true;
	return check_fixed(open, as2, error);
}
