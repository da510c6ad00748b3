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
#define FORBIDDEN_MS	  30000 /* RBAC may be mended meanwhile */
#define FORMER_MS	  1500	/* slices of a Service that is gone go too */
#define CONTROLLER	  "metallb-controller" /* as dashboards know it */
#define SPEAKER		  "metallb-speaker"

/* A patch under way. */
struct flight {
	LIST_ENTRY(flight) link;
	struct service *service; /* NULL: of a former one */
	struct wish wish;
	char uid[UID_LEN], version[VERSION_LEN];
	bool was_told; /* the addresses did not change, the rest did */
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
	bool forbidden; /* said once */
	struct bgpd_metric *errors_metric;
	uint64_t patches;
};

/* Events ------------------------------------------------------------------------------- */

static void
event_say(struct publisher *p, const struct service *s, const char *controller,
    const char *type, const char *reason, const char *action, const char *note)
{
	const char *slash = strchr(s->name, '/');
	char *space = strndup(s->name, (size_t)(slash - s->name));
	struct event event = {
		.api_version = "v1",
		.kind = "Service",
		.space = space,
		.name = slash + 1,
		.uid = s->object->uid,
		.version = s->object->version,
		.type = type,
		.reason = reason,
		.action = action,
		.note = note,
		.controller = controller,
	};

	if (space != NULL)
		recorder_say(p->recorder, &event);
	free(space);
}

static void
event_allocated(
    struct publisher *p, const struct service *s, const struct wish *wish)
{
	char note[64 + SERVICE_IPS * (ADDR_LEN + 4)] = "Assigned IP ";
	char text[ADDR_LEN];
	uint8_t i;

	for (i = 0; i < wish->count; i++)
		snprintf(note + strlen(note), sizeof(note) - strlen(note),
		    "%s\"%s\"", i > 0 ? ", " : "",
		    addr_text(&wish->addresses[i], text));
	event_say(p, s, CONTROLLER, "Normal", "IPAllocated", "Allocate", note);
}

static void
event_failed(struct publisher *p, const struct service *s, const char *why)
{
	char note[1024];

	snprintf(note, sizeof(note), "Failed to allocate IP for \"%s\": %s",
	    s->name, why);
	event_say(
	    p, s, CONTROLLER, "Warning", "AllocationFailed", "Allocate", note);
}

void
publish_conflict(
    struct cluster *c, struct service *s, const char *address, const char *to)
{
	char note[1024];

	s->conflict = true;
	snprintf(note, sizeof(note),
	    "%s is held by \"%s\" too, which is older: this Service gives it "
	    "up",
	    address, to);
	say(c->guest, LOG_WARNING, "AddressConflict: %s: %s", s->name, note);
	if (c->publisher != NULL && s->object != NULL)
		event_say(c->publisher, s, CONTROLLER, "Warning",
		    "AddressConflict", "Allocate", note);
}

/* Layer 2: who answers for an address, told by that node. */
struct news {
	struct cluster *c;
	const struct bgpd_carry *carry;
};

static void
on_holder(void *arg, const char *name)
{
	struct news *news = arg;
	struct service *s = cluster_find(news->c, name);
	char note[512];

	if (s == NULL || s->object == NULL)
		return;
	snprintf(note, sizeof(note),
	    "announcing from node \"%s\" with protocol \"%s\"",
	    news->c->settings->node, news->carry->protocol);
	event_say(news->c->publisher, s, SPEAKER, "Normal", "nodeAssigned",
	    "Announce", note);
}

void
publish_carry(struct cluster *c, const struct bgpd_carry *carry)
{
	struct news news = { c, carry };

	if (c->publisher != NULL && carry->mine && carry->confirmed &&
	    strcmp(carry->protocol, "bgp") != 0)
		alloc_each(c->alloc, &carry->address, on_holder, &news);
}

/* The queue ---------------------------------------------------------------------------- */

static void
queue_add(struct publisher *p, struct service *s)
{
	s->publish = PUBLISH_QUEUED;
	TAILQ_INSERT_TAIL(&p->queue, s, in_publish);
	writer_wake(p->writer, WRITE_STATUS);
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

void
publish_service(struct cluster *c, struct service *s)
{
	struct publisher *p = c->publisher;

	if (p == NULL || s->publish == PUBLISH_UNDER_WAY)
		return; /* decided again when that is answered */
	if (!wish_differs(s))
		publish_cancel(c, s);
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
	free(flight->wish.why);
	free(flight);
}

static void
former_free(struct former *former)
{
	free(former->conditions);
	free(former);
}

/* A former one whose time has come, and which may be there still. */
static bool
former_next(struct publisher *p, struct write *write)
{
	struct flight *flight;
	struct former *former;

	if ((former = TAILQ_FIRST(&p->ripe)) == NULL)
		return false;
	TAILQ_REMOVE(&p->ripe, former, link);
	flight = flight_new(p, NULL);
	write->path = status_path(former->name);
	write->body = status_body_of_none(former->uid, former->conditions);
	write->tag = flight;
	former_free(former);
	return true;
}

static bool
status_next(void *arg, struct write *write)
{
	struct publisher *p = arg;
	struct flight *flight;
	struct service *s;

	if (!publisher_leads(p))
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
	memcpy(flight->uid, s->object->uid, sizeof(flight->uid));
	memcpy(flight->version, s->object->version, sizeof(flight->version));
	wish_make(s, &flight->wish);
	write->path = status_path(s->name);
	write->body = status_body(s->object, &flight->wish);
	write->tag = flight;
	return true;
}

/* Answers ------------------------------------------------------------------------------- */

/* It is written: announce, remember, tell. */
static void
flight_landed(struct publisher *p, struct flight *flight)
{
	struct service *s = flight->service;
	struct wish *wish = &flight->wish;

	p->patches++;
	p->forbidden = s->unsure = false;
	/* The watch may have told of it, or of what came after it, before. */
	if (strcmp(s->object->version, flight->version) == 0) {
		wish_settle(s->object, wish);
		if (p->c->cache != NULL)
			cache_put(p->c->cache, &s->object->object);
	}
	if (wish->why != NULL)
		event_failed(p, s, wish->why);
	else if (!flight->was_told)
		event_allocated(p, s, wish);
}

static void
on_later(void *arg)
{
	struct publisher *p = arg;
	struct service *s;

	for (s = services_first(p->c); s != NULL; s = services_next(s)) {
		if (s->publish == PUBLISH_LATER)
			service_touch(p->c, s);
	}
	cluster_converge(p->c);
}

/* Not for the moment: no RBAC, or something that nobody foresaw. */
static void
flight_refused(
    struct publisher *p, struct flight *flight, const struct api_reply *reply)
{
	struct service *s = flight->service;

	p->c->guest->host->metric_add(p->errors_metric, 1);
	s->publish = PUBLISH_LATER;
	if (reply->status == 403 && !p->forbidden)
		say(p->c->guest, LOG_ERR,
		    "the status of %s cannot be written: %s; the ServiceAccount "
		    "needs the verb patch on services/status",
		    s->name, reply->why);
	else if (reply->status != 403)
		say(p->c->guest, LOG_WARNING,
		    "the status of %s cannot be written: %s", s->name,
		    reply->why);
	p->forbidden |= reply->status == 403;
	p->c->guest->host->timer_start(p->later_timer, FORBIDDEN_MS);
}

static void
flight_missed(
    struct publisher *p, struct flight *flight, const struct api_reply *reply)
{
	struct service *s = flight->service;
	int status = reply->status;

	s->unsure |= status == 0 || status >= 500;
	if (status == 0 || status == 429 || status >= 500)
		queue_add(p, s); /* the writer pauses */
	else if (status != 409 && status != 404)
		flight_refused(p, flight, reply);
	else if (strcmp(s->object->version, flight->version) == 0)
		s->publish = PUBLISH_LATER;
	/* else a newer version is here: decided again at once */
}

static void
status_done(void *arg, void *tag, const struct api_reply *reply)
{
	struct publisher *p = arg;
	struct flight *flight = tag;
	struct service *s = flight->service;

	if (s != NULL) {
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
		if ((s != NULL && s->object != NULL) ||
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
