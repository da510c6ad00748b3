/* SPDX-License-Identifier: ISC */
/* What the rooms of this floor share: compiled rows, modes, lines, matches. */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include <bsd/sys/cdefs.h>
#include <bsd/sys/queue.h>

#include "cli/cli.h"

/* value.c ------------------------------------------------------------------ */

/* Bytes of one item of a list; of any other value, the member's. */
size_t value_size(const struct cli_value *value);
size_t field_size(const struct cli_field *field);
int field_read(const struct cli_field *field, struct arena *arena,
    const char *word, void *dst, struct text *why);
void field_print(const struct cli_field *field, const void *src, bool mask,
    struct text *out);
int field_compare(const struct cli_field *field, const void *a, const void *b);
/* `dst` is a plain copy: what it points to is copied into the arena. */
void field_copy(const struct cli_field *field, struct arena *arena, void *dst);
/* One more item for a list whose `items` has room. */
int field_read_item(const struct cli_field *field, struct arena *arena,
    const char *word, struct cli_list *list, struct text *why);
/* "A.B.C.D", "(1-65535)": into `out`. */
void field_hint(const struct cli_field *field, struct text *out);

/* syntax.c: a syntax string as parts --------------------------------------- */

enum part_kind { PART_WORD, PART_VALUE, PART_GROUP };

struct branch {
	struct part *first;
	struct branch *next;
};

/* One word, value or group of a syntax; `next` follows it in its branch. */
struct part {
	enum part_kind kind;
	const char *word;	       /* WORD, VALUE: as in the syntax */
	const struct cli_field *field; /* what it is bound to, or NULL */
	uint8_t choice;		       /* WORD of a cli_choice: its number */
	bool many;		       /* VALUE...: one or more */
	bool optional;		       /* GROUP: [ ] and { } */
	bool unordered;		       /* GROUP: { } */
	struct branch *branches;
	struct part *next;
};

struct mode;

/* A row in the mode where it is mounted. */
struct code {
	TAILQ_ENTRY(code) link;
	const struct cli_row *row;
	const struct cli_mount *mount;
	struct mode *mode;
	struct mode *child; /* CLI_NODE: the mode it enters */
	struct part *parts;
	const char *first;	  /* its first word, if it has but one */
	const struct code *canon; /* itself, or the row this is an alias of */
	const struct cli_field *flag; /* bound to the line itself, or NULL */
	unsigned order;		      /* of printing: by mount, then by row */
	int slot; /* CLI_LEAF: bit in cli_node.set; else -1 */
};

/* Parses the row's syntax and binds its fields; -1 with why. */
int syntax_compile(struct code *code, struct arena *arena, struct text *why);

/* cli.c: modes ------------------------------------------------------------- */

struct via {
	TAILQ_ENTRY(via) link;
	const struct cli_mount *mount;
};

/* The rows of one node type; type NULL: the enable mode. */
struct mode {
	TAILQ_ENTRY(mode) link;
	const struct cli_node_type *type;
	TAILQ_HEAD(code_list, code) codes;
	TAILQ_HEAD(, via) vias;
	struct cli_node *image; /* with every default; its cell is before it */
	uint64_t slots[CLI_ROWS_PER_NODE / 64];
};

struct cli {
	TAILQ_HEAD(, mode) modes;
	struct arena *arena;   /* compiled rows, defaults */
	struct arena *scratch; /* what one line needs while it is read */
	unsigned order;
	struct code root; /* what a tree's root is made by: it has no row */
};

struct mode *cli_mode(struct cli *cli, const struct cli_node_type *type);
/* Each code that may hold a node of this type below the mode; start with NULL. */
struct code *mode_next_maker(const struct mode *mode,
    const struct cli_node_type *type, const struct code *last);

/* match.c: words against parts --------------------------------------------- */

#define LINE_MAX_BYTES 4096
#define LINE_MAX_WORDS 256

struct line {
	char raw[LINE_MAX_BYTES]; /* trimmed */
	char cut[LINE_MAX_BYTES]; /* each word terminated */
	const char *words[LINE_MAX_WORDS];
	unsigned count;
	bool open; /* ends with a blank: the next word begins */
};

/* -1: too long, or it holds control characters. Comments give 0 words. */
int line_split(struct line *line, const char *s, size_t len, struct text *why);

struct bind {
	const struct part *part;
	unsigned word;
	const void *read; /* the value, in the scratch arena; NULL: not read */
};
struct step {
	const struct code *code;
	unsigned first, end; /* in binds */
};

#define MATCH_STEPS 3

/* How a line was understood: the rows it runs through and what they bound. */
struct match {
	struct step steps[MATCH_STEPS];
	unsigned step_count;
	struct bind binds[LINE_MAX_WORDS];
	unsigned bind_count;
	uint8_t quality[LINE_MAX_WORDS];
	bool bad;     /* a value did not read */
	bool guessed; /* a word was only a beginning */
};

struct matcher {
	struct cli *cli;
	const struct line *line;
	unsigned begin, end; /* words that are looked at */
	bool whole;	     /* no beginnings */
	bool negate;	     /* values may be left out at the end */
	bool calls;	     /* CLI_RUN rows instead of configuration */
	bool anywhere;	     /* of these, only CLI_ANYWHERE */
	/* What could stand at `end`; part NULL: nothing, the line is complete. */
	void (*expect)(struct matcher *m, const struct code *code,
	    const struct part *part);
	void *arg;

	struct match now, best;
	bool rival; /* a beginning stands for two words: ambiguous */
	bool found, incomplete;
	unsigned far;	/* the first word that no row could take */
	int far_secret; /* a word before it that is a secret, or -1 */
	unsigned budget;
	unsigned skipping; /* parts that `no` leaves out */
};

void match_start(struct matcher *m, struct cli *cli, const struct line *line);
/* Tries the mode's rows; `only`: those of this mount's rows alone. */
void match_mode(
    struct matcher *m, const struct mode *mode, const struct cli_row *only);
/* What the best match bound to a field in a step, or NULL. */
const struct bind *match_bind(const struct match *match,
    const struct step *step, const struct cli_field *field);
const char *line_word(const struct line *line, const struct bind *bind);

/* print.c ------------------------------------------------------------------ */

/* The line of one row, as the node holds it; no newline. */
void code_print(const struct code *code, const struct cli_node *node,
    unsigned flags, struct text *out);

/* fault.c ------------------------------------------------------------------ */

/* Where a line came from, and where its faults go. */
struct origin {
	struct cli_fault_list *faults;
	const char *file; /* NULL: the shell */
	unsigned line;
};
void origin_fault(const struct origin *origin, bool warning, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
/* Says why nothing was found for the line: what is wrong, and the cure. */
void origin_no_match(const struct origin *origin, struct matcher *m,
    const struct mode *mode, const struct cli_row *only);

/* edit.c ------------------------------------------------------------------- */

/* One line on its way into a tree. */
struct editor {
	struct cli *cli;
	struct cli_tree *tree;
	struct cli_place *place;
	struct origin origin;
	bool whole; /* a file: whole words, and a vain `no` is a warning */
	struct line line;
	struct matcher m, fault; /* the best, or why there is none */
	const struct mode *fault_mode;
	const struct cli_row *fault_only;
	const struct via *via; /* entered first */
	unsigned depth;	       /* of the place where the line stands */
};

int edit_line(struct editor *ed, const char *s, size_t len);

/* place.c ------------------------------------------------------------------ */

/* The row and mode that a via's line enters, understood in `mode`. */
const struct code *via_code(struct cli *cli, const struct mode *mode,
    const struct via *via, struct matcher *m, struct line *line);
/* Finds what the line means from the place up; false: ed->fault says why not. */
bool place_match(struct editor *ed);

/* apply.c ------------------------------------------------------------------ */

/* Reads the step's values into a node; they are known to be readable. */
void step_bind(const struct matcher *m, const struct step *step,
    struct cli_node *node, struct arena *arena);
/* Does to the tree and the place what ed->m.best says. */
int edit_apply(struct editor *ed);

#include "cli/node.h"

#endif
