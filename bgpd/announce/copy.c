/* SPDX-License-Identifier: ISC */
/* Deep copies of what a guest lends: one block of memory for each service. */

/*
 * A source may have been built against an older or a newer plugin.h: only what
 * both sides know is taken, arrays are walked by the distance it names. Each
 * copy is made by the same walk twice: once to count, once to write.
 */

#include <string.h>

#include "announce/table.h"
#include "util/mem.h"

struct pack {
	char *block; /* NULL: counting */
	size_t used;
};

static void *
pack_take(struct pack *p, size_t size)
{
	void *at = p->block != NULL ? p->block + p->used : NULL;

	p->used += (size + 7) & ~(size_t)7;
	return at;
}

static const void *
pack_bytes(struct pack *p, const void *bytes, size_t size)
{
	void *at = size > 0 ? pack_take(p, size) : NULL;

	if (at != NULL)
		memcpy(at, bytes, size);
	return at;
}

static const char *
pack_string(struct pack *p, const char *s)
{
	return s != NULL ? pack_bytes(p, s, strlen(s) + 1) : NULL;
}

/* The common part of a guest's struct of `size` bytes. */
static void
take_common(void *ours, size_t our_size, const void *theirs, size_t size)
{
	memset(ours, 0, our_size);
	memcpy(ours, theirs, size < our_size ? size : our_size);
}

/* The i-th of an array whose items lie `step` bytes apart. */
static const void *
item_at(const void *items, uint32_t step, uint32_t i)
{
	return (const char *)items + (size_t)step * i;
}

static void
route_pack(struct pack *p, struct bgpd_route *to, const struct bgpd_route *from)
{
	struct bgpd_route r;

	take_common(&r, sizeof(r), from, from->size);
	r.communities = pack_bytes(
	    p, r.communities, r.community_count * sizeof(*r.communities));
	r.neighbors =
	    pack_bytes(p, r.neighbors, r.neighbor_count * sizeof(*r.neighbors));
	if (to != NULL)
		*to = r;
}

static void
candidate_pack(struct pack *p, struct bgpd_candidate *to,
    const struct bgpd_candidate *from)
{
	struct bgpd_candidate c;

	take_common(&c, sizeof(c), from, from->size);
	c.node = pack_string(p, c.node);
	if (to != NULL)
		*to = c;
}

static void
address_pack(
    struct pack *p, struct bgpd_address *to, const struct bgpd_address *from)
{
	struct bgpd_address a;
	struct bgpd_route *routes;
	struct bgpd_candidate *candidates;
	const char **interfaces;
	uint32_t i;

	take_common(&a, sizeof(a), from, from->size);
	routes = pack_take(p, a.route_count * sizeof(*routes));
	for (i = 0; i < a.route_count; i++)
		route_pack(p, routes != NULL ? &routes[i] : NULL,
		    item_at(a.routes, a.route_size, i));
	candidates = pack_take(p, a.candidate_count * sizeof(*candidates));
	for (i = 0; i < a.candidate_count; i++)
		candidate_pack(p, candidates != NULL ? &candidates[i] : NULL,
		    item_at(a.candidates, a.candidate_size, i));
	interfaces = pack_take(p, a.interface_count * sizeof(*interfaces));
	for (i = 0; i < a.interface_count; i++) {
		const char *name = pack_string(p, a.interfaces[i]);
		if (interfaces != NULL)
			interfaces[i] = name;
	}
	a.protocol = pack_string(p, a.protocol);
	a.why_not = pack_string(p, a.why_not);
	a.routes = routes;
	a.route_size = sizeof(*routes);
	a.candidates = candidates;
	a.candidate_size = sizeof(*candidates);
	a.interfaces = interfaces;
	if (to != NULL)
		*to = a;
}

static void
service_pack(struct pack *p, const struct bgpd_service *from)
{
	struct service *to = pack_take(p, sizeof(*to));
	struct offered *offers;
	struct service s = { .name = pack_string(p, from->name) };
	uint32_t i;

	s.pool = pack_string(p, from->pool);
	s.why = pack_string(p, from->why);
	s.group = pack_string(p, from->group);
	s.address_count = from->address_count;
	offers = pack_take(p, s.address_count * sizeof(*offers));
	for (i = 0; i < s.address_count; i++)
		address_pack(p, offers != NULL ? &offers[i].address : NULL,
		    item_at(from->addresses, from->address_size, i));
	s.addresses = offers;
	if (to != NULL)
		*to = s;
}

struct service *
service_copy(struct announce_source *source, const struct bgpd_service *service)
{
	struct bgpd_service common;
	struct pack p = { NULL, 0 };
	struct service *s;
	unsigned i;

	take_common(&common, sizeof(common), service, service->size);
	service_pack(&p, &common);
	p.block = mem_alloc(p.used);
	p.used = 0;
	service_pack(&p, &common);
	s = (struct service *)(void *)p.block;
	s->source = source;
	for (i = 0; i < s->address_count; i++)
		s->addresses[i].service = s;
	return s;
}

static void
member_pack(
    struct pack *p, struct bgpd_member *to, const struct bgpd_member *from)
{
	struct bgpd_member m;

	take_common(&m, sizeof(m), from, from->size);
	m.node = pack_string(p, m.node);
	m.addresses =
	    pack_bytes(p, m.addresses, m.address_count * sizeof(*m.addresses));
	if (to != NULL)
		*to = m;
}

static void
membership_pack(struct pack *p, const struct bgpd_membership *from)
{
	struct bgpd_membership *to = pack_take(p, sizeof(*to)), m = *from;
	struct bgpd_member *members;
	uint32_t i;

	m.self = pack_string(p, m.self);
	m.key = pack_bytes(p, m.key, m.key_len);
	members = pack_take(p, m.member_count * sizeof(*members));
	for (i = 0; i < m.member_count; i++)
		member_pack(p, members != NULL ? &members[i] : NULL,
		    item_at(from->members, from->member_size, i));
	m.members = members;
	m.member_size = sizeof(*members);
	if (to != NULL)
		*to = m;
}

struct bgpd_membership *
membership_copy(const struct bgpd_membership *membership)
{
	struct bgpd_membership common;
	struct pack p = { NULL, 0 };

	take_common(&common, sizeof(common), membership, membership->size);
	membership_pack(&p, &common);
	p.block = mem_alloc(p.used);
	p.used = 0;
	membership_pack(&p, &common);
	return (struct bgpd_membership *)(void *)p.block;
}
