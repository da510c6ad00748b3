/* SPDX-License-Identifier: ISC */
/* plugins/l2/witness.c: gateways that are asked, in a hurry, and on segments. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"

#include "../../plugins/l2/reach.h"

#define EACH 40 /* interfaces, at most */

/* What stands around the room: a carrier that asks, an owner half that is told. */
static struct {
	struct l2 l2;
	struct reach reach;
	int ifindexes[EACH];
	unsigned count;	     /* of interfaces with gateways */
	unsigned asked;	     /* times */
	unsigned filled;     /* of the list, the last time */
	unsigned longest_ms; /* that a timer was started for */
	enum owners_gateway any, segments[OWNERS_SEGMENTS];
} scene;

static struct bgpd_host host;

unsigned
carrier_ask_gateways(struct carrier *carrier, int *ifindexes, unsigned room)
{
	unsigned i;

	(void)carrier;
	scene.asked++;
	for (i = 0; i < scene.count && i < room; i++)
		ifindexes[i] = scene.ifindexes[i];
	scene.filled = i;
	return scene.count;
}

int64_t
carrier_now_us(void)
{
	return 1;
}

void
owners_gateway(struct owners *owners, enum owners_gateway state, int64_t now_us)
{
	(void)owners, (void)now_us;
	scene.any = state;
}

void
owners_segment_gateway(struct owners *owners, size_t segment,
    enum owners_gateway state, int64_t now_us)
{
	(void)owners, (void)now_us;
	assert_in_range(segment, 0, OWNERS_SEGMENTS - 1);
	scene.segments[segment] = state;
}

void
l2_settle(struct l2 *l2)
{
	assert_ptr_equal(l2, &scene.l2);
}

static void
timer_start(struct bgpd_timer *timer, int64_t ms)
{
	if (ms > scene.longest_ms)
		scene.longest_ms = (unsigned)ms;
	fake_host.timer_start(timer, ms);
}

/* So many interfaces with gateways, on the first of which are so many segments. */
static void
begin(unsigned interfaces, unsigned segments)
{
	unsigned i;

	memset(&scene, 0, sizeof(scene));
	host = fake_host;
	host.timer_start = timer_start;
	scene.l2.host = &host;
	scene.l2.crew.count = 3;
	scene.l2.reach = &scene.reach;
	scene.count = interfaces;
	for (i = 0; i < EACH; i++)
		scene.ifindexes[i] = 100 + (int)i;
	scene.reach.count = segments;
	for (i = 0; i < segments; i++)
		scene.reach.list[i].ifindex = 100 + (int)i;
	witness_open(&scene.l2);
	witness_apply(&scene.l2);
}

static void
end(void)
{
	witness_close(&scene.l2);
}

static void
hear_all(void)
{
	unsigned i;

	for (i = 0; i < scene.count; i++)
		witness_hear(&scene.l2, scene.ifindexes[i]);
}

static void
test_asked_and_lost(void **unused)
{
	(void)unused;
	begin(1, 1);
	fake_until(scene.asked == 1);
	assert_int_equal(scene.any, OWNERS_NO_GATEWAY);
	hear_all();
	assert_int_equal(scene.any, OWNERS_REACHED);
	assert_int_equal(scene.segments[0], OWNERS_REACHED);
	/* In a hurry: what was known before does not count. */
	witness_hurry(&scene.l2, 1);
	assert_int_equal(scene.any, OWNERS_ASKED);
	assert_int_equal(scene.segments[0], OWNERS_ASKED);
	fake_until(scene.any == OWNERS_LOST);
	assert_int_equal(scene.asked, 5);
	assert_int_equal(scene.segments[0], OWNERS_LOST);
	/* No gateway any more is none that is lost. */
	scene.count = 0;
	fake_until(scene.any == OWNERS_NO_GATEWAY);
	assert_int_equal(scene.segments[0], OWNERS_NO_GATEWAY);
	end();
}

/* One segment waits for its answer yet, and the other one's node dies, too. */
static void
test_a_sight_is_asked_anew(void **unused)
{
	unsigned asked;

	(void)unused;
	begin(3, 3);
	fake_until(scene.asked == 1);
	hear_all();
	witness_hurry(&scene.l2, 1);
	asked = scene.asked;
	witness_hear(&scene.l2, 100);
	witness_hear(&scene.l2, 102);
	assert_int_equal(scene.segments[0], OWNERS_REACHED);
	assert_int_equal(scene.segments[1], OWNERS_ASKED);
	fake_until(scene.asked == asked + 2);
	assert_int_equal(scene.segments[1], OWNERS_ASKED);
	witness_hurry(&scene.l2, 1);
	assert_int_equal(scene.segments[0], OWNERS_ASKED);
	assert_int_equal(scene.segments[2], OWNERS_REACHED); /* not of that */
	/* Two questions that it did not answer before are nothing against it. */
	fake_until(scene.asked == asked + 4);
	assert_int_equal(scene.segments[0], OWNERS_ASKED);
	/* And it is asked in a hurry to the end. */
	scene.longest_ms = 0;
	fake_until(scene.asked == asked + 5);
	assert_int_equal(scene.longest_ms, 25);
	fake_until(scene.segments[0] == OWNERS_LOST);
	end();
}

/* A list of fixed size: who is beyond it is as if nobody was asked there. */
static void
test_many_interfaces(void **unused)
{
	(void)unused;
	begin(EACH, 2);
	scene.reach.list[1].ifindex = 100 + EACH - 1;
	witness_apply(&scene.l2);
	fake_until(scene.asked == 1);
	hear_all();
	assert_int_equal(scene.segments[0], OWNERS_REACHED);
	witness_hurry(&scene.l2, 3);
	assert_int_equal(scene.filled, 16);
	assert_int_equal(scene.segments[0], OWNERS_ASKED);
	assert_int_equal(scene.segments[1], OWNERS_NO_GATEWAY);
	/* The sixteenth is one of them. */
	scene.reach.list[1].ifindex = 100 + 15;
	witness_apply(&scene.l2);
	hear_all();
	witness_hurry(&scene.l2, 3);
	assert_int_equal(scene.segments[1], OWNERS_ASKED);
	end();
}

/* Another list, in another order: what was seen stays with its interface. */
static void
test_another_list(void **unused)
{
	(void)unused;
	begin(2, 2);
	fake_until(scene.asked == 1);
	witness_hear(&scene.l2, 101);
	scene.reach.list[0].ifindex = 101;
	scene.reach.list[1].ifindex = 100;
	witness_apply(&scene.l2);
	assert_int_equal(scene.segments[0], OWNERS_REACHED);
	assert_int_equal(scene.segments[1], OWNERS_NO_GATEWAY);
	end();
}

/* A node alone has nobody to be told apart from. */
static void
test_alone(void **unused)
{
	(void)unused;
	begin(1, 0);
	scene.l2.crew.count = 1;
	fake_run(250);
	assert_int_equal(scene.asked, 0);
	assert_int_equal(witness_state(&scene.l2), OWNERS_NO_GATEWAY);
	end();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_and_lost),
		cmocka_unit_test(test_a_sight_is_asked_anew),
		cmocka_unit_test(test_many_interfaces),
		cmocka_unit_test(test_another_list),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
