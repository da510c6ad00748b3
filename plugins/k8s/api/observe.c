/* SPDX-License-Identifier: ISC */
/* What a list or a watch brings: objects, their ends, versions; to the sink. */

/*
 * Versions are opaque but for one thing: where two are numbers, a smaller one
 * is older. Of the objects of a list they have no order; what counts is that of
 * the list, which is the bookmark's at the end of a streaming one.
 *
 * The newest of all objects is the witness: a server that has it as it was then
 * has all that was before it, too, however far its versions have come since. A
 * deletion has none, for what is not there may also not be there yet.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "watch.h"

#define SWEEP_MAX 1000 /* keys that are looked at in one turn */
#define LAST_NOTE "k8s.io/initial-events-end"

/* Versions ----------------------------------------------------------------------- */

static const char *
version_of(struct json_object *meta)
{
	struct fault fault = { 0 };
	const char *version = tree_text(meta, "resourceVersion", &fault);

	return version == NULL || strlen(version) >= VERSION_ROOM ? ""
								  : version;
}

static bool
is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Is a certainly older than b? */
static bool
version_is_older(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	if (!is_number(a) || !is_number(b))
		return false;
	return a_len != b_len ? a_len < b_len : strcmp(a, b) < 0;
}

/* The last that was heard; false: history went back. */
static bool
version_take(struct reflector *r, struct json_object *meta)
{
	const char *version = version_of(meta);

	if (version_is_older(version, r->version)) {
		r->verdict = WENT_BACK;
		return false;
	}
	if (version[0] != '\0')
		strcpy(r->version, version);
	return true;
}

/* The witness ---------------------------------------------------------------------- */

static const char *
uid_of(struct json_object *meta)
{
	struct fault fault = { 0 };
	const char *uid = tree_text(meta, "uid", &fault);

	return uid == NULL || strlen(uid) >= UID_ROOM ? "" : uid;
}

static void
witness_take(
    struct reflector *r, const char *key, struct json_object *root, bool gone)
{
	struct fault fault = { 0 };
	struct json_object *meta = tree_map(root, "metadata", &fault);
	struct witness *w = &r->witness;

	if (version_is_older(version_of(meta), w->version))
		return;
	strcpy(w->key, key);
	strcpy(w->uid, uid_of(meta));
	strcpy(w->version, version_of(meta));
	w->gone = gone;
}

bool
observe_has_witness(const struct reflector *r)
{
	return r->witness.version[0] != '\0' && !r->witness.gone;
}

static bool
witness_is(const struct witness *w, const char *key, struct json_object *root)
{
	struct fault fault = { 0 };
	struct json_object *meta = tree_map(root, "metadata", &fault);

	return strcmp(w->key, key) == 0 && strcmp(w->uid, uid_of(meta)) == 0 &&
	       strcmp(w->version, version_of(meta)) == 0;
}

/* Objects ---------------------------------------------------------------------- */

/* Logged once in a job: whatever makes one bad may have made all. */
static void
object_bad(struct reflector *r, const char *why)
{
	if (!r->bad)
		tell(r, LOG_WARNING, "an object is passed over: %s", why);
	r->bad = true;
}

/* "namespace/name"; false: the object has none that is usable. */
static bool
key_read(struct json_object *root, char *key, struct fault *fault)
{
	struct json_object *meta = tree_map(root, "metadata", fault);
	const char *name = tree_text(meta, "name", fault);
	const char *space = tree_text(meta, "namespace", fault);

	if (space != NULL && space[0] == '\0')
		space = NULL;
	if (!tree_name_is_good(name) ||
	    (space != NULL && !tree_name_is_good(space))) {
		tree_fault(fault, "metadata.name", "a name");
		return false;
	}
	if (space != NULL)
		key = stpcpy(stpcpy(key, space), "/");
	strcpy(key, name);
	return true;
}

static void
object_seen(struct reflector *r, struct json_object *root)
{
	struct fault fault = { 0 };
	char key[KEY_ROOM];

	if (!key_read(root, key, &fault)) {
		object_bad(r, fault.text);
		return;
	}
	known_see(r->known, key);
	witness_take(r, key, root, false);
	r->batch = true;
	r->sink->on_object(r->arg, key, root);
}

/* One that was never seen is no news. */
static void
object_gone(struct reflector *r, struct json_object *root)
{
	struct fault fault = { 0 };
	char key[KEY_ROOM];

	if (!key_read(root, key, &fault)) {
		object_bad(r, fault.text);
		return;
	}
	witness_take(r, key, root, true);
	if (!known_remove(r->known, key))
		return;
	r->batch = true;
	r->sink->on_gone(r->arg, key);
}

/* Lists -------------------------------------------------------------------------- */

static bool
on_gone(void *arg, const char *key)
{
	struct reflector *r = arg;

	r->sink->on_gone(r->arg, key);
	return !r->dead;
}

/* A list begins: what it does not show is gone at its end. */
void
observe_list(struct reflector *r)
{
	r->sweeping = false;
	r->witness.version[0] = '\0';
	known_list(r->known);
}

static void
batch_tell(struct reflector *r)
{
	r->batch = false;
	r->sink->on_batch(r->arg);
}

/* All that there is has been told. */
void
observe_synced(struct reflector *r)
{
	if (!r->synced)
		tell(r, LOG_INFO, "%zu objects", known_count(r->known));
	r->synced = r->fresh = true;
	batch_tell(r);
}

/* A list is complete: what it did not show goes, in slices. */
void
observe_list_end(struct reflector *r)
{
	r->sweeping = !known_sweep(r->known, SWEEP_MAX, on_gone, r);
	if (r->dead)
		return;
	if (r->sweeping)
		r->guest->host->timer_start(r->later, 0);
	else
		observe_synced(r);
}

/*
 * What came belongs together when the loop has nothing more to read at once:
 * a server sends each change of a watch as a chunk of its own.
 */
void
observe_batch(struct reflector *r)
{
	if (r->batch && !r->dead)
		r->guest->host->timer_start(r->later, 0);
}

void
observe_later(struct reflector *r)
{
	if (r->sweeping)
		observe_list_end(r);
	else if (r->batch)
		batch_tell(r);
}

/* Of a list: an entry, or the metadata of all. */
void
observe_item(void *arg, const char *name, struct json_object *value)
{
	struct reflector *r = arg;
	struct fault fault = { 0 };
	const char *more;

	if (r->dead)
		return;
	if (strcmp(name, "items") == 0) {
		if (value == NULL)
			object_bad(r, "it is too long");
		else
			object_seen(r, value);
	} else if (strcmp(name, "metadata") == 0) {
		strcpy(r->version, version_of(value));
		more = tree_text(value, "continue", &fault);
		free(r->more);
		r->more = more == NULL || *more == '\0' ? NULL : k8s_copy(more);
	}
}

/* Of a list that is only to show the witness. */
void
observe_probe(void *arg, const char *name, struct json_object *value)
{
	struct reflector *r = arg;
	struct fault fault = { 0 };
	char key[KEY_ROOM];

	if (strcmp(name, "metadata") == 0 &&
	    version_is_older(version_of(value), r->version))
		r->verdict = WENT_BACK;
	if (strcmp(name, "items") == 0 && key_read(value, key, &fault))
		r->same |= witness_is(&r->witness, key, value);
}

/* Watches ------------------------------------------------------------------------ */

/* The end of a streaming list, where it has not come yet; else no news. */
static void
on_bookmark(struct reflector *r, struct json_object *root)
{
	struct fault fault = { 0 };
	struct json_object *meta = tree_map(root, "metadata", &fault);
	struct json_object *notes = tree_map(meta, "annotations", &fault);
	const char *end = tree_text(notes, LAST_NOTE, &fault);
	const char *version = version_of(meta);

	if (r->listed)
		return;
	if (end == NULL || strcmp(end, "true") != 0 || version[0] == '\0') {
		/* A server that knew what was asked would not send it here. */
		r->verdict = REFUSED;
		r->error = 422;
		strcpy(r->message, "a bookmark within it");
		return;
	}
	strcpy(r->version, version);
	r->listed = true;
	r->job = JOB_WATCH;
	observe_list_end(r);
}

/* A Status in place of an object. */
static void
on_error(struct reflector *r, struct json_object *root)
{
	struct fault fault = { 0 };
	struct json_object *code =
	    tree_member(root, "code", json_type_int, &fault);
	const char *reason = tree_text(root, "reason", &fault);
	const char *message = tree_text(root, "message", &fault);

	r->error = json_object_get_int(code);
	if (reason == NULL)
		reason = "";
	snprintf(r->message, sizeof(r->message), "%s",
	    message != NULL ? message : reason);
	r->verdict = REFUSED;
	if (strcmp(reason, "Expired") == 0 || strcmp(reason, "Gone") == 0)
		r->error = 410;
}

struct event_kind {
	const char *type;
	bool versioned;
	void (*on_event)(struct reflector *r, struct json_object *root);
};

static const struct event_kind events[] = {
	{ "ADDED", true, object_seen },
	{ "MODIFIED", true, object_seen },
	{ "DELETED", true, object_gone },
	{ "BOOKMARK", true, on_bookmark },
	{ "ERROR", false, on_error },
	{ NULL, false, NULL },
};

static const struct event_kind *
event_find(const char *type)
{
	const struct event_kind *e = events;

	while (e->type != NULL && (type == NULL || strcmp(e->type, type) != 0))
		e++;
	return e;
}

void
observe_event(void *arg, const char *name, struct json_object *value)
{
	struct reflector *r = arg;
	struct fault fault = { 0 };
	const struct event_kind *e;
	struct json_object *root;

	(void)name;
	if (r->dead || r->verdict != GO_ON)
		return;
	root = tree_map(value, "object", &fault);
	e = event_find(tree_text(value, "type", &fault));
	if (root == NULL || e->type == NULL) {
		object_bad(r, value == NULL ? "it is too long"
					    : "it is no event of a watch");
		return;
	}
	r->told = true;
	if (e->versioned && r->listed &&
	    !version_take(r, tree_map(root, "metadata", &fault)))
		return;
	e->on_event(r, root);
}
