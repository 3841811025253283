/* SPDX-License-Identifier: GPL-2.0-only */
/* splitmix64: one stream per thread, all from one seed. */
#ifndef TORTURE_RNG_H
#define TORTURE_RNG_H

#include <linux/types.h>

struct rng {
	u64 state;
};

static inline u64 rng_next(struct rng *rng)
{
	u64 z = (rng->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void rng_fork(struct rng *rng, u64 seed, u64 stream)
{
	rng->state = seed;
	rng->state = rng_next(rng) ^ (stream * 0xd6e8feb86659fd93ull);
}

/* Uniform in [0, n), 0 for n = 0. */
static inline u64 rng_below(struct rng *rng, u64 n)
{
	return n ? rng_next(rng) % n : 0;
}

static inline bool rng_percent(struct rng *rng, unsigned int percent)
{
	return rng_below(rng, 100) < percent;
}

static inline void rng_fill(struct rng *rng, u8 *bytes, size_t size)
{
	while (size--)
		*bytes++ = (u8)rng_next(rng);
}

#endif
