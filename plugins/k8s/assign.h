/* SPDX-License-Identifier: ISC */
/* The addresses of Services: given, waited for, kept, let go, followed. */
#ifndef K8S_ASSIGN_H
#define K8S_ASSIGN_H

#include "cluster.h"

/* assign.c: the addresses of Services ---------------------------------------------- */

/*
 * Gives one that lacks an address one, or lets it wait: it has one or waits as
 * before, was given some, or waits now for that reason.
 */
enum gave { GAVE_NOTHING, GAVE_ADDRESSES, GAVE_REASON };
enum gave assign_give(struct cluster *c, struct service *s);
/* The other family for one that has the one. */
void assign_second(struct cluster *c, struct service *s);
/* Lets all its addresses go. */
void assign_release(struct cluster *c, struct service *s);
/*
 * Frees what the Service holds and has no more. An address that its status still
 * says, or may come to say, is given to nobody new until that is over: else two
 * statuses would say it.
 */
void assign_trim(struct cluster *c, struct service *s);
/* The same of what its status says, whoever wrote it, and it never had here. */
void assign_note(struct cluster *c, const struct service *s);
/* What it asks the allocator with; borrowed from it. */
void assign_claim(const struct service *s, struct alloc_claim *claim);
void assign_set_why(struct service *s, const char *why);
/* It is no Service of ours any more. */
void assign_end(struct cluster *c, struct service *s);
/* There is room at the address: who may take it is tried. */
void assign_wake(struct cluster *c, const struct bgpd_addr *addr);
/* Are the addresses those of its status, in any order? */
bool assign_is_told(const struct service *s);
/* Is it in its status? */
bool assign_is_said(const struct service *s, const struct bgpd_addr *addr);
/* Its addresses by comma, into out (ADDRESSES_LEN), which is returned. */
#define ADDRESSES_LEN (SERVICE_IPS * (ADDR_LEN + 1))
const char *addresses_write(const struct service *s, char *out);
/* A list of addresses in text, by comma and spaces; -1: it is none. */
int addresses_read(const char *text, struct bgpd_addr *addrs, size_t *count);
/* The same ones, in any order? */
bool addresses_equal(const struct bgpd_addr *a, size_t a_count,
    const struct bgpd_addr *b, size_t b_count);

/* keep.c: what Services have ------------------------------------------------------- */

/* Keeps what is still right, releases the rest. */
void assign_keep(struct cluster *c, struct service *s);
/* Are they such as its families ask for? */
bool families_fit(const struct object_service *o, const struct bgpd_addr *addrs,
    size_t count);

/* sight.c: what backends say of them -------------------------------------------------- */

/* What it has now, in the first run of this life, it had before. */
void assign_know(const struct cluster *c, struct service *s);
bool assign_is_known(const struct service *s, const struct bgpd_addr *addr);
/* Another address for one that a stranger has, and that no node ever carried. */
void assign_flee(struct cluster *c, struct service *s);
/* NULL: nothing was said of it. */
const struct sight *sight_find(
    const struct service *s, const struct bgpd_addr *addr);
/* Forgets what was said of addresses that it has no more. */
void sights_sweep(struct service *s);
void bars_open(struct cluster *c);
void bars_clear(struct cluster *c);
void bars_close(struct cluster *c);

/* follow.c: the addresses of Services, where another one gives them ------------------------ */

/* 0; or until when it keeps what its status does not say any more. */
int64_t assign_follow(struct cluster *c, struct service *s, int64_t now_ms);

#endif
