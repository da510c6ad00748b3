/* SPDX-License-Identifier: ISC */
/* The life of a cluster: who is a candidate before all is known; its end. */

#include "../../plugins/k8s/cluster.h"
#include "../../plugins/k8s/statefile.h"
#include "fake_source.h"

#define SEVERAL 5000  /* objects of each kind */
#define MOST_US 10000 /* of a turn */

/* A source that is away, and lists nodes when they are wanted -------------------- */

static bool nodes_wanted, nodes_told;

static const struct source_kind fake_source_kind;

static struct source *
source_open(struct guest *g, const struct settings *set,
    const struct source_sink *to, void *arg)
{
	(void)g, (void)set;
	nodes_wanted = nodes_told = false;
	return source_begin(&fake_source_kind, to, arg);
}

/* It may be away, and nothing is written back. */
static struct api *
source_api_of(struct source *s)
{
	(void)s;
	return NULL;
}

static void
source_watch(struct source *s, enum object_kind kind)
{
	(void)s, (void)kind;
}

static void
source_know(struct source *s, enum object_kind kind, const char *name)
{
	(void)s, (void)kind, (void)name;
}

static void
source_want_nodes(struct source *s)
{
	(void)s;
	nodes_wanted = true;
}

static bool
source_has_nodes(const struct source *s)
{
	(void)s;
	return nodes_wanted && nodes_told;
}

static const struct source_kind fake_source_kind = {
	.word = "fake",
	.open = source_open,
	.close = source_close,
	.state = source_state,
	.api = source_api_of,
	.watch = source_watch,
	.know = source_know,
	.want_nodes = source_want_nodes,
	.has_nodes = source_has_nodes,
};

/* What it tells ------------------------------------------------------------------ */

static void
tell_config(const char *protocol)
{
	tell(OBJECT_CONFIG_MAP,
	    "{\"metadata\":{\"namespace\":\"" SPACE "\",\"name\":\"config\"},"
	    "\"data\":{\"config\":\"peers: [{peer-address: 10.0.0.1, peer-asn: "
	    "64512, my-asn: 64512, node-selectors: [{match-labels: {rack: "
	    "a}}]}]\\naddress-pools: [{name: main, protocol: %s, addresses: "
	    "[198.51.100.0/24, 10.64.0.0/16]}]\\n\"}}",
	    protocol);
}

static void
tell_node(const char *name, const char *rack)
{
	tell(OBJECT_NODE,
	    "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"rack\":\"%s\"}}}",
	    name, rack);
}

static void
tell_service(const char *name, const char *address)
{
	tell(OBJECT_SERVICE,
	    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"%s\",\"uid\":\"u\","
	    "\"resourceVersion\":\"1\"},\"spec\":{\"type\":\"LoadBalancer\","
	    "\"ports\":[{\"port\":80}],\"ipFamilies\":[\"IPv4\"]},\"status\":{"
	    "\"loadBalancer\":{\"ingress\":[{\"ip\":\"%s\"}]}}}",
	    name, address);
	tell(OBJECT_SLICE,
	    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"%s-x\",\"labels\":{"
	    "\"kubernetes.io/service-name\":\"%s\"}},\"endpoints\":[{"
	    "\"nodeName\":\"n2\"}]}",
	    name, name);
}

/* A daemon ------------------------------------------------------------------------ */

static struct settings settings;
static struct cluster *cluster;

static void
start(void)
{
	settings = (struct settings){ .source = &fake_source_kind,
		.node = k8s_copy("n1"),
		.space = k8s_copy(SPACE),
		.config_map = k8s_copy("config"),
		.state = k8s_copy(path) };
	cluster = cluster_open(&guest, &settings);
	fake_until(sink != NULL);
}

static void
settings_drop(void)
{
	free(settings.node);
	free(settings.space);
	free(settings.config_map);
	free(settings.state);
}

static void
stop(void)
{
	cluster_close(cluster);
	disk_wait();
	settings_drop();
}

static void
start_with(const char *protocol)
{
	start();
	tell_config(protocol);
	tell_node("n1", "a");
	tell_service("web", "198.51.100.7");
	all_is_told();
}

static int
setup(void **state)
{
	(void)state;
	return state_setup("k8s");
}

static bool
is_told(const char *text)
{
	return strcmp(fake_offered("a/web"), text) == 0;
}

/* Time passes, and no more of what is read comes. */
static void
wait_in_vain(void)
{
	struct bgpd_timer *t;

	LIST_FOREACH (t, &fake_timers, link) {
		if (t->due_ms != 0)
			t->due_ms = fake_now_ms(NULL);
	}
}

#define MAIN "main | 198.51.100.7 layer2"
#define UNKNOWN                                                                \
	MAIN " nodesUnknown: the list of Nodes was not read yet, and another " \
	     "one may carry it"

/* Candidates ----------------------------------------------------------------------- */

/* From the first pool of layer 2 on all Nodes are read, and waited for. */
static void
test_nodes_first(void **state)
{
	(void)state;
	start_with("bgp");
	fake_until(is_told("main | 198.51.100.7 bgp /32 lp 0 here"));
	assert_false(nodes_wanted);
	tell_config("layer2");
	all_is_told();
	assert_true(nodes_wanted);
	fake_until(is_told(UNKNOWN));
	tell_node("n2", "a");
	tell_node("n3", "a");
	all_is_told();
	assert_true(is_told(UNKNOWN));
	nodes_told = true;
	all_is_told();
	fake_until(is_told(MAIN " n1 n2 n3 here"));
	stop();
}

/* Begun with it: what is in the list so far is not told as all there is. */
static void
test_nodes_in_part(void **state)
{
	(void)state;
	start_with("layer2");
	fake_until(is_told(UNKNOWN));
	nodes_told = true;
	tell_node("n2", "a");
	all_is_told();
	fake_until(is_told(MAIN " n1 n2 here"));
	stop();
}

/* After a restart the list of before is waited upon, and then counts. */
static void
test_nodes_of_before(void **state)
{
	(void)state;
	start_with("layer2");
	nodes_told = true;
	tell_node("n2", "a");
	all_is_told();
	fake_until(is_told(MAIN " n1 n2 here"));
	stop();
	start();
	assert_true(nodes_wanted);
	fake_until(is_told(UNKNOWN));
	wait_in_vain();
	fake_until(is_told(MAIN " n1 n2 here"));
	/* What is read then takes its place. */
	nodes_told = true;
	tell_node("n3", "a");
	all_is_told();
	fake_until(is_told(MAIN " n1 n2 n3 here"));
	stop();
}

/* One that was not known to be whole never counts. */
static void
test_nodes_of_before_in_part(void **state)
{
	(void)state;
	start_with("layer2");
	fake_until(is_told(UNKNOWN));
	stop();
	start();
	fake_until(is_told(UNKNOWN));
	wait_in_vain();
	fake_turn();
	fake_turn();
	assert_true(is_told(UNKNOWN));
	stop();
	/* Nor one from before this node alone was looked for. */
	start_with("layer2");
	nodes_told = true;
	tell_node("n2", "a");
	all_is_told();
	fake_until(is_told(MAIN " n1 n2 here"));
	tell_config("bgp");
	all_is_told();
	stop();
	start_with("bgp");
	assert_false(nodes_wanted);
	sink->on_gone(sink_arg, OBJECT_NODE, "n2");
	tell_config("layer2");
	all_is_told();
	fake_until(is_told(UNKNOWN));
	stop();
	start();
	fake_until(is_told(UNKNOWN));
	wait_in_vain();
	fake_turn();
	fake_turn();
	assert_true(is_told(UNKNOWN));
	stop();
}

/* Our own Node ---------------------------------------------------------------------- */

static void
test_own_node_is_deleted(void **state)
{
	(void)state;
	start_with("bgp");
	fake_until(strstr(fake_overlay, "10.0.0.1 remote-as"));
	sink->on_gone(sink_arg, OBJECT_NODE, "n1");
	all_is_told();
	assert_non_null(strstr(fake_overlay, "10.0.0.1 remote-as"));
	assert_non_null(strstr(fake_log, "Node object n1, on which this runs"));
	assert_true(is_told("main | 198.51.100.7 bgp /32 lp 0 here"));
	/* It is there again, as another. */
	tell_node("n1", "b");
	all_is_told();
	fake_until(strstr(fake_overlay, "10.0.0.1 remote-as") == NULL);
	stop();
}

/* All others know that it is none. */
static void
test_own_node_is_deleted_at_layer2(void **state)
{
	(void)state;
	start_with("layer2");
	nodes_told = true;
	tell_node("n2", "a");
	all_is_told();
	fake_until(is_told(MAIN " n1 n2 here"));
	sink->on_gone(sink_arg, OBJECT_NODE, "n1");
	all_is_told();
	fake_until(is_told(MAIN " n2 nodeUnknown: there is no Node object of "
				"this node"));
	stop();
}

/* The end --------------------------------------------------------------------------- */

static int64_t
took_us(int64_t since_us, int64_t most_us)
{
	int64_t us = clock_us() - since_us;

	return us > most_us ? us : most_us;
}

/* Thousands of objects: no turn of the loop is held up. */
static int64_t
end_of_many(int64_t *quiet_us)
{
	char name[32], address[32];
	int64_t since_us, most_us = 0;
	void *volatile large;
	bool all;
	int i;

	start_with("bgp");
	for (i = 0; i < SEVERAL; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(
		    address, sizeof(address), "10.64.%d.%d", i / 256, i % 256);
		tell_service(name, address);
	}
	all_is_told();
	fake_until(strstr(fake_offered("a/s4999"), "10.64.19.135"));
	since_us = clock_us();
	cluster_quiet(cluster);
	*quiet_us = took_us(since_us, *quiet_us);
	settings_drop();
	do {
		since_us = clock_us();
		all = cluster_free(cluster);
		most_us = took_us(since_us, most_us);
		/* As anything of a daemon would in between: malloc tidies up
		 * what was freed, of which there is little by then. */
		large = malloc(4096);
		free(large);
	} while (!all);
	disk_wait();
	return most_us;
}

static void
test_end_of_many(void **state)
{
	int64_t quiet_us, slice_us;
	int tries = 0;

	/* Somebody else may have had the processor meanwhile. */
	do {
		quiet_us = 0;
		slice_us = end_of_many(&quiet_us);
		fake_begin(NULL);
		fake_end(NULL);
		fake_remove(directory);
		assert_int_equal(mkdir(directory, 0700), 0);
	} while (++tries < 5 && (quiet_us > MOST_US || slice_us > MOST_US));
	(void)state;
	print_message("quiet after %lld us, freed in slices of %lld us\n",
	    (long long)quiet_us, (long long)slice_us);
	assert_in_range(quiet_us, 0, MOST_US);
	assert_in_range(slice_us, 0, MOST_US);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nodes_first),
		TEST(test_nodes_in_part),
		TEST(test_nodes_of_before),
		TEST(test_nodes_of_before_in_part),
		TEST(test_own_node_is_deleted),
		TEST(test_own_node_is_deleted_at_layer2),
		TEST(test_end_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
