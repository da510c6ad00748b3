/* SPDX-License-Identifier: ISC */
/* The interfaces of this host, and the addresses on them. */
#include <sys/types.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "net/net.h"

/* What is looked for; a member that is not set does not matter. */
struct wish {
	const char *name; /* of the interface */
	uint8_t family;
	bool link_local; /* else global */
};

static int
ifaddr_read(const struct ifaddrs *ifa, struct addr *addr)
{
	if (ifa->ifa_addr == NULL || (ifa->ifa_flags & IFF_UP) == 0)
		return -1;
	return addr_from_sock(ifa->ifa_addr, addr, NULL);
}

static bool
wish_is_met(
    const struct wish *wish, const struct ifaddrs *ifa, const struct addr *addr)
{
	if (addr->family != wish->family ||
	    strcmp(wish->name, ifa->ifa_name) != 0)
		return false;
	if (wish->link_local)
		return addr_is_link_local(addr);
	return addr_is_host(addr) && !addr_is_link_local(addr);
}

static int
wish_find(const struct ifaddrs *all, const struct wish *wish, struct addr *addr)
{
	const struct ifaddrs *ifa;
	struct addr here;

	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		if (ifaddr_read(ifa, &here) == 0 &&
		    wish_is_met(wish, ifa, &here)) {
			*addr = here;
			return 0;
		}
	}
	return -1;
}

/* The name of the interface that has this address; NULL if none. */
static const char *
iface_find(const struct ifaddrs *all, const struct addr *local)
{
	const struct ifaddrs *ifa;
	struct addr here;

	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		if (ifaddr_read(ifa, &here) < 0 ||
		    here.family != local->family ||
		    memcmp(here.bytes, local->bytes, sizeof(here.bytes)) != 0)
			continue;
		if (local->scope == 0 || here.scope == local->scope)
			return ifa->ifa_name;
	}
	return NULL;
}

static int
iface_find_beside(const struct addr *local, struct wish wish, struct addr *addr)
{
	struct ifaddrs *all;
	int result = -1;

	if (getifaddrs(&all) < 0)
		return -1;
	wish.name = iface_find(all, local);
	if (wish.name != NULL)
		result = wish_find(all, &wish, addr);
	freeifaddrs(all);
	return result;
}

int
iface_global_addr(const struct addr *local, uint8_t family, struct addr *addr)
{
	struct wish wish = { .family = family };

	return iface_find_beside(local, wish, addr);
}

int
iface_link_local(const struct addr *local, struct addr *addr)
{
	struct wish wish = { .family = AF_INET6, .link_local = true };

	return iface_find_beside(local, wish, addr);
}

/* A global address, else a link-local one. */
int
iface_addr_of(const char *name, uint8_t family, struct addr *addr)
{
	struct wish wish = { .name = name, .family = family };
	struct ifaddrs *all;
	int result;

	if (getifaddrs(&all) < 0)
		return -1;
	result = wish_find(all, &wish, addr);
	if (result < 0) {
		wish.link_local = true;
		result = wish_find(all, &wish, addr);
	}
	freeifaddrs(all);
	return result;
}

/* Counted by hand: the kernel may leave the family of a netmask out. */
static unsigned
ifaddr_len(const struct ifaddrs *ifa, uint8_t family)
{
	const struct sockaddr *mask = ifa->ifa_netmask;
	const uint8_t *bytes;
	unsigned i, len = 0;

	if (mask == NULL)
		return addr_bits(family);
	if (family == AF_INET)
		bytes = (const void *)&(
		    (const struct sockaddr_in *)(const void *)mask)
			    ->sin_addr;
	else
		bytes = ((const struct sockaddr_in6 *)(const void *)mask)
			    ->sin6_addr.s6_addr;
	for (i = 0; i < addr_bits(family) / 8; i++)
		len += (unsigned)__builtin_popcount(bytes[i]);
	return len;
}

/* The other end of a point-to-point interface, or a neighbour on its prefix. */
static bool
ifaddr_reaches(const struct ifaddrs *ifa, const struct addr *remote)
{
	struct addr here, there;
	struct prefix prefix;

	if (ifaddr_read(ifa, &here) < 0 || here.family != remote->family)
		return false;
	if ((ifa->ifa_flags & IFF_POINTOPOINT) && ifa->ifa_dstaddr != NULL &&
	    addr_from_sock(ifa->ifa_dstaddr, &there, NULL) == 0 &&
	    addr_equal(&there, remote))
		return true;
	prefix = prefix_of(&here, ifaddr_len(ifa, here.family));
	return prefix_has(&prefix, remote);
}

bool
iface_is_connected(const struct addr *remote)
{
	struct ifaddrs *all;
	const struct ifaddrs *ifa;
	bool connected = false;

	if (addr_is_link_local(remote))
		return true;
	if (getifaddrs(&all) < 0)
		return false;
	for (ifa = all; ifa != NULL && !connected; ifa = ifa->ifa_next)
		connected = ifaddr_reaches(ifa, remote);
	freeifaddrs(all);
	return connected;
}

int
iface_router_id(struct addr *addr)
{
	struct ifaddrs *all;
	const struct ifaddrs *ifa;
	struct addr here, best = { 0 };

	if (getifaddrs(&all) < 0)
		return -1;
	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		if (ifaddr_read(ifa, &here) < 0 || here.family != AF_INET ||
		    !addr_is_host(&here) || addr_is_link_local(&here))
			continue;
		if (best.family == 0 || addr_to_v4(&here) > addr_to_v4(&best))
			best = here;
	}
	freeifaddrs(all);
	if (best.family == 0)
		return -1;
	*addr = best;
	return 0;
}
