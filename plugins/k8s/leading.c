/* SPDX-License-Identifier: ISC */
/* Does this node give addresses: it has the Lease, and a view as new as that. */

/*
 * Who gets the Lease may have heard nothing for a while, of a watch that hangs.
 * So all Services are read again before any is given an address: then all is known
 * that the one before has written. What cannot be read is not waited for without
 * an end: a status that is not as it was decided on is not written anyway, as the
 * patch carries its version.
 */

#include <stdlib.h>

#include "api/api.h"
#include "publish.h"

#define LEASE_NAME	  "fairway-allocator"
#define LEASE_DURATION_MS 15000
#define LEASE_RENEW_MS	  10000
#define LEASE_RETRY_MS	  2000
#define VIEW_MS		  30000 /* for all Services to be read again */

enum view { VIEW_OLD, VIEW_ASKED, VIEW_FRESH };

struct leading {
	struct cluster *c;
	struct identity *identity;
	struct lease *lease; /* NULL: it does not compete yet */
	struct bgpd_timer *timer;
	enum view view;
	void (*on_change)(void *arg, bool leads);
	void *arg;
};

static void
view_set(struct leading *l, enum view view)
{
	l->c->guest->host->timer_stop(l->timer);
	l->view = view;
	l->on_change(l->arg, view == VIEW_FRESH);
}

/* By the Lease. */
static void
on_held(void *arg, bool held)
{
	struct leading *l = arg;
	struct source *source = l->c->source;

	if (!held) {
		view_set(l, VIEW_OLD);
		return;
	}
	l->view = VIEW_ASKED;
	l->c->guest->host->timer_start(l->timer, VIEW_MS);
	source->kind->refresh(source);
}

static void
on_view(void *arg)
{
	struct leading *l = arg;

	say(l->c->guest, LOG_WARNING,
	    "this node is to give addresses, and for %d s could not read all "
	    "Services again: it goes by what it knew before",
	    VIEW_MS / 1000);
	view_set(l, VIEW_FRESH);
}

void
leading_look(struct leading *l)
{
	const struct source *source = l->c->source;

	if (l->view == VIEW_ASKED && source->kind->is_fresh(source))
		view_set(l, VIEW_FRESH);
}

bool
leading_has_lease(const struct leading *l)
{
	return l->lease != NULL && lease_is_held(l->lease);
}

bool
leading_is_on(const struct leading *l)
{
	return leading_has_lease(l) && l->view == VIEW_FRESH;
}

void
leading_compete(struct leading *l, struct api *api)
{
	struct lease_options options = {
		.space = l->c->settings->space,
		.name = LEASE_NAME,
		.identity = identity_text(l->identity),
		.duration_ms = LEASE_DURATION_MS,
		.renew_ms = LEASE_RENEW_MS,
		.retry_ms = LEASE_RETRY_MS,
	};

	if (l->lease == NULL && l->c->config != NULL)
		l->lease = lease_open(l->c->guest, api, &options, on_held, l);
}

void
leading_stop(struct leading *l, void (*on_done)(void *arg), void *arg)
{
	if (l->lease == NULL)
		on_done(arg);
	else
		lease_release(l->lease, on_done, arg);
}

void
leading_show(const struct leading *l, struct bgpd_out *out)
{
	const struct bgpd_host *host = l->c->guest->host;
	char *holder =
	    identity_node(l->lease == NULL ? NULL : lease_holder(l->lease));
	const char *trouble = l->lease == NULL ? NULL : lease_trouble(l->lease);

	host->out_print(out, "Allocator: %s%s\n",
	    leading_is_on(l) ? "this node"
	    : holder != NULL ? holder
			     : "not known",
	    l->lease == NULL	    ? " (all objects must be read first)"
	    : l->view == VIEW_ASKED ? " (this node, which reads all Services "
				      "again first)"
				    : "");
	if (trouble != NULL) {
		host->out_print(out, "  The Lease: %s\n", trouble);
		host->out_string(out, "leaseTrouble", trouble);
	}
	host->out_bool(out, "allocates", leading_is_on(l));
	if (holder != NULL)
		host->out_string(out, "allocator", holder);
	free(holder);
}

struct leading *
leading_new(
    struct cluster *c, void (*on_change)(void *arg, bool leads), void *arg)
{
	struct leading *l = k8s_alloc(sizeof(*l));
	char *path = k8s_print("%s.identity", c->settings->state);

	l->c = c;
	l->identity = identity_open(c->guest, path, c->settings->node);
	free(path);
	l->on_change = on_change;
	l->arg = arg;
	l->timer = c->guest->host->timer_new(c->guest->self, on_view, l);
	return l;
}

const char *
leading_identity(const struct leading *l)
{
	return identity_text(l->identity);
}

void
leading_free(struct leading *l)
{
	lease_close(l->lease);
	identity_close(l->identity);
	l->c->guest->host->timer_free(l->timer);
	free(l);
}
