// SPDX-License-Identifier: BSD-3-Clause
/*
 * The resource manager, its TPM, and who uses it.
 *
 * Like the engine it publishes after each step that changed something (the tables, the
 * TPM's state), but not the memory of the contexts, which goes on as it is. There are two ways
 * back: to what was published last (a death), and to what came before (a commit that failed).
 *
 * world_compare() is what must hold whatever was done: the tables and the TPM agree, entry by
 * entry.
 */
#include "rm/test_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "rm/context.h"
#include "rm/table.h"
#include "rm/test_model.h"

struct world world;

static struct rm other;
static uint8_t (*memory)[RM_CONTEXT_SIZE];
static uint64_t answers;

_Noreturn void world_wrong(const char *where, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s; code %#x, result %d, rc %#x, %zu bytes of input left\n",
		where, line, what, world.call.bytes[8] << 8 | world.call.bytes[9],
		world.call.result, world.call.rc, world.input.left);
	abort();
}

uint64_t model_answers(void)
{
	return answers;
}

uint32_t world_choose(uint32_t n)
{
	return cursor_get_u8(&world.input) % n;
}

uint64_t world_choose_client(void)
{
	return 1 + world_choose(CLIENTS);
}

static void compare_object(const struct rm_object *object, uint32_t *seen)
{
	const struct test_object *held = &test_tpm.objects[object->loaded & 3];
	uint32_t bit = 1u << (object->loaded & 3);

	MUST(object->loaded >> 2 == 0x80000000u >> 2 && held->id && !(*seen & bit));
	MUST(object->context.length ? object->sequence == held->sequence : !object->sequence);
	*seen |= bit;
}

static void compare_session(const struct rm_session *session, const struct test_session *held)
{
	if (session->state == RM_SESSION_NONE)
		return;
	MUST(session->handle == held->handle);
	MUST((session->state == RM_SESSION_LOADED) == (held->state == TEST_SESSION_LOADED));
	MUST((session->state == RM_SESSION_LOADED) == (session->context.length == 0));
	MUST(session->state == RM_SESSION_LOADED || session->sequence == held->number);
}

static size_t count_slot(bool seen[RM_CONTEXTS], const struct rm_context *context)
{
	if (!context->length)
		return 0;
	MUST(context->slot < RM_CONTEXTS && world.rm.slots[context->slot].used &&
	     !seen[context->slot]);
	seen[context->slot] = true;
	return 1;
}

void world_compare(void)
{
	bool seen[RM_CONTEXTS] = { false };
	uint32_t loaded = 0;
	size_t owned = 0;

	world.slots = 0;
	for (size_t i = 0; i < world.rm.top; i++) {
		const struct rm_object *object = &world.rm.objects[i];

		if (!object->client)
			continue;
		owned++;
		world.slots += count_slot(seen, &object->context);
		MUST(rm_object_find(&world.rm, object->client, object->handle) == object);
		MUST(object->loaded || object->context.length);
		if (object->loaded)
			compare_object(object, &loaded);
	}
	for (size_t i = 0; i < TEST_TPM_SESSIONS; i++) {
		owned += world.rm.sessions[i].state != RM_SESSION_NONE;
		world.slots += count_slot(seen, &world.rm.sessions[i].context);
		compare_session(&world.rm.sessions[i], &test_tpm.sessions[i]);
	}
	MUST(owned == world.rm.owned);
}

/* What is not worth looking for after each step: it would still be there at a life's end. */
static void compare_rest(void)
{
	size_t used = 0;

	for (size_t i = 0; i < RM_CONTEXTS; i++)
		used += world.rm.slots[i].used;
	MUST(used == world.slots);
	for (size_t i = world.rm.top; i < RM_OBJECTS; i++)
		MUST(!world.rm.objects[i].client);
	for (size_t i = TEST_TPM_SESSIONS; i < RM_SESSIONS; i++)
		MUST(world.rm.sessions[i].state == RM_SESSION_NONE);
}

void world_end(void)
{
	const struct unit *unit = &world.units[0];
	static uint8_t again[RM_PACK_MAX];

	/* also what the engine would have left for later */
	world_publish();
	compare_rest();
	other.memory = memory;
	MUST(!rm_unpack(&other, unit->tables, unit->length));
	MUST(other.owned == world.rm.owned && other.now == world.rm.now);
	MUST(rm_pack(&other, again, sizeof(again)) == unit->length &&
	     secret_equal(again, unit->tables, unit->length));
}

void world_publish(void)
{
	bool needless = world.call.repeatable && !world.rm.changed;

	world.call.repeatable = false;
	if (needless)
		return;
	struct unit *before = &world.units[1];

	before->model = world.units[0].model;
	before->tpm = world.units[0].tpm;
	before->length = world.units[0].length;
	MUST(cursor_copy(before->tables, RM_PACK_MAX, world.units[0].tables, before->length));
	world.units[0].model = world.model;
	world.units[0].tpm = test_tpm;
	world.units[0].tpm.fault = (struct test_fault){ 0 };
	world.units[0].length = rm_pack(&world.rm, world.units[0].tables, RM_PACK_MAX);
	MUST(world.units[0].length);
	rm_published(&world.rm);
}

void world_back_to(size_t i)
{
	struct unit *unit = &world.units[i];

	if (!world.call.failed)
		compare_rest();
	world.call.failed = false;
	world.model = unit->model;
	test_tpm = unit->tpm;
	MUST(!rm_unpack(&world.rm, unit->tables, unit->length));
	world.units[!i] = *unit;
}

void world_begin(const uint8_t *bytes, size_t length)
{
	if (!memory)
		memory = calloc(RM_CONTEXTS, RM_CONTEXT_SIZE);
	if (!memory)
		abort();
	world.input = cursor_in(bytes, length);
	world.model = (struct model){ 0 };
	test_tpm = (struct test_tpm){ 0 };
	world.call.failed = world.call.repeatable = false;
	world.slots = 0;
	rm_init(&world.rm, test_tpm_run, memory);
	world_publish();
	world_publish();
}

void world_command(uint32_t code)
{
	world.call.out = cursor_out(world.call.bytes, sizeof(world.call.bytes));
	cursor_put_u16(&world.call.out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&world.call.out, 0);
	cursor_put_u32(&world.call.out, code);
}

void world_authorize(uint32_t handle, uint8_t attributes)
{
	cursor_put_u32(&world.call.out, handle);
	cursor_put_u16(&world.call.out, 0);
	cursor_put_u8(&world.call.out, attributes);
	cursor_put_u16(&world.call.out, 0);
}

/* What the engine would not publish, unless the tables have changed. */
static bool is_read_only(const struct tpm_command *command)
{
	const struct command_attributes *row = command_find(command->code);

	return row && (row->flags & COMMAND_READ_ONLY) && command->tag == TPM_ST_NO_SESSIONS;
}

uint32_t world_send(uint64_t whose)
{
	struct tpm_command command;

	cursor_patch_u32(&world.call.out, 2, (uint32_t)world.call.out.used);
	MUST(!world.call.out.bad &&
	     !tpm_command_parse(world.call.bytes, world.call.out.used, &command));
	world.call.result = rm_run(&world.rm, whose, 0, &command, command_find(command.code),
				   world.call.response, &world.call.length);
	world.call.repeatable = world.call.result == RM_E_HANDLE || is_read_only(&command);
	world.call.rc =
		world.call.result ? 1 : tpm_response_code(world.call.response, world.call.length);
	if (world.call.result < 0) {
		MUST(test_tpm.fault.hit);
		world.call.failed = true;
		world.call.rc = 2;
	}
	answers += !world.call.rc;
	return world.call.rc;
}

uint32_t world_word(size_t i)
{
	struct cursor_in in = cursor_in(world.call.response, world.call.length);

	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4 * i);
	return cursor_get_u32(&in);
}

void world_keep(struct blob *blob)
{
	blob->length = world.call.length - TPM_HEAD_SIZE;
	MUST(cursor_copy(blob->bytes, BLOB, world.call.response + TPM_HEAD_SIZE, blob->length));
}
