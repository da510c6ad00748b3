/* SPDX-License-Identifier: ISC */
/* The daemon's own metrics: neighbors, routes, services, the loop, the process. */

/*
 * Each is a row: kind, name, help, and how its value is had. All values are kept
 * or counted elsewhere as things happen: a scrape costs by neighbors and sources,
 * never by routes.
 */
#include <stdio.h>
#include <string.h>

#include "announce/announce.h"
#include "bfd/bfd.h"
#include "net/net.h"
#include "peer/peer.h"
#include "rib/rib.h"
#include "web/web.h"

/* What one walk hands from call to call. */
struct collector {
	const struct web_house *house;
	struct exposition *e;
	int64_t now_ms;
	struct text labels;
};

#define COUNTER(name, help)                                                    \
	{                                                                      \
		BGPD_COUNTER, name, help                                       \
	}
#define GAUGE(name, help)                                                      \
	{                                                                      \
		BGPD_GAUGE, name, help                                         \
	}

static void
add(struct collector *c, const struct exposition_family *family, double value)
{
	exposition_add(c->e, family, text_str(&c->labels), value);
}

/* Neighbors --------------------------------------------------------------------- */

static double
ms_since(const struct collector *c, int64_t then_ms)
{
	return (double)(c->now_ms - then_ms) / 1000;
}

enum neighbor_metric {
	NEIGHBOR_UP,
	NEIGHBOR_STATE,
	NEIGHBOR_UPTIME,
	NEIGHBOR_MESSAGES_IN,
	NEIGHBOR_MESSAGES_OUT,
	NEIGHBOR_UPDATES_IN,
	NEIGHBOR_UPDATES_OUT,
	NEIGHBOR_UPS,
	NEIGHBOR_DOWNS,
	NEIGHBOR_RESET,
	NEIGHBOR_RECEIVED,
	NEIGHBOR_ACCEPTED,
	NEIGHBOR_SENT,
};

static const struct exposition_family neighbor_families[] = {
	[NEIGHBOR_UP] = GAUGE("bgpd_neighbor_up",
	    "1 if the session with the neighbor is established"),
	[NEIGHBOR_STATE] = GAUGE("bgpd_neighbor_state",
	    "State of the session: 1 Idle, 2 Connect, 3 Active, 4 OpenSent, "
	    "5 OpenConfirm, 6 Established"),
	[NEIGHBOR_UPTIME] = GAUGE("bgpd_neighbor_uptime_seconds",
	    "Since when the session is established; 0 if it is not"),
	[NEIGHBOR_MESSAGES_IN] =
	    COUNTER("bgpd_neighbor_messages_received_total",
		"BGP messages of all kinds from the neighbor"),
	[NEIGHBOR_MESSAGES_OUT] = COUNTER("bgpd_neighbor_messages_sent_total",
	    "BGP messages of all kinds to the neighbor"),
	[NEIGHBOR_UPDATES_IN] = COUNTER("bgpd_neighbor_updates_received_total",
	    "UPDATE messages from the neighbor"),
	[NEIGHBOR_UPDATES_OUT] = COUNTER("bgpd_neighbor_updates_sent_total",
	    "UPDATE messages to the neighbor"),
	[NEIGHBOR_UPS] = COUNTER("bgpd_neighbor_established_total",
	    "How often the session was established"),
	[NEIGHBOR_DOWNS] = COUNTER("bgpd_neighbor_dropped_total",
	    "How often an established session ended"),
	[NEIGHBOR_RESET] = GAUGE("bgpd_neighbor_last_reset_seconds",
	    "Since the last session ended; absent if none has"),
	[NEIGHBOR_RECEIVED] = GAUGE("bgpd_neighbor_prefixes_received",
	    "Prefixes that the neighbor tells"),
	[NEIGHBOR_ACCEPTED] = GAUGE("bgpd_neighbor_prefixes_accepted",
	    "Prefixes that the neighbor tells and the import policy takes"),
	[NEIGHBOR_SENT] = GAUGE("bgpd_neighbor_prefixes_sent",
	    "Prefixes that the neighbor is told"),
};

static void
neighbor_add(struct collector *c, enum neighbor_metric metric, double value)
{
	add(c, &neighbor_families[metric], value);
}

static void
neighbor_add_state(struct collector *c, const struct peer_status *s)
{
	neighbor_add(c, NEIGHBOR_UP, s->established);
	neighbor_add(c, NEIGHBOR_STATE, s->state_number);
	neighbor_add(
	    c, NEIGHBOR_UPTIME, s->established ? ms_since(c, s->since_ms) : 0);
	neighbor_add(c, NEIGHBOR_MESSAGES_IN, (double)s->messages_in);
	neighbor_add(c, NEIGHBOR_MESSAGES_OUT, (double)s->messages_out);
	neighbor_add(c, NEIGHBOR_UPDATES_IN, (double)s->updates_in);
	neighbor_add(c, NEIGHBOR_UPDATES_OUT, (double)s->updates_out);
	neighbor_add(c, NEIGHBOR_UPS, s->ups);
	neighbor_add(c, NEIGHBOR_DOWNS, s->downs);
	if (s->reset_ms >= 0)
		neighbor_add(c, NEIGHBOR_RESET, ms_since(c, s->reset_ms));
}

static void
neighbor_add_routes(struct collector *c, const struct peer_status *s)
{
	size_t len = c->labels.len;
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		if (!s->families[i])
			continue;
		exposition_label(&c->labels, "family", family_info[i].line);
		neighbor_add(c, NEIGHBOR_RECEIVED, s->received[i]);
		neighbor_add(c, NEIGHBOR_ACCEPTED, s->accepted[i]);
		neighbor_add(c, NEIGHBOR_SENT, s->told[i]);
		c->labels.len = len;
		c->labels.s[len] = '\0';
	}
}

static void
neighbor_collect(void *arg, const struct peer_status *s)
{
	struct collector *c = arg;
	char text[ADDR_TEXT];

	text_clear(&c->labels);
	exposition_label(&c->labels, "neighbor", addr_print(&s->addr, text));
	snprintf(text, sizeof(text), "%u", s->remote_as);
	exposition_label(&c->labels, "remote_as", text);
	neighbor_add_state(c, s);
	neighbor_add_routes(c, s);
}

/* BFD ------------------------------------------------------------------------------- */

enum bfd_metric {
	BFD_METRIC_UP,
	BFD_METRIC_UPS,
	BFD_METRIC_DOWNS,
	BFD_METRIC_IN,
	BFD_METRIC_OUT,
	BFD_METRIC_REFUSED,
	BFD_METRIC_DETECTION,
	BFD_METRIC_LATE,
};

static const struct exposition_family bfd_families[] = {
	[BFD_METRIC_UP] =
	    GAUGE("bgpd_bfd_session_up", "1 if the BFD session is up"),
	[BFD_METRIC_UPS] = COUNTER(
	    "bgpd_bfd_session_ups_total", "How often the BFD session went up"),
	[BFD_METRIC_DOWNS] = COUNTER("bgpd_bfd_session_downs_total",
	    "How often the BFD session, being up, went down"),
	[BFD_METRIC_IN] = COUNTER("bgpd_bfd_packets_received_total",
	    "BFD packets of the peer that were taken"),
	[BFD_METRIC_OUT] =
	    COUNTER("bgpd_bfd_packets_sent_total", "BFD packets to the peer"),
	[BFD_METRIC_REFUSED] = COUNTER("bgpd_bfd_packets_refused_total",
	    "BFD packets of the peer with wrong authentication"),
	[BFD_METRIC_DETECTION] = GAUGE("bgpd_bfd_detection_time_seconds",
	    "After so much silence the session is down"),
	[BFD_METRIC_LATE] = COUNTER("bgpd_bfd_session_late_turns_total",
	    "Turns of our clock that came a detection time late, or more"),
};

static void
bfd_collect_session(void *arg, const struct bfd_status *s)
{
	struct collector *c = arg;
	char text[ADDR_TEXT];
	const struct {
		enum bfd_metric metric;
		double value;
	} values[] = {
		{ BFD_METRIC_UP, s->state == BFD_UP },
		{ BFD_METRIC_UPS, s->counters.ups },
		{ BFD_METRIC_DOWNS, s->counters.downs },
		{ BFD_METRIC_IN, (double)s->counters.in },
		{ BFD_METRIC_OUT, (double)s->counters.out },
		{ BFD_METRIC_REFUSED, (double)s->counters.refused },
		{ BFD_METRIC_DETECTION, (double)s->detection_us / 1e6 },
		{ BFD_METRIC_LATE, s->counters.late },
	};
	size_t i;

	text_clear(&c->labels);
	exposition_label(&c->labels, "peer", addr_print(&s->peer, text));
	exposition_label(
	    &c->labels, "interface", s->interface != NULL ? s->interface : "");
	exposition_label(&c->labels, "hops", s->multihop ? "multi" : "single");
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		add(c, &bfd_families[values[i].metric], values[i].value);
}

static void
bfd_add_dropped(struct collector *c, const char *reason, uint64_t count)
{
	static const struct exposition_family dropped =
	    COUNTER("bgpd_bfd_packets_dropped_total",
		"BFD packets that no session took, by reason: malformed, "
		"unknown (of no session), far (TTL too small)");

	text_clear(&c->labels);
	exposition_label(&c->labels, "reason", reason);
	add(c, &dropped, (double)count);
}

static void
bfd_collect(struct collector *c)
{
	static const struct exposition_family real_time =
	    GAUGE("bgpd_bfd_real_time",
		"1 if the thread of BFD is scheduled in real time");
	static const struct exposition_family late =
	    COUNTER("bgpd_bfd_late_turns_total",
		"Turns of BFD's clock that came more than 5 ms late");
	static const struct exposition_family latest =
	    GAUGE("bgpd_bfd_latest_turn_seconds",
		"The most that a turn of BFD's clock was late");
	struct bfd_totals totals;

	if (c->house->bfd == NULL)
		return;
	bfd_get_totals(c->house->bfd, &totals);
	if (!totals.running)
		return;
	bfd_each(c->house->bfd, bfd_collect_session, c);
	bfd_add_dropped(c, "malformed", totals.malformed);
	bfd_add_dropped(c, "unknown", totals.unknown);
	bfd_add_dropped(c, "far", totals.far);
	text_clear(&c->labels);
	add(c, &real_time, totals.real_time);
	add(c, &late, (double)totals.late);
	add(c, &latest, (double)totals.latest_us / 1e6);
}

/* Routes and services -------------------------------------------------------------- */

static void
rib_collect(struct collector *c)
{
	static const struct exposition_family prefixes =
	    GAUGE("bgpd_rib_prefixes", "Prefixes with at least one path");
	static const struct exposition_family paths =
	    GAUGE("bgpd_rib_paths", "Paths of all neighbors and of our own");
	static const struct exposition_family changes =
	    COUNTER("bgpd_rib_changes_total", "Changes of a best path");
	static const struct exposition_family attrs = GAUGE(
	    "bgpd_rib_attribute_sets", "Sets of attributes, each kept once");
	static const struct exposition_family memory =
	    GAUGE("bgpd_rib_memory_bytes", "Memory that all routes take");
	struct rib_stats stats;
	unsigned i;

	rib_stats(c->house->rib, &stats);
	text_clear(&c->labels);
	add(c, &attrs, stats.attrs);
	add(c, &memory, (double)stats.memory);
	for (i = 0; i < FAMILY_COUNT; i++) {
		text_clear(&c->labels);
		exposition_label(&c->labels, "family", family_info[i].line);
		add(c, &prefixes, stats.prefixes[i]);
		add(c, &paths, stats.paths[i]);
		add(c, &changes, (double)stats.version[i]);
	}
}

static void
services_add(
    struct collector *c, const char *source, const char *state, uint32_t count)
{
	static const struct exposition_family services = GAUGE("bgpd_services",
	    "Services that a source offers, by state: announced from this "
	    "node, elsewhere (it has an address, and is not announced here), "
	    "waiting for an address");

	text_clear(&c->labels);
	exposition_label(&c->labels, "source", source);
	exposition_label(&c->labels, "state", state);
	add(c, &services, count);
}

static void
services_collect(
    void *arg, const char *owner, const struct announce_counts *counts)
{
	struct collector *c = arg;

	services_add(c, owner, "announced", counts->announced);
	services_add(c, owner, "elsewhere", counts->elsewhere);
	services_add(c, owner, "waiting", counts->waiting);
}

/* The loop and the process ----------------------------------------------------------- */

static void
loop_collect(struct collector *c)
{
	static const struct exposition_family turns =
	    COUNTER("bgpd_loop_turns_total", "Turns of the event loop");
	static const struct exposition_family longest =
	    GAUGE("bgpd_loop_longest_turn_seconds",
		"The longest that a single call has held the loop");
	static const struct exposition_family slow =
	    COUNTER("bgpd_loop_slow_turns_total",
		"Calls that held the loop for more than 10 ms");
	struct loop_stats stats;

	loop_get_stats(c->house->loop, &stats);
	text_clear(&c->labels);
	add(c, &turns, (double)stats.turns);
	add(c, &longest, (double)stats.longest_us / 1e6);
	add(c, &slow, (double)stats.slow);
}

/* The names that every client library of Prometheus uses. */
static void
process_collect(struct collector *c)
{
	static const struct exposition_family resident =
	    GAUGE("process_resident_memory_bytes", "Resident memory in bytes");
	static const struct exposition_family virtual = GAUGE(
	    "process_virtual_memory_bytes", "Virtual memory in bytes");
	static const struct exposition_family cpu =
	    COUNTER("process_cpu_seconds_total",
		"User and system processor time in seconds");
	static const struct exposition_family start =
	    GAUGE("process_start_time_seconds",
		"Start of the process in seconds since 1970");
	static const struct exposition_family open =
	    GAUGE("process_open_fds", "Open descriptors");
	static const struct exposition_family max =
	    GAUGE("process_max_fds", "The most descriptors that may be open");
	struct usage usage;

	usage_get(&usage);
	text_clear(&c->labels);
	add(c, &resident, (double)usage.resident_bytes);
	add(c, &virtual, (double)usage.virtual_bytes);
	add(c, &cpu, usage.cpu_secs);
	add(c, &start, usage.started_epoch);
	add(c, &open, usage.open_fds);
	add(c, &max, (double)usage.max_fds);
}

static void
info_collect(struct collector *c)
{
	static const struct exposition_family info =
	    GAUGE("bgpd_info", "1, with the version of the daemon");

	text_clear(&c->labels);
	exposition_label(&c->labels, "version", PACKAGE_VERSION);
	add(c, &info, 1);
}

void
metrics_collect(const struct web_house *house, struct exposition *e)
{
	struct collector c = { .house = house, .e = e };

	c.now_ms = loop_now_ms(house->loop);
	info_collect(&c);
	peers_each(house->peers, neighbor_collect, &c);
	bfd_collect(&c);
	rib_collect(&c);
	announce_count(house->announce, services_collect, &c);
	loop_collect(&c);
	process_collect(&c);
	text_free(&c.labels);
	house->add_metrics(e);
}
