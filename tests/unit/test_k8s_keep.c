/* SPDX-License-Identifier: ISC */
/* Who keeps an address that several have, and who gets it after: told as stories. */

#include "model_run.h"

static const struct weather calm = { .name = "calm", .daemons = 1 };
static const struct weather two = { .name = "two", .daemons = 2 };

/* A Service that is there, older than those after it; status: addresses by comma. */
static struct slot *
serve(unsigned n, const char *sharing, unsigned port, const char *status)
{
	struct slot *s = &slots[n];
	char copy[128], *rest = copy, *word;
	struct json_object *root;
	struct text out = { 0 };

	s->exists = true;
	s->generation = 1;
	s->created = ++server_created;
	s->sharing = sharing;
	s->port = port;
	snprintf(copy, sizeof(copy), "%s", status);
	text_open(&out, NULL, '{');
	text_open(&out, "loadBalancer", '{');
	text_open(&out, "ingress", '[');
	while ((word = strsep(&rest, ",")) != NULL) {
		if (*word == '\0')
			continue;
		text_open(&out, NULL, '{');
		text_string(&out, "ip", word);
		text_close(&out, '}');
	}
	text_close(&out, ']');
	text_close(&out, '}');
	text_close(&out, '}');
	root = json_tokener_parse(out.s);
	slot_write(s, root, false);
	slot_tell_slice(s);
	json_object_put(root);
	free(out.s);
	return s;
}

/* What the status says comes to this. */
static void
says(const struct slot *s, const char *first, const char *second)
{
	const char *const want[] = { first, second };
	struct bgpd_addr addr;
	uint8_t i, n = 0;

	for (i = 0; i < 2; i++) {
		if (want[i] == NULL)
			continue;
		assert_true(tree_addr(want[i], &addr));
		if (!said_has(&s->said, &addr))
			model_fault("s%d has not %s: %s\n", slot_number(s),
			    want[i], s->status);
		n++;
	}
	assert_int_equal(s->said.count, n);
}

static void
start(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		daemon_start(&daemons[i]);
	wait_for(5000);
	assert_non_null(lease_leader());
}

/* The same, and no write arrives: each is answered by its deadline. */
static void
wait_losing(int64_t ms)
{
	int64_t until_ms = fake_ms + ms;
	struct api_call *call;

	while (fake_ms < until_ms) {
		step(1);
		TAILQ_FOREACH (call, &fake_calls, link) {
			if (call->user[3] != FATE_GOOD || call->user[2] != -1)
				continue;
			call->user[3] = FATE_LOST;
			call->user[1] = fake_ms + call->request.timeout_ms;
		}
	}
}

static void
wants(struct slot *s, const char *address)
{
	snprintf(s->wanted, sizeof(s->wanted), "%s", address);
	slot_touch(s);
}

/* Of those who share only the one moves that is in the way. */
static void
test_one_in_the_way(void **state)
{
	struct slot *first, *older, *younger, *last;

	(void)state;
	model_begin(&calm);
	older = serve(9, "k", 81, "10.0.0.1");
	first = serve(0, "k", 80, "10.0.0.1");
	younger = serve(1, "k", 81, "10.0.0.1");
	last = serve(2, "k", 82, "10.0.0.1");
	start(1);
	says(older, "10.0.0.1", NULL);
	says(first, "10.0.0.1", NULL);
	says(younger, "10.0.0.0", NULL);
	says(last, "10.0.0.1", NULL);
	model_end();
}

/* Nobody moves for one who does not get it all the same. */
static void
test_all_or_none(void **state)
{
	struct slot *oldest, *middle, *youngest;

	(void)state;
	model_begin(&calm);
	oldest = serve(9, "k", 81, "10.0.0.1");
	middle = serve(5, NULL, 80, "10.0.0.1");
	youngest = serve(0, "k", 80, "10.0.0.1");
	start(1);
	says(oldest, "10.0.0.1", NULL);
	says(middle, "10.0.0.0", NULL);
	says(youngest, "10.0.0.1", NULL);
	model_end();
}

/* Of two families that one goes which is in the way, unless both are required. */
static void
test_one_of_two(void **state)
{
	struct slot *older, *prefers, *requires;

	(void)state;
	model_begin(&calm);
	older = serve(9, NULL, 80, "10.0.0.1");
	prefers = serve(0, NULL, 80, "10.0.0.1,fd00::5");
	requires = serve(1, NULL, 80, "10.0.0.1,fd00::6");
	prefers->dual = requires->dual = requires->both = true;
	start(1);
	says(older, "10.0.0.1", NULL);
	assert_false(said_has(&requires->said, &older->said.addresses[0]));
	assert_int_equal(requires->said.count, 2);
	says(requires, "10.0.0.0", "fd00::");
	says(prefers, "10.0.0.2", "fd00::5");
	model_end();
}

/*
 * It moves itself who gives up the key that it shared by, not who is younger:
 * before the eyes of one that leads, and of one that is going to.
 */
static void
test_key_given_up(void **state)
{
	struct slot *older, *younger;
	struct daemon *leader;

	(void)state;
	model_begin(&two);
	older = serve(0, "k", 80, "10.0.0.1");
	younger = serve(1, "k", 81, "10.0.0.1");
	start(2);
	says(younger, "10.0.0.1", NULL);
	leader = lease_leader();
	daemon_stop(leader);
	older->sharing = NULL;
	slot_touch(older);
	wait_for(10000);
	assert_ptr_not_equal(lease_leader(), leader);
	says(older, "10.0.0.0", NULL);
	says(younger, "10.0.0.1", NULL);
	older->sharing = "k";
	wants(older, "10.0.0.1");
	wait_for(5000);
	says(older, "10.0.0.1", NULL);
	older->sharing = "l";
	wants(older, "");
	wait_for(5000);
	says(older, "10.0.0.0", NULL);
	says(younger, "10.0.0.1", NULL);
	daemon_start(leader);
	model_end();
}

/*
 * Its place is nobody's until its status says another: the write of that gets
 * lost, and another with the key of those who stay asks meanwhile.
 */
static void
test_place_of_one_that_moves(void **state)
{
	struct slot *moves, *stays, *comes;

	(void)state;
	model_begin(&calm);
	moves = serve(0, "k", 80, "10.0.0.1");
	stays = serve(1, "k", 81, "10.0.0.1");
	start(1);
	moves->sharing = NULL;
	slot_touch(moves);
	wait_losing(1000);
	comes = serve(2, "k", 82, "");
	wants(comes, "10.0.0.1");
	wait_losing(1000);
	says(moves, "10.0.0.1", NULL);
	assert_false(alloc_is_owner(
	    daemons[0].cluster->alloc, "d/s2", &stays->said.addresses[0]));
	wait_for(40000);
	says(moves, "10.0.0.0", NULL);
	says(stays, "10.0.0.1", NULL);
	says(comes, "10.0.0.1", NULL);
	model_end();
}

/* A write got lost that gave it what it is not to have any more: none knows. */
static void
test_write_made_void(void **state)
{
	struct slot *waits, *rival;
	struct bgpd_addr addr;

	(void)state;
	model_begin(&calm);
	waits = serve(0, NULL, 80, "");
	rival = serve(1, NULL, 80, "10.0.0.1");
	start(1);
	says(waits, "10.0.0.0", NULL);
	wants(waits, "10.0.0.1");
	wait_for(5000);
	says(waits, NULL, NULL);
	wants(rival, "10.0.0.2");
	/* Only until the rival's is written. */
	while (
	    said_has(&rival->said, tree_addr("10.0.0.1", &addr) ? &addr : NULL))
		step(1);
	wait_losing(500);
	says(waits, NULL, NULL);
	/* Somebody has the rival's status say it, when that write is on its way. */
	serve(1, NULL, 80, "10.0.0.1");
	slot_tell_slice(waits);
	wait_losing(1000);
	wait_for(15000);
	says(rival, "10.0.0.2", NULL);
	says(waits, "10.0.0.1", NULL);
	model_end();
}

/* A pool grows by what a status says that was in none: it stays barred. */
static void
test_pool_that_grows(void **state)
{
	struct slot *moves, *wants_it;

	(void)state;
	model_begin(&calm);
	config_now = 2;
	moves = serve(0, NULL, 80, "10.0.0.21");
	wants_it = serve(1, NULL, 80, "");
	snprintf(wants_it->wanted, sizeof(wants_it->wanted), "10.0.0.21");
	daemon_start(&daemons[0]);
	wait_losing(5000);
	says(moves, "10.0.0.21", NULL);
	says(wants_it, NULL, NULL);
	config_now = 0;
	config_tell(&watches[0]);
	/* That nobody has both is seen as it is written. */
	wait_for(60000);
	says(wants_it, "10.0.0.21", NULL);
	model_end();
}

/* It gets the Lease while its watch hangs: what the other gave it knows first. */
static void
test_view_of_a_new_leader(void **state)
{
	struct daemon *first, *second;
	struct slot *served, *late;

	(void)state;
	model_begin(&two);
	start(2);
	first = lease_leader();
	second = &daemons[first == &daemons[0]];
	second->watch->last_ms = fake_ms + 60000;
	served = serve(0, NULL, 80, "");
	wait_for(1000);
	says(served, "10.0.0.0", NULL);
	daemon_stop(first);
	late = serve(1, NULL, 80, "");
	wait_for(20000);
	assert_ptr_equal(lease_leader(), second);
	says(served, "10.0.0.0", NULL);
	says(late, "10.0.0.1", NULL);
	daemon_start(first);
	model_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_in_the_way),
		cmocka_unit_test(test_all_or_none),
		cmocka_unit_test(test_one_of_two),
		cmocka_unit_test(test_key_given_up),
		cmocka_unit_test(test_place_of_one_that_moves),
		cmocka_unit_test(test_write_made_void),
		cmocka_unit_test(test_pool_that_grows),
		cmocka_unit_test(test_view_of_a_new_leader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
