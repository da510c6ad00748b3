/* SPDX-License-Identifier: ISC */
/* An event: names that the server takes, texts cut to what it takes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/api/event.h"

static void
test_subdomain(void **state)
{
	static const struct {
		const char *in, *out;
		size_t max;
	} rows[] = {
		{ "web", "web", 253 },
		{ "Web_1", "web-1", 253 },
		{ "a.b", "a.b", 253 },
		{ "a..b", "a.b", 253 },
		{ "a-.-b", "a.b", 253 },
		{ "-.x.-", "x", 253 },
		{ "abc-def", "abc", 4 },
		{ "abc.def", "abc", 4 },
		{ "10.0.0.0/8", "10.0.0.0-8", 253 },
		{ "\xc3\xa4", "", 253 },
		{ "", "", 253 },
	};
	char out[254];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(event_subdomain(out, rows[i].in, rows[i].max),
		    strlen(rows[i].out));
		assert_string_equal(out, rows[i].out);
	}
}

/* Packed and printed; what is too long ends between two characters. */
static void
test_print(void **state)
{
	static const struct event_times times = {
		.first_ns = 1, .last_ns = 2, .count = 1
	};
	struct event event = { .api_version = "v1",
		.kind = "Service",
		.name = "Web",
		.reason = "R",
		.action = "A",
		.type = "Normal",
		.controller = "c",
		.note = "n" };
	char instance[132] = "x", reason[132] = "", *block, *json;
	size_t i;

	(void)state;
	for (i = 1; i < 131; i += 2)
		memcpy(instance + i, "\xc3\xa4", 2);
	for (i = 0; i < 130; i += 2)
		memcpy(reason + i, "\xc3\xa4", 2);
	event.reason = reason;
	block = k8s_alloc(event_pack(&event, NULL));
	event_pack(&event, block);
	event_unpack(&event, block);
	assert_int_equal(strlen(event.reason), 128);
	assert_string_equal(event.space, "");
	event.reason = "R";
	json = event_print(&event, &times, instance);
	instance[127] = '\0';
	assert_non_null(strstr(json, instance));
	assert_non_null(strstr(json, "\xa4\",\"action\":\"A\""));
	assert_null(strchr(json, '?'));
	assert_non_null(strstr(json,
	    "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\","
	    "\"metadata\":{\"name\":\"web.1\",\"namespace\":\"default\"}"));
	assert_non_null(strstr(json,
	    "\"regarding\":{\"apiVersion\":\"v1\",\"kind\":\"Service\","
	    "\"name\":\"Web\"},\"note\":\"n\",\"type\":\"Normal\"}"));
	free(json);
	free(block);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subdomain),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
