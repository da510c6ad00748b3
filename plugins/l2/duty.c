/* SPDX-License-Identifier: ISC */
/* Addresses that are to be carried, between the host, the owner and the carrier. */

/*
 * In: the host's carry and drop, what the owner half decides and the carrier half
 * sees. Out: to each half what the other said, and to the source what became of
 * its address. Reports are made by the loop, when neither half is in a call: a
 * source may answer with an offer, and nobody waits for them who wants an answer.
 */

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "reach.h"

int
duty_compare(const struct duty *a, const struct duty *b)
{
	return kit_addr_compare(&a->address, &b->address);
}
RB_GENERATE(duties, duty, link, duty_compare)

struct duty *
duty_find(struct l2 *l2, const struct bgpd_addr *addr)
{
	struct duty key;

	key.address = *addr;
	return RB_FIND(duties, &l2->duties, &key);
}

/* To the source ------------------------------------------------------------------------ */

const char *
duty_state(const struct l2 *l2, const struct duty *d)
{
	if (d->given_up && d->left)
		return "yielded";
	if (d->conflict)
		return d->mine && !d->given_up ? "conflict" : "quarantined";
	if (d->mine)
		return owners_silent(l2->owners) != NULL ? "fenced"
		       : d->confirmed			 ? "confirmed"
							 : "owner";
	if (d->wanted)
		return "probing";
	/* Ours, and not answered: something says that it must not be. */
	if (kit_equal(d->owner, l2->crew.self))
		return "fenced";
	return d->owner == NULL ? "waiting" : "backup";
}

static void
duty_touch(struct l2 *l2, struct duty *d)
{
	if (d->news)
		return;
	if (TAILQ_EMPTY(&l2->news))
		l2->host->timer_start(l2->report, 0);
	d->news = true;
	TAILQ_INSERT_TAIL(&l2->news, d, news_link);
}

static void
duty_tell(struct l2 *l2, const struct duty *d)
{
	struct bgpd_carry carry = { .abi = BGPD_ABI, .size = sizeof(carry) };

	carry.address = d->address;
	carry.protocol = "layer2";
	carry.owner = d->owner;
	carry.mine = d->mine;
	carry.confirmed = d->confirmed;
	carry.conflict = d->conflict;
	memcpy(carry.mac, d->mac, sizeof(carry.mac));
	carry.state = duty_state(l2, d);
	l2->host->carried(l2->self, &carry);
}

/* Whatever a source does about it. */
static void
on_report(void *arg)
{
	struct l2 *l2 = arg;
	struct duty *d;

	while ((d = TAILQ_FIRST(&l2->news)) != NULL) {
		TAILQ_REMOVE(&l2->news, d, news_link);
		d->news = false;
		duty_tell(l2, d);
	}
}

/* From the host -------------------------------------------------------------------------- */

static const struct bgpd_candidate *
candidate_at(const struct bgpd_address *address, uint32_t i)
{
	return (const void *)((const char *)address->candidates +
			      (size_t)i * address->candidate_size);
}

/* Where the source names none, every node is one. */
static void
candidates_of_crew(struct l2 *l2, struct duty *d)
{
	struct mate *mate;
	size_t n = 0;

	d->candidates =
	    kit_alloc((l2->crew.count + 1) * sizeof(d->candidates[0]));
	TAILQ_FOREACH (mate, &l2->crew.mates, link)
		d->candidates[n++].node = kit_copy(mate->name);
	if (n == 0)
		d->candidates[n++].node = kit_copy(l2->crew.self);
	d->candidate_count = n;
}

static void
candidates_clear(struct duty *d)
{
	size_t i;

	for (i = 0; i < d->candidate_count; i++)
		free((void *)(uintptr_t)d->candidates[i].node);
	free(d->candidates);
	d->candidates = NULL;
	d->candidate_count = 0;
}

static void
candidates_take(
    struct l2 *l2, struct duty *d, const struct bgpd_address *address)
{
	const struct bgpd_candidate *c;
	uint32_t i;

	candidates_clear(d);
	/* Not here, and none: nobody may carry it now. */
	d->by_source = address->candidate_count > 0 || !address->here;
	if (!d->by_source) {
		candidates_of_crew(l2, d);
		return;
	}
	d->candidate_count = address->candidate_count;
	d->candidates =
	    kit_alloc(d->candidate_count * sizeof(d->candidates[0]));
	for (i = 0; i < address->candidate_count; i++) {
		c = candidate_at(address, i);
		d->candidates[i].node = kit_copy(c->node);
		d->candidates[i].weight = c->weight;
	}
}

static void
duty_offer(struct l2 *l2, const struct duty *d)
{
	struct owners_address offer = { .addr = d->address,
		.group = d->group,
		.candidates = d->candidates,
		.candidate_count = d->candidate_count,
		.ready = d->free && d->phase == BGPD_CARRIED,
		.segments = reach_of(l2, &d->address),
		.nowhere = reach_is_nowhere(l2, &d->address) };

	owners_address(l2->owners, &offer, carrier_now_us());
}

void
duty_carry(struct l2 *l2, const struct bgpd_address *address, const char *group,
    uint32_t services)
{
	struct duty *d = duty_find(l2, &address->address);

	if (d == NULL) {
		d = kit_alloc(sizeof(*d));
		d->address = address->address;
		/* What was in use before is taken back, as from a dead node. */
		d->free = BGPD_HAS(address, struct bgpd_address, used) &&
			  address->used;
		RB_INSERT(duties, &l2->duties, d);
		l2->duty_count++;
		duty_touch(l2, d);
	}
	/* Others that share it have not heard of it. */
	if (d->services != services)
		duty_touch(l2, d);
	free(d->group);
	d->group = kit_copy(group);
	d->services = services;
	d->phase = address->phase;
	d->here = address->here;
	candidates_take(l2, d, address);
	carrier_add(l2->carrier, &d->address, address->interfaces,
	    address->interface_count);
	crew_wait(l2);
	/* Offered by an old list, it would be handed over at once. */
	if (reach_needs(l2, &d->address))
		l2_look_again(l2);
	duty_offer(l2, d);
	l2_settle(l2);
}

static void
duty_free(struct l2 *l2, struct duty *d)
{
	if (d->news)
		TAILQ_REMOVE(&l2->news, d, news_link);
	RB_REMOVE(duties, &l2->duties, d);
	l2->duty_count--;
	candidates_clear(d);
	free(d->group);
	free(d->owner);
	free(d->before);
	free(d);
}

void
duty_drop(struct l2 *l2, const struct bgpd_addr *addr)
{
	struct duty *d = duty_find(l2, addr);

	if (d == NULL)
		return;
	/* Silent first: what the owner half says of it then finds nothing. */
	carrier_remove(l2->carrier, &d->address);
	owners_address_remove(l2->owners, &d->address, carrier_now_us());
	duty_free(l2, d);
	l2_settle(l2);
}

void
duty_again(struct l2 *l2, bool all)
{
	struct duty *d;

	RB_FOREACH (d, duties, &l2->duties) {
		if (d->by_source && !all)
			continue;
		if (!d->by_source) {
			candidates_clear(d);
			candidates_of_crew(l2, d);
		}
		duty_offer(l2, d);
	}
}

/* From the owner half --------------------------------------------------------------------- */

/* From the last packet of the dead node that had it until now. */
static void
takeover_count(struct l2 *l2, const char *from)
{
	struct mate *mate = from == NULL ? NULL : crew_find(l2, from);
	int64_t heard = mate == NULL ? INT64_MIN : cord_heard_us(mate->cord);

	l2->tally.taken++;
	if (heard != INT64_MIN && !cord_is_up(mate->cord))
		tally_add(&l2->tally.takeovers, carrier_now_us() - heard);
}

static void
on_take(void *arg, const struct bgpd_addr *addr, uint64_t epoch)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);
	const char *from;
	char text[KIT_ADDR_TEXT];

	if (d == NULL)
		return;
	/* That it is ours was told before. */
	from = kit_equal(d->owner, l2->crew.self) ? d->before : d->owner;
	carrier_take(l2->carrier, addr);
	takeover_count(l2, from);
	d->mine = true;
	d->wanted = d->confirmed = d->conflict = d->given_up = false;
	duty_touch(l2, d);
	l2_say(l2, L2_MOVED, LOG_NOTICE, "%s: taken, epoch %llu%s%s",
	    kit_addr_print(addr, text), (unsigned long long)epoch,
	    from == NULL ? "" : ", from ", from == NULL ? "" : from);
}

static void
on_again(void *arg, const struct bgpd_addr *addr)
{
	struct l2 *l2 = arg;

	carrier_announce(l2->carrier, addr);
}

static void
on_yield(void *arg, const struct bgpd_addr *addr, const char *why)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);
	char text[KIT_ADDR_TEXT];

	carrier_yield(l2->carrier, addr);
	if (d == NULL || !d->mine)
		return;
	d->mine = d->confirmed = d->given_up = false;
	l2->tally.yielded++;
	duty_touch(l2, d);
	l2_say(l2, L2_MOVED, LOG_NOTICE, "%s: yielded: %s",
	    kit_addr_print(addr, text), why);
}

static void
on_wanted(void *arg, const struct bgpd_addr *addr)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);

	if (d == NULL || d->wanted || d->conflict)
		return;
	d->wanted = true;
	carrier_probe(l2->carrier, addr);
	duty_touch(l2, d);
}

/* A switch that snoops shall know where to ask before it must. */
static void
on_next(void *arg, const struct bgpd_addr *addr, bool next)
{
	struct l2 *l2 = arg;

	carrier_prejoin(l2->carrier, addr, next);
}

static void
on_send(
    void *arg, const char *member, const uint8_t *bytes, size_t len, bool news)
{
	mesh_send(arg, member, bytes, len, news);
}

static void
on_ethers(
    void *arg, const char *member, const uint8_t (*ethers)[6], size_t count)
{
	crew_meet(arg, member, ethers, count);
}

static void
on_segments(void *arg, const char *member, const struct owners_segment *list,
    size_t count)
{
	reach_hear(arg, member, list, count);
}

static void
on_fence(void *arg, int64_t until_us)
{
	struct l2 *l2 = arg;

	carrier_fence(l2->carrier, until_us);
}

static void
on_changed(
    void *arg, const struct bgpd_addr *addr, const char *owner, const char *why)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);

	(void)why;
	if (d == NULL || kit_equal(d->owner, owner))
		return;
	free(d->before);
	d->before = d->owner;
	d->owner = kit_copy(owner);
	duty_touch(l2, d);
}

static void
on_left(void *arg)
{
	l2_leave(arg);
}

const struct owners_calls duty_owner_calls = {
	.take = on_take,
	.again = on_again,
	.yield = on_yield,
	.wanted = on_wanted,
	.next = on_next,
	.send = on_send,
	.ethers = on_ethers,
	.segments = on_segments,
	.fence = on_fence,
	.changed = on_changed,
	.left = on_left,
};

/* From the carrier half --------------------------------------------------------------------- */

static void
conflict_found(struct l2 *l2, struct duty *d, const uint8_t mac[6],
    const char *what, const char *then)
{
	char text[KIT_ADDR_TEXT], by[KIT_MAC_TEXT];

	memcpy(d->mac, mac, sizeof(d->mac));
	l2->tally.conflicts++;
	l2_say(l2, L2_CONFLICT, LOG_ERR, "%s %s%s%s: it is none of our nodes",
	    kit_addr_print(&d->address, text), what, kit_mac_print(mac, by),
	    then);
}

/* A quarantine is over, and for the owner half it was ours all the time. */
static void
take_again(struct l2 *l2, struct duty *d)
{
	char text[KIT_ADDR_TEXT];

	d->given_up = false;
	carrier_take(l2->carrier, &d->address);
	l2_say(l2, L2_CONFLICT, LOG_NOTICE, "%s: free again, and taken",
	    kit_addr_print(&d->address, text));
}

static void
on_probed(void *arg, const struct bgpd_addr *addr, enum carrier_probed result,
    const uint8_t mac[6])
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);

	if (d == NULL)
		return;
	/* A fellow has it: that he claims it is heard from himself, if he is. */
	d->free = result == CARRIER_FREE ||
		  (result == CARRIER_FELLOW && !owners_has_foreign(l2->owners));
	d->wanted = false;
	d->conflict = result == CARRIER_ALIEN;
	if (d->conflict)
		conflict_found(l2, d, mac, "is in use by ", ", and not taken");
	else if (d->given_up && result == CARRIER_FREE)
		take_again(l2, d);
	owners_ready(l2->owners, addr, d->free && d->phase == BGPD_CARRIED,
	    carrier_now_us());
	duty_touch(l2, d);
	l2_settle(l2);
}

static void
on_conflict(void *arg, const struct bgpd_addr *addr, const uint8_t mac[6],
    int ifindex, const struct bgpd_addr *fellow, uint8_t state)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);
	struct mate *mate = fellow == NULL ? NULL : crew_find_addr(l2, fellow);

	(void)ifindex;
	if (mate == NULL && fellow != NULL)
		mate = crew_find_ether(l2, mac);
	if (mate != NULL)
		owners_rival(l2->owners, addr, mate->name, carrier_now_us());
	if (d == NULL || fellow != NULL) {
		l2_settle(l2);
		return;
	}
	d->conflict = true;
	conflict_found(l2, d, mac, "is claimed by ",
	    state == CARRIER_TAKEN ? ", and defended" : ", and given up");
	if (state != CARRIER_TAKEN) {
		d->free = d->confirmed = false;
		d->given_up = d->mine;
		d->left = l2->knobs.carrier.policy == CARRIER_YIELD;
		owners_ready(l2->owners, addr, false, carrier_now_us());
	}
	duty_touch(l2, d);
	l2_settle(l2);
}

static void
on_conflict_over(void *arg, const struct bgpd_addr *addr)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);

	if (d == NULL)
		return;
	d->conflict = false;
	duty_touch(l2, d);
	l2_settle(l2);
}

static void
on_confirmed(void *arg, const struct bgpd_addr *addr,
    const struct bgpd_addr *by, uint32_t ms)
{
	struct l2 *l2 = arg;
	struct duty *d = duty_find(l2, addr);

	(void)by;
	tally_add(&l2->tally.confirms, (int64_t)ms * 1000);
	if (d == NULL)
		return;
	d->confirmed = true;
	duty_touch(l2, d);
	l2_settle(l2);
}

static void
on_unconfirmed(
    void *arg, const struct bgpd_addr *addr, enum carrier_proof proof)
{
	struct l2 *l2 = arg;
	char text[KIT_ADDR_TEXT];

	l2_say(l2, L2_PROOF,
	    proof == CARRIER_UNPROVABLE ? LOG_INFO : LOG_WARNING, "%s: %s",
	    kit_addr_print(addr, text),
	    proof == CARRIER_UNPROVABLE
		? "of no subnet of a gateway: whether it was heard is not known"
		: "no gateway answers to it: a switch or an anti-spoofing "
		  "filter may drop what we announce");
}

static void
on_iface(
    void *arg, int ifindex, const char *name, bool used, const char *why_not)
{
	struct l2 *l2 = arg;

	(void)ifindex;
	/* Those of pods come and go all day. */
	l2_say(l2, L2_INTERFACE,
	    used || strcmp(why_not, "excluded") != 0 ? LOG_INFO : LOG_DEBUG,
	    "interface %s: %s%s%s", name, used ? "used" : "not used",
	    used ? "" : ": ", used ? "" : why_not);
	l2_look_again(l2);
}

static void
on_kernel_answers(
    void *arg, const struct bgpd_addr *addr, const char *on, bool answers)
{
	struct l2 *l2 = arg;
	char text[KIT_ADDR_TEXT];

	if (!answers)
		return;
	l2_say(l2, L2_CONFLICT, LOG_WARNING,
	    "%s: this node's kernel answers for it too, as it is on %s: set "
	    "net.ipv4.conf.all.arp_ignore=1 (kube-proxy: ipvs.strictARP), or "
	    "take it off",
	    kit_addr_print(addr, text), on);
}

static void
on_gateway(void *arg, const struct bgpd_addr *gateway, int ifindex)
{
	(void)gateway;
	witness_hear(arg, ifindex);
}

static void
on_links(void *arg)
{
	l2_look_soon(arg);
}

const struct carrier_callbacks duty_carrier_calls = {
	.on_links = on_links,
	.on_probed = on_probed,
	.on_conflict = on_conflict,
	.on_conflict_over = on_conflict_over,
	.on_confirmed = on_confirmed,
	.on_unconfirmed = on_unconfirmed,
	.on_iface = on_iface,
	.on_kernel_answers = on_kernel_answers,
	.on_gateway = on_gateway,
};

/* Life ------------------------------------------------------------------------------------------ */

void
duty_open(struct l2 *l2)
{
	RB_INIT(&l2->duties);
	TAILQ_INIT(&l2->news);
	l2->report = l2->host->timer_new(l2->self, on_report, l2);
}

void
duty_close(struct l2 *l2)
{
	struct duty *d;

	while ((d = RB_MIN(duties, &l2->duties)) != NULL)
		duty_free(l2, d);
	l2->host->timer_free(l2->report);
}
