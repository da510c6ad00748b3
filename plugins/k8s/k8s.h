/* SPDX-License-Identifier: ISC */
/* The door of the plugin: objects, where they come from, what becomes of them. */
#ifndef K8S_H
#define K8S_H

#include "kit.h"

/* object.c, service.c: what is kept of a Kubernetes object --------------------- */

enum object_kind {
	OBJECT_CONFIG_MAP,
	OBJECT_NODE,
	OBJECT_SECRET,
	OBJECT_SERVICE,
	OBJECT_SLICE,
	OBJECT_KINDS
};

struct object {
	uint8_t kind;
	char *name; /* "namespace/name"; a Node: "name" */
};

/* A ConfigMap or Secret: its values, decoded. */
struct object_data {
	struct object object;
	struct object_pair {
		char *key, *value;
		size_t len;
	} * pairs;
	size_t count;
};

/* Of the key that the nodes share. */
#define SECRET_NAME "memberlist"

#define LABEL_EXCLUDE "node.kubernetes.io/exclude-from-external-load-balancers"
#define LABEL_SERVICE "kubernetes.io/service-name"

#define NODE_ADDRESSES 4
#define UID_LEN	       37 /* with its end, as the next */
#define VERSION_LEN    24

struct object_label {
	const char *key, *value;
};

struct object_node {
	struct object object;
	char uid[UID_LEN]; /* "": not said */
	struct object_label *labels;
	size_t label_count;
	struct bgpd_addr addresses[NODE_ADDRESSES]; /* InternalIP */
	uint8_t address_count;
	bool excluded;		  /* by its label */
	bool network_unavailable; /* by its condition */
};

struct object_slice {
	struct object object;
	char *service; /* "namespace/name" by its label; NULL: none */
	/* Nodes with an endpoint that counts: "a\0b\0", sorted, each once. */
	char *nodes;
	size_t nodes_len;
	bool usable; /* has an endpoint that counts, on a node or nowhere */
};

enum object_protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP };

struct object_port {
	uint16_t number;
	uint8_t protocol; /* enum object_protocol */
	uint8_t unused;
};

#define SERVICE_IPS 2

/* Ours among the conditions of a Service. */
#define CONDITION_ALLOCATED "bgpd.io/Allocated"
#define CONDITION_CONFLICT  "bgpd.io/Conflict"

enum condition { CONDITION_UNSAID, CONDITION_FALSE, CONDITION_TRUE };

/* Of one that is not of type LoadBalancer nothing but that is kept. */
struct object_service {
	struct object object;
	char uid[UID_LEN], version[VERSION_LEN]; /* resourceVersion; "" */
	int64_t created;			 /* seconds; 0: not said */
	/* lastTransitionTime of ours; seconds, 0: not said. */
	int64_t allocated_since, conflict_since;
	bool balancer;	  /* type LoadBalancer */
	bool local;	  /* externalTrafficPolicy */
	bool both;	  /* RequireDualStack */
	bool status_seen; /* the status says anything at all */
	uint8_t status_count, family_count, families[SERVICE_IPS];
	uint8_t allocated, conflict; /* enum condition, of the status */
	char *class;		     /* NULL: none; so all below */
	char *wanted; /* addresses, by comma: loadBalancerIP, annotation */
	char *pool;   /* annotations */
	char *sharing;
	char *selector;	     /* serialised, when local */
	char *allocated_why; /* the message of CONDITION_ALLOCATED */
	char *conflict_why;  /* of CONDITION_CONFLICT */
	char *conditions;    /* those of others, as JSON: "{...},{...}" */
	struct object_port *ports;
	size_t port_count;
	struct bgpd_addr status[SERVICE_IPS];
};

const char *object_kind_name(enum object_kind kind);
enum object_kind object_kind_find(struct json_object *root);
char *object_key(
    enum object_kind kind, struct json_object *root, struct fault *fault);
struct object *object_read(enum object_kind kind, struct json_object *root,
    char **key, struct fault *fault);
void object_free(struct object *object);
bool object_equal(const struct object *a, const struct object *b);
struct object_data *data_copy(const struct object_data *data);
const char *object_value(
    const struct object_data *data, const char *key, size_t *len);

struct object *service_read(struct json_object *root, struct fault *fault);
void service_free(struct object *object);
bool service_equal(const struct object *a, const struct object *b);
/* Do the statuses say the same addresses and conditions? */
bool service_status_equal(
    const struct object_service *a, const struct object_service *b);
struct object *slice_read(struct json_object *root, struct fault *fault);
void slice_free(struct object *object);
bool slice_equal(const struct object *a, const struct object *b);

/* print.c */

struct text; /* text.h */

/* Behind what stands there: one line that object_read makes an equal of. */
void object_print(const struct object *object, struct text *out);

/* manifest.c: a file to objects ------------------------------------------------- */

struct manifest {
	TAILQ_HEAD(, manifest_item) items;
	struct fault fault; /* of the whole file */
	unsigned line;
};

struct manifest_fault {
	unsigned line;
	enum object_kind kind;
	const char *name; /* NULL: nobody knows whose */
	const char *text;
};

int manifest_read(
    struct manifest *m, const char *text, size_t len, bool is_json);
void manifest_tell(struct manifest *m,
    void (*on_object)(void *arg, struct object *object),
    void (*on_fault)(void *arg, const struct manifest_fault *fault), void *arg);

/* Sources: where objects come from ---------------------------------------------- */

/* What `plugin k8s` says. */
struct settings {
	const struct source_kind *source; /* NULL: none is named */
	char *where;			  /* NULL: not said */
	char *node, *space, *config_map, *state;
	char *class; /* loadBalancerClass that is ours; NULL: those of none */
	bool no_leases; /* of nodes */
};

struct source_sink {
	/* New, or changed as far as the source knows; given away. */
	void (*on_object)(void *arg, struct object *object);
	void (*on_gone)(void *arg, enum object_kind kind, const char *name);
	/* What was told belongs together; synced: all there is has been told. */
	void (*on_batch)(void *arg, bool synced);
};

/* A source begins with this. */
struct source {
	const struct source_kind *kind;
};

/* Nothing is told before `open` has returned. */
struct source_kind {
	const char *word; /* `source WORD` */
	struct source *(*open)(struct guest *guest, const struct settings *set,
	    const struct source_sink *sink, void *arg);
	void (*close)(struct source *source);
	const char *(*state)(const struct source *source);
	/* NULL: nothing can be written back, and it is read from disk anyway. */
	struct api *(*api)(struct source *source);
	/* From here on a kind is read; its reading begins in a later turn. */
	void (*watch)(struct source *source, enum object_kind kind);
	/* Known from before: told as gone when the first reading lacks it. */
	void (*know)(
	    struct source *source, enum object_kind kind, const char *name);
	/* From now on every Node, not this one alone; NULL: it is so anyway. */
	void (*want_nodes)(struct source *source);
	/* Have they been told, since they were wanted? */
	bool (*has_nodes)(const struct source *source);
	/*
	 * All Services are read anew; is_fresh from the on_batch on by which all
	 * that was written before is told.
	 */
	void (*refresh)(struct source *source);
	bool (*is_fresh)(const struct source *source);
	/* One line per kind of object, for show; NULL: nothing to say. */
	void (*show)(const struct source *source, struct bgpd_out *out);
};

extern const struct source_kind source_directory, source_api;

/* dirwatch.c: a directory that changes */

struct dirwatch *dirwatch_open(struct guest *guest, const char *path,
    void (*on_change)(void *arg), void *arg);
void dirwatch_close(struct dirwatch *w);
void dirwatch_follow(struct dirwatch *w);
bool dirwatch_works(const struct dirwatch *w);

/* journal.c: what survives a restart ---------------------------------------------- */

struct journal *journal_open(
    struct guest *guest, const char *path, const char *node);
void journal_close(struct journal *j);
void journal_put(struct journal *j, const char *name, const char *value);
void journal_remove(struct journal *j, const char *name);
const char *journal_find(struct journal *j, const char *name);
void journal_walk(
    struct journal *j, void (*on_name)(void *, const char *), void *arg);
bool journal_works(const struct journal *j);

/* disk.c: all that was written is on the disk when this returns. It may take long:
 * before the code goes, and not from the loop. */
void disk_wait(void);

/* cache.c: the objects last seen, for when the API server is away ------------------ */

struct cache;

/* Who has the objects. */
struct cache_owner {
	/* How many they are: a file much longer than that is written anew. */
	size_t (*count)(void *arg);
	/*
	 * The first of a kind by name (strcmp) that comes after a name, NULL: of
	 * all; NULL: there is none. Asked in slices: objects may come and go.
	 */
	const struct object *(*next)(
	    void *arg, enum object_kind kind, const char *after);
};

/*
 * Never NULL: without a usable file nothing is kept, and that is told. owner is
 * borrowed for as long as it is open, and asked from the loop or from put and
 * remove.
 */
struct cache *cache_open(struct guest *guest, const char *path,
    const char *node, const struct cache_owner *owner, void *arg);
void cache_close(struct cache *c);
/*
 * Tells a slice of what was kept, in the order in which it was; is any left? To
 * be called until none is, or the file is never written anew. on_object is
 * given the object. Neither may close the cache; what they put and remove is
 * not written, as it stands there.
 */
bool cache_read(struct cache *c,
    void (*on_object)(void *arg, struct object *object),
    void (*on_gone)(void *arg, enum object_kind kind, const char *name),
    void *arg);
/* With the kernel when the loop turns next. */
void cache_put(struct cache *c, const struct object *object);
void cache_remove(struct cache *c, enum object_kind kind, const char *name);
bool cache_works(const struct cache *c);

#endif
