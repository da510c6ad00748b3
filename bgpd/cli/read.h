/* SPDX-License-Identifier: ISC */
/* The engine of the language: mounts, trees, lines read, explained and run. */
#ifndef CLI_READ_H
#define CLI_READ_H

#include "cli/cli.h"

/* fault.c: what was wrong, and where --------------------------------------- */

struct cli_fault {
	const char *file;
	unsigned line; /* 0: no one line */
	bool warning;
	const char *text;
};
struct cli_fault_list {
	struct arena *arena; /* owns the texts; made when needed */
	struct cli_fault *items;
	unsigned count;
	unsigned errors; /* those that are not warnings */
};
void cli_fault(struct cli_fault_list *list, const char *file, unsigned line,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void cli_warning(struct cli_fault_list *list, const char *file, unsigned line,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "file:line: text", one a line. */
void cli_faults_print(const struct cli_fault_list *list, struct text *out);
void cli_faults_clear(struct cli_fault_list *list);

/* merge.c: what differs ----------------------------------------------------- */

/*
 * The effects of every row whose value differs between two nodes of one type,
 * with the modes below them; children of form CLI_INLINE and CLI_ENTRY are not
 * included. NULL for one of them: all defaults, and CLI_ADDED or CLI_REMOVED.
 */
unsigned cli_changes(const struct cli_node *old, const struct cli_node *new);
/* Are they equal with everything below them? NULL equals NULL alone. */
bool cli_equal(const struct cli_node *a, const struct cli_node *b);

/* cli.c: the engine -------------------------------------------------------- */

/*
 * The mounts and their rows are borrowed until cli_free or cli_unmount. A row
 * that is wrong is our bug: fatal.
 */
struct cli *cli_new(const struct cli_mount *mounts, unsigned count);
void cli_free(struct cli *cli);
/* -1 when a row's syntax is wrong or already taken: `why` says which. */
int cli_mount(struct cli *cli, const struct cli_mount *mount, struct text *why);
/*
 * No tree may hold a node or a value of these rows any more. A guest's block:
 * mount { &cli_root, rows of NODE("plugin k8s", NULL, k8s_type, CLI_ONE, ...) }
 * and { &k8s_type, its rows }; words win over values, so that a generic
 * NODE("plugin NAME", ...) whose type has no rows stands in until it is loaded.
 */
void cli_unmount(struct cli *cli, const struct cli_mount *mount);
/* Every row with its syntax, for the manual page: bgpd -C's hidden `--rows`. */
void cli_print_rows(const struct cli *cli, struct text *out);

/* tree.c: a node ------------------------------------------------------------ */

/* Whose line made it; NULL: file or shell. */
const char *cli_owner(const struct cli_node *node);
/* Where it was said first; NULL: the shell. */
const char *cli_file(const struct cli_node *node);
const struct cli_tree *cli_tree_of(const struct cli_node *node);
const struct cli_node_type *cli_type(const struct cli_node *node);

/* tree.c, merge.c, print.c: whole configurations --------------------------- */

struct arena *cli_tree_arena(const struct cli_tree *tree);
struct cli_tree *cli_tree_new(struct cli *cli); /* empty: all defaults */
struct cli_tree *cli_tree_clone(const struct cli_tree *tree);
/* One more owner: each calls cli_tree_free. */
struct cli_tree *cli_tree_ref(struct cli_tree *tree);
void cli_tree_free(struct cli_tree *tree);
/*
 * Adds the nodes of `layer` to `tree`, marked with `owner` (copied). Where both
 * say the same INLINE or ENTRY node, or a mode's line with another value, the
 * tree's stands, and a fault names both places. An INLINE node that lost is not
 * merged further down either (neighbor A in an address family).
 */
void cli_tree_merge(struct cli_tree *tree, const struct cli_tree *layer,
    const char *owner, struct cli_fault_list *faults);

enum cli_print_flag {
	CLI_MASK = 1 << 0,    /* secrets as "********" */
	CLI_COMMENT = 1 << 1, /* every line behind "! " */
};
/*
 * Lines that read back into an equal tree, without CLI_MASK and CLI_COMMENT.
 * Nodes with an owner are printed as comments: "! k8s: neighbor ...".
 */
void cli_tree_print(
    const struct cli_tree *tree, unsigned flags, struct text *out);

/* edit.c, place.c: lines into trees ---------------------------------------- */

/* Where a reader of lines stands: a file's or a shell session's modes. */
struct cli_place {
	struct cli_node *nodes[8]; /* root first; borrowed from the tree */
	unsigned depth;		   /* 0: the enable mode, no tree */
};
/* The same place in another tree; where a node is gone, its parent. */
void cli_place_move(struct cli_place *place, const struct cli_tree *tree);
/* The place as lines ("router bgp 1", "address-family ipv6 unicast"). */
void cli_place_print(const struct cli_place *place, struct text *out);
/* The place of such lines, as far as they exist in the tree. */
void cli_place_find(
    const struct cli_tree *tree, const char *lines, struct cli_place *place);
/* Does this mode, or one around it, know the whole line? */
bool cli_knows(const struct cli_tree *tree, const struct cli_place *place,
    const char *line);

/*
 * Reads a whole text into the tree; whole words only. Reads on after a fault,
 * so that all are reported; runs the checks at the end. 0, or -1 when there are
 * errors in `faults` (then the tree is only good for cli_tree_free).
 */
int cli_read(struct cli_tree *tree, const char *name, const char *text,
    size_t len, struct cli_fault_list *faults);
/*
 * One line typed in a configuration mode; unique beginnings are enough.
 * 0 when the tree or the place changed; -1 with a fault ("% Unknown command")
 * and both as they were. The caller runs cli_check before it takes the tree.
 */
int cli_edit(struct cli_tree *tree, struct cli_place *place, const char *line,
    struct cli_fault_list *faults);
/* The checks of every node: 0, or -1 with faults. */
int cli_check(const struct cli_tree *tree, struct cli_fault_list *faults);

/* explain.c ---------------------------------------------------------------- */

/*
 * What may follow `line` in this mode (NULL: enable): one "word<TAB>help" a
 * line (`?`). A line that ends with a blank asks for the next word.
 */
void cli_explain(struct cli *cli, const struct cli_node_type *mode,
    const char *line, struct text *out);
/* Words that complete the last one of `line`, one a line (TAB). */
void cli_complete(struct cli *cli, const struct cli_node_type *mode,
    const char *line, struct text *out);

/* call.c: a command under way ---------------------------------------------- */

/*
 * `anywhere`: only rows that a configuration mode accepts. NULL: why says what
 * is wrong ("% Unknown command: ..."). The call owns its out, which is JSON
 * when the line ends with `json`; it is finished when the row is done.
 */
struct cli_call *cli_call_new(struct cli *cli, const char *line, bool anywhere,
    void *session, struct text *why);
int cli_call_run(struct cli_call *call); /* as cli_row.run */
void cli_call_free(struct cli_call *call);
/* The word that stood for the token, NULL if none; keywords give themselves. */
const char *call_arg(const struct cli_call *call, const char *token);
bool call_has(const struct cli_call *call, const char *token);
/* The row that was typed. */
const struct cli_row *call_row(const struct cli_call *call);
struct out *call_out(const struct cli_call *call);
void *call_session(const struct cli_call *call); /* shell.c's */
/* A place to keep a cursor between calls; free_state is called at the end. */
void **call_state(struct cli_call *call, void (*free_state)(void *));
/* "% why", and -1 to return. */
int call_fail(struct cli_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
