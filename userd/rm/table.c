// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who has what, and who may have more.
 *
 * Fairness is a matter of counts: a client may have so many, and the last quarter of a
 * table is for those that have next to nothing, so that one that hoards meets its
 * own limit before the others meet it.
 *
 * What the TPM says goes. If it hands out a handle that an entry here claims, the
 * entry is out of date and is forgotten.
 */
#include "rm/table.h"

#include <string.h>

#include "base/cursor.h"
#include "rm/context.h"

/* Most engines have few clients: what is zero stays unwritten, and no page of its own. */
#define PIECE 1024

void rm_init(struct rm *rm, rm_execute *execute, void *memory)
{
	uint8_t *bytes = (uint8_t *)rm;

	for (size_t at = 0; at < sizeof(*rm); at += PIECE) {
		size_t size = sizeof(*rm) - at < PIECE ? sizeof(*rm) - at : PIECE;

		if (!cursor_is_zero(bytes + at, size))
			memset(bytes + at, 0, size);
	}
	rm->execute = execute;
	rm->memory = memory;
	rm->published = 1;
}

bool rm_is_session(uint32_t handle)
{
	return TPM_HT(handle) == TPM_HT_HMAC_SESSION || TPM_HT(handle) == TPM_HT_POLICY_SESSION;
}

bool rm_is_empty(const struct rm *rm)
{
	return !rm->owned;
}

static bool may_add(size_t own, size_t own_limit, size_t all, size_t room)
{
	return own < RM_FAIR ? all < room : own < own_limit && all < room - room / 4;
}

struct rm_object *rm_object_find(struct rm *rm, uint64_t client, uint32_t handle)
{
	for (struct rm_object *object = rm->objects; object < rm->objects + rm->top; object++)
		if (object->client == client && object->handle == handle)
			return object;
	return NULL;
}

struct rm_object *rm_object_at(struct rm *rm, uint32_t loaded)
{
	for (struct rm_object *object = rm->objects; object < rm->objects + rm->top; object++)
		if (object->client && object->loaded == loaded)
			return object;
	return NULL;
}

bool rm_object_may_add(const struct rm *rm, uint64_t client)
{
	size_t own = 0, all = 0;

	for (size_t i = 0; i < rm->top; i++) {
		own += rm->objects[i].client == client;
		all += rm->objects[i].client != 0;
	}
	return may_add(own, RM_OBJECTS_PER_CLIENT, all, RM_OBJECTS);
}

static uint32_t free_handle(struct rm *rm, uint64_t client)
{
	uint32_t handle = RM_HANDLE_FIRST;

	while (rm_object_find(rm, client, handle))
		handle--;
	return handle;
}

struct rm_object *rm_object_add(struct rm *rm, uint64_t client, uint32_t loaded)
{
	struct rm_object *object;

	for (object = rm->objects; object < rm->objects + rm->top; object++)
		if (!object->client)
			break;
	if (object == rm->objects + RM_OBJECTS)
		return NULL;
	if (object == rm->objects + rm->top)
		rm->top++;
	*object = (struct rm_object){
		.handle = free_handle(rm, client),
		.loaded = loaded,
		.used = rm->now,
	};
	object->client = client;
	rm->owned++;
	rm->changed = true;
	return object;
}

void rm_object_forget(struct rm *rm, struct rm_object *object)
{
	rm_context_drop(rm, &object->context);
	*object = (struct rm_object){ 0 };
	while (rm->top && !rm->objects[rm->top - 1].client)
		rm->top--;
	rm->owned--;
	rm->changed = true;
}

struct rm_session *rm_session_find(struct rm *rm, uint32_t handle)
{
	uint32_t number = handle & RM_HANDLE_NUMBER;

	if (number >= RM_SESSIONS || rm->sessions[number].state == RM_SESSION_NONE)
		return NULL;
	return &rm->sessions[number];
}

bool rm_session_is_given(const struct rm_session *session)
{
	return !cursor_is_zero(session->given, sizeof(session->given));
}

bool rm_session_may_add(const struct rm *rm, uint64_t client)
{
	size_t own = 0, all = 0;

	for (size_t i = 0; i < RM_SESSIONS; i++) {
		bool used = rm->sessions[i].state != RM_SESSION_NONE;

		own += used && rm->sessions[i].client == client;
		all += used;
	}
	return may_add(own, RM_SESSIONS_PER_CLIENT, all, RM_SESSIONS - RM_SESSIONS_RAW);
}

struct rm_session *rm_session_add(struct rm *rm, uint64_t client, uint32_t handle)
{
	uint32_t number = handle & RM_HANDLE_NUMBER;

	if (number >= RM_SESSIONS)
		return NULL;
	if (rm->sessions[number].state != RM_SESSION_NONE)
		rm_session_forget(rm, &rm->sessions[number]);
	rm->owned++;
	rm->changed = true;
	rm->sessions[number] = (struct rm_session){
		.client = client,
		.handle = handle,
		.state = RM_SESSION_LOADED,
		.used = rm->now,
	};
	return &rm->sessions[number];
}

void rm_session_forget(struct rm *rm, struct rm_session *session)
{
	rm_context_drop(rm, &session->context);
	*session = (struct rm_session){ 0 };
	rm->owned--;
	rm->changed = true;
}
