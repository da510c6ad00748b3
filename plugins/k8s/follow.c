/* SPDX-License-Identifier: ISC */
/* The addresses of Services where another one gives them: what their statuses say. */

/*
 * The allocator's table is filled all the same, so that who becomes the one that
 * gives knows what is given.
 */

#include <string.h>

#include "assign.h"

#define LINGER_MS 2000

/* Why it has no address, as far as its status tells. */
static void
follow_why(struct service *s)
{
	const struct object_service *o = s->object;

	if (s->address_count > 0)
		assign_set_why(s, NULL);
	else if (o->status_count > 0)
		assign_set_why(s, "ipNotAllowed: the address of its status "
				  "is in no address pool");
	else if (o->allocated == CONDITION_FALSE && o->allocated_why != NULL)
		assign_set_why(s, o->allocated_why);
	else
		assign_set_why(
		    s, "noIPAllocated: its status has no address yet");
}

/* Does the status say an address of a pool? */
static bool
status_is_ours(const struct cluster *c, const struct object_service *o)
{
	uint8_t i;

	for (i = 0; i < o->status_count; i++) {
		if (alloc_pool(c->alloc, &o->status[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * A status that was emptied, or filled with something foreign, with no word of
 * the allocator is somebody's slip, or a server's that was set back in time: the
 * allocator writes it again, and until then nothing is to flap.
 */
static bool
is_lingering(const struct cluster *c, struct service *s, int64_t now_ms)
{
	const struct object_service *o = s->object;

	if (status_is_ours(c, o) || o->allocated == CONDITION_FALSE ||
	    s->address_count == 0 || !s->confirmed) {
		s->linger_ms = 0;
		return false;
	}
	if (s->linger_ms == 0)
		s->linger_ms = now_ms + LINGER_MS;
	return now_ms < s->linger_ms;
}

int64_t
assign_follow(struct cluster *c, struct service *s, int64_t now_ms)
{
	const struct object_service *o = s->object;
	struct alloc_claim claim;
	size_t i;

	waiters_remove(c->waiters, s->name);
	if (is_lingering(c, s, now_ms))
		return s->linger_ms;
	s->linger_ms = 0;
	/* What was written here and not answered is long over. */
	s->unsure = false;
	assign_release(c, s);
	assign_claim(s, &claim);
	claim.told = true;
	s->claimed = true;
	for (i = 0; i < o->status_count; i++) {
		if (alloc_pool(c->alloc, &o->status[i]) == NULL)
			continue;
		/* Who may have it is the allocator's business. */
		if (alloc_take(c->alloc, &claim, &o->status[i]) == -1)
			alloc_note(c->alloc, s->name, &o->status[i]);
		s->addresses[s->address_count++] = o->status[i];
	}
	s->confirmed = s->address_count > 0;
	assign_know(c, s);
	follow_why(s);
	return 0;
}
