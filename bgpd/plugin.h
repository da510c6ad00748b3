/* SPDX-License-Identifier: ISC */
/* The one public header: what a plugin exports and the table it is handed. */
#ifndef BGPD_PLUGIN_H
#define BGPD_PLUGIN_H

/*
 * A plugin is a shared object with one symbol, `bgpd_plugin`. It links no
 * symbol of the daemon: all goes through struct bgpd_host. It is a source
 * (offers service addresses), a backend (carries them), or both.
 *
 * Threads: only `post` may be called outside the daemon's loop thread.
 * Versions: public structs begin with `abi` and `size` (BGPD_INIT). Another
 * major number is refused, another minor one is logged. Members are only ever
 * appended: look at none beyond `size` (BGPD_HAS); walk arrays by `..._size`.
 * What a call is given is borrowed until it returns. Times: monotonic, ms.
 */
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define BGPD_ABI	UINT32_C(0x00010003) /* major << 16 | minor */
#define BGPD_INIT(type) BGPD_ABI, (uint32_t)sizeof(type)
/* Does the other side know this member? */
#define BGPD_HAS(p, type, member)                                              \
	((p)->size >= offsetof(type, member) + sizeof((p)->member))
struct bgpd_host;
struct bgpd_self; /* the plugin, as the daemon knows it */
struct bgpd_timer;
struct bgpd_watch;
struct bgpd_child;
struct bgpd_bfd;
struct bgpd_metric;
struct bgpd_out;
struct bgpd_addr {
	uint8_t family;	   /* 4, 6; 0: none */
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
};
/* What a source offers --------------------------------------------------------- */

/* One BGP advertisement of an address. */
struct bgpd_route {
	uint32_t abi, size;
	uint8_t prefix_len;	     /* the address is masked to it */
	uint8_t has_local_pref;	     /* unset: the daemon's default */
	uint32_t local_pref;	     /* to iBGP neighbors alone */
	const uint32_t *communities; /* host order */
	uint32_t community_count;
	const struct bgpd_addr *neighbors; /* told to these; none: to all */
	uint32_t neighbor_count;
};

/* A node that may carry an address (layer 2). */
struct bgpd_candidate {
	uint32_t abi, size;
	const char *node;
	struct bgpd_addr address; /* of the node */
	int32_t weight;		  /* higher is preferred */
};

/* It may be probed, is promised to nobody; or: promised, make it reachable. */
enum bgpd_phase { BGPD_TENTATIVE, BGPD_CARRIED };

struct bgpd_address {
	uint32_t abi, size;
	struct bgpd_addr address;
	const char *protocol; /* the backend: "bgp", or a plugin's: "layer2" */
	uint8_t phase;	      /* enum bgpd_phase */
	uint8_t here; /* 0: allocated, but this node does not announce it */
	const char *why_not; /* here is 0: in words of the field, or NULL */
	const struct bgpd_route *routes;
	uint32_t route_count, route_size;	 /* how many, how far apart */
	const struct bgpd_candidate *candidates; /* here, none: all nodes */
	uint32_t candidate_count, candidate_size;
	const char *const *interfaces; /* carried on these alone; none: all */
	uint32_t interface_count;
	uint8_t used; /* since 1.2: promised before the daemon began */
};

/* One service with all its addresses; offered again whenever it changes. */
struct bgpd_service {
	uint32_t abi, size;
	const char *name;  /* "namespace/name": the key */
	const char *pool;  /* NULL while it has none */
	const char *why;   /* it waits for an address: the reason; else NULL */
	const char *group; /* what moves together; may be NULL */
	const struct bgpd_address *addresses;
	uint32_t address_count, address_size;
};

/* What a backend says of an address it was given. */
struct bgpd_carry {
	uint32_t abi, size;
	struct bgpd_addr address;
	const char *protocol;
	const char *owner;	 /* node that carries it; NULL: not known */
	uint8_t mine, confirmed; /* this node does; it was seen to work */
	uint8_t conflict;	 /* somebody else answers for it: mac */
	uint8_t mac[6];
	const char *state; /* one word for `show services` */
};

/* A neighbor of the daemon, as it is now. */
struct bgpd_neighbor {
	uint32_t abi, size;
	struct bgpd_addr address;
	uint16_t port;
	uint8_t mine, up; /* a line of this plugin made it; established */
	uint32_t remote_as;
	uint64_t updates_sent, prefixes_announced;
	uint64_t prefixes_pending; /* mine: offered by it, not told yet */
};

/* Who could take part: what a source knows of the other nodes. */
struct bgpd_member {
	uint32_t abi, size;
	const char *node;
	const struct bgpd_addr *addresses;
	uint32_t address_count;
	uint8_t excluded; /* must carry nothing */
	uint8_t alive;	  /* the slow witness: 0 gone, 1 alive, 2 unknown */
};
struct bgpd_membership {
	uint32_t abi, size;
	const char *self; /* this node's name */
	const struct bgpd_member *members;
	uint32_t member_count, member_size;
	const uint8_t *key; /* shared secret of the nodes; never shown */
	uint32_t key_len;
};

struct bgpd_source {
	uint32_t abi, size;
	const char *name;
	/* A backend has news of an address this source offered. May be NULL. */
	void (*on_carry)(void *arg, const struct bgpd_carry *carry);
};

struct bgpd_backend {
	uint32_t abi, size;
	const char *protocol; /* "layer2" */
	/* Carry it, or change how; once, however many services share it. */
	void (*carry)(void *arg, const struct bgpd_address *address,
	    const char *group, uint32_t services);
	void (*drop)(void *arg, const struct bgpd_addr *address);
	void (*on_members)(void *arg, const struct bgpd_membership *members);
};

/* Configuration ------------------------------------------------------------------ */

/* A line inside `plugin NAME`, or a command of the shell. */
enum bgpd_row_kind { BGPD_ROW_LINE, BGPD_ROW_RUN };

/*
 * Syntax: words, UPPERCASE values, [optional], (a|b). Values by name: ADDR,
 * PREFIX, PATH, NAME, N (0-4294967295), SECS, MSECS, TEXT (rest of the line).
 */
struct bgpd_row {
	uint32_t abi, size;
	int32_t kind;
	uint32_t id; /* the plugin's own number of this row */
	const char *syntax, *help;
	uint8_t many, secret; /* may be said again; values are masked */
};

/* A line that was said, or a command that was typed. */
struct bgpd_line {
	uint32_t abi, size, id;
	const char *file; /* where; NULL: the shell */
	uint32_t line;
	const char *const *values; /* in the order of the syntax */
	uint32_t value_count;	   /* optional ones not said are NULL */
};

/* What a plugin exports, as `extern const struct bgpd_plugin bgpd_plugin` ------ */

struct bgpd_plugin {
	uint32_t abi, size;
	const char *name, *version, *caption; /* as `show plugins` has them */
	const struct bgpd_row *rows;
	uint32_t row_count, row_size;
	/* *arg is every callback's, set first. 0; -1 when it has logged why. */
	int (*start)(
	    const struct bgpd_host *host, struct bgpd_self *self, void **arg);
	/* Lets go of everything: after this nothing of the plugin is called. */
	void (*stop)(void *arg);
	/* NULL, or what is wrong with line *bad: asked again without it.
	   Not started: arg is NULL. */
	const char *(*check)(void *arg, const struct bgpd_line *lines,
	    uint32_t line_count, uint32_t line_size, uint32_t *bad);
	/* Takes a set of lines that `check` has passed, in place of the last. */
	void (*configure)(void *arg, const struct bgpd_line *lines,
	    uint32_t line_count, uint32_t line_size);
	/* A command. 0, or -1 (then say why with out_print). */
	int (*run)(
	    void *arg, const struct bgpd_line *line, struct bgpd_out *out);
	/* Hand over, call ready_to_stop within 3 s. NULL: ready at once. */
	void (*on_stopping)(void *arg);
};

/* What a plugin is handed ------------------------------------------------------ */

enum { BGPD_READ = 1, BGPD_WRITE = 2, BGPD_COUNTER = 0, BGPD_GAUGE = 1 };
enum bgpd_bfd_state { BGPD_BFD_DOWN, BGPD_BFD_UP, BGPD_BFD_NOT_YET };
enum { BGPD_BFD_ADMIN = 3 }; /* down, and the peer wished it: since 1.2 */
struct bgpd_bfd_options {
	uint32_t abi, size;
	struct bgpd_addr peer, local;
	const char *interface, *profile; /* NULL: multihop; as below */
	uint32_t interval_us;
	uint8_t multiplier;
};

struct bgpd_host {
	uint32_t abi, size;
	const char *version; /* of the daemon */
	/* One line, no newline, no secrets; level as in syslog.h, from LOG_ERR. */
	void (*log)(struct bgpd_self *self, int level, const char *format, ...);
	int64_t (*now_ms)(struct bgpd_self *self);
	/* Timers: one shot, re-armed by start; free inside their callback is fine. */
	struct bgpd_timer *(*timer_new)(
	    struct bgpd_self *self, void (*on_time)(void *), void *arg);
	void (*timer_start)(struct bgpd_timer *timer, int64_t after_ms);
	void (*timer_stop)(struct bgpd_timer *timer);
	void (*timer_free)(struct bgpd_timer *timer);
	/* The plugin's descriptors; free the watch, then close. */
	struct bgpd_watch *(*watch_new)(struct bgpd_self *self, int fd,
	    void (*on_ready)(void *arg, unsigned what), void *arg);
	void (*watch_set)(struct bgpd_watch *watch, unsigned what);
	void (*watch_free)(struct bgpd_watch *watch);
	/* From any thread; done in the loop, in order; drained before unload. */
	void (*post)(
	    struct bgpd_self *self, void (*on_post)(void *), void *arg);
	/* Once, with the status of waitpid, when a child of the plugin ended. */
	struct bgpd_child *(*child_new)(struct bgpd_self *self, int64_t pid,
	    void (*on_exit)(void *, int status), void *arg);
	void (*child_free)(struct bgpd_child *child);
	/* This plugin's lines, in place of its last: 0, or -1 and no change. */
	/* on_fault hears of all faults, also of lines that lost to the file's. */
	int (*overlay)(struct bgpd_self *self, const char *lines,
	    void (*on_fault)(void *arg, unsigned line, const char *text),
	    void *arg);
	/* Sources. begin, offer..., end: what was not offered is retracted. */
	int (*source)(struct bgpd_self *self, const struct bgpd_source *source);
	void (*begin)(struct bgpd_self *self);
	void (*offer)(
	    struct bgpd_self *self, const struct bgpd_service *service);
	void (*retract)(struct bgpd_self *self, const char *name);
	void (*end)(struct bgpd_self *self);
	void (*members)(
	    struct bgpd_self *self, const struct bgpd_membership *membership);
	int (*backend)(
	    struct bgpd_self *self, const struct bgpd_backend *backend);
	void (*carried)(struct bgpd_self *self, const struct bgpd_carry *carry);
	/* BFD (RFC 5880): on_state hears NOT_YET at once where there is none. */
	struct bgpd_bfd *(*bfd_new)(struct bgpd_self *self,
	    const struct bgpd_bfd_options *options,
	    void (*on_state)(void *arg, int state, const char *why), void *arg);
	void (*bfd_free)(struct bgpd_bfd *bfd);
	/* A metric by name and label pairs (key, value, ..., NULL). */
	struct bgpd_metric *(*metric)(struct bgpd_self *self, int kind,
	    const char *name, const char *help, const char *const *labels);
	void (*metric_set)(struct bgpd_metric *metric, double value);
	void (*metric_add)(struct bgpd_metric *metric, double value);
	void (*metric_free)(struct bgpd_metric *metric);
	/* What a command prints: text, or JSON members when out_is_json. */
	int (*out_is_json)(struct bgpd_out *out);
	void (*out_print)(struct bgpd_out *out, const char *format, ...);
	void (*out_object)(struct bgpd_out *out, const char *key);
	void (*out_array)(struct bgpd_out *out, const char *key);
	void (*out_close)(struct bgpd_out *out);
	void (*out_string)(
	    struct bgpd_out *out, const char *key, const char *value);
	void (*out_int)(struct bgpd_out *out, const char *key, int64_t value);
	void (*out_bool)(struct bgpd_out *out, const char *key, int value);
	void (*ready_to_stop)(struct bgpd_self *self);
	/* Since 1.1. NULL: ready; else why /readyz shall say that it is not. */
	void (*ready)(struct bgpd_self *self, const char *why_not);
	/* Before metrics are read, so that gauges can be set; or NULL. */
	void (*on_scrape)(
	    struct bgpd_self *self, void (*on_scrape)(void *), void *arg);
	/* In on_scrape alone: one value of this scrape; name and help are static. */
	void (*sample)(struct bgpd_self *self, int kind, const char *name,
	    const char *help, const char *const *labels, double value);
	/* Every neighbor of the daemon, before it returns. */
	void (*neighbors)(struct bgpd_self *self,
	    void (*on_neighbor)(void *, const struct bgpd_neighbor *),
	    void *arg);
	/* Since 1.2. The peer's last packet, as of now; INT64_MIN: none yet. */
	int64_t (*bfd_heard_us)(struct bgpd_bfd *bfd);
	/* In on_stopping: it begins anew at once. Since 1.3: is there one now? */
	int (*is_restarting)(struct bgpd_self *self);
	int (*has_backend)(struct bgpd_self *self, const char *protocol);
};
#ifdef __cplusplus
}
#endif
#endif
