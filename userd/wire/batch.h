/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree over leaves (wire/leaf.h) that one quote of the host is about.
 *
 *	leaf	SHA-256(00 | bytes of the leaf)
 *	node	SHA-256(01 | left 32 | right 32)
 *
 * What has no neighbour on its level goes up as it is, and is never doubled, so two
 * different lists of leaves have different roots. Who knows index, count and proof
 * computes the root from one leaf:
 *
 *	proof	the neighbour on each level, the leaves' first; none where there is none
 *
 * How many hashes a proof has follows from index and count; any other length is refused. The
 * count is not under the root: it is signed beside it (wire/host_quote.h), and whoever checks
 * a proof takes it from there.
 */
#ifndef WIRE_BATCH_H
#define WIRE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_HASH 32
/** define BATCH_LEAVES_MAX - leaves of one tree */
#define BATCH_LEAVES_MAX 1024
/** define BATCH_PROOF_MAX - bytes of the longest proof: log2 of that, in hashes */
#define BATCH_PROOF_MAX (10 * BATCH_HASH)

/**
 * struct batch - a tree
 * @count: of its leaves
 * @nodes: hashes of all levels, the leaves' first
 */
struct batch {
	uint32_t count;
	uint8_t nodes[2 * BATCH_LEAVES_MAX + 10][BATCH_HASH];
};

/**
 * batch_add() - add a leaf
 * @batch: all zeros at first
 * @bytes: of the leaf
 * @length: how many
 *
 * Return: 0; -ENOSPC (there are BATCH_LEAVES_MAX); -EIO (libcrypto fails).
 */
int batch_add(struct batch *batch, const void *bytes, size_t length);

/**
 * batch_root() - compute the tree; nothing may be added afterwards
 * @ret: its root
 *
 * Return: 0; -ENODATA (there is no leaf); -EIO (libcrypto fails).
 */
int batch_root(struct batch *batch, uint8_t ret[BATCH_HASH]);

/** batch_proof() - of leaf @index, after batch_root(). Return: bytes of it */
size_t batch_proof(const struct batch *batch, uint32_t index, uint8_t ret[BATCH_PROOF_MAX]);

/**
 * struct batch_place - where a leaf says it is
 * @index: of it, from 0
 * @count: of all leaves
 * @proof: hashes
 * @length: bytes of @proof
 */
struct batch_place {
	uint32_t index;
	uint32_t count;
	const uint8_t *proof;
	size_t length;
};

/**
 * batch_check() - is this leaf in the tree of that root?
 * @bytes: of the leaf
 * @length: how many
 * @place: where it says it is
 * @root: believed for another reason
 *
 * Return: 0; -EBADMSG (it is not, or @place is none); -EIO (libcrypto fails).
 */
int batch_check(const void *bytes, size_t length, const struct batch_place *place,
		const uint8_t root[BATCH_HASH]);

#endif /* WIRE_BATCH_H */
