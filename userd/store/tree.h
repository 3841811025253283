/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree over all vTPMs of an archive: 32 bytes that stand for all of them.
 *
 *	leaf	SHA-256("vtpm leaf" | uuid 16 | epoch u64 | generation u64 |
 *		last 16 bytes of the envelope | SHA-256 of the wrapped data key)
 *	node	SHA-256("vtpm node" | left 32 | right 32)
 *
 * Leaves are sorted by UUID; the shape is that of RFC 9162, 2.1: what has no neighbour on
 * its level goes up as it is. The root of no leaf at all is 32 zero bytes. An
 * envelope's last 16 bytes are its GCM tag, which depends on every other byte of it:
 * who changes, exchanges, adds or takes away one vTPM changes the root.
 *
 * The root is computed when it is asked for, once a transaction, from what has changed since
 * the last time: a leaf of 4096 costs twelve hashes. Where leaves came or went others have moved,
 * and all is computed.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define TREE_HASH_SIZE 32
#define TREE_UUID_SIZE 16
#define TREE_TAG_SIZE  16

/**
 * struct tree_leaf - one vTPM
 * @uuid: who
 * @hash: of what is stored of it
 */
struct tree_leaf {
	uint8_t uuid[TREE_UUID_SIZE];
	uint8_t hash[TREE_HASH_SIZE];
};

/**
 * struct tree_content - what a leaf is the hash of
 * @uuid: who
 * @epoch: of its state
 * @generation: of its newest envelope
 * @envelope: that
 * @length: bytes of it; fewer than TREE_TAG_SIZE: there is none, its tag counts as zeros
 * @key: wrapped data key
 * @key_length: bytes of it
 */
struct tree_content {
	const uint8_t *uuid;
	uint64_t epoch;
	uint64_t generation;
	const uint8_t *envelope;
	size_t length;
	const uint8_t *key;
	size_t key_length;
};

/**
 * struct tree - a tree
 * @leaves: sorted by UUID
 * @count: how many
 * @room: how many there is memory for
 * @nodes: hashes of all levels, the leaves' first
 * @changed: one byte for each node: those above it are not up to date
 * @moved: leaves came or went since tree_root()
 * @sha256: the algorithm
 * @hasher: for one hash after the other
 */
struct tree {
	struct tree_leaf *leaves;
	size_t count;
	size_t room;
	uint8_t (*nodes)[TREE_HASH_SIZE];
	bool *changed;
	bool moved;
	EVP_MD *sha256;
	EVP_MD_CTX *hasher;
};

/**
 * tree_init() - an empty tree
 * @tree: to be set up; the caller ends it with tree_done(), in any case
 *
 * Return: 0 or -ENOMEM.
 */
int tree_init(struct tree *tree);

/** tree_done() - free what it holds; one that is all zero is fine */
void tree_done(struct tree *tree);

/**
 * tree_put() - add a leaf, or replace the one of that UUID
 *
 * Return: 0; -ENOMEM (nothing has changed).
 */
int tree_put(struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE],
	     const uint8_t hash[TREE_HASH_SIZE]);

/** tree_clear() - take all leaves away */
void tree_clear(struct tree *tree);

/** tree_remove() - take the leaf of that UUID away; one that is not there is fine */
void tree_remove(struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE]);

/** tree_find() - hash of the leaf of that UUID, NULL: there is none; valid until a change */
const uint8_t *tree_find(const struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE]);

/**
 * tree_root() - the root of what is in it now
 *
 * Return: 0 or -EIO (libcrypto fails).
 */
int tree_root(struct tree *tree, uint8_t ret[TREE_HASH_SIZE]);

/**
 * tree_leaf() - hash of what is stored of a vTPM
 * @tree: lends its hasher
 * @what: that
 * @ret: the hash
 *
 * Return: 0 or -EIO (libcrypto fails).
 */
int tree_leaf(struct tree *tree, const struct tree_content *what, uint8_t ret[TREE_HASH_SIZE]);

#endif /* STORE_TREE_H */
