/* SPDX-License-Identifier: ISC */
/* From what was touched to what is told: the configuration, then Services. */

/*
 * What was touched is taken together, as a run, in steps: every Service keeps
 * what it has before any is given something new, one before two, and what was
 * decided is told last. A step is done in slices of a few milliseconds, between
 * which the loop serves others; what is touched meanwhile is the next run's.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "publish.h"

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
	c->stale = true;
	free(c->refusal);
	c->refusal = k8s_copy(why);
}

static void
config_refuse_aloud(struct cluster *c, const char *why)
{
	config_refuse(c, why);
	say(c->guest, LOG_ERR, "configStale: %s/%s: %s; %s", c->settings->space,
	    c->settings->config_map, why,
	    c->config == NULL ? "nothing is done with Services"
			      : "the last good one stays");
}

/* It is in use from here on; -1: it does not fit what is in use, and is not. */
static int
config_use(struct cluster *c, struct config *config)
{
	bool same = c->config != NULL && config_equal(c->config, config);

	/* What is barred belongs to nobody, and strands no configuration. */
	bars_clear(c);
	if (alloc_set_pools(c->alloc, config) == -1)
		return -1;
	config_free(c->config);
	c->config = config;
	metrics_set_pools(c);
	/* Of other words for the same no Service is touched. */
	c->repooled |= !same;
	if (!same)
		cluster_touch_all(c);
	cluster_want_nodes(c);
	peers_apply(c);
	return 0;
}

static void
candidate_drop(struct cluster *c)
{
	config_free(c->candidate);
	c->candidate = NULL;
}

/* False: it strands an address, and waits until that is free. */
static bool
config_take(struct cluster *c, struct config *config)
{
	if (config_use(c, config) == -1) {
		c->candidate = config;
		c->stranded = *alloc_stranded(c->alloc);
		return false;
	}
	c->candidate = NULL;
	c->stale = false;
	free(c->refusal);
	c->refusal = NULL;
	say(c->guest, LOG_NOTICE,
	    "configLoaded: %s/%s: %zu peers, %zu address pools",
	    c->settings->space, c->settings->config_map, c->config->peer_count,
	    c->config->pool_count);
	cluster_keep_taken(c);
	return true;
}

/* What stood in its way may be gone; another address is no news for the log. */
static void
candidate_try(struct cluster *c)
{
	if (c->candidate != NULL && !alloc_is_used(c->alloc, &c->stranded) &&
	    !config_take(c, c->candidate))
		config_refuse(c, alloc_why(c->alloc));
}

static struct config *
config_of(const struct object_data *map, struct report *report)
{
	size_t len = 0;
	const char *text = object_value(map, "config", &len);

	/* An absent key is an empty configuration. */
	return config_read(text == NULL ? "" : text, len, report);
}

/* Is the last one the one that was in use? */
static bool
config_is_taken(const struct cluster *c)
{
	return c->config_map != NULL && c->taken != NULL &&
	       object_equal(&c->config_map->object, &c->taken->object);
}

/*
 * After a restart the one that was in use comes first: the last may be bad, or
 * strand an address that is in use, and then it is refused as it was before.
 */
static bool
config_begin(struct cluster *c)
{
	struct report ignored = { 0 };
	struct config *config;

	if (c->config != NULL || c->taken == NULL || c->taken_tried ||
	    config_is_taken(c))
		return false;
	c->taken_tried = true;
	config = config_of(c->taken, &ignored);
	report_clear(&ignored);
	if (config == NULL)
		return false;
	if (config_use(c, config) == -1) {
		config_free(config);
		return false;
	}
	say(c->guest, LOG_NOTICE,
	    "%s/%s: as it was last taken: %zu peers, "
	    "%zu address pools",
	    c->settings->space, c->settings->config_map, c->config->peer_count,
	    c->config->pool_count);
	return true;
}

/* An absent ConfigMap is none. */
static void
config_apply(struct cluster *c)
{
	struct config *config;

	c->config_touched = false;
	candidate_drop(c);
	report_clear(&c->report);
	if (c->config_map == NULL) {
		config_refuse_aloud(c, "there is no such ConfigMap");
		return;
	}
	config = config_of(c->config_map, &c->report);
	lines_log(c, LOG_WARNING, "config", c->report.warnings);
	lines_log(c, LOG_ERR, "config", c->report.errors);
	if (config == NULL)
		config_refuse_aloud(c, "it cannot be read");
	else if (!config_take(c, config))
		config_refuse_aloud(c, alloc_why(c->alloc));
}

static void
nodes_apply(struct cluster *c)
{
	if (c->config != NULL)
		peers_apply(c);
	if (c->config != NULL && c->carriers_touched)
		cluster_touch_all(c);
	c->nodes_touched = c->carriers_touched = false;
	offer_members(c);
}

/* Runs --------------------------------------------------------------------------------- */

#define SLICE_MS	2
#define LINGER_AGAIN_MS 1000

/* The ages beside each other: thousands of objects are not looked at again. */
struct aged {
	int64_t created;
	struct service *service;
};

/* By age, then by name: the same input gives the same addresses. */
static int
age_compare(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->service->name, y->service->name);
}

static void
run_sort(struct run *run)
{
	struct aged *aged = k8s_alloc((run->count + 1) * sizeof(aged[0]));
	const struct object_service *o;
	size_t i;

	for (i = 0; i < run->count; i++) {
		o = run->list[i]->object;
		aged[i].created = o == NULL ? 0 : o->created;
		aged[i].service = run->list[i];
	}
	qsort(aged, run->count, sizeof(aged[0]), age_compare);
	for (i = 0; i < run->count; i++)
		run->list[i] = aged[i].service;
	free(aged);
}

/* The touched ones, oldest first; the run holds them. */
static void
run_begin(struct cluster *c)
{
	struct run *run = &c->run;
	struct service *s;
	size_t n = 0;

	TAILQ_FOREACH (s, &c->touched, touch)
		n++;
	run->list = k8s_alloc((n + 1) * sizeof(run->list[0]));
	run->count = run->at = 0;
	run->step = 0;
	run->duty = (uint8_t)cluster_duty(c);
	while ((s = TAILQ_FIRST(&c->touched)) != NULL) {
		TAILQ_REMOVE(&c->touched, s, touch);
		s->touched = false;
		s->in_run = true;
		run->list[run->count++] = s;
	}
	if (run->count > 1 && run->duty == DUTY_ALLOCATE)
		run_sort(run);
	if (!c->begun)
		c->guest->host->begin(c->guest->self);
	c->begun = true;
}

static void
service_end(struct cluster *c, struct service *s)
{
	char text[ADDRESSES_LEN];

	if (s->address_count > 0)
		say(c->guest, LOG_NOTICE, "%s let %s go", s->name,
		    addresses_write(s, text));
	assign_end(c, s);
}

static void
service_follow(struct cluster *c, struct service *s)
{
	int64_t now_ms = guest_now_ms(c->guest), until_ms;

	until_ms = assign_follow(c, s, now_ms);
	if (until_ms == 0)
		return;
	if (!c->lingers)
		c->guest->host->timer_start(c->linger, until_ms - now_ms + 1);
	c->lingers = true;
}

static void
service_give(struct cluster *c, struct service *s)
{
	char text[ADDRESSES_LEN];

	switch (assign_give(c, s)) {
	case GAVE_NOTHING:
		break;
	case GAVE_ADDRESSES:
		say(c->guest, LOG_NOTICE, "IPAllocated: %s: %s", s->name,
		    addresses_write(s, text));
		break;
	case GAVE_REASON:
		say(c->guest, LOG_WARNING, "AllocationFailed: %s: %s", s->name,
		    s->why);
		break;
	}
}

static void
step_keep(struct cluster *c, struct service *s, enum duty duty)
{
	if (s->reborn || !service_is_ours(c, s))
		service_end(c, s);
	s->reborn = false;
	if (!service_is_ours(c, s))
		return;
	if (duty == DUTY_ALLOCATE)
		assign_keep(c, s);
	else
		service_follow(c, s);
}

static void
step_give(struct cluster *c, struct service *s, enum duty duty)
{
	if (duty == DUTY_ALLOCATE && service_is_ours(c, s))
		service_give(c, s);
}

/* Who has nothing comes before who has one of two. */
static void
step_second(struct cluster *c, struct service *s, enum duty duty)
{
	if (duty == DUTY_ALLOCATE && service_is_ours(c, s))
		assign_second(c, s);
}

static void
step_tell(struct cluster *c, struct service *s, enum duty duty)
{
	/* What was told once stands, whatever becomes of the status. */
	if (s->address_count > 0 && s->object != NULL &&
	    (c->cache == NULL || assign_is_told(s)))
		s->confirmed = true;
	sights_sweep(s);
	if (service_is_ours(c, s))
		publish_service(c, s, duty == DUTY_ALLOCATE);
	else
		publish_cancel(c, s);
	offer_service(c, s);
	s->in_run = false;
	service_settle(c, s);
}

static void (*const steps[])(struct cluster *, struct service *,
    enum duty) = { step_keep, step_give, step_second, step_tell };
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Of new pools nothing is given before all have kept what is theirs. */
static bool
waiters_are_due(const struct cluster *c)
{
	return cluster_duty(c) == DUTY_ALLOCATE && !c->repooled &&
	       waiters_is_open(c->waiters);
}

/* Addresses that became free: each is tried once with who waits for it. */
static void
waiters_serve(struct cluster *c, int64_t until_ms)
{
	struct service *s;
	const char *name;

	while (guest_now_ms(c->guest) < until_ms &&
	       (name = waiters_next(c->waiters)) != NULL) {
		s = cluster_find(c, name);
		if (s == NULL || !service_is_ours(c, s)) {
			waiters_remove(c->waiters, name);
			continue;
		}
		service_give(c, s);
		service_touch(c, s);
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

/* All that there is has been offered once. */
static void
first_offers_end(struct cluster *c)
{
	c->guest->host->end(c->guest->self);
	if (c->journal != NULL)
		journal_walk(c->journal, forget_record, c);
	c->offered = true;
}

static void
run_end(struct run *run)
{
	free(run->list);
	run->list = NULL;
}

/* The Lease came or went in the middle: all of it is decided anew. */
static void
run_abort(struct cluster *c)
{
	struct run *run = &c->run;
	size_t i;

	for (i = 0; i < run->count; i++) {
		/* The last step has let go of those before. */
		if (run->step == STEPS - 1 && i < run->at)
			continue;
		run->list[i]->in_run = false;
		service_touch(c, run->list[i]);
	}
	run_end(run);
}

/* One slice of the run; true: it is over. */
static bool
run_slice(struct cluster *c, int64_t until_ms)
{
	struct run *run = &c->run;
	enum duty duty = cluster_duty(c);
	unsigned n = 0;

	if (duty != run->duty) {
		run_abort(c);
		return true;
	}
	while (run->step < STEPS) {
		if (run->at == run->count) {
			run->at = 0;
			run->step++;
			continue;
		}
		steps[run->step](c, run->list[run->at++], duty);
		if (++n % 16 == 0 && guest_now_ms(c->guest) >= until_ms)
			return false;
	}
	run_end(run);
	c->repooled = false;
	if (!c->offered && c->stage == STAGE_SYNCED)
		first_offers_end(c);
	return true;
}

/* What stands before Services: configuration, nodes. */
static void
heads_apply(struct cluster *c)
{
	if (config_begin(c))
		return; /* the last one is tried when this is told */
	if (c->config_touched)
		config_apply(c);
	if (c->nodes_touched)
		nodes_apply(c);
	candidate_try(c);
}

/* Is there something for a run? */
static bool
run_is_due(struct cluster *c, int64_t until_ms)
{
	heads_apply(c);
	if (c->config == NULL)
		return false;
	if (waiters_are_due(c))
		waiters_serve(c, until_ms);
	return !TAILQ_EMPTY(&c->touched) ||
	       (!c->offered && c->stage == STAGE_SYNCED);
}

/*
 * Everything that was touched since the last time. Before the first complete
 * read of objects and of a configuration nothing is given, told or withdrawn.
 */
void
cluster_converge(struct cluster *c)
{
	const struct bgpd_host *host = c->guest->host;
	int64_t until_ms = guest_now_ms(c->guest) + SLICE_MS;

	if (cluster_duty(c) == DUTY_NONE)
		return;
	for (;;) {
		if (c->run.list == NULL) {
			if (!run_is_due(c, until_ms))
				break;
			run_begin(c);
		}
		if (!run_slice(c, until_ms) ||
		    guest_now_ms(c->guest) >= until_ms) {
			host->timer_start(c->run.timer, 0);
			return;
		}
	}
	/* The time was over before all of them had their turn. */
	if (waiters_are_due(c)) {
		host->timer_start(c->run.timer, 0);
		return;
	}
	host->timer_stop(c->run.timer);
	metrics_set(c);
	cluster_rest(c);
}

static void
on_pause(void *arg)
{
	cluster_converge(arg);
}

void
converge_soon(struct cluster *c)
{
	c->guest->host->timer_start(c->run.timer, 0);
}

/* Those whose status is still empty are let go. */
static void
on_linger(void *arg)
{
	struct cluster *c = arg;
	struct service *s;

	c->lingers = false;
	for (s = services_first(c); s != NULL; s = services_next(s)) {
		if (s->linger_ms != 0)
			service_touch(c, s);
	}
	cluster_converge(c);
	/* Those that began later have their time yet. */
	for (s = services_first(c); s != NULL && !c->lingers;
	     s = services_next(s))
		c->lingers = s->linger_ms != 0 && s->address_count > 0;
	if (c->lingers)
		c->guest->host->timer_start(c->linger, LINGER_AGAIN_MS);
}

void
converge_open(struct cluster *c)
{
	c->run.timer = c->guest->host->timer_new(c->guest->self, on_pause, c);
	c->linger = c->guest->host->timer_new(c->guest->self, on_linger, c);
}

void
converge_close(struct cluster *c)
{
	c->guest->host->timer_free(c->run.timer);
	c->guest->host->timer_free(c->linger);
	run_end(&c->run);
}
