/* SPDX-License-Identifier: ISC */
/* One table of rows: configuration lines and commands; the trees they fill. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

struct arena;
struct cli;
struct cli_node;
struct cli_call;
struct cli_tree;
struct out;

/* value.c: what a word can mean ------------------------------------------- */

/*
 * One kind of value. `read` turns a word into *dst (already zeroed) and returns
 * 0, or -1 with the reason added to `why`; it may keep memory in the arena.
 * `print` writes it as the user would type it.
 */
struct cli_field;
struct cli_value {
	const char *hint; /* shown by `?`: "A.B.C.D", "(1-65535)" */
	size_t size; /* bytes in the struct; 0: any integer, see cli_field */
	bool rest;   /* takes the rest of the line, blanks and all */
	int (*read)(const struct cli_field *field, struct arena *arena,
	    const char *word, void *dst, struct text *why);
	void (*print)(
	    const struct cli_field *field, const void *src, struct text *out);
	/* Order of keys; NULL: as numbers when `size` is 0, else memcmp. */
	int (*compare)(const void *a, const void *b);
	/*
	 * `dst` is a plain copy from another tree: what it points to moves into
	 * the arena. NULL: it points to nothing.
	 */
	void (*copy)(
	    const struct cli_field *field, struct arena *arena, void *dst);
	bool loose; /* takes nearly any word: beginnings are tried first */
};

extern const struct cli_value cli_flag; /* bool: the word stands there or not */
/* uint8_t: which of (a|b|c), from 0 */
extern const struct cli_value cli_choice;
extern const struct cli_value cli_u8, cli_u16, cli_u32; /* within min..max */
extern const struct cli_value cli_asn;	/* uint32_t; asplain or asdot, not 0 */
extern const struct cli_value cli_word; /* const char *; one word */
extern const struct cli_value cli_text; /* const char *; rest of the line */
extern const struct cli_value cli_secret;  /* const char *; rest, masked */
extern const struct cli_value cli_address; /* struct addr, either family */
extern const struct cli_value cli_ipv4;	   /* struct addr, IPv4 */
extern const struct cli_value cli_ipv6;	   /* struct addr, IPv6 */
extern const struct cli_value cli_prefix;  /* struct prefix, either family */
/* Several words, "TOKEN...": struct cli_list of `each`, see CLI_LIST_OF. */
extern const struct cli_value cli_many;
struct cli_list {
	uint32_t count;
	void *items; /* in the arena */
};

/* rows: the language ------------------------------------------------------- */

/*
 * Binds one token of a row's syntax to a member of the row's struct. `def` is
 * written as the user would type it; NULL: none (zero).
 */
struct cli_field {
	const char *token; /* "SECS", "as-set", "permit|deny": as in syntax */
	const struct cli_value *value;
	size_t offset;
	uint8_t size; /* of the member, for integers */
	const char *def;
	int64_t min, max; /* integers; lengths of words when not 0, 0 */
	const struct cli_value *each; /* of a "TOKEN..." list: items' kind */
};

/* What a change of the row's value asks of those who run it; floors add. */
enum cli_effect {
	CLI_NO_EFFECT = 0,
	CLI_LIVE = 1 << 0,	  /* read where it is used; nothing to do */
	CLI_RESET = 1 << 1,	  /* the session starts anew */
	CLI_REFRESH_IN = 1 << 2,  /* import policy runs again */
	CLI_REFRESH_OUT = 1 << 3, /* export policy runs again */
	CLI_ADDED = 1 << 14,
	CLI_REMOVED = 1 << 15,
};

enum cli_kind {
	CLI_LEAF,   /* a line that sets members of the node it stands in */
	CLI_NODE,   /* a line that makes or enters a child node */
	CLI_RUN,    /* a command of the shell */
	CLI_LEAVE,  /* "exit-address-family": leaves the mode */
	CLI_IGNORE, /* accepted with one warning: `help` says why it is idle */
	CLI_HELP,   /* no line of its own: the help of a word, for `?` */
};

/*
 * Syntax: words; UPPERCASE values; [x y] may be left out; (a|b) one of;
 * {a|b} any of, in any order; VALUE... one or more. A group may hold values;
 * one that holds words without a field alone, as [unicast], is always printed.
 * "neighbor ADDR timers KEEP HOLD" in a CLI_NODE's child is only "timers KEEP
 * HOLD". A CLI_RUN's values are typed by their names (ADDR, PREFIX, N, TEXT;
 * else a word) or by its fields (offset unused). Choices count from 0 in the
 * order of the field's token "a|b|c"; a choice of default 0 that may be left
 * out is not told from one that was.
 */
struct cli_row {
	enum cli_kind kind;
	const char *syntax;
	const char *help;
	const struct cli_field *fields; /* ends with token NULL; may be NULL */
	const struct cli_node_type *child; /* CLI_NODE */
	/* CLI_RUN: 0 done; 1 call again when out has drained; -1 said why. */
	int (*run)(struct cli_call *call);
	uint16_t effect; /* CLI_LEAF: enum cli_effect bits */
	uint16_t flags;
};

enum cli_row_flag {
	/* `no` on it removes the whole node (neighbor A remote-as). */
	CLI_DEFINES = 1 << 0,
	/* Both the line and its `no` are kept and printed (activate). */
	CLI_BOTH_WAYS = 1 << 1,
	/* CLI_NODE without a key: `no` needs no value; at most one child. */
	CLI_ONE = 1 << 2,
	/* CLI_RUN allowed in configuration modes without `do`. */
	CLI_ANYWHERE = 1 << 3,
	/*
	 * Not shown by `?` nor printed: an alias of the first row of the mode
	 * that makes the same child, or that sets the same first field.
	 */
	CLI_HIDDEN = 1 << 4,
	/*
	 * CLI_ENTRY: the last key field may be left out; it is 5 more than the
	 * last one's then, and a line that is there already is not added again.
	 */
	CLI_NUMBERED = 1 << 5,
	/* CLI_NODE of a mode that is printed only if something stands in it. */
	CLI_IF_ANY = 1 << 6,
};

#define CLI_FIELD(token, value, type, member, def, min, max)                   \
	{                                                                      \
		token, &value, offsetof(struct type, member),                  \
		    sizeof(((struct type *)0)->member), def, min, max, NULL    \
	}
#define CLI_LIST_OF(token, each, type, member, min, max)                       \
	{                                                                      \
		token, &cli_many, offsetof(struct type, member),               \
		    sizeof(struct cli_list), NULL, min, max, &each             \
	}
#define CLI_FIELDS(...)                                                        \
	(const struct cli_field[])                                             \
	{                                                                      \
		__VA_ARGS__,                                                   \
		{                                                              \
			NULL, NULL, 0, 0, NULL, 0, 0, NULL                     \
		}                                                              \
	}

/* One value after the words: LEAF("port PORT", cli_u16, neighbor, port,
 * "179", 1, 65535, 0, "...") */
#define LEAF(syntax, value, type, member, def, min, max, effect, help)         \
	LEAF_WITH(syntax, value, type, member, def, min, max, 0, effect, help)
/* The words alone set a bool; `def` is "on" or "off". */
#define FLAG(syntax, type, member, def, effect, help)                          \
	FLAG_WITH(syntax, type, member, def, 0, effect, help)
/* A LEAF of several members. */
#define LINE(syntax, fields, effect, help)                                     \
	{                                                                      \
		CLI_LEAF, syntax, help, fields, NULL, NULL, effect, 0          \
	}
#define NODE(syntax, fields, child, flags, help)                               \
	{                                                                      \
		CLI_NODE, syntax, help, fields, &child, NULL, 0, flags         \
	}
/* A syntax that begins with "show" takes `json` at its end by itself. */
#define RUN(syntax, run, help) RUN_WITH(syntax, run, 0, help)
#define HELP(words, help)                                                      \
	{                                                                      \
		CLI_HELP, words, help, NULL, NULL, NULL, 0, 0                  \
	}
#define IGNORE(syntax, help)                                                   \
	{                                                                      \
		CLI_IGNORE, syntax, help, NULL, NULL, NULL, 0, 0               \
	}
#define LEAVE(syntax, help)                                                    \
	{                                                                      \
		CLI_LEAVE, syntax, help, NULL, NULL, NULL, 0, 0                \
	}
#define ROWS_END                                                               \
	{                                                                      \
		CLI_HELP, NULL, NULL, NULL, NULL, NULL, 0, 0                   \
	}
/* The same with enum cli_row_flag bits. */
#define LEAF_WITH(                                                             \
    syntax, value, type, member, def, min, max, flags, effect, help)           \
	{                                                                      \
		CLI_LEAF, syntax, help,                                        \
		    CLI_FIELDS(CLI_FIELD(                                      \
			NULL_TOKEN, value, type, member, def, min, max)),      \
		    NULL, NULL, effect, flags                                  \
	}
#define FLAG_WITH(syntax, type, member, def, flags, effect, help)              \
	LEAF_WITH(                                                             \
	    syntax, cli_flag, type, member, def, 0, 0, flags, effect, help)
#define LINE_WITH(syntax, fields, flags, effect, help)                         \
	{                                                                      \
		CLI_LEAF, syntax, help, fields, NULL, NULL, effect, flags      \
	}
#define RUN_WITH(syntax, run, flags, help)                                     \
	{                                                                      \
		CLI_RUN, syntax, help, NULL, NULL, run, 0, flags               \
	}
/* In LEAF and FLAG: the only value of the syntax, or the words themselves. */
#define NULL_TOKEN "*"

/* How a child node is written. */
enum cli_form {
	CLI_MODE,   /* its line enters a mode; what follows stands inside it */
	CLI_INLINE, /* its line's beginning stands before each of its lines */
	CLI_ENTRY,  /* its one line says everything */
};

struct cli_fault_list;

/*
 * The struct of a node begins with a struct cli_node. Its key is what the
 * CLI_NODE row that makes it binds with `key` fields; two nodes of one type
 * under one parent differ in it. Printed order: by row, then by key.
 */
struct cli_node_type {
	const char *name; /* for faults: "neighbor" */
	enum cli_form form;
	size_t size;
	const char *prompt; /* CLI_MODE: "config-router" */
	const char *end;    /* CLI_MODE: closes it in print; NULL: "exit" */
	/* How many fields of the making row are the key; others are values. */
	unsigned key_fields;
	/* Once all lines are in: what no single line can know. May be NULL. */
	void (*check)(
	    const struct cli_node *node, struct cli_fault_list *faults);
	/*
	 * CLI_ONE: its line was said again with another value ("router bgp
	 * 2"): why that is refused. NULL: the new value is taken.
	 */
	void (*clash)(const struct cli_node *node, struct text *why);
};

/* Rows of a floor, put into a mode. The engine is made of these alone. */
struct cli_mount {
	const struct cli_node_type *where; /* NULL: enable mode (CLI_RUN) */
	const struct cli_row *rows;	   /* ends with ROWS_END */
	/*
	 * Not NULL: rows of another mode that are also understood here; this
	 * line is entered first: "address-family ipv4 unicast".
	 */
	const char *via;
};

extern const struct cli_node_type cli_root; /* config mode; struct cli_node */

/* tree.c: a configuration -------------------------------------------------- */

#define CLI_ROWS_PER_NODE 128 /* CLI_LEAF rows of one mode */

/*
 * First member of every node's struct. All in it belongs to the tree, and is
 * read by the functions below. A large configuration is made of these: 32 bytes.
 */
struct cli_node {
	const struct code *code; /* the row that made it, and its mode */
	struct cli_node *parent;
	const struct cli_said *said; /* NULL: it is in no tree */
	uint32_t line;	/* in its file, where it was said first; 0: the shell */
	uint8_t height; /* of its links */
	bool is_entry;	/* CLI_ENTRY: no rows and no children */
};

/* Children of one type, in printed order; start with NULL. */
struct cli_node *cli_next(const struct cli_node *parent,
    const struct cli_node_type *type, const struct cli_node *last);
#define CLI_EACH(child, parent, node_type)                                     \
	for (child = (void *)cli_next(parent, node_type, NULL); child != NULL; \
	     child = (void *)cli_next(parent, node_type, (void *)child))
/* The twin of `node` (same path of types and keys) in another tree; or NULL. */
struct cli_node *cli_twin(
    const struct cli_tree *tree, const struct cli_node *node);
/* Was this member said (by its offset), rather than left at its default? */
bool cli_is_set(const struct cli_node *node, size_t offset);
struct cli_node *cli_tree_root(const struct cli_tree *tree);

#include "cli/read.h" /* the engine: trees, reading, printing, calls */

#endif
