/* SPDX-License-Identifier: ISC */
/* The dice of a test, also those that what is tested rolls: each run is the same. */
#ifndef DICE_H
#define DICE_H

/* It is linked with --wrap=arc4random_uniform. */

#include <stdint.h>

static uint64_t dice = UINT64_C(0x9e3779b97f4a7c15);

uint32_t __wrap_arc4random_uniform(uint32_t bound);

static uint32_t
roll(uint32_t bound)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return bound == 0 ? 0 : (uint32_t)(dice >> 32) % bound;
}

uint32_t
__wrap_arc4random_uniform(uint32_t bound)
{
	return roll(bound);
}

#endif
