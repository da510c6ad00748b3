/* SPDX-License-Identifier: ISC */
/* Was the takeover heard? Who is asked under the address and answers has learned. */

/*
 * An announcement creates no entry and is confirmed by nobody. An ordinary
 * question with the address as its sender does both: the gateway (and whoever
 * asked for the address last) enters our MAC, and answers to it. It is repeated
 * until answered; where nobody answers for a second, something between us and
 * the gateway holds the address back, and that is told. Somebody who asks for
 * the address by unicast to us had learned it too.
 */

#include "segment.h"

#define ATTEMPTS 5
#define TO_ALL	 2 /* attempts; then a gateway's MAC may be another */
#define ASKER_US INT64_C(600000000)

/* After each attempt; the last is the wait for a verdict. */
static const uint16_t gaps_ms[ATTEMPTS] = { 50, 100, 200, 400, 300 };

/* Whom to ask -------------------------------------------------------------------------- */

static struct target *
target_find(struct spot *s, const struct bgpd_addr *addr)
{
	unsigned i;

	for (i = 0; i < s->target_count; i++) {
		if (kit_addr_equal(&s->targets[i].addr, addr))
			return &s->targets[i];
	}
	return NULL;
}

static void
target_add(struct spot *s, const struct bgpd_addr *addr, const uint8_t *mac,
    bool gateway)
{
	struct target *t;

	if (addr->family != s->vip->addr.family || s->target_count == TARGETS ||
	    target_find(s, addr) != NULL)
		return;
	t = &s->targets[s->target_count++];
	memset(t, 0, sizeof(*t));
	t->addr = *addr;
	t->gateway = gateway;
	t->has_mac = mac != NULL;
	if (mac != NULL)
		memcpy(t->mac, mac, MAC_LEN);
}

/* Gateways first. */
static void
collect(struct spot *s)
{
	struct iface *i = s->port->iface;
	int64_t now_us = carrier_now_us();
	const struct asker *a;
	unsigned k;

	ifaces_resolve(s->port->carrier->ifaces, i);
	s->target_count = 0;
	for (k = 0; k < i->gateway_count; k++)
		target_add(s, &i->gateways[k].addr,
		    i->gateways[k].has_mac ? i->gateways[k].mac : NULL, true);
	for (k = 0; k < ASKERS; k++) {
		a = &s->vip->askers[k];
		if (a->asked_us != 0 && a->ifindex == s->port->ifindex &&
		    now_us - a->asked_us < ASKER_US)
			target_add(s, &a->addr, a->mac, false);
	}
}

static bool
all_answered(const struct spot *s)
{
	unsigned i;

	for (i = 0; i < s->target_count; i++) {
		if (!s->targets[i].answered)
			return false;
	}
	return true;
}

/* Asking --------------------------------------------------------------------------------- */

unsigned
confirm_send(struct spot *s)
{
	const struct vip *v = s->vip;
	const struct gateway *g;
	struct target *t;
	unsigned i, count = 0;

	for (i = 0; i < s->target_count; i++) {
		t = &s->targets[i];
		if (t->answered)
			continue;
		/* Another address has learned it meanwhile. */
		g = t->gateway ? iface_gateway(s->port->iface, &t->addr) : NULL;
		if (g != NULL && g->has_mac) {
			memcpy(t->mac, g->mac, MAC_LEN);
			t->has_mac = true;
		}
		build_ask(port_put(s->port, v->addr.family, s->frames.len),
		    s->port->mac, &v->addr, &t->addr,
		    t->has_mac && !(t->gateway && s->attempt >= TO_ALL) ? t->mac
									: NULL);
		count++;
	}
	return count;
}

/* Does another interface still ask for it? */
static bool
vip_is_asking(const struct vip *v)
{
	const struct spot *s;

	LIST_FOREACH (s, &v->spots, of_vip) {
		if (s->ask.armed)
			return true;
	}
	return false;
}

static void
give_up(struct spot *s)
{
	struct vip *v = s->vip;
	struct carrier *c = v->carrier;

	if (v->proof != CARRIER_ASKING || vip_is_asking(v))
		return;
	v->proof = iface_holds(s->port->iface, &v->addr) ? CARRIER_UNCONFIRMED
							 : CARRIER_UNPROVABLE;
	if (c->callbacks.on_unconfirmed != NULL)
		c->callbacks.on_unconfirmed(c->arg, &v->addr, v->proof);
}

static void
on_ask(void *arg)
{
	struct spot *s = arg;

	if (all_answered(s))
		return;
	/* What may not be asked is not unanswered. */
	if (carrier_is_fenced(s->port->carrier, carrier_now_us())) {
		alarm_start(&s->port->carrier->clockwork, &s->ask,
		    gaps_ms[0] * INT64_C(1000));
		return;
	}
	s->attempt++;
	if (s->attempt == ATTEMPTS) {
		give_up(s);
		return;
	}
	alarm_start(&s->port->carrier->clockwork, &s->ask,
	    gaps_ms[s->attempt] * INT64_C(1000));
	announce_ask(s);
	announce_pump(s->port);
}

void
confirm_init(struct spot *s)
{
	alarm_set(&s->ask, on_ask, s);
}

void
confirm_start(struct spot *s)
{
	collect(s);
	s->attempt = 0;
	if (s->target_count == 0)
		return;
	/* An interface that returned, or has another MAC, proves anew. */
	s->vip->proof = CARRIER_ASKING;
	s->vip->asked_us = carrier_now_us();
	alarm_start(
	    &s->port->carrier->clockwork, &s->ask, gaps_ms[0] * INT64_C(1000));
	announce_ask(s);
}

/* Once more, with whoever there is by now. */
void
confirm_repeat(struct spot *s)
{
	if (s->vip->proof == CARRIER_CONFIRMED || s->ask.armed)
		return;
	confirm_start(s);
}

void
confirm_stop(struct spot *s)
{
	alarm_stop(&s->port->carrier->clockwork, &s->ask);
	s->target_count = 0;
}

/* Answers -------------------------------------------------------------------------------- */

void
confirm_learned(struct vip *v, const struct bgpd_addr *by)
{
	struct carrier *c = v->carrier;

	if (v->proof == CARRIER_CONFIRMED)
		return;
	v->proof = CARRIER_CONFIRMED;
	v->confirmed_by = *by;
	v->confirmed_ms = (uint32_t)((carrier_now_us() - v->asked_us) / 1000);
	if (c->callbacks.on_confirmed != NULL)
		c->callbacks.on_confirmed(
		    c->arg, &v->addr, by, v->confirmed_ms);
}

bool
confirm_hear(
    struct spot *s, const struct bgpd_addr *by, const uint8_t mac[MAC_LEN])
{
	struct target *t = target_find(s, by);
	struct gateway *g = iface_gateway(s->port->iface, by);

	if (t == NULL)
		return false;
	t->answered = true;
	if (g != NULL) {
		memcpy(g->mac, mac, MAC_LEN);
		g->has_mac = true;
		g->mac_us = carrier_now_us();
	}
	if (all_answered(s))
		alarm_stop(&s->port->carrier->clockwork, &s->ask);
	confirm_learned(s->vip, by);
	return true;
}
