/* SPDX-License-Identifier: ISC */
/* The frames of an address on an interface: announced, answered, probed, asked. */

/*
 * Two forms announce an IPv4 address: a request (THA 0), which a Linux host
 * takes at once, then a reply with our own MAC as THA; the reply to broadcast
 * that others send is ignored for a second after the entry last changed. ND
 * checksums are ours to make: a packet socket sends bytes as they are.
 */

#include "frame.h"

#define FLAG_ROUTER    0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE  0x20
#define ICMP_AT	       54
#define DEST_AT	       38
#define CHECKSUM_AT    56

static const uint8_t broadcast[MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff };
static const uint8_t nobody[16];

static void
put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned
get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static void
put_ether(uint8_t *out, const uint8_t *dst, const uint8_t *src, unsigned type)
{
	memcpy(out, dst, MAC_LEN);
	memcpy(out + MAC_LEN, src, MAC_LEN);
	put16(out + 12, type);
}

/* ARP ----------------------------------------------------------------------------- */

struct arp {
	uint8_t operation;
	const uint8_t *ether, *mac;	      /* to, from; SHA is from */
	const uint8_t *sender, *tha, *target; /* addresses of 4 bytes */
};

static size_t
put_arp(uint8_t *out, const struct arp *arp)
{
	static const uint8_t form[7] = { 0, 1, 8, 0, MAC_LEN, 4, 0 };

	put_ether(out, arp->ether, arp->mac, 0x0806);
	memcpy(out + 14, form, sizeof(form));
	out[21] = arp->operation;
	memcpy(out + 22, arp->mac, MAC_LEN);
	memcpy(out + 28, arp->sender, 4);
	memcpy(out + 32, arp->tha, MAC_LEN);
	memcpy(out + 38, arp->target, 4);
	return ARP_LEN;
}

static void
set_ipv4(struct frame_set *set, const uint8_t *mac, const uint8_t *addr)
{
	set->len = ARP_LEN;
	put_arp(set->announce,
	    &(struct arp){ 1, broadcast, mac, addr, nobody, addr });
	put_arp(set->announce_reply,
	    &(struct arp){ 2, broadcast, mac, addr, mac, addr });
	put_arp(set->answer,
	    &(struct arp){ 2, broadcast, mac, addr, nobody, nobody });
}

/* ND ------------------------------------------------------------------------------ */

struct nd {
	uint8_t type, flags;
	const uint8_t *ether, *mac;
	const uint8_t *source, *dest, *target; /* addresses of 16 bytes */
	uint8_t option;
	const uint8_t *value; /* of 6 bytes */
};

static size_t
put_nd(uint8_t *out, const struct nd *nd)
{
	uint8_t *icmp = out + ICMP_AT;

	put_ether(out, nd->ether, nd->mac, 0x86dd);
	memset(out + 14, 0, ND_LEN - 14);
	out[14] = 6 << 4;
	put16(out + 18, ND_LEN - ICMP_AT);
	out[20] = 58;
	out[21] = 255;
	memcpy(out + 22, nd->source, 16);
	memcpy(out + DEST_AT, nd->dest, 16);
	icmp[0] = nd->type;
	icmp[4] = nd->flags;
	memcpy(icmp + 8, nd->target, 16);
	icmp[24] = nd->option;
	icmp[25] = 1;
	memcpy(icmp + 26, nd->value, 6);
	put16(out + CHECKSUM_AT,
	    frame_checksum(out + 22, out + DEST_AT, icmp, ND_LEN - ICMP_AT));
	return ND_LEN;
}

/* RFC 2464 7: the MAC of a group. */
static void
group_mac(uint8_t mac[MAC_LEN], const uint8_t group[16])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group + 12, 4);
}

static void
set_ipv6(struct frame_set *set, const uint8_t *mac, const uint8_t *addr,
    const struct frame_style *style)
{
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	const uint8_t *source =
	    style->source != NULL ? style->source->bytes : addr;
	uint8_t router = style->router ? FLAG_ROUTER : 0;
	uint8_t to_all[MAC_LEN];

	set->len = ND_LEN;
	group_mac(to_all, all_nodes);
	put_nd(set->announce, &(struct nd){ 136, router | FLAG_OVERRIDE, to_all,
				  mac, source, all_nodes, addr, 2, mac });
	/* RFC 4861 7.2.4: without O a host would keep the MAC it has. */
	put_nd(set->answer,
	    &(struct nd){ 136, router | FLAG_SOLICITED | FLAG_OVERRIDE, to_all,
		mac, source, nobody, addr, 2, mac });
}

/* Both ---------------------------------------------------------------------------- */

void
build_set(struct frame_set *set, const uint8_t mac[MAC_LEN],
    const struct bgpd_addr *addr, const struct frame_style *style)
{
	if (addr->family == 4)
		set_ipv4(set, mac, addr->bytes);
	else
		set_ipv6(set, mac, addr->bytes, style);
}

/* RFC 1624: the checksum again, when a destination of zeros is filled in. */
static void
aim_ipv6(uint8_t *frame, const uint8_t *dest)
{
	uint32_t sum = (uint16_t)~get16(frame + CHECKSUM_AT);
	unsigned i;

	for (i = 0; i < 16; i += 2)
		sum += get16(dest + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(frame + CHECKSUM_AT, (uint16_t)~sum);
	memcpy(frame + DEST_AT, dest, 16);
}

void
build_aim(uint8_t frame[FRAME_MAX], const uint8_t ether[MAC_LEN],
    const uint8_t mac[MAC_LEN], const struct bgpd_addr *asker)
{
	memcpy(frame, ether, MAC_LEN);
	if (asker->family == 6) {
		aim_ipv6(frame, asker->bytes);
		return;
	}
	memcpy(frame + 32, mac, MAC_LEN);
	memcpy(frame + 38, asker->bytes, 4);
}

size_t
build_probe(uint8_t frame[FRAME_MAX], const uint8_t mac[MAC_LEN],
    const struct bgpd_addr *addr, const uint8_t nonce[NONCE_LEN])
{
	uint8_t group[16], ether[MAC_LEN];

	if (addr->family == 4)
		return put_arp(frame, &(struct arp){ 1, broadcast, mac, nobody,
					  nobody, addr->bytes });
	frame_solicited_node(addr, group);
	group_mac(ether, group);
	return put_nd(frame, &(struct nd){ 135, 0, ether, mac, nobody, group,
				 addr->bytes, 14, nonce });
}

size_t
build_ask(uint8_t frame[FRAME_MAX], const uint8_t mac[MAC_LEN],
    const struct bgpd_addr *addr, const struct bgpd_addr *whom,
    const uint8_t *ether)
{
	uint8_t group[16], group_ether[MAC_LEN];

	if (addr->family == 4)
		return put_arp(
		    frame, &(struct arp){ 1, ether != NULL ? ether : broadcast,
			       mac, addr->bytes, nobody, whom->bytes });
	frame_solicited_node(whom, group);
	group_mac(group_ether, group);
	return put_nd(
	    frame, &(struct nd){ 135, 0, ether != NULL ? ether : group_ether,
		       mac, addr->bytes, ether != NULL ? whom->bytes : group,
		       whom->bytes, 1, mac });
}
