// SPDX-License-Identifier: BSD-3-Clause
/*
 * The counter, and the file that names it, at a host TPM played by swtpm; tpm2-tools do what its
 * owner can.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "seal/anchor.h"
#include "seal/keyfile.h"
#include "seal/test_swtpm.h"

static struct test_swtpm swtpm;
static struct host host;
static struct reason reason;
static uint8_t auth[SEAL_KEY_SIZE], foreign[SEAL_KEY_SIZE];
static const struct seal_bytes none;

static int setup(void **state)
{
	(void)state;
	test_swtpm_new(&swtpm, TEST_STARTED);
	setenv("TSS2_LOG", "all+none", 1);
	if (seal_random(auth, sizeof(auth)) || seal_random(foreign, sizeof(foreign)) ||
	    host_open(swtpm.tcti, &host, &reason))
		return -1;
	return host_provision(&host, none, &reason);
}

static int teardown(void **state)
{
	(void)state;
	host_done(&host);
	test_swtpm_done(&swtpm);
	return 0;
}

static void make(uint32_t wanted, uint64_t *ret_value)
{
	uint32_t handle;
	int r = host_counter_make(&host, none, auth, &handle, ret_value, &reason);

	if (r)
		fail_msg("%d %s", r, reason.text);
	assert_int_equal(handle, wanted);
}

static uint64_t value_at(uint32_t handle)
{
	uint64_t value = 0;

	assert_int_equal(host_counter_read(&host, handle, auth, &value, &reason), 0);
	return value;
}

static void test_counter_counts(void **state)
{
	uint64_t first;
	uint32_t found;

	(void)state;
	make(HOST_COUNTER_FIRST, &first);
	assert_true(first > 0);
	assert_int_equal(value_at(HOST_COUNTER_FIRST), first);
	for (uint64_t i = 1; i < 5; i++) {
		assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, auth, &reason), 0);
		assert_int_equal(value_at(HOST_COUNTER_FIRST), first + i);
	}
	assert_int_equal(host_counter_find(&host, auth, &found, &reason), 0);
	assert_int_equal(found, HOST_COUNTER_FIRST);
}

/* Neither another key's holder nor the owner makes it count, and no guess locks the TPM. */
static void test_counter_is_ours_alone(void **state)
{
	uint64_t value, first;
	uint32_t found;
	char text[4096];

	(void)state;
	make(HOST_COUNTER_FIRST, &first);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(
			host_counter_read(&host, HOST_COUNTER_FIRST, foreign, &value, &reason),
			-ENXIO);
		assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, foreign, &reason),
				 -ENXIO);
	}
	assert_int_equal(host_counter_find(&host, foreign, &found, &reason), -ENXIO);
	assert_int_not_equal(test_tool(&swtpm, "tpm2_nvincrement -Q 0x01807670 -C o", NULL), 0);
	assert_int_not_equal(test_tool(&swtpm, "tpm2_nvincrement -Q 0x01807670", NULL), 0);
	assert_int_not_equal(test_tool(&swtpm, "tpm2_nvread 0x01807670 -C o", NULL), 0);
	assert_non_null(
		test_tool_says(&swtpm, "tpm2_getcap properties-variable", text, sizeof(text)));
	assert_non_null(strstr(text, "TPM2_PT_LOCKOUT_COUNTER: 0x0\n"));
	assert_int_equal(value_at(HOST_COUNTER_FIRST), first);
}

static void test_counter_is_missing(void **state)
{
	uint64_t value, again;

	(void)state;
	assert_int_equal(host_counter_read(&host, HOST_COUNTER_FIRST, auth, &value, &reason),
			 -ENXIO);
	assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, auth, &reason), -ENXIO);
	make(HOST_COUNTER_FIRST, &value);
	assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, auth, &reason), 0);
	assert_int_equal(test_tool(&swtpm, "tpm2_nvundefine -Q 0x01807670 -C o", NULL), 0);
	assert_int_equal(host_counter_read(&host, HOST_COUNTER_FIRST, auth, &again, &reason),
			 -ENXIO);
	assert_non_null(strstr(reason.text, "--accept-move"));
	/* one that is made anew does not begin anew */
	make(HOST_COUNTER_FIRST, &again);
	assert_true(again > value + 1);
}

/* What somebody else has there is left alone, and costs him no wrong guess. */
static void test_counter_place_is_taken(void **state)
{
	uint64_t value;
	uint32_t found;
	char text[4096];

	(void)state;
	assert_int_equal(test_tool(&swtpm,
				   "tpm2_nvdefine -Q 0x01807670 -C o -s 8 -p secret "
				   "-a authread|authwrite|ownerread",
				   NULL),
			 0);
	assert_int_equal(test_tool(&swtpm,
				   "tpm2_nvdefine -Q 0x01807671 -C o -s 8 -p secret "
				   "-a authread|authwrite|nt=counter|no_da",
				   NULL),
			 0);
	make(HOST_COUNTER_FIRST + 2, &value);
	assert_int_equal(host_counter_find(&host, auth, &found, &reason), 0);
	assert_int_equal(found, HOST_COUNTER_FIRST + 2);
	assert_int_equal(host_counter_read(&host, HOST_COUNTER_FIRST, auth, &value, &reason),
			 -ENXIO);
	assert_int_equal(host_counter_remove(&host, HOST_COUNTER_FIRST, none, &reason), -ENXIO);
	assert_non_null(
		test_tool_says(&swtpm, "tpm2_getcap properties-variable", text, sizeof(text)));
	assert_non_null(strstr(text, "TPM2_PT_LOCKOUT_COUNTER: 0x0\n"));
}

static void test_counter_no_place(void **state)
{
	uint64_t value;
	uint32_t handle;
	char line[96];

	(void)state;
	for (int i = 0; i < HOST_COUNTER_RANGE; i++) {
		snprintf(line, sizeof(line), "tpm2_nvdefine -Q 0x%x -C o -s 1",
			 HOST_COUNTER_FIRST + i);
		assert_int_equal(test_tool(&swtpm, line, NULL), 0);
	}
	assert_int_equal(host_counter_make(&host, none, auth, &handle, &value, &reason), -ENOSPC);
	assert_non_null(strstr(reason.text, "0x180767f"));
}

static void test_counter_owner_password(void **state)
{
	const struct seal_bytes right = { "secret", 6 }, wrong = { "Secret", 6 };
	uint64_t value;
	uint32_t handle;

	(void)state;
	assert_int_equal(test_tool(&swtpm, "tpm2_changeauth -Q -c owner secret", NULL), 0);
	assert_int_equal(host_counter_make(&host, none, auth, &handle, &value, &reason), -EACCES);
	assert_non_null(strstr(reason.text, "has a password"));
	assert_int_equal(host_counter_make(&host, wrong, auth, &handle, &value, &reason), -EACCES);
	assert_non_null(strstr(reason.text, "another one"));
	assert_int_equal(host_counter_make(&host, right, auth, &handle, &value, &reason), 0);
	/* it was wanted for that only, and is known no more */
	assert_int_equal(host_counter_add(&host, handle, auth, &reason), 0);
	assert_int_equal(host_counter_remove(&host, handle, none, &reason), -EACCES);
	assert_int_equal(host_counter_remove(&host, handle, right, &reason), 0);
	assert_int_equal(host_counter_read(&host, handle, auth, &value, &reason), -ENXIO);
}

static void test_counter_leaves_nothing(void **state)
{
	char before[2048], after[2048];
	uint64_t value;

	(void)state;
	make(HOST_COUNTER_FIRST, &value);
	test_handles(&swtpm, before, sizeof(before));
	for (int i = 0; i < 5; i++) {
		assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, auth, &reason), 0);
		value_at(HOST_COUNTER_FIRST);
		assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, foreign, &reason),
				 -ENXIO);
	}
	test_handles(&swtpm, after, sizeof(after));
	assert_string_equal(before, after);
	assert_non_null(strstr(after, "0x1807670"));
}

static void test_counter_no_tpm(void **state)
{
	uint64_t value;
	uint32_t handle;

	(void)state;
	make(HOST_COUNTER_FIRST, &value);
	test_swtpm_stop(&swtpm);
	assert_int_equal(host_counter_add(&host, HOST_COUNTER_FIRST, auth, &reason), -ENODEV);
	assert_int_equal(host_counter_read(&host, HOST_COUNTER_FIRST, auth, &value, &reason),
			 -ENODEV);
	assert_int_equal(host_counter_make(&host, none, auth, &handle, &value, &reason), -ENODEV);
	test_swtpm_start(&swtpm, TEST_STARTED);
}

static void test_anchor_file(void **state)
{
	struct anchor made = { .mode = KEYD_ROLLBACK_STRICT, .window = 77 }, read, found = made;
	int directory = open(swtpm.dir, O_RDONLY | O_DIRECTORY);
	uint8_t file[128];
	ssize_t length;

	(void)state;
	assert_int_equal(anchor_load(directory, auth, &read, &reason), -ENOENT);
	assert_int_equal(anchor_find(directory, &host, auth, &found, &reason), -ENXIO);
	assert_int_equal(anchor_make(directory, &host, none, auth, &made, &reason), 0);
	assert_int_equal(anchor_load(directory, auth, &read, &reason), 0);
	assert_memory_equal(&read, &made, sizeof(read));
	assert_int_equal(anchor_load(directory, foreign, &read, &reason), -EBADMSG);
	assert_int_equal(anchor_load(directory, NULL, &read, &reason), 0);

	length = keyfile_load(directory, "anchor", file, sizeof(file));
	assert_true(length > 40);
	for (ssize_t i = 0; i < length; i++) {
		bool version = i == 8 || i == 9;

		file[i] ^= 1;
		assert_int_equal(keyfile_save(directory, "anchor",
					      (struct seal_bytes){ file, (size_t)length }),
				 0);
		assert_int_equal(anchor_load(directory, auth, &read, &reason),
				 version ? -EPROTONOSUPPORT : -EBADMSG);
		assert_non_null(strstr(reason.text, "keys/anchor"));
		file[i] ^= 1;
	}
	for (ssize_t i = 0; i < length; i++) {
		assert_int_equal(
			keyfile_save(directory, "anchor", (struct seal_bytes){ file, (size_t)i }),
			0);
		assert_int_equal(anchor_load(directory, auth, &read, &reason), -EBADMSG);
	}
	assert_int_equal(anchor_find(directory, &host, auth, &found, &reason), 0);
	assert_int_equal(anchor_load(directory, auth, &read, &reason), 0);
	assert_memory_equal(&read, &made, sizeof(read));
	close(directory);
}

/* What was made is taken back where it cannot be written down. */
static void test_anchor_no_directory(void **state)
{
	struct anchor anchor = { .mode = KEYD_ROLLBACK_LAZY, .window = 77 };
	char before[2048], after[2048];

	(void)state;
	test_handles(&swtpm, before, sizeof(before));
	assert_int_equal(anchor_make(-1, &host, none, auth, &anchor, &reason), -EBADF);
	assert_non_null(strstr(reason.text, "keys/anchor cannot be written"));
	test_handles(&swtpm, after, sizeof(after));
	assert_string_equal(before, after);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_counter_counts),
		CASE(test_counter_is_ours_alone),
		CASE(test_counter_is_missing),
		CASE(test_counter_place_is_taken),
		CASE(test_counter_no_place),
		CASE(test_counter_owner_password),
		CASE(test_counter_leaves_nothing),
		CASE(test_counter_no_tpm),
		CASE(test_anchor_file),
		CASE(test_anchor_no_directory),
	};

	return cmocka_run_group_tests_name("counter", tests, NULL, NULL);
}
