/* SPDX-License-Identifier: ISC */
/* The pages, and what they say of neighbors, routes, services and the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "announce/announce.h"
#include "net/net.h"
#include "peer/peer.h"
#include "rib/rib.h"
#include "web/web.h"

static const char *why_not;

static void
add_metrics(struct exposition *e)
{
	static const struct exposition_family guest = { BGPD_GAUGE,
		"a_guests_metric", "It is there" };

	exposition_add(e, &guest, "", 42);
}

static void
add_reasons(struct text *lines)
{
	if (why_not != NULL)
		text_add(lines, "%s\n", why_not);
}

struct scene {
	struct web_house house;
	struct rib *rib;
	struct peers *peers;
	struct announce *announce;
	struct web *web;
	struct text body;
	const char *type;
};

static int
setup(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	s.house.loop = loop_new();
	s.house.rib = s.rib = rib_new();
	s.house.peers = s.peers = peers_new(s.house.loop, s.rib);
	s.house.announce = s.announce = announce_new(s.rib);
	s.house.add_metrics = add_metrics;
	s.house.add_reasons = add_reasons;
	s.web = web_new(&s.house);
	*state = &s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	web_free(s->web);
	peers_free(s->peers);
	announce_free(s->announce);
	rib_free(s->rib);
	loop_free(s->house.loop);
	text_free(&s->body);
	return 0;
}

static const char *
page(struct scene *s, const char *path, unsigned status)
{
	text_clear(&s->body);
	assert_int_equal(web_page(s->web, path, &s->body, &s->type), status);
	return text_str(&s->body);
}

static void
health_and_readiness(void **state)
{
	struct scene *s = *state;

	assert_string_equal(page(s, "/healthz", 200), "ok\n");
	assert_string_equal(page(s, "/readyz", 200), "ok\n");
	why_not = "plugin x: its source is not there";
	assert_string_equal(
	    page(s, "/readyz", 503), "plugin x: its source is not there\n");
	assert_string_equal(page(s, "/healthz", 200), "ok\n");
	why_not = NULL;
	assert_non_null(strstr(page(s, "/", 404), "/metrics"));
	page(s, "/metrics/", 404);
	page(s, "", 404);
	page(s, "/%6detrics", 404);
}

static void
metrics(void **state)
{
	struct scene *s = *state;
	const char *text = page(s, "/metrics", 200);

	assert_string_equal(
	    s->type, "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(
	    strstr(text, "# TYPE a_guests_metric gauge\na_guests_metric 42\n"));
	assert_non_null(
	    strstr(text, "\nbgpd_info{version=\"" PACKAGE_VERSION "\"} 1\n"));
	assert_non_null(
	    strstr(text, "\nbgpd_rib_prefixes{family=\"ipv4 unicast\"} 0\n"));
	assert_non_null(strstr(text, "\nbgpd_loop_turns_total 0\n"));
	assert_non_null(strstr(text, "\nprocess_resident_memory_bytes "));
	assert_null(strstr(text, "bgpd_neighbor_up"));
}

static void
offer(struct announce_source *source, const char *name, unsigned addresses,
    bool here)
{
	const struct bgpd_route route = { BGPD_INIT(struct bgpd_route),
		.prefix_len = 32 };
	struct bgpd_address all[2];
	struct bgpd_service service = { BGPD_INIT(struct bgpd_service),
		.name = name, .addresses = all, .address_count = addresses,
		.address_size = sizeof(all[0]) };
	unsigned i;

	for (i = 0; i < addresses; i++)
		all[i] = (struct bgpd_address){ BGPD_INIT(struct bgpd_address),
			.address = { 4, { 192, 0, 2, (uint8_t)(*name + i) } },
			.protocol = "bgp", .phase = BGPD_CARRIED, .here = here,
			.routes = &route, .route_count = 1,
			.route_size = sizeof(route) };
	announce_offer(source, &service);
}

/* Counts are kept at each change, never made anew. */
static void
services(void **state)
{
	const struct bgpd_source ops = { BGPD_INIT(struct bgpd_source),
		.name = "test" };
	struct scene *s = *state;
	struct announce_source *source =
	    announce_source_new(s->announce, "test", &ops, NULL);
	const char *text;

	offer(source, "a", 2, true);
	offer(source, "c", 1, true);
	offer(source, "e", 1, false);
	offer(source, "g", 0, false);
	text = page(s, "/metrics", 200);
	assert_non_null(strstr(text,
	    "bgpd_services{source=\"test\",state=\"announced\"} 2\n"
	    "bgpd_services{source=\"test\",state=\"elsewhere\"} 1\n"
	    "bgpd_services{source=\"test\",state=\"waiting\"} 1\n"));
	assert_non_null(
	    strstr(text, "bgpd_rib_prefixes{family=\"ipv4 unicast\"} 3\n"));
	assert_int_equal(announce_source_prefixes(source, FAMILY_IPV4), 3);
	assert_int_equal(announce_source_prefixes(source, FAMILY_IPV6), 0);

	offer(source, "a", 1, false);
	announce_retract(source, "c");
	announce_begin(source);
	offer(source, "a", 1, false);
	offer(source, "e", 1, true);
	announce_end(source);
	text = page(s, "/metrics", 200);
	assert_non_null(strstr(text,
	    "bgpd_services{source=\"test\",state=\"announced\"} 1\n"
	    "bgpd_services{source=\"test\",state=\"elsewhere\"} 1\n"
	    "bgpd_services{source=\"test\",state=\"waiting\"} 0\n"));
	announce_source_free(source);
	text = page(s, "/metrics", 200);
	assert_null(strstr(text, "bgpd_services"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(health_and_readiness),
		CASE(metrics),
		CASE(services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
