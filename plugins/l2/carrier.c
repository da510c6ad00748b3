/* SPDX-License-Identifier: ISC */
/* The carrier: addresses known, probed, taken and let go, on the interfaces there are. */

/*
 * Down: what it is told by the door. Up: callbacks. Sideways: interfaces that
 * come, go or change their MAC, on which everything that is taken begins anew.
 */

#include <stdlib.h>

#include "segment.h"

#define DOCTOR_US     INT64_C(50000)
#define PACE_DEFAULT  1000
#define AGE_DEFAULT   250
#define PAUSE_DEFAULT 60000

/* Ports --------------------------------------------------------------------------------- */

static void
told_iface(struct carrier *c, const struct iface *i, bool used)
{
	if (c->callbacks.on_iface != NULL)
		c->callbacks.on_iface(c->arg, i->is.ifindex, i->is.name, used,
		    used ? NULL : i->why_not);
}

static void
place_all(struct carrier *c)
{
	struct vip *v;

	for (v = vips_first(&c->vips); v != NULL; v = vips_next(v))
		vip_place(v);
}

/* Its addresses begin anew: it came, has another MAC, another active slave. */
static void
rise_all(struct port *p)
{
	struct spot *s;

	LIST_FOREACH (s, &p->spots, of_port) {
		if (s->vip->state != CARRIER_TAKEN)
			continue;
		announce_start(s);
		confirm_start(s);
	}
	announce_pump(p);
}

/* Whom its advertisements are from; true: another than before. */
static bool
set_source(struct carrier *c, struct port *p)
{
	struct bgpd_addr source = { .family = 0 };

	if (c->options.link_local_source)
		source = iface_link_local(p->iface);
	if (kit_addr_equal(&source, &p->source))
		return false;
	p->source = source;
	return true;
}

static void
close_port(struct carrier *c, struct iface *i)
{
	struct port *p = i->port;
	struct spot *s;

	while ((s = LIST_FIRST(&p->spots)) != NULL)
		spot_free(s);
	i->port = NULL;
	c->turns++;
	port_close(p);
	doctor_untwin(c, i->is.ifindex);
}

static void
open_port(struct carrier *c, struct iface *i, const char *was)
{
	const char *why;

	i->port = port_open(c, i, &why);
	if (i->port == NULL) {
		/* An event of the interface tries it again. */
		if (was == NULL || strcmp(was, why) != 0)
			carrier_say(c, LOG_ERR, "%s cannot carry addresses: %s",
			    i->is.name, why);
		i->why_not = why;
		return;
	}
	c->turns++;
	set_source(c, i->port);
	place_all(c);
	alarm_start(&c->clockwork, &c->doctor, DOCTOR_US);
}

static void
refresh_port(struct carrier *c, struct iface *i)
{
	struct port *p = i->port;
	struct spot *s;

	/* What is carried by name may be here now, or no more. */
	if (strcmp(p->name, i->is.name) != 0) {
		memcpy(p->name, i->is.name, sizeof(p->name));
		place_all(c);
	}
	if (frame_mac_equal(p->mac, i->is.mac)) {
		if (p->active_slave != i->is.active_slave)
			rise_all(p);
		p->active_slave = i->is.active_slave;
		return;
	}
	memcpy(p->mac, i->is.mac, MAC_LEN);
	LIST_FOREACH (s, &p->spots, of_port)
		spot_rebuild(s);
	rise_all(p);
	told_iface(c, i, true);
}

static const char *
master_kind(struct carrier *c, const struct iface *i)
{
	const struct iface *master =
	    i->is.master == 0 ? NULL : ifaces_find(c->ifaces, i->is.master);

	return master == NULL ? "" : master->is.kind;
}

/* Both would answer, with a MAC each, and neither hears the other. */
static bool
parent_speaks(struct carrier *c, const struct iface *i)
{
	const struct iface *parent = link_shares_segment(&i->is)
					 ? ifaces_find(c->ifaces, i->is.parent)
					 : NULL;

	return parent != NULL && parent->port != NULL;
}

static void
judge_iface(struct carrier *c, struct iface *i)
{
	const char *was = i->why_not;

	i->why_not = picks_why_not(c->picks, &i->is, master_kind(c, i));
	if (i->why_not == NULL && parent_speaks(c, i))
		i->why_not = "same-segment";
	if (i->why_not != NULL && i->port != NULL) {
		close_port(c, i);
		told_iface(c, i, false);
	} else if (i->why_not == NULL && i->port == NULL) {
		open_port(c, i, was);
		told_iface(c, i, i->port != NULL);
	} else if (i->port != NULL) {
		refresh_port(c, i);
	} else if (was == NULL || strcmp(was, i->why_not) != 0) {
		told_iface(c, i, false);
	}
}

static void
told_links(struct carrier *c)
{
	if (c->callbacks.on_links != NULL)
		c->callbacks.on_links(c->arg);
}

static void
on_iface(void *arg, struct iface *i, bool gone)
{
	struct carrier *c = arg;
	struct iface *other;

	told_links(c);
	if (!gone) {
		judge_iface(c, i);
	} else if (i->port != NULL) {
		close_port(c, i);
		told_iface(c, i, false);
	}
	/* A VRF may be known after its slaves, a parent after its children. */
	LIST_FOREACH (other, ifaces_list(c->ifaces), link) {
		if (other != i && (other->is.master == i->is.ifindex ||
				      other->is.parent == i->is.ifindex))
			judge_iface(c, other);
	}
}

static void
on_addrs(void *arg)
{
	struct carrier *c = arg;
	struct iface *i;
	struct spot *s;

	told_links(c);
	alarm_start(&c->clockwork, &c->doctor, DOCTOR_US);
	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port == NULL || !set_source(c, i->port))
			continue;
		LIST_FOREACH (s, &i->port->spots, of_port)
			spot_rebuild(s);
	}
}

/* Life -------------------------------------------------------------------------------------- */

static const struct ifaces_sink sink = { on_iface, on_addrs };

static void
set_defaults(struct carrier_options *o)
{
	o->allow = o->exclude = NULL;
	o->allow_count = o->exclude_count = 0;
	if (o->pace_per_sec == 0)
		o->pace_per_sec = PACE_DEFAULT;
	if (o->age_max_ms == 0)
		o->age_max_ms = AGE_DEFAULT;
	if (o->quarantine_ms == 0)
		o->quarantine_ms = PAUSE_DEFAULT;
}

struct carrier *
carrier_new(const struct bgpd_host *host, struct bgpd_self *self,
    const struct carrier_callbacks *callbacks, void *arg)
{
	struct carrier *c = calloc(1, sizeof(*c));
	const char *fault;

	if (c == NULL)
		return NULL;
	c->host = host;
	c->self = self;
	c->callbacks = *callbacks;
	c->arg = arg;
	c->fence_us = INT64_MAX;
	c->hash_secret = arc4random();
	RB_INIT(&c->vips);
	LIST_INIT(&c->suspects);
	set_defaults(&c->options);
	clockwork_open(&c->clockwork, host, self);
	alarm_set(&c->doctor, doctor_look, c);
	alarm_set(&c->twins, doctor_part, c);
	alarm_set(&c->review, probe_review, c);
	c->picks = picks_new(NULL, 0, NULL, 0, &fault);
	c->groups = groups_new(host, self);
	c->ifaces = ifaces_open(host, self, &sink, c);
	if (c->picks == NULL || c->groups == NULL || c->ifaces == NULL) {
		carrier_free(c);
		return NULL;
	}
	ifaces_read(c->ifaces);
	return c;
}

void
carrier_free(struct carrier *c)
{
	struct vip *v;

	/* Nobody is told of what ends here. */
	memset(&c->callbacks, 0, sizeof(c->callbacks));
	while ((v = vips_first(&c->vips)) != NULL)
		vip_free(v);
	if (c->ifaces != NULL)
		ifaces_close(c->ifaces);
	groups_free(c->groups);
	picks_free(c->picks);
	clockwork_close(&c->clockwork);
	fellows_clear(c);
	free(c);
}

static void
set_paces(struct carrier *c)
{
	struct spot *s;
	struct iface *i;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port == NULL)
			continue;
		pace_set(&i->port->pace, c->options.pace_per_sec);
		pace_set(&i->port->pace_ask, c->options.pace_per_sec);
		set_source(c, i->port);
		LIST_FOREACH (s, &i->port->spots, of_port)
			spot_rebuild(s);
	}
}

static void
set_pauses(struct carrier *c)
{
	struct vip *v;

	for (v = vips_first(&c->vips); v != NULL; v = vips_next(v))
		probe_pause(v);
}

const char *
carrier_configure(struct carrier *c, const struct carrier_options *options)
{
	const char *fault;
	struct picks *picks = picks_new(options->allow, options->allow_count,
	    options->exclude, options->exclude_count, &fault);
	struct iface *i;

	if (picks == NULL)
		return fault;
	picks_free(c->picks);
	c->picks = picks;
	c->options = *options;
	set_defaults(&c->options);
	LIST_FOREACH (i, ifaces_list(c->ifaces), link)
		judge_iface(c, i);
	set_paces(c);
	set_pauses(c);
	return NULL;
}

/* Addresses ----------------------------------------------------------------------------------- */

/* The /24 that the kernel is to let through. */
void
carrier_open_block(struct carrier *c, const struct bgpd_addr *a)
{
	uint32_t block = (uint32_t)a->bytes[0] << 24 |
			 (uint32_t)a->bytes[1] << 16 |
			 (uint32_t)a->bytes[2] << 8;
	struct iface *i;
	unsigned k;

	if (a->family != 4 || c->block_count > FILTER_BLOCKS)
		return;
	for (k = 0; k < c->block_count; k++) {
		if (c->blocks[k] == block)
			return;
	}
	if (c->block_count < FILTER_BLOCKS)
		c->blocks[c->block_count] = block;
	c->block_count++;
	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port != NULL)
			port_set_filter(i->port);
	}
}

/* Pools that went leave their blocks behind, until nothing is left. */
static void
close_blocks(struct carrier *c)
{
	if (c->vip_count == 0)
		c->block_count = 0;
}

void
carrier_add(struct carrier *c, const struct bgpd_addr *address,
    const char *const *interfaces, unsigned count)
{
	struct vip *v = vip_find(c, address);
	bool new = v == NULL;

	if (new)
		v = vip_new(c, address);
	if (v == NULL)
		return;
	if (new)
		carrier_open_block(c, address);
	if (!vip_set_only(v, interfaces, count) && !new)
		return;
	vip_place(v);
	if (!c->doctor.armed || new)
		alarm_start(&c->clockwork, &c->doctor, DOCTOR_US);
}

void
carrier_remove(struct carrier *c, const struct bgpd_addr *address)
{
	struct vip *v = vip_find(c, address);

	if (v == NULL)
		return;
	vip_free(v);
	close_blocks(c);
}

void
carrier_probe(struct carrier *c, const struct bgpd_addr *address)
{
	struct vip *v = vip_find(c, address);

	if (v == NULL || v->state == CARRIER_TAKEN)
		return;
	probe_stop(v);
	probe_start(v);
}

/* A spot of a taken address: a new one, or all of them at a take. */
void
carrier_rise(struct spot *s)
{
	spot_join(s);
	announce_start(s);
	confirm_start(s);
	announce_pump(s->port);
}

void
carrier_take(struct carrier *c, const struct bgpd_addr *address)
{
	struct vip *v = vip_find(c, address);
	struct spot *s;

	if (v == NULL || v->state == CARRIER_TAKEN)
		return;
	probe_stop(v);
	conflict_forget(v);
	v->state = CARRIER_TAKEN;
	v->taken_us = carrier_now_us();
	v->asked_us = v->taken_us;
	v->proof = CARRIER_UNASKED;
	LIST_FOREACH (s, &v->spots, of_vip)
		carrier_rise(s);
}

void
carrier_fall_silent(struct vip *v, enum carrier_state state)
{
	struct spot *s;

	v->state = (uint8_t)state;
	v->proof = CARRIER_UNASKED;
	v->taken_us = 0;
	v->confirmed_by.family = 0;
	LIST_FOREACH (s, &v->spots, of_vip) {
		announce_stop(s);
		confirm_stop(s);
		spot_join(s);
	}
}

void
carrier_yield(struct carrier *c, const struct bgpd_addr *address)
{
	struct vip *v = vip_find(c, address);

	if (v == NULL || v->state == CARRIER_KNOWN)
		return;
	probe_stop(v);
	conflict_forget(v);
	carrier_fall_silent(v, CARRIER_KNOWN);
}

void
carrier_announce(struct carrier *c, const struct bgpd_addr *address)
{
	struct vip *v = vip_find(c, address);
	struct spot *s;

	if (v == NULL || v->state != CARRIER_TAKEN)
		return;
	LIST_FOREACH (s, &v->spots, of_vip)
		carrier_rise(s);
}

void
carrier_prejoin(struct carrier *c, const struct bgpd_addr *address, bool joined)
{
	struct vip *v = vip_find(c, address);
	struct spot *s;

	if (v == NULL)
		return;
	v->prejoined = joined;
	LIST_FOREACH (s, &v->spots, of_vip)
		spot_join(s);
}

void
carrier_fence(struct carrier *c, int64_t until_us)
{
	int64_t now_us = carrier_now_us();
	bool was = carrier_is_fenced(c, now_us);
	struct iface *i;

	c->fence_us = until_us;
	if (!was || carrier_is_fenced(c, now_us))
		return;
	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port != NULL)
			announce_pump(i->port);
	}
}
