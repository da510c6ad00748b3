/* SPDX-License-Identifier: ISC */
/* The ConfigMap of MetalLB v0.7.3: what is taken, and every fault by its place. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/pools.h"

#define PEER_OK	  "peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: 10.0.0.1\n"
#define PEER(x)	  PEER_OK "  " x "\n"
#define POOL_OK	  "address-pools:\n- name: a\n  protocol: bgp\n"
#define POOL(x)	  POOL_OK "  addresses: [" x "]\n"
#define SELECT(x) PEER_OK "  node-selectors:\n  - " x "\n"
#define RULES(x)  "{match-expressions: [{key: " x "}]}"

static struct config *
config_must(const char *text)
{
	struct report report = { 0 };
	struct config *config = config_read(text, strlen(text), &report);

	if (config == NULL)
		print_error("%s%s", text, report.errors);
	assert_non_null(config);
	report_clear(&report);
	return config;
}

/* A ConfigMap's own `config: |`, without the indentation. */
static char *
data_read(const char *name)
{
	char path[512], line[512], *text = calloc(1, 65536);
	FILE *file;
	int is_inside = 0;

	snprintf(path, sizeof(path), "%s/data/%s", TESTS_DIR, name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (is_inside)
			strcat(text, strlen(line) > 4 ? line + 4 : "\n");
		is_inside |= strcmp(line, "  config: |\n") == 0;
	}
	fclose(file);
	return text;
}

static void
test_users_document(void **state)
{
	char *text = data_read("k8s-config-bgp.yaml"), out[ADDR_LEN + 4];
	struct report report = { 0 };
	struct config *config = config_read(text, strlen(text), &report);
	struct object_label labels[] = { { "kubernetes.io/hostname",
					     "prod-01" },
		{ "beta.kubernetes.io/arch", "arm" } };
	const struct config_peer *peer;
	const struct config_pool *pool;

	(void)state;
	assert_non_null(config);
	assert_int_equal(report.warning_count, 1);
	assert_non_null(strstr(report.warnings, "120 has no unit"));
	assert_int_equal(config->peer_count, 1);
	peer = &config->peers[0];
	assert_int_equal(peer->my_asn, 64512);
	assert_int_equal(peer->hold_secs, 120);
	assert_int_equal(peer->router_id.bytes[3], 4);
	assert_string_equal(peer->password, "yourPassword");
	assert_true(
	    selectors_match(peer->selectors, peer->selector_count, labels, 2));
	assert_false(
	    selectors_match(peer->selectors, peer->selector_count, labels, 1));
	assert_int_equal(config->pool_count, 1);
	pool = &config->pools[0];
	assert_true(pool->avoid_buggy);
	assert_false(pool->auto_assign);
	assert_int_equal(pool->cidr_count, 6);
	assert_string_equal(
	    cidr_text(&pool->cidrs[1], out), "192.168.0.150/31");
	assert_int_equal(pool->ads[0].local_pref, 100);
	assert_int_equal(pool->ads[0].community_count, 2);
	assert_int_equal(pool->ads[0].communities[0], 0xfc000001);
	assert_int_equal(pool->ads[0].communities[1], 0xffffff01);
	config_free(config);
	report_clear(&report);
	free(text);
}

static void
test_users_layer2(void **state)
{
	char *text = data_read("k8s-config-layer2.yaml"), out[ADDR_LEN + 4];
	struct config *config = config_must(text);
	static const char *const blocks[] = { "192.168.1.240/29",
		"192.168.1.248/31", "192.168.1.250/32" };
	size_t i;

	(void)state;
	assert_true(config->pools[0].is_layer2);
	assert_true(config->pools[0].auto_assign);
	assert_int_equal(config->pools[0].cidr_count, 3);
	for (i = 0; i < 3; i++)
		assert_string_equal(
		    cidr_text(&config->pools[0].cidrs[i], out), blocks[i]);
	config_free(config);
	free(text);
}

/* The example that 0.7.3's own test reads. */
static const char upstream[] =
    "peers:\n"
    "- my-asn: 42\n  peer-asn: 142\n  peer-address: 1.2.3.4\n"
    "  peer-port: 1179\n  hold-time: 180s\n  router-id: 10.20.30.40\n"
    "- my-asn: 100\n  peer-asn: 200\n  peer-address: 2.3.4.5\n"
    "  node-selectors:\n"
    "  - match-labels:\n      foo: bar\n"
    "    match-expressions:\n"
    "    - {key: bar, operator: In, values: [quux]}\n"
    "bgp-communities:\n  bar: 64512:1234\n"
    "address-pools:\n"
    "- name: pool1\n  protocol: bgp\n"
    "  addresses:\n  - 10.20.0.0/16\n  - 10.50.0.0/24\n"
    "  avoid-buggy-ips: true\n  auto-assign: false\n"
    "  bgp-advertisements:\n"
    "  - aggregation-length: 32\n    localpref: 100\n"
    "    communities: [\"bar\", \"1234:2345\"]\n"
    "  - aggregation-length: 24\n"
    "- name: pool2\n  protocol: bgp\n  addresses: [30.0.0.0/8]\n"
    "- name: pool3\n  protocol: layer2\n"
    "  addresses: [40.0.0.0/25, 40.0.0.150-40.0.0.200]\n"
    "- name: pool4\n  protocol: layer2\n  addresses: ['2001:db8::/64']\n";

static void
test_upstream_example(void **state)
{
	struct config *c = config_must(upstream);
	static const char *const blocks[] = { "40.0.0.0/25", "40.0.0.150/31",
		"40.0.0.152/29", "40.0.0.160/27", "40.0.0.192/29",
		"40.0.0.200/32" };
	char out[ADDR_LEN + 4];
	size_t i;

	(void)state;
	assert_int_equal(c->peers[0].port, 1179);
	assert_int_equal(c->peers[0].hold_secs, 180);
	assert_int_equal(c->peers[1].port, 179);
	assert_int_equal(c->peers[1].hold_secs, 90);
	assert_int_equal(c->peers[1].router_id.family, 0);
	assert_null(c->peers[1].password);
	assert_int_equal(c->pools[0].ad_count, 2);
	assert_int_equal(c->pools[0].ads[0].communities[0], 0x04d20929);
	assert_int_equal(c->pools[0].ads[0].communities[1], 0xfc0004d2);
	assert_int_equal(c->pools[0].ads[1].aggregation_len, 24);
	assert_int_equal(c->pools[0].ads[1].community_count, 0);
	assert_int_equal(c->pools[1].ad_count, 1);
	assert_int_equal(c->pools[1].ads[0].aggregation_len, 32);
	assert_int_equal(c->pools[2].ad_count, 0);
	assert_int_equal(c->pools[2].cidr_count, 6);
	for (i = 0; i < 6; i++)
		assert_string_equal(
		    cidr_text(&c->pools[2].cidrs[i], out), blocks[i]);
	assert_int_equal(c->pools[3].cidrs[0].family, 6);
	config_free(c);
}

static void
test_nothing_is_valid(void **state)
{
	static const char *const texts[] = { "", "\n", "# no more\n", "---\n",
		"~\n", "null\n", "{}", "peers:\naddress-pools: ~\n",
		"peers: []\nbgp-communities: {}\n" };
	struct config *config;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		config = config_must(texts[i]);
		assert_int_equal(config->peer_count + config->pool_count, 0);
		config_free(config);
	}
}

static void
test_taken(void **state)
{
	static const char *const texts[] = {
		PEER("peer-port: 0"),
		PEER("peer-port: 0x1bb"),
		PEER("hold-time: 0"),
		PEER("hold-time: ''"),
		PEER("hold-time: 1m30s"),
		PEER("hold-time: 3000ms"),
		PEER("hold-time: 999ms"),
		PEER("hold-time: 1.5h"),
		PEER("hold-time: +1h"),
		PEER("hold-time: -1ns"),
		PEER("hold-time: 4000000\xc2\xb5s"),
		PEER("password: 12345"),
		PEER("password: yes"),
		PEER("password: ~"),
		PEER("router-id: '2001:db8::1'"),
		PEER("router-id: ''"),
		PEER("node-selectors: [{}]"),
		PEER("node-selectors: [~]"),
		POOL("10.0.0.77/24"),
		POOL("1.2.3.4-1.2.3.4"),
		POOL("0.0.0.0/0"),
		POOL("'::/0'"),
		POOL("'2001:db8::1-2001:db8::ff'"),
		POOL("10.0.0.0/24") "  avoid-buggy-ips: on\n",
		POOL("10.0.0.0/24") "  auto-assign: No\n",
		POOL("10.0.0.0/24") "  bgp-advertisements: []\n",
		POOL("10.0.0.0/24") "  bgp-advertisements: [~]\n",
		POOL("10.0.0.0/24") "  bgp-advertisements:\n"
				    "  - {aggregation-length: 24}\n",
		POOL("'2001:db8::/64'") "  bgp-advertisements:\n"
					"  - {aggregation-length: 32}\n",
		"bgp-communities:\n  a: 0:0\n  b: 65535:65535\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		config_free(config_must(texts[i]));
}

static void
test_hold_times(void **state)
{
	static const struct {
		const char *text;
		unsigned secs;
	} rows[] = { { "3500ms", 3 }, { "999ms", 0 }, { "0", 0 }, { "-1ns", 0 },
		{ "1h2m3s", 3723 }, { "120", 120 }, { "100000s", 65535 },
		{ "2m.5s", 120 }, { "~", 90 } };
	struct config *config;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(
		    text, sizeof(text), PEER("hold-time: %s"), rows[i].text);
		config = config_must(text);
		assert_int_equal(config->peers[0].hold_secs, rows[i].secs);
		config_free(config);
	}
}

static void
test_aliases_and_merges(void **state)
{
	struct config *c = config_must(
	    "peers:\n"
	    "- &p {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}\n"
	    "- {<<: *p, peer-asn: 3}\n"
	    "- peer-asn: &n 4\n  <<: [{my-asn: 9}, *p]\n"
	    "  peer-port: *n\n");

	(void)state;
	assert_int_equal(c->peer_count, 3);
	assert_int_equal(c->peers[1].my_asn, 1);
	assert_int_equal(c->peers[1].peer_asn, 3);
	assert_int_equal(c->peers[1].address.bytes[0], 10);
	assert_int_equal(c->peers[2].my_asn, 9);
	assert_int_equal(c->peers[2].peer_asn, 4);
	assert_int_equal(c->peers[2].port, 4);
	config_free(c);
}

static const struct {
	const char *text, *place, *why;
} faults[] = {
	{ "peers: [", NULL, "could not parse config" },
	{ "- a\n", "line 1, column 1", "a mapping (key: value) is wanted" },
	{ "text", "line 1, column 1", "a mapping" },
	{ "{}\n---\n{}\n", "line 2", "more than one document" },
	{ "peerz: []\n", "line 1, column 1", "unknown field peerz" },
	{ "peers: []\npeers: []\n", "line 2, column 1", "said twice" },
	{ "peers: {}\n", "line 1, column 8", "a list" },
	{ "peers: [~]\n", "parsing peer #1", "missing local ASN" },
	{ PEER("my_asn: 3"), "line 5, column 3: parsing peer #1",
	    "unknown field my_asn" },
	{ PEER("my-asn: 3"), "line 5, column 3", "said twice" },
	{ PEER("peer-port: 65536"), "line 5, column 14", "0-65535" },
	{ PEER("peer-port: -1"), "line 5", "0-65535" },
	{ PEER("peer-port: '179'"), "line 5", "without quotes" },
	{ PEER("peer-port: x"), "line 5", "a whole number" },
	{ PEER("peer-port: [1]"), "line 5", "a whole number" },
	{ PEER("password: [1]"), "line 5", "text is wanted" },
	{ PEER("password: \"a\\0b\""), "line 5", "zero byte" },
	{ PEER("hold-time: foo"), "line 5", "invalid hold time" },
	{ PEER("hold-time: 2999ms"), "peer #1", "invalid hold time" },
	{ PEER("hold-time: 1s"), "peer #1", "at least 3 s" },
	{ PEER("hold-time: -5s"), "peer #1", "invalid hold time" },
	{ PEER("hold-time: 5 s"), "line 5", "invalid hold time" },
	{ PEER("hold-time: 1.2.3s"), "line 5", "invalid hold time" },
	{ PEER("hold-time: 5d"), "line 5", "invalid hold time" },
	{ PEER("hold-time: 9999999999h"), "line 5", "invalid hold time" },
	{ PEER("router-id: 1.2.3"), "peer #1", "invalid router ID" },
	{ "peers:\n- {peer-asn: 1, peer-address: 1.1.1.1}\n", "peer #1",
	    "missing local ASN" },
	{ "peers:\n- {my-asn: 1, peer-address: 1.1.1.1}\n", "peer #1",
	    "missing peer ASN" },
	{ "peers:\n- {my-asn: 4294967296, peer-asn: 1}\n", "line 2",
	    "0-4294967295" },
	{ "peers:\n- {my-asn: 1, peer-asn: 1, peer-address: host}\n", "peer #1",
	    "invalid peer IP \"host\"" },
	{ "peers:\n- {my-asn: 1, peer-asn: 1, peer-address: 'fe80::1%e'}\n",
	    "peer #1", "invalid peer IP" },
	{ SELECT("match-labels: {-a: b}"), "line 6", "parsing node selector" },
	{ SELECT("match-labels: {a: b c}"), "line 6", "label's value" },
	{ SELECT("match-labels: {a: b, a: c}"), "line 6", "said twice" },
	{ SELECT("match-label: {a: b}"), "line 6", "unknown field" },
	{ SELECT("match-expressions: [{key: a, operator: in}]"), "line 6",
	    "parsing node selector: an operator is" },
	{ SELECT("match-expressions: [{key: a, operator: In}]"), "line 6",
	    "need a value" },
	{ SELECT("match-expressions: [{key: a, operator: NotIn}]"), "line 6",
	    "need a value" },
	{ SELECT("match-expressions: [{key: a, operator: Exists, "
		 "values: [b]}]"),
	    "line 6", "take no values" },
	{ SELECT("match-expressions: [{key: a}]"), "line 6", "operator" },
	{ SELECT("match-expressions: [{operator: Exists}]"), "line 6",
	    "the key" },
	{ SELECT("match-expressions: [{key: x..y/a, operator: Exists}]"),
	    "line 6", "the key" },
	{ "bgp-communities:\n  a: 1:65536\n", "line 2, column 3",
	    "parsing community \"a\"" },
	{ "bgp-communities:\n  a: 1\n", "line 2", "is not A:B" },
	{ "bgp-communities:\n  a: 1:2:3\n", "line 2", "is not A:B" },
	{ "bgp-communities:\n  a: '-1:2'\n", "line 2", "is not A:B" },
	{ "bgp-communities:\n  a: 1:2\n  a: 1:2\n", "line 3", "said twice" },
	{ "address-pools: [{protocol: bgp, addresses: [1.0.0.0/8]}]",
	    "parsing address pool #1", "missing pool name" },
	{ "address-pools: [{name: x, addresses: [1.0.0.0/8]}]",
	    "address pool #1 (x)", "missing the protocol field" },
	{ "address-pools: [{name: x, protocol: BGP, addresses: [1.0.0.0/8]}]",
	    "address pool #1 (x)", "unknown protocol \"BGP\"" },
	{ POOL_OK, "address pool #1 (a)", "pool has no prefixes defined" },
	{ POOL("1.2.3.4"), "address pool #1 (a)", "such as /32" },
	{ POOL("1.2.3.4/33"), "address pool #1 (a)", "0-32" },
	{ POOL("1.2.3.4/"), "address pool #1 (a)", "0-32" },
	{ POOL("'::1/129'"), "address pool #1 (a)", "0-128" },
	{ POOL("1.2.3/24"), "address pool #1 (a)", "an address" },
	{ POOL("1.2.3.4 - 1.2.3.9"), "address pool #1 (a)", "no blanks" },
	{ POOL("1.2.3.9-1.2.3.4"), "address pool #1 (a)", "reversed" },
	{ POOL("'1.2.3.9-2001:db8::'"), "address pool #1 (a)", "mixes" },
	{ POOL("1.2.3.4-1.2.3.5-1.2.3.6"), "address pool #1", "end with" },
	{ POOL("1.0.0.0/8, 1.2.3.4/32"), "CIDR 1.2.3.4/32 in pool \"a\"",
	    "overlaps with already defined CIDR 1.0.0.0/8" },
	{ POOL("1.0.0.0/24, 1.0.0.0/24"), "line 2", "overlaps" },
	{ POOL("1.0.0.0/24") "  auto-assign: 'true'\n", "line 5",
	    "true or false" },
	{ POOL("1.0.0.0/24") "  auto-assign: tRUE\n", "line 5",
	    "true or false" },
	{ POOL("1.0.0.0/24") "- {name: a, protocol: bgp, "
			     "addresses: [2.0.0.0/8]}\n",
	    "address pool #2 (a)", "duplicate definition of pool \"a\"" },
	{ POOL("1.0.0.0/24") "  bgp-advertisements: "
			     "[{aggregation-length: 33}]\n",
	    "line 5, column 24: parsing address pool #1 (a)",
	    "invalid aggregation length 33" },
	{ POOL("1.0.0.0/24") "  bgp-advertisements: "
			     "[{aggregation-length: 23}]\n",
	    "address pool #1 (a)", "the pool's 1.0.0.0/24" },
	{ POOL("'::/64'") "  bgp-advertisements: [{aggregation-length: -1}]\n",
	    "address pool #1 (a)", "invalid aggregation length -1" },
	{ POOL("40.0.0.150-40.0.0.200") "  bgp-advertisements: "
					"[{aggregation-length: 24}]\n",
	    "address pool #1 (a)", "invalid aggregation length 24" },
	{ POOL("1.0.0.0/24") "  bgp-advertisements: [{communities: [no]}]\n",
	    "address pool #1 (a)", "invalid community \"no\"" },
	{ POOL("1.0.0.0/24") "  bgp-advertisements: [{local-pref: 1}]\n",
	    "line 5", "unknown field local-pref" },
	{ "address-pools: [{name: x, protocol: layer2, addresses: "
	  "[1.0.0.0/8], bgp-advertisements: [~]}]",
	    "address pool #1 (x)", "do not go with protocol layer2" },
	{ "peers: &p [*p]\n", NULL, "" },
	{ "a: &a {<<: *a}\n", NULL, "unknown field a" },
	{ "peers:\n- &a {<<: *a}\n", "line 2", "nested too deep" },
	{ "peers: *nobody\n", "line 1", "undefined alias" },
};

static void
test_faults(void **state)
{
	struct report report;
	struct config *config;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		memset(&report, 0, sizeof(report));
		config = config_read(
		    faults[i].text, strlen(faults[i].text), &report);
		if (config != NULL || report.errors == NULL ||
		    strstr(report.errors, faults[i].why) == NULL ||
		    (faults[i].place != NULL &&
			strstr(report.errors, faults[i].place) == NULL))
			fail_msg("%s: wanted \"%s\" at %s, got: %s",
			    faults[i].text, faults[i].why, faults[i].place,
			    report.errors);
		report_clear(&report);
	}
}

/* One run names every fault, wherever it is. */
static void
test_all_faults_at_once(void **state)
{
	static const char text[] =
	    "peers:\n- {my-asn: x, peer-asn: 0}\n- {oops: 1}\n"
	    "bgp-communities: {a: b}\n"
	    "address-pools:\n- {name: p, protocol: rip, addresses: [1]}\n";
	static const char *const words[] = { "line 2, column 12",
		"missing peer ASN", "unknown field oops",
		"parsing peer #2: missing local ASN", "parsing community \"a\"",
		"unknown protocol \"rip\"", "invalid address range \"1\"" };
	struct report report = { 0 };
	size_t i;

	(void)state;
	assert_null(config_read(text, strlen(text), &report));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strstr(report.errors, words[i]) == NULL)
			fail_msg("%s is not in %s", words[i], report.errors);
	}
	report_clear(&report);
}

static void
refused_must(const char *text, size_t len)
{
	struct report report = { 0 };

	assert_null(config_read(text, len, &report));
	assert_true(report.error_count > 0);
	report_clear(&report);
}

/* What would cost much is refused before it does. */
static void
test_bombs(void **state)
{
	size_t size = 1 << 20, used, i;
	char *text = malloc(size + 1), line[64];
	static const char *const open[] = { "[", "{", "- ", "? ", "- - - ? " };

	(void)state;
	for (i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		for (used = 0; used + strlen(open[i]) < size;)
			used += (size_t)sprintf(text + used, "%s", open[i]);
		refused_must(text, used);
	}
	/* Long text by alias: what is copied is bounded too. */
	used = (size_t)sprintf(text, "a: &a \"");
	memset(text + used, 'x', 400000);
	used += 400000;
	used +=
	    (size_t)sprintf(text + used, "\"\naddress-pools:\n- addresses: [");
	while (used < size - 8)
		used += (size_t)sprintf(text + used, "*a,");
	used += (size_t)sprintf(text + used, "]\n");
	refused_must(text, used);
	/* Lists of lists by alias. */
	used = (size_t)sprintf(text, "peers:\n- &p {node-selectors: &s [~");
	for (i = 0; i < 5000; i++)
		used += (size_t)sprintf(text + used, ",~");
	used += (size_t)sprintf(text + used, "]}\n");
	for (i = 0; i < 5000; i++)
		used += (size_t)sprintf(text + used, "- *p\n");
	refused_must(text, used);
	/* Anchors. */
	for (used = i = 0; used < size - sizeof(line); i++)
		used += (size_t)sprintf(text + used, "k%zu: &a%zu x\n", i, i);
	refused_must(text, used);
	free(text);
}

/* Any beginning of a text, and any of its bytes changed, ends in an answer. */
static void
test_damage(void **state)
{
	size_t len = strlen(upstream), i;
	struct report report = { 0 };
	char *text = malloc(len);
	unsigned seed = 1;

	(void)state;
	for (i = 0; i < len; i++) {
		config_free(config_read(upstream, i, &report));
		report_clear(&report);
	}
	for (i = 0; i < 3000; i++) {
		memcpy(text, upstream, len);
		seed = seed * 1103515245 + 12345;
		text[(seed >> 8) % len] = (char)(seed >> 24);
		seed = seed * 1103515245 + 12345;
		text[(seed >> 8) % len] = "-:[]{}&*\n \"'"[(seed >> 24) % 12];
		config_free(config_read(text, len, &report));
		report_clear(&report);
	}
	free(text);
}

static void
test_equality(void **state)
{
	static const char *const changes[][2] = { { "42", "43" },
		{ "1179", "1180" }, { "180s", "181s" }, { "quux", "quuz" },
		{ "foo: bar", "foo: baz" }, { "[30.", "[31." },
		{ "localpref: 100", "localpref: 99" }, { "2345", "2346" },
		{ "auto-assign: false", "auto-assign: on" } };
	struct config *a = config_must(upstream), *b = config_must(upstream);
	char text[sizeof(upstream) + 16], *at;
	size_t i;

	(void)state;
	assert_true(config_equal(a, b));
	config_free(b);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		at = strstr(upstream, changes[i][0]);
		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - upstream),
		    upstream, changes[i][1], at + strlen(changes[i][0]));
		b = config_must(text);
		assert_false(config_equal(a, b));
		config_free(b);
	}
	config_free(a);
}

static void
test_selectors(void **state)
{
	static const struct {
		const char *selector;
		bool matches;
	} rows[] = { { "{}", true }, { "{match-labels: {a: '1'}}", true },
		{ "{match-labels: {a: '2'}}", false },
		{ "{match-labels: {b: ''}}", true },
		{ "{match-labels: {c: ''}}", false },
		{ RULES("a, operator: In, values: [0, 1]"), true },
		{ RULES("a, operator: NotIn, values: [1]"), false },
		{ RULES("c, operator: NotIn, values: [1]"), true },
		{ RULES("b, operator: Exists"), true },
		{ RULES("b, operator: DoesNotExist"), false },
		{ "{match-labels: {a: 1}, match-expressions: "
		  "[{key: c, operator: Exists}]}",
		    false } };
	struct object_label labels[] = { { "a", "1" }, { "b", "" } };
	struct config *c;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), SELECT("%s"), rows[i].selector);
		c = config_must(text);
		if (selectors_match(c->peers[0].selectors, 1, labels, 2) !=
		    rows[i].matches)
			fail_msg("%s", rows[i].selector);
		config_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users_document),
		cmocka_unit_test(test_users_layer2),
		cmocka_unit_test(test_upstream_example),
		cmocka_unit_test(test_nothing_is_valid),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_hold_times),
		cmocka_unit_test(test_aliases_and_merges),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_all_faults_at_once),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
