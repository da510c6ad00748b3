/* SPDX-License-Identifier: ISC */
/* The table between sources and backends: offers in, routes and carries out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "announce/announce.h"
#include "util/mem.h"

struct world {
	struct rib *rib;
	struct announce *announce;
	struct announce_source *source;
};

static int
set_up(void **state)
{
	static struct world w;
	static const struct bgpd_source ops = { BGPD_INIT(struct bgpd_source),
		"test", NULL };

	w.rib = rib_new();
	w.announce = announce_new(w.rib);
	w.source = announce_source_new(w.announce, "test", &ops, NULL);
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	announce_free(w->announce);
	rib_free(w->rib);
	return 0;
}

/* What the RIB holds of a prefix; NULL if nothing. */
static const struct attr *
route_of(struct world *w, const char *text)
{
	static struct attr attr;
	struct rib_path_view view;
	struct prefix prefix;

	assert_int_equal(prefix_read(text, &prefix), 0);
	if (rib_find(w->rib, &prefix, &view, 1) == 0)
		return NULL;
	assert_string_equal(rib_source_info(view.source)->owner, "test");
	attr = rib_attr_get(view.used);
	return &attr;
}

struct ask {
	uint8_t octet; /* of 192.0.2.x */
	uint8_t len;
	uint32_t local_pref;
	uint32_t community; /* 0: none */
	const char *protocol;
	bool away; /* not announced here */
};

static void
offer(struct world *w, const char *name, const struct ask *asks, unsigned count)
{
	struct bgpd_address addresses[4];
	struct bgpd_route routes[4];
	struct bgpd_service service = { BGPD_INIT(struct bgpd_service),
		.name = name, .pool = "pool", .addresses = addresses,
		.address_count = count, .address_size = sizeof(*addresses) };
	unsigned i;

	memset(addresses, 0, sizeof(addresses));
	memset(routes, 0, sizeof(routes));
	for (i = 0; i < count; i++) {
		routes[i] = (struct bgpd_route){ BGPD_INIT(struct bgpd_route),
			.prefix_len = asks[i].len, .has_local_pref = 1,
			.local_pref = asks[i].local_pref,
			.communities = &asks[i].community,
			.community_count = asks[i].community != 0 };
		addresses[i] = (struct bgpd_address){ BGPD_INIT(
							  struct bgpd_address),
			.address = { 4, { 192, 0, 2, asks[i].octet } },
			.protocol =
			    asks[i].protocol != NULL ? asks[i].protocol : "bgp",
			.phase = BGPD_CARRIED, .here = !asks[i].away,
			.routes = &routes[i], .route_count = 1,
			.route_size = sizeof(*routes) };
	}
	announce_offer(w->source, &service);
}

static void
test_offer_becomes_a_route(void **state)
{
	struct world *w = *state;
	const struct attr *attr;

	offer(w, "a/web", &(struct ask){ 1, 32, 100, 0xfc000001, NULL, false },
	    1);
	attr = route_of(w, "192.0.2.1/32");
	assert_non_null(attr);
	assert_int_equal(attr->origin, ORIGIN_INCOMPLETE);
	assert_int_equal(attr->local_pref, 100);
	assert_true(community_has(attr->communities, 0xfc000001));
	assert_int_equal(attr->next_hop.family, 0);
	/* It moves: the old address goes with the same call. */
	offer(w, "a/web", &(struct ask){ 2, 32, 100, 0, NULL, false }, 1);
	assert_null(route_of(w, "192.0.2.1/32"));
	assert_non_null(route_of(w, "192.0.2.2/32"));
	assert_null(route_of(w, "192.0.2.2/32")->communities);
	announce_retract(w->source, "a/web");
	assert_null(route_of(w, "192.0.2.2/32"));
	announce_retract(w->source, "a/web");
}

static void
test_not_here_is_no_route(void **state)
{
	struct world *w = *state;

	offer(w, "a/web", &(struct ask){ 1, 32, 0, 0, NULL, true }, 1);
	assert_null(route_of(w, "192.0.2.1/32"));
	offer(w, "a/web", &(struct ask){ 1, 32, 0, 0, NULL, false }, 1);
	assert_non_null(route_of(w, "192.0.2.1/32"));
	offer(w, "a/web", &(struct ask){ 1, 32, 0, 0, NULL, true }, 1);
	assert_null(route_of(w, "192.0.2.1/32"));
}

/* One address of two services; each goes on asking for it. */
static void
test_shared_address_stays_until_the_last(void **state)
{
	struct world *w = *state;

	offer(w, "a/tcp", &(struct ask){ 1, 32, 10, 1, NULL, false }, 1);
	offer(w, "a/udp", &(struct ask){ 1, 32, 20, 2, NULL, false }, 1);
	assert_int_equal(route_of(w, "192.0.2.1/32")->local_pref, 20);
	assert_int_equal(
	    community_count(route_of(w, "192.0.2.1/32")->communities), 2);
	announce_retract(w->source, "a/udp");
	assert_int_equal(route_of(w, "192.0.2.1/32")->local_pref, 10);
	assert_int_equal(
	    community_count(route_of(w, "192.0.2.1/32")->communities), 1);
	announce_retract(w->source, "a/tcp");
	assert_null(route_of(w, "192.0.2.1/32"));
}

/* aggregation-length: one prefix asked for by many addresses. */
static void
test_aggregated_prefix_counts_its_askers(void **state)
{
	struct world *w = *state;

	offer(w, "a/one", &(struct ask){ 1, 24, 5, 0, NULL, false }, 1);
	offer(w, "a/two", &(struct ask){ 2, 24, 5, 0, NULL, false }, 1);
	assert_non_null(route_of(w, "192.0.2.0/24"));
	announce_retract(w->source, "a/one");
	assert_non_null(route_of(w, "192.0.2.0/24"));
	announce_retract(w->source, "a/two");
	assert_null(route_of(w, "192.0.2.0/24"));
}

/* The same address twice in one service, which then goes whole. */
static void
test_doubled_address(void **state)
{
	struct world *w = *state;
	struct ask twice[2] = { { 1, 32, 0, 0, NULL, false },
		{ 1, 32, 0, 0, NULL, false } };

	offer(w, "a/web", twice, 2);
	assert_non_null(route_of(w, "192.0.2.1/32"));
	announce_retract(w->source, "a/web");
	assert_null(route_of(w, "192.0.2.1/32"));
}

static void
test_resync_retracts_what_was_not_offered(void **state)
{
	struct world *w = *state;

	offer(w, "a/old", &(struct ask){ 1, 32, 0, 0, NULL, false }, 1);
	offer(w, "a/kept", &(struct ask){ 2, 32, 0, 0, NULL, false }, 1);
	announce_begin(w->source);
	offer(w, "a/kept", &(struct ask){ 2, 32, 0, 0, NULL, false }, 1);
	assert_non_null(route_of(w, "192.0.2.1/32"));
	announce_end(w->source);
	assert_null(route_of(w, "192.0.2.1/32"));
	assert_non_null(route_of(w, "192.0.2.2/32"));
}

/* A guest built against a shorter plugin.h, and one against a longer. */
static void
test_sizes_of_other_versions(void **state)
{
	struct world *w = *state;
	struct {
		struct bgpd_address known;
		uint64_t later[4];
	} longer[2];
	struct bgpd_route route = { BGPD_INIT(struct bgpd_route),
		.prefix_len = 32 };
	struct bgpd_service service = { BGPD_INIT(struct bgpd_service),
		.name = "a/new", .addresses = &longer[0].known,
		.address_count = 2, .address_size = sizeof(longer[0]) };
	unsigned i;

	memset(longer, 0xff, sizeof(longer));
	for (i = 0; i < 2; i++)
		longer[i].known =
		    (struct bgpd_address){ BGPD_ABI, sizeof(longer[0]),
			    .address = { 4, { 192, 0, 2, (uint8_t)(9 + i) } },
			    .protocol = "bgp", .phase = BGPD_CARRIED, .here = 1,
			    .routes = &route, .route_count = 1,
			    .route_size = sizeof(route) };
	announce_offer(w->source, &service);
	assert_non_null(route_of(w, "192.0.2.9/32"));
	assert_non_null(route_of(w, "192.0.2.10/32"));
	/* What the older one does not know reads as zero. */
	route.size = offsetof(struct bgpd_route, communities);
	route.communities = (const uint32_t *)1;
	route.community_count = 7;
	announce_offer(w->source, &service);
	assert_null(route_of(w, "192.0.2.9/32")->communities);
}

/* A route that is meant for some is not told to all. */
static void
test_route_for_some_is_told_to_none(void **state)
{
	struct world *w = *state;
	struct bgpd_addr neighbor = { 4, { 10, 0, 0, 1 } };
	struct bgpd_route route = { BGPD_INIT(struct bgpd_route),
		.prefix_len = 32, .neighbors = &neighbor, .neighbor_count = 1 };
	struct bgpd_address address = { BGPD_INIT(struct bgpd_address),
		.address = { 4, { 192, 0, 2, 1 } }, .protocol = "bgp",
		.phase = BGPD_CARRIED, .here = 1, .routes = &route,
		.route_count = 1, .route_size = sizeof(route) };
	struct bgpd_service service = { BGPD_INIT(struct bgpd_service),
		.name = "a/web", .addresses = &address, .address_count = 1,
		.address_size = sizeof(address) };

	announce_offer(w->source, &service);
	assert_null(route_of(w, "192.0.2.1/32"));
	route.neighbor_count = 0;
	announce_offer(w->source, &service);
	assert_non_null(route_of(w, "192.0.2.1/32"));
}

/* Offers that no guest may make are dropped, and nothing else with them. */
static void
test_bad_offers(void **state)
{
	struct world *w = *state;
	struct bgpd_service nameless = { BGPD_INIT(struct bgpd_service),
		.name = NULL };
	struct bgpd_address address = { BGPD_INIT(struct bgpd_address),
		.protocol = NULL };
	struct bgpd_service odd = { BGPD_INIT(struct bgpd_service),
		.name = "a/odd", .addresses = &address, .address_count = 1,
		.address_size = sizeof(address) };

	offer(w, "a/web", &(struct ask){ 1, 32, 0, 0, NULL, false }, 1);
	announce_offer(w->source, &nameless);
	announce_offer(w->source, &odd);
	address.protocol = "bgp";
	announce_offer(w->source, &odd);
	assert_non_null(route_of(w, "192.0.2.1/32"));
}

/* Backends ------------------------------------------------------------------------ */

struct seen {
	unsigned carries, drops, members;
	uint32_t services;
	uint8_t here;
};

static void
on_carry_call(void *arg, const struct bgpd_address *address, const char *group,
    uint32_t services)
{
	struct seen *seen = arg;

	(void)group;
	seen->carries++;
	seen->services = services;
	seen->here = address->here;
}

static void
on_drop_call(void *arg, const struct bgpd_addr *address)
{
	(void)address;
	((struct seen *)arg)->drops++;
}

static void
on_members_call(void *arg, const struct bgpd_membership *membership)
{
	((struct seen *)arg)->members += membership->member_count;
}

static const struct bgpd_backend backend_ops = { BGPD_INIT(struct bgpd_backend),
	"layer2", on_carry_call, on_drop_call, on_members_call };

static void
test_backend_carries_once(void **state)
{
	struct world *w = *state;
	struct seen seen = { 0 };
	struct announce_backend *backend;
	struct bgpd_member member = { BGPD_INIT(struct bgpd_member),
		.node = "node" };
	struct bgpd_membership members = { BGPD_INIT(struct bgpd_membership),
		.self = "node", .members = &member, .member_count = 1,
		.member_size = sizeof(member) };

	/* What was offered before it came is given to it. */
	offer(w, "a/one", &(struct ask){ 1, 32, 0, 0, "layer2", false }, 1);
	announce_members(w->source, &members);
	backend = announce_backend_new(w->announce, &backend_ops, &seen);
	assert_non_null(backend);
	assert_int_equal(seen.carries, 1);
	assert_int_equal(seen.members, 1);
	assert_null(announce_backend_new(w->announce, &backend_ops, &seen));
	offer(w, "a/two", &(struct ask){ 1, 32, 0, 0, "layer2", false }, 1);
	assert_int_equal(seen.services, 2);
	announce_retract(w->source, "a/one");
	assert_int_equal(seen.services, 1);
	assert_int_equal(seen.drops, 0);
	announce_retract(w->source, "a/two");
	assert_int_equal(seen.drops, 1);
	assert_null(route_of(w, "192.0.2.1/32"));
	/* It hears of an address that others are to carry. */
	offer(w, "a/far", &(struct ask){ 3, 32, 0, 0, "layer2", true }, 1);
	assert_int_equal(seen.here, 0);
	/* Its guest has stopped: it hears nothing any more. */
	announce_backend_free(backend);
	assert_int_equal(seen.drops, 1);
}

/* network lines ---------------------------------------------------------------------- */

static unsigned changes;

static void
on_best(void *arg, enum family family, const struct prefix *prefix,
    const struct rib_path_view *old, const struct rib_path_view *new)
{
	(void)arg;
	(void)family;
	(void)prefix;
	(void)old;
	(void)new;
	changes++;
}

/* The call takes an array and its references. */
static void
set_networks(
    struct world *w, const struct announce_network *lines, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		rib_attr_ref(lines[i].attr);
	announce_set_networks(w->announce,
	    count > 0 ? mem_copy(lines, count * sizeof(*lines)) : NULL, count);
}

static void
test_networks_touch_what_differs(void **state)
{
	struct world *w = *state;
	struct rib_watcher watcher = { .on_best = on_best };
	struct announce_network lines[3];
	struct attr attr = { .present =
				 1u << ATTR_ORIGIN | 1u << ATTR_AS_PATH };
	struct rib_attr *plain = rib_attr_intern(w->rib, &attr), *other;
	struct rib_stats stats;
	unsigned i;

	memset(lines, 0, sizeof(lines));
	for (i = 0; i < 3; i++) {
		lines[i].prefix.family = AF_INET;
		lines[i].prefix.len = 8;
		lines[i].prefix.bytes[0] = (uint8_t)(12 - i);
		lines[i].attr = plain;
	}
	rib_watch(w->rib, &watcher);
	changes = 0;
	set_networks(w, lines, 3);
	assert_int_equal(changes, 3);
	set_networks(w, lines, 3);
	assert_int_equal(changes, 3);
	attr.med = 5;
	attr.present |= 1u << ATTR_MED;
	lines[1].attr = other = rib_attr_intern(w->rib, &attr);
	set_networks(w, lines, 2);
	assert_int_equal(changes, 5);
	set_networks(w, NULL, 0);
	rib_attr_unref(w->rib, plain);
	rib_attr_unref(w->rib, other);
	rib_stats(w->rib, &stats);
	assert_int_equal(stats.prefixes[FAMILY_IPV4], 0);
	assert_int_equal(stats.attrs, 0);
	rib_unwatch(w->rib, &watcher);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_offer_becomes_a_route),
		TEST(test_not_here_is_no_route),
		TEST(test_shared_address_stays_until_the_last),
		TEST(test_aggregated_prefix_counts_its_askers),
		TEST(test_doubled_address),
		TEST(test_resync_retracts_what_was_not_offered),
		TEST(test_sizes_of_other_versions),
		TEST(test_route_for_some_is_told_to_none),
		TEST(test_bad_offers),
		TEST(test_backend_carries_once),
		TEST(test_networks_touch_what_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
