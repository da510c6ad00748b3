/* SPDX-License-Identifier: ISC */
/* Two machines and a wire: any loss, any delay, clocks that run apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bfd/packet.h"
#include "bytes.h"

#define MS	  INT64_C(1000)
#define SEC	  INT64_C(1000000)
#define WIRE_MOST 256

struct flying {
	int64_t at_us;
	size_t len;
	uint8_t bytes[PACKET_MAX];
};

/* One end, and what is on its way to it. */
struct end {
	struct machine m;
	int64_t offset_us; /* of its clock */
	int drift_ppm;
	struct flying wire[WIRE_MOST];
	unsigned count;
	unsigned loss_percent; /* of what comes to it */
	bool frozen;
};

struct world {
	struct end ends[2];
	int64_t now_us;
	int64_t delay_us, jitter_us;
	uint64_t seed;
	unsigned polls_and_finals; /* in one packet: never */
};

static int64_t
end_clock(const struct end *end, int64_t now_us)
{
	return now_us + end->offset_us + now_us / 1000000 * end->drift_ppm;
}

static void
world_send(struct world *w, struct end *to, const uint8_t *bytes, size_t len)
{
	struct flying *f;

	if (dice(&w->seed) % 100 < to->loss_percent || to->count == WIRE_MOST)
		return;
	f = &to->wire[to->count++];
	f->len = len;
	memcpy(f->bytes, bytes, len);
	f->at_us = w->now_us + w->delay_us;
	if (w->jitter_us > 0)
		f->at_us += dice(&w->seed) % w->jitter_us;
	/* In order, as on any one path. */
	if (to->count > 1 && f->at_us < f[-1].at_us)
		f->at_us = f[-1].at_us;
}

static void
end_flush(struct world *w, int which)
{
	struct end *end = &w->ends[which];
	uint8_t bytes[PACKET_MAX];
	unsigned burst = 0;
	size_t len;

	while ((len = machine_output(
		    &end->m, end_clock(end, w->now_us), bytes)) > 0) {
		assert_true(++burst < 4);
		if ((bytes[1] & (PACKET_POLL | PACKET_FINAL)) ==
		    (PACKET_POLL | PACKET_FINAL))
			w->polls_and_finals++;
		world_send(w, &w->ends[1 - which], bytes, len);
	}
}

static void
end_receive(struct world *w, int which)
{
	struct end *end = &w->ends[which];
	struct packet packet;
	struct flying f;

	while (end->count > 0 && end->wire[0].at_us <= w->now_us) {
		f = end->wire[0];
		end->count--;
		memmove(end->wire, end->wire + 1, end->count * sizeof(f));
		assert_null(packet_decode(f.bytes, f.len, &packet));
		(void)machine_receive(
		    &end->m, &packet, f.bytes, end_clock(end, w->now_us));
		end_flush(w, which);
	}
}

/* In steps of half a millisecond; a frozen end does nothing at all. */
static void
world_run(struct world *w, int64_t us)
{
	int64_t end_us = w->now_us + us;
	int i;

	for (; w->now_us < end_us; w->now_us += 500)
		for (i = 0; i < 2; i++) {
			if (w->ends[i].frozen)
				continue;
			end_receive(w, i);
			machine_tick(
			    &w->ends[i].m, end_clock(&w->ends[i], w->now_us));
			end_flush(w, i);
		}
}

static void
world_begin(struct world *w, uint64_t seed, const struct bfd_knobs *a,
    const struct bfd_knobs *b)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->seed = seed * 2654435761u + 1;
	w->now_us = 5 * SEC;
	w->delay_us = 200;
	for (i = 0; i < 2; i++) {
		w->ends[i].offset_us = dice(&w->seed);
		w->ends[i].drift_ppm = (int)(dice(&w->seed) % 400) - 200;
		machine_init(&w->ends[i].m, 10 + (uint32_t)i, dice(&w->seed),
		    i == 0 ? a : b, end_clock(&w->ends[i], w->now_us));
	}
}

static bool
world_is(const struct world *w, enum bfd_state state)
{
	return w->ends[0].m.state == state && w->ends[1].m.state == state;
}

static struct bfd_knobs
knobs_of(uint32_t tx_ms, uint32_t rx_ms, uint8_t multiplier)
{
	return (struct bfd_knobs){ .tx_us = tx_ms * 1000,
		.rx_us = rx_ms * 1000,
		.multiplier = multiplier };
}

/* Random ends: they come up in time, agree on intervals, and never go down. */
static void
up_and_up_for_ever(void **state)
{
	static const uint32_t ms[] = { 10, 50, 100, 300, 1000 };
	struct bfd_knobs a, b;
	struct world w;
	uint64_t seed, s = 99;
	int i;

	(void)state;
	for (seed = 1; seed <= 60; seed++) {
		a = knobs_of(ms[dice(&s) % 5], ms[dice(&s) % 5],
		    (uint8_t)(2 + dice(&s) % 4));
		b = knobs_of(ms[dice(&s) % 5], ms[dice(&s) % 5],
		    (uint8_t)(2 + dice(&s) % 4));
		if (dice(&s) % 3 == 0)
			a.key = b.key =
			    (struct bfd_key){ BFD_AUTH_METICULOUS_SHA1, 1, 3,
				    "key" };
		a.passive = dice(&s) % 4 == 0;
		world_begin(&w, seed, &a, &b);
		w.jitter_us = 1000;
		world_run(&w, 4 * SEC);
		assert_true(world_is(&w, BFD_UP));
		world_run(&w, 20 * SEC);
		for (i = 0; i < 2; i++) {
			const struct machine *m = &w.ends[i].m;
			const struct machine *o = &w.ends[1 - i].m;

			assert_int_equal(m->counters.downs, 0);
			assert_false(m->poll);
			assert_int_equal(m->tx_used_us, m->config.tx_us);
			assert_int_equal(m->rx_used_us, m->config.rx_us);
			assert_int_equal(machine_interval_us(m),
			    m->tx_us > o->rx_us ? m->tx_us : o->rx_us);
		}
		assert_int_equal(w.polls_and_finals, 0);
	}
}

/* A cut is seen by each end within its detection time, and not sooner. */
static void
a_cut_is_seen_in_time(void **state)
{
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct world w;
	uint64_t seed;
	int64_t cut_us;

	(void)state;
	for (seed = 1; seed <= 40; seed++) {
		world_begin(&w, seed, &knobs, &knobs);
		world_run(&w, 5 * SEC);
		assert_true(world_is(&w, BFD_UP));
		w.ends[0].loss_percent = w.ends[1].loss_percent = 100;
		cut_us = w.now_us;
		while (!world_is(&w, BFD_DOWN)) {
			world_run(&w, MS);
			assert_true(w.now_us - cut_us <= 152 * MS);
			if (w.ends[0].m.state == BFD_DOWN ||
			    w.ends[1].m.state == BFD_DOWN)
				assert_true(w.now_us - cut_us >= 98 * MS);
		}
		assert_int_equal(w.ends[0].m.diag, BFD_DIAG_EXPIRED);
		assert_int_equal(w.ends[1].m.diag, BFD_DIAG_EXPIRED);
		w.ends[0].loss_percent = w.ends[1].loss_percent = 0;
		world_run(&w, 4 * SEC);
		assert_true(world_is(&w, BFD_UP));
	}
}

/* Lost in one direction alone: both ends know, and say which of them heard it. */
static void
a_loss_of_one_direction(void **state)
{
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct world w;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 40; seed++) {
		world_begin(&w, seed, &knobs, &knobs);
		world_run(&w, 5 * SEC);
		w.ends[0].loss_percent = 100;
		world_run(&w, 160 * MS);
		assert_int_equal(w.ends[0].m.state, BFD_DOWN);
		assert_int_equal(w.ends[0].m.diag, BFD_DIAG_EXPIRED);
		assert_int_equal(w.ends[1].m.state, BFD_DOWN);
		assert_int_equal(w.ends[1].m.diag, BFD_DIAG_SIGNALED);
		/* It does not come up on half a wire. */
		world_run(&w, 20 * SEC);
		assert_int_not_equal(w.ends[0].m.state, BFD_UP);
		assert_int_not_equal(w.ends[1].m.state, BFD_UP);
		w.ends[0].loss_percent = 0;
		world_run(&w, 5 * SEC);
		assert_true(world_is(&w, BFD_UP));
	}
}

/* However much is lost: the two never disagree for longer than a detection. */
static void
losses_do_not_part_them(void **state)
{
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct world w;
	int64_t apart_us;
	uint64_t seed;
	int i;

	(void)state;
	for (seed = 1; seed <= 30; seed++) {
		world_begin(&w, seed, &knobs, &knobs);
		w.ends[0].loss_percent = (unsigned)seed * 3 % 70;
		w.ends[1].loss_percent = (unsigned)seed * 7 % 70;
		apart_us = 0;
		for (i = 0; i < 60000; i++) {
			world_run(&w, MS);
			if ((w.ends[0].m.state == BFD_UP) ==
			    (w.ends[1].m.state == BFD_UP))
				apart_us = 0;
			else
				apart_us += MS;
			/* Init to Up may wait for slow packets. */
			assert_true(apart_us < 3200 * MS);
		}
		w.ends[0].loss_percent = w.ends[1].loss_percent = 0;
		world_run(&w, 6 * SEC);
		assert_true(world_is(&w, BFD_UP));
		assert_int_equal(w.polls_and_finals, 0);
	}
}

/* Packets that wait are read before the tick: the frozen end blames nobody. */
static void
a_frozen_end_reads_first(void **state)
{
	struct bfd_knobs slow = knobs_of(50, 50, 100);
	struct bfd_knobs fast = knobs_of(50, 50, 3);
	struct world w;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 20; seed++) {
		world_begin(&w, seed, &slow, &fast);
		world_run(&w, 5 * SEC);
		w.ends[0].frozen = true;
		world_run(&w, 2 * SEC);
		w.ends[0].frozen = false;
		world_run(&w, SEC);
		assert_true(world_is(&w, BFD_UP));
		assert_int_equal(w.ends[0].m.counters.downs, 0);
	}
}

/* Intervals that change all the time, at both ends, with losses. */
static void
changes_take_nothing_down(void **state)
{
	static const uint32_t ms[] = { 10, 50, 100, 300 };
	struct bfd_knobs knobs = knobs_of(50, 50, 4);
	struct world w;
	uint64_t seed;
	int i;

	(void)state;
	for (seed = 1; seed <= 30; seed++) {
		world_begin(&w, seed, &knobs, &knobs);
		world_run(&w, 4 * SEC);
		assert_true(world_is(&w, BFD_UP));
		w.jitter_us = 2000;
		for (i = 0; i < 100; i++) {
			struct end *end = &w.ends[dice(&w.seed) % 2];
			struct bfd_knobs new = knobs_of(ms[dice(&w.seed) % 4],
			    ms[dice(&w.seed) % 4],
			    (uint8_t)(3 + dice(&w.seed) % 4));

			machine_configure(
			    &end->m, &new, end_clock(end, w.now_us));
			end_flush(&w, end == &w.ends[1]);
			world_run(&w, dice(&w.seed) % (300 * MS));
		}
		world_run(&w, 3 * SEC);
		assert_true(world_is(&w, BFD_UP));
		for (i = 0; i < 2; i++) {
			assert_int_equal(w.ends[i].m.counters.downs, 0);
			assert_int_equal(
			    w.ends[i].m.tx_used_us, w.ends[i].m.config.tx_us);
			assert_false(w.ends[i].m.poll);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_and_up_for_ever),
		cmocka_unit_test(a_cut_is_seen_in_time),
		cmocka_unit_test(a_loss_of_one_direction),
		cmocka_unit_test(losses_do_not_part_them),
		cmocka_unit_test(a_frozen_end_reads_first),
		cmocka_unit_test(changes_take_nothing_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
