/* SPDX-License-Identifier: ISC */
/* Framing and route refresh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bytes.h"
#include "wire/wire.h"

#define MARKER "ffffffffffffffffffffffffffffffff"

static const struct {
	const char *bytes;
	size_t max;
	int result;
	uint8_t subcode;
	const char *data;
} vectors[] = {
	{ MARKER "0013 04", MESSAGE_MAX, 1, 0, "" },
	{ MARKER "0013", MESSAGE_MAX, 0, 0, "" },
	{ "", MESSAGE_MAX, 0, 0, "" },
	{ MARKER "0017 02 0000", MESSAGE_MAX, 0, 0, "" },
	{ MARKER "0017 02 00000000", MESSAGE_MAX, 1, 0, "" },
	{ MARKER "0017 05 00010001", MESSAGE_MAX, 1, 0, "" },
	{ MARKER "0015 03 0602", MESSAGE_MAX, 1, 0, "" },
	/* two messages: one is taken */
	{ MARKER "0013 04" MARKER "0013 04", MESSAGE_MAX, 1, 0, "" },
	{ "ffffffffffffffffffffffffffffff00 0013 04", MESSAGE_MAX, -1, 1, "" },
	{ MARKER "0012 04", MESSAGE_MAX, -1, 2, "0012" },
	{ MARKER "0000 04", MESSAGE_MAX, -1, 2, "0000" },
	{ MARKER "1001 02", MESSAGE_MAX, -1, 2, "1001" },
	{ MARKER "ffff 02", MESSAGE_MAX, -1, 2, "ffff" },
	{ MARKER "1001 02", MESSAGE_MAX_EXTENDED, 0, 0, "" },
	/* RFC 8654 4: OPEN and KEEPALIVE do not grow */
	{ MARKER "1001 01", MESSAGE_MAX_EXTENDED, -1, 2, "1001" },
	{ MARKER "0014 04 00", MESSAGE_MAX, -1, 2, "0014" },
	{ MARKER "001c 01", MESSAGE_MAX, -1, 2, "001c" },
	{ MARKER "0016 02", MESSAGE_MAX, -1, 2, "0016" },
	{ MARKER "0014 03", MESSAGE_MAX, -1, 2, "0014" },
	{ MARKER "0016 05", MESSAGE_MAX, -1, 2, "0016" },
	{ MARKER "0013 00", MESSAGE_MAX, -1, 3, "00" },
	{ MARKER "0013 06", MESSAGE_MAX, -1, 3, "06" },
	{ MARKER "0013 ff", MESSAGE_MAX, -1, 3, "ff" },
};

static void
test_take(void **state)
{
	uint8_t bytes[128], data[8];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct message message;
		struct notification error = { 0 };
		size_t len = hex(vectors[i].bytes, bytes);
		size_t want = hex(vectors[i].data, data);

		assert_int_equal(
		    message_take(bytes, len, vectors[i].max, &message, &error),
		    vectors[i].result);
		if (vectors[i].result == 1)
			assert_int_equal(
			    message.len - 19u, buf_left(&message.body));
		if (vectors[i].result != -1)
			continue;
		assert_int_equal(error.code, NOTIFY_HEADER);
		assert_int_equal(error.subcode, vectors[i].subcode);
		assert_int_equal(error.data_len, want);
		assert_memory_equal(error.data, data, want);
		assert_true(error.why[0] != '\0');
	}
}

static void
test_keepalive(void **state)
{
	uint8_t bytes[32], want[32];
	struct buf out = buf_writer(bytes, sizeof(bytes));
	struct buf small = buf_writer(bytes, 18);

	(void)state;
	message_encode_keepalive(&out);
	assert_int_equal(out.pos, hex(MARKER "0013 04", want));
	assert_memory_equal(bytes, want, out.pos);
	message_encode_keepalive(&small);
	assert_true(small.failed);
}

static void
test_refresh(void **state)
{
	static const struct {
		const char *body;
		int result;
		enum family family;
	} bodies[] = {
		{ "0001 00 01", 0, FAMILY_IPV4 },
		{ "0002 00 01", 0, FAMILY_IPV6 },
		{ "0019 00 46", 0, FAMILY_NONE },
		{ "0001 01 01", 0, FAMILY_NONE }, /* RFC 7313 BoRR */
		{ "0001 00", -1, FAMILY_NONE },
		{ "0001 00 01 00", -1, FAMILY_NONE },
	};
	uint8_t bytes[32];
	struct notification error;
	struct message message;
	enum family family;
	struct buf out = buf_writer(bytes, sizeof(bytes));

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		size_t len = hex(bodies[i].body, bytes);

		assert_int_equal(message_decode_refresh(
				     buf_reader(bytes, len), &family, &error),
		    bodies[i].result);
		if (bodies[i].result == 0)
			assert_int_equal(family, bodies[i].family);
		else
			assert_int_equal(error.code, NOTIFY_REFRESH);
	}
	message_encode_refresh(&out, FAMILY_IPV6);
	assert_int_equal(
	    message_take(bytes, out.pos, MESSAGE_MAX, &message, &error), 1);
	assert_int_equal(message.type, MESSAGE_REFRESH);
	assert_int_equal(
	    message_decode_refresh(message.body, &family, &error), 0);
	assert_int_equal(family, FAMILY_IPV6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
