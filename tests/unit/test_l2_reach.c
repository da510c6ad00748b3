/* SPDX-License-Identifier: ISC */
/* plugins/l2/reach.c: the segments that are told, and what there is no room for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"

#include "../../plugins/l2/cord.h"
#include "../../plugins/l2/reach.h"

/* What stands around the room. Subnet i is 10.i.0.0/16, on interface i. */
static struct {
	struct l2 l2;
	struct cord cord;
	struct mate mate;
	struct duty duties[CARRIER_SUBNETS];
	unsigned subnets, told;
	bool many;
	struct owners_segment list[OWNERS_SEGMENTS];
} scene;

RB_GENERATE(duties, duty, link, duty_compare)

int
duty_compare(const struct duty *a, const struct duty *b)
{
	return kit_addr_compare(&a->address, &b->address);
}

static struct bgpd_addr
addr_of(unsigned i, uint8_t last)
{
	struct bgpd_addr addr = { 4, { 10, (uint8_t)i, 0, last } };

	return addr;
}

unsigned
carrier_subnets(struct carrier *carrier, struct carrier_subnet *subnets,
    unsigned before, unsigned room)
{
	unsigned i;

	(void)carrier, (void)before;
	memset(subnets, 0, room * sizeof(subnets[0]));
	for (i = 0; i < scene.subnets && i < room; i++) {
		subnets[i].ifindex = (int)i + 1;
		snprintf(subnets[i].name, sizeof(subnets[i].name), "eth%u", i);
		subnets[i].addr = addr_of(i, 1);
		subnets[i].length = 16;
		subnets[i].linked = true;
	}
	return i;
}

/* Carried on all; else of its subnet. */
uint32_t
carrier_subnets_of(struct carrier *carrier, const struct bgpd_addr *address,
    const struct carrier_subnet *subnets, unsigned count)
{
	uint32_t all = 0;
	unsigned i;

	(void)carrier;
	for (i = 0; i < count; i++) {
		if (kit_addr_in(&subnets[i].addr, 16, address))
			return UINT32_C(1) << i;
		all |= UINT32_C(1) << i;
	}
	return all;
}

uint64_t
carrier_turns(const struct carrier *carrier)
{
	(void)carrier;
	return 1;
}

bool
carrier_is_nowhere(struct carrier *carrier, const struct bgpd_addr *address)
{
	(void)carrier, (void)address;
	return false;
}

int64_t
carrier_now_us(void)
{
	return 1;
}

void
owners_segments(struct owners *owners, const struct owners_segment *list,
    size_t count, int64_t now_us)
{
	(void)owners, (void)now_us;
	assert_in_range(count, 0, OWNERS_SEGMENTS);
	memcpy(scene.list, list, count * sizeof(list[0]));
	scene.told = (unsigned)count;
}

bool
owners_segments_are_many(const struct owners *owners)
{
	(void)owners;
	return scene.many;
}

void
witness_apply(struct l2 *l2)
{
	(void)l2;
}

struct mate *
crew_find(struct l2 *l2, const char *name)
{
	(void)l2, (void)name;
	return NULL;
}

void
l2_look_soon(struct l2 *l2)
{
	(void)l2;
}

/* An address on each of the first of them. */
static void
carry(unsigned addresses)
{
	unsigned i;

	RB_INIT(&scene.l2.duties);
	for (i = 0; i < addresses; i++) {
		scene.duties[i].address = addr_of(i, 240);
		RB_INSERT(duties, &scene.l2.duties, &scene.duties[i]);
	}
	scene.l2.reach->due = true;
	reach_apply(&scene.l2);
}

static int
begin(void **unused)
{
	(void)unused;
	memset(&scene, 0, sizeof(scene));
	scene.l2.host = &fake_host;
	scene.l2.crew.count = 2;
	TAILQ_INIT(&scene.l2.crew.mates);
	scene.cord.ifindex = 1;
	scene.mate.cord = &scene.cord;
	TAILQ_INSERT_TAIL(&scene.l2.crew.mates, &scene.mate, link);
	reach_open(&scene.l2);
	fake_log[0] = '\0';
	return 0;
}

static int
end(void **unused)
{
	(void)unused;
	reach_close(&scene.l2);
	return 0;
}

static uint8_t
segments_of(unsigned i)
{
	struct bgpd_addr addr = addr_of(i, 240);

	return reach_of(&scene.l2, &addr);
}

static unsigned
count_said(const char *what)
{
	const char *at = fake_log;
	unsigned n = 0;

	while ((at = strstr(at, what)) != NULL) {
		at += strlen(what);
		n++;
	}
	return n;
}

static void
test_eight_are_told(void **unused)
{
	(void)unused;
	scene.subnets = 12;
	carry(8);
	assert_int_equal(scene.told, 8);
	assert_int_equal(segments_of(7), 1 << 7);
	assert_string_equal(fake_log, "");
	/* One that nobody needs is neither told nor missed. */
	assert_false(reach_is_untold(scene.l2.reach, 8));
}

/* More are said, once, with the first that is not watched, and the way out. */
static void
test_more_are_said(void **unused)
{
	(void)unused;
	scene.subnets = 12;
	carry(10);
	assert_int_equal(scene.told, 8);
	assert_true(memcmp(&scene.list[7].addr.bytes, "\12\7\0\1", 4) == 0);
	assert_int_equal(count_said("4 addresses are carried on 10 segments of "
				    "this node, and 8 are watched"),
	    1);
	assert_int_equal(
	    count_said("dead on 10.8.0.0/16 of eth8, say, alone"), 1);
	assert_int_equal(count_said("`exclude-interface` of `plugin l2`"), 1);
	assert_true(reach_is_untold(scene.l2.reach, 8));
	assert_true(reach_is_untold(scene.l2.reach, 9));
	assert_false(reach_is_untold(scene.l2.reach, 7));
	assert_false(reach_is_untold(scene.l2.reach, 10));
	/* What is there is not judged by the eight. */
	assert_int_equal(segments_of(7), 1 << 7);
	assert_int_equal(segments_of(8), 0);
	assert_int_equal(segments_of(99), 0xff);
	reach_apply(&scene.l2);
	carry(10);
	assert_int_equal(count_said("are watched"), 1);
	/* Fewer, and more again. */
	carry(8);
	assert_int_equal(segments_of(7), 1 << 7);
	assert_false(reach_is_untold(scene.l2.reach, 8));
	assert_int_equal(count_said("are watched"), 1);
	carry(9);
	assert_int_equal(count_said("are watched"), 2);
	assert_int_equal(count_said("10.8.0.0/16 of eth8 alone"), 1);
}

static void
test_other_limits(void **unused)
{
	(void)unused;
	scene.subnets = CARRIER_SUBNETS - 1;
	carry(2);
	assert_string_equal(fake_log, "");
	scene.subnets = CARRIER_SUBNETS + 1;
	reach_apply(&scene.l2);
	reach_apply(&scene.l2);
	assert_int_equal(count_said("have 32 subnets or more"), 1);
	scene.many = true;
	reach_apply(&scene.l2);
	reach_apply(&scene.l2);
	assert_int_equal(count_said("than the 16, in all"), 1);
}

/* Where nothing is told nothing is missed. */
static void
test_one_segment(void **unused)
{
	(void)unused;
	scene.subnets = CARRIER_SUBNETS;
	scene.many = true;
	scene.l2.crew.count = 1;
	carry(10);
	assert_int_equal(scene.told, 0);
	assert_string_equal(fake_log, "");
	assert_int_equal(segments_of(3), 0);
	assert_false(reach_is_untold(scene.l2.reach, 9));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_eight_are_told),
		TEST(test_more_are_said),
		TEST(test_other_limits),
		TEST(test_one_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
