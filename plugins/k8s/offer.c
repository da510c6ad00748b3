/* SPDX-License-Identifier: ISC */
/* What the daemon is told: each Service with its addresses, and the nodes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "heartbeat.h"

/* One Service on its way to the host. */
struct offer {
	struct bgpd_address addresses[SERVICE_IPS];
	struct bgpd_route *routes[SERVICE_IPS];
	struct bgpd_candidate *candidates;
	size_t candidate_count;
};

/* An advertisement's prefix for an address: IPv6 ones are told alone. */
static void
route_fill(struct bgpd_route *route, const struct config_ad *ad, uint8_t family)
{
	route->abi = BGPD_ABI;
	route->size = sizeof(*route);
	route->prefix_len = family == 4 ? (uint8_t)ad->aggregation_len : 128;
	/* MetalLB sends 0 where nothing is said. */
	route->has_local_pref = 1;
	route->local_pref = ad->local_pref;
	route->communities = ad->communities;
	route->community_count = (uint32_t)ad->community_count;
}

static void
offer_routes(struct offer *offer, size_t i, const struct config_pool *pool)
{
	struct bgpd_address *address = &offer->addresses[i];
	struct bgpd_route *routes;
	size_t k;

	routes = k8s_alloc(pool->ad_count * sizeof(routes[0]));
	for (k = 0; k < pool->ad_count; k++)
		route_fill(&routes[k], &pool->ads[k], address->address.family);
	offer->routes[i] = routes;
	address->routes = routes;
	address->route_count = (uint32_t)pool->ad_count;
	address->route_size = sizeof(routes[0]);
}

static void
candidate_fill(struct bgpd_candidate *candidate, const struct object_node *node,
    uint8_t family)
{
	size_t i;

	candidate->abi = BGPD_ABI;
	candidate->size = sizeof(*candidate);
	candidate->node = node->object.name;
	for (i = 0; i < node->address_count; i++) {
		if (candidate->address.family == 0 ||
		    (node->addresses[i].family == family &&
			candidate->address.family != family))
			candidate->address = node->addresses[i];
	}
}

/* Why this node is no candidate at layer 2; NULL: it is one. */
static const char *
why_not_layer2(const struct cluster *c, const struct service *s)
{
	const struct object_node *self = cluster_self(c);
	const char *why = decide_layer2(s, self, c->settings->node);

	if (why != NULL)
		return why;
	if (!c->nodes_whole)
		return "nodesUnknown: the list of Nodes was not read yet, and "
		       "another one may carry it";
	/* All others elect without it. */
	if (c->node_count > 0 && !cluster_has_self(c))
		return "nodeUnknown: there is no Node object of this node";
	return NULL;
}

/*
 * The nodes that may carry it at layer 2: none before all of them are known, or
 * each would elect itself. Where nobody has Node objects, it is this one.
 */
static void
offer_candidates(
    struct cluster *c, struct service *s, struct offer *offer, uint8_t family)
{
	struct bgpd_candidate *list;
	struct node *node = c->nodes_whole ? nodes_first(c) : NULL;
	size_t n = 0;

	list = k8s_alloc((c->node_count + 1) * sizeof(list[0]));
	for (; node != NULL; node = nodes_next(node)) {
		if (decide_candidate(s, node->object))
			candidate_fill(&list[n++], node->object, family);
	}
	if (c->node_count == 0 && why_not_layer2(c, s) == NULL) {
		list[n].abi = BGPD_ABI;
		list[n].size = sizeof(list[n]);
		list[n++].node = c->settings->node;
	}
	offer->candidates = list;
	offer->candidate_count = n;
}

static void
offer_address(struct cluster *c, struct service *s, struct offer *offer,
    size_t i, const struct config_pool *pool)
{
	struct bgpd_address *address = &offer->addresses[i];
	const struct object_node *self = cluster_self(c);

	address->abi = BGPD_ABI;
	address->size = sizeof(*address);
	address->address = s->addresses[i];
	address->phase = s->confirmed || assign_is_said(s, &s->addresses[i])
			     ? BGPD_CARRIED
			     : BGPD_TENTATIVE;
	address->used = assign_is_known(s, &s->addresses[i]);
	if (pool->is_layer2) {
		address->protocol = "layer2";
		address->why_not = why_not_layer2(c, s);
		if (offer->candidates == NULL)
			offer_candidates(c, s, offer, s->addresses[i].family);
		address->candidates = offer->candidates;
		address->candidate_count = (uint32_t)offer->candidate_count;
		address->candidate_size = sizeof(offer->candidates[0]);
	} else {
		address->protocol = "bgp";
		address->why_not = decide_bgp(s, self, c->settings->node);
		s->announced = address->why_not == NULL;
		offer_routes(offer, i, pool);
	}
	address->here = address->why_not == NULL;
}

/* The Service as it is now; retracted where it is none of ours. */
void
offer_service(struct cluster *c, struct service *s)
{
	struct bgpd_service service = { .abi = BGPD_ABI,
		.size = sizeof(service) };
	const struct config_pool *pool;
	struct offer offer = { 0 };
	size_t i;

	s->announced = false;
	if (!service_is_ours(c, s)) {
		if (s->offered)
			c->guest->host->retract(c->guest->self, s->name);
		s->offered = false;
		return;
	}
	for (i = 0; i < s->address_count; i++) {
		pool = alloc_pool(c->alloc, &s->addresses[i]);
		if (pool == NULL)
			continue; /* cannot be: it was taken from one */
		service.pool = pool->name;
		offer_address(c, s, &offer, service.address_count++, pool);
	}
	service.name = service.group = s->name;
	service.why = s->why;
	service.addresses = offer.addresses;
	service.address_size = sizeof(offer.addresses[0]);
	c->guest->host->offer(c->guest->self, &service);
	s->offered = true;
	for (i = 0; i < SERVICE_IPS; i++)
		free(offer.routes[i]);
	free(offer.candidates);
}

/* Every Node, and the key that they share. */
void
offer_members(struct cluster *c)
{
	struct bgpd_membership all = { .abi = BGPD_ABI, .size = sizeof(all) };
	struct bgpd_member *members, *m;
	struct node *node;
	size_t len = 0;

	members = k8s_alloc((c->node_count + 1) * sizeof(members[0]));
	for (node = nodes_first(c); node != NULL; node = nodes_next(node)) {
		m = &members[all.member_count++];
		m->abi = BGPD_ABI;
		m->size = sizeof(*m);
		m->node = node->object->object.name;
		m->addresses = node->object->addresses;
		m->address_count = node->object->address_count;
		m->excluded =
		    node->object->excluded || node->object->network_unavailable;
		m->alive = (uint8_t)heartbeat_of(c->heartbeat, m->node);
	}
	all.self = c->settings->node;
	all.members = members;
	all.member_size = sizeof(members[0]);
	if (c->secret != NULL)
		all.key =
		    (const uint8_t *)object_value(c->secret, "secretkey", &len);
	all.key_len = (uint32_t)len;
	c->guest->host->members(c->guest->self, &all);
	free(members);
}
