/* SPDX-License-Identifier: ISC */
/* show bfd peers, in FRR's layout and keys; clear bfd peers counters. */
#include <stdio.h>
#include <string.h>

#include "bfd/language.h"
#include "cli/out.h"

static struct bfd *show_bfd;

void
bfd_bind_shows(struct bfd *bfd)
{
	show_bfd = bfd;
}

/* What is shown of whom. */
struct showing {
	struct out *out;
	struct addr peer, local; /* family 0: of all */
	const char *interface;
	bool multihop;
	bool one; /* as an object of its own */
	unsigned count;
	void (*each)(struct out *out, const struct bfd_status *status);
};

static long long
ms_of(int64_t us)
{
	return (long long)(us / BFD_MS);
}

/* "300ms"; what is no whole number of them with its fraction. */
static const char *
interval_print(uint32_t us, char out[24])
{
	if (us % BFD_MS == 0)
		snprintf(out, 24, "%lldms", ms_of(us));
	else
		snprintf(out, 24, "%.3fms", us / 1e3);
	return out;
}

/* FRR's: 1 day(s), 2 hour(s), 3 minute(s), 4 second(s) */
static void
since_print(int64_t secs, char *out, size_t size)
{
	long long days = secs / 86400, hours = secs / 3600 % 24,
		  minutes = secs / 60 % 60;
	int n = 0;

	if (days > 0)
		n += snprintf(out, size, "%lld day(s), ", days);
	if (days > 0 || hours > 0)
		n += snprintf(
		    out + n, size - (size_t)n, "%lld hour(s), ", hours);
	if (days > 0 || hours > 0 || minutes > 0)
		n += snprintf(
		    out + n, size - (size_t)n, "%lld minute(s), ", minutes);
	snprintf(out + n, size - (size_t)n, "%lld second(s)",
	    (long long)(secs % 60));
}

/* One session ------------------------------------------------------------------ */

static void
peer_name(struct out *out, const struct bfd_status *s)
{
	char text[ADDR_TEXT];

	out_print(out, "\tpeer %s", addr_print(&s->peer, text));
	out_bool(out, "multihop", s->multihop);
	out_string(out, "peer", text);
	if (s->multihop)
		out_print(out, " multihop");
	if (s->local.family != 0) {
		addr_print(&s->local, text);
		out_print(out, " local-address %s", text);
		out_string(out, "local", text);
	}
	out_print(out, " vrf default");
	out_string(out, "vrf", "default");
	if (s->interface != NULL) {
		out_print(out, " interface %s", s->interface);
		out_string(out, "interface", s->interface);
	}
	out_print(out, "\n");
}

static void
peer_state(struct out *out, const struct bfd_status *s)
{
	int64_t secs = (s->now_us - s->changed_us) / 1000000;
	const char *state = name_of(bfd_state_names, s->state);
	char time[80];

	out_print(out, "\t\tStatus: %s\n", state);
	out_string(out, "status", state);
	since_print(secs, time, sizeof(time));
	if (s->state == BFD_UP) {
		out_print(out, "\t\tUptime: %s\n", time);
		out_int(out, "uptime", secs);
	} else if (s->state == BFD_DOWN) {
		out_print(out, "\t\tDowntime: %s\n", time);
		out_int(out, "downtime", secs);
	}
	out_print(out, "\t\tDiagnostics: %s\n\t\tRemote diagnostics: %s\n",
	    bfd_diag_name(s->diag), bfd_diag_name(s->remote_diag));
	out_string(out, "diagnostic", bfd_diag_name(s->diag));
	out_string(out, "remote-diagnostic", bfd_diag_name(s->remote_diag));
	if (s->obstacle != NULL) {
		out_print(out, "\t\tCannot send: %s\n", s->obstacle);
		out_string(out, "obstacle", s->obstacle);
	}
}

static void
peer_identity(struct out *out, const struct bfd_status *s)
{
	out_print(
	    out, "\t\tID: %u\n\t\tRemote ID: %u\n", s->discr, s->remote_discr);
	out_int(out, "id", s->discr);
	out_int(out, "remote-id", s->remote_discr);
	out_print(
	    out, "\t\t%s mode\n", s->knobs.passive ? "Passive" : "Active");
	out_bool(out, "passive-mode", s->knobs.passive);
	if (s->multihop) {
		out_print(out, "\t\tMinimum TTL: %u\n", s->knobs.min_ttl);
		out_int(out, "minimum-ttl", s->knobs.min_ttl);
	}
}

static const char *const auth_names[] = {
	[BFD_AUTH_SIMPLE] = "simple",
	[BFD_AUTH_MD5] = "keyed-md5",
	[BFD_AUTH_METICULOUS_MD5] = "meticulous-keyed-md5",
	[BFD_AUTH_SHA1] = "keyed-sha1",
	[BFD_AUTH_METICULOUS_SHA1] = "meticulous-keyed-sha1",
};

static void
peer_users(struct out *out, const struct bfd_status *s)
{
	const char *type = s->configured ? "configured" : "dynamic";

	out_print(out, "\t\tPeer Type: %s\n", type);
	out_string(out, "type", type);
	out_print(out, "\t\tClients: %u\n", s->clients);
	out_int(out, "clients", s->clients);
	if (s->profile != NULL) {
		out_print(out, "\t\tProfile: %s\n", s->profile);
		out_string(out, "profile", s->profile);
	}
	if (s->knobs.key.type != BFD_AUTH_NONE) {
		out_print(out, "\t\tAuthentication: %s, key %u\n",
		    auth_names[s->knobs.key.type], s->knobs.key.id);
		out_string(
		    out, "authentication", auth_names[s->knobs.key.type]);
	}
}

/* In force, after what both ends have said. */
static void
peer_in_force(struct out *out, const struct bfd_status *s)
{
	char sent[24], detected[24];

	out_print(out,
	    "\t\tIn force:\n\t\t\tTransmission interval: %s\n"
	    "\t\t\tDetection time: %s\n",
	    interval_print(s->interval_us, sent),
	    interval_print((uint32_t)s->detection_us, detected));
	out_int(out, "transmit-interval-usec", s->interval_us);
	out_int(out, "detection-time-usec", s->detection_us);
}

static void
peer_timers(struct out *out, const struct bfd_status *s)
{
	char rx[24], tx[24], echo[24];
	/* What is assumed of a peer that has said nothing is not shown. */
	uint32_t remote_rx_us = s->remote_discr != 0 ? s->remote_rx_us : 0;

	out_print(out,
	    "\t\tLocal timers:\n\t\t\tDetect-multiplier: %u\n"
	    "\t\t\tReceive interval: %s\n\t\t\tTransmission interval: %s\n"
	    "\t\t\tEcho receive interval: disabled\n"
	    "\t\t\tEcho transmission interval: disabled\n",
	    s->knobs.multiplier, interval_print(s->knobs.rx_us, rx),
	    interval_print(s->knobs.tx_us, tx));
	out_int(out, "detect-multiplier", s->knobs.multiplier);
	out_int(out, "receive-interval", ms_of(s->knobs.rx_us));
	out_int(out, "transmit-interval", ms_of(s->knobs.tx_us));
	out_int(out, "echo-receive-interval", 0);
	out_int(out, "echo-transmit-interval", 0);
	out_print(out,
	    "\t\tRemote timers:\n\t\t\tDetect-multiplier: %u\n"
	    "\t\t\tReceive interval: %s\n\t\t\tTransmission interval: %s\n"
	    "\t\t\tEcho receive interval: %s\n",
	    s->remote_multiplier, interval_print(remote_rx_us, rx),
	    interval_print(s->remote_tx_us, tx),
	    s->remote_echo_us == 0 ? "disabled"
				   : interval_print(s->remote_echo_us, echo));
	out_int(out, "remote-detect-multiplier", s->remote_multiplier);
	out_int(out, "remote-receive-interval", ms_of(remote_rx_us));
	out_int(out, "remote-transmit-interval", ms_of(s->remote_tx_us));
	out_int(out, "remote-echo-receive-interval", ms_of(s->remote_echo_us));
}

static void
peer_show(struct out *out, const struct bfd_status *s)
{
	peer_name(out, s);
	peer_identity(out, s);
	peer_state(out, s);
	peer_users(out, s);
	peer_timers(out, s);
	peer_in_force(out, s);
	out_print(out, "\n");
}

static void
counters_show(struct out *out, const struct bfd_status *s)
{
	const struct bfd_counters *c = &s->counters;

	peer_name(out, s);
	out_int(out, "id", s->discr);
	out_print(out,
	    "\t\tControl packet input: %llu packets\n"
	    "\t\tControl packet output: %llu packets\n"
	    "\t\tEcho packet input: 0 packets\n"
	    "\t\tEcho packet output: 0 packets\n"
	    "\t\tSession up events: %u\n\t\tSession down events: %u\n"
	    "\t\tPackets refused: %llu\n\t\tTurns too late to judge: %u\n\n",
	    (unsigned long long)c->in, (unsigned long long)c->out, c->ups,
	    c->downs, (unsigned long long)c->refused, c->late);
	out_int(out, "control-packet-input", (int64_t)c->in);
	out_int(out, "control-packet-output", (int64_t)c->out);
	out_int(out, "echo-packet-input", 0);
	out_int(out, "echo-packet-output", 0);
	out_int(out, "session-up", c->ups);
	out_int(out, "session-down", c->downs);
	out_int(out, "zebra-notifications", 0);
	out_int(out, "packets-refused", (int64_t)c->refused);
	out_int(out, "late-turns", c->late);
}

static void
brief_show(struct out *out, const struct bfd_status *s)
{
	const char *state = name_of(bfd_state_names, s->state);
	char local[ADDR_TEXT] = "unknown", peer[ADDR_TEXT];

	if (s->local.family != 0)
		addr_print(&s->local, local);
	addr_print(&s->peer, peer);
	out_print(
	    out, "%-10u %-40s %-40s %-15s\n", s->discr, local, peer, state);
	out_int(out, "id", s->discr);
	out_int(out, "remote-id", s->remote_discr);
	out_bool(out, "multihop", s->multihop);
	out_string(out, "peer", peer);
	if (s->local.family != 0)
		out_string(out, "local", local);
	if (s->interface != NULL)
		out_string(out, "interface", s->interface);
	out_string(out, "vrf", "default");
	out_string(out, "status", state);
}

/* The commands ------------------------------------------------------------------- */

static bool
showing_wants(const struct showing *showing, const struct bfd_status *s)
{
	if (showing->peer.family == 0)
		return true;
	return addr_equal(&showing->peer, &s->peer) &&
	       (!showing->multihop || s->multihop) &&
	       (showing->local.family == 0 ||
		   addr_equal(&showing->local, &s->local)) &&
	       (showing->interface == NULL ||
		   (s->interface != NULL &&
		       strcmp(showing->interface, s->interface) == 0));
}

static void
showing_each(void *arg, const struct bfd_status *status)
{
	struct showing *showing = arg;

	if (!showing_wants(showing, status) ||
	    (showing->one && showing->count > 0))
		return;
	showing->count++;
	out_object(showing->out, NULL);
	showing->each(showing->out, status);
	out_close(showing->out);
}

/* Of the session that the line names, or of all. */
static int
showing_run(struct cli_call *call, const char *title,
    void (*each)(struct out *, const struct bfd_status *))
{
	struct showing showing = { .out = call_out(call), .each = each };
	const char *peer = call_arg(call, "ADDR");

	if (show_bfd == NULL)
		return call_fail(call, "BFD is not running");
	showing.one = peer != NULL;
	showing.multihop = call_has(call, "multihop");
	showing.interface = call_arg(call, "IFNAME");
	if (peer != NULL && addr_read(peer, &showing.peer) < 0)
		return call_fail(call, "%s is not an address", peer);
	showing.peer.scope = 0;
	if (call_arg(call, "LOCAL") != NULL &&
	    addr_read(call_arg(call, "LOCAL"), &showing.local) < 0)
		return call_fail(
		    call, "%s is not an address", call_arg(call, "LOCAL"));
	if (!showing.one)
		out_array(showing.out, NULL);
	out_print(showing.out, "%s", title);
	bfd_each(show_bfd, showing_each, &showing);
	if (!showing.one)
		out_close(showing.out);
	else if (showing.count == 0)
		return call_fail(call, "There is no BFD session with %s", peer);
	return 0;
}

static void
totals_show(struct out *out)
{
	struct bfd_totals totals;

	bfd_get_totals(show_bfd, &totals);
	if (!totals.running)
		return;
	out_print(out,
	    "BFD thread: %s, turns later than 5 ms: %llu, the latest %.3f ms\n"
	    "Packets of no session: %llu, malformed: %llu, from too far: "
	    "%llu\n",
	    totals.real_time ? "real-time (SCHED_RR)" : "not real-time",
	    (unsigned long long)totals.late, (double)totals.latest_us / 1e3,
	    (unsigned long long)totals.unknown,
	    (unsigned long long)totals.malformed,
	    (unsigned long long)totals.far);
}

int
bfd_show_peers(struct cli_call *call)
{
	return showing_run(call, "BFD Peers:\n", peer_show);
}

int
bfd_show_counters(struct cli_call *call)
{
	int status = showing_run(call, "BFD Peers:\n", counters_show);

	if (status == 0 && call_arg(call, "ADDR") == NULL)
		totals_show(call_out(call));
	return status;
}

static void
count_each(void *arg, const struct bfd_status *status)
{
	(void)status;
	++*(unsigned *)arg;
}

int
bfd_show_brief(struct cli_call *call)
{
	char title[256];
	unsigned count = 0;

	if (show_bfd != NULL)
		bfd_each(show_bfd, count_each, &count);
	snprintf(title, sizeof(title),
	    "Session count: %u\n%-10s %-40s %-40s %-15s\n%-10s %-40s %-40s "
	    "%-15s\n",
	    count, "SessionId", "LocalAddress", "PeerAddress", "Status",
	    "=========", "============", "===========", "======");
	return showing_run(call, title, brief_show);
}

int
bfd_clear_counters(struct cli_call *call)
{
	if (show_bfd == NULL)
		return call_fail(call, "BFD is not running");
	engine_clear_counters(show_bfd->engine);
	return 0;
}
