/* SPDX-License-Identifier: ISC */
/* What we originate: network and aggregate-address lines, into the floors. */

/*
 * These lines stand in the address-family mode of peer/, but concern announce/
 * and rib/, which know nothing of that mode: this room reads them for both.
 */

#include <string.h>

#include "announce/announce.h"
#include "config.h"
#include "peer/peer.h"
#include "policy/policy.h"
#include "rib/rib.h"
#include "util/arena.h"
#include "util/log.h"
#include "util/mem.h"

static const struct router *
router_of(const struct cli_tree *tree)
{
	return (const void *)cli_next(cli_tree_root(tree), &router_type, NULL);
}

/* Calls `each` for every entry of one type in every family of the router. */
static void
entries_each(const struct cli_tree *tree, const struct cli_node_type *type,
    void (*each)(
	const struct address_family *, const struct cli_node *, void *),
    void *arg)
{
	const struct router *router = router_of(tree);
	const struct address_family *family;
	const struct cli_node *node;

	if (router == NULL)
		return;
	CLI_EACH(family, &router->node, &family_type)
	{
		for (node = cli_next(&family->node, type, NULL); node != NULL;
		     node = cli_next(&family->node, type, node))
			each(family, node, arg);
	}
}

/* checks ----------------------------------------------------------------------- */

static void
prefix_check(const struct address_family *family, const struct cli_node *node,
    const struct prefix *prefix, struct cli_fault_list *faults)
{
	char text[PREFIX_TEXT];

	if (prefix->family == family_info[family->family].af)
		return;
	cli_fault(faults, cli_file(node), node->line,
	    "%s %s stands in address-family %s: move it to the other one",
	    cli_type(node)->name, prefix_print(prefix, text),
	    family_info[family->family].line);
}

static void
network_check(
    const struct address_family *family, const struct cli_node *node, void *arg)
{
	prefix_check(family, node,
	    &((const struct network *)(const void *)node)->prefix, arg);
}

static void
aggregate_check(
    const struct address_family *family, const struct cli_node *node, void *arg)
{
	const struct aggregate *aggregate = (const void *)node;

	prefix_check(family, node, &aggregate->prefix, arg);
}

void
origin_check(const struct cli_tree *tree, struct cli_fault_list *faults)
{
	entries_each(tree, &network_type, network_check, faults);
	entries_each(tree, &aggregate_type, aggregate_check, faults);
}

/* Room for one more item after the first `count`; the array doubles. */
static void *
room_make(void *items, unsigned count, unsigned *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room > 0 ? 2 * *room : 16;
	return mem_resize(items, *room, size);
}

/* networks ----------------------------------------------------------------------- */

struct networks {
	struct rib *rib;
	const struct policy *policy;
	const struct router *router;
	struct arena *arena;
	struct announce_network *items;
	unsigned count, room;
	struct rib_attr *plain; /* of lines without a map, once there is one */
};

/*
 * RFC 4271 5.1.1: a network line is interior, and its metric 0, as in FRR; a
 * route map may say otherwise, or that it is not told: NULL.
 */
static struct rib_attr *
network_attr(struct networks *all, const struct network *network)
{
	struct route route = { .prefix = &network->prefix,
		.own_asn = all->router->asn };

	route.attr.present =
	    1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH | 1u << ATTR_MED;
	route.attr.origin = ORIGIN_IGP;
	if (network->route_map != NULL &&
	    !route_map_apply(policy_route_map(all->policy, network->route_map),
		all->arena, &route, NULL))
		return NULL;
	return rib_attr_intern(all->rib, &route.attr);
}

/* The lines without a map, nearly all, share one set. */
static struct rib_attr *
plain_attr(struct networks *all, const struct network *network)
{
	if (all->plain == NULL)
		all->plain = network_attr(all, network);
	rib_attr_ref(all->plain);
	return all->plain;
}

static void
network_add(
    const struct address_family *family, const struct cli_node *node, void *arg)
{
	const struct network *network = (const void *)node;
	struct networks *all = arg;
	struct rib_attr *attr = network->route_map != NULL
				    ? network_attr(all, network)
				    : plain_attr(all, network);

	(void)family;
	if (attr == NULL)
		return;
	all->items =
	    room_make(all->items, all->count, &all->room, sizeof(*all->items));
	all->items[all->count++] = (struct announce_network){
		.prefix = network->prefix,
		.attr = attr,
	};
}

/* The array's last size: a line is told for as long as it stands. */
static void
networks_fit(struct networks *all)
{
	if (all->count > 0)
		all->items =
		    mem_resize(all->items, all->count, sizeof(*all->items));
}

/* aggregates --------------------------------------------------------------------- */

struct aggregates {
	struct rib_aggregate *items;
	unsigned count, room;
};

static void
aggregate_add(
    const struct address_family *family, const struct cli_node *node, void *arg)
{
	const struct aggregate *aggregate = (const void *)node;
	struct aggregates *all = arg;

	(void)family;
	all->items =
	    room_make(all->items, all->count, &all->room, sizeof(*all->items));
	all->items[all->count++] = (struct rib_aggregate){
		.prefix = aggregate->prefix,
		.as_set = aggregate->as_set,
		.summary_only = aggregate->summary_only,
	};
}

void
origin_apply(const struct cli_tree *tree, const struct policy *policy,
    struct rib *rib, struct announce *announce, struct peers *peers)
{
	struct networks networks = { .rib = rib,
		.policy = policy,
		.router = router_of(tree),
		.arena = arena_new() };
	struct aggregates aggregates = { 0 };

	entries_each(tree, &network_type, network_add, &networks);
	networks_fit(&networks);
	entries_each(tree, &aggregate_type, aggregate_add, &aggregates);
	announce_set_networks(announce, networks.items, networks.count);
	rib_set_aggregates(rib, aggregates.items, aggregates.count,
	    peers_asn(peers), peers_router_id(peers));
	peers_work(peers);
	rib_attr_unref(rib, networks.plain);
	mem_free(aggregates.items);
	arena_free(networks.arena);
}
