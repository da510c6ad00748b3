/* SPDX-License-Identifier: ISC */
/* Interfaces, addresses, gateways and neighbors, as rtnetlink tells them. */

/*
 * One socket hears of changes; its filter lets no route but a default one wake
 * the daemon. The other asks, and is answered at once, by the kernel itself. An
 * event about routes only says that the default routes are to be asked for
 * again. Where events were lost (ENOBUFS), everything is asked for again and
 * compared, so that nobody hears of what has not changed.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "segment.h"

#define BUFFER	    32768
#define ROUTES_MS   20
#define RESOLVE_US  INT64_C(10000000)
#define QUEUE_BYTES (1 << 20)
#define EVENT_GROUPS                                                           \
	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |               \
	    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)

struct ifaces {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	const struct ifaces_sink *sink;
	void *arg;
	struct iface_list list;
	int events, questions;
	struct bgpd_watch *watch;
	struct bgpd_timer *timer;
	bool lost; /* events were: ask for everything */
	bool addrs_changed;
	uint32_t sequence;
};

typedef void on_message(
    struct ifaces *s, const struct nlmsghdr *message, void *arg);

struct iface *
ifaces_find(struct ifaces *s, int ifindex)
{
	struct iface *i;

	LIST_FOREACH (i, &s->list, link) {
		if (i->is.ifindex == ifindex)
			return i;
	}
	return NULL;
}

struct iface_list *
ifaces_list(struct ifaces *s)
{
	return &s->list;
}

/* Questions -------------------------------------------------------------------------- */

/* Each message of an answer; true when it is over. */
static bool
walk(struct ifaces *s, const struct nlmsghdr *m, size_t len, on_message *on,
    void *arg)
{

	for (; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
		if (m->nlmsg_seq != s->sequence)
			continue;
		if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
			return true;
		on(s, m, arg);
		if (!(m->nlmsg_flags & NLM_F_MULTI))
			return true;
	}
	return false;
}

/* Until it is answered `on` must ask nothing. */
static void
ask(struct ifaces *s, struct nlmsghdr *request, on_message *on, void *arg)
{
	static union {
		struct nlmsghdr head;
		char bytes[BUFFER];
	} buffer;
	ssize_t len;

	request->nlmsg_seq = ++s->sequence;
	if (send(s->questions, request, request->nlmsg_len, 0) == -1)
		return;
	do
		len = recv(s->questions, &buffer, sizeof(buffer), 0);
	while ((len == -1 && errno == EINTR) ||
	       (len > 0 && !walk(s, &buffer.head, (size_t)len, on, arg)));
}

/* family first, in all of the fixed parts. */
static void
ask_for_all(struct ifaces *s, uint16_t type, uint8_t family, on_message *on)
{
	struct {
		struct nlmsghdr head;
		union {
			struct ifinfomsg link;
			struct ifaddrmsg addr;
		} of;
	} request;

	memset(&request, 0, sizeof(request));
	request.head.nlmsg_len =
	    NLMSG_LENGTH(type == RTM_GETLINK ? sizeof(request.of.link)
					     : sizeof(request.of.addr));
	request.head.nlmsg_type = type;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request.of.link.ifi_family = family;
	ask(s, &request.head, on, NULL);
}

/* Addresses ----------------------------------------------------------------------------- */

static unsigned
addr_find(const struct iface *i, const struct host_addr *addr)
{
	unsigned k;

	for (k = 0; k < i->addr_count; k++) {
		if (kit_addr_equal(&i->addrs[k].addr, &addr->addr) &&
		    i->addrs[k].prefix_len == addr->prefix_len)
			break;
	}
	return k;
}

static void
addr_add(struct ifaces *s, struct iface *i, const struct host_addr *addr)
{
	struct host_addr *more;

	if (addr_find(i, addr) < i->addr_count)
		return;
	if (i->addr_count == i->addr_room) {
		more =
		    realloc(i->addrs, (i->addr_room + 8) * 2 * sizeof(*more));
		if (more == NULL)
			return;
		i->addrs = more;
		i->addr_room = (i->addr_room + 8) * 2;
	}
	i->addrs[i->addr_count++] = *addr;
	s->addrs_changed = true;
}

static void
addr_remove(struct ifaces *s, struct iface *i, unsigned at)
{
	i->addrs[at] = i->addrs[--i->addr_count];
	s->addrs_changed = true;
}

static void
on_addr(struct ifaces *s, const struct nlmsghdr *m, void *arg)
{
	struct host_addr addr;
	struct iface *i;
	unsigned at;

	(void)arg;
	if (netmsg_read_addr(m, &addr) == -1 ||
	    (i = ifaces_find(s, addr.ifindex)) == NULL)
		return;
	if (m->nlmsg_type == RTM_NEWADDR) {
		addr_add(s, i, &addr);
		return;
	}
	at = addr_find(i, &addr);
	if (at < i->addr_count)
		addr_remove(s, i, at);
}

/* Interfaces ------------------------------------------------------------------------------ */

static void
iface_remove(struct ifaces *s, struct iface *i)
{
	i->why_not = "gone";
	s->addrs_changed |= i->addr_count > 0;
	LIST_REMOVE(i, link);
	s->sink->on_iface(s->arg, i, true);
	free(i->addrs);
	free(i);
}

static void
on_link(struct ifaces *s, const struct nlmsghdr *m, void *arg)
{
	struct iface *i;
	struct link is;

	(void)arg;
	if (netmsg_read_link(m, &is) == -1)
		return;
	i = ifaces_find(s, is.ifindex);
	if (m->nlmsg_type == RTM_DELLINK) {
		if (i != NULL)
			iface_remove(s, i);
		return;
	}
	if (i == NULL) {
		i = calloc(1, sizeof(*i));
		if (i == NULL)
			return;
		LIST_INSERT_HEAD(&s->list, i, link);
		i->why_not = "new";
	}
	if (i->is.master != is.master)
		s->host->timer_start(s->timer, ROUTES_MS);
	i->seen = true;
	i->is = is;
	i->changed = true;
}

/* Gateways ----------------------------------------------------------------------------------- */

static void
on_route(struct ifaces *s, const struct nlmsghdr *m, void *arg)
{
	struct default_route route;
	struct gateway *g;
	struct iface *i, *master;
	unsigned k;

	(void)arg;
	if (netmsg_read_default(m, &route) == -1)
		return;
	for (k = 0; k < route.count; k++) {
		i = ifaces_find(s, route.hops[k].ifindex);
		master = i == NULL ? NULL : ifaces_find(s, i->is.master);
		if (i == NULL || i->gateway_count == GATEWAYS ||
		    route.table !=
			link_table(master == NULL ? NULL : &master->is) ||
		    iface_gateway(i, &route.hops[k].gateway) != NULL)
			continue;
		g = &i->gateways[i->gateway_count++];
		/* One that was there stays known. */
		if (kit_addr_equal(&g->addr, &route.hops[k].gateway))
			continue;
		memset(g, 0, sizeof(*g));
		g->addr = route.hops[k].gateway;
	}
}

/* Of both families; a table that there is not is an error, and nothing more. */
static void
ask_for_routes(struct ifaces *s, uint32_t table)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr attr;
		uint32_t table;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
		    .nlmsg_type = RTM_GETROUTE,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.route = { .rtm_family = AF_INET },
		.attr = { .rta_type = RTA_TABLE,
		    .rta_len = RTA_LENGTH(sizeof(table)) },
		.table = table,
	};

	ask(s, &request.head, on_route, NULL);
	request.route.rtm_family = AF_INET6;
	ask(s, &request.head, on_route, NULL);
}

static void
read_routes(struct ifaces *s)
{
	struct iface *i;

	LIST_FOREACH (i, &s->list, link)
		i->gateway_count = 0;
	ask_for_routes(s, RT_TABLE_MAIN);
	LIST_FOREACH (i, &s->list, link)
		if (i->is.table != 0)
			ask_for_routes(s, i->is.table);
	LIST_FOREACH (i, &s->list, link)
		ifaces_resolve(s, i);
}

/* Everything anew, compared with what was. ------------------------------------------------------ */

static void
on_addr_again(struct ifaces *s, const struct nlmsghdr *m, void *arg)
{
	struct host_addr addr;
	struct iface *i;
	unsigned at;

	on_addr(s, m, arg);
	if (netmsg_read_addr(m, &addr) == -1 ||
	    (i = ifaces_find(s, addr.ifindex)) == NULL)
		return;
	at = addr_find(i, &addr);
	if (at < i->addr_count)
		i->addrs[at].seen = true;
}

static void
sweep_addrs(struct ifaces *s, struct iface *i)
{
	unsigned k;

	for (k = i->addr_count; k-- > 0;) {
		if (!i->addrs[k].seen)
			addr_remove(s, i, k);
		else
			i->addrs[k].seen = false;
	}
}

/* What was read is told when nothing is being asked. */
static void
tell(struct ifaces *s)
{
	struct iface *i, *next;

	LIST_FOREACH_SAFE (i, &s->list, link, next) {
		if (!i->changed)
			continue;
		i->changed = false;
		s->sink->on_iface(s->arg, i, false);
	}
	if (s->addrs_changed) {
		s->addrs_changed = false;
		s->sink->on_addrs(s->arg);
	}
}

void
ifaces_read(struct ifaces *s)
{
	struct iface *i, *next;

	s->lost = false;
	LIST_FOREACH (i, &s->list, link)
		i->seen = false;
	ask_for_all(s, RTM_GETLINK, AF_UNSPEC, on_link);
	LIST_FOREACH_SAFE (i, &s->list, link, next) {
		if (!i->seen)
			iface_remove(s, i);
	}
	ask_for_all(s, RTM_GETADDR, AF_UNSPEC, on_addr_again);
	LIST_FOREACH (i, &s->list, link)
		sweep_addrs(s, i);
	read_routes(s);
	tell(s);
}

/* Neighbors -------------------------------------------------------------------------------------- */

struct neighbor_walk {
	bool (*on_entry)(void *, const struct neighbor_entry *);
	void *arg;
	int ifindex;
	bool found;
};

static void
on_neighbor(struct ifaces *s, const struct nlmsghdr *m, void *arg)
{
	struct neighbor_walk *w = arg;
	struct neighbor_entry entry;

	(void)s;
	if (!w->found && netmsg_read_neighbor(m, &entry) == 0 &&
	    entry.ifindex == w->ifindex)
		w->found = w->on_entry(w->arg, &entry);
}

bool
ifaces_neighbors(struct ifaces *s, int ifindex,
    bool (*on_entry)(void *, const struct neighbor_entry *), void *arg)
{
	struct neighbor_walk w = { on_entry, arg, ifindex, false };
	struct {
		struct nlmsghdr head;
		struct ndmsg of;
		struct rtattr attr;
		uint32_t ifindex;
	} request;

	memset(&request, 0, sizeof(request));
	request.head.nlmsg_len = sizeof(request);
	request.head.nlmsg_type = RTM_GETNEIGH;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request.attr.rta_type = NDA_IFINDEX;
	request.attr.rta_len = RTA_LENGTH(sizeof(request.ifindex));
	request.ifindex = (uint32_t)ifindex;
	ask(s, &request.head, on_neighbor, &w);
	return w.found;
}

static bool
resolve_one(void *arg, const struct neighbor_entry *entry)
{
	struct gateway *g = iface_gateway(arg, &entry->addr);

	if (g != NULL) {
		memcpy(g->mac, entry->mac, MAC_LEN);
		g->has_mac = true;
	}
	return false;
}

void
ifaces_resolve(struct ifaces *s, struct iface *i)
{
	int64_t now_us = carrier_now_us();
	bool wanted = false;
	unsigned k;

	for (k = 0; k < i->gateway_count; k++) {
		if (i->gateways[k].mac_us == 0 ||
		    now_us - i->gateways[k].mac_us > RESOLVE_US) {
			i->gateways[k].mac_us = now_us;
			wanted = true;
		}
	}
	if (wanted)
		ifaces_neighbors(s, i->is.ifindex, resolve_one, i);
}

/* Events ------------------------------------------------------------------------------------------ */

static void
on_time(void *arg)
{
	struct ifaces *s = arg;

	if (s->lost)
		ifaces_read(s);
	else
		read_routes(s);
}

static void
on_event(struct ifaces *s, const struct nlmsghdr *m)
{
	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(s, m, NULL);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_addr(s, m, NULL);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		s->host->timer_start(s->timer, ROUTES_MS);
		break;
	}
}

static void
on_ready(void *arg, unsigned what)
{
	struct ifaces *s = arg;
	/* Its own: handlers ask questions, which use the other. */
	static union {
		struct nlmsghdr head;
		char bytes[BUFFER];
	} buffer;
	const struct nlmsghdr *m;
	int error;
	ssize_t got;
	size_t len;

	(void)what;
	while ((got = recv(s->events, &buffer, sizeof(buffer), MSG_DONTWAIT)) >
	       0) {
		m = &buffer.head;
		for (len = (size_t)got; NLMSG_OK(m, len);
		     m = NLMSG_NEXT(m, len))
			on_event(s, m);
	}
	error = errno;
	tell(s);
	if (got == -1 && error == ENOBUFS) {
		s->lost = true;
		s->host->log(s->self, LOG_INFO,
		    "events of netlink were lost: all is asked for again");
		s->host->timer_start(s->timer, ROUTES_MS);
	}
}

/* Opening ------------------------------------------------------------------------------------------ */

/* Everything but routes to somewhere: nlmsg_type at 4, rtm_dst_len at 17. */
static void
filter_events(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
		/* Loads are of network order, the kernel writes its own. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 17),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int
open_netlink(uint32_t groups)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
		.nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	/* The kernel answers at once; a lost answer must not hold the loop. */
	struct timeval patience = { .tv_sec = 1 };
	int bytes = QUEUE_BYTES, on = 1;

	if (fd == -1)
		return -1;
	if (groups != 0)
		filter_events(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Dumps of one table, of one interface, not of all of them. */
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct ifaces *
ifaces_open(const struct bgpd_host *host, struct bgpd_self *self,
    const struct ifaces_sink *sink, void *arg)
{
	struct ifaces *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->host = host;
	s->self = self;
	s->sink = sink;
	s->arg = arg;
	LIST_INIT(&s->list);
	s->events = open_netlink(EVENT_GROUPS);
	s->questions = open_netlink(0);
	if (s->events == -1 || s->questions == -1) {
		host->log(self, LOG_ERR, "netlink: %s", strerror(errno));
		if (s->events != -1)
			close(s->events);
		if (s->questions != -1)
			close(s->questions);
		free(s);
		return NULL;
	}
	s->watch = host->watch_new(self, s->events, on_ready, s);
	host->watch_set(s->watch, BGPD_READ);
	s->timer = host->timer_new(self, on_time, s);
	return s;
}

void
ifaces_close(struct ifaces *s)
{
	struct iface *i;

	s->host->watch_free(s->watch);
	s->host->timer_free(s->timer);
	while ((i = LIST_FIRST(&s->list)) != NULL)
		iface_remove(s, i);
	close(s->events);
	close(s->questions);
	free(s);
}
