/* SPDX-License-Identifier: ISC */
/* How much may be read from servers before the loop has its turn. */

/*
 * Turns are told apart by time: what is ready at once is handed over one by one
 * without a moment between, and shares a ration.
 */

#include "http.h"

#define RATION (64 * 1024) /* with what is made of it, 1 or 2 ms of CPU */

void
ration_renew(struct ration *r)
{
	r->left = RATION;
	r->refused = false;
}

bool
ration_is_left(const struct ration *r)
{
	return r->left > 0;
}

bool
ration_take(struct ration *r, size_t len, int64_t now_ms)
{
	if (r->rests && !r->refused && now_ms > r->rested_ms)
		ration_renew(r);
	r->rests = false;
	if (r->left == 0 && len > 0) {
		r->refused = true;
		return false;
	}
	r->left -= len < r->left ? len : r->left;
	return true;
}

void
ration_rest(struct ration *r, int64_t now_ms)
{
	r->rests = true;
	r->rested_ms = now_ms;
}
