/* SPDX-License-Identifier: ISC */
/* Who may speak in a session: passwords and keyed digests (RFC 5880 6.7). */

/*
 * A digest is SHA1 over the whole packet, in which the key stands in the place of
 * the digest. Sequence numbers keep old packets out: each is higher than the last
 * (meticulous), or not lower, and not too far ahead. Keyed MD5 is read and never
 * accepted: whoever has it has SHA1 too.
 */
#include <sha1.h>
#include <string.h>

#include "bfd/packet.h"

#define AUTH_AT	  (PACKET_HEADER + 8) /* the digest, in the packet */
#define SHA1_SIZE 20
#define SHA1_LEN  (AUTH_AT + SHA1_SIZE)

static bool
is_meticulous(uint8_t type)
{
	return type == BFD_AUTH_METICULOUS_SHA1;
}

/* Not ended by the first byte that differs. */
static bool
bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t differ = 0;
	size_t i;

	for (i = 0; i < len; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static void
auth_digest(const struct bfd_key *key, const uint8_t bytes[SHA1_LEN],
    uint8_t digest[SHA1_SIZE])
{
	uint8_t keyed[SHA1_LEN];
	SHA1_CTX context;

	memcpy(keyed, bytes, AUTH_AT);
	/* RFC 5880 6.7.4: the key, with zeroes behind it. */
	memset(keyed + AUTH_AT, 0, SHA1_SIZE);
	memcpy(keyed + AUTH_AT, key->secret, key->len);
	SHA1Init(&context);
	SHA1Update(&context, keyed, sizeof(keyed));
	SHA1Final(digest, &context);
	explicit_bzero(keyed, sizeof(keyed));
	explicit_bzero(&context, sizeof(context));
}

/* RFC 5880 6.7.4: a window of three times Detect Mult, round the end. */
static bool
sequence_is_good(const struct auth *auth, const struct packet *packet)
{
	uint32_t ahead = packet->auth.sequence - auth->receive_sequence;

	if (!auth->sequence_known)
		return true;
	if (is_meticulous(auth->key.type) && ahead == 0)
		return false;
	return ahead <= 3u * packet->multiplier;
}

static const char *
auth_check_digest(
    struct auth *auth, const struct packet *packet, const uint8_t *bytes)
{
	uint8_t digest[SHA1_SIZE];

	if (!sequence_is_good(auth, packet))
		return "a sequence number out of its window";
	auth_digest(&auth->key, bytes, digest);
	if (!bytes_equal(digest, packet->auth.bytes, sizeof(digest)))
		return "a digest that is not of our key";
	auth->receive_sequence = packet->auth.sequence;
	auth->sequence_known = true;
	return NULL;
}

/* RFC 5880 6.7.2 */
static const char *
auth_check_password(const struct auth *auth, const struct packet *packet)
{
	if (packet->auth.len != auth->key.len ||
	    !bytes_equal(packet->auth.bytes, auth->key.secret, auth->key.len))
		return "a password that is not ours";
	return NULL;
}

const char *
auth_check(struct auth *auth, const struct packet *packet, const uint8_t *bytes)
{
	/* RFC 5880 6.8.6: both ways. */
	if (auth->key.type == BFD_AUTH_NONE)
		return (packet->flags & PACKET_AUTH)
			   ? "authentication that is not in use here"
			   : NULL;
	if (!(packet->flags & PACKET_AUTH))
		return "no authentication";
	if (packet->auth.type != auth->key.type)
		return "another type of authentication";
	if (packet->auth.key_id != auth->key.id)
		return "another key";
	if (auth->key.type == BFD_AUTH_SIMPLE)
		return auth_check_password(auth, packet);
	return auth_check_digest(auth, packet, bytes);
}

size_t
auth_encode(struct auth *auth, struct packet *packet, uint8_t bytes[PACKET_MAX])
{
	struct packet_auth *section = &packet->auth;
	size_t len;

	section->type = auth->key.type;
	section->key_id = auth->key.id;
	if (section->type == BFD_AUTH_NONE)
		return packet_encode(packet, bytes);
	if (section->type == BFD_AUTH_SIMPLE) {
		section->len = auth->key.len;
		memcpy(section->bytes, auth->key.secret, section->len);
		return packet_encode(packet, bytes);
	}
	/* RFC 5880 6.7.4: by one for each packet, where it may and must. */
	section->sequence = ++auth->send_sequence;
	section->len = SHA1_SIZE;
	len = packet_encode(packet, bytes);
	auth_digest(&auth->key, bytes, bytes + AUTH_AT);
	return len;
}
