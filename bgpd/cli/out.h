/* SPDX-License-Identifier: ISC */
/* What a verb prints: text for people or JSON for programs, through one door. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/text.h"

/*
 * Text and JSON functions may both be called at any time; those of the form not
 * asked for do nothing. JSON is streamed: members go out as they are said.
 */
struct out;

struct out *out_new(bool json);
void out_free(struct out *out);
bool out_is_json(const struct out *out);
struct text *out_text(struct out *out); /* what is there; caller may clear it */
/* Closes what is open and ends the JSON document with a newline. */
void out_finish(struct out *out);

void out_print(struct out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `key` is NULL inside an array and for the document itself. */
void out_object(struct out *out, const char *key);
void out_array(struct out *out, const char *key);
void out_close(struct out *out); /* the object or array opened last */
void out_string(struct out *out, const char *key, const char *value);
void out_format(struct out *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void out_int(struct out *out, const char *key, int64_t value);
void out_bool(struct out *out, const char *key, bool value);

#endif
