/* SPDX-License-Identifier: ISC */
/* List and watch of one kind: a copy of what the server has, and no gap in it. */

/*
 * One job at a time, each a request:
 *
 *	stream	all objects and then their changes, in one (a streaming list)
 *	list	page by page, where the server does not know that
 *	watch	changes since a version
 *	probe	does the server have the history that we heard?
 *
 * A list is a difference to what is known (known.c). A watch that ends goes on
 * where it was. After a failure the server may be on an older copy of its data,
 * where a watch goes on as if nothing were missing: its versions pass ours
 * within seconds. So the witness is asked for first (observe.c), and the watch
 * goes on from there: what came behind it were bookmarks, and those may be of a
 * time that is no more. Where it is not met, where a version goes back and where
 * one is too old (410, in a status or in the stream), it takes a list.
 */

#include <bsd/stdlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "watch.h"

#define SILENT_MS     (130 * 1000) /* two bookmarks are missing */
#define LIST_MS	      (60 * 1000)
#define QUIET_MS      (10 * 1000) /* a streaming list that does not end */
#define STEADY_MS     2000	  /* a watch that has not failed works */
#define WATCH_MIN_S   300
#define WATCH_MAX_S   600
#define AGAIN_MS      1000 /* between watches that told nothing */
#define AGAIN_TOLD_MS 100  /* between others */
#define EARLY_MS      5000 /* it ended by so much before its time */

struct job_kind {
	const char *state;
	enum stream_form form;
	int64_t timeout_ms, silent_ms, own_ms; /* own: of on_time */
	void (*on_value)(
	    void *arg, const char *name, struct json_object *value);
	char *(*path)(struct reflector *r, char *path);
	void (*on_end)(struct reflector *r);
};
static const struct job_kind jobs[];

static const char *const skip[] = { "managedFields",
	"kubectl.kubernetes.io/last-applied-configuration", NULL };

static void
reflector_free(struct reflector *r)
{
	known_free(r->known);
	stream_free(r->stream);
	free(r->more);
	free(r);
}

/* Out of its own code, where it may have been closed. */
static void
leave(struct reflector *r)
{
	if (--r->busy == 0 && r->dead)
		reflector_free(r);
}

/* Jobs ------------------------------------------------------------------------- */

static void on_data(void *arg, const char *data, size_t len);
static void on_done(void *arg, const struct api_reply *reply);

static char *
path_new(const struct reflector_kind *kind)
{
	return kind->selector == NULL
		   ? k8s_copy(kind->path)
		   : k8s_print("%s?%s", kind->path, kind->selector);
}

static void
job_start(struct reflector *r)
{
	const struct job_kind *job = &jobs[r->job];
	struct api_request request = { .method = "GET",
		.timeout_ms = job->timeout_ms,
		.silent_ms = job->silent_ms,
		.on_data = on_data,
		.on_done = on_done,
		.arg = r };
	char *path = job->path(r, path_new(r->kind));

	request.path = path;
	r->stream = stream_new(job->form, skip, job->on_value, r);
	r->verdict = GO_ON;
	r->listed = r->job == JOB_WATCH;
	r->told = r->bad = r->same = false;
	r->began_ms = guest_now_ms(r->guest);
	r->call = api_start(r->api, &request);
	free(path);
	if (job->own_ms > 0)
		r->guest->host->timer_start(r->timer, job->own_ms);
}

/* The job under way ends here, the next begins after a while. */
static void
reflector_next(struct reflector *r, enum job job, int64_t after_ms)
{
	if (r->call != NULL)
		api_cancel(r->call);
	r->call = NULL;
	stream_free(r->stream);
	r->stream = NULL;
	r->job = job;
	r->guest->host->timer_start(r->timer, after_ms > 0 ? after_ms : 0);
}

/* A whole list, whatever was known of the version. */
void
reflector_list(struct reflector *r, int64_t after_ms)
{
	r->version[0] = '\0';
	free(r->more);
	r->more = NULL;
	reflector_next(r, r->plain ? JOB_LIST : JOB_STREAM, after_ms);
}

/* On where it was, if the server has that history; else a list. */
void
reflector_resume(struct reflector *r, int64_t after_ms)
{
	if (observe_has_witness(r))
		reflector_next(r, JOB_PROBE, after_ms);
	else
		reflector_list(r, after_ms);
}

static char *
path_add_seconds(struct reflector *r, char *path)
{
	unsigned s =
	    WATCH_MIN_S + arc4random_uniform(WATCH_MAX_S - WATCH_MIN_S);
	char text[16];

	r->due_ms = guest_now_ms(r->guest) + (int64_t)s * 1000;
	snprintf(text, sizeof(text), "%u", s);
	path = api_path_add(path, "watch", "1");
	path = api_path_add(path, "allowWatchBookmarks", "true");
	return api_path_add(path, "timeoutSeconds", text);
}

static char *
stream_path(struct reflector *r, char *path)
{
	observe_list(r);
	path = path_add_seconds(r, path);
	path = api_path_add(path, "sendInitialEvents", "true");
	return api_path_add(path, "resourceVersionMatch", "NotOlderThan");
}

static char *
list_path(struct reflector *r, char *path)
{
	if (!r->unpaged)
		path = api_path_add(path, "limit", "500");
	if (r->more == NULL)
		observe_list(r);
	else
		path = api_path_add(path, "continue", r->more);
	free(r->more);
	r->more = NULL;
	return path;
}

static char *
watch_path(struct reflector *r, char *path)
{
	path = path_add_seconds(r, path);
	return api_path_add(path, "resourceVersion", r->version);
}

/* What selects the witness among all of the kind, behind what selects those. */
static char *
path_add_witness(struct reflector *r, char *path)
{
	const char *key = r->witness.key, *slash = strchr(key, '/');
	const char *joint = "?fieldSelector=";
	char text[KEY_ROOM + 80];

	if (strstr(path, joint + 1) != NULL)
		joint = "%2C";
	else if (strchr(path, '?') != NULL)
		joint = "&fieldSelector=";
	snprintf(text, sizeof(text), "%smetadata.name%%3D%s", joint,
	    slash == NULL ? key : slash + 1);
	if (slash != NULL && strstr(r->kind->path, "/namespaces/") == NULL)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%%2Cmetadata.namespace%%3D%.*s", (int)(slash - key), key);
	path = k8s_grow(path, strlen(path) + strlen(text) + 1);
	return strcat(path, text);
}

/*
 * The witness alone, from where all writes are known. A name that is selected
 * anyway stands as it is: a right to it alone is found by that.
 */
static char *
probe_path(struct reflector *r, char *path)
{
	if (strstr(path, "metadata.name%3D") == NULL)
		path = path_add_witness(r, path);
	return api_path_add(path, "limit", "1");
}

/* Ends --------------------------------------------------------------------------- */

/* A watch whose time is over goes on; one that ended early is looked into. */
static void
watch_ended(struct reflector *r)
{
	int64_t now_ms = guest_now_ms(r->guest);
	bool early = now_ms + EARLY_MS < r->due_ms;
	/* Not in a circle of lists. */
	bool soon = r->told && (!early || observe_has_witness(r));
	int64_t after_ms =
	    r->began_ms + (soon ? AGAIN_TOLD_MS : AGAIN_MS) - now_ms;

	if (early)
		reflector_resume(r, after_ms);
	else
		reflector_next(r, JOB_WATCH, after_ms);
}

static void
stream_ended(struct reflector *r)
{
	remedy_fail(r, 0, "the list broke off");
}

static void
list_ended(struct reflector *r)
{
	if (!stream_is_whole(r->stream)) {
		remedy_fail(r, 0, "the list broke off");
		return;
	}
	if (r->more != NULL) {
		reflector_next(r, JOB_LIST, 0);
		return;
	}
	if (r->version[0] == '\0') {
		remedy_fail(r, 0, "the list has no version");
		return;
	}
	r->unpaged = false;
	reflector_next(r, JOB_WATCH, 0);
	observe_list_end(r);
}

static void
probe_ended(struct reflector *r)
{
	if (!stream_is_whole(r->stream)) {
		remedy_fail(r, 0, "the answer broke off");
		return;
	}
	if (!r->same) {
		remedy_strange(r);
		return;
	}
	strcpy(r->version, r->witness.version);
	r->resumed = true;
	reflector_next(r, JOB_WATCH, 0);
}

static const struct job_kind jobs[] = {
	[JOB_STREAM] = { "listing", STREAM_WATCH, 0, SILENT_MS, QUIET_MS,
	    observe_event, stream_path, stream_ended },
	[JOB_LIST] = { "listing", STREAM_LIST, LIST_MS, 0, 0, observe_item,
	    list_path, list_ended },
	[JOB_WATCH] = { "watching", STREAM_WATCH, 0, SILENT_MS, STEADY_MS,
	    observe_event, watch_path, watch_ended },
	[JOB_PROBE] = { "resuming", STREAM_LIST, LIST_MS, 0, 0, observe_probe,
	    probe_path, probe_ended },
};

/* From the loop ------------------------------------------------------------------- */

/* What the bytes of a chunk have led to. */
static void
data_settle(struct reflector *r, int fed)
{
	char why[WHY_ROOM];

	if (fed == -1) {
		snprintf(why, sizeof(why), "what it sends is no JSON: %s",
		    stream_why(r->stream));
		remedy_fail(r, 0, why);
	} else if (r->verdict != GO_ON)
		remedy_verdict(r);
	else if (r->listed)
		remedy_over(r);
	else if (r->job == JOB_STREAM)
		r->guest->host->timer_start(r->timer, QUIET_MS);
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct reflector *r = arg;
	int fed;

	r->busy++;
	fed = stream_feed(r->stream, data, len);
	observe_batch(r);
	if (!r->dead)
		data_settle(r, fed);
	leave(r);
}

static void
on_done(void *arg, const struct api_reply *reply)
{
	struct reflector *r = arg;

	r->call = NULL;
	r->busy++;
	if (reply->why == NULL)
		jobs[r->job].on_end(r);
	else
		remedy_failure(r, reply);
	leave(r);
}

/*
 * The next job's time; or that of one under way: a streaming list that does not
 * go on is none, and a watch that has not failed works.
 */
static void
on_time(void *arg)
{
	struct reflector *r = arg;
	struct api_reply reply = { 422, -1, "it does not end", "", NULL, 0 };

	r->busy++;
	if (r->call == NULL)
		job_start(r);
	else if (r->listed)
		remedy_over(r);
	else
		remedy_failure(r, &reply);
	leave(r);
}

static void
on_later(void *arg)
{
	struct reflector *r = arg;

	r->busy++;
	observe_later(r);
	leave(r);
}

/* The door ------------------------------------------------------------------------ */

struct reflector *
reflector_open(struct guest *guest, struct api *api,
    const struct reflector_kind *kind, const struct reflector_sink *sink,
    void *arg)
{
	struct reflector *r = k8s_alloc(sizeof(*r));

	r->guest = guest;
	r->api = api;
	r->kind = kind;
	r->sink = sink;
	r->arg = arg;
	r->known = known_new();
	r->timer = guest->host->timer_new(guest->self, on_time, r);
	r->later = guest->host->timer_new(guest->self, on_later, r);
	reflector_list(r, 0);
	return r;
}

void
reflector_close(struct reflector *r)
{
	if (r == NULL || r->dead)
		return;
	if (r->call != NULL)
		api_cancel(r->call);
	r->guest->host->timer_free(r->timer);
	r->guest->host->timer_free(r->later);
	r->dead = true;
	if (r->busy == 0)
		reflector_free(r);
}

void
reflector_know(struct reflector *r, const char *key)
{
	known_hear(r->known, key);
}

bool
reflector_is_synced(const struct reflector *r)
{
	return r->synced;
}

void
reflector_refresh(struct reflector *r)
{
	bool waits = r->call == NULL;

	r->fresh = r->sweeping = false;
	if (!waits) {
		reflector_list(r, 0);
		return;
	}
	/* Its time stays: it waits for what is wrong. */
	r->version[0] = '\0';
	free(r->more);
	r->more = NULL;
	r->job = r->plain ? JOB_LIST : JOB_STREAM;
}

bool
reflector_is_fresh(const struct reflector *r)
{
	return r->fresh;
}

size_t
reflector_count(const struct reflector *r)
{
	return known_count(r->known);
}

const char *
reflector_state(const struct reflector *r)
{
	if (r->call == NULL && (r->troubled || r->absent))
		return r->waiting;
	return jobs[r->job].state;
}
