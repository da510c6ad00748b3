/* SPDX-License-Identifier: ISC */
/* Between the rooms of the carrier: addresses, interfaces, and where they meet. */
#ifndef L2_SEGMENT_H
#define L2_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "carrier.h"
#include "ground.h"

struct spot;

/* port.c: the sockets of one interface ---------------------------------------------------- */

enum lane {
	LANE_FIRST, /* the first announcement after a take */
	LANE_REST,  /* the forms that follow, and repeats */
	LANE_ASK,   /* unicast: verification */
	LANES
};
TAILQ_HEAD(lane_queue, spot);

struct tx;
struct port {
	struct carrier *carrier;
	struct iface *iface;
	int ifindex;
	char name[IF_NAMESIZE]; /* addresses were placed by */
	uint8_t mac[MAC_LEN];
	int active_slave;
	struct bgpd_addr source; /* of advertisements; family 0: the address */
	int arp_ignore;		 /* doctor.c's, of its last look */
	int twin;   /* ifindex of one on the same segment that speaks; 0 */
	int fds[2]; /* ARP; ND */
	struct bgpd_watch *watches[2];
	struct tx *tx; /* port.c's */
	LIST_HEAD(, spot) spots;
	/* Open addressing: by address. */
	struct spot **table;
	unsigned table_size, spot_count;
	struct lane_queue lanes[LANES];
	struct pace pace, pace_ask;
	struct alarm pump;
	struct limit limit;
	uint64_t frames_in, frames_out, send_failures;
	uint64_t reasons[REASONS], faults[FRAME_FAULTS];
	struct carrier_reason shown[REASONS + FRAME_FAULTS];
};

/* NULL: *why is a word. The filter lets the carrier's blocks through. */
struct port *port_open(
    struct carrier *carrier, struct iface *iface, const char **why);
/* Its spots were taken off. */
void port_close(struct port *port);
void port_set_filter(struct port *port);
/* Copied; leaves with the next flush. family: 4, 6. */
uint8_t *port_put(struct port *port, uint8_t family, size_t len);
void port_flush(struct port *port);

/* spots.c: addresses, and each of them on an interface --------------------------------------- */

#define ASKERS	4
#define TARGETS (GATEWAYS + ASKERS)

struct target {
	struct bgpd_addr addr;
	bool has_mac, gateway, answered;
	uint8_t mac[MAC_LEN];
};

struct spot {
	LIST_ENTRY(spot) of_vip, of_port;
	TAILQ_ENTRY(spot) in_lane[2]; /* of announcements; of questions */
	struct vip *vip;
	struct port *port;
	uint8_t lane;	     /* of the first, or LANES */
	bool asks_queued;    /* it is in LANE_ASK */
	bool joined;	     /* its group */
	uint8_t step, forms; /* of announcements, announce.c's */
	uint8_t attempt;     /* of questions, confirm.c's */
	uint8_t target_count;
	struct alarm announce, ask;
	struct target targets[TARGETS];
	struct frame_set frames;
};

struct asker {
	struct bgpd_addr addr;
	uint8_t mac[MAC_LEN];
	int ifindex;
	int64_t asked_us; /* 0: nobody */
};

struct vip {
	RB_ENTRY(vip) link;
	struct carrier *carrier;
	struct bgpd_addr addr;
	uint8_t state, proof; /* enum carrier_state, carrier_proof */
	bool prejoined, conflict;
	char **only; /* names of interfaces; NULL: all */
	unsigned only_count;
	LIST_HEAD(, spot) spots;
	LIST_ENTRY(vip) of_suspects;
	bool suspects; /* it is in that list: somebody's MAC matters to it */
	struct acd acd;
	struct alarm acd_alarm, over_alarm;
	uint8_t nonce[NONCE_LEN];
	uint8_t conflict_mac[MAC_LEN];
	int64_t fellow_us;    /* a fellow's conflict was told last */
	struct bucket aliens; /* that are told, of many MACs */
	int64_t taken_us, asked_us;
	struct bgpd_addr confirmed_by;
	uint32_t confirmed_ms;
	struct asker askers[ASKERS];
	/* ifindex: this node has it there and answers; 0. Told; being seen. */
	int kernel_on, kernel_seen;
	uint64_t questions, answers, announced, conflicts;
};
RB_HEAD(vips, vip);
struct vip *vips_next(struct vip *vip);
struct vip *vips_first(struct vips *vips);
struct vip *vip_find(struct carrier *carrier, const struct bgpd_addr *addr);
struct vip *vip_new(struct carrier *carrier, const struct bgpd_addr *addr);
void vip_free(struct vip *vip);
/* True where that is a change. */
bool vip_set_only(struct vip *vip, const char *const *names, unsigned count);
/* It may be carried on an interface of that name. */
bool vip_names(const struct vip *vip, const char *interface);
/* Makes and takes off spots, so that it has one on each port it may be on. */
void vip_place(struct vip *vip);
void spot_free(struct spot *spot);
void spot_rebuild(struct spot *spot); /* its frames: the MAC is another */
struct spot *port_find_spot(
    const struct port *port, const struct bgpd_addr *addr);
/* The group of an IPv6 address: taken or probed, or joined ahead. */
void spot_join(struct spot *spot);
void vip_heard_asker(
    struct vip *vip, const struct port *port, const struct frame *frame);

/* announce.c ----------------------------------------------------------------------------------- */

void announce_init(struct spot *spot);
/* Stands in line; announce_pump sends. */
void announce_start(struct spot *spot);
void announce_stop(struct spot *spot);
/* Sends now, out of turn: a defence. */
void announce_now(struct spot *spot);
void announce_ask(struct spot *spot); /* its questions stand in line */
/* What may leave now; the rest by an alarm. */
void announce_pump(void *port);

/* confirm.c -------------------------------------------------------------------------------------- */

void confirm_init(struct spot *spot);
void confirm_start(struct spot *spot);
void confirm_repeat(struct spot *spot); /* unless it is confirmed */
void confirm_stop(struct spot *spot);
/* Its questions, as they stand now, into the port's batch; how many. */
unsigned confirm_send(struct spot *spot);
/* An answer to the address; false: he was not asked. */
bool confirm_hear(
    struct spot *spot, const struct bgpd_addr *by, const uint8_t mac[MAC_LEN]);
void confirm_learned(struct vip *vip, const struct bgpd_addr *by);

/* probe.c: an address is probed on all its interfaces; conflicts --------------------------------- */

void probe_init(struct vip *vip);
void probe_start(struct vip *vip);
void probe_resume(struct vip *vip);
void probe_stop(struct vip *vip);
void probe_pause(struct vip *vip); /* of a quarantine, from now on */
void probe_hear(struct spot *spot, const uint8_t mac[MAC_LEN], bool rival);
/* More fellows' MACs are known: was it one that was taken for an alien? */
void probe_review(void *carrier);
void probe_forget(struct vip *vip);
void conflict_hear(struct spot *spot, const uint8_t mac[MAC_LEN]);
void conflict_forget(struct vip *vip);

/* neighbors.c: who else is on a segment: fellow speakers, and gateways ----------------------------- */

/* Its address; family 0: only its MAC is known. */
struct fellow {
	struct bgpd_addr addr;
	bool has_mac;
	uint8_t mac[MAC_LEN];
};
/* NULL: whoever has that MAC is an alien. */
const struct bgpd_addr *fellow_find(
    struct carrier *carrier, int ifindex, const uint8_t mac[MAC_LEN]);
/* The same, without a look at the neighbor table. */
const struct bgpd_addr *fellow_known(
    const struct carrier *carrier, const uint8_t mac[MAC_LEN]);
void fellows_clear(struct carrier *carrier);
/* True: it was an answer of a gateway to this node itself. */
bool gateway_hear(struct port *port, const struct frame *frame);

/* hear.c: a frame that came ------------------------------------------------------------------------ */

void hear(struct port *port, const struct frame *frame, int64_t now_us);

/* carrier.c ------------------------------------------------------------------------------------------ */

struct carrier {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct carrier_callbacks callbacks;
	void *arg;
	struct clockwork clockwork;
	struct ifaces *ifaces;
	struct groups *groups;
	struct picks *picks;
	struct carrier_options options; /* no lists in it */
	struct vips vips;
	unsigned vip_count;
	LIST_HEAD(, vip) suspects; /* probe.c's: in doubt, or quarantined */
	uint64_t turns;		   /* ports that were opened and closed */
	uint32_t hash_secret;
	int64_t fence_us;
	int64_t probe_us; /* when the next address may begin to be probed */
	uint32_t blocks[FILTER_BLOCKS];
	unsigned block_count; /* over FILTER_BLOCKS: every frame passes */
	struct fellow *fellows;
	unsigned fellow_count;
	uint8_t alien[MAC_LEN]; /* no fellow's, when it was looked up */
	int64_t alien_us;
	struct bucket lookups; /* of MACs in the neighbor table */
	struct alarm doctor, twins, review;
};
#define carrier_say(c, ...) (c)->host->log((c)->self, __VA_ARGS__)
static inline bool
carrier_is_fenced(const struct carrier *carrier, int64_t now_us)
{
	return now_us > carrier->fence_us;
}
/* IPv4 frames about that /24 are let through. */
void carrier_open_block(struct carrier *carrier, const struct bgpd_addr *addr);
void carrier_fall_silent(struct vip *vip, enum carrier_state state);
void carrier_rise(struct spot *spot);

/* doctor.c: what of this node gets in the way ------------------------------------------------------- */

/* For addresses of ours that the kernel answers for. */
void doctor_look(void *carrier);
/* The frames of one were heard on the other: one of the two speaks. */
void doctor_twin(struct port *port, struct port *other);
void doctor_part(void *carrier);
void doctor_untwin(struct carrier *carrier, int ifindex);

#endif
