/* SPDX-License-Identifier: ISC */
/* The toolbox's own: memory, texts, marks of what is the same, files. */

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

/* Memory ----------------------------------------------------------------------- */

/* Zeroed. Where there is none left the process ends: nothing here can go on. */
void *
k8s_alloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	if (p == NULL)
		abort();
	return p;
}

void *
k8s_grow(void *old, size_t size)
{
	void *p = realloc(old, size > 0 ? size : 1);

	if (p == NULL)
		abort();
	return p;
}

/* A copy, to be freed; NULL of NULL. */
char *
k8s_copy(const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text) + 1;

	return text == NULL ? NULL : memcpy(k8s_alloc(len), text, len);
}

/* "namespace/name", to be freed. */
char *
k8s_join(const char *space, const char *name)
{
	char *joined = k8s_alloc(strlen(space) + strlen(name) + 2);

	stpcpy(stpcpy(stpcpy(joined, space), "/"), name);
	return joined;
}

/* What is printed, to be freed. */
char *
k8s_print(const char *format, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len == -1)
		abort();
	return text;
}

bool
k8s_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* FNV-1a, 64 bits. */
uint64_t
k8s_hash(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes, *end = p + len;

	for (; p < end; p++)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}

/* Files ------------------------------------------------------------------------ */

bool
k8s_file_differs(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino ||
	       a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* As much as there is of a plain file; NULL: errno. */
static char *
content_read(int fd, const struct stat *st, off_t max, size_t *len)
{
	size_t size = (size_t)st->st_size;
	char *text;
	ssize_t n;

	if (!S_ISREG(st->st_mode) || st->st_size > max) {
		errno = S_ISREG(st->st_mode) ? EFBIG : EINVAL;
		return NULL;
	}
	text = k8s_alloc(size + 1);
	while (*len < size && (n = read(fd, text + *len, size - *len)) > 0)
		*len += (size_t)n;
	text[*len] = '\0';
	return text;
}

char *
k8s_file_read(int at, const char *path, off_t max, struct stat *st, size_t *len)
{
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;
	char *text = NULL;

	*len = 0;
	if (fd == -1)
		return NULL;
	if (fstat(fd, st) == 0)
		text = content_read(fd, st, max, len);
	error = errno;
	close(fd);
	errno = error;
	return text;
}
