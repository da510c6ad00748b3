/* SPDX-License-Identifier: ISC */
/* The lines of `plugin l2`: rows, their checks, and what they come to. */

#include <arpa/inet.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l2.h"

enum {
	ROW_INTERFACE,
	ROW_EXCLUDE,
	ROW_NODE,
	ROW_SELF,
	ROW_ELECTION,
	ROW_PARTITION,
	ROW_BFD,
	ROW_SETTLING,
	ROW_PROBE,
	ROW_CONFLICT,
	ROW_QUARANTINE,
	ROW_PACE,
	ROW_NA_SOURCE,
	ROW_PORT,
	ROW_KEY
};

#define INTERVAL_MIN_MS 10
#define INTERVAL_MAX_MS 60000
#define PORT		7946 /* MetalLB's: firewalls know it */

#define LINE(number, many, secret, syntax, help)                               \
	{                                                                      \
		BGPD_INIT(struct bgpd_row), BGPD_ROW_LINE, number, syntax,     \
		    help, many, secret                                         \
	}
#define RUN(number, syntax, help)                                              \
	{                                                                      \
		BGPD_INIT(struct bgpd_row), BGPD_ROW_RUN, number, syntax,      \
		    help, 0, 0                                                 \
	}

const struct bgpd_row knobs_rows[KNOBS_ROWS] = {
	LINE(ROW_INTERFACE, 1, 0, "interface REGEX",
	    "Addresses are answered on such interfaces alone (default: all)"),
	LINE(ROW_EXCLUDE, 1, 0, "exclude-interface REGEX",
	    "Never on such ones (default: MetalLB's list)"),
	LINE(ROW_NODE, 1, 0, "node NAME ADDR",
	    "A node that may carry addresses, where no source says it"),
	LINE(ROW_SELF, 0, 0, "self NAME",
	    "This node's name (default: the source's; the one with our address)"),
	LINE(ROW_ELECTION, 0, 0, "election (hash|balanced) [strict]",
	    "Who carries an address first (default: hash)"),
	LINE(ROW_PARTITION, 0, 0, "partition (available|consistent)",
	    "A segment in parts: an owner in each, or never two (default: "
	    "available)"),
	LINE(ROW_BFD, 0, 0, "bfd MSECS multiplier N",
	    "How fast a node's death is seen (default: 50 multiplier 3)"),
	LINE(ROW_SETTLING, 0, 0, "settling SECS",
	    "So long a healed node takes nothing back (default: 300)"),
	LINE(ROW_PROBE, 0, 0, "probe (fast|rfc5227)",
	    "Timing of the question whether an address is free (default: fast)"),
	LINE(ROW_CONFLICT, 0, 0, "conflict (defend|yield|quarantine)",
	    "When a stranger has an address of ours (default: defend)"),
	LINE(ROW_QUARANTINE, 0, 0, "quarantine SECS",
	    "How often what a stranger has is probed again (default: 60)"),
	LINE(ROW_PACE, 0, 0, "pace N",
	    "Frames that announce, a second and interface (default: 1000)"),
	LINE(ROW_NA_SOURCE, 0, 0, "na-source (address|link-local)",
	    "Whom neighbor advertisements are from (default: address)"),
	LINE(
	    ROW_PORT, 0, 0, "port N", "UDP port between nodes (default: 7946)"),
	LINE(ROW_KEY, 0, 1, "key TEXT",
	    "Secret between nodes (default: the source's)"),
	RUN(ROW_SHOW, "show l2", "Every address: whose, since when, confirmed"),
	RUN(ROW_SHOW_INTERFACES, "show l2 interfaces",
	    "Interfaces that carry addresses, and why others do not"),
	RUN(ROW_SHOW_NODES, "show l2 nodes",
	    "The other nodes: alive or not, what they own"),
	RUN(ROW_EXPLAIN, "show l2 explain ADDR",
	    "Who owns it, since when, and why others do not"),
	RUN(ROW_HANDOVER_SERVICE, "handover service NAME [NODE]",
	    "A service's addresses move to another node"),
	RUN(ROW_HANDOVER_ADDRESS, "handover address ADDR [NODE]",
	    "An address moves to another node"),
	RUN(ROW_HANDOVER_NODE, "handover node [NODE]",
	    "All addresses of this node move away"),
	RUN(ROW_SETTLE, "l2 settle", "Ends the settling time at once"),
};

static const struct bgpd_line *
line_at(const struct bgpd_line *lines, uint32_t i, uint32_t size)
{
	return (const void *)((const char *)lines + (size_t)i * size);
}

/* The i-th value; NULL: it was not said. */
static const char *
value(const struct bgpd_line *line, uint32_t i)
{
	return i < line->value_count ? line->values[i] : NULL;
}

static bool
value_is(const struct bgpd_line *line, uint32_t i, const char *word)
{
	return kit_equal(value(line, i), word);
}

static uint32_t
number(const struct bgpd_line *line, uint32_t i)
{
	const char *word = value(line, i);

	return word == NULL ? 0 : (uint32_t)strtoul(word, NULL, 10);
}

static bool
addr_read(const char *word, struct bgpd_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = 4;
	if (inet_pton(AF_INET, word, addr->bytes) == 1)
		return true;
	addr->family = 6;
	return inet_pton(AF_INET6, word, addr->bytes) == 1;
}

/* Neither nobody's, nor many's, nor everybody's own. */
static bool
addr_is_of_one(const struct bgpd_addr *addr)
{
	static const uint8_t none[15];
	const uint8_t *b = addr->bytes;

	if (addr->family == 4)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	return b[0] != 0xff && (memcmp(b, none, 15) != 0 || b[15] > 1);
}

/* Checks: NULL, or what is wrong -------------------------------------------------- */

static const char *
check_regex(const struct bgpd_line *line)
{
	regex_t regex;

	if (regcomp(&regex, value(line, 0), REG_EXTENDED | REG_NOSUB) != 0)
		return "this is no extended regular expression, as of egrep(1)";
	regfree(&regex);
	return NULL;
}

static const char *
check_node(const struct bgpd_line *line)
{
	struct bgpd_addr addr;

	if (strlen(value(line, 0)) > 253)
		return "a node's name has at most 253 characters";
	if (!addr_read(value(line, 1), &addr))
		return "a node's address is wanted";
	if (addr.family == 6 && addr.bytes[0] == 0xfe &&
	    (addr.bytes[1] & 0xc0) == 0x80)
		return "a link-local address does not say on which link: a "
		       "node needs another one";
	if (!addr_is_of_one(&addr))
		return "that is no address of a node";
	return NULL;
}

static const char *
check_election(const struct bgpd_line *line)
{
	if (value_is(line, 0, "balanced") && value(line, 1) != NULL)
		return "strict is a word of the election by hash";
	return NULL;
}

static const char *
check_bfd(const struct bgpd_line *line)
{
	if (number(line, 0) < INTERVAL_MIN_MS ||
	    number(line, 0) > INTERVAL_MAX_MS)
		return "an interval has 10 to 60000 ms";
	if (number(line, 1) < 2 || number(line, 1) > 50)
		return "a multiplier is one of 2 to 50";
	return NULL;
}

static const char *
check_settling(const struct bgpd_line *line)
{
	return number(line, 0) <= 86400 ? NULL : "at most a day, 86400 s";
}

static const char *
check_quarantine(const struct bgpd_line *line)
{
	return number(line, 0) >= 1 && number(line, 0) <= 86400
		   ? NULL
		   : "a quarantine has 1 to 86400 s between probes";
}

static const char *
check_pace(const struct bgpd_line *line)
{
	return number(line, 0) >= 10 && number(line, 0) <= 100000
		   ? NULL
		   : "a pace is one of 10 to 100000 frames a second";
}

static const char *
check_port(const struct bgpd_line *line)
{
	return number(line, 0) >= 1 && number(line, 0) <= 65535
		   ? NULL
		   : "a port is one of 1 to 65535";
}

static const char *(*const checks[])(const struct bgpd_line *) = {
	[ROW_INTERFACE] = check_regex,
	[ROW_EXCLUDE] = check_regex,
	[ROW_NODE] = check_node,
	[ROW_ELECTION] = check_election,
	[ROW_BFD] = check_bfd,
	[ROW_SETTLING] = check_settling,
	[ROW_QUARANTINE] = check_quarantine,
	[ROW_PACE] = check_pace,
	[ROW_PORT] = check_port,
	[ROW_KEY] = NULL,
};

/* Two in its lines, so that neither alone is wrong. */
static const char *
check_together(
    const struct bgpd_line *lines, uint32_t count, uint32_t size, uint32_t *bad)
{
	uint32_t i, nodes = 0, partition = count;

	for (i = 0; i < count; i++) {
		nodes += line_at(lines, i, size)->id == ROW_NODE;
		if (line_at(lines, i, size)->id == ROW_PARTITION)
			partition = i;
	}
	if (partition == count || nodes <= CONSISTENT_MAX ||
	    !value_is(line_at(lines, partition, size), 0, "consistent"))
		return NULL;
	*bad = partition;
	return "partition consistent is for 64 nodes at most";
}

const char *
knobs_check(
    const struct bgpd_line *lines, uint32_t count, uint32_t size, uint32_t *bad)
{
	const struct bgpd_line *line;
	const char *why = NULL;
	uint32_t i;

	for (i = 0; i < count && why == NULL; i++) {
		line = line_at(lines, i, size);
		*bad = i;
		if (line->id <= ROW_KEY && checks[line->id] != NULL)
			why = checks[line->id](line);
	}
	return why != NULL ? why : check_together(lines, count, size, bad);
}

/* What they come to --------------------------------------------------------------- */

static void
list_add(const char *const **list, unsigned *count, const char *word)
{
	const char **grown =
	    kit_grow((void *)*list, (*count + 1) * sizeof(grown[0]));

	grown[(*count)++] = kit_copy(word);
	*list = grown;
}

static void
list_clear(const char *const **list, unsigned *count)
{
	unsigned i;

	for (i = 0; i < *count; i++)
		free((void *)(*list)[i]);
	free((void *)*list);
	*list = NULL;
	*count = 0;
}

static void
read_interface(struct knobs *k, const struct bgpd_line *line)
{
	list_add(&k->carrier.allow, &k->carrier.allow_count, value(line, 0));
}

static void
read_exclude(struct knobs *k, const struct bgpd_line *line)
{
	list_add(
	    &k->carrier.exclude, &k->carrier.exclude_count, value(line, 0));
}

static void
read_node(struct knobs *k, const struct bgpd_line *line)
{
	struct node_line *node;

	k->nodes =
	    kit_grow(k->nodes, (k->node_count + 1) * sizeof(k->nodes[0]));
	node = &k->nodes[k->node_count++];
	node->name = kit_copy(value(line, 0));
	addr_read(value(line, 1), &node->addr);
}

static void
read_self(struct knobs *k, const struct bgpd_line *line)
{
	free(k->self);
	k->self = kit_copy(value(line, 0));
}

static void
read_election(struct knobs *k, const struct bgpd_line *line)
{
	k->owner.election = OWNERS_HASH;
	if (value_is(line, 0, "balanced"))
		k->owner.election = OWNERS_BALANCED;
	else if (value(line, 1) != NULL)
		k->owner.election = OWNERS_STRICT;
}

static void
read_partition(struct knobs *k, const struct bgpd_line *line)
{
	k->owner.partition = value_is(line, 0, "consistent") ? OWNERS_CONSISTENT
							     : OWNERS_AVAILABLE;
}

static void
read_bfd(struct knobs *k, const struct bgpd_line *line)
{
	k->owner.interval_ms = number(line, 0);
	k->owner.multiplier = number(line, 1);
}

static void
read_settling(struct knobs *k, const struct bgpd_line *line)
{
	k->owner.settle_ms = number(line, 0) * 1000;
}

static void
read_probe(struct knobs *k, const struct bgpd_line *line)
{
	k->carrier.slow_probe = value_is(line, 0, "rfc5227");
}

static void
read_conflict(struct knobs *k, const struct bgpd_line *line)
{
	k->carrier.policy = value_is(line, 0, "quarantine") ? CARRIER_QUARANTINE
			    : value_is(line, 0, "yield")    ? CARRIER_YIELD
							    : CARRIER_DEFEND;
}

static void
read_quarantine(struct knobs *k, const struct bgpd_line *line)
{
	k->carrier.quarantine_ms = number(line, 0) * 1000;
}

static void
read_pace(struct knobs *k, const struct bgpd_line *line)
{
	k->carrier.pace_per_sec = number(line, 0);
}

static void
read_na_source(struct knobs *k, const struct bgpd_line *line)
{
	k->carrier.link_local_source = value_is(line, 0, "link-local");
}

static void
read_port(struct knobs *k, const struct bgpd_line *line)
{
	k->port = (uint16_t)number(line, 0);
}

static void
read_key(struct knobs *k, const struct bgpd_line *line)
{
	if (k->key != NULL)
		explicit_bzero(k->key, strlen(k->key));
	free(k->key);
	k->key = kit_copy(value(line, 0));
}

static void (*const readers[])(struct knobs *, const struct bgpd_line *) = {
	[ROW_INTERFACE] = read_interface,
	[ROW_EXCLUDE] = read_exclude,
	[ROW_NODE] = read_node,
	[ROW_SELF] = read_self,
	[ROW_ELECTION] = read_election,
	[ROW_PARTITION] = read_partition,
	[ROW_BFD] = read_bfd,
	[ROW_SETTLING] = read_settling,
	[ROW_PROBE] = read_probe,
	[ROW_CONFLICT] = read_conflict,
	[ROW_QUARANTINE] = read_quarantine,
	[ROW_PACE] = read_pace,
	[ROW_NA_SOURCE] = read_na_source,
	[ROW_PORT] = read_port,
	[ROW_KEY] = read_key,
};

void
knobs_read(struct knobs *knobs, const struct bgpd_line *lines, uint32_t count,
    uint32_t size)
{
	const struct bgpd_line *line;
	uint32_t i;

	memset(knobs, 0, sizeof(*knobs));
	knobs->owner = owners_defaults;
	knobs->port = PORT;
	for (i = 0; i < count; i++) {
		line = line_at(lines, i, size);
		if (line->id <= ROW_KEY)
			readers[line->id](knobs, line);
	}
}

void
knobs_clear(struct knobs *knobs)
{
	unsigned i;

	for (i = 0; i < knobs->node_count; i++)
		free(knobs->nodes[i].name);
	free(knobs->nodes);
	free(knobs->self);
	if (knobs->key != NULL)
		explicit_bzero(knobs->key, strlen(knobs->key));
	free(knobs->key);
	list_clear(&knobs->carrier.allow, &knobs->carrier.allow_count);
	list_clear(&knobs->carrier.exclude, &knobs->carrier.exclude_count);
	memset(knobs, 0, sizeof(*knobs));
}
