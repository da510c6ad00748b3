/* SPDX-License-Identifier: ISC */
/* A file of lines that survives a kill: appended to, and written anew beside. */

/*
 * The first line names the format and the node; each line behind it is a
 * record of the owner. Nothing is written in place: a file that was cut off at
 * any byte is its records up to the last whole line.
 *
 * A record is in the page cache when it is flushed, once per turn of the loop
 * or when the owner says so (it survives kill -9), and on the disk soon after:
 * fdatasync runs in a thread of its own, one at a time.
 *
 * A file that has outgrown what is live, or could not be written, is due for
 * renewal: a new one is begun beside it, the owner adds what is live in as many
 * slices as it likes while what is appended goes to both, and the new one takes
 * the place of the old by rename. Until then the old one is what counts.
 */

#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "statefile.h"

#define FILE_MAX     (1024L * 1024 * 1024)
#define SLACK	     1024 /* records beyond twice what is live: due */
#define SYNC_LOOK_MS 50	  /* is the sync over? */
#define RETRY_MS     5000

struct statefile {
	struct guest *guest;
	const struct statefile_kind *kind;
	void *arg;
	char *path, *head;	      /* head: the first line */
	struct line_writer now, next; /* next: while it is renewed */
	struct line_reader reader;
	bool reading;
	bool told; /* of trouble, since all was well last */
	struct bgpd_timer *flush, *sync, *renewal;
	bool wanted; /* a renewal, at due_ms */
	int64_t due_ms;
	struct disk_sync *syncing;
	bool dirty;
};

/* Said once until all is well again. */
static void
statefile_fault(struct statefile *f, const char *what, int error)
{
	if (f->told)
		return;
	f->told = true;
	if (line_writer_works(&f->now))
		say(f->guest, LOG_ERR, "state %s: %s: %s", f->path, what,
		    strerror(error));
	else
		say(f->guest, LOG_ERR,
		    "state %s: %s: %s; %s are not kept over a restart", f->path,
		    what, strerror(error), f->kind->what);
}

/* To the disk ---------------------------------------------------------------- */

static void renewal_want(struct statefile *f, int64_t after_ms);

static void
sync_end(struct statefile *f)
{
	int error = disk_sync_end(f->syncing);

	f->syncing = NULL;
	if (error == 0)
		return;
	/* What the kernel has dropped is written again from the start. */
	f->now.write_errno = error;
	statefile_fault(f, "cannot be brought to the disk", error);
	renewal_want(f, RETRY_MS);
}

/*
 * On time: the end of one sync is seen, the next is begun. Looked for by the
 * timer and not posted, so that `close` leaves nothing under way.
 */
static void
on_sync(void *arg)
{
	struct statefile *f = arg;

	if (f->syncing != NULL && disk_sync_is_over(f->syncing)) {
		sync_end(f);
		if (f->dirty)
			f->guest->host->timer_start(f->sync, f->kind->sync_ms);
		return;
	}
	if (f->syncing == NULL && f->dirty && f->now.fd != -1) {
		statefile_flush(f);
		f->dirty = false;
		f->syncing = disk_sync(f->now.fd);
	}
	if (f->syncing != NULL)
		f->guest->host->timer_start(f->sync, SYNC_LOOK_MS);
}

static void
sync_want(struct statefile *f)
{
	if (!f->dirty && f->syncing == NULL)
		f->guest->host->timer_start(f->sync, f->kind->sync_ms);
	f->dirty = true;
}

/* Renewal -------------------------------------------------------------------- */

static void
renewal_want(struct statefile *f, int64_t after_ms)
{
	if (f->wanted)
		return;
	f->wanted = true;
	f->due_ms = guest_now_ms(f->guest) + after_ms;
	f->guest->host->timer_start(f->renewal, after_ms);
}

static void
renewal_unwant(struct statefile *f)
{
	f->wanted = false;
	f->guest->host->timer_stop(f->renewal);
}

bool
statefile_is_due(const struct statefile *f)
{
	return f->wanted && !f->reading && !statefile_is_renewing(f) &&
	       guest_now_ms(f->guest) >= f->due_ms;
}

bool
statefile_is_renewing(const struct statefile *f)
{
	return f->next.fd != -1;
}

static void
on_renewal(void *arg)
{
	struct statefile *f = arg;

	if (f->wanted && !f->reading && !statefile_is_renewing(f))
		f->kind->on_due(f->arg);
}

static int
path_new(const struct statefile *f, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s.new", f->path) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

void
statefile_abort(struct statefile *f)
{
	char path[PATH_MAX];

	if (!statefile_is_renewing(f))
		return;
	line_writer_stop(&f->next);
	if (path_new(f, path) == 0)
		unlink(path);
}

/* The old one stays, and goes on where it can; another try is made later. */
static int
renewal_fail(struct statefile *f, int error)
{
	statefile_fault(f, "cannot be written anew", error);
	statefile_abort(f);
	renewal_want(f, RETRY_MS);
	return -1;
}

static int file_open_late(struct statefile *f);

/* 0; -1: told, and due again later. */
int
statefile_begin(struct statefile *f)
{
	char path[PATH_MAX];
	int fd;

	renewal_unwant(f);
	if (f->now.fd == -1 && file_open_late(f) == -1) {
		renewal_want(f, RETRY_MS);
		return -1;
	}
	if (path_new(f, path) == -1)
		return renewal_fail(f, errno);
	unlink(path); /* of one that was killed */
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return renewal_fail(f, errno);
	line_writer_start(&f->next, fd, 0);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return renewal_fail(f, errno);
	line_writer_add(&f->next, f->head, strlen(f->head));
	return 0;
}

/* A record of what is live, with its newline. */
void
statefile_add(struct statefile *f, const char *line, size_t len)
{
	if (!statefile_is_renewing(f))
		return;
	f->next.count++;
	if (line_writer_add(&f->next, line, len) == -1)
		renewal_fail(f, f->next.write_errno);
}

/* 0; -1: told, the old one stays. */
int
statefile_commit(struct statefile *f)
{
	char path[PATH_MAX];

	if (!statefile_is_renewing(f))
		return -1;
	if (line_writer_flush(&f->next) == -1)
		return renewal_fail(f, f->next.write_errno);
	/* Not on the disk before the rename: the kernel's own order suffices
	 * for a kill, and the sync that follows for the rest. */
	if (path_new(f, path) == -1 || rename(path, f->path) == -1)
		return renewal_fail(f, errno);
	line_writer_stop(&f->now);
	f->now = f->next;
	f->next = (struct line_writer){ .fd = -1 };
	if (f->told)
		say(f->guest, LOG_NOTICE, "state %s is kept again", f->path);
	f->told = false;
	renewal_unwant(f);
	sync_want(f);
	return 0;
}

/* Appending ------------------------------------------------------------------ */

void
statefile_flush(struct statefile *f)
{
	if (statefile_is_renewing(f) && line_writer_flush(&f->next) == -1)
		renewal_fail(f, f->next.write_errno);
	f->guest->host->timer_stop(f->flush);
	if (line_writer_works(&f->now) && line_writer_flush(&f->now) == -1) {
		statefile_fault(f, "cannot be written", f->now.write_errno);
		renewal_want(f, RETRY_MS);
	}
}

static void
on_flush(void *arg)
{
	statefile_flush(arg);
}

void
statefile_append(struct statefile *f, const char *line, size_t len, size_t live)
{
	statefile_add(f, line, len);
	if (!line_writer_works(&f->now))
		return;
	if (f->now.used == 0)
		f->guest->host->timer_start(f->flush, 0);
	f->now.count++;
	if (line_writer_add(&f->now, line, len) == -1) {
		statefile_fault(f, "cannot be written", f->now.write_errno);
		renewal_want(f, RETRY_MS);
		return;
	}
	sync_want(f);
	if (f->now.count > 2 * live + SLACK && !statefile_is_renewing(f))
		renewal_want(f, 0);
}

bool
statefile_works(const struct statefile *f)
{
	return line_writer_works(&f->now);
}

/* Opening -------------------------------------------------------------------- */

/* mkdir -p of what the file lies in. */
static void
directory_make(const char *path)
{
	char copy[PATH_MAX], *p;

	if (strlen(path) >= sizeof(copy))
		return;
	strcpy(copy, path);
	for (p = copy + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		mkdir(copy, 0755);
	}
}

/* Keeps what cannot be used under another name; its own is yet to be taken. */
static void
file_set_aside(struct statefile *f, const char *why)
{
	char path[PATH_MAX + 16];
	int i;

	for (i = 1; i < 10; i++) {
		snprintf(path, sizeof(path), "%s.saved-%d", f->path, i);
		if (access(path, F_OK) == -1)
			break;
	}
	if (i == 10)
		unlink(path);
	/* Two names of one file where that works: at no time is there none. */
	if (link(f->path, path) == -1 && rename(f->path, path) == -1)
		say(f->guest, LOG_ERR, "state %s %s; cannot rename it: %s",
		    f->path, why, strerror(errno));
	else
		say(f->guest, LOG_WARNING,
		    "state %s %s: kept as %s, a new one is begun", f->path, why,
		    path);
}

/* What can be locked and is still the file of that name; -1: *why, or errno. */
static int
file_open(const struct statefile *f, struct stat *st, const char **why)
{
	struct stat named;
	int fd, i, error;

	*why = NULL;
	for (i = 0; i < 3; i++) {
		fd = open(
		    f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		error = errno;
		if (fd == -1 && (error == EROFS || error == EACCES))
			fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		errno = error;
		if (fd == -1)
			return -1;
		if (fstat(fd, st) == -1 || !S_ISREG(st->st_mode))
			*why = "is not a file";
		else if (flock(fd, LOCK_EX | LOCK_NB) == -1)
			*why = "is in use by another process";
		else if (stat(f->path, &named) == 0 &&
			 named.st_ino == st->st_ino &&
			 named.st_dev == st->st_dev)
			return fd;
		close(fd);
		if (*why != NULL)
			return -1;
	}
	*why = "changes all the time";
	return -1;
}

/* NULL: it is ours; *len: of its whole lines, 0 when it has to be begun. */
static const char *
file_check(const struct statefile *f, int fd, off_t size, off_t *len)
{
	size_t head_len = strlen(f->head), magic_len = strlen(f->kind->magic);
	char *head = k8s_alloc(head_len + 1);
	const char *why = NULL;
	ssize_t n = pread(fd, head, head_len, 0);

	*len = 0;
	if (size > FILE_MAX)
		why = "is too long";
	else if (n == -1 || (*len = lines_end(fd, size)) == -1)
		why = "cannot be read";
	else if (strncmp(head, f->head, (size_t)n) == 0)
		*len = (size_t)n < head_len ? 0 : *len;
	else if (strncmp(head, f->kind->magic, magic_len) == 0)
		why = "belongs to another node";
	else
		why = "is not a state file of this plugin";
	free(head);
	return why;
}

/* Takes an open file as it is: the whole lines that stand there are read. */
static void
file_take(struct statefile *f, int fd, const struct stat *st)
{
	off_t len;
	const char *why = file_check(f, fd, st->st_size, &len);
	bool writes = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;

	line_writer_start(&f->now, fd, len);
	if ((st->st_mode & 077) != 0)
		fchmod(fd, 0600);
	if (why != NULL)
		file_set_aside(f, why);
	if (why != NULL || len == 0) {
		f->now.write_errno = EROFS;
		if (statefile_begin(f) == 0)
			statefile_commit(f);
		return;
	}
	/* The half of a line that a kill may have left. */
	if (!writes || (len != st->st_size && ftruncate(fd, len) == -1)) {
		f->now.write_errno = writes ? errno : EROFS;
		statefile_fault(f, "cannot be written", f->now.write_errno);
		renewal_want(f, RETRY_MS);
	}
	line_reader_start(&f->reader, fd, (off_t)strlen(f->head), len);
	f->reading = true;
}

/*
 * It could not be opened at the start. What has appeared there since is not
 * read, as what is known now is newer.
 */
static int
file_open_late(struct statefile *f)
{
	const char *why;
	struct stat st;
	int fd;

	directory_make(f->path);
	fd = file_open(f, &st, &why);
	if (fd == -1)
		return -1;
	if (st.st_size > 0)
		file_set_aside(f, "could not be opened before");
	line_writer_start(&f->now, fd, 0);
	f->now.write_errno = EAGAIN; /* nothing is put behind what is there */
	return 0;
}

struct statefile *
statefile_open(struct guest *guest, const char *path, const char *node,
    const struct statefile_kind *kind, void *arg)
{
	struct statefile *f = k8s_alloc(sizeof(*f));
	const char *why;
	struct stat st;
	int fd;

	f->guest = guest;
	f->kind = kind;
	f->arg = arg;
	f->path = k8s_copy(path);
	f->head = k8s_print("%s%s\n", kind->magic, node);
	f->now.fd = f->next.fd = -1;
	f->flush = guest->host->timer_new(guest->self, on_flush, f);
	f->sync = guest->host->timer_new(guest->self, on_sync, f);
	f->renewal = guest->host->timer_new(guest->self, on_renewal, f);
	directory_make(path);
	fd = file_open(f, &st, &why);
	if (fd != -1) {
		file_take(f, fd, &st);
		return f;
	}
	say(guest, LOG_ERR, "state %s%s %s; %s are not kept over a restart",
	    path, why == NULL ? ":" : "", why == NULL ? strerror(errno) : why,
	    kind->what);
	f->told = true;
	renewal_want(f, RETRY_MS);
	return f;
}

/* All has been read: what was odd is kept beside what is right. */
static void
reading_end(struct statefile *f)
{
	size_t bad = f->reader.bad;

	line_reader_stop(&f->reader);
	f->reading = false;
	if (bad == 0 && !f->wanted)
		return;
	if (bad > 0)
		file_set_aside(f, "holds lines that cannot be read");
	renewal_unwant(f);
	renewal_want(f, line_writer_works(&f->now) ? 0 : RETRY_MS);
}

bool
statefile_read(struct statefile *f,
    int (*on_line)(void *arg, char *line, size_t len), void *arg,
    int64_t budget_us)
{
	int64_t end_us = clock_us() + budget_us;
	char *line;
	size_t len;

	while (f->reading && (line = line_reader_next(&f->reader, &len))) {
		f->now.count++;
		if (strlen(line) != len || on_line(arg, line, len) == -1)
			f->reader.bad++;
		if (budget_us > 0 && clock_us() >= end_us)
			return true;
	}
	if (f->reading)
		reading_end(f);
	return false;
}

void
statefile_close(struct statefile *f)
{
	const struct bgpd_host *host;

	if (f == NULL)
		return;
	host = f->guest->host;
	statefile_abort(f);
	statefile_flush(f);
	disk_sync_leave(f->syncing);
	if (f->dirty && f->now.fd != -1)
		disk_sync_leave(disk_sync(f->now.fd));
	/* The syncs go on with the lock, and another may be opened at once. */
	if (f->now.fd != -1)
		flock(f->now.fd, LOCK_UN);
	line_writer_stop(&f->now);
	line_reader_stop(&f->reader);
	host->timer_free(f->flush);
	host->timer_free(f->sync);
	host->timer_free(f->renewal);
	free(f->path);
	free(f->head);
	free(f);
}
