/* SPDX-License-Identifier: ISC */
/* What a verb prints: text, or JSON that is streamed as it is said. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/out.h"
#include "util/mem.h"

#define OUT_DEPTH 32

struct out {
	struct text text;
	bool json;
	unsigned depth; /* objects and arrays that are open */
	struct {
		char close;
		bool any; /* has a member already */
	} open[OUT_DEPTH];
	unsigned beyond; /* opened deeper than OUT_DEPTH: kept silent */
	bool finished;
};

struct out *
out_new(bool json)
{
	struct out *out = mem_alloc(sizeof(*out));

	out->json = json;
	return out;
}

void
out_free(struct out *out)
{
	if (out == NULL)
		return;
	text_free(&out->text);
	mem_free(out);
}

bool
out_is_json(const struct out *out)
{
	return out->json;
}

struct text *
out_text(struct out *out)
{
	return &out->text;
}

void
out_print(struct out *out, const char *format, ...)
{
	va_list ap;

	if (out->json)
		return;
	va_start(ap, format);
	text_addv(&out->text, format, ap);
	va_end(ap);
}

static void
put_string(struct out *out, const char *s)
{
	struct json_object *o = json_object_new_string(s != NULL ? s : "");

	text_add(&out->text, "%s",
	    json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* Comma, new line, indent and key; false when nothing is to be said. */
static bool
begin_member(struct out *out, const char *key)
{
	if (!out->json || out->beyond > 0 || out->finished)
		return false;
	if (out->depth > 0) {
		bool *any = &out->open[out->depth - 1].any;

		text_add(&out->text, "%s\n%*s", *any ? "," : "",
		    (int)out->depth * 2, "");
		*any = true;
	}
	if (key != NULL) {
		put_string(out, key);
		text_char(&out->text, ':');
	}
	return true;
}

static void
open_scope(struct out *out, const char *key, char open, char close)
{
	if (out->json && out->depth == OUT_DEPTH) {
		out->beyond++;
		return;
	}
	if (!begin_member(out, key))
		return;
	text_char(&out->text, open);
	out->open[out->depth].close = close;
	out->open[out->depth].any = false;
	out->depth++;
}

void
out_object(struct out *out, const char *key)
{
	open_scope(out, key, '{', '}');
}

void
out_array(struct out *out, const char *key)
{
	open_scope(out, key, '[', ']');
}

void
out_close(struct out *out)
{
	if (out->beyond > 0) {
		out->beyond--;
		return;
	}
	if (!out->json || out->depth == 0)
		return;
	out->depth--;
	if (out->open[out->depth].any)
		text_add(&out->text, "\n%*s", (int)out->depth * 2, "");
	text_char(&out->text, out->open[out->depth].close);
}

void
out_finish(struct out *out)
{
	if (!out->json || out->finished)
		return;
	while (out->depth > 0 || out->beyond > 0)
		out_close(out);
	text_char(&out->text, '\n');
	out->finished = true;
}

void
out_string(struct out *out, const char *key, const char *value)
{
	if (begin_member(out, key))
		put_string(out, value);
}

void
out_format(struct out *out, const char *key, const char *format, ...)
{
	struct text value = { 0 };
	va_list ap;

	if (!begin_member(out, key))
		return;
	va_start(ap, format);
	text_addv(&value, format, ap);
	va_end(ap);
	put_string(out, text_str(&value));
	text_free(&value);
}

void
out_int(struct out *out, const char *key, int64_t value)
{
	if (begin_member(out, key))
		text_add(&out->text, "%" PRId64, value);
}

void
out_bool(struct out *out, const char *key, bool value)
{
	if (begin_member(out, key))
		text_add(&out->text, "%s", value ? "true" : "false");
}
