/* SPDX-License-Identifier: ISC */
/* The secret of the fast keyed hash. */
#include "util/mix.h"

#include <bsd/stdlib.h>

uint64_t mix_secret[2];

/* Before main, so that no thread sees two. */
__attribute__((constructor)) static void
mix_make_secret(void)
{
	arc4random_buf(mix_secret, sizeof(mix_secret));
	/* Neither is zero, and the multiplier is odd. */
	mix_secret[0] |= UINT64_C(1) << 63;
	mix_secret[1] |= 1;
}
