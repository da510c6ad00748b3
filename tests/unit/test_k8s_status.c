/* SPDX-License-Identifier: ISC */
/* The status a Service shall have: when it is written, and what the patch says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "../../plugins/k8s/publish.h"

#define SERVICE                                                                \
	"{\"metadata\":{\"name\":\"web\",\"namespace\":\"a\","                 \
	"\"uid\":\"u-1\",\"resourceVersion\":\"41\"},"                         \
	"\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"port\":80}]},"      \
	"\"status\":%s}"
#define OURS(status, why)                                                      \
	"{\"type\":\"bgpd.io/Allocated\",\"status\":\"" status                 \
	"\",\"reason\":\"x\",\"message\":\"" why "\"}"

static struct service *
service_with(const char *status)
{
	struct service *s = k8s_alloc(sizeof(*s) + 8);
	char text[2048];
	struct json_object *root;
	struct fault fault;
	char *key;

	snprintf(text, sizeof(text), SERVICE, status);
	root = json_tokener_parse(text);
	assert_non_null(root);
	strcpy(s->name, "a/web");
	s->object = (void *)object_read(OBJECT_SERVICE, root, &key, &fault);
	assert_non_null(s->object);
	json_object_put(root);
	return s;
}

static void
service_drop(struct service *s)
{
	object_free(&s->object->object);
	free(s->why);
	free(s);
}

static void
give(struct service *s, const char *address)
{
	assert_true(tree_addr(address, &s->addresses[s->address_count++]));
}

static void
assert_differs(
    bool differs, const char *status, const char *address, const char *why)
{
	struct service *s = service_with(status);

	if (address != NULL)
		give(s, address);
	s->why = k8s_copy(why);
	if (wish_differs(s) != differs)
		fail_msg("status %s with %s, %s", status,
		    address == NULL ? "no address" : address,
		    why == NULL ? "no reason" : why);
	service_drop(s);
}

static void
test_when(void **state)
{
	(void)state;
	assert_differs(true, "{}", "192.0.2.1", NULL);
	/* What the API server adds is none of our business. */
	assert_differs(false,
	    "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\","
	    "\"ipMode\":\"VIP\"}]}}",
	    "192.0.2.1", NULL);
	assert_differs(true,
	    "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.2\"}]}}",
	    "192.0.2.1", NULL);
	assert_differs(true,
	    "{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"x\"}]}}", NULL,
	    "full");
	assert_differs(true, "{}", NULL, "full");
	assert_differs(false, "{\"conditions\":[" OURS("False", "full") "]}",
	    NULL, "full");
	assert_differs(true, "{\"conditions\":[" OURS("False", "full") "]}",
	    NULL, "other");
	assert_differs(true,
	    "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]},"
	    "\"conditions\":[" OURS("False", "full") "]}",
	    "192.0.2.1", NULL);
	/* A condition alone is no reason to write. */
	assert_differs(false,
	    "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]},"
	    "\"conditions\":[" OURS("True", "") "]}",
	    "192.0.2.1", NULL);
}

/* The value at a path of keys and indices, as text. */
static const char *
at(struct json_object *root, const char *path)
{
	char copy[128], *rest = copy, *word;

	strcpy(copy, path);
	while (root != NULL && (word = strsep(&rest, "/")) != NULL) {
		if (json_object_is_type(root, json_type_array))
			root =
			    json_object_array_get_idx(root, (size_t)atoi(word));
		else if (!json_object_object_get_ex(root, word, &root))
			return "absent";
	}
	return root == NULL ? "null" : json_object_get_string(root);
}

#define assert_at(path, value) assert_string_equal(at(root, path), value)

static struct json_object *
patch_of(struct service *s)
{
	struct wish wish;
	struct json_object *root;
	char *body;

	wish_make(s, &wish);
	body = status_body(s->object, &wish);
	root = json_tokener_parse(body);
	assert_non_null(root);
	free(body);
	free(wish.why);
	return root;
}

static void
test_patch_of_addresses(void **state)
{
	struct service *s =
	    service_with("{\"conditions\":[{\"type\":\"example.com/Mine\","
			 "\"status\":\"True\",\"message\":\"quo\\\"te\"}," OURS(
			     "False", "full") "]}");
	struct json_object *root;

	(void)state;
	give(s, "192.0.2.7");
	give(s, "2001:db8::7");
	root = patch_of(s);
	assert_at("metadata/resourceVersion", "41");
	assert_at("status/loadBalancer/ingress/0/ip", "192.0.2.7");
	assert_at("status/loadBalancer/ingress/1/ip", "2001:db8::7");
	assert_at("status/loadBalancer/ingress/0/ipMode", "absent");
	/* Those of others stand: the list is replaced as a whole. */
	assert_at("status/conditions/0/type", "example.com/Mine");
	assert_at("status/conditions/0/message", "quo\"te");
	assert_at("status/conditions/1/type", "bgpd.io/Allocated");
	assert_at("status/conditions/1/status", "True");
	assert_at("status/conditions/2/type", "bgpd.io/Conflict");
	assert_at("status/conditions/2/status", "False");
	assert_int_equal(strlen(at(root, "status/conditions/1/"
					 "lastTransitionTime")),
	    strlen("2026-01-02T03:04:05Z"));
	json_object_put(root);
	service_drop(s);
}

static void
test_patch_of_a_failure(void **state)
{
	struct service *s = service_with(
	    "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.7\"}]}}");
	struct json_object *root;
	struct wish wish;

	(void)state;
	s->why = k8s_copy("pool \"x\" is full\n");
	s->conflict = true;
	root = patch_of(s);
	assert_at("status/loadBalancer/ingress", "null");
	assert_at("status/conditions/0/status", "False");
	assert_at("status/conditions/0/reason", "AllocationFailed");
	assert_at("status/conditions/0/message", "pool \"x\" is full\n");
	assert_at("status/conditions/1/status", "True");
	json_object_put(root);

	/* Once it is settled there is nothing to write. */
	assert_true(wish_differs(s));
	wish_make(s, &wish);
	wish_settle(s->object, &wish);
	assert_false(wish_differs(s));
	free(wish.why);
	service_drop(s);
}

#define SAID(type, status, since)                                              \
	"{\"type\":\"bgpd.io/" type "\",\"status\":\"" status                  \
	"\",\"message\":\"old\",\"lastTransitionTime\":\"" since "\"}"
#define SINCE "2026-01-02T03:04:05Z"

static void
assert_since(const char *said, const char *why, bool allocated, bool conflict)
{
	struct service *s = service_with(said);
	struct json_object *root;
	struct wish wish;
	const char *since;

	s->why = k8s_copy(why);
	root = patch_of(s);
	since = at(root, "status/conditions/0/lastTransitionTime");
	assert_int_equal(strcmp(since, SINCE) == 0, allocated);
	since = at(root, "status/conditions/1/lastTransitionTime");
	assert_int_equal(strcmp(since, SINCE) == 0, conflict);
	json_object_put(root);

	/* What was written is what it goes on from. */
	wish_make(s, &wish);
	wish_settle(s->object, &wish);
	free(wish.why);
	wish_make(s, &wish);
	assert_int_equal(wish.allocated_since, s->object->allocated_since);
	assert_int_equal(wish.conflict_since, s->object->conflict_since);
	free(wish.why);
	service_drop(s);
}

/* metav1.Condition: a transition is of the status, and not of the reason. */
static void
test_since(void **state)
{
	(void)state;
	assert_since("{\"conditions\":[" SAID("Allocated", "False",
			 SINCE) "," SAID("Conflict", "False", SINCE) "]}",
	    "other", true, true);
	assert_since("{\"conditions\":[" SAID("Allocated", "False",
			 SINCE) "," SAID("Conflict", "True", SINCE) "]}",
	    NULL, false, false);
	assert_since("{\"conditions\":[" SAID("Conflict", "False", SINCE) "]}",
	    "other", false, true);
	/* No time is none. */
	assert_since("{\"conditions\":[" SAID("Allocated", "False", "x") "]}",
	    "other", false, false);
	assert_since("{\"conditions\":[" OURS("False", "full") "]}", "full",
	    false, false);
}

static void
test_paths(void **state)
{
	char *path = status_path("a/web"),
	     *body = status_body_of_none("u-1", "{\"type\":\"x\"}");
	struct json_object *root = json_tokener_parse(body);

	(void)state;
	assert_string_equal(path, "/api/v1/namespaces/a/services/web/"
				  "status?fieldManager=fairway");
	assert_at("metadata/uid", "u-1");
	assert_at("status/loadBalancer", "null");
	assert_at("status/conditions/0/type", "x");
	json_object_put(root);
	free(path);
	free(body);
	/* Where nobody else said anything the list is empty. */
	body = status_body_of_none("u\"1", NULL);
	assert_string_equal(body,
	    "{\"metadata\":{\"uid\":\"u\\\"1\"},\"status\":{"
	    "\"loadBalancer\":null,\"conditions\":[]}}");
	free(body);
}

/* Cut between characters, a long reason is told once. */
static void
test_long_reason(void **state)
{
	struct service *s = service_with("{}");
	char why[1102] = "x";
	struct wish wish;
	size_t i;

	(void)state;
	for (i = 1; i + 1 < sizeof(why); i += 2)
		memcpy(why + i, "\xc3\xa4", 2);
	s->why = k8s_copy(why);
	wish_make(s, &wish);
	assert_int_equal(strlen(wish.why), 899);
	wish_settle(s->object, &wish);
	free(wish.why);
	assert_false(wish_differs(s));
	/* The beginning of another is another. */
	strcpy(s->why + 5, "");
	assert_true(wish_differs(s));
	service_drop(s);
}

/* Strangers ------------------------------------------------------------------- */

#define TOLD "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}"
#define STRANGER                                                               \
	",\"conditions\":[{\"type\":\"bgpd.io/Conflict\",\"status\":\"True\"," \
	"\"message\":\"192.0.2.1 is in use by 02:00:00:00:00:07, which is "    \
	"none of our nodes\"}]"

static struct service *
service_seen(const char *status, bool mine, bool conflict)
{
	struct service *s = service_with(status);

	give(s, "192.0.2.1");
	s->sights[0].address = s->addresses[0];
	s->sights[0].mine = mine;
	s->sights[0].conflict = conflict;
	memcpy(s->sights[0].mac, "\2\0\0\0\0\7", 6);
	return s;
}

static void
assert_turns(
    bool differs, bool wished, const char *status, bool mine, bool conflict)
{
	struct service *s = service_seen(status, mine, conflict);
	struct wish wish;

	assert_int_equal(wish_differs_in_conflict(s), differs);
	assert_int_equal(wish_differs(s), differs);
	wish_make(s, &wish);
	assert_int_equal(wish.conflict, wished);
	if (wished)
		assert_string_equal(wish.conflict_why,
		    "192.0.2.1 is in use by 02:00:00:00:00:07, which is none "
		    "of our nodes");
	wish_settle_conflict(s->object, &wish);
	assert_false(wish_differs_in_conflict(s));
	service_drop(s);
}

static void
test_strangers(void **state)
{
	(void)state;
	assert_turns(true, true, TOLD "}", true, true);
	assert_turns(true, true, TOLD "}", false, true);
	assert_turns(false, false, TOLD "}", true, false);
	/* It is said already. */
	assert_turns(false, true, TOLD STRANGER "}", false, true);
	/* Who carries the address knows that it is over, and nobody else. */
	assert_turns(true, false, TOLD STRANGER "}", true, false);
	assert_turns(false, true, TOLD STRANGER "}", false, false);
}

/* Of one address the beginning is no other's. */
static void
test_whose_stranger(void **state)
{
	struct service *s = service_with(TOLD STRANGER "}");
	struct json_object *root;
	struct bgpd_addr longer;

	(void)state;
	give(s, "192.0.2.1");
	assert_true(tree_addr("192.0.2.10", &longer));
	assert_true(wish_is_in_conflict(s->object, &s->addresses[0]));
	assert_false(wish_is_in_conflict(s->object, &longer));
	/* Another one's conflict is not carried over to a new address. */
	assert_true(tree_addr("192.0.2.2", &s->addresses[0]));
	root = patch_of(s);
	assert_at("status/conditions/1/status", "False");
	json_object_put(root);
	service_drop(s);
}

static void
test_patch_of_a_conflict(void **state)
{
	struct service *s = service_seen(TOLD "}", true, true);
	struct json_object *root;
	struct wish wish;
	char *body;

	(void)state;
	wish_make(s, &wish);
	body = status_body_of_conflict(s->object, &wish);
	root = json_tokener_parse(body);
	assert_at("metadata/resourceVersion", "41");
	assert_at("status/loadBalancer", "absent");
	assert_at("status/conditions/0/type", "bgpd.io/Conflict");
	assert_at("status/conditions/0/status", "True");
	assert_at("status/conditions/0/reason", "AddressInUse");
	assert_int_equal(
	    json_object_array_length(json_object_object_get(
		json_object_object_get(root, "status"), "conditions")),
	    1);
	json_object_put(root);
	free(body);
	service_drop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_whose_stranger),
		cmocka_unit_test(test_patch_of_a_conflict),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_patch_of_addresses),
		cmocka_unit_test(test_patch_of_a_failure),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_long_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
