/* SPDX-License-Identifier: ISC */
/* A file of lines that survives a kill, for what is kept over a restart. */
#ifndef K8S_STATEFILE_H
#define K8S_STATEFILE_H

#include <sys/types.h>

#include "kit.h"

/* lines.c: whole lines from a descriptor, and to one ----------------------------- */

#define LINES_BLOCK 65536

struct line_reader {
	int fd;
	off_t at, end; /* what is read next; where to stop */
	char *block;
	size_t room, start, fill;
	size_t bad;    /* lines too long, places that cannot be read */
	bool skipping; /* inside of one that is too long */
};

void line_reader_start(struct line_reader *r, int fd, off_t at, off_t end);
void line_reader_stop(struct line_reader *r);
/* Without its newline, ended by NUL, to be written into; NULL: that was all. */
char *line_reader_next(struct line_reader *r, size_t *len);
/* Where the last whole line ends; 0: there is none; -1: errno. */
off_t lines_end(int fd, off_t size);

struct line_writer {
	int fd; /* -1: there is none */
	char *block;
	size_t used;
	size_t count;	 /* lines of the file, by its owner */
	off_t size;	 /* of the file, in whole writes */
	int write_errno; /* why it failed: nothing more is written; 0 */
};

void line_writer_start(struct line_writer *w, int fd, off_t size);
void line_writer_stop(struct line_writer *w); /* closes it */
bool line_writer_works(const struct line_writer *w);
/* Whole lines. 0; -1: it has failed, now or before. */
int line_writer_add(struct line_writer *w, const char *text, size_t len);
int line_writer_flush(struct line_writer *w);

/* disk.c: to the disk, beside the loop -------------------------------------------- */

struct disk_sync;

/* Of all that was written so far; NULL: it cannot be begun. */
struct disk_sync *disk_sync(int fd);
bool disk_sync_is_over(const struct disk_sync *s);
/* Waits for it, where it is not over; 0, or errno. */
int disk_sync_end(struct disk_sync *s);
/* Nobody asks for it any more, who may be NULL; it goes on. */
void disk_sync_leave(struct disk_sync *s);

/* statefile.c -------------------------------------------------------------------- */

struct statefile;

struct statefile_kind {
	const char *magic; /* "fairway-k8s-state 1 node " */
	const char *what;  /* it holds, for the log: "addresses" */
	/* From a record to the disk; it is with the kernel at once. */
	int64_t sync_ms;
	/*
	 * The file is due: statefile_begin it, now or soon. From the loop.
	 */
	void (*on_due)(void *arg);
};

/*
 * Never NULL: without a usable file nothing is kept, and that is told once and
 * tried again. kind is borrowed for as long as it is open.
 */
struct statefile *statefile_open(struct guest *guest, const char *path,
    const char *node, const struct statefile_kind *kind, void *arg);
/* Does not wait for the disk: disk_wait does. */
void statefile_close(struct statefile *f);
/*
 * The records that were there, in order, for about so long (0: all of them): is
 * any left? on_line: -1 when it is none of ours. It must not close the file.
 */
bool statefile_read(struct statefile *f,
    int (*on_line)(void *arg, char *line, size_t len), void *arg,
    int64_t budget_us);
/* A record with its newline. live: how many a new file would have. */
void statefile_append(
    struct statefile *f, const char *line, size_t len, size_t live);
/* What was appended is with the kernel when this returns. */
void statefile_flush(struct statefile *f);
/* Is anything kept? */
bool statefile_works(const struct statefile *f);

/* Renewal: begin, add all that is live, commit. */
bool statefile_is_due(const struct statefile *f);
int statefile_begin(struct statefile *f);
/* Has been begun, and has not failed. */
bool statefile_is_renewing(const struct statefile *f);
void statefile_add(struct statefile *f, const char *line, size_t len);
int statefile_commit(struct statefile *f);
void statefile_abort(struct statefile *f); /* the old one stays */

/* Microseconds of the monotonic clock: for slices. */
int64_t clock_us(void);

#endif
