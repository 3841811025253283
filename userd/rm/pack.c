// SPDX-License-Identifier: BSD-3-Clause
/*
 * The tables as bytes. They travel in the unit, which is authenticated; they are
 * checked all the same, since everything here trusts them afterwards.
 *
 *	version u8 | now u64
 *	objects u16 | { client u64 | handle u32 | loaded u32 | sequence u8 | used u64 |
 *			context } ...
 *	sessions u16 | { client u64 | handle u32 | state u8 | number u64 | given | used u64 |
 *			 context } ...
 *	context: slot u16 | length u16 | digest
 */
#include <errno.h>

#include "base/cursor.h"
#include "rm/context.h"
#include "rm/table.h"

#define VERSION 1

static void put_context(struct cursor_out *out, const struct rm_context *context)
{
	cursor_put_u16(out, context->slot);
	cursor_put_u16(out, context->length);
	cursor_put_raw(out, context->digest, sizeof(context->digest));
}

static void put_objects(struct cursor_out *out, const struct rm *rm)
{
	unsigned int count = 0;

	for (size_t i = 0; i < rm->top; i++)
		count += rm->objects[i].client != 0;
	cursor_put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < rm->top; i++) {
		const struct rm_object *object = &rm->objects[i];

		if (!object->client)
			continue;
		cursor_put_u64(out, object->client);
		cursor_put_u32(out, object->handle);
		cursor_put_u32(out, object->loaded);
		cursor_put_u8(out, object->sequence);
		cursor_put_u64(out, object->used);
		put_context(out, &object->context);
	}
}

static void put_sessions(struct cursor_out *out, const struct rm *rm)
{
	unsigned int count = 0;

	for (size_t i = 0; i < RM_SESSIONS; i++)
		count += rm->sessions[i].state != RM_SESSION_NONE;
	cursor_put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < RM_SESSIONS; i++) {
		const struct rm_session *session = &rm->sessions[i];

		if (session->state == RM_SESSION_NONE)
			continue;
		cursor_put_u64(out, session->client);
		cursor_put_u32(out, session->handle);
		cursor_put_u8(out, (uint8_t)session->state);
		cursor_put_u64(out, session->sequence);
		cursor_put_raw(out, session->given, sizeof(session->given));
		cursor_put_u64(out, session->used);
		put_context(out, &session->context);
	}
}

size_t rm_pack(const struct rm *rm, uint8_t *to, size_t room)
{
	struct cursor_out out = cursor_out(to, room);

	cursor_put_u8(&out, VERSION);
	cursor_put_u64(&out, rm->now);
	put_objects(&out, rm);
	put_sessions(&out, rm);
	return out.bad ? 0 : out.used;
}

static bool get_context(struct rm *rm, struct cursor_in *in, struct rm_context *context)
{
	context->slot = cursor_get_u16(in);
	context->length = cursor_get_u16(in);
	cursor_get_raw(in, context->digest, sizeof(context->digest));
	if (!context->length)
		return !context->slot;
	if (in->bad || context->slot >= RM_CONTEXTS || rm->slots[context->slot].used)
		return false;
	rm->slots[context->slot].used = true;
	return rm_context_fetch(rm, context, rm->response);
}

static bool get_object(struct rm *rm, struct cursor_in *in)
{
	struct rm_object object = {
		.client = cursor_get_u64(in),
		.handle = cursor_get_u32(in),
		.loaded = cursor_get_u32(in),
	};
	uint8_t sequence = cursor_get_u8(in);

	object.sequence = sequence;
	object.used = cursor_get_u64(in);
	if (!get_context(rm, in, &object.context) || in->bad)
		return false;
	if (!object.client || sequence > 1 || object.used > rm->now ||
	    TPM_HT(object.handle) != TPM_HT_TRANSIENT || (!object.loaded && !object.context.length))
		return false;
	if (object.loaded &&
	    (TPM_HT(object.loaded) != TPM_HT_TRANSIENT || rm_object_at(rm, object.loaded)))
		return false;
	if (rm_object_find(rm, object.client, object.handle))
		return false;
	rm->objects[rm->top++] = object;
	rm->owned++;
	return true;
}

/* In the order of their numbers; @least moves on. */
static bool get_session(struct rm *rm, struct cursor_in *in, uint32_t *least)
{
	struct rm_session session = {
		.client = cursor_get_u64(in),
		.handle = cursor_get_u32(in),
	};
	uint32_t number = session.handle & RM_HANDLE_NUMBER;
	uint8_t state = cursor_get_u8(in);

	session.state = (enum rm_session_state)state;
	session.sequence = cursor_get_u64(in);
	cursor_get_raw(in, session.given, sizeof(session.given));
	session.used = cursor_get_u64(in);
	if (!get_context(rm, in, &session.context) || in->bad)
		return false;
	if (!session.client || !state || state >= _RM_SESSION_MAX || session.used > rm->now ||
	    !rm_is_session(session.handle) || number < *least || number >= RM_SESSIONS)
		return false;
	if ((session.state == RM_SESSION_LOADED) == (session.context.length != 0))
		return false;
	rm->sessions[number] = session;
	*least = number + 1;
	rm->owned++;
	return true;
}

static bool unpack(struct rm *rm, struct cursor_in *in)
{
	uint32_t least = 0;
	uint16_t count;

	if (cursor_get_u8(in) != VERSION)
		return false;
	rm->now = cursor_get_u64(in);
	count = cursor_get_u16(in);
	if (count > RM_OBJECTS)
		return false;
	for (uint16_t i = 0; i < count; i++)
		if (!get_object(rm, in))
			return false;
	count = cursor_get_u16(in);
	if (count > RM_SESSIONS)
		return false;
	for (uint16_t i = 0; i < count; i++)
		if (!get_session(rm, in, &least))
			return false;
	return cursor_ended(in);
}

int rm_unpack(struct rm *rm, const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);

	rm_init(rm, rm->execute, rm->memory);
	if (!length || unpack(rm, &in))
		return 0;
	rm_init(rm, rm->execute, rm->memory);
	return -EBADMSG;
}
