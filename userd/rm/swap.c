// SPDX-License-Identifier: BSD-3-Clause
/*
 * In and out: the resource manager's own commands.
 *
 * The TPM numbers the contexts of sessions and refuses to go on when the oldest one
 * that is still out is too far back (TPM_RC_CONTEXT_GAP; Part 1, 30.5). The way out is
 * to load that one and save it again. The TPM keeps its last session slot free for
 * just that, so it can be done whenever it has to be.
 */
#include "rm/swap.h"

#include <errno.h>

#include "base/cursor.h"
#include "rm/context.h"
#include "rm/table.h"

/* Part 2, 14.3: savedHandle of a sequence object */
#define SAVED_SEQUENCE 0x80000001u

/* Part 2, 6.6.3: the warnings that rm_relieve() knows a remedy for */
static bool is_shortage(uint32_t rc)
{
	return rc == TPM_RC_OBJECT_MEMORY || rc == TPM_RC_SESSION_MEMORY || rc == TPM_RC_MEMORY ||
	       rc == TPM_RC_CONTEXT_GAP;
}

static int give(struct rm *rm, size_t length, uint32_t *ret_rc)
{
	int r = rm->execute(0, rm->command, length, rm->response, sizeof(rm->response),
			    &rm->length);

	if (!r)
		*ret_rc = tpm_response_code(rm->response, rm->length);
	return r;
}

static struct cursor_out begin(struct rm *rm, uint32_t code, size_t parameters)
{
	struct cursor_out out = cursor_out(rm->command, sizeof(rm->command));

	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, (uint32_t)(TPM_HEAD_SIZE + parameters));
	cursor_put_u32(&out, code);
	return out;
}

static int give_handle(struct rm *rm, uint32_t code, uint32_t handle, uint32_t *ret_rc)
{
	struct cursor_out out = begin(rm, code, 4);

	cursor_put_u32(&out, handle);
	return give(rm, out.used, ret_rc);
}

int rm_flush(struct rm *rm, uint32_t handle)
{
	uint32_t rc;

	return give_handle(rm, TPM_CC_FLUSH_CONTEXT, handle, &rc);
}

uint64_t rm_context_sequence(const uint8_t *context, size_t length)
{
	struct cursor_in in = cursor_in(context, length);

	return cursor_get_u64(&in);
}

/* The response of the ContextSave just given: sequence u64 | savedHandle u32 | ... */
static uint32_t saved_handle(const struct rm *rm)
{
	struct cursor_in in = cursor_in(rm->response, rm->length);

	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	cursor_get_u64(&in);
	return cursor_get_u32(&in);
}

static int save(struct rm *rm, uint32_t handle, struct rm_context *context, uint32_t *ret_rc)
{
	int r = give_handle(rm, TPM_CC_CONTEXT_SAVE, handle, ret_rc);

	if (r || *ret_rc)
		return r;
	if (!rm_context_keep(rm, context, rm->response + TPM_HEAD_SIZE, rm->length - TPM_HEAD_SIZE))
		*ret_rc = TPM_RC_MEMORY;
	return 0;
}

static int load(struct rm *rm, const struct rm_context *context, uint32_t *ret_rc)
{
	struct cursor_out out = begin(rm, TPM_CC_CONTEXT_LOAD, context->length);

	if (out.used + context->length > sizeof(rm->command) ||
	    !rm_context_fetch(rm, context, rm->response)) {
		*ret_rc = TPM_RC_HANDLE;
		return 0;
	}
	cursor_put_raw(&out, rm->response, context->length);
	return give(rm, out.used, ret_rc);
}

static uint32_t returned_handle(const struct rm *rm)
{
	struct cursor_in in = cursor_in(rm->response, rm->length);

	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	return cursor_get_u32(&in);
}

static int object_out(struct rm *rm, struct rm_object *object, bool *ret_done)
{
	uint32_t rc = TPM_RC_SUCCESS;
	int r = 0;

	if (object->sequence || !object->context.length) {
		r = save(rm, object->loaded, &object->context, &rc);
		if (!r && !rc)
			object->sequence = saved_handle(rm) == SAVED_SEQUENCE;
	}
	if (!r && !rc)
		r = give_handle(rm, TPM_CC_FLUSH_CONTEXT, object->loaded, &rc);
	*ret_done = !r && !rc;
	if (*ret_done)
		object->loaded = 0;
	return r;
}

static int session_out(struct rm *rm, struct rm_session *session, uint32_t *ret_rc)
{
	struct rm_context context = { 0 };
	uint32_t handle = session->handle;
	int r = save(rm, handle, &context, ret_rc);

	if (!r && *ret_rc == TPM_RC_MEMORY && rm->length > TPM_HEAD_SIZE) {
		/* It is out, and nowhere: without a slot that session is lost. */
		rm_session_forget(rm, session);
		return rm_flush(rm, handle);
	}
	if (r || *ret_rc)
		return r;
	session->context = context;
	session->sequence =
		rm_context_sequence(rm->response + TPM_HEAD_SIZE, rm->length - TPM_HEAD_SIZE);
	session->state = RM_SESSION_SWAPPED;
	return 0;
}

static int any_object_out(struct rm *rm, bool *ret_done)
{
	struct rm_object *oldest = NULL;

	for (struct rm_object *object = rm->objects; object < rm->objects + rm->top; object++)
		if (object->client && object->loaded && object->used != rm->now &&
		    (!oldest || object->used < oldest->used))
			oldest = object;
	*ret_done = false;
	return oldest ? object_out(rm, oldest, ret_done) : 0;
}

static unsigned int loaded_objects(const struct rm *rm)
{
	unsigned int loaded = 0;

	for (size_t i = 0; i < rm->top; i++)
		loaded += rm->objects[i].client && rm->objects[i].loaded;
	return loaded;
}

/*
 * A ContextLoad that finds no room costs as much as one that does: the TPM looks for it
 * last. So where it was full before it is taken to be full again. Now and then it is
 * asked, for the raw node may have left.
 */
static int make_room(struct rm *rm)
{
	unsigned int loaded = loaded_objects(rm);
	bool done = true;
	int r = 0;

	if (rm->now % RM_ASK_AGAIN == 0)
		rm->full = 0;
	while (!r && done && rm->full && loaded-- >= rm->full)
		r = any_object_out(rm, &done);
	return r;
}

static struct rm_session *idle_session(struct rm *rm)
{
	struct rm_session *oldest = NULL;

	for (struct rm_session *session = rm->sessions; session < rm->sessions + RM_SESSIONS;
	     session++)
		if (session->state == RM_SESSION_LOADED && session->used != rm->now &&
		    (!oldest || session->used < oldest->used))
			oldest = session;
	return oldest;
}

static struct rm_session *oldest_context(struct rm *rm)
{
	struct rm_session *oldest = NULL;

	for (struct rm_session *session = rm->sessions; session < rm->sessions + RM_SESSIONS;
	     session++)
		if (session->context.length && (!oldest || session->sequence < oldest->sequence))
			oldest = session;
	return oldest;
}

/* Load the oldest context and save it again; the last slot is kept free for it. */
static int close_gap(struct rm *rm, bool *ret_done)
{
	struct rm_session *oldest = oldest_context(rm);
	uint32_t rc;
	int r;

	*ret_done = false;
	if (!oldest)
		return 0;
	r = load(rm, &oldest->context, &rc);
	if (r || rc)
		return r;
	rm_context_drop(rm, &oldest->context);
	oldest->state = RM_SESSION_LOADED;
	r = session_out(rm, oldest, &rc);
	*ret_done = !r && !rc;
	return r;
}

static int any_session_out(struct rm *rm, bool *ret_done)
{
	struct rm_session *session = idle_session(rm);
	uint32_t rc;
	int r;

	*ret_done = false;
	if (!session)
		return 0;
	r = session_out(rm, session, &rc);
	if (!r && rc == TPM_RC_CONTEXT_GAP)
		return close_gap(rm, ret_done);
	*ret_done = !r && !rc;
	return r;
}

int rm_relieve(struct rm *rm, uint32_t rc, bool *ret_helped)
{
	bool also = false;
	int r = 0;

	*ret_helped = false;
	if (rc == TPM_RC_CONTEXT_GAP)
		return close_gap(rm, ret_helped);
	if (rc == TPM_RC_OBJECT_MEMORY)
		rm->full = loaded_objects(rm);
	if (rc == TPM_RC_OBJECT_MEMORY || rc == TPM_RC_MEMORY)
		r = any_object_out(rm, ret_helped);
	if (!r && (rc == TPM_RC_SESSION_MEMORY || rc == TPM_RC_MEMORY))
		r = any_session_out(rm, &also);
	*ret_helped |= also;
	return r;
}

/* Load, making room as often as that helps. */
static int load_somehow(struct rm *rm, const struct rm_context *context, uint32_t *ret_rc)
{
	bool helped = true;
	int r = 0;

	for (int i = 0; !r && helped && i < RM_TRIES; i++) {
		r = load(rm, context, ret_rc);
		if (r || !is_shortage(*ret_rc))
			break;
		r = rm_relieve(rm, *ret_rc, &helped);
	}
	return r;
}

int rm_object_in(struct rm *rm, struct rm_object *object, uint32_t *ret_rc)
{
	int r;

	*ret_rc = TPM_RC_SUCCESS;
	if (object->loaded)
		return 0;
	r = make_room(rm);
	if (!r)
		r = load_somehow(rm, &object->context, ret_rc);
	if (r || is_shortage(*ret_rc))
		return r;
	if (*ret_rc)
		rm_object_forget(rm, object);
	else
		object->loaded = returned_handle(rm);
	return 0;
}

int rm_session_in(struct rm *rm, struct rm_session *session, uint32_t *ret_rc)
{
	int r;

	*ret_rc = TPM_RC_SUCCESS;
	if (session->state == RM_SESSION_LOADED)
		return 0;
	r = load_somehow(rm, &session->context, ret_rc);
	if (r || is_shortage(*ret_rc))
		return r;
	if (*ret_rc) {
		uint32_t handle = session->handle;

		rm_session_forget(rm, session);
		return rm_flush(rm, handle);
	}
	/* The TPM takes a session's context once. */
	rm_context_drop(rm, &session->context);
	session->state = RM_SESSION_LOADED;
	return 0;
}

static bool lists(struct cursor_in in, uint32_t count, uint32_t handle)
{
	while (count-- && !in.bad)
		if (cursor_get_u32(&in) == handle)
			return true;
	return false;
}

int rm_resync(struct rm *rm)
{
	struct cursor_out out = begin(rm, TPM_CC_GET_CAPABILITY, 12);
	struct cursor_in in;
	uint32_t count, rc;
	int r;

	cursor_put_u32(&out, TPM_CAP_HANDLES);
	cursor_put_u32(&out, (uint32_t)TPM_HT_TRANSIENT << 24);
	cursor_put_u32(&out, RM_OBJECTS);
	r = give(rm, out.used, &rc);
	if (r || rc)
		return r;
	/* Part 3, 30.2: moreData u8 | capability u32 | TPML_HANDLE */
	in = cursor_in(rm->response, rm->length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 5);
	count = cursor_get_u32(&in);
	for (struct rm_object *object = rm->objects; object < rm->objects + rm->top; object++)
		if (object->client && object->loaded && !lists(in, count, object->loaded))
			rm_object_forget(rm, object);
	return 0;
}
