/* SPDX-License-Identifier: ISC */
/* IP addresses and prefixes of both families. */
#include "util/addr.h"

#include <arpa/inet.h>
#include <bsd/string.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define GROUPS 8u /* of an IPv6 address */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

unsigned
addr_bits(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

/* The interface behind "%": by name, else by number. 0 when there is none. */
static uint32_t
addr_read_zone(const char *zone)
{
	uint32_t index = if_nametoindex(zone);
	uint64_t number;

	if (index != 0)
		return index;
	if (text_read_u64(zone, 1, INT32_MAX, &number) == -1)
		return 0;
	return (uint32_t)number;
}

/*
 * Four numbers of at most 255 without zeros before them; what follows the last.
 * NULL: that is not so. As strict as inet_pton, in a tenth of its time: a
 * configuration can have a million.
 */
static const char *
v4_read(const char *s, uint8_t *bytes)
{
	unsigned number, digits;

	for (unsigned i = 0; i < 4; i++) {
		if (i > 0 && *s++ != '.')
			return NULL;
		number = 0;
		for (digits = 0; *s >= '0' && *s <= '9'; s++, digits++) {
			if (digits > 0 && number == 0)
				return NULL;
			number = 10 * number + (unsigned)(*s - '0');
			if (number > UINT8_MAX)
				return NULL;
		}
		if (digits == 0)
			return NULL;
		bytes[i] = (uint8_t)number;
	}
	return s;
}

/* The first `len` characters, with a zone behind "%". */
static int
v6_read(const char *s, size_t len, struct addr *addr)
{
	struct addr read = { .family = AF_INET6 };
	char host[ADDR_TEXT], *zone;

	if (len >= sizeof(host))
		return -1;
	memcpy(host, s, len);
	host[len] = '\0';
	zone = strchr(host, '%');
	if (zone != NULL)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, host, read.bytes) != 1)
		return -1;
	if (zone != NULL) {
		if (!addr_is_link_local(&read))
			return -1;
		read.scope = addr_read_zone(zone);
		if (read.scope == 0)
			return -1;
	}
	*addr = read;
	return 0;
}

int
addr_read(const char *s, struct addr *addr)
{
	struct addr read = { .family = AF_INET };
	const char *end = v4_read(s, read.bytes);

	if (end == NULL || *end != '\0')
		return v6_read(s, strlen(s), addr);
	*addr = read;
	return 0;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952). */
static unsigned
v6_find_run(const unsigned *groups, unsigned count, unsigned *len)
{
	unsigned start = 0, i, n;

	*len = 1;
	for (i = 0; i < count; i += n + 1) {
		for (n = 0; i + n < count && groups[i + n] == 0; n++)
			;
		if (n > *len) {
			start = i;
			*len = n;
		}
	}
	return *len > 1 ? start : count;
}

static char *
v4_print(const uint8_t *bytes, char *out, size_t size)
{
	snprintf(
	    out, size, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
	return out;
}

static void
v6_print(const uint8_t *bytes, char *out, size_t size)
{
	unsigned groups[GROUPS], i, run, run_len;
	unsigned count = GROUPS;
	char *at = out, *end = out + size;

	/* RFC 5952 5: the tail of a mapped address is written as IPv4. */
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		count = 6;
	for (i = 0; i < count; i++)
		groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
	run = v6_find_run(groups, count, &run_len);
	for (i = 0; i < count;) {
		if (i == run) {
			at += snprintf(at, (size_t)(end - at), "::");
			i += run_len;
			continue;
		}
		at += snprintf(at, (size_t)(end - at), "%s%x",
		    i == 0 || i == run + run_len ? "" : ":", groups[i]);
		i++;
	}
	if (count < GROUPS) {
		*at++ = ':';
		v4_print(bytes + sizeof(mapped), at, (size_t)(end - at));
	}
}

const char *
addr_print(const struct addr *addr, char *out)
{
	char name[IF_NAMESIZE];
	size_t len;

	if (addr->family == AF_INET)
		return v4_print(addr->bytes, out, ADDR_TEXT);
	if (addr->family != AF_INET6) {
		strlcpy(out, "none", ADDR_TEXT);
		return out;
	}
	v6_print(addr->bytes, out, INET6_ADDRSTRLEN);
	if (addr->scope == 0)
		return out;
	len = strlen(out);
	if (if_indextoname(addr->scope, name) != NULL)
		snprintf(out + len, ADDR_TEXT - len, "%%%s", name);
	else
		snprintf(out + len, ADDR_TEXT - len, "%%%u", addr->scope);
	return out;
}

int
addr_compare(const struct addr *a, const struct addr *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	if (order != 0)
		return order;
	return (a->scope > b->scope) - (a->scope < b->scope);
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

bool
addr_is_link_local(const struct addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

bool
addr_is_host(const struct addr *addr)
{
	static const uint8_t zero[15];
	uint8_t first = addr->bytes[0];

	if (addr->family == AF_INET)
		return first != 0 && first != 127 && first < 224;
	if (addr->family != AF_INET6 || first == 0xff)
		return false;
	/* :: and ::1 */
	return memcmp(addr->bytes, zero, sizeof(zero)) != 0 ||
	       addr->bytes[15] > 1;
}

struct addr
addr_v4(uint32_t host_order)
{
	struct addr addr = { .family = AF_INET };
	uint32_t net_order = htonl(host_order);

	memcpy(addr.bytes, &net_order, sizeof(net_order));
	return addr;
}

uint32_t
addr_to_v4(const struct addr *addr)
{
	uint32_t net_order;

	memcpy(&net_order, addr->bytes, sizeof(net_order));
	return ntohl(net_order);
}

socklen_t
addr_to_sock(
    const struct addr *addr, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	memset(ss, 0, sizeof(*ss));
	if (addr->family == AF_INET) {
		sin.sin_port = htons(port);
		memcpy(&sin.sin_addr, addr->bytes, sizeof(sin.sin_addr));
		memcpy(ss, &sin, sizeof(sin));
		return sizeof(sin);
	}
	if (addr->family != AF_INET6)
		return 0;
	sin6.sin6_port = htons(port);
	sin6.sin6_scope_id = addr->scope;
	memcpy(&sin6.sin6_addr, addr->bytes, sizeof(sin6.sin6_addr));
	memcpy(ss, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

static void
addr_from_sin6(const struct sockaddr_in6 *sin6, struct addr *addr)
{
	const uint8_t *bytes = sin6->sin6_addr.s6_addr;

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		addr->family = AF_INET;
		memcpy(addr->bytes, bytes + sizeof(mapped), 4);
		return;
	}
	addr->family = AF_INET6;
	memcpy(addr->bytes, bytes, sizeof(addr->bytes));
	if (addr_is_link_local(addr))
		addr->scope = sin6->sin6_scope_id;
}

int
addr_from_sock(const struct sockaddr *sa, struct addr *addr, uint16_t *port)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	uint16_t net_port;

	memset(addr, 0, sizeof(*addr));
	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		addr->family = AF_INET;
		memcpy(addr->bytes, &sin.sin_addr, sizeof(sin.sin_addr));
		net_port = sin.sin_port;
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		addr_from_sin6(&sin6, addr);
		net_port = sin6.sin6_port;
	} else {
		return -1;
	}
	if (port != NULL)
		*port = ntohs(net_port);
	return 0;
}

/* prefixes ---------------------------------------------------------------- */

int
prefix_read(const char *s, struct prefix *prefix)
{
	struct addr addr = { .family = AF_INET };
	const char *slash = v4_read(s, addr.bytes);
	uint64_t len;

	if (slash == NULL || (*slash != '\0' && *slash != '/')) {
		slash = s + strcspn(s, "/%");
		if (*slash == '%' || v6_read(s, (size_t)(slash - s), &addr) < 0)
			return -1;
	}
	len = addr_bits(addr.family);
	if (*slash == '/' && text_read_u64(slash + 1, 0, len, &len) == -1)
		return -1;
	*prefix = prefix_of(&addr, (unsigned)len);
	return 0;
}

const char *
prefix_print(const struct prefix *prefix, char *out)
{
	char *slash;

	if (prefix->family == AF_INET) {
		v4_print(prefix->bytes, out, PREFIX_TEXT);
	} else if (prefix->family == AF_INET6) {
		v6_print(prefix->bytes, out, INET6_ADDRSTRLEN);
	} else {
		strlcpy(out, "none", PREFIX_TEXT);
		return out;
	}
	slash = out + strlen(out);
	snprintf(
	    slash, (size_t)(out + PREFIX_TEXT - slash), "/%u", prefix->len);
	return out;
}

int
prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order != 0 ? order : (int)a->len - (int)b->len;
}

bool
prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return prefix_compare(a, b) == 0;
}

void
prefix_mask(struct prefix *prefix)
{
	unsigned whole;

	if (prefix->len >= 8 * sizeof(prefix->bytes))
		return;
	whole = prefix->len / 8u;
	prefix->bytes[whole] &= (uint8_t)(0xff00u >> prefix->len % 8u);
	memset(prefix->bytes + whole + 1, 0, sizeof(prefix->bytes) - whole - 1);
}

struct prefix
prefix_of(const struct addr *addr, unsigned len)
{
	struct prefix prefix = { .family = addr->family };
	unsigned bits = addr_bits(addr->family);

	prefix.len = (uint8_t)(len < bits ? len : bits);
	memcpy(prefix.bytes, addr->bytes, sizeof(prefix.bytes));
	prefix_mask(&prefix);
	return prefix;
}

/* Do the first `len` bits, at most 128, agree? */
static bool
bits_agree(const uint8_t *a, const uint8_t *b, unsigned len)
{
	unsigned whole = len / 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return len % 8 == 0 || (a[whole] ^ b[whole]) >> (8 - len % 8) == 0;
}

bool
prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	return outer->family == inner->family && outer->len <= inner->len &&
	       bits_agree(outer->bytes, inner->bytes, outer->len);
}

bool
prefix_has(const struct prefix *prefix, const struct addr *addr)
{
	return prefix->family == addr->family &&
	       bits_agree(prefix->bytes, addr->bytes, prefix->len);
}

unsigned
prefix_bit(const struct prefix *prefix, unsigned n)
{
	if (n >= 8 * sizeof(prefix->bytes))
		return 0;
	return prefix->bytes[n / 8] >> (7 - n % 8) & 1u;
}
