/* SPDX-License-Identifier: ISC */
/* What a neighbor's lines, its router's and its families' come to together. */
#include <string.h>

#include "peer/session.h"

static const struct router *
neighbor_router(const struct neighbor *neighbor)
{
	return (const struct router *)neighbor->node.parent;
}

uint32_t
neighbor_local_as(const struct neighbor *neighbor)
{
	return neighbor->local_as != 0 ? neighbor->local_as
				       : neighbor_router(neighbor)->asn;
}

uint32_t
neighbor_remote_as(const struct neighbor *neighbor)
{
	return neighbor->internal ? neighbor_local_as(neighbor)
				  : neighbor->remote_as;
}

const struct neighbor_family *
neighbor_in_family(const struct neighbor *neighbor, enum family family)
{
	struct address_family *af;
	struct neighbor_family *line;

	CLI_EACH(af, neighbor->node.parent, &family_type)
	{
		if (af->family != family)
			continue;
		CLI_EACH(line, &af->node, &neighbor_family_type)
		{
			if (addr_equal(&line->addr, &neighbor->addr))
				return line;
		}
	}
	return NULL;
}

bool
neighbor_is_active(const struct neighbor *neighbor, enum family family)
{
	const struct neighbor_family *line =
	    neighbor_in_family(neighbor, family);

	if (line != NULL &&
	    cli_is_set(&line->node, offsetof(struct neighbor_family, activate)))
		return line->activate;
	return family == FAMILY_IPV4 && neighbor_router(neighbor)->default_ipv4;
}

void
plan_make(const struct neighbor *config, struct plan *plan)
{
	const struct router *router = neighbor_router(config);
	const struct addr *id = &config->router_id;
	bool timers =
	    cli_is_set(&config->node, offsetof(struct neighbor, hold_secs));
	unsigned i;

	memset(plan, 0, sizeof(*plan));
	plan->router_as = router->asn;
	plan->local_as = neighbor_local_as(config);
	/* Neither told nor checked then: a change of it ends no session. */
	if (cli_owner(&config->node) != NULL && config->replace_as)
		plan->router_as = plan->local_as;
	plan->remote_as = neighbor_remote_as(config);
	/* By the AS that the neighbour sees, RFC 7705 4.1. */
	plan->ebgp = plan->remote_as != plan->local_as;
	plan->guest = cli_owner(&config->node) != NULL;
	if (id->family == 0)
		id = &router->router_id;
	if (id->family != 0)
		plan->router_id = addr_to_v4(id);
	for (i = 0; i < FAMILY_COUNT; i++)
		plan->families[i] = neighbor_is_active(config, i);
	plan->hold_secs = timers ? config->hold_secs : router->hold_secs;
	plan->keepalive_secs =
	    timers ? config->keepalive_secs : router->keepalive_secs;
	plan->connect_secs = config->connect_secs;
}

bool
plan_differs(const struct plan *old, const struct plan *new)
{
	return old->local_as != new->local_as ||
	       old->router_as != new->router_as ||
	       old->remote_as != new->remote_as ||
	       old->router_id != new->router_id || old->ebgp != new->ebgp ||
	       old->guest != new->guest ||
	       memcmp(old->families, new->families, sizeof(old->families)) != 0;
}
