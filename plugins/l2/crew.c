/* SPDX-License-Identifier: ISC */
/* The nodes that may carry addresses: from lines, and from the source. */

/*
 * The source's nodes and those of `node` lines are one list; where both name one,
 * its addresses are the line's. This node's name is that of the line `self`, else
 * the source's, else that of the `node` line whose address is this host's, else
 * the host's.
 */

#include <sys/socket.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "reach.h"

#define ALONE_MS 2000 /* for a source that says who there is */

/* Finding ------------------------------------------------------------------------------ */

static int
mate_compare(const struct mate *a, const struct mate *b)
{
	return strcmp(a->name, b->name);
}
RB_GENERATE_INTERNAL(
    mate_names, mate, by_name, mate_compare, __attribute__((unused)) static)

struct mate *
crew_find(struct l2 *l2, const char *name)
{
	struct mate key;

	key.name = (char *)(uintptr_t)name;
	return RB_FIND(mate_names, &l2->crew.names, &key);
}

static int
place_compare(const void *one, const void *other)
{
	return kit_addr_compare(&((const struct place *)one)->addr,
	    &((const struct place *)other)->addr);
}

struct mate *
crew_find_addr(struct l2 *l2, const struct bgpd_addr *addr)
{
	struct place key = { .addr = *addr }, *found = NULL;

	if (l2->crew.place_count > 0)
		found = bsearch(&key, l2->crew.places, l2->crew.place_count,
		    sizeof(key), place_compare);
	return found == NULL ? NULL : found->mate;
}

static void
places_sort(struct crew *crew)
{
	struct mate *mate;
	unsigned i, n = 0;

	TAILQ_FOREACH (mate, &crew->mates, link)
		n += mate->addr_count;
	crew->places =
	    kit_grow(crew->places, (n + 1) * sizeof(crew->places[0]));
	n = 0;
	TAILQ_FOREACH (mate, &crew->mates, link) {
		for (i = 0; i < mate->addr_count; i++) {
			crew->places[n].addr = mate->addrs[i];
			crew->places[n++].mate = mate;
		}
	}
	crew->place_count = n;
	qsort(crew->places, n, sizeof(crew->places[0]), place_compare);
}

struct mate *
crew_find_ether(struct l2 *l2, const uint8_t mac[6])
{
	struct mate *mate;
	size_t i;

	TAILQ_FOREACH (mate, &l2->crew.mates, link)
		for (i = 0; i < mate->ether_count; i++)
			if (memcmp(mate->ethers[i], mac, 6) == 0)
				return mate;
	return NULL;
}

static void
mate_free(struct l2 *l2, struct mate *mate)
{
	TAILQ_REMOVE(&l2->crew.mates, mate, link);
	RB_REMOVE(mate_names, &l2->crew.names, mate);
	l2->crew.count--;
	l2->crew.changed = true;
	cords_free(mate);
	free(mate->told);
	free(mate->name);
	free(mate->addrs);
	free(mate->ethers);
	free(mate);
}

static struct mate *
mate_get(struct l2 *l2, const char *name)
{
	struct mate *mate = crew_find(l2, name);

	if (mate != NULL)
		return mate;
	mate = kit_alloc(sizeof(*mate));
	mate->name = kit_copy(name);
	mate->lease = OWNERS_NO_LEASE;
	TAILQ_INSERT_TAIL(&l2->crew.mates, mate, link);
	RB_INSERT(mate_names, &l2->crew.names, mate);
	l2->crew.count++;
	l2->crew.changed = true;
	return mate;
}

static void
mate_set_addrs(struct mate *mate, const struct bgpd_addr *addrs, unsigned count)
{
	free(mate->addrs);
	mate->addrs = kit_alloc((count + 1) * sizeof(addrs[0]));
	if (count > 0)
		memcpy(mate->addrs, addrs, count * sizeof(addrs[0]));
	mate->addr_count = count;
}

/* A link-local address is no place: every link has its own of that name. */
static void
mate_drop_local(struct mate *mate)
{
	unsigned i, n = 0;

	for (i = 0; i < mate->addr_count; i++)
		if (mate->addrs[i].family != 6 ||
		    mate->addrs[i].bytes[0] != 0xfe ||
		    (mate->addrs[i].bytes[1] & 0xc0) != 0x80)
			mate->addrs[n++] = mate->addrs[i];
	mate->addr_count = n;
}

/* This node's name -------------------------------------------------------------------- */

static bool
is_of_host(const struct ifaddrs *all, const struct bgpd_addr *addr)
{
	const struct ifaddrs *i;
	const void *bytes;

	for (i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET && addr->family == 4)
			bytes = &((const struct sockaddr_in *)(const void *)
				      i->ifa_addr)
				     ->sin_addr;
		else if (i->ifa_addr->sa_family == AF_INET6 &&
			 addr->family == 6)
			bytes = &((const struct sockaddr_in6 *)(const void *)
				      i->ifa_addr)
				     ->sin6_addr;
		else
			continue;
		if (memcmp(bytes, addr->bytes, addr->family == 4 ? 4 : 16) == 0)
			return true;
	}
	return false;
}

static char *
self_by_address(const struct l2 *l2)
{
	const struct knobs *k = &l2->knobs;
	struct ifaddrs *all = NULL;
	char *name = NULL;
	unsigned i;

	if (k->node_count == 0 || getifaddrs(&all) == -1)
		return NULL;
	for (i = 0; i < k->node_count && name == NULL; i++)
		if (is_of_host(all, &k->nodes[i].addr))
			name = kit_copy(k->nodes[i].name);
	freeifaddrs(all);
	return name;
}

static char *
self_name(const struct l2 *l2)
{
	char host[256] = "", *name;

	if (l2->knobs.self != NULL)
		return kit_copy(l2->knobs.self);
	if (l2->crew.said_self != NULL)
		return kit_copy(l2->crew.said_self);
	name = self_by_address(l2);
	if (name != NULL)
		return name;
	gethostname(host, sizeof(host) - 1);
	return kit_copy(host[0] != '\0' ? host : "localhost");
}

/* Taking a list --------------------------------------------------------------------------- */

static const struct bgpd_member *
member_at(const struct bgpd_membership *m, uint32_t i)
{
	return (const void *)((const char *)m->members +
			      (size_t)i * m->member_size);
}

static const uint8_t lease_of[] = { OWNERS_GONE, OWNERS_ALIVE,
	OWNERS_NO_LEASE };

static void
said_merge(struct l2 *l2)
{
	const struct mate *said;
	struct mate *mate;
	uint32_t i;

	for (i = 0; i < l2->crew.said_count; i++) {
		said = &l2->crew.said[i];
		mate = mate_get(l2, said->name);
		mate->seen = true;
		mate->excluded = said->excluded;
		mate->lease = said->lease;
		mate_set_addrs(mate, said->addrs, said->addr_count);
	}
}

static void
lines_merge(struct l2 *l2)
{
	const struct node_line *line;
	struct mate *mate;
	unsigned i;

	for (i = 0; i < l2->knobs.node_count; i++) {
		line = &l2->knobs.nodes[i];
		mate = mate_get(l2, line->name);
		if (!mate->by_line)
			mate_set_addrs(mate, NULL, 0);
		mate->seen = mate->by_line = true;
		mate->addrs = kit_grow(mate->addrs,
		    (mate->addr_count + 1) * sizeof(mate->addrs[0]));
		mate->addrs[mate->addr_count++] = line->addr;
	}
}

static void
mates_merge(struct l2 *l2)
{
	struct mate *mate, *next;

	l2->crew.changed = false;
	TAILQ_FOREACH (mate, &l2->crew.mates, link)
		mate->seen = mate->by_line = false;
	said_merge(l2);
	lines_merge(l2);
	TAILQ_FOREACH_SAFE (mate, &l2->crew.mates, link, next)
		if (!mate->seen)
			mate_free(l2, mate);
	places_sort(&l2->crew);
}

static void
members_say(struct l2 *l2)
{
	struct owners_member *members =
	    kit_alloc((l2->crew.count + 1) * sizeof(members[0]));
	struct mate *mate;
	size_t n = 0;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		members[n].name = mate->name;
		members[n].excluded = mate->excluded;
		members[n++].lease = mate->lease;
	}
	owners_members(l2->owners, members, n, carrier_now_us());
	free(members);
}

static void
fellows_say(struct l2 *l2)
{
	struct bgpd_addr *addrs = NULL;
	uint8_t(*ethers)[6] = NULL;
	struct mate *mate;
	unsigned n = 0, k = 0;

	TAILQ_FOREACH (mate, &l2->crew.mates, link) {
		if (strcmp(mate->name, l2->crew.self) == 0)
			continue;
		addrs = kit_grow(
		    addrs, (n + mate->addr_count + 1) * sizeof(addrs[0]));
		if (mate->addr_count > 0)
			memcpy(addrs + n, mate->addrs,
			    mate->addr_count * sizeof(addrs[0]));
		n += mate->addr_count;
		ethers = kit_grow(
		    ethers, (k + mate->ether_count + 1) * sizeof(ethers[0]));
		if (mate->ether_count > 0)
			memcpy(ethers + k, mate->ethers,
			    mate->ether_count * sizeof(ethers[0]));
		k += (unsigned)mate->ether_count;
	}
	carrier_fellows(l2->carrier, addrs, n, (const uint8_t(*)[6])ethers, k);
	free(addrs);
	free(ethers);
}

/* One that has more interfaces than its address is on. */
void
crew_meet(
    struct l2 *l2, const char *name, const uint8_t (*ethers)[6], size_t count)
{
	struct mate *mate = crew_find(l2, name);
	size_t len = count * sizeof(ethers[0]);

	if (mate == NULL || (mate->ether_count == count &&
				memcmp(mate->ethers, ethers, len) == 0))
		return;
	mate->ethers = kit_grow(mate->ethers, len);
	memcpy(mate->ethers, ethers, len);
	mate->ether_count = count;
	fellows_say(l2);
}

struct ethers {
	uint8_t list[8][6];
	size_t count;
};

static void
on_interface(void *arg, const struct carrier_interface_view *view)
{
	struct ethers *e = arg;

	if (view->used && e->count < sizeof(e->list) / sizeof(e->list[0]))
		memcpy(e->list[e->count++], view->mac, sizeof(view->mac));
}

void
crew_tell_ethers(struct l2 *l2)
{
	struct ethers e = { .count = 0 };

	carrier_each_interface(l2->carrier, on_interface, &e);
	owners_ethers(l2->owners, (const uint8_t(*)[6])e.list, e.count);
}

static void
key_say(struct l2 *l2)
{
	const char *key = l2->knobs.key;

	if (key != NULL)
		owners_key(l2->owners, (const uint8_t *)key, strlen(key));
	else
		owners_key(l2->owners, l2->crew.key, l2->crew.key_len);
}

static void
count_check(struct l2 *l2)
{
	bool many = l2->knobs.owner.partition == OWNERS_CONSISTENT &&
		    l2->crew.count > CONSISTENT_MAX;

	if (many && !l2->crew.too_many)
		l2->host->log(l2->self, LOG_ERR,
		    "partition consistent is for %d nodes at most, and there "
		    "are %u: what a dead node had is not taken over",
		    CONSISTENT_MAX, l2->crew.count);
	l2->crew.too_many = many;
}

/* True: this node has another name. */
static bool
self_apply(struct l2 *l2)
{
	char *self = self_name(l2);

	if (kit_equal(self, l2->crew.self)) {
		free(self);
		return false;
	}
	free(l2->crew.self);
	l2->crew.self = self;
	l2_restart_owners(l2);
	return true;
}

void
crew_apply(struct l2 *l2)
{
	bool anew = self_apply(l2);

	mates_merge(l2);
	key_say(l2);
	/* A source that has not spoken yet is waited for. */
	if (l2->crew.told || l2->knobs.node_count > 0 || l2->crew.alone)
		members_say(l2);
	else if (l2->duty_count > 0)
		crew_wait(l2);
	if (anew || l2->crew.changed)
		duty_again(l2, anew);
	count_check(l2);
	fellows_say(l2);
	cords_apply(l2);
	if (reach_apply(l2)) {
		duty_again(l2, true);
		cords_apply(l2);
	}
	if (anew)
		cords_say(l2);
	owners_carrier(l2->owners, cords_are_linked(l2), carrier_now_us());
	l2_settle(l2);
}

/* The source's list stands beside that of the lines: either may change. */
static void
said_clear(struct crew *crew)
{
	uint32_t i;

	for (i = 0; i < crew->said_count; i++) {
		free(crew->said[i].name);
		free(crew->said[i].addrs);
	}
	free(crew->said);
	crew->said = NULL;
	crew->said_count = 0;
}

static void
said_take(struct crew *crew, const struct bgpd_membership *m)
{
	const struct bgpd_member *member;
	struct mate *mate;
	uint32_t i;

	said_clear(crew);
	crew->said = kit_alloc((m->member_count + 1) * sizeof(crew->said[0]));
	for (i = 0; i < m->member_count; i++) {
		member = member_at(m, i);
		mate = &crew->said[crew->said_count++];
		mate->name = kit_copy(member->node);
		mate->excluded = member->excluded;
		mate->lease = lease_of[member->alive < 2 ? member->alive : 2];
		mate_set_addrs(mate, member->addresses, member->address_count);
		mate_drop_local(mate);
	}
}

static void
key_forget(struct crew *crew)
{
	if (crew->key != NULL)
		explicit_bzero(crew->key, crew->key_len);
	free(crew->key);
	crew->key = NULL;
	crew->key_len = 0;
}

void
crew_take(struct l2 *l2, const struct bgpd_membership *m)
{
	struct crew *crew = &l2->crew;

	free(crew->said_self);
	crew->said_self = kit_copy(m->self);
	key_forget(crew);
	crew->key = kit_alloc(m->key_len + 1);
	if (m->key_len > 0)
		memcpy(crew->key, m->key, m->key_len);
	crew->key_len = m->key_len;
	crew->told = true;
	said_take(crew, m);
	crew_apply(l2);
}

static void
on_waited(void *arg)
{
	struct l2 *l2 = arg;

	l2->crew.waiting = false;
	if (l2->crew.told || l2->crew.alone || l2->knobs.node_count > 0)
		return;
	l2->crew.alone = true;
	l2->host->log(l2->self, LOG_NOTICE,
	    "no source names nodes, and no line `node` does: this one is "
	    "alone");
	crew_apply(l2);
}

void
crew_wait(struct l2 *l2)
{
	struct crew *crew = &l2->crew;

	if (crew->told || crew->alone || crew->waiting ||
	    l2->knobs.node_count > 0)
		return;
	crew->waiting = true;
	l2->host->timer_start(crew->wait, ALONE_MS);
}

void
crew_open(struct l2 *l2)
{
	TAILQ_INIT(&l2->crew.mates);
	RB_INIT(&l2->crew.names);
	l2->crew.wait = l2->host->timer_new(l2->self, on_waited, l2);
}

void
crew_close(struct l2 *l2)
{
	struct crew *crew = &l2->crew;

	while (!TAILQ_EMPTY(&crew->mates))
		mate_free(l2, TAILQ_FIRST(&crew->mates));
	said_clear(crew);
	l2->host->timer_free(crew->wait);
	free(crew->self);
	free(crew->said_self);
	free(crew->places);
	key_forget(crew);
}
