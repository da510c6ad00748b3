/* SPDX-License-Identifier: ISC */
/* A directory that may change, appear later, or be swapped: inotify on it. */

/*
 * The parent is watched too, for the directory's own name. What inotify does
 * not see (through links, on file systems without it) is the caller's to poll.
 */

#include <sys/inotify.h>
#include <sys/stat.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "k8s.h"

struct dirwatch {
	struct guest *guest;
	char *path, *parent, *base;
	struct bgpd_watch *watch; /* NULL: there is no inotify */
	int inotify, own, above;  /* watch descriptors, or -1 */
	ino_t inode;
	dev_t device;
	void (*on_change)(void *arg);
	void *arg;
};

static void
on_inotify(void *arg, unsigned what)
{
	_Alignas(struct inotify_event) char buffer[4096];
	struct dirwatch *w = arg;
	const struct inotify_event *e;
	bool changed = false;
	ssize_t n;
	char *p;

	(void)what;
	while ((n = read(w->inotify, buffer, sizeof(buffer))) > 0) {
		for (p = buffer; p < buffer + n; p += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(void *)p;
			changed |= e->wd != w->above || e->len == 0 ||
				   strcmp(e->name, w->base) == 0;
			if (e->wd == w->own &&
			    (e->mask & (IN_IGNORED | IN_MOVE_SELF)))
				w->own = -1;
			if (e->wd == w->above && (e->mask & IN_IGNORED))
				w->above = -1;
		}
	}
	if (changed)
		w->on_change(w->arg);
}

static void
path_split(struct dirwatch *w, const char *path)
{
	const char *slash = strrchr(path, '/');

	w->path = k8s_copy(path);
	w->base = k8s_copy(slash == NULL ? path : slash + 1);
	w->parent = k8s_copy(slash == NULL ? "." : path);
	if (slash != NULL)
		w->parent[slash == path ? 1 : slash - path] = '\0';
}

/*
 * Nothing is watched before dirwatch_follow. `path` ends with no slash;
 * on_change comes after each burst of changes.
 */
struct dirwatch *
dirwatch_open(struct guest *guest, const char *path,
    void (*on_change)(void *arg), void *arg)
{
	struct dirwatch *w = k8s_alloc(sizeof(*w));

	w->guest = guest;
	w->on_change = on_change;
	w->arg = arg;
	w->own = w->above = -1;
	path_split(w, path);
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify == -1) {
		say(guest, LOG_WARNING, "inotify: %s; %s is polled",
		    strerror(errno), path);
		return w;
	}
	w->watch =
	    guest->host->watch_new(guest->self, w->inotify, on_inotify, w);
	guest->host->watch_set(w->watch, BGPD_READ);
	return w;
}

void
dirwatch_close(struct dirwatch *w)
{
	if (w->watch != NULL) {
		w->guest->host->watch_free(w->watch);
		close(w->inotify);
	}
	free(w->path);
	free(w->parent);
	free(w->base);
	free(w);
}

/* Watches what stands under the path now: before it is read. */
void
dirwatch_follow(struct dirwatch *w)
{
	static const uint32_t what = IN_CLOSE_WRITE | IN_MOVE | IN_CREATE |
				     IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |
				     IN_MOVE_SELF | IN_ONLYDIR;
	struct stat st;

	if (w->watch == NULL)
		return;
	if (w->above == -1)
		w->above = inotify_add_watch(w->inotify, w->parent,
		    IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	if (stat(w->path, &st) == -1 ||
	    (w->own != -1 && st.st_ino == w->inode && st.st_dev == w->device))
		return;
	if (w->own != -1)
		inotify_rm_watch(w->inotify, w->own);
	w->own = inotify_add_watch(w->inotify, w->path, what);
	w->inode = st.st_ino;
	w->device = st.st_dev;
}

/* Is the directory itself watched? */
bool
dirwatch_works(const struct dirwatch *w)
{
	return w->own != -1;
}
