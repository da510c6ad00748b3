/* SPDX-License-Identifier: ISC */
/* The table between sources and backends: every address, once, with its users. */

/*
 * A service flows in as a whole (announce_offer); what it replaces is compared
 * with it address by address. An address that is new, gone or changed is settled:
 * its backend is told to carry it while at least one service asks for that here,
 * and to drop it otherwise. Cost: that of the one service, whatever else is there.
 */

#include <string.h>

#include "announce/table.h"
#include "util/log.h"
#include "util/mem.h"

static int
service_compare(const struct service *a, const struct service *b)
{
	return strcmp(a->name, b->name);
}

RB_GENERATE(service_tree, service, entry, service_compare)

struct carry_key {
	const char *protocol;
	const struct bgpd_addr *address;
};

static bool
addr_same(const struct bgpd_addr *a, const struct bgpd_addr *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16) == 0;
}

static bool
carry_equal(const struct table_link *object, const void *key)
{
	const struct carry *carry = (const void *)object;
	const struct carry_key *k = key;

	return addr_same(&carry->address, k->address) &&
	       strcmp(carry->protocol, k->protocol) == 0;
}

static uint32_t
carry_hash(const struct carry_key *key)
{
	return table_hash(
		   key->address->bytes, key->address->family == 4 ? 4 : 16) ^
	       table_hash_string(key->protocol);
}

static struct carry *
carry_find(struct announce *announce, const char *protocol,
    const struct bgpd_addr *address)
{
	struct carry_key key = { protocol, address };

	return (void *)table_find(&announce->carries, carry_hash(&key), &key);
}

static struct carry *
carry_get(struct announce *announce, const char *protocol,
    const struct bgpd_addr *address)
{
	struct carry_key key = { protocol, address };
	struct carry *carry = carry_find(announce, protocol, address);

	if (carry != NULL)
		return carry;
	carry = mem_alloc(sizeof(*carry));
	carry->protocol = mem_string(protocol);
	carry->address = *address;
	TAILQ_INIT(&carry->offers);
	table_add(&announce->carries, &carry->link, carry_hash(&key));
	return carry;
}

static struct announce_backend *
backend_find(struct announce *announce, const char *protocol)
{
	struct announce_backend *backend;

	LIST_FOREACH (backend, &announce->backends, entry) {
		if (strcmp(backend->protocol, protocol) == 0)
			return backend;
	}
	return NULL;
}

static struct offered *
carry_first_here(struct carry *carry)
{
	struct offered *o;

	TAILQ_FOREACH (o, &carry->offers, entry) {
		if (offered_is_here(o))
			return o;
	}
	return NULL;
}

static uint32_t
carry_count_here(struct carry *carry)
{
	struct offered *o;
	uint32_t count = 0;

	TAILQ_FOREACH (o, &carry->offers, entry)
		count += offered_is_here(o);
	return count;
}

/*
 * A layer-2 backend hears of every offered address, also of one that is not to be
 * carried here: it takes part in the election of its owner all the same.
 */
static void
carry_settle_guest(struct announce_backend *backend, struct carry *carry)
{
	struct offered *o = carry_first_here(carry);

	if (o == NULL)
		o = TAILQ_FIRST(&carry->offers);
	if (o != NULL) {
		backend->ops.carry(backend->arg, &o->address, o->service->group,
		    carry_count_here(carry));
		carry->is_carried = true;
	} else if (carry->is_carried) {
		backend->ops.drop(backend->arg, &carry->address);
		carry->is_carried = false;
	}
}

static void
carry_settle(struct announce *announce, struct carry *carry)
{
	struct announce_backend *backend;

	if (strcmp(carry->protocol, "bgp") == 0) {
		routes_carry(announce, carry);
	} else {
		backend = backend_find(announce, carry->protocol);
		if (backend != NULL)
			carry_settle_guest(backend, carry);
	}
	if (TAILQ_EMPTY(&carry->offers)) {
		table_remove(&announce->carries, &carry->link);
		mem_free((void *)carry->protocol);
		mem_free(carry);
	}
}

/* In order of service names: the first one's wishes are the address's. */
static void
carry_attach(struct carry *carry, struct offered *offered)
{
	struct offered *o;

	offered->carry = carry;
	TAILQ_FOREACH (o, &carry->offers, entry) {
		if (strcmp(o->service->name, offered->service->name) > 0) {
			TAILQ_INSERT_BEFORE(o, offered, entry);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&carry->offers, offered, entry);
}

static void
service_detach(struct service *service)
{
	unsigned i;

	for (i = 0; i < service->address_count; i++) {
		struct offered *o = &service->addresses[i];
		TAILQ_REMOVE(&o->carry->offers, o, entry);
	}
}

static void
service_attach(struct announce *announce, struct service *service)
{
	unsigned i;

	for (i = 0; i < service->address_count; i++) {
		struct offered *o = &service->addresses[i];
		carry_attach(carry_get(announce, o->address.protocol,
				 &o->address.address),
		    o);
	}
}

/* Is it among the service's first `count` addresses? */
static bool
service_has(
    const struct service *service, unsigned count, const struct carry *carry)
{
	unsigned i;

	for (i = 0; service != NULL && i < count; i++) {
		if (service->addresses[i].carry == carry)
			return true;
	}
	return false;
}

/* Counts it in, or with -1 out. */
static void
service_count(const struct service *service, int by)
{
	struct announce_counts *counts = &service->source->counts;
	uint32_t *count = &counts->waiting;
	unsigned i;

	if (service->address_count > 0)
		count = &counts->elsewhere;
	for (i = 0; i < service->address_count; i++)
		if (offered_is_here(&service->addresses[i]))
			count = &counts->announced;
	*count += (uint32_t)by;
}

/* Old may be NULL, new may be NULL; old's memory goes. */
static void
service_replace(
    struct announce *announce, struct service *old, struct service *new)
{
	unsigned i, new_count = new != NULL ? new->address_count : 0;
	struct carry *carry;

	if (old != NULL) {
		service_count(old, -1);
		service_detach(old);
	}
	if (new != NULL) {
		service_count(new, 1);
		service_attach(announce, new);
	}
	for (i = 0; i < new_count; i++)
		carry_settle(announce, new->addresses[i].carry);
	for (i = 0; old != NULL && i < old->address_count; i++) {
		carry = old->addresses[i].carry;
		if (!service_has(new, new_count, carry) &&
		    !service_has(old, i, carry))
			carry_settle(announce, carry);
	}
	mem_free(old);
}

/* sources ------------------------------------------------------------------ */

struct announce_source *
announce_source_new(struct announce *announce, const char *owner,
    const struct bgpd_source *ops, void *arg)
{
	struct announce_source *source = mem_alloc(sizeof(*source));

	source->announce = announce;
	source->owner = mem_string(owner);
	memcpy(&source->ops, ops,
	    ops->size < sizeof(source->ops) ? ops->size : sizeof(source->ops));
	source->arg = arg;
	RB_INIT(&source->services);
	LIST_INSERT_HEAD(&announce->sources, source, entry);
	return source;
}

static void
source_retract_older(struct announce_source *source, uint64_t round)
{
	struct service *s, *next;

	RB_FOREACH_SAFE (s, service_tree, &source->services, next) {
		if (s->round >= round)
			continue;
		RB_REMOVE(service_tree, &source->services, s);
		service_replace(source->announce, s, NULL);
	}
}

void
announce_source_free(struct announce_source *source)
{
	if (source == NULL)
		return;
	/* The guest has stopped; its backend may have news while it retracts. */
	source->ops.on_carry = NULL;
	source_retract_older(source, UINT64_MAX);
	if (source->routes != NULL) {
		while (rib_source_flush(source->routes, FAMILY_NONE, 1024))
			;
		rib_source_free(source->routes);
	}
	LIST_REMOVE(source, entry);
	mem_free(source->membership);
	mem_free(source->owner);
	mem_free(source);
}

void
announce_begin(struct announce_source *source)
{
	source->round++;
	source->in_resync = true;
}

void
announce_end(struct announce_source *source)
{
	if (!source->in_resync)
		return;
	source->in_resync = false;
	source_retract_older(source, source->round);
}

/* What a guest may not leave out; -1 after a word in the log. */
static int
service_check(
    const struct announce_source *source, const struct bgpd_service *service)
{
	const struct bgpd_address *a;
	uint32_t i;

	if (service->name == NULL || service->name[0] == '\0') {
		log_error("announce",
		    "source %s offers a service without a "
		    "name: ignored",
		    source->owner);
		return -1;
	}
	for (i = 0; i < service->address_count; i++) {
		a = (const void *)((const char *)service->addresses +
				   (size_t)service->address_size * i);
		if (a->protocol != NULL &&
		    (a->address.family == 4 || a->address.family == 6))
			continue;
		log_error("announce",
		    "source %s offers %s an address without "
		    "%s: ignored",
		    source->owner, service->name,
		    a->protocol == NULL ? "a protocol" : "a family");
		return -1;
	}
	return 0;
}

void
announce_offer(
    struct announce_source *source, const struct bgpd_service *service)
{
	struct service *new, *old;

	if (service_check(source, service) == -1)
		return;
	new = service_copy(source, service);
	new->round = source->round;
	old = RB_FIND(service_tree, &source->services, new);
	if (old != NULL)
		RB_REMOVE(service_tree, &source->services, old);
	RB_INSERT(service_tree, &source->services, new);
	service_replace(source->announce, old, new);
}

void
announce_retract(struct announce_source *source, const char *name)
{
	struct service key = { .name = name };
	struct service *s = RB_FIND(service_tree, &source->services, &key);

	if (s == NULL)
		return;
	RB_REMOVE(service_tree, &source->services, s);
	service_replace(source->announce, s, NULL);
}

void
announce_members(
    struct announce_source *source, const struct bgpd_membership *membership)
{
	struct announce_backend *backend;

	mem_free(source->membership);
	source->membership = membership_copy(membership);
	LIST_FOREACH (backend, &source->announce->backends, entry) {
		if (backend->ops.on_members != NULL)
			backend->ops.on_members(
			    backend->arg, source->membership);
	}
}

void
announce_count(const struct announce *announce,
    void (*each)(void *, const char *, const struct announce_counts *),
    void *arg)
{
	const struct announce_source *source;

	LIST_FOREACH (source, &announce->sources, entry)
		each(arg, source->owner, &source->counts);
}

uint32_t
announce_source_prefixes(
    const struct announce_source *source, enum family family)
{
	return source->routes != NULL
		   ? rib_source_count(source->routes, family, true)
		   : 0;
}

/* backends ----------------------------------------------------------------- */

struct announce_backend *
announce_backend_new(
    struct announce *announce, const struct bgpd_backend *ops, void *arg)
{
	struct announce_backend *backend;
	struct announce_source *source;
	struct table_link *link;

	if (strcmp(ops->protocol, "bgp") == 0 ||
	    backend_find(announce, ops->protocol) != NULL)
		return NULL;
	backend = mem_alloc(sizeof(*backend));
	backend->announce = announce;
	memcpy(&backend->ops, ops,
	    ops->size < sizeof(backend->ops) ? ops->size
					     : sizeof(backend->ops));
	backend->protocol = mem_string(ops->protocol);
	backend->arg = arg;
	LIST_INSERT_HEAD(&announce->backends, backend, entry);
	LIST_FOREACH (source, &announce->sources, entry) {
		if (source->membership != NULL &&
		    backend->ops.on_members != NULL)
			backend->ops.on_members(arg, source->membership);
	}
	for (link = table_next(&announce->carries, NULL); link != NULL;
	     link = table_next(&announce->carries, link)) {
		struct carry *carry = (void *)link;
		if (strcmp(carry->protocol, backend->protocol) == 0)
			carry_settle_guest(backend, carry);
	}
	return backend;
}

bool
announce_has_backend(struct announce *announce, const char *protocol)
{
	return strcmp(protocol, "bgp") == 0 ||
	       backend_find(announce, protocol) != NULL;
}

void
announce_backend_free(struct announce_backend *backend)
{
	struct table_link *link;

	if (backend == NULL)
		return;
	for (link = table_next(&backend->announce->carries, NULL); link != NULL;
	     link = table_next(&backend->announce->carries, link)) {
		struct carry *carry = (void *)link;
		if (!carry->is_carried ||
		    strcmp(carry->protocol, backend->protocol) != 0)
			continue;
		carry->is_carried = false;
		memset(&carry->news, 0, sizeof(carry->news));
	}
	LIST_REMOVE(backend, entry);
	mem_free(backend->protocol);
	mem_free(backend);
}

static const char *
keep(char *to, size_t size, const char *from)
{
	if (from == NULL)
		return NULL;
	strncpy(to, from, size - 1);
	to[size - 1] = '\0';
	return to;
}

void
announce_carried(
    struct announce_backend *backend, const struct bgpd_carry *news)
{
	struct carry *carry =
	    carry_find(backend->announce, backend->protocol, &news->address);
	struct announce_source *source;

	if (carry == NULL)
		return;
	memset(&carry->news, 0, sizeof(carry->news));
	memcpy(&carry->news, news,
	    news->size < sizeof(*news) ? news->size : sizeof(*news));
	carry->news.protocol = carry->protocol;
	carry->news.owner =
	    keep(carry->owner, sizeof(carry->owner), carry->news.owner);
	carry->news.state =
	    keep(carry->state, sizeof(carry->state), carry->news.state);
	LIST_FOREACH (source, &backend->announce->sources, entry) {
		if (source->ops.on_carry != NULL)
			source->ops.on_carry(source->arg, &carry->news);
	}
}

/* the table ---------------------------------------------------------------- */

struct announce *
announce_new(struct rib *rib)
{
	struct announce *announce = mem_alloc(sizeof(*announce));

	announce->rib = rib;
	announce->carries.equal = carry_equal;
	LIST_INIT(&announce->sources);
	LIST_INIT(&announce->backends);
	routes_start(announce);
	return announce;
}

void
announce_free(struct announce *announce)
{
	struct announce_source *source;
	struct announce_backend *backend;

	if (announce == NULL)
		return;
	while ((source = LIST_FIRST(&announce->sources)) != NULL)
		announce_source_free(source);
	while ((backend = LIST_FIRST(&announce->backends)) != NULL)
		announce_backend_free(backend);
	announce_set_networks(announce, NULL, 0);
	table_clear(&announce->routes);
	table_clear(&announce->carries);
	mem_free(announce);
}
