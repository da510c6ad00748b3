/* SPDX-License-Identifier: ISC */
/* What `show l2 ...` says of segments: who is alive on which. */

#include <stdio.h>
#include <strings.h>

#include "cord.h"
#include "reach.h"

static const char *
gateway_word(unsigned gateway)
{
	static const char *const words[] = { "none", "answers", "lost",
		"asked" };

	return words[gateway];
}

/* On one segment, of all nodes: alive, dead, ... */
static void
nodes_show(struct l2 *l2, struct bgpd_out *out, bool json, size_t place)
{
	struct owners_segment_view view;
	struct mate *mate;

	if (json)
		l2->host->out_object(out, "nodes");
	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (!owners_segment_get(l2->owners, mate->name, place, &view))
			continue;
		if (json)
			l2->host->out_string(out, mate->name, view.verdict);
		else
			l2->host->out_print(out, "    on its segment, %s: %s\n",
			    mate->name, view.verdict);
	}
	if (json)
		l2->host->out_close(out);
}

static void
place_show(struct l2 *l2, struct bgpd_out *out, bool json, size_t place)
{
	const struct carrier_subnet *s = &l2->reach->list[place];
	struct owners_segment_view view;
	char text[REACH_SUBNET_TEXT];

	if (!owners_segment_get(l2->owners, l2->crew.self, place, &view))
		return;
	reach_print_subnet(&s->addr, s->length, text);
	if (json) {
		l2->host->out_object(out, text);
		l2->host->out_bool(out, "link", view.linked);
		l2->host->out_string(
		    out, "gateway", gateway_word(view.gateway));
	} else
		l2->host->out_print(out, "    segment %s, gateway: %s%s\n",
		    text, gateway_word(view.gateway),
		    view.linked ? "" : ", no link");
	nodes_show(l2, out, json, place);
	if (json)
		l2->host->out_close(out);
}

/* One that is beyond what can be told. */
static void
untold_show(struct l2 *l2, struct bgpd_out *out, bool json,
    const struct carrier_subnet *s)
{
	char text[REACH_SUBNET_TEXT];

	reach_print_subnet(&s->addr, s->length, text);
	if (!json) {
		l2->host->out_print(out,
		    "    segment %s: not watched, as there are more than %d\n",
		    text, OWNERS_SEGMENTS);
		return;
	}
	l2->host->out_object(out, text);
	l2->host->out_bool(out, "watched", false);
	l2->host->out_close(out);
}

void
display_reach_interface(
    struct l2 *l2, struct bgpd_out *out, bool json, int ifindex)
{
	const struct reach *r = l2->reach;
	bool any = false;
	unsigned i;

	for (i = 0; i < r->count; i++) {
		if (r->list[i].ifindex != ifindex)
			continue;
		if (json && !any)
			l2->host->out_object(out, "segments");
		any = true;
		place_show(l2, out, json, i);
	}
	for (i = 0; i < r->all_count; i++) {
		if (r->all[i].ifindex != ifindex || !reach_is_untold(r, i))
			continue;
		if (json && !any)
			l2->host->out_object(out, "segments");
		any = true;
		untold_show(l2, out, json, &r->all[i]);
	}
	if (json && any)
		l2->host->out_close(out);
}

static void
far_json(struct l2 *l2, struct bgpd_out *out, const struct cord_view *v,
    const char *verdict)
{
	char text[KIT_ADDR_TEXT];

	l2->host->out_object(out, v->interface);
	l2->host->out_string(out, "address", kit_addr_print(&v->addr, text));
	l2->host->out_string(out, "bfd", v->live);
	l2->host->out_string(out, "bfdWhy", v->why);
	l2->host->out_string(out, "verdict", verdict);
	l2->host->out_int(out, "messagesIn", (int64_t)v->in);
	l2->host->out_int(out, "messagesOut", (int64_t)v->out);
	l2->host->out_close(out);
}

static void
far_text(struct l2 *l2, struct bgpd_out *out, const struct cord_view *v,
    const char *verdict)
{
	char text[KIT_ADDR_TEXT];

	l2->host->out_print(out, "%-24s %-25s %-12s %-10s %s\n", "",
	    kit_addr_print(&v->addr, text), v->interface, v->live, verdict);
}

void
display_reach_node(
    struct l2 *l2, struct bgpd_out *out, bool json, const char *name)
{
	const struct mate *mate = crew_find(l2, name);
	struct owners_segment_view view;
	struct cord_view cord;
	int i;

	if (mate == NULL || !l2->reach->telling)
		return;
	if (json)
		l2->host->out_object(out, "segments");
	for (i = 0; i < OWNERS_SEGMENTS; i++) {
		if (mate->far[i] == NULL || mate->far[i]->segments == 0 ||
		    !owners_segment_get(l2->owners, name,
			(size_t)ffs(mate->far[i]->segments) - 1, &view))
			continue;
		cord_get(mate->far[i], &cord);
		(json ? far_json : far_text)(l2, out, &cord, view.verdict);
	}
	if (json)
		l2->host->out_close(out);
}

void
display_reach_address(struct l2 *l2, struct bgpd_out *out, bool json,
    const struct bgpd_addr *addr)
{
	struct owners_segment list[OWNERS_SEGMENTS];
	size_t i, n = owners_segments_of(l2->owners, addr, list);
	char text[REACH_SUBNET_TEXT];

	if (n == 0)
		return;
	if (json)
		l2->host->out_object(out, "segments");
	for (i = 0; i < n; i++) {
		reach_print_subnet(&list[i].addr, list[i].length, text);
		if (json)
			l2->host->out_bool(out, text, list[i].linked);
		else
			l2->host->out_print(out, "  Segment %s%s\n", text,
			    list[i].linked ? "" : ": this node is not on it");
	}
	if (json)
		l2->host->out_close(out);
}
