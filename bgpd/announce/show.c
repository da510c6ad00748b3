/* SPDX-License-Identifier: ISC */
/* `show services`: a line per service: addresses, pool, state, why it waits. */

#include <string.h>

#include "announce/table.h"
#include "cli/out.h"
#include "util/mem.h"

static struct announce *shown; /* set once, before the shell listens */

/* Where a long listing goes on: the last line's service. */
struct services_state {
	char *source;
	char *name;
	bool begun;
};

static void
state_free(void *arg)
{
	struct services_state *state = arg;

	mem_free(state->source);
	mem_free(state->name);
	mem_free(state);
}

static const char *
address_print(const struct bgpd_addr *address, char *out)
{
	struct addr addr = { .family =
				 address->family == 4 ? AF_INET : AF_INET6 };

	memcpy(addr.bytes, address->bytes, addr_bits(addr.family) / 8);
	return addr_print(&addr, out);
}

static const char *
offered_state(const struct offered *o)
{
	if (strcmp(o->address.protocol, "bgp") == 0)
		return offered_is_here(o) ? "announced" : "not here";
	if (!o->carry->is_carried)
		return "no backend";
	if (o->carry->news.state != NULL)
		return o->carry->news.state;
	return offered_is_here(o) ? "carried" : "not here";
}

static const char *
service_state(const struct service *s)
{
	return s->address_count > 0 ? offered_state(&s->addresses[0])
				    : "waiting";
}

static const char *
service_why(const struct service *s)
{
	unsigned i;

	if (s->why != NULL)
		return s->why;
	for (i = 0; i < s->address_count; i++) {
		if (!offered_is_here(&s->addresses[i]) &&
		    s->addresses[i].address.why_not != NULL)
			return s->addresses[i].address.why_not;
	}
	return "";
}

static void
service_print(const struct service *s, struct out *out)
{
	char list[4 * ADDR_TEXT] = "", one[ADDR_TEXT];
	unsigned i;

	for (i = 0; i < s->address_count && i < 4; i++) {
		if (i > 0)
			strcat(list, ",");
		strcat(
		    list, address_print(&s->addresses[i].address.address, one));
	}
	out_print(out, "%-31s %-22s %-15s %-11s %s\n", s->name,
	    s->address_count > 0 ? list : "-", s->pool != NULL ? s->pool : "-",
	    service_state(s), service_why(s));
}

static void
offered_json(const struct offered *o, struct out *out)
{
	char text[ADDR_TEXT];

	out_object(out, NULL);
	out_string(out, "address", address_print(&o->address.address, text));
	out_string(out, "protocol", o->address.protocol);
	out_string(out, "state", offered_state(o));
	if (!offered_is_here(o) && o->address.why_not != NULL)
		out_string(out, "why", o->address.why_not);
	if (o->carry->news.owner != NULL)
		out_string(out, "owner", o->carry->news.owner);
	out_close(out);
}

static void
service_json(const struct service *s, struct out *out)
{
	unsigned i;

	out_object(out, s->name);
	out_string(out, "source", s->source->owner);
	if (s->pool != NULL)
		out_string(out, "pool", s->pool);
	out_string(out, "state", service_state(s));
	if (service_why(s)[0] != '\0')
		out_string(out, "why", service_why(s));
	out_array(out, "addresses");
	for (i = 0; i < s->address_count; i++)
		offered_json(&s->addresses[i], out);
	out_close(out);
	out_close(out);
}

static void
service_show(const struct service *s, struct out *out)
{
	if (out_is_json(out))
		service_json(s, out);
	else
		service_print(s, out);
}

/* The first service after the state's, source by source; NULL at the end. */
static struct service *
services_next(const struct services_state *state)
{
	struct announce_source *source;
	struct service key = { .name = state->name }, *s;
	bool past = state->source == NULL;

	LIST_FOREACH (source, &shown->sources, entry) {
		if (past && (s = RB_MIN(service_tree, &source->services)))
			return s;
		if (past || strcmp(source->owner, state->source) != 0)
			continue;
		past = true;
		s = RB_NFIND(service_tree, &source->services, &key);
		if (s != NULL && strcmp(s->name, state->name) == 0)
			s = RB_NEXT(service_tree, &source->services, s);
		if (s != NULL)
			return s;
	}
	return NULL;
}

static void
state_set(struct services_state *state, const struct service *s)
{
	mem_free(state->source);
	mem_free(state->name);
	state->source = mem_string(s->source->owner);
	state->name = mem_string(s->name);
}

/* "web" finds "default/web" too, as kubectl users type it. */
static bool
service_matches(const struct service *s, const char *name)
{
	const char *slash = strchr(s->name, '/');

	return name == NULL || strcmp(s->name, name) == 0 ||
	       (slash != NULL && strcmp(slash + 1, name) == 0);
}

static void
header_show(struct out *out)
{
	out_object(out, NULL);
	if (!out_is_json(out))
		out_print(out, "%-31s %-22s %-15s %-11s %s\n", "Service",
		    "Addresses", "Pool", "State", "Why");
}

/* 200 services a turn, so that a long list holds nobody up. */
static int
services_show(struct cli_call *call)
{
	void **keep = call_state(call, state_free);
	struct services_state *state = *keep;
	struct out *out = call_out(call);
	struct service *s;
	unsigned turn = 200;

	if (state == NULL) {
		*keep = state = mem_alloc(sizeof(*state));
		header_show(out);
	}
	while ((s = services_next(state)) != NULL) {
		if (service_matches(s, call_arg(call, "NAME")))
			service_show(s, out);
		state_set(state, s);
		if (--turn == 0)
			return 1;
	}
	out_close(out);
	return 0;
}

static const struct cli_row show_rows[] = {
	RUN("show services [NAME]", services_show,
	    "Services: addresses, pool, state and why one waits"),
	ROWS_END,
};

const struct cli_mount announce_mounts[] = {
	{ NULL, show_rows, NULL },
};
const unsigned announce_mount_count = 1;

void
announce_show_bind(struct announce *announce)
{
	shown = announce;
}
