/* SPDX-License-Identifier: ISC */
/* Inside the configuration's reader: YAML by tables of keys. */
#ifndef K8S_STRICT_H
#define K8S_STRICT_H

#include <yaml.h>

#include "pools.h"

struct reader {
	yaml_document_t *document;
	struct report *report;
	unsigned visits;
	unsigned merges;  /* how deep in merge keys */
	const char *list; /* "peer", "address pool": what holds the place */
	size_t entry;	  /* from 1; 0: none */
	const char *key;  /* whose value is read; NULL: none */
	char key_text[64];
};

/* One key of a mapping: how its value is read, and where it goes. */
struct key {
	const char *name;
	void (*read)(struct reader *r, yaml_node_t *node, void *to);
	size_t offset;
};

void fault_at(struct reader *r, const yaml_node_t *node, bool is_error,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *node_text(const yaml_node_t *node); /* of a scalar */
bool node_is_null(const yaml_node_t *node);
/* False: too many values, which has been said. */
bool visit(struct reader *r, yaml_node_t *node);
void place_set(const yaml_node_t *node, unsigned *line, unsigned *column);

/* Readers for `struct key`; a fault leaves *to as it was. */
void text_read(struct reader *r, yaml_node_t *node, void *to); /* char * */
void u32_read(struct reader *r, yaml_node_t *node, void *to);
void u16_read(struct reader *r, yaml_node_t *node, void *to);
void int_read(struct reader *r, yaml_node_t *node, void *to); /* int64_t */
void bool_read(struct reader *r, yaml_node_t *node, void *to);
void hold_read(struct reader *r, yaml_node_t *node, void *to); /* int64_t */

void mapping_read(struct reader *r, yaml_node_t *node, const struct key *keys,
    size_t count, void *to);
#define MAPPING_READ(r, node, keys, to)                                        \
	mapping_read(r, node, keys, sizeof(keys) / sizeof(keys[0]), to)
/* Reads each entry of a list into a new item of *items. */
void list_read(struct reader *r, yaml_node_t *node, size_t item_size,
    void **items, size_t *count,
    void (*read)(struct reader *, yaml_node_t *, void *));
/* The same for a list whose entries the report counts: "peer #1". */
void entries_read(struct reader *r, yaml_node_t *node, const char *what,
    size_t item_size, void **items, size_t *count,
    void (*read)(struct reader *, yaml_node_t *, void *));

#endif
