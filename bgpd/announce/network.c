/* SPDX-License-Identifier: ISC */
/* The source "bgpd.conf": network lines become routes of our own. */

/*
 * The whole set comes at every change of the configuration; it is compared with
 * the last one, and only what differs touches the RIB.
 */

#include <stdlib.h>
#include <string.h>

#include "announce/table.h"
#include "net/net.h"
#include "util/arena.h"
#include "util/mem.h"

const struct cli_node_type network_type = {
	.name = "network",
	.form = CLI_ENTRY,
	.size = sizeof(struct network),
	.key_fields = 1,
};

const struct cli_row announce_family_rows[] = {
	NODE("network PREFIX [route-map NAME]",
	    CLI_FIELDS(
		CLI_FIELD("PREFIX", cli_prefix, network, prefix, NULL, 0, 0),
		CLI_FIELD("NAME", cli_word, network, route_map, NULL, 1, 63)),
	    network_type, 0, "A prefix of our own, announced as it stands"),
	ROWS_END,
};

static int
network_compare(const void *a, const void *b)
{
	const struct announce_network *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static struct rib_source *
network_source(struct announce *announce)
{
	struct rib_source_info info = { .kind = RIB_LOCAL, .name = "network" };

	if (announce->networks == NULL)
		announce->networks = rib_source_new(announce->rib, &info);
	return announce->networks;
}

static void
networks_free(struct announce *announce, struct announce_network *networks,
    unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		rib_attr_unref(announce->rib, networks[i].attr);
	mem_free(networks);
}

/* Prefixes on their way into the RIB, which takes those of one set at once. */
struct told {
	struct rib_source *source;
	struct rib_attr *attr;
	struct prefix prefixes[RIB_MANY];
	unsigned count;
	int64_t now_secs;
};

static void
told_flush(struct told *told)
{
	if (told->count > 0)
		rib_update_many(told->source, told->prefixes, told->count,
		    told->attr, told->attr, told->now_secs);
	told->count = 0;
}

static void
network_tell(struct told *told, const struct announce_network *network)
{
	if (told->count == RIB_MANY || told->attr != network->attr ||
	    (told->count > 0 &&
		told->prefixes[0].family != network->prefix.family))
		told_flush(told);
	told->attr = network->attr;
	told->prefixes[told->count++] = network->prefix;
}

/* Walks two sorted sets side by side. */
static void
networks_change(struct announce *announce, const struct announce_network *old,
    unsigned old_count, const struct announce_network *new, unsigned new_count)
{
	struct told told = { .source = network_source(announce),
		.now_secs = clock_now_us() / 1000000 };
	unsigned i = 0, j = 0;
	int order;

	while (i < old_count || j < new_count) {
		if (i == old_count)
			order = 1;
		else if (j == new_count)
			order = -1;
		else
			order = network_compare(&old[i], &new[j]);
		if (order < 0)
			rib_withdraw(told.source, 0, &old[i++].prefix);
		else if (order > 0)
			network_tell(&told, &new[j++]);
		else {
			if (old[i].attr != new[j].attr)
				network_tell(&told, &new[j]);
			i++;
			j++;
		}
	}
	told_flush(&told);
}

/* A tree tells them in their order already, unless IPv6 comes before IPv4. */
static void
networks_sort(struct announce_network *networks, unsigned count)
{
	unsigned i = 1;

	while (i < count && network_compare(&networks[i - 1], &networks[i]) < 0)
		i++;
	if (i < count)
		qsort(networks, count, sizeof(*networks), network_compare);
}

void
announce_set_networks(struct announce *announce,
    struct announce_network *networks, unsigned count)
{
	if (count == 0 && announce->network_count == 0) {
		mem_free(networks);
		return;
	}
	networks_sort(networks, count);
	networks_change(announce, announce->network_lines,
	    announce->network_count, networks, count);
	networks_free(
	    announce, announce->network_lines, announce->network_count);
	announce->network_lines = networks;
	announce->network_count = count;
}
