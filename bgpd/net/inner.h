/* SPDX-License-Identifier: ISC */
/* Between the rooms of this floor: libevent's base, measured calls, posts. */
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

/* post.c: what other threads want done ------------------------------------- */

struct posts;
struct posts *posts_new(void);
void posts_free(struct posts *posts);	 /* NULL is fine */
int posts_fd(const struct posts *posts); /* readable when there is any */
void posts_add(struct posts *posts, void (*on_post)(void *), void *arg);
void posts_run(struct posts *posts); /* in the loop's thread */

#endif
