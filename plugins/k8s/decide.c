/* SPDX-License-Identifier: ISC */
/* The decision: does this node announce a Service, and if not, why not. */

/*
 * Pure. The order of the reasons and their first words are MetalLB's (since
 * 0.14): dashboards know them. The pool and the address are decided before.
 */

#include <string.h>

#include "cluster.h"

/* Is it of the type, and of the class, that is served here? */
bool
service_is_ours(const struct cluster *c, const struct service *s)
{
	const char *ours = c->settings->class, *class;

	if (s->object == NULL || !s->object->balancer)
		return false;
	class = s->object->class;
	return ours == NULL || class == NULL ? ours == class
					     : strcmp(ours, class) == 0;
}

/* Has the slice an endpoint that counts on the node? */
static bool
slice_has_node(const struct object_slice *slice, const char *name)
{
	const char *p = slice->nodes, *end = p + slice->nodes_len;

	for (; p != NULL && p < end; p += strlen(p) + 1) {
		if (strcmp(p, name) == 0)
			return true;
	}
	return false;
}

static bool
service_has_node(const struct service *s, const char *name)
{
	const struct slice *slice;

	LIST_FOREACH (slice, &s->slices, of_service) {
		if (slice_has_node(slice->object, name))
			return true;
	}
	return false;
}

/* Is any endpoint ready, or serving while it ends? */
static bool
service_is_usable(const struct service *s)
{
	const struct slice *slice;

	LIST_FOREACH (slice, &s->slices, of_service) {
		if (slice->object->usable)
			return true;
	}
	return false;
}

/* What keeps the node out, whatever the Service; NULL: nothing. */
static const char *
decide_node(const struct object_node *self)
{
	if (self == NULL)
		return NULL;
	if (self->network_unavailable)
		return "nodeNetworkUnavailable: this node's condition "
		       "NetworkUnavailable is True";
	if (self->excluded)
		return "nodeLabeledExcludeBalancers: this node has the label " LABEL_EXCLUDE;
	return NULL;
}

static const char *
decide_endpoints(const struct service *s, const char *self_name)
{
	if (s->object->local && !service_has_node(s, self_name))
		return "noLocalEndpoints: externalTrafficPolicy is Local and "
		       "no endpoint on this node is ready";
	if (!service_is_usable(s))
		return "noEndpoints: no endpoint is ready";
	return NULL;
}

const char *
decide_bgp(const struct service *s, const struct object_node *self,
    const char *self_name)
{
	const char *why = decide_node(self);

	return why != NULL ? why : decide_endpoints(s, self_name);
}

/* As BGP; one of those who may carry it is elected by the backend. */
const char *
decide_layer2(const struct service *s, const struct object_node *self,
    const char *self_name)
{
	const char *why;

	if (!service_is_usable(s))
		return "noEndpoints: no endpoint is ready";
	why = decide_node(self);
	return why != NULL ? why : decide_endpoints(s, self_name);
}

bool
decide_candidate(const struct service *s, const struct object_node *node)
{
	return decide_node(node) == NULL &&
	       (!s->object->local || service_has_node(s, node->object.name)) &&
	       service_is_usable(s);
}
