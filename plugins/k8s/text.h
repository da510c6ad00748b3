/* SPDX-License-Identifier: ISC */
/* A text that grows, JSON and times in it. */
#ifndef K8S_TEXT_H
#define K8S_TEXT_H

#include "kit.h"

/* Zeroed it is empty; `s` is its owner's to free. */
struct text {
	char *s; /* NUL behind it, whatever was added; NULL: nothing was */
	size_t len, room;
};

void text_add(struct text *t, const char *bytes, size_t len);
void text_add_word(struct text *t, const char *word);
/* Quoted, as JSON has it: each byte that is no UTF-8 becomes '?'. */
void text_add_quoted(struct text *t, const char *bytes, size_t len);
/* What was added since it was so long is taken back. */
void text_rewind(struct text *t, size_t len);

/*
 * Members; key NULL: the entry of a list, or the whole. A comma is put where one
 * is due. open: '{' or '['; its mark is for text_close_or_drop, which takes back
 * what stayed empty, key and all.
 */
size_t text_open(struct text *t, const char *key, char bracket);
void text_close(struct text *t, char bracket);
void text_close_or_drop(struct text *t, size_t mark, char bracket);
/* The value follows, by text_add. */
void text_key(struct text *t, const char *key);
/* value NULL: nothing is said. */
void text_string(struct text *t, const char *key, const char *value);
/* No more than max bytes of it, cut between characters. */
void text_string_cut(
    struct text *t, const char *key, const char *value, size_t max);
void text_bytes(struct text *t, const char *key, const char *bytes, size_t len);
void text_base64(
    struct text *t, const char *key, const void *bytes, size_t len);
void text_number(struct text *t, const char *key, int64_t value);
void text_bool(struct text *t, const char *key, bool value);
/* It is JSON already: one value, or of a list some with commas between. */
void text_raw(struct text *t, const char *key, const char *json);

/* How many bytes of a text fit into max, cut between characters. */
size_t text_fit(const char *text, size_t max);

/* RFC 3339: to the second (metav1.Time) and to the microsecond (MicroTime). */
enum { STAMP_LEN = 32 };
int64_t stamp_now_ns(void); /* CLOCK_REALTIME: to be shown, not to decide by */
void stamp_print(char out[STAMP_LEN], int64_t secs); /* "": no year has it */
void stamp_print_micro(char out[STAMP_LEN], int64_t ns);
/* Whole seconds, of any zone; false: it is none. */
bool stamp_read(const char *text, int64_t *secs);

#endif
