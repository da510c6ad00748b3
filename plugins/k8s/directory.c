/* SPDX-License-Identifier: ISC */
/* The source "directory": objects out of manifest files, watched for change. */

/*
 * A scan compares what `stat` says of every file with the last time and reads
 * those that differ. What wakes it is inotify on the directory and, for one
 * that appears later or is swapped, on its parent; a slow poll sees the rest
 * (targets of links, file systems without inotify). An object is known by kind
 * and name; where several files have it, the last by file name is told.
 */

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "k8s.h"

#define FILE_MAX     (64 * 1024 * 1024)
#define DEBOUNCE_MS  20
#define YOUNG_MS     50 /* it may still be being written */
#define YOUNG_SCANS  8	/* ... but not for ever */
#define POLL_MS	     2000
#define POLL_LINK_MS 500 /* inotify does not see through a link */

struct file;

/* An object by kind and name. */
struct key {
	RB_ENTRY(key) link;
	TAILQ_ENTRY(key) orphan;
	struct file *owner;  /* whose version is told; NULL: an orphan */
	unsigned copies;     /* files that have it */
	unsigned generation; /* of the reading that saw it last */
	bool orphaned;
	uint8_t kind;
	char name[];
};
RB_HEAD(keys, key);
TAILQ_HEAD(orphans, key);

struct file {
	RB_ENTRY(file) link;
	struct stat st;
	struct key **keys;
	size_t key_count, key_room;
	unsigned young; /* scans that found it so */
	bool seen, stale, nameless /* an object without a name is in it */;
	char name[];
};
RB_HEAD(files, file);

struct directory {
	struct source source;
	struct guest *guest;
	char *path;
	const struct source_sink *sink;
	void *arg;
	struct files files;
	struct keys keys;
	struct orphans orphans;
	struct bgpd_timer *timer;
	struct dirwatch *watch;
	int64_t due_ms;
	unsigned generation;
	bool synced, missing, links, changed;
	struct file *reading;
};

K8S_TREE_OF_NAMES(files, file, name)

static int
key_compare(const struct key *a, const struct key *b)
{
	return a->kind != b->kind ? a->kind - b->kind
				  : strcmp(a->name, b->name);
}
K8S_TREE(keys, key, link, key_compare)

/* Keys ------------------------------------------------------------------------ */

static struct key *
key_find(struct directory *d, enum object_kind kind, const char *name)
{
	struct key *k = RB_ROOT(&d->keys);
	int order;

	while (k != NULL) {
		order = (int)kind != k->kind ? (int)kind - k->kind
					     : strcmp(name, k->name);
		if (order == 0)
			return k;
		k = order < 0 ? RB_LEFT(k, link) : RB_RIGHT(k, link);
	}
	k = k8s_alloc(sizeof(*k) + strlen(name) + 1);
	k->kind = (uint8_t)kind;
	strcpy(k->name, name);
	RB_INSERT(keys, &d->keys, k);
	return k;
}

/* The file has the key, said once per reading; false: it is there twice. */
static bool
file_add_key(struct directory *d, struct file *f, struct key *k)
{
	if (k->generation == d->generation)
		return false;
	k->generation = d->generation;
	k->copies++;
	if (f->key_count == f->key_room) {
		f->key_room = f->key_room == 0 ? 1 : 2 * f->key_room;
		f->keys = k8s_grow(f->keys, f->key_room * sizeof(f->keys[0]));
	}
	f->keys[f->key_count++] = k;
	return true;
}

static void
key_orphan(struct directory *d, struct key *k)
{
	k->owner = NULL;
	if (k->orphaned)
		return;
	k->orphaned = true;
	TAILQ_INSERT_TAIL(&d->orphans, k, orphan);
}

/* May the file's version be told? Then the file owns the key. */
static bool
key_take(struct directory *d, struct key *k, struct file *f, bool again)
{
	struct file *other = k->owner;

	if (again)
		say(d->guest, LOG_WARNING,
		    "%s/%s: %s %s is there twice: the last one is taken",
		    d->path, f->name, object_kind_name(k->kind), k->name);
	if (other != NULL && other != f && other->seen)
		say(d->guest, LOG_WARNING,
		    "%s %s is in %s and in %s: the one in %s is taken",
		    object_kind_name(k->kind), k->name, other->name, f->name,
		    strcmp(other->name, f->name) > 0 ? other->name : f->name);
	if (other != NULL && strcmp(other->name, f->name) > 0)
		return false;
	k->owner = f;
	return true;
}

/* Some files that have the key are read again; none has it: it is gone. */
static void
orphan_settle(struct directory *d, struct key *k)
{
	struct file *f;
	size_t i;

	k->orphaned = false;
	if (k->owner != NULL)
		return;
	if (k->copies == 0) {
		d->sink->on_gone(d->arg, k->kind, k->name);
		RB_REMOVE(keys, &d->keys, k);
		free(k);
		return;
	}
	RB_FOREACH (f, files, &d->files) {
		for (i = 0; i < f->key_count && !f->stale; i++)
			f->stale = f->keys[i] == k;
	}
}

/* Files ----------------------------------------------------------------------- */

static bool
name_fits(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot != NULL &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		   strcmp(dot, ".json") == 0);
}

static struct file *
file_get(struct directory *d, const char *name)
{
	struct file *f = files_find(&d->files, name);

	if (f != NULL)
		return f;
	f = k8s_alloc(sizeof(*f) + strlen(name) + 1);
	strcpy(f->name, name);
	RB_INSERT(files, &d->files, f);
	return f;
}

static void
file_free(struct directory *d, struct file *f)
{
	RB_REMOVE(files, &d->files, f);
	free(f->keys);
	free(f);
}

static bool
stat_is_young(const struct stat *st)
{
	struct timespec now;
	int64_t age_ms;

	clock_gettime(CLOCK_REALTIME, &now);
	age_ms = ((int64_t)now.tv_sec - st->st_mtim.tv_sec) * 1000 +
		 (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
	return age_ms >= 0 && age_ms < YOUNG_MS;
}

static void
on_fault(void *arg, const struct manifest_fault *fault)
{
	struct directory *d = arg;
	struct file *f = d->reading;

	if (fault->name == NULL) {
		f->nameless = true;
		say(d->guest, LOG_WARNING, "%s/%s:%u: %s", d->path, f->name,
		    fault->line, fault->text);
		return;
	}
	say(d->guest, LOG_WARNING, "%s/%s:%u: %s %s: %s", d->path, f->name,
	    fault->line, object_kind_name(fault->kind), fault->name,
	    fault->text);
	/* It is there, though not as it should: its last version stays. */
	file_add_key(d, f, key_find(d, fault->kind, fault->name));
}

static void
on_object(void *arg, struct object *object)
{
	struct directory *d = arg;
	struct key *k = key_find(d, object->kind, object->name);
	bool again = !file_add_key(d, d->reading, k);

	if (key_take(d, k, d->reading, again))
		d->sink->on_object(d->arg, object);
	else
		object_free(object);
}

/* The content, to be freed by the caller; NULL: the fault is told. */
static char *
file_read(struct directory *d, int dir, struct file *f, size_t *len)
{
	char *text = k8s_file_read(dir, f->name, FILE_MAX, &f->st, len);

	if (text == NULL)
		say(d->guest, LOG_WARNING, "%s/%s: %s", d->path, f->name,
		    errno == EINVAL  ? "is not a file"
		    : errno == EFBIG ? "is too long"
				     : strerror(errno));
	return text;
}

/* Puts what a reading did not see again: kept, or lost by this file. */
static void
file_compare_keys(
    struct directory *d, struct file *f, struct key **old, size_t old_count)
{
	size_t i;

	for (i = 0; i < old_count; i++) {
		old[i]->copies--;
		if (f->nameless)
			file_add_key(d, f, old[i]);
		else if (old[i]->generation != d->generation &&
			 (old[i]->owner == f || old[i]->owner == NULL))
			key_orphan(d, old[i]);
	}
}

static void
file_load(struct directory *d, int dir, struct file *f)
{
	const char *dot = strrchr(f->name, '.');
	struct key **old = f->keys;
	size_t old_count = f->key_count, len;
	struct manifest m;
	char *text;

	f->stale = false;
	text = file_read(d, dir, f, &len);
	if (text == NULL)
		return;
	d->reading = f;
	d->generation++;
	if (manifest_read(&m, text, len, strcmp(dot, ".json") == 0) == -1) {
		say(d->guest, LOG_WARNING, "%s/%s:%u: %s%s", d->path, f->name,
		    m.fault.line, m.fault.text,
		    old_count > 0 ? "; its last good version stays" : "");
		free(text);
		return;
	}
	free(text);
	f->keys = NULL;
	f->key_count = f->key_room = 0;
	f->nameless = false;
	manifest_tell(&m, on_object, on_fault, d);
	file_compare_keys(d, f, old, old_count);
	free(old);
	d->changed = true;
}

/* Its keys are lost, and it is no more. */
static void
file_remove(struct directory *d, struct file *f)
{
	size_t i;

	for (i = 0; i < f->key_count; i++) {
		f->keys[i]->copies--;
		if (f->keys[i]->owner == f)
			key_orphan(d, f->keys[i]);
	}
	file_free(d, f);
	d->changed = true;
}

/* Scanning --------------------------------------------------------------------- */

static void
scan_after(struct directory *d, int64_t after_ms)
{
	int64_t due_ms = guest_now_ms(d->guest) + after_ms;

	if (d->due_ms != 0 && d->due_ms <= due_ms)
		return;
	d->due_ms = due_ms;
	d->guest->host->timer_start(d->timer, after_ms);
}

/* Marks what is there, changed, or too young to be read; is any of the last? */
static bool
scan_names(struct directory *d, int dir, DIR *names)
{
	struct stat st, own;
	struct dirent *entry;
	struct file *f;
	bool young = false;

	d->links = false;
	RB_FOREACH (f, files, &d->files)
		f->seen = false;
	while ((entry = readdir(names)) != NULL) {
		if (!name_fits(entry->d_name) ||
		    fstatat(dir, entry->d_name, &own, AT_SYMLINK_NOFOLLOW) ==
			-1 ||
		    fstatat(dir, entry->d_name, &st, 0) == -1 ||
		    !S_ISREG(st.st_mode))
			continue;
		d->links |= S_ISLNK(own.st_mode);
		f = file_get(d, entry->d_name);
		f->seen = true;
		if (!k8s_file_differs(&f->st, &st))
			continue;
		if (stat_is_young(&st) && f->young++ < YOUNG_SCANS) {
			young = true;
			continue;
		}
		f->young = 0;
		f->stale = true;
		f->st = st;
	}
	return young;
}

/* Reads what is stale, until nobody is an orphan. */
static void
scan_files(struct directory *d, int dir)
{
	struct file *f, *next;
	struct key *k;

	RB_FOREACH_SAFE (f, files, &d->files, next) {
		if (f->seen && f->stale)
			file_load(d, dir, f);
	}
	RB_FOREACH_SAFE (f, files, &d->files, next) {
		if (!f->seen)
			file_remove(d, f);
	}
	while ((k = TAILQ_FIRST(&d->orphans)) != NULL) {
		TAILQ_REMOVE(&d->orphans, k, orphan);
		orphan_settle(d, k);
		RB_FOREACH (f, files, &d->files) {
			if (f->stale)
				file_load(d, dir, f);
		}
	}
}

static void
scan_missing(struct directory *d)
{
	if (!d->missing)
		say(d->guest, LOG_WARNING, "directory %s: %s; %s", d->path,
		    strerror(errno),
		    d->synced ? "what it held last stays"
			      : "waiting for it to appear");
	d->missing = true;
	scan_after(d, POLL_LINK_MS);
}

static void
directory_scan(void *arg)
{
	struct directory *d = arg;
	DIR *names;
	bool young;

	d->due_ms = 0;
	/* Watched before it is read: what changes meanwhile wakes again. */
	dirwatch_follow(d->watch);
	names = opendir(d->path);
	if (names == NULL) {
		scan_missing(d);
		return;
	}
	if (d->missing)
		say(d->guest, LOG_NOTICE, "directory %s is there", d->path);
	d->missing = false;
	/* All or nothing: an object may be on its way to the young file. */
	young = scan_names(d, dirfd(names), names);
	if (!young)
		scan_files(d, dirfd(names));
	closedir(names);
	if (!young && (d->changed || !d->synced)) {
		d->synced = true;
		d->changed = false;
		d->sink->on_batch(d->arg, true);
	}
	scan_after(d, young				      ? YOUNG_MS + 10
		      : d->links || !dirwatch_works(d->watch) ? POLL_LINK_MS
							      : POLL_MS);
}

static void
on_change(void *arg)
{
	scan_after(arg, DEBOUNCE_MS);
}

/* Opening ---------------------------------------------------------------------- */

static void
path_trim(char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
}

static struct source *
directory_open(struct guest *guest, const struct settings *set,
    const struct source_sink *sink, void *arg)
{
	struct directory *d = k8s_alloc(sizeof(*d));

	d->source.kind = &source_directory;
	d->guest = guest;
	d->sink = sink;
	d->arg = arg;
	d->path = k8s_copy(set->where);
	path_trim(d->path);
	RB_INIT(&d->files);
	RB_INIT(&d->keys);
	TAILQ_INIT(&d->orphans);
	d->timer = guest->host->timer_new(guest->self, directory_scan, d);
	d->watch = dirwatch_open(guest, d->path, on_change, d);
	scan_after(d, 0);
	return &d->source;
}

static void
directory_close(struct source *source)
{
	struct directory *d = (struct directory *)(void *)source;
	struct file *f;
	struct key *k;

	d->guest->host->timer_free(d->timer);
	dirwatch_close(d->watch);
	while ((f = RB_MIN(files, &d->files)) != NULL)
		file_free(d, f);
	while ((k = RB_MIN(keys, &d->keys)) != NULL) {
		RB_REMOVE(keys, &d->keys, k);
		free(k);
	}
	free(d->path);
	free(d);
}

static const char *
directory_state(const struct source *source)
{
	const struct directory *d =
	    (const struct directory *)(const void *)source;

	return d->missing ? "missing" : d->synced ? "synced" : "reading";
}

const struct source_kind source_directory = {
	.word = "directory",
	.open = directory_open,
	.close = directory_close,
	.state = directory_state,
};
