/* SPDX-License-Identifier: ISC */
/* Memory that is either there or the end of the process. */
#ifndef UTIL_MEM_H
#define UTIL_MEM_H

#include <stddef.h>

/*
 * None of these returns NULL: out of memory is fatal(). What they give is
 * zeroed (mem_resize: only what the caller had stays) and is freed by
 * mem_free, which accepts NULL.
 */
void *mem_alloc(size_t size);
void *mem_array(size_t count, size_t size);
void *mem_lines(size_t count, size_t size); /* from a cache line's start on */
void *mem_resize(void *p, size_t count, size_t size);
void *mem_copy(const void *p, size_t size);
char *mem_string(const char *s); /* NULL gives NULL */
void mem_free(void *p);

/* Gives the system back what was freed, if that is much. */
void mem_trim(void);

/*
 * Lets go of the pages of programs and libraries that were read and may never
 * be again, as those of constructors are: they count as used until then. What
 * is needed after all comes back from the page cache.
 */
void mem_drop_code(void);

/* Says why on stderr and in the log, and ends the process with status 1. */
void fatal(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif
