/* SPDX-License-Identifier: ISC */
/* A node's own Lease and those of others, at a server that the test plays. */

#include "heartbeat_scene.h"

/* Stories --------------------------------------------------------------------------- */

/* Named, labelled and owned so that it is ours alone and goes with the Node. */
static void
made(void **state)
{
	int64_t from_ms;

	(void)state;
	heartbeat_look(c.heartbeat);
	fake_answer(the_call("GET", MINE), 404, NULL);
	the_call("POST", LEASES);
	assert_string_equal(sent("/metadata/name"), "fairway-node-one");
	assert_string_equal(sent("/metadata/namespace"), SPACE);
	assert_string_equal(sent("/metadata/labels/bgpd.io~1lease"), "node");
	assert_string_equal(sent("/metadata/ownerReferences/0/kind"), "Node");
	assert_string_equal(
	    sent("/metadata/ownerReferences/0/apiVersion"), "v1");
	assert_string_equal(sent("/metadata/ownerReferences/0/name"), "one");
	assert_string_equal(sent("/metadata/ownerReferences/0/uid"), NODE_UID);
	assert_string_equal(sent("/spec/holderIdentity"), "one_0123");
	assert_string_equal(sent("/spec/leaseDurationSeconds"), "15");
	pass(201);
	assert_string_equal(LIST_FIRST(&fake_reflectors)->kind->path, LEASES);
	assert_string_equal(LIST_FIRST(&fake_reflectors)->kind->selector,
	    "labelSelector=bgpd.io%2Flease%3Dnode");
	/* Each five seconds, a write; and nothing else. */
	from_ms = fake_ms;
	fake_call_count = 0;
	while (fake_call_count < 10) {
		fake_advance(1);
		if (fake_under_way() == 0)
			continue;
		the_call("PUT", MINE);
		pass(200);
	}
	assert_int_equal(fake_ms - from_ms, 50000);
	/* Its Node was made anew: it goes with that one. */
	cluster_drop(&c, OBJECT_NODE, "one");
	add_node("one", "another");
	fake_advance(300);
	renew();
	while (fake_under_way() == 0)
		fake_advance(1);
	assert_string_equal(sent("/metadata/ownerReferences/0/uid"), "another");
	pass(200);
}

/* One is kept where layer 2 is carried, by a node that the cluster knows. */
static void
wanted(void **state)
{
	(void)state;
	pool.is_layer2 = false;
	heartbeat_look(c.heartbeat);
	fake_advance(20000);
	assert_int_equal(fake_call_count, 0);
	pool.is_layer2 = true;
	backend = false;
	heartbeat_look(c.heartbeat);
	fake_advance(20000);
	assert_int_equal(fake_call_count, 0);
	/* Before the list of all Nodes nothing is asked. */
	backend = true;
	c.nodes_whole = false;
	fake_advance(20000);
	assert_int_equal(fake_call_count, 0);
	backend = false;
	c.nodes_whole = true;
	fake_advance(5000);
	/* The backend comes: that is seen within five seconds. */
	backend = true;
	fake_advance(5000);
	fake_answer(the_call("GET", MINE), 404, NULL);
	the_call("POST", LEASES);
	pass(201);
	renew();
	assert_string_equal(alive, "one 1 two 2");
	/* It goes: so does the claim to be alive. */
	backend = false;
	while (fake_under_way() == 0 ||
	       strcmp(sent("/spec/holderIdentity"), "") != 0) {
		if (fake_under_way() != 0)
			pass(200);
		fake_advance(1);
	}
	/* That nobody is known to be gone any more is told before. */
	assert_string_equal(alive, "one 2 two 2");
	fake_answer(fake_call(), 200, NULL);
	fake_advance(1000);
	assert_string_equal(alive, "one 2 two 2");
	assert_true(LIST_EMPTY(&fake_reflectors));
	/* And without a Node object. */
	backend = true;
	cluster_drop(&c, OBJECT_NODE, "one");
	fake_call_count = 0;
	fake_advance(20000);
	assert_int_equal(fake_call_count, 0);
}

/* Another one is alive, is gone, is back; it is told when it has changed. */
static void
another(void **state)
{
	unsigned before;
	int i;

	(void)state;
	make();
	beat_two();
	fake_advance(300);
	renew();
	beat_two();
	fake_advance(300);
	assert_string_equal(alive, "one 1 two 1");
	before = told;
	for (i = 0; i < 10; i++) {
		renew();
		beat_two();
	}
	assert_int_equal(told, before);
	for (i = 0; i < 3; i++)
		renew();
	assert_string_equal(alive, "one 1 two 1");
	renew(); /* more than a duration after */
	assert_string_equal(alive, "one 1 two 0");
	assert_int_equal(told, before + 1);
	beat_two();
	fake_advance(300);
	assert_string_equal(alive, "one 1 two 1");
	watch_tell("fairway-node-two", "", 6000);
	fake_advance(300);
	assert_string_equal(alive, "one 1 two 0");
	heartbeat_show(c.heartbeat, NULL);
	assert_string_equal(
	    shown, "Leases of nodes: 1 alive, 1 gone, 0 unknown\n");
	/* Others that have the label are no nodes; who is no Node is no member. */
	watch_tell("fairway-allocator", "x", 1);
	watch_tell("fairway-node-", "x", 1);
	watch_tell("fairway-node-three", "x", 1);
	fake_advance(300);
	assert_string_equal(alive, "one 1 two 0");
	/* No Service was looked at for any of that. */
	assert_true(TAILQ_EMPTY(&c.touched) && c.run.list == NULL);
}

/* Both are alive; then each call is answered like this for a minute. */
static void
doubt(int status)
{
	int i;

	make();
	beat_two();
	renew();
	beat_two();
	fake_advance(300);
	assert_string_equal(alive, "one 1 two 1");
	for (i = 0; i < 60000; i++) {
		fake_advance(1);
		if (fake_under_way() > 0)
			fake_answer(fake_call(), status, NULL);
		assert_null(strchr(alive, '0'));
	}
	assert_string_equal(alive, "one 2 two 2");
}

/* No answers: neither we nor anybody else is said to be alive or gone. */
static void
server_away(void **state)
{
	(void)state;
	doubt(0);
	heartbeat_show(c.heartbeat, NULL);
	assert_non_null(strstr(shown, "0 alive, 0 gone, 2 unknown; this node"));
	/* Back. Two is not, and has its fifteen seconds. */
	while (fake_under_way() == 0)
		fake_advance(1);
	the_call("PUT", MINE);
	pass(200);
	fake_advance(300);
	assert_string_equal(alive, "one 1 two 2");
	renew();
	renew();
	assert_string_equal(alive, "one 1 two 2");
	renew();
	assert_string_equal(alive, "one 1 two 0");
}

/* Writes pass, the watch tells nothing: it hangs. Nobody is gone by that. */
static void
watch_hangs(void **state)
{
	(void)state;
	doubt(200);
}

/* A member's state is told with the others where those are to be told anyway. */
static void
not_before_the_nodes(void **state)
{
	(void)state;
	make();
	c.nodes_touched = true;
	renew();
	assert_int_equal(told, 0);
	c.nodes_touched = false;
	c.stage = STAGE_EMPTY;
	beat_two();
	beat_two();
	fake_advance(300);
	assert_int_equal(told, 0);
}

/* A stop gives it back; a process that begins anew does not. */
static void
ends(void **state)
{
	(void)state;
	make();
	renew();
	heartbeat_free(c.heartbeat);
	c.heartbeat = NULL;
	the_call("PUT", MINE);
	assert_string_equal(sent("/spec/holderIdentity"), "");
	fake_answer(fake_call(), 200, NULL);
	c.heartbeat = heartbeat_new(&c, &api, "one_0123");
	make();
	heartbeat_leave(c.heartbeat);
	heartbeat_free(c.heartbeat);
	c.heartbeat = NULL;
	assert_int_equal(fake_under_way(), 0);
	/* What is asked of none. */
	assert_int_equal(heartbeat_of(NULL, "two"), PULSE_UNKNOWN);
	heartbeat_leave(NULL);
	heartbeat_forget(NULL, "two");
	heartbeat_show(NULL, NULL);
}

/*
 * This node answers alone, as by its own word the other one is gone. Before the
 * other can hear that this one is, that word is taken back; also where the Nodes
 * are to be told anyway.
 */
static void
ends_alone(void **state)
{
	bool leaves;
	int i;

	(void)state;
	for (leaves = false;; leaves = true) {
		make();
		beat_two();
		for (i = 0; i < 5; i++)
			renew();
		assert_string_equal(alive, "one 1 two 0");
		c.nodes_touched = leaves;
		if (leaves)
			heartbeat_leave(c.heartbeat);
		heartbeat_free(c.heartbeat);
		c.heartbeat = NULL;
		assert_string_equal(alive, "one 2 two 2");
		if (leaves)
			break;
		the_call("PUT", MINE);
		fake_answer(fake_call(), 200, NULL);
		c.heartbeat = heartbeat_new(&c, &api, "one_0123");
	}
	assert_int_equal(fake_under_way(), 0);
}

/* What changes again and again is told all the same. */
static void
told_in_time(void **state)
{
	unsigned before;
	int i;

	(void)state;
	make();
	beat_two();
	renew();
	before = told;
	for (i = 0; i < 10; i++) {
		if (i % 2 == 0)
			beat_two();
		else
			watch_tell("fairway-node-two", "", (unsigned)i + 1);
		fake_advance(100);
	}
	assert_in_range(told - before, 4, 5);
}

/* `node-leases off`: none is kept, and none is looked at. */
static void
switched_off(void **state)
{
	(void)state;
	settings.no_leases = true;
	heartbeat_look(c.heartbeat);
	fake_advance(20000);
	assert_int_equal(fake_call_count, 0);
	assert_true(LIST_EMPTY(&fake_reflectors));
}

/* Leases that were deleted, of Nodes that are there or not: nothing is kept. */
static void
deleted(void **state)
{
	struct reflector *r;
	int i;

	(void)state;
	make();
	beat_two();
	renew();
	beat_two();
	r = LIST_FIRST(&fake_reflectors);
	r->sink->on_gone(r->arg, SPACE "/fairway-node-two");
	for (i = 0; i < 4; i++)
		renew();
	assert_string_equal(alive, "one 1 two 0");
	cluster_drop(&c, OBJECT_NODE, "two");
	add_node("two", "again");
	c.nodes_touched = c.carriers_touched = false;
	assert_int_equal(heartbeat_of(c.heartbeat, "two"), PULSE_UNKNOWN);
	watch_tell("fairway-node-three", "x", 1);
	watch_tell("fairway-node-three", "x", 2);
	assert_int_equal(heartbeat_of(c.heartbeat, "three"), PULSE_ALIVE);
	r->sink->on_gone(r->arg, SPACE "/fairway-node-three");
	assert_int_equal(heartbeat_of(c.heartbeat, "three"), PULSE_UNKNOWN);
}

/* An old Role: it is said once, with the cure, and everybody is unknown. */
static void
forbidden(void **state)
{
	int i;

	(void)state;
	heartbeat_look(c.heartbeat);
	for (i = 0; i < 60000; i++) {
		fake_advance(1);
		if (fake_under_way() > 0)
			fake_answer(fake_call(), 403, NULL);
	}
	assert_string_equal(fake_log,
	    "4 lease " SPACE "/fairway-node-one: the server refused; it needs "
	    "a Role with get, list, watch, create and update of leases "
	    "(coordination.k8s.io) in that namespace\n");
	assert_true(told == 0 || strcmp(alive, "one 2 two 2") == 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(made),
		TEST(wanted),
		TEST(another),
		TEST(server_away),
		TEST(watch_hangs),
		TEST(not_before_the_nodes),
		TEST(ends),
		TEST(ends_alone),
		TEST(told_in_time),
		TEST(switched_off),
		TEST(deleted),
		TEST(forbidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
