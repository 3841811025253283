// SPDX-License-Identifier: BSD-3-Clause
/*
 * Stores: what was committed comes back, what was torn does not count, what
 * is damaged is never taken for empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/store.h"

#define SLOT (512 << 10)
#define HEAD 56

static int file;
static struct store *store;

static int setup(void **state)
{
	(void)state;
	file = memfd_create("state", MFD_CLOEXEC);
	store = store_plain_new(file);
	return file < 0 || !store;
}

static int teardown(void **state)
{
	(void)state;
	store = store_free(store);
	close(file);
	return 0;
}

static struct store_record load(void)
{
	struct store_record record;

	assert_int_equal(store_load(store, &record), 0);
	return record;
}

static void commit(uint64_t generation, const char *text)
{
	assert_int_equal(store_commit(store, generation, text, strlen(text)), 0);
}

static void expect(uint64_t generation, const char *text)
{
	struct store_record record = load();

	assert_int_equal(record.state, STORE_OK);
	assert_true(record.generation == generation);
	assert_int_equal(record.length, strlen(text));
	assert_memory_equal(record.bytes, text, record.length);
}

static void poke(off_t offset)
{
	uint8_t byte;

	assert_int_equal(pread(file, &byte, 1, offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(file, &byte, 1, offset), 1);
}

static void test_store_mem(void **state)
{
	struct store *mem = store_mem_new();
	struct store_record record;

	(void)state;
	assert_int_equal(store_load(mem, &record), 0);
	assert_int_equal(record.state, STORE_EMPTY);
	assert_int_equal(store_commit(mem, 1, "one", 3), 0);
	assert_int_equal(store_commit(mem, 1, "one", 3), -EINVAL);
	store_mem_fail(mem, ENOSPC);
	assert_int_equal(store_commit(mem, 2, "two", 3), -ENOSPC);
	assert_int_equal(store_load(mem, &record), 0);
	assert_true(record.generation == 1);
	store_free(mem);
}

static void test_plain_empty_then_generations(void **state)
{
	char text[] = "state 0";

	(void)state;
	assert_int_equal(load().state, STORE_EMPTY);
	for (uint64_t generation = 1; generation < 9; generation++) {
		text[6] = (char)('0' + generation);
		commit(generation, text);
		expect(generation, text);
	}
}

static void test_plain_no_generation_twice(void **state)
{
	(void)state;
	load();
	commit(1, "one");
	commit(2, "two");
	store = store_free(store);
	store = store_plain_new(file);
	expect(2, "two");
	/* a second record of one generation could not be told from the first */
	assert_int_equal(store_commit(store, 2, "two", 3), -EINVAL);
	assert_int_equal(store_commit(store, 1, "one", 3), -EINVAL);
	expect(2, "two");
	commit(3, "three");
	assert_int_equal(store_commit(store, 3, "three", 5), -EINVAL);
	expect(3, "three");
}

static void test_plain_limits(void **state)
{
	static uint8_t large[STORE_RECORD_MAX + 1];

	(void)state;
	load();
	assert_int_equal(store_commit(store, 1, large, sizeof(large)), -EFBIG);
	assert_int_equal(store_commit(store, 0, large, 1), -EINVAL);
	assert_int_equal(store_commit(store, 1, large, 0), -EINVAL);
	assert_int_equal(store_commit(store, 1, large, STORE_RECORD_MAX), 0);
	assert_int_equal(load().length, STORE_RECORD_MAX);
}

static void test_plain_torn_write_keeps_last(void **state)
{
	(void)state;
	load();
	commit(1, "one");   /* slot 1; slot 0 has the blank record */
	commit(2, "two");   /* slot 0 */
	commit(3, "three"); /* slot 1 */
	/* the next write into slot 0 stops after its head */
	poke(HEAD);
	expect(3, "three");
}

static void test_plain_first_commit_torn_is_empty(void **state)
{
	struct rlimit all, some;

	(void)state;
	load();
	/* the blank record fits, the first one does not */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	signal(SIGXFSZ, SIG_IGN);
	some = (struct rlimit){ .rlim_cur = SLOT, .rlim_max = all.rlim_max };
	setrlimit(RLIMIT_FSIZE, &some);
	assert_int_equal(store_commit(store, 1, "one", 3), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &all);
	assert_int_equal(pwrite(file, "torn", 4, SLOT), 4);
	assert_int_equal(load().state, STORE_EMPTY);
	commit(1, "once more");
	expect(1, "once more");
}

static void test_plain_only_record_damaged_is_corrupt(void **state)
{
	(void)state;
	load();
	commit(1, "one");
	poke(SLOT + HEAD + 1);
	assert_int_equal(load().state, STORE_CORRUPT);
}

static void test_plain_damage_is_corrupt(void **state)
{
	struct store_record record;

	(void)state;
	load();
	commit(1, "one");
	commit(2, "two");
	poke(HEAD);
	poke(SLOT + 16); /* the other slot's generation */
	record = load();
	assert_int_equal(record.state, STORE_CORRUPT);
	assert_non_null(record.reason);
	assert_null(record.bytes);
}

static void test_plain_each_head_byte_matters(void **state)
{
	(void)state;
	load();
	commit(1, "one");
	commit(2, "two");
	poke(SLOT); /* only slot 0 is whole now */
	for (off_t at = 0; at < HEAD + 3; at++) {
		poke(at);
		assert_int_equal(load().state, STORE_CORRUPT);
		poke(at);
		assert_int_equal(load().state, STORE_OK);
	}
}

static void test_plain_foreign_file_is_corrupt(void **state)
{
	(void)state;
	assert_int_equal(pwrite(file, "something else", 14, 0), 14);
	assert_int_equal(load().state, STORE_CORRUPT);
}

static void test_plain_truncated_is_corrupt(void **state)
{
	(void)state;
	load();
	commit(1, "one");
	commit(2, "two");
	assert_int_equal(ftruncate(file, HEAD + 1), 0);
	assert_int_equal(load().state, STORE_CORRUPT);
}

static void test_plain_full_keeps_last(void **state)
{
	static uint8_t large[8192];
	struct rlimit all, some;

	(void)state;
	load();
	commit(1, "one");
	commit(2, "two");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	signal(SIGXFSZ, SIG_IGN);

	/* nothing fits: not a byte is written */
	some = (struct rlimit){ .rlim_cur = SLOT, .rlim_max = all.rlim_max };
	setrlimit(RLIMIT_FSIZE, &some);
	assert_int_equal(store_commit(store, 3, large, sizeof(large)), -EFBIG);
	/* a part fits: what was written is taken back */
	some.rlim_cur = SLOT + 4096;
	setrlimit(RLIMIT_FSIZE, &some);
	assert_int_equal(store_commit(store, 3, large, sizeof(large)), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &all);

	expect(2, "two");
	commit(3, "three");
	expect(3, "three");
}

static void test_plain_bad_fd_and_no_load(void **state)
{
	(void)state;
	load();
	commit(1, "one");
	store = store_free(store);
	store = store_plain_new(-1);
	assert_int_equal(store_load(store, &(struct store_record){ 0 }), -EBADF);
	assert_int_equal(store_commit(store, 2, "two", 3), -EINVAL);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_mem),
		PLAIN(test_plain_empty_then_generations),
		PLAIN(test_plain_no_generation_twice),
		PLAIN(test_plain_limits),
		PLAIN(test_plain_torn_write_keeps_last),
		PLAIN(test_plain_first_commit_torn_is_empty),
		PLAIN(test_plain_only_record_damaged_is_corrupt),
		PLAIN(test_plain_damage_is_corrupt),
		PLAIN(test_plain_each_head_byte_matters),
		PLAIN(test_plain_foreign_file_is_corrupt),
		PLAIN(test_plain_truncated_is_corrupt),
		PLAIN(test_plain_full_keeps_last),
		PLAIN(test_plain_bad_fd_and_no_load),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
