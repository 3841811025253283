// SPDX-License-Identifier: BSD-3-Clause
/*
 * Any commands with any handles: nothing is expected of the answers, but tables and TPM
 * must agree after each of them. And any bytes for tables.
 */
#include "rm/test_model.h"
#include "rm/test_world.h"

#include "base/secret.h"
#include "rm/table.h"

/* The clients, and now and then the raw node. */
static uint64_t choose_user(void)
{
	uint32_t i = world_choose(3 * CLIENTS + 1);

	return i ? 1 + i % CLIENTS : RM_RAW;
}

static uint32_t any_session(uint64_t whose)
{
	uint32_t first = world_choose(TEST_TPM_SESSIONS + 2);

	for (uint32_t i = 0; first < TEST_TPM_SESSIONS && i < TEST_TPM_SESSIONS; i++) {
		const struct rm_session *session =
			&world.rm.sessions[(first + i) % TEST_TPM_SESSIONS];

		if (session->client == whose)
			return session->handle;
	}
	return first == TEST_TPM_SESSIONS ? TPM_RS_PW : 0x02000000 + first % TEST_TPM_SESSIONS;
}

static uint32_t any_handle(uint64_t whose)
{
	const struct rm_object *object =
		&world.rm.objects[world.rm.top ? world_choose((uint32_t)world.rm.top) : 0];

	switch (world_choose(8)) {
	case 0:
		return 0x40000007;
	case 1:
		return 0x80000000u + world_choose(4);
	case 2:
		return any_session(whose);
	default:
		return object->client == whose || !world_choose(4) ? object->handle
								   : RM_HANDLE_FIRST;
	}
}

static void any_command(uint64_t whose)
{
	static const uint32_t known[] = {
		TPM_CC_CONTEXT_SAVE, TPM_CC_CONTEXT_LOAD,    TPM_CC_FLUSH_CONTEXT,
		TEST_CC_CLEAR,	     TEST_CC_CREATE_PRIMARY, TEST_CC_COMPLETE,
		TEST_CC_CERTIFY,     TEST_CC_UPDATE,	     TEST_CC_POLICY,
		TEST_CC_READ_PUBLIC, TEST_CC_START_SESSION,  TEST_CC_HASH_START,
		TEST_CC_GET_DIGEST,  TPM_CC_GET_CAPABILITY,  TEST_CC_HASH_START,
	};
	uint32_t code = world_choose(16) ? known[world_choose(15)] : 0x100 + world_choose(256);
	const struct command_attributes *row = command_find(code);
	size_t count = row ? row->handles : 0, sessions, at;
	const struct context *context = &world.model.contexts[world_choose(CONTEXTS)];

	world_command(code);
	for (size_t i = 0; i < count; i++)
		cursor_put_u32(&world.call.out, code == TEST_CC_POLICY || code == TEST_CC_GET_DIGEST
							? any_session(whose)
							: any_handle(whose));
	sessions = world_choose(8);
	if (sessions && sessions < 5) {
		cursor_patch_u32(&world.call.out, 0, (uint32_t)TPM_ST_SESSIONS << 16);
		at = world.call.out.used;
		cursor_put_u32(&world.call.out, 0);
		for (size_t i = 0; i < sessions; i++)
			world_authorize(any_session(whose), (uint8_t)world_choose(2));
		cursor_patch_u32(&world.call.out, at, (uint32_t)(world.call.out.used - at - 4));
	}
	if (code == TPM_CC_CONTEXT_LOAD)
		cursor_put_raw(&world.call.out, context->blob.bytes, context->blob.length);
	if (code == TPM_CC_FLUSH_CONTEXT)
		cursor_put_u32(&world.call.out,
			       world_choose(2) ? any_session(whose) : any_handle(whose));
	if (code == TEST_CC_START_SESSION)
		cursor_put_u8(&world.call.out, (uint8_t)world_choose(2));
	for (uint32_t i = world_choose(64); i > 60; i--)
		cursor_put_u8(&world.call.out, cursor_get_u8(&world.input));
	if (!world_choose(16))
		world.call.out.used -=
			world_choose((uint32_t)(world.call.out.used - TPM_HEAD_SIZE + 1));
	if (!world_choose(16))
		world.call.bytes[TPM_HEAD_SIZE + world_choose(32)] ^=
			(uint8_t)(1u << world_choose(8));
	world_send(whose);
	if (!world.call.rc && code == TPM_CC_CONTEXT_SAVE)
		world_keep(&world.model.contexts[world.model.next++ % CONTEXTS].blob);
}

void model_storm(const uint8_t *bytes, size_t length)
{
	world_begin(bytes, length);
	while (world.input.left && !world.input.bad) {
		uint32_t what = world_choose(32);

		if (what == 31)
			rm_close(&world.rm, world_choose_client());
		else if (what == 30)
			world_back_to(world_choose(2));
		else
			any_command(choose_user());
		world_compare();
		world_publish();
	}
	world_end();
}

void model_unpack(const uint8_t *bytes, size_t length)
{
	static uint8_t again[RM_PACK_MAX];

	world_begin(bytes, 0);
	if (rm_unpack(&world.rm, bytes, length)) {
		MUST(rm_is_empty(&world.rm) && !world.rm.top);
		return;
	}
	MUST(!length || (rm_pack(&world.rm, again, sizeof(again)) == length &&
			 secret_equal(again, bytes, length)));
}
