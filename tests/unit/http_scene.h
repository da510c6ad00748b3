/* SPDX-License-Identifier: ISC */
/* A listener and what a client says to it, for the tests of the HTTP server. */
#ifndef HTTP_SCENE_H
#define HTTP_SCENE_H

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

static inline void
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

static inline void
on_end(void *arg)
{
	loop_stop(arg);
}

static inline void
run_for(struct scene *s, int64_t ms)
{
	struct timer *end = timer_new(s->loop, on_end, s->loop);

	timer_start(end, ms);
	loop_run(s->loop);
	timer_free(end);
}

static inline uint16_t
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

static inline int
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

static inline int
teardown(void **state)
{
	struct scene *s = *state;

	http_close(s->http);
	loop_free(s->loop);
	mem_free(s);
	return 0;
}

static inline int
dial(struct scene *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(s->port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static inline void
say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads what is there into told; true when the other end has closed. */
static inline bool
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
static inline bool
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

static inline unsigned
count(const char *in, const char *what)
{
	unsigned n = 0;

	for (; (in = strstr(in, what)) != NULL; in++)
		n++;
	return n;
}

#define assert_begins(text, with) assert_memory_equal(text, with, strlen(with))

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
