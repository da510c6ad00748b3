/* SPDX-License-Identifier: ISC */
/* The plugin l2, loaded as bgpd loads it, with a cable that it may use. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>

#include "fake_host.h"
#include "l2_cable.h"
#include "l2_rows.h"

#include "../../plugins/l2/l2.h"
#include "../../plugins/l2/owner_inside.h"

static struct bgpd_host host; /* the fake one, with what is below */
static void *l2;

/* BFD of the host: what is watched, and who hears of it. */
struct bgpd_bfd {
	struct bgpd_bfd *next;
	struct bgpd_addr peer, local;
	char interface[16];
	uint32_t interval_us;
	void (*on_state)(void *, int, const char *);
	void *arg;
};
static struct bgpd_bfd *watched;

static struct bgpd_bfd *
bfd_new(struct bgpd_self *self, const struct bgpd_bfd_options *options,
    void (*on_state)(void *, int, const char *), void *arg)
{
	struct bgpd_bfd *b = calloc(1, sizeof(*b));

	(void)self;
	b->peer = options->peer;
	b->local = options->local;
	if (options->interface != NULL)
		snprintf(b->interface, sizeof(b->interface), "%s",
		    options->interface);
	b->interval_us = options->interval_us;
	b->on_state = on_state;
	b->arg = arg;
	b->next = watched;
	watched = b;
	return b;
}

static void
bfd_free(struct bgpd_bfd *bfd)
{
	struct bgpd_bfd **at = &watched;

	while (*at != bfd)
		at = &(*at)->next;
	*at = bfd->next;
	free(bfd);
}

static int64_t
bfd_heard_us(struct bgpd_bfd *bfd)
{
	(void)bfd;
	return INT64_MIN;
}

static bool restarting;
static unsigned ready_count;

static int
is_restarting(struct bgpd_self *self)
{
	(void)self;
	return restarting;
}

static void
ready_to_stop(struct bgpd_self *self)
{
	(void)self;
	ready_count++;
}

/* What sources do -------------------------------------------------------------- */

static struct bgpd_address
address_of(uint8_t third, uint8_t last)
{
	struct bgpd_address a = { .abi = BGPD_ABI,
		.size = sizeof(a),
		.address = { 4, { 192, 0, third, last } },
		.protocol = "layer2",
		.phase = BGPD_CARRIED,
		.here = 1 };

	return a;
}

static const struct bgpd_addr here = { 4, { 192, 0, 2, 10 } };
static const struct bgpd_addr beside = { 4, { 192, 0, 2, 11 } };
static const struct bgpd_addr afar = { 4, { 198, 51, 100, 2 } };

/* self and b, perhaps c, are the nodes; b has that address, or none. */
static void
tell_members(const char *self, const struct bgpd_addr *b, const char *c)
{
	struct bgpd_member members[] = {
		{ BGPD_INIT(struct bgpd_member), self, &here, 1, 0, 2 },
		{ BGPD_INIT(struct bgpd_member), "b", b, b != NULL, 0, 2 },
		{ BGPD_INIT(struct bgpd_member), c, NULL, 0, 0, 2 },
	};
	struct bgpd_membership m = { BGPD_INIT(struct bgpd_membership), self,
		members, c == NULL ? 2 : 3, sizeof(members[0]), NULL, 0 };

	fake_backend->on_members(l2, &m);
}

static const char *
shown(const char *what, const char *value)
{
	static struct bgpd_out out;
	const char *const values[] = { value, NULL };
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line), 0, NULL, 0,
		values, value != NULL };
	uint32_t i;

	for (i = 0; i < plugin->row_count; i++)
		if (strcmp(plugin->rows[i].syntax, what) == 0)
			line.id = plugin->rows[i].id;
	memset(&out, 0, sizeof(out));
	out.json = true;
	assert_int_equal(plugin->run(l2, &line, &out), 0);
	return out.text;
}

/* What is made of the node b. */
static const char *
verdict(void)
{
	static char word[32];
	const char *at = strstr(shown("show l2 nodes", NULL), "b: {");

	assert_non_null(at);
	assert_int_equal(sscanf(at, "b: { verdict=%31[^=]", word), 1);
	return word;
}

static bool
b_is(const char *what)
{
	return strncmp(verdict(), what, strlen(what)) == 0;
}

static void
say_lines(const struct bgpd_line *lines, uint32_t count)
{
	plugin->configure(l2, lines, count, sizeof(lines[0]));
}

static int
start(void **unused)
{
	(void)unused;
	host = fake_host;
	host.bfd_new = bfd_new;
	host.bfd_free = bfd_free;
	host.bfd_heard_us = bfd_heard_us;
	host.is_restarting = is_restarting;
	host.ready_to_stop = ready_to_stop;
	restarting = false;
	ready_count = 0;
	fake_forget();
	fake_carried[0] = '\0';
	return plugin->start(&host, NULL, &l2);
}

static int
stop(void **unused)
{
	(void)unused;
	plugin->stop(l2);
	return watched != NULL;
}

static void
test_backend(void **unused)
{
	static struct bgpd_out text;
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line),
		row_id("show l2"), NULL, 0, NULL, 0 };
	struct bgpd_address a = address_of(2, 240);

	(void)unused;
	assert_string_equal(fake_backend->protocol, "layer2");
	fake_backend->carry(l2, &a, "default/web", 1);
	fake_until(strcmp(fake_carried, "waiting") == 0);
	/* No source names nodes: it is alone, and the address is free. */
	fake_until(strcmp(fake_carried, "probing") == 0);
	fake_until(strcmp(fake_carried, "owner") == 0);
	assert_int_equal(plugin->run(l2, &line, &text), 0);
	assert_non_null(strstr(text.text, "192.0.2.240"));
	assert_non_null(strstr(text.text, "default/web"));
	assert_non_null(strstr(shown("show l2", NULL), "state=owner"));
	/* Who shares it later hears of it, too. */
	strcpy(fake_carried, "");
	fake_backend->carry(l2, &a, "default/web", 2);
	fake_until(strcmp(fake_carried, "owner") == 0);
	/* Nobody may carry it now. */
	a.here = 0;
	fake_backend->carry(l2, &a, "default/web", 2);
	fake_until(strcmp(fake_carried, "waiting") == 0);
	fake_backend->drop(l2, &a.address);
	fake_backend->drop(l2, &a.address);
	/* What was in use before is nobody's but ours, and not asked for. */
	a = address_of(2, 241);
	a.used = 1;
	fake_backend->carry(l2, &a, "default/old", 1);
	fake_until(strcmp(fake_carried, "owner") == 0);
	fake_backend->drop(l2, &a.address);
}

/* Beginning and end --------------------------------------------------------------- */

/* As the daemon does it where a source came before. */
static int
backend_with_offers(struct bgpd_self *self, const struct bgpd_backend *backend)
{
	struct bgpd_address a = address_of(2, 240);

	(void)self;
	fake_backend = backend;
	tell_members("a", &beside, NULL);
	backend->carry(l2, &a, "default/web", 1);
	return 0;
}

static void
test_offers_are_there_first(void **unused)
{
	(void)unused;
	plugin->stop(l2);
	host.backend = backend_with_offers;
	assert_int_equal(plugin->start(&host, NULL, &l2), 0);
	assert_non_null(strstr(shown("show l2", NULL), "192.0.2.240"));
	assert_true(b_is("waited for") || b_is("alive"));
}

static int
backend_of_another(struct bgpd_self *self, const struct bgpd_backend *backend)
{
	(void)self, (void)backend;
	return -1;
}

static void
test_another_backend(void **unused)
{
	void *other;

	(void)unused;
	host.backend = backend_of_another;
	assert_int_equal(plugin->start(&host, NULL, &other), -1);
}

/* What a source takes back meanwhile is answered until it is handed over. */
static void
test_leaving(void **unused)
{
	struct bgpd_address a = address_of(2, 240), more = address_of(2, 241);

	(void)unused;
	fake_backend->carry(l2, &a, "default/web", 1);
	fake_until(strcmp(fake_carried, "owner") == 0);
	plugin->on_stopping(l2);
	fake_backend->drop(l2, &a.address);
	fake_backend->carry(l2, &more, "default/web", 1);
	tell_members("a", &beside, NULL);
	assert_non_null(strstr(shown("show l2", NULL), "192.0.2.240"));
	assert_null(strstr(shown("show l2", NULL), "192.0.2.241"));
	fake_until(ready_count > 0);
}

/* Who has nobody to hand over to is not waited for. */
static void
test_leaving_alone(void **unused)
{
	struct bgpd_address a = address_of(2, 240);
	int64_t began;

	(void)unused;
	plugin->on_stopping(l2);
	assert_int_equal(ready_count, 1);
	stop(NULL);
	start(NULL);
	fake_backend->carry(l2, &a, "default/web", 1);
	fake_until(strcmp(fake_carried, "owner") == 0);
	began = fake_now_ms(NULL);
	plugin->on_stopping(l2);
	fake_until(ready_count == 1);
	assert_true(fake_now_ms(NULL) - began < 1000);
}

/* Nodes -------------------------------------------------------------------------- */

/* Where no source names candidates, a new node is one. */
static void
test_a_node_comes(void **unused)
{
	struct bgpd_address a = address_of(2, 240);

	(void)unused;
	tell_members("a", &beside, NULL);
	fake_backend->carry(l2, &a, "default/web", 1);
	assert_null(strstr(
	    shown("show l2 explain ADDR", "192.0.2.240"), "newcomer: {"));
	tell_members("a", &beside, "newcomer");
	assert_non_null(strstr(
	    shown("show l2 explain ADDR", "192.0.2.240"), "newcomer: {"));
}

static void
b_comes_up(void)
{
	tell_members("a", &beside, NULL);
	assert_non_null(watched);
	assert_string_equal(watched->interface, "eth0");
	/* As the others know us, whatever the kernel would choose. */
	assert_memory_equal(watched->local.bytes, here.bytes, 4);
	watched->on_state(watched->arg, BGPD_BFD_UP, "ok");
	fake_until(b_is("alive"));
}

static void
turn_for(int64_t ms)
{
	int64_t end = fake_now_ms(NULL) + ms;

	while (fake_now_ms(NULL) < end)
		fake_turn();
}

/* It does not have to die for that its life is known. */
static void
test_another_name(void **unused)
{
	(void)unused;
	b_comes_up();
	tell_members("z", &beside, NULL);
	/* Longer than one that was never heard is waited for. */
	turn_for(1500);
	assert_true(b_is("alive"));
}

static void
test_a_node_without_address(void **unused)
{
	(void)unused;
	b_comes_up();
	tell_members("a", NULL, NULL);
	assert_null(watched);
	fake_until(!b_is("alive"));
}

/* It goes down just when its session is asked for by other times. */
static void
test_other_times(void **unused)
{
	static const char *const values[] = { "100", "3" };
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line), row_id("bfd"),
		NULL, 0, values, 2 };

	(void)unused;
	b_comes_up();
	say_lines(&line, 1);
	assert_int_equal(watched->interval_us, 100000);
	assert_null(watched->next);
	watched->on_state(watched->arg, BGPD_BFD_DOWN, "expired");
	fake_until(!b_is("alive"));
}

/* This node's address of their subnet comes later than all else. */
static void
test_an_address_comes(void **unused)
{
	(void)unused;
	tell_members("a", &afar, NULL);
	assert_non_null(watched);
	assert_string_equal(watched->interface, "");
	cable_address("eth0:1", "198.51.100.1", "2001:db8:7::1");
	fake_until(strcmp(watched->interface, "eth0") == 0);
	assert_null(watched->next);
}

/* A member's address that says no link is none. */
static void
test_link_local(void **unused)
{
	static const struct bgpd_addr local = { 6, { 0xfe, 0x80, [15] = 7 } };

	(void)unused;
	tell_members("a", &local, NULL);
	assert_null(watched);
}

/* Who is next: as the owner half tells it. Has it joined? */
static bool
joins(const struct bgpd_addr *addr, bool next)
{
	const struct owners *owners = ((struct l2 *)l2)->owners;

	owners->calls.next(owners->arg, addr, next);
	return strstr(shown("show l2", NULL), "prejoined=true") != NULL;
}

static void
test_who_is_next(void **unused)
{
	struct bgpd_address a = address_of(2, 240);

	(void)unused;
	a.address = (struct bgpd_addr){ 6, { 0x20, 1, 0xd, 0xb8, [15] = 7 } };
	b_comes_up();
	fake_backend->carry(l2, &a, NULL, 1);
	assert_true(joins(&a.address, true));
	assert_false(joins(&a.address, false));
	assert_true(joins(&a.address, true));
	/* A new owner half has said nothing yet. */
	tell_members("z", &beside, NULL);
	assert_null(strstr(shown("show l2", NULL), "prejoined=true"));
	fake_backend->drop(l2, &a.address);
	assert_false(joins(&a.address, true));
}

/* Crowds ------------------------------------------------------------------------- */

static unsigned
count_of(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void
test_lines_are_few(void **unused)
{
	struct bgpd_address a;
	uint8_t i;

	(void)unused;
	for (i = 1; i <= 100; i++) {
		a = address_of(3, i);
		fake_backend->carry(l2, &a, NULL, 1);
	}
	fake_until(((struct l2 *)l2)->tally.taken == 100);
	assert_int_equal(count_of(shown("show l2", NULL), "state=owner"), 100);
	assert_int_equal(count_of(fake_log, ": taken"), 20);
}

/* A source that takes its address back as soon as it hears of it. */
static void
drop_it(struct bgpd_self *self, const struct bgpd_carry *carry)
{
	(void)self;
	fake_backend->drop(l2, &carry->address);
}

static void
test_a_source_answers(void **unused)
{
	struct bgpd_address a = address_of(2, 240), b = address_of(2, 241);

	(void)unused;
	host.carried = drop_it;
	fake_backend->carry(l2, &a, NULL, 1);
	fake_backend->carry(l2, &b, NULL, 1);
	fake_until(strstr(shown("show l2", NULL), "192.0.2.24") == NULL);
}

/* Where a source names the nodes, it is said. */
static void
test_consistent_is_told(void **unused)
{
	static const char *const partition[] = { "consistent" };
	static char names[70][8];
	struct bgpd_line line = { BGPD_INIT(struct bgpd_line),
		row_id("partition"), NULL, 0, partition, 1 };
	struct bgpd_member members[70];
	struct bgpd_membership m = { BGPD_INIT(struct bgpd_membership), "n0",
		members, 64, sizeof(members[0]), NULL, 0 };
	unsigned i;

	(void)unused;
	for (i = 0; i < 70; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u", i);
		members[i] =
		    (struct bgpd_member){ BGPD_INIT(struct bgpd_member),
			    names[i], NULL, 0, 0, 2 };
	}
	say_lines(&line, 1);
	fake_backend->on_members(l2, &m);
	assert_null(strstr(fake_log, "64 nodes at most"));
	m.member_count = 70;
	fake_backend->on_members(l2, &m);
	fake_backend->on_members(l2, &m);
	assert_int_equal(count_of(fake_log, "64 nodes at most"), 1);
	assert_non_null(strstr(shown("show l2", NULL), "tooManyNodes=true"));
}

/* The others tell before its source does: it tells what an address needs first. */
static void
test_a_late_source(void **unused)
{
	struct bgpd_address far = address_of(0, 240), near = address_of(2, 240);
	const struct member_segments *told;
	const struct owners *o;

	(void)unused;
	far.address.bytes[2] = 3;
	assert_int_equal(cable_veth("eth1", "far1"), 0);
	cable_set_up("eth1", true);
	cable_set_up("far1", true);
	cable_address("eth1", "192.0.3.10", "2001:db8:3::10");
	tell_members("a", &beside, NULL);
	turn_for(1200); /* an operstate may be late */
	o = ((struct l2 *)l2)->owners;
	told = &o->self->segments;
	o->calls.segments(o->arg, "b", NULL, 0);
	turn_for(100);
	assert_false(told->told);
	fake_backend->carry(l2, &far, NULL, 1);
	assert_true(told->told);
	assert_int_equal(told->count, 1);
	assert_int_equal(told->list[0].addr.bytes[2], 3);
	assert_int_equal(told->list[0].flags, 0);
	fake_backend->carry(l2, &near, NULL, 1);
	assert_int_equal(told->count, 2);
	fake_backend->drop(l2, &far.address);
	fake_backend->drop(l2, &near.address);
	cable_set_up("far1", false);
	fake_until((told->list[1].flags & SEGMENT_NO_LINK) != 0);
	assert_int_equal(told->count, 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_backend),
		TEST(test_offers_are_there_first),
		TEST(test_another_backend),
		TEST(test_leaving),
		TEST(test_leaving_alone),
		TEST(test_a_node_comes),
		TEST(test_another_name),
		TEST(test_a_node_without_address),
		TEST(test_other_times),
		TEST(test_an_address_comes),
		TEST(test_link_local),
		TEST(test_who_is_next),
		TEST(test_lines_are_few),
		TEST(test_a_source_answers),
		TEST(test_consistent_is_told),
		TEST(test_a_late_source),
	};
	void *handle = dlopen(L2_PLUGIN, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	plugin = dlsym(handle, "bgpd_plugin");
	/* Never on a segment of the machine that the test runs on. */
	if (!cable_open()) {
		print_message("skipped: no namespace of our own, or no veth\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
