/* SPDX-License-Identifier: ISC */
/* Between the rooms that run the steps, check what comes and tell of it. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "bgpload.h"

/*
 * A route at a receiver: 0, or who said it and how often its AS stood there,
 * see load_run_state, or:
 */
#define STATE_WRONG UINT16_MAX

/* What a receiver has. */
struct sink {
	uint16_t *state; /* by number of the route */
	uint32_t have;
	uint32_t right; /* of all routes, those that must not be there too */
	uint64_t first_ns, last_ns, right_ns;  /* of this step */
	uint64_t updates, prefixes, withdrawn; /* of this step */
	uint64_t wrong, extra, malformed, again, echoes;
	uint32_t near;	  /* the last one that came */
	char sample[128]; /* the first that was not right, and why */
};

/* What a sender says. */
struct speech {
	uint32_t *sets, count;
	struct load_chunk *here[2], *gone; /* by repeats - 1 */
	uint32_t churned;		   /* the next of its sets */
	bool is_said;
};

struct run {
	struct load_table *table;
	const struct load_plan *plan;
	struct load_rules rules; /* that hold now */
	struct load_loop loop;
	struct speech *speech;
	uint8_t *said;	  /* by sender and set: 0, or the repeats */
	uint16_t *voices; /* by set: how many senders say it */
	size_t up;
	unsigned lost;
	bool is_returning, is_patient; /* slow receivers count */
	uint64_t start_ns, seed;
	uint64_t *lags_ns; /* of each single change of this step */
	size_t lag_count;
};

/* load_run.c */
/* The late ones dial; -1: not all of them are up. */
int load_run_join(struct run *);

/* load_run_check.c */
bool load_run_owns(const struct run *, unsigned sender, uint32_t set);
uint8_t load_run_said(const struct run *, const struct load_peer *, uint32_t);
/* The sender says a set from now on; 0: no more. */
void load_run_note(
    struct run *, const struct load_peer *, uint32_t set, uint8_t repeats);
/* The same; what receivers have is held against it at once. */
void load_run_change(
    struct run *, const struct load_peer *, uint32_t set, uint8_t repeats);
/* The sender says nothing any more. */
void load_run_hush(struct run *, const struct load_peer *);
void load_run_hear(
    struct load_loop *, struct load_peer *, const uint8_t *, size_t);
/* Holds all of a receiver's routes against what is said now. */
void load_run_recount(const struct run *, const struct load_peer *);
bool load_run_is_right(const struct run *, const struct load_peer *);
/* Counts what is not as it must be. */
struct verdict {
	uint32_t missing, extra, wrong;
};
struct verdict load_run_judge(const struct run *, const struct load_peer *);

/* load_run_step.c */
/* Steps end when these have what they must. */
bool load_run_counts(const struct run *, const struct load_peer *);
/* Says all of a sender's routes. */
void load_run_say(struct run *, struct load_peer *, unsigned repeats);
/* One step, and its JSON; -1: not all was as it must be. */
int load_run_step(struct run *, const char *step);
/* load_run_tell.c */
void load_run_tell_ready(const struct run *);
void load_run_tell_up(const struct run *, uint64_t dialed_ns, uint64_t up_ns);
bool load_run_tell_step(const struct run *, const char *step);
/* How late keepalives were from the step's begin until now. */
void load_run_tell_after(const struct run *, const char *step);
void load_run_tell_end(const struct run *, bool failed);

#endif
