// SPDX-License-Identifier: BSD-3-Clause
/*
 * What real engines vouch for, asked as the manager asks while a client uses the TPM; the
 * manager and keyd are played.
 */
#include "spawn/test_spawn.h"

#include <signal.h>

#include <linux/vtpm_ask.h>
#include <openssl/sha.h>

#include "attest/quote.h"
#include "base/secret.h"
#include "engine/evidence.h"
#include "wire/leaf.h"

/* Part 2, 6.5.2, 7.2, 7.4 */
#define CC_CREATE_PRIMARY 0x131
#define CC_CHANGE_AUTH	  0x129
#define CC_EVICT	  0x120
#define CC_FLUSH	  0x165
#define CC_READ_PUBLIC	  0x173
#define CC_QUOTE	  0x158
#define RH_OWNER	  0x40000001u
#define RH_ENDORSEMENT	  0x4000000bu
#define IAK		  0x81020001u
#define PERSISTENT	  0x81010077u

/* As what plays keyd gives it to every engine. */
static const uint8_t key[LEAF_KEY_SIZE] = { 7 };

static struct attested {
	int error;
	char text[IPC_TEXT_MAX];
	struct leaf leaf;
	uint8_t ak[256], ek[256], message[512], signature[256], pcrs[24 * 32];
	size_t ak_length, ek_length, message_length, signature_length;
	uint32_t selected;
} got;

static size_t take_blob(struct ipc_in *in, uint8_t *to, size_t room)
{
	size_t length;
	const uint8_t *from = ipc_get_blob(in, room, &length);

	assert_true(cursor_copy(to, room, from, length));
	return length;
}

static void ask(const char *nonce, uint32_t pcrs, const uint8_t *digest)
{
	uint8_t bytes[128], said[LEAF_HASH] = { 0 };
	struct ipc_out out = ipc_out(ENGINE_ATTEST, bytes, sizeof(bytes));

	cursor_copy(said, sizeof(said), nonce, strlen(nonce));
	cursor_put_u32(&out.body, 0x1234);
	cursor_put_raw(&out.body, said, sizeof(said));
	cursor_put_u32(&out.body, pcrs);
	ipc_put_blob(&out, digest, digest ? LEAF_HASH : 0);
	assert_int_equal(ipc_send(vtpm.channel, &out), 0);
	assert_int_equal(signal_engine(&vtpm, SIGURG), 0);
}

static int hear(void)
{
	static uint8_t bytes[8192];
	uint8_t claim[LEAF_CLAIM_SIZE];
	struct ipc_in in;

	assert_int_equal(ipc_receive(vtpm.channel, bytes, sizeof(bytes), true, &in), 0);
	assert_int_equal(in.op, ENGINE_ATTESTED);
	assert_int_equal(cursor_get_u32(&in.body), 0x1234);
	got = (struct attested){ .error = (int)cursor_get_u32(&in.body) };
	ipc_get_string(&in, got.text, sizeof(got.text));
	assert_int_equal(!got.error, !got.text[0]);
	if (got.error)
		return got.error;
	cursor_get_raw(&in.body, claim, sizeof(claim));
	assert_int_equal(leaf_believe(claim, key, &got.leaf), 0);
	got.ak_length = take_blob(&in, got.ak, sizeof(got.ak));
	got.ek_length = take_blob(&in, got.ek, sizeof(got.ek));
	got.message_length = take_blob(&in, got.message, sizeof(got.message));
	got.signature_length = take_blob(&in, got.signature, sizeof(got.signature));
	got.selected = cursor_get_u32(&in.body);
	cursor_get_raw(&in.body, got.pcrs, 32u * (unsigned int)__builtin_popcount(got.selected));
	assert_true(ipc_ended(&in));
	return 0;
}

/* Return: errno of the answer. */
static int attest(const char *nonce, uint32_t pcrs, const uint8_t *digest)
{
	ask(nonce, pcrs, digest);
	return hear();
}

static struct cursor_out *open_at(struct test_command *command)
{
	command->out.base = command->bytes;
	command->out.room = sizeof(command->bytes);
	return &command->out;
}

static struct test_command begin(uint16_t tag, uint32_t code, uint32_t handle)
{
	struct test_command command = { 0 };
	struct cursor_out *out = open_at(&command);

	cursor_put_u16(out, tag);
	cursor_put_u32(out, 0);
	cursor_put_u32(out, code);
	cursor_put_u32(out, handle);
	return command;
}

static void put_password(struct cursor_out *out)
{
	cursor_put_u32(out, 9);
	cursor_put_u32(out, TPM_RS_PW);
	cursor_put_u16(out, 0);
	cursor_put_u8(out, 0);
	cursor_put_u16(out, 0);
}

static uint32_t run(struct test_command *command)
{
	struct cursor_out *out = open_at(command);

	assert_false(out->bad);
	cursor_patch_u32(out, 2, (uint32_t)out->used);
	return call(&vtpm, *command, &answer);
}

/* A key that signs quotes, of a client's own making. Return: its handle */
static uint32_t make_key(uint8_t unique)
{
	static const uint8_t area[] = { 0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x04, 0x72,
					0x00, 0x00, 0x00, 0x10, 0x00, 0x18, 0x00, 0x0b,
					0x00, 0x03, 0x00, 0x10, 0x00, 0x01 };
	struct test_command command = begin(TPM_ST_SESSIONS, CC_CREATE_PRIMARY, RH_OWNER);
	struct cursor_out *out = open_at(&command);
	struct cursor_in in;

	put_password(out);
	cursor_put_u16(out, 4);
	cursor_put_u32(out, 0);
	cursor_put_u16(out, sizeof(area) + 1 + 2);
	cursor_put_raw(out, area, sizeof(area));
	cursor_put_u8(out, unique);
	cursor_put_u16(out, 0);
	cursor_put_u16(out, 0);
	cursor_put_u32(out, 0);
	assert_int_equal(run(&command), TPM_RC_SUCCESS);
	in = cursor_in(answer.response, answer.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	return cursor_get_u32(&in);
}

static uint32_t with_handle(uint32_t code, uint32_t handle)
{
	struct test_command command = begin(TPM_ST_NO_SESSIONS, code, handle);

	return run(&command);
}

/* As a guest quotes. The digest of what it got is in @ret. */
static void quote(uint32_t handle, uint8_t number, uint8_t ret[LEAF_HASH])
{
	struct test_command command = begin(TPM_ST_SESSIONS, CC_QUOTE, handle);
	struct cursor_out *out = open_at(&command);
	struct cursor_in in;
	size_t size;

	put_password(out);
	cursor_put_u16(out, 1);
	cursor_put_u8(out, number);
	cursor_put_u16(out, 0x0010);
	cursor_put_u32(out, 1);
	cursor_put_u16(out, 0x000b);
	cursor_put_u8(out, 3);
	cursor_put_u8(out, 1);
	cursor_put_u16(out, 0);
	assert_int_equal(run(&command), TPM_RC_SUCCESS);
	in = cursor_in(answer.response, answer.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
	size = cursor_get_u16(&in);
	SHA256(cursor_get_bytes(&in, size), size, ret);
}

/* By who reads quotes for a living; the key is one of the endorsement hierarchy. */
static void check_quote(const char *nonce)
{
	static struct attest_pcrs values;
	static struct attest_verdict verdict;
	uint8_t said[LEAF_HASH] = { 0 }, digest[LEAF_HASH];
	struct cursor_in in = cursor_in(got.pcrs, sizeof(got.pcrs));
	struct hash *hash = hash_new();
	struct quote_evidence evidence = {
		.message = { got.message, got.message_length },
		.signature = { got.signature, got.signature_length },
		.values = &values,
		.ak = { got.ak, got.ak_length },
		.nonce = { said, sizeof(said) },
	};
	struct quote quoted;

	verdict = (struct attest_verdict){ 0 };
	values = (struct attest_pcrs){ 0 };
	cursor_copy(said, sizeof(said), nonce, strlen(nonce));
	for (int pcr = 0; pcr < 24; pcr++) {
		if (!(got.selected >> pcr & 1))
			continue;
		cursor_get_raw(&in, values.value[ATTEST_SHA256][pcr], 32);
		values.has[ATTEST_SHA256] |= 1u << pcr;
	}
	assert_int_equal(quote_check(&quoted, &evidence, hash, &verdict), 0);
	assert_int_equal(verdict.count, 0);
	assert_int_equal(quoted.ak_name.size, LEAF_NAME);
	assert_memory_equal(quoted.ak_name.bytes, got.leaf.ak_name, LEAF_NAME);
	SHA256(got.message, got.message_length, digest);
	assert_memory_equal(got.leaf.attest, digest, sizeof(digest));
	assert_memory_equal(got.leaf.nonce, said, sizeof(said));
	hash_free(hash);
}

static void test_attest_own_quote(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_pcr_extend(16), &answer), TPM_RC_SUCCESS);
	assert_int_equal(attest("one", 0xffffff, NULL), 0);
	check_quote("one");
	assert_int_equal(got.selected, 0xffffff);
	assert_memory_equal(got.leaf.uuid, vtpm.uuid, LEAF_UUID);
	assert_int_equal(got.leaf.epoch, vtpm.epoch);
	assert_int_equal(got.leaf.generation, vtpm.generation);
	assert_int_equal(got.ek_length, 124);
	assert_false(cursor_is_zero(got.leaf.ek_name, LEAF_NAME));
	assert_int_equal(attest("two", 1u << 16, NULL), 0);
	check_quote("two");
	assert_false(cursor_is_zero(got.pcrs, 32));
}

static void get_random(uint8_t ret[16])
{
	assert_int_equal(call(&vtpm, test_get_random(16), &answer), TPM_RC_SUCCESS);
	cursor_copy(ret, 16, answer.response + TPM_HEAD_SIZE + 2, 16);
}

/* The random generator is back in its unit, and must not go on from there: a number that two
 * signatures share gives their key away.
 */
static void test_attest_is_stirred(void **state)
{
	uint8_t before[16], after[16];

	(void)state;
	start_ready(&vtpm);
	get_random(before); /* the first command after a start is a unit of its own */
	get_random(before);
	assert_int_equal(attest("one", 1, NULL), 0);
	get_random(after);
	assert_memory_not_equal(before, after, sizeof(before));
}

/* Objects of a client that has all places stay, and what it does is not lost. */
static void test_attest_leaves_no_trace(void **state)
{
	uint32_t handles[3];
	uint8_t digest[LEAF_HASH];

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	for (uint8_t i = 0; i < 3; i++)
		handles[i] = make_key(i);
	for (uint64_t i = 1; i <= 20; i++) {
		assert_int_equal(attest("a", 7, NULL), 0);
		check_quote("a");
		assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
		assert_true(counter(&vtpm) == i);
		for (int k = 0; k < 3; k++)
			assert_int_equal(with_handle(CC_READ_PUBLIC, handles[k]), TPM_RC_SUCCESS);
	}
	quote(handles[2], 1, digest);
	slay(&vtpm);
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
	assert_true(counter(&vtpm) == 20);
	assert_int_equal(with_handle(CC_READ_PUBLIC, handles[2]), TPM_RC_SUCCESS);
}

/* The question may come while a command runs. */
static void test_attest_busy(void **state)
{
	struct test_command extend = test_pcr_extend(9);

	(void)state;
	start_ready(&vtpm);
	for (int i = 0; i < 50; i++) {
		test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &extend);
		ask("busy", 1u << 9, NULL);
		assert_int_equal(hear(), 0);
		check_quote("busy");
		assert_true(test_receive(&peer, &answer));
		assert_int_equal(tpm_response_code(answer.response, answer.length), TPM_RC_SUCCESS);
	}
}

static void test_attest_digest(void **state)
{
	uint8_t first[LEAF_HASH], digest[LEAF_HASH];
	uint32_t ak;

	(void)state;
	start_ready(&vtpm);
	ak = make_key(1);
	quote(ak, 0, first);
	assert_int_equal(attest("n", 0, first), 0);
	assert_memory_equal(got.leaf.attest, first, sizeof(first));
	assert_int_equal(got.message_length, 0);
	assert_int_equal(got.selected, 0);
	assert_true(got.ak_length > 0);
	first[0] ^= 1;
	assert_int_equal(attest("n", 0, first), ENOENT);
	assert_non_null(strstr(got.text, "made no such statement"));
	first[0] ^= 1;
	/* the oldest makes room; another command is no statement */
	for (uint8_t i = 1; i < EVIDENCE_KEPT; i++)
		quote(ak, i, digest);
	assert_int_equal(call(&vtpm, test_get_random(16), &answer), TPM_RC_SUCCESS);
	assert_int_equal(attest("n", 0, first), 0);
	quote(ak, EVIDENCE_KEPT, digest);
	assert_int_equal(attest("n", 0, first), ENOENT);
	assert_int_equal(attest("n", 0, digest), 0);
	/* and none outlives the engine */
	slay(&vtpm);
	start_ready(&vtpm);
	assert_int_equal(attest("n", 0, digest), ENOENT);
	/* no digest at all is none that is known */
	assert_int_equal(attest("n", 0, (const uint8_t[LEAF_HASH]){ 0 }), ENOENT);
}

/* Removed from its handle, and another one put there: the key is the one of the template. */
static void test_attest_other_key_at_its_place(void **state)
{
	struct test_command command = begin(TPM_ST_SESSIONS, CC_EVICT, RH_OWNER);
	struct cursor_out *out = open_at(&command);
	uint8_t name[LEAF_NAME];
	uint32_t handle;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(attest("n", 1, NULL), 0);
	cursor_copy(name, sizeof(name), got.leaf.ak_name, sizeof(name));
	cursor_put_u32(out, IAK);
	put_password(out);
	cursor_put_u32(out, IAK);
	assert_int_equal(run(&command), TPM_RC_SUCCESS);
	handle = make_key(1);
	command = begin(TPM_ST_SESSIONS, CC_EVICT, RH_OWNER);
	out = open_at(&command);
	cursor_put_u32(out, handle);
	put_password(out);
	cursor_put_u32(out, IAK);
	assert_int_equal(run(&command), TPM_RC_SUCCESS);
	assert_int_equal(attest("n", 1, NULL), 0);
	check_quote("n");
	assert_memory_equal(name, got.leaf.ak_name, sizeof(name));
	/* and then its hierarchy gets a password */
	command = begin(TPM_ST_SESSIONS, CC_CHANGE_AUTH, RH_ENDORSEMENT);
	out = open_at(&command);
	put_password(out);
	cursor_put_u16(out, 1);
	cursor_put_u8(out, 'p');
	assert_int_equal(run(&command), TPM_RC_SUCCESS);
	assert_int_equal(attest("n", 1, NULL), ENOTSUP);
	assert_non_null(strstr(got.text, "no attestation key"));
	assert_int_equal(call(&vtpm, test_get_random(16), &answer), TPM_RC_SUCCESS);
}

static void test_attest_before_startup(void **state)
{
	(void)state;
	vtpm.flags |= ENGINE_CONFIG_FIRMWARE;
	start_ready(&vtpm);
	assert_int_equal(attest("n", 1, NULL), EHOSTDOWN);
	assert_int_equal(call(&vtpm, test_startup(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(attest("n", 1, NULL), 0);
	check_quote("n");
}

static void test_attest_refuses(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(attest("n", 0, NULL), EINVAL);
	assert_int_equal(attest("n", 1u << 24, NULL), EINVAL);
}

static void test_attest_without_sha256(void **state)
{
	(void)state;
	vtpm.banks = 1u << 0x000c;
	start_ready(&vtpm);
	assert_int_equal(attest("n", 1, NULL), ENOTSUP);
	assert_non_null(strstr(got.text, "no bank of SHA-256"));
	assert_int_equal(call(&vtpm, test_get_random(16), &answer), TPM_RC_SUCCESS);
}

/* SIGURG without a question, and a question while a commit is on its way. */
static void test_attest_signals(void **state)
{
	struct test_command increment = test_counter_increment();

	(void)state;
	start_ready(&vtpm);
	for (int i = 0; i < 20; i++)
		assert_int_equal(signal_engine(&vtpm, SIGURG), 0);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	usleep(50000);
	ask("n", 1, NULL);
	usleep(50000);
	assert_int_equal(test_vtpm_step(&vtpm), 0);
	assert_int_equal(hear(), 0);
	check_quote("n");
	assert_true(test_receive(&peer, &answer));
	assert_int_equal(tpm_response_code(answer.response, answer.length), TPM_RC_SUCCESS);
	assert_int_equal(got.leaf.generation, vtpm.generation);
	assert_true(counter(&vtpm) == 1);
	assert_int_equal(signal_engine(&vtpm, SIGUSR1), -EPIPE);
}

/* A client's question through its device, as the driver frames it. */
static void client_asks(uint64_t id, const char *nonce, bool digest, size_t length)
{
	struct vtpm_question question = { .id = id, .flags = digest ? VTPM_ASK_DIGEST : 0 };
	struct test_command frame = { 0 };

	cursor_copy(question.nonce, sizeof(question.nonce), nonce, strlen(nonce));
	question.digest[0] = digest;
	cursor_put_raw(open_at(&frame), &question, length);
	test_send(&peer, VTPM_FRAME_ASK, ++peer.id, 0, &frame);
	assert_true(test_receive(&peer, &answer));
	assert_int_equal(answer.length, 0);
}

/* Return: bytes of the digest that the manager hears of. */
static size_t passed_on(uint64_t id, char nonce)
{
	uint8_t bytes[256], said[LEAF_HASH];
	struct ipc_in in;
	size_t length;

	assert_int_equal(ipc_receive(vtpm.channel, bytes, sizeof(bytes), true, &in), 0);
	assert_int_equal(in.op, ENGINE_ASKED);
	assert_true(cursor_get_u64(&in.body) == id);
	cursor_get_raw(&in.body, said, sizeof(said));
	assert_int_equal(said[0], nonce);
	ipc_get_blob(&in, LEAF_HASH, &length);
	assert_true(ipc_ended(&in));
	return length;
}

/* Passed on at once, and the TPM goes on; a manager that does not read stops nobody. */
static void test_attest_client_asks(void **state)
{
	int asked = 0;

	(void)state;
	start_ready(&vtpm);
	client_asks(7, "a", false, sizeof(struct vtpm_question));
	assert_int_equal(answer.head.error, 0);
	assert_int_equal(test_call(&peer, test_get_random(16), &answer), TPM_RC_SUCCESS);
	assert_int_equal(passed_on(7, 'a'), 0);
	client_asks(8, "b", true, sizeof(struct vtpm_question));
	assert_int_equal(answer.head.error, 0);
	assert_int_equal(passed_on(8, 'b'), LEAF_HASH);
	client_asks(9, "c", false, sizeof(struct vtpm_question) - 1);
	assert_int_equal(answer.head.error, EIO);

	do
		client_asks(10, "d", false, sizeof(struct vtpm_question));
	while (!answer.head.error && ++asked < 100000);
	assert_int_equal(answer.head.error, EBUSY);
	assert_int_equal(test_call(&peer, test_get_random(16), &answer), TPM_RC_SUCCESS);
	while (asked--)
		passed_on(10, 'd');
	client_asks(11, "e", false, sizeof(struct vtpm_question));
	assert_int_equal(answer.head.error, 0);
	passed_on(11, 'e');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPAWN(test_attest_own_quote),
		SPAWN(test_attest_is_stirred),
		SPAWN(test_attest_leaves_no_trace),
		SPAWN(test_attest_busy),
		SPAWN(test_attest_digest),
		SPAWN(test_attest_other_key_at_its_place),
		SPAWN(test_attest_before_startup),
		SPAWN(test_attest_refuses),
		SPAWN(test_attest_without_sha256),
		SPAWN(test_attest_signals),
		SPAWN(test_attest_client_asks),
	};

	return cmocka_run_group_tests_name("attest", tests, NULL, NULL);
}
