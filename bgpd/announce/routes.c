/* SPDX-License-Identifier: ISC */
/* The backend "bgp": addresses become routes of the RIB. */

/*
 * Each carried address asks for one route per advertisement, masked to its
 * length, so many addresses may ask for one prefix. A prefix counts its askers by
 * what they ask (local-pref, communities); the route is the union of that: all
 * communities, the highest local-pref. An address that comes or goes costs its own
 * advertisements, however many others share the prefix.
 *
 * As MetalLB's routes (v0.7.3): ORIGIN incomplete, an empty AS_PATH, and no next
 * hop: the session puts its own address there.
 */

#include <string.h>

#include "announce/table.h"
#include "net/net.h"
#include "util/arena.h"
#include "util/log.h"
#include "util/mem.h"

/* One way to ask, and how many ask so. */
struct route_spec {
	struct route_spec *next;
	unsigned uses;
	bool has_local_pref;
	uint32_t local_pref;
	unsigned community_count;
	uint32_t communities[];
};

struct routed {
	struct table_link link; /* by source and prefix */
	struct announce_source *source;
	struct prefix prefix;
	struct route_spec *specs;
	struct routed *next_dirty;
	bool is_dirty;
};

struct route_use {
	struct routed *routed;
	struct route_spec *spec;
};

struct routed_key {
	const struct announce_source *source;
	const struct prefix *prefix;
};

static bool
routed_equal(const struct table_link *object, const void *key)
{
	const struct routed *r = (const void *)object;
	const struct routed_key *k = key;

	return r->source == k->source && prefix_equal(&r->prefix, k->prefix);
}

static struct routed *
routed_get(struct announce *announce, struct announce_source *source,
    const struct prefix *prefix)
{
	struct routed_key key = { source, prefix };
	uint32_t hash = table_hash(prefix, sizeof(*prefix));
	struct routed *r;

	r = (void *)table_find(&announce->routes, hash, &key);
	if (r != NULL)
		return r;
	r = mem_alloc(sizeof(*r));
	r->source = source;
	r->prefix = *prefix;
	table_add(&announce->routes, &r->link, hash);
	return r;
}

static bool
spec_is(const struct route_spec *spec, const struct bgpd_route *route)
{
	return spec->has_local_pref == !!route->has_local_pref &&
	       spec->local_pref == route->local_pref &&
	       spec->community_count == route->community_count &&
	       (spec->community_count == 0 ||
		   memcmp(spec->communities, route->communities,
		       spec->community_count * sizeof(uint32_t)) == 0);
}

static void
routed_mark(struct routed *routed)
{
	struct announce *announce = routed->source->announce;

	if (routed->is_dirty)
		return;
	routed->is_dirty = true;
	routed->next_dirty = announce->dirty;
	announce->dirty = routed;
}

static struct route_spec *
spec_get(struct routed *routed, const struct bgpd_route *route)
{
	struct route_spec *spec;
	size_t bytes = route->community_count * sizeof(uint32_t);

	for (spec = routed->specs; spec != NULL; spec = spec->next) {
		if (spec_is(spec, route))
			return spec;
	}
	spec = mem_alloc(sizeof(*spec) + bytes);
	spec->has_local_pref = route->has_local_pref;
	spec->local_pref = route->local_pref;
	spec->community_count = route->community_count;
	if (bytes > 0)
		memcpy(spec->communities, route->communities, bytes);
	spec->next = routed->specs;
	routed->specs = spec;
	routed_mark(routed);
	return spec;
}

static void
spec_release(struct routed *routed, struct route_spec *spec)
{
	struct route_spec **at = &routed->specs;

	if (--spec->uses > 0)
		return;
	while (*at != spec)
		at = &(*at)->next;
	*at = spec->next;
	mem_free(spec);
	routed_mark(routed);
}

static struct rib_source *
source_routes(struct announce_source *source)
{
	struct rib_source_info info = { .kind = RIB_LOCAL, .name = "services" };

	if (source->routes == NULL) {
		info.owner = source->owner;
		source->routes = rib_source_new(source->announce->rib, &info);
	}
	return source->routes;
}

/* The union of what is asked for; the table does not care for the order. */
static void
routed_attr(const struct routed *routed, struct arena *arena, struct attr *attr)
{
	const struct route_spec *spec;

	memset(attr, 0, sizeof(*attr));
	attr->present = 1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH;
	attr->origin = ORIGIN_INCOMPLETE;
	for (spec = routed->specs; spec != NULL; spec = spec->next) {
		attr->communities = community_union(arena, attr->communities,
		    community_list(
			arena, spec->communities, spec->community_count));
		if (!spec->has_local_pref)
			continue;
		attr->present |= 1u << ATTR_LOCAL_PREF;
		if (spec->local_pref > attr->local_pref)
			attr->local_pref = spec->local_pref;
	}
	if (attr->communities != NULL)
		attr->present |= 1u << ATTR_COMMUNITIES;
}

static void
routed_settle(
    struct announce *announce, struct routed *routed, struct arena *arena)
{
	struct rib_source *source = source_routes(routed->source);
	struct attr attr;

	routed->is_dirty = false;
	if (routed->specs == NULL) {
		rib_withdraw(source, 0, &routed->prefix);
		table_remove(&announce->routes, &routed->link);
		mem_free(routed);
		return;
	}
	routed_attr(routed, arena, &attr);
	rib_update(
	    source, 0, &routed->prefix, &attr, &attr, clock_now_us() / 1000000);
}

static struct prefix
route_prefix(const struct bgpd_addr *address, const struct bgpd_route *route)
{
	struct addr addr = { .family =
				 address->family == 4 ? AF_INET : AF_INET6 };
	unsigned bits = addr_bits(addr.family);

	memcpy(addr.bytes, address->bytes, bits / 8);
	return prefix_of(
	    &addr, route->prefix_len < bits ? route->prefix_len : bits);
}

static unsigned
carry_count_routes(const struct carry *carry)
{
	const struct offered *o;
	unsigned count = 0;

	TAILQ_FOREACH (o, &carry->offers, entry) {
		if (offered_is_here(o))
			count += o->address.route_count;
	}
	return count;
}

/* Telling some neighbors alone is not built yet: such a route is told to none. */
static bool
route_is_for_all(const struct offered *o, const struct bgpd_route *route)
{
	if (route->neighbor_count == 0)
		return true;
	log_warning("announce",
	    "%s: a route for some neighbors alone is not told to anybody: this "
	    "bgpd cannot tell them apart yet",
	    o->service->name);
	return false;
}

static void
use_add(struct announce *announce, struct carry *carry, struct offered *o,
    const struct bgpd_route *route)
{
	struct route_use *use = &carry->uses[carry->use_count++];
	struct prefix prefix = route_prefix(&carry->address, route);

	use->routed = routed_get(announce, o->service->source, &prefix);
	use->spec = spec_get(use->routed, route);
	use->spec->uses++;
}

static void
carry_collect(struct announce *announce, struct carry *carry)
{
	unsigned count = carry_count_routes(carry);
	const struct bgpd_route *route;
	struct offered *o;
	uint32_t i;

	carry->uses = count > 0 ? mem_array(count, sizeof(*carry->uses)) : NULL;
	carry->use_count = 0;
	TAILQ_FOREACH (o, &carry->offers, entry) {
		for (i = 0; offered_is_here(o) && i < o->address.route_count;
		     i++) {
			route = &o->address.routes[i];
			if (route_is_for_all(o, route))
				use_add(announce, carry, o, route);
		}
	}
}

/* New uses are counted before old ones go: what stays is not withdrawn. */
void
routes_carry(struct announce *announce, struct carry *carry)
{
	struct route_use *old = carry->uses;
	unsigned i, old_count = carry->use_count;
	struct arena *arena = arena_new();
	struct routed *routed;

	carry_collect(announce, carry);
	for (i = 0; i < old_count; i++)
		spec_release(old[i].routed, old[i].spec);
	while ((routed = announce->dirty) != NULL) {
		announce->dirty = routed->next_dirty;
		routed_settle(announce, routed, arena);
	}
	mem_free(old);
	arena_free(arena);
}

void
routes_start(struct announce *announce)
{
	announce->routes.equal = routed_equal;
}
