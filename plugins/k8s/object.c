/* SPDX-License-Identifier: ISC */
/* One typed reader per kind of object: a tree of json-c to what is kept. */

/*
 * A reader is strict about what it uses and blind to the rest, as the API
 * server is: a value of the wrong type is a fault of this object alone.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "k8s.h"

/* ConfigMap, Secret --------------------------------------------------------------- */

static void
data_read_values(struct object_data *data, struct json_object *map,
    const char *where, bool encoded, struct fault *fault)
{
	struct json_object *values = tree_map(map, where, fault);
	struct object_pair *pair;
	int len;

	if (values == NULL)
		return;
	data->pairs = k8s_grow(data->pairs,
	    (data->count + (size_t)json_object_object_length(values) + 1) *
		sizeof(data->pairs[0]));
	json_object_object_foreach(values, key, value)
	{
		if (!json_object_is_type(value, json_type_string)) {
			tree_fault(fault, key, "text");
			continue;
		}
		pair = &data->pairs[data->count++];
		pair->key = k8s_copy(key);
		pair->value = k8s_copy(json_object_get_string(value));
		len = encoded ? tree_decode64(pair->value)
			      : (int)strlen(pair->value);
		if (len == -1)
			tree_fault(fault, key, "base64");
		pair->len = len == -1 ? 0 : (size_t)len;
	}
}

static struct object *
config_map_read(struct json_object *root, struct fault *fault)
{
	struct object_data *data = k8s_alloc(sizeof(*data));

	data_read_values(data, root, "data", false, fault);
	return &data->object;
}

static struct object *
secret_read(struct json_object *root, struct fault *fault)
{
	struct object_data *data = k8s_alloc(sizeof(*data));

	data_read_values(data, root, "stringData", false, fault);
	data_read_values(data, root, "data", true, fault);
	return &data->object;
}

static void
data_free(struct object *object)
{
	struct object_data *data = (struct object_data *)(void *)object;
	size_t i;

	for (i = 0; i < data->count; i++) {
		free(data->pairs[i].key);
		free(data->pairs[i].value);
	}
	free(data->pairs);
}

/* Its values, without a name; the caller's. */
struct object_data *
data_copy(const struct object_data *data)
{
	struct object_data *copy = k8s_alloc(sizeof(*copy));
	size_t i;

	copy->object.kind = data->object.kind;
	copy->count = data->count;
	copy->pairs = k8s_alloc((data->count + 1) * sizeof(copy->pairs[0]));
	for (i = 0; i < data->count; i++) {
		copy->pairs[i].key = k8s_copy(data->pairs[i].key);
		copy->pairs[i].len = data->pairs[i].len;
		copy->pairs[i].value = k8s_alloc(data->pairs[i].len + 1);
		memcpy(copy->pairs[i].value, data->pairs[i].value,
		    data->pairs[i].len);
	}
	return copy;
}

static bool
data_equal(const struct object *a, const struct object *b)
{
	const struct object_data *x = (const void *)a, *y = (const void *)b;
	size_t i;

	if (x->count != y->count)
		return false;
	for (i = 0; i < x->count; i++) {
		if (strcmp(x->pairs[i].key, y->pairs[i].key) != 0 ||
		    x->pairs[i].len != y->pairs[i].len ||
		    memcmp(x->pairs[i].value, y->pairs[i].value,
			x->pairs[i].len) != 0)
			return false;
	}
	return true;
}

/* Borrowed; NULL: no such key. *len may be NULL. */
const char *
object_value(const struct object_data *data, const char *key, size_t *len)
{
	size_t i;

	for (i = 0; i < data->count; i++) {
		if (strcmp(data->pairs[i].key, key) != 0)
			continue;
		if (len != NULL)
			*len = data->pairs[i].len;
		return data->pairs[i].value;
	}
	return NULL;
}

/* Node ------------------------------------------------------------------------------ */

static void
node_read_labels(
    struct object_node *node, struct json_object *meta, struct fault *fault)
{
	struct json_object *labels = tree_map(meta, "labels", fault);

	if (labels == NULL)
		return;
	node->labels =
	    k8s_alloc(((size_t)json_object_object_length(labels) + 1) *
		      sizeof(node->labels[0]));
	json_object_object_foreach(labels, key, value)
	{
		if (!json_object_is_type(value, json_type_string)) {
			tree_fault(fault, key, "text");
			continue;
		}
		if (strcmp(key, LABEL_EXCLUDE) == 0)
			node->excluded = true;
		node->labels[node->label_count].key = k8s_copy(key);
		node->labels[node->label_count++].value =
		    k8s_copy(json_object_get_string(value));
	}
}

static struct object *
node_read(struct json_object *root, struct fault *fault)
{
	struct object_node *node = k8s_alloc(sizeof(*node));
	struct json_object *status = tree_map(root, "status", fault);
	struct json_object *meta = tree_map(root, "metadata", fault);
	struct json_object *list, *entry;
	const char *type, *value;
	size_t i, n;

	value = tree_text(meta, "uid", fault);
	snprintf(node->uid, sizeof(node->uid), "%s", or_empty(value));
	node_read_labels(node, meta, fault);
	n = tree_list(status, "addresses", fault, &list);
	for (i = 0; i < n && node->address_count < NODE_ADDRESSES; i++) {
		entry = tree_entry(list, i, "addresses", fault);
		type = tree_text(entry, "type", fault);
		value = tree_text(entry, "address", fault);
		if (type != NULL && strcmp(type, "InternalIP") == 0 &&
		    tree_addr(value, &node->addresses[node->address_count]))
			node->address_count++;
	}
	n = tree_list(status, "conditions", fault, &list);
	for (i = 0; i < n; i++) {
		entry = tree_entry(list, i, "conditions", fault);
		type = tree_text(entry, "type", fault);
		value = tree_text(entry, "status", fault);
		if (type != NULL && value != NULL &&
		    strcmp(type, "NetworkUnavailable") == 0)
			node->network_unavailable = strcmp(value, "True") == 0;
	}
	return &node->object;
}

static void
node_free(struct object *object)
{
	struct object_node *node = (struct object_node *)(void *)object;
	size_t i;

	for (i = 0; i < node->label_count; i++) {
		free((char *)(uintptr_t)node->labels[i].key);
		free((char *)(uintptr_t)node->labels[i].value);
	}
	free(node->labels);
}

static bool
node_equal(const struct object *a, const struct object *b)
{
	const struct object_node *x = (const void *)a, *y = (const void *)b;
	size_t i;

	if (x->label_count != y->label_count || strcmp(x->uid, y->uid) != 0 ||
	    x->network_unavailable != y->network_unavailable ||
	    x->address_count != y->address_count ||
	    memcmp(x->addresses, y->addresses, sizeof(x->addresses)) != 0)
		return false;
	for (i = 0; i < x->label_count; i++) {
		if (strcmp(x->labels[i].key, y->labels[i].key) != 0 ||
		    strcmp(x->labels[i].value, y->labels[i].value) != 0)
			return false;
	}
	return true;
}

/* Every kind --------------------------------------------------------------------- */

static const struct {
	const char *kind, *api; /* the group, which may have several versions */
	bool namespaced;
	struct object *(*read)(struct json_object *, struct fault *);
	void (*free)(struct object *);
	bool (*equal)(const struct object *, const struct object *);
} kinds[OBJECT_KINDS] = {
	[OBJECT_CONFIG_MAP] = { "ConfigMap", "v1", true, config_map_read,
	    data_free, data_equal },
	[OBJECT_NODE] = { "Node", "v1", false, node_read, node_free,
	    node_equal },
	[OBJECT_SECRET] = { "Secret", "v1", true, secret_read, data_free,
	    data_equal },
	[OBJECT_SERVICE] = { "Service", "v1", true, service_read, service_free,
	    service_equal },
	[OBJECT_SLICE] = { "EndpointSlice", "discovery.k8s.io/", true,
	    slice_read, slice_free, slice_equal },
};

const char *
object_kind_name(enum object_kind kind)
{
	return kinds[kind].kind;
}

/* Which kind a tree says it is; OBJECT_KINDS: none of ours. */
enum object_kind
object_kind_find(struct json_object *root)
{
	struct fault ignored = { 0, "" };
	const char *kind = tree_text(root, "kind", &ignored);
	const char *api = tree_text(root, "apiVersion", &ignored);
	size_t len;
	int i;

	if (kind == NULL || api == NULL)
		return OBJECT_KINDS;
	for (i = 0; i < OBJECT_KINDS; i++) {
		len = strlen(kinds[i].api);
		if (strcmp(kind, kinds[i].kind) == 0 &&
		    strncmp(api, kinds[i].api, len) == 0 &&
		    (api[len] == '\0' || kinds[i].api[len - 1] == '/'))
			return (enum object_kind)i;
	}
	return OBJECT_KINDS;
}

/* "namespace/name" of a tree, to be freed; NULL: it has no usable name. */
char *
object_key(enum object_kind kind, struct json_object *root, struct fault *fault)
{
	struct json_object *meta = tree_map(root, "metadata", fault);
	const char *name = tree_text(meta, "name", fault);
	const char *space = tree_text(meta, "namespace", fault);

	if (!tree_name_is_good(name)) {
		tree_fault(fault, "metadata.name", "a name");
		return NULL;
	}
	if (!kinds[kind].namespaced)
		return k8s_copy(name);
	if (space == NULL)
		space = "default";
	if (!tree_name_is_good(space)) {
		tree_fault(fault, "metadata.namespace", "a name");
		return NULL;
	}
	return k8s_join(space, name);
}

/*
 * What is kept of a tree of that kind, owned by the caller. NULL: *fault says
 * why, and *key (when not NULL) which object it is, to be freed.
 */
struct object *
object_read(enum object_kind kind, struct json_object *root, char **key,
    struct fault *fault)
{
	struct object *object;

	memset(fault, 0, sizeof(*fault));
	*key = object_key(kind, root, fault);
	if (*key == NULL)
		return NULL;
	object = kinds[kind].read(root, fault);
	object->kind = (uint8_t)kind;
	if (fault->text[0] != '\0') {
		object_free(object);
		return NULL;
	}
	object->name = *key;
	*key = NULL;
	return object;
}

void
object_free(struct object *object)
{
	if (object == NULL)
		return;
	kinds[object->kind].free(object);
	free(object->name);
	free(object);
}

/* Is all that is kept the same? Both are of one kind. */
bool
object_equal(const struct object *a, const struct object *b)
{
	return kinds[a->kind].equal(a, b);
}
