// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a running keyd still knows: the host root key, and nothing else that passed
 * through it. Its memory is read as only root can, so others skip this.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keyd/test_keyd.h"
#include "seal/root.h"

#define PASSWORD "the-owner's-password"
#define WRONG	 "another's-password"

/* No more than this of a secret may be left anywhere. */
#define PIECE 8

static struct test_keyd keyd;
static struct test_reply reply;

static int open_of(const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)keyd.pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool holds(int memory, unsigned long from, unsigned long to, const void *piece)
{
	char *copy = malloc(to - from);
	ssize_t n = copy ? pread(memory, copy, to - from, (off_t)from) : 0;
	bool found = n > 0 && memmem(copy, (size_t)n, piece, PIECE);

	free(copy);
	return found;
}

static bool keyd_knows(const void *piece)
{
	int memory = open_of("mem"), maps = open_of("maps");
	FILE *lines = fdopen(maps, "r");
	unsigned long from, to;
	char line[512], write;
	bool found = false;

	assert_true(memory >= 0 && lines);
	while (!found && fgets(line, sizeof(line), lines)) {
		/* the sanitizers' shadow is larger than what can be read, and holds no bytes */
		if (sscanf(line, "%lx-%lx r%c", &from, &to, &write) == 3 && write == 'w' &&
		    to - from < 1ul << 30)
			found = holds(memory, from, to, piece);
	}
	fclose(lines);
	close(memory);
	return found;
}

static int setup(void **state)
{
	(void)state;
	/* a sanitizer's free() does not do what keyd asks of the C library's */
	setenv("ASAN_OPTIONS", "detect_leaks=0:max_free_fill_size=4096", 1);
	test_keyd_new(&keyd, TEST_STARTED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void skip_unless_readable(void)
{
	int memory = open_of("mem");

	if (memory < 0)
		skip();
	close(memory);
}

static void test_memory_owner_password(void **state)
{
	(void)state;
	skip_unless_readable();
	assert_int_equal(test_tool(&keyd.swtpm, "tpm2_changeauth -Q -c owner " PASSWORD, NULL), 0);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, WRONG, &reply), EACCES);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, PASSWORD, &reply), 0);
	assert_false(keyd_knows(PASSWORD) || keyd_knows(WRONG));
}

static void test_memory_data_key(void **state)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX], record[KEYD_BOX_MAX], session[SEAL_POINT_SIZE];
	uint8_t root[SEAL_KEY_SIZE];
	uint8_t key[KEYD_DATA_KEY_SIZE];
	size_t length;
	int n;

	(void)state;
	skip_unless_readable();
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	assert_true(keyd_knows(TEST_TICKET));
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	cursor_get_u32(&reply.in.body);
	cursor_get_raw(&reply.in.body, key, sizeof(key));
	assert_false(reply.in.body.bad);
	/* It wipes after it has sent: whoever answers a second question has done so. */
	n = test_recovery(&keyd, record, session);
	assert_true(n > 0);
	for (size_t i = 0; i < KEYD_DATA_KEY_SIZE; i += PIECE)
		assert_false(keyd_knows(key + i));
	assert_false(keyd_knows(TEST_TICKET));

	/* that nothing was found is worth something only if what is there is found */
	assert_int_equal(recovery_open((struct seal_bytes){ record, (size_t)n }, keyd.scalar, root),
			 0);
	assert_true(keyd_knows(root));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_memory_owner_password),
		CASE(test_memory_data_key),
	};

	return cmocka_run_group_tests_name("keyd memory", tests, NULL, NULL);
}
