/* SPDX-License-Identifier: ISC */
/* Runs that the clock cuts: who waits has its turn, and not before who has one. */

#include "../../plugins/k8s/cluster.h"
#include "fake_source.h"

/* A clock that passes a millisecond at each look, where the test wants that --------- */

static struct bgpd_host host;
static int64_t clock_ms;
static bool ticks;

static int64_t
clock_now_ms(struct bgpd_self *self)
{
	(void)self;
	clock_ms += ticks;
	return clock_ms;
}

/* A source that is read from disk: this node gives addresses ------------------------ */

static const struct source_kind source_kind;

static struct source *
source_open(struct guest *g, const struct settings *set,
    const struct source_sink *to, void *arg)
{
	(void)g, (void)set;
	return source_begin(&source_kind, to, arg);
}

static const struct source_kind source_kind = {
	.word = "fake",
	.open = source_open,
	.close = source_close,
	.state = source_state,
};

static void
tell_pool(const char *addresses)
{
	tell(OBJECT_CONFIG_MAP,
	    "{\"metadata\":{\"namespace\":\"" SPACE "\",\"name\":\"config\"},"
	    "\"data\":{\"config\":\"address-pools: [{name: main, protocol: bgp, "
	    "addresses: [%s]}]\\n\"}}",
	    addresses);
}

/* status: what it says; "": nothing. */
static void
tell_service(const char *name, const char *status)
{
	tell(OBJECT_SERVICE,
	    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"%s\",\"uid\":\"u-%s\"},"
	    "\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"port\":80}],"
	    "\"ipFamilies\":[\"IPv4\"]},\"status\":{\"loadBalancer\":{%s%s%s}}}",
	    name, name, *status == '\0' ? "" : "\"ingress\":[{\"ip\":\"",
	    status, *status == '\0' ? "" : "\"}]");
}

static void
gone(const char *name)
{
	sink->on_gone(sink_arg, OBJECT_SERVICE, name);
}

/* A daemon ---------------------------------------------------------------------------- */

static struct settings settings;
static struct cluster *cluster;

static int
setup(void **state)
{
	(void)state;
	state_setup("k8s");
	host = fake_host;
	host.now_ms = clock_now_ms;
	guest.host = &host;
	ticks = false;
	settings = (struct settings){ .source = &source_kind,
		.node = k8s_copy("n1"),
		.space = k8s_copy(SPACE),
		.config_map = k8s_copy("config"),
		.state = k8s_copy(path) };
	cluster = cluster_open(&guest, &settings);
	assert_non_null(sink);
	return 0;
}

static int
end(void **state)
{
	ticks = false;
	cluster_close(cluster);
	disk_wait();
	free(settings.node);
	free(settings.space);
	free(settings.config_map);
	free(settings.state);
	return teardown(state);
}

static bool
has(const char *name, const char *address)
{
	return strstr(fake_offered(name), address) != NULL;
}

/* Is anything to go on by itself? */
static bool
goes_on(void)
{
	struct bgpd_timer *t;

	LIST_FOREACH (t, &fake_timers, link) {
		if (t == cluster->run.timer)
			return t->due_ms != 0;
	}
	return false;
}

static void
until_rest(void)
{
	unsigned turns = 0;

	while (goes_on()) {
		assert_true(turns++ < 1000);
		fake_turn();
	}
}

/*
 * Its time was over when the address became free: nothing else will happen, and
 * who waits for it gets it all the same.
 */
static void
test_left_over(void **state)
{
	(void)state;
	tell_pool("10.0.0.1/32");
	tell_service("old", "");
	all_is_told();
	until_rest();
	tell_service("new", "");
	all_is_told();
	until_rest();
	assert_true(has("a/old", "10.0.0.1") && !has("a/new", "10.0.0.1"));
	ticks = true;
	gone("a/old");
	all_is_told();
	/* It is the story that is meant. */
	assert_false(has("a/new", "10.0.0.1"));
	assert_true(
	    TAILQ_EMPTY(&cluster->touched) && cluster->run.list == NULL);
	ticks = false;
	until_rest();
	assert_true(has("a/new", "10.0.0.1"));
}

/*
 * The same, and before its turn comes there are other pools, and a Service that
 * has an address of them: that keeps it.
 */
static void
test_new_pools(void **state)
{
	(void)state;
	tell_pool("10.0.0.1/32");
	tell_service("old", "");
	all_is_told();
	until_rest();
	tell_service("new", "");
	all_is_told();
	until_rest();
	ticks = true;
	gone("a/old");
	all_is_told();
	assert_false(has("a/new", "10.0.0.1"));
	ticks = false;
	tell_pool("10.0.0.2/32");
	tell_service("has", "10.0.0.2");
	all_is_told();
	until_rest();
	assert_true(has("a/has", "10.0.0.2"));
	assert_false(has("a/new", "10.0.0.2"));
	/* From then on they are served again. */
	gone("a/has");
	all_is_told();
	until_rest();
	assert_true(has("a/new", "10.0.0.2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_left_over, setup, end),
		cmocka_unit_test_setup_teardown(test_new_pools, setup, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
