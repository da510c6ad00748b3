/* SPDX-License-Identifier: ISC */
/* Shows of the lists and maps that run now, in FRR's layout. */
#include <string.h>

#include "cli/out.h"
#include "cli/read.h"
#include "policy/inside.h"
#include "util/mem.h"

/* The policy that runs; borrowed, see policy_bind_shows. */
static const struct policy *shown;

void
policy_bind_shows(const struct policy *policy)
{
	shown = policy;
}

/* Calls `show` for the name that was asked for, or for all in order. */
static int
show_names(struct cli_call *call, enum policy_kind kind,
    void (*show)(const char *name, enum policy_kind kind, struct out *out))
{
	const char *asked = call_arg(call, "NAME"), **names;
	unsigned count = 0, seen = 0, i;

	if (shown == NULL)
		return call_fail(call, "No policy is running");
	names = policy_names(shown, kind, &count);
	for (i = 0; i < count; i++)
		if (asked == NULL || strcmp(asked, names[i]) == 0) {
			show(names[i], kind, call_out(call));
			seen++;
		}
	mem_free(names);
	if (asked != NULL && seen == 0 && !out_is_json(call_out(call)))
		return call_fail(call, "Can't find specified %s",
		    kind == POLICY_ROUTE_MAP ? "route-map" : "prefix-list");
	return 0;
}

/* prefix lists --------------------------------------------------------------------- */

static bool
is_any(const struct prefix_rule *rule)
{
	return rule->prefix.len == 0 && rule->min == 0 &&
	       rule->max == addr_bits(rule->prefix.family);
}

/* What a line needs to say beside the prefix; 0: nothing. */
static unsigned
said_ge(const struct prefix_rule *rule)
{
	return rule->min > rule->prefix.len ? rule->min : 0;
}

static unsigned
said_le(const struct prefix_rule *rule)
{
	unsigned silent = said_ge(rule) > 0 ? addr_bits(rule->prefix.family)
					    : rule->prefix.len;

	return rule->max != silent ? rule->max : 0;
}

static void
rule_print(const struct prefix_rule *rule, struct out *out)
{
	char text[PREFIX_TEXT];

	out_print(out, "   seq %u %s %s", rule->seq,
	    rule->permit ? "permit" : "deny",
	    is_any(rule) ? "any" : prefix_print(&rule->prefix, text));
	if (!is_any(rule) && said_ge(rule) > 0)
		out_print(out, " ge %u", said_ge(rule));
	if (!is_any(rule) && said_le(rule) > 0)
		out_print(out, " le %u", said_le(rule));
	out_print(out, "\n");
}

static void
rule_say(const struct prefix_rule *rule, struct out *out)
{
	char text[PREFIX_TEXT];

	out_object(out, NULL);
	out_int(out, "sequenceNumber", rule->seq);
	out_string(out, "type", rule->permit ? "permit" : "deny");
	out_string(out, "prefix",
	    is_any(rule) ? "any" : prefix_print(&rule->prefix, text));
	if (!is_any(rule) && said_ge(rule) > 0)
		out_int(out, "minimumPrefixLength", said_ge(rule));
	if (!is_any(rule) && said_le(rule) > 0)
		out_int(out, "maximumPrefixLength", said_le(rule));
	out_close(out);
}

static void
list_show(const char *name, enum policy_kind kind, struct out *out)
{
	bool is_ipv4 = kind == POLICY_IPV4_LIST;
	const struct prefix_list *list =
	    policy_prefix_list(shown, is_ipv4 ? AF_INET : AF_INET6, name);
	const char *about = prefix_list_about(list);
	uint32_t count = prefix_list_count(list), i;

	out_print(out, "BGP: %s prefix-list %s: %u entries\n",
	    is_ipv4 ? "ip" : "ipv6", name, count);
	out_object(out, name);
	out_string(out, "addressFamily", is_ipv4 ? "IPv4" : "IPv6");
	if (about != NULL) {
		out_print(out, "   Description: %s\n", about);
		out_string(out, "description", about);
	}
	out_array(out, "entries");
	for (i = 0; i < count; i++) {
		rule_print(prefix_list_at(list, i), out);
		rule_say(prefix_list_at(list, i), out);
	}
	out_close(out);
	out_close(out);
}

static int
lists_show(struct cli_call *call, enum policy_kind kind)
{
	struct out *out = call_out(call);
	int result;

	out_object(out, NULL);
	out_object(out, "BGP");
	result = show_names(call, kind, list_show);
	out_close(out);
	out_close(out);
	return result;
}

static int
ipv4_lists_show(struct cli_call *call)
{
	return lists_show(call, POLICY_IPV4_LIST);
}

static int
ipv6_lists_show(struct cli_call *call)
{
	return lists_show(call, POLICY_IPV6_LIST);
}

/* route maps --------------------------------------------------------------------- */

/* Each line of `clauses`, as text below a head and as an array. */
static void
clauses_show(
    const char *head, const char *key, struct text *clauses, struct out *out)
{
	char *at = clauses->s, *end;

	out_print(out, "  %s clauses:\n", head);
	out_array(out, key);
	for (; at != NULL && (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		out_print(out, "    %s\n", at);
		out_string(out, NULL, at);
	}
	out_close(out);
	text_free(clauses);
}

static void
entry_show(struct map_rule *rule, struct out *out)
{
	const char *type = rule->permit ? "permit" : "deny";

	out_print(out, " %s, sequence %u\n", type, rule->seq);
	out_object(out, NULL);
	out_int(out, "sequenceNumber", rule->seq);
	out_string(out, "type", type);
	if (rule->description != NULL) {
		out_print(out, "  Description:\n    %s\n", rule->description);
		out_string(out, "description", rule->description);
	}
	clauses_show("Match", "matchClauses", &rule->matches, out);
	clauses_show("Set", "setClauses", &rule->sets, out);
	out_print(out, "  Action:\n    Exit routemap\n");
	out_string(out, "action", "Exit routemap");
	out_close(out);
}

static void
map_show(const char *name, enum policy_kind kind, struct out *out)
{
	const struct route_map *map = policy_route_map(shown, name);
	struct map_rule rule;
	uint32_t i;

	(void)kind;
	out_print(out, "route-map: %s\n", name);
	out_object(out, name);
	out_array(out, "rules");
	for (i = 0; i < route_map_count(map); i++) {
		rule = route_map_at(map, i);
		entry_show(&rule, out);
	}
	out_close(out);
	out_close(out);
}

static int
maps_show(struct cli_call *call)
{
	struct out *out = call_out(call);
	int result;

	out_print(out, "BGP:\n");
	out_object(out, NULL);
	out_object(out, "BGP");
	result = show_names(call, POLICY_ROUTE_MAP, map_show);
	out_close(out);
	out_close(out);
	return result;
}

const struct cli_row policy_show_rows[] = {
	RUN("show ip prefix-list [NAME]", ipv4_lists_show,
	    "IPv4 prefix lists and their entries"),
	RUN("show ipv6 prefix-list [NAME]", ipv6_lists_show,
	    "IPv6 prefix lists and their entries"),
	RUN("show route-map [NAME]", maps_show,
	    "Route maps: what they match and set"),
	ROWS_END,
};
