/* SPDX-License-Identifier: ISC */
/* MetalLB's order, by its own figures; and the lightest of equals. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "../../plugins/l2/elect.h"

static struct bgpd_addr
addr_of(const char *text)
{
	struct bgpd_addr addr = { .family = 4 };

	if (inet_pton(AF_INET, text, addr.bytes) != 1) {
		addr.family = 6;
		assert_int_equal(inet_pton(AF_INET6, text, addr.bytes), 1);
	}
	return addr;
}

/* In order: the numbers of the nodes, as "213". */
static void
check_order(
    const char *const *nodes, size_t count, const char *addr, const char *want)
{
	struct candidate candidates[8] = { 0 };
	struct bgpd_addr bytes = addr_of(addr);
	size_t i, k;

	for (i = 0; i < count; i++) {
		candidates[i].node = (char *)(uintptr_t)nodes[i];
		elect_hash(nodes[i], &bytes, candidates[i].hash);
	}
	elect_sort(candidates, count);
	for (i = 0; i < count; i++) {
		for (k = 0; k < count; k++) {
			if (candidates[i].node == nodes[k])
				assert_int_equal((int)k + '1', want[i]);
		}
	}
}

/* From MetalLB's own election (sha256 of NODE#IP), seen on a real one. */
static void
vectors(void **state)
{
	static const char *const iris[] = { "iris1", "iris2" };
	static const char *const abc[] = { "node-a", "node-b", "node-c" };
	static const char *const nodes[] = { "node1", "node2", "node3" };
	static const char *const edges[] = { "edge-a", "edge-b", "worker-a",
		"worker-b" };
	static const uint8_t starts[] = { 0x4b, 0x62, 0x7c, 0xd8, 0xc3, 0xe9,
		0x59, 0xf9 };
	struct bgpd_addr addr = addr_of("192.168.10.0");
	uint8_t hash[32];

	(void)state;
	elect_hash("node1", &addr, hash);
	assert_memory_equal(hash, starts, sizeof(starts));
	check_order(iris, 2, "10.20.30.1", "21");
	check_order(iris, 2, "10.20.30.2", "12");
	check_order(abc, 3, "10.0.0.1", "213");
	check_order(abc, 3, "10.0.0.2", "231");
	check_order(nodes, 3, "192.168.10.0", "213");
	check_order(nodes, 3, "192.168.10.1", "312");
	check_order(nodes, 3, "fc00:f853:ccd:e799::1", "231");
	check_order(edges, 4, "10.20.30.1", "2314");
}

/* Of 256 addresses the three nodes win 88, 88 and 80. */
static void
shares(void **state)
{
	static const char *const names[] = { "node1", "node2", "node3" };
	struct candidate candidates[3] = { 0 };
	struct bgpd_addr addr = addr_of("192.168.10.0");
	int i, k, wins[3] = { 0 };

	(void)state;
	for (i = 0; i < 256; i++) {
		addr.bytes[3] = (uint8_t)i;
		for (k = 0; k < 3; k++) {
			candidates[k].node = (char *)(uintptr_t)names[k];
			elect_hash(names[k], &addr, candidates[k].hash);
		}
		elect_sort(candidates, 3);
		wins[candidates[0].node[4] - '1']++;
	}
	assert_int_equal(wins[0], 88);
	assert_int_equal(wins[1], 88);
	assert_int_equal(wins[2], 80);
}

/* As Go writes addresses: lower case, the longest run of zeros, mapped ones. */
static void
texts(void **state)
{
	static const char *const same[] = { "192.0.2.1", "2001:db8::1", "::1",
		"fe80::a:b:0:c" };
	struct bgpd_addr addr;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		addr = addr_of(same[i]);
		assert_string_equal(elect_addr_text(&addr, text), same[i]);
	}
	addr = addr_of("2001:DB8:0:0:1:0:0:0");
	assert_string_equal(elect_addr_text(&addr, text), "2001:db8:0:0:1::");
	addr = addr_of("::ffff:192.0.2.7");
	assert_string_equal(elect_addr_text(&addr, text), "192.0.2.7");
}

/* Higher weight goes first, whatever the hash. */
static void
weights(void **state)
{
	struct candidate c[3] = { { .node = "a", .weight = -1 },
		{ .node = "b", .weight = 100 }, { .node = "c" } };

	(void)state;
	c[1].hash[0] = 255;
	c[2].hash[0] = 1;
	elect_sort(c, 3);
	assert_string_equal(c[0].node, "b");
	assert_string_equal(c[1].node, "c");
	assert_string_equal(c[2].node, "a");
}

/* Three members, the first of them this node, all fit. */
struct scene {
	struct owners owners;
	struct member members[3];
	struct member *list[3];
	struct claim claim;
	struct candidate candidates[3];
};

static void
scene_open(struct scene *s)
{
	int i;

	memset(s, 0, sizeof(*s));
	s->owners.members = s->list;
	s->owners.member_count = 3;
	s->owners.self = &s->members[0];
	s->claim.candidates = s->candidates;
	s->claim.candidate_count = 3;
	s->claim.epoch = 1;
	for (i = 0; i < 3; i++) {
		s->list[i] = &s->members[i];
		s->members[i].verdict = VERDICT_ALIVE;
		s->candidates[i].member = &s->members[i];
	}
}

static void
fitness(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[0]);
	s.owners.no_carrier = true;
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[1]);
	s.members[1].flags = MESSAGE_HEARING;
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[2]);
	s.claim.epoch = 0; /* nobody's ever: who starts may be the first */
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[1]);
	s.members[1].excluded = true;
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[2]);
	assert_null(elect(&s.owners, &s.claim, 4));
	s.members[2].verdict = VERDICT_DEAD;
	assert_null(elect(&s.owners, &s.claim, 0));
	assert_string_equal(elect_unfit(&s.owners, &s.claim, &s.candidates[2]),
	    "it is not alive");
}

/* Of equal weight: fewest of the group, then fewest, then the order. */
static void
lightest(void **state)
{
	struct scene s;
	struct group *group = kit_alloc(sizeof(*group) + 1);
	struct claim other = { .epoch = 1 };

	(void)state;
	scene_open(&s);
	s.owners.config.election = OWNERS_BALANCED;
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[0]);
	s.members[0].claim_count = 2;
	s.members[1].meant_count = 1;
	s.members[2].claim_count = 1;
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[1]);
	/* One of its group is on the second: the third. */
	TAILQ_INIT(&group->claims);
	s.claim.group = other.group = group;
	TAILQ_INSERT_TAIL(&group->claims, &s.claim, of_group);
	TAILQ_INSERT_TAIL(&group->claims, &other, of_group);
	other.owner = &s.members[1];
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[2]);
	/* A lower weight is not asked. */
	s.candidates[1].weight = s.candidates[2].weight = -1;
	assert_ptr_equal(elect(&s.owners, &s.claim, 0), &s.candidates[0]);
	free(group);
}

#define MANY 70

/* Who can be handed it: seen from here, at whatever place in the order. */
static void
heirs(void **state)
{
	struct owners *o = kit_alloc(sizeof(*o));
	struct member *members = kit_alloc(MANY * sizeof(*members));
	struct member *list[MANY];
	struct candidate candidates[MANY] = { 0 };
	struct claim claim = { .epoch = 1, .candidate_count = MANY };
	uint8_t watching[MANY];
	size_t i;

	(void)state;
	memset(watching, 1, sizeof(watching));
	for (i = 0; i < MANY; i++) {
		list[i] = &members[i];
		members[i].index = i;
		candidates[i].member = &members[i];
	}
	o->members = list;
	o->member_count = MANY;
	o->self = &members[0];
	o->self->watching = watching;
	claim.candidates = candidates;
	assert_null(elect_heir(o, &claim));
	members[MANY - 1].live = members[MANY - 2].live = OWNERS_UP;
	members[MANY - 2].excluded = true;
	assert_ptr_equal(elect_heir(o, &claim), &candidates[MANY - 1]);
	members[5].live = OWNERS_UP;
	assert_ptr_equal(elect_heir(o, &claim), &candidates[5]);
	claim.on = members[5].segments.dead = 1;
	assert_ptr_equal(elect_heir(o, &claim), &candidates[MANY - 1]);
	free(members);
	free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(shares),
		cmocka_unit_test(texts),
		cmocka_unit_test(weights),
		cmocka_unit_test(fitness),
		cmocka_unit_test(lightest),
		cmocka_unit_test(heirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
