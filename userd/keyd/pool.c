// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fill and take; see the header.
 */
#include "keyd/pool.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/secret.h"

/* One that was stretched gives way to a new one. */
int pool_fill(struct pool *pool, struct host *host, struct reason *reason)
{
	size_t from = pool->stretched ? 0 : pool->count;
	size_t count = POOL_PIECES - from;
	int r;

	if (count > POOL_BATCH)
		count = POOL_BATCH;
	if (!count)
		return 1;
	r = host_random(host, &pool->piece[from], count, reason);
	if (r)
		return r;
	pool->count = from + count;
	pool->stretched = 0;
	return pool->count == POOL_PIECES;
}

/* The piece becomes another one, from which the way back is not known. */
static int stretch(struct pool *pool, uint8_t ret[KEYD_ENTROPY_SIZE], struct reason *reason)
{
	const struct seal_bytes last = { pool->piece[0], SEAL_KEY_SIZE }, none = { 0 };
	uint8_t both[2 * SEAL_KEY_SIZE];
	int r = seal_derive(last, none, "vtpm random bytes", none, both, sizeof(both));

	if (!r) {
		cursor_copy(ret, KEYD_ENTROPY_SIZE, both, SEAL_KEY_SIZE);
		cursor_copy(pool->piece[0], SEAL_KEY_SIZE, both + SEAL_KEY_SIZE, SEAL_KEY_SIZE);
		pool->stretched++;
	}
	secret_wipe(both, sizeof(both));
	return r ? refuse(reason, -EIO, "OpenSSL derives no random bytes: restart vtpm-keyd") : 0;
}

int pool_take(struct pool *pool, struct host *host, uint8_t ret[KEYD_ENTROPY_SIZE],
	      struct reason *reason)
{
	if (!pool->count || (pool->count == 1 && pool->stretched == POOL_STRETCH)) {
		int r = host_random(host, pool->piece, 1, reason);

		if (r)
			return r;
		pool->count = 1;
		pool->stretched = 0;
	}
	if (pool->count == 1)
		return stretch(pool, ret, reason);
	pool->count--;
	cursor_copy(ret, KEYD_ENTROPY_SIZE, pool->piece[pool->count], SEAL_KEY_SIZE);
	secret_wipe(pool->piece[pool->count], SEAL_KEY_SIZE);
	return 0;
}
