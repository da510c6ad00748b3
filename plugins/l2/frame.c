/* SPDX-License-Identifier: ISC */
/* What an ARP or ND frame says, when every rule about its form is kept. */

/*
 * In: bytes of a packet socket from the Ethernet header on, which anybody on the
 * segment may have made. Out: the fields, or the first rule that is broken:
 * RFC 826 and 5227 for ARP, RFC 4861 7.1.1 and 7.1.2 for ND. An extension
 * header in front of ICMPv6 is not looked behind (RFC 6980 2 forbids fragments).
 */

#include "frame.h"

#define ETHER_LEN      14
#define ETHER_ARP      0x0806
#define ETHER_IPV6     0x86dd
#define IPV6_LEN       40
#define NEXT_ICMPV6    58
#define ND_FIXED       24
#define TYPE_NS	       135
#define TYPE_NA	       136
#define OPTION_SOURCE  1
#define OPTION_TARGET  2
#define OPTION_NONCE   14
#define FLAG_ROUTER    0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE  0x20

static uint16_t
read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void
read_addr(struct bgpd_addr *addr, uint8_t family, const uint8_t *bytes)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = family;
	memcpy(addr->bytes, bytes, family == 4 ? 4 : 16);
}

/* One that can be the sender of a frame. */
static bool
mac_is_station(const uint8_t *mac)
{
	static const uint8_t zero[MAC_LEN];

	return (mac[0] & 1) == 0 && !frame_mac_equal(mac, zero);
}

/* Addresses ------------------------------------------------------------------ */

void
frame_solicited_node(const struct bgpd_addr *addr, uint8_t group[16])
{
	static const uint8_t prefix[13] = { 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 1, 0xff };

	memcpy(group, prefix, sizeof(prefix));
	memcpy(group + 13, addr->bytes + 13, 3);
}

static bool
is_solicited_node(const uint8_t *dest)
{
	struct bgpd_addr zero = { 0 };
	uint8_t prefix[16];

	frame_solicited_node(&zero, prefix);
	return memcmp(dest, prefix, 13) == 0;
}

/* 0.0.0.0 is a probe's; these belong to no host of a segment. */
static bool
ipv4_can_ask(const uint8_t *bytes)
{
	return bytes[0] < 224 && bytes[0] != 127 &&
	       (bytes[0] != 0 ||
		   (bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0));
}

/* ARP ------------------------------------------------------------------------- */

static enum frame_fault
read_arp(const uint8_t *arp, size_t len, struct frame *f)
{
	static const uint8_t form[6] = { 0, 1, 8, 0, MAC_LEN, 4 };
	uint16_t operation;

	if (len < 28)
		return FRAME_SHORT;
	operation = read16(arp + 6);
	if (memcmp(arp, form, sizeof(form)) != 0 ||
	    (operation != 1 && operation != 2))
		return FRAME_FORM;
	f->kind = operation == 1 ? FRAME_REQUEST : FRAME_REPLY;
	f->has_mac = true;
	memcpy(f->mac, arp + 8, MAC_LEN);
	read_addr(&f->sender, 4, arp + 14);
	memcpy(f->target_mac, arp + 18, MAC_LEN);
	read_addr(&f->target, 4, arp + 24);
	f->dest = f->target;
	if (!mac_is_station(f->mac) || !ipv4_can_ask(arp + 14))
		return FRAME_ADDRESS;
	/* An answer of nobody says nothing. */
	if (f->kind == FRAME_REPLY && frame_addr_is_zero(&f->sender))
		return FRAME_ADDRESS;
	return FRAME_FINE;
}

/* ND ---------------------------------------------------------------------------- */

static uint32_t
sum_add(uint32_t sum, const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += read16(bytes + i);
	return len % 2 == 0 ? sum : sum + ((uint32_t)bytes[len - 1] << 8);
}

uint16_t
frame_checksum(
    const uint8_t *source, const uint8_t *dest, const uint8_t *icmp, size_t len)
{
	uint32_t sum = (uint32_t)len + NEXT_ICMPV6;

	sum = sum_add(sum, source, 16);
	sum = sum_add(sum, dest, 16);
	sum = sum_add(sum, icmp, len);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static enum frame_fault
read_option(struct frame *f, const uint8_t *option, size_t len)
{
	uint8_t wanted = f->kind == FRAME_NS ? OPTION_SOURCE : OPTION_TARGET;

	if (option[0] == wanted) {
		/* RFC 4861 7.1.1: an asker without address has no SLLAO. */
		if (len != 8 ||
		    (f->kind == FRAME_NS && frame_addr_is_zero(&f->sender)))
			return FRAME_OPTION;
		if (!mac_is_station(option + 2))
			return FRAME_ADDRESS;
		memcpy(f->mac, option + 2, MAC_LEN);
		f->has_mac = true;
	}
	if (option[0] == OPTION_NONCE && len == 2 + NONCE_LEN) {
		memcpy(f->nonce, option + 2, NONCE_LEN);
		f->has_nonce = true;
	}
	return FRAME_FINE;
}

static enum frame_fault
read_options(struct frame *f, const uint8_t *at, size_t left)
{
	enum frame_fault fault;
	size_t len;

	for (; left > 0; at += len, left -= len) {
		if (left < 2 || at[1] == 0)
			return FRAME_OPTION;
		len = (size_t)at[1] * 8;
		if (len > left)
			return FRAME_OPTION;
		fault = read_option(f, at, len);
		if (fault != FRAME_FINE)
			return fault;
	}
	return FRAME_FINE;
}

/* RFC 4861 7.1.1 and 7.1.2: who may say this to whom. */
static bool
nd_addresses_fit(const struct frame *f)
{
	bool to_group = f->dest.bytes[0] == 0xff;

	if (f->sender.bytes[0] == 0xff || f->target.bytes[0] == 0xff ||
	    frame_addr_is_zero(&f->target))
		return false;
	if (f->kind == FRAME_NA)
		return !frame_addr_is_zero(&f->sender) &&
		       !(to_group && f->solicited);
	return !frame_addr_is_zero(&f->sender) ||
	       is_solicited_node(f->dest.bytes);
}

static enum frame_fault
read_icmp(struct frame *f, const uint8_t *icmp, size_t len)
{
	f->kind = icmp[0] == TYPE_NS ? FRAME_NS : FRAME_NA;
	read_addr(&f->target, 6, icmp + 8);
	if (f->kind == FRAME_NA) {
		f->router = (icmp[4] & FLAG_ROUTER) != 0;
		f->solicited = (icmp[4] & FLAG_SOLICITED) != 0;
		f->override = (icmp[4] & FLAG_OVERRIDE) != 0;
	}
	if (!nd_addresses_fit(f))
		return FRAME_ADDRESS;
	return read_options(f, icmp + ND_FIXED, len - ND_FIXED);
}

static enum frame_fault
read_nd(const uint8_t *ip, size_t len, bool checksum, struct frame *f)
{
	const uint8_t *icmp = ip + IPV6_LEN;
	size_t icmp_len;

	if (len < IPV6_LEN + ND_FIXED)
		return FRAME_SHORT;
	if (ip[0] >> 4 != 6 || ip[6] != NEXT_ICMPV6 ||
	    (icmp[0] != TYPE_NS && icmp[0] != TYPE_NA) || icmp[1] != 0)
		return FRAME_TYPE;
	icmp_len = read16(ip + 4);
	if (icmp_len < ND_FIXED || icmp_len > len - IPV6_LEN)
		return FRAME_SHORT;
	if (ip[7] != 255)
		return FRAME_HOP_LIMIT;
	if (checksum && frame_checksum(ip + 8, ip + 24, icmp, icmp_len) != 0)
		return FRAME_CHECKSUM;
	read_addr(&f->sender, 6, ip + 8);
	read_addr(&f->dest, 6, ip + 24);
	return read_icmp(f, icmp, icmp_len);
}

/* Both -------------------------------------------------------------------------- */

enum frame_fault
frame_read(const uint8_t *bytes, size_t len, bool checksum, struct frame *f)
{
	memset(f, 0, sizeof(*f));
	if (len < ETHER_LEN)
		return FRAME_SHORT;
	memcpy(f->ether_dst, bytes, MAC_LEN);
	memcpy(f->ether_src, bytes + MAC_LEN, MAC_LEN);
	f->to_all = (bytes[0] & 1) != 0;
	if (!mac_is_station(f->ether_src))
		return FRAME_ADDRESS;
	switch (read16(bytes + 12)) {
	case ETHER_ARP:
		return read_arp(bytes + ETHER_LEN, len - ETHER_LEN, f);
	case ETHER_IPV6:
		return read_nd(bytes + ETHER_LEN, len - ETHER_LEN, checksum, f);
	default:
		return FRAME_TYPE;
	}
}

static const char *const fault_names[FRAME_FAULTS] = {
	[FRAME_FINE] = "fine",
	[FRAME_SHORT] = "short",
	[FRAME_TYPE] = "type",
	[FRAME_FORM] = "form",
	[FRAME_HOP_LIMIT] = "hop-limit",
	[FRAME_CHECKSUM] = "checksum",
	[FRAME_OPTION] = "option",
	[FRAME_ADDRESS] = "address",
};

const char *
frame_fault_name(unsigned fault)
{
	return fault < FRAME_FAULTS ? fault_names[fault] : "?";
}
