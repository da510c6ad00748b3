/* SPDX-License-Identifier: ISC */
/* Objects as JSON of Kubernetes' shape, with what the readers of them use. */

/*
 * The other direction of object.c and service.c: object_read makes an equal
 * object of what is printed. What a reader takes from several places is printed
 * where it looks first: addresses that are asked for as an annotation, both
 * prefixes of annotations as the new one.
 */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "k8s.h"
#include "text.h"

/* A member that is text as it stands. */
struct print_row {
	const char *key;
	size_t offset; /* of a char *, which may be NULL */
};
#define ROW(key, type, field)                                                  \
	{                                                                      \
		key, offsetof(struct type, field)                              \
	}
#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

static void
rows_print(const void *object, const struct print_row *rows, size_t n,
    struct text *out)
{
	const char *value;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&value, (const char *)object + rows[i].offset,
		    sizeof(value));
		text_string(out, rows[i].key, value);
	}
}

/* Opens the metadata, for more to follow. */
static size_t
meta_open(const struct object *object, struct text *out)
{
	const char *slash = strchr(object->name, '/');
	size_t mark = text_open(out, "metadata", '{');

	if (slash != NULL) {
		text_bytes(out, "namespace", object->name,
		    (size_t)(slash - object->name));
	}
	text_string(out, "name", slash == NULL ? object->name : slash + 1);
	return mark;
}

static void
said_print(const char *key, const char *value, struct text *out)
{
	if (value[0] != '\0')
		text_string(out, key, value);
}

static void
address_print(const struct bgpd_addr *addr, const char *key, struct text *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, text,
	    sizeof(text));
	text_string(out, key, text);
}

/* ConfigMap, Secret ------------------------------------------------------------- */

static void
data_print(const struct object *object, struct text *out)
{
	const struct object_data *data = (const void *)object;
	size_t mark = meta_open(object, out), i;
	const struct object_pair *pair;

	text_close_or_drop(out, mark, '}');
	mark = text_open(out, "data", '{');
	for (i = 0; i < data->count; i++) {
		pair = &data->pairs[i];
		if (object->kind == OBJECT_SECRET)
			text_base64(out, pair->key, pair->value, pair->len);
		else
			text_bytes(out, pair->key, pair->value, pair->len);
	}
	text_close_or_drop(out, mark, '}');
}

/* Node ---------------------------------------------------------------------------- */

static void
node_print(const struct object *object, struct text *out)
{
	const struct object_node *node = (const void *)object;
	size_t mark = meta_open(object, out), list, entry, i;

	said_print("uid", node->uid, out);
	list = text_open(out, "labels", '{');
	for (i = 0; i < node->label_count; i++)
		text_string(out, node->labels[i].key, node->labels[i].value);
	text_close_or_drop(out, list, '}');
	text_close_or_drop(out, mark, '}');
	mark = text_open(out, "status", '{');
	list = text_open(out, "addresses", '[');
	for (i = 0; i < node->address_count; i++) {
		entry = text_open(out, NULL, '{');
		text_string(out, "type", "InternalIP");
		address_print(&node->addresses[i], "address", out);
		text_close_or_drop(out, entry, '}');
	}
	text_close_or_drop(out, list, ']');
	if (node->network_unavailable)
		text_raw(out, "conditions",
		    "[{\"type\":\"NetworkUnavailable\",\"status\":\"True\"}]");
	text_close_or_drop(out, mark, '}');
}

/* EndpointSlice --------------------------------------------------------------------- */

/* One endpoint for each node; one that counts on no node has none. */
static void
slice_print(const struct object *object, struct text *out)
{
	const struct object_slice *slice = (const void *)object;
	size_t mark = meta_open(object, out), list, entry;
	const char *node = slice->nodes;

	if (slice->service != NULL) {
		list = text_open(out, "labels", '{');
		text_string(
		    out, LABEL_SERVICE, strchr(slice->service, '/') + 1);
		text_close_or_drop(out, list, '}');
	}
	text_close_or_drop(out, mark, '}');
	if (!slice->usable)
		return;
	list = text_open(out, "endpoints", '[');
	if (slice->nodes_len == 0)
		text_add_word(out, "{}");
	for (; slice->nodes_len > 0 && node < slice->nodes + slice->nodes_len;
	     node += strlen(node) + 1) {
		entry = text_open(out, NULL, '{');
		text_string(out, "nodeName", node);
		text_close_or_drop(out, entry, '}');
	}
	text_close_or_drop(out, list, ']');
}

/* Service ------------------------------------------------------------------------------ */

static const struct print_row annotation_rows[] = {
	ROW("metallb.io/address-pool", object_service, pool),
	ROW("metallb.io/allow-shared-ip", object_service, sharing),
	ROW("metallb.io/loadBalancerIPs", object_service, wanted),
};

static const struct print_row spec_rows[] = {
	ROW("loadBalancerClass", object_service, class),
};

/* What is "" when it was not said. */
static void
service_print_meta(const struct object_service *s, struct text *out)
{
	size_t mark = meta_open(&s->object, out), list;
	char stamp[STAMP_LEN] = "";

	said_print("uid", s->uid, out);
	said_print("resourceVersion", s->version, out);
	if (s->created != 0)
		stamp_print(stamp, s->created);
	said_print("creationTimestamp", stamp, out);
	list = text_open(out, "annotations", '{');
	rows_print(s, ROWS(annotation_rows), out);
	text_close_or_drop(out, list, '}');
	text_close_or_drop(out, mark, '}');
}

/* "key=value,...", where neither has any of the two signs. */
static void
service_print_selector(const char *selector, struct text *out)
{
	const char *equal, *end;

	text_open(out, "selector", '{');
	for (; *selector != '\0'; selector = end + (*end == ',')) {
		end = selector + strcspn(selector, ",");
		equal = memchr(selector, '=', (size_t)(end - selector));
		if (equal == NULL)
			equal = end;
		text_bytes(out, NULL, selector, (size_t)(equal - selector));
		text_add_word(out, ":");
		equal += equal < end;
		text_add_quoted(out, equal, (size_t)(end - equal));
	}
	text_close(out, '}');
}

static void
service_print_ports(const struct object_service *s, struct text *out)
{
	static const char *const protocols[] = { [PROTOCOL_TCP] = NULL,
		[PROTOCOL_UDP] = "UDP",
		[PROTOCOL_SCTP] = "SCTP" };
	size_t list = text_open(out, "ports", '['), entry, i;

	for (i = 0; i < s->port_count; i++) {
		entry = text_open(out, NULL, '{');
		text_number(out, "port", s->ports[i].number);
		text_string(out, "protocol", protocols[s->ports[i].protocol]);
		text_close_or_drop(out, entry, '}');
	}
	text_close_or_drop(out, list, ']');
}

/* Also one that was said twice, which does not count. */
static void
service_print_families(const struct object_service *s, struct text *out)
{
	size_t list, i;

	if (s->both)
		text_string(out, "ipFamilyPolicy", "RequireDualStack");
	list = text_open(out, "ipFamilies", '[');
	for (i = 0; i < SERVICE_IPS && s->families[i] != 0; i++)
		text_string(out, NULL, s->families[i] == 4 ? "IPv4" : "IPv6");
	text_close_or_drop(out, list, ']');
}

/* Something that is no address is no entry that says one. */
static void
service_print_ingress(const struct object_service *s, struct text *out)
{
	size_t mark, list, entry, i;

	mark = text_open(out, "loadBalancer", '{');
	list = text_open(out, "ingress", '[');
	for (i = 0; i < s->status_count; i++) {
		entry = text_open(out, NULL, '{');
		address_print(&s->status[i], "ip", out);
		text_close_or_drop(out, entry, '}');
	}
	if (s->status_seen && s->status_count == 0)
		text_add_word(out, "{}");
	text_close_or_drop(out, list, ']');
	text_close_or_drop(out, mark, '}');
}

static void
condition_print(const char *type, uint8_t said, const char *message,
    int64_t since, struct text *out)
{
	char stamp[STAMP_LEN];
	size_t entry;

	if (said == CONDITION_UNSAID)
		return;
	entry = text_open(out, NULL, '{');
	text_string(out, "type", type);
	text_string(out, "status", said == CONDITION_TRUE ? "True" : "False");
	text_string(out, "message", message);
	if (since != 0) {
		stamp_print(stamp, since);
		text_string(out, "lastTransitionTime", stamp);
	}
	text_close_or_drop(out, entry, '}');
}

static void
service_print_status(const struct object_service *s, struct text *out)
{
	size_t mark = text_open(out, "status", '{'), list;

	service_print_ingress(s, out);
	list = text_open(out, "conditions", '[');
	condition_print(CONDITION_ALLOCATED, s->allocated, s->allocated_why,
	    s->allocated_since, out);
	condition_print(CONDITION_CONFLICT, s->conflict, s->conflict_why,
	    s->conflict_since, out);
	if (s->conditions != NULL)
		text_raw(out, NULL, s->conditions);
	text_close_or_drop(out, list, ']');
	text_close_or_drop(out, mark, '}');
}

static void
service_print(const struct object *object, struct text *out)
{
	const struct object_service *s = (const void *)object;
	size_t mark;

	if (!s->balancer) {
		text_close_or_drop(out, meta_open(object, out), '}');
		return;
	}
	service_print_meta(s, out);
	mark = text_open(out, "spec", '{');
	text_string(out, "type", "LoadBalancer");
	rows_print(s, ROWS(spec_rows), out);
	if (s->local)
		text_string(out, "externalTrafficPolicy", "Local");
	if (s->selector != NULL)
		service_print_selector(s->selector, out);
	service_print_ports(s, out);
	service_print_families(s, out);
	text_close_or_drop(out, mark, '}');
	service_print_status(s, out);
}

/* Every kind ------------------------------------------------------------------------- */

static void (*const printers[OBJECT_KINDS])(
    const struct object *, struct text *) = {
	[OBJECT_CONFIG_MAP] = data_print,
	[OBJECT_NODE] = node_print,
	[OBJECT_SECRET] = data_print,
	[OBJECT_SERVICE] = service_print,
	[OBJECT_SLICE] = slice_print,
};

void
object_print(const struct object *object, struct text *out)
{
	text_add_word(out, "{");
	printers[object->kind](object, out);
	text_close(out, '}');
}
