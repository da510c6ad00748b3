/* SPDX-License-Identifier: ISC */
/* The objects of a big cluster: what it costs to keep them, and to tell them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "../../plugins/k8s/k8s.h"
#include "fake_state.h"

static int
setup(void **unused)
{
	(void)unused;
	return state_setup("k8s.state.objects");
}

static int64_t
cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#define MANY 10000

static struct object *many[2 * MANY];

static size_t
many_count(void *arg)
{
	(void)arg;
	return 2 * MANY;
}

static const struct object *
many_next(void *arg, enum object_kind kind, const char *after)
{
	(void)arg, (void)kind, (void)after;
	return NULL;
}

static const struct cache_owner many_owner = { many_count, many_next };

static size_t many_told;

static void
many_object(void *arg, struct object *object)
{
	(void)arg;
	many_told++;
	object_free(object);
}

static void
many_gone(void *arg, enum object_kind kind, const char *name)
{
	(void)arg, (void)kind, (void)name;
	fail();
}

#define SERVICE                                                                \
	"{\"metadata\":{\"namespace\":\"default\",\"name\":\"service-%d\","    \
	"\"uid\":\"01234567-89ab-cdef-0123-456789abcdef\","                    \
	"\"resourceVersion\":\"%d\","                                          \
	"\"creationTimestamp\":\"2026-11-25T12:00:00Z\",\"annotations\":{"     \
	"\"metallb.universe.tf/address-pool\":\"default\"}},\"spec\":{"        \
	"\"type\":\"LoadBalancer\",\"ports\":[{\"name\":\"http\","             \
	"\"port\":80,\"protocol\":\"TCP\"},{\"name\":\"https\",\"port\":443}]" \
	",\"ipFamilyPolicy\":\"SingleStack\",\"ipFamilies\":[\"IPv4\"]},"      \
	"\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.1.2.3\"}]}}}"
#define SLICE                                                                  \
	"{\"metadata\":{\"namespace\":\"default\",\"name\":\"service-%d-%d\"," \
	"\"labels\":{\"" LABEL_SERVICE "\":\"service-1\"}},\"endpoints\":[{"   \
	"\"nodeName\":\"node-1.example\"},{\"nodeName\":\"node-2.example\"}]}"

static void
many_make(void)
{
	struct fault fault;
	struct json_object *root;
	char text[1024], *key;
	int i;

	for (i = 0; i < 2 * MANY; i++) {
		snprintf(
		    text, sizeof(text), i % 2 == 0 ? SERVICE : SLICE, i, i);
		root = json_tokener_parse(text);
		many[i] =
		    object_read(i % 2 == 0 ? OBJECT_SERVICE : OBJECT_SLICE,
			root, &key, &fault);
		json_object_put(root);
		assert_non_null(many[i]);
	}
}

/* 20,000 records: printed, appended, told again. */
static void
test_time(void **unused)
{
	struct cache *c = cache_open(&guest, path, "n1", &many_owner, NULL);
	int64_t start_us, slice_us, longest_us = 0;
	struct stat st;
	int i, slices = 1;
	bool more;

	(void)unused;
	many_make();
	assert_false(cache_read(c, many_object, many_gone, NULL));
	start_us = cpu_us();
	for (i = 0; i < 2 * MANY; i++)
		cache_put(c, many[i]);
	start_us = cpu_us() - start_us;
	print_message("put: %.2f us each\n", (double)start_us / (2 * MANY));
	assert_true(start_us < 20 * 2 * MANY);
	cache_close(c);
	assert_int_equal(stat(path, &st), 0);
	c = cache_open(&guest, path, "n1", &many_owner, NULL);
	start_us = cpu_us();
	do {
		slice_us = cpu_us();
		more = cache_read(c, many_object, many_gone, NULL);
		slice_us = cpu_us() - slice_us;
		longest_us = slice_us > longest_us ? slice_us : longest_us;
		slices += more;
	} while (more);
	start_us = cpu_us() - start_us;
	print_message("read: %lld ms for %zu records, %lld bytes, in %d "
		      "slices, the longest %lld us\n",
	    (long long)start_us / 1000, many_told, (long long)st.st_size,
	    slices, (long long)longest_us);
	assert_int_equal(many_told, 2 * MANY);
	assert_true(slices > 10);
	assert_true(start_us < 2000000);
	cache_close(c);
	for (i = 0; i < 2 * MANY; i++)
		object_free(many[i]);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
