/* SPDX-License-Identifier: ISC */
/* The subnets of the interfaces that carry addresses, and which address is on which. */

#include "segment.h"

bool
iface_holds(const struct iface *i, const struct bgpd_addr *addr)
{
	unsigned k;

	for (k = 0; k < i->addr_count; k++) {
		if (netmsg_holds(&i->addrs[k], addr))
			return true;
	}
	return false;
}

struct gateway *
iface_gateway(struct iface *i, const struct bgpd_addr *addr)
{
	unsigned k;

	for (k = 0; k < i->gateway_count; k++) {
		if (kit_addr_equal(&i->gateways[k].addr, addr))
			return &i->gateways[k];
	}
	return NULL;
}

static bool
is_link_local(const struct bgpd_addr *a)
{
	return a->family == 6
		   ? a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80
		   : a->bytes[0] == 169 && a->bytes[1] == 254;
}

struct bgpd_addr
iface_link_local(const struct iface *i)
{
	struct bgpd_addr best = { .family = 0 };
	unsigned k;

	for (k = 0; k < i->addr_count; k++) {
		if (i->addrs[k].addr.family == 6 &&
		    is_link_local(&i->addrs[k].addr) &&
		    (best.family == 0 ||
			kit_addr_compare(&i->addrs[k].addr, &best) < 0))
			best = i->addrs[k].addr;
	}
	return best;
}

/* A subnet that others may be in, by an address that is this node's own. */
static bool
is_subnet(struct carrier *c, const struct host_addr *a)
{
	return a->prefix_len > 0 &&
	       a->prefix_len < (a->addr.family == 4 ? 32 : 128) &&
	       !is_link_local(&a->addr) && vip_find(c, &a->addr) == NULL;
}

static int
compare(const struct carrier_subnet *a, const struct carrier_subnet *b)
{
	if (a->addr.family == b->addr.family && a->length == b->length &&
	    kit_addr_in(&a->addr, a->length, &b->addr) &&
	    a->ifindex != b->ifindex)
		return a->ifindex - b->ifindex;
	return kit_addr_compare(&a->addr, &b->addr);
}

static bool
subnet_of(struct carrier *c, const struct iface *i, struct carrier_subnet *best)
{
	struct carrier_subnet s = { .ifindex = i->is.ifindex };
	bool found = false;
	unsigned k;

	memcpy(s.name, i->is.name, sizeof(s.name));
	for (k = 0; k < i->addr_count; k++) {
		if (!is_subnet(c, &i->addrs[k]))
			continue;
		s.addr = i->addrs[k].addr;
		s.length = i->addrs[k].prefix_len;
		if (!found || compare(&s, best) < 0)
			*best = s;
		found = true;
	}
	return found;
}

unsigned
carrier_subnets(
    struct carrier *c, struct carrier_subnet *subnets, unsigned room)
{
	struct carrier_subnet s;
	struct iface *i;
	unsigned count = 0, k;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port == NULL || i->port->twin != 0 || count == room ||
		    !subnet_of(c, i, &s))
			continue;
		for (k = count++; k > 0 && compare(&s, &subnets[k - 1]) < 0;
		     k--)
			subnets[k] = subnets[k - 1];
		subnets[k] = s;
	}
	return count;
}

uint32_t
carrier_subnets_of(struct carrier *c, const struct bgpd_addr *address,
    const struct carrier_subnet *subnets, unsigned count)
{
	struct vip *v = vip_find(c, address);
	unsigned i, best = count;
	uint32_t on = 0;
	struct spot *s;

	if (v == NULL)
		return 0;
	for (i = 0; i < count && i < 32; i++) {
		LIST_FOREACH (s, &v->spots, of_vip)
			if (s->port->ifindex == subnets[i].ifindex)
				break;
		if (s == NULL)
			continue;
		on |= UINT32_C(1) << i;
		if (kit_addr_in(&subnets[i].addr, subnets[i].length, address) &&
		    (best == count || subnets[i].length > subnets[best].length))
			best = i;
	}
	return best < count ? UINT32_C(1) << best : on;
}
