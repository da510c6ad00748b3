/* SPDX-License-Identifier: ISC */
/* The keys that are known of a kind, marked by the list that showed them last. */

/*
 * A list is a difference: nothing is dropped before the whole of it has been
 * seen. Each key has the number of the list that it was seen in or after; a
 * sweep goes through all keys, in slices, and what has an older number is gone.
 * Between two slices keys come and go: the sweep stands on a key that is there.
 */

#include <stdlib.h>
#include <string.h>

#include "watch.h"

struct known_key {
	RB_ENTRY(known_key) link;
	unsigned list;
	char name[];
};
RB_HEAD(known_keys, known_key);

struct known {
	struct known_keys keys;
	size_t count;
	unsigned list;
	bool sweeping;
	struct known_key *next; /* of the sweep; NULL: it begins */
};

K8S_TREE_OF_NAMES(known_keys, known_key, name)

static void
known_mark(struct known *known, const char *key, unsigned list)
{
	struct known_key *k = known_keys_find(&known->keys, key);

	if (k == NULL) {
		k = k8s_alloc(sizeof(*k) + strlen(key) + 1);
		strcpy(k->name, key);
		RB_INSERT(known_keys, &known->keys, k);
		known->count++;
	}
	k->list = list;
}

void
known_see(struct known *known, const char *key)
{
	known_mark(known, key, known->list);
}

void
known_hear(struct known *known, const char *key)
{
	known_mark(known, key, 0);
}

/* Out of the set, and out of a sweep's way; the caller's to free. */
static void
known_take(struct known *known, struct known_key *k)
{
	if (known->next == k) {
		known->next = RB_NEXT(known_keys, &known->keys, k);
		known->sweeping = known->next != NULL;
	}
	RB_REMOVE(known_keys, &known->keys, k);
	known->count--;
}

bool
known_remove(struct known *known, const char *key)
{
	struct known_key *k = known_keys_find(&known->keys, key);

	if (k == NULL)
		return false;
	known_take(known, k);
	free(k);
	return true;
}

void
known_list(struct known *known)
{
	/* 0 is what is only heard of, also after four billion lists. */
	if (++known->list == 0)
		known->list++;
	known->sweeping = false;
	known->next = NULL;
}

bool
known_sweep(struct known *known, size_t max,
    bool (*on_gone)(void *arg, const char *key), void *arg)
{
	struct known_key *k;
	bool go_on = true;

	if (!known->sweeping) {
		known->next = RB_MIN(known_keys, &known->keys);
		known->sweeping = known->next != NULL;
	}
	for (; known->sweeping && go_on && max > 0; max--) {
		k = known->next;
		if (k->list == known->list) {
			known->next = RB_NEXT(known_keys, &known->keys, k);
			known->sweeping = known->next != NULL;
			continue;
		}
		known_take(known, k);
		go_on = on_gone(arg, k->name);
		free(k);
	}
	return !known->sweeping;
}

size_t
known_count(const struct known *known)
{
	return known->count;
}

struct known *
known_new(void)
{
	struct known *known = k8s_alloc(sizeof(*known));

	RB_INIT(&known->keys);
	known->list = 1;
	return known;
}

void
known_free(struct known *known)
{
	struct known_key *k;

	while ((k = RB_MIN(known_keys, &known->keys)) != NULL) {
		RB_REMOVE(known_keys, &known->keys, k);
		free(k);
	}
	free(known);
}
