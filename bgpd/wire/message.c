/* SPDX-License-Identifier: ISC */
/* Framing: messages off a stream and back (RFC 4271 4.1, 8654, 2918). */
#include <string.h>

#include "wire/inner.h"

enum {
	HEADER_NOT_SYNCHRONIZED = 1,
	HEADER_BAD_LENGTH = 2,
	HEADER_BAD_TYPE = 3
};

const struct name message_names[] = {
	{ MESSAGE_OPEN, "OPEN" },
	{ MESSAGE_UPDATE, "UPDATE" },
	{ MESSAGE_NOTIFICATION, "NOTIFICATION" },
	{ MESSAGE_KEEPALIVE, "KEEPALIVE" },
	{ MESSAGE_REFRESH, "ROUTE-REFRESH" },
	{ 0, NULL },
};

/* RFC 4271 6.1; OPEN and KEEPALIVE never grow (RFC 8654 4). */
static const struct {
	uint16_t min;
	uint16_t max;
} message_lengths[] = {
	[MESSAGE_OPEN] = { 29, MESSAGE_MAX },
	[MESSAGE_UPDATE] = { 23, MESSAGE_MAX_EXTENDED },
	[MESSAGE_NOTIFICATION] = { 21, MESSAGE_MAX_EXTENDED },
	[MESSAGE_KEEPALIVE] = { 19, 19 },
	[MESSAGE_REFRESH] = { 23, MESSAGE_MAX_EXTENDED },
};
#define TYPE_COUNT (sizeof(message_lengths) / sizeof(message_lengths[0]))

static const uint8_t marker[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static int
refuse_length(struct notification *error, unsigned len)
{
	notification_set(error, NOTIFY_HEADER, HEADER_BAD_LENGTH,
	    "bad message length %u", len);
	error->data[0] = (uint8_t)(len >> 8);
	error->data[1] = (uint8_t)len;
	error->data_len = 2;
	return -1;
}

static int
refuse_type(struct notification *error, uint8_t type)
{
	notification_set(error, NOTIFY_HEADER, HEADER_BAD_TYPE,
	    "unknown message type %u", type);
	error->data[0] = type;
	error->data_len = 1;
	return -1;
}

int
message_take(const uint8_t *data, size_t len, size_t max_len,
    struct message *message, struct notification *error)
{
	unsigned whole;
	uint8_t type;

	if (len < MESSAGE_HEADER)
		return 0;
	if (memcmp(data, marker, sizeof(marker)) != 0) {
		notification_set(error, NOTIFY_HEADER, HEADER_NOT_SYNCHRONIZED,
		    "the marker is not all ones");
		return -1;
	}
	whole = (unsigned)data[16] << 8 | data[17];
	type = data[18];
	if (whole < MESSAGE_HEADER || whole > max_len)
		return refuse_length(error, whole);
	if (type == 0 || type >= TYPE_COUNT)
		return refuse_type(error, type);
	if (whole < message_lengths[type].min ||
	    whole > message_lengths[type].max)
		return refuse_length(error, whole);
	if (len < whole)
		return 0;
	message->type = type;
	message->len = (uint16_t)whole;
	message->body =
	    buf_reader(data + MESSAGE_HEADER, whole - MESSAGE_HEADER);
	return 1;
}

size_t
message_begin(struct buf *out, enum message_type type)
{
	size_t at;

	buf_put(out, marker, sizeof(marker));
	at = buf_skip(out, 2);
	buf_put_u8(out, (uint8_t)type);
	return at;
}

void
message_end(struct buf *out, size_t at)
{
	if (!out->failed)
		buf_set_u16(
		    out, at, (uint16_t)(out->pos - at + sizeof(marker)));
}

void
message_encode_keepalive(struct buf *out)
{
	message_end(out, message_begin(out, MESSAGE_KEEPALIVE));
}

void
message_encode_refresh(struct buf *out, enum family family)
{
	size_t at;

	if (family >= FAMILY_COUNT)
		return;
	at = message_begin(out, MESSAGE_REFRESH);
	buf_put_u16(out, family_info[family].afi);
	buf_put_u8(out, 0);
	buf_put_u8(out, family_info[family].safi);
	message_end(out, at);
}

/*
 * A subtype other than a plain request (RFC 7313: begin and end of a refresh,
 * or one of the future) asks nothing of us: FAMILY_NONE.
 */
int
message_decode_refresh(
    struct buf body, enum family *family, struct notification *error)
{
	uint16_t afi = buf_u16(&body);
	uint8_t subtype = buf_u8(&body);
	uint8_t safi = buf_u8(&body);

	if (body.failed || buf_left(&body) != 0) {
		/* RFC 7313 5: invalid message length */
		notification_set(error, NOTIFY_REFRESH, 1,
		    "ROUTE-REFRESH with %zu bytes of body", body.end);
		return -1;
	}
	*family = subtype == 0 ? family_find(afi, safi) : FAMILY_NONE;
	return 0;
}
