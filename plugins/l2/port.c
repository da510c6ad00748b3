/* SPDX-License-Identifier: ISC */
/* The packet sockets of one interface: frames in by batches, frames out. */

/*
 * One socket for ARP, one for ND, each bound to the interface; AF_PACKET also
 * sees unicast solicitations for an address that the kernel does not have. The
 * filter is attached before bind, so nothing unfiltered ever queues. What waited
 * too long, while this process stood still, is dropped by the time that the
 * kernel stamped on it. Nothing is allocated for a frame.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

#include "segment.h"

#define BATCH	    32
#define TURN	    8 /* batches; then others have their turn */
#define IN_MAX	    256
#define CONTROL_MAX 128
#define QUEUE_BYTES (512 * 1024)
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct tx {
	unsigned counts[2];
	uint8_t frames[2][BATCH][FRAME_MAX];
	struct iovec parts[2][BATCH];
	struct mmsghdr messages[2][BATCH];
};

/* Shared by all ports: one batch is handled at a time. */
static struct rx {
	uint8_t frames[BATCH][IN_MAX];
	char control[BATCH][CONTROL_MAX];
	struct sockaddr_ll from[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
} rx;

/* Out --------------------------------------------------------------------------- */

static void
flush(struct port *p, unsigned which)
{
	struct tx *tx = p->tx;
	unsigned done = 0, count = tx->counts[which];
	int sent;

	tx->counts[which] = 0;
	while (done < count) {
		sent = sendmmsg(p->fds[which], tx->messages[which] + done,
		    count - done, MSG_DONTWAIT);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent <= 0) {
			/* The first that fails; those behind it may not. */
			p->send_failures++;
			sent = 1;
		} else {
			p->frames_out += (unsigned)sent;
		}
		done += (unsigned)sent;
	}
}

void
port_flush(struct port *p)
{
	flush(p, 0);
	flush(p, 1);
}

uint8_t *
port_put(struct port *p, uint8_t family, size_t len)
{
	unsigned which = family == 6, at;

	if (p->tx->counts[which] == BATCH)
		flush(p, which);
	at = p->tx->counts[which]++;
	p->tx->parts[which][at].iov_len = len;
	return p->tx->frames[which][at];
}

static struct tx *
tx_new(void)
{
	struct tx *tx = calloc(1, sizeof(*tx));
	unsigned which, i;

	for (which = 0; tx != NULL && which < 2; which++) {
		for (i = 0; i < BATCH; i++) {
			tx->parts[which][i].iov_base = tx->frames[which][i];
			tx->messages[which][i].msg_hdr.msg_iov =
			    &tx->parts[which][i];
			tx->messages[which][i].msg_hdr.msg_iovlen = 1;
		}
	}
	return tx;
}

/* In ------------------------------------------------------------------------------ */

static void
rx_prepare(void)
{
	struct msghdr *m;
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		m = &rx.messages[i].msg_hdr;
		rx.parts[i].iov_base = rx.frames[i];
		rx.parts[i].iov_len = IN_MAX;
		m->msg_iov = &rx.parts[i];
		m->msg_iovlen = 1;
		m->msg_name = &rx.from[i];
		m->msg_namelen = sizeof(rx.from[i]);
		m->msg_control = rx.control[i];
		m->msg_controllen = CONTROL_MAX;
	}
}

struct aside {
	int64_t at_us; /* of the wall clock; 0: not stamped */
	bool tagged, checksum;
};

static struct aside
read_control(struct msghdr *m)
{
	struct aside a = { 0, false, true };
	struct tpacket_auxdata aux;
	struct timespec stamp;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			a.at_us = (int64_t)stamp.tv_sec * 1000000 +
				  stamp.tv_nsec / 1000;
		} else if (c->cmsg_level == SOL_PACKET &&
			   c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			/* VLAN 0 is a priority alone. */
			a.tagged = (aux.tp_status & TP_STATUS_VLAN_VALID) &&
				   (aux.tp_vlan_tci & 0xfff) != 0;
			a.checksum = !(aux.tp_status & TP_STATUS_CSUMNOTREADY);
		}
	}
	return a;
}

static int64_t
wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
receive_one(struct port *p, unsigned i, int64_t now_us, int64_t now_wall_us)
{
	struct aside aside = read_control(&rx.messages[i].msg_hdr);
	enum frame_fault fault;
	struct frame frame;

	p->frames_in++;
	/* Tagged frames of unknown VLANs come as OTHERHOST, without the tag. */
	if (rx.from[i].sll_pkttype == PACKET_OTHERHOST ||
	    rx.from[i].sll_pkttype == PACKET_OUTGOING || aside.tagged) {
		p->reasons[REASON_OTHERHOST]++;
		return;
	}
	if (aside.at_us != 0 &&
	    now_wall_us - aside.at_us >
		(int64_t)p->carrier->options.age_max_ms * 1000) {
		p->reasons[REASON_OLD]++;
		return;
	}
	fault = frame_read(
	    rx.frames[i], rx.messages[i].msg_len, aside.checksum, &frame);
	if (fault != FRAME_FINE)
		p->faults[fault]++;
	else
		hear(p, &frame, now_us);
}

/* Those that are waiting, up to so many; true: there may be more. */
static bool
receive(struct port *p, unsigned which)
{
	int64_t now_us, now_wall_us;
	int count, i;

	rx_prepare();
	count = recvmmsg(p->fds[which], rx.messages, BATCH, MSG_DONTWAIT, NULL);
	if (count <= 0)
		return count == -1 && errno == EINTR;
	now_us = carrier_now_us();
	now_wall_us = wall_us();
	for (i = 0; i < count; i++)
		receive_one(p, (unsigned)i, now_us, now_wall_us);
	/* Stopped in the middle of it: what was decided then is not sent now. */
	if (carrier_is_fenced(p->carrier, carrier_now_us()))
		p->tx->counts[0] = p->tx->counts[1] = 0;
	port_flush(p);
	return count == BATCH;
}

static void
on_ready(struct port *p, unsigned which)
{
	unsigned turn;

	for (turn = 0; turn < TURN && receive(p, which); turn++)
		;
}

static void
on_arp(void *arg, unsigned what)
{
	(void)what;
	on_ready(arg, 0);
}

static void
on_nd(void *arg, unsigned what)
{
	(void)what;
	on_ready(arg, 1);
}

/* Opening -------------------------------------------------------------------------- */

void
port_set_filter(struct port *p)
{
	struct sock_filter code[FILTER_MAX];
	const struct carrier *c = p->carrier;
	struct sock_fprog program = { 0, code };
	unsigned count = c->block_count > FILTER_BLOCKS ? 0 : c->block_count;

	program.len = (unsigned short)filter_arp(code, c->blocks, count);
	setsockopt(
	    p->fds[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int
bind_to(int fd, int ifindex, unsigned protocol)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
		.sll_protocol = htons((uint16_t)protocol) };

	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

static void
set_options(int fd)
{
	int on = 1, bytes = QUEUE_BYTES;

	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* Both sockets, filtered and bound; -1: errno. */
static int
open_sockets(struct port *p)
{
	struct sock_filter code[FILTER_MAX];
	struct sock_fprog program = { 0, code };
	unsigned i;

	for (i = 0; i < 2; i++) {
		/* Protocol 0: deaf until it is bound. */
		p->fds[i] = socket(
		    AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (p->fds[i] == -1)
			return -1;
		set_options(p->fds[i]);
	}
	port_set_filter(p);
	program.len = (unsigned short)filter_nd(code);
	if (setsockopt(p->fds[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
		sizeof(program)) == -1)
		return -1;
	return bind_to(p->fds[0], p->ifindex, ETH_P_ARP) == -1
		   ? -1
		   : bind_to(p->fds[1], p->ifindex, ETH_P_IPV6);
}

static void
free_port(struct port *p)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (p->watches[i] != NULL)
			p->carrier->host->watch_free(p->watches[i]);
		if (p->fds[i] != -1)
			close(p->fds[i]);
	}
	free(p->table);
	free(p->tx);
	free(p);
}

static void
init_port(struct port *p, struct carrier *c, struct iface *iface)
{
	unsigned i;

	p->carrier = c;
	p->iface = iface;
	p->ifindex = iface->is.ifindex;
	p->active_slave = iface->is.active_slave;
	memcpy(p->mac, iface->is.mac, MAC_LEN);
	memcpy(p->name, iface->is.name, sizeof(p->name));
	p->fds[0] = p->fds[1] = -1;
	p->tx = tx_new();
	p->limit.secret = c->hash_secret;
	LIST_INIT(&p->spots);
	for (i = 0; i < LANES; i++)
		TAILQ_INIT(&p->lanes[i]);
	alarm_set(&p->pump, announce_pump, p);
	pace_set(&p->pace, c->options.pace_per_sec);
	pace_set(&p->pace_ask, c->options.pace_per_sec);
}

struct port *
port_open(struct carrier *c, struct iface *iface, const char **why)
{
	struct port *p = calloc(1, sizeof(*p));

	*why = "no-memory";
	if (p == NULL)
		return NULL;
	init_port(p, c, iface);
	if (p->tx == NULL || open_sockets(p) == -1) {
		*why = errno == EPERM ? "no-permission" : "no-socket";
		free_port(p);
		return NULL;
	}
	p->watches[0] = c->host->watch_new(c->self, p->fds[0], on_arp, p);
	p->watches[1] = c->host->watch_new(c->self, p->fds[1], on_nd, p);
	c->host->watch_set(p->watches[0], BGPD_READ);
	c->host->watch_set(p->watches[1], BGPD_READ);
	return p;
}

void
port_close(struct port *p)
{
	alarm_stop(&p->carrier->clockwork, &p->pump);
	free_port(p);
}
