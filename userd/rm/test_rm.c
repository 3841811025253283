// SPDX-License-Identifier: BSD-3-Clause
/*
 * The resource manager against a model, over a TPM that can be looked into: long random
 * lives of six clients and the raw node (model_for_tests.c), always the same ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "rm/rm.h"
#include "rm/test_model.h"

#define LIVES  300
#define LENGTH 4000

static uint8_t bytes[LENGTH];

/* splitmix64 */
static void fill(uint64_t seed)
{
	for (size_t i = 0; i < LENGTH; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15u);

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		bytes[i] = (uint8_t)(z >> 56);
	}
}

static void test_rm_run_as_the_model(void **state)
{
	uint64_t before = model_answers();

	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		fill(seed << 32);
		model_run(bytes, LENGTH);
	}
	/* that nothing was found is worth something only if much was done */
	assert_true(model_answers() - before > LIVES * 300);
}

static void test_rm_run_any_command(void **state)
{
	uint64_t before = model_answers();

	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		fill(seed << 33);
		model_storm(bytes, LENGTH);
	}
	assert_true(model_answers() - before > LIVES * 30);
}

static void test_rm_unpack_any_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		fill(seed << 34);
		bytes[0] = 1;
		/* no objects, no sessions: those at the end are taken */
		for (size_t i = 9; seed % 2 && i < 13; i++)
			bytes[i] = 0;
		for (size_t length = 0; length < 200; length++)
			model_unpack(bytes, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rm_run_as_the_model),
		cmocka_unit_test(test_rm_run_any_command),
		cmocka_unit_test(test_rm_unpack_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
