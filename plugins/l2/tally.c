/* SPDX-License-Identifier: ISC */
/* Metrics of layer 2: MetalLB's by name, and how fast addresses moved. */

#include <stdio.h>
#include <string.h>

#include "l2.h"

static const int64_t bounds_ms[TALLY_BUCKETS] = { 10, 25, 50, 100, 150, 200,
	250, 500, 1000, 5000 };

void
tally_add(struct histogram *h, int64_t us)
{
	unsigned i = 0;

	while (i < TALLY_BUCKETS && us > bounds_ms[i] * 1000)
		i++;
	h->buckets[i]++;
	h->count++;
	h->seconds += (double)us / 1e6;
}

static void
tell(struct l2 *l2, int kind, const char *name, const char *help,
    const char *key, const char *text, double value)
{
	const char *const labels[] = { key, text, NULL };

	l2->host->sample(l2->self, kind, name, help, labels, value);
}

struct series {
	const char *bucket, *sum, *count, *help;
};

static const struct series takeover_series = {
	"bgpd_l2_takeover_seconds_bucket",
	"bgpd_l2_takeover_seconds_sum",
	"bgpd_l2_takeover_seconds_count",
	"From a dead node's last packet to the first announcement here.",
};
static const struct series confirm_series = {
	"bgpd_l2_confirmation_seconds_bucket",
	"bgpd_l2_confirmation_seconds_sum",
	"bgpd_l2_confirmation_seconds_count",
	"From taking an address until a neighbor was seen to have learned it.",
};

static void
histogram_tell(
    struct l2 *l2, const struct histogram *h, const struct series *series)
{
	uint64_t below = 0;
	char bound[24];
	unsigned i;

	for (i = 0; i <= TALLY_BUCKETS; i++) {
		below += h->buckets[i];
		if (i < TALLY_BUCKETS)
			snprintf(bound, sizeof(bound), "%g",
			    (double)bounds_ms[i] / 1000);
		tell(l2, BGPD_COUNTER, series->bucket, series->help, "le",
		    i < TALLY_BUCKETS ? bound : "+Inf", (double)below);
	}
	tell(l2, BGPD_COUNTER, series->sum, series->help, NULL, NULL,
	    h->seconds);
	tell(l2, BGPD_COUNTER, series->count, series->help, NULL, NULL,
	    (double)h->count);
}

static void
on_address(void *arg, const struct carrier_address_view *view)
{
	struct l2 *l2 = arg;
	char text[KIT_ADDR_TEXT];

	kit_addr_print(&view->address, text);
	if (view->questions + view->answers + view->announced == 0)
		return;
	tell(l2, BGPD_COUNTER, "metallb_layer2_requests_received",
	    "Questions for an address, by ARP or ND.", "ip", text,
	    (double)view->questions);
	tell(l2, BGPD_COUNTER, "metallb_layer2_responses_sent",
	    "Answers to them.", "ip", text, (double)view->answers);
	tell(l2, BGPD_COUNTER, "metallb_layer2_gratuitous_sent",
	    "Announcements, unasked.", "ip", text, (double)view->announced);
}

/* How many addresses are in each state, by the words of `show l2`. */
static void
states_tell(struct l2 *l2)
{
	static const char *const words[] = { "confirmed", "owner", "fenced",
		"backup", "waiting", "probing", "conflict", "quarantined",
		"yielded" };
	unsigned counts[sizeof(words) / sizeof(words[0])] = { 0 };
	struct duty *d;
	unsigned i;

	RB_FOREACH (d, duties, &l2->duties)
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			counts[i] += strcmp(words[i], duty_state(l2, d)) == 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		tell(l2, BGPD_GAUGE, "bgpd_l2_addresses",
		    "Addresses of layer 2, by what this node does.", "state",
		    words[i], counts[i]);
}

static void
mesh_tell(struct l2 *l2)
{
	struct mesh_counts counts;

	mesh_get_counts(l2, &counts);
	tell(l2, BGPD_COUNTER, "bgpd_l2_messages_received_total",
	    "Messages of other nodes.", NULL, NULL, (double)counts.in);
	tell(l2, BGPD_COUNTER, "bgpd_l2_messages_refused_total",
	    "... that were not believed.", NULL, NULL, (double)counts.refused);
	tell(l2, BGPD_COUNTER, "bgpd_l2_messages_sent_total",
	    "Messages to other nodes.", NULL, NULL, (double)counts.out);
}

void
tally_tell(void *arg)
{
	struct l2 *l2 = arg;

	carrier_each_address(l2->carrier, on_address, l2);
	states_tell(l2);
	mesh_tell(l2);
	tell(l2, BGPD_COUNTER, "bgpd_l2_taken_total",
	    "Addresses that this node began to answer for.", NULL, NULL,
	    (double)l2->tally.taken);
	tell(l2, BGPD_COUNTER, "bgpd_l2_yielded_total",
	    "Addresses that it stopped answering for.", NULL, NULL,
	    (double)l2->tally.yielded);
	tell(l2, BGPD_COUNTER, "bgpd_l2_conflicts_total",
	    "Times that a stranger was found to have an address.", NULL, NULL,
	    (double)l2->tally.conflicts);
	histogram_tell(l2, &l2->tally.takeovers, &takeover_series);
	histogram_tell(l2, &l2->tally.confirms, &confirm_series);
}
