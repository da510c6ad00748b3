/* SPDX-License-Identifier: ISC */
/* The index of ids: against a plain model, with hashes that meet and large ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "util/index.h"
#include "util/mem.h"
#include "util/mix.h"

#define MANY 60000u
#define HIGH (UINT32_C(1) << 27) /* ids from here on leave few bits for tags */

#define TOP 32u

/* Object `id` has the key id; its hash is made of it in one of three ways. */
struct world {
	struct index index;
	/* 0: well spread; else hashes differ in so many bits, or at the top */
	unsigned narrow;
	uint32_t asked;
};

static uint32_t
hash_of(const struct world *w, uint32_t key)
{
	uint32_t hash = mix_pair(key, 1);

	if (w->narrow == TOP)
		return (key & 1) << 23;
	return w->narrow == 0 ? hash : hash & ((UINT32_C(1) << w->narrow) - 1);
}

static bool
is(const void *owner, uint32_t id, const void *key)
{
	((struct world *)(uintptr_t)owner)->asked++;
	return id == *(const uint32_t *)key;
}

static uint32_t
hash(const void *owner, uint32_t id)
{
	return hash_of(owner, id);
}

static const void *
at(const void *owner, uint32_t id)
{
	(void)id;
	return owner;
}

static struct world *
world_new(unsigned narrow)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->narrow = narrow;
	w->index.owner = w;
	w->index.equal = is;
	w->index.hash = hash;
	w->index.at = at;
	return w;
}

static uint32_t
find(struct world *w, uint32_t key)
{
	return index_find(&w->index, hash_of(w, key), &key);
}

static void
add(struct world *w, uint32_t key)
{
	index_add(&w->index, hash_of(w, key), key);
}

static void
drop(struct world *w, uint32_t key)
{
	index_remove(&w->index, hash_of(w, key), key);
}

/* Comes and goes by chance; after each round all is as the model says. */
static void
churn(unsigned narrow, uint32_t first, uint32_t count)
{
	struct world *w = world_new(narrow);
	uint8_t *there = mem_alloc(count);
	uint32_t used = 0, i, n;
	unsigned round;

	assert_int_equal(find(w, first), 0);
	drop(w, first);
	for (round = 0; round < 8; round++) {
		for (i = 0; i < count; i++) {
			n = mix_pair(i, round) % count;
			/* Rounds that fill alternate with rounds that empty. */
			if (!there[n] && (mix_pair(n, i) + round) % 3 != 0)
				add(w, first + n), there[n] = 1, used++;
			else if (there[n] && (mix_pair(n, i) + round) % 3 == 0)
				drop(w, first + n), there[n] = 0, used--;
		}
		for (n = 0; n < count; n++)
			assert_int_equal(
			    find(w, first + n), there[n] ? first + n : 0);
		assert_int_equal(w->index.used, used);
	}
	for (n = 0; n < count; n++)
		if (there[n])
			drop(w, first + n);
	assert_int_equal(w->index.used, 0);
	/* The parts' table is left, their slots are not. */
	assert_true(index_size(&w->index) <= 256 * 32);
	index_clear(&w->index);
	mem_free(there);
	mem_free(w);
}

static void
test_model(void **state)
{
	(void)state;
	churn(0, 1, MANY);
	churn(0, HIGH - MANY / 2, MANY);
	churn(4, 1, 700);
	churn(1, HIGH, 300);
}

/* Growth costs memory by the object, and a look at few of them. */
static void
test_cost(void **state)
{
	struct world *w = world_new(0);
	uint32_t i;

	(void)state;
	for (i = 1; i <= 1000000; i++)
		add(w, i);
	assert_true(index_size(&w->index) < 8 * 1000000);
	w->asked = 0;
	for (i = 1000001; i <= 1100000; i++)
		assert_int_equal(find(w, i), 0);
	/* Strangers: the tag alone tells nearly all of them. */
	assert_true(w->asked < 5000);
	w->asked = 0;
	for (i = 1; i <= 100000; i++)
		assert_int_equal(find(w, i), i);
	assert_true(w->asked < 120000);
	for (i = 1; i <= 1000000; i++)
		drop(w, i);
	assert_true(index_size(&w->index) <= 256 * 32);
	index_clear(&w->index);
	mem_free(w);
}

/* What comes and goes for long leaves no trace that looks would follow. */
static void
test_traces(void **state)
{
	const uint32_t count = 3300; /* nearly more than it holds so */
	struct world *w = world_new(24);
	uint32_t i;

	(void)state;
	for (i = 1; i <= count; i++)
		add(w, i);
	for (; i <= 20 * count; i++) {
		drop(w, i - count);
		add(w, i);
	}
	w->asked = 0;
	for (i = 1; i <= count; i++)
		assert_int_equal(find(w, i), 0);
	assert_true(w->asked < count / 10);
	index_clear(&w->index);
	mem_free(w);
}

static void
test_hint(void **state)
{
	struct world *w = world_new(0);
	uint32_t i, hint, right = 0;

	(void)state;
	assert_int_equal(index_hint(&w->index, 1), 0);
	index_fetch(&w->index, 1);
	for (i = 1; i <= 1000; i++)
		add(w, i);
	for (i = 1; i <= 1000; i++) {
		index_fetch(&w->index, hash_of(w, i));
		hint = index_hint(&w->index, hash_of(w, i));
		assert_true(hint != 0);
		right += hint == i;
	}
	assert_true(right > 900);
	index_clear(&w->index);
	mem_free(w);
}

/* Where each of two lines was full once, a look still comes to an end. */
static void
test_circle(void **state)
{
	struct world *w = world_new(TOP);
	uint32_t i;

	(void)state;
	alarm(60);
	for (i = 1; i <= 16; i++)
		add(w, 2 * i);
	for (i = 1; i <= 10; i++)
		drop(w, 2 * i);
	for (i = 1; i <= 15; i++)
		add(w, 2 * i + 1);
	assert_int_equal(find(w, 100), 0);
	assert_int_equal(find(w, 101), 0);
	drop(w, 100);
	drop(w, 101);
	for (i = 1; i <= 16; i++)
		assert_int_equal(find(w, 2 * i), i > 10 ? 2 * i : 0);
	for (i = 1; i <= 15; i++)
		assert_int_equal(find(w, 2 * i + 1), 2 * i + 1);
	alarm(0);
	index_clear(&w->index);
	mem_free(w);
}

/* What differs in one place by as much as in another is told apart. */
static void
test_mix(void **state)
{
	uint32_t hashes[65];
	unsigned i, k, same = 0;

	(void)state;
	for (i = 0; i <= 64; i++)
		hashes[i] = mix_three((uint64_t)(i ^ 64) << 56, 0, 64 + i);
	for (i = 0; i <= 64; i++)
		for (k = 0; k < i; k++)
			same += hashes[i] == hashes[k];
	assert_true(same < 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
