/* SPDX-License-Identifier: ISC */
/* Services that were of the type, or were at all: whose statuses are cleared. */

/*
 * The watch says of a Service that is deleted and of one whose type has changed
 * the same. A moment later the slices tell: those of a deleted one have gone with
 * it. Of any other our addresses and conditions are taken away, if it is there.
 */

#include <stdlib.h>
#include <string.h>

#include "publish.h"

#define FORMER_MS 1500
#define LOOK_MS	  500 /* several at a time */

struct former {
	TAILQ_ENTRY(former) link;
	int64_t due_ms;
	bool had_slices;
	char uid[UID_LEN];
	char *conditions; /* of others; NULL: none */
	char name[];
};
TAILQ_HEAD(former_list, former);

struct formers {
	struct cluster *c;
	struct bgpd_timer *timer;
	struct former_list young, ripe;
	void (*on_ripe)(void *arg);
	void *arg;
};

void
former_free(struct former *former)
{
	if (former != NULL)
		free(former->conditions);
	free(former);
}

/* Of the type again: its status is what was decided since. */
static bool
former_is_back(const struct formers *f, const struct former *former)
{
	const struct service *s = cluster_find(f->c, former->name);

	return s != NULL && s->object != NULL;
}

/* Gone with its slices: it was deleted. */
static bool
former_is_gone(const struct formers *f, const struct former *former)
{
	const struct service *s = cluster_find(f->c, former->name);

	return former->had_slices && (s == NULL || LIST_EMPTY(&s->slices));
}

static void
on_former(void *arg)
{
	struct formers *f = arg;
	int64_t now_ms = guest_now_ms(f->c->guest), left_ms;
	struct former *former;

	while ((former = TAILQ_FIRST(&f->young)) != NULL) {
		if (former->due_ms > now_ms) {
			left_ms = former->due_ms - now_ms;
			f->c->guest->host->timer_start(
			    f->timer, left_ms < LOOK_MS ? LOOK_MS : left_ms);
			break;
		}
		TAILQ_REMOVE(&f->young, former, link);
		if (former_is_back(f, former) || former_is_gone(f, former))
			former_free(former);
		else
			TAILQ_INSERT_TAIL(&f->ripe, former, link);
	}
	if (!TAILQ_EMPTY(&f->ripe))
		f->on_ripe(f->arg);
}

void
formers_add(struct formers *f, const struct service *s)
{
	struct former *former;

	former = k8s_alloc(sizeof(*former) + strlen(s->name) + 1);
	former->due_ms = guest_now_ms(f->c->guest) + FORMER_MS;
	former->had_slices = !LIST_EMPTY(&s->slices);
	memcpy(former->uid, s->object->uid, sizeof(former->uid));
	former->conditions = k8s_copy(s->object->conditions);
	strcpy(former->name, s->name);
	if (TAILQ_EMPTY(&f->young))
		f->c->guest->host->timer_start(f->timer, FORMER_MS);
	TAILQ_INSERT_TAIL(&f->young, former, link);
}

struct former *
formers_take(struct formers *f, char **path, char **body)
{
	struct former *former;

	while ((former = TAILQ_FIRST(&f->ripe)) != NULL) {
		TAILQ_REMOVE(&f->ripe, former, link);
		if (!former_is_back(f, former)) {
			*path = status_path(former->name);
			*body = status_body_of_none(
			    former->uid, former->conditions);
			return former;
		}
		former_free(former);
	}
	return NULL;
}

void
formers_again(struct formers *f, struct former *former)
{
	TAILQ_INSERT_TAIL(&f->ripe, former, link);
}

void
formers_clear(struct formers *f)
{
	struct former *former;

	TAILQ_CONCAT(&f->young, &f->ripe, link);
	while ((former = TAILQ_FIRST(&f->young)) != NULL) {
		TAILQ_REMOVE(&f->young, former, link);
		former_free(former);
	}
}

struct formers *
formers_new(struct cluster *c, void (*on_ripe)(void *arg), void *arg)
{
	struct formers *f = k8s_alloc(sizeof(*f));

	f->c = c;
	f->on_ripe = on_ripe;
	f->arg = arg;
	TAILQ_INIT(&f->young);
	TAILQ_INIT(&f->ripe);
	f->timer = c->guest->host->timer_new(c->guest->self, on_former, f);
	return f;
}

void
formers_free(struct formers *f)
{
	formers_clear(f);
	f->c->guest->host->timer_free(f->timer);
	free(f);
}
