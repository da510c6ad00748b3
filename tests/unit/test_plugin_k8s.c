/* SPDX-License-Identifier: ISC */
/* The plugin k8s, loaded as bgpd loads it: a directory in, offers and lines out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <syslog.h>

#include "fake_host.h"

#define EXCLUDE "node.kubernetes.io/exclude-from-external-load-balancers"

static const struct bgpd_plugin *plugin;
static void *plugin_arg;
static char directory[64], state[96];

/* Starts it for node prod-01 on the directory; `extra` is one more line. */
static void
plugin_start_as(const char *node)
{
	const char *where[] = { directory }, *file[] = { state };
	const char *name[] = { node };
	struct bgpd_line lines[3] = { 0 };
	const struct bgpd_row *row;
	uint32_t i, bad, n = 0;

	for (i = 0; i < plugin->row_count; i++) {
		row = (const void *)((const char *)plugin->rows +
				     (size_t)i * plugin->row_size);
		if (strcmp(row->syntax, "source directory PATH") == 0)
			lines[n].values = where;
		else if (strcmp(row->syntax, "state PATH") == 0)
			lines[n].values = file;
		else if (strcmp(row->syntax, "node NAME") == 0)
			lines[n].values = name;
		else
			continue;
		lines[n].abi = BGPD_ABI;
		lines[n].size = sizeof(lines[n]);
		lines[n].value_count = 1;
		lines[n++].id = row->id;
	}
	assert_int_equal(n, 3);
	assert_null(plugin->check(NULL, lines, n, sizeof(lines[0]), &bad));
	assert_int_equal(plugin->start(&fake_host, NULL, &plugin_arg), 0);
	plugin->configure(plugin_arg, lines, n, sizeof(lines[0]));
}

static void
plugin_stop(void)
{
	plugin->stop(plugin_arg);
	assert_true(LIST_EMPTY(&fake_timers));
	assert_true(LIST_EMPTY(&fake_watches));
	assert_true(LIST_EMPTY(&fake_metrics));
	fake_begin(NULL);
	fake_end(NULL);
	fake_overlay[0] = '\0';
	fake_forget();
}

static int
setup(void **unused)
{
	(void)unused;
	strcpy(directory, "/tmp/test_plugin_k8s.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(state, sizeof(state), "%s/state/k8s", directory);
	fake_forget();
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	plugin_stop();
	fake_remove(directory);
	return 0;
}

/* Files ------------------------------------------------------------------------- */

static void
put(const char *name, const char *format, ...)
{
	static char text[32768];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fake_write(directory, name, text);
}

static void
drop(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(unlink(path), 0);
}

static void
put_user_config(void)
{
	static char text[32768];
	FILE *in = fopen(TESTS_DIR "/data/k8s-config-bgp.yaml", "r");

	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	fake_write(directory, "config.yaml", text);
}

static void
put_config(const char *value)
{
	put("config.yaml",
	    "apiVersion: v1\nkind: ConfigMap\n"
	    "metadata: {name: config, namespace: metallb-system}\n"
	    "data:\n  config: |\n%s",
	    value);
}

/* A Service with one port, its fields by hand. */
static void
put_service(const char *name, const char *annotations, const char *spec)
{
	char file[64];

	snprintf(file, sizeof(file), "service-%s.yaml", name);
	put(file,
	    "apiVersion: v1\nkind: Service\n"
	    "metadata: {name: %s, annotations: {%s}}\n"
	    "spec: {type: LoadBalancer, ports: [{port: 80}], %s}\n",
	    name, annotations, spec);
}

static void
put_slice(const char *name, const char *node, const char *conditions)
{
	char file[64];

	snprintf(file, sizeof(file), "slice-%s.yaml", name);
	put(file,
	    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	    "metadata:\n  name: %s-1\n"
	    "  labels: {kubernetes.io/service-name: %s}\n"
	    "endpoints: [{nodeName: %s, conditions: {%s}}]\n",
	    name, name, node, conditions);
}

static void
put_node(const char *labels, const char *conditions)
{
	put("node.yaml",
	    "apiVersion: v1\nkind: Node\n"
	    "metadata:\n  name: prod-01\n"
	    "  labels: {kubernetes.io/hostname: prod-01, "
	    "beta.kubernetes.io/arch: amd64, %s}\n"
	    "status: {addresses: [{type: InternalIP, address: 10.0.0.11}],"
	    " conditions: [%s]}\n",
	    labels, conditions);
}

static bool
is_offered(const char *name, const char *text)
{
	return strcmp(fake_offered(name), text) == 0;
}

#define POOL_ANNOTATION "metallb.universe.tf/address-pool: my-ip-space"
#define ROUTE		" bgp /32 lp 100 64512:1 65535:65281 "

/* Two pools that are given automatically, of one address and of two. */
#define SMALL                                                                  \
	"    address-pools:\n"                                                 \
	"    - {name: one, protocol: bgp, addresses: [192.0.2.1/32]}\n"        \
	"    - {name: two, protocol: bgp, addresses: [192.0.2.8/31],"          \
	" auto-assign: false}\n"

/* Stories -------------------------------------------------------------------------- */

/* The user's own ConfigMap as it stands: a peer, an address, its attributes. */
static void
test_main_job(void **unused)
{
	(void)unused;
	put_user_config();
	put_node("", "");
	put_service("web", POOL_ANNOTATION, "");
	put_slice("web", "prod-01", "ready: true");
	plugin_start_as("prod-01");
	fake_until(is_offered(
	    "default/web", "my-ip-space | 198.51.100.1" ROUTE "here"));
	assert_string_equal(fake_overlay,
	    "router bgp\n"
	    " neighbor 10.0.0.1 remote-as 64512\n"
	    " neighbor 10.0.0.1 local-as 64512 no-prepend replace-as\n"
	    " neighbor 10.0.0.1 description MetalLB peer #1\n"
	    " neighbor 10.0.0.1 timers 40 120\n"
	    " neighbor 10.0.0.1 router-id 1.2.3.4\n"
	    " neighbor 10.0.0.1 password yourPassword\n"
	    " address-family ipv4 unicast\n"
	    "  neighbor 10.0.0.1 activate\n"
	    " exit-address-family\n"
	    " address-family ipv6 unicast\n"
	    "  neighbor 10.0.0.1 activate\n"
	    " exit-address-family\n");
	assert_null(strstr(fake_log, "yourPassword"));
	/* Set when all is told, which a busy machine may see a turn later. */
	fake_until(
	    fake_metric_value("metallb_k8s_client_config_loaded_bool") == 1);
	assert_true(
	    fake_metric_value("metallb_allocator_addresses_in_use_total "
			      "my-ip-space") == 1);
	assert_string_equal(fake_members, "prod-01 key  prod-01 1");
	/* loadBalancerIP out of the other range; no annotation: nothing. */
	put_service("fixed", "", "loadBalancerIP: 192.168.0.177");
	put_service("none", "", "");
	fake_until(
	    is_offered("default/fixed", "my-ip-space | 192.168.0.177" ROUTE
					"noEndpoints: no endpoint is ready"));
	fake_until(strstr(fake_log, "AllocationFailed: default/none") != NULL);
	assert_int_equal(fake_overlay_count, 1);
}

/* The peer's selectors and those of this node: no match, no neighbor. */
static void
test_selectors(void **unused)
{
	(void)unused;
	put_user_config();
	put("node.yaml",
	    "apiVersion: v1\nkind: Node\nmetadata: {name: prod-01, labels: "
	    "{kubernetes.io/hostname: prod-02}}\n");
	plugin_start_as("prod-01");
	fake_until(fake_overlay_count == 1);
	assert_string_equal(fake_overlay, "");
	put_node("", "");
	fake_until(strstr(fake_overlay, "remote-as 64512") != NULL);
}

static void
test_endpoints(void **unused)
{
	(void)unused;
	put_config(SMALL);
	put_service("web", "", "externalTrafficPolicy: Local");
	plugin_start_as("prod-01");
	fake_until(strstr(fake_offered("default/web"), "noLocalEndpoints: "));
	put_slice("web", "prod-02", "ready: true");
	fake_run(200);
	assert_non_null(
	    strstr(fake_offered("default/web"), "noLocalEndpoints"));
	put_service("web", "", "externalTrafficPolicy: Cluster");
	fake_until(strstr(fake_offered("default/web"), " here"));
	put_slice("web", "prod-02", "ready: false");
	fake_until(strstr(fake_offered("default/web"), "noEndpoints: "));
	put_slice("web", "prod-02", "ready: false, serving: true");
	fake_until(strstr(fake_offered("default/web"), " here"));
	put_node("\"" EXCLUDE "\": \"\"", "");
	fake_until(strstr(
	    fake_offered("default/web"), "nodeLabeledExcludeBalancers: "));
	put_node("", "{type: NetworkUnavailable, status: 'True'}");
	fake_until(
	    strstr(fake_offered("default/web"), "nodeNetworkUnavailable: "));
	put_node("", "");
	fake_until(strstr(fake_offered("default/web"), " here"));
}

/* An endpoint that changes is one offer, however many Services there are. */
static void
test_one_offer(void **unused)
{
	(void)unused;
	put_config(SMALL);
	put_service("a", "", "");
	put_service("b", "metallb.io/address-pool: two", "");
	put_slice("a", "n", "ready: true");
	put_slice("b", "n", "ready: true");
	plugin_start_as("prod-01");
	fake_until(strstr(fake_offered("default/b"), " here"));
	fake_forget();
	put_slice("a", "n", "ready: false");
	fake_until(strstr(fake_offered("default/a"), "noEndpoints"));
	assert_int_equal(fake_offer_count, 1);
	assert_int_equal(fake_overlay_count, 0);
	/* Another file by the same words: nothing is told. */
	fake_forget();
	put_slice("a", "n", "ready: false, serving: false");
	fake_run(300);
	assert_int_equal(fake_offer_count, 0);
}

/* Oldest first; who waits gets what another lets go. */
static void
test_waiting(void **unused)
{
	(void)unused;
	put_config(SMALL);
	put("service-a.yaml",
	    "apiVersion: v1\nkind: Service\nmetadata: {name: a, "
	    "creationTimestamp: 2024-01-02T00:00:00Z}\n"
	    "spec: {type: LoadBalancer, ports: [{port: 80}]}\n");
	put("service-b.yaml",
	    "apiVersion: v1\nkind: Service\nmetadata: {name: b, "
	    "creationTimestamp: 2024-01-01T00:00:00Z}\n"
	    "spec: {type: LoadBalancer, ports: [{port: 80}]}\n");
	plugin_start_as("prod-01");
	fake_until(strstr(fake_offered("default/b"), "192.0.2.1"));
	assert_null(strstr(fake_offered("default/a"), "|"));
	fake_forget();
	/* It moves to the other pool; the new prefix wins. */
	put_service("b",
	    "metallb.io/address-pool: two, "
	    "metallb.universe.tf/address-pool: one",
	    "");
	fake_until(strstr(fake_offered("default/b"), "192.0.2.8"));
	fake_until(strstr(fake_offered("default/a"), "192.0.2.1"));
	put_service("c", "", "");
	fake_until(strstr(fake_log, "AllocationFailed: default/c"));
	unlink(strcat(strcpy((char[128]){ 0 }, directory), "/service-a.yaml"));
	fake_until(strstr(fake_offered("default/c"), "192.0.2.1"));
	assert_string_equal(fake_offered("default/a"), "");
	put_service("c", "", "loadBalancerClass: other");
	fake_until(is_offered("default/c", ""));
}

/* kill -9: neither stop nor close; the address is kept, the order is not. */
static void
test_restart(void **unused)
{
	void *killed;

	(void)unused;
	put_config(SMALL);
	put_service("b", "", "");
	plugin_start_as("prod-01");
	fake_until(strstr(fake_offered("default/b"), "192.0.2.1"));
	killed = plugin_arg;
	plugin->stop(killed);
	put_service("a", "", "");
	fake_forget();
	plugin_start_as("prod-01");
	fake_until(fake_offer_count >= 2);
	assert_non_null(strstr(fake_offered("default/b"), "192.0.2.1"));
	assert_null(strstr(fake_offered("default/a"), "|"));
	assert_int_equal(fake_retract_count, 0);
}

/* A bad configuration keeps the last good one and says all that is wrong. */
static void
test_bad_config(void **unused)
{
	static struct bgpd_out out;
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line), 0, NULL, 0, NULL,
		0 };
	uint32_t i;

	(void)unused;
	put_config(SMALL);
	put_service("a", "", "");
	plugin_start_as("prod-01");
	fake_until(strstr(fake_offered("default/a"), "192.0.2.1"));
	fake_forget();
	put_config("    address-pools: [{name: x, protocol: ospf, addresses: "
		   "[192.0.2.0/33]}]\n    peers: [{my-asn: 0}]\n");
	fake_until(strstr(fake_log, "configStale: ") != NULL);
	fake_run(100);
	assert_non_null(strstr(fake_log, "missing local ASN"));
	assert_non_null(strstr(fake_log, "ospf"));
	assert_int_equal(fake_offer_count, 0);
	assert_true(
	    fake_metric_value("metallb_k8s_client_config_stale_bool") == 1);
	/* One that strands the address in use is refused too. */
	fake_forget();
	put_config("    address-pools:\n"
		   "    - {name: x, protocol: bgp, addresses: "
		   "[203.0.113.0/30]}\n");
	fake_until(strstr(fake_log, "configStale: ") != NULL);
	assert_int_equal(fake_offer_count, 0);
	for (i = 0; i < plugin->row_count; i++) {
		if (plugin->rows[i].kind == BGPD_ROW_RUN)
			line.id = plugin->rows[i].id;
	}
	assert_int_equal(plugin->run(plugin_arg, &line, &out), 0);
	assert_non_null(strstr(out.text, "config, stale\n"));
	assert_non_null(strstr(out.text, "192.0.2.1"));
	memset(&out, 0, sizeof(out));
	out.json = true;
	assert_int_equal(plugin->run(plugin_arg, &line, &out), 0);
	assert_non_null(strstr(out.text, "config=stale "));
	/* It is taken when nothing stands in its way any more. */
	fake_forget();
	drop("service-a.yaml");
	fake_until(strstr(fake_log, "configLoaded: ") != NULL);
	put_service("a", "", "");
	fake_until(strstr(fake_offered("default/a"), "203.0.113.0"));
	/* Refused again; after a restart it is taken, the Service moves. */
	put_config(SMALL);
	fake_until(strstr(fake_log, "configStale: ") != NULL);
	plugin_stop();
	plugin_start_as("prod-01");
	fake_until(strstr(fake_offered("default/a"), "192.0.2.1"));
	/* No ConfigMap at all: as it was. */
	fake_forget();
	unlink(strcat(strcpy((char[128]){ 0 }, directory), "/config.yaml"));
	fake_until(strstr(fake_log, "configStale: ") != NULL);
	assert_int_equal(fake_retract_count + fake_offer_count, 0);
}

/* Before a complete read with a configuration nothing at all is told. */
static void
test_nothing_before(void **unused)
{
	(void)unused;
	put_service("a", "", "");
	plugin_start_as("prod-01");
	fake_until(strstr(fake_log, "there is no such ConfigMap") != NULL);
	fake_run(100);
	assert_int_equal(fake_offer_count + fake_overlay_count, 0);
	put_config(SMALL);
	fake_until(strstr(fake_offered("default/a"), "192.0.2.1"));
}

static void
test_two_peers(void **unused)
{
	(void)unused;
	put_config("    peers:\n"
		   "    - {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1,"
		   " hold-time: 0s, peer-port: 1179}\n"
		   "    - {my-asn: 3, peer-asn: 4, peer-address: 'fd00::1'}\n"
		   "    - {my-asn: 5, peer-asn: 6, peer-address: 10.0.0.1}\n");
	plugin_start_as("prod-01");
	fake_until(fake_overlay_count == 1);
	assert_non_null(strstr(fake_overlay,
	    " neighbor 10.0.0.1 remote-as 2\n"
	    " neighbor 10.0.0.1 local-as 1 no-prepend replace-as\n"
	    " neighbor 10.0.0.1 description MetalLB peer #1\n"
	    " neighbor 10.0.0.1 port 1179\n"
	    " neighbor 10.0.0.1 timers 0 0\n"
	    " neighbor fd00::1 remote-as 4\n"
	    " neighbor fd00::1 local-as 3 no-prepend replace-as\n"));
	assert_null(strstr(fake_overlay, "remote-as 6"));
	assert_non_null(
	    strstr(fake_log, "peer #3 has the address 10.0.0.1 of peer #1"));
}

/* Dual stack, sharing, layer 2 with its candidates, the key of the nodes. */
static void
test_families(void **unused)
{
	(void)unused;
	put_config(
	    "    address-pools:\n"
	    "    - {name: l2, protocol: layer2, addresses: [192.0.2.0/30]}\n"
	    "    - {name: both, protocol: bgp, auto-assign: false, addresses:"
	    " [198.51.100.0/24, '2001:db8::/64']}\n");
	put_node("", "");
	put("secret.yaml",
	    "apiVersion: v1\nkind: Secret\nmetadata: {name: memberlist, "
	    "namespace: metallb-system}\ndata: {secretkey: aGVsbG8=}\n");
	put_service("a", "metallb.io/allow-shared-ip: k", "");
	put_slice("a", "prod-01", "");
	put_service("d", "metallb.io/address-pool: both",
	    "ipFamilies: [IPv6, IPv4], ipFamilyPolicy: RequireDualStack");
	put_slice("d", "prod-01", "");
	plugin_start_as("prod-01");
	fake_until(
	    is_offered("default/a", "l2 | 192.0.2.0 layer2 prod-01 here"));
	assert_true(is_offered("default/d",
	    "both | 2001:db8:: bgp /128 lp 0 here | 198.51.100.0 bgp /32 lp 0 "
	    "here"));
	assert_string_equal(fake_members, "prod-01 key hello prod-01 1");
	put("service-b.yaml",
	    "apiVersion: v1\nkind: Service\nmetadata: {name: b, "
	    "annotations: {metallb.universe.tf/allow-shared-ip: k}}\n"
	    "spec: {type: LoadBalancer, ports: [{port: 81}]}\n");
	fake_until(strstr(fake_offered("default/b"), "192.0.2.0 "));
	/* Two share one address; one has two of a pool. */
	fake_scrape(fake_scrape_arg);
	assert_true(fake_metric_value(
			"metallb_allocator_services_allocated_total l2") == 2);
	assert_true(fake_metric_value(
			"metallb_allocator_addresses_in_use_total l2") == 1);
	assert_true(
	    fake_metric_value(
		"metallb_allocator_services_allocated_total both") == 1);
}

static void
test_check_api(void **unused)
{
	const char *none[] = { NULL }, *path[] = { "/x" };
	struct bgpd_line lines[2] = {
		{ BGPD_INIT(struct bgpd_line), 0, NULL, 0, none, 1 },
		{ BGPD_INIT(struct bgpd_line), 0, NULL, 0, path, 1 },
	};
	const uint32_t size = sizeof(lines[0]);
	uint32_t i, bad = 9;

	(void)unused;
	for (i = 0; i < plugin->row_count; i++) {
		if (strncmp(plugin->rows[i].syntax, "source api", 10) == 0)
			lines[0].id = plugin->rows[i].id;
		if (strncmp(plugin->rows[i].syntax, "source dir", 10) == 0)
			lines[1].id = plugin->rows[i].id;
	}
	assert_null(plugin->check(NULL, lines, 1, size, &bad));
	/* Objects come from one place. */
	assert_non_null(
	    strstr(plugin->check(NULL, lines, 2, size, &bad), "one source"));
	assert_int_equal(bad, 1);
}

/* MetalLB's names; series come and go with the neighbors that are ours. */
static void
test_session_metrics(void **arg)
{
	static const struct bgpd_neighbor here = {
		BGPD_INIT(struct bgpd_neighbor),
		.address = { 4, { 10, 0, 0, 1 } },
		.port = 179,
		.mine = 1,
		.up = 1,
		.updates_sent = 7,
		.prefixes_announced = 2,
		.prefixes_pending = 1,
	};

	(void)arg;
	plugin_start_as("prod-01");
	fake_neighbors[0] = fake_neighbors[1] = fake_neighbors[2] = here;
	fake_neighbors[1].address = (struct bgpd_addr){ 6, { 0xfd, 1 } };
	fake_neighbors[1].port = 1790;
	fake_neighbors[1].up = 0;
	fake_neighbors[2].address.bytes[3] = 2;
	fake_neighbors[2].mine = 0;
	fake_neighbor_count = 3;
	fake_scrape(fake_scrape_arg);
#define VALUE(name, peer) (int)fake_metric_value("metallb_bgp_" name " " peer)
	assert_int_equal(VALUE("session_up", "10.0.0.1:179"), 1);
	assert_int_equal(VALUE("updates_total", "10.0.0.1:179"), 7);
	assert_int_equal(VALUE("announced_prefixes_total", "10.0.0.1:179"), 2);
	assert_int_equal(VALUE("pending_prefixes_total", "10.0.0.1:179"), 3);
	assert_int_equal(VALUE("session_up", "[fd01::]:1790"), 0);
	assert_int_equal(VALUE("session_up", "10.0.0.2:179"), -1);
	fake_neighbor_count = 1;
	fake_neighbors[0].up = 0;
	fake_scrape(fake_scrape_arg);
	assert_int_equal(VALUE("session_up", "10.0.0.1:179"), 0);
	assert_int_equal(VALUE("session_up", "[fd01::]:1790"), -1);
	fake_neighbor_count = 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		STORY(test_main_job),
		STORY(test_selectors),
		STORY(test_endpoints),
		STORY(test_one_offer),
		STORY(test_waiting),
		STORY(test_restart),
		STORY(test_bad_config),
		STORY(test_nothing_before),
		STORY(test_two_peers),
		STORY(test_families),
		STORY(test_session_metrics),
		cmocka_unit_test(test_check_api),
	};
	void *handle = dlopen(K8S_PLUGIN, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	plugin = dlsym(handle, "bgpd_plugin");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
