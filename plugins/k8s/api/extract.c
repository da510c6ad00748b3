/* SPDX-License-Identifier: ISC */
/* What of a list's or a watch's bytes is wanted, and goes to json-c. */

/*
 * What belongs to a value that is wanted is staged and goes to json-c in long
 * runs, because every call of it costs as much as a hundred bytes; what is named
 * in `skip` is read past, and of what a watch says is deleted, all but the
 * metadata. Nothing is held but the value under way, and that is bounded by
 * bytes and, since a tree is larger than its text, by nodes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "extract.h"

#define VALUE_MAX  (8 * 1024 * 1024) /* bytes that are kept of a value */
#define NODES_MAX  131072	     /* values inside it */
#define VALUE_DEEP 64		     /* deeper ones are passed over */
#define TOKEN_LONG (256 * 1024) /* json-c is not to hold more than this idle */

/* It is too much: what json-c has of it goes at once. */
static void
value_drop(struct stream *s)
{
	s->over = true;
	s->staged = 0;
	json_object_put(s->root);
	s->root = NULL;
	json_tokener_reset(s->tok);
}

static void
value_parse(struct stream *s, const char *data, size_t len)
{
	enum json_tokener_error error;

	s->root = json_tokener_parse_ex(s->tok, data, (int)len);
	error = json_tokener_get_error(s->tok);
	/* The grammar is right: what json-c refuses is too deep for it. */
	if (error != json_tokener_success && error != json_tokener_continue)
		value_drop(s);
}

static void
value_flush(struct stream *s)
{
	size_t len = s->staged;

	s->staged = 0;
	if (len > 0)
		value_parse(s, s->stage, len);
}

static void
value_keep(struct stream *s, const char *data, size_t len)
{
	if (s->over)
		return;
	s->kept += len;
	if (s->kept > VALUE_MAX || s->nodes > NODES_MAX) {
		value_drop(s);
		return;
	}
	if (len > STAGE - s->staged)
		value_flush(s);
	if (len > STAGE && !s->over)
		value_parse(s, data, len);
	else if (!s->over) {
		memcpy(s->stage + s->staged, data, len);
		s->staged += len;
	}
}

/* What has been read up to here, since the run began, is kept. */
void
extract_run_end(struct stream *s, const char *end)
{
	if (s->run != NULL)
		value_keep(s, s->run, (size_t)(end - s->run));
	s->run = NULL;
}

/* It goes to who wants it; a null is no value. */
static void
value_tell(struct stream *s)
{
	struct json_object *root;
	const char *name = s->form == STREAM_WATCH ? NULL : s->member;

	value_flush(s);
	/* A number ends with what follows it: json-c is told that it has. */
	if (!s->over && s->root == NULL &&
	    json_tokener_get_error(s->tok) == json_tokener_continue)
		value_parse(s, "", 1);
	root = s->root;
	s->root = NULL;
	s->inside = false;
	if (s->kept > TOKEN_LONG) {
		json_tokener_free(s->tok);
		s->tok = json_tokener_new_ex(VALUE_DEEP);
	}
	if (root != NULL || s->over)
		s->on_value(s->arg, name, root);
	json_object_put(root);
}

static bool
word_is(const char *word, size_t len, const char *other)
{
	return strlen(other) == len && memcmp(word, other, len) == 0;
}

/* Is the name that was just read one of those to be skipped? */
static bool
name_is_skipped(const struct stream *s, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < s->skips; i++) {
		if (s->skip[i].len == len &&
		    memcmp(s->skip[i].name, name, len) == 0)
			return true;
	}
	return false;
}

/* A list: is what begins here wanted? -1: told what is wrong. */
static int
list_wants(struct stream *s, const char *p)
{
	if (s->depth == 0) {
		if (*p == '{')
			return 0;
		stream_fault(s, p, "the { of a list");
		return -1;
	}
	if (s->depth == 2)
		return s->in_items;
	if (s->depth != 1 || strcmp(s->member, "items") != 0)
		return s->depth == 1;
	s->in_items = *p == '[';
	if (s->in_items || *p == 'n')
		return 0;
	stream_fault(s, p, "a list of items");
	return -1;
}

/* A value begins at p. 0; -1: told what is wrong. */
int
extract_begin(struct stream *s, const char *p)
{
	bool skip = s->named_skip;
	int wanted;

	s->named_skip = false;
	if (s->skipping)
		return 0;
	if (s->inside) {
		s->nodes++;
		if (!skip)
			return 0;
		extract_run_end(s, p);
		value_keep(s, "null", 4);
		s->skipping = true;
		s->skip_from = s->depth;
		return 0;
	}
	wanted = s->form == STREAM_WATCH ? s->depth == 0 : list_wants(s, p);
	if (wanted != 1)
		return wanted;
	s->inside = true;
	s->over = s->type = s->deleted = false;
	s->from = s->depth;
	s->kept = s->nodes = 0;
	s->run = p;
	return 0;
}

/* A value ended before p. */
void
extract_end(struct stream *s, const char *p)
{
	s->at = AT_NEXT;
	if (s->skipping) {
		if (s->depth == s->skip_from) {
			s->skipping = false;
			s->run = p;
		}
	} else if (s->inside && s->depth == s->from) {
		extract_run_end(s, p);
		value_tell(s);
	}
	if (s->depth > 0)
		return;
	/* A text of a watch follows a text; behind a list is nothing. */
	s->at = s->form == STREAM_WATCH ? AT_VALUE : AT_NEXT;
	s->ended = s->form == STREAM_LIST;
}

void
extract_name(struct stream *s, const char *name, size_t len)
{
	if (s->form == STREAM_WATCH && s->depth == 1)
		s->type = word_is(name, len, "type");
	s->named_skip = s->inside && (name_is_skipped(s, name, len) ||
					 (s->deleted && s->depth == 2 &&
					     !word_is(name, len, "metadata")));
	if (!s->inside)
		snprintf(s->member, NAME_ROOM, "%.*s", (int)len, name);
}

bool
extract_asks(const struct stream *s)
{
	return s->type && s->depth == 1;
}

void
extract_text(struct stream *s, const char *text, size_t len)
{
	s->deleted = word_is(text, len, "DELETED");
}

void
extract_open(struct stream *s)
{
	s->tok = json_tokener_new_ex(VALUE_DEEP);
	if (s->tok == NULL)
		abort();
}

void
extract_close(struct stream *s)
{
	json_object_put(s->root);
	json_tokener_free(s->tok);
}
