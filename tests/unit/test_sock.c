/* SPDX-License-Identifier: ISC */
/* TCP sockets on the loopback: options, keys, errors that name their cure. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"
#include "util/mem.h"

static struct addr
addr_of(const char *s)
{
	struct addr addr;

	assert_int_equal(addr_read(s, &addr), 0);
	return addr;
}

/* A listener on a port that the kernel chose. */
static int
listen_on(const char *where, uint16_t *port)
{
	struct addr addr = addr_of(where), local;
	int fd = sock_listen(&addr, 0, NULL);

	if (fd < 0)
		return -1;
	assert_int_equal(sock_local(fd, &local, port), 0);
	assert_true(addr_equal(&addr, &local));
	assert_int_not_equal(*port, 0);
	return fd;
}

static bool
wait_for(int fd, short events, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, ms) == 1;
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

struct pair {
	int listener, dialled, accepted;
	uint16_t port;
};

static void
pair_close(struct pair *p)
{
	sock_close(p->listener);
	sock_close(p->dialled);
	sock_close(p->accepted);
}

/* Dials where we listen; accepted is -1 when nothing comes through. */
static void
pair_open(struct pair *p, const char *where, const char *listener_key,
    const struct sock_options *options, int wait_ms)
{
	struct addr to = addr_of(where), from;
	struct text why = { 0 };
	uint16_t port;

	p->accepted = -1;
	p->listener = listen_on(where, &p->port);
	assert_true(p->listener >= 0);
	if (listener_key != NULL)
		assert_int_equal(
		    sock_set_password(p->listener, &to, listener_key, &why), 0);
	p->dialled = sock_dial(&to, p->port, options, &why);
	assert_string_equal(text_str(&why), "");
	assert_true(p->dialled >= 0);
	text_free(&why);
	if (!wait_for(p->listener, POLLIN, wait_ms))
		return;
	p->accepted = sock_accept(p->listener, &from, &port);
	assert_true(p->accepted >= 0);
	assert_int_equal(from.family, to.family);
	assert_int_not_equal(port, 0);
}

static bool
have_ipv6(void)
{
	uint16_t port;
	int fd = listen_on("::1", &port);

	sock_close(fd);
	return fd >= 0;
}

static void
bytes_go_both_ways(void **state)
{
	static const char *const places[] = { "127.0.0.1", "::1" };
	struct sock_options options = { .dscp = 48 };
	struct addr addr;
	struct pair p;
	char data[8] = "";
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < (have_ipv6() ? 2 : 1); i++) {
		pair_open(&p, places[i], NULL, &options, 2000);
		assert_true(p.accepted >= 0);
		assert_true(wait_for(p.dialled, POLLOUT, 2000));
		assert_int_equal(sock_error(p.dialled), 0);
		assert_int_equal(sock_remote(p.dialled, &addr, &port), 0);
		assert_int_equal(port, p.port);
		assert_int_equal(sock_read(p.accepted, data, 8), 0);
		assert_int_equal(sock_write(p.dialled, "hello", 5), 5);
		assert_true(wait_for(p.accepted, POLLIN, 2000));
		assert_int_equal(sock_read(p.accepted, data, 8), 5);
		assert_memory_equal(data, "hello", 5);
		sock_close(p.accepted);
		assert_true(wait_for(p.dialled, POLLIN, 2000));
		errno = EIO;
		assert_int_equal(sock_read(p.dialled, data, 8), -1);
		assert_int_equal(errno, 0); /* the end, no error */
		/* No SIGPIPE, now or at the second try. */
		(void)sock_write(p.dialled, "x", 1);
		usleep(10000);
		assert_int_equal(sock_write(p.dialled, "x", 1), -1);
		p.accepted = -1;
		pair_close(&p);
	}
}

/* What the kernel holds after sock_dial and sock_tune, family by family. */
static const struct {
	const char *where;
	int level, name;
	int dialled, accepted;
} option_rows[] = {
	{ "127.0.0.1", IPPROTO_IP, IP_TTL, 255, 1 },
	{ "127.0.0.1", IPPROTO_IP, IP_MINTTL, 254, 0 },
	{ "127.0.0.1", IPPROTO_IP, IP_TOS, 0xc0, 0x20 },
	{ "127.0.0.1", IPPROTO_TCP, TCP_NODELAY, 1, 1 },
	{ "127.0.0.1", IPPROTO_TCP, TCP_USER_TIMEOUT, 9000, 0 },
	{ "::1", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255, 1 },
	{ "::1", IPPROTO_IPV6, 73 /* IPV6_MINHOPCOUNT */, 254, 0 },
	{ "::1", IPPROTO_IPV6, IPV6_TCLASS, 0xc0, 0x20 },
	{ "::1", IPPROTO_TCP, TCP_NODELAY, 1, 1 },
};

static void
options_are_set(void **state)
{
	struct sock_options dialled = {
		.ttl = 255, .min_ttl = 254, .dscp = 48, .user_timeout_ms = 9000
	};
	struct sock_options accepted = { .ttl = 1, .dscp = 8 };
	struct pair p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(option_rows) / sizeof(*option_rows); i++) {
		if (option_rows[i].where[0] == ':' && !have_ipv6())
			continue;
		pair_open(&p, option_rows[i].where, NULL, &dialled, 2000);
		assert_true(p.accepted >= 0);
		assert_int_equal(sock_tune(p.accepted, &accepted, NULL), 0);
		assert_int_equal(option(p.dialled, option_rows[i].level,
				     option_rows[i].name),
		    option_rows[i].dialled);
		assert_int_equal(option(p.accepted, option_rows[i].level,
				     option_rows[i].name),
		    option_rows[i].accepted);
		pair_close(&p);
	}
}

/* RFC 5082: what comes with less than the wanted TTL is as if never sent. */
static void
min_ttl_keeps_the_far_away_out(void **state)
{
	static const struct {
		uint8_t remote_ttl;
		bool through;
	} rows[] = { { 255, true }, { 254, true }, { 253, false },
		{ 1, false } };
	struct sock_options mine = { .min_ttl = 254, .ttl = 255 };
	struct sock_options theirs = { 0 };
	struct pair p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		theirs.ttl = rows[i].remote_ttl;
		/* Our SYN-ACK has to pass their check too. */
		theirs.min_ttl = 255;
		pair_open(&p, "127.0.0.1", NULL, &theirs, 2000);
		assert_true(p.accepted >= 0);
		assert_int_equal(sock_tune(p.accepted, &mine, NULL), 0);
		assert_true(wait_for(p.dialled, POLLOUT, 2000));
		assert_int_equal(sock_write(p.dialled, "x", 1), 1);
		assert_int_equal(
		    wait_for(p.accepted, POLLIN, rows[i].through ? 2000 : 300),
		    rows[i].through);
		pair_close(&p);
	}
}

static const struct {
	const char *where, *listener, *dialler;
	bool through;
} key_rows[] = {
	{ "127.0.0.1", "secret", "secret", true },
	{ "127.0.0.1", "secret", "Secret", false },
	{ "127.0.0.1", "secret", NULL, false },
	{ "127.0.0.1", NULL, "secret", false },
	{ "::1", "secret", "secret", true },
	{ "::1", "secret", "other", false },
};

static void
keys_right_and_wrong(void **state)
{
	struct sock_options options = { 0 };
	struct addr remote = addr_of("127.0.0.1");
	struct text why = { 0 };
	struct pair p;
	uint16_t port;
	size_t i;
	int fd = listen_on("127.0.0.1", &port);

	(void)state;
	i = (size_t)sock_set_password(fd, &remote, "x", &why);
	sock_close(fd);
	if (i != 0) {
		print_message("no TCP-MD5 here: %s\n", text_str(&why));
		text_free(&why);
		skip();
	}
	for (i = 0; i < sizeof(key_rows) / sizeof(key_rows[0]); i++) {
		if (key_rows[i].where[0] == ':' && !have_ipv6())
			continue;
		options.password = key_rows[i].dialler;
		pair_open(&p, key_rows[i].where, key_rows[i].listener, &options,
		    key_rows[i].through ? 2000 : 300);
		assert_int_equal(p.accepted >= 0, key_rows[i].through);
		pair_close(&p);
	}
}

static void
key_is_removed(void **state)
{
	struct addr here = addr_of("127.0.0.1"), there = addr_of("::1");
	struct sock_options options = { 0 };
	struct text why = { 0 };
	char longest[100];
	struct pair p;

	(void)state;
	p.accepted = -1;
	p.listener = listen_on("127.0.0.1", &p.port);
	if (sock_set_password(p.listener, &here, "secret", NULL) < 0) {
		sock_close(p.listener);
		skip();
	}
	assert_int_equal(sock_set_password(p.listener, &here, NULL, NULL), 0);
	assert_int_equal(sock_set_password(p.listener, &here, NULL, NULL), 0);
	assert_int_equal(sock_set_password(p.listener, &there, "x", NULL), 0);
	p.dialled = sock_dial(&here, p.port, &options, NULL);
	assert_true(wait_for(p.listener, POLLIN, 2000));
	memset(longest, 'x', sizeof(longest));
	longest[81] = '\0';
	assert_int_equal(
	    sock_set_password(p.listener, &here, longest, &why), -1);
	assert_non_null(strstr(text_str(&why), "at most 80"));
	text_free(&why);
	longest[80] = '\0';
	assert_int_equal(
	    sock_set_password(p.listener, &here, longest, NULL), 0);
	pair_close(&p);
}

static void
errors_name_the_cure(void **state)
{
	struct addr here = addr_of("127.0.0.1"), far = addr_of("240.0.0.77");
	struct sock_options options = { .source = far };
	struct sock_options no_interface = { .interface = "nosuch0" };
	struct addr link_local = addr_of("fe80::1");
	struct text why = { 0 };
	uint16_t port;
	int fd = listen_on("127.0.0.1", &port);

	(void)state;
	assert_int_equal(sock_listen(&here, port, &why), -1);
	assert_non_null(strstr(text_str(&why), "127.0.0.1 port"));
	assert_non_null(strstr(text_str(&why), "use -p or -l"));
	text_clear(&why);
	assert_int_equal(sock_listen(&far, 0, &why), -1);
	assert_non_null(strstr(text_str(&why), "no interface of this host"));
	text_clear(&why);
	assert_int_equal(sock_dial(&here, port, &options, &why), -1);
	assert_non_null(strstr(text_str(&why), "source 240.0.0.77: no inter"));
	text_clear(&why);
	assert_int_equal(sock_dial(&here, port, &no_interface, &why), -1);
	assert_string_equal(
	    text_str(&why), "interface nosuch0 has no IPv4 address");
	text_clear(&why);
	if (have_ipv6()) {
		memset(&options, 0, sizeof(options));
		assert_int_equal(
		    sock_dial(&link_local, port, &options, &why), -1);
		assert_non_null(strstr(text_str(&why), "update-source"));
	}
	text_free(&why);
	sock_close(fd);
	assert_int_equal(sock_accept(-1, NULL, NULL), -1);
	assert_int_equal(sock_error(-1), EBADF);
	sock_close(-1);
}

static void
refused_is_told_by_sock_error(void **state)
{
	struct addr here = addr_of("127.0.0.1");
	struct sock_options options = { 0 };
	uint16_t port;
	int fd = listen_on("127.0.0.1", &port);

	(void)state;
	sock_close(fd); /* nobody listens there now */
	fd = sock_dial(&here, port, &options, NULL);
	if (fd >= 0) {
		assert_true(wait_for(fd, POLLOUT, 2000));
		assert_int_equal(sock_error(fd), ECONNREFUSED);
	}
	sock_close(fd);
}

static void
source_is_kept(void **state)
{
	struct sock_options options = { .source = addr_of("127.0.0.9") };
	struct addr from, wanted = addr_of("127.0.0.9");
	struct pair p;

	(void)state;
	pair_open(&p, "127.0.0.1", NULL, &options, 2000);
	assert_true(p.accepted >= 0);
	assert_int_equal(sock_remote(p.accepted, &from, NULL), 0);
	assert_true(addr_equal(&from, &wanted));
	pair_close(&p);
}

/* Both families on one port: an IPv6 listener leaves IPv4 alone. */
static void
families_share_a_port(void **state)
{
	struct addr any4 = addr_of("0.0.0.0"), any6 = addr_of("::"), local;
	struct text why = { 0 };
	uint16_t port;
	int fd4, fd6;

	(void)state;
	if (!have_ipv6())
		skip();
	fd4 = sock_listen(&any4, 0, &why);
	assert_true(fd4 >= 0);
	assert_int_equal(sock_local(fd4, &local, &port), 0);
	fd6 = sock_listen(&any6, port, &why);
	if (fd6 < 0) /* taken by a neighbour test between the two */
		assert_non_null(strstr(text_str(&why), "taken"));
	else
		assert_int_equal(option(fd6, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	text_free(&why);
	sock_close(fd4);
	sock_close(fd6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(options_are_set),
		cmocka_unit_test(min_ttl_keeps_the_far_away_out),
		cmocka_unit_test(keys_right_and_wrong),
		cmocka_unit_test(key_is_removed),
		cmocka_unit_test(errors_name_the_cure),
		cmocka_unit_test(refused_is_told_by_sock_error),
		cmocka_unit_test(source_is_kept),
		cmocka_unit_test(families_share_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
