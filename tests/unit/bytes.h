/* SPDX-License-Identifier: ISC */
/* Bytes written as hex in tests, and random ones that are the same each run. */
#ifndef TESTS_BYTES_H
#define TESTS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Blanks are passed over; how many bytes. */
static inline size_t
hex(const char *s, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t nibbles = 0;

	for (; *s != '\0'; s++) {
		const char *digit = *s == ' ' ? NULL : strchr(digits, *s);

		if (digit == NULL)
			continue;
		if (nibbles % 2 == 0)
			out[nibbles / 2] = (uint8_t)((digit - digits) << 4);
		else
			out[nibbles / 2] |= (uint8_t)(digit - digits);
		nibbles++;
	}
	return nibbles / 2;
}

/* xorshift: a test that fails fails again. */
static inline uint32_t
dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16);
}

/* Flips, overwrites, cuts and grows; the new length, at most `room`. */
static inline size_t
mutate(uint8_t *bytes, size_t len, size_t room, uint64_t *state)
{
	static const uint8_t nasty[] = { 0, 1, 0x7f, 0x80, 0xff, 4, 16, 32 };

	for (unsigned n = 1 + dice(state) % 4; n > 0 && len > 0; n--) {
		size_t at = dice(state) % len;

		switch (dice(state) % 5) {
		case 0:
			bytes[at] ^= (uint8_t)(1u << dice(state) % 8);
			break;
		case 1:
			bytes[at] = nasty[dice(state) % sizeof(nasty)];
			break;
		case 2:
			bytes[at] = (uint8_t)dice(state);
			break;
		case 3:
			memmove(bytes + at, bytes + at + 1, len - at - 1);
			len--;
			break;
		default:
			if (len >= room)
				break;
			memmove(bytes + at + 1, bytes + at, len - at);
			len++;
		}
	}
	return len;
}

#endif
