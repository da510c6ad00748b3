/* SPDX-License-Identifier: ISC */
/* What the kernel lets through to a packet socket: small programs of cBPF. */

/*
 * Attached before the socket is bound, so that nothing else ever queues. They
 * keep a storm of other hosts' ARP from waking the daemon at all: a frame must
 * name, as sender or target, an address of one of the /24s that hold ours.
 */

#include <linux/filter.h>
#include <linux/if_packet.h>

#include "frame.h"

#define LOAD_HALF(at) BPF_STMT(BPF_LD | BPF_H | BPF_ABS, at)
#define LOAD_WORD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define LOAD_BYTE(at) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at)
#define KEEP(mask)    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask)
#define WHOLE	      BPF_STMT(BPF_RET | BPF_K, 0x40000)
#define NONE	      BPF_STMT(BPF_RET | BPF_K, 0)

struct program {
	struct sock_filter *out;
	size_t len;
};

static void
put(struct program *p, struct sock_filter instruction)
{
	p->out[p->len++] = instruction;
}

/* Ends here with nothing unless the last load has this value. */
static void
put_expect(struct program *p, uint32_t value)
{
	put(p, (struct sock_filter)BPF_JUMP(
		   BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
	put(p, (struct sock_filter)NONE);
}

/* ... one of two values. */
static void
put_expect_either(struct program *p, uint32_t a, uint32_t b)
{
	put(p,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 2, 0));
	put(p,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b, 1, 0));
	put(p, (struct sock_filter)NONE);
}

/* Frames to other MACs, and tagged ones of VLANs that have no device. */
static void
put_to_us(struct program *p)
{
	put(p, (struct sock_filter)LOAD_BYTE(
		   (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)));
	put(p, (struct sock_filter)BPF_JUMP(
		   BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, 1, 0));
	put(p, (struct sock_filter)BPF_JUMP(
		   BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1));
	put(p, (struct sock_filter)NONE);
}

size_t
filter_arp(struct sock_filter *out, const uint32_t *blocks, unsigned count)
{
	static const uint32_t at[2] = { 38, 28 }; /* TPA, SPA */
	struct program p = { out, 0 };
	unsigned i, k;

	put_to_us(&p);
	put(&p, (struct sock_filter)LOAD_HALF(12));
	put_expect(&p, 0x0806);
	put(&p, (struct sock_filter)LOAD_WORD(14));
	put_expect(&p, 0x00010800);
	put(&p, (struct sock_filter)LOAD_WORD(18));
	put_expect_either(&p, 0x06040001, 0x06040002);
	for (i = 0; i < 2 && count > 0; i++) {
		put(&p, (struct sock_filter)LOAD_WORD(at[i]));
		put(&p, (struct sock_filter)KEEP(0xffffff00));
		for (k = 0; k < count; k++)
			/* Over the other blocks, and the second round. */
			put(&p, (struct sock_filter)BPF_JUMP(
				    BPF_JMP | BPF_JEQ | BPF_K, blocks[k],
				    (uint8_t)(i == 0 ? count - k + 2 + count
						     : count - k),
				    0));
	}
	if (count > 0)
		put(&p, (struct sock_filter)NONE);
	put(&p, (struct sock_filter)WHOLE);
	return p.len;
}

size_t
filter_nd(struct sock_filter *out)
{
	struct program p = { out, 0 };

	put_to_us(&p);
	put(&p, (struct sock_filter)LOAD_HALF(12));
	put_expect(&p, 0x86dd);
	put(&p, (struct sock_filter)LOAD_BYTE(20));
	put_expect(&p, 58);
	put(&p, (struct sock_filter)LOAD_BYTE(54));
	put_expect_either(&p, 135, 136);
	put(&p, (struct sock_filter)WHOLE);
	return p.len;
}
