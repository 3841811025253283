// SPDX-License-Identifier: BSD-3-Clause
/*
 * Trees of 1 to 70 leaves and the largest one, against a root computed in another way; and
 * proofs of which one thing is wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/sha.h>

#include "base/cursor.h"
#include "wire/batch.h"

#define MOST 70

static struct batch batch;

static void plain_hash(const void *bytes, size_t length, uint8_t *to)
{
	assert_non_null(SHA256(bytes, length, to));
}

static void leaf_of(uint32_t i, uint8_t ret[5])
{
	struct cursor_out out = cursor_out(ret, 5);

	cursor_put_u8(&out, 'l');
	cursor_put_u32(&out, i);
}

/* From the top down, split where RFC 9162, 2.1.1 says. */
static void other_root(uint32_t first, uint32_t n, uint8_t ret[BATCH_HASH])
{
	uint8_t bytes[1 + 2 * BATCH_HASH] = { n > 1 };
	uint32_t left = 1;

	if (n == 1) {
		leaf_of(first, bytes + 1);
		plain_hash(bytes, 6, ret);
		return;
	}
	while (2 * left < n)
		left *= 2;
	other_root(first, left, bytes + 1);
	other_root(first + left, n - left, bytes + 1 + BATCH_HASH);
	plain_hash(bytes, sizeof(bytes), ret);
}

static void make(uint32_t n, uint8_t root[BATCH_HASH])
{
	uint8_t leaf[5];

	batch.count = 0;
	for (uint32_t i = 0; i < n; i++) {
		leaf_of(i, leaf);
		assert_int_equal(batch_add(&batch, leaf, sizeof(leaf)), 0);
	}
	assert_int_equal(batch_root(&batch, root), 0);
}

static int check(uint32_t leaf, const struct batch_place *place, const uint8_t *root)
{
	uint8_t bytes[5];

	leaf_of(leaf, bytes);
	return batch_check(bytes, sizeof(bytes), place, root);
}

static void test_batch_every_size(void **state)
{
	uint8_t root[BATCH_HASH], other[BATCH_HASH], proof[BATCH_PROOF_MAX];

	(void)state;
	for (uint32_t n = 1; n <= MOST; n++) {
		make(n, root);
		other_root(0, n, other);
		assert_memory_equal(root, other, sizeof(root));
		for (uint32_t i = 0; i < n; i++) {
			struct batch_place place = { i, n, proof, batch_proof(&batch, i, proof) };

			assert_int_equal(check(i, &place, root), 0);
		}
	}
}

/* Nothing but the right place is believed, of no leaf of no tree. */
static void test_batch_other_place(void **state)
{
	uint8_t root[BATCH_HASH], proof[BATCH_PROOF_MAX];

	(void)state;
	for (uint32_t n = 1; n <= MOST; n++) {
		make(n, root);
		for (uint32_t i = 0; i < n; i++) {
			struct batch_place place = { i, n, proof, batch_proof(&batch, i, proof) };

			assert_int_equal(check(i + 1, &place, root), -EBADMSG);
			for (place.index = 0; place.index <= n; place.index++)
				if (place.index != i)
					assert_int_equal(check(i, &place, root), -EBADMSG);
		}
	}
}

/* Each bit of each hash, a hash more, a hash or a byte less. */
static void test_batch_mutated_proof(void **state)
{
	uint8_t root[BATCH_HASH], proof[BATCH_PROOF_MAX + BATCH_HASH] = { 0 };

	(void)state;
	for (uint32_t n = 1; n <= MOST; n += 3) {
		make(n, root);
		for (uint32_t i = 0; i < n; i++) {
			struct batch_place place = { i, n, proof, batch_proof(&batch, i, proof) };
			size_t length = place.length;

			for (size_t bit = 0; bit < 8 * length; bit += 5) {
				proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_int_equal(check(i, &place, root), -EBADMSG);
				proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
			place.length = length + BATCH_HASH;
			assert_int_equal(check(i, &place, root), -EBADMSG);
			place.length = length + 1;
			assert_int_equal(check(i, &place, root), -EBADMSG);
			if (!length)
				continue;
			place.length = length - BATCH_HASH;
			assert_int_equal(check(i, &place, root), -EBADMSG);
			place.length = length - 1;
			assert_int_equal(check(i, &place, root), -EBADMSG);
		}
	}
}

/* A count under which the same leaf has the same way up is for who signs the count. */
static void test_batch_limits(void **state)
{
	uint8_t root[BATCH_HASH], proof[BATCH_PROOF_MAX], leaf[5] = { 0 };
	struct batch_place place = { 1, 0, proof, 0 };

	(void)state;
	batch.count = 0;
	assert_int_equal(batch_root(&batch, root), -ENODATA);
	assert_int_equal(check(0, &place, root), -EBADMSG);
	make(BATCH_LEAVES_MAX, root);
	assert_int_equal(batch_add(&batch, leaf, sizeof(leaf)), -ENOSPC);
	for (uint32_t i = 0; i < BATCH_LEAVES_MAX; i++) {
		place = (struct batch_place){ i, BATCH_LEAVES_MAX, proof,
					      batch_proof(&batch, i, proof) };
		assert_int_equal(place.length, BATCH_PROOF_MAX);
		assert_int_equal(check(i, &place, root), 0);
	}
	place.count++;
	assert_int_equal(check(place.index, &place, root), -EBADMSG);
	place.count = UINT32_MAX;
	assert_int_equal(check(place.index, &place, root), -EBADMSG);
}

/* A node shown as a leaf is none: they are hashed differently. */
static void test_batch_node_is_no_leaf(void **state)
{
	uint8_t root[BATCH_HASH], pair[2 * BATCH_HASH], proof[BATCH_PROOF_MAX];
	struct batch_place place = { 0, 2, proof, BATCH_HASH };
	struct cursor_out out = cursor_out(pair, sizeof(pair));

	(void)state;
	make(4, root);
	cursor_put_raw(&out, batch.nodes[0], BATCH_HASH);
	cursor_put_raw(&out, batch.nodes[1], BATCH_HASH);
	cursor_copy(proof, sizeof(proof), batch.nodes[5], BATCH_HASH);
	assert_int_equal(batch_check(pair, sizeof(pair), &place, root), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_every_size),
		cmocka_unit_test(test_batch_other_place),
		cmocka_unit_test(test_batch_mutated_proof),
		cmocka_unit_test(test_batch_limits),
		cmocka_unit_test(test_batch_node_is_no_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
