/* SPDX-License-Identifier: ISC */
/* Many small allocations that are dropped as one. */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);
/* Forgets everything, keeps one block for the next use. */
void arena_reset(struct arena *arena);
/* Zeroed, aligned for any type, valid until arena_reset or arena_free. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *p, size_t size);
char *arena_string(struct arena *arena, const char *s); /* NULL gives NULL */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Bytes held from the system, for `show memory` and tests. */
size_t arena_size(const struct arena *arena);

#endif
