/* SPDX-License-Identifier: ISC */
/* Between lease.c and tenure.c: a Lease object as it was last seen. */
#ifndef K8S_TENURE_H
#define K8S_TENURE_H

#include "api.h"

struct tenure {
	struct json_object
	    *root;	  /* what a write is made of; NULL: look first */
	char *holder;	  /* "": nobody; NULL: not known */
	char *version;	  /* NULL: there is none */
	int64_t seen_ms;  /* since when it is this version, or none */
	int64_t valid_ms; /* how long it holds from there */
	int transitions;
};

/* Of a reply of 2xx; false: its body is no Lease, and root is NULL. */
bool tenure_read(struct tenure *tenure, const struct api_reply *reply,
    const struct lease_options *options, int64_t now_ms);
/* The same of an object that only tells: what is written is looked at first. */
bool tenure_hear(struct tenure *tenure, struct json_object *root,
    const struct lease_options *options, int64_t now_ms);
/*
 * There is none. Where there was one, somebody may still believe that it has
 * it: that is over a whole duration later.
 */
void tenure_gone(
    struct tenure *tenure, const struct lease_options *options, int64_t now_ms);
/* It was written in this name, but as which version is not known. */
void tenure_assume(struct tenure *tenure, const char *holder);
/* root is made anew by the next look or write. */
void tenure_forget_root(struct tenure *tenure);
void tenure_clear(struct tenure *tenure);

bool tenure_is_of(const struct tenure *tenure, const char *holder);
/* It has not changed for as long as it holds: nobody can believe to have it. */
bool tenure_is_stale(const struct tenure *tenure, int64_t now_ms);

/*
 * The object with another spec, all else of it as it came, its version too: so
 * nothing of others is lost, and the write passes on that very version alone.
 * Borrowed from root; to make one where there is none, or to give it back.
 */
const char *tenure_print(
    struct tenure *tenure, const struct lease_options *options);
const char *tenure_print_empty(
    struct tenure *tenure, const struct lease_options *options);

#endif
