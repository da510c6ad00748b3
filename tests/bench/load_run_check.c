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

uint8_t
load_run_said(const struct run *run, const struct load_peer *peer, uint32_t set)
{
	return run->said[(size_t)peer->number * run->table->set_count + set];
}

void
load_run_note(struct run *run, const struct load_peer *peer, uint32_t set,
    uint8_t repeats)
{
	uint8_t *said =
	    &run->said[(size_t)peer->number * run->table->set_count + set];

	run->voices[set] += (repeats != 0) - (*said != 0);
	*said = repeats;
}

void
load_run_hush(struct run *run, const struct load_peer *peer)
{
	for (uint32_t set = 0; set < run->table->set_count; set++)
		load_run_note(run, peer, set, 0);
}

static bool
is_own(const struct run *run, const struct load_peer *peer, uint32_t set)
{
	return peer->sends && !run->plan->same &&
	       load_run_owns(run, peer->number, set);
}

static uint16_t
state_of(unsigned sender, unsigned repeats)
{
	return (uint16_t)(2 * sender + repeats);
}

/* Is this what a route of the set must be at this receiver? */
static bool
fits(const struct run *run, const struct load_peer *peer, uint32_t set,
    uint16_t state)
{
	unsigned sender = (state - 1u) / 2;

	if (run->plan->own)
		return state == 1;
	if (state == 0)
		return run->voices[set] == 0 || is_own(run, peer, set);
	if (state == STATE_WRONG)
		return false;
	/* Any that says it now will do: which one is best is not judged. */
	return run->said[(size_t)sender * run->table->set_count + set] ==
	       (state - 1u) % 2 + 1;
}

static uint32_t
count_right(
    const struct run *run, const struct load_peer *peer, uint32_t number)
{
	const struct load_set *set = &run->table->sets[number];
	const struct sink *sink = peer->data;
	uint32_t right = 0;

	for (uint32_t i = set->first; i < set->first + set->count; i++)
		right += fits(run, peer, number, sink->state[i]);
	return right;
}

void
load_run_recount(const struct run *run, const struct load_peer *peer)
{
	struct sink *sink = peer->data;

	sink->right = 0;
	for (uint32_t s = 0; s < run->table->set_count; s++)
		sink->right += count_right(run, peer, s);
}

void
load_run_change(struct run *run, const struct load_peer *sender, uint32_t set,
    uint8_t repeats)
{
	for (size_t i = 0; i < run->loop.count; i++) {
		const struct load_peer *peer = run->loop.peers[i];

		if (peer->receives)
			((struct sink *)peer->data)->right -=
			    count_right(run, peer, set);
	}
	load_run_note(run, sender, set, repeats);
	for (size_t i = 0; i < run->loop.count; i++) {
		const struct load_peer *peer = run->loop.peers[i];

		if (peer->receives)
			((struct sink *)peer->data)->right +=
			    count_right(run, peer, set);
	}
}

bool
load_run_is_right(const struct run *run, const struct load_peer *peer)
{
	const struct sink *sink = peer->data;

	return peer->state == PEER_UP && sink->right == run->table->count;
}

struct verdict
load_run_judge(const struct run *run, const struct load_peer *peer)
{
	const struct sink *sink = peer->data;
	struct verdict verdict = { 0 };

	for (uint32_t s = 0; s < run->table->set_count; s++) {
		const struct load_set *set = &run->table->sets[s];

		for (uint32_t i = set->first; i < set->first + set->count;
		     i++) {
			if (fits(run, peer, s, sink->state[i]))
				continue;
			if (sink->state[i] == 0)
				verdict.missing++;
			else if (run->voices[s] == 0)
				verdict.extra++;
			else
				verdict.wrong++;
		}
	}
	return verdict;
}

static void
set_state(const struct run *run, const struct load_peer *peer, uint32_t number,
    uint16_t state)
{
	struct sink *sink = peer->data;
	uint32_t set = run->table->routes[number].set;
	uint16_t *old = &sink->state[number];

	sink->have += (state != 0) - (*old != 0);
	sink->right += fits(run, peer, set, state) - fits(run, peer, set, *old);
	*old = state;
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
	uint32_t number;
	int more;

	while ((more = load_prefix(span, &route)) > 0) {
		number = load_table_find(run->table, &route, sink->near);
		sink->withdrawn++;
		if (number == LOAD_NONE) {
			sink->extra++;
			complain(sink, &route, "never sent, withdrawn", update);
			continue;
		}
		sink->near = number;
		set_state(run, peer, number, 0);
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
	if (run->plan->next_hop != 's' &&
	    memcmp(update->next, family == 4 ? who->next4 : who->next6, len) ==
		0)
		return true;
	if (run->plan->next_hop == 'k')
		return false;
	/* Its other family's address is not known here. */
	return inet_pton(family == 4 ? AF_INET : AF_INET6, run->plan->daemon,
		   self) != 1 ||
	       memcmp(update->next, self, len) == 0;
}

/* NULL: as it was sent. */
static const char *
fault_of(const struct run *run, const struct load_update *update,
    unsigned family, uint32_t set)
{
	uint32_t sender = update->sender_as - run->plan->first_as;

	if (update->bad_path || sender >= run->plan->senders ||
	    update->repeats < 1 || update->repeats > 2)
		return "AS path";
	if (!load_run_owns(run, sender, set))
		return "not of this sender";
	if (update->hash != run->table->sets[set].hash)
		return "attributes";
	if (!is_next_hop(run, update, sender, family))
		return "next hop";
	return NULL;
}

/* Of a route that nobody has told the daemon. */
static const char *
fault_of_own(const struct run *run, const struct load_update *update)
{
	struct in_addr self;

	if (update->bad_path || update->repeats != 0)
		return "AS path";
	if (inet_pton(AF_INET, run->plan->daemon, &self) == 1 &&
	    (update->next_len != 4 || memcmp(update->next, &self, 4) != 0))
		return "next hop";
	return NULL;
}

/* What an UPDATE makes of all of its routes that are of one set. */
struct ruling {
	uint32_t set;
	uint16_t state;
	bool is_own;
	const char *fault; /* NULL: as it was sent */
};

static void
rule(const struct run *run, const struct load_peer *peer,
    const struct load_update *update, uint32_t set, struct ruling *ruling)
{
	unsigned family = run->table->sets[set].family;

	ruling->set = set;
	ruling->is_own = is_own(run, peer, set);
	if (run->plan->own) {
		ruling->fault = fault_of_own(run, update);
		ruling->state = 1;
	} else {
		ruling->fault = fault_of(run, update, family, set);
		ruling->state = state_of(
		    update->sender_as - run->plan->first_as, update->repeats);
	}
	if (ruling->fault != NULL)
		ruling->state = STATE_WRONG;
}

static void
on_here(struct run *run, struct load_peer *peer, struct load_update *update,
    struct load_span *span)
{
	struct ruling ruling = { .set = LOAD_NONE };
	struct sink *sink = peer->data;
	struct load_route route;
	uint32_t number, set;
	int more;

	while ((more = load_prefix(span, &route)) > 0) {
		number = load_table_find(run->table, &route, sink->near);
		sink->prefixes++;
		if (number == LOAD_NONE) {
			sink->extra++;
			complain(sink, &route, "never sent", update);
			continue;
		}
		sink->near = number;
		set = run->table->routes[number].set;
		if (set != ruling.set)
			rule(run, peer, update, set, &ruling);
		if (ruling.is_own) {
			sink->echoes++;
			continue;
		}
		if (ruling.fault != NULL) {
			sink->wrong++;
			complain(sink, &route, ruling.fault, update);
		}
		sink->again += sink->state[number] == ruling.state;
		set_state(run, peer, number, ruling.state);
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
	bool was_right, is_empty = true; /* End-of-RIB */

	if (sink == NULL)
		return;
	was_right = load_run_is_right(run, peer);
	if (load_decode(msg, len, &run->rules, &update) < 0) {
		sink->malformed++;
		return;
	}
	for (int i = 0; i < 2; i++) {
		is_empty &= update.gone[i].at == update.gone[i].end &&
			    update.here[i].at == update.here[i].end;
		on_gone(run, peer, &update, &update.gone[i]);
		on_here(run, peer, &update, &update.here[i]);
	}
	if (is_empty)
		return;
	sink->updates++;
	if (sink->first_ns == 0)
		sink->first_ns = loop->now;
	sink->last_ns = loop->now;
	if (!was_right && load_run_is_right(run, peer))
		sink->right_ns = loop->now;
}
