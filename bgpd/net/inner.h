/* SPDX-License-Identifier: ISC */
/* Between the rooms of this floor: libevent's base, and calls that are measured. */
#ifndef NET_INNER_H
#define NET_INNER_H

#include <stdint.h>

#include "net/net.h"

struct event_base;

/* loop.c */

struct event_base *loop_base(struct loop *loop);
/* Around each call that libevent makes past the loop's own timers and watches. */
int64_t loop_enter(struct loop *loop); /* now, in microseconds */
/* How long it held the loop. Its object may be gone. */
void loop_leave(struct loop *loop, enum loop_kind kind, int64_t entered_us);

#endif
