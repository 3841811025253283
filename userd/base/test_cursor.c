// SPDX-License-Identifier: BSD-3-Clause
/* Cursors: values, ends, and that an error sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "base/secret.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void test_cursor_get_values(void **state)
{
	struct cursor_in in = cursor_in(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_get_u8(&in), 0x01);
	assert_int_equal(cursor_get_u16(&in), 0x0203);
	assert_int_equal(cursor_get_u32(&in), 0x04050607);
	assert_false(cursor_ended(&in));
	assert_true(cursor_get_u64(&in) == 0x08090a0b0c0d0e0full);
	assert_true(cursor_ended(&in));
}

static void test_cursor_get_le(void **state)
{
	struct cursor_in in = cursor_in(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_get_le16(&in), 0x0201);
	assert_int_equal(cursor_get_le32(&in), 0x06050403);
	assert_true(cursor_get_le64(&in) == 0x0e0d0c0b0a090807ull);
	assert_int_equal(cursor_get_le16(&in), 0); /* one byte is left */
	assert_true(in.bad);
}

static void test_cursor_get_beyond_end(void **state)
{
	struct cursor_in in = cursor_in(bytes, 3);
	uint8_t raw[2] = { 0xff, 0xff };

	(void)state;
	assert_int_equal(cursor_get_u32(&in), 0);
	assert_true(in.bad);
	assert_int_equal(cursor_get_u8(&in), 0); /* sticky, though a byte is left */
	assert_null(cursor_get_bytes(&in, 1));
	cursor_get_raw(&in, raw, sizeof(raw));
	assert_true(cursor_is_zero(raw, sizeof(raw)));
	assert_false(cursor_ended(&in));
}

static void test_cursor_get_bytes_huge(void **state)
{
	struct cursor_in in = cursor_in(bytes, sizeof(bytes));

	(void)state;
	assert_null(cursor_get_bytes(&in, SIZE_MAX));
	assert_true(in.bad);
}

static void test_cursor_sub_bounds(void **state)
{
	struct cursor_in in = cursor_in(bytes, 6), sub;

	(void)state;
	sub = cursor_sub(&in, 4);
	assert_int_equal(cursor_get_u32(&sub), 0x01020304);
	assert_true(cursor_ended(&sub));
	cursor_get_u8(&sub);
	assert_true(sub.bad);
	assert_false(in.bad);
	sub = cursor_sub(&in, 3);
	assert_true(sub.bad);
	assert_true(in.bad);
}

static void test_cursor_put_values(void **state)
{
	uint8_t buffer[15];
	struct cursor_out out = cursor_out(buffer, sizeof(buffer));

	(void)state;
	cursor_put_u8(&out, 0x01);
	cursor_put_u16(&out, 0x0203);
	cursor_put_u32(&out, 0x04050607);
	cursor_put_u64(&out, 0x08090a0b0c0d0e0full);
	assert_false(out.bad);
	assert_memory_equal(buffer, bytes, sizeof(bytes));
	cursor_patch_u32(&out, 11, 0xaabbccdd);
	assert_int_equal(buffer[14], 0xdd);
	assert_false(out.bad);
	cursor_patch_u32(&out, 12, 0);
	assert_true(out.bad);
}

static void test_cursor_put_beyond_end(void **state)
{
	uint8_t buffer[5] = { 0 };
	struct cursor_out out = cursor_out(buffer, 4);

	(void)state;
	cursor_put_u16(&out, 0x0102);
	cursor_put_u32(&out, 0xffffffff);
	assert_true(out.bad);
	assert_int_equal(out.used, 2);
	cursor_put_u8(&out, 0xff);
	assert_int_equal(out.used, 2);
	assert_int_equal(buffer[2], 0);
	assert_false(cursor_copy(buffer, 4, bytes, 5));
	assert_true(cursor_copy(buffer, 4, bytes, 4));
	assert_int_equal(buffer[4], 0);
}

static void test_secret_equal_and_wipe(void **state)
{
	uint8_t a[4] = { 1, 2, 3, 4 }, b[4] = { 1, 2, 3, 5 };

	(void)state;
	assert_true(secret_equal(a, b, 3));
	assert_false(secret_equal(a, b, 4));
	secret_wipe(a, sizeof(a));
	assert_true(cursor_is_zero(a, sizeof(a)));
	secret_wipe(NULL, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursor_get_values),
		cmocka_unit_test(test_cursor_get_le),
		cmocka_unit_test(test_cursor_get_beyond_end),
		cmocka_unit_test(test_cursor_get_bytes_huge),
		cmocka_unit_test(test_cursor_sub_bounds),
		cmocka_unit_test(test_cursor_put_values),
		cmocka_unit_test(test_cursor_put_beyond_end),
		cmocka_unit_test(test_secret_equal_and_wipe),
	};

	return cmocka_run_group_tests_name("base/cursor", tests, NULL, NULL);
}
