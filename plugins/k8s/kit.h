/* SPDX-License-Identifier: ISC */
/* The toolbox of the plugin: the daemon as a room is handed it, memory, trees. */
#ifndef K8S_KIT_H
#define K8S_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "plugin.h"

struct json_object;

/* The daemon, as every room that touches it is handed it. */
struct guest {
	const struct bgpd_host *host;
	struct bgpd_self *self;
};
#define say(guest, ...) (guest)->host->log((guest)->self, __VA_ARGS__)

/* The functions of a tree, those of them that a room uses. */
#define K8S_TREE(name, type, field, compare)                                   \
	RB_GENERATE_INTERNAL(                                                  \
	    name, type, field, compare, __attribute__((unused)) static)

/* A fault at a place. */
struct fault {
	unsigned line; /* 0: unknown */
	char text[240];
};

/* tree.c: memory, members of a tree of json-c --------------------------------- */

void *k8s_alloc(size_t size);
void *k8s_grow(void *old, size_t size);
char *k8s_copy(const char *text);
char *k8s_join(const char *space, const char *name);

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
