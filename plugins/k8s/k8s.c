/* SPDX-License-Identifier: ISC */
/* The plugin: its rows, its settings, its start and its stop. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heartbeat.h"
#include "publish.h"

#ifndef FAIRWAY_LOCALSTATEDIR
#define FAIRWAY_LOCALSTATEDIR "/var"
#endif
#define STATE FAIRWAY_LOCALSTATEDIR "/lib/fairway/k8s.state"

enum row {
	ROW_DIRECTORY,
	ROW_API,
	ROW_NODE,
	ROW_NAMESPACE,
	ROW_CONFIG_MAP,
	ROW_STATE,
	ROW_CLASS,
	ROW_LEASES,
	ROW_SHOW,
	ROWS
};

struct k8s {
	struct guest guest;
	struct settings settings, next; /* next: while it moves */
	struct cluster *cluster;	/* NULL until it is configured */
	bool moves;		  /* the Lease is handed over before `next` */
	bool stops;		  /* ... and it is asked to stop meanwhile */
	struct bgpd_timer *moved; /* it was */
	SLIST_HEAD(, cluster) parting;
	struct bgpd_timer *part; /* frees what is parting, in slices */
};

#define LINE(row, syntax, help)                                                \
	[row] = { BGPD_INIT(struct bgpd_row), BGPD_ROW_LINE, row, syntax,      \
		help, 0, 0 }
static const struct bgpd_row rows[ROWS] = {
	LINE(ROW_DIRECTORY, "source directory PATH",
	    "Objects come from the manifests in a directory"),
	LINE(ROW_API, "source api [PATH]",
	    "Objects come from the API server; PATH: a kubeconfig"),
	LINE(ROW_NODE, "node NAME",
	    "The Node this runs on; else $NODE_NAME or the host name"),
	LINE(ROW_NAMESPACE, "namespace NAME",
	    "Where the ConfigMap and the memberlist Secret are"),
	LINE(ROW_CONFIG_MAP, "config-map NAME",
	    "The ConfigMap with MetalLB's configuration"),
	LINE(ROW_STATE, "state PATH", "What survives a restart"),
	LINE(ROW_CLASS, "load-balancer-class NAME",
	    "Services of this loadBalancerClass alone; else those of none"),
	LINE(ROW_LEASES, "node-leases (on|off)",
	    "Each node keeps a Lease, for layer 2 (default: on)"),
	[ROW_SHOW] = { BGPD_INIT(struct bgpd_row), BGPD_ROW_RUN, ROW_SHOW,
	    "show k8s", "Source, configuration and counts of Kubernetes", 0,
	    0 },
};

/* Running ---------------------------------------------------------------------- */

static void
ignore_fault(void *arg, unsigned line, const char *text)
{
	(void)arg, (void)line, (void)text;
}

/* Without a source nothing is told. */
static void
k8s_withdraw(struct k8s *k)
{
	const struct bgpd_host *host = k->guest.host;

	host->begin(k->guest.self);
	host->end(k->guest.self);
	host->overlay(k->guest.self, "", ignore_fault, NULL);
	if (BGPD_HAS(host, struct bgpd_host, ready))
		host->ready(k->guest.self, NULL);
	say(&k->guest, LOG_WARNING,
	    "no source is named: `source api` or `source directory PATH`");
}

/* Settings ---------------------------------------------------------------------- */

static void
settings_free(struct settings *set)
{
	free(set->where);
	free(set->node);
	free(set->space);
	free(set->config_map);
	free(set->state);
	free(set->class);
	memset(set, 0, sizeof(*set));
}

static char *
node_default(void)
{
	const char *node = getenv("NODE_NAME");
	char host[256] = "";

	if (node != NULL && *node != '\0')
		return k8s_copy(node);
	gethostname(host, sizeof(host) - 1);
	return k8s_copy(host[0] != '\0' ? host : "localhost");
}

static const struct bgpd_line *
line_at(const struct bgpd_line *lines, uint32_t i, uint32_t size)
{
	return (const void *)((const char *)lines + (size_t)i * size);
}

static void
settings_read(struct settings *set, const struct bgpd_line *lines,
    uint32_t count, uint32_t size)
{
	char *values[ROWS] = { NULL };
	const struct source_kind *source = NULL;
	const struct bgpd_line *line;
	uint32_t i;

	for (i = 0; i < count; i++) {
		line = line_at(lines, i, size);
		if (line->id >= ROWS || line->value_count < 1)
			continue;
		free(values[line->id]);
		values[line->id] = k8s_copy(line->values[0]);
		if (line->id == ROW_API)
			source = &source_api;
		else if (line->id == ROW_DIRECTORY)
			source = &source_directory;
	}
	memset(set, 0, sizeof(*set));
	set->source = source;
	set->where =
	    source == &source_api ? values[ROW_API] : values[ROW_DIRECTORY];
	free(source == &source_api ? values[ROW_DIRECTORY] : values[ROW_API]);
	set->class = values[ROW_CLASS];
	set->no_leases = k8s_equal(values[ROW_LEASES], "off");
	free(values[ROW_LEASES]);
	set->node = values[ROW_NODE] ? values[ROW_NODE] : node_default();
	set->space = values[ROW_NAMESPACE] ? values[ROW_NAMESPACE]
					   : k8s_copy("metallb-system");
	set->config_map = values[ROW_CONFIG_MAP] ? values[ROW_CONFIG_MAP]
						 : k8s_copy("config");
	set->state = values[ROW_STATE] ? values[ROW_STATE] : k8s_copy(STATE);
}

static bool
settings_equal(const struct settings *a, const struct settings *b)
{
	return a->source == b->source && a->source != NULL &&
	       k8s_equal(a->where, b->where) && k8s_equal(a->node, b->node) &&
	       k8s_equal(a->space, b->space) &&
	       k8s_equal(a->config_map, b->config_map) &&
	       k8s_equal(a->state, b->state) && k8s_equal(a->class, b->class) &&
	       a->no_leases == b->no_leases;
}

/* The plugin's calls --------------------------------------------------------------- */

static void
on_carry(void *arg, const struct bgpd_carry *carry)
{
	struct k8s *k = arg;

	if (k->cluster != NULL)
		publish_carry(k->cluster, carry);
}

static const struct bgpd_source source = {
	BGPD_INIT(struct bgpd_source),
	.name = "k8s",
	.on_carry = on_carry,
};

static void
on_stopped(void *arg)
{
	struct k8s *k = arg;

	k->guest.host->ready_to_stop(k->guest.self);
}

/* Thousands of objects are freed between other things. */
static void
on_part(void *arg)
{
	struct k8s *k = arg;
	struct cluster *c = SLIST_FIRST(&k->parting);

	SLIST_REMOVE_HEAD(&k->parting, in_parting);
	if (!cluster_free(c))
		SLIST_INSERT_HEAD(&k->parting, c, in_parting);
	if (!SLIST_EMPTY(&k->parting))
		k->guest.host->timer_start(k->part, 0);
}

/*
 * What was told stands until the new source has been read: so the Lease of this
 * node is not given back, from which others would hear that it has stopped.
 */
static void
k8s_move(struct k8s *k)
{
	k->moves = false;
	if (k->cluster != NULL) {
		heartbeat_leave(k->cluster->heartbeat);
		cluster_quiet(k->cluster);
		SLIST_INSERT_HEAD(&k->parting, k->cluster, in_parting);
		k->guest.host->timer_start(k->part, 0);
	}
	k->cluster = NULL;
	settings_free(&k->settings);
	k->settings = k->next;
	memset(&k->next, 0, sizeof(k->next));
	if (k->settings.source == NULL)
		k8s_withdraw(k);
	else
		k->cluster = cluster_open(&k->guest, &k->settings);
}

static void
on_moved(void *arg)
{
	struct k8s *k = arg;

	if (k->stops)
		on_stopped(k);
	else
		k8s_move(k);
}

/* From inside of what is closed next. */
static void
on_handed_over(void *arg)
{
	struct k8s *k = arg;

	k->guest.host->timer_start(k->moved, 0);
}

static int
k8s_start(const struct bgpd_host *host, struct bgpd_self *self, void **arg)
{
	struct k8s *k = k8s_alloc(sizeof(*k));

	k->guest.host = host;
	k->guest.self = self;
	SLIST_INIT(&k->parting);
	*arg = k;
	if (host->source(self, &source) == -1) {
		host->log(self, LOG_ERR, "the source k8s is there already");
		*arg = NULL;
		free(k);
		return -1;
	}
	k->moved = host->timer_new(self, on_moved, k);
	k->part = host->timer_new(self, on_part, k);
	return 0;
}

static void
k8s_stop(void *arg)
{
	struct k8s *k = arg;

	struct cluster *c;

	cluster_close(k->cluster);
	while ((c = SLIST_FIRST(&k->parting)) != NULL) {
		SLIST_REMOVE_HEAD(&k->parting, in_parting);
		while (!cluster_free(c))
			;
	}
	disk_wait();
	k->guest.host->timer_free(k->moved);
	k->guest.host->timer_free(k->part);
	settings_free(&k->settings);
	settings_free(&k->next);
	free(k);
}

static const char *
k8s_check(void *arg, const struct bgpd_line *lines, uint32_t line_count,
    uint32_t line_size, uint32_t *bad)
{
	const struct bgpd_line *line;
	const char *value;
	uint32_t i, sources = 0;

	(void)arg;
	for (i = 0; i < line_count; i++) {
		line = line_at(lines, i, line_size);
		*bad = i;
		value = line->value_count > 0 ? line->values[0] : NULL;
		sources += line->id == ROW_API || line->id == ROW_DIRECTORY;
		if (sources > 1)
			return "there is one source: take the other line away "
			       "with `no`";
		if (line->id == ROW_NODE && !tree_name_is_good(value))
			return "this is no name of a Node";
		if ((line->id == ROW_NAMESPACE || line->id == ROW_CONFIG_MAP) &&
		    !tree_name_is_good(value))
			return "this is no name of an object";
	}
	return NULL;
}

static void
k8s_configure(void *arg, const struct bgpd_line *lines, uint32_t line_count,
    uint32_t line_size)
{
	struct k8s *k = arg;
	struct settings settings;

	settings_read(&settings, lines, line_count, line_size);
	if (!k->moves && k->cluster != NULL &&
	    settings_equal(&settings, &k->settings)) {
		settings_free(&settings);
		return;
	}
	settings_free(&k->next);
	k->next = settings;
	if (k->moves)
		return;
	/* The Lease is handed over first: that takes three seconds at most. */
	k->moves = true;
	if (k->cluster != NULL && k->cluster->publisher != NULL)
		publish_stop(k->cluster->publisher, on_handed_over, k);
	else
		k8s_move(k);
}

/* The Lease is handed over, so that another one allocates at once. */
static void
k8s_stopping(void *arg)
{
	struct k8s *k = arg;

	const struct bgpd_host *host = k->guest.host;

	k->stops = true;
	if (k->cluster != NULL &&
	    BGPD_HAS(host, struct bgpd_host, is_restarting) &&
	    host->is_restarting(k->guest.self))
		heartbeat_leave(k->cluster->heartbeat);
	if (k->moves)
		return;
	if (k->cluster != NULL && k->cluster->publisher != NULL)
		publish_stop(k->cluster->publisher, on_stopped, k);
	else
		on_stopped(k);
}

static int
k8s_run(void *arg, const struct bgpd_line *line, struct bgpd_out *out)
{
	struct k8s *k = arg;

	if (line->id == ROW_SHOW && k->cluster != NULL)
		return show_k8s(k->cluster, out);
	k->guest.host->out_print(out, "%% no source is configured\n");
	return -1;
}

/* The one symbol. */
__attribute__((
    visibility("default"))) extern const struct bgpd_plugin bgpd_plugin;
const struct bgpd_plugin bgpd_plugin = {
	BGPD_INIT(struct bgpd_plugin),
	.name = "k8s",
	.version = "0.1.0",
	.caption = "Services of Kubernetes, as MetalLB serves them",
	.rows = rows,
	.row_count = ROWS,
	.row_size = sizeof(rows[0]),
	.start = k8s_start,
	.stop = k8s_stop,
	.check = k8s_check,
	.configure = k8s_configure,
	.run = k8s_run,
	.on_stopping = k8s_stopping,
};
