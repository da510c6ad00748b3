/* SPDX-License-Identifier: ISC */
/* Messages between nodes, over UDP: one socket for each family. */

/*
 * What comes is believed to be of the node whose address it has; from one of our
 * own subnet it must have come straight, with a TTL of 255, by that interface. What
 * a message says and whether it is genuine is owner.h's.
 */

#include <sys/socket.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "cord.h"

#define BATCH	 64 /* messages that are read in a turn */
#define DSCP_CS6 0xc0
#define HOPS	 255
#define ROOM	 (1 << 20) /* of a burst: each node tells all that it owns */
#define AGAIN_MS 1000	   /* a socket that could not be opened */

enum { MESH_V4, MESH_V6, MESH_FAMILIES };

struct mesh {
	struct {
		int fd;
		struct bgpd_watch *watch;
	} sock[MESH_FAMILIES];
	uint16_t port;
	struct bgpd_timer *again;
	struct mesh_counts counts;
	char obstacle[96];
	int logged_errno;
};

/* Sockets --------------------------------------------------------------------------- */

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int
socket_set(int fd, bool v6)
{
	/* More than rmem_max is for who may; the rest get what they can. */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, ROOM) == -1)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, ROOM);
	if (v6)
		return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) |
		       set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) |
		       set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) |
		       set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOPS) |
		       set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, DSCP_CS6);
	return set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) |
	       set_int(fd, IPPROTO_IP, IP_RECVTTL, 1) |
	       set_int(fd, IPPROTO_IP, IP_TTL, HOPS) |
	       set_int(fd, IPPROTO_IP, IP_TOS, DSCP_CS6);
}

static socklen_t
sockaddr_of(struct sockaddr_storage *ss, const struct bgpd_addr *addr,
    uint16_t port, int ifindex)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (addr->family == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr->bytes, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->bytes, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		in6->sin6_scope_id = (uint32_t)ifindex;
	return sizeof(*in6);
}

static int
socket_open(uint16_t port, bool v6)
{
	struct sockaddr_storage ss;
	struct bgpd_addr any = { .family = v6 ? 6 : 4 };
	socklen_t len = sockaddr_of(&ss, &any, port, 0);
	int saved, fd;

	fd = socket(v6 ? AF_INET6 : AF_INET,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (socket_set(fd, v6) == 0 && bind(fd, (void *)&ss, len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void
sockets_close(struct l2 *l2)
{
	struct mesh *mesh = l2->mesh;
	int i;

	for (i = 0; i < MESH_FAMILIES; i++) {
		if (mesh->sock[i].fd == -1)
			continue;
		l2->host->watch_free(mesh->sock[i].watch);
		mesh->sock[i].watch = NULL;
		close(mesh->sock[i].fd);
		mesh->sock[i].fd = -1;
	}
	l2->host->timer_stop(mesh->again);
	mesh->port = 0;
}

/* Receiving -------------------------------------------------------------------------- */

struct letter {
	uint8_t bytes[OWNERS_MESSAGE_MAX + 1];
	size_t len;
	struct bgpd_addr from;
	int hops, ifindex;
};

static void
letter_read_control(struct letter *letter, struct msghdr *msg)
{
	struct in6_pktinfo info6;
	struct in_pktinfo info;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
			memcpy(&letter->hops, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_level == IPPROTO_IPV6 &&
			 c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&letter->hops, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_level == IPPROTO_IP &&
			 c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			letter->ifindex = info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			letter->ifindex = (int)info6.ipi6_ifindex;
		}
	}
}

static void
letter_read_from(struct letter *letter, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in = (const void *)ss;

	memset(&letter->from, 0, sizeof(letter->from));
	letter->from.family = ss->ss_family == AF_INET ? 4 : 6;
	if (ss->ss_family == AF_INET)
		memcpy(letter->from.bytes, &in->sin_addr, 4);
	else
		memcpy(letter->from.bytes, &in6->sin6_addr, 16);
}

/* 0; -1: there is none. */
static int
letter_receive(int fd, struct letter *letter)
{
	char control[256];
	struct sockaddr_storage ss;
	struct iovec iov = { letter->bytes, sizeof(letter->bytes) };
	struct msghdr msg = {
		.msg_name = &ss,
		.msg_namelen = sizeof(ss),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, 0);

	if (n == -1)
		return -1;
	letter->len = (size_t)n;
	letter->hops = letter->ifindex = 0;
	letter_read_control(letter, &msg);
	letter_read_from(letter, &ss);
	return 0;
}

/* NULL: it is heard; else why it is not. */
static const char *
letter_hear(struct l2 *l2, const struct letter *letter)
{
	struct mate *mate = crew_find_addr(l2, &letter->from);
	struct cord *cord = mate == NULL ? cords_find(l2, &letter->from)
					 : cord_by(mate, letter->ifindex);
	const char *why;

	if (cord == NULL)
		return "it is of no node that is known";
	if (cord->ifindex != 0 && letter->hops != HOPS)
		return "it came over a router, from a node of our subnet";
	if (cord->ifindex != 0 && letter->ifindex != cord->ifindex)
		return "it came in by another interface than its node is on";
	why = owners_hear(
	    l2->owners, letter->bytes, letter->len, carrier_now_us());
	if (why == NULL)
		cord->in++;
	return why;
}

static void
on_letters(struct l2 *l2, int fd)
{
	struct mesh_counts *counts = &l2->mesh->counts;
	struct letter letter;
	const char *why;
	int i;

	for (i = 0; i < BATCH && letter_receive(fd, &letter) == 0; i++) {
		why = letter_hear(l2, &letter);
		counts->in++;
		if (why == NULL || why == owners_twin)
			continue;
		counts->refused++;
		counts->refusal = why;
	}
	l2_settle(l2);
}

static void
on_v4(void *arg, unsigned what)
{
	struct l2 *l2 = arg;

	(void)what;
	on_letters(l2, l2->mesh->sock[MESH_V4].fd);
}

static void
on_v6(void *arg, unsigned what)
{
	struct l2 *l2 = arg;

	(void)what;
	on_letters(l2, l2->mesh->sock[MESH_V6].fd);
}

/* Without IPv6 in the kernel, IPv4 is enough; without any it is tried again. */
static void
sockets_open(struct l2 *l2)
{
	static void (*const on_ready[])(void *, unsigned) = { on_v4, on_v6 };
	struct mesh *mesh = l2->mesh;
	int i, error = 0;

	mesh->obstacle[0] = '\0';
	for (i = 0; i < MESH_FAMILIES; i++) {
		if (mesh->sock[i].fd != -1)
			continue;
		mesh->sock[i].fd = socket_open(l2->knobs.port, i == MESH_V6);
		if (mesh->sock[i].fd == -1) {
			if (errno == EAFNOSUPPORT)
				continue;
			error = errno;
			snprintf(mesh->obstacle, sizeof(mesh->obstacle),
			    "UDP port %u: %s", l2->knobs.port, strerror(error));
			continue;
		}
		mesh->sock[i].watch = l2->host->watch_new(
		    l2->self, mesh->sock[i].fd, on_ready[i], l2);
		l2->host->watch_set(mesh->sock[i].watch, BGPD_READ);
	}
	mesh->port = l2->knobs.port;
	if (mesh->obstacle[0] == '\0') {
		mesh->logged_errno = 0;
		return;
	}
	if (mesh->logged_errno != error)
		l2->host->log(l2->self, LOG_ERR,
		    "%s; nodes cannot speak until it is free, or the line "
		    "`port` says another",
		    mesh->obstacle);
	mesh->logged_errno = error;
	l2->host->timer_start(mesh->again, AGAIN_MS);
}

static void
on_again(void *arg)
{
	sockets_open(arg);
}

/* Sending ------------------------------------------------------------------------------ */

/* The way is said, which routes may say other; and as whom. */
static size_t
control_fill(struct cord *cord, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned)cord->ifindex };
	struct in_pktinfo info = { .ipi_ifindex = cord->ifindex };

	memcpy(&info.ipi_spec_dst, cord->local.bytes, 4);
	memcpy(&info6.ipi6_addr, cord->local.bytes, 16);
	if (cord->addr.family == 4) {
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info6));
	memcpy(CMSG_DATA(c), &info6, sizeof(info6));
	return CMSG_SPACE(sizeof(info6));
}

static void
cord_send(struct cord *cord, const uint8_t *bytes, size_t len)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control;
	struct l2 *l2 = cord->l2;
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct sockaddr_storage ss;
	struct msghdr msg = {
		.msg_name = &ss, .msg_iov = &iov, .msg_iovlen = 1
	};
	int fd = l2->mesh->sock[cord->addr.family == 4 ? MESH_V4 : MESH_V6].fd;

	msg.msg_namelen =
	    sockaddr_of(&ss, &cord->addr, l2->knobs.port, cord->ifindex);
	if (cord->ifindex != 0 || cord->local.family != 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		msg.msg_controllen = control_fill(cord, &msg);
	}
	if (fd == -1 || sendmsg(fd, &msg, 0) == -1) {
		l2->mesh->counts.failed++;
		return;
	}
	l2->mesh->counts.out++;
	cord->out++;
}

/*
 * By the first that is up, and news by all that are: a link may just have failed,
 * or one way alone. Where none is up, by all: one of them may be heard.
 */
void
mesh_send(struct l2 *l2, const char *member, const uint8_t *bytes, size_t len,
    bool news)
{
	struct mate *mate = crew_find(l2, member);
	struct cord *cord = NULL;
	bool sent = false;

	if (mate == NULL)
		return;
	while ((!sent || news) && (cord = cord_next(mate, cord)) != NULL) {
		if (!cord_is_up(cord))
			continue;
		cord_send(cord, bytes, len);
		sent = true;
	}
	while (!sent && (cord = cord_next(mate, cord)) != NULL)
		cord_send(cord, bytes, len);
}

void
mesh_apply(struct l2 *l2)
{
	if (l2->mesh->port == l2->knobs.port)
		return;
	sockets_close(l2);
	if (l2->crew.count > 1)
		sockets_open(l2);
}

void
mesh_get_counts(const struct l2 *l2, struct mesh_counts *counts)
{
	*counts = l2->mesh->counts;
	counts->obstacle =
	    l2->mesh->obstacle[0] == '\0' ? NULL : l2->mesh->obstacle;
}

void
mesh_open(struct l2 *l2)
{
	struct mesh *mesh = kit_alloc(sizeof(*mesh));
	int i;

	for (i = 0; i < MESH_FAMILIES; i++)
		mesh->sock[i].fd = -1;
	mesh->again = l2->host->timer_new(l2->self, on_again, l2);
	l2->mesh = mesh;
}

void
mesh_close(struct l2 *l2)
{
	sockets_close(l2);
	l2->host->timer_free(l2->mesh->again);
	free(l2->mesh);
	l2->mesh = NULL;
}
