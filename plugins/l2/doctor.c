/* SPDX-License-Identifier: ISC */
/* What of this node gets in the way: a kernel that answers too, a second cable. */

/*
 * An address that this node also has on an interface may be answered for by its
 * kernel, whoever owns it: on `lo` unless arp_ignore is set, on the announcing
 * interface nearly always. On `lo` with arp_ignore 1 it is the normal way. And
 * where two interfaces of this node are on one segment, both would answer with
 * their own MACs: the one with the lower index speaks.
 */

#include <stdio.h>
#include <stdlib.h>

#include "segment.h"

#define AGAIN_US INT64_C(30000000) /* sysctls change without an event */

static int
read_arp_ignore(const char *name)
{
	char path[96], line[16];
	int value = 0;
	FILE *f;

	snprintf(
	    path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/arp_ignore", name);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL)
		value = atoi(line);
	fclose(f);
	return value;
}

/* The larger of `all` and the interface's counts. */
static void
read_arp_ignores(struct carrier *c)
{
	int all = read_arp_ignore("all"), own;
	struct iface *i;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port == NULL)
			continue;
		own = read_arp_ignore(i->is.name);
		i->port->arp_ignore = all > own ? all : own;
	}
}

/* Does any interface that carries it have the kernel answer? */
static bool
is_answered(const struct vip *v, int on)
{
	const struct spot *s;

	LIST_FOREACH (s, &v->spots, of_vip) {
		if (kernel_answers(v->addr.family, s->port->ifindex, on,
			s->port->arp_ignore))
			return true;
	}
	return false;
}

static void
told(struct vip *v, int on, bool answers)
{
	struct carrier *c = v->carrier;
	const struct iface *i = ifaces_find(c->ifaces, on);

	v->kernel_on = answers ? on : 0;
	if (c->callbacks.on_kernel_answers != NULL)
		c->callbacks.on_kernel_answers(
		    c->arg, &v->addr, i != NULL ? i->is.name : "?", answers);
}

/* Of all addresses of this node, those that are carried; they are marked. */
static bool
look_at_addrs(struct carrier *c)
{
	const struct iface *i;
	bool local = false;
	struct vip *v;
	unsigned k;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		for (k = 0; k < i->addr_count; k++) {
			v = vip_find(c, &i->addrs[k].addr);
			if (v == NULL)
				continue;
			local = true;
			if (!v->kernel_seen)
				v->kernel_seen = is_answered(v, i->is.ifindex)
						     ? i->is.ifindex
						     : 0;
		}
	}
	return local;
}

void
doctor_look(void *arg)
{
	struct carrier *c = arg;
	struct vip *v, *next;
	bool local;
	int seen;

	read_arp_ignores(c);
	local = look_at_addrs(c);
	/* The callback may remove the address it is told of. */
	for (v = vips_first(&c->vips); v != NULL; v = next) {
		next = vips_next(v);
		seen = v->kernel_seen;
		v->kernel_seen = 0;
		if (seen != 0 && seen != v->kernel_on)
			told(v, seen, true);
		else if (seen == 0 && v->kernel_on != 0)
			told(v, v->kernel_on, false);
	}
	if (local)
		alarm_start(&c->clockwork, &c->doctor, AGAIN_US);
}

void
doctor_twin(struct port *p, struct port *other)
{
	struct port *silent = p->ifindex < other->ifindex ? other : p;
	struct port *speaks = silent == p ? other : p;
	struct carrier *c = p->carrier;

	if (silent->twin != 0)
		return;
	silent->twin = speaks->ifindex;
	carrier_say(c, LOG_WARNING,
	    "%s and %s are on one segment: addresses are carried by %s alone",
	    p->iface->is.name, other->iface->is.name, speaks->iface->is.name);
	/* Its spots are gone in a moment: the frame that told is one's own. */
	alarm_start(&c->clockwork, &c->twins, 0);
}

static void
place_all(struct carrier *c)
{
	struct vip *v;

	for (v = vips_first(&c->vips); v != NULL; v = vips_next(v))
		vip_place(v);
}

void
doctor_part(void *arg)
{
	place_all(arg);
}

void
doctor_untwin(struct carrier *c, int ifindex)
{
	struct iface *i;
	bool found = false;

	LIST_FOREACH (i, ifaces_list(c->ifaces), link) {
		if (i->port != NULL && i->port->twin == ifindex) {
			i->port->twin = 0;
			found = true;
		}
	}
	if (found)
		place_all(c);
}
