/* SPDX-License-Identifier: ISC */
/* From one configuration to the next by the smallest change. */

/*
 * Each row says by its effect what a change of it asks for: a new session, the
 * import or the export policy again, or nothing. What a neighbor takes over
 * from its router shows in its plan. The old tree's nodes are compared with the
 * new one's and then forgotten.
 */
#include <stdio.h>
#include <string.h>

#include "peer/session.h"
#include "policy/policy.h"
#include "util/log.h"

void
peer_set_config(struct peer *peer, const struct neighbor *config)
{
	unsigned i;

	peer->config = config;
	for (i = 0; i < FAMILY_COUNT; i++)
		peer->lines[i] = neighbor_in_family(config, i);
}

/* A link-local address means nothing without its interface. */
static void
peer_address(const struct neighbor *config, struct addr *addr)
{
	char plain[ADDR_TEXT], zoned[ADDR_TEXT + 32];

	*addr = config->addr;
	if (config->interface == NULL || addr->scope != 0 ||
	    !addr_is_link_local(addr))
		return;
	snprintf(zoned, sizeof(zoned), "%s%%%.20s", addr_print(addr, plain),
	    config->interface);
	if (addr_read(zoned, addr) != 0)
		*addr = config->addr;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
peer_reset(struct peer *peer, uint8_t subcode, const char *why)
{
	struct notification error;

	notification_set(&error, NOTIFY_CEASE, subcode, "%s", why);
	peer_end(peer, &error);
	peer_start(peer);
}

static void
peer_shut(struct peer *peer)
{
	struct notification error;

	notification_set(&error, NOTIFY_CEASE, CEASE_ADMIN_SHUTDOWN,
	    "shutdown is configured");
	if (peer->config->shutdown_text != NULL)
		notification_set_text(&error, peer->config->shutdown_text);
	peer_end(peer, &error);
}

/* One family of one neighbor; a missing node is one of all defaults. */
static unsigned
family_changes(
    const struct neighbor_family *old, const struct neighbor_family *new)
{
	if (old == NULL && new == NULL)
		return 0;
	if (new == NULL)
		return cli_changes(NULL, &old->node);
	return cli_changes(old != NULL ? &old->node : NULL, &new->node);
}

/* RFC 8212's flag, the local preference: what import takes from the router. */
static bool
router_import_changed(const struct router *old, const struct router *new)
{
	return old->ebgp_requires_policy != new->ebgp_requires_policy ||
	       old->local_pref != new->local_pref ||
	       old->enforce_first_as != new->enforce_first_as;
}

static void
peer_apply_families(
    struct peer *peer, const struct neighbor *old, const struct neighbor *new)
{
	const struct router *was = (const struct router *)old->node.parent;
	const struct router *is = (const struct router *)new->node.parent;
	bool router = router_import_changed(was, is);
	unsigned changes, i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		changes = family_changes(
		    neighbor_in_family(old, i), neighbor_in_family(new, i));
		if (router || (changes & CLI_REFRESH_IN) != 0)
			receive_again(peer, i);
		if (router || (changes & CLI_REFRESH_OUT) != 0)
			tell_again(peer, i);
	}
}

/* The key of the listeners, and of a dial that may be under way. */
static void
peer_apply_password(struct peer *peer, const struct neighbor *old)
{
	if (!same(old->password, peer->config->password))
		listen_set_password(
		    peer->peers, &peer->addr, peer->config->password);
}

static void
peer_apply(struct peer *peer, const struct neighbor *new)
{
	const struct neighbor *old = peer->config;
	unsigned changes = cli_changes(&old->node, &new->node);
	struct plan plan;

	plan_make(new, &plan);
	peer_set_config(peer, new);
	peer_apply_password(peer, old);
	if ((changes & CLI_RESET) != 0 || plan_differs(&peer->plan, &plan)) {
		peer->plan = plan;
		peer->overflown = false;
		if (new->shutdown)
			peer_shut(peer);
		else
			peer_reset(peer, CEASE_CONFIG_CHANGE,
			    "its configuration has changed");
		return;
	}
	peer->plan = plan;
	if (new->shutdown)
		peer_shut(peer);
	else if (old->shutdown || old->passive != new->passive ||
		 old->port != new->port)
		peer_start(peer);
	peer_apply_families(peer, old, new);
}

static void
peer_add(
    struct peers *peers, const struct neighbor *config, const struct addr *addr)
{
	struct peer *peer = peer_new(peers, config, addr);

	peer->found = true;
	if (config->password != NULL)
		listen_set_password(peers, &peer->addr, config->password);
	liveness_apply(peer);
	peer_start(peer);
}

static void
peer_remove(struct peer *peer)
{
	struct notification error;
	char who[128];

	peer_say(peer, who, sizeof(who));
	notification_set(&error, NOTIFY_CEASE, CEASE_PEER_DECONFIGURED,
	    "it is no longer configured");
	peer->leaving = true;
	peer_end(peer, &error);
	peer_free(peer);
	log_info("peer", "%s: removed", who);
}

static const struct router *
tree_router(const struct cli_tree *tree)
{
	if (tree == NULL)
		return NULL;
	return (const struct router *)cli_next(
	    cli_tree_root(tree), &router_type, NULL);
}

/* Import runs again where a list or map that it uses has changed. */
static void
peer_apply_policy(struct peer *peer, struct policy *old, struct policy *new)
{
	const struct neighbor_family *line;
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		line = peer->lines[i];
		if (line == NULL)
			continue;
		if ((line->prefix_list_in != NULL &&
			policy_prefix_list_changed(old, new, family_info[i].af,
			    line->prefix_list_in)) ||
		    (line->route_map_in != NULL &&
			policy_route_map_changed(old, new, line->route_map_in)))
			receive_again(peer, i);
	}
}

/* New lists and maps serve what is configured anew, old what stays. */
static void
peers_apply_policy(struct peers *peers, struct policy *new)
{
	struct policy *old = peers->policy;
	struct peer *peer;

	peers->policy = new != NULL ? policy_ref(new) : NULL;
	tell_policy(peers, new);
	if (old != NULL && new != NULL)
		TAILQ_FOREACH (peer, &peers->list, link)
			peer_apply_policy(peer, old, new);
	if (old != NULL)
		policy_unref(old);
}

static void
peers_apply_neighbor(struct peers *peers, const struct neighbor *config)
{
	struct addr addr;
	struct peer *peer;

	peer_address(config, &addr);
	peer = peer_find(peers, &addr);
	if (peer == NULL) {
		peer_add(peers, config, &addr);
		return;
	}
	peer->found = true;
	peer_apply(peer, config);
	liveness_apply(peer);
}

void
peers_configure(
    struct peers *peers, const struct cli_tree *tree, struct policy *policy)
{
	const struct router *router = tree_router(tree);
	struct peer *peer, *next;
	struct neighbor *config;

	if (peers->stopping)
		return;
	peers->age++;
	peers_apply_policy(peers, policy);
	TAILQ_FOREACH (peer, &peers->list, link)
		peer->found = false;
	if (router != NULL)
		CLI_EACH(config, &router->node, &neighbor_type)
		{
			peers_apply_neighbor(peers, config);
		}
	for (peer = TAILQ_FIRST(&peers->list); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, link);
		if (!peer->found)
			peer_remove(peer);
	}
	peers->router = router;
}

uint32_t
peers_asn(const struct peers *peers)
{
	const struct peer *peer = TAILQ_FIRST(&peers->list);

	if (peers->router != NULL && peers->router->asn != 0)
		return peers->router->asn;
	return peer != NULL ? peer->plan.local_as : 0;
}

uint32_t
peers_router_id(const struct peers *peers)
{
	struct addr addr;

	if (peers->router != NULL && peers->router->router_id.family != 0)
		return addr_to_v4(&peers->router->router_id);
	return iface_router_id(&addr) == 0 ? addr_to_v4(&addr) : 0;
}
