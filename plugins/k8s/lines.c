/* SPDX-License-Identifier: ISC */
/* Whole lines: read from a file block by block, written to one in few writes. */

/*
 * A reader holds a block, and more only for as long as a line is longer. A
 * writer holds back what it is handed until a block is full. One that fails
 * cuts off the half of a line that a full disk may have left, and writes nothing
 * more: what stands in the file stays right as far as it goes.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "statefile.h"

#define LINE_LEN_MAX (16 * 1024 * 1024)

int64_t
clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Reading -------------------------------------------------------------------- */

/* There is a newline right before end, or nothing is read. */
void
line_reader_start(struct line_reader *r, int fd, off_t at, off_t end)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	r->at = at;
	r->end = end;
}

void
line_reader_stop(struct line_reader *r)
{
	free(r->block);
	memset(r, 0, sizeof(*r));
}

/* Room for more behind what is held. */
static void
reader_make_room(struct line_reader *r)
{
	if (r->start > 0)
		memmove(r->block, r->block + r->start, r->fill - r->start);
	r->fill -= r->start;
	r->start = 0;
	if (r->fill < r->room)
		return;
	if (r->room < LINE_LEN_MAX) {
		r->room = r->room == 0 ? LINES_BLOCK : 2 * r->room;
		r->block = k8s_grow(r->block, r->room);
		return;
	}
	r->bad += !r->skipping;
	r->skipping = true;
	r->fill = 0;
}

/* 0; -1: nothing comes any more. */
static int
reader_fill(struct line_reader *r)
{
	size_t want;
	ssize_t n;

	if (r->at >= r->end)
		return -1;
	reader_make_room(r);
	want = r->room - r->fill;
	if ((off_t)want > r->end - r->at)
		want = (size_t)(r->end - r->at);
	while ((n = pread(r->fd, r->block + r->fill, want, r->at)) == -1 &&
	       errno == EINTR)
		;
	if (n <= 0) {
		r->bad++;
		r->at = r->end;
		return -1;
	}
	r->at += n;
	r->fill += (size_t)n;
	return 0;
}

char *
line_reader_next(struct line_reader *r, size_t *len)
{
	size_t seen = 0;
	char *line, *end;
	bool skipped;

	for (;;) {
		end = r->fill - r->start == seen
			  ? NULL
			  : memchr(r->block + r->start + seen, '\n',
				r->fill - r->start - seen);
		if (end == NULL) {
			seen = r->fill - r->start;
			if (reader_fill(r) == -1)
				return NULL;
			if (r->skipping)
				seen = 0;
			continue;
		}
		line = r->block + r->start;
		*end = '\0';
		*len = (size_t)(end - line);
		r->start += *len + 1;
		skipped = r->skipping;
		r->skipping = false;
		if (!skipped)
			return line;
		seen = 0;
	}
}

off_t
lines_end(int fd, off_t size)
{
	char tail[4096];
	const char *p;
	ssize_t n;
	off_t at;

	for (; size > 0; size = at) {
		at =
		    size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
		n = pread(fd, tail, (size_t)(size - at), at);
		if (n != size - at)
			return -1;
		p = memrchr(tail, '\n', (size_t)n);
		if (p != NULL)
			return at + (p - tail) + 1;
	}
	return 0;
}

/* Writing -------------------------------------------------------------------- */

void
line_writer_start(struct line_writer *w, int fd, off_t size)
{
	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->size = size;
}

void
line_writer_stop(struct line_writer *w)
{
	if (w->fd != -1)
		close(w->fd);
	free(w->block);
	memset(w, 0, sizeof(*w));
	w->fd = -1;
}

bool
line_writer_works(const struct line_writer *w)
{
	return w->fd != -1 && w->write_errno == 0;
}

static int
writer_write(struct line_writer *w, const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(w->fd, text + done, len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->write_errno = n == -1 ? errno : ENOSPC;
			if (ftruncate(w->fd, w->size) == -1)
				return -1; /* a torn line is known to readers */
			return -1;
		}
		done += (size_t)n;
	}
	w->size += (off_t)len;
	return 0;
}

int
line_writer_flush(struct line_writer *w)
{
	size_t used = w->used;

	if (!line_writer_works(w))
		return -1;
	w->used = 0;
	return used == 0 ? 0 : writer_write(w, w->block, used);
}

int
line_writer_add(struct line_writer *w, const char *text, size_t len)
{
	if (!line_writer_works(w) ||
	    (w->used + len > LINES_BLOCK && line_writer_flush(w) == -1))
		return -1;
	if (len > LINES_BLOCK)
		return writer_write(w, text, len);
	if (w->block == NULL)
		w->block = k8s_alloc(LINES_BLOCK);
	memcpy(w->block + w->used, text, len);
	w->used += len;
	return 0;
}
