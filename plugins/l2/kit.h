/* SPDX-License-Identifier: ISC */
/* What both halves stand on: memory, text, and addresses beside each other. */
#ifndef L2_KIT_H
#define L2_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "plugin.h"

#define KIT_ADDR_TEXT 64
#define KIT_MAC_TEXT  18
#define KIT_AGE_TEXT  32

/* What there is no memory for ends the daemon, as anywhere in it. */
void *kit_alloc(size_t size); /* zeroed */
void *kit_grow(void *block, size_t size);
char *kit_copy(const char *text); /* NULL: NULL */
bool kit_equal(const char *a, const char *b);

/* IPv4 before IPv6, then by bytes. */
int kit_addr_compare(const struct bgpd_addr *a, const struct bgpd_addr *b);
static inline bool
kit_addr_equal(const struct bgpd_addr *a, const struct bgpd_addr *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16) == 0;
}

/* What is behind the first `length` bits is zero from then on. */
void kit_addr_mask(struct bgpd_addr *addr, unsigned length);
/* Has the subnet of `in` with that length this address? */
bool kit_addr_in(
    const struct bgpd_addr *in, unsigned length, const struct bgpd_addr *addr);

/* All return the text. An address of family 0 is "-". */
const char *kit_addr_print(
    const struct bgpd_addr *addr, char text[KIT_ADDR_TEXT]);
const char *kit_mac_print(const uint8_t mac[6], char text[KIT_MAC_TEXT]);
/* "3 ms", "00:00:12", "02:10:07", "4d 02:10:07". */
const char *kit_age_print(int64_t us, char text[KIT_AGE_TEXT]);

#endif
