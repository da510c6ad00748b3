/* SPDX-License-Identifier: ISC */
/* Writes to the server, by rank: a bounded number under way, pauses, back-off. */

/*
 * What waits is the clients' own: they are asked for the next write when there
 * is a place for it, so ten thousand of them need no memory here. Status comes
 * first. Of four places that both ranks want the events get one, and never more
 * than half of all, so that neither waits for ever.
 *
 * How many may be under way follows what the server says: each round of
 * successes allows one more, a 429 halves it. A rank that failed pauses: for as
 * long as the server asks, else by exponential back-off with full jitter, and
 * then one write tries the ice. What failed together counts once.
 */

#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>

#include "api.h"

#define SLOTS	       12 /* more is no faster, and 95 KB each */
#define EVENT_TURN     12 /* of so many starts one is an event's */
#define DEADLINE_MS    10000
#define BACKOFF_MS     100
#define BACKOFF_MAX_MS 30000
#define PAUSE_MAX_MS   60000 /* whatever Retry-After says */

struct slot {
	struct writer *writer;
	enum write_rank rank;
	unsigned window_round, pause_round; /* when it was sent */
	struct write write;
	struct api_call *call; /* NULL: free */
};

struct rank {
	const struct writer_client *client; /* NULL: nobody */
	void *arg;
	bool wanted;
	unsigned under_way, pause_round;
	int64_t resume_ms;  /* 0: it does not pause */
	int64_t backoff_ms; /* 0: the last write was answered */
	struct writer_counts counts;
};

struct writer {
	struct guest *guest;
	struct api *api;
	struct bgpd_timer *timer;
	struct rank ranks[WRITE_RANKS];
	struct slot slots[SLOTS];
	unsigned under_way, turn;
	unsigned window, window_round, successes;
};

/* When -------------------------------------------------------------------------- */

static bool
rank_is_waiting(const struct rank *r)
{
	return r->wanted && r->resume_ms == 0;
}

/* How many of a rank may be under way now. */
static unsigned
rank_limit(const struct writer *w, enum write_rank rank)
{
	unsigned limit = w->window;

	if (w->ranks[rank].backoff_ms > 0)
		return 1;
	if (rank == WRITE_EVENT)
		limit /=
		    rank_is_waiting(&w->ranks[WRITE_STATUS]) ? EVENT_TURN : 2;
	return limit > 0 ? limit : 1;
}

static bool
rank_may_start(const struct writer *w, enum write_rank rank)
{
	return rank_is_waiting(&w->ranks[rank]) &&
	       w->ranks[rank].under_way < rank_limit(w, rank);
}

/* Whose write is the next; WRITE_RANKS: nobody's. */
static enum write_rank
writer_choose(struct writer *w)
{
	bool status = rank_may_start(w, WRITE_STATUS);
	bool event = rank_may_start(w, WRITE_EVENT);

	if (w->under_way >= w->window)
		return WRITE_RANKS;
	if (status && event)
		return ++w->turn % EVENT_TURN == 0 ? WRITE_EVENT : WRITE_STATUS;
	return status ? WRITE_STATUS : event ? WRITE_EVENT : WRITE_RANKS;
}

/* When a rank's next write may start; -1: nobody knows yet. */
static int64_t
rank_due_ms(const struct writer *w, enum write_rank rank)
{
	if (w->ranks[rank].wanted && w->ranks[rank].resume_ms > 0)
		return w->ranks[rank].resume_ms;
	return w->under_way < w->window && rank_may_start(w, rank) ? 0 : -1;
}

/* Asks the clients when one may start. */
static void
writer_arm(struct writer *w)
{
	int64_t now_ms = guest_now_ms(w->guest);
	int64_t due_ms = -1, ms;
	int rank;

	for (rank = 0; rank < WRITE_RANKS; rank++) {
		ms = rank_due_ms(w, (enum write_rank)rank);
		if (ms != -1 && (due_ms == -1 || ms < due_ms))
			due_ms = ms;
	}
	if (due_ms != -1)
		w->guest->host->timer_start(
		    w->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* What became of one ---------------------------------------------------------- */

/* Nothing is wrong with the write itself: it is worth another try, later. */
bool
writer_is_retried(const struct api_reply *reply)
{
	return reply->status == 0 || reply->status == 401 ||
	       reply->status == 408 || reply->status == 429 ||
	       reply->status >= 500;
}

static int64_t
jitter(int64_t ms)
{
	return (int64_t)arc4random_uniform((uint32_t)ms + 1);
}

static void
rank_pause(struct writer *w, struct rank *r, int64_t retry_after_ms)
{
	int64_t pause_ms = retry_after_ms, resume_ms;

	if (pause_ms > PAUSE_MAX_MS)
		pause_ms = PAUSE_MAX_MS;
	if (pause_ms >= 0)
		pause_ms += jitter(pause_ms / 4 + BACKOFF_MS);
	else {
		r->backoff_ms =
		    r->backoff_ms == 0 ? BACKOFF_MS : 2 * r->backoff_ms;
		if (r->backoff_ms > BACKOFF_MAX_MS)
			r->backoff_ms = BACKOFF_MAX_MS;
		pause_ms = jitter(r->backoff_ms);
	}
	resume_ms = guest_now_ms(w->guest) + pause_ms;
	if (resume_ms > r->resume_ms)
		r->resume_ms = resume_ms;
}

static void
window_shrink(struct writer *w)
{
	w->window = w->window > 1 ? w->window / 2 : 1;
	w->window_round++;
	w->successes = 0;
}

static void
window_grow(struct writer *w)
{
	if (w->window == SLOTS || ++w->successes < w->window)
		return;
	w->window++;
	w->successes = 0;
}

static void
slot_judge(
    struct writer *w, const struct slot *slot, const struct api_reply *reply)
{
	struct rank *r = &w->ranks[slot->rank];

	if (!writer_is_retried(reply)) {
		r->backoff_ms = 0;
		window_grow(w);
		if (reply->why == NULL)
			r->counts.written++;
		else
			r->counts.failed++;
		return;
	}
	r->counts.retried++;
	r->wanted = true;
	if (reply->status == 429 && slot->window_round == w->window_round)
		window_shrink(w);
	/* Those that were sent before the pause began say nothing new. */
	if (slot->pause_round == r->pause_round || reply->retry_after_ms >= 0)
		rank_pause(w, r, reply->retry_after_ms);
	if (slot->pause_round == r->pause_round)
		r->pause_round++;
}

static void
slot_free(struct slot *slot)
{
	struct writer *w = slot->writer;

	free(slot->write.path);
	free(slot->write.body);
	memset(&slot->write, 0, sizeof(slot->write));
	slot->call = NULL;
	w->ranks[slot->rank].under_way--;
	w->under_way--;
}

/* `done` comes last: the writer may be freed in it. */
static void
slot_on_done(void *arg, const struct api_reply *reply)
{
	struct slot *slot = arg;
	struct writer *w = slot->writer;
	const struct rank *r = &w->ranks[slot->rank];
	void *tag = slot->write.tag;

	slot_judge(w, slot, reply);
	slot_free(slot);
	writer_arm(w);
	r->client->done(r->arg, tag, reply);
}

/* Sending ----------------------------------------------------------------------- */

static void
slot_start(struct slot *slot)
{
	struct writer *w = slot->writer;
	struct api_request request = {
		.method = slot->write.method,
		.path = slot->write.path,
		.type = slot->write.type,
		.body = slot->write.body,
		.timeout_ms = DEADLINE_MS,
		.on_done = slot_on_done,
		.arg = slot,
	};

	if (request.body != NULL)
		request.len = strlen(request.body);
	slot->window_round = w->window_round;
	slot->pause_round = w->ranks[slot->rank].pause_round;
	w->ranks[slot->rank].under_way++;
	w->under_way++;
	slot->call = api_start(w->api, &request);
}

static struct slot *
slot_find_free(struct writer *w)
{
	struct slot *slot = w->slots;

	while (slot->call != NULL)
		slot++;
	return slot;
}

/* Fills the free places. */
static void
writer_on_time(void *arg)
{
	struct writer *w = arg;
	int64_t now_ms = guest_now_ms(w->guest);
	enum write_rank rank;
	struct slot *slot;
	struct rank *r;

	for (r = w->ranks; r < w->ranks + WRITE_RANKS; r++) {
		if (r->resume_ms <= now_ms)
			r->resume_ms = 0;
	}
	while ((rank = writer_choose(w)) != WRITE_RANKS) {
		r = &w->ranks[rank];
		slot = slot_find_free(w);
		if (r->client->next(r->arg, &slot->write)) {
			slot->rank = rank;
			slot_start(slot);
		} else
			r->wanted = false;
	}
	writer_arm(w);
}

/* The whole --------------------------------------------------------------------- */

struct writer *
writer_new(struct guest *guest, struct api *api)
{
	struct writer *w = k8s_alloc(sizeof(*w));
	struct slot *slot;

	w->guest = guest;
	w->api = api;
	w->timer = guest->host->timer_new(guest->self, writer_on_time, w);
	w->window = SLOTS;
	for (slot = w->slots; slot < w->slots + SLOTS; slot++)
		slot->writer = w;
	return w;
}

void
writer_serve(struct writer *w, enum write_rank rank,
    const struct writer_client *client, void *arg)
{
	struct slot *slot;

	for (slot = w->slots; slot < w->slots + SLOTS; slot++) {
		if (slot->call == NULL || slot->rank != rank)
			continue;
		api_cancel(slot->call);
		slot_free(slot);
	}
	w->ranks[rank].client = client;
	w->ranks[rank].arg = arg;
	w->ranks[rank].wanted = false;
	writer_arm(w);
}

void
writer_free(struct writer *w)
{
	int rank;

	if (w == NULL)
		return;
	for (rank = 0; rank < WRITE_RANKS; rank++)
		writer_serve(w, (enum write_rank)rank, NULL, NULL);
	w->guest->host->timer_free(w->timer);
	free(w);
}

void
writer_wake(struct writer *w, enum write_rank rank)
{
	struct rank *r = &w->ranks[rank];

	if (r->client == NULL || r->wanted)
		return;
	r->wanted = true;
	writer_arm(w);
}

size_t
writer_under_way(const struct writer *w)
{
	return w->under_way;
}

const struct writer_counts *
writer_counts(const struct writer *w, enum write_rank rank)
{
	return &w->ranks[rank].counts;
}
