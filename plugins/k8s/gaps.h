/* SPDX-License-Identifier: ISC */
/* Inside the allocator: the space of all pools, in use and free, and who holds it. */
#ifndef K8S_GAPS_H
#define K8S_GAPS_H

#include "pools.h"

struct space;

/* gaps.c: pools, gaps, addresses in use ------------------------------------------- */

/* An address in use. */
struct used {
	RB_ENTRY(used) by_addr;
	RB_ENTRY(used) by_sharing; /* while `sharing` is not empty */
	struct bgpd_addr addr;
	size_t pool;		  /* its number in the configuration */
	size_t order;		  /* of its block in the pool */
	char *sharing, *backend;  /* never NULL */
	TAILQ_HEAD(, hold) holds; /* alloc.c's */
};

struct space *space_new(void);
void space_free(struct space *space); /* nothing may be in use */
/* NULL: taken. Else an address in use that would be in no pool. */
const struct used *space_set(struct space *space, const struct config *config);
const struct config *space_config(const struct space *space);
const struct config_pool *space_pool(
    const struct space *space, const struct bgpd_addr *addr);
struct used *space_find(
    const struct space *space, const struct bgpd_addr *addr);
/* One that is in a pool and not in use. */
struct used *space_take(struct space *space, const struct bgpd_addr *addr);
void space_release(struct space *space, struct used *used);
/* The sharing keys of an address in use. */
void space_share(struct space *space, struct used *used, const char *sharing,
    const char *backend);
/* The lowest free address that may be given; false: none. */
bool space_lowest(struct space *space, size_t pool, uint8_t family,
    struct bgpd_addr *addr, size_t *order);
/* Addresses in use with these keys, from the lowest. */
struct used *space_shared_first(struct space *space, size_t pool,
    uint8_t family, const char *sharing, const char *backend);
struct used *space_shared_next(struct space *space, struct used *used);
uint64_t space_steps(const struct space *space);
size_t space_in_use(const struct space *space, const struct config_pool *pool);

/* holds.c: who holds an address, against a claim ---------------------------------------- */

#define WHY_LEN 512

/*
 * Given it is used by the Service. Else it only bars newcomers, for a status says
 * it: of one that left it, or of one that never had it here.
 */
enum held { HELD_GIVEN, HELD_LEFT, HELD_SAID };

/* Who uses an address, with which ports. */
struct hold {
	TAILQ_ENTRY(hold) of_used;
	LIST_ENTRY(hold) of_holder;
	struct holder *holder;
	struct used *used;
	struct object_port *ports;
	size_t port_count;
	uint8_t held; /* enum held */
};

struct holder {
	RB_ENTRY(holder) link;
	LIST_HEAD(, hold) holds;
	char name[];
};

/* Into why (WHY_LEN); -1. */
int why_set(char *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct hold *hold_find(const struct used *used, const char *service);
/* Is the address given to another one, by that hold? */
bool hold_is_anothers(const struct hold *hold, const char *service);
/* The first that the address is given to, other than the Service; NULL. */
const struct hold *hold_of_other(const struct used *used, const char *service);
/* What keeps the claim off, whatever its keys; NULL: nothing. */
const struct hold *hold_that_bars(
    const struct used *used, const struct alloc_claim *claim);
/* The first of the claim's ports that the hold has; NULL: none. */
const struct object_port *hold_clash(
    const struct hold *hold, const struct alloc_claim *claim);
/* The same of all holds that are another's: *other. */
const struct object_port *ports_clash(const struct used *used,
    const struct alloc_claim *claim, const struct hold **other);
/* May those who use the address and the claim share it, but for their ports? */
bool keys_agree(const struct used *used, const struct alloc_claim *claim);
/* May the claim join those who use the address? 0, or -1 with why. */
int claim_fits(
    const struct used *used, const struct alloc_claim *claim, char *why);
/* Does the claim leave a port that the Service had, or change the keys? */
bool claim_loosens(const struct alloc_claim *claim, const struct used *used,
    const struct hold *hold);

#endif
