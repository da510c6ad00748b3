/* SPDX-License-Identifier: ISC */
/* The source "directory": what it tells when files come, change and go. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>

#include "../../plugins/k8s/k8s.h"
#include "fake_host.h"

static struct guest guest = { &fake_host, NULL };
static char directory[64], path[96];
static struct source *source;

/* All that was told, by line: "+ name", "- name", "." for a batch. */
static char told[4096];
static bool synced;

static void
on_object(void *arg, struct object *object)
{
	const struct object_data *data = (const void *)object;

	(void)arg;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "+%s=%s\n",
	    object->name,
	    object->kind == OBJECT_CONFIG_MAP ? object_value(data, "v", NULL)
					      : object_kind_name(object->kind));
	object_free(object);
}

static void
on_gone(void *arg, enum object_kind kind, const char *name)
{
	(void)arg, (void)kind;
	snprintf(
	    told + strlen(told), sizeof(told) - strlen(told), "-%s\n", name);
}

static void
on_batch(void *arg, bool is_synced)
{
	(void)arg;
	synced = is_synced;
	strcat(told, ".\n");
}

static const struct source_sink sink = { on_object, on_gone, on_batch };

static void
put(const char *file, const char *name, const char *value)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: "
	    "n}\ndata: {v: %s%s%s}\n",
	    name, value[0] == '[' ? "" : "'", value,
	    value[0] == '[' ? "" : "'");
	fake_write(path, file, text);
}

static void
drop(const char *file)
{
	char name[160];

	snprintf(name, sizeof(name), "%s/%s", path, file);
	assert_int_equal(unlink(name), 0);
}

/* What is told next, and nothing more for a while. */
static void
next_is(const char *expected)
{
	fake_until(strstr(told, ".\n") != NULL);
	fake_run(150);
	assert_string_equal(told, expected);
	told[0] = '\0';
}

static void
nothing_is_told(void)
{
	fake_run(250);
	assert_string_equal(told, "");
}

static int
setup(void **unused)
{
	(void)unused;
	strcpy(directory, "/tmp/test_k8s_directory.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/d", directory);
	mkdir(path, 0755);
	told[0] = '\0';
	synced = false;
	fake_forget();
	return 0;
}

static void
start(void)
{
	const struct settings set = { .where = path };

	source = source_directory.open(&guest, &set, &sink, NULL);
}

static int
teardown(void **unused)
{
	(void)unused;
	source->kind->close(source);
	fake_remove(directory);
	return LIST_EMPTY(&fake_timers) && LIST_EMPTY(&fake_watches) ? 0 : -1;
}

static void
test_files(void **unused)
{
	(void)unused;
	put("b.yaml", "b", "1");
	put("a.yml", "a", "1");
	put("no.txt", "x", "1");
	put(".hidden.yaml", "y", "1");
	put("c.json", "z", "1"); /* not JSON: named, and nothing else lost */
	start();
	next_is("+n/a=1\n+n/b=1\n.\n");
	assert_true(synced);
	assert_non_null(strstr(fake_log, "c.json:1: "));
	assert_string_equal(source->kind->state(source), "synced");
	put("b.yaml", "b", "2");
	next_is("+n/b=2\n.\n");
	drop("a.yml");
	next_is("-n/a\n.\n");
	put("c.json", "z", "1");
	nothing_is_told();
}

/* An object that moves to another file is never gone. */
static void
test_move(void **unused)
{
	(void)unused;
	put("a.yaml", "x", "1");
	start();
	next_is("+n/x=1\n.\n");
	put("b.yaml", "x", "2");
	drop("a.yaml");
	next_is("+n/x=2\n.\n");
	put("a.yaml", "x", "3");
	drop("b.yaml");
	fake_run(300);
	assert_null(strstr(told, "-n/x"));
	assert_non_null(strstr(told, "+n/x=3\n"));
}

static void
test_twice(void **unused)
{
	(void)unused;
	put("a.yaml", "x", "a");
	put("c.yaml", "x", "c");
	put("b.yaml", "x", "b");
	start();
	fake_run(200);
	assert_non_null(strstr(told, "+n/x=c\n.\n"));
	assert_non_null(strstr(fake_log, "the one in c.yaml is taken"));
	told[0] = '\0';
	put("a.yaml", "x", "a2");
	next_is(".\n");
	drop("c.yaml");
	fake_run(200);
	assert_non_null(strstr(told, "+n/x=b\n.\n"));
	assert_null(strstr(told, "-n/x"));
	told[0] = '\0';
	drop("a.yaml");
	next_is(".\n");
	drop("b.yaml");
	next_is("-n/x\n.\n");
}

/* A bad file keeps its last version, a bad object too. */
static void
test_bad(void **unused)
{
	(void)unused;
	put("a.yaml", "a", "1");
	put("b.yaml", "b", "1");
	start();
	next_is("+n/a=1\n+n/b=1\n.\n");
	fake_write(path, "a.yaml", "apiVersion: v1\nkind: [\n");
	nothing_is_told();
	assert_non_null(strstr(fake_log, "a.yaml:3: "));
	assert_non_null(strstr(fake_log, "its last good version stays"));
	fake_forget();
	nothing_is_told();
	assert_string_equal(fake_log, ""); /* said once */
	put("a.yaml", "a", "[]");
	next_is(".\n");
	assert_non_null(strstr(fake_log, "a.yaml:1: ConfigMap n/a: v must"));
	put("a.yaml", "'?'", "1");
	next_is(".\n");
	assert_non_null(strstr(fake_log, "a.yaml:1: metadata.name must"));
	put("a.yaml", "a", "2");
	next_is("+n/a=2\n.\n");
	put("a.yaml", "c", "3");
	next_is("+n/c=3\n-n/a\n.\n");
}

/* As the kubelet swaps a ConfigMap volume: files are links through ..data. */
static void
test_volume(void **unused)
{
	char old[160], new[160], link[160];

	(void)unused;
	snprintf(old, sizeof(old), "%s/..one", path);
	snprintf(new, sizeof(new), "%s/..two", path);
	mkdir(old, 0755);
	mkdir(new, 0755);
	snprintf(link, sizeof(link), "%s/..data", path);
	assert_int_equal(symlink("..one", link), 0);
	snprintf(link, sizeof(link), "%s/a.yaml", path);
	assert_int_equal(symlink("..data/a.yaml", link), 0);
	put("..one/a.yaml", "a", "1");
	put("..two/a.yaml", "a", "2");
	start();
	next_is("+n/a=1\n.\n");
	snprintf(old, sizeof(old), "%s/..tmp", path);
	snprintf(link, sizeof(link), "%s/..data", path);
	assert_int_equal(symlink("..two", old), 0);
	assert_int_equal(rename(old, link), 0);
	next_is("+n/a=2\n.\n");
}

static void
test_appears(void **unused)
{
	char away[96];

	(void)unused;
	assert_int_equal(rmdir(path), 0);
	start();
	fake_run(100);
	assert_string_equal(told, "");
	assert_string_equal(source->kind->state(source), "missing");
	assert_int_equal(mkdir(path, 0755), 0);
	next_is(".\n");
	put("a.yaml", "a", "1");
	next_is("+n/a=1\n.\n");
	/* Away: what it held stays; another in its place: compared. */
	snprintf(away, sizeof(away), "%s/away", directory);
	assert_int_equal(rename(path, away), 0);
	nothing_is_told();
	assert_non_null(strstr(fake_log, "what it held last stays"));
	mkdir(path, 0755);
	put("a.yaml", "b", "1");
	fake_run(700);
	assert_non_null(strstr(told, "+n/b=1\n"));
	assert_non_null(strstr(told, "-n/a\n"));
}

/* Written in place and slowly: read when it has rested. */
static void
test_in_place(void **unused)
{
	char name[160];
	FILE *out;
	int i;

	(void)unused;
	put("a.yaml", "a", "1");
	start();
	next_is("+n/a=1\n.\n");
	snprintf(name, sizeof(name), "%s/a.yaml", path);
	out = fopen(name, "w");
	for (i = 0; i < 5; i++) {
		fprintf(out, "# %d\n", i);
		fflush(out);
		fake_run(20);
	}
	fputs("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, "
	      "namespace: n}, data: {v: two}}\n",
	    out);
	fclose(out);
	next_is("+n/a=two\n.\n");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_files),
		CASE(test_move),
		CASE(test_twice),
		CASE(test_bad),
		CASE(test_volume),
		CASE(test_appears),
		CASE(test_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
