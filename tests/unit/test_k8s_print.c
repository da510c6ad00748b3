/* SPDX-License-Identifier: ISC */
/* Objects to JSON: what is printed reads back as an equal object. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "../../plugins/k8s/k8s.h"
#include "../../plugins/k8s/text.h"
#include "k8s_random.h"

static struct object *
read_back(enum object_kind kind, const char *json)
{
	struct json_object *root = json_tokener_parse(json);
	struct object *object;
	struct fault fault;
	char *key = NULL;

	if (root == NULL)
		fail_msg("no JSON: %s", json);
	object = object_read(kind, root, &key, &fault);
	json_object_put(root);
	if (object == NULL)
		fail_msg("%s: %s", fault.text, json);
	return object;
}

/* To be freed. */
static char *
printed(const struct object *object)
{
	struct text text = { 0 };

	object_print(object, &text);
	assert_null(strchr(text.s, '\n'));
	return text.s;
}

/* What object_equal does not look at. */
static void
rest_is_equal(const struct object *a, const struct object *b)
{
	const struct object_service *s = (const void *)a, *t = (const void *)b;
	const struct object_node *n = (const void *)a, *m = (const void *)b;

	assert_string_equal(a->name, b->name);
	assert_int_equal(a->kind, b->kind);
	if (a->kind == OBJECT_SERVICE) {
		assert_true(service_status_equal(s, t));
		assert_string_equal(s->uid, t->uid);
		assert_string_equal(s->version, t->version);
		assert_true(s->conditions == NULL
				? t->conditions == NULL
				: strcmp(s->conditions, t->conditions) == 0);
	}
	if (a->kind == OBJECT_NODE)
		assert_int_equal(n->excluded, m->excluded);
}

static void
test_random(void **unused)
{
	struct object *object, *back;
	char *json, *again;
	int i;

	(void)unused;
	srand(4711);
	for (i = 0; i < 20000; i++) {
		object = random_object(
		    (enum object_kind)(i % OBJECT_KINDS), rand() % 1000);
		json = printed(object);
		back = read_back(object->kind, json);
		if (!object_equal(object, back))
			fail_msg("is not itself: %s", json);
		rest_is_equal(object, back);
		again = printed(back);
		assert_string_equal(again, json);
		free(json);
		free(again);
		object_free(object);
		object_free(back);
	}
}

#define META "{\"metadata\":{\"namespace\":\"a\",\"name\":\"b\""

static const struct {
	enum object_kind kind;
	const char *json, *printed; /* NULL: as it is */
} rows[] = {
	{ OBJECT_CONFIG_MAP, META "}}", NULL },
	{ OBJECT_CONFIG_MAP,
	    META "},\"data\":{\"config\":\"peers:\\n- \\\"x\\\"\\t\\\\\\u0001"
		 "\xc3\xa9\",\"e\":\"\"}}",
	    NULL },
	{ OBJECT_CONFIG_MAP,
	    META ",\"uid\":\"1\",\"managedFields\":[1,2]},\"binaryData\":{}}",
	    META "}}" },
	{ OBJECT_SECRET,
	    META "},\"data\":{\"a\":\"\",\"b\":\"AA==\",\"c\":\"/+8=\","
		 "\"d\":\"AAEC\"}}",
	    NULL },
	{ OBJECT_NODE, "{\"metadata\":{\"name\":\"n1\"}}", NULL },
	{ OBJECT_NODE,
	    "{\"metadata\":{\"name\":\"n1\",\"labels\":{\"" LABEL_EXCLUDE
	    "\":\"\"}},\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
	    "\"address\":\"192.0.2.1\"}],\"conditions\":[{\"type\":"
	    "\"NetworkUnavailable\",\"status\":\"True\"}]}}",
	    NULL },
	{ OBJECT_NODE,
	    "{\"metadata\":{\"name\":\"n1\"},\"status\":{\"addresses\":[{"
	    "\"type\":\"Hostname\",\"address\":\"n1\"}],\"conditions\":[{"
	    "\"type\":\"NetworkUnavailable\",\"status\":\"False\"}]}}",
	    "{\"metadata\":{\"name\":\"n1\"}}" },
	{ OBJECT_SLICE,
	    META ",\"labels\":{\"" LABEL_SERVICE "\":\"s\"}},\"endpoints\":[{"
		 "\"nodeName\":\"n1\"},{\"nodeName\":\"n2\"}]}",
	    NULL },
	{ OBJECT_SLICE, META "},\"endpoints\":[{}]}", NULL },
	{ OBJECT_SLICE,
	    META "},\"endpoints\":[{\"nodeName\":\"n2\"},{\"nodeName\":\"n1\","
		 "\"conditions\":{\"ready\":false}},{\"addresses\":[]}]}",
	    META "},\"endpoints\":[{\"nodeName\":\"n2\"}]}" },
	{ OBJECT_SERVICE,
	    META "},\"spec\":{\"type\":\"ClusterIP\",\"ports\":[{\"port\":1}]"
		 "}}",
	    META "}}" },
	{ OBJECT_SERVICE,
	    META ",\"uid\":\"u-1\",\"resourceVersion\":\"17\","
		 "\"creationTimestamp\":\"2024-02-29T12:00:01Z\","
		 "\"annotations\":{\"metallb.universe.tf/address-pool\":\"p\","
		 "\"metallb.io/allow-shared-ip\":\"k\","
		 "\"metallb.universe.tf/allow-shared-ip\":\"old\"}},"
		 "\"spec\":{\"type\":\"LoadBalancer\","
		 "\"loadBalancerIP\":\"192.0.2.7\",\"clusterIP\":\"10.0.0.1\","
		 "\"externalTrafficPolicy\":\"Local\","
		 "\"selector\":{\"b\":\"2\",\"a\":\"1\"},"
		 "\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"name\":\"x\"}"
		 ",{\"port\":53,\"protocol\":\"UDP\"}],"
		 "\"ipFamilyPolicy\":\"RequireDualStack\","
		 "\"ipFamilies\":[\"IPv4\",\"IPv6\"]},"
		 "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
		 "\"192.0.2.7\",\"ipMode\":\"VIP\"},{\"ip\":\"2001:db8::1\"}]"
		 "}}}",
	    META ",\"uid\":\"u-1\",\"resourceVersion\":\"17\","
		 "\"creationTimestamp\":\"2024-02-29T12:00:01Z\","
		 "\"annotations\":{\"metallb.io/address-pool\":\"p\","
		 "\"metallb.io/allow-shared-ip\":\"k\","
		 "\"metallb.io/loadBalancerIPs\":\"192.0.2.7\"}},"
		 "\"spec\":{\"type\":\"LoadBalancer\","
		 "\"externalTrafficPolicy\":\"Local\","
		 "\"selector\":{\"a\":\"1\",\"b\":\"2\"},"
		 "\"ports\":[{\"port\":80},{\"port\":53,\"protocol\":\"UDP\"}]"
		 ",\"ipFamilyPolicy\":\"RequireDualStack\","
		 "\"ipFamilies\":[\"IPv4\",\"IPv6\"]},"
		 "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
		 "\"192.0.2.7\"},{\"ip\":\"2001:db8::1\"}]}}}" },
	{ OBJECT_SERVICE,
	    META "},\"spec\":{\"type\":\"LoadBalancer\"},\"status\":{"
		 "\"conditions\":[{\"type\":\"" CONDITION_ALLOCATED
		 "\",\"status\":\"False\",\"message\":\"no \\\"pool\\\"\"},"
		 "{\"type\":\"" CONDITION_CONFLICT
		 "\",\"status\":\"True\"},{\"type\":\"x.io\\/y\","
		 "\"status\":\"True\",\"message\":\"kept\"}]}}",
	    NULL },
	/* Odd, and kept as odd as it is. */
	{ OBJECT_SERVICE,
	    META "},\"spec\":{\"type\":\"LoadBalancer\","
		 "\"externalTrafficPolicy\":\"Local\",\"selector\":{},"
		 "\"ipFamilies\":[\"IPv4\",\"IPv4\"]},"
		 "\"status\":{\"loadBalancer\":{\"ingress\":[{}]}}}",
	    NULL },
};

static void
test_rows(void **unused)
{
	struct object *object, *back;
	char *json;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		object = read_back(rows[i].kind, rows[i].json);
		json = printed(object);
		assert_string_equal(json,
		    rows[i].printed == NULL ? rows[i].json : rows[i].printed);
		back = read_back(rows[i].kind, json);
		assert_true(object_equal(object, back));
		rest_is_equal(object, back);
		free(json);
		object_free(object);
		object_free(back);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
