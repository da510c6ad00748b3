/* SPDX-License-Identifier: ISC */
/* The state file: which Service holds which address, kept over a restart. */

/*
 * An append-only journal of lines; the first names the format and the node:
 *
 *	fairway-k8s-state 1 node NODE
 *	+ NAMESPACE/NAME VALUE
 *	- NAMESPACE/NAME
 *
 * A record is in the page cache when `put` returns (it survives kill -9), and
 * on the disk soon after: fdatasync runs in a thread of its own, one at a
 * time. A file that has outgrown its content is written anew beside and put in
 * place by rename.
 */

#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "k8s.h"

#define MAGIC	   "fairway-k8s-state 1 node "
#define FILE_MAX   (64 * 1024 * 1024)
#define RECORD_MAX 1024
#define SLACK	   1024 /* records beyond twice the content: compact */
#define SYNC_MS	   50

struct entry {
	RB_ENTRY(entry) link;
	const char *value; /* behind the name, in the same block */
	char name[];
};
RB_HEAD(entries, entry);

struct journal {
	struct guest *guest;
	char *path, *node;
	int fd; /* -1: nothing is kept */
	struct entries entries;
	size_t count, records; /* what is held; lines of the file */
	struct bgpd_timer *timer;
	pthread_t thread;
	int thread_fd, thread_errno; /* the thread's, until it is joined */
	atomic_bool synced;
	bool syncing, dirty, failed;
};

static int
entry_compare(const struct entry *a, const struct entry *b)
{
	return strcmp(a->name, b->name);
}
K8S_TREE(entries, entry, link, entry_compare)

static struct entry *
entry_find(struct journal *j, const char *name)
{
	struct entry *e = RB_ROOT(&j->entries);
	int order;

	while (e != NULL && (order = strcmp(name, e->name)) != 0)
		e = order < 0 ? RB_LEFT(e, link) : RB_RIGHT(e, link);
	return e;
}

static bool
entry_remove(struct journal *j, const char *name)
{
	struct entry *e = entry_find(j, name);

	if (e == NULL)
		return false;
	RB_REMOVE(entries, &j->entries, e);
	free(e);
	j->count--;
	return true;
}

static void
entry_put(struct journal *j, const char *name, const char *value)
{
	size_t len = strlen(name) + 1;
	struct entry *e;

	entry_remove(j, name);
	e = k8s_alloc(sizeof(*e) + len + strlen(value) + 1);
	memcpy(e->name, name, len);
	strcpy(e->name + len, value);
	e->value = e->name + len;
	RB_INSERT(entries, &j->entries, e);
	j->count++;
}

/* Reading -------------------------------------------------------------------- */

/* A line without its newline; -1: it is none of ours. */
static int
record_read(struct journal *j, char *line)
{
	char *name = line + 2, *value;

	if ((line[0] != '+' && line[0] != '-') || line[1] != ' ' ||
	    *name == '\0')
		return -1;
	value = strchr(name, ' ');
	if (line[0] == '-') {
		if (value != NULL)
			return -1;
		entry_remove(j, name);
		return 0;
	}
	if (value == NULL || value[1] == '\0')
		return -1;
	*value++ = '\0';
	entry_put(j, name, value);
	return 0;
}

/*
 * The whole file: 0, or -1 with *why. *clean: nothing was odd, and the file
 * ends with a whole line.
 */
static int
text_read(
    struct journal *j, char *text, size_t len, const char **why, bool *clean)
{
	char *line = text, *end;
	size_t bad = 0;

	*clean = len == 0 || text[len - 1] == '\n';
	end = memchr(text, '\n', len);
	if (end == NULL)
		return 0; /* torn in its very first line */
	*end = '\0';
	if (strncmp(line, MAGIC, strlen(MAGIC)) != 0) {
		*why = "is not a state file of this plugin";
		return -1;
	}
	if (strcmp(line + strlen(MAGIC), j->node) != 0) {
		*why = "belongs to another node";
		return -1;
	}
	for (line = end + 1;
	     (end = memchr(line, '\n', len - (size_t)(line - text))) != NULL;
	     line = end + 1) {
		*end = '\0';
		j->records++;
		if (strlen(line) != (size_t)(end - line) ||
		    record_read(j, line) == -1)
			bad++;
	}
	*why = bad > 0 ? "holds lines that cannot be read" : NULL;
	*clean = *clean && bad == 0;
	return 0;
}

/* The content of an open file, ended by a NUL; NULL: *why. */
static char *
file_read(int fd, size_t *len, const char **why)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		*why = "is not a file";
		return NULL;
	}
	if (st.st_size > FILE_MAX) {
		*why = "is too long";
		return NULL;
	}
	text = k8s_alloc((size_t)st.st_size + 1);
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n) {
		n = read(fd, text + *len, (size_t)st.st_size - *len);
		if (n <= 0)
			break;
	}
	return text;
}

/* Puts what cannot be used aside, where nothing overwrites it. */
static void
file_set_aside(struct journal *j, const char *why)
{
	char path[PATH_MAX];
	int i;

	for (i = 1; i < 10; i++) {
		snprintf(path, sizeof(path), "%s.saved-%d", j->path, i);
		if (access(path, F_OK) == -1)
			break;
	}
	if (rename(j->path, path) == -1)
		say(j->guest, LOG_ERR, "state %s %s; cannot rename it: %s",
		    j->path, why, strerror(errno));
	else
		say(j->guest, LOG_WARNING,
		    "state %s %s: kept as %s, a new one is begun", j->path, why,
		    path);
}

/* Writing -------------------------------------------------------------------- */

static int
text_write(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Said once until a write succeeds again. */
static void
journal_fault(struct journal *j, const char *what)
{
	if (!j->failed)
		say(j->guest, LOG_ERR, "state %s: %s: %s", j->path, what,
		    strerror(errno));
	j->failed = true;
}

/* All that is held, as a new file in the place of the old. 0; -1: told. */
static int
journal_compact(struct journal *j)
{
	char path[PATH_MAX], line[RECORD_MAX];
	struct entry *e;
	FILE *out;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s.new", j->path) >=
	    sizeof(path)) {
		errno = ENAMETOOLONG;
		goto fail;
	}
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		goto fail;
	if ((out = fdopen(dup(fd), "w")) == NULL) {
		close(fd);
		goto fail;
	}
	fprintf(out, "%s%s\n", MAGIC, j->node);
	RB_FOREACH (e, entries, &j->entries) {
		snprintf(line, sizeof(line), "+ %s %s\n", e->name, e->value);
		fputs(line, out);
	}
	/* Not on the disk before the rename: the kernel's own order suffices
	 * for a kill, and the sync that follows for the rest. */
	if (ferror(out) | fclose(out) || flock(fd, LOCK_EX | LOCK_NB) == -1 ||
	    rename(path, j->path) == -1) {
		close(fd);
		unlink(path);
		goto fail;
	}
	if (j->fd != -1)
		close(j->fd);
	j->fd = fd;
	lseek(fd, 0, SEEK_END);
	j->records = j->count;
	j->failed = false;
	return 0;
fail:
	journal_fault(j, "cannot write it anew");
	return -1;
}

static void *
sync_run(void *arg)
{
	struct journal *j = arg;

	j->thread_errno = fdatasync(j->thread_fd) == -1 ? errno : 0;
	atomic_store(&j->synced, true);
	return NULL;
}

/* Waits for the thread, which has little left to do or nothing. */
static void
sync_end(struct journal *j)
{
	pthread_join(j->thread, NULL);
	close(j->thread_fd);
	j->syncing = false;
	if (j->thread_errno != 0) {
		errno = j->thread_errno;
		journal_fault(j, "cannot be brought to the disk");
	}
}

/*
 * On time: the end of one sync is seen, the next is begun. Looked for by the
 * timer and not posted, so that `close` leaves nothing under way.
 */
static void
journal_sync(void *arg)
{
	struct journal *j = arg;

	if (j->syncing && atomic_load(&j->synced))
		sync_end(j);
	if (!j->syncing && j->dirty && j->fd != -1) {
		j->dirty = false;
		atomic_store(&j->synced, false);
		j->thread_fd = fcntl(j->fd, F_DUPFD_CLOEXEC, 0);
		if (j->thread_fd != -1)
			j->syncing =
			    pthread_create(&j->thread, NULL, sync_run, j) == 0;
		if (j->thread_fd != -1 && !j->syncing)
			close(j->thread_fd);
	}
	if (j->syncing)
		j->guest->host->timer_start(j->timer, SYNC_MS);
}

static void
record_append(struct journal *j, const char *line, int len)
{
	if (j->fd == -1)
		return;
	if (j->failed || j->records > 2 * j->count + SLACK) {
		if (journal_compact(j) == -1)
			return; /* the next record tries again */
	} else if (text_write(j->fd, line, (size_t)len) == -1) {
		/* Half a line may stand there: what follows is a new file. */
		journal_fault(j, "cannot be written");
		return;
	} else
		j->records++;
	if (!j->dirty && !j->syncing)
		j->guest->host->timer_start(j->timer, SYNC_MS);
	j->dirty = true;
}

/* What a Service holds; a value has no newline. Not said again, not written. */
void
journal_put(struct journal *j, const char *name, const char *value)
{
	struct entry *e = entry_find(j, name);
	char line[RECORD_MAX];
	int len;

	if (e != NULL && strcmp(e->value, value) == 0)
		return;
	len = snprintf(line, sizeof(line), "+ %s %s\n", name, value);
	if (len >= (int)sizeof(line))
		return;
	entry_put(j, name, value);
	record_append(j, line, len);
}

void
journal_remove(struct journal *j, const char *name)
{
	char line[RECORD_MAX];
	int len;

	/* First: the name may be the entry's own. */
	len = snprintf(line, sizeof(line), "- %s\n", name);
	if (!entry_remove(j, name))
		return;
	if (len < (int)sizeof(line))
		record_append(j, line, len);
}

/* Borrowed until the next put or remove; NULL: nothing is known. */
const char *
journal_find(struct journal *j, const char *name)
{
	struct entry *e = entry_find(j, name);

	return e == NULL ? NULL : e->value;
}

/* The names of what is held; on_name may remove that one name. */
void
journal_walk(
    struct journal *j, void (*on_name)(void *, const char *), void *arg)
{
	struct entry *e, *next;

	RB_FOREACH_SAFE (e, entries, &j->entries, next)
		on_name(arg, e->name);
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

/* Reads what is there and holds it locked; on any trouble goes on without. */
static void
journal_load(struct journal *j)
{
	const char *why = NULL;
	bool clean = true;
	char *text;
	size_t len = 0;

	j->fd = open(j->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd == -1) {
		say(j->guest, LOG_ERR,
		    "state %s: %s; addresses are not kept over a restart",
		    j->path, strerror(errno));
		return;
	}
	if (flock(j->fd, LOCK_EX | LOCK_NB) == -1) {
		say(j->guest, LOG_ERR,
		    "state %s is in use by another process; addresses are not "
		    "kept over a restart",
		    j->path);
		close(j->fd);
		j->fd = -1;
		return;
	}
	text = file_read(j->fd, &len, &why);
	if (text != NULL)
		text_read(j, text, len, &why, &clean);
	free(text);
	if (why != NULL) {
		file_set_aside(j, why);
		close(j->fd);
		j->fd = -1;
	}
	if (why != NULL || !clean || len == 0)
		journal_compact(j);
}

/* Never NULL: without a usable file nothing is kept, and that is told. */
struct journal *
journal_open(struct guest *guest, const char *path, const char *node)
{
	struct journal *j = k8s_alloc(sizeof(*j));

	j->guest = guest;
	j->path = k8s_copy(path);
	j->node = k8s_copy(node);
	j->fd = -1;
	RB_INIT(&j->entries);
	j->timer = guest->host->timer_new(guest->self, journal_sync, j);
	directory_make(path);
	journal_load(j);
	return j;
}

/* Is anything kept? */
bool
journal_works(const struct journal *j)
{
	return j->fd != -1 && !j->failed;
}

void
journal_close(struct journal *j)
{
	struct entry *e;

	if (j == NULL)
		return;
	j->guest->host->timer_free(j->timer);
	if (j->syncing)
		sync_end(j);
	if (j->fd != -1) {
		if (j->dirty)
			fdatasync(j->fd);
		close(j->fd);
	}
	while ((e = RB_MIN(entries, &j->entries)) != NULL) {
		RB_REMOVE(entries, &j->entries, e);
		free(e);
	}
	free(j->path);
	free(j->node);
	free(j);
}
