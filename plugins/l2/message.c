/* SPDX-License-Identifier: ISC */
/* Messages between the nodes: their bytes, and the MAC that ends them. */

/*
 * Big endian. Head: "FWL2", version (1), flags, restart_ms, key, from, to,
 * boot, seq, echo_boot, echo_seq, digest, agree, counts of views and entries.
 * View: id, state. Entry: kind << 4 | family, address, owner, epoch, rank. By a
 * flag, MACs of the sender's interfaces: their count, six bytes each. By another,
 * segments: their count; family, length of the subnet, flags, address each; then
 * two bytes for each view. Who does not know that flag does not hear the message:
 * it goes only to those that have shown that they do (owner_segment.c). With a
 * key an HMAC-SHA256 (RFC 2104) of all before it is the end. Nothing may follow.
 *
 * Replays: a MAC says that a node of this cluster wrote the bytes, not when. Who
 * reads them therefore asks for more: `to` is itself, `seq` has risen within
 * `boot`, and a boot not known yet counts only when it echoes something that was
 * said since it was first heard of. No clock is needed for that, and no memory
 * of boots long gone.
 */

#include <string.h>
#include <sha2.h>

#include "message.h"

#define HEAD_LEN   85
#define VIEW_LEN   9
#define FORMAT	   1
#define BLOCK	   64
#define FLAGS_ALL  0x3fff
#define ETHER_LEN  6
#define SEEN_LEN   2
#define STATE_LAST VIEW_DOWN
#define KIND_LAST  ENTRY_OFFER

static const uint8_t magic[4] = { 'F', 'W', 'L', '2' };

/* The MAC --------------------------------------------------------------------- */

uint64_t
message_id(const void *bytes, size_t len)
{
	SHA2_CTX sha;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	uint64_t id = 0;
	size_t i;

	SHA256Init(&sha);
	SHA256Update(&sha, bytes, len);
	SHA256Final(hash, &sha);
	for (i = 0; i < 8; i++)
		id = id << 8 | hash[i];
	return id != 0 ? id : 1;
}

static void
mac_half(uint8_t pad, const uint8_t block[BLOCK], const uint8_t *bytes,
    size_t len, uint8_t out[MESSAGE_MAC])
{
	SHA2_CTX sha;
	uint8_t padded[BLOCK];
	size_t i;

	for (i = 0; i < BLOCK; i++)
		padded[i] = block[i] ^ pad;
	SHA256Init(&sha);
	SHA256Update(&sha, padded, BLOCK);
	SHA256Update(&sha, bytes, len);
	SHA256Final(out, &sha);
}

void
message_mac(const uint8_t *key, size_t key_len, const uint8_t *bytes,
    size_t len, uint8_t mac[MESSAGE_MAC])
{
	uint8_t block[BLOCK] = { 0 }, inner[MESSAGE_MAC];
	SHA2_CTX sha;

	if (key_len > BLOCK) {
		SHA256Init(&sha);
		SHA256Update(&sha, key, key_len);
		SHA256Final(block, &sha);
	} else if (key_len > 0)
		memcpy(block, key, key_len);
	mac_half(0x36, block, bytes, len, inner);
	mac_half(0x5c, block, inner, sizeof(inner), mac);
}

/* In a time that does not tell where they differ. */
static bool
mac_same(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differ = 0;
	size_t i;

	for (i = 0; i < MESSAGE_MAC; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* Bytes out -------------------------------------------------------------------- */

static size_t
addr_len(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

static size_t
entry_len(uint8_t family)
{
	return 1 + addr_len(family) + 8 + 8 + 2;
}

size_t
message_size(const struct message *m, bool keyed, uint8_t family)
{
	size_t i, len = HEAD_LEN + m->view_count * VIEW_LEN;

	for (i = 0; i < m->entry_count; i++)
		len += entry_len(m->entries[i].addr.family);
	if (family != 0)
		len += entry_len(family);
	if (m->ether_count > 0)
		len += 1 + m->ether_count * ETHER_LEN;
	if (m->has_segments) {
		len += 1 + m->view_count * SEEN_LEN;
		for (i = 0; i < m->segment_count; i++)
			len += 3 + addr_len(m->segments[i].addr.family);
	}
	return len + (keyed ? MESSAGE_MAC : 0);
}

static uint8_t *
put(uint8_t *p, uint64_t value, int bytes)
{
	while (bytes-- > 0)
		*p++ = (uint8_t)(value >> (8 * bytes));
	return p;
}

static uint8_t *
put_head(uint8_t *p, const struct message *m)
{
	const uint64_t words[] = { m->key_id, m->from, m->to, m->boot, m->seq,
		m->echo_boot, m->echo_seq, m->digest, m->agree };
	size_t i;

	memcpy(p, magic, sizeof(magic));
	p = put(p + sizeof(magic), FORMAT, 1);
	p = put(p, m->flags, 2);
	p = put(p, m->restart_ms, 2);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		p = put(p, words[i], 8);
	p = put(p, m->view_count, 2);
	return put(p, m->entry_count, 2);
}

static uint8_t *
put_entry(uint8_t *p, const struct message_entry *e)
{
	size_t len = addr_len(e->addr.family);

	p = put(p, (uint64_t)(e->kind << 4 | e->addr.family), 1);
	memcpy(p, e->addr.bytes, len);
	p = put(p + len, e->owner, 8);
	p = put(p, e->epoch, 8);
	return put(p, e->rank, 2);
}

static uint8_t *
put_segments(uint8_t *p, const struct message *m)
{
	const struct message_segment *s;
	size_t i;

	p = put(p, m->segment_count, 1);
	for (i = 0; i < m->segment_count; i++) {
		s = &m->segments[i];
		p = put(p, s->addr.family, 1);
		p = put(p, s->length, 1);
		p = put(p, s->flags, 1);
		memcpy(p, s->addr.bytes, addr_len(s->addr.family));
		p += addr_len(s->addr.family);
	}
	for (i = 0; i < m->view_count; i++)
		p = put(p, m->seen[i], SEEN_LEN);
	return p;
}

size_t
message_encode(
    struct message *m, const uint8_t *key, size_t key_len, uint8_t *out)
{
	uint8_t *p;
	size_t i;

	m->flags &=
	    (uint16_t) ~(MESSAGE_KEYED | MESSAGE_ETHERS | MESSAGE_SEGMENTS);
	if (key_len > 0)
		m->flags |= MESSAGE_KEYED;
	if (m->ether_count > 0)
		m->flags |= MESSAGE_ETHERS;
	if (m->has_segments)
		m->flags |= MESSAGE_SEGMENTS;
	p = put_head(out, m);
	for (i = 0; i < m->view_count; i++) {
		p = put(p, m->views[i].id, 8);
		p = put(p, m->views[i].state, 1);
	}
	for (i = 0; i < m->entry_count; i++)
		p = put_entry(p, &m->entries[i]);
	if (m->ether_count > 0) {
		p = put(p, m->ether_count, 1);
		memcpy(p, m->ethers, m->ether_count * ETHER_LEN);
		p += m->ether_count * ETHER_LEN;
	}
	if (m->has_segments)
		p = put_segments(p, m);
	if (key_len > 0) {
		message_mac(key, key_len, out, (size_t)(p - out), p);
		p += MESSAGE_MAC;
	}
	return (size_t)(p - out);
}

/* Bytes in --------------------------------------------------------------------- */

/* What is left to read; after the first failure all is 0. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool failed;
};

static uint64_t
get(struct reader *r, size_t bytes)
{
	uint64_t value = 0;

	if (r->left < bytes) {
		r->failed = true;
		r->left = 0;
		return 0;
	}
	r->left -= bytes;
	while (bytes-- > 0)
		value = value << 8 | *r->p++;
	return value;
}

static void
get_head(struct reader *r, struct message *m)
{
	uint64_t *const words[] = { &m->key_id, &m->from, &m->to, &m->boot,
		&m->seq, &m->echo_boot, &m->echo_seq, &m->digest, &m->agree };
	size_t i;

	m->flags = (uint16_t)get(r, 2);
	m->restart_ms = (uint16_t)get(r, 2);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		*words[i] = get(r, 8);
	m->view_count = (size_t)get(r, 2);
	m->entry_count = (size_t)get(r, 2);
}

static bool
get_entry(struct reader *r, struct message_entry *e)
{
	uint8_t first = (uint8_t)get(r, 1);
	size_t len;

	memset(e, 0, sizeof(*e));
	e->kind = first >> 4;
	e->addr.family = first & 15;
	if (e->kind < ENTRY_CLAIM || e->kind > KIND_LAST ||
	    (e->addr.family != 4 && e->addr.family != 6))
		return false;
	len = addr_len(e->addr.family);
	if (r->left < len)
		return false;
	memcpy(e->addr.bytes, r->p, len);
	r->p += len;
	r->left -= len;
	e->owner = get(r, 8);
	e->epoch = get(r, 8);
	e->rank = (uint16_t)get(r, 2);
	return !r->failed && e->epoch != 0;
}

static bool
get_ethers(struct reader *r, struct message *m)
{
	size_t len;

	m->ether_count = 0;
	if ((m->flags & MESSAGE_ETHERS) == 0)
		return true;
	m->ether_count = (size_t)get(r, 1);
	len = m->ether_count * ETHER_LEN;
	if (len == 0 || len > sizeof(m->ethers) || r->left < len)
		return false;
	memcpy(m->ethers, r->p, len);
	r->p += len;
	r->left -= len;
	return true;
}

static bool
get_segment(struct reader *r, struct message_segment *s)
{
	size_t len;

	memset(s, 0, sizeof(*s));
	s->addr.family = (uint8_t)get(r, 1);
	s->length = (uint8_t)get(r, 1);
	s->flags = (uint8_t)get(r, 1);
	if (s->addr.family != 4 && s->addr.family != 6)
		return false;
	len = addr_len(s->addr.family);
	if (s->length == 0 || s->length > 8 * len || r->left < len)
		return false;
	memcpy(s->addr.bytes, r->p, len);
	r->p += len;
	r->left -= len;
	return true;
}

static bool
get_segments(struct reader *r, struct message *m)
{
	size_t i;

	m->segment_count = 0;
	m->has_segments = (m->flags & MESSAGE_SEGMENTS) != 0;
	if (!m->has_segments)
		return true;
	m->segment_count = (size_t)get(r, 1);
	if (m->segment_count > OWNERS_SEGMENTS)
		return false;
	for (i = 0; i < m->segment_count; i++) {
		if (!get_segment(r, &m->segments[i]))
			return false;
	}
	for (i = 0; i < m->view_count; i++)
		m->seen[i] = (uint16_t)get(r, SEEN_LEN);
	return true;
}

static const char *
get_body(struct reader *r, struct message *m)
{
	size_t i;

	if (m->view_count > MESSAGE_VIEWS || m->entry_count > MESSAGE_ENTRIES)
		return "more in it than there may be";
	for (i = 0; i < m->view_count; i++) {
		m->views[i].id = get(r, 8);
		m->views[i].state = (uint8_t)get(r, 1);
		if (m->views[i].state > STATE_LAST)
			return "a state that nobody knows";
	}
	for (i = 0; i < m->entry_count; i++) {
		if (!get_entry(r, &m->entries[i]))
			return "a claim that cannot be read";
	}
	if (!get_ethers(r, m))
		return "MACs that cannot be read";
	if (!get_segments(r, m))
		return "segments that cannot be read";
	if (r->failed)
		return "it is cut short";
	return r->left > 0 ? "more bytes than it says" : NULL;
}

const char *
message_decode(struct message *m, const uint8_t *key, size_t key_len,
    const uint8_t *bytes, size_t len)
{
	struct reader r = { .p = bytes, .left = len };
	uint8_t mac[MESSAGE_MAC];

	if (len < HEAD_LEN || len > OWNERS_MESSAGE_MAX ||
	    memcmp(bytes, magic, sizeof(magic)) != 0)
		return "no message of a node";
	r.p += sizeof(magic);
	r.left -= sizeof(magic);
	if (get(&r, 1) != FORMAT)
		return "of another version";
	get_head(&r, m);
	if (m->flags & ~FLAGS_ALL)
		return "flags that nobody knows";
	if (((m->flags & MESSAGE_KEYED) != 0) != (key_len > 0))
		return key_len > 0 ? "no MAC, but there is a key"
				   : "a MAC, but there is no key";
	if (key_len > 0) {
		if (r.left < MESSAGE_MAC)
			return "it is cut short";
		message_mac(key, key_len, bytes, len - MESSAGE_MAC, mac);
		if (!mac_same(mac, bytes + len - MESSAGE_MAC))
			return "the MAC is wrong: is the key the same?";
		r.left -= MESSAGE_MAC;
	}
	return get_body(&r, m);
}
