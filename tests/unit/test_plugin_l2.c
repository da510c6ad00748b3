/* SPDX-License-Identifier: ISC */
/* The plugin l2, loaded as bgpd loads it, with a cable that it may use. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>

#include "fake_host.h"
#include "l2_cable.h"

static const struct bgpd_plugin *plugin;

static uint32_t
row_of(const char *syntax)
{
	uint32_t i;

	for (i = 0; i < plugin->row_count; i++) {
		if (strcmp(plugin->rows[i].syntax, syntax) == 0)
			return plugin->rows[i].id;
	}
	fail();
	return 0;
}

static struct bgpd_address
offer(uint8_t last)
{
	return (struct bgpd_address){ .abi = BGPD_ABI,
		.size = sizeof(struct bgpd_address),
		.address = { 4, { 192, 0, 2, last } },
		.protocol = "layer2",
		.phase = BGPD_CARRIED,
		.here = 1 };
}

static void
test_backend(void **unused)
{
	static struct bgpd_out text, json;
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line),
		row_of("show l2"), NULL, 0, NULL, 0 };
	struct bgpd_address a = offer(240);
	void *arg;

	(void)unused;
	assert_int_equal(plugin->start(&fake_host, NULL, &arg), 0);
	assert_string_equal(fake_backend->protocol, "layer2");
	fake_backend->carry(arg, &a, "default/web", 1);
	assert_string_equal(fake_carried, "waiting");
	/* No source names nodes: it is alone, and the address is free. */
	fake_until(strcmp(fake_carried, "probing") == 0);
	fake_until(strcmp(fake_carried, "owner") == 0);
	assert_int_equal(plugin->run(arg, &line, &text), 0);
	assert_non_null(strstr(text.text, "192.0.2.240"));
	assert_non_null(strstr(text.text, "default/web"));
	json.json = true;
	assert_int_equal(plugin->run(arg, &line, &json), 0);
	assert_non_null(strstr(json.text, "state=owner"));
	/* Who shares it later hears of it, too. */
	strcpy(fake_carried, "");
	fake_backend->carry(arg, &a, "default/web", 1);
	assert_string_equal(fake_carried, "");
	fake_backend->carry(arg, &a, "default/web", 2);
	assert_string_equal(fake_carried, "owner");
	/* Nobody may carry it now. */
	a.here = 0;
	fake_backend->carry(arg, &a, "default/web", 2);
	assert_string_equal(fake_carried, "waiting");
	fake_backend->drop(arg, &a.address);
	fake_backend->drop(arg, &a.address);
	/* What was in use before is nobody's but ours, and not asked for. */
	a = offer(241);
	a.used = 1;
	fake_backend->carry(arg, &a, "default/old", 1);
	assert_string_equal(fake_carried, "owner");
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
	/* Never on a segment of the machine that the test runs on. */
	if (!cable_open()) {
		print_message("skipped: no namespace of our own, or no veth\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
