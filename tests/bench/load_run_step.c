/* SPDX-License-Identifier: ISC */
/* The steps of a run: said by the senders, waited for at the receivers. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load_run.h"

#define QUIET_NS    300000000ull
#define LAG_MOST_NS 5000000000ull /* a route that takes longer is lost */

void
load_run_say(struct run *run, struct load_peer *peer, unsigned repeats)
{
	struct speech *speech = &run->speech[peer->number];
	struct load_chunk **here = &speech->here[repeats - 1];

	if (*here == NULL) {
		*here = load_chunk_new();
		for (uint32_t i = 0; i < speech->count; i++)
			load_announce(&(*here)->bytes, run->table,
			    speech->sets[i], &peer->who, repeats);
	}
	for (uint32_t i = 0; i < speech->count; i++)
		load_run_note(run, peer, speech->sets[i], (uint8_t)repeats);
	load_peer_send(&run->loop, peer, *here);
	speech->is_said = true;
}

static void
take_back(struct run *run, struct load_peer *peer)
{
	load_run_hush(run, peer);
	load_peer_send(&run->loop, peer, run->speech[peer->number].gone);
	run->speech[peer->number].is_said = false;
}

bool
load_run_counts(const struct run *run, const struct load_peer *peer)
{
	return peer->receives && peer->is_wanted && !peer->stuck &&
	       (!peer->rate || run->is_patient);
}

static void
begin(struct run *run)
{
	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];
		struct sink *sink = peer->data;

		peer->gap_ns = peer->keepalive_gap_ns = 0;
		if (sink == NULL)
			continue;
		sink->first_ns = sink->last_ns = sink->right_ns = 0;
		sink->updates = sink->prefixes = sink->withdrawn = 0;
		sink->again = sink->echoes = 0;
	}
	run->lag_count = 0;
	run->start_ns = load_now();
}

/*
 * All is ready: each receiver is held against what is said now, and the clock
 * begins. What was queued is sent in the next turn.
 */
static void
go(struct run *run)
{
	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];

		if (!peer->receives)
			continue;
		load_run_recount(run, peer);
		((struct sink *)peer->data)->right_ns = 0;
	}
	run->start_ns = load_now();
}

static bool
is_done(struct run *run, uint64_t quiet_ns)
{
	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];
		struct sink *sink = peer->data;

		if (peer->queued && !peer->stuck)
			return false;
		if (run->is_returning && peer->state != PEER_UP && !peer->stuck)
			return false;
		if (load_run_counts(run, peer) &&
		    (sink->last_ns + quiet_ns > run->loop.now ||
			!load_run_is_right(run, peer)))
			return false;
	}
	return true;
}

static void
pass(struct run *run, uint64_t ns)
{
	uint64_t end = load_now() + ns;

	for (uint64_t now; (now = load_now()) < end;)
		load_turn(&run->loop,
		    end - now < 5000000 ? (int)((end - now) / 1000000) + 1 : 5);
}

/* Until all is as it must be, or the time is over. */
static void
settle(struct run *run, uint64_t quiet_ns)
{
	uint64_t end = load_now() + run->plan->timeout * 1000000000ull;

	while (!is_done(run, quiet_ns) && run->loop.now < end)
		load_turn(&run->loop, 5);
	/* What comes although it must not. */
	pass(run, run->plan->settle_ms * 1000000ull);
}

/* announce=K: the first K senders, as far as they have not said it. */
static void
do_announce(struct run *run, const char *how)
{
	unsigned count = *how ? (unsigned)strtoul(how, NULL, 10) : UINT32_MAX;

	for (unsigned s = 0; s < run->plan->senders && s < count; s++)
		if (run->loop.peers[s]->state == PEER_UP &&
		    !run->speech[s].is_said)
			load_run_say(run, run->loop.peers[s], 1);
	go(run);
	settle(run, 0);
}

static void
do_withdraw(struct run *run, const char *how)
{
	(void)how;
	for (unsigned s = 0; s < run->plan->senders; s++)
		if (run->loop.peers[s]->state == PEER_UP)
			take_back(run, run->loop.peers[s]);
	go(run);
	settle(run, 0);
}

/* lose=K: the first K senders' connections end, without a word. */
static void
do_lose(struct run *run, const char *how)
{
	unsigned count = *how ? (unsigned)strtoul(how, NULL, 10) : 1;

	if (count > run->plan->senders)
		count = run->plan->senders;
	for (unsigned s = 0; s < count; s++) {
		load_run_hush(run, run->loop.peers[s]);
		run->loop.peers[s]->is_wanted = false;
	}
	go(run);
	for (unsigned s = 0; s < count; s++) {
		struct load_peer *peer = run->loop.peers[s];

		if (peer->state != PEER_UP)
			continue;
		load_peer_close(&run->loop, peer, "lost as planned");
		peer->losses--;
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
				load_run_note(
				    run, peer, run->speech[s].sets[i], 1);
	}
	go(run);
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
	uint8_t said = load_run_said(run, peer, set);

	if (said != 0 && roll(run) % 3 == 0) {
		said = 0;
		load_withdraw(bytes, run->table, &set, 1);
	} else {
		said = said == 1 ? 2 : 1;
		load_announce(bytes, run->table, set, &peer->who, said);
	}
	load_run_note(run, peer, set, said);
	return run->table->sets[set].count;
}

/* change=PERCENT: so much of the table changes at once. */
static void
do_change(struct run *run, const char *how)
{
	double share =
	    run->table->count * strtod(how, NULL) / 100 / run->plan->senders;

	for (unsigned s = 0; s < run->plan->senders; s++) {
		struct load_peer *peer = run->loop.peers[s];
		struct load_chunk *chunk = load_chunk_new();
		double said = 0;

		while (said < share && peer->state == PEER_UP &&
		       run->speech[s].count)
			said += churn_one(run, peer, &chunk->bytes);
		load_peer_send(&run->loop, peer, chunk);
		load_chunk_unref(chunk);
	}
	go(run);
	settle(run, 0);
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
	go(run);
	settle(run, QUIET_NS);
}

/* flap=N: all routes go and come, N times, faster than anybody can follow. */
static void
do_flap(struct run *run, const char *how)
{
	unsigned count = *how ? (unsigned)strtoul(how, NULL, 10) : 1;

	for (unsigned i = 0; i < count; i++)
		for (unsigned s = 0; s < run->plan->senders; s++) {
			struct load_peer *peer = run->loop.peers[s];

			if (peer->state != PEER_UP)
				continue;
			take_back(run, peer);
			/* The last one differs from what was there before. */
			load_run_say(run, peer, (count - i) % 2 ? 2 : 1);
		}
	go(run);
	settle(run, QUIET_NS);
}

/* The next set of the sender with one route; LOAD_NONE: it has none. */
static uint32_t
next_single(const struct run *run, struct speech *speech)
{
	for (uint32_t i = 0; i < speech->count; i++) {
		uint32_t set = speech->sets[speech->churned++ % speech->count];

		if (run->table->sets[set].count == 1)
			return set;
	}
	return LOAD_NONE;
}

/* When the last receiver had what was sent; 0: not yet. */
static uint64_t
arrived_ns(const struct run *run)
{
	uint64_t last_ns = 0;

	for (size_t i = 0; i < run->loop.count; i++) {
		const struct load_peer *peer = run->loop.peers[i];
		const struct sink *sink = peer->data;

		if (!load_run_counts(run, peer))
			continue;
		if (!load_run_is_right(run, peer))
			return 0;
		if (sink->right_ns > last_ns)
			last_ns = sink->right_ns;
	}
	return last_ns;
}

/* One route goes, or comes again; false: it did not arrive. */
static bool
change_one(
    struct run *run, struct load_peer *peer, uint32_t set, uint8_t repeats)
{
	struct load_chunk *chunk = load_chunk_new();
	uint64_t begun_ns, at_ns;

	if (repeats)
		load_announce(
		    &chunk->bytes, run->table, set, &peer->who, repeats);
	else
		load_withdraw(&chunk->bytes, run->table, &set, 1);
	load_run_change(run, peer, set, repeats);
	load_peer_send(&run->loop, peer, chunk);
	load_chunk_unref(chunk);
	begun_ns = load_now();
	while ((at_ns = arrived_ns(run)) < begun_ns &&
	       run->loop.now < begun_ns + LAG_MOST_NS)
		load_turn(&run->loop, 5);
	if (at_ns < begun_ns)
		return false;
	run->lags_ns[run->lag_count++] = at_ns - begun_ns;
	return true;
}

/*
 * single=CHANGES,RATE: one route goes or comes at a time, so many in a second;
 * the next one waits until all have the last.
 */
static void
do_single(struct run *run, const char *how)
{
	char *rest;
	unsigned long count = strtoul(how, &rest, 10) / 2 * 2;
	double rate = *rest == ',' ? strtod(rest + 1, NULL) : 100;
	struct load_peer *peer = run->loop.peers[0];
	uint32_t set = LOAD_NONE;
	bool is_there = run->speech[0].is_said;

	run->lags_ns =
	    load_memory(run->lags_ns, (count + 1) * sizeof(*run->lags_ns));
	run->lag_count = 0;
	go(run);
	for (unsigned long i = 0; is_there && i < count; i++) {
		uint64_t due_ns =
		    run->start_ns + (uint64_t)((double)i * 1e9 / rate);

		if (load_now() < due_ns)
			pass(run, due_ns - load_now());
		if (i % 2 == 0)
			set = next_single(run, &run->speech[0]);
		is_there = set != LOAD_NONE && peer->state == PEER_UP &&
			   change_one(run, peer, set, i % 2);
	}
	settle(run, 0);
}

static void
do_wait(struct run *run, const char *how)
{
	pass(run, (uint64_t)((*how ? strtod(how, NULL) : 1) * 1e9));
	settle(run, 0);
}

/*
 * reload=COMMAND: the daemon's policy is another one by this; each route must
 * come once more, with the community of --mark.
 */
static void
do_reload(struct run *run, const char *how)
{
	pid_t child;

	run->rules.mark = run->plan->mark;
	load_expect(run->table, &run->rules);
	for (size_t i = 0; i < run->loop.count; i++) {
		struct sink *sink = run->loop.peers[i]->data;

		if (sink == NULL)
			continue;
		memset(
		    sink->state, 0, run->table->count * sizeof(*sink->state));
		sink->have = 0;
	}
	fflush(stdout);
	go(run);
	child = fork();
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", how, (char *)NULL);
		_exit(127);
	}
	settle(run, 0);
	waitpid(child, NULL, 0);
}

static void
do_join(struct run *run, const char *how)
{
	(void)how;
	load_run_join(run);
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

/* What the daemon says by itself, since the sessions began. */
static void
do_hear(struct run *run, const char *how)
{
	(void)how;
	settle(run, 0);
}

static const struct {
	const char *word;
	void (*run)(struct run *, const char *);
	bool goes_on; /* the clock of the step before */
} steps[] = {
	{ "announce", do_announce, false },
	{ "catch-up", do_catch_up, true },
	{ "change", do_change, false },
	{ "churn", do_churn, false },
	{ "flap", do_flap, false },
	{ "hear", do_hear, true },
	{ "join", do_join, false },
	{ "lose", do_lose, false },
	{ "reload", do_reload, false },
	{ "return", do_return, false },
	{ "single", do_single, false },
	{ "wait", do_wait, false },
	{ "withdraw", do_withdraw, false },
};

int
load_run_step(struct run *run, const char *step)
{
	size_t len = strcspn(step, "=");
	bool failed;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (strlen(steps[i].word) == len &&
		    memcmp(steps[i].word, step, len) == 0) {
			if (!steps[i].goes_on)
				begin(run);
			steps[i].run(run, step[len] ? step + len + 1 : "");
			failed = !load_run_tell_step(run, step);
			run->is_patient = false;
			return failed ? -1 : 0;
		}
	fprintf(stderr, "bgpload: %s: no such step\n", step);
	return -1;
}
