/* SPDX-License-Identifier: ISC */
/* The session machine: state x event, timers and Poll Sequences (RFC 5880 6.8). */

/*
 * Packets, ticks and configurations flow in; machine_output gives the packets to
 * send, machine_due the time of the next call. Nothing here knows what time it
 * is, or what a socket is, so that two machines can be run against one another
 * with any clock and any loss.
 *
 * Two values go with each interval: the one that is said in packets, and the one
 * that is used, which follows when the peer has answered a Poll (6.8.3).
 */
#include <string.h>

#include "bfd/packet.h"
#include "util/mem.h"

#define SLOW_US	  1000000u /* RFC 5880 6.8.3: at least this until Up */
#define DETECTED  2	   /* detection times until sequences are forgotten */
#define NOT_HEARD INT64_MIN

/* States and events --------------------------------------------------------- */

/* The first four are the states that a peer may say it is in. */
enum event {
	EVENT_PEER_ADMIN_DOWN,
	EVENT_PEER_DOWN,
	EVENT_PEER_INIT,
	EVENT_PEER_UP,
	EVENT_EXPIRED,
	EVENT_SHUT,
	EVENT_NO_SHUT,
	EVENT_COUNT
};

struct step {
	bool taken; /* else nothing happens */
	uint8_t state;
	uint8_t diag;
};
#define TO(state, diag)                                                        \
	{                                                                      \
		true, BFD_##state, BFD_DIAG_##diag                             \
	}

/* RFC 5880 6.2, 6.8.6 and 6.8.4 */
static const struct step steps[BFD_STATE_COUNT][EVENT_COUNT] = {
	[BFD_ADMIN_DOWN] = {
		[EVENT_NO_SHUT] = TO(DOWN, NONE),
	},
	[BFD_DOWN] = {
		[EVENT_PEER_DOWN] = TO(INIT, NONE),
		[EVENT_PEER_INIT] = TO(UP, NONE),
		[EVENT_SHUT] = TO(ADMIN_DOWN, ADMIN_DOWN),
	},
	[BFD_INIT] = {
		[EVENT_PEER_ADMIN_DOWN] = TO(DOWN, SIGNALED),
		[EVENT_PEER_INIT] = TO(UP, NONE),
		[EVENT_PEER_UP] = TO(UP, NONE),
		[EVENT_EXPIRED] = TO(DOWN, EXPIRED),
		[EVENT_SHUT] = TO(ADMIN_DOWN, ADMIN_DOWN),
	},
	[BFD_UP] = {
		[EVENT_PEER_ADMIN_DOWN] = TO(DOWN, SIGNALED),
		[EVENT_PEER_DOWN] = TO(DOWN, SIGNALED),
		[EVENT_EXPIRED] = TO(DOWN, EXPIRED),
		[EVENT_SHUT] = TO(ADMIN_DOWN, ADMIN_DOWN),
	},
};

/* Intervals ------------------------------------------------------------------- */

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* xorshift64*: jitter need not be secret. */
static uint32_t
machine_random(struct machine *m, uint32_t below)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return below == 0
		   ? 0
		   : (uint32_t)((m->random * UINT64_C(2685821657736338717) >>
				    32) %
				below);
}

/* RFC 5880 6.8.7: 75 to 100 %, with a multiplier of 1 at most 90 %. */
static uint32_t
machine_jitter(struct machine *m, uint32_t interval_us)
{
	uint32_t most = interval_us / 4;
	uint32_t least = m->config.multiplier == 1 ? interval_us / 10 : 0;

	return interval_us - least - machine_random(m, most - least + 1);
}

uint32_t
machine_interval_us(const struct machine *m)
{
	/* RFC 5880 6.8.7, in its order. */
	if (m->remote_discr == 0 && m->config.passive)
		return 0;
	if (m->remote_rx_us == 0)
		return 0;
	if (m->remote_demand && m->state == BFD_UP &&
	    m->remote_state == BFD_UP && !m->poll)
		return 0;
	return larger(m->tx_used_us, m->remote_rx_us);
}

int64_t
machine_detection_us(const struct machine *m)
{
	/* RFC 5880 6.8.4, asynchronous mode. */
	return (int64_t)m->remote_multiplier *
	       larger(m->rx_used_us, m->remote_tx_us);
}

/* The next packet comes sooner where the interval is less than it was. */
static void
machine_retime(struct machine *m, int64_t now_us)
{
	uint32_t interval_us = machine_interval_us(m);
	int64_t at_us;

	if (interval_us == m->interval_us)
		return;
	m->interval_us = interval_us;
	if (interval_us == 0) {
		m->send_at_us = INT64_MAX;
		return;
	}
	at_us = now_us;
	if (m->sent_us != NOT_HEARD)
		at_us = m->sent_us + machine_jitter(m, interval_us);
	/* RFC 5880 6.8.3: no longer after the last packet than the new one. */
	if (at_us < m->send_at_us)
		m->send_at_us = at_us > now_us ? at_us : now_us;
}

/* RFC 5880 6.8.3: what the state and the configuration ask to be said. */
static void
machine_set_intervals(struct machine *m)
{
	bool is_up = m->state == BFD_UP;
	uint32_t tx_us = m->config.tx_us, rx_us = m->config.rx_us;

	if (!is_up)
		tx_us = larger(tx_us, SLOW_US);
	if (tx_us != m->tx_us || rx_us != m->rx_us) {
		m->poll_again = m->poll;
		/* Nobody can answer before the peer is known. */
		m->poll = m->remote_discr != 0;
	}
	m->tx_us = tx_us;
	m->rx_us = rx_us;
	if (!is_up || tx_us < m->tx_used_us)
		m->tx_used_us = tx_us;
	if (!is_up || rx_us > m->rx_used_us)
		m->rx_used_us = rx_us;
}

/* A Final has come: what was said is used from here on. */
static void
machine_end_poll(struct machine *m)
{
	if (!m->poll)
		return;
	m->poll = false;
	/* It may answer what was said before: a further sequence is needed. */
	if (m->poll_again)
		return;
	m->tx_used_us = m->tx_us;
	m->rx_used_us = m->rx_us;
}

/* Changes of state ---------------------------------------------------------------- */

static void
machine_event(struct machine *m, enum event event, int64_t now_us)
{
	const struct step *step = &steps[m->state][event];

	if (!step->taken)
		return;
	if (m->state == BFD_UP)
		m->counters.downs++;
	if (step->state == BFD_UP)
		m->counters.ups++;
	m->state = step->state;
	m->diag = step->diag;
	m->changed_us = now_us;
	/* RFC 5880 6.8.7: a change of state is not kept for the next time. */
	m->soon = true;
	machine_set_intervals(m);
	machine_retime(m, now_us);
}

void
machine_init(struct machine *m, uint32_t discr, uint64_t random,
    const struct bfd_knobs *config, int64_t now_us)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->state = config->shutdown ? BFD_ADMIN_DOWN : BFD_DOWN;
	m->remote_state = BFD_DOWN;
	m->diag = config->shutdown ? BFD_DIAG_ADMIN_DOWN : BFD_DIAG_NONE;
	m->discr = discr;
	m->remote_rx_us = 1; /* RFC 5880 6.8.1 */
	m->random = random | 1;
	m->auth.key = config->key;
	m->auth.send_sequence = machine_random(m, UINT32_MAX);
	m->sent_us = NOT_HEARD;
	m->heard_us = NOT_HEARD;
	m->send_at_us = INT64_MAX;
	m->changed_us = now_us;
	m->tx_used_us = m->rx_used_us = 0;
	machine_set_intervals(m);
	machine_retime(m, now_us);
}

void
machine_configure(
    struct machine *m, const struct bfd_knobs *config, int64_t now_us)
{
	bool was_shut = m->config.shutdown;

	if (memcmp(&m->config.key, &config->key, sizeof(config->key)) != 0) {
		m->auth.key = config->key;
		m->auth.sequence_known = false;
	}
	/* RFC 5880 6.8.12: the multiplier may change at any time. */
	m->config = *config;
	machine_set_intervals(m);
	machine_retime(m, now_us);
	if (config->shutdown != was_shut)
		machine_event(
		    m, config->shutdown ? EVENT_SHUT : EVENT_NO_SHUT, now_us);
}

/* Packets that come ------------------------------------------------------------------ */

/* RFC 5880 6.8.1: a sequence is forgotten after twice the detection time. */
static void
machine_forget_sequence(struct machine *m, int64_t now_us)
{
	if (m->auth.sequence_known && m->heard_us != NOT_HEARD &&
	    now_us - m->heard_us > DETECTED * machine_detection_us(m))
		m->auth.sequence_known = false;
}

static void
machine_take(struct machine *m, const struct packet *packet)
{
	m->remote_discr = packet->my_discr;
	m->remote_state = packet->state;
	m->remote_diag = packet->diag;
	m->remote_demand = (packet->flags & PACKET_DEMAND) != 0;
	m->remote_rx_us = packet->rx_us;
	m->remote_tx_us = packet->tx_us;
	m->remote_echo_us = packet->echo_us;
	m->remote_multiplier = packet->multiplier;
	if (packet->flags & PACKET_FINAL)
		machine_end_poll(m);
}

const char *
machine_receive(struct machine *m, const struct packet *packet,
    const uint8_t *bytes, int64_t now_us)
{
	const char *why;

	/* RFC 5880 6.8.6, from "If the A bit is set" on, in its order. */
	machine_forget_sequence(m, now_us);
	why = auth_check(&m->auth, packet, bytes);
	if (why != NULL) {
		m->counters.refused++;
		return why;
	}
	machine_take(m, packet);
	machine_retime(m, now_us);
	m->counters.in++;
	m->heard_us = now_us;
	if (m->state == BFD_ADMIN_DOWN)
		return NULL;
	machine_event(m, (enum event)packet->state, now_us);
	/* The peer's mode may hold back or let go what we send: 6.8.7. */
	machine_retime(m, now_us);
	if (packet->flags & PACKET_POLL)
		m->final = true;
	return NULL;
}

/* Time and packets that go --------------------------------------------------------------- */

static int64_t
machine_expires_us(const struct machine *m)
{
	if (m->heard_us == NOT_HEARD || m->remote_discr == 0)
		return INT64_MAX;
	return m->heard_us + machine_detection_us(m);
}

bool
machine_is_expired(const struct machine *m, int64_t now_us)
{
	return now_us >= machine_expires_us(m);
}

void
machine_tick(struct machine *m, int64_t now_us)
{
	if (!machine_is_expired(m, now_us))
		return;
	/* RFC 5880 6.8.1: who is silent has no discriminator any more. */
	m->remote_discr = 0;
	m->remote_demand = false;
	m->remote_rx_us = 1; /* or a 0 would silence us for ever */
	m->remote_state = BFD_DOWN;
	m->poll = m->poll_again = false;
	machine_event(m, EVENT_EXPIRED, now_us);
	machine_retime(m, now_us);
}

static size_t
machine_put(struct machine *m, uint8_t flags, uint8_t bytes[PACKET_MAX])
{
	struct packet packet = {
		.diag = m->diag,
		.state = m->state,
		.flags = flags,
		.multiplier = m->config.multiplier,
		.my_discr = m->discr,
		.your_discr = m->remote_discr,
		.tx_us = m->tx_us,
		.rx_us = m->rx_us,
	};

	m->soon = false;
	m->counters.out++;
	return auth_encode(&m->auth, &packet, bytes);
}

/* At its time, or at once where it differs from the last (6.8.7). */
static bool
machine_may_send(const struct machine *m, int64_t now_us)
{
	if (machine_interval_us(m) == 0)
		return false;
	return m->soon || now_us >= m->send_at_us;
}

size_t
machine_output(struct machine *m, int64_t now_us, uint8_t bytes[PACKET_MAX])
{
	uint8_t flags = m->poll ? PACKET_POLL : 0;

	/* RFC 5880 6.8.7: an answer is sent in either mode, and at once. */
	if (m->final) {
		m->final = false;
		return machine_put(m, PACKET_FINAL, bytes);
	}
	if (!machine_may_send(m, now_us)) {
		m->soon = false;
		return 0;
	}
	/* One packet without a Poll, then the sequence that had to wait. */
	if (!m->poll && m->poll_again) {
		m->poll_again = false;
		m->poll = true;
	}
	m->sent_us = now_us;
	m->send_at_us = now_us + machine_jitter(m, m->interval_us);
	return machine_put(m, flags, bytes);
}

int64_t
machine_due(const struct machine *m)
{
	int64_t expires_us = machine_expires_us(m);

	if (m->final || m->soon)
		return INT64_MIN;
	return m->send_at_us < expires_us ? m->send_at_us : expires_us;
}
