/* SPDX-License-Identifier: ISC */
/* Between the rooms that run the steps, check what comes and tell of it. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "bgpload.h"

/* A route at a receiver: 0, or how often the sender's AS stood there, or: */
#define STATE_WRONG 3

/* What a receiver has. */
struct sink {
	uint8_t *state; /* by number of the route */
	uint32_t have, want;
	bool is_dirty, is_right;
	uint64_t first_ns, last_ns;	       /* of this step */
	uint64_t updates, prefixes, withdrawn; /* of this step */
	uint64_t wrong, extra, malformed, again, echoes;
	char sample[128]; /* the first that was not right, and why */
};

/* What a sender says. */
struct speech {
	uint32_t *sets, count;
	struct load_chunk *here[2], *gone; /* by repeats - 1 */
	uint32_t churned;		   /* the next of its sets */
};

struct run {
	struct load_table *table;
	const struct load_plan *plan;
	struct load_loop loop;
	struct speech *speech;
	uint8_t *said; /* by sender and set: 0, or the repeats */
	size_t up;
	unsigned lost;
	bool is_returning, is_patient; /* slow receivers count */
	uint64_t start_ns, seed;
};

/* load_run_check.c */
bool load_run_owns(const struct run *, unsigned sender, uint32_t set);
uint8_t *load_run_said(struct run *, const struct load_peer *);
void load_run_hear(
    struct load_loop *, struct load_peer *, const uint8_t *, size_t);
/* How many routes the receiver must have now. */
uint32_t load_run_want(const struct run *, const struct load_peer *);
/* Counts what is not as it must be. */
struct verdict {
	uint32_t missing, extra, wrong;
};
struct verdict load_run_judge(const struct run *, const struct load_peer *);

/* load_run_step.c */
/* Says all of a sender's routes. */
void load_run_say(struct run *, struct load_peer *, unsigned repeats);
/* One step, and its JSON; -1: not all was as it must be. */
int load_run_step(struct run *, const char *step);
/* The end of the JSON: what holds for the whole run. */
void load_run_tell(const struct run *, bool failed);

#endif
