/* SPDX-License-Identifier: ISC */
/* The objects last seen: told again, torn anywhere, renewed under way. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../plugins/k8s/k8s.h"
#include "fake_state.h"
#include "k8s_random.h"

#define MODEL_MAX 64

/* What a cluster would hold. */
struct model {
	struct object *objects[OBJECT_KINDS][MODEL_MAX];
	size_t count, told, gone;
	struct cache *cache; /* put into when told; NULL */
};

static int
setup(void **unused)
{
	(void)unused;
	srand(4711);
	return state_setup("k8s.state.objects");
}

/* A model --------------------------------------------------------------------------- */

static size_t
model_count(void *arg)
{
	return ((struct model *)arg)->count;
}

static bool slow; /* to search, so that many slices are needed */

static const struct object *
model_next(void *arg, enum object_kind kind, const char *after)
{
	struct model *m = arg;
	const struct object *best = NULL, *o;
	size_t i;

	if (slow)
		usleep(20);
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
		fake_run(50); /* it is written anew */
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

/* A byte is another one: that record, or two, are lost, and nothing else. */
static void
test_flipped(void **unused)
{
	struct model m = { .count = 0 };
	struct cache *c = model_read(&m);
	static char text[65536];
	size_t len, at;
	char byte;
	FILE *file;
	int i;

	(void)unused;
	for (i = 0; i < 20; i++)
		model_step(&m, c);
	cache_close(c);
	model_clear(&m);
	file = fopen(path, "r");
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	for (i = 0; i < 1000; i++) {
		at = 35 + (size_t)rand() % (len - 35); /* behind the head */
		byte = text[at];
		/* The names are indices of the model. */
		if (byte >= '0' && byte <= '9')
			continue;
		text[at] = (char)rand();
		if (text[at] >= '0' && text[at] <= '9')
			text[at] = '?';
		file = fopen(path, "w");
		fwrite(text, 1, len, file);
		fclose(file);
		text[at] = byte;
		c = model_read(&m);
		assert_true(m.told + m.gone >= 18 && m.told + m.gone <= 20);
		fake_forget();
		cache_close(c);
		model_clear(&m);
	}
}

/* Killed at any moment: what is there is what was put, up to some point. */
static void
test_kill(void **unused)
{
	struct model m = { .count = 0 }, n = { .count = 0 };
	struct cache *c;
	int round, i, status;
	size_t records;
	pid_t pid;

	(void)unused;
	for (round = 0; round < 20; round++) {
		unlink(path);
		srand((unsigned)round);
		pid = fork();
		if (pid == 0) {
			c = model_read(&m);
			for (i = 0; i < 1000; i++) {
				model_step(&m, c);
				if (i % 5 == 0)
					fake_turn();
			}
			pause();
		}
		usleep((useconds_t)round * 500);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		c = model_read(&n);
		records = n.told + n.gone;
		assert_string_equal(fake_log, "");
		cache_close(c);
		/* The same steps again, as many as are there. */
		c = cache_open(&guest, "/dev/null", "n1", &owner, &m);
		fake_forget();
		srand((unsigned)round);
		while (records-- > 0)
			model_step(&m, c);
		model_is(&m, &n);
		cache_close(c);
		model_clear(&m);
		model_clear(&n);
	}
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
	int i, k;

	(void)unused;
	slow = true;
	for (i = 0; i < 8000; i++) {
		model_step(&m, c);
		runs = renewal_runs();
		during += runs;
		renewals += ran && !runs;
		ran = runs;
		if (i % 7 == 0) {
			fake_turn(); /* flushes */
			fake_turn(); /* a slice */
		}
		if (i % 200 == 0) {
			for (k = 0; k < 6; k++)
				fake_turn(); /* whatever else is due */
			check_killed(&m);
		}
	}
	slow = false;
	assert_true(renewals >= 3);
	assert_true(during >= 30 * renewals);
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
	for (i = 0; i < 100 && !cache_works(c); i++) {
		fake_run(100);
		model_step(&m, c);
	}
	assert_true(cache_works(c));
	fake_run(5);
	check_killed(&m);
	cache_close(c);
	model_clear(&m);
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
		CASE(test_flipped),
		CASE(test_kill),
		CASE(test_renewal),
		CASE(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
