// SPDX-License-Identifier: BSD-3-Clause
/*
 * A TPM that can be looked into.
 *
 * Three objects, three loaded sessions of eight, and session contexts that may be
 * sixteen apart: small enough that a few dozen commands meet every limit. It keeps
 * the rules that the resource manager lives by (Part 1, 30; Part 3, 28):
 *
 *	a warning comes before anything happens
 *	a session's context is good once, an object's as often as one likes
 *	the last free session slot is for the oldest context, when the gap is reached
 *	a session without continueSession ends when its command succeeds, and only then
 *
 * Keys have no bits; an id tells one from the other. A response's parameters are the
 * ids and counts of what was used.
 */
#include "rm/test_tpm.h"

#include "base/cursor.h"
#include "wire/command.h"
#include "wire/tpm.h"

#define RC_REFERENCE_H0 0x910
#define RC_INTEGRITY	0x1df
#define RC_PARAMETER	0x1cb
#define RC_SIZE		0x1d5

struct test_tpm test_tpm;

/* A command being executed: its handles, and where its parameters begin. */
struct job {
	struct tpm_command command;
	const struct command_attributes *attributes;
	uint32_t handle[3];
	struct cursor_in in;
	struct cursor_out out;
};

static struct test_object *find_object(uint32_t handle)
{
	uint32_t i = handle - 0x80000000u;

	return i < TEST_TPM_OBJECTS && test_tpm.objects[i].id ? &test_tpm.objects[i] : NULL;
}

static struct test_session *find_session(uint32_t handle)
{
	uint32_t i = handle & 0xffffffu;

	if ((TPM_HT(handle) != TPM_HT_HMAC_SESSION && TPM_HT(handle) != TPM_HT_POLICY_SESSION) ||
	    i >= TEST_TPM_SESSIONS || test_tpm.sessions[i].state == TEST_SESSION_NONE)
		return NULL;
	return &test_tpm.sessions[i];
}

static struct test_session *find_loaded(uint32_t handle)
{
	struct test_session *session = find_session(handle);

	return session && session->state == TEST_SESSION_LOADED && session->handle == handle
		       ? session
		       : NULL;
}

unsigned int test_tpm_loaded(void)
{
	unsigned int count = 0;

	for (size_t i = 0; i < TEST_TPM_SESSIONS; i++)
		count += test_tpm.sessions[i].state == TEST_SESSION_LOADED;
	return count;
}

static const struct test_session *oldest(void)
{
	const struct test_session *found = NULL;

	for (size_t i = 0; i < TEST_TPM_SESSIONS; i++)
		if (test_tpm.sessions[i].state == TEST_SESSION_SAVED &&
		    (!found || test_tpm.sessions[i].number < found->number))
			found = &test_tpm.sessions[i];
	return found;
}

static bool gap_is_reached(void)
{
	return oldest() && test_tpm.saves + 1 - oldest()->number >= TEST_TPM_GAP;
}

static uint32_t session_room(const struct test_session *coming)
{
	unsigned int loaded = test_tpm_loaded();

	if (loaded == TEST_TPM_LOADED)
		return TPM_RC_SESSION_MEMORY;
	if (loaded == TEST_TPM_LOADED - 1 && gap_is_reached() && coming != oldest())
		return TPM_RC_CONTEXT_GAP;
	return TPM_RC_SUCCESS;
}

/* No secret, but what a bit that flips does not survive. */
static uint64_t seal_of(uint64_t number, uint32_t handle, uint32_t id, uint32_t count)
{
	uint64_t x = number * 0x9e3779b97f4a7c15u ^ handle;

	x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u ^ id;
	x = (x ^ x >> 31) * 0x94d049bb133111ebu ^ count;
	return (x ^ x >> 30) * 0x9e3779b97f4a7c15u ^
	       (id & 1) * (test_tpm.clears * 0xd6e8feb86659fd93u);
}

static void put_context(struct job *job, uint64_t number, uint32_t handle, uint32_t id,
			uint32_t count)
{
	cursor_put_u64(&job->out, number);
	cursor_put_u32(&job->out, handle);
	cursor_put_u32(&job->out, 0x40000007);
	cursor_put_u16(&job->out, 16);
	cursor_put_u32(&job->out, id);
	cursor_put_u32(&job->out, count);
	cursor_put_u64(&job->out, seal_of(number, handle, id, count));
}

static uint32_t context_save(struct job *job)
{
	const struct test_object *object = find_object(job->handle[0]);
	struct test_session *session = find_loaded(job->handle[0]);

	if (object) {
		put_context(job, 0, object->sequence ? 0x80000001u : 0x80000000u, object->id,
			    object->count);
		return TPM_RC_SUCCESS;
	}
	if (!session)
		return RC_REFERENCE_H0;
	if (gap_is_reached())
		return TPM_RC_CONTEXT_GAP;
	session->state = TEST_SESSION_SAVED;
	session->number = ++test_tpm.saves;
	put_context(job, session->number, session->handle, 0, session->count);
	return TPM_RC_SUCCESS;
}

static uint32_t new_object(struct job *job, uint32_t id, bool sequence, uint32_t count)
{
	for (uint32_t i = 0; i < TEST_TPM_OBJECTS; i++)
		if (!test_tpm.objects[i].id) {
			test_tpm.objects[i] = (struct test_object){
				.id = id ? id : ++test_tpm.ids,
				.sequence = sequence,
				.count = count,
			};
			cursor_put_u32(&job->out, 0x80000000u + i);
			cursor_put_u32(&job->out, test_tpm.objects[i].id);
			return TPM_RC_SUCCESS;
		}
	return TPM_RC_OBJECT_MEMORY;
}

static uint32_t context_load(struct job *job)
{
	uint64_t number = cursor_get_u64(&job->in);
	uint32_t handle = cursor_get_u32(&job->in);
	uint32_t hierarchy = cursor_get_u32(&job->in);
	uint16_t length = cursor_get_u16(&job->in);
	uint32_t id = cursor_get_u32(&job->in);
	uint32_t count = cursor_get_u32(&job->in);
	uint64_t seal = cursor_get_u64(&job->in);
	struct test_session *session = find_session(handle);
	uint32_t rc;

	if (!cursor_ended(&job->in))
		return RC_SIZE;
	if (seal != seal_of(number, handle, id, count) || hierarchy != 0x40000007 || length != 16)
		return RC_INTEGRITY;
	if (id)
		return new_object(job, id, handle == 0x80000001u, count);
	if (!session || session->state != TEST_SESSION_SAVED || session->number != number)
		return RC_PARAMETER;
	rc = session_room(session);
	if (rc)
		return rc;
	session->state = TEST_SESSION_LOADED;
	session->count = count;
	cursor_put_u32(&job->out, handle);
	return TPM_RC_SUCCESS;
}

static uint32_t flush_context(struct job *job)
{
	uint32_t handle = cursor_get_u32(&job->in);
	struct test_object *object = find_object(handle);
	struct test_session *session = find_session(handle);

	if (!cursor_ended(&job->in))
		return RC_SIZE;
	if (!object && !session)
		return RC_PARAMETER;
	if (object)
		*object = (struct test_object){ 0 };
	if (session)
		*session = (struct test_session){ 0 };
	return TPM_RC_SUCCESS;
}

static uint32_t start_session(struct job *job)
{
	uint8_t type = cursor_get_u8(&job->in);
	uint32_t rc;

	if (!cursor_ended(&job->in) || type > 1)
		return RC_SIZE;
	rc = session_room(NULL);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < TEST_TPM_SESSIONS; i++)
		if (test_tpm.sessions[i].state == TEST_SESSION_NONE) {
			test_tpm.sessions[i] = (struct test_session){
				.state = TEST_SESSION_LOADED,
				.handle = (uint32_t)(TPM_HT_HMAC_SESSION + type) << 24 | i,
			};
			cursor_put_u32(&job->out, test_tpm.sessions[i].handle);
			return TPM_RC_SUCCESS;
		}
	return TPM_RC_SESSION_HANDLES;
}

static uint32_t get_capability(struct job *job)
{
	uint32_t capability = cursor_get_u32(&job->in);
	uint32_t property = cursor_get_u32(&job->in);
	uint32_t most = cursor_get_u32(&job->in);
	size_t at = job->out.used + 5;
	uint32_t count = 0;
	bool saved = TPM_HT(property) == TPM_HT_SAVED_SESSION;

	if (!cursor_ended(&job->in) || capability != TPM_CAP_HANDLES)
		return RC_SIZE;
	cursor_put_u8(&job->out, 0);
	cursor_put_u32(&job->out, capability);
	cursor_put_u32(&job->out, 0);
	for (uint32_t i = property & 0xffffff; i < TEST_TPM_SESSIONS && count < most; i++) {
		const struct test_session *session = &test_tpm.sessions[i];

		if (TPM_HT(property) == TPM_HT_TRANSIENT) {
			if (i >= TEST_TPM_OBJECTS || !test_tpm.objects[i].id)
				continue;
			cursor_put_u32(&job->out, 0x80000000u + i);
		} else {
			if (session->state != (saved ? TEST_SESSION_SAVED : TEST_SESSION_LOADED))
				continue;
			cursor_put_u32(&job->out, saved ? 0x02000000 + i : session->handle);
		}
		count++;
	}
	cursor_patch_u32(&job->out, at, count);
	return TPM_RC_SUCCESS;
}

/* Objects of odd ids are the owner's. */
static uint32_t clear(void)
{
	for (size_t i = 0; i < TEST_TPM_OBJECTS; i++)
		if (test_tpm.objects[i].id & 1)
			test_tpm.objects[i] = (struct test_object){ 0 };
	test_tpm.clears++;
	return TPM_RC_SUCCESS;
}

static uint32_t use_objects(struct job *job)
{
	for (size_t i = 0; i < job->attributes->handles; i++) {
		struct test_object *object = find_object(job->handle[i]);

		if (job->command.code == TEST_CC_UPDATE && object->sequence)
			object->count++;
		cursor_put_u32(&job->out, object->id);
		cursor_put_u32(&job->out, object->count);
		if (job->command.code == TEST_CC_COMPLETE)
			*object = (struct test_object){ 0 };
	}
	return TPM_RC_SUCCESS;
}

static uint32_t use_session(struct job *job)
{
	struct test_session *session = find_loaded(job->handle[0]);

	if (!session)
		return TPM_RC_HANDLE + TPM_RC_1;
	session->count += job->command.code == TEST_CC_POLICY;
	cursor_put_u32(&job->out, session->count);
	return TPM_RC_SUCCESS;
}

static uint32_t dispatch(struct job *job)
{
	switch (job->command.code) {
	case TPM_CC_CONTEXT_SAVE:
		return context_save(job);
	case TPM_CC_CONTEXT_LOAD:
		return context_load(job);
	case TPM_CC_FLUSH_CONTEXT:
		return flush_context(job);
	case TPM_CC_GET_CAPABILITY:
		return get_capability(job);
	case TEST_CC_CREATE_PRIMARY:
		return new_object(job, 0, false, 0);
	case TEST_CC_HASH_START:
		return new_object(job, 0, true, 0);
	case TEST_CC_START_SESSION:
		return start_session(job);
	case TEST_CC_CLEAR:
		return clear();
	case TEST_CC_POLICY:
	case TEST_CC_GET_DIGEST:
		return use_session(job);
	case TEST_CC_CERTIFY:
	case TEST_CC_COMPLETE:
	case TEST_CC_READ_PUBLIC:
	case TEST_CC_UPDATE:
		return use_objects(job);
	default:
		return TPM_RC_COMMAND_CODE;
	}
}

static uint32_t take_handles(struct job *job)
{
	job->in = cursor_in(job->command.bytes, job->command.size);
	cursor_get_bytes(&job->in, TPM_HEAD_SIZE);
	for (size_t i = 0; i < job->attributes->handles; i++) {
		uint32_t handle = job->handle[i] = cursor_get_u32(&job->in);

		if (job->in.bad)
			return 0x19a + (uint32_t)i * TPM_RC_1;
		if (TPM_HT(handle) == TPM_HT_TRANSIENT ? !find_object(handle)
		    : job->command.code != TEST_CC_CREATE_PRIMARY &&
				    job->command.code != TEST_CC_START_SESSION &&
				    job->command.code != TEST_CC_CLEAR
			    ? !find_loaded(handle)
			    : false)
			return RC_REFERENCE_H0 + (uint32_t)i;
	}
	return TPM_RC_SUCCESS;
}

/* What the command's own kind of handle is, after it is known that there is something. */
static uint32_t check_kinds(const struct job *job)
{
	uint32_t code = job->command.code;
	bool objects = code == TEST_CC_CERTIFY || code == TEST_CC_COMPLETE ||
		       code == TEST_CC_READ_PUBLIC || code == TEST_CC_UPDATE;

	for (size_t i = 0; objects && i < job->attributes->handles; i++)
		if (!find_object(job->handle[i]))
			return TPM_RC_HANDLE + (uint32_t)(i + 1) * TPM_RC_1;
	if (code == TEST_CC_COMPLETE && !find_object(job->handle[0])->sequence)
		return TPM_RC_HANDLE + TPM_RC_1;
	return TPM_RC_SUCCESS;
}

/* Each session once, all of them loaded; none for the commands about contexts. */
static uint32_t check_sessions(struct job *job, struct test_session *ends[3])
{
	struct cursor_in area = command_session_area(&job->command, job->attributes);
	struct command_session found;
	uint32_t seen = 0, code = job->command.code;
	size_t i;

	if (job->command.tag == TPM_ST_SESSIONS &&
	    (code == TPM_CC_CONTEXT_SAVE || code == TPM_CC_CONTEXT_LOAD ||
	     code == TPM_CC_FLUSH_CONTEXT))
		return TPM_RC_AUTH_CONTEXT;
	for (i = 0; command_next_session(&area, &found); i++) {
		struct test_session *session = find_loaded(found.handle);
		uint32_t bit = 1u << (found.handle & 31);

		if (i == 3)
			return TPM_RC_AUTHSIZE;
		if (found.handle == TPM_RS_PW)
			continue;
		if (!session)
			return TPM_RC_REFERENCE_S0 + (uint32_t)i;
		if (seen & bit)
			return TPM_RC_HANDLE;
		seen |= bit;
		if (!(found.attributes & TPMA_SESSION_CONTINUE))
			ends[i] = session;
	}
	if (area.bad || (job->command.tag == TPM_ST_SESSIONS && !i))
		return TPM_RC_AUTHSIZE;
	if (job->command.tag == TPM_ST_SESSIONS)
		cursor_get_bytes(&job->in, cursor_get_u32(&job->in));
	return TPM_RC_SUCCESS;
}

static uint32_t execute(struct job *job)
{
	struct test_session *ends[3] = { 0 };
	uint32_t rc = take_handles(job);

	if (!rc)
		rc = check_sessions(job, ends);
	if (!rc)
		rc = check_kinds(job);
	if (!rc)
		rc = dispatch(job);
	for (size_t i = 0; !rc && i < 3; i++)
		if (ends[i])
			*ends[i] = (struct test_session){ 0 };
	return rc;
}

int test_tpm_run(uint8_t locality, const uint8_t *command, size_t length, uint8_t *response,
		 size_t room, size_t *ret_length)
{
	struct test_fault *fault = &test_tpm.fault;
	struct job job = { .out = cursor_out(response, room) };
	bool hits;
	uint32_t rc;

	(void)locality;
	rc = tpm_command_parse(command, length, &job.command);
	hits = !rc && fault->code && fault->code == job.command.code && !fault->hit;
	fault->hit |= hits;
	if (hits && fault->error && !fault->late)
		return fault->error;
	if (!rc && hits && !fault->error)
		rc = fault->rc;
	if (!rc)
		job.attributes = command_find(job.command.code);
	if (!rc && !job.attributes)
		rc = TPM_RC_COMMAND_CODE;
	cursor_put_u16(&job.out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&job.out, 0);
	cursor_put_u32(&job.out, TPM_RC_SUCCESS);
	if (!rc)
		rc = execute(&job);
	cursor_patch_u32(&job.out, 2, (uint32_t)job.out.used);
	*ret_length = rc ? tpm_response_error(response, rc) : job.out.used;
	return hits ? fault->error : 0;
}
