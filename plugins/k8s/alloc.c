/* SPDX-License-Identifier: ISC */
/* Which Service has which address: claims, the lowest that is free, sharing. */

/*
 * Free addresses are gaps: runs between those in use, in the order in which the
 * pool is used up. Giving and taking back an address splits or joins one gap, so
 * the cost grows with the logarithm of what is in use, never with the pool. An
 * address that may be shared also stands in an index by pool and sharing key.
 * Gaps and the index belong to gaps.h; this room holds claims against each other.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gaps.h"

/* Who uses an address, with which ports. */
struct hold {
	TAILQ_ENTRY(hold) of_used;
	LIST_ENTRY(hold) of_holder;
	struct holder *holder;
	struct used *used;
	struct object_port *ports;
	size_t port_count;
};

struct holder {
	RB_ENTRY(holder) link;
	LIST_HEAD(, hold) holds;
	char name[];
};
RB_HEAD(holders, holder);

struct alloc {
	struct holders holders;
	struct space *space; /* pools, gaps, addresses in use */
	bool loosened;	     /* by the last take */
	char why[512];
};

K8S_TREE_OF_NAMES(holders, holder, name)

static int
fail(struct alloc *alloc, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(alloc->why, sizeof(alloc->why), format, ap);
	va_end(ap);
	return -1;
}

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

static struct hold *
hold_find(const struct used *used, const char *service)
{
	struct hold *hold;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (strcmp(hold->holder->name, service) == 0)
			return hold;
	}
	return NULL;
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

static const char *
port_name(const struct object_port *port, char *out, size_t size)
{
	static const char *const names[] = { "TCP", "UDP", "SCTP" };

	snprintf(out, size, "%s/%u",
	    port->protocol < 3 ? names[port->protocol] : "?", port->number);
	return out;
}

/* The first of the claim's ports that another Service has; NULL: none. */
static const struct object_port *
ports_clash(const struct used *used, const struct alloc_claim *claim,
    const struct hold **other)
{
	const struct hold *hold;
	size_t i, j;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (strcmp(hold->holder->name, claim->service) == 0)
			continue;
		for (i = 0; i < hold->port_count; i++) {
			for (j = 0; j < claim->port_count; j++) {
				if (hold->ports[i].number !=
					claim->ports[j].number ||
				    hold->ports[i].protocol !=
					claim->ports[j].protocol)
					continue;
				*other = hold;
				return &claim->ports[j];
			}
		}
	}
	return NULL;
}

static const struct hold *
hold_of_other(const struct used *used, const char *service)
{
	const struct hold *hold;

	TAILQ_FOREACH (hold, &used->holds, of_used) {
		if (strcmp(hold->holder->name, service) != 0)
			return hold;
	}
	return NULL;
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* May the claim join those who use the address? 0, or -1 with why. */
static int
claim_fits(struct alloc *alloc, const struct alloc_claim *claim,
    const struct used *used)
{
	const struct hold *other = hold_of_other(used, claim->service);
	const char *sharing = or_empty(claim->sharing);
	const struct object_port *port;
	char addr[ADDR_LEN], name[32];

	if (other == NULL)
		return 0;
	addr_text(&used->addr, addr);
	if (sharing[0] == '\0' || used->sharing[0] == '\0')
		return fail(alloc,
		    "can't change sharing key for \"%s\": "
		    "address %s is already in use by \"%s\", "
		    "and both must say the same "
		    "allow-shared-ip to share it",
		    claim->service, addr, other->holder->name);
	if (strcmp(sharing, used->sharing) != 0)
		return fail(alloc,
		    "address %s is in use by \"%s\" with "
		    "another allow-shared-ip (\"%s\", not "
		    "\"%s\")",
		    addr, other->holder->name, used->sharing, sharing);
	if (strcmp(or_empty(claim->backend), used->backend) != 0)
		return fail(alloc,
		    "address %s is shared by \"%s\", whose "
		    "externalTrafficPolicy or selector "
		    "differs",
		    addr, other->holder->name);
	port = ports_clash(used, claim, &other);
	if (port != NULL)
		return fail(alloc, "port %s is already in use on %s by \"%s\"",
		    port_name(port, name, sizeof(name)), addr,
		    other->holder->name);
	return 0;
}

/* Does the claim leave a port that the Service had, or change the keys? */
static bool
claim_loosens(const struct alloc_claim *claim, const struct used *used,
    const struct hold *hold)
{
	size_t i, k;

	if (strcmp(used->sharing, or_empty(claim->sharing)) != 0 ||
	    strcmp(used->backend, or_empty(claim->backend)) != 0)
		return true;
	for (i = 0; i < hold->port_count; i++) {
		for (k = 0; k < claim->port_count; k++) {
			if (hold->ports[i].number == claim->ports[k].number &&
			    hold->ports[i].protocol == claim->ports[k].protocol)
				break;
		}
		if (k == claim->port_count)
			return true;
	}
	return false;
}

static void
claim_settle(
    struct alloc *alloc, const struct alloc_claim *claim, struct used *used)
{
	struct hold *hold = hold_find(used, claim->service);

	alloc->loosened = hold != NULL && claim_loosens(claim, used, hold);
	space_share(alloc->space, used, or_empty(claim->sharing),
	    or_empty(claim->backend));
	if (hold == NULL) {
		hold = k8s_alloc(sizeof(*hold));
		hold->holder = holder_get(alloc, claim->service);
		hold->used = used;
		TAILQ_INSERT_TAIL(&used->holds, hold, of_used);
		LIST_INSERT_HEAD(&hold->holder->holds, hold, of_holder);
	}
	free(hold->ports);
	hold->port_count = claim->port_count;
	hold->ports = k8s_alloc(claim->port_count * sizeof(*hold->ports));
	if (claim->port_count > 0)
		memcpy(hold->ports, claim->ports,
		    claim->port_count * sizeof(*hold->ports));
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
		return fail(alloc,
		    "\"%s\" is not allowed in config: it is in "
		    "no address pool",
		    text);
	if (pool->avoid_buggy &&
	    addr_is_buggy(addr->family, addr_to_number(addr)))
		return fail(alloc,
		    "\"%s\" is not allowed in config: pool "
		    "\"%s\" avoids .0 and .255",
		    text, pool->name);
	if (used != NULL && claim_fits(alloc, claim, used) == -1)
		return -1;
	if (used == NULL)
		used = space_take(alloc->space, addr);
	claim_settle(alloc, claim, used);
	return 0;
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
	while (used != NULL && ports_clash(used, claim, &other) != NULL)
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
		return fail(alloc, "no available %saddresses in pool \"%s\"",
		    claim->family == 4	 ? "IPv4 "
		    : claim->family == 6 ? "IPv6 "
					 : "",
		    claim->pool);
	}
	return fail(alloc,
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
		return fail(alloc, "no available addresses: no pool has "
				   "auto-assign, name one with the "
				   "address-pool annotation");
	return fail(alloc, "no available %saddresses",
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

	return used != NULL && hold_find(used, service) != NULL;
}

const char *
alloc_other(const struct alloc *alloc, const char *service,
    const struct bgpd_addr *addr)
{
	const struct used *used = space_find(alloc->space, addr);
	const struct hold *hold =
	    used == NULL ? NULL : hold_of_other(used, service);

	return hold == NULL ? NULL : hold->holder->name;
}

void
alloc_each(const struct alloc *alloc, const struct bgpd_addr *addr,
    void (*on_holder)(void *arg, const char *service), void *arg)
{
	const struct used *used = space_find(alloc->space, addr);
	const struct hold *hold;

	if (used == NULL)
		return;
	TAILQ_FOREACH (hold, &used->holds, of_used)
		on_holder(arg, hold->holder->name);
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
	return fail(alloc,
	    "new config not compatible with assigned IPs: "
	    "service \"%s\" cannot own \"%s\" under new config",
	    TAILQ_FIRST(&lost->holds)->holder->name,
	    addr_text(&lost->addr, text));
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
