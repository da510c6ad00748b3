/* SPDX-License-Identifier: ISC */
/* A carrier on a cable of its own: what it tells, what is heard of it. */
#ifndef L2_SCENE_H
#define L2_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"
#include "l2_cable.h"
#include "l2_frames.h"

#include "../../plugins/l2/carrier.h"

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
    int ifindex, const struct bgpd_addr *fellow, uint8_t state)
{
	(void)arg;
	assert_int_equal(ifindex, cable_ifindex);
	tell("conflict %s %02x %s %s\n", print(a), mac[5],
	    fellow != NULL ? "fellow" : "alien", carrier_state_name(state));
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

__attribute__((unused)) static int
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

__attribute__((unused)) static int
end(void **unused)
{
	(void)unused;
	carrier_free(carrier);
	return 0;
}

__attribute__((unused)) static unsigned
count_heard(enum frame_kind kind, const struct bgpd_addr *sender,
    const struct bgpd_addr *target, bool to_all)
{
	unsigned i, count = 0;

	cable_listen();
	for (i = 0; i < cable_count; i++)
		count += cable_heard[i].f.kind == kind &&
			 cable_heard[i].f.to_all == to_all &&
			 kit_addr_equal(&cable_heard[i].f.sender, sender) &&
			 (target == NULL ||
			     kit_addr_equal(&cable_heard[i].f.target, target));
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
__attribute__((unused)) static bool
is_answered(const struct bgpd_addr *vip)
{
	unsigned count;

	cable_forget();
	ask(vip);
	fake_run_fair(20);
	count = vip->family == 4 ? count_heard(FRAME_REPLY, vip, &host4, false)
				 : count_heard(FRAME_NA, vip, vip, false);
	assert_true(count <= 1);
	return count == 1;
}

__attribute__((unused)) static void
add(const struct bgpd_addr *vip)
{
	carrier_add(carrier, vip, NULL, 0);
}

#define ROOM(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* The tests of a file; 77, which is skipped, where no cable is to be had. */
#define run_on_a_cable(tests)                                                  \
	(cable_open() ? cmocka_run_group_tests(tests, NULL, NULL)              \
		      : (print_message("skipped: no namespace of our own, "    \
				       "or no veth\n"),                        \
			    77))

#endif
