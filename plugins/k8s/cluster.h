/* SPDX-License-Identifier: ISC */
/* What the plugin knows of the cluster, and what it makes of it. */
#ifndef K8S_CLUSTER_H
#define K8S_CLUSTER_H

#include "k8s.h"
#include "pools.h"

struct api;
struct cluster;
struct heartbeat;
struct publisher;

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

/* A write of its status. */
enum publish {
	PUBLISH_NONE,
	PUBLISH_QUEUED,
	PUBLISH_UNDER_WAY,
	PUBLISH_LATER /* refused: again when there is another version of it */
};

/* What a backend said last of an address of a Service. */
struct sight {
	struct bgpd_addr address; /* family 0: of none */
	bool mine;		  /* this node carries it */
	bool owned;		  /* some node did, since the Service has it */
	bool conflict;		  /* a stranger has it: mac */
	uint8_t mac[6];
};

/* A Service and what became of it; lives while it or a slice of it does. */
struct service {
	RB_ENTRY(service) link;
	TAILQ_ENTRY(service) touch;
	TAILQ_ENTRY(service) in_publish;
	struct object_service *object; /* NULL: slices alone are known */
	LIST_HEAD(, slice) slices;
	char *why; /* it has no address; NULL: it needs none, or has one */
	bool touched, offered;
	bool announced; /* by BGP, as it was offered last */
	bool in_run;	/* of converge.c, which holds it */
	bool claimed;	/* what it held before was asked for */
	bool reborn; /* another object of that name: what the last had ends */
	bool confirmed;	  /* the cluster knew its addresses: announce */
	bool conflict;	  /* somebody else has the address it had or wants */
	uint8_t publish;  /* enum publish */
	bool unsure;	  /* a write of it may have come through, unanswered */
	bool unsaid;	  /* ... and then its event is due */
	uint8_t rewrites; /* that somebody undid, since rewrites_ms */
	int64_t rewrites_ms, rest_ms; /* not written before that */
	int64_t words_ms; /* nor for another reason alone before that */
	uint8_t turns;	  /* of its conflict, since turns_ms */
	int64_t turns_ms;
	int64_t linger_ms; /* 0; or what it had stands until then */
	uint8_t address_count, known_count;
	struct bgpd_addr addresses[SERVICE_IPS];
	struct bgpd_addr known[SERVICE_IPS]; /* that it had before this life */
	struct sight sights[SERVICE_IPS];
	char name[];
};
RB_HEAD(services, service);
TAILQ_HEAD(touched, service);

/* What may be done with Services. */
enum duty {
	DUTY_NONE,     /* too little is known */
	DUTY_FOLLOW,   /* their statuses say who has what */
	DUTY_ALLOCATE, /* addresses are given here */
};

/* What is known: nothing; what was at the end of the last life; all. */
enum stage { STAGE_EMPTY, STAGE_CACHED, STAGE_SYNCED };

/* Services on their way from touched to told. */
struct run {
	struct service **list; /* NULL: there is none */
	size_t count, at;
	uint8_t step; /* converge.c's */
	uint8_t duty; /* enum duty, of all of it */
	struct bgpd_timer *timer;
};

struct pool_metrics {
	struct bgpd_metric *total, *in_use, *services;
	size_t service_count; /* since the last scrape began */
};

struct cluster {
	struct guest *guest;
	SLIST_ENTRY(cluster) in_parting; /* k8s.c's */
	struct settings *settings;
	struct source *source; /* NULL: not opened yet */
	/* One of them, as the source asks: what survives a restart. */
	struct journal *journal;
	struct cache *cache;
	struct bgpd_timer *replay;  /* of the cache, in slices */
	struct bgpd_timer *watches; /* of the source, a kind a turn */
	uint8_t watched;	    /* kinds that it was asked for */
	struct bgpd_timer *linger;  /* on while a Service lingers */
	bool lingers;
	struct publisher *publisher; /* NULL: nothing is written back */
	struct heartbeat *heartbeat; /* NULL with it */
	struct services services;
	struct slices slices;
	struct nodes nodes;
	struct touched touched;
	struct object_data *config_map, *secret; /* NULL: there is none */
	struct object_data *taken; /* the ConfigMap last taken, for a restart */
	struct object_data *whole; /* the mark that all Nodes were known once */
	struct object_node *former_self; /* our Node, which was deleted; NULL */
	size_t service_count, slice_count, node_count; /* for show */
	uint8_t stage;				       /* enum stage */
	bool begun, offered; /* the first offers are coming, are out */
	bool config_touched, nodes_touched;
	bool nodes_whole; /* every Node that could carry is known */
	struct bgpd_timer *nodes_wait; /* until those of before count */
	char *retold; /* the Service that was last told of them; NULL */
	bool
	    carriers_touched; /* who of the nodes may announce, or where it is */
	struct run run;

	struct config *config;	  /* in use; NULL: none yet */
	struct report report;	  /* of the last reading */
	char *refusal;		  /* the last one was read, not taken: why */
	bool stale;		  /* the last one is not the one in use */
	struct config *candidate; /* ... for it strands an address; NULL */
	struct bgpd_addr stranded;
	bool taken_tried; /* the one from before this life */
	bool repooled;	  /* the pools are new, and no run has ended since */
	struct alloc *alloc;
	struct waiters *waiters;
	SLIST_HEAD(, bar) bars; /* sight.c's: what strangers have */
	struct bgpd_timer *bars_timer;

	char *overlay;	   /* the lines last accepted; NULL: none */
	char *peer_faults; /* lines; NULL: none */
	struct bgpd_metric *loaded_metric, *stale_metric, *updates_metric;
	struct pool_metrics *pool_metrics;
	size_t pool_metric_count;
	struct session_metrics *session_metrics; /* metrics.c's */
};

/* cluster.c: the objects, indexed; who is touched by what ----------------------- */

void cluster_init(struct cluster *c);
/*
 * Lets go of that many objects; true: of all. Nobody is told, and in between
 * nothing else may be done with any.
 */
bool cluster_clear(struct cluster *c, size_t max);
void cluster_take(struct cluster *c, struct object *object);
void cluster_drop(struct cluster *c, enum object_kind kind, const char *name);
struct service *cluster_find(const struct cluster *c, const char *name);
/*
 * The node this runs on, as it was last, though it was deleted since; NULL: its
 * object was never seen.
 */
const struct object_node *cluster_self(const struct cluster *c);
void service_touch(struct cluster *c, struct service *s);
enum duty cluster_duty(const struct cluster *c);
/* Is there a Node object of that name now? */
bool cluster_has_self(const struct cluster *c);
bool cluster_has_node(const struct cluster *c, const char *name);
/* The ConfigMap was taken: that is remembered over a restart. */
void cluster_keep_taken(struct cluster *c);
/* All Nodes are known, or this one alone is looked for: so is that. */
void cluster_keep_whole(struct cluster *c, bool whole);
void cluster_touch_all(struct cluster *c);
/* Frees it where nothing needs it any more. */
void service_settle(struct cluster *c, struct service *s);
struct node *nodes_next(struct node *node);
struct node *nodes_first(const struct cluster *c);
struct service *services_next(struct service *s);
struct service *services_first(const struct cluster *c);

/* walk.c: one after the other, in slices -------------------------------------------------- */

/* The one after that name, in their order; after NULL: the first. */
const struct object *cluster_next(
    const struct cluster *c, enum object_kind kind, const char *after);

/* decide.c: does this node announce, and who could ------------------------------- */

/* Is it one that is given addresses here? */
bool service_is_ours(const struct cluster *c, const struct service *s);
/* NULL: announce; or MetalLB's reason and plain words. */
const char *decide_bgp(const struct service *s, const struct object_node *self,
    const char *self_name);
const char *decide_layer2(const struct service *s,
    const struct object_node *self, const char *self_name);
/* May the node carry the Service at layer 2? */
bool decide_candidate(const struct service *s, const struct object_node *node);

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

/* As much as a slice of the loop allows; the rest by a timer. */
void cluster_converge(struct cluster *c);
/* The same in a turn of its own: from inside anything. */
void converge_soon(struct cluster *c);
void converge_open(struct cluster *c);
void converge_close(struct cluster *c);

/* life.c: the life of a cluster: from what was kept, to what the source says ----------------- */

struct cluster *cluster_open(struct guest *guest, struct settings *settings);
void cluster_close(struct cluster *c);
/*
 * The same in two: from the first on it does nothing and needs no settings; the
 * second, called until it is true, frees it slice by slice.
 */
void cluster_quiet(struct cluster *c);
bool cluster_free(struct cluster *c);
/* The other nodes matter where there is a pool of layer 2. */
bool cluster_has_layer2(const struct cluster *c);
void cluster_want_nodes(struct cluster *c);
/* All that was touched is told. */
void cluster_rest(struct cluster *c);

/* identity.c: who we are in a Lease ------------------------------------------------------- */

struct identity;

/* Never NULL. path: of the file that outlives a restart. */
struct identity *identity_open(
    struct guest *guest, const char *path, const char *node);
void identity_close(struct identity *id);
const char *identity_text(const struct identity *id);
/* The node of any such text, for people; to be freed. NULL of NULL. */
char *identity_node(const char *text);

/* show.c */

int show_k8s(struct cluster *c, struct bgpd_out *out);
struct bgpd_metric *metric_open(
    struct cluster *c, int kind, const char *name, const char *help);
void metrics_open(struct cluster *c);
void metrics_close(struct cluster *c);
void metrics_set_pools(struct cluster *c); /* the pools are new */
void metrics_set(struct cluster *c);

/* metrics.c: of the BGP sessions */

void metrics_open_sessions(struct cluster *c);
void metrics_close_sessions(struct cluster *c);

#endif
