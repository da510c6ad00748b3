/* SPDX-License-Identifier: ISC */
/* The HTTP server: what one client can cost, in connections, bytes and time. */
#include "http_scene.h"

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

/* It goes on to speak: its bytes unread may not cost it the answer. */
static void
an_answer_before_the_end(void **state)
{
	struct scene *s = *state;
	struct text much = { 0 };
	int fd = dial(s);

	text_add(&much, "POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
	while (much.len < 90000)
		text_put(&much, "0123456789abcdef", 16);
	assert_int_equal(send(fd, much.s, much.len, 0), much.len);
	run_for(s, 50);
	(void)hear(s, fd);
	assert_begins(s->told, "HTTP/1.1 413 ");
	assert_int_equal(recv(fd, s->told, 1, MSG_DONTWAIT), 0); /* no reset */
	say(fd, "and more");
	run_for(s, 20);
	assert_int_equal(recv(fd, s->told, 1, MSG_DONTWAIT), 0);
	/* But not for long. */
	assert_int_equal(open_now(s), 1);
	run_for(s, 1100);
	assert_int_equal(open_now(s), 0);
	close(fd);
	text_free(&much);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_head_too_long),
		CASE(connections_are_bounded),
		CASE(the_silent_are_cut),
		CASE(an_answer_before_the_end),
		CASE(connections_that_come_and_go),
		CASE(closed_while_one_comes),
		CASE(a_slow_reader),
		CASE(a_slow_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
