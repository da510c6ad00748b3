/* SPDX-License-Identifier: ISC */
/* The typed readers of a Service and of its EndpointSlices. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "k8s.h"
#include "text.h"

#define ENDPOINTS_MAX 10000
#define PORTS_MAX     10000

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* EndpointSlice --------------------------------------------------------------------- */

/* Ready or not said, or serving: as MetalLB counts since 0.14. */
static bool
endpoint_counts(struct json_object *endpoint, struct fault *fault)
{
	struct json_object *conditions =
	    tree_map(endpoint, "conditions", fault);
	struct json_object *ready, *serving;

	ready = tree_member(conditions, "ready", json_type_boolean, fault);
	serving = tree_member(conditions, "serving", json_type_boolean, fault);
	return ready == NULL || json_object_get_boolean(ready) ||
	       (serving != NULL && json_object_get_boolean(serving));
}

/* Sorts the names and packs them, each once. */
static void
slice_pack(struct object_slice *slice, const char **names, size_t n)
{
	size_t i, len = 0;
	char *p;

	qsort(names, n, sizeof(names[0]), name_compare);
	for (i = 0; i < n; i++)
		len += strlen(names[i]) + 1;
	p = slice->nodes = k8s_alloc(len + 1);
	for (i = 0; i < n; i++) {
		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		p = stpcpy(p, names[i]) + 1;
	}
	slice->nodes_len = (size_t)(p - slice->nodes);
	slice->nodes = k8s_grow(slice->nodes, slice->nodes_len + 1);
}

static void
slice_read_endpoints(
    struct object_slice *slice, struct json_object *root, struct fault *fault)
{
	struct json_object *list, *endpoint;
	const char **names, *node;
	size_t i, n, used = 0;

	n = tree_list(root, "endpoints", fault, &list);
	if (n > ENDPOINTS_MAX)
		tree_fault(fault, "endpoints", "fewer");
	if (n == 0 || n > ENDPOINTS_MAX)
		return;
	names = k8s_alloc(n * sizeof(names[0]));
	for (i = 0; i < n; i++) {
		endpoint = tree_entry(list, i, "endpoints", fault);
		if (endpoint == NULL || !endpoint_counts(endpoint, fault))
			continue;
		slice->usable = true;
		node = tree_text(endpoint, "nodeName", fault);
		if (node != NULL)
			names[used++] = node;
	}
	slice_pack(slice, names, used);
	free(names);
}

struct object *
slice_read(struct json_object *root, struct fault *fault)
{
	struct object_slice *slice = k8s_alloc(sizeof(*slice));
	struct json_object *meta = tree_map(root, "metadata", fault);
	const char *space = tree_text(meta, "namespace", fault);
	const char *service =
	    tree_text(tree_map(meta, "labels", fault), LABEL_SERVICE, fault);

	if (tree_name_is_good(service))
		slice->service =
		    k8s_join(space == NULL ? "default" : space, service);
	slice_read_endpoints(slice, root, fault);
	return &slice->object;
}

void
slice_free(struct object *object)
{
	struct object_slice *slice = (struct object_slice *)(void *)object;

	free(slice->service);
	free(slice->nodes);
}

bool
slice_equal(const struct object *a, const struct object *b)
{
	const struct object_slice *x = (const void *)a, *y = (const void *)b;

	return k8s_equal(x->service, y->service) && x->usable == y->usable &&
	       x->nodes_len == y->nodes_len &&
	       (x->nodes_len == 0 ||
		   memcmp(x->nodes, y->nodes, x->nodes_len) == 0);
}

/* Service ----------------------------------------------------------------------------- */

/* An annotation by either prefix; the new one wins when it is there at all. */
static const char *
annotation(struct json_object *meta, const char *name, struct fault *fault)
{
	static const char *const prefixes[] = { "metallb.io",
		"metallb.universe.tf" };
	struct json_object *map = tree_map(meta, "annotations", fault);
	char key[80];
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		snprintf(key, sizeof(key), "%s/%s", prefixes[i], name);
		if (map != NULL && json_object_object_get_ex(map, key, NULL))
			return tree_text(map, key, fault);
	}
	return NULL;
}

/* A copy; NULL where it is absent or empty. */
static char *
copy_said(const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : k8s_copy(text);
}

static void
service_read_ports(
    struct object_service *s, struct json_object *spec, struct fault *fault)
{
	static const char *const protocols[] = { "TCP", "UDP", "SCTP" };
	struct json_object *list, *entry, *number;
	const char *protocol;
	size_t i, k, n = tree_list(spec, "ports", fault, &list);

	if (n > PORTS_MAX)
		tree_fault(fault, "ports", "fewer");
	if (n == 0 || n > PORTS_MAX)
		return;
	s->ports = k8s_alloc(n * sizeof(s->ports[0]));
	for (i = 0; i < n; i++) {
		entry = tree_entry(list, i, "ports", fault);
		number = tree_member(entry, "port", json_type_int, fault);
		protocol = tree_text(entry, "protocol", fault);
		for (k = 0; k < 3; k++) {
			if (strcmp(protocol == NULL ? "TCP" : protocol,
				protocols[k]) == 0)
				break;
		}
		if (k == 3)
			tree_fault(fault, "protocol", "TCP, UDP or SCTP");
		if (number == NULL || json_object_get_int64(number) < 1 ||
		    json_object_get_int64(number) > 65535)
			tree_fault(fault, "port", "1 to 65535");
		s->ports[s->port_count].protocol = (uint8_t)k;
		s->ports[s->port_count++].number =
		    number == NULL ? 0 : (uint16_t)json_object_get_int(number);
	}
}

/* "key=value,..." in the order of the keys: who shares must select the same. */
static void
service_read_selector(
    struct object_service *s, struct json_object *spec, struct fault *fault)
{
	struct json_object *map = tree_map(spec, "selector", fault);
	size_t i, n = 0, len = 1;
	const char **keys, *value;
	char *p;

	if (map == NULL)
		return;
	keys = k8s_alloc(
	    ((size_t)json_object_object_length(map) + 1) * sizeof(keys[0]));
	json_object_object_foreach(map, key, unused)
	{
		(void)unused;
		value = tree_text(map, key, fault);
		keys[n++] = key;
		len += strlen(key) + strlen(value == NULL ? "" : value) + 2;
	}
	qsort(keys, n, sizeof(keys[0]), name_compare);
	p = s->selector = k8s_alloc(len);
	for (i = 0; i < n; i++) {
		value = tree_text(map, keys[i], fault);
		p += snprintf(p, len - (size_t)(p - s->selector), "%s%s=%s",
		    i > 0 ? "," : "", keys[i], value == NULL ? "" : value);
	}
	free(keys);
}

/* One address per family at most; anything else counts as none. */
static void
service_read_ingress(
    struct object_service *s, struct json_object *status, struct fault *fault)
{
	struct json_object *list, *entry;
	size_t i, n;

	n = tree_list(
	    tree_map(status, "loadBalancer", fault), "ingress", fault, &list);
	s->status_seen = n > 0;
	if (n > SERVICE_IPS)
		return;
	for (i = 0; i < n; i++) {
		entry = tree_entry(list, i, "ingress", fault);
		if (!tree_addr(tree_text(entry, "ip", fault), &s->status[i])) {
			s->status_count = 0;
			return;
		}
		s->status_count++;
	}
	if (n == 2 && s->status[0].family == s->status[1].family)
		s->status_count = 0;
}

/* What others say of the Service is kept, for a patch replaces the list. */
static void
conditions_keep(struct object_service *s, struct json_object *condition)
{
	const char *text =
	    json_object_to_json_string_ext(condition, JSON_C_TO_STRING_PLAIN);
	size_t len = s->conditions == NULL ? 0 : strlen(s->conditions) + 1;

	s->conditions = k8s_grow(s->conditions, len + strlen(text) + 1);
	if (len > 0)
		s->conditions[len - 1] = ',';
	strcpy(s->conditions + len, text);
}

/* Seconds; 0: not said, or no time. */
static int64_t
condition_since(struct json_object *condition, struct fault *fault)
{
	const char *text = tree_text(condition, "lastTransitionTime", fault);
	int64_t since = 0;

	return text != NULL && stamp_read(text, &since) ? since : 0;
}

static void
service_read_conditions(
    struct object_service *s, struct json_object *status, struct fault *fault)
{
	struct json_object *list, *entry;
	const char *type, *value;
	enum condition said;
	size_t i, n = tree_list(status, "conditions", fault, &list);

	for (i = 0; i < n; i++) {
		entry = tree_entry(list, i, "conditions", fault);
		type = tree_text(entry, "type", fault);
		value = tree_text(entry, "status", fault);
		if (type == NULL || value == NULL)
			continue;
		said = strcmp(value, "True") == 0 ? CONDITION_TRUE
						  : CONDITION_FALSE;
		if (strcmp(type, CONDITION_ALLOCATED) == 0) {
			s->allocated = (uint8_t)said;
			s->allocated_since = condition_since(entry, fault);
			free(s->allocated_why);
			s->allocated_why =
			    copy_said(tree_text(entry, "message", fault));
		} else if (strcmp(type, CONDITION_CONFLICT) == 0) {
			s->conflict = (uint8_t)said;
			s->conflict_since = condition_since(entry, fault);
			free(s->conflict_why);
			s->conflict_why =
			    copy_said(tree_text(entry, "message", fault));
		} else
			conditions_keep(s, entry);
	}
}

static void
service_read_families(
    struct object_service *s, struct json_object *spec, struct fault *fault)
{
	const char *policy = tree_text(spec, "ipFamilyPolicy", fault), *word;
	struct json_object *list;
	size_t i, n = tree_list(spec, "ipFamilies", fault, &list);

	s->both = k8s_equal(policy, "RequireDualStack");
	for (i = 0; i < n && i < SERVICE_IPS; i++) {
		word =
		    json_object_get_string(json_object_array_get_idx(list, i));
		if (word == NULL ||
		    (strcmp(word, "IPv4") != 0 && strcmp(word, "IPv6") != 0))
			tree_fault(fault, "ipFamilies", "IPv4 or IPv6");
		else
			s->families[s->family_count++] = word[3] == '4' ? 4 : 6;
	}
	if (s->family_count == 2 && s->families[0] == s->families[1])
		s->family_count = 1;
}

static const char *
text_or(struct json_object *map, const char *key, struct fault *fault)
{
	const char *text = tree_text(map, key, fault);

	return text == NULL ? "" : text;
}

static void
service_read_meta(
    struct object_service *s, struct json_object *meta, struct fault *fault)
{
	const char *created = tree_text(meta, "creationTimestamp", fault);

	snprintf(s->uid, sizeof(s->uid), "%s", text_or(meta, "uid", fault));
	snprintf(s->version, sizeof(s->version), "%s",
	    text_or(meta, "resourceVersion", fault));
	if (created != NULL)
		stamp_read(created, &s->created);
	s->pool = copy_said(annotation(meta, "address-pool", fault));
	s->sharing = copy_said(annotation(meta, "allow-shared-ip", fault));
	s->wanted = copy_said(annotation(meta, "loadBalancerIPs", fault));
}

struct object *
service_read(struct json_object *root, struct fault *fault)
{
	struct object_service *s = k8s_alloc(sizeof(*s));
	struct json_object *spec = tree_map(root, "spec", fault);
	struct json_object *status = tree_map(root, "status", fault);
	const char *type = tree_text(spec, "type", fault), *policy;

	s->balancer = k8s_equal(type, "LoadBalancer");
	if (!s->balancer)
		return &s->object;
	service_read_meta(s, tree_map(root, "metadata", fault), fault);
	if (s->wanted == NULL)
		s->wanted = copy_said(tree_text(spec, "loadBalancerIP", fault));
	s->class = copy_said(tree_text(spec, "loadBalancerClass", fault));
	policy = tree_text(spec, "externalTrafficPolicy", fault);
	s->local = k8s_equal(policy, "Local");
	if (s->local)
		service_read_selector(s, spec, fault);
	service_read_ports(s, spec, fault);
	service_read_families(s, spec, fault);
	service_read_ingress(s, status, fault);
	service_read_conditions(s, status, fault);
	return &s->object;
}

void
service_free(struct object *object)
{
	struct object_service *s = (struct object_service *)(void *)object;

	free(s->class);
	free(s->ports);
	free(s->wanted);
	free(s->pool);
	free(s->sharing);
	free(s->selector);
	free(s->allocated_why);
	free(s->conflict_why);
	free(s->conditions);
}

/* The status may differ: that is what is said of it, and not asked for. */
bool
service_equal(const struct object *a, const struct object *b)
{
	const struct object_service *x = (const void *)a, *y = (const void *)b;

	return x->created == y->created && x->balancer == y->balancer &&
	       x->local == y->local && k8s_equal(x->class, y->class) &&
	       k8s_equal(x->wanted, y->wanted) && k8s_equal(x->pool, y->pool) &&
	       k8s_equal(x->sharing, y->sharing) &&
	       k8s_equal(x->selector, y->selector) && x->both == y->both &&
	       x->family_count == y->family_count &&
	       memcmp(x->families, y->families, sizeof(x->families)) == 0 &&
	       x->port_count == y->port_count &&
	       (x->port_count == 0 ||
		   memcmp(x->ports, y->ports,
		       x->port_count * sizeof(x->ports[0])) == 0);
}

bool
service_status_equal(
    const struct object_service *a, const struct object_service *b)
{
	return a->status_seen == b->status_seen &&
	       a->status_count == b->status_count &&
	       memcmp(a->status, b->status, sizeof(a->status)) == 0 &&
	       a->allocated == b->allocated && a->conflict == b->conflict &&
	       k8s_equal(a->allocated_why, b->allocated_why) &&
	       k8s_equal(a->conflict_why, b->conflict_why);
}
