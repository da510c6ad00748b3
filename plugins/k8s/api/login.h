/* SPDX-License-Identifier: ISC */
/* Inside the login: what files say of it, and the exec plugin that adds to it. */
#ifndef K8S_API_LOGIN_H
#define K8S_API_LOGIN_H

#include <sys/stat.h>

#include "api.h"

/* A file that was read, or was not there, as it was then. */
struct seen {
	SLIST_ENTRY(seen) link;
	struct stat st; /* zeroes: it was not there */
	char path[];
};

/* The `exec` of a user in a kubeconfig. Lists end with NULL. */
struct exec_plan {
	char *version;	    /* "client.authentication.k8s.io/v1" */
	char **argv, **env; /* env: "NAME=value" */
	char *hint;	    /* installHint; NULL */
	bool wants_cluster; /* provideClusterInfo */
	char *config;	    /* JSON: the cluster's extension for it; NULL */
};

/* All that files say. Of a login by exec token, cert and key are NULL. */
struct plan {
	struct login login;
	struct exec_plan *exec; /* NULL: none */
	SLIST_HEAD(, seen) seen;
	char why[512]; /* it is not usable; "": it is */
};

/* login.c */

struct plan *plan_new(void);
void list_free(char **list); /* of text, ends with NULL */
void plan_free(struct plan *plan);
/* The file, NUL behind it, to be freed; NULL: errno. Its state is noted. */
char *plan_file(struct plan *plan, const char *path, size_t *len);
/* -1; plan->why is set, for it is first. */
int plan_fail(struct plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A token as a file or a plugin has it, blanks around it cut; NULL: it is none. */
char *token_read(const char *text);

/* entry.c: the values of a kubeconfig's entry ------------------------------------ */

#define LIST_MAX 256

/* One file that was there. */
struct page {
	char *path;
	struct json_object *root;
};

/* A mapping of one, to be read and to be blamed. */
struct entry {
	struct plan *plan;
	const struct page *page;
	struct json_object *map;
	const char *what, *name; /* "user", "admin" */
};

/* The first fault is kept, with the line of the entry; -1. */
int entry_fail(const struct entry *entry, const char *text);
int entry_fail_key(
    const struct entry *entry, const char *key, const char *text);
/* NULL: not said, empty, or (a fault) no line of text. Borrowed from the tree. */
const char *entry_text(const struct entry *entry, const char *key);
bool entry_bool(const struct entry *entry, const char *key);
/* A path, from where the file of the entry is; to be freed. */
char *entry_path(const struct entry *entry, const char *path);
/* The file that a key names; NULL: a fault. To be freed. */
char *entry_file(
    const struct entry *entry, const char *key, const char *path, size_t *len);
/* PEM, from "KEY-data" or else from the file that KEY names. */
char *entry_pem(const struct entry *entry, const char *key, size_t *len);
/* A list of text, ends with NULL; put in front: first, where it is not NULL. */
char **entry_list(
    const struct entry *entry, const char *key, const char *first);
/* Not empty, no control characters: it can be a header's. */
bool entry_is_line(const char *text);

/* kubeconfig.c: paths by colon; those that are not there are passed over. */

int kubeconfig_read(struct plan *plan, const char *paths);

/* exec.c */

struct exec;

struct exec_answer {
	char *token, *cert, *key; /* NULL: none */
	size_t cert_len, key_len;
	int64_t came_ms, ends_ms; /* monotonic; ends_ms 0: never */
};

struct exec *exec_new(
    struct guest *guest, void (*on_done)(void *arg), void *arg);
void exec_free(struct exec *exec); /* one that runs is killed */
/* Nothing where it runs already. on_done comes from the loop. */
void exec_start(struct exec *exec, const struct plan *plan);
bool exec_is_running(const struct exec *exec);
/* The last good one, until the next one; NULL: none. */
const struct exec_answer *exec_answer(const struct exec *exec);
const char *exec_why(
    const struct exec *exec); /* the last run; "": it was good */

#endif
