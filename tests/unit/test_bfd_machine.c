/* SPDX-License-Identifier: ISC */
/* The session machine, step by step: states, intervals, Poll Sequences, silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bfd/packet.h"

#define MS  INT64_C(1000)
#define SEC INT64_C(1000000)

/* A machine, its clock, and the peer that is played by hand. */
struct scene {
	struct machine m;
	int64_t now_us;
	struct packet peer; /* what it says */
	struct packet sent; /* our last */
	unsigned count;	    /* of our packets in the last turn */
};

static struct bfd_knobs
knobs_of(uint32_t tx_ms, uint32_t rx_ms, uint8_t multiplier)
{
	return (struct bfd_knobs){ .tx_us = tx_ms * 1000,
		.rx_us = rx_ms * 1000,
		.multiplier = multiplier };
}

/* All that is to be sent now. */
static void
flush(struct scene *s)
{
	uint8_t bytes[PACKET_MAX];
	size_t len;

	s->count = 0;
	while ((len = machine_output(&s->m, s->now_us, bytes)) > 0) {
		assert_null(packet_decode(bytes, len, &s->sent));
		s->count++;
		assert_true(s->count < 4);
	}
}

static void
begin(struct scene *s, struct bfd_knobs knobs)
{
	memset(s, 0, sizeof(*s));
	s->now_us = 1000 * SEC;
	s->peer = (struct packet){ .state = BFD_DOWN,
		.multiplier = 3,
		.my_discr = 77,
		.tx_us = 1000000,
		.rx_us = 50000 };
	machine_init(&s->m, 42, 12345, &knobs, s->now_us);
	flush(s);
}

static void
hear(struct scene *s)
{
	assert_null(machine_receive(&s->m, &s->peer, NULL, s->now_us));
	flush(s);
}

static void
hear_state(struct scene *s, enum bfd_state state)
{
	s->peer.state = state;
	s->peer.your_discr = state == BFD_DOWN ? 0 : 42;
	hear(s);
}

static void
wait(struct scene *s, int64_t us)
{
	int64_t end_us = s->now_us + us;

	while (machine_due(&s->m) <= end_us) {
		if (machine_due(&s->m) > s->now_us)
			s->now_us = machine_due(&s->m);
		machine_tick(&s->m, s->now_us);
		flush(s);
	}
	s->now_us = end_us;
}

/* With fast intervals agreed on. */
static void
go_up(struct scene *s)
{
	hear_state(s, BFD_DOWN);
	assert_int_equal(s->m.state, BFD_INIT);
	s->peer.tx_us = 50000;
	hear_state(s, BFD_INIT);
	assert_int_equal(s->m.state, BFD_UP);
	s->peer.flags = PACKET_FINAL;
	hear_state(s, BFD_UP);
	s->peer.flags = 0;
	assert_false(s->m.poll);
}

/* RFC 5880 6.8.6 and 6.2: each state, each of the peer's. */
static void
states_and_what_the_peer_says(void **state)
{
	static const struct {
		enum bfd_state from, said, to;
		enum bfd_diag diag;
	} cases[] = {
		{ BFD_DOWN, BFD_ADMIN_DOWN, BFD_DOWN, 0 },
		{ BFD_DOWN, BFD_DOWN, BFD_INIT, 0 },
		{ BFD_DOWN, BFD_INIT, BFD_UP, 0 },
		{ BFD_DOWN, BFD_UP, BFD_DOWN, 0 },
		{ BFD_INIT, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_SIGNALED },
		{ BFD_INIT, BFD_DOWN, BFD_INIT, 0 },
		{ BFD_INIT, BFD_INIT, BFD_UP, 0 },
		{ BFD_INIT, BFD_UP, BFD_UP, 0 },
		{ BFD_UP, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_SIGNALED },
		{ BFD_UP, BFD_DOWN, BFD_DOWN, BFD_DIAG_SIGNALED },
		{ BFD_UP, BFD_INIT, BFD_UP, 0 },
		{ BFD_UP, BFD_UP, BFD_UP, 0 },
		{ BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, 7 },
		{ BFD_ADMIN_DOWN, BFD_DOWN, BFD_ADMIN_DOWN, 7 },
		{ BFD_ADMIN_DOWN, BFD_INIT, BFD_ADMIN_DOWN, 7 },
		{ BFD_ADMIN_DOWN, BFD_UP, BFD_ADMIN_DOWN, 7 },
	};
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct scene s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&s, knobs);
		if (cases[i].from >= BFD_INIT)
			hear_state(&s, BFD_DOWN);
		if (cases[i].from == BFD_UP)
			hear_state(&s, BFD_INIT);
		knobs.shutdown = cases[i].from == BFD_ADMIN_DOWN;
		machine_configure(&s.m, &knobs, s.now_us);
		knobs.shutdown = false;
		flush(&s);
		assert_int_equal(s.m.state, cases[i].from);
		s.now_us += 1;
		hear_state(&s, cases[i].said);
		assert_int_equal(s.m.state, cases[i].to);
		assert_int_equal(s.m.diag, cases[i].diag);
		/* 6.8.7: a change is said at once. */
		assert_int_equal(s.count, cases[i].from != cases[i].to);
		if (s.count > 0)
			assert_int_equal(s.sent.state, cases[i].to);
	}
}

static void
silence_ends_it(void **state)
{
	struct bfd_knobs other = knobs_of(50, 80, 3);
	struct scene s;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	assert_int_equal(machine_detection_us(&s.m), 150 * MS);
	wait(&s, 149 * MS);
	assert_int_equal(s.m.state, BFD_UP);
	hear(&s);
	wait(&s, 149 * MS + 999);
	assert_int_equal(s.m.state, BFD_UP);
	assert_false(machine_is_expired(&s.m, s.now_us));
	wait(&s, 1);
	assert_int_equal(s.m.state, BFD_DOWN);
	assert_int_equal(s.m.diag, BFD_DIAG_EXPIRED);
	assert_int_equal(s.m.remote_discr, 0);
	/* Said at once, and then slowly. */
	assert_int_equal(s.sent.state, BFD_DOWN);
	assert_int_equal(s.sent.diag, BFD_DIAG_EXPIRED);
	assert_int_equal(s.sent.your_discr, 0);
	assert_int_equal(s.sent.tx_us, SEC);
	assert_int_equal(s.m.counters.downs, 1);
	assert_int_equal(s.m.counters.ups, 1);
	/* In Down silence changes nothing more; a peer is forgotten too. */
	assert_false(s.m.poll || s.m.poll_again);
	s.peer.state = BFD_UP;
	s.peer.your_discr = 42;
	hear(&s);
	assert_int_equal(s.m.remote_discr, 77);
	machine_configure(&s.m, &other, s.now_us);
	assert_true(s.m.poll);
	wait(&s, 10 * SEC);
	assert_false(s.m.poll || s.m.poll_again);
	assert_int_equal(s.sent.flags, 0);
	assert_int_equal(s.m.state, BFD_DOWN);
	assert_int_equal(s.m.remote_discr, 0);
}

/* RFC 5880 6.8.4: the peer's multiplier, the larger of both intervals. */
static void
detection_time(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, knobs_of(50, 200, 9));
	go_up(&s);
	assert_int_equal(machine_detection_us(&s.m), 3 * 200 * MS);
	s.peer.tx_us = 700000;
	s.peer.multiplier = 5;
	hear(&s);
	assert_int_equal(machine_detection_us(&s.m), 5 * 700 * MS);
	s.peer.tx_us = UINT32_MAX;
	s.peer.multiplier = 255;
	hear(&s);
	assert_int_equal(machine_detection_us(&s.m), INT64_C(255) * UINT32_MAX);
}

/* RFC 5880 6.8.3: a second at least, until it is up. */
static void
slow_until_up(void **state)
{
	struct scene s;
	uint64_t before;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	assert_int_equal(s.count, 1);
	assert_int_equal(s.sent.tx_us, SEC);
	assert_int_equal(s.sent.rx_us, 50000);
	assert_int_equal(s.sent.my_discr, 42);
	assert_int_equal(s.sent.your_discr, 0);
	before = s.m.counters.out;
	wait(&s, 100 * SEC);
	assert_in_range(s.m.counters.out - before, 100, 134);
	/* One that is slower yet stays so. */
	begin(&s, knobs_of(5000, 50, 3));
	assert_int_equal(s.sent.tx_us, 5 * SEC);
}

static void
jitter_is_of_its_range(void **state)
{
	static const struct {
		uint8_t multiplier;
		int64_t least, most;
	} cases[] = { { 3, 37500, 50000 }, { 1, 37500, 45000 } };
	int64_t last, gap, low, high;
	struct scene s;
	int i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(&s, knobs_of(50, 50, cases[i].multiplier));
		go_up(&s);
		low = INT64_MAX;
		high = 0;
		s.peer.multiplier = 200;
		for (j = 0; j < 2000; j++) {
			hear(&s);
			last = s.m.sent_us;
			s.now_us = machine_due(&s.m);
			flush(&s);
			assert_int_equal(s.count, 1);
			gap = s.m.sent_us - last;
			assert_in_range(gap, cases[i].least, cases[i].most);
			low = gap < low ? gap : low;
			high = gap > high ? gap : high;
		}
		assert_true(low < cases[i].least + 300);
		assert_true(high > cases[i].most - 300);
	}
}

static void
a_poll_is_answered_at_once(void **state)
{
	struct scene s;
	int64_t due_us;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	wait(&s, 10 * MS);
	due_us = s.m.send_at_us;
	s.peer.flags = PACKET_POLL;
	hear(&s);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.sent.flags, PACKET_FINAL);
	/* Beside those that come periodically. */
	assert_int_equal(s.m.send_at_us, due_us);
	/* Both at once: never in one packet (6.5). */
	machine_configure(&s.m,
	    &(struct bfd_knobs){
		.tx_us = 20000, .rx_us = 50000, .multiplier = 3 },
	    s.now_us);
	s.now_us = s.m.send_at_us;
	hear(&s);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.sent.flags, PACKET_POLL);
}

/* RFC 5880 6.8.3: what is used while the peer has not answered. */
static void
intervals_wait_for_the_answer(void **state)
{
	struct bfd_knobs slow = knobs_of(200, 50, 3);
	struct bfd_knobs deaf = knobs_of(50, 20, 3);
	struct bfd_knobs fast = knobs_of(50, 400, 3);
	struct scene s;

	(void)state;
	/* A longer transmission interval waits. */
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	machine_configure(&s.m, &slow, s.now_us);
	assert_true(s.m.poll);
	assert_int_equal(machine_interval_us(&s.m), 50 * MS);
	s.now_us = machine_due(&s.m);
	flush(&s);
	assert_int_equal(s.sent.flags, PACKET_POLL);
	assert_int_equal(s.sent.tx_us, 200 * MS);
	hear(&s);
	assert_int_equal(machine_interval_us(&s.m), 50 * MS);
	s.peer.flags = PACKET_FINAL;
	hear(&s);
	s.peer.flags = 0;
	assert_int_equal(machine_interval_us(&s.m), 200 * MS);
	/* So does a shorter reception interval, in the detection time. */
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	s.peer.tx_us = 10000;
	hear(&s);
	machine_configure(&s.m, &deaf, s.now_us);
	assert_int_equal(machine_detection_us(&s.m), 150 * MS);
	s.peer.flags = PACKET_FINAL;
	hear(&s);
	s.peer.flags = 0;
	assert_int_equal(machine_detection_us(&s.m), 60 * MS);
	/* A longer one does not. */
	machine_configure(&s.m, &fast, s.now_us);
	assert_int_equal(machine_detection_us(&s.m), 1200 * MS);
	assert_true(s.m.poll);
	assert_int_equal(s.m.state, BFD_UP);
}

/* A Final may be the answer to what was said before the last change. */
static void
a_change_during_a_poll_polls_again(void **state)
{
	struct bfd_knobs one = knobs_of(200, 50, 3), two = knobs_of(300, 50, 3);
	struct scene s;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	machine_configure(&s.m, &one, s.now_us);
	s.now_us = machine_due(&s.m);
	flush(&s);
	machine_configure(&s.m, &two, s.now_us);
	s.peer.flags = PACKET_FINAL;
	hear(&s);
	s.peer.flags = 0;
	assert_int_equal(machine_interval_us(&s.m), 50 * MS);
	/* Ended, and then begun again. */
	s.now_us = machine_due(&s.m);
	flush(&s);
	assert_int_equal(s.sent.flags, 0);
	s.now_us = machine_due(&s.m);
	hear(&s);
	flush(&s);
	assert_int_equal(s.sent.flags, PACKET_POLL);
	s.peer.flags = PACKET_FINAL;
	hear(&s);
	assert_int_equal(machine_interval_us(&s.m), 300 * MS);
	assert_false(s.m.poll);
}

/* RFC 5880 6.8.3: a peer that can take more gets it without waiting. */
static void
a_faster_peer_is_served_at_once(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	s.peer.rx_us = 10000000;
	go_up(&s);
	s.peer.multiplier = 200;
	hear(&s);
	wait(&s, 8 * SEC);
	s.peer.rx_us = 1000;
	hear(&s);
	assert_true(machine_due(&s.m) <= s.now_us + 50 * MS);
}

/* RFC 5880 6.6: it need not hear us; a Poll is sent all the same. */
static void
a_peer_in_demand_mode(void **state)
{
	struct bfd_knobs other = knobs_of(20, 50, 3);
	struct scene s;
	uint64_t before;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	s.peer.flags = PACKET_DEMAND;
	s.peer.multiplier = 255;
	hear(&s);
	before = s.m.counters.out;
	wait(&s, 5 * SEC);
	assert_int_equal(s.m.counters.out, before);
	assert_int_equal(s.m.state, BFD_UP);
	hear(&s);
	/* Its own Poll is answered. */
	s.peer.flags = PACKET_DEMAND | PACKET_POLL;
	hear(&s);
	assert_int_equal(s.count, 1);
	s.peer.flags = PACKET_DEMAND;
	machine_configure(&s.m, &other, s.now_us);
	wait(&s, SEC);
	assert_true(s.m.counters.out > before + 10);
	assert_int_equal(s.sent.flags, PACKET_POLL);
	s.peer.flags = PACKET_DEMAND | PACKET_FINAL;
	hear(&s);
	before = s.m.counters.out;
	wait(&s, 2 * SEC);
	assert_int_equal(s.m.counters.out, before);
	/* Neither end in Up any more: it is spoken to again. */
	s.peer.flags = PACKET_DEMAND;
	hear_state(&s, BFD_DOWN);
	assert_int_equal(s.m.state, BFD_DOWN);
	wait(&s, 3 * SEC);
	assert_true(s.m.counters.out >= before + 3);
}

static void
a_peer_that_wants_no_packets(void **state)
{
	struct scene s;
	uint64_t before;

	(void)state;
	begin(&s, knobs_of(50, 50, 3));
	go_up(&s);
	s.peer.rx_us = 0;
	hear(&s);
	before = s.m.counters.out;
	wait(&s, 100 * MS);
	assert_int_equal(s.m.counters.out, before);
	/* Once it is gone, it may want some again. */
	wait(&s, 5 * SEC);
	assert_int_equal(s.m.state, BFD_DOWN);
	assert_true(s.m.counters.out > before + 3);
}

static void
passive_until_spoken_to(void **state)
{
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct scene s;

	(void)state;
	knobs.passive = true;
	begin(&s, knobs);
	assert_int_equal(s.count, 0);
	assert_true(machine_due(&s.m) == INT64_MAX);
	hear_state(&s, BFD_DOWN);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.sent.state, BFD_INIT);
	s.peer.tx_us = 50000;
	hear_state(&s, BFD_INIT);
	assert_int_equal(s.m.state, BFD_UP);
	/* Silent again when the peer is gone. */
	wait(&s, 10 * SEC);
	assert_int_equal(s.m.state, BFD_DOWN);
	assert_true(machine_due(&s.m) == INT64_MAX);
}

static void
shut_and_opened_again(void **state)
{
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct scene s;
	uint64_t before;

	(void)state;
	begin(&s, knobs);
	go_up(&s);
	knobs.shutdown = true;
	machine_configure(&s.m, &knobs, s.now_us);
	flush(&s);
	assert_int_equal(s.sent.state, BFD_ADMIN_DOWN);
	assert_int_equal(s.sent.diag, BFD_DIAG_ADMIN_DOWN);
	/* What comes is discarded, also a Poll. */
	s.peer.flags = PACKET_POLL;
	hear(&s);
	assert_int_equal(s.count, 0);
	s.peer.flags = 0;
	/* It goes on to say so, slowly (6.8.16). */
	before = s.m.counters.out;
	wait(&s, 10 * SEC);
	assert_in_range(s.m.counters.out - before, 10, 14);
	knobs.shutdown = false;
	machine_configure(&s.m, &knobs, s.now_us);
	flush(&s);
	assert_int_equal(s.sent.state, BFD_DOWN);
	go_up(&s);
}

/* RFC 5880 6.8.1, bfd.AuthSeqKnown */
static void
sequence_is_forgotten_in_time(void **state)
{
	struct bfd_knobs knobs = knobs_of(50, 50, 3);
	struct auth peer = { 0 };
	uint8_t bytes[PACKET_MAX];
	struct packet p;
	struct scene s;
	int i;

	(void)state;
	knobs.key = (struct bfd_key){ BFD_AUTH_METICULOUS_SHA1, 1, 1, "x" };
	peer.key = knobs.key;
	begin(&s, knobs);
	for (i = 0; i < 3; i++) {
		peer.send_sequence = i == 0 ? 100 : i == 1 ? 5000 : 9000;
		p = s.peer;
		packet_decode(bytes, auth_encode(&peer, &p, bytes), &p);
		/* Within twice the detection time it is out of its window. */
		s.now_us += i == 2 ? 6 * SEC + 1 : 6 * SEC;
		if (i == 1)
			assert_non_null(
			    machine_receive(&s.m, &p, bytes, s.now_us));
		else
			assert_null(machine_receive(&s.m, &p, bytes, s.now_us));
	}
	assert_int_equal(s.m.counters.refused, 1);
	assert_int_equal(s.m.counters.in, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_and_what_the_peer_says),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(detection_time),
		cmocka_unit_test(slow_until_up),
		cmocka_unit_test(jitter_is_of_its_range),
		cmocka_unit_test(a_poll_is_answered_at_once),
		cmocka_unit_test(intervals_wait_for_the_answer),
		cmocka_unit_test(a_change_during_a_poll_polls_again),
		cmocka_unit_test(a_faster_peer_is_served_at_once),
		cmocka_unit_test(a_peer_in_demand_mode),
		cmocka_unit_test(a_peer_that_wants_no_packets),
		cmocka_unit_test(passive_until_spoken_to),
		cmocka_unit_test(shut_and_opened_again),
		cmocka_unit_test(sequence_is_forgotten_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
