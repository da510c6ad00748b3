/* SPDX-License-Identifier: ISC */
/* One who wants a Lease, for tests: its own clock, what it was told, and dice. */
#ifndef ELECTOR_H
#define ELECTOR_H

#include "dice.h"
#include "fake_api.h"

/* The calendar is the test's, too. */
static int64_t calendar_ns = INT64_C(1767323045000000000);

int64_t __wrap_stamp_now_ns(void);

int64_t
__wrap_stamp_now_ns(void)
{
	return calendar_ns;
}

/* A watch on the lease: the test tells of it --------------------------------------- */

struct reflector {
	LIST_ENTRY(reflector) link;
	struct bgpd_self *self;
	const struct reflector_kind *kind;
	const struct reflector_sink *sink;
	void *arg;
	int told; /* the model's: the last version */
};

static LIST_HEAD(, reflector) fake_reflectors;

struct reflector *
reflector_open(struct guest *guest, struct api *api,
    const struct reflector_kind *kind, const struct reflector_sink *sink,
    void *arg)
{
	struct reflector *r = calloc(1, sizeof(*r));

	(void)api;
	r->self = guest->self;
	r->kind = kind;
	r->sink = sink;
	r->arg = arg;
	LIST_INSERT_HEAD(&fake_reflectors, r, link);
	return r;
}

void
reflector_close(struct reflector *r)
{
	if (r == NULL)
		return;
	LIST_REMOVE(r, link);
	free(r);
}

/* An elector -------------------------------------------------------------------- */

struct elector {
	struct bgpd_self self;
	struct guest guest;
	struct api api;
	struct lease_options options;
	struct lease *lease;
	unsigned changes, releases;
	bool told, closes;
	int64_t wake_ms, open_ms; /* the model's */
};

static inline void
on_change(void *arg, bool held)
{
	struct elector *e = arg;

	assert_int_equal(held, !e->told); /* changes alone */
	e->told = held;
	e->changes++;
	if (e->closes) {
		lease_close(e->lease);
		e->lease = NULL;
	}
}

static inline void
on_released(void *arg)
{
	struct elector *e = arg;

	e->releases++;
}

static inline void
elector_open(struct elector *e, const char *name)
{
	e->guest = (struct guest){ &fake_host, &e->self };
	e->api.self = &e->self;
	e->options = (struct lease_options){ .space = "net",
		.name = "fairway",
		.identity = name,
		.duration_ms = 15000,
		.renew_ms = 10000,
		.retry_ms = 2000 };
	e->told = false;
	e->lease = lease_open(&e->guest, &e->api, &e->options, on_change, e);
}

static inline bool
elector_holds(const struct elector *e)
{
	return e->lease != NULL && lease_is_held(e->lease);
}

#endif
