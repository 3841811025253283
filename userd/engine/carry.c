// SPDX-License-Identifier: BSD-3-Clause
/*
 * States that a monitor of virtual machines carries to another host, or keeps with a
 * machine's snapshot.
 *
 *	out	of the current unit, sealed with a key that the hosts of one administrator share
 *	in	opened and kept here until the power-on that follows; if this engine dies
 *		before, the note says that states were loaded, and that power-on fails
 *
 * Permanent and volatile state are of one unit and say so by its generation: two that are not
 * of one moment are not used. States in clear, where the vTPM was made so, are in swtpm's
 * format (ctrl/blob.h), which says nothing of that: there libtpms alone tells. The one who
 * carries them can withhold them or bring older ones, a snapshot being just that; what is
 * sealed he can neither learn nor change.
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"
#include "ctrl/blob.h"

static struct {
	struct tpmlib_blob blob;
	uint64_t generation;
} loaded[CTRL_STATE_VOLATILE + 1];

static void forget(void)
{
	for (size_t i = 0; i < sizeof(loaded) / sizeof(loaded[0]); i++) {
		secret_wipe(loaded[i].blob.bytes, loaded[i].blob.length);
		free(loaded[i].blob.bytes);
		loaded[i].blob = (struct tpmlib_blob){ 0 };
	}
}

int carry_set_key(struct engine *engine, const uint8_t *bytes)
{
	static const uint8_t nil[ENVELOPE_UUID_SIZE];
	int r = bytes ? envelope_key_init(&engine->migration_key, bytes, nil, 0, 0) : 0;

	engine->carries = bytes && !r;
	return r;
}

void carry_done(struct engine *engine)
{
	forget();
	envelope_key_done(&engine->migration_key);
	engine->carries = false;
}

static enum envelope_kind kind_of(enum ctrl_state state)
{
	return state == CTRL_STATE_PERMANENT ? ENVELOPE_CARRIED_PERMANENT
					     : ENVELOPE_CARRIED_VOLATILE;
}

static const char *name_of(enum ctrl_state state)
{
	return state == CTRL_STATE_PERMANENT ? "permanent" : "volatile";
}

static int seal(struct engine *engine, enum ctrl_state state, const uint8_t *bytes, size_t length,
		struct cursor_out *out)
{
	size_t sealed;
	int r = envelope_seal(&engine->migration_key, kind_of(state),
			      unit_label(&engine->unit).generation, bytes, length,
			      out->base + out->used, out->room - out->used, &sealed);

	if (!r)
		out->used += sealed;
	return r == -EFBIG ? CTRL_SIZE : r;
}

int carry_out(struct engine *engine, enum ctrl_state state, struct cursor_out *out,
	      bool *ret_sealed)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	const uint8_t *bytes;
	size_t length;
	int r;

	if (!engine->carries && !engine->plain_state)
		return CTRL_KEY_NOT_FOUND;
	/* Commands that only the unit's log has are in no state yet. */
	r = engine_publish(engine, 0, false);
	if (r)
		return r == ENGINE_NOT_KEPT ? CTRL_FAIL : r;
	r = engine_open_unit(engine, &plain);
	if (r)
		return r;
	bytes = state == CTRL_STATE_PERMANENT ? plain->permanent : plain->volatile_state;
	length = state == CTRL_STATE_PERMANENT ? plain->permanent_length : plain->volatile_length;
	*ret_sealed = !engine->plain_state;
	if (engine->plain_state)
		blob_put(out, bytes, length);
	else
		r = seal(engine, state, bytes, length, out);
	if (!r)
		log_line("security: the %s state leaves, %s", name_of(state),
			 *ret_sealed ? "sealed with the migration key" : "in clear");
	return r;
}

static int open_sealed(struct engine *engine, enum ctrl_state state, const uint8_t *bytes,
		       size_t length, struct tpmlib_blob *blob, uint64_t *ret_generation)
{
	struct envelope_head head;
	const char *reason = "it is no envelope";
	size_t opened;
	int r;

	if (!engine->carries)
		return CTRL_KEY_NOT_FOUND;
	r = envelope_look(bytes, length, &head);
	if (!r)
		r = envelope_open(&engine->migration_key, kind_of(state), head.generation, bytes,
				  length, blob->bytes, length, &opened, &reason);
	if (r == -EBADMSG) {
		log_line("security: a state that came does not open: %s", reason);
		return CTRL_DECRYPT_ERROR;
	}
	if (r)
		return r;
	blob->length = (uint32_t)opened;
	*ret_generation = head.generation;
	return 0;
}

int carry_in(struct engine *engine, enum ctrl_state state, const uint8_t *bytes, size_t length)
{
	struct tpmlib_blob blob = { .bytes = malloc(length) };
	uint64_t generation = 0;
	size_t plain_length;
	const uint8_t *plain = blob_get(bytes, length, &plain_length);
	int r = 0;

	if (!blob.bytes)
		return -ENOMEM;
	if (engine->plain_state && plain) {
		cursor_copy(blob.bytes, length, plain, plain_length);
		blob.length = (uint32_t)plain_length;
		log_line("security: the %s state comes, in clear", name_of(state));
	} else {
		r = open_sealed(engine, state, bytes, length, &blob, &generation);
	}
	if (r) {
		free(blob.bytes);
		return r;
	}
	secret_wipe(loaded[state].blob.bytes, loaded[state].blob.length);
	free(loaded[state].blob.bytes);
	loaded[state].blob = blob;
	loaded[state].generation = generation;
	return 0;
}

/* What libtpms refused has left nothing of what it held. */
static int give_up(struct engine *engine, const char *why)
{
	int r = engine_restore(engine);

	log_line("security: the states that came are not used: %s", why);
	return r ? r == -EBADMSG ? -ENOTRECOVERABLE : r : CTRL_FAIL;
}

static uint8_t which(void)
{
	return (uint8_t)((loaded[CTRL_STATE_PERMANENT].blob.length != 0) << CTRL_STATE_PERMANENT |
			 (loaded[CTRL_STATE_VOLATILE].blob.length != 0) << CTRL_STATE_VOLATILE);
}

int carry_begin(struct engine *engine, uint8_t wanted)
{
	const char *why = NULL;
	int r;

	if (which() != wanted)
		why = "the engine that had them died";
	else if (!loaded[CTRL_STATE_PERMANENT].blob.length)
		why = "there is a volatile state without its permanent state";
	else if (loaded[CTRL_STATE_VOLATILE].blob.length &&
		 loaded[CTRL_STATE_VOLATILE].generation != loaded[CTRL_STATE_PERMANENT].generation)
		why = "they are not of one moment";
	if (why) {
		forget();
		log_line("security: the states that came are not used: %s", why);
		return CTRL_FAIL;
	}
	r = engine_import(engine, &loaded[CTRL_STATE_PERMANENT].blob,
			  &loaded[CTRL_STATE_VOLATILE].blob);
	forget();
	if (r == -EBADMSG)
		return give_up(engine, "libtpms refuses them");
	if (!r)
		log_line("security: the TPM goes on with states that came from elsewhere");
	return r == ENGINE_NOT_KEPT ? CTRL_FAIL : r;
}
