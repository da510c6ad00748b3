/* SPDX-License-Identifier: ISC */
/* BFD's packets and what is between them: codec, keys, the session machine. */
#ifndef BFD_PACKET_H
#define BFD_PACKET_H

/*
 * All of it is pure: no clock, no descriptor, nothing that is shared. Times are
 * int64 microseconds of one monotonic clock, which the caller passes in.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bfd/bfd.h"
#include "util/addr.h"
#include "util/table.h"

/* packet.c: BFD Control packets (RFC 5880 4) --------------------------------- */

#define PACKET_HEADER 24
#define PACKET_MAX    (PACKET_HEADER + 28)

enum packet_flag {
	PACKET_POLL = 0x20,
	PACKET_FINAL = 0x10,
	PACKET_INDEPENDENT = 0x08, /* C: of the control plane */
	PACKET_AUTH = 0x04,
	PACKET_DEMAND = 0x02,
	PACKET_MULTIPOINT = 0x01,
};

/* An authentication section (RFC 5880 4.2 to 4.4); type 0: there is none. */
struct packet_auth {
	uint8_t type; /* enum bfd_auth_type */
	uint8_t key_id;
	uint8_t len; /* of the password or the digest */
	uint32_t sequence;
	uint8_t bytes[BFD_SECRET_MAX];
};

struct packet {
	uint8_t diag;  /* enum bfd_diag, or a number that came after it */
	uint8_t state; /* enum bfd_state */
	uint8_t flags; /* enum packet_flag */
	uint8_t multiplier;
	uint32_t my_discr;
	uint32_t your_discr;
	uint32_t tx_us;	  /* Desired Min TX Interval */
	uint32_t rx_us;	  /* Required Min RX Interval */
	uint32_t echo_us; /* Required Min Echo RX Interval */
	struct packet_auth auth;
};

/* NULL, or why it is discarded before a session is looked for: 6.8.6. */
const char *packet_decode(
    const uint8_t *bytes, size_t len, struct packet *packet);
/* The length; an authentication section stands at PACKET_HEADER. */
size_t packet_encode(const struct packet *packet, uint8_t bytes[PACKET_MAX]);

/* auth.c: who may speak (RFC 5880 6.7) ---------------------------------------- */

struct auth {
	struct bfd_key key;	   /* type 0: none is in use */
	uint32_t receive_sequence; /* bfd.RcvAuthSeq */
	uint32_t send_sequence;	   /* bfd.XmitAuthSeq */
	bool sequence_known;	   /* bfd.AuthSeqKnown */
};

/* NULL, or why the packet is discarded; `bytes` are the packet's own. */
const char *auth_check(
    struct auth *auth, const struct packet *packet, const uint8_t *bytes);
/* Encodes with the section that the key asks for; the length. */
size_t auth_encode(
    struct auth *auth, struct packet *packet, uint8_t bytes[PACKET_MAX]);

/* machine.c: one session (RFC 5880 6.8) ---------------------------------------- */

struct machine {
	struct bfd_knobs config;
	/* RFC 5880 6.8.1 */
	uint8_t state;	      /* bfd.SessionState: enum bfd_state */
	uint8_t remote_state; /* bfd.RemoteSessionState */
	uint8_t diag;	      /* bfd.LocalDiag */
	uint8_t remote_diag;
	uint32_t discr;	       /* bfd.LocalDiscr */
	uint32_t remote_discr; /* bfd.RemoteDiscr */
	uint32_t tx_us;	       /* bfd.DesiredMinTxInterval, as it is said */
	uint32_t rx_us;	       /* bfd.RequiredMinRxInterval, as it is said */
	uint32_t remote_rx_us; /* bfd.RemoteMinRxInterval */
	uint32_t remote_tx_us; /* what it said last */
	uint32_t remote_echo_us;
	uint8_t remote_multiplier;
	bool remote_demand; /* bfd.RemoteDemandMode; ours is always 0 */
	struct auth auth;
	/* In force until a Poll Sequence is over (6.8.3). */
	uint32_t tx_used_us;
	uint32_t rx_used_us;
	/* Of Poll Sequences: one is under way; one more is needed after it. */
	bool poll;
	bool poll_again;
	bool final; /* a Poll is to be answered */
	bool soon;  /* what is to be said has changed: not at the next time */
	uint32_t interval_us; /* that the next packet was timed by */
	int64_t sent_us;      /* the last periodic packet; INT64_MIN: never */
	int64_t send_at_us;   /* the next one */
	int64_t heard_us;     /* the last packet that was not discarded */
	uint64_t random;
	struct bfd_counters counters;
	/* The last change of state. */
	int64_t changed_us;
};

/* `random` is any number: of jitter, and of the first sequence number. */
void machine_init(struct machine *m, uint32_t discr, uint64_t random,
    const struct bfd_knobs *config, int64_t now_us);
/* New intervals are agreed on by a Poll Sequence; no session goes down. */
void machine_configure(
    struct machine *m, const struct bfd_knobs *config, int64_t now_us);
/* NULL, or why it is discarded. */
const char *machine_receive(struct machine *m, const struct packet *packet,
    const uint8_t *bytes, int64_t now_us);
/* Has the peer been silent for a detection time? Before a tick believes that. */
bool machine_is_expired(const struct machine *m, int64_t now_us);
/* What time itself does: the peer was not heard for too long. */
void machine_tick(struct machine *m, int64_t now_us);
/* The next packet to send now, its length; 0: none. Call until it is 0. */
size_t machine_output(
    struct machine *m, int64_t now_us, uint8_t bytes[PACKET_MAX]);
/* When tick and output are to be called again; INT64_MAX: never. */
int64_t machine_due(const struct machine *m);
/* RFC 5880 6.8.4; 0 while the peer has not said what it is made of. */
int64_t machine_detection_us(const struct machine *m);
/* Between two packets of ours, before jitter (6.8.2); 0: none are sent. */
uint32_t machine_interval_us(const struct machine *m);

/* lookup.c: a packet's session --------------------------------------------------- */

/* What is said of a session before its discriminator is known. */
struct lookup_key {
	struct addr peer;   /* without a scope */
	struct addr local;  /* family 0: any; without a scope */
	uint32_t interface; /* index; 0: any */
	bool multihop;
};

/* Kept by who is found: a member of it. */
struct lookup_entry {
	struct table_link by_key;
	struct lookup_discr {
		struct table_link link;
		struct lookup_entry *entry;
	} by_discr;
	uint32_t discr;
	struct lookup_key key;
};

struct lookup {
	struct table by_key, by_discr;
};

void lookup_init(struct lookup *lookup);
void lookup_clear(struct lookup *lookup);
/* Its key is zeroed before it is filled, padding and all. */
void lookup_add(struct lookup *lookup, struct lookup_entry *entry);
void lookup_remove(struct lookup *lookup, struct lookup_entry *entry);
struct lookup_entry *lookup_find_discr(
    const struct lookup *lookup, uint32_t discr);
/* What is exact comes before what stands for any; NULL: nobody's. */
struct lookup_entry *lookup_find(
    const struct lookup *lookup, const struct lookup_key *key);

#endif
