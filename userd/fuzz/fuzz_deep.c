// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what a deep quote is made of: leaf, claim and frame, which are written again as they were
 * read, and a place in a tree of 37 leaves, where nothing is believed but what is there.
 *
 *	input	index u8 | count u16 | length of the leaf u8 | leaf | proof
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "wire/batch.h"
#include "wire/host_quote.h"
#include "wire/leaf.h"

#define LEAVES 37

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_and_write(const uint8_t *data, size_t size)
{
	static const uint8_t key[LEAF_KEY_SIZE];
	uint8_t bytes[LEAF_SIZE], frame[HOST_QUOTE_SIZE];
	struct leaf_claimant who;
	struct host_quote quote;
	struct leaf leaf;

	if (leaf_get(data, size, &leaf)) {
		leaf_put(&leaf, bytes);
		if (size != sizeof(bytes) || !secret_equal(bytes, data, size))
			abort();
	}
	if (host_quote_get(data, size, &quote)) {
		host_quote_put(&quote, frame);
		if (size != sizeof(frame) || !secret_equal(frame, data, size))
			abort();
	}
	if (leaf_claimant(data, size, &who) && !leaf_believe(data, key, &leaf) &&
	    (leaf.epoch < who.since || leaf.protection != LEAF_CLAIMED))
		abort();
}

static const uint8_t *root(void)
{
	static uint8_t hash[BATCH_HASH];
	static struct batch batch;

	for (uint8_t i = 0; batch.count < LEAVES; i++)
		if (batch_add(&batch, &i, 1) || (i == LEAVES - 1 && batch_root(&batch, hash)))
			abort();
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor_in in = cursor_in(data, size);
	struct batch_place place = { .index = cursor_get_u8(&in), .count = cursor_get_u16(&in) };
	size_t length = cursor_get_u8(&in);
	const uint8_t *leaf = cursor_get_bytes(&in, length);

	read_and_write(data, size);
	if (!leaf)
		return 0;
	place.proof = in.at;
	place.length = in.left;
	if (!batch_check(leaf, length, &place, root()) && (length != 1 || *leaf != place.index))
		abort();
	return 0;
}
