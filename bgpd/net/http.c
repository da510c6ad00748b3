/* SPDX-License-Identifier: ISC */
/* A small HTTP server for what is only read: GET and HEAD, within bounds. */

/*
 * HTTP/1.1 as far as a scraper, a probe and curl need it (RFC 9110, 9112):
 * requests one after the other on a connection, no bodies. What one client can
 * cost is bounded: so many connections, so many bytes of a request, so much time
 * for each; nothing is read while an answer waits to be taken.
 *
 * libevent's own server is not used: its release 2.1 tells nobody of a
 * connection that ends before its first request, so that they cannot be counted,
 * and gives a whole request no time but each byte.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "net/why.h"
#include "util/mem.h"

#define HTTP_OPEN_MAX  64
#define HTTP_HEAD_MAX  8192  /* request line and fields */
#define HTTP_TURN_MS   15000 /* for a request to come, for an answer to go */
#define HTTP_LINGER_MS 1000
#define HTTP_BACKLOG   64

struct connection {
	LIST_ENTRY(connection) link;
	struct http *http;
	int fd;
	struct watch *watch;
	struct timer *late;
	size_t len; /* of `head` */
	struct text answer;
	size_t sent;
	bool ends;	 /* when the answer is out */
	bool is_leaving; /* it is: what still comes is not looked at */
	char head[HTTP_HEAD_MAX + 1];
};

struct http {
	struct loop *loop;
	int fd;
	struct watch *watch;
	LIST_HEAD(, connection) connections;
	struct http_stats stats;
	void (*on_request)(void *, struct http_request *);
	void *arg;
};

struct http_request {
	struct connection *connection;
	const char *method;
	char *path;
	bool is_old; /* HTTP/1.0 */
	bool has_host, has_body, keeps, closes;
	bool is_answered;
};

/* Answers ------------------------------------------------------------------ */

static const struct {
	unsigned status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" }, { 400, "Bad Request" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 413, "Content Too Large" },
	{ 431, "Request Header Fields Too Large" },
	{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
	{ 500, "Internal Server Error" }, /* the last: any other */
};

static const char *
phrase_of(unsigned status)
{
	size_t i, count = sizeof(phrases) / sizeof(phrases[0]);

	for (i = 0; i < count - 1 && phrases[i].status != status; i++)
		continue;
	return phrases[i].phrase;
}

static void
answer_print(
    struct text *out, unsigned status, const char *type, size_t len, bool ends)
{
	text_add(out, "HTTP/1.1 %u %s\r\n", status, phrase_of(status));
	text_add(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, len);
	if (status == 405)
		text_add(out, "Allow: GET, HEAD\r\n");
	text_add(out,
	    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	    "Connection: %s\r\n\r\n",
	    ends ? "close" : "keep-alive");
}

const char *
http_path(const struct http_request *request)
{
	return request->path;
}

void
http_reply(struct http_request *request, unsigned status, const char *type,
    const struct text *body)
{
	struct connection *c = request->connection;

	if (request->is_answered)
		return;
	request->is_answered = true;
	c->http->stats.requests++;
	answer_print(&c->answer, status, type, body->len, c->ends);
	if (request->method == NULL || strcmp(request->method, "HEAD") != 0)
		text_put(&c->answer, text_str(body), body->len);
}

/* One line that says what was wrong. */
static void
reply_fault(struct http_request *request, unsigned status)
{
	struct text body = { 0 };

	text_add(&body, "%u %s\n", status, phrase_of(status));
	http_reply(request, status, "text/plain; charset=utf-8", &body);
	text_free(&body);
}

/* Requests: the parts of the head end with NUL once they are found ------------ */

/* The byte after the head, which an empty line ends; NULL: not all is here. */
static char *
head_end(struct connection *c)
{
	char *line = c->head, *stop;

	while ((stop = memchr(line, '\n', c->len - (size_t)(line - c->head))) !=
	       NULL) {
		if (stop == line || (stop == line + 1 && *line == '\r'))
			return stop + 1;
		line = stop + 1;
	}
	return NULL;
}

/* The line at *rest without its end; *rest moves on. */
static char *
line_take(char **rest)
{
	char *line = *rest, *stop = strchr(line, '\n');

	*rest = stop + 1;
	if (stop > line && stop[-1] == '\r')
		stop--;
	*stop = '\0';
	return line;
}

/* "GET /path?query HTTP/1.1"; 0, or the status of what is wrong. */
static unsigned
line_read(struct http_request *request, char *line)
{
	char *target = strchr(line, ' '), *version;

	if (target == NULL || target == line)
		return 400;
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL || strncmp(version, " HTTP/", 6) != 0 ||
	    strlen(version) != 9)
		return 400;
	*version = '\0';
	if (strncmp(version + 6, "1.", 2) != 0)
		return 505;
	request->is_old = version[8] == '0';
	request->method = line;
	/* RFC 9112 3.2.2: a server takes the absolute form too. */
	if (strncasecmp(target, "http://", 7) == 0)
		target = strchr(target + 7, '/');
	if (target == NULL || *target != '/')
		return 400;
	target[strcspn(target, "?#")] = '\0';
	request->path = target;
	return 0;
}

/* Is the word one of a list with commas? */
static bool
list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list != '\0'; list += strcspn(list, ", \t")) {
		list += strspn(list, ", \t");
		if (strcspn(list, ", \t") == len &&
		    strncasecmp(list, word, len) == 0)
			return true;
	}
	return false;
}

static unsigned
field_read(struct http_request *request, char *line)
{
	char *value = strchr(line, ':');

	/* RFC 9112 5.1, 5.2: no blank before the colon, no folded lines. */
	if (value == NULL || value == line ||
	    strcspn(line, " \t") < (size_t)(value - line))
		return 400;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "Host") == 0) {
		request->has_host = true;
	} else if (strcasecmp(line, "Transfer-Encoding") == 0) {
		request->has_body = true;
	} else if (strcasecmp(line, "Content-Length") == 0) {
		request->has_body |= strspn(value, "0 \t") != strlen(value);
	} else if (strcasecmp(line, "Connection") == 0) {
		request->closes |= list_has(value, "close");
		request->keeps |= list_has(value, "keep-alive");
	}
	return 0;
}

static unsigned
request_check(const struct http_request *request)
{
	if (!request->is_old && !request->has_host)
		return 400; /* RFC 9112 3.2 */
	if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0)
		return 405;
	return request->has_body ? 413 : 0;
}

static unsigned
request_read(struct http_request *request, char *head, const char *end)
{
	unsigned status;
	char *line;

	if (memchr(head, '\0', (size_t)(end - head)) != NULL)
		return 400;
	status = line_read(request, line_take(&head));
	while (status == 0 && head < end) {
		line = line_take(&head);
		if (*line != '\0')
			status = field_read(request, line);
	}
	return status != 0 ? status : request_check(request);
}

/* The next request, if all of it is here: answered and taken out. */
static void
request_serve(struct connection *c)
{
	struct http_request request = { .connection = c };
	char *end = head_end(c), *start = c->head;
	unsigned status = 431;

	if (end == NULL && c->len < HTTP_HEAD_MAX)
		return;
	if (end == NULL)
		end = start + c->len;
	else if (end - start > 2)
		status = request_read(&request, start, end);
	else /* an empty line before it is left out (RFC 9112 2.2) */
		goto out;
	/* What follows a request that is not understood is not either. */
	c->ends =
	    status != 0 || request.closes || (request.is_old && !request.keeps);
	if (status == 0)
		c->http->on_request(c->http->arg, &request);
	if (!request.is_answered)
		reply_fault(&request, status != 0 ? status : 500);
out:
	c->len -= (size_t)(end - start);
	memmove(c->head, end, c->len);
}

/* Connections ----------------------------------------------------------------- */

static void
connection_free(struct connection *c)
{
	LIST_REMOVE(c, link);
	c->http->stats.open--;
	watch_free(c->watch);
	timer_free(c->late);
	sock_close(c->fd);
	text_free(&c->answer);
	mem_free(c);
}

static void
connection_on_late(void *arg)
{
	connection_free(arg);
}

/* As much of the answer as the socket takes: 1 all, 0 not all, -1 it is gone. */
static int
connection_write(struct connection *c)
{
	ssize_t n;

	while (c->sent < c->answer.len) {
		n = sock_write(
		    c->fd, c->answer.s + c->sent, c->answer.len - c->sent);
		if (n <= 0)
			return (int)n;
		c->sent += (size_t)n;
	}
	/* A long answer's memory is not kept while nothing is asked. */
	text_free(&c->answer);
	c->sent = 0;
	return 1;
}

/*
 * Closed at once with bytes unread, the other end might lose the answer (RFC
 * 9112 9.6): our half first, then what comes goes unread for a moment.
 */
static void
connection_leave(struct connection *c)
{
	c->is_leaving = true;
	shutdown(c->fd, SHUT_WR);
	watch_set(c->watch, WATCH_READ);
	timer_start(c->late, HTTP_LINGER_MS);
}

/* One request a turn: a row of them holds nobody else up. */
static void
connection_work(struct connection *c)
{
	int wrote = 1;

	if (c->answer.len == 0)
		request_serve(c);
	if (c->answer.len > 0) {
		if (c->sent == 0)
			timer_start(c->late, HTTP_TURN_MS);
		wrote = connection_write(c);
	}
	if (wrote == -1)
		connection_free(c);
	else if (wrote == 0)
		watch_set(c->watch, WATCH_WRITE);
	else if (c->ends)
		connection_leave(c);
	else /* with the next one here already: in the next turn */
		watch_set(
		    c->watch, head_end(c) != NULL ? WATCH_WRITE : WATCH_READ);
}

static void
connection_on_ready(void *arg, unsigned what)
{
	struct connection *c = arg;
	ssize_t n;

	if (c->is_leaving)
		c->len = 0;
	if ((what & WATCH_READ) != 0) {
		n = sock_read(c->fd, c->head + c->len, HTTP_HEAD_MAX - c->len);
		if (n < 0) {
			connection_free(c);
			return;
		}
		c->len += (size_t)n;
	}
	if (!c->is_leaving)
		connection_work(c);
}

static void
connection_new(struct http *http, int fd)
{
	struct connection *c = mem_alloc(sizeof(*c));

	c->http = http;
	c->fd = fd;
	c->watch = watch_new(http->loop, fd, connection_on_ready, c);
	c->late = timer_new(http->loop, connection_on_late, c);
	watch_set(c->watch, WATCH_READ);
	timer_start(c->late, HTTP_TURN_MS);
	LIST_INSERT_HEAD(&http->connections, c, link);
	http->stats.open++;
}

/* Too many are open: said in one write, as far as that goes. */
static void
connection_refuse(struct http *http, int fd)
{
	struct text answer = { 0 };

	http->stats.refused++;
	answer_print(&answer, 503, "text/plain; charset=utf-8", 0, true);
	(void)sock_write(fd, answer.s, answer.len);
	text_free(&answer);
	sock_close(fd);
}

static void
http_on_ready(void *arg, unsigned what)
{
	struct http *http = arg;
	int fd;

	(void)what;
	while ((fd = sock_accept(http->fd, NULL, NULL)) >= 0) {
		if (http->stats.open < HTTP_OPEN_MAX)
			connection_new(http, fd);
		else
			connection_refuse(http, fd);
	}
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

static int
listen_open(const struct addr *local, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sock(local, port, &ss);
	const int one = 1;
	int fd, error;

	fd = socket(
	    local->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* :: is IPv6 alone: 0.0.0.0 has a line of its own. */
	if (local->family == AF_INET6)
		(void)setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0 &&
	    listen(fd, HTTP_BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

struct http *
http_listen(struct loop *loop, const struct addr *local, uint16_t port,
    void (*on_request)(void *, struct http_request *), void *arg,
    struct text *why)
{
	struct http *http;
	int fd = listen_open(local, port);

	if (fd < 0) {
		why_add(why, "%s", listen_cure(errno));
		return NULL;
	}
	http = mem_alloc(sizeof(*http));
	http->loop = loop;
	http->fd = fd;
	http->on_request = on_request;
	http->arg = arg;
	LIST_INIT(&http->connections);
	http->watch = watch_new(loop, fd, http_on_ready, http);
	watch_set(http->watch, WATCH_READ);
	return http;
}

void
http_close(struct http *http)
{
	if (http == NULL)
		return;
	while (!LIST_EMPTY(&http->connections))
		connection_free(LIST_FIRST(&http->connections));
	watch_free(http->watch);
	sock_close(http->fd);
	mem_free(http);
}

void
http_get_stats(const struct http *http, struct http_stats *stats)
{
	*stats = http->stats;
}
