/* SPDX-License-Identifier: ISC */
/* A Lease object as it was last seen, and as it is written: who has it (pure). */

#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "../text.h"
#include "tenure.h"

/* Reading ------------------------------------------------------------------------ */

static void
text_set(char **to, const char *text)
{
	char *copy = k8s_copy(text); /* first: it may be the old one's */

	free(*to);
	*to = copy;
}

/* A number of the spec; 0: there is none. */
static int
spec_number(struct json_object *spec, const char *key)
{
	struct fault fault = { 0 };

	return json_object_get_int(
	    tree_member(spec, key, json_type_int, &fault));
}

bool
tenure_hear(struct tenure *t, struct json_object *root,
    const struct lease_options *options, int64_t now_ms)
{
	struct fault fault = { 0 };
	struct json_object *spec = tree_map(root, "spec", &fault);
	const char *version, *holder;
	int secs;

	tenure_forget_root(t);
	version = tree_text(
	    tree_map(root, "metadata", &fault), "resourceVersion", &fault);
	if (version == NULL)
		return false;
	holder = tree_text(spec, "holderIdentity", &fault);
	secs = spec_number(spec, "leaseDurationSeconds");
	t->transitions = spec_number(spec, "leaseTransitions");
	t->valid_ms = secs > 0 ? (int64_t)secs * 1000 : options->duration_ms;
	if (!k8s_equal(t->version, version))
		t->seen_ms = now_ms;
	text_set(&t->version, version);
	text_set(&t->holder, holder == NULL ? "" : holder);
	return true;
}

bool
tenure_read(struct tenure *t, const struct api_reply *reply,
    const struct lease_options *options, int64_t now_ms)
{
	struct json_object *root =
	    reply->body == NULL ? NULL : tree_parse(reply->body, reply->len);

	if (!tenure_hear(t, root, options, now_ms)) {
		json_object_put(root);
		return false;
	}
	t->root = root;
	return true;
}

void
tenure_gone(
    struct tenure *t, const struct lease_options *options, int64_t now_ms)
{
	tenure_forget_root(t);
	if (t->version == NULL)
		return;
	text_set(&t->version, NULL);
	t->seen_ms = now_ms;
	if (t->valid_ms < options->duration_ms)
		t->valid_ms = options->duration_ms;
}

void
tenure_assume(struct tenure *t, const char *holder)
{
	tenure_forget_root(t);
	text_set(&t->holder, holder);
}

void
tenure_forget_root(struct tenure *t)
{
	json_object_put(t->root);
	t->root = NULL;
}

void
tenure_clear(struct tenure *t)
{
	tenure_forget_root(t);
	free(t->holder);
	free(t->version);
	memset(t, 0, sizeof(*t));
}

bool
tenure_is_of(const struct tenure *t, const char *holder)
{
	return k8s_equal(t->holder, holder);
}

bool
tenure_is_stale(const struct tenure *t, int64_t now_ms)
{
	return now_ms >= t->seen_ms + t->valid_ms;
}

/* Writing ------------------------------------------------------------------------ */

/* The map in a map, made where there is none. */
static struct json_object *
map_at(struct json_object *map, const char *key)
{
	struct json_object *value;

	if (json_object_object_get_ex(map, key, &value) &&
	    json_object_is_type(value, json_type_object))
		return value;
	value = json_object_new_object();
	json_object_object_add(map, key, value);
	return value;
}

static void
map_text(struct json_object *map, const char *key, const char *text)
{
	json_object_object_add(map, key, json_object_new_string(text));
}

static void
map_number(struct json_object *map, const char *key, int number)
{
	json_object_object_add(map, key, json_object_new_int(number));
}

static struct json_object *
root_new(const struct lease_options *options)
{
	struct json_object *root = json_object_new_object(), *meta;

	map_text(root, "apiVersion", "coordination.k8s.io/v1");
	map_text(root, "kind", "Lease");
	meta = map_at(root, "metadata");
	map_text(meta, "namespace", options->space);
	map_text(meta, "name", options->name);
	return root;
}

/* A Lease whose Node is deleted goes by the garbage collector. */
static void
owner_print(struct json_object *meta, const struct lease_mark *mark)
{
	struct json_object *list = json_object_new_array();
	struct json_object *owner = json_object_new_object();

	map_text(owner, "apiVersion", "v1");
	map_text(owner, "kind", "Node");
	map_text(owner, "name", mark->node);
	map_text(owner, "uid", mark->uid);
	json_object_array_add(list, owner);
	json_object_object_add(meta, "ownerReferences", list);
}

static void
mark_print(struct json_object *meta, const struct lease_mark *mark)
{
	if (mark == NULL)
		return;
	map_text(map_at(meta, "labels"), mark->label, mark->value);
	if (mark->uid[0] != '\0')
		owner_print(meta, mark);
}

static const char *
spec_print(struct tenure *t, const struct lease_options *options,
    const char *holder, int64_t ms, int transitions)
{
	struct json_object *spec = map_at(t->root, "spec");
	struct json_object *meta = map_at(t->root, "metadata");
	char now[STAMP_LEN];

	stamp_print_micro(now, stamp_now_ns());
	/* Left out, the server keeps its own. */
	json_object_object_del(meta, "managedFields");
	mark_print(meta, options->mark);
	map_text(spec, "holderIdentity", holder);
	map_text(spec, "renewTime", now);
	if (t->version == NULL || !tenure_is_of(t, holder))
		map_text(spec, "acquireTime", now);
	map_number(spec, "leaseDurationSeconds", (int)(ms / 1000));
	map_number(spec, "leaseTransitions", transitions);
	return json_object_to_json_string_ext(
	    t->root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

const char *
tenure_print(struct tenure *t, const struct lease_options *options)
{
	int transitions = t->transitions;

	if (t->root == NULL) {
		t->root = root_new(options);
		transitions = 0;
	} else if (!tenure_is_of(t, options->identity) &&
		   transitions < INT32_MAX)
		transitions++;
	return spec_print(
	    t, options, options->identity, options->duration_ms, transitions);
}

const char *
tenure_print_empty(struct tenure *t, const struct lease_options *options)
{
	if (t->root == NULL)
		t->root = root_new(options);
	return spec_print(t, options, "", 1000, t->transitions);
}
