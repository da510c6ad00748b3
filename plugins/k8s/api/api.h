/* SPDX-License-Identifier: ISC */
/* The door of the client of a Kubernetes API server: from logins to leases. */
#ifndef K8S_API_H
#define K8S_API_H

#include "../kit.h"

/*
 * Knows Kubernetes' API and nothing of Services. Everything runs in the daemon's
 * loop and returns at once; callbacks come from the loop, never from inside the
 * call that asked for them. Anything may be closed inside its own callback.
 * Texts handed in are copied unless said otherwise, those handed out are
 * borrowed until the callback returns.
 */

/* login.c, kubeconfig.c, exec.c: where the server is, and who we are ------------- */

/*
 * What a kubeconfig or a pod's own files say. Secrets in it are never shown or
 * logged. Bytes are of PEM.
 */
struct login {
	char *server;	       /* "https://10.96.0.1:443", no slash behind */
	char *where;	       /* for `show`: the file, or "in-cluster" */
	char *space;	       /* the context's namespace; NULL */
	char *ca, *cert, *key; /* PEM; NULL: none */
	size_t ca_len, cert_len, key_len;
	char *token, *user, *password; /* NULL: none */
	char *token_file;	       /* read again: token */
	char *tls_server_name, *proxy_url;
	/* Impersonation; lists end with NULL, extra: key, value, key, ... */
	char *as_user, *as_uid, **as_groups, **as_extra;
	bool insecure;
	unsigned generation; /* another one: what connections use has changed */
	unsigned version;    /* another one: anything has */
};

struct logins;

/*
 * path NULL: in-cluster, $KUBECONFIG, ~/.kube/config, whichever is there; else
 * files by colon. on_change: an exec plugin has ended, logins_get knows more.
 */
struct logins *logins_open(struct guest *guest, const char *path,
    void (*on_change)(void *arg), void *arg);
void logins_close(struct logins *logins);
/*
 * The login as it is now, files read again when they have changed or have not
 * been looked at for a minute; NULL: *why says what is missing, with the cure.
 * While an exec plugin runs it is NULL too, with "exec plugin is running".
 */
const struct login *logins_get(struct logins *logins, const char **why);
bool logins_is_busy(const struct logins *logins); /* an exec plugin runs */
/* 401 to this version: read files, run the exec plugin before the next. */
void logins_refused(struct logins *logins, unsigned version);

/* http.c: requests, on curl's multi interface -------------------------------------- */

struct api;	 /* one server */
struct api_call; /* a request under way */

struct api_reply {
	int status;		/* of HTTP; 0: there was no answer */
	int64_t retry_after_ms; /* -1: not said */
	const char *why;	/* in plain words; NULL: it succeeded (2xx) */
	const char *reason;	/* of the Status object: "Expired", ...; "" */
	const char *body;	/* of a 2xx, where no on_data took it */
	size_t len;
};

struct api_request {
	const char *method; /* "GET"; of static storage, so is type */
	const char *path;   /* "/api/v1/services?limit=500" */
	const char *type;   /* of the body; NULL: there is none */
	const char *body;
	size_t len;
	/* Of the whole; 0: none (a watch), but bytes must come every silent_ms */
	int64_t timeout_ms, silent_ms;
	/* Bytes of a 2xx as they come; NULL: they are kept up to keep_max. */
	void (*on_data)(void *arg, const char *data, size_t len);
	size_t keep_max; /* more is dropped unread; 0: all is dropped */
	/* Once; the call is gone when it returns. */
	void (*on_done)(void *arg, const struct api_reply *reply);
	void *arg;
};

/* Never NULL: without a login every request is answered with status 0. */
struct api *api_open(struct guest *guest, const char *kubeconfig);
/*
 * All calls end unanswered. A write that was not sent yet and not cancelled is,
 * where there is a login: that may take 200 ms.
 */
void api_close(struct api *api);
struct api_call *api_start(struct api *api, const struct api_request *request);
void api_cancel(struct api_call *call); /* on_done is not called */
/* For `show k8s`: "https://... by in-cluster"; why the last one failed, NULL. */
const char *api_server(const struct api *api);
const char *api_trouble(const struct api *api);
/* Adds "key=value", value percent-encoded, behind ? or &. To be freed. */
char *api_path_add(char *path, const char *key, const char *value);

/* stream.c: a list or a watch, cut into its objects as its bytes come (pure) ------- */

struct stream;
enum stream_form { STREAM_LIST, STREAM_WATCH };

/*
 * A watch: each value of the text, none longer than a line, name NULL. A list:
 * each entry of `items`, name "items", and each other member of the top by its
 * name. value is the callee's to look at, and freed after; NULL: it was too long
 * or too deep, and passed over. Members named in skip (ends with NULL), at any
 * depth, become null unread. A null is not told. The stream is not to be freed
 * by on_value.
 */
struct stream *stream_new(enum stream_form form, const char *const *skip,
    void (*on_value)(void *arg, const char *name, struct json_object *value),
    void *arg);
void stream_free(struct stream *stream);
/* 0; -1: this is no JSON, stream_why tells where; nothing more is read. */
int stream_feed(struct stream *stream, const char *data, size_t len);
/* A watch: not inside a value. A list: all of it has come. */
bool stream_is_whole(const struct stream *stream);
const char *stream_why(const struct stream *stream);

/* reflector.c: list and watch, and nothing lost between ------------------------------ */

struct reflector;

struct reflector_kind {
	const char *name; /* "Services", for the log */
	const char *path; /* "/api/v1/services" */
	/* "fieldSelector=...", encoded; of several parameters it is last; NULL */
	const char *selector;
	bool optional; /* 403 or 404: there are none, and that is told once */
};

/* key: "namespace/name", or "name" of what has no namespace. */
struct reflector_sink {
	/* New or changed. */
	void (*on_object)(void *arg, const char *key, struct json_object *root);
	/* Deleted, or not in a list any more. */
	void (*on_gone)(void *arg, const char *key);
	/*
	 * What came belongs together: once in a turn of the loop, and when a
	 * list is complete, the first of which makes it synced.
	 */
	void (*on_batch)(void *arg);
	/* Something is wrong (NULL: it is over). For show; it is logged already. */
	void (*on_trouble)(void *arg, const char *why);
};

struct reflector *reflector_open(struct guest *guest, struct api *api,
    const struct reflector_kind *kind, const struct reflector_sink *sink,
    void *arg); /* kind and sink are borrowed for as long as it is open */
void reflector_close(struct reflector *reflector);
/* Known from before: it is told as gone when the first list lacks it. */
void reflector_know(struct reflector *reflector, const char *key);
bool reflector_is_synced(const struct reflector *reflector);
/*
 * A whole list is taken anew, for who must know all that was written until now:
 * is_fresh from the on_batch that ends it.
 */
void reflector_refresh(struct reflector *reflector);
bool reflector_is_fresh(const struct reflector *reflector);
size_t reflector_count(const struct reflector *reflector);
/* "watching", "listing", "resuming", "waiting: ..." */
const char *reflector_state(const struct reflector *reflector);

/* writer.c: writes, by rank, a bounded number under way ------------------------------- */

enum write_rank { WRITE_STATUS, WRITE_EVENT, WRITE_RANKS };

struct writer;

struct write {
	const char *method, *type; /* static */
	char *path, *body;	   /* the writer's to free */
	void *tag;		   /* the client's own */
};

struct writer_client {
	/* The next write, when one may start; false: none is wanted now. */
	bool (*next)(void *arg, struct write *write);
	/*
	 * What became of it. Where writer_is_retried the rank pauses by itself
	 * (Retry-After, else back-off with jitter), then `next` is asked again.
	 */
	void (*done)(void *arg, void *tag, const struct api_reply *reply);
};

/* 2xx; refused for good (4xx); to be tried again. */
struct writer_counts {
	uint64_t written, failed, retried;
};

struct writer *writer_new(struct guest *guest, struct api *api);
/* `done` is not called any more. Not from inside `next`. */
void writer_free(struct writer *writer);
/* Another client, or none: what is under way for the old one is cancelled. */
void writer_serve(struct writer *writer, enum write_rank rank,
    const struct writer_client *client, void *arg);
/* Something is wanted at this rank: `next` is asked from the loop. */
void writer_wake(struct writer *writer, enum write_rank rank);
/* No answer, 401, 408, 429, 5xx: the same write may succeed later. */
bool writer_is_retried(const struct api_reply *reply);
size_t writer_under_way(const struct writer *writer);
const struct writer_counts *writer_counts(
    const struct writer *writer, enum write_rank rank);

/* lease.c: one of many, by a Lease (coordination.k8s.io/v1) ----------------------------- */

struct lease;

/* What is written into one of a node: found by the label, gone with the Node. */
struct lease_mark {
	const char *label, *value;
	const char *node, *uid; /* of the Node object; uid "": not known */
};

struct lease_options {
	/* Borrowed while it is open. Two of one identity would both hold it. */
	const char *space, *name, *identity;
	int64_t duration_ms, renew_ms, retry_ms; /* client-go: 15, 10, 2 s */
	const char *word;	       /* for the log; NULL: "leading" */
	const struct lease_mark *mark; /* NULL: none; read at each write */
};

struct lease *lease_open(struct guest *guest, struct api *api,
    const struct lease_options *options,
    void (*on_change)(void *arg, bool held), void *arg);
/* Gives it back where it is held; the API may be closed right after. */
void lease_close(struct lease *lease);
/* Does not give it back: who comes next under this identity goes on with it. */
void lease_leave(struct lease *lease);
/*
 * Is it held at this very moment? By our own monotonic clock, counted from when
 * the last renewal that succeeded was sent; false also where the loop was frozen
 * and on_change has not come yet.
 */
bool lease_is_held(const struct lease *lease);
/* Also ourselves; NULL: nobody, or not known. */
const char *lease_holder(const struct lease *lease);
/* Why the last request failed, with the cure; NULL: it did not. */
const char *lease_trouble(const struct lease *lease);
/*
 * Gives it back; on_done when the server has answered or 2 s are over. From
 * here on it is not held and not wanted, and on_change does not tell.
 */
void lease_release(struct lease *lease, void (*on_done)(void *arg), void *arg);

/* recorder.c: events (events.k8s.io/v1), repeats as a series ---------------------------- */

struct recorder;

struct event {
	/* regarding */
	const char *api_version, *kind, *space, *name, *uid, *version;
	const char *type;   /* "Normal", "Warning" */
	const char *reason; /* "IPAllocated" */
	const char *action; /* "Allocate" */
	const char *note;
	const char *controller; /* reportingController: "metallb-controller" */
};

struct recorder *recorder_new(struct guest *guest, struct writer *writer,
    const char *instance);		       /* reportingInstance: the node */
void recorder_free(struct recorder *recorder); /* before its writer */
void recorder_say(struct recorder *recorder, const struct event *event);

#endif
