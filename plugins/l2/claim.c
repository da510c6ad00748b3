/* SPDX-License-Identifier: ISC */
/* The table of claims: every address, its owner, and which of two claims wins. */

/*
 * A claim is (address, owner, epoch, rank). The newer epoch wins; of equal ones
 * the better rank (place in the order of candidates), then the lower id. A
 * released address keeps its epoch, with no owner. Each member has the list of
 * what it owns, so that its death touches that and no more, and a sum of it, by
 * which two nodes see whether they believe the same.
 *
 * Epochs need no disk: who starts hears the others first, and with a partition
 * that must stay consistent a first claim begins at the wall clock of the start,
 * so that what was forgotten by all is older than what follows.
 */

#include "elect.h"
#include "owner_inside.h"

/* Found by address --------------------------------------------------------------- */

int
claim_compare(const struct claim *a, const struct claim *b)
{
	return kit_addr_compare(&a->addr, &b->addr);
}
RB_GENERATE_INTERNAL(
    claims, claim, link, claim_compare, __attribute__((unused)) static)

static int
group_compare(const struct group *a, const struct group *b)
{
	return strcmp(a->name, b->name);
}
RB_GENERATE_INTERNAL(
    groups, group, link, group_compare, __attribute__((unused)) static)

struct claim *
claim_find(const struct owners *o, const struct bgpd_addr *addr)
{
	struct claim key;

	key.addr = *addr;
	return claims_RB_FIND((struct claims *)(uintptr_t)&o->claims, &key);
}

struct claim *
claim_next(const struct owners *o, struct claim *claim)
{
	return claim != NULL ? claims_RB_NEXT(claim)
			     : claims_RB_MINMAX(
				   (struct claims *)(uintptr_t)&o->claims, -1);
}

static void
list_remove(struct owners *o, struct claim *claim)
{
	if (claim->owner == NULL)
		TAILQ_REMOVE(&o->orphans, claim, of_owner);
	else {
		TAILQ_REMOVE(&claim->owner->claims, claim, of_owner);
		claim->owner->claim_count--;
	}
}

static void
list_add(struct owners *o, struct claim *claim)
{
	if (claim->owner == NULL)
		TAILQ_INSERT_TAIL(&o->orphans, claim, of_owner);
	else {
		TAILQ_INSERT_TAIL(&claim->owner->claims, claim, of_owner);
		claim->owner->claim_count++;
	}
}

struct claim *
claim_from(const struct owners *o, const struct bgpd_addr *addr)
{
	struct claim key, *claim;

	key.addr = *addr;
	claim = claims_RB_NFIND((struct claims *)(uintptr_t)&o->claims, &key);
	return claim != NULL ? claim : claim_next(o, NULL);
}

struct claim *
claim_get(struct owners *o, const struct bgpd_addr *addr)
{
	struct claim *claim = claim_find(o, addr);

	if (claim != NULL)
		return claim;
	claim = kit_alloc(sizeof(*claim));
	claim->addr = *addr;
	claim->since_us = o->now_us;
	claim->why = "nobody has claimed it";
	claims_RB_INSERT(&o->claims, claim);
	o->claim_count++;
	list_add(o, claim);
	segments_place(o, claim);
	return claim;
}

/* A part of the sum of what a member owns: of the address and the epoch. */
static uint64_t
part_of_digest(const struct claim *claim)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ claim->epoch;
	size_t i, len = claim->addr.family == 4 ? 4 : 16;

	for (i = 0; i < len; i++)
		h = (h ^ claim->addr.bytes[i]) * 0x100000001b3u;
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9u;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

void
claim_doubt(struct claim *claim, bool doubted)
{
	if (claim->doubted == doubted || claim->owner == NULL)
		return;
	claim->doubted = doubted;
	claim->owner->claims_digest ^= part_of_digest(claim);
}

void
claim_free(struct owners *o, struct claim *claim)
{
	size_t i;

	claim_doubt(claim, true);
	list_remove(o, claim);
	claim_mean(claim, NULL);
	claim_wait_end(o, claim);
	claim_group(o, claim, NULL);
	if (claim->tell > 0)
		TAILQ_REMOVE(&o->news, claim, of_news);
	claims_RB_REMOVE(&o->claims, claim);
	o->claim_count--;
	for (i = 0; i < claim->candidate_count; i++)
		free(claim->candidates[i].node);
	free(claim->candidates);
	free(claim->agreed);
	free(claim);
}

bool
claim_forget(struct owners *o, struct claim *claim)
{
	if (claim->offered || claim->owner != NULL || claim->tell > 0)
		return false;
	claim_free(o, claim);
	return true;
}

void
claims_free(struct owners *o)
{
	struct claim *claim;

	while ((claim = RB_ROOT(&o->claims)) != NULL)
		claim_free(o, claim);
}

/* Whose it is ---------------------------------------------------------------------- */

bool
claim_loses(const struct claim *claim, uint64_t epoch, uint16_t rank,
    const struct member *owner)
{
	if (epoch != claim->epoch)
		return epoch > claim->epoch;
	/* A release at the same epoch is older than a claim. */
	if (claim->owner == NULL || owner == NULL || owner == claim->owner)
		return claim->owner == NULL && owner != NULL;
	if (rank != claim->rank)
		return rank < claim->rank;
	return owner->id < claim->owner->id;
}

static void
note(struct owners *o, struct claim *claim, const char *why)
{
	struct transition *t = &claim->events[claim->event_next];

	claim->why = why;
	claim->since_us = o->now_us;
	t->at_us = o->now_us;
	t->epoch = claim->epoch;
	t->owner = claim->owner != NULL ? claim->owner->id : 0;
	t->why = why;
	claim->event_next = (claim->event_next + 1) % OWNERS_EVENTS;
	if (claim->event_count < OWNERS_EVENTS)
		claim->event_count++;
}

void
claim_set(struct owners *o, struct claim *claim, struct member *owner,
    uint64_t epoch, uint16_t rank, const char *why)
{
	bool moved = owner != claim->owner || claim->epoch == 0;

	claim_doubt(claim, true);
	list_remove(o, claim);
	claim->doubted = true;
	claim->owner = owner;
	claim->epoch = epoch;
	claim->rank = rank;
	if (epoch > claim->promised)
		claim->promised = epoch;
	list_add(o, claim);
	claim_doubt(claim, false);
	claim->accepted = claim->alone = false;
	claim->proposed = 0;
	claim->moving = false;
	claim->to = NULL;
	claim->tried = 0;
	claim_mean(claim, NULL);
	if (!moved)
		return;
	claim->refused = 0;
	claim->hold_us = 0;
	note(o, claim, why);
	elect_look_again(o);
	if (o->calls.changed != NULL)
		o->calls.changed(o->arg, &claim->addr,
		    owner != NULL ? owner->name : NULL, why);
}

void
claim_mean(struct claim *claim, struct member *member)
{
	if (claim->meant == member)
		return;
	if (claim->meant != NULL)
		claim->meant->meant_count--;
	claim->meant = member;
	if (member != NULL)
		member->meant_count++;
}

/* Lists ---------------------------------------------------------------------------- */

void
claim_wait(struct owners *o, struct claim *claim, int64_t due_us)
{
	claim->due_us = due_us;
	if (claim->pending)
		return;
	claim->pending = true;
	TAILQ_INSERT_TAIL(&o->pending, claim, of_pending);
}

void
claim_wait_end(struct owners *o, struct claim *claim)
{
	if (!claim->pending)
		return;
	claim->pending = false;
	TAILQ_REMOVE(&o->pending, claim, of_pending);
}

void
claim_tell(struct owners *o, struct claim *claim)
{
	if (claim->tell == 0)
		TAILQ_INSERT_TAIL(&o->news, claim, of_news);
	claim->tell = TELL_TIMES;
	o->has_news = true;
}

static struct group *
group_get(struct owners *o, const char *name)
{
	size_t len = strlen(name) + 1;
	struct group *group, *made = kit_alloc(sizeof(*made) + len);

	memcpy(made->name, name, len);
	TAILQ_INIT(&made->claims);
	group = groups_RB_INSERT(&o->groups, made);
	if (group == NULL)
		return made;
	free(made);
	return group;
}

/* NULL: in none. */
void
claim_group(struct owners *o, struct claim *claim, const char *name)
{
	struct group *old = claim->group;

	if (old != NULL && name != NULL && strcmp(old->name, name) == 0)
		return;
	if (old != NULL) {
		TAILQ_REMOVE(&old->claims, claim, of_group);
		if (TAILQ_EMPTY(&old->claims)) {
			groups_RB_REMOVE(&o->groups, old);
			free(old);
		}
		claim->group = NULL;
	}
	if (name == NULL || name[0] == '\0')
		return;
	claim->group = group_get(o, name);
	TAILQ_INSERT_TAIL(&claim->group->claims, claim, of_group);
}

static int
sort_by_addr(const void *a, const void *b)
{
	return claim_compare(
	    *(struct claim *const *)a, *(struct claim *const *)b);
}

struct claim **
claims_sorted(const struct claim_list *list, size_t *count)
{
	struct claim **sorted, *claim;
	size_t n = 0;

	TAILQ_FOREACH (claim, list, of_owner)
		n++;
	sorted = kit_alloc((n + 1) * sizeof(struct claim *));
	n = 0;
	TAILQ_FOREACH (claim, list, of_owner)
		sorted[n++] = claim;
	qsort(sorted, n, sizeof(struct claim *), sort_by_addr);
	*count = n;
	return sorted;
}

struct message_entry
claim_entry(const struct claim *claim, uint8_t kind)
{
	struct message_entry entry = { .kind = kind, .rank = claim->rank };

	entry.addr = claim->addr;
	entry.owner = claim->owner != NULL ? claim->owner->id : 0;
	entry.epoch = claim->epoch;
	return entry;
}

void
owners_each(const struct owners *o,
    void (*on_address)(void *arg, const struct bgpd_addr *addr), void *arg)
{
	struct claim *claim = NULL;

	while ((claim = claim_next(o, claim)) != NULL)
		on_address(arg, &claim->addr);
}
