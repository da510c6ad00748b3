/* SPDX-License-Identifier: ISC */
/* IP addresses and prefixes of both families. */
#ifndef UTIL_ADDR_H
#define UTIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT   64 /* longest address with zone and terminator */
#define PREFIX_TEXT 50

/* An address; family 0 means "none". Bytes beyond the family's are zero. */
struct addr {
	uint8_t family; /* AF_INET, AF_INET6 or 0 */
	uint8_t bytes[16];
	uint32_t scope; /* interface index of a link-local address, else 0 */
};

/* A prefix; host bits are zero. */
struct prefix {
	uint8_t family;
	uint8_t len; /* bits */
	uint8_t bytes[16];
};

/* Numbers only, no resolver; "fe80::1%eth0" sets scope. 0, or -1. */
int addr_read(const char *s, struct addr *addr);
/* Into out (ADDR_TEXT), which is returned. RFC 5952 for IPv6. */
const char *addr_print(const struct addr *addr, char *out);
int addr_compare(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);
unsigned addr_bits(uint8_t family); /* 32 or 128 */
bool addr_is_link_local(const struct addr *addr);
/* Usable as a unicast host or next hop: not zero, loopback, multicast, class E. */
bool addr_is_host(const struct addr *addr);
struct addr addr_v4(uint32_t host_order);
uint32_t addr_to_v4(const struct addr *addr); /* host order */
/* sockaddr of either family; the length, 0 for family 0. */
socklen_t addr_to_sock(
    const struct addr *addr, uint16_t port, struct sockaddr_storage *ss);
/* IPv4-mapped becomes IPv4; *port in host order, may be NULL. */
int addr_from_sock(
    const struct sockaddr *sa, struct addr *addr, uint16_t *port);

/* "10.0.0.0/8"; without "/len" a host prefix. Host bits are masked away. */
int prefix_read(const char *s, struct prefix *prefix);
const char *prefix_print(const struct prefix *prefix, char *out);
int prefix_compare(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
struct prefix prefix_of(const struct addr *addr, unsigned len); /* masked */
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);
bool prefix_has(const struct prefix *prefix, const struct addr *addr);
void prefix_mask(struct prefix *prefix);
/* Bit `n` from the left, 0 or 1. */
unsigned prefix_bit(const struct prefix *prefix, unsigned n);

#endif
