// SPDX-License-Identifier: BSD-3-Clause
/*
 * Packages: what is written is read, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "wire/package.h"

static const uint8_t box[100] = { 1, 2, 3 }, chain[500] = { 0x30 };

static struct package package_of(void)
{
	struct package package = {
		.epoch = 7,
		.generation = 90,
		.time = 1,
		.name = "web1",
		.front = 3,
		.banks = 1u << 0x0b,
		.plain = true,
		.created = 2,
		.box = { box, sizeof(box) },
		.chain = { chain, sizeof(chain) },
	};

	memset(package.uuid, 0x11, sizeof(package.uuid));
	memset(package.envelope, 0x22, sizeof(package.envelope));
	memset(package.target, 0x33, sizeof(package.target));
	memset(package.signature, 0x44, sizeof(package.signature));
	return package;
}

static void test_package_head(void **state)
{
	struct package package = package_of(), read;
	uint8_t head[PACKAGE_HEAD_MAX], facts[PACKAGE_FACTS_MAX], all[PACKAGE_HEAD_MAX];
	size_t length = package_put_head(&package, head);

	(void)state;
	assert_true(length > sizeof(box) + sizeof(chain));
	assert_true(package_get_head(head, length, &read));
	assert_string_equal(read.name, "web1");
	assert_int_equal(read.epoch, 7);
	assert_int_equal(read.generation, 90);
	assert_int_equal(read.box.length, sizeof(box));
	assert_memory_equal(read.box.at, box, sizeof(box));
	assert_int_equal(read.chain.length, sizeof(chain));
	assert_true(read.plain);
	/* written again it is the same: there is one way */
	assert_int_equal(package_put_head(&read, all), length);
	assert_memory_equal(all, head, length);
	/* facts and what is signed are its beginning */
	assert_memory_equal(facts, head, package_put_facts(&package, facts));
	assert_int_equal(package_put_signed(&package, all), length - PACKAGE_SIGNATURE);
	assert_memory_equal(all, head, length - PACKAGE_SIGNATURE);
}

static void test_package_get_head_refuses(void **state)
{
	struct package package = package_of(), read;
	uint8_t head[PACKAGE_HEAD_MAX + 1] = { 0 };
	size_t length = package_put_head(&package, head);

	(void)state;
	for (size_t i = 0; i < length; i++)
		assert_false(package_get_head(head, i, &read));
	assert_false(package_get_head(head, length + 1, &read));
	head[0] ^= 1;
	assert_false(package_get_head(head, length, &read));

	/* values that no store holds, and names that no vTPM has */
	package = package_of();
	package.epoch = 1;
	assert_false(package_get_head(head, package_put_head(&package, head), &read));
	package.epoch = UINT64_MAX;
	assert_false(package_get_head(head, package_put_head(&package, head), &read));
	package = package_of();
	package.generation = UINT64_MAX;
	assert_false(package_get_head(head, package_put_head(&package, head), &read));
	package = package_of();
	snprintf(package.name, sizeof(package.name), "a b");
	assert_false(package_get_head(head, package_put_head(&package, head), &read));
	package.name[0] = '\0';
	assert_false(package_get_head(head, package_put_head(&package, head), &read));
}

static void test_package_put_refuses(void **state)
{
	static const uint8_t large[PACKAGE_CHAIN_MAX + 1];
	struct package package = package_of();
	uint8_t head[PACKAGE_HEAD_MAX];

	(void)state;
	package.chain = (struct package_bytes){ large, sizeof(large) };
	assert_int_equal(package_put_head(&package, head), 0);
	package.chain.length--;
	assert_true(package_put_head(&package, head) > 0);
	package.box = (struct package_bytes){ large, PACKAGE_BOX_MAX + 1 };
	assert_int_equal(package_put_head(&package, head), 0);
}

static void test_package_split(void **state)
{
	struct package package = package_of();
	uint8_t bytes[4 + PACKAGE_HEAD_MAX + 5], head[PACKAGE_HEAD_MAX];
	size_t length = package_put_head(&package, head);
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	struct package_bytes first, second;

	(void)state;
	cursor_put_u32(&out, (uint32_t)length);
	cursor_put_raw(&out, head, length);
	cursor_put_raw(&out, "state", 5);
	assert_true(package_split(bytes, out.used, &first, &second));
	assert_int_equal(first.length, length);
	assert_memory_equal(first.at, head, length);
	assert_int_equal(second.length, 5);
	/* cut anywhere before the state, it is none */
	for (size_t i = 0; i <= out.used - 5; i++)
		assert_false(package_split(bytes, i, &first, &second));
	cursor_patch_u32(&out, 0, 0);
	assert_false(package_split(bytes, out.used, &first, &second));
	cursor_patch_u32(&out, 0, PACKAGE_HEAD_MAX + 1);
	assert_false(package_split(bytes, out.used, &first, &second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_package_head),
		cmocka_unit_test(test_package_get_head_refuses),
		cmocka_unit_test(test_package_put_refuses),
		cmocka_unit_test(test_package_split),
	};

	return cmocka_run_group_tests_name("package", tests, NULL, NULL);
}
