/* SPDX-License-Identifier: ISC */
/* Manifests to objects: types of YAML, typed readers, faults by line and name. */

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

/* What a file told. */
struct told {
	struct object *objects[16];
	size_t count;
	char faults[2048];
};

static void
on_object(void *arg, struct object *object)
{
	struct told *told = arg;

	assert_true(told->count < 16);
	told->objects[told->count++] = object;
}

static void
on_fault(void *arg, const struct manifest_fault *fault)
{
	struct told *told = arg;
	size_t len = strlen(told->faults);

	snprintf(told->faults + len, sizeof(told->faults) - len, "%u %s: %s\n",
	    fault->line, fault->name == NULL ? "-" : fault->name, fault->text);
}

static void
tell_as(struct told *told, const char *text, bool is_json)
{
	struct manifest m;

	memset(told, 0, sizeof(*told));
	if (manifest_read(&m, text, strlen(text), is_json) == -1) {
		snprintf(told->faults, sizeof(told->faults), "%u file: %s\n",
		    m.fault.line, m.fault.text);
		return;
	}
	manifest_tell(&m, on_object, on_fault, told);
}

static void
tell(struct told *told, const char *text)
{
	tell_as(told, text, false);
}

static void
told_free(struct told *told)
{
	while (told->count > 0)
		object_free(told->objects[--told->count]);
}

/* YAML ------------------------------------------------------------------------- */

static void
compare_json(void *arg, struct json_object *root)
{
	const char *text =
	    json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);

	strcat(strcat(arg, text), "\n");
}

static void
test_yaml_types(void **state)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{ "a: 1", "{\"a\":1}\n" },
		{ "[yes, No, on, off, true, ~, null, '', 'yes', nope]",
		    "[true,false,true,false,true,null,null,\"\",\"yes\","
		    "\"nope\"]\n" },
		{ "[0x1f, 010, 0b11, -5, +5, 1_000, 18446744073709551615]",
		    "[31,8,3,-5,5,1000,18446744073709551615]\n" },
		{ "[1.5, 1e3, .5, 1.2.3, 10.0.0.1, 1:30, 0x, -, nan]",
		    "[1.5,1000.0,0.5,\"1.2.3\",\"10.0.0.1\",\"1:30\",\"0x\","
		    "\"-\",\"nan\"]\n" },
		{ "2024-01-01T00:00:00Z", "\"2024-01-01T00:00:00Z\"\n" },
		{ "!!str 12", "\"12\"\n" },
		{ "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}",
		    "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":{\"e\":2,"
		    "\"b\":1}}\n" },
		{ "a: 1\n---\nb: 2\n---\n", "{\"a\":1}\n{\"b\":2}\nnull\n" },
		{ "", "" },
	};
	char out[4096];
	struct fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		out[0] = '\0';
		assert_int_equal(yaml_read(rows[i].yaml, strlen(rows[i].yaml),
				     compare_json, out, &fault),
		    0);
		assert_string_equal(out, rows[i].json);
	}
}

static void
ignore_json(void *arg, struct json_object *root)
{
	(void)arg, (void)root;
}

static void
test_yaml_faults(void **state)
{
	static const struct {
		const char *yaml;
		unsigned line;
	} rows[] = {
		{ "a: 1\nb: [1,\n", 3 },
		{ "a: *nobody\n", 1 },
		{ "a: 1\n\tb: 2\n", 2 },
		{ "&a [*a]", 1 },
		{ "{a: 1}: 2", 1 },
		{ "a: \"\xff\"", 1 },
	};
	char deep[400];
	struct fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(yaml_read(rows[i].yaml, strlen(rows[i].yaml),
				     ignore_json, NULL, &fault),
		    -1);
		assert_int_equal(fault.line, rows[i].line);
	}
	memset(deep, '[', sizeof(deep));
	assert_int_equal(
	    yaml_read(deep, sizeof(deep), ignore_json, NULL, &fault), -1);
	assert_string_equal(fault.text, "nested too deep");
}

/* Objects -------------------------------------------------------------------------- */

static const char service_yaml[] =
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata:\n"
    "  name: web\n"
    "  namespace: shop\n"
    "  creationTimestamp: 2024-01-02T03:04:05Z\n"
    "  annotations:\n"
    "    metallb.universe.tf/address-pool: old\n"
    "    metallb.io/address-pool: new\n"
    "    metallb.universe.tf/allow-shared-ip: key\n"
    "spec:\n"
    "  type: LoadBalancer\n"
    "  loadBalancerIP: 192.0.2.7\n"
    "  externalTrafficPolicy: Local\n"
    "  selector: {b: two, a: one}\n"
    "  ipFamilies: [IPv6, IPv4]\n"
    "  ports:\n"
    "  - {port: 80}\n"
    "  - {port: 53, protocol: UDP}\n"
    "status:\n"
    "  loadBalancer:\n"
    "    ingress:\n"
    "    - {ip: 192.0.2.9, ipMode: VIP}\n";

static void
test_service(void **state)
{
	struct told told;
	struct object_service *s;

	(void)state;
	tell(&told, service_yaml);
	assert_string_equal(told.faults, "");
	assert_int_equal(told.count, 1);
	s = (struct object_service *)(void *)told.objects[0];
	assert_int_equal(s->object.kind, OBJECT_SERVICE);
	assert_string_equal(s->object.name, "shop/web");
	assert_int_equal(s->created, 1704164645);
	assert_true(s->balancer && s->local && !s->both);
	assert_string_equal(s->pool, "new");
	assert_string_equal(s->sharing, "key");
	assert_string_equal(s->wanted, "192.0.2.7");
	assert_string_equal(s->selector, "a=one,b=two");
	assert_null(s->class);
	assert_int_equal(s->port_count, 2);
	assert_int_equal(s->ports[1].number, 53);
	assert_int_equal(s->ports[1].protocol, PROTOCOL_UDP);
	assert_int_equal(s->family_count, 2);
	assert_int_equal(s->families[0], 6);
	assert_int_equal(s->status_count, 1);
	assert_memory_equal(s->status[0].bytes, "\xc0\x00\x02\x09", 4);
	told_free(&told);
}

static void
test_service_equal(void **state)
{
	struct told a, b;
	char text[sizeof(service_yaml)];

	(void)state;
	tell(&a, service_yaml);
	strcpy(text, service_yaml);
	memcpy(strstr(text, "192.0.2.9"), "192.0.2.8", 9);
	tell(&b, text);
	assert_true(object_equal(a.objects[0], b.objects[0]));
	told_free(&b);
	memcpy(strstr(text, "port: 80"), "port: 81", 8);
	tell(&b, text);
	assert_false(object_equal(a.objects[0], b.objects[0]));
	told_free(&b);
	told_free(&a);
}

static void
test_slice(void **state)
{
	struct told told;
	struct object_slice *s;

	(void)state;
	tell(&told,
	    "apiVersion: discovery.k8s.io/v1\n"
	    "kind: EndpointSlice\n"
	    "metadata:\n"
	    "  name: web-1\n"
	    "  labels: {kubernetes.io/service-name: web}\n"
	    "endpoints:\n"
	    "- {nodeName: n2, addresses: [10.1.1.1]}\n"
	    "- {nodeName: n1, conditions: {ready: false, serving: true}}\n"
	    "- {nodeName: n3, conditions: {ready: false}}\n"
	    "- {nodeName: n2, conditions: {ready: true}}\n"
	    "- {nodeName: n4, conditions: {ready: null}}\n");
	assert_string_equal(told.faults, "");
	s = (struct object_slice *)(void *)told.objects[0];
	assert_string_equal(s->service, "default/web");
	assert_true(s->usable);
	assert_int_equal(s->nodes_len, 9);
	assert_memory_equal(s->nodes, "n1\0n2\0n4", 9);
	told_free(&told);
}

static void
test_node_config_secret(void **state)
{
	struct told told;
	struct object_node *n;
	size_t len;

	(void)state;
	tell(&told,
	    "apiVersion: v1\n"
	    "kind: List\n"
	    "items:\n"
	    "- apiVersion: v1\n"
	    "  kind: Node\n"
	    "  metadata:\n"
	    "    name: n1\n"
	    "    labels:\n"
	    "      zone: a\n"
	    "      node.kubernetes.io/exclude-from-external-load-balancers:"
	    " ''\n"
	    "  status:\n"
	    "    addresses:\n"
	    "    - {type: Hostname, address: n1}\n"
	    "    - {type: InternalIP, address: 10.0.0.5}\n"
	    "    - {type: InternalIP, address: 'fd00::5'}\n"
	    "    conditions: [{type: NetworkUnavailable, status: 'True'}]\n"
	    "- apiVersion: v1\n"
	    "  kind: Secret\n"
	    "  metadata: {name: memberlist, namespace: metallb-system}\n"
	    "  data: {secretkey: aGVsbG8=}\n"
	    "- apiVersion: serving.knative.dev/v1\n"
	    "  kind: Service\n"
	    "- {apiVersion: v1, kind: Pod}\n");
	assert_string_equal(told.faults, "");
	assert_int_equal(told.count, 2);
	n = (struct object_node *)(void *)told.objects[0];
	assert_true(n->excluded && n->network_unavailable);
	assert_int_equal(n->address_count, 2);
	assert_int_equal(n->label_count, 2);
	assert_string_equal(
	    object_value((struct object_data *)(void *)told.objects[1],
		"secretkey", &len),
	    "hello");
	assert_int_equal(len, 5);
	told_free(&told);
}

/* Each is told by line and name; the object behind it is read. */
static void
test_faults(void **state)
{
	static const struct {
		const char *object, *fault;
	} rows[] = {
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
		  "spec: {type: LoadBalancer, ports: 80}\n",
		    "1 default/a: ports must be a list\n" },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
		  "spec: {type: LoadBalancer, ports: [{port: 0}]}\n",
		    "1 default/a: port must be 1 to 65535\n" },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
		  "spec: {type: LoadBalancer, ports: [{port: http}]}\n",
		    "1 default/a: port must be a whole number\n" },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: 'a b'}\n",
		    "1 -: metadata.name must be a name\n" },
		{ "apiVersion: v1\nkind: ConfigMap\n"
		  "metadata: {name: a, namespace: n}\ndata: {x: 1}\n",
		    "1 n/a: x must be text\n" },
		{ "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		  "data: {x: '*'}\n",
		    "1 default/a: x must be base64\n" },
		{ "apiVersion: v1\nkind: Node\n"
		  "metadata: {name: a, labels: {x: true}}\n",
		    "1 a: x must be text\n" },
		{ "- 1\n", "1 -: not a Kubernetes object\n" },
		{ "kind: List\nitems: [1]\n",
		    "1 -: items must be a list of mappings\n" },
	};
	char text[1024];
	struct told told;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
		    "%s---\napiVersion: v1\nkind: Node\n"
		    "metadata: {name: good}\n",
		    rows[i].object);
		tell(&told, text);
		assert_string_equal(told.faults, rows[i].fault);
		assert_int_equal(told.count, 1);
		assert_string_equal(told.objects[0]->name, "good");
		told_free(&told);
	}
}

static void
test_json(void **state)
{
	static const char node[] = "{\"apiVersion\":\"v1\",\"kind\":\"Node\","
				   "\"metadata\":{\"name\":\"n%c\"}}\n";
	char text[512];
	struct told told;
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), node, '1');
	snprintf(text + n, sizeof(text) - (size_t)n, node, '2');
	tell_as(&told, text, true);
	assert_string_equal(told.faults, "");
	assert_int_equal(told.count, 2);
	told_free(&told);
	strcat(text, "\n{\"a\":");
	tell_as(&told, text, true);
	assert_string_equal(told.faults, "4 file: ends in the middle\n");
	assert_int_equal(told.count, 0);
	tell_as(&told, "{} x", true);
	assert_non_null(strstr(told.faults, "1 file: "));
	tell_as(&told, "", true);
	assert_string_equal(told.faults, "");
}

/* No beginning and no single wrong byte of a file harms. */
static void
test_torn(void **state)
{
	char text[sizeof(service_yaml)];
	struct told told;
	size_t i;

	(void)state;
	for (i = 0; i < strlen(service_yaml); i++) {
		memcpy(text, service_yaml, i);
		text[i] = '\0';
		tell(&told, text);
		told_free(&told);
		memcpy(text, service_yaml, sizeof(text));
		text[i] = (char)(i * 37 + 1);
		tell(&told, text);
		told_free(&told);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_types),
		cmocka_unit_test(test_yaml_faults),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_service_equal),
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_node_config_secret),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
