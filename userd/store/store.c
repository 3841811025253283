// SPDX-License-Identifier: BSD-3-Clause
/*
 * What all backends have in common: the limits, checked once.
 */
#include "store/store.h"

#include <errno.h>

int store_load(struct store *store, struct store_record *ret)
{
	struct store_record record = { .state = STORE_EMPTY };
	int r = store->ops->load(store, &record);

	if (!r)
		*ret = record;
	return r;
}

int store_commit(struct store *store, uint64_t generation, const void *bytes, size_t length)
{
	if (!generation || !length)
		return -EINVAL;
	if (length > STORE_RECORD_MAX)
		return -EFBIG;
	return store->ops->commit(store, generation, bytes, length);
}

struct store *store_free(struct store *store)
{
	if (store)
		store->ops->free(store);
	return NULL;
}
