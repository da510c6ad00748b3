/* SPDX-License-Identifier: ISC */
/* All objects by kind and name, for who holds no pointer to one meanwhile. */

#include <string.h>

#include "cluster.h"

/* The first of a tree whose name is greater; NULL of `after`: of all. */
#define TREE_AFTER(found, root, n, name_of, after)                             \
	do {                                                                   \
		(found) = NULL;                                                \
		for ((n) = (root); (n) != NULL;) {                             \
			if ((after) == NULL || strcmp(after, name_of) < 0) {   \
				(found) = (n);                                 \
				(n) = RB_LEFT(n, link);                        \
			} else                                                 \
				(n) = RB_RIGHT(n, link);                       \
		}                                                              \
	} while (0)

static const struct object *
next_service(const struct cluster *c, const char *after)
{
	struct service *s, *found;

	TREE_AFTER(found, RB_ROOT(&c->services), s, s->name, after);
	while (found != NULL && found->object == NULL)
		found = services_next(found);
	return found == NULL ? NULL : &found->object->object;
}

static const struct object *
next_slice(const struct cluster *c, const char *after)
{
	struct slice *s, *found;

	TREE_AFTER(
	    found, RB_ROOT(&c->slices), s, s->object->object.name, after);
	return found == NULL ? NULL : &found->object->object;
}

static const struct object *
next_node(const struct cluster *c, const char *after)
{
	struct node *n, *found;

	TREE_AFTER(found, RB_ROOT(&c->nodes), n, n->object->object.name, after);
	return found == NULL ? NULL : &found->object->object;
}

/* Of what is named as the ConfigMap, or begins so: by name. */
static const struct object *
next_map(const struct cluster *c, const char *after)
{
	const struct object_data *maps[] = { c->config_map, c->whole,
		c->taken };
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (maps[i] != NULL &&
		    (after == NULL || strcmp(after, maps[i]->object.name) < 0))
			return &maps[i]->object;
	}
	return NULL;
}

const struct object *
cluster_next(const struct cluster *c, enum object_kind kind, const char *after)
{
	switch (kind) {
	case OBJECT_SERVICE:
		return next_service(c, after);
	case OBJECT_SLICE:
		return next_slice(c, after);
	case OBJECT_NODE:
		return next_node(c, after);
	case OBJECT_CONFIG_MAP:
		return next_map(c, after);
	case OBJECT_SECRET:
		return after != NULL || c->secret == NULL ? NULL
							  : &c->secret->object;
	case OBJECT_KINDS:
		break;
	}
	return NULL;
}
