/* SPDX-License-Identifier: ISC */
/* The backend "layer2": addresses answered by ARP and ND, by one node at a time. */

/*
 * In: addresses by the host's `carry` and `drop`, nodes by `on_members`, lines.
 * What is decided is the owner half's (owner.h), what is on the wire the carrier
 * half's (carrier.h); l2.h is the map of what stands between them.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "reach.h"

#define LOOK_MS 20

/* The log ------------------------------------------------------------------------------- */

#define CHAT_MS	   10000
#define CHAT_LINES 20

void
l2_say(struct l2 *l2, int topic, int level, const char *format, ...)
{
	struct chat *chat = &l2->chats[topic];
	char line[512];
	va_list ap;

	if (chat->said == 0)
		l2->host->timer_start(l2->chat, CHAT_MS);
	if (chat->said >= CHAT_LINES) {
		chat->left_out++;
		return;
	}
	chat->said++;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	l2->host->log(l2->self, level, "%s", line);
}

static void
on_chat(void *arg)
{
	static const char *const names[L2_TOPICS] = { "of addresses that moved",
		"of conflicts", "of what was not confirmed", "of interfaces" };
	struct l2 *l2 = arg;
	unsigned i;

	for (i = 0; i < L2_TOPICS; i++) {
		if (l2->chats[i].left_out > 0)
			l2->host->log(l2->self, LOG_NOTICE,
			    "%u more lines %s in %d s: see `show l2`",
			    l2->chats[i].left_out, names[i], CHAT_MS / 1000);
		l2->chats[i].said = l2->chats[i].left_out = 0;
	}
}

/* The owner half's clock --------------------------------------------------------------- */

void
l2_settle(struct l2 *l2)
{
	int64_t now_us = carrier_now_us(), next_us = owners_next(l2->owners);
	int64_t left_us = next_us - now_us;

	if (next_us == INT64_MAX)
		l2->host->timer_stop(l2->tick);
	else
		l2->host->timer_start(
		    l2->tick, left_us <= 0 ? 0 : (left_us + 999) / 1000);
}

static void
on_tick(void *arg)
{
	struct l2 *l2 = arg;

	owners_tick(l2->owners, carrier_now_us());
	l2_settle(l2);
}

void
l2_look_again(struct l2 *l2)
{
	/* carrier_new tells interfaces when nothing else is there. */
	if (l2->owners == NULL)
		return;
	cords_apply(l2);
	if (reach_apply(l2)) {
		duty_again(l2, true);
		cords_apply(l2);
	}
	crew_tell_ethers(l2);
	owners_carrier(l2->owners, cords_are_linked(l2), carrier_now_us());
	l2_settle(l2);
}

static void
on_look(void *arg)
{
	l2_look_again(arg);
}

void
l2_look_soon(struct l2 *l2)
{
	l2->host->timer_start(l2->look, LOOK_MS);
}

void
l2_leave(struct l2 *l2)
{
	if (l2->stopping)
		l2->host->ready_to_stop(l2->self);
}

void
l2_restart_owners(struct l2 *l2)
{
	struct timespec wall;
	uint64_t boot = 0;
	struct duty *d;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (getrandom(&boot, sizeof(boot), 0) != sizeof(boot))
		boot = (uint64_t)wall.tv_nsec;
	RB_FOREACH (d, duties, &l2->duties) {
		carrier_yield(l2->carrier, &d->address);
		carrier_prejoin(l2->carrier, &d->address, false);
		d->mine = d->wanted = d->confirmed = d->given_up = false;
		free(d->owner);
		d->owner = NULL;
	}
	owners_free(l2->owners);
	l2->owners = owners_new(l2->crew.self, boot,
	    (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
	    &duty_owner_calls, l2, carrier_now_us());
	owners_configure(l2->owners, &l2->knobs.owner, carrier_now_us());
	owners_gateway(l2->owners, witness_state(l2), carrier_now_us());
	crew_tell_ethers(l2);
	reach_say(l2);
}

/* The plugin's calls ------------------------------------------------------------------- */

/*
 * Who leaves is asked nothing more: that a source ends too is no news, and what is
 * being handed over must not fall silent before it is.
 */
static void
on_carry(void *arg, const struct bgpd_address *address, const char *group,
    uint32_t services)
{
	struct l2 *l2 = arg;

	if (!l2->stopping)
		duty_carry(l2, address, group, services);
}

static void
on_drop(void *arg, const struct bgpd_addr *address)
{
	struct l2 *l2 = arg;

	if (!l2->stopping)
		duty_drop(l2, address);
}

static void
on_members(void *arg, const struct bgpd_membership *members)
{
	struct l2 *l2 = arg;

	if (!l2->stopping)
		crew_take(l2, members);
}

static const struct bgpd_backend backend = {
	BGPD_INIT(struct bgpd_backend),
	.protocol = "layer2",
	.carry = on_carry,
	.drop = on_drop,
	.on_members = on_members,
};

static void
l2_free(struct l2 *l2)
{
	if (l2->witness != NULL)
		witness_close(l2);
	crew_close(l2);
	if (l2->mesh != NULL) {
		cords_close(l2);
		mesh_close(l2);
		reach_close(l2);
	}
	duty_close(l2);
	owners_free(l2->owners);
	if (l2->carrier != NULL)
		carrier_free(l2->carrier);
	l2->host->timer_free(l2->tick);
	l2->host->timer_free(l2->look);
	l2->host->timer_free(l2->chat);
	knobs_clear(&l2->knobs);
	free(l2);
}

static int
l2_start(const struct bgpd_host *host, struct bgpd_self *self, void **arg)
{
	struct l2 *l2 = kit_alloc(sizeof(*l2));

	l2->host = host;
	l2->self = self;
	knobs_read(&l2->knobs, NULL, 0, 0);
	l2->tick = host->timer_new(self, on_tick, l2);
	l2->look = host->timer_new(self, on_look, l2);
	l2->chat = host->timer_new(self, on_chat, l2);
	duty_open(l2);
	crew_open(l2);
	*arg = l2;
	l2->carrier = carrier_new(host, self, &duty_carrier_calls, l2);
	if (l2->carrier == NULL) {
		l2_free(l2);
		return -1;
	}
	reach_open(l2);
	mesh_open(l2);
	cords_open(l2);
	witness_open(l2);
	crew_apply(l2);
	/* Last: what sources offer already is told before it returns. */
	if (host->backend(self, &backend) == -1) {
		host->log(
		    self, LOG_ERR, "another plugin carries layer2 already");
		l2_free(l2);
		return -1;
	}
	host->on_scrape(self, tally_tell, l2);
	return 0;
}

static void
l2_stop(void *arg)
{
	l2_free(arg);
}

static const char *
l2_check(void *arg, const struct bgpd_line *lines, uint32_t line_count,
    uint32_t line_size, uint32_t *bad)
{
	(void)arg;
	return knobs_check(lines, line_count, line_size, bad);
}

static void
l2_configure(void *arg, const struct bgpd_line *lines, uint32_t line_count,
    uint32_t line_size)
{
	struct l2 *l2 = arg;
	struct knobs old = l2->knobs;
	const char *why;

	knobs_read(&l2->knobs, lines, line_count, line_size);
	why = carrier_configure(l2->carrier, &l2->knobs.carrier);
	if (why != NULL)
		l2->host->log(l2->self, LOG_ERR, "interfaces: %s", why);
	knobs_clear(&old);
	owners_configure(l2->owners, &l2->knobs.owner, carrier_now_us());
	crew_apply(l2);
}

static int
l2_run(void *arg, const struct bgpd_line *line, struct bgpd_out *out)
{
	return display_run(arg, line, out);
}

/*
 * All addresses are handed over, make before break; within 2.3 s (owner.h). Where
 * the daemon begins anew nothing moves.
 */
static void
l2_stopping(void *arg)
{
	struct l2 *l2 = arg;

	l2->stopping = true;
	owners_leave(l2->owners,
	    l2->host->is_restarting(l2->self) ? OWNERS_RESTART
					      : OWNERS_HANDOVER,
	    carrier_now_us());
	l2_settle(l2);
}

/* The one symbol. */
__attribute__((
    visibility("default"))) extern const struct bgpd_plugin bgpd_plugin;
const struct bgpd_plugin bgpd_plugin = {
	BGPD_INIT(struct bgpd_plugin),
	.name = "l2",
	.version = "0.1.0",
	.caption = "Backend layer2: addresses answered by ARP and ND",
	.rows = knobs_rows,
	.row_count = KNOBS_ROWS,
	.row_size = sizeof(struct bgpd_row),
	.start = l2_start,
	.stop = l2_stop,
	.check = l2_check,
	.configure = l2_configure,
	.run = l2_run,
	.on_stopping = l2_stopping,
};
