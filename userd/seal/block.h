/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The root block of a store: what its tree's root was when the counter had a value.
 *
 *	block	version u8 | counter value u64 | nonce (12)
 *		| ciphertext of: root (32) | head of the audit record (32, zeros for now)
 *		| tag (16)
 *
 * AES-256-GCM. The key is derived from the host root key, the Name of the storage key, the
 * counter's handle and its value; so a block is of one TPM and one counter, and another
 * value makes it another block. Nonces are random: that is good for 2^32 blocks at one
 * value (SP 800-38D, 8.3).
 */
#ifndef SEAL_BLOCK_H
#define SEAL_BLOCK_H

#include "seal/anchor.h"

#define BLOCK_VERSION 1
#define BLOCK_SIZE    (1 + 8 + SEAL_NONCE_SIZE + 2 * KEYD_ROOT_SIZE + SEAL_TAG_SIZE)

/**
 * struct block_place - where a block is good
 * @key: host root key
 * @storage: Name of the host TPM's storage key
 * @handle: of the counter
 */
struct block_place {
	const uint8_t *key;
	const TPM2B_NAME *storage;
	uint32_t handle;
};

/**
 * struct block - one that was opened, or is to be sealed
 * @counter: value
 * @root: of the tree
 */
struct block {
	uint64_t counter;
	uint8_t root[KEYD_ROOT_SIZE];
};

/** block_seal() - seal one. Return: 0; -EIO */
int block_seal(const struct block_place *place, const struct block *block, uint8_t ret[BLOCK_SIZE]);

/**
 * block_open() - the reverse
 * @ret: set on success
 *
 * Return: 0; -EBADMSG (of another place or version, or changed); -EIO.
 */
int block_open(const struct block_place *place, struct seal_bytes bytes, struct block *ret);

#endif /* SEAL_BLOCK_H */
