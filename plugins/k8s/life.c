/* SPDX-License-Identifier: ISC */
/* The life of a cluster: what was kept of the last one, then what the source says. */

/*
 * A source that is read from disk is opened at once. One that may be away (the
 * API server) is preceded by the cache: the objects last seen are taken, in
 * slices, and what they make is told, so that a restart announces what it did
 * before. Then the source is opened, with every name that is known from before:
 * what its first reading lacks goes, what differs changes, the rest stands.
 */

#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "heartbeat.h"
#include "publish.h"

#define NODES_WAIT_MS 1000 /* for the list of Nodes, where one is kept */
#define NODES_SLICE   100
#define FREE_SLICE    500

enum duty
cluster_duty(const struct cluster *c)
{
	if (c->stage == STAGE_EMPTY)
		return DUTY_NONE;
	if (c->cache == NULL)
		return DUTY_ALLOCATE;
	return c->stage == STAGE_SYNCED && c->publisher != NULL &&
		       publisher_leads(c->publisher)
		   ? DUTY_ALLOCATE
		   : DUTY_FOLLOW;
}

/* From the source --------------------------------------------------------------- */

static void
on_object(void *arg, struct object *object)
{
	struct cluster *c = arg;

	c->guest->host->metric_add(c->updates_metric, 1);
	cluster_take(c, object);
}

static void
on_gone(void *arg, enum object_kind kind, const char *name)
{
	struct cluster *c = arg;

	c->guest->host->metric_add(c->updates_metric, 1);
	cluster_drop(c, kind, name);
}

bool
cluster_has_layer2(const struct cluster *c)
{
	const struct config *config = c->config;
	size_t i;

	for (i = 0; config != NULL && i < config->pool_count; i++) {
		if (config->pools[i].is_layer2)
			return true;
	}
	return false;
}

/* Who else could carry an address at layer 2 is known. */
static void
nodes_set_whole(struct cluster *c)
{
	if (!c->nodes_whole && cluster_has_layer2(c))
		c->nodes_touched = c->carriers_touched = true;
	c->nodes_whole = true;
}

/* Also before the rest is read: those of before count no more. */
static void
nodes_look(struct cluster *c, bool synced)
{
	const struct source_kind *kind = c->source->kind;
	bool whole =
	    kind->has_nodes == NULL ? synced : kind->has_nodes(c->source);

	if (!whole)
		return;
	nodes_set_whole(c);
	cluster_keep_whole(c, true);
}

static void
on_synced(struct cluster *c)
{
	say(c->guest, LOG_NOTICE,
	    "all objects are read: %zu Services, %zu EndpointSlices, %zu Nodes",
	    c->service_count, c->slice_count, c->node_count);
	c->stage = STAGE_SYNCED;
}

static void
on_batch(void *arg, bool synced)
{
	struct cluster *c = arg;

	nodes_look(c, synced);
	if (synced && c->stage != STAGE_SYNCED)
		on_synced(c);
	if (c->publisher != NULL)
		publisher_look(c->publisher);
	/* A part of a first reading may lack what stands: it waits. */
	if (c->stage == STAGE_SYNCED)
		cluster_converge(c);
}

static const struct source_sink sink = { on_object, on_gone, on_batch };

/* Opening ------------------------------------------------------------------------- */

/* The source learns what is known from before. */
static void
source_tell_known(struct cluster *c, enum object_kind what)
{
	const struct source_kind *kind = c->source->kind;
	const struct object *object = NULL;

	while ((object = cluster_next(
		    c, what, object == NULL ? NULL : object->name)) != NULL) {
		if (object != (c->taken == NULL ? NULL : &c->taken->object))
			kind->know(c->source, what, object->name);
	}
}

/* One kind in a turn: of thousands of objects the names alone take their time. */
static void
on_watch(void *arg)
{
	struct cluster *c = arg;

	c->source->kind->watch(c->source, (enum object_kind)c->watched);
	source_tell_known(c, (enum object_kind)c->watched);
	if (++c->watched < OBJECT_KINDS)
		c->guest->host->timer_start(c->watches, 0);
}

void
cluster_want_nodes(struct cluster *c)
{
	const struct source_kind *kind =
	    c->source == NULL ? NULL : c->source->kind;

	if (kind != NULL && kind->want_nodes != NULL && cluster_has_layer2(c))
		kind->want_nodes(c->source);
	if (c->heartbeat != NULL)
		heartbeat_look(c->heartbeat);
}

/*
 * The first lists do not come, and the Nodes of before are the best that is
 * known. What was told once is told again with them, in slices, but for what has
 * changed since: that waits for all the rest.
 */
static void
on_nodes_wait(void *arg)
{
	struct cluster *c = arg;
	const struct object *object = NULL;
	struct service *s;
	unsigned n = 0;

	if (c->whole == NULL || c->stage != STAGE_CACHED)
		return;
	if (c->retold == NULL)
		say(c->guest, LOG_NOTICE,
		    "layer 2: the first lists do not come; the %zu Nodes that "
		    "are known count",
		    c->node_count);
	nodes_set_whole(c);
	while (n++ < NODES_SLICE &&
	       (object = cluster_next(c, OBJECT_SERVICE, c->retold)) != NULL) {
		free(c->retold);
		c->retold = k8s_copy(object->name);
		s = cluster_find(c, c->retold);
		if (s->offered && !s->touched && !s->in_run)
			offer_service(c, s);
	}
	if (object != NULL)
		c->guest->host->timer_start(c->nodes_wait, 0);
}

static void
source_start(struct cluster *c)
{
	const struct source_kind *kind = c->settings->source;
	struct api *api;

	c->source = kind->open(c->guest, c->settings, &sink, c);
	cluster_want_nodes(c);
	/* Only this one is looked for: the list that is kept shrinks to it. */
	if (kind->want_nodes != NULL && !cluster_has_layer2(c))
		cluster_keep_whole(c, false);
	if (kind->watch != NULL) {
		c->watches =
		    c->guest->host->timer_new(c->guest->self, on_watch, c);
		c->guest->host->timer_start(c->watches, 0);
	}
	api = kind->api == NULL ? NULL : kind->api(c->source);
	if (api == NULL)
		return;
	c->publisher = publisher_new(c, api);
	c->heartbeat = heartbeat_new(c, api, publisher_identity(c->publisher));
	heartbeat_look(c->heartbeat);
}

/* What the daemon's readiness stands on. */
static void
cluster_ready(struct cluster *c)
{
	const struct bgpd_host *host = c->guest->host;
	const char *why = NULL;

	if (c->stage == STAGE_EMPTY)
		why = "the first reading of all objects is not complete";
	else if (c->config == NULL)
		why = "no configuration is loaded";
	if (BGPD_HAS(host, struct bgpd_host, ready))
		host->ready(c->guest->self, why);
}

void
cluster_rest(struct cluster *c)
{
	cluster_ready(c);
	if (c->source == NULL)
		source_start(c);
	else if (c->publisher != NULL && c->stage == STAGE_SYNCED)
		publisher_compete(c->publisher);
}

/* From the cache ------------------------------------------------------------------- */

static void
on_kept(void *arg, struct object *object)
{
	cluster_take(arg, object);
}

static void
on_lost(void *arg, enum object_kind kind, const char *name)
{
	cluster_drop(arg, kind, name);
}

static size_t
on_count(void *arg)
{
	const struct cluster *c = arg;

	return c->service_count + c->slice_count + c->node_count +
	       (c->config_map != NULL) + (c->secret != NULL);
}

static const struct object *
on_next(void *arg, enum object_kind kind, const char *after)
{
	return cluster_next(arg, kind, after);
}

static const struct cache_owner cache_owner = { on_count, on_next };

/* A slice of it; after the last, what it makes is told. */
static void
on_replay(void *arg)
{
	struct cluster *c = arg;

	if (cache_read(c->cache, on_kept, on_lost, c)) {
		c->guest->host->timer_start(c->replay, 0);
		return;
	}
	if (on_count(c) == 0) {
		cluster_rest(c);
		return;
	}
	say(c->guest, LOG_NOTICE,
	    "from before: %zu Services, %zu EndpointSlices; announced until "
	    "the API server has been read",
	    c->service_count, c->slice_count);
	c->stage = STAGE_CACHED;
	c->guest->host->timer_start(c->nodes_wait, NODES_WAIT_MS);
	cluster_converge(c);
}

static void
cluster_recall(struct cluster *c)
{
	const struct settings *set = c->settings;
	char *path;

	if (set->source->api == NULL) {
		c->journal = journal_open(c->guest, set->state, set->node);
		source_start(c);
		return;
	}
	path = k8s_print("%s.objects", set->state);
	c->cache = cache_open(c->guest, path, set->node, &cache_owner, c);
	free(path);
	c->replay = c->guest->host->timer_new(c->guest->self, on_replay, c);
	on_replay(c);
}

struct cluster *
cluster_open(struct guest *guest, struct settings *settings)
{
	struct cluster *c = k8s_alloc(sizeof(*c));

	c->guest = guest;
	c->settings = settings;
	cluster_init(c);
	/* That there is none is told as well. */
	c->config_touched = c->nodes_touched = true;
	c->alloc = alloc_new();
	c->waiters = waiters_new();
	c->nodes_wait = guest->host->timer_new(guest->self, on_nodes_wait, c);
	metrics_open(c);
	converge_open(c);
	bars_open(c);
	cluster_ready(c);
	cluster_recall(c);
	return c;
}

void
cluster_quiet(struct cluster *c)
{
	heartbeat_free(c->heartbeat);
	publisher_free(c->publisher);
	c->heartbeat = NULL;
	c->publisher = NULL;
	if (c->source != NULL)
		c->source->kind->close(c->source);
	c->guest->host->timer_free(c->nodes_wait);
	c->guest->host->timer_free(c->replay);
	c->guest->host->timer_free(c->watches);
	converge_close(c);
	bars_close(c);
	metrics_close(c);
	journal_close(c->journal);
	cache_close(c->cache);
	c->cache = NULL;
	c->settings = NULL;
}

bool
cluster_free(struct cluster *c)
{
	if (!cluster_clear(c, FREE_SLICE))
		return false;
	waiters_free(c->waiters);
	alloc_free(c->alloc);
	config_free(c->config);
	config_free(c->candidate);
	report_clear(&c->report);
	free(c->refusal);
	free(c->retold);
	free(c->overlay);
	free(c->peer_faults);
	free(c);
	return true;
}

void
cluster_close(struct cluster *c)
{
	if (c == NULL)
		return;
	cluster_quiet(c);
	while (!cluster_free(c))
		;
}
