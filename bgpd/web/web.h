/* SPDX-License-Identifier: ISC */
/* Metrics, health and readiness over HTTP: what is told, and where. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "plugin.h"
#include "util/addr.h"
#include "util/text.h"

struct announce;
struct bfd;
struct exposition;
struct loop;
struct peers;
struct rib;

/* exposition.c: Prometheus' text format, 0.0.4 ------------------------------- */

struct exposition_family {
	int kind; /* BGPD_COUNTER, BGPD_GAUGE */
	const char *name, *help;
};

struct exposition *exposition_new(void);
void exposition_free(struct exposition *e);
/*
 * One sample; families may come in any order. The name and the help are borrowed
 * until it is printed; `labels` as exposition_label made them, "" for none. Of
 * two samples with equal names and labels the first stays.
 */
void exposition_add(struct exposition *e,
    const struct exposition_family *family, const char *labels, double value);
/* By name; HELP and TYPE once for each. */
void exposition_print(struct exposition *e, struct text *out);
/* Adds key="value" to the labels, escaped. */
void exposition_label(struct text *labels, const char *key, const char *value);
/* A number as it is read back: whole ones in full, without an exponent. */
void exposition_number(struct text *out, double value);
/* What is no letter, digit, or _ in a name (or : in a metric's) becomes _. */
void exposition_name(char *name, bool is_label);

/* metrics.c: the daemon's own ------------------------------------------------- */

/* What the pages speak of, and the roof, where guests are known. */
struct web_house {
	struct loop *loop;
	const struct bfd *bfd; /* NULL: there is none */
	const struct rib *rib;
	const struct peers *peers;
	const struct announce *announce;
	/* The guests' metrics, after they were asked to bring them up to date. */
	void (*add_metrics)(struct exposition *e);
	/* A line for each reason not to be ready; none: ready. */
	void (*add_reasons)(struct text *lines);
};
void metrics_collect(const struct web_house *house, struct exposition *e);

/* web.c: listeners and pages ----------------------------------------------------- */

struct web;
struct web *web_new(const struct web_house *house); /* copied */
void web_free(struct web *web);
/*
 * Listens as the tree says: what stays is not touched. An address that is not to
 * be had is tried again every few seconds.
 */
void web_configure(struct web *web, const struct cli_tree *tree);
/* The answer to a path: its status; `type` is the body's. */
unsigned web_page(const struct web *web, const char *path, struct text *body,
    const char **type);

struct web_listener_status {
	const struct addr *addr;
	uint16_t port;
	const char *why; /* it is not open; NULL: it is */
	uint64_t requests, full;
	unsigned open; /* connections */
};
void web_each(const struct web *web,
    void (*each)(void *arg, const struct web_listener_status *status),
    void *arg);
const struct web_house *web_house(const struct web *web);

/* commands.c: web listen; show web; show process --------------------------------- */

extern const struct cli_node_type web_listen_type;
struct web_listen {
	struct cli_node node;
	struct addr addr; /* both are the key */
	uint16_t port;
};

extern const struct cli_mount web_mounts[];
extern const unsigned web_mount_count;
/* What the shows speak of; NULL: nothing. */
void web_show_bind(const struct web *web);

#endif
