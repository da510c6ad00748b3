/* SPDX-License-Identifier: ISC */
/* The lines of `plugin l2`, checked by the plugin as bgpd loads it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "l2_rows.h"

static const char *
node_fault(const char *address)
{
	const char *values[] = { "b", address };
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line),
		row_id("node NAME"), NULL, 0, values, 2 };
	uint32_t bad = 9;
	const char *why = plugin->check(NULL, &line, 1, sizeof(line), &bad);

	if (why != NULL)
		assert_int_equal(bad, 0);
	return why;
}

static void
test_nodes_have_addresses(void **unused)
{
	static const char *const bad[] = { "fe80::1", "0.0.0.0", "::", "::1",
		"127.0.0.1", "224.0.0.1", "ff02::1", "255.255.255.255", "x" };
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(node_fault(bad[i]));
	assert_null(node_fault("192.0.2.1"));
	assert_null(node_fault("2001:db8::1"));
}

static void
test_a_quarantine_has_limits(void **unused)
{
	static const char *const values[] = { "0", "1", "86400", "86401" };
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line),
		row_id("quarantine"), NULL, 0, NULL, 1 };
	uint32_t i, bad;

	(void)unused;
	for (i = 0; i < 4; i++) {
		line.values = &values[i];
		assert_int_equal(
		    plugin->check(NULL, &line, 1, sizeof(line), &bad) == NULL,
		    i == 1 || i == 2);
	}
}

static void
test_consistent_has_a_limit(void **unused)
{
	static const char *const node[] = { "b", "192.0.2.1" };
	static const char *const partition[] = { "consistent" };
	struct bgpd_line lines[66];
	uint32_t i, bad = 99;

	(void)unused;
	for (i = 0; i < 66; i++)
		lines[i] = (struct bgpd_line){ BGPD_INIT(struct bgpd_line),
			row_id("node NAME"), NULL, 0, node, 2 };
	lines[65].id = row_id("partition");
	lines[65].values = partition;
	lines[65].value_count = 1;
	assert_null(plugin->check(NULL, lines + 1, 65, sizeof(lines[0]), &bad));
	assert_non_null(plugin->check(NULL, lines, 66, sizeof(lines[0]), &bad));
	assert_int_equal(bad, 65);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_have_addresses),
		cmocka_unit_test(test_a_quarantine_has_limits),
		cmocka_unit_test(test_consistent_has_a_limit),
	};
	void *handle = dlopen(L2_PLUGIN, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	plugin = dlsym(handle, "bgpd_plugin");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
