/* SPDX-License-Identifier: ISC */
/* Solicited-node groups, joined so that the kernel reports them by MLD. */

/*
 * A switch that snoops MLD forwards neighbor solicitations for an address only
 * to who has joined its group, and only a join by an ordinary socket makes the
 * kernel send the report. Addresses with the same low 24 bits share a group,
 * which is counted. One socket holds a limited number of memberships (2340 with
 * Linux's default of optmem_max), so there is a pool of them, which grows.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "segment.h"

#define PER_SOCKET 2000 /* then the next is tried; fewer fit on old kernels */

struct member_socket {
	TAILQ_ENTRY(member_socket) link;
	int fd;
	unsigned count;
	bool full; /* the kernel said so */
};
TAILQ_HEAD(member_sockets, member_socket);

struct group {
	RB_ENTRY(group) link;
	int ifindex;
	uint8_t low[3]; /* of the addresses */
	unsigned users;
	struct member_socket *socket;
};
RB_HEAD(group_tree, group);

struct groups {
	const struct bgpd_host *host;
	struct bgpd_self *self;
	struct group_tree tree;
	struct member_sockets sockets;
	unsigned count;
	bool failing; /* it was logged */
};

static int
group_compare(const struct group *a, const struct group *b)
{
	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return memcmp(a->low, b->low, sizeof(a->low));
}
RB_GENERATE_INTERNAL(
    group_tree, group, link, group_compare, __attribute__((unused)) static)

struct groups *
groups_new(const struct bgpd_host *host, struct bgpd_self *self)
{
	struct groups *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->host = host;
	g->self = self;
	RB_INIT(&g->tree);
	TAILQ_INIT(&g->sockets);
	return g;
}

static void
socket_free(struct groups *g, struct member_socket *s)
{
	TAILQ_REMOVE(&g->sockets, s, link);
	close(s->fd);
	free(s);
}

void
groups_free(struct groups *g)
{
	struct member_socket *s;
	struct group *group;

	if (g == NULL)
		return;
	while ((group = RB_MIN(group_tree, &g->tree)) != NULL) {
		RB_REMOVE(group_tree, &g->tree, group);
		free(group);
	}
	/* Closing leaves all that it has joined. */
	while ((s = TAILQ_FIRST(&g->sockets)) != NULL)
		socket_free(g, s);
	free(g);
}

unsigned
groups_count(const struct groups *g)
{
	return g->count;
}

static struct group *
group_find(struct groups *g, int ifindex, const struct bgpd_addr *addr)
{
	struct group key = { .ifindex = ifindex };

	memcpy(key.low, addr->bytes + 13, sizeof(key.low));
	return RB_FIND(group_tree, &g->tree, &key);
}

static int
set_membership(int fd, const struct group *group, int option)
{
	struct ipv6_mreq request = { .ipv6mr_interface =
					 (unsigned)group->ifindex };
	struct bgpd_addr addr = { .family = 6 };

	memcpy(addr.bytes + 13, group->low, sizeof(group->low));
	frame_solicited_node(&addr, request.ipv6mr_multiaddr.s6_addr);
	return setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof(request));
}

static struct member_socket *
socket_new(struct groups *g)
{
	struct member_socket *s = calloc(1, sizeof(*s));
	int off = 0;

	if (s == NULL)
		return NULL;
	s->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (s->fd == -1) {
		free(s);
		return NULL;
	}
	/* It is here to be a member, not to receive. */
	setsockopt(s->fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off));
	TAILQ_INSERT_HEAD(&g->sockets, s, link);
	return s;
}

/* On the first socket that takes it. */
static int
group_enter(struct groups *g, struct group *group)
{
	struct member_socket *s;
	bool fresh = false;

	for (;;) {
		s = TAILQ_FIRST(&g->sockets);
		while (s != NULL && (s->full || s->count >= PER_SOCKET))
			s = TAILQ_NEXT(s, link);
		if (s == NULL) {
			s = fresh ? NULL : socket_new(g);
			fresh = true;
		}
		if (s == NULL)
			return -1;
		if (set_membership(s->fd, group, IPV6_JOIN_GROUP) == 0)
			break;
		/* The device has no IPv6, or is gone; else: it is full. */
		if (errno != ENOMEM && errno != ENOBUFS)
			return -1;
		if (s->count == 0)
			return -1;
		s->full = true;
	}
	s->count++;
	group->socket = s;
	return 0;
}

int
groups_join(struct groups *g, int ifindex, const struct bgpd_addr *addr)
{
	struct group *group = group_find(g, ifindex, addr);

	if (group != NULL) {
		group->users++;
		return 0;
	}
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return -1;
	group->ifindex = ifindex;
	memcpy(group->low, addr->bytes + 13, sizeof(group->low));
	group->users = 1;
	if (group_enter(g, group) == -1) {
		if (!g->failing)
			g->host->log(g->self, LOG_WARNING,
			    "a solicited-node group cannot be joined: %s; "
			    "switches that snoop may not forward questions",
			    strerror(errno));
		g->failing = true;
		free(group);
		return -1;
	}
	g->failing = false;
	RB_INSERT(group_tree, &g->tree, group);
	g->count++;
	return 0;
}

void
groups_leave(struct groups *g, int ifindex, const struct bgpd_addr *addr)
{
	struct group *group = group_find(g, ifindex, addr);

	if (group == NULL || --group->users > 0)
		return;
	/* Also of an interface that is gone: the socket forgets it. */
	set_membership(group->socket->fd, group, IPV6_LEAVE_GROUP);
	group->socket->full = false;
	if (--group->socket->count == 0)
		socket_free(g, group->socket);
	RB_REMOVE(group_tree, &g->tree, group);
	g->count--;
	free(group);
}
