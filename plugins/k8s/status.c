/* SPDX-License-Identifier: ISC */
/* What the status of a Service shall say, and the patch that says it. */

/* Pure, but for the time of day in a condition. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <json-c/json.h>

#include "cluster.h"

#define WHY_MAX 900

/* Bodies ------------------------------------------------------------------------ */

static void
add_text(struct json_object *map, const char *key, const char *value)
{
	json_object_object_add(map, key, json_object_new_string(value));
}

/* Adds a condition (metav1.Condition) to a list. */
static void
condition_add(struct json_object *list, const char *type, bool status,
    const char *reason, const char *message)
{
	struct json_object *map = json_object_new_object();
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	add_text(map, "type", type);
	add_text(map, "status", status ? "True" : "False");
	add_text(map, "reason", reason);
	add_text(map, "message", message);
	add_text(map, "lastTransitionTime", text);
	json_object_array_add(list, map);
}

/* A merge patch replaces the list: what others said is said again. */
static struct json_object *
conditions_of_others(const char *others)
{
	struct json_object *list = NULL;
	char *text;

	if (others != NULL) {
		text = k8s_alloc(strlen(others) + 3);
		sprintf(text, "[%s]", others);
		list = json_tokener_parse(text);
		free(text);
	}
	return list != NULL ? list : json_object_new_array();
}

static struct json_object *
conditions_make(const struct object_service *o, const struct wish *wish)
{
	struct json_object *list = conditions_of_others(o->conditions);
	bool allocated = wish->why == NULL;

	condition_add(list, CONDITION_ALLOCATED, allocated,
	    allocated ? "IPAllocated" : "AllocationFailed",
	    allocated ? "" : wish->why);
	condition_add(list, CONDITION_CONFLICT, wish->conflict,
	    wish->conflict ? "AddressInUse" : "NoConflict",
	    wish->conflict ? wish->why : "");
	return list;
}

static struct json_object *
ingress_make(const struct wish *wish)
{
	struct json_object *list = json_object_new_array(), *entry;
	char text[ADDR_LEN];
	uint8_t i;

	for (i = 0; i < wish->count; i++) {
		entry = json_object_new_object();
		add_text(entry, "ip", addr_text(&wish->addresses[i], text));
		json_object_array_add(list, entry);
	}
	return list;
}

/* The text of a tree, which is freed; to be freed. */
static char *
body_text(struct json_object *root)
{
	char *text = k8s_copy(json_object_to_json_string_ext(
	    root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(root);
	return text;
}

static struct json_object *
body_open(const char *key, const char *value, struct json_object **status)
{
	struct json_object *root = json_object_new_object();
	struct json_object *meta = json_object_new_object();

	add_text(meta, key, value);
	json_object_object_add(root, "metadata", meta);
	*status = json_object_new_object();
	json_object_object_add(root, "status", *status);
	return root;
}

char *
status_body(const struct object_service *o, const struct wish *wish)
{
	struct json_object *status, *balancer = json_object_new_object();
	struct json_object *root =
	    body_open("resourceVersion", o->version, &status);

	json_object_object_add(
	    balancer, "ingress", wish->count > 0 ? ingress_make(wish) : NULL);
	json_object_object_add(status, "loadBalancer", balancer);
	json_object_object_add(status, "conditions", conditions_make(o, wish));
	return body_text(root);
}

/* Nothing of ours, if it is still that object. */
char *
status_body_of_none(const char *uid, const char *others)
{
	struct json_object *status, *root = body_open("uid", uid, &status);

	json_object_object_add(status, "loadBalancer", NULL);
	json_object_object_add(
	    status, "conditions", conditions_of_others(others));
	return body_text(root);
}

/* To be freed; name is "namespace/name". */
char *
status_path(const char *name)
{
	const char *slash = strchr(name, '/');
	size_t size = strlen(name) + 80;
	char *path = k8s_alloc(size);

	snprintf(path, size,
	    "/api/v1/namespaces/%.*s/services/%s/status?fieldManager=fairway",
	    (int)(slash - name), name, slash + 1);
	return path;
}

/* Wishes ------------------------------------------------------------------------------- */

void
wish_make(const struct service *s, struct wish *wish)
{
	memset(wish, 0, sizeof(*wish));
	wish->count = s->address_count;
	memcpy(wish->addresses, s->addresses, sizeof(wish->addresses));
	if (s->why == NULL)
		return;
	wish->why = k8s_copy(s->why);
	if (strlen(wish->why) > WHY_MAX)
		wish->why[WHY_MAX] = '\0';
	wish->conflict = s->conflict;
}

/* Conditions ride with addresses; alone they are written only to tell why not. */
bool
wish_differs(const struct service *s)
{
	const struct object_service *o = s->object;

	if (!assign_is_told(s) || (s->address_count == 0 && o->status_seen))
		return true;
	if (s->why == NULL)
		return o->allocated == CONDITION_FALSE;
	return o->allocated != CONDITION_FALSE || o->allocated_why == NULL ||
	       strncmp(o->allocated_why, s->why, WHY_MAX) != 0;
}

/* The status says it now: as if the watch had told it already. */
void
wish_settle(struct object_service *o, const struct wish *wish)
{
	memset(o->status, 0, sizeof(o->status));
	memcpy(o->status, wish->addresses,
	    wish->count * sizeof(wish->addresses[0]));
	o->status_count = wish->count;
	o->status_seen = wish->count > 0;
	o->allocated = wish->why == NULL ? CONDITION_TRUE : CONDITION_FALSE;
	o->conflict = wish->conflict ? CONDITION_TRUE : CONDITION_FALSE;
	free(o->allocated_why);
	o->allocated_why = k8s_copy(wish->why);
}
