/* SPDX-License-Identifier: ISC */
/* A host for tests of plugins: a loop of its own, and a record of all it hears. */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <arpa/inet.h>
#include <bsd/sys/queue.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_loop.h"
#include "plugin.h"

#define FAKE_TEXT 65536

struct bgpd_metric {
	LIST_ENTRY(bgpd_metric) link;
	char name[160];
	double value;
};

struct bgpd_out {
	bool json;
	char text[FAKE_TEXT];
};

/* A Service as it was last offered: "name pool ADDR/len lp comm here|why". */
struct fake_offer {
	LIST_ENTRY(fake_offer) link;
	bool marked;
	char name[256], text[2048];
};

static LIST_HEAD(, bgpd_metric) fake_metrics;
static LIST_HEAD(, fake_offer) fake_offers;
static char fake_log[FAKE_TEXT], fake_overlay[FAKE_TEXT], fake_members[4096];
static unsigned fake_offer_count, fake_overlay_count, fake_retract_count;
static bool fake_syncing;

__attribute__((format(printf, 3, 4))) static void
fake_say(struct bgpd_self *self, int level, const char *format, ...)
{
	size_t len = strlen(fake_log);
	va_list ap;

	(void)self;
	if (len > FAKE_TEXT - 1024)
		len = 0;
	len += (size_t)snprintf(
	    fake_log + len, sizeof(fake_log) - len, "%d ", level);
	va_start(ap, format);
	vsnprintf(fake_log + len, sizeof(fake_log) - len - 1, format, ap);
	va_end(ap);
	strcat(fake_log, "\n");
	if (getenv("FAKE_VERBOSE") != NULL)
		fprintf(stderr, "%s\n", fake_log + len);
}

static int
fake_set_overlay(struct bgpd_self *self, const char *lines,
    void (*on_fault)(void *, unsigned, const char *), void *arg)
{
	(void)self, (void)on_fault, (void)arg;
	snprintf(fake_overlay, sizeof(fake_overlay), "%s", lines);
	fake_overlay_count++;
	return 0;
}

static int
fake_source(struct bgpd_self *self, const struct bgpd_source *source)
{
	(void)self;
	return source->abi == BGPD_ABI ? 0 : -1;
}

static struct fake_offer *
fake_find(const char *name)
{
	struct fake_offer *o;

	LIST_FOREACH (o, &fake_offers, link) {
		if (strcmp(o->name, name) == 0)
			return o;
	}
	return NULL;
}

/* What is offered under a name; "" for nothing. */
static inline const char *
fake_offered(const char *name)
{
	struct fake_offer *o = fake_find(name);

	return o == NULL ? "" : o->text;
}

static void
fake_retract(struct bgpd_self *self, const char *name)
{
	struct fake_offer *o = fake_find(name);

	(void)self;
	fake_retract_count++;
	if (o == NULL)
		return;
	LIST_REMOVE(o, link);
	free(o);
}

static void
fake_begin(struct bgpd_self *self)
{
	struct fake_offer *o;

	(void)self;
	fake_syncing = true;
	LIST_FOREACH (o, &fake_offers, link)
		o->marked = true;
}

static void
fake_end(struct bgpd_self *self)
{
	struct fake_offer *o, *next;

	fake_syncing = false;
	LIST_FOREACH_SAFE (o, &fake_offers, link, next) {
		if (o->marked)
			fake_retract(self, o->name);
	}
}

static int
fake_address(char *out, size_t size, const struct bgpd_address *a)
{
	char text[INET6_ADDRSTRLEN];
	int n;
	uint32_t i, k;
	const struct bgpd_route *r;

	inet_ntop(a->address.family == 4 ? AF_INET : AF_INET6, a->address.bytes,
	    text, sizeof(text));
	n = snprintf(out, size, " | %s %s", text, a->protocol);
	for (i = 0; i < a->route_count; i++) {
		r = (const void *)((const char *)a->routes +
				   (size_t)i * a->route_size);
		n += snprintf(out + n, size - (size_t)n, " /%u lp %u",
		    r->prefix_len, r->local_pref);
		for (k = 0; k < r->community_count; k++)
			n += snprintf(out + n, size - (size_t)n, " %u:%u",
			    r->communities[k] >> 16,
			    r->communities[k] & 0xffff);
	}
	for (i = 0; i < a->candidate_count; i++)
		n += snprintf(out + n, size - (size_t)n, " %s",
		    ((const struct bgpd_candidate *)(const void
			     *)((const char *)a->candidates +
				(size_t)i * a->candidate_size))
			->node);
	return n + snprintf(out + n, size - (size_t)n, " %s",
		       a->here ? "here" : a->why_not);
}

static void
fake_offer_it(struct bgpd_self *self, const struct bgpd_service *s)
{
	struct fake_offer *o = fake_find(s->name);
	int n;
	uint32_t i;

	(void)self;
	fake_offer_count++;
	if (o == NULL) {
		o = calloc(1, sizeof(*o));
		snprintf(o->name, sizeof(o->name), "%s", s->name);
		LIST_INSERT_HEAD(&fake_offers, o, link);
	}
	o->marked = false;
	n = snprintf(o->text, sizeof(o->text), "%s",
	    s->why != NULL    ? s->why
	    : s->pool != NULL ? s->pool
			      : "-");
	for (i = 0; i < s->address_count; i++)
		n += fake_address(o->text + n, sizeof(o->text) - (size_t)n,
		    (const void *)((const char *)s->addresses +
				   (size_t)i * s->address_size));
}

static void
fake_set_members(struct bgpd_self *self, const struct bgpd_membership *m)
{
	uint32_t i;
	int n;

	(void)self;
	n = snprintf(fake_members, sizeof(fake_members), "%s key %.*s", m->self,
	    (int)m->key_len, m->key == NULL ? "" : (const char *)m->key);
	for (i = 0; i < m->member_count; i++)
		n += snprintf(fake_members + n,
		    sizeof(fake_members) - (size_t)n, " %s %u%s",
		    m->members[i].node, m->members[i].address_count,
		    m->members[i].excluded ? " excluded" : "");
}

static struct bgpd_metric *
fake_metric(struct bgpd_self *self, int kind, const char *name,
    const char *help, const char *const *labels)
{
	struct bgpd_metric *m = calloc(1, sizeof(*m));

	(void)self, (void)kind, (void)help;
	snprintf(m->name, sizeof(m->name), "%s%s%s", name,
	    labels[0] == NULL ? "" : " ", labels[0] == NULL ? "" : labels[1]);
	LIST_INSERT_HEAD(&fake_metrics, m, link);
	return m;
}

static void
fake_metric_set(struct bgpd_metric *m, double value)
{
	m->value = value;
}

static void
fake_metric_add(struct bgpd_metric *m, double value)
{
	m->value += value;
}

static void
fake_metric_free(struct bgpd_metric *m)
{
	LIST_REMOVE(m, link);
	free(m);
}

/* -1: there is no such metric. */
static inline double
fake_metric_value(const char *name)
{
	struct bgpd_metric *m;

	LIST_FOREACH (m, &fake_metrics, link) {
		if (strcmp(m->name, name) == 0)
			return m->value;
	}
	return -1;
}

static int
fake_out_is_json(struct bgpd_out *out)
{
	return out->json;
}

__attribute__((format(printf, 2, 3))) static void
fake_out_print(struct bgpd_out *out, const char *format, ...)
{
	size_t len = strlen(out->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(out->text + len, sizeof(out->text) - len, format, ap);
	va_end(ap);
}

static void
fake_out_open(struct bgpd_out *out, const char *key)
{
	fake_out_print(out, "%s: { ", key == NULL ? "-" : key);
}

static void
fake_out_close(struct bgpd_out *out)
{
	fake_out_print(out, "} ");
}

static void
fake_out_string(struct bgpd_out *out, const char *key, const char *value)
{
	fake_out_print(out, "%s=%s ", key == NULL ? "-" : key, value);
}

static void
fake_out_int(struct bgpd_out *out, const char *key, int64_t value)
{
	fake_out_print(out, "%s=%lld ", key, (long long)value);
}

static void
fake_out_bool(struct bgpd_out *out, const char *key, int value)
{
	fake_out_print(out, "%s=%s ", key, value ? "true" : "false");
}

static const struct bgpd_backend *fake_backend;
static char fake_carried[256];

static int
fake_set_backend(struct bgpd_self *self, const struct bgpd_backend *backend)
{
	(void)self;
	fake_backend = backend;
	return 0;
}

static void
fake_set_carried(struct bgpd_self *self, const struct bgpd_carry *carry)
{
	(void)self;
	snprintf(fake_carried, sizeof(fake_carried), "%s", carry->state);
}

/* What it said of its readiness; "" for ready, or for nothing yet. */
static char fake_why_not[1024];
static void (*fake_scrape)(void *);
static void *fake_scrape_arg;
static struct bgpd_neighbor fake_neighbors[8];
static unsigned fake_neighbor_count;

static void
fake_ready(struct bgpd_self *self, const char *why_not)
{
	(void)self;
	snprintf(fake_why_not, sizeof(fake_why_not), "%s",
	    why_not != NULL ? why_not : "");
}

static void
fake_on_scrape(struct bgpd_self *self, void (*on_scrape)(void *), void *arg)
{
	(void)self;
	fake_scrape = on_scrape;
	fake_scrape_arg = arg;
}

/* The samples of the last scrape, a line each: name{label=value,...} value. */
static char fake_samples[4096];

static void
fake_sample(struct bgpd_self *self, int kind, const char *name,
    const char *help, const char *const *labels, double value)
{
	size_t room = sizeof(fake_samples);
	char *end = fake_samples + strlen(fake_samples);

	(void)self, (void)kind, (void)help;
	end += snprintf(end, room - (size_t)(end - fake_samples), "%s{", name);
	for (; labels[0] != NULL; labels += 2)
		end += snprintf(end, room - (size_t)(end - fake_samples),
		    "%s=%s,", labels[0], labels[1]);
	snprintf(end, room - (size_t)(end - fake_samples), "} %g\n", value);
}

static void
fake_each_neighbor(struct bgpd_self *self,
    void (*on_neighbor)(void *, const struct bgpd_neighbor *), void *arg)
{
	unsigned i;

	(void)self;
	for (i = 0; i < fake_neighbor_count; i++)
		on_neighbor(arg, &fake_neighbors[i]);
}

static const struct bgpd_host fake_host = {
	BGPD_INIT(struct bgpd_host),
	.version = "test",
	.log = fake_say,
	.now_ms = fake_now_ms,
	.timer_new = fake_timer_new,
	.timer_start = fake_timer_start,
	.timer_stop = fake_timer_stop,
	.timer_free = fake_timer_free,
	.watch_new = fake_watch_new,
	.watch_set = fake_watch_set,
	.watch_free = fake_watch_free,
	.child_new = fake_child_new,
	.child_free = fake_child_free,
	.overlay = fake_set_overlay,
	.source = fake_source,
	.begin = fake_begin,
	.offer = fake_offer_it,
	.retract = fake_retract,
	.end = fake_end,
	.members = fake_set_members,
	.backend = fake_set_backend,
	.carried = fake_set_carried,
	.metric = fake_metric,
	.metric_set = fake_metric_set,
	.metric_add = fake_metric_add,
	.metric_free = fake_metric_free,
	.out_is_json = fake_out_is_json,
	.out_print = fake_out_print,
	.out_object = fake_out_open,
	.out_array = fake_out_open,
	.out_close = fake_out_close,
	.out_string = fake_out_string,
	.out_int = fake_out_int,
	.out_bool = fake_out_bool,
	.ready = fake_ready,
	.on_scrape = fake_on_scrape,
	.sample = fake_sample,
	.neighbors = fake_each_neighbor,
};

/* Turns until the expression holds; it fails after 3 s in which it could run. */
#define fake_until(expression)                                                 \
	do {                                                                   \
		int64_t fake_end = fake_now_ms(NULL) + 3000;                   \
		int64_t fake_was = fake_starved_us();                          \
		while (!(expression) && !fake_is_over(fake_end, fake_was))     \
			fake_turn();                                           \
		if (!(expression))                                             \
			print_message("%s\n", fake_log);                       \
		assert_true(expression);                                       \
	} while (0)

/* Directories of tests ------------------------------------------------------------ */

static int
fake_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void
fake_remove(const char *directory)
{
	nftw(directory, fake_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* In place by rename, as a careful writer does. */
static inline void
fake_write(const char *directory, const char *name, const char *text)
{
	char path[512], new[520];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(new, sizeof(new), "%s/.new", directory);
	out = fopen(new, "w");
	fputs(text, out);
	fclose(out);
	rename(new, path);
}

static inline void
fake_forget(void)
{
	fake_log[0] = '\0';
	fake_offer_count = fake_overlay_count = fake_retract_count = 0;
}

#endif
