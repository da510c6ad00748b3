/* SPDX-License-Identifier: ISC */
/* Address families, and their prefixes on the wire (RFC 4760, 4271 4.3). */
#include <string.h>
#include <sys/socket.h>

#include "wire/inner.h"

const struct family_info family_info[FAMILY_COUNT] = {
	[FAMILY_IPV4] = { 1, 1, AF_INET, 32, "IPv4 Unicast", "ipv4Unicast",
	    "ipv4 unicast" },
	[FAMILY_IPV6] = { 2, 1, AF_INET6, 128, "IPv6 Unicast", "ipv6Unicast",
	    "ipv6 unicast" },
};

enum family
family_find(uint16_t afi, uint8_t safi)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (family_info[i].afi == afi && family_info[i].safi == safi)
			return (enum family)i;
	return FAMILY_NONE;
}

enum family
family_of(uint8_t af)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (family_info[i].af == af)
			return (enum family)i;
	return FAMILY_NONE;
}

static inline size_t
octets_of(unsigned bits)
{
	return (bits + 7) / 8;
}

/* At most 16, without the call that memcpy is where the length is not known. */
static inline void
copy_octets(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len >= 8) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
	} else {
		while (len-- > 0)
			*to++ = *from++;
	}
}

bool
nlri_check(struct buf bytes, unsigned bits)
{
	size_t at = bytes.pos;

	if (bytes.failed)
		return false;
	while (at < bytes.end) {
		unsigned len = bytes.data[at];

		if (len > bits)
			return false;
		at += 1 + octets_of(len);
	}
	return at == bytes.end;
}

/* Host bits that a peer has set are ignored (RFC 4271 4.3). */
bool
nlri_next(struct nlri *nlri, struct prefix *prefix)
{
	struct buf *b = &nlri->bytes;
	unsigned len;
	size_t octets;

	if (nlri->family >= FAMILY_COUNT || b->failed || b->pos >= b->end)
		return false;
	len = b->data[b->pos];
	octets = octets_of(len);
	if (len > family_info[nlri->family].bits ||
	    octets > b->end - b->pos - 1)
		return false;
	memset(prefix->bytes, 0, sizeof(prefix->bytes));
	copy_octets(prefix->bytes, b->data + b->pos + 1, octets);
	if (len % 8 != 0)
		prefix->bytes[octets - 1] &= (uint8_t)(0xff00 >> (len % 8));
	prefix->family = family_info[nlri->family].af;
	prefix->len = (uint8_t)len;
	b->pos += 1 + octets;
	return true;
}

size_t
nlri_write(uint8_t *at, const struct prefix *prefix)
{
	size_t octets = octets_of(prefix->len);

	at[0] = prefix->len;
	copy_octets(at + 1, prefix->bytes, octets);
	return 1 + octets;
}

void
nlri_put(struct buf *out, const struct prefix *prefix)
{
	uint8_t bytes[1 + sizeof(prefix->bytes)];

	buf_put(out, bytes, nlri_write(bytes, prefix));
}
