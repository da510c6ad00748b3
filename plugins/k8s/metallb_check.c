/* SPDX-License-Identifier: ISC */
/* What the values of a ConfigMap mean together: MetalLB's rules and defaults. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

#define BLOCKS_MAX 262144 /* of all pools: a short range can be many */

/* One error or warning of an entry: "line 3, column 5: parsing peer #1: ...". */
#define ENTRY(report, is_error, at, what, i, name, ...)                        \
	do {                                                                   \
		char entry_text[320];                                          \
		bool is_named = (name)[0] != '\0';                             \
		snprintf(entry_text, sizeof(entry_text), __VA_ARGS__);         \
		report_add(report, is_error,                                   \
		    "line %u, column %u: parsing " what " #%zu%s%s%s: %s",     \
		    (at)->line, (at)->column, (size_t)(i) + 1,                 \
		    is_named ? " (" : "", name, is_named ? ")" : "",           \
		    entry_text);                                               \
	} while (0)

/* Peers ------------------------------------------------------------------------- */

#define PEER(...) ENTRY(report, true, peer, "peer", i, "", __VA_ARGS__)

static void
peer_hold_check(struct config_peer *peer, size_t i, struct report *report)
{
	int64_t secs = peer->hold_ns / 1000000000;

	if (secs != 0 && secs < 3)
		PEER("invalid hold time: it is %lld s, and must be 0 or at "
		     "least 3 s",
		    (long long)secs);
	if (secs > UINT16_MAX) {
		ENTRY(report, false, peer, "peer", i, "",
		    "hold time %lld s is cut to 65535 s", (long long)secs);
		secs = UINT16_MAX;
	}
	peer->hold_secs = secs < 0 ? 0 : (uint16_t)secs;
}

static void
peer_check(struct config_peer *peer, size_t i, struct report *report)
{
	if (peer->my_asn == 0)
		PEER("missing local ASN: say my-asn");
	if (peer->peer_asn == 0)
		PEER("missing peer ASN: say peer-asn");
	if (!tree_addr(peer->address_text, &peer->address))
		PEER("invalid peer IP \"%s\": peer-address is an IPv4 or IPv6 "
		     "address",
		    or_empty(peer->address_text));
	if (peer->router_id_text != NULL && peer->router_id_text[0] != '\0' &&
	    !tree_addr(peer->router_id_text, &peer->router_id))
		PEER("invalid router ID \"%s\": write an IPv4 address",
		    peer->router_id_text);
	if (peer->router_id.family == 6)
		memset(&peer->router_id, 0, sizeof(peer->router_id));
	if (peer->port == 0)
		peer->port = 179;
	if (peer->password != NULL && strlen(peer->password) > 80)
		PEER("the password is longer than the 80 bytes of TCP-MD5");
	if (peer->password != NULL && peer->password[0] == '\0') {
		free(peer->password);
		peer->password = NULL;
	}
	peer_hold_check(peer, i, report);
}

/* Communities --------------------------------------------------------------------- */

/* "A:B", both of 16 bits, in decimal. */
static bool
community_parse(const char *text, uint32_t *community)
{
	unsigned long half[2];
	const char *p = text;
	char *end;
	int i;

	for (i = 0; i < 2; i++) {
		if (*p < '0' || *p > '9')
			return false;
		half[i] = strtoul(p, &end, 10);
		if (half[i] > UINT16_MAX || *end != (i == 0 ? ':' : '\0'))
			return false;
		p = end + 1;
	}
	*community = (uint32_t)(half[0] << 16 | half[1]);
	return true;
}

/* By name, then by place. */
static int
alias_compare(const void *a, const void *b)
{
	const struct config_alias *x = a, *y = b;
	int diff = strcmp(or_empty(x->name), or_empty(y->name));

	if (diff != 0)
		return diff;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static int
alias_name_compare(const void *name, const void *alias)
{
	return strcmp(
	    name, or_empty(((const struct config_alias *)alias)->name));
}

/* Sorts them too. */
static void
aliases_check(struct config *config, struct report *report)
{
	struct config_alias *a;
	size_t i;

	if (config->alias_count == 0)
		return;
	qsort(config->aliases, config->alias_count, sizeof(*config->aliases),
	    alias_compare);
	for (i = 0; i < config->alias_count; i++) {
		a = &config->aliases[i];
		if (!community_parse(or_empty(a->text), &a->community))
			report_add(report, true,
			    "line %u, column %u: parsing community \"%s\": "
			    "\"%s\" is not A:B with two numbers of 0-65535",
			    a->line, a->column, or_empty(a->name),
			    or_empty(a->text));
		if (i > 0 &&
		    strcmp(or_empty(a->name), or_empty(a[-1].name)) == 0)
			report_add(report, true,
			    "line %u, column %u: community \"%s\" is said twice",
			    a->line, a->column, or_empty(a->name));
	}
}

static bool
community_find(const struct config *config, const char *text, uint32_t *value)
{
	const struct config_alias *alias = NULL;

	if (config->alias_count > 0)
		alias = bsearch(text, config->aliases, config->alias_count,
		    sizeof(*config->aliases), alias_name_compare);
	if (alias == NULL)
		return community_parse(text, value);
	*value = alias->community;
	return true;
}

static int
number_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The same for a pool: "parsing address pool #2 (name): ...". */
#define POOL(at, ...)                                                          \
	ENTRY(report, true, at, "address pool", i, or_empty(pool->name),       \
	    __VA_ARGS__)

static void
ad_communities_check(const struct config *config,
    const struct config_pool *pool, struct config_ad *ad, size_t i,
    struct report *report)
{
	uint32_t *list;
	size_t j, count = 0;

	if (ad->community_text_count == 0)
		return;
	list = k8s_alloc(ad->community_text_count * sizeof(*list));
	for (j = 0; j < ad->community_text_count; j++) {
		if (!community_find(config, ad->community_texts[j], &list[j]))
			POOL(ad,
			    "invalid community \"%s\": it is neither A:B "
			    "nor a name of bgp-communities",
			    ad->community_texts[j]);
	}
	qsort(list, ad->community_text_count, sizeof(*list), number_compare);
	for (j = 0; j < ad->community_text_count; j++) {
		if (count == 0 || list[count - 1] != list[j])
			list[count++] = list[j];
	}
	ad->communities = list;
	ad->community_count = count;
}

/* Pools ------------------------------------------------------------------------------ */

/* 0.7.3's rule: no shorter than any IPv4 block of the pool. */
static void
ad_check(const struct config_pool *pool, struct config_ad *ad, size_t i,
    struct report *report)
{
	char text[ADDR_LEN + 4];
	size_t j;

	if (ad->aggregation_len < 0 || ad->aggregation_len > 32) {
		POOL(ad, "invalid aggregation length %lld: it is 0-32",
		    (long long)ad->aggregation_len);
		return;
	}
	for (j = 0; j < pool->cidr_count; j++) {
		if (pool->cidrs[j].family != 4 ||
		    ad->aggregation_len >= pool->cidrs[j].len)
			continue;
		POOL(ad,
		    "invalid aggregation length %lld: it is shorter than "
		    "the pool's %s",
		    (long long)ad->aggregation_len,
		    cidr_text(&pool->cidrs[j], text));
		return;
	}
}

static void
pool_ads_check(const struct config *config, struct config_pool *pool, size_t i,
    struct report *report)
{
	size_t j;

	if (pool->is_layer2) {
		if (pool->ad_count > 0)
			POOL(pool, "bgp-advertisements do not go with protocol "
				   "layer2");
		return;
	}
	if (pool->ad_count == 0) {
		pool->ads = k8s_alloc(sizeof(*pool->ads));
		pool->ads[0].aggregation_len = 32;
		pool->ad_count = 1;
		return;
	}
	for (j = 0; j < pool->ad_count; j++) {
		ad_check(pool, &pool->ads[j], i, report);
		ad_communities_check(config, pool, &pool->ads[j], i, report);
	}
}

static void
pool_addresses_check(struct config_pool *pool, size_t i, struct report *report)
{
	const char *text, *why;
	size_t j;

	if (pool->text_count == 0)
		POOL(pool, "pool has no prefixes defined: say addresses");
	for (j = 0; j < pool->text_count && pool->cidr_count <= BLOCKS_MAX;
	     j++) {
		text = pool->texts[j];
		if (strchr(text, '-') != NULL) {
			why = range_read(text, &pool->cidrs, &pool->cidr_count);
		} else {
			pool->cidrs = k8s_grow(pool->cidrs,
			    (pool->cidr_count + 1) * sizeof(*pool->cidrs));
			why = cidr_read(text, &pool->cidrs[pool->cidr_count]);
			pool->cidr_count += why == NULL;
		}
		if (why != NULL)
			POOL(pool,
			    "invalid address range \"%s\" in pool "
			    "\"%s\": it %s",
			    text, or_empty(pool->name), why);
	}
}

static void
pool_protocol_check(struct config_pool *pool, size_t i, struct report *report)
{
	const char *protocol = pool->protocol;

	if (protocol == NULL || protocol[0] == '\0')
		POOL(pool, "pool is missing the protocol field: it is bgp or "
			   "layer2");
	else if (strcmp(protocol, "layer2") == 0)
		pool->is_layer2 = true;
	else if (strcmp(protocol, "bgp") != 0)
		POOL(pool, "unknown protocol \"%s\": it is bgp or layer2",
		    protocol);
}

static void
pool_check(const struct config *config, struct config_pool *pool, size_t i,
    struct report *report)
{
	if (pool->name == NULL || pool->name[0] == '\0')
		POOL(pool, "missing pool name");
	pool_addresses_check(pool, i, report);
	pool_protocol_check(pool, i, report);
	pool_ads_check(config, pool, i, report);
}

/* Overlaps: all blocks sorted, each compared with what reaches into it -------------------- */

struct block {
	const struct cidr *cidr;
	const struct config_pool *pool;
};

static int
block_compare(const void *a, const void *b)
{
	return cidr_compare(
	    ((const struct block *)a)->cidr, ((const struct block *)b)->cidr);
}

static void
blocks_check(struct block *blocks, size_t count, struct report *report)
{
	char a[ADDR_LEN + 4], b[ADDR_LEN + 4];
	size_t i, wide = 0;

	qsort(blocks, count, sizeof(*blocks), block_compare);
	for (i = 1; i < count; i++) {
		const struct cidr *w = blocks[wide].cidr, *c = blocks[i].cidr;
		if (c->family != w->family || c->first > w->last) {
			wide = i;
			continue;
		}
		report_add(report, true,
		    "line %u, column %u: CIDR %s in pool \"%s\" overlaps with "
		    "already defined CIDR %s of pool \"%s\"",
		    blocks[i].pool->line, blocks[i].pool->column,
		    cidr_text(c, a), or_empty(blocks[i].pool->name),
		    cidr_text(w, b), or_empty(blocks[wide].pool->name));
	}
}

static void
overlaps_check(const struct config *config, struct report *report)
{
	struct block *blocks;
	size_t i, j, count = 0;

	for (i = 0; i < config->pool_count; i++)
		count += config->pools[i].cidr_count;
	blocks = k8s_alloc((count + 1) * sizeof(*blocks));
	count = 0;
	for (i = 0; i < config->pool_count; i++) {
		for (j = 0; j < config->pools[i].cidr_count; j++)
			blocks[count++] =
			    (struct block){ &config->pools[i].cidrs[j],
				    &config->pools[i] };
	}
	blocks_check(blocks, count, report);
	free(blocks);
}

/* By name, then by place in the text, which is their order in memory. */
static int
pool_name_compare(const void *a, const void *b)
{
	const struct config_pool *x = *(const struct config_pool *const *)a;
	const struct config_pool *y = *(const struct config_pool *const *)b;
	int diff = strcmp(or_empty(x->name), or_empty(y->name));

	return diff != 0 ? diff : x < y ? -1 : x > y;
}

static void
names_check(const struct config *config, struct report *report)
{
	const struct config_pool **list, *pool;
	size_t count = config->pool_count, i, k;

	list = k8s_alloc((count + 1) * sizeof(*list));
	for (k = 0; k < count; k++)
		list[k] = &config->pools[k];
	qsort(list, count, sizeof(*list), pool_name_compare);
	for (k = 1; k < count; k++) {
		pool = list[k];
		i = (size_t)(pool - config->pools);
		if (or_empty(pool->name)[0] != '\0' &&
		    strcmp(or_empty(pool->name), or_empty(list[k - 1]->name)) ==
			0)
			POOL(pool, "duplicate definition of pool \"%s\"",
			    or_empty(pool->name));
	}
	free(list);
}

void
config_check(struct config *config, struct report *report)
{
	size_t i, blocks = 0;

	for (i = 0; i < config->peer_count; i++)
		peer_check(&config->peers[i], i, report);
	aliases_check(config, report);
	for (i = 0; i < config->pool_count && blocks <= BLOCKS_MAX; i++) {
		pool_check(config, &config->pools[i], i, report);
		blocks += config->pools[i].cidr_count;
	}
	if (blocks > BLOCKS_MAX)
		report_add(report, true,
		    "the address pools are more than %d blocks", BLOCKS_MAX);
	names_check(config, report);
	overlaps_check(config, report);
}

/* The end, and equality ---------------------------------------------------------------------- */

static void
texts_free(char **texts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void
pool_free(struct config_pool *pool)
{
	size_t i;

	for (i = 0; i < pool->ad_count; i++) {
		texts_free(pool->ads[i].community_texts,
		    pool->ads[i].community_text_count);
		free(pool->ads[i].communities);
	}
	texts_free(pool->texts, pool->text_count);
	free(pool->ads);
	free(pool->cidrs);
	free(pool->name);
	free(pool->protocol);
}

void
config_free(struct config *config)
{
	size_t i;

	if (config == NULL)
		return;
	for (i = 0; i < config->peer_count; i++) {
		selectors_free(config->peers[i].selectors,
		    config->peers[i].selector_count);
		free(config->peers[i].address_text);
		free(config->peers[i].router_id_text);
		free(config->peers[i].password);
	}
	for (i = 0; i < config->pool_count; i++)
		pool_free(&config->pools[i]);
	for (i = 0; i < config->alias_count; i++) {
		free(config->aliases[i].name);
		free(config->aliases[i].text);
	}
	free(config->peers);
	free(config->pools);
	free(config->aliases);
	free(config);
}

static bool
text_equal(const char *a, const char *b)
{
	return strcmp(or_empty(a), or_empty(b)) == 0;
}

static bool
config_peer_equal(const struct config_peer *a, const struct config_peer *b)
{
	return a->my_asn == b->my_asn && a->peer_asn == b->peer_asn &&
	       addr_same(&a->address, &b->address) &&
	       a->router_id.family == b->router_id.family &&
	       addr_same(&a->router_id, &b->router_id) && a->port == b->port &&
	       a->hold_secs == b->hold_secs &&
	       text_equal(a->password, b->password) &&
	       selectors_equal(a->selectors, a->selector_count, b->selectors,
		   b->selector_count);
}

static bool
ad_equal(const struct config_ad *a, const struct config_ad *b)
{
	return a->aggregation_len == b->aggregation_len &&
	       a->local_pref == b->local_pref &&
	       a->community_count == b->community_count &&
	       (a->community_count == 0 ||
		   memcmp(a->communities, b->communities,
		       a->community_count * sizeof(*a->communities)) == 0);
}

static bool
pool_equal(const struct config_pool *a, const struct config_pool *b)
{
	size_t i;

	if (!text_equal(a->name, b->name) || a->is_layer2 != b->is_layer2 ||
	    a->avoid_buggy != b->avoid_buggy ||
	    a->auto_assign != b->auto_assign ||
	    a->cidr_count != b->cidr_count || a->ad_count != b->ad_count)
		return false;
	for (i = 0; i < a->cidr_count; i++) {
		if (a->cidrs[i].family != b->cidrs[i].family ||
		    a->cidrs[i].first != b->cidrs[i].first ||
		    a->cidrs[i].len != b->cidrs[i].len)
			return false;
	}
	for (i = 0; i < a->ad_count; i++) {
		if (!ad_equal(&a->ads[i], &b->ads[i]))
			return false;
	}
	return true;
}

bool
config_equal(const struct config *a, const struct config *b)
{
	size_t i;

	if (a->peer_count != b->peer_count || a->pool_count != b->pool_count)
		return false;
	for (i = 0; i < a->peer_count; i++) {
		if (!config_peer_equal(&a->peers[i], &b->peers[i]))
			return false;
	}
	for (i = 0; i < a->pool_count; i++) {
		if (!pool_equal(&a->pools[i], &b->pools[i]))
			return false;
	}
	return true;
}
