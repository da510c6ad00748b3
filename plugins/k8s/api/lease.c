/* SPDX-License-Identifier: ISC */
/* One of many by a Lease: it is taken, renewed, lost and given back. */

/*
 * The rules are client-go's. A record (any version of the object) that has not
 * changed for its own leaseDurationSeconds, by our clock since we first saw it,
 * is stale, and who wants it puts its name in it; the server lets only one of
 * those pass, by resourceVersion. Times in the record are for people, never
 * compared. Who holds it believes so until renew_ms after the last renewal that
 * succeeded was *sent*: that is sooner than anybody else can find it stale.
 *
 * Stricter than client-go: an object that was deleted is made anew at once by
 * its holder, by others only when the time of the holder they knew is over.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <json-c/json.h>

#include "api.h"

#define REQUEST_MS 2500
#define RELEASE_MS 2000
#define SOON_MS	   200 /* the least between two tries, jitter of a take-over */
#define PAUSE_MS   10000 /* the most that Retry-After is heard */
#define HOPS_MAX   6	 /* requests in a row, whatever the server says */
#define REPLY_MAX  65536

enum step { STEP_LOOK, STEP_MAKE, STEP_TAKE, STEP_GIVE, STEP_REST };

struct lease {
	struct guest *guest;
	struct api *api;
	struct lease_options options;
	void (*on_change)(void *arg, bool held);
	void *arg;
	struct bgpd_timer *timer, *lapse;
	struct api_call *call;
	enum step step;
	unsigned hops;
	char path[400];
	int parent_len;
	/* The record as it was last seen. */
	struct json_object
	    *root;     /* what a write is made of; NULL: look first */
	char *holder;  /* "": nobody; NULL: not known */
	char *version; /* NULL: there is none */
	int64_t seen_ms, valid_ms;
	int transitions;
	/* Ours. */
	int64_t sent_ms, until_ms;
	bool told, released;
	int told_status;   /* of a fault; -1: all is well */
	char *told_holder; /* NULL: nobody was told yet */
	void (*on_released)(void *arg);
	void *released_arg;
};

static int64_t
lease_now(const struct lease *l)
{
	return l->guest->host->now_ms(l->guest->self);
}

static void
text_set(char **to, const char *text)
{
	char *copy = k8s_copy(text); /* first: it may be the old one's */

	free(*to);
	*to = copy;
}

/* The record -------------------------------------------------------------------- */

static bool
record_is_ours(const struct lease *l)
{
	return l->holder != NULL && strcmp(l->holder, l->options.identity) == 0;
}

/* It is ours at a version that we know: a write of it may pass. */
static bool
record_is_known(const struct lease *l)
{
	return record_is_ours(l) && l->version != NULL && l->root != NULL;
}

/* Nobody else can believe that it holds it. */
static bool
record_is_free(const struct lease *l)
{
	return l->holder == NULL || l->holder[0] == '\0' || record_is_ours(l) ||
	       lease_now(l) >= l->seen_ms + l->valid_ms;
}

static void
record_drop_root(struct lease *l)
{
	json_object_put(l->root);
	l->root = NULL;
}

/* A number of the spec; 0: there is none. */
static int
spec_number(struct json_object *spec, const char *key)
{
	struct fault fault = { 0 };

	return json_object_get_int(
	    tree_member(spec, key, json_type_int, &fault));
}

/* The reply's object, the caller's; NULL: it is none. */
static struct json_object *
reply_parse(const struct api_reply *reply)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root = NULL;

	if (reply->body != NULL && reply->len <= REPLY_MAX)
		root = json_tokener_parse_ex(
		    tokener, reply->body, (int)reply->len);
	json_tokener_free(tokener);
	if (json_object_is_type(root, json_type_object))
		return root;
	json_object_put(root);
	return NULL;
}

/* The object as the server has it; false: this is none. */
static bool
record_read(struct lease *l, const struct api_reply *reply)
{
	struct fault fault = { 0 };
	struct json_object *root, *meta, *spec;
	const char *version, *holder;
	int secs;

	record_drop_root(l);
	root = reply_parse(reply);
	meta = tree_map(root, "metadata", &fault);
	if ((version = tree_text(meta, "resourceVersion", &fault)) == NULL) {
		json_object_put(root);
		return false;
	}
	l->root = root;
	spec = tree_map(root, "spec", &fault);
	holder = tree_text(spec, "holderIdentity", &fault);
	secs = spec_number(spec, "leaseDurationSeconds");
	l->transitions = spec_number(spec, "leaseTransitions");
	l->valid_ms = secs > 0 ? (int64_t)secs * 1000 : l->options.duration_ms;
	if (l->version == NULL || strcmp(l->version, version) != 0)
		l->seen_ms = lease_now(l);
	text_set(&l->version, version);
	text_set(&l->holder, holder == NULL ? "" : holder);
	return true;
}

/* It was deleted: what its holder believes is not over with that. */
static void
record_gone(struct lease *l)
{
	record_drop_root(l);
	if (l->version != NULL)
		l->seen_ms = lease_now(l);
	text_set(&l->version, NULL);
}

static struct json_object *
map_at(struct json_object *map, const char *key)
{
	struct json_object *value;

	if (json_object_object_get_ex(map, key, &value) &&
	    json_object_is_type(value, json_type_object))
		return value;
	value = json_object_new_object();
	json_object_object_add(map, key, value);
	return value;
}

static void
map_text(struct json_object *map, const char *key, const char *text)
{
	json_object_object_add(map, key, json_object_new_string(text));
}

static struct json_object *
record_new(const struct lease *l)
{
	struct json_object *root = json_object_new_object(), *meta;

	map_text(root, "apiVersion", "coordination.k8s.io/v1");
	map_text(root, "kind", "Lease");
	meta = map_at(root, "metadata");
	map_text(meta, "namespace", l->options.space);
	map_text(meta, "name", l->options.name);
	return root;
}

/*
 * The object with another spec, all else of it as it came, its version too: so
 * nothing of others is lost, and a write passes on that very version alone.
 */
static const char *
record_print(struct lease *l, const char *holder, int secs)
{
	bool changes = l->holder == NULL || strcmp(l->holder, holder) != 0;
	struct json_object *spec;
	char now[STAMP_LEN];
	int transitions = l->transitions;

	if (l->root == NULL) {
		l->root = record_new(l);
		changes = true;
		transitions = 0;
	} else if (changes && holder[0] != '\0')
		transitions++;
	stamp_print_micro(now, stamp_now_ns());
	json_object_object_del(map_at(l->root, "metadata"), "managedFields");
	spec = map_at(l->root, "spec");
	map_text(spec, "holderIdentity", holder);
	map_text(spec, "renewTime", now);
	if (changes)
		map_text(spec, "acquireTime", now);
	json_object_object_add(
	    spec, "leaseDurationSeconds", json_object_new_int(secs));
	json_object_object_add(
	    spec, "leaseTransitions", json_object_new_int(transitions));
	return json_object_to_json_string_ext(
	    l->root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* What is told ------------------------------------------------------------------ */

/* Said once, until a request succeeds or fails in another way. */
static void
lease_fault(struct lease *l, const struct api_reply *reply)
{
	static const struct {
		int status;
		const char *cure;
	} rows[] = {
		{ 403,
		    "; it needs a Role with get, create and update of leases "
		    "(coordination.k8s.io) in that namespace" },
		{ 404, "; create the namespace, or name another one" },
	};
	const char *cure = "";
	size_t i;

	if (l->told_status == reply->status)
		return;
	l->told_status = reply->status;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == reply->status)
			cure = rows[i].cure;
	}
	say(l->guest, LOG_WARNING, "lease %s/%s: %s%s", l->options.space,
	    l->options.name,
	    reply->why == NULL ? "the answer is no Lease" : reply->why, cure);
}

/* Who else has it, where that has changed. */
static void
lease_tell_holder(struct lease *l)
{
	const char *holder = l->holder;

	if (holder == NULL || record_is_ours(l) || l->version == NULL ||
	    (l->told_holder != NULL && strcmp(l->told_holder, holder) == 0))
		return;
	text_set(&l->told_holder, holder);
	if (holder[0] != '\0')
		say(l->guest, LOG_NOTICE, "not leading: %s holds lease %s/%s",
		    holder, l->options.space, l->options.name);
}

/* The last thing that a callback does: the lease may be closed in on_change. */
static void
lease_tell(struct lease *l)
{
	bool held = lease_is_held(l);

	if (!held && !l->released)
		lease_tell_holder(l);
	if (held == l->told || l->released)
		return;
	l->told = held;
	if (held) {
		say(l->guest, LOG_NOTICE, "leading: lease %s/%s",
		    l->options.space, l->options.name);
		text_set(&l->told_holder, NULL);
	} else if (record_is_ours(l))
		say(l->guest, LOG_WARNING,
		    "not leading: lease %s/%s was not renewed for %lld s",
		    l->options.space, l->options.name,
		    (long long)(l->options.renew_ms / 1000));
	else if (lease_holder(l) == NULL)
		say(l->guest, LOG_WARNING,
		    "not leading: lease %s/%s was emptied by somebody",
		    l->options.space, l->options.name);
	l->on_change(l->arg, held);
}

/* Requests ---------------------------------------------------------------------- */

/* It is ours, since the request was sent that said so. */
static enum step
lease_won(struct lease *l, const struct api_reply *reply)
{
	l->told_status = -1;
	if (!record_read(l, reply)) {
		/* It was written, but as which version: the next looks. */
		text_set(&l->holder, l->options.identity);
	}
	if (!record_is_ours(l))
		return STEP_REST;
	l->until_ms = l->sent_ms + l->options.renew_ms;
	l->guest->host->timer_start(l->lapse, l->until_ms - lease_now(l));
	return STEP_REST;
}

static enum step
lease_missing(struct lease *l)
{
	record_gone(l);
	return !l->released && record_is_free(l) ? STEP_MAKE : STEP_REST;
}

static enum step
look_done(struct lease *l, const struct api_reply *reply)
{
	if (reply->status == 404)
		return lease_missing(l);
	if (reply->why != NULL || !record_read(l, reply)) {
		lease_fault(l, reply);
		return STEP_REST;
	}
	l->told_status = -1;
	if (!record_is_ours(l))
		l->until_ms = 0;
	if (l->released)
		return record_is_ours(l) ? STEP_GIVE : STEP_REST;
	return record_is_free(l) ? STEP_TAKE : STEP_REST;
}

static enum step
make_done(struct lease *l, const struct api_reply *reply)
{
	record_drop_root(l);
	if (reply->why == NULL)
		return lease_won(l, reply);
	if (reply->status == 409)
		return STEP_LOOK;
	lease_fault(l, reply);
	return STEP_REST;
}

static enum step
take_done(struct lease *l, const struct api_reply *reply)
{
	if (reply->why == NULL)
		return lease_won(l, reply);
	if (reply->status == 409)
		return STEP_LOOK;
	if (reply->status == 404)
		return lease_missing(l);
	lease_fault(l, reply);
	return STEP_REST;
}

static enum step
give_done(struct lease *l, const struct api_reply *reply)
{
	if (reply->why == NULL)
		record_read(l, reply);
	return reply->status == 409 ? STEP_LOOK : STEP_REST;
}

static const struct {
	const char *method;
	bool on_parent; /* of the list, not of the object */
	enum step (*on_done)(struct lease *l, const struct api_reply *reply);
} steps[] = {
	[STEP_LOOK] = { "GET", false, look_done },
	[STEP_MAKE] = { "POST", true, make_done },
	[STEP_TAKE] = { "PUT", false, take_done },
	[STEP_GIVE] = { "PUT", false, give_done },
};

static struct api_call *
lease_request(struct lease *l, enum step step,
    void (*on_done)(void *, const struct api_reply *), void *arg)
{
	int64_t quarter_ms = l->options.renew_ms / 4;
	char path[sizeof(l->path)];
	struct api_request request = {
		.method = steps[step].method,
		.path = path,
		.timeout_ms = quarter_ms < REQUEST_MS ? quarter_ms : REQUEST_MS,
		.keep_max = REPLY_MAX,
		.on_done = on_done,
		.arg = arg,
	};

	snprintf(path, sizeof(path), "%.*s",
	    steps[step].on_parent ? l->parent_len : (int)sizeof(path), l->path);
	if (step == STEP_GIVE)
		request.body = record_print(l, "", 1);
	else if (step != STEP_LOOK)
		request.body = record_print(l, l->options.identity,
		    (int)(l->options.duration_ms / 1000));
	if (request.body != NULL) {
		request.type = "application/json";
		request.len = strlen(request.body);
	}
	return api_start(l->api, &request);
}

static void lease_on_done(void *arg, const struct api_reply *reply);

static void
lease_start(struct lease *l, enum step step)
{
	l->step = step;
	l->hops++;
	l->sent_ms = lease_now(l);
	l->call = lease_request(l, step, lease_on_done, l);
}

/* When the next try is due, after one that came to rest. */
static int64_t
lease_pause(const struct lease *l, int64_t retry_after_ms)
{
	int64_t now_ms = lease_now(l), retry_ms = l->options.retry_ms;
	int64_t ms, stale_ms;

	if (record_is_ours(l))
		ms = l->sent_ms + retry_ms - now_ms;
	else {
		/* client-go's factor of 1.2, or when the record is stale. */
		ms = retry_ms +
		     arc4random_uniform((uint32_t)(retry_ms * 12 / 10) + 1);
		stale_ms = l->seen_ms + l->valid_ms - now_ms +
			   arc4random_uniform(SOON_MS);
		if (l->holder != NULL && stale_ms > 0 && stale_ms < ms)
			ms = stale_ms;
	}
	if (retry_after_ms > PAUSE_MS)
		retry_after_ms = PAUSE_MS;
	if (ms < retry_after_ms)
		ms = retry_after_ms;
	return ms > SOON_MS ? ms : SOON_MS;
}

/* It was given back, or there was no time to. */
static void
lease_finish(struct lease *l)
{
	void (*on_released)(void *) = l->on_released;

	l->guest->host->timer_stop(l->lapse);
	l->guest->host->timer_stop(l->timer);
	if (l->call != NULL)
		api_cancel(l->call);
	l->call = NULL;
	l->on_released = NULL;
	if (on_released != NULL)
		on_released(l->released_arg);
}

static void
lease_on_done(void *arg, const struct api_reply *reply)
{
	struct lease *l = arg;
	enum step next;

	l->call = NULL;
	next = steps[l->step].on_done(l, reply);
	if (next != STEP_REST && l->hops < HOPS_MAX)
		lease_start(l, next);
	else if (l->released) {
		lease_finish(l);
		return;
	} else
		l->guest->host->timer_start(
		    l->timer, lease_pause(l, reply->retry_after_ms));
	lease_tell(l);
}

/* A record of our own is renewed as we know it; another one is looked at. */
static void
lease_on_time(void *arg)
{
	struct lease *l = arg;

	l->hops = 0;
	if (l->released)
		lease_finish(l);
	else if (l->call == NULL)
		lease_start(l, record_is_known(l) ? STEP_TAKE : STEP_LOOK);
}

/* What was held may be over; or what is given back has had its time. */
static void
lease_on_lapse(void *arg)
{
	struct lease *l = arg;
	int64_t left_ms = l->until_ms - lease_now(l);

	if (l->released) {
		lease_finish(l);
		return;
	}
	if (left_ms > 0)
		l->guest->host->timer_start(l->lapse, left_ms);
	lease_tell(l);
}

/* The whole --------------------------------------------------------------------- */

struct lease *
lease_open(struct guest *guest, struct api *api,
    const struct lease_options *options, void (*on_change)(void *, bool),
    void *arg)
{
	struct lease *l = k8s_alloc(sizeof(*l));

	l->guest = guest;
	l->api = api;
	l->options = *options;
	l->on_change = on_change;
	l->arg = arg;
	l->told_status = -1;
	l->parent_len = snprintf(l->path, sizeof(l->path),
	    "/apis/coordination.k8s.io/v1/namespaces/%.63s/leases",
	    options->space);
	snprintf(l->path + l->parent_len,
	    sizeof(l->path) - (size_t)l->parent_len, "/%.253s", options->name);
	l->timer = guest->host->timer_new(guest->self, lease_on_time, l);
	l->lapse = guest->host->timer_new(guest->self, lease_on_lapse, l);
	guest->host->timer_start(l->timer, 0);
	return l;
}

static void
ignore_done(void *arg, const struct api_reply *reply)
{
	(void)arg, (void)reply;
}

void
lease_close(struct lease *l)
{
	if (l == NULL)
		return;
	if (l->call != NULL)
		api_cancel(l->call);
	if (!l->released && record_is_known(l))
		lease_request(l, STEP_GIVE, ignore_done, NULL);
	l->guest->host->timer_free(l->timer);
	l->guest->host->timer_free(l->lapse);
	record_drop_root(l);
	free(l->holder);
	free(l->version);
	free(l->told_holder);
	free(l);
}

bool
lease_is_held(const struct lease *l)
{
	return !l->released && lease_now(l) < l->until_ms;
}

/* Also ourselves; NULL: nobody, or not known. */
const char *
lease_holder(const struct lease *l)
{
	return l->holder == NULL || l->holder[0] == '\0' ? NULL : l->holder;
}

/*
 * From here on it is not held, and on_change does not tell. A request that was
 * under way may have changed the version: then it is looked at first.
 */
void
lease_release(struct lease *l, void (*on_done)(void *), void *arg)
{
	bool unsure = l->call != NULL && l->step != STEP_LOOK;

	l->released = true;
	l->on_released = on_done;
	l->released_arg = arg;
	if (l->call != NULL)
		api_cancel(l->call);
	l->call = NULL;
	l->hops = 0;
	l->guest->host->timer_stop(l->timer);
	l->guest->host->timer_start(l->lapse, RELEASE_MS);
	if (unsure)
		lease_start(l, STEP_LOOK);
	else if (record_is_ours(l))
		lease_start(l, record_is_known(l) ? STEP_GIVE : STEP_LOOK);
	else
		l->guest->host->timer_start(l->timer, 0);
}
