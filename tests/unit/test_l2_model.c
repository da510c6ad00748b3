/* SPDX-License-Identifier: ISC */
/* Every small history of a segment: cuts one way, deaths, freezes; never wrong. */

/*
 * Histories are enumerated, not drawn. In each step of each: consistent, never
 * two that could answer; available, two that hear each other answer no longer
 * than one detection time and a few messages. When all is well again: one owner,
 * the same for all, and nothing moves any more. Where two of three hear each
 * other, somebody answers.
 *
 * Beyond that, histories by chance of up to five nodes (L2_MODEL_CHANCE).
 *
 * L2_MODEL=N does every N-th history (default 17), each exactly once for N = 1;
 * L2_MODEL_LONG=1 adds one event to each; L2_MODEL_ONLY="links 9 12, ..." does
 * that one, and OWNER_TRACE=1 prints what happens in it.
 */

#include "owner_world.h"

#define ALLOWED_US (DETECT_US + 50000)

static unsigned histories, skipped;
static char history[256];

static unsigned
stride(void)
{
	const char *said = getenv("L2_MODEL");

	return said != NULL && atoi(said) > 0 ? (unsigned)atoi(said) : 17;
}

/* The next history's turn? N should have no factor in common with the loops. */
static bool
is_due(void)
{
	static unsigned count;
	const char *only = getenv("L2_MODEL_ONLY");

	if (only != NULL) {
		histories += strcmp(only, history) == 0;
		return strcmp(only, history) == 0;
	}
	if (++count % stride() != 0) {
		skipped++;
		return false;
	}
	histories++;
	return true;
}

static void
wrong(const char *what)
{
	fail_msg("%s: %s (%s, doubles %u, worst %lld us)", history, what,
	    world.config.partition == OWNERS_CONSISTENT ? "consistent"
							: "available",
	    world.doubles, (long long)world.worst_us);
}

static void
check_always(void)
{
	if (world.config.partition == OWNERS_CONSISTENT && world.doubles > 0)
		wrong("two could answer");
	if (world.worst_us > ALLOWED_US)
		wrong("two answer that hear each other");
}

/* Do two of three that run hear each other, with nobody just started? */
static bool
has_quorum(void)
{
	int i, k;

	for (i = 0; i < world.nodes; i++) {
		for (k = 0; k < i; k++) {
			if (runs(i) && runs(k) && !world.cut[i][k] &&
			    !world.cut[k][i] && !world.node[i].leaving &&
			    !world.node[k].leaving)
				return true;
		}
	}
	return false;
}

/* All that was broken is repaired: who is left, and does it stay? */
static void
check_end(void)
{
	unsigned takes;
	int i, owner;

	for (i = 0; i < world.nodes; i++) {
		if (world.node[i].leaving)
			world_kill(i);
		if (world.node[i].frozen)
			world_wake(i);
		world_gateway(i, OWNERS_REACHED);
		world_far_gateway(i, OWNERS_REACHED);
		world_isolate(i, false);
		memset(world.far, 0, sizeof(world.far));
		if (world.node[i].owners == NULL)
			world_start(i);
	}
	world_run(3000);
	check_always();
	owner = answerer(0);
	for (i = 0; i < world.addrs; i++) {
		if (answerers(i) != 1)
			wrong(answerers(i) == 0 ? "nobody has it in the end"
						: "two have it in the end");
	}
	takes = world.takes;
	world_run(1500);
	check_always();
	if (world.takes != takes || answerer(0) != owner)
		wrong("it goes on moving");
	if (world.takes > 12u * (unsigned)world.addrs)
		wrong("it has moved too often");
	world_close();
}

/* Links ------------------------------------------------------------------------------ */

/* Bit by bit: from i to k. */
static void
set_links(unsigned pattern)
{
	int i, k;

	for (i = 0; i < world.nodes; i++) {
		for (k = 0; k < world.nodes; k++) {
			if (i == k)
				continue;
			world.cut[i][k] = (pattern & 1) != 0;
			pattern >>= 1;
		}
	}
}

static void
run_links(const unsigned *patterns, int count, int64_t ms)
{
	int i;

	for (i = 0; i < count; i++) {
		set_links(patterns[i]);
		world_run(ms);
		check_always();
		if (ms >= 600 && world.nodes == 3 && has_quorum() &&
		    answerers(0) == 0)
			wrong("nobody answers, but two of three are there");
	}
}

static void
links_of(int nodes, unsigned all, unsigned second,
    const enum owners_gateway *gateways)
{
	static const int64_t times[] = { 60, 170, 260, 700 };
	struct owners_config config = owners_defaults;
	unsigned p[2];
	size_t t;
	int i;

	for (config.partition = 0; config.partition < 2; config.partition++) {
		for (p[0] = 1; p[0] < all; p[0]++) {
			for (p[1] = 0; p[1] < second; p[1]++) {
				for (t = 0; t < 4; t++) {
					snprintf(history, sizeof(history),
					    "links %u %u, %d ms each, "
					    "gateways %d %d %d",
					    p[0], p[1], (int)times[t],
					    gateways[0], gateways[1],
					    nodes > 2 ? gateways[2] : 0);
					if (!is_due())
						continue;
					world_begin(nodes, 1, &config);
					for (i = 0; i < nodes; i++)
						world_gateway(i, gateways[i]);
					run_links(p, 2, times[t]);
					check_end();
				}
			}
		}
	}
}

static void
links_of_three(void **state)
{
	static const enum owners_gateway reached[3] = { OWNERS_REACHED,
		OWNERS_REACHED, OWNERS_REACHED };

	(void)state;
	links_of(3, 64, 64, reached);
}

/* One has proposed itself in vain, to ever later epochs; then it is another's. */
static void
asked_in_vain(void **state)
{
	static const unsigned muted[2][2] = { { 60, 33 }, { 54, 33 } };
	struct owners_config config = owners_defaults;
	int i;

	(void)state;
	config.partition = OWNERS_CONSISTENT;
	for (i = 0; i < 2; i++) {
		snprintf(history, sizeof(history), "asked in vain %d", i);
		world_begin(3, 1, &config);
		run_links(muted[i], 2, 700);
		check_end();
	}
}

static void
links_of_two(void **state)
{
	enum owners_gateway gateways[2];
	int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		gateways[0] = (enum owners_gateway)(i % 3);
		gateways[1] = (enum owners_gateway)(i / 3);
		links_of(2, 4, 4, gateways);
	}
}

/* One pattern, then all is open; every node sees the gateway, or not, or none. */
static void
gateways_of_three(void **state)
{
	enum owners_gateway gateways[3];
	int i;

	(void)state;
	for (i = 0; i < 27; i++) {
		gateways[0] = (enum owners_gateway)(i % 3);
		gateways[1] = (enum owners_gateway)(i / 3 % 3);
		gateways[2] = (enum owners_gateway)(i / 9);
		links_of(3, 64, 1, gateways);
	}
}

/* Two segments ------------------------------------------------------------------------ */

static bool
is_open(int i, int k)
{
	return !world.far[i][k] && !world.far[k][i];
}

/* Two hear each other there and not the third, who has it: it must not. */
static void
check_far(void)
{
	int i = answerer(1), a = (i + 1) % 3, b = (i + 2) % 3;

	if (i < 0)
		wrong("nobody answers on the far segment, and all live");
	if (is_open(a, b) && !is_open(i, a) && !is_open(i, b))
		wrong("one that is cut off answers on the far segment");
}

/* The near one is open, or one node is off it; on the far one all there may be. */
static void
far_history(const struct owners_config *config, unsigned off,
    const unsigned *patterns, int64_t ms)
{
	unsigned bits;
	int i, k, n;

	world_open(3, 2, config);
	world.sides = 2;
	for (i = 0; i < 3; i++)
		world_start(i);
	world_run(4500);
	if (off < 3)
		world_isolate((int)off, true);
	for (n = 0; n < 2; n++) {
		bits = patterns[n];
		for (i = 0; i < 3; i++)
			for (k = 0; k < 3; k++)
				if (i != k) {
					world.far[i][k] = (bits & 1) != 0;
					bits >>= 1;
				}
		world_run(ms);
		check_always();
		if (ms >= 600 && off == 3)
			check_far();
	}
	check_end();
}

static void
far_links_of_three(void **state)
{
	static const int64_t times[] = { 60, 170, 260, 700 };
	struct owners_config config = owners_defaults;
	unsigned p[2], off;
	size_t t;

	(void)state;
	for (config.partition = 0; config.partition < 2; config.partition++)
		for (off = 0; off < 4; off++)
			for (p[0] = 1; p[0] < 64; p[0]++)
				for (p[1] = 0; p[1] < 64; p[1]++)
					for (t = 0; t < 4; t++) {
						snprintf(history,
						    sizeof(history),
						    "far %u %u, %d ms each, "
						    "off %u, partition %d",
						    p[0], p[1], (int)times[t],
						    off, config.partition);
						if (is_due())
							far_history(&config,
							    off, p, times[t]);
					}
}

/* Events ----------------------------------------------------------------------------- */

enum event {
	NOTHING,
	KILL,
	FREEZE,
	WAKE,
	RESTART, /* announced, then killed, and started again */
	START,
	LEAVE,
	ISOLATE,
	ISOLATE_ALL, /* without its gateway too */
	CUT,	     /* the pair of it and the next one */
	DEAF,	     /* hears nobody, is heard */
	MUTE,
	HEAL,
	EVENTS
};

static const char *const words[EVENTS] = { "nothing", "kill", "freeze", "wake",
	"restart", "start", "leave", "isolate", "isolate-all", "cut", "deaf",
	"mute", "heal" };

static void
restart(int i)
{
	int k;

	owners_leave(world.node[i].owners, OWNERS_RESTART, world.now_us);
	world_run(200);
	world.node[i].admin = true;
	for (k = 0; k < world.nodes; k++) {
		if (k != i && runs(k) && !world.cut[i][k])
			bfd_hear(k, i);
	}
	world_kill(i);
	world_run(300);
	world_start(i);
}

/* false: it makes no sense here. */
static bool
do_node_event(enum event event, int i)
{
	struct node *node = &world.node[i];

	if (event == START && node->owners == NULL)
		world_start(i);
	else if (event == WAKE && node->frozen)
		world_wake(i);
	else if (event == KILL && node->owners != NULL)
		world_kill(i);
	else if (!runs(i) || event == START || event == WAKE)
		return false;
	else if (event == FREEZE)
		node->frozen = true;
	else if (event == RESTART)
		restart(i);
	else if (event == LEAVE)
		owners_leave(node->owners, OWNERS_HANDOVER, world.now_us);
	node->leaving = node->leaving || event == LEAVE;
	return true;
}

static bool
do_event(enum event event, int i)
{
	int k;

	switch (event) {
	case NOTHING:
		return i == 0;
	case ISOLATE_ALL:
		world_gateway(i, OWNERS_LOST);
		/* fall through */
	case ISOLATE:
		world_isolate(i, true);
		return true;
	case CUT:
		world_cut(i, (i + 1) % world.nodes, true);
		return true;
	case DEAF:
	case MUTE:
		for (k = 0; k < world.nodes; k++) {
			if (k != i && event == DEAF)
				world.cut[k][i] = true;
			else if (k != i)
				world.cut[i][k] = true;
		}
		return true;
	case HEAL:
		world_isolate(i, false);
		world_gateway(i, OWNERS_REACHED);
		return true;
	default:
		return do_node_event(event, i);
	}
}

static void
run_events(int nodes, const struct owners_config *config,
    const unsigned *events, int count, int64_t ms)
{
	int i, n = 0;
	enum event event;

	for (i = 0; i < count; i++) {
		event = (enum event)(events[i] % EVENTS);
		n += snprintf(history + n, sizeof(history) - (size_t)n,
		    "%s %s, ", words[event], name_of((int)events[i] / EVENTS));
	}
	snprintf(history + n, sizeof(history) - (size_t)n, "%d ms each of %d",
	    (int)ms, nodes);
	if (!is_due())
		return;
	world_begin(nodes, 1, config);
	for (i = 0; i < count; i++) {
		if (!do_event((enum event)(events[i] % EVENTS),
			(int)events[i] / EVENTS)) {
			world_close();
			return;
		}
		world_run(ms);
		check_always();
	}
	if (ms >= 600 && nodes == 3 && has_quorum()) {
		world_run(1300); /* who was started hears first */
		check_always();
		if (answerers(0) == 0)
			wrong("nobody answers, but two of three are there");
	}
	check_end();
}

static void
events_of(int nodes)
{
	static const int64_t times[] = { 30, 160, 230, 700 };
	struct owners_config config = owners_defaults;
	unsigned all = (unsigned)(EVENTS * nodes), e[3];
	int count = getenv("L2_MODEL_LONG") != NULL ? 3 : 2;
	unsigned lasts = count == 3 ? all : 1;
	size_t t;

	for (config.partition = 0; config.partition < 2; config.partition++)
		for (e[0] = 0; e[0] < all; e[0]++)
			for (e[1] = 0; e[1] < all; e[1]++)
				for (e[2] = 0; e[2] < lasts; e[2]++)
					for (t = 0; t < 4; t++)
						run_events(nodes, &config, e,
						    count, times[t]);
}

static void
events_of_three(void **state)
{
	(void)state;
	events_of(3);
}

static void
events_of_two(void **state)
{
	(void)state;
	events_of(2);
}

/* By chance ------------------------------------------------------------------------ */

/* One thing happens; what was broken is repaired now and then. */
static void
chance_event(void)
{
	int i = (int)roll((unsigned)world.nodes);
	int k = (int)roll((unsigned)world.nodes);

	if (roll(3) == 0) {
		if (world.sides > 1 && roll(2) == 0)
			world.far[i][k] = !world.far[i][k];
		else
			world.cut[i][k] = !world.cut[i][k];
		return;
	}
	if (roll(6) == 0) {
		for (i = 0; i < world.nodes; i++)
			world_isolate(i, false);
		memset(world.far, 0, sizeof(world.far));
		return;
	}
	if (world.sides > 1 && roll(6) == 0) {
		world_far_gateway(i, (enum owners_gateway)roll(4));
		return;
	}
	if (world.node[i].owners == NULL)
		world_start(i);
	else if (world.node[i].frozen)
		world_wake(i);
	else
		do_event((enum event)roll(EVENTS), i);
	if (world.node[i].left)
		world_kill(i);
}

/* More nodes, more addresses, longer: L2_MODEL_CHANCE histories of each kind. */
static void
by_chance(void **state)
{
	struct owners_config config = owners_defaults;
	const char *said = getenv("L2_MODEL_CHANCE");
	int i, n, nodes, runs_left = said != NULL ? atoi(said) : 10;

	(void)state;
	for (i = 0; i < runs_left * 16; i++) {
		nodes = 2 + i % 4;
		config.partition = i / 4 % 2 != 0;
		chance = (uint32_t)i;
		snprintf(history, sizeof(history), "chance %d of %d", i, nodes);
		if (getenv("L2_MODEL_ONLY") != NULL && !is_due())
			continue;
		histories++;
		world_open(nodes, 3, &config);
		world.sides = 1 + i / 8 % 2;
		for (n = 0; n < nodes; n++)
			world_start(n);
		world_run(3000);
		/* available promises nothing about messages that are lost */
		world.wild = config.partition != 0 ? roll(30) : 0;
		for (n = 0; n < 40; n++) {
			chance_event();
			world_run(5 + roll(roll(2) != 0 ? 60 : 400));
			check_always();
		}
		world.takes = world.wild = 0;
		check_end();
	}
}

static void
count(void **state)
{
	(void)state;
	print_message("%u histories, %u left out\n", histories, skipped);
	assert_true(histories > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_of_three),
		cmocka_unit_test(asked_in_vain),
		cmocka_unit_test(links_of_two),
		cmocka_unit_test(gateways_of_three),
		cmocka_unit_test(far_links_of_three),
		cmocka_unit_test(events_of_three),
		cmocka_unit_test(events_of_two),
		cmocka_unit_test(by_chance),
		cmocka_unit_test(count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
