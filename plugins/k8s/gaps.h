/* SPDX-License-Identifier: ISC */
/* Inside the allocator: the space of all pools, in use and free. */
#ifndef K8S_GAPS_H
#define K8S_GAPS_H

#include "pools.h"

struct hold;
struct space;

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

#endif
