/* SPDX-License-Identifier: ISC */
/* Clients that share sessions, and the thread that runs them, over loopback. */

/*
 * Two sessions of one engine speak with one another: the peer of the first is the
 * local address of the second. Where the test may, it has a network of its own.
 */
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bfd/bfd.h"
#include "cli/read.h"
#include "net/net.h"
#include "util/mem.h"

struct scene {
	struct loop *loop;
	struct bfd *bfd;
	struct timer *limit;
	struct cli *cli;
	bool late;
};

/* A client, and what it heard. */
struct user {
	struct scene *scene;
	struct bfd_client *client;
	unsigned news;
	struct bfd_news last;
	enum bfd_state until; /* the loop stops then */
	bool until_set, free_at_once;
};

static void
on_limit(void *arg)
{
	struct scene *s = arg;

	s->late = true;
	loop_stop(s->loop);
}

static int
setup(void **state)
{
	struct scene *s = mem_alloc(sizeof(*s));
	unsigned i;

	s->loop = loop_new();
	s->bfd = bfd_new(s->loop);
	s->limit = timer_new(s->loop, on_limit, s);
	s->cli = cli_new(NULL, 0);
	for (i = 0; i < bfd_mount_count; i++)
		assert_int_equal(cli_mount(s->cli, &bfd_mounts[i], NULL), 0);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	bfd_free(s->bfd);
	timer_free(s->limit);
	loop_free(s->loop);
	cli_free(s->cli);
	mem_free(s);
	return 0;
}

static void
run(struct scene *s, int64_t ms)
{
	s->late = false;
	timer_start(s->limit, ms);
	loop_run(s->loop);
	timer_stop(s->limit);
}

static void
on_news(void *arg, const struct bfd_news *news)
{
	struct user *u = arg;

	u->news++;
	u->last = *news;
	if (u->until_set && news->state == u->until)
		loop_stop(u->scene->loop);
	if (u->free_at_once) {
		bfd_client_free(u->client);
		u->client = NULL;
	}
}

static struct bfd_ask
ask_of(const char *peer, const char *local, uint32_t ms)
{
	struct bfd_ask ask = { .knobs = {
				   .tx_us = ms * 1000, .rx_us = ms * 1000 } };

	assert_int_equal(addr_read(peer, &ask.peer), 0);
	if (local != NULL)
		assert_int_equal(addr_read(local, &ask.local), 0);
	return ask;
}

static void
watch(struct scene *s, struct user *u, const struct bfd_ask *ask)
{
	memset(u, 0, sizeof(*u));
	u->scene = s;
	u->client = bfd_client_new(s->bfd, ask, on_news, u);
}

static void
wait_until(struct user *u, enum bfd_state state)
{
	u->until = state;
	u->until_set = true;
	run(u->scene, 5000);
	u->until_set = false;
	if (u->scene->late)
		fail_msg("not within 5 s");
}

static void
note_status(void *arg, const struct bfd_status *status)
{
	struct bfd_status *all = arg;

	while (all->peer.family != 0)
		all++;
	*all = *status;
}

static unsigned
statuses(struct scene *s, struct bfd_status all[8])
{
	unsigned count = 0;

	memset(all, 0, 8 * sizeof(*all));
	bfd_each(s->bfd, note_status, all);
	while (count < 8 && all[count].peer.family != 0)
		count++;
	return count;
}

/* Both ends up, or the port is another's. */
static void
begin(struct scene *s, struct user *a, struct user *b)
{
	struct bfd_ask to_b = ask_of("127.0.0.2", "127.0.0.1", 20);
	struct bfd_ask to_a = ask_of("127.0.0.1", "127.0.0.2", 20);
	int fd = udp_listen(AF_INET, 3784, NULL);

	if (fd < 0)
		skip();
	sock_close(fd);
	watch(s, a, &to_b);
	watch(s, b, &to_a);
	wait_until(a, BFD_UP);
	if (bfd_client_state(b->client) != BFD_UP)
		wait_until(b, BFD_UP);
}

static void
up_and_told(void **state)
{
	struct scene *s = *state;
	struct bfd_totals totals;
	struct bfd_status all[8];
	struct user a, b;
	int64_t heard_us;

	begin(s, &a, &b);
	/* First as it was found, then as it became. */
	assert_true(a.news >= 2);
	assert_false(a.last.failed);
	assert_string_equal(a.last.why, "ok");
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[0].state, BFD_UP);
	assert_int_equal(all[0].remote_discr, all[1].discr);
	assert_int_equal(all[1].remote_discr, all[0].discr);
	assert_int_not_equal(all[0].discr, all[1].discr);
	run(s, 200);
	heard_us = bfd_client_heard_us(a.client);
	assert_in_range(clock_now_us() - heard_us, 0, 60000);
	bfd_get_totals(s->bfd, &totals);
	assert_true(totals.running);
	/* The first packet may have come before its session. */
	assert_in_range(totals.unknown, 0, 2);
	assert_int_equal(totals.malformed + totals.far, 0);
	bfd_client_free(a.client);
	bfd_client_free(b.client);
	run(s, 50);
	assert_int_equal(statuses(s, all), 0);
}

static void
shared_by_who_asks(void **state)
{
	struct scene *s = *state;
	struct bfd_status all[8];
	struct bfd_ask ask = ask_of("127.0.0.2", NULL, 5);
	struct user a, b, c;

	begin(s, &a, &b);
	/* Its local address is left open: the same session, and faster. */
	ask.knobs.multiplier = 5; /* more than the other's 3, unsaid */
	watch(s, &c, &ask);
	wait_until(&c, BFD_UP);
	assert_int_equal(c.news, 1);
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[1].clients, 2);
	assert_int_equal(all[1].knobs.tx_us, 5000);
	assert_int_equal(all[1].knobs.multiplier, 3);
	run(s, 300);
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[1].interval_us, 20000); /* as the peer can */
	bfd_client_free(c.client);
	/* Who asks for less has what is there, and changes nothing. */
	ask.knobs = (struct bfd_knobs){ .tx_us = 90000, .multiplier = 9 };
	watch(s, &c, &ask);
	run(s, 50);
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[1].knobs.tx_us, 20000);
	assert_int_equal(all[1].knobs.rx_us, 20000);
	assert_int_equal(all[1].knobs.multiplier, 3);
	/* Without it as before, and nothing went down. */
	bfd_client_free(c.client);
	run(s, 300);
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[1].clients, 1);
	assert_int_equal(all[1].knobs.tx_us, 20000);
	assert_int_equal(all[1].knobs.multiplier, 3);
	assert_int_equal(all[1].counters.downs, 0);
	assert_int_equal(all[0].counters.downs, 0);
	/* Another local address is another session. */
	ask = ask_of("127.0.0.2", "127.0.0.3", 20);
	watch(s, &c, &ask);
	run(s, 50);
	assert_int_equal(statuses(s, all), 3);
	/* And a client that changes its mind moves between them. */
	ask = ask_of("127.0.0.2", "127.0.0.1", 20);
	bfd_client_set(c.client, &ask);
	wait_until(&c, BFD_UP);
	run(s, 50);
	assert_int_equal(statuses(s, all), 2);
	bfd_client_free(a.client);
	bfd_client_free(b.client);
	bfd_client_free(c.client);
}

static void
failure_and_purpose(void **state)
{
	struct scene *s = *state;
	struct bfd_ask ask = ask_of("127.0.0.1", "127.0.0.2", 20);
	struct user a, b;

	begin(s, &a, &b);
	/* The peer is shut down: no failure. */
	ask.knobs.shutdown = true;
	bfd_client_set(b.client, &ask);
	wait_until(&a, BFD_DOWN);
	assert_false(a.last.failed);
	assert_true(a.last.peer_admin_down);
	assert_non_null(strstr(a.last.why, "administratively"));
	ask.knobs.shutdown = false;
	bfd_client_set(b.client, &ask);
	wait_until(&a, BFD_UP);
	run(s, 200);
	/* It speaks with a key that we do not have: silence, to us. */
	ask.knobs.key = (struct bfd_key){ BFD_AUTH_METICULOUS_SHA1, 1, 1, "x" };
	bfd_client_set(b.client, &ask);
	wait_until(&a, BFD_DOWN);
	assert_true(a.last.failed);
	assert_false(a.last.peer_admin_down);
	assert_string_equal(a.last.why, "control detection time expired");
	ask.knobs.key.type = BFD_AUTH_NONE;
	bfd_client_set(b.client, &ask);
	wait_until(&a, BFD_UP);
	/* It is let go: that is on purpose too. */
	bfd_client_free(b.client);
	wait_until(&a, BFD_DOWN);
	assert_false(a.last.failed);
	bfd_client_free(a.client);
}

static void
freed_when_told(void **state)
{
	struct bfd_ask ask = ask_of("127.0.0.9", "127.0.0.1", 20);
	struct scene *s = *state;
	struct bfd_status all[8];
	struct user a, b, c;

	begin(s, &a, &b);
	watch(s, &c, &ask);
	c.free_at_once = true;
	run(s, 50);
	assert_null(c.client);
	assert_int_equal(c.news, 1);
	assert_int_equal(statuses(s, all), 2);
	/* Or before anything was said. */
	watch(s, &c, &ask);
	bfd_client_free(c.client);
	run(s, 50);
	assert_int_equal(c.news, 0);
	/* Whoever hears of an end may let go of both. */
	a.free_at_once = true;
	bfd_client_free(b.client);
	run(s, 200);
	assert_null(a.client);
	assert_int_equal(statuses(s, all), 0);
	/* What is still there when the floor goes is its own. */
	watch(s, &c, &ask);
	bfd_client_free(c.client);
}

static void
configure(struct scene *s, const char *text)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree = cli_tree_new(s->cli);

	assert_int_equal(
	    cli_read(tree, "test", text, strlen(text), &faults), 0);
	bfd_configure(s->bfd, tree);
	cli_tree_free(tree);
	cli_faults_clear(&faults);
	run(s, 100);
}

static void
lines_profiles_and_clients(void **state)
{
	struct scene *s = *state;
	struct bfd_status all[8];
	struct bfd_ask ask;
	struct user u;

	configure(s, "bfd\n"
		     " profile p\n"
		     "  transmit-interval 70\n"
		     "  detect-multiplier 7\n"
		     " exit\n"
		     " peer 127.0.0.7\n"
		     "  profile p\n"
		     "  receive-interval 90\n"
		     " exit\n"
		     " peer 127.0.0.8 multihop local-address 127.0.0.1\n"
		     " exit\n"
		     "exit\n");
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[0].knobs.tx_us, 70000);
	assert_int_equal(all[0].knobs.rx_us, 90000);
	assert_int_equal(all[0].knobs.multiplier, 7);
	assert_string_equal(all[0].profile, "p");
	assert_true(all[0].configured && all[0].clients == 0);
	assert_true(all[1].multihop);
	assert_int_equal(all[1].knobs.tx_us, 300000);
	assert_int_equal(all[1].knobs.min_ttl, 254);
	/* Who asks for nothing in particular takes what is there. */
	ask = ask_of("127.0.0.7", NULL, 0);
	watch(s, &u, &ask);
	run(s, 50);
	assert_int_equal(statuses(s, all), 2);
	assert_int_equal(all[0].knobs.tx_us, 70000);
	assert_int_equal(all[0].clients, 1);
	/* A profile that changes is that of all who use it. */
	configure(s, "bfd\n"
		     " profile p\n"
		     "  transmit-interval 60\n"
		     " exit\n"
		     " peer 127.0.0.7\n"
		     "  profile p\n"
		     "  receive-interval 90\n"
		     " exit\n"
		     "exit\n");
	assert_int_equal(statuses(s, all), 1);
	assert_int_equal(all[0].knobs.tx_us, 60000);
	assert_int_equal(all[0].knobs.multiplier, 3);
	/* Without its line it stays as long as the client does. */
	configure(s, "");
	assert_int_equal(statuses(s, all), 1);
	assert_false(all[0].configured);
	assert_int_equal(all[0].knobs.tx_us, 300000);
	bfd_client_free(u.client);
	run(s, 50);
	assert_int_equal(statuses(s, all), 0);
	configure(s, "bfd\n peer 127.0.0.7\n exit\nexit\n");
	assert_int_equal(statuses(s, all), 1);
}

/* A network of its own, so that no port is taken. */
static void
be_alone(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		perror("lo");
	close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(up_and_told),
		CASE(shared_by_who_asks),
		CASE(failure_and_purpose),
		CASE(freed_when_told),
		CASE(lines_profiles_and_clients),
	};

	be_alone();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
