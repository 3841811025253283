// SPDX-License-Identifier: BSD-3-Clause
/* The frame of Documentation/evidence.rst, byte by byte, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "wire/host_quote.h"

/* The test vector of the documentation. */
static const uint8_t vector[HOST_QUOTE_SIZE] = {
	0x76, 0x74, 0x70, 0x6d, 0x2d, 0x68, 0x6f, 0x73, 0x74, 0x2d, 0x71, 0x75, 0x6f, 0x74,
	0x65, 0x2d, 0x76, 0x31, 0x01, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
	0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, [126] = 7,
};

static struct host_quote example(uint8_t purpose)
{
	struct host_quote quote = { .purpose = purpose, .epoch = 7 };

	for (uint8_t i = 0; i < sizeof(quote.nonce); i++)
		quote.nonce[i] = i;
	return quote;
}

static void test_put_vector(void **state)
{
	struct host_quote quote = example(HOST_QUOTE_HOST);
	uint8_t frame[HOST_QUOTE_SIZE];

	(void)state;
	host_quote_put(&quote, frame);
	assert_memory_equal(frame, vector, sizeof(vector));
}

static void test_get_all_members(void **state)
{
	struct host_quote quote = example(HOST_QUOTE_DEEP), got = { 0 };
	uint8_t frame[HOST_QUOTE_SIZE];

	(void)state;
	memset(quote.nonce, 0, sizeof(quote.nonce));
	quote.leaves = 0x01020304;
	quote.epoch = 0x0102030405060708;
	memset(quote.root, 0xaa, sizeof(quote.root));
	memset(quote.audit, 0xbb, sizeof(quote.audit));
	host_quote_put(&quote, frame);
	assert_true(host_quote_get(frame, sizeof(frame), &got));
	assert_int_equal(got.purpose, HOST_QUOTE_DEEP);
	assert_int_equal(got.leaves, quote.leaves);
	assert_int_equal(got.epoch, quote.epoch);
	assert_memory_equal(got.nonce, quote.nonce, sizeof(got.nonce));
	assert_memory_equal(got.root, quote.root, sizeof(got.root));
	assert_memory_equal(got.audit, quote.audit, sizeof(got.audit));
	assert_int_equal(frame[83], 1);
	assert_int_equal(frame[119], 1);
}

/* Each leaf has a nonce, and all of them no other one. */
static void test_get_refuses_deep(void **state)
{
	struct host_quote quote = example(HOST_QUOTE_DEEP), got;
	uint8_t frame[HOST_QUOTE_SIZE];

	(void)state;
	quote.leaves = 1;
	host_quote_put(&quote, frame);
	assert_false(host_quote_get(frame, sizeof(frame), &got));
	memset(quote.nonce, 0, sizeof(quote.nonce));
	host_quote_put(&quote, frame);
	assert_true(host_quote_get(frame, sizeof(frame), &got));
	quote.leaves = 0;
	host_quote_put(&quote, frame);
	assert_false(host_quote_get(frame, sizeof(frame), &got));
}

static void test_get_refuses(void **state)
{
	/* byte, and what is put there */
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 0, 'V' }, { 17, '2' }, { 18, 0 }, { 18, 2 }, { 18, 3 }, { 51, 1 }, { 86, 1 },
	};
	struct host_quote got;
	uint8_t bytes[HOST_QUOTE_SIZE + 1] = { 0 };

	(void)state;
	cursor_copy(bytes, sizeof(bytes), vector, sizeof(vector));
	assert_true(host_quote_get(bytes, sizeof(vector), &got));
	assert_false(host_quote_get(bytes, sizeof(vector) - 1, &got));
	assert_false(host_quote_get(bytes, sizeof(vector) + 1, &got));
	assert_false(host_quote_get(bytes, 0, &got));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bytes[wrong[i].at] = wrong[i].value;
		assert_false(host_quote_get(bytes, sizeof(vector), &got));
		bytes[wrong[i].at] = vector[wrong[i].at];
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_vector),
		cmocka_unit_test(test_get_all_members),
		cmocka_unit_test(test_get_refuses),
		cmocka_unit_test(test_get_refuses_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
