/* SPDX-License-Identifier: ISC */
/* The objects last seen: told again, torn anywhere, renewed under way, in time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <json-c/json.h>

#include "../../plugins/k8s/k8s.h"
#include "fake_host.h"
#include "k8s_random.h"

#define MODEL_MAX 64

/* What a cluster would hold. */
struct model {
	struct object *objects[OBJECT_KINDS][MODEL_MAX];
	size_t count, told, gone;
	struct cache *cache; /* put into when told; NULL */
};

static struct guest guest = { &fake_host, NULL };
static char directory[64], path[96];

static int
setup(void **unused)
{
	(void)unused;
	strcpy(directory, "/tmp/test_k8s_cache.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/k8s.state.objects", directory);
	fake_forget();
	srand(4711);
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	fake_remove(directory);
	return LIST_EMPTY(&fake_timers) ? 0 : -1;
}

/* A model --------------------------------------------------------------------------- */

static size_t
model_count(void *arg)
{
	return ((struct model *)arg)->count;
}

static const struct object *
model_next(void *arg, enum object_kind kind, const char *after)
{
	struct model *m = arg;
	const struct object *best = NULL, *o;
	size_t i;

	for (i = 0; i < MODEL_MAX; i++) {
		o = m->objects[kind][i];
		if (o != NULL &&
		    (after == NULL || strcmp(o->name, after) > 0) &&
		    (best == NULL || strcmp(o->name, best->name) < 0))
			best = o;
	}
	return best;
}

static const struct cache_owner owner = { model_count, model_next };

static size_t
model_index(const char *name)
{
	return (size_t)atoi(strrchr(name, '-') + 1);
}

static void
model_drop(struct model *m, enum object_kind kind, size_t i)
{
	m->count -= m->objects[kind][i] != NULL;
	object_free(m->objects[kind][i]);
	m->objects[kind][i] = NULL;
}

static void
model_set(struct model *m, struct object *object)
{
	size_t i = model_index(object->name);

	assert_true(i < MODEL_MAX);
	model_drop(m, object->kind, i);
	m->objects[object->kind][i] = object;
	m->count++;
}

static void
model_clear(struct model *m)
{
	size_t i;
	int kind;

	for (kind = 0; kind < OBJECT_KINDS; kind++)
		for (i = 0; i < MODEL_MAX; i++)
			model_drop(m, (enum object_kind)kind, i);
	memset(m, 0, sizeof(*m));
}

static void
on_object(void *arg, struct object *object)
{
	struct model *m = arg;

	m->told++;
	model_set(m, object);
	if (m->cache != NULL)
		cache_put(m->cache, object);
}

static void
on_gone(void *arg, enum object_kind kind, const char *name)
{
	struct model *m = arg;

	m->gone++;
	model_drop(m, kind, model_index(name));
	if (m->cache != NULL)
		cache_remove(m->cache, kind, name);
}

static void
model_is(const struct model *a, const struct model *b)
{
	const struct object *x, *y;
	size_t i;
	int kind;

	assert_int_equal(a->count, b->count);
	for (kind = 0; kind < OBJECT_KINDS; kind++) {
		for (i = 0; i < MODEL_MAX; i++) {
			x = a->objects[kind][i];
			y = b->objects[kind][i];
			assert_int_equal(x == NULL, y == NULL);
			if (x != NULL)
				assert_true(object_equal(x, y));
		}
	}
}

static struct cache *
model_open(struct model *m)
{
	return cache_open(&guest, path, "n1", &owner, m);
}

/* Opens, and takes all that was kept. */
static struct cache *
model_read(struct model *m)
{
	struct cache *c = model_open(m);

	while (cache_read(c, on_object, on_gone, m))
		;
	return c;
}

/* A change by chance, in the model and in the cache. */
static void
model_step(struct model *m, struct cache *c)
{
	enum object_kind kind = (enum object_kind)(rand() % OBJECT_KINDS);
	size_t i = (size_t)rand() % MODEL_MAX;
	struct object *o = m->objects[kind][i];

	if (o != NULL && rand() % 3 == 0) {
		cache_remove(c, kind, o->name);
		model_drop(m, kind, i);
		return;
	}
	o = random_object(kind, (int)i);
	model_set(m, o);
	cache_put(c, o);
}

/* Tests ------------------------------------------------------------------------------- */

static void
test_again(void **unused)
{
	struct model m = { .count = 0 }, n = { .count = 0 };
	struct cache *c = model_read(&m);
	struct stat st;
	int i;

	(void)unused;
	assert_true(cache_works(c));
	for (i = 0; i < 800; i++)
		model_step(&m, c);
	cache_close(c);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	n.cache = model_open(&n);
	while (cache_read(n.cache, on_object, on_gone, &n))
		;
	model_is(&m, &n);
	cache_close(n.cache);
	/* What was put while it was told has not made it longer. */
	i = (int)st.st_size;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, i);
	model_clear(&m);
	model_clear(&n);
	assert_string_equal(fake_log, "");
}

/* Cut off at every byte: a record is there as a whole or not at all. */
static void
test_torn(void **unused)
{
	struct model m = { .count = 0 };
	struct cache *c = model_read(&m);
	static char text[65536];
	size_t len, at, records;
	FILE *file;

	(void)unused;
	for (at = 0; at < 12; at++)
		model_step(&m, c);
	cache_close(c);
	model_clear(&m);
	file = fopen(path, "r");
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	for (at = 0, records = 0; at < len; at++) {
		records += text[at] == '\n';
		file = fopen(path, "w");
		fwrite(text, 1, at + 1, file);
		fclose(file);
		c = model_read(&m);
		assert_int_equal(
		    m.told + m.gone, records == 0 ? 0 : records - 1);
		cache_close(c);
		model_clear(&m);
	}
	assert_int_equal(records, 13);
	assert_string_equal(fake_log, "");
}

/* Another node's is kept beside; nothing of it is told. */
static void
test_node(void **unused)
{
	struct model m = { .count = 0 }, n = { .count = 0 };
	struct cache *c = model_read(&m), *other;

	(void)unused;
	model_step(&m, c);
	other = model_read(&n);
	assert_non_null(strstr(fake_log, "in use by another process"));
	assert_false(cache_works(other));
	cache_close(other);
	cache_close(c);
	other = cache_open(&guest, path, "n2", &owner, &n);
	assert_non_null(strstr(fake_log, "belongs to another node"));
	while (cache_read(other, on_object, on_gone, &n))
		;
	assert_int_equal(n.told, 0);
	assert_true(cache_works(other));
	cache_close(other);
	model_clear(&m);
}

/* Lines that are none of ours: said, passed over, written anew without them. */
static void
test_odd(void **unused)
{
	static const char *const odd[] = { "x", "+ ", "+ Service", "+ Service ",
		"+ Pod {}", "+ Service {}", "+ Service {\"metadata\":", "- ",
		"- Service", "* Service a/b", "+ Service []",
		"+ ConfigMap {\"metadata\":{\"name\":\"a\"},\"data\":1}" };
	struct model m = { .count = 0 }, n = { .count = 0 };
	struct cache *c = model_read(&m);
	FILE *file;
	size_t i;

	(void)unused;
	model_step(&m, c);
	cache_close(c);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		file = fopen(path, "a");
		fprintf(file, "%s\n", odd[i]);
		fclose(file);
		fake_forget();
		c = model_read(&n);
		assert_non_null(strstr(fake_log, "cannot be read"));
		model_is(&m, &n);
		fake_run(5);
		cache_close(c);
		fake_forget();
		model_clear(&n);
		c = model_read(&n);
		model_is(&m, &n);
		assert_string_equal(fake_log, "");
		cache_close(c);
		model_clear(&n);
	}
	model_clear(&m);
}

/* Is a new one being written? */
static bool
renewal_runs(void)
{
	char new[128];

	snprintf(new, sizeof(new), "%s.new", path);
	return access(new, F_OK) == 0;
}

/* A copy of the file as it is at this moment is what was put so far. */
static void
check_killed(const struct model *m)
{
	struct model n = { .count = 0 };
	struct cache *c;
	char copy[128], command[300];

	snprintf(copy, sizeof(copy), "%s.copy", path);
	snprintf(command, sizeof(command), "cp %s %s", path, copy);
	assert_int_equal(system(command), 0);
	c = cache_open(&guest, copy, "n1", &owner, &n);
	while (cache_read(c, on_object, on_gone, &n))
		;
	model_is(m, &n);
	cache_close(c);
	model_clear(&n);
}

/* Written anew again and again, while things change between its slices. */
static void
test_renewal(void **unused)
{
	struct model m = { .count = 0 };
	struct cache *c = model_read(&m);
	unsigned during = 0, renewals = 0;
	bool runs, ran = false;
	struct stat st;
	int i;

	(void)unused;
	for (i = 0; i < 30000; i++) {
		model_step(&m, c);
		runs = renewal_runs();
		during += runs;
		renewals += ran && !runs;
		ran = runs;
		if (i % 7 == 0)
			fake_turn();
		if (i % 3000 == 0) {
			fake_run(2); /* all is flushed */
			check_killed(&m);
		}
	}
	assert_true(renewals >= 5);
	assert_true(during >= renewals);
	fake_run(5);
	check_killed(&m);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 1000000);
	cache_close(c);
	model_clear(&m);
	assert_string_equal(fake_log, "");
}

/* The disk is full for a while: said once, and all is there at the end. */
static void
test_full(void **unused)
{
	struct model m = { .count = 0 };
	struct cache *c = model_read(&m);
	struct rlimit limit, old;
	const char *said;
	int i;

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 3000;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (i = 0; i < 100; i++) {
		model_step(&m, c);
		fake_turn();
	}
	assert_false(cache_works(c));
	said = strstr(fake_log, "cannot be written");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot be"));
	setrlimit(RLIMIT_FSIZE, &old);
	for (i = 0; i < 60 && !cache_works(c); i++) {
		fake_run(100);
		model_step(&m, c);
	}
	assert_true(cache_works(c));
	fake_run(5);
	check_killed(&m);
	cache_close(c);
	model_clear(&m);
}

/* Time ----------------------------------------------------------------------------------- */

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
		CASE(test_again),
		CASE(test_torn),
		CASE(test_node),
		CASE(test_odd),
		CASE(test_renewal),
		CASE(test_full),
		CASE(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
