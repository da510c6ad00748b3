/* SPDX-License-Identifier: ISC */
/* A frame that came: whose business it is, and what is done about it. */

/*
 * The path of a question is find, judge, limit, copy, patch; nothing on it is
 * allocated or walked. Whether we may answer at all is asked with the clock of
 * this batch, not of when a timer last ran: a process that was frozen must not
 * answer by what it knew before.
 */

#include "segment.h"

/* The address of ours that it is about; NULL: none. */
static struct spot *
spot_of(const struct port *p, const struct frame *f)
{
	struct spot *s;

	if (f->kind == FRAME_NA) {
		s = port_find_spot(p, &f->target);
		return s != NULL ? s : port_find_spot(p, &f->dest);
	}
	s = frame_addr_is_zero(&f->sender) ? NULL
					   : port_find_spot(p, &f->sender);
	return s != NULL ? s : port_find_spot(p, &f->target);
}

static bool
is_link_local(const struct bgpd_addr *a)
{
	return a->family == 6 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0x80;
}

/* Where the interface knows the address's subnet, the asker must be of one. */
static bool
is_foreign(const struct spot *s, const struct frame *f)
{
	const struct iface *i = s->port->iface;

	return !is_link_local(&f->sender) && !iface_holds(i, &f->sender) &&
	       iface_holds(i, &s->vip->addr);
}

static void
answer(struct spot *s, const struct frame *f, const struct answer *a,
    int64_t now_us)
{
	struct port *p = s->port;
	uint8_t *out;

	if (carrier_is_fenced(p->carrier, now_us)) {
		p->reasons[REASON_SILENT]++;
		return;
	}
	if (!limit_allows(&p->limit, f->ether_src, now_us)) {
		p->reasons[REASON_LIMITED]++;
		return;
	}
	out = port_put(p, s->vip->addr.family, s->frames.len);
	if (a->what == ANSWER_TO_ALL) {
		memcpy(out, s->frames.announce, s->frames.len);
	} else {
		memcpy(out, s->frames.answer, s->frames.len);
		build_aim(out, a->to, f->mac, &f->sender);
	}
	s->vip->answers++;
}

static void
question(struct spot *s, const struct frame *f, const struct answer *a,
    int64_t now_us)
{
	s->vip->questions++;
	answer(s, f, a, now_us);
	if (frame_addr_is_zero(&f->sender))
		return;
	vip_heard_asker(s->vip, s->port, f);
	if (a->knows_us)
		confirm_learned(s->vip, &f->sender);
}

/* Another interface of this node said it: the two are on one segment. */
static bool
is_twin(struct spot *s, const uint8_t *mac)
{
	struct iface *i;

	LIST_FOREACH (i, ifaces_list(s->port->carrier->ifaces), link) {
		if (i->port != NULL && i->port != s->port &&
		    frame_mac_equal(i->port->mac, mac)) {
			s->port->reasons[REASON_OWN]++;
			doctor_twin(s->port, i->port);
			return true;
		}
	}
	return false;
}

static void
conflict(struct spot *s, const uint8_t *mac)
{
	if (s->vip->acd.state == ACD_PROBING)
		probe_hear(s, mac, false);
	else
		conflict_hear(s, mac);
}

static void
act(struct spot *s, const struct frame *f, const struct answer *a,
    int64_t now_us)
{
	struct port *p = s->port;

	switch (a->what) {
	case ANSWER_REPLY:
	case ANSWER_TO_ALL:
		question(s, f, a, now_us);
		break;
	case ANSWER_CONFLICT:
		if (!is_twin(s, a->mac))
			conflict(s, a->mac);
		break;
	case ANSWER_RIVAL:
		if (!is_twin(s, a->mac))
			probe_hear(s, a->mac, true);
		break;
	case ANSWER_LEARNED:
		if (!confirm_hear(s,
			f->kind == FRAME_NA ? &f->target : &f->sender,
			f->has_mac ? f->mac : f->ether_src))
			p->reasons[REASON_STRAY]++;
		break;
	default:
		p->reasons[a->reason]++;
		/* Who asks its owner now is asked if it comes to us. */
		if (a->reason == REASON_SILENT &&
		    !frame_addr_is_zero(&f->sender))
			vip_heard_asker(s->vip, p, f);
		break;
	}
}

void
hear(struct port *p, const struct frame *f, int64_t now_us)
{
	struct spot *s = spot_of(p, f);
	struct answer_scene scene;
	struct answer a;

	if (gateway_hear(p, f))
		return;
	if (s == NULL) {
		p->reasons[REASON_UNKNOWN]++;
		return;
	}
	scene = (struct answer_scene){
		.addr = &s->vip->addr,
		.mac = p->mac,
		.nonce = s->vip->nonce,
		.taken = s->vip->state == CARRIER_TAKEN,
		.probing = s->vip->acd.state == ACD_PROBING,
		.foreign = is_foreign(s, f),
		.router = iface_gateway(p->iface, &f->sender) != NULL,
	};
	a = answer_judge(f, &scene);
	act(s, f, &a, now_us);
}
