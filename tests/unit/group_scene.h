/* SPDX-License-Identifier: ISC */
/* Peers that send and listen: what each was told, and what it should be. */
#ifndef GROUP_SCENE_H
#define GROUP_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rib/group.h"
#include "util/mem.h"

#define PEERS	 6
#define PREFIXES 400
#define NOTHING	 UINT32_MAX

/* A peer that sends and listens: what it was told, as MED by prefix. */
struct peer {
	struct rib_source *source;
	struct rib_member *member;
	uint32_t heard[PREFIXES];
	unsigned messages, announced, withdrawn, ends, pending;
	bool fed;
};

static struct rib *rib;
static struct peer peers[PEERS];
static struct arena *scratch;
static const struct wire_session session = { .as4 = true, .ebgp = true };
static bool refuse_odd;

static inline struct prefix
nth(unsigned n)
{
	struct addr addr = addr_v4(0x0a000000u + (n << 8));

	return prefix_of(&addr, 24);
}

static inline unsigned
which(const struct prefix *prefix)
{
	return (unsigned)prefix->bytes[1] << 8 | prefix->bytes[2];
}

static inline struct attr
attr_of(uint32_t asn, uint32_t med)
{
	uint8_t path[6] = { AS_SEQUENCE, 1, (uint8_t)(asn >> 24),
		(uint8_t)(asn >> 16), (uint8_t)(asn >> 8), (uint8_t)asn };
	struct attr attr = { 0 };

	attr.present = 1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH | 1u << ATTR_MED;
	attr.med = med;
	attr.as_path = blob_new(scratch, path, sizeof(path));
	attr.next_hop = addr_v4(0xc0000201);
	attr.present |= 1u << ATTR_NEXT_HOP;
	return attr;
}

static inline bool
on_export(void *arg, const struct rib_path_view *view, struct arena *arena,
    struct attr *out)
{
	(void)arg;
	if (refuse_odd && which(&view->prefix) % 2 == 1)
		return false;
	out->as_path = aspath_prepend(arena, out->as_path, 64512, 1);
	return true;
}

static inline void
on_pending(void *arg)
{
	((struct peer *)arg)->pending++;
}

static inline void
join_as(struct peer *peer, const char *key)
{
	struct rib_export export = { .export = on_export };
	unsigned i;

	peer->member = rib_member_new(rib, FAMILY_IPV4, key, strlen(key),
	    &session, peer->source, &export, NULL);
	rib_member_on_pending(peer->member, on_pending, peer);
	for (i = 0; i < PREFIXES; i++)
		peer->heard[i] = NOTHING;
}

static inline void
join(struct peer *peer)
{
	join_as(peer, "all");
}

static inline void
hear_message(struct peer *peer, struct buf body)
{
	struct update update;
	struct notification error;
	struct prefix prefix;
	unsigned i;

	memset(&update, 0, sizeof(update));
	assert_int_equal(
	    update_decode(body, &session, scratch, &update, &error), 0);
	assert_int_equal(update.verdict, VERDICT_KEEP);
	peer->messages++;
	peer->ends += update.end_of_rib == FAMILY_IPV4;
	for (i = 0; i < 2; i++)
		while (nlri_next(&update.withdrawn[i], &prefix)) {
			peer->heard[which(&prefix)] = NOTHING;
			peer->withdrawn++;
		}
	for (i = 0; i < 2; i++)
		while (nlri_next(&update.announced[i], &prefix)) {
			peer->heard[which(&prefix)] = update.attr.med;
			peer->announced++;
		}
}

/* One take; false when there was nothing, and nothing is left. */
static inline bool
hear(struct peer *peer)
{
	struct message message;
	struct notification error;
	const uint8_t *data;
	size_t len = rib_member_take(peer->member, &data);
	bool some = len > 0 || !rib_member_is_idle(peer->member);

	while (len > 0) {
		assert_int_equal(
		    message_take(data, len, MESSAGE_MAX, &message, &error), 1);
		hear_message(peer, message.body);
		data += message.len;
		len -= message.len;
	}
	arena_reset(scratch);
	return some;
}

static inline void
hear_all(void)
{
	unsigned i;

	for (i = 0; i < PEERS; i++)
		while (peers[i].member != NULL && hear(&peers[i]))
			;
}

static inline uint32_t
expected(const struct peer *peer, unsigned n)
{
	struct prefix prefix = nth(n);
	struct rib_path_view view;

	if (rib_find(rib, &prefix, &view, 1) == 0 || !(view.flags & RIB_BEST) ||
	    (view.flags & RIB_SUPPRESSED) || view.source == peer->source ||
	    (refuse_odd && n % 2 == 1))
		return NOTHING;
	return rib_attr_get(view.used).med;
}

static inline void
check_all(void)
{
	unsigned i, n, count;

	hear_all();
	for (i = 0; i < PEERS; i++) {
		if (peers[i].member == NULL)
			continue;
		for (n = 0, count = 0; n < PREFIXES; n++) {
			assert_int_equal(
			    peers[i].heard[n], expected(&peers[i], n));
			count += peers[i].heard[n] != NOTHING;
		}
		assert_int_equal(rib_member_count(peers[i].member), count);
	}
}

static inline void
say(struct peer *peer, unsigned n, uint32_t med)
{
	struct prefix prefix = nth(n);
	struct attr attr = attr_of(65000u + (uint32_t)(peer - peers), med);

	rib_update(peer->source, 0, &prefix, &attr, &attr, 100);
}

static inline void
unsay(struct peer *peer, unsigned n)
{
	struct prefix prefix = nth(n);

	rib_withdraw(peer->source, 0, &prefix);
}

static inline int
setup(void **state)
{
	struct rib_source_info info = { .kind = RIB_EBGP };
	unsigned i;

	(void)state;
	rib = rib_new();
	scratch = arena_new();
	refuse_odd = false;
	memset(peers, 0, sizeof(peers));
	for (i = 0; i < PEERS; i++) {
		info.asn = 65000 + i;
		info.router_id = i + 1;
		info.addr = addr_v4(0xc0000200u + i);
		info.name = "peer";
		peers[i].source = rib_source_new(rib, &info);
	}
	return 0;
}

static inline int
teardown(void **state)
{
	unsigned i, f;

	(void)state;
	for (i = 0; i < PEERS; i++)
		rib_member_free(peers[i].member);
	for (i = 0; i < PEERS; i++)
		rib_source_free(peers[i].source);
	for (f = 0; f < FAMILY_COUNT; f++)
		assert_int_equal(rib->tables[f].slab.used, 0);
	assert_int_equal(rib->paths.used, 0);
	assert_int_equal(rib->attrs.used, 0);
	assert_int_equal(rib->attr_index.used, 0);
	rib_free(rib);
	arena_free(scratch);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
