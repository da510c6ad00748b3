/* SPDX-License-Identifier: ISC */
/* show bgp neighbors: everything about a session, in FRR's words and keys. */
#include <stdio.h>
#include <string.h>

#include "bfd/bfd.h"
#include "peer/show.h"

static void
neighbor_identity(struct out *out, const struct peer *peer)
{
	const struct plan *plan = &peer->plan;
	uint32_t remote_as =
	    peer->up != NULL ? peer->up->theirs.asn : plan->remote_as;
	char addr[ADDR_TEXT];

	out_print(out,
	    "BGP neighbor is %s, remote AS %u, local AS %u%s, %s link\n",
	    addr_print(&peer->addr, addr), remote_as, plan->local_as,
	    peer->config->no_prepend ? " no-prepend" : "",
	    plan->ebgp ? "external" : "internal");
	out_int(out, "remoteAs", remote_as);
	out_int(out, "localAs", plan->local_as);
	out_bool(out, plan->ebgp ? "nbrExternalLink" : "nbrInternalLink", true);
	if (peer->config->description != NULL) {
		out_print(out, " Description: %s\n", peer->config->description);
		out_string(out, "nbrDesc", peer->config->description);
	}
	if (cli_owner(&peer->config->node) != NULL) {
		out_print(out, "  Owned by plugin %s: told its routes alone\n",
		    cli_owner(&peer->config->node));
		out_string(out, "owner", cli_owner(&peer->config->node));
	}
	if (peer->up != NULL && peer->up->theirs.hostname[0] != '\0') {
		out_print(out, "Hostname: %s\n", peer->up->theirs.hostname);
		out_string(out, "hostname", peer->up->theirs.hostname);
	}
}

static void
neighbor_state(struct out *out, const struct peer *peer)
{
	const struct session *up = peer->up;
	char remote[ADDR_TEXT], local[ADDR_TEXT], time[24];
	const char *state = name_of(fsm_state_names, peer_session(peer)->state);

	show_id(up != NULL ? up->theirs.router_id : 0, remote);
	show_id(
	    up != NULL ? up->router_id : peers_router_id(show_peers), local);
	out_print(out,
	    "  BGP version 4, remote router ID %s, local router ID %s\n",
	    remote, local);
	out_print(out, "  BGP state = %s", state);
	out_int(out, "bgpVersion", 4);
	out_string(out, "remoteRouterId", remote);
	out_string(out, "localRouterId", local);
	out_string(out, "bgpState", state);
	if (up != NULL) {
		show_uptime(time, sizeof(time), peer->changed_ms);
		out_print(out, ", up for %s", time);
		out_int(
		    out, "bgpTimerUpMsec", show_now_ms() - peer->changed_ms);
		out_string(out, "bgpTimerUpString", time);
		out_int(out, "bgpTimerUpEstablishedEpoch",
		    show_epoch(peer->changed_ms));
	} else if (peer->config->shutdown) {
		out_print(out, " (Admin)");
		out_bool(out, "adminShutDown", true);
	} else if (peer->overflown) {
		out_print(out, " (PfxCt)");
		out_bool(out, "prefixOverflow", true);
	}
	out_print(out, "\n");
	if (peer->obstacle[0] != '\0') {
		out_print(out, "  Last attempt: %s\n", peer->obstacle);
		out_string(out, "lastAttempt", peer->obstacle);
	}
}

static void
neighbor_timers(struct out *out, const struct peer *peer)
{
	const struct session *up = peer->up;
	unsigned hold = up != NULL ? up->hold_secs : peer->plan.hold_secs;
	unsigned keepalive =
	    up != NULL ? up->keepalive_secs : peer->plan.keepalive_secs;
	char heard[24], said[24];

	show_uptime(heard, sizeof(heard), up != NULL ? up->heard_ms : -1);
	show_uptime(said, sizeof(said), up != NULL ? up->progress_ms : -1);
	out_print(out, "  Last read %s, Last write %s\n", heard, said);
	out_print(out,
	    "  Hold time is %u seconds, keepalive interval is %u seconds\n",
	    hold, keepalive);
	out_print(out,
	    "  Configured hold time is %u seconds, keepalive interval is %u "
	    "seconds\n",
	    peer->plan.hold_secs, peer->plan.keepalive_secs);
	if (up != NULL) {
		out_int(out, "bgpTimerLastRead", show_now_ms() - up->heard_ms);
		out_int(
		    out, "bgpTimerLastWrite", show_now_ms() - up->progress_ms);
	}
	out_int(out, "bgpTimerConfiguredHoldTimeMsecs",
	    peer->plan.hold_secs * INT64_C(1000));
	out_int(out, "bgpTimerConfiguredKeepAliveIntervalMsecs",
	    peer->plan.keepalive_secs * INT64_C(1000));
	out_int(out, "bgpTimerHoldTimeMsecs", hold * INT64_C(1000));
	out_int(
	    out, "bgpTimerKeepAliveIntervalMsecs", keepalive * INT64_C(1000));
}

/* What we always announce, and whether the peer did. */
static const struct {
	enum capability bit;
	const char *name, *json;
} capabilities[] = {
	{ CAP_AS4, "4 Byte AS", "4byteAs" },
	{ CAP_REFRESH, "Route refresh", "routeRefresh" },
};

static void
neighbor_families(struct out *out, const struct peer *peer)
{
	const bool *theirs = peer->up->theirs.families;
	unsigned i;

	out_object(out, "multiprotocolExtensions");
	for (i = 0; i < FAMILY_COUNT; i++) {
		bool ours = peer->plan.families[i];

		if (!ours && !theirs[i])
			continue;
		out_print(out, "    Address Family %s: %s%s%s\n",
		    family_info[i].name, ours ? "advertised" : "",
		    ours && theirs[i] ? " and " : "",
		    theirs[i] ? "received" : "");
		out_object(out, family_info[i].json);
		out_bool(out,
		    ours && theirs[i] ? "advertisedAndReceived"
		    : ours	      ? "advertised"
				      : "received",
		    true);
		out_close(out);
	}
	out_close(out);
}

static void
neighbor_capabilities(struct out *out, const struct peer *peer)
{
	uint32_t theirs;
	unsigned i;
	bool both;

	if (peer->up == NULL)
		return;
	theirs = peer->up->theirs.capabilities;
	out_print(out, "  Neighbor capabilities:\n");
	out_object(out, "neighborCapabilities");
	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		both = (theirs & capabilities[i].bit) != 0;
		out_print(out, "    %s: advertised%s\n", capabilities[i].name,
		    both ? " and received" : "");
		out_string(out, capabilities[i].json,
		    both ? "advertisedAndReceived" : "advertised");
	}
	neighbor_families(out, peer);
	out_print(out,
	    "    Hostname Capability: advertised (name: %s,domain name: n/a) ",
	    show_peers->hostname);
	out_object(out, "hostName");
	out_string(out, "advHostName", show_peers->hostname);
	if (peer->up->theirs.hostname[0] != '\0') {
		out_print(out, "received (name: %s,domain name: n/a)\n",
		    peer->up->theirs.hostname);
		out_string(out, "rcvHostName", peer->up->theirs.hostname);
	} else {
		out_print(out, "not received\n");
	}
	out_close(out);
	out_close(out);
}

static const struct {
	unsigned type;
	const char *text, *sent, *received;
} statistics[] = {
	{ MESSAGE_OPEN, "Opens:", "opensSent", "opensRecv" },
	{ MESSAGE_NOTIFICATION, "Notifications:", "notificationsSent",
	    "notificationsRecv" },
	{ MESSAGE_UPDATE, "Updates:", "updatesSent", "updatesRecv" },
	{ MESSAGE_KEEPALIVE, "Keepalives:", "keepalivesSent",
	    "keepalivesRecv" },
	{ MESSAGE_REFRESH, "Route Refresh:", "routeRefreshSent",
	    "routeRefreshRecv" },
};

static void
neighbor_statistics(struct out *out, const struct peer *peer)
{
	unsigned long long sent, received, all_sent = 0, all_received = 0;
	unsigned i;

	out_print(out,
	    "  Message statistics:\n    Inq depth is 0\n    Outq depth is 0\n"
	    "                         Sent       Rcvd\n");
	out_object(out, "messageStats");
	out_int(out, "depthInq", 0);
	out_int(out, "depthOutq", 0);
	for (i = 0; i < sizeof(statistics) / sizeof(statistics[0]); i++) {
		sent = peer->out_count[statistics[i].type];
		received = peer->in_count[statistics[i].type];
		all_sent += sent;
		all_received += received;
		out_print(out, "    %-16s %9llu  %9llu\n", statistics[i].text,
		    sent, received);
		out_int(out, statistics[i].sent, (int64_t)sent);
		out_int(out, statistics[i].received, (int64_t)received);
	}
	out_print(
	    out, "    Total:           %9llu  %9llu\n", all_sent, all_received);
	out_int(out, "totalSent", (int64_t)all_sent);
	out_int(out, "totalRecv", (int64_t)all_received);
	out_close(out);
	out_print(out,
	    "  UPDATEs treated as withdrawal %u, with an attribute discarded "
	    "%u\n",
	    peer->withdrawn, peer->discarded);
	out_int(out, "updatesTreatedAsWithdraw", peer->withdrawn);
	out_int(out, "updatesWithAttributeDiscarded", peer->discarded);
}

static void
family_filter(struct out *out, const char *what, const char *direction,
    const char *key, const char *name)
{
	if (name == NULL)
		return;
	out_print(out, "  %s update %s is %s\n", direction, what, name);
	out_string(out, key, name);
}

static void
neighbor_policies(struct out *out, const struct neighbor_family *line)
{
	if (line == NULL)
		return;
	if (line->next_hop_self) {
		out_print(out, "  NEXT_HOP is always this router\n");
		out_bool(out, "routerAlwaysNextHop", true);
	}
	family_filter(out, "prefix filter list", "Incoming",
	    "incomingUpdatePrefixFilterList", line->prefix_list_in);
	family_filter(out, "prefix filter list", "Outgoing",
	    "outgoingUpdatePrefixFilterList", line->prefix_list_out);
	family_filter(out, "route-map", "Incoming",
	    "routeMapForIncomingAdvertisements", line->route_map_in);
	family_filter(out, "route-map", "Outgoing",
	    "routeMapForOutgoingAdvertisements", line->route_map_out);
	if (line->max_prefixes != 0) {
		out_print(out, "  Maximum prefixes allowed %u%s\n",
		    line->max_prefixes,
		    line->max_warning_only ? " (warning-only)" : "");
		out_int(out, "prefixAllowedMax", line->max_prefixes);
	}
}

static void
neighbor_family(struct out *out, const struct peer *peer, enum family family)
{
	struct rib_member *member = peer->families[family].member;
	const char *obstacle = tell_obstacle(peer, family);
	uint32_t accepted = 0, told = 0;

	if (peer->source != NULL)
		accepted = rib_source_count(peer->source, family, true);
	out_print(out, "\n For address family: %s\n", family_info[family].name);
	out_object(out, family_info[family].json);
	if (member != NULL) {
		told = rib_member_count(member);
		out_print(out, "  Update group %u, subgroup %u\n",
		    rib_member_group_id(member), rib_member_group_id(member));
		out_int(out, "updateGroupId", rib_member_group_id(member));
	} else {
		out_print(out, "  Not part of any update group\n");
	}
	neighbor_policies(out, peer->lines[family]);
	if (obstacle != NULL) {
		out_print(out, "  %s\n", obstacle);
		out_string(out, "obstacle", obstacle);
	}
	out_print(out, "  %u accepted prefixes\n", accepted);
	out_int(out, "acceptedPrefixCounter", accepted);
	out_int(out, "sentPrefixCounter", told);
	out_close(out);
}

static void
neighbor_reset(struct out *out, const struct peer *peer)
{
	const struct peer_reset *reset = &peer->reset;
	char time[24], name[96], why[320];

	out_print(out, "\n  Connections established %u; dropped %u\n",
	    peer->ups, peer->downs);
	out_int(out, "connectionsEstablished", peer->ups);
	out_int(out, "connectionsDropped", peer->downs);
	if (reset->at_ms == 0) {
		out_print(out, "  Last reset never\n");
		return;
	}
	show_uptime(time, sizeof(time), reset->at_ms);
	if (reset->notified)
		snprintf(why, sizeof(why), "Notification %s (%s)",
		    reset->sent ? "sent" : "received",
		    notification_name(
			reset->code, reset->subcode, name, sizeof(name)));
	else
		snprintf(why, sizeof(why), "%s", reset->text);
	out_print(out, "  Last reset %s,  due to %s\n", time, why);
	out_int(out, "lastResetTimerMsecs", show_now_ms() - reset->at_ms);
	out_string(out, "lastResetDueTo", why);
	if (reset->notified && reset->text[0] != '\0') {
		out_print(out, "    Message: \"%s\"\n", reset->text);
		out_string(out, "lastShutdownDescription", reset->text);
	}
}

/* What was agreed on, and how long it has been as it is. */
static void
neighbor_bfd(struct out *out, const struct peer *peer)
{
	const char *type, *state;
	struct bfd_status s;
	char time[24];

	if (peer->bfd == NULL || !bfd_client_status(peer->bfd, &s))
		return;
	type = s.multihop ? "multi hop" : "single hop";
	state = s.state == BFD_UP ? "Up" : "Down";
	text_uptime(time, sizeof(time), (s.now_us - s.changed_us) / 1000000);
	out_print(out,
	    "\n  BFD: Type: %s%s\n    Detect Multiplier: %u, Min Rx interval: "
	    "%lld, Min Tx interval: %lld\n    Status: %s, Last update: %s\n",
	    type, peer->config->bfd_strict ? ", strict" : "",
	    s.knobs.multiplier, (long long)(s.knobs.rx_us / BFD_MS),
	    (long long)(s.knobs.tx_us / BFD_MS), state, time);
	out_object(out, "peerBfdInfo");
	out_string(out, "type", type);
	out_int(out, "detectMultiplier", s.knobs.multiplier);
	out_int(out, "rxMinInterval", s.knobs.rx_us / BFD_MS);
	out_int(out, "txMinInterval", s.knobs.tx_us / BFD_MS);
	out_string(out, "status", state);
	out_string(out, "lastUpdate", time);
	out_bool(out, "strict", peer->config->bfd_strict);
	out_close(out);
}

static void
neighbor_ends(struct out *out, const struct peer *peer)
{
	const struct session *up = peer->up;
	char addr[ADDR_TEXT];

	if (peer->plan.ebgp && !peer->config->multihop)
		out_int(out, "externalBgpNbrMaxHopsAway", 1);
	if (up != NULL) {
		addr_print(&up->local, addr);
		out_print(out, "Local host: %s, Local port: %u\n", addr,
		    up->local_port);
		out_string(out, "hostLocal", addr);
		out_int(out, "portLocal", up->local_port);
		addr_print(&peer->addr, addr);
		out_print(out, "Foreign host: %s, Foreign port: %u\n", addr,
		    up->remote_port);
		out_string(out, "hostForeign", addr);
		out_int(out, "portForeign", up->remote_port);
	}
	out_print(out, "BGP Connect Retry Timer in Seconds: %u\n",
	    peer->plan.connect_secs);
	out_int(out, "connectRetryTimer", peer->plan.connect_secs);
	if (up == NULL && timer_is_on(peer->retry)) {
		out_print(out, "Next connect timer due in %lld seconds\n",
		    (long long)timer_left_ms(peer->retry) / 1000);
		out_int(out, "nextConnectTimerDueInMsecs",
		    timer_left_ms(peer->retry));
	}
	out_print(out, "\n");
}

static void
neighbor_show(struct out *out, const struct peer *peer)
{
	char addr[ADDR_TEXT];
	unsigned i;

	out_object(out, addr_print(&peer->addr, addr));
	neighbor_identity(out, peer);
	neighbor_state(out, peer);
	neighbor_timers(out, peer);
	neighbor_capabilities(out, peer);
	neighbor_statistics(out, peer);
	out_object(out, "addressFamilyInfo");
	for (i = 0; i < FAMILY_COUNT; i++)
		if (peer->plan.families[i])
			neighbor_family(out, peer, i);
	out_close(out);
	neighbor_bfd(out, peer);
	neighbor_reset(out, peer);
	neighbor_ends(out, peer);
	out_close(out);
}

int
show_neighbors(struct cli_call *call)
{
	struct out *out = call_out(call);
	struct peer *peer, *only = NULL;

	if (show_peers == NULL)
		return call_fail(call, "BGP is not running");
	if (call_arg(call, "ADDR") != NULL) {
		only = show_peer(call);
		if (only == NULL)
			return -1;
	}
	out_object(out, NULL);
	TAILQ_FOREACH (peer, &show_peers->list, link)
		if (only == NULL || peer == only)
			neighbor_show(out, peer);
	out_close(out);
	return 0;
}
