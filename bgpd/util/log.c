/* SPDX-License-Identifier: ISC */
/* One line per event: level, floor word, text; to stderr, syslog, file, memory. */

/* Its facility LOG_SYSLOG is none that we use, and a sink of ours. */
#include <syslog.h>
#undef LOG_SYSLOG

#include "util/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/names.h"
#include "util/text.h"

#define RING_LINES   500u
#define LINE_MAX_LEN 1024u /* with the terminator; longer ones are cut */

struct level {
	const char *name; /* in a line */
	const char *word; /* in the language, as FRR's */
	int priority;	  /* syslog's */
};

static const struct level levels[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_ERROR] = { "error", "errors", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", "warnings", LOG_WARNING },
	[LOG_LEVEL_NOTICE] = { "notice", "notifications", LOG_NOTICE },
	[LOG_LEVEL_INFO] = { "info", "informational", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", "debugging", LOG_DEBUG },
};

/* FRR's words without a level of their own here are our gravest. */
static const struct name grave_words[] = {
	{ LOG_LEVEL_ERROR, "emergencies" },
	{ LOG_LEVEL_ERROR, "alerts" },
	{ LOG_LEVEL_ERROR, "critical" },
	{ 0, NULL },
};

/* The process has one log, as it has one stderr. */
static struct {
	int level[LOG_SINK_COUNT];
	bool json;
	bool syslog_open;
	int file;
	void (*on_line)(void *arg, const char *line);
	void *arg;
	bool in_monitor;
	char *ring[RING_LINES];
	uint32_t ring_next;
} log_state = {
	.level = { LOG_LEVEL_INFO, LOG_LEVEL_OFF, LOG_LEVEL_OFF,
	    LOG_LEVEL_OFF },
	.file = -1,
};

/* one line ---------------------------------------------------------------- */

/*
 * The bytes of the UTF-8 character at s if it may be printed, else 0: no
 * control character (C0, DEL, C1), nothing overlong, no surrogate.
 */
static size_t
utf8_length(const uint8_t *s)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t min, max;
	} forms[] = {
		{ 0x80, 0x00, 0x20, 0x7e },
		{ 0xe0, 0xc0, 0xa0, 0x7ff },
		{ 0xf0, 0xe0, 0x800, 0xffff },
		{ 0xf8, 0xf0, 0x10000, 0x10ffff },
	};
	uint32_t code;
	size_t n, i;

	for (n = 0; n < 4; n++)
		if ((s[0] & forms[n].mask) == forms[n].lead)
			break;
	if (n == 4)
		return 0;
	code = s[0] & (uint8_t)~forms[n].mask;
	for (i = 1; i <= n; i++) {
		/* The terminator is no such byte: never reads past it. */
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < forms[n].min || code > forms[n].max)
		return 0;
	return code >= 0xd800 && code <= 0xdfff ? 0 : n + 1;
}

/* Copies s with all that could forge or break a line written as \xNN. */
static void
line_escape(char *out, size_t size, const char *s)
{
	const uint8_t *at = (const uint8_t *)s;
	size_t n, len = 0;

	for (; *at != '\0'; at += n) {
		n = utf8_length(at);
		if (len + (n > 0 ? n : 4) >= size)
			break;
		if (n > 0) {
			memcpy(out + len, at, n);
			len += n;
		} else {
			snprintf(out + len, size - len, "\\x%02x", *at);
			len += 4;
			n = 1;
		}
	}
	out[len] = '\0';
}

static void
line_add_json(struct text *t, const char *key, const char *value)
{
	text_add(t, "\"%s\":\"", key);
	/* line_escape left no other character that JSON refuses. */
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			text_char(t, '\\');
		text_char(t, *value);
	}
	text_char(t, '"');
}

static void
line_print_json(struct text *t, const char *stamp, int level, const char *floor,
    const char *msg)
{
	text_char(t, '{');
	line_add_json(t, "ts", stamp);
	text_char(t, ',');
	line_add_json(t, "level", levels[level].name);
	text_char(t, ',');
	line_add_json(t, "floor", floor);
	text_char(t, ',');
	line_add_json(t, "msg", msg);
	text_char(t, '}');
}

static void
line_print_time(char *out, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, size - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* the sinks --------------------------------------------------------------- */

/* One write per line, so that lines of two processes do not mix. */
static void
sink_write(int fd, const struct text *line)
{
	const char *at = line->s;
	size_t left = line->len;
	ssize_t n;

	while (left > 0) {
		n = write(fd, at, left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		left -= (size_t)n;
	}
}

static void
sink_syslog(int level, const char *floor, const char *msg)
{
	if (!log_state.syslog_open) {
		openlog("bgpd", LOG_PID, LOG_DAEMON);
		log_state.syslog_open = true;
	}
	syslog(levels[level].priority, "%s: %s", floor, msg);
}

static void
sink_ring(const char *line)
{
	char **slot = &log_state.ring[log_state.ring_next];

	mem_free(*slot);
	*slot = mem_string(line);
	log_state.ring_next = (log_state.ring_next + 1) % RING_LINES;
}

/* A monitor that logs while it is told of a line would never end. */
static void
sink_monitor(const char *line)
{
	if (log_state.on_line == NULL || log_state.in_monitor)
		return;
	log_state.in_monitor = true;
	log_state.on_line(log_state.arg, line);
	log_state.in_monitor = false;
}

static bool
sink_wants(enum log_sink sink, int level)
{
	return level <= log_state.level[sink];
}

/* The ring holds info and graver, and what any sink is on for. */
static bool
log_wants(int level)
{
	int sink;

	if (level <= LOG_LEVEL_INFO)
		return true;
	for (sink = 0; sink < LOG_SINK_COUNT; sink++)
		if (sink_wants((enum log_sink)sink, level))
			return true;
	return false;
}

static void
log_write_bytes(int level, const char *plain, const struct text *json)
{
	struct text line = { 0 };

	if (log_state.json)
		text_put(&line, json->s, json->len);
	else
		text_add(&line, "%s", plain);
	text_char(&line, '\n');
	if (sink_wants(LOG_STDERR, level))
		sink_write(STDERR_FILENO, &line);
	if (sink_wants(LOG_FILE, level) && log_state.file != -1)
		sink_write(log_state.file, &line);
	text_free(&line);
}

void
log_write(
    enum log_level level, const char *floor, const char *format, va_list ap)
{
	char raw[LINE_MAX_LEN], msg[LINE_MAX_LEN], from[64], stamp[32];
	char plain[LINE_MAX_LEN + 128];
	struct text json = { 0 };
	int saved = errno;

	if ((unsigned)level >= LOG_LEVEL_COUNT || !log_wants(level))
		return;
	vsnprintf(raw, sizeof(raw), format, ap);
	line_escape(msg, sizeof(msg), raw);
	line_escape(from, sizeof(from), floor);
	line_print_time(stamp, sizeof(stamp));
	snprintf(plain, sizeof(plain), "%s %s %s: %s", stamp,
	    levels[level].name, from, msg);
	if (log_state.json)
		line_print_json(&json, stamp, level, from, msg);
	log_write_bytes(level, plain, &json);
	text_free(&json);
	if (sink_wants(LOG_SYSLOG, level))
		sink_syslog(level, from, msg);
	sink_ring(plain);
	if (sink_wants(LOG_MONITOR, level))
		sink_monitor(plain);
	errno = saved;
}

void
log_error(const char *floor, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_write(LOG_LEVEL_ERROR, floor, format, ap);
	va_end(ap);
}

void
log_warning(const char *floor, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_write(LOG_LEVEL_WARNING, floor, format, ap);
	va_end(ap);
}

void
log_notice(const char *floor, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_write(LOG_LEVEL_NOTICE, floor, format, ap);
	va_end(ap);
}

void
log_info(const char *floor, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_write(LOG_LEVEL_INFO, floor, format, ap);
	va_end(ap);
}

void
log_debug(const char *floor, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_write(LOG_LEVEL_DEBUG, floor, format, ap);
	va_end(ap);
}

/* settings ---------------------------------------------------------------- */

void
log_set_level(enum log_sink sink, int level)
{
	if ((unsigned)sink >= LOG_SINK_COUNT)
		return;
	if (level >= LOG_LEVEL_COUNT)
		level = LOG_LEVEL_DEBUG;
	log_state.level[sink] = level < 0 ? LOG_LEVEL_OFF : level;
}

int
log_get_level(enum log_sink sink)
{
	if ((unsigned)sink >= LOG_SINK_COUNT)
		return LOG_LEVEL_OFF;
	return log_state.level[sink];
}

void
log_set_json(bool json)
{
	log_state.json = json;
}

void
log_set_file(int fd)
{
	log_state.file = fd;
}

void
log_set_monitor(void (*on_line)(void *arg, const char *line), void *arg)
{
	log_state.on_line = on_line;
	log_state.arg = arg;
}

int
log_read_level(const char *word)
{
	int level;

	for (level = 0; level < LOG_LEVEL_COUNT; level++)
		if (strcmp(word, levels[level].word) == 0 ||
		    strcmp(word, levels[level].name) == 0)
			return level;
	return name_find(grave_words, word);
}

const char *
log_level_name(int level)
{
	if (level < 0 || level >= LOG_LEVEL_COUNT)
		return "off";
	return levels[level].name;
}

const char *
log_level_word(int level)
{
	if (level < 0 || level >= LOG_LEVEL_COUNT)
		return "off";
	return levels[level].word;
}

void
log_each(void (*each)(void *arg, const char *line), void *arg)
{
	const char *line;
	uint32_t i;

	for (i = 0; i < RING_LINES; i++) {
		line = log_state.ring[(log_state.ring_next + i) % RING_LINES];
		if (line != NULL)
			each(arg, line);
	}
}
