// SPDX-License-Identifier: BSD-3-Clause
/*
 * The migration key of the real program: set in a box, kept wrapped, given to each engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "keyd/keyd.h"
#include "keyd/test_keyd.h"
#include "wire/leaf.h"
#include "seal/box.h"

static const uint8_t key[KEYD_DATA_KEY_SIZE] = "the hosts of one administrator";
static struct test_keyd keyd;
static struct test_reply reply;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	return test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply);
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

/* Return: errno of the answer */
static uint32_t set(const char *label, size_t size)
{
	uint8_t record[KEYD_BOX_MAX], point[SEAL_POINT_SIZE];
	uint8_t box[BOX_OVERHEAD + sizeof(key)], buffer[KEYD_BOX_MAX];
	struct ipc_out out = test_begin(KEYD_MIGRATION, buffer, sizeof(buffer));

	assert_true(test_recovery(&keyd, record, point) > 0);
	assert_int_equal(box_close(point, label, (struct seal_bytes){ 0 },
				   (struct seal_bytes){ key, size }, box),
			 0);
	ipc_put_blob(&out, box, BOX_OVERHEAD + size);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_MIGRATION_SET);
	return reply.error;
}

/* What an engine is given. Return: bytes of it */
static size_t given(const uint8_t **ret)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	size_t length;

	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	cursor_get_bytes(&reply.in.body, 4 + 4 + KEYD_DATA_KEY_SIZE);
	ipc_get_blob(&reply.in, KEYD_ENTROPY_SIZE, &length);
	*ret = ipc_get_blob(&reply.in, KEYD_DATA_KEY_SIZE, &length);
	cursor_get_bytes(&reply.in.body, LEAF_KEY_SIZE);
	assert_true(ipc_ended(&reply.in));
	return length;
}

static bool is_here(void)
{
	static struct test_status status;

	assert_int_equal(test_status(&keyd, &status), 0);
	return status.migration_key;
}

static void test_migration_key(void **state)
{
	const uint8_t *got;

	(void)state;
	assert_int_equal(given(&got), 0);
	assert_false(is_here());
	assert_int_equal(set(BOX_MIGRATION, sizeof(key)), 0);
	assert_true(is_here());
	assert_int_equal(given(&got), sizeof(key));
	assert_memory_equal(got, key, sizeof(key));
	test_keyd_stop(&keyd, SIGKILL);
	test_keyd_start(&keyd);
	assert_int_equal(given(&got), sizeof(key));
	assert_memory_equal(got, key, sizeof(key));
}

static void test_migration_key_refused(void **state)
{
	const uint8_t *got;

	(void)state;
	assert_int_equal(set(BOX_MIGRATION, sizeof(key) - 1), EKEYREJECTED);
	assert_int_equal(set(BOX_OWNER, sizeof(key)), EKEYREJECTED);
	assert_int_equal(given(&got), 0);
}

/* A file that is not ours is no key; the vTPM runs, and its state stays here. */
static void test_migration_key_changed(void **state)
{
	char path[128];
	const uint8_t *got;
	int fd;

	(void)state;
	assert_int_equal(set(BOX_MIGRATION, sizeof(key)), 0);
	snprintf(path, sizeof(path), "%s/keys/migration", keyd.dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x", 1, 30), 1);
	close(fd);
	assert_int_equal(given(&got), 0);
	assert_false(is_here());
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_migration_key),
		CASE(test_migration_key_refused),
		CASE(test_migration_key_changed),
	};

	return cmocka_run_group_tests_name("keyd migration", tests, NULL, NULL);
}
