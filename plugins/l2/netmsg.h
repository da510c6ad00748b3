/* SPDX-License-Identifier: ISC */
/* What the kernel says of interfaces, addresses, routes and neighbors; pure. */
#ifndef L2_NETMSG_H
#define L2_NETMSG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct nlmsghdr;

/* netmsg.c: messages of rtnetlink, read ------------------------------------------ */

struct link {
	int ifindex;
	char name[IF_NAMESIZE];
	unsigned type;	/* ARPHRD_ */
	unsigned flags; /* IFF_ */
	uint8_t operstate;
	bool has_mac;
	uint8_t mac[MAC_LEN];
	int master;		      /* 0: none */
	int parent;		      /* of a child in this namespace; 0 */
	char kind[IF_NAMESIZE];	      /* "veth", "bond"...; "": none is said */
	char slave_kind[IF_NAMESIZE]; /* of its master */
	int active_slave;	      /* of a bond in active-backup; 0 */
	uint32_t table;		      /* of a VRF: its routes; 0 */
};

struct host_addr {
	struct bgpd_addr addr;
	uint8_t prefix_len, scope;
	bool seen; /* for whoever keeps it */
	int ifindex;
};

struct default_route {
	uint8_t family;
	uint32_t table;
	unsigned count;
	struct {
		struct bgpd_addr gateway;
		int ifindex;
	} hops[8];
};

struct neighbor_entry {
	struct bgpd_addr addr;
	uint8_t mac[MAC_LEN];
	int ifindex;
};

/* Each: 0, or -1 for a message of another kind, or one that says too little. */
int netmsg_read_link(const struct nlmsghdr *message, struct link *link);
int netmsg_read_addr(const struct nlmsghdr *message, struct host_addr *addr);
/* Without prefix, unicast; -1 for any other. Of any table. */
int netmsg_read_default(
    const struct nlmsghdr *message, struct default_route *route);
/* One whose MAC is known. */
int netmsg_read_neighbor(
    const struct nlmsghdr *message, struct neighbor_entry *entry);
bool netmsg_holds(const struct host_addr *subnet, const struct bgpd_addr *addr);

/* pick.c: which interfaces carry addresses ------------------------------------------ */

struct picks;

/* exclude NULL: the default list. NULL: *fault says why, until the next. */
struct picks *picks_new(const char *const *allow, unsigned allow_count,
    const char *const *exclude, unsigned exclude_count, const char **fault);
void picks_free(struct picks *picks);
/* NULL, or in a word why it carries none. master_kind: "", when not known. */
const char *picks_why_not(const struct picks *picks, const struct link *link,
    const char *master_kind);
/* By which table packets of it are routed: its VRF's, else main. master: or NULL. */
uint32_t link_table(const struct link *master);
/* Of a macvlan or ipvlan: on the very segment of its parent. */
bool link_shares_segment(const struct link *link);
/*
 * Does the kernel answer ARP or ND on interface `asked` for an address that
 * stands on `on`? arp_ignore: the larger of the sysctls `all` and `asked`.
 */
bool kernel_answers(uint8_t family, int asked, int on, int arp_ignore);

#endif
