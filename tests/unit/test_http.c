/* SPDX-License-Identifier: ISC */
/* The HTTP server: what it answers and what it refuses. */
#include "http_scene.h"

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
		"GET /a HTTP/1.1\nContent-Length: 0\nTransfer-Encoding: x\n\n",
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
		CASE(a_port_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
