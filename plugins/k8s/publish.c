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
#include "assign.h"
#include "publish.h"

#define FORBIDDEN_MS ((int64_t)500)
#define REST_MS	     30000 /* of what was refused */
#define WORDS_MS     60000 /* of another reason alone */
#define REWRITES_MS  60000
#define STOP_MS	     1000
#define REWRITES_MAX 6

/* A patch under way. */
struct flight {
	LIST_ENTRY(flight) link;
	struct service *service; /* NULL: of a former one */
	struct wish wish;
	char uid[UID_LEN], version[VERSION_LEN];
	bool was_told;	       /* the addresses did not change, the rest did */
	bool was_failed;       /* that it has none was told before */
	bool alone;	       /* the condition Conflict is all of it */
	struct sight stranger; /* that it tells of; family 0: of none */
	struct former *former; /* service is NULL: of this one */
};

struct publisher {
	struct cluster *c;
	struct api *api;
	struct writer *writer;
	struct recorder *recorder;
	struct leading *leading;
	struct formers *formers;
	struct bgpd_timer *later_timer, *stop_timer;
	TAILQ_HEAD(, service) queue;
	LIST_HEAD(, flight) flights;
	void (*on_stopped)(void *arg); /* NULL: it goes on */
	void *stop_arg;
	bool forbidden;	   /* said once */
	unsigned refusals; /* in a row: all rest the longer */
	bool later;	   /* its timer is on */
	int64_t rest_ms;   /* nobody's status is written before that */
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
later_start(struct publisher *p, int64_t after_ms)
{
	if (!p->later)
		p->c->guest->host->timer_start(p->later_timer, after_ms);
	p->later = true;
}

static void
publish_later(struct publisher *p, struct service *s)
{
	publish_cancel(p->c, s);
	s->publish = PUBLISH_LATER;
	later_start(p, REST_MS);
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
	       (now_ms < s->words_ms && !s->unsure && wish_differs_in_words(s));
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

/* Is there something to be written? */
static bool
publish_is_due(const struct service *s, bool gives)
{
	/* A write that may come through yet is made void by another one. */
	return gives ? wish_differs(s) || s->unsure
		     : wish_differs_in_conflict(s);
}

void
publish_service(struct cluster *c, struct service *s, bool gives)
{
	struct publisher *p = c->publisher;

	if (p == NULL || s->publish == PUBLISH_UNDER_WAY)
		return; /* decided again when that is answered */
	if (!publish_is_due(s, gives)) {
		publish_cancel(c, s);
		/* It came through though its answer did not. */
		if (s->unsaid && gives) {
			s->unsaid = false;
			event_due(p, s);
		}
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
flight_free(struct flight *flight)
{
	LIST_REMOVE(flight, link);
	former_free(flight->former);
	free(flight->wish.why);
	free(flight);
}

/* A former one whose time has come, and which may be there still. */
static bool
former_next(struct publisher *p, struct write *write)
{
	struct flight *flight;
	struct former *former;

	former = formers_take(p->formers, &write->path, &write->body);
	if (former == NULL)
		return false;
	flight = flight_new(p, NULL);
	flight->former = former;
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

/* The next of the queue; what is being decided is published when that is done. */
static struct service *
queue_take(struct publisher *p, bool gives)
{
	struct service *s;

	while ((s = TAILQ_FIRST(&p->queue)) != NULL) {
		TAILQ_REMOVE(&p->queue, s, in_publish);
		s->publish = PUBLISH_NONE;
		if (!s->touched && !s->in_run &&
		    (gives || publish_is_due(s, false)))
			break;
	}
	return s;
}

static struct flight *
flight_begin(struct publisher *p, struct service *s, bool gives)
{
	struct flight *flight = flight_new(p, s);
	const struct sight *stranger = wish_news(s);

	s->publish = PUBLISH_UNDER_WAY;
	flight->alone = !gives;
	flight->was_told = assign_is_told(s);
	flight->was_failed = s->object->allocated == CONDITION_FALSE;
	if (stranger != NULL)
		flight->stranger = *stranger;
	if (sight_turns(p->c, s))
		s->rest_ms = guest_now_ms(p->c->guest) + REST_MS;
	if (gives)
		rewrites_count(p, s);
	memcpy(flight->uid, s->object->uid, sizeof(flight->uid));
	memcpy(flight->version, s->object->version, sizeof(flight->version));
	wish_make(s, &flight->wish);
	return flight;
}

static bool
status_next(void *arg, struct write *write)
{
	struct publisher *p = arg;
	bool gives = publisher_leads(p);
	struct flight *flight;
	struct service *s;

	if (p->on_stopped != NULL || guest_now_ms(p->c->guest) < p->rest_ms)
		return false;
	write->method = "PATCH";
	write->type = gives ? "application/merge-patch+json"
			    : "application/strategic-merge-patch+json";
	s = queue_take(p, gives);
	if (s == NULL)
		return gives && former_next(p, write);
	flight = flight_begin(p, s, gives);
	write->path = status_path(s->name);
	write->body = gives ? status_body(s->object, &flight->wish)
			    : status_body_of_conflict(s->object, &flight->wish);
	write->tag = flight;
	return true;
}

/* Answers ------------------------------------------------------------------------------- */

/* Is it a transition? Each is told once. */
static bool
flight_tells(const struct flight *flight)
{
	if (flight->alone)
		return false;
	return flight->wish.why != NULL ? !flight->was_failed
					: !flight->was_told;
}

/* The watch may have told of it, or of what came after it, before. */
static void
flight_settle(struct publisher *p, const struct flight *flight)
{
	struct service *s = flight->service;

	if (strcmp(s->object->version, flight->version) != 0)
		return;
	if (flight->alone)
		wish_settle_conflict(s->object, &flight->wish);
	else
		wish_settle(s->object, &flight->wish);
	if (p->c->cache != NULL)
		cache_put(p->c->cache, &s->object->object);
}

/* It is written: announce, remember, tell. */
static void
flight_landed(struct publisher *p, struct flight *flight)
{
	struct service *s = flight->service;
	struct wish *wish = &flight->wish;

	p->patches++;
	p->forbidden = s->unsure = s->unsaid = false;
	p->refusals = 0;
	flight_settle(p, flight);
	if (wish->why != NULL && !flight->alone)
		s->words_ms = guest_now_ms(p->c->guest) + WORDS_MS;
	if (flight_tells(flight))
		event_of_wish(p->c, s, wish);
	if (flight->stranger.address.family != 0)
		event_of_stranger(
		    p->c, s, &flight->stranger.address, flight->stranger.mac);
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

/* Not for the moment: it is something that nobody foresaw. */
static void
flight_refused(
    struct publisher *p, struct service *s, const struct api_reply *reply)
{
	say(p->c->guest, LOG_WARNING, "the status of %s cannot be written: %s",
	    s->name, reply->why);
	s->rest_ms = guest_now_ms(p->c->guest) + REST_MS - 1;
	publish_later(p, s);
}

/* It is the right to write any: all wait, and some try again and again. */
static void
flight_forbidden(
    struct publisher *p, struct service *s, const struct api_reply *reply)
{
	int64_t now_ms = guest_now_ms(p->c->guest), rest_ms;

	if (!p->forbidden)
		say(p->c->guest, LOG_ERR,
		    "the status of %s cannot be written: %s; the ServiceAccount "
		    "needs the verb patch on services/status",
		    s->name, reply->why);
	p->forbidden = true;
	queue_add(p, s);
	if (now_ms < p->rest_ms)
		return; /* sent together with the one that was heard before */
	rest_ms = FORBIDDEN_MS << p->refusals;
	if (rest_ms < REST_MS)
		p->refusals++;
	else
		rest_ms = REST_MS;
	p->rest_ms = now_ms + rest_ms - 1;
	later_start(p, rest_ms);
}

static void
flight_missed(
    struct publisher *p, struct flight *flight, const struct api_reply *reply)
{
	struct service *s = flight->service;
	int status = reply->status;
	bool is_open = strcmp(s->object->version, flight->version) == 0;

	if (status == 0 || status >= 500) {
		/* Where there is a newer version, it says what came of this. */
		s->unsure |= is_open;
		s->unsaid |= flight_tells(flight);
	}
	if (writer_is_retried(reply)) {
		queue_add(p, s); /* the writer pauses */
		return;
	}
	if (status != 409 && status != 404)
		p->c->guest->host->metric_add(p->errors_metric, 1);
	if (status == 403)
		flight_forbidden(p, s, reply);
	else if (status != 409 && status != 404)
		flight_refused(p, s, reply);
	else if (is_open)
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
	formers_again(p->formers, flight->former);
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
		/* What it held on to for the sake of the write is looked at. */
		if (s->publish != PUBLISH_LATER)
			service_touch(p->c, s);
		cluster_converge(p->c);
	}
	flight_free(flight);
	if (p->on_stopped != NULL && LIST_EMPTY(&p->flights))
		p->c->guest->host->timer_start(p->stop_timer, 0);
}

static const struct writer_client status_client = { status_next, status_done };

/* Former ones ---------------------------------------------------------------------------- */

static void
on_ripe(void *arg)
{
	struct publisher *p = arg;

	writer_wake(p->writer, WRITE_STATUS);
}

/* What is read again by one that is to lead may show that it is gone. */
void
publish_former(struct cluster *c, const struct service *s)
{
	struct publisher *p = c->publisher;

	if (p != NULL && leading_has_lease(p->leading) &&
	    service_is_ours(c, s) &&
	    (s->object->status_seen ||
		s->object->allocated != CONDITION_UNSAID))
		formers_add(p->formers, s);
}

/* Leading -------------------------------------------------------------------------------- */

bool
publisher_leads(const struct publisher *p)
{
	return leading_is_on(p->leading);
}

/* All is decided anew. */
static void
on_change(void *arg, bool leads)
{
	struct publisher *p = arg;

	if (!leads)
		formers_clear(p->formers);
	cluster_touch_all(p->c);
	cluster_converge(p->c);
	writer_wake(p->writer, WRITE_STATUS);
}

void
publisher_look(struct publisher *p)
{
	leading_look(p->leading);
}

void
publisher_compete(struct publisher *p)
{
	leading_compete(p->leading, p->api);
}

static void
on_quiet(void *arg)
{
	struct publisher *p = arg;

	p->c->guest->host->timer_stop(p->stop_timer);
	leading_stop(p->leading, p->on_stopped, p->stop_arg);
}

/*
 * The next one gives addresses by what the statuses say then: what is under way
 * is waited for, a second at most.
 */
void
publish_stop(struct publisher *p, void (*on_done)(void *arg), void *arg)
{
	p->on_stopped = on_done;
	p->stop_arg = arg;
	p->c->guest->host->timer_start(
	    p->stop_timer, LIST_EMPTY(&p->flights) ? 0 : STOP_MS);
}

void
publish_show(struct cluster *c, struct bgpd_out *out)
{
	const struct bgpd_host *host = c->guest->host;
	struct publisher *p = c->publisher;
	const struct writer_counts *events =
	    writer_counts(p->writer, WRITE_EVENT);

	leading_show(p->leading, out);
	host->out_print(out, "Statuses written: %llu, under way %zu\n",
	    (unsigned long long)p->patches, writer_under_way(p->writer));
	host->out_print(out, "Events written: %llu, refused %llu\n",
	    (unsigned long long)events->written,
	    (unsigned long long)events->failed);
	host->out_int(out, "statusesWritten", (int64_t)p->patches);
	host->out_int(out, "eventsWritten", (int64_t)events->written);
	host->out_int(out, "eventsRefused", (int64_t)events->failed);
}

struct publisher *
publisher_new(struct cluster *c, struct api *api)
{
	struct publisher *p = k8s_alloc(sizeof(*p));
	const struct bgpd_host *host = c->guest->host;

	p->c = c;
	p->api = api;
	TAILQ_INIT(&p->queue);
	p->writer = writer_new(c->guest, api);
	p->recorder = recorder_new(c->guest, p->writer, c->settings->node);
	p->formers = formers_new(c, on_ripe, p);
	p->stop_timer = host->timer_new(c->guest->self, on_quiet, p);
	p->later_timer = host->timer_new(c->guest->self, on_later, p);
	p->leading = leading_new(c, on_change, p);
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

const char *
publisher_identity(const struct publisher *p)
{
	return leading_identity(p->leading);
}

void
publisher_free(struct publisher *p)
{
	const struct bgpd_host *host;

	if (p == NULL)
		return;
	host = p->c->guest->host;
	leading_free(p->leading);
	recorder_free(p->recorder);
	writer_free(p->writer);
	host->timer_free(p->stop_timer);
	host->timer_free(p->later_timer);
	host->metric_free(p->errors_metric);
	while (!LIST_EMPTY(&p->flights))
		flight_free(LIST_FIRST(&p->flights));
	formers_free(p->formers);
	free(p);
}
