/* SPDX-License-Identifier: ISC */
/* The host table: what a plugin may ask of the daemon. */

/*
 * Everything lent is on a list of its guest, so that an unload takes back what
 * the plugin forgot. What comes from another thread, or late, carries the number
 * of the guest's life and is dropped when that life is over.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bfd/bfd.h"
#include "cli/out.h"
#include "config.h"
#include "host.h"
#include "util/log.h"
#include "util/mem.h"

static struct loop *host_loop;
static struct bfd *host_bfd;
static struct announce *host_announce;

static void
host_log(struct bgpd_self *self, int level, const char *format, ...)
{
	/* By syslog's numbers, from LOG_ERR (3) to LOG_DEBUG (7). */
	static const enum log_level levels[8] = { LOG_LEVEL_ERROR,
		LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR,
		LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO,
		LOG_LEVEL_DEBUG };
	va_list ap;

	va_start(ap, format);
	log_write(levels[level & 7], self->name, format, ap);
	va_end(ap);
}

static int64_t
host_now_ms(struct bgpd_self *self)
{
	(void)self;
	return clock_now_us() / 1000;
}

/* timers ------------------------------------------------------------------- */

struct bgpd_timer {
	LIST_ENTRY(bgpd_timer) entry;
	struct timer *timer;
};

static struct bgpd_timer *
host_timer_new(struct bgpd_self *self, void (*on_time)(void *), void *arg)
{
	struct bgpd_timer *t = mem_alloc(sizeof(*t));

	t->timer = timer_new(host_loop, on_time, arg);
	LIST_INSERT_HEAD(&self->timers, t, entry);
	return t;
}

static void
host_timer_start(struct bgpd_timer *t, int64_t after_ms)
{
	timer_start(t->timer, after_ms);
}

static void
host_timer_stop(struct bgpd_timer *t)
{
	timer_stop(t->timer);
}

static void
host_timer_free(struct bgpd_timer *t)
{
	if (t == NULL)
		return;
	timer_free(t->timer);
	LIST_REMOVE(t, entry);
	mem_free(t);
}

/* descriptors, children, posts ---------------------------------------------- */

struct bgpd_watch {
	LIST_ENTRY(bgpd_watch) entry;
	struct watch *watch;
};

static struct bgpd_watch *
host_watch_new(struct bgpd_self *self, int fd,
    void (*on_ready)(void *, unsigned), void *arg)
{
	struct bgpd_watch *w = mem_alloc(sizeof(*w));

	w->watch = watch_new(host_loop, fd, on_ready, arg);
	LIST_INSERT_HEAD(&self->watches, w, entry);
	return w;
}

static void
host_watch_set(struct bgpd_watch *w, unsigned what)
{
	watch_set(w->watch, what);
}

static void
host_watch_free(struct bgpd_watch *w)
{
	if (w == NULL)
		return;
	watch_free(w->watch);
	LIST_REMOVE(w, entry);
	mem_free(w);
}

struct post {
	struct bgpd_self *self;
	unsigned life;
	void (*on_post)(void *);
	void *arg;
};

static void
post_run(void *arg)
{
	struct post *post = arg;

	if (post->self->is_running && post->self->life == post->life)
		post->on_post(post->arg);
	mem_free(post);
}

static void
host_post(struct bgpd_self *self, void (*on_post)(void *), void *arg)
{
	struct post *post = mem_alloc(sizeof(*post));

	*post = (struct post){ self, self->life, on_post, arg };
	loop_post(host_loop, post_run, post);
}

struct bgpd_child {
	LIST_ENTRY(bgpd_child) entry;
	struct child *child;
};

static struct bgpd_child *
host_child_new(struct bgpd_self *self, int64_t pid,
    void (*on_exit)(void *, int), void *arg)
{
	struct bgpd_child *c = mem_alloc(sizeof(*c));

	c->child = child_new(host_loop, (pid_t)pid, on_exit, arg);
	LIST_INSERT_HEAD(&self->children, c, entry);
	return c;
}

static void
host_child_free(struct bgpd_child *c)
{
	if (c == NULL)
		return;
	child_free(c->child);
	LIST_REMOVE(c, entry);
	mem_free(c);
}

/* configuration, sources, backends ------------------------------------------- */

static int
host_overlay(struct bgpd_self *self, const char *lines,
    void (*on_fault)(void *, unsigned, const char *), void *arg)
{
	return config_overlay(self->name, lines, on_fault, arg);
}

static int
host_source(struct bgpd_self *self, const struct bgpd_source *source)
{
	if (self->source != NULL)
		return -1;
	self->source =
	    announce_source_new(host_announce, self->name, source, self->arg);
	return 0;
}

static void
host_begin(struct bgpd_self *self)
{
	if (self->source != NULL)
		announce_begin(self->source);
}

static void
host_offer(struct bgpd_self *self, const struct bgpd_service *service)
{
	if (self->source != NULL)
		announce_offer(self->source, service);
}

static void
host_retract(struct bgpd_self *self, const char *name)
{
	if (self->source != NULL)
		announce_retract(self->source, name);
}

static void
host_end(struct bgpd_self *self)
{
	if (self->source != NULL)
		announce_end(self->source);
}

static void
host_members(struct bgpd_self *self, const struct bgpd_membership *membership)
{
	if (self->source != NULL)
		announce_members(self->source, membership);
}

static int
host_backend(struct bgpd_self *self, const struct bgpd_backend *backend)
{
	if (self->backend != NULL)
		return -1;
	self->backend = announce_backend_new(host_announce, backend, self->arg);
	if (self->backend == NULL)
		log_error("plugin", "%s: protocol %s has its backend already",
		    self->name, backend->protocol);
	return self->backend != NULL ? 0 : -1;
}

static int
host_has_backend(struct bgpd_self *self, const char *protocol)
{
	(void)self;
	return announce_has_backend(host_announce, protocol);
}

static void
host_carried(struct bgpd_self *self, const struct bgpd_carry *carry)
{
	if (self->backend != NULL)
		announce_carried(self->backend, carry);
}

/* BFD ------------------------------------------------------------------------- */

struct bgpd_bfd {
	LIST_ENTRY(bgpd_bfd) entry;
	struct bfd_client *client;
	int told; /* enum bgpd_bfd_state; -1: nothing yet */
	void (*on_state)(void *, int, const char *);
	void *arg;
};

/* Up or not is all that a guest is told, and each of them once. */
static void
bfd_on_news(void *arg, const struct bfd_news *news)
{
	struct bgpd_bfd *bfd = arg;
	int state = BGPD_BFD_DOWN;

	if (news->state == BFD_UP)
		state = BGPD_BFD_UP;
	else if (news->peer_admin_down)
		state = BGPD_BFD_ADMIN;
	if (state == bfd->told)
		return;
	bfd->told = state;
	bfd->on_state(bfd->arg, state, news->why);
}

static struct addr
addr_in(const struct bgpd_addr *addr)
{
	struct addr in = { 0 };

	if (addr->family == 0)
		return in;
	in.family = addr->family == 4 ? AF_INET : AF_INET6;
	memcpy(in.bytes, addr->bytes, addr_bits(in.family) / 8);
	return in;
}

static void
bfd_ask_read(const struct bgpd_bfd_options *options, struct bfd_ask *ask)
{
	memset(ask, 0, sizeof(*ask));
	ask->peer = addr_in(&options->peer);
	ask->local = addr_in(&options->local);
	ask->multihop = options->interface == NULL;
	if (!ask->multihop)
		snprintf(ask->interface, sizeof(ask->interface), "%s",
		    options->interface);
	if (BGPD_HAS(options, struct bgpd_bfd_options, profile))
		ask->profile = options->profile;
	if (!BGPD_HAS(options, struct bgpd_bfd_options, multiplier))
		return;
	ask->knobs.tx_us = ask->knobs.rx_us = options->interval_us;
	ask->knobs.multiplier = options->multiplier;
}

static struct bgpd_bfd *
host_bfd_new(struct bgpd_self *self, const struct bgpd_bfd_options *options,
    void (*on_state)(void *, int, const char *), void *arg)
{
	struct bgpd_bfd *bfd = mem_alloc(sizeof(*bfd));
	struct bfd_ask ask;

	bfd_ask_read(options, &ask);
	bfd->told = -1;
	bfd->on_state = on_state;
	bfd->arg = arg;
	bfd->client = bfd_client_new(host_bfd, &ask, bfd_on_news, bfd);
	LIST_INSERT_HEAD(&self->bfds, bfd, entry);
	return bfd;
}

static void
host_bfd_free(struct bgpd_bfd *bfd)
{
	if (bfd == NULL)
		return;
	bfd_client_free(bfd->client);
	LIST_REMOVE(bfd, entry);
	mem_free(bfd);
}

static int64_t
host_bfd_heard_us(struct bgpd_bfd *bfd)
{
	return bfd_client_heard_us(bfd->client);
}

/* metrics: report.c keeps them --------------------------------------------------- */

static void
host_metric_set(struct bgpd_metric *m, double value)
{
	m->value = value;
}

static void
host_metric_add(struct bgpd_metric *m, double value)
{
	m->value += value;
}

/* what a command prints: struct bgpd_out is our struct out -------------------------- */

static struct out *
out_of(struct bgpd_out *out)
{
	return (struct out *)(void *)out;
}

static int
host_out_is_json(struct bgpd_out *out)
{
	return out_is_json(out_of(out));
}

static void
host_out_print(struct bgpd_out *out, const char *format, ...)
{
	struct text text = { 0 };
	va_list ap;

	va_start(ap, format);
	text_addv(&text, format, ap);
	va_end(ap);
	out_print(out_of(out), "%s", text_str(&text));
	text_free(&text);
}

static void
host_out_object(struct bgpd_out *out, const char *key)
{
	out_object(out_of(out), key);
}

static void
host_out_array(struct bgpd_out *out, const char *key)
{
	out_array(out_of(out), key);
}

static void
host_out_close(struct bgpd_out *out)
{
	out_close(out_of(out));
}

static void
host_out_string(struct bgpd_out *out, const char *key, const char *value)
{
	out_string(out_of(out), key, value);
}

static void
host_out_int(struct bgpd_out *out, const char *key, int64_t value)
{
	out_int(out_of(out), key, value);
}

static void
host_out_bool(struct bgpd_out *out, const char *key, int value)
{
	out_bool(out_of(out), key, value);
}

const struct bgpd_host host_table = {
	BGPD_INIT(struct bgpd_host),
	.version = PACKAGE_VERSION,
	.log = host_log,
	.now_ms = host_now_ms,
	.timer_new = host_timer_new,
	.timer_start = host_timer_start,
	.timer_stop = host_timer_stop,
	.timer_free = host_timer_free,
	.watch_new = host_watch_new,
	.watch_set = host_watch_set,
	.watch_free = host_watch_free,
	.post = host_post,
	.child_new = host_child_new,
	.child_free = host_child_free,
	.overlay = host_overlay,
	.source = host_source,
	.begin = host_begin,
	.offer = host_offer,
	.retract = host_retract,
	.end = host_end,
	.members = host_members,
	.backend = host_backend,
	.carried = host_carried,
	.bfd_new = host_bfd_new,
	.bfd_free = host_bfd_free,
	.metric = report_metric,
	.metric_set = host_metric_set,
	.metric_add = host_metric_add,
	.metric_free = report_metric_free,
	.out_is_json = host_out_is_json,
	.out_print = host_out_print,
	.out_object = host_out_object,
	.out_array = host_out_array,
	.out_close = host_out_close,
	.out_string = host_out_string,
	.out_int = host_out_int,
	.out_bool = host_out_bool,
	.ready_to_stop = plugin_ready,
	.ready = report_ready,
	.on_scrape = report_on_scrape,
	.sample = report_sample,
	.neighbors = report_neighbors,
	.is_restarting = plugin_is_restarting,
	.bfd_heard_us = host_bfd_heard_us,
	.has_backend = host_has_backend,
};

void
host_open(struct loop *loop, struct bfd *bfd, struct announce *announce)
{
	host_loop = loop;
	host_bfd = bfd;
	host_announce = announce;
}

void
host_release_backend(struct bgpd_self *self)
{
	announce_backend_free(self->backend);
	self->backend = NULL;
}

void
host_release(struct bgpd_self *self)
{
	announce_source_free(self->source);
	self->source = NULL;
	host_release_backend(self);
	while (!LIST_EMPTY(&self->timers))
		host_timer_free(LIST_FIRST(&self->timers));
	while (!LIST_EMPTY(&self->watches))
		host_watch_free(LIST_FIRST(&self->watches));
	while (!LIST_EMPTY(&self->children))
		host_child_free(LIST_FIRST(&self->children));
	report_release(self);
	while (!LIST_EMPTY(&self->bfds))
		host_bfd_free(LIST_FIRST(&self->bfds));
	config_overlay(self->name, "", NULL, NULL);
}
