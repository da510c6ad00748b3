/* SPDX-License-Identifier: ISC */
/* UPDATEs out and in, by code of its own: no fault is shared with the daemon. */
#include <stdlib.h>
#include <string.h>

#include "bgpload.h"

enum {
	AS_PATH = 2,
	NEXT_HOP = 3,
	MED = 4,
	LOCAL_PREF = 5,
	COMMUNITIES = 8,
	MP_REACH = 14,
	MP_UNREACH = 15,
	EXTENDED = 16,
	LARGE = 32
};

#define PARTIAL 0x20

static void
put8(struct load_bytes *out, unsigned value)
{
	uint8_t raw = (uint8_t)value;

	load_append(out, &raw, 1);
}

static void
put16(struct load_bytes *out, unsigned value)
{
	put8(out, value >> 8);
	put8(out, value & 0xff);
}

static void
put32(struct load_bytes *out, uint32_t value)
{
	put16(out, value >> 16);
	put16(out, value & 0xffff);
}

static void
set16(struct load_bytes *out, size_t at, size_t value)
{
	out->data[at] = (uint8_t)(value >> 8);
	out->data[at + 1] = (uint8_t)value;
}

/* Returns where the message begins; ended by end_message. */
static size_t
begin_message(struct load_bytes *out, unsigned type)
{
	size_t at = out->len;

	load_append(out,
	    "\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff",
	    16);
	put16(out, 0);
	put8(out, type);
	return at;
}

static void
end_message(struct load_bytes *out, size_t at)
{
	set16(out, at + 16, out->len - at);
}

void
load_keepalive(struct load_bytes *out)
{
	end_message(out, begin_message(out, MSG_KEEPALIVE));
}

void
load_open(struct load_bytes *out, uint32_t as, uint16_t hold, uint32_t id,
    unsigned families)
{
	/* multiprotocol IPv4, IPv6, route refresh, and 4-octet AS to come */
	static const uint8_t of4[] = { 1, 4, 0, 1, 0, 1 },
			     of6[] = { 1, 4, 0, 2, 0, 1 },
			     of_all[] = { 2, 0, 65, 4 };
	bool four = families & LOAD_IPV4, six = families & LOAD_IPV6;
	unsigned len =
	    four * sizeof(of4) + six * sizeof(of6) + sizeof(of_all) + 4;
	size_t at = begin_message(out, MSG_OPEN);

	put8(out, 4);
	put16(out, as > 0xffff ? 23456 : as);
	put16(out, hold);
	put32(out, id);
	put8(out, len + 2);
	put8(out, 2);
	put8(out, len);
	load_append(out, of4, four ? sizeof(of4) : 0);
	load_append(out, of6, six ? sizeof(of6) : 0);
	load_append(out, of_all, sizeof(of_all));
	put32(out, as);
	end_message(out, at);
}

static size_t
prefix_len(const struct load_route *route)
{
	return 1 + (route->len + 7u) / 8;
}

static void
put_prefix(struct load_bytes *out, const struct load_route *route)
{
	put8(out, route->len);
	load_append(out, route->addr, prefix_len(route) - 1);
}

/* The sender's AS in front, in the first segment where that has room. */
static void
put_path(struct load_bytes *out, const uint8_t *path, size_t len, uint32_t as,
    unsigned repeats)
{
	bool joins = len > 0 && path[0] == 2 && path[1] + repeats < 256;
	size_t value = len + 4u * repeats + (joins ? 0 : 2);

	put8(out, 0x50);
	put8(out, AS_PATH);
	put16(out, (unsigned)value);
	put8(out, 2);
	put8(out, repeats + (joins ? path[1] : 0));
	for (unsigned i = 0; i < repeats; i++)
		put32(out, as);
	load_append(out, path + (joins ? 2 : 0), len - (joins ? 2 : 0));
}

/* All that is the same in each message of a set; MP_REACH is not. */
static void
put_attrs(struct load_bytes *out, const struct load_table *table,
    const struct load_set *set, const struct load_speaker *who,
    unsigned repeats)
{
	const uint8_t *attrs = table->pool.data + set->attrs_at;
	/* ORIGIN, which is the first of them. */
	size_t origin = set->attrs_len >= 4 && attrs[1] == 1 ? 4 : 0;

	load_append(out, attrs, origin);
	put_path(out, table->pool.data + set->path_at, set->path_len, who->as,
	    repeats);
	if (set->family == 4) {
		load_append(out, "\x40\x03\x04", 3);
		load_append(out, who->next4, 4);
	}
	load_append(out, attrs + origin, set->attrs_len - origin);
}

/* As many of the routes as there is room for; returns how many. */
static uint32_t
put_routes(struct load_bytes *out, size_t at, size_t reserve,
    const struct load_route *routes, uint32_t count)
{
	uint32_t done = 0;

	while (
	    done < count &&
	    out->len - at + reserve + prefix_len(&routes[done]) <= LOAD_MESSAGE)
		put_prefix(out, &routes[done++]);
	return done;
}

static uint32_t
put_reach(struct load_bytes *out, size_t at, size_t reserve,
    const struct load_speaker *who, const struct load_route *routes,
    uint32_t count)
{
	size_t length_at;
	uint32_t done;

	put8(out, 0x90);
	put8(out, MP_REACH);
	length_at = out->len;
	load_append(out, "\0\0\0\2\1\20", 6);
	load_append(out, who->next6, 16);
	put8(out, 0);
	done = put_routes(out, at, reserve, routes, count);
	set16(out, length_at, out->len - length_at - 2);
	return done;
}

void
load_announce(struct load_bytes *out, const struct load_table *table,
    uint32_t number, const struct load_speaker *who, unsigned repeats)
{
	const struct load_set *set = &table->sets[number];
	const struct load_route *routes = table->routes + set->first;
	struct load_bytes attrs = { 0 };

	put_attrs(&attrs, table, set, who, repeats);
	for (uint32_t done = 0; done < set->count;) {
		size_t at = begin_message(out, MSG_UPDATE), length_at;

		put16(out, 0);
		length_at = out->len;
		put16(out, 0);
		if (set->family == 6)
			done += put_reach(out, at, attrs.len, who,
			    routes + done, set->count - done);
		load_append(out, attrs.data, attrs.len);
		set16(out, length_at, out->len - length_at - 2);
		if (set->family == 4)
			done += put_routes(
			    out, at, 0, routes + done, set->count - done);
		end_message(out, at);
	}
	free(attrs.data);
}

/* A message of withdrawals under way. */
struct withdrawal {
	size_t at, list;
	unsigned family; /* 0: none is */
};

static void
end_withdrawal(struct load_bytes *out, struct withdrawal *under)
{
	if (under->family == 4) {
		set16(out, under->list - 2, out->len - under->list);
		put16(out, 0);
	} else if (under->family == 6) {
		set16(out, under->list - 5, out->len - under->list + 3);
		set16(out, under->list - 9, out->len - under->list + 7);
	}
	if (under->family)
		end_message(out, under->at);
	under->family = 0;
}

static void
begin_withdrawal(
    struct load_bytes *out, struct withdrawal *under, unsigned family)
{
	under->family = family;
	under->at = begin_message(out, MSG_UPDATE);
	put16(out, 0);
	if (family == 6)
		load_append(out, "\0\0\x90\x0f\0\0\0\2\1", 9);
	under->list = out->len;
}

void
load_withdraw(struct load_bytes *out, const struct load_table *table,
    const uint32_t *sets, size_t count)
{
	struct withdrawal under = { 0 };

	for (size_t s = 0; s < count; s++) {
		const struct load_set *set = &table->sets[sets[s]];

		for (uint32_t i = 0; i < set->count;) {
			uint32_t done;

			if (under.family != set->family) {
				end_withdrawal(out, &under);
				begin_withdrawal(out, &under, set->family);
			}
			done = put_routes(out, under.at, 2,
			    table->routes + set->first + i, set->count - i);
			if (done == 0)
				end_withdrawal(out, &under);
			i += done;
		}
	}
	end_withdrawal(out, &under);
}

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 31;
}

/* Its order does not matter: a daemon may sort them. */
static uint64_t
hash_items(const uint8_t *value, size_t len, size_t size)
{
	uint64_t sum = mix(len, size);

	for (size_t at = 0; at + size <= len; at += size) {
		uint64_t hash = size;

		for (size_t i = 0; i < size; i += 4)
			hash = mix(hash, load_get32(value + at + i));
		sum += mix(hash, 7);
	}
	return sum;
}

static uint64_t
hash_bytes(const uint8_t *value, size_t len)
{
	uint64_t hash = mix(len, 1);

	for (size_t i = 0; i < len; i++)
		hash = mix(hash, value[i]);
	return hash;
}

static bool
is_known(unsigned type)
{
	return type <= 8 || (type >= 14 && type <= 18) || type == LARGE;
}

static uint64_t
hash_attr(const struct load_rules *rules, unsigned flags, unsigned type,
    const uint8_t *value, size_t len)
{
	uint64_t hash;

	if (type == MED && rules->any_med)
		return 0;
	if (!is_known(type) && rules->any_unknown)
		return 0;
	if (type == COMMUNITIES || type == EXTENDED || type == LARGE)
		hash = hash_items(value, len,
		    type == LARGE      ? 12
		    : type == EXTENDED ? 8
				       : 4);
	else
		hash = hash_bytes(value, len);
	/* RFC 4271 5: what is not known is passed on, and is marked so. */
	if (!is_known(type) && !rules->any_partial)
		hash = mix(hash, flags & PARTIAL);
	return mix(hash, type);
}

/* A path, however its sequences are cut; `as` and its repeats are taken off. */
struct path_reader {
	uint32_t daemon, sender;
	unsigned repeats;
	enum { AT_DAEMON, AT_SENDER, BEHIND } place;
	bool bad;
	uint64_t hash;
};

static void
read_as(struct path_reader *reader, unsigned type, uint32_t as)
{
	if (reader->place == AT_DAEMON) {
		reader->bad |= type != 2 || as != reader->daemon;
		reader->place = AT_SENDER;
		return;
	}
	if (reader->place == AT_SENDER && type == 2 &&
	    (reader->repeats == 0 || as == reader->sender)) {
		reader->sender = as;
		reader->repeats++;
		return;
	}
	reader->place = BEHIND;
	reader->hash = mix(reader->hash, as | (uint64_t)(type != 2) << 32);
}

static void
read_path(struct path_reader *reader, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;

	while (end - at >= 2 && end - at - 2 >= at[1] * 4) {
		unsigned type = at[0], count = at[1];

		for (at += 2; count; count--, at += 4)
			read_as(reader, type, load_get32(at));
	}
	reader->bad |= at != end;
}

/* Its value of communities, or where it has none NULL and a length of 0. */
static const uint8_t *
communities_of(
    const struct load_table *table, const struct load_set *set, size_t *len)
{
	const uint8_t *at = table->pool.data + set->attrs_at;
	const uint8_t *end = at + set->attrs_len;

	while (at < end) {
		size_t head = at[0] & 0x10 ? 4 : 3;

		*len = head == 4 ? load_get16(at + 2) : at[2];
		if (at[1] == COMMUNITIES)
			return at + head;
		at += head + *len;
	}
	*len = 0;
	return NULL;
}

/* The daemon has put one more community to those that there are. */
static void
add_mark(const struct load_table *table, struct load_set *set,
    const struct load_rules *rules)
{
	struct load_bytes more = { 0 };
	size_t len;
	const uint8_t *value = communities_of(table, set, &len);

	if (value != NULL)
		set->hash -= hash_attr(rules, 0xc0, COMMUNITIES, value, len);
	load_append(&more, value, len);
	put32(&more, rules->mark);
	set->hash += hash_attr(rules, 0xc0, COMMUNITIES, more.data, more.len);
	free(more.data);
}

void
load_expect(struct load_table *table, const struct load_rules *rules)
{
	for (uint32_t s = 0; s < table->set_count; s++) {
		struct load_set *set = &table->sets[s];
		const uint8_t *at = table->pool.data + set->attrs_at;
		const uint8_t *end = at + set->attrs_len;
		struct path_reader reader = { .place = BEHIND };

		read_path(
		    &reader, table->pool.data + set->path_at, set->path_len);
		set->hash = reader.hash;
		while (at < end) {
			bool wide = (at[0] & 0x10) != 0;
			size_t len = wide ? load_get16(at + 2) : at[2];
			const uint8_t *value = at + (wide ? 4 : 3);
			unsigned flags = at[0] | (rules->partial ? PARTIAL : 0);

			if (at[1] != MED || rules->med)
				set->hash +=
				    hash_attr(rules, flags, at[1], value, len);
			at = value + len;
		}
		if (rules->mark)
			add_mark(table, set, rules);
	}
}

static void
hear_next(struct load_update *update, const uint8_t *value, size_t len)
{
	update->next_len = (uint8_t)(len < 16 ? len : 16);
	memcpy(update->next, value, update->next_len);
}

static int
hear_mp(
    struct load_update *update, unsigned type, const uint8_t *value, size_t len)
{
	const uint8_t *end = value + len;
	uint8_t family;

	if (len < 3 || value[2] != 1)
		return -1;
	family = load_get16(value) == 1 ? 4 : 6;
	value += 3;
	if (type == MP_REACH) {
		if (len < 5 || len < 5u + value[0])
			return -1;
		hear_next(update, value + 1, value[0]);
		value += value[0] + 2;
	}
	*(type == MP_REACH ? &update->here[1] : &update->gone[1]) =
	    (struct load_span){ value, end, family };
	return 0;
}

static int
hear_attr(struct load_update *update, const struct load_rules *rules,
    unsigned flags, unsigned type, const uint8_t *value, size_t len)
{
	if (type == MP_REACH || type == MP_UNREACH)
		return hear_mp(update, type, value, len);
	update->has_attrs = true;
	if (type == AS_PATH) {
		struct path_reader reader = { .daemon = rules->as,
			.place = rules->as ? AT_DAEMON : AT_SENDER };

		read_path(&reader, value, len);
		update->bad_path = reader.bad;
		update->sender_as = reader.sender;
		update->repeats = reader.repeats;
		update->hash += reader.hash;
	} else if (type == NEXT_HOP)
		hear_next(update, value, len);
	else
		update->hash += hash_attr(rules, flags, type, value, len);
	return 0;
}

int
load_decode(const uint8_t *msg, size_t len, const struct load_rules *rules,
    struct load_update *update)
{
	const uint8_t *at = msg + LOAD_HEADER, *end = msg + len, *stop;

	memset(update, 0, sizeof(*update));
	if (end - at < 4 || end - at - 4 < (ptrdiff_t)load_get16(at))
		return -1;
	stop = at + 2 + load_get16(at);
	update->gone[0] = (struct load_span){ at + 2, stop, 4 };
	at = stop + 2;
	if (end - at < (ptrdiff_t)load_get16(stop))
		return -1;
	stop = at + load_get16(stop);
	update->here[0] = (struct load_span){ stop, end, 4 };
	while (at < stop) {
		size_t head = at[0] & 0x10 ? 4 : 3, size;
		const uint8_t *attr = at;

		if ((size_t)(stop - at) < head)
			return -1;
		size = head == 4 ? load_get16(at + 2) : at[2];
		at += head + size;
		if (at > stop || hear_attr(update, rules, attr[0], attr[1],
				     attr + head, size) < 0)
			return -1;
	}
	return 0;
}

int
load_prefix(struct load_span *span, struct load_route *route)
{
	size_t len;

	if (span->at == span->end)
		return 0;
	memset(route, 0, sizeof(*route));
	route->len = span->at[0];
	route->family = span->family;
	len = prefix_len(route);
	if (route->len > (span->family == 4 ? 32 : 128) ||
	    (size_t)(span->end - span->at) < len)
		return -1;
	for (size_t i = 1; i < len; i++) /* few: no call */
		route->addr[i - 1] = span->at[i];
	span->at += len;
	return 1;
}
