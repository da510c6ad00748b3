/* SPDX-License-Identifier: ISC */
/* Which best routes a neighbor is told, and as what: rules and policy, pure. */
#include <string.h>

#include "peer/session.h"

#define HAS(type) (1u << (type))

/* Has it come over a session of this kind? */
static bool
export_came_by(const struct rib_path_view *view, enum rib_kind kind)
{
	return rib_source_info(view->source)->kind == kind;
}

static const char *
export_check_source(
    const struct export_rules *rules, const struct rib_path_view *view)
{
	const char *owner = rib_source_info(view->source)->owner;

	if ((view->flags & RIB_SUPPRESSED) != 0)
		return "suppressed by an aggregate";
	if (rules->owner != NULL &&
	    (owner == NULL || strcmp(owner, rules->owner) != 0))
		return "not a route of the plugin that owns the neighbor";
	/* RFC 4271 9.2: what one internal peer said is not told to another. */
	if (!rules->ebgp && export_came_by(view, RIB_IBGP))
		return "learned from an internal peer";
	return NULL;
}

/* RFC 1997: well-known communities. */
static const char *
export_check_communities(
    const struct export_rules *rules, const struct attr *attr)
{
	const struct blob *list = attr->communities;

	if (list == NULL)
		return NULL;
	if (community_has(list, (uint32_t)COMMUNITY_NO_ADVERTISE))
		return "no-advertise";
	if (!rules->ebgp)
		return NULL;
	if (community_has(list, (uint32_t)COMMUNITY_NO_EXPORT))
		return "no-export";
	if (community_has(list, (uint32_t)COMMUNITY_LOCAL_AS))
		return "local-AS";
	return NULL;
}

static void
export_strip(struct attr *out, int type)
{
	out->present &= ~HAS(type);
}

/* RFC 4271 5.1.3, RFC 2545 3: ours where we originate or stand between. */
static const char *
export_next_hop(const struct export_rules *rules,
    const struct rib_path_view *view, struct attr *out)
{
	bool ours = rules->ebgp || out->next_hop.family == 0 ||
		    (rules->next_hop_self && export_came_by(view, RIB_EBGP));

	memset(&out->next_hop_local, 0, sizeof(out->next_hop_local));
	out->present |= HAS(ATTR_NEXT_HOP);
	if (!ours)
		return NULL;
	if (rules->next_hop.family == 0)
		return "we have no address of this family for the next hop";
	out->next_hop = rules->next_hop;
	out->next_hop_local = rules->next_hop_local;
	return NULL;
}

static void
export_communities(const struct export_rules *rules, struct attr *out)
{
	if (!rules->send_standard) {
		out->communities = NULL;
		export_strip(out, ATTR_COMMUNITIES);
	}
	if (!rules->send_extended) {
		out->ext_communities = NULL;
		export_strip(out, ATTR_EXT_COMMUNITIES);
	}
	if (!rules->send_large)
		out->large_communities = NULL;
}

/* After the policy: what a prepend of it added stands behind our own AS. */
static void
export_finish(
    const struct export_rules *rules, struct arena *arena, struct attr *out)
{
	out->present |= HAS(ATTR_AS_PATH) | HAS(ATTR_ORIGIN);
	export_communities(rules, out);
	if (!rules->ebgp)
		return;
	/* RFC 4271 5.1.5, RFC 4456 8: inside the AS only. */
	out->local_pref = 0;
	out->originator_id = 0;
	out->cluster_list = NULL;
	export_strip(out, ATTR_LOCAL_PREF);
	export_strip(out, ATTR_ORIGINATOR_ID);
	export_strip(out, ATTR_CLUSTER_LIST);
	/* RFC 7705 3.2: our real AS behind the one that the neighbour sees. */
	if (rules->prepend_router_as)
		out->as_path =
		    aspath_prepend(arena, out->as_path, rules->router_as, 1);
	out->as_path = aspath_prepend(arena, out->as_path, rules->local_as, 1);
}

static void
export_prepare(const struct export_rules *rules,
    const struct rib_path_view *view, struct attr *out)
{
	/* RFC 4271 5.1.4: another AS's metric does not go on to a third. */
	if (rules->ebgp && export_came_by(view, RIB_EBGP)) {
		out->med = 0;
		export_strip(out, ATTR_MED);
	}
	if (!rules->ebgp && !ATTR_HAS(out, ATTR_LOCAL_PREF)) {
		out->present |= HAS(ATTR_LOCAL_PREF);
		out->local_pref = rules->local_pref;
	}
}

const char *
export_route(const struct export_rules *rules, const struct rib_path_view *view,
    struct arena *arena, struct attr *out)
{
	const char *why = export_check_source(rules, view);

	if (why == NULL)
		why = export_check_communities(rules, out);
	if (why != NULL)
		return why;
	export_prepare(rules, view, out);
	why = export_next_hop(rules, view, out);
	if (why == NULL)
		why = filter_pass(
		    &rules->filter, &view->prefix, arena, rules->local_as, out);
	if (why != NULL)
		return why;
	export_finish(rules, arena, out);
	return NULL;
}
