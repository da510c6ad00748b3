/* SPDX-License-Identifier: ISC */
/* plugins/l2's carrier: probing, quarantine, and who turns out to be a fellow. */

#include "l2_scene.h"

static void
claim(const uint8_t *mac)
{
	cable_send(raw, arp_make(raw, 1, mac, &vip4, &vip4));
	fake_run(20);
}

/* He probes it. */
static void
rival(const uint8_t *mac)
{
	cable_send(raw, arp_make(raw, 1, mac, &zero4, &vip4));
	fake_run(20);
}

/* He answers a probe. */
static void
owner(const uint8_t *mac)
{
	arp_make(raw, 2, mac, &vip4, &zero4);
	memcpy(raw, cable_mac, 6);
	cable_send(raw, ARP_LEN);
	fake_run(20);
}

static void
test_probing(void **unused)
{
	static const uint8_t macs[1][6] = { { 2, 0, 0, 0, 0, 3 } };

	(void)unused;
	add(&vip4);
	add(&vip6);
	carrier_fellows(carrier, NULL, 0, macs, 1);
	carrier_probe(carrier, &vip4);
	carrier_probe(carrier, &vip6);
	assert_string_equal(told, "");
	fake_run(100);
	/* A fellow probes it as well: none of the two has it. */
	cable_send(raw, arp_make(raw, 1, third_mac, &zero4, &vip4));
	fake_run(450);
	assert_string_equal(told, "");
	fake_run(150);
	assert_non_null(strstr(told, "probed 192.0.2.240 0 00\n"));
	assert_non_null(strstr(told, "probed 2001:db8::240 0 00\n"));
	assert_int_equal(count_heard(FRAME_REQUEST, &zero4, &vip4, true), 3);
	assert_int_equal(count_heard(FRAME_NS, &zero6, &vip6, true), 3);
	assert_int_equal(count_heard(FRAME_REQUEST, &vip4, NULL, true), 0);
	/* An alien probes, a fellow has it. */
	told[0] = '\0';
	carrier_probe(carrier, &vip4);
	fake_run(50);
	cable_send(raw, arp_make(raw, 1, their_mac, &zero4, &vip4));
	fake_run(20);
	assert_string_equal(told, ""); /* it may be a fellow's, yet */
	fake_until(strstr(told, "probed") != NULL);
	assert_string_equal(told, "probed 192.0.2.240 1 02\n");
	carrier_yield(carrier, &vip4);
	told[0] = '\0';
	carrier_probe(carrier, &vip4);
	fake_run(50);
	arp_make(raw, 2, third_mac, &vip4, &zero4);
	memcpy(raw, cable_mac, 6);
	cable_send(raw, ARP_LEN);
	fake_run(20);
	assert_string_equal(told, "probed 192.0.2.240 2 03\n");
	/* And its own nonce, come back from a loop, is nobody's. */
	carrier_probe(carrier, &vip6);
	fake_run(50);
	assert_true(count_heard(FRAME_NS, &zero6, &vip6, true) > 0);
}

/* A fellow answers to the probes of a quarantine: it goes on until all is quiet. */
static void
test_a_quarantine_and_a_fellow(void **unused)
{
	static const uint8_t macs[1][6] = { { 2, 0, 0, 0, 0, 3 } };
	struct carrier_options options = { .exclude = far,
		.exclude_count = 1,
		.policy = CARRIER_QUARANTINE,
		.quarantine_ms = 100 };
	struct carrier_address_view view;

	(void)unused;
	assert_null(carrier_configure(carrier, &options));
	carrier_fellows(carrier, NULL, 0, macs, 1);
	add(&vip4);
	carrier_take(carrier, &vip4);
	claim(their_mac);
	cable_forget();
	told[0] = '\0';
	fake_until(count_heard(FRAME_REQUEST, &zero4, &vip4, true) > 0);
	arp_make(raw, 2, third_mac, &vip4, &zero4);
	memcpy(raw, cable_mac, 6);
	cable_send(raw, ARP_LEN);
	fake_until(strcmp(told, "probed 192.0.2.240 2 03\n") == 0);
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.state, CARRIER_QUARANTINED);
	fake_until(strstr(told, "probed 192.0.2.240 0 00\n") != NULL);
}

/* Where there are no fellows he is nobody's: it is told at once. */
static void
test_alone_there_is_no_doubt(void **unused)
{
	(void)unused;
	add(&vip4);
	carrier_probe(carrier, &vip4);
	fake_run(50);
	rival(their_mac);
	assert_string_equal(told, "probed 192.0.2.240 1 02\n");
}

/* Its MAC is not known yet. */
static void
begin_probing(const struct bgpd_addr *fellow)
{
	carrier_fellows(carrier, fellow, 1, NULL, 0);
	add(&vip4);
	carrier_probe(carrier, &vip4);
	fake_run(50);
}

static const struct bgpd_addr fellow30 = { 4, { 192, 0, 2, 30 } };
static const struct bgpd_addr fellow31 = { 4, { 192, 0, 2, 31 } };

/* He probes before his MAC is told: the source hears of no alien. */
static void
test_a_fellow_is_met_while_probing(void **unused)
{
	static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 3 },
		{ 2, 0, 0, 0, 0, 2 } };
	struct carrier_address_view view;

	(void)unused;
	begin_probing(&fellow30);
	rival(third_mac);
	rival(third_mac);
	fake_run(100);
	assert_string_equal(told, "");
	carrier_fellows(carrier, &fellow30, 1, macs, 1);
	fake_until(told[0] != '\0');
	assert_string_equal(told, "probed 192.0.2.240 0 00\n");
	assert_int_equal(count_heard(FRAME_REQUEST, &zero4, &vip4, true), 3);
	/* After the last probe: it is not waited for longer than needed. */
	told[0] = '\0';
	carrier_probe(carrier, &vip4);
	fake_run(50);
	rival(their_mac);
	fake_run(650);
	assert_string_equal(told, "");
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.state, CARRIER_PROBING);
	carrier_fellows(carrier, &fellow30, 1, macs, 2);
	fake_run(20);
	assert_string_equal(told, "probed 192.0.2.240 0 00\n");
	assert_int_equal(count_heard(FRAME_REQUEST, &zero4, &vip4, true), 6);
}

/* Who answers has it, a fellow too; he outweighs who only asks. */
static void
test_a_fellow_that_has_it_is_met(void **unused)
{
	static const uint8_t macs[1][6] = { { 2, 0, 0, 0, 0, 3 } };

	(void)unused;
	begin_probing(&fellow30);
	rival(their_mac);
	owner(third_mac);
	rival(their_mac);
	assert_string_equal(told, "");
	carrier_fellows(carrier, &fellow30, 1, macs, 1);
	fake_run(20);
	assert_string_equal(told, "probed 192.0.2.240 2 03\n");
}

/* Nobody told it, and the kernel knows him in the end. */
static void
test_a_doubt_ends_with_a_look(void **unused)
{
	(void)unused;
	begin_probing(&fellow30);
	rival(third_mac);
	fake_run(1500);
	rival(third_mac); /* looked up just now, in vain */
	cable_neighbor("192.0.2.30", third_mac);
	fake_until(told[0] != '\0');
	assert_string_equal(told, "probed 192.0.2.240 0 00\n");
}

/* The kernel knows him when BFD is up with him, and then it is asked. */
static void
test_a_quarantine_and_who_comes_up(void **unused)
{
	(void)unused;
	begin_probing(&fellow31);
	rival(their_mac);
	fake_until(told[0] != '\0');
	assert_string_equal(told, "probed 192.0.2.240 1 02\n");
	told[0] = '\0';
	carrier_meet_fellows(carrier);
	fake_run(50);
	cable_neighbor("192.0.2.31", their_mac);
	cable_forget();
	carrier_meet_fellows(carrier);
	fake_run(50);
	assert_int_equal(count_heard(FRAME_REQUEST, &zero4, &vip4, true), 1);
	fake_run(650);
	assert_string_equal(told, "probed 192.0.2.240 0 00\n");
}

/* He was taken for an alien: as soon as that is known it is probed again. */
static void
test_a_quarantine_because_of_a_fellow(void **unused)
{
	static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 2 },
		{ 2, 0, 0, 0, 0, 3 } };
	struct carrier_address_view view;

	(void)unused;
	add(&vip4);
	carrier_probe(carrier, &vip4);
	fake_run(50);
	rival(third_mac);
	assert_string_equal(told, "probed 192.0.2.240 1 03\n");
	told[0] = '\0';
	cable_forget();
	/* Another one's does not change it. */
	carrier_fellows(carrier, NULL, 0, macs, 1);
	fake_run(50);
	assert_int_equal(count_heard(FRAME_REQUEST, &zero4, &vip4, true), 0);
	carrier_fellows(carrier, NULL, 0, macs, 2);
	fake_run(50);
	assert_int_equal(count_heard(FRAME_REQUEST, &zero4, &vip4, true), 1);
	fake_run(700);
	assert_string_equal(told, "probed 192.0.2.240 0 00\n");
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.state, CARRIER_KNOWN);
	/* One that an owner gave up for him, too. */
	configure(CARRIER_QUARANTINE);
	carrier_fellows(carrier, NULL, 0, NULL, 0);
	carrier_take(carrier, &vip4);
	claim(their_mac);
	assert_true(carrier_find_address(carrier, &vip4, &view));
	assert_int_equal(view.state, CARRIER_QUARANTINED);
	told[0] = '\0';
	carrier_fellows(carrier, NULL, 0, macs, 1);
	fake_run(700);
	assert_string_equal(told, "probed 192.0.2.240 0 00\n");
	/* What is no more is not looked at. */
	carrier_remove(carrier, &vip4);
	carrier_fellows(carrier, NULL, 0, macs, 2);
	fake_run(50);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ROOM(test_probing),
		ROOM(test_a_quarantine_and_a_fellow),
		ROOM(test_alone_there_is_no_doubt),
		ROOM(test_a_fellow_is_met_while_probing),
		ROOM(test_a_fellow_that_has_it_is_met),
		ROOM(test_a_quarantine_because_of_a_fellow),
		ROOM(test_a_doubt_ends_with_a_look),
		ROOM(test_a_quarantine_and_who_comes_up),
	};

	return run_on_a_cable(tests);
}
