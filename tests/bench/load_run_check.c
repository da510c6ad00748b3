/* SPDX-License-Identifier: ISC */
/* Every route that comes is held against what was sent. */
#include <arpa/inet.h>
#include <string.h>

#include "load_run.h"

bool
load_run_owns(const struct run *run, unsigned sender, uint32_t set)
{
	return run->plan->same || set % run->plan->senders == sender;
}

uint8_t *
load_run_said(struct run *run, const struct load_peer *peer)
{
	return run->said + (size_t)peer->number * run->table->set_count;
}

static bool
is_own(const struct run *run, const struct load_peer *peer, uint32_t set)
{
	return peer->sends && !run->plan->same &&
	       load_run_owns(run, peer->number, set);
}

/* What may stand at this receiver for a set's routes: a bit per state. */
static unsigned
allowed(const struct run *run, const struct load_peer *peer, uint32_t set)
{
	unsigned mask = 0, from = 0, end = run->plan->senders;

	if (!run->plan->same) {
		from = set % run->plan->senders;
		end = from + 1;
	}
	for (unsigned s = from; s < end; s++)
		if (s != peer->number || !peer->sends)
			mask |= 1u
				<< run->said[(size_t)s * run->table->set_count +
					     set];
	/* One that has it is enough. */
	return mask == 0 ? 1 : mask & ~1u ? mask & ~1u : mask;
}

uint32_t
load_run_want(const struct run *run, const struct load_peer *peer)
{
	uint32_t want = 0;

	for (uint32_t s = 0; s < run->table->set_count; s++)
		if (allowed(run, peer, s) != 1)
			want += run->table->sets[s].count;
	return want;
}

struct verdict
load_run_judge(const struct run *run, const struct load_peer *peer)
{
	const struct sink *sink = peer->data;
	struct verdict verdict = { 0 };

	for (uint32_t s = 0; s < run->table->set_count; s++) {
		const struct load_set *set = &run->table->sets[s];
		unsigned mask = allowed(run, peer, s);

		for (uint32_t i = set->first; i < set->first + set->count;
		     i++) {
			if (mask >> sink->state[i] & 1)
				continue;
			if (sink->state[i] == 0)
				verdict.missing++;
			else if (mask == 1)
				verdict.extra++;
			else
				verdict.wrong++;
		}
	}
	return verdict;
}

static void
complain(struct sink *sink, const struct load_route *route, const char *why,
    const struct load_update *update)
{
	char text[INET6_ADDRSTRLEN];

	if (sink->sample[0])
		return;
	inet_ntop(route->family == 4 ? AF_INET : AF_INET6, route->addr, text,
	    sizeof(text));
	snprintf(sink->sample, sizeof(sink->sample),
	    "%s/%u: %s (of AS %u, %u times)", text, route->len, why,
	    update->sender_as, update->repeats);
}

static void
on_gone(struct run *run, struct load_peer *peer, struct load_update *update,
    struct load_span *span)
{
	struct sink *sink = peer->data;
	struct load_route route;
	int more;

	while ((more = load_prefix(span, &route)) > 0) {
		uint32_t number = load_table_find(run->table, &route);

		sink->withdrawn++;
		if (number == LOAD_NONE) {
			sink->extra++;
			complain(sink, &route, "never sent, withdrawn", update);
			continue;
		}
		if (sink->state[number])
			sink->have--;
		sink->state[number] = 0;
	}
	if (more < 0)
		sink->malformed++;
}

/* Is the next hop the one that the daemon must say? */
static bool
is_next_hop(const struct run *run, const struct load_update *update,
    unsigned sender, unsigned family)
{
	const struct load_speaker *who = &run->loop.peers[sender]->who;
	uint8_t self[16];
	size_t len = family == 4 ? 4 : 16;

	if (run->plan->next_hop == 'a')
		return true;
	if (update->next_len < len)
		return false;
	if (run->plan->next_hop == 'k')
		return memcmp(update->next,
			   family == 4 ? who->next4 : who->next6, len) == 0;
	/* Its other family's address is not known here. */
	return inet_pton(family == 4 ? AF_INET : AF_INET6, run->plan->daemon,
		   self) != 1 ||
	       memcmp(update->next, self, len) == 0;
}

/* NULL: as it was sent. */
static const char *
fault_of(const struct run *run, const struct load_update *update,
    const struct load_route *route, uint32_t set)
{
	uint32_t sender = update->sender_as - run->plan->first_as;

	if (update->bad_path || sender >= run->plan->senders ||
	    update->repeats < 1 || update->repeats > 2)
		return "AS path";
	if (!load_run_owns(run, sender, set))
		return "not of this sender";
	if (update->hash != run->table->sets[set].hash)
		return "attributes";
	if (!is_next_hop(run, update, sender, route->family))
		return "next hop";
	return NULL;
}

static void
on_here(struct run *run, struct load_peer *peer, struct load_update *update,
    struct load_span *span)
{
	struct sink *sink = peer->data;
	struct load_route route;
	int more;

	while ((more = load_prefix(span, &route)) > 0) {
		uint32_t number = load_table_find(run->table, &route), set;
		const char *fault = "never sent";
		uint8_t state = STATE_WRONG;

		sink->prefixes++;
		if (number == LOAD_NONE) {
			sink->extra++;
			complain(sink, &route, fault, update);
			continue;
		}
		set = run->table->routes[number].set;
		if (is_own(run, peer, set)) {
			sink->echoes++;
			continue;
		}
		if ((fault = fault_of(run, update, &route, set)) == NULL) {
			state = (uint8_t)update->repeats;
		} else {
			sink->wrong++;
			complain(sink, &route, fault, update);
		}
		sink->have += sink->state[number] == 0;
		sink->again += sink->state[number] == state;
		sink->state[number] = state;
	}
	if (more < 0)
		sink->malformed++;
}

void
load_run_hear(struct load_loop *loop, struct load_peer *peer,
    const uint8_t *msg, size_t len)
{
	struct run *run = loop->owner;
	struct sink *sink = peer->data;
	struct load_update update;

	if (sink == NULL)
		return;
	if (load_decode(msg, len, &run->plan->rules, &update) < 0) {
		sink->malformed++;
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (update.gone[i].at != update.gone[i].end)
			on_gone(run, peer, &update, &update.gone[i]);
		if (update.here[i].at != update.here[i].end)
			on_here(run, peer, &update, &update.here[i]);
		else
			continue;
		sink->updates++;
	}
	if (!update.has_attrs && len <= LOAD_HEADER + 4 + 6)
		return; /* End-of-RIB */
	if (sink->first_ns == 0)
		sink->first_ns = loop->now;
	sink->last_ns = loop->now;
	sink->is_dirty = true;
}
