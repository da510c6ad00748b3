/* SPDX-License-Identifier: ISC */
/* Who offers an address, who carries it, and the table between the two. */
#ifndef ANNOUNCE_ANNOUNCE_H
#define ANNOUNCE_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "plugin.h"
#include "rib/rib.h"

/*
 * Sources offer services; each service has addresses; each address names the
 * protocol that shall carry it. A backend carries an address once, however many
 * services share it. Source and backend never meet: what a backend says of an
 * address comes back through the table.
 */
struct announce;

/* The backend "bgp" (the RIB) is built in. */
struct announce *announce_new(struct rib *rib);
void announce_free(struct announce *announce);

/* table.c: offers -------------------------------------------------------------- */

struct announce_source;
/* `owner`: the plugin that asks; its neighbors alone are told, see rib.h. */
struct announce_source *announce_source_new(struct announce *announce,
    const char *owner, const struct bgpd_source *source, void *arg);
/* Retracts everything it offered. */
void announce_source_free(struct announce_source *source);
void announce_begin(struct announce_source *source);
void announce_offer(
    struct announce_source *source, const struct bgpd_service *service);
void announce_retract(struct announce_source *source, const char *name);
void announce_end(struct announce_source *source);
void announce_members(
    struct announce_source *source, const struct bgpd_membership *membership);

/* Its services by what became of them; each is counted once. */
struct announce_counts {
	uint32_t announced; /* from this node */
	uint32_t elsewhere; /* has an address, is not announced here */
	uint32_t waiting;   /* has no address */
};
void announce_count(const struct announce *announce,
    void (*each)(
	void *arg, const char *owner, const struct announce_counts *counts),
    void *arg);
/* Prefixes of this family that its offers make routes of. */
uint32_t announce_source_prefixes(
    const struct announce_source *source, enum family family);

struct announce_backend;
/* NULL when the protocol has its backend already. Gets what is there at once. */
struct announce_backend *announce_backend_new(
    struct announce *announce, const struct bgpd_backend *backend, void *arg);
/* It is not called any more; the offers wait for the next backend. */
void announce_backend_free(struct announce_backend *backend);
bool announce_has_backend(struct announce *announce, const char *protocol);
void announce_carried(
    struct announce_backend *backend, const struct bgpd_carry *carry);

/* network.c: the source "bgpd.conf": network lines ------------------------------- */

/* Rows for the address-family mode, mounted by the table of contents. */
extern const struct cli_row announce_family_rows[];
extern const struct cli_node_type network_type;
struct network {
	struct cli_node node;
	struct prefix prefix;
	const char *route_map;
};
/* One network line as the table of contents found it; `attr` after its map. */
struct announce_network {
	struct prefix prefix;
	struct rib_attr *attr; /* of the RIB; a reference of its own */
};
/*
 * All lines of all families in place of the last ones. Takes the array, which is
 * of util/mem.h, and the references in it.
 */
void announce_set_networks(struct announce *announce,
    struct announce_network *networks, unsigned count);

/* show.c ---------------------------------------------------------------------------- */

/* `show services [NAME]`; the session's `struct announce` is announce_shown. */
extern const struct cli_mount announce_mounts[];
extern const unsigned announce_mount_count;
void announce_show_bind(struct announce *announce);

#endif
