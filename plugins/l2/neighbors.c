/* SPDX-License-Identifier: ISC */
/* Who else is on a segment: fellow speakers, and gateways. */

/*
 * A fellow is known by his node's address; his MAC is the kernel's neighbor
 * entry of it, remembered, since that entry is gone when he has been away, and
 * he must not be taken for an alien when he comes back. A gateway is asked as any
 * host asks it, by this node's own address: an answer proves the way both ways.
 */

#include <net/if.h>
#include <stdlib.h>

#include "segment.h"

#define LOOKUP_RATE  20
#define LOOKUP_BURST 40
#define ALIEN_US     INT64_C(1000000) /* so long one is not looked up again */

/* Fellows ---------------------------------------------------------------------------- */

void
fellows_clear(struct carrier *c)
{
	free(c->fellows);
	c->fellows = NULL;
	c->fellow_count = 0;
}

static struct fellow *
fellow_of(struct fellow *fellows, unsigned count, const struct bgpd_addr *addr)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		if (kit_addr_equal(&fellows[i].addr, addr))
			return &fellows[i];
	}
	return NULL;
}

static void
fellow_set(struct fellow *fellow, const uint8_t *mac)
{
	memcpy(fellow->mac, mac, MAC_LEN);
	fellow->has_mac = true;
}

/* Whom they accuse may be one of them: not from inside of what told it. */
static void
review(struct carrier *c)
{
	if (!LIST_EMPTY(&c->suspects))
		alarm_start(&c->clockwork, &c->review, 0);
}

void
carrier_fellows(struct carrier *c, const struct bgpd_addr *addresses,
    unsigned count, const uint8_t (*macs)[6], unsigned mac_count)
{
	struct fellow *fellows =
	    calloc(count + mac_count + 1, sizeof(*fellows));
	const struct fellow *old;
	unsigned i;

	if (fellows == NULL)
		return;
	for (i = 0; i < count; i++) {
		fellows[i].addr = addresses[i];
		old = fellow_of(c->fellows, c->fellow_count, &addresses[i]);
		if (old != NULL && old->has_mac)
			fellow_set(&fellows[i], old->mac);
	}
	for (i = 0; i < mac_count; i++)
		fellow_set(&fellows[count + i], macs[i]);
	free(c->fellows);
	c->fellows = fellows;
	c->fellow_count = count + mac_count;
	review(c);
	carrier_meet_fellows(c);
}

static bool
on_neighbor(void *arg, const struct neighbor_entry *entry)
{
	struct carrier *c = arg;
	struct fellow *fellow =
	    fellow_of(c->fellows, c->fellow_count, &entry->addr);

	if (fellow == NULL ||
	    (fellow->has_mac && frame_mac_equal(fellow->mac, entry->mac)))
		return false;
	fellow_set(fellow, entry->mac);
	review(c);
	return false;
}

void
carrier_meet_fellows(struct carrier *c)
{
	struct iface *i;

	c->alien_us = 0;
	if (c->fellow_count == 0)
		return;
	LIST_FOREACH (i, ifaces_list(c->ifaces), link)
		ifaces_neighbors(c->ifaces, i->is.ifindex, on_neighbor, c);
}

const struct bgpd_addr *
fellow_known(const struct carrier *c, const uint8_t mac[MAC_LEN])
{
	unsigned i;

	for (i = 0; i < c->fellow_count; i++) {
		if (c->fellows[i].has_mac &&
		    frame_mac_equal(c->fellows[i].mac, mac))
			return &c->fellows[i].addr;
	}
	return NULL;
}

const struct bgpd_addr *
fellow_find(struct carrier *c, int ifindex, const uint8_t mac[MAC_LEN])
{
	const struct bgpd_addr *found = fellow_known(c, mac);
	int64_t now_us = carrier_now_us();

	if (found != NULL || c->fellow_count == 0 ||
	    (frame_mac_equal(c->alien, mac) && now_us - c->alien_us < ALIEN_US))
		return found;
	/* A sender of many MACs must not keep us looking. */
	if (!bucket_take(&c->lookups, LOOKUP_RATE, LOOKUP_BURST, now_us))
		return NULL;
	ifaces_neighbors(c->ifaces, ifindex, on_neighbor, c);
	found = fellow_known(c, mac);
	if (found == NULL) {
		memcpy(c->alien, mac, MAC_LEN);
		c->alien_us = now_us;
	}
	return found;
}

/* Gateways ------------------------------------------------------------------------------ */

/* This node's own address there, of whom the other is a neighbor. */
static const struct bgpd_addr *
own_beside(const struct iface *i, const struct bgpd_addr *other)
{
	unsigned k;

	for (k = 0; k < i->addr_count; k++) {
		if (netmsg_holds(&i->addrs[k], other))
			return &i->addrs[k].addr;
	}
	return NULL;
}

/* To all: its MAC may be another by now. */
static bool
ask(struct iface *i, const struct bgpd_addr *whom)
{
	const struct bgpd_addr *own = own_beside(i, whom);

	if (own == NULL || i->port == NULL)
		return false;
	carrier_open_block(i->port->carrier, own);
	build_ask(
	    port_put(i->port, own->family, own->family == 4 ? ARP_LEN : ND_LEN),
	    i->port->mac, own, whom, NULL);
	port_flush(i->port);
	return true;
}

unsigned
carrier_ask_gateways(struct carrier *c, int *ifindexes, unsigned room)
{
	struct iface *i;
	unsigned k, count = 0;
	bool asked;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		asked = false;
		for (k = 0; k < i->gateway_count; k++)
			asked = ask(i, &i->gateways[k].addr) || asked;
		if (asked && count < room)
			ifindexes[count] = i->is.ifindex;
		count += asked;
	}
	return count;
}

void
carrier_greet(
    struct carrier *c, const char *interface, const struct bgpd_addr *fellow)
{
	struct iface *i;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (strcmp(i->is.name, interface) == 0)
			ask(i, fellow);
	}
}

bool
gateway_hear(struct port *p, const struct frame *f)
{
	const struct bgpd_addr *who =
	    f->kind == FRAME_NA ? &f->target : &f->sender;
	struct carrier *c = p->carrier;

	if ((f->kind != FRAME_NA && f->kind != FRAME_REPLY) || f->to_all ||
	    iface_gateway(p->iface, who) == NULL ||
	    port_find_spot(p, &f->dest) != NULL)
		return false;
	if (c->callbacks.on_gateway != NULL)
		c->callbacks.on_gateway(c->arg, who, p->ifindex);
	return true;
}

/* For those who speak to other nodes ------------------------------------------------------ */

bool
carrier_locate(
    struct carrier *c, const struct bgpd_addr *address, char name[16])
{
	struct iface *i;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (iface_holds(i, address)) {
			memcpy(name, i->is.name, sizeof(i->is.name));
			return true;
		}
	}
	return false;
}

bool
carrier_own(struct carrier *c, const struct bgpd_addr *address, char name[16])
{
	struct iface *i;
	unsigned k;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		for (k = 0; k < i->addr_count; k++) {
			if (!kit_addr_equal(&i->addrs[k].addr, address))
				continue;
			memcpy(name, i->is.name, sizeof(i->is.name));
			return true;
		}
	}
	return false;
}

bool
carrier_is_linked(struct carrier *c, const char *name)
{
	const unsigned up = IFF_UP | IFF_RUNNING;
	struct iface *i;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (strcmp(i->is.name, name) == 0)
			return (i->is.flags & up) == up;
	}
	return false;
}
