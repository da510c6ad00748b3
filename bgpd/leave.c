/* SPDX-License-Identifier: ISC */
/* Guests that leave: what they carry or hold is handed over before they stop. */

/*
 * When the daemon ends, all guests are told at once, and it waits for all of
 * them. When one alone goes, by reload or unload, it is waited for when it carries
 * addresses or offers any: others elsewhere may wait for what it holds, as for a
 * Lease. A guest says that it is ready inside a call of its own, so that it is
 * stopped from the loop.
 */

#include "host.h"
#include "util/log.h"

#define HAND_OVER_MS 3000

static struct loop *leave_loop;
static bool is_restarting, is_ending;
static void (*stop_ready)(void *arg);
static void *stop_arg;

void
leave_open(struct loop *loop)
{
	leave_loop = loop;
}

bool
leave_is_ending(void)
{
	return is_ending;
}

/* One alone ------------------------------------------------------------------- */

static void
on_left(void *arg)
{
	struct bgpd_self *self = arg;

	if (!self->has_left)
		log_warning("plugin", "%s did not hand over in time: stopped",
		    self->name);
	self->on_left(self);
}

bool
leave_begin(struct bgpd_self *self, void (*then)(struct bgpd_self *self))
{
	if (self->is_leaving)
		return true;
	if (!self->is_running ||
	    (self->backend == NULL && self->source == NULL) ||
	    self->ops.on_stopping == NULL || leave_loop == NULL)
		return false;
	log_info("plugin", "%s hands over before it stops", self->name);
	self->is_leaving = true;
	self->has_left = false;
	self->on_left = then;
	self->farewell = timer_new(leave_loop, on_left, self);
	timer_start(self->farewell, HAND_OVER_MS);
	/* As the daemon ends it knows it already. */
	if (!self->is_stopping)
		self->ops.on_stopping(self->arg);
	return true;
}

void
leave_end(struct bgpd_self *self)
{
	timer_free(self->farewell);
	self->farewell = NULL;
	self->is_leaving = false;
	/* Who waits for it would wait for ever. */
	if (self->is_stopping)
		plugin_ready(self);
}

/* All of them ----------------------------------------------------------------- */

static bool
is_awaited(void)
{
	struct bgpd_self *self = NULL;

	while ((self = plugins_next(self)) != NULL)
		if (self->is_stopping)
			return true;
	return false;
}

void
plugin_ready(struct bgpd_self *self)
{
	self->is_stopping = false;
	if (self->is_leaving) {
		self->has_left = true;
		timer_start(self->farewell, 0);
	}
	if (is_awaited())
		return;
	if (stop_ready != NULL)
		stop_ready(stop_arg);
	stop_ready = NULL;
}

int
plugin_is_restarting(struct bgpd_self *self)
{
	return is_restarting && !self->is_leaving;
}

void
plugins_prepare_stop(bool again, void (*on_ready)(void *arg), void *arg)
{
	struct bgpd_self *self = NULL;

	stop_ready = NULL;
	is_restarting = again;
	is_ending = true;
	while ((self = plugins_next(self)) != NULL) {
		if (!self->is_running || self->ops.on_stopping == NULL)
			continue;
		self->is_stopping = true;
		/* One that leaves knows it already. */
		if (!self->is_leaving)
			self->ops.on_stopping(self->arg);
		else if (self->has_left)
			self->is_stopping = false;
	}
	stop_ready = on_ready;
	stop_arg = arg;
	if (!is_awaited()) {
		stop_ready = NULL;
		on_ready(arg);
	}
}
