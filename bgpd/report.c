/* SPDX-License-Identifier: ISC */
/* What guests say of themselves, metrics and readiness, and ask of neighbors. */

/*
 * A scrape asks each running guest that wishes it to bring its gauges up to date,
 * then reads the metrics of all. Readiness is what the guests said last; one that
 * never spoke of it is not asked. All of it goes with the guest.
 */

#include <string.h>

#include "config.h"
#include "host.h"
#include "peer/peer.h"
#include "util/mem.h"
#include "web/web.h"

static const struct peers *report_peers; /* NULL: nothing runs yet */
static struct exposition *report_page;	 /* of the scrape under way */
static struct text report_labels;	 /* room for those of a sample */
static bool is_stopping;

void
report_open(const struct peers *peers)
{
	report_peers = peers;
}

void
report_stopping(void)
{
	is_stopping = true;
}

/* metrics -------------------------------------------------------------------- */

static void
labels_print(struct text *text, const char *const *labels)
{
	for (; labels != NULL && labels[0] != NULL; labels += 2)
		exposition_label(
		    text, labels[0], labels[1] != NULL ? labels[1] : "");
}

struct bgpd_metric *
report_metric(struct bgpd_self *self, int kind, const char *name,
    const char *help, const char *const *labels)
{
	struct bgpd_metric *m = mem_alloc(sizeof(*m));
	struct text text = { 0 };

	labels_print(&text, labels);
	m->kind = kind;
	m->name = mem_string(name);
	exposition_name(m->name, false);
	m->help = mem_string(help != NULL ? help : "");
	m->labels = mem_string(text_str(&text));
	text_free(&text);
	LIST_INSERT_HEAD(&self->metrics, m, entry);
	return m;
}

void
report_metric_free(struct bgpd_metric *m)
{
	if (m == NULL)
		return;
	LIST_REMOVE(m, entry);
	mem_free(m->name);
	mem_free(m->help);
	mem_free(m->labels);
	mem_free(m);
}

void
report_on_scrape(struct bgpd_self *self, void (*on_scrape)(void *), void *arg)
{
	self->on_scrape = on_scrape;
	self->scrape_arg = arg;
}

void
report_sample(struct bgpd_self *self, int kind, const char *name,
    const char *help, const char *const *labels, double value)
{
	const struct exposition_family family = { kind, name, help };

	(void)self;
	if (report_page == NULL)
		return;
	text_clear(&report_labels);
	labels_print(&report_labels, labels);
	exposition_add(report_page, &family, text_str(&report_labels), value);
}

void
report_metrics(struct exposition *e)
{
	struct exposition_family family;
	const struct bgpd_metric *m;
	struct bgpd_self *self;

	report_page = e;
	for (self = plugins_next(NULL); self; self = plugins_next(self))
		if (self->is_running && self->on_scrape != NULL)
			self->on_scrape(self->scrape_arg);
	report_page = NULL;
	text_free(&report_labels);
	for (self = plugins_next(NULL); self; self = plugins_next(self)) {
		LIST_FOREACH (m, &self->metrics, entry) {
			family = (struct exposition_family){ m->kind, m->name,
				m->help };
			exposition_add(e, &family, m->labels, m->value);
		}
	}
}

/* readiness ------------------------------------------------------------------- */

void
report_ready(struct bgpd_self *self, const char *why_not)
{
	char *c;

	mem_free(self->why_not);
	self->why_not = mem_string(why_not);
	/* A line for each reason. */
	for (c = self->why_not; c != NULL && (c = strchr(c, '\n')) != NULL;)
		*c = ' ';
}

/* Wanted by its block, and not running: its start has failed. */
static bool
guest_is_missing(const struct bgpd_self *self)
{
	return !self->is_running && !self->is_unloaded &&
	       self->dialect != NULL && config_tree() != NULL &&
	       dialect_block(self->dialect, config_tree()) != NULL;
}

void
report_reasons(struct text *lines)
{
	struct bgpd_self *self;

	if (is_stopping)
		text_add(lines, "bgpd is stopping\n");
	if (report_peers == NULL)
		text_add(lines, "the configuration is not loaded yet\n");
	for (self = plugins_next(NULL); self; self = plugins_next(self)) {
		if (self->why_not != NULL)
			text_add(lines, "plugin %s: %s\n", self->name,
			    self->why_not);
		else if (guest_is_missing(self))
			text_add(lines,
			    "plugin %s: it did not start, see the log\n",
			    self->name);
	}
}

void
report_release(struct bgpd_self *self)
{
	report_ready(self, NULL);
	report_on_scrape(self, NULL, NULL);
	while (!LIST_EMPTY(&self->metrics))
		report_metric_free(LIST_FIRST(&self->metrics));
}

/* neighbors ------------------------------------------------------------------- */

struct walk {
	const struct bgpd_self *self;
	struct bgpd_neighbor *all;
	size_t count, capacity;
};

static struct bgpd_addr
addr_out(const struct addr *addr)
{
	struct bgpd_addr out = { .family = addr->family == AF_INET ? 4 : 6 };

	memcpy(out.bytes, addr->bytes, sizeof(out.bytes));
	return out;
}

/* What the guest offers and this neighbor of its own was not told yet. */
static uint64_t
pending_count(const struct bgpd_self *self, const struct peer_status *s)
{
	uint64_t pending = 0;
	uint32_t offered;
	unsigned i;

	for (i = 0; self->source != NULL && i < FAMILY_COUNT; i++) {
		offered = announce_source_prefixes(self->source, i);
		if (s->families[i] && offered > s->told[i])
			pending += offered - s->told[i];
	}
	return pending;
}

static void
neighbor_note(void *arg, const struct peer_status *s)
{
	struct walk *walk = arg;
	struct bgpd_neighbor *n;
	unsigned i;

	if (walk->count == walk->capacity) {
		walk->capacity = walk->capacity != 0 ? 2 * walk->capacity : 16;
		walk->all =
		    mem_resize(walk->all, walk->capacity, sizeof(*walk->all));
	}
	n = &walk->all[walk->count++];
	*n = (struct bgpd_neighbor){ BGPD_INIT(struct bgpd_neighbor),
		.address = addr_out(&s->addr), .port = s->port,
		.up = s->established, .remote_as = s->remote_as,
		.updates_sent = s->updates_out };
	n->mine = s->owner != NULL && strcmp(s->owner, walk->self->name) == 0;
	for (i = 0; i < FAMILY_COUNT; i++)
		n->prefixes_announced += s->told[i];
	if (n->mine)
		n->prefixes_pending = pending_count(walk->self, s);
}

/* Told from a copy: what is told may change the neighbors. */
void
report_neighbors(struct bgpd_self *self,
    void (*on_neighbor)(void *arg, const struct bgpd_neighbor *neighbor),
    void *arg)
{
	struct walk walk = { .self = self };
	size_t i;

	if (report_peers != NULL)
		peers_each(report_peers, neighbor_note, &walk);
	for (i = 0; i < walk.count; i++)
		on_neighbor(arg, &walk.all[i]);
	mem_free(walk.all);
}
