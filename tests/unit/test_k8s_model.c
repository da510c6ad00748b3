/* SPDX-License-Identifier: ISC */
/* Daemons and a server by chance: no address twice, none early, none forgotten. */

/*
 * The rooms between the watch and the writes, real ones, several times over
 * beside one model of a server: Services come, go and change, one and many, the
 * Lease moves, calls get lost, others write statuses, daemons start again. What
 * may never be is looked at as it happens, by the models. Now and then all is
 * calm: then everything has come to rest, everybody says the same, and who has
 * no address is one for whom none is free. FAKE_VERBOSE=1 tells the story.
 */

#include "model_run.h"

/* What the test does ------------------------------------------------------------- */

static void
slot_roll(struct slot *s)
{
	static const char *const pools[] = { NULL, NULL, NULL, NULL, NULL, NULL,
		"a", "b" };
	static const char *const keys[] = { NULL, NULL, NULL, NULL, "k", "l" };

	s->pool = pools[roll(8)];
	s->sharing = keys[roll(6)];
	s->wanted[0] = '\0';
	if (roll(6) == 0)
		snprintf(s->wanted, sizeof(s->wanted), "10.0.0.%u",
		    roll(POOL_A + POOL_B + 2));
	s->port = 80 + roll(4);
	s->dual = roll(5) == 0;
	s->both = s->dual && roll(3) == 0;
	s->said.claims |= slot_claim(s);
}

static void
slot_change(struct slot *s)
{
	if (!s->exists)
		return;
	slot_roll(s);
	slot_touch(s);
}

static void
slot_make(struct slot *s)
{
	unsigned k;

	if (s->exists)
		return;
	s->exists = true;
	s->generation++;
	server_created += roll(3) == 0; /* some are of one second */
	s->created = server_created;
	for (k = 0; k < 2; k++) {
		if (!slot_is_recent(s))
			s->told_before[k] = 0;
		s->told_before[k] |= s->told[k];
		s->told[k] = 0;
	}
	s->born_ms = fake_ms;
	slot_roll(s);
	slot_touch(s);
	slot_tell_slice(s);
}

static void
slot_delete(struct slot *s)
{
	if (!s->exists)
		return;
	s->exists = false;
	free(s->status);
	s->status = NULL;
	memset(&s->said, 0, sizeof(s->said));
	slot_touch(s);
	slot_tell_slice(s);
}

static void
slot_make_again(struct slot *s)
{
	slot_delete(s);
	slot_make(s);
}

/* Its metadata, of which nothing matters. */
static void
slot_brush(struct slot *s)
{
	int64_t changed_ms = s->changed_ms;

	if (!s->exists)
		return;
	slot_touch(s);
	s->changed_ms = changed_ms;
}

static void
slot_slice(struct slot *s)
{
	if (s->exists)
		slot_tell_slice(s);
}

/* Somebody else writes its status. */
static void
slot_foreign(struct slot *s)
{
	static const char *const words[] = {
		"{}",
		"{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"x\"}]}}",
		"{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.0.0.5\"}]}}",
	};
	struct json_object *status;

	if (!weather.foreign || !s->exists)
		return;
	server_upset_ms = fake_ms;
	status = json_tokener_parse(words[roll(3)]);
	slot_write(s, status, true);
	json_object_put(status);
}

static void
any_config(struct slot *s)
{
	unsigned i;

	(void)s;
	if (!weather.configs || roll(6) != 0)
		return;
	server_upset_ms = fake_ms;
	config_now = roll(CONFIGS);
	for (i = 0; i < weather.daemons; i++)
		config_tell(&watches[i]);
}

static void
any_restart(struct slot *s)
{
	struct daemon *d = &daemons[roll(weather.daemons)];

	(void)s;
	if (!weather.restarts || roll(10) != 0)
		return;
	model_say("n%d starts again\n", (int)(d - daemons));
	daemon_stop(d);
	daemon_start(d);
}

static void
any_node(struct slot *s)
{
	unsigned i, number = roll(DAEMONS);

	(void)s;
	for (i = 0; i < weather.daemons && number != 0; i++)
		node_tell(&watches[i], number);
}

/* Of one that leads, or is going to. */
static void
any_hang(struct slot *s)
{
	int64_t until_ms = fake_ms + roll(10000);
	struct daemon *leader = lease_leader();

	(void)s;
	if (!weather.hangs || roll(3) != 0)
		return;
	if (leader != NULL && roll(2))
		lease_lose(leader);
	watches[roll(weather.daemons)].last_ms = until_ms;
	if (server_behind_ms < until_ms)
		server_behind_ms = until_ms;
	server_upset_ms = server_behind_ms;
	model_say("a watch hangs until %lld\n", (long long)until_ms);
}

/* Half of those that are there go, or a third changes, or all come. */
static void
any_mass(struct slot *s)
{
	static void (*const what[])(struct slot *) = { slot_delete, slot_change,
		slot_make, slot_make_again };
	unsigned kind = roll(4);

	if (!weather.mass || roll(5) != 0)
		return;
	for (s = slots; s < slots + SLOTS; s++) {
		if (kind == 2 || roll(2))
			what[kind](s);
	}
}

static void (*const deeds[])(struct slot *) = { slot_make, slot_make,
	slot_delete, slot_make_again, slot_change, slot_change, slot_brush,
	slot_slice, slot_foreign, any_config, any_restart, any_node, any_mass,
	any_hang };
#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

/* Time --------------------------------------------------------------------------- */

static void
live(int64_t ms)
{
	int64_t until_ms = fake_ms + ms;

	while (fake_ms < until_ms) {
		if (roll(20) == 0)
			deeds[roll(DEEDS)](&slots[roll(SLOTS)]);
		step(1);
	}
}

/* At rest ------------------------------------------------------------------------ */

/* The leader has decided it, its status says it, and everybody carries it. */
static void
check_agreed(const struct slot *s)
{
	const struct carried *carried;
	struct bgpd_addr held[8];
	struct service *service;
	struct daemon *d;
	char name[16];
	size_t n;

	snprintf(name, sizeof(name), "d/s%d", slot_number(s));
	d = lease_leader();
	service = cluster_find(d->cluster, name);
	n = alloc_addresses(d->cluster->alloc, name, held, 8);
	if ((service != NULL) != s->exists)
		model_fault("s%d: is %d, is known %d\n", slot_number(s),
		    s->exists, service != NULL);
	if (n != s->said.count ||
	    (service != NULL && service->address_count != n))
		model_fault("s%d: its status says %u, decided %d, held %zu\n",
		    slot_number(s), s->said.count,
		    service == NULL ? -1 : service->address_count, n);
	for (d = daemons; d < daemons + weather.daemons; d++) {
		carried = &d->carried[slot_number(s)];
		for (n = 0; n < carried->count; n++) {
			if (!said_has(&s->said, &carried->addresses[n]))
				break;
		}
		if (carried->count != s->said.count || n != s->said.count)
			model_fault("s%d: n%d carries %u, the status says %u\n",
			    slot_number(s), (int)(d - daemons), carried->count,
			    s->said.count);
	}
}

static bool
place_is_taken(uint8_t family, unsigned place)
{
	const struct slot *s;
	uint8_t i;

	for (s = slots; s < slots + SLOTS; s++) {
		for (i = 0; s->exists && i < s->said.count; i++) {
			if (s->said.addresses[i].family == family &&
			    addr_place(&s->said.addresses[i]) == place)
				return true;
		}
	}
	return false;
}

static bool
range_is_taken(uint8_t family, unsigned first, unsigned count)
{
	unsigned i;

	for (i = first; i < first + count; i++) {
		if (!place_is_taken(family, i))
			return false;
	}
	return true;
}

/* Is there none for it but what it would have to share? */
static bool
slot_must_wait(const struct slot *s)
{
	bool in_a = s->pool == NULL || strcmp(s->pool, "a") == 0;
	bool in_b = s->pool == NULL || strcmp(s->pool, "b") == 0;
	unsigned place;

	if (s->both && s->wanted[0] != '\0')
		return true; /* for one alone */
	if (s->both)
		return !in_a || range_is_taken(4, 0, POOL_A) ||
		       range_is_taken(6, 0, POOL_A);
	if (s->wanted[0] != '\0') {
		place = (unsigned)strtoul(s->wanted + 7, NULL, 10);
		return place >= POOL_A + POOL_B || place_is_taken(4, place);
	}
	return (!in_a || range_is_taken(4, 0, POOL_A)) &&
	       (!in_b || range_is_taken(4, POOL_A, POOL_B)) &&
	       (!in_a || !s->dual || range_is_taken(6, 0, POOL_A));
}

static void
check_all(void)
{
	struct slot *s;
	uint8_t i;

	assert_non_null(lease_leader());
	for (s = slots; s < slots + SLOTS; s++) {
		/* From here on what others wrote is ours as well. */
		s->said.claims = s->exists ? slot_claim(s) : 0;
		s->said.foreign = false;
	}
	for (s = slots; s < slots + SLOTS; s++) {
		check_agreed(s);
		if (!s->exists)
			continue;
		for (i = 0; i < s->said.count; i++)
			slot_check_one(s, &s->said.addresses[i]);
		if (s->said.count == 0 && !slot_must_wait(s))
			model_fault(
			    "s%d waits for what is free\n", slot_number(s));
	}
}

static void
calm(void)
{
	struct weather saved = weather;
	unsigned i, patches;

	weather.faults = 0;
	weather.leases = false;
	config_now = 0;
	server_upset_ms = fake_ms;
	for (i = 0; i < weather.daemons; i++)
		config_tell(&watches[i]);
	wait_for(200000); /* another reason alone is written late */
	patches = server_patches;
	wait_for(40000);
	if (patches != server_patches)
		model_fault("%u patches, and nothing has changed\n",
		    server_patches - patches);
	check_all();
	weather = saved;
}

/* Without Services nothing is held. */
static void
empty(void)
{
	const struct cluster *c;
	struct slot *s;
	unsigned i;
	size_t k;

	for (s = slots; s < slots + SLOTS; s++)
		slot_delete(s);
	calm();
	for (i = 0; i < weather.daemons; i++) {
		c = daemons[i].cluster;
		for (k = 0; k < c->config->pool_count; k++)
			assert_int_equal(
			    alloc_in_use(c->alloc, &c->config->pools[k]), 0);
	}
}

/* Runs --------------------------------------------------------------------------- */

static void
begin(const struct weather *row)
{
	unsigned i;

	model_begin(row);
	for (i = 0; i < SLOTS; i += 1 + roll(3))
		slot_make(&slots[i]);
	for (i = 0; i < row->daemons; i++)
		daemon_start(&daemons[i]);
}

static void
run(const struct weather *row)
{
	unsigned i;

	begin(row);
	for (i = 0; i < 2; i++) {
		live(20000);
		calm();
	}
	assert_true(server_patches > SLOTS);
	empty();
	model_end();
}

/* $MODEL_SEEDS: as many of each, to look for more. */
static void
test_model(void **state)
{
	static const struct weather rows[] = {
		{ .name = "fine", .daemons = 1 },
		{ .name = "faults", .daemons = 1, .faults = 12 },
		{ .name = "leases",
		    .daemons = 2,
		    .faults = 12,
		    .leases = true },
		{ .name = "mass",
		    .daemons = 2,
		    .faults = 12,
		    .leases = true,
		    .mass = true },
		{ .name = "configs",
		    .daemons = 2,
		    .faults = 12,
		    .configs = true },
		{ .name = "restarts",
		    .daemons = 2,
		    .faults = 12,
		    .leases = true,
		    .restarts = true },
		{ .name = "foreign",
		    .daemons = 2,
		    .faults = 12,
		    .foreign = true },
		{ .name = "hangs",
		    .daemons = 2,
		    .faults = 12,
		    .leases = true,
		    .hangs = true },
		{ .name = "all",
		    .daemons = 3,
		    .faults = 12,
		    .leases = true,
		    .configs = true,
		    .restarts = true,
		    .foreign = true,
		    .mass = true },
	};
	const char *first = getenv("MODEL_SEED"), *more = getenv("MODEL_SEEDS");
	const char *only = getenv("MODEL_ROW");
	unsigned n = more == NULL ? 2 : (unsigned)atoi(more);
	struct weather row;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (only != NULL && strcmp(only, rows[i].name) != 0)
			continue;
		row = rows[i];
		row.seed = first == NULL ? 0 : strtoul(first, NULL, 10);
		for (k = 0; k < n; k++, row.seed++)
			run(&row);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
