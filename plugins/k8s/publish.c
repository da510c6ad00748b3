/* SPDX-License-Identifier: ISC */
/* Statuses and events, written back by the one of all nodes that gives addresses. */

/*
 * A Service whose status says something else than was decided waits in a list;
 * the writer asks for the next when it has room. The patch carries the version
 * that the decision was made on: where it is refused, the Service is decided
 * again when its newer version comes. Each write is preceded by the question
 * whether the Lease is held at this moment. An address is announced when the
 * cluster knows it: by the answer, or by the watch, whichever is first. The
 * event of a transition follows its patch, so that each is told once.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "cluster.h"

#define LEASE_NAME	  "fairway-allocator"
#define LEASE_DURATION_MS 15000
#define LEASE_RENEW_MS	  10000
#define LEASE_RETRY_MS	  2000
#define REST_MS		  30000 /* of what was refused */
#define WORDS_MS	  60000 /* of another reason alone */
#define REWRITES_MS	  60000
#define REWRITES_MAX	  6
#define FORMER_MS	  1500 /* slices of a Service that is gone go too */

/* A patch under way. */
struct flight {
	LIST_ENTRY(flight) link;
	struct service *service; /* NULL: of a former one */
	struct wish wish;
	char uid[UID_LEN], version[VERSION_LEN];
	bool was_told;	       /* the addresses did not change, the rest did */
	bool was_failed;       /* that it has none was told before */
	struct former *former; /* service is NULL: of this one */
};

/* One that was of the type, or was at all. */
struct former {
	TAILQ_ENTRY(former) link;
	int64_t due_ms;
	bool had_slices;
	char uid[UID_LEN];
	char *conditions; /* of others; NULL: none */
	char name[];
};

struct publisher {
	struct cluster *c;
	struct api *api;
	struct writer *writer;
	struct recorder *recorder;
	struct lease *lease; /* NULL: it does not compete yet */
	struct bgpd_timer *former_timer, *later_timer;
	TAILQ_HEAD(, service) queue;
	LIST_HEAD(, flight) flights;
	TAILQ_HEAD(former_list, former) formers, ripe;
	bool forbidden;	 /* said once */
	bool later;	 /* its timer is on */
	int64_t rest_ms; /* nobody's status is written before that */
	struct bgpd_metric *errors_metric;
	uint64_t patches;
};

/* The queue ---------------------------------------------------------------------------- */

static void
queue_add(struct publisher *p, struct service *s)
{
	s->publish = PUBLISH_QUEUED;
	TAILQ_INSERT_TAIL(&p->queue, s, in_publish);
	writer_wake(p->writer, WRITE_STATUS);
}

static void
later_start(struct publisher *p)
{
	if (!p->later)
		p->c->guest->host->timer_start(p->later_timer, REST_MS);
	p->later = true;
}

static void
publish_later(struct publisher *p, struct service *s)
{
	publish_cancel(p->c, s);
	s->publish = PUBLISH_LATER;
	later_start(p);
}

void
publish_cancel(struct cluster *c, struct service *s)
{
	if (c->publisher == NULL || s->publish == PUBLISH_UNDER_WAY)
		return;
	if (s->publish == PUBLISH_QUEUED)
		TAILQ_REMOVE(&c->publisher->queue, s, in_publish);
	s->publish = PUBLISH_NONE;
}

/* Refused not long ago, or fought about; or only another word for it. */
static bool
publish_rests(const struct publisher *p, const struct service *s)
{
	int64_t now_ms = guest_now_ms(p->c->guest);

	return now_ms < s->rest_ms ||
	       (now_ms < s->words_ms && wish_differs_in_words(s));
}

/* What it says now came through, and was not told of. */
static void
event_due(struct publisher *p, const struct service *s)
{
	struct wish wish;

	wish_make(s, &wish);
	event_of_wish(p->c, s, &wish);
	free(wish.why);
}

void
publish_service(struct cluster *c, struct service *s)
{
	struct publisher *p = c->publisher;

	if (p == NULL || s->publish == PUBLISH_UNDER_WAY)
		return; /* decided again when that is answered */
	if (!wish_differs(s)) {
		publish_cancel(c, s);
		/* It came through though its answer did not. */
		if (s->unsaid)
			event_due(p, s);
		s->unsaid = false;
	} else if (publish_rests(p, s))
		publish_later(p, s);
	else if (s->publish != PUBLISH_QUEUED)
		queue_add(p, s);
}

static struct flight *
flight_new(struct publisher *p, struct service *s)
{
	struct flight *flight = k8s_alloc(sizeof(*flight));

	LIST_INSERT_HEAD(&p->flights, flight, link);
	flight->service = s;
	return flight;
}

static void
former_free(struct former *former)
{
	if (former != NULL)
		free(former->conditions);
	free(former);
}

static void
flight_free(struct flight *flight)
{
	LIST_REMOVE(flight, link);
	former_free(flight->former);
	free(flight->wish.why);
	free(flight);
}

/* Of the type again: its status is what was decided since. */
static bool
former_is_back(const struct publisher *p, const struct former *former)
{
	const struct service *s = cluster_find(p->c, former->name);

	return s != NULL && s->object != NULL;
}

/* A former one whose time has come, and which may be there still. */
static bool
former_next(struct publisher *p, struct write *write)
{
	struct flight *flight;
	struct former *former;

	while ((former = TAILQ_FIRST(&p->ripe)) != NULL) {
		TAILQ_REMOVE(&p->ripe, former, link);
		if (!former_is_back(p, former))
			break;
		former_free(former);
	}
	if (former == NULL)
		return false;
	flight = flight_new(p, NULL);
	flight->former = former;
	write->path = status_path(former->name);
	write->body = status_body_of_none(former->uid, former->conditions);
	write->tag = flight;
	return true;
}

/*
 * What was told once was undone by somebody: written again a few times a minute,
 * no more, or two that disagree would write without an end.
 */
static void
rewrites_count(struct publisher *p, struct service *s)
{
	int64_t now_ms = guest_now_ms(p->c->guest);

	if (!s->confirmed || assign_is_told(s))
		return;
	if (now_ms - s->rewrites_ms > REWRITES_MS) {
		s->rewrites_ms = now_ms;
		s->rewrites = 0;
	}
	if (++s->rewrites < REWRITES_MAX)
		return;
	s->rewrites = 0;
	s->rest_ms = now_ms + REST_MS;
	say(p->c->guest, LOG_WARNING,
	    "the status of %s is written by somebody else again and again: who "
	    "serves its class besides?",
	    s->name);
	event_of_rival(p->c, s);
}

static bool
status_next(void *arg, struct write *write)
{
	struct publisher *p = arg;
	struct flight *flight;
	struct service *s;

	if (!publisher_leads(p) || guest_now_ms(p->c->guest) < p->rest_ms)
		return false;
	write->method = "PATCH";
	write->type = "application/merge-patch+json";
	/* What is being decided is published when that is done. */
	while ((s = TAILQ_FIRST(&p->queue)) != NULL) {
		TAILQ_REMOVE(&p->queue, s, in_publish);
		s->publish = PUBLISH_NONE;
		if (!s->touched && !s->in_run)
			break;
	}
	if (s == NULL)
		return former_next(p, write);
	s->publish = PUBLISH_UNDER_WAY;
	flight = flight_new(p, s);
	flight->was_told = assign_is_told(s);
	flight->was_failed = s->object->allocated == CONDITION_FALSE;
	rewrites_count(p, s);
	memcpy(flight->uid, s->object->uid, sizeof(flight->uid));
	memcpy(flight->version, s->object->version, sizeof(flight->version));
	wish_make(s, &flight->wish);
	write->path = status_path(s->name);
	write->body = status_body(s->object, &flight->wish);
	write->tag = flight;
	return true;
}

/* Answers ------------------------------------------------------------------------------- */

/* Is it a transition? Each is told once. */
static bool
flight_tells(const struct flight *flight)
{
	return flight->wish.why != NULL ? !flight->was_failed
					: !flight->was_told;
}

/* It is written: announce, remember, tell. */
static void
flight_landed(struct publisher *p, struct flight *flight)
{
	struct service *s = flight->service;
	struct wish *wish = &flight->wish;

	p->patches++;
	p->forbidden = s->unsure = s->unsaid = false;
	/* The watch may have told of it, or of what came after it, before. */
	if (strcmp(s->object->version, flight->version) == 0) {
		wish_settle(s->object, wish);
		if (p->c->cache != NULL)
			cache_put(p->c->cache, &s->object->object);
	}
	if (wish->why != NULL)
		s->words_ms = guest_now_ms(p->c->guest) + WORDS_MS;
	if (flight_tells(flight))
		event_of_wish(p->c, s, wish);
}

static void
on_later(void *arg)
{
	struct publisher *p = arg;
	struct service *s;

	p->later = false;
	for (s = services_first(p->c); s != NULL; s = services_next(s)) {
		if (s->publish != PUBLISH_LATER)
			continue;
		s->publish = PUBLISH_NONE;
		service_touch(p->c, s);
	}
	cluster_converge(p->c);
	writer_wake(p->writer, WRITE_STATUS);
}

/* Not for the moment: no RBAC, or something that nobody foresaw. */
static void
flight_refused(
    struct publisher *p, struct service *s, const struct api_reply *reply)
{
	int64_t until_ms = guest_now_ms(p->c->guest) + REST_MS;

	p->c->guest->host->metric_add(p->errors_metric, 1);
	if (reply->status == 403 && !p->forbidden)
		say(p->c->guest, LOG_ERR,
		    "the status of %s cannot be written: %s; the ServiceAccount "
		    "needs the verb patch on services/status",
		    s->name, reply->why);
	else if (reply->status != 403)
		say(p->c->guest, LOG_WARNING,
		    "the status of %s cannot be written: %s", s->name,
		    reply->why);
	if (reply->status == 403) { /* it is nobody's right: all wait */
		p->forbidden = true;
		p->rest_ms = until_ms - 1;
		queue_add(p, s);
		later_start(p);
	} else {
		s->rest_ms = until_ms - 1;
		publish_later(p, s);
	}
}

static void
flight_missed(
    struct publisher *p, struct flight *flight, const struct api_reply *reply)
{
	struct service *s = flight->service;
	int status = reply->status;

	if (status == 0 || status >= 500) {
		s->unsure = true;
		s->unsaid |= flight_tells(flight);
	}
	if (writer_is_retried(reply))
		queue_add(p, s); /* the writer pauses */
	else if (status != 409 && status != 404)
		flight_refused(p, s, reply);
	else if (strcmp(s->object->version, flight->version) == 0)
		publish_later(p, s);
	/* else a newer version is here: decided again at once */
}

/* It may be there yet, or was not to be had: asked once more. */
static void
former_done(
    struct publisher *p, struct flight *flight, const struct api_reply *reply)
{
	if (!writer_is_retried(reply))
		return;
	TAILQ_INSERT_TAIL(&p->ripe, flight->former, link);
	flight->former = NULL;
}

static void
status_done(void *arg, void *tag, const struct api_reply *reply)
{
	struct publisher *p = arg;
	struct flight *flight = tag;
	struct service *s = flight->service;

	if (s == NULL)
		former_done(p, flight, reply);
	else {
		s->publish = PUBLISH_NONE;
		if (s->object != NULL &&
		    strcmp(s->object->uid, flight->uid) == 0) {
			if (reply->why == NULL)
				flight_landed(p, flight);
			else
				flight_missed(p, flight, reply);
		}
		if (s->publish == PUBLISH_NONE)
			service_touch(p->c, s);
		cluster_converge(p->c);
	}
	flight_free(flight);
}

static const struct writer_client status_client = { status_next, status_done };

/* Former ones ---------------------------------------------------------------------------- */

/* Those whose slices went with them were deleted; the rest is asked about. */
static void
on_former(void *arg)
{
	struct publisher *p = arg;
	const struct bgpd_host *host = p->c->guest->host;
	int64_t now_ms = guest_now_ms(p->c->guest);
	struct former *former;
	struct service *s;

	while ((former = TAILQ_FIRST(&p->formers)) != NULL) {
		if (former->due_ms > now_ms) {
			host->timer_start(
			    p->former_timer, former->due_ms - now_ms);
			return;
		}
		TAILQ_REMOVE(&p->formers, former, link);
		s = cluster_find(p->c, former->name);
		if (former_is_back(p, former) ||
		    (former->had_slices &&
			(s == NULL || LIST_EMPTY(&s->slices)))) {
			former_free(former);
			continue;
		}
		TAILQ_INSERT_TAIL(&p->ripe, former, link);
		writer_wake(p->writer, WRITE_STATUS);
	}
}

void
publish_former(struct cluster *c, const struct service *s)
{
	struct publisher *p = c->publisher;
	const struct bgpd_host *host = c->guest->host;
	struct former *former;

	if (p == NULL || !publisher_leads(p) || !service_is_ours(c, s) ||
	    (!s->object->status_seen &&
		s->object->allocated == CONDITION_UNSAID))
		return;
	former = k8s_alloc(sizeof(*former) + strlen(s->name) + 1);
	former->due_ms = guest_now_ms(c->guest) + FORMER_MS;
	former->had_slices = !LIST_EMPTY(&s->slices);
	memcpy(former->uid, s->object->uid, sizeof(former->uid));
	former->conditions = k8s_copy(s->object->conditions);
	strcpy(former->name, s->name);
	if (TAILQ_EMPTY(&p->formers))
		host->timer_start(p->former_timer, FORMER_MS);
	TAILQ_INSERT_TAIL(&p->formers, former, link);
}

static void
formers_free(struct former_list *list)
{
	struct former *former;

	while ((former = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, former, link);
		former_free(former);
	}
}

/* Leading -------------------------------------------------------------------------------- */

bool
publisher_leads(const struct publisher *p)
{
	return p->lease != NULL && lease_is_held(p->lease);
}

static void
on_change(void *arg, bool held)
{
	struct publisher *p = arg;

	if (!held) {
		formers_free(&p->formers);
		formers_free(&p->ripe);
	}
	cluster_touch_all(p->c);
	cluster_converge(p->c);
	writer_wake(p->writer, WRITE_STATUS);
}

void
publisher_compete(struct publisher *p)
{
	struct lease_options options = {
		.space = p->c->settings->space,
		.name = LEASE_NAME,
		.identity = p->c->settings->node,
		.duration_ms = LEASE_DURATION_MS,
		.renew_ms = LEASE_RENEW_MS,
		.retry_ms = LEASE_RETRY_MS,
	};

	if (p->lease == NULL && p->c->config != NULL)
		p->lease =
		    lease_open(p->c->guest, p->api, &options, on_change, p);
}

void
publish_stop(struct publisher *p, void (*on_done)(void *arg), void *arg)
{
	if (p->lease == NULL)
		on_done(arg);
	else
		lease_release(p->lease, on_done, arg);
}

void
publish_show(struct cluster *c, struct bgpd_out *out)
{
	const struct bgpd_host *host = c->guest->host;
	struct publisher *p = c->publisher;
	const char *holder = p->lease == NULL ? NULL : lease_holder(p->lease);
	const char *trouble = p->lease == NULL ? NULL : lease_trouble(p->lease);

	host->out_print(out, "Allocator: %s%s\n",
	    publisher_leads(p) ? "this node"
	    : holder != NULL   ? holder
			       : "not known",
	    p->lease == NULL ? " (all objects must be read first)" : "");
	if (trouble != NULL) {
		host->out_print(out, "  The Lease: %s\n", trouble);
		host->out_string(out, "leaseTrouble", trouble);
	}
	host->out_print(out, "Statuses written: %llu, under way %zu\n",
	    (unsigned long long)p->patches, writer_under_way(p->writer));
	host->out_bool(out, "allocates", publisher_leads(p));
	if (holder != NULL)
		host->out_string(out, "allocator", holder);
	host->out_int(out, "statusesWritten", (int64_t)p->patches);
}

struct publisher *
publisher_new(struct cluster *c, struct api *api)
{
	struct publisher *p = k8s_alloc(sizeof(*p));
	const struct bgpd_host *host = c->guest->host;

	p->c = c;
	p->api = api;
	TAILQ_INIT(&p->queue);
	TAILQ_INIT(&p->formers);
	TAILQ_INIT(&p->ripe);
	p->writer = writer_new(c->guest, api);
	p->recorder = recorder_new(c->guest, p->writer, c->settings->node);
	p->former_timer = host->timer_new(c->guest->self, on_former, p);
	p->later_timer = host->timer_new(c->guest->self, on_later, p);
	p->errors_metric = metric_open(c, BGPD_COUNTER,
	    "metallb_k8s_client_update_errors_total",
	    "Statuses that could not be written");
	writer_serve(p->writer, WRITE_STATUS, &status_client, p);
	return p;
}

struct recorder *
publisher_recorder(const struct publisher *p)
{
	return p->recorder;
}

void
publisher_free(struct publisher *p)
{
	const struct bgpd_host *host;

	if (p == NULL)
		return;
	host = p->c->guest->host;
	lease_close(p->lease);
	recorder_free(p->recorder);
	writer_free(p->writer);
	host->timer_free(p->former_timer);
	host->timer_free(p->later_timer);
	host->metric_free(p->errors_metric);
	while (!LIST_EMPTY(&p->flights))
		flight_free(LIST_FIRST(&p->flights));
	formers_free(&p->formers);
	formers_free(&p->ripe);
	free(p);
}
