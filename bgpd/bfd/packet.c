/* SPDX-License-Identifier: ISC */
/* BFD Control packets: bytes to a struct and back (RFC 5880 4). */

/*
 * What a packet alone can be refused for is found here, in the order of RFC 5880
 * 6.8.6. Whether its authentication is wanted and right is the session's to say.
 */
#include <string.h>

#include "bfd/packet.h"
#include "util/buf.h"

#define BFD_VERSION  1
#define SIMPLE_LEAST 4 /* with a password of one byte */
#define SIMPLE_HEAD  3
#define DIGEST_HEAD  8 /* type, length, key, reserved, sequence */
#define MD5_BYTES    16
#define SHA1_BYTES   20

const struct name bfd_state_names[] = {
	{ BFD_ADMIN_DOWN, "shutdown" },
	{ BFD_DOWN, "down" },
	{ BFD_INIT, "init" },
	{ BFD_UP, "up" },
	{ 0, NULL },
};

static const char *const diag_names[] = {
	[BFD_DIAG_NONE] = "ok",
	[BFD_DIAG_EXPIRED] = "control detection time expired",
	[BFD_DIAG_ECHO_FAILED] = "echo function failed",
	[BFD_DIAG_SIGNALED] = "neighbor signaled session down",
	[BFD_DIAG_FORWARDING_RESET] = "forwarding plane reset",
	[BFD_DIAG_PATH_DOWN] = "path down",
	[BFD_DIAG_CONCATENATED_DOWN] = "concatenated path down",
	[BFD_DIAG_ADMIN_DOWN] = "administratively down",
	[BFD_DIAG_REVERSE_DOWN] = "reverse concatenated path down",
};

const char *
bfd_diag_name(unsigned diag)
{
	return diag < sizeof(diag_names) / sizeof(diag_names[0])
		   ? diag_names[diag]
		   : "reserved";
}

/* How the sections differ: how long they are, and what of it is their bytes. */
static const struct {
	uint8_t least, most;
	uint8_t head;
} sections[] = {
	[BFD_AUTH_SIMPLE] = { SIMPLE_LEAST, SIMPLE_HEAD + 16, SIMPLE_HEAD },
	[BFD_AUTH_MD5] = { DIGEST_HEAD + MD5_BYTES, DIGEST_HEAD + MD5_BYTES,
	    DIGEST_HEAD },
	[BFD_AUTH_METICULOUS_MD5] = { DIGEST_HEAD + MD5_BYTES,
	    DIGEST_HEAD + MD5_BYTES, DIGEST_HEAD },
	[BFD_AUTH_SHA1] = { DIGEST_HEAD + SHA1_BYTES, DIGEST_HEAD + SHA1_BYTES,
	    DIGEST_HEAD },
	[BFD_AUTH_METICULOUS_SHA1] = { DIGEST_HEAD + SHA1_BYTES,
	    DIGEST_HEAD + SHA1_BYTES, DIGEST_HEAD },
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

/* RFC 5880 4.2 to 4.4: the rest of the packet. */
static const char *
packet_decode_auth(struct buf *in, struct packet_auth *auth)
{
	size_t there = buf_left(in);
	const uint8_t *bytes;
	uint8_t len;

	auth->type = buf_u8(in);
	len = buf_u8(in);
	auth->key_id = buf_u8(in);
	if (auth->type == BFD_AUTH_NONE || auth->type >= SECTION_COUNT)
		return "an authentication type that is not known";
	if (len < sections[auth->type].least ||
	    len > sections[auth->type].most || len != there)
		return "an authentication section of a wrong length";
	if (sections[auth->type].head == DIGEST_HEAD) {
		(void)buf_u8(in); /* reserved */
		auth->sequence = buf_u32(in);
	}
	auth->len = (uint8_t)(len - sections[auth->type].head);
	bytes = buf_bytes(in, auth->len);
	if (bytes == NULL)
		return "an authentication section of a wrong length";
	memcpy(auth->bytes, bytes, auth->len);
	return NULL;
}

static void
packet_decode_fields(struct buf *in, struct packet *packet)
{
	packet->my_discr = buf_u32(in);
	packet->your_discr = buf_u32(in);
	packet->tx_us = buf_u32(in);
	packet->rx_us = buf_u32(in);
	packet->echo_us = buf_u32(in);
}

const char *
packet_decode(const uint8_t *bytes, size_t len, struct packet *packet)
{
	struct buf in = buf_reader(bytes, len);
	uint8_t first = buf_u8(&in), second = buf_u8(&in), said;

	memset(packet, 0, sizeof(*packet));
	packet->diag = first & 0x1f;
	packet->state = second >> 6;
	packet->flags = second & 0x3f;
	packet->multiplier = buf_u8(&in);
	said = buf_u8(&in);
	/* RFC 5880 6.8.6: the version, then the length twice. */
	if (in.failed || first >> 5 != BFD_VERSION)
		return "not of version 1";
	if (said < PACKET_HEADER + ((packet->flags & PACKET_AUTH) ? 2 : 0))
		return "a length that is too short";
	if (said > len)
		return "a length beyond its end";
	if (packet->multiplier == 0)
		return "a detection multiplier of 0";
	if (packet->flags & PACKET_MULTIPOINT)
		return "the multipoint bit is set";
	in.end = said;
	packet_decode_fields(&in, packet);
	if (packet->my_discr == 0)
		return "a discriminator of 0";
	if (packet->your_discr == 0 && packet->state > BFD_DOWN)
		return "no discriminator of ours in a session that lives";
	if (packet->flags & PACKET_AUTH)
		return packet_decode_auth(&in, &packet->auth);
	return NULL;
}

static void
packet_encode_auth(struct buf *out, const struct packet_auth *auth)
{
	buf_put_u8(out, auth->type);
	buf_put_u8(out, (uint8_t)(sections[auth->type].head + auth->len));
	buf_put_u8(out, auth->key_id);
	if (sections[auth->type].head == DIGEST_HEAD) {
		buf_put_u8(out, 0);
		buf_put_u32(out, auth->sequence);
	}
	buf_put(out, auth->bytes, auth->len);
}

size_t
packet_encode(const struct packet *packet, uint8_t bytes[PACKET_MAX])
{
	struct buf out = buf_writer(bytes, PACKET_MAX);
	bool with_auth = packet->auth.type != BFD_AUTH_NONE;
	uint8_t flags = packet->flags & (uint8_t)~PACKET_AUTH;

	if (with_auth)
		flags |= PACKET_AUTH;
	buf_put_u8(&out, (uint8_t)(BFD_VERSION << 5 | (packet->diag & 0x1f)));
	buf_put_u8(&out, (uint8_t)(packet->state << 6 | flags));
	buf_put_u8(&out, packet->multiplier);
	buf_put_u8(&out, 0);
	buf_put_u32(&out, packet->my_discr);
	buf_put_u32(&out, packet->your_discr);
	buf_put_u32(&out, packet->tx_us);
	buf_put_u32(&out, packet->rx_us);
	buf_put_u32(&out, packet->echo_us);
	if (with_auth)
		packet_encode_auth(&out, &packet->auth);
	buf_set_u8(&out, 3, (uint8_t)out.pos);
	return out.pos;
}
