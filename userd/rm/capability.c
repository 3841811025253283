// SPDX-License-Identifier: BSD-3-Clause
/*
 * TPM2_GetCapability(TPM_CAP_HANDLES): what a client may know of.
 *
 * A client's list comes from the tables alone. The raw node's is the TPM's own, without
 * what is in the tables; the TPM is asked for all of it, since a count that includes
 * the hidden ones would tell of them.
 *
 * Part 3, 30.2: command  capability u32 | property u32 | propertyCount u32
 *		 response moreData u8 | capability u32 | count u32 | handle u32 ...
 */
#include "rm/capability.h"

#include "base/cursor.h"
#include "rm/table.h"

/* Part 2, 10.9.3: MAX_CAP_HANDLES of a TPM whose MAX_CAP_BUFFER is 1024 */
#define HANDLES_MAX 254

struct question {
	uint32_t capability;
	uint32_t property;
	uint32_t count;
};

static bool parse(const struct tpm_command *command, struct question *ret)
{
	struct cursor_in in = cursor_in(command->bytes, command->size);

	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	ret->capability = cursor_get_u32(&in);
	ret->property = cursor_get_u32(&in);
	ret->count = cursor_get_u32(&in);
	return cursor_ended(&in);
}

bool rm_capability_is_ours(const struct tpm_command *command)
{
	struct cursor_in in = cursor_in(command->bytes, command->size);
	uint32_t capability, type;

	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	if (command->tag == TPM_ST_SESSIONS)
		cursor_get_bytes(&in, cursor_get_u32(&in));
	capability = cursor_get_u32(&in);
	type = TPM_HT(cursor_get_u32(&in));
	return !in.bad && capability == TPM_CAP_HANDLES &&
	       (type == TPM_HT_TRANSIENT || type == TPM_HT_LOADED_SESSION ||
		type == TPM_HT_SAVED_SESSION);
}

/* Handles of a client, from @first on, in ascending order. */
static uint32_t next_object(struct rm *rm, uint64_t client, uint32_t first)
{
	uint32_t next = 0;

	for (size_t i = 0; i < rm->top; i++) {
		uint32_t handle = rm->objects[i].handle;

		if (rm->objects[i].client == client && handle >= first && (!next || handle < next))
			next = handle;
	}
	return next;
}

static uint32_t next_session(struct rm *rm, uint64_t client, uint32_t first)
{
	bool given = TPM_HT(first) == TPM_HT_SAVED_SESSION;

	for (uint32_t i = first & RM_HANDLE_NUMBER; i < RM_SESSIONS; i++) {
		const struct rm_session *session = &rm->sessions[i];

		if (session->state == RM_SESSION_NONE || session->client != client ||
		    rm_session_is_given(session) != given)
			continue;
		/* A TPM lists saved sessions as if all were for HMAC. */
		return given ? (uint32_t)TPM_HT_HMAC_SESSION << 24 | i : session->handle;
	}
	return 0;
}

static uint32_t list(struct rm *rm, uint64_t client, const struct question *question,
		     uint32_t handles[HANDLES_MAX + 1])
{
	uint32_t type = question->property & ~RM_HANDLE_NUMBER;
	uint32_t number = question->property & RM_HANDLE_NUMBER;
	uint32_t next = question->property;
	uint32_t count = 0, skip = 0;

	/*
	 * Whoever counts up from the first handle of a TPM, one object at a time, means the
	 * objects by their number; the virtual handles are far behind those.
	 */
	if (TPM_HT(type) == TPM_HT_TRANSIENT && number < RM_OBJECTS_PER_CLIENT)
		skip = number;
	while (count <= HANDLES_MAX) {
		next = TPM_HT(type) == TPM_HT_TRANSIENT ? next_object(rm, client, next)
							: next_session(rm, client, next);
		if (!next)
			break;
		if (skip)
			skip--;
		else
			handles[count++] = next;
		next = type | ((next & RM_HANDLE_NUMBER) + 1);
		if (!(next & RM_HANDLE_NUMBER))
			break;
	}
	return count;
}

static bool belongs(struct rm *rm, uint32_t handle)
{
	return rm_is_session(handle) ? rm_session_find(rm, handle) != NULL
				     : rm_object_at(rm, handle) != NULL;
}

/* Ask the TPM for all it has, and leave out what is in the tables. */
static int list_raw(struct rm *rm, const struct question *question,
		    uint32_t handles[HANDLES_MAX + 1], uint32_t *ret_count, uint32_t *ret_rc)
{
	struct cursor_out out = cursor_out(rm->command, sizeof(rm->command));
	struct cursor_in in;
	uint32_t left;
	int r;

	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, TPM_HEAD_SIZE + 12);
	cursor_put_u32(&out, TPM_CC_GET_CAPABILITY);
	cursor_put_u32(&out, TPM_CAP_HANDLES);
	cursor_put_u32(&out, question->property);
	cursor_put_u32(&out, HANDLES_MAX);
	r = rm->execute(0, rm->command, out.used, rm->response, sizeof(rm->response), &rm->length);
	if (r)
		return r;
	*ret_count = 0;
	*ret_rc = tpm_response_code(rm->response, rm->length);
	if (*ret_rc)
		return 0;
	in = cursor_in(rm->response, rm->length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 5);
	for (left = cursor_get_u32(&in); left && !in.bad && *ret_count < HANDLES_MAX; left--) {
		uint32_t handle = cursor_get_u32(&in);

		if (!in.bad && !belongs(rm, handle))
			handles[(*ret_count)++] = handle;
	}
	return 0;
}

static size_t answer(const struct question *question, const uint32_t *handles, uint32_t have,
		     uint8_t *response)
{
	struct cursor_out out = cursor_out(response, RM_COMMAND_SIZE);
	uint32_t count = question->count < HANDLES_MAX ? question->count : HANDLES_MAX;
	bool more = have > count;

	if (!more)
		count = have;
	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, TPM_HEAD_SIZE + 9 + 4 * count);
	cursor_put_u32(&out, TPM_RC_SUCCESS);
	cursor_put_u8(&out, more);
	cursor_put_u32(&out, TPM_CAP_HANDLES);
	cursor_put_u32(&out, count);
	for (uint32_t i = 0; i < count; i++)
		cursor_put_u32(&out, handles[i]);
	return out.used;
}

int rm_capability(struct rm *rm, uint64_t client, const struct tpm_command *command,
		  uint8_t *response, size_t *ret_length)
{
	uint32_t handles[HANDLES_MAX + 1];
	struct question question;
	uint32_t count, rc = TPM_RC_SUCCESS;
	int r = 0;

	/* Its answer would be authenticated by the session, which only the TPM can do. */
	if (command->tag == TPM_ST_SESSIONS) {
		*ret_length =
			tpm_response_error(response, TPM_RC_LAYER_RESMGR | TPM_RC_AUTH_CONTEXT);
		return 0;
	}
	if (!parse(command, &question)) {
		*ret_length = tpm_response_error(response, TPM_RC_COMMAND_SIZE);
		return 0;
	}
	if (client == RM_RAW)
		r = list_raw(rm, &question, handles, &count, &rc);
	else
		count = list(rm, client, &question, handles);
	if (!r)
		*ret_length = rc ? tpm_response_error(response, rc)
				 : answer(&question, handles, count, response);
	return r;
}
