/* SPDX-License-Identifier: ISC */
/* Tables of routes: all, what a neighbor said, what it was told. */

/*
 * A table of a million routes is written as it is read: each call of the row
 * goes on where the last one stopped, once the shell has taken what is there.
 */
#include <stdio.h>
#include <string.h>

#include "peer/show.h"
#include "util/arena.h"
#include "util/mem.h"

#define CALL_PREFIXES 500 /* in one call */
#define PATHS_MAX     64

struct walk {
	struct rib_cursor cursor;
	enum family family;
	struct addr of; /* family 0: all; else this neighbor's paths */
	bool received;
	uint32_t prefixes, paths;
};

static void
walk_free(void *arg)
{
	struct walk *walk = arg;

	if (walk != NULL && show_peers != NULL)
		rib_cursor_close(show_peers->rib, &walk->cursor);
	mem_free(walk);
}

void
show_table_head(struct out *out, enum family family)
{
	struct rib_stats stats;
	char id[ADDR_TEXT];

	rib_stats(show_peers->rib, &stats);
	show_id(peers_router_id(show_peers), id);
	out_print(out,
	    "BGP table version is %llu, local router ID is %s, vrf id 0\n"
	    "Default local pref %u, local AS %u\n"
	    "Status codes:  s suppressed, d damped, h history, * valid, > "
	    "best, = multipath,\n"
	    "               i internal, r RIB-failure, S Stale, R Removed\n"
	    "Nexthop codes: @NNN nexthop's vrf id, < announce-nh-self\n"
	    "Origin codes:  i - IGP, e - EGP, ? - incomplete\n"
	    "RPKI validation codes: V valid, I invalid, N Not found\n\n"
	    "   Network          Next Hop            Metric LocPrf Weight "
	    "Path\n",
	    (unsigned long long)stats.version[family], id,
	    show_peers->router != NULL ? show_peers->router->local_pref : 100,
	    peers_asn(show_peers));
}

/* A number in its column, or blanks of the same width. */
static void
line_number(struct out *out, int width, bool is_there, uint32_t n)
{
	char digits[16] = "";

	if (is_there)
		snprintf(digits, sizeof(digits), "%u", n);
	out_print(out, "%*s", width, digits);
}

static const char *
line_next_hop(const struct attr *attr, uint8_t af, char *out)
{
	struct addr none = { .family = af };

	return addr_print(
	    attr->next_hop.family != 0 ? &attr->next_hop : &none, out);
}

void
show_table_line(struct out *out, const struct show_line *line)
{
	char prefix[PREFIX_TEXT] = "", hop[ADDR_TEXT];
	struct text path = { 0 };

	if (line->first)
		prefix_print(&line->prefix, prefix);
	line_next_hop(line->attr, line->prefix.family, hop);
	/* A prefix or next hop that is too long takes a line of its own. */
	if (strlen(prefix) > 16)
		out_print(out, "%s%s\n%20s", line->flags, prefix, "");
	else
		out_print(out, "%s%-16s ", line->flags, prefix);
	if (strlen(hop) > 15)
		out_print(out, "%s\n%36s", hop, "");
	else
		out_print(out, "%-16s", hop);
	line_number(out, 10, ATTR_HAS(line->attr, ATTR_MED), line->attr->med);
	line_number(out, 7,
	    ATTR_HAS(line->attr, ATTR_LOCAL_PREF) && line->flags[2] == 'i',
	    line->attr->local_pref);
	line_number(out, 7, true, line->weight);
	aspath_print(line->attr->as_path, &path);
	out_print(out, " %s%s%c\n", text_str(&path), path.len > 0 ? " " : "",
	    show_origin_letter(line->attr));
	text_free(&path);
}

/* JSON of one path in an array of its prefix; FRR's keys ---------------------------- */

static void
path_json_prefix(struct out *out, const struct prefix *prefix)
{
	char text[PREFIX_TEXT];
	char *slash;

	out_string(out, "network", prefix_print(prefix, text));
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	out_string(out, "prefix", text);
	out_int(out, "prefixLen", prefix->len);
}

static void
path_json_hop(struct out *out, const struct attr *attr, uint8_t af)
{
	char hop[ADDR_TEXT];

	out_array(out, "nexthops");
	out_object(out, NULL);
	out_string(out, "ip", line_next_hop(attr, af, hop));
	out_string(out, "afi",
	    (attr->next_hop.family != 0 ? attr->next_hop.family : af) ==
		    AF_INET6
		? "ipv6"
		: "ipv4");
	if (attr->next_hop_local.family != 0)
		out_string(out, "scope", "global");
	out_bool(out, "used", true);
	out_close(out);
	out_close(out);
}

static void
path_json(struct out *out, const struct rib_path_view *view, bool received)
{
	const struct rib_source_info *info = rib_source_info(view->source);
	struct attr is = show_attr(view, received);
	const struct attr *attr = &is;
	struct text path = { 0 };
	char from[ADDR_TEXT];

	out_object(out, NULL);
	if ((view->flags & (RIB_REFUSED | RIB_UNUSABLE)) == 0)
		out_bool(out, "valid", true);
	if ((view->flags & RIB_BEST) != 0) {
		out_bool(out, "bestpath", true);
		if (view->reason != NULL)
			out_string(out, "selectionReason", view->reason);
	}
	out_string(
	    out, "pathFrom", info->kind == RIB_IBGP ? "internal" : "external");
	path_json_prefix(out, &view->prefix);
	if (ATTR_HAS(attr, ATTR_MED))
		out_int(out, "metric", attr->med);
	if (ATTR_HAS(attr, ATTR_LOCAL_PREF))
		out_int(out, "locPrf", attr->local_pref);
	out_int(out, "weight", view->weight);
	out_string(out, "peerId",
	    info->addr.family != 0 ? addr_print(&info->addr, from)
				   : "(unspec)");
	aspath_print(attr->as_path, &path);
	out_string(out, "path", text_str(&path));
	text_free(&path);
	out_string(out, "origin", show_origin_word(attr));
	path_json_hop(out, attr, view->prefix.family);
	out_close(out);
}

/* The walk ------------------------------------------------------------------------------ */

static bool
walk_wants(const struct walk *walk, const struct rib_path_view *view)
{
	if (walk->of.family == 0)
		return true;
	return addr_equal(&rib_source_info(view->source)->addr, &walk->of) &&
	       (walk->received || view->used != NULL);
}

static void
walk_path(struct out *out, struct walk *walk, const struct rib_path_view *view,
    bool first)
{
	char flags[4], prefix[PREFIX_TEXT];
	struct attr attr = show_attr(view, walk->received);
	struct show_line line = {
		.prefix = view->prefix,
		.attr = &attr,
		.flags = flags,
		.weight = view->weight,
		.first = first,
	};

	if (first)
		out_array(out, prefix_print(&view->prefix, prefix));
	show_flags(view, flags);
	if (walk->paths++ == 0)
		show_table_head(out, walk->family);
	show_table_line(out, &line);
	path_json(out, view, walk->received);
}

/* One prefix, or a slice of the search for it; false at the end. */
static bool
walk_next(struct out *out, struct walk *walk)
{
	struct rib_path_view views[PATHS_MAX];
	unsigned i, count, shown = 0;

	count = rib_next(show_peers->rib, &walk->cursor, views, PATHS_MAX);
	if (count > PATHS_MAX)
		count = PATHS_MAX;
	for (i = 0; i < count; i++)
		if (walk_wants(walk, &views[i]))
			walk_path(out, walk, &views[i], shown++ == 0);
	if (shown > 0) {
		out_close(out);
		walk->prefixes++;
	}
	return count > 0 || walk->cursor.busy;
}

static void
walk_begin(struct out *out, const struct walk *walk)
{
	struct rib_stats stats;
	char id[ADDR_TEXT];

	rib_stats(show_peers->rib, &stats);
	out_object(out, NULL);
	out_int(out, "vrfId", 0);
	out_string(out, "vrfName", "default");
	out_int(out, "tableVersion", (int64_t)stats.version[walk->family]);
	out_string(out, "routerId", show_id(peers_router_id(show_peers), id));
	out_int(out, "defaultLocPrf",
	    show_peers->router != NULL ? show_peers->router->local_pref : 100);
	out_int(out, "localAS", peers_asn(show_peers));
	out_object(out, walk->received ? "receivedRoutes" : "routes");
}

static void
walk_end(struct out *out, const struct walk *walk)
{
	out_close(out);
	out_int(out, "totalRoutes", walk->prefixes);
	out_int(out, "totalPaths", walk->paths);
	out_close(out);
	if (walk->paths == 0)
		out_print(out, "No BGP prefixes displayed, 0 exist\n");
	else
		out_print(out, "\nDisplayed  %u routes and %u total paths\n",
		    walk->prefixes, walk->paths);
}

static struct walk *
walk_new(struct cli_call *call)
{
	struct walk *walk;
	struct peer *peer = NULL;

	if (call_arg(call, "ADDR") != NULL) {
		peer = show_peer(call);
		if (peer == NULL)
			return NULL;
	}
	walk = mem_alloc(sizeof(*walk));
	walk->family = show_family(call);
	if (walk->family == FAMILY_NONE)
		walk->family = FAMILY_IPV4;
	walk->cursor.family = walk->family;
	walk->received = call_has(call, "received-routes");
	if (peer != NULL)
		walk->of = peer->addr;
	return walk;
}

int
show_table(struct cli_call *call)
{
	void **state = call_state(call, walk_free);
	struct out *out = call_out(call);
	unsigned left = CALL_PREFIXES;
	struct walk *walk;

	if (show_peers == NULL)
		return call_fail(call, "BGP is not running");
	if (*state == NULL) {
		*state = walk_new(call);
		if (*state == NULL)
			return -1;
		walk_begin(out, *state);
	}
	walk = *state;
	do {
		if (!walk_next(out, walk)) {
			walk_end(out, walk);
			return 0;
		}
	} while (--left > 0 && !walk->cursor.busy);
	return 1;
}

/* advertised-routes ------------------------------------------------------------------------ */

static void
told_json(struct out *out, const struct prefix *prefix, const struct attr *attr)
{
	char text[PREFIX_TEXT], hop[ADDR_TEXT];
	struct text path = { 0 }, communities = { 0 };

	out_object(out, prefix_print(prefix, text));
	path_json_prefix(out, prefix);
	out_string(out, "nextHop", line_next_hop(attr, prefix->family, hop));
	if (ATTR_HAS(attr, ATTR_MED))
		out_int(out, "metric", attr->med);
	if (ATTR_HAS(attr, ATTR_LOCAL_PREF))
		out_int(out, "locPrf", attr->local_pref);
	aspath_print(attr->as_path, &path);
	out_string(out, "path", text_str(&path));
	out_format(out, "bgpOriginCode", "%c", show_origin_letter(attr));
	if (attr->communities != NULL) {
		community_print_list(attr->communities, &communities);
		out_string(out, "communities", text_str(&communities));
	}
	out_close(out);
	text_free(&path);
	text_free(&communities);
}

static bool
told_next(
    struct out *out, struct walk *walk, struct peer *peer, struct arena *arena)
{
	struct show_line line = { .flags = "*> ", .first = true };
	struct attr attr;

	if (peer->families[walk->family].member == NULL)
		return false;
	if (!rib_member_next(peer->families[walk->family].member, &walk->cursor,
		arena, &line.prefix, &attr))
		return walk->cursor.busy;
	if (walk->prefixes++ == 0)
		show_table_head(out, walk->family);
	if (ATTR_HAS(&attr, ATTR_LOCAL_PREF))
		line.flags = "*>i";
	line.attr = &attr;
	show_table_line(out, &line);
	told_json(out, &line.prefix, &attr);
	return true;
}

static void
told_begin(struct out *out)
{
	char id[ADDR_TEXT];

	out_object(out, NULL);
	out_string(
	    out, "bgpLocalRouterId", show_id(peers_router_id(show_peers), id));
	out_int(out, "localAS", peers_asn(show_peers));
	out_object(out, "advertisedRoutes");
}

static void
told_end(struct out *out, const struct walk *walk)
{
	out_close(out);
	out_int(out, "totalPrefixCounter", walk->prefixes);
	out_close(out);
	out_print(out, "%sTotal number of prefixes %u\n",
	    walk->prefixes > 0 ? "\n" : "", walk->prefixes);
}

int
show_told(struct cli_call *call)
{
	void **state = call_state(call, walk_free);
	struct out *out = call_out(call);
	unsigned left = CALL_PREFIXES;
	struct arena *arena;
	struct walk *walk;
	struct peer *peer;
	bool more;

	if (show_peers == NULL)
		return call_fail(call, "BGP is not running");
	peer = show_peer(call);
	if (peer == NULL)
		return -1;
	if (*state == NULL) {
		*state = walk_new(call);
		told_begin(out);
	}
	walk = *state;
	arena = arena_new();
	do {
		more = told_next(out, walk, peer, arena);
		arena_reset(arena);
	} while (--left > 0 && more && !walk->cursor.busy);
	arena_free(arena);
	if (!more)
		told_end(out, *state);
	return more ? 1 : 0;
}
