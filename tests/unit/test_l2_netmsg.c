/* SPDX-License-Identifier: ISC */
/* plugins/l2/netmsg.c and pick.c: what the kernel says, and what is used of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <sys/socket.h>

#include "../../plugins/l2/netmsg.h"

/*
 * The kernels of test machines have no VLAN, bond or VRF: their messages are
 * written here as a kernel that has them writes them (iproute2's `ip monitor`
 * with -d shows the attributes), nested as they are.
 */
static union {
	struct nlmsghdr head;
	uint8_t bytes[1024];
} m;
static struct link l;

static void
start(uint16_t type, const void *fixed, size_t len)
{
	memset(&m, 0, sizeof(m));
	m.head.nlmsg_type = type;
	m.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&m.head), fixed, len);
}

static size_t
put(uint16_t type, const void *value, size_t len)
{
	size_t at = NLMSG_ALIGN(m.head.nlmsg_len);
	struct rtattr *attr = (void *)(m.bytes + at);

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(attr), value, len);
	m.head.nlmsg_len = (uint32_t)(at + RTA_ALIGN(attr->rta_len));
	return at;
}

/* The attribute at that place holds all that was put since. */
static void
wrap(size_t at)
{
	struct rtattr *attr = (void *)(m.bytes + at);

	attr->rta_len = (uint16_t)(m.head.nlmsg_len - at);
}

static void
put_int(uint16_t type, int value)
{
	put(type, &value, sizeof(value));
}

static void
start_link(int ifindex, const char *name, unsigned flags)
{
	struct ifinfomsg info = { .ifi_index = ifindex,
		.ifi_type = ARPHRD_ETHER,
		.ifi_flags = flags };
	uint8_t up = 6;

	start(RTM_NEWLINK, &info, sizeof(info));
	put(IFLA_IFNAME, name, strlen(name) + 1);
	put(IFLA_ADDRESS, "\x02\x00\x00\x00\x00\x01", 6);
	put(IFLA_OPERSTATE, &up, 1);
}

static const char *
why_not(const char *master_kind)
{
	const char *fault, *why;
	struct picks *p = picks_new(NULL, 0, NULL, 0, &fault);

	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	why = picks_why_not(p, &l, master_kind);
	picks_free(p);
	return why == NULL ? "" : why;
}

#define FINE (IFF_UP | IFF_BROADCAST | IFF_MULTICAST)

static void
test_link(void **unused)
{
	(void)unused;
	start_link(7, "eth0", FINE);
	assert_string_equal(why_not(""), "");
	assert_int_equal(l.ifindex, 7);
	assert_string_equal(l.name, "eth0");
	assert_memory_equal(l.mac, "\x02\x00\x00\x00\x00\x01", 6);
	assert_int_equal(l.operstate, 6);
	/* A message of a bridge about its port is none of ours. */
	((struct ifinfomsg *)NLMSG_DATA(&m.head))->ifi_family = AF_BRIDGE;
	assert_int_equal(netmsg_read_link(&m.head, &l), -1);
	/* Cut anywhere: no byte behind it is read. */
	start_link(7, "eth0", FINE);
	for (uint32_t len = m.head.nlmsg_len; len-- > 0;) {
		m.head.nlmsg_len = len;
		netmsg_read_link(&m.head, &l);
	}
	m.head.nlmsg_type = RTM_NEWADDR;
	assert_int_equal(netmsg_read_link(&m.head, &l), -1);
}

static void
start_slave(const char *kind)
{
	size_t at;

	start_link(8, "eth1", FINE);
	put_int(IFLA_MASTER, 9);
	at = put(IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
	put(IFLA_INFO_SLAVE_KIND, kind, strlen(kind) + 1);
	wrap(at);
}

static void
test_masters(void **unused)
{
	(void)unused;
	start_slave("bridge");
	assert_string_equal(why_not(""), "has-master");
	assert_int_equal(l.master, 9);
	start_slave("bond");
	assert_string_equal(why_not(""), "has-master");
	start_slave("team");
	assert_string_equal(why_not(""), "has-master");
	start_slave("vrf");
	assert_string_equal(why_not(""), "");
	/* Kernels that do not say it: by the master's own kind. */
	start_link(8, "eth1", FINE);
	put_int(IFLA_MASTER, 9);
	assert_string_equal(why_not("vrf"), "");
	assert_string_equal(why_not("bond"), "has-master");
	assert_string_equal(why_not(""), "has-master");
}

static void
test_vlan_and_bond(void **unused)
{
	size_t at, data;

	(void)unused;
	start_link(9, "eth0.100", FINE);
	put_int(IFLA_LINK, 7);
	at = put(IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
	put(IFLA_INFO_KIND, "vlan", 5);
	data = put(IFLA_INFO_DATA, NULL, 0);
	put(1, "\x64\x00", 2); /* IFLA_VLAN_ID: of no interest */
	wrap(data);
	wrap(at);
	assert_string_equal(why_not(""), "");
	assert_string_equal(l.kind, "vlan");
	assert_int_equal(l.active_slave, 0);
	assert_int_equal(l.parent, 7);
	assert_false(link_shares_segment(&l));
	start_link(9, "mv0", FINE);
	put_int(IFLA_LINK, 7);
	at = put(IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
	put(IFLA_INFO_KIND, "macvlan", 8);
	wrap(at);
	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	assert_true(link_shares_segment(&l));
	put_int(IFLA_LINK_NETNSID, 0); /* its parent is in another namespace */
	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	assert_false(link_shares_segment(&l));
	start_link(10, "bond0", FINE);
	at = put(IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
	put(IFLA_INFO_KIND, "bond", 5);
	data = put(IFLA_INFO_DATA, NULL, 0);
	put(1, "\x01", 1);
	put_int(2, 12); /* IFLA_BOND_ACTIVE_SLAVE */
	wrap(data);
	wrap(at);
	assert_string_equal(why_not(""), "");
	assert_int_equal(l.active_slave, 12);
}

static void
test_nature(void **unused)
{
	static const struct {
		unsigned flags, type;
		const char *why;
	} rows[] = {
		{ FINE, ARPHRD_ETHER, "" },
		{ FINE | IFF_NOARP, ARPHRD_ETHER, "no-arp" },
		{ FINE | IFF_LOOPBACK, ARPHRD_LOOPBACK, "loopback" },
		{ FINE | IFF_POINTOPOINT, ARPHRD_TUNNEL, "point-to-point" },
		{ FINE, ARPHRD_INFINIBAND, "not-ethernet" },
		{ FINE, ARPHRD_NONE, "not-ethernet" }, /* WireGuard */
		{ IFF_UP, ARPHRD_ETHER, "no-broadcast" },
		{ IFF_BROADCAST, ARPHRD_ETHER, "down" },
	};
	struct ifinfomsg *info = NLMSG_DATA(&m.head);
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_link(7, "eth0", rows[i].flags);
		info->ifi_type = (uint16_t)rows[i].type;
		assert_string_equal(why_not(""), rows[i].why);
	}
	/* Carrier: RFC 2863's LOWERLAYERDOWN; UNKNOWN is all some say. */
	start_link(7, "eth0", FINE);
	put(IFLA_OPERSTATE, "\x03", 1);
	assert_string_equal(why_not(""), "no-carrier");
	put(IFLA_OPERSTATE, "\x00", 1);
	assert_string_equal(why_not(""), "");
}

static void
test_names(void **unused)
{
	static const char *const out[] = { "docker0", "cbr0", "dummy0",
		"virbr0", "lxcbr0", "veth12ab", "cali1", "tunl0", "flannel.1",
		"kube-ipvs0", "cni0", "nodelocaldns", "lxc1" };
	static const char *const in[] = { "eth0", "br0", "enp3s0", "lot",
		"bond0.7", "myveth", "xdocker" };
	static const char *const allow[] = { "^eth", "^bond0$" };
	static const char *const bad[] = { "eth0", "(" };
	const char *fault;
	struct picks *p;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		start_link(7, out[i], FINE);
		assert_string_equal(why_not(""), "excluded");
	}
	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		start_link(7, in[i], FINE);
		assert_string_equal(why_not(""), "");
	}
	p = picks_new(allow, 2, allow, 0, &fault);
	assert_string_equal(picks_why_not(p, &l, ""), "not-allowed");
	start_link(7, "eth3", FINE);
	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	assert_null(picks_why_not(p, &l, ""));
	/* No list at all is another thing than the default one. */
	start_link(7, "veth3", FINE);
	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	picks_free(p);
	p = picks_new(NULL, 0, allow, 0, &fault);
	assert_null(picks_why_not(p, &l, ""));
	picks_free(p);
	assert_null(picks_new(bad, 2, NULL, 0, &fault));
	assert_non_null(fault);
	assert_null(picks_new(NULL, 0, bad, 2, &fault));
}

static void
test_addresses(void **unused)
{
	struct ifaddrmsg info = {
		.ifa_family = AF_INET, .ifa_prefixlen = 22, .ifa_index = 7
	};
	struct bgpd_addr other = { 4, { 192, 0, 3, 255 } };
	struct host_addr a;
	uint8_t v6[16] = { 0xfe, 0x80, [15] = 1 };

	(void)unused;
	start(RTM_NEWADDR, &info, sizeof(info));
	put(IFA_ADDRESS, "\xc0\x00\x02\x09", 4); /* of the other end */
	put(IFA_LOCAL, "\xc0\x00\x02\x01", 4);
	assert_int_equal(netmsg_read_addr(&m.head, &a), 0);
	assert_int_equal(a.ifindex, 7);
	assert_memory_equal(a.addr.bytes, "\xc0\x00\x02\x01", 4);
	assert_true(netmsg_holds(&a, &other)); /* 192.0.0.0/22 */
	other.bytes[2] = 4;
	assert_false(netmsg_holds(&a, &other));
	info.ifa_family = AF_INET6;
	info.ifa_prefixlen = 64;
	start(RTM_DELADDR, &info, sizeof(info));
	put(IFA_ADDRESS, v6, 16);
	assert_int_equal(netmsg_read_addr(&m.head, &a), 0);
	assert_int_equal(a.addr.family, 6);
	assert_false(netmsg_holds(&a, &other));
	assert_true(netmsg_holds(&a, &a.addr));
	a.prefix_len = 128;
	assert_true(netmsg_holds(&a, &a.addr));
	a.prefix_len = 129;
	assert_false(netmsg_holds(&a, &a.addr));
	start(RTM_NEWADDR, &info, sizeof(info));
	put(IFA_ADDRESS, v6, 4); /* too short */
	assert_int_equal(netmsg_read_addr(&m.head, &a), -1);
}

static struct rtmsg
route_of(int family)
{
	return (struct rtmsg){ .rtm_family = (uint8_t)family,
		.rtm_type = RTN_UNICAST,
		.rtm_table = RT_TABLE_MAIN };
}

static void
test_default_routes(void **unused)
{
	struct rtmsg info = route_of(AF_INET);
	struct {
		struct rtnexthop hop;
		struct rtattr attr;
		uint8_t gateway[4];
	} hops[2];
	struct default_route r;
	int i;

	(void)unused;
	start(RTM_NEWROUTE, &info, sizeof(info));
	put(RTA_GATEWAY, "\xc0\x00\x02\x01", 4);
	put_int(RTA_OIF, 7);
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.hops[0].ifindex, 7);
	assert_memory_equal(r.hops[0].gateway.bytes, "\xc0\x00\x02\x01", 4);
	assert_int_equal(r.table, RT_TABLE_MAIN);
	put_int(RTA_TABLE, 1000); /* rtm_table holds one byte */
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.table, 1000);
	info.rtm_dst_len = 8;
	start(RTM_NEWROUTE, &info, sizeof(info));
	assert_int_equal(netmsg_read_default(&m.head, &r), -1);
	info = route_of(AF_INET);
	info.rtm_type = RTN_UNREACHABLE;
	start(RTM_NEWROUTE, &info, sizeof(info));
	assert_int_equal(netmsg_read_default(&m.head, &r), -1);
	/* By a cable alone: nobody to ask. */
	info.rtm_type = RTN_UNICAST;
	start(RTM_NEWROUTE, &info, sizeof(info));
	put_int(RTA_OIF, 7);
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.count, 0);
	/* Two of them. */
	memset(hops, 0, sizeof(hops));
	for (i = 0; i < 2; i++) {
		hops[i].hop.rtnh_len = sizeof(hops[i]);
		hops[i].hop.rtnh_ifindex = 7 + i;
		hops[i].attr.rta_type = RTA_GATEWAY;
		hops[i].attr.rta_len = RTA_LENGTH(4);
		hops[i].gateway[3] = (uint8_t)i;
	}
	start(RTM_NEWROUTE, &info, sizeof(info));
	put(RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.hops[1].ifindex, 8);
	assert_int_equal(r.hops[1].gateway.bytes[3], 1);
	hops[0].hop.rtnh_len = 2; /* of nonsense */
	start(RTM_NEWROUTE, &info, sizeof(info));
	put(RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.count, 0);
}

/* `ip link add red type vrf table 1000`: what is in it goes by that table. */
static void
test_vrf_table(void **unused)
{
	size_t info, data;
	struct link slave;

	(void)unused;
	start_link(7, "eth0", FINE);
	assert_int_equal(netmsg_read_link(&m.head, &slave), 0);
	assert_int_equal(slave.table, 0);
	assert_int_equal(link_table(NULL), RT_TABLE_MAIN);
	assert_int_equal(link_table(&slave), RT_TABLE_MAIN); /* a bridge, say */
	start_link(8, "red", FINE | IFF_NOARP | IFF_MASTER);
	info = put(IFLA_LINKINFO, NULL, 0);
	put(IFLA_INFO_KIND, "vrf", 4);
	data = put(IFLA_INFO_DATA, NULL, 0);
	put_int(IFLA_VRF_TABLE, 1000);
	wrap(data);
	wrap(info);
	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	assert_int_equal(l.table, 1000);
	assert_int_equal(link_table(&l), 1000);
	/* The attribute of that number means another thing to a bond. */
	memcpy(m.bytes + info + 8, "bnd", 3);
	assert_int_equal(netmsg_read_link(&m.head, &l), 0);
	assert_int_equal(l.table, 0);
}

static void
test_gateway_of_another_family(void **unused)
{
	struct rtmsg info = route_of(AF_INET);
	struct default_route r;
	uint8_t via[2 + 16] = { AF_INET6 & 0xff, AF_INET6 >> 8, 0xfe,
		0x80, [17] = 1 };

	(void)unused;
	start(RTM_NEWROUTE, &info, sizeof(info));
	put_int(RTA_OIF, 7);
	put(RTA_VIA, via, sizeof(via));
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.hops[0].gateway.family, 6);
	start(RTM_NEWROUTE, &info, sizeof(info));
	put_int(RTA_OIF, 7);
	put(RTA_VIA, via, 6);
	assert_int_equal(netmsg_read_default(&m.head, &r), 0);
	assert_int_equal(r.count, 0);
}

static void
test_neighbors(void **unused)
{
	struct ndmsg info = {
		.ndm_family = AF_INET, .ndm_ifindex = 7, .ndm_state = NUD_STALE
	};
	struct neighbor_entry e;

	(void)unused;
	start(RTM_NEWNEIGH, &info, sizeof(info));
	put(NDA_DST, "\xc0\x00\x02\x01", 4);
	assert_int_equal(netmsg_read_neighbor(&m.head, &e), -1);
	put(NDA_LLADDR, "\x02\x00\x00\x00\x00\x07", 6);
	assert_int_equal(netmsg_read_neighbor(&m.head, &e), 0);
	assert_int_equal(e.ifindex, 7);
	assert_memory_equal(e.mac, "\x02\x00\x00\x00\x00\x07", 6);
	info.ndm_state = NUD_FAILED;
	start(RTM_NEWNEIGH, &info, sizeof(info));
	put(NDA_DST, "\xc0\x00\x02\x01", 4);
	put(NDA_LLADDR, "\x02\x00\x00\x00\x00\x07", 6);
	assert_int_equal(netmsg_read_neighbor(&m.head, &e), -1);
}

static void
test_kernel_answers(void **unused)
{
	(void)unused;
	/* On lo (1), asked on eth0 (7): arp_ignore 0 answers, 1 does not. */
	assert_true(kernel_answers(4, 7, 1, 0));
	assert_false(kernel_answers(4, 7, 1, 1));
	assert_false(kernel_answers(4, 7, 1, 2));
	assert_false(kernel_answers(4, 7, 1, 8));
	assert_true(kernel_answers(4, 7, 7, 0));
	assert_true(kernel_answers(4, 7, 7, 1));
	assert_false(kernel_answers(4, 7, 7, 8));
	assert_false(kernel_answers(6, 7, 1, 0));
	assert_true(kernel_answers(6, 7, 7, 0));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_masters),
		cmocka_unit_test(test_vlan_and_bond),
		cmocka_unit_test(test_nature),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_default_routes),
		cmocka_unit_test(test_vrf_table),
		cmocka_unit_test(test_gateway_of_another_family),
		cmocka_unit_test(test_neighbors),
		cmocka_unit_test(test_kernel_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
