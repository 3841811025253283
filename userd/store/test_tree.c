// SPDX-License-Identifier: BSD-3-Clause
/*
 * The tree: leaves and roots whose values another program computed, from the definition
 * by recursion (RFC 9162, 2.1.1); and that the order of changes does not matter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "store/tree.h"

static void to_hex(const uint8_t *hash, char *text)
{
	for (size_t i = 0; i < TREE_HASH_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static void leaf_of(struct tree *tree, uint8_t who, uint8_t *ret_uuid, uint8_t *ret)
{
	uint8_t envelope[20];
	const struct tree_content content = {
		.uuid = ret_uuid,
		.epoch = 1,
		.generation = who,
		.envelope = envelope,
		.length = sizeof(envelope),
		.key = (const uint8_t *)"key",
		.key_length = 3,
	};

	memset(ret_uuid, who, TREE_UUID_SIZE);
	for (uint8_t i = 0; i < sizeof(envelope); i++)
		envelope[i] = i;
	assert_int_equal(tree_leaf(tree, &content, ret), 0);
}

static void put(struct tree *tree, uint8_t who)
{
	uint8_t uuid[TREE_UUID_SIZE], hash[TREE_HASH_SIZE];

	leaf_of(tree, who, uuid, hash);
	assert_int_equal(tree_put(tree, uuid, hash), 0);
}

static void take_away(struct tree *tree, uint8_t who)
{
	uint8_t uuid[TREE_UUID_SIZE];

	memset(uuid, who, sizeof(uuid));
	tree_remove(tree, uuid);
}

static void expect_root(struct tree *tree, const char *hex)
{
	uint8_t root[TREE_HASH_SIZE];
	char text[2 * TREE_HASH_SIZE + 1];

	assert_int_equal(tree_root(tree, root), 0);
	to_hex(root, text);
	assert_string_equal(text, hex);
}

static int setup(void **state)
{
	static struct tree tree;

	*state = &tree;
	return tree_init(&tree);
}

static int teardown(void **state)
{
	tree_done(*state);
	return 0;
}

static const struct {
	uint8_t count;
	const char *root;
} known[] = {
	{ 0, "0000000000000000000000000000000000000000000000000000000000000000" },
	{ 1, "8b6b6af24c4daadf4209780513bc2801bbb9858389210223f43ff8cba70d3bc4" },
	{ 2, "94f80eacbfed61a7a7d69dc4b01c6b4258114812b5aa1ea6c1af4ac85aece3d2" },
	{ 3, "ed8b344db9582d6f2abe908b6840ddee9612c3aa58e43f827bcd235fee32e59e" },
	{ 5, "beff74eb4ee9804d3f9ea03d8f4b17a179fc6cd13a908ad389d9a360c8207a42" },
	{ 7, "001a291eb290e1c5ae6cf5ec4ecec36bf209f1cb5c436a8c944053ba2654c039" },
	{ 8, "2a69713fd610c3feeed05e1875ad41213ddcdbcda92a871e6470bc4b0fdf1d15" },
	{ 100, "5f899ef5f714294b4c48df71c957bae580a34d8c94d8e7003cf170fe7ec8a785" },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static void test_tree_leaf_known(void **state)
{
	uint8_t uuid[TREE_UUID_SIZE], hash[TREE_HASH_SIZE], envelope[20];
	struct tree_content content = {
		.uuid = uuid,
		.epoch = 1,
		.generation = 2,
		.envelope = envelope,
		.length = sizeof(envelope),
		.key = (const uint8_t *)"key",
		.key_length = 3,
	};
	char text[2 * TREE_HASH_SIZE + 1];

	memset(uuid, 1, sizeof(uuid));
	for (uint8_t i = 0; i < sizeof(envelope); i++)
		envelope[i] = i;
	assert_int_equal(tree_leaf(*state, &content, hash), 0);
	to_hex(hash, text);
	assert_string_equal(text,
			    "a18ab97ffc331bf2f30c350db434f62225cfc5b82ff129cc532615ab14065015");
	content.length = 5;
	content.key_length = 0;
	assert_int_equal(tree_leaf(*state, &content, hash), 0);
	to_hex(hash, text);
	assert_string_equal(text,
			    "4d7abc799854c85833eacf255a3549f32d51a9567fa389edab9702ec0cf638e3");
}

/* Put in backwards, found sorted. */
static void test_tree_root_known(void **state)
{
	for (size_t i = 0; i < KNOWN; i++) {
		struct tree *tree = *state;

		for (uint8_t who = known[i].count; who; who--)
			put(tree, who);
		expect_root(tree, known[i].root);
		expect_root(tree, known[i].root);
		tree_clear(tree);
	}
}

/* From a hundred down, one after the other, by every root that is known. */
static void test_tree_remove(void **state)
{
	size_t at = KNOWN;

	for (uint8_t who = 1; who <= 100; who++)
		put(*state, who);
	for (uint8_t left = 100; at; left--) {
		if (left == known[at - 1].count)
			expect_root(*state, known[--at].root);
		take_away(*state, left);
	}
	take_away(*state, 50);
	expect_root(*state, known[0].root);
}

static void test_tree_put_replaces(void **state)
{
	uint8_t uuid[TREE_UUID_SIZE], hash[TREE_HASH_SIZE], other[TREE_HASH_SIZE] = { 1 };
	uint8_t root[TREE_HASH_SIZE], changed[TREE_HASH_SIZE];

	for (uint8_t who = 1; who <= 8; who++)
		put(*state, who);
	assert_int_equal(tree_root(*state, root), 0);
	leaf_of(*state, 8, uuid, hash);
	assert_memory_equal(tree_find(*state, uuid), hash, sizeof(hash));
	assert_int_equal(tree_put(*state, uuid, other), 0);
	assert_memory_equal(tree_find(*state, uuid), other, sizeof(other));
	assert_int_equal(tree_root(*state, changed), 0);
	assert_memory_not_equal(changed, root, sizeof(root));
	assert_int_equal(tree_put(*state, uuid, hash), 0);
	expect_root(*state, known[6].root);
	take_away(*state, 8);
	assert_null(tree_find(*state, uuid));
	expect_root(*state, known[5].root);
}

/* Whichever leaves change, the root is that of a tree which never knew others. */
static void test_tree_root_follows(void **state)
{
	uint8_t uuid[TREE_UUID_SIZE], hash[TREE_HASH_SIZE], root[TREE_HASH_SIZE];
	struct tree fresh;

	assert_int_equal(tree_init(&fresh), 0);
	for (uint8_t count = 1; count <= 70; count++) {
		put(*state, count);
		assert_int_equal(tree_root(*state, root), 0);
		for (uint8_t step = 0; step < 8; step++) {
			uint8_t who = (uint8_t)(1 + (step * 37 + count) % count);

			leaf_of(*state, who, uuid, hash);
			hash[0] = step;
			assert_int_equal(tree_put(*state, uuid, hash), 0);
			if (step % 3)
				continue;
			assert_int_equal(tree_root(*state, root), 0);
			tree_clear(&fresh);
			for (size_t i = 0; i < count; i++) {
				const struct tree_leaf *leaf = &((struct tree *)*state)->leaves[i];

				assert_int_equal(tree_put(&fresh, leaf->uuid, leaf->hash), 0);
			}
			assert_int_equal(tree_root(&fresh, hash), 0);
			assert_memory_equal(root, hash, sizeof(root));
		}
	}
	tree_done(&fresh);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_tree_leaf_known),
		TEST(test_tree_root_known),
		TEST(test_tree_remove),
		TEST(test_tree_put_replaces),
		TEST(test_tree_root_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
