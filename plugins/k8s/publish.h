/* SPDX-License-Identifier: ISC */
/* What is written back of a Service: its status, events. */
#ifndef K8S_PUBLISH_H
#define K8S_PUBLISH_H

#include "cluster.h"

struct api;
struct recorder;

/* status.c: what a status shall say ------------------------------------------------------- */

#define CONFLICT_LEN 160
#define MAC_LEN	     18 /* text with its end */

struct wish {
	uint8_t count;
	struct bgpd_addr addresses[SERVICE_IPS];
	bool conflict;
	char conflict_why[CONFLICT_LEN]; /* where why is NULL */
	char *why; /* the caller's to free; NULL: it has an address */
	/* Since when its conditions are as they are; seconds. */
	int64_t allocated_since, conflict_since;
};

/* As it was decided. */
void wish_make(const struct service *s, struct wish *wish);
/* Does the status say something else than was decided? */
bool wish_differs(const struct service *s);
/* ... and is that the reason alone, of one that waits as before? */
bool wish_differs_in_words(const struct service *s);
/* ... or in what this node sees of a stranger that has an address of it? */
bool wish_differs_in_conflict(const struct service *s);
/* The stranger that is not in the status yet; NULL: there is none. */
const struct sight *wish_news(const struct service *s);
/* Does the status say that a stranger has that address? */
bool wish_is_in_conflict(
    const struct object_service *o, const struct bgpd_addr *addr);
const char *mac_text(const uint8_t mac[6], char out[MAC_LEN]);
/* The status says it now: as if the source had told it. */
void wish_settle(struct object_service *o, const struct wish *wish);
/* The same of the one condition. */
void wish_settle_conflict(struct object_service *o, const struct wish *wish);
/* Of the status subresource; to be freed, as the bodies of merge patches are. */
char *status_path(const char *name);
char *status_body(const struct object_service *o, const struct wish *wish);
/* That condition alone: of a strategic merge patch. */
char *status_body_of_conflict(
    const struct object_service *o, const struct wish *wish);
/* Nothing of ours, the conditions of others (NULL: none), for that uid alone. */
char *status_body_of_none(const char *uid, const char *others);

/* events.c: what is said of a Service in events ---------------------------------------------- */

/* It has the addresses, or has none: a transition. */
void event_of_wish(
    struct cluster *c, const struct service *s, const struct wish *wish);
/* Somebody else writes its status. */
void event_of_rival(struct cluster *c, const struct service *s);
/* This node begins to carry an address of it. */
void event_of_carrying(
    struct cluster *c, const struct service *s, const char *protocol);
/* This node hears that a stranger has one. */
void event_of_stranger(struct cluster *c, const struct service *s,
    const struct bgpd_addr *addr, const uint8_t mac[6]);

/* sight.c: what backends say ----------------------------------------------------------------- */

/* Its conflict is written: not again for a while? */
bool sight_turns(struct cluster *c, struct service *s);
/* A backend's word on an address. */
void publish_carry(struct cluster *c, const struct bgpd_carry *carry);

/* former.c: Services that were of the type, or were at all ----------------------------------- */

struct former;
struct formers;

/* on_ripe: there is one to be taken. */
struct formers *formers_new(
    struct cluster *c, void (*on_ripe)(void *arg), void *arg);
void formers_free(struct formers *formers);
void formers_clear(struct formers *formers);
void formers_add(struct formers *formers, const struct service *s);
/* One whose status is to be cleared, by that patch, both the caller's; NULL. */
struct former *formers_take(struct formers *formers, char **path, char **body);
void formers_again(struct formers *formers, struct former *former);
void former_free(struct former *former);

/* leading.c: does this node give addresses ---------------------------------------------------- */

struct leading;

/* on_change: it leads from here on, or no more. */
struct leading *leading_new(
    struct cluster *c, void (*on_change)(void *arg, bool leads), void *arg);
void leading_free(struct leading *leading); /* gives the Lease back */
const char *leading_identity(const struct leading *leading);
/* From now on it wants to be the one. */
void leading_compete(struct leading *leading, struct api *api);
/* The source has told something: is it what a new leader waits for? */
void leading_look(struct leading *leading);
bool leading_has_lease(const struct leading *leading);
bool leading_is_on(const struct leading *leading); /* at this very moment */
/* The Lease is given back; on_done when it is. */
void leading_stop(
    struct leading *leading, void (*on_done)(void *arg), void *arg);
void leading_show(const struct leading *leading, struct bgpd_out *out);

/* publish.c: statuses and events, written back by one of all the nodes ------------------- */

struct publisher *publisher_new(struct cluster *c, struct api *api);
struct recorder *publisher_recorder(const struct publisher *p);
const char *publisher_identity(const struct publisher *p); /* in Leases */
void publisher_free(struct publisher *p);
/* From now on it wants to be the one: all there is has been read. */
void publisher_compete(struct publisher *p);
/* The source has told something. */
void publisher_look(struct publisher *p);
/* Is it this one that gives addresses, at this very moment? */
bool publisher_leads(const struct publisher *p);
/*
 * What was decided, to be written where the status says something else; by one
 * that does not give addresses, no more than what it sees of strangers.
 */
void publish_service(struct cluster *c, struct service *s, bool gives);
/* Forgets what was to be written. */
void publish_cancel(struct cluster *c, struct service *s);
/* It is of that type no more, or gone: its status is cleared, if there is one. */
void publish_former(struct cluster *c, const struct service *s);
/* It had to give its address up to an older one. */
void publish_conflict(
    struct cluster *c, struct service *s, const char *address, const char *to);
void publish_show(struct cluster *c, struct bgpd_out *out);
/* Hands the Lease over; on_done when that is done, or cannot be. */
void publish_stop(struct publisher *p, void (*on_done)(void *arg), void *arg);

#endif
