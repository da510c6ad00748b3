/* SPDX-License-Identifier: ISC */
/* show bgp update-groups: who is told the same, and what sets others apart. */
#include <stdio.h>
#include <string.h>

#include "peer/show.h"
#include "util/mem.h"

/*
 * A group's members cost one encoding. Each trait is a reason for another group:
 * it is said for each group, and those are named that differ from the largest
 * one of its family.
 */
struct group_view {
	const struct peer *first;
	struct rib_group_info info;
	enum family family;
	const struct export_rules *rules;
	const char *list, *map;
	bool as4;
};

static void
say_session(const struct group_view *g, struct text *out)
{
	text_add(out, "%s", g->rules->ebgp ? "external" : "internal");
}

static void
say_local_as(const struct group_view *g, struct text *out)
{
	text_add(out, "%u%s", g->rules->local_as,
	    g->rules->prepend_router_as ? ", our own behind it" : "");
}

static void
say_next_hop(const struct group_view *g, struct text *out)
{
	char addr[ADDR_TEXT];

	text_add(out, "%s%s",
	    g->rules->next_hop.family != 0
		? addr_print(&g->rules->next_hop, addr)
		: "none",
	    g->rules->next_hop_self ? ", always" : "");
}

static void
say_communities(const struct group_view *g, struct text *out)
{
	text_add(out, "%s%s%s", g->rules->send_standard ? "standard " : "",
	    g->rules->send_extended ? "extended " : "",
	    g->rules->send_large ? "large" : "");
}

static void
say_list(const struct group_view *g, struct text *out)
{
	text_add(out, "%s", g->list != NULL ? g->list : "none");
}

static void
say_map(const struct group_view *g, struct text *out)
{
	text_add(out, "%s", g->map != NULL ? g->map : "none");
}

static void
say_as_numbers(const struct group_view *g, struct text *out)
{
	text_add(out, "of %s octets", g->as4 ? "four" : "two");
}

static void
say_owner(const struct group_view *g, struct text *out)
{
	text_add(out, "%s", g->rules->owner != NULL ? g->rules->owner : "all");
}

static const struct trait {
	const char *words, *json;
	void (*say)(const struct group_view *g, struct text *out);
} traits[] = {
	{ "Session", "session", say_session },
	{ "Local AS", "localAs", say_local_as },
	{ "Next hop", "nextHop", say_next_hop },
	{ "Communities", "communities", say_communities },
	{ "Prefix list out", "prefixListOut", say_list },
	{ "Route map out", "routeMapOut", say_map },
	{ "AS numbers", "asNumbers", say_as_numbers },
	{ "Routes of", "routesOf", say_owner },
};
#define TRAITS (sizeof(traits) / sizeof(traits[0]))

static bool
trait_differs(const struct trait *trait, const struct group_view *a,
    const struct group_view *b)
{
	struct text x = { 0 }, y = { 0 };
	bool differs;

	trait->say(a, &x);
	trait->say(b, &y);
	differs = strcmp(text_str(&x), text_str(&y)) != 0;
	text_free(&x);
	text_free(&y);
	return differs;
}

static void
group_traits(struct out *out, const struct group_view *g,
    const struct group_view *largest)
{
	struct text said = { 0 }, apart = { 0 };
	unsigned i;

	for (i = 0; i < TRAITS; i++) {
		text_free(&said);
		traits[i].say(g, &said);
		out_print(out, "  %s: %s\n", traits[i].words, text_str(&said));
		out_string(out, traits[i].json, text_str(&said));
		if (trait_differs(&traits[i], g, largest))
			text_add(&apart, "%s%s", apart.len > 0 ? ", " : "",
			    traits[i].words);
	}
	if (apart.len > 0) {
		out_print(out, "  Apart from group %u by: %s\n",
		    largest->info.id, text_str(&apart));
		out_string(out, "apartBy", text_str(&apart));
	}
	text_free(&said);
	text_free(&apart);
}

static void
group_members(struct out *out, const struct group_view *g)
{
	const struct rib_member *member;
	const struct peer *peer;
	char addr[ADDR_TEXT];
	uint32_t todo;

	out_print(out, "  Peers in the group:\n");
	out_array(out, "peers");
	TAILQ_FOREACH (peer, &show_peers->list, link) {
		member = peer->families[g->family].member;
		if (member == NULL || rib_member_group_id(member) != g->info.id)
			continue;
		addr_print(&peer->addr, addr);
		out_string(out, NULL, addr);
		if (rib_member_is_apart(member, &todo))
			out_print(out,
			    "    - %s (reads for itself, %u prefixes changed "
			    "since)\n",
			    addr, todo);
		else
			out_print(out, "    - %s\n", addr);
	}
	out_close(out);
}

static void
group_print(struct out *out, const struct group_view *g,
    const struct group_view *largest)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", g->info.id);
	out_object(out, id);
	out_print(out, "Update-group %u:\n", g->info.id);
	out_print(out, "  Address family: %s\n", family_info[g->family].name);
	out_string(out, "groupId", id);
	out_string(out, "addressFamily", family_info[g->family].json);
	group_traits(out, g, largest);
	out_print(out,
	    "  Members: %u, told %u prefixes, %u to look at%s\n"
	    "  Encoded and not read by all: %zu bytes\n",
	    g->info.members, g->info.told, g->info.to_look,
	    g->info.walking ? " and all that follow" : "", g->info.log_bytes);
	out_int(out, "members", g->info.members);
	out_int(out, "adjacencyCount", g->info.told);
	out_int(out, "toLook", g->info.to_look);
	out_bool(out, "walking", g->info.walking);
	out_int(out, "logBytes", (int64_t)g->info.log_bytes);
	group_members(out, g);
	out_close(out);
}

/* The groups of a family, each once; for mem_free. */
static struct group_view *
groups_of(enum family family, unsigned *count)
{
	struct group_view *all = NULL, view;
	const struct rib_member *member;
	const struct peer *peer;
	unsigned i;

	*count = 0;
	TAILQ_FOREACH (peer, &show_peers->list, link) {
		member = peer->families[family].member;
		if (member == NULL)
			continue;
		view = (struct group_view){ .first = peer,
			.family = family,
			.as4 = peer->up->wire.as4 };
		rib_group_info(member, &view.info);
		view.rules = tell_rules_of(peer, family, &view.list, &view.map);
		for (i = 0; i < *count && all[i].info.id != view.info.id; i++)
			;
		if (i < *count)
			continue;
		all = mem_resize(all, *count + 1, sizeof(*all));
		all[(*count)++] = view;
	}
	return all;
}

int
show_groups(struct cli_call *call)
{
	enum family asked = show_family(call);
	struct out *out = call_out(call);
	struct group_view *all;
	unsigned family, i, count, largest, shown = 0;

	out_object(out, NULL);
	for (family = 0; family < FAMILY_COUNT && show_peers != NULL;
	     family++) {
		if (asked != FAMILY_NONE && asked != family)
			continue;
		all = groups_of(family, &count);
		for (i = largest = 0; i < count; i++)
			if (all[i].info.members > all[largest].info.members)
				largest = i;
		for (i = 0; i < count; i++)
			group_print(out, &all[i], &all[largest]);
		shown += count;
		mem_free(all);
	}
	out_close(out);
	if (shown == 0)
		out_print(out, "%% No neighbor is established\n");
	return 0;
}
