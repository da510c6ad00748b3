/* SPDX-License-Identifier: ISC */
/* What the carrier shows: every address, every interface, and why not. */

#include "segment.h"

static const char *const state_names[] = {
	[CARRIER_KNOWN] = "silent",
	[CARRIER_PROBING] = "probing",
	[CARRIER_TAKEN] = "taken",
	[CARRIER_QUARANTINED] = "quarantined",
};

static const char *const proof_names[] = {
	[CARRIER_UNASKED] = "unasked",
	[CARRIER_ASKING] = "asking",
	[CARRIER_CONFIRMED] = "confirmed",
	[CARRIER_UNCONFIRMED] = "unconfirmed",
	[CARRIER_UNPROVABLE] = "unprovable",
};

const char *
carrier_state_name(unsigned state)
{
	return state < sizeof(state_names) / sizeof(state_names[0])
		   ? state_names[state]
		   : "?";
}

const char *
carrier_proof_name(unsigned proof)
{
	return proof < sizeof(proof_names) / sizeof(proof_names[0])
		   ? proof_names[proof]
		   : "?";
}

/* Addresses ------------------------------------------------------------------------ */

static void
view_askers(const struct vip *v, struct carrier_address_view *view)
{
	unsigned i;

	for (i = 0; i < ASKERS && v->askers[i].asked_us != 0; i++) {
		view->askers[i].address = v->askers[i].addr;
		memcpy(view->askers[i].mac, v->askers[i].mac, MAC_LEN);
		view->askers[i].asked_us = v->askers[i].asked_us;
	}
	view->asker_count = i;
}

static void
view_vip(struct vip *v, struct carrier_address_view *view)
{
	struct carrier *c = v->carrier;
	const struct iface *i;
	const struct spot *s;

	*view = (struct carrier_address_view){
		.address = v->addr,
		.state = v->state,
		.proof = v->proof,
		.fenced = carrier_is_fenced(c, carrier_now_us()),
		.prejoined = v->prejoined,
		.taken_us = v->taken_us,
		.confirmed_by = v->confirmed_by,
		.confirmed_ms = v->confirmed_ms,
		.questions = v->questions,
		.answers = v->answers,
		.announced = v->announced,
		.conflicts = v->conflicts,
		.conflict = v->conflict,
	};
	LIST_FOREACH (s, &v->spots, of_vip)
		view->interfaces++;
	memcpy(view->mac, v->conflict_mac, MAC_LEN);
	i = v->kernel_on == 0 ? NULL : ifaces_find(c->ifaces, v->kernel_on);
	view->kernel = i == NULL ? NULL : i->is.name;
	view_askers(v, view);
}

void
carrier_each_address(struct carrier *c,
    void (*on_address)(void *, const struct carrier_address_view *), void *arg)
{
	struct carrier_address_view view;
	struct vip *v;

	for (v = vips_first(&c->vips); v != NULL; v = vips_next(v)) {
		view_vip(v, &view);
		on_address(arg, &view);
	}
}

bool
carrier_find_address(struct carrier *c, const struct bgpd_addr *address,
    struct carrier_address_view *view)
{
	struct vip *v = vip_find(c, address);

	if (v != NULL)
		view_vip(v, view);
	return v != NULL;
}

/* Interfaces ------------------------------------------------------------------------- */

static void
view_reasons(struct port *p, struct carrier_interface_view *view)
{
	unsigned i, count = 0;

	for (i = 0; i < REASONS; i++) {
		if (p->reasons[i] > 0)
			p->shown[count++] =
			    (struct carrier_reason){ answer_reason_name(i),
				    p->reasons[i] };
	}
	for (i = 0; i < FRAME_FAULTS; i++) {
		if (p->faults[i] > 0)
			p->shown[count++] =
			    (struct carrier_reason){ frame_fault_name(i),
				    p->faults[i] };
	}
	view->dropped = p->shown;
	view->dropped_count = count;
}

static void
view_port(struct port *p, struct carrier_interface_view *view)
{
	if (p->twin != 0) {
		view->used = false;
		view->why_not = "same-segment";
	}
	view->addresses = p->spot_count;
	view->frames_in = p->frames_in;
	view->frames_out = p->frames_out;
	view->send_failures = p->send_failures;
	view_reasons(p, view);
}

static void
view_iface(const struct iface *i, struct carrier_interface_view *view)
{
	unsigned k;

	*view = (struct carrier_interface_view){
		.ifindex = i->is.ifindex,
		.name = i->is.name,
		.used = i->port != NULL,
		.why_not = i->why_not,
		.gateway_count = i->gateway_count,
	};
	memcpy(view->mac, i->is.mac, MAC_LEN);
	for (k = 0; k < i->gateway_count; k++)
		view->gateways[k] = i->gateways[k].addr;
	if (i->port != NULL)
		view_port(i->port, view);
}

void
carrier_each_interface(struct carrier *c,
    void (*on_interface)(void *, const struct carrier_interface_view *),
    void *arg)
{
	struct carrier_interface_view view;
	const struct iface *i;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		view_iface(i, &view);
		on_interface(arg, &view);
	}
}
