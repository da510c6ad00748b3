/* SPDX-License-Identifier: ISC */
/* Attributes compared, member by member. */
#ifndef TESTS_SAME_H
#define TESTS_SAME_H

#include <string.h>

#include "wire/wire.h"

static inline bool
same_blob(const struct blob *a, const struct blob *b)
{
	size_t a_len = a != NULL ? a->len : 0;
	size_t b_len = b != NULL ? b->len : 0;

	if (a == b)
		return true;
	return a_len == b_len &&
	       (a_len == 0 || memcmp(a->bytes, b->bytes, a_len) == 0);
}

static inline bool
same_numbers(const struct attr *a, const struct attr *b)
{
	return a->present == b->present && a->origin == b->origin &&
	       a->med == b->med && a->local_pref == b->local_pref &&
	       a->aggregator_as == b->aggregator_as &&
	       a->aggregator_id == b->aggregator_id &&
	       a->originator_id == b->originator_id;
}

static inline bool
same_attr(const struct attr *a, const struct attr *b)
{
	return same_numbers(a, b) && addr_equal(&a->next_hop, &b->next_hop) &&
	       addr_equal(&a->next_hop_local, &b->next_hop_local) &&
	       same_blob(a->as_path, b->as_path) &&
	       same_blob(a->communities, b->communities) &&
	       same_blob(a->ext_communities, b->ext_communities) &&
	       same_blob(a->large_communities, b->large_communities) &&
	       same_blob(a->cluster_list, b->cluster_list) &&
	       same_blob(a->unknown, b->unknown);
}

#endif
