/* SPDX-License-Identifier: ISC */
/* What came of a run, as JSON: one object in a line for each step. */
#include <stdlib.h>
#include <string.h>

#include "load_run.h"

static double
since(const struct run *run, uint64_t when)
{
	return when > run->start_ns ? (double)(when - run->start_ns) / 1e9 : 0;
}

/* The longest that the daemon was late with a probe, without any with a session. */
static double
late_s(const struct run *run)
{
	uint64_t longest = 0, due = run->plan->keepalive * 1000000000ull;

	for (size_t i = 0; i < run->loop.count; i++) {
		const struct load_peer *peer = run->loop.peers[i];
		uint64_t gap = peer->gap_ns;

		if (peer->state != PEER_UP || peer->stuck || peer->rate ||
		    (run->plan->probes && !peer->is_probe))
			continue;
		if (peer->heard_ns && run->loop.now - peer->heard_ns > gap)
			gap = run->loop.now - peer->heard_ns;
		longest = gap > longest ? gap : longest;
	}
	return longest > due ? (double)(longest - due) / 1e9 : 0;
}

void
load_run_tell_ready(const struct run *run)
{
	printf("{\"ready\": true, \"routes\": %u, \"sets\": %u, "
	       "\"senders\": %u, \"receivers\": %u}\n",
	    run->table->count, run->table->set_count, run->plan->senders,
	    run->plan->receivers);
	fflush(stdout);
}

void
load_run_tell_up(const struct run *run, uint64_t dialed_ns, uint64_t up_ns)
{
	printf("{\"up\": %zu, \"up_s\": %.6f, \"up_ns\": %llu}\n", run->up,
	    (double)(up_ns - dialed_ns) / 1e9, (unsigned long long)up_ns);
	fflush(stdout);
}

static void
tell_sink(const struct run *run, const struct load_peer *peer, bool first)
{
	const struct sink *sink = peer->data;
	struct verdict verdict = load_run_judge(run, peer);

	printf("%s{\"peer\": %u, \"first_s\": %.6f, \"last_s\": %.6f, "
	       "\"right_s\": %.6f, "
	       "\"have\": %u, \"missing\": %u, \"extra\": %u, \"wrong\": %u, "
	       "\"updates\": %llu, \"prefixes\": %llu, \"withdrawn\": %llu, "
	       "\"again\": %llu, \"echoes\": %llu%s}",
	    first ? "" : ", ", peer->number, since(run, sink->first_ns),
	    since(run, sink->last_ns), since(run, sink->right_ns), sink->have,
	    verdict.missing, verdict.extra, verdict.wrong,
	    (unsigned long long)sink->updates,
	    (unsigned long long)sink->prefixes,
	    (unsigned long long)sink->withdrawn,
	    (unsigned long long)sink->again, (unsigned long long)sink->echoes,
	    peer->stuck	 ? ", \"stuck\": true"
	    : peer->rate ? ", \"slow\": true"
			 : "");
}

/* All receivers that count, in one. */
struct sum {
	uint64_t first_ns, last_ns, right_ns;
	uint64_t updates, prefixes, withdrawn;
	bool ok;
};

static struct sum
sum_up(const struct run *run)
{
	struct sum sum = { .ok = true };

	for (size_t i = 0; i < run->loop.count; i++) {
		const struct load_peer *peer = run->loop.peers[i];
		const struct sink *sink = peer->data;

		if (!load_run_counts(run, peer))
			continue;
		if (sink->first_ns &&
		    (sum.first_ns == 0 || sink->first_ns < sum.first_ns))
			sum.first_ns = sink->first_ns;
		if (sink->last_ns > sum.last_ns)
			sum.last_ns = sink->last_ns;
		if (sink->right_ns > sum.right_ns)
			sum.right_ns = sink->right_ns;
		sum.updates += sink->updates;
		sum.prefixes += sink->prefixes;
		sum.withdrawn += sink->withdrawn;
		sum.ok &= load_run_is_right(run, peer) &&
			  sink->extra + sink->malformed + sink->wrong == 0;
	}
	return sum;
}

static int
compare_lags(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* From the write of a single change until the last receiver had it. */
static void
tell_lags(const struct run *run)
{
	size_t count = run->lag_count;
	uint64_t *lags = run->lags_ns;

	if (count == 0)
		return;
	qsort(lags, count, sizeof(*lags), compare_lags);
	printf("\"changes\": %zu, \"median_ms\": %.6f, \"p99_ms\": %.6f, "
	       "\"max_ms\": %.6f, ",
	    count, (double)lags[count / 2] / 1e6,
	    (double)lags[count - 1 - count / 100] / 1e6,
	    (double)lags[count - 1] / 1e6);
}

bool
load_run_tell_step(const struct run *run, const char *step)
{
	struct sum sum = sum_up(run);
	bool first = true;

	printf("{\"step\": \"%.*s\", \"ok\": %s, \"start_ns\": %llu, "
	       "\"seconds\": %.6f, \"first_s\": %.6f, \"last_s\": %.6f, "
	       "\"updates\": %llu, \"prefixes\": %llu, \"withdrawn\": %llu, "
	       "\"prefixes_per_update\": %.2f, ",
	    (int)strcspn(step, "="), step, sum.ok ? "true" : "false",
	    (unsigned long long)run->start_ns, since(run, sum.right_ns),
	    since(run, sum.first_ns), since(run, sum.last_ns),
	    (unsigned long long)sum.updates, (unsigned long long)sum.prefixes,
	    (unsigned long long)sum.withdrawn,
	    sum.updates
		? (double)(sum.prefixes + sum.withdrawn) / (double)sum.updates
		: 0);
	tell_lags(run);
	printf("\"receivers\": [");
	for (size_t i = 0; i < run->loop.count; i++)
		if (run->loop.peers[i]->receives) {
			tell_sink(run, run->loop.peers[i], first);
			first = false;
		}
	printf("]}\n");
	fflush(stdout);
	return sum.ok;
}

void
load_run_tell_after(const struct run *run, const char *step)
{
	printf("{\"after\": \"%.*s\", \"late_s\": %.6f}\n",
	    (int)strcspn(step, "="), step, late_s(run));
	fflush(stdout);
}

void
load_run_tell_end(const struct run *run, bool failed)
{
	const char *sample = "", *why = "";
	uint64_t wrong = 0, extra = 0, malformed = 0;

	for (size_t i = 0; i < run->loop.count; i++) {
		const struct load_peer *peer = run->loop.peers[i];
		const struct sink *sink = peer->data;

		if (*why == '\0' && peer->losses && !peer->stuck)
			why = peer->why;
		if (sink == NULL)
			continue;
		wrong += sink->wrong;
		extra += sink->extra;
		malformed += sink->malformed;
		if (*sample == '\0')
			sample = sink->sample;
	}
	printf("{\"end\": true, \"wrong\": %llu, \"extra\": %llu, "
	       "\"malformed\": %llu, \"lost\": %u, \"why\": \"%s\", "
	       "\"sample\": \"%s\", \"ok\": %s}\n",
	    (unsigned long long)wrong, (unsigned long long)extra,
	    (unsigned long long)malformed, run->lost, why, sample,
	    failed ? "false" : "true");
	fflush(stdout);
}
