/* SPDX-License-Identifier: ISC */
/* Daemons beside the model of a server: their host, source and Lease, and a look. */
#ifndef MODEL_DAEMON_H
#define MODEL_DAEMON_H

/*
 * Time passes while a room works: a look at the clock may move it, so that runs
 * are cut into slices. The Lease is held by one at most, who loses it by some
 * time before another gets it: as long as its last write may be on its way.
 */

#include <ftw.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "model_server.h"

#define WAY_MS 3200 /* of the slowest request */

struct bgpd_metric {
	int unused;
};

struct lease {
	bool held, told; /* told: it knows of the change */
	void (*on_change)(void *arg, bool held);
	void *arg;
};

/* What it carries of a Service. */
struct carried {
	struct bgpd_addr addresses[SERVICE_IPS];
	uint8_t count;
};

struct daemon {
	struct bgpd_self self; /* first: it is found by it */
	struct guest guest;
	struct settings settings;
	struct api api;
	struct source source;
	const struct source_sink *sink;
	void *arg;
	struct lease lease;
	struct watch *watch;
	struct cluster *cluster;
	bool batch, synced;
	struct carried carried[SLOTS];
};

static struct daemon daemons[DAEMONS];
static int64_t lease_free_ms; /* nobody gets it before */
static unsigned config_now;
static char directory[64];

/* The host ----------------------------------------------------------------------- */

static struct daemon *
daemon_of(struct bgpd_self *self)
{
	return (struct daemon *)(void *)self;
}

static int64_t
model_now_ms(struct bgpd_self *self)
{
	(void)self;
	if (roll(100) < 30)
		fake_ms++;
	return fake_ms;
}

static int
model_overlay(struct bgpd_self *self, const char *lines,
    void (*on_fault)(void *arg, unsigned line, const char *text), void *arg)
{
	(void)self, (void)lines, (void)on_fault, (void)arg;
	return 0;
}

static void
model_nothing(struct bgpd_self *self)
{
	(void)self;
}

static bool
carried_has(const struct carried *all, const struct bgpd_addr *addr)
{
	uint8_t i;

	for (i = 0; i < all->count; i++) {
		if (addr_same(&all->addresses[i], addr))
			return true;
	}
	return false;
}

/* Nobody is to hear of an address before the cluster does. */
static void
daemon_check_told(const struct daemon *d, const struct slot *s)
{
	const struct carried *now = &d->carried[slot_number(s)];
	char text[ADDR_LEN];
	uint8_t i;

	for (i = 0; i < now->count; i++) {
		if (!slot_was_told(s, &now->addresses[i]))
			model_fault("n%d announces %s for s%d, which no status "
				    "ever said\n",
			    (int)(d - daemons),
			    addr_text(&now->addresses[i], text),
			    slot_number(s));
	}
}

/* Not long ago, as those who lead count. */
static bool
slot_is_changed(const struct slot *s)
{
	return server_led_ms - s->changed_ms < REASON_MS;
}

/*
 * Another one whose status says it too has changed. Who saw that stays with those
 * who have not; who begins to lead may not have seen them share it.
 */
static bool
sharer_is_changed(const struct bgpd_addr *addr)
{
	const struct slot *s;

	for (s = slots; s < slots + SLOTS; s++) {
		if ((weather.restarts || weather.leases) && s->exists &&
		    said_has(&s->said, addr) && slot_is_changed(s))
			return true;
	}
	return false;
}

/* What the status says, and has for long, stands. */
static void
daemon_check_steady(
    const struct daemon *d, const struct slot *s, const struct carried *was)
{
	const struct carried *now = &d->carried[slot_number(s)];
	char text[ADDR_LEN];
	uint8_t i;

	if (!s->exists || slot_is_changed(s) ||
	    fake_ms - server_upset_ms < REASON_MS)
		return;
	for (i = 0; i < was->count; i++) {
		if (!carried_has(now, &was->addresses[i]) &&
		    said_has(&s->said, &was->addresses[i]) &&
		    !sharer_is_changed(&was->addresses[i]))
			model_fault("n%d withdraws %s of s%d for no reason\n",
			    (int)(d - daemons),
			    addr_text(&was->addresses[i], text),
			    slot_number(s));
	}
}

static void
model_offer(struct bgpd_self *self, const struct bgpd_service *service)
{
	struct daemon *d = daemon_of(self);
	struct slot *s = slot_find(service->name);
	struct carried *now = &d->carried[slot_number(s)], was = *now;
	uint32_t i;

	now->count = 0;
	for (i = 0; i < service->address_count; i++) {
		if (service->addresses[i].phase == BGPD_CARRIED)
			now->addresses[now->count++] =
			    service->addresses[i].address;
	}
	daemon_check_told(d, s);
	daemon_check_steady(d, s, &was);
}

static void
model_retract(struct bgpd_self *self, const char *name)
{
	struct daemon *d = daemon_of(self);
	struct slot *s = slot_find(name);
	struct carried *now = &d->carried[slot_number(s)], was = *now;

	now->count = 0;
	daemon_check_steady(d, s, &was);
}

static void
model_members(struct bgpd_self *self, const struct bgpd_membership *members)
{
	(void)self, (void)members;
}

static struct bgpd_metric *
model_metric(struct bgpd_self *self, int kind, const char *name,
    const char *help, const char *const *labels)
{
	(void)self, (void)kind, (void)name, (void)help, (void)labels;
	return calloc(1, sizeof(struct bgpd_metric));
}

static void
model_metric_set(struct bgpd_metric *metric, double value)
{
	(void)metric, (void)value;
}

static void
model_metric_free(struct bgpd_metric *metric)
{
	free(metric);
}

static void
model_ready(struct bgpd_self *self, const char *why)
{
	(void)self, (void)why;
}

static void
model_on_scrape(struct bgpd_self *self, void (*on_scrape)(void *), void *arg)
{
	(void)self, (void)on_scrape, (void)arg;
}

/* As the daemon's own: NULL is no fault. */
static void
model_timer_free(struct bgpd_timer *timer)
{
	if (timer != NULL)
		fake_timer_free(timer);
}

static struct bgpd_host model_host;

static void
host_make(void)
{
	model_host = fake_host;
	model_host.now_ms = model_now_ms;
	model_host.timer_free = model_timer_free;
	model_host.overlay = model_overlay;
	model_host.begin = model_host.end = model_nothing;
	model_host.offer = model_offer;
	model_host.retract = model_retract;
	model_host.members = model_members;
	model_host.metric = model_metric;
	model_host.metric_set = model_host.metric_add = model_metric_set;
	model_host.metric_free = model_metric_free;
	model_host.ready = model_ready;
	model_host.on_scrape = model_on_scrape;
}

/* The Lease ---------------------------------------------------------------------- */

struct lease *
lease_open(struct guest *guest, struct api *api,
    const struct lease_options *options,
    void (*on_change)(void *arg, bool held), void *arg)
{
	struct lease *lease = &daemon_of(guest->self)->lease;

	(void)api, (void)options;
	*lease = (struct lease){ .on_change = on_change, .arg = arg };
	return lease;
}

void
lease_close(struct lease *lease)
{
	if (lease == NULL)
		return;
	if (lease->held)
		lease_free_ms = fake_ms + WAY_MS;
	*lease = (struct lease){ 0 };
}

void
lease_leave(struct lease *lease)
{
	lease_close(lease);
}

bool
lease_is_held(const struct lease *lease)
{
	return lease->held;
}

const char *
lease_holder(const struct lease *lease)
{
	(void)lease;
	return NULL;
}

const char *
lease_trouble(const struct lease *lease)
{
	(void)lease;
	return NULL;
}

void
lease_release(struct lease *lease, void (*on_done)(void *arg), void *arg)
{
	lease_close(lease);
	on_done(arg);
}

static struct daemon *
lease_leader(void)
{
	struct daemon *d;

	for (d = daemons; d < daemons + DAEMONS; d++) {
		if (d->lease.held)
			return d;
	}
	return NULL;
}

static void
lease_lose(struct daemon *d)
{
	d->lease.held = false;
	lease_free_ms = fake_ms + WAY_MS + roll(6000);
	model_say("n%d loses the Lease\n", (int)(d - daemons));
}

static void
lease_turn(void)
{
	struct daemon *d = lease_leader();

	if (d != NULL && weather.leases && roll(4000) == 0) {
		lease_lose(d);
	} else if (d == NULL && fake_ms > lease_free_ms) {
		d = &daemons[roll(weather.daemons)];
		d->lease.held = d->lease.on_change != NULL;
	}
	for (d = daemons; d < daemons + DAEMONS; d++) {
		if (d->lease.on_change != NULL &&
		    d->lease.held != d->lease.told && roll(10) == 0) {
			d->lease.told = d->lease.held;
			model_say("n%d %s\n", (int)(d - daemons),
			    d->lease.told ? "leads" : "follows");
			d->lease.on_change(d->lease.arg, d->lease.told);
		}
	}
}

/* The source --------------------------------------------------------------------- */

#define POOL(name, range)                                                      \
	"- name: " name "\n  protocol: bgp\n  addresses: [" range "]\n"
#define RANGE_A "10.0.0.0/28, \"fd00::/124\""

static const char *const configs[] = {
	POOL("a", RANGE_A) POOL("b", "10.0.0.16/29"),
	POOL("a2", RANGE_A) POOL("b", "10.0.0.16/29"),
	POOL("a", RANGE_A) POOL("b", "10.0.0.16/30"),
	NULL,
};
#define CONFIGS (sizeof(configs) / sizeof(configs[0]))

static void
config_tell(struct watch *w)
{
	const char *pools = configs[config_now];
	struct text out = { 0 };
	char lines[512];

	snprintf(lines, sizeof(lines), "address-pools:%s%s",
	    pools == NULL ? " foo" : "\n", pools == NULL ? "" : pools);
	text_open(&out, NULL, '{');
	text_raw(
	    &out, "metadata", "{\"namespace\":\"net\",\"name\":\"config\"}");
	text_open(&out, "data", '{');
	text_string(&out, "config", lines);
	text_close(&out, '}');
	text_close(&out, '}');
	watch_tell(w, OBJECT_CONFIG_MAP, "net/config", out.s);
	free(out.s);
}

static struct daemon *
daemon_of_source(const struct source *source)
{
	struct daemon *d = daemons;

	while (&d->source != source)
		d++;
	return d;
}

static const struct source_kind model_source;

static struct source *
source_open(struct guest *guest, const struct settings *set,
    const struct source_sink *sink, void *arg)
{
	struct daemon *d = daemon_of(guest->self);

	(void)set;
	d->source.kind = &model_source;
	d->sink = sink;
	d->arg = arg;
	d->watch->open = true;
	d->watch->fresh = false;
	d->watch->last_ms = 0;
	d->batch = d->synced = false;
	return &d->source;
}

/* All there is of that kind, as a first list. */
static void
source_watch(struct source *source, enum object_kind kind)
{
	struct daemon *d = daemon_of_source(source);
	unsigned i;

	d->watch->kinds |= 1u << kind;
	d->batch = true;
	if (kind == OBJECT_CONFIG_MAP)
		config_tell(d->watch);
	for (i = 0; kind == OBJECT_NODE && i < DAEMONS; i++)
		node_tell(d->watch, i);
	if (kind == OBJECT_SERVICE)
		services_tell(d->watch);
}

static void
source_close(struct source *source)
{
	watch_close(daemon_of_source(source)->watch);
}

static struct api *
source_api_of(struct source *source)
{
	return &daemon_of_source(source)->api;
}

static void
source_know(struct source *source, enum object_kind kind, const char *name)
{
	if ((kind == OBJECT_SERVICE || kind == OBJECT_SLICE) &&
	    !slot_find(name)->exists)
		watch_tell(daemon_of_source(source)->watch, kind, name, NULL);
}

/* The list is of now: it is there before what the watch has not told yet. */
static void
source_refresh(struct source *source)
{
	struct watch *w = daemon_of_source(source)->watch;
	struct tiding *t, *next;
	char key[16];
	unsigned i;

	TAILQ_FOREACH_SAFE (t, &w->news, link, next) {
		t->at_ms = fake_ms;
		if (t->kind == OBJECT_SERVICE)
			tiding_free(w, t);
	}
	w->fresh = false;
	w->last_ms = fake_ms;
	for (i = 0; i < SLOTS; i++) {
		snprintf(key, sizeof(key), "d/s%u", i);
		if (!slots[i].exists)
			watch_tell(w, OBJECT_SERVICE, key, NULL);
	}
	services_tell(w);
	watch_tell(w, OBJECT_SERVICE, "", NULL);
	TAILQ_LAST(&w->news, tidings)->last = true;
}

static bool
source_is_fresh(const struct source *source)
{
	return daemon_of_source(source)->watch->fresh;
}

static const struct source_kind model_source = {
	.word = "model",
	.open = source_open,
	.close = source_close,
	.api = source_api_of,
	.watch = source_watch,
	.know = source_know,
	.refresh = source_refresh,
	.is_fresh = source_is_fresh,
};

/* Daemons ------------------------------------------------------------------------ */

static void
daemon_start(struct daemon *d)
{
	int i = (int)(d - daemons);

	d->guest = (struct guest){ &model_host, &d->self };
	d->api.self = &d->self;
	d->watch = &watches[i];
	d->settings = (struct settings){
		.source = &model_source,
		.node = k8s_print("n%d", i),
		.space = k8s_copy("net"),
		.config_map = k8s_copy("config"),
		.state = k8s_print("%s/n%d", directory, i),
	};
	d->cluster = cluster_open(&d->guest, &d->settings);
}

static void
daemon_stop(struct daemon *d)
{
	cluster_close(d->cluster);
	free(d->settings.node);
	free(d->settings.space);
	free(d->settings.config_map);
	free(d->settings.state);
	d->cluster = NULL;
	memset(d->carried, 0, sizeof(d->carried));
}

static void
daemon_take(struct daemon *d, const struct tiding *t)
{
	struct json_object *root;
	struct object *object;
	struct fault fault;
	char *key = NULL;

	model_say("n%d hears of %s: %s\n", (int)(d - daemons), t->key,
	    t->text == NULL ? "gone" : t->text);
	if (t->text == NULL) {
		d->sink->on_gone(d->arg, t->kind, t->key);
		return;
	}
	root = json_tokener_parse(t->text);
	object = object_read(t->kind, root, &key, &fault);
	assert_non_null(object);
	json_object_put(root);
	d->sink->on_object(d->arg, object);
}

/* What its watch tells now; that it belongs together is said a little later. */
static void
daemon_hear(struct daemon *d)
{
	struct tiding *t;

	while (
	    (t = TAILQ_FIRST(&d->watch->news)) != NULL && t->at_ms <= fake_ms) {
		if (t->last)
			d->watch->fresh = true;
		else
			daemon_take(d, t);
		tiding_free(d->watch, t);
		d->batch = true;
	}
	if (!d->batch || roll(2))
		return;
	d->batch = false;
	d->synced |= TAILQ_EMPTY(&d->watch->news) &&
		     d->watch->kinds == (1u << OBJECT_KINDS) - 1;
	d->sink->on_batch(d->arg, d->synced);
}

static void
daemons_turn(void)
{
	struct daemon *d;

	for (d = daemons; d < daemons + weather.daemons; d++) {
		if (d->watch->open)
			daemon_hear(d);
	}
}

#endif
