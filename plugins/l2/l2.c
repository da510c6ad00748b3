/* SPDX-License-Identifier: ISC */
/* The backend "layer2": carries what no other node could, until nodes elect. */

/*
 * In: addresses by the host's `carry` and `drop`, the nodes by `on_members`. An
 * address is probed once before it is first used; free, it is taken where this
 * node is the only candidate, or none is named. Out: `carried`, and `show l2`.
 */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "carrier.h"

struct carried {
	RB_ENTRY(carried) link;
	struct bgpd_addr address;
	uint32_t services, candidates;
	uint8_t phase;
	bool here, sole, probed, conflict;
	uint8_t mac[6];
	char *group; /* NULL: none */
	char *node;  /* the only candidate; NULL: there is none, or more */
};
RB_HEAD(carrieds, carried);

struct l2 {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct carrier *carrier;
	struct carrieds carried;
	char *node; /* this one; NULL: not known */
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
	carrier_remove(l2->carrier, &c->address);
	RB_REMOVE(carrieds, &l2->carried, c);
	free(c->group);
	free(c->node);
	free(c);
}

static const char *
addr_print(const struct bgpd_addr *a, char *text, size_t size)
{
	return inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, text,
	    (socklen_t)size);
}

/* Whose it is ------------------------------------------------------------------- */

static void
report(struct l2 *l2, const struct carried *c)
{
	struct bgpd_carry carry = { .abi = BGPD_ABI, .size = sizeof(carry) };
	struct carrier_address_view view;

	if (!carrier_find_address(l2->carrier, &c->address, &view))
		return;
	carry.address = c->address;
	carry.protocol = "layer2";
	carry.mine = view.state == CARRIER_TAKEN;
	carry.owner = carry.mine ? l2->node : NULL;
	carry.confirmed = view.proof == CARRIER_CONFIRMED;
	carry.conflict = c->conflict;
	memcpy(carry.mac, c->mac, sizeof(carry.mac));
	carry.state = carrier_state_name(view.state);
	l2->host->carried(l2->self, &carry);
}

static void
decide(struct l2 *l2, struct carried *c)
{
	bool wanted =
	    c->here && c->phase == BGPD_CARRIED &&
	    (c->candidates == 0 || (c->node != NULL && l2->node != NULL &&
				       strcmp(c->node, l2->node) == 0));
	struct carrier_address_view view;

	if (!carrier_find_address(l2->carrier, &c->address, &view))
		return;
	if (!wanted && view.state == CARRIER_TAKEN)
		carrier_yield(l2->carrier, &c->address);
	else if (wanted && c->probed)
		carrier_take(l2->carrier, &c->address);
	else if (!c->probed && view.state == CARRIER_KNOWN)
		carrier_probe(l2->carrier, &c->address);
	report(l2, c);
}

/* What the carrier says ------------------------------------------------------------ */

static void
on_probed(void *arg, const struct bgpd_addr *address,
    enum carrier_probed result, const uint8_t mac[6])
{
	struct l2 *l2 = arg;
	struct carried *c = carried_find(l2, address);
	char text[INET6_ADDRSTRLEN];

	if (c == NULL)
		return;
	c->probed = result != CARRIER_ALIEN;
	c->conflict = result == CARRIER_ALIEN;
	memcpy(c->mac, mac, sizeof(c->mac));
	if (c->conflict)
		l2->host->log(l2->self, LOG_ERR,
		    "%s is in use by %02x:%02x:%02x:%02x:%02x:%02x: it is not "
		    "carried",
		    addr_print(address, text, sizeof(text)), mac[0], mac[1],
		    mac[2], mac[3], mac[4], mac[5]);
	decide(l2, c);
}

static void
on_conflict(void *arg, const struct bgpd_addr *address, const uint8_t mac[6],
    int ifindex, bool fellow, uint8_t state)
{
	struct l2 *l2 = arg;
	struct carried *c = carried_find(l2, address);
	char text[INET6_ADDRSTRLEN];

	(void)ifindex, (void)state;
	if (c == NULL || fellow)
		return;
	c->conflict = true;
	memcpy(c->mac, mac, sizeof(c->mac));
	l2->host->log(l2->self, LOG_ERR,
	    "%s: %02x:%02x:%02x:%02x:%02x:%02x says that it has it",
	    addr_print(address, text, sizeof(text)), mac[0], mac[1], mac[2],
	    mac[3], mac[4], mac[5]);
	report(l2, c);
}

static void
on_conflict_over(void *arg, const struct bgpd_addr *address)
{
	struct carried *c = carried_find(arg, address);

	if (c == NULL)
		return;
	c->conflict = false;
	report(arg, c);
}

static void
on_confirmed(void *arg, const struct bgpd_addr *address,
    const struct bgpd_addr *by, uint32_t ms)
{
	struct carried *c = carried_find(arg, address);

	(void)by, (void)ms;
	if (c != NULL)
		report(arg, c);
}

static void
on_unconfirmed(
    void *arg, const struct bgpd_addr *address, enum carrier_proof proof)
{
	struct l2 *l2 = arg;
	char text[INET6_ADDRSTRLEN];

	l2->host->log(l2->self, LOG_WARNING,
	    "%s: neither the gateway nor a client has answered to it (%s)",
	    addr_print(address, text, sizeof(text)), carrier_proof_name(proof));
}

static void
on_iface(
    void *arg, int ifindex, const char *name, bool used, const char *why_not)
{
	struct l2 *l2 = arg;

	(void)ifindex;
	l2->host->log(l2->self, LOG_INFO, "%s: %s", name,
	    used ? "carries addresses" : why_not);
}

static void
on_kernel_answers(
    void *arg, const struct bgpd_addr *address, const char *on, bool answers)
{
	struct l2 *l2 = arg;
	char text[INET6_ADDRSTRLEN];

	l2->host->log(l2->self, LOG_WARNING, "%s is on %s of this node, %s",
	    addr_print(address, text, sizeof(text)), on,
	    answers ? "and its kernel answers too: set arp_ignore"
		    : "its kernel is silent");
}

static const struct carrier_callbacks callbacks = { on_probed, on_conflict,
	on_conflict_over, on_confirmed, on_unconfirmed, on_iface,
	on_kernel_answers };

/* What the host says ---------------------------------------------------------- */

static const struct bgpd_candidate *
sole_candidate(const struct bgpd_address *address)
{
	return address->candidate_count == 1 ? address->candidates : NULL;
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

static void
on_carry(void *arg, const struct bgpd_address *address, const char *group,
    uint32_t services)
{
	const struct bgpd_candidate *sole = sole_candidate(address);
	struct carried *c = carried_find(arg, &address->address);
	struct l2 *l2 = arg;

	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return;
		c->address = address->address;
		RB_INSERT(carrieds, &l2->carried, c);
	}
	free(c->group);
	free(c->node);
	c->group = copy(group);
	c->node = copy(sole == NULL ? NULL : sole->node);
	c->services = services;
	c->phase = address->phase;
	c->here = address->here;
	c->candidates = address->candidate_count;
	carrier_add(l2->carrier, &c->address, address->interfaces,
	    address->interface_count);
	decide(l2, c);
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
	struct carried *c;

	free(l2->node);
	l2->node = copy(members->self);
	RB_FOREACH (c, carrieds, &l2->carried)
		decide(l2, c);
}

/* show l2 ----------------------------------------------------------------------- */

struct show {
	struct l2 *l2;
	struct bgpd_out *out;
};

static void
show_address(void *arg, const struct carrier_address_view *v)
{
	const struct show *s = arg;
	const struct bgpd_host *host = s->l2->host;
	const struct carried *c = carried_find(s->l2, &v->address);
	char text[INET6_ADDRSTRLEN];
	unsigned i;

	addr_print(&v->address, text, sizeof(text));
	if (!host->out_is_json(s->out)) {
		host->out_print(s->out, "%-39s %-12s %-12s %10llu %s\n", text,
		    carrier_state_name(v->state), carrier_proof_name(v->proof),
		    (unsigned long long)v->answers,
		    c == NULL || c->group == NULL ? "-" : c->group);
		return;
	}
	host->out_object(s->out, text);
	host->out_string(s->out, "state", carrier_state_name(v->state));
	host->out_string(s->out, "proof", carrier_proof_name(v->proof));
	if (v->proof == CARRIER_CONFIRMED) {
		host->out_string(s->out, "confirmedBy",
		    addr_print(&v->confirmed_by, text, sizeof(text)));
		host->out_int(s->out, "confirmedMs", v->confirmed_ms);
	}
	host->out_int(s->out, "interfaces", v->interfaces);
	host->out_int(s->out, "candidates", c == NULL ? 0 : c->candidates);
	host->out_int(s->out, "questions", (int64_t)v->questions);
	host->out_int(s->out, "answers", (int64_t)v->answers);
	host->out_int(s->out, "announced", (int64_t)v->announced);
	host->out_int(s->out, "conflicts", (int64_t)v->conflicts);
	host->out_bool(s->out, "conflict", v->conflict);
	if (v->kernel != NULL)
		host->out_string(s->out, "kernelAnswersOn", v->kernel);
	host->out_object(s->out, "askers");
	for (i = 0; i < v->asker_count; i++)
		host->out_int(s->out,
		    addr_print(&v->askers[i].address, text, sizeof(text)),
		    v->askers[i].asked_us / 1000);
	host->out_close(s->out);
	host->out_close(s->out);
}

static void
show_interface(void *arg, const struct carrier_interface_view *v)
{
	const struct show *s = arg;
	const struct bgpd_host *host = s->l2->host;
	unsigned i;

	if (!host->out_is_json(s->out)) {
		host->out_print(s->out, "%-16s %s\n", v->name,
		    v->used ? "carries addresses" : v->why_not);
		return;
	}
	host->out_object(s->out, v->name);
	host->out_bool(s->out, "used", v->used);
	if (!v->used)
		host->out_string(s->out, "whyNot", v->why_not);
	host->out_int(s->out, "addresses", v->addresses);
	host->out_int(s->out, "framesIn", (int64_t)v->frames_in);
	host->out_int(s->out, "framesOut", (int64_t)v->frames_out);
	host->out_object(s->out, "dropped");
	for (i = 0; i < v->dropped_count; i++)
		host->out_int(
		    s->out, v->dropped[i].name, (int64_t)v->dropped[i].count);
	host->out_close(s->out);
	host->out_close(s->out);
}

static int
l2_run(void *arg, const struct bgpd_line *line, struct bgpd_out *out)
{
	struct l2 *l2 = arg;
	struct show show = { l2, out };
	bool json = l2->host->out_is_json(out);

	(void)line;
	if (json)
		l2->host->out_object(out, "addresses");
	else
		l2->host->out_print(out, "%-39s %-12s %-12s %10s %s\n",
		    "Address", "State", "Proof", "Answers", "Group");
	carrier_each_address(l2->carrier, show_address, &show);
	if (json) {
		l2->host->out_close(out);
		l2->host->out_object(out, "interfaces");
	}
	carrier_each_interface(l2->carrier, show_interface, &show);
	if (json)
		l2->host->out_close(out);
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
	l2->carrier = carrier_new(host, self, &callbacks, l2);
	if (l2->carrier == NULL) {
		free(l2);
		return -1;
	}
	if (host->backend(self, &backend) == 0)
		return 0;
	host->log(self, LOG_ERR, "another plugin carries layer2 already");
	carrier_free(l2->carrier);
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
	carrier_free(l2->carrier);
	free(l2->node);
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
	.caption = "Backend layer2: answers for addresses",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.row_size = sizeof(rows[0]),
	.start = l2_start,
	.stop = l2_stop,
	.check = l2_check,
	.configure = l2_configure,
	.run = l2_run,
};
