/* SPDX-License-Identifier: ISC */
/* The objects last seen, kept over a restart for when the API server is away. */

/*
 * A state file whose records are
 *
 *	+ KIND JSON	the object, as print.c has it
 *	- KIND NAME
 *
 * Of the objects nothing stays in memory: at the start they are told in slices,
 * in the order in which they came, and when the file has outgrown them the
 * owner shows them once more, one after the other by kind and name. Both go in
 * slices so short that the loop is not held up.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "k8s.h"
#include "statefile.h"
#include "text.h"

/* Only a power cut loses more than the kernel holds; the server knows it all. */
#define SYNC_MS	      30000
#define SLICE_US      2000
#define LINE_LEN_KEEP 65536 /* a longer one's memory is given back */

struct cache {
	struct guest *guest;
	struct statefile *file;
	const struct cache_owner *owner;
	void *arg;
	struct text line;
	struct json_tokener *tokener; /* NULL: all is read */
	bool telling;
	/* While the file is written anew: what was written last. */
	struct bgpd_timer *timer;
	enum object_kind kind;
	struct text name; /* empty: none of this kind */
};

/* Records -------------------------------------------------------------------- */

static void
record_begin(struct cache *c, const char *sign, enum object_kind kind)
{
	if (c->line.room > LINE_LEN_KEEP) {
		free(c->line.s);
		memset(&c->line, 0, sizeof(c->line));
	}
	text_rewind(&c->line, 0);
	text_add_word(&c->line, sign);
	text_add_word(&c->line, object_kind_name(kind));
	text_add(&c->line, " ", 1);
}

static void
record_print(struct cache *c, const struct object *object)
{
	record_begin(c, "+ ", object->kind);
	object_print(object, &c->line);
	text_add(&c->line, "\n", 1);
}

static void
record_append(struct cache *c)
{
	statefile_append(
	    c->file, c->line.s, c->line.len, c->owner->count(c->arg));
}

void
cache_put(struct cache *c, const struct object *object)
{
	if (c->telling)
		return;
	record_print(c, object);
	record_append(c);
}

void
cache_remove(struct cache *c, enum object_kind kind, const char *name)
{
	if (c->telling)
		return;
	record_begin(c, "- ", kind);
	text_add_word(&c->line, name);
	text_add(&c->line, "\n", 1);
	record_append(c);
}

/* Reading -------------------------------------------------------------------- */

struct replay {
	struct cache *cache;
	void (*on_object)(void *arg, struct object *object);
	void (*on_gone)(void *arg, enum object_kind kind, const char *name);
	void *arg;
};

/* "+ KIND ...": which kind, and what is behind it; OBJECT_KINDS: none. */
static enum object_kind
kind_read(const char *line, const char **rest)
{
	const char *word = line + 2;
	size_t len = 0;
	int i;

	for (i = 0; i < OBJECT_KINDS; i++) {
		len = strlen(object_kind_name((enum object_kind)i));
		if (strncmp(word, object_kind_name((enum object_kind)i), len) ==
			0 &&
		    word[len] == ' ' && word[len + 1] != '\0')
			break;
	}
	if (i < OBJECT_KINDS)
		*rest = word + len + 1;
	return (enum object_kind)i;
}

static struct object *
object_parse(struct cache *c, enum object_kind kind, const char *text)
{
	struct json_object *root;
	struct object *object;
	struct fault ignored;
	char *key = NULL;

	json_tokener_reset(c->tokener);
	root = json_tokener_parse_ex(c->tokener, text, -1);
	if (root == NULL)
		return NULL;
	object = object_read(kind, root, &key, &ignored);
	free(key);
	json_object_put(root);
	return object;
}

static int
on_line(void *arg, char *line, size_t len)
{
	struct replay *replay = arg;
	struct object *object;
	enum object_kind kind;
	const char *rest = "";

	if (len < 3 || line[1] != ' ')
		return -1;
	kind = kind_read(line, &rest);
	if (kind == OBJECT_KINDS)
		return -1;
	if (line[0] == '-') {
		replay->on_gone(replay->arg, kind, rest);
		return 0;
	}
	object =
	    line[0] == '+' ? object_parse(replay->cache, kind, rest) : NULL;
	if (object == NULL)
		return -1;
	replay->on_object(replay->arg, object);
	return 0;
}

bool
cache_read(struct cache *c, void (*on_object)(void *arg, struct object *object),
    void (*on_gone)(void *arg, enum object_kind kind, const char *name),
    void *arg)
{
	struct replay replay = { c, on_object, on_gone, arg };
	bool more;

	if (c->tokener == NULL)
		return false;
	c->telling = true;
	more = statefile_read(c->file, on_line, &replay, SLICE_US);
	c->telling = false;
	if (more)
		return true;
	json_tokener_free(c->tokener);
	c->tokener = NULL;
	return false;
}

/* Renewal -------------------------------------------------------------------- */

/* What comes behind what was written last; NULL: that was all. */
static const struct object *
cursor_next(struct cache *c)
{
	const struct object *object;
	const char *after;

	for (; c->kind < OBJECT_KINDS; c->kind++, text_rewind(&c->name, 0)) {
		after = c->name.len == 0 ? NULL : c->name.s;
		object = c->owner->next(c->arg, c->kind, after);
		if (object == NULL)
			continue;
		assert(object->kind == c->kind &&
		       (after == NULL || strcmp(object->name, after) > 0));
		text_rewind(&c->name, 0);
		text_add_word(&c->name, object->name);
		return object;
	}
	return NULL;
}

/* On time: a slice of the new file. */
static void
on_slice(void *arg)
{
	struct cache *c = arg;
	int64_t end_us = clock_us() + SLICE_US;
	const struct object *object;

	while (statefile_is_renewing(c->file)) {
		object = cursor_next(c);
		if (object == NULL) {
			statefile_commit(c->file);
			return;
		}
		record_print(c, object);
		statefile_add(c->file, c->line.s, c->line.len);
		if (clock_us() >= end_us) {
			c->guest->host->timer_start(c->timer, 0);
			return;
		}
	}
}

static void
on_due(void *arg)
{
	struct cache *c = arg;

	if (statefile_begin(c->file) == -1)
		return;
	c->kind = (enum object_kind)0;
	text_rewind(&c->name, 0);
	c->guest->host->timer_start(c->timer, 0);
}

/* Opening -------------------------------------------------------------------- */

static const struct statefile_kind objects_file = {
	"fairway-k8s-objects 1 node ", "objects", SYNC_MS, on_due
};

struct cache *
cache_open(struct guest *guest, const char *path, const char *node,
    const struct cache_owner *owner, void *arg)
{
	struct cache *c = k8s_alloc(sizeof(*c));

	c->guest = guest;
	c->owner = owner;
	c->arg = arg;
	c->timer = guest->host->timer_new(guest->self, on_slice, c);
	c->tokener = json_tokener_new();
	c->file = statefile_open(guest, path, node, &objects_file, c);
	return c;
}

bool
cache_works(const struct cache *c)
{
	return statefile_works(c->file);
}

void
cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	statefile_close(c->file);
	c->guest->host->timer_free(c->timer);
	if (c->tokener != NULL)
		json_tokener_free(c->tokener);
	free(c->line.s);
	free(c->name.s);
	free(c);
}
