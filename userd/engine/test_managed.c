// SPDX-License-Identifier: BSD-3-Clause
/*
 * The resource manager over libtpms: what a client of /dev/vtpmrmN sees, and what it
 * does not see of others. In this process, without link or sandbox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "engine/engine.h"
#include "engine/tpmlib.h"
#include "rm/rm.h"
#include "rm/table.h"

#define ALICE 11
#define BOB   12

/* Part 2, 6.3, 6.4, 7.4, 8.3 */
#define ALG_SHA256	  0x000b
#define ALG_NULL	  0x0010
#define ALG_KEYEDHASH	  0x0008
#define ALG_ECC		  0x0023
#define ALG_ECDSA	  0x0018
#define ALG_AES		  0x0006
#define ALG_CFB		  0x0043
#define CURVE_P256	  0x0003
#define RH_NULL		  0x40000007u
#define RH_OWNER	  0x40000001u
#define SE_HMAC		  0x00
#define SE_POLICY	  0x01
#define CC_CLEAR	  0x126
#define CC_CREATE_PRIMARY 0x131
#define CC_READ_PUBLIC	  0x173
#define CC_START_SESSION  0x176
#define CC_HASH_START	  0x186
#define CC_SEQ_UPDATE	  0x15c
#define CC_SEQ_COMPLETE	  0x13e
#define CC_POLICY_CODE	  0x16c
#define CC_GET_DIGEST	  0x189
#define RH_LOCKOUT	  0x4000000au

static struct rm rm;
static uint8_t (*memory)[RM_CONTEXT_SIZE];

static struct {
	uint8_t bytes[RM_COMMAND_SIZE];
	struct cursor_out out;
	uint8_t response[RM_COMMAND_SIZE];
	size_t length;
	int result;
} call;

static void begin(uint16_t tag, uint32_t code)
{
	call.out = cursor_out(call.bytes, sizeof(call.bytes));
	cursor_put_u16(&call.out, tag);
	cursor_put_u32(&call.out, 0);
	cursor_put_u32(&call.out, code);
}

static void put_password(void)
{
	cursor_put_u32(&call.out, 9);
	cursor_put_u32(&call.out, TPM_RS_PW);
	cursor_put_u16(&call.out, 0);
	cursor_put_u8(&call.out, 0);
	cursor_put_u16(&call.out, 0);
}

/* Give the command to the manager; -1 stands for the errno EINVAL. */
static uint32_t send(uint64_t client)
{
	struct tpm_command command;

	cursor_patch_u32(&call.out, 2, (uint32_t)call.out.used);
	assert_false(call.out.bad);
	assert_int_equal(tpm_command_parse(call.bytes, call.out.used, &command), 0);
	call.result = rm_run(&rm, client, 0, &command, command_find(command.code), call.response,
			     &call.length);
	assert_true(call.result >= 0);
	if (call.result == RM_E_HANDLE)
		return UINT32_MAX;
	rm_published(&rm);
	return tpm_response_code(call.response, call.length);
}

static uint32_t handle_of_response(void)
{
	struct cursor_in in = cursor_in(call.response, call.length);

	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	return cursor_get_u32(&in);
}

/* A P-256 key of its own: @who is in its unique part. */
static uint32_t create_key(uint64_t client, uint8_t who)
{
	begin(TPM_ST_SESSIONS, CC_CREATE_PRIMARY);
	cursor_put_u32(&call.out, RH_NULL);
	put_password();
	cursor_put_u16(&call.out, 4); /* inSensitive */
	cursor_put_u16(&call.out, 0);
	cursor_put_u16(&call.out, 0);
	cursor_put_u16(&call.out, 24 + 1); /* inPublic */
	cursor_put_u16(&call.out, ALG_ECC);
	cursor_put_u16(&call.out, ALG_SHA256);
	cursor_put_u32(&call.out, 0x00040072); /* sign, userWithAuth, origin, fixed */
	cursor_put_u16(&call.out, 0);
	cursor_put_u16(&call.out, ALG_NULL);
	cursor_put_u16(&call.out, ALG_ECDSA);
	cursor_put_u16(&call.out, ALG_SHA256);
	cursor_put_u16(&call.out, CURVE_P256);
	cursor_put_u16(&call.out, ALG_NULL);
	cursor_put_u16(&call.out, 1);
	cursor_put_u8(&call.out, who);
	cursor_put_u16(&call.out, 0);
	cursor_put_u16(&call.out, 0);
	cursor_put_u32(&call.out, 0);
	return send(client);
}

static uint32_t new_key(uint64_t client, uint8_t who)
{
	assert_int_equal(create_key(client, who), TPM_RC_SUCCESS);
	return handle_of_response();
}

static uint32_t with_handle(uint64_t client, uint32_t code, uint32_t handle)
{
	begin(TPM_ST_NO_SESSIONS, code);
	cursor_put_u32(&call.out, handle);
	return send(client);
}

static uint32_t start_session(uint64_t client, uint8_t type)
{
	begin(TPM_ST_NO_SESSIONS, CC_START_SESSION);
	cursor_put_u32(&call.out, RH_NULL);
	cursor_put_u32(&call.out, RH_NULL);
	cursor_put_u16(&call.out, 16);
	for (int i = 0; i < 16; i++)
		cursor_put_u8(&call.out, 7);
	cursor_put_u16(&call.out, 0);
	cursor_put_u8(&call.out, type);
	cursor_put_u16(&call.out, ALG_NULL);
	cursor_put_u16(&call.out, ALG_SHA256);
	return send(client);
}

static uint32_t new_session(uint64_t client, uint8_t type)
{
	assert_int_equal(start_session(client, type), TPM_RC_SUCCESS);
	return handle_of_response();
}

static uint32_t policy_command_code(uint64_t client, uint32_t session, uint32_t code)
{
	begin(TPM_ST_NO_SESSIONS, CC_POLICY_CODE);
	cursor_put_u32(&call.out, session);
	cursor_put_u32(&call.out, code);
	return send(client);
}

/* Handles of a kind that @client is told of; the first one is left in call.response. */
static uint32_t count_handles(uint64_t client, uint32_t property)
{
	struct cursor_in in;

	begin(TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	cursor_put_u32(&call.out, TPM_CAP_HANDLES);
	cursor_put_u32(&call.out, property);
	cursor_put_u32(&call.out, 254);
	assert_int_equal(send(client), TPM_RC_SUCCESS);
	in = cursor_in(call.response, call.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 5);
	return cursor_get_u32(&in);
}

static uint32_t listed(size_t i)
{
	struct cursor_in in = cursor_in(call.response, call.length);

	cursor_get_bytes(&in, TPM_HEAD_SIZE + 9 + 4 * i);
	return cursor_get_u32(&in);
}

struct saved {
	uint8_t bytes[RM_CONTEXT_SIZE];
	size_t length;
};

static void save(uint64_t client, uint32_t handle, struct saved *ret)
{
	assert_int_equal(with_handle(client, TPM_CC_CONTEXT_SAVE, handle), TPM_RC_SUCCESS);
	ret->length = call.length - TPM_HEAD_SIZE;
	assert_true(cursor_copy(ret->bytes, sizeof(ret->bytes), call.response + TPM_HEAD_SIZE,
				ret->length));
}

static uint32_t load(uint64_t client, const struct saved *saved)
{
	begin(TPM_ST_NO_SESSIONS, TPM_CC_CONTEXT_LOAD);
	cursor_put_raw(&call.out, saved->bytes, saved->length);
	return send(client);
}

/* The public part of an object, to tell it from others. */
static void read_public(uint64_t client, uint32_t handle, struct saved *ret)
{
	assert_int_equal(with_handle(client, CC_READ_PUBLIC, handle), TPM_RC_SUCCESS);
	ret->length = call.length;
	assert_true(cursor_copy(ret->bytes, sizeof(ret->bytes), call.response, call.length));
}

static void expect_same(const struct saved *a, const struct saved *b)
{
	assert_int_equal(a->length, b->length);
	assert_memory_equal(a->bytes, b->bytes, a->length);
}

static int power_on(void **state)
{
	(void)state;
	memory = calloc(RM_CONTEXTS, RM_CONTEXT_SIZE);
	assert_non_null(memory);
	rm_init(&rm, tpmlib_run, memory);
	if (tpmlib_power_on(NULL, 0))
		return -1;
	return engine_order_startup();
}

static int power_off(void **state)
{
	(void)state;
	tpmlib_power_off();
	free(memory);
	return 0;
}

static void test_rm_run_handles_are_virtual(void **state)
{
	struct saved before[8], now;
	uint32_t handle[8];

	(void)state;
	for (uint8_t i = 0; i < 8; i++) {
		handle[i] = new_key(i % 2 ? BOB : ALICE, i);
		assert_int_equal(handle[i], RM_HANDLE_FIRST - i / 2);
		read_public(i % 2 ? BOB : ALICE, handle[i], &before[i]);
	}
	for (uint8_t i = 0; i < 8; i++) {
		read_public(i % 2 ? BOB : ALICE, handle[i], &now);
		expect_same(&before[i], &now);
	}
	/* a handle that is given back is the next one */
	assert_int_equal(with_handle(ALICE, TPM_CC_FLUSH_CONTEXT, handle[2]), TPM_RC_SUCCESS);
	assert_int_equal(new_key(ALICE, 99), handle[2]);
}

static void test_rm_run_other_objects_are_absent(void **state)
{
	uint32_t key = new_key(ALICE, 1);

	(void)state;
	assert_int_equal(with_handle(BOB, CC_READ_PUBLIC, key), UINT32_MAX);
	assert_int_equal(with_handle(BOB, TPM_CC_FLUSH_CONTEXT, key), UINT32_MAX);
	assert_int_equal(with_handle(ALICE, TPM_CC_FLUSH_CONTEXT, 0x80123456), UINT32_MAX);
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, 0x80000000), UINT32_MAX);
	assert_int_equal(count_handles(BOB, 0x80000000), 0);
	assert_int_equal(count_handles(ALICE, 0x80000000), 1);
	assert_int_equal(listed(0), key);
}

static void test_rm_run_other_sessions_are_absent(void **state)
{
	uint32_t session = new_session(ALICE, SE_POLICY);

	(void)state;
	assert_int_equal(policy_command_code(BOB, session, 0x15d), TPM_RC_HANDLE + TPM_RC_1);
	assert_int_equal(with_handle(BOB, TPM_CC_CONTEXT_SAVE, session), TPM_RC_HANDLE + TPM_RC_1);
	assert_int_equal(with_handle(BOB, TPM_CC_FLUSH_CONTEXT, session),
			 TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
	assert_int_equal(with_handle(RM_RAW, TPM_CC_FLUSH_CONTEXT, session),
			 TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
	assert_int_equal(count_handles(BOB, 0x02000000), 0);
	assert_int_equal(count_handles(RM_RAW, 0x02000000), 0);
	assert_int_equal(count_handles(ALICE, 0x02000000), 1);
	assert_int_equal(listed(0), session);
	assert_int_equal(policy_command_code(ALICE, session, 0x15d), TPM_RC_SUCCESS);
}

/* As an authorization, where the TPM would say that it does not know it. */
static void test_rm_run_other_sessions_authorize_nothing(void **state)
{
	uint32_t session = new_session(ALICE, SE_HMAC);

	(void)state;
	begin(TPM_ST_SESSIONS, CC_READ_PUBLIC);
	cursor_put_u32(&call.out, 0x81000000);
	cursor_put_u32(&call.out, 9);
	cursor_put_u32(&call.out, session);
	cursor_put_u16(&call.out, 0);
	cursor_put_u8(&call.out, TPMA_SESSION_CONTINUE | TPMA_SESSION_AUDIT);
	cursor_put_u16(&call.out, 0);
	assert_int_equal(send(BOB), TPM_RC_REFERENCE_S0);
	assert_int_equal(send(RM_RAW), TPM_RC_REFERENCE_S0);
}

static void test_rm_run_policy_survives_the_swap(void **state)
{
	struct saved before, now;
	uint32_t first = new_session(ALICE, SE_POLICY);

	(void)state;
	assert_int_equal(policy_command_code(ALICE, first, 0x15d), TPM_RC_SUCCESS);
	assert_int_equal(with_handle(ALICE, CC_GET_DIGEST, first), TPM_RC_SUCCESS);
	before.length = call.length;
	cursor_copy(before.bytes, sizeof(before.bytes), call.response, call.length);
	for (int i = 0; i < 9; i++)
		new_session(i % 2 ? ALICE : BOB, SE_POLICY);
	assert_int_equal(rm.sessions[first & RM_HANDLE_NUMBER].state, RM_SESSION_SWAPPED);
	assert_int_equal(with_handle(ALICE, CC_GET_DIGEST, first), TPM_RC_SUCCESS);
	now.length = call.length;
	cursor_copy(now.bytes, sizeof(now.bytes), call.response, call.length);
	expect_same(&before, &now);
}

static void test_rm_run_raw_keeps_its_handles(void **state)
{
	struct saved before, now;
	uint32_t raw, key;

	(void)state;
	key = new_key(ALICE, 1);
	raw = new_key(RM_RAW, 2);
	read_public(RM_RAW, raw, &before);
	assert_int_equal(count_handles(RM_RAW, 0x80000000), 1);
	assert_int_equal(listed(0), raw);
	/* that of the client is loaded at another one, which is refused */
	assert_int_equal(with_handle(RM_RAW, CC_READ_PUBLIC, raw ^ 1), TPM_RC_REFERENCE_H0);
	assert_int_equal(with_handle(RM_RAW, TPM_CC_FLUSH_CONTEXT, raw ^ 1),
			 TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
	/* the raw node takes all slots, clients wait until it gives one back */
	new_key(RM_RAW, 3);
	new_key(RM_RAW, 4);
	assert_int_equal(create_key(RM_RAW, 5), TPM_RC_OBJECT_MEMORY);
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, key),
			 TPM_RC_LAYER_RESMGR | TPM_RC_OBJECT_MEMORY);
	read_public(RM_RAW, raw, &now);
	expect_same(&before, &now);
	assert_int_equal(with_handle(RM_RAW, TPM_CC_FLUSH_CONTEXT, raw), TPM_RC_SUCCESS);
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, key), TPM_RC_SUCCESS);
}

static void test_rm_run_sequence_is_saved_each_time(void **state)
{
	static const char *const pieces[] = { "one", "two", "three" };
	struct saved digests[2];
	uint32_t sequence;

	(void)state;
	for (int round = 0; round < 2; round++) {
		begin(TPM_ST_NO_SESSIONS, CC_HASH_START);
		cursor_put_u16(&call.out, 0);
		cursor_put_u16(&call.out, ALG_SHA256);
		assert_int_equal(send(ALICE), TPM_RC_SUCCESS);
		sequence = handle_of_response();
		for (size_t i = 0; i < 3; i++) {
			begin(TPM_ST_SESSIONS, CC_SEQ_UPDATE);
			cursor_put_u32(&call.out, sequence);
			put_password();
			cursor_put_u16(&call.out, (uint16_t)strlen(pieces[i]));
			cursor_put_raw(&call.out, pieces[i], strlen(pieces[i]));
			assert_int_equal(send(ALICE), TPM_RC_SUCCESS);
			/* the second time everything is pushed out between two updates */
			for (uint8_t key = 0; round && key < 3; key++) {
				uint32_t handle = new_key(BOB, key);

				assert_int_equal(with_handle(BOB, TPM_CC_FLUSH_CONTEXT, handle),
						 TPM_RC_SUCCESS);
				new_key(BOB, key);
			}
		}
		begin(TPM_ST_SESSIONS, CC_SEQ_COMPLETE);
		cursor_put_u32(&call.out, sequence);
		put_password();
		cursor_put_u16(&call.out, 0);
		cursor_put_u32(&call.out, RH_NULL);
		assert_int_equal(send(ALICE), TPM_RC_SUCCESS);
		digests[round].length = call.length;
		cursor_copy(digests[round].bytes, RM_CONTEXT_SIZE, call.response, call.length);
		/* the TPM has flushed it */
		assert_int_equal(count_handles(ALICE, 0x80000000), 0);
	}
	expect_same(&digests[0], &digests[1]);
}

static void test_rm_run_saved_session_stays_its_own(void **state)
{
	uint32_t session = new_session(ALICE, SE_POLICY);
	struct saved saved, stale;

	(void)state;
	save(ALICE, session, &saved);
	assert_int_equal(policy_command_code(ALICE, session, 0x15d), TPM_RC_REFERENCE_H0);
	assert_int_equal(count_handles(ALICE, 0x02000000), 0);
	assert_int_equal(count_handles(ALICE, 0x03000000), 1);
	assert_int_equal(count_handles(BOB, 0x03000000), 0);
	assert_int_equal(count_handles(RM_RAW, 0x03000000), 0);
	assert_int_equal(load(BOB, &saved), TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
	assert_int_equal(load(RM_RAW, &saved), TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
	assert_int_equal(load(ALICE, &saved), TPM_RC_SUCCESS);
	assert_int_equal(handle_of_response(), session);
	stale = saved;
	save(ALICE, session, &saved);
	assert_int_equal(load(ALICE, &stale), TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
	assert_int_equal(load(ALICE, &saved), TPM_RC_SUCCESS);
	assert_int_equal(load(ALICE, &saved), TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1);
}

static void test_rm_close_leaves_nothing(void **state)
{
	uint32_t session = new_session(ALICE, SE_POLICY);
	struct saved saved;

	(void)state;
	save(ALICE, session, &saved);
	for (int i = 0; i < 5; i++)
		new_session(ALICE, SE_HMAC);
	for (uint8_t i = 0; i < 5; i++)
		new_key(ALICE, i);
	new_key(BOB, 1);
	assert_int_equal(rm_close(&rm, ALICE), 0);
	rm_published(&rm);
	assert_int_equal(count_handles(BOB, 0x80000000), 1);
	assert_int_equal(rm.owned, 1);
	assert_int_equal(rm_close(&rm, BOB), 0);
	rm_published(&rm);
	assert_true(rm_is_empty(&rm));
	assert_int_equal(count_handles(RM_RAW, 0x80000000), 0);
	assert_int_equal(count_handles(RM_RAW, 0x02000000), 0);
	assert_int_equal(count_handles(RM_RAW, 0x03000000), 0);
	assert_int_not_equal(load(BOB, &saved), TPM_RC_SUCCESS);
}

static void test_rm_run_hoarders_meet_their_limit(void **state)
{
	uint32_t rc = TPM_RC_SUCCESS;
	int count = 0;

	(void)state;
	for (; count < 100 && !rc; count += !rc)
		rc = start_session(ALICE, SE_HMAC);
	assert_int_equal(count, RM_SESSIONS_PER_CLIENT);
	assert_int_equal(rc, TPM_RC_LAYER_RESMGR | TPM_RC_SESSION_HANDLES);
	/* many that hoard leave a quarter to those that have next to nothing */
	for (uint64_t client = 100; client < 104; client++)
		for (int i = 0; i < RM_SESSIONS_PER_CLIENT; i++)
			start_session(client, SE_HMAC);
	for (int i = 0; i < RM_FAIR; i++)
		assert_int_equal(start_session(BOB, SE_HMAC), TPM_RC_SUCCESS);
	assert_int_equal(start_session(BOB, SE_HMAC), TPM_RC_LAYER_RESMGR | TPM_RC_SESSION_HANDLES);

	for (count = 0, rc = 0; count < 100 && !rc; count += !rc)
		rc = create_key(ALICE, (uint8_t)count);
	assert_int_equal(count, RM_OBJECTS_PER_CLIENT);
	assert_int_equal(rc, TPM_RC_LAYER_RESMGR | TPM_RC_OBJECT_MEMORY);
}

/* However many hoard, the raw node can still authorize a command. */
static void test_rm_run_sessions_are_left_to_the_raw_node(void **state)
{
	uint32_t rc = TPM_RC_SUCCESS;

	(void)state;
	for (uint64_t client = 100; client < 100 + RM_SESSIONS; client++)
		for (int i = 0; i < RM_FAIR; i++)
			rc = start_session(client, SE_HMAC);
	assert_int_equal(rc, TPM_RC_LAYER_RESMGR | TPM_RC_SESSION_HANDLES);
	for (int i = 0; i < RM_SESSIONS_RAW; i++) {
		struct saved saved;

		save(RM_RAW, new_session(RM_RAW, SE_HMAC), &saved);
	}
	assert_int_equal(start_session(RM_RAW, SE_HMAC), TPM_RC_SESSION_HANDLES);
}

/* Cut short or drawn out: the raw node hears the TPM, a client what the core says. */
static void test_rm_run_wrong_length(void **state)
{
	uint32_t key = new_key(ALICE, 1);

	(void)state;
	begin(TPM_ST_NO_SESSIONS, CC_READ_PUBLIC);
	assert_int_equal(send(RM_RAW), 0x19a); /* TPM_RC_INSUFFICIENT, handle 1 */
	begin(TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
	assert_int_equal(send(RM_RAW), 0x1da);
	begin(TPM_ST_NO_SESSIONS, CC_READ_PUBLIC);
	assert_int_equal(send(ALICE), UINT32_MAX);

	/* while it is loaded, and then after others have put it out */
	for (int round = 0; round < 2; round++) {
		for (uint8_t i = 0; round && i < 4; i++)
			new_key(BOB, i);
		assert_int_equal(!rm_object_find(&rm, ALICE, key)->loaded, round);
		begin(TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
		cursor_put_u32(&call.out, key);
		cursor_put_u8(&call.out, 0);
		assert_int_equal(send(ALICE), TPM_RC_SIZE);
	}
	assert_int_equal(with_handle(ALICE, TPM_CC_FLUSH_CONTEXT, key), TPM_RC_SUCCESS);
}

/* As auth of both roles: the TPM takes a session once in a command. */
static void test_rm_run_session_named_twice(void **state)
{
	uint32_t session = new_session(ALICE, SE_HMAC);

	(void)state;
	begin(TPM_ST_SESSIONS, 0x17b);
	cursor_put_u32(&call.out, 18);
	for (int i = 0; i < 2; i++) {
		cursor_put_u32(&call.out, session);
		cursor_put_u16(&call.out, 0);
		cursor_put_u8(&call.out, i ? TPMA_SESSION_AUDIT : 0);
		cursor_put_u16(&call.out, 0);
	}
	cursor_put_u16(&call.out, 8);
	assert_int_not_equal(send(ALICE), TPM_RC_SUCCESS);
	assert_int_equal(count_handles(ALICE, 0x02000000), 1);
	assert_int_equal(rm.owned, 1);
}

static void test_rm_run_unknown_command(void **state)
{
	(void)state;
	begin(TPM_ST_NO_SESSIONS, 0x1fff);
	assert_int_equal(send(ALICE), 0x000b0143);
	begin(TPM_ST_NO_SESSIONS, 0x20000000);
	assert_int_equal(send(ALICE), 0x000b0143);
}

static void test_rm_run_clear_flushes(void **state)
{
	uint32_t key = new_key(ALICE, 1);

	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		new_key(BOB, i);
	begin(TPM_ST_SESSIONS, CC_CLEAR);
	cursor_put_u32(&call.out, RH_LOCKOUT);
	put_password();
	assert_int_equal(send(ALICE), TPM_RC_SUCCESS);
	/* the null hierarchy is not touched */
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, key), TPM_RC_SUCCESS);
	assert_int_equal(count_handles(BOB, 0x80000000), 4);
}

/* 70,000 saves while one session lies untouched: the TPM's numbers have 16 bits. */
static void test_rm_run_context_gap(void **state)
{
	uint32_t old = new_session(ALICE, SE_POLICY), sessions[4];
	uint32_t given = new_session(ALICE, SE_POLICY);
	struct saved saved, before, now;
	uint64_t first;

	(void)state;
	assert_int_equal(policy_command_code(ALICE, old, 0x15d), TPM_RC_SUCCESS);
	save(ALICE, given, &saved);
	first = rm.sessions[given & RM_HANDLE_NUMBER].sequence;
	assert_int_equal(with_handle(ALICE, CC_GET_DIGEST, old), TPM_RC_SUCCESS);
	before.length = call.length;
	cursor_copy(before.bytes, sizeof(before.bytes), call.response, call.length);
	for (int i = 0; i < 4; i++)
		sessions[i] = new_session(BOB, SE_POLICY);
	for (int i = 0; i < 70000; i++)
		assert_int_equal(policy_command_code(BOB, sessions[i % 4], 0x15d), TPM_RC_SUCCESS);
	assert_true(rm.sessions[given & RM_HANDLE_NUMBER].sequence > first + 60000);
	assert_int_equal(with_handle(ALICE, CC_GET_DIGEST, old), TPM_RC_SUCCESS);
	now.length = call.length;
	cursor_copy(now.bytes, sizeof(now.bytes), call.response, call.length);
	expect_same(&before, &now);
	/* what the client was given is of another time by now, and still good */
	assert_int_equal(load(ALICE, &saved), TPM_RC_SUCCESS);
	assert_int_equal(policy_command_code(ALICE, given, 0x15d), TPM_RC_SUCCESS);
}

static void test_rm_unpack_goes_on(void **state)
{
	static uint8_t bytes[RM_PACK_MAX];
	struct tpmlib_blob volatile_state;
	struct saved saved, before[5], now;
	uint32_t session[5], key[5];
	size_t length, permanent_length;
	const uint8_t *permanent;
	uint8_t *copy;

	(void)state;
	for (uint8_t i = 0; i < 5; i++) {
		key[i] = new_key(ALICE, i);
		read_public(ALICE, key[i], &before[i]);
		session[i] = new_session(ALICE, SE_POLICY);
	}
	save(ALICE, session[2], &saved);
	length = rm_pack(&rm, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(tpmlib_volatile(&volatile_state), 0);
	permanent = tpmlib_permanent(&permanent_length);
	assert_non_null(permanent);
	copy = malloc(permanent_length);
	assert_true(cursor_copy(copy, permanent_length, permanent, permanent_length));

	/* what comes later is not in it */
	new_key(ALICE, 77);
	assert_int_equal(
		tpmlib_resume(copy, permanent_length, volatile_state.bytes, volatile_state.length),
		0);
	assert_int_equal(rm_unpack(&rm, bytes, length), 0);
	assert_int_equal(count_handles(ALICE, 0x80000000), 5);
	for (uint8_t i = 0; i < 5; i++) {
		read_public(ALICE, key[i], &now);
		expect_same(&before[i], &now);
		if (i != 2)
			assert_int_equal(policy_command_code(ALICE, session[i], 0x15d), 0);
	}
	assert_int_equal(load(ALICE, &saved), TPM_RC_SUCCESS);
	tpmlib_blob_done(&volatile_state);
	free(copy);
}

static void test_rm_unpack_finds_changes(void **state)
{
	static uint8_t bytes[RM_PACK_MAX];
	size_t length;

	(void)state;
	for (uint8_t i = 0; i < 6; i++)
		new_key(ALICE, i);
	length = rm_pack(&rm, bytes, sizeof(bytes));
	assert_int_equal(rm_unpack(&rm, bytes, length), 0);
	assert_int_equal(rm_unpack(&rm, bytes, length - 1), -EBADMSG);
	assert_int_equal(rm_unpack(&rm, bytes, length), 0);
	for (size_t i = 0; i < RM_CONTEXTS; i++)
		memory[i][100] ^= 1;
	assert_int_equal(rm_unpack(&rm, bytes, length), -EBADMSG);
	assert_true(rm_is_empty(&rm));
}

/* What rm_pack() would not have written is not taken, though each entry is sound. */
static void test_rm_unpack_wants_sessions_in_order(void **state)
{
	enum { SESSION = 8 + 4 + 1 + 8 + RM_DIGEST_SIZE + 8 + 4 + RM_DIGEST_SIZE };
	static uint8_t bytes[RM_PACK_MAX], swapped[RM_PACK_MAX];
	size_t length, head;

	(void)state;
	new_session(ALICE, SE_POLICY);
	new_session(ALICE, SE_POLICY);
	length = rm_pack(&rm, bytes, sizeof(bytes));
	head = length - 2 * SESSION;
	cursor_copy(swapped, sizeof(swapped), bytes, head);
	cursor_copy(swapped + head, SESSION, bytes + head + SESSION, SESSION);
	cursor_copy(swapped + head + SESSION, SESSION, bytes + head, SESSION);
	assert_int_equal(rm_unpack(&rm, bytes, length), 0);
	assert_int_equal(rm_unpack(&rm, swapped, length), -EBADMSG);
}

/* The memory's keeper puts one context in another's place: nobody gets a foreign key. */
static void test_rm_run_swapped_contexts_are_refused(void **state)
{
	uint32_t key[6];

	(void)state;
	for (uint8_t i = 0; i < 6; i++)
		key[i] = new_key(i < 3 ? ALICE : BOB, i);
	for (size_t i = 0; i < RM_CONTEXT_SIZE; i++) {
		uint8_t byte = memory[0][i];

		memory[0][i] = memory[1][i];
		memory[1][i] = byte;
	}
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, key[0]), UINT32_MAX);
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, key[1]), UINT32_MAX);
	assert_int_equal(with_handle(ALICE, CC_READ_PUBLIC, key[2]), TPM_RC_SUCCESS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, power_on, power_off)
	const struct CMUnitTest tests[] = {
		TEST(test_rm_run_handles_are_virtual),
		TEST(test_rm_run_other_objects_are_absent),
		TEST(test_rm_run_other_sessions_are_absent),
		TEST(test_rm_run_other_sessions_authorize_nothing),
		TEST(test_rm_run_policy_survives_the_swap),
		TEST(test_rm_run_raw_keeps_its_handles),
		TEST(test_rm_run_sequence_is_saved_each_time),
		TEST(test_rm_run_saved_session_stays_its_own),
		TEST(test_rm_close_leaves_nothing),
		TEST(test_rm_run_hoarders_meet_their_limit),
		TEST(test_rm_run_sessions_are_left_to_the_raw_node),
		TEST(test_rm_run_wrong_length),
		TEST(test_rm_run_session_named_twice),
		TEST(test_rm_run_unknown_command),
		TEST(test_rm_run_clear_flushes),
		TEST(test_rm_run_context_gap),
		TEST(test_rm_unpack_goes_on),
		TEST(test_rm_unpack_finds_changes),
		TEST(test_rm_unpack_wants_sessions_in_order),
		TEST(test_rm_run_swapped_contexts_are_refused),
	};

	if (tpmlib_prepare())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
