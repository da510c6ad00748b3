/* SPDX-License-Identifier: ISC */
/* The allocator beside a plain model that scans everything. */

#include "claims.h"

/* Beside a model -------------------------------------------------------------------- */

#define SERVICES 12
#define PLACES	 128

static const char *const keys[] = { NULL, "", "k", "l" };
static const char *const backends[] = { NULL, "", "app=x" };
static const char *const names[] = { NULL, "a", "b", "c", "six", "nobody" };

enum noted { NOTED_NOT, NOTED_LEFT, NOTED_SAID };

/* What the model knows of an address: who holds it, with which ports. */
struct place {
	struct bgpd_addr addr;
	size_t pool;
	unsigned char ports[SERVICES]; /* bits; 0: does not have it */
	unsigned char noted[SERVICES]; /* it is barred by them: enum noted */
	const char *sharing, *backend;
};

struct model {
	const struct config *config;
	struct place places[PLACES];
	size_t count;
};

struct ask {
	struct alloc_claim claim;
	struct object_port ports[3];
	size_t service;
	unsigned char bits;
	char name[32];
};

static bool
place_is(const unsigned char *by, size_t but)
{
	size_t i;

	for (i = 0; i < SERVICES; i++) {
		if (i != but && by[i] != 0)
			return true;
	}
	return false;
}

static bool
place_is_held(const struct place *p)
{
	return place_is(p->ports, SERVICES) || place_is(p->noted, SERVICES);
}

static bool
model_is_buggy(
    const struct config *config, size_t pool, const struct bgpd_addr *addr)
{
	return config->pools[pool].avoid_buggy && addr->family == 4 &&
	       (addr->bytes[3] == 0 || addr->bytes[3] == 255);
}

static bool
model_fits(const struct model *m, const struct place *p, const struct ask *ask)
{
	size_t i;

	if (model_is_buggy(m->config, p->pool, &p->addr))
		return false;
	if (!ask->claim.told && place_is(p->noted, ask->service))
		return false;
	if (!place_is(p->ports, ask->service))
		return true;
	if (or_empty(ask->claim.sharing)[0] == '\0' ||
	    strcmp(or_empty(ask->claim.sharing), p->sharing) != 0 ||
	    strcmp(or_empty(ask->claim.backend), p->backend) != 0)
		return false;
	for (i = 0; i < SERVICES; i++) {
		if (i != ask->service && (p->ports[i] & 0x7f & ask->bits) != 0)
			return false;
	}
	return true;
}

static void
model_settle(struct place *p, const struct ask *ask)
{
	p->ports[ask->service] = 0x80 | ask->bits;
	p->noted[ask->service] = NOTED_NOT;
	p->sharing = or_empty(ask->claim.sharing);
	p->backend = or_empty(ask->claim.backend);
}

static struct place *
model_find(struct model *m, const struct bgpd_addr *addr)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		if (addr_same(&m->places[i].addr, addr))
			return &m->places[i];
	}
	return NULL;
}

/* Free, or shared already with the very same keys. */
static bool
model_may_get(const struct model *m, const struct place *p,
    const struct ask *ask, uint8_t family)
{
	const char *sharing = or_empty(ask->claim.sharing);

	if (p->addr.family != family || !model_fits(m, p, ask))
		return false;
	if (!place_is_held(p))
		return true;
	return sharing[0] != '\0' && strcmp(sharing, p->sharing) == 0 &&
	       strcmp(or_empty(ask->claim.backend), p->backend) == 0;
}

static struct place *
model_any(struct model *m, const struct ask *ask)
{
	const struct config_pool *pool;
	size_t i, k;
	uint8_t family;

	for (k = 0; k < m->config->pool_count; k++) {
		pool = &m->config->pools[k];
		if (ask->claim.pool != NULL
			? strcmp(pool->name, ask->claim.pool) != 0
			: !pool->auto_assign)
			continue;
		for (family = 4; family <= 6; family += 2) {
			if (ask->claim.family != 0 &&
			    ask->claim.family != family)
				continue;
			for (i = 0; i < m->count; i++) {
				if (m->places[i].pool == k &&
				    model_may_get(
					m, &m->places[i], ask, family))
					return &m->places[i];
			}
		}
	}
	return NULL;
}

static void
model_lay_out(struct model *m, const struct config *config)
{
	addr_number n;
	size_t i, j;

	memset(m, 0, sizeof(*m));
	m->config = config;
	for (i = 0; i < config->pool_count; i++) {
		for (j = 0; j < config->pools[i].cidr_count; j++) {
			const struct cidr *c = &config->pools[i].cidrs[j];
			for (n = c->first; n <= c->last; n++) {
				assert_true(m->count < PLACES);
				m->places[m->count].pool = i;
				m->places[m->count++].addr =
				    addr_from_number(c->family, n);
			}
		}
	}
}

/* False, and nothing has changed: somebody would lose an address. */
static bool
model_set(struct model *m, const struct config *config)
{
	static struct model next;
	struct place *p;
	size_t i;

	model_lay_out(&next, config);
	for (i = 0; i < m->count; i++) {
		if (!place_is_held(&m->places[i]))
			continue;
		p = model_find(&next, &m->places[i].addr);
		if (p == NULL || model_is_buggy(config, p->pool, &p->addr))
			return false;
		memcpy(p->ports, m->places[i].ports, sizeof(p->ports));
		memcpy(p->noted, m->places[i].noted, sizeof(p->noted));
		p->sharing = m->places[i].sharing;
		p->backend = m->places[i].backend;
	}
	*m = next;
	return true;
}

static void
model_release(struct model *m, size_t service, const struct bgpd_addr *addr)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		if (addr != NULL && !addr_same(addr, &m->places[i].addr))
			continue;
		m->places[i].ports[service] = 0;
		m->places[i].noted[service] = NOTED_NOT;
		if (!place_is_held(&m->places[i]))
			m->places[i].sharing = m->places[i].backend = "";
	}
}

static void
model_note(struct model *m, size_t service, struct place *p)
{
	if (model_is_buggy(m->config, p->pool, &p->addr))
		return;
	if (!place_is_held(p))
		p->sharing = p->backend = "";
	if (p->ports[service] != 0)
		p->noted[service] = NOTED_LEFT;
	else if (p->noted[service] == NOTED_NOT)
		p->noted[service] = NOTED_SAID;
	p->ports[service] = 0;
}

/* What a wake goes by is what a newcomer finds. */
static void
place_compare(const struct place *p, const struct alloc *alloc)
{
	bool is_given = place_is(p->ports, SERVICES);
	const char *sharing, *backend;
	bool room = alloc_room(alloc, &p->addr, &sharing, &backend);

	assert_true(alloc_is_used(alloc, &p->addr) == place_is_held(p));
	assert_true(room == !(place_is(p->noted, SERVICES) ||
				(is_given && p->sharing[0] == '\0')));
	if (room)
		assert_string_equal(sharing, is_given ? p->sharing : "");
}

static void
model_compare(const struct model *m, const struct alloc *alloc)
{
	size_t i, s, in_use[8] = { 0 };
	char name[32];

	for (i = 0; i < m->count; i++) {
		in_use[m->places[i].pool] += place_is_held(&m->places[i]);
		place_compare(&m->places[i], alloc);
		for (s = 0; s < SERVICES; s++) {
			snprintf(name, sizeof(name), "n/%zu", s);
			assert_true(
			    alloc_is_owner(alloc, name, &m->places[i].addr) ==
			    (m->places[i].ports[s] != 0 ||
				m->places[i].noted[s] == NOTED_LEFT));
		}
	}
	for (i = 0; i < m->config->pool_count; i++)
		assert_int_equal(
		    alloc_in_use(alloc, &m->config->pools[i]), in_use[i]);
}

static unsigned
dice(unsigned sides)
{
	static uint64_t seed = 20261124;

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(seed >> 33) % sides;
}

static void
ask_make(struct ask *ask)
{
	static const struct object_port ports[] = { { 80, PROTOCOL_TCP, 0 },
		{ 443, PROTOCOL_TCP, 0 }, { 443, PROTOCOL_UDP, 0 } };
	size_t i;

	memset(ask, 0, sizeof(*ask));
	ask->service = dice(SERVICES);
	snprintf(ask->name, sizeof(ask->name), "n/%zu", ask->service);
	ask->bits = (unsigned char)dice(8);
	for (i = 0; i < 3; i++) {
		if (ask->bits >> i & 1)
			ask->ports[ask->claim.port_count++] = ports[i];
	}
	ask->claim.service = ask->name;
	ask->claim.ports = ask->ports;
	ask->claim.sharing = keys[dice(4)];
	ask->claim.backend = backends[dice(3)];
	ask->claim.pool = names[dice(6)];
	ask->claim.family = (uint8_t[]){ 0, 4, 6 }[dice(3)];
}

static void
step_take(struct model *m, struct alloc *alloc, struct ask *ask)
{
	struct bgpd_addr addr = addr_must("10.0.9.9");
	struct place *p = NULL;
	bool fits;

	if (dice(10) > 0) {
		p = &m->places[dice((unsigned)m->count)];
		addr = p->addr;
	}
	ask->claim.told = dice(4) == 0;
	fits = p != NULL && model_fits(m, p, ask);
	assert_int_equal(alloc_take(alloc, &ask->claim, &addr), fits ? 0 : -1);
	if (fits)
		model_settle(p, ask);
}

static void
step_any(struct model *m, struct alloc *alloc, const struct ask *ask)
{
	struct place *p = model_any(m, ask);
	struct bgpd_addr addr;
	int rc = alloc_any(alloc, &ask->claim, &addr);

	assert_int_equal(rc, p == NULL ? -1 : 0);
	if (p == NULL)
		return;
	assert_true(addr_same(&addr, &p->addr));
	model_settle(p, ask);
}

static void
step_note(struct model *m, struct alloc *alloc, const struct ask *ask)
{
	struct place *p = &m->places[dice((unsigned)m->count)];

	alloc_note(alloc, ask->name, &p->addr);
	model_note(m, ask->service, p);
}

static void
step(struct model *m, struct alloc *alloc, struct config *const *configs)
{
	const struct config *config;
	struct bgpd_addr addr;
	struct ask ask;
	unsigned what = dice(40);

	ask_make(&ask);
	if (what == 0) {
		config = configs[dice(3)];
		assert_int_equal(alloc_set_pools(alloc, config),
		    model_set(m, config) ? 0 : -1);
	} else if (what < 12) {
		step_take(m, alloc, &ask);
	} else if (what < 26) {
		step_any(m, alloc, &ask);
	} else if (what < 29) {
		step_note(m, alloc, &ask);
	} else if (what < 34) {
		addr = m->places[dice((unsigned)m->count)].addr;
		alloc_release(alloc, ask.name, &addr);
		model_release(m, ask.service, &addr);
	} else {
		alloc_release(alloc, ask.name, NULL);
		model_release(m, ask.service, NULL);
	}
}

static void
test_beside_a_model(void **state)
{
	static const char *const texts[] = {
		POOL("a", "10.0.0.252-10.0.1.2", ", avoid-buggy-ips: true")
		    POOL("b", "10.0.2.0/30, '2001:db8::/126'", "")
			POOL("c", "10.0.3.6-10.0.3.9", ", auto-assign: off"),
		POOL("c", "10.0.0.248/29, 10.0.1.0/29", "")
		    POOL("a", "10.0.2.0/31, 10.0.3.0/28", "") POOL("six",
			"'2001:db8::/125'", "") POOL("b", "10.0.2.2/31", ""),
		POOL("b", "10.0.2.0/30, 10.0.0.252/30, 10.0.1.0/30", "") POOL(
		    "c", "10.0.3.6/31, '2001:db8::/127'", ", auto-assign: no"),
	};
	struct config *configs[3];
	static struct model model;
	struct alloc *alloc = alloc_new();
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		configs[i] = config_must(texts[i]);
	model_lay_out(&model, configs[0]);
	assert_int_equal(alloc_set_pools(alloc, configs[0]), 0);
	for (i = 0; i < 60000; i++) {
		step(&model, alloc, configs);
		if (i % 16 == 0)
			model_compare(&model, alloc);
	}
	alloc_free(alloc);
	for (i = 0; i < 3; i++)
		config_free(configs[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
