// SPDX-License-Identifier: BSD-3-Clause
/*
 * One command of one client:
 *
 *	find → bring in → (handles of the TPM) → run → (again, after making room) → settle
 *
 * find() looks at every handle that a command can name: those before the session
 * area, those in it, and the parameter of FlushContext, which is one in all but name.
 * What is not the client's is answered as the TPM core's resource manager answers it,
 * where that one says anything; for sessions, as a TPM does that does not have them.
 *
 * A warning of the TPM comes before anything has changed in it, so that the command
 * can run again as it is.
 */
#include "base/cursor.h"
#include "base/secret.h"
#include "rm/capability.h"
#include "rm/context.h"
#include "rm/swap.h"
#include "rm/table.h"

#define HANDLES_MAX  3
#define SESSIONS_MAX 3

/**
 * struct call - a command on its way
 * @rm: resource manager
 * @client: whose it is
 * @locality: of it
 * @command: as it came
 * @attributes: its row
 * @handles: how many it names
 * @handle: those, as they came
 * @object: the objects among them
 * @session: the sessions among them, and then those of the session area
 * @ends: the session of that place ends with this command
 * @response: where to
 * @length: bytes of it
 */
struct call {
	struct rm *rm;
	uint64_t client;
	uint8_t locality;
	const struct tpm_command *command;
	const struct command_attributes *attributes;
	size_t handles;
	uint32_t handle[HANDLES_MAX];
	struct rm_object *object[HANDLES_MAX];
	struct rm_session *session[HANDLES_MAX + SESSIONS_MAX];
	bool ends[HANDLES_MAX + SESSIONS_MAX];
	uint8_t *response;
	size_t length;
};

static void respond(struct call *call, uint32_t rc)
{
	call->length = tpm_response_error(call->response, rc);
}

/* Part 2, 6.6.2: the complaint about handle or parameter number @i */
static uint32_t of_handle(size_t i)
{
	return TPM_RC_HANDLE + (uint32_t)(i + 1) * TPM_RC_1;
}

static uint32_t of_parameter(void)
{
	return TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1;
}

static bool flushes_context(const struct call *call)
{
	return call->command->code == TPM_CC_FLUSH_CONTEXT;
}

/* Which client a session is refused to: the raw node everything, others what is not theirs. */
static uint32_t find_session(struct call *call, uint32_t handle, size_t place, uint32_t unknown,
			     uint32_t saved)
{
	struct rm_session *session = rm_session_find(call->rm, handle);

	if (call->client == RM_RAW)
		return session ? unknown : TPM_RC_SUCCESS;
	if (!session || session->client != call->client ||
	    (session->handle != handle && !flushes_context(call)))
		return unknown;
	if (rm_session_is_given(session) && !flushes_context(call))
		return saved;
	session->used = call->rm->now;
	call->session[place] = session;
	return TPM_RC_SUCCESS;
}

static int find_handle(struct call *call, size_t i, uint32_t *ret_rc)
{
	uint32_t handle = call->handle[i];

	*ret_rc = TPM_RC_SUCCESS;
	if (rm_is_session(handle)) {
		*ret_rc = find_session(call, handle, i,
				       flushes_context(call) ? of_parameter() : of_handle(i),
				       TPM_RC_REFERENCE_H0 + (uint32_t)i);
		return 0;
	}
	if (TPM_HT(handle) != TPM_HT_TRANSIENT)
		return 0;
	if (call->client == RM_RAW) {
		if (rm_object_at(call->rm, handle))
			*ret_rc = flushes_context(call) ? of_parameter()
							: TPM_RC_REFERENCE_H0 + (uint32_t)i;
		return 0;
	}
	call->object[i] = rm_object_find(call->rm, call->client, handle);
	if (!call->object[i])
		return RM_E_HANDLE;
	call->object[i]->used = call->rm->now;
	return 0;
}

static int find_handles(struct call *call, uint32_t *ret_rc)
{
	struct cursor_in in = cursor_in(call->command->bytes, call->command->size);
	int r = 0;

	call->handles = flushes_context(call) ? 1 : call->attributes->handles;
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	for (size_t i = 0; i < call->handles; i++)
		call->handle[i] = cursor_get_u32(&in);
	*ret_rc = TPM_RC_SUCCESS;
	if (in.bad && call->client != RM_RAW)
		return RM_E_HANDLE;
	/* The TPM misses the same handles, and has the words for it. */
	if (in.bad)
		call->handles = 0;
	for (size_t i = 0; !r && !*ret_rc && i < call->handles; i++)
		r = find_handle(call, i, ret_rc);
	return r;
}

static uint32_t find_sessions(struct call *call)
{
	struct cursor_in area = command_session_area(call->command, call->attributes);
	struct command_session session;
	uint32_t rc;

	for (size_t i = 0; command_next_session(&area, &session); i++) {
		uint32_t absent = TPM_RC_REFERENCE_S0 + (uint32_t)i;

		if (i == SESSIONS_MAX)
			return TPM_RC_AUTHSIZE;
		if (!rm_is_session(session.handle))
			continue;
		rc = find_session(call, session.handle, HANDLES_MAX + i, absent, absent);
		if (rc)
			return rc;
		call->ends[HANDLES_MAX + i] = !(session.attributes & TPMA_SESSION_CONTINUE);
	}
	/* What we cannot read we cannot answer for. */
	return area.bad ? TPM_RC_AUTHSIZE : TPM_RC_SUCCESS;
}

static int find(struct call *call, uint32_t *ret_rc)
{
	int r = find_handles(call, ret_rc);

	if (!r && !*ret_rc)
		*ret_rc = find_sessions(call);
	return r;
}

static uint32_t check_limits(const struct call *call)
{
	uint16_t flags = call->attributes->flags;

	if ((flags & COMMAND_MAKES_OBJECT) && !rm_object_may_add(call->rm, call->client))
		return TPM_RC_LAYER_RESMGR | TPM_RC_OBJECT_MEMORY;
	if ((flags & COMMAND_MAKES_SESSION) && !rm_session_may_add(call->rm, call->client))
		return TPM_RC_LAYER_RESMGR | TPM_RC_SESSION_HANDLES;
	return TPM_RC_SUCCESS;
}

/* A TPM that has no room for what the client has already is not the client's fault. */
static uint32_t layered(uint32_t rc)
{
	return rc ? TPM_RC_LAYER_RESMGR | rc : TPM_RC_SUCCESS;
}

static int bring_in(struct call *call, uint32_t *ret_rc)
{
	int r = 0;

	*ret_rc = TPM_RC_SUCCESS;
	for (size_t i = 0; !r && !*ret_rc && i < HANDLES_MAX; i++)
		if (call->object[i]) {
			r = rm_object_in(call->rm, call->object[i], ret_rc);
			if (!r && *ret_rc && !call->object[i]->client)
				return RM_E_HANDLE;
		}
	for (size_t i = 0; !r && !*ret_rc && i < HANDLES_MAX + SESSIONS_MAX; i++)
		if (call->session[i])
			r = rm_session_in(call->rm, call->session[i], ret_rc);
	*ret_rc = layered(*ret_rc);
	return r;
}

static int run_once(struct call *call)
{
	struct rm *rm = call->rm;
	struct cursor_out out = cursor_out(rm->command, sizeof(rm->command));

	cursor_put_raw(&out, call->command->bytes, call->command->size);
	for (size_t i = 0; i < call->handles; i++)
		if (call->object[i])
			cursor_patch_u32(&out, TPM_HEAD_SIZE + 4 * i, call->object[i]->loaded);
	return rm->execute(call->locality, rm->command, out.used, call->response, RM_COMMAND_SIZE,
			   &call->length);
}

static int run(struct call *call, uint32_t *ret_rc)
{
	bool helped = true;
	int r = 0;

	for (int i = 0; !r && helped && i < RM_TRIES; i++) {
		r = run_once(call);
		if (r)
			break;
		*ret_rc = tpm_response_code(call->response, call->length);
		r = rm_relieve(call->rm, *ret_rc, &helped);
	}
	return r;
}

static uint32_t response_handle(const struct call *call)
{
	struct cursor_in in = cursor_in(call->response, call->length);

	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	return cursor_get_u32(&in);
}

/* What an entry claims and the TPM has just given to somebody is out of date. */
static void forget_claim(struct rm *rm, uint32_t handle)
{
	struct rm_object *object;
	struct rm_session *session;

	if (rm_is_session(handle)) {
		session = rm_session_find(rm, handle);
		if (session)
			rm_session_forget(rm, session);
		return;
	}
	object = rm_object_at(rm, handle);
	if (object)
		rm_object_forget(rm, object);
}

static int settle_new(struct call *call)
{
	uint32_t handle = response_handle(call);
	struct rm_object *object;
	struct cursor_out out;

	forget_claim(call->rm, handle);
	if (call->client == RM_RAW)
		return 0;
	if (rm_is_session(handle)) {
		if (rm_session_add(call->rm, call->client, handle))
			return 0;
		respond(call, TPM_RC_LAYER_RESMGR | TPM_RC_SESSION_HANDLES);
		return rm_flush(call->rm, handle);
	}
	object = rm_object_add(call->rm, call->client, handle);
	if (!object) {
		respond(call, TPM_RC_LAYER_RESMGR | TPM_RC_OBJECT_MEMORY);
		return rm_flush(call->rm, handle);
	}
	out = cursor_out(call->response, call->length);
	out.used = call->length;
	cursor_patch_u32(&out, TPM_HEAD_SIZE, object->handle);
	return 0;
}

/* The client has saved it: the TPM has it no more, we keep what the client was given. */
static int settle_given(struct call *call, struct rm_session *session)
{
	const uint8_t *context = call->response + TPM_HEAD_SIZE;
	size_t length = call->length - TPM_HEAD_SIZE;

	if (!rm_digest(context, length, session->given) ||
	    !rm_context_keep(call->rm, &session->context, context, length)) {
		uint32_t handle = session->handle;

		rm_session_forget(call->rm, session);
		respond(call, TPM_RC_LAYER_RESMGR | TPM_RC_MEMORY);
		return rm_flush(call->rm, handle);
	}
	session->sequence = rm_context_sequence(context, length);
	session->state = RM_SESSION_SWAPPED;
	return 0;
}

static void settle_flushed(struct call *call)
{
	if (call->object[0])
		rm_object_forget(call->rm, call->object[0]);
	if (call->session[0])
		rm_session_forget(call->rm, call->session[0]);
	call->session[0] = NULL;
}

static int settle(struct call *call, uint32_t rc)
{
	uint16_t flags = call->attributes->flags;

	if (rc == TPM_RC_COMMAND_CODE && call->client != RM_RAW)
		respond(call, RM_COMMAND_CODE);
	if (rc)
		return 0;
	for (size_t i = HANDLES_MAX; i < HANDLES_MAX + SESSIONS_MAX; i++)
		/* Named twice, it ends once. */
		if (call->session[i] && call->ends[i] &&
		    call->session[i]->state != RM_SESSION_NONE)
			rm_session_forget(call->rm, call->session[i]);
	if (call->command->code == TPM_CC_CONTEXT_SAVE && call->session[0])
		return settle_given(call, call->session[0]);
	if (flushes_context(call))
		settle_flushed(call);
	if ((flags & COMMAND_ENDS_SEQUENCE) && call->object[call->handles - 1])
		rm_object_forget(call->rm, call->object[call->handles - 1]);
	if (flags & (COMMAND_MAKES_OBJECT | COMMAND_MAKES_SESSION))
		return settle_new(call);
	return flags & COMMAND_FLUSHES ? rm_resync(call->rm) : 0;
}

/* An object that is not loaded is nowhere but here. */
static bool flush_saved(struct call *call)
{
	if (!flushes_context(call) || !call->object[0] || call->object[0]->loaded)
		return false;
	if (call->command->size != TPM_HEAD_SIZE + 4) {
		respond(call, TPM_RC_SIZE);
		return true;
	}
	rm_object_forget(call->rm, call->object[0]);
	respond(call, TPM_RC_SUCCESS);
	return true;
}

static int run_with_handles(struct call *call)
{
	uint32_t rc;
	int r = find(call, &rc);

	if (!r && !rc && call->client != RM_RAW)
		rc = check_limits(call);
	if (!r && !rc && flush_saved(call))
		return 0;
	/* The TPM flushes a saved session as well. */
	if (!r && !rc && !flushes_context(call))
		r = bring_in(call, &rc);
	if (r)
		return r;
	if (rc) {
		respond(call, rc);
		return 0;
	}
	r = run(call, &rc);
	return r ? r : settle(call, rc);
}

static void respond_with_handle(struct call *call, uint32_t handle)
{
	struct cursor_out out = cursor_out(call->response, RM_COMMAND_SIZE);

	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, TPM_HEAD_SIZE + 4);
	cursor_put_u32(&out, TPM_RC_SUCCESS);
	cursor_put_u32(&out, handle);
	call->length = out.used;
}

/* What a client was given is taken back; the context that goes in is the one of now. */
static int take_back(struct call *call, struct rm_session *session)
{
	uint32_t rc;
	int r;

	session->used = call->rm->now;
	r = rm_session_in(call->rm, session, &rc);
	if (r)
		return r;
	if (rc) {
		respond(call, rc == TPM_RC_SESSION_MEMORY ? layered(rc) : of_parameter());
		return 0;
	}
	secret_wipe(session->given, sizeof(session->given));
	respond_with_handle(call, session->handle);
	return 0;
}

/* Part 2, 14.5 TPMS_CONTEXT: sequence u64 | savedHandle u32 | hierarchy u32 | contextBlob */
static int load_context(struct call *call)
{
	const uint8_t *context = call->command->bytes + TPM_HEAD_SIZE;
	size_t length = call->command->size - TPM_HEAD_SIZE;
	struct cursor_in in = cursor_in(context, length);
	struct rm_session *session;
	uint8_t digest[RM_DIGEST_SIZE];
	uint32_t handle, rc;
	int r;

	cursor_get_u64(&in);
	handle = cursor_get_u32(&in);
	session = rm_is_session(handle) ? rm_session_find(call->rm, handle) : NULL;
	if (session && (call->client != session->client || call->command->tag == TPM_ST_SESSIONS ||
			!rm_digest(context, length, digest) ||
			!secret_equal(digest, session->given, sizeof(digest)))) {
		respond(call, of_parameter());
		return 0;
	}
	if (session)
		return take_back(call, session);
	rc = TPM_RC_SUCCESS;
	if (call->client != RM_RAW && rm_is_session(handle) &&
	    !rm_session_may_add(call->rm, call->client))
		rc = TPM_RC_LAYER_RESMGR | TPM_RC_SESSION_HANDLES;
	else if (call->client != RM_RAW && !rm_is_session(handle) &&
		 !rm_object_may_add(call->rm, call->client))
		rc = TPM_RC_LAYER_RESMGR | TPM_RC_OBJECT_MEMORY;
	if (rc) {
		respond(call, rc);
		return 0;
	}
	r = run(call, &rc);
	return r || rc ? r : settle_new(call);
}

static int dispatch(struct call *call)
{
	if (!call->attributes) {
		if (call->client == RM_RAW)
			return run_once(call);
		respond(call, RM_COMMAND_CODE);
		return 0;
	}
	if (call->command->code == TPM_CC_GET_CAPABILITY && rm_capability_is_ours(call->command))
		return rm_capability(call->rm, call->client, call->command, call->response,
				     &call->length);
	if (call->command->code == TPM_CC_CONTEXT_LOAD)
		return load_context(call);
	return run_with_handles(call);
}

int rm_run(struct rm *rm, uint64_t client, uint8_t locality, const struct tpm_command *command,
	   const struct command_attributes *attributes, uint8_t *response, size_t *ret_length)
{
	struct call call = {
		.rm = rm,
		.client = client,
		.locality = locality,
		.command = command,
		.attributes = attributes,
		.response = response,
	};
	int r;

	/* Nobody's anything is in the way. */
	if (client == RM_RAW && rm_is_empty(rm))
		return rm->execute(locality, command->bytes, command->size, response,
				   RM_COMMAND_SIZE, ret_length);
	rm->now++;
	r = dispatch(&call);
	if (!r)
		*ret_length = call.length;
	return r;
}

int rm_close(struct rm *rm, uint64_t client)
{
	int r = 0;

	for (size_t i = 0; !r && i < RM_SESSIONS; i++) {
		struct rm_session *session = &rm->sessions[i];

		if (session->state == RM_SESSION_NONE || session->client != client)
			continue;
		r = rm_flush(rm, session->handle);
		if (!r)
			rm_session_forget(rm, session);
	}
	for (size_t i = 0; !r && i < RM_OBJECTS; i++) {
		struct rm_object *object = &rm->objects[i];

		if (!object->client || object->client != client)
			continue;
		if (object->loaded)
			r = rm_flush(rm, object->loaded);
		if (!r)
			rm_object_forget(rm, object);
	}
	return r;
}

void rm_published(struct rm *rm)
{
	rm->published++;
	rm->changed = false;
}
