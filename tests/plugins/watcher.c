/* SPDX-License-Identifier: ISC */
/* A guest for tests that watches other hosts by BFD, and logs what it hears. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin.h"

#define MOST 64

struct watched {
	struct watcher *watcher;
	struct bgpd_bfd *bfd;
	char name[64];
};

struct watcher {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct watched all[MOST];
	uint32_t count;
};

static const char *const names[] = { "down", "up", "not yet", "admin" };

static long long
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The reason, and how long ago the peer's last packet was. */
static void
on_state(void *arg, int state, const char *why)
{
	struct watched *w = arg;
	const struct bgpd_host *host = w->watcher->host;
	long long heard = host->bfd_heard_us(w->bfd);

	host->log(w->watcher->self, 5, "%s is %s: %s, heard %lld us ago",
	    w->name, names[state], why,
	    heard == INT64_MIN ? -1 : now_us() - heard);
}

static int
read_addr(const char *word, struct bgpd_addr *addr)
{
	unsigned a, b, c, d;

	if (sscanf(word, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
		return -1;
	addr->family = 4;
	addr->bytes[0] = (uint8_t)a;
	addr->bytes[1] = (uint8_t)b;
	addr->bytes[2] = (uint8_t)c;
	addr->bytes[3] = (uint8_t)d;
	return 0;
}

static void
clear(struct watcher *s)
{
	while (s->count > 0)
		s->host->bfd_free(s->all[--s->count].bfd);
}

/* watch ADDR IFNAME USECS MULT */
static void
watch(struct watcher *s, const char *const *values)
{
	struct watched *w = &s->all[s->count];
	struct bgpd_bfd_options options = {
		BGPD_INIT(struct bgpd_bfd_options),
		.interface = values[1],
		.interval_us = (uint32_t)atol(values[2]),
		.multiplier = (uint8_t)atoi(values[3]),
	};

	if (s->count == MOST || read_addr(values[0], &options.peer) != 0)
		return;
	if (strcmp(values[1], "multihop") == 0)
		options.interface = NULL;
	s->count++;
	w->watcher = s;
	snprintf(w->name, sizeof(w->name), "%s", values[0]);
	w->bfd = s->host->bfd_new(s->self, &options, on_state, w);
}

static int
start(const struct bgpd_host *host, struct bgpd_self *self, void **arg)
{
	struct watcher *s = calloc(1, sizeof(*s));

	*arg = s;
	s->host = host;
	s->self = self;
	return 0;
}

static void
stop(void *arg)
{
	free(arg); /* the host takes back what it lent */
}

static void
configure(
    void *arg, const struct bgpd_line *lines, uint32_t count, uint32_t size)
{
	const struct bgpd_line *line;
	uint32_t i;

	clear(arg);
	for (i = 0; i < count; i++) {
		line = (const void *)((const char *)lines + (size_t)i * size);
		watch(arg, line->values);
	}
}

static const struct bgpd_row rows[] = { {
    .abi = BGPD_ABI,
    .size = sizeof(rows[0]),
    .kind = BGPD_ROW_LINE,
    .syntax = "watch ADDR IFNAME USECS MULT",
    .help = "For tests",
    .many = 1,
} };

/* The one symbol. */
__attribute__((
    visibility("default"))) extern const struct bgpd_plugin bgpd_plugin;
const struct bgpd_plugin bgpd_plugin = {
	BGPD_INIT(struct bgpd_plugin),
	.name = "watcher",
	.version = "1.0",
	.caption = "Watches hosts, for tests",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.row_size = sizeof(rows[0]),
	.start = start,
	.stop = stop,
	.configure = configure,
};
