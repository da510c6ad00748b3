/* SPDX-License-Identifier: ISC */
/* A received UPDATE on its way into the RIB. */

/*
 * Everything received is kept as it came, so that a new import policy can be
 * run over it; what the policy refuses is kept and never best. A plugin's
 * neighbor is told, not listened to: its UPDATEs are checked and counted.
 */
#include <string.h>

#include "peer/session.h"
#include "policy/policy.h"
#include "util/arena.h"
#include "util/log.h"

#define AGAIN_PATHS 1000 /* in one slice */
#define FLAW_LOG_MS 1000

static int64_t
receive_now_secs(const struct peer *peer)
{
	return loop_now_ms(peer->peers->loop) / 1000;
}

void
filter_make(const struct peer *peer, enum family family, bool out,
    struct filter *filter)
{
	const struct router *router =
	    (const struct router *)peer->config->node.parent;
	const struct neighbor_family *line = peer->lines[family];
	const struct policy *policy = peer->peers->policy;
	const char *list, *map;

	memset(filter, 0, sizeof(*filter));
	filter->required = peer->plan.ebgp && !peer->plan.guest &&
			   router->ebgp_requires_policy;
	if (line == NULL)
		return;
	list = out ? line->prefix_list_out : line->prefix_list_in;
	map = out ? line->route_map_out : line->route_map_in;
	filter->has_list = list != NULL;
	filter->has_map = map != NULL;
	if (policy == NULL)
		return;
	if (list != NULL)
		filter->list =
		    policy_prefix_list(policy, family_info[family].af, list);
	if (map != NULL)
		filter->map = policy_route_map(policy, map);
}

void
receive_rules(
    const struct peer *peer, enum family family, struct import_rules *rules)
{
	const struct neighbor *config = peer->config;
	const struct router *router =
	    (const struct router *)config->node.parent;
	const struct plan *plan = &peer->plan;

	memset(rules, 0, sizeof(*rules));
	rules->ebgp = plan->ebgp;
	rules->enforce_first_as = router->enforce_first_as;
	rules->local_as = plan->local_as;
	rules->router_as = plan->router_as;
	rules->local_pref = router->local_pref;
	if (plan->ebgp && !config->no_prepend && plan->router_as != 0 &&
	    plan->local_as != plan->router_as)
		rules->prepend_as = plan->local_as;
	if (peer->up != NULL) {
		rules->remote_as = peer->up->theirs.asn;
		rules->router_id = peer->up->router_id;
		rules->local = peer->up->local;
	}
	filter_make(peer, family, false, &rules->filter);
}

static unsigned
receive_take(struct nlri *nlri, struct prefix prefixes[RIB_MANY])
{
	unsigned count = 0;

	while (count < RIB_MANY && nlri_next(nlri, &prefixes[count]))
		count++;
	return count;
}

/* The import's answer for these prefixes is the one for the first. */
static void
receive_routes(struct peer *peer, const struct import_rules *rules,
    const struct prefix *prefixes, unsigned count, struct rib_attr *received)
{
	struct rib *rib = peer->peers->rib;
	struct attr used = rib_attr_get(received);
	struct rib_attr *set = NULL;

	if (import_route(rules, prefixes, peer->peers->scratch, &used) == NULL)
		set = rib_attr_intern(rib, &used);
	rib_update_many(peer->source, prefixes, count, received, set,
	    receive_now_secs(peer));
	rib_attr_unref(rib, set);
}

static void
receive_withdrawn(struct peer *peer, struct nlri nlri)
{
	struct prefix prefixes[RIB_MANY];
	unsigned count;

	if (nlri.family == FAMILY_NONE || !peer->up->families[nlri.family])
		return;
	while ((count = receive_take(&nlri, prefixes)) > 0)
		rib_withdraw_many(peer->source, prefixes, count);
}

/* Made once per configuration and session, not once per UPDATE. */
static const struct import_rules *
receive_rules_now(struct peer *peer, enum family family)
{
	struct peer_family *state = &peer->families[family];

	if (state->rules_age != peer->peers->age) {
		receive_rules(peer, family, &state->rules);
		state->rules_age = peer->peers->age;
	}
	return &state->rules;
}

static void
receive_announced(
    struct peer *peer, struct nlri nlri, const struct attr *received)
{
	const struct import_rules *rules;
	struct prefix prefixes[RIB_MANY];
	struct rib_attr *set;
	unsigned count, i;

	if (nlri.family == FAMILY_NONE || !peer->up->families[nlri.family])
		return;
	rules = receive_rules_now(peer, nlri.family);
	set = rib_attr_intern(peer->peers->rib, received);
	while ((count = receive_take(&nlri, prefixes)) > 0) {
		if (!import_asks_prefix(rules))
			receive_routes(peer, rules, prefixes, count, set);
		else
			for (i = 0; i < count; i++)
				receive_routes(
				    peer, rules, &prefixes[i], 1, set);
	}
	rib_attr_unref(peer->peers->rib, set);
}

/* Flaws that do not end the session are said and counted (RFC 7606 6). */
static void
receive_note_verdict(struct peer *peer, const struct update *update)
{
	int64_t now = loop_now_ms(peer->peers->loop);
	char who[128];

	if (update->verdict == VERDICT_KEEP)
		return;
	if (update->verdict == VERDICT_WITHDRAW)
		peer->withdrawn++;
	else
		peer->discarded++;
	/* A peer that errs all day fills no log: the counters tell. */
	if (peer->flaw_ms != 0 && now - peer->flaw_ms < FLAW_LOG_MS)
		return;
	peer->flaw_ms = now;
	peer_say(peer, who, sizeof(who));
	log_warning("peer", "%s: UPDATE: %s: %s", who,
	    name_of(verdict_names, update->verdict), update->why);
}

/* Too many: 0 while it goes on, -1 with the Cease. */
static int
receive_check_maximum(
    struct peer *peer, enum family family, struct notification *error)
{
	const struct neighbor_family *line = peer->lines[family];
	struct peer_family *state = &peer->families[family];
	uint32_t count;
	char who[128];

	if (line == NULL || line->max_prefixes == 0)
		return 0;
	count = rib_source_count(peer->source, family, true);
	if ((uint64_t)count * 100 <=
	    (uint64_t)line->max_prefixes * line->max_percent)
		state->warned = false;
	else if (!state->warned) {
		state->warned = true;
		peer_say(peer, who, sizeof(who));
		log_warning("peer", "%s: %u %s prefixes, the maximum is %u",
		    who, count, family_info[family].name, line->max_prefixes);
	}
	if (count <= line->max_prefixes || line->max_warning_only)
		return 0;
	notification_set(error, NOTIFY_CEASE, CEASE_MAX_PREFIXES,
	    "%u %s prefixes, the maximum is %u", count,
	    family_info[family].name, line->max_prefixes);
	peer->overflown = true;
	if (line->max_restart_mins != 0)
		timer_start(
		    peer->restart, line->max_restart_mins * INT64_C(60000));
	return -1;
}

/* RFC 4486 4: family and limit go along. */
static void
receive_fill_maximum(
    const struct peer *peer, enum family family, struct notification *error)
{
	const struct neighbor_family *line = peer->lines[family];
	struct buf data = buf_writer(error->data, sizeof(error->data));

	buf_put_u16(&data, family_info[family].afi);
	buf_put_u8(&data, family_info[family].safi);
	buf_put_u32(&data, line->max_prefixes);
	error->data_len = (uint16_t)data.pos;
}

static int
receive_check_maxima(struct peer *peer, struct notification *error)
{
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++)
		if (peer->up->families[i] &&
		    receive_check_maximum(peer, i, error) != 0) {
			receive_fill_maximum(peer, i, error);
			return -1;
		}
	return 0;
}

static void
receive_apply(struct peer *peer, struct update *update)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		receive_withdrawn(peer, update->withdrawn[i]);
	for (i = 0; i < 2; i++) {
		if (update->verdict == VERDICT_WITHDRAW) {
			receive_withdrawn(peer, update->announced[i]);
			continue;
		}
		update_use_next_hop(update, i);
		receive_announced(peer, update->announced[i], &update->attr);
	}
}

int
receive_update(
    struct session *session, struct buf body, struct notification *error)
{
	struct peer *peer = session->peer;
	struct arena *arena = peer->peers->scratch;
	struct update update;
	int result = -1;

	memset(&update, 0, sizeof(update));
	if (update_decode(body, &session->wire, arena, &update, error) != 0)
		goto out;
	receive_note_verdict(peer, &update);
	result = 0;
	if (peer->plan.guest)
		goto out;
	receive_apply(peer, &update);
	result = receive_check_maxima(peer, error);
out:
	arena_reset(arena);
	return result;
}

/* The policy again ------------------------------------------------------------------ */

void
receive_again(struct peer *peer, enum family family)
{
	struct peer_family *state = &peer->families[family];

	if (peer->up == NULL || peer->plan.guest)
		return;
	memset(&state->cursor, 0, sizeof(state->cursor));
	state->cursor.family = family;
	state->cursor.any_order = true;
	state->again = true;
	peers_work(peer->peers);
}

static bool
receive_again_family(struct peer *peer, enum family family)
{
	struct peer_family *state = &peer->families[family];
	struct rib *rib = peer->peers->rib;
	const struct import_rules *rules = receive_rules_now(peer, family);
	struct rib_path_view view;
	struct rib_attr *received;
	unsigned left = AGAIN_PATHS;

	while (left-- > 0) {
		if (!rib_source_next(peer->source, &state->cursor, &view)) {
			state->again = false;
			return false;
		}
		/* The update may drop what the path holds now. */
		received = rib_attr_ref((struct rib_attr *)view.received);
		receive_routes(peer, rules, &view.prefix, 1, received);
		rib_attr_unref(rib, received);
		arena_reset(peer->peers->scratch);
	}
	return true;
}

bool
receive_slice(struct peer *peer)
{
	bool more = false;
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++)
		if (!peer->families[i].again)
			continue;
		else if (peer->up == NULL)
			peer->families[i].again = false;
		else
			more |= receive_again_family(peer, i);
	return more;
}
