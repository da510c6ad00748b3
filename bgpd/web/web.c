/* SPDX-License-Identifier: ISC */
/* Listeners that come and go with the configuration, and the pages they serve. */

/*
 * What flows in: `web listen` lines, requests. What flows out: /metrics for
 * Prometheus, /healthz for who restarts a process that hangs, /readyz for who
 * wants to know whether it does its work. All is only read: nothing that a
 * request says changes anything.
 */
#include <bsd/sys/queue.h>
#include <string.h>

#include "net/net.h"
#include "util/log.h"
#include "util/mem.h"
#include "web/web.h"

#define RETRY_MS  3000
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_PROM "text/plain; version=0.0.4; charset=utf-8"

struct listener {
	TAILQ_ENTRY(listener) link;
	struct web *web;
	struct addr addr;
	uint16_t port;
	struct http *http; /* NULL: it is not to be had */
	struct timer *retry;
	char *why;     /* not; NULL: it was not tried, or is open */
	bool is_found; /* by the configuration under way */
};

struct web {
	struct web_house house;
	TAILQ_HEAD(, listener) listeners; /* in order of the lines */
};

/* Pages ------------------------------------------------------------------------- */

static unsigned
page_metrics(const struct web *web, struct text *body)
{
	struct exposition *e = exposition_new();

	metrics_collect(&web->house, e);
	exposition_print(e, body);
	exposition_free(e);
	return 200;
}

/* Whoever reads this was answered by the loop: it turns. */
static unsigned
page_health(const struct web *web, struct text *body)
{
	(void)web;
	text_add(body, "ok\n");
	return 200;
}

static unsigned
page_ready(const struct web *web, struct text *body)
{
	web->house.add_reasons(body);
	if (body->len > 0)
		return 503;
	text_add(body, "ok\n");
	return 200;
}

static const struct page {
	const char *path, *type;
	unsigned (*print)(const struct web *web, struct text *body);
} pages[] = {
	{ "/metrics", TYPE_PROM, page_metrics },
	{ "/healthz", TYPE_TEXT, page_health },
	{ "/readyz", TYPE_TEXT, page_ready },
};
#define PAGE_COUNT (sizeof(pages) / sizeof(pages[0]))

unsigned
web_page(const struct web *web, const char *path, struct text *body,
    const char **type)
{
	size_t i;

	for (i = 0; i < PAGE_COUNT; i++) {
		if (strcmp(pages[i].path, path) != 0)
			continue;
		*type = pages[i].type;
		return pages[i].print(web, body);
	}
	*type = TYPE_TEXT;
	text_add(body, "404: there are");
	for (i = 0; i < PAGE_COUNT; i++)
		text_add(body, " %s", pages[i].path);
	text_char(body, '\n');
	return 404;
}

static void
on_request(void *arg, struct http_request *request)
{
	struct text body = { 0 };
	const char *type;
	unsigned status = web_page(arg, http_path(request), &body, &type);

	http_reply(request, status, type, &body);
	text_free(&body);
}

/* Listeners ---------------------------------------------------------------------- */

/* The reason is told when it is a new one, not at each attempt. */
static void
listener_failed(struct listener *l, const char *why)
{
	char addr[ADDR_TEXT];

	timer_start(l->retry, RETRY_MS);
	if (l->why != NULL && strcmp(l->why, why) == 0)
		return;
	log_warning("web",
	    "cannot listen on %s port %u: %s; it is tried again every "
	    "%d seconds",
	    addr_print(&l->addr, addr), l->port, why, RETRY_MS / 1000);
	mem_free(l->why);
	l->why = mem_string(why);
}

static void
listener_open(struct listener *l)
{
	struct text why = { 0 };
	char addr[ADDR_TEXT];

	l->http = http_listen(
	    l->web->house.loop, &l->addr, l->port, on_request, l->web, &why);
	if (l->http == NULL) {
		listener_failed(l, text_str(&why));
	} else {
		log_info("web", "listens on %s port %u",
		    addr_print(&l->addr, addr), l->port);
		mem_free(l->why);
		l->why = NULL;
	}
	text_free(&why);
}

static void
on_retry(void *arg)
{
	listener_open(arg);
}

static struct listener *
listener_find(const struct web *web, const struct addr *addr, uint16_t port)
{
	struct listener *l;

	TAILQ_FOREACH (l, &web->listeners, link)
		if (l->port == port && addr_equal(&l->addr, addr))
			return l;
	return NULL;
}

static struct listener *
listener_new(struct web *web, const struct addr *addr, uint16_t port)
{
	struct listener *l = mem_alloc(sizeof(*l));

	l->web = web;
	l->addr = *addr;
	l->port = port;
	l->retry = timer_new(web->house.loop, on_retry, l);
	return l;
}

static void
listener_free(struct listener *l)
{
	TAILQ_REMOVE(&l->web->listeners, l, link);
	http_close(l->http);
	timer_free(l->retry);
	mem_free(l->why);
	mem_free(l);
}

void
web_configure(struct web *web, const struct cli_tree *tree)
{
	const struct web_listen *line;
	struct listener *l, *next;

	TAILQ_FOREACH (l, &web->listeners, link)
		l->is_found = false;
	CLI_EACH(line, cli_tree_root(tree), &web_listen_type)
	{
		l = listener_find(web, &line->addr, line->port);
		if (l == NULL)
			l = listener_new(web, &line->addr, line->port);
		else
			TAILQ_REMOVE(&web->listeners, l, link);
		TAILQ_INSERT_TAIL(&web->listeners, l, link);
		l->is_found = true;
	}
	/* Those that go first: their ports may be wanted by new ones. */
	TAILQ_FOREACH_SAFE (l, &web->listeners, link, next)
		if (!l->is_found)
			listener_free(l);
	TAILQ_FOREACH (l, &web->listeners, link)
		if (l->http == NULL)
			listener_open(l);
}

struct web *
web_new(const struct web_house *house)
{
	struct web *web = mem_alloc(sizeof(*web));

	web->house = *house;
	TAILQ_INIT(&web->listeners);
	return web;
}

void
web_free(struct web *web)
{
	struct listener *l;

	if (web == NULL)
		return;
	while ((l = TAILQ_FIRST(&web->listeners)) != NULL)
		listener_free(l);
	mem_free(web);
}

void
web_each(const struct web *web,
    void (*each)(void *, const struct web_listener_status *), void *arg)
{
	struct web_listener_status status;
	struct http_stats stats;
	const struct listener *l;

	TAILQ_FOREACH (l, &web->listeners, link) {
		memset(&stats, 0, sizeof(stats));
		if (l->http != NULL)
			http_get_stats(l->http, &stats);
		status = (struct web_listener_status){ &l->addr, l->port,
			l->why, stats.requests, stats.full, stats.open };
		each(arg, &status);
	}
}

const struct web_house *
web_house(const struct web *web)
{
	return &web->house;
}
