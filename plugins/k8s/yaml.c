/* SPDX-License-Identifier: ISC */
/* YAML documents to trees of json-c, with the line of every mapping. */

/*
 * In: text. Out: one json_object per document, scalars by the core types of
 * YAML 1.1 as kubectl reads them. Depth and number of values are bounded; an
 * alias shares its target, so that a small file stays small.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <json-c/json.h>
#include <yaml.h>

#include "k8s.h"

#define DEPTH_MAX  64
#define VALUES_MAX 8000000
#define NUMBER_MAX 64

struct anchor {
	SLIST_ENTRY(anchor) link;
	struct json_object *value;
	char name[];
};

struct reader {
	yaml_parser_t parser;
	SLIST_HEAD(, anchor) anchors;
	struct fault *fault;
	unsigned depth;
	size_t values;
};

static int node_read(
    struct reader *r, yaml_event_t *event, struct json_object **out);

static int
reader_fail(struct reader *r, size_t line, const char *text)
{
	r->fault->line = (unsigned)line + 1;
	snprintf(r->fault->text, sizeof(r->fault->text), "%s", text);
	return -1;
}

/* The next event, to be deleted by the caller; -1: the fault is told. */
static int
event_next(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return 0;
	return reader_fail(r, r->parser.problem_mark.line,
	    r->parser.problem ? r->parser.problem : "not YAML");
}

static void
anchors_free(struct reader *r)
{
	struct anchor *a;

	while ((a = SLIST_FIRST(&r->anchors)) != NULL) {
		SLIST_REMOVE_HEAD(&r->anchors, link);
		json_object_put(a->value);
		free(a);
	}
}

static void
anchor_add(struct reader *r, const yaml_char_t *name, struct json_object *v)
{
	struct anchor *a;
	size_t len;

	if (name == NULL)
		return;
	len = strlen((const char *)name) + 1;
	a = k8s_alloc(sizeof(*a) + len);
	memcpy(a->name, name, len);
	a->value = json_object_get(v);
	SLIST_INSERT_HEAD(&r->anchors, a, link);
}

static int
alias_read(struct reader *r, yaml_event_t *event, struct json_object **out)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct anchor *a;

	SLIST_FOREACH (a, &r->anchors, link) {
		if (strcmp(a->name, name) == 0) {
			*out = json_object_get(a->value);
			return 0;
		}
	}
	return reader_fail(
	    r, event->start_mark.line, "alias to an unknown anchor");
}

/* A plain scalar that is a word of YAML 1.1: true, and *out is its value. */
static bool
word_resolve(const char *text, struct json_object **out)
{
	static const struct {
		const char *word;
		int value; /* -1: null */
	} words[] = { { "", -1 }, { "~", -1 }, { "null", -1 }, { "true", 1 },
		{ "yes", 1 }, { "on", 1 }, { "false", 0 }, { "no", 0 },
		{ "off", 0 } };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		*out = words[i].value < 0
			   ? NULL
			   : json_object_new_boolean(words[i].value);
		return true;
	}
	return false;
}

/* An integer of YAML 1.1: decimal, 0x, 0b, or octal with a leading 0. */
static bool
integer_resolve(const char *digits, struct json_object **out)
{
	bool negative = *digits == '-';
	const char *p = digits + (*digits == '-' || *digits == '+');
	unsigned long long value;
	int base = 10;
	char *end;

	if (*p < '0' || *p > '9')
		return false;
	if (p[0] == '0' && p[1] == 'x')
		base = 16;
	else if (p[0] == '0' && p[1] == 'b')
		base = 2, p += 2;
	else if (p[0] == '0' && p[1] != '\0')
		base = 8;
	if (*p < '0' || *p > '9')
		return false;
	errno = 0;
	value = strtoull(p, &end, base);
	if (*end != '\0' || errno != 0)
		return false;
	if (negative && value <= INT64_MAX)
		*out = json_object_new_int64(-(int64_t)value);
	else if (!negative && value <= INT64_MAX)
		*out = json_object_new_int64((int64_t)value);
	else if (!negative)
		*out = json_object_new_uint64(value);
	else
		return false;
	return true;
}

static bool
float_resolve(const char *text, struct json_object **out)
{
	double value;
	char *end;

	/* strtod knows words and hexadecimal: YAML 1.1 does not. */
	if (text[strspn(text, "0123456789+-.eE")] != '\0' ||
	    strpbrk(text, "0123456789") == NULL)
		return false;
	errno = 0;
	value = strtod(text, &end);
	if (*end != '\0' || errno != 0)
		return false;
	*out = json_object_new_double(value);
	return true;
}

static struct json_object *
scalar_resolve(const char *text, size_t len)
{
	struct json_object *value = NULL;
	char digits[NUMBER_MAX];
	size_t i, n = 0;

	if (len < sizeof(digits) && strlen(text) == len) {
		if (word_resolve(text, &value))
			return value;
		for (i = 0; i < len; i++) {
			if (text[i] != '_' || n == 0)
				digits[n++] = text[i];
		}
		digits[n] = '\0';
		if (integer_resolve(digits, &value) ||
		    float_resolve(digits, &value))
			return value;
	}
	return json_object_new_string_len(text, (int)len);
}

static int
scalar_read(struct reader *r, yaml_event_t *event, struct json_object **out)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	size_t len = event->data.scalar.length;

	if (len > INT32_MAX)
		return reader_fail(r, event->start_mark.line, "too long");
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (tag == NULL || strcmp(tag, YAML_STR_TAG) != 0))
		*out = scalar_resolve(text, len);
	else
		*out = json_object_new_string_len(text, (int)len);
	anchor_add(r, event->data.scalar.anchor, *out);
	return 0;
}

static int
sequence_read(struct reader *r, yaml_event_t *start, struct json_object **out)
{
	struct json_object *list = json_object_new_array(), *value;
	yaml_event_t event;
	bool end;
	int rc;

	json_object_set_userdata(
	    list, (void *)(uintptr_t)(start->start_mark.line + 1), NULL);
	for (;;) {
		if (event_next(r, &event) == -1)
			goto fail;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		rc = end ? 0 : node_read(r, &event, &value);
		yaml_event_delete(&event);
		if (end)
			break;
		if (rc == -1)
			goto fail;
		json_object_array_add(list, value);
	}
	anchor_add(r, start->data.sequence_start.anchor, list);
	*out = list;
	return 0;
fail:
	json_object_put(list);
	return -1;
}

/* `<<: *other`: what is not said here comes from there. */
static void
mapping_merge(struct json_object *map, struct json_object *from)
{
	size_t i;

	if (json_object_is_type(from, json_type_array)) {
		for (i = 0; i < json_object_array_length(from); i++)
			mapping_merge(map, json_object_array_get_idx(from, i));
		return;
	}
	if (!json_object_is_type(from, json_type_object))
		return;
	json_object_object_foreach(from, key, value)
	{
		if (!json_object_object_get_ex(map, key, NULL))
			json_object_object_add(
			    map, key, json_object_get(value));
	}
}

/* One `key: value`, of which the key is read; 1 at the end of the mapping. */
static int
pair_read(struct reader *r, struct json_object *map, struct json_object **merge)
{
	yaml_event_t key, event;
	struct json_object *value;
	const char *name;
	int rc = -1;

	if (event_next(r, &key) == -1)
		return -1;
	if (key.type == YAML_MAPPING_END_EVENT) {
		rc = 1;
		goto out;
	}
	if (key.type != YAML_SCALAR_EVENT) {
		reader_fail(r, key.start_mark.line, "a key must be a word");
		goto out;
	}
	if (event_next(r, &event) == -1)
		goto out;
	rc = node_read(r, &event, &value);
	yaml_event_delete(&event);
	if (rc == -1)
		goto out;
	name = (const char *)key.data.scalar.value;
	if (strcmp(name, "<<") == 0) {
		json_object_put(*merge);
		*merge = value;
	} else
		json_object_object_add(map, name, value);
out:
	yaml_event_delete(&key);
	return rc;
}

static int
mapping_read(struct reader *r, yaml_event_t *start, struct json_object **out)
{
	struct json_object *map = json_object_new_object(), *merge = NULL;
	int rc;

	json_object_set_userdata(
	    map, (void *)(uintptr_t)(start->start_mark.line + 1), NULL);
	while ((rc = pair_read(r, map, &merge)) == 0)
		;
	if (merge != NULL) {
		mapping_merge(map, merge);
		json_object_put(merge);
	}
	if (rc == -1) {
		json_object_put(map);
		return -1;
	}
	anchor_add(r, start->data.mapping_start.anchor, map);
	*out = map;
	return 0;
}

static int
node_read(struct reader *r, yaml_event_t *event, struct json_object **out)
{
	int rc = -1;

	*out = NULL;
	if (++r->values > VALUES_MAX || r->depth >= DEPTH_MAX)
		return reader_fail(r, event->start_mark.line,
		    r->depth >= DEPTH_MAX ? "nested too deep"
					  : "too many values");
	r->depth++;
	if (event->type == YAML_ALIAS_EVENT)
		rc = alias_read(r, event, out);
	else if (event->type == YAML_SCALAR_EVENT)
		rc = scalar_read(r, event, out);
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		rc = sequence_read(r, event, out);
	else if (event->type == YAML_MAPPING_START_EVENT)
		rc = mapping_read(r, event, out);
	else
		reader_fail(r, event->start_mark.line, "not a value");
	r->depth--;
	return rc;
}

static int
document_read(struct reader *r,
    void (*on_document)(void *, struct json_object *), void *arg)
{
	struct json_object *root;
	yaml_event_t event;
	int rc;

	if (event_next(r, &event) == -1)
		return -1;
	rc = node_read(r, &event, &root);
	yaml_event_delete(&event);
	anchors_free(r);
	if (rc == -1)
		return -1;
	on_document(arg, root);
	json_object_put(root);
	return 0;
}

/*
 * Every document of the text (NULL: an empty one), borrowed until on_document
 * returns. 0, or -1 and *fault says where it ceases to be YAML; the documents
 * before that place were told.
 */
int
yaml_read(const char *text, size_t len,
    void (*on_document)(void *arg, struct json_object *root), void *arg,
    struct fault *fault)
{
	struct reader r = { .fault = fault };
	yaml_event_t event;
	bool end = false;
	int rc = 0;

	if (!yaml_parser_initialize(&r.parser))
		return reader_fail(&r, 0, "no memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &r.parser, (const unsigned char *)text, len);
	SLIST_INIT(&r.anchors);
	while (rc == 0 && !end) {
		rc = event_next(&r, &event);
		if (rc == -1)
			break;
		if (event.type == YAML_DOCUMENT_START_EVENT)
			rc = document_read(&r, on_document, arg);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	anchors_free(&r);
	yaml_parser_delete(&r.parser);
	return rc;
}

/* The line where a mapping or list began; 0: not known. */
unsigned
yaml_line(struct json_object *value)
{
	return value == NULL
		   ? 0
		   : (unsigned)(uintptr_t)json_object_get_userdata(value);
}
