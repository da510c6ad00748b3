/* SPDX-License-Identifier: ISC */
/* The pure half: MetalLB's configuration, label selectors, pools, allocation. */
#ifndef K8S_POOLS_H
#define K8S_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "k8s.h"

/* ranges.c: addresses as numbers, blocks, ranges --------------------------------- */

/* An address as a number: IPv4 in the low 32 bits. */
typedef unsigned __int128 addr_number;

#define ADDR_LEN 46 /* text with its end */

struct cidr {
	uint8_t family; /* 4 or 6 */
	uint8_t len;
	addr_number first, last;
};

addr_number addr_to_number(const struct bgpd_addr *addr);
struct bgpd_addr addr_from_number(uint8_t family, addr_number number);
/* Into out (ADDR_LEN), which is returned; as Go and RFC 5952 write it. */
const char *addr_text(const struct bgpd_addr *addr, char *out);
bool addr_same(const struct bgpd_addr *a, const struct bgpd_addr *b);
/* "192.0.2.1/24" (host bits are masked); NULL, or what is wrong. */
const char *cidr_read(const char *text, struct cidr *cidr);
const char *cidr_text(const struct cidr *cidr, char *out); /* ADDR_LEN + 4 */
int cidr_compare(const struct cidr *a, const struct cidr *b);
/*
 * "192.0.2.1-192.0.2.9", split at the first dash, as the shortest ordered list
 * of blocks, which is added to *list. NULL, or what is wrong.
 */
const char *range_read(const char *text, struct cidr **list, size_t *count);
/* .0 or .255 of IPv4: what avoid-buggy-ips leaves out. */
bool addr_is_buggy(uint8_t family, addr_number number);
/* "90s", "1m30s", "120" (is_bare): nanoseconds; NULL, or what is wrong. */
const char *duration_read(const char *text, int64_t *ns, bool *is_bare);

/* selector.c: label selectors -------------------------------------------------------- */

enum selector_op { SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_ABSENT };

struct selector_rule {
	char *key;
	uint8_t op; /* enum selector_op */
	char **values;
	size_t value_count;
};

/* All rules must hold; none: everything matches. */
struct selector {
	struct selector_rule *rules;
	size_t rule_count;
};

/* Does one of the selectors match? None given: yes. */
bool selectors_match(const struct selector *selectors, size_t count,
    const struct object_label *labels, size_t label_count);
/* NULL, or what is wrong with the rule. */
const char *selector_rule_check(const struct selector_rule *rule);
int selector_op_find(const char *word); /* -1 */
bool selectors_equal(const struct selector *a, size_t a_count,
    const struct selector *b, size_t b_count);
void selectors_free(struct selector *selectors, size_t count);

/* metallb.c, metallb_check.c: the ConfigMap of MetalLB v0.7.3 ---------------------------- */

struct config_peer {
	unsigned line, column;
	uint32_t my_asn, peer_asn;
	char *address_text, *router_id_text;
	struct bgpd_addr address;
	struct bgpd_addr router_id; /* family 0: not said, or not IPv4 */
	uint16_t port;
	uint16_t hold_secs; /* 0: no hold timer */
	int64_t hold_ns;    /* as read */
	char *password;	    /* NULL: none */
	struct selector *selectors;
	size_t selector_count;
};

struct config_ad {
	unsigned line, column;
	int64_t aggregation_len; /* of IPv4; IPv6 addresses are told alone */
	uint32_t local_pref;
	char **community_texts;
	size_t community_text_count;
	uint32_t *communities; /* ascending, each once */
	size_t community_count;
};

struct config_pool {
	unsigned line, column;
	char *name, *protocol;
	bool is_layer2, avoid_buggy, auto_assign;
	char **texts; /* the addresses as written */
	size_t text_count;
	struct cidr *cidrs; /* in the order in which they are used */
	size_t cidr_count;
	struct config_ad *ads; /* one at least in a bgp pool */
	size_t ad_count;
};

struct config_alias {
	unsigned line, column;
	char *name, *text;
	uint32_t community;
};

/* Immutable once read. */
struct config {
	struct config_peer *peers;
	size_t peer_count;
	struct config_pool *pools;
	size_t pool_count;
	struct config_alias *aliases; /* by name */
	size_t alias_count;
};

/* What was wrong: one line each, with its place. */
struct report {
	char *errors, *warnings; /* NULL: none; lines end with \n */
	size_t error_count, warning_count;
};
void report_add(struct report *report, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_clear(struct report *report);

/* The value of the ConfigMap's key `config`; NULL: `report` has every error. */
struct config *config_read(const char *text, size_t len, struct report *report);
void config_check(struct config *config, struct report *report);
void config_free(struct config *config);
bool config_equal(const struct config *a, const struct config *b);

/* alloc.c: which Service has which address ------------------------------------------------ */

struct alloc;

/* What a Service asks with; borrowed. */
struct alloc_claim {
	const char *service; /* "namespace/name": the key */
	const char *sharing; /* NULL or "": shares with nobody */
	const char *backend; /* of ETP Local: the selector; NULL: "" */
	const struct object_port *ports;
	size_t port_count;
	const char
	    *pool;	/* alloc_any: this one alone; NULL: auto-assign ones */
	uint8_t family; /* alloc_any: 4, 6; 0: either */
	bool told;	/* alloc_take: its status says the address */
	bool both;	/* waiters: of both families, or none */
};

struct alloc *alloc_new(void);
void alloc_free(struct alloc *alloc);
/*
 * New pools, borrowed until the next call. -1 when an address in use would be in
 * none: nothing has changed then. Addresses move along with their pools.
 */
int alloc_set_pools(struct alloc *alloc, const struct config *config);
/* The address for which the last alloc_set_pools failed. */
const struct bgpd_addr *alloc_stranded(const struct alloc *alloc);
bool alloc_is_used(const struct alloc *alloc, const struct bgpd_addr *addr);
/*
 * Gives the Service exactly this address, beside others that it has; anew if it
 * has it, with the claim's ports and keys. -1: nothing has changed.
 */
int alloc_take(struct alloc *alloc, const struct alloc_claim *claim,
    const struct bgpd_addr *addr);
/* Did the last take let go of ports or keys that kept others off the address? */
bool alloc_loosened(const struct alloc *alloc);
/* The lowest address that is free or may be shared; -1. */
int alloc_any(struct alloc *alloc, const struct alloc_claim *claim,
    struct bgpd_addr *addr);
/* In place of a Service: a host that is none of ours has the address. */
#define ALLOC_STRANGER "*"
/*
 * A status says the address, of a Service that is not to have it, or no more:
 * until alloc_release nobody takes it whose status does not say it as well.
 */
void alloc_note(
    struct alloc *alloc, const char *service, const struct bgpd_addr *addr);
/* Lets one address go, or all (addr NULL), noted ones too. */
void alloc_release(
    struct alloc *alloc, const char *service, const struct bgpd_addr *addr);
/* Why the last call failed: MetalLB's words, and the cure. */
const char *alloc_why(const struct alloc *alloc);
/* The Service's addresses, noted ones too, at most max. */
size_t alloc_addresses(const struct alloc *alloc, const char *service,
    struct bgpd_addr *addrs, size_t max);
/* The pool that an address belongs to now; NULL: none. */
const struct config_pool *alloc_pool(
    const struct alloc *alloc, const struct bgpd_addr *addr);
/* Has it the address, or had it, and is noted since? */
bool alloc_is_owner(const struct alloc *alloc, const char *service,
    const struct bgpd_addr *addr);
/* Those that have the address, and could not beside that claim. */
void alloc_each_clash(const struct alloc *alloc,
    const struct alloc_claim *claim, const struct bgpd_addr *addr,
    void (*on_holder)(void *arg, const char *service), void *arg);
/* Those that have the address; on_holder may not change that. */
void alloc_each(const struct alloc *alloc, const struct bgpd_addr *addr,
    void (*on_holder)(void *arg, const char *service), void *arg);
/*
 * How many gaps and shared addresses were looked at so far. For a test alone: that
 * this grows with what is in use, and never with the pool, shows in no result.
 */
uint64_t alloc_steps(const struct alloc *alloc);
/*
 * May anybody new take the address? *sharing "": whoever comes, else those with
 * the same keys; both are borrowed.
 */
bool alloc_room(const struct alloc *alloc, const struct bgpd_addr *addr,
    const char **sharing, const char **backend);
/* For the metrics: all addresses of a pool that may be given; those in use. */
double pool_capacity(const struct config_pool *pool);
size_t alloc_in_use(const struct alloc *alloc, const struct config_pool *pool);

/* waiters.c: Services without an address ---------------------------------------------------- */

struct waiters;

struct waiters *waiters_new(void);
void waiters_free(struct waiters *waiters);
/* Waits for an address like that (addr NULL: any of alloc_any's); replaces. */
void waiters_add(struct waiters *waiters, const struct alloc_claim *claim,
    const struct bgpd_addr *addr);
void waiters_remove(struct waiters *waiters, const char *service);
/*
 * This address of this pool is free, for anybody (sharing "") or for those with
 * the same keys, as alloc_room says.
 */
void waiters_wake(struct waiters *waiters, const struct bgpd_addr *addr,
    const struct config_pool *pool, const char *sharing, const char *backend);
/*
 * Who should be tried next; NULL: nobody. It is tried at once: it either gets an
 * address (waiters_remove) or is added again, which ends its queue's turn.
 */
const char *waiters_next(struct waiters *waiters);
bool waiters_is_open(const struct waiters *waiters); /* is anybody? */

#endif
