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

static void
network_tell(struct announce *announce, const struct announce_network *network)
{
	rib_update_many(network_source(announce), &network->prefix, 1,
	    network->attr, network->attr, clock_now_us() / 1000000);
}

/* Walks two sorted sets side by side. */
static void
networks_change(struct announce *announce, const struct announce_network *old,
    unsigned old_count, const struct announce_network *new, unsigned new_count)
{
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
			rib_withdraw(
			    network_source(announce), 0, &old[i++].prefix);
		else if (order > 0)
			network_tell(announce, &new[j++]);
		else {
			if (old[i].attr != new[j].attr)
				network_tell(announce, &new[j]);
			i++;
			j++;
		}
	}
}

void
announce_set_networks(struct announce *announce,
    const struct announce_network *networks, unsigned count)
{
	struct announce_network *new =
	    count > 0 ? mem_copy(networks, count * sizeof(*new)) : NULL;
	unsigned i;

	for (i = 0; i < count; i++)
		rib_attr_ref(new[i].attr);
	if (count > 0)
		qsort(new, count, sizeof(*new), network_compare);
	networks_change(announce, announce->network_lines,
	    announce->network_count, new, count);
	networks_free(
	    announce, announce->network_lines, announce->network_count);
	announce->network_lines = new;
	announce->network_count = count;
}
