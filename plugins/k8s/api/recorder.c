/* SPDX-License-Identifier: ISC */
/* Events (events.k8s.io/v1): said once, repeats counted as a series, bounded. */

/*
 * A record is one event as it was first said, in one block of memory. It waits
 * in a queue, warnings first, until the writer asks for it; then it is remembered for as long
 * as it repeats, so that a repeat is counted and not written: the first one
 * opens a series at once, those that follow are told when the series is
 * refreshed or has ended. Two that differ in their note are two events.
 *
 * Nothing here is worth a failure: too many waiting, too many of one object, a
 * server that refuses, a quota or a webhook that denies, and events are dropped.
 * But for the right to write any: a server that has just started, or whose roles
 * come after the pods, gives it a little later; so they wait for ten minutes, and
 * one of them asks again.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>

#include "../text.h"
#include "event.h"

#define QUEUE_MAX  20000
#define MEMORY_MAX 1024 /* remembered for repeats */
#define BUCKETS	   1024
#define IDLE_MS	   (6 * 60 * 1000)  /* then a series has ended */
#define REFRESH_MS (30 * 60 * 1000) /* what a long one is told anew after */
#define SWEEP_MS   (60 * 1000)
#define BURST	   25 /* of one object, then one each ... */
#define BURST_MS   (300 * 1000)
#define OBJECTS	   4096 /* whose bursts are known */
#define TRIES_MAX  12	/* that end in a 5xx */
#define TOLD_MAX   8	/* reasons of refusals that are logged */
#define REFUSED_MS 500	/* then the right is asked for again; doubled ... */
#define REST_MS	   30000
#define KEEP_MS	   (10 * 60 * 1000) /* since it was last said */

struct record {
	TAILQ_ENTRY(record) in_queue;  /* or in what is under way */
	TAILQ_ENTRY(record) in_memory; /* the least recently said first */
	struct record *next;	       /* of its bucket */
	uint64_t hash;
	struct event_times times;
	int64_t last_ms, written_ms;	    /* ours */
	uint32_t sent_count, written_count; /* of times; 0: not yet */
	uint8_t tries;
	bool queued, under_way, remembered, urgent;
	char block[]; /* event_pack */
};
TAILQ_HEAD(records, record);

/* How far an object's events have run ahead of one each BURST_MS. */
struct object {
	uint64_t hash;
	int64_t ahead_ms;
};

struct recorder {
	struct guest *guest;
	struct writer *writer;
	struct bgpd_timer *timer, *rest;
	char *instance;
	struct records queue, urgent, sent, memory;
	size_t queue_count, memory_count;
	struct record *buckets[BUCKETS];
	struct object *objects;
	uint64_t seed;
	int64_t last_ns;
	size_t lost;	   /* since the queue was full; 0: it is not */
	unsigned refusals; /* in a row, for want of the right */
	bool rests;	   /* its timer is on */
	uint64_t told[TOLD_MAX];
	unsigned told_count;
};

/* Records ---------------------------------------------------------------------- */

static struct record *
record_new(const struct event *event, uint64_t hash)
{
	struct record *r;

	r = k8s_alloc(sizeof(*r) + event_pack(event, NULL));
	event_pack(event, r->block);
	r->hash = hash;
	r->urgent = k8s_equal(event->type, "Warning");
	return r;
}

static void
record_free_unused(struct record *r)
{
	if (!r->queued && !r->under_way && !r->remembered)
		free(r);
}

static struct record **
bucket_find(struct recorder *rec, uint64_t hash)
{
	struct record **at = &rec->buckets[hash % BUCKETS];

	while (*at != NULL && (*at)->hash != hash)
		at = &(*at)->next;
	return at;
}

static void
record_remember(struct recorder *rec, struct record *r)
{
	struct record **at = &rec->buckets[r->hash % BUCKETS];

	r->next = *at;
	*at = r;
	r->remembered = true;
	TAILQ_INSERT_TAIL(&rec->memory, r, in_memory);
	if (rec->memory_count++ == 0)
		rec->guest->host->timer_start(rec->timer, SWEEP_MS);
}

/* Frees it too, unless it waits or is under way. */
static void
record_forget(struct recorder *rec, struct record *r)
{
	if (r->remembered) {
		*bucket_find(rec, r->hash) = r->next;
		TAILQ_REMOVE(&rec->memory, r, in_memory);
		rec->memory_count--;
		r->remembered = false;
	}
	record_free_unused(r);
}

static struct records *
record_home(struct recorder *rec, const struct record *r)
{
	return r->urgent ? &rec->urgent : &rec->queue;
}

static void
record_unqueue(struct recorder *rec, struct record *r)
{
	TAILQ_REMOVE(record_home(rec, r), r, in_queue);
	rec->queue_count--;
	r->queued = false;
}

/* One that is remembered stays so: a repeat says it anew. */
static void
queue_drop_oldest(struct recorder *rec)
{
	struct record *r = TAILQ_FIRST(&rec->queue);

	if (r == NULL)
		r = TAILQ_FIRST(&rec->urgent);
	if (rec->lost++ == 0)
		say(rec->guest, LOG_WARNING,
		    "events: %d wait to be written, the oldest are dropped",
		    QUEUE_MAX);
	record_unqueue(rec, r);
	record_free_unused(r);
}

static void
record_queue(struct recorder *rec, struct record *r)
{
	if (r->queued || r->under_way)
		return;
	r->queued = true; /* first: it must not be freed by the next line */
	if (rec->queue_count >= QUEUE_MAX)
		queue_drop_oldest(rec);
	TAILQ_INSERT_TAIL(record_home(rec, r), r, in_queue);
	rec->queue_count++;
	writer_wake(rec->writer, WRITE_EVENT);
}

/* Where the right to write is missing. */
static void
queue_drop_aged(struct recorder *rec, struct records *queue)
{
	int64_t now_ms = guest_now_ms(rec->guest);
	struct record *r;

	while ((r = TAILQ_FIRST(queue)) != NULL &&
	       now_ms - r->last_ms >= KEEP_MS) {
		record_unqueue(rec, r);
		record_free_unused(r);
	}
}

/* A series has ended: what was not told of it yet is. */
static void
record_finish(struct recorder *rec, struct record *r)
{
	if (r->written_count > 0 && r->times.count > r->written_count)
		record_queue(rec, r);
	record_forget(rec, r);
}

static void
recorder_sweep(void *arg)
{
	struct recorder *rec = arg;
	int64_t now_ms = guest_now_ms(rec->guest);
	struct record *r, *next;

	TAILQ_FOREACH_SAFE (r, &rec->memory, in_memory, next) {
		if (now_ms - r->last_ms >= IDLE_MS)
			record_finish(rec, r);
		else if (r->written_count > 0 &&
			 r->times.count > r->written_count &&
			 now_ms - r->written_ms >= REFRESH_MS)
			record_queue(rec, r);
	}
	if (rec->memory_count > 0)
		rec->guest->host->timer_start(rec->timer, SWEEP_MS);
}

/* Saying ----------------------------------------------------------------------- */

/*
 * An object may say BURST events, then one each BURST_MS. Two objects that meet
 * at one place of the table forget each other's, which only lets more pass.
 */
static bool
object_may_say(struct recorder *rec, const struct event *event, int64_t now_ms)
{
	uint64_t hash = event_hash_object(event, rec->seed);
	struct object *o = &rec->objects[hash % OBJECTS];

	if (o->hash != hash || o->ahead_ms < now_ms) {
		o->hash = hash;
		o->ahead_ms = now_ms;
	}
	if (o->ahead_ms - now_ms > (BURST - 1) * BURST_MS)
		return false;
	o->ahead_ms += BURST_MS;
	return true;
}

static void
record_repeat(struct recorder *rec, struct record *r, int64_t now_ms)
{
	r->times.count++;
	r->last_ms = now_ms;
	r->times.last_ns = stamp_now_ns();
	TAILQ_REMOVE(&rec->memory, r, in_memory);
	TAILQ_INSERT_TAIL(&rec->memory, r, in_memory);
	if (r->written_count <= 1)
		record_queue(rec, r);
}

/* A time that no event of ours has: it is in the name. */
static int64_t
recorder_stamp(struct recorder *rec)
{
	int64_t now_ns = stamp_now_ns();

	if (now_ns <= rec->last_ns && rec->last_ns - now_ns < 1000000)
		now_ns = rec->last_ns + 1;
	rec->last_ns = now_ns;
	return now_ns;
}

void
recorder_say(struct recorder *rec, const struct event *event)
{
	int64_t now_ms = guest_now_ms(rec->guest);
	uint64_t hash = event_hash(event, rec->seed);
	struct record *r = *bucket_find(rec, hash);

	if (r != NULL && now_ms - r->last_ms < IDLE_MS) {
		record_repeat(rec, r, now_ms);
		return;
	}
	if (r != NULL)
		record_finish(rec, r);
	if (!object_may_say(rec, event, now_ms))
		return;
	r = record_new(event, hash);
	r->times.count = 1;
	r->times.first_ns = r->times.last_ns = recorder_stamp(rec);
	r->last_ms = now_ms;
	if (rec->memory_count >= MEMORY_MAX)
		record_finish(rec, TAILQ_FIRST(&rec->memory));
	record_remember(rec, r);
	record_queue(rec, r);
}

/* Writing ---------------------------------------------------------------------- */

/* The POST of one that is new, the PATCH of a series. */
static void
record_print(
    const struct recorder *rec, const struct record *r, struct write *write)
{
	struct event event;

	event_unpack(&event, r->block);
	if (r->written_count == 0) {
		write->method = "POST";
		write->type = "application/json";
		write->path = event_path(&event, 0);
		write->body = event_print(&event, &r->times, rec->instance);
	} else {
		write->method = "PATCH";
		write->type = "application/merge-patch+json";
		write->path = event_path(&event, r->times.first_ns);
		write->body = event_print_series(&r->times);
	}
}

static bool
recorder_next(void *arg, struct write *write)
{
	struct recorder *rec = arg;
	struct record *r = TAILQ_FIRST(&rec->urgent);

	/* One at a time asks whether it is allowed by now. */
	if (rec->rests || (rec->refusals > 0 && !TAILQ_EMPTY(&rec->sent)))
		return false;
	if (r == NULL)
		r = TAILQ_FIRST(&rec->queue);
	if (r == NULL)
		return false;
	record_unqueue(rec, r);
	record_print(rec, r, write);
	write->tag = r;
	r->under_way = true;
	r->sent_count = r->times.count;
	TAILQ_INSERT_TAIL(&rec->sent, r, in_queue);
	if (rec->queue_count == 0 && rec->lost > 0) {
		say(rec->guest, LOG_WARNING, "events: %zu were dropped",
		    rec->lost);
		rec->lost = 0;
	}
	return true;
}

static bool
is_of_a_namespace_that_goes(const struct api_reply *reply)
{
	return reply->status == 403 && reply->why != NULL &&
	       strstr(reply->why, "because it is being terminated") != NULL;
}

/* By a quota, a webhook, a policy: of that one, not of the right to write any. */
static bool
is_denied_alone(const struct api_reply *reply)
{
	static const char is_forbidden[] = " is forbidden: ";
	const char *at;

	if (reply->status != 403 || reply->why == NULL)
		return false;
	if (strstr(reply->why, "denied the request") != NULL ||
	    strstr(reply->why, "denied request") != NULL)
		return true;
	/* An authorizer's goes on: User "NAME" cannot create ... */
	at = strstr(reply->why, is_forbidden);
	return at != NULL &&
	       strncmp(at + strlen(is_forbidden), "User ", 5) != 0;
}

/* All wait for it. */
static bool
is_right_missing(const struct api_reply *reply)
{
	return reply->status == 403 && !is_of_a_namespace_that_goes(reply) &&
	       !is_denied_alone(reply);
}

/* Once per reason of the server's; not where its namespace goes, too. */
static void
recorder_tell(struct recorder *rec, const struct api_reply *reply)
{
	bool waits = is_right_missing(reply);
	uint64_t hash = hash_text(rec->seed, reply->reason) + waits;
	unsigned i;

	if (is_of_a_namespace_that_goes(reply))
		return;
	for (i = 0; i < rec->told_count; i++) {
		if (rec->told[i] == hash)
			return;
	}
	if (rec->told_count == TOLD_MAX)
		return;
	rec->told[rec->told_count++] = hash;
	if (waits)
		say(rec->guest, LOG_WARNING,
		    "events wait, each for %d minutes: %s; it needs a "
		    "ClusterRole with create and patch of events "
		    "(events.k8s.io)",
		    KEEP_MS / 60000, reply->why);
	else
		say(rec->guest, LOG_WARNING, "events are dropped: %s",
		    reply->why);
}

static void
on_rest(void *arg)
{
	struct recorder *rec = arg;

	rec->rests = false;
	writer_wake(rec->writer, WRITE_EVENT);
}

/* The right is missing: all wait. What was sent with it waits no longer. */
static void
recorder_forbidden(struct recorder *rec)
{
	int64_t rest_ms = (int64_t)REFUSED_MS << rec->refusals;

	queue_drop_aged(rec, &rec->urgent);
	queue_drop_aged(rec, &rec->queue);
	if (rec->rests)
		return;
	if (rest_ms < REST_MS)
		rec->refusals++;
	else
		rest_ms = REST_MS;
	rec->rests = true;
	rec->guest->host->timer_start(rec->rest, rest_ms);
}

/* It was written: is there more to tell of it by now? */
static void
record_written(struct recorder *rec, struct record *r)
{
	bool opens = r->written_count == 0;

	r->written_count = r->sent_count;
	r->written_ms = guest_now_ms(rec->guest);
	r->tries = 0;
	if (r->times.count > r->written_count && (opens || !r->remembered))
		record_queue(rec, r);
}

/* A write failed: false when it is given up. */
static bool
record_failed(
    struct recorder *rec, struct record *r, const struct api_reply *reply)
{
	if (reply->status == 404 && r->written_count > 0)
		r->written_count = 0; /* it has expired: anew */
	else if (is_right_missing(reply)) {
		recorder_tell(rec, reply);
		recorder_forbidden(rec);
		if (guest_now_ms(rec->guest) - r->last_ms >= KEEP_MS)
			return false;
	} else if (!writer_is_retried(reply) ||
		   (reply->status >= 500 && ++r->tries == TRIES_MAX)) {
		recorder_tell(rec, reply);
		return false;
	}
	record_queue(rec, r);
	return true;
}

static void
recorder_done(void *arg, void *tag, const struct api_reply *reply)
{
	struct recorder *rec = arg;
	struct record *r = tag;

	TAILQ_REMOVE(&rec->sent, r, in_queue);
	r->under_way = false;
	if ((reply->why == NULL || is_denied_alone(reply)) &&
	    rec->refusals > 0) {
		rec->refusals = 0;
		writer_wake(rec->writer, WRITE_EVENT);
	}
	/* A POST that is there already: a try that had no answer got through. */
	if (reply->why == NULL ||
	    (reply->status == 409 && r->written_count == 0))
		record_written(rec, r);
	else if (!record_failed(rec, r, reply)) {
		record_forget(rec, r);
		return;
	}
	record_free_unused(r);
}

/* The whole -------------------------------------------------------------------- */

struct recorder *
recorder_new(struct guest *guest, struct writer *writer, const char *instance)
{
	static const struct writer_client client = { recorder_next,
		recorder_done };
	struct recorder *rec = k8s_alloc(sizeof(*rec));

	rec->guest = guest;
	rec->writer = writer;
	rec->instance = k8s_copy(instance);
	rec->objects = k8s_alloc(OBJECTS * sizeof(*rec->objects));
	arc4random_buf(&rec->seed, sizeof(rec->seed));
	TAILQ_INIT(&rec->queue);
	TAILQ_INIT(&rec->urgent);
	TAILQ_INIT(&rec->sent);
	TAILQ_INIT(&rec->memory);
	rec->timer = guest->host->timer_new(guest->self, recorder_sweep, rec);
	rec->rest = guest->host->timer_new(guest->self, on_rest, rec);
	writer_serve(writer, WRITE_EVENT, &client, rec);
	return rec;
}

/* Before its writer. What waits is lost. */
void
recorder_free(struct recorder *rec)
{
	struct record *r;

	if (rec == NULL)
		return;
	writer_serve(rec->writer, WRITE_EVENT, NULL, NULL);
	rec->guest->host->timer_free(rec->timer);
	rec->guest->host->timer_free(rec->rest);
	TAILQ_CONCAT(&rec->queue, &rec->urgent, in_queue);
	TAILQ_CONCAT(&rec->queue, &rec->sent, in_queue);
	while ((r = TAILQ_FIRST(&rec->queue)) != NULL) {
		TAILQ_REMOVE(&rec->queue, r, in_queue);
		r->queued = r->under_way = false;
		record_free_unused(r);
	}
	while ((r = TAILQ_FIRST(&rec->memory)) != NULL)
		record_forget(rec, r);
	free(rec->objects);
	free(rec->instance);
	free(rec);
}
