/* SPDX-License-Identifier: ISC */
/* MetalLB's metrics of its BGP sessions, set anew before each scrape. */

/*
 * One set of series for each neighbor that a peer of the ConfigMap made; it
 * comes and goes with the neighbor. In MetalLB (v0.7.3) "pending" counts all
 * prefixes that should be advertised, with those that are.
 */

#include <bsd/sys/queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"

enum {
	SESSION_UP,
	SESSION_UPDATES,
	SESSION_ANNOUNCED,
	SESSION_PENDING,
	SERIES
};

static const struct {
	int kind;
	const char *name, *help;
} series[SERIES] = {
	[SESSION_UP] = { BGPD_GAUGE, "metallb_bgp_session_up",
	    "BGP session state (1 is up, 0 is down)" },
	[SESSION_UPDATES] = { BGPD_COUNTER, "metallb_bgp_updates_total",
	    "Number of BGP UPDATE messages sent" },
	[SESSION_ANNOUNCED] = { BGPD_GAUGE,
	    "metallb_bgp_announced_prefixes_total",
	    "Number of prefixes currently being advertised on the BGP "
	    "session" },
	[SESSION_PENDING] = { BGPD_GAUGE, "metallb_bgp_pending_prefixes_total",
	    "Number of prefixes that should be advertised on the BGP "
	    "session" },
};

struct session {
	LIST_ENTRY(session) link;
	bool is_there; /* in the walk under way */
	char peer[ADDR_LEN + 8];
	struct bgpd_metric *metrics[SERIES];
};

struct session_metrics {
	struct cluster *cluster;
	LIST_HEAD(, session) sessions;
};

static struct session *
session_get(struct session_metrics *m, const char *peer)
{
	const struct guest *guest = m->cluster->guest;
	const char *labels[] = { "peer", peer, NULL };
	struct session *s;
	int i;

	LIST_FOREACH (s, &m->sessions, link)
		if (strcmp(s->peer, peer) == 0)
			return s;
	s = k8s_alloc(sizeof(*s));
	snprintf(s->peer, sizeof(s->peer), "%s", peer);
	for (i = 0; i < SERIES; i++)
		s->metrics[i] = guest->host->metric(guest->self, series[i].kind,
		    series[i].name, series[i].help, labels);
	LIST_INSERT_HEAD(&m->sessions, s, link);
	return s;
}

static void
session_free(struct session_metrics *m, struct session *s)
{
	int i;

	for (i = 0; i < SERIES; i++)
		m->cluster->guest->host->metric_free(s->metrics[i]);
	LIST_REMOVE(s, link);
	free(s);
}

static void
on_neighbor(void *arg, const struct bgpd_neighbor *n)
{
	struct session_metrics *m = arg;
	const struct bgpd_host *host = m->cluster->guest->host;
	char addr[ADDR_LEN], peer[ADDR_LEN + 8];
	struct session *s;

	if (!n->mine)
		return;
	snprintf(peer, sizeof(peer),
	    n->address.family == 6 ? "[%s]:%u" : "%s:%u",
	    addr_text(&n->address, addr), n->port);
	s = session_get(m, peer);
	s->is_there = true;
	host->metric_set(s->metrics[SESSION_UP], n->up);
	host->metric_set(s->metrics[SESSION_UPDATES], (double)n->updates_sent);
	host->metric_set(
	    s->metrics[SESSION_ANNOUNCED], (double)n->prefixes_announced);
	host->metric_set(s->metrics[SESSION_PENDING],
	    (double)(n->prefixes_announced + n->prefixes_pending));
}

/* One of two families counts once in a pool. */
static void
pools_count(struct cluster *c, const struct service *s)
{
	const struct config_pool *pool, *last = NULL;
	uint8_t i;

	for (i = 0; i < s->address_count; i++) {
		pool = alloc_pool(c->alloc, &s->addresses[i]);
		if (pool != NULL && pool != last)
			c->pool_metrics[pool - c->config->pools]
			    .service_count++;
		last = pool;
	}
}

/* The protocol by which this node announces an address now; NULL: it does not. */
static const char *
announced_by(const struct cluster *c, const struct service *s,
    const struct bgpd_addr *addr)
{
	const struct config_pool *pool = alloc_pool(c->alloc, addr);
	const struct sight *sight;

	if (pool == NULL)
		return NULL;
	if (pool->is_layer2) {
		sight = sight_find(s, addr);
		return sight != NULL && sight->mine ? "layer2" : NULL;
	}
	return s->announced && s->confirmed ? "bgp" : NULL;
}

static void
announced_tell(
    const struct cluster *c, const struct service *s, const char **labels)
{
	const struct guest *guest = c->guest;
	char text[ADDR_LEN];
	uint8_t i;

	labels[1] = s->name;
	for (i = 0; s->offered && i < s->address_count; i++) {
		labels[3] = announced_by(c, s, &s->addresses[i]);
		if (labels[3] == NULL)
			continue;
		labels[7] = addr_text(&s->addresses[i], text);
		guest->host->sample(guest->self, BGPD_GAUGE,
		    "metallb_speaker_announced",
		    "Services being announced from this node", labels, 1);
	}
}

/* One walk for all that is told of Services. */
static void
services_tell(struct cluster *c)
{
	const char *labels[] = { "service", NULL, "protocol", NULL, "node",
		c->settings->node, "ip", NULL, NULL };
	const struct bgpd_host *host = c->guest->host;
	struct service *s;
	size_t i;

	for (i = 0; i < c->pool_metric_count; i++)
		c->pool_metrics[i].service_count = 0;
	for (s = services_first(c); c->config != NULL && s != NULL;
	     s = services_next(s)) {
		announced_tell(c, s, labels);
		pools_count(c, s);
	}
	for (i = 0; i < c->pool_metric_count; i++)
		host->metric_set(c->pool_metrics[i].services,
		    (double)c->pool_metrics[i].service_count);
}

static void
on_scrape(void *arg)
{
	struct session_metrics *m = arg;
	const struct guest *guest = m->cluster->guest;
	struct session *s, *next;

	LIST_FOREACH (s, &m->sessions, link)
		s->is_there = false;
	guest->host->neighbors(guest->self, on_neighbor, m);
	services_tell(m->cluster);
	LIST_FOREACH_SAFE (s, &m->sessions, link, next)
		if (!s->is_there)
			session_free(m, s);
}

void
metrics_open_sessions(struct cluster *c)
{
	const struct guest *guest = c->guest;

	/* A daemon of plugin interface 1.0 has no metrics to be read. */
	if (!BGPD_HAS(guest->host, struct bgpd_host, neighbors))
		return;
	c->session_metrics = k8s_alloc(sizeof(*c->session_metrics));
	c->session_metrics->cluster = c;
	LIST_INIT(&c->session_metrics->sessions);
	guest->host->on_scrape(guest->self, on_scrape, c->session_metrics);
}

void
metrics_close_sessions(struct cluster *c)
{
	struct session_metrics *m = c->session_metrics;

	if (m == NULL)
		return;
	c->guest->host->on_scrape(c->guest->self, NULL, NULL);
	while (!LIST_EMPTY(&m->sessions))
		session_free(m, LIST_FIRST(&m->sessions));
	free(m);
	c->session_metrics = NULL;
}
