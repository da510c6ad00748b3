/* SPDX-License-Identifier: ISC */
/* Services that wait for an address, queued by what they wait for. */

/*
 * Those who want the same address share a queue; so do those who would take any
 * address of the same pool under the same keys. A free address opens the queues
 * that it concerns. In a queue whose members are all alike the first who gets
 * nothing ends the turn; where ports differ each is tried once.
 */

#include <stdlib.h>
#include <string.h>

#include "pools.h"

struct waiter {
	RB_ENTRY(waiter) link;
	TAILQ_ENTRY(waiter) in_queue;
	struct queue *queue;
	uint64_t tried; /* the wake in which it had its turn */
	char service[];
};

struct queue {
	RB_ENTRY(queue) link;
	LIST_ENTRY(queue) of_any;
	TAILQ_ENTRY(queue) of_open;
	TAILQ_HEAD(, waiter) waiters;
	struct waiter *next; /* while open: whose turn it is */
	bool is_open, is_any;
	bool is_alike;	/* nobody shares: who comes first fails for all */
	uint8_t family; /* 0: either */
	char *pool;	/* NULL: all with auto-assign */
	char key[];
};
RB_HEAD(queues, queue);
RB_HEAD(waiter_tree, waiter);

struct waiters {
	struct waiter_tree waiters;
	struct queues queues;
	LIST_HEAD(, queue) any;
	TAILQ_HEAD(, queue) open;
	uint64_t wake;
	size_t count;
};

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
		TAILQ_REMOVE(&w->open, q, of_open);
	q->is_open = false;
}

static void
queue_open(struct waiters *w, struct queue *q)
{
	if (!q->is_open)
		TAILQ_INSERT_TAIL(&w->open, q, of_open);
	q->is_open = true;
	q->next = TAILQ_FIRST(&q->waiters);
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
	free(q);
}

/* "=192.0.2.1", or "pool family sharing backend" between separators. */
static char *
queue_name(const struct alloc_claim *claim, const struct bgpd_addr *addr)
{
	static const char *const families[] = { "-", "4", "6" };
	const char *parts[4] = { claim->pool != NULL ? claim->pool : "",
		families[claim->family == 4   ? 1
			 : claim->family == 6 ? 2
					      : 0],
		claim->sharing != NULL ? claim->sharing : "",
		claim->backend != NULL ? claim->backend : "" };
	char text[ADDR_LEN + 1] = "=", *name, *p;
	size_t len = 5, i;

	if (addr != NULL) {
		addr_text(addr, text + 1);
		return k8s_copy(text);
	}
	for (i = 0; i < 4; i++)
		len += strlen(parts[i]);
	name = p = k8s_alloc(len + 1);
	for (i = 0; i < 4; i++) {
		p = stpcpy(p, parts[i]);
		*p++ = '\x1f';
	}
	return name;
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
		q->is_alike = q->is_any && (claim->sharing == NULL ||
					       claim->sharing[0] == '\0');
		q->family = claim->family;
		q->pool = k8s_copy(claim->pool);
		queues_RB_INSERT(&w->queues, q);
		if (q->is_any)
			LIST_INSERT_HEAD(&w->any, q, of_any);
	}
	free(name);
	return q;
}

/* Who waited before keeps its place. */
void
waiters_add(struct waiters *w, const struct alloc_claim *claim,
    const struct bgpd_addr *addr)
{
	struct queue *q = queue_get(w, claim, addr);
	struct waiter *waiter = waiter_tree_find(&w->waiters, claim->service);

	if (waiter != NULL && waiter->queue == q) {
		if (waiter->tried == w->wake && q->is_alike)
			queue_close(w, q);
		return;
	}
	if (waiter != NULL)
		waiters_remove(w, claim->service);
	waiter = key_new(sizeof(*waiter), claim->service);
	waiter->queue = q;
	waiter->tried = w->wake;
	TAILQ_INSERT_TAIL(&q->waiters, waiter, in_queue);
	waiter_tree_RB_INSERT(&w->waiters, waiter);
	w->count++;
}

void
waiters_remove(struct waiters *w, const char *service)
{
	struct waiter *waiter = waiter_tree_find(&w->waiters, service);

	if (waiter == NULL)
		return;
	waiter_tree_RB_REMOVE(&w->waiters, waiter);
	if (waiter->queue->next == waiter)
		waiter->queue->next = TAILQ_NEXT(waiter, in_queue);
	TAILQ_REMOVE(&waiter->queue->waiters, waiter, in_queue);
	queue_free_if_empty(w, waiter->queue);
	free(waiter);
	w->count--;
}

bool
waiters_has(const struct waiters *w, const char *service)
{
	return waiter_tree_find(&w->waiters, service) != NULL;
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

void
waiters_wake(struct waiters *w, const struct bgpd_addr *addr,
    const struct config_pool *pool)
{
	char name[ADDR_LEN + 1] = "=";
	struct queue *q;

	w->wake++;
	addr_text(addr, name + 1);
	if ((q = queues_find(&w->queues, name)) != NULL)
		queue_open(w, q);
	if (pool == NULL)
		return;
	LIST_FOREACH (q, &w->any, of_any) {
		if (queue_takes(q, addr, pool))
			queue_open(w, q);
	}
}

void
waiters_wake_all(struct waiters *w)
{
	struct queue *q;

	w->wake++;
	RB_FOREACH (q, queues, &w->queues)
		queue_open(w, q);
}

const char *
waiters_next(struct waiters *w)
{
	struct waiter *waiter;
	struct queue *q;

	while ((q = TAILQ_FIRST(&w->open)) != NULL) {
		if ((waiter = q->next) != NULL) {
			q->next = TAILQ_NEXT(waiter, in_queue);
			waiter->tried = w->wake;
			return waiter->service;
		}
		queue_close(w, q);
	}
	return NULL;
}

size_t
waiters_count(const struct waiters *w)
{
	return w->count;
}

struct waiters *
waiters_new(void)
{
	struct waiters *w = k8s_alloc(sizeof(*w));

	RB_INIT(&w->waiters);
	RB_INIT(&w->queues);
	LIST_INIT(&w->any);
	TAILQ_INIT(&w->open);
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
