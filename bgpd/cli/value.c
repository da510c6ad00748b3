/* SPDX-License-Identifier: ISC */
/* The kinds of values: how a word is read, printed, ordered and copied. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/engine.h"
#include "util/addr.h"
#include "util/arena.h"

/* integers ----------------------------------------------------------------- */

static int64_t
int_load(const void *src, size_t size)
{
	uint64_t v = 0;

	switch (size) {
	case 1:
		return *(const uint8_t *)src;
	case 2:
		return *(const uint16_t *)src;
	case 4:
		return *(const uint32_t *)src;
	default:
		memcpy(&v, src, sizeof(v));
		return (int64_t)v;
	}
}

static void
int_store(void *dst, size_t size, uint64_t v)
{
	uint8_t v8 = (uint8_t)v;
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	switch (size) {
	case 1:
		memcpy(dst, &v8, 1);
		break;
	case 2:
		memcpy(dst, &v16, 2);
		break;
	case 4:
		memcpy(dst, &v32, 4);
		break;
	default:
		memcpy(dst, &v, sizeof(v));
	}
}

/* The largest number: the field's, or the type's. */
static uint64_t
int_max(const struct cli_field *f)
{
	uint64_t kind = f->value == &cli_u8    ? UINT8_MAX
			: f->value == &cli_u16 ? UINT16_MAX
					       : UINT32_MAX;

	return f->max > 0 || f->min > 0 ? (uint64_t)f->max : kind;
}

static int
int_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	uint64_t v, min = f->min > 0 ? (uint64_t)f->min : 0;

	(void)arena;
	if (text_read_u64(word, min, int_max(f), &v) != 0) {
		text_add(why, "\"%s\" is not a number of %" PRIu64 "-%" PRIu64,
		    word, min, int_max(f));
		return -1;
	}
	int_store(dst, field_size(f), v);
	return 0;
}

static void
int_print(const struct cli_field *f, const void *src, struct text *out)
{
	text_add(out, "%" PRId64, int_load(src, field_size(f)));
}

const struct cli_value cli_u8 = { .read = int_read, .print = int_print };
const struct cli_value cli_u16 = { .read = int_read, .print = int_print };
const struct cli_value cli_u32 = { .read = int_read, .print = int_print };

/* flags and choices -------------------------------------------------------- */

/* Only defaults are read here: a line sets it by the word's standing there. */
static int
flag_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	bool on = strcmp(word, "on") == 0;

	(void)f;
	(void)arena;
	if (!on && strcmp(word, "off") != 0) {
		text_add(why, "\"%s\" is neither on nor off", word);
		return -1;
	}
	memcpy(dst, &on, sizeof(on));
	return 0;
}

static void
flag_print(const struct cli_field *f, const void *src, struct text *out)
{
	(void)f;
	text_add(out, "%s", *(const bool *)src ? "on" : "off");
}

static int
choice_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	const char *at = f->token;
	size_t len = strlen(word);
	uint8_t n = 0;

	(void)arena;
	for (;;) {
		size_t span = strcspn(at, "|");

		if (span == len && strncmp(at, word, len) == 0) {
			*(uint8_t *)dst = n;
			return 0;
		}
		if (at[span] == '\0')
			break;
		at += span + 1;
		n++;
	}
	text_add(why, "\"%s\" is none of %s", word, f->token);
	return -1;
}

static void
choice_print(const struct cli_field *f, const void *src, struct text *out)
{
	const char *at = f->token;

	for (unsigned n = *(const uint8_t *)src; n > 0; n--) {
		at += strcspn(at, "|");
		at += *at == '|';
	}
	text_put(out, at, strcspn(at, "|"));
}

const struct cli_value cli_flag = {
	.size = sizeof(bool), .read = flag_read, .print = flag_print
};
const struct cli_value cli_choice = {
	.size = sizeof(uint8_t), .read = choice_read, .print = choice_print
};

/* AS numbers --------------------------------------------------------------- */

/* RFC 5396: asplain, or asdot "1.10". */
static int
asn_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	const char *dot = strchr(word, '.');
	char high[8];
	uint64_t h = 0, l;
	uint32_t asn;

	(void)f;
	(void)arena;
	if (dot != NULL && (size_t)(dot - word) < sizeof(high)) {
		memcpy(high, word, (size_t)(dot - word));
		high[dot - word] = '\0';
		if (text_read_u64(high, 0, UINT16_MAX, &h) != 0 ||
		    text_read_u64(dot + 1, 0, UINT16_MAX, &l) != 0)
			goto bad;
	} else if (text_read_u64(word, 0, UINT32_MAX, &l) != 0)
		goto bad;
	asn = (uint32_t)(h << 16 | l);
	if (asn == 0)
		goto bad;
	memcpy(dst, &asn, sizeof(asn));
	return 0;
bad:
	text_add(why, "\"%s\" is not an AS number of 1-4294967295", word);
	return -1;
}

static void
asn_print(const struct cli_field *f, const void *src, struct text *out)
{
	(void)f;
	text_add(out, "%" PRIu32, *(const uint32_t *)src);
}

static int
asn_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

const struct cli_value cli_asn = { .hint = "(1-4294967295)",
	.size = sizeof(uint32_t),
	.read = asn_read,
	.print = asn_print,
	.compare = asn_compare };

/* words -------------------------------------------------------------------- */

static int
word_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	int64_t len = (int64_t)strlen(word);
	const char *copy;

	if ((f->min > 0 || f->max > 0) && (len < f->min || len > f->max)) {
		if (f->value != &cli_secret)
			text_add(why, "\"%s\": ", word);
		text_add(why,
		    "%" PRId64 " characters, not %" PRId64 "-%" PRId64, len,
		    f->min, f->max);
		return -1;
	}
	copy = arena_string(arena, word);
	memcpy(dst, &copy, sizeof(copy));
	return 0;
}

static void
word_print(const struct cli_field *f, const void *src, struct text *out)
{
	const char *s = *(const char *const *)src;

	(void)f;
	text_add(out, "%s", s != NULL ? s : "");
}

static int
word_compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

static void
word_copy(const struct cli_field *f, struct arena *arena, void *dst)
{
	const char *s;

	(void)f;
	memcpy(&s, dst, sizeof(s));
	s = arena_string(arena, s);
	memcpy(dst, &s, sizeof(s));
}

#define WORD_KIND(a_hint, a_rest)                                              \
	{                                                                      \
		.hint = a_hint, .size = sizeof(char *), .rest = a_rest,        \
		.read = word_read, .print = word_print,                        \
		.compare = word_compare, .copy = word_copy, .loose = true      \
	}

const struct cli_value cli_word = WORD_KIND("WORD", false);
const struct cli_value cli_text = WORD_KIND("LINE", true);
const struct cli_value cli_secret = WORD_KIND("LINE", true);

/* addresses ---------------------------------------------------------------- */

static int
address_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	struct addr addr;
	uint8_t family = f->value == &cli_ipv4	 ? AF_INET
			 : f->value == &cli_ipv6 ? AF_INET6
						 : 0;

	(void)arena;
	if (addr_read(word, &addr) != 0 ||
	    (family != 0 && addr.family != family)) {
		text_add(why, "\"%s\" is not an %saddress, as %s", word,
		    family == AF_INET	 ? "IPv4 "
		    : family == AF_INET6 ? "IPv6 "
					 : "",
		    family == AF_INET6 ? "2001:db8::1" : "192.0.2.1");
		return -1;
	}
	memcpy(dst, &addr, sizeof(addr));
	return 0;
}

static void
address_print(const struct cli_field *f, const void *src, struct text *out)
{
	char name[ADDR_TEXT];

	(void)f;
	text_add(out, "%s", addr_print(src, name));
}

static int
address_compare(const void *a, const void *b)
{
	return addr_compare(a, b);
}

#define ADDRESS_KIND(a_hint)                                                   \
	{                                                                      \
		.hint = a_hint, .size = sizeof(struct addr),                   \
		.read = address_read, .print = address_print,                  \
		.compare = address_compare                                     \
	}

const struct cli_value cli_address = ADDRESS_KIND("A.B.C.D|X:X::X:X");
const struct cli_value cli_ipv4 = ADDRESS_KIND("A.B.C.D");
const struct cli_value cli_ipv6 = ADDRESS_KIND("X:X::X:X");

static int
cli_prefix_read(const struct cli_field *f, struct arena *arena,
    const char *word, void *dst, struct text *why)
{
	struct prefix prefix;

	(void)f;
	(void)arena;
	if (prefix_read(word, &prefix) != 0) {
		text_add(why, "\"%s\" is not a prefix, as 192.0.2.0/24", word);
		return -1;
	}
	memcpy(dst, &prefix, sizeof(prefix));
	return 0;
}

static void
cli_prefix_print(const struct cli_field *f, const void *src, struct text *out)
{
	char name[PREFIX_TEXT];

	(void)f;
	text_add(out, "%s", prefix_print(src, name));
}

static int
cli_prefix_compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

const struct cli_value cli_prefix = { .hint = "A.B.C.D/M|X:X::X:X/M",
	.size = sizeof(struct prefix),
	.read = cli_prefix_read,
	.print = cli_prefix_print,
	.compare = cli_prefix_compare };

/* lists -------------------------------------------------------------------- */

/* The field that each item of a list is read by. */
static struct cli_field
item_field(const struct cli_field *f)
{
	struct cli_field item = *f;

	item.value = f->each;
	item.size = (uint8_t)value_size(f->each);
	item.each = NULL;
	item.def = NULL;
	return item;
}

static int
many_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	struct cli_list *list = dst;

	list->items = arena_alloc(arena, value_size(f->each));
	return field_read_item(f, arena, word, list, why);
}

static void
many_print(const struct cli_field *f, const void *src, struct text *out)
{
	const struct cli_list *list = src;
	struct cli_field item = item_field(f);

	for (uint32_t i = 0; i < list->count; i++) {
		if (i > 0)
			text_char(out, ' ');
		item.value->print(
		    &item, (char *)list->items + i * value_size(f->each), out);
	}
}

static void
many_copy(const struct cli_field *f, struct arena *arena, void *dst)
{
	struct cli_list *list = dst;
	struct cli_field item = item_field(f);
	size_t size = value_size(f->each);

	if (list->count == 0)
		return;
	list->items = arena_copy(arena, list->items, list->count * size);
	for (uint32_t i = 0; i < list->count; i++)
		field_copy(&item, arena, (char *)list->items + i * size);
}

const struct cli_value cli_many = { .size = sizeof(struct cli_list),
	.read = many_read,
	.print = many_print,
	.copy = many_copy };

/* what the other rooms ask ------------------------------------------------- */

size_t
value_size(const struct cli_value *value)
{
	if (value->size != 0)
		return value->size;
	return value == &cli_u8 ? 1 : value == &cli_u16 ? 2 : 4;
}

size_t
field_size(const struct cli_field *f)
{
	return f->value->size != 0 ? f->value->size
	       : f->size != 0	   ? f->size
				   : value_size(f->value);
}

int
field_read(const struct cli_field *f, struct arena *arena, const char *word,
    void *dst, struct text *why)
{
	memset(dst, 0, field_size(f));
	return f->value->read(f, arena, word, dst, why);
}

int
field_read_item(const struct cli_field *f, struct arena *arena,
    const char *word, struct cli_list *list, struct text *why)
{
	struct cli_field item = item_field(f);
	char *dst = (char *)list->items + list->count * value_size(f->each);

	if (field_read(&item, arena, word, dst, why) != 0)
		return -1;
	list->count++;
	return 0;
}

void
field_print(
    const struct cli_field *f, const void *src, bool mask, struct text *out)
{
	if (mask && f->value == &cli_secret)
		text_add(out, "********");
	else
		f->value->print(f, src, out);
}

static int
list_compare(const struct cli_field *f, const struct cli_list *a,
    const struct cli_list *b)
{
	struct cli_field item = item_field(f);
	size_t size = value_size(f->each);
	int diff = 0;

	for (uint32_t i = 0; diff == 0 && i < a->count && i < b->count; i++)
		diff = field_compare(&item, (char *)a->items + i * size,
		    (char *)b->items + i * size);
	if (diff == 0)
		diff = a->count < b->count ? -1 : a->count > b->count;
	return diff;
}

int
field_compare(const struct cli_field *f, const void *a, const void *b)
{
	int64_t x, y;

	if (f->value == &cli_many)
		return list_compare(f, a, b);
	if (f->value->compare != NULL)
		return f->value->compare(a, b);
	if (f->value->size != 0)
		return memcmp(a, b, f->value->size);
	x = int_load(a, field_size(f));
	y = int_load(b, field_size(f));
	return x < y ? -1 : x > y;
}

void
field_copy(const struct cli_field *f, struct arena *arena, void *dst)
{
	if (f->value->copy != NULL)
		f->value->copy(f, arena, dst);
}

void
field_hint(const struct cli_field *f, struct text *out)
{
	struct cli_field item;

	if (f->value == &cli_many) {
		item = item_field(f);
		field_hint(&item, out);
		text_add(out, "...");
	} else if (f->value->read == int_read)
		text_add(out, "(%" PRId64 "-%" PRIu64 ")",
		    f->min > 0 ? f->min : 0, int_max(f));
	else if (f->value->hint != NULL)
		text_add(out, "%s", f->value->hint);
	else
		text_put(out, f->token, strcspn(f->token, "."));
}
