/* SPDX-License-Identifier: ISC */
/* One session in the thread: its machine, its socket, its timer. */

/*
 * Before silence is believed, what waits in the sockets is read: a thread that
 * was frozen or ran late would else declare a peer dead whose packets are there.
 */
#include <bsd/stdlib.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "bfd/engine.h"
#include "util/mem.h"

#define PORT_SINGLE_HOP 3784 /* RFC 5881 4 */
#define PORT_MULTIHOP	4784 /* RFC 5883 5 */
#define TTL_MOST	255
#define DSCP_CONTROL	48 /* CS6 */
#define RETRY_US	1000000
#define TRUSTED_US	1000 /* a turn that is later reads first */
#define FAREWELLS	2    /* one may get lost */
#define NO_INTERFACE	UINT32_MAX

static struct news *
link_news(const struct link *link, enum news_kind kind)
{
	struct news *news = mem_alloc(sizeof(*news));

	news->kind = kind;
	news->owner = link->owner;
	news->state = link->machine.state;
	news->peer_state = link->machine.remote_state;
	news->diag = link->machine.diag;
	news->at_us = link->machine.changed_us;
	return news;
}

/* The socket ------------------------------------------------------------------- */

static void
link_set_obstacle(struct link *link, const char *text)
{
	struct news *news;

	if (strcmp(link->obstacle, text) == 0)
		return;
	snprintf(link->obstacle, sizeof(link->obstacle), "%s", text);
	news = link_news(link, NEWS_OBSTACLE);
	snprintf(news->text, sizeof(news->text), "%s", text);
	engine_tell(link->engine, news);
}

/* An interface that comes late, or again, has another index. */
static void
link_set_key(struct link *link)
{
	struct lookup_key *key = &link->entry.key;
	const struct link_setup *setup = &link->setup;

	memset(key, 0, sizeof(*key));
	key->peer = setup->peer;
	key->peer.scope = 0;
	key->local = setup->local;
	key->local.scope = 0;
	key->multihop = setup->multihop;
	if (setup->interface[0] != '\0') {
		key->interface = if_nametoindex(setup->interface);
		if (key->interface == 0)
			key->interface = NO_INTERFACE;
	}
}

static void
link_dial(struct link *link, int64_t now_us)
{
	const struct link_setup *setup = &link->setup;
	const struct udp_options options = {
		.local = setup->local,
		.interface = setup->interface,
		.ttl = TTL_MOST,
		.dscp = DSCP_CONTROL,
	};
	struct text why = { 0 };

	if (link->fd >= 0 || now_us < link->retry_us)
		return;
	lookup_remove(engine_lookup(link->engine), &link->entry);
	link_set_key(link);
	lookup_add(engine_lookup(link->engine), &link->entry);
	link->retry_us = now_us + RETRY_US;
	link->fd = udp_dial(&setup->peer,
	    setup->multihop ? PORT_MULTIHOP : PORT_SINGLE_HOP, &options, &why);
	if (link->fd >= 0)
		(void)sock_local(link->fd, &link->local_now, NULL);
	link_set_obstacle(link, text_str(&why));
	text_free(&why);
}

static void
link_hang_up(struct link *link)
{
	sock_close(link->fd);
	link->fd = -1;
	memset(&link->local_now, 0, sizeof(link->local_now));
}

static void
link_send(struct link *link, const uint8_t *bytes, size_t len, int64_t now_us)
{
	struct text why = { 0 };

	link_dial(link, now_us);
	if (link->fd < 0)
		return;
	if (udp_send(link->fd, bytes, len, &why) < 0) {
		link_hang_up(link);
		link_set_obstacle(link, text_str(&why));
	}
	text_free(&why);
}

/* The machine and its timer ------------------------------------------------------- */

static void
link_tell_state(struct link *link)
{
	const struct machine *m = &link->machine;

	if (m->state == link->told_state &&
	    m->remote_state == link->told_peer_state)
		return;
	link->told_state = m->state;
	link->told_peer_state = m->remote_state;
	engine_tell(link->engine, link_news(link, NEWS_STATE));
}

/* A packet that comes seldom changes when the next one goes. */
static void
link_wait(struct link *link)
{
	int64_t due_us = machine_due(&link->machine);

	if (link->fd < 0 && link->retry_us < due_us)
		due_us = link->retry_us;
	if (due_us == link->due_us && timer_is_on(link->timer))
		return;
	link->due_us = due_us;
	if (due_us == INT64_MAX)
		timer_stop(link->timer);
	else
		timer_start_us(link->timer, due_us - clock_now_us());
}

/* Sends what is to be sent, tells what is to be told, waits for what comes. */
static void
link_work(struct link *link, int64_t now_us)
{
	uint8_t bytes[PACKET_MAX];
	size_t len;

	/* The news first: somebody waits for them. */
	link_tell_state(link);
	while ((len = machine_output(&link->machine, now_us, bytes)) > 0)
		link_send(link, bytes, len, now_us);
	link_wait(link);
}

static void
link_on_time(void *arg)
{
	struct link *link = arg;
	int64_t now_us = clock_now_us(), late_us = now_us - link->due_us;
	int64_t detection_us = machine_detection_us(&link->machine);

	engine_note_late(link->engine, late_us);
	if (detection_us > 0 && late_us >= detection_us)
		link->machine.counters.late++;
	if (late_us > TRUSTED_US || machine_is_expired(&link->machine, now_us))
		engine_drain(link->engine);
	now_us = clock_now_us();
	link_dial(link, now_us);
	machine_tick(&link->machine, now_us);
	link_work(link, now_us);
}

void
link_receive(struct link *link, const struct packet *packet,
    const uint8_t *bytes, int64_t now_us)
{
	if (machine_receive(&link->machine, packet, bytes, now_us) == NULL)
		atomic_store_explicit(
		    link->heard_us, now_us, memory_order_relaxed);
	link_work(link, now_us);
}

static uint32_t
link_make_discr(const struct link *link)
{
	uint32_t discr;

	do {
		discr = arc4random();
	} while (discr == 0 ||
		 lookup_find_discr(engine_lookup(link->engine), discr) != NULL);
	return discr;
}

void
link_start(struct link *link)
{
	int64_t now_us = clock_now_us();

	link->fd = -1;
	link->timer = timer_new(engine_loop(link->engine), link_on_time, link);
	link->entry.discr = link_make_discr(link);
	link_set_key(link);
	lookup_add(engine_lookup(link->engine), &link->entry);
	machine_init(&link->machine, link->entry.discr,
	    (uint64_t)arc4random() << 32 | arc4random(), &link->setup.knobs,
	    now_us);
	link->told_state = BFD_DOWN; /* what its owner takes it for */
	link->told_peer_state = BFD_DOWN;
	link_dial(link, now_us);
	link_work(link, now_us);
}

void
link_change(struct link *link, const struct link_setup *setup)
{
	int64_t now_us = clock_now_us();

	if (!addr_equal(&link->setup.local, &setup->local) ||
	    strcmp(link->setup.interface, setup->interface) != 0) {
		link_hang_up(link);
		link->retry_us = now_us;
	}
	link->setup = *setup;
	link_dial(link, now_us);
	machine_configure(&link->machine, &setup->knobs, now_us);
	link_work(link, now_us);
}

/* RFC 5880 6.8.16, and RFC 5882 3.2: not a failure for who hears of it. */
static void
link_say_goodbye(struct link *link, int64_t now_us)
{
	struct bfd_knobs knobs = link->setup.knobs;
	uint8_t bytes[PACKET_MAX];
	unsigned i;
	size_t len;

	if (link->fd < 0 || link->machine.remote_discr == 0)
		return;
	knobs.shutdown = true;
	machine_configure(&link->machine, &knobs, now_us);
	for (i = 0; i < FAREWELLS; i++) {
		link->machine.soon = true;
		len = machine_output(&link->machine, now_us, bytes);
		if (len > 0 && link->fd >= 0)
			(void)udp_send(link->fd, bytes, len, NULL);
	}
}

void
link_end(struct link *link)
{
	link_say_goodbye(link, clock_now_us());
	engine_tell(link->engine, link_news(link, NEWS_GONE));
	lookup_remove(engine_lookup(link->engine), &link->entry);
	LIST_REMOVE(link, all);
	timer_free(link->timer);
	sock_close(link->fd);
	explicit_bzero(link, sizeof(*link));
	mem_free(link);
}
