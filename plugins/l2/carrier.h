/* SPDX-License-Identifier: ISC */
/* The door of the carrier: it puts addresses on Ethernet segments. */
#ifndef L2_CARRIER_H
#define L2_CARRIER_H

/*
 * The carrier answers ARP and ND for addresses, announces them, sees whether
 * that was heard, and hears who else says that he has them. Whose they are it
 * does not know: it is told take and yield. All of it runs in the daemon's loop
 * thread; its callbacks come from there, mostly not from inside a call of this
 * door (interfaces are told by carrier_new and carrier_configure). From a
 * callback all may be called but carrier_configure and carrier_free, and no
 * other address than the one that is told of may be removed. Times: us of CLOCK_MONOTONIC unless the name says ms.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct carrier;

/* What to do when an alien says that he has an address that is owned here. */
enum carrier_policy {
	CARRIER_DEFEND,	   /* announce, at most once per 10 s */
	CARRIER_YIELD,	   /* fall silent; the caller is told */
	CARRIER_QUARANTINE /* ... and probe until it is free again */
};

struct carrier_options {
	/* POSIX extended expressions, unanchored, of interface names. */
	const char *const *allow; /* none: all that are not excluded */
	unsigned allow_count;
	const char *const *exclude; /* NULL: MetalLB's list */
	unsigned exclude_count;
	bool slow_probe; /* timing of RFC 5227, 3-7 s, in place of 0.6 s */
	uint8_t policy;	 /* enum carrier_policy */
	uint32_t pace_per_sec;	/* announced frames per interface; 0: 1000 */
	uint32_t age_max_ms;	/* older questions are not answered; 0: 250 */
	uint32_t quarantine_ms; /* between its probes; 0: 60000 */
	bool router_flag;	/* R in advertisements (RFC 4861 4.4) */
	/* They are from the interface's link-local address, where it has one. */
	bool link_local_source;
};

enum carrier_state {
	CARRIER_KNOWN, /* silent, but ready; conflicts are not told */
	CARRIER_PROBING,
	CARRIER_TAKEN,	    /* answers and announces */
	CARRIER_QUARANTINED /* an alien has it; it is probed again and again */
};

/* Has somebody been seen to learn that we have the address? */
enum carrier_proof {
	CARRIER_UNASKED, /* not taken, or there is nobody to ask */
	CARRIER_ASKING,
	CARRIER_CONFIRMED,
	CARRIER_UNCONFIRMED, /* asked, and not answered for a second */
	CARRIER_UNPROVABLE   /* ... but it is of no subnet of the gateway */
};

struct carrier_address_view {
	struct bgpd_addr address;
	uint8_t state, proof; /* enum carrier_state, carrier_proof */
	bool fenced, prejoined;
	unsigned interfaces; /* on so many; 0: no interface can carry it */
	int64_t taken_us;    /* 0: it is not */
	struct bgpd_addr confirmed_by; /* family 0: nobody */
	uint32_t confirmed_ms;	       /* after it was asked */
	uint64_t questions, answers, announced, conflicts;
	bool conflict; /* now: mac */
	uint8_t mac[6];
	const char *kernel; /* its interface: the kernel answers too; or NULL */
	/* Others that asked for it, the latest first. */
	struct {
		struct bgpd_addr address;
		uint8_t mac[6];
		int64_t asked_us;
	} askers[4];
	unsigned asker_count;
};

struct carrier_reason {
	const char *name;
	uint64_t count;
};

struct carrier_interface_view {
	int ifindex;
	const char *name;
	uint8_t mac[6];
	bool used;
	const char *why_not; /* a word, of an interface that is not used */
	unsigned addresses;  /* that are on it */
	struct bgpd_addr gateways[4];
	unsigned gateway_count;
	uint64_t frames_in, frames_out, send_failures;
	const struct carrier_reason *dropped; /* reasons that happened */
	unsigned dropped_count;
};

enum carrier_probed { CARRIER_FREE, CARRIER_ALIEN, CARRIER_FELLOW };

/* Any may be NULL. mac is borrowed. */
struct carrier_callbacks {
	/*
	 * The end of carrier_probe, also of the probes of a quarantine. ALIEN is
	 * told two seconds after he was heard, where there are fellows: he may
	 * turn out to be one, and if he does so later it is probed again.
	 */
	void (*on_probed)(void *arg, const struct bgpd_addr *address,
	    enum carrier_probed result, const uint8_t mac[6]);
	/*
	 * Somebody else says that he has it while it is taken here. fellow: that
	 * one of carrier_fellows (family 0: only its MAC is known); then nothing
	 * else is done about it. NULL: an alien, who is told once per defence, after what the policy says was done:
	 * state says whether it is still taken.
	 */
	void (*on_conflict)(void *arg, const struct bgpd_addr *address,
	    const uint8_t mac[6], int ifindex, const struct bgpd_addr *fellow,
	    uint8_t state);
	void (*on_conflict_over)(void *arg, const struct bgpd_addr *address);
	/*
	 * by answered to the address, so many ms after it was asked: at take,
	 * when an interface came or changed, at carrier_announce.
	 */
	void (*on_confirmed)(void *arg, const struct bgpd_addr *address,
	    const struct bgpd_addr *by, uint32_t ms);
	/* proof: UNCONFIRMED or UNPROVABLE. It may be confirmed later. */
	void (*on_unconfirmed)(void *arg, const struct bgpd_addr *address,
	    enum carrier_proof proof);
	/* An interface can carry addresses, can no more, or has another MAC. */
	void (*on_iface)(void *arg, int ifindex, const char *name, bool used,
	    const char *why_not);
	/* Interfaces or their addresses, of any kind, may be others now. */
	void (*on_links)(void *arg);
	/* A gateway answered carrier_ask_gateways, on that interface. */
	void (*on_gateway)(
	    void *arg, const struct bgpd_addr *gateway, int ifindex);
	/* The kernel answers for a known address that this node has on `on`. */
	void (*on_kernel_answers)(void *arg, const struct bgpd_addr *address,
	    const char *on, bool answers);
};

/* carrier.c ------------------------------------------------------------------------ */

/* NULL: no netlink; it is logged. Interfaces are known when it returns. */
struct carrier *carrier_new(const struct bgpd_host *host,
    struct bgpd_self *self, const struct carrier_callbacks *callbacks,
    void *arg);
/* Silent at once. */
void carrier_free(struct carrier *carrier);
/*
 * What changes takes effect at once. NULL, or what is wrong with an
 * expression (until the next call); then nothing has changed.
 */
const char *carrier_configure(
    struct carrier *carrier, const struct carrier_options *options);

/* Makes it known, or known on other interfaces. count 0: on all. */
void carrier_add(struct carrier *carrier, const struct bgpd_addr *address,
    const char *const *interfaces, unsigned count);
/* Silent at once, and forgotten. */
void carrier_remove(struct carrier *carrier, const struct bgpd_addr *address);

/* What follows is of addresses that were added; of others nothing happens. */

/*
 * Is it free? on_probed tells, never before this returns. Without an interface
 * it is told when there is one and the probes are over. Of a taken one: nothing.
 */
void carrier_probe(struct carrier *carrier, const struct bgpd_addr *address);
/* Answers, announces, verifies; the first frames leave in this call. */
void carrier_take(struct carrier *carrier, const struct bgpd_addr *address);
/* Silent at once; stays known. */
void carrier_yield(struct carrier *carrier, const struct bgpd_addr *address);
/* Announces a taken one as if it were new: the answer to a worse owner. */
void carrier_announce(struct carrier *carrier, const struct bgpd_addr *address);
/* A first backup is in the solicited-node group already (IPv6). */
void carrier_prejoin(
    struct carrier *carrier, const struct bgpd_addr *address, bool joined);

/*
 * After this instant nothing is answered or announced unless it is moved on.
 * INT64_MAX, as at first: without end. The clock is read when frames are sent.
 */
void carrier_fence(struct carrier *carrier, int64_t until_us);
int64_t carrier_now_us(void);
/*
 * The other speakers: their addresses, whose MACs the kernel's neighbor table
 * has, and MACs that they told. In place of the last. Both are copied.
 */
void carrier_fellows(struct carrier *carrier, const struct bgpd_addr *addresses,
    unsigned count, const uint8_t (*macs)[6], unsigned mac_count);

/* What the kernel knows of their MACs now is remembered: a call when one is up. */
void carrier_meet_fellows(struct carrier *carrier);
/*
 * Asks every gateway, as this node itself; on how many interfaces one was asked,
 * and which, as far as there is room for.
 */
unsigned carrier_ask_gateways(
    struct carrier *carrier, int *ifindexes, unsigned room);
/*
 * Asks for a fellow on its segment, as this node itself, so that both kernels know
 * the other's MAC at once: by themselves they ask once a second.
 */
void carrier_greet(struct carrier *carrier, const char *interface,
    const struct bgpd_addr *fellow);
/* The interface whose subnet holds the address, used or not; false: none. */
bool carrier_locate(
    struct carrier *carrier, const struct bgpd_addr *address, char name[16]);
/* The interface that has just this address; false: none. */
bool carrier_own(
    struct carrier *carrier, const struct bgpd_addr *address, char name[16]);
/* Can that interface send and be heard? */
bool carrier_is_linked(struct carrier *carrier, const char *name);

/* subnets.c: where addresses are carried ---------------------------------------------- */

/* A subnet of an interface that carries addresses. */
struct carrier_subnet {
	int ifindex;
	char name[16];
	struct bgpd_addr addr; /* this node's own there; none that is carried */
	uint8_t length;
	bool linked; /* else the interface would, if it had its link */
};
#define CARRIER_SUBNETS 32
/*
 * All of each such interface, without those of one host and of link-local
 * addresses; IPv4 first, in order of networks. How many; at most room. The list
 * holds that of before: addresses of it stay while they exist. Where an interface
 * without link shares its subnet with one that has it, the latter alone counts.
 */
unsigned carrier_subnets(struct carrier *carrier,
    struct carrier_subnet *subnets, unsigned before, unsigned room);
/*
 * Which of the first 32 of a list an address belongs to: bits. The smallest that
 * holds it, of those that it is carried on, or would be with their link; else all
 * of these, of each interface those of its family. 0: none, or it is not known.
 */
uint32_t carrier_subnets_of(struct carrier *carrier,
    const struct bgpd_addr *address, const struct carrier_subnet *subnets,
    unsigned count);
/* It is known, and no interface can carry it now. */
bool carrier_is_nowhere(
    struct carrier *carrier, const struct bgpd_addr *address);
/* Grows whenever an interface can carry addresses, or can no more. */
uint64_t carrier_turns(const struct carrier *carrier);

/* view.c: for show; a view is good until its callback returns ----------------------- */

void carrier_each_address(struct carrier *carrier,
    void (*on_address)(void *arg, const struct carrier_address_view *view),
    void *arg);
/* False: it is not known. */
bool carrier_find_address(struct carrier *carrier,
    const struct bgpd_addr *address, struct carrier_address_view *view);
void carrier_each_interface(struct carrier *carrier,
    void (*on_interface)(void *arg, const struct carrier_interface_view *view),
    void *arg);
const char *carrier_state_name(unsigned state);
const char *carrier_proof_name(unsigned proof);

#endif
