/* SPDX-License-Identifier: ISC */
/* Messages of rtnetlink: links, addresses, default routes, neighbors. */

/*
 * In: one message as it came from the kernel. Out: what this plugin wants of it.
 * Messages of the bridge's own family are none of ours: their RTM_DELLINK says
 * that a port left its bridge, not that it is gone.
 */

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netmsg.h"

#define BOND_ACTIVE_SLAVE 2 /* IFLA_BOND_ACTIVE_SLAVE */

/* Attributes: a walk that believes no length. */
struct attrs {
	const struct rtattr *at;
	size_t left;
};

static struct attrs
attrs_of(const struct nlmsghdr *message, size_t fixed)
{
	size_t head = NLMSG_ALIGN(NLMSG_HDRLEN + fixed);
	struct attrs a = { NULL, 0 };

	if (message->nlmsg_len <= head)
		return a;
	a.at = (const void *)((const char *)message + head);
	a.left = message->nlmsg_len - head;
	return a;
}

static struct attrs
attrs_inside(const struct rtattr *attr)
{
	return (struct attrs){ RTA_DATA(attr), RTA_PAYLOAD(attr) };
}

static const struct rtattr *
attrs_next(struct attrs *a)
{
	const struct rtattr *attr = a->at;
	size_t step;

	if (a->left < sizeof(*attr) || attr->rta_len < sizeof(*attr) ||
	    attr->rta_len > a->left)
		return NULL;
	step = RTA_ALIGN(attr->rta_len);
	a->left = step > a->left ? 0 : a->left - step;
	a->at = (const void *)((const char *)attr + step);
	return attr;
}

static unsigned
attr_type(const struct rtattr *attr)
{
	return attr->rta_type & NLA_TYPE_MASK;
}

static int
attr_int(const struct rtattr *attr)
{
	int value = 0;

	if (RTA_PAYLOAD(attr) >= sizeof(value))
		memcpy(&value, RTA_DATA(attr), sizeof(value));
	return value;
}

static void
attr_text(const struct rtattr *attr, char *out, size_t size)
{
	size_t len = strnlen(RTA_DATA(attr), RTA_PAYLOAD(attr));

	if (len >= size)
		len = size - 1;
	memcpy(out, RTA_DATA(attr), len);
	out[len] = '\0';
}

static void
attr_addr(const struct rtattr *attr, int family, struct bgpd_addr *out)
{
	size_t len = family == AF_INET ? 4 : 16;

	if (RTA_PAYLOAD(attr) < len)
		return;
	memset(out, 0, sizeof(*out));
	out->family = family == AF_INET ? 4 : 6;
	memcpy(out->bytes, RTA_DATA(attr), len);
}

/* The fixed part of a message of these types; NULL: it is another one. */
static const void *
fixed_part(
    const struct nlmsghdr *message, unsigned new, unsigned gone, size_t size)
{
	if ((message->nlmsg_type != new && message->nlmsg_type != gone) ||
	    message->nlmsg_len < NLMSG_HDRLEN + size)
		return NULL;
	return NLMSG_DATA(message);
}

/* Links --------------------------------------------------------------------------- */

static void
read_bond(struct link *link, struct attrs inside)
{
	const struct rtattr *attr;

	while ((attr = attrs_next(&inside)) != NULL) {
		if (attr_type(attr) == BOND_ACTIVE_SLAVE)
			link->active_slave = attr_int(attr);
	}
}

static void
read_vrf(struct link *link, struct attrs inside)
{
	const struct rtattr *attr;

	while ((attr = attrs_next(&inside)) != NULL) {
		if (attr_type(attr) == IFLA_VRF_TABLE)
			link->table = (uint32_t)attr_int(attr);
	}
}

static void
read_info(struct link *link, struct attrs inside)
{
	const struct rtattr *attr, *data = NULL;

	while ((attr = attrs_next(&inside)) != NULL) {
		if (attr_type(attr) == IFLA_INFO_KIND)
			attr_text(attr, link->kind, sizeof(link->kind));
		else if (attr_type(attr) == IFLA_INFO_SLAVE_KIND)
			attr_text(
			    attr, link->slave_kind, sizeof(link->slave_kind));
		else if (attr_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (data != NULL && strcmp(link->kind, "bond") == 0)
		read_bond(link, attrs_inside(data));
	else if (data != NULL && strcmp(link->kind, "vrf") == 0)
		read_vrf(link, attrs_inside(data));
}

static void
read_link_attr(struct link *link, const struct rtattr *attr)
{
	switch (attr_type(attr)) {
	case IFLA_IFNAME:
		attr_text(attr, link->name, sizeof(link->name));
		break;
	case IFLA_ADDRESS:
		link->has_mac = RTA_PAYLOAD(attr) == MAC_LEN;
		if (link->has_mac)
			memcpy(link->mac, RTA_DATA(attr), MAC_LEN);
		break;
	case IFLA_OPERSTATE:
		if (RTA_PAYLOAD(attr) > 0)
			link->operstate = *(const uint8_t *)RTA_DATA(attr);
		break;
	case IFLA_MASTER:
		link->master = attr_int(attr);
		break;
	case IFLA_LINK:
		link->parent = attr_int(attr);
		break;
	case IFLA_LINKINFO:
		read_info(link, attrs_inside(attr));
		break;
	}
}

int
netmsg_read_link(const struct nlmsghdr *message, struct link *link)
{
	const struct ifinfomsg *info =
	    fixed_part(message, RTM_NEWLINK, RTM_DELLINK, sizeof(*info));
	struct attrs attrs = attrs_of(message, sizeof(*info));
	const struct rtattr *attr;
	bool elsewhere = false;

	if (info == NULL || info->ifi_family != AF_UNSPEC)
		return -1;
	memset(link, 0, sizeof(*link));
	link->ifindex = info->ifi_index;
	link->type = info->ifi_type;
	link->flags = info->ifi_flags;
	while ((attr = attrs_next(&attrs)) != NULL) {
		read_link_attr(link, attr);
		elsewhere |= attr_type(attr) == IFLA_LINK_NETNSID;
	}
	/* Then the number is of another namespace. */
	if (elsewhere)
		link->parent = 0;
	return link->ifindex > 0 && link->name[0] != '\0' ? 0 : -1;
}

/* Addresses ------------------------------------------------------------------------ */

int
netmsg_read_addr(const struct nlmsghdr *message, struct host_addr *addr)
{
	const struct ifaddrmsg *info =
	    fixed_part(message, RTM_NEWADDR, RTM_DELADDR, sizeof(*info));
	struct attrs attrs = attrs_of(message, sizeof(*info));
	const struct rtattr *attr;

	if (info == NULL ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return -1;
	memset(addr, 0, sizeof(*addr));
	addr->ifindex = (int)info->ifa_index;
	addr->prefix_len = info->ifa_prefixlen;
	addr->scope = info->ifa_scope;
	while ((attr = attrs_next(&attrs)) != NULL) {
		/* IFA_ADDRESS is the other end of a point-to-point link. */
		if (attr_type(attr) == IFA_LOCAL ||
		    (attr_type(attr) == IFA_ADDRESS && addr->addr.family == 0))
			attr_addr(attr, info->ifa_family, &addr->addr);
	}
	return addr->addr.family != 0 ? 0 : -1;
}

bool
netmsg_holds(const struct host_addr *subnet, const struct bgpd_addr *addr)
{
	return kit_addr_in(&subnet->addr, subnet->prefix_len, addr);
}

/* Default routes ------------------------------------------------------------------- */

static void
add_hop(
    struct default_route *route, const struct bgpd_addr *gateway, int ifindex)
{
	unsigned room = sizeof(route->hops) / sizeof(route->hops[0]);

	if (gateway->family == 0 || ifindex <= 0 || route->count == room)
		return;
	route->hops[route->count].gateway = *gateway;
	route->hops[route->count++].ifindex = ifindex;
}

/* RTA_VIA: a gateway of another family than the route (RFC 5549). */
static void
read_via(const struct rtattr *attr, struct bgpd_addr *gateway)
{
	const struct rtvia *via = RTA_DATA(attr);
	size_t len = RTA_PAYLOAD(attr);

	if (len < sizeof(*via) ||
	    len < sizeof(*via) + (via->rtvia_family == AF_INET ? 4 : 16) ||
	    (via->rtvia_family != AF_INET && via->rtvia_family != AF_INET6))
		return;
	memset(gateway, 0, sizeof(*gateway));
	gateway->family = via->rtvia_family == AF_INET ? 4 : 6;
	memcpy(gateway->bytes, via->rtvia_addr,
	    via->rtvia_family == AF_INET ? 4 : 16);
}

static void
read_gateway(
    struct attrs attrs, int family, struct bgpd_addr *gateway, int *ifindex)
{
	const struct rtattr *attr;

	while ((attr = attrs_next(&attrs)) != NULL) {
		if (attr_type(attr) == RTA_GATEWAY)
			attr_addr(attr, family, gateway);
		else if (attr_type(attr) == RTA_VIA)
			read_via(attr, gateway);
		else if (attr_type(attr) == RTA_OIF && ifindex != NULL)
			*ifindex = attr_int(attr);
	}
}

static void
read_hops(struct default_route *route, const struct rtattr *attr, int family)
{
	const struct rtnexthop *hop = RTA_DATA(attr);
	size_t left = RTA_PAYLOAD(attr), step;
	struct bgpd_addr gateway;

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       hop->rtnh_len <= left) {
		memset(&gateway, 0, sizeof(gateway));
		read_gateway((struct attrs){ RTNH_DATA(hop),
				 hop->rtnh_len - sizeof(*hop) },
		    family, &gateway, NULL);
		add_hop(route, &gateway, hop->rtnh_ifindex);
		step = RTNH_ALIGN(hop->rtnh_len);
		left = step > left ? 0 : left - step;
		hop = (const void *)((const char *)hop + step);
	}
}

int
netmsg_read_default(const struct nlmsghdr *message, struct default_route *route)
{
	const struct rtmsg *info =
	    fixed_part(message, RTM_NEWROUTE, RTM_DELROUTE, sizeof(*info));
	struct attrs attrs = attrs_of(message, sizeof(*info)), again = attrs;
	struct bgpd_addr gateway = { 0 };
	const struct rtattr *attr;
	int ifindex = 0;

	if (info == NULL || info->rtm_dst_len != 0 ||
	    info->rtm_type != RTN_UNICAST ||
	    (info->rtm_family != AF_INET && info->rtm_family != AF_INET6))
		return -1;
	memset(route, 0, sizeof(*route));
	route->family = info->rtm_family == AF_INET ? 4 : 6;
	route->table = info->rtm_table;
	while ((attr = attrs_next(&attrs)) != NULL) {
		if (attr_type(attr) == RTA_TABLE)
			route->table = (uint32_t)attr_int(attr);
		else if (attr_type(attr) == RTA_MULTIPATH)
			read_hops(route, attr, info->rtm_family);
	}
	read_gateway(again, info->rtm_family, &gateway, &ifindex);
	add_hop(route, &gateway, ifindex);
	return 0;
}

/* Neighbors -------------------------------------------------------------------------- */

int
netmsg_read_neighbor(
    const struct nlmsghdr *message, struct neighbor_entry *entry)
{
	const struct ndmsg *info =
	    fixed_part(message, RTM_NEWNEIGH, RTM_NEWNEIGH, sizeof(*info));
	struct attrs attrs = attrs_of(message, sizeof(*info));
	const struct rtattr *attr;
	bool has_mac = false;

	if (info == NULL ||
	    (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
	    (info->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP)) != 0)
		return -1;
	memset(entry, 0, sizeof(*entry));
	entry->ifindex = info->ndm_ifindex;
	while ((attr = attrs_next(&attrs)) != NULL) {
		if (attr_type(attr) == NDA_DST)
			attr_addr(attr, info->ndm_family, &entry->addr);
		else if (attr_type(attr) == NDA_LLADDR &&
			 RTA_PAYLOAD(attr) == MAC_LEN) {
			memcpy(entry->mac, RTA_DATA(attr), MAC_LEN);
			has_mac = true;
		}
	}
	return has_mac && entry->addr.family != 0 ? 0 : -1;
}
