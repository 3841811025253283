// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checkpoint: one whole unit at any moment, and nothing taken for one that is
 * not. Death in the middle of a publish is played by restoring the number that
 * the memory had before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/unit.h"

#define NUMBER_AT 16 /* struct unit_root: magic, version, size, number */

static int file;
static struct unit unit;
static const char *reason;

static int setup(void **state)
{
	(void)state;
	reason = NULL;
	file = memfd_create("checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return file < 0 || unit_map(&unit, file);
}

static int teardown(void **state)
{
	(void)state;
	unit_unmap(&unit);
	close(file);
	return 0;
}

static enum unit_state look_again(void)
{
	unit_unmap(&unit);
	assert_int_equal(unit_map(&unit, file), 0);
	return unit_check(&unit, &reason);
}

static int publish(uint64_t generation, const char *permanent, const char *rest, uint64_t id)
{
	struct unit_content content = {
		.instance = 7,
		.generation = generation,
		.id = id,
		.permanent = (const uint8_t *)permanent,
		.permanent_length = permanent ? strlen(permanent) : 0,
		.volatile_state = (const uint8_t *)rest,
		.volatile_length = strlen(rest),
		.answer = id ? (const uint8_t *)rest : NULL,
		.answer_length = id ? strlen(rest) : 0,
	};

	return unit_publish(&unit, &content);
}

static void expect(uint64_t generation, const char *permanent, const char *rest, uint64_t id)
{
	struct unit_content content = unit_current(&unit);

	assert_true(content.instance == 7);
	assert_true(content.generation == generation);
	assert_true(content.id == id);
	assert_int_equal(content.permanent_length, strlen(permanent));
	assert_memory_equal(content.permanent, permanent, strlen(permanent));
	assert_int_equal(content.volatile_length, strlen(rest));
	assert_memory_equal(content.volatile_state, rest, strlen(rest));
	assert_int_equal(content.answer_length, id ? strlen(rest) : 0);
	if (id)
		assert_memory_equal(content.answer, rest, strlen(rest));
}

static void test_unit_new_is_none(void **state)
{
	(void)state;
	assert_int_equal(look_again(), UNIT_NONE);
	assert_int_equal(publish(1, NULL, "v", 0), -EINVAL);
}

static void test_unit_publish_and_reopen(void **state)
{
	char rest[] = "volatile 0";

	(void)state;
	assert_int_equal(unit_check(&unit, &reason), UNIT_NONE);
	assert_int_equal(publish(1, "permanent one", "volatile 1", 0), 0);
	for (uint64_t id = 2; id < 9; id++) {
		rest[9] = (char)('0' + id);
		assert_int_equal(publish(1, NULL, rest, id), 0);
		assert_int_equal(look_again(), UNIT_WHOLE);
		assert_true(unit.id == id);
		expect(1, "permanent one", rest, id);
	}
	assert_int_equal(publish(2, "permanent two, longer", "volatile 9", 9), 0);
	assert_int_equal(publish(2, NULL, "volatile 10", 10), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(2, "permanent two, longer", "volatile 10", 10);
}

static void test_unit_death_before_flip(void **state)
{
	uint64_t number;

	(void)state;
	publish(1, "one", "v1", 1);
	publish(1, NULL, "v2", 2);
	assert_int_equal(pread(file, &number, 8, NUMBER_AT), 8);
	publish(2, "two", "v3", 3);
	assert_int_equal(pwrite(file, &number, 8, NUMBER_AT), 8);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(1, "one", "v2", 2);
}

static void test_unit_back(void **state)
{
	(void)state;
	assert_int_equal(unit_back(&unit), -ENOENT);
	publish(1, "one", "v1", 1);
	assert_int_equal(unit_back(&unit), -ENOENT);
	publish(2, "two", "v2", 2);
	assert_int_equal(unit_back(&unit), 0);
	expect(1, "one", "v1", 1);
	assert_true(unit.id == 1);
	assert_int_equal(unit_back(&unit), -ENOENT); /* one step, not more */
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(1, "one", "v1", 1);
	publish(2, "two again", "v3", 3);
	expect(2, "two again", "v3", 3);
}

static void test_unit_limits(void **state)
{
	static uint8_t large[UNIT_PERMANENT_MAX + 1];
	struct unit_content content = {
		.generation = 1,
		.permanent = large,
		.permanent_length = sizeof(large),
		.volatile_state = large,
		.volatile_length = UNIT_VOLATILE_MAX,
	};

	(void)state;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	content.permanent_length--;
	assert_int_equal(unit_publish(&unit, &content), 0);
	content.volatile_length++;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	content.volatile_length--;
	content.answer = large;
	content.answer_length = UNIT_ANSWER_MAX + 1;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	assert_int_equal(look_again(), UNIT_WHOLE);
}

static void test_unit_foreign_memory_is_broken(void **state)
{
	(void)state;
	assert_int_equal(pwrite(file, "garbage", 7, 0), 7);
	assert_int_equal(look_again(), UNIT_BROKEN);
	assert_non_null(reason);
}

static void test_unit_wrong_size_is_broken(void **state)
{
	int other = memfd_create("short", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(other, 4096), 0);
	unit_unmap(&unit);
	assert_int_equal(unit_map(&unit, other), 0);
	assert_int_equal(unit_check(&unit, &reason), UNIT_BROKEN);
	close(other);
}

static void test_unit_size_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(file, 0), -1);
	assert_int_equal(errno, EPERM);
}

/* Any single word of root or head that is off makes it BROKEN, not something else. */
static void test_unit_head_damage_is_broken(void **state)
{
	/* root magic, version, size, number; head number, generation, ended, area,
	 * lengths of permanent, volatile, answer; reserved */
	static const off_t places[] = { 0, 8, 12, 16 };
	static const off_t fields[] = { 0, 32, 36, 40, 44, 48, 52 };
	const uint8_t bad = 0xff;
	off_t head;

	(void)state;
	publish(1, "one", "v1", 1); /* number 1: the second head */
	head = 4096 + 56 + UNIT_ANSWER_MAX;
	for (size_t i = 0; i < 4 + 7; i++) {
		off_t at = (i < 4 ? places[i] : head + fields[i - 4]) + (i < 4 ? 0 : 3);
		uint8_t good;

		assert_int_equal(pread(file, &good, 1, at), 1);
		assert_int_equal(pwrite(file, &bad, 1, at), 1);
		assert_int_equal(look_again(), UNIT_BROKEN);
		assert_int_equal(pwrite(file, &good, 1, at), 1);
		assert_int_equal(look_again(), UNIT_WHOLE);
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_unit_new_is_none),
		UNIT(test_unit_publish_and_reopen),
		UNIT(test_unit_death_before_flip),
		UNIT(test_unit_back),
		UNIT(test_unit_limits),
		UNIT(test_unit_foreign_memory_is_broken),
		UNIT(test_unit_wrong_size_is_broken),
		UNIT(test_unit_size_is_sealed),
		UNIT(test_unit_head_damage_is_broken),
	};

	return cmocka_run_group_tests_name("engine/unit", tests, NULL, NULL);
}
