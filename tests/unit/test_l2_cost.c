/* SPDX-License-Identifier: ISC */
/* What 1,000 addresses of five nodes cost: a death, one event, being at rest. */

/*
 * The bounds are several times what is measured, since tests run beside others
 * and with sanitizers; L2_COST=1 prints the figures.
 */

#include <time.h>

#include "owner_world.h"

#ifdef __SANITIZE_ADDRESS__
#define SLOW 10
#else
#define SLOW 1
#endif

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
report(const char *what, double ms)
{
	if (getenv("L2_COST") != NULL)
		print_message("%s: %.3f ms\n", what, ms);
}

static void
open_big(enum owners_partition partition, enum owners_election election)
{
	struct owners_config config = owners_defaults;
	int a;

	config.partition = (uint8_t)partition;
	config.election = (uint8_t)election;
	world.key = NULL;
	world_open(5, ADDRS, &config);
	world.key = (const uint8_t *)"a key as clusters have one";
	world.key_len = 26;
	for (int i = 0; i < 5; i++)
		world_start(i);
	world_run(4000);
	for (a = 0; a < ADDRS; a++)
		assert_int_equal(answerers(a), 1);
}

static int
owned_by(int i)
{
	int a, n = 0;

	for (a = 0; a < ADDRS; a++)
		n += can_answer(i, a);
	return n;
}

/* All to one node. */
static void
gather(int to)
{
	const char *why;
	int i;

	for (i = 0; i < 5; i++)
		owners_handover(world.node[i].owners, NULL, NULL, name_of(to),
		    &why, world.now_us);
	world_run(1000);
}

/* The turn in which one node hears the last word that another is dead. */
static double
cost_of_death(int i)
{
	unsigned takes = world.node[i].takes;
	double worst = 0, spent;
	int k, steps;

	world_kill(4);
	for (steps = 0; steps < 80; steps++) {
		world.now_us += STEP_US;
		packets_step();
		spent = cpu_ms();
		bfd_step();
		spent = (cpu_ms() - spent) / 4; /* of four nodes */
		worst = spent > worst ? spent : worst;
		for (k = 0; k < 4; k++) {
			if (owners_next(world.node[k].owners) > world.now_us)
				continue;
			spent = cpu_ms();
			owners_tick(world.node[k].owners, world.now_us);
			spent = cpu_ms() - spent;
			worst = spent > worst ? spent : worst;
		}
	}
	assert_true(world.node[i].takes > takes);
	return worst;
}

static void
death(void **state)
{
	static const char *const names[] = { "hash", "strict", "balanced" };
	int election, a;
	double ms;

	(void)state;
	for (election = 0; election < 3; election++) {
		open_big(OWNERS_AVAILABLE, (enum owners_election)election);
		gather(4);
		assert_int_equal(owned_by(4), ADDRS);
		ms = cost_of_death(0);
		report(names[election], ms);
		assert_true(ms < 5.0 * SLOW);
		world_run(200);
		for (a = 0; a < ADDRS; a++)
			assert_int_equal(answerers(a), 1);
		world_close();
	}
}

/* An address comes and goes: the same with 1,000 others as with 10. */
static double
cost_of_event(int others)
{
	struct owners_config config = owners_defaults;
	double spent;
	int i;

	world_open(5, others, &config);
	world_start(0);
	world_run(1500);
	spent = cpu_ms();
	for (i = 0; i < 1000; i++) {
		struct bgpd_addr addr = addr_of(others);

		world_offer(&world.node[0], others);
		owners_address_remove(
		    world.node[0].owners, &addr, world.now_us);
	}
	spent = cpu_ms() - spent;
	memset(world.node[0].answers, 0, sizeof(world.node[0].answers));
	world_close();
	return spent / 1000;
}

static void
event(void **state)
{
	double few = cost_of_event(10), many = cost_of_event(ADDRS - 1);

	(void)state;
	report("one address, beside 10", few);
	report("one address, beside 999", many);
	assert_true(many < 5 * few + 0.1 * SLOW);
}

/* At rest: ticks and messages of a second, of one node. */
static void
rest(void **state)
{
	int partition;
	double ms;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		unsigned sent = 0, takes;
		int i;

		open_big((enum owners_partition)partition, OWNERS_HASH);
		for (i = 0; i < 5; i++)
			sent += world.node[i].sent;
		takes = world.takes;
		ms = cpu_ms();
		for (i = 0; i < 200; i++) {
			world.now_us += STEP_US;
			packets_step();
			bfd_step();
			for (int k = 0; k < 5; k++) {
				if (owners_next(world.node[k].owners) <=
				    world.now_us)
					owners_tick(
					    world.node[k].owners, world.now_us);
			}
		}
		ms = (cpu_ms() - ms) / 5;
		for (i = 0; i < 5; i++)
			sent -= world.node[i].sent;
		report(partition == 0 ? "a second at rest, available"
				      : "a second at rest, consistent",
		    ms);
		assert_true(ms < 20.0 * SLOW);
		assert_int_equal(world.takes, takes);
		/* 1/s to each, consistent 20/s: not more. */
		assert_true(-(int)sent <= (partition == 0 ? 40 : 500));
		world_close();
	}
}

/* Consistent: all of a dead node's are proposed, agreed to, and answered. */
static void
death_consistent(void **state)
{
	int64_t from;
	int a, left = ADDRS;

	(void)state;
	open_big(OWNERS_CONSISTENT, OWNERS_HASH);
	world_kill(4);
	for (from = world.now_us; left > 0 && world.now_us - from < 2000000;) {
		world_step();
		for (left = a = 0; a < ADDRS; a++)
			left += answerers(a) == 0;
	}
	report("consistent, all answered again after",
	    (double)(world.now_us - from) / 1e3);
	assert_int_equal(left, 0);
	assert_int_equal(world.doubles, 0);
	assert_true(world.now_us - from <= 400000);
	world_close();
}

/* A node of 500 changes: each of 1,000 addresses is told again. */
static void
offers_again(void **state)
{
	static char names[500][16];
	struct owners_candidate candidates[500] = { 0 };
	struct owners_calls calls = { 0 };
	struct owners_address offer = { .candidates = candidates,
		.candidate_count = 500 };
	struct owners *owners = owners_new("n0", 1, 1, &calls, NULL, 0);
	double ms = 0;
	int i, round;

	(void)state;
	for (i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "node-%d", i * 7919);
		candidates[i].node = names[i];
	}
	offer.addr.family = 4;
	for (round = 0; round < 2; round++) {
		ms = cpu_ms();
		for (i = 0; i < 1000; i++) {
			offer.addr.bytes[2] = (uint8_t)(i >> 8);
			offer.addr.bytes[3] = (uint8_t)i;
			owners_address(owners, &offer, 0);
		}
		ms = cpu_ms() - ms;
		report(round == 0 ? "offers" : "offers again", ms);
	}
	assert_true(ms < 200.0 * SLOW);
	owners_free(owners);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_again),
		cmocka_unit_test(death),
		cmocka_unit_test(event),
		cmocka_unit_test(rest),
		cmocka_unit_test(death_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
