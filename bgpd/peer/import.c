/* SPDX-License-Identifier: ISC */
/* Which received routes are used, and as what: rules and import policy, pure. */
#include "peer/session.h"
#include "policy/policy.h"

#define HAS(type) (1u << (type))

const char *
filter_pass(const struct filter *filter, const struct prefix *prefix,
    struct arena *arena, uint32_t own_asn, struct attr *attr)
{
	struct route route;

	/* RFC 8212: eBGP without a policy imports and exports nothing. */
	if (filter->required && !filter->has_list && !filter->has_map)
		return "no policy (bgp ebgp-requires-policy)";
	if (filter->has_list && !prefix_list_permits(filter->list, prefix))
		return "denied by the prefix-list";
	if (!filter->has_map)
		return NULL;
	route.prefix = prefix;
	route.attr = *attr;
	route.own_asn = own_asn;
	if (!route_map_apply(filter->map, arena, &route, NULL))
		return "denied by the route-map";
	*attr = route.attr;
	return NULL;
}

bool
filter_asks_prefix(const struct filter *filter)
{
	return filter->has_list ||
	       (filter->has_map && route_map_asks_prefix(filter->map));
}

/* RFC 4271 9.1.2: a path that has been here already. */
static const char *
import_check_loop(const struct import_rules *rules, const struct attr *attr)
{
	if (aspath_has(attr->as_path, rules->local_as) ||
	    (rules->router_as != 0 &&
		aspath_has(attr->as_path, rules->router_as)))
		return "our own AS is in the AS path";
	/* RFC 4456 8 */
	if (!rules->ebgp && ATTR_HAS(attr, ATTR_ORIGINATOR_ID) &&
	    attr->originator_id == rules->router_id)
		return "we are its originator";
	return NULL;
}

/* RFC 4271 6.3: a host, and not ourselves. */
static const char *
import_check_next_hop(const struct import_rules *rules, const struct attr *attr)
{
	const struct addr *hop = &attr->next_hop;

	if (!addr_is_host(hop) &&
	    !(addr_is_link_local(hop) && hop->family == AF_INET6))
		return "the next hop is no host address";
	if (addr_equal(hop, &rules->local))
		return "the next hop is ourselves";
	return NULL;
}

static const char *
import_check(const struct import_rules *rules, const struct prefix *prefix,
    const struct attr *attr)
{
	const char *why = import_check_loop(rules, attr);

	/* RFC 8950 was not agreed on. The other way round is a mapped one. */
	if (prefix->family == AF_INET && attr->next_hop.family == AF_INET6)
		return "an IPv6 next hop for an IPv4 prefix";
	if (why == NULL)
		why = import_check_next_hop(rules, attr);
	/* RFC 4271 6.3: the leftmost AS of an eBGP path is the neighbour's. */
	if (why == NULL && rules->ebgp && rules->enforce_first_as &&
	    aspath_first(attr->as_path) != rules->remote_as)
		why = "the AS path does not begin with the neighbor's AS";
	return why;
}

const char *
import_route(const struct import_rules *rules, const struct prefix *prefix,
    struct arena *arena, struct attr *out)
{
	const char *why = import_check(rules, prefix, out);

	if (why != NULL)
		return why;
	/* Where it is the one that absence stands for, the set stays one set. */
	if (!ATTR_HAS(out, ATTR_LOCAL_PREF) &&
	    rules->local_pref != RIB_LOCAL_PREF) {
		out->present |= HAS(ATTR_LOCAL_PREF);
		out->local_pref = rules->local_pref;
	}
	/* RFC 7705 3.1: the old AS stays visible in what comes in. */
	if (rules->prepend_as != 0)
		out->as_path =
		    aspath_prepend(arena, out->as_path, rules->prepend_as, 1);
	return filter_pass(&rules->filter, prefix, arena, rules->local_as, out);
}

bool
import_asks_prefix(const struct import_rules *rules)
{
	return filter_asks_prefix(&rules->filter);
}
