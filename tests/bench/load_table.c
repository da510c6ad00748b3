/* SPDX-License-Identifier: ISC */
/* Tables of routes with the real Internet's shape, the same for each seed. */
#include <stdlib.h>
#include <string.h>

#include "bgpload.h"

/*
 * Shares in 1/10000, as full tables of 2024-2026 have them. Most attribute sets
 * are of one prefix, few are of thousands; six to eight prefixes on average.
 */
struct share {
	unsigned value, share;
};

static const struct share lengths4[] = { { 24, 6020 }, { 23, 1000 },
	{ 22, 1140 }, { 21, 500 }, { 20, 450 }, { 19, 270 }, { 18, 150 },
	{ 17, 95 }, { 16, 320 }, { 15, 25 }, { 14, 15 }, { 13, 8 }, { 12, 4 },
	{ 11, 2 }, { 10, 1 } };
static const struct share lengths6[] = { { 48, 4800 }, { 32, 1250 },
	{ 44, 900 }, { 40, 900 }, { 36, 550 }, { 29, 350 }, { 46, 330 },
	{ 47, 250 }, { 45, 200 }, { 42, 200 }, { 33, 130 }, { 34, 70 },
	{ 38, 70 } };
/* Without the sender's own AS, and before the origin's prepends. */
static const struct share hops[] = { { 1, 1300 }, { 2, 3000 }, { 3, 3100 },
	{ 4, 1600 }, { 5, 700 }, { 6, 200 }, { 8, 100 } };

#define SET_MOST 4000 /* and no more than this part of a small table: */
#define SET_PART 25

struct dice {
	uint64_t state;
};

void *
load_memory(void *old, size_t size)
{
	void *new = realloc(old, size ? size : 1);

	if (new == NULL) {
		fputs("bgpload: out of memory\n", stderr);
		exit(2);
	}
	return new;
}

void
load_append(struct load_bytes *bytes, const void *data, size_t len)
{
	if (bytes->len + len > bytes->room) {
		bytes->room = 2 * (bytes->len + len) + 64;
		bytes->data = load_memory(bytes->data, bytes->room);
	}
	if (len)
		memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

/* splitmix64 */
static uint64_t
roll(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t
below(struct dice *dice, uint32_t limit)
{
	return (uint32_t)(((roll(dice) >> 32) * limit) >> 32);
}

static bool
chance(struct dice *dice, unsigned per_10000)
{
	return below(dice, 10000) < per_10000;
}

static unsigned
draw(struct dice *dice, const struct share *shares, size_t count)
{
	unsigned at = 0, total = 0;

	for (size_t i = 0; i < count; i++)
		total += shares[i].share;
	at = below(dice, total);
	for (size_t i = 0; i < count; i++) {
		if (at < shares[i].share)
			return shares[i].value;
		at -= shares[i].share;
	}
	return shares[0].value;
}

/*
 * P(size >= k) = k^-1.05, cut off: 7.4 on average. By steps of one octave, so
 * that no figure hangs on the machine's own arithmetic.
 */
static uint32_t
draw_size(struct dice *dice, uint32_t most)
{
	uint32_t low = 1;

	while (low < most && chance(dice, 4830)) /* 2^-1.05 */
		low *= 2;
	/* Inside an octave a density of 1/k^2: low / (1 - u/2). */
	low = (uint32_t)(((uint64_t)low << 17) /
			 ((1u << 17) - below(dice, 1u << 16)));
	return low < most ? low : most;
}

static void
put32(struct load_bytes *out, uint32_t value)
{
	uint8_t raw[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16),
		(uint8_t)(value >> 8), (uint8_t)value };

	load_append(out, raw, 4);
}

static void
put_attr(struct load_bytes *out, uint8_t flags, uint8_t type, const void *value,
    size_t len)
{
	uint8_t head[] = { flags, type, (uint8_t)len };
	uint8_t wide[] = { flags | 0x10, type, (uint8_t)(len >> 8),
		(uint8_t)len };

	if (len > 255)
		load_append(out, wide, 4);
	else
		load_append(out, head, 3);
	load_append(out, value, len);
}

/* Public numbers, below and above 16 bits; none that a test gives a peer. */
static uint32_t
draw_as(struct dice *dice, unsigned few)
{
	uint32_t n = few ? below(dice, few) * 97 + 174 : below(dice, 76000);

	return n < 64000 ? n + 1 : n - 64000 + 196608;
}

static void
draw_path(struct dice *dice, struct load_bytes *path)
{
	unsigned count = draw(dice, hops, sizeof(hops) / sizeof(*hops));
	unsigned more = chance(dice, 1300) ? 1 + below(dice, 4) : 0;
	uint8_t head[] = { 2, (uint8_t)(count + more) };
	uint32_t as = 0;

	load_append(path, head, 2);
	for (unsigned i = 0; i < count; i++) {
		as = draw_as(dice, i + 1 == count ? 0 : i == 0 ? 8 : 60);
		put32(path, as);
	}
	while (more--)
		put32(path, as);
}

/* Items of `words` numbers each, no two alike. */
static void
draw_items(struct dice *dice, struct load_bytes *out, uint8_t type,
    unsigned words, unsigned most)
{
	struct load_bytes items = { 0 };
	unsigned count = 1;

	while (count < most && chance(dice, 8300))
		count++;
	for (unsigned i = 0; i < count; i++) {
		uint32_t first = draw_as(dice, 0) & 0xffff;

		if (type == 16)
			first = 0x00020000 | first;
		else
			first = first << 16 | (i + 1);
		put32(&items, first);
		for (unsigned w = 1; w < words; w++)
			put32(&items, w + 1 == words
					  ? i << 16 | below(dice, 65536)
					  : below(dice, 100000));
	}
	put_attr(out, 0xc0, type, items.data, items.len);
	free(items.data);
}

static void
draw_attrs(struct dice *dice, struct load_bytes *attrs)
{
	uint8_t origin = chance(dice, 8500) ? 0 : chance(dice, 500) ? 1 : 2;
	struct load_bytes value = { 0 };

	put_attr(attrs, 0x40, 1, &origin, 1);
	if (chance(dice, 2000)) {
		put32(&value, below(dice, 1000));
		put_attr(attrs, 0x80, 4, value.data, value.len);
	}
	if (chance(dice, 500))
		put_attr(attrs, 0x40, 6, NULL, 0);
	if (chance(dice, 600)) {
		value.len = 0;
		put32(&value, draw_as(dice, 0));
		put32(&value, 0xc6336400 | below(dice, 256));
		put_attr(attrs, 0xc0, 7, value.data, value.len);
	}
	if (chance(dice, 6000))
		draw_items(dice, attrs, 8, 1, 30);
	if (chance(dice, 200))
		draw_items(dice, attrs, 16, 2, 4);
	if (chance(dice, 800))
		draw_items(dice, attrs, 32, 3, 5);
	if (chance(dice, 30)) {
		value.len = 0;
		for (unsigned n = 1 + below(dice, 4); n; n--)
			put32(&value, (uint32_t)roll(dice));
		put_attr(attrs, 0xc0, 213, value.data, value.len);
	}
	free(value.data);
}

/* Where routes of the Internet do not live, among them what tests use. */
static bool
is_reserved(const uint8_t *addr)
{
	return addr[0] == 0 || addr[0] == 10 || addr[0] == 127 ||
	       addr[0] >= 224 || (addr[0] == 100 && addr[1] >= 64) ||
	       (addr[0] == 169 && addr[1] == 254) || addr[0] == 172 ||
	       addr[0] == 192 || addr[0] == 198 || addr[0] == 203;
}

/* Near the last one of its set, mostly: an origin's prefixes are neighbors. */
static void
draw_prefix(struct dice *dice, unsigned family, struct load_route *route)
{
	bool near = route->len != 0 && chance(dice, 7000);
	unsigned keep = !near ? 0 : family == 4 ? 1 : 3;

	route->family = (uint8_t)family;
	route->len =
	    (uint8_t)(family == 4 ? draw(dice, lengths4,
					sizeof(lengths4) / sizeof(*lengths4))
				  : draw(dice, lengths6,
					sizeof(lengths6) / sizeof(*lengths6)));
	for (unsigned i = keep; i < 6; i++)
		route->addr[i] = (uint8_t)below(dice, 256);
	if (family == 4 && keep == 0)
		route->addr[0] = (uint8_t)(1 + below(dice, 223));
	if (family == 6)
		route->addr[0] = (uint8_t)(0x20 | (route->addr[0] & 0x0f));
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = i * 8 >= route->len ? 0 : route->len - i * 8;

		if (bits < 8)
			route->addr[i] &= (uint8_t)(0xff00 >> bits);
	}
}

static uint32_t
hash_of(const struct load_route *route)
{
	uint64_t a, b;

	memcpy(&a, route->addr, 8);
	memcpy(&b, route->addr + 8, 8);
	a = (a ^ b * 0x9e3779b97f4a7c15 ^ route->len) * 0xbf58476d1ce4e5b9;
	a ^= a >> 29;
	a *= 0x94d049bb133111eb;
	return (uint32_t)(a >> 32);
}

static bool
is_same(const struct load_route *a, const struct load_route *b)
{
	return a->len == b->len && a->family == b->family &&
	       memcmp(a->addr, b->addr, 16) == 0;
}

static void
grow(struct load_table *table)
{
	uint32_t size = table->mask ? 2 * (table->mask + 1) : 1024;

	free(table->index);
	table->index = load_memory(NULL, size * sizeof(uint32_t));
	memset(table->index, 0, size * sizeof(uint32_t));
	table->mask = size - 1;
	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t at = hash_of(&table->routes[i]) & table->mask;

		while (table->index[at])
			at = (at + 1) & table->mask;
		table->index[at] = i + 1;
	}
}

uint32_t
load_table_find(const struct load_table *table, const struct load_route *route,
    uint32_t near)
{
	uint32_t at, number;

	if (table->index == NULL)
		return LOAD_NONE;
	/* LOAD_NONE + 1 is 0. */
	if (near + 1 < table->count && is_same(&table->routes[near + 1], route))
		return near + 1;
	if (near - 1 < table->count && is_same(&table->routes[near - 1], route))
		return near - 1;
	at = hash_of(route) & table->mask;
	while ((number = table->index[at]) != 0) {
		if (is_same(&table->routes[number - 1], route))
			return number - 1;
		at = (at + 1) & table->mask;
	}
	return LOAD_NONE;
}

uint32_t
load_table_set(struct load_table *table, unsigned family,
    const struct load_bytes *attrs, const struct load_bytes *path)
{
	struct load_set *set;

	if (table->set_count == table->set_room) {
		table->set_room = 2 * table->set_room + 64;
		table->sets = load_memory(
		    table->sets, table->set_room * sizeof(*table->sets));
	}
	set = &table->sets[table->set_count];
	*set = (struct load_set){ .first = table->count,
		.family = (uint8_t)family,
		.attrs_at = (uint32_t)table->pool.len,
		.attrs_len = (uint16_t)attrs->len,
		.path_len = (uint16_t)path->len };
	load_append(&table->pool, attrs->data, attrs->len);
	set->path_at = (uint32_t)table->pool.len;
	load_append(&table->pool, path->data, path->len);
	return table->set_count++;
}

int
load_table_add(struct load_table *table, const struct load_route *route)
{
	uint32_t at;

	if (load_table_find(table, route, LOAD_NONE) != LOAD_NONE)
		return -1;
	if (table->count == table->room) {
		table->room = 2 * table->room + 1024;
		table->routes = load_memory(
		    table->routes, table->room * sizeof(*table->routes));
	}
	table->routes[table->count++] = *route;
	table->sets[route->set].count++;
	if (2 * (uint64_t)table->count >= table->mask) {
		grow(table);
		return 0;
	}
	at = hash_of(route) & table->mask;
	while (table->index[at])
		at = (at + 1) & table->mask;
	table->index[at] = table->count;
	return 0;
}

void
load_table_make(
    struct load_table *table, unsigned family, uint32_t count, uint64_t seed)
{
	struct dice dice = { .state = seed * 2 + family };
	uint32_t end = table->count + count;
	uint32_t most =
	    count / SET_PART < SET_MOST ? count / SET_PART + 1 : SET_MOST;

	while (table->count < end) {
		struct load_bytes attrs = { 0 }, path = { 0 };
		struct load_route route = { 0 };
		uint32_t size = draw_size(&dice, most);

		draw_attrs(&dice, &attrs);
		draw_path(&dice, &path);
		route.set = load_table_set(table, family, &attrs, &path);
		for (route.addr[0] = 0; size && table->count < end;) {
			draw_prefix(&dice, family, &route);
			if ((family == 6 || !is_reserved(route.addr)) &&
			    load_table_add(table, &route) == 0)
				size--;
		}
		free(attrs.data);
		free(path.data);
	}
}

void
load_table_own(struct load_table *table, uint32_t count)
{
	struct load_bytes none = { 0 };
	struct load_route route = {
		.addr = { 198, 18 }, .family = 4, .len = 32
	};

	if (count == 0)
		return;
	route.set = load_table_set(table, 4, &none, &none);
	for (uint32_t i = 0; i < count && i < 1u << 17; i++) {
		route.addr[1] = (uint8_t)(18 + (i >> 16));
		route.addr[2] = (uint8_t)(i >> 8);
		route.addr[3] = (uint8_t)i;
		load_table_add(table, &route);
	}
}

void
load_table_free(struct load_table *table)
{
	free(table->routes);
	free(table->sets);
	free(table->pool.data);
	free(table->index);
	*table = (struct load_table){ 0 };
}
