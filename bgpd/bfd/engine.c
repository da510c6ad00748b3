/* SPDX-License-Identifier: ISC */
/* The thread of BFD: its sockets, the orders it takes, the news it gives. */

/*
 * It is real-time where the system permits that, and says so where not. It asks
 * for nothing that another thread may hold for long: the locks of its two queues
 * inherit priority, and nothing is logged from here.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bfd/engine.h"
#include "util/log.h"
#include "util/mem.h"

#define PORT_SINGLE_HOP 3784
#define PORT_MULTIHOP	4784
#define TTL_MOST	255
#define REAL_TIME	5    /* of 1 to 99: above none but the idle */
#define TURN_BATCHES	4    /* read in one turn of the loop */
#define DRAIN_BATCHES	128  /* more than a socket can hold */
#define LATE_US		5000 /* a turn worth counting */
#define RETRY_MS	1000

/* One socket that hears: of a family, for single hops or for several. */
struct ear {
	struct engine *engine;
	uint8_t family;
	bool multihop;
	int fd; /* -1: not open */
	struct watch *watch;
	char obstacle[128];
};
enum { EAR_COUNT = 4 };

struct engine {
	struct loop *home;
	void (*on_news)(void *, const struct news *);
	void *arg;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* of the news */
	STAILQ_HEAD(, news) news;
	/* From here on the thread's alone. */
	struct loop *loop;
	int priority_error; /* 0: it is real-time */
	struct lookup lookup;
	LIST_HEAD(, link) links;
	struct ear ears[EAR_COUNT];
	struct timer *retry;
	struct bfd_totals totals;
};

struct loop *
engine_loop(struct engine *engine)
{
	return engine->loop;
}

struct lookup *
engine_lookup(struct engine *engine)
{
	return &engine->lookup;
}

void
engine_note_late(struct engine *engine, int64_t late_us)
{
	if (late_us >= LATE_US)
		engine->totals.late++;
	if (late_us > engine->totals.latest_us)
		engine->totals.latest_us = late_us;
}

/* News --------------------------------------------------------------------------- */

static void
engine_on_news(void *arg)
{
	struct engine *engine = arg;
	struct news *news;

	for (;;) {
		pthread_mutex_lock(&engine->lock);
		news = STAILQ_FIRST(&engine->news);
		if (news != NULL)
			STAILQ_REMOVE_HEAD(&engine->news, entry);
		pthread_mutex_unlock(&engine->lock);
		if (news == NULL)
			return;
		engine->on_news(engine->arg, news);
		mem_free(news);
	}
}

void
engine_tell(struct engine *engine, struct news *news)
{
	bool first;

	pthread_mutex_lock(&engine->lock);
	first = STAILQ_EMPTY(&engine->news);
	STAILQ_INSERT_TAIL(&engine->news, news, entry);
	pthread_mutex_unlock(&engine->lock);
	if (first)
		loop_post(engine->home, engine_on_news, engine);
}

/* Ears ----------------------------------------------------------------------------- */

/* RFC 5880 6.8.6: the session of a packet; NULL: none that may have it. */
static struct link *
engine_find(const struct engine *engine, const struct ear *ear,
    const struct packet *packet, const struct udp_packet *udp)
{
	struct lookup_key key = { 0 };
	struct lookup_entry *entry;

	if (packet->your_discr != 0) {
		entry = lookup_find_discr(&engine->lookup, packet->your_discr);
		if (entry == NULL || entry->key.multihop != ear->multihop ||
		    !addr_equal(&entry->key.peer, &udp->remote) ||
		    (entry->key.interface != 0 &&
			entry->key.interface != udp->interface))
			return NULL;
		return (struct link *)entry;
	}
	key.peer = udp->remote;
	key.local = udp->local;
	key.interface = udp->interface;
	key.multihop = ear->multihop;
	return (struct link *)lookup_find(&engine->lookup, &key);
}

/* RFC 5881 5 (GTSM), RFC 5883 3: how far it may have come. */
static bool
link_is_near(const struct link *link, const struct udp_packet *udp)
{
	if (!link->setup.multihop)
		return udp->ttl == TTL_MOST;
	return udp->ttl >= link->setup.knobs.min_ttl;
}

static void
ear_take(struct ear *ear, const struct udp_packet *udp, int64_t now_us)
{
	struct engine *engine = ear->engine;
	struct packet packet;
	struct link *link;

	if (!ear->multihop && udp->ttl != TTL_MOST) {
		engine->totals.far++;
		return;
	}
	if (packet_decode(udp->bytes, udp->len, &packet) != NULL) {
		engine->totals.malformed++;
		return;
	}
	link = engine_find(engine, ear, &packet, udp);
	if (link == NULL)
		engine->totals.unknown++;
	else if (!link_is_near(link, udp))
		engine->totals.far++;
	else
		link_receive(link, &packet, udp->bytes, now_us);
}

/* At most so many batches; those that wait longer wait for the next turn. */
static void
ear_read(struct ear *ear, unsigned batches)
{
	struct udp_packet packets[UDP_BATCH];
	unsigned count = UDP_BATCH, i;
	int64_t now_us;

	while (batches-- > 0 && count == UDP_BATCH && ear->fd >= 0) {
		count = udp_receive(ear->fd, packets);
		now_us = clock_now_us();
		for (i = 0; i < count; i++)
			ear_take(ear, &packets[i], now_us);
	}
}

static void
ear_on_ready(void *arg, unsigned what)
{
	(void)what;
	ear_read(arg, TURN_BATCHES);
}

void
engine_drain(struct engine *engine)
{
	int i;

	for (i = 0; i < EAR_COUNT; i++)
		ear_read(&engine->ears[i], DRAIN_BATCHES);
}

static bool
ear_is_needed(const struct ear *ear)
{
	const struct link *link;

	LIST_FOREACH (link, &ear->engine->links, all)
		if (link->setup.peer.family == ear->family &&
		    link->setup.multihop == ear->multihop)
			return true;
	return false;
}

static void
ear_set_obstacle(struct ear *ear, const char *text)
{
	struct news *news;

	if (strcmp(ear->obstacle, text) == 0)
		return;
	snprintf(ear->obstacle, sizeof(ear->obstacle), "%s", text);
	news = mem_alloc(sizeof(*news));
	news->kind = NEWS_OBSTACLE;
	snprintf(news->text, sizeof(news->text), "%s", text);
	engine_tell(ear->engine, news);
}

static void
ear_close(struct ear *ear)
{
	watch_free(ear->watch);
	ear->watch = NULL;
	sock_close(ear->fd);
	ear->fd = -1;
}

static void
ear_open(struct ear *ear)
{
	struct text why = { 0 };

	ear->fd = udp_listen(
	    ear->family, ear->multihop ? PORT_MULTIHOP : PORT_SINGLE_HOP, &why);
	ear_set_obstacle(ear, text_str(&why));
	text_free(&why);
	if (ear->fd < 0) {
		timer_start(ear->engine->retry, RETRY_MS);
		return;
	}
	ear->watch = watch_new(ear->engine->loop, ear->fd, ear_on_ready, ear);
	watch_set(ear->watch, WATCH_READ);
}

/* Those that are needed are open, the others are not. */
static void
engine_set_ears(void *arg)
{
	struct engine *engine = arg;
	struct ear *ear;

	for (ear = engine->ears; ear < engine->ears + EAR_COUNT; ear++) {
		if (ear_is_needed(ear) && ear->fd < 0)
			ear_open(ear);
		else if (!ear_is_needed(ear) && ear->fd >= 0)
			ear_close(ear);
	}
}

/* Orders ------------------------------------------------------------------------------ */

struct order {
	struct engine *engine;
	struct link *link;
	struct link_setup setup;
};

static void
engine_order(struct engine *engine, struct link *link,
    const struct link_setup *setup, void (*carry_out)(void *))
{
	struct order *order = mem_alloc(sizeof(*order));

	order->engine = engine;
	order->link = link;
	if (setup != NULL)
		order->setup = *setup;
	loop_post(engine->loop, carry_out, order);
}

static void
order_open(void *arg)
{
	struct order *order = arg;

	LIST_INSERT_HEAD(&order->engine->links, order->link, all);
	engine_set_ears(order->engine);
	link_start(order->link);
	mem_free(order);
}

static void
order_change(void *arg)
{
	struct order *order = arg;

	link_change(order->link, &order->setup);
	explicit_bzero(order, sizeof(*order));
	mem_free(order);
}

static void
order_drop(void *arg)
{
	struct order *order = arg;

	link_end(order->link);
	engine_set_ears(order->engine);
	mem_free(order);
}

static void
order_clear_counters(void *arg)
{
	struct order *order = arg;
	struct link *link;

	LIST_FOREACH (link, &order->engine->links, all)
		memset(
		    &link->machine.counters, 0, sizeof(link->machine.counters));
	mem_free(order);
}

static void
order_stop(void *arg)
{
	struct order *order = arg;
	struct engine *engine = order->engine;

	while (!LIST_EMPTY(&engine->links))
		link_end(LIST_FIRST(&engine->links));
	engine_set_ears(engine);
	loop_stop(engine->loop);
	mem_free(order);
}

/* The thread ---------------------------------------------------------------------------- */

static void *
engine_run(void *arg)
{
	const struct sched_param param = { .sched_priority = REAL_TIME };
	struct engine *engine = arg;

	engine->priority_error =
	    pthread_setschedparam(pthread_self(), SCHED_RR, &param);
	(void)pthread_setname_np(pthread_self(), "bfd");
	loop_run(engine->loop);
	return NULL;
}

/* Signals are the daemon's loop's. */
static int
engine_start(struct engine *engine)
{
	sigset_t all, before;
	int error;

	if (engine->running)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&engine->thread, NULL, engine_run, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		log_error("bfd", "no thread for BFD: %s", strerror(error));
		return -1;
	}
	engine->running = true;
	return 0;
}

static void
engine_note_start(struct engine *engine)
{
	struct bfd_totals totals;

	engine_get_totals(engine, &totals);
	if (totals.real_time)
		log_info("bfd", "the thread is real-time: SCHED_RR");
	else
		log_notice("bfd",
		    "the thread is not real-time (%s): on a busy machine "
		    "intervals under 50 ms are not safe; CAP_SYS_NICE or "
		    "RLIMIT_RTPRIO would permit it",
		    strerror(engine->priority_error));
}

struct engine *
engine_new(struct loop *home,
    void (*on_news)(void *arg, const struct news *news), void *arg)
{
	struct engine *engine = mem_alloc(sizeof(*engine));
	pthread_mutexattr_t attr;
	int i;

	engine->home = home;
	engine->on_news = on_news;
	engine->arg = arg;
	STAILQ_INIT(&engine->news);
	LIST_INIT(&engine->links);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&engine->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	lookup_init(&engine->lookup);
	engine->loop = loop_new();
	if (engine->loop == NULL) {
		engine_free(engine);
		return NULL;
	}
	engine->retry = timer_new(engine->loop, engine_set_ears, engine);
	for (i = 0; i < EAR_COUNT; i++)
		engine->ears[i] = (struct ear){ .engine = engine,
			.family = i & 1 ? AF_INET6 : AF_INET,
			.multihop = (i & 2) != 0,
			.fd = -1 };
	return engine;
}

void
engine_free(struct engine *engine)
{
	struct news *news;

	if (engine == NULL)
		return;
	if (engine->running) {
		engine_order(engine, NULL, NULL, order_stop);
		pthread_join(engine->thread, NULL);
	}
	while ((news = STAILQ_FIRST(&engine->news)) != NULL) {
		STAILQ_REMOVE_HEAD(&engine->news, entry);
		mem_free(news);
	}
	lookup_clear(&engine->lookup);
	timer_free(engine->retry);
	loop_free(engine->loop);
	pthread_mutex_destroy(&engine->lock);
	mem_free(engine);
}

struct link *
engine_open(struct engine *engine, const struct link_setup *setup, void *owner,
    _Atomic int64_t *heard_us)
{
	bool was_running = engine->running;
	struct link *link;

	if (engine_start(engine) < 0)
		return NULL;
	link = mem_alloc(sizeof(*link));
	link->engine = engine;
	link->owner = owner;
	link->heard_us = heard_us;
	link->setup = *setup;
	engine_order(engine, link, NULL, order_open);
	if (!was_running)
		engine_note_start(engine);
	return link;
}

void
engine_change(
    struct engine *engine, struct link *link, const struct link_setup *setup)
{
	engine_order(engine, link, setup, order_change);
}

void
engine_drop(struct engine *engine, struct link *link)
{
	engine_order(engine, link, NULL, order_drop);
}

void
engine_clear_counters(struct engine *engine)
{
	if (engine->running)
		engine_order(engine, NULL, NULL, order_clear_counters);
}

/* Questions ----------------------------------------------------------------------------- */

struct question {
	void (*ask)(void *);
	void *arg;
	sem_t answered;
};

static void
question_answer(void *arg)
{
	struct question *question = arg;

	question->ask(question->arg);
	sem_post(&question->answered);
}

void
engine_ask(struct engine *engine, void (*ask)(void *arg), void *arg)
{
	struct question question = { .ask = ask, .arg = arg };

	if (!engine->running) {
		ask(arg);
		return;
	}
	sem_init(&question.answered, 0, 0);
	loop_post(engine->loop, question_answer, &question);
	while (sem_wait(&question.answered) < 0 && errno == EINTR)
		;
	sem_destroy(&question.answered);
}

struct totals_question {
	struct engine *engine;
	struct bfd_totals *totals;
};

static void
totals_answer(void *arg)
{
	const struct totals_question *question = arg;
	const struct engine *engine = question->engine;

	*question->totals = engine->totals;
	question->totals->running = engine->running;
	question->totals->real_time =
	    engine->running && engine->priority_error == 0;
}

void
engine_get_totals(struct engine *engine, struct bfd_totals *totals)
{
	struct totals_question question = { engine, totals };

	engine_ask(engine, totals_answer, &question);
}
