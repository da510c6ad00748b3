/* SPDX-License-Identifier: ISC */
/* ARP and ND by the byte: read, built, judged; nothing here touches a socket. */
#ifndef L2_FRAME_H
#define L2_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kit.h"

#define MAC_LEN	  6
#define ARP_LEN	  42 /* Ethernet and ARP, not padded */
#define ND_LEN	  86 /* Ethernet, IPv6, NS or NA, one option of 8 bytes */
#define FRAME_MAX ND_LEN
#define NONCE_LEN 6

/* 0.0.0.0 or :: */
static inline bool
frame_addr_is_zero(const struct bgpd_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, a->family == 4 ? 4 : 16) == 0;
}

static inline bool
frame_mac_equal(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, MAC_LEN) == 0;
}

/* frame.c: what a frame says ----------------------------------------------------- */

enum frame_kind { FRAME_REQUEST, FRAME_REPLY, FRAME_NS, FRAME_NA };

/* Why a frame is not looked at; FRAME_FINE is 0. */
enum frame_fault {
	FRAME_FINE,
	FRAME_SHORT,	 /* it ends before its fields do */
	FRAME_TYPE,	 /* neither ARP nor NS nor NA */
	FRAME_FORM,	 /* ARP of other hardware, protocol or operation */
	FRAME_HOP_LIMIT, /* it came through a router */
	FRAME_CHECKSUM,
	FRAME_OPTION,  /* of ND: length 0, too long, not allowed here */
	FRAME_ADDRESS, /* one that cannot stand where it stands */
	FRAME_FAULTS
};

struct frame {
	uint8_t kind; /* enum frame_kind */
	bool to_all;  /* Ethernet broadcast or multicast */
	uint8_t ether_dst[MAC_LEN], ether_src[MAC_LEN];
	/* Who speaks: SHA and SPA; SLLAO or TLLAO, and the source of IPv6. */
	bool has_mac; /* ARP: always */
	uint8_t mac[MAC_LEN];
	struct bgpd_addr sender;
	/* What is asked or told about: TPA; the target. */
	struct bgpd_addr target;
	uint8_t target_mac[MAC_LEN]; /* ARP alone: THA */
	/* To whom: TPA; the destination of IPv6. */
	struct bgpd_addr dest;
	bool solicited, override, router; /* of a NA */
	bool has_nonce;			  /* RFC 7527, of six bytes */
	uint8_t nonce[NONCE_LEN];
};

/*
 * A frame from its Ethernet header on; trailing padding is fine. checksum: that
 * of ICMPv6 was filled in by the sender (it is not on some virtual cables).
 */
enum frame_fault frame_read(
    const uint8_t *bytes, size_t len, bool checksum, struct frame *frame);
const char *frame_fault_name(unsigned fault);
/* ICMPv6, at most 64 KB: 0 over a right one, else what to put in its place. */
uint16_t frame_checksum(const uint8_t *source, const uint8_t *dest,
    const uint8_t *icmp, size_t len);
/* ff02::1:ff00:0/104 with the low 24 bits of an address. */
void frame_solicited_node(const struct bgpd_addr *addr, uint8_t group[16]);

/* build.c: the frames of one address on one interface ------------------------------- */

/* Built ahead, so that a takeover is a matter of sending. */
struct frame_set {
	uint8_t len;		     /* of announce, answer and ask */
	uint8_t announce[FRAME_MAX]; /* request form, THA 0; unsolicited NA */
	uint8_t announce_reply[ARP_LEN]; /* THA own; IPv4 alone */
	uint8_t answer[FRAME_MAX];	 /* to nobody yet: build_aim */
};

struct frame_style {
	bool router;			/* the R flag of every NA */
	const struct bgpd_addr *source; /* of NAs; NULL: the address itself */
};

void build_set(struct frame_set *set, const uint8_t mac[MAC_LEN],
    const struct bgpd_addr *addr, const struct frame_style *style);
/* The answer of the set, for that asker; ether: where it is sent. */
void build_aim(uint8_t frame[FRAME_MAX], const uint8_t ether[MAC_LEN],
    const uint8_t mac[MAC_LEN], const struct bgpd_addr *asker);
/*
 * RFC 5227 2.1.1, RFC 4862 5.4.2 with a nonce of RFC 7527: may it be used? All
 * of these return the length.
 */
size_t build_probe(uint8_t frame[FRAME_MAX], const uint8_t mac[MAC_LEN],
    const struct bgpd_addr *addr, const uint8_t nonce[NONCE_LEN]);
/*
 * An ordinary question for `whom` with the address as the one who asks: who
 * answers has learned us. ether NULL: to all of them.
 */
size_t build_ask(uint8_t frame[FRAME_MAX], const uint8_t mac[MAC_LEN],
    const struct bgpd_addr *addr, const struct bgpd_addr *whom,
    const uint8_t *ether);

/* answer.c: what is to be done about a frame ---------------------------------------- */

enum answer_what {
	ANSWER_NOTHING,
	ANSWER_REPLY,	 /* unicast, to answer.to */
	ANSWER_TO_ALL,	 /* NA to all nodes: somebody's DAD */
	ANSWER_CONFLICT, /* somebody else says that he has it */
	ANSWER_RIVAL,	 /* somebody else probes it while we do */
	ANSWER_LEARNED,	 /* who was asked has answered the address */
};

/* Why a frame is not answered, counted by these. */
enum answer_reason {
	REASON_NONE,
	REASON_OWN,	  /* our own frame, or our own nonce */
	REASON_SILENT,	  /* the address is another's, or fenced */
	REASON_FOREIGN,	  /* the asker is of no subnet of the interface */
	REASON_SOURCE,	  /* Ethernet says another sender than the frame */
	REASON_STRAY,	  /* not to us, or an answer that nobody asked for */
	REASON_LIMITED,	  /* the asker, or all of them, ask too often */
	REASON_OLD,	  /* it waited too long: this process stood still */
	REASON_UNKNOWN,	  /* about no address of ours */
	REASON_OTHERHOST, /* to another MAC, or of a VLAN that is not ours */
	REASONS
};

struct answer_scene {
	const struct bgpd_addr *addr; /* the frame has it somewhere */
	const uint8_t *mac;	      /* of the interface */
	const uint8_t *nonce;	      /* of our probes; NULL: none */
	bool taken, probing;
	/* A subnet of the interface holds the address, none the asker. */
	bool foreign;
	bool router; /* the asker is one that this node uses */
};

struct answer {
	uint8_t what, reason;
	const uint8_t *to;  /* Ethernet, in the frame */
	const uint8_t *mac; /* of the other in a conflict, in the frame */
	bool knows_us;	    /* the asker had our MAC already */
};

struct answer answer_judge(
    const struct frame *frame, const struct answer_scene *scene);
const char *answer_reason_name(unsigned reason);

struct bucket {
	int64_t at_us;
	uint32_t level; /* of a thousandth of a token */
};
/* A token of a bucket that is filled at a rate; false: there is none. */
bool bucket_take(
    struct bucket *bucket, uint32_t per_sec, uint32_t burst, int64_t now_us);

#define LIMIT_SLOTS 256
#define LIMIT_RATE  50
#define LIMIT_BURST 100
#define LIMIT_ALL   5000 /* of all sources together */

/* Of fixed size: sources that share a slot, by a secret, share what it has. */
struct limit {
	uint32_t secret;
	struct bucket slots[LIMIT_SLOTS], all;
};
bool limit_allows(
    struct limit *limit, const uint8_t mac[MAC_LEN], int64_t now_us);

/* acd.c: conflict detection (RFC 5227), the same for IPv6 ------------------------------ */

enum acd_state { ACD_IDLE, ACD_PROBING, ACD_FREE, ACD_TAKEN_BY };
enum acd_step { ACD_WAIT, ACD_SEND, ACD_DONE, ACD_LOST };

struct acd {
	uint8_t state; /* enum acd_state */
	uint8_t sent;
	bool by_rfc;	      /* its slow timing */
	int64_t due_us;	      /* of the next step */
	uint8_t mac[MAC_LEN]; /* TAKEN_BY: whose it is; doubted: whose else */
	bool doubted, prober; /* mac was heard; it only probes, too */
	int64_t doubt_us;     /* until then it may turn out to be a fellow */
	/* While it is owned. */
	uint32_t conflicts;
	int64_t conflict_us, defended_us;
};

/* random: 32 bits of it. */
void acd_start(struct acd *acd, bool by_rfc, uint32_t random, int64_t now_us);
void acd_stop(struct acd *acd);
/* It is due. SEND: a probe, and due_us is the next; DONE: nobody has it; LOST: mac. */
enum acd_step acd_tick(struct acd *acd, uint32_t random, int64_t now_us);
/* Somebody has it. True where this ends the probing. */
bool acd_hear(struct acd *acd, const uint8_t mac[MAC_LEN]);
/*
 * Somebody has it, or probes it, too, who may be a fellow whose MAC is not known
 * yet: the probes go on, and end with LOST unless he is cleared within two seconds.
 */
void acd_doubt(
    struct acd *acd, const uint8_t mac[MAC_LEN], bool prober, int64_t now_us);
/* It is a fellow that probes: as if it had not been heard. due_us may be earlier. */
void acd_clear(struct acd *acd, int64_t now_us);
/* A conflict while it is owned: true where it is to be defended now. */
bool acd_defend(struct acd *acd, int64_t now_us);
/* No conflict for so long that it is over. */
#define ACD_OVER_US INT64_C(60000000)

/* filter.c: what the kernel lets through (cBPF) ---------------------------------------- */

#define FILTER_BLOCKS 32 /* /24s; more: every ARP frame passes */
#define FILTER_MAX    96 /* instructions */

struct sock_filter;
/* ARP of IPv4 over Ethernet, to us, that names an address of the /24s; count 0: any. */
size_t filter_arp(
    struct sock_filter *out, const uint32_t *blocks, unsigned count);
/* NS and NA, to us. */
size_t filter_nd(struct sock_filter *out);

#endif
