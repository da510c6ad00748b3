/* SPDX-License-Identifier: ISC */
/* What is only read, over HTTP: libevent's server, and bounds around it. */

/*
 * libevent parses and writes; here is what one client can cost: so many
 * connections, so many bytes of a request, so much time from one request to the
 * next. The server bounds the bytes alone: it counts no connections, and its
 * timeouts start again with each byte. So each of its connections has an object
 * here, with a timer and a reference to its buffers.
 *
 * Release 2.1 names a connection only with its first request, and closes one
 * that was never named without a word. But the callbacks that it sets on the
 * buffers which it asks us for have the connection as their argument: read from
 * there in the turn after, before anything can arrive, it is told that we want to
 * hear of the end.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "net/inner.h"
#include "net/net.h"
#include "net/why.h"
#include "util/mem.h"

#define HTTP_OPEN_MAX  64
#define HTTP_HEAD_MAX  4096  /* request line and fields, without line ends */
#define HTTP_BODY_MAX  4096  /* read, to say in order that none is wanted */
#define HTTP_AHEAD_MAX 16384 /* read and not looked at yet */
#define HTTP_WRITE_MAX (256u << 10) /* in one turn of the loop */
#define HTTP_TURN_MS   15000 /* for a request to come and its answer to go */
#define HTTP_LINGER_MS 1000
#define HTTP_BACKLOG   64

struct connection {
	LIST_ENTRY(connection) link;
	struct http *http;
	struct bufferevent *stream;
	struct evhttp_connection *served; /* NULL: not named yet, or let go */
	struct timer *timer;
	void (*on_time)(struct connection *);
};

struct http {
	struct loop *loop;
	struct evhttp *server;
	struct evconnlistener *listener; /* NULL: it closes */
	LIST_HEAD(, connection) connections;
	struct http_stats stats;
	void (*on_request)(void *, struct http_request *);
	void *arg;
};

struct http_request {
	struct evhttp_request *served;
	bool is_answered;
};

/* Connections ----------------------------------------------------------------- */

static void
connection_on_timer(void *arg)
{
	struct connection *c = arg;

	c->on_time(c);
}

static void
connection_after(
    struct connection *c, int64_t ms, void (*on_time)(struct connection *))
{
	c->on_time = on_time;
	timer_start(c->timer, ms);
}

static void
connection_free(struct connection *c)
{
	struct http *http = c->http;

	LIST_REMOVE(c, link);
	http->stats.open--;
	if (http->listener != NULL)
		evconnlistener_enable(http->listener);
	timer_free(c->timer);
	bufferevent_setcb(c->stream, NULL, NULL, NULL, NULL);
	bufferevent_decref(c->stream);
	mem_free(c);
}

/* Its time is over, whatever it is at. */
static void
connection_cut(struct connection *c)
{
	evhttp_connection_set_closecb(c->served, NULL, NULL);
	evhttp_connection_free(c->served);
	connection_free(c);
}

static void
on_rest(struct bufferevent *stream, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(stream);

	(void)arg;
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void
on_gone(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	(void)what;
	connection_free(arg);
}

/*
 * Closed with bytes unread, the other end might lose the answer (RFC 9112 9.6):
 * the server has closed our half, what still comes goes unread for a moment.
 */
static void
connection_linger(struct connection *c)
{
	on_rest(c->stream, c);
	bufferevent_setcb(c->stream, on_rest, NULL, on_gone, c);
	bufferevent_enable(c->stream, EV_READ);
	connection_after(c, HTTP_LINGER_MS, connection_free);
}

/* The server lets it go, and takes its callbacks off once we are back. */
static void
connection_on_close(struct evhttp_connection *served, void *arg)
{
	struct connection *c = arg;

	(void)served;
	c->served = NULL;
	connection_after(c, 0, connection_linger);
}

static void
connection_name(struct connection *c)
{
	bufferevent_event_cb on_event;
	const int one = 1;
	void *served;

	bufferevent_getcb(c->stream, NULL, NULL, &on_event, &served);
	if (on_event == NULL) {
		/* The server could not take it, and closed the descriptor. */
		bufferevent_setfd(c->stream, -1);
		connection_free(c);
		return;
	}
	/* The end of a long answer does not wait to be acknowledged. */
	(void)setsockopt(bufferevent_getfd(c->stream), IPPROTO_TCP, TCP_NODELAY,
	    &one, sizeof(one));
	c->served = served;
	evhttp_connection_set_closecb(served, connection_on_close, c);
	connection_after(c, HTTP_TURN_MS, connection_cut);
}

/* The server has accepted a connection and wants buffers for it. */
static struct bufferevent *
connection_new(struct event_base *base, void *arg)
{
	struct http *http = arg;
	struct connection *c = mem_alloc(sizeof(*c));

	c->http = http;
	c->stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (c->stream == NULL)
		fatal("out of memory: connection");
	bufferevent_incref(c->stream);
	bufferevent_setwatermark(c->stream, EV_READ, 0, HTTP_AHEAD_MAX);
	bufferevent_set_max_single_write(c->stream, HTTP_WRITE_MAX);
	c->timer = timer_new(http->loop, connection_on_timer, c);
	connection_after(c, 0, connection_name);
	LIST_INSERT_HEAD(&http->connections, c, link);
	if (++http->stats.open == HTTP_OPEN_MAX) {
		http->stats.full++;
		evconnlistener_disable(http->listener);
	}
	return c->stream;
}

/* Requests ---------------------------------------------------------------------- */

const char *
http_path(const struct http_request *request)
{
	const char *path =
	    evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request->served));

	return path == NULL || *path == '\0' ? "/" : path;
}

void
http_reply(struct http_request *request, unsigned status, const char *type,
    const struct text *body)
{
	struct evhttp_request *served = request->served;
	struct evkeyvalq *fields = evhttp_request_get_output_headers(served);
	char len[24];

	if (request->is_answered)
		return;
	request->is_answered = true;
	snprintf(len, sizeof(len), "%zu", body->len);
	evhttp_add_header(fields, "Content-Type", type);
	evhttp_add_header(fields, "Content-Length", len);
	evhttp_add_header(fields, "Cache-Control", "no-store");
	evhttp_add_header(fields, "X-Content-Type-Options", "nosniff");
	if (evhttp_request_get_command(served) != EVHTTP_REQ_HEAD)
		evbuffer_add(evhttp_request_get_output_buffer(served),
		    text_str(body), body->len);
	evhttp_send_reply(served, (int)status, NULL, NULL);
}

/* Nobody sends a body to what is only read. */
static bool
request_has_body(struct evhttp_request *served)
{
	struct evkeyvalq *fields = evhttp_request_get_input_headers(served);
	const char *len = evhttp_find_header(fields, "Content-Length");

	return evhttp_find_header(fields, "Transfer-Encoding") != NULL ||
	       (len != NULL && strspn(len, "0") != strlen(len));
}

/* What is wrong with it in any case: as a status, or 0. */
static unsigned
request_check(struct evhttp_request *served)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(served);

	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD)
		return 405;
	return request_has_body(served) ? 413 : 0;
}

static void
reply_fault(struct http_request *request, unsigned status)
{
	struct evkeyvalq *fields =
	    evhttp_request_get_output_headers(request->served);
	struct text body = { 0 };

	if (status == 500) {
		text_add(&body, "500: nobody answers this\n");
	} else {
		text_add(
		    &body, "%u: only GET and HEAD, without a body\n", status);
		evhttp_add_header(fields, "Allow", "GET, HEAD");
		/* Not all bodies are read: what follows may be one. */
		evhttp_add_header(fields, "Connection", "close");
	}
	http_reply(request, status, "text/plain; charset=utf-8", &body);
	text_free(&body);
}

static struct connection *
connection_find(struct http *http, const struct evhttp_connection *served)
{
	struct connection *c;

	LIST_FOREACH (c, &http->connections, link)
		if (c->served == served)
			return c;
	return NULL;
}

static void
on_served(struct evhttp_request *served, void *arg)
{
	struct http *http = arg;
	struct http_request request = { .served = served };
	struct connection *c =
	    connection_find(http, evhttp_request_get_connection(served));
	int64_t entered_us = loop_enter(http->loop);
	unsigned fault = request_check(served);

	http->stats.requests++;
	if (c != NULL)
		connection_after(c, HTTP_TURN_MS, connection_cut);
	if (fault == 0)
		http->on_request(http->arg, &request);
	if (!request.is_answered)
		reply_fault(&request, fault != 0 ? fault : 500);
	loop_leave(http->loop, LOOP_DESCRIPTOR, entered_us);
}

/* The listener ------------------------------------------------------------------ */

/* In words that say what to do. */
static const char *
listen_cure(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "taken by another process: end that one, or say "
		       "another port";
	case EACCES:
		return "needs CAP_NET_BIND_SERVICE or root, or a port above "
		       "1023";
	case EADDRNOTAVAIL:
		return "no interface of this host has the address";
	case EINVAL:
		return "a link-local address needs its interface: ADDR%IFNAME";
	default:
		return strerror(error);
	}
}

/* Out of descriptors: by the one that sock.c keeps for this, it is refused. */
static void
listener_on_error(struct evconnlistener *listener, void *arg)
{
	int fd = sock_accept(evconnlistener_get_fd(listener), NULL, NULL);

	(void)arg;
	if (fd >= 0)
		sock_close(fd);
}

static struct evconnlistener *
listener_open(struct loop *loop, const struct addr *local, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sock(local, port, &ss);
	unsigned flags =
	    LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE;

	/* :: is IPv6 alone: 0.0.0.0 has a line of its own. */
	if (local->family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	return evconnlistener_new_bind(loop_base(loop), NULL, NULL, flags,
	    HTTP_BACKLOG, (struct sockaddr *)&ss, (int)len);
}

static struct evhttp *
server_new(struct http *http)
{
	struct evhttp *server = evhttp_new(loop_base(http->loop));

	if (server == NULL ||
	    evhttp_bind_listener(server, http->listener) == NULL)
		fatal("out of memory: HTTP");
	evconnlistener_set_error_cb(http->listener, listener_on_error);
	evhttp_set_max_headers_size(server, HTTP_HEAD_MAX);
	evhttp_set_max_body_size(server, HTTP_BODY_MAX);
	/* All of them, so that the others are refused as we say. */
	evhttp_set_allowed_methods(server, UINT16_MAX);
	evhttp_set_bevcb(server, connection_new, http);
	evhttp_set_gencb(server, on_served, http);
	return server;
}

struct http *
http_listen(struct loop *loop, const struct addr *local, uint16_t port,
    void (*on_request)(void *, struct http_request *), void *arg,
    struct text *why)
{
	struct evconnlistener *listener = listener_open(loop, local, port);
	struct http *http;

	if (listener == NULL) {
		why_add(why, "%s", listen_cure(errno));
		return NULL;
	}
	(void)sock_accept(
	    -1, NULL, NULL); /* it keeps its reserve from now on */
	http = mem_alloc(sizeof(*http));
	http->loop = loop;
	http->listener = listener;
	http->on_request = on_request;
	http->arg = arg;
	LIST_INIT(&http->connections);
	http->server = server_new(http);
	return http;
}

void
http_close(struct http *http)
{
	if (http == NULL)
		return;
	http->listener = NULL;
	evhttp_free(http->server);
	while (!LIST_EMPTY(&http->connections))
		connection_free(LIST_FIRST(&http->connections));
	mem_free(http);
}

void
http_get_stats(const struct http *http, struct http_stats *stats)
{
	*stats = http->stats;
}
