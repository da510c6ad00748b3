/* SPDX-License-Identifier: ISC */
/* The plugin l2, loaded as bgpd loads it: a backend that lists what it is given. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>

#include "fake_host.h"

static const struct bgpd_plugin *plugin;

static void
test_backend(void **unused)
{
	static struct bgpd_out text, json;
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line),
		plugin->rows[0].id, NULL, 0, NULL, 0 };
	struct bgpd_address a = { .abi = BGPD_ABI,
		.size = sizeof(a),
		.address = { 4, { 192, 0, 2, 1 } },
		.protocol = "layer2",
		.here = 1 };
	void *arg;

	(void)unused;
	assert_int_equal(plugin->start(&fake_host, NULL, &arg), 0);
	assert_string_equal(fake_backend->protocol, "layer2");
	fake_backend->carry(arg, &a, "default/web", 1);
	assert_string_equal(fake_carried, "not-yet");
	assert_non_null(strstr(fake_log, "192.0.2.1 would be carried for "
					 "default/web: layer 2 is not built"));
	fake_backend->carry(arg, &a, "default/web", 2);
	a.address.bytes[3] = 2;
	fake_backend->carry(arg, &a, NULL, 1);
	assert_int_equal(plugin->run(arg, &line, &text), 0);
	assert_non_null(strstr(text.text, "would carry 2 addresses"));
	assert_non_null(strstr(text.text, "default/web"));
	fake_backend->drop(arg, &a.address);
	fake_backend->drop(arg, &a.address);
	json.json = true;
	assert_int_equal(plugin->run(arg, &line, &json), 0);
	assert_string_equal(json.text,
	    "built=false members=0 addresses: { 192.0.2.1: { state=not-yet "
	    "services=2 candidates=0 here=true group=default/web } } ");
	plugin->stop(arg);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backend),
	};
	void *handle = dlopen(L2_PLUGIN, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	plugin = dlsym(handle, "bgpd_plugin");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
