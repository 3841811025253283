// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what an engine does with frames: those of a driver that may say anything, with
 * commands of several clients. Policy, resource manager, publish and commit are the real
 * ones; the TPM is that of the tests, and the store's disk is full now and then.
 *
 *	input	{ kind, node, client, flags, id, length | body } ...
 *
 * A byte of an id chooses: the one of before (a redelivery), none, or the next one, and
 * what no driver sends. What must hold: each frame but a WAKE has one answer, with its id; a
 * command's is a whole response or a known errno; a command that the unit names is answered
 * with the bytes of before; only a frame that is none ends the service.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/engine.h"
#include "engine/tpmlib.h"
#include "rm/test_tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine engine;
static struct cursor_in input;
static uint64_t id;
static bool expects_answer, is_stored;
static uint8_t before[VTPM_COMMAND_SIZE];
static size_t before_length;
static uint64_t before_id;

/* ------------------------------------------------------------------ instead of libtpms */

static size_t respond(uint8_t *to, size_t room, bool lists)
{
	struct cursor_out out = cursor_out(to, room);

	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, TPM_HEAD_SIZE + (lists ? 9 : 0));
	cursor_put_u32(&out, TPM_RC_SUCCESS);
	for (int i = 0; lists && i < 9; i++)
		cursor_put_u8(&out, 0);
	return out.used;
}

int tpmlib_run(uint8_t locality, const uint8_t *command, size_t length, uint8_t *response,
	       size_t room, size_t *ret_length)
{
	struct cursor_in in = cursor_in(command, length);
	uint32_t code, capability;
	int r;

	cursor_get_bytes(&in, TPM_HEAD_SIZE - 4);
	code = cursor_get_u32(&in);
	capability = cursor_get_u32(&in);
	if (code == TPM_CC_STIR_RANDOM ||
	    (code == TPM_CC_GET_CAPABILITY && capability == TPM_CAP_AUDIT_COMMANDS)) {
		*ret_length = respond(response, room, code == TPM_CC_GET_CAPABILITY);
		return 0;
	}
	r = test_tpm_run(locality, command, length, response, room, ret_length);
	if (!r && code == TEST_CC_CLEAR && !tpm_response_code(response, *ret_length))
		is_stored = true;
	return r;
}

int tpmlib_volatile(struct tpmlib_blob *ret)
{
	ret->length = sizeof(test_tpm);
	ret->bytes = malloc(ret->length);
	return cursor_copy(ret->bytes, ret->length, &test_tpm, sizeof(test_tpm)) ? 0 : -EIO;
}

void tpmlib_blob_done(struct tpmlib_blob *blob)
{
	free(blob->bytes);
}

int tpmlib_resume(const uint8_t *permanent, size_t permanent_length, const uint8_t *volatile_state,
		  size_t volatile_length)
{
	if (!permanent_length || permanent[0] != 1 || volatile_length != sizeof(test_tpm))
		abort();
	is_stored = false;
	cursor_copy(&test_tpm, sizeof(test_tpm), volatile_state, volatile_length);
	return 0;
}

const uint8_t *tpmlib_permanent(size_t *ret_length)
{
	static const uint8_t one = 1;

	*ret_length = 1;
	return is_stored ? &one : NULL;
}

void tpmlib_permanent_taken(void)
{
	is_stored = false;
}

int tpmlib_power_on(const uint8_t *permanent, size_t length)
{
	(void)permanent;
	(void)length;
	is_stored = true;
	return 0;
}

int tpmlib_power_cycle(void)
{
	abort();
}

void tpmlib_power_off(void)
{
}

int tpmlib_prepare(void)
{
	return 0;
}

/* What no frame of a driver leads to: controls of a machine, and measured launches. */

int tpmlib_permanent_read(void)
{
	abort();
}

bool tpmlib_established(void)
{
	abort();
}

uint32_t tpmlib_reset_established(uint8_t locality)
{
	(void)locality;
	abort();
}

uint32_t tpmlib_hash_start(void)
{
	abort();
}

uint32_t tpmlib_hash_data(const uint8_t *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	abort();
}

uint32_t tpmlib_hash_end(void)
{
	abort();
}

uint32_t tpmlib_buffer(uint32_t wanted, uint32_t *ret_min, uint32_t *ret_max)
{
	(void)wanted;
	(void)ret_min;
	(void)ret_max;
	abort();
}

char *tpmlib_info(uint64_t flags)
{
	(void)flags;
	abort();
}

/* ------------------------------------------------------------------ the driver */

static void check_answer(const struct link *link)
{
	const struct vtpm_answer *head = &link->answer.head;
	/* there is no manager to ask for a proof */
	bool asks = link->frame.head.kind == VTPM_FRAME_ASK;
	size_t length = head->size - sizeof(*head);

	if (!expects_answer || head->id != link->frame.head.id || head->size < sizeof(*head) ||
	    length > sizeof(link->answer.response))
		abort();
	expects_answer = false;
	if (head->error && (head->error != (asks ? EIO : EINVAL) || length))
		abort();
	if (asks && !head->error)
		abort();
	if (link->frame.head.kind != VTPM_FRAME_COMMAND || head->error) {
		/* a client's end is published too, and names no request */
		if (engine.unit.id != before_id)
			before_id = 0;
		return;
	}
	/* a size that is not the response's own reads as this code */
	if (tpm_response_code(link->answer.response, length) == TPM_RC_FAILURE &&
	    length != TPM_HEAD_SIZE)
		abort();
	if (before_id == head->id &&
	    (before_length != length || !secret_equal(before, link->answer.response, length)))
		abort();
	before_id = engine.unit.id;
	if (before_id == head->id) {
		before_length = length;
		cursor_copy(before, sizeof(before), link->answer.response, length);
	}
}

static size_t next_frame(struct link *link)
{
	struct vtpm_frame *head = &link->frame.head;
	size_t length;
	uint8_t which;

	*head = (struct vtpm_frame){
		.kind = cursor_get_u8(&input) % 8,
		.node = cursor_get_u8(&input) % 4,
		.client = cursor_get_u8(&input) % 4,
		.flags = cursor_get_u8(&input) % 4,
	};
	which = cursor_get_u8(&input);
	if (which > 1)
		id++;
	head->id = which == 1 ? 0 : id;
	/* now and then what no driver sends: a locality, a size, no id */
	head->locality = which == 2 ? 5 : which % 5;
	length = cursor_get_u8(&input);
	if (length > input.left)
		length = input.left;
	cursor_get_raw(&input, link->frame.body, length);
	/* most commands state their own size */
	if (length >= TPM_HEAD_SIZE && which != 3) {
		struct cursor_out out = cursor_out(link->frame.body, length);

		out.used = length;
		cursor_patch_u32(&out, 2, (uint32_t)length);
	}
	head->size = (uint32_t)(sizeof(*head) + length + (which == 4));
	return sizeof(*head) + length;
}

static int exchange(struct link *link, bool answer, bool fetch)
{
	int r;

	if (answer)
		check_answer(link);
	if (!fetch || !input.left)
		return -EPIPE;
	if (expects_answer)
		abort();
	store_mem_fail(engine.store, cursor_get_u8(&input) % 8 ? 0 : ENOSPC);
	r = link_check_frame(link, next_frame(link));
	expects_answer = !r && link->frame.head.kind != VTPM_FRAME_WAKE;
	return r;
}

static const struct link_ops ops = { .name = "input", .exchange = exchange };

static void prepare(void)
{
	static const uint8_t bytes[GCM_KEY_SIZE], uuid[ENVELOPE_UUID_SIZE];
	static char quiet[500];

	/* a name that leaves no room for a line */
	for (size_t i = 0; i < sizeof(quiet) - 1; i++)
		quiet[i] = ' ';
	log_name(quiet);
	engine = (struct engine){ .firmware = true, .manufacture = true, .instance = 1 };
	engine.link.ops = &ops;
	engine.store = store_mem_new();
	if (!engine.store || unit_map(&engine.unit, -1) ||
	    envelope_key_init(&engine.key, bytes, uuid, 1, 1) || engine_start(&engine))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int r;

	if (!engine.store)
		prepare();
	store_mem_fail(engine.store, 0);
	test_tpm = (struct test_tpm){ 0 };
	rm_init(&engine.rm, tpmlib_run, unit_contexts(&engine.unit));
	id = 1;
	before_id = 0;
	expects_answer = is_stored = false;
	input = cursor_in(data, size);
	if (engine_publish(&engine, 0, false))
		abort();
	r = engine_serve(&engine);
	if (r != -EPIPE && r != -EPROTO)
		abort();
	return 0;
}
