/* SPDX-License-Identifier: ISC */
/* What the carrier stands on: alarms and paces, interfaces, groups. */
#ifndef L2_GROUND_H
#define L2_GROUND_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "netmsg.h"

struct port;

/* clockwork.c: alarms on one timer; pacing ------------------------------------------ */

struct alarm {
	RB_ENTRY(alarm) link;
	int64_t due_us;
	bool armed;
	void (*on_alarm)(void *arg);
	void *arg;
};
RB_HEAD(alarms, alarm);

struct clockwork {
	const struct bgpd_host *host;
	struct bgpd_timer *timer;
	struct alarms alarms;
	int64_t armed_us; /* 0: not */
	bool running;
};

void clockwork_open(struct clockwork *clockwork, const struct bgpd_host *host,
    struct bgpd_self *self);
void clockwork_close(struct clockwork *clockwork);
void alarm_set(struct alarm *alarm, void (*on_alarm)(void *), void *arg);
/* One shot; in place of what it was set for. */
void alarm_start(
    struct clockwork *clockwork, struct alarm *alarm, int64_t after_us);
void alarm_stop(struct clockwork *clockwork, struct alarm *alarm);

struct pace {
	uint32_t per_sec, per_slot, in_slot;
	int64_t slot_us;
	struct bucket bucket;
};
void pace_set(struct pace *pace, uint32_t per_sec);
bool pace_allows(struct pace *pace, int64_t now_us);
int64_t pace_wait_us(const struct pace *pace, int64_t now_us);

/* ifaces.c: what the kernel has -------------------------------------------------------- */

#define GATEWAYS 4

struct gateway {
	struct bgpd_addr addr;
	bool has_mac;
	uint8_t mac[MAC_LEN];
	int64_t mac_us; /* when it was looked up, or heard */
};

struct iface {
	LIST_ENTRY(iface) link;
	struct link is;
	const char *why_not; /* NULL: used */
	bool seen, changed;  /* ifaces.c's */
	struct host_addr *addrs;
	unsigned addr_count, addr_room;
	struct gateway gateways[GATEWAYS];
	unsigned gateway_count;
	struct port *port; /* NULL: not open */
};
LIST_HEAD(iface_list, iface);

struct ifaces;
struct ifaces_sink {
	/* Something of it is new; gone: it is freed after this. */
	void (*on_iface)(void *arg, struct iface *iface, bool gone);
	/* Addresses of this node came or went. */
	void (*on_addrs)(void *arg);
};
/* NULL: it is logged. */
struct ifaces *ifaces_open(const struct bgpd_host *host, struct bgpd_self *self,
    const struct ifaces_sink *sink, void *arg);
void ifaces_close(struct ifaces *ifaces);
/* All there is; what is new of it is told before this returns. */
void ifaces_read(struct ifaces *ifaces);
struct iface_list *ifaces_list(struct ifaces *ifaces);
struct iface *ifaces_find(struct ifaces *ifaces, int ifindex);
/* Asks the neighbor table for what is not known, or old. */
void ifaces_resolve(struct ifaces *ifaces, struct iface *iface);
/* The MAC of every neighbor on it, until on_entry says true. */
bool ifaces_neighbors(struct ifaces *ifaces, int ifindex,
    bool (*on_entry)(void *arg, const struct neighbor_entry *entry), void *arg);

/* subnets.c -------------------------------------------------------------------------- */

/* Some subnet of the interface holds it. */
bool iface_holds(const struct iface *iface, const struct bgpd_addr *addr);
struct gateway *iface_gateway(
    struct iface *iface, const struct bgpd_addr *addr);
/* The lowest that it has; family 0: none. */
struct bgpd_addr iface_link_local(const struct iface *iface);

/* groups.c: solicited-node groups, so that switches hear of us (MLD) --------------------- */

struct groups;
struct groups *groups_new(const struct bgpd_host *host, struct bgpd_self *self);
void groups_free(struct groups *groups);
/* Counted by interface and low 24 bits. 0, or -1: logged once. */
int groups_join(
    struct groups *groups, int ifindex, const struct bgpd_addr *addr);
void groups_leave(
    struct groups *groups, int ifindex, const struct bgpd_addr *addr);
unsigned groups_count(const struct groups *groups);

#endif
