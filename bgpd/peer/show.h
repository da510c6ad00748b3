/* SPDX-License-Identifier: ISC */
/* What the shows of this floor share. */
#ifndef PEER_SHOW_H
#define PEER_SHOW_H

#include "cli/out.h"
#include "peer/session.h"

/* show.c ------------------------------------------------------------------- */

extern struct peers *show_peers; /* peers_bind_shows; NULL: not running */

/* The family that the words name; FAMILY_NONE when they name none. */
enum family show_family(const struct cli_call *call);
/* The neighbor that ADDR names; NULL after saying that there is none. */
struct peer *show_peer(struct cli_call *call);
int64_t show_now_ms(void);
/* Seconds since `then_ms` of the loop's clock, or -1 for never. */
void show_uptime(char *out, size_t size, int64_t then_ms);
/* The same moment on the wall's clock, in seconds. */
int64_t show_epoch(int64_t then_ms);
const char *show_id(uint32_t router_id, char *out); /* ADDR_TEXT */
/* FRR's letters: *, >, s, i. */
void show_flags(const struct rib_path_view *view, char out[4]);
struct attr show_attr(const struct rib_path_view *view, bool received);
const char *show_origin_word(const struct attr *attr);
char show_origin_letter(const struct attr *attr);

/* rows --------------------------------------------------------------------- */

int show_summary(struct cli_call *call);
int show_neighbors(struct cli_call *call);
int show_table(struct cli_call *call);
int show_told(struct cli_call *call);
int show_prefix(struct cli_call *call);
int show_groups(struct cli_call *call);
int clear_bgp(struct cli_call *call);

/* show_table.c ---------------------------------------------------------------- */

struct show_line {
	struct prefix prefix;
	const struct attr *attr;
	const char *flags;
	uint32_t weight;
	bool first; /* of its prefix: which is printed once */
	bool local;
};
void show_table_head(struct out *out, enum family family);
void show_table_line(struct out *out, const struct show_line *line);

#endif
