/* SPDX-License-Identifier: ISC */
/* A text that grows, and JSON in it. */
#ifndef K8S_TEXT_H
#define K8S_TEXT_H

#include "kit.h"

/* Zeroed it is empty; `s` is its owner's to free, and ends with no NUL. */
struct text {
	char *s;
	size_t len, room;
};

void text_add(struct text *t, const char *bytes, size_t len);
void text_add_word(struct text *t, const char *word);
/* Quoted, as JSON has it; bytes that are no UTF-8 stay as they are. */
void text_add_quoted(struct text *t, const char *bytes, size_t len);
void text_add_base64(struct text *t, const void *bytes, size_t len);
/*
 * Members and entries: a comma is put where one is needed. key NULL: of a list.
 * open: '{' or '['; what was opened and stayed empty is taken back by close,
 * key and all.
 */
void text_key(struct text *t, const char *key);
size_t text_open(struct text *t, const char *key, char open);
void text_close(struct text *t, size_t mark, char close);
/* value NULL: nothing is said. */
void text_string(struct text *t, const char *key, const char *value);
void text_number(struct text *t, const char *key, int64_t value);

#endif
