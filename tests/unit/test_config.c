/* SPDX-License-Identifier: ISC */
/* tests/config/NAME.conf is printed as NAME.ok, or refused as NAME.fault says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bgpd/config.h" /* not the build's */
#include "util/mem.h"

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *s = mem_alloc(1 << 20);

	if (f == NULL) {
		mem_free(s);
		return NULL;
	}
	s[fread(s, 1, (1 << 20) - 1, f)] = '\0';
	fclose(f);
	return s;
}

/* The lines that `write` would save, or the errors; 0 or -1. */
static int
print(const char *path, struct text *out)
{
	struct cli_fault_list faults = { 0 }, errors = { 0 };
	int rc;

	config_init();
	rc = config_open(path, &faults);
	for (unsigned i = 0; i < faults.count; i++)
		if (!faults.items[i].warning)
			cli_fault(&errors, faults.items[i].file,
			    faults.items[i].line, "%s", faults.items[i].text);
	if (rc == 0)
		config_print_file(out);
	else
		cli_faults_print(&errors, out);
	cli_faults_clear(&faults);
	cli_faults_clear(&errors);
	config_free();
	return rc;
}

/* GOLDEN=write in the environment writes what is expected anew. */
static void
compare(const char *conf, const char *ending, const struct text *got)
{
	char path[256];
	const char *golden = getenv("GOLDEN");
	char *expected;

	snprintf(path, sizeof(path), "%.*s%s", (int)strcspn(conf, "."), conf,
	    ending);
	if (golden != NULL && strcmp(golden, "write") == 0) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(text_str(got), f);
		fclose(f);
	}
	expected = slurp(path);
	if (expected == NULL)
		fail_msg("%s is not there; got:\n%s", path, text_str(got));
	assert_string_equal(text_str(got), expected);
	mem_free(expected);
}

/* What was printed, read again, prints the same. */
static void
check_fixed_point(const struct text *first)
{
	char path[] = "/tmp/fairway-config-XXXXXX";
	struct text again = { 0 };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, first->s, first->len), (ssize_t)first->len);
	close(fd);
	assert_int_equal(print(path, &again), 0);
	unlink(path);
	assert_string_equal(text_str(&again), text_str(first));
	text_free(&again);
}

static void
test_goldens(void **state)
{
	glob_t files;

	(void)state;
	assert_int_equal(chdir(TESTS_DIR "/../config"), 0);
	assert_int_equal(glob("*.conf", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct text out = { 0 };

		print_message("%s\n", files.gl_pathv[i]);
		if (print(files.gl_pathv[i], &out) == 0) {
			compare(files.gl_pathv[i], ".ok", &out);
			check_fixed_point(&out);
		} else {
			compare(files.gl_pathv[i], ".fault", &out);
		}
		text_free(&out);
	}
	globfree(&files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
