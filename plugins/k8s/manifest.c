/* SPDX-License-Identifier: ISC */
/* One file of manifests to objects: documents, lists, faults by line and name. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "k8s.h"

#define ITEMS_MAX 1000000
#define DEPTH_MAX 64

/* An object, or what is wrong with one. */
struct manifest_item {
	TAILQ_ENTRY(manifest_item) link;
	struct object *object; /* NULL: it is a fault */
	enum object_kind kind;
	char *name;
	struct fault fault;
};

static void
manifest_add_fault(struct manifest *m, enum object_kind kind, char *name,
    unsigned line, const char *text)
{
	struct manifest_item *item = k8s_alloc(sizeof(*item));

	item->kind = kind;
	item->name = name;
	item->fault.line = line;
	snprintf(item->fault.text, sizeof(item->fault.text), "%s", text);
	TAILQ_INSERT_TAIL(&m->items, item, link);
}

static void
manifest_add(struct manifest *m, struct json_object *root, unsigned line)
{
	enum object_kind kind = object_kind_find(root);
	struct manifest_item *item;
	struct object *object;
	struct fault fault;
	char *name;

	if (kind == OBJECT_KINDS)
		return;
	object = object_read(kind, root, &name, &fault);
	if (object == NULL) {
		manifest_add_fault(m, kind, name, line, fault.text);
		return;
	}
	/* A fault's room is not held for what has none. */
	item = k8s_alloc(offsetof(struct manifest_item, fault));
	item->object = object;
	TAILQ_INSERT_TAIL(&m->items, item, link);
}

/* `kind: List`, and the ServiceList and so on that kubectl never prints. */
static bool
is_list(struct json_object *root)
{
	struct fault ignored = { 0, "" };
	const char *kind = tree_text(root, "kind", &ignored);
	size_t len = kind == NULL ? 0 : strlen(kind);

	return len >= 4 && strcmp(kind + len - 4, "List") == 0;
}

static void
on_document(void *arg, struct json_object *root)
{
	struct manifest *m = arg;
	struct json_object *items, *item;
	struct fault fault = { 0, "" };
	unsigned line = yaml_line(root) > 0 ? yaml_line(root) : m->line;
	size_t i, n;

	if (root == NULL)
		return;
	if (!json_object_is_type(root, json_type_object)) {
		manifest_add_fault(
		    m, OBJECT_KINDS, NULL, line, "not a Kubernetes object");
		return;
	}
	if (!is_list(root)) {
		manifest_add(m, root, line);
		return;
	}
	n = tree_list(root, "items", &fault, &items);
	for (i = 0; i < n && i < ITEMS_MAX; i++) {
		item = tree_entry(items, i, "items", &fault);
		if (item != NULL)
			manifest_add(m, item,
			    yaml_line(item) > 0 ? yaml_line(item) : line);
	}
	if (fault.text[0] != '\0')
		manifest_add_fault(m, OBJECT_KINDS, NULL, line, fault.text);
}

/* JSON documents one behind the other: 0, or -1 and *fault. */
static int
json_read(struct manifest *m, const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *root;
	enum json_tokener_error error = json_tokener_success;
	size_t at = 0, before = 0;

	m->line = 1;
	for (;;) {
		while (at < len && strchr(" \t\r\n", text[at]) != NULL)
			at++;
		for (; before < at; before++)
			m->line += text[before] == '\n';
		if (at >= len || len - at > INT32_MAX)
			break;
		json_tokener_reset(tokener);
		root =
		    json_tokener_parse_ex(tokener, text + at, (int)(len - at));
		error = json_tokener_get_error(tokener);
		at += json_tokener_get_parse_end(tokener);
		if (error != json_tokener_success)
			break;
		on_document(m, root);
		json_object_put(root);
	}
	json_tokener_free(tokener);
	if (error == json_tokener_success)
		return 0;
	for (; before < at && before < len; before++)
		m->line += text[before] == '\n';
	m->fault.line = m->line;
	snprintf(m->fault.text, sizeof(m->fault.text), "%s",
	    error == json_tokener_continue ? "ends in the middle"
					   : json_tokener_error_desc(error));
	return -1;
}

static void
item_free(struct manifest *m, struct manifest_item *item)
{
	TAILQ_REMOVE(&m->items, item, link);
	object_free(item->object);
	free(item->name);
	free(item);
}

/*
 * Reads a whole file. 0: hand it to manifest_tell, which frees it. -1: it is
 * not YAML (JSON), m->fault says where, and nothing is held.
 */
int
manifest_read(struct manifest *m, const char *text, size_t len, bool is_json)
{
	int rc;

	memset(m, 0, sizeof(*m));
	TAILQ_INIT(&m->items);
	if (is_json)
		rc = json_read(m, text, len);
	else
		rc = yaml_read(text, len, on_document, m, &m->fault);
	while (rc == -1 && !TAILQ_EMPTY(&m->items))
		item_free(m, TAILQ_FIRST(&m->items));
	return rc;
}

/* Every object (given away) and every fault, in the order of the file. */
void
manifest_tell(struct manifest *m, void (*on_object)(void *, struct object *),
    void (*on_fault)(void *, const struct manifest_fault *), void *arg)
{
	struct manifest_fault fault;
	struct manifest_item *item;

	while ((item = TAILQ_FIRST(&m->items)) != NULL) {
		if (item->object != NULL) {
			on_object(arg, item->object);
			item->object = NULL;
		} else {
			fault.line = item->fault.line;
			fault.kind = item->kind;
			fault.name = item->name;
			fault.text = item->fault.text;
			on_fault(arg, &fault);
		}
		item_free(m, item);
	}
}
