/* SPDX-License-Identifier: ISC */
/* The hash table: collisions, growth, walks with removal, spread of the hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/table.h"

#define MANY 50000u

struct thing {
	struct table_link link;
	uint32_t key;
	unsigned seen;
};

static bool
thing_equal(const struct table_link *object, const void *key)
{
	const struct thing *thing = (const struct thing *)object;

	return thing->key == *(const uint32_t *)key;
}

static struct thing *
thing_find(const struct table *t, uint32_t hash, uint32_t key)
{
	return (struct thing *)table_find(t, hash, &key);
}

static void
finds_among_collisions(void **state)
{
	struct table t = { .equal = thing_equal };
	struct thing things[100] = { 0 };
	uint32_t i;

	(void)state;
	assert_null(thing_find(&t, 42, 0));
	for (i = 0; i < 100; i++) {
		things[i].key = i;
		table_add(&t, &things[i].link, 42);
	}
	for (i = 0; i < 100; i++)
		assert_ptr_equal(thing_find(&t, 42, i), &things[i]);
	assert_null(thing_find(&t, 42, 100));
	assert_null(thing_find(&t, 43, 1));
	for (i = 0; i < 100; i += 2)
		table_remove(&t, &things[i].link);
	/* Removing what is not there changes nothing. */
	table_remove(&t, &things[0].link);
	assert_int_equal(t.used, 50);
	for (i = 0; i < 100; i++)
		assert_ptr_equal(
		    thing_find(&t, 42, i), i % 2 == 1 ? &things[i] : NULL);
	table_clear(&t);
	assert_null(thing_find(&t, 42, 1));
}

static void
grows_and_shrinks(void **state)
{
	struct table t = { .equal = thing_equal };
	struct thing *things = mem_array(MANY, sizeof(*things));
	uint32_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		things[i].key = i;
		table_add(&t, &things[i].link, table_hash(&i, sizeof(i)));
	}
	assert_true(t.slot_count >= MANY / 2 && t.slot_count <= 2 * MANY);
	for (i = 0; i < MANY; i++)
		assert_ptr_equal(
		    thing_find(&t, table_hash(&i, sizeof(i)), i), &things[i]);
	for (i = 1; i < MANY; i++)
		table_remove(&t, &things[i].link);
	for (i = 1; i < 100; i++)
		table_add(&t, &things[i].link, table_hash(&i, sizeof(i)));
	assert_true(t.slot_count < 4096);
	for (i = 0; i < 200; i++)
		assert_ptr_equal(thing_find(&t, table_hash(&i, sizeof(i)), i),
		    i < 100 ? &things[i] : NULL);
	table_clear(&t);
	mem_free(things);
}

static void
walks_with_removal(void **state)
{
	struct table t = { .equal = thing_equal };
	struct thing things[1000] = { 0 };
	struct table_link *link;
	uint32_t i, hash;

	(void)state;
	assert_null(table_next(&t, NULL));
	for (i = 0; i < 1000; i++) {
		things[i].key = i;
		/* Chains of every length, among them one long one. */
		hash = i < 300 ? 7 : i;
		table_add(&t, &things[i].link, hash);
	}
	for (link = table_next(&t, NULL); link != NULL;
	     link = table_next(&t, link)) {
		((struct thing *)link)->seen++;
		if (((struct thing *)link)->key % 3 == 0)
			table_remove(&t, link);
	}
	for (link = table_next(&t, NULL); link != NULL;
	     link = table_next(&t, link))
		((struct thing *)link)->seen++;
	for (i = 0; i < 1000; i++)
		assert_int_equal(things[i].seen, i % 3 == 0 ? 1 : 2);
	assert_int_equal(t.used, 666);
	table_clear(&t);
}

static void
drains_while_it_walks(void **state)
{
	struct table t = { .equal = thing_equal };
	struct table_link *link, *next;
	struct thing *thing;
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		thing = mem_alloc(sizeof(*thing));
		thing->key = i;
		table_add(&t, &thing->link, table_hash(&i, sizeof(i)));
	}
	for (link = table_next(&t, NULL); link != NULL; link = next) {
		table_remove(&t, link);
		next = table_next(&t, link);
		mem_free(link);
	}
	assert_int_equal(t.used, 0);
	table_clear(&t);
}

/* Dense keys, as prefixes are, fill the slots as chance would: no long chain. */
static void
hash_spreads(void **state)
{
	static unsigned slots[65536];
	uint8_t key[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	unsigned max = 0;
	uint32_t i, hash;

	(void)state;
	for (i = 0; i < 65536; i++) {
		key[6] = (uint8_t)(i >> 8);
		key[7] = (uint8_t)i;
		hash = table_hash(key, sizeof(key)) & 65535;
		if (++slots[hash] > max)
			max = slots[hash];
	}
	/* The expected maximum is 8; 16 has a chance of one in 10^8. */
	assert_in_range(max, 4, 16);
}

static void
hash_sees_every_byte(void **state)
{
	uint8_t key[64] = { 0 };
	uint32_t before;
	size_t len, i;

	(void)state;
	for (len = 1; len <= sizeof(key); len++) {
		before = table_hash(key, len);
		assert_int_equal(table_hash(key, len), before);
		assert_int_not_equal(table_hash(key, len - 1), before);
		for (i = 0; i < len; i++) {
			key[i] ^= 0x80;
			assert_int_not_equal(table_hash(key, len), before);
			key[i] ^= 0x80;
		}
	}
	assert_int_equal(table_hash_string("abc"), table_hash("abcd", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_among_collisions),
		cmocka_unit_test(grows_and_shrinks),
		cmocka_unit_test(walks_with_removal),
		cmocka_unit_test(drains_while_it_walks),
		cmocka_unit_test(hash_spreads),
		cmocka_unit_test(hash_sees_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
