/* SPDX-License-Identifier: ISC */
/* The toolbox: texts that may be NULL, marks, trees of names, plain files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>

#include "../../plugins/k8s/kit.h"
#include "fake_host.h"

static void
test_texts(void **state)
{
	char *text = k8s_print("%s=%.*s", "a", 2, "bcd");

	(void)state;
	assert_string_equal(text, "a=bc");
	free(text);
	text = k8s_join("a", "b");
	assert_string_equal(text, "a/b");
	free(text);
	assert_null(k8s_copy(NULL));
	assert_true(k8s_equal(NULL, NULL));
	assert_true(k8s_equal("", ""));
	assert_false(k8s_equal(NULL, ""));
	assert_false(k8s_equal("", NULL));
	assert_false(k8s_equal("a", "b"));
}

/* The vectors of draft-eastlake-fnv. */
static void
test_hash(void **state)
{
	const uint64_t start = UINT64_C(0xcbf29ce484222325);

	(void)state;
	assert_true(k8s_hash(start, "", 0) == start);
	assert_true(k8s_hash(start, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(
	    k8s_hash(start, "foobar", 6) == UINT64_C(0x85944171f73967e8));
	assert_true(k8s_hash(k8s_hash(start, "foo", 3), "bar", 3) ==
		    UINT64_C(0x85944171f73967e8));
}

struct item {
	RB_ENTRY(item) link;
	struct {
		char name[8];
	} inner;
};
RB_HEAD(items, item);
K8S_TREE_OF_NAMES(items, item, inner.name)

static void
test_names(void **state)
{
	static struct item items[100];
	struct items tree = RB_INITIALIZER(&tree);
	struct item *item, *last = NULL;
	size_t i, count = 0;

	(void)state;
	assert_null(items_find(&tree, "0"));
	for (i = 0; i < 100; i++) {
		snprintf(items[i].inner.name, sizeof(items[i].inner.name),
		    "%zu", i * 37 % 100);
		assert_null(items_find(&tree, items[i].inner.name));
		RB_INSERT(items, &tree, &items[i]);
	}
	for (i = 0; i < 100; i++)
		assert_ptr_equal(
		    items_find(&tree, items[i].inner.name), &items[i]);
	assert_null(items_find(&tree, ""));
	assert_null(items_find(&tree, "100"));
	RB_FOREACH (item, items, &tree) {
		if (last != NULL)
			assert_true(
			    strcmp(last->inner.name, item->inner.name) < 0);
		last = item;
		count++;
	}
	assert_int_equal(count, 100);
}

static void
test_parse(void **state)
{
	static const char *const rows[] = { "", "null", "[1]", "\"x\"",
		"{\"a\":", "x" };
	struct json_object *root = tree_parse("{\"a\":1}}", 7);
	size_t i;

	(void)state;
	assert_int_equal(
	    json_object_get_int(json_object_object_get(root, "a")), 1);
	json_object_put(root);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_null(tree_parse(rows[i], strlen(rows[i])));
}

static void
test_files(void **state)
{
	char directory[] = "/tmp/test_k8s_kit.XXXXXX", path[64], *text;
	struct stat st = { 0 }, then;
	size_t len = 1;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a", directory);
	assert_null(k8s_file_read(AT_FDCWD, path, 9, &st, &len));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(len, 0);
	assert_int_equal(st.st_ino, 0);
	fake_write(directory, "a", "some text");
	text = k8s_file_read(AT_FDCWD, path, 9, &st, &len);
	assert_string_equal(text, "some text");
	assert_int_equal(len, 9);
	assert_int_equal(st.st_size, 9);
	free(text);
	/* Too long, no file: what it is is told though. */
	memset(&then, 0, sizeof(then));
	assert_null(k8s_file_read(AT_FDCWD, path, 8, &then, &len));
	assert_int_equal(errno, EFBIG);
	assert_false(k8s_file_differs(&st, &then));
	assert_null(k8s_file_read(AT_FDCWD, directory, 8, &then, &len));
	assert_int_equal(errno, EINVAL);
	assert_true(k8s_file_differs(&st, &then));
	/* The same text in another file. */
	fake_write(directory, "a", "some text");
	assert_int_equal(stat(path, &then), 0);
	assert_true(k8s_file_differs(&st, &then));
	fake_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
