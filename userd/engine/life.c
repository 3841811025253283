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

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/entropy.h"
#include "engine/tpmlib.h"

static int quarantine(struct engine *engine, const char *reason)
{
	return engine_fails(engine, -EBADMSG, "quarantine: %s", reason);
}

/* From here on there is a TPM that has just been powered on. */
static int begin(struct engine *engine)
{
	int r = 0;

	if (!engine->firmware)
		r = engine_order_startup();
	if (!r && !engine->firmware)
		r = engine_order_platform_auth();
	if (!r && !engine->firmware)
		r = engine_order_launch(&engine->launch);
	if (!r)
		r = engine_order_stir();
	if (r)
		return r;
	engine->unsettled = true;
	r = engine_publish(engine, 0, false);
	if (!r)
		r = engine_ask_audits(engine);
	return r;
}

static int power_on(struct engine *engine, const uint8_t *permanent, size_t length)
{
	int r;

	r = permanent ? 0 : entropy_seed_library();
	if (!r)
		r = tpmlib_power_on(permanent, length);
	if (r == -EBADMSG)
		return quarantine(engine, "libtpms refuses the permanent state");
	if (!r && engine->provisions && (!permanent || engine->banks || engine->certify.kinds))
		r = engine_manufacture(engine, !permanent);
	if (!r)
		r = begin(engine);
	return r == ENGINE_NOT_KEPT ? -EIO : r;
}

/* Which epoch it was sealed in it says itself: only that it is an earlier one is known. */
static int open_record(struct engine *engine, struct unit_plain *plain, const char **reason)
{
	const struct store_record *record = &engine->record;
	uint64_t epoch = engine->key.epoch;
	struct envelope_head head;
	int r;

	if (engine->reseals) {
		if (envelope_look(record->bytes, record->length, &head) || head.epoch >= epoch) {
			*reason = "its envelope is not of a former epoch";
			return -EBADMSG;
		}
		engine->key.epoch = head.epoch;
	}
	r = envelope_open(&engine->key, ENVELOPE_PERMANENT, record->generation, record->bytes,
			  record->length, plain->permanent, sizeof(plain->permanent),
			  &plain->permanent_length, reason);
	engine->key.epoch = epoch;
	return r;
}

static int power_on_from_store(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	const struct store_record *record = &engine->record;
	const char *reason;
	int r;

	if (record->state == STORE_EMPTY) {
		if (!engine->manufacture)
			return engine_fails(engine, -ENODATA,
					    "there is no state, and none may be made");
		log_line("manufacturing a new TPM");
		return power_on(engine, NULL, 0);
	}
	r = unit_plain_new(&plain);
	if (!r)
		r = open_record(engine, plain, &reason);
	if (r == -EBADMSG)
		return quarantine(engine, reason);
	if (r)
		return r;
	if (engine->reseals) {
		engine->former = plain->permanent;
		engine->former_length = plain->permanent_length;
	}
	r = power_on(engine, plain->permanent, plain->permanent_length);
	engine->former = NULL;
	return r;
}

static int power_on_from_unit(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	int r;

	r = engine_open_unit(engine, &plain);
	return r ? r : power_on(engine, plain->permanent, plain->permanent_length);
}

static int resume(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	struct link *link = &engine->link;
	size_t length;
	int r;

	r = engine_restore(engine);
	if (r || !tpmlib_permanent(&length))
		return r;

	/* The restore itself changed NV: keep the request and its answer with it. */
	r = engine_open_unit(engine, &plain);
	if (r)
		return r;
	link->answer.head = (struct vtpm_answer){
		.size = (uint32_t)(sizeof(link->answer.head) + plain->answer_length),
	};
	cursor_copy(link->answer.response, sizeof(link->answer.response), plain->answer,
		    plain->answer_length);
	r = engine_publish(engine, engine->unit.id, false);
	return r == ENGINE_NOT_KEPT ? -EIO : r;
}

/* Whether libtpms takes the unit, before the store is given it as the newest record. */
static int try_out(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	int r;

	r = engine_open_unit(engine, &plain);
	if (r)
		return r;
	if (unit_label(&engine->unit).ended)
		r = tpmlib_power_on(plain->permanent, plain->permanent_length);
	else
		r = tpmlib_resume(plain->permanent, plain->permanent_length, plain->volatile_state,
				  plain->volatile_length);
	return r == -EBADMSG ? quarantine(engine, "libtpms refuses the checkpoint's states") : r;
}

/* Make the current unit the durable one, or go back to the one that is. */
static int reconcile(struct engine *engine)
{
	struct unit_label label = unit_label(&engine->unit);
	const struct store_record *record = &engine->record;
	int r;

	if (!label.ended && label.instance != engine->instance)
		return engine_fails(engine, -ESTALE,
				    "stale: the checkpoint is of instance %016" PRIx64,
				    label.instance);
	if (label.generation == record->generation) {
		if (engine->forks || label.envelope_length != record->length ||
		    !secret_equal(label.envelope, record->bytes, record->length))
			return quarantine(engine, "checkpoint and store differ in one generation");
		return 0;
	}
	if (label.generation != record->generation + 1)
		return engine_fails(engine, -EBADMSG,
				    "quarantine: the checkpoint has generation %" PRIu64
				    ", the store has %" PRIu64,
				    label.generation, record->generation);

	r = try_out(engine);
	if (r)
		return r;
	r = store_commit(engine->store, label.generation, label.envelope, label.envelope_length);
	if (!r)
		engine->forks = false;
	if (!r || r == -EUCLEAN || r == -EPROTO || engine_unit_back(engine))
		return r;
	log_line("commit failed (errno %d), going back to the unit before", -r);
	return reconcile(engine);
}

int engine_start(struct engine *engine)
{
	uint64_t epoch = engine->key.epoch;
	const char *reason;
	int r;

	if (!engine->unit.misfit)
		rm_init(&engine->rm, tpmlib_run, unit_contexts(&engine->unit));
	r = unit_set_key(&engine->unit, &engine->key, engine->instance);
	if (!r)
		r = store_load(engine->store, &engine->record);
	if (r)
		return r;
	if (engine->record.state == STORE_CORRUPT)
		return quarantine(engine, engine->record.reason);

	switch (unit_check(&engine->unit, &reason)) {
	case UNIT_NONE:
		return power_on_from_store(engine);
	case UNIT_BROKEN:
		return quarantine(engine, reason);
	case UNIT_UNREAD:
		return -ENOMEM;
	case UNIT_WHOLE:
		break;
	}

	/* Its unit key is for what comes behind that unit, and is sealed in its epoch. */
	engine->forks = engine->key.epoch != epoch;
	r = engine->forks ? engine_set_epoch(engine, engine->key.epoch) : 0;
	if (!r)
		r = reconcile(engine);
	if (r)
		return r;
	if (unit_label(&engine->unit).ended)
		return power_on_from_unit(engine);
	engine->resumed = true;
	return resume(engine);
}

int engine_cycle(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	int r;

	r = engine_open_unit(engine, &plain);
	if (!r)
		r = tpmlib_power_on(plain->permanent, plain->permanent_length);
	if (r)
		return r == -EBADMSG ? -ENOTRECOVERABLE : r;
	rm_init(&engine->rm, tpmlib_run, unit_contexts(&engine->unit));
	return begin(engine);
}

int engine_import(struct engine *engine, const struct tpmlib_blob *permanent,
		  const struct tpmlib_blob *volatile_state)
{
	int r;

	if (volatile_state->length)
		r = tpmlib_resume(permanent->bytes, permanent->length, volatile_state->bytes,
				  volatile_state->length);
	else
		r = tpmlib_power_on(permanent->bytes, permanent->length);
	if (!r)
		r = tpmlib_permanent_read();
	/* What was stored here before never opens again. */
	if (!r)
		r = engine_set_epoch(engine, engine->key.epoch + 1);
	if (r)
		return r;
	engine->forks = true;
	rm_init(&engine->rm, tpmlib_run, unit_contexts(&engine->unit));
	if (!volatile_state->length)
		return begin(engine);
	r = engine_order_stir();
	if (!r)
		r = engine_publish(engine, 0, false);
	return r ? r : engine_ask_audits(engine);
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
