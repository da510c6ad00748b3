/* SPDX-License-Identifier: ISC */
/* Attribute lists with every flaw, and what RFC 7606 asks for. */
#ifndef TESTS_FLAWS_H
#define TESTS_FLAWS_H

#include "wire/inner.h"

#define ORIGIN	 "400101 00 "
#define PATH	 "400206 0201 0000fde9 "
#define PATH2	 "400204 0201 fde9 "
#define NEXT_HOP "400304 0a000001 "
#define PREF	 "400504 00000064 "
#define GOOD	 ORIGIN PATH NEXT_HOP
#define NLRI	 "18 c00002 "
#define V6	 "20010db8000000000000000000000001"
#define LOCAL	 "fe800000000000000000000000000001"
#define REACH	 "800e1a 000201 10 " V6 " 00 20 20010db8 "

enum {
	K = VERDICT_KEEP,
	D = VERDICT_DISCARD,
	W = VERDICT_WITHDRAW,
	R = VERDICT_RESET
};

/* What an attribute list asks for, of external and of internal peers. */
struct flaw {
	const char *attrs;
	int ebgp, ibgp;
	uint8_t subcode; /* of a reset; 0 when there is none */
};

static const struct flaw flaws[] = {
	{ GOOD, K, K, 0 },
	{ NEXT_HOP PATH ORIGIN, K, K, 0 }, /* any order */
	{ GOOD PREF, D, K, 0 },
	/* ORIGIN, RFC 7606 7.1 */
	{ PATH NEXT_HOP, W, W, 0 },
	{ "400101 01" PATH NEXT_HOP, K, K, 0 },
	{ "400101 02" PATH NEXT_HOP, K, K, 0 },
	{ "400101 03" PATH NEXT_HOP, W, W, 0 },
	{ "400100" PATH NEXT_HOP, W, W, 0 },
	{ "400102 0000" PATH NEXT_HOP, W, W, 0 },
	{ "c00101 00" PATH NEXT_HOP, W, W, 0 },
	{ "000101 00" PATH NEXT_HOP, W, W, 0 },
	{ "600101 00" PATH NEXT_HOP, K, K, 0 },	  /* Partial is not looked at */
	{ "50010001 00" PATH NEXT_HOP, K, K, 0 }, /* long form */
	{ ORIGIN GOOD, D, D, 0 },
	/* AS_PATH, 7.2 */
	{ ORIGIN NEXT_HOP, W, W, 0 },
	{ ORIGIN "400200" NEXT_HOP, K, K, 0 },
	{ ORIGIN "c00206 0201 0000fde9" NEXT_HOP, W, W, 0 },
	{ ORIGIN "400201 02" NEXT_HOP, W, W, 0 },
	{ ORIGIN "400202 0200" NEXT_HOP, W, W, 0 },
	{ ORIGIN "400206 0501 0000fde9" NEXT_HOP, W, W, 0 },
	{ ORIGIN "400206 0202 0000fde9" NEXT_HOP, W, W, 0 },
	{ ORIGIN "400207 0201 0000fde9 02" NEXT_HOP, W, W, 0 },
	{ ORIGIN "400206 0201 00000000" NEXT_HOP, W, W, 0 }, /* RFC 7607 */
	{ ORIGIN "400206 0301 0000fde9" NEXT_HOP, W, K, 0 }, /* RFC 5065 */
	{ ORIGIN "400206 0401 0000fde9" NEXT_HOP, W, K, 0 },
	{ ORIGIN "400206 0101 0000fde9" NEXT_HOP, K, K, 0 },
	{ GOOD PATH, D, D, 0 },
	{ GOOD "400200", D, D, 0 }, /* the first one counts */
	/* NEXT_HOP, 7.3 */
	{ ORIGIN PATH, W, W, 0 },
	{ ORIGIN PATH "400303 0a0000", W, W, 0 },
	{ ORIGIN PATH "400300", W, W, 0 },
	{ ORIGIN PATH "400305 0a00000100", W, W, 0 },
	{ ORIGIN PATH "400304 00000000", W, W, 0 },
	{ ORIGIN PATH "400304 e0000001", W, W, 0 },
	{ ORIGIN PATH "400304 7f000001", W, W, 0 },
	{ ORIGIN PATH "400304 ffffffff", W, W, 0 },
	{ ORIGIN PATH "c00304 0a000001", W, W, 0 },
	/* MED, 7.4 */
	{ GOOD "800404 00000001", K, K, 0 },
	{ GOOD "800403 000001", W, W, 0 },
	{ GOOD "800400", W, W, 0 },
	{ GOOD "400404 00000001", W, W, 0 },
	{ GOOD "c00404 00000001", W, W, 0 },
	/* LOCAL_PREF, 7.5 */
	{ GOOD "400503 000064", D, W, 0 },
	{ GOOD "400500", D, W, 0 },
	{ GOOD "c00504 00000064", D, W, 0 },
	/* ATOMIC_AGGREGATE, 7.6 */
	{ GOOD "400600", K, K, 0 },
	{ GOOD "400601 00", D, D, 0 },
	{ GOOD "c00600", W, W, 0 },
	/* AGGREGATOR, 7.7 */
	{ GOOD "c00708 0000fde9 0a000001", K, K, 0 },
	{ GOOD "c00706 fde9 0a000001", D, D, 0 },
	{ GOOD "c00707 00fde9 0a000001", D, D, 0 },
	{ GOOD "c00700", D, D, 0 },
	{ GOOD "c00708 00000000 0a000001", D, D, 0 }, /* RFC 7607 */
	{ GOOD "400708 0000fde9 0a000001", W, W, 0 },
	/* COMMUNITIES, 7.8 */
	{ GOOD "c00804 fc000001", K, K, 0 },
	{ GOOD "c00800", W, W, 0 },
	{ GOOD "c00803 fc0000", W, W, 0 },
	{ GOOD "c00805 fc000001 00", W, W, 0 },
	{ GOOD "400804 fc000001", W, W, 0 },
	{ GOOD "800804 fc000001", W, W, 0 },
	{ GOOD "e00804 fc000001", K, K, 0 },
	/* ORIGINATOR_ID, 7.9 */
	{ GOOD "800904 01020304", D, K, 0 },
	{ GOOD "800903 010203", D, W, 0 },
	{ GOOD "c00904 01020304", D, W, 0 },
	/* CLUSTER_LIST, 7.10 */
	{ GOOD "800a08 01020304 05060708", D, K, 0 },
	{ GOOD "800a00", D, W, 0 },
	{ GOOD "800a06 01020304 0506", D, W, 0 },
	{ GOOD "c00a04 01020304", D, W, 0 },
	/* MP_REACH_NLRI, 7.11 */
	{ GOOD REACH, K, K, 0 },
	{ GOOD REACH REACH, R, R, UPDATE_MALFORMED },
	{ GOOD "c00e1a 000201 10" V6 "00 20 20010db8", R, R, UPDATE_FLAGS },
	{ GOOD "400e1a 000201 10" V6 "00 20 20010db8", R, R, UPDATE_FLAGS },
	{ GOOD "800e04 00020110", R, R, UPDATE_LENGTH },
	{ GOOD "800e00", R, R, UPDATE_LENGTH },
	{ GOOD "800e05 000201 10 00", R, R, UPDATE_OPTIONAL },
	{ GOOD "800e05 000201 00 00", R, R, UPDATE_OPTIONAL },
	{ GOOD "800e0e 000201 04 0a000001 00 20 20010db8", R, R,
	    UPDATE_OPTIONAL },
	{ GOOD "800e1a 000201 10" V6 "00 81 20010db8", R, R, UPDATE_OPTIONAL },
	{ GOOD "800e1a 000201 10" V6 "00 28 20010db8", R, R, UPDATE_OPTIONAL },
	{ GOOD "800e1a 000201 10 00000000000000000000000000000000 00"
	       "20 20010db8",
	    W, W, 0 },
	{ GOOD "800e1a 000201 10 ff020000000000000000000000000001 00"
	       "20 20010db8",
	    W, W, 0 },
	{ GOOD "800e15 000201 10" V6 "00", K, K, 0 }, /* no prefix */
	/* a family that we do not speak: passed over, never a reset */
	{ GOOD "800e0a 001946 04 0a000001 00 ff", K, K, 0 },
	{ GOOD "800e05 001946 ff 00", K, K, 0 },
	/* MP_UNREACH_NLRI, 7.12 */
	{ GOOD "800f08 000201 20 20010db8", K, K, 0 },
	{ GOOD "800f03 000201", K, K, 0 },
	{ GOOD "800f08 000201 20 20010db8 800f03 000201", R, R,
	    UPDATE_MALFORMED },
	{ GOOD "800f02 0002", R, R, UPDATE_LENGTH },
	{ GOOD "c00f03 000201", R, R, UPDATE_FLAGS },
	{ GOOD "800f08 000201 81 20010db8", R, R, UPDATE_OPTIONAL },
	{ GOOD "800f07 000201 20 20010d", R, R, UPDATE_OPTIONAL },
	{ GOOD "800f05 001946 ffff", K, K, 0 },
	/* extended communities, 7.14 and 7.15 */
	{ GOOD "c01008 0002fc0000000001", K, K, 0 },
	{ GOOD "c01007 0002fc00000000", W, W, 0 },
	{ GOOD "c01000", W, W, 0 },
	{ GOOD "801008 0002fc0000000001", W, W, 0 },
	{ GOOD "c01914 0002" V6 "0000", K, K, 0 },
	{ GOOD "c01910" V6, W, W, 0 },
	/* RFC 6793: not from a peer that speaks 4 octets */
	{ GOOD "c01106 0201 0000fde9", D, D, 0 },
	{ GOOD "c01208 0000fde9 0a000001", D, D, 0 },
	/* large communities, RFC 8092 */
	{ GOOD "c0200c 0000fc00 00000001 00000002", K, K, 0 },
	{ GOOD "c0200b 0000fc00 00000001 000000", W, W, 0 },
	{ GOOD "c02000", W, W, 0 },
	{ GOOD "40200c 0000fc00 00000001 00000002", W, W, 0 },
	/* unknown ones: RFC 4271 5 */
	{ GOOD "c06304 01020304", K, K, 0 },
	{ GOOD "c06300", K, K, 0 },
	{ GOOD "806304 01020304", K, K, 0 },
	{ GOOD "406304 01020304", R, R, UPDATE_UNRECOGNIZED },
	{ GOOD "006304 01020304", R, R, UPDATE_UNRECOGNIZED },
	{ GOOD "400000", R, R, UPDATE_UNRECOGNIZED },
	{ GOOD "c06304 01020304 c06300", D, D, 0 },
	/* attributes of outages: 23, 28 (2023), 255 */
	{ GOOD "e0170a 00000000000000000000", K, K, 0 },
	{ GOOD "e01c00", K, K, 0 },
	{ GOOD "f0ff0100" V6 V6 V6 V6 V6 V6 V6 V6 V6 V6 V6 V6 V6 V6 V6 V6, K, K,
	    0 },
	/* overrun and underrun of the list, RFC 7606 4 */
	{ GOOD "c008ff fc000001", W, W, 0 },
	{ GOOD "d00800", W, W, 0 },
	{ GOOD "c008", W, W, 0 },
	{ GOOD "c0", W, W, 0 },
	{ GOOD "d008ffff fc000001", W, W, 0 },
	/* the gravest one wins, in either order */
	{ GOOD "400601 00 c00800", W, W, 0 },
	{ GOOD "c00800 400601 00", W, W, 0 },
	{ GOOD "c00800 406304 01020304", R, R, UPDATE_UNRECOGNIZED },
	{ GOOD "406304 01020304 c00800", R, R, UPDATE_UNRECOGNIZED },
};
#define FLAW_COUNT (sizeof(flaws) / sizeof(flaws[0]))

#endif
