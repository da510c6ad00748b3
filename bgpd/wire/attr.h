/* SPDX-License-Identifier: ISC */
/* Path attributes, AS paths and communities; comes with wire.h. */
#ifndef WIRE_ATTR_H
#define WIRE_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/buf.h"
#include "util/names.h"
#include "util/text.h"

struct arena;

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
	ATTR_LARGE_COMMUNITIES = 32
};
extern const struct name attr_names[];

enum { ORIGIN_IGP, ORIGIN_EGP, ORIGIN_INCOMPLETE };

/* Counted bytes, immutable once shared; in an arena or a set of the RIB. */
struct blob {
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

#endif
