/* SPDX-License-Identifier: ISC */
/* Any packets into a BFD session, with any times between them; seeds are in bfd/. */

/*
 * With libFuzzer, from the top of the tree:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ibgpd
 *       tests/fuzz/fuzz_bfd.c bgpd/bfd/{packet,auth,machine}.c
 *       bgpd/util/[a-z]*.c -lbsd -lmd
 * Without it -DFUZZ_STANDALONE gives a program that replays the named files, or
 * all seeds: that is how `make check` runs it.
 * The first byte says by which key the session is run. Then come packets: two
 * bytes of milliseconds, one of length, the bytes.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "bfd/packet.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What it sends can be read, and ends. */
static void
send_all(struct machine *m, int64_t now_us)
{
	uint8_t bytes[PACKET_MAX];
	struct packet packet;
	unsigned count = 0;
	size_t len;

	while ((len = machine_output(m, now_us, bytes)) > 0) {
		assert(packet_decode(bytes, len, &packet) == NULL);
		assert((packet.flags & (PACKET_POLL | PACKET_FINAL)) !=
		       (PACKET_POLL | PACKET_FINAL));
		assert(++count < 4);
	}
	assert(machine_due(m) > now_us || machine_is_expired(m, now_us));
}

static void
one_packet(struct machine *m, const uint8_t *bytes, size_t len, int64_t now_us)
{
	uint8_t again[PACKET_MAX];
	struct packet packet, back;

	if (packet_decode(bytes, len, &packet) != NULL)
		return;
	/* What was read can be written, and is read as the same. */
	len = packet_encode(&packet, again);
	assert(packet_decode(again, len, &back) == NULL);
	assert(back.my_discr == packet.my_discr);
	assert(back.auth.len == packet.auth.len);
	(void)machine_receive(m, &packet, bytes, now_us);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bfd_knobs knobs = {
		.tx_us = 50000, .rx_us = 50000, .multiplier = 3
	};
	struct buf in = buf_reader(data, len);
	int64_t now_us = 1000000000;
	const uint8_t *bytes;
	struct machine m;
	size_t left;
	uint8_t key = buf_u8(&in);

	knobs.passive = (key & 8) != 0;
	if ((key & 7) == BFD_AUTH_SIMPLE || (key & 7) == BFD_AUTH_SHA1 ||
	    (key & 7) == BFD_AUTH_METICULOUS_SHA1)
		knobs.key = (struct bfd_key){ key & 7, 7, 3, "key" };
	machine_init(&m, 42, 1, &knobs, now_us);
	send_all(&m, now_us);
	while (buf_left(&in) > 0) {
		now_us += buf_u16(&in) * INT64_C(1000);
		left = buf_u8(&in);
		if (left > buf_left(&in))
			left = buf_left(&in);
		bytes = buf_bytes(&in, left);
		if (bytes != NULL)
			one_packet(&m, bytes, left, now_us);
		machine_tick(&m, now_us);
		send_all(&m, now_us);
		assert(m.state < BFD_STATE_COUNT);
		assert(m.state != BFD_UP || m.remote_discr != 0);
	}
	return 0;
}

#ifdef FUZZ_STANDALONE
#include "replay.h"

int
main(int argc, char **argv)
{
	return replay_all(argc, argv, TESTS_DIR "/../fuzz/bfd/*");
}
#endif
