// SPDX-License-Identifier: BSD-3-Clause
/*
 * From nothing to a TPM that can serve, and back to nothing.
 *
 *	checkpoint	store		generations		then
 *	---------------------------------------------------------------
 *	broken		any				quarantine
 *	any		corrupt				quarantine
 *	none		empty				manufacture, if allowed
 *	none		ok				power on
 *	whole		empty or ok	unit = store + 1	try, commit, go on
 *	whole		ok		unit = store		go on
 *	whole		empty or ok	anything else		quarantine
 *
 * "Go on" is a resume, or a power-on where the unit says that its TPM was shut
 * down in order. A unit of another instance is refused before anything else is
 * decided about it, unless it ended: a TPM that is off has no life to mix up.
 */
#include "engine/engine.h"

#include <errno.h>
#include <inttypes.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/tpmlib.h"

static int quarantine(const char *reason)
{
	log_line("quarantine: %s", reason);
	return -EBADMSG;
}

static int power_on(struct engine *engine, const uint8_t *permanent, size_t length)
{
	int r;

	r = tpmlib_power_on(permanent, length);
	if (r == -EBADMSG)
		return quarantine("libtpms refuses the permanent state");
	if (!r && !engine->firmware)
		r = engine_order_startup();
	if (!r && !engine->firmware)
		r = engine_order_platform_auth();
	if (!r)
		r = engine_order_stir();
	if (r)
		return r;
	engine->unsettled = true;
	r = engine_publish(engine, 0, false);
	if (!r)
		r = engine_ask_audits(engine);
	return r == ENGINE_NOT_KEPT ? -EIO : r;
}

static int power_on_from_store(struct engine *engine)
{
	const struct store_record *record = &engine->record;

	if (record->state == STORE_EMPTY && !engine->manufacture) {
		log_line("the store is empty; a new TPM needs --manufacture");
		return -ENODATA;
	}
	if (record->state == STORE_EMPTY)
		log_line("manufacturing a new TPM");
	return power_on(engine, record->bytes, record->length);
}

static int resume(struct engine *engine)
{
	struct unit_content content = unit_current(&engine->unit);
	struct link *link = &engine->link;
	size_t length;
	int r;

	r = engine_restore(engine);
	if (r == -EBADMSG)
		return quarantine("libtpms refuses the checkpoint's states");
	if (r || !tpmlib_permanent(&length))
		return r;

	/* The restore itself changed NV: keep the request and its answer with it. */
	link->answer.head = (struct vtpm_answer){
		.size = (uint32_t)(sizeof(link->answer.head) + content.answer_length),
	};
	cursor_copy(link->answer.response, sizeof(link->answer.response), content.answer,
		    content.answer_length);
	r = engine_publish(engine, content.id, false);
	return r == ENGINE_NOT_KEPT ? -EIO : r;
}

/* Whether libtpms takes a unit, before the store is given it as the newest record. */
static int try_out(const struct unit_content *content)
{
	int r;

	if (content->ended)
		r = tpmlib_power_on(content->permanent, content->permanent_length);
	else
		r = tpmlib_resume(content->permanent, content->permanent_length,
				  content->volatile_state, content->volatile_length);
	return r == -EBADMSG ? quarantine("libtpms refuses the checkpoint's states") : r;
}

/* Make the current unit the durable one, or go back to the one that is. */
static int reconcile(struct engine *engine)
{
	struct unit_content content = unit_current(&engine->unit);
	const struct store_record *record = &engine->record;
	int r;

	if (!content.ended && content.instance != engine->instance) {
		log_line("stale: the checkpoint is of instance %016" PRIx64, content.instance);
		return -ESTALE;
	}
	if (content.generation == record->generation) {
		if (content.permanent_length != record->length ||
		    !secret_equal(content.permanent, record->bytes, record->length))
			return quarantine("checkpoint and store differ in one generation");
		return 0;
	}
	if (content.generation != record->generation + 1) {
		log_line("checkpoint has generation %" PRIu64 ", store has %" PRIu64,
			 content.generation, record->generation);
		return quarantine("checkpoint and store are of different times");
	}

	r = try_out(&content);
	if (r)
		return r;
	r = store_commit(engine->store, content.generation, content.permanent,
			 content.permanent_length);
	if (!r || r == -EUCLEAN || unit_back(&engine->unit))
		return r;
	log_line("commit failed (errno %d), going back to the unit before", -r);
	return reconcile(engine);
}

int engine_start(struct engine *engine)
{
	struct unit_content content;
	const char *reason;
	int r;

	r = store_load(engine->store, &engine->record);
	if (r)
		return r;
	if (engine->record.state == STORE_CORRUPT)
		return quarantine(engine->record.reason);

	switch (unit_check(&engine->unit, &reason)) {
	case UNIT_NONE:
		return power_on_from_store(engine);
	case UNIT_BROKEN:
		return quarantine(reason);
	case UNIT_WHOLE:
		break;
	}

	r = reconcile(engine);
	if (r)
		return r;
	content = unit_current(&engine->unit);
	if (content.ended)
		return power_on(engine, content.permanent, content.permanent_length);
	return resume(engine);
}

int engine_end(struct engine *engine)
{
	int r;

	r = engine_order_shutdown();
	if (!r)
		r = engine_publish(engine, 0, true);
	tpmlib_power_off();
	return r == ENGINE_NOT_KEPT ? -EIO : r;
}
