/* SPDX-License-Identifier: ISC */
/* Sessions as they are now: asked of the thread, for shows and metrics. */
#include <string.h>

#include "bfd/session.h"
#include "util/mem.h"

/* What the thread knows of one session. */
struct view {
	const struct session *session;
	struct machine machine;
	struct addr local;
	int64_t now_us;
};

struct views {
	struct view *items;
	unsigned count;
};

/* In the thread. */
static void
views_answer(void *arg)
{
	struct views *views = arg;
	int64_t now_us = clock_now_us();
	struct view *view;

	for (view = views->items; view < views->items + views->count; view++) {
		view->machine = view->session->link->machine;
		view->local = view->session->link->local_now;
		view->now_us = now_us;
	}
}

static bool
session_is_shown(const struct session *session)
{
	return !session->ending && session->link != NULL;
}

static unsigned
session_count_clients(const struct session *session, struct bfd_status *status)
{
	const struct bfd_client *client;
	unsigned count = 0;

	LIST_FOREACH (client, &session->clients, entry) {
		if (client->is_line)
			status->configured = true;
		else
			count++;
		if (status->profile == NULL || client->is_line)
			status->profile = client->profile != NULL
					      ? client->profile
					      : status->profile;
	}
	return count;
}

static void
view_fill_machine(const struct machine *m, struct bfd_status *status)
{
	status->discr = m->discr;
	status->remote_discr = m->remote_discr;
	status->state = m->state;
	status->remote_state = m->remote_state;
	status->diag = m->diag;
	status->remote_diag = m->remote_diag;
	status->remote_multiplier = m->remote_multiplier;
	status->remote_tx_us = m->remote_tx_us;
	status->remote_rx_us = m->remote_rx_us;
	status->remote_echo_us = m->remote_echo_us;
	status->interval_us = machine_interval_us(m);
	status->detection_us = machine_detection_us(m);
	status->changed_us = m->changed_us;
	status->counters = m->counters;
}

static void
view_fill(const struct view *view, struct bfd_status *status)
{
	const struct session *session = view->session;

	memset(status, 0, sizeof(*status));
	status->peer = session->setup.peer;
	status->local = session->setup.local.family != 0 ? session->setup.local
							 : view->local;
	status->local.scope = 0;
	if (session->setup.interface[0] != '\0')
		status->interface = session->setup.interface;
	status->multihop = session->setup.multihop;
	status->clients = session_count_clients(session, status);
	status->knobs = session->setup.knobs;
	if (session->obstacle[0] != '\0')
		status->obstacle = session->obstacle;
	status->now_us = view->now_us;
	view_fill_machine(&view->machine, status);
}

void
bfd_each(const struct bfd *bfd,
    void (*each)(void *arg, const struct bfd_status *status), void *arg)
{
	struct views views = { 0 };
	const struct session *session;
	struct bfd_status status;
	unsigned i;

	TAILQ_FOREACH (session, &bfd->sessions, entry)
		views.count += session_is_shown(session);
	views.items = mem_array(views.count, sizeof(*views.items));
	i = 0;
	TAILQ_FOREACH (session, &bfd->sessions, entry)
		if (session_is_shown(session))
			views.items[i++].session = session;
	engine_ask(bfd->engine, views_answer, &views);
	for (i = 0; i < views.count; i++) {
		view_fill(&views.items[i], &status);
		each(arg, &status);
	}
	mem_free(views.items);
}

bool
bfd_client_status(const struct bfd_client *client, struct bfd_status *status)
{
	struct view view = { .session = client->session };
	struct views views = { &view, 1 };

	if (!session_is_shown(client->session))
		return false;
	engine_ask(client->session->bfd->engine, views_answer, &views);
	view_fill(&view, status);
	return true;
}

void
bfd_get_totals(const struct bfd *bfd, struct bfd_totals *totals)
{
	engine_get_totals(bfd->engine, totals);
}
