/* SPDX-License-Identifier: ISC */
/* A batch of routes to be told, sorted by what they share and by audience. */
#include <string.h>

#include "rib/batch.h"
#include "util/mem.h"
#include "util/mix.h"

/*
 * Outgoing attributes are of use only until they are written: they are encoded
 * here, and equal bytes become one share, so that routes leave in as few messages
 * as they can. Nothing of it is interned. Answers of export are found through the
 * set that was asked about.
 */
#define BYTES_MAX (1024u * 1024)
#define FEW	  64u

void *
batch_grow(void *p, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return p;
	*capacity = *capacity > 0 ? *capacity * 2 : FEW;
	return mem_resize(p, *capacity, size);
}

void
batch_reset(struct batch *b)
{
	uint32_t i;

	for (i = 0; i < b->answer_count; i++)
		b->answers[i].set->answer = 0;
	if (b->share_count > 0)
		memset(b->slots, 0, b->slot_count * sizeof(*b->slots));
	b->item_count = b->answer_count = 0;
	b->share_count = b->bucket_count = 0;
	b->len = b->estimate = 0;
	b->withdrawn = 0;
}

void
batch_free(struct batch *b)
{
	batch_reset(b);
	mem_free(b->items);
	mem_free(b->answers);
	mem_free(b->shares);
	mem_free(b->buckets);
	mem_free(b->bytes);
	mem_free(b->slots);
	memset(b, 0, sizeof(*b));
}

void
batch_relax(struct batch *b)
{
	if (b->item_capacity > FEW || b->capacity > BYTES_MAX / 8)
		batch_free(b);
}

size_t
batch_size(const struct batch *b)
{
	return b->item_capacity * sizeof(*b->items) +
	       b->answer_capacity * sizeof(*b->answers) +
	       b->share_capacity * sizeof(*b->shares) +
	       b->bucket_capacity * sizeof(*b->buckets) + b->capacity +
	       b->slot_count * sizeof(*b->slots);
}

bool
batch_is_full(const struct batch *b)
{
	return b->estimate >= TELL_SLICE || b->len > BYTES_MAX;
}

/* answers ---------------------------------------------------------------------- */

bool
batch_find_answer(const struct batch *b, const struct rib_attr *set,
    uint16_t source, uint32_t *share)
{
	const struct batch_answer *answer;
	uint32_t at;

	for (at = set->answer; at != 0; at = answer->next) {
		answer = &b->answers[at - 1];
		if (answer->source != source)
			continue;
		*share = answer->share;
		return true;
	}
	return false;
}

void
batch_note_answer(
    struct batch *b, struct rib_attr *set, uint16_t source, uint32_t share)
{
	b->answers = batch_grow(b->answers, b->answer_count,
	    &b->answer_capacity, sizeof(*b->answers));
	b->answers[b->answer_count++] = (struct batch_answer){ .set = set,
		.next = set->answer,
		.share = share,
		.source = source };
	set->answer = b->answer_count;
}

/* shares ----------------------------------------------------------------------- */

static void
slot_take(struct batch *b, uint32_t share)
{
	uint32_t mask = b->slot_count - 1, at = b->shares[share].hash & mask;

	while (b->slots[at] != 0)
		at = (at + 1) & mask;
	b->slots[at] = share + 1;
}

static void
slots_fit(struct batch *b)
{
	uint32_t i;

	if (b->share_count * 2 < b->slot_count)
		return;
	mem_free(b->slots);
	b->slot_count = b->slot_count > 0 ? b->slot_count * 2 : 2 * FEW;
	b->slots = mem_array(b->slot_count, sizeof(*b->slots));
	for (i = 0; i < b->share_count; i++)
		slot_take(b, i);
}

/* One with these bytes, or SHARE_NONE. */
static uint32_t
share_find(const struct batch *b, const struct batch_share *like)
{
	uint32_t mask = b->slot_count - 1, at = like->hash & mask;
	const struct batch_share *share;

	for (; b->slots[at] != 0; at = (at + 1) & mask) {
		share = &b->shares[b->slots[at] - 1];
		if (share->hash == like->hash && share->len == like->len &&
		    share->reach_at == like->reach_at &&
		    memcmp(b->bytes + share->at, b->bytes + like->at,
			like->len) == 0)
			return b->slots[at] - 1;
	}
	return SHARE_NONE;
}

/* With one prefix, of whichever length, it must fit into a message. */
static bool
fits(const struct wire_session *session, enum family family, size_t len)
{
	size_t max = session->extended ? MESSAGE_MAX_EXTENDED : MESSAGE_MAX;

	/* Two lengths, MP_REACH's header, a prefix. */
	return MESSAGE_HEADER + 4 + 4 + 1 + family_info[family].bits / 8 +
		   len <=
	       max;
}

uint32_t
batch_share(struct batch *b, const struct wire_session *session,
    enum family family, const struct attr *attr)
{
	struct update_shared bytes;
	struct batch_share like;
	struct buf out;
	uint32_t found;

	if (b->capacity < b->len + UPDATE_SHARED_MAX) {
		b->capacity = b->len + UPDATE_SHARED_MAX + b->len / 2;
		b->bytes = mem_resize(b->bytes, b->capacity, 1);
	}
	out = buf_writer(b->bytes + b->len, UPDATE_SHARED_MAX);
	if (update_share(&out, session, family, attr, &bytes) != 0 ||
	    !fits(session, family, bytes.len))
		return SHARE_TOO_BIG;
	like = (struct batch_share){ .at = (uint32_t)b->len,
		.len = (uint32_t)bytes.len,
		.reach_at = (uint32_t)bytes.reach_at,
		.hash = mix_hash(bytes.bytes, bytes.len) };
	slots_fit(b);
	found = share_find(b, &like);
	if (found != SHARE_NONE)
		return found;
	b->shares = batch_grow(
	    b->shares, b->share_count, &b->share_capacity, sizeof(*b->shares));
	b->shares[b->share_count] = like;
	slot_take(b, b->share_count);
	b->len += bytes.len;
	return b->share_count++;
}

struct update_shared
batch_share_at(const struct batch *b, uint32_t share)
{
	const struct batch_share *s = &b->shares[share];

	return (struct update_shared){ .bytes = b->bytes + s->at,
		.len = s->len,
		.reach_at = s->reach_at };
}

/* buckets ---------------------------------------------------------------------- */

static struct batch_bucket *
bucket_find(
    struct batch *b, uint32_t share, enum tell_rule rule, uint16_t source)
{
	uint32_t *head =
	    share == SHARE_NONE ? &b->withdrawn : &b->shares[share].buckets;
	struct batch_bucket *bucket;
	uint32_t at;

	for (at = *head; at != 0; at = bucket->next) {
		bucket = &b->buckets[at - 1];
		if (bucket->rule == rule && bucket->source == source)
			return bucket;
	}
	/* Two lengths, or those and MP_UNREACH_NLRI's seven octets. */
	b->estimate += MESSAGE_HEADER + 11;
	if (share != SHARE_NONE)
		b->estimate += b->shares[share].len;
	b->buckets = batch_grow(b->buckets, b->bucket_count,
	    &b->bucket_capacity, sizeof(*b->buckets));
	bucket = &b->buckets[b->bucket_count++];
	*bucket = (struct batch_bucket){ .share = share,
		.first = ID_NONE,
		.last = ID_NONE,
		.next = *head,
		.rule = (uint8_t)rule,
		.source = source };
	*head = b->bucket_count;
	return bucket;
}

struct batch_item *
batch_add(struct batch *b, uint32_t share, enum tell_rule rule, uint16_t source,
    uint8_t len)
{
	struct batch_bucket *bucket =
	    bucket_find(b, share, source != 0 ? rule : TELL_ALL, source);
	struct batch_item *item;

	b->items = batch_grow(
	    b->items, b->item_count, &b->item_capacity, sizeof(*b->items));
	item = &b->items[b->item_count];
	item->next = ID_NONE;
	if (bucket->first == ID_NONE)
		bucket->first = b->item_count;
	else
		b->items[bucket->last].next = b->item_count;
	bucket->last = b->item_count++;
	bucket->count++;
	b->estimate += 1 + (len + 7u) / 8;
	return item;
}
