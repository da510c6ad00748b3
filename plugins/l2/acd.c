/* SPDX-License-Identifier: ISC */
/* Is an address free, and how is it defended: RFC 5227, the same for IPv6. */

/*
 * Pure: the time is passed in, the room says what is due. Before an address is
 * first used, three probes; who answers one, or says that the address is his,
 * has it. The RFC's own timing takes up to 7 s; the fast one, for cables, 0.6 s.
 * Nodes that start at once hear each other's probes before they know each other's
 * MACs, which the kernel asks for once a second: who was heard is in doubt for two
 * before he counts as an alien.
 * While it is owned: a conflict is answered by an announcement, but no more than
 * one in DEFEND_INTERVAL, and after MAX_CONFLICTS far more rarely.
 */

#include "frame.h"

#define PROBES	       3
#define DEFEND_US      INT64_C(10000000) /* RFC 5227 1.1 */
#define DEFEND_SLOW_US INT64_C(60000000) /* RATE_LIMIT_INTERVAL */
#define DEFEND_MANY    10		 /* MAX_CONFLICTS */
#define DOUBT_US       INT64_C(2000000)
#define MS	       INT64_C(1000)

/* The first wait is random up to wait_ms, a gap from min to max. */
static const struct {
	uint32_t wait_ms, gap_min_ms, gap_max_ms, listen_ms;
} timings[2] = {
	{ 0, 200, 200, 200 },	    /* fast */
	{ 1000, 1000, 2000, 2000 }, /* PROBE_WAIT, _MIN, _MAX, ANNOUNCE_WAIT */
};

static int64_t
between(uint32_t min_ms, uint32_t max_ms, uint32_t random)
{
	return (min_ms + random % (max_ms - min_ms + 1)) * MS;
}

void
acd_start(struct acd *acd, bool by_rfc, uint32_t random, int64_t now_us)
{
	acd->state = ACD_PROBING;
	acd->by_rfc = by_rfc;
	acd->sent = 0;
	acd->doubted = false;
	acd->due_us = now_us + between(0, timings[by_rfc].wait_ms, random);
}

void
acd_stop(struct acd *acd)
{
	acd->state = ACD_IDLE;
	acd->sent = 0;
	acd->doubted = false;
	acd->conflicts = 0;
	acd->defended_us = acd->conflict_us = 0;
}

enum acd_step
acd_tick(struct acd *acd, uint32_t random, int64_t now_us)
{
	if (acd->state != ACD_PROBING || now_us < acd->due_us)
		return ACD_WAIT;
	if (acd->doubted && now_us >= acd->doubt_us) {
		acd->doubted = false;
		acd->state = ACD_TAKEN_BY;
		return ACD_LOST;
	}
	if (acd->sent == PROBES && acd->doubted) {
		acd->due_us = acd->doubt_us;
		return ACD_WAIT;
	}
	if (acd->sent == PROBES) {
		acd->state = ACD_FREE;
		return ACD_DONE;
	}
	acd->sent++;
	if (acd->sent == PROBES)
		acd->due_us = now_us + timings[acd->by_rfc].listen_ms * MS;
	else
		acd->due_us =
		    now_us + between(timings[acd->by_rfc].gap_min_ms,
				 timings[acd->by_rfc].gap_max_ms, random);
	return ACD_SEND;
}

bool
acd_hear(struct acd *acd, const uint8_t mac[MAC_LEN])
{
	if (acd->state != ACD_PROBING)
		return false;
	acd->state = ACD_TAKEN_BY;
	acd->doubted = false;
	memcpy(acd->mac, mac, MAC_LEN);
	return true;
}

void
acd_doubt(
    struct acd *acd, const uint8_t mac[MAC_LEN], bool prober, int64_t now_us)
{
	/* Who has it outweighs who only asks; else the first one counts. */
	if (acd->state != ACD_PROBING ||
	    (acd->doubted && (prober || !acd->prober)))
		return;
	if (!acd->doubted)
		acd->doubt_us = now_us + DOUBT_US;
	acd->doubted = true;
	acd->prober = prober;
	memcpy(acd->mac, mac, MAC_LEN);
}

void
acd_clear(struct acd *acd, int64_t now_us)
{
	/* All was sent, and only that was waited for. */
	if (acd->doubted && acd->sent == PROBES && acd->due_us == acd->doubt_us)
		acd->due_us = now_us;
	acd->doubted = false;
}

bool
acd_defend(struct acd *acd, int64_t now_us)
{
	int64_t gap_us;

	/* What was settled long ago is not held against anybody. */
	if (acd->conflicts > 0 && now_us - acd->conflict_us > ACD_OVER_US)
		acd->conflicts = 0;
	acd->conflict_us = now_us;
	acd->conflicts++;
	gap_us = acd->conflicts > DEFEND_MANY ? DEFEND_SLOW_US : DEFEND_US;
	if (acd->defended_us != 0 && now_us - acd->defended_us < gap_us)
		return false;
	acd->defended_us = now_us;
	return true;
}
