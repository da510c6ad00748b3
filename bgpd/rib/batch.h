/* SPDX-License-Identifier: ISC */
/* A batch of routes to be told, sorted by what they share and by audience. */
#ifndef RIB_BATCH_H
#define RIB_BATCH_H

#include "rib/group.h"

#define SHARE_NONE    UINT32_MAX       /* not told: withdrawn where it was */
#define SHARE_TOO_BIG (UINT32_MAX - 1) /* no message can hold it */

struct batch_item {
	uint32_t id;
	uint32_t next; /* of the bucket; ID_NONE */
	bool held;     /* we own the hold of the set it was in */
};

/* What messages share: bytes of the batch, written once, equal ones merged. */
struct batch_share {
	uint32_t at, len, reach_at;
	uint32_t hash;
	uint32_t buckets; /* the first one with it, index + 1 */
};

/* What export said of a set of a source. */
struct batch_answer {
	struct rib_attr *set; /* whose `answer` leads here */
	uint32_t next;	      /* of the same set; 0: none, else index + 1 */
	uint32_t share;
	uint16_t source;
};

struct batch_bucket {
	uint32_t share; /* SHARE_NONE: withdrawn */
	uint32_t first, last, count;
	uint32_t next; /* of the same share; 0: none, else index + 1 */
	uint16_t source;
	uint8_t rule; /* enum tell_rule */
};

/* One for all groups: they write one after the other. All zeroes is empty. */
struct batch {
	struct batch_item *items;
	uint32_t item_count, item_capacity;
	struct batch_answer *answers;
	uint32_t answer_count, answer_capacity;
	struct batch_share *shares;
	uint32_t share_count, share_capacity;
	struct batch_bucket *buckets;
	uint32_t bucket_count, bucket_capacity;
	uint8_t *bytes;
	size_t len, capacity;
	uint32_t *slots; /* of shares, by hash: index + 1 */
	uint32_t slot_count;
	uint32_t withdrawn; /* the first bucket of withdrawals, index + 1 */
	size_t estimate;    /* bytes of the messages that it becomes */
};

/* Room for one more of an array that doubles; the array. */
void *batch_grow(void *p, uint32_t count, uint32_t *capacity, size_t size);
/* Forgets what it holds; the sets of its answers are still there. */
void batch_reset(struct batch *b);
void batch_free(struct batch *b);
/* Memory that only a large batch needs is given back. */
void batch_relax(struct batch *b);
size_t batch_size(const struct batch *b);
/* Would it fill the slice of an encoder? */
bool batch_is_full(const struct batch *b);

/* The answer about a set of a source that was noted; false: none. */
bool batch_find_answer(const struct batch *b, const struct rib_attr *set,
    uint16_t source, uint32_t *share);
void batch_note_answer(
    struct batch *b, struct rib_attr *set, uint16_t source, uint32_t share);
/* Attributes as a share; SHARE_TOO_BIG. */
uint32_t batch_share(struct batch *b, const struct wire_session *session,
    enum family family, const struct attr *attr);
struct update_shared batch_share_at(const struct batch *b, uint32_t share);
/* One more in the bucket of share, rule and source, of a prefix so long. */
struct batch_item *batch_add(struct batch *b, uint32_t share,
    enum tell_rule rule, uint16_t source, uint8_t len);

#endif
