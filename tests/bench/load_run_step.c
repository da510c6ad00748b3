/* SPDX-License-Identifier: ISC */
/* The steps of a run: said by the senders, waited for at the receivers. */
#include <stdlib.h>
#include <string.h>

#include "load_run.h"

#define QUIET_NS 300000000ull

void
load_run_say(struct run *run, struct load_peer *peer, unsigned repeats)
{
	struct speech *speech = &run->speech[peer->number];
	struct load_chunk **here = &speech->here[repeats - 1];
	uint8_t *said = load_run_said(run, peer);

	if (*here == NULL) {
		*here = load_chunk_new();
		for (uint32_t i = 0; i < speech->count; i++)
			load_announce(&(*here)->bytes, run->table,
			    speech->sets[i], &peer->who, repeats);
	}
	for (uint32_t i = 0; i < speech->count; i++)
		said[speech->sets[i]] = (uint8_t)repeats;
	load_peer_send(&run->loop, peer, *here);
}

static void
take_back(struct run *run, struct load_peer *peer)
{
	memset(load_run_said(run, peer), 0, run->table->set_count);
	load_peer_send(&run->loop, peer, run->speech[peer->number].gone);
}

static bool
counts(const struct run *run, const struct load_peer *peer)
{
	return peer->receives && !peer->stuck &&
	       (!peer->rate || run->is_patient);
}

static void
begin(struct run *run)
{
	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];
		struct sink *sink = peer->data;

		if (sink == NULL)
			continue;
		sink->first_ns = sink->last_ns = 0;
		sink->updates = sink->prefixes = sink->withdrawn = 0;
		sink->again = sink->echoes = 0;
		peer->gap_ns = peer->keepalive_gap_ns = 0;
	}
	run->start_ns = load_now();
}

/* Each receiver that counts is to be looked at, against what is said now. */
static void
expect(struct run *run)
{
	for (size_t i = 0; i < run->loop.count; i++) {
		struct sink *sink = run->loop.peers[i]->data;

		if (sink == NULL)
			continue;
		sink->want = load_run_want(run, run->loop.peers[i]);
		sink->is_dirty = true;
		sink->is_right = false;
	}
}

static bool
is_right(struct run *run, struct load_peer *peer)
{
	struct sink *sink = peer->data;
	struct verdict verdict;

	if (!sink->is_dirty)
		return sink->is_right;
	sink->is_dirty = false;
	sink->is_right = false;
	if (sink->have != sink->want || peer->state != PEER_UP)
		return false;
	verdict = load_run_judge(run, peer);
	return sink->is_right =
		   verdict.missing + verdict.extra + verdict.wrong == 0;
}

static bool
is_done(struct run *run, uint64_t quiet_ns)
{
	bool done = true;

	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];
		struct sink *sink = peer->data;

		if (peer->queued && !peer->stuck)
			return false;
		if (run->is_returning && peer->state != PEER_UP && !peer->stuck)
			return false;
		if (!counts(run, peer))
			continue;
		if (sink->last_ns + quiet_ns > run->loop.now)
			return false;
		done &= is_right(run, peer);
	}
	return done;
}

static void
pass(struct run *run, uint64_t ns)
{
	uint64_t end = load_now() + ns;

	while (run->loop.now < end)
		load_turn(&run->loop, 5);
}

/* Until all is as it must be, or the time is over. */
static void
settle(struct run *run, uint64_t quiet_ns)
{
	uint64_t end = load_now() + run->plan->timeout * 1000000000ull;

	expect(run);
	while (!is_done(run, quiet_ns) && run->loop.now < end)
		load_turn(&run->loop, 5);
	/* What comes although it must not. */
	pass(run, run->plan->settle_ms * 1000000ull);
}

static void
say_all(struct run *run, unsigned repeats)
{
	for (unsigned s = 0; s < run->plan->senders; s++)
		if (run->loop.peers[s]->state == PEER_UP)
			load_run_say(run, run->loop.peers[s], repeats);
}

static void
do_announce(struct run *run, const char *how)
{
	(void)how;
	say_all(run, 1);
	settle(run, 0);
}

static void
do_withdraw(struct run *run, const char *how)
{
	(void)how;
	for (unsigned s = 0; s < run->plan->senders; s++)
		if (run->loop.peers[s]->state == PEER_UP)
			take_back(run, run->loop.peers[s]);
	settle(run, 0);
}

/* lose=K: the first K senders' connections end, without a word. */
static void
do_lose(struct run *run, const char *how)
{
	unsigned count = (unsigned)strtoul(how, NULL, 10);

	for (unsigned s = 0; s < run->plan->senders && s < count; s++) {
		struct load_peer *peer = run->loop.peers[s];

		peer->is_wanted = false;
		if (peer->state != PEER_UP)
			continue;
		load_peer_close(&run->loop, peer, "lost as planned");
		run->lost--;
	}
	settle(run, 0);
}

static void
do_return(struct run *run, const char *how)
{
	(void)how;
	run->is_returning = true;
	for (unsigned s = 0; s < run->plan->senders; s++) {
		struct load_peer *peer = run->loop.peers[s];

		peer->is_wanted = true;
		if (peer->state == PEER_DOWN)
			for (uint32_t i = 0; i < run->speech[s].count; i++)
				load_run_said(
				    run, peer)[run->speech[s].sets[i]] = 1;
	}
	settle(run, 0);
	run->is_returning = false;
}

static uint64_t
roll(struct run *run)
{
	run->seed = run->seed * 6364136223846793005 + 1442695040888963407;
	return run->seed >> 33;
}

/* A set of a sender goes, comes, or comes with another path. */
static uint32_t
churn_one(struct run *run, struct load_peer *peer, struct load_bytes *bytes)
{
	struct speech *speech = &run->speech[peer->number];
	uint32_t set = speech->sets[speech->churned++ % speech->count];
	uint8_t *said = &load_run_said(run, peer)[set];

	if (*said != 0 && roll(run) % 3 == 0) {
		*said = 0;
		load_withdraw(bytes, run->table, &set, 1);
	} else {
		*said = *said == 1 ? 2 : 1;
		load_announce(bytes, run->table, set, &peer->who, *said);
	}
	return run->table->sets[set].count;
}

/* churn=PERCENT,SECONDS: so much of the table changes in each second. */
static void
do_churn(struct run *run, const char *how)
{
	char *rest;
	double percent = strtod(how, &rest);
	double seconds = *rest == ',' ? strtod(rest + 1, NULL) : 1;
	double rate = run->table->count * percent / 100, done = 0;
	uint64_t start = load_now(), end = start + (uint64_t)(seconds * 1e9);

	run->loop.now = start;
	while (run->loop.now < end) {
		double due = (double)(run->loop.now - start) / 1e9 * rate;

		for (unsigned s = 0; s < run->plan->senders; s++) {
			struct load_peer *peer = run->loop.peers[s];
			struct load_chunk *chunk = load_chunk_new();
			double share = (due - done) / (run->plan->senders - s);
			double said = 0;

			while (said < share && peer->state == PEER_UP &&
			       run->speech[s].count)
				said += churn_one(run, peer, &chunk->bytes);
			done += said;
			load_peer_send(&run->loop, peer, chunk);
			load_chunk_unref(chunk);
		}
		load_turn(&run->loop, 5);
	}
	run->start_ns = load_now();
	settle(run, QUIET_NS);
}

/* flap=N: all routes go and come, N times, faster than anybody can follow. */
static void
do_flap(struct run *run, const char *how)
{
	unsigned count = (unsigned)strtoul(how, NULL, 10);

	for (unsigned i = 0; i < count; i++)
		for (unsigned s = 0; s < run->plan->senders; s++) {
			struct load_peer *peer = run->loop.peers[s];

			if (peer->state != PEER_UP)
				continue;
			take_back(run, peer);
			/* The last one differs from what was there before. */
			load_run_say(run, peer, (count - i) % 2 ? 2 : 1);
		}
	settle(run, QUIET_NS);
}

static void
do_wait(struct run *run, const char *how)
{
	pass(run, (uint64_t)(strtod(how, NULL) * 1e9));
	settle(run, 0);
}

/* Slow receivers too must have it all now. */
static void
do_catch_up(struct run *run, const char *how)
{
	(void)how;
	run->is_patient = true;
	settle(run, 0);
}

static const struct {
	const char *word;
	void (*run)(struct run *, const char *);
} steps[] = { { "announce", do_announce }, { "withdraw", do_withdraw },
	{ "lose", do_lose }, { "return", do_return }, { "churn", do_churn },
	{ "flap", do_flap }, { "wait", do_wait }, { "catch-up", do_catch_up } };

static double
since(const struct run *run, uint64_t when)
{
	return when > run->start_ns ? (double)(when - run->start_ns) / 1e9 : 0;
}

static void
tell_sink(const struct run *run, const struct load_peer *peer, bool first)
{
	const struct sink *sink = peer->data;
	struct verdict verdict = load_run_judge(run, peer);

	printf("%s\n    {\"peer\": %u, \"first_s\": %.6f, \"last_s\": %.6f, "
	       "\"have\": %u, \"missing\": %u, \"extra\": %u, \"wrong\": %u, "
	       "\"updates\": %llu, \"prefixes\": %llu, \"withdrawn\": %llu, "
	       "\"again\": %llu, \"echoes\": %llu, \"gap_s\": %.4f, "
	       "\"keepalive_gap_s\": %.4f%s}",
	    first ? "" : ",", peer->number, since(run, sink->first_ns),
	    since(run, sink->last_ns), sink->have, verdict.missing,
	    verdict.extra, verdict.wrong, (unsigned long long)sink->updates,
	    (unsigned long long)sink->prefixes,
	    (unsigned long long)sink->withdrawn,
	    (unsigned long long)sink->again, (unsigned long long)sink->echoes,
	    (double)peer->gap_ns / 1e9, (double)peer->keepalive_gap_ns / 1e9,
	    peer->stuck	 ? ", \"stuck\": true"
	    : peer->rate ? ", \"slow\": true"
			 : "");
}

static bool
tell_step(struct run *run, const char *step)
{
	double first = -1, last = 0;
	uint64_t updates = 0, prefixes = 0;
	bool ok = true, any = false;

	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];
		struct sink *sink = peer->data;
		double at;

		if (!counts(run, peer))
			continue;
		at = since(run, sink->first_ns);
		first = first < 0 || at < first ? at : first;
		at = since(run, sink->last_ns);
		last = at > last ? at : last;
		updates += sink->updates;
		prefixes += sink->prefixes;
		ok &= is_right(run, peer) &&
		      sink->extra + sink->malformed + sink->wrong == 0;
	}
	printf("  {\"step\": \"%s\", \"ok\": %s, \"seconds\": %.6f, "
	       "\"first_s\": %.6f, \"prefixes_per_update\": %.2f,\n"
	       "   \"receivers\": [",
	    step, ok ? "true" : "false", last, first < 0 ? 0 : first,
	    updates ? (double)prefixes / (double)updates : 0);
	for (size_t i = 0; i < run->loop.count; i++)
		if (run->loop.peers[i]->receives) {
			tell_sink(run, run->loop.peers[i], !any);
			any = true;
		}
	printf("]}");
	return ok;
}

int
load_run_step(struct run *run, const char *step)
{
	size_t len = strcspn(step, "=");
	bool failed;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (strlen(steps[i].word) == len &&
		    memcmp(steps[i].word, step, len) == 0) {
			begin(run);
			steps[i].run(run, step[len] ? step + len + 1 : "1");
			failed = !tell_step(run, step);
			run->is_patient = false;
			return failed ? -1 : 0;
		}
	fprintf(stderr, "bgpload: %s: no such step\n", step);
	return -1;
}

void
load_run_tell(const struct run *run, bool failed)
{
	const char *sample = "";
	uint64_t wrong = 0, extra = 0, malformed = 0;

	for (size_t i = 0; i < run->loop.count; i++) {
		const struct sink *sink = run->loop.peers[i]->data;

		if (sink == NULL)
			continue;
		wrong += sink->wrong;
		extra += sink->extra;
		malformed += sink->malformed;
		if (*sample == '\0')
			sample = sink->sample;
	}
	printf("],\n \"wrong\": %llu, \"extra\": %llu, \"malformed\": %llu, "
	       "\"lost\": %u, \"sample\": \"%s\", \"ok\": %s\n}\n",
	    (unsigned long long)wrong, (unsigned long long)extra,
	    (unsigned long long)malformed, run->lost, sample,
	    failed ? "false" : "true");
}
