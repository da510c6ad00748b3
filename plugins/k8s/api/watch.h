/* SPDX-License-Identifier: ISC */
/* Inside the reflector: what is known, what comes, what is wrong, when again. */
#ifndef K8S_API_WATCH_H
#define K8S_API_WATCH_H

#include "api.h"

/* known.c: the keys that are known, and which of them a list did not show (pure) - */

struct known;

struct known *known_new(void);
void known_free(struct known *known);
size_t known_count(const struct known *known);
/* It is there: seen now, or heard of before any list. */
void known_see(struct known *known, const char *key);
void known_hear(struct known *known, const char *key);
bool known_remove(struct known *known, const char *key); /* was it known? */
/* A list begins: from here on what is seen is of it. A sweep ends. */
void known_list(struct known *known);
/*
 * The list is complete: what it did not show goes, after `max` keys were looked
 * at or on_gone has said false no further. true: all is done. on_gone may do
 * anything but free the set.
 */
bool known_sweep(struct known *known, size_t max,
    bool (*on_gone)(void *arg, const char *key), void *arg);

/* pace.c: when to try again (pure) ------------------------------------------------- */

struct pace {
	bool well, quick;
	int status; /* of the last failure */
	unsigned failures, refusals;
	int64_t well_ms, outage_ms; /* since when */
};

/* What a server says that answered, and goes on being well. */
void pace_well(struct pace *pace, int64_t now_ms);
/*
 * It failed with a status of HTTP, 0: no answer. How long to wait, in
 * milliseconds; `dice` are random bits.
 */
int64_t pace_fail(struct pace *pace, int64_t now_ms, int status,
    int64_t retry_after_ms, uint32_t dice);

/* The reflector itself, of the rooms below --------------------------------------- */

enum job { JOB_STREAM, JOB_LIST, JOB_WATCH, JOB_PROBE };

/* What a value has led to. */
enum verdict { GO_ON, REFUSED, WENT_BACK };

#define VERSION_ROOM 128
#define KEY_ROOM     512
#define UID_ROOM     64
#define WHY_ROOM     400

/* The last change of a kind: whoever has that has the history that we heard. */
struct witness {
	char key[KEY_ROOM], uid[UID_ROOM], version[VERSION_ROOM];
	bool gone; /* it was a deletion */
};

struct reflector {
	struct guest *guest;
	struct api *api;
	const struct reflector_kind *kind;
	const struct reflector_sink *sink;
	void *arg;
	struct known *known;
	struct pace pace;
	char version[VERSION_ROOM]; /* the last that was heard; "": none */
	struct witness witness;	    /* its version "": none */
	bool plain;		    /* no streaming lists here */
	bool unpaged;		    /* pages grow too old */
	bool synced, fresh, dead;   /* fresh: a list since it was asked for */
	unsigned busy;		    /* how often it is in its own code */

	/* The job: under way where there is a call, else it comes next. */
	enum job job;
	struct api_call *call;
	struct stream *stream;
	struct bgpd_timer *timer, *later; /* timer: see on_time */
	char *more;			  /* the next page of a list; NULL */
	int64_t began_ms, due_ms;	  /* due: a watch should end */
	bool listed;			  /* what comes are changes */
	bool told, bad;			  /* anything has come; a bad object */
	bool same;			  /* the witness was met */
	bool resumed;	      /* ... and it does not work again yet */
	bool batch, sweeping; /* for the sink's on_batch; the keys */
	enum verdict verdict;
	int error; /* code and message of an ERROR event */
	char message[WHY_ROOM];

	/* What is wrong. */
	bool troubled, absent;
	int status;
	unsigned absences;
	int64_t logged_ms;
	char waiting[WHY_ROOM]; /* "waiting: why" */
};

#define tell(r, level, format, ...)                                            \
	say((r)->guest, level, "%s: " format, (r)->kind->name, __VA_ARGS__)

/* reflector.c: the job under way ends, another begins after a while */
void reflector_list(struct reflector *r, int64_t after_ms); /* a whole list */
/* On where it was, if the server has that history; else a list. */
void reflector_resume(struct reflector *r, int64_t after_ms);

/* observe.c: what comes; a list begins, and is complete */
void observe_event(void *arg, const char *name, struct json_object *value);
void observe_item(void *arg, const char *name, struct json_object *value);
void observe_probe(void *arg, const char *name, struct json_object *value);
void observe_list(struct reflector *r);
bool observe_has_witness(const struct reflector *r); /* that can be met */
void observe_list_end(struct reflector *r);
void observe_synced(struct reflector *r); /* there is nothing more */
void observe_batch(struct reflector *r);  /* a chunk is over */
void observe_later(struct reflector *r);  /* and so is the loop's turn */

/* remedy.c: what is wrong, and what helps; it may end in `dead` */
void remedy_failure(struct reflector *r, const struct api_reply *reply);
void remedy_fail(struct reflector *r, int status, const char *why);
void remedy_verdict(struct reflector *r);
void remedy_strange(struct reflector *r); /* the witness was not met */
void remedy_over(struct reflector *r);	  /* it works */

#endif
