/* SPDX-License-Identifier: ISC */
/* The language of this floor: web listen, show web, show process. */
#include <stdio.h>

#include "cli/out.h"
#include "cli/read.h"
#include "net/net.h"
#include "util/addr.h"
#include "web/web.h"

const struct cli_node_type web_listen_type = {
	.name = "web listen",
	.form = CLI_ENTRY,
	.size = sizeof(struct web_listen),
	.key_fields = 2,
};

static const struct cli_row root_rows[] = {
	NODE("web listen ADDR PORT",
	    CLI_FIELDS(
		CLI_FIELD("ADDR", cli_address, web_listen, addr, NULL, 0, 0),
		CLI_FIELD("PORT", cli_u16, web_listen, port, NULL, 1, 65535)),
	    web_listen_type, 0,
	    "Serve /metrics, /healthz and /readyz over HTTP"),
	HELP("web", "Metrics and health over HTTP"),
	ROWS_END,
};

static const struct web *shown;

void
web_show_bind(const struct web *web)
{
	shown = web;
}

/* show web ------------------------------------------------------------------------ */

static void
listener_show(void *arg, const struct web_listener_status *s)
{
	struct out *out = arg;
	char addr[ADDR_TEXT];

	addr_print(s->addr, addr);
	out_print(out, "%-39s %5u %-9s %9llu %8llu %5u\n", addr, s->port,
	    s->why == NULL ? "listening" : "waiting",
	    (unsigned long long)s->requests, (unsigned long long)s->full,
	    s->open);
	out_object(out, NULL);
	out_string(out, "address", addr);
	out_int(out, "port", s->port);
	out_string(out, "state", s->why == NULL ? "listening" : "waiting");
	if (s->why != NULL) {
		out_print(out, "  %s\n", s->why);
		out_string(out, "why", s->why);
	}
	out_int(out, "requests", (int64_t)s->requests);
	out_int(out, "full", (int64_t)s->full);
	out_int(out, "open", s->open);
	out_close(out);
}

static int
show_web(struct cli_call *call)
{
	struct out *out = call_out(call);

	out_print(out, "%-39s %5s %-9s %9s %8s %5s\n", "Address", "Port",
	    "State", "Requests", "Full", "Open");
	out_object(out, NULL);
	out_array(out, "listeners");
	if (shown != NULL)
		web_each(shown, listener_show, out);
	out_close(out);
	out_close(out);
	return 0;
}

/* show process ---------------------------------------------------------------------- */

static const char *const kind_names[LOOP_KIND_COUNT] = {
	[LOOP_TIMER] = "timer",
	[LOOP_DESCRIPTOR] = "descriptor",
	[LOOP_TASK] = "task",
	[LOOP_POST] = "post",
	[LOOP_SIGNAL] = "signal",
};

static void
usage_show(struct out *out)
{
	struct usage u;

	usage_get(&u);
	out_print(out,
	    "Memory: %llu KiB resident, %llu KiB virtual\n"
	    "Processor: %.2f seconds\n"
	    "Descriptors: %u open, at most %llu\n",
	    (unsigned long long)u.resident_bytes / 1024,
	    (unsigned long long)u.virtual_bytes / 1024, u.cpu_secs, u.open_fds,
	    (unsigned long long)u.max_fds);
	out_int(out, "residentBytes", (int64_t)u.resident_bytes);
	out_int(out, "virtualBytes", (int64_t)u.virtual_bytes);
	out_int(out, "processorMsec", (int64_t)(u.cpu_secs * 1000));
	out_int(out, "startedEpoch", (int64_t)u.started_epoch);
	out_int(out, "openDescriptors", u.open_fds);
	out_int(out, "maxDescriptors", (int64_t)u.max_fds);
	out_int(out, "threads", u.threads);
}

static void
loop_show(struct out *out, const struct loop *loop)
{
	struct loop_stats s;
	unsigned i;

	loop_get_stats(loop, &s);
	out_print(out, "Loop: %llu turns, %llu calls of more than 10 ms\n",
	    (unsigned long long)s.turns, (unsigned long long)s.slow);
	out_print(out,
	    "The longest call held it for %lld.%03lld ms: a %s, %lld seconds "
	    "ago\n",
	    (long long)s.longest_us / 1000, (long long)s.longest_us % 1000,
	    kind_names[s.longest_kind],
	    (long long)(loop_now_ms(loop) - s.longest_at_ms) / 1000);
	out_object(out, "loop");
	out_int(out, "turns", (int64_t)s.turns);
	out_int(out, "slowCalls", (int64_t)s.slow);
	out_int(out, "longestUsec", s.longest_us);
	out_string(out, "longestKind", kind_names[s.longest_kind]);
	out_int(out, "longestAgoMsec", loop_now_ms(loop) - s.longest_at_ms);
	out_print(out, "Calls:");
	out_object(out, "calls");
	for (i = 0; i < LOOP_KIND_COUNT; i++) {
		out_print(out, " %s %llu", kind_names[i],
		    (unsigned long long)s.calls[i]);
		out_int(out, kind_names[i], (int64_t)s.calls[i]);
	}
	out_print(out, "\n");
	out_close(out);
	out_close(out);
}

static int
show_process(struct cli_call *call)
{
	struct out *out = call_out(call);

	out_object(out, NULL);
	usage_show(out);
	if (shown != NULL)
		loop_show(out, web_house(shown)->loop);
	out_close(out);
	return 0;
}

static const struct cli_row show_rows[] = {
	RUN("show web", show_web, "HTTP listeners and what they served"),
	RUN("show process", show_process,
	    "Memory, processor time, and how long calls held the loop"),
	ROWS_END,
};

const struct cli_mount web_mounts[] = {
	{ NULL, show_rows, NULL },
	{ &cli_root, root_rows, NULL },
};
const unsigned web_mount_count = 2;
