/* SPDX-License-Identifier: ISC */
/* What the plugin says of itself: `show k8s`, and MetalLB's metrics by name. */

#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"
#include "publish.h"

struct summary {
	const char *source, *config;
	size_t ours, addressed, waiting;
};

static struct summary
summary_of(const struct cluster *c)
{
	struct summary sum = { .source = "none", .config = "not loaded" };
	struct service *s;

	if (c->source == NULL)
		sum.source = "reading what was kept";
	else
		sum.source = c->source->kind->state(c->source);
	if (c->config != NULL)
		sum.config = c->stale ? "stale" : "loaded";
	else if (c->stale)
		sum.config = "refused";
	for (s = services_first(c); s != NULL; s = services_next(s)) {
		if (!service_is_ours(c, s))
			continue;
		sum.ours++;
		sum.addressed += s->address_count > 0;
		sum.waiting += s->why != NULL;
	}
	return sum;
}

/* Text: each line of a list, indented; JSON: an array of them. */
static void
lines_show(
    struct cluster *c, struct bgpd_out *out, const char *key, const char *lines)
{
	const struct bgpd_host *host = c->guest->host;
	const char *line = lines, *end;
	bool json = host->out_is_json(out);
	char *copy;

	if (lines == NULL || *lines == '\0')
		return;
	if (json)
		host->out_array(out, key);
	for (; *line != '\0'; line = *end == '\0' ? end : end + 1) {
		end = strchrnul(line, '\n');
		copy = strndup(line, (size_t)(end - line));
		if (copy == NULL)
			break;
		if (json)
			host->out_string(out, NULL, copy);
		else
			host->out_print(out, "    %s\n", copy);
		free(copy);
	}
	if (json)
		host->out_close(out);
}

static bool
state_is_kept(const struct cluster *c)
{
	return (c->journal != NULL && journal_works(c->journal)) ||
	       (c->cache != NULL && cache_works(c->cache));
}

static void
show_text(struct cluster *c, struct bgpd_out *out, const struct summary *sum)
{
	const struct bgpd_host *host = c->guest->host;
	const struct settings *set = c->settings;

	host->out_print(out, "Source: %s%s%s, %s\n",
	    set->source == NULL ? "none" : set->source->word,
	    set->where == NULL ? "" : " ", set->where == NULL ? "" : set->where,
	    sum->source);
	host->out_print(out, "Node: %s%s\n", set->node,
	    cluster_has_self(c) ? "" : " (its Node object is not known)");
	host->out_print(out, "State: %s%s%s\n", set->state,
	    c->cache != NULL ? ".objects" : "",
	    state_is_kept(c) ? "" : " (not kept)");
	host->out_print(out,
	    "Objects: %zu Services, %zu EndpointSlices, "
	    "%zu Nodes\n",
	    c->service_count, c->slice_count, c->node_count);
	host->out_print(out,
	    "Services of type LoadBalancer: %zu, with an address %zu, "
	    "waiting %zu\n",
	    sum->ours, sum->addressed, sum->waiting);
	host->out_print(out, "Configuration: ConfigMap %s/%s, %s\n", set->space,
	    set->config_map, sum->config);
	if (c->refusal != NULL)
		host->out_print(
		    out, "  The last one is not in use: %s\n", c->refusal);
}

static void
show_json(struct cluster *c, struct bgpd_out *out, const struct summary *sum)
{
	const struct bgpd_host *host = c->guest->host;
	const struct settings *set = c->settings;

	host->out_string(
	    out, "source", set->source == NULL ? "none" : set->source->word);
	if (set->where != NULL)
		host->out_string(out, "path", set->where);
	host->out_string(out, "sourceState", sum->source);
	host->out_string(out, "node", set->node);
	host->out_bool(out, "nodeKnown", cluster_has_self(c));
	host->out_string(out, "namespace", set->space);
	host->out_string(out, "configMap", set->config_map);
	host->out_string(out, "config", sum->config);
	if (c->refusal != NULL)
		host->out_string(out, "refusal", c->refusal);
	host->out_string(out, "stateFile", set->state);
	host->out_bool(out, "stateKept", state_is_kept(c));
	host->out_int(out, "services", (int64_t)c->service_count);
	host->out_int(out, "endpointSlices", (int64_t)c->slice_count);
	host->out_int(out, "nodes", (int64_t)c->node_count);
	host->out_int(out, "loadBalancers", (int64_t)sum->ours);
	host->out_int(out, "addressed", (int64_t)sum->addressed);
	host->out_int(out, "waiting", (int64_t)sum->waiting);
}

int
show_k8s(struct cluster *c, struct bgpd_out *out)
{
	struct summary sum = summary_of(c);

	if (c->guest->host->out_is_json(out))
		show_json(c, out, &sum);
	else
		show_text(c, out, &sum);
	if (c->source != NULL && c->source->kind->show != NULL)
		c->source->kind->show(c->source, out);
	if (c->publisher != NULL)
		publish_show(c, out);
	heartbeat_show(c->heartbeat, out);
	lines_show(c, out, "errors", c->report.errors);
	lines_show(c, out, "warnings", c->report.warnings);
	lines_show(c, out, "peerFaults", c->peer_faults);
	return 0;
}

/* Metrics ---------------------------------------------------------------------- */

struct bgpd_metric *
metric_open(struct cluster *c, int kind, const char *name, const char *help)
{
	static const char *const none[] = { NULL };

	return c->guest->host->metric(c->guest->self, kind, name, help, none);
}

void
metrics_open(struct cluster *c)
{
	c->loaded_metric =
	    metric_open(c, BGPD_GAUGE, "metallb_k8s_client_config_loaded_bool",
		"1 if a configuration was successfully loaded at least once");
	c->stale_metric =
	    metric_open(c, BGPD_GAUGE, "metallb_k8s_client_config_stale_bool",
		"1 if the last configuration was refused");
	c->updates_metric =
	    metric_open(c, BGPD_COUNTER, "metallb_k8s_client_updates_total",
		"Objects that were told by the source");
	metrics_open_sessions(c);
}

static void
pool_metrics_free(struct cluster *c)
{
	size_t i;

	for (i = 0; i < c->pool_metric_count; i++) {
		c->guest->host->metric_free(c->pool_metrics[i].total);
		c->guest->host->metric_free(c->pool_metrics[i].in_use);
		c->guest->host->metric_free(c->pool_metrics[i].services);
	}
	free(c->pool_metrics);
	c->pool_metrics = NULL;
	c->pool_metric_count = 0;
}

void
metrics_set_pools(struct cluster *c)
{
	const struct bgpd_host *host = c->guest->host;
	const struct config_pool *pool;
	const char *labels[3] = { "pool", NULL, NULL };
	size_t i;

	pool_metrics_free(c);
	c->pool_metrics =
	    k8s_alloc(c->config->pool_count * sizeof(c->pool_metrics[0]));
	for (i = 0; i < c->config->pool_count; i++) {
		pool = &c->config->pools[i];
		labels[1] = pool->name;
		c->pool_metrics[i].total = host->metric(c->guest->self,
		    BGPD_GAUGE, "metallb_allocator_addresses_total",
		    "Number of usable addresses of the pool", labels);
		c->pool_metrics[i].in_use = host->metric(c->guest->self,
		    BGPD_GAUGE, "metallb_allocator_addresses_in_use_total",
		    "Number of addresses of the pool that are in use", labels);
		/* MetalLB has declared this one, and never sets it. */
		c->pool_metrics[i].services = host->metric(c->guest->self,
		    BGPD_GAUGE, "metallb_allocator_services_allocated_total",
		    "Number of services that have an address of the pool",
		    labels);
		host->metric_set(c->pool_metrics[i].total, pool_capacity(pool));
	}
	c->pool_metric_count = c->config->pool_count;
}

void
metrics_set(struct cluster *c)
{
	const struct bgpd_host *host = c->guest->host;
	size_t i;

	host->metric_set(c->loaded_metric, c->config != NULL);
	host->metric_set(c->stale_metric, c->stale);
	for (i = 0; i < c->pool_metric_count; i++)
		host->metric_set(c->pool_metrics[i].in_use,
		    (double)alloc_in_use(c->alloc, &c->config->pools[i]));
}

void
metrics_close(struct cluster *c)
{
	metrics_close_sessions(c);
	pool_metrics_free(c);
	c->guest->host->metric_free(c->loaded_metric);
	c->guest->host->metric_free(c->stale_metric);
	c->guest->host->metric_free(c->updates_metric);
}
