/* SPDX-License-Identifier: ISC */
/* Objects as readers could have made them, by chance. */
#ifndef K8S_RANDOM_H
#define K8S_RANDOM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/k8s/k8s.h"

static inline bool
random_bool(void)
{
	return rand() % 2 == 0;
}

/* Letters that names and labels have, each sort but the first ones. */
static char *
random_word(size_t max)
{
	static const char letters[] = "abcxyz019.-_";
	size_t i, len = 1 + (size_t)rand() % max;
	char *word = k8s_alloc(len + 1);

	for (i = 0; i < len; i++)
		word[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
	return word;
}

/* Any characters of one or two bytes but NUL: others are repaired. */
static char *
random_text(size_t max)
{
	size_t i, len = (size_t)rand() % max;
	char *text = k8s_alloc(len + 1);

	for (i = 0; i < len; i++) {
		text[i] = (char)(1 + rand() % 127);
		if (random_bool() && i + 1 < len) {
			text[i++] = (char)(0xc2 + rand() % 30);
			text[i] = (char)(0x80 + rand() % 64);
		}
	}
	return text;
}

/* NULL or not empty. */
static char *
random_said(size_t max)
{
	char *text = random_bool() ? NULL : random_text(max);

	if (text != NULL && text[0] == '\0') {
		free(text);
		return NULL;
	}
	return text;
}

static void
random_addr(struct bgpd_addr *addr, int family)
{
	size_t i;

	memset(addr, 0, sizeof(*addr));
	addr->family = (uint8_t)family;
	for (i = 0; i < (family == 4 ? 4 : 16); i++)
		addr->bytes[i] = (uint8_t)(rand() % 4 == 0 ? 0 : rand());
}

static void
random_data(struct object_data *data)
{
	char key[16];
	size_t i, k, n = (size_t)rand() % 4;

	data->pairs = k8s_alloc((n + 1) * sizeof(data->pairs[0]));
	for (data->count = n, i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "key-%zu", i);
		data->pairs[i].key = k8s_copy(key);
		data->pairs[i].value = random_text(60);
		data->pairs[i].len = strlen(data->pairs[i].value);
		if (data->object.kind == OBJECT_SECRET)
			for (k = 0; k < data->pairs[i].len; k++)
				data->pairs[i].value[k] = (char)rand();
	}
}

static void
random_node(struct object_node *node)
{
	char key[16];
	size_t i, n = (size_t)rand() % 4;

	node->labels = k8s_alloc((n + 1) * sizeof(node->labels[0]));
	for (node->label_count = n, i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "key/%zu", i);
		node->labels[i].key = k8s_copy(key);
		node->labels[i].value = random_text(20);
	}
	if (n > 0 && random_bool()) {
		free((char *)(uintptr_t)node->labels[0].key);
		node->labels[0].key = k8s_copy(LABEL_EXCLUDE);
		node->excluded = true;
	}
	node->address_count = (uint8_t)(rand() % (NODE_ADDRESSES + 1));
	for (i = 0; i < node->address_count; i++)
		random_addr(&node->addresses[i], random_bool() ? 4 : 6);
	node->network_unavailable = random_bool();
}

static void
random_slice(struct object_slice *slice)
{
	const char *slash = strchr(slice->object.name, '/');
	size_t i, n = (size_t)rand() % 5;
	char *word, *space, *p;

	if (random_bool()) {
		word = random_word(10);
		space = k8s_copy(slice->object.name);
		space[slash - slice->object.name] = '\0';
		slice->service = k8s_join(space, word);
		free(word);
		free(space);
	}
	slice->usable = n > 0 || random_bool();
	p = slice->nodes = k8s_alloc(n * 32 + 1);
	for (i = 0; i < n; i++)
		p += snprintf(p, 32, "node-%zu-%d", i, rand() % 100) + 1;
	slice->nodes_len = (size_t)(p - slice->nodes);
}

static void
random_selector(struct object_service *s)
{
	char text[128] = "", *word;
	int i, len = 0, n = rand() % 4;

	for (i = 0; i < n; i++) {
		word = random_word(8);
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "%sapp/%d=%s", i > 0 ? "," : "", i,
		    random_bool() ? word : "");
		free(word);
	}
	s->selector = k8s_copy(text);
}

static void
random_families(struct object_service *s)
{
	uint8_t i;

	s->both = random_bool();
	s->family_count = (uint8_t)(rand() % 3);
	for (i = 0; i < s->family_count; i++)
		s->families[i] = random_bool() ? 4 : 6;
	if (s->family_count == 2 && s->families[0] == s->families[1])
		s->family_count = 1;
	s->status_count = (uint8_t)(rand() % 3);
	for (i = 0; i < s->status_count; i++)
		random_addr(&s->status[i], i == 0 ? 4 : 6);
	s->status_seen = s->status_count > 0 || random_bool();
}

/* What others say is kept as json-c prints it. */
static void
random_conditions(struct object_service *s)
{
	s->allocated = (uint8_t)(rand() % 3);
	if (s->allocated != CONDITION_UNSAID)
		s->allocated_why = random_said(40);
	s->conditions = random_bool()
			    ? NULL
			    : k8s_copy("{\"type\":\"a\\/b\",\"status\":"
				       "\"True\",\"n\":[1,{}]},{\"type\":"
				       "\"c\",\"status\":\"False\"}");
	s->conflict = (uint8_t)(rand() % 3);
}

static void
random_service(struct object_service *s)
{
	size_t i;

	s->balancer = rand() % 8 != 0;
	if (!s->balancer)
		return;
	if (random_bool())
		snprintf(s->uid, sizeof(s->uid), "%08x-89ab-cdef-0123-%012x",
		    rand(), rand());
	if (random_bool())
		snprintf(s->version, sizeof(s->version), "%d", rand());
	s->created = random_bool() ? 0 : 1 + rand();
	s->local = random_bool();
	s->class = random_said(20);
	s->wanted = random_said(20);
	s->pool = random_said(20);
	s->sharing = random_said(20);
	if (s->local && random_bool())
		random_selector(s);
	s->port_count = (size_t)rand() % 4;
	s->ports = k8s_alloc((s->port_count + 1) * sizeof(s->ports[0]));
	for (i = 0; i < s->port_count; i++) {
		s->ports[i].number = (uint16_t)(1 + rand() % 65535);
		s->ports[i].protocol = (uint8_t)(rand() % 3);
	}
	random_families(s);
	random_conditions(s);
}

/* Its name is made of the number. To be freed. */
static struct object *
random_object(enum object_kind kind, int number)
{
	static const size_t sizes[OBJECT_KINDS] = {
		[OBJECT_CONFIG_MAP] = sizeof(struct object_data),
		[OBJECT_NODE] = sizeof(struct object_node),
		[OBJECT_SECRET] = sizeof(struct object_data),
		[OBJECT_SERVICE] = sizeof(struct object_service),
		[OBJECT_SLICE] = sizeof(struct object_slice),
	};
	struct object *object = k8s_alloc(sizes[kind]);
	char name[48];

	snprintf(name, sizeof(name),
	    kind == OBJECT_NODE ? "node-%d" : "space-1/name-%d", number);
	object->kind = (uint8_t)kind;
	object->name = k8s_copy(name);
	if (kind == OBJECT_NODE)
		random_node((void *)object);
	else if (kind == OBJECT_SLICE)
		random_slice((void *)object);
	else if (kind == OBJECT_SERVICE)
		random_service((void *)object);
	else
		random_data((void *)object);
	return object;
}

#endif
