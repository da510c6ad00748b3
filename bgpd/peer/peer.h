/* SPDX-License-Identifier: ISC */
/* Neighbours: how they are configured, and the sessions with them. */
#ifndef PEER_PEER_H
#define PEER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "util/addr.h"
#include "wire/wire.h"

/*
 * What flows in: a configuration tree (peers_configure) and bytes of peers.
 * What flows out: paths to the RIB, and what the RIB tells to the peers. The
 * rest of this floor's rooms share peer/session.h.
 */
struct bfd;
struct loop;
struct policy;
struct rib;

/* commands.c: the language ------------------------------------------------ */

/* router bgp [ASN]; below it neighbor_type and family_type. At most one. */
extern const struct cli_node_type router_type;
/* neighbor ADDR ... */
extern const struct cli_node_type neighbor_type;
/* address-family (ipv4|ipv6) [unicast]: struct address_family. */
extern const struct cli_node_type family_type;
/* neighbor ADDR ... inside an address family. */
extern const struct cli_node_type neighbor_family_type;

/* All rows of this floor: configuration, shows and clears. */
extern const struct cli_mount peer_mounts[];
extern const unsigned peer_mount_count;

struct router {
	struct cli_node node;
	uint32_t asn;	       /* 0: not said; each neighbor has its local-as */
	struct addr router_id; /* family 0: chosen per session */
	uint16_t keepalive_secs;
	uint16_t hold_secs;
	uint32_t local_pref;	   /* of routes that came without */
	bool ebgp_requires_policy; /* RFC 8212 */
	bool default_ipv4;	   /* ipv4 unicast is active without a word */
	bool import_check;	   /* networks need a route of their own */
	bool log_changes;
	bool enforce_first_as;
};

struct neighbor {
	struct cli_node node;
	struct addr addr;   /* key */
	uint32_t remote_as; /* 0 with internal or external */
	bool internal;
	bool external;
	const char *description;
	const char *password; /* TCP-MD5, RFC 2385 */
	bool multihop;
	uint8_t multihop_ttl;
	uint8_t security_hops;	   /* RFC 5082; 0: none */
	const char *update_source; /* an address or an interface's name */
	bool passive;
	uint16_t port;
	uint16_t keepalive_secs; /* timers; the router's if not said */
	uint16_t hold_secs;
	uint16_t connect_secs; /* the longest pause between two attempts */
	bool shutdown;
	const char *shutdown_text; /* RFC 9003 */
	uint32_t local_as;	   /* RFC 7705; 0: the router's */
	bool no_prepend;
	bool replace_as;
	struct addr router_id;
	const char *interface; /* of a link-local neighbour */
	bool no_connected_check;
	bool bfd; /* or one of the next: it is watched */
	bool bfd_strict;
	const char *bfd_profile;
	uint8_t bfd_multiplier; /* 0: the profile's, the default; as the next */
	uint32_t bfd_rx_ms;
	uint32_t bfd_tx_ms;
};

struct address_family {
	struct cli_node node;
	uint8_t family; /* key: enum family */
};

struct neighbor_family {
	struct cli_node node;
	struct addr addr; /* key */
	bool activate;	  /* see neighbor_is_active */
	bool next_hop_self;
	bool next_hop_force;
	const char *prefix_list_in;
	const char *prefix_list_out;
	const char *route_map_in;
	const char *route_map_out;
	uint32_t max_prefixes; /* 0: no limit */
	uint8_t max_percent;   /* a warning from here on */
	bool max_warning_only;
	uint16_t max_restart_mins; /* 0: stays down until cleared */
	bool soft_inbound; /* accepted: what was received is always kept */
	/* All on by default; each of them off stops its kind. */
	bool send_community;
	bool send_standard;
	bool send_extended;
	bool send_large;
	bool send_both;
	bool send_all;
};

/* The AS that this neighbor sees us as: local-as, else the router's; or 0. */
uint32_t neighbor_local_as(const struct neighbor *neighbor);
/* What it is expected to say; 0: any but ours (external). */
uint32_t neighbor_remote_as(const struct neighbor *neighbor);
/* Its lines in this family; NULL when there are none. */
const struct neighbor_family *neighbor_in_family(
    const struct neighbor *neighbor, enum family family);
bool neighbor_is_active(const struct neighbor *neighbor, enum family family);

/* peer.c: the list of neighbours ------------------------------------------- */

struct peers;

struct peers *peers_new(struct loop *loop, struct rib *rib);
/* Who watches neighbors; without it their bfd lines are idle. */
void peers_set_bfd(struct peers *peers, struct bfd *bfd);
/* Closes what is open without a word: see peers_stop. */
void peers_free(struct peers *peers);
/* Our name in OPEN; copied. Applies to sessions that come. */
void peers_set_hostname(struct peers *peers, const char *hostname);
/*
 * Listens on each address (none: on all). A port that is taken is a warning:
 * dialling goes on. Port 0 never listens. 0 when at least one is open.
 */
int peers_listen(struct peers *peers, const struct addr *addrs, unsigned count,
    uint16_t port);
/*
 * Goes from the last tree to this one by the smallest change; no session is
 * reset by a change that does not concern it. Nodes of `tree` are kept until
 * the next call or peers_free; the tree before it may be freed after the call.
 * Takes a reference to the policy.
 */
void peers_configure(
    struct peers *peers, const struct cli_tree *tree, struct policy *policy);
/*
 * Says Cease/Administrative Shutdown with `text` (may be NULL) to every peer
 * and calls on_done once, from the loop, when all of them have it or after
 * 0.8 s. Nobody is dialled or accepted afterwards.
 */
void peers_stop(struct peers *peers, const char *text,
    void (*on_done)(void *arg), void *arg);
/* The peers that the shell's commands of this floor speak of; NULL: none. */
void peers_bind_shows(struct peers *peers);
/* What shows and aggregates call ours: as configured, else a guess; 0: none. */
/* There is something to do in slices, in the RIB or in this floor. */
void peers_work(struct peers *peers);
uint32_t peers_asn(const struct peers *peers);
uint32_t peers_router_id(const struct peers *peers); /* host order */

/* For metrics and status pages: one neighbour as it is now. */
struct peer_status {
	struct addr addr;
	uint16_t port;	   /* where it is dialled */
	const char *owner; /* the plugin whose neighbor it is; or NULL */
	const char *description;
	const char *state;     /* "Established", "Idle (Admin)" */
	unsigned state_number; /* 1 Idle ... 6 Established: as in RFC 4273 */
	bool established;
	uint32_t local_as;
	uint32_t remote_as;
	/* Loop time of the last change up or down, of the last end; -1 never. */
	int64_t since_ms;
	int64_t reset_ms;
	uint64_t updates_in;
	uint64_t updates_out;
	uint64_t messages_in;
	uint64_t messages_out;
	bool families[FAMILY_COUNT]; /* agreed on; while down: configured */
	uint32_t received[FAMILY_COUNT];
	uint32_t accepted[FAMILY_COUNT];
	uint32_t told[FAMILY_COUNT];
	uint32_t ups;
	uint32_t downs;
};
/* Every neighbour, in order of address. */
void peers_each(const struct peers *peers,
    void (*each)(void *arg, const struct peer_status *status), void *arg);

#endif
