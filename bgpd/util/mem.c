/* SPDX-License-Identifier: ISC */
/* Memory that is either there or the end of the process. */
#include "util/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

#define MEM_TRIM_LEAST ((size_t)8 << 20)

/* malloc may answer NULL to a size of 0, which is not out of memory. */
static size_t
mem_some(size_t size)
{
	return size > 0 ? size : 1;
}

static size_t
mem_product(size_t count, size_t size)
{
	size_t product;

	if (__builtin_mul_overflow(count, size, &product))
		fatal("out of memory: %zu times %zu bytes", count, size);
	return product;
}

void *
mem_alloc(size_t size)
{
	void *p = calloc(1, mem_some(size));

	if (p == NULL)
		fatal("out of memory: %zu bytes", size);
	return p;
}

void *
mem_array(size_t count, size_t size)
{
	return mem_alloc(mem_product(count, size));
}

void *
mem_resize(void *p, size_t count, size_t size)
{
	size_t product = mem_product(count, size);
	void *moved = realloc(p, mem_some(product));

	if (moved == NULL)
		fatal("out of memory: %zu bytes", product);
	return moved;
}

void *
mem_copy(const void *p, size_t size)
{
	void *copy = mem_alloc(size);

	if (size > 0)
		memcpy(copy, p, size);
	return copy;
}

char *
mem_string(const char *s)
{
	return s != NULL ? mem_copy(s, strlen(s) + 1) : NULL;
}

void
mem_free(void *p)
{
	free(p);
}

/*
 * What was free when it last went back still counts as free: only what came
 * since then is worth a walk of the heap.
 */
bool
mem_trim(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	static size_t trimmed;
	size_t unused = mallinfo2().fordblks;

	if (unused < trimmed)
		trimmed = unused;
	if (unused - trimmed < MEM_TRIM_LEAST)
		return false;
	malloc_trim(0);
	trimmed = unused;
	return true;
#else
	return false;
#endif
}

/*
 * The log keeps a copy of its lines, which takes memory: where that is what is
 * lacking, the second call comes from inside the first and just leaves.
 */
void
fatal(const char *format, ...)
{
	static bool dying;
	char why[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	if (dying || log_get_level(LOG_STDERR) < LOG_LEVEL_ERROR)
		dprintf(STDERR_FILENO, "fatal: %s\n", why);
	if (dying)
		_exit(1);
	dying = true;
	log_error("bgpd", "fatal: %s", why);
	exit(1);
}
