/* SPDX-License-Identifier: ISC */
/* A source of the plugin k8s that tells what a test says, and when. */
#ifndef FAKE_SOURCE_H
#define FAKE_SOURCE_H

#include <json-c/json.h>

#include "../../plugins/k8s/k8s.h"
#include "fake_state.h"

#define SPACE "metallb-system"

static struct source source;
static const struct source_sink *sink; /* NULL: it is closed */
static void *sink_arg;

/* What the kind of a test opens; it may have more calls than these three. */
static struct source *
source_begin(
    const struct source_kind *kind, const struct source_sink *to, void *arg)
{
	source.kind = kind;
	sink = to;
	sink_arg = arg;
	return &source;
}

static void
source_close(struct source *s)
{
	(void)s;
	sink = NULL;
}

static const char *
source_state(const struct source *s)
{
	(void)s;
	return "fake";
}

__attribute__((format(printf, 2, 3))) static void
tell(enum object_kind kind, const char *format, ...)
{
	char text[4096], *key;
	struct json_object *root;
	struct object *object;
	struct fault fault;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	root = json_tokener_parse(text);
	assert_non_null(root);
	object = object_read(kind, root, &key, &fault);
	assert_non_null(object);
	json_object_put(root);
	sink->on_object(sink_arg, object);
}

static void
all_is_told(void)
{
	sink->on_batch(sink_arg, true);
}

#endif
