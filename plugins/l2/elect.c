/* SPDX-License-Identifier: ISC */
/* The election: candidates of an address in order, the first that can, the next. */

/*
 * The order is MetalLB's: higher weight first, then the lower SHA-256 of
 * "NODE#IP". `balanced` keeps weights, and among equals takes the candidate with
 * the fewest addresses of the same group, then the fewest at all, then the order.
 * What each node counts is the same table, so that all come to the same result;
 * where they do not, claims decide (claim.c).
 * Candidates are sorted when an address is offered, never when somebody dies.
 *
 * Who would be elected without the owner is next, and gets ready. That may change
 * for every address when one node does; so it is looked at by ticks, so many
 * addresses in each, until all were looked at since the last change.
 */

#include <arpa/inet.h>
#include <sha2.h>

#include "elect.h"

const char *
elect_addr_text(const struct bgpd_addr *addr, char text[static 64])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *v4 = addr->bytes;

	/* As Go writes it: ::ffff:192.0.2.1 is 192.0.2.1. */
	if (addr->family == 6 && memcmp(v4, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, v4 + sizeof(mapped), text, 64);
	else
		inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, v4, text, 64);
	return text;
}

void
elect_hash(const char *node, const struct bgpd_addr *addr, uint8_t hash[32])
{
	SHA2_CTX sha;
	char text[64];

	elect_addr_text(addr, text);
	SHA256Init(&sha);
	SHA256Update(&sha, (const uint8_t *)node, strlen(node));
	SHA256Update(&sha, (const uint8_t *)"#", 1);
	SHA256Update(&sha, (const uint8_t *)text, strlen(text));
	SHA256Final(hash, &sha);
}

static int
candidate_compare(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return memcmp(a->hash, b->hash, sizeof(a->hash));
}

void
elect_sort(struct candidate *candidates, size_t count)
{
	qsort(candidates, count, sizeof(*candidates), candidate_compare);
}

struct candidate *
elect_find(const struct claim *claim, const struct member *member)
{
	size_t i;

	for (i = 0; i < claim->candidate_count; i++) {
		if (claim->candidates[i].member == member)
			return &claim->candidates[i];
	}
	return NULL;
}

/* Of this node: what it knows of itself. */
static const char *
unfit_self(const struct owners *o)
{
	if (o->leaving != 0)
		return "it is leaving";
	if (o->no_carrier)
		return "its link is down";
	if (o->self_fenced)
		return "it sees nobody";
	return NULL;
}

/* fresh: for what nobody ever had. */
static const char *
unfit_member(const struct owners *o, const struct member *m, bool fresh)
{
	if (m->excluded)
		return "it is excluded";
	if (m == o->self)
		return unfit_self(o);
	if (m->flags & MESSAGE_LEAVING)
		return "it is leaving";
	if (m->verdict == VERDICT_DEAD)
		return "it is not alive";
	/* Who starts may be the first of what nobody ever had. */
	if (m->verdict == VERDICT_WAIT ||
	    ((m->flags & MESSAGE_HEARING) != 0 && !fresh))
		return "it is starting";
	if (m->flags & MESSAGE_SELF_FENCED)
		return "it sees nobody";
	if (verdict_is_foreign(o, m))
		return "its messages are not believed, or not heard";
	return NULL;
}

const char *
elect_unfit_anywhere(const struct owners *o, const struct claim *claim,
    const struct candidate *candidate)
{
	return candidate->member == NULL
		   ? "no member"
		   : unfit_member(o, candidate->member, claim->epoch == 0);
}

const char *
elect_unfit(const struct owners *o, const struct claim *claim,
    const struct candidate *candidate)
{
	const char *why = elect_unfit_anywhere(o, claim, candidate);

	return why == NULL ? segments_unfit(o, claim, candidate->member) : why;
}

/* How many addresses of its group the member has, without this one. */
static size_t
in_group(const struct claim *claim, const struct member *member)
{
	const struct claim *other;
	size_t count = 0;

	if (claim->group == NULL)
		return 0;
	TAILQ_FOREACH (other, &claim->group->claims, of_group) {
		if (other != claim &&
		    (other->meant != NULL ? other->meant : other->owner) ==
			member)
			count++;
	}
	return count;
}

/* What it has or is meant to get, without this one. */
static size_t
load(const struct claim *claim, const struct member *member)
{
	size_t count = member->claim_count + member->meant_count;

	if (claim->meant == member || claim->owner == member)
		count--;
	return count;
}

/* Is a a better place than b, of the same weight and before it in order? */
static bool
is_lighter(const struct claim *claim, const struct candidate *a,
    const struct candidate *b)
{
	size_t group_a = in_group(claim, a->member);
	size_t group_b = in_group(claim, b->member);

	if (group_a != group_b)
		return group_a < group_b;
	return load(claim, a->member) < load(claim, b->member);
}

typedef const char *unfit_fn(const struct owners *o, const struct claim *claim,
    const struct candidate *candidate);

/* Of all that live, or of those that do where the address is. */
static struct candidate *
elect_among(const struct owners *o, const struct claim *claim, uint64_t tried,
    const struct member *but, unfit_fn *unfit)
{
	struct candidate *best = NULL, *c;
	size_t i;

	for (i = 0; i < claim->candidate_count; i++) {
		c = &claim->candidates[i];
		if ((i < 64 && (tried >> i & 1) != 0) || c->member == but ||
		    unfit(o, claim, c) != NULL)
			continue;
		if (best == NULL)
			best = c;
		if (o->config.election != OWNERS_BALANCED ||
		    c->weight != best->weight)
			break;
		if (c != best && is_lighter(claim, c, best))
			best = c;
	}
	return best;
}

static struct candidate *
elect_but(const struct owners *o, const struct claim *claim, uint64_t tried,
    const struct member *but)
{
	struct candidate *c = elect_among(o, claim, tried, but, elect_unfit);

	/* Who lives there not may do so again, and is better than nobody. */
	return c != NULL || claim->on == 0
		   ? c
		   : elect_among(o, claim, tried, but, elect_unfit_anywhere);
}

/* What cannot be reached from here can be offered nothing. */
static const char *
unfit_heir(const struct owners *o, const struct claim *claim,
    const struct candidate *candidate)
{
	const char *why = elect_unfit(o, claim, candidate);

	return why == NULL && !verdict_sees(o, candidate->member)
		   ? "it is not seen"
		   : why;
}

struct candidate *
elect_heir(const struct owners *o, const struct claim *claim)
{
	return elect_among(o, claim, 0, o->self, unfit_heir);
}

struct candidate *
elect(const struct owners *o, const struct claim *claim, uint64_t tried)
{
	return elect_but(o, claim, tried, NULL);
}

size_t
elect_place(const struct owners *o, const struct claim *claim)
{
	bool lives_there = segments_unfit(o, claim, o->self) == NULL;
	bool before = true;
	const struct candidate *c;
	size_t i, place = 0;

	for (i = 0; i < claim->candidate_count; i++) {
		c = &claim->candidates[i];
		before = before && c->member != o->self;
		/* Who does not live there is behind all that do. */
		place += elect_unfit(o, claim, c) == NULL
			     ? before || !lives_there
			     : before && !lives_there &&
				   elect_unfit_anywhere(o, claim, c) == NULL;
	}
	return place;
}

/* The next -------------------------------------------------------------------------- */

#define LOOK_MAX 256 /* addresses in a tick */

struct candidate *
elect_next(const struct owners *o, const struct claim *claim)
{
	return elect_but(o, claim, 0, claim->owner);
}

static bool
is_next(const struct owners *o, const struct claim *claim)
{
	const struct candidate *next;

	if (!claim->offered || claim->owner == NULL || claim->owner == o->self)
		return false;
	next = elect_next(o, claim);
	return next != NULL && next->member == o->self;
}

void
elect_look_again(struct owners *o)
{
	o->look_left = o->claim_count;
}

void
elect_review(struct owners *o)
{
	const char *unfit;
	struct member *m;
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		unfit = unfit_member(o, m, false);
		if (unfit == m->unfit)
			continue;
		m->unfit = unfit;
		elect_look_again(o);
	}
}

void
elect_tell(struct owners *o, struct claim *claim, bool next)
{
	if (claim->next == next)
		return;
	claim->next = next;
	if (o->calls.next != NULL)
		o->calls.next(o->arg, &claim->addr, next);
}

void
elect_look(struct owners *o)
{
	struct claim *claim;
	int i;

	for (i = 0; i < LOOK_MAX && o->look_left > 0 && !o->hearing; i++) {
		o->look_left--;
		claim = claim_from(o, &o->look_at);
		if (claim == NULL)
			return;
		elect_tell(o, claim, is_next(o, claim));
		claim = claim_next(o, claim);
		memset(&o->look_at, 0, sizeof(o->look_at));
		if (claim != NULL)
			o->look_at = claim->addr;
	}
}
