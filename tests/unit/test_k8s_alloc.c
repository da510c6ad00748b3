/* SPDX-License-Identifier: ISC */
/* The allocator: rules one by one, then random claims beside a plain model. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/pools.h"

#define POOL(name, addresses, more)                                            \
	"- {name: " name ", protocol: layer2, addresses: [" addresses "]" more \
	"}\n"

static const struct object_port http = { 80, PROTOCOL_TCP, 0 };
static const struct object_port https = { 443, PROTOCOL_TCP, 0 };
static const struct object_port http3 = { 443, PROTOCOL_UDP, 0 };

static struct config *
config_must(const char *pools)
{
	struct report report = { 0 };
	struct config *config;
	char text[2048];

	snprintf(text, sizeof(text), "address-pools:\n%s", pools);
	config = config_read(text, strlen(text), &report);
	if (config == NULL)
		print_error("%s", report.errors);
	assert_non_null(config);
	report_clear(&report);
	return config;
}

static struct bgpd_addr
addr_must(const char *text)
{
	struct bgpd_addr addr;

	assert_true(tree_addr(text, &addr));
	return addr;
}

static struct alloc_claim
claim_of(
    const char *service, const char *sharing, const struct object_port *port)
{
	return (struct alloc_claim){ .service = service,
		.sharing = sharing,
		.ports = port,
		.port_count = 1 };
}

static int
take(struct alloc *alloc, const struct alloc_claim *claim, const char *text)
{
	struct bgpd_addr addr = addr_must(text);

	return alloc_take(alloc, claim, &addr);
}

/* Gives the claim any address, which must be this one; NULL: none. */
#define any_must(alloc, claim, text) any_must_at(alloc, claim, text, __LINE__)

static void
any_must_at(struct alloc *alloc, const struct alloc_claim *claim,
    const char *text, int line)
{
	struct bgpd_addr addr;
	char out[ADDR_LEN] = "none";

	if (alloc_any(alloc, claim, &addr) == 0)
		addr_text(&addr, out);
	if (strcmp(out, text == NULL ? "none" : text) != 0)
		fail_msg("line %d: %s, not %s (%s)", line, out, text,
		    alloc_why(alloc));
}

#define why_must(alloc, words)                                                 \
	do {                                                                   \
		if (strstr(alloc_why(alloc), words) == NULL)                   \
			fail_msg("%s", alloc_why(alloc));                      \
	} while (0)

/* One pool set, one allocator -------------------------------------------------- */

static void
test_lowest_first(void **state)
{
	struct config *c = config_must(
	    POOL("b", "10.0.1.254-10.0.2.1", "") POOL("a", "10.0.0.0/31", ""));
	struct alloc *alloc = alloc_new();
	static const char *const order[] = { "10.0.1.254", "10.0.1.255",
		"10.0.2.0", "10.0.2.1", "10.0.0.0", "10.0.0.1" };
	struct alloc_claim claim;
	char name[16];
	size_t i;

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "n/%zu", i);
		claim = claim_of(name, NULL, &http);
		any_must(alloc, &claim, order[i]);
	}
	claim = claim_of("n/x", NULL, &http);
	any_must(alloc, &claim, NULL);
	why_must(alloc, "no available addresses");
	claim.pool = "a";
	any_must(alloc, &claim, NULL);
	why_must(alloc, "no available addresses in pool \"a\"");
	claim.pool = "z";
	any_must(alloc, &claim, NULL);
	why_must(alloc, "unknown pool \"z\"");
	assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 4);
	alloc_release(alloc, "n/4", NULL);
	alloc_release(alloc, "n/2", NULL);
	assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 3);
	claim.pool = NULL;
	any_must(alloc, &claim, "10.0.2.0");
	claim.service = "n/y";
	any_must(alloc, &claim, "10.0.0.0");
	alloc_free(alloc);
	config_free(c);
}

static void
test_buggy_are_left_out(void **state)
{
	struct config *c = config_must(
	    POOL("a", "10.0.1.253-10.0.2.2", ", avoid-buggy-ips: true")
		POOL("b", "10.1.0.255/32", ", avoid-buggy-ips: true"));
	struct alloc *alloc = alloc_new();
	struct alloc_claim claim = claim_of("n/a", NULL, &http);
	static const char *const order[] = { "10.0.1.253", "10.0.1.254",
		"10.0.2.1", "10.0.2.2", NULL };
	char name[16];
	size_t i;

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &claim, "10.0.1.255"), -1);
	why_must(alloc, "avoids .0 and .255");
	assert_int_equal(take(alloc, &claim, "10.0.2.0"), -1);
	assert_int_equal(take(alloc, &claim, "10.9.9.9"), -1);
	why_must(alloc, "\"10.9.9.9\" is not allowed in config");
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "n/%zu", i);
		claim.service = name;
		any_must(alloc, &claim, order[i]);
	}
	alloc_free(alloc);
	config_free(c);
}

static void
test_sharing(void **state)
{
	struct config *c = config_must(POOL("a", "10.0.0.0/29", ""));
	struct alloc *alloc = alloc_new();
	struct alloc_claim a = claim_of("n/a", "k", &http),
			   b = claim_of("n/b", "k", &https),
			   d = claim_of("n/d", NULL, &http3),
			   e = claim_of("n/e", "k", &http3);

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &a, "10.0.0.3"), 0);
	assert_int_equal(take(alloc, &d, "10.0.0.3"), -1);
	why_must(alloc, "10.0.0.3 is already in use by \"n/a\"");
	d.sharing = "other";
	assert_int_equal(take(alloc, &d, "10.0.0.3"), -1);
	why_must(alloc, "another allow-shared-ip (\"k\", not \"other\")");
	b.ports = &http;
	assert_int_equal(take(alloc, &b, "10.0.0.3"), -1);
	why_must(alloc, "port TCP/80 is already in use on 10.0.0.3 by \"n/a\"");
	b.ports = &https;
	assert_int_equal(take(alloc, &b, "10.0.0.3"), 0);
	assert_int_equal(take(alloc, &e, "10.0.0.3"), 0);
	assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 1);
	/* The last user may change the keys; while others are there none may. */
	a.sharing = "";
	assert_int_equal(take(alloc, &a, "10.0.0.3"), -1);
	alloc_release(alloc, "n/b", NULL);
	alloc_release(alloc, "n/e", NULL);
	assert_int_equal(take(alloc, &a, "10.0.0.3"), 0);
	assert_int_equal(take(alloc, &b, "10.0.0.3"), -1);
	alloc_free(alloc);
	config_free(c);
}

/* A claim anew that gives something up says so: others may fit now. */
static void
test_loosening(void **state)
{
	struct config *c = config_must(POOL("a", "10.0.0.0/30", ""));
	struct alloc *alloc = alloc_new();
	struct object_port ports[] = { http, https };
	struct alloc_claim a = claim_of("n/a", "k", ports);

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_false(alloc_loosened(alloc));
	a.port_count = 2;
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_false(alloc_loosened(alloc));
	a.port_count = 1;
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_true(alloc_loosened(alloc));
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_false(alloc_loosened(alloc));
	a.sharing = "l";
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	assert_true(alloc_loosened(alloc));
	assert_int_equal(take(alloc, &a, "10.9.9.9"), -1);
	assert_false(alloc_loosened(alloc));
	alloc_free(alloc);
	config_free(c);
}

/* Free or shareable, whichever is lower. */
static void
test_sharing_lowest(void **state)
{
	struct config *c = config_must(POOL("a", "10.0.0.0/30", ""));
	struct alloc *alloc = alloc_new();
	struct alloc_claim a = claim_of("n/a", "k", &http),
			   b = claim_of("n/b", "k", &https),
			   d = claim_of("n/d", "k", &http),
			   e = claim_of("n/e", "k", &http3);

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	assert_int_equal(take(alloc, &a, "10.0.0.1"), 0);
	any_must(alloc, &b, "10.0.0.0");
	any_must(alloc, &d, "10.0.0.0"); /* beside b */
	any_must(alloc, &e, "10.0.0.0");
	alloc_release(alloc, "n/d", NULL);
	e.backend = "app=x";
	e.service = "n/f";
	any_must(alloc, &e, "10.0.0.2"); /* another backend */
	d.ports = &https;
	any_must(alloc, &d, "10.0.0.1");
	alloc_free(alloc);
	config_free(c);
}

static void
test_two_families(void **state)
{
	struct config *c =
	    config_must(POOL("a", "'2001:db8::/127', 10.0.0.0/31", ""));
	struct alloc *alloc = alloc_new();
	struct alloc_claim claim = claim_of("n/a", NULL, &http);
	struct bgpd_addr addrs[2], out = addr_must("2001:db8::0");

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, c), 0);
	claim.family = 6;
	any_must(alloc, &claim, "2001:db8::");
	claim.family = 4;
	any_must(alloc, &claim, "10.0.0.0");
	assert_int_equal(alloc_addresses(alloc, "n/a", addrs, 2), 2);
	alloc_release(alloc, "n/a", &out);
	assert_int_equal(alloc_addresses(alloc, "n/a", addrs, 2), 1);
	assert_int_equal(addrs[0].family, 4);
	assert_false(alloc_is_owner(alloc, "n/a", &out));
	alloc_free(alloc);
	config_free(c);
}

static void
test_new_pools(void **state)
{
	struct config *a = config_must(POOL("a", "10.0.0.0/24", ""));
	struct config *b = config_must(
	    POOL("b", "10.0.0.128/25", "") POOL("c", "10.0.0.0/26", ""));
	struct config *d =
	    config_must(POOL("d", "10.0.0.0/24", ", avoid-buggy-ips: true"));
	struct alloc *alloc = alloc_new();
	struct alloc_claim x = claim_of("n/x", "k", &http),
			   y = claim_of("n/y", "k", &https);
	struct bgpd_addr addr = addr_must("10.0.0.70");

	(void)state;
	assert_int_equal(alloc_set_pools(alloc, a), 0);
	assert_int_equal(take(alloc, &x, "10.0.0.70"), 0);
	assert_int_equal(alloc_set_pools(alloc, b), -1);
	why_must(alloc, "\"n/x\" cannot own \"10.0.0.70\"");
	assert_string_equal(alloc_pool(alloc, &addr)->name, "a");
	alloc_release(alloc, "n/x", NULL);
	assert_int_equal(take(alloc, &x, "10.0.0.0"), 0);
	assert_int_equal(alloc_set_pools(alloc, d), -1);
	assert_int_equal(alloc_set_pools(alloc, b), 0);
	assert_int_equal(alloc_in_use(alloc, &b->pools[0]), 0);
	assert_int_equal(alloc_in_use(alloc, &b->pools[1]), 1);
	y.pool = "c";
	any_must(alloc, &y, "10.0.0.0"); /* what is shared moved along */
	alloc_free(alloc);
	config_free(a);
	config_free(b);
	config_free(d);
}

static void
test_capacity(void **state)
{
	static const struct {
		const char *pools;
		double capacity;
	} rows[] = {
		{ POOL("a", "1.2.3.0/24, 2.3.4.128/25",
		      ", avoid-buggy-ips: true"),
		    381 },
		{ POOL("a", "1.2.3.0/24, 2.3.4.128/25", ""), 384 },
		{ POOL("a", "1.2.0.0/16", ", avoid-buggy-ips: on"), 65024 },
		{ POOL("a", "1.2.3.0/32", ", avoid-buggy-ips: on"), 0 },
		{ POOL("a", "1.2.3.255/32", ", avoid-buggy-ips: on"), 0 },
		{ POOL("a", "1.2.3.4/30", ", avoid-buggy-ips: on"), 4 },
		{ POOL("a", "0.0.0.0/0", ""), 4294967296.0 },
		{ POOL("a", "'2001:db8::/64'", ", avoid-buggy-ips: on"),
		    18446744073709551616.0 },
	};
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = config_must(rows[i].pools);
		assert_true(pool_capacity(&c->pools[0]) == rows[i].capacity);
		config_free(c);
	}
}

/* Cost ---------------------------------------------------------------------------- */

/* Gives to n Services; at most `most` gaps and addresses are looked at for each. */
static void
cost_must(struct alloc *alloc, size_t n, uint64_t most, const char *sharing)
{
	struct bgpd_addr addr;
	struct alloc_claim claim;
	char name[32];
	uint64_t before;
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n/%zu", i);
		claim = claim_of(name, sharing, &http);
		before = alloc_steps(alloc);
		assert_int_equal(alloc_any(alloc, &claim, &addr), 0);
		if (alloc_steps(alloc) - before > most)
			fail_msg("%zu. Service: %llu steps", i,
			    (unsigned long long)(alloc_steps(alloc) - before));
	}
	/* Holes, here and there: found again as cheaply, lowest first. */
	for (i = 0; i < n; i += 7) {
		snprintf(name, sizeof(name), "n/%zu", i);
		alloc_release(alloc, name, NULL);
	}
	for (i = 0; i < n; i += 7) {
		snprintf(name, sizeof(name), "m/%zu", i);
		claim = claim_of(name, NULL, &http);
		before = alloc_steps(alloc);
		assert_int_equal(alloc_any(alloc, &claim, &addr), 0);
		assert_true(alloc_steps(alloc) - before <= most);
	}
}

static void
test_cost(void **state)
{
	static const char *const pools[] = { POOL("a", "10.0.0.0/8", ""),
		POOL("a", "10.0.0.0/8", ", avoid-buggy-ips: true"),
		POOL("a", "'2000::/8'", ""), POOL("a", "'2001:db8::/64'", "") };
	struct config *c;
	struct alloc *alloc;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		c = config_must(pools[i]);
		alloc = alloc_new();
		assert_int_equal(alloc_set_pools(alloc, c), 0);
		cost_must(alloc, 10000, 4, NULL);
		assert_int_equal(alloc_in_use(alloc, &c->pools[0]), 10000);
		alloc_free(alloc);
		config_free(c);
	}
}

/* Beside a model -------------------------------------------------------------------- */

#define SERVICES 12
#define PLACES	 128

static const char *const keys[] = { NULL, "", "k", "l" };
static const char *const backends[] = { NULL, "", "app=x" };
static const char *const names[] = { NULL, "a", "b", "c", "six", "nobody" };

/* What the model knows of an address: who holds it, with which ports. */
struct place {
	struct bgpd_addr addr;
	size_t pool;
	unsigned char ports[SERVICES]; /* bits; 0: does not hold it */
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

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static bool
place_is_held(const struct place *p, size_t but)
{
	size_t i;

	for (i = 0; i < SERVICES; i++) {
		if (i != but && p->ports[i] != 0)
			return true;
	}
	return false;
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
	if (!place_is_held(p, ask->service))
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
	if (!place_is_held(p, SERVICES))
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
		if (!place_is_held(&m->places[i], SERVICES))
			continue;
		p = model_find(&next, &m->places[i].addr);
		if (p == NULL || model_is_buggy(config, p->pool, &p->addr))
			return false;
		memcpy(p->ports, m->places[i].ports, sizeof(p->ports));
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
		if (addr == NULL || addr_same(addr, &m->places[i].addr))
			m->places[i].ports[service] = 0;
	}
}

static void
model_compare(const struct model *m, const struct alloc *alloc)
{
	size_t i, s, in_use[8] = { 0 };
	char name[32];

	for (i = 0; i < m->count; i++) {
		in_use[m->places[i].pool] +=
		    place_is_held(&m->places[i], SERVICES);
		for (s = 0; s < SERVICES; s++) {
			snprintf(name, sizeof(name), "n/%zu", s);
			assert_true(
			    alloc_is_owner(alloc, name, &m->places[i].addr) ==
			    (m->places[i].ports[s] != 0));
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
step_take(struct model *m, struct alloc *alloc, const struct ask *ask)
{
	struct bgpd_addr addr = addr_must("10.0.9.9");
	struct place *p = NULL;
	bool fits;

	if (dice(10) > 0) {
		p = &m->places[dice((unsigned)m->count)];
		addr = p->addr;
	}
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
	} else if (what < 32) {
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
		cmocka_unit_test(test_lowest_first),
		cmocka_unit_test(test_buggy_are_left_out),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_loosening),
		cmocka_unit_test(test_sharing_lowest),
		cmocka_unit_test(test_two_families),
		cmocka_unit_test(test_new_pools),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_beside_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
