/* SPDX-License-Identifier: ISC */
/* What is done to a daemon, step by step, and what came of it, as JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bgpload.h"
#include "load_run.h"

#define KNOCK_NS 2000000ull
#define WAITING	 5

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
		memset(
		    sink->state, 0, run->table->count * sizeof(*sink->state));
		sink->have = 0;
		load_run_recount(run, peer);
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
	if (peer->sends) {
		load_run_hush(run, peer);
		run->speech[peer->number].is_said = false;
	}
}

static struct load_peer *
add_peer(struct run *run, bool sends, bool receives)
{
	const struct load_plan *plan = run->plan;
	struct load_peer *peer = load_peer_new(&run->loop);
	struct sockaddr_storage own;

	peer->sends = sends;
	peer->receives = receives;
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
		size_t size = run->table->count * sizeof(*sink->state);

		*sink = (struct sink){ .state = load_memory(NULL, size),
			.near = LOAD_NONE };
		memset(sink->state, 0, size);
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
	run->voices =
	    load_memory(NULL, run->table->set_count * sizeof(*run->voices));
	memset(run->voices, 0, run->table->set_count * sizeof(*run->voices));
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
	/* They hold sessions, and the daemon has no route for them. */
	for (unsigned i = 0; i < plan->probes; i++) {
		struct load_peer *probe = add_peer(run, false, false);

		probe->is_probe = true;
		probe->families =
		    run->table->count && run->table->routes[0].family == 6
			? LOAD_IPV4
			: LOAD_IPV6;
	}
}

/* Serves what there is until a line comes; false: there is no more. */
static bool
await_line(struct run *run)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	if (!run->plan->is_paced)
		return true;
	for (;;) {
		load_turn(&run->loop, 5);
		if (poll(&in, 1, 0) <= 0)
			continue;
		if (read(STDIN_FILENO, &byte, 1) != 1)
			return false;
		if (byte == '\n')
			return true;
	}
}

static bool
is_late(const struct run *run, uint64_t start)
{
	if ((double)(run->loop.now - start) / 1e9 <= run->plan->timeout)
		return false;
	fprintf(stderr, "bgpload: %zu of %zu sessions are up; %s\n", run->up,
	    run->loop.count, run->loop.peers[0]->why);
	return true;
}

/* Until somebody listens: one knocks, not all. */
static int
knock(struct run *run, uint64_t start)
{
	struct load_peer *first = run->loop.peers[0];

	while (first->state <= PEER_DIALING) {
		if (first->state == PEER_DOWN &&
		    run->loop.now - first->dialed_ns > KNOCK_NS)
			dial(&run->loop, first);
		load_turn(&run->loop, 1);
		if (is_late(run, start))
			return -1;
	}
	return 0;
}

/* So many wait to be answered: what daemons listen for is short. */
static bool
may_dial(const struct run *run, size_t from, size_t end)
{
	unsigned waiting = 0;

	for (size_t i = from; i < end; i++) {
		const struct load_peer *peer = run->loop.peers[i];

		waiting +=
		    (peer->state == PEER_DIALING || peer->state == PEER_OPEN) &&
		    run->loop.now - peer->dialed_ns < LOAD_PATIENCE_NS;
	}
	return waiting < WAITING;
}

static bool
are_up(const struct run *run, size_t from, size_t end)
{
	for (size_t i = from; i < end; i++)
		if (run->loop.peers[i]->state != PEER_UP)
			return false;
	return true;
}

/* Those of a range, each `apart` after the last; until they are up. */
static int
dial_all(struct run *run, size_t from, size_t end, uint64_t apart)
{
	uint64_t start = load_now(), due = start;

	for (size_t i = from; i < end || !are_up(run, from, end);) {
		for (;
		     i < end && due <= run->loop.now && may_dial(run, from, i);
		     i++, due += apart) {
			struct load_peer *peer = run->loop.peers[i];

			peer->is_wanted = true;
			if (peer->state == PEER_DOWN)
				dial(&run->loop, peer);
		}
		load_turn(&run->loop, 1);
		if (is_late(run, start))
			return -1;
	}
	return 0;
}

int
load_run_join(struct run *run)
{
	size_t end = run->plan->senders + run->plan->receivers;

	return dial_all(run, end - run->plan->later, end, 0);
}

static int
start_sessions(struct run *run)
{
	const struct load_plan *plan = run->plan;
	size_t main = plan->senders + plan->receivers;
	uint64_t start = load_now(), up;

	run->start_ns = start;
	if (knock(run, start) < 0 ||
	    dial_all(run, 0, main - plan->later, 0) < 0)
		return -1;
	up = run->loop.now;
	if (plan->probes &&
	    dial_all(run, main, run->loop.count,
		plan->keepalive * 1000000000ull / plan->probes) < 0)
		return -1;
	run->lost = 0;
	load_run_tell_up(run, start, up);
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
	close(run->loop.urgent);
	free(run->loop.peers);
	free(run->speech);
	free(run->said);
	free(run->voices);
	free(run->lags_ns);
}

static bool
do_steps(struct run *run)
{
	const struct load_plan *plan = run->plan;
	bool failed = false;

	for (int i = 0; i < plan->step_count; i++) {
		if (!await_line(run))
			return true;
		failed |= load_run_step(run, plan->steps[i]) < 0;
		if (!await_line(run))
			return true;
		load_run_tell_after(run, plan->steps[i]);
	}
	return failed || run->lost > 0;
}

int
load_run(struct load_table *table, const struct load_plan *plan)
{
	struct run run = { .table = table, .plan = plan, .rules = plan->rules };
	int failed = 2;

	load_loop_init(&run.loop, plan->hold);
	run.loop.owner = &run;
	run.loop.on_up = on_up;
	run.loop.on_down = on_down;
	run.loop.on_update = load_run_hear;
	run.loop.redial = dial;
	load_expect(table, &run.rules);
	make_peers(&run);
	prepare(&run);
	load_run_tell_ready(&run);
	if (await_line(&run) && start_sessions(&run) == 0) {
		failed = do_steps(&run);
		load_run_tell_end(&run, failed);
	}
	run_free(&run);
	return failed;
}
