/* SPDX-License-Identifier: ISC */
/* Services that wait for an address, queued by what they wait for. */

/*
 * Those who ask for the same, with the same keys and ports, share a queue. A free
 * address opens the queues that it concerns: one that is used by others under
 * keys, those of the same keys alone. The members of a queue are alike: the first
 * who gets nothing ends its turn. Of all open queues who waits longest is first.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "text.h"

struct waiter {
	RB_ENTRY(waiter) link;
	TAILQ_ENTRY(waiter) in_queue;
	struct queue *queue;
	uint64_t since; /* who came before is less */
	uint64_t tried; /* the wake in which it had its turn */
	char service[];
};

struct queue {
	RB_ENTRY(queue) link;
	RB_ENTRY(queue) of_open;
	LIST_ENTRY(queue) of_any;
	TAILQ_HEAD(, waiter) waiters;
	struct waiter *next; /* while open: whose turn it is, never NULL */
	bool is_open, is_any;
	uint8_t family; /* 0: either */
	char *pool;	/* NULL: all with auto-assign */
	char *sharing, *backend;
	char key[];
};
RB_HEAD(queues, queue);
RB_HEAD(open_queues, queue);
RB_HEAD(waiter_tree, waiter);

struct waiters {
	struct waiter_tree waiters;
	struct queues queues;
	struct open_queues open;
	LIST_HEAD(, queue) any;
	uint64_t wake, last;
};

static int
open_compare(const struct queue *a, const struct queue *b)
{
	return a->next->since < b->next->since
		   ? -1
		   : a->next->since > b->next->since;
}
K8S_TREE(open_queues, queue, of_open, open_compare)

K8S_TREE_OF_NAMES(waiter_tree, waiter, service)

K8S_TREE_OF_NAMES(queues, queue, key)

static void *
key_new(size_t head, const char *key)
{
	char *object = k8s_alloc(head + strlen(key) + 1);

	strcpy(object + head, key);
	return object;
}

static void
queue_close(struct waiters *w, struct queue *q)
{
	if (q->is_open)
		open_queues_RB_REMOVE(&w->open, q);
	q->is_open = false;
}

/* It is that one's turn; NULL: nobody's. */
static void
queue_turn(struct waiters *w, struct queue *q, struct waiter *next)
{
	queue_close(w, q);
	q->next = next;
	if (next == NULL)
		return;
	open_queues_RB_INSERT(&w->open, q);
	q->is_open = true;
}

static void
queue_free_if_empty(struct waiters *w, struct queue *q)
{
	if (!TAILQ_EMPTY(&q->waiters))
		return;
	queue_close(w, q);
	if (q->is_any)
		LIST_REMOVE(q, of_any);
	queues_RB_REMOVE(&w->queues, q);
	free(q->pool);
	free(q->sharing);
	free(q->backend);
	free(q);
}

static void
name_add(struct text *name, const char *part)
{
	text_add_word(name, part);
	text_add(name, "\x1f", 1);
}

/* "=192.0.2.1", or pool and family; keys, and ports where those matter. */
static char *
queue_name(const struct alloc_claim *claim, const struct bgpd_addr *addr)
{
	const char *sharing = or_empty(claim->sharing);
	struct text name = { 0 };
	char part[ADDR_LEN + 1] = "=";
	size_t i;

	if (addr != NULL) {
		addr_text(addr, part + 1);
	} else {
		name_add(&name, or_empty(claim->pool));
		snprintf(part, sizeof(part), "%u%s", claim->family,
		    claim->both ? " both" : "");
	}
	name_add(&name, part);
	name_add(&name, sharing);
	name_add(&name, or_empty(claim->backend));
	for (i = 0; sharing[0] != '\0' && i < claim->port_count; i++) {
		snprintf(part, sizeof(part), "%u/%u", claim->ports[i].protocol,
		    claim->ports[i].number);
		name_add(&name, part);
	}
	return name.s;
}

static struct queue *
queue_get(struct waiters *w, const struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	char *name = queue_name(claim, addr);
	struct queue *q = queues_find(&w->queues, name);

	if (q == NULL) {
		q = key_new(sizeof(*q), name);
		TAILQ_INIT(&q->waiters);
		q->is_any = addr == NULL;
		q->family = claim->family;
		q->pool = k8s_copy(claim->pool);
		q->sharing = k8s_copy(or_empty(claim->sharing));
		q->backend = k8s_copy(or_empty(claim->backend));
		queues_RB_INSERT(&w->queues, q);
		if (q->is_any)
			LIST_INSERT_HEAD(&w->any, q, of_any);
	}
	free(name);
	return q;
}

/* Who waited before keeps its place; it had its turn, and the queue with it. */
void
waiters_add(struct waiters *w, const struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	struct queue *q = queue_get(w, claim, addr);
	struct waiter *waiter = waiter_tree_find(&w->waiters, claim->service);

	if (waiter != NULL && waiter->queue == q) {
		if (waiter->tried == w->wake)
			queue_close(w, q);
		return;
	}
	if (waiter != NULL)
		waiters_remove(w, claim->service);
	waiter = key_new(sizeof(*waiter), claim->service);
	waiter->queue = q;
	waiter->since = ++w->last;
	waiter->tried = w->wake;
	TAILQ_INSERT_TAIL(&q->waiters, waiter, in_queue);
	waiter_tree_RB_INSERT(&w->waiters, waiter);
}

void
waiters_remove(struct waiters *w, const char *service)
{
	struct waiter *waiter = waiter_tree_find(&w->waiters, service);
	struct queue *q;

	if (waiter == NULL)
		return;
	q = waiter->queue;
	waiter_tree_RB_REMOVE(&w->waiters, waiter);
	if (q->is_open && q->next == waiter)
		queue_turn(w, q, TAILQ_NEXT(waiter, in_queue));
	TAILQ_REMOVE(&q->waiters, waiter, in_queue);
	queue_free_if_empty(w, q);
	free(waiter);
}

static bool
queue_has_keys(const struct queue *q, const char *sharing, const char *backend)
{
	return sharing[0] == '\0' || (strcmp(q->sharing, sharing) == 0 &&
					 strcmp(q->backend, backend) == 0);
}

static bool
queue_takes(const struct queue *q, const struct bgpd_addr *addr,
    const struct config_pool *pool)
{
	if (q->family != 0 && q->family != addr->family)
		return false;
	if (q->pool == NULL)
		return pool->auto_assign;
	return strcmp(q->pool, pool->name) == 0;
}

/* The queues of the address itself stand together in the order of names. */
static struct queue *
queues_of(struct waiters *w, const char *name)
{
	struct queue *q = RB_ROOT(&w->queues), *found = NULL;

	while (q != NULL) {
		if (strcmp(name, q->key) <= 0) {
			found = q;
			q = RB_LEFT(q, link);
		} else
			q = RB_RIGHT(q, link);
	}
	return found;
}

void
waiters_wake(struct waiters *w, const struct bgpd_addr *addr,
    const struct config_pool *pool, const char *sharing, const char *backend)
{
	char name[ADDR_LEN + 2] = "=";
	struct queue *q;
	size_t len;

	w->wake++;
	addr_text(addr, name + 1);
	len = strlen(strcat(name, "\x1f"));
	for (q = queues_of(w, name);
	     q != NULL && strncmp(q->key, name, len) == 0;
	     q = queues_RB_NEXT(q)) {
		if (queue_has_keys(q, sharing, backend))
			queue_turn(w, q, TAILQ_FIRST(&q->waiters));
	}
	if (pool == NULL)
		return;
	LIST_FOREACH (q, &w->any, of_any) {
		if (queue_takes(q, addr, pool) &&
		    queue_has_keys(q, sharing, backend))
			queue_turn(w, q, TAILQ_FIRST(&q->waiters));
	}
}

const char *
waiters_next(struct waiters *w)
{
	struct queue *q = open_queues_RB_MINMAX(&w->open, RB_NEGINF);
	struct waiter *waiter;

	if (q == NULL)
		return NULL;
	waiter = q->next;
	waiter->tried = w->wake;
	queue_turn(w, q, TAILQ_NEXT(waiter, in_queue));
	return waiter->service;
}

bool
waiters_is_open(const struct waiters *w)
{
	return !RB_EMPTY(&w->open);
}

struct waiters *
waiters_new(void)
{
	struct waiters *w = k8s_alloc(sizeof(*w));

	RB_INIT(&w->waiters);
	RB_INIT(&w->queues);
	RB_INIT(&w->open);
	LIST_INIT(&w->any);
	return w;
}

void
waiters_free(struct waiters *w)
{
	struct waiter *waiter;

	if (w == NULL)
		return;
	while ((waiter = RB_ROOT(&w->waiters)) != NULL)
		waiters_remove(w, waiter->service);
	free(w);
}
