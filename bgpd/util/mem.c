/* SPDX-License-Identifier: ISC */
/* Memory that is either there or the end of the process. */
#include "util/mem.h"

#include <sys/mman.h>
#include <link.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

#define MEM_TRIM_LEAST ((size_t)256 << 10)

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
mem_lines(size_t count, size_t size)
{
	size_t product = mem_product(count, size);
	void *p = NULL;

	if (posix_memalign(&p, 64, mem_some(product)) != 0)
		fatal("out of memory: %zu bytes", product);
	memset(p, 0, product);
	return p;
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

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
/* Pages of ours alone that are in memory, in bytes; 0: not known. */
static size_t
resident(void)
{
	unsigned long all = 0, shared = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %lu %lu", &all, &shared) != 2)
		all = shared = 0;
	fclose(f);
	return all > shared ? (all - shared) * (size_t)sysconf(_SC_PAGESIZE)
			    : 0;
}

/* In memory, and of no use; what was free, went back and is free again as well. */
static size_t
excess(void)
{
	struct mallinfo2 info = mallinfo2();
	size_t used = info.uordblks + info.hblkhd, here = resident();

	if (here == 0)
		return info.fordblks;
	return here > used ? here - used : 0;
}
#endif

/*
 * What stays when all went back, stays the next time, too: only what came since
 * then is worth a walk of the heap, which glibc cannot do in portions.
 */
void
mem_trim(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	static size_t kept;
	size_t extra = excess();

	if (extra < kept)
		kept = extra;
	if (extra - kept < MEM_TRIM_LEAST)
		return;
	malloc_trim(0);
	kept = excess();
#endif
}

/* What is mapped to be written holds relocations too: it is left alone. */
static int
on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const ElfW(Phdr) * ph;
	uintptr_t from, to;
	int i;

	(void)size;
	(void)arg;
	for (i = 0; i < info->dlpi_phnum; i++) {
		ph = &info->dlpi_phdr[i];
		if (ph->p_type != PT_LOAD || (ph->p_flags & PF_W) != 0)
			continue;
		from = (info->dlpi_addr + ph->p_vaddr) & ~(page - 1);
		to = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;
		/* The page that the next segment begins in stays. */
		to &= ~(page - 1);
		if (to > from)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void
mem_drop_code(void)
{
	dl_iterate_phdr(on_object, NULL);
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
