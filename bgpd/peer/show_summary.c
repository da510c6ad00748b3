/* SPDX-License-Identifier: ISC */
/* show bgp summary: a line per neighbor and address family; state for metrics. */
#include <stdio.h>
#include <string.h>

#include "peer/show.h"

static uint64_t
count_all(const uint64_t *counts)
{
	uint64_t all = 0;
	unsigned i;

	for (i = 0; i <= MESSAGE_REFRESH; i++)
		all += counts[i];
	return all;
}

static uint32_t
count_received(const struct peer *peer, enum family family, bool accepted)
{
	return peer->source == NULL
		   ? 0
		   : rib_source_count(peer->source, family, accepted);
}

static uint32_t
count_told(const struct peer *peer, enum family family)
{
	return peer->families[family].member == NULL
		   ? 0
		   : rib_member_count(peer->families[family].member);
}

static uint32_t
status_remote_as(const struct peer *peer)
{
	return peer->up != NULL ? peer->up->theirs.asn : peer->plan.remote_as;
}

static void
status_fill(const struct peer *peer, struct peer_status *status)
{
	unsigned i;

	memset(status, 0, sizeof(*status));
	status->addr = peer->addr;
	status->port = peer->config->port;
	status->owner = cli_owner(&peer->config->node);
	status->description = peer->config->description;
	status->state = peer_state_name(peer);
	status->state_number = peer_session(peer)->state - FSM_IDLE + 1u;
	status->established = peer->up != NULL;
	status->local_as = peer->plan.local_as;
	status->remote_as = status_remote_as(peer);
	status->since_ms = peer->changed_ms;
	status->reset_ms = peer->reset.at_ms != 0 ? peer->reset.at_ms : -1;
	status->updates_in = peer->in_count[MESSAGE_UPDATE];
	status->updates_out = peer->out_count[MESSAGE_UPDATE];
	status->messages_in = count_all(peer->in_count);
	status->messages_out = count_all(peer->out_count);
	status->ups = peer->ups;
	status->downs = peer->downs;
	for (i = 0; i < FAMILY_COUNT; i++) {
		status->families[i] = peer->up != NULL ? peer->up->families[i]
						       : peer->plan.families[i];
		status->received[i] = count_received(peer, i, false);
		status->accepted[i] = count_received(peer, i, true);
		status->told[i] = count_told(peer, i);
	}
}

void
peers_each(const struct peers *peers,
    void (*each)(void *arg, const struct peer_status *status), void *arg)
{
	struct peer_status status;
	const struct peer *peer;

	TAILQ_FOREACH (peer, &peers->list, link) {
		status_fill(peer, &status);
		each(arg, &status);
	}
}

/* What stands for the count while there is none; FRR's words. */
static const char *
summary_state(const struct peer *peer, enum family family)
{
	struct filter in, out;

	if (peer->up == NULL)
		return peer_state_name(peer);
	if (!peer->up->families[family])
		return "NoNeg";
	filter_make(peer, family, false, &in);
	filter_make(peer, family, true, &out);
	if (in.required && !in.has_list && !in.has_map && !out.has_list &&
	    !out.has_map)
		return "(Policy)";
	return NULL;
}

static void
summary_print(struct out *out, const struct peer *peer, enum family family,
    const struct peer_status *s, int width)
{
	const char *state = summary_state(peer, family);
	char addr[ADDR_TEXT], up[24];

	addr_print(&peer->addr, addr);
	show_uptime(up, sizeof(up), peer->changed_ms);
	out_print(out, "%-*s 4 %10u %9llu %9llu %8d %4d %4d %8s", width, addr,
	    s->remote_as, (unsigned long long)s->messages_in,
	    (unsigned long long)s->messages_out, 0, 0, 0, up);
	if (state != NULL)
		out_print(out, " %12s", state);
	else
		out_print(out, " %12u", s->accepted[family]);
	out_print(out, " %8u %s\n", s->told[family],
	    s->description != NULL ? s->description : "N/A");
}

static void
summary_json(struct out *out, const struct peer *peer, enum family family,
    const struct peer_status *s)
{
	char addr[ADDR_TEXT], up[24];

	show_uptime(up, sizeof(up), peer->changed_ms);
	out_object(out, addr_print(&peer->addr, addr));
	if (peer->up != NULL && peer->up->theirs.hostname[0] != '\0')
		out_string(out, "hostname", peer->up->theirs.hostname);
	out_int(out, "remoteAs", s->remote_as);
	out_int(out, "localAs", s->local_as);
	out_int(out, "version", 4);
	out_int(out, "msgRcvd", (int64_t)s->messages_in);
	out_int(out, "msgSent", (int64_t)s->messages_out);
	out_int(out, "tableVersion", 0);
	out_int(out, "outq", 0);
	out_int(out, "inq", 0);
	out_string(out, "peerUptime", up);
	out_int(out, "peerUptimeMsec",
	    s->since_ms < 0 ? 0 : show_now_ms() - s->since_ms);
	if (s->established)
		out_int(
		    out, "peerUptimeEstablishedEpoch", show_epoch(s->since_ms));
	out_int(out, "pfxRcd", s->accepted[family]);
	out_int(out, "pfxSnt", s->told[family]);
	out_string(out, "state", s->state);
	out_string(out, "peerState",
	    peer->config->shutdown ? "Admin"
	    : peer->overflown	   ? "PfxCt"
				   : "OK");
	out_int(out, "connectionsEstablished", s->ups);
	out_int(out, "connectionsDropped", s->downs);
	if (s->description != NULL)
		out_string(out, "desc", s->description);
	out_string(
	    out, "idType", peer->addr.family == AF_INET6 ? "ipv6" : "ipv4");
	out_close(out);
}

static void
summary_head(struct out *out, enum family family, unsigned count)
{
	struct rib_stats stats;
	char id[ADDR_TEXT];

	rib_stats(show_peers->rib, &stats);
	show_id(peers_router_id(show_peers), id);
	out_print(
	    out, "\n%s Summary (VRF default):\n", family_info[family].name);
	out_print(out,
	    "BGP router identifier %s, local AS number %u vrf-id 0\n", id,
	    peers_asn(show_peers));
	out_print(out, "BGP table version %llu\n",
	    (unsigned long long)stats.version[family]);
	out_print(out, "RIB entries %u, using %zu KiB of memory\n",
	    stats.prefixes[family], stats.memory / 1024);
	out_print(out, "Peers %u, using %zu KiB of memory\n\n", count,
	    count * sizeof(struct peer) / 1024);
	out_string(out, "routerId", id);
	out_int(out, "as", peers_asn(show_peers));
	out_int(out, "vrfId", 0);
	out_string(out, "vrfName", "default");
	out_int(out, "tableVersion", (int64_t)stats.version[family]);
	out_int(out, "ribCount", stats.prefixes[family]);
	out_int(out, "ribMemory", (int64_t)stats.memory);
	out_int(out, "peerCount", count);
	out_int(out, "peerMemory", (int64_t)(count * sizeof(struct peer)));
}

/* The first column takes the longest address. */
static int
summary_width(enum family family)
{
	const struct peer *peer;
	char addr[ADDR_TEXT];
	int len, width = 15;

	TAILQ_FOREACH (peer, &show_peers->list, link) {
		len = (int)strlen(addr_print(&peer->addr, addr));
		if (peer->plan.families[family] && len > width)
			width = len;
	}
	return width;
}

static unsigned
summary_count(enum family family)
{
	const struct peer *peer;
	unsigned count = 0;

	TAILQ_FOREACH (peer, &show_peers->list, link)
		count += peer->plan.families[family];
	return count;
}

/* `established`, `failed`, or all when neither was said. */
static bool
summary_wants(const struct cli_call *call, const struct peer *peer)
{
	return call_has(call, peer->up != NULL ? "established" : "failed") ||
	       !(call_has(call, "established") || call_has(call, "failed"));
}

static void
summary_family(
    struct cli_call *call, struct out *out, enum family family, unsigned count)
{
	struct peer_status status;
	const struct peer *peer;
	unsigned failed = 0;
	int width = summary_width(family);

	summary_head(out, family, count);
	out_print(out,
	    "%-*s V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down "
	    "State/PfxRcd   PfxSnt Desc\n",
	    width, "Neighbor");
	out_object(out, "peers");
	TAILQ_FOREACH (peer, &show_peers->list, link) {
		if (!peer->plan.families[family])
			continue;
		failed += peer->up == NULL;
		if (!summary_wants(call, peer))
			continue;
		status_fill(peer, &status);
		summary_print(out, peer, family, &status, width);
		summary_json(out, peer, family, &status);
	}
	out_close(out);
	out_print(out, "\nTotal number of neighbors %u\n", count);
	out_int(out, "failedPeers", failed);
	out_int(out, "displayedPeers", count);
	out_int(out, "totalPeers", count);
	out_int(out, "dynamicPeers", 0);
}

int
show_summary(struct cli_call *call)
{
	struct out *out = call_out(call);
	enum family asked = show_family(call);
	unsigned i, count, shown = 0;

	out_object(out, NULL);
	for (i = 0; i < FAMILY_COUNT && show_peers != NULL; i++) {
		count = summary_count(i);
		if (count == 0 || (asked != FAMILY_NONE && asked != i))
			continue;
		shown++;
		/* As FRR: the family's key stands where none was asked for. */
		if (asked == FAMILY_NONE)
			out_object(out, family_info[i].json);
		summary_family(call, out, i, count);
		if (asked == FAMILY_NONE)
			out_close(out);
	}
	out_close(out);
	if (shown == 0)
		out_print(out, "%% No BGP neighbors found in VRF default\n");
	return 0;
}
