/* SPDX-License-Identifier: ISC */
/* What is done to a daemon, step by step, and what came of it, as JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bgpload.h"
#include "load_run.h"

int
load_address(
    const char *text, uint32_t plus, uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in *four = (struct sockaddr_in *)to;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
	uint32_t low;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		four->sin_addr.s_addr =
		    htonl(ntohl(four->sin_addr.s_addr) + plus);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) {
		fprintf(stderr, "bgpload: %s: no address\n", text);
		return -1;
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	memcpy(&low, six->sin6_addr.s6_addr + 12, 4);
	low = htonl(ntohl(low) + plus);
	memcpy(six->sin6_addr.s6_addr + 12, &low, 4);
	return 0;
}

static void
dial(struct load_loop *loop, struct load_peer *peer)
{
	const struct load_plan *plan = ((struct run *)loop->owner)->plan;
	struct sockaddr_storage from, to;
	int fd, yes = 1, small = 4096;

	load_address(plan->local, peer->number, 0, &from);
	load_address(plan->daemon, 0, plan->port, &to);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (peer->stuck || peer->rate)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		errno != EINPROGRESS)) {
		snprintf(peer->why, sizeof(peer->why), "%s", strerror(errno));
		close(fd);
		return;
	}
	load_peer_attach(loop, peer, fd);
}

static void
on_up(struct load_loop *loop, struct load_peer *peer)
{
	struct run *run = loop->owner;
	struct sink *sink = peer->data;

	run->up++;
	if (sink != NULL) {
		memset(sink->state, 0, run->table->count);
		sink->have = 0;
		sink->is_dirty = true;
	}
	if (peer->sends && run->is_returning)
		load_run_say(run, peer, 1);
}

static void
on_down(struct load_loop *loop, struct load_peer *peer)
{
	struct run *run = loop->owner;

	run->up--;
	if (!peer->stuck)
		run->lost++;
	if (peer->sends)
		memset(load_run_said(run, peer), 0, run->table->set_count);
}

static struct load_peer *
add_peer(struct run *run, bool sends, bool receives)
{
	const struct load_plan *plan = run->plan;
	struct load_peer *peer = load_peer_new(&run->loop);
	struct sockaddr_storage own;

	peer->sends = sends;
	peer->receives = receives;
	peer->is_wanted = true;
	peer->who.as = plan->first_as + peer->number;
	peer->id = 0x0a400001 + peer->number;
	load_address(plan->local, peer->number, 0, &own);
	if (own.ss_family == AF_INET)
		memcpy(peer->who.next4, &((struct sockaddr_in *)&own)->sin_addr,
		    4);
	if (plan->next6 != NULL)
		load_address(plan->next6, peer->number, 0, &own);
	if (own.ss_family == AF_INET6)
		memcpy(peer->who.next6,
		    &((struct sockaddr_in6 *)&own)->sin6_addr, 16);
	if (receives) {
		struct sink *sink = load_memory(NULL, sizeof(*sink));

		*sink = (struct sink){ .state = load_memory(
					   NULL, run->table->count) };
		memset(sink->state, 0, run->table->count);
		peer->data = sink;
	}
	return peer;
}

/* What each sender will say, ready to be sent. */
static void
prepare(struct run *run)
{
	unsigned senders = run->plan->senders;

	run->said = load_memory(NULL, (size_t)senders * run->table->set_count);
	memset(run->said, 0, (size_t)senders * run->table->set_count);
	run->speech = load_memory(NULL, senders * sizeof(*run->speech));
	for (unsigned s = 0; s < senders; s++) {
		struct speech *speech = &run->speech[s];

		*speech = (struct speech){ .gone = load_chunk_new() };
		speech->sets =
		    load_memory(NULL, run->table->set_count * sizeof(uint32_t));
		for (uint32_t set = 0; set < run->table->set_count; set++)
			if (load_run_owns(run, s, set))
				speech->sets[speech->count++] = set;
		load_withdraw(&speech->gone->bytes, run->table, speech->sets,
		    speech->count);
		speech->here[0] = load_chunk_new();
		for (uint32_t i = 0; i < speech->count; i++)
			load_announce(&speech->here[0]->bytes, run->table,
			    speech->sets[i], &run->loop.peers[s]->who, 1);
	}
}

static void
make_peers(struct run *run)
{
	const struct load_plan *plan = run->plan;
	unsigned count = plan->senders + plan->receivers;

	for (unsigned i = 0; i < count; i++) {
		struct load_peer *peer = add_peer(
		    run, i < plan->senders, i >= plan->senders || plan->both);

		if (i + plan->stuck >= count && peer->receives && !peer->sends)
			peer->stuck = true;
		else if (i + plan->stuck + plan->slow >= count &&
			 peer->receives && !peer->sends)
			peer->rate = plan->slow_rate;
	}
}

static int
start_sessions(struct run *run)
{
	uint64_t start = load_now();
	double seconds;

	for (size_t i = 0; i < run->loop.count; i++)
		dial(&run->loop, run->loop.peers[i]);
	while (run->up < run->loop.count) {
		load_turn(&run->loop, 5);
		seconds = (double)(run->loop.now - start) / 1e9;
		if (seconds > run->plan->timeout) {
			fprintf(stderr,
			    "bgpload: %zu of %zu sessions are up; %s\n",
			    run->up, run->loop.count, run->loop.peers[0]->why);
			return -1;
		}
	}
	seconds = (double)(run->loop.now - start) / 1e9;
	run->lost = 0;
	printf("{\n \"routes\": %u, \"sets\": %u, \"senders\": %u, "
	       "\"receivers\": %u, \"up_s\": %.4f,\n \"steps\": [",
	    run->table->count, run->table->set_count, run->plan->senders,
	    run->plan->receivers, seconds);
	return 0;
}

static void
run_free(struct run *run)
{
	for (unsigned s = 0; s < run->plan->senders; s++) {
		load_chunk_unref(run->speech[s].gone);
		for (int v = 0; v < 2; v++)
			if (run->speech[s].here[v] != NULL)
				load_chunk_unref(run->speech[s].here[v]);
		free(run->speech[s].sets);
	}
	for (size_t i = 0; i < run->loop.count; i++) {
		struct load_peer *peer = run->loop.peers[i];
		struct sink *sink = peer->data;

		peer->is_wanted = false;
		load_peer_close(&run->loop, peer, "");
		if (sink != NULL)
			free(sink->state);
		free(sink);
		free(peer->queue);
		free(peer->in);
		free(peer);
	}
	close(run->loop.epoll);
	free(run->loop.peers);
	free(run->speech);
	free(run->said);
}

int
load_run(struct load_table *table, const struct load_plan *plan)
{
	struct run run = { .table = table, .plan = plan };
	int failed = 0;

	load_loop_init(&run.loop, plan->hold);
	run.loop.owner = &run;
	run.loop.on_up = on_up;
	run.loop.on_down = on_down;
	run.loop.on_update = load_run_hear;
	run.loop.redial = dial;
	load_expect(table, &plan->rules);
	make_peers(&run);
	prepare(&run);
	if (start_sessions(&run) < 0) {
		run_free(&run);
		return 2;
	}
	for (int i = 0; i < plan->step_count; i++) {
		printf("%s\n", i ? "," : "");
		if (load_run_step(&run, plan->steps[i]) < 0)
			failed = 1;
		fflush(stdout);
	}
	failed |= run.lost > 0;
	load_run_tell(&run, failed);
	run_free(&run);
	return failed;
}
