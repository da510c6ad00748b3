/* SPDX-License-Identifier: ISC */
/* A recorder of events in a test: its writer, what is said, the call under way. */
#ifndef RECORDER_SCENE_H
#define RECORDER_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "fake_api.h"

#define MINUTE INT64_C(60000)
#define EVENTS "/apis/events.k8s.io/v1/namespaces/shop/events"

static struct bgpd_self self;
static struct guest guest = { &fake_host, &self };
static struct api api = { &self };
static struct writer *writer;
static struct recorder *recorder;
static char posted[512]; /* path of the event that was posted last */

static int
setup(void **state)
{
	(void)state;
	writer = writer_new(&guest, &api);
	recorder = recorder_new(&guest, writer, "node-1");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	recorder_free(recorder);
	writer_free(writer);
	assert_true(LIST_EMPTY(&fake_timers));
	assert_int_equal(fake_under_way(), 0);
	fake_forget();
	return 0;
}

static struct event
event_of(const char *name, const char *note)
{
	return (struct event){ .api_version = "v1",
		.kind = "Service",
		.space = "shop",
		.name = name,
		.uid = "8f6c",
		.version = "17",
		.type = "Normal",
		.reason = "IPAllocated",
		.action = "Allocate",
		.note = note,
		.controller = "metallb-controller" };
}

static void
say_event(const char *name, const char *note)
{
	struct event event = event_of(name, note);

	recorder_say(recorder, &event);
}

/* A text or number of a body, by keys with dots; NULL: there is none. */
static const char *
body_at(const struct api_call *call, const char *keys)
{
	static char out[8192];
	struct json_object *root = json_tokener_parse(call->request.body);
	struct json_object *value = root;
	char copy[128], *key, *rest = copy;

	assert_non_null(root);
	snprintf(copy, sizeof(copy), "%s", keys);
	while (value != NULL && (key = strsep(&rest, ".")) != NULL) {
		if (!json_object_object_get_ex(value, key, &value))
			value = NULL;
	}
	if (value != NULL)
		snprintf(out, sizeof(out), "%s", json_object_get_string(value));
	json_object_put(root);
	return value == NULL ? NULL : out;
}

/* The one call under way. */
static struct api_call *
the_call(const char *method)
{
	fake_advance(0);
	assert_int_equal(fake_under_way(), 1);
	assert_string_equal(fake_call()->request.method, method);
	if (strcmp(method, "POST") == 0)
		snprintf(posted, sizeof(posted), "%.250s/%.250s",
		    fake_call()->request.path,
		    body_at(fake_call(), "metadata.name"));
	return fake_call();
}

static void
expect_quiet(void)
{
	fake_advance(0);
	assert_int_equal(fake_under_way(), 0);
}

#endif
