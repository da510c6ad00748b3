/* SPDX-License-Identifier: ISC */
/* OPEN: real ones, hostile ones, and our own read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "bytes.h"
#include "wire/wire.h"

#define MARKER "ffffffffffffffffffffffffffffffff"
#define FIXED  "04 fc00 005a 0a000001 "

/* MetalLB 0.7.3: one parameter, IPv4, IPv6 and 4-octet AS; 49 bytes. */
#define METALLB                                                                \
	MARKER "0031 01" FIXED "14 02 12 0104 00010001 0104 00020001"          \
	       "4104 0000fc00"

static int
decode(const char *body, struct open *open, struct notification *error)
{
	static uint8_t bytes[1024];
	size_t len = hex(body, bytes);
	/* a copy of its own size, for the sanitizer's sake */
	uint8_t *exact = malloc(len + 1);
	int result;

	memcpy(exact + 1, bytes, len);
	result = open_decode(buf_reader(exact + 1, len), open, error);
	free(exact);
	return result;
}

static void
test_metallb(void **state)
{
	uint8_t bytes[64];
	size_t len = hex(METALLB, bytes);
	struct notification error;
	struct message message;
	struct open open;

	(void)state;
	assert_int_equal(len, 49);
	assert_int_equal(
	    message_take(bytes, len, MESSAGE_MAX, &message, &error), 1);
	assert_int_equal(open_decode(message.body, &open, &error), 0);
	assert_int_equal(open.version, 4);
	assert_int_equal(open.asn, 64512);
	assert_int_equal(open.hold_secs, 90);
	assert_int_equal(open.router_id, 0x0a000001);
	assert_int_equal(open.capabilities, CAP_FAMILIES | CAP_AS4);
	assert_true(open.families[FAMILY_IPV4]);
	assert_true(open.families[FAMILY_IPV6]);
	assert_string_equal(open.hostname, "");
}

static const struct {
	const char *body;
	uint32_t asn;
	uint32_t capabilities;
	bool ipv4, ipv6;
	const char *hostname;
} good[] = {
	{ FIXED "00", 64512, 0, true, false, "" },
	{ FIXED "02 02 00", 64512, 0, true, false, "" },
	/* one parameter per capability, as FRR */
	{ FIXED "14 02 06 0104 00020001 02 02 0200 02 06 4104 00010000", 65536,
	    CAP_FAMILIES | CAP_REFRESH | CAP_AS4, false, true, "" },
	/* a family that we do not speak */
	{ FIXED "08 02 06 0104 00190046", 64512, CAP_FAMILIES, false, false,
	    "" },
	/* unknown capabilities of all lengths */
	{ FIXED "09 02 07 f000 f1 03 010203", 64512, 0, true, false, "" },
	/* host name with a control character, domain ignored */
	{ FIXED "0b 02 09 49 07 04 61 1b 62 20 01 64", 64512, CAP_HOSTNAME,
	    true, false, "a?b?" },
	/* ... longer than its capability: ignored */
	{ FIXED "06 02 04 49 02 ff 61", 64512, 0, true, false, "" },
	/* RFC 8950, RFC 8654, RFC 7313, RFC 4724 */
	{ FIXED "12 02 10 05 06 0001 0001 0002 0600 4600 40 02 0078", 64512,
	    CAP_EXTENDED_NEXT_HOP | CAP_EXTENDED_MESSAGE |
		CAP_ENHANCED_REFRESH | CAP_GRACEFUL_RESTART,
	    true, false, "" },
	{ FIXED "0a 02 08 05 06 0001 0080 0002", 64512, 0, true, false, "" },
	/* RFC 9072: extended, whatever the short length says */
	{ FIXED "ff ff 0009 02 0006 4104 00010000", 65536, CAP_AS4, true, false,
	    "" },
	{ FIXED "01 ff 0009 02 0006 4104 00010000", 65536, CAP_AS4, true, false,
	    "" },
	{ FIXED "ff ff 0000", 64512, 0, true, false, "" },
};

static void
test_good(void **state)
{
	struct notification error;
	struct open open;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(decode(good[i].body, &open, &error), 0);
		assert_int_equal(open.asn, good[i].asn);
		assert_int_equal(open.capabilities, good[i].capabilities);
		assert_int_equal(open.families[FAMILY_IPV4], good[i].ipv4);
		assert_int_equal(open.families[FAMILY_IPV6], good[i].ipv6);
		assert_string_equal(open.hostname, good[i].hostname);
	}
}

static const struct {
	const char *body;
	uint8_t subcode;
	uint16_t data_len;
} bad[] = {
	{ "", 0, 0 },
	{ "04 fc00 005a 0a000001", 0, 0 }, /* CVE-2022-43681: ends too soon */
	{ "03 fc00 005a 0a000001 00", 1, 2 },
	{ "05 fc00 005a 0a000001 00", 1, 2 },
	{ "04 0000 005a 0a000001 00", 2, 0 },
	{ "04 5ba0 005a 0a000001 08 02 06 4104 00000000", 2, 0 },
	{ "04 0000 005a 0a000001 08 02 06 4104 0000fc00", 2, 0 },
	{ "04 fc00 005a 00000000 00", 3, 0 },
	{ "04 fc00 0001 0a000001 00", 6, 0 },
	{ "04 fc00 0002 0a000001 00", 6, 0 },
	{ FIXED "02 01 00", 4, 0 }, /* authentication */
	{ FIXED "03 07 01 00", 4, 0 },
	{ FIXED "01 02", 0, 0 },
	{ FIXED "05 02 00", 0, 0 },
	{ FIXED "00 02 00", 0, 0 }, /* more than the length says */
	{ FIXED "02 02 01", 0, 0 },
	{ FIXED "03 02 01 41", 0, 0 },
	{ FIXED "04 02 02 41 04", 0, 0 },
	{ FIXED "07 02 05 4103 010203", 0, 0 },
	{ FIXED "05 02 03 0101 00", 0, 0 },
	/* CVE-2022-40302, -40318: extended length that is not there */
	{ FIXED "ff", 0, 0 },
	{ FIXED "ff ff", 0, 0 },
	{ FIXED "ff ff 00", 0, 0 },
	{ FIXED "ff ff ffff", 0, 0 },
	{ FIXED "ff ff 0002 02 00", 0, 0 },
	{ FIXED "ff ff 0003 02 ffff", 0, 0 },
	{ FIXED "ff 02 00", 0, 0 },
};

static void
test_bad(void **state)
{
	struct notification error;
	struct open open;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&error, 0xee, sizeof(error));
		assert_int_equal(decode(bad[i].body, &open, &error), -1);
		assert_int_equal(error.code, NOTIFY_OPEN);
		assert_int_equal(error.subcode, bad[i].subcode);
		assert_int_equal(error.data_len, bad[i].data_len);
	}
	decode("05 fc00 005a 0a000001 00", &open, &error);
	assert_memory_equal(error.data, "\x00\x04", 2);
}

static void
test_round(void **state)
{
	uint8_t bytes[512];
	struct notification error;
	struct message message;
	struct open back;

	(void)state;
	for (unsigned caps = 0; caps < 256; caps++) {
		struct open open = { .version = 4,
			.asn = caps & CAP_AS4 ? 4200000000u : 64512,
			.hold_secs = 9,
			.router_id = 0x01020304,
			.capabilities = caps & ~(unsigned)CAP_HOSTNAME };
		struct buf out = buf_writer(bytes, sizeof(bytes));

		open.families[FAMILY_IPV4] = true;
		open.families[FAMILY_IPV6] = (caps & CAP_FAMILIES) != 0;
		if (caps & CAP_HOSTNAME) {
			open.capabilities |= CAP_HOSTNAME;
			memset(open.hostname, 'h', 64);
		}
		open_encode(&out, &open);
		assert_false(out.failed);
		assert_int_equal(
		    message_take(bytes, out.pos, MESSAGE_MAX, &message, &error),
		    1);
		assert_int_equal(message.len, out.pos);
		assert_int_equal(open_decode(message.body, &back, &error), 0);
		assert_memory_equal(&back, &open, sizeof(open));
	}
}

/* Any bytes: an answer, and no step outside (the sanitizer looks). */
static void
test_mutations(void **state)
{
	uint64_t seed = 0x0be9;
	struct notification error;
	struct open open;
	uint8_t bytes[256];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		const char *body =
		    good[i % (sizeof(good) / sizeof(good[0]))].body;
		size_t len = hex(body, bytes);
		uint8_t *exact;

		len = mutate(bytes, len, sizeof(bytes), &seed);
		exact = malloc(len + 1);
		memcpy(exact + 1, bytes, len);
		if (open_decode(buf_reader(exact + 1, len), &open, &error) !=
		    0) {
			assert_int_equal(error.code, NOTIFY_OPEN);
		} else {
			assert_true(open.asn != 0 && open.router_id != 0);
			assert_true(open.hold_secs == 0 || open.hold_secs > 2);
			assert_true(memchr(open.hostname, 0,
					sizeof(open.hostname)) != NULL);
		}
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metallb),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
