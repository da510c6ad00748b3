/* SPDX-License-Identifier: ISC */
/* Which Service has which address: claims, the lowest that is free, sharing. */

/*
 * Free addresses are gaps: runs between those in use, in the order in which the
 * pool is used up. Giving and taking back an address splits or joins one gap, so
 * the cost grows with the logarithm of what is in use, never with the pool. An
 * address that may be shared also stands in an index by pool and sharing key.
 * Gaps and the index are gaps.c's, holds against a claim holds.c's.
 */

#include <stdlib.h>
#include <string.h>

#include "gaps.h"

RB_HEAD(holders, holder);

struct alloc {
	struct holders holders;
	struct space *space; /* pools, gaps, addresses in use */
	bool loosened;	     /* by the last take */
	struct bgpd_addr stranded;
	char why[WHY_LEN];
};

K8S_TREE_OF_NAMES(holders, holder, name)

const char *
alloc_why(const struct alloc *alloc)
{
	return alloc->why;
}

/* Holders ------------------------------------------------------------------------ */

static struct holder *
holder_get(struct alloc *alloc, const char *name)
{
	struct holder *holder = holders_find(&alloc->holders, name);

	if (holder != NULL)
		return holder;
	holder = k8s_alloc(sizeof(*holder) + strlen(name) + 1);
	strcpy(holder->name, name);
	holders_RB_INSERT(&alloc->holders, holder);
	return holder;
}

/* The one that is there, else a new one: given, and without ports. */
static struct hold *
hold_get(struct alloc *alloc, struct used *used, const char *service)
{
	struct hold *hold = hold_find(used, service);

	if (hold != NULL)
		return hold;
	hold = k8s_alloc(sizeof(*hold));
	hold->holder = holder_get(alloc, service);
	hold->used = used;
	TAILQ_INSERT_TAIL(&used->holds, hold, of_used);
	LIST_INSERT_HEAD(&hold->holder->holds, hold, of_holder);
	return hold;
}

static void
hold_free(struct alloc *alloc, struct hold *hold)
{
	struct holder *holder = hold->holder;
	struct used *used = hold->used;

	TAILQ_REMOVE(&used->holds, hold, of_used);
	LIST_REMOVE(hold, of_holder);
	free(hold->ports);
	free(hold);
	if (TAILQ_EMPTY(&used->holds))
		space_release(alloc->space, used);
	if (LIST_EMPTY(&holder->holds)) {
		holders_RB_REMOVE(&alloc->holders, holder);
		free(holder);
	}
}

/* Claims ---------------------------------------------------------------------------- */

static void
claim_settle(
    struct alloc *alloc, const struct alloc_claim *claim, struct used *used)
{
	struct hold *hold = hold_find(used, claim->service);

	alloc->loosened = hold != NULL && claim_loosens(claim, used, hold);
	space_share(alloc->space, used, or_empty(claim->sharing),
	    or_empty(claim->backend));
	hold = hold_get(alloc, used, claim->service);
	hold->held = HELD_GIVEN;
	free(hold->ports);
	hold->port_count = claim->port_count;
	hold->ports = k8s_alloc(claim->port_count * sizeof(*hold->ports));
	if (claim->port_count > 0)
		memcpy(hold->ports, claim->ports,
		    claim->port_count * sizeof(*hold->ports));
}

static bool
pool_avoids(const struct config_pool *pool, const struct bgpd_addr *addr)
{
	return pool->avoid_buggy &&
	       addr_is_buggy(addr->family, addr_to_number(addr));
}

int
alloc_take(struct alloc *alloc, const struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	const struct config_pool *pool = space_pool(alloc->space, addr);
	struct used *used = space_find(alloc->space, addr);
	char text[ADDR_LEN];

	addr_text(addr, text);
	alloc->loosened = false;
	if (pool == NULL)
		return why_set(alloc->why,
		    "\"%s\" is not allowed in config: it is in "
		    "no address pool",
		    text);
	if (pool_avoids(pool, addr))
		return why_set(alloc->why,
		    "\"%s\" is not allowed in config: pool "
		    "\"%s\" avoids .0 and .255",
		    text, pool->name);
	if (used != NULL && claim_fits(used, claim, alloc->why) == -1)
		return -1;
	if (used == NULL)
		used = space_take(alloc->space, addr);
	claim_settle(alloc, claim, used);
	return 0;
}

void
alloc_note(
    struct alloc *alloc, const char *service, const struct bgpd_addr *addr)
{
	const struct config_pool *pool = space_pool(alloc->space, addr);
	struct used *used = space_find(alloc->space, addr);
	struct hold *hold;
	bool is_new;

	/* What is given to nobody needs no bar. */
	if (pool == NULL || pool_avoids(pool, addr))
		return;
	if (used == NULL)
		used = space_take(alloc->space, addr);
	is_new = hold_find(used, service) == NULL;
	hold = hold_get(alloc, used, service);
	if (is_new)
		hold->held = HELD_SAID;
	else if (hold->held == HELD_GIVEN)
		hold->held = HELD_LEFT;
}

/* The lowest address ------------------------------------------------------------------- */

/* The lowest shared address of the pool that has room for the claim's ports. */
static struct used *
shared_lowest(struct alloc *alloc, const struct alloc_claim *claim, size_t pool,
    uint8_t family)
{
	const char *sharing = or_empty(claim->sharing);
	const char *backend = or_empty(claim->backend);
	const struct hold *other;
	struct used *used;

	if (sharing[0] == '\0')
		return NULL;
	used = space_shared_first(alloc->space, pool, family, sharing, backend);
	while (used != NULL && (hold_that_bars(used, claim) != NULL ||
				   ports_clash(used, claim, &other) != NULL))
		used = space_shared_next(alloc->space, used);
	return used;
}

static bool
any_of_family(struct alloc *alloc, const struct alloc_claim *claim, size_t pool,
    uint8_t family, struct bgpd_addr *addr)
{
	struct used *shared = shared_lowest(alloc, claim, pool, family);
	size_t order;
	bool is_free = space_lowest(alloc->space, pool, family, addr, &order);

	if (shared != NULL &&
	    (!is_free || shared->order < order ||
		(shared->order == order &&
		    addr_to_number(&shared->addr) < addr_to_number(addr)))) {
		*addr = shared->addr;
		is_free = true;
	}
	return is_free && alloc_take(alloc, claim, addr) == 0;
}

static bool
any_of_pool(struct alloc *alloc, const struct alloc_claim *claim, size_t pool,
    struct bgpd_addr *addr)
{
	if (claim->family != 6 && any_of_family(alloc, claim, pool, 4, addr))
		return true;
	return claim->family != 4 && any_of_family(alloc, claim, pool, 6, addr);
}

static int
any_of_named(struct alloc *alloc, const struct alloc_claim *claim,
    struct bgpd_addr *addr)
{
	const struct config *config = space_config(alloc->space);
	size_t i;

	for (i = 0; config != NULL && i < config->pool_count; i++) {
		if (strcmp(config->pools[i].name, claim->pool) != 0)
			continue;
		if (any_of_pool(alloc, claim, i, addr))
			return 0;
		return why_set(alloc->why,
		    "no available %saddresses in pool \"%s\"",
		    claim->family == 4	 ? "IPv4 "
		    : claim->family == 6 ? "IPv6 "
					 : "",
		    claim->pool);
	}
	return why_set(alloc->why,
	    "unknown pool \"%s\": the ConfigMap has no "
	    "address-pool of that name",
	    claim->pool);
}

int
alloc_any(struct alloc *alloc, const struct alloc_claim *claim,
    struct bgpd_addr *addr)
{
	const struct config *config = space_config(alloc->space);
	bool is_some = false;
	size_t i;

	if (claim->pool != NULL)
		return any_of_named(alloc, claim, addr);
	for (i = 0; config != NULL && i < config->pool_count; i++) {
		if (!config->pools[i].auto_assign)
			continue;
		is_some = true;
		if (any_of_pool(alloc, claim, i, addr))
			return 0;
	}
	if (!is_some)
		return why_set(alloc->why,
		    "no available addresses: no pool has "
		    "auto-assign, name one with the "
		    "address-pool annotation");
	return why_set(alloc->why, "no available %saddresses",
	    claim->family == 4	 ? "IPv4 "
	    : claim->family == 6 ? "IPv6 "
				 : "");
}

/* Letting go, looking up ------------------------------------------------------------------ */

void
alloc_release(
    struct alloc *alloc, const char *service, const struct bgpd_addr *addr)
{
	struct holder *holder = holders_find(&alloc->holders, service);
	struct hold *hold, *next;

	if (holder == NULL)
		return;
	for (hold = LIST_FIRST(&holder->holds); hold != NULL; hold = next) {
		next = LIST_NEXT(hold, of_holder);
		if (addr == NULL || addr_same(&hold->used->addr, addr))
			hold_free(alloc, hold);
	}
}

size_t
alloc_addresses(const struct alloc *alloc, const char *service,
    struct bgpd_addr *addrs, size_t max)
{
	const struct holder *holder = holders_find(&alloc->holders, service);
	const struct hold *hold;
	size_t count = 0;

	if (holder == NULL)
		return 0;
	LIST_FOREACH (hold, &holder->holds, of_holder) {
		if (count < max)
			addrs[count++] = hold->used->addr;
	}
	return count;
}

const struct config_pool *
alloc_pool(const struct alloc *alloc, const struct bgpd_addr *addr)
{
	return space_pool(alloc->space, addr);
}

bool
alloc_is_owner(const struct alloc *alloc, const char *service,
    const struct bgpd_addr *addr)
{
	const struct used *used = space_find(alloc->space, addr);
	const struct hold *hold =
	    used == NULL ? NULL : hold_find(used, service);

	return hold != NULL && hold->held != HELD_SAID;
}

void
alloc_each_clash(const struct alloc *alloc, const struct alloc_claim *claim,
    const struct bgpd_addr *addr,
    void (*on_holder)(void *arg, const char *service), void *arg)
{
	const struct used *used = space_find(alloc->space, addr);
	const struct hold *hold;
	bool share;

	if (used == NULL)
		return;
	share = keys_agree(used, claim);
	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (hold_is_anothers(hold, claim->service) &&
		    (!share || hold_clash(hold, claim) != NULL))
			on_holder(arg, hold->holder->name);
	}
}

void
alloc_each(const struct alloc *alloc, const struct bgpd_addr *addr,
    void (*on_holder)(void *arg, const char *service), void *arg)
{
	const struct used *used = space_find(alloc->space, addr);
	const struct hold *hold;

	if (used == NULL)
		return;
	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (hold->held == HELD_GIVEN)
			on_holder(arg, hold->holder->name);
	}
}

bool
alloc_room(const struct alloc *alloc, const struct bgpd_addr *addr,
    const char **sharing, const char **backend)
{
	const struct used *used = space_find(alloc->space, addr);
	const struct alloc_claim anybody = { .service = "" };

	*sharing = used == NULL ? "" : used->sharing;
	*backend = used == NULL ? "" : used->backend;
	return used == NULL || (used->sharing[0] != '\0' &&
				   hold_that_bars(used, &anybody) == NULL);
}

size_t
alloc_in_use(const struct alloc *alloc, const struct config_pool *pool)
{
	return space_in_use(alloc->space, pool);
}

bool
alloc_loosened(const struct alloc *alloc)
{
	return alloc->loosened;
}

uint64_t
alloc_steps(const struct alloc *alloc)
{
	return space_steps(alloc->space);
}

int
alloc_set_pools(struct alloc *alloc, const struct config *config)
{
	const struct used *lost = space_set(alloc->space, config);
	char text[ADDR_LEN];

	if (lost == NULL)
		return 0;
	alloc->stranded = lost->addr;
	return why_set(alloc->why,
	    "new config not compatible with assigned IPs: "
	    "service \"%s\" cannot own \"%s\" under new config",
	    TAILQ_FIRST(&lost->holds)->holder->name,
	    addr_text(&lost->addr, text));
}

const struct bgpd_addr *
alloc_stranded(const struct alloc *alloc)
{
	return &alloc->stranded;
}

bool
alloc_is_used(const struct alloc *alloc, const struct bgpd_addr *addr)
{
	return space_find(alloc->space, addr) != NULL;
}

struct alloc *
alloc_new(void)
{
	struct alloc *alloc = k8s_alloc(sizeof(*alloc));

	RB_INIT(&alloc->holders);
	alloc->space = space_new();
	return alloc;
}

void
alloc_free(struct alloc *alloc)
{
	struct holder *holder;

	if (alloc == NULL)
		return;
	while ((holder = RB_ROOT(&alloc->holders)) != NULL)
		hold_free(alloc, LIST_FIRST(&holder->holds));
	space_free(alloc->space);
	free(alloc);
}

/* 0.7.3's figure: with avoid-buggy-ips two fewer for each /24, at the ends else. */
static double
cidr_capacity(const struct cidr *cidr, bool avoid_buggy)
{
	unsigned bits = cidr->family == 4 ? 32 : 128;
	double size = 1;
	unsigned i;

	for (i = cidr->len; i < bits; i++)
		size *= 2;
	if (!avoid_buggy || cidr->family != 4)
		return size;
	if (cidr->len <= 24)
		return size - 2 * size / 256;
	return size - addr_is_buggy(4, cidr->first) -
	       (cidr->first != cidr->last && addr_is_buggy(4, cidr->last));
}

double
pool_capacity(const struct config_pool *pool)
{
	double total = 0;
	size_t i;

	for (i = 0; i < pool->cidr_count; i++)
		total += cidr_capacity(&pool->cidrs[i], pool->avoid_buggy);
	return total;
}
