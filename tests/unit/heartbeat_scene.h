/* SPDX-License-Identifier: ISC */
/* A cluster that keeps a node's Lease: its daemon and its server, for tests. */
#ifndef HEARTBEAT_SCENE_H
#define HEARTBEAT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "elector.h"
#include "../../plugins/k8s/heartbeat.h"
#include "../../plugins/k8s/publish.h"

#define SPACE	 "metallb-system"
#define LEASES	 "/apis/coordination.k8s.io/v1/namespaces/" SPACE "/leases"
#define MINE	 LEASES "/fairway-node-one"
#define NODE_UID "5a7f0a44-6a2b-4c5e-9d26-000000000001"

static struct bgpd_self self;
static struct bgpd_host host;
static struct guest guest = { &host, &self };
static struct api api;
static struct settings settings;
static struct config_pool pool;
static struct config config;
static struct cluster c;
static char *shown;

static bool backend;
static unsigned told;
static char alive[256]; /* "one 1 two 2" */

/* The daemon ---------------------------------------------------------------------- */

static int
has_backend(struct bgpd_self *me, const char *protocol)
{
	(void)me;
	assert_string_equal(protocol, "layer2");
	return backend;
}

static void
take_members(struct bgpd_self *me, const struct bgpd_membership *m)
{
	size_t len = 0;
	uint32_t i;

	(void)me;
	told++;
	alive[0] = '\0';
	for (i = 0; i < m->member_count; i++)
		len += (size_t)snprintf(alive + len, sizeof(alive) - len,
		    "%s%s %d", i == 0 ? "" : " ", m->members[i].node,
		    m->members[i].alive);
}

static void
on_print(struct bgpd_out *out, const char *format, ...)
{
	va_list ap;

	(void)out;
	free(shown);
	va_start(ap, format);
	assert_int_not_equal(vasprintf(&shown, format, ap), -1);
	va_end(ap);
}

static void
on_name(struct bgpd_out *out, const char *key)
{
	(void)out, (void)key;
}

static void
on_string(struct bgpd_out *out, const char *key, const char *value)
{
	(void)out, (void)key, (void)value;
}

static void
on_bool(struct bgpd_out *out, const char *key, int value)
{
	(void)out, (void)key, (void)value;
}

static void
on_int(struct bgpd_out *out, const char *key, int64_t value)
{
	(void)out, (void)key, (void)value;
}

static void
on_close(struct bgpd_out *out)
{
	(void)out;
}

static void
add_node(const char *name, const char *uid)
{
	struct json_object *root;
	struct fault fault = { 0 };
	char *text, *key;
	struct object *object;

	text = k8s_print(
	    "{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\"}}", name, uid);
	root = json_tokener_parse(text);
	object = object_read(OBJECT_NODE, root, &key, &fault);
	assert_non_null(object);
	cluster_take(&c, object);
	json_object_put(root);
	free(text);
}

static int
setup(void **state)
{
	(void)state;
	host = fake_host;
	host.has_backend = has_backend;
	host.members = take_members;
	host.out_print = on_print;
	host.out_object = on_name;
	host.out_close = on_close;
	host.out_string = on_string;
	host.out_bool = on_bool;
	host.out_int = on_int;
	memset(&c, 0, sizeof(c));
	settings = (struct settings){ .node = k8s_copy("one"),
		.space = k8s_copy(SPACE),
		.config_map = k8s_copy("config") };
	pool.is_layer2 = true;
	config = (struct config){ .pools = &pool, .pool_count = 1 };
	c.guest = &guest;
	c.settings = &settings;
	c.config = &config;
	c.stage = STAGE_SYNCED;
	c.nodes_whole = true;
	cluster_init(&c);
	c.alloc = alloc_new();
	add_node("one", NODE_UID);
	add_node("two", NODE_UID);
	c.nodes_touched = c.carriers_touched = false;
	backend = true;
	told = 0;
	alive[0] = '\0';
	c.heartbeat = heartbeat_new(&c, &api, "one_0123");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	heartbeat_free(c.heartbeat);
	while (!cluster_clear(&c, 100))
		;
	alloc_free(c.alloc);
	free(settings.node);
	free(settings.space);
	free(settings.config_map);
	free(shown);
	shown = NULL;
	assert_true(LIST_EMPTY(&fake_timers));
	assert_true(LIST_EMPTY(&fake_reflectors));
	fake_forget();
	return 0;
}

/* The server ------------------------------------------------------------------------ */

static struct api_call *
the_call(const char *method, const char *path)
{
	fake_advance(0);
	assert_int_equal(fake_under_way(), 1);
	assert_string_equal(fake_call()->request.method, method);
	assert_string_equal(fake_call()->request.path, path);
	return fake_call();
}

static void
watch_tell(const char *name, const char *holder, unsigned version)
{
	char *key = k8s_print("%s/%s", SPACE, name), *text;
	struct json_object *root;
	struct reflector *r = LIST_FIRST(&fake_reflectors);

	assert_non_null(r);
	text = k8s_print("{\"metadata\":{\"resourceVersion\":\"%u\"},\"spec\":"
			 "{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":"
			 "15}}",
	    version, holder);
	root = json_tokener_parse(text);
	r->sink->on_object(r->arg, key, root);
	r->sink->on_batch(r->arg);
	json_object_put(root);
	free(text);
	free(key);
}

/* What was asked passes: as the server has it, and as the watch tells. */
static void
pass(int status)
{
	static unsigned version = 100;
	struct json_object *root =
	    json_tokener_parse(fake_call()->request.body);
	struct json_object *meta;
	char *text;

	assert_true(json_object_object_get_ex(root, "metadata", &meta));
	text = k8s_print("%u", ++version);
	json_object_object_add(
	    meta, "resourceVersion", json_object_new_string(text));
	fake_answer(fake_call(), status, json_object_to_json_string(root));
	json_object_put(root);
	free(text);
	watch_tell("fairway-node-one", "one_0123", version);
}

static const char *
sent(const char *pointer)
{
	static char out[256];
	struct json_object *root =
	    json_tokener_parse(fake_call()->request.body);
	struct json_object *value = NULL;

	json_pointer_get(root, pointer, &value);
	snprintf(out, sizeof(out), "%s",
	    value == NULL ? "" : json_object_get_string(value));
	json_object_put(root);
	return out;
}

static void
make(void)
{
	heartbeat_look(c.heartbeat);
	fake_answer(the_call("GET", MINE), 404, NULL);
	the_call("POST", LEASES);
	pass(201);
}

/* Five seconds on, at the end of which ours is renewed. */
static void
renew(void)
{
	int64_t from_ms = fake_ms;

	while (fake_under_way() == 0)
		fake_advance(1);
	assert_true(fake_ms - from_ms <= 5000);
	the_call("PUT", MINE);
	pass(200);
	fake_advance(300); /* it is told */
}

/* Two's, and the watch's: the next version. */
static void
beat_two(void)
{
	static unsigned version = 5000;

	watch_tell("fairway-node-two", "two_4567", ++version);
}

#endif
