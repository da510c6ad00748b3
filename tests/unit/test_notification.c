/* SPDX-License-Identifier: ISC */
/* NOTIFICATION: names, shutdown text, bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bytes.h"
#include "wire/wire.h"

static void
test_names(void **state)
{
	static const struct {
		uint8_t code, subcode;
		const char *name;
	} names[] = {
		{ 6, 2, "Cease/Administrative Shutdown" },
		{ 6, 10, "Cease/BFD Down" },
		{ 6, 0, "Cease" },
		{ 2, 6, "OPEN Message Error/Unacceptable Hold Time" },
		{ 3, 11, "UPDATE Message Error/Malformed AS_PATH" },
		{ 5, 1,
		    "Finite State Machine Error/"
		    "Unexpected Message in OpenSent State" },
		{ 4, 0, "Hold Timer Expired" },
		{ 8, 0, "Send Hold Timer Expired" },
		{ 6, 77, "Cease/subcode 77" },
		{ 99, 1, "code 99/subcode 1" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(notification_name(names[i].code,
					names[i].subcode, out, sizeof(out)),
		    names[i].name);
	assert_string_equal(notification_name(6, 2, out, 6), "Cease");
}

static const struct {
	const char *data;
	uint8_t subcode;
	const char *text;
} received[] = {
	{ "05 68656c6c6f", CEASE_ADMIN_SHUTDOWN, "hello" },
	{ "05 68656c6c6f", CEASE_ADMIN_RESET, "hello" },
	{ "05 68656c6c6f", CEASE_COLLISION, "" },
	{ "05 68656c6c6f 21", CEASE_ADMIN_SHUTDOWN, "hello" },
	{ "06 68656c6c6f", CEASE_ADMIN_SHUTDOWN, "" }, /* runs over */
	{ "00", CEASE_ADMIN_SHUTDOWN, "" }, { "", CEASE_ADMIN_SHUTDOWN, "" },
	{ "03 610a62", CEASE_ADMIN_SHUTDOWN, "a?b" },
	{ "04 61c3bc62", CEASE_ADMIN_SHUTDOWN,
	    "a\xc3\xbc"
	    "b" },
	{ "03 61c362", CEASE_ADMIN_SHUTDOWN, "a?b" },
	{ "03 1b5b6d", CEASE_ADMIN_SHUTDOWN, "?[m" },
	{ "02 c29b", CEASE_ADMIN_SHUTDOWN, "?" },
	{ "03 eda080", CEASE_ADMIN_SHUTDOWN, "???" }, /* a surrogate */
	{ "02 c080", CEASE_ADMIN_SHUTDOWN, "??" },    /* overlong */
};

static void
test_text_in(void **state)
{
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		struct notification n = { .code = NOTIFY_CEASE,
			.subcode = received[i].subcode };

		n.data_len = (uint16_t)hex(received[i].data, n.data);
		notification_text(&n, out, sizeof(out));
		assert_string_equal(out, received[i].text);
	}
}

static void
test_text_out(void **state)
{
	struct notification n;
	char text[300], out[300];

	(void)state;
	notification_set(&n, NOTIFY_CEASE, CEASE_ADMIN_SHUTDOWN, "why");
	notification_set_text(&n, "back at 5");
	assert_int_equal(n.data_len, 10);
	notification_text(&n, out, sizeof(out));
	assert_string_equal(out, "back at 5");

	/* 254 bytes and a character of two: cut before it */
	memset(text, 'x', sizeof(text));
	memcpy(text + 254, "\xc3\xbc", 3);
	notification_set_text(&n, text);
	assert_int_equal(n.data[0], 254);
	assert_int_equal(n.data_len, 255);
	memset(text, 'x', sizeof(text));
	text[299] = '\0';
	notification_set_text(&n, text);
	assert_int_equal(n.data[0], 255);
	assert_int_equal(n.data_len, 256);
	notification_text(&n, out, 5);
	assert_string_equal(out, "xxxx");
}

static void
test_bytes(void **state)
{
	struct notification n, back;
	uint8_t bytes[4096] = { 0 };
	struct buf out = buf_writer(bytes, sizeof(bytes));
	struct message message;

	(void)state;
	notification_set(&n, NOTIFY_CEASE, CEASE_ADMIN_RESET, "%s", "x");
	notification_set_text(&n, "hi");
	notification_encode(&out, &n);
	assert_int_equal(
	    message_take(bytes, out.pos, MESSAGE_MAX, &message, &back), 1);
	assert_int_equal(notification_decode(message.body, &back), 0);
	assert_int_equal(back.code, NOTIFY_CEASE);
	assert_int_equal(back.subcode, CEASE_ADMIN_RESET);
	assert_int_equal(back.data_len, 3);
	assert_memory_equal(back.data, "\x02hi", 3);
	assert_int_equal(notification_decode(buf_reader(bytes, 1), &back), -1);
	/* more data than we keep is cut */
	assert_int_equal(
	    notification_decode(buf_reader(bytes, 4000), &back), 0);
	assert_int_equal(back.data_len, 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_text_in),
		cmocka_unit_test(test_text_out),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
