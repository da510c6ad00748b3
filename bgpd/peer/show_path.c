/* SPDX-License-Identifier: ISC */
/* show bgp PREFIX: the paths of one prefix, who is told, and why others are not. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "peer/show.h"
#include "util/arena.h"

#define PATHS_MAX 64

static void
entry_told(struct out *out, const struct rib_path_view *best)
{
	struct arena *arena = arena_new();
	enum family family = family_of(best->prefix.family);
	char addr[ADDR_TEXT];
	const struct peer *peer;
	const char *why;
	unsigned told = 0;

	out_object(out, "advertisedTo");
	TAILQ_FOREACH (peer, &show_peers->list, link) {
		if (peer->up == NULL || !peer->up->families[family] ||
		    tell_why_not(peer, family, best, arena) != NULL)
			continue;
		addr_print(&peer->addr, addr);
		if (told++ == 0)
			out_print(
			    out, "  Advertised to non peer-group peers:\n ");
		out_print(out, " %s", addr);
		out_object(out, addr);
		out_close(out);
	}
	out_close(out);
	out_print(out, told > 0 ? "\n" : "  Not advertised to any peer\n");
	out_object(out, "notAdvertisedTo");
	TAILQ_FOREACH (peer, &show_peers->list, link) {
		if (peer->up == NULL || !peer->up->families[family])
			continue;
		why = tell_why_not(peer, family, best, arena);
		if (why == NULL)
			continue;
		addr_print(&peer->addr, addr);
		out_print(out, "  Not advertised to %s: %s\n", addr, why);
		out_string(out, addr, why);
	}
	out_close(out);
	arena_free(arena);
}

/* Why the import rules refused it; asked again, since it is not kept. */
static const char *
path_refusal(const struct rib_path_view *view, struct arena *arena)
{
	const struct rib_source_info *info = rib_source_info(view->source);
	const struct peer *peer = peer_find(show_peers, &info->addr);
	struct import_rules rules;
	struct attr attr;

	if (peer == NULL || peer->source != view->source)
		return "its session has ended";
	receive_rules(peer, family_of(view->prefix.family), &rules);
	attr = rib_attr_get(view->received);
	return import_route(&rules, &view->prefix, arena, &attr);
}

static void
path_as(struct out *out, const struct attr *attr, bool local)
{
	struct text path = { 0 };

	aspath_print(attr->as_path, &path);
	out_print(out, "  %s\n", path.len > 0 ? text_str(&path) : "Local");
	(void)local;
	out_object(out, "aspath");
	out_string(out, "string", path.len > 0 ? text_str(&path) : "Local");
	out_int(out, "length", aspath_length(attr->as_path));
	out_close(out);
	text_free(&path);
}

static void
path_from(
    struct out *out, const struct rib_path_view *view, const struct attr *attr)
{
	const struct rib_source_info *info = rib_source_info(view->source);
	struct addr none = { .family = view->prefix.family };
	char hop[ADDR_TEXT], from[ADDR_TEXT], id[ADDR_TEXT];

	addr_print(attr->next_hop.family != 0 ? &attr->next_hop : &none, hop);
	addr_print(info->addr.family != 0 ? &info->addr : &none, from);
	show_id(info->addr.family != 0 ? info->router_id
				       : peers_router_id(show_peers),
	    id);
	out_print(out, "    %s from %s (%s)\n", hop, from, id);
	if (attr->next_hop_local.family != 0) {
		out_print(out, "    (%s) (used)\n",
		    addr_print(&attr->next_hop_local, hop));
	}
	out_array(out, "nexthops");
	out_object(out, NULL);
	out_string(out, "ip",
	    addr_print(
		attr->next_hop.family != 0 ? &attr->next_hop : &none, hop));
	out_string(
	    out, "afi", view->prefix.family == AF_INET6 ? "ipv6" : "ipv4");
	out_bool(out, "used", true);
	out_close(out);
	out_close(out);
	out_object(out, "peer");
	out_string(out, "peerId", from);
	out_string(out, "routerId", id);
	out_string(out, "type",
	    info->kind == RIB_IBGP   ? "internal"
	    : info->kind == RIB_EBGP ? "external"
				     : "local");
	out_close(out);
}

static const char *const kind_words[] = {
	[RIB_LOCAL] = "sourced, local",
	[RIB_AGGREGATE] = "aggregated, local",
	[RIB_EBGP] = "external",
	[RIB_IBGP] = "internal",
};

static void
path_attributes(
    struct out *out, const struct rib_path_view *view, const struct attr *attr)
{
	bool valid = (view->flags & (RIB_REFUSED | RIB_UNUSABLE)) == 0;

	out_print(out, "      Origin %s", show_origin_word(attr));
	out_string(out, "origin", show_origin_word(attr));
	if (ATTR_HAS(attr, ATTR_MED)) {
		out_print(out, ", metric %u", attr->med);
		out_int(out, "metric", attr->med);
	}
	if (ATTR_HAS(attr, ATTR_LOCAL_PREF)) {
		out_print(out, ", localpref %u", attr->local_pref);
		out_int(out, "locPrf", attr->local_pref);
	}
	if (view->weight != 0) {
		out_print(out, ", weight %u", view->weight);
		out_int(out, "weight", view->weight);
	}
	out_print(out, ", %s, %s", valid ? "valid" : "invalid",
	    kind_words[rib_source_info(view->source)->kind]);
	if (valid)
		out_bool(out, "valid", true);
	if (ATTR_HAS(attr, ATTR_ATOMIC_AGGREGATE)) {
		out_print(out, ", atomic-aggregate");
		out_bool(out, "atomicAggregate", true);
	}
	if ((view->flags & RIB_BEST) != 0) {
		out_print(out, ", best (%s)",
		    view->reason != NULL ? view->reason : "");
		out_object(out, "bestpath");
		out_bool(out, "overall", true);
		if (view->reason != NULL)
			out_string(out, "selectionReason", view->reason);
		out_close(out);
	}
	out_print(out, "\n");
}

static const struct {
	size_t offset;
	void (*print)(const struct blob *list, struct text *out);
	const char *text, *json;
} list_shows[] = {
	{ offsetof(struct attr, communities), community_print_list, "Community",
	    "community" },
	{ offsetof(struct attr, ext_communities), ext_community_print_list,
	    "Extended Community", "extendedCommunity" },
	{ offsetof(struct attr, large_communities), large_community_print_list,
	    "Large Community", "largeCommunity" },
};

static void
list_json(struct out *out, const char *key, char *words)
{
	char *word, *rest = words;

	out_object(out, key);
	out_string(out, "string", words);
	out_array(out, "list");
	while ((word = strsep(&rest, " ")) != NULL)
		out_string(out, NULL, word);
	out_close(out);
	out_close(out);
}

static void
path_lists(struct out *out, const struct attr *attr)
{
	const struct blob *list;
	struct text words = { 0 };
	unsigned i;

	for (i = 0; i < sizeof(list_shows) / sizeof(list_shows[0]); i++) {
		memcpy(&list, (const char *)attr + list_shows[i].offset,
		    sizeof(list));
		if (list == NULL)
			continue;
		text_clear(&words);
		list_shows[i].print(list, &words);
		out_print(out, "      %s: %s\n", list_shows[i].text,
		    text_str(&words));
		if (words.len > 0)
			list_json(out, list_shows[i].json, words.s);
	}
	text_free(&words);
}

static void
path_show(struct out *out, const struct rib_path_view *view)
{
	struct attr is = show_attr(view, false);
	const struct attr *attr = &is;
	struct arena *arena = arena_new();
	int64_t since = show_epoch(view->since_secs * 1000);
	const char *why;
	char when[32];
	time_t t = (time_t)since;

	out_object(out, NULL);
	path_as(out, attr, false);
	path_from(out, view, attr);
	path_attributes(out, view, attr);
	path_lists(out, attr);
	if ((view->flags & RIB_REFUSED) != 0) {
		why = path_refusal(view, arena);
		out_print(
		    out, "      Not used: %s\n", why != NULL ? why : "refused");
		out_string(out, "notUsed", why != NULL ? why : "refused");
	}
	strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", localtime(&t));
	out_print(out, "      Last update: %s\n", when);
	out_object(out, "lastUpdate");
	out_int(out, "epoch", since);
	out_string(out, "string", when);
	out_close(out);
	out_close(out);
	arena_free(arena);
}

static void
entry_show(struct out *out, const struct rib_path_view *views, unsigned count)
{
	bool has_best = (views[0].flags & RIB_BEST) != 0;
	char prefix[PREFIX_TEXT];
	struct rib_stats stats;
	unsigned i;

	rib_stats(show_peers->rib, &stats);
	prefix_print(&views[0].prefix, prefix);
	out_print(out, "BGP routing table entry for %s\n", prefix);
	out_print(out, "Paths: (%u available, %s, table default)\n", count,
	    has_best ? "best #1" : "no best path");
	out_object(out, NULL);
	out_string(out, "prefix", prefix);
	if (has_best)
		entry_told(out, &views[0]);
	out_array(out, "paths");
	for (i = 0; i < count; i++)
		path_show(out, &views[i]);
	out_close(out);
	out_close(out);
}

int
show_prefix(struct cli_call *call)
{
	const char *word = call_arg(call, "PREFIX");
	struct rib_path_view views[PATHS_MAX];
	struct prefix prefix;
	unsigned count;

	if (show_peers == NULL)
		return call_fail(call, "BGP is not running");
	if (word == NULL || prefix_read(word, &prefix) != 0)
		return call_fail(call, "Malformed address");
	/* An address asks for what covers it. */
	if (strchr(word, '/') != NULL)
		count = rib_find(show_peers->rib, &prefix, views, PATHS_MAX);
	else
		count = rib_match(show_peers->rib, &prefix, views, PATHS_MAX);
	if (count == 0) {
		out_print(call_out(call), "%% Network not in table\n");
		out_object(call_out(call), NULL);
		out_close(call_out(call));
		return 0;
	}
	entry_show(
	    call_out(call), views, count < PATHS_MAX ? count : PATHS_MAX);
	return 0;
}
