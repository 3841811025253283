// SPDX-License-Identifier: BSD-3-Clause
/*
 * The memory backend: one record, gone with the process. For tests, and for a TPM
 * that is meant to last no longer than its engine. store_mem_fail() makes it the
 * disk that is full.
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/secret.h"

struct store_mem {
	struct store store;
	int error;
	uint64_t generation;
	size_t length;
	uint8_t bytes[STORE_RECORD_MAX];
};

static int mem_load(struct store *store, struct store_record *ret)
{
	struct store_mem *mem = (struct store_mem *)store;

	if (!mem->generation)
		return 0;
	*ret = (struct store_record){
		.state = STORE_OK,
		.generation = mem->generation,
		.bytes = mem->bytes,
		.length = mem->length,
	};
	return 0;
}

static int mem_commit(struct store *store, uint64_t generation, const void *bytes, size_t length)
{
	struct store_mem *mem = (struct store_mem *)store;

	if (generation <= mem->generation)
		return -EINVAL;
	if (mem->error)
		return -mem->error;
	cursor_copy(mem->bytes, sizeof(mem->bytes), bytes, length);
	mem->length = length;
	mem->generation = generation;
	return 0;
}

static void mem_free(struct store *store)
{
	secret_wipe(store, sizeof(struct store_mem));
	free(store);
}

static const struct store_ops mem_ops = {
	.load = mem_load,
	.commit = mem_commit,
	.free = mem_free,
};

struct store *store_mem_new(void)
{
	struct store_mem *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return NULL;
	mem->store.ops = &mem_ops;
	return &mem->store;
}

void store_mem_fail(struct store *store, int error)
{
	((struct store_mem *)store)->error = error;
}
