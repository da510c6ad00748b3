/* SPDX-License-Identifier: ISC */
/* A guest for tests: offers what its lines say, and carries it itself. */

/*
 * Built with the plugin.h of an older or a newer daemon, it tells what it sees
 * of the one that runs it. NAME is its name, and the protocol it carries.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "plugin.h"

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)
#define OUR_NAME     STRING(NAME)

enum { ROW_ADDRESS, ROW_COMMUNITY, ROW_SHOW, ROWS };

struct both {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct bgpd_timer *timer;
	struct bgpd_watch *watch;
	int pipe[2];
	unsigned carried, dropped, heard, timed, posted, read;
	uint32_t community;
};

/* What the host calls ----------------------------------------------------- */

static void
on_carry(void *arg, const struct bgpd_carry *carry)
{
	struct both *b = arg;

	b->heard += carry->state != NULL && strcmp(carry->state, "held") == 0;
}

static void
carry(void *arg, const struct bgpd_address *address, const char *group,
    uint32_t services)
{
	struct bgpd_carry said = { .abi = BGPD_ABI, .size = sizeof(said) };
	struct both *b = arg;

	(void)group, (void)services;
	b->carried++;
	said.address = address->address;
	said.protocol = OUR_NAME;
	said.state = "held";
	said.mine = 1;
	b->host->carried(b->self, &said);
}

static void
drop(void *arg, const struct bgpd_addr *address)
{
	(void)address;
	((struct both *)arg)->dropped++;
}

static void
on_members(void *arg, const struct bgpd_membership *members)
{
	(void)arg, (void)members;
}

static void
on_time(void *arg)
{
	struct both *b = arg;

	b->timed++;
	if (write(b->pipe[1], "x", 1) != 1)
		b->host->log(b->self, LOG_ERR, "the pipe is full");
}

static void
on_ready(void *arg, unsigned what)
{
	struct both *b = arg;
	char byte;

	if ((what & BGPD_READ) != 0 && read(b->pipe[0], &byte, 1) == 1)
		b->read++;
}

static void
on_post(void *arg)
{
	((struct both *)arg)->posted++;
}

/* What it offers ------------------------------------------------------------ */

static int
address_read(const char *text, struct bgpd_addr *address)
{
	unsigned a, b, c, d;

	if (sscanf(text, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
		return -1;
	address->family = 4;
	address->bytes[0] = (uint8_t)a;
	address->bytes[1] = (uint8_t)b;
	address->bytes[2] = (uint8_t)c;
	address->bytes[3] = (uint8_t)d;
	return 0;
}

/* Each address twice: told by BGP, and carried by ourselves, one further. */
static void
offer(struct both *b, const char *text)
{
	struct bgpd_route routes[2] = {
		{ .abi = BGPD_ABI, .size = sizeof(routes[0]) },
		{ .abi = BGPD_ABI, .size = sizeof(routes[0]) },
	};
	struct bgpd_address addresses[2] = {
		{ .abi = BGPD_ABI, .size = sizeof(addresses[0]) },
		{ .abi = BGPD_ABI, .size = sizeof(addresses[0]) },
	};
	struct bgpd_service service = { .abi = BGPD_ABI,
		.size = sizeof(service) };
	char name[64];

	if (address_read(text, &addresses[0].address) == -1)
		return;
	routes[0].prefix_len = 32;
	routes[0].communities = &b->community;
	routes[0].community_count = b->community != 0;
	routes[1].prefix_len = 24;
	addresses[0].protocol = "bgp";
	addresses[0].routes = routes;
	addresses[0].route_count = 2;
	addresses[0].route_size = sizeof(routes[0]);
	addresses[1].address = addresses[0].address;
	addresses[1].address.bytes[3]++;
	addresses[1].protocol = OUR_NAME;
	addresses[0].here = addresses[1].here = 1;
	addresses[0].phase = addresses[1].phase = BGPD_CARRIED;
	snprintf(name, sizeof(name), OUR_NAME "/%s", text);
	service.name = service.group = name;
	service.pool = "lines";
	service.addresses = addresses;
	service.address_count = 2;
	service.address_size = sizeof(addresses[0]);
	b->host->offer(b->self, &service);
}

/* Lines --------------------------------------------------------------------- */

static const struct bgpd_line *
line_at(const struct bgpd_line *lines, uint32_t i, uint32_t size)
{
	return (const void *)((const char *)lines + (size_t)i * size);
}

static const char *
check(void *arg, const struct bgpd_line *lines, uint32_t count, uint32_t size,
    uint32_t *bad)
{
	(void)arg;
	for (*bad = 0; *bad < count; ++*bad) {
		const struct bgpd_line *line = line_at(lines, *bad, size);

		if (line->id == ROW_ADDRESS &&
		    strcmp(line->values[0], "192.0.2.13") == 0)
			return "this address brings bad luck";
	}
	return NULL;
}

static void
configure(
    void *arg, const struct bgpd_line *lines, uint32_t count, uint32_t size)
{
	const struct bgpd_line *line;
	struct both *b = arg;
	uint32_t i;

	b->community = 0;
	for (i = 0; i < count; i++) {
		line = line_at(lines, i, size);
		if (line->id == ROW_COMMUNITY)
			b->community =
			    (uint32_t)strtoul(line->values[0], NULL, 10);
	}
	b->host->begin(b->self);
	for (i = 0; i < count; i++) {
		line = line_at(lines, i, size);
		if (line->id == ROW_ADDRESS)
			offer(b, line->values[0]);
	}
	b->host->end(b->self);
}

static int
run(void *arg, const struct bgpd_line *line, struct bgpd_out *out)
{
	struct both *b = arg;
	const struct bgpd_host *host = b->host;

	(void)line;
	if (!host->out_is_json(out)) {
		host->out_print(out, "%u carried\n", b->carried);
		return 0;
	}
	host->out_int(out, "carried", b->carried);
	host->out_int(out, "dropped", b->dropped);
	host->out_int(out, "heard", b->heard);
	host->out_int(out, "timed", b->timed);
	host->out_int(out, "posted", b->posted);
	host->out_int(out, "read", b->read);
	host->out_int(out, "abi", host->abi);
	host->out_int(out, "ours", BGPD_ABI);
	host->out_bool(out, "hostIsBigger", host->size > sizeof(*host));
	host->out_bool(out, "hostIsSmaller", host->size < sizeof(*host));
	return 0;
}

/* Up and down ----------------------------------------------------------------- */

static const struct bgpd_source source = {
	BGPD_INIT(struct bgpd_source),
	.name = OUR_NAME,
	.on_carry = on_carry,
};
static const struct bgpd_backend backend = {
	BGPD_INIT(struct bgpd_backend),
	.protocol = OUR_NAME,
	.carry = carry,
	.drop = drop,
	.on_members = on_members,
};

static int
start(const struct bgpd_host *host, struct bgpd_self *self, void **arg)
{
	struct both *b = calloc(1, sizeof(*b));

	if (b == NULL || pipe(b->pipe) == -1)
		return -1;
	*arg = b;
	b->host = host;
	b->self = self;
	if (host->source(self, &source) == -1 ||
	    host->backend(self, &backend) == -1)
		return -1;
	b->timer = host->timer_new(self, on_time, b);
	host->timer_start(b->timer, 1);
	b->watch = host->watch_new(self, b->pipe[0], on_ready, b);
	host->watch_set(b->watch, BGPD_READ);
	host->post(self, on_post, b);
	return 0;
}

static void
stop(void *arg)
{
	struct both *b = arg;

	b->host->timer_free(b->timer);
	b->host->watch_free(b->watch);
	close(b->pipe[0]);
	close(b->pipe[1]);
	free(b);
}

static const struct bgpd_row rows[ROWS] = {
	{ .abi = BGPD_ABI,
	    .size = sizeof(rows[0]),
	    .kind = BGPD_ROW_LINE,
	    .id = ROW_ADDRESS,
	    .syntax = "address ADDR",
	    .help = "Offer it" },
	{ .abi = BGPD_ABI,
	    .size = sizeof(rows[0]),
	    .kind = BGPD_ROW_LINE,
	    .id = ROW_COMMUNITY,
	    .syntax = "community N",
	    .help = "With it" },
	{ .abi = BGPD_ABI,
	    .size = sizeof(rows[0]),
	    .kind = BGPD_ROW_RUN,
	    .id = ROW_SHOW,
	    .syntax = "show " OUR_NAME,
	    .help = "Counts" },
};

/* The one symbol. */
__attribute__((
    visibility("default"))) extern const struct bgpd_plugin bgpd_plugin;
const struct bgpd_plugin bgpd_plugin = {
	BGPD_INIT(struct bgpd_plugin),
	.name = OUR_NAME,
	.version = "1.0",
	.caption = "Offers and carries, for tests",
	.rows = rows,
	.row_count = ROWS,
	.row_size = sizeof(rows[0]),
	.start = start,
	.stop = stop,
	.check = check,
	.configure = configure,
	.run = run,
};
