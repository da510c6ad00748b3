/* SPDX-License-Identifier: ISC */
/* The language of this floor: bfd, its profiles and peers, shows and clears. */
#include <string.h>

#include "bfd/language.h"

#define MS_LEAST 10
#define MS_MOST	 4294967
#define SIMPLE	 2 /* of the words of `authentication` */

/* checks ----------------------------------------------------------------------- */

static void
knobs_check(const struct cli_node *node, const struct knob_lines *lines,
    struct cli_fault_list *faults)
{
	size_t most = lines->auth == SIMPLE ? 16 : BFD_SECRET_MAX;

	if (lines->secret != NULL && strlen(lines->secret) > most)
		cli_fault(faults, cli_file(node), node->line,
		    "authentication: a secret has at most %zu characters here",
		    most);
}

static void
profile_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	knobs_check(
	    node, &((const struct bfd_profile_line *)node)->knobs, faults);
}

static void
peer_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct bfd_peer_line *peer = (const struct bfd_peer_line *)node;
	char text[ADDR_TEXT];

	addr_print(&peer->peer, text);
	knobs_check(node, &peer->knobs, faults);
	if (peer->local.family != 0 && peer->local.family != peer->peer.family)
		cli_fault(faults, cli_file(node), node->line,
		    "peer %s: its local-address is of the other family", text);
	if (addr_is_link_local(&peer->peer) && peer->peer.scope == 0 &&
	    peer->interface == NULL)
		cli_fault(faults, cli_file(node), node->line,
		    "peer %s is link-local: add `interface IFNAME`", text);
	if (peer->multihop && peer->interface != NULL)
		cli_fault(faults, cli_file(node), node->line,
		    "peer %s: multihop excludes interface: keep one of the two",
		    text);
	if (peer->profile != NULL && !bfd_has_profile(node, peer->profile))
		cli_warning(faults, cli_file(node), node->line,
		    "peer %s: there is no profile %s", text, peer->profile);
}

/* types ------------------------------------------------------------------------- */

const struct cli_node_type bfd_type = {
	.name = "bfd",
	.form = CLI_MODE,
	.size = sizeof(struct bfd_line),
	.prompt = "config-bfd",
};

const struct cli_node_type bfd_profile_type = {
	.name = "profile",
	.form = CLI_MODE,
	.size = sizeof(struct bfd_profile_line),
	.prompt = "config-bfd-profile",
	.key_fields = 1,
	.check = profile_check,
};

const struct cli_node_type bfd_peer_type = {
	.name = "peer",
	.form = CLI_MODE,
	.size = sizeof(struct bfd_peer_line),
	.prompt = "config-bfd-peer",
	.key_fields = 4,
	.check = peer_check,
};

/* rows -------------------------------------------------------------------------- */

static const struct cli_row root_rows[] = {
	NODE("bfd", NULL, bfd_type, CLI_ONE | CLI_IF_ANY,
	    "Liveness of neighbors (RFC 5880)"),
	ROWS_END,
};

#define PEER_WORDS "{multihop|local-address LOCAL|interface IFNAME}"

static const struct cli_row bfd_rows[] = {
	NODE("profile NAME",
	    CLI_FIELDS(CLI_FIELD(
		"NAME", cli_word, bfd_profile_line, name, NULL, 1, 64)),
	    bfd_profile_type, 0, "Intervals and more under a name"),
	NODE("peer ADDR " PEER_WORDS,
	    CLI_FIELDS(
		CLI_FIELD("ADDR", cli_address, bfd_peer_line, peer, NULL, 0, 0),
		CLI_FIELD(
		    "multihop", cli_flag, bfd_peer_line, multihop, NULL, 0, 0),
		CLI_FIELD(
		    "LOCAL", cli_address, bfd_peer_line, local, NULL, 0, 0),
		CLI_FIELD(
		    "IFNAME", cli_word, bfd_peer_line, interface, NULL, 1, 15)),
	    bfd_peer_type, 0, "A session that is kept without a client"),
	ROWS_END,
};

/* What a profile and a peer have in common; 0 where nothing was said. */
#define KNOB_ROWS(type)                                                        \
	LEAF("transmit-interval N", cli_u32, type, knobs.tx_ms, NULL,          \
	    MS_LEAST, MS_MOST, CLI_LIVE,                                       \
	    "Milliseconds between packets that we send"),                      \
	    LEAF("receive-interval N", cli_u32, type, knobs.rx_ms, NULL,       \
		MS_LEAST, MS_MOST, CLI_LIVE,                                   \
		"Milliseconds between packets that we can receive"),           \
	    LEAF("detect-multiplier N", cli_u8, type, knobs.multiplier, NULL,  \
		1, 255, CLI_LIVE,                                              \
		"Packets that may be missed before the session is down"),      \
	    LEAF("minimum-ttl N", cli_u8, type, knobs.min_ttl, NULL, 1, 254,   \
		CLI_LIVE,                                                      \
		"Packets of a multihop peer have at least this TTL"),          \
	    FLAG("passive-mode", type, knobs.passive, "off", CLI_LIVE,         \
		"Wait for the peer's first packet"),                           \
	    FLAG("log-session-changes", type, knobs.log_changes, "off",        \
		CLI_LIVE, "Log up and down at level notifications"),           \
	    FLAG("shutdown", type, knobs.shutdown, "off", CLI_LIVE,            \
		"Keep the session administratively down"),                     \
	    LINE("authentication "                                             \
		 "(meticulous-keyed-sha1|keyed-sha1|simple) key-id N secret "  \
		 "TEXT",                                                       \
		CLI_FIELDS(                                                    \
		    CLI_FIELD("meticulous-keyed-sha1|keyed-sha1|simple",       \
			cli_choice, type, knobs.auth, NULL, 0, 0),             \
		    CLI_FIELD("N", cli_u8, type, knobs.key_id, NULL, 0, 255),  \
		    CLI_FIELD("TEXT", cli_secret, type, knobs.secret, NULL, 1, \
			BFD_SECRET_MAX)),                                      \
		CLI_LIVE, "What the peer's packets are signed with"),          \
	    IGNORE("echo-mode", "the echo function is not used here"),         \
	    IGNORE("echo-interval N", "the echo function is not used here"),   \
	    IGNORE("echo transmit-interval (disabled|N)",                      \
		"the echo function is not used here"),                         \
	    IGNORE("echo receive-interval (disabled|N)",                       \
		"the echo function is not used here")

static const struct cli_row profile_rows[] = {
	KNOB_ROWS(bfd_profile_line),
	ROWS_END,
};

static const struct cli_row peer_rows[] = {
	LEAF("profile NAME", cli_word, bfd_peer_line, profile, NULL, 1, 64,
	    CLI_LIVE, "What is not said here is as in this profile"),
	KNOB_ROWS(bfd_peer_line),
	ROWS_END,
};

static const struct cli_row command_rows[] = {
	RUN("show bfd peers", bfd_show_peers, "Everything about sessions"),
	RUN("show bfd peers brief", bfd_show_brief, "A line per session"),
	RUN("show bfd peers counters", bfd_show_counters,
	    "Packets and changes of each session"),
	RUN("show bfd peer ADDR " PEER_WORDS, bfd_show_peers,
	    "Everything about one session"),
	RUN("show bfd peer ADDR " PEER_WORDS " counters", bfd_show_counters,
	    "Packets and changes of one session"),
	RUN("clear bfd peers counters", bfd_clear_counters,
	    "Count from zero again"),
	HELP("show bfd", "Liveness of neighbors (RFC 5880)"),
	HELP("clear bfd", "Liveness of neighbors (RFC 5880)"),
	HELP("clear bfd peers", "Sessions"),
	ROWS_END,
};

const struct cli_mount bfd_mounts[] = {
	{ &cli_root, root_rows, NULL },
	{ &bfd_type, bfd_rows, NULL },
	{ &bfd_profile_type, profile_rows, NULL },
	{ &bfd_peer_type, peer_rows, NULL },
	{ NULL, command_rows, NULL },
};
const unsigned bfd_mount_count = sizeof(bfd_mounts) / sizeof(bfd_mounts[0]);
