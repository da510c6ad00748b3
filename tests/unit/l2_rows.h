/* SPDX-License-Identifier: ISC */
/* The plugin under test, and its rows by how they begin. */
#ifndef L2_ROWS_H
#define L2_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "plugin.h"

static const struct bgpd_plugin *plugin;

static uint32_t
row_id(const char *syntax)
{
	uint32_t i;

	for (i = 0; i < plugin->row_count; i++)
		if (strncmp(plugin->rows[i].syntax, syntax, strlen(syntax)) ==
		    0)
			return plugin->rows[i].id;
	fail();
	return 0;
}

#endif
