/* SPDX-License-Identifier: ISC */
/* One line per event: level, floor word, text; to stderr, syslog, file, memory. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* syslog's order: lower is graver. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT
};
#define LOG_LEVEL_OFF (-1)

enum log_sink { LOG_STDERR, LOG_SYSLOG, LOG_FILE, LOG_MONITOR, LOG_SINK_COUNT };

/*
 * `floor` is the word of the floor or plugin that speaks: "peer", "k8s". Text is
 * one line without a newline; control characters are escaped, so that nothing
 * that came from outside can forge a line. Never hand a secret in.
 */
void log_error(const char *floor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warning(const char *floor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_notice(const char *floor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_info(const char *floor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_debug(const char *floor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_write(enum log_level level, const char *floor, const char *format,
    va_list ap) __attribute__((format(printf, 3, 0)));

/*
 * At the start stderr is on from info. The last lines are kept from info on, from
 * debug where a sink is on for it. One thread logs: the loop's.
 */
void log_set_level(enum log_sink sink, int level); /* or LOG_LEVEL_OFF */
int log_get_level(enum log_sink sink);
void log_set_json(bool json); /* JSON lines on stderr and in the file */
/* The descriptor of LOG_FILE, opened by net/; -1 for none; not owned. */
void log_set_file(int fd);
/* Called for each line that LOG_MONITOR's level lets through; NULL for nobody. */
void log_set_monitor(void (*on_line)(void *arg, const char *line), void *arg);

/* FRR's words, or those of a line; -1 if it is none. */
int log_read_level(const char *word);
const char *log_level_name(int level); /* as in a line: "warning" */
const char *log_level_word(int level); /* as in the language: "warnings" */

/* The last lines, oldest first, for `show logging`; line valid in the call. */
void log_each(void (*each)(void *arg, const char *line), void *arg);

#endif
