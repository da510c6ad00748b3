/* SPDX-License-Identifier: ISC */
/* A directory of a test's own, and a file in it that is kept over a restart. */
#ifndef FAKE_STATE_H
#define FAKE_STATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/kit.h"
#include "fake_host.h"

static struct guest guest = { &fake_host, NULL };
static char directory[64], path[96];

/* The file is yet to be made, and so are directories that its name has. */
static int
state_setup(const char *name)
{
	strcpy(directory, "/tmp/test_k8s_state.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fake_forget();
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	fake_remove(directory);
	return LIST_EMPTY(&fake_timers) ? 0 : -1;
}

/* What is on the disk is this, to the byte. */
static inline void
state_is(const char *file, const char *expected)
{
	size_t len = strlen(expected);
	char *text = calloc(1, len + 2);
	FILE *in = fopen(file, "r");

	assert_non_null(in);
	assert_int_equal(fread(text, 1, len + 1, in), len);
	fclose(in);
	assert_string_equal(text, expected);
	free(text);
}

static inline void
state_write(const char *text, size_t len)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	fclose(out);
	fake_forget();
}

#endif
