/* SPDX-License-Identifier: ISC */
/* Consistent, for a segment alone: who may offer an address, and who agrees. */

#include "owner_world.h"

#include "../../plugins/l2/elect.h"
#include "../../plugins/l2/owner_inside.h"

#define FAR 1

static struct claim *
begin(int partition, int *owner, struct owners **at)
{
	struct owners_config config = owners_defaults;
	struct bgpd_addr addr = addr_of(FAR);
	int i;

	config.partition = (uint8_t)partition;
	world_open(3, 2, &config);
	world.sides = 2;
	for (i = 0; i < 3; i++) {
		world.node[i].far_gateway = OWNERS_NO_GATEWAY;
		world_start(i);
	}
	world_run(4500);
	assert_int_equal(answerers(FAR), 1);
	*owner = answerer(FAR);
	*at = world.node[*owner].owners;
	return claim_find(*at, &addr);
}

static bool
agrees(struct owners *o, struct member *m, const struct message_entry *offer)
{
	size_t before = m->out.count;

	move_hear(o, m, offer);
	if (m->out.count == before)
		return false;
	assert_int_equal(m->out.count, before + 1);
	assert_int_equal(m->out.entries[before].kind, ENTRY_ACCEPT);
	assert_true(m->out.entries[before].owner == o->self->id);
	assert_true(m->out.entries[before].epoch == offer->epoch);
	return true;
}

/* Who could not answer for it, since too few promise, does not agree to have it. */
static void
acceptor_holds_promises(void **state)
{
	struct bgpd_addr addr = addr_of(FAR);
	struct message_entry offer;
	struct claim *claim;
	struct owners *o;
	struct member *m;
	int owner;
	size_t i;

	(void)state;
	begin(OWNERS_CONSISTENT, &owner, &o);
	o = world.node[(owner + 1) % 3].owners;
	claim = claim_find(o, &addr);
	m = member_find(o, name_of(owner));
	assert_ptr_equal(claim->owner, m);
	offer = claim_entry(claim, ENTRY_OFFER);
	assert_true(verdict_promised_us(o) > o->now_us);
	assert_true(agrees(o, m, &offer));
	/* All of them have run out; then, all but as many as are enough. */
	for (i = 0; i < o->member_count; i++)
		if (o->members[i] != o->self)
			o->members[i]->echoed_us = o->now_us - o->detect_us;
	assert_true(verdict_promised_us(o) == o->now_us);
	assert_false(agrees(o, m, &offer));
	m->echoed_us = o->now_us;
	assert_true(agrees(o, m, &offer));
	world_close();
}

/* The owner is dead there: it offers what it has been agreed to have. */
static void
owner_is_accepted_before_it_offers(void **state)
{
	struct claim *claim;
	struct owners *o;
	int partition, owner;

	(void)state;
	for (partition = 0; partition < 2; partition++) {
		claim = begin(partition, &owner, &o);
		assert_ptr_equal(claim->owner, o->self);
		assert_null(segments_heir(o, claim));
		o->self->segments.dead |= claim->on;
		o->segments.due_us = 0;
		claim->hold_us = 0;
		assert_int_equal(
		    claim->accepted, partition == OWNERS_CONSISTENT);
		assert_non_null(segments_heir(o, claim));
		claim->accepted = false;
		assert_int_equal(segments_heir(o, claim) == NULL,
		    partition == OWNERS_CONSISTENT);
		/* One of two, by its witness: nobody else is there to agree. */
		claim->alone = true;
		assert_non_null(segments_heir(o, claim));
		world_close();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acceptor_holds_promises),
		cmocka_unit_test(owner_is_accepted_before_it_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
