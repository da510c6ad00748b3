/* SPDX-License-Identifier: ISC */
/* What is written of a Service where nobody knows what became of the last write. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "elector.h"
#include "../../plugins/k8s/publish.h"

#define SPACE  "metallb-system"
#define STATUS "/api/v1/namespaces/a/services/web/status?fieldManager=fairway"

static struct bgpd_self self;
static struct bgpd_host host;
static struct guest guest = { &host, &self };
static struct api api;
static struct settings settings;
static struct config config;
static struct cluster c;
static struct source source;
static char state_path[64];

/* A daemon that leads ----------------------------------------------------------------- */

static struct bgpd_metric *
no_metric(struct bgpd_self *me, int kind, const char *name, const char *help,
    const char *const *labels)
{
	(void)me, (void)kind, (void)name, (void)help, (void)labels;
	return NULL;
}

static void
no_metric_add(struct bgpd_metric *metric, double value)
{
	(void)metric, (void)value;
}

static void
no_metric_free(struct bgpd_metric *metric)
{
	(void)metric;
}

static void
on_refresh(struct source *s)
{
	(void)s;
}

static bool
is_fresh(const struct source *s)
{
	(void)s;
	return true;
}

static const struct source_kind source_kind = {
	.word = "fake", .refresh = on_refresh, .is_fresh = is_fresh
};

static struct api_call *
the_call(const char *method, const char *path)
{
	fake_advance(0);
	assert_int_equal(fake_under_way(), 1);
	assert_string_equal(fake_call()->request.method, method);
	assert_string_equal(fake_call()->request.path, path);
	return fake_call();
}

/* Everything but statuses is answered as it should be. */
static void
answer_others(void)
{
	struct api_call *call, *next;

	fake_advance(0);
	TAILQ_FOREACH_SAFE (call, &fake_calls, link, next) {
		if (strstr(call->request.path, "/leases") != NULL)
			fake_answer(call, 404, NULL);
		else if (strcmp(call->request.path, STATUS) != 0)
			fake_answer(call, 201, NULL);
	}
}

static void
lead(void)
{
	publisher_compete(c.publisher);
	fake_advance(0);
	fake_answer(fake_call(), 404, NULL);
	fake_advance(0);
	assert_string_equal(fake_call()->request.method, "POST");
	fake_answer(fake_call(), 201, fake_call()->request.body);
	publisher_look(c.publisher);
	assert_true(publisher_leads(c.publisher));
}

static int
setup(void **state)
{
	int fd;

	(void)state;
	strcpy(state_path, "/tmp/test_k8s_publish.XXXXXX");
	fd = mkstemp(state_path);
	close(fd);
	host = fake_host;
	host.metric = no_metric;
	host.metric_add = no_metric_add;
	host.metric_free = no_metric_free;
	memset(&c, 0, sizeof(c));
	settings = (struct settings){ .node = k8s_copy("one"),
		.space = k8s_copy(SPACE),
		.config_map = k8s_copy("config"),
		.state = state_path };
	source.kind = &source_kind;
	c.guest = &guest;
	c.settings = &settings;
	c.config = &config;
	c.source = &source;
	c.stage = STAGE_EMPTY; /* nothing is decided here but by the test */
	cluster_init(&c);
	c.alloc = alloc_new();
	c.publisher = publisher_new(&c, &api);
	lead();
	return 0;
}

static int
teardown(void **state)
{
	char *identity = k8s_print("%s.identity", state_path);

	(void)state;
	publisher_free(c.publisher);
	while (!cluster_clear(&c, 100))
		;
	alloc_free(c.alloc);
	free(settings.node);
	free(settings.space);
	free(settings.config_map);
	unlink(state_path);
	unlink(identity);
	free(identity);
	fake_forget();
	return LIST_EMPTY(&fake_timers) ? 0 : -1;
}

/* A Service, and what is decided of it ------------------------------------------------- */

static struct service *
service_make(void)
{
	struct json_object *root = json_tokener_parse(
	    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"web\",\"uid\":\"u\","
	    "\"resourceVersion\":\"7\"},\"spec\":{\"type\":\"LoadBalancer\","
	    "\"ports\":[{\"port\":80}]},\"status\":{\"loadBalancer\":{}}}");
	struct fault fault;
	char *key;

	cluster_take(&c, object_read(OBJECT_SERVICE, root, &key, &fault));
	json_object_put(root);
	return cluster_find(&c, "a/web");
}

static void
decide(struct service *s, const char *address)
{
	assert_true(tree_addr(address, &s->addresses[0]));
	s->address_count = 1;
	/* As a run does it. */
	if (s->touched)
		TAILQ_REMOVE(&c.touched, s, touch);
	s->touched = false;
	publish_service(&c, s, true);
}

static void
patch(const char *address)
{
	assert_non_null(
	    strstr(the_call("PATCH", STATUS)->request.body, address));
}

static void
until_patch(void)
{
	int64_t from_ms = fake_ms;

	for (answer_others(); fake_under_way() == 0; fake_advance(1)) {
		assert_true(fake_ms - from_ms < 60000);
		answer_others();
	}
}

/*
 * A write has no answer, and may come through yet: what was decided meanwhile is
 * what the status says already, and is written all the same.
 */
static void
test_unsure(void **state)
{
	struct service *s = service_make();

	(void)state;
	decide(s, "10.0.0.1");
	patch("10.0.0.1");
	fake_answer(fake_call(), 200, NULL);
	answer_others();
	decide(s, "10.0.0.1");
	answer_others();
	assert_int_equal(fake_under_way(), 0); /* it says so */
	decide(s, "10.0.0.2");
	patch("10.0.0.2");
	fake_answer(fake_call(), 0, NULL);
	assert_true(s->unsure);
	decide(s, "10.0.0.1");
	until_patch();
	patch("10.0.0.1");
	fake_answer(fake_call(), 200, NULL);
	assert_false(s->unsure);
	decide(s, "10.0.0.1");
	answer_others();
	assert_int_equal(fake_under_way(), 0);
}

/* Another version came: it says what became of the write, and none is forced. */
static void
test_sure_again(void **state)
{
	struct service *s = service_make();

	(void)state;
	decide(s, "10.0.0.1");
	patch("10.0.0.1");
	fake_answer(fake_call(), 200, NULL);
	answer_others();
	decide(s, "10.0.0.2");
	patch("10.0.0.2");
	fake_answer(fake_call(), 500, NULL);
	assert_true(s->unsure);
	strcpy(s->object->version, "6"); /* that was then */
	service_make();
	assert_false(s->unsure);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unsure, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_sure_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
