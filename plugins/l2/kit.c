/* SPDX-License-Identifier: ISC */
/* What both halves stand on: memory, text, and addresses beside each other. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

void *
kit_alloc(size_t size)
{
	void *block = calloc(1, size > 0 ? size : 1);

	if (block == NULL)
		abort();
	return block;
}

void *
kit_grow(void *block, size_t size)
{
	block = realloc(block, size > 0 ? size : 1);
	if (block == NULL)
		abort();
	return block;
}

char *
kit_copy(const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);

	if (text != NULL && copy == NULL)
		abort();
	return copy;
}

bool
kit_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

int
kit_addr_compare(const struct bgpd_addr *a, const struct bgpd_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16);
}

bool
kit_addr_in(
    const struct bgpd_addr *in, unsigned length, const struct bgpd_addr *addr)
{
	unsigned whole = length / 8, rest = length % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (in->family != addr->family ||
	    length > (addr->family == 4 ? 32u : 128u) ||
	    memcmp(in->bytes, addr->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((in->bytes[whole] ^ addr->bytes[whole]) & mask) == 0;
}

void
kit_addr_mask(struct bgpd_addr *addr, unsigned length)
{
	unsigned i, bits = addr->family == 4 ? 32 : 128;

	for (i = length; i < bits; i++)
		addr->bytes[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
}

const char *
kit_addr_print(const struct bgpd_addr *addr, char text[KIT_ADDR_TEXT])
{
	if (addr->family == 0)
		return strcpy(text, "-");
	return inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes,
	    text, KIT_ADDR_TEXT);
}

const char *
kit_mac_print(const uint8_t mac[6], char text[KIT_MAC_TEXT])
{
	snprintf(text, KIT_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
	    mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

const char *
kit_age_print(int64_t us, char text[KIT_AGE_TEXT])
{
	int64_t s = us / 1000000;

	if (us < 10000000)
		snprintf(text, KIT_AGE_TEXT, "%" PRId64 " ms", us / 1000);
	else if (s < 86400)
		snprintf(text, KIT_AGE_TEXT, "%02d:%02d:%02d", (int)(s / 3600),
		    (int)(s / 60 % 60), (int)(s % 60));
	else
		snprintf(text, KIT_AGE_TEXT, "%dd %02d:%02d:%02d",
		    (int)(s / 86400), (int)(s / 3600 % 24), (int)(s / 60 % 60),
		    (int)(s % 60));
	return text;
}
