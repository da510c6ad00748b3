/* SPDX-License-Identifier: ISC */
/* Probing an address on all its interfaces, and conflicts while it is owned. */

/*
 * Who has it may be a fellow whose MAC is told only later: before the source hears
 * of an alien he is in doubt for two seconds (acd.c), and an address that was left to
 * one is probed again as soon as he turns out to be a fellow.
 */

#include <stdlib.h>

#include "segment.h"

#define FELLOW_US INT64_C(10000) /* a burst of a fellow's is told once */
#define ALIENS	  5		 /* told at once, then one a second */

static void
told_probed(struct vip *v, enum carrier_probed result, const uint8_t *mac)
{
	static const uint8_t nobody[MAC_LEN];
	struct carrier *c = v->carrier;

	if (c->callbacks.on_probed != NULL)
		c->callbacks.on_probed(
		    c->arg, &v->addr, result, mac != NULL ? mac : nobody);
}

static void
join_all(struct vip *v)
{
	struct spot *s;

	LIST_FOREACH (s, &v->spots, of_vip)
		spot_join(s);
}

void
probe_pause(struct vip *v)
{
	struct carrier *c = v->carrier;

	if (v->state == CARRIER_QUARANTINED && v->acd.state != ACD_PROBING)
		alarm_start(&c->clockwork, &v->acd_alarm,
		    c->options.quarantine_ms * INT64_C(1000));
}

static void
suspect(struct vip *v)
{
	if (!v->suspects)
		LIST_INSERT_HEAD(&v->carrier->suspects, v, of_suspects);
	v->suspects = true;
}

void
probe_forget(struct vip *v)
{
	if (v->suspects)
		LIST_REMOVE(v, of_suspects);
	v->suspects = false;
}

static void
send_probes(struct vip *v)
{
	struct spot *s;

	LIST_FOREACH (s, &v->spots, of_vip) {
		build_probe(port_put(s->port, v->addr.family, s->frames.len),
		    s->port->mac, &v->addr, v->nonce);
		port_flush(s->port);
	}
}

/* Many at once stand in line: three broadcasts of each, at the pace. */
static int64_t
turn_us(struct carrier *c)
{
	int64_t now_us = carrier_now_us(), at_us;

	at_us = c->probe_us > now_us ? c->probe_us : now_us;
	c->probe_us = at_us + 3 * INT64_C(1000000) / c->options.pace_per_sec;
	return at_us;
}

static void
begin(struct vip *v)
{
	struct carrier *c = v->carrier;

	arc4random_buf(v->nonce, sizeof(v->nonce));
	acd_start(&v->acd, c->options.slow_probe, arc4random(), turn_us(c));
	join_all(v);
	alarm_start(
	    &c->clockwork, &v->acd_alarm, v->acd.due_us - carrier_now_us());
}

static void
end(struct vip *v)
{
	v->acd.state = ACD_IDLE;
	v->state = CARRIER_KNOWN;
	join_all(v);
}

static void
quarantine(struct vip *v)
{
	v->state = CARRIER_QUARANTINED;
	suspect(v);
	probe_pause(v);
	join_all(v);
}

static void
lose_to_fellow(struct vip *v, const uint8_t *mac)
{
	alarm_stop(&v->carrier->clockwork, &v->acd_alarm);
	end(v);
	/* What was left to a stranger is looked after all the same. */
	if (v->conflict)
		quarantine(v);
	told_probed(v, CARRIER_FELLOW, mac);
}

static void
lose_to_alien(struct vip *v, const uint8_t *mac)
{
	alarm_stop(&v->carrier->clockwork, &v->acd_alarm);
	v->acd.state = ACD_IDLE;
	v->conflict = true;
	v->conflicts++;
	memcpy(v->conflict_mac, mac, MAC_LEN);
	quarantine(v);
	told_probed(v, CARRIER_ALIEN, mac);
}

/* True: it is settled, he was a fellow. */
static bool
review_doubt(struct vip *v)
{
	struct carrier *c = v->carrier;
	int64_t now_us = carrier_now_us();
	uint8_t mac[MAC_LEN];

	if (!v->acd.doubted || fellow_known(c, v->acd.mac) == NULL)
		return false;
	memcpy(mac, v->acd.mac, sizeof(mac));
	acd_clear(&v->acd, now_us);
	if (v->acd.prober) {
		alarm_start(
		    &c->clockwork, &v->acd_alarm, v->acd.due_us - now_us);
	} else {
		acd_hear(&v->acd, mac);
		lose_to_fellow(v, mac);
	}
	return true;
}

/* The doubt is over: does the kernel know him by now? */
static void
look_again(struct vip *v)
{
	struct spot *s;

	v->carrier->alien_us = 0;
	LIST_FOREACH (s, &v->spots, of_vip)
		fellow_find(v->carrier, s->port->ifindex, v->acd.mac);
}

/* A step of the probes, or a quarantine begins to probe again. */
static void
on_alarm(void *arg)
{
	struct vip *v = arg;
	uint8_t mac[MAC_LEN];

	if (v->acd.state != ACD_PROBING) {
		if (!LIST_EMPTY(&v->spots))
			begin(v);
		else
			probe_pause(v);
		return;
	}
	if (v->acd.doubted && carrier_now_us() >= v->acd.doubt_us)
		look_again(v);
	if (review_doubt(v))
		return;
	switch (acd_tick(&v->acd, arc4random(), carrier_now_us())) {
	case ACD_SEND:
		send_probes(v);
		break;
	case ACD_LOST:
		memcpy(mac, v->acd.mac, sizeof(mac));
		lose_to_alien(v, mac);
		return;
	case ACD_DONE:
		end(v);
		v->conflict = false;
		told_probed(v, CARRIER_FREE, NULL);
		return;
	case ACD_WAIT:
		break;
	}
	alarm_start(&v->carrier->clockwork, &v->acd_alarm,
	    v->acd.due_us - carrier_now_us());
}

/* Its conflict is over: a minute without one. */
static void
on_over(void *arg)
{
	struct vip *v = arg;
	struct carrier *c = v->carrier;

	if (!v->conflict || v->state == CARRIER_QUARANTINED)
		return;
	v->conflict = false;
	if (c->callbacks.on_conflict_over != NULL)
		c->callbacks.on_conflict_over(c->arg, &v->addr);
}

void
probe_init(struct vip *v)
{
	alarm_set(&v->acd_alarm, on_alarm, v);
	alarm_set(&v->over_alarm, on_over, v);
}

void
probe_start(struct vip *v)
{
	v->state = CARRIER_PROBING;
	/* Without an interface it waits for one. */
	if (!LIST_EMPTY(&v->spots))
		begin(v);
}

/* An interface came that it is on. */
void
probe_resume(struct vip *v)
{
	if (v->state == CARRIER_PROBING)
		begin(v);
}

void
probe_stop(struct vip *v)
{
	alarm_stop(&v->carrier->clockwork, &v->acd_alarm);
	v->acd.state = ACD_IDLE;
}

void
probe_hear(struct spot *s, const uint8_t mac[MAC_LEN], bool rival)
{
	struct vip *v = s->vip;
	bool fellow = fellow_find(v->carrier, s->port->ifindex, mac) != NULL;

	/* Two speakers may probe at once: neither has it. */
	if (v->acd.state != ACD_PROBING || (rival && fellow))
		return;
	if (!fellow && v->carrier->fellow_count > 0) {
		acd_doubt(&v->acd, mac, rival, carrier_now_us());
		suspect(v);
		return;
	}
	acd_hear(&v->acd, mac);
	if (fellow)
		lose_to_fellow(v, mac);
	else
		lose_to_alien(v, mac);
}

static void
review_quarantine(struct vip *v)
{
	struct carrier *c = v->carrier;

	if (fellow_known(c, v->conflict_mac) == NULL || LIST_EMPTY(&v->spots))
		return;
	alarm_stop(&c->clockwork, &v->acd_alarm);
	begin(v);
}

void
probe_review(void *carrier)
{
	struct carrier *c = carrier;
	struct vip *v, *next;

	LIST_FOREACH_SAFE (v, &c->suspects, of_suspects, next) {
		if (v->acd.state == ACD_PROBING)
			review_doubt(v);
		else if (v->state == CARRIER_QUARANTINED)
			review_quarantine(v);
		else
			probe_forget(v);
	}
}

/* Conflicts -------------------------------------------------------------------------- */

static void
told_conflict(
    struct spot *s, const uint8_t *mac, const struct bgpd_addr *fellow)
{
	struct vip *v = s->vip;
	struct carrier *c = v->carrier;

	if (c->callbacks.on_conflict != NULL)
		c->callbacks.on_conflict(
		    c->arg, &v->addr, mac, s->port->ifindex, fellow, v->state);
}

static void
hear_fellow(struct spot *s, const uint8_t *mac, const struct bgpd_addr *fellow)
{
	int64_t now_us = carrier_now_us();

	if (now_us - s->vip->fellow_us < FELLOW_US)
		return;
	s->vip->fellow_us = now_us;
	told_conflict(s, mac, fellow);
}

static void
hear_alien(struct spot *s, const uint8_t *mac)
{
	struct vip *v = s->vip;
	struct carrier *c = v->carrier;
	bool other = !v->conflict || !frame_mac_equal(v->conflict_mac, mac);
	int64_t now_us = carrier_now_us();
	bool due = acd_defend(&v->acd, now_us);

	v->conflict = true;
	memcpy(v->conflict_mac, mac, MAC_LEN);
	alarm_start(&c->clockwork, &v->over_alarm, ACD_OVER_US);
	switch (c->options.policy) {
	case CARRIER_YIELD:
		carrier_fall_silent(v, CARRIER_KNOWN);
		break;
	case CARRIER_QUARANTINE:
		carrier_fall_silent(v, CARRIER_KNOWN);
		quarantine(v);
		break;
	default:
		if (due)
			announce_now(s);
		break;
	}
	if (v->state != CARRIER_TAKEN || due ||
	    (other && bucket_take(&v->aliens, 1, ALIENS, now_us)))
		told_conflict(s, mac, NULL);
}

void
conflict_hear(struct spot *s, const uint8_t mac[MAC_LEN])
{
	struct vip *v = s->vip;
	const struct bgpd_addr *fellow;

	if (v->state != CARRIER_TAKEN)
		return;
	v->conflicts++;
	fellow = fellow_find(v->carrier, s->port->ifindex, mac);
	if (fellow != NULL)
		hear_fellow(s, mac, fellow);
	else
		hear_alien(s, mac);
}

void
conflict_forget(struct vip *v)
{
	alarm_stop(&v->carrier->clockwork, &v->over_alarm);
	v->conflict = false;
	acd_stop(&v->acd);
}
