/* SPDX-License-Identifier: ISC */
/* Any bytes into what the plugin l2 reads of a wire, and of netlink; seeds in l2/. */

/*
 * As fuzz_wire.c: libFuzzer, or FUZZ_STANDALONE to replay seeds. The first byte
 * says which: 0 a frame, 1 a frame whose checksum is not filled in, 2 a message
 * of rtnetlink. What is read is judged, and what is answered must read again.
 */
#undef NDEBUG
#include <assert.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/l2/frame.h"
#include "../../plugins/l2/netmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t our_mac[MAC_LEN] = { 2, 0, 0, 0, 0, 1 };

static void
fuzz_answer(const struct frame *f, const struct answer *a)
{
	struct frame_style style = { false, NULL };
	struct frame_set set;
	struct frame back;

	build_set(&set, our_mac, &f->target, &style);
	build_aim(set.answer, a->to, f->mac, &f->sender);
	/* A sender may be one that cannot be answered to: 0.0.0.0 in ARP. */
	if (frame_read(set.answer, set.len, true, &back) != FRAME_FINE)
		return;
	assert(kit_addr_equal(&back.sender, &f->target));
	assert(frame_mac_equal(back.ether_dst, f->ether_src));
}

static void
fuzz_frame(const uint8_t *data, size_t len, bool checksum)
{
	struct answer_scene scene = { .mac = our_mac, .taken = true };
	struct answer a;
	struct frame f;

	if (frame_read(data, len, checksum, &f) != FRAME_FINE)
		return;
	scene.addr = &f.target;
	a = answer_judge(&f, &scene);
	assert(a.what != ANSWER_NOTHING || a.reason != REASON_NONE);
	if (a.what == ANSWER_REPLY)
		fuzz_answer(&f, &a);
	scene.taken = false;
	scene.probing = true;
	a = answer_judge(&f, &scene);
	assert(a.what != ANSWER_REPLY || f.kind > FRAME_NA ||
	       !frame_addr_is_zero(&f.sender));
}

static void
fuzz_netlink(const uint8_t *data, size_t len)
{
	union {
		struct nlmsghdr head;
		uint8_t bytes[4096];
	} * m;
	struct neighbor_entry entry;
	struct default_route route;
	struct host_addr addr;
	struct link link;

	if (len < sizeof(struct nlmsghdr) || len > sizeof(*m))
		return;
	/* Of its own size, so that a sanitizer sees a step too far. */
	m = malloc(len);
	memcpy(m, data, len);
	m->head.nlmsg_len = (uint32_t)len;
	if (netmsg_read_link(&m->head, &link) == 0)
		assert(memchr(link.name, 0, sizeof(link.name)) != NULL);
	if (netmsg_read_addr(&m->head, &addr) == 0)
		netmsg_holds(&addr, &addr.addr);
	if (netmsg_read_default(&m->head, &route) == 0)
		assert(route.count <= 8);
	netmsg_read_neighbor(&m->head, &entry);
	free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] <= 1)
		fuzz_frame(data + 1, len - 1, data[0] == 0);
	else
		fuzz_netlink(data + 1, len - 1);
	return 0;
}

#ifdef FUZZ_STANDALONE
#include "replay.h"

int
main(int argc, char **argv)
{
	return replay_all(argc, argv, TESTS_DIR "/../fuzz/l2/*");
}
#endif
