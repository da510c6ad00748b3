/* SPDX-License-Identifier: ISC */
/* Any bytes into the cutter of lists and watches; seeds are in stream/. */

/*
 * With libFuzzer, from the top of the tree:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ibgpd
 *       tests/fuzz/fuzz_stream.c plugins/k8s/api/stream.c plugins/k8s/tree.c
 *       -ljson-c -lbsd
 * Without it -DFUZZ_STANDALONE gives a program that replays the named files, or
 * all seeds: that is how `make check` runs it.
 * The first byte of the input says the form and the length of the pieces that
 * the rest is fed in. What is told must not depend on it, and what is JSON to
 * the stream must be so to json-c.
 */
#undef NDEBUG
#include <assert.h>
#ifdef FUZZ_STANDALONE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "../../plugins/k8s/api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What was told: how much, and of what sum. */
struct told {
	size_t values;
	uint64_t sum;
};

static void
on_value(void *arg, const char *name, struct json_object *value)
{
	struct told *told = arg;
	const char *p = value == NULL ? "" : json_object_to_json_string(value);

	told->values++;
	for (; *p != '\0'; p++)
		told->sum = told->sum * 31 + (uint8_t)*p;
	for (p = name; p != NULL && *p != '\0'; p++)
		told->sum = told->sum * 31 + (uint8_t)*p;
}

static bool
run(enum stream_form form, const char *const *skip, const char *text,
    size_t len, size_t piece, struct told *told)
{
	struct stream *s = stream_new(form, skip, on_value, told);
	size_t at, n;
	bool good = true;

	for (at = 0; at < len && good; at += n) {
		n = piece > len - at ? len - at : piece;
		good = stream_feed(s, text + at, n) == 0;
	}
	assert(good == (stream_why(s)[0] == '\0'));
	good = good && stream_is_whole(s);
	stream_free(s);
	return good;
}

/* Texts behind each other, as json-c reads them. */
static void
read_again(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(10000);
	char *copy = malloc(len + 1), *p = copy;

	memcpy(copy, text, len);
	copy[len] = '\0';
	while (p += strspn(p, " \t\r\n"), *p != '\0') {
		json_object_put(json_tokener_parse_ex(
		    tok, p, (int)(len + 1 - (size_t)(p - copy))));
		assert(json_tokener_get_error(tok) == json_tokener_success);
		p += json_tokener_get_parse_end(tok);
	}
	free(copy);
	json_tokener_free(tok);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const skips[] = { "managedFields", "a", NULL };
	enum stream_form form;
	struct told whole = { 0 }, pieces = { 0 };
	const char *text = (const char *)data + 1;
	bool good;

	if (len == 0)
		return 0;
	form = data[0] & 1 ? STREAM_LIST : STREAM_WATCH;
	len--;
	good = run(form, skips, text, len, len, &whole);
	assert(
	    run(form, skips, text, len, 1u + (data[0] >> 1), &pieces) == good);
	assert(whole.values == pieces.values && whole.sum == pieces.sum);
	if (good)
		read_again(text, len);
	return 0;
}

#ifdef FUZZ_STANDALONE
#include "replay.h"

int
main(int argc, char **argv)
{
	return replay_all(argc, argv, TESTS_DIR "/../fuzz/stream/*");
}
#endif
