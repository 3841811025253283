// SPDX-License-Identifier: BSD-3-Clause
/*
 * Build and climb; see the header.
 *
 *	nodes	| leaves: n | their parents: (n + 1) / 2 | ... | root: 1
 */
#include "wire/batch.h"

#include <errno.h>

#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

#define LEAF 0x00
#define NODE 0x01

static void free_hasher(EVP_MD_CTX **hasher)
{
	EVP_MD_CTX_free(*hasher);
}

static int hash(uint8_t kind, const void *bytes, size_t length, uint8_t ret[BATCH_HASH])
{
	_cleanup_(free_hasher) EVP_MD_CTX *hasher = EVP_MD_CTX_new();

	if (hasher && EVP_DigestInit_ex(hasher, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(hasher, &kind, 1) && EVP_DigestUpdate(hasher, bytes, length) &&
	    EVP_DigestFinal_ex(hasher, ret, NULL))
		return 0;
	return -EIO;
}

static int hash_pair(const uint8_t *left, const uint8_t *right, uint8_t ret[BATCH_HASH])
{
	uint8_t pair[2 * BATCH_HASH];
	struct cursor_out out = cursor_out(pair, sizeof(pair));

	cursor_put_raw(&out, left, BATCH_HASH);
	cursor_put_raw(&out, right, BATCH_HASH);
	return hash(NODE, pair, sizeof(pair), ret);
}

int batch_add(struct batch *batch, const void *bytes, size_t length)
{
	if (batch->count >= BATCH_LEAVES_MAX)
		return -ENOSPC;
	if (hash(LEAF, bytes, length, batch->nodes[batch->count]))
		return -EIO;
	batch->count++;
	return 0;
}

/* The parents of @n nodes from @at on, which lie behind them. */
static int hash_level(struct batch *batch, size_t at, size_t n)
{
	uint8_t(*parent)[BATCH_HASH] = &batch->nodes[at + n];

	for (size_t i = 0; i < n; i += 2, parent++) {
		const uint8_t *left = batch->nodes[at + i];

		if (i + 1 == n)
			cursor_copy(*parent, BATCH_HASH, left, BATCH_HASH);
		else if (hash_pair(left, batch->nodes[at + i + 1], *parent))
			return -EIO;
	}
	return 0;
}

int batch_root(struct batch *batch, uint8_t ret[BATCH_HASH])
{
	size_t at = 0;

	if (!batch->count)
		return -ENODATA;
	for (size_t n = batch->count; n > 1; n = (n + 1) / 2) {
		if (hash_level(batch, at, n))
			return -EIO;
		at += n;
	}
	cursor_copy(ret, BATCH_HASH, batch->nodes[at], BATCH_HASH);
	return 0;
}

size_t batch_proof(const struct batch *batch, uint32_t index, uint8_t ret[BATCH_PROOF_MAX])
{
	struct cursor_out out = cursor_out(ret, BATCH_PROOF_MAX);
	size_t at = 0;

	for (size_t n = batch->count; n > 1; n = (n + 1) / 2, index /= 2) {
		size_t neighbour = index ^ 1;

		if (neighbour < n)
			cursor_put_raw(&out, batch->nodes[at + neighbour], BATCH_HASH);
		at += n;
	}
	return out.used;
}

static int climb(uint8_t node[BATCH_HASH], const struct batch_place *place, struct cursor_in *proof)
{
	uint32_t index = place->index;

	for (uint32_t n = place->count; n > 1; n = (n + 1) / 2, index /= 2) {
		const uint8_t *neighbour;
		int r;

		if ((index ^ 1) >= n)
			continue;
		neighbour = cursor_get_bytes(proof, BATCH_HASH);
		if (!neighbour)
			return -EBADMSG;
		r = index & 1 ? hash_pair(neighbour, node, node) : hash_pair(node, neighbour, node);
		if (r)
			return r;
	}
	return cursor_ended(proof) ? 0 : -EBADMSG;
}

int batch_check(const void *bytes, size_t length, const struct batch_place *place,
		const uint8_t root[BATCH_HASH])
{
	struct cursor_in proof = cursor_in(place->proof, place->length);
	uint8_t node[BATCH_HASH];
	int r;

	if (place->count > BATCH_LEAVES_MAX || place->index >= place->count)
		return -EBADMSG;
	if (hash(LEAF, bytes, length, node))
		return -EIO;
	r = climb(node, place, &proof);
	if (r)
		return r;
	return secret_equal(node, root, sizeof(node)) ? 0 : -EBADMSG;
}
