/* SPDX-License-Identifier: ISC */
/* UDP of BFD: what is told of a packet, ports, batches, reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <net/if.h>
#include <poll.h>
#include <cmocka.h>

#include "net/net.h"

#define PORT 39784 /* nobody's */

static struct udp_packet packets[UDP_BATCH];

static unsigned
receive(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	(void)poll(&one, 1, 1000);
	return udp_receive(fd, packets);
}

static struct addr
addr(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_read(text, &addr), 0);
	return addr;
}

static void
told_of_a_packet(void **state)
{
	static const struct {
		const char *remote, *local;
		uint8_t ttl;
	} cases[] = {
		{ "127.0.0.2", "127.0.0.3", 255 },
		{ "127.0.0.1", NULL, 7 },
		{ "::1", "::1", 255 },
		{ "::1", NULL, 1 },
	};
	struct udp_options options;
	struct addr to, from;
	uint16_t port;
	int ear, mouth;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		to = addr(cases[i].remote);
		ear = udp_listen(to.family, PORT, NULL);
		if (ear < 0)
			skip();
		options = (struct udp_options){
			.ttl = cases[i].ttl, .dscp = 48, .interface = "lo"
		};
		if (cases[i].local != NULL)
			options.local = addr(cases[i].local);
		mouth = udp_dial(&to, PORT, &options, NULL);
		assert_true(mouth >= 0);
		assert_int_equal(sock_local(mouth, &from, &port), 0);
		/* RFC 5881 4 */
		assert_in_range(port, 49152, 65535);
		assert_int_equal(udp_send(mouth, "hello", 5, NULL), 0);
		assert_int_equal(receive(ear), 1);
		assert_true(addr_equal(&packets[0].remote, &from));
		assert_true(addr_equal(&packets[0].local, &to));
		assert_int_equal(packets[0].ttl, cases[i].ttl);
		assert_int_equal(packets[0].interface, if_nametoindex("lo"));
		assert_int_equal(packets[0].len, 5);
		assert_memory_equal(packets[0].bytes, "hello", 5);
		assert_int_equal(udp_receive(ear, packets), 0);
		sock_close(mouth);
		sock_close(ear);
	}
}

static void
many_in_order_and_one_too_long(void **state)
{
	const struct udp_options options = { .ttl = 255 };
	struct addr to = addr("127.0.0.1");
	int ear = udp_listen(AF_INET, PORT, NULL), mouth, i;
	uint8_t big[UDP_BYTES + 1] = { 0 };

	(void)state;
	if (ear < 0)
		skip();
	mouth = udp_dial(&to, PORT, &options, NULL);
	for (i = 0; i < UDP_BATCH + 3; i++)
		assert_int_equal(
		    udp_send(mouth, &(uint8_t){ (uint8_t)i }, 1, NULL), 0);
	assert_int_equal(receive(ear), UDP_BATCH);
	for (i = 0; i < UDP_BATCH; i++)
		assert_int_equal(packets[i].bytes[0], i);
	assert_int_equal(receive(ear), 3);
	assert_int_equal(packets[2].bytes[0], UDP_BATCH + 2);
	assert_int_equal(udp_send(mouth, big, sizeof(big), NULL), 0);
	assert_int_equal(receive(ear), 1);
	assert_int_equal(packets[0].len, 0);
	sock_close(mouth);
	sock_close(ear);
}

static void
nobody_there_is_no_error(void **state)
{
	const struct udp_options options = { .ttl = 255 };
	struct addr to = addr("127.0.0.1");
	int mouth = udp_dial(&to, PORT + 1, &options, NULL), i;

	(void)state;
	assert_true(mouth >= 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(udp_send(mouth, "x", 1, NULL), 0);
	sock_close(mouth);
}

static void
reasons(void **state)
{
	struct udp_options options = { .ttl = 255 };
	struct addr to = addr("127.0.0.1"), far = addr("fe80::1");
	struct text why = { 0 };
	int ear;

	(void)state;
	options.local = addr("192.0.2.1");
	assert_int_equal(udp_dial(&to, PORT, &options, &why), -1);
	assert_non_null(strstr(text_str(&why),
	    "source 192.0.2.1: no interface of this host has the address"));
	text_clear(&why);
	options = (struct udp_options){ .ttl = 255, .interface = "none7" };
	assert_int_equal(udp_dial(&to, PORT, &options, &why), -1);
	assert_non_null(strstr(text_str(&why), "interface none7: "));
	text_clear(&why);
	options.interface = NULL;
	assert_int_equal(udp_dial(&far, PORT, &options, &why), -1);
	assert_non_null(strstr(text_str(&why), "needs its interface"));
	text_clear(&why);
	ear = udp_listen(AF_INET, PORT, NULL);
	assert_int_equal(udp_listen(AF_INET, PORT, &why), -1);
	if (ear >= 0)
		assert_non_null(
		    strstr(text_str(&why), "does another BFD run here?"));
	text_free(&why);
	sock_close(ear);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_of_a_packet),
		cmocka_unit_test(many_in_order_and_one_too_long),
		cmocka_unit_test(nobody_there_is_no_error),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
