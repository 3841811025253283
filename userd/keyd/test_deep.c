// SPDX-License-Identifier: BSD-3-Clause
/*
 * Deep quotes of the real program at a host TPM played by swtpm: whose claims are believed, that
 * one quote is for many, and that nobody waits for it who did not ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "base/secret.h"
#include "keyd/deep.h"
#include "keyd/test_keyd.h"
#include "seal/root.h"
#include "wire/batch.h"
#include "wire/host_quote.h"
#include "wire/leaf.h"

#define VTPMS (BATCH_LEAVES_MAX / DEEP_PER_VTPM)

static struct test_keyd keyd;
static struct test_reply reply;
static uint8_t keys[VTPMS][LEAF_KEY_SIZE];

/* What KEYD_DEEP_IS said. */
static struct deep_reply {
	struct leaf leaf;
	uint8_t bytes[LEAF_SIZE];
	uint32_t index, count;
	uint8_t proof[BATCH_PROOF_MAX];
	size_t proof_length;
	struct host_quote about;
	uint8_t message[256];
	size_t message_length;
} got;

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void uuid_of(unsigned int vtpm, char ret[IPC_UUID_SIZE + 1])
{
	snprintf(ret, IPC_UUID_SIZE + 1, "vtpm number %04u", vtpm);
}

/* As an engine that starts: it is told the key of its claims last. */
static void start_engine(unsigned int vtpm)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	char uuid[IPC_UUID_SIZE + 1];
	size_t length;

	uuid_of(vtpm, uuid);
	assert_int_equal(test_new_key(&keyd, uuid, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, uuid, TEST_TICKET, wrapped, length, &reply), 0);
	assert_int_equal(test_key(&keyd, uuid, TEST_TICKET, &reply), 0);
	cursor_get_bytes(&reply.in.body, reply.in.body.left - LEAF_KEY_SIZE);
	cursor_get_raw(&reply.in.body, keys[vtpm], LEAF_KEY_SIZE);
	assert_true(ipc_ended(&reply.in));
}

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void claim(unsigned int vtpm, uint32_t number, uint8_t ret[LEAF_CLAIM_SIZE])
{
	struct leaf leaf = { .epoch = TEST_EPOCH, .generation = 3 };
	struct cursor_out out = cursor_out(leaf.nonce, sizeof(leaf.nonce));
	char uuid[IPC_UUID_SIZE + 1];

	cursor_put_u32(&out, number);
	uuid_of(vtpm, uuid);
	cursor_copy(leaf.uuid, sizeof(leaf.uuid), uuid, sizeof(leaf.uuid));
	assert_int_equal(leaf_claim(&leaf, TEST_EPOCH, keys[vtpm], ret), 0);
}

static void send_claim(const uint8_t *bytes, size_t length)
{
	uint8_t buffer[512];
	struct ipc_out out = test_begin(KEYD_DEEP, buffer, sizeof(buffer));

	ipc_put_blob(&out, bytes, length);
	assert_int_equal(ipc_send(keyd.channel, &out), 0);
}

static size_t take_blob(uint8_t *to, size_t room)
{
	size_t length;
	const uint8_t *from = ipc_get_blob(&reply.in, room, &length);

	cursor_copy(to, room, from, length);
	return length;
}

static void parse(void)
{
	uint8_t frame[HOST_QUOTE_SIZE], signature[256];

	assert_int_equal(take_blob(got.bytes, sizeof(got.bytes)), LEAF_SIZE);
	assert_true(leaf_get(got.bytes, sizeof(got.bytes), &got.leaf));
	got.index = cursor_get_u32(&reply.in.body);
	got.count = cursor_get_u32(&reply.in.body);
	got.proof_length = take_blob(got.proof, sizeof(got.proof));
	assert_int_equal(take_blob(frame, sizeof(frame)), sizeof(frame));
	assert_true(host_quote_get(frame, sizeof(frame), &got.about));
	got.message_length = take_blob(got.message, sizeof(got.message));
	assert_true(take_blob(signature, sizeof(signature)) > 64);
	assert_int_equal(cursor_get_u32(&reply.in.body), 0xffffff);
	cursor_get_bytes(&reply.in.body, 24 * 32);
	assert_true(ipc_ended(&reply.in));
}

/* Return: errno of the next answer. */
static int answer(void)
{
	assert_int_equal(ipc_receive(keyd.channel, reply.bytes, sizeof(reply.bytes), true,
				     &reply.in),
			 0);
	assert_int_equal(reply.in.op, KEYD_DEEP_IS);
	reply.tag = cursor_get_u32(&reply.in.body);
	reply.error = (int)cursor_get_u32(&reply.in.body);
	ipc_get_string(&reply.in, reply.text, sizeof(reply.text));
	if (!reply.error)
		parse();
	return reply.error;
}

static int ask(const uint8_t *bytes, size_t length)
{
	send_claim(bytes, length);
	return answer();
}

static int check_place(void)
{
	const struct batch_place place = { got.index, got.count, got.proof, got.proof_length };

	assert_int_equal(got.about.purpose, HOST_QUOTE_DEEP);
	assert_int_equal(got.about.leaves, got.count);
	return batch_check(got.bytes, sizeof(got.bytes), &place, got.about.root);
}

static void test_deep_one(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE];
	char uuid[IPC_UUID_SIZE + 1];

	(void)state;
	start_engine(0);
	claim(0, 7, bytes);
	assert_int_equal(ask(bytes, sizeof(bytes)), 0);
	assert_int_equal(got.count, 1);
	assert_int_equal(check_place(), 0);
	uuid_of(0, uuid);
	assert_memory_equal(got.leaf.uuid, uuid, LEAF_UUID);
	assert_int_equal(got.leaf.nonce[3], 7);
	assert_int_equal(got.leaf.epoch, TEST_EPOCH);
	assert_int_equal(got.leaf.generation, 3);
	assert_int_equal(got.leaf.protection, LEAF_SEALED);
}

/* extraData of what the TPM signed is the hash of the frame, as of every quote here. */
static void test_deep_is_signed(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE], frame[HOST_QUOTE_SIZE], digest[SEAL_HASH_SIZE];
	struct cursor_in in;

	(void)state;
	start_engine(0);
	claim(0, 7, bytes);
	assert_int_equal(ask(bytes, sizeof(bytes)), 0);
	host_quote_put(&got.about, frame);
	assert_int_equal(seal_hash((struct seal_bytes){ frame, sizeof(frame) }, digest), 0);
	in = cursor_in(got.message, got.message_length);
	cursor_get_bytes(&in, 6);
	cursor_get_bytes(&in, cursor_get_u16(&in));
	assert_int_equal(cursor_get_u16(&in), sizeof(digest));
	assert_memory_equal(cursor_get_bytes(&in, sizeof(digest)), digest, sizeof(digest));
}

static void test_deep_refuses(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE];

	(void)state;
	start_engine(0);
	start_engine(1);
	claim(0, 7, bytes);
	bytes[sizeof(bytes) - 1] ^= 1;
	assert_int_equal(ask(bytes, sizeof(bytes)), EACCES);
	assert_int_equal(ask(bytes, sizeof(bytes) - 1), EACCES);
	assert_int_equal(ask(bytes, 0), EACCES);
	/* what one engine says of another one's vTPM */
	cursor_copy(keys[1], sizeof(keys[1]), keys[0], sizeof(keys[0]));
	claim(1, 7, bytes);
	assert_int_equal(ask(bytes, sizeof(bytes)), EACCES);
	assert_non_null(strstr(reply.text, "start the vTPM again"));
}

/* keyd keeps nothing of its engines. */
static void test_deep_after_restart(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE];

	(void)state;
	start_engine(0);
	test_keyd_stop(&keyd, SIGKILL);
	test_keyd_start(&keyd);
	claim(0, 7, bytes);
	assert_int_equal(ask(bytes, sizeof(bytes)), 0);
	assert_int_equal(check_place(), 0);
}

static void test_deep_protection(void **state)
{
	static const uint8_t modes[][2] = { { KEYD_ROLLBACK_LAZY, LEAF_LAZY },
					    { KEYD_ROLLBACK_STRICT, LEAF_STRICT } };
	uint8_t buffer[128], bytes[LEAF_CLAIM_SIZE];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ipc_out out = test_begin(KEYD_WITNESS, buffer, sizeof(buffer));

		test_keyd_done(&keyd);
		test_keyd_new(&keyd, TEST_STARTED);
		keyd.mode = modes[i][0];
		assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
		ipc_put_blob(&out, NULL, 0);
		cursor_put_raw(&out.body, KEYD_EMPTY_ROOT, KEYD_ROOT_SIZE);
		assert_int_equal(test_ask(&keyd, &out, &reply), 0);
		start_engine(0);
		claim(0, 7, bytes);
		assert_int_equal(ask(bytes, sizeof(bytes)), 0);
		assert_int_equal(got.leaf.protection, modes[i][1]);
		assert_int_not_equal(got.about.epoch, 0);
	}
}

static void test_deep_without_hardware(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE];

	(void)state;
	test_keyd_done(&keyd);
	test_keyd_new(&keyd, TEST_STARTED);
	claim(0, 7, bytes);
	assert_int_equal(ask(bytes, sizeof(bytes)), ENOKEY);
	assert_int_equal(test_init(&keyd, KEYD_INIT_NO_HARDWARE, 0, NULL, &reply), 0);
	start_engine(0);
	claim(0, 7, bytes);
	assert_int_equal(ask(bytes, sizeof(bytes)), ENODEV);
}

/* Others are served while it collects. */
static void test_deep_waits_alone(void **state)
{
	struct test_status status;
	uint8_t bytes[LEAF_CLAIM_SIZE];
	uint64_t begin, looked;

	(void)state;
	start_engine(0);
	claim(0, 7, bytes);
	begin = now_usec();
	send_claim(bytes, sizeof(bytes));
	assert_int_equal(test_status(&keyd, &status), 0);
	looked = now_usec() - begin;
	assert_int_equal(answer(), 0);
	assert_true(now_usec() - begin >= DEEP_WINDOW);
	assert_true(looked < DEEP_WINDOW);
}

/* One quote for all that there is room for, none of which is read before all were asked. */
static void test_deep_many(void **state)
{
	static bool seen[BATCH_LEAVES_MAX];
	uint8_t bytes[LEAF_CLAIM_SIZE], message[256];
	uint32_t number = 0;
	uint64_t begin;
	size_t length = 0;

	(void)state;
	for (unsigned int vtpm = 0; vtpm < VTPMS; vtpm++)
		start_engine(vtpm);
	begin = now_usec();
	for (unsigned int vtpm = 0; vtpm < VTPMS; vtpm++)
		for (int i = 0; i < DEEP_PER_VTPM; i++) {
			claim(vtpm, number++, bytes);
			send_claim(bytes, sizeof(bytes));
		}
	for (uint32_t i = 0; i < number; i++) {
		assert_int_equal(answer(), 0);
		assert_int_equal(got.count, number);
		assert_int_equal(got.proof_length, BATCH_PROOF_MAX);
		assert_int_equal(check_place(), 0);
		assert_false(seen[got.index]);
		seen[got.index] = true;
		if (!i) {
			length = got.message_length;
			cursor_copy(message, sizeof(message), got.message, length);
		}
		assert_int_equal(got.message_length, length);
		assert_memory_equal(got.message, message, length);
	}
	print_message("one quote for %u nonces, proofs of %u bytes, all answered in %u ms\n",
		      number, BATCH_PROOF_MAX, (unsigned int)((now_usec() - begin) / 1000));
}

static void test_deep_too_many(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE];

	(void)state;
	start_engine(0);
	for (int i = 0; i <= DEEP_PER_VTPM; i++) {
		claim(0, (uint32_t)i, bytes);
		send_claim(bytes, sizeof(bytes));
	}
	assert_int_equal(answer(), EBUSY);
	assert_non_null(strstr(reply.text, "of this vTPM"));
	for (int i = 0; i < DEEP_PER_VTPM; i++)
		assert_int_equal(answer(), 0);
	assert_int_equal(got.count, DEEP_PER_VTPM);
}

/* Who asked and went away spoils nothing for who stays. */
static void test_deep_gone(void **state)
{
	uint8_t bytes[LEAF_CLAIM_SIZE];
	int other;

	(void)state;
	start_engine(0);
	claim(0, 1, bytes);
	send_claim(bytes, sizeof(bytes));
	other = keyd.channel;
	keyd.channel = test_connect(&keyd);
	claim(0, 2, bytes);
	send_claim(bytes, sizeof(bytes));
	close(other);
	assert_int_equal(answer(), 0);
	assert_int_equal(got.leaf.nonce[3], 2);
	assert_int_equal(got.count, 2);
	assert_int_equal(check_place(), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_deep_one),
		CASE(test_deep_is_signed),
		CASE(test_deep_refuses),
		CASE(test_deep_after_restart),
		CASE(test_deep_protection),
		CASE(test_deep_without_hardware),
		CASE(test_deep_waits_alone),
		CASE(test_deep_many),
		CASE(test_deep_too_many),
		CASE(test_deep_gone),
	};

	return cmocka_run_group_tests_name("deep", tests, NULL, NULL);
}
