/* SPDX-License-Identifier: ISC */
/* Rows of prefix lists, community lists and route maps, in FRR's words. */
#include <string.h>

#include "policy/inside.h"

/* a community as a value ------------------------------------------------------------- */

static int
community_value_read(const struct cli_field *field, struct arena *arena,
    const char *word, void *dst, struct text *why)
{
	const uint32_t internet = COMMUNITY_INTERNET;

	(void)field;
	(void)arena;
	if (strcmp(word, "internet") == 0) {
		memcpy(dst, &internet, sizeof(internet));
		return 0;
	}
	if (community_read(word, dst) == 0)
		return 0;
	text_add(why, "\"%s\" is not a community such as 64512:1 or no-export",
	    word);
	return -1;
}

static void
community_value_print(
    const struct cli_field *field, const void *src, struct text *out)
{
	uint32_t community = *(const uint32_t *)src;
	char one[32];

	(void)field;
	text_add(out, "%s",
	    community == COMMUNITY_INTERNET
		? "internet"
		: community_print(community, one, sizeof(one)));
}

static const struct cli_value community_value = {
	.hint = "AA:NN",
	.size = sizeof(uint32_t),
	.read = community_value_read,
	.print = community_value_print,
};

/* checks ------------------------------------------------------------------------------ */

static void
list_check(
    const struct cli_node *node, struct cli_fault_list *faults, uint8_t af)
{
	const struct list_line *line = (const struct list_line *)node;
	const struct prefix *prefix = &line->prefix;
	unsigned le = line->le > 0 ? line->le : addr_bits(af);
	unsigned ge = line->ge > 0 ? line->ge : prefix->len;
	char text[PREFIX_TEXT];

	if (line->any && (line->ge > 0 || line->le > 0)) {
		cli_fault(faults, cli_file(node), node->line,
		    "any covers every length: it takes neither ge nor le");
		return;
	}
	if (line->any)
		return;
	prefix_print(prefix, text);
	if (prefix->family != af)
		cli_fault(faults, cli_file(node), node->line,
		    "%s is not an %s prefix", text,
		    af == AF_INET ? "IPv4" : "IPv6");
	else if (ge < prefix->len || le < ge || le > addr_bits(af))
		cli_fault(faults, cli_file(node), node->line,
		    "Invalid prefix range for %s, make sure: mask length <= "
		    "ge-value <= le-value",
		    text);
}

static void
ip_list_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	list_check(node, faults, AF_INET);
}

static void
ipv6_list_check(const struct cli_node *node, struct cli_fault_list *faults)
{
	list_check(node, faults, AF_INET6);
}

/* types ------------------------------------------------------------------------------- */

#define ENTRY_TYPE(type_name, struct_name, words, keys, check_it)              \
	const struct cli_node_type type_name = {                               \
		.name = words,                                                 \
		.form = CLI_ENTRY,                                             \
		.size = sizeof(struct struct_name),                            \
		.key_fields = keys,                                            \
		.check = check_it,                                             \
	}

ENTRY_TYPE(ip_list_type, list_line, "ip prefix-list", 2, ip_list_check);
ENTRY_TYPE(ipv6_list_type, list_line, "ipv6 prefix-list", 2, ipv6_list_check);
ENTRY_TYPE(ip_about_type, list_about, "prefix-list description", 1, NULL);
ENTRY_TYPE(ipv6_about_type, list_about, "prefix-list description", 1, NULL);
ENTRY_TYPE(community_name_type, community_line, "community-list", 2, NULL);
ENTRY_TYPE(community_number_type, community_line, "community-list", 2, NULL);

const struct cli_node_type map_type = {
	.name = "route-map",
	.form = CLI_MODE,
	.size = sizeof(struct map_line),
	.prompt = "config-route-map",
	.key_fields = 2,
};

/* rows -------------------------------------------------------------------------------- */

#define NAME_MAX_LEN 128

#define LIST_ROW(words, type, flags)                                           \
	NODE(words " NAME [seq N] (permit|deny) (any|PREFIX) {ge GE|le LE}",   \
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, list_line, name, NULL, 1,   \
			   NAME_MAX_LEN),                                      \
		CLI_FIELD("N", cli_u32, list_line, seq, NULL, 1, UINT32_MAX),  \
		CLI_FIELD(                                                     \
		    "permit|deny", cli_choice, list_line, deny, NULL, 0, 0),   \
		CLI_FIELD("any", cli_flag, list_line, any, NULL, 0, 0),        \
		CLI_FIELD(                                                     \
		    "PREFIX", cli_prefix, list_line, prefix, NULL, 0, 0),      \
		CLI_FIELD("GE", cli_u8, list_line, ge, NULL, 0, 128),          \
		CLI_FIELD("LE", cli_u8, list_line, le, NULL, 0, 128)),         \
	    type, CLI_NUMBERED | (flags), "Prefixes by their bits and length")

#define ABOUT_ROW(words, type, flags)                                          \
	NODE(words " NAME description TEXT",                                   \
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, list_about, name, NULL, 1,  \
			   NAME_MAX_LEN),                                      \
		CLI_FIELD("TEXT", cli_text, list_about, text, NULL, 0, 0)),    \
	    type, flags, "What the list is for")

#define COMMUNITY_FIELDS(key)                                                  \
	CLI_FIELDS(key,                                                        \
	    CLI_FIELD("N", cli_u32, community_line, seq, NULL, 1, UINT32_MAX), \
	    CLI_FIELD(                                                         \
		"permit|deny", cli_choice, community_line, deny, NULL, 0, 0),  \
	    CLI_LIST_OF("COMMUNITY...", community_value, community_line,       \
		communities, 0, 0))

#define COMMUNITY_ROWS(words, flags)                                           \
	NODE(words " community-list standard NAME [seq N] (permit|deny) "      \
		   "COMMUNITY...",                                             \
	    COMMUNITY_FIELDS(CLI_FIELD("NAME", cli_word, community_line, name, \
		NULL, 1, NAME_MAX_LEN)),                                       \
	    community_name_type, CLI_NUMBERED | (flags),                       \
	    "Routes that carry all of the communities of an entry"),           \
	    NODE(words " community-list ID [seq N] (permit|deny) "             \
		       "COMMUNITY...",                                         \
		COMMUNITY_FIELDS(CLI_FIELD(                                    \
		    "ID", cli_u8, community_line, number, NULL, 1, 99)),       \
		community_number_type, CLI_NUMBERED | (flags),                 \
		"Routes that carry all of the communities of an entry")

static const struct cli_row root_rows[] = {
	LIST_ROW("ip prefix-list", ip_list_type, 0),
	ABOUT_ROW("ip prefix-list", ip_about_type, 0),
	LIST_ROW("ipv6 prefix-list", ipv6_list_type, 0),
	ABOUT_ROW("ipv6 prefix-list", ipv6_about_type, 0),
	LIST_ROW("prefix-list", ip_list_type, CLI_HIDDEN),
	COMMUNITY_ROWS("bgp", 0),
	COMMUNITY_ROWS("ip", CLI_HIDDEN),
	NODE("route-map NAME (permit|deny) N",
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, map_line, name, NULL, 1,
			   NAME_MAX_LEN),
		CLI_FIELD("N", cli_u32, map_line, seq, NULL, 1, 65535),
		CLI_FIELD(
		    "permit|deny", cli_choice, map_line, deny, NULL, 0, 0)),
	    map_type, 0, "Entries that match routes and change them, in order"),
	HELP("ip", "IPv4"),
	HELP("ipv6", "IPv6"),
	HELP("bgp", "BGP"),
	ROWS_END,
};

static const struct cli_row map_rows[] = {
	LEAF("description TEXT", cli_text, map_line, description, NULL, 0, 0,
	    CLI_NO_EFFECT, "What the entry is for"),
	LEAF("match ip address prefix-list NAME", cli_word, map_line,
	    values.ipv4_list, NULL, 1, NAME_MAX_LEN, CLI_LIVE,
	    "IPv4 prefixes that the list permits"),
	LEAF("match ipv6 address prefix-list NAME", cli_word, map_line,
	    values.ipv6_list, NULL, 1, NAME_MAX_LEN, CLI_LIVE,
	    "IPv6 prefixes that the list permits"),
	LINE("match community NAME [exact-match]",
	    CLI_FIELDS(CLI_FIELD("NAME", cli_word, map_line,
			   values.community_list, NULL, 1, NAME_MAX_LEN),
		CLI_FIELD("exact-match", cli_flag, map_line,
		    values.community_exact, NULL, 0, 0)),
	    CLI_LIVE, "Communities that the list permits"),
	LINE("set local-preference N",
	    CLI_FIELDS(CLI_FIELD("local-preference", cli_flag, map_line,
			   values.has_local_pref, NULL, 0, 0),
		CLI_FIELD("N", cli_u32, map_line, values.local_pref, NULL, 0,
		    UINT32_MAX)),
	    CLI_LIVE, "The higher, the better"),
	LINE("set metric N",
	    CLI_FIELDS(CLI_FIELD("metric", cli_flag, map_line,
			   values.has_metric, NULL, 0, 0),
		CLI_FIELD("N", cli_u32, map_line, values.metric, NULL, 0,
		    UINT32_MAX)),
	    CLI_LIVE, "MED: the lower, the better"),
	LINE("set community (none|COMMUNITY...) [additive]",
	    CLI_FIELDS(CLI_LIST_OF("COMMUNITY...", community_value, map_line,
			   values.communities, 0, 0),
		CLI_FIELD("none", cli_flag, map_line, values.no_communities,
		    NULL, 0, 0),
		CLI_FIELD("additive", cli_flag, map_line,
		    values.add_communities, NULL, 0, 0)),
	    CLI_LIVE, "Communities in place of, or beside, those it has"),
	LINE("set as-path prepend ASN...",
	    CLI_FIELDS(
		CLI_LIST_OF("ASN...", cli_asn, map_line, values.prepend, 0, 0)),
	    CLI_LIVE, "AS numbers before the path"),
	LEAF("set as-path prepend last-as N", cli_u8, map_line,
	    values.prepend_last, NULL, 1, 10, CLI_LIVE,
	    "Its first AS number, so many times more"),
	HELP("match", "What a route must be like"),
	HELP("set", "What a route becomes"),
	HELP("set as-path", "The AS path"),
	ROWS_END,
};

const struct cli_mount policy_mounts[] = {
	{ &cli_root, root_rows, NULL },
	{ &map_type, map_rows, NULL },
	{ NULL, policy_show_rows, NULL },
};
const unsigned policy_mount_count =
    sizeof(policy_mounts) / sizeof(policy_mounts[0]);
