/* SPDX-License-Identifier: ISC */
/* The load tool: its tables' shape, its bytes, and that it notices what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../bench/bgpload.h"

#define ROUTES 20000

static const struct load_speaker speaker = { .as = 70000,
	.next4 = { 10, 0, 0, 1 },
	.next6 = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
static const struct load_rules relayed = { .med = true };

static void
test_same_seed(void **state)
{
	struct load_table a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	load_table_make(&a, 4, 1000, 7);
	load_table_make(&b, 4, 1000, 7);
	load_table_make(&c, 4, 1000, 8);
	assert_int_equal(a.count, 1000);
	assert_int_equal(a.pool.len, b.pool.len);
	assert_memory_equal(a.pool.data, b.pool.data, a.pool.len);
	assert_memory_equal(a.routes, b.routes, 1000 * sizeof(*a.routes));
	assert_memory_not_equal(a.routes, c.routes, 1000 * sizeof(*a.routes));
	load_table_free(&a);
	load_table_free(&b);
	load_table_free(&c);
}

/* Three of five are /24, no prefix twice, and sets are shared as they are. */
static void
test_shape(void **state)
{
	struct load_table table = { 0 };
	unsigned long hops = 0, of24 = 0;

	(void)state;
	load_table_make(&table, 4, ROUTES, 1);
	load_table_make(&table, 6, 1000, 1);
	assert_int_equal(table.count, ROUTES + 1000);
	for (uint32_t i = 0; i < table.count; i++) {
		assert_int_equal(load_table_find(&table, &table.routes[i],
				     i ? i - 1 : LOAD_NONE),
		    i);
		assert_int_equal(
		    load_table_find(&table, &table.routes[i], LOAD_NONE), i);
		of24 += i < ROUTES && table.routes[i].len == 24;
		assert_int_equal(table.routes[i].family, i < ROUTES ? 4 : 6);
	}
	assert_in_range(of24, ROUTES * 57 / 100, ROUTES * 63 / 100);
	assert_in_range(table.count / table.set_count, 4, 9);
	for (uint32_t s = 0; s < table.set_count; s++)
		hops += table.pool.data[table.sets[s].path_at + 1] + 1;
	assert_in_range(10 * hops / table.set_count, 36, 46);
	load_table_free(&table);
}

/* All routes of messages, looked up; how many were as they are in the table. */
static uint32_t
hear(const struct load_table *table, const struct load_bytes *bytes,
    const struct load_rules *rules, bool gone)
{
	uint32_t good = 0;

	for (size_t at = 0, len; at < bytes->len; at += len) {
		const uint8_t *msg = bytes->data + at;
		struct load_update update;

		len = (size_t)msg[16] << 8 | msg[17];
		assert_in_range(len, LOAD_HEADER + 4, LOAD_MESSAGE);
		assert_int_equal(load_decode(msg, len, rules, &update), 0);
		for (int i = 0; i < 2; i++) {
			struct load_span *span =
			    gone ? &update.gone[i] : &update.here[i];
			struct load_route route;

			while (load_prefix(span, &route) > 0) {
				uint32_t n =
				    load_table_find(table, &route, LOAD_NONE);

				assert_int_not_equal(n, LOAD_NONE);
				n = table->routes[n].set;
				good += gone ||
					(update.hash == table->sets[n].hash &&
					    update.sender_as == speaker.as &&
					    update.repeats == 2);
			}
		}
	}
	return good;
}

static void
announce_all(const struct load_table *table, struct load_bytes *bytes)
{
	for (uint32_t s = 0; s < table->set_count; s++)
		load_announce(bytes, table, s, &speaker, 2);
}

static void
test_bytes(void **state)
{
	struct load_table table = { 0 };
	struct load_bytes bytes = { 0 }, gone = { 0 };
	uint32_t *sets;

	(void)state;
	load_table_make(&table, 4, ROUTES, 3);
	load_table_make(&table, 6, ROUTES, 3);
	load_expect(&table, &relayed);
	announce_all(&table, &bytes);
	assert_int_equal(hear(&table, &bytes, &relayed, false), 2 * ROUTES);

	sets = calloc(table.set_count, sizeof(*sets));
	for (uint32_t s = 0; s < table.set_count; s++)
		sets[s] = s;
	load_withdraw(&gone, &table, sets, table.set_count);
	assert_int_equal(hear(&table, &gone, &relayed, true), 2 * ROUTES);
	/* 800 or so in each message, whatever their attributes were. */
	assert_in_range(gone.len, 4 * ROUTES, 14 * ROUTES);
	free(sets);
	free(gone.data);
	free(bytes.data);
	load_table_free(&table);
}

/* Each bit of the attributes counts: any that is turned is seen. */
static void
test_notices(void **state)
{
	struct load_table table = { 0 };
	struct load_bytes bytes = { 0 };
	unsigned unseen = 0;

	(void)state;
	load_table_make(&table, 4, 40, 5);
	load_expect(&table, &relayed);
	load_announce(&bytes, &table, 0, &speaker, 2);
	assert_int_equal(
	    hear(&table, &bytes, &relayed, false), table.sets[0].count);
	/* From ORIGIN's value to the last AS of the path. */
	for (size_t at = LOAD_HEADER + 7;
	     at < LOAD_HEADER + 12u + table.sets[0].path_len; at++) {
		struct load_update update;
		bool wrong;

		if (at == LOAD_HEADER + 8)
			at += 4; /* AS_PATH's head */
		bytes.data[at] ^= 0x40;
		wrong = load_decode(bytes.data,
			    (size_t)bytes.data[16] << 8 | bytes.data[17],
			    &relayed, &update) < 0 ||
			update.bad_path || update.hash != table.sets[0].hash ||
			update.sender_as != speaker.as || update.repeats != 2;
		unseen += !wrong;
		bytes.data[at] ^= 0x40;
	}
	assert_int_equal(unseen, 0);
	free(bytes.data);
	load_table_free(&table);
}

/* What a daemon owes: its AS in front, MED gone, the partial bit set. */
static void
test_rules(void **state)
{
	const struct load_rules owed = { .as = 64512, .partial = true };
	const struct load_rules easy = { .as = 64512,
		.partial = true,
		.any_med = true,
		.any_partial = true };
	struct load_table table = { 0 };
	struct load_bytes attrs = { 0 }, path = { 0 }, bytes = { 0 };
	struct load_speaker daemon = speaker;
	struct load_route route = { { 192, 0, 2 }, 4, 24, 0 };
	struct load_update update;

	(void)state;
	load_append(&attrs,
	    "\x40\x01\x01\x00\x80\x04\x04\0\0\0\1\xc0\xd5\x02\x68\x69", 16);
	/* As if AS 70000 had said it to the daemon. */
	load_append(&path, "\x02\x02\x00\x01\x11\x70\x00\x00\x00\x05", 10);
	load_table_set(&table, 4, &attrs, &path);
	assert_int_equal(load_table_add(&table, &route), 0);
	assert_int_equal(load_table_add(&table, &route), -1);
	daemon.as = 64512;
	load_announce(&bytes, &table, 0, &daemon, 1);
	/* The set that was sent has AS 70000 from its sender. */
	memmove(table.pool.data + table.sets[0].path_at,
	    "\x02\x01\x00\x00\x00\x05", 6);
	table.sets[0].path_len = 6;

	load_expect(&table, &owed);
	assert_int_equal(load_decode(bytes.data, bytes.len, &owed, &update), 0);
	assert_int_equal(update.sender_as, 70000);
	assert_false(update.bad_path);
	assert_int_not_equal(update.hash, table.sets[0].hash);
	load_expect(&table, &easy);
	assert_int_equal(load_decode(bytes.data, bytes.len, &easy, &update), 0);
	assert_int_equal(update.hash, table.sets[0].hash);
	/* A daemon that forgets itself. */
	assert_int_equal(load_decode(bytes.data, bytes.len,
			     &(struct load_rules){ .as = 64513 }, &update),
	    0);
	assert_true(update.bad_path);
	free(attrs.data);
	free(path.data);
	free(bytes.data);
	load_table_free(&table);
}

/* A community more, beside others or alone, and in any order. */
static void
test_mark(void **state)
{
	const struct load_rules marked = { .med = true, .mark = 0xfc000063 };
	const char *before[] = { "\x40\x01\x01\x00",
		"\x40\x01\x01\x00\xc0\x08\x04\0\1\0\2" };
	const char *after[] = { "\x40\x01\x01\x00\xc0\x08\x04\xfc\0\0\x63",
		"\x40\x01\x01\x00\xc0\x08\x08\xfc\0\0\x63\0\1\0\2" };
	const size_t lens[] = { 4, 11, 11, 15 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct load_table table = { 0 };
		struct load_bytes attrs = { 0 }, more = { 0 }, path = { 0 };
		uint64_t owed;

		load_append(&attrs, before[i], lens[i]);
		load_append(&more, after[i], lens[2 + i]);
		load_table_set(&table, 4, &attrs, &path);
		load_table_set(&table, 4, &more, &path);
		load_expect(&table, &relayed);
		assert_int_not_equal(table.sets[0].hash, table.sets[1].hash);
		owed = table.sets[1].hash;
		load_expect(&table, &marked);
		assert_int_equal(table.sets[0].hash, owed);
		assert_int_not_equal(table.sets[1].hash, owed);
		free(attrs.data);
		free(more.data);
		free(path.data);
		load_table_free(&table);
	}
}

/* One prefix, behind an index of peers. */
static const uint8_t dump[] = {
	/* PEER_INDEX_TABLE, which says nothing here */
	0, 0, 0, 0, 0, 13, 0, 1, 0, 0, 0, 2, 0, 0,
	/* 192.0.2.0/24 of peer 0: ORIGIN, AS_PATH 5 6, NEXT_HOP, no-export */
	0, 0, 0, 0, 0, 13, 0, 2, 0, 0, 0, 49, 0, 0, 0, 0, 24, 192, 0, 2, 0, 1,
	0, 0, 0, 0, 0, 0, 0, 31, 0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0, 5,
	0, 0, 0, 6, 0x40, 3, 4, 10, 0, 0, 9, 0xc0, 8, 4, 0xff, 0xff, 0xff, 1
};

static void
test_mrt(void **state)
{
	struct load_table table = { 0 };
	const char *why;
	FILE *file;
	uint8_t raw[sizeof(dump)];

	(void)state;
	memcpy(raw, dump, sizeof(dump));
	file = fmemopen(raw, sizeof(dump), "rb");
	assert_int_equal(load_table_read(&table, file, -1, 0, &why), 0);
	fclose(file);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.routes[0].len, 24);
	assert_int_equal(table.sets[0].attrs_len, 4); /* ORIGIN alone */
	assert_int_equal(table.sets[0].path_len, 10);
	load_table_free(&table);

	file = fmemopen(raw, sizeof(dump) - 7, "rb");
	assert_int_equal(load_table_read(&table, file, -1, 0, &why), -1);
	assert_string_equal(why, "cut off");
	fclose(file);
	load_table_free(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_seed),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_mrt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
