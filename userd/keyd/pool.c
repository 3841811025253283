// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fill and take; see the header.
 */
#include "keyd/pool.h"

#include "base/cursor.h"
#include "base/secret.h"

int pool_fill(struct pool *pool, struct host *host, struct reason *reason)
{
	size_t count = POOL_PIECES - pool->count;
	int r;

	if (count > POOL_BATCH)
		count = POOL_BATCH;
	if (!count)
		return 1;
	r = host_random(host, &pool->piece[pool->count], count, reason);
	if (r)
		return r;
	pool->count += count;
	return pool->count == POOL_PIECES;
}

int pool_take(struct pool *pool, struct host *host, uint8_t ret[KEYD_ENTROPY_SIZE],
	      struct reason *reason)
{
	if (!pool->count) {
		int r = host_random(host, pool->piece, 1, reason);

		if (r)
			return r;
		pool->count = 1;
	}
	pool->count--;
	cursor_copy(ret, KEYD_ENTROPY_SIZE, pool->piece[pool->count], SEAL_KEY_SIZE);
	secret_wipe(pool->piece[pool->count], SEAL_KEY_SIZE);
	return 0;
}
