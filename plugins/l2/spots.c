/* SPDX-License-Identifier: ISC */
/* Addresses, and each of them on each interface: found in one step by a frame. */

/*
 * A vip is an address; a spot is one on one interface, with its frames built
 * ahead and its place in the interface's table. The table is of open addressing:
 * a frame that arrives costs one hash and, nearly always, one comparison.
 */

#include <stdlib.h>

#include "segment.h"

static int
vip_compare(const struct vip *a, const struct vip *b)
{
	return kit_addr_compare(&a->addr, &b->addr);
}
RB_GENERATE_INTERNAL(
    vips, vip, link, vip_compare, __attribute__((unused)) static)

struct vip *
vips_first(struct vips *vips)
{
	return RB_MIN(vips, vips);
}

struct vip *
vips_next(struct vip *vip)
{
	return RB_NEXT(vips, NULL, vip);
}

/* With zeros behind an IPv4 address. */
static struct bgpd_addr
plain(const struct bgpd_addr *addr)
{
	struct bgpd_addr out = { .family = addr->family };

	memcpy(out.bytes, addr->bytes, addr->family == 4 ? 4 : 16);
	return out;
}

struct vip *
vip_find(struct carrier *c, const struct bgpd_addr *addr)
{
	struct vip key;

	key.addr = plain(addr);
	return RB_FIND(vips, &c->vips, &key);
}

/* The table of a port -------------------------------------------------------------- */

static uint32_t
hash_addr(const struct port *p, const struct bgpd_addr *addr)
{
	uint32_t hash = 2166136261u ^ p->carrier->hash_secret;
	unsigned i, len = addr->family == 4 ? 4 : 16;

	for (i = 0; i < len; i++)
		hash = (hash ^ addr->bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

/* Where it stands, or the empty place where it would. */
static unsigned
table_at(const struct port *p, const struct bgpd_addr *addr)
{
	unsigned mask = p->table_size - 1, at = hash_addr(p, addr) & mask;

	while (p->table[at] != NULL &&
	       !kit_addr_equal(&p->table[at]->vip->addr, addr))
		at = (at + 1) & mask;
	return at;
}

struct spot *
port_find_spot(const struct port *p, const struct bgpd_addr *addr)
{
	return p->spot_count == 0 ? NULL : p->table[table_at(p, addr)];
}

static bool
table_grow(struct port *p)
{
	unsigned size = p->table_size == 0 ? 64 : 2 * p->table_size, i;
	struct spot **old = p->table;

	if (2 * (p->spot_count + 1) <= p->table_size)
		return true;
	p->table = calloc(size, sizeof(struct spot *));
	if (p->table == NULL) {
		p->table = old;
		return false;
	}
	i = p->table_size;
	p->table_size = size;
	while (i-- > 0) {
		if (old[i] != NULL)
			p->table[table_at(p, &old[i]->vip->addr)] = old[i];
	}
	free(old);
	return true;
}

/* Those behind it that it kept from their places move up. */
static void
table_remove(struct port *p, const struct spot *spot)
{
	unsigned mask = p->table_size - 1;
	unsigned at = table_at(p, &spot->vip->addr), next;
	struct spot *moved;

	p->table[at] = NULL;
	for (next = (at + 1) & mask; p->table[next] != NULL;
	     next = (next + 1) & mask) {
		moved = p->table[next];
		p->table[next] = NULL;
		p->table[table_at(p, &moved->vip->addr)] = moved;
	}
	p->spot_count--;
}

/* Spots ---------------------------------------------------------------------------- */

void
spot_rebuild(struct spot *s)
{
	struct frame_style style = {
		.router = s->port->carrier->options.router_flag,
		.source = s->port->source.family == 0 ? NULL : &s->port->source,
	};

	build_set(&s->frames, s->port->mac, &s->vip->addr, &style);
}

void
spot_join(struct spot *s)
{
	struct vip *v = s->vip;
	bool wanted =
	    v->addr.family == 6 && (v->prejoined || v->state == CARRIER_TAKEN ||
				       v->acd.state == ACD_PROBING);

	if (wanted == s->joined)
		return;
	if (!wanted) {
		groups_leave(v->carrier->groups, s->port->ifindex, &v->addr);
		s->joined = false;
	} else {
		s->joined = groups_join(v->carrier->groups, s->port->ifindex,
				&v->addr) == 0;
	}
}

static void
spot_new(struct vip *v, struct port *p)
{
	struct spot *s = calloc(1, sizeof(*s));

	if (s == NULL || !table_grow(p)) {
		free(s);
		return;
	}
	s->vip = v;
	s->port = p;
	s->lane = LANES;
	p->table[table_at(p, &v->addr)] = s;
	p->spot_count++;
	LIST_INSERT_HEAD(&v->spots, s, of_vip);
	LIST_INSERT_HEAD(&p->spots, s, of_port);
	spot_rebuild(s);
	announce_init(s);
	confirm_init(s);
	spot_join(s);
	if (v->state == CARRIER_TAKEN)
		carrier_rise(s);
	else
		probe_resume(v);
}

void
spot_free(struct spot *s)
{
	struct carrier *c = s->vip->carrier;

	announce_stop(s);
	confirm_stop(s);
	if (s->joined)
		groups_leave(c->groups, s->port->ifindex, &s->vip->addr);
	table_remove(s->port, s);
	LIST_REMOVE(s, of_vip);
	LIST_REMOVE(s, of_port);
	free(s);
}

/* Addresses -------------------------------------------------------------------------- */

struct vip *
vip_new(struct carrier *c, const struct bgpd_addr *addr)
{
	struct vip *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->carrier = c;
	v->addr = plain(addr);
	LIST_INIT(&v->spots);
	probe_init(v);
	RB_INSERT(vips, &c->vips, v);
	c->vip_count++;
	return v;
}

static void
only_free(char **only, unsigned count)
{
	while (count > 0)
		free(only[--count]);
	free(only);
}

void
vip_free(struct vip *v)
{
	struct carrier *c = v->carrier;
	struct spot *s;

	probe_stop(v);
	probe_forget(v);
	conflict_forget(v);
	while ((s = LIST_FIRST(&v->spots)) != NULL)
		spot_free(s);
	RB_REMOVE(vips, &c->vips, v);
	c->vip_count--;
	only_free(v->only, v->only_count);
	free(v);
}

static bool
only_equal(const struct vip *v, const char *const *names, unsigned count)
{
	unsigned i;

	if (v->only_count != count)
		return false;
	for (i = 0; i < count; i++) {
		if (strcmp(v->only[i], names[i]) != 0)
			return false;
	}
	return true;
}

bool
vip_set_only(struct vip *v, const char *const *names, unsigned count)
{
	char **only = NULL;
	unsigned i;

	if (only_equal(v, names, count))
		return false;
	if (count > 0 && (only = calloc(count, sizeof(*only))) == NULL)
		return false;
	for (i = 0; i < count; i++) {
		only[i] = strdup(names[i]);
		if (only[i] == NULL) {
			only_free(only, i);
			return false;
		}
	}
	only_free(v->only, v->only_count);
	v->only = only;
	v->only_count = count;
	return true;
}

bool
vip_names(const struct vip *v, const char *interface)
{
	unsigned i;

	for (i = 0; i < v->only_count; i++) {
		if (strcmp(v->only[i], interface) == 0)
			return true;
	}
	return v->only_count == 0;
}

static bool
vip_wants(const struct vip *v, const struct port *p)
{
	return p->twin == 0 && vip_names(v, p->iface->is.name);
}

void
vip_place(struct vip *v)
{
	struct iface *i;
	struct spot *s;

	LIST_FOREACH (i, ifaces_list(v->carrier->ifaces), link) {
		if (i->port == NULL)
			continue;
		s = port_find_spot(i->port, &v->addr);
		if (s != NULL && !vip_wants(v, i->port))
			spot_free(s);
		else if (s == NULL && vip_wants(v, i->port))
			spot_new(v, i->port);
	}
}

/* The latest first; one that asks again moves up. */
void
vip_heard_asker(struct vip *v, const struct port *p, const struct frame *f)
{
	struct asker *a = v->askers;
	unsigned at;

	for (at = 0; at < ASKERS - 1; at++) {
		if (a[at].asked_us == 0 ||
		    kit_addr_equal(&a[at].addr, &f->sender))
			break;
	}
	memmove(a + 1, a, at * sizeof(*a));
	a[0].addr = f->sender;
	memcpy(a[0].mac, f->ether_src, MAC_LEN);
	a[0].ifindex = p->ifindex;
	a[0].asked_us = carrier_now_us();
}
