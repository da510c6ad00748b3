/* SPDX-License-Identifier: ISC */
/* The outside: loop, timers, descriptors, sockets, HTTP, interfaces, process. */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/addr.h"
#include "util/text.h"

/* loop.c: the event loop --------------------------------------------------- */

struct loop;
struct timer;
struct watch;
struct task;
struct child;

struct loop *loop_new(void);
void loop_free(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);
int64_t loop_now_ms(const struct loop *loop); /* monotonic, this turn's */
int64_t clock_now_us(void);		      /* monotonic, exact */

/* All of the below may be stopped and freed inside their own callback. */
struct timer *timer_new(struct loop *loop, void (*on_time)(void *), void *arg);
void timer_start(struct timer *timer, int64_t after_ms); /* re-arms */
/* As exact as the kernel's clock: 50 us late at worst on an idle machine. */
void timer_start_us(struct timer *timer, int64_t after_us);
void timer_stop(struct timer *timer);
bool timer_is_on(const struct timer *timer);
int64_t timer_left_ms(const struct timer *timer); /* -1 when off */
void timer_free(struct timer *timer); /* NULL is fine, here and below */

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
/* The descriptor stays the caller's: free the watch, then close it. */
struct watch *watch_new(struct loop *loop, int fd,
    void (*on_ready)(void *arg, unsigned what), void *arg);
void watch_set(struct watch *watch, unsigned what);
void watch_free(struct watch *watch);

/* Work in slices: on_slice is called once a turn until it returns false. */
struct task *task_new(struct loop *loop, bool (*on_slice)(void *), void *arg);
void task_start(struct task *task);
void task_stop(struct task *task);
void task_free(struct task *task);

/* The one call that other threads may make. FIFO; runs in the loop's thread. */
void loop_post(struct loop *loop, void (*on_post)(void *), void *arg);
void loop_signal(
    struct loop *loop, int signo, void (*on_signal)(void *, int), void *arg);

/*
 * Each time that callbacks have taken so long in all since the last time: for
 * what is worth a look after work, so that an idle loop need not wake for it.
 */
void loop_after_work(
    struct loop *loop, int64_t work_us, void (*on_work)(void *), void *arg);
/* The callback that runs does not count: it is what follows work. */
void loop_is_no_work(struct loop *loop);

/* What was called, and how long a single call held the loop. */
enum loop_kind {
	LOOP_TIMER,
	LOOP_DESCRIPTOR,
	LOOP_TASK,
	LOOP_POST,
	LOOP_SIGNAL,
	LOOP_KIND_COUNT
};
struct loop_stats {
	uint64_t turns;
	uint64_t calls[LOOP_KIND_COUNT];
	uint64_t slow;	    /* calls of more than 10 ms */
	int64_t longest_us; /* of all calls; 0: none yet */
	enum loop_kind longest_kind;
	int64_t longest_at_ms; /* when it began */
};
void loop_get_stats(const struct loop *loop, struct loop_stats *stats);

/* child.c: children of this process ---------------------------------------- */

/* Called once with waitpid's status when pid has ended. */
struct child *child_new(struct loop *loop, pid_t pid,
    void (*on_exit)(void *, int status), void *arg);
void child_free(struct child *child);

/* sock.c: TCP sockets for BGP ---------------------------------------------- */

struct sock_options {
	struct addr source;	  /* family 0: the kernel's choice */
	char interface[16];	  /* "": any; update-source IFNAME */
	const char *password;	  /* TCP-MD5 (RFC 2385); NULL: none */
	uint8_t ttl;		  /* 0: the system's (64) */
	uint8_t min_ttl;	  /* RFC 5082; 0: none */
	uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT; 0: none */
	uint8_t dscp;		  /* 48 is CS6 */
};

/* Nonblocking. -1 with the reason in `why` (may be NULL). */
int sock_listen(const struct addr *local, uint16_t port, struct text *why);
/* -1 when there is none left to accept. */
int sock_accept(int listener, struct addr *remote, uint16_t *port);
/* The connection may be under way still: wait for WATCH_WRITE, ask sock_error. */
int sock_dial(const struct addr *remote, uint16_t port,
    const struct sock_options *options, struct text *why);
/* Options for a socket that was accepted (source and password are skipped). */
int sock_tune(int fd, const struct sock_options *options, struct text *why);
/*
 * Key for a remote on a listener or before a dial; NULL removes it. A listener
 * of the other family needs none: 0.
 */
int sock_set_password(
    int fd, const struct addr *remote, const char *password, struct text *why);
int sock_error(int fd); /* SO_ERROR */
int sock_local(int fd, struct addr *addr, uint16_t *port);
int sock_remote(int fd, struct addr *addr, uint16_t *port);
/* > 0 bytes; 0 would block; -1 end of stream or error (errno 0: end). */
ssize_t sock_read(int fd, void *data, size_t len);
ssize_t sock_write(int fd, const void *data, size_t len);
void sock_close(int fd);

/* udp.c: UDP sockets for BFD ----------------------------------------------- */

#define UDP_BYTES 256 /* of a packet; one that has more is told as empty */
#define UDP_BATCH 16

struct udp_packet {
	struct addr remote, local; /* without a scope */
	uint32_t interface;	   /* index */
	uint8_t ttl;		   /* what was left of it */
	size_t len;
	uint8_t bytes[UDP_BYTES];
};

struct udp_options {
	struct addr local;     /* family 0: the kernel's choice */
	const char *interface; /* NULL or "": by routes */
	uint8_t ttl;
	uint8_t dscp;
};

/* On all addresses of a family. -1 with why, which may be NULL. */
int udp_listen(uint8_t family, uint16_t port, struct text *why);
/* What waits, at most UDP_BATCH; how many. */
unsigned udp_receive(int fd, struct udp_packet packets[UDP_BATCH]);
/* To one remote alone, from a port of RFC 5881 4. -1 with why. */
int udp_dial(const struct addr *remote, uint16_t port,
    const struct udp_options *options, struct text *why);
/* 0, also where it may get lost; -1 with why: a new socket may do better. */
int udp_send(int fd, const void *bytes, size_t len, struct text *why);

/* local.c: the control socket (AF_UNIX, stream) ---------------------------- */

/* Replaces a dead socket's file, refuses a living one. Mode 0660. */
int local_listen(const char *path, struct text *why);
int local_accept(int listener);
int local_dial(const char *path, struct text *why);

/* http.c: what is only read, over HTTP ------------------------------------- */

struct http;
struct http_request;
/*
 * GET and HEAD arrive at on_request, which answers before it returns. NULL
 * with the reason and its cure in `why` when the port is not to be had.
 */
struct http *http_listen(struct loop *loop, const struct addr *local,
    uint16_t port, void (*on_request)(void *arg, struct http_request *request),
    void *arg, struct text *why);
void http_close(struct http *http); /* NULL is fine; ends its connections */
/* As it was asked for, without the query. */
const char *http_path(const struct http_request *request);
void http_reply(struct http_request *request, unsigned status, const char *type,
    const struct text *body);
struct http_stats {
	uint64_t
	    requests;  /* that could be read: answered, also with an error */
	uint64_t full; /* times that no further connection was taken in */
	unsigned open; /* connections */
};
void http_get_stats(const struct http *http, struct http_stats *stats);

/* iface.c: interfaces of this host ----------------------------------------- */

/* The address of this family on the interface that has `local`: a global one. */
int iface_global_addr(
    const struct addr *local, uint8_t family, struct addr *addr);
/* The link-local address on the interface that has `local`. */
int iface_link_local(const struct addr *local, struct addr *addr);
bool iface_is_connected(const struct addr *remote); /* on a connected prefix */
int iface_addr_of(const char *name, uint8_t family, struct addr *addr);
/* The highest IPv4 address that is not loopback, for a router-id. */
int iface_router_id(struct addr *addr);

/* process.c: this process -------------------------------------------------- */

/* Only the child returns; the parent's exit status waits for process_ready. */
int process_daemonize(void);
void process_ready(void); /* from here on in the background */
/* Locked as long as we live: a second process is refused. */
int process_write_pid(const char *path, struct text *why);
void process_remove_pid(void);
int process_set_user(const char *user, struct text *why);
/* The same program in this process, everything closed before. -1: errno. */
/* The program as it is on the disk now. Returns only when it cannot: -1. */
int process_restart(char *const *argv);
int process_can_restart(struct text *why); /* 0, or -1 with why */
bool process_was_restarted(void);	   /* true once; remembers our file */
/* Those that are ours to handle wait until somebody does. */
void process_hold_signals(bool held);
/* Appends; -1 with why. Keeps the descriptor across exec: no. */
int process_open_log(const char *path, struct text *why);
/* Whole file, terminated, mem_free it; NULL with why. At most limit bytes. */
char *process_read_file(
    const char *path, size_t limit, size_t *len, struct text *why);
/* Replaces the file by rename; 0, or -1 with why and the old file as it was. */
int process_write_file(const char *path, unsigned mode, const char *data,
    size_t len, struct text *why);

/* usage.c: what this process uses ------------------------------------------- */

struct usage {
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	double cpu_secs;      /* user and system */
	double started_epoch; /* on the wall's clock, in seconds */
	uint32_t open_fds;
	uint64_t max_fds; /* UINT64_MAX: without a limit */
	uint32_t threads;
};
/* What cannot be learned is 0. */
void usage_get(struct usage *usage);

#endif
