/* SPDX-License-Identifier: ISC */
/* Addresses as numbers, blocks and ranges of them, and Go's durations. */

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

static unsigned
family_bits(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

addr_number
addr_to_number(const struct bgpd_addr *addr)
{
	addr_number number = 0;
	unsigned i;

	for (i = 0; i < family_bits(addr->family) / 8; i++)
		number = number << 8 | addr->bytes[i];
	return number;
}

struct bgpd_addr
addr_from_number(uint8_t family, addr_number number)
{
	struct bgpd_addr addr = { .family = family };
	unsigned i = family_bits(family) / 8;

	while (i-- > 0) {
		addr.bytes[i] = (uint8_t)number;
		number >>= 8;
	}
	return addr;
}

const char *
addr_text(const struct bgpd_addr *addr, char *out)
{
	if (inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, out,
		ADDR_LEN) == NULL)
		out[0] = '\0';
	return out;
}

bool
addr_same(const struct bgpd_addr *a, const struct bgpd_addr *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, family_bits(a->family) / 8) == 0;
}

/* The host bits of a block of this length. */
static addr_number
host_mask(uint8_t family, unsigned len)
{
	unsigned host = family_bits(family) - len;

	if (host == 128)
		return ~(addr_number)0;
	return ((addr_number)1 << host) - 1;
}

static struct cidr
cidr_of(uint8_t family, addr_number number, unsigned len)
{
	addr_number mask = host_mask(family, len);

	return (
	    struct cidr){ family, (uint8_t)len, number & ~mask, number | mask };
}

const char *
cidr_read(const char *text, struct cidr *cidr)
{
	char copy[ADDR_LEN + 4], *slash, *end;
	struct bgpd_addr addr;
	unsigned long len;

	if (strlen(text) >= sizeof(copy))
		return "is not a CIDR";
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash == NULL)
		return "is not a CIDR: write a length, such as /32, or a range";
	*slash++ = '\0';
	if (!tree_addr(copy, &addr))
		return "does not begin with an address";
	len = isdigit((unsigned char)*slash) ? strtoul(slash, &end, 10) : 999;
	if (len > family_bits(addr.family) || *end != '\0')
		return addr.family == 4 ? "has a length that is not 0-32"
					: "has a length that is not 0-128";
	*cidr = cidr_of(addr.family, addr_to_number(&addr), (unsigned)len);
	return NULL;
}

const char *
cidr_text(const struct cidr *cidr, char *out)
{
	struct bgpd_addr addr = addr_from_number(cidr->family, cidr->first);
	char text[ADDR_LEN];

	snprintf(out, ADDR_LEN + 4, "%s/%u", addr_text(&addr, text), cidr->len);
	return out;
}

/* By address; of two that begin together the wider first. */
int
cidr_compare(const struct cidr *a, const struct cidr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->len < b->len ? -1 : a->len > b->len;
}

static void
cidr_add(struct cidr **list, size_t *count, struct cidr cidr)
{
	*list = k8s_grow(*list, (*count + 1) * sizeof(**list));
	(*list)[(*count)++] = cidr;
}

/* From the first address on, the largest block that begins there and fits. */
static void
range_split(uint8_t family, addr_number first, addr_number last,
    struct cidr **list, size_t *count)
{
	unsigned len;

	for (;;) {
		len = family_bits(family);
		while (len > 0) {
			addr_number mask = host_mask(family, len - 1);
			if ((first & mask) != 0 || (first | mask) > last)
				break;
			len--;
		}
		cidr_add(list, count, cidr_of(family, first, len));
		first |= host_mask(family, len);
		if (first >= last)
			return;
		first++;
	}
}

const char *
range_read(const char *text, struct cidr **list, size_t *count)
{
	const char *dash = strchr(text, '-');
	char half[ADDR_LEN];
	struct bgpd_addr a, b;

	if (dash == NULL || (size_t)(dash - text) >= sizeof(half))
		return "is not a range";
	memcpy(half, text, (size_t)(dash - text));
	half[dash - text] = '\0';
	if (!tree_addr(half, &a))
		return "does not begin with an address (no blanks around the "
		       "dash)";
	if (!tree_addr(dash + 1, &b))
		return "does not end with an address (no blanks around the "
		       "dash)";
	if (a.family != b.family)
		return "mixes IPv4 and IPv6";
	if (addr_to_number(&a) > addr_to_number(&b))
		return "is reversed: write the lower address first";
	range_split(
	    a.family, addr_to_number(&a), addr_to_number(&b), list, count);
	return NULL;
}

bool
addr_is_buggy(uint8_t family, addr_number number)
{
	unsigned octet = (unsigned)(number & 0xff);

	return family == 4 && (octet == 0 || octet == 255);
}

/* durations ------------------------------------------------------------------- */

static const struct {
	const char *unit;
	double ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1e3 },
	{ "\xc2\xb5s", 1e3 }, /* micro sign */
	{ "\xce\xbcs", 1e3 }, /* mu */
	{ "ms", 1e6 },
	{ "s", 1e9 },
	{ "m", 60e9 },
	{ "h", 3600e9 },
};

/* "30s" of "1m30s": its nanoseconds, and *text moves on; -1. */
static double
duration_part(const char **text)
{
	size_t digits = strspn(*text, "0123456789."), i, len;
	const char *p = *text + digits;
	char *end;
	double value;

	if (digits == 0 || (digits == 1 && **text == '.') || digits > 40)
		return -1;
	value = strtod(*text, &end);
	if (end != p)
		return -1; /* 1.2.3s */
	len = strcspn(p, "0123456789.");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].unit) == len &&
		    strncmp(p, units[i].unit, len) == 0) {
			*text = p + len;
			return value * units[i].ns;
		}
	}
	return -1;
}

const char *
duration_read(const char *text, int64_t *ns, bool *is_bare)
{
	bool is_negative = *text == '-';
	double total = 0, part;
	const char *p = text + (*text == '-' || *text == '+');

	*is_bare = *p != '\0' && p[strspn(p, "0123456789")] == '\0';
	if (*p == '\0')
		return "is not a duration: write 90s or 1m30s";
	if (*is_bare) {
		total = strtod(p, NULL) * 1e9;
		p = "";
	}
	while (*p != '\0') {
		if ((part = duration_part(&p)) < 0)
			return "is not a duration: write 90s or 1m30s";
		total += part;
	}
	if (total > 9.2e18)
		return "is too long a duration";
	*ns = is_negative ? -(int64_t)total : (int64_t)total;
	return NULL;
}
