/* SPDX-License-Identifier: ISC */
/* Frames for tests of the plugin l2, and the MACs and addresses in them. */
#ifndef L2_FRAMES_H
#define L2_FRAMES_H

#include "../../plugins/l2/frame.h"

__attribute__((unused)) static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };
__attribute__((unused)) static const uint8_t their_mac[6] = { 2, 0, 0, 0, 0,
	2 };
__attribute__((unused)) static const uint8_t third_mac[6] = { 2, 0, 0, 0, 0,
	3 };
__attribute__((unused)) static const struct bgpd_addr vip4 = { 4,
	{ 192, 0, 2, 240 } };
__attribute__((unused)) static const struct bgpd_addr host4 = { 4,
	{ 192, 0, 2, 20 } };
__attribute__((unused)) static const struct bgpd_addr zero4 = { 4, { 0 } };
__attribute__((unused)) static const struct bgpd_addr vip6 = { 6,
	{ 0x20, 1, 0xd, 0xb8, [14] = 2, [15] = 0x40 } };
__attribute__((unused)) static const struct bgpd_addr host6 = { 6,
	{ 0x20, 1, 0xd, 0xb8, [15] = 0x20 } };
__attribute__((unused)) static const struct bgpd_addr zero6 = { 6, { 0 } };
__attribute__((unused)) static const struct bgpd_addr all_nodes6 = { 6,
	{ 0xff, 2, [15] = 1 } };

/* op, sender, target; Ethernet as it should be: from the SHA, to all. */
static inline size_t
arp_make(uint8_t *out, uint8_t op, const uint8_t *sha,
    const struct bgpd_addr *spa, const struct bgpd_addr *tpa)
{
	static const uint8_t form[8] = { 0, 1, 8, 0, 6, 4, 0, 0 };

	memset(out, 0, ARP_LEN);
	memset(out, 0xff, 6);
	memcpy(out + 6, sha, 6);
	out[12] = 8;
	out[13] = 6;
	memcpy(out + 14, form, 8);
	out[21] = op;
	memcpy(out + 22, sha, 6);
	memcpy(out + 28, spa->bytes, 4);
	memcpy(out + 38, tpa->bytes, 4);
	return ARP_LEN;
}

/* The checksum as the bytes are now. */
static inline void
nd_seal(uint8_t *out, size_t len)
{
	uint16_t sum;

	out[56] = out[57] = 0;
	sum = frame_checksum(out + 22, out + 38, out + 54, len - 54);
	out[56] = (uint8_t)(sum >> 8);
	out[57] = (uint8_t)sum;
}

/* option 0: none; else it holds the MAC. */
static inline size_t
nd_make(uint8_t *out, uint8_t type, const uint8_t *mac,
    const struct bgpd_addr *source, const struct bgpd_addr *dest,
    const struct bgpd_addr *target, uint8_t option)
{
	size_t len = option == 0 ? 78 : 86;

	memset(out, 0, 86);
	out[0] = out[1] = 0x33;
	memcpy(out + 2, dest->bytes + 12, 4);
	memcpy(out + 6, mac, 6);
	out[12] = 0x86;
	out[13] = 0xdd;
	out[14] = 0x60;
	out[19] = (uint8_t)(len - 54);
	out[20] = 58;
	out[21] = 255;
	memcpy(out + 22, source->bytes, 16);
	memcpy(out + 38, dest->bytes, 16);
	out[54] = type;
	memcpy(out + 62, target->bytes, 16);
	if (option != 0) {
		out[78] = option;
		out[79] = 1;
		memcpy(out + 80, mac, 6);
	}
	nd_seal(out, len);
	return len;
}

static inline struct bgpd_addr
group_of(const struct bgpd_addr *addr)
{
	struct bgpd_addr group = { .family = 6 };

	frame_solicited_node(addr, group.bytes);
	return group;
}

#endif
