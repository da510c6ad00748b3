/* SPDX-License-Identifier: ISC */
/* Interfaces: the loopback, which every host has; others where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <cmocka.h>

#include "net/net.h"

static struct addr
addr_of(const char *s)
{
	struct addr addr;

	assert_int_equal(addr_read(s, &addr), 0);
	return addr;
}

static void
connected(void **state)
{
	static const struct {
		const char *remote;
		bool connected;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.200.3.4", true }, /* 127.0.0.0/8 is on lo */
		{ "fe80::1", true },	 /* by its nature */
		{ "240.0.0.200", false },
		{ "2001:db8:ffff::1", false },
		{ "0.0.0.0", false },
	};
	struct addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		addr = addr_of(rows[i].remote);
		assert_int_equal(iface_is_connected(&addr), rows[i].connected);
	}
}

static void
loopback_has_no_global_address(void **state)
{
	struct addr lo = addr_of("127.0.0.1"), none = addr_of("240.0.0.1");
	struct addr addr = { 0 };

	(void)state;
	/* An address added to lo by hand is a good one. */
	if (iface_global_addr(&lo, AF_INET, &addr) == 0)
		assert_true(addr_is_host(&addr));
	assert_int_equal(iface_global_addr(&none, AF_INET, &addr), -1);
	assert_int_equal(iface_link_local(&none, &addr), -1);
	assert_int_equal(iface_addr_of("nosuch0", AF_INET, &addr), -1);
}

/* Every usable address of this host is found again from its interface. */
static void
addresses_agree(void **state)
{
	struct ifaddrs *all, *ifa;
	struct addr here, found;

	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		if (ifa->ifa_addr == NULL || !(ifa->ifa_flags & IFF_UP) ||
		    addr_from_sock(ifa->ifa_addr, &here, NULL) < 0 ||
		    !addr_is_host(&here))
			continue;
		assert_true(iface_is_connected(&here));
		assert_int_equal(
		    iface_addr_of(ifa->ifa_name, here.family, &found), 0);
		assert_int_equal(found.family, here.family);
		if (addr_is_link_local(&here)) {
			assert_int_equal(iface_link_local(&here, &found), 0);
			assert_true(addr_equal(&here, &found));
			assert_int_equal(
			    found.scope, if_nametoindex(ifa->ifa_name));
			continue;
		}
		assert_int_equal(
		    iface_global_addr(&here, here.family, &found), 0);
		assert_int_equal(found.family, here.family);
		assert_false(addr_is_link_local(&found));
	}
	freeifaddrs(all);
}

static void
router_id_is_the_highest(void **state)
{
	struct ifaddrs *all, *ifa;
	struct addr here, id = { 0 };
	bool any = iface_router_id(&id) == 0;

	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		if (ifa->ifa_addr == NULL || !(ifa->ifa_flags & IFF_UP) ||
		    ifa->ifa_addr->sa_family != AF_INET ||
		    addr_from_sock(ifa->ifa_addr, &here, NULL) < 0 ||
		    !addr_is_host(&here) || addr_is_link_local(&here))
			continue;
		assert_true(any);
		assert_true(addr_to_v4(&id) >= addr_to_v4(&here));
	}
	freeifaddrs(all);
	if (any)
		assert_true((addr_to_v4(&id) >> 24) != 127);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connected),
		cmocka_unit_test(loopback_has_no_global_address),
		cmocka_unit_test(addresses_agree),
		cmocka_unit_test(router_id_is_the_highest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
