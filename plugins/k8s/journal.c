/* SPDX-License-Identifier: ISC */
/* The state file: which Service holds which address, kept over a restart. */

/*
 * A table of values by name upon a state file, whose records are
 *
 *	+ NAMESPACE/NAME VALUE
 *	- NAMESPACE/NAME
 *
 * A record is with the kernel when `put` returns: an address that the daemon is
 * told of survives kill -9.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "k8s.h"
#include "statefile.h"

#define RECORD_MAX 1024

struct entry {
	RB_ENTRY(entry) link;
	const char *value; /* behind the name, in the same block */
	char name[];
};
RB_HEAD(entries, entry);

struct journal {
	struct statefile *file;
	struct entries entries;
	size_t count;
};

K8S_TREE_OF_NAMES(entries, entry, name)

static bool
entry_remove(struct journal *j, const char *name)
{
	struct entry *e = entries_find(&j->entries, name);

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

/* The file ------------------------------------------------------------------- */

/* A line without its newline; -1: it is none of ours. */
static int
on_line(void *arg, char *line, size_t len)
{
	struct journal *j = arg;
	char *name = line + 2, *value;

	if (len < 3 || (line[0] != '+' && line[0] != '-') || line[1] != ' ')
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

/* In one go: it is short. */
static void
journal_renew(void *arg)
{
	struct journal *j = arg;
	char line[RECORD_MAX];
	struct entry *e;
	int len;

	if (statefile_begin(j->file) == -1)
		return;
	RB_FOREACH (e, entries, &j->entries) {
		len = snprintf(
		    line, sizeof(line), "+ %s %s\n", e->name, e->value);
		if (len < (int)sizeof(line))
			statefile_add(j->file, line, (size_t)len);
	}
	statefile_commit(j->file);
}

static void
record_append(struct journal *j, const char *line, int len)
{
	statefile_append(j->file, line, (size_t)len, j->count);
	statefile_flush(j->file);
	if (statefile_is_due(j->file))
		journal_renew(j);
}

static const struct statefile_kind addresses_file = {
	"fairway-k8s-state 1 node ", "addresses", 50, journal_renew
};

/* Never NULL: without a usable file nothing is kept, and that is told. */
struct journal *
journal_open(struct guest *guest, const char *path, const char *node)
{
	struct journal *j = k8s_alloc(sizeof(*j));

	RB_INIT(&j->entries);
	j->file = statefile_open(guest, path, node, &addresses_file, j);
	statefile_read(j->file, on_line, j, 0);
	if (statefile_is_due(j->file))
		journal_renew(j);
	return j;
}

void
journal_close(struct journal *j)
{
	struct entry *e;

	if (j == NULL)
		return;
	statefile_close(j->file);
	while ((e = RB_MIN(entries, &j->entries)) != NULL) {
		RB_REMOVE(entries, &j->entries, e);
		free(e);
	}
	free(j);
}

/* Is anything kept? */
bool
journal_works(const struct journal *j)
{
	return statefile_works(j->file);
}

/* The table ------------------------------------------------------------------ */

/* What a Service holds; a value has no newline. Not said again, not written. */
void
journal_put(struct journal *j, const char *name, const char *value)
{
	struct entry *e = entries_find(&j->entries, name);
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
	struct entry *e = entries_find(&j->entries, name);

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
