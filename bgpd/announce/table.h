/* SPDX-License-Identifier: ISC */
/* Inside the table: services, the addresses they offer, and who carries them. */
#ifndef ANNOUNCE_TABLE_H
#define ANNOUNCE_TABLE_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "announce/announce.h"
#include "util/table.h"

struct offered;
struct route_use;

/* One address under one protocol, with all services that share it. */
struct carry {
	struct table_link link; /* by protocol and address */
	const char *protocol;	/* ours */
	struct bgpd_addr address;
	TAILQ_HEAD(, offered) offers; /* by name of service */
	bool is_carried;	      /* the backend was told */
	struct route_use *uses;	      /* routes.c: what it adds to the RIB */
	unsigned use_count;
	struct bgpd_carry news;	   /* the backend's last word */
	char owner[64], state[32]; /* where its strings are kept */
};

/* One address of one service. */
struct offered {
	TAILQ_ENTRY(offered) entry;
	struct service *service;
	struct carry *carry;
	struct bgpd_address address; /* deep, in the service's block */
};

/* One service: everything it points to is in its one block of memory. */
struct service {
	RB_ENTRY(service) entry;
	struct announce_source *source;
	uint64_t round; /* the resync that offered it last */
	const char *name, *pool, *why, *group;
	struct offered *addresses;
	unsigned address_count;
};
RB_HEAD(service_tree, service);

struct announce_source {
	LIST_ENTRY(announce_source) entry;
	struct announce *announce;
	struct bgpd_source ops;
	void *arg;
	char *owner;
	struct service_tree services;
	struct announce_counts counts;
	uint64_t round;
	bool in_resync;
	struct rib_source *routes;	    /* made with its first route */
	struct bgpd_membership *membership; /* a copy, one block */
};

struct announce_backend {
	LIST_ENTRY(announce_backend) entry;
	struct announce *announce;
	struct bgpd_backend ops;
	char *protocol;
	void *arg;
};

struct announce {
	struct rib *rib;
	struct table carries;
	LIST_HEAD(, announce_source) sources;
	LIST_HEAD(, announce_backend) backends;
	struct table routes;  /* routes.c: prefixes in use */
	struct routed *dirty; /* routes.c: to be settled */
	struct rib_source *networks;
	struct announce_network *network_lines;
	unsigned network_count;
};

RB_PROTOTYPE(service_tree, service, entry, service_compare)

/* copy.c: what the guests lend is kept whole, in one block ------------------- */

struct service *service_copy(
    struct announce_source *source, const struct bgpd_service *service);
struct bgpd_membership *membership_copy(const struct bgpd_membership *m);

/* routes.c: the backend "bgp" ------------------------------------------------- */

/* Makes the RIB hold what the carried offers of `carry` ask for, no more. */
void routes_carry(struct announce *announce, struct carry *carry);
void routes_start(struct announce *announce);

/* Does this offer ask to be announced from this node? */
static inline bool
offered_is_here(const struct offered *o)
{
	return o->address.here && o->address.phase == BGPD_CARRIED;
}

#endif
