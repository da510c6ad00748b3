/* SPDX-License-Identifier: ISC */
/* `show l2 ...`, and the commands that move addresses. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "display.h"
#include "reach.h"

/* show l2 ----------------------------------------------------------------------------- */

static void
askers_json(struct page *p, const struct carrier_address_view *v)
{
	char text[KIT_ADDR_TEXT];
	unsigned i;

	p->host->out_object(p->out, "askers");
	for (i = 0; i < v->asker_count; i++)
		p->host->out_int(p->out,
		    kit_addr_print(&v->askers[i].address, text),
		    (carrier_now_us() - v->askers[i].asked_us) / 1000);
	p->host->out_close(p->out);
}

void
display_address_json(struct page *p, const struct duty *d, const char *name,
    const struct owners_explanation *why, const struct carrier_address_view *v)
{
	const struct bgpd_host *host = p->host;
	char mac[18], by[KIT_ADDR_TEXT];

	host->out_object(p->out, name);
	host->out_string(p->out, "state", duty_state(p->l2, d));
	if (why->owner != NULL)
		host->out_string(p->out, "owner", why->owner);
	if (why->next != NULL)
		host->out_string(p->out, "next", why->next);
	host->out_bool(p->out, "mine", d->mine);
	host->out_int(p->out, "epoch", (int64_t)why->epoch);
	host->out_int(p->out, "sinceMsecs",
	    why->since_us == 0 ? 0 : (carrier_now_us() - why->since_us) / 1000);
	if (why->why != NULL)
		host->out_string(p->out, "why", why->why);
	host->out_int(p->out, "services", d->services);
	if (d->group != NULL)
		host->out_string(p->out, "group", d->group);
	host->out_int(p->out, "interfaces", v->interfaces);
	host->out_string(p->out, "carrier", carrier_state_name(v->state));
	host->out_string(p->out, "proof", carrier_proof_name(v->proof));
	host->out_bool(p->out, "prejoined", v->prejoined);
	if (v->confirmed_by.family != 0) {
		host->out_string(p->out, "confirmedBy",
		    kit_addr_print(&v->confirmed_by, by));
		host->out_int(p->out, "confirmedMs", v->confirmed_ms);
	}
	host->out_int(p->out, "conflicts", (int64_t)v->conflicts);
	host->out_bool(p->out, "conflict", d->conflict);
	if (d->conflict)
		host->out_string(
		    p->out, "conflictMac", kit_mac_print(d->mac, mac));
	if (v->kernel != NULL)
		host->out_string(p->out, "kernelAnswersOn", v->kernel);
	host->out_int(p->out, "questions", (int64_t)v->questions);
	host->out_int(p->out, "answers", (int64_t)v->answers);
	host->out_int(p->out, "announced", (int64_t)v->announced);
	askers_json(p, v);
	host->out_close(p->out);
}

#define ADDRESS_ROW "%-25s %-11s %-20s %-20s %-12s %-24s %s\n"

static void
address_text(struct page *p, const struct duty *d, const char *name,
    const struct owners_explanation *why, const struct carrier_address_view *v)
{
	char since[32], proof[64] = "-", by[KIT_ADDR_TEXT], mac[18];

	if (v->confirmed_by.family != 0)
		snprintf(proof, sizeof(proof), "%u ms, %s", v->confirmed_ms,
		    kit_addr_print(&v->confirmed_by, by));
	else if (d->mine)
		snprintf(
		    proof, sizeof(proof), "%s", carrier_proof_name(v->proof));
	p->host->out_print(p->out, ADDRESS_ROW, name, duty_state(p->l2, d),
	    display_or_none(why->owner), display_or_none(why->next),
	    display_ago(why->since_us, since), proof,
	    display_or_none(d->group));
	if (d->conflict)
		p->host->out_print(p->out,
		    "    %s answers for it, and is none of our nodes\n",
		    kit_mac_print(d->mac, mac));
	if (v->kernel != NULL)
		p->host->out_print(p->out,
		    "    this node's kernel answers too: it is on %s\n",
		    v->kernel);
}

static void
address_show(struct page *p, struct duty *d)
{
	struct owners_explanation why = { 0 };
	struct carrier_address_view view = { 0 };
	char name[KIT_ADDR_TEXT];

	kit_addr_print(&d->address, name);
	owners_explain(p->l2->owners, &d->address, &why);
	carrier_find_address(p->l2->carrier, &d->address, &view);
	(p->json ? display_address_json : address_text)(
	    p, d, name, &why, &view);
}

static void
head_show(struct page *p)
{
	struct l2 *l2 = p->l2;
	const char *silent = owners_silent(l2->owners);
	bool has_key = l2->knobs.key != NULL || l2->crew.key_len > 0;

	if (p->json) {
		p->host->out_string(p->out, "node", l2->crew.self);
		p->host->out_int(p->out, "nodes", l2->crew.count);
		p->host->out_bool(p->out, "authenticated", has_key);
		p->host->out_bool(p->out, "tooManyNodes", l2->crew.too_many);
		if (silent != NULL)
			p->host->out_string(p->out, "silent", silent);
		return;
	}
	p->host->out_print(p->out, "Node %s, %u nodes, %s, %u addresses\n",
	    l2->crew.self, l2->crew.count,
	    has_key ? "with a key" : "NO KEY: messages are not authenticated",
	    l2->duty_count);
	if (l2->crew.too_many)
		p->host->out_print(p->out,
		    "PARTITION CONSISTENT IS FOR %d NODES AT MOST: what a dead "
		    "one had is not taken over\n",
		    CONSISTENT_MAX);
	if (silent != NULL)
		p->host->out_print(
		    p->out, "Nothing is answered here: %s\n", silent);
	if (l2->duty_count > 0)
		p->host->out_print(p->out, "\n" ADDRESS_ROW, "Address", "State",
		    "Owner", "Next", "Since", "Confirmed", "Service");
}

static int
show_addresses(struct page *p)
{
	struct duty *d;

	head_show(p);
	if (p->json)
		p->host->out_object(p->out, "addresses");
	RB_FOREACH (d, duties, &p->l2->duties)
		address_show(p, d);
	if (p->json)
		p->host->out_close(p->out);
	return 0;
}

/* show l2 interfaces -------------------------------------------------------------------- */

static void
interface_json(struct page *p, const struct carrier_interface_view *v)
{
	const struct bgpd_host *host = p->host;
	char mac[18], text[KIT_ADDR_TEXT];
	unsigned i;

	host->out_object(p->out, v->name);
	host->out_bool(p->out, "used", v->used);
	if (!v->used)
		host->out_string(p->out, "whyNot", display_or_none(v->why_not));
	host->out_string(p->out, "mac", kit_mac_print(v->mac, mac));
	host->out_int(p->out, "addresses", v->addresses);
	host->out_int(p->out, "framesIn", (int64_t)v->frames_in);
	host->out_int(p->out, "framesOut", (int64_t)v->frames_out);
	host->out_int(p->out, "sendFailures", (int64_t)v->send_failures);
	host->out_object(p->out, "gateways");
	for (i = 0; i < v->gateway_count; i++)
		host->out_bool(
		    p->out, kit_addr_print(&v->gateways[i], text), 1);
	host->out_close(p->out);
	host->out_object(p->out, "dropped");
	for (i = 0; i < v->dropped_count; i++)
		host->out_int(
		    p->out, v->dropped[i].name, (int64_t)v->dropped[i].count);
	host->out_close(p->out);
	display_reach_interface(p->l2, p->out, true, v->ifindex);
	host->out_close(p->out);
}

static void
interface_text(struct page *p, const struct carrier_interface_view *v)
{
	char mac[18], text[KIT_ADDR_TEXT];
	unsigned i;

	p->host->out_print(p->out,
	    "%-16s %-18s %9u %10" PRIu64 " %10" PRIu64 " %s\n", v->name,
	    kit_mac_print(v->mac, mac), v->addresses, v->frames_in,
	    v->frames_out, v->used ? "used" : display_or_none(v->why_not));
	for (i = 0; i < v->gateway_count; i++)
		p->host->out_print(p->out, "    gateway %s\n",
		    kit_addr_print(&v->gateways[i], text));
	for (i = 0; i < v->dropped_count; i++)
		p->host->out_print(p->out, "    passed over, %s: %" PRIu64 "\n",
		    v->dropped[i].name, v->dropped[i].count);
	if (v->send_failures > 0)
		p->host->out_print(
		    p->out, "    not sent: %" PRIu64 "\n", v->send_failures);
	display_reach_interface(p->l2, p->out, false, v->ifindex);
}

static void
on_interface(void *arg, const struct carrier_interface_view *view)
{
	struct page *p = arg;

	(p->json ? interface_json : interface_text)(p, view);
}

static int
show_interfaces(struct page *p)
{
	if (p->json)
		p->host->out_object(p->out, "interfaces");
	else
		p->host->out_print(p->out, "%-16s %-18s %9s %10s %10s %s\n",
		    "Interface", "MAC", "Addresses", "Frames in", "out",
		    "State");
	carrier_each_interface(p->l2->carrier, on_interface, p);
	if (p->json)
		p->host->out_close(p->out);
	return 0;
}

/* show l2 nodes ---------------------------------------------------------------------------- */

static const char *
lease_name(unsigned lease)
{
	static const char *const names[] = { [OWNERS_GONE] = "gone",
		[OWNERS_ALIVE] = "alive",
		[OWNERS_NO_LEASE] = "unknown" };

	return names[lease <= OWNERS_NO_LEASE ? lease : OWNERS_NO_LEASE];
}

static void
node_json(struct page *p, const struct owners_peer *peer,
    const struct cord_view *cord)
{
	const struct bgpd_host *host = p->host;
	char text[KIT_ADDR_TEXT];

	host->out_object(p->out, peer->name);
	host->out_string(p->out, "verdict", peer->verdict);
	host->out_int(p->out, "owns", (int64_t)peer->owns);
	host->out_bool(p->out, "excluded", peer->excluded);
	host->out_bool(p->out, "settled", peer->settled);
	host->out_bool(p->out, "otherKey", peer->other_key);
	host->out_bool(p->out, "believed", !peer->foreign);
	host->out_string(p->out, "lease", lease_name(peer->lease));
	if (cord->live != NULL) {
		host->out_string(
		    p->out, "address", kit_addr_print(&cord->addr, text));
		if (cord->interface[0] != '\0')
			host->out_string(p->out, "interface", cord->interface);
		host->out_string(p->out, "bfd", cord->live);
		host->out_string(p->out, "bfdWhy", cord->why);
		host->out_int(p->out, "messagesIn", (int64_t)cord->in);
		host->out_int(p->out, "messagesOut", (int64_t)cord->out);
	}
	display_reach_node(p->l2, p->out, true, peer->name);
	host->out_close(p->out);
}

static void
node_text(struct page *p, const struct owners_peer *peer,
    const struct cord_view *cord)
{
	char text[KIT_ADDR_TEXT], heard[32];

	p->host->out_print(p->out,
	    "%-24s %-25s %-12s %-10s %-8s %-12s %6zu %10s%s%s%s%s\n",
	    peer->name,
	    cord->live == NULL ? "-" : kit_addr_print(&cord->addr, text),
	    cord->live == NULL		 ? "-"
	    : cord->interface[0] == '\0' ? "(routed)"
					 : cord->interface,
	    display_or_none(cord->live),
	    peer->lease == OWNERS_NO_LEASE ? "-" : lease_name(peer->lease),
	    peer->verdict, peer->owns, display_ago(peer->heard_us, heard),
	    peer->excluded ? " excluded" : "", peer->settled ? "" : " settling",
	    peer->other_key ? " other-key" : "",
	    peer->foreign ? " NOT BELIEVED: has it the same key?" : "");
	display_reach_node(p->l2, p->out, false, peer->name);
}

static void
mesh_show(struct page *p)
{
	static const char *const words[] = { "none", "answers", "lost",
		"asked" };
	struct mesh_counts counts;

	mesh_get_counts(p->l2, &counts);
	if (p->json) {
		p->host->out_string(
		    p->out, "gateway", words[witness_state(p->l2)]);
		p->host->out_int(p->out, "refused", (int64_t)counts.refused);
		if (counts.refusal != NULL)
			p->host->out_string(
			    p->out, "lastRefusal", counts.refusal);
		return;
	}
	p->host->out_print(
	    p->out, "\nGateway: %s\n", words[witness_state(p->l2)]);
	if (counts.refusal != NULL)
		p->host->out_print(p->out,
		    "%" PRIu64 " messages were not believed, the last: %s\n",
		    counts.refused, counts.refusal);
	if (counts.obstacle != NULL)
		p->host->out_print(p->out, "%s\n", counts.obstacle);
}

static int
show_nodes(struct page *p)
{
	struct owners_peer peer;
	struct cord_view cord;
	struct mate *mate;
	size_t i;

	if (p->json)
		p->host->out_object(p->out, "nodes");
	else
		p->host->out_print(p->out,
		    "%-24s %-25s %-12s %-10s %-8s %-12s %6s %10s\n", "Node",
		    "Address", "Interface", "BFD", "Lease", "Verdict", "Owns",
		    "Heard");
	for (i = 0; owners_peer(p->l2->owners, i, &peer); i++) {
		mate = crew_find(p->l2, peer.name);
		memset(&cord, 0, sizeof(cord));
		if (mate != NULL && mate->cord != NULL)
			cord_get(mate->cord, &cord);
		if (p->json)
			node_json(p, &peer, &cord);
		else
			node_text(p, &peer, &cord);
	}
	if (p->json)
		p->host->out_close(p->out);
	mesh_show(p);
	return 0;
}

/* Commands that move addresses ------------------------------------------------------------------- */

static const char *
second(const struct bgpd_line *line)
{
	return line->value_count > 1 ? line->values[1] : NULL;
}

static int
moved(struct page *p, size_t count, const char *why)
{
	if (count == 0) {
		p->host->out_print(p->out, "%% nothing moves: %s\n",
		    why == NULL ? "there is nothing to move" : why);
		return -1;
	}
	p->host->out_print(
	    p->out, "%zu addresses are being handed over\n", count);
	return 0;
}

static int
handover(struct page *p, const struct bgpd_addr *addr, const char *group,
    const char *to)
{
	const char *why = NULL;
	size_t count = owners_handover(
	    p->l2->owners, addr, group, to, &why, carrier_now_us());

	l2_settle(p->l2);
	return moved(p, count, why);
}

static int
handover_address(struct page *p, const struct bgpd_line *line)
{
	struct bgpd_addr addr;

	if (!display_addr(line->values[0], &addr)) {
		p->host->out_print(p->out, "%% an address is wanted\n");
		return -1;
	}
	return handover(p, &addr, NULL, second(line));
}

static int
handover_service(struct page *p, const struct bgpd_line *line)
{
	return handover(p, NULL, line->values[0], second(line));
}

static int
handover_node(struct page *p, const struct bgpd_line *line)
{
	return handover(
	    p, NULL, NULL, line->value_count > 0 ? line->values[0] : NULL);
}

static int
settle(struct page *p)
{
	owners_settle(p->l2->owners, carrier_now_us());
	l2_settle(p->l2);
	return 0;
}

int
display_run(struct l2 *l2, const struct bgpd_line *line, struct bgpd_out *out)
{
	struct page page = { .l2 = l2,
		.host = l2->host,
		.out = out,
		.json = l2->host->out_is_json(out) };

	switch (line->id) {
	case ROW_SHOW:
		return show_addresses(&page);
	case ROW_SHOW_INTERFACES:
		return show_interfaces(&page);
	case ROW_SHOW_NODES:
		return show_nodes(&page);
	case ROW_EXPLAIN:
		return display_explain(&page, line);
	case ROW_HANDOVER_SERVICE:
		return handover_service(&page, line);
	case ROW_HANDOVER_ADDRESS:
		return handover_address(&page, line);
	case ROW_HANDOVER_NODE:
		return handover_node(&page, line);
	case ROW_SETTLE:
		return settle(&page);
	}
	return -1;
}
