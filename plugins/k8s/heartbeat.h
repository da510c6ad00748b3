/* SPDX-License-Identifier: ISC */
/* Which nodes are alive, by a Lease of each: the slow witness of layer 2. */
#ifndef K8S_HEARTBEAT_H
#define K8S_HEARTBEAT_H

#include "cluster.h"

struct api;

/* pulse.c: whose Lease was renewed lately, as it was observed (pure) --------------- */

#define PULSE_VALID_MS INT64_C(15000) /* at least, since the last renewal */
#define PULSE_LIVE_MS  INT64_C(10000) /* two renewals of our own were missed */

/* As the `alive` of struct bgpd_member. */
enum pulse { PULSE_GONE, PULSE_ALIVE, PULSE_UNKNOWN };

struct pulses;

struct pulses *pulses_new(const char *self);
void pulses_free(struct pulses *pulses);
/*
 * A Lease as the watch tells it: another version is a renewal, `released` one
 * that was given back. valid_ms: as long as it is good by its own word. True:
 * somebody's pulse is another now.
 */
bool pulses_hear(struct pulses *pulses, const char *node, const char *version,
    bool released, int64_t valid_ms, int64_t now_ms);
/* It was deleted: that is no renewal. */
void pulses_miss(struct pulses *pulses, const char *node);
/* There is no such Node: nothing is kept of it when its Lease is gone, too. */
void pulses_forget(struct pulses *pulses, const char *node);
/* Time has passed. True as above. */
bool pulses_tick(struct pulses *pulses, int64_t now_ms);
/* When pulses_tick is due; INT64_MAX: not as things are. */
int64_t pulses_next_ms(const struct pulses *pulses);
/* Does the watch tell of our own renewals? Else everybody is unknown. */
bool pulses_is_live(const struct pulses *pulses);
enum pulse pulses_of(const struct pulses *pulses, const char *node);
size_t pulses_count(const struct pulses *pulses); /* kept; for tests */

/* heartbeat.c: this node's Lease, and the watch on those of all -------------------- */

struct heartbeat;

/* identity is borrowed; nothing is written before heartbeat_look. */
struct heartbeat *heartbeat_new(
    struct cluster *c, struct api *api, const char *identity);
/* All are told to be unknown, and the Lease is given back, unless it is left. */
void heartbeat_free(struct heartbeat *h);
/* Is a Lease wanted by now, or no more? By itself again each few seconds. */
void heartbeat_look(struct heartbeat *h);
/*
 * The Lease is not given back: this process begins anew, or reads another source
 * while what it told stands. Who has the same identity goes on with it.
 */
void heartbeat_leave(struct heartbeat *h);
/* There is no such Node any more. h may be NULL, as below. */
void heartbeat_forget(struct heartbeat *h, const char *node);
enum pulse heartbeat_of(const struct heartbeat *h, const char *node);
void heartbeat_show(const struct heartbeat *h, struct bgpd_out *out);

#endif
