/* SPDX-License-Identifier: ISC */
/* The toolbox of the plugin: the daemon as a room is handed it, memory, trees. */
#ifndef K8S_KIT_H
#define K8S_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <syslog.h>

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "plugin.h"

struct json_object;
struct stat;

/* The daemon, as every room that touches it is handed it. */
struct guest {
	const struct bgpd_host *host;
	struct bgpd_self *self;
};
#define say(guest, ...) (guest)->host->log((guest)->self, __VA_ARGS__)

/* Its clock, which never goes back. */
static inline int64_t
guest_now_ms(const struct guest *guest)
{
	return guest->host->now_ms(guest->self);
}

/* The functions of a tree, those of them that a room uses. */
#define K8S_TREE(name, type, field, compare)                                   \
	RB_GENERATE_INTERNAL(                                                  \
	    name, type, field, compare, __attribute__((unused)) static)

/*
 * The same of structs that have a `link` and stand in the order of their names,
 * with NAME_find, which is NULL where there is none. key: the member of the name.
 */
#define K8S_TREE_OF_NAMES(name, type, key)                                     \
	static int name##_compare(const struct type *a, const struct type *b)  \
	{                                                                      \
		return strcmp(a->key, b->key);                                 \
	}                                                                      \
	K8S_TREE(name, type, link, name##_compare)                             \
	static struct type *name##_find(                                       \
	    const struct name *tree, const char *wanted)                       \
	{                                                                      \
		struct type *found = RB_ROOT(tree);                            \
		int order;                                                     \
                                                                               \
		while (found != NULL &&                                        \
		       (order = strcmp(wanted, found->key)) != 0)              \
			found = order < 0 ? RB_LEFT(found, link)               \
					  : RB_RIGHT(found, link);             \
		return found;                                                  \
	}

static inline const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* A fault at a place. */
struct fault {
	unsigned line; /* 0: unknown */
	char text[240];
};

/* kit.c: memory, texts, files -------------------------------------------------- */

void *k8s_alloc(size_t size);
void *k8s_grow(void *old, size_t size);
char *k8s_copy(const char *text);
char *k8s_join(const char *space, const char *name);
char *k8s_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool k8s_equal(const char *a, const char *b); /* either may be NULL */
/* Of what went before and these bytes; the start is the caller's. */
uint64_t k8s_hash(uint64_t hash, const void *bytes, size_t len);
/*
 * A plain file of at most max bytes, NUL behind it, to be freed; NULL: errno
 * (EINVAL: it is none, EFBIG: it is longer). st as soon as it could be opened.
 */
char *k8s_file_read(
    int at, const char *path, off_t max, struct stat *st, size_t *len);
bool k8s_file_differs(const struct stat *a, const struct stat *b);

/* tree.c: members of a tree of json-c ------------------------------------------ */

struct json_object *tree_parse(const char *text, size_t len);
void tree_fault(struct fault *fault, const char *key, const char *must);
struct json_object *tree_member(
    struct json_object *map, const char *key, int type, struct fault *fault);
struct json_object *tree_map(
    struct json_object *map, const char *key, struct fault *fault);
const char *tree_text(
    struct json_object *map, const char *key, struct fault *fault);
size_t tree_list(struct json_object *map, const char *key, struct fault *fault,
    struct json_object **list);
struct json_object *tree_entry(
    struct json_object *list, size_t i, const char *key, struct fault *fault);
bool tree_name_is_good(const char *name);
bool tree_addr(const char *text, struct bgpd_addr *addr);
int tree_decode64(char *text);

/* yaml.c: YAML to trees of json-c --------------------------------------------- */

int yaml_read(const char *text, size_t len,
    void (*on_document)(void *arg, struct json_object *root), void *arg,
    struct fault *fault);
unsigned yaml_line(struct json_object *map);

#endif
