// SPDX-License-Identifier: BSD-3-Clause
/*
 * Pieces without a host TPM: each is another one, and the last is enough for many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "keyd/pool.h"

static struct pool pool;
static struct host host; /* none */
static struct reason reason;
static uint8_t taken[POOL_STRETCH][KEYD_ENTROPY_SIZE];

static int take(size_t number)
{
	return pool_take(&pool, &host, taken[number], &reason);
}

static int setup(void **state)
{
	(void)state;
	pool = (struct pool){ .piece = { { 1 }, { 2 } }, .count = 2 };
	host = (struct host){ .fd = -1, .storage = ESYS_TR_NONE, .tcti = "nowhere" };
	return 0;
}

static void test_take_wipes(void **state)
{
	static const uint8_t zero[SEAL_KEY_SIZE];

	(void)state;
	assert_int_equal(take(0), 0);
	assert_int_equal(taken[0][0], 2);
	assert_int_equal(pool.count, 1);
	assert_memory_equal(pool.piece[1], zero, sizeof(zero));
}

static void test_take_stretches(void **state)
{
	(void)state;
	pool.count = 1;
	for (size_t i = 0; i < POOL_STRETCH; i++) {
		assert_int_equal(take(i), 0);
		assert_memory_not_equal(taken[i], pool.piece[0], KEYD_ENTROPY_SIZE);
		for (size_t j = i < 16 ? 0 : i - 16; j < i; j++)
			assert_memory_not_equal(taken[i], taken[j], KEYD_ENTROPY_SIZE);
	}
	assert_int_equal(pool.count, 1);
}

/* Then the TPM is to be asked, and there is none here. */
static void test_take_ends(void **state)
{
	(void)state;
	pool.count = 1;
	pool.stretched = POOL_STRETCH;
	assert_int_equal(take(0), -ENODEV);
	pool.count = 0;
	pool.stretched = 0;
	assert_int_equal(take(0), -ENODEV);
}

/* A batch that cannot be read leaves what there is. */
static void test_fill_fails(void **state)
{
	(void)state;
	pool.count = 1;
	assert_int_equal(take(0), 0);
	assert_int_equal(pool_fill(&pool, &host, &reason), -ENODEV);
	assert_int_equal(pool.count, 1);
	assert_int_equal(take(1), 0);
	assert_memory_not_equal(taken[0], taken[1], KEYD_ENTROPY_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_take_wipes, setup),
		cmocka_unit_test_setup(test_take_stretches, setup),
		cmocka_unit_test_setup(test_take_ends, setup),
		cmocka_unit_test_setup(test_fill_fails, setup),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
