// SPDX-License-Identifier: BSD-3-Clause
/*
 * A sorted array and the hashes over it; see the header.
 *
 *	nodes	| leaves: n | their parents: (n + 1) / 2 | ... | root: 1
 */
#include "store/tree.h"

#include <errno.h>
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
	free(tree->nodes);
	free(tree->changed);
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

/* Each level is half of the one below, rounded up: less than 64 more than twice the leaves. */
static size_t nodes_of(size_t leaves)
{
	return 2 * leaves + 64;
}

static int grow(struct tree *tree)
{
	size_t room = tree->room ? 2 * tree->room : 64;
	void *leaves, *nodes, *changed;

	if (tree->count < tree->room)
		return 0;
	leaves = realloc(tree->leaves, room * sizeof(*tree->leaves));
	if (leaves)
		tree->leaves = leaves;
	nodes = realloc(tree->nodes, nodes_of(room) * sizeof(*tree->nodes));
	if (nodes)
		tree->nodes = nodes;
	changed = realloc(tree->changed, nodes_of(room) * sizeof(*tree->changed));
	if (changed)
		tree->changed = changed;
	if (!leaves || !nodes || !changed)
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
		tree->moved = true;
	}
	cursor_copy(tree->leaves[at].hash, TREE_HASH_SIZE, hash, TREE_HASH_SIZE);
	tree->changed[at] = true;
	return 0;
}

void tree_clear(struct tree *tree)
{
	tree->count = 0;
	tree->moved = true;
}

void tree_remove(struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE])
{
	bool there;
	size_t at = place_of(tree, uuid, &there);

	if (!there)
		return;
	tree->count--;
	tree->moved = true;
	for (size_t i = at; i < tree->count; i++)
		tree->leaves[i] = tree->leaves[i + 1];
}

const uint8_t *tree_find(const struct tree *tree, const uint8_t uuid[TREE_UUID_SIZE])
{
	bool there;
	size_t at = place_of(tree, uuid, &there);

	return there ? tree->leaves[at].hash : NULL;
}

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

static void copy_hash(uint8_t *to, const uint8_t *from)
{
	cursor_copy(to, TREE_HASH_SIZE, from, TREE_HASH_SIZE);
}

static void take_leaves(struct tree *tree)
{
	for (size_t i = 0; tree->moved && i < nodes_of(tree->room); i++)
		tree->changed[i] = i < tree->count;
	for (size_t i = 0; i < tree->count; i++)
		if (tree->changed[i])
			copy_hash(tree->nodes[i], tree->leaves[i].hash);
}

/* The parents of @n nodes from @at on, which lie behind them. */
static int hash_level(struct tree *tree, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i += 2) {
		size_t parent = at + n + (i - at) / 2;
		bool alone = i + 1 == at + n;

		if (!tree->changed[i] && (alone || !tree->changed[i + 1]))
			continue;
		/* One without a neighbour goes up as it is. */
		if (alone)
			copy_hash(tree->nodes[parent], tree->nodes[i]);
		else if (hash_pair(tree, tree->nodes[i], tree->nodes[i + 1], tree->nodes[parent]))
			return -EIO;
		tree->changed[i] = false;
		tree->changed[i + !alone] = false;
		tree->changed[parent] = true;
	}
	return 0;
}

int tree_root(struct tree *tree, uint8_t ret[TREE_HASH_SIZE])
{
	static const uint8_t empty[TREE_HASH_SIZE];
	size_t n, at = 0;

	if (!tree->count) {
		copy_hash(ret, empty);
		return 0;
	}
	take_leaves(tree);
	/* If it fails in the middle, all is computed the next time. */
	tree->moved = true;
	for (n = tree->count; n > 1; n = (n + 1) / 2) {
		if (hash_level(tree, at, n))
			return -EIO;
		at += n;
	}
	tree->changed[at] = false;
	tree->moved = false;
	copy_hash(ret, tree->nodes[at]);
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
