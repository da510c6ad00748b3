/* SPDX-License-Identifier: ISC */
/* Rows of the RIB: aggregate-address, in an address family. */
#include "cli/cli.h"
#include "rib/rib.h"

/* In FRR's words: there is nothing more specific than a host. */
static void
aggregate_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	const struct aggregate *aggregate = (const struct aggregate *)node;
	char text[PREFIX_TEXT];

	if (aggregate->prefix.len < addr_bits(aggregate->prefix.family))
		return;
	cli_fault(faults, cli_file(node), node->line,
	    "Specify a different prefix: %s is a host's, nothing is more "
	    "specific",
	    prefix_print(&aggregate->prefix, text));
}

const struct cli_node_type aggregate_type = {
	.name = "aggregate-address",
	.form = CLI_ENTRY,
	.size = sizeof(struct aggregate),
	.key_fields = 1,
	.check = aggregate_check,
};

const struct cli_row rib_family_rows[] = {
	NODE("aggregate-address PREFIX {as-set|summary-only}",
	    CLI_FIELDS(
		CLI_FIELD("PREFIX", cli_prefix, aggregate, prefix, NULL, 0, 0),
		CLI_FIELD("as-set", cli_flag, aggregate, as_set, "off", 0, 0),
		CLI_FIELD("summary-only", cli_flag, aggregate, summary_only,
		    "off", 0, 0)),
	    aggregate_type, 0,
	    "Tell one route in place of the more specific ones"),
	ROWS_END,
};
