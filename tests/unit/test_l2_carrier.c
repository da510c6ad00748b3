/* SPDX-License-Identifier: ISC */
/* plugins/l2's carrier: take, yield, fence, proof, conflicts, interfaces. */

#include "l2_scene.h"

/* Take and yield ------------------------------------------------------------------------ */

static void
test_take_and_yield(void **unused)
{
	static const char *const other[] = { "eth7" };
	static const char *const right[] = { "eth7", "eth0" };

	(void)unused;
	add(&vip4);
	add(&vip6);
	assert_false(is_answered(&vip4));
	assert_false(is_answered(&vip6));
	cable_forget();
	/* The first frames leave in the call: no turn of the loop. */
	carrier_take(carrier, &vip4);
	carrier_take(carrier, &vip6);
	usleep(5000);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, &vip4, true), 1);
	assert_int_equal(count_heard(FRAME_REPLY, &vip4, &vip4, true), 1);
	assert_int_equal(count_heard(FRAME_NA, &vip6, &vip6, true), 1);
	assert_true(is_answered(&vip4));
	assert_true(is_answered(&vip6));
	carrier_yield(carrier, &vip4);
	assert_false(is_answered(&vip4));
	assert_true(is_answered(&vip6));
	cable_forget();
	fake_run(350); /* two rounds of what is taken */
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, NULL, true), 0);
	assert_true(count_heard(FRAME_NA, &vip6, &vip6, true) >= 1);
	carrier_remove(carrier, &vip6);
	assert_false(is_answered(&vip6));
	/* On other interfaces alone. */
	carrier_take(carrier, &vip4);
	carrier_add(carrier, &vip4, other, 1);
	assert_false(is_answered(&vip4));
	carrier_add(carrier, &vip4, right, 2);
	assert_true(is_answered(&vip4));
	carrier_remove(carrier, &vip4);
}

static void
test_fence(void **unused)
{
	(void)unused;
	add(&vip4);
	carrier_take(carrier, &vip4);
	carrier_fence(carrier, carrier_now_us() + 60000);
	assert_true(is_answered(&vip4));
	fake_run(60);
	/* Past it: neither an answer nor the rounds at 100 and 300 ms. */
	assert_false(is_answered(&vip4));
	cable_forget();
	fake_run(350);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, NULL, true), 0);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, NULL, false), 0);
	/* Moved on: what was due leaves in the call. */
	carrier_fence(carrier, carrier_now_us() + 1000000);
	usleep(5000);
	assert_true(count_heard(FRAME_REQUEST, &vip4, &vip4, true) >= 1);
	assert_true(is_answered(&vip4));
	/* It ran out while the process stood still: the first frame sees it. */
	carrier_fence(carrier, carrier_now_us() + 20000);
	cable_forget();
	ask(&vip4);
	usleep(60000);
	fake_run(30);
	assert_int_equal(count_heard(FRAME_REPLY, &vip4, NULL, false), 0);
	carrier_fence(carrier, INT64_MAX);
	assert_true(is_answered(&vip4));
}

static void
test_old_questions(void **unused)
{
	unsigned i;

	(void)unused;
	add(&vip4);
	carrier_take(carrier, &vip4);
	fake_run(20);
	cable_forget();
	for (i = 0; i < 50; i++)
		ask(&vip4);
	usleep(300000); /* the loop stands still */
	fake_run(30);
	assert_int_equal(count_heard(FRAME_REPLY, &vip4, &host4, false), 0);
	assert_true(is_answered(&vip4));
}

/* Proof ------------------------------------------------------------------------------------ */

static const struct bgpd_addr gateway = { 4, { 192, 0, 2, 1 } };

static void
test_confirmed_by_an_asker(void **unused)
{
	struct carrier_address_view view;

	(void)unused;
	add(&vip4);
	ask(&vip4); /* of its owner, before we are */
	fake_run(20);
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.asker_count, 1);
	cable_forget();
	carrier_take(carrier, &vip4);
	usleep(5000);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, &host4, false), 1);
	assert_true(count_heard(FRAME_REQUEST, &vip4, &gateway, true) +
			count_heard(FRAME_REQUEST, &vip4, &gateway, false) ==
		    1);
	arp_make(raw, 2, cable_far_mac, &host4, &vip4);
	memcpy(raw, cable_mac, 6);
	memcpy(raw + 32, cable_mac, 6);
	cable_send(raw, ARP_LEN);
	fake_run(20);
	assert_non_null(strstr(told, "confirmed 192.0.2.240 by 192.0.2.20\n"));
	/* The gateway is still asked, until it answers or is given up. */
	cable_forget();
	fake_run(1200);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, &host4, false), 0);
	assert_true(count_heard(FRAME_REQUEST, &vip4, &gateway, true) >= 3);
	assert_null(strstr(told, "unconfirmed"));
}

static void
test_nobody_confirms(void **unused)
{
	struct carrier_address_view view;
	struct bgpd_addr elsewhere = { 4, { 198, 51, 100, 7 } };

	(void)unused;
	add(&vip4);
	add(&elsewhere);
	carrier_take(carrier, &vip4);
	carrier_take(carrier, &elsewhere);
	fake_run(900);
	assert_null(strstr(told, "unconfirmed"));
	fake_run(400);
	assert_non_null(strstr(told, "unconfirmed 192.0.2.240\n"));
	assert_non_null(strstr(told, "unprovable 198.51.100.7\n"));
	/* Somebody asks by unicast: he has learned it after all. */
	arp_make(raw, 1, cable_far_mac, &host4, &vip4);
	memcpy(raw, cable_mac, 6);
	cable_send(raw, ARP_LEN);
	fake_run(20);
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.proof, CARRIER_CONFIRMED);
	assert_true(kit_addr_equal(&view.confirmed_by, &host4));
}

/* Conflicts ------------------------------------------------------------------------------- */

static void
claim(const uint8_t *mac)
{
	cable_send(raw, arp_make(raw, 1, mac, &vip4, &vip4));
	fake_run(20);
}

static void
test_an_alien_is_defended(void **unused)
{
	unsigned i;

	(void)unused;
	add(&vip4);
	claim(third_mac);
	assert_string_equal(told, ""); /* it is not ours */
	carrier_take(carrier, &vip4);
	fake_run(320); /* past the rounds */
	cable_forget();
	for (i = 0; i < 5; i++)
		claim(third_mac);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, &vip4, true), 1);
	assert_int_equal(count_heard(FRAME_REPLY, &vip4, &vip4, true), 1);
	assert_string_equal(told, "conflict 192.0.2.240 03 alien taken\n");
	assert_true(is_answered(&vip4));
}

static void
test_policies(void **unused)
{
	const struct carrier_options soon = { .exclude = far,
		.exclude_count = 1,
		.policy = CARRIER_QUARANTINE,
		.quarantine_ms = 100 };
	struct carrier_address_view view;

	(void)unused;
	configure(CARRIER_YIELD);
	add(&vip4);
	carrier_take(carrier, &vip4);
	told[0] = '\0';
	claim(third_mac);
	assert_string_equal(told, "conflict 192.0.2.240 03 alien silent\n");
	assert_false(is_answered(&vip4));
	configure(CARRIER_QUARANTINE);
	carrier_take(carrier, &vip4);
	claim(third_mac);
	assert_non_null(
	    strstr(told, "conflict 192.0.2.240 03 alien quarantined\n"));
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.state, CARRIER_QUARANTINED);
	assert_true(view.conflict);
	assert_memory_equal(view.mac, third_mac, 6);
	assert_false(is_answered(&vip4));
	/* It is probed again, by the new time at once; he is gone. */
	assert_null(carrier_configure(carrier, &soon));
	fake_until(strstr(told, "probed 192.0.2.240 0") != NULL);
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.state, CARRIER_KNOWN);
	assert_false(view.conflict);
}

static void
test_fellows(void **unused)
{
	static const uint8_t macs[1][6] = { { 2, 0, 0, 0, 0, 3 } };
	static const uint8_t by_address[6] = { 2, 0, 0, 0, 0, 0x30 };
	struct bgpd_addr address = { 4, { 192, 0, 2, 30 } };

	(void)unused;
	cable_neighbor("192.0.2.30", by_address);
	add(&vip4);
	carrier_take(carrier, &vip4);
	claim(by_address);
	assert_non_null(strstr(told, "30 alien"));
	carrier_fellows(carrier, &address, 1, macs, 1);
	fake_run(320);
	cable_forget();
	told[0] = '\0';
	claim(third_mac);
	assert_string_equal(told, "conflict 192.0.2.240 03 fellow taken\n");
	claim(by_address);
	assert_non_null(strstr(told, "30 fellow taken\n"));
	claim(their_mac);
	assert_non_null(strstr(told, "02 alien taken\n"));
	/* Nothing is defended against a fellow but by who elects. */
	fake_run(20);
	carrier_announce(carrier, &vip4);
	usleep(5000);
	assert_true(count_heard(FRAME_REQUEST, &vip4, &vip4, true) >= 1);
}

/* Interfaces ------------------------------------------------------------------------------------ */

static void
test_interfaces(void **unused)
{
	struct bgpd_addr group = group_of(&vip6);

	(void)unused;
	(void)group;
	add(&vip4);
	carrier_take(carrier, &vip4);
	cable_set_up("eth0", false);
	fake_until(strstr(told, "eth0 down\n") != NULL);
	told[0] = '\0';
	cable_forget();
	cable_set_up("eth0", true);
	fake_until(strstr(told, "eth0 used\n") != NULL);
	usleep(5000);
	assert_true(count_heard(FRAME_REQUEST, &vip4, &vip4, true) >= 1);
	cable_gateway(CABLE_GATEWAY); /* it went with the interface */
	assert_true(is_answered(&vip4));
}

/* Each is asked, and what is counted is the interfaces they are on. */
static void
test_gateways_are_asked(void **unused)
{
	static const struct bgpd_addr node = { 4, { 192, 0, 2, 10 } };
	static const struct bgpd_addr second = { 4, { 192, 0, 2, 3 } };
	int asked[2] = { -1, -1 };

	(void)unused;
	cable_route(SIOCADDRT, "192.0.2.3", 7);
	fake_run(300);
	cable_forget();
	assert_int_equal(carrier_ask_gateways(carrier, asked, 2), 1);
	assert_int_equal(asked[0], cable_ifindex);
	assert_int_equal(asked[1], -1);
	usleep(5000);
	assert_int_equal(count_heard(FRAME_REQUEST, &node, &gateway, true), 1);
	assert_int_equal(count_heard(FRAME_REQUEST, &node, &second, true), 1);
	/* Without room it is asked all the same. */
	asked[0] = -1;
	assert_int_equal(carrier_ask_gateways(carrier, asked, 0), 1);
	assert_int_equal(asked[0], -1);
	cable_route(SIOCDELRT, "192.0.2.3", 7);
	fake_run(300);
}

/* A list as it is told: by its places, and what stays where there is another. */
static unsigned
subnets_again(struct carrier_subnet *subnets, unsigned before)
{
	fake_run(50);
	return carrier_subnets(carrier, subnets, before, 4);
}

/* Where addresses are carried: by the subnets of both families. */
static void
test_subnets(void **unused)
{
	static const char *const elsewhere[] = { "eth9" };
	const struct bgpd_addr lower = { 4, { 192, 0, 2, 2 } };
	const struct bgpd_addr off = { 4, { 203, 0, 113, 1 } };
	struct carrier_subnet subnets[4] = { 0 };

	(void)unused;
	cable_address("eth0", CABLE_NODE, "2001:db8::10");
	assert_int_equal(carrier_subnets(carrier, subnets, 0, 0), 0);
	assert_int_equal(subnets_again(subnets, 0), 2);
	assert_string_equal(subnets[0].name, "eth0");
	assert_int_equal(subnets[0].ifindex, if_nametoindex("eth0"));
	assert_string_equal(print(&subnets[0].addr), CABLE_NODE);
	assert_int_equal(subnets[0].length, 24);
	assert_true(subnets[0].linked);
	assert_int_equal(subnets[1].addr.family, 6);
	assert_int_equal(subnets[1].length, 64);
	assert_int_equal(carrier_subnets_of(carrier, &vip4, subnets, 2), 0);
	add(&vip4);
	add(&vip6);
	add(&off);
	assert_int_equal(carrier_subnets_of(carrier, &vip4, subnets, 2), 1);
	assert_int_equal(carrier_subnets_of(carrier, &vip6, subnets, 2), 2);
	assert_int_equal(carrier_subnets_of(carrier, &vip4, subnets, 0), 0);
	/* Of no subnet: by those of its family; else by what there is. */
	assert_int_equal(carrier_subnets_of(carrier, &off, subnets, 2), 1);
	assert_int_equal(carrier_subnets_of(carrier, &off, subnets + 1, 1), 1);
	assert_false(carrier_is_nowhere(carrier, &vip4));
	carrier_add(carrier, &vip4, elsewhere, 1);
	assert_int_equal(carrier_subnets_of(carrier, &vip4, subnets, 2), 0);
	assert_true(carrier_is_nowhere(carrier, &vip4));
	/* What is carried is no address of this node. */
	add(&lower);
	cable_address("eth0", "192.0.2.2", "2001:db8::2");
	assert_int_equal(subnets_again(subnets, 2), 1);
	assert_int_equal(subnets[0].addr.family, 6);
	carrier_remove(carrier, &lower);
	assert_int_equal(subnets_again(subnets, 1), 2);
	assert_string_equal(print(&subnets[0].addr), "192.0.2.2");
	cable_address("eth0", CABLE_NODE, "2001:db8::10");
	cable_gateway(CABLE_GATEWAY);
	fake_run(50);
}

/* One more address, lower than all, takes no other's place. */
static void
test_subnets_stay(void **unused)
{
	struct carrier_subnet subnets[4] = { 0 };

	(void)unused;
	cable_address("eth0", CABLE_NODE, "2001:db8::10");
	add(&vip4);
	assert_int_equal(subnets_again(subnets, 0), 2);
	cable_address("eth0:1", "10.9.9.9", "2001:db8::1:10");
	assert_int_equal(subnets_again(subnets, 2), 3);
	assert_string_equal(print(&subnets[0].addr), "10.9.9.9");
	assert_string_equal(print(&subnets[1].addr), CABLE_NODE);
	assert_int_equal(carrier_subnets_of(carrier, &vip4, subnets, 3), 2);
	/* A lower one of its own subnet neither, as long as it is told. */
	cable_address("eth0:1", "192.0.2.3", "2001:db8::1:10");
	assert_int_equal(subnets_again(subnets, 3), 2);
	assert_string_equal(print(&subnets[0].addr), CABLE_NODE);
	assert_int_equal(subnets_again(subnets, 0), 2);
	assert_string_equal(print(&subnets[0].addr), "192.0.2.3");
	cable_address("eth0:1", "192.0.2.20", "2001:db8::1:10");
	subnets[0].addr.bytes[3] = 20;
	assert_int_equal(subnets_again(subnets, 2), 2);
	assert_string_equal(print(&subnets[0].addr), "192.0.2.20");
	cable_set_up("eth0:1", false);
}

/* Without its link an interface is still where an address belongs. */
static void
test_subnets_without_link(void **unused)
{
	const struct bgpd_addr off = { 4, { 203, 0, 113, 1 } };
	struct carrier_subnet subnets[4] = { 0 };

	(void)unused;
	cable_address("eth0", CABLE_NODE, "2001:db8::10");
	add(&vip6);
	add(&off);
	assert_int_equal(subnets_again(subnets, 0), 2);
	cable_set_up("far0", false);
	fake_run(100);
	assert_int_equal(subnets_again(subnets, 2), 2);
	assert_false(subnets[0].linked);
	assert_false(subnets[1].linked);
	assert_int_equal(carrier_subnets_of(carrier, &vip6, subnets, 2), 2);
	assert_int_equal(carrier_subnets_of(carrier, &off, subnets, 2), 1);
	assert_true(carrier_is_nowhere(carrier, &off));
	cable_set_up("far0", true);
	fake_run(100);
	assert_int_equal(subnets_again(subnets, 2), 2);
}

/* The first of eth0's, of /proc; family 0: none. */
static struct bgpd_addr
link_local(void)
{
	struct bgpd_addr addr = { .family = 0 };
	char hex[33], name[32], line[256];
	FILE *f = fopen("/proc/thread-self/net/if_inet6", "r");
	unsigned i, byte;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%32s %*s %*s %*s %*s %31s", hex, name) != 2 ||
		    strcmp(name, "eth0") != 0 || strncmp(hex, "fe80", 4) != 0)
			continue;
		addr.family = 6;
		for (i = 0; i < 16; i++) {
			sscanf(hex + 2 * i, "%2x", &byte);
			addr.bytes[i] = (uint8_t)byte;
		}
	}
	if (f != NULL)
		fclose(f);
	return addr;
}

/* Advertisements of the interface's own address, of that of one that came. */
static void
test_link_local_source(void **unused)
{
	struct carrier_options options = {
		.exclude = far, .exclude_count = 1, .link_local_source = true
	};
	struct bgpd_addr source = link_local();

	(void)unused;
	if (source.family == 0)
		skip();
	add(&vip6);
	carrier_take(carrier, &vip6);
	fake_run(50);
	assert_true(count_heard(FRAME_NA, &vip6, &vip6, true) > 0);
	assert_int_equal(count_heard(FRAME_NA, &source, &vip6, true), 0);
	assert_null(carrier_configure(carrier, &options));
	cable_forget();
	carrier_announce(carrier, &vip6);
	fake_run(50);
	assert_true(count_heard(FRAME_NA, &source, &vip6, true) > 0);
	assert_int_equal(count_heard(FRAME_NA, &vip6, &vip6, true), 0);
	cable_forget();
	ask(&vip6);
	fake_run(20);
	assert_true(count_heard(FRAME_NA, &source, &vip6, false) > 0);
}

static void
test_lost_events(void **unused)
{
	unsigned i;

	(void)unused;
	add(&vip4);
	carrier_take(carrier, &vip4);
	fake_run(20);
	fake_log[0] = '\0';
	/* More of them than the socket holds, while the loop stands still. */
	for (i = 0; i < 3000; i++)
		cable_set_up("far0", i % 2);
	cable_set_up("eth0", false);
	told[0] = '\0';
	fake_until(strstr(fake_log, "events of netlink were lost") != NULL);
	fake_until(strstr(told, "eth0 down\n") != NULL);
	told[0] = '\0';
	cable_set_up("eth0", true);
	fake_until(strstr(told, "eth0 used\n") != NULL);
	cable_gateway(CABLE_GATEWAY);
	/* The kernel tells of carriers that flap a second later. */
	fake_until(is_answered(&vip4));
}

/* Is eth0 a member of the group of vip6? */
static bool
is_member(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/thread-self/net/igmp6", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |= strstr(line, "eth0") != NULL &&
			 strstr(line, "ff0200000000000000000001ff000240");
	if (f != NULL)
		fclose(f);
	return found;
}

static void
test_groups_are_joined_when_needed(void **unused)
{
	(void)unused;
	add(&vip6);
	assert_false(is_member());
	carrier_prejoin(carrier, &vip6, true);
	assert_true(is_member());
	assert_false(is_answered(&vip6));
	carrier_prejoin(carrier, &vip6, false);
	assert_false(is_member());
	carrier_prejoin(carrier, &vip6, true);
	carrier_take(carrier, &vip6);
	carrier_prejoin(carrier, &vip6, false);
	assert_true(is_member());
	carrier_yield(carrier, &vip6);
	assert_false(is_member());
	carrier_probe(carrier, &vip6);
	assert_true(is_member());
	carrier_remove(carrier, &vip6);
	assert_false(is_member());
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ROOM(test_take_and_yield),
		ROOM(test_fence),
		ROOM(test_old_questions),
		ROOM(test_confirmed_by_an_asker),
		ROOM(test_nobody_confirms),
		ROOM(test_an_alien_is_defended),
		ROOM(test_policies),
		ROOM(test_fellows),
		ROOM(test_interfaces),
		ROOM(test_gateways_are_asked),
		ROOM(test_subnets),
		ROOM(test_subnets_stay),
		ROOM(test_subnets_without_link),
		ROOM(test_link_local_source),
		ROOM(test_lost_events),
		ROOM(test_groups_are_joined_when_needed),
	};

	return run_on_a_cable(tests);
}
