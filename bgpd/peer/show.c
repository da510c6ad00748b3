/* SPDX-License-Identifier: ISC */
/* What all shows of neighbors and routes need; and `clear bgp`. */
#include <string.h>
#include <time.h>

#include "peer/show.h"

struct peers *show_peers;

void
peers_bind_shows(struct peers *peers)
{
	show_peers = peers;
}

enum family
show_family(const struct cli_call *call)
{
	if (call_has(call, "ipv6"))
		return FAMILY_IPV6;
	return call_has(call, "ipv4") || call_has(call, "ip") ? FAMILY_IPV4
							      : FAMILY_NONE;
}

struct peer *
show_peer(struct cli_call *call)
{
	const char *word = call_arg(call, "ADDR");
	struct peer *peer;
	struct addr addr;

	if (word == NULL || addr_read(word, &addr) != 0)
		return NULL;
	TAILQ_FOREACH (peer, &show_peers->list, link)
		if (addr_equal(&peer->addr, &addr) ||
		    addr_equal(&peer->config->addr, &addr))
			return peer;
	call_fail(call, "No such neighbor: %s", word);
	return NULL;
}

int64_t
show_now_ms(void)
{
	return loop_now_ms(show_peers->loop);
}

void
show_uptime(char *out, size_t size, int64_t then_ms)
{
	text_uptime(
	    out, size, then_ms < 0 ? -1 : (show_now_ms() - then_ms) / 1000);
}

int64_t
show_epoch(int64_t then_ms)
{
	return (int64_t)time(NULL) - (show_now_ms() - then_ms) / 1000;
}

const char *
show_id(uint32_t router_id, char *out)
{
	struct addr addr = addr_v4(router_id);

	return addr_print(&addr, out);
}

void
show_flags(const struct rib_path_view *view, char out[4])
{
	bool bad = (view->flags & (RIB_REFUSED | RIB_UNUSABLE)) != 0;

	out[0] = (view->flags & RIB_SUPPRESSED) != 0 ? 's' : bad ? ' ' : '*';
	out[1] = (view->flags & RIB_BEST) != 0 ? '>' : ' ';
	out[2] = rib_source_info(view->source)->kind == RIB_IBGP ? 'i' : ' ';
	out[3] = '\0';
}

struct attr
show_attr(const struct rib_path_view *view, bool received)
{
	struct attr attr;

	if (received || view->used == NULL)
		return rib_attr_get(view->received);
	attr = rib_attr_get(view->used);
	/* What a neighbor's path without it counts as. */
	if (!ATTR_HAS(&attr, ATTR_LOCAL_PREF) &&
	    rib_source_info(view->source)->kind >= RIB_EBGP) {
		attr.present |= 1u << ATTR_LOCAL_PREF;
		attr.local_pref = RIB_LOCAL_PREF;
	}
	return attr;
}

static const char *const origin_words[] = { "IGP", "EGP", "incomplete" };

const char *
show_origin_word(const struct attr *attr)
{
	return attr->origin < 3 ? origin_words[attr->origin] : "?";
}

char
show_origin_letter(const struct attr *attr)
{
	return attr->origin < 3 ? "ie?"[attr->origin] : '?';
}

/* clear bgp ------------------------------------------------------------------- */

static void
clear_hard(struct peer *peer)
{
	struct notification error;

	peer->overflown = false;
	notification_set(&error, NOTIFY_CEASE, CEASE_ADMIN_RESET, "clear bgp");
	peer_end(peer, &error);
	peer_start(peer);
}

static void
clear_soft(struct peer *peer, bool in, bool out)
{
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		if (in)
			receive_again(peer, i);
		if (out)
			tell_refresh(peer, i);
	}
}

int
clear_bgp(struct cli_call *call)
{
	bool in = call_has(call, "in"), out = call_has(call, "out");
	bool all = call_arg(call, "ADDR") == NULL;
	struct peer *peer, *only = NULL;

	if (show_peers == NULL)
		return call_fail(call, "BGP is not running");
	if (!all) {
		only = show_peer(call);
		if (only == NULL)
			return -1;
	}
	TAILQ_FOREACH (peer, &show_peers->list, link) {
		if (!all && peer != only)
			continue;
		if (call_has(call, "soft"))
			clear_soft(peer, in || !out, out || !in);
		else
			clear_hard(peer);
	}
	return 0;
}
