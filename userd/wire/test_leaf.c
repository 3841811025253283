// SPDX-License-Identifier: BSD-3-Clause
/* The leaf of Documentation/deep.rst, byte by byte; and claims, by whom they are made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/leaf.h"

static const uint8_t key[LEAF_KEY_SIZE] = "a key that only two of them have";

static struct leaf example(void)
{
	struct leaf leaf = { .epoch = 0x0102030405060708, .generation = 9, .protection = 2 };

	for (uint8_t i = 0; i < LEAF_HASH; i++) {
		leaf.nonce[i] = i;
		leaf.attest[i] = (uint8_t)(32 + i);
		leaf.policy[i] = (uint8_t)(64 + i);
	}
	for (uint8_t i = 0; i < LEAF_NAME; i++) {
		leaf.ak_name[i] = (uint8_t)(96 + i);
		leaf.ek_name[i] = (uint8_t)(160 + i);
	}
	memset(leaf.uuid, 0xcc, sizeof(leaf.uuid));
	return leaf;
}

static void test_leaf_places(void **state)
{
	struct leaf leaf = example(), got;
	uint8_t bytes[LEAF_SIZE];

	(void)state;
	leaf_put(&leaf, bytes);
	assert_memory_equal(bytes, "vtpm-leaf-v1", 12);
	assert_memory_equal(bytes + 12, leaf.nonce, LEAF_HASH);
	assert_memory_equal(bytes + 44, leaf.attest, LEAF_HASH);
	assert_memory_equal(bytes + 76, leaf.ak_name, LEAF_NAME);
	assert_memory_equal(bytes + 110, leaf.ek_name, LEAF_NAME);
	assert_memory_equal(bytes + 144, leaf.uuid, LEAF_UUID);
	assert_int_equal(bytes[160], 1);
	assert_int_equal(bytes[175], 9);
	assert_memory_equal(bytes + 176, leaf.policy, LEAF_HASH);
	assert_int_equal(bytes[208], 2);
	assert_true(leaf_get(bytes, sizeof(bytes), &got));
	assert_int_equal(got.epoch, leaf.epoch);
	assert_int_equal(got.generation, leaf.generation);
	assert_int_equal(got.protection, leaf.protection);
	assert_memory_equal(got.ek_name, leaf.ek_name, LEAF_NAME);
	assert_memory_equal(got.uuid, leaf.uuid, LEAF_UUID);
}

static void test_leaf_refuses(void **state)
{
	struct leaf leaf = example(), got;
	uint8_t bytes[LEAF_SIZE + 1] = { 0 };

	(void)state;
	leaf_put(&leaf, bytes);
	assert_false(leaf_get(bytes, LEAF_SIZE - 1, &got));
	assert_false(leaf_get(bytes, LEAF_SIZE + 1, &got));
	bytes[11] = '2';
	assert_false(leaf_get(bytes, LEAF_SIZE, &got));
	bytes[11] = '1';
	bytes[208] = _LEAF_PROTECTION_MAX;
	assert_false(leaf_get(bytes, LEAF_SIZE, &got));
}

static void test_claim_by_its_key(void **state)
{
	struct leaf leaf = example(), got;
	struct leaf_claimant who;
	uint8_t claim[LEAF_CLAIM_SIZE], other[LEAF_KEY_SIZE] = { 0 };

	(void)state;
	assert_int_equal(leaf_claim(&leaf, 5, key, claim), 0);
	assert_true(leaf_claimant(claim, sizeof(claim), &who));
	assert_memory_equal(who.uuid, leaf.uuid, LEAF_UUID);
	assert_int_equal(who.since, 5);
	assert_int_equal(leaf_believe(claim, key, &got), 0);
	assert_int_equal(got.protection, LEAF_CLAIMED);
	assert_memory_equal(got.nonce, leaf.nonce, LEAF_HASH);
	assert_int_equal(leaf_believe(claim, other, &got), -EACCES);
}

static void test_claim_each_byte_counts(void **state)
{
	struct leaf leaf = example(), got;
	uint8_t claim[LEAF_CLAIM_SIZE];

	(void)state;
	assert_int_equal(leaf_claim(&leaf, 5, key, claim), 0);
	for (size_t i = 0; i < sizeof(claim); i++) {
		claim[i] ^= 1;
		assert_int_equal(leaf_believe(claim, key, &got), -EACCES);
		claim[i] ^= 1;
	}
}

/* Who holds a key of an epoch says nothing of the ones before. */
static void test_claim_of_an_earlier_epoch(void **state)
{
	struct leaf leaf = example(), got;
	uint8_t claim[LEAF_CLAIM_SIZE];

	(void)state;
	assert_int_equal(leaf_claim(&leaf, leaf.epoch, key, claim), 0);
	assert_int_equal(leaf_believe(claim, key, &got), 0);
	assert_int_equal(leaf_claim(&leaf, leaf.epoch + 1, key, claim), 0);
	assert_int_equal(leaf_believe(claim, key, &got), -EACCES);
}

static void test_claimant_refuses(void **state)
{
	struct leaf leaf = example();
	struct leaf_claimant who;
	uint8_t claim[LEAF_CLAIM_SIZE + 1] = { 0 };

	(void)state;
	assert_int_equal(leaf_claim(&leaf, 5, key, claim), 0);
	assert_false(leaf_claimant(claim, LEAF_CLAIM_SIZE - 1, &who));
	assert_false(leaf_claimant(claim, LEAF_CLAIM_SIZE + 1, &who));
	claim[8 + 208] = LEAF_SEALED;
	assert_false(leaf_claimant(claim, LEAF_CLAIM_SIZE, &who));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf_places),
		cmocka_unit_test(test_leaf_refuses),
		cmocka_unit_test(test_claim_by_its_key),
		cmocka_unit_test(test_claim_each_byte_counts),
		cmocka_unit_test(test_claim_of_an_earlier_epoch),
		cmocka_unit_test(test_claimant_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
