/* SPDX-License-Identifier: ISC */
/* The objects of the cluster, indexed, and who is touched by a change. */

/*
 * An object that is the same in all that is kept changes nothing; one that
 * differs touches the Services it concerns: a slice its Service, a Node or the
 * configuration all of them.
 */

#include <stdlib.h>
#include <string.h>

#include "cluster.h"

#define SECRET_NAME "memberlist"

static int
service_compare(const struct service *a, const struct service *b)
{
	return strcmp(a->name, b->name);
}
K8S_TREE(services, service, link, service_compare)

static int
slice_compare(const struct slice *a, const struct slice *b)
{
	return strcmp(a->object->object.name, b->object->object.name);
}
K8S_TREE(slices, slice, link, slice_compare)

static int
node_compare(const struct node *a, const struct node *b)
{
	return strcmp(a->object->object.name, b->object->object.name);
}
K8S_TREE(nodes, node, link, node_compare)

/* Finding ------------------------------------------------------------------------ */

struct service *
cluster_find(const struct cluster *c, const char *name)
{
	struct service *s = RB_ROOT(&c->services);
	int order;

	while (s != NULL && (order = strcmp(name, s->name)) != 0)
		s = order < 0 ? RB_LEFT(s, link) : RB_RIGHT(s, link);
	return s;
}

static struct slice *
slice_find(const struct cluster *c, const char *name)
{
	struct slice *s = RB_ROOT(&c->slices);
	int order;

	while (s != NULL && (order = strcmp(name, s->object->object.name)) != 0)
		s = order < 0 ? RB_LEFT(s, link) : RB_RIGHT(s, link);
	return s;
}

static struct node *
node_find(const struct cluster *c, const char *name)
{
	struct node *n = RB_ROOT(&c->nodes);
	int order;

	while (n != NULL && (order = strcmp(name, n->object->object.name)) != 0)
		n = order < 0 ? RB_LEFT(n, link) : RB_RIGHT(n, link);
	return n;
}

const struct object_node *
cluster_self(const struct cluster *c)
{
	struct node *node = node_find(c, c->settings->node);

	return node == NULL ? NULL : node->object;
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
	if (s->object != NULL || s->touched || s->offered ||
	    !LIST_EMPTY(&s->slices))
		return;
	RB_REMOVE(services, &c->services, s);
	free(s->why);
	free(s);
}

static void
take_service(struct cluster *c, struct object *object)
{
	struct service *s = service_get(c, object->name);
	bool same =
	    s->object != NULL && object_equal(&s->object->object, object);

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
	struct slice *slice = slice_find(c, object->name);

	if (slice != NULL && object_equal(&slice->object->object, object)) {
		object_free(object);
		return;
	}
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
	struct slice *slice = slice_find(c, name);

	if (slice == NULL)
		return;
	slice_detach(c, slice);
	RB_REMOVE(slices, &c->slices, slice);
	object_free(&slice->object->object);
	free(slice);
	c->slice_count--;
}

/* Nodes, ConfigMap, Secret --------------------------------------------------------------- */

static void
take_node(struct cluster *c, struct object *object)
{
	struct node *node = node_find(c, object->name);

	if (node != NULL && object_equal(&node->object->object, object)) {
		object_free(object);
		return;
	}
	if (node == NULL) {
		node = k8s_alloc(sizeof(*node));
		node->object = (struct object_node *)(void *)object;
		RB_INSERT(nodes, &c->nodes, node);
		c->node_count++;
	} else {
		object_free(&node->object->object);
		node->object = (struct object_node *)(void *)object;
	}
	c->nodes_touched = true;
}

static void
drop_node(struct cluster *c, const char *name)
{
	struct node *node = node_find(c, name);

	if (node == NULL)
		return;
	RB_REMOVE(nodes, &c->nodes, node);
	object_free(&node->object->object);
	free(node);
	c->node_count--;
	c->nodes_touched = true;
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
	if (strcmp(name + len + 1, wanted) != 0)
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
	object_free(&(*slot)->object);
	*slot = NULL;
	data_touch(c, kind);
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

/* Lets go of every object; nobody is told. */
void
cluster_clear(struct cluster *c)
{
	struct service *s;
	struct slice *slice;
	struct node *node;

	while ((slice = RB_MIN(slices, &c->slices)) != NULL)
		drop_slice(c, slice->object->object.name);
	while ((node = RB_MIN(nodes, &c->nodes)) != NULL)
		drop_node(c, node->object->object.name);
	while ((s = RB_MIN(services, &c->services)) != NULL) {
		RB_REMOVE(services, &c->services, s);
		object_free(s->object == NULL ? NULL : &s->object->object);
		free(s->why);
		free(s);
	}
	object_free(c->config_map == NULL ? NULL : &c->config_map->object);
	object_free(c->secret == NULL ? NULL : &c->secret->object);
	c->config_map = c->secret = NULL;
	c->service_count = 0;
	TAILQ_INIT(&c->touched);
}
