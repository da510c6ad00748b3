/* SPDX-License-Identifier: ISC */
/* Addresses as they are offered, and what an operator says of them. */

#include <sha2.h>

#include "elect.h"
#include "owner_inside.h"

/* Candidates are sorted here, once, so that a death needs no hash. */
static void
candidates_set(
    struct owners *o, struct claim *claim, const struct owners_address *address)
{
	struct candidate *c;
	size_t i;

	for (i = 0; i < claim->candidate_count; i++)
		free(claim->candidates[i].node);
	claim->candidates = kit_grow(claim->candidates,
	    address->candidate_count * sizeof(*claim->candidates));
	claim->candidate_count = address->candidate_count;
	for (i = 0; i < claim->candidate_count; i++) {
		c = &claim->candidates[i];
		c->node = kit_copy(address->candidates[i].node);
		c->weight = address->candidates[i].weight;
		c->member = member_find(o, c->node);
		elect_hash(c->node, &claim->addr, c->hash);
	}
	elect_sort(claim->candidates, claim->candidate_count);
	claim->tried = 0;
}

/*
 * Of names and weights, as they were said: hundreds of nodes for each of a
 * thousand addresses are told again whenever one of the nodes changes.
 */
static uint64_t
candidates_id(const struct owners_address *address)
{
	const struct owners_candidate *c;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	uint64_t id;
	SHA2_CTX sha;
	size_t i;

	SHA256Init(&sha);
	for (i = 0; i < address->candidate_count; i++) {
		c = &address->candidates[i];
		SHA256Update(
		    &sha, (const uint8_t *)c->node, strlen(c->node) + 1);
		SHA256Update(
		    &sha, (const uint8_t *)&c->weight, sizeof(c->weight));
	}
	SHA256Final(hash, &sha);
	memcpy(&id, hash, sizeof(id));
	return id;
}

void
owners_address(
    struct owners *o, const struct owners_address *address, int64_t now_us)
{
	uint64_t id = candidates_id(address);
	struct claim *claim;

	owner_begin(o, now_us);
	claim = claim_get(o, &address->addr);
	if (claim->candidates_id != id)
		candidates_set(o, claim, address);
	claim->candidates_id = id;
	claim_group(o, claim, address->group);
	elect_look_again(o);
	claim->offered = true;
	claim->ready = claim->ready || address->ready;
	claim->carried = address->segments;
	claim->nowhere = address->nowhere;
	segments_place(o, claim);
	take_decide(o, claim);
	owner_end(o);
}

void
owners_address_remove(
    struct owners *o, const struct bgpd_addr *addr, int64_t now_us)
{
	struct claim *claim = claim_find(o, addr);

	owner_begin(o, now_us);
	if (claim != NULL && claim->offered) {
		claim->offered = claim->ready = claim->asked = false;
		claim->nowhere = false;
		elect_tell(o, claim, false);
		claim->proposed = 0;
		claim_group(o, claim, NULL);
		claim_mean(claim, NULL);
		claim_wait_end(o, claim);
		if (claim->owner == o->self)
			take_release(o, claim, "it is not offered any more");
		claim_forget(o, claim);
	}
	owner_end(o);
}

void
owners_ready(
    struct owners *o, const struct bgpd_addr *addr, bool ready, int64_t now_us)
{
	struct claim *claim = claim_find(o, addr);

	owner_begin(o, now_us);
	if (claim != NULL) {
		claim->asked = false; /* it may be asked for again, later */
		if (claim->ready != ready || claim->proven != ready) {
			claim->ready = claim->proven = ready;
			take_decide(o, claim);
		}
	}
	owner_end(o);
}

/* Other members: the same candidates, found anew; proposals begin again. */
void
addr_members_changed(struct owners *o)
{
	struct claim *claim = NULL;
	size_t i;

	elect_look_again(o);
	while ((claim = claim_next(o, claim)) != NULL) {
		for (i = 0; i < claim->candidate_count; i++)
			claim->candidates[i].member =
			    member_find(o, claim->candidates[i].node);
		if (claim->proposed == 0)
			continue;
		claim->proposed = 0;
		claim_wait(o, claim, o->now_us);
	}
}

/* The shell ------------------------------------------------------------------------ */

/* NULL: it may move there. */
static const char *
move_fault(
    const struct owners *o, const struct claim *claim, const struct member *to)
{
	const struct candidate *c;

	if (claim->owner != o->self)
		return "it is not this node's";
	if (claim->moving)
		return "it is being handed over";
	if (to == NULL)
		return elect(o, claim, 0) == NULL ? "no candidate is alive"
						  : NULL;
	c = elect_find(claim, to);
	if (c == NULL || to == o->self)
		return "that node is no candidate for it";
	return elect_unfit(o, claim, c);
}

static size_t
move_one(
    struct owners *o, struct claim *claim, struct member *to, const char **why)
{
	*why = move_fault(o, claim, to);
	if (*why != NULL)
		return 0;
	claim->tried = 0;
	if (move_over(o, claim, to, "handed over by command"))
		return 1;
	*why = "no other candidate is alive";
	return 0;
}

static size_t
move_many(
    struct owners *o, const char *group, struct member *to, const char **why)
{
	struct claim *claim, *next;
	size_t moved = 0;

	TAILQ_FOREACH_SAFE (claim, &o->self->claims, of_owner, next) {
		if (group != NULL &&
		    (claim->group == NULL ||
			strcmp(claim->group->name, group) != 0))
			continue;
		moved += move_one(o, claim, to, why);
	}
	return moved;
}

size_t
owners_handover(struct owners *o, const struct bgpd_addr *addr,
    const char *group, const char *to, const char **why, int64_t now_us)
{
	struct member *member = member_find(o, to);
	struct claim *claim = addr == NULL ? NULL : claim_find(o, addr);
	size_t moved = 0;

	owner_begin(o, now_us);
	*why = "this node owns nothing of that";
	if (to != NULL && member == NULL)
		*why = "there is no such node";
	else if (claim != NULL)
		moved = move_one(o, claim, member, why);
	else if (addr == NULL)
		moved = move_many(o, group, member, why);
	if (moved > 0)
		*why = NULL;
	owner_end(o);
	return moved;
}

void
owners_settle(struct owners *o, int64_t now_us)
{
	size_t i;

	owner_begin(o, now_us);
	for (i = 0; i < o->member_count; i++)
		o->members[i]->up_since_us = INT64_MIN / 2;
	if (o->started)
		owner_review(o);
	owner_end(o);
}

bool
owners_has_foreign(const struct owners *o)
{
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		if (verdict_is_foreign(o, o->members[i]))
			return true;
	}
	return false;
}

/*
 * With one that speaks another key nothing can be settled by messages; the order
 * of candidates is known to both, and one of the two obeys it.
 */
static bool
yields_to_foreign(
    const struct owners *o, const struct claim *claim, const struct member *m)
{
	return !owner_is_consistent(o) && claim->owner == o->self &&
	       verdict_is_foreign(o, m) &&
	       take_rank(claim, m) < take_rank(claim, o->self);
}

static void
yield_to_foreign(struct owners *o, struct claim *claim, struct member *m)
{
	static const char why[] =
	    "a node that cannot be understood has it, and is before this one";

	take_stop(o, claim, why);
	claim_wait_end(o, claim);
	claim_set(o, claim, m, claim->epoch, take_rank(claim, m), why);
}

void
owners_rival(struct owners *o, const struct bgpd_addr *addr, const char *name,
    int64_t now_us)
{
	struct claim *claim = claim_find(o, addr);
	struct member *m = member_find(o, name);
	struct message_entry mine;

	owner_begin(o, now_us);
	if (claim != NULL && m != NULL && m != o->self &&
	    yields_to_foreign(o, claim, m))
		yield_to_foreign(o, claim, m);
	else if (claim != NULL && m != NULL && m != o->self &&
		 claim->owner == o->self &&
		 o->now_us - m->replied_us >= o->interval_us / 2) {
		/* It says what it knows, and hears what is known here. */
		mine = claim_entry(claim, ENTRY_CLAIM);
		m->replied_us = o->now_us;
		m->want = true;
		talk_entry(o, m, &mine);
	}
	owner_end(o);
}
