/* SPDX-License-Identifier: ISC */
/* What a neighbor is told: which group of the RIB it reads with. */

/*
 * Neighbors with equal rules share one teller, and thereby one group of the
 * RIB, where each message is encoded once. A change of the lists and maps is
 * put into the teller and the group is asked again; a change of a neighbor's
 * own lines moves it to another group: what it was told and would not be told
 * there is withdrawn first.
 */
#include <string.h>

#include "peer/session.h"
#include "policy/policy.h"
#include "util/arena.h"
#include "util/log.h"
#include "util/mem.h"

struct teller {
	TAILQ_ENTRY(teller) link;
	unsigned refs;
	struct export_rules rules;
	struct policy *policy;
	char *list;
	char *map;
	char *owner;
	struct text key;
};

/* Our address towards this neighbor, in the family of the routes. */
static void
tell_next_hop(const struct session *session, enum family family,
    struct export_rules *rules)
{
	const struct addr *local = &session->local;
	uint8_t af = family_info[family].af;

	if (local->family == af && !addr_is_link_local(local))
		rules->next_hop = *local;
	else if (iface_global_addr(local, af, &rules->next_hop) != 0)
		memset(&rules->next_hop, 0, sizeof(rules->next_hop));
	if (af == AF_INET)
		return;
	/* RFC 2545 3: the link-local address for who is on the link. */
	if (addr_is_link_local(local))
		rules->next_hop_local = *local;
	else if (!iface_is_connected(&session->peer->addr) ||
		 iface_link_local(local, &rules->next_hop_local) != 0)
		memset(
		    &rules->next_hop_local, 0, sizeof(rules->next_hop_local));
	if (rules->next_hop.family == 0)
		rules->next_hop = rules->next_hop_local;
	rules->next_hop.scope = 0;
	rules->next_hop_local.scope = 0;
}

static void
tell_communities(const struct neighbor_family *line, struct export_rules *rules)
{
	rules->send_standard = rules->send_extended = rules->send_large = true;
	if (line == NULL)
		return;
	rules->send_standard = line->send_all && line->send_both &&
			       line->send_community && line->send_standard;
	rules->send_extended =
	    line->send_all && line->send_both && line->send_extended;
	rules->send_large = line->send_all && line->send_large;
}

static void
tell_rules(const struct session *session, enum family family,
    struct export_rules *rules)
{
	const struct peer *peer = session->peer;
	const struct neighbor *config = peer->config;
	const struct neighbor_family *line = peer->lines[family];
	const struct plan *plan = &peer->plan;

	memset(rules, 0, sizeof(*rules));
	rules->family = (uint8_t)family;
	rules->ebgp = plan->ebgp;
	rules->next_hop_self = line != NULL && line->next_hop_self;
	rules->local_as = plan->local_as;
	rules->router_as = plan->router_as;
	rules->prepend_router_as = plan->router_as != 0 &&
				   plan->router_as != plan->local_as &&
				   !config->replace_as;
	rules->local_pref =
	    ((const struct router *)config->node.parent)->local_pref;
	rules->owner = cli_owner(&config->node);
	tell_communities(line, rules);
	tell_next_hop(session, family, rules);
	filter_make(peer, family, true, &rules->filter);
}

/* The key: rules without pointers, then the names that they stood for. */
static void
tell_key(const struct session *session, const struct export_rules *rules,
    const char *list, const char *map, struct text *key)
{
	struct export_rules plain = *rules;
	const char *names[] = { list, map, rules->owner };
	unsigned i;

	plain.owner = NULL;
	plain.filter.list = NULL;
	plain.filter.map = NULL;
	text_put(key, (const char *)&plain, sizeof(plain));
	text_char(key, session->wire.as4 ? '4' : '2');
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] != NULL)
			text_put(key, names[i], strlen(names[i]));
		text_char(key, names[i] != NULL ? '\n' : '\t');
	}
}

static bool
tell_export(void *arg, const struct rib_path_view *view, struct arena *arena,
    struct attr *out)
{
	const struct teller *teller = arg;

	return export_route(&teller->rules, view, arena, out) == NULL;
}

/* Is the answer the same for every prefix? */
static bool
tell_by_attr(void *arg)
{
	const struct teller *teller = arg;

	return !filter_asks_prefix(&teller->rules.filter);
}

static void
teller_free(struct peers *peers, struct teller *teller)
{
	TAILQ_REMOVE(&peers->tellers, teller, link);
	if (teller->policy != NULL)
		policy_unref(teller->policy);
	mem_free(teller->list);
	mem_free(teller->map);
	mem_free(teller->owner);
	text_free(&teller->key);
	mem_free(teller);
}

static void
teller_unref(struct peers *peers, struct teller *teller)
{
	if (--teller->refs == 0)
		teller_free(peers, teller);
}

void
tell_free_all(struct peers *peers)
{
	struct teller *teller;

	while ((teller = TAILQ_FIRST(&peers->tellers)) != NULL)
		teller_free(peers, teller);
}

static struct teller *
teller_find(const struct peers *peers, const struct text *key)
{
	struct teller *teller;

	TAILQ_FOREACH (teller, &peers->tellers, link)
		if (teller->key.len == key->len &&
		    memcmp(teller->key.s, key->s, key->len) == 0)
			return teller;
	return NULL;
}

/* The one for these rules, made if there is none; the caller owns a reference. */
static struct teller *
teller_get(const struct session *session, enum family family)
{
	struct peers *peers = session->peer->peers;
	const struct neighbor_family *line = session->peer->lines[family];
	const char *list = line != NULL ? line->prefix_list_out : NULL;
	const char *map = line != NULL ? line->route_map_out : NULL;
	struct export_rules rules;
	struct text key = { 0 };
	struct teller *teller;

	tell_rules(session, family, &rules);
	tell_key(session, &rules, list, map, &key);
	teller = teller_find(peers, &key);
	if (teller == NULL) {
		teller = mem_alloc(sizeof(*teller));
		teller->rules = rules;
		teller->list = mem_string(list);
		teller->map = mem_string(map);
		teller->owner = mem_string(rules.owner);
		teller->rules.owner = teller->owner;
		if (peers->policy != NULL)
			teller->policy = policy_ref(peers->policy);
		teller->key = key;
		TAILQ_INSERT_TAIL(&peers->tellers, teller, link);
	} else {
		text_free(&key);
	}
	teller->refs++;
	return teller;
}

static void
tell_on_pending(void *arg)
{
	stream_wake(arg);
}

static void
tell_join(struct session *session, enum family family, struct teller *teller)
{
	struct peer *peer = session->peer;
	struct peer_family *state = &peer->families[family];
	struct rib_export export = {
		.by_attr = tell_by_attr,
		.export = tell_export,
		.arg = teller,
	};

	state->teller = teller;
	state->member = rib_member_new(peer->peers->rib, family, teller->key.s,
	    teller->key.len, &session->wire, peer->source, &export, NULL);
	rib_member_on_pending(state->member, tell_on_pending, session);
}

void
tell_start(struct session *session)
{
	struct peer *peer = session->peer;
	const char *obstacle;
	char who[128];
	unsigned i;

	peer_say(peer, who, sizeof(who));
	for (i = 0; i < FAMILY_COUNT; i++) {
		if (!session->families[i])
			continue;
		tell_join(session, i, teller_get(session, i));
		obstacle = tell_obstacle(peer, i);
		if (obstacle != NULL)
			log_warning("peer", "%s: %s: %s", who,
			    family_info[i].line, obstacle);
	}
}

void
tell_stop(struct peer *peer)
{
	struct peer_family *state;
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		state = &peer->families[i];
		if (state->member == NULL)
			continue;
		rib_member_free(state->member);
		teller_unref(peer->peers, state->teller);
		memset(state, 0, sizeof(*state));
	}
}

/* The RIB has no clock: it is told the time while it waits for slow peers. */
#define TICK_MS 50

static void
tell_start_tick(struct peers *peers)
{
	if (!timer_is_on(peers->tick) && rib_is_waiting(peers->rib))
		timer_start(peers->tick, TICK_MS);
}

void
tell_on_tick(void *arg)
{
	struct peers *peers = arg;

	rib_tick(peers->rib);
	tell_start_tick(peers);
}

size_t
tell_take(struct peer *peer, const uint8_t **data)
{
	size_t len = 0;
	unsigned i;

	for (i = 0; i < FAMILY_COUNT && len == 0; i++)
		if (peer->families[i].member != NULL)
			len = rib_member_take(peer->families[i].member, data);
	tell_start_tick(peer->peers);
	return len;
}

bool
tell_is_done(const struct peer *peer)
{
	const struct rib_member *member;
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		member = peer->families[i].member;
		if (member != NULL && !rib_member_is_idle(member))
			return false;
	}
	return true;
}

void
tell_refresh(struct peer *peer, enum family family)
{
	if (peer->families[family].member == NULL)
		return;
	rib_member_refresh(peer->families[family].member);
	stream_wake(peer->up);
}

/* From one group to another -------------------------------------------------------- */

static bool
tell_would(const struct peer *peer, const struct teller *teller,
    const struct prefix *prefix, struct arena *arena)
{
	struct rib_path_view view;
	struct attr out;

	if (rib_find(peer->peers->rib, prefix, &view, 1) == 0 ||
	    (view.flags & RIB_BEST) == 0 || view.used == NULL ||
	    view.source == peer->source)
		return false;
	out = rib_attr_get(view.used);
	return export_route(&teller->rules, &view, arena, &out) == NULL;
}

#define WITHDRAW_BATCH 128

static void
tell_withdraw(struct session *session, enum family family,
    const struct prefix *prefixes, unsigned count)
{
	uint8_t bytes[MESSAGE_MAX];
	struct buf out;
	unsigned done;

	while (count > 0) {
		out = buf_writer(bytes, sizeof(bytes));
		done = update_encode_withdraw(
		    &out, &session->wire, family, prefixes, count);
		if (done == 0 || out.failed)
			return;
		session->peer->out_count[MESSAGE_UPDATE]++;
		stream_put(session, bytes, out.pos);
		prefixes += done;
		count -= done;
	}
}

/* All that the RIB has for it now waits for the socket. */
static void
tell_drain(struct session *session, struct rib_member *member)
{
	const uint8_t *bytes;
	size_t len;

	do {
		len = rib_member_take(member, &bytes);
		if (len > 0)
			stream_put(session, bytes, len);
		rib_member_overtake(member);
	} while (!rib_member_is_idle(member));
}

/* What it holds of the old group and would not get from the new one. */
static void
tell_leave(struct session *session, enum family family, struct teller *teller)
{
	struct peer *peer = session->peer;
	struct rib_member *member = peer->families[family].member;
	struct arena *arena = arena_new();
	struct prefix gone[WITHDRAW_BATCH];
	struct rib_cursor cursor = { .family = family, .any_order = true };
	unsigned count = 0;
	struct attr out;

	/* What the group still owes it goes first: then the view is exact. */
	tell_drain(session, member);
	while (rib_member_next(member, &cursor, arena, &gone[count], &out)) {
		if (!tell_would(peer, teller, &gone[count], arena))
			count++;
		if (count == WITHDRAW_BATCH) {
			tell_withdraw(session, family, gone, count);
			count = 0;
		}
		arena_reset(arena);
	}
	tell_withdraw(session, family, gone, count);
	arena_free(arena);
	rib_member_free(member);
}

void
tell_again(struct peer *peer, enum family family)
{
	struct peer_family *state = &peer->families[family];
	struct teller *old = state->teller, *teller;

	if (peer->up == NULL || state->member == NULL)
		return;
	teller = teller_get(peer->up, family);
	if (teller == old) {
		teller_unref(peer->peers, teller);
		return;
	}
	tell_leave(peer->up, family, teller);
	teller_unref(peer->peers, old);
	tell_join(peer->up, family, teller);
	/* What goes before the new group has told it would never be withdrawn. */
	tell_drain(peer->up, state->member);
	stream_wake(peer->up);
}

/* New lists and maps ------------------------------------------------------------------- */

static bool
teller_is_changed(const struct teller *teller, const struct policy *new)
{
	uint8_t af = family_info[teller->rules.family].af;

	if (teller->policy == NULL)
		return teller->list != NULL || teller->map != NULL;
	return (teller->list != NULL &&
		   policy_prefix_list_changed(
		       teller->policy, new, af, teller->list)) ||
	       (teller->map != NULL &&
		   policy_route_map_changed(teller->policy, new, teller->map));
}

static void
teller_set_policy(struct teller *teller, struct policy *policy)
{
	struct filter *filter = &teller->rules.filter;
	uint8_t af = family_info[teller->rules.family].af;

	if (teller->list != NULL)
		filter->list = policy_prefix_list(policy, af, teller->list);
	if (teller->map != NULL)
		filter->map = policy_route_map(policy, teller->map);
	if (teller->policy != NULL)
		policy_unref(teller->policy);
	teller->policy = policy_ref(policy);
}

/* One call for the whole group, through any of its members. */
static void
teller_ask_again(struct peers *peers, const struct teller *teller)
{
	unsigned family = teller->rules.family;
	struct peer *peer;
	bool asked = false;

	TAILQ_FOREACH (peer, &peers->list, link) {
		if (peer->families[family].teller != teller)
			continue;
		if (!asked)
			rib_group_refresh(peer->families[family].member);
		asked = true;
		stream_wake(peer->up);
	}
}

void
tell_policy(struct peers *peers, struct policy *policy)
{
	struct teller *teller;
	bool changed;

	if (policy == NULL)
		return;
	TAILQ_FOREACH (teller, &peers->tellers, link) {
		changed = teller_is_changed(teller, policy);
		teller_set_policy(teller, policy);
		if (changed)
			teller_ask_again(peers, teller);
	}
}

/* For shows ------------------------------------------------------------------------------ */

const char *
tell_why_not(const struct peer *peer, enum family family,
    const struct rib_path_view *view, struct arena *arena)
{
	const struct teller *teller = peer->families[family].teller;
	struct attr out;

	if (teller == NULL)
		return "the address family is not in use with it";
	if (view->used == NULL || (view->flags & RIB_BEST) == 0)
		return "not the best path";
	if (view->source == peer->source)
		return "it came from there";
	out = rib_attr_get(view->used);
	return export_route(&teller->rules, view, arena, &out);
}

const char *
tell_obstacle(const struct peer *peer, enum family family)
{
	const struct teller *teller = peer->families[family].teller;

	if (teller == NULL || teller->rules.next_hop.family != 0)
		return NULL;
	return "routes are not told: the interface has no address of this "
	       "family for the next hop";
}

const struct export_rules *
tell_rules_of(const struct peer *peer, enum family family, const char **list,
    const char **map)
{
	const struct teller *teller = peer->families[family].teller;

	if (teller == NULL)
		return NULL;
	*list = teller->list;
	*map = teller->map;
	return &teller->rules;
}
