/* SPDX-License-Identifier: ISC */
/* Memory that is there, arenas that are dropped as one, slabs, sets of bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/bits.h"
#include "util/mem.h"
#include "util/slab.h"

#define MANY 100000u

static void
mem_gives_zeroes(void **state)
{
	char *p = mem_array(7, 3), *s;
	int i;

	(void)state;
	for (i = 0; i < 21; i++)
		assert_int_equal(p[i], 0);
	memset(p, 'x', 21);
	p = mem_resize(p, 1000, 3);
	assert_memory_equal(p, "xxxxxxxxxxxxxxxxxxxxx", 21);
	s = mem_string("abc");
	assert_string_equal(s, "abc");
	assert_null(mem_string(NULL));
	mem_free(s);
	mem_free(p);
	mem_free(NULL);
	p = mem_copy(NULL, 0);
	assert_non_null(p);
	mem_free(p);
	p = mem_resize(NULL, 0, 8);
	assert_non_null(p);
	mem_free(p);
}

/* Runs what must end the process in a child; its status, stderr in out. */
static int
in_child(void (*run)(void), char *out, size_t size)
{
	int fds[2], status;
	ssize_t n, len = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		run();
		_exit(77);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - 1 - (size_t)len)) > 0)
		len += n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A product that wraps is ours to see, whatever malloc does. */
static void
ask_too_much(void)
{
	mem_free(mem_resize(NULL, SIZE_MAX / 2, 16));
}

static void
out_of_memory_is_the_end(void **state)
{
	char out[1024];

	(void)state;
	assert_int_equal(in_child(ask_too_much, out, sizeof(out)), 1);
	assert_non_null(strstr(out, "out of memory"));
}

static void
arena_gives_aligned_zeroes(void **state)
{
	struct arena *arena = arena_new();
	uint8_t *p;
	size_t size, i;
	int round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (size = 0; size < 3000; size += 7) {
			p = arena_alloc(arena, size);
			assert_int_equal((uintptr_t)p % 16, 0);
			for (i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, size);
		}
		arena_reset(arena);
	}
	arena_free(arena);
	arena_free(NULL);
}

static void
arena_keeps_what_it_gave(void **state)
{
	struct arena *arena = arena_new();
	char *s, *t, *big;

	(void)state;
	s = arena_string(arena, "first");
	big = arena_alloc(arena, 1000000);
	memset(big, 'x', 1000000);
	t = arena_format(arena, "%s-%d", s, 2);
	assert_string_equal(s, "first");
	assert_string_equal(t, "first-2");
	assert_memory_equal(arena_copy(arena, "ab", 2), "ab", 2);
	assert_null(arena_string(arena, NULL));
	assert_true(arena_size(arena) > 1000000);
	arena_reset(arena);
	assert_true(arena_size(arena) < 100000);
	arena_free(arena);
}

static void
slab_ids_are_dense(void **state)
{
	struct slab slab;
	uint32_t i, id;

	(void)state;
	slab_init(&slab, 12);
	assert_null(slab_at(&slab, SLAB_NONE));
	assert_null(slab_at(&slab, 1));
	for (i = 1; i <= 3 * SLAB_BLOCK; i++) {
		id = slab_add(&slab);
		assert_int_equal(id, i);
		memcpy(slab_at(&slab, id), &id, sizeof(id));
	}
	for (i = 1; i <= 3 * SLAB_BLOCK; i++)
		assert_memory_equal(slab_at(&slab, i), &i, sizeof(i));
	slab_remove(&slab, 2000);
	slab_remove(&slab, 5);
	slab_remove(&slab, 5);
	assert_int_equal(slab.used, 3 * SLAB_BLOCK - 2);
	assert_null(slab_at(&slab, 5));
	assert_int_equal(slab_add(&slab), 5);
	assert_memory_equal(slab_at(&slab, 5), "\0\0\0\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(slab_add(&slab), 2000);
	assert_int_equal(slab_add(&slab), 3 * SLAB_BLOCK + 1);
	assert_null(slab_at(&slab, UINT32_MAX));
	slab_clear(&slab);
	assert_int_equal(slab_size(&slab), 0);
}

static void
slab_gives_memory_back(void **state)
{
	struct slab slab;
	size_t full;
	uint32_t id;

	(void)state;
	slab_init(&slab, 64);
	for (id = 1; id <= MANY; id++)
		assert_int_equal(slab_add(&slab), id);
	full = slab_size(&slab);
	assert_true(full >= (size_t)MANY * 64);
	for (id = 1; id <= MANY; id++)
		if (id != 50000)
			slab_remove(&slab, id);
	/* The block of the one that lives, and a spare. */
	assert_true(slab_size(&slab) < 3 * SLAB_BLOCK * 64);
	assert_non_null(slab_at(&slab, 50000));
	assert_int_equal(slab_next(&slab, SLAB_NONE), 50000);
	assert_int_equal(slab_next(&slab, 50000), SLAB_NONE);
	for (id = 1; id < 50000; id++)
		assert_int_equal(slab_add(&slab), id);
	assert_int_equal(slab_add(&slab), 50001);
	slab_clear(&slab);
}

static void
slab_walks_in_order(void **state)
{
	struct slab slab;
	uint32_t id, seen = 0, last = SLAB_NONE;

	(void)state;
	slab_init(&slab, 8);
	assert_int_equal(slab_next(&slab, SLAB_NONE), SLAB_NONE);
	for (id = 1; id <= 10000; id++)
		slab_add(&slab);
	for (id = 1; id <= 10000; id++)
		if (id % 3 != 0)
			slab_remove(&slab, id);
	for (id = slab_next(&slab, SLAB_NONE); id != SLAB_NONE;
	     id = slab_next(&slab, id)) {
		assert_int_equal(id % 3, 0);
		assert_true(id > last);
		last = id;
		seen++;
		slab_remove(&slab, id);
	}
	assert_int_equal(seen, 3333);
	assert_int_equal(slab.used, 0);
	slab_clear(&slab);
}

static void
bits_are_a_set(void **state)
{
	struct bits b = { 0 };

	(void)state;
	assert_false(bits_has(&b, 0));
	assert_int_equal(bits_next(&b, 0), BITS_NONE);
	assert_int_equal(bits_next_free(&b, 3), 3);
	assert_true(bits_add(&b, 64));
	assert_false(bits_add(&b, 64));
	assert_true(bits_add(&b, 1000));
	assert_int_equal(b.used, 2);
	assert_int_equal(bits_next(&b, 0), 64);
	assert_int_equal(bits_next(&b, 64), 64);
	assert_int_equal(bits_next(&b, 65), 1000);
	assert_int_equal(bits_next(&b, 1001), BITS_NONE);
	assert_int_equal(bits_next(&b, UINT32_MAX - 1), BITS_NONE);
	assert_true(bits_remove(&b, 64));
	assert_false(bits_remove(&b, 64));
	assert_false(bits_remove(&b, 4000000));
	assert_false(bits_add(&b, BITS_NONE));
	bits_clear(&b);
	assert_int_equal(b.used, 0);
	assert_false(bits_has(&b, 1000));
}

static void
bits_find_what_is_free(void **state)
{
	struct bits b = { 0 };
	uint32_t n;

	(void)state;
	for (n = 0; n < 256; n++)
		assert_true(bits_add(&b, n));
	assert_int_equal(bits_next_free(&b, 0), 256);
	bits_remove(&b, 63);
	bits_remove(&b, 128);
	assert_int_equal(bits_next_free(&b, 0), 63);
	assert_int_equal(bits_next_free(&b, 63), 63);
	assert_int_equal(bits_next_free(&b, 64), 128);
	assert_int_equal(bits_next_free(&b, 129), 256);
	bits_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mem_gives_zeroes),
		cmocka_unit_test(out_of_memory_is_the_end),
		cmocka_unit_test(arena_gives_aligned_zeroes),
		cmocka_unit_test(arena_keeps_what_it_gave),
		cmocka_unit_test(slab_ids_are_dense),
		cmocka_unit_test(slab_gives_memory_back),
		cmocka_unit_test(slab_walks_in_order),
		cmocka_unit_test(bits_are_a_set),
		cmocka_unit_test(bits_find_what_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
