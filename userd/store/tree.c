// SPDX-License-Identifier: BSD-3-Clause
/*
 * A sorted array and the hashes over it; see the header.
 */
#include "store/tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cursor.h"

#define LEAF_LABEL "vtpm leaf"
#define NODE_LABEL "vtpm node"
#define LABEL_SIZE 9

int tree_init(struct tree *tree)
{
	*tree = (struct tree){
		.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
		.hasher = EVP_MD_CTX_new(),
	};
	return tree->sha256 && tree->hasher ? 0 : -ENOMEM;
}

void tree_done(struct tree *tree)
{
	free(tree->leaves);
	free(tree->level);
	EVP_MD_CTX_free(tree->hasher);
	EVP_MD_free(tree->sha256);
	*tree = (struct tree){ 0 };
}

static int order_of(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < TREE_UUID_SIZE; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}

/* Return: where the leaf of that UUID is, or would be */
static size_t place_of(const struct tree *tree, const uint8_t *uuid, bool *ret_there)
{
	size_t low = 0, high = tree->count;

	*ret_there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = order_of(tree->leaves[middle].uuid, uuid);

		*ret_there |= !order;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int grow(struct tree *tree)
{
	size_t room = tree->room ? 2 * tree->room : 64;
	void *leaves, *level;

	if (tree->count < tree->room)
		return 0;
	leaves = realloc(tree->leaves, room * sizeof(*tree->leaves));
	if (leaves)
		tree->leaves = leaves;
	level = realloc(tree->level, room * TREE_HASH_SIZE);
	if (level)
		tree->level = level;
	if (!leaves || !level)
		return -ENOMEM;
	tree->room = room;
	return 0;
}

int tree_put(struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE],
	     const uint8_t hash[TREE_HASH_SIZE])
{
	bool there;
	size_t at = place_of(tree, uuid, &there);

	if (!there) {
		if (grow(tree))
			return -ENOMEM;
		for (size_t i = tree->count++; i > at; i--)
			tree->leaves[i] = tree->leaves[i - 1];
		cursor_copy(tree->leaves[at].uuid, TREE_UUID_SIZE, uuid, TREE_UUID_SIZE);
	}
	cursor_copy(tree->leaves[at].hash, TREE_HASH_SIZE, hash, TREE_HASH_SIZE);
	return 0;
}

void tree_remove(struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE])
{
	bool there;
	size_t at = place_of(tree, uuid, &there);

	if (!there)
		return;
	tree->count--;
	for (size_t i = at; i < tree->count; i++)
		tree->leaves[i] = tree->leaves[i + 1];
}

const uint8_t *tree_find(const struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE])
{
	bool there;
	size_t at = place_of(tree, uuid, &there);

	return there ? tree->leaves[at].hash : NULL;
}

/* @to may lie in @left or @right: it is written last. */
static int hash_pair(struct tree *tree, const uint8_t *left, const uint8_t *right, uint8_t *to)
{
	if (EVP_DigestInit_ex2(tree->hasher, tree->sha256, NULL) &&
	    EVP_DigestUpdate(tree->hasher, NODE_LABEL, LABEL_SIZE) &&
	    EVP_DigestUpdate(tree->hasher, left, TREE_HASH_SIZE) &&
	    EVP_DigestUpdate(tree->hasher, right, TREE_HASH_SIZE) &&
	    EVP_DigestFinal_ex(tree->hasher, to, NULL))
		return 0;
	return -EIO;
}

int tree_root(struct tree *tree, uint8_t ret[TREE_HASH_SIZE])
{
	static const uint8_t empty[TREE_HASH_SIZE];
	uint8_t *level = tree->level;
	size_t i, n = tree->count;

	for (i = 0; i < n; i++)
		cursor_copy(level + i * TREE_HASH_SIZE, TREE_HASH_SIZE, tree->leaves[i].hash,
			    TREE_HASH_SIZE);
	for (; n > 1; n = (n + 1) / 2) {
		for (i = 0; i + 1 < n; i += 2) {
			const uint8_t *pair = level + i * TREE_HASH_SIZE;

			if (hash_pair(tree, pair, pair + TREE_HASH_SIZE,
				      level + i / 2 * TREE_HASH_SIZE))
				return -EIO;
		}
		/* One without a neighbour goes up as it is. */
		if (i < n)
			cursor_copy(level + i / 2 * TREE_HASH_SIZE, TREE_HASH_SIZE,
				    level + i * TREE_HASH_SIZE, TREE_HASH_SIZE);
	}
	cursor_copy(ret, TREE_HASH_SIZE, n ? level : empty, TREE_HASH_SIZE);
	return 0;
}

int tree_leaf(struct tree *tree, const struct tree_content *what, uint8_t ret[TREE_HASH_SIZE])
{
	static const uint8_t none[TREE_TAG_SIZE];
	const uint8_t *tag =
		what->length < TREE_TAG_SIZE ? none : what->envelope + what->length - TREE_TAG_SIZE;
	uint8_t bytes[LABEL_SIZE + TREE_UUID_SIZE + 8 + 8 + TREE_TAG_SIZE + TREE_HASH_SIZE];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	uint8_t key[TREE_HASH_SIZE];

	if (!EVP_Digest(what->key, what->key_length, key, NULL, tree->sha256, NULL))
		return -EIO;
	cursor_put_raw(&out, LEAF_LABEL, LABEL_SIZE);
	cursor_put_raw(&out, what->uuid, TREE_UUID_SIZE);
	cursor_put_u64(&out, what->epoch);
	cursor_put_u64(&out, what->generation);
	cursor_put_raw(&out, tag, TREE_TAG_SIZE);
	cursor_put_raw(&out, key, sizeof(key));
	return EVP_Digest(bytes, sizeof(bytes), ret, NULL, tree->sha256, NULL) ? 0 : -EIO;
}
