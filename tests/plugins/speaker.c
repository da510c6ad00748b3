/* SPDX-License-Identifier: ISC */
/* A guest for tests that speaks of itself: readiness, metrics, its neighbors. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

enum { ROW_UNREADY, ROW_PEER };

struct speaker {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct bgpd_metric *scrapes, *big, *odd, *all, *mine, *up, *pending;
};

static void
on_neighbor(void *arg, const struct bgpd_neighbor *n)
{
	struct speaker *s = arg;

	s->host->metric_add(s->all, 1);
	if (!n->mine)
		return;
	s->host->metric_set(s->mine, n->port);
	s->host->metric_set(s->up, n->up);
	s->host->metric_set(s->pending, (double)n->prefixes_pending);
}

static void
on_scrape(void *arg)
{
	struct speaker *s = arg;

	s->host->metric_add(s->scrapes, 1);
	s->host->metric_set(s->all, 0);
	s->host->metric_set(s->mine, 0);
	s->host->neighbors(s->self, on_neighbor, s);
}

static struct bgpd_metric *
metric(struct speaker *s, const char *name, const char *label)
{
	const char *labels[] = { "what is", label, NULL };

	return s->host->metric(s->self, BGPD_GAUGE, name,
	    "Of a guest\nthat \\ tests", label != NULL ? labels : NULL);
}

static int
start(const struct bgpd_host *host, struct bgpd_self *self, void **arg)
{
	struct speaker *s = calloc(1, sizeof(*s));

#ifdef FAIL
	free(s);
	return -1;
#endif
	*arg = s;
	s->host = host;
	s->self = self;
	s->scrapes = host->metric(
	    self, BGPD_COUNTER, "speaker_scrapes_total", "Scrapes", NULL);
	s->big = metric(s, "speaker_number", "big");
	host->metric_set(s->big, 12345678901234);
	s->odd = metric(s, "speaker_number", "a \"quote\"\\\n\xff");
	host->metric_set(s->odd, 0.25);
	s->all = metric(s, "speaker neighbors", NULL);
	s->mine = metric(s, "speaker_mine", NULL);
	s->up = metric(s, "speaker_up", NULL);
	s->pending = metric(s, "speaker_pending", NULL);
	host->on_scrape(self, on_scrape, s);
	return 0;
}

static void
stop(void *arg)
{
	free(arg); /* the host takes back what it lent */
}

static void
configure(
    void *arg, const struct bgpd_line *lines, uint32_t count, uint32_t size)
{
	const struct bgpd_line *line;
	const char *why = NULL;
	struct speaker *s = arg;
	char overlay[512] = "";
	uint32_t i;

	for (i = 0; i < count; i++) {
		line = (const void *)((const char *)lines + (size_t)i * size);
		if (line->id == ROW_UNREADY)
			why = line->values[0];
		else if (line->id == ROW_PEER)
			snprintf(overlay, sizeof(overlay),
			    "router bgp\n"
			    " neighbor %s remote-as 64999\n"
			    " neighbor %s local-as 64998\n"
			    " neighbor %s port 1790\n",
			    line->values[0], line->values[0], line->values[0]);
	}
	s->host->ready(s->self, why);
	s->host->overlay(s->self, overlay, NULL, NULL);
}

#define LINE(number, words)                                                    \
	{                                                                      \
		.abi = BGPD_ABI, .size = sizeof(rows[0]),                      \
		.kind = BGPD_ROW_LINE, .id = number, .syntax = words,          \
		.help = "For tests"                                            \
	}
static const struct bgpd_row rows[] = {
	LINE(ROW_UNREADY, "unready TEXT"),
	LINE(ROW_PEER, "peer ADDR"),
};

/* The one symbol. */
__attribute__((
    visibility("default"))) extern const struct bgpd_plugin bgpd_plugin;
const struct bgpd_plugin bgpd_plugin = {
	BGPD_INIT(struct bgpd_plugin),
	.name = "speaker",
	.version = "1.0",
	.caption = "Speaks of itself, for tests",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.row_size = sizeof(rows[0]),
	.start = start,
	.stop = stop,
	.configure = configure,
};
