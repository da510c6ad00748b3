/* SPDX-License-Identifier: ISC */
/* TCP sockets for BGP: options, keys, and errors that name their cure. */

/*
 * Listeners are of one family each and speak with TTL 255, as a peer that asks
 * for TTL security (RFC 5082) would drop a SYN-ACK that had less; an accepted
 * connection gets its own TTL by sock_tune.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "net/why.h"
#include "util/log.h"

#define SOCK_BACKLOG 128
#define TTL_USUAL    64
#define TTL_MOST     255
#define DSCP_CONTROL 48 /* CS6: network control (RFC 4594) */
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73
#endif

/* Why a call failed, in words that say what to do; others by strerror. */
struct cure {
	int error;
	const char *text;
};

static const struct cure listen_cures[] = {
	{ EADDRINUSE, "taken by another process: use -p or -l" },
	{ EACCES, "needs CAP_NET_BIND_SERVICE or root, or another port: -p" },
	{ EADDRNOTAVAIL, "no interface of this host has the address: see -l" },
	{ EAFNOSUPPORT, "this host does not speak the address family" },
	{ EINVAL, "a link-local address needs its interface: ADDR%IFNAME" },
	{ 0, NULL },
};

static const struct cure dial_cures[] = {
	{ EADDRNOTAVAIL, "no interface of this host has the source address" },
	{ EAFNOSUPPORT, "this host does not speak the address family" },
	{ ENETUNREACH, "no route to it" },
	{ EHOSTUNREACH, "no route to it" },
	{ EINVAL, "a link-local address needs its interface: update-source" },
	{ EACCES, "forbidden by a firewall rule, or a broadcast address" },
	{ EPERM, "forbidden by a firewall rule of this host" },
	{ 0, NULL },
};

static const struct cure option_cures[] = {
	{ EPERM, "needs CAP_NET_ADMIN or root" },
	{ EACCES, "needs CAP_NET_ADMIN or root" },
	{ ENOPROTOOPT, "this kernel was built without it" },
	{ EOPNOTSUPP, "this kernel was built without it" },
	{ 0, NULL },
};

static const char *
cure_of(const struct cure *cures, int error)
{
	for (; cures->text != NULL; cures++)
		if (cures->error == error)
			return cures->text;
	return strerror(error);
}

/* The number of one option in either family. */
struct option {
	const char *word;
	int level4, name4;
	int level6, name6;
};

static const struct option option_ttl = { "TTL", IPPROTO_IP, IP_TTL,
	IPPROTO_IPV6, IPV6_UNICAST_HOPS };
static const struct option option_min_ttl = { "TTL security", IPPROTO_IP,
	IP_MINTTL, IPPROTO_IPV6, IPV6_MINHOPCOUNT };
static const struct option option_tos = { "DSCP", IPPROTO_IP, IP_TOS,
	IPPROTO_IPV6, IPV6_TCLASS };
static const struct option option_user_timeout = { "TCP_USER_TIMEOUT",
	IPPROTO_TCP, TCP_USER_TIMEOUT, IPPROTO_TCP, TCP_USER_TIMEOUT };
static const struct option option_nodelay = { "TCP_NODELAY", IPPROTO_TCP,
	TCP_NODELAY, IPPROTO_TCP, TCP_NODELAY };

static int
option_set(int fd, const struct option *option, int value, struct text *why)
{
	int family = 0, result;
	socklen_t len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return why_add(why, "%s: %s", option->word, strerror(errno));
	if (family == AF_INET)
		result = setsockopt(
		    fd, option->level4, option->name4, &value, sizeof(value));
	else
		result = setsockopt(
		    fd, option->level6, option->name6, &value, sizeof(value));
	if (result < 0)
		return why_add(
		    why, "%s: %s", option->word, cure_of(option_cures, errno));
	return 0;
}

int
sock_tune(int fd, const struct sock_options *options, struct text *why)
{
	/* A listener's 255 is inherited: 64 has to be said. */
	int ttl = options->ttl != 0 ? options->ttl : TTL_USUAL;

	if (option_set(fd, &option_nodelay, 1, why) < 0 ||
	    option_set(fd, &option_ttl, ttl, why) < 0 ||
	    option_set(fd, &option_tos, (options->dscp & 0x3f) << 2, why) < 0)
		return -1;
	if (options->min_ttl != 0 &&
	    option_set(fd, &option_min_ttl, options->min_ttl, why) < 0)
		return -1;
	if (options->user_timeout_ms != 0 &&
	    option_set(fd, &option_user_timeout, (int)options->user_timeout_ms,
		why) < 0)
		return -1;
	return 0;
}

/* 0 also where fd is of another family: nothing from there arrives on it. */
int
sock_set_password(
    int fd, const struct addr *remote, const char *password, struct text *why)
{
	struct tcp_md5sig key = { 0 };
	size_t len = password != NULL ? strlen(password) : 0;
	int family = 0;
	socklen_t size = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
		return why_add(why, "TCP-MD5: %s", strerror(errno));
	if (family != remote->family)
		return 0;
	if (len > TCP_MD5SIG_MAXKEYLEN)
		return why_add(why,
		    "TCP-MD5: a password has at most %d characters",
		    TCP_MD5SIG_MAXKEYLEN);
	addr_to_sock(remote, 0, &key.tcpm_addr);
	key.tcpm_keylen = (uint16_t)len;
	if (len > 0)
		memcpy(key.tcpm_key, password, len);
	if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) < 0 &&
	    !(len == 0 && errno == ENOENT)) {
		explicit_bzero(&key, sizeof(key));
		return why_add(
		    why, "TCP-MD5: %s", cure_of(option_cures, errno));
	}
	explicit_bzero(&key, sizeof(key));
	return 0;
}

static int
sock_open(uint8_t family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int
sock_listen_on(int fd, const struct addr *local, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sock(local, port, &ss);
	const int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -1;
	/* The other family has a listener of its own. */
	if (local->family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -1;
	return listen(fd, SOCK_BACKLOG);
}

int
sock_listen(const struct addr *local, uint16_t port, struct text *why)
{
	char where[ADDR_TEXT];
	int fd = sock_open(local->family);
	int error;

	if (fd < 0 || sock_listen_on(fd, local, port) < 0) {
		error = errno;
		sock_close(fd);
		errno = error;
		return why_add(why, "cannot listen on %s port %u: %s",
		    addr_print(local, where), port,
		    cure_of(listen_cures, error));
	}
	if (option_set(fd, &option_ttl, TTL_MOST, why) < 0 ||
	    option_set(fd, &option_tos, DSCP_CONTROL << 2, why) < 0) {
		sock_close(fd);
		return -1;
	}
	return fd;
}

/* Errors of one connection that is gone again: the next may be well. */
static bool
accept_may_go_on(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

/*
 * Out of descriptors the backlog would stay readable and the loop would spin:
 * with one kept in reserve the connection is taken and closed instead.
 */
static int reserve_fd = -1;

static void
accept_refuse(int listener)
{
	int error = errno, fd;

	log_error("net", "a connection is refused: %s", strerror(error));
	if (reserve_fd < 0)
		return;
	close(reserve_fd);
	fd = accept(listener, NULL, NULL);
	if (fd >= 0)
		close(fd);
	reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = error;
}

int
sock_accept(int listener, struct addr *remote, uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	if (reserve_fd < 0)
		reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	do {
		len = sizeof(ss);
		fd = accept4(listener, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && accept_may_go_on(errno));
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			accept_refuse(listener);
		return -1;
	}
	if (remote != NULL &&
	    addr_from_sock((struct sockaddr *)&ss, remote, port) < 0) {
		close(fd);
		errno = EAFNOSUPPORT;
		return -1;
	}
	return fd;
}

static bool
addr_is_scoped(const struct addr *addr)
{
	return addr->family == AF_INET6 && addr_is_link_local(addr);
}

static int
sock_source(const struct addr *remote, const struct sock_options *options,
    struct addr *source, struct text *why)
{
	*source = options->source;
	if (source->family != 0 || options->interface[0] == '\0')
		return 0;
	if (addr_is_scoped(remote)) {
		source->family = 0; /* the scope says it all */
		return 0;
	}
	if (iface_addr_of(options->interface, remote->family, source) == 0)
		return 0;
	return why_add(why, "interface %s has no %s address",
	    options->interface, remote->family == AF_INET ? "IPv4" : "IPv6");
}

static int
sock_bind_source(int fd, const struct addr *source, struct text *why)
{
	char where[ADDR_TEXT];
	struct sockaddr_storage ss;
	socklen_t len;
	const int one = 1;

	if (source->family == 0)
		return 0;
	len = addr_to_sock(source, 0, &ss);
	/* The port is chosen at connect: two peers may share one. */
	(void)setsockopt(
	    fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return why_add(why, "source %s: %s", addr_print(source, where),
		    cure_of(dial_cures, errno));
	return 0;
}

static int
sock_prepare(int fd, const struct addr *remote,
    const struct sock_options *options, struct text *why)
{
	struct addr source;

	if (sock_tune(fd, options, why) < 0 ||
	    sock_source(remote, options, &source, why) < 0 ||
	    sock_bind_source(fd, &source, why) < 0)
		return -1;
	if (options->password == NULL)
		return 0;
	return sock_set_password(fd, remote, options->password, why);
}

static int
sock_connect(int fd, const struct addr *remote, uint16_t port, struct text *why)
{
	char where[ADDR_TEXT];
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sock(remote, port, &ss);

	if (connect(fd, (struct sockaddr *)&ss, len) == 0 ||
	    errno == EINPROGRESS || errno == EINTR)
		return 0;
	return why_add(why, "cannot connect to %s port %u: %s",
	    addr_print(remote, where), port, cure_of(dial_cures, errno));
}

int
sock_dial(const struct addr *remote, uint16_t port,
    const struct sock_options *options, struct text *why)
{
	struct addr to = *remote;
	int fd = sock_open(remote->family);

	if (fd < 0)
		return why_add(why, "cannot open a socket: %s",
		    cure_of(dial_cures, errno));
	if (addr_is_scoped(&to) && to.scope == 0)
		to.scope = options->interface[0] != '\0'
			       ? if_nametoindex(options->interface)
			       : options->source.scope;
	if (sock_prepare(fd, &to, options, why) < 0 ||
	    sock_connect(fd, &to, port, why) < 0) {
		sock_close(fd);
		return -1;
	}
	return fd;
}

int
sock_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

typedef int name_fn(int, struct sockaddr *, socklen_t *);

static int
sock_name(int fd, name_fn *get, struct addr *addr, uint16_t *port)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (get(fd, (struct sockaddr *)&ss, &len) < 0)
		return -1;
	return addr_from_sock((struct sockaddr *)&ss, addr, port);
}

int
sock_local(int fd, struct addr *addr, uint16_t *port)
{
	return sock_name(fd, getsockname, addr, port);
}

int
sock_remote(int fd, struct addr *addr, uint16_t *port)
{
	return sock_name(fd, getpeername, addr, port);
}

ssize_t
sock_read(int fd, void *data, size_t len)
{
	ssize_t n;

	do {
		n = recv(fd, data, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == 0)
		errno = 0;
	return -1;
}

ssize_t
sock_write(int fd, const void *data, size_t len)
{
	ssize_t n;

	do {
		n = send(fd, data, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return n;
}

void
sock_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
