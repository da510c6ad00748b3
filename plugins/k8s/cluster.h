/* SPDX-License-Identifier: ISC */
/* What the plugin knows of the cluster, and what it makes of it. */
#ifndef K8S_CLUSTER_H
#define K8S_CLUSTER_H

#include "k8s.h"
#include "pools.h"

struct cluster;

/* What `plugin k8s` says. */
struct settings {
	const struct source_kind *source; /* NULL: none is named */
	char *where;
	char *node, *space, *config_map, *state;
};

/* Nodes and slices as they are stored. */
struct node {
	RB_ENTRY(node) link;
	struct object_node *object;
};
RB_HEAD(nodes, node);

struct slice {
	RB_ENTRY(slice) link;
	LIST_ENTRY(slice) of_service;
	struct service *service; /* NULL: it names none */
	struct object_slice *object;
};
RB_HEAD(slices, slice);

/* A Service and what became of it; lives while it or a slice of it does. */
struct service {
	RB_ENTRY(service) link;
	TAILQ_ENTRY(service) touch;
	struct object_service *object; /* NULL: slices alone are known */
	LIST_HEAD(, slice) slices;
	char *why; /* it has no address; NULL: it needs none, or has one */
	bool touched, offered;
	bool claimed; /* what it held before was asked for */
	uint8_t address_count;
	struct bgpd_addr addresses[SERVICE_IPS];
	char name[];
};
RB_HEAD(services, service);
TAILQ_HEAD(touched, service);

struct pool_metrics {
	struct bgpd_metric *total, *in_use;
};

struct cluster {
	struct guest *guest;
	struct settings *settings;
	struct source *source;
	struct journal *journal;
	struct services services;
	struct slices slices;
	struct nodes nodes;
	struct touched touched;
	struct object_data *config_map, *secret;       /* NULL: there is none */
	size_t service_count, slice_count, node_count; /* for show */
	bool synced;  /* a complete first read */
	bool offered; /* the first offers are out */
	bool config_touched, nodes_touched;

	struct config *config; /* in use; NULL: none yet */
	struct report report;  /* of the last reading */
	char *refusal;	       /* the last one was read, not taken: why */
	bool stale;	       /* the last one is not the one in use */
	bool stranding;	       /* ... for it strands an address in use */
	bool freed;	       /* an address was let go since */
	struct alloc *alloc;
	struct waiters *waiters;

	char *overlay;	   /* the lines last accepted; NULL: none */
	char *peer_faults; /* lines; NULL: none */
	struct bgpd_metric *loaded_metric, *stale_metric, *updates_metric;
	struct pool_metrics *pool_metrics;
	size_t pool_metric_count;
	struct session_metrics *session_metrics; /* metrics.c's */
};

/* cluster.c: the objects, indexed; who is touched by what ----------------------- */

void cluster_init(struct cluster *c);
void cluster_clear(struct cluster *c);
void cluster_take(struct cluster *c, struct object *object);
void cluster_drop(struct cluster *c, enum object_kind kind, const char *name);
struct service *cluster_find(const struct cluster *c, const char *name);
/* The node this runs on; NULL: its object is not known. */
const struct object_node *cluster_self(const struct cluster *c);
void service_touch(struct cluster *c, struct service *s);
void cluster_touch_all(struct cluster *c);
/* Frees it where nothing needs it any more. */
void service_settle(struct cluster *c, struct service *s);
struct node *nodes_next(struct node *node);
struct node *nodes_first(const struct cluster *c);
struct service *services_next(struct service *s);
struct service *services_first(const struct cluster *c);

/* decide.c: does this node announce, and who could ------------------------------- */

/* Is it one that is given addresses here? */
bool service_is_ours(const struct service *s);
/* NULL: announce; or MetalLB's reason and plain words. */
const char *decide_bgp(const struct service *s, const struct object_node *self,
    const char *self_name);
const char *decide_layer2(const struct service *s,
    const struct object_node *self, const char *self_name);
/* May the node carry the Service at layer 2? */
bool decide_candidate(const struct service *s, const struct object_node *node);

/* assign.c: the addresses of Services ---------------------------------------------- */

/* Keeps what is still right, releases the rest. */
void assign_keep(struct cluster *c, struct service *s);
/* Gives one that lacks an address one, or lets it wait. */
void assign_give(struct cluster *c, struct service *s);
/* It is no Service of ours any more. */
void assign_end(struct cluster *c, struct service *s);

/* offer.c: what the daemon is told ---------------------------------------------------- */

void offer_service(struct cluster *c, struct service *s);
void offer_members(struct cluster *c);

/* peers.c: neighbors of the configuration as lines -------------------------------------- */

/*
 * The lines, to be freed; "" when no peer is for this node. *faults: lines, to
 * be freed, or NULL.
 */
char *peers_print(const struct config *config,
    const struct object_label *labels, size_t label_count, char **faults);
void peers_apply(struct cluster *c);

/* converge.c: from what was touched to what is told ---------------------------------------- */

void cluster_converge(struct cluster *c);

/* show.c */

int show_k8s(struct cluster *c, struct bgpd_out *out);
void metrics_open(struct cluster *c);
void metrics_close(struct cluster *c);
void metrics_set_pools(struct cluster *c); /* the pools are new */
void metrics_set(struct cluster *c);

/* metrics.c: of the BGP sessions */

void metrics_open_sessions(struct cluster *c);
void metrics_close_sessions(struct cluster *c);

#endif
