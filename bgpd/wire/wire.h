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
	MESSAGE_REFRESH = 5,
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
	CEASE_BFD_DOWN = 10,
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

/* attr.c: path attributes as a set ----------------------------------------- */

enum {
	ATTR_ORIGIN = 1,
	ATTR_AS_PATH = 2,
	ATTR_NEXT_HOP = 3,
	ATTR_MED = 4,
	ATTR_LOCAL_PREF = 5,
	ATTR_ATOMIC_AGGREGATE = 6,
	ATTR_AGGREGATOR = 7,
	ATTR_COMMUNITIES = 8,
	ATTR_ORIGINATOR_ID = 9,
	ATTR_CLUSTER_LIST = 10,
	ATTR_MP_REACH = 14,
	ATTR_MP_UNREACH = 15,
	ATTR_EXT_COMMUNITIES = 16,
	ATTR_AS4_PATH = 17,
	ATTR_AS4_AGGREGATOR = 18,
	ATTR_LARGE_COMMUNITIES = 32,
};
extern const struct name attr_names[];

enum { ORIGIN_IGP, ORIGIN_EGP, ORIGIN_INCOMPLETE };

/* Counted bytes, immutable once shared; in an arena or interned by the RIB. */
struct blob {
	uint32_t refs; /* 0: not interned, the arena's */
	uint32_t len;
	uint8_t bytes[];
};

/*
 * The canonical form: AS numbers have 4 octets (AS4_PATH merged, RFC 6793
 * 4.2.3), community lists are sorted and without doubles, bytes stay in network
 * order. Absent lists are NULL. Equal sets are equal member by member.
 */
struct attr {
	uint32_t present; /* 1 << ATTR_ORIGIN ... of the numbers below 32 */
	uint32_t med;
	uint32_t local_pref;
	uint32_t aggregator_as;
	uint32_t aggregator_id; /* host order */
	uint32_t originator_id;
	uint8_t origin;
	struct addr next_hop;
	struct addr
	    next_hop_local; /* IPv6 link-local, RFC 2545; family 0: none */
	const struct blob *as_path; /* segments of 4-octet numbers */
	const struct blob *communities;
	const struct blob *ext_communities;
	const struct blob *large_communities;
	const struct blob *cluster_list;
	const struct blob *unknown; /* optional transitive, whole TLVs */
};
#define ATTR_HAS(attr, type) (((attr)->present >> (type)) & 1u)

struct blob *blob_new(struct arena *arena, const void *bytes, size_t len);
bool blob_equal(const struct blob *a, const struct blob *b);
bool attr_equal(const struct attr *a, const struct attr *b);

/* How the two ends agreed to speak. */
struct wire_session {
	bool as4; /* both announced RFC 6793 */
	bool ebgp;
	bool extended; /* RFC 8654 */
};

/*
 * All but NLRI: everything of MP_REACH goes in by the caller. Attributes in
 * ascending order of type. LOCAL_PREF is written when present. With as4 false
 * AS_PATH is squeezed to 2 octets and AS4_PATH added where needed.
 */
void attr_encode(struct buf *out, const struct attr *attr,
    const struct wire_session *session, bool with_next_hop);

/* aspath.c: AS_PATH --------------------------------------------------------- */

enum { AS_SET = 1, AS_SEQUENCE = 2, AS_CONFED_SEQUENCE = 3, AS_CONFED_SET = 4 };

/* -1 when malformed. `width` is 2 or 4; the result has 4. */
int aspath_decode(struct arena *arena, struct buf bytes, unsigned width,
    const struct blob **path);
unsigned aspath_length(const struct blob *path); /* RFC 4271 9.1.2.2 (a) */
bool aspath_has(const struct blob *path, uint32_t asn);
uint32_t aspath_first(const struct blob *path);	 /* leftmost of a sequence; 0 */
uint32_t aspath_origin(const struct blob *path); /* rightmost; 0 */
/* A new path with `asn` put before it `count` times. */
const struct blob *aspath_prepend(
    struct arena *arena, const struct blob *path, uint32_t asn, unsigned count);
/* RFC 6793 4.2.3. */
const struct blob *aspath_merge(
    struct arena *arena, const struct blob *as2, const struct blob *as4);
/* Common head as a sequence, the rest as a set (RFC 4271 9.2.2.2). */
const struct blob *aspath_aggregate(
    struct arena *arena, const struct blob *const *paths, unsigned count);
void aspath_print(const struct blob *path, struct text *out); /* "1 2 {3,4}" */

/* community.c: RFC 1997, 4360, 8092 ------------------------------------------ */

enum {
	COMMUNITY_NO_EXPORT = (int)0xffffff01,
	COMMUNITY_NO_ADVERTISE = (int)0xffffff02,
	COMMUNITY_LOCAL_AS = (int)0xffffff03,
	COMMUNITY_GRACEFUL_SHUTDOWN = (int)0xffff0000,
};
/* "64512:1", "no-export", decimal; 0 or -1. */
int community_read(const char *word, uint32_t *community);
const char *community_print(uint32_t community, char *out, size_t size);
bool community_has(const struct blob *list, uint32_t community);
/* Sorted union; either may be NULL. */
const struct blob *community_union(
    struct arena *arena, const struct blob *a, const struct blob *b);
const struct blob *community_list(
    struct arena *arena, const uint32_t *list, unsigned count);
unsigned community_count(const struct blob *list);
uint32_t community_at(const struct blob *list, unsigned i);
void community_print_list(const struct blob *list, struct text *out);
void large_community_print_list(const struct blob *list, struct text *out);
void ext_community_print_list(const struct blob *list, struct text *out);

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
	enum verdict verdict;	  /* KEEP, DISCARD or WITHDRAW (reset: -1) */
	enum family end_of_rib;	  /* RFC 4724 2; FAMILY_NONE if it is none */
	char why[160]; /* of the verdict, for the log: attribute and flaw */
};
/*
 * 0, or -1 with the NOTIFICATION. With VERDICT_WITHDRAW, every announced prefix
 * is to be withdrawn. Received LOCAL_PREF from eBGP is dropped (RFC 7606 7.5).
 */
int update_decode(struct buf body, const struct wire_session *session,
    struct arena *arena, struct update *update, struct notification *error);
bool nlri_next(struct nlri *nlri, struct prefix *prefix);
void nlri_put(struct buf *out, const struct prefix *prefix);

/*
 * Packs one UPDATE of `family` with as many prefixes as fit, from `next` on,
 * and returns how many. IPv4 with an IPv4 next hop uses the classic fields,
 * everything else MP_REACH.
 */
unsigned update_encode(struct buf *out, const struct wire_session *session,
    enum family family, const struct attr *attr, const struct prefix *prefixes,
    unsigned count);
unsigned update_encode_withdraw(struct buf *out,
    const struct wire_session *session, enum family family,
    const struct prefix *prefixes, unsigned count);
void update_encode_end_of_rib(struct buf *out, enum family family);

#endif
