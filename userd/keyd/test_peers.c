// SPDX-License-Identifier: BSD-3-Clause
/*
 * Peers of the real program that do not keep to the rules: they lose their connection,
 * and nobody else notices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "keyd/keyd.h"
#include "keyd/test_keyd.h"
#include "wire/host_quote.h"
#include "wire/leaf.h"

#define TICKETS 100

static struct test_keyd keyd;
static struct test_reply reply;
static struct test_status status;
static uint8_t wrapped[KEYD_WRAPPED_MAX];
static size_t wrapped_length;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	return test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply) ||
	       test_new_key(&keyd, TEST_UUID, wrapped, &wrapped_length);
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void expect_alive(void)
{
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_int_equal(status.state, KEYD_STATE_UNLOCKED);
}

static int grant(const char *ticket)
{
	return test_grant(&keyd, TEST_UUID, ticket, wrapped, wrapped_length, &reply);
}

static int ask(int channel, uint32_t op, size_t body)
{
	static const uint8_t zeros[512];
	uint8_t buffer[600];
	struct ipc_out out = test_begin(op, buffer, sizeof(buffer));

	cursor_put_raw(&out.body, zeros, body);
	return test_ask_on(channel, &out, &reply);
}

static void test_key_is_handed_out_once(void **state)
{
	struct data_key first;

	(void)state;
	assert_int_equal(grant(TEST_TICKET), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	first.id = cursor_get_u32(&reply.in.body);
	assert_int_not_equal(first.id, 0);
	assert_int_equal(cursor_get_u32(&reply.in.body), 0);
	cursor_get_raw(&reply.in.body, first.key, sizeof(first.key));
	assert_int_equal(cursor_get_u32(&reply.in.body), KEYD_ENTROPY_SIZE);
	assert_int_equal(reply.in.body.left, KEYD_ENTROPY_SIZE + 4 + LEAF_KEY_SIZE);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), EACCES);
	/* granted again it is the same key */
	assert_int_equal(grant(TEST_TICKET), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	assert_int_equal(cursor_get_u32(&reply.in.body), first.id);
	assert_int_equal(cursor_get_u32(&reply.in.body), 0);
	assert_memory_equal(cursor_get_bytes(&reply.in.body, sizeof(first.key)), first.key,
			    sizeof(first.key));
}

/* What a key allows is said when it is made, and nowhere else. */
static void test_key_says_what_is_allowed(void **state)
{
	uint8_t plain[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	assert_int_equal(test_new_key_of(&keyd, TEST_UUID, 2, plain, &length), EINVAL);
	assert_int_equal(test_new_key_of(&keyd, TEST_UUID, KEYD_KEY_PLAIN, plain, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, plain, length, &reply), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	cursor_get_u32(&reply.in.body);
	assert_int_equal(cursor_get_u32(&reply.in.body), KEYD_KEY_PLAIN);
}

static void test_grant_of_a_wrong_key(void **state)
{
	uint8_t bad[KEYD_WRAPPED_MAX];

	(void)state;
	assert_int_equal(
		test_grant(&keyd, TEST_OTHER, TEST_TICKET, wrapped, wrapped_length, &reply),
		EKEYREJECTED);
	cursor_copy(bad, sizeof(bad), wrapped, wrapped_length);
	bad[wrapped_length - 1] ^= 1;
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, bad, wrapped_length, &reply),
			 EKEYREJECTED);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), EACCES);
}

/* What the first message is decides the role, for good. */
static void test_roles_stick(void **state)
{
	static const uint32_t others[] = { KEYD_STATUS, KEYD_KEY, KEYD_END, KEYD_RECOVERY };
	int channel;

	(void)state;
	assert_int_equal(ask(keyd.channel, KEYD_KEY, IPC_UUID_SIZE + KEYD_TICKET_SIZE), -EPIPE);
	close(keyd.channel);
	keyd.channel = test_connect(&keyd);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(grant(TEST_TICKET), 0);
		channel = test_connect(&keyd);
		{
			uint8_t buffer[128];
			struct ipc_out out = test_begin(KEYD_KEY, buffer, sizeof(buffer));

			cursor_put_raw(&out.body, TEST_UUID, IPC_UUID_SIZE);
			cursor_put_raw(&out.body, TEST_TICKET, KEYD_TICKET_SIZE);
			assert_int_equal(test_ask_on(channel, &out, &reply), 0);
			assert_int_equal(reply.error, 0);
		}
		assert_int_equal(ask(channel, others[i], 0), -EPIPE);
		close(channel);
	}
	expect_alive();
}

static void test_wrong_ticket_ends_it(void **state)
{
	int channel;

	(void)state;
	assert_int_equal(grant(TEST_TICKET), 0);
	channel = test_connect(&keyd);
	assert_int_equal(ask(channel, KEYD_KEY, IPC_UUID_SIZE + KEYD_TICKET_SIZE), 0);
	assert_int_equal(reply.error, EACCES);
	assert_int_equal(ask(channel, KEYD_KEY, IPC_UUID_SIZE + KEYD_TICKET_SIZE), -EPIPE);
	close(channel);
	/* a guess costs the right one nothing; a right ticket with another uuid is used up */
	assert_int_equal(test_key(&keyd, TEST_OTHER, TEST_TICKET, &reply), EACCES);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), EACCES);
	expect_alive();
}

/* Answers, unknown operations, and each operation with a body of a wrong length. */
static void test_broken_messages(void **state)
{
	static const size_t right[_KEYD_OP_MAX] = {
		[KEYD_INIT] = 25,
		[KEYD_UNLOCK] = 16,
		[KEYD_NEW_KEY] = IPC_UUID_SIZE + 4,
		[KEYD_GRANT] = IPC_UUID_SIZE + KEYD_TICKET_SIZE + 8 + 4,
		[KEYD_KEY] = IPC_UUID_SIZE + KEYD_TICKET_SIZE,
		[KEYD_WITNESS] = 4 + KEYD_ROOT_SIZE,
		[KEYD_SEAL_ROOT] = 1 + KEYD_ROOT_SIZE,
		[KEYD_ACCEPT] = 12 + KEYD_ROOT_SIZE,
		[KEYD_MIGRATION] = 4,
		[KEYD_ROLLBACK] = 4 + 1 + 4,
		[KEYD_CERTIFICATE] = 4,
		[KEYD_PLAN_ADD] = 4,
		[KEYD_PLAN_RETIRE] = 8,
		[KEYD_HOST_QUOTE] = 1 + HOST_QUOTE_NONCE + 4,
		[KEYD_ACTIVATE] = 4 + 4,
		[KEYD_DEEP] = 4,
		[KEYD_MOVE_OPEN] = 1 + 4,
		[KEYD_SHARE] = 4 + 4 + 4,
		[KEYD_BIND] = 4 + 2 + 4 + 4 + 4,
		[KEYD_CA_INIT] = 4 + 2,
		[KEYD_CA_PROVE] = KEYD_CA_NONCE,
		[KEYD_CA_IMPORT] = 4,
		[KEYD_ISSUED] = 8,
	};

	(void)state;
	for (uint32_t op = 0; op < _KEYD_OP_MAX + 3; op++) {
		for (size_t body = 0; body < 80; body++) {
			int channel;

			if (op < _KEYD_OP_MAX && !(op & 1) && body == right[op])
				continue;
			channel = test_connect(&keyd);
			assert_int_equal(ask(channel, op, body), -EPIPE);
			close(channel);
		}
	}
	expect_alive();
}

static void test_no_message_at_all(void **state)
{
	static const size_t lengths[] = {
		1, 3, 4, 8, KEYD_MESSAGE_MAX, KEYD_MESSAGE_MAX + 1, 65536
	};
	static uint8_t large[65536];
	struct ipc_in in;

	(void)state;
	memset(large, 0xff, sizeof(large));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int channel = test_connect(&keyd);

		assert_int_equal(send(channel, large, lengths[i], 0), (ssize_t)lengths[i]);
		assert_int_equal(ipc_receive(channel, reply.bytes, sizeof(reply.bytes), true, &in),
				 -EPIPE);
		close(channel);
	}
	expect_alive();
}

static void test_descriptors_are_refused(void **state)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_STATUS, buffer, sizeof(buffer));
	int channel = test_connect(&keyd);

	(void)state;
	ipc_put_fd(&out, 1);
	assert_int_equal(test_ask_on(channel, &out, &reply), -EPIPE);
	close(channel);
	expect_alive();
}

/* Who does not read is dropped, and nobody waits for him meanwhile. */
static void test_slow_peer(void **state)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_STATUS, buffer, sizeof(buffer));
	int slow = test_connect(&keyd), r = 0;

	(void)state;
	for (int i = 0; i < 100000 && !r; i++) {
		r = ipc_send(slow, &out);
		if (i % 1000 == 0)
			expect_alive();
	}
	assert_int_equal(r, -EPIPE);
	close(slow);
	expect_alive();
}

static void test_crowd(void **state)
{
	int crowd[3 * KEYD_PEERS_MAX];
	const size_t count = sizeof(crowd) / sizeof(crowd[0]);

	(void)state;
	expect_alive(); /* this connection is a manager's now */
	for (size_t i = 0; i < count; i++) {
		crowd[i] = test_connect(&keyd);
		assert_true(crowd[i] >= 0);
	}
	expect_alive();
	assert_int_equal(grant(TEST_TICKET), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	for (size_t i = 0; i < count; i++)
		close(crowd[i]);
	expect_alive();
}

static void test_many_engines(void **state)
{
	char tickets[TICKETS][KEYD_TICKET_SIZE + 1];

	(void)state;
	for (int i = 0; i < TICKETS; i++) {
		snprintf(tickets[i], sizeof(tickets[i]), "ticket %025d", i);
		assert_int_equal(grant(tickets[i]), 0);
	}
	for (int i = TICKETS - 1; i >= 0; i--)
		assert_int_equal(test_key(&keyd, TEST_UUID, tickets[i], &reply), 0);
}

/* In user namespaces and containers there may be no other uid to be. */
static void test_foreign_uid(void **state)
{
	char path[96];
	int child;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	test_sock(&keyd, path, sizeof(path));
	/* as in production, where engines have another uid than the manager */
	assert_int_equal(chmod(path, 0666) || chmod(keyd.dir, 0755), 0);
	pid = fork();
	if (!pid) {
		int channel;

		if (setresuid(65534, 65534, 65534))
			_exit(77);
		channel = test_connect(&keyd);
		if (channel < 0)
			_exit(1);
		_exit(ask(channel, KEYD_STATUS, 0) == -EPIPE ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &child, 0), pid);
	assert_true(WIFEXITED(child));
	if (WEXITSTATUS(child) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(child), 0);
	expect_alive();
}

static void test_end(void **state)
{
	int child;

	(void)state;
	assert_int_equal(ask(keyd.channel, KEYD_END, 0), 0);
	assert_int_equal(reply.in.op, KEYD_ENDING);
	assert_int_equal(reply.error, 0);
	assert_int_equal(waitpid(keyd.pid, &child, 0), keyd.pid);
	assert_true(WIFEXITED(child) && WEXITSTATUS(child) == 0);
	close(keyd.channel);
	test_keyd_start(&keyd);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Not a test of speed: numbers for who reads the log. */
static void test_how_long(void **state)
{
	double at;

	(void)state;
	sleep(2); /* the pool is full then */
	at = seconds();
	for (int i = 0; i < POOL_PIECES - 1; i++) {
		assert_int_equal(grant(TEST_TICKET), 0);
		assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	}
	print_message("grant and key: %.0f us\n", (seconds() - at) * 1e6 / (POOL_PIECES - 1));
	at = seconds();
	for (int i = 0; i < POOL_PIECES; i++) {
		assert_int_equal(grant(TEST_TICKET), 0);
		assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	}
	print_message("from a stretched piece: %.0f us\n", (seconds() - at) * 1e6 / POOL_PIECES);
	test_keyd_stop(&keyd, SIGTERM);
	at = seconds();
	test_keyd_start(&keyd);
	expect_alive();
	print_message("start to unlocked: %.0f ms\n", (seconds() - at) * 1e3);
	test_keyd_stop(&keyd, SIGTERM);
	test_remove_tree(keyd.dir);
	assert_int_equal(mkdir(keyd.dir, 0700), 0);
	test_keyd_start(&keyd);
	at = seconds();
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	print_message("init: %.0f ms\n", (seconds() - at) * 1e3);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_key_is_handed_out_once),
		CASE(test_key_says_what_is_allowed),
		CASE(test_grant_of_a_wrong_key),
		CASE(test_roles_stick),
		CASE(test_wrong_ticket_ends_it),
		CASE(test_broken_messages),
		CASE(test_no_message_at_all),
		CASE(test_descriptors_are_refused),
		CASE(test_slow_peer),
		CASE(test_crowd),
		CASE(test_many_engines),
		CASE(test_foreign_uid),
		CASE(test_end),
		CASE(test_how_long),
	};

	return cmocka_run_group_tests_name("keyd peers", tests, NULL, NULL);
}
