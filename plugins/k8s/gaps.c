/* SPDX-License-Identifier: ISC */
/* The space of all pools: gaps between the addresses in use, found by order. */

#include <stdlib.h>
#include <string.h>

#include "gaps.h"

/* A run of free addresses within one block. */
struct gap {
	RB_ENTRY(gap) link;
	size_t order; /* of the block in its pool */
	addr_number first, last;
};
RB_HEAD(gaps, gap);

/* A block of a pool, sorted by address for look-ups. */
struct block {
	const struct cidr *cidr;
	size_t pool, order;
};

struct pool_space {
	struct gaps gaps[2]; /* IPv4, IPv6 */
	size_t in_use;
};

RB_HEAD(used_by_addr, used);
RB_HEAD(used_by_sharing, used);

struct space {
	const struct config *config;
	struct pool_space *pools;
	struct block *blocks;
	size_t block_count;
	struct used_by_addr used;
	struct used_by_sharing shared;
	uint64_t steps; /* looked at so far */
};

static int
number_compare(addr_number a, addr_number b)
{
	return a < b ? -1 : a > b;
}

static int
gap_compare(const struct gap *a, const struct gap *b)
{
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return number_compare(a->first, b->first);
}
K8S_TREE(gaps, gap, link, gap_compare)

static int
used_compare(const struct used *a, const struct used *b)
{
	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;
	return number_compare(
	    addr_to_number(&a->addr), addr_to_number(&b->addr));
}
K8S_TREE(used_by_addr, used, by_addr, used_compare)

/* All of one pool, family and pair of keys lie together. */
static int
group_compare(const struct used *a, const struct used *b)
{
	int order;

	if (a->pool != b->pool)
		return a->pool < b->pool ? -1 : 1;
	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;
	order = strcmp(a->sharing, b->sharing);
	return order != 0 ? order : strcmp(a->backend, b->backend);
}

static int
shared_compare(const struct used *a, const struct used *b)
{
	int order = group_compare(a, b);

	if (order != 0)
		return order;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return used_compare(a, b);
}
K8S_TREE(used_by_sharing, used, by_sharing, shared_compare)

/* Blocks ------------------------------------------------------------------------- */

static int
block_compare(const void *a, const void *b)
{
	return cidr_compare(
	    ((const struct block *)a)->cidr, ((const struct block *)b)->cidr);
}

static struct block *
blocks_make(const struct config *config, size_t *count)
{
	struct block *blocks;
	size_t i, j, total = 0;

	for (i = 0; i < config->pool_count; i++)
		total += config->pools[i].cidr_count;
	blocks = k8s_alloc(total * sizeof(*blocks));
	*count = 0;
	for (i = 0; i < config->pool_count; i++) {
		for (j = 0; j < config->pools[i].cidr_count; j++)
			blocks[(*count)++] =
			    (struct block){ &config->pools[i].cidrs[j], i, j };
	}
	qsort(blocks, *count, sizeof(*blocks), block_compare);
	return blocks;
}

/* Blocks do not overlap: the last that begins at or before the address. */
static const struct block *
block_find(
    const struct block *blocks, size_t count, const struct bgpd_addr *addr)
{
	addr_number number = addr_to_number(addr);
	size_t low = 0, high = count, middle;
	const struct cidr *cidr;

	while (low < high) {
		middle = (low + high) / 2;
		cidr = blocks[middle].cidr;
		if (cidr->family > addr->family ||
		    (cidr->family == addr->family && cidr->first > number))
			high = middle;
		else
			low = middle + 1;
	}
	if (low == 0)
		return NULL;
	cidr = blocks[low - 1].cidr;
	return cidr->family == addr->family && number <= cidr->last
		   ? &blocks[low - 1]
		   : NULL;
}

/* Gaps ------------------------------------------------------------------------------ */

static struct gaps *
gaps_of(struct space *space, size_t pool, uint8_t family)
{
	return &space->pools[pool].gaps[family == 6];
}

static void
gap_add(struct gaps *gaps, size_t order, addr_number first, addr_number last)
{
	struct gap *gap = k8s_alloc(sizeof(*gap));

	gap->order = order;
	gap->first = first;
	gap->last = last;
	gaps_RB_INSERT(gaps, gap);
}

static void
gap_remove(struct gaps *gaps, struct gap *gap)
{
	gaps_RB_REMOVE(gaps, gap);
	free(gap);
}

/* The last gap of this block that begins at or before the number. */
static struct gap *
gap_before(struct gaps *gaps, size_t order, addr_number number)
{
	struct gap key = { .order = order, .first = number };
	struct gap *gap = gaps_RB_NFIND(gaps, &key);

	if (gap != NULL && gap->order == order && gap->first == number)
		return gap;
	gap = gap != NULL ? gaps_RB_PREV(gap) : gaps_RB_MINMAX(gaps, RB_INF);
	return gap != NULL && gap->order == order ? gap : NULL;
}

/* The address is not in a gap when it is one that is never given (.0, .255). */
static void
gaps_take(struct gaps *gaps, size_t order, addr_number number)
{
	struct gap *gap = gap_before(gaps, order, number);
	addr_number last;

	if (gap == NULL || gap->last < number)
		return;
	last = gap->last;
	if (gap->first == number)
		gap_remove(gaps, gap);
	else
		gap->last = number - 1;
	if (number < last)
		gap_add(gaps, order, number + 1, last);
}

static void
gaps_put(struct gaps *gaps, size_t order, addr_number number)
{
	struct gap *before = gap_before(gaps, order, number), *after;

	if (before != NULL && before->last >= number)
		return;
	after = before != NULL
		    ? gaps_RB_NEXT(before)
		    : gaps_RB_NFIND(gaps,
			  &(struct gap){ .order = order, .first = number });
	if (after != NULL &&
	    (after->order != order || after->first != number + 1))
		after = NULL;
	if (before != NULL && before->last + 1 != number)
		before = NULL;
	if (before != NULL) {
		before->last = after != NULL ? after->last : number;
		if (after != NULL)
			gap_remove(gaps, after);
	} else if (after != NULL) {
		after->first = number; /* the order among the gaps stays */
	} else {
		gap_add(gaps, order, number, number);
	}
}

static void
gaps_clear(struct gaps *gaps)
{
	struct gap *gap;

	while ((gap = RB_ROOT(gaps)) != NULL)
		gap_remove(gaps, gap);
}

/* What is never given is cut off, so that nobody steps over it twice. */
bool
space_lowest(struct space *space, size_t pool, uint8_t family,
    struct bgpd_addr *addr, size_t *order)
{
	struct gaps *gaps = gaps_of(space, pool, family);
	bool avoid = space->config->pools[pool].avoid_buggy;
	struct gap *gap;

	while ((gap = gaps_RB_MINMAX(gaps, RB_NEGINF)) != NULL) {
		space->steps++;
		if (!avoid || !addr_is_buggy(family, gap->first)) {
			*addr = addr_from_number(family, gap->first);
			*order = gap->order;
			return true;
		}
		if (gap->first == gap->last)
			gap_remove(gaps, gap);
		else
			gap->first++;
	}
	return false;
}

/* Addresses in use ---------------------------------------------------------------------- */

struct used *
space_find(const struct space *space, const struct bgpd_addr *addr)
{
	struct used key = { .addr = *addr };

	return used_by_addr_RB_FIND((struct used_by_addr *)&space->used, &key);
}

struct used *
space_take(struct space *space, const struct bgpd_addr *addr)
{
	const struct block *block =
	    block_find(space->blocks, space->block_count, addr);
	struct used *used = k8s_alloc(sizeof(*used));

	used->addr = *addr;
	used->pool = block->pool;
	used->order = block->order;
	used->sharing = k8s_copy("");
	used->backend = k8s_copy("");
	TAILQ_INIT(&used->holds);
	used_by_addr_RB_INSERT(&space->used, used);
	gaps_take(gaps_of(space, used->pool, addr->family), used->order,
	    addr_to_number(addr));
	space->pools[used->pool].in_use++;
	return used;
}

void
space_share(struct space *space, struct used *used, const char *sharing,
    const char *backend)
{
	if (strcmp(used->sharing, sharing) == 0 &&
	    strcmp(used->backend, backend) == 0)
		return;
	if (used->sharing[0] != '\0')
		used_by_sharing_RB_REMOVE(&space->shared, used);
	free(used->sharing);
	free(used->backend);
	used->sharing = k8s_copy(sharing);
	used->backend = k8s_copy(backend);
	if (used->sharing[0] != '\0')
		used_by_sharing_RB_INSERT(&space->shared, used);
}

void
space_release(struct space *space, struct used *used)
{
	space_share(space, used, "", "");
	used_by_addr_RB_REMOVE(&space->used, used);
	gaps_put(gaps_of(space, used->pool, used->addr.family), used->order,
	    addr_to_number(&used->addr));
	space->pools[used->pool].in_use--;
	free(used->sharing);
	free(used->backend);
	free(used);
}

struct used *
space_shared_first(struct space *space, size_t pool, uint8_t family,
    const char *sharing, const char *backend)
{
	struct used key = { .pool = pool,
		.addr = { .family = family },
		.sharing = (char *)sharing,
		.backend = (char *)backend };
	struct used *used = used_by_sharing_RB_NFIND(&space->shared, &key);

	return used != NULL && group_compare(used, &key) == 0 ? used : NULL;
}

struct used *
space_shared_next(struct space *space, struct used *used)
{
	struct used *next = used_by_sharing_RB_NEXT(used);

	space->steps++;
	return next != NULL && group_compare(next, used) == 0 ? next : NULL;
}

/* Pools ------------------------------------------------------------------------------------ */

const struct config *
space_config(const struct space *space)
{
	return space->config;
}

const struct config_pool *
space_pool(const struct space *space, const struct bgpd_addr *addr)
{
	const struct block *block =
	    block_find(space->blocks, space->block_count, addr);

	return block != NULL ? &space->config->pools[block->pool] : NULL;
}

uint64_t
space_steps(const struct space *space)
{
	return space->steps;
}

size_t
space_in_use(const struct space *space, const struct config_pool *pool)
{
	return space->pools[pool - space->config->pools].in_use;
}

static void
pools_clear(struct space *space)
{
	size_t i;

	for (i = 0; space->config != NULL && i < space->config->pool_count;
	     i++) {
		gaps_clear(&space->pools[i].gaps[0]);
		gaps_clear(&space->pools[i].gaps[1]);
	}
	free(space->pools);
	free(space->blocks);
}

static const struct used *
lost_find(struct space *space, const struct config *config,
    const struct block *blocks, size_t count)
{
	const struct block *block;
	struct used *used;

	RB_FOREACH (used, used_by_addr, &space->used) {
		block = block_find(blocks, count, &used->addr);
		if (block == NULL || (config->pools[block->pool].avoid_buggy &&
					 addr_is_buggy(used->addr.family,
					     addr_to_number(&used->addr))))
			return used;
	}
	return NULL;
}

static void
used_rehome(struct space *space, struct used *used)
{
	const struct block *block =
	    block_find(space->blocks, space->block_count, &used->addr);

	used->pool = block->pool;
	used->order = block->order;
	gaps_take(gaps_of(space, used->pool, used->addr.family), used->order,
	    addr_to_number(&used->addr));
	space->pools[used->pool].in_use++;
	if (used->sharing[0] != '\0')
		used_by_sharing_RB_INSERT(&space->shared, used);
}

const struct used *
space_set(struct space *space, const struct config *config)
{
	size_t i, j, count;
	struct block *blocks = blocks_make(config, &count);
	const struct used *lost = lost_find(space, config, blocks, count);
	struct used *used;

	if (lost != NULL) {
		free(blocks);
		return lost;
	}
	pools_clear(space);
	space->config = config;
	space->blocks = blocks;
	space->block_count = count;
	space->pools = k8s_alloc(config->pool_count * sizeof(*space->pools));
	for (i = 0; i < config->pool_count; i++) {
		for (j = 0; j < config->pools[i].cidr_count; j++) {
			const struct cidr *c = &config->pools[i].cidrs[j];
			gap_add(
			    gaps_of(space, i, c->family), j, c->first, c->last);
		}
	}
	RB_INIT(&space->shared);
	RB_FOREACH (used, used_by_addr, &space->used)
		used_rehome(space, used);
	return NULL;
}

struct space *
space_new(void)
{
	struct space *space = k8s_alloc(sizeof(*space));

	RB_INIT(&space->used);
	RB_INIT(&space->shared);
	return space;
}

void
space_free(struct space *space)
{
	pools_clear(space);
	free(space);
}
