/* SPDX-License-Identifier: ISC */
/* The nodes that this floor's lines make. */
#ifndef BFD_LANGUAGE_H
#define BFD_LANGUAGE_H

#include "bfd/session.h"
#include "cli/cli.h"

extern const struct cli_node_type bfd_type;
extern const struct cli_node_type bfd_profile_type;
extern const struct cli_node_type bfd_peer_type;

struct bfd_line {
	struct cli_node node;
};

struct knob_lines {
	uint32_t tx_ms;
	uint32_t rx_ms;
	uint8_t multiplier;
	uint8_t min_ttl;
	bool passive;
	bool shutdown;
	bool log_changes;
	uint8_t auth; /* as the row's words */
	uint8_t key_id;
	const char *secret; /* NULL: none */
};

struct bfd_profile_line {
	struct cli_node node;
	const char *name; /* key */
	struct knob_lines knobs;
};

struct bfd_peer_line {
	struct cli_node node;
	struct addr peer; /* this and the next three are the key */
	struct addr local;
	const char *interface;
	bool multihop;
	const char *profile;
	struct knob_lines knobs;
};

/* The `bfd` node; NULL: none. */
const struct bfd_line *bfd_line_of(const struct cli_tree *tree);

/* show.c, for the rows of commands.c */
int bfd_show_peers(struct cli_call *call);
int bfd_show_brief(struct cli_call *call);
int bfd_show_counters(struct cli_call *call);
int bfd_clear_counters(struct cli_call *call);

#endif
