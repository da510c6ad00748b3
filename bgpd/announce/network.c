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

/* Blobs of the last set are copied, so that the next one can be compared. */
static const struct blob *
blob_keep(const struct blob *blob)
{
	return blob != NULL ? mem_copy(blob, sizeof(*blob) + blob->len) : NULL;
}

static void
network_keep(struct announce_network *to, const struct announce_network *from)
{
	*to = *from;
	to->attr.as_path = blob_keep(from->attr.as_path);
	to->attr.communities = blob_keep(from->attr.communities);
	to->attr.large_communities = blob_keep(from->attr.large_communities);
	to->attr.ext_communities = blob_keep(from->attr.ext_communities);
	to->attr.cluster_list = NULL;
	to->attr.unknown = NULL;
}

static void
networks_free(struct announce_network *networks, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		mem_free((void *)networks[i].attr.as_path);
		mem_free((void *)networks[i].attr.communities);
		mem_free((void *)networks[i].attr.large_communities);
		mem_free((void *)networks[i].attr.ext_communities);
	}
	mem_free(networks);
}

static void
network_tell(struct announce *announce, const struct announce_network *network)
{
	rib_update(network_source(announce), 0, &network->prefix,
	    &network->attr, &network->attr, clock_now_us() / 1000000);
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
			if (!attr_equal(&old[i].attr, &new[j].attr))
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
	    count > 0 ? mem_array(count, sizeof(*new)) : NULL;
	unsigned i;

	for (i = 0; i < count; i++)
		network_keep(&new[i], &networks[i]);
	if (count > 0)
		qsort(new, count, sizeof(*new), network_compare);
	networks_change(announce, announce->network_lines,
	    announce->network_count, new, count);
	networks_free(announce->network_lines, announce->network_count);
	announce->network_lines = new;
	announce->network_count = count;
}
