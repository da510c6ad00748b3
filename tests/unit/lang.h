/* SPDX-License-Identifier: ISC */
/* A small language in FRR's manner, for the tests of cli/. */
#ifndef TESTS_LANG_H
#define TESTS_LANG_H

#include <string.h>

#include "cli/cli.h"
#include "util/addr.h"

struct t_host {
	struct cli_node node;
	const char *name;
};
struct t_router {
	struct cli_node node;
	uint32_t asn;
	struct addr router_id;
	uint16_t keep, hold;
	bool requires_policy;
};
struct t_neighbor {
	struct cli_node node;
	struct addr address;
	uint32_t asn;
	const char *description, *password;
	uint16_t port, keep, hold, connect;
	bool passive, shutdown;
	const char *message;
	bool multihop;
	uint8_t hops;
	bool local_as;
	uint32_t local_asn;
	bool no_prepend, replace_as;
};
struct t_af {
	struct cli_node node;
};
struct t_af_neighbor {
	struct cli_node node;
	struct addr address;
	bool activate, next_hop_self;
	const char *list_in, *list_out;
	uint32_t max;
	uint8_t percent;
	bool warning_only;
	uint16_t restart;
};
struct t_network {
	struct cli_node node;
	struct prefix prefix;
	const char *map;
	bool backdoor;
};
struct t_aggregate {
	struct cli_node node;
	struct prefix prefix;
	bool as_set, summary_only;
};
struct t_list {
	struct cli_node node;
	const char *name;
	uint32_t seq;
	uint8_t deny;
	bool any;
	struct prefix prefix;
	uint8_t ge, le;
};
struct t_map {
	struct cli_node node;
	const char *name;
	uint8_t deny;
	uint16_t seq;
	struct cli_list communities;
	bool additive;
	uint8_t origin;
	bool has_origin;
	struct cli_list prepend;
	const char *match;
};
struct t_plugin {
	struct cli_node node;
	const char *name;
};

static void
neighbor_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct t_neighbor *n = (const void *)node;
	char name[ADDR_TEXT];

	if (n->asn == 0)
		cli_fault(faults, cli_file(node), node->line,
		    "neighbor %s has no remote-as",
		    addr_print(&n->address, name));
}

static void
router_clash(const struct cli_node *node, struct text *why)
{
	text_add(why, "BGP is already running; AS is %u",
	    ((const struct t_router *)node)->asn);
}

static const struct cli_node_type t_host_type = {
	.name = "hostname", .form = CLI_ENTRY, .size = sizeof(struct t_host)
};
static const struct cli_node_type t_router_type = { .name = "router bgp",
	.form = CLI_MODE,
	.size = sizeof(struct t_router),
	.prompt = "config-router",
	.clash = router_clash };
static const struct cli_node_type t_neighbor_type = { .name = "neighbor",
	.form = CLI_INLINE,
	.size = sizeof(struct t_neighbor),
	.key_fields = 1,
	.check = neighbor_check };
static const struct cli_node_type t_af_type = { .name = "address-family",
	.form = CLI_MODE,
	.size = sizeof(struct t_af),
	.prompt = "config-router-af",
	.end = "exit-address-family" };
static const struct cli_node_type t_af_neighbor_type = { .name = "neighbor",
	.form = CLI_INLINE,
	.size = sizeof(struct t_af_neighbor),
	.key_fields = 1 };
static const struct cli_node_type t_network_type = { .name = "network",
	.form = CLI_ENTRY,
	.size = sizeof(struct t_network),
	.key_fields = 1 };
static const struct cli_node_type t_aggregate_type = { .name = "aggregate",
	.form = CLI_ENTRY,
	.size = sizeof(struct t_aggregate),
	.key_fields = 1 };
static const struct cli_node_type t_list_type = { .name = "prefix-list",
	.form = CLI_ENTRY,
	.size = sizeof(struct t_list),
	.key_fields = 2 };
static const struct cli_node_type t_map_type = { .name = "route-map",
	.form = CLI_MODE,
	.size = sizeof(struct t_map),
	.prompt = "config-route-map",
	.key_fields = 2 };
static const struct cli_node_type t_plugin_type = { .name = "plugin",
	.form = CLI_MODE,
	.size = sizeof(struct t_plugin),
	.prompt = "config-plugin",
	.key_fields = 1 };

#define T_AF_ROW(a_family)                                                     \
	NODE("address-family " a_family " unicast", NULL, t_af_type,           \
	    CLI_ONE | CLI_IF_ANY, "Routes of one family")

static const struct cli_row t_root_rows[] = {
	NODE("hostname NAME",
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, t_host, name, NULL, 1, 63)),
	    t_host_type, CLI_ONE, "Name of this host"),
	IGNORE("frr version WORD", "there is no FRR here"),
	NODE("router bgp [ASN]",
	    CLI_FIELDS(CLI_FIELD("ASN", cli_asn, t_router, asn, NULL, 0, 0)),
	    t_router_type, CLI_ONE, "The BGP speaker"),
	NODE("ip prefix-list NAME [seq SEQ] (permit|deny) (any|PREFIX) "
	     "{ge GE|le LE}",
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, t_list, name, NULL, 0, 0),
		CLI_FIELD("SEQ", cli_u32, t_list, seq, NULL, 1, 4294967295),
		CLI_FIELD("permit|deny", cli_choice, t_list, deny, NULL, 0, 0),
		CLI_FIELD("any", cli_flag, t_list, any, NULL, 0, 0),
		CLI_FIELD("PREFIX", cli_prefix, t_list, prefix, NULL, 0, 0),
		CLI_FIELD("GE", cli_u8, t_list, ge, NULL, 0, 128),
		CLI_FIELD("LE", cli_u8, t_list, le, NULL, 0, 128)),
	    t_list_type, CLI_NUMBERED, "A list of prefixes"),
	NODE("route-map NAME (permit|deny) SEQ",
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, t_map, name, NULL, 0, 0),
		CLI_FIELD("SEQ", cli_u16, t_map, seq, NULL, 1, 65535),
		CLI_FIELD("permit|deny", cli_choice, t_map, deny, NULL, 0, 0)),
	    t_map_type, 0, "A route map"),
	NODE("plugin NAME",
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, t_plugin, name, NULL, 0, 0)),
	    t_plugin_type, 0, "A guest"),
	ROWS_END
};

static const struct cli_row t_router_rows[] = { HELP("neighbor",
						    "A BGP neighbor"),
	LEAF("bgp router-id ADDR", cli_ipv4, t_router, router_id, NULL, 0, 0,
	    CLI_RESET, "Our name to others"),
	FLAG("bgp ebgp-requires-policy", t_router, requires_policy, "on",
	    CLI_REFRESH_IN, "RFC 8212"),
	LINE("timers bgp KEEP HOLD",
	    CLI_FIELDS(
		CLI_FIELD("KEEP", cli_u16, t_router, keep, "60", 0, 65535),
		CLI_FIELD("HOLD", cli_u16, t_router, hold, "180", 0, 65535)),
	    CLI_RESET, "Keepalive and hold time"),
	NODE("neighbor ADDR",
	    CLI_FIELDS(CLI_FIELD(
		"ADDR", cli_address, t_neighbor, address, NULL, 0, 0)),
	    t_neighbor_type, 0, "A BGP neighbor"),
	T_AF_ROW("ipv4"), T_AF_ROW("ipv6"), ROWS_END };

static const struct cli_row t_neighbor_rows[] = {
	LEAF_WITH("remote-as ASN", cli_asn, t_neighbor, asn, NULL, 0, 0,
	    CLI_DEFINES, CLI_RESET, "Its AS"),
	LINE("local-as ASN [no-prepend [replace-as]]",
	    CLI_FIELDS(CLI_FIELD("local-as", cli_flag, t_neighbor, local_as,
			   NULL, 0, 0),
		CLI_FIELD("ASN", cli_asn, t_neighbor, local_asn, NULL, 0, 0),
		CLI_FIELD(
		    "no-prepend", cli_flag, t_neighbor, no_prepend, NULL, 0, 0),
		CLI_FIELD("replace-as", cli_flag, t_neighbor, replace_as, NULL,
		    0, 0)),
	    CLI_RESET, "Our AS to it"),
	LEAF("description TEXT", cli_text, t_neighbor, description, NULL, 0, 0,
	    CLI_LIVE, "What it is"),
	LINE("shutdown [message TEXT]",
	    CLI_FIELDS(CLI_FIELD("shutdown", cli_flag, t_neighbor, shutdown,
			   NULL, 0, 0),
		CLI_FIELD("TEXT", cli_text, t_neighbor, message, NULL, 0, 0)),
	    CLI_RESET, "Keep it down"),
	LEAF("password LINE", cli_secret, t_neighbor, password, NULL, 1, 80,
	    CLI_RESET, "TCP-MD5"),
	LEAF("port PORT", cli_u16, t_neighbor, port, "179", 1, 65535, CLI_RESET,
	    "Where it listens"),
	FLAG("passive", t_neighbor, passive, "off", CLI_RESET,
	    "Wait for the neighbor to connect"),
	LINE("ebgp-multihop [HOPS]",
	    CLI_FIELDS(CLI_FIELD("ebgp-multihop", cli_flag, t_neighbor,
			   multihop, NULL, 0, 0),
		CLI_FIELD("HOPS", cli_u8, t_neighbor, hops, "255", 1, 255)),
	    CLI_RESET, "It is not at the next hop"),
	LINE("timers KEEP HOLD",
	    CLI_FIELDS(
		CLI_FIELD("KEEP", cli_u16, t_neighbor, keep, "60", 0, 65535),
		CLI_FIELD("HOLD", cli_u16, t_neighbor, hold, "180", 0, 65535)),
	    CLI_RESET, "Keepalive and hold time"),
	LEAF("timers connect SECS", cli_u16, t_neighbor, connect, "30", 1,
	    65535, CLI_LIVE, "Connect retry"),
	ROWS_END
};

static const struct cli_row t_af_rows[] = {
	NODE("network PREFIX [route-map NAME] [backdoor]",
	    CLI_FIELDS(
		CLI_FIELD("PREFIX", cli_prefix, t_network, prefix, NULL, 0, 0),
		CLI_FIELD("NAME", cli_word, t_network, map, NULL, 0, 0),
		CLI_FIELD(
		    "backdoor", cli_flag, t_network, backdoor, NULL, 0, 0)),
	    t_network_type, 0, "A network of ours"),
	NODE("aggregate-address PREFIX {as-set|summary-only}",
	    CLI_FIELDS(CLI_FIELD("PREFIX", cli_prefix, t_aggregate, prefix,
			   NULL, 0, 0),
		CLI_FIELD("as-set", cli_flag, t_aggregate, as_set, NULL, 0, 0),
		CLI_FIELD("summary-only", cli_flag, t_aggregate, summary_only,
		    NULL, 0, 0)),
	    t_aggregate_type, 0, "An aggregate"),
	NODE("neighbor ADDR",
	    CLI_FIELDS(CLI_FIELD(
		"ADDR", cli_address, t_af_neighbor, address, NULL, 0, 0)),
	    t_af_neighbor_type, 0, "A BGP neighbor"),
	NODE("aggregate PREFIX",
	    CLI_FIELDS(CLI_FIELD(
		"PREFIX", cli_prefix, t_aggregate, prefix, NULL, 0, 0)),
	    t_aggregate_type, CLI_HIDDEN, "aggregate-address"),
	LEAVE("exit-address-family", "Back to router bgp"), ROWS_END
};

static const struct cli_row t_af_neighbor_rows[] = {
	FLAG_WITH("activate", t_af_neighbor, activate, "off", CLI_BOTH_WAYS,
	    CLI_RESET, "Exchange routes of this family"),
	FLAG("next-hop-self", t_af_neighbor, next_hop_self, "off",
	    CLI_REFRESH_OUT, "Say our address as next hop"),
	FLAG_WITH("next-hop-self all", t_af_neighbor, next_hop_self, "off",
	    CLI_HIDDEN, CLI_REFRESH_OUT, "next-hop-self"),
	LEAF("prefix-list NAME in", cli_word, t_af_neighbor, list_in, NULL, 0,
	    0, CLI_REFRESH_IN, "Filter"),
	LEAF("prefix-list NAME out", cli_word, t_af_neighbor, list_out, NULL, 0,
	    0, CLI_REFRESH_OUT, "Filter"),
	LINE("maximum-prefix N [PERCENT] [warning-only|restart MIN]",
	    CLI_FIELDS(CLI_FIELD("N", cli_u32, t_af_neighbor, max, NULL, 1,
			   4294967295),
		CLI_FIELD(
		    "PERCENT", cli_u8, t_af_neighbor, percent, "75", 1, 100),
		CLI_FIELD("warning-only", cli_flag, t_af_neighbor, warning_only,
		    NULL, 0, 0),
		CLI_FIELD(
		    "MIN", cli_u16, t_af_neighbor, restart, NULL, 1, 65535)),
	    CLI_LIVE, "Limit"),
	ROWS_END
};

static const struct cli_row t_map_rows[] = {
	LEAF("match ip address prefix-list NAME", cli_word, t_map, match, NULL,
	    0, 0, CLI_LIVE, "Routes of a list"),
	LINE("set community C... [additive]",
	    CLI_FIELDS(CLI_LIST_OF("C", cli_word, t_map, communities, 0, 0),
		CLI_FIELD("additive", cli_flag, t_map, additive, NULL, 0, 0)),
	    CLI_LIVE, "Communities"),
	LINE("set as-path prepend ASN...",
	    CLI_FIELDS(CLI_LIST_OF("ASN...", cli_asn, t_map, prepend, 0, 0)),
	    CLI_LIVE, "A longer path"),
	LINE("set origin (egp|igp|incomplete)",
	    CLI_FIELDS(
		CLI_FIELD("origin", cli_flag, t_map, has_origin, NULL, 0, 0),
		CLI_FIELD("egp|igp|incomplete", cli_choice, t_map, origin, NULL,
		    0, 0)),
	    CLI_LIVE, "Origin"),
	ROWS_END
};

static const struct cli_mount t_mounts[] = {
	{ &cli_root, t_root_rows, NULL },
	{ &t_router_type, t_router_rows, NULL },
	{ &t_neighbor_type, t_neighbor_rows, NULL },
	{ &t_af_type, t_af_rows, NULL },
	{ &t_af_neighbor_type, t_af_neighbor_rows, NULL },
	{ &t_router_type, t_af_rows, "address-family ipv4 unicast" },
	{ &t_map_type, t_map_rows, NULL },
};
#define T_MOUNTS (sizeof(t_mounts) / sizeof(t_mounts[0]))

#endif
