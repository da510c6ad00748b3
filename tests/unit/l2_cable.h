/* SPDX-License-Identifier: ISC */
/* A network of the test's own: eth0, and far0 at the other end of its cable. */
#ifndef L2_CABLE_H
#define L2_CABLE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/route.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../plugins/l2/frame.h"

#define CABLE_NODE    "192.0.2.10"
#define CABLE_GATEWAY "192.0.2.1"

static int cable_far = -1; /* a packet socket on far0 */
static uint8_t cable_mac[6], cable_far_mac[6];
static int cable_ifindex;

/* What was heard at far0, with the kernel's stamp. */
static struct cable_frame {
	struct frame f;
	int64_t at_us;
} cable_heard[32768];
static unsigned cable_count;

static inline void
cable_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd != -1 && write(fd, text, strlen(text)) == -1)
		perror(path);
	if (fd != -1)
		close(fd);
}

/* As root, or as a user who may have namespaces; else false. */
static inline bool
cable_unshare(void)
{
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
		return false;
	cable_file("/proc/self/setgroups", "deny");
	cable_file("/proc/self/uid_map", map);
	return true;
}

static inline struct rtattr *
cable_put(struct nlmsghdr *m, unsigned type, const void *value, size_t len)
{
	struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->nlmsg_len));

	a->rta_type = (unsigned short)type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(a), value, len);
	m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static inline void
cable_wrap(struct nlmsghdr *m, struct rtattr *a)
{
	a->rta_len = (unsigned short)((char *)m + m->nlmsg_len - (char *)a);
}

/* 0: a veth of these two names is there. */
static inline int
cable_veth(const char *name, const char *peer)
{
	static union {
		struct nlmsghdr head;
		char bytes[1024];
	} m;
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct rtattr *link, *data, *other;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), error = -1;

	memset(&m, 0, sizeof(m));
	m.head.nlmsg_len = NLMSG_LENGTH(sizeof(info));
	m.head.nlmsg_type = RTM_NEWLINK;
	m.head.nlmsg_flags =
	    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	cable_put(&m.head, IFLA_IFNAME, name, strlen(name) + 1);
	link = cable_put(&m.head, IFLA_LINKINFO, NULL, 0);
	cable_put(&m.head, IFLA_INFO_KIND, "veth", 5);
	data = cable_put(&m.head, IFLA_INFO_DATA, NULL, 0);
	other = cable_put(&m.head, VETH_INFO_PEER, &info, sizeof(info));
	cable_put(&m.head, IFLA_IFNAME, peer, strlen(peer) + 1);
	cable_wrap(&m.head, other);
	cable_wrap(&m.head, data);
	cable_wrap(&m.head, link);
	if (send(fd, &m, m.head.nlmsg_len, 0) > 0 &&
	    recv(fd, &m, sizeof(m), 0) > 0)
		error = ((struct nlmsgerr *)NLMSG_DATA(&m.head))->error;
	close(fd);
	return error;
}

static inline struct ifreq
cable_ifreq(const char *name)
{
	struct ifreq r;

	memset(&r, 0, sizeof(r));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return r;
}

static inline void
cable_set_up(const char *name, bool up)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = cable_ifreq(name);

	r.ifr_flags = up ? IFF_UP : 0;
	ioctl(fd, SIOCSIFFLAGS, &r);
	close(fd);
}

static inline void
cable_address(const char *name, const char *addr, const char *addr6)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
	struct ifreq r = cable_ifreq(name);
	struct sockaddr_in *sin = (void *)&r.ifr_addr;
	struct {
		struct in6_addr addr;
		uint32_t prefix_len;
		int ifindex;
	} r6 = { .prefix_len = 64 };

	sin->sin_family = AF_INET;
	inet_pton(AF_INET, addr, &sin->sin_addr);
	ioctl(fd, SIOCSIFADDR, &r);
	inet_pton(AF_INET, "255.255.255.0", &sin->sin_addr);
	ioctl(fd, SIOCSIFNETMASK, &r);
	r6.ifindex = (int)if_nametoindex(name);
	inet_pton(AF_INET6, addr6, &r6.addr);
	ioctl(fd6, SIOCSIFADDR, &r6);
	close(fd);
	close(fd6);
}

/* SIOCADDRT or SIOCDELRT, of a default route. */
static inline void
cable_route(unsigned long request, const char *gateway, short metric)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct rtentry r;

	memset(&r, 0, sizeof(r));
	r.rt_flags = RTF_UP | RTF_GATEWAY;
	r.rt_metric = (short)(metric + 1);
	r.rt_dst.sa_family = r.rt_genmask.sa_family = AF_INET;
	r.rt_gateway.sa_family = AF_INET;
	inet_pton(
	    AF_INET, gateway, &((struct sockaddr_in *)&r.rt_gateway)->sin_addr);
	if (ioctl(fd, request, &r) == -1)
		perror("route");
	close(fd);
}

static inline void
cable_gateway(const char *gateway)
{
	cable_route(SIOCADDRT, gateway, 0);
}

/* An entry of the kernel's neighbor table. */
static inline void
cable_neighbor(const char *addr, const uint8_t *mac)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct arpreq r;

	memset(&r, 0, sizeof(r));
	r.arp_pa.sa_family = AF_INET;
	inet_pton(AF_INET, addr, &((struct sockaddr_in *)&r.arp_pa)->sin_addr);
	r.arp_ha.sa_family = 1;
	memcpy(r.arp_ha.sa_data, mac, 6);
	r.arp_flags = ATF_COM | ATF_PERM;
	strcpy(r.arp_dev, "eth0");
	if (ioctl(fd, SIOCSARP, &r) == -1)
		perror("SIOCSARP");
	close(fd);
}

static inline void
cable_read_mac(const char *name, uint8_t mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = cable_ifreq(name);

	ioctl(fd, SIOCGIFHWADDR, &r);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static inline void
cable_listen_at(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL) };
	int on = 1, bytes = 64 << 20;

	cable_far = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	at.sll_ifindex = (int)if_nametoindex(name);
	setsockopt(cable_far, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(
	    cable_far, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(cable_far, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	bind(cable_far, (struct sockaddr *)&at, sizeof(at));
}

/* False: the kernel does not let us; the test is skipped. */
static inline bool
cable_open(void)
{
	if (!cable_unshare() || cable_veth("eth0", "far0") != 0)
		return false;
	/* No DAD: it would only cost time. */
	cable_file("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0");
	cable_set_up("lo", true);
	cable_set_up("far0", true);
	cable_set_up("eth0", true);
	cable_address("eth0", CABLE_NODE, "2001:db8::10");
	cable_gateway(CABLE_GATEWAY);
	cable_read_mac("eth0", cable_mac);
	cable_read_mac("far0", cable_far_mac);
	cable_ifindex = (int)if_nametoindex("eth0");
	cable_listen_at("far0");
	return true;
}

static inline void
cable_send(const uint8_t *bytes, size_t len)
{
	if (send(cable_far, bytes, len, 0) == -1)
		perror("cable_send");
}

static inline int64_t
cable_stamp(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec at = { 0, 0 };

	if (c != NULL && c->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&at, CMSG_DATA(c), sizeof(at));
	return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

/* Adds the ARP and ND that eth0 has sent. */
static inline void
cable_listen(void)
{
	uint8_t raw[256];
	char control[128];
	struct sockaddr_ll from;
	struct iovec part = { raw, sizeof(raw) };
	struct msghdr m = { &from, sizeof(from), &part, 1, control,
		sizeof(control), 0 };
	struct cable_frame *h;
	ssize_t len;

	for (;;) {
		m.msg_namelen = sizeof(from);
		m.msg_controllen = sizeof(control);
		len = recvmsg(cable_far, &m, MSG_DONTWAIT);
		if (len == -1 && errno == ENETDOWN)
			continue; /* told once, when it was down */
		if (len == -1)
			return;
		h = &cable_heard[cable_count];
		if (from.sll_pkttype == PACKET_OUTGOING ||
		    memcmp(raw + 6, cable_mac, 6) != 0 ||
		    frame_read(raw, (size_t)len, true, &h->f) != FRAME_FINE)
			continue;
		h->at_us = cable_stamp(&m);
		if (cable_count < 32767)
			cable_count++;
	}
}

static inline void
cable_forget(void)
{
	cable_listen();
	cable_count = 0;
}

#endif
