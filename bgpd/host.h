/* SPDX-License-Identifier: ISC */
/* Guests: plugins while they are loaded, and what they are lent. */
#ifndef BGPD_HOST_H
#define BGPD_HOST_H

#include <bsd/sys/queue.h>
#include <stdbool.h>

#include "announce/announce.h"
#include "cli/cli.h"
#include "net/net.h"
#include "plugin.h"
#include "util/text.h"

struct bfd;
struct peers;

/* plugin.c: the guests ------------------------------------------------------- */

/* Where NAME.so is looked for, in this order, before the installed place. */
void plugins_add_directory(const char *directory);
/* From now on plugins may run; until then they are loaded for their rows. */
void plugins_open(struct loop *loop, struct bfd *bfd, struct announce *announce,
    const struct peers *peers);
/* Stops and unloads all of them. */
void plugins_close(void);
/* Their on_stopping; again: bgpd starts anew at once. on_ready comes when all are ready, perhaps at once. */
void plugins_prepare_stop(bool again, void (*on_ready)(void *arg), void *arg);

/* Loads NAME.so if it is not, so that its rows are known; -1 with why. */
int plugin_load(const char *name, struct text *why);
/* For every `plugin NAME` line of a text. Faults name the lines. */
void plugins_load_for(
    const char *file, const char *text, struct cli_fault_list *faults);
/* Asks each plugin about its block; faults name the blocks' lines. */
void plugins_check(const struct cli_tree *tree, struct cli_fault_list *faults);
/* Starts, configures and stops them as the blocks of the new tree say. */
void plugins_configure(const struct cli_tree *old, const struct cli_tree *new);

/* All that are known, loaded or not; start with NULL. */
struct bgpd_self *plugins_next(struct bgpd_self *last);

extern const struct cli_mount plugin_mounts[];
extern const unsigned plugin_mount_count;

/* A guest, for the rooms that serve it ----------------------------------------- */

struct dialect;
struct exposition;

struct bgpd_self {
	LIST_ENTRY(bgpd_self) entry;
	char *name;
	char *path;
	void *handle;		/* dlopen's; NULL: not loaded */
	struct bgpd_plugin ops; /* what both sides know of it */
	struct dialect *dialect;
	void *arg;
	bool is_running;
	bool by_hand;	  /* `plugin load`: runs without a block */
	bool is_unloaded; /* `plugin unload`: stays away until it is loaded */
	bool is_stopping; /* not ready to stop yet */
	bool is_leaving, has_left; /* alone; it said that it is ready */
	struct timer *farewell;
	void (*on_left)(struct bgpd_self *self);
	unsigned life; /* counts starts: what is older is dead */
	struct announce_source *source;
	struct announce_backend *backend;
	char *why_not; /* it is not ready; NULL: it is, or never spoke of it */
	void (*on_scrape)(void *);
	void *scrape_arg;
	LIST_HEAD(, bgpd_timer) timers;
	LIST_HEAD(, bgpd_watch) watches;
	LIST_HEAD(, bgpd_child) children;
	LIST_HEAD(, bgpd_metric) metrics;
	LIST_HEAD(, bgpd_bfd) bfds;
};

/* host.c: the table, and what a guest left behind -------------------------------- */

extern const struct bgpd_host host_table;
void host_open(struct loop *loop, struct bfd *bfd, struct announce *announce);
/* Its addresses are dropped, while it can still be told so. */
void host_release_backend(struct bgpd_self *self);
/* Takes back all that the guest was lent. */
void host_release(struct bgpd_self *self);

/* leave.c: before a guest stops ------------------------------------------------------ */

void leave_open(struct loop *loop);
/*
 * It hands over; `then` is called from the loop when it has, or after 3 s. False:
 * there is nothing to wait for.
 */
bool leave_begin(struct bgpd_self *self, void (*then)(struct bgpd_self *self));
void leave_end(struct bgpd_self *self); /* it was stopped */
bool leave_is_ending(void);		/* the daemon does */
/* For host.c: this one is ready to stop. */
void plugin_ready(struct bgpd_self *self);
int plugin_is_restarting(struct bgpd_self *self);

/* report.c: what guests say of themselves, and what they ask of neighbors ---------- */

struct bgpd_metric {
	LIST_ENTRY(bgpd_metric) entry;
	int kind;
	char *name, *help, *labels; /* labels: a="b",c="d", escaped */
	double value;
};

void report_open(const struct peers *peers);
void report_stopping(void); /* from here on not ready */
/* For web/: every guest's metrics, brought up to date; why we are not ready. */
void report_metrics(struct exposition *e);
void report_reasons(struct text *lines);
/* For the host table; see plugin.h. */
struct bgpd_metric *report_metric(struct bgpd_self *self, int kind,
    const char *name, const char *help, const char *const *labels);
void report_metric_free(struct bgpd_metric *metric);
void report_on_scrape(
    struct bgpd_self *self, void (*on_scrape)(void *), void *arg);
void report_sample(struct bgpd_self *self, int kind, const char *name,
    const char *help, const char *const *labels, double value);
void report_ready(struct bgpd_self *self, const char *why_not);
void report_neighbors(struct bgpd_self *self,
    void (*on_neighbor)(void *arg, const struct bgpd_neighbor *neighbor),
    void *arg);
void report_release(struct bgpd_self *self);

/* dialect.c: a guest's rows as rows of the language ------------------------------- */

struct dialect *dialect_new(struct bgpd_self *self, struct text *why);
/* Its block in a tree; NULL if there is none. */
const struct cli_node *dialect_block(
    const struct dialect *dialect, const struct cli_tree *tree);
/* The lines of a block, for check and configure; dialect_release frees them. */
struct bgpd_line *dialect_lines(const struct cli_node *block, uint32_t *count);
void dialect_release(struct bgpd_line *lines, uint32_t count);

#endif
