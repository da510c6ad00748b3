/* SPDX-License-Identifier: ISC */
/* Who waits for an address is tried when it may get one, and nobody else is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/pools.h"

static struct config_pool pools[] = {
	{ .name = (char *)"a", .auto_assign = true },
	{ .name = (char *)"b", .auto_assign = false },
};

static struct bgpd_addr
addr_must(const char *text)
{
	struct bgpd_addr addr;

	assert_true(tree_addr(text, &addr));
	return addr;
}

static void
add(struct waiters *w, const char *service, const char *pool,
    const char *sharing, uint8_t family)
{
	struct alloc_claim claim = { .service = service,
		.pool = pool,
		.sharing = sharing,
		.family = family };

	waiters_add(w, &claim, NULL);
}

static void
add_port(
    struct waiters *w, const char *service, const char *sharing, uint16_t port)
{
	struct object_port ports[1] = { { port, PROTOCOL_TCP, 0 } };
	struct alloc_claim claim = { .service = service,
		.sharing = sharing,
		.ports = ports,
		.port_count = 1 };

	waiters_add(w, &claim, NULL);
}

static void
add_for(struct waiters *w, const char *service, const char *addr)
{
	struct alloc_claim claim = { .service = service };
	struct bgpd_addr a = addr_must(addr);

	waiters_add(w, &claim, &a);
}

static void
wake(struct waiters *w, const char *addr, const struct config_pool *pool)
{
	struct bgpd_addr a = addr_must(addr);

	waiters_wake(w, &a, pool, "", "");
}

static void
next_must(struct waiters *w, const char *service)
{
	const char *next = waiters_next(w);

	if (service == NULL)
		assert_null(next);
	else
		assert_string_equal(next == NULL ? "nobody" : next, service);
}

/* An exclusive address: one gets it, the next fails for all that are alike. */
static void
test_one_each(void **state)
{
	struct waiters *w = waiters_new();

	(void)state;
	add(w, "n/1", NULL, NULL, 0);
	add(w, "n/2", NULL, NULL, 0);
	add(w, "n/3", NULL, NULL, 0);
	next_must(w, NULL);
	wake(w, "10.0.0.1", &pools[0]);
	assert_true(waiters_is_open(w));
	next_must(w, "n/1");
	waiters_remove(w, "n/1");
	next_must(w, "n/2");
	assert_true(waiters_is_open(w));
	add(w, "n/2", NULL, NULL, 0);
	assert_false(waiters_is_open(w));
	next_must(w, NULL);
	/* It kept its place. */
	wake(w, "10.0.0.1", &pools[0]);
	next_must(w, "n/2");
	waiters_remove(w, "n/2");
	next_must(w, "n/3");
	waiters_remove(w, "n/3");
	next_must(w, NULL);
	waiters_free(w);
}

static void
test_who_is_concerned(void **state)
{
	struct waiters *w = waiters_new();

	(void)state;
	add(w, "n/any", NULL, NULL, 0);
	add(w, "n/six", NULL, NULL, 6);
	add(w, "n/b", "b", NULL, 0);
	add_for(w, "n/exact", "10.0.0.7");
	wake(w, "10.0.0.1", &pools[1]);
	next_must(w, "n/b");
	add(w, "n/b", "b", NULL, 0);
	next_must(w, NULL);
	wake(w, "2001:db8::1", &pools[1]);
	next_must(w, "n/b");
	next_must(w, NULL);
	wake(w, "10.0.0.7", NULL); /* in no pool any more */
	next_must(w, "n/exact");
	next_must(w, NULL);
	wake(w, "10.0.0.8", &pools[0]);
	next_must(w, "n/any");
	next_must(w, NULL);
	wake(w, "2001:db8::1", &pools[0]);
	assert_non_null(waiters_next(w));
	assert_non_null(waiters_next(w));
	next_must(w, NULL);
	waiters_free(w);
}

/* Who shares is alike in keys and ports: the first of them fails for all. */
static void
test_sharing_by_ports(void **state)
{
	struct waiters *w = waiters_new();

	(void)state;
	add_port(w, "n/1", "key", 80);
	add_port(w, "n/2", "key", 80);
	add_port(w, "n/3", "key", 443);
	add_port(w, "n/4", "key", 80);
	wake(w, "10.0.0.1", &pools[0]);
	next_must(w, "n/1");
	waiters_remove(w, "n/1");
	next_must(w, "n/2");
	add_port(w, "n/2", "key", 80);
	next_must(w, "n/3");
	waiters_remove(w, "n/3");
	next_must(w, NULL);
	waiters_free(w);
}

/* Where others use the address, those with their keys alone are tried. */
static void
test_keys_of_others(void **state)
{
	struct bgpd_addr addr = addr_must("10.0.0.1");
	struct alloc_claim exact = { .service = "n/e", .sharing = "key" };
	struct waiters *w = waiters_new();

	(void)state;
	add(w, "n/none", NULL, NULL, 0);
	add(w, "n/other", NULL, "other", 0);
	add_for(w, "n/exact", "10.0.0.1");
	waiters_add(w, &exact, &addr);
	add_port(w, "n/key", "key", 80);
	waiters_wake(w, &addr, &pools[0], "key", "");
	next_must(w, "n/e");
	next_must(w, "n/key");
	next_must(w, NULL);
	waiters_wake(w, &addr, &pools[0], "key", "app=x");
	next_must(w, NULL);
	/* Free for all: who waits longest is first. */
	waiters_wake(w, &addr, &pools[0], "", "");
	next_must(w, "n/none");
	next_must(w, "n/other");
	next_must(w, "n/exact");
	next_must(w, "n/e");
	next_must(w, "n/key");
	next_must(w, NULL);
	waiters_free(w);
}

/* Who needs both families fails for others of the kind, not for who takes one. */
static void
test_both(void **state)
{
	struct alloc_claim both = { .service = "n/1", .both = true };
	struct waiters *w = waiters_new();

	(void)state;
	waiters_add(w, &both, NULL);
	add(w, "n/2", NULL, NULL, 0);
	wake(w, "10.0.0.1", &pools[0]);
	next_must(w, "n/1");
	waiters_add(w, &both, NULL);
	next_must(w, "n/2");
	next_must(w, NULL);
	waiters_free(w);
}

/* A wake in the middle of a turn begins it anew; a removal is no matter. */
static void
test_change_in_a_turn(void **state)
{
	struct waiters *w = waiters_new();

	(void)state;
	add_for(w, "n/1", "10.0.0.1");
	add_for(w, "n/2", "10.0.0.1");
	add_for(w, "n/3", "10.0.0.1");
	wake(w, "10.0.0.1", &pools[0]);
	next_must(w, "n/1");
	waiters_remove(w, "n/2");
	next_must(w, "n/3");
	wake(w, "10.0.0.1", &pools[0]);
	next_must(w, "n/1");
	waiters_remove(w, "n/1");
	waiters_remove(w, "n/3");
	next_must(w, NULL);
	/* Waits for something else now: not woken by what it left. */
	add_for(w, "n/4", "10.0.0.1");
	add_for(w, "n/4", "10.0.0.2");
	wake(w, "10.0.0.1", &pools[0]);
	next_must(w, NULL);
	wake(w, "10.0.0.2", &pools[0]);
	next_must(w, "n/4");
	next_must(w, NULL);
	waiters_free(w);
}

/* Ten thousand wait: one address wakes one or two of them. */
static void
test_many_wait(void **state)
{
	struct waiters *w = waiters_new();
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n/%05d", i);
		add(w, name, NULL, NULL, 0);
	}
	for (i = 0; i < 9999; i++) {
		wake(w, "10.0.0.1", &pools[0]);
		snprintf(name, sizeof(name), "n/%05d", i);
		next_must(w, name);
		waiters_remove(w, name);
		snprintf(name, sizeof(name), "n/%05d", i + 1);
		next_must(w, name);
		add(w, name, NULL, NULL, 0);
		next_must(w, NULL);
	}
	waiters_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_each),
		cmocka_unit_test(test_who_is_concerned),
		cmocka_unit_test(test_sharing_by_ports),
		cmocka_unit_test(test_keys_of_others),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_change_in_a_turn),
		cmocka_unit_test(test_many_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
