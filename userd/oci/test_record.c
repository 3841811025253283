// SPDX-License-Identifier: BSD-3-Clause
/*
 * Names of vTPMs, and which containers have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oci/mount.h"
#include "oci/record.h"

static char folder[32];
static bool used;
static int asked;

static bool in_use(const char *name)
{
	assert_string_equal(name, "ct-1");
	asked++;
	return used;
}

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vtpm-test-rec.XXXXXX");
	asked = 0;
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	static const char *const left[] = { "ct-1", "17/mountinfo" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, left[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/17", folder);
	rmdir(path);
	return rmdir(folder);
}

/* The record is @seconds old. */
static void age(int seconds)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) - seconds } };
	char path[64];

	times[1] = times[0];
	snprintf(path, sizeof(path), "%s/ct-1", folder);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int take(void)
{
	return record_take(folder, "ct-1", "/root", in_use);
}

static void test_record_take(void **state)
{
	(void)state;
	assert_int_equal(take(), 0);
	/* it may be starting still, and nobody has to be asked */
	assert_int_equal(take(), RECORD_TAKEN);
	age(RECORD_START_SECONDS - 10);
	assert_int_equal(take(), RECORD_TAKEN);
	age(-3600);
	assert_int_equal(take(), RECORD_TAKEN);
	assert_int_equal(asked, 0);
	/* it runs */
	age(RECORD_START_SECONDS + 10);
	used = true;
	assert_int_equal(take(), RECORD_TAKEN);
	assert_int_equal(asked, 1);
	/* it does not, and the next one has it as if it were new */
	used = false;
	assert_int_equal(take(), 0);
	assert_int_equal(take(), RECORD_TAKEN);
	record_drop(folder, "ct-1");
	assert_int_equal(take(), 0);
}

static void test_record_take_of_nobody(void **state)
{
	char path[64];

	(void)state;
	/* what is no file is not followed, and not removed while it is young */
	snprintf(path, sizeof(path), "%s/ct-1", folder);
	assert_int_equal(symlink("/nonexistent", path), 0);
	assert_int_equal(take(), RECORD_TAKEN);
	assert_int_equal(record_take("/nonexistent/folder", "ct-1", "/root", in_use), -2);
}

static void test_mount_is_anywhere(void **state)
{
	static const char table[] =
		"22 1 0:5 / /dev rw - devtmpfs dev rw\n"
		"short\n"
		"31 22 0:5 /vtpm12 /dev/tpm0 rw,nosuid - devtmpfs dev rw\n";
	char path[64];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/17", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(mount_is_anywhere(folder, "/dev/vtpm12"));
	snprintf(path, sizeof(path), "%s/17/mountinfo", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(table, file);
	fclose(file);
	assert_true(mount_is_anywhere(folder, "/dev/vtpm12"));
	assert_false(mount_is_anywhere(folder, "/dev/vtpm1"));
	assert_false(mount_is_anywhere(folder, "/dev/vtpm2"));
	assert_false(mount_is_anywhere(folder, "none"));
	assert_false(mount_is_anywhere("/nonexistent", "/dev/vtpm12"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_record_take),
		CASE(test_record_take_of_nobody),
		CASE(test_mount_is_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
