/* SPDX-License-Identifier: ISC */
/* `show l2 explain`: who owns an address, why, who else might, what happened. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "display.h"
#include "reach.h"

const char *
display_ago(int64_t at_us, char text[KIT_AGE_TEXT])
{
	return at_us == 0 ? strcpy(text, "-")
			  : kit_age_print(carrier_now_us() - at_us, text);
}

const char *
display_or_none(const char *text)
{
	return text == NULL ? "-" : text;
}

bool
display_addr(const char *word, struct bgpd_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = strchr(word, ':') == NULL ? 4 : 6;
	return inet_pton(addr->family == 4 ? AF_INET : AF_INET6, word,
		   addr->bytes) == 1;
}

static void
candidates_show(struct page *p, const struct owners_explanation *why)
{
	const struct bgpd_host *host = p->host;
	const struct owners_why *c;
	size_t i;

	if (p->json)
		host->out_object(p->out, "candidates");
	else
		host->out_print(p->out, "  In order of preference:\n");
	for (i = 0; i < why->candidate_count; i++) {
		c = &why->candidates[i];
		if (!p->json) {
			host->out_print(p->out, "    %-24s weight %-4d %s\n",
			    c->node, c->weight, c->why);
			continue;
		}
		host->out_object(p->out, c->node);
		host->out_int(p->out, "order", (int64_t)i + 1);
		host->out_int(p->out, "weight", c->weight);
		host->out_string(p->out, "why", c->why);
		host->out_close(p->out);
	}
	if (p->json)
		host->out_close(p->out);
}

static void
events_show(struct page *p, const struct owners_explanation *why)
{
	const struct bgpd_host *host = p->host;
	const struct owners_event *e;
	char age[32];
	size_t i;

	if (p->json)
		host->out_array(p->out, "events");
	else if (why->event_count > 0)
		host->out_print(p->out, "  What happened, the latest first:\n");
	for (i = 0; i < why->event_count; i++) {
		e = &why->events[i];
		if (!p->json) {
			host->out_print(p->out,
			    "    %12s ago  %-24s epoch %" PRIu64 ", %s\n",
			    display_ago(e->at_us, age),
			    display_or_none(e->owner), e->epoch,
			    display_or_none(e->why));
			continue;
		}
		host->out_object(p->out, NULL);
		host->out_int(
		    p->out, "agoMsecs", (carrier_now_us() - e->at_us) / 1000);
		if (e->owner != NULL)
			host->out_string(p->out, "owner", e->owner);
		host->out_int(p->out, "epoch", (int64_t)e->epoch);
		host->out_string(p->out, "why", display_or_none(e->why));
		host->out_close(p->out);
	}
	if (p->json)
		host->out_close(p->out);
}

static void
askers_show(struct page *p, const struct carrier_address_view *v)
{
	char age[32], mac[18], text[KIT_ADDR_TEXT];
	unsigned i;

	for (i = 0; i < v->asker_count; i++)
		p->host->out_print(p->out, "    asked by %s (%s) %s ago\n",
		    kit_addr_print(&v->askers[i].address, text),
		    kit_mac_print(v->askers[i].mac, mac),
		    display_ago(v->askers[i].asked_us, age));
}

static void
explain_text(struct page *p, const char *name, const struct duty *d,
    const struct owners_explanation *why, const struct carrier_address_view *v)
{
	char age[32];

	p->host->out_print(p->out, "%s%s%s\n", name,
	    d->group == NULL ? "" : ", of ", d->group == NULL ? "" : d->group);
	p->host->out_print(p->out, "  Owner %s for %s, epoch %" PRIu64 ": %s\n",
	    display_or_none(why->owner), display_ago(why->since_us, age),
	    why->epoch, display_or_none(why->why));
	p->host->out_print(p->out, "  Next %s%s\n", display_or_none(why->next),
	    v->prejoined ? ": this node is ready to take over" : "");
	p->host->out_print(p->out,
	    "  Here: %s, on %u interfaces; %s; %" PRIu64 " questions, %" PRIu64
	    " answers, %" PRIu64 " announcements\n",
	    duty_state(p->l2, d), v->interfaces, carrier_proof_name(v->proof),
	    v->questions, v->answers, v->announced);
	askers_show(p, v);
}

int
display_explain(struct page *p, const struct bgpd_line *line)
{
	struct owners_explanation why = { 0 };
	struct carrier_address_view view = { 0 };
	struct bgpd_addr addr;
	struct duty *d;
	char name[KIT_ADDR_TEXT];

	if (!display_addr(line->values[0], &addr) ||
	    (d = duty_find(p->l2, &addr)) == NULL) {
		p->host->out_print(p->out,
		    "%% %s is no address of layer 2; `show l2` lists them\n",
		    line->values[0]);
		return -1;
	}
	owners_explain(p->l2->owners, &addr, &why);
	carrier_find_address(p->l2->carrier, &addr, &view);
	kit_addr_print(&addr, name);
	if (p->json)
		display_address_json(p, d, name, &why, &view);
	else
		explain_text(p, name, d, &why, &view);
	display_reach_address(p->l2, p->out, p->json, &addr);
	candidates_show(p, &why);
	events_show(p, &why);
	return 0;
}
