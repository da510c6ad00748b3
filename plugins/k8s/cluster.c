/* SPDX-License-Identifier: ISC */
/* The objects of the cluster, indexed, and who is touched by a change. */

/*
 * An object that is the same in all that is kept changes nothing; one that
 * differs touches the Services it concerns: a slice its Service, a Node or the
 * configuration all of them.
 */

#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"
#include "publish.h"

/* Behind the name of the ConfigMap, what is kept besides it; in this order. */
#define WHOLE ".all-nodes"
#define TAKEN ".taken"

K8S_TREE_OF_NAMES(services, service, name)

K8S_TREE_OF_NAMES(slices, slice, object->object.name)

K8S_TREE_OF_NAMES(nodes, node, object->object.name)

/* Finding ------------------------------------------------------------------------ */

struct service *
cluster_find(const struct cluster *c, const char *name)
{
	return services_find(&c->services, name);
}

const struct object_node *
cluster_self(const struct cluster *c)
{
	struct node *node = nodes_find(&c->nodes, c->settings->node);

	return node == NULL ? c->former_self : node->object;
}

bool
cluster_has_node(const struct cluster *c, const char *name)
{
	return nodes_find(&c->nodes, name) != NULL;
}

bool
cluster_has_self(const struct cluster *c)
{
	return cluster_has_node(c, c->settings->node);
}

struct node *
nodes_first(const struct cluster *c)
{
	return RB_MIN(nodes, (struct nodes *)(uintptr_t)&c->nodes);
}

struct node *
nodes_next(struct node *node)
{
	return RB_NEXT(nodes, NULL, node);
}

struct service *
services_first(const struct cluster *c)
{
	return RB_MIN(services, (struct services *)(uintptr_t)&c->services);
}

struct service *
services_next(struct service *s)
{
	return RB_NEXT(services, NULL, s);
}

/* Touching -------------------------------------------------------------------------- */

void
service_touch(struct cluster *c, struct service *s)
{
	if (s->touched)
		return;
	s->touched = true;
	TAILQ_INSERT_TAIL(&c->touched, s, touch);
}

void
cluster_touch_all(struct cluster *c)
{
	struct service *s;

	RB_FOREACH (s, services, &c->services) {
		if (s->object != NULL)
			service_touch(c, s);
	}
}

/* What survives a restart ----------------------------------------------------------- */

static void
cluster_record(struct cluster *c, const struct object *object)
{
	if (c->cache != NULL)
		cache_put(c->cache, object);
}

static void
cluster_erase(struct cluster *c, enum object_kind kind, const char *name)
{
	if (c->cache != NULL)
		cache_remove(c->cache, kind, name);
}

/* Services -------------------------------------------------------------------------- */

static struct service *
service_get(struct cluster *c, const char *name)
{
	struct service *s = cluster_find(c, name);

	if (s != NULL)
		return s;
	s = k8s_alloc(sizeof(*s) + strlen(name) + 1);
	strcpy(s->name, name);
	LIST_INIT(&s->slices);
	RB_INSERT(services, &c->services, s);
	return s;
}

void
service_settle(struct cluster *c, struct service *s)
{
	if (s->object != NULL || s->touched || s->in_run || s->offered ||
	    s->publish == PUBLISH_UNDER_WAY || !LIST_EMPTY(&s->slices))
		return;
	RB_REMOVE(services, &c->services, s);
	free(s->why);
	free(s);
}

/* The same in all that is asked for and in what the status says? */
static bool
service_same(const struct service *s, const struct object *object)
{
	return s->object != NULL && object_equal(&s->object->object, object) &&
	       service_status_equal(s->object, (const void *)object);
}

static void
take_service(struct cluster *c, struct object *object)
{
	struct service *s = service_get(c, object->name);
	const struct object_service *other = (const void *)object;
	bool same = service_same(s, object);

	if (s->object != NULL && strcmp(s->object->uid, other->uid) != 0)
		s->reborn = true; /* that it was deleted went by unseen */
	if (!same)
		cluster_record(c, object);
	if (s->object != NULL &&
	    strcmp(s->object->version, other->version) != 0) {
		/* What was held back until now is decided again. */
		same = same && s->publish != PUBLISH_LATER && !s->unsure;
		if (s->publish == PUBLISH_LATER)
			s->publish = PUBLISH_NONE;
		s->unsure = false;
	}
	c->service_count += s->object == NULL;
	object_free(s->object == NULL ? NULL : &s->object->object);
	s->object = (struct object_service *)(void *)object;
	if (!same)
		service_touch(c, s);
}

static void
drop_service(struct cluster *c, const char *name)
{
	struct service *s = cluster_find(c, name);

	if (s == NULL || s->object == NULL)
		return;
	publish_former(c, s);
	publish_cancel(c, s);
	s->reborn = true;
	cluster_erase(c, OBJECT_SERVICE, name);
	object_free(&s->object->object);
	s->object = NULL;
	c->service_count--;
	service_touch(c, s);
}

/* Slices ------------------------------------------------------------------------------ */

static void
slice_detach(struct cluster *c, struct slice *slice)
{
	struct service *s = slice->service;

	if (s == NULL)
		return;
	LIST_REMOVE(slice, of_service);
	slice->service = NULL;
	if (s->object != NULL)
		service_touch(c, s);
	else
		service_settle(c, s);
}

static void
slice_attach(struct cluster *c, struct slice *slice)
{
	struct service *s;

	if (slice->object->service == NULL)
		return;
	s = slice->service = service_get(c, slice->object->service);
	LIST_INSERT_HEAD(&s->slices, slice, of_service);
	if (s->object != NULL)
		service_touch(c, s);
}

static void
take_slice(struct cluster *c, struct object *object)
{
	struct slice *slice = slices_find(&c->slices, object->name);

	if (slice != NULL && object_equal(&slice->object->object, object)) {
		object_free(object);
		return;
	}
	cluster_record(c, object);
	if (slice == NULL) {
		slice = k8s_alloc(sizeof(*slice));
		slice->object = (struct object_slice *)(void *)object;
		RB_INSERT(slices, &c->slices, slice);
		c->slice_count++;
	} else {
		slice_detach(c, slice);
		object_free(&slice->object->object);
		slice->object = (struct object_slice *)(void *)object;
	}
	slice_attach(c, slice);
}

static void
drop_slice(struct cluster *c, const char *name)
{
	struct slice *slice = slices_find(&c->slices, name);

	if (slice == NULL)
		return;
	cluster_erase(c, OBJECT_SLICE, name);
	slice_detach(c, slice);
	RB_REMOVE(slices, &c->slices, slice);
	object_free(&slice->object->object);
	free(slice);
	c->slice_count--;
}

/* Nodes, ConfigMap, Secret --------------------------------------------------------------- */

/* Labels alone concern the peers, and no Service. */
static bool
node_carries_alike(const struct object_node *a, const struct object_node *b)
{
	return a->excluded == b->excluded &&
	       a->network_unavailable == b->network_unavailable &&
	       a->address_count == b->address_count &&
	       memcmp(a->addresses, b->addresses, sizeof(a->addresses)) == 0;
}

static void
self_forget(struct cluster *c)
{
	object_free(c->former_self == NULL ? NULL : &c->former_self->object);
	c->former_self = NULL;
}

/* Deleted by a slip, or for a moment: who its peers are hangs on its labels. */
static void
self_keep(struct cluster *c, struct object_node *object)
{
	say(c->guest, LOG_WARNING,
	    "the Node object %s, on which this runs, was deleted: the labels "
	    "that it had count on",
	    object->object.name);
	self_forget(c);
	c->former_self = object;
}

static void
take_node(struct cluster *c, struct object *object)
{
	struct node *node = nodes_find(&c->nodes, object->name);

	if (node != NULL && object_equal(&node->object->object, object)) {
		object_free(object);
		return;
	}
	cluster_record(c, object);
	if (node == NULL) {
		node = k8s_alloc(sizeof(*node));
		node->object = (struct object_node *)(void *)object;
		RB_INSERT(nodes, &c->nodes, node);
		c->node_count++;
		c->carriers_touched = true;
		if (strcmp(object->name, c->settings->node) == 0)
			self_forget(c);
	} else {
		c->carriers_touched |=
		    !node_carries_alike(node->object, (const void *)object);
		object_free(&node->object->object);
		node->object = (struct object_node *)(void *)object;
	}
	c->nodes_touched = true;
}

static void
drop_node(struct cluster *c, const char *name)
{
	struct node *node = nodes_find(&c->nodes, name);

	if (node == NULL)
		return;
	cluster_erase(c, OBJECT_NODE, name);
	heartbeat_forget(c->heartbeat, name);
	RB_REMOVE(nodes, &c->nodes, node);
	if (strcmp(name, c->settings->node) == 0)
		self_keep(c, node->object);
	else
		object_free(&node->object->object);
	free(node);
	c->node_count--;
	c->nodes_touched = c->carriers_touched = true;
}

/* Where the object with that name is kept; NULL: nobody asks for it. */
static struct object_data **
data_slot(struct cluster *c, enum object_kind kind, const char *name)
{
	const char *space = c->settings->space, *wanted;
	size_t len = strlen(space);

	if (strncmp(name, space, len) != 0 || name[len] != '/')
		return NULL;
	wanted = kind == OBJECT_SECRET ? SECRET_NAME : c->settings->config_map;
	name += len + 1;
	len = strlen(wanted);
	if (kind == OBJECT_CONFIG_MAP && c->cache != NULL &&
	    strncmp(name, wanted, len) == 0) {
		if (strcmp(name + len, TAKEN) == 0)
			return &c->taken;
		if (strcmp(name + len, WHOLE) == 0)
			return &c->whole;
	}
	if (strcmp(name, wanted) != 0)
		return NULL;
	return kind == OBJECT_SECRET ? &c->secret : &c->config_map;
}

static void
data_touch(struct cluster *c, enum object_kind kind)
{
	if (kind == OBJECT_SECRET)
		c->nodes_touched = true; /* told with the members */
	else
		c->config_touched = true;
}

static void
take_data(struct cluster *c, struct object *object)
{
	struct object_data **slot = data_slot(c, object->kind, object->name);

	if (slot == NULL ||
	    (*slot != NULL && object_equal(&(*slot)->object, object))) {
		object_free(object);
		return;
	}
	cluster_record(c, object);
	data_touch(c, object->kind);
	object_free(*slot == NULL ? NULL : &(*slot)->object);
	*slot = (struct object_data *)(void *)object;
}

static void
drop_data(struct cluster *c, enum object_kind kind, const char *name)
{
	struct object_data **slot = data_slot(c, kind, name);

	if (slot == NULL || *slot == NULL)
		return;
	cluster_erase(c, kind, name);
	object_free(&(*slot)->object);
	*slot = NULL;
	data_touch(c, kind);
}

void
cluster_keep_taken(struct cluster *c)
{
	const struct object *map = &c->config_map->object;
	struct object_data *copy;

	if (c->cache == NULL ||
	    (c->taken != NULL && object_equal(&c->taken->object, map)))
		return;
	copy = data_copy(c->config_map);
	copy->object.name = k8s_print("%s%s", map->name, TAKEN);
	object_free(c->taken == NULL ? NULL : &c->taken->object);
	c->taken = copy;
	cluster_record(c, &copy->object);
}

void
cluster_keep_whole(struct cluster *c, bool whole)
{
	const struct settings *set = c->settings;

	if (c->cache == NULL || whole == (c->whole != NULL))
		return;
	if (whole) {
		c->whole = k8s_alloc(sizeof(*c->whole));
		c->whole->object.kind = OBJECT_CONFIG_MAP;
		c->whole->object.name =
		    k8s_print("%s/%s%s", set->space, set->config_map, WHOLE);
		cluster_record(c, &c->whole->object);
		return;
	}
	cluster_erase(c, OBJECT_CONFIG_MAP, c->whole->object.name);
	object_free(&c->whole->object);
	c->whole = NULL;
}

/* All kinds ------------------------------------------------------------------------------- */

/* An object that is new or another; taken over. */
void
cluster_take(struct cluster *c, struct object *object)
{
	static void (*const takes[OBJECT_KINDS])(
	    struct cluster *, struct object *) = {
		[OBJECT_CONFIG_MAP] = take_data,
		[OBJECT_NODE] = take_node,
		[OBJECT_SECRET] = take_data,
		[OBJECT_SERVICE] = take_service,
		[OBJECT_SLICE] = take_slice,
	};

	takes[object->kind](c, object);
}

void
cluster_drop(struct cluster *c, enum object_kind kind, const char *name)
{
	if (kind == OBJECT_SERVICE)
		drop_service(c, name);
	else if (kind == OBJECT_SLICE)
		drop_slice(c, name);
	else if (kind == OBJECT_NODE)
		drop_node(c, name);
	else
		drop_data(c, kind, name);
}

void
cluster_init(struct cluster *c)
{
	RB_INIT(&c->services);
	RB_INIT(&c->slices);
	RB_INIT(&c->nodes);
	TAILQ_INIT(&c->touched);
}

/* Letting go ------------------------------------------------------------------------------- */

static bool
clear_slice(struct cluster *c)
{
	struct slice *slice = RB_ROOT(&c->slices);

	if (slice == NULL)
		return false;
	RB_REMOVE(slices, &c->slices, slice);
	object_free(&slice->object->object);
	free(slice);
	return true;
}

static bool
clear_service(struct cluster *c)
{
	struct service *s = RB_ROOT(&c->services);

	if (s == NULL)
		return false;
	/* What it holds goes with it, or all of that went in one piece. */
	alloc_release(c->alloc, s->name, NULL);
	RB_REMOVE(services, &c->services, s);
	object_free(s->object == NULL ? NULL : &s->object->object);
	free(s->why);
	free(s);
	return true;
}

static bool
clear_node(struct cluster *c)
{
	struct node *node = RB_ROOT(&c->nodes);

	if (node == NULL)
		return false;
	RB_REMOVE(nodes, &c->nodes, node);
	object_free(&node->object->object);
	free(node);
	return true;
}

static void
clear_rest(struct cluster *c)
{
	object_free(c->config_map == NULL ? NULL : &c->config_map->object);
	object_free(c->secret == NULL ? NULL : &c->secret->object);
	object_free(c->taken == NULL ? NULL : &c->taken->object);
	object_free(c->whole == NULL ? NULL : &c->whole->object);
	self_forget(c);
	c->config_map = c->secret = c->taken = c->whole = NULL;
	c->service_count = c->slice_count = c->node_count = 0;
	TAILQ_INIT(&c->touched);
}

bool
cluster_clear(struct cluster *c, size_t max)
{
	for (; max > 0; max--) {
		if (!clear_slice(c) && !clear_service(c) && !clear_node(c)) {
			clear_rest(c);
			return true;
		}
	}
	return false;
}
