/* SPDX-License-Identifier: ISC */
/* BGP's bytes: messages, capabilities, path attributes; pure functions. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/buf.h"
#include "util/names.h"
#include "util/text.h"
#include "wire/attr.h"

struct arena;

/* family.c: address families (RFC 4760) ------------------------------------ */

enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILY_COUNT };
#define FAMILY_NONE FAMILY_COUNT

struct family_info {
	uint16_t afi;
	uint8_t safi;
	uint8_t af;	  /* AF_INET, AF_INET6 */
	uint8_t bits;	  /* 32, 128 */
	const char *name; /* "IPv4 Unicast" */
	const char *json; /* "ipv4Unicast" */
	const char *line; /* "ipv4 unicast": as in address-family */
};
extern const struct family_info family_info[FAMILY_COUNT];
enum family family_find(uint16_t afi, uint8_t safi); /* or FAMILY_NONE */
enum family family_of(uint8_t af); /* the unicast family of AF_INET... */

/* message.c: framing (RFC 4271 4.1, 8654) ---------------------------------- */

#define MESSAGE_HEADER	     19u
#define MESSAGE_MAX	     4096u
#define MESSAGE_MAX_EXTENDED 65535u

enum message_type {
	MESSAGE_OPEN = 1,
	MESSAGE_UPDATE = 2,
	MESSAGE_NOTIFICATION = 3,
	MESSAGE_KEEPALIVE = 4,
	MESSAGE_REFRESH = 5
};
extern const struct name message_names[];

struct message {
	uint8_t type;
	uint16_t len; /* whole, with the header */
	struct buf body;
};

/* What a decoder finds fatal: the NOTIFICATION to send, and why in words. */
struct notification {
	uint8_t code;
	uint8_t subcode;
	uint16_t data_len;
	uint8_t data[256];
	char why[160]; /* for the log; never sent */
};

/*
 * Takes one message off the front: 1 taken; 0 not all there yet; -1 `error`
 * says what to send. Lengths are checked per type.
 */
int message_take(const uint8_t *data, size_t len, size_t max_len,
    struct message *message, struct notification *error);
/* Writes the header; returns where the length is, for message_end. */
size_t message_begin(struct buf *out, enum message_type type);
void message_end(struct buf *out, size_t at);
void message_encode_keepalive(struct buf *out);
void message_encode_refresh(struct buf *out, enum family family);
/* RFC 2918: FAMILY_NONE when we do not speak the family; -1 malformed. */
int message_decode_refresh(
    struct buf body, enum family *family, struct notification *error);

/* notification.c: errors by name (RFC 4271 4.5, 4486, 6608, 9003) ---------- */

enum {
	NOTIFY_HEADER = 1,
	NOTIFY_OPEN = 2,
	NOTIFY_UPDATE = 3,
	NOTIFY_HOLD = 4,
	NOTIFY_FSM = 5,
	NOTIFY_CEASE = 6,
	NOTIFY_REFRESH = 7,
	NOTIFY_SEND_HOLD = 8, /* RFC 9687 */
};
enum {
	CEASE_MAX_PREFIXES = 1,
	CEASE_ADMIN_SHUTDOWN = 2,
	CEASE_PEER_DECONFIGURED = 3,
	CEASE_ADMIN_RESET = 4,
	CEASE_REJECTED = 5,
	CEASE_CONFIG_CHANGE = 6,
	CEASE_COLLISION = 7,
	CEASE_RESOURCES = 8,
	CEASE_HARD_RESET = 9,
	CEASE_BFD_DOWN = 10
};
/* "Cease/Administrative Shutdown"; unknown numbers are printed as numbers. */
const char *notification_name(
    uint8_t code, uint8_t subcode, char *out, size_t size);
/* Fills `n` (data empty) and its `why`. */
void notification_set(struct notification *n, uint8_t code, uint8_t subcode,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* RFC 9003: UTF-8 text of at most 255 bytes, cut at a whole character. */
void notification_set_text(struct notification *n, const char *text);
/* The shutdown text of a received Cease, printable; "" if none. */
void notification_text(const struct notification *n, char *out, size_t size);
void notification_encode(struct buf *out, const struct notification *n);
int notification_decode(struct buf body, struct notification *n);

/* open.c: OPEN and capabilities (RFC 4271 4.2, 5492, 9072) ------------------ */

#define AS_TRANS 23456u

enum capability {
	CAP_FAMILIES = 1 << 0,		/* RFC 4760: at least one was named */
	CAP_REFRESH = 1 << 1,		/* RFC 2918 */
	CAP_EXTENDED_NEXT_HOP = 1 << 2, /* RFC 8950 */
	CAP_EXTENDED_MESSAGE = 1 << 3,	/* RFC 8654 */
	CAP_AS4 = 1 << 4,		/* RFC 6793 */
	CAP_ENHANCED_REFRESH = 1 << 5,	/* RFC 7313 */
	CAP_HOSTNAME = 1 << 6,		/* draft-walton-bgp-hostname */
	CAP_GRACEFUL_RESTART = 1 << 7,	/* RFC 4724: seen, not used yet */
};
extern const struct name capability_names[];

struct open {
	uint8_t version;
	uint32_t asn; /* the 4-octet one if there is one */
	uint16_t hold_secs;
	uint32_t router_id;	     /* host order */
	uint32_t capabilities;	     /* enum capability bits */
	bool families[FAMILY_COUNT]; /* IPv4 if CAP_FAMILIES is absent */
	char hostname[65];	     /* printable; "" if none */
};
/* Header to end. `hostname` "" leaves the capability out. */
void open_encode(struct buf *out, const struct open *open);
/*
 * RFC 4271 6.2 and RFC 9072. Checks what needs no configuration (version, hold,
 * router id not 0, lengths, AS 0): the caller compares AS and router id.
 */
int open_decode(struct buf body, struct open *open, struct notification *error);

/* update.c: UPDATE (RFC 4271 4.3, 4760, 7606) -------------------------------- */

/* RFC 7606: what a flaw asks for; the gravest of a message wins. */
enum verdict {
	VERDICT_KEEP,
	VERDICT_DISCARD,  /* the attribute */
	VERDICT_WITHDRAW, /* treat as withdraw */
	VERDICT_RESET,
};
extern const struct name verdict_names[];

/* NLRI still in wire form, checked: nlri_next never fails midway. */
struct nlri {
	struct buf bytes;
	enum family family; /* FAMILY_NONE: a family we do not speak */
};

struct update {
	struct attr attr;	  /* blobs in the arena */
	struct nlri withdrawn[2]; /* IPv4 field, MP_UNREACH */
	struct nlri announced[2]; /* IPv4 field, MP_REACH */
	struct addr next_hop[2];  /* of the two; attr has the first one's */
	struct addr next_hop_local;
	enum verdict verdict;	/* KEEP, DISCARD or WITHDRAW (reset: -1) */
	enum family end_of_rib; /* RFC 4724 2; FAMILY_NONE if it is none */
	char why[160]; /* of the verdict, for the log: attribute and flaw */
};
/*
 * 0, or -1 with the NOTIFICATION. With VERDICT_WITHDRAW, every announced prefix
 * is to be withdrawn. Received LOCAL_PREF from eBGP is dropped (RFC 7606 7.5).
 */
int update_decode(struct buf body, const struct wire_session *session,
    struct arena *arena, struct update *update, struct notification *error);
/* attr gets the next hop of announced[field]: a message may fill both fields. */
void update_use_next_hop(struct update *update, unsigned field);
bool nlri_next(struct nlri *nlri, struct prefix *prefix);
void nlri_put(struct buf *out, const struct prefix *prefix);

/*
 * What the routes of an UPDATE share, written once for as many as it takes: the
 * attributes and, from reach_at on, MP_REACH_NLRI before its prefixes. Routes
 * with equal bytes may go in one message. The bytes are those of `out`. IPv4 with
 * an IPv4 next hop uses the classic fields, everything else MP_REACH.
 */
struct update_shared {
	const uint8_t *bytes;
	size_t len;
	size_t reach_at; /* len: the classic fields */
};
#define UPDATE_SHARED_MAX (MESSAGE_MAX_EXTENDED + 64) /* no message has more */
/* 0, or -1 when no message could hold it. */
int update_share(struct buf *out, const struct wire_session *session,
    enum family family, const struct attr *attr, struct update_shared *shared);
/* Packs one UPDATE with as many prefixes as fit, and returns how many. */
unsigned update_encode_shared(struct buf *out,
    const struct wire_session *session, const struct update_shared *shared,
    const struct prefix *prefixes, unsigned count);

unsigned update_encode_withdraw(struct buf *out,
    const struct wire_session *session, enum family family,
    const struct prefix *prefixes, unsigned count);
void update_encode_end_of_rib(struct buf *out, enum family family);

#endif
