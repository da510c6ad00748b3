/* SPDX-License-Identifier: ISC */
/* plugins/l2's carrier on a cable of its own: take, yield, fence, conflicts, pace. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"
#include "l2_cable.h"
#include "l2_frames.h"

#include "../../plugins/l2/carrier.h"
#include "../../plugins/l2/ground.h"

static struct carrier *carrier;
static uint8_t raw[128];
/* What was told, a line each. */
static char told[65536];
static const char *const far[] = { "^far" };

__attribute__((format(printf, 1, 2))) static void
tell(const char *format, ...)
{
	size_t len = strlen(told);
	va_list ap;

	va_start(ap, format);
	vsnprintf(told + len, sizeof(told) - len, format, ap);
	va_end(ap);
}

static const char *
print(const struct bgpd_addr *a)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(
	    a->family == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof(text));
}

static void
on_probed(void *arg, const struct bgpd_addr *a, enum carrier_probed result,
    const uint8_t mac[6])
{
	(void)arg;
	tell("probed %s %d %02x\n", print(a), result, mac[5]);
}

static void
on_conflict(void *arg, const struct bgpd_addr *a, const uint8_t mac[6],
    int ifindex, bool fellow, uint8_t state)
{
	(void)arg;
	assert_int_equal(ifindex, cable_ifindex);
	tell("conflict %s %02x %s %s\n", print(a), mac[5],
	    fellow ? "fellow" : "alien", carrier_state_name(state));
}

static void
on_confirmed(void *arg, const struct bgpd_addr *a, const struct bgpd_addr *by,
    uint32_t ms)
{
	(void)arg;
	assert_true(ms < 5000);
	tell("confirmed %s", print(a));
	tell(" by %s\n", print(by));
}

static void
on_unconfirmed(void *arg, const struct bgpd_addr *a, enum carrier_proof proof)
{
	(void)arg;
	tell("%s %s\n", carrier_proof_name(proof), print(a));
}

static void
on_iface(
    void *arg, int ifindex, const char *name, bool used, const char *why_not)
{
	(void)arg, (void)ifindex;
	tell("%s %s\n", name, used ? "used" : why_not);
}

static const struct carrier_callbacks callbacks = {
	.on_probed = on_probed,
	.on_conflict = on_conflict,
	.on_confirmed = on_confirmed,
	.on_unconfirmed = on_unconfirmed,
	.on_iface = on_iface,
};

static void
configure(uint8_t policy)
{
	struct carrier_options options = {
		.exclude = far, .exclude_count = 1, .policy = policy
	};

	assert_null(carrier_configure(carrier, &options));
}

static int
begin(void **unused)
{
	(void)unused;
	carrier = carrier_new(&fake_host, NULL, &callbacks, NULL);
	assert_non_null(carrier);
	configure(CARRIER_DEFEND);
	cable_forget();
	told[0] = '\0';
	return 0;
}

static int
end(void **unused)
{
	(void)unused;
	carrier_free(carrier);
	return 0;
}

static unsigned
count_heard(enum frame_kind kind, const struct bgpd_addr *sender,
    const struct bgpd_addr *target, bool to_all)
{
	unsigned i, count = 0;

	cable_listen();
	for (i = 0; i < cable_count; i++)
		count +=
		    cable_heard[i].f.kind == kind &&
		    cable_heard[i].f.to_all == to_all &&
		    frame_addr_equal(&cable_heard[i].f.sender, sender) &&
		    (target == NULL ||
			frame_addr_equal(&cable_heard[i].f.target, target));
	return count;
}

static void
ask(const struct bgpd_addr *vip)
{
	struct bgpd_addr group;
	size_t len;

	if (vip->family == 4) {
		len = arp_make(raw, 1, cable_far_mac, &host4, vip);
	} else {
		group = group_of(vip);
		len = nd_make(raw, 135, cable_far_mac, &host6, &group, vip, 1);
	}
	cable_send(raw, len);
}

/* Is it answered, once, within a few turns? */
static bool
is_answered(const struct bgpd_addr *vip)
{
	unsigned count;

	cable_forget();
	ask(vip);
	fake_run(20);
	count = vip->family == 4 ? count_heard(FRAME_REPLY, vip, &host4, false)
				 : count_heard(FRAME_NA, vip, vip, false);
	assert_true(count <= 1);
	return count == 1;
}

static void
add(const struct bgpd_addr *vip)
{
	carrier_add(carrier, vip, NULL, 0);
}

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
	assert_true(frame_addr_equal(&view.confirmed_by, &host4));
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

/* Probing -------------------------------------------------------------------------------------- */

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

/* Many ---------------------------------------------------------------------------------------------- */

#define MANY 1000
/* Sanitizers, and machines that are shared. */
#ifdef __SANITIZE_ADDRESS__
#define SLACK 2
#else
#define SLACK 1
#endif

static struct bgpd_addr
nth(uint8_t family, unsigned n)
{
	struct bgpd_addr a = { 4, { 10, 0, (uint8_t)(n >> 8), (uint8_t)n } };

	if (family == 6) {
		a = vip6;
		a.bytes[13] = (uint8_t)(n >> 8);
		a.bytes[14] = (uint8_t)n;
	}
	return a;
}

static int64_t
cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* When the last of them had its first frame of a kind, after the first one. */
static int64_t
last_first_us(uint8_t family, enum frame_kind kind)
{
	static int64_t first[MANY];
	int64_t began = 0, last = 0;
	unsigned i, n;

	memset(first, 0, sizeof(first));
	for (i = 0; i < cable_count; i++) {
		const struct frame *f = &cable_heard[i].f;

		n = family == 4
			? (unsigned)f->target.bytes[2] << 8 | f->target.bytes[3]
			: (unsigned)f->target.bytes[13] << 8 |
			      f->target.bytes[14];
		if (began == 0)
			began = cable_heard[i].at_us;
		if (f->kind != kind || !f->to_all || n >= MANY ||
		    !frame_addr_equal(&f->sender, &f->target))
			continue;
		if (first[n] == 0)
			first[n] = cable_heard[i].at_us;
	}
	for (n = 0; n < MANY; n++) {
		assert_true(first[n] != 0);
		if (first[n] - began > last)
			last = first[n] - began;
	}
	return last;
}

static void
take_many(uint8_t family)
{
	int64_t began;
	struct bgpd_addr a;
	unsigned i;

	for (i = 0; i < MANY; i++) {
		a = nth(family, i);
		add(&a);
	}
	fake_run(100);
	cable_forget();
	began = cpu_us();
	for (i = 0; i < MANY; i++) {
		a = nth(family, i);
		carrier_take(carrier, &a);
	}
	print_message("%u addresses of IPv%u taken in %lld us of CPU\n", MANY,
	    family, (long long)(cpu_us() - began));
	assert_true(cpu_us() - began < 20000 * SLACK * SLACK);
	fake_run(2500);
	cable_listen();
}

static void
test_many_of_ipv4(void **unused)
{
	struct bgpd_addr a = nth(4, 777);
	int64_t first, reply;
	unsigned i, announced = 0;

	(void)unused;
	take_many(4);
	for (i = 0; i < cable_count; i++)
		announced += frame_addr_equal(
		    &cable_heard[i].f.sender, &cable_heard[i].f.target);
	first = last_first_us(4, FRAME_REQUEST);
	reply = last_first_us(4, FRAME_REPLY);
	print_message("announced after %lld us, both forms after %lld us\n",
	    (long long)first, (long long)reply);
	assert_true(first < 250000 * SLACK);
	assert_true(reply < 2000000);
	/* A second's share, and 80 % of one ahead. */
	assert_true(announced <= 800 + 1000 * 26 / 10);
	assert_true(is_answered(&a));
}

static void
test_many_of_ipv6(void **unused)
{
	struct bgpd_addr a = nth(6, 777);
	int64_t first;

	(void)unused;
	take_many(6);
	first = last_first_us(6, FRAME_NA);
	print_message("announced after %lld us\n", (long long)first);
	assert_true(first < 250000 * SLACK);
	assert_true(is_answered(&a));
}

/* More than a socket holds (2340 by optmem_max of Linux). */
static void
test_groups(void **unused)
{
	struct groups *g = groups_new(&fake_host, NULL);
	struct bgpd_addr a = vip6;
	unsigned i;

	(void)unused;
	for (i = 0; i < 5000; i++) {
		a.bytes[13] = (uint8_t)(i >> 8);
		a.bytes[14] = (uint8_t)i;
		assert_int_equal(groups_join(g, cable_ifindex, &a), 0);
	}
	assert_int_equal(groups_count(g), 5000);
	/* Another address of the same group. */
	a.bytes[8] = 7;
	assert_int_equal(groups_join(g, cable_ifindex, &a), 0);
	assert_int_equal(groups_count(g), 5000);
	groups_leave(g, cable_ifindex, &a);
	assert_int_equal(groups_count(g), 5000);
	for (i = 0; i < 5000; i++) {
		a.bytes[13] = (uint8_t)(i >> 8);
		a.bytes[14] = (uint8_t)i;
		groups_leave(g, cable_ifindex, &a);
	}
	assert_int_equal(groups_count(g), 0);
	assert_int_equal(groups_join(g, 9999, &a), -1);
	groups_free(g);
}

#define ROOM(test) cmocka_unit_test_setup_teardown(test, begin, end)

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
		ROOM(test_probing),
		ROOM(test_interfaces),
		ROOM(test_many_of_ipv4),
		ROOM(test_many_of_ipv6),
		cmocka_unit_test(test_groups),
	};

	if (!cable_open()) {
		print_message("skipped: no namespace of our own, or no veth\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
