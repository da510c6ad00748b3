/* SPDX-License-Identifier: ISC */
/* The backend "layer2": knows what it will carry; ARP and ND come later. */

/*
 * In: addresses by the host's `carry` and `drop`, the nodes by `on_members`.
 * Out: `show l2`, and for each address the word "not-yet", since this build
 * elects no node and answers for no address.
 */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "plugin.h"

#define STATE "not-yet"

struct carried {
	RB_ENTRY(carried) link;
	struct bgpd_addr address;
	uint32_t services, candidates;
	uint8_t phase, here;
	char *group; /* NULL: none */
};
RB_HEAD(carrieds, carried);

struct l2 {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct carrieds carried;
	uint32_t count, members;
	bool has_key;
};

static int
carried_compare(const struct carried *a, const struct carried *b)
{
	if (a->address.family != b->address.family)
		return a->address.family - b->address.family;
	return memcmp(a->address.bytes, b->address.bytes,
	    a->address.family == 4 ? 4 : 16);
}
RB_GENERATE_INTERNAL(
    carrieds, carried, link, carried_compare, __attribute__((unused)) static)

static struct carried *
carried_find(struct l2 *l2, const struct bgpd_addr *address)
{
	struct carried key;

	key.address = *address;
	return RB_FIND(carrieds, &l2->carried, &key);
}

static void
carried_remove(struct l2 *l2, struct carried *c)
{
	RB_REMOVE(carrieds, &l2->carried, c);
	l2->count--;
	free(c->group);
	free(c);
}

static const char *
addr_print(const struct bgpd_addr *a, char *text, size_t size)
{
	return inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, text,
	    (socklen_t)size);
}

/* What the host says ---------------------------------------------------------- */

static void
report(struct l2 *l2, const struct bgpd_addr *address)
{
	struct bgpd_carry carry = { .abi = BGPD_ABI, .size = sizeof(carry) };

	carry.address = *address;
	carry.protocol = "layer2";
	carry.state = STATE;
	l2->host->carried(l2->self, &carry);
}

static void
on_carry(void *arg, const struct bgpd_address *address, const char *group,
    uint32_t services)
{
	struct carried *c = carried_find(arg, &address->address);
	struct l2 *l2 = arg;
	char text[INET6_ADDRSTRLEN];
	bool new = c == NULL;

	if (new) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return;
		c->address = address->address;
		RB_INSERT(carrieds, &l2->carried, c);
		l2->count++;
	}
	free(c->group);
	c->group = group == NULL ? NULL : strdup(group);
	c->services = services;
	c->phase = address->phase;
	c->here = address->here;
	c->candidates = address->candidate_count;
	if (!new)
		return;
	l2->host->log(l2->self, LOG_NOTICE,
	    "%s would be carried for %s: layer 2 is not built yet",
	    addr_print(&c->address, text, sizeof(text)),
	    group == NULL ? "a service" : group);
	report(l2, &c->address);
}

static void
on_drop(void *arg, const struct bgpd_addr *address)
{
	struct carried *c = carried_find(arg, address);

	if (c != NULL)
		carried_remove(arg, c);
}

static void
on_members(void *arg, const struct bgpd_membership *members)
{
	struct l2 *l2 = arg;

	l2->members = members->member_count;
	l2->has_key = members->key_len > 0;
}

/* show l2 ----------------------------------------------------------------------- */

static void
show_text(const struct l2 *l2, struct carried *c, struct bgpd_out *out)
{
	char text[INET6_ADDRSTRLEN];

	l2->host->out_print(out, "%-39s %-8s %8u %10u %s\n",
	    addr_print(&c->address, text, sizeof(text)), STATE, c->services,
	    c->candidates, c->group == NULL ? "-" : c->group);
}

static void
show_json(const struct l2 *l2, struct carried *c, struct bgpd_out *out)
{
	const struct bgpd_host *host = l2->host;
	char text[INET6_ADDRSTRLEN];

	host->out_object(out, addr_print(&c->address, text, sizeof(text)));
	host->out_string(out, "state", STATE);
	host->out_int(out, "services", c->services);
	host->out_int(out, "candidates", c->candidates);
	host->out_bool(out, "here", c->here);
	if (c->group != NULL)
		host->out_string(out, "group", c->group);
	host->out_close(out);
}

static int
l2_run(void *arg, const struct bgpd_line *line, struct bgpd_out *out)
{
	struct l2 *l2 = arg;
	const struct bgpd_host *host = l2->host;
	bool json = host->out_is_json(out);
	struct carried *c;

	(void)line;
	if (json) {
		host->out_bool(out, "built", 0);
		host->out_int(out, "members", l2->members);
		host->out_object(out, "addresses");
	} else {
		host->out_print(out,
		    "Layer 2 announces nothing in this release; it would carry "
		    "%u addresses (%u nodes known)\n",
		    l2->count, l2->members);
		if (l2->count > 0)
			host->out_print(out, "%-39s %-8s %8s %10s %s\n",
			    "Address", "State", "Services", "Candidates",
			    "Group");
	}
	RB_FOREACH (c, carrieds, &l2->carried) {
		if (json)
			show_json(l2, c, out);
		else
			show_text(l2, c, out);
	}
	if (json)
		host->out_close(out);
	return 0;
}

/* The plugin ----------------------------------------------------------------------- */

static const struct bgpd_backend backend = {
	BGPD_INIT(struct bgpd_backend),
	.protocol = "layer2",
	.carry = on_carry,
	.drop = on_drop,
	.on_members = on_members,
};

static int
l2_start(const struct bgpd_host *host, struct bgpd_self *self, void **arg)
{
	struct l2 *l2 = calloc(1, sizeof(*l2));

	if (l2 == NULL)
		return -1;
	l2->host = host;
	l2->self = self;
	RB_INIT(&l2->carried);
	*arg = l2;
	if (host->backend(self, &backend) == 0) {
		host->log(self, LOG_NOTICE,
		    "addresses of protocol layer2 are listed, not announced: "
		    "ARP and ND are not built yet");
		return 0;
	}
	host->log(self, LOG_ERR, "another plugin carries layer2 already");
	free(l2);
	return -1;
}

static void
l2_stop(void *arg)
{
	struct l2 *l2 = arg;
	struct carried *c;

	while ((c = RB_MIN(carrieds, &l2->carried)) != NULL)
		carried_remove(l2, c);
	free(l2);
}

static const char *
l2_check(void *arg, const struct bgpd_line *lines, uint32_t line_count,
    uint32_t line_size, uint32_t *bad)
{
	(void)arg, (void)lines, (void)line_count, (void)line_size, (void)bad;
	return NULL;
}

static void
l2_configure(void *arg, const struct bgpd_line *lines, uint32_t line_count,
    uint32_t line_size)
{
	(void)arg, (void)lines, (void)line_count, (void)line_size;
}

static const struct bgpd_row rows[] = {
	{ BGPD_INIT(struct bgpd_row), BGPD_ROW_RUN, 1, "show l2",
	    "Addresses that layer 2 carries", 0, 0 },
};

/* The one symbol. */
__attribute__((
    visibility("default"))) extern const struct bgpd_plugin bgpd_plugin;
const struct bgpd_plugin bgpd_plugin = {
	BGPD_INIT(struct bgpd_plugin),
	.name = "l2",
	.version = "0.1.0",
	.caption = "Backend layer2: lists what it will carry",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.row_size = sizeof(rows[0]),
	.start = l2_start,
	.stop = l2_stop,
	.check = l2_check,
	.configure = l2_configure,
	.run = l2_run,
};
