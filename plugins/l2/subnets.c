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

/* By networks, so that nodes that share some have them in one order. */
static int
compare(const struct carrier_subnet *a, const struct carrier_subnet *b)
{
	struct bgpd_addr in[2] = { a->addr, b->addr };
	int order;

	kit_addr_mask(&in[0], a->length);
	kit_addr_mask(&in[1], b->length);
	order = kit_addr_compare(&in[0], &in[1]);
	if (order == 0)
		order = (int)a->length - (int)b->length;
	return order != 0 ? order : a->ifindex - b->ifindex;
}

/* Of one interface, as the kernel has it: what of that is told. */
struct listing {
	const struct carrier_subnet *before;
	struct carrier_subnet *list;
	unsigned before_count, count, room;
};

static bool
was_told(const struct listing *l, const struct carrier_subnet *s)
{
	unsigned i;

	for (i = 0; i < l->before_count; i++) {
		if (l->before[i].ifindex == s->ifindex &&
		    l->before[i].length == s->length &&
		    kit_addr_equal(&l->before[i].addr, &s->addr))
			return true;
	}
	return false;
}

/* One address of each subnet: that of before, else the lowest. */
static void
listing_add(struct listing *l, const struct carrier_subnet *s)
{
	unsigned k = 0;
	int order = 1;

	while (k < l->count && (order = compare(s, &l->list[k])) > 0)
		k++;
	if (k < l->count && order == 0) {
		if (was_told(l, s) ||
		    (!was_told(l, &l->list[k]) &&
			kit_addr_compare(&s->addr, &l->list[k].addr) < 0))
			l->list[k] = *s;
		return;
	}
	if (k == l->room)
		return;
	if (l->count == l->room)
		l->count--;
	memmove(
	    &l->list[k + 1], &l->list[k], (l->count - k) * sizeof(l->list[0]));
	l->list[k] = *s;
	l->count++;
}

/* It carries addresses, or would if it had its link. */
static bool
is_place(const struct iface *i)
{
	if (i->port != NULL)
		return i->port->twin == 0;
	return i->why_not != NULL && (strcmp(i->why_not, "no-carrier") == 0 ||
					 strcmp(i->why_not, "down") == 0);
}

static void
listing_add_iface(struct carrier *c, struct listing *l, const struct iface *i)
{
	struct carrier_subnet s = { .ifindex = i->is.ifindex,
		.linked = i->port != NULL };
	unsigned k;

	memcpy(s.name, i->is.name, sizeof(s.name));
	for (k = 0; k < i->addr_count; k++) {
		if (!is_subnet(c, &i->addrs[k]))
			continue;
		s.addr = i->addrs[k].addr;
		s.length = i->addrs[k].prefix_len;
		listing_add(l, &s);
	}
}

/* Another interface is there: that this one has no link loses nothing. */
static bool
is_doubled(const struct listing *l, const struct carrier_subnet *s)
{
	unsigned i;

	for (i = 0; !s->linked && i < l->count; i++) {
		if (l->list[i].linked && l->list[i].length == s->length &&
		    kit_addr_in(&s->addr, s->length, &l->list[i].addr))
			return true;
	}
	return false;
}

unsigned
carrier_subnets(struct carrier *c, struct carrier_subnet *subnets,
    unsigned before, unsigned room)
{
	struct carrier_subnet old[CARRIER_SUBNETS];
	struct listing l = { .before = old, .list = subnets, .room = room };
	struct iface *i;
	unsigned k, n = 0;

	l.before_count = before < CARRIER_SUBNETS ? before : CARRIER_SUBNETS;
	memcpy(old, subnets, l.before_count * sizeof(old[0]));
	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (is_place(i))
			listing_add_iface(c, &l, i);
	}
	for (k = 0; k < l.count; k++) {
		if (!is_doubled(&l, &subnets[k]))
			subnets[n++] = subnets[k];
	}
	return n;
}

static bool
is_carried_on(const struct vip *v, const struct carrier_subnet *subnet)
{
	struct spot *s;

	if (!subnet->linked)
		return vip_names(v, subnet->name);
	LIST_FOREACH (s, &v->spots, of_vip) {
		if (s->port->ifindex == subnet->ifindex)
			return true;
	}
	return false;
}

/* Where an interface has subnets of both families, those of the address's. */
static uint32_t
by_family(
    const struct carrier_subnet *subnets, uint32_t on, const struct vip *v)
{
	uint32_t out = on;
	unsigned i, k;

	for (i = 0; i < CARRIER_SUBNETS; i++) {
		if ((on >> i & 1) == 0 ||
		    subnets[i].addr.family != v->addr.family)
			continue;
		for (k = 0; k < CARRIER_SUBNETS; k++)
			if ((on >> k & 1) != 0 &&
			    subnets[k].ifindex == subnets[i].ifindex &&
			    subnets[k].addr.family != v->addr.family)
				out &= ~(UINT32_C(1) << k);
	}
	return out;
}

uint32_t
carrier_subnets_of(struct carrier *c, const struct bgpd_addr *address,
    const struct carrier_subnet *subnets, unsigned count)
{
	struct vip *v = vip_find(c, address);
	unsigned i, best = count;
	uint32_t on = 0;

	if (v == NULL)
		return 0;
	for (i = 0; i < count && i < CARRIER_SUBNETS; i++) {
		if (!is_carried_on(v, &subnets[i]))
			continue;
		on |= UINT32_C(1) << i;
		if (kit_addr_in(&subnets[i].addr, subnets[i].length, address) &&
		    (best == count || subnets[i].length > subnets[best].length))
			best = i;
	}
	return best < count ? UINT32_C(1) << best : by_family(subnets, on, v);
}

bool
carrier_is_nowhere(struct carrier *c, const struct bgpd_addr *address)
{
	struct vip *v = vip_find(c, address);

	return v != NULL && LIST_EMPTY(&v->spots);
}

uint64_t
carrier_turns(const struct carrier *c)
{
	return c->turns;
}
