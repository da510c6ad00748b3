/* SPDX-License-Identifier: ISC */
/* The language of this floor: router, neighbors, address families, shows, clears. */
#include "bfd/bfd.h"
#include "peer/session.h"
#include "peer/show.h"

/* checks: what no single line can know --------------------------------------------- */

static void
router_clash(const struct cli_node *node, struct text *why)
{
	text_add(why, "BGP is already running; AS is %u",
	    ((const struct router *)node)->asn);
}

static void
neighbor_check_as(
    const struct neighbor *n, struct cli_fault_list *faults, const char *addr)
{
	const struct cli_node *node = &n->node;

	if (n->remote_as == 0 && !n->internal && !n->external)
		cli_fault(faults, cli_file(node), node->line,
		    "neighbor %s has no AS: add `neighbor %s remote-as "
		    "(ASN|internal|external)`",
		    addr, addr);
	else if (neighbor_local_as(n) == 0)
		cli_fault(faults, cli_file(node), node->line,
		    "neighbor %s: we have no AS: write `router bgp ASN` or "
		    "`neighbor %s local-as ASN`",
		    addr, addr);
}

static void
neighbor_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct neighbor *n = (const struct neighbor *)node;
	char addr[ADDR_TEXT];

	addr_print(&n->addr, addr);
	neighbor_check_as(n, faults, addr);
	if (n->security_hops != 0 && n->multihop)
		cli_fault(faults, cli_file(node), node->line,
		    "neighbor %s: ttl-security excludes ebgp-multihop: keep "
		    "one of the two (ttl-security hops N covers N hops)",
		    addr);
	if (addr_is_link_local(&n->addr) && n->addr.scope == 0 &&
	    n->interface == NULL)
		cli_fault(faults, cli_file(node), node->line,
		    "neighbor %s is link-local: add `neighbor %s interface "
		    "IFNAME`",
		    addr, addr);
	if (n->bfd_profile != NULL && !bfd_has_profile(node, n->bfd_profile))
		cli_warning(faults, cli_file(node), node->line,
		    "neighbor %s: there is no BFD profile %s", addr,
		    n->bfd_profile);
	if (cli_is_set(node, offsetof(struct neighbor, hold_secs)) &&
	    n->hold_secs != 0 && n->hold_secs < 3)
		cli_fault(faults, cli_file(node), node->line,
		    "neighbor %s: a hold time is 0 or at least 3 seconds",
		    addr);
}

static void
router_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct router *router = (const struct router *)node;

	if (router->hold_secs != 0 && router->hold_secs < 3)
		cli_fault(faults, cli_file(node), node->line,
		    "timers bgp: a hold time is 0 or at least 3 seconds");
}

static void
neighbor_family_check(
    const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct neighbor_family *line =
	    (const struct neighbor_family *)node;
	const struct cli_node *router = node->parent->parent;
	struct neighbor *neighbor;
	char addr[ADDR_TEXT];

	CLI_EACH(neighbor, router, &neighbor_type)
	{
		if (addr_equal(&neighbor->addr, &line->addr))
			return;
	}
	addr_print(&line->addr, addr);
	cli_fault(faults, cli_file(node), node->line,
	    "neighbor %s is not defined: add `neighbor %s remote-as ASN` "
	    "under router bgp",
	    addr, addr);
}

/* types ---------------------------------------------------------------------------------- */

const struct cli_node_type router_type = {
	.name = "router bgp",
	.form = CLI_MODE,
	.size = sizeof(struct router),
	.prompt = "config-router",
	.check = router_check,
	.clash = router_clash,
};

const struct cli_node_type neighbor_type = {
	.name = "neighbor",
	.form = CLI_INLINE,
	.size = sizeof(struct neighbor),
	.key_fields = 1,
	.check = neighbor_check,
};

const struct cli_node_type family_type = {
	.name = "address-family",
	.form = CLI_MODE,
	.size = sizeof(struct address_family),
	.prompt = "config-router-af",
	.end = "exit-address-family",
	.key_fields = 1,
};

const struct cli_node_type neighbor_family_type = {
	.name = "neighbor",
	.form = CLI_INLINE,
	.size = sizeof(struct neighbor_family),
	.key_fields = 1,
	.check = neighbor_family_check,
};

/* rows ------------------------------------------------------------------------------------ */

static const struct cli_row root_rows[] = {
	NODE("router bgp [ASN]",
	    CLI_FIELDS(CLI_FIELD("ASN", cli_asn, router, asn, NULL, 0, 0)),
	    router_type, CLI_ONE, "BGP, and the AS that this router is in"),
	HELP("router", "A routing protocol"),
	ROWS_END,
};

static const struct cli_row router_rows[] = {
	LEAF("bgp router-id A.B.C.D", cli_ipv4, router, router_id, NULL, 0, 0,
	    CLI_RESET, "Our identifier; else an address of ours"),
	FLAG("bgp log-neighbor-changes", router, log_changes, "off", CLI_LIVE,
	    "Log ups and downs at level notifications"),
	FLAG("bgp default ipv4-unicast", router, default_ipv4, "on", CLI_LIVE,
	    "Neighbors take part in IPv4 unicast without `activate`"),
	LEAF("bgp default local-preference N", cli_u32, router, local_pref,
	    "100", 0, UINT32_MAX, CLI_REFRESH_IN,
	    "Local preference of routes that come without one"),
	FLAG("bgp ebgp-requires-policy", router, ebgp_requires_policy, "on",
	    CLI_REFRESH_IN,
	    "External neighbors need a policy in and out (RFC 8212)"),
	FLAG("bgp enforce-first-as", router, enforce_first_as, "on",
	    CLI_REFRESH_IN,
	    "The AS path of an external neighbor begins with its AS"),
	FLAG("bgp network import-check", router, import_check, "off", CLI_LIVE,
	    "Originate a network only where the kernel has a route for it"),
	LINE("timers bgp KEEPALIVE HOLD",
	    CLI_FIELDS(CLI_FIELD("KEEPALIVE", cli_u16, router, keepalive_secs,
			   "60", 0, 65535),
		CLI_FIELD("HOLD", cli_u16, router, hold_secs, "180", 0, 65535)),
	    CLI_LIVE, "Seconds between KEEPALIVEs; seconds of silence allowed"),
	NODE("neighbor ADDR",
	    CLI_FIELDS(
		CLI_FIELD("ADDR", cli_address, neighbor, addr, NULL, 0, 0)),
	    neighbor_type, 0, "A BGP neighbor"),
	NODE("address-family (ipv4|ipv6) [unicast]",
	    CLI_FIELDS(CLI_FIELD(
		"ipv4|ipv6", cli_choice, address_family, family, NULL, 0, 0)),
	    family_type, CLI_IF_ANY, "What concerns one address family"),
	HELP("bgp", "Options of BGP"),
	HELP("bgp default", "What holds for neighbors that say nothing"),
	HELP("bgp network", "Checks of network lines"),
	HELP("timers", "Timers of all neighbors"),
	ROWS_END,
};

static const struct cli_row neighbor_rows[] = {
	LINE_WITH("remote-as (ASN|internal|external)",
	    CLI_FIELDS(
		CLI_FIELD("ASN", cli_asn, neighbor, remote_as, NULL, 0, 0),
		CLI_FIELD("internal", cli_flag, neighbor, internal, NULL, 0, 0),
		CLI_FIELD(
		    "external", cli_flag, neighbor, external, NULL, 0, 0)),
	    CLI_DEFINES, CLI_RESET, "The neighbor's AS"),
	LINE("local-as ASN [no-prepend [replace-as]]",
	    CLI_FIELDS(
		CLI_FIELD("ASN", cli_asn, neighbor, local_as, NULL, 0, 0),
		CLI_FIELD(
		    "no-prepend", cli_flag, neighbor, no_prepend, NULL, 0, 0),
		CLI_FIELD(
		    "replace-as", cli_flag, neighbor, replace_as, NULL, 0, 0)),
	    CLI_RESET, "The AS that this neighbor sees us in (RFC 7705)"),
	LEAF("description TEXT", cli_text, neighbor, description, NULL, 1, 80,
	    CLI_LIVE, "A name for people"),
	LINE("shutdown [message TEXT]",
	    CLI_FIELDS(
		CLI_FIELD(NULL_TOKEN, cli_flag, neighbor, shutdown, NULL, 0, 0),
		CLI_FIELD(
		    "TEXT", cli_text, neighbor, shutdown_text, NULL, 1, 128)),
	    CLI_LIVE, "No session with it; the text goes along (RFC 9003)"),
	LEAF("password SECRET", cli_secret, neighbor, password, NULL, 1, 80,
	    CLI_RESET, "TCP-MD5 (RFC 2385), the same on both ends"),
	LEAF("port PORT", cli_u16, neighbor, port, "179", 1, 65535, CLI_LIVE,
	    "The port that we dial"),
	LEAF("interface IFNAME", cli_word, neighbor, interface, NULL, 1, 15,
	    CLI_RESET, "Where a link-local neighbor is"),
	LEAF("router-id A.B.C.D", cli_ipv4, neighbor, router_id, NULL, 0, 0,
	    CLI_RESET, "Our identifier towards this neighbor"),
	FLAG("passive", neighbor, passive, "off", CLI_LIVE,
	    "Wait to be dialled"),
	LINE("ebgp-multihop [TTL]",
	    CLI_FIELDS(
		CLI_FIELD(NULL_TOKEN, cli_flag, neighbor, multihop, NULL, 0, 0),
		CLI_FIELD(
		    "TTL", cli_u8, neighbor, multihop_ttl, "255", 1, 255)),
	    CLI_RESET, "An external neighbor that is not next door"),
	LEAF("ttl-security hops N", cli_u8, neighbor, security_hops, NULL, 1,
	    254, CLI_RESET,
	    "Only packets that came over at most N hops (RFC 5082)"),
	FLAG("disable-connected-check", neighbor, no_connected_check, "off",
	    CLI_LIVE, "Dial an external neighbor that is on no subnet of ours"),
	LEAF("update-source SOURCE", cli_word, neighbor, update_source, NULL, 1,
	    45, CLI_RESET, "Our end: an address, or an interface's name"),
	LINE("timers KEEPALIVE HOLD",
	    CLI_FIELDS(CLI_FIELD("KEEPALIVE", cli_u16, neighbor, keepalive_secs,
			   "60", 0, 65535),
		CLI_FIELD(
		    "HOLD", cli_u16, neighbor, hold_secs, "180", 0, 65535)),
	    CLI_LIVE, "Seconds between KEEPALIVEs; seconds of silence allowed"),
	LINE("bfd [MULT RX TX]",
	    CLI_FIELDS(
		CLI_FIELD(NULL_TOKEN, cli_flag, neighbor, bfd, NULL, 0, 0),
		CLI_FIELD(
		    "MULT", cli_u8, neighbor, bfd_multiplier, NULL, 1, 255),
		CLI_FIELD("RX", cli_u32, neighbor, bfd_rx_ms, NULL, 10, 60000),
		CLI_FIELD("TX", cli_u32, neighbor, bfd_tx_ms, NULL, 10, 60000)),
	    CLI_LIVE, "Ends at once when BFD fails (RFC 5882)"),
	LEAF("bfd profile NAME", cli_word, neighbor, bfd_profile, NULL, 1, 64,
	    CLI_LIVE, "The same, as the profile says"),
	FLAG("bfd strict", neighbor, bfd_strict, "off", CLI_LIVE,
	    "The same, and no session before BFD is up"),
	IGNORE("bfd check-control-plane-failure",
	    "a neighbor's C bit changes nothing here"),
	LEAF("timers connect SECS", cli_u16, neighbor, connect_secs, "120", 1,
	    65535, CLI_LIVE, "The longest pause between two dials"),
	HELP("timers", "Timers of this neighbor"),
	HELP("ttl-security", "Distance check (RFC 5082)"),
	ROWS_END,
};

static const struct cli_row family_rows[] = {
	NODE("neighbor ADDR",
	    CLI_FIELDS(CLI_FIELD(
		"ADDR", cli_address, neighbor_family, addr, NULL, 0, 0)),
	    neighbor_family_type, 0, "A neighbor in this address family"),
	LEAVE("exit-address-family", "Back to router bgp"),
	ROWS_END,
};

#define COMMUNITIES(words, member, help)                                       \
	FLAG(words, neighbor_family, member, "on", CLI_REFRESH_OUT, help)

static const struct cli_row neighbor_family_rows[] = {
	FLAG_WITH("activate", neighbor_family, activate, "off", CLI_BOTH_WAYS,
	    CLI_RESET, "Exchange routes of this family with it"),
	LINE("next-hop-self [force]",
	    CLI_FIELDS(CLI_FIELD(NULL_TOKEN, cli_flag, neighbor_family,
			   next_hop_self, NULL, 0, 0),
		CLI_FIELD("force", cli_flag, neighbor_family, next_hop_force,
		    NULL, 0, 0)),
	    CLI_REFRESH_OUT, "Our address as the next hop of what it is told"),
	FLAG("soft-reconfiguration inbound", neighbor_family, soft_inbound,
	    "off", CLI_LIVE, "Keep what it said (always done here)"),
	COMMUNITIES("send-community", send_community, "Standard communities"),
	COMMUNITIES("send-community standard", send_standard,
	    "Standard communities (RFC 1997)"),
	COMMUNITIES("send-community extended", send_extended,
	    "Extended communities (RFC 4360)"),
	COMMUNITIES(
	    "send-community large", send_large, "Large communities (RFC 8092)"),
	COMMUNITIES("send-community both", send_both,
	    "Standard and extended communities"),
	COMMUNITIES("send-community all", send_all, "All communities"),
	LEAF("prefix-list NAME in", cli_word, neighbor_family, prefix_list_in,
	    NULL, 1, 128, CLI_REFRESH_IN, "Which prefixes are accepted"),
	LEAF("prefix-list NAME out", cli_word, neighbor_family, prefix_list_out,
	    NULL, 1, 128, CLI_REFRESH_OUT, "Which prefixes it is told"),
	LEAF("route-map NAME in", cli_word, neighbor_family, route_map_in, NULL,
	    1, 128, CLI_REFRESH_IN, "What is accepted, and as what"),
	LEAF("route-map NAME out", cli_word, neighbor_family, route_map_out,
	    NULL, 1, 128, CLI_REFRESH_OUT, "What it is told, and as what"),
	LINE("maximum-prefix N [PERCENT] [(warning-only|restart MINUTES)]",
	    CLI_FIELDS(CLI_FIELD("N", cli_u32, neighbor_family, max_prefixes,
			   NULL, 1, UINT32_MAX),
		CLI_FIELD("PERCENT", cli_u8, neighbor_family, max_percent, "75",
		    1, 100),
		CLI_FIELD("warning-only", cli_flag, neighbor_family,
		    max_warning_only, NULL, 0, 0),
		CLI_FIELD("MINUTES", cli_u16, neighbor_family, max_restart_mins,
		    NULL, 1, 65535)),
	    CLI_LIVE, "End the session when it says more prefixes"),
	ROWS_END,
};

/* shows and clears ------------------------------------------------------------------------ */

#define AFI "[(ipv4|ipv6) [unicast]]"

static const struct cli_row command_rows[] = {
	RUN("show [ip] bgp " AFI " summary [(established|failed)]",
	    show_summary, "A line per neighbor"),
	RUN("show [ip] bgp " AFI " neighbors [ADDR]", show_neighbors,
	    "Everything about neighbors"),
	RUN("show [ip] bgp " AFI " neighbors ADDR advertised-routes", show_told,
	    "What it was told"),
	RUN("show [ip] bgp " AFI " neighbors ADDR (received-routes|routes)",
	    show_table, "What it said; what of that is used"),
	RUN("show [ip] bgp " AFI, show_table, "The table of routes"),
	RUN("show [ip] bgp " AFI " PREFIX", show_prefix,
	    "The paths of one prefix, or of what covers an address"),
	RUN("show [ip] bgp " AFI " update-groups", show_groups,
	    "Who is told the same, and what sets others apart"),
	RUN("clear [ip] bgp (*|ADDR) [soft [(in|out)]]", clear_bgp,
	    "New sessions; with soft the policies run again"),
	HELP("show ip", "IP"),
	HELP("show bgp", "BGP"),
	HELP("clear bgp", "Sessions of neighbors"),
	ROWS_END,
};

const struct cli_mount peer_mounts[] = {
	{ &cli_root, root_rows, NULL },
	{ &router_type, router_rows, NULL },
	{ &neighbor_type, neighbor_rows, NULL },
	{ &family_type, family_rows, NULL },
	{ &neighbor_family_type, neighbor_family_rows, NULL },
	/* Old files say these lines without the mode: they mean IPv4. */
	{ &router_type, NULL, "address-family ipv4 unicast" },
	{ NULL, command_rows, NULL },
};
const unsigned peer_mount_count = sizeof(peer_mounts) / sizeof(peer_mounts[0]);
