/* SPDX-License-Identifier: ISC */
/* From what was touched to what is told: the configuration, then Services. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

/* Every line to the log, once per reading. */
static void
lines_log(struct cluster *c, int level, const char *what, const char *lines)
{
	const char *line = lines, *end;

	while (line != NULL && *line != '\0') {
		end = strchrnul(line, '\n');
		say(c->guest, level, "%s: %.*s", what, (int)(end - line), line);
		line = *end == '\0' ? end : end + 1;
	}
}

/* The configuration ---------------------------------------------------------------- */

static void
config_refuse(struct cluster *c, const char *why)
{
	bool again = c->refusal != NULL && strcmp(c->refusal, why) == 0;

	c->stale = true;
	if (again && c->stranding)
		return; /* tried again, and said before */
	free(c->refusal);
	c->refusal = k8s_copy(why);
	say(c->guest, LOG_ERR, "configStale: %s/%s: %s; %s", c->settings->space,
	    c->settings->config_map, why,
	    c->config == NULL ? "nothing is done with Services"
			      : "the last good one stays");
}

/* Read, but does it fit what is in use? */
static void
config_take(struct cluster *c, struct config *config)
{
	if (alloc_set_pools(c->alloc, config) == -1) {
		config_refuse(c, alloc_why(c->alloc));
		c->stranding = true;
		config_free(config);
		return;
	}
	config_free(c->config);
	c->config = config;
	c->stale = c->stranding = false;
	free(c->refusal);
	c->refusal = NULL;
	say(c->guest, LOG_NOTICE,
	    "configLoaded: %s/%s: %zu peers, %zu address pools",
	    c->settings->space, c->settings->config_map, config->peer_count,
	    config->pool_count);
	waiters_wake_all(c->waiters);
	metrics_set_pools(c);
	cluster_touch_all(c);
	peers_apply(c);
}

/* An absent key is an empty configuration, an absent ConfigMap is none. */
static void
config_apply(struct cluster *c)
{
	const char *text;
	struct config *config;
	size_t len = 0;

	c->config_touched = false;
	report_clear(&c->report);
	if (c->config_map == NULL) {
		c->stranding = false;
		config_refuse(c, "there is no such ConfigMap");
		return;
	}
	text = object_value(c->config_map, "config", &len);
	config = config_read(text == NULL ? "" : text, len, &c->report);
	if (!c->stranding)
		lines_log(c, LOG_WARNING, "config", c->report.warnings);
	if (config == NULL) {
		c->stranding = false;
		lines_log(c, LOG_ERR, "config", c->report.errors);
		config_refuse(c, "it cannot be read");
		return;
	}
	config_take(c, config);
}

static void
nodes_apply(struct cluster *c)
{
	c->nodes_touched = false;
	if (c->config != NULL) {
		peers_apply(c);
		cluster_touch_all(c);
	}
	offer_members(c);
}

/* Services ---------------------------------------------------------------------------- */

/* By age, then by name: the same input gives the same addresses. */
static int
age_compare(const void *a, const void *b)
{
	const struct service *x = *(struct service *const *)a;
	const struct service *y = *(struct service *const *)b;

	if (x->object->created != y->object->created)
		return x->object->created < y->object->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The touched ones that are ours, oldest first, to be freed; others end. */
static struct service **
touched_sort(struct cluster *c, size_t *count)
{
	struct service **list, *s;
	size_t n = 0;

	TAILQ_FOREACH (s, &c->touched, touch)
		n++;
	list = k8s_alloc((n + 1) * sizeof(list[0]));
	*count = 0;
	TAILQ_FOREACH (s, &c->touched, touch) {
		if (service_is_ours(s))
			list[(*count)++] = s;
		else
			assign_end(c, s);
	}
	qsort(list, *count, sizeof(list[0]), age_compare);
	return list;
}

/* Addresses that became free: each is tried once with who waits for it. */
static void
waiters_serve(struct cluster *c)
{
	struct service *s;
	const char *name;

	while ((name = waiters_next(c->waiters)) != NULL) {
		s = cluster_find(c, name);
		if (s == NULL || !service_is_ours(s)) {
			waiters_remove(c->waiters, name);
			continue;
		}
		assign_give(c, s);
		service_touch(c, s);
	}
}

static void
touched_offer(struct cluster *c)
{
	struct service *s;

	while ((s = TAILQ_FIRST(&c->touched)) != NULL) {
		TAILQ_REMOVE(&c->touched, s, touch);
		s->touched = false;
		offer_service(c, s);
		service_settle(c, s);
	}
}

static void
forget_record(void *arg, const char *name)
{
	struct cluster *c = arg;
	struct service *s = cluster_find(c, name);

	if (s == NULL || s->address_count == 0)
		journal_remove(c->journal, name);
}

static void
services_apply(struct cluster *c)
{
	struct service **list;
	size_t i, count;

	list = touched_sort(c, &count);
	for (i = 0; i < count; i++)
		assign_keep(c, list[i]);
	for (i = 0; i < count; i++)
		assign_give(c, list[i]);
	free(list);
	waiters_serve(c);
	if (!c->offered)
		c->guest->host->begin(c->guest->self);
	touched_offer(c);
	if (!c->offered) {
		c->guest->host->end(c->guest->self);
		journal_walk(c->journal, forget_record, c);
	}
	c->offered = true;
}

/*
 * Everything that was touched since the last time. Before the first complete
 * read of objects and of a configuration nothing is given, told or withdrawn.
 */
void
cluster_converge(struct cluster *c)
{
	if (!c->synced)
		return;
	if (c->config_touched) {
		c->stranding = false;
		config_apply(c);
	}
	if (c->nodes_touched)
		nodes_apply(c);
	do {
		c->freed = false;
		if (c->config != NULL &&
		    (!TAILQ_EMPTY(&c->touched) || !c->offered))
			services_apply(c);
		/* What stood in the way of the last one may be gone. */
		if (c->stranding && c->freed)
			config_apply(c);
	} while (!TAILQ_EMPTY(&c->touched) && c->config != NULL);
	metrics_set(c);
}
