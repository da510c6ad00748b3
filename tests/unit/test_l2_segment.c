/* SPDX-License-Identifier: ISC */
/* Two segments: who is dead on the one and alive on the other loses that one's. */

#include "owner_world.h"

#define NEAR 0 /* addresses, by their segment */
#define FAR  1

static struct owners_config
config_of(enum owners_partition partition)
{
	struct owners_config config = owners_defaults;

	config.partition = (uint8_t)partition;
	return config;
}

static void
far_cut(int a, int b, bool cut)
{
	world.far[a][b] = world.far[b][a] = cut;
}

static void
far_isolate(int a, bool cut)
{
	int i;

	for (i = 0; i < world.nodes; i++)
		if (i != a)
			far_cut(a, i, cut);
}

static void
begin(int nodes, int partition, enum owners_gateway far, int old)
{
	struct owners_config config =
	    config_of((enum owners_partition)partition);
	int i;

	world_open(nodes, 2, &config);
	world.sides = 2;
	for (i = 0; i < nodes; i++) {
		world.node[i].far_gateway = far;
		world.node[i].old = i < old;
	}
	for (i = 0; i < nodes; i++)
		world_start(i);
	world_run(4500); /* BFD may take three seconds */
	assert_int_equal(answerers(NEAR), 1);
	assert_int_equal(answerers(FAR), 1);
}

static const char *
unfit(int at, int of, int a)
{
	struct owners_explanation e;
	struct bgpd_addr addr = addr_of(a);
	size_t i;

	assert_true(owners_explain(world.node[at].owners, &addr, &e));
	for (i = 0; i < e.candidate_count; i++)
		if (strcmp(e.candidates[i].node, name_of(of)) == 0)
			return e.candidates[i].why;
	fail();
	return NULL;
}

/* The far address moves within 250 ms, the near one does not; nothing returns. */
static void
owner_is_cut_off(void **state)
{
	int nodes, partition, near, far, moved, far_takes;

	(void)state;
	for (nodes = 3; nodes <= 5; nodes++) {
		for (partition = 0; partition < 2; partition++) {
			begin(nodes, partition, OWNERS_NO_GATEWAY, 0);
			near = answerer(NEAR);
			far = answerer(FAR);
			far_takes = (int)world.takes;
			far_isolate(far, true);
			world_run(250);
			assert_int_equal(answerers(FAR), 1);
			moved = answerer(FAR);
			assert_int_not_equal(moved, far);
			world_run(2000);
			assert_int_equal(answerer(FAR), moved);
			assert_int_equal(answerer(NEAR), near);
			assert_string_equal(unfit(moved, far, FAR),
			    "it is not alive on the segment of the address");
			assert_null(strstr(unfit(moved, far, NEAR), "segment"));
			far_isolate(far, false);
			world_run(4000);
			assert_int_equal(answerer(FAR), moved);
			assert_int_equal(answerer(NEAR), near);
			assert_int_equal(world.takes, far_takes + 1);
			assert_in_range(world.worst_us, 0, 50000);
			world_close();
		}
	}
}

/* The segment of the nodes is dead for one: the far one stays, and is spoken on. */
static void
near_is_cut_off(void **state)
{
	int partition, near, far, moved;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(3, partition, OWNERS_NO_GATEWAY, 0);
		near = answerer(NEAR);
		far = answerer(FAR);
		world_isolate(near, true);
		world_run(400);
		assert_int_equal(answerers(NEAR), 1);
		moved = answerer(NEAR);
		assert_int_not_equal(moved, near);
		world_run(3000);
		assert_int_equal(answerer(NEAR), moved);
		assert_int_equal(answerer(FAR), far);
		world_isolate(near, false);
		world_run(3000);
		assert_int_equal(answerer(NEAR), moved);
		assert_int_equal(answerers(FAR), 1);
		world_close();
	}
}

/* One of three is on the near one alone; who is cut off there cannot hear it. */
static void
near_with_a_single_one(void **state)
{
	struct owners_config config;
	int partition, near, single, i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (single = 0; single < 3; single++) {
			config = config_of((enum owners_partition)partition);
			world_open(3, 2, &config);
			world.sides = 2;
			world.node[single].single = true;
			for (i = 0; i < 3; i++) {
				world.node[i].gateway = OWNERS_NO_GATEWAY;
				world_start(i);
			}
			world_run(4500);
			assert_int_equal(answerers(NEAR), 1);
			assert_int_equal(answerers(FAR), 1);
			assert_int_not_equal(answerer(FAR), single);
			near = answerer(NEAR);
			world_isolate(near, true);
			world_run(400);
			assert_int_equal(answerers(NEAR),
			    1 + (near == single &&
				    partition == OWNERS_AVAILABLE));
			if (near != single)
				assert_false(can_answer(near, NEAR));
			world_isolate(near, false);
			world_run(3000);
			assert_int_equal(answerers(NEAR), 1);
			assert_int_not_equal(answerer(NEAR), near);
			assert_int_equal(answerers(FAR), 1);
			world_close();
		}
	}
}

/* Only the owner and one other do not see each other there: nothing moves. */
static void
pair_is_cut(void **state)
{
	int partition, far;
	unsigned takes;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(3, partition, OWNERS_NO_GATEWAY, 0);
		far = answerer(FAR);
		takes = world.takes;
		far_cut(far, (far + 1) % 3, true);
		world_run(3000);
		assert_int_equal(answerer(FAR), far);
		assert_int_equal(world.takes, takes);
		world_close();
	}
}

static void
far_cut_all(bool cut)
{
	int i;

	for (i = 0; i < world.nodes; i++)
		far_isolate(i, cut);
}

/* Nobody sees anybody there: nobody is better, and the owner keeps it. */
static void
all_are_cut(void **state)
{
	int nodes, partition, far, i, k;
	unsigned takes;

	(void)state;
	for (nodes = 3; nodes < 5; nodes++) {
		for (partition = 0; partition < 2; partition++) {
			begin(nodes, partition, OWNERS_NO_GATEWAY, 0);
			far = answerer(FAR);
			takes = world.takes;
			/* The others see each other cut off half a beat later. */
			for (i = 0; i < nodes; i++)
				for (k = 0; k < nodes; k++)
					if (i != far && k != far)
						world.node[i]
						    .bfd[1][k]
						    .said_us += 25000;
			world_run(500 + 25 * partition + 10 * nodes);
			far_cut_all(true);
			world_run(3000);
			assert_int_equal(answerer(FAR), far);
			assert_int_equal(world.takes, takes);
			/* A death is followed even so. */
			world_kill(far);
			world_run(1500);
			assert_int_equal(answerers(FAR), 1);
			far_cut_all(false);
			world_run(3000);
			assert_int_equal(answerers(FAR), 1);
			world_close();
		}
	}
}

/* Two nodes: the gateway there tells which of the two is cut off. */
static void
two_nodes(void **state)
{
	static const struct {
		enum owners_gateway owner, other;
		bool moves;
	} cases[] = {
		{ OWNERS_LOST, OWNERS_REACHED, true },
		{ OWNERS_REACHED, OWNERS_LOST, false },
		{ OWNERS_REACHED, OWNERS_REACHED, false },
		{ OWNERS_NO_GATEWAY, OWNERS_NO_GATEWAY, false },
	};
	int partition, far;
	size_t i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			begin(2, partition, OWNERS_REACHED, 0);
			far = answerer(FAR);
			world_far_gateway(far, cases[i].owner);
			world_far_gateway(!far, cases[i].other);
			far_cut(0, 1, true);
			world_run(300);
			assert_int_equal(answerers(FAR), 1);
			assert_int_equal(
			    answerer(FAR), cases[i].moves ? !far : far);
			world_run(2000);
			assert_int_equal(
			    answerer(FAR), cases[i].moves ? !far : far);
			far_cut(0, 1, false);
			world_far_gateway(far, OWNERS_REACHED);
			world_run(3000);
			assert_int_equal(
			    answerer(FAR), cases[i].moves ? !far : far);
			world_close();
		}
	}
}

/* Nobody hears it there, nor does the gateway, and all others are dead: silent. */
static void
fenced(void **state)
{
	struct bgpd_addr addr = addr_of(FAR);
	struct owners_segment_view view;
	struct owners_explanation e;
	int partition, far, near;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(2, partition, OWNERS_REACHED, 0);
		far = answerer(FAR);
		near = answerer(NEAR);
		world_far_gateway(0, OWNERS_LOST);
		world_far_gateway(1, OWNERS_LOST);
		assert_int_equal(answerer(FAR), far); /* it is heard */
		far_cut(0, 1, true);
		world_run(DETECT_US / 1000 + 60);
		assert_int_equal(answerers(FAR), 0);
		assert_int_equal(answerer(NEAR), near);
		assert_true(owners_explain(world.node[far].owners, &addr, &e));
		assert_non_null(strstr(e.why, "gateway is lost"));
		assert_true(owners_segment_get(
		    world.node[far].owners, name_of(far), 1, &view));
		assert_string_equal(view.verdict, "silent");
		far_cut(0, 1, false);
		world_run(1500);
		assert_int_equal(answerers(FAR), 1);
		world_close();
	}
}

/* One whose interface has no link, or is gone, hands over at once. */
static void
link_is_lost(void **state)
{
	struct owners_segment list[2] = { 0 };
	int partition, gone, far, moved, i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (gone = 0; gone < 2; gone++) {
			begin(3, partition, OWNERS_NO_GATEWAY, 0);
			far = answerer(FAR);
			for (i = 0; i < 2; i++) {
				list[i].addr.family = 4;
				list[i].addr.bytes[0] = 10;
				list[i].addr.bytes[2] = (uint8_t)i;
				list[i].addr.bytes[3] = (uint8_t)(far + 1);
				list[i].length = 24;
				list[i].linked = i == 0;
			}
			list[1].addr = addr_of(FAR);
			list[1].length = 32;
			owners_segments(world.node[far].owners, list,
			    gone ? 1 : 2, world.now_us);
			far_isolate(far, true);
			world_run(60);
			moved = answerer(FAR);
			assert_int_equal(answerers(FAR), 1);
			assert_int_not_equal(moved, far);
			assert_string_equal(unfit(moved, far, FAR),
			    gone ? "it is not on the segment of the address"
				 : "it is not alive on the segment of the "
				   "address");
			world_close();
		}
	}
}

/* node i's own, of an address of no subnet, on the near and the far one. */
static void
say_everywhere(int i, bool linked, uint8_t segments, bool nowhere)
{
	struct owners_candidate candidates[3] = { { .node = "node1" },
		{ .node = "node2" }, { .node = "node3" } };
	struct owners_address address = { .addr = addr_of(5),
		.candidates = candidates,
		.candidate_count = 3,
		.ready = true,
		.segments = segments,
		.nowhere = nowhere };
	struct owners_segment list[2] = { 0 };
	int k;

	for (k = 0; k < 2; k++) {
		list[k].addr.family = 4;
		list[k].addr.bytes[0] = 10;
		list[k].addr.bytes[2] = (uint8_t)k;
		list[k].addr.bytes[3] = (uint8_t)(i + 1);
		list[k].length = 24;
		list[k].linked = k == 0 || linked;
	}
	owners_segments(world.node[i].owners, list, 2, world.now_us);
	owners_address(world.node[i].owners, &address, world.now_us);
}

static const char *
owner_everywhere(int at)
{
	struct bgpd_addr addr = addr_of(5);
	struct owners_explanation e;

	assert_true(owners_explain(world.node[at].owners, &addr, &e));
	return e.owner == NULL ? "" : e.owner;
}

static void
place_goes(int way, int owner)
{
	int i;

	switch (way) {
	case 0: /* one of the links that it is on */
		say_everywhere(owner, false, 3, false);
		break;
	case 1: /* every interface for it */
		say_everywhere(owner, true, 0, true);
		break;
	case 2: /* the near one; nobody has the far link */
		world_isolate(owner, true);
		break;
	case 3: /* all others have the far link, which nobody had */
		for (i = 0; i < 3; i++)
			if (i != owner)
				say_everywhere(i, true, 3, false);
		break;
	}
}

/* On several: it moves when its owner is dead on one that is of use. */
static void
place_is_lost(void **state)
{
	char owner[16];
	int partition, way, i;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (way = 0; way < 4; way++) {
			begin(3, partition, OWNERS_NO_GATEWAY, 0);
			for (i = 0; i < 3; i++)
				say_everywhere(i, way < 2, 3, false);
			world_run(4000);
			snprintf(
			    owner, sizeof(owner), "%s", owner_everywhere(0));
			assert_string_not_equal(owner, "");
			place_goes(way, index_of(owner));
			world_run(400);
			for (i = 0; i < 3; i++)
				assert_string_not_equal(
				    owner_everywhere(i), owner);
			world_close();
		}
	}
}

/* A subnet that one node alone has is no reason why the others are no heirs. */
static void
own_bridge(void **state)
{
	struct owners_segment list[3] = { 0 };
	struct owners_address address = { 0 };
	struct owners_candidate candidates[3] = { { .node = "node1" },
		{ .node = "node2" }, { .node = "node3" } };
	struct owners_segment of[OWNERS_SEGMENTS];
	struct bgpd_addr addr = addr_of(NEAR);
	int partition, near, i, k;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(3, partition, OWNERS_NO_GATEWAY, 0);
		near = answerer(NEAR);
		for (i = 0; i < 3; i++) {
			for (k = 0; k < 3; k++) {
				list[k].addr.family = 4;
				list[k].addr.bytes[0] = 10;
				list[k].addr.bytes[2] =
				    (uint8_t)(k < 2 ? k : 10 + i);
				list[k].addr.bytes[3] = (uint8_t)(i + 1);
				list[k].length = 24;
				list[k].linked = true;
			}
			list[1].addr = addr_of(FAR);
			list[1].length = 32;
			owners_segments(
			    world.node[i].owners, list, 3, world.now_us);
			address.addr = addr;
			address.candidates = candidates;
			address.candidate_count = 3;
			address.ready = true;
			address.segments = 5; /* near, and the bridge */
			owners_address(
			    world.node[i].owners, &address, world.now_us);
		}
		world_run(200);
		assert_int_equal(
		    owners_segments_of(world.node[near].owners, &addr, of), 1);
		assert_int_equal(of[0].addr.bytes[2], 0);
		world_isolate(near, true);
		world_run(300);
		assert_int_equal(answerers(NEAR), 1);
		assert_int_not_equal(answerer(NEAR), near);
		world_close();
	}
}

/* The last release among them: understood, and judged as before. */
static void
old_ones(void **state)
{
	int partition, old, far;
	unsigned takes;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		for (old = 1; old < 3; old++) {
			begin(3, partition, OWNERS_NO_GATEWAY, old);
			far = answerer(FAR);
			takes = world.takes;
			world_run(2000);
			assert_int_equal(answerer(FAR), far);
			assert_int_equal(world.takes, takes);
			world_kill(far);
			world_run(400);
			assert_int_equal(answerers(FAR), 1);
			assert_int_not_equal(answerer(FAR), far);
			world_close();
		}
	}
}

/* Announced restarts move nothing, on the far segment either. */
static void
restart(void **state)
{
	int partition, far, k, round;
	unsigned takes;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(3, partition, OWNERS_NO_GATEWAY, 0);
		far = answerer(FAR);
		takes = world.takes;
		owners_leave(
		    world.node[far].owners, OWNERS_RESTART, world.now_us);
		world_run(200);
		world.node[far].admin = true;
		for (k = 0; k < 3; k++)
			if (k != far)
				bfd_hear(k, far);
		world_kill(far);
		world_run(300);
		world_start(far);
		/* BFD is slower to come up there. */
		far_isolate(far, true);
		for (round = 0; round < 60; round++) {
			world_run(100);
			if (round == 9)
				far_isolate(far, false);
			assert_int_equal(answerers(FAR) <= 1, 1);
			for (k = 0; k < 3; k++)
				if (k != far)
					assert_false(can_answer(k, FAR));
		}
		assert_int_equal(answerer(FAR), far);
		/* It takes its own anew. */
		assert_in_range(world.takes, takes, takes + 2);
		world_close();
	}
}

/* What is drained goes to one that is alive there, not to the first in order. */
static void
drain(void **state)
{
	int partition, far, cut;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		begin(4, partition, OWNERS_NO_GATEWAY, 0);
		far = answerer(FAR);
		for (cut = 0; cut < 4; cut++)
			if (strcmp(unfit(far, cut, FAR), "next") == 0)
				break;
		assert_true(cut < 4);
		far_isolate(cut, true);
		world_run(400);
		owners_leave(
		    world.node[far].owners, OWNERS_HANDOVER, world.now_us);
		world_run(400);
		assert_int_equal(answerers(FAR), 1);
		assert_int_not_equal(answerer(FAR), cut);
		assert_int_not_equal(answerer(FAR), far);
		world_close();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owner_is_cut_off),
		cmocka_unit_test(near_is_cut_off),
		cmocka_unit_test(near_with_a_single_one),
		cmocka_unit_test(pair_is_cut),
		cmocka_unit_test(all_are_cut),
		cmocka_unit_test(two_nodes),
		cmocka_unit_test(fenced),
		cmocka_unit_test(link_is_lost),
		cmocka_unit_test(place_is_lost),
		cmocka_unit_test(own_bridge),
		cmocka_unit_test(old_ones),
		cmocka_unit_test(restart),
		cmocka_unit_test(drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
