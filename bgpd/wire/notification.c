/* SPDX-License-Identifier: ISC */
/* Errors by name: NOTIFICATION (RFC 4271 4.5, 4486, 6608, 9003). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/inner.h"

/* Value is code << 8 | subcode; subcode 0 names the code itself. */
#define CODE(code, subcode) ((code) << 8 | (subcode))

static const struct name code_names[] = {
	{ CODE(NOTIFY_HEADER, 0), "Message Header Error" },
	{ CODE(NOTIFY_HEADER, 1), "Connection Not Synchronized" },
	{ CODE(NOTIFY_HEADER, 2), "Bad Message Length" },
	{ CODE(NOTIFY_HEADER, 3), "Bad Message Type" },
	{ CODE(NOTIFY_OPEN, 0), "OPEN Message Error" },
	{ CODE(NOTIFY_OPEN, 1), "Unsupported Version Number" },
	{ CODE(NOTIFY_OPEN, 2), "Bad Peer AS" },
	{ CODE(NOTIFY_OPEN, 3), "Bad BGP Identifier" },
	{ CODE(NOTIFY_OPEN, 4), "Unsupported Optional Parameter" },
	{ CODE(NOTIFY_OPEN, 5), "Authentication Failure" },
	{ CODE(NOTIFY_OPEN, 6), "Unacceptable Hold Time" },
	{ CODE(NOTIFY_OPEN, 7), "Unsupported Capability" },
	{ CODE(NOTIFY_OPEN, 11), "Role Mismatch" },
	{ CODE(NOTIFY_UPDATE, 0), "UPDATE Message Error" },
	{ CODE(NOTIFY_UPDATE, UPDATE_MALFORMED), "Malformed Attribute List" },
	{ CODE(NOTIFY_UPDATE, UPDATE_UNRECOGNIZED),
	    "Unrecognized Well-known Attribute" },
	{ CODE(NOTIFY_UPDATE, UPDATE_MISSING), "Missing Well-known Attribute" },
	{ CODE(NOTIFY_UPDATE, UPDATE_FLAGS), "Attribute Flags Error" },
	{ CODE(NOTIFY_UPDATE, UPDATE_LENGTH), "Attribute Length Error" },
	{ CODE(NOTIFY_UPDATE, UPDATE_ORIGIN), "Invalid ORIGIN Attribute" },
	{ CODE(NOTIFY_UPDATE, 7), "AS Routing Loop" },
	{ CODE(NOTIFY_UPDATE, UPDATE_NEXT_HOP), "Invalid NEXT_HOP Attribute" },
	{ CODE(NOTIFY_UPDATE, UPDATE_OPTIONAL), "Optional Attribute Error" },
	{ CODE(NOTIFY_UPDATE, UPDATE_NETWORK), "Invalid Network Field" },
	{ CODE(NOTIFY_UPDATE, UPDATE_AS_PATH), "Malformed AS_PATH" },
	{ CODE(NOTIFY_HOLD, 0), "Hold Timer Expired" },
	{ CODE(NOTIFY_FSM, 0), "Finite State Machine Error" },
	{ CODE(NOTIFY_FSM, 1), "Unexpected Message in OpenSent State" },
	{ CODE(NOTIFY_FSM, 2), "Unexpected Message in OpenConfirm State" },
	{ CODE(NOTIFY_FSM, 3), "Unexpected Message in Established State" },
	{ CODE(NOTIFY_CEASE, 0), "Cease" },
	{ CODE(NOTIFY_CEASE, CEASE_MAX_PREFIXES),
	    "Maximum Number of Prefixes Reached" },
	{ CODE(NOTIFY_CEASE, CEASE_ADMIN_SHUTDOWN), "Administrative Shutdown" },
	{ CODE(NOTIFY_CEASE, CEASE_PEER_DECONFIGURED), "Peer De-configured" },
	{ CODE(NOTIFY_CEASE, CEASE_ADMIN_RESET), "Administrative Reset" },
	{ CODE(NOTIFY_CEASE, CEASE_REJECTED), "Connection Rejected" },
	{ CODE(NOTIFY_CEASE, CEASE_CONFIG_CHANGE),
	    "Other Configuration Change" },
	{ CODE(NOTIFY_CEASE, CEASE_COLLISION),
	    "Connection Collision Resolution" },
	{ CODE(NOTIFY_CEASE, CEASE_RESOURCES), "Out of Resources" },
	{ CODE(NOTIFY_CEASE, CEASE_HARD_RESET), "Hard Reset" },
	{ CODE(NOTIFY_CEASE, CEASE_BFD_DOWN), "BFD Down" },
	{ CODE(NOTIFY_REFRESH, 0), "ROUTE-REFRESH Message Error" },
	{ CODE(NOTIFY_REFRESH, 1), "Invalid Message Length" },
	{ CODE(NOTIFY_SEND_HOLD, 0), "Send Hold Timer Expired" },
	{ 0, NULL },
};

static const char *
find_name(int value)
{
	for (const struct name *n = code_names; n->name != NULL; n++)
		if (n->value == value)
			return n->name;
	return NULL;
}

const char *
notification_name(uint8_t code, uint8_t subcode, char *out, size_t size)
{
	const char *first = find_name(CODE(code, 0));
	const char *second = find_name(CODE(code, subcode));

	if (first == NULL)
		snprintf(out, size, "code %u/subcode %u", code, subcode);
	else if (subcode == 0)
		snprintf(out, size, "%s", first);
	else if (second == NULL)
		snprintf(out, size, "%s/subcode %u", first, subcode);
	else
		snprintf(out, size, "%s/%s", first, second);
	return out;
}

void
notification_set(struct notification *n, uint8_t code, uint8_t subcode,
    const char *format, ...)
{
	va_list ap;

	n->code = code;
	n->subcode = subcode;
	n->data_len = 0;
	va_start(ap, format);
	vsnprintf(n->why, sizeof(n->why), format, ap);
	va_end(ap);
}

/* Bytes of the UTF-8 character at s, 0 if there is no valid one in len. */
static size_t
utf8_len(const uint8_t *s, size_t len)
{
	size_t want = s[0] < 0x80   ? 1
		      : s[0] < 0xc2 ? 0
		      : s[0] < 0xe0 ? 2
		      : s[0] < 0xf0 ? 3
		      : s[0] < 0xf5 ? 4
				    : 0;

	if (want > len)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return want;
}

void
notification_set_text(struct notification *n, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t all = strlen(text), len = 0;

	while (len < all) {
		size_t step = utf8_len(s + len, all - len);

		if (step == 0)
			step = 1; /* not UTF-8: not ours to mend */
		if (len + step > 255)
			break;
		len += step;
	}
	n->data[0] = (uint8_t)len;
	memcpy(n->data + 1, text, len);
	n->data_len = (uint16_t)(len + 1);
}

static bool
carries_text(const struct notification *n)
{
	return n->code == NOTIFY_CEASE &&
	       (n->subcode == CEASE_ADMIN_SHUTDOWN ||
		   n->subcode == CEASE_ADMIN_RESET) &&
	       n->data_len > 1 && n->data_len <= sizeof(n->data) &&
	       n->data[0] < n->data_len;
}

/* What is not printable UTF-8 becomes '?': the text ends in logs. */
void
notification_text(const struct notification *n, char *out, size_t size)
{
	size_t at = 0;

	if (size == 0)
		return;
	for (size_t i = 0; carries_text(n) && i < n->data[0];) {
		const uint8_t *s = n->data + 1 + i;
		size_t step = utf8_len(s, n->data[0] - i);
		bool control = step == 1 && (s[0] < 0x20 || s[0] == 0x7f);

		/* U+0080..U+009F are controls as well */
		control |= step == 2 && s[0] == 0xc2 && s[1] < 0xa0;
		if (at + (step == 0 ? 1 : step) >= size)
			break;
		if (step == 0 || control)
			out[at++] = '?';
		else {
			memcpy(out + at, s, step);
			at += step;
		}
		i += step == 0 ? 1 : step;
	}
	out[at] = '\0';
}

void
notification_encode(struct buf *out, const struct notification *n)
{
	size_t at = message_begin(out, MESSAGE_NOTIFICATION);

	buf_put_u8(out, n->code);
	buf_put_u8(out, n->subcode);
	buf_put(out, n->data, n->data_len);
	message_end(out, at);
}

int
notification_decode(struct buf body, struct notification *n)
{
	size_t len;
	const uint8_t *data;

	n->code = buf_u8(&body);
	n->subcode = buf_u8(&body);
	n->data_len = 0;
	n->why[0] = '\0';
	if (body.failed)
		return -1;
	len = buf_left(&body);
	if (len > sizeof(n->data))
		len = sizeof(n->data);
	data = buf_bytes(&body, len);
	if (data != NULL && len > 0)
		memcpy(n->data, data, len);
	n->data_len = (uint16_t)len;
	return 0;
}
