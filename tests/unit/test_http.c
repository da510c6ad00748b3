/* SPDX-License-Identifier: ISC */
/* The HTTP server: what it answers, what it refuses, what it bounds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"
#include "util/mem.h"

#define HOST "Host: x\r\n"

struct scene {
	struct loop *loop;
	struct http *http;
	uint16_t port;
	unsigned asked;
	size_t body_len;     /* of /long */
	char path[300];	     /* the last one asked for */
	char told[1u << 16]; /* what the client has read */
	size_t told_len;
};

static void
on_request(void *arg, struct http_request *request)
{
	struct scene *s = arg;
	struct text body = { 0 };
	size_t i;

	s->asked++;
	snprintf(s->path, sizeof(s->path), "%s", http_path(request));
	if (strcmp(s->path, "/silent") == 0)
		return;
	if (strcmp(s->path, "/long") == 0)
		for (i = 0; i < s->body_len; i += 16)
			text_put(&body, "0123456789abcdef", 16);
	else
		text_add(&body, "it is %s\n", s->path);
	http_reply(request, strcmp(s->path, "/none") == 0 ? 404 : 200,
	    "text/plain", &body);
	http_reply(request, 200, "text/plain", &body); /* once is enough */
	text_free(&body);
}

static void
on_end(void *arg)
{
	loop_stop(arg);
}

static void
run_for(struct scene *s, int64_t ms)
{
	struct timer *end = timer_new(s->loop, on_end, s->loop);

	timer_start(end, ms);
	loop_run(s->loop);
	timer_free(end);
}

static uint16_t
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static int
setup(void **state)
{
	struct scene *s = mem_alloc(sizeof(*s));
	struct addr here = addr_v4(INADDR_LOOPBACK);
	struct text why = { 0 };

	s->loop = loop_new();
	s->port = free_port();
	s->http = http_listen(s->loop, &here, s->port, on_request, s, &why);
	assert_string_equal(text_str(&why), "");
	assert_non_null(s->http);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	http_close(s->http);
	loop_free(s->loop);
	mem_free(s);
	return 0;
}

static int
dial(struct scene *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(s->port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads what is there into told; true when the other end has closed. */
static bool
hear(struct scene *s, int fd)
{
	size_t room;
	ssize_t n = 1;

	while ((room = sizeof(s->told) - 1 - s->told_len) > 0 &&
	       (n = recv(fd, s->told + s->told_len, room, MSG_DONTWAIT)) > 0)
		s->told_len += (size_t)n;
	s->told[s->told_len] = '\0';
	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* One dialogue on a connection of its own; was it closed by the server? */
static bool
talk(struct scene *s, const char *text)
{
	int fd = dial(s);
	bool closed;

	say(fd, text);
	run_for(s, 30);
	s->told_len = 0;
	closed = hear(s, fd);
	close(fd);
	run_for(s, 5);
	return closed;
}

static unsigned
count(const char *in, const char *what)
{
	unsigned n = 0;

	for (; (in = strstr(in, what)) != NULL; in++)
		n++;
	return n;
}

#define assert_begins(text, with) assert_memory_equal(text, with, strlen(with))

static void
get_and_head(void **state)
{
	struct scene *s = *state;
	struct http_stats stats;

	assert_false(talk(s, "GET /a?b=c HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 200 OK\r\n");
	assert_non_null(strstr(s->told, "Content-Length: 9\r\n"));
	assert_non_null(strstr(s->told, "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(s->told, "\r\n\r\nit is /a\n"));
	assert_string_equal(s->path, "/a");

	assert_false(talk(s, "HEAD /a HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 200 OK\r\n");
	assert_non_null(strstr(s->told, "Content-Length: 9\r\n"));
	assert_null(strstr(s->told, "it is"));

	assert_false(talk(s, "GET /none HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 404 Not Found\r\n");
	/* Absolute form; bare line feeds; blanks around values. */
	talk(s, "GET http://x/b HTTP/1.1\nHost:x\n\n");
	assert_begins(s->told, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(s->path, "/b");
	talk(s, "GET http://x HTTP/1.1\r\n" HOST "\r\n");
	assert_string_equal(s->path, "/");
	http_get_stats(s->http, &stats);
	assert_int_equal(stats.requests, 5);
	assert_int_equal(stats.open, 0);
}

static void
other_methods_are_refused(void **state)
{
	struct scene *s = *state;

	assert_true(talk(
	    s, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"));
	assert_begins(s->told, "HTTP/1.1 405 ");
	assert_non_null(strstr(s->told, "Allow: GET, HEAD\r\n"));
	assert_true(talk(s, "BREW /a HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 405 ");
	talk(s, "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n");
	assert_begins(s->told, "HTTP/1.1 405 ");
	talk(s, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
	assert_begins(s->told, "HTTP/1.1 405 ");
	/* Nobody sends a body to what is only read. */
	assert_true(talk(s, "HEAD /a HTTP/1.1\r\n" HOST
			    "Content-Length: 16\r\n\r\nGET / HTTP/1.1\n\n"));
	assert_begins(s->told, "HTTP/1.1 413 ");
	assert_null(strstr(s->told, "200 OK"));
	assert_true(
	    talk(s, "GET /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"));
	assert_begins(s->told, "HTTP/1.1 413 ");
	assert_true(talk(s, "GET /a HTTP/1.1\r\n" HOST
			    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
	assert_begins(s->told, "HTTP/1.1 413 ");
	assert_false(
	    talk(s, "GET /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"));
	assert_begins(s->told, "HTTP/1.1 200 ");
	assert_int_equal(s->asked, 1);
	assert_false(talk(s, "GET /silent HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 500 ");
	/* One that waits to be asked for its body is told no, not to go on. */
	assert_true(
	    talk(s, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5000\r\n"
		    "Expect: 100-continue\r\n\r\n"));
	assert_begins(s->told, "HTTP/1.1 413 ");
}

/* The row of answers before and after "100 Continue". */
static void
bodies_that_are_asked_for(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	say(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	run_for(s, 10);
	say(fd, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
		"Transfer-Encoding: chunked\r\n\r\n");
	run_for(s, 10);
	assert_false(hear(s, fd));
	assert_int_equal(count(s->told, "HTTP/1.1 100 Continue"), 1);
	say(fd, "3\r\nabc\r\n");
	run_for(s, 100); /* the second waits for the first to be acknowledged */
	say(fd, "0\r\nTrailer: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
	run_for(s, 100);
	assert_true(hear(s, fd));
	assert_int_equal(count(s->told, "HTTP/1.1 405 "), 1);
	assert_int_equal(count(s->told, "HTTP/1.1 200 "), 1);
	close(fd);
	fd = dial(s);
	say(fd, "POST /a HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n2000\r\n");
	run_for(s, 10);
	s->told_len = 0;
	assert_true(hear(s, fd));
	assert_begins(s->told, "HTTP/1.1 413 ");
	close(fd);
}

static void
garbage_is_refused(void **state)
{
	static const char *const bad[] = {
		"x\r\n\r\n",
		"GET\r\n\r\n",
		"GET /a\r\n\r\n",
		" /a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://x:y/ HTTP/1.1\r\n" HOST "\r\n",
		"GET /a HTTP/1.1x\r\n" HOST "\r\n",
		"GET /a HTTP/2.0\r\n" HOST "\r\n",
		"GET /a b\r\n" HOST "\r\n",
		"GET /a HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
		"GET /a HTTP/1.1\r\n folded\r\n\r\n",
		"GET /a HTTP/1.1\r\nContent-Length: x\r\n\r\n",
		"GET /a HTTP/1.1\r\nContent-Length: 0\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
		"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
	};
	struct scene *s = *state;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!talk(s, bad[i]) || strncmp(s->told, "HTTP/1.1 4", 10) != 0)
			fail_msg("%s: %s", bad[i], s->told);
	}
	/* A zero byte ends no string of ours. */
	fd = dial(s);
	assert_int_equal(send(fd, "GET /a\0 HTTP/1.1\r\n\r\n", 20, 0), 20);
	run_for(s, 30);
	s->told_len = 0;
	assert_true(hear(s, fd));
	assert_begins(s->told, "HTTP/1.1 400 ");
	close(fd);
	assert_int_equal(s->asked, 0);
}

/* Good requests with some bytes changed, lost or said twice: any answer will do. */
static void
any_bytes(void **state)
{
	static const char good[] =
	    "\r\nGET /a?b HTTP/1.1\r\n" HOST
	    "Connection: keep-alive, x\r\nContent-Length: 0\r\n\r\n"
	    "HEAD http://h/b#c HTTP/1.0\nConnection: close\n\n";
	struct scene *s = *state;
	char bytes[2 * sizeof(good)];
	unsigned round, i;
	size_t len, at;
	int fd;

	srandom(1);
	for (round = 0; round < 2000; round++) {
		len = sizeof(good) - 1;
		memcpy(bytes, good, len);
		for (i = 0; i < 1 + round % 8; i++) {
			at = (size_t)random() % len;
			if (random() % 4 == 0 && len > 8)
				memmove(bytes + at, bytes + at + 1, --len - at);
			else if (random() % 3 == 0 && len < sizeof(bytes) - 1)
				memmove(bytes + at + 1, bytes + at, len++ - at);
			else
				bytes[at] = "\r\n :/\0,%?#\xff"[random() % 12];
		}
		fd = dial(s);
		assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
		shutdown(fd, SHUT_WR);
		run_for(s, 2);
		s->told_len = 0;
		(void)hear(s, fd);
		if (s->told_len > 0)
			assert_begins(s->told, "HTTP/");
		close(fd);
	}
	run_for(s, 20);
	assert_false(talk(s, "GET /a HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 200 ");
}

static void
connections_are_kept(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	say(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	run_for(s, 20);
	say(fd, "GET /b HTTP/1.1\r\n" HOST "\r\n");
	run_for(s, 20);
	assert_false(hear(s, fd));
	assert_non_null(strstr(s->told, "it is /a\n"));
	assert_non_null(strstr(s->told, "it is /b\n"));
	say(fd, "GET /c HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n");
	run_for(s, 20);
	assert_true(hear(s, fd));
	assert_non_null(strstr(s->told, "it is /c\n"));
	assert_int_equal(count(s->told, "Connection: close"), 1);
	close(fd);
	assert_true(talk(s, "GET /a HTTP/1.0\r\n\r\n"));
	assert_non_null(strstr(s->told, "it is /a\n"));
	assert_false(
	    talk(s, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

/* Many at once, in pieces of any size, with rubbish at the end. */
static void
requests_in_a_row(void **state)
{
	struct scene *s = *state;
	struct text all = { 0 };
	int fd = dial(s), i;
	size_t at;

	for (i = 0; i < 50; i++)
		text_add(&all, "GET /%d HTTP/1.1\r\n" HOST "\r\n", i);
	for (at = 0; at < all.len; at += 37) {
		size_t n = all.len - at < 37 ? all.len - at : 37;

		assert_int_equal(send(fd, all.s + at, n, 0), n);
		if (at % 5 == 0)
			run_for(s, 1);
	}
	run_for(s, 50);
	assert_false(hear(s, fd));
	assert_int_equal(count(s->told, "HTTP/1.1 200 OK"), 50);
	assert_non_null(strstr(s->told, "it is /49\n"));
	say(fd, "GET /z HTTP/1.1\r\n" HOST "\r\n\x16\x03\x01 rubbish\r\n\r\n"
		"GET /y HTTP/1.1\r\n" HOST "\r\n");
	run_for(s, 50);
	assert_true(hear(s, fd));
	assert_non_null(strstr(s->told, "it is /z\n"));
	assert_int_equal(count(s->told, "HTTP/1.1 400 "), 1);
	assert_null(strstr(s->told, "it is /y\n"));
	assert_int_equal(s->asked, 51);
	close(fd);
	text_free(&all);
}

static void
a_head_too_long(void **state)
{
	struct scene *s = *state;
	char *much = mem_alloc(40001);
	int i;

	memset(much, 'x', 40000);
	memcpy(much, "GET /", 5);
	assert_true(talk(s, much));
	assert_begins(s->told, "HTTP/1.1 400 ");
	memcpy(much, "GET /a HTTP/1.1\r\nCookie: ", 25);
	assert_true(talk(s, much));
	assert_begins(s->told, "HTTP/1.1 400 ");
	/* Of many lines: none is left to be counted at the end alone. */
	for (i = 17; i < 40000; i++)
		much[i] = "a:\r\n"[i % 4];
	assert_true(talk(s, much));
	assert_begins(s->told, "HTTP/1.1 400 ");
	assert_int_equal(s->asked, 0);
	/* As long as may be: the line ends are not counted. */
	memset(much + 25, 'x', 40000 - 25);
	memcpy(much, "GET /a HTTP/1.1\r\nCookie: ", 25);
	strcpy(much + 4096 - 5, "\r\n" HOST "\r\n");
	assert_false(talk(s, much));
	assert_begins(s->told, "HTTP/1.1 200 ");
	strcpy(much + 4096 - 4, "\r\n" HOST "\r\n");
	assert_true(talk(s, much));
	assert_begins(s->told, "HTTP/1.1 400 ");
	mem_free(much);
}

static unsigned
open_now(struct scene *s)
{
	struct http_stats stats;

	http_get_stats(s->http, &stats);
	return stats.open;
}

/* Those over the bound wait until one of the others goes. */
static void
connections_are_bounded(void **state)
{
	struct scene *s = *state;
	struct http_stats stats;
	int fds[100], i;

	for (i = 0; i < 100; i++) {
		fds[i] = dial(s);
		run_for(s, 1);
	}
	run_for(s, 20);
	assert_int_equal(open_now(s), 64);
	for (i = 64; i < 100; i++)
		say(fds[i], "GET /a HTTP/1.1\r\n" HOST "\r\n");
	run_for(s, 20);
	assert_int_equal(s->asked, 0);
	/* One that goes makes room for another, also one that sent nothing. */
	close(fds[0]);
	run_for(s, 20);
	assert_int_equal(s->asked, 1);
	assert_int_equal(open_now(s), 64);
	s->told_len = 0;
	assert_false(hear(s, fds[64]));
	assert_begins(s->told, "HTTP/1.1 200 ");
	for (i = 1; i < 36; i++)
		close(fds[i]);
	run_for(s, 50);
	assert_int_equal(s->asked, 36);
	assert_int_equal(open_now(s), 64);
	close(fds[36]);
	run_for(s, 20);
	assert_int_equal(open_now(s), 63);
	http_get_stats(s->http, &stats);
	assert_true(stats.full >= 2);
	/* Closed with all of these open. */
	http_close(s->http);
	s->http = NULL;
	assert_true(hear(s, fds[37]));
	for (i = 37; i < 100; i++)
		close(fds[i]);
}

/* Nobody goes; their time does. */
static void
the_silent_are_cut(void **state)
{
	struct scene *s = *state;
	int fds[100], i;

	for (i = 0; i < 100; i++) {
		fds[i] = dial(s);
		run_for(s, 1);
	}
	say(fds[99], "GET /a HTTP/1.1\r\n" HOST "\r\n");
	run_for(s, 14000);
	assert_int_equal(open_now(s), 64);
	assert_int_equal(s->asked, 0);
	run_for(s, 2000);
	assert_int_equal(s->asked, 1);
	assert_int_equal(open_now(s), 36);
	s->told_len = 0;
	assert_false(hear(s, fds[99]));
	assert_begins(s->told, "HTTP/1.1 200 ");
	for (i = 0; i < 100; i++)
		close(fds[i]);
	run_for(s, 20);
	assert_int_equal(open_now(s), 0);
}

/* Closed as soon as they are there, in every order that comes. */
static void
connections_that_come_and_go(void **state)
{
	struct scene *s = *state;
	struct linger reset = { 1, 0 };
	int fd, i;

	for (i = 0; i < 1000; i++) {
		fd = dial(s);
		if (i % 3 == 0)
			say(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n");
		if (i % 7 == 0)
			run_for(s, 0);
		if (i % 2 == 0)
			setsockopt(
			    fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		if (i % 20 == 0)
			run_for(s, 2);
	}
	run_for(s, 50);
	assert_int_equal(open_now(s), 0);
	assert_false(talk(s, "GET /a HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 200 ");
}

static bool
on_slice(void *arg)
{
	loop_stop(arg);
	return false;
}

/* In the one turn in which a connection is there and has no name. */
static void
closed_while_one_comes(void **state)
{
	struct scene *s = *state;
	struct task *end = task_new(s->loop, on_slice, s->loop);
	int fd = dial(s);

	task_start(end);
	loop_run(s->loop);
	assert_int_equal(open_now(s), 1);
	http_close(s->http);
	s->http = NULL;
	assert_true(hear(s, fd));
	run_for(s, 10);
	task_free(end);
	close(fd);
}

/* It asks for more than sockets hold, and reads late, or never. */
static void
a_slow_reader(void **state)
{
	struct scene *s = *state;
	int fd = dial(s), never = dial(s), i;
	size_t got = 0;
	bool closed;

	s->body_len = 16u << 20;
	say(never, "GET /long HTTP/1.1\r\n" HOST "\r\n");
	say(fd, "GET /long HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	run_for(s, 500);
	/* Others are served meanwhile. */
	assert_false(talk(s, "GET /a HTTP/1.1\r\n" HOST "\r\n"));
	assert_begins(s->told, "HTTP/1.1 200 ");
	for (i = 0, closed = false; i < 5000 && !closed; i++) {
		s->told_len = 0;
		closed = hear(s, fd);
		got += s->told_len;
		run_for(s, 1);
	}
	assert_true(got > s->body_len);
	assert_true(got < s->body_len + 500);
	close(fd);
	run_for(s, 20);
	assert_int_equal(open_now(s), 1);
	close(never);
	run_for(s, 20);
	assert_int_equal(open_now(s), 0);
}

/* The whole of a request has its time, not each of its bytes. */
static void
a_slow_writer(void **state)
{
	struct scene *s = *state;
	int fd = dial(s), idle = dial(s);
	int64_t began = clock_now_us(), left = 20;

	say(fd, "GET /a HTTP/1.1\r\n");
	while (left > 0 && !hear(s, fd)) {
		if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
		run_for(s, 1000);
		left--;
	}
	assert_in_range(clock_now_us() - began, 14000000, 17500000);
	assert_true(hear(s, idle));
	assert_int_equal(s->told_len, 0);
	close(fd);
	close(idle);
}

static void
a_port_that_is_taken(void **state)
{
	struct scene *s = *state;
	struct addr here = addr_v4(INADDR_LOOPBACK), six, far;
	struct text why = { 0 };
	struct http *more;

	assert_null(http_listen(s->loop, &here, s->port, on_request, s, &why));
	assert_non_null(strstr(why.s, "taken by another process"));
	text_clear(&why);
	assert_int_equal(addr_read("192.0.2.77", &far), 0);
	assert_null(http_listen(s->loop, &far, s->port, on_request, s, &why));
	assert_non_null(strstr(why.s, "no interface of this host"));
	assert_int_equal(addr_read("::", &six), 0);
	more = http_listen(s->loop, &six, s->port, on_request, s, NULL);
	if (more == NULL)
		print_message("no IPv6 here\n");
	http_close(more);
	http_close(NULL);
	text_free(&why);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(get_and_head),
		CASE(other_methods_are_refused),
		CASE(bodies_that_are_asked_for),
		CASE(garbage_is_refused),
		CASE(any_bytes),
		CASE(connections_are_kept),
		CASE(requests_in_a_row),
		CASE(a_head_too_long),
		CASE(connections_are_bounded),
		CASE(the_silent_are_cut),
		CASE(connections_that_come_and_go),
		CASE(closed_while_one_comes),
		CASE(a_slow_reader),
		CASE(a_slow_writer),
		CASE(a_port_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
