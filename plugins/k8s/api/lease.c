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
 * who still holds it, by others a whole duration after they missed it. Only who
 * never saw one makes it at once.
 *
 * Who waits also watches, where it may, and so hears at once that the lease was
 * given back; then it need not ask until what it heard last is stale.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>

#include "tenure.h"

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
	char parent[128], path[400], selector[320];
	struct tenure tenure;
	struct reflector_kind kind;
	struct reflector *reflector; /* while another has it */
	bool hears;		     /* ... and tells of it */
	int64_t sent_ms, until_ms;
	bool told, released;
	int told_status;   /* of a fault; -1: all is well */
	char *trouble;	   /* that fault, in words */
	char *told_holder; /* NULL: nobody was told yet */
	void (*on_released)(void *arg);
	void *released_arg;
};

static bool
lease_is_ours(const struct lease *l)
{
	return tenure_is_of(&l->tenure, l->options.identity);
}

/* Nobody else can believe that it holds it. */
static bool
lease_is_free(const struct lease *l)
{
	return lease_is_ours(l) || lease_holder(l) == NULL ||
	       tenure_is_stale(&l->tenure, guest_now_ms(l->guest));
}

/* It is ours at a version that we know: a write of it may pass. */
static bool
lease_is_known(const struct lease *l)
{
	return lease_is_ours(l) && l->tenure.version != NULL &&
	       l->tenure.root != NULL;
}

/* What is told ------------------------------------------------------------------ */

/* Said once, until a request succeeds or fails in another way. */
static enum step
lease_fault(struct lease *l, const struct api_reply *reply)
{
	static const struct {
		int status;
		const char *cure;
	} rows[] = {
		{ 403,
		    "; it needs a Role with get, list, watch, create and update "
		    "of leases (coordination.k8s.io) in that namespace" },
		{ 404, "; create the namespace, or name another one" },
	};
	const char *cure = "", *why;
	size_t i;

	if (l->told_status == reply->status)
		return STEP_REST;
	l->told_status = reply->status;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == reply->status)
			cure = rows[i].cure;
	}
	why = reply->why == NULL ? "the answer is no Lease" : reply->why;
	free(l->trouble);
	l->trouble = k8s_print("%s%s", why, cure);
	say(l->guest, LOG_WARNING, "lease %s/%s: %s", l->options.space,
	    l->options.name, l->trouble);
	return STEP_REST;
}

static void
lease_set_told(struct lease *l, const char *holder)
{
	free(l->told_holder);
	l->told_holder = k8s_copy(holder);
}

static const char *
lease_word(const struct lease *l)
{
	return l->options.word == NULL ? "leading" : l->options.word;
}

/* Who else has it, where that has changed. */
static void
lease_tell_holder(struct lease *l)
{
	const char *holder = l->tenure.holder;

	if (l->tenure.version == NULL || lease_is_ours(l) ||
	    k8s_equal(l->told_holder, holder))
		return;
	lease_set_told(l, holder);
	if (holder[0] != '\0')
		say(l->guest, LOG_NOTICE, "not %s: %s holds lease %s/%s",
		    lease_word(l), holder, l->options.space, l->options.name);
}

/* Where nobody else is known to have it: why it is lost. */
static void
lease_tell_lost(struct lease *l)
{
	if (lease_is_ours(l))
		say(l->guest, LOG_WARNING,
		    "not %s: lease %s/%s was not renewed for %lld s",
		    lease_word(l), l->options.space, l->options.name,
		    (long long)(l->options.renew_ms / 1000));
	else if (lease_holder(l) == NULL)
		say(l->guest, LOG_WARNING,
		    "not %s: lease %s/%s was emptied by somebody",
		    lease_word(l), l->options.space, l->options.name);
}

/* The last thing that a callback does: the lease may be closed in on_change. */
static void
lease_tell(struct lease *l)
{
	bool held = lease_is_held(l);

	if (!held)
		lease_tell_holder(l);
	if (held == l->told)
		return;
	l->told = held;
	if (held) {
		say(l->guest, LOG_NOTICE, "%s: lease %s/%s", lease_word(l),
		    l->options.space, l->options.name);
		lease_set_told(l, NULL);
	} else
		lease_tell_lost(l);
	l->on_change(l->arg, held);
}

static void lease_watch(struct lease *l);
static void lease_unwatch(struct lease *l);

/* Answers ----------------------------------------------------------------------- */

static bool
lease_read(struct lease *l, const struct api_reply *reply)
{
	return tenure_read(
	    &l->tenure, reply, &l->options, guest_now_ms(l->guest));
}

/* It is ours, since the request was sent that said so. */
static enum step
lease_won(struct lease *l, const struct api_reply *reply)
{
	l->told_status = -1;
	if (!lease_read(l, reply))
		tenure_assume(&l->tenure, l->options.identity);
	if (lease_is_ours(l)) {
		lease_unwatch(l);
		l->until_ms = l->sent_ms + l->options.renew_ms;
		l->guest->host->timer_start(
		    l->lapse, l->until_ms - guest_now_ms(l->guest));
	}
	return STEP_REST;
}

static enum step
lease_missing(struct lease *l)
{
	tenure_gone(&l->tenure, &l->options, guest_now_ms(l->guest));
	if (lease_is_held(l))
		return STEP_MAKE;
	return !l->released &&
		       tenure_is_stale(&l->tenure, guest_now_ms(l->guest))
		   ? STEP_MAKE
		   : STEP_REST;
}

static enum step
look_done(struct lease *l, const struct api_reply *reply)
{
	if (reply->status == 404)
		return lease_missing(l);
	if (reply->why != NULL || !lease_read(l, reply))
		return lease_fault(l, reply);
	l->told_status = -1;
	if (!lease_is_ours(l))
		l->until_ms = 0;
	if (l->released)
		return lease_is_ours(l) ? STEP_GIVE : STEP_REST;
	if (lease_is_free(l))
		return STEP_TAKE;
	lease_watch(l);
	return STEP_REST;
}

static enum step
make_done(struct lease *l, const struct api_reply *reply)
{
	/* It has no version: nothing may be written from it. */
	tenure_forget_root(&l->tenure);
	if (reply->why == NULL)
		return lease_won(l, reply);
	return reply->status == 409 ? STEP_LOOK : lease_fault(l, reply);
}

static enum step
take_done(struct lease *l, const struct api_reply *reply)
{
	if (reply->why == NULL)
		return lease_won(l, reply);
	if (reply->status == 404)
		return lease_missing(l);
	return reply->status == 409 ? STEP_LOOK : lease_fault(l, reply);
}

static enum step
give_done(struct lease *l, const struct api_reply *reply)
{
	if (reply->why == NULL)
		lease_read(l, reply);
	return reply->status == 409 ? STEP_LOOK : STEP_REST;
}

/* Requests ---------------------------------------------------------------------- */

static const struct {
	const char *method;
	bool on_parent; /* of the list, not of the object */
	const char *(*print)(
	    struct tenure *tenure, const struct lease_options *options);
	enum step (*on_done)(struct lease *l, const struct api_reply *reply);
} steps[] = {
	[STEP_LOOK] = { "GET", false, NULL, look_done },
	[STEP_MAKE] = { "POST", true, tenure_print, make_done },
	[STEP_TAKE] = { "PUT", false, tenure_print, take_done },
	[STEP_GIVE] = { "PUT", false, tenure_print_empty, give_done },
};

static struct api_call *
lease_request(struct lease *l, enum step step,
    void (*on_done)(void *, const struct api_reply *), void *arg)
{
	int64_t quarter_ms = l->options.renew_ms / 4;
	struct api_request request = {
		.method = steps[step].method,
		.path = steps[step].on_parent ? l->parent : l->path,
		.timeout_ms = quarter_ms < REQUEST_MS ? quarter_ms : REQUEST_MS,
		.keep_max = REPLY_MAX,
		.on_done = on_done,
		.arg = arg,
	};

	if (steps[step].print != NULL) {
		request.type = "application/json";
		request.body = steps[step].print(&l->tenure, &l->options);
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
	l->sent_ms = guest_now_ms(l->guest);
	l->call = lease_request(l, step, lease_on_done, l);
}

/* A holder renews in time, whatever it is told; others come by client-go's factor, or when it is stale. */
static int64_t
lease_pause(const struct lease *l, int64_t retry_after_ms)
{
	int64_t now_ms = guest_now_ms(l->guest), retry_ms = l->options.retry_ms;
	int64_t ms = l->sent_ms + retry_ms - now_ms, stale_ms;
	int64_t most_ms = lease_is_held(l) ? l->options.renew_ms / 3 : PAUSE_MS;

	if (!lease_is_ours(l)) {
		ms = retry_ms +
		     arc4random_uniform((uint32_t)(retry_ms * 12 / 10) + 1);
		stale_ms = l->tenure.seen_ms + l->tenure.valid_ms - now_ms +
			   arc4random_uniform(SOON_MS);
		if (lease_holder(l) != NULL && stale_ms > 0 &&
		    (l->hears || stale_ms < ms))
			ms = stale_ms;
	}
	if (retry_after_ms > most_ms)
		retry_after_ms = most_ms;
	if (ms < retry_after_ms)
		ms = retry_after_ms;
	return ms > SOON_MS ? ms : SOON_MS;
}

/* Hearing ----------------------------------------------------------------------- */

/*
 * What was heard is no reason to write, only one to look; a look under way may
 * be older than that.
 */
static void
lease_heard(struct lease *l, bool is_news)
{
	if (l->call != NULL && (l->step != STEP_LOOK || !is_news))
		return;
	if (l->call != NULL)
		api_cancel(l->call);
	l->call = NULL;
	l->hops = 0;
	l->guest->host->timer_start(l->timer, is_news ? 0 : lease_pause(l, -1));
}

static void
on_object(void *arg, const char *key, struct json_object *root)
{
	struct lease *l = arg;

	(void)key;
	if (l->call != NULL && l->step != STEP_LOOK)
		return; /* its answer tells */
	if (tenure_hear(
		&l->tenure, root, &l->options, guest_now_ms(l->guest))) {
		l->hears = true;
		lease_tell_holder(l);
		lease_heard(l, lease_is_free(l));
	}
}

static void
on_gone(void *arg, const char *key)
{
	struct lease *l = arg;

	(void)key;
	l->hears = false;
	lease_heard(l, true);
}

static void
on_batch(void *arg)
{
	(void)arg;
}

/* From here on it asks again. */
static void
on_trouble(void *arg, const char *why)
{
	struct lease *l = arg;

	if (why == NULL || !l->hears)
		return;
	l->hears = false;
	lease_heard(l, false);
}

static const struct reflector_sink lease_sink = { on_object, on_gone, on_batch,
	on_trouble };

static void
lease_watch(struct lease *l)
{
	if (l->reflector == NULL)
		l->reflector =
		    reflector_open(l->guest, l->api, &l->kind, &lease_sink, l);
}

static void
lease_unwatch(struct lease *l)
{
	reflector_close(l->reflector);
	l->reflector = NULL;
	l->hears = false;
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
	else if (!l->released)
		l->guest->host->timer_start(
		    l->timer, lease_pause(l, reply->retry_after_ms));
	if (!l->released)
		lease_tell(l);
	else if (l->call == NULL)
		lease_finish(l);
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
		lease_start(l, lease_is_known(l) ? STEP_TAKE : STEP_LOOK);
}

/* What was held may be over; or what is given back has had its time. */
static void
lease_on_lapse(void *arg)
{
	struct lease *l = arg;
	int64_t left_ms = l->until_ms - guest_now_ms(l->guest);

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
	snprintf(l->parent, sizeof(l->parent),
	    "/apis/coordination.k8s.io/v1/namespaces/%.63s/leases",
	    options->space);
	snprintf(
	    l->path, sizeof(l->path), "%s/%.253s", l->parent, options->name);
	snprintf(l->selector, sizeof(l->selector),
	    "fieldSelector=metadata.name%%3D%.253s", options->name);
	l->kind =
	    (struct reflector_kind){ "lease", l->parent, l->selector, true };
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
	if (!l->released && lease_is_known(l))
		lease_request(l, STEP_GIVE, ignore_done, NULL);
	lease_unwatch(l);
	l->guest->host->timer_free(l->timer);
	l->guest->host->timer_free(l->lapse);
	tenure_clear(&l->tenure);
	free(l->told_holder);
	free(l->trouble);
	free(l);
}

void
lease_leave(struct lease *l)
{
	if (l != NULL)
		tenure_forget_root(&l->tenure);
	lease_close(l);
}

bool
lease_is_held(const struct lease *l)
{
	return !l->released && guest_now_ms(l->guest) < l->until_ms;
}

const char *
lease_trouble(const struct lease *l)
{
	return l->told_status == -1 ? NULL : l->trouble;
}

const char *
lease_holder(const struct lease *l)
{
	return l->tenure.holder == NULL || l->tenure.holder[0] == '\0'
		   ? NULL
		   : l->tenure.holder;
}

/* A request that was under way may have changed the version: look first. */
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
	lease_unwatch(l);
	l->guest->host->timer_stop(l->timer);
	l->guest->host->timer_start(l->lapse, RELEASE_MS);
	if (lease_is_known(l) && !unsure)
		lease_start(l, STEP_GIVE);
	else if (lease_is_ours(l) || unsure)
		lease_start(l, STEP_LOOK);
	else
		l->guest->host->timer_start(l->timer, 0);
}
