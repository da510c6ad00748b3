/* SPDX-License-Identifier: ISC */
/* UDP sockets for BFD: where a packet came from, to where, and from how far. */

/*
 * One socket of a family and port hears all peers; each packet is told with both
 * its addresses, its interface and what is left of its TTL (RFC 5881 5, RFC 5883).
 * Each session sends by a socket of its own, for its source port is its own
 * (RFC 5881 4). That socket is connected: nobody else can fill it, and the error
 * of an unreachable peer is heard at the next packet.
 */
#include <bsd/stdlib.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "net/why.h"

#define PORT_FIRST    49152u /* RFC 5881 4 */
#define PORT_COUNT    (65536u - PORT_FIRST)
#define PORT_TRIES    64
#define RECEIVE_BYTES (1 << 20) /* a frozen second of many peers */
#define CONTROL_BYTES 128

static const char *
udp_cure(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "taken by another process: does another BFD run here?";
	case EADDRNOTAVAIL:
		return "no interface of this host has the address";
	case EAFNOSUPPORT:
		return "this host does not speak the address family";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "no route to it";
	case ENODEV:
		return "there is no such interface";
	case EINVAL:
		return "a link-local address needs its interface";
	default:
		return strerror(error);
	}
}

static int
udp_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Who receives is told addresses, interface and TTL of each packet. */
static int
udp_ask_all(int fd, uint8_t family)
{
	if (family == AF_INET)
		return udp_set(fd, IPPROTO_IP, IP_PKTINFO, 1) < 0 ||
			       udp_set(fd, IPPROTO_IP, IP_RECVTTL, 1) < 0
			   ? -1
			   : 0;
	/* IPv4 has a socket of its own. */
	return udp_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0 ||
		       udp_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) < 0 ||
		       udp_set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) < 0
		   ? -1
		   : 0;
}

int
udp_listen(uint8_t family, uint16_t port, struct text *why)
{
	const struct addr any = { .family = family };
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sock(&any, port, &ss);
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0 || udp_ask_all(fd, family) < 0 ||
	    bind(fd, (struct sockaddr *)&ss, len) < 0) {
		error = errno;
		sock_close(fd);
		return why_add(why, "cannot listen on UDP port %u of %s: %s",
		    port, family == AF_INET ? "IPv4" : "IPv6", udp_cure(error));
	}
	/* Beyond the system's limit, where we may. */
	if (udp_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES) < 0)
		(void)udp_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
	return fd;
}

/* Sending ------------------------------------------------------------------ */

static int
udp_bind(int fd, const struct addr *source)
{
	struct sockaddr_storage ss;
	uint32_t first = arc4random_uniform(PORT_COUNT), i;
	socklen_t len;

	for (i = 0; i < PORT_TRIES; i++) {
		len = addr_to_sock(source,
		    (uint16_t)(PORT_FIRST + (first + i) % PORT_COUNT), &ss);
		if (bind(fd, (struct sockaddr *)&ss, len) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

static int
udp_tune(int fd, uint8_t family, const struct udp_options *options)
{
	int tos = (options->dscp & 0x3f) << 2;

	if (family == AF_INET)
		return udp_set(fd, IPPROTO_IP, IP_TTL, options->ttl) < 0 ||
			       udp_set(fd, IPPROTO_IP, IP_TOS, tos) < 0
			   ? -1
			   : 0;
	return udp_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, options->ttl) < 0 ||
		       udp_set(fd, IPPROTO_IPV6, IPV6_TCLASS, tos) < 0
		   ? -1
		   : 0;
}

/* Before bind: a link-local source takes its scope from it. */
static int
udp_tie(int fd, const char *interface, struct text *why)
{
	if (interface == NULL || interface[0] == '\0')
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
		(socklen_t)strlen(interface)) == 0)
		return 0;
	return why_add(why, "interface %s: %s", interface, udp_cure(errno));
}

/* The options of an unconnected socket, then both its ends. */
static int
udp_connect(int fd, const struct addr *remote, uint16_t port,
    const struct udp_options *options, struct text *why)
{
	struct addr source = options->local, to = *remote;
	char text[ADDR_TEXT];
	struct sockaddr_storage ss;
	socklen_t len;

	if (udp_tie(fd, options->interface, why) < 0)
		return -1;
	if (source.family == 0)
		source.family = remote->family;
	if (addr_is_link_local(&to) && to.scope == 0 &&
	    options->interface != NULL)
		to.scope = if_nametoindex(options->interface);
	if (addr_is_link_local(&source) && source.scope == 0)
		source.scope = to.scope;
	if (udp_tune(fd, remote->family, options) < 0 ||
	    udp_bind(fd, &source) < 0)
		return why_add(why, "source %s: %s", addr_print(&source, text),
		    udp_cure(errno));
	len = addr_to_sock(&to, port, &ss);
	if (connect(fd, (struct sockaddr *)&ss, len) < 0)
		return why_add(
		    why, "%s: %s", addr_print(&to, text), udp_cure(errno));
	return 0;
}

int
udp_dial(const struct addr *remote, uint16_t port,
    const struct udp_options *options, struct text *why)
{
	int fd = socket(
	    remote->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return why_add(
		    why, "cannot open a socket: %s", udp_cure(errno));
	if (udp_connect(fd, remote, port, options, why) < 0) {
		sock_close(fd);
		return -1;
	}
	return fd;
}

/* What an unreachable peer has left is not this packet's fault: once more. */
int
udp_send(int fd, const void *bytes, size_t len, struct text *why)
{
	unsigned tries;

	for (tries = 0; tries < 2; tries++) {
		if (send(fd, bytes, len, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS)
			return 0; /* lost, as on any wire */
		if (errno != ECONNREFUSED && errno != EINTR)
			break;
	}
	if (errno == ECONNREFUSED)
		return 0;
	return why_add(why, "%s", udp_cure(errno));
}

/* Receiving ------------------------------------------------------------------ */

struct udp_slot {
	struct sockaddr_storage from;
	struct iovec iov;
	union {
		struct cmsghdr align;
		uint8_t bytes[CONTROL_BYTES];
	} control;
};

static void
control_read(const struct cmsghdr *c, struct udp_packet *packet)
{
	struct in_pktinfo info4;
	struct in6_pktinfo info6;
	int ttl;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&info4, CMSG_DATA(c), sizeof(info4));
		packet->interface = (uint32_t)info4.ipi_ifindex;
		packet->local.family = AF_INET;
		memcpy(packet->local.bytes, &info4.ipi_addr, 4);
	} else if (c->cmsg_level == IPPROTO_IPV6 &&
		   c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info6, CMSG_DATA(c), sizeof(info6));
		packet->interface = info6.ipi6_ifindex;
		packet->local.family = AF_INET6;
		memcpy(packet->local.bytes, &info6.ipi6_addr, 16);
	} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		   (c->cmsg_level == IPPROTO_IPV6 &&
		       c->cmsg_type == IPV6_HOPLIMIT)) {
		memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
		packet->ttl = (uint8_t)ttl;
	}
}

/* Addresses are told without a scope: the interface says it. */
static void
slot_read(struct msghdr *header, size_t len, struct udp_packet *packet)
{
	struct cmsghdr *c;

	packet->len = header->msg_flags & MSG_TRUNC ? 0 : len;
	packet->ttl = 0;
	packet->interface = 0;
	memset(&packet->local, 0, sizeof(packet->local));
	memset(&packet->remote, 0, sizeof(packet->remote));
	(void)addr_from_sock(header->msg_name, &packet->remote, NULL);
	packet->remote.scope = 0;
	for (c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
		control_read(c, packet);
}

unsigned
udp_receive(int fd, struct udp_packet packets[UDP_BATCH])
{
	struct udp_slot slots[UDP_BATCH];
	struct mmsghdr headers[UDP_BATCH] = { 0 };
	int i, count;

	for (i = 0; i < UDP_BATCH; i++) {
		slots[i].iov.iov_base = packets[i].bytes;
		slots[i].iov.iov_len = sizeof(packets[i].bytes);
		headers[i].msg_hdr.msg_name = &slots[i].from;
		headers[i].msg_hdr.msg_namelen = sizeof(slots[i].from);
		headers[i].msg_hdr.msg_iov = &slots[i].iov;
		headers[i].msg_hdr.msg_iovlen = 1;
		headers[i].msg_hdr.msg_control = slots[i].control.bytes;
		headers[i].msg_hdr.msg_controllen = CONTROL_BYTES;
	}
	do {
		count = recvmmsg(fd, headers, UDP_BATCH, 0, NULL);
	} while (count < 0 && errno == EINTR);
	for (i = 0; i < count; i++)
		slot_read(&headers[i].msg_hdr, headers[i].msg_len, &packets[i]);
	return count > 0 ? (unsigned)count : 0;
}
