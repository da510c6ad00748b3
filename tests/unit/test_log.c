/* SPDX-License-Identifier: ISC */
/* The log: the form of a line, levels and sinks, forged text, the last lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/text.h"

static int file;
static char seen[8192];

/* The file's lines since the last call. */
static const char *
what_was_written(void)
{
	static off_t at;
	ssize_t n = pread(file, seen, sizeof(seen) - 1, at);

	assert_true(n >= 0);
	seen[n] = '\0';
	at += n;
	return seen;
}

static int
setup(void **state)
{
	char path[] = "/tmp/test_log.XXXXXX";

	(void)state;
	file = mkstemp(path);
	if (file == -1)
		return -1;
	unlink(path);
	log_set_level(LOG_STDERR, LOG_LEVEL_OFF);
	log_set_level(LOG_FILE, LOG_LEVEL_INFO);
	log_set_file(file);
	return 0;
}

static void
line_has_its_form(void **state)
{
	int y, mo, d, h, mi, s, ms, end = 0;

	(void)state;
	errno = EAGAIN;
	log_info("peer", "%s is %d", "10.0.0.1", 7);
	assert_int_equal(errno, EAGAIN);
	what_was_written();
	assert_int_equal(sscanf(seen, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &y, &mo,
			     &d, &h, &mi, &s, &ms, &end),
	    7);
	assert_int_equal(end, 24);
	assert_string_equal(seen + end, " info peer: 10.0.0.1 is 7\n");
}

static void
text_cannot_forge_a_line(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "a\nb", "a\\x0ab" },
		{ "\033[2J\r\t\177", "\\x1b[2J\\x0d\\x09\\x7f" },
		{ "gr\303\274n \342\202\254 \360\237\220\241",
		    "gr\303\274n \342\202\254 \360\237\220\241" },
		{ "\377\376", "\\xff\\xfe" },
		/* C1 control, overlong, surrogate, beyond Unicode, cut. */
		{ "\302\233", "\\xc2\\x9b" },
		{ "\300\212", "\\xc0\\x8a" },
		{ "\340\200\212", "\\xe0\\x80\\x8a" },
		{ "\355\240\200", "\\xed\\xa0\\x80" },
		{ "\364\220\200\200", "\\xf4\\x90\\x80\\x80" },
		{ "\342\202", "\\xe2\\x82" },
		{ "\"quoted\" \\ back", "\"quoted\" \\ back" },
	};
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_info("x", "%s", rows[i].in);
		what_was_written();
		text = strstr(seen, " x: ");
		assert_non_null(text);
		assert_memory_equal(text + 4, rows[i].out, strlen(rows[i].out));
		assert_string_equal(text + 4 + strlen(rows[i].out), "\n");
	}
}

static void
json_is_json(void **state)
{
	char *floor;

	(void)state;
	log_set_json(true);
	log_warning("k8s", "\"a\\b\"\n\302\265");
	log_set_json(false);
	what_was_written();
	assert_memory_equal(seen, "{\"ts\":\"2", 8);
	floor = strchr(seen, ',');
	assert_non_null(floor);
	assert_string_equal(floor,
	    ",\"level\":\"warning\",\"floor\":\"k8s\","
	    "\"msg\":\"\\\"a\\\\b\\\"\\\\x0a\302\265\"}\n");
}

static void
levels_let_through(void **state)
{
	(void)state;
	log_debug("x", "not this");
	assert_string_equal(what_was_written(), "");
	log_set_level(LOG_FILE, LOG_LEVEL_ERROR);
	log_warning("x", "nor this");
	assert_string_equal(what_was_written(), "");
	log_error("x", "this");
	assert_non_null(strstr(what_was_written(), "error x: this\n"));
	log_set_level(LOG_FILE, LOG_LEVEL_OFF);
	log_error("x", "off");
	assert_string_equal(what_was_written(), "");
	log_set_level(LOG_FILE, LOG_LEVEL_DEBUG);
	log_debug("x", "now");
	log_notice("x", "too");
	assert_non_null(strstr(what_was_written(), "debug x: now\n"));
	assert_non_null(strstr(seen, "notice x: too\n"));
	log_set_level(LOG_FILE, LOG_LEVEL_INFO);
	assert_int_equal(log_get_level(LOG_FILE), LOG_LEVEL_INFO);
	assert_int_equal(log_get_level(LOG_STDERR), LOG_LEVEL_OFF);
}

static void
long_line_is_cut(void **state)
{
	char text[5000];

	(void)state;
	memset(text, '\n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("x", "%s", text);
	what_was_written();
	assert_in_range(strlen(seen), 1000, 1200);
	assert_int_equal(seen[strlen(seen) - 1], '\n');
}

static void
count_line(void *arg, const char *line)
{
	struct text *t = arg;

	text_add(t, "%s|", strstr(line, ": ") + 2);
}

static void
ring_keeps_the_last(void **state)
{
	struct text t = { 0 };
	int i;

	(void)state;
	log_set_level(LOG_FILE, LOG_LEVEL_OFF);
	for (i = 0; i < 1234; i++)
		log_info("x", "%d", i);
	log_debug("x", "nobody asked for this");
	log_each(count_line, &t);
	assert_int_equal(strncmp(t.s, "734|735|736|", 12), 0);
	assert_string_equal(t.s + t.len - 10, "1232|1233|");
	text_free(&t);
	log_set_level(LOG_FILE, LOG_LEVEL_INFO);
}

static void
monitor_line(void *arg, const char *line)
{
	count_line(arg, line);
	/* Must not come back here. */
	log_info("x", "inside");
}

static void
monitor_is_told(void **state)
{
	struct text t = { 0 };

	(void)state;
	log_set_monitor(monitor_line, &t);
	log_info("x", "off");
	log_set_level(LOG_MONITOR, LOG_LEVEL_DEBUG);
	log_debug("x", "on");
	log_info("x", "and on");
	log_set_monitor(NULL, NULL);
	log_info("x", "nobody");
	log_set_level(LOG_MONITOR, LOG_LEVEL_OFF);
	assert_string_equal(text_str(&t), "on|and on|");
	text_free(&t);
}

static void
reads_words(void **state)
{
	(void)state;
	assert_int_equal(log_read_level("debugging"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_read_level("informational"), LOG_LEVEL_INFO);
	assert_int_equal(log_read_level("warnings"), LOG_LEVEL_WARNING);
	assert_int_equal(log_read_level("emergencies"), LOG_LEVEL_ERROR);
	assert_int_equal(log_read_level("notice"), LOG_LEVEL_NOTICE);
	assert_int_equal(log_read_level("loud"), -1);
	assert_string_equal(log_level_name(LOG_LEVEL_NOTICE), "notice");
	assert_string_equal(log_level_word(LOG_LEVEL_NOTICE), "notifications");
	assert_string_equal(log_level_name(LOG_LEVEL_OFF), "off");
	assert_string_equal(log_level_name(99), "off");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_has_its_form),
		cmocka_unit_test(text_cannot_forge_a_line),
		cmocka_unit_test(json_is_json),
		cmocka_unit_test(levels_let_through),
		cmocka_unit_test(long_line_is_cut),
		cmocka_unit_test(ring_keeps_the_last),
		cmocka_unit_test(monitor_is_told),
		cmocka_unit_test(reads_words),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
